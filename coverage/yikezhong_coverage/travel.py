"""Exact travel times between points on a road network.

A point on an edge has a coordinate in each direction: ``T · x / length`` rounded to
2⁻³⁰ s, where ``x`` is its distance from u. The time of a part of an edge is a
difference of coordinates, hence exact, and the parts of an edge add up to the whole
however it is cut. Searches run from the facilities outwards, against the traffic for
``direction="to_facility"``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from yikezhong_coverage import kernels
from yikezhong_coverage.errors import GraphError, InputError
from yikezhong_coverage.exact import round_time
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
    Nearest,
    Reach,
    RoadGraph,
    Snapped,
)

Direction = Literal["to_facility", "from_facility"]


@dataclass(frozen=True, eq=False)
class _Network:
    """Times of a graph turned towards the facilities, and its arcs against them."""

    graph: RoadGraph
    forward_s: FloatArray
    backward_s: FloatArray
    arcs: kernels.Arcs


def nearest_facility(
    graph: RoadGraph,
    demand: Snapped,
    facility: Snapped,
    *,
    leg_speed_mps: float,
    max_time_s: float,
    direction: Direction = "to_facility",
) -> Nearest:
    """Return the travel time of every demand point to its nearest facility.

    Parameters
    ----------
    graph : RoadGraph
    demand, facility : Snapped
        Points on the graph; those without an edge reach nothing.
    leg_speed_mps : float
        Walking speed on both access legs [m/s], positive.
    max_time_s : float
        Largest time of interest [s], inclusive; ``inf`` for all.
    direction : {"to_facility", "from_facility"}
        Which way the trip goes.

    Returns
    -------
    Nearest
        One row per demand point; of equally near facilities the smallest index.

    Raises
    ------
    InputError
        If the speed, the largest time or the direction is not usable.
    GraphError
        If a point stands on an edge that the graph does not have.
    """
    network = _network(graph, direction)
    targets = _stops(network, demand, leg_speed_mps, leaving=True)
    sources = _stops(network, facility, leg_speed_mps, leaving=False)
    room = kernels.make_workspace(graph.n_node)
    limit_s = _checked_limit(max_time_s)
    _label(network, sources, limit_s, room)
    time_s, owner = _meet(targets, sources, limit_s, room)
    return _scatter(len(demand), targets.number, time_s, owner)


def nearest_at_nodes(
    graph: RoadGraph,
    facility: Snapped,
    *,
    leg_speed_mps: float,
    max_time_s: float,
    direction: Direction = "to_facility",
) -> Nearest:
    """Return the travel time of every node to its nearest facility.

    Parameters
    ----------
    graph : RoadGraph
    facility : Snapped
        Points on the graph; the facility's access leg is part of the time.
    leg_speed_mps : float
        Walking speed on the access leg [m/s], positive.
    max_time_s : float
        Largest time of interest [s], inclusive; ``inf`` for all.
    direction : {"to_facility", "from_facility"}
        Which way the trip goes.

    Returns
    -------
    Nearest
        One row per node; of equally near facilities the smallest index.
    """
    network = _network(graph, direction)
    sources = _stops(network, facility, leg_speed_mps, leaving=False)
    room = kernels.make_workspace(graph.n_node)
    _label(network, sources, _checked_limit(max_time_s), room)
    return Nearest(room.time_s, room.owner)


def nearest_own(
    graph: RoadGraph,
    demand: Snapped,
    facility: Snapped,
    *,
    demand_group: ArrayLike,
    facility_group: ArrayLike,
    leg_speed_mps: float,
    max_time_s: float,
    direction: Direction = "to_facility",
) -> Nearest:
    """Return the time of every demand point to the nearest facility of its group.

    The way may lead over all roads; only the facilities are limited to the group.
    Each group is a search of its own that ends where the group's demand ends.

    Parameters
    ----------
    graph : RoadGraph
    demand, facility : Snapped
    demand_group, facility_group : array_like of int, shape (n_demand,), (n_facility,)
        Group of each point, e.g. its township; -1 is none and reaches nothing.
    leg_speed_mps, max_time_s, direction
        As in :func:`nearest_facility`.

    Returns
    -------
    Nearest
        One row per demand point; facilities keep their index among all.
    """
    of_demand: IntArray = np.asarray(demand_group, dtype=np.int64)
    of_facility: IntArray = np.asarray(facility_group, dtype=np.int64)
    if len(of_demand) != len(demand) or len(of_facility) != len(facility):
        raise InputError("分组的数目与点数不符")
    network = _network(graph, direction)
    targets = _stops(network, demand, leg_speed_mps, leaving=True)
    sources = _stops(network, facility, leg_speed_mps, leaving=False)
    limit_s = _checked_limit(max_time_s)
    room = kernels.make_workspace(graph.n_node)
    wanted = np.zeros(graph.n_node, dtype=np.bool_)
    members = _members(of_demand[targets.number])
    found_s = np.full(len(targets.number), np.inf)
    found_owner = np.full(len(targets.number), -1, dtype=np.int32)
    for group, own in _members(of_facility[sources.number]).items():
        if group < 0 or group not in members:
            continue
        asked = members[group]
        own_targets, own_sources = _take(targets, asked), _take(sources, own)
        ends = np.unique(np.concatenate((own_targets.u, own_targets.v)))
        wanted[ends] = True
        touched = _label(network, own_sources, limit_s, room, wanted, len(ends))
        wanted[ends] = False
        found_s[asked], found_owner[asked] = _meet(
            own_targets, own_sources, limit_s, room
        )
        kernels.clear(room, touched)
    return _scatter(len(demand), targets.number, found_s, found_owner)


def reach(
    graph: RoadGraph,
    demand: Snapped,
    facility: Snapped,
    *,
    leg_speed_mps: float,
    limit_s: float,
    direction: Direction = "to_facility",
) -> Reach:
    """Return every pair of facility and demand point within a time.

    Parameters
    ----------
    graph : RoadGraph
    demand, facility : Snapped
    leg_speed_mps : float
        Walking speed on both access legs [m/s], positive.
    limit_s : float
        Largest time kept [s], inclusive; compared with the exact time.
    direction : {"to_facility", "from_facility"}
        Which way the trip goes.

    Returns
    -------
    Reach
        One row per facility, its demand points ascending.
    """
    network = _network(graph, direction)
    targets = _stops(network, demand, leg_speed_mps, leaving=True)
    sources = _stops(network, facility, leg_speed_mps, leaving=False)
    start, pair, pair_s = kernels.reach_pairs(
        network.arcs,
        _slots(graph, targets),
        targets,
        _take(sources, np.argsort(sources.number)),
        len(facility),
        _checked_limit(limit_s),
        kernels.make_workspace(graph.n_node),
    )
    return Reach(start, pair, pair_s, len(demand), float(limit_s))


def _network(graph: RoadGraph, direction: Direction) -> _Network:
    """Turn the graph so that trips go to the facility; list its arcs backwards."""
    if direction == "to_facility":
        forward_s, backward_s = graph.edge_forward_s, graph.edge_backward_s
    elif direction == "from_facility":
        forward_s, backward_s = graph.edge_backward_s, graph.edge_forward_s
    else:
        raise InputError(
            f"方向 {direction!r} 不能识别", hint="请用 to_facility 或 from_facility"
        )
    start, to, time_s = _rows(
        graph.n_node,
        np.concatenate((graph.edge_v, graph.edge_u)),
        np.concatenate((graph.edge_u, graph.edge_v)),
        np.concatenate((forward_s, backward_s)),
    )
    return _Network(graph, forward_s, backward_s, kernels.Arcs(start, to, time_s))


def _rows(
    n_row: int, row: IndexArray, item: IndexArray, value: FloatArray
) -> tuple[IntArray, IndexArray, FloatArray]:
    """Sort items into compressed rows; items of infinite value are left out."""
    kept = np.flatnonzero(np.isfinite(value))
    kept = kept[np.argsort(row[kept], kind="stable")]
    start = np.zeros(n_row + 1, dtype=np.int64)
    np.cumsum(np.bincount(row[kept], minlength=n_row), out=start[1:])
    return start, item[kept].astype(np.int32), value[kept]


def _stops(
    network: _Network, points: Snapped, leg_speed_mps: float, *, leaving: bool
) -> kernels.Stops:
    """Work out the times between snapped points and the ends of their edges.

    A point exactly at a node is at that node: to the node and from it takes no time,
    also against a one-way street. On an edge without length that is u.
    """
    if not (np.isfinite(leg_speed_mps) and leg_speed_mps > 0):
        raise InputError(f"步行速度为 {leg_speed_mps}，应为正数（米/秒）")
    graph = network.graph
    if len(points) and points.edge.max() >= graph.n_edge:
        raise GraphError("点所在的路段不在路网中", hint="请用同一路网重新匹配各点")
    index = np.flatnonzero(points.edge >= 0)
    index = index[np.argsort(points.edge[index], kind="stable")]
    edge = points.edge[index]
    length = graph.edge_length_m[edge]
    along = np.clip(points.along_m[index], 0.0, length)
    leg_s = round_time(points.leg_m[index] / leg_speed_mps)
    share_of = np.where(length > 0, length, 1.0)
    whole_forward, whole_backward = network.forward_s[edge], network.backward_s[edge]
    forward = _coordinate(whole_forward, along, share_of)
    backward = _coordinate(whole_backward, along, share_of)
    if leaving:
        u_s, v_s = backward, _rest(whole_forward, forward)
    else:
        u_s, v_s = forward, _rest(whole_backward, backward)
    at_u = along <= 0
    at_v = (along >= length) & ~at_u
    return kernels.Stops(
        number=index.astype(np.int32),
        edge=edge,
        along_m=along,
        forward_s=forward,
        backward_s=backward,
        leg_s=leg_s,
        u=graph.edge_u[edge],
        v=graph.edge_v[edge],
        u_s=leg_s + np.where(at_u, 0.0, u_s),
        v_s=leg_s + np.where(at_v, 0.0, v_s),
    )


def _coordinate(
    whole_s: FloatArray, along_m: FloatArray, length_m: FloatArray
) -> FloatArray:
    """Return the time coordinates of places; ``inf`` where the way is closed."""
    part = np.full(len(whole_s), np.inf)
    np.multiply(whole_s, along_m, out=part, where=np.isfinite(whole_s))
    return round_time(part / length_m)


def _rest(whole_s: FloatArray, part_s: FloatArray) -> FloatArray:
    """Return what is left of an edge's time; ``inf`` where the way is closed."""
    rest = np.full(len(whole_s), np.inf)
    np.subtract(whole_s, part_s, out=rest, where=np.isfinite(whole_s))
    return rest


def _checked_limit(limit_s: float) -> float:
    """Return a largest time that can be compared with."""
    if not limit_s >= 0:
        raise InputError(f"最大时间为 {limit_s}，应为非负数（秒）")
    return float(limit_s)


def _label(
    network: _Network,
    sources: kernels.Stops,
    limit_s: float,
    room: kernels.Workspace,
    wanted: BoolArray | None = None,
    n_wanted: int = -1,
) -> int:
    """Search outwards from facilities into the workspace; return the touched count."""
    none = np.zeros(0, dtype=np.bool_)
    touched: int = kernels.search(
        network.arcs,
        sources,
        limit_s,
        none if wanted is None else wanted,
        n_wanted,
        room,
    )
    return touched


def _meet(
    targets: kernels.Stops,
    sources: kernels.Stops,
    limit_s: float,
    room: kernels.Workspace,
) -> tuple[FloatArray, IndexArray]:
    """Return the best time and facility of each target after a search."""
    found_s = np.full(len(targets.number), np.inf)
    found_owner = np.full(len(targets.number), -1, dtype=np.int32)
    kernels.meet(targets, sources, limit_s, room, found_s, found_owner)
    return found_s, found_owner


def _scatter(
    n: int, index: IndexArray, time_s: FloatArray, owner: IndexArray
) -> Nearest:
    """Put found labels back in the order of the points; the others stay unreached."""
    all_s = np.full(n, np.inf)
    all_owner = np.full(n, -1, dtype=np.int32)
    all_s[index] = time_s
    all_owner[index] = owner
    return Nearest(all_s, all_owner)


def _members(group: IntArray) -> dict[int, IntArray]:
    """Return the places of each group's members, ascending."""
    order = np.argsort(group, kind="stable")
    names, first, count = np.unique(group[order], return_index=True, return_counts=True)
    return {
        int(name): order[begin : begin + n]
        for name, begin, n in zip(names, first, count, strict=True)
    }


def _take(stops: kernels.Stops, index: IntArray) -> kernels.Stops:
    """Return the stops at ``index``, in that order."""
    return kernels.Stops(
        stops.number[index],
        stops.edge[index],
        stops.along_m[index],
        stops.forward_s[index],
        stops.backward_s[index],
        stops.leg_s[index],
        stops.u[index],
        stops.v[index],
        stops.u_s[index],
        stops.v_s[index],
    )


def _slots(graph: RoadGraph, demand: kernels.Stops) -> kernels.Slots:
    """List the edges that hold demand points, by node."""
    edge, first = np.unique(demand.edge, return_index=True)
    start = np.append(first, len(demand.edge)).astype(np.int64)
    node_start, at_node, _ = _rows(
        graph.n_node,
        np.concatenate((graph.edge_u[edge], graph.edge_v[edge])),
        np.tile(np.arange(len(edge), dtype=np.int32), 2),
        np.zeros(2 * len(edge)),
    )
    return kernels.Slots(edge, start, node_start, at_node)
