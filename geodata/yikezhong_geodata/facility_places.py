"""Where a facility is: by its point, by its declared code, and whether they agree."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import shapely

from yikezhong_coverage.records import IndexArray
from yikezhong_geodata.areas import distance_m
from yikezhong_geodata.codes import clean_code, parent_of
from yikezhong_geodata.columns import LEVELS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import DuplicateKeyError
from yikezhong_geodata.locate import ancestors_at, distance_to_study, locate_points
from yikezhong_geodata.points import POINT_PROBLEMS
from yikezhong_geodata.sources import Source, none_for_missing
from yikezhong_geodata.vocabulary import normal

_LABEL: Final = "facilities"
_LEVELS: Final = ("community", "township", "county")
#: Same name within this distance is taken for the same place [m].
DUPLICATE_M: Final = 50.0


def place_facilities(
    table: pd.DataFrame,
    source: Source,
    *,
    divisions: Any,
    report: DataReport,
    code_system: str,
) -> pd.DataFrame:
    """Return the facilities that have a place, with their division codes.

    The declared code decides administrative rules, the point decides times; where
    they disagree, both stand and the row is reported.

    Parameters
    ----------
    table : DataFrame
        Rows with ``lon``, ``lat``, ``point_problem`` and ``declared_*`` texts.
    source : Source
        For file name and headers.
    divisions : GeoDataFrame
    report : DataReport
    code_system : str

    Returns
    -------
    DataFrame
        Without the rows that have neither a point nor a known code: set aside.
    """
    lon, lat = table["lon"].to_numpy(np.float64), table["lat"].to_numpy(np.float64)
    located = locate_points(divisions, lon, lat=lat)
    declared = _declared(
        table, source, divisions=divisions, report=report, code_system=code_system
    )
    outside = np.isfinite(lon) & (located.division < 0)
    distance = np.full(len(table), np.nan)
    distance[outside] = distance_to_study(divisions, lon[outside], lat=lat[outside])
    at = {level: ancestors_at(divisions, level) for level in _LEVELS}
    agree = _agree(located.division, declared, at)
    codes = [*map(str, divisions["code"]), None]  # index -1: none
    flags, keep = [], []
    rows = none_for_missing(table[["id", "row", "flags", "point_problem"]])
    for index, row in enumerate(rows.to_dict("records")):
        where = (_LABEL, source.file, int(row["row"]), str(row["id"]))
        words = str(row["flags"]).split()
        problem = row["point_problem"]
        keep.append(problem is None or declared[index] >= 0)
        if problem is not None:
            _report_no_point(report, where, problem, kept=keep[-1])
            words.append("no_point")
        elif outside[index]:
            _report_outside(report, where, float(distance[index]))
            words.append("outside_area")
        if located.shared[index]:
            _report_border(report, where, codes[located.division[index]])
        if not agree[index]:
            pair = codes[declared[index]], codes[located.division[index]]
            _report_mismatch(report, where, pair)
            words.append("code_place_mismatch")
        flags.append(" ".join(words))
    table = table.assign(flags=flags)
    admin = np.where(declared >= 0, declared, located.division)
    for level in _LEVELS:
        by_code = _codes_at(codes, at[level], admin)
        by_place = _codes_at(codes, at[level], located.division)
        if level == "community":  # a township code says nothing about the community
            same = agree & (located.division >= 0)
            by_code = [
                code or (place if fits else None)
                for code, place, fits in zip(by_code, by_place, same, strict=True)
            ]
        table[f"{level}_code"] = by_code
        table[f"located_{level}_code"] = by_place
    return table[np.array(keep, dtype=np.bool_)].reset_index(drop=True)


def _codes_at(
    codes: list[str | None], at: IndexArray, division: IndexArray
) -> list[str | None]:
    """Return the code at a level of each row's division, None where there is none."""
    return [codes[at[i]] if i >= 0 else None for i in division]


_Where = tuple[str, str, int, str]


def _report_outside(report: DataReport, where: _Where, metres: float) -> None:
    report.add(
        *where, "outside_area", value=f"{metres:.0f}",
        message=f"在研究区之外 {metres:.0f} m，只用于“含周边设施”口径",
    )  # fmt: skip


def _report_border(report: DataReport, where: _Where, code: str | None) -> None:
    report.add(
        *where, "on_border", value=code, message=f"位于区划交界，归代码较小的 {code}"
    )


def _report_mismatch(
    report: DataReport, where: _Where, pair: tuple[str | None, str | None]
) -> None:
    report.add(
        *where, "code_place_mismatch", value=f"{pair[0]} / {pair[1]}",
        message="所填代码与位置不符：行政规则按代码，路程按位置",
    )  # fmt: skip


def _agree(
    located: IndexArray, declared: IndexArray, columns: dict[str, IndexArray]
) -> np.ndarray:
    """Return where code and place do not contradict each other at any level."""
    both = (located >= 0) & (declared >= 0)
    agree = np.ones(len(located), dtype=np.bool_)
    for at in columns.values():
        one, other = at[located], at[declared]
        agree &= ~(both & (one >= 0) & (other >= 0) & (one != other))
    return agree


def _report_no_point(
    report: DataReport, where: _Where, problem: str, *, kept: bool
) -> None:
    words = POINT_PROBLEMS[problem]
    if kept:
        report.add(
            *where, "no_point", value=problem,
            message=f"{words}：按所填代码计入行政规则，不计路程",
        )  # fmt: skip
    else:
        report.add(
            *where,
            problem,
            "set_aside",
            message=f"{words}，也没有可用的区划代码，不能使用",
        )


def _declared(
    table: pd.DataFrame,
    source: Source,
    *,
    divisions: Any,
    report: DataReport,
    code_system: str,
) -> IndexArray:
    """Return the division that each row's own columns name, -1 where none."""
    position = {code: index for index, code in enumerate(divisions["code"])}
    names = {level: _unique_names(divisions, level) for level in _LEVELS[:2]}
    rank = [LEVELS.index(level) for level in divisions["level"]]
    found = np.full(len(table), -1, dtype=np.int32)
    for index, row in enumerate(table.to_dict("records")):
        unknown = None
        for level in (*_LEVELS, "division"):
            text = row[f"declared_{level}"]
            if text is None:
                continue
            code, _ = clean_code(text, code_system=code_system)
            if code is not None and code not in position and code_system == "cn12":
                unknown, code = text, parent_of(code, position)
            at = position.get(code, -1) if code else -1
            if at < 0:
                unknown = text
            elif found[index] < 0 or rank[at] > rank[found[index]]:
                found[index] = at
        for level, by_name in names.items():
            name = row[f"declared_{level}_name"]
            if found[index] < 0 and name is not None:
                found[index] = by_name.get(normal(name), -1)
        if unknown is not None:
            report.add(
                _LABEL, source.file, int(row["row"]), str(row["id"]), "unmatched",
                value=unknown,
                message="所填区划代码不在名录中"
                + ("，按其上级或名称处理" if found[index] >= 0 else "，按位置处理"),
            )  # fmt: skip
    return found


def _unique_names(divisions: Any, level: str) -> dict[str, int]:
    """Return the divisions of a level by name, only names that stand once."""
    found: dict[str, int] = {}
    twice: set[str] = set()
    rows = zip(divisions["level"], divisions["name"], strict=True)
    for index, (own, name) in enumerate(rows):
        if own != level or name is None:
            continue
        key = normal(name)
        if key in found:
            twice.add(key)
        found[key] = index
    return {key: index for key, index in found.items() if key not in twice}


def refuse_double_ids(table: pd.DataFrame) -> None:
    """Raise where an id stands twice, naming both rows.

    Raises
    ------
    DuplicateKeyError
    """
    double = table["id"].duplicated(keep="first")
    if not double.any():
        return
    second = table[double].iloc[0]
    first = table[table["id"] == second["id"]].iloc[0]
    raise DuplicateKeyError(
        f"设施编号 {second['id']} 重复：{first['file']} 第 {first['row']} 行“{first['name']}”，"
        f"{second['file']} 第 {second['row']} 行“{second['name']}”",
        file=str(second["file"]),
        row=int(second["row"]),
        hint="请改正编号；两个文件各自编号时可写 id_prefix",
    )


def check_doubles(table: pd.DataFrame, *, report: DataReport) -> None:
    """Report facilities of the same name within 50 m; both are kept.

    Parameters
    ----------
    table : DataFrame
        With ``id``, ``name``, ``lon``, ``lat``, ``file``, ``row``.
    report : DataReport
        Takes ``possible_duplicate`` on the later row, with the earlier one's id.
    """
    lon, lat = table["lon"].to_numpy(np.float64), table["lat"].to_numpy(np.float64)
    named = table["name"].notna().to_numpy() & np.isfinite(lon)
    index = np.flatnonzero(named)
    if len(index) < 2:
        return
    keys = np.array([normal(str(name)) for name in table["name"].to_numpy()[index]])
    scale = np.cos(np.radians(np.clip(lat[index], -85, 85)))
    points = shapely.points(lon[index], lat[index])
    reach = DUPLICATE_M / 110_000 / float(scale.min())
    one, other = shapely.STRtree(points).query(points, "dwithin", distance=reach)
    same = (one < other) & (keys[one] == keys[other])
    one, other = index[one[same]], index[other[same]]
    metres = distance_m(lon[one], lat[one], to_lon=lon[other], to_lat=lat[other])
    for first, second, apart in sorted(zip(one, other, metres, strict=True)):
        if apart <= DUPLICATE_M:
            report.add(
                _LABEL,
                str(table["file"].iloc[second]),
                int(table["row"].iloc[second]),
                str(table["id"].iloc[second]),
                "possible_duplicate",
                value=table["id"].iloc[first],
                message=f"与 {table['id'].iloc[first]} 同名且相距 {apart:.0f} m，"
                "可能重复，两者都保留",
            )
