"""The snapshot's table ``plan_gaps``: which areas fail a plan, and what would help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from yikezhong_app.runs.plan_records import build_areas, build_places
from yikezhong_app.runs.study_records import StudyRecords
from yikezhong_coverage.plan_remedies import (
    ABSENT,
    REASON_OF,
    AreaRemedies,
    presence_remedies,
    share_remedies,
)
from yikezhong_coverage.records import IntArray
from yikezhong_coverage.remedies import Remedies
from yikezhong_coverage.rules.ground import Ground, prepare
from yikezhong_coverage.rules.records import Indicator
from yikezhong_geodata.plans.attributes import person_attributes
from yikezhong_geodata.study import Study

#: Rules by amounts of what facilities hold.
_AMOUNTS: Final = frozenset({"ratio", "per_capita", "step_standard", "capacity_years"})
COLUMNS: Final = (
    "id", "indicator_id", "name", "plan", "level", "code", "people", "people_60",
    "reason", "remedy", "remedy_facility_id", "status", "value", "target",
    "missing_units", "missing_share", "rank", "indicator_rank",
)  # fmt: skip


#: Service and limit [s] → remedy and facility by code of a division.
ServiceRemedies = dict[tuple[str, float], dict[str, tuple[str, str | None]]]


def look_up_remedies(
    found: Remedies, code: Sequence[str], facility_id: Sequence[str]
) -> dict[str, tuple[str, str | None]]:
    """Return the remedy and its facility by code, of the divisions that have one."""
    return {
        code[i]: (
            str(found.remedy[i]),
            facility_id[found.facility[i]] if found.facility[i] >= 0 else None,
        )
        for i in np.flatnonzero(found.remedy != "").tolist()
    }


def plan_gap_rows(
    study: Study,
    records: StudyRecords,
    indicators: pd.DataFrame,
    *,
    remedies: ServiceRemedies,
) -> pd.DataFrame:
    """Return the areas (or the areas of facilities) that fail an indicator.

    Parameters
    ----------
    study : Study
    records : StudyRecords
    indicators : DataFrame
        The snapshot's table ``indicators``.
    remedies : dict
        Of each service and limit, by :func:`look_up_remedies`.

    Returns
    -------
    DataFrame
        ``status``, ``value``, ``target``, ``missing_units`` and ``missing_share``
        (missing units by the denominator) are those of the highest division;
        ``rank`` is by people within an indicator, ``indicator_rank`` by
        ``missing_share``, the farthest from its target first.
    """
    areas = build_areas(study, records)
    ground = prepare(areas, build_places(study, areas))
    asked = {
        e.indicator.id: e.indicator for p in study.plan_inputs.plans for e in p.entries
    }
    rows: list[dict[str, Any]] = []
    for id_, lines in indicators.groupby("indicator_id", sort=False):
        top = lines[lines["level"] == lines["level"].iloc[0]]
        for line in top.to_dict("records"):
            rows += _of_indicator(asked[str(id_)], line, ground, remedies)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    if table.empty:
        return table
    order = ["indicator_id", "people_60", "people", "code"]
    table = table.sort_values(
        order, ascending=[True, False, False, True], kind="stable"
    )
    table["rank"] = table.groupby("indicator_id", sort=False).cumcount() + 1
    share = table.groupby("indicator_id")["missing_share"].max().fillna(0.0)
    places = share.rank(method="min", ascending=False).astype(np.int64)
    table["indicator_rank"] = table["indicator_id"].map(places).astype(np.int64)
    by = ["indicator_rank", "indicator_id", "rank"]
    return table.sort_values(by, kind="stable").reset_index(drop=True)


def _of_indicator(
    indicator: Indicator,
    line: dict[str, Any],
    ground: Ground,
    remedies: ServiceRemedies,
) -> list[dict[str, Any]]:
    """Return the failing areas of one indicator in one division."""
    codes = [str(code) for code in line["failing_codes"]]
    by_code = {code: i for i, code in enumerate(ground.areas.code.tolist())}
    by_place = {id_: i for i, id_ in enumerate(ground.places.id.tolist())}
    failing = np.array([by_code[c] for c in codes if c in by_code], dtype=np.int64)
    found = [
        _row(
            indicator,
            line,
            ground,
            area,
            remedy,
            place,
            key=str(ground.areas.code[area]),
        )
        for area, remedy, place in _remedies(indicator, ground, failing, remedies)
    ]
    for code in codes:
        place = by_place.get(code, -1)
        if code not in by_code and place >= 0:
            area = int(ground.places.unit[place])
            found.append(
                _row(indicator, line, ground, area, "add_function", place, key=code)
            )
    return found


def _remedies(
    indicator: Indicator,
    ground: Ground,
    failing: IntArray,
    remedies: ServiceRemedies,
) -> list[tuple[int, str, int]]:
    """Return (area, remedy, place) of failing areas."""
    if indicator.rule == "presence":
        found = presence_remedies(
            indicator, ground, failing, persons=person_attributes()
        )
    elif indicator.rule == "facility_share":
        found = share_remedies(indicator, ground, failing)
    elif indicator.rule == "network_time":
        found = _by_service(indicator, ground, failing, remedies)
    else:
        word = "enlarge" if indicator.rule in _AMOUNTS else ""
        return [(area, word, -1) for area in failing.tolist()]
    return list(
        zip(failing.tolist(), found.remedy.tolist(), found.place.tolist(), strict=True)
    )


def _by_service(
    indicator: Indicator,
    ground: Ground,
    failing: IntArray,
    remedies: ServiceRemedies,
) -> AreaRemedies:
    """Return the remedies of the gaps of the first service that a rule names."""
    rule = indicator.with_
    key = (str(rule["services"][0]), float(rule["limit_min"]) * 60.0)
    by_code = remedies.get(key, {})
    by_id = {id_: i for i, id_ in enumerate(ground.places.id.tolist())}
    known = [by_code.get(str(code), ("", None)) for code in ground.areas.code[failing]]
    return AreaRemedies(
        np.array([word for word, _ in known], dtype=np.str_),
        np.array([by_id.get(id_ or "", -1) for _, id_ in known], dtype=np.int32),
    )


def _row(
    indicator: Indicator,
    line: dict[str, Any],
    ground: Ground,
    area: int,
    remedy: str,
    place: int,
    *,
    key: str,
) -> dict[str, Any]:
    """Return a row; area -1: a facility that is declared in no division."""
    areas = ground.areas
    code = str(areas.code[area]) if area >= 0 else None
    facility = str(ground.places.id[place]) if place >= 0 else None
    missing, whole = line["missing_units"], line["denominator"]
    known = (
        missing is not None
        and whole is not None
        and not np.isnan([missing, whole]).any()
    )
    reason = ABSENT if indicator.rule == "presence" else None
    if remedy in REASON_OF:
        reason = REASON_OF[remedy]
    return {
        "id": f"{indicator.id}:{key}",
        "indicator_id": indicator.id,
        "name": indicator.name,
        "plan": indicator.plan,
        "level": str(areas.level[area]) if area >= 0 else None,
        "code": code,
        "people": areas.counts["people"][area] if area >= 0 else np.nan,
        "people_60": areas.counts["people_60"][area] if area >= 0 else np.nan,
        "reason": reason,
        "remedy": remedy or None,
        "remedy_facility_id": facility,
        "status": line["status"],
        "value": line["value"],
        "target": line["target"],
        "missing_units": missing,
        "missing_share": missing / whole if known and whole > 0 else np.nan,
        "rank": 0,
        "indicator_rank": 0,
    }
