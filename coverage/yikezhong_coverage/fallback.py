"""The same answers by scipy: plain, slower, for any times; the kernels' second oracle.

A search is scipy's Dijkstra from one more node, from which arcs lead to the ends of
the facilities' edges. Which facility is nearest follows afterwards: the smallest one
from which a shortest way leads on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from yikezhong_coverage.records import (
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
    Stops,
    place_stops,
    take_stops,
    turned_times,
)

_NOBODY = np.iinfo(np.int32).max


class _Links(NamedTuple):
    """Arcs in the direction that searches run, in no order."""

    n_node: int
    tail: IndexArray
    head: IndexArray
    time_s: FloatArray


def nearest_at_nodes(
    graph: RoadGraph,
    facility: Snapped,
    *,
    leg_speed_mps: float,
    limit_s: float,
    direction: Direction,
) -> Nearest:
    """Answer :func:`yikezhong_coverage.travel.nearest_at_nodes`."""
    links = _links(graph, direction)
    sources = place_stops(
        graph, facility, leg_speed_mps, leaving=False, direction=direction
    )
    return _label(links, sources, limit_s)


def nearest_facility(
    graph: RoadGraph,
    demand: Snapped,
    facility: Snapped,
    *,
    leg_speed_mps: float,
    limit_s: float,
    direction: Direction,
) -> Nearest:
    """Answer :func:`yikezhong_coverage.travel.nearest_facility`."""
    links = _links(graph, direction)
    targets, sources = (
        place_stops(graph, points, leg_speed_mps, leaving=leaving, direction=direction)
        for points, leaving in ((demand, True), (facility, False))
    )
    found = Nearest(
        np.full(len(demand), np.inf), np.full(len(demand), -1, dtype=np.int32)
    )
    _meet(targets, sources, _label(links, sources, limit_s), limit_s, found)
    return found


def nearest_own(
    graph: RoadGraph,
    demand: Snapped,
    facility: Snapped,
    of_demand: IntArray,
    of_facility: IntArray,
    *,
    leg_speed_mps: float,
    limit_s: float,
    direction: Direction,
) -> Nearest:
    """Answer :func:`yikezhong_coverage.travel.nearest_own`."""
    found = Nearest(
        np.full(len(demand), np.inf), np.full(len(demand), -1, dtype=np.int32)
    )
    for group in np.unique(of_facility[of_facility >= 0]):
        asked = np.flatnonzero(of_demand == group)
        own = np.flatnonzero(of_facility == group)
        some = nearest_facility(
            graph,
            demand.take(asked),
            facility.take(own),
            leg_speed_mps=leg_speed_mps,
            limit_s=limit_s,
            direction=direction,
        )
        found.time_s[asked] = some.time_s
        found.facility[asked] = np.append(own, -1)[some.facility]
    return found


def reach(
    graph: RoadGraph,
    demand: Snapped,
    facility: Snapped,
    *,
    leg_speed_mps: float,
    limit_s: float,
    direction: Direction,
) -> Reach:
    """Answer :func:`yikezhong_coverage.travel.reach`, a facility at a time."""
    links = _links(graph, direction)
    targets, sources = (
        place_stops(graph, points, leg_speed_mps, leaving=leaving, direction=direction)
        for points, leaving in ((demand, True), (facility, False))
    )
    start = np.zeros(len(facility) + 1, dtype=np.int64)
    near: list[IntArray] = []
    near_s: list[FloatArray] = []
    for f in np.argsort(sources.number):
        source = take_stops(sources, np.array([f]))
        found = Nearest(
            np.full(len(demand), np.inf), np.full(len(demand), -1, dtype=np.int32)
        )
        _meet(targets, source, _times(links, source, limit_s), limit_s, found)
        near.append(np.flatnonzero(np.isfinite(found.time_s)))
        near_s.append(found.time_s[near[-1]])
        start[1 + sources.number[f]] = len(near[-1])
    return Reach(
        np.cumsum(start),
        np.concatenate([np.empty(0, dtype=np.int32), *near]).astype(np.int32),
        np.concatenate([np.empty(0), *near_s]),
        len(demand),
        limit_s,
    )


def _links(graph: RoadGraph, direction: Direction) -> _Links:
    """List the arcs against the traffic; of parallel ones the shortest."""
    forward_s, backward_s = turned_times(graph, direction)
    tail = np.concatenate((graph.edge_v, graph.edge_u))
    head = np.concatenate((graph.edge_u, graph.edge_v))
    time_s = np.concatenate((forward_s, backward_s))
    order = np.lexsort((time_s, head, tail))
    order = order[np.isfinite(time_s[order])]
    tail, head, time_s = tail[order], head[order], time_s[order]
    first = np.ones(len(tail), dtype=np.bool_)
    first[1:] = (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
    return _Links(graph.n_node, tail[first], head[first], time_s[first])


def _seeds(sources: Stops) -> tuple[IndexArray, FloatArray, IndexArray]:
    """Return node, time and facility of the facilities' ways to the network."""
    node = np.concatenate((sources.u, sources.v))
    time_s = np.concatenate((sources.u_s, sources.v_s))
    number = np.tile(sources.number, 2)
    open_ = np.isfinite(time_s)
    return node[open_], time_s[open_], number[open_]


def _times(links: _Links, sources: Stops, limit_s: float) -> Nearest:
    """Return node times up to the limit; facilities are all 0."""
    node, time_s, _ = _seeds(sources)
    n = links.n_node
    shortest = np.full(n, np.inf)
    np.minimum.at(shortest, node, time_s)
    ends = np.flatnonzero(np.isfinite(shortest))
    # sorted by tail, the start comes last
    rows = np.concatenate((links.tail, np.full(len(ends), n, dtype=np.int32)))
    pointer = np.searchsorted(rows, np.arange(n + 2))
    matrix = csr_array(
        (
            np.concatenate((links.time_s, shortest[ends])),
            np.concatenate((links.head, ends)),
            pointer,
        ),
        shape=(n + 1, n + 1),
    )
    found = dijkstra(matrix, indices=n, limit=limit_s)[:n]
    return Nearest(found, np.where(np.isfinite(found), 0, -1).astype(np.int32))


def _label(links: _Links, sources: Stops, limit_s: float) -> Nearest:
    """Return the smallest (time, facility) of every node."""
    times = _times(links, sources, limit_s).time_s
    node, time_s, number = _seeds(sources)
    owner = np.full(links.n_node, _NOBODY, dtype=np.int32)
    first = time_s == times[node]
    np.minimum.at(owner, node[first], number[first])
    reached = np.isfinite(times[links.tail])
    tight = reached & (times[links.tail] + links.time_s == times[links.head])
    tail, head = links.tail[tight], links.head[tight]
    while True:
        better = owner[tail] < owner[head]
        if not better.any():
            break
        np.minimum.at(owner, head[better], owner[tail[better]])
    owner[owner == _NOBODY] = -1
    return Nearest(times, owner)


def _meet(
    targets: Stops, sources: Stops, nodes: Nearest, limit_s: float, found: Nearest
) -> None:
    """Join demand points to node labels and to the facilities on their own edge."""
    first = np.searchsorted(sources.edge, targets.edge, side="left")
    count = np.searchsorted(sources.edge, targets.edge, side="right") - first
    d = np.repeat(np.arange(len(count)), count)
    f = np.arange(len(d)) - np.repeat(np.cumsum(count) - count, count) + first[d]
    own = np.arange(len(count))
    point = np.concatenate((own, own, d))
    time_s = np.concatenate(
        (
            targets.u_s + nodes.time_s[targets.u],
            targets.v_s + nodes.time_s[targets.v],
            _along_s(targets, d, sources, f),
        )
    )
    owner = np.concatenate(
        (
            nodes.facility[targets.u],
            nodes.facility[targets.v],
            sources.number[f],
        )
    )
    near = np.flatnonzero((time_s <= limit_s) & np.isfinite(time_s))
    order = near[np.lexsort((owner[near], time_s[near], point[near]))]
    who, place = np.unique(point[order], return_index=True)
    found.time_s[targets.number[who]] = time_s[order[place]]
    found.facility[targets.number[who]] = owner[order[place]]


def _along_s(targets: Stops, d: IntArray, sources: Stops, f: IntArray) -> FloatArray:
    """Return times along the edge between points on it; ``inf`` where closed."""
    legs_s = targets.leg_s[d] + sources.leg_s[f]
    ahead = targets.along_m[d] < sources.along_m[f]
    begin_s = np.where(ahead, targets.forward_s[d], sources.backward_s[f])
    end_s = np.where(ahead, sources.forward_s[f], targets.backward_s[d])
    along_s = np.full(len(d), np.inf)
    np.subtract(end_s, begin_s, out=along_s, where=np.isfinite(end_s))
    same = targets.along_m[d] == sources.along_m[f]
    total: FloatArray = legs_s + np.where(same, 0.0, along_s)
    return total
