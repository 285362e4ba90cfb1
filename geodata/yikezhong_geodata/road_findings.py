"""What the data report says about roads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yikezhong_coverage.graph import Pieces, connected_pieces
from yikezhong_coverage.records import BoolArray, FloatArray, RoadGraph
from yikezhong_coverage.snap import snap_points
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.network import Network
from yikezhong_geodata.profiles import load_rules
from yikezhong_geodata.ways import Ways

LAYER = "roads"
PROFILE_NAMES = {"walking": "步行", "driving": "驾车"}
_MOST_EXAMPLES = 20


def report_holes(
    ways: Ways, in_any_profile: BoolArray, *, file: str, report: DataReport
) -> None:
    """List the ways without a line, and those that name vertices not in the extract."""
    holes = np.isnan(ways.lon)
    way = np.repeat(np.arange(len(ways)), np.diff(ways.start))
    missing = np.bincount(way[holes], minlength=len(ways))
    left = np.diff(ways.start) - missing
    for at in np.flatnonzero((left < 2) & (missing == 0) & in_any_profile).tolist():
        report.add(
            LAYER,
            file,
            at + 1,
            ways.name[at],
            "no_geometry",
            "set_aside",
            int(left[at]),
            "道路少于两个折点，未使用",
        )
    for at in np.flatnonzero((missing > 0) & in_any_profile).tolist():
        gone = left[at] < 2
        report.add(
            LAYER,
            file,
            at + 1,
            ways.name[at],
            "missing_nodes",
            "set_aside" if gone else "repaired",
            int(missing[at]),
            "道路的折点不在数据范围内，未使用"
            if gone
            else f"道路有 {missing[at]} 个折点不在数据范围内，在该处断开",
        )


def report_network(
    network: Network, graph: RoadGraph, *, file: str, report: DataReport
) -> None:
    """Say how much of a driving network has no stated speed, and what was odd."""
    if network.profile != "driving" or graph.n_edge == 0:
        return
    index = network.speed_index[network.order]
    defaulted = np.array([speed.defaulted for speed in network.speeds])[index]
    length = graph.edge_length_m
    total = float(length.sum())
    if defaulted.any():
        share = float(length[defaulted].sum()) / total if total > 0 else 1.0
        report.add(
            LAYER,
            file,
            None,
            None,
            "speed_defaulted",
            "noted",
            f"{share:.4f}",
            f"{share:.1%} 的可行车道路（按长度）没有可用的限速，按道路等级取默认速度",
        )
    # in the order in which the graph meets them first
    used, first, counts = np.unique(index, return_index=True, return_counts=True)
    unread: Counter[str] = Counter()
    odd: Counter[str] = Counter()
    for at in np.argsort(first).tolist():
        speed = network.speeds[used[at]]
        if speed.unread:
            unread[speed.unread] += int(counts[at])
        if speed.odd_oneway:
            odd[speed.odd_oneway] += int(counts[at])
    for value, count in unread.most_common(_MOST_EXAMPLES):
        report.add(
            LAYER,
            file,
            None,
            None,
            "speed_unread",
            "noted",
            value,
            f"{count} 条路段的限速“{value}”不是可用的数值，按道路等级取默认速度",
        )
    for value, count in odd.most_common(_MOST_EXAMPLES):
        report.add(
            LAYER,
            file,
            None,
            None,
            "oneway_unclear",
            "noted",
            value,
            f"{count} 条路段的单行标记为“{value}”，按双向通行处理",
        )


def report_unused(
    ways: Ways, chosen: dict[str, BoolArray], *, file: str, report: DataReport
) -> None:
    """Say how many ways each profile leaves out by its filter."""
    for profile, used in chosen.items():
        left_out = int((~used).sum())
        if left_out:
            report.add(
                LAYER,
                file,
                None,
                None,
                "not_in_profile",
                "noted",
                left_out,
                f"{len(ways)} 条道路中有 {left_out} 条不用于{PROFILE_NAMES[profile]}"
                "（按道路等级与通行标记筛选）",
            )


def report_components(
    graph: RoadGraph,
    min_component_m: float,
    report: DataReport,
    *,
    file: str = "",
    facilities: FacilityPoints | None = None,
) -> BoolArray:
    """List the connected pieces of road that are too short to be used.

    Parameters
    ----------
    graph : RoadGraph
    min_component_m : float
        Smallest length of a piece that points are put on [m], inclusive.
    report : DataReport
        Takes one finding for each short piece: its first edge as id, its length [m]
        as value, and in the message the facilities whose nearest road it is.
    file : str
        The roads' file, for the report.
    facilities : FacilityPoints, optional

    Returns
    -------
    ndarray of bool, shape (n_edge,)
        Edges of the short pieces.
    """
    pieces = connected_pieces(graph)
    short = np.flatnonzero(pieces.length_m < min_component_m)
    in_short = np.isin(pieces.piece, short)
    if len(short) == 0:
        return in_short
    beside = {} if facilities is None else _facilities_beside(graph, pieces, facilities)
    # pieces are numbered by their first edge; edges of no piece are -1
    found, first = np.unique(pieces.piece, return_index=True)
    first_edge = dict(zip(found.tolist(), first.tolist(), strict=True))
    count = np.bincount(pieces.piece[pieces.piece >= 0])
    name = PROFILE_NAMES.get(graph.profile, graph.profile)
    for piece in short.tolist():
        edge = first_edge[piece]
        length = float(pieces.length_m[piece])
        vertex = int(graph.vertex_start[edge])
        lon, lat = graph.vertex_lon[vertex], graph.vertex_lat[vertex]
        ids = beside.get(piece, [])
        near = f"；最近的道路在此处的设施：{'、'.join(ids)}" if ids else ""
        report.add(
            LAYER,
            file,
            None,
            str(graph.edge_id[edge]),
            "component_dropped",
            "noted",
            f"{length:.1f}",
            f"{name}路网中一处孤立道路（{lon:.6f}, {lat:.6f}）共 {count[piece]} 条路段、"
            f"{length:.0f} 米，短于 {min_component_m:g} 米，不接入点位{near}",
        )
    return in_short


@dataclass(frozen=True, eq=False)
class FacilityPoints:
    """Facilities with a place: ids, and positions [degrees], shape (n_facility,)."""

    id: Sequence[str]
    lon: FloatArray
    lat: FloatArray
    max_snap_m: float = 500.0


def _facilities_beside(
    graph: RoadGraph, pieces: Pieces, facilities: FacilityPoints
) -> dict[int, list[str]]:
    """Return piece -> ids of the facilities whose nearest edge is in it."""
    known = np.flatnonzero(~np.isnan(facilities.lon))
    snapped = snap_points(
        graph,
        facilities.lon[known],
        facilities.lat[known],
        max_snap_m=facilities.max_snap_m,
    )
    found: dict[int, list[str]] = {}
    for at, edge in zip(known.tolist(), snapped.edge.tolist(), strict=True):
        if edge >= 0:
            found.setdefault(int(pieces.piece[edge]), []).append(facilities.id[at])
    return found


def may_stop(graph: RoadGraph) -> BoolArray:
    """Return the edges that a point may be snapped to by their class.

    Motorways are driven along, but entered and left at junctions only: a facility
    beside one is put on the next allowed edge. Combine with
    :func:`yikezhong_coverage.graph.usable_edges`.

    Returns
    -------
    ndarray of bool, shape (n_edge,)
    """
    closed = load_rules().profiles[graph.profile].no_stopping
    return ~np.isin(graph.edge_class, sorted(closed))
