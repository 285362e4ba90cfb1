"""Compiled inner loops: bounded Dijkstra over compressed arcs, and what meets it.

Everything here takes and returns plain arrays, in named tuples where they travel
together; a faster kernel can take its place without its callers noticing. Compiled
on first use, kept in numba's cache.

A label is a pair (time, facility) compared in that order, so that of equally near
facilities the smallest index wins whatever the order in which roads are tried, also
across arcs that take no time. The heap is a plain binary one with positions, so it
never holds a node twice and its room is known beforehand.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, IntArray
from yikezhong_coverage.stops import Arcs, Slots, Stops


class Workspace(NamedTuple):
    """Room for searches over one network; made once, used for many searches.

    Parameters
    ----------
    time_s : ndarray of float64, shape (n_node,)
        Label times [s]; ``inf`` at rest.
    owner : ndarray of int32, shape (n_node,)
        Facility of each label; -1 at rest.
    heap, position : ndarray of int32, shape (n_node,)
        Nodes waiting, and where each stands in the heap: -1 not in it, -2 settled.
    touched : ndarray of int32, shape (n_node,)
        Nodes with a label, so that a small search is cleared in small time.
    """

    time_s: FloatArray
    owner: IndexArray
    heap: IndexArray
    position: IndexArray
    touched: IndexArray


def make_workspace(n_node: int) -> Workspace:
    """Return room, at rest, for a network of ``n_node`` nodes."""
    return Workspace(
        np.full(n_node, np.inf),
        np.full(n_node, -1, dtype=np.int32),
        np.empty(n_node, dtype=np.int32),
        np.full(n_node, -1, dtype=np.int32),
        np.empty(n_node, dtype=np.int32),
    )


@njit(cache=True)
def _before(room: Workspace, a: int, b: int) -> bool:
    """Whether node a's label comes before node b's."""
    if room.time_s[a] != room.time_s[b]:
        return bool(room.time_s[a] < room.time_s[b])
    return bool(room.owner[a] < room.owner[b])


@njit(cache=True)
def _rise(room: Workspace, place: int) -> None:
    """Move the node at ``place`` of the heap up to where it belongs."""
    heap, position = room.heap, room.position
    node = heap[place]
    while place > 0:
        above = (place - 1) >> 1
        if not _before(room, node, heap[above]):
            break
        heap[place] = heap[above]
        position[heap[place]] = place
        place = above
    heap[place] = node
    position[node] = place


@njit(cache=True)
def _sink(room: Workspace, size: int) -> None:
    """Move the node at the top of the heap down to where it belongs."""
    heap, position = room.heap, room.position
    node = heap[0]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        if below + 1 < size and _before(room, heap[below + 1], heap[below]):
            below += 1
        if not _before(room, heap[below], node):
            break
        heap[place] = heap[below]
        position[heap[place]] = place
        place = below
    heap[place] = node
    position[node] = place


@njit(cache=True)
def _offer(
    room: Workspace, node: int, time_s: float, owner: int, size: int, n_touched: int
) -> tuple[int, int]:
    """Give a node a label if it is better; return the heap's and the trail's size."""
    if room.position[node] == -2 or time_s > room.time_s[node]:
        return size, n_touched
    if room.position[node] == -1:
        room.touched[n_touched] = node
        n_touched += 1
        room.heap[size] = node
        room.position[node] = size
        size += 1
    elif time_s == room.time_s[node] and owner >= room.owner[node]:
        return size, n_touched
    room.time_s[node] = time_s
    room.owner[node] = owner
    _rise(room, room.position[node])
    return size, n_touched


@njit(cache=True)
def search(
    arcs: Arcs,
    seeds: Stops,
    max_s: float,
    wanted: BoolArray,
    n_wanted: int,
    room: Workspace,
) -> int:
    """Label every node with its smallest (time, facility) up to ``max_s``.

    Stops as soon as ``n_wanted`` nodes marked in ``wanted`` are settled; -1 never
    stops early, and then every label is final. The workspace must be at rest; the
    answer is the number of touched nodes, to be handed to :func:`clear`.
    """
    size = 0
    n_touched = 0
    for i in range(len(seeds.number)):
        if seeds.u_s[i] <= max_s and seeds.u_s[i] < np.inf:
            size, n_touched = _offer(
                room, seeds.u[i], seeds.u_s[i], seeds.number[i], size, n_touched
            )
        if seeds.v_s[i] <= max_s and seeds.v_s[i] < np.inf:
            size, n_touched = _offer(
                room, seeds.v[i], seeds.v_s[i], seeds.number[i], size, n_touched
            )
    while size > 0:
        node = room.heap[0]
        room.position[node] = -2
        size -= 1
        if size > 0:
            room.heap[0] = room.heap[size]
            _sink(room, size)
        if n_wanted > 0 and wanted[node]:
            n_wanted -= 1
            if n_wanted == 0:
                break
        for arc in range(arcs.start[node], arcs.start[node + 1]):
            time_s = room.time_s[node] + arcs.time_s[arc]
            if time_s <= max_s:
                size, n_touched = _offer(
                    room, arcs.to[arc], time_s, room.owner[node], size, n_touched
                )
    return n_touched


@njit(cache=True)
def clear(room: Workspace, n_touched: int) -> None:
    """Put the workspace to rest again after a search."""
    for i in range(n_touched):
        node = room.touched[i]
        room.time_s[node] = np.inf
        room.owner[node] = -1
        room.position[node] = -1


@njit(cache=True)
def _along_s(demand: Stops, d: int, facility: Stops, f: int) -> float:
    """Time from demand point to facility on one edge; ``inf`` where that is closed."""
    legs_s = demand.leg_s[d] + facility.leg_s[f]
    if demand.along_m[d] == facility.along_m[f]:
        return float(legs_s)
    if demand.along_m[d] < facility.along_m[f]:
        begin_s, end_s = demand.forward_s[d], facility.forward_s[f]
    else:
        begin_s, end_s = facility.backward_s[f], demand.backward_s[d]
    # a closed way has coordinates of inf, whose difference is not a number
    return float(legs_s + (end_s - begin_s)) if end_s < np.inf else np.inf


@njit(cache=True)
def meet(
    demand: Stops,
    facility: Stops,
    max_s: float,
    room: Workspace,
    found_s: FloatArray,
    found_owner: IndexArray,
) -> None:
    """Join demand points to node labels and to the facilities on their own edge.

    Facilities are sorted by edge. Writes the smallest (time, facility) of each
    demand point into ``found_s`` and ``found_owner``, which hold ``inf`` and -1.
    """
    for d in range(len(demand.number)):
        best_s, best = np.inf, -1
        u_s = demand.u_s[d] + room.time_s[demand.u[d]]
        if u_s <= max_s and u_s < np.inf:
            best_s, best = u_s, room.owner[demand.u[d]]
        v_s = demand.v_s[d] + room.time_s[demand.v[d]]
        by_v = room.owner[demand.v[d]]
        if v_s <= max_s and (v_s < best_s or (v_s == best_s and by_v < best)):
            best_s, best = v_s, by_v
        f = np.searchsorted(facility.edge, demand.edge[d])
        while f < len(facility.edge) and facility.edge[f] == demand.edge[d]:
            time_s = _along_s(demand, d, facility, f)
            index = facility.number[f]
            if time_s <= max_s and (
                time_s < best_s or (time_s == best_s and index < best)
            ):
                best_s, best = time_s, index
            f += 1
        if best >= 0:
            found_s[d] = best_s
            found_owner[d] = best


@njit(cache=True)
def _reach_slot(
    demand: Stops,
    first: int,
    last: int,
    facility: Stops,
    f: int,
    same_edge: bool,
    limit_s: float,
    room: Workspace,
    pair: IndexArray,
    pair_s: FloatArray,
    n_pair: int,
) -> int:
    """Append an edge's demand points within the limit; return the pairs so far."""
    for d in range(first, last):
        best_s = min(
            demand.u_s[d] + room.time_s[demand.u[d]],
            demand.v_s[d] + room.time_s[demand.v[d]],
        )
        if same_edge:
            best_s = min(best_s, _along_s(demand, d, facility, f))
        if best_s <= limit_s and best_s < np.inf:
            pair[n_pair] = demand.number[d]
            pair_s[n_pair] = best_s
            n_pair += 1
    return n_pair


@njit(cache=True)
def reach_pairs(
    arcs: Arcs,
    slots: Slots,
    demand: Stops,
    facility: Stops,
    n_facility: int,
    limit_s: float,
    room: Workspace,
) -> tuple[IntArray, IndexArray, FloatArray]:
    """Return for each facility the demand points within the limit, ascending.

    Demand points are sorted by edge, facilities by index; facilities that are not
    among them have no pairs. One bounded search for each.
    """
    count = np.zeros(n_facility, dtype=np.int64)
    pair = np.empty(1024, dtype=np.int32)
    pair_s = np.empty(1024, dtype=np.float64)
    stamp = np.full(len(slots.edge), -1, dtype=np.int32)
    wanted = np.zeros(0, dtype=np.bool_)
    n_pair = 0
    for f in range(len(facility.number)):
        n_touched = search(arcs, _one(facility, f), limit_s, wanted, -1, room)
        own = np.searchsorted(slots.edge, facility.edge[f])
        first = n_pair
        for i in range(-1, n_touched):
            # the facility's own edge first: its ends may be beyond the limit
            if i < 0:
                low, high = 0, 1
            else:
                low = slots.node_start[room.touched[i]]
                high = slots.node_start[room.touched[i] + 1]
            for t in range(low, high):
                slot = own if i < 0 else slots.at_node[t]
                if slot == len(slots.edge) or stamp[slot] == f:
                    continue
                stamp[slot] = f
                begin, end = slots.start[slot], slots.start[slot + 1]
                if n_pair + end - begin > len(pair):
                    pair = _wider(pair, n_pair + end - begin)
                    pair_s = _wider(pair_s, n_pair + end - begin)
                same_edge = slots.edge[slot] == facility.edge[f]
                n_pair = _reach_slot(
                    demand, begin, end, facility, f, same_edge, limit_s, room,
                    pair, pair_s, n_pair,
                )  # fmt: skip
        clear(room, n_touched)
        order = np.argsort(pair[first:n_pair])
        pair[first:n_pair] = pair[first:n_pair][order]
        pair_s[first:n_pair] = pair_s[first:n_pair][order]
        count[facility.number[f]] = n_pair - first
    start = np.zeros(n_facility + 1, dtype=np.int64)
    start[1:] = np.cumsum(count)
    return start, pair[:n_pair].copy(), pair_s[:n_pair].copy()


@njit(cache=True)
def _wider(old: np.ndarray, least: int) -> np.ndarray:
    """Return a copy with room for twice as much, and for ``least`` items."""
    new = np.empty(max(2 * len(old), least), dtype=old.dtype)
    new[: len(old)] = old
    return new


@njit(cache=True)
def _one(stops: Stops, i: int) -> Stops:
    """Return a single stop as a row of one."""
    return Stops(
        stops.number[i : i + 1],
        stops.edge[i : i + 1],
        stops.along_m[i : i + 1],
        stops.forward_s[i : i + 1],
        stops.backward_s[i : i + 1],
        stops.leg_s[i : i + 1],
        stops.u[i : i + 1],
        stops.v[i : i + 1],
        stops.u_s[i : i + 1],
        stops.v_s[i : i + 1],
    )
