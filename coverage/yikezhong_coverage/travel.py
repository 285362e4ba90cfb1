"""Exact travel times between points on a road network.

Searches run from the facilities outwards, against the traffic for
``direction="to_facility"``; demand points and facilities are joined to the nodes by
the exact times of :mod:`yikezhong_coverage.stops`. All times are sums of multiples of
2⁻³⁰ s and do not depend on the order of anything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from yikezhong_coverage import kernels
from yikezhong_coverage.errors import InputError
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
from yikezhong_coverage.stops import (
    Direction,
    Network,
    Stops,
    list_slots,
    place_stops,
    take_stops,
    turn_network,
)

__all__ = [
    "Direction",
    "nearest_at_nodes",
    "nearest_facility",
    "nearest_own",
    "reach",
]


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

    Examples
    --------
    A road of 600 m with a facility 200 m along it; the second demand point, with a
    leg of 30 m, is at its far end, the third is on no road.

    >>> from yikezhong_coverage.graph import build_graph
    >>> graph = build_graph(
    ...     "walking", [113.0, 113.01], [31.0, 31.0], [0], [1], ["a"], ["path"],
    ...     [0, 2], [113.0, 113.01], [31.0, 31.0],
    ...     forward_mps=1.0, backward_mps=1.0, length_m=[600.0],
    ... )
    >>> none = np.full(3, np.nan)
    >>> demand = Snapped(
    ...     np.array([0, 0, -1], dtype=np.int32), np.array([0.0, 600.0, np.nan]),
    ...     np.array([0.0, 30.0, np.nan]), none, none,
    ... )
    >>> facility = Snapped(
    ...     np.array([0], dtype=np.int32), np.array([200.0]), np.array([0.0]),
    ...     none[:1], none[:1],
    ... )
    >>> nearest = nearest_facility(
    ...     graph, demand, facility, leg_speed_mps=1.0, max_time_s=7200.0
    ... )
    >>> nearest.time_s, nearest.facility
    (array([200., 430.,  inf]), array([ 0,  0, -1], dtype=int32))
    """
    network = turn_network(graph, direction)
    targets = place_stops(network, demand, leg_speed_mps, leaving=True)
    sources = place_stops(network, facility, leg_speed_mps, leaving=False)
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
    network = turn_network(graph, direction)
    sources = place_stops(network, facility, leg_speed_mps, leaving=False)
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
    network = turn_network(graph, direction)
    targets = place_stops(network, demand, leg_speed_mps, leaving=True)
    sources = place_stops(network, facility, leg_speed_mps, leaving=False)
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
        own_targets, own_sources = take_stops(targets, asked), take_stops(sources, own)
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
    network = turn_network(graph, direction)
    targets = place_stops(network, demand, leg_speed_mps, leaving=True)
    sources = place_stops(network, facility, leg_speed_mps, leaving=False)
    start, pair, pair_s = kernels.reach_pairs(
        network.arcs,
        list_slots(graph, targets),
        targets,
        take_stops(sources, np.argsort(sources.number)),
        len(facility),
        _checked_limit(limit_s),
        kernels.make_workspace(graph.n_node),
    )
    return Reach(start, pair, pair_s, len(demand), float(limit_s))


def _checked_limit(limit_s: float) -> float:
    """Return a largest time that can be compared with."""
    if not limit_s >= 0:
        raise InputError(f"最大时间为 {limit_s}，应为非负数（秒）")
    return float(limit_s)


def _label(
    network: Network,
    sources: Stops,
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
    targets: Stops,
    sources: Stops,
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
