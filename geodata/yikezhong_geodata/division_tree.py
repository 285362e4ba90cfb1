"""The tree of divisions: parents, and missing upper levels dissolved from below."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import shapely

from yikezhong_geodata.areas import GeometryArray, inner_points, union_of
from yikezhong_geodata.codes import area_code, kind_of, parent_of
from yikezhong_geodata.columns import GROUPS, LEVEL_NAMES, LEVELS
from yikezhong_geodata.data_report import DataReport

_LABEL: Final = "boundaries"
#: Beijing, Tianjin, Shanghai, Chongqing.
_MUNICIPALITIES: Final = ("11", "12", "31", "50")


def add_parents(
    table: pd.DataFrame, *, code_system: str, report: DataReport
) -> pd.DataFrame:
    """Return the divisions with parents and dissolved levels, from the top down.

    A level that codes imply and no file has is made by dissolving the divisions
    below it: between the levels that are there, and above them up to the first level
    with a single division. A part of a level that is there is never completed.

    Parameters
    ----------
    table : DataFrame
        Divisions with ``code``, ``level``, ``geometry``, ``declared_parent``.
    code_system : str
        ``cn12``: parents by code. ``free``: by the parent column, else by place.
    report : DataReport
        Takes what was dissolved and which parents were found by place.

    Returns
    -------
    DataFrame
        With ``parent`` (None at the top), sorted by level and code.
    """
    if code_system == "cn12":
        table = _dissolve_levels(table, report)
        present = set(table["code"])
        table["parent"] = [parent_of(code, present) for code in table["code"]]
    else:
        table = _dissolve_declared(table, report)
        table["parent"] = _free_parents(table, report)
    rank = table["level"].map({level: i for i, level in enumerate(LEVELS)})
    order = np.lexsort((table["code"].astype(str), rank))
    return table.iloc[order].reset_index(drop=True)


def _dissolve_levels(table: pd.DataFrame, report: DataReport) -> pd.DataFrame:
    given = set(table["level"])
    lowest = max(LEVELS.index(level) for level in given)
    highest = min(LEVELS.index(level) for level in given)
    for index in range(lowest - 1, -1, -1):
        level = LEVELS[index]
        if level in given:
            continue
        below = table[table["level"].map(LEVELS.index) > index]
        above = [_real_area_code(code, level) for code in below["code"]]
        wanted = {code for code in above if code}
        if not wanted or (index < highest and sum(_is_top(below)) < 2):
            continue
        table = _append(table, _dissolve(below, above, level=level), level, report)
    return table


def _real_area_code(code: str, level: str) -> str | None:
    """Return the division of a level above a code; None where it is only a number.

    Prefecture digits 90 stand for counties directly under a province, and those of
    the four municipalities for nothing.
    """
    above = area_code(code, level)
    if level != "prefecture" or above is None:
        return above
    return None if above[2:4] == "90" or above[:2] in _MUNICIPALITIES else above


def _is_top(table: pd.DataFrame) -> list[bool]:
    """Return which divisions have no other division of the table above them."""
    present = set(table["code"])
    return [
        len(code) != 12 or parent_of(code, present) is None for code in table["code"]
    ]


def _dissolve(
    below: pd.DataFrame, above: list[str | None], *, level: str
) -> pd.DataFrame:
    """Return the divisions of a level, made of the highest ones under each."""
    keys = pd.Series(above, index=below.index, dtype=object)
    rows = []
    for code, part in below.groupby(keys, sort=True):
        tops = part[_is_top(part)]
        geometries: GeometryArray = np.array([*tops["geometry"], None], dtype=object)
        rows.append(
            {
                "code": str(code),
                "name": _dissolved_name(part, str(code), level),
                "level": level,
                "kind": kind_of(str(code)) if len(str(code)) == 12 else None,
                "geometry": union_of(geometries[:-1]),
            }
        )
    return pd.DataFrame(rows)


def _dissolved_name(part: pd.DataFrame, code: str, level: str) -> str:
    if f"name_{level}" not in part:
        return code
    names = part[f"name_{level}"].dropna().unique()
    return str(names[0]) if len(names) == 1 else code


def _append(
    table: pd.DataFrame, made: pd.DataFrame, level: str, report: DataReport
) -> pd.DataFrame:
    report.add(
        _LABEL,
        "study.toml",
        None,
        None,
        "dissolved",
        value=len(made),
        message=f"没有{LEVEL_NAMES[level]}图层：由下级合并出 {len(made)} 个，"
        "下级不全时合并结果也不全",
    )
    made = made.assign(
        declared_parent=None,
        unknown_units=0,
        estimated="",
        population_method=None,
        population_basis=None,
        population_year=None,
        file=None,
        row=None,
        **dict.fromkeys(GROUPS, np.nan),
    )
    columns = table.columns
    joined = {
        name: [*table[name].tolist(), *made[name].tolist()]
        if name in made
        else [*table[name].tolist(), *[None] * len(made)]
        for name in columns
    }
    return pd.DataFrame(joined)


def _dissolve_declared(table: pd.DataFrame, report: DataReport) -> pd.DataFrame:
    """Make the parents that a parent column names and no file has."""
    given = set(table["level"])
    for index in range(len(LEVELS) - 2, -1, -1):
        level, below_level = LEVELS[index], LEVELS[index + 1]
        below = table[
            (table["level"] == below_level) & table["declared_parent"].notna()
        ]
        if level in given or below.empty:
            continue
        above = [str(code) for code in below["declared_parent"]]
        if set(above) & set(table["code"]):
            continue  # parents of another level: they skip this one
        made = _dissolve(below, list(above), level=level)
        table = _append(table, made, level, report)
    return table


def _free_parents(table: pd.DataFrame, report: DataReport) -> list[str | None]:
    """Return parents as declared, else the division of a level above around it."""
    present = set(table["code"])
    declared = table["declared_parent"]
    parents: list[str | None] = [
        str(code) if code is not None and code in present else None for code in declared
    ]
    ranks = table["level"].map(LEVELS.index).to_numpy()
    open_ = np.array([parent is None for parent in parents])
    geometries: GeometryArray = np.array([*table["geometry"], None], dtype=object)[:-1]
    lon, lat = inner_points(geometries)
    codes = table["code"].tolist()
    found = 0
    for upper in sorted(set(ranks), reverse=True):
        holders = np.flatnonzero((ranks == upper) & ~shapely.is_missing(geometries))
        points = np.flatnonzero(open_ & (ranks > upper) & np.isfinite(lon))
        if len(holders) == 0 or len(points) == 0:
            continue
        tree = shapely.STRtree(geometries[holders])
        at, inside = tree.query(
            shapely.points(lon[points], lat[points]), predicate="intersects"
        )
        for point, holder in sorted(
            zip(points[at], holders[inside], strict=True),
            key=lambda pair: (pair[0], codes[pair[1]]),
        ):
            if parents[point] is None:
                parents[point] = codes[holder]
                open_[point] = False
                found += 1
    if found:
        report.add(
            _LABEL,
            "study.toml",
            None,
            None,
            "parent_by_place",
            value=found,
            message=f"{found} 个区划没有上级代码：按所在位置确定上级",
        )
    unknown = [c for c in declared.dropna().unique() if c not in present]
    for code in unknown:
        row = table[declared == code].iloc[0]
        report.add(
            _LABEL,
            str(row["file"]),
            int(row["row"]),
            str(row["code"]),
            "unknown_parent",
            value=code,
            message="所写的上级不在区划名录中",
        )
    return parents
