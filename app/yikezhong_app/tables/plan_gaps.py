"""The snapshot's table ``plan_gaps``: which areas fail a plan, and what would help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yikezhong_app.runs.plan_records import build_areas, build_places
from yikezhong_app.runs.study_records import StudyRecords
from yikezhong_app.tables.text_columns import TextColumn
from yikezhong_coverage.plan_remedies import (
    ABSENT,
    REASON_OF,
    AreaRemedies,
    presence_remedies,
    share_remedies,
)
from yikezhong_coverage.records import FloatArray, IntArray
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
#: Figures of the highest division that its failing areas bear.
_FIGURES: Final = ("value", "target", "missing_units", "denominator")

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
    index = (pd.Index(areas.code), pd.Index(ground.places.id))
    found = [
        _of_indicator(asked[str(id_)], _top(lines), ground, index, remedies)
        for id_, lines in indicators.groupby("indicator_id", sort=False)
    ]
    gaps = _joined([gaps for gaps in found if len(gaps.area)])
    return pd.DataFrame(columns=list(COLUMNS)) if gaps is None else _table(ground, gaps)


@dataclass(frozen=True, eq=False)
class _Gaps:
    """Failing areas, shape (n_gap,).

    ``area`` and ``place`` are rows of the ground, -1 for none; ``key`` is the failing
    code; ``line`` holds the figures of the highest division, in the order of
    :data:`_FIGURES`.
    """

    indicator: NDArray[np.object_]
    area: IntArray
    place: IntArray
    key: NDArray[np.object_]
    remedy: NDArray[np.object_]
    status: NDArray[np.object_]
    line: FloatArray


def _joined(parts: list[_Gaps]) -> _Gaps | None:
    if not parts:
        return None
    return _Gaps(
        *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(_Gaps))
    )


def _top(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of the highest level."""
    level = lines["level"].to_numpy(dtype=object)
    top: pd.DataFrame = lines[level == level[0]]
    return top


def _of_indicator(
    indicator: Indicator,
    lines: pd.DataFrame,
    ground: Ground,
    index: tuple[pd.Index, pd.Index],
    remedies: ServiceRemedies,
) -> _Gaps:
    """Return the failing areas of one indicator in some divisions.

    Of each division those come first whose code is an area's.
    """
    codes = [list(row) for row in lines["failing_codes"]]
    key = np.array([*chain.from_iterable(codes), None], dtype=object)[:-1]
    line = np.repeat(np.arange(len(codes)), [len(row) for row in codes])
    area, place = (one.get_indexer(pd.Index(key, dtype=object)) for one in index)
    is_area = area >= 0
    order = np.lexsort((~is_area, line))
    order = order[(is_area | (place >= 0))[order]]
    key, line, is_area = key[order], line[order], is_area[order]
    area, place = area[order], place[order]
    found = _remedies(indicator, ground, area[is_area], index[1], remedies)
    remedy = np.full(len(key), "add_function", dtype=object)
    remedy[is_area] = found.remedy
    area = np.where(is_area, area, ground.places.unit[place] if len(place) else area)
    place[is_area] = found.place
    return _Gaps(
        np.full(len(key), indicator, dtype=object),
        area,
        place,
        key,
        remedy,
        lines["status"].to_numpy(dtype=object)[line],
        lines[list(_FIGURES)].to_numpy(np.float64)[line],
    )


def _table(ground: Ground, gaps: _Gaps) -> pd.DataFrame:
    """Return the rows in the order in which they are to be seen to."""
    areas = ground.areas
    ids = np.array(
        [indicator.id for indicator in gaps.indicator.tolist()], dtype=object
    )
    names, number = np.unique(ids.astype(np.str_), return_inverse=True)
    value, target, missing, whole = gaps.line.T
    share = np.full(len(ids), np.nan)
    np.divide(missing, whole, out=share, where=whole > 0)
    people, elderly = (
        np.append(areas.counts[group], np.nan)[gaps.area]
        for group in ("people", "people_60")
    )
    code = np.append(ground.rank, len(areas))[gaps.area]
    order = np.lexsort((code, -people, -elderly, number))
    start = np.searchsorted(number[order], np.arange(len(names)))
    rank = np.empty(len(ids), dtype=np.int64)
    rank[order] = np.arange(len(ids)) - start[number[order]] + 1
    farthest = np.fmax.reduceat(share[order], start)
    place = pd.Series(np.nan_to_num(farthest)).rank(method="min", ascending=False)
    indicator_rank = place.to_numpy(np.int64)[number]
    order = np.lexsort((rank, number, indicator_rank))
    texts = _texts(ground, gaps, ids)
    keys = zip(ids[order].tolist(), gaps.key[order].tolist(), strict=True)
    columns = {
        "id": [f"{indicator}:{key}" for indicator, key in keys],
        **{name: column.take(order) for name, column in texts.items()},
        "people": people[order],
        "people_60": elderly[order],
        "value": value[order],
        "target": target[order],
        "missing_units": missing[order],
        "missing_share": share[order],
        "rank": rank[order],
        "indicator_rank": indicator_rank[order],
    }
    return pd.DataFrame({name: columns[name] for name in COLUMNS}, copy=False)


def _texts(
    ground: Ground, gaps: _Gaps, ids: NDArray[np.object_]
) -> dict[str, pd.Categorical]:
    """Return the columns of texts."""
    areas = ground.areas
    columns = {
        "code": TextColumn(areas.code.tolist()),
        "level": TextColumn(),
        "remedy_facility_id": TextColumn(ground.places.id.tolist()),
    }
    columns["code"].add(gaps.area)
    columns["remedy_facility_id"].add(gaps.place)
    levels, number = np.unique(areas.level, return_inverse=True)
    columns["level"].add(np.append(number, -1)[gaps.area], levels.tolist())
    remedy = [word or None for word in gaps.remedy.tolist()]
    plain = {
        "indicator_id": ids.tolist(),
        "name": [indicator.name for indicator in gaps.indicator.tolist()],
        "plan": [indicator.plan for indicator in gaps.indicator.tolist()],
        "reason": [
            _reason(word, indicator.rule)
            for word, indicator in zip(remedy, gaps.indicator.tolist(), strict=True)
        ],
        "remedy": remedy,
        "status": gaps.status.tolist(),
    }
    for name, values in plain.items():
        columns[name] = TextColumn()
        columns[name].add_texts(values)
    return {name: column.categorical() for name, column in columns.items()}


def _reason(remedy: str | None, rule: str) -> str | None:
    """Return why an area fails."""
    usual = ABSENT if rule == "presence" else None
    return usual if remedy is None else REASON_OF.get(remedy, usual)


def _remedies(
    indicator: Indicator,
    ground: Ground,
    failing: IntArray,
    places: pd.Index,
    remedies: ServiceRemedies,
) -> AreaRemedies:
    """Return the remedies of failing areas."""
    if indicator.rule == "presence":
        return presence_remedies(
            indicator, ground, failing, persons=person_attributes()
        )
    if indicator.rule == "facility_share":
        return share_remedies(indicator, ground, failing)
    if indicator.rule == "network_time":
        return _by_service(indicator, ground, failing, places, remedies)
    word = "enlarge" if indicator.rule in _AMOUNTS else ""
    none = np.full(len(failing), -1, dtype=np.int32)
    return AreaRemedies(np.full(len(failing), word), none)


def _by_service(
    indicator: Indicator,
    ground: Ground,
    failing: IntArray,
    places: pd.Index,
    remedies: ServiceRemedies,
) -> AreaRemedies:
    """Return the remedies of the gaps of the first service that a rule names."""
    rule = indicator.with_
    key = (str(rule["services"][0]), float(rule["limit_min"]) * 60.0)
    by_code = remedies.get(key, {})
    codes = ground.areas.code[failing].tolist()
    known = [by_code.get(code, ("", None)) for code in codes]
    facilities = pd.Index([id_ or "" for _, id_ in known], dtype=object)
    return AreaRemedies(
        np.array([word for word, _ in known], dtype=np.str_),
        places.get_indexer(facilities).astype(np.int32),
    )
