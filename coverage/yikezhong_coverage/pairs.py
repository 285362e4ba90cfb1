"""Compiled inner loops for all pairs of facility and demand point within a limit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from yikezhong_coverage.exact import TIME_QUANTUM_S
from yikezhong_coverage.kernels import Scale, along, clear, drain, sow
from yikezhong_coverage.layout import Berths, Network, Room
from yikezhong_coverage.records import FloatArray, IndexArray, IntArray


class Beside(NamedTuple):
    """Cells with demand at each core node, as compressed rows."""

    start: IndexArray
    cell: IndexArray


class Found(NamedTuple):
    """Demand points found so far of the facility in hand, as bits, with their times.

    Bit ``d & 63`` of ``word[d >> 6]`` stands for demand point ``d``, and bits of
    ``above`` for words that are not empty: read from the lowest bit up, the points
    come in order without being sorted.
    """

    time: IntArray
    word: NDArray[np.uint64]
    above: NDArray[np.uint64]


# the place of the lowest bit of a power of two, by its product with this constant
_FACTOR = np.uint64(0x03F79D71B4CB0A89)
_PLACE = np.argsort(
    [(0x03F79D71B4CB0A89 << place & (2**64 - 1)) >> 58 for place in range(64)]
)
_ONE = np.uint64(1)
_TOP = np.uint64(58)


@njit(cache=True, nogil=True)
def list_beside(net: Network, demand: Berths) -> Beside:
    """List the cells that hold demand points at their ends."""
    n_core = len(net.core.start) - 1
    start = np.zeros(n_core + 1, dtype=np.int32)
    cell = np.empty(0, dtype=np.int32)
    for fill in range(2):
        for c in range(len(net.a)):
            if demand.start[c] == demand.start[c + 1]:
                continue
            for turned in range(2 if net.a[c] != net.b[c] else 1):
                x = net.b[c] if turned else net.a[c]
                if fill:
                    start[x] -= 1
                    cell[start[x]] = c
                else:
                    start[x] += 1
        if not fill:
            for x in range(1, n_core + 1):
                start[x] += start[x - 1]
            cell = np.empty(start[n_core], dtype=np.int32)
    return Beside(start, cell)


@njit(cache=True, nogil=True)
def _mark_beside(
    net: Network,
    demand: Berths,
    beside: Beside,
    n_touched: int,
    own: int,
    room: Room,
    limit: int,
    found: Found,
) -> int:
    """Note the demand points in the cells at reached core nodes; return their number."""
    count = 0
    n_core = len(net.core.start) - 1
    ends_a, ends_b, label, touched = net.a, net.b, room.label, room.touched
    start, number, a_q, b_q = demand.start, demand.number, demand.a_q, demand.b_q
    row, cells = beside.start, beside.cell
    times, word, above = found.time, found.word, found.above
    for t in range(n_touched):
        x = touched[t]
        if x >= n_core:
            continue
        for i in range(row[x], row[x + 1]):
            cell = cells[i]
            a, b = ends_a[cell], ends_b[cell]
            # a cell with both ends reached is looked at from its end a
            if cell == own or (x != a and label[a] <= limit):
                continue
            at_a, at_b = label[a], label[b]
            for k in range(start[cell], start[cell + 1]):
                time = min(at_a + a_q[k], at_b + b_q[k])
                if time <= limit:
                    count += 1
                    d = number[k]
                    times[d] = time
                    word[d >> 6] |= _ONE << np.uint64(d & 63)
                    above[d >> 12] |= _ONE << np.uint64((d >> 6) & 63)
    return count


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
    """Note the demand points in the facility's own cell; return their number."""
    label, number, edge = room.label, demand.number, demand.edge
    u, v, u_q, v_q = demand.u, demand.v, demand.u_q, demand.v_q
    a_q, b_q = demand.a_q, demand.b_q
    times, word, above = found.time, found.word, found.above
    own_edge, cell = facility.edge[f], facility.cell[f]
    at_a, at_b = label[net.a[cell]], label[net.b[cell]]
    count = 0
    for k in range(demand.start[cell], demand.start[cell + 1]):
        time = min(at_a + a_q[k], at_b + b_q[k])
        time = min(time, label[u[k]] + u_q[k], label[v[k]] + v_q[k])
        if edge[k] == own_edge:
            time = min(time, along(demand, k, facility, f))
        if time <= limit:
            count += 1
            d = number[k]
            times[d] = time
            word[d >> 6] |= _ONE << np.uint64(d & 63)
            above[d >> 12] |= _ONE << np.uint64((d >> 6) & 63)
    return count


@njit(cache=True, nogil=True)
def _read(found: Found, n: int, pair: IndexArray, pair_s: FloatArray) -> None:
    """Write what was noted in ascending order from ``n`` on, and forget it."""
    word, above, time = found.word, found.above, found.time
    for k in range(len(above)):
        group = above[k]
        if group == 0:
            continue
        above[k] = 0
        while group:
            low = group & (~group + _ONE)
            group ^= low
            w = (k << 6) + _PLACE[(low * _FACTOR) >> _TOP]
            bits = word[w]
            word[w] = 0
            while bits:
                low = bits & (~bits + _ONE)
                bits ^= low
                d = (w << 6) + _PLACE[(low * _FACTOR) >> _TOP]
                pair[n] = d
                pair_s[n] = time[d] * TIME_QUANTUM_S
                n += 1


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
        n_touched = drain(net.core, room, scale, n_touched, n_near, ends)
        n_row = _mark_own(net, demand, facility, f, room, scale.limit, found)
        n_row += _mark_beside(
            net, demand, beside, n_touched, facility.cell[f], room, scale.limit, found
        )
        clear(room, scale, n_touched)
        if n + n_row > len(pair):
            pair = _wider(pair, n, n + n_row)
            pair_s = _wider(pair_s, n, n + n_row)
        _read(found, n, pair, pair_s)
        n += n_row
        count[f - first] = n_row
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
