"""Do the boundaries fit together: nesting, overlaps, gaps."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import shapely

from yikezhong_geodata.areas import GeometryArray, area_m2, union_of
from yikezhong_geodata.columns import LEVEL_NAMES, LEVELS
from yikezhong_geodata.data_report import DataReport

_LABEL: Final = "boundaries"
#: Less of a division inside its parent than this is reported.
MIN_NESTED_SHARE: Final = 0.99
#: Overlaps and gaps below this are drawing noise [m²].
MIN_AREA_M2: Final = 1.0
#: Gaps narrower than this are looked for [degrees], about 10 m.
GAP_WIDTH: Final = 1e-4


def check_boundaries(table: pd.DataFrame, *, report: DataReport) -> None:
    """Report divisions outside their parents, overlaps and gaps; change nothing.

    Parameters
    ----------
    table : DataFrame
        Divisions with ``code``, ``level``, ``parent``, ``area_m2``, ``geometry``,
        ``file``, ``row``.
    report : DataReport
        Takes ``not_nested`` (share inside), ``overlap`` and ``gap`` (area [m²]), and
        ``overlapped`` and ``beside_gap`` for the other divisions that have a part in
        them.
    """
    _check_nesting(table, report)
    for level in LEVELS:
        part = table[
            (table["level"] == level) & table["geometry"].notna() & table["row"].notna()
        ]
        if len(part) > 1:
            _check_coverage(part.reset_index(drop=True), level, report)


def _array(values: pd.Series) -> GeometryArray:
    return np.array([*values, None], dtype=object)[:-1]


def _add(
    report: DataReport, row: pd.Series, problem: str, value: object, message: str
) -> None:
    number = None if pd.isna(row["row"]) else int(row["row"])
    report.add(
        _LABEL,
        str(row["file"]),
        number,
        str(row["code"]),
        problem,
        value=value,
        message=message,
    )


def _check_nesting(table: pd.DataFrame, report: DataReport) -> None:
    position = {code: index for index, code in enumerate(table["code"])}
    parents = np.array([position.get(p, -1) for p in table["parent"]], dtype=np.int64)
    geometry = _array(table["geometry"])
    child = np.flatnonzero((parents >= 0) & ~shapely.is_missing(geometry))
    child = child[~shapely.is_missing(geometry[parents[child]])]
    child = child[table["row"].notna().to_numpy()[parents[child]]]  # dissolved: nested
    if len(child) == 0:
        return
    shapely.prepare(geometry[np.unique(parents[child])])
    outside = child[~shapely.covers(geometry[parents[child]], geometry[child])]
    common = shapely.intersection(geometry[outside], geometry[parents[outside]])
    share = area_m2(common) / table["area_m2"].to_numpy()[outside]
    for index, value in zip(outside, share, strict=True):
        if value < MIN_NESTED_SHARE:
            parent = table["name"].iloc[parents[index]]
            _add(
                report,
                table.iloc[index],
                "not_nested",
                f"{value:.4f}",
                f"只有 {value:.1%} 的面积在上级“{parent}”之内",
            )


def _check_coverage(part: pd.DataFrame, level: str, report: DataReport) -> None:
    geometry = _array(part["geometry"])
    explained = _report_holes(part, geometry, level, report)
    if shapely.coverage_is_valid(geometry, gap_width=GAP_WIDTH):
        return
    edges = shapely.coverage_invalid_edges(geometry, gap_width=GAP_WIDTH)
    doubtful = np.flatnonzero(~(shapely.is_missing(edges) | shapely.is_empty(edges)))
    explained |= _report_overlaps(part, geometry, doubtful, report)
    for index in doubtful:
        if index not in explained:
            _add(
                report,
                part.iloc[index],
                "gap",
                f"{shapely.length(edges[index]):.6f}",
                "与相邻区划的边界不重合（细缝或节点不一致）",
            )


def _report_overlaps(
    part: pd.DataFrame,
    geometry: GeometryArray,
    doubtful: np.ndarray,
    report: DataReport,
) -> set[int]:
    tree = shapely.STRtree(geometry[doubtful])
    left, right = tree.query(geometry[doubtful], predicate="intersects")
    first, second = doubtful[left[left < right]], doubtful[right[left < right]]
    areas = area_m2(shapely.intersection(geometry[first], geometry[second]))
    found: set[int] = set()
    for one, other, area in zip(first, second, areas, strict=True):
        if area < MIN_AREA_M2:
            continue
        found |= {int(one), int(other)}
        _add(
            report,
            part.iloc[one],
            "overlap",
            f"{area:.1f}",
            f"与“{part['name'].iloc[other]}”（{part['code'].iloc[other]}）"
            f"重叠 {area:.0f} m²；其中的人与设施只计一次，归代码较小者",
        )
        _add(
            report,
            part.iloc[other],
            "overlapped",
            f"{area:.1f}",
            f"与“{part['name'].iloc[one]}”（{part['code'].iloc[one]}）重叠，见该区划",
        )
    return found


def _report_holes(
    part: pd.DataFrame, geometry: GeometryArray, level: str, report: DataReport
) -> set[int]:
    union = union_of(geometry)
    shells = shapely.polygons(shapely.get_exterior_ring(shapely.get_parts(union)))
    holes = shapely.get_parts(shapely.difference(shapely.union_all(shells), union))
    areas = area_m2(holes)
    holes, areas = holes[areas >= MIN_AREA_M2], areas[areas >= MIN_AREA_M2]
    if len(holes) == 0:
        return set()
    hole_at, beside = shapely.STRtree(geometry).query(holes, predicate="intersects")
    found: set[int] = set()
    for number, area in enumerate(areas):
        neighbours = sorted(int(n) for n in beside[hole_at == number])
        if not neighbours:
            continue
        found |= set(neighbours)
        names = "、".join(part["name"].iloc[neighbours[:4]])
        _add(
            report,
            part.iloc[neighbours[0]],
            "gap",
            f"{area:.1f}",
            f"{LEVEL_NAMES[level]}之间有空隙 {area:.0f} m²，在{names}之间",
        )
        for other in neighbours[1:]:
            _add(
                report,
                part.iloc[other],
                "beside_gap",
                f"{area:.1f}",
                f"与“{part['name'].iloc[neighbours[0]]}”等之间有空隙，见该区划",
            )
    return found
