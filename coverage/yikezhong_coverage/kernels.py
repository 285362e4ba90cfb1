"""Compiled inner loops: bounded Dijkstra over compressed arcs, and edge lengths.

Everything here takes and returns plain arrays; a faster kernel can take its place
without its callers noticing. Compiled on first use, kept in numba's cache.

A label is a pair (time, facility) compared in that order, so that of equally near
facilities the smallest index wins whatever the order in which roads are tried, also
across arcs that take no time. The heap is a plain binary one with positions, so it
never holds a node twice and its room is known beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, IntArray


@dataclass(frozen=True, eq=False)
class Workspace:
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

    @classmethod
    def for_nodes(cls, n_node: int) -> Workspace:
        """Make the room for a network of ``n_node`` nodes."""
        return cls(
            np.full(n_node, np.inf),
            np.full(n_node, -1, dtype=np.int32),
            np.empty(n_node, dtype=np.int32),
            np.full(n_node, -1, dtype=np.int32),
            np.empty(n_node, dtype=np.int32),
        )

    @property
    def arrays(
        self,
    ) -> tuple[FloatArray, IndexArray, IndexArray, IndexArray, IndexArray]:
        """The arrays in the order in which the kernels take them."""
        return self.time_s, self.owner, self.heap, self.position, self.touched


@njit(cache=True)
def accumulate_along(vertex_start: IntArray, step_m: FloatArray) -> FloatArray:
    """Add up steps from each edge's first vertex; ``step_m[i]`` leads to vertex i.

    Every edge is summed by itself from its u on: its length does not depend on what
    other edges the table holds.
    """
    along = np.zeros(len(step_m))
    for edge in range(len(vertex_start) - 1):
        total = 0.0
        for i in range(vertex_start[edge] + 1, vertex_start[edge + 1]):
            total += step_m[i]
            along[i] = total
    return along


@njit(cache=True)
def _before(time_s: FloatArray, owner: IndexArray, a: int, b: int) -> bool:
    """Whether node a's label comes before node b's."""
    if time_s[a] != time_s[b]:
        return bool(time_s[a] < time_s[b])
    return bool(owner[a] < owner[b])


@njit(cache=True)
def _rise(
    time_s: FloatArray,
    owner: IndexArray,
    heap: IndexArray,
    position: IndexArray,
    place: int,
) -> None:
    """Move the node at ``place`` of the heap up to where it belongs."""
    node = heap[place]
    while place > 0:
        above = (place - 1) >> 1
        if not _before(time_s, owner, node, heap[above]):
            break
        heap[place] = heap[above]
        position[heap[place]] = place
        place = above
    heap[place] = node
    position[node] = place


@njit(cache=True)
def _sink(
    time_s: FloatArray,
    owner: IndexArray,
    heap: IndexArray,
    position: IndexArray,
    size: int,
) -> None:
    """Move the node at the top of the heap down to where it belongs."""
    node = heap[0]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        if below + 1 < size and _before(time_s, owner, heap[below + 1], heap[below]):
            below += 1
        if not _before(time_s, owner, heap[below], node):
            break
        heap[place] = heap[below]
        position[heap[place]] = place
        place = below
    heap[place] = node
    position[node] = place


@njit(cache=True)
def search(
    arc_start: IntArray,
    arc_to: IndexArray,
    arc_s: FloatArray,
    seed_node: IndexArray,
    seed_s: FloatArray,
    seed_owner: IndexArray,
    max_s: float,
    wanted: BoolArray,
    n_wanted: int,
    time_s: FloatArray,
    owner: IndexArray,
    heap: IndexArray,
    position: IndexArray,
    touched: IndexArray,
) -> int:
    """Label every node with its smallest (time, owner) from the seeds, up to max_s.

    Stops as soon as ``n_wanted`` nodes marked in ``wanted`` are settled; -1 never
    stops early, and then every label is final. The workspace must be at rest; the
    answer is the number of touched nodes, to be handed to :func:`clear`.
    """
    size = 0
    n_touched = 0
    for i in range(len(seed_node)):
        new_s = seed_s[i]
        node = seed_node[i]
        if not new_s <= max_s or new_s > time_s[node]:
            continue
        if new_s == time_s[node] and (seed_owner[i] >= owner[node] >= 0):
            continue
        if position[node] == -1:
            touched[n_touched] = node
            n_touched += 1
            position[node] = size
            heap[size] = node
            size += 1
        time_s[node] = new_s
        owner[node] = seed_owner[i]
        _rise(time_s, owner, heap, position, position[node])
    while size > 0:
        node = heap[0]
        size -= 1
        position[node] = -2
        if size > 0:
            heap[0] = heap[size]
            _sink(time_s, owner, heap, position, size)
        if n_wanted >= 0 and wanted[node]:
            n_wanted -= 1
            if n_wanted == 0:
                break
        for arc in range(arc_start[node], arc_start[node + 1]):
            other = arc_to[arc]
            if position[other] == -2:
                continue
            new_s = time_s[node] + arc_s[arc]
            if not new_s <= max_s or new_s > time_s[other]:
                continue
            if position[other] == -1:
                touched[n_touched] = other
                n_touched += 1
                position[other] = size
                heap[size] = other
                size += 1
            elif new_s == time_s[other] and owner[node] >= owner[other]:
                continue
            time_s[other] = new_s
            owner[other] = owner[node]
            _rise(time_s, owner, heap, position, position[other])
    return n_touched


@njit(cache=True)
def clear(
    n_touched: int,
    time_s: FloatArray,
    owner: IndexArray,
    heap: IndexArray,
    position: IndexArray,
    touched: IndexArray,
) -> None:
    """Put the workspace to rest again after a search."""
    for i in range(n_touched):
        node = touched[i]
        time_s[node] = np.inf
        owner[node] = -1
        position[node] = -1


@njit(cache=True)
def _along_s(
    from_m: float,
    from_forward_s: float,
    from_backward_s: float,
    to_m: float,
    to_forward_s: float,
    to_backward_s: float,
) -> float:
    """Time between two places on one edge without leaving it.

    Coordinates of a direction that may not be used are ``inf``; their difference is
    not a number, which stands for no way.
    """
    if from_m == to_m:
        return 0.0
    if to_m > from_m:
        return to_forward_s - from_forward_s
    return from_backward_s - to_backward_s


@njit(cache=True)
def meet(
    demand_edge: IndexArray,
    demand_m: FloatArray,
    demand_forward_s: FloatArray,
    demand_backward_s: FloatArray,
    demand_leg_s: FloatArray,
    demand_u: IndexArray,
    demand_v: IndexArray,
    demand_u_s: FloatArray,
    demand_v_s: FloatArray,
    facility_edge: IndexArray,
    facility_m: FloatArray,
    facility_forward_s: FloatArray,
    facility_backward_s: FloatArray,
    facility_leg_s: FloatArray,
    facility_owner: IndexArray,
    max_s: float,
    time_s: FloatArray,
    owner: IndexArray,
    found_s: FloatArray,
    found_owner: IndexArray,
) -> None:
    """Join demand points to node labels and to the facilities on their own edge.

    Facilities are sorted by edge. Writes the smallest (time, owner) of each demand
    point into ``found_s`` and ``found_owner``, which hold ``inf`` and -1 before.
    """
    for i in range(len(demand_edge)):
        best_s = np.inf
        best = -1
        for end in range(2):
            node = demand_u[i] if end == 0 else demand_v[i]
            new_s = (demand_u_s[i] if end == 0 else demand_v_s[i]) + time_s[node]
            if new_s <= max_s and (
                new_s < best_s or (new_s == best_s and owner[node] < best)
            ):
                best_s = new_s
                best = owner[node]
        edge = demand_edge[i]
        j = np.searchsorted(facility_edge, edge)
        while j < len(facility_edge) and facility_edge[j] == edge:
            new_s = (
                demand_leg_s[i]
                + facility_leg_s[j]
                + _along_s(
                    demand_m[i],
                    demand_forward_s[i],
                    demand_backward_s[i],
                    facility_m[j],
                    facility_forward_s[j],
                    facility_backward_s[j],
                )
            )
            if new_s <= max_s and (
                new_s < best_s or (new_s == best_s and facility_owner[j] < best)
            ):
                best_s = new_s
                best = facility_owner[j]
            j += 1
        if best >= 0:
            found_s[i] = best_s
            found_owner[i] = best


@njit(cache=True)
def reach_pairs(
    arc_start: IntArray,
    arc_to: IndexArray,
    arc_s: FloatArray,
    slot_edge: IndexArray,
    slot_start: IntArray,
    touch_start: IntArray,
    touch_slot: IndexArray,
    demand_index: IndexArray,
    demand_m: FloatArray,
    demand_forward_s: FloatArray,
    demand_backward_s: FloatArray,
    demand_leg_s: FloatArray,
    demand_u: IndexArray,
    demand_v: IndexArray,
    demand_u_s: FloatArray,
    demand_v_s: FloatArray,
    facility_edge: IndexArray,
    facility_m: FloatArray,
    facility_forward_s: FloatArray,
    facility_backward_s: FloatArray,
    facility_leg_s: FloatArray,
    facility_u: IndexArray,
    facility_v: IndexArray,
    facility_u_s: FloatArray,
    facility_v_s: FloatArray,
    limit_s: float,
    time_s: FloatArray,
    owner: IndexArray,
    heap: IndexArray,
    position: IndexArray,
    touched: IndexArray,
) -> tuple[IntArray, IndexArray, FloatArray]:
    """Return for each facility the demand points within the limit, ascending.

    Demand points are sorted by edge; those of edge ``slot_edge[k]`` stand at
    ``slot_start[k]:slot_start[k + 1]``, and node ``n`` is an end of the slots
    ``touch_slot[touch_start[n]:touch_start[n + 1]]``. A facility with edge -1 has no
    pairs.
    """
    n_facility = len(facility_edge)
    start = np.zeros(n_facility + 1, dtype=np.int64)
    pair = np.empty(1024, dtype=np.int32)
    pair_s = np.empty(1024, dtype=np.float64)
    stamp = np.full(len(slot_edge), -1, dtype=np.int32)
    seed_node = np.empty(2, dtype=np.int32)
    seed_s = np.empty(2, dtype=np.float64)
    seed_owner = np.zeros(2, dtype=np.int32)
    wanted = np.zeros(0, dtype=np.bool_)
    n_pair = 0
    for f in range(n_facility):
        start[f + 1] = n_pair
        if facility_edge[f] < 0:
            continue
        seed_node[0] = facility_u[f]
        seed_node[1] = facility_v[f]
        seed_s[0] = facility_u_s[f]
        seed_s[1] = facility_v_s[f]
        n_touched = search(
            arc_start, arc_to, arc_s, seed_node, seed_s, seed_owner, limit_s,
            wanted, -1, time_s, owner, heap, position, touched,
        )  # fmt: skip
        own = np.searchsorted(slot_edge, facility_edge[f])
        if own == len(slot_edge) or slot_edge[own] != facility_edge[f]:
            own = -1
        first = n_pair
        for i in range(-1, n_touched):
            low = 0 if i < 0 else touch_start[touched[i]]
            high = 1 if i < 0 else touch_start[touched[i] + 1]
            for t in range(low, high):
                slot = own if i < 0 else touch_slot[t]
                if slot < 0 or stamp[slot] == f:
                    continue
                stamp[slot] = f
                for d in range(slot_start[slot], slot_start[slot + 1]):
                    best_s = min(
                        demand_u_s[d] + time_s[demand_u[d]],
                        demand_v_s[d] + time_s[demand_v[d]],
                    )
                    if slot == own:
                        new_s = (
                            demand_leg_s[d]
                            + facility_leg_s[f]
                            + _along_s(
                                demand_m[d],
                                demand_forward_s[d],
                                demand_backward_s[d],
                                facility_m[f],
                                facility_forward_s[f],
                                facility_backward_s[f],
                            )
                        )
                        best_s = min(best_s, new_s)
                    if best_s <= limit_s and best_s < np.inf:
                        if n_pair == len(pair):
                            wider = np.empty(2 * n_pair, dtype=np.int32)
                            wider[:n_pair] = pair
                            pair = wider
                            wider_s = np.empty(2 * n_pair, dtype=np.float64)
                            wider_s[:n_pair] = pair_s
                            pair_s = wider_s
                        pair[n_pair] = demand_index[d]
                        pair_s[n_pair] = best_s
                        n_pair += 1
        clear(n_touched, time_s, owner, heap, position, touched)
        order = np.argsort(pair[first:n_pair])
        pair[first:n_pair] = pair[first:n_pair][order]
        pair_s[first:n_pair] = pair_s[first:n_pair][order]
        start[f + 1] = n_pair
    return start, pair[:n_pair].copy(), pair_s[:n_pair].copy()
