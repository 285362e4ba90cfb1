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
    table = catalog.tables.where(TABLE, {"level": query.level})
    known = catalog.tables.distinct("indicators", ["indicator_id", "plan"])
    available = {
        "indicator": list(dict.fromkeys(str(indicator) for indicator, _ in known)),
        "plan": list(dict.fromkeys(str(plan) for _, plan in known)),
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
    if query.level is not None:
        catalog.check_level(query.level)
    if query.unmet:
        mask = mask & (table["status"] == "not_met").to_numpy(dtype=bool)
    if codes is not None:
        mask = mask & table["code"].isin(list(codes)).to_numpy(dtype=bool)
    nearest = _Nearest(catalog)
    return [_worded(catalog, row, nearest) for row in to_rows(table[mask])]


class _Nearest:
    """The nearest facility of an area that fails an indicator of travel times.

    It is that of the gap of the first service the indicator names, at its own limit.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._rules = {
            entry["id"]: entry["with"]
            for plan in catalog.manifest.get("registers") or ()
            for entry in plan["indicators"]
            if entry["rule"] == "network_time"
        }
        self._known: dict[tuple[str, str], dict[str, Row]] = {}

    def of(self, row: Row) -> Row:
        """Return id, name and minutes; None where there is no such gap."""
        found = self._gaps(row["indicator_id"], row["level"] or "").get(row["code"], {})
        facility, time_s = found.get("nearest_facility_id"), found.get("nearest_time_s")
        return {
            "nearest_facility_id": facility,
            "nearest_facility_name": self._catalog.facility_names.get(facility or ""),
            "nearest_minutes": None if time_s is None else time_s / 60,
        }

    def _gaps(self, indicator: str, level: str) -> dict[str, Row]:
        key = (indicator, level)
        if key not in self._known:
            rule = self._rules.get(indicator)
            part = None
            if rule is not None:
                part = self._catalog.gaps.get((str(rule["services"][0]), level))
            rows: list[Row] = []
            if rule is not None and part is not None:
                limit_s = float(rule["limit_min"]) * 60.0
                rows = to_rows(part[part["limit_s"] == limit_s])
            self._known[key] = {row["code"]: row for row in rows}
        return self._known[key]


def _worded(catalog: Catalog, row: Row, nearest: _Nearest) -> Row:
    at = catalog.position.get(row["code"] or "")
    full = {
        **row,
        "division_name": None if at is None else catalog.divisions[at]["name"],
        **nearest.of(row),
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
