"""Compiled inner loops for all pairs of facility and demand point within a limit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from yikezhong_coverage.exact import TIME_QUANTUM_S
from yikezhong_coverage.kernels import Scale, along, clear, drain, sow
from yikezhong_coverage.layout import Berths, Beside, Network, Room
from yikezhong_coverage.machine import lowest_bit
from yikezhong_coverage.records import FloatArray, IndexArray, IntArray


class Found(NamedTuple):
    """Demand points found so far of the facility in hand, as bits, with their times.

    Bit ``d & 63`` of ``word[d >> 6]`` stands for demand point ``d``, and bits of
    ``above`` for words that are not empty: read from the lowest bit up, the points
    come in order without being sorted.
    """

    time: IntArray
    word: NDArray[np.uint64]
    above: NDArray[np.uint64]


_ONE = np.uint64(1)


@njit(cache=True, nogil=True)
def list_beside(net: Network, demand: Berths) -> Beside:
    """List the demand points at each core node."""
    start = np.zeros(net.n_core + 1, dtype=np.int32)
    cell = np.empty(0, dtype=np.int32)
    for fill in range(2):
        for c in range(len(net.a)):
            x = net.b[c]
            if demand.start[c] == demand.start[c + 1] or net.a[c] == x:
                continue
            if fill:
                start[x] -= 1
                cell[start[x]] = c
            else:
                start[x] += 1
        if not fill:
            for x in range(1, net.n_core + 1):
                start[x] += start[x - 1]
            cell = np.empty(start[net.n_core], dtype=np.int32)
    return Beside(demand.start[net.first], net.b[demand.cell], start, cell)


@njit(cache=True, nogil=True)
def _mark_beside(
    net: Network,
    demand: Berths,
    beside: Beside,
    n_touched: int,
    room: Room,
    limit: int,
    found: Found,
) -> int:
    """Note the demand points at reached core nodes; return how many were looked at.

    A cell is looked at from its end a, from b only where a is not reached. What is
    too far is written as well, but without its bit: that is faster than to ask.
    """
    ends_a, label, touched = net.a, room.label, room.touched
    start, number, a_q, b_q = demand.start, demand.number, demand.a_q, demand.b_q
    first, ends_b, row, cells = beside.first, beside.b, beside.start, beside.cell
    times, word, above = found.time, found.word, found.above
    n_seen = 0
    for t in range(n_touched):
        x = np.int64(touched[t])
        if x >= net.n_core:
            continue
        at_x = label[x]
        n_seen += first[x + 1] - first[x]
        for k in range(first[x], first[x + 1]):
            time = min(at_x + a_q[k], label[ends_b[k]] + b_q[k])
            near = np.uint64(time <= limit)
            d = number[k]
            times[d] = time
            word[d >> 6] |= near << np.uint64(d & 63)
            above[d >> 12] |= near << np.uint64((d >> 6) & 63)
        for i in range(row[x], row[x + 1]):
            cell = cells[i]
            if label[ends_a[cell]] <= limit:
                continue
            n_seen += start[cell + 1] - start[cell]
            for k in range(start[cell], start[cell + 1]):
                near = np.uint64(at_x + b_q[k] <= limit)
                d = number[k]
                times[d] = at_x + b_q[k]
                word[d >> 6] |= near << np.uint64(d & 63)
                above[d >> 12] |= near << np.uint64((d >> 6) & 63)
    return n_seen


@njit(cache=True, nogil=True)
def _mark_own(
    net: Network,
    demand: Berths,
    facility: Berths,
    f: int,
    room: Room,
    limit: int,
    found: Found,
) -> int:
    """Note the demand points in the facility's own cell, last, with their least time.

    Returns how many were looked at.
    """
    label, number, edge = room.label, demand.number, demand.edge
    u, v, u_q, v_q = demand.u, demand.v, demand.u_q, demand.v_q
    a_q, b_q = demand.a_q, demand.b_q
    times, word, above = found.time, found.word, found.above
    own_edge, cell = facility.edge[f], facility.cell[f]
    at_a, at_b = label[net.a[cell]], label[net.b[cell]]
    for k in range(demand.start[cell], demand.start[cell + 1]):
        time = min(at_a + a_q[k], at_b + b_q[k])
        time = min(time, label[u[k]] + u_q[k], label[v[k]] + v_q[k])
        if edge[k] == own_edge:
            time = min(time, along(demand, k, facility, f))
        if time <= limit:
            d = number[k]
            times[d] = time
            word[d >> 6] |= _ONE << np.uint64(d & 63)
            above[d >> 12] |= _ONE << np.uint64((d >> 6) & 63)
    return int(demand.start[cell + 1] - demand.start[cell])


@njit(cache=True, nogil=True)
def _read(found: Found, n: int, pair: IndexArray, pair_s: FloatArray) -> int:
    """Write the noted points, ascending, from place ``n`` on, and forget them.

    Returns the end of what is written.
    """
    time, word, above = found.time, found.word, found.above
    for k in range(len(above)):
        group = above[k]
        above[k] = 0
        while group:
            w = (k << 6) + lowest_bit(group)
            group &= group - _ONE
            bits = word[w]
            word[w] = 0
            while bits:
                d = (w << 6) + lowest_bit(bits)
                bits &= bits - _ONE
                pair[n] = d
                pair_s[n] = time[d] * TIME_QUANTUM_S
                n += 1
    return n


@njit(cache=True, nogil=True)
def reach_rows(
    net: Network, demand: Berths, beside: Beside, facility: Berths, first: int,
    last: int, n_demand: int, room: Room, scale: Scale,
) -> tuple[IntArray, IndexArray, FloatArray]:  # fmt: skip
    """Return the demand points within the limit of facilities ``first:last``.

    One row each, its points ascending; the number of points, then points and times.
    """
    count = np.zeros(last - first, dtype=np.int64)
    pair = np.empty(4096, dtype=np.int32)
    pair_s = np.empty(4096, dtype=np.float64)
    n_word = (n_demand >> 6) + 1
    found = Found(
        np.empty(n_demand, dtype=np.int64),
        np.zeros(n_word, dtype=np.uint64),
        np.zeros((n_word >> 6) + 1, dtype=np.uint64),
    )
    ends = np.empty(0, dtype=np.int32)
    n = 0
    for f in range(first, last):
        n_touched, n_near = sow(net, facility, (f, f + 1), room, scale, 0)
        n_touched = drain(net, room, scale, n_touched, n_near, ends)
        most = n + _mark_beside(
            net, demand, beside, n_touched, room, scale.limit, found
        )
        most += _mark_own(net, demand, facility, f, room, scale.limit, found)
        clear(room, scale, n_touched)
        if most > len(pair):
            pair = _wider(pair, n, most)
            pair_s = _wider(pair_s, n, most)
        end = _read(found, n, pair, pair_s)
        count[f - first] = end - n
        n = end
    return count, pair[:n], pair_s[:n]


@njit(cache=True, nogil=True)
def _wider(old: np.ndarray, used: int, least: int) -> np.ndarray:
    """Return a copy with room for half as much again, and for ``least`` items."""
    new = np.empty(max(3 * len(old) // 2, least), dtype=old.dtype)
    new[:used] = old[:used]
    return new


@njit(cache=True, nogil=True)
def copy_rows(
    row: IndexArray,
    count: IntArray,
    pair: IndexArray,
    pair_s: FloatArray,
    start: IntArray,
    all_pair: IndexArray,
    all_s: FloatArray,
) -> None:
    """Copy rows one after another to where they begin in the whole."""
    n = 0
    for i in range(len(row)):
        to = start[row[i]]
        for k in range(count[i]):
            all_pair[to + k] = pair[n + k]
            all_s[to + k] = pair_s[n + k]
        n += count[i]
