"""Checks across layers: do the roads cover the study, are the people all there."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import shapely

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import RoadGraph
from yikezhong_geodata.areas import area_m2, union_of
from yikezhong_geodata.columns import GROUPS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import NetworkCoverageError
from yikezhong_geodata.locate import geometry_of, has_children, parent_index

#: Less of the study's area inside the hull of the roads than this is refused.
MIN_NETWORK_SHARE: Final = 0.5
#: Less than this is reported.
FULL_NETWORK_SHARE: Final = 0.9
#: The hull of the roads is widened by this [degrees], about 1 km.
_MARGIN_DEG: Final = 0.01


def check_network_cover(
    divisions: Any, walking: RoadGraph, *, file: str, report: DataReport
) -> None:
    """Compare the extent of the roads with the study.

    The extent is the convex hull of the network's nodes, widened by about 1 km. At
    least half of the study's area has to lie in it; below nine tenths the share is
    reported, and so is every lowest division that the hull leaves out.

    Raises
    ------
    NetworkCoverageError
        If less than half of the area is covered.
    """
    geometry = geometry_of(divisions)
    lowest = np.flatnonzero(~has_children(divisions) & ~shapely.is_missing(geometry))
    study = union_of(geometry[lowest])
    if study is None:
        return
    nodes = shapely.multipoints(np.column_stack([walking.node_lon, walking.node_lat]))
    hull = shapely.buffer(shapely.convex_hull(nodes), _MARGIN_DEG)
    areas = area_m2(np.array([study, shapely.intersection(study, hull)], dtype=object))
    share = float(areas[1] / areas[0]) if areas[0] > 0 else 0.0
    if share < MIN_NETWORK_SHARE:
        raise NetworkCoverageError(
            f"路网只覆盖研究区面积的 {share:.1%}",
            file=file,
            hint="请换用覆盖整个研究区的路网，并检查路网与边界的坐标系",
        )
    if share < FULL_NETWORK_SHARE:
        report.add(
            "roads", file, None, None, "network_partial", value=f"{share:.4f}",
            message=f"路网只覆盖研究区面积的 {share:.1%}",
        )  # fmt: skip
    shapely.prepare(hull)
    for index in lowest[~shapely.intersects(hull, geometry[lowest])]:
        report.add(
            "roads", file, None, str(divisions["code"].iloc[index]), "outside_network",
            message=f"“{divisions['name'].iloc[index]}”完全在路网范围之外",
        )  # fmt: skip


def check_conservation(divisions: Any, demand: Any, *, report: DataReport) -> None:
    """Compare the people on demand points with the people of the divisions.

    Raises
    ------
    InputError
        If the sums differ by anything, people of divisions without a geometry aside:
        they are exact, so this is a defect.
    """
    parent = parent_index(divisions)
    geometry = geometry_of(divisions)
    lowest = ~has_children(divisions)
    lost = lowest & shapely.is_missing(geometry)
    for group in GROUPS:
        counts = demand[group].to_numpy(np.float64)
        placed = float(np.nansum(counts))
        values = divisions[group].to_numpy(np.float64)
        known = float(np.nansum(values[parent < 0]))
        without = known - placed if lost.any() else 0.0
        if np.isnan(values).all():
            continue
        if placed + without != known or without < 0:
            raise InputError(
                f"{group} 不守恒：区划合计 {known!r}，需求点合计 {placed!r}，"
                f"无边界图形 {without!r}",
                file="study.toml",
                hint="这是程序缺陷，请连同数据报告反馈",
            )
        report.add(
            "study", "study.toml", None, None, "people_conserved", value=f"{placed:.6f}",
            message=f"{group}：区划合计 {known:,.0f} = 需求点 {placed:,.0f}"
            + (f" + 无边界图形 {without:,.0f}" if without else ""),
        )  # fmt: skip
