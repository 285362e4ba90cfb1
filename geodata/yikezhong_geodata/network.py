"""From ways, or edges with directions, to the road graph of each profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.errors import BadWeightError, MissingWeightError
from yikezhong_coverage.exact import round_time
from yikezhong_coverage.graph import build_graph
from yikezhong_coverage.records import RoadGraph
from yikezhong_geodata.profiles import (
    WaySpeed,
    driving_speed,
    get_profile,
)
from yikezhong_geodata.serial_names import serial_names
from yikezhong_geodata.ways import (
    BoolArray,
    Edges,
    FloatArray,
    IntArray,
    Ways,
    split_ways,
)


@dataclass(frozen=True, eq=False)
class Stated:
    """Lengths and times a source states for its lines, to be used instead of ours.

    Parameters
    ----------
    file : str
        For messages.
    line : ndarray of int64, shape (n_way,)
        The line that each way is a part of.
    row : ndarray of int64, shape (n_line,)
        Source row of each line, for messages.
    length_m : ndarray of float64, shape (n_line,), optional
        Lengths [m]; ``nan`` where the source leaves a line without one.
    forward_s, backward_s : ndarray of float64, shape (n_line,), optional
        Driving times along and against the line [s]; ``nan`` where there is none.
        Without ``backward_s`` the same holds both ways.
    """

    file: str
    line: IntArray
    row: IntArray
    length_m: FloatArray | None = None
    forward_s: FloatArray | None = None
    backward_s: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Network:
    """The edges of one profile before they are measured.

    ``speed_index`` points into ``speeds`` (the distinct ones); the rest is laid out
    as in :class:`~yikezhong_geodata.ways.Edges`.
    """

    profile: str
    edges: Edges
    edge_id: NDArray[np.str_]
    edge_class: NDArray[np.str_]
    speeds: Sequence[WaySpeed]
    speed_index: IntArray

    @cached_property
    def order(self) -> IntArray:
        """The edges in the order of the graph: sorted by name."""
        return np.argsort(self.edge_id, kind="stable")


def ways_in_profile(ways: Ways, profile: str) -> BoolArray:
    """Return which ways a profile uses, by their tags; shape (n_way,)."""
    rules = get_profile(profile)
    shared = ways.shared_tags
    usable = [rules.usable(ways.tags_of(values)) for values in shared.distinct]
    return np.array(usable, dtype=np.bool_)[shared.number]


def network_of_ways(ways: Ways, profile: str, *, chosen: BoolArray) -> Network:
    """Split the chosen ways into the named edges of a profile.

    An edge is named by its way and the index of its first vertex in the way, so
    that its name does not depend on how the extract was cut.
    """
    shared = ways.shared_tags
    edges = split_ways(ways, chosen)
    used = np.flatnonzero(np.bincount(shared.number[chosen]))
    number = np.zeros(len(shared.distinct), dtype=np.int64)
    number[used] = np.arange(len(used))
    speeds = [driving_speed(ways.tags_of(shared.distinct[at])) for at in used.tolist()]
    class_at = ways.key.index("highway") if "highway" in ways.key else None
    classes = [
        "" if class_at is None else (values[class_at] or "")
        for values in shared.distinct
    ]
    of_edge = shared.number[edges.edge_way]
    return Network(
        profile=profile,
        edges=edges,
        edge_id=serial_names(
            ways.name, edges.edge_way, edges.edge_first, mark=".", digits=5
        ),
        edge_class=np.array(classes, dtype=np.str_)[of_edge],
        speeds=speeds,
        speed_index=number[of_edge],
    )


def graph_of_network(
    network: Network, *, walk_speed_mps: float, stated: Stated | None = None
) -> RoadGraph:
    """Measure a network and give it times.

    Parameters
    ----------
    network : Network
    walk_speed_mps : float
        Used both ways on every edge of the walking profile [m/s].
    stated : Stated, optional
        Lengths (of all profiles) and times (driving only) of the lines; an edge
        takes its share of its line's by length.

    Returns
    -------
    RoadGraph

    Raises
    ------
    MissingWeightError
        If a stated length or time is missing on a line that is used.
    BadWeightError
        If one is negative or infinite.
    """
    graph = _measure(network, walk_speed_mps, length_m=None)
    if stated is None:
        return graph
    order = network.order
    line = stated.line[network.edges.edge_way[order]]
    share = _share_of_line(graph.edge_length_m, line)
    if stated.length_m is not None:
        length = _per_edge(stated.length_m, line, stated, "长度") * share
        declared = np.empty_like(length)
        declared[order] = length
        graph = _measure(network, walk_speed_mps, length_m=declared)
    if network.profile == "driving" and stated.forward_s is not None:
        graph = _with_times(graph, stated, line, share)
    return graph


def _measure(
    network: Network, walk_speed_mps: float, *, length_m: FloatArray | None
) -> RoadGraph:
    edges = network.edges
    if network.profile == "walking":
        forward = backward = np.full(len(edges), walk_speed_mps)
    else:
        table = np.array([(s.forward_mps, s.backward_mps) for s in network.speeds])
        forward, backward = table.reshape(-1, 2)[network.speed_index].T
    return build_graph(
        network.profile,
        edges.node_lon,
        edges.node_lat,
        edges.edge_u,
        edges.edge_v,
        network.edge_id,
        network.edge_class,
        edges.vertex_start,
        edges.vertex_lon,
        edges.vertex_lat,
        forward_mps=forward,
        backward_mps=backward,
        length_m=length_m,
    )


def _share_of_line(length_m: FloatArray, line: IntArray) -> FloatArray:
    """Return which part of its line each edge is; equal parts where it has no length."""
    total = np.bincount(line, weights=length_m)[line]
    count = np.bincount(line)[line]
    return np.where(total > 0, length_m / np.where(total > 0, total, 1.0), 1.0 / count)


def _with_times(
    graph: RoadGraph, stated: Stated, line: IntArray, share: FloatArray
) -> RoadGraph:
    forward = stated.forward_s
    if forward is None:
        return graph
    backward = forward if stated.backward_s is None else stated.backward_s

    def timed(time_s: FloatArray, now_s: FloatArray) -> FloatArray:
        allowed = np.isfinite(now_s)
        found = now_s.copy()
        per_edge = _per_edge(time_s, line[allowed], stated, "行驶时间")
        found[allowed] = round_time(per_edge * share[allowed])
        return found

    return replace(
        graph,
        edge_forward_s=timed(forward, graph.edge_forward_s),
        edge_backward_s=timed(backward, graph.edge_backward_s),
    )


def _per_edge(
    values: FloatArray, line: IntArray, stated: Stated, what: str
) -> FloatArray:
    """Return the line's value of each edge, once none is missing or impossible."""
    taken: FloatArray = values[line]
    missing = np.isnan(taken)
    if missing.any():
        raise MissingWeightError(
            f"{len(np.unique(line[missing]))} 条路段没有{what}",
            file=stated.file,
            row=int(stated.row[line[missing][0]]),
            hint="请补全该列，或在 study.toml 中去掉该列的设置",
        )
    bad = ~np.isfinite(taken) | (taken < 0)
    if bad.any():
        raise BadWeightError(
            f"{what}为 {taken[bad][0]}，应为非负数",
            file=stated.file,
            row=int(stated.row[line[bad][0]]),
            hint="请改正该列",
        )
    return taken
