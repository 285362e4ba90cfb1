"""Compiled inner loops: bounded searches over the core of a network.

A label is one whole number, ``time << bits | facility`` with the time in 2⁻³⁰ s. To
compare labels is to compare (time, facility) in that order, so that of equally near
facilities the smallest index wins whatever the order in which roads are tried, also
across arcs that take no time. A label above the limit means not reached.

Nodes with a better label wait in buckets of equal width: a ring for the bucket in
hand, in which a node may be corrected and wait again, so that it need not be sorted;
and one list for all later buckets, looked through when the ring is empty. No node is
twice in either: the room needed is known beforehand.

Whether an arc leads to a better label cannot be foretold, by the processor neither: a
wrong guess costs it more than the arc. So the loop over arcs does not ask; it writes
every time, and counts what is written if it was better.

Everything here takes and returns plain arrays, in named tuples where they travel
together. Compiled on first use, kept in numba's cache, run without the interpreter's
lock.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

from yikezhong_coverage.contraction import FAR
from yikezhong_coverage.exact import TIME_QUANTUM_S
from yikezhong_coverage.layout import Berths, Network, Room
from yikezhong_coverage.machine import fetch_soon
from yikezhong_coverage.records import FloatArray, IndexArray, IntArray

#: Makes a signed number of an item, with which and an index nothing turns to floats.
Int: Any = np.int64

#: Bits of what a node waits for, see `Room`.
NEAR: Final = 1
FAR_OFF: Final = 2
TOUCHED: Final = 4


class Scale(NamedTuple):
    """How times become labels and labels buckets.

    ``limit`` is the largest label, ``limit_q`` the largest time [2⁻³⁰ s]; the lower
    ``bits`` of a label hold the facility; a bucket is ``width`` labels wide.
    """

    limit: int
    limit_q: int
    bits: int
    width: int


@njit(cache=True, nogil=True)
def sow(
    net: Network, seeds: Berths, span: tuple[int, int], room: Room, scale: Scale,
    n_touched: int,
) -> tuple[int, int]:  # fmt: skip
    """Label the surroundings of seeds outside the core, and the core's ends of them.

    Returns the touched nodes so far and how many core nodes wait. Arrays are taken out
    of their tuples first: in a loop that would cost more than the loop itself.
    """
    n_core = net.n_core
    start, to, time = net.inner.start, net.inner.to, net.inner.time
    label, waiting, touched = room.label, room.waiting, room.touched
    ring, near = room.ring, room.near
    limit, limit_q, bits = scale.limit, scale.limit_q, scale.bits
    number, u, v, u_q, v_q = seeds.number, seeds.u, seeds.v, seeds.u_q, seeds.v_q
    mask = (1 << bits) - 1
    begin, end, n_near = 0, 0, 0
    for i in range(2 * span[0], 2 * span[1]):
        x, at_q = (v[i >> 1], v_q[i >> 1]) if i & 1 else (u[i >> 1], u_q[i >> 1])
        key = (at_q << bits) | (number[i >> 1] & mask)
        if at_q > limit_q or key >= label[x]:
            continue
        if label[x] > limit and x >= n_core:
            touched[n_touched] = x
            n_touched += 1
        label[x] = key
        if waiting[x] & NEAR == 0:
            waiting[x] |= NEAR
            if x < n_core:
                near[n_near] = x
                n_near += 1
            else:
                ring[end & (len(ring) - 1)] = x
                end += 1
    while begin < end:
        x = Int(ring[begin & (len(ring) - 1)])
        begin += 1
        waiting[x] = 0
        key = label[x]
        for arc in range(start[x - n_core], start[x - n_core + 1]):
            y = to[arc]
            other = key + (time[arc] << bits)
            if other >= label[y]:
                continue
            if label[y] > limit and y >= n_core:
                touched[n_touched] = y
                n_touched += 1
            label[y] = other
            if waiting[y] & NEAR == 0:
                waiting[y] |= NEAR
                if y < n_core:
                    near[n_near] = y
                    n_near += 1
                else:
                    ring[end & (len(ring) - 1)] = y
                    end += 1
    return n_touched, n_near


@njit(cache=True, nogil=True)
def drain(
    net: Network, room: Room, scale: Scale, n_touched: int, n_near: int,
    ends: IndexArray,
) -> int:  # fmt: skip
    """Search the core until nothing waits, or all of ``ends`` have their last label.

    Nodes wait near, to be looked at in turn, or far, with labels from ``edge`` on,
    until nothing is near and the edge moves out. Returns the touched nodes so far.
    """
    to, time, n_core = net.core.to, net.core.time, net.n_core
    label, waiting, touched = room.label, room.waiting, room.touched
    near, far = room.near, room.far
    bits, edge = scale.bits, scale.width
    ring = len(near) - 1
    begin, end, n_far, n_done = 0, n_near, 0, 0
    while True:
        while begin < end:
            x = Int(near[begin & ring])
            begin += 1
            ahead = Int(near[(begin + 2) & ring]) << 2
            fetch_soon(to, ahead)
            fetch_soon(time, ahead)
            state = Int(waiting[x])
            waiting[x] = (state & ~NEAR) | TOUCHED
            touched[n_touched] = x
            n_touched += (state & TOUCHED) == 0
            key = label[x]
            row = x
            while row >= 0:
                first = row << 2
                row = -1
                for arc in range(first, first + 4):
                    y = Int(to[arc])
                    if y >= n_core:
                        row = y
                        continue
                    old, other = label[y], key + (time[arc] << bits)
                    better = Int(other < old)
                    soon = better & Int(other < edge)
                    late = better ^ soon
                    state = Int(waiting[y])
                    label[y] = min(other, old)
                    waiting[y] = state | soon | (late << 1)
                    near[end & ring] = y
                    far[n_far] = y
                    end += soon & ~state
                    n_far += late & ~(state >> 1)
        while n_done < len(ends) and label[ends[n_done]] < edge:
            n_done += 1
        if n_far == 0 or 0 < len(ends) == n_done:
            return _touch(room, n_far, n_touched)
        n_far, end, edge = _move_edge(room, scale, n_far, end, edge)


@njit(cache=True, nogil=True)
def _move_edge(
    room: Room, scale: Scale, n_far: int, end: int, edge: int
) -> tuple[int, int, int]:
    """Move the edge out, past the nearest that waits, and what it passes near.

    What was found nearer since it waited far has been looked at. Returns how many
    wait far, the end of the ring, and the edge.
    """
    label, waiting, near, far = room.label, room.waiting, room.near, room.far
    ring = len(near) - 1
    least = label[far[0]]
    for i in range(n_far):
        least = min(least, label[far[i]])
    passed, edge = edge, max(edge, least) + scale.width
    n_kept = 0
    for i in range(n_far):
        x = Int(far[i])
        later = Int(label[x] >= edge)
        now = Int(label[x] >= passed) ^ later
        waiting[x] = (Int(waiting[x]) & ~FAR_OFF) | now | (later << 1)
        near[end & ring] = x
        far[n_kept] = x
        end += now
        n_kept += later
    return n_kept, end, edge


@njit(cache=True, nogil=True)
def _touch(room: Room, n_far: int, n_touched: int) -> int:
    """Count as touched what still waits far when a search ends."""
    waiting, touched, far = room.waiting, room.touched, room.far
    for i in range(n_far):
        x = far[i]
        touched[n_touched] = x
        n_touched += (waiting[x] & TOUCHED) == 0
        waiting[x] |= TOUCHED
    return n_touched


@njit(cache=True, nogil=True)
def clear(room: Room, scale: Scale, n_touched: int) -> None:
    """Put the room to rest again after a search."""
    label, waiting, touched = room.label, room.waiting, room.touched
    for i in range(n_touched):
        label[touched[i]] = scale.limit + 1
        waiting[touched[i]] = 0


@njit(cache=True, nogil=True)
def search(
    net: Network, seeds: Berths, of_seeds: tuple[int, int], at_once: int, room: Room,
    scale: Scale,
) -> None:  # fmt: skip
    """Label the core, and the seeds' surroundings, with the smallest of all labels.

    A range of seeds runs in blocks of ``at_once`` neighbours, each to its end on the
    labels that the ones before left: a block stays in the cache, and the answer is the
    same.
    """
    n_touched = 0
    ends = np.empty(0, dtype=np.int32)
    for first in range(of_seeds[0], of_seeds[1], at_once):
        last = min(first + at_once, of_seeds[1])
        n_touched, n_near = sow(net, seeds, (first, last), room, scale, n_touched)
        n_touched = drain(net, room, scale, n_touched, n_near, ends)


@njit(cache=True, nogil=True)
def read_nodes(
    net: Network,
    old_of: IndexArray,
    of_nodes: tuple[int, int],
    room: Room,
    scale: Scale,
    time_s: FloatArray,
    owner: IndexArray,
) -> None:
    """Write time and facility of a range of nodes after a search, in the old numbers."""
    label, a, b, of_node = room.label, net.a, net.b, net.cell
    out_a, out_b = net.out_a, net.out_b
    limit, limit_q, bits = scale.limit, scale.limit_q, scale.bits
    n_core = net.n_core
    mask = (1 << bits) - 1
    for x in range(of_nodes[0], of_nodes[1]):
        key = label[x]
        if x >= n_core:
            i = x - n_core
            cell = of_node[i]
            if out_a[i] <= limit_q:
                key = min(key, label[a[cell]] + (out_a[i] << bits))
            if out_b[i] <= limit_q:
                key = min(key, label[b[cell]] + (out_b[i] << bits))
        reached = key <= limit
        time_s[old_of[x]] = (key >> bits) * TIME_QUANTUM_S if reached else np.inf
        owner[old_of[x]] = key & mask if reached else -1


@njit(cache=True, nogil=True)
def along(demand: Berths, d: int, facility: Berths, f: int) -> int:
    """Time from demand point to facility on one edge; FAR where that is closed."""
    legs = demand.leg_q[d] + facility.leg_q[f]
    if demand.along_m[d] == facility.along_m[f]:
        return int(legs)
    if demand.along_m[d] < facility.along_m[f]:
        begin, end = demand.forward_q[d], facility.forward_q[f]
    else:
        begin, end = facility.backward_q[f], demand.backward_q[d]
    return int(legs + end - begin) if end < FAR else FAR


@njit(cache=True, nogil=True)
def inside(
    demand: Berths,
    d: int,
    facility: Berths,
    first: int,
    last: int,
    room: Room,
    scale: Scale,
    best: int,
) -> int:
    """Improve a label by the facilities ``first:last`` of the same cell."""
    mask = (1 << scale.bits) - 1
    if demand.u_q[d] <= scale.limit_q:
        best = min(best, room.label[demand.u[d]] + (demand.u_q[d] << scale.bits))
    if demand.v_q[d] <= scale.limit_q:
        best = min(best, room.label[demand.v[d]] + (demand.v_q[d] << scale.bits))
    f = first + np.searchsorted(facility.edge[first:last], demand.edge[d])
    while f < last and facility.edge[f] == demand.edge[d]:
        time = along(demand, d, facility, f)
        if time <= scale.limit_q:
            best = min(best, (time << scale.bits) | (facility.number[f] & mask))
        f += 1
    return best


@njit(cache=True, nogil=True)
def meet(
    net: Network,
    demand: Berths,
    of_demand: tuple[int, int],
    facility: Berths,
    of_facility: tuple[int, int],
    room: Room,
    scale: Scale,
    time_s: FloatArray,
    owner: IndexArray,
) -> None:
    """Write time and facility of a range of demand points after a search.

    Both ranges are sorted by cell, facilities within a cell by edge. The results are
    written at the points' numbers; what is not reached is left as it is.
    """
    label, a, b = room.label, net.a, net.b
    of_cell, a_q, b_q, number = demand.cell, demand.a_q, demand.b_q, demand.number
    limit, limit_q, bits = scale.limit, scale.limit_q, scale.bits
    seeded = facility.cell
    first = last = of_facility[0]
    mask = (1 << bits) - 1
    for d in range(of_demand[0], of_demand[1]):
        cell = of_cell[d]
        best = limit + 1
        if a_q[d] <= limit_q:
            best = min(best, label[a[cell]] + (a_q[d] << bits))
        if b_q[d] <= limit_q:
            best = min(best, label[b[cell]] + (b_q[d] << bits))
        while first < of_facility[1] and seeded[first] < cell:
            first += 1
        last = max(first, last)
        while last < of_facility[1] and seeded[last] == cell:
            last += 1
        if first < last:
            best = inside(demand, d, facility, first, last, room, scale, best)
        if best <= limit:
            time_s[number[d]] = (best >> bits) * TIME_QUANTUM_S
            owner[number[d]] = best & mask


@njit(cache=True, nogil=True)
def search_groups(
    net: Network,
    demand: Berths,
    demand_start: IntArray,
    facility: Berths,
    facility_start: IntArray,
    room: Room,
    scale: Scale,
    time_s: FloatArray,
    owner: IndexArray,
) -> None:
    """Search for each group by itself; it ends where the group's demand ends.

    Both are sorted by group, then by cell; group ``g`` is ``start[g]:start[g + 1]``.
    """
    for group in range(len(demand_start) - 1):
        d0, d1 = demand_start[group], demand_start[group + 1]
        f0, f1 = facility_start[group], facility_start[group + 1]
        if d0 == d1 or f0 == f1:
            continue
        cells = demand.cell[d0:d1]
        ends = np.concatenate((net.a[cells], net.b[cells]))
        n_touched, n_near = sow(net, facility, (f0, f1), room, scale, 0)
        n_touched = drain(net, room, scale, n_touched, n_near, ends)
        meet(net, demand, (d0, d1), facility, (f0, f1), room, scale, time_s, owner)
        clear(room, scale, n_touched)
