"""Areas that fail a plan, as rows for people."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np

from yikezhong_app.plan_words import STATUS_NAMES
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row, to_rows
from yikezhong_app.schemas.gaps import PlanGapRow, PlanGapsQuery
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_app.words import REASONS
from yikezhong_coverage.plan_remedies import ABSENT
from yikezhong_coverage.remedies import REMEDIES

TABLE: Final = "plan_gaps"
_REASON_NAMES: Final = {**REASONS, ABSENT: "没有设施"}


def plan_gap_records(
    catalog: Catalog, query: PlanGapsQuery, *, codes: Collection[str] | None = None
) -> list[Row]:
    """Return the areas that fail indicators, the farthest from its target first.

    Raises
    ------
    ParameterError
        If there is no such indicator, plan or remedy.
    """
    if TABLE not in catalog.snapshot.table_names:
        return []
    table = catalog.snapshot.table(TABLE)
    known = catalog.snapshot.table("indicators")
    available = {
        "indicator": [*map(str, known["indicator_id"].unique())],
        "plan": [*map(str, known["plan"].unique())],
        "remedy": [*REMEDIES],
    }
    mask = np.ones(len(table), dtype=bool)
    for name, words in available.items():
        asked = getattr(query, name)
        if asked is None:
            continue
        if asked not in words:
            raise ParameterError(
                f"没有“{asked}”这一项", parameter=name, available=words
            )
        column = "indicator_id" if name == "indicator" else name
        mask = mask & (table[column] == asked).to_numpy(dtype=bool)
    if query.unmet:
        mask = mask & (table["status"] == "not_met").to_numpy(dtype=bool)
    if codes is not None:
        mask = mask & table["code"].isin(list(codes)).to_numpy(dtype=bool)
    return [_worded(catalog, row) for row in to_rows(table[mask])]


def _worded(catalog: Catalog, row: Row) -> Row:
    at = catalog.position.get(row["code"] or "")
    full = {
        **row,
        "division_name": None if at is None else catalog.divisions[at]["name"],
        "reason_name": _REASON_NAMES.get(row["reason"] or ""),
        "remedy_name": REMEDIES.get(row["remedy"] or ""),
        "remedy_facility_name": catalog.facility_names.get(
            row["remedy_facility_id"] or ""
        ),
        "status_name": STATUS_NAMES.get(row["status"], row["status"]),
    }
    order = [n for n in PlanGapRow.model_fields if n in full]
    order.sort(key=lambda name: name.startswith("remedy"))
    return {name: full[name] for name in order}
