"""Compiled inner loops for all pairs of facility and demand point within a limit."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from yikezhong_coverage.exact import TIME_QUANTUM_S
from yikezhong_coverage.kernels import Int, Scale, along, clear, drain, sow
from yikezhong_coverage.layout import Berths, Beside, Network, Room, UnsignedArray
from yikezhong_coverage.machine import lowest_bit
from yikezhong_coverage.records import FloatArray, IndexArray, IntArray


class Found(NamedTuple):
    """Demand points found so far of the facility in hand, as bits, with their times.

    Bit ``d & 63`` of ``word[d >> 6]`` stands for demand point ``d``, and ``group`` tells
    which words may not be empty: read from the lowest bit up, the points come in order
    without being sorted. ``block`` has room for the blocks of core nodes
    that are looked at, and one more; ``listed`` tells which are among them.
    """

    time: IntArray
    word: NDArray[np.uint64]
    group: NDArray[np.uint8]
    block: UnsignedArray
    listed: NDArray[np.uint8]


_ONE = np.uint64(1)
#: Points in a group, as a power of two.
GROUP_BITS: Final = 10
#: Core nodes in a block, as a power of two. Neighbours have numbers close together:
#: to look at a few points too many is faster than to ask for each node.
BLOCK_BITS: Final = 4


@njit(cache=True, nogil=True)
def list_beside(net: Network, demand: Berths) -> Beside:
    """List the demand points of each block of core nodes, and what lies beside them."""
    start = np.zeros(net.n_core + 1, dtype=np.int32)
    block = np.empty(0, dtype=np.int32)
    for fill in range(2):
        for c in range(len(net.a)):
            x, other = net.b[c], net.a[c] >> BLOCK_BITS
            if demand.start[c] == demand.start[c + 1] or x >> BLOCK_BITS == other:
                continue
            if fill:
                start[x] -= 1
                block[start[x]] = other
            else:
                start[x] += 1
        if not fill:
            for x in range(1, net.n_core + 1):
                start[x] += start[x - 1]
            block = np.empty(start[net.n_core], dtype=np.int32)
    edge = np.arange(0, net.n_core + (1 << BLOCK_BITS), 1 << BLOCK_BITS)
    first = demand.start[net.first[np.minimum(edge, net.n_core)]]
    return Beside(first, net.a[demand.cell], net.b[demand.cell], start, block)


@njit(cache=True, nogil=True)
def _list_blocks(
    beside: Beside, n_core: int, n_touched: int, room: Room, found: Found
) -> int:
    """List the blocks in which demand points may be near; return their number."""
    touched, row, other = room.touched, beside.start, beside.block
    block, listed = found.block, found.listed
    n = 0
    for t in range(n_touched):
        x = Int(touched[t])
        if x >= n_core:
            continue
        k = x >> BLOCK_BITS
        block[n] = k
        n += listed[k] == 0
        listed[k] = 1
        for i in range(row[x], row[x + 1]):
            k = Int(other[i])
            block[n] = k
            n += listed[k] == 0
            listed[k] = 1
    return n


@njit(cache=True, nogil=True)
def _mark_blocks(
    demand: Berths, beside: Beside, n_block: int, room: Room, limit: int, found: Found
) -> int:
    """Note the demand points of the listed blocks; return how many were looked at.

    What is too far is written as well, but without its bit: that is faster than to ask.
    """
    label, number, a_q, b_q = room.label, demand.number, demand.a_q, demand.b_q
    first, ends_a, ends_b = beside.first, beside.a, beside.b
    times, word, group = found.time, found.word, found.group
    n_seen = 0
    for i in range(n_block):
        block = Int(found.block[i])
        found.listed[block] = 0
        n_seen += first[block + 1] - first[block]
        for k in range(first[block], first[block + 1]):
            time = min(label[ends_a[k]] + a_q[k], label[ends_b[k]] + b_q[k])
            near = np.uint64(time <= limit)
            d = number[k]
            times[d] = time
            word[d >> 6] |= near << np.uint64(d & 63)
            group[d >> GROUP_BITS] = 1
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
    times, word, group = found.time, found.word, found.group
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
            group[d >> GROUP_BITS] = 1
    return int(demand.start[cell + 1] - demand.start[cell])


@njit(cache=True, nogil=True)
def _read(found: Found, n: int, pair: IndexArray, pair_s: FloatArray) -> int:
    """Write the noted points, ascending, from place ``n`` on, and forget them.

    Returns the end of what is written.
    """
    time, word, group = found.time, found.word, found.group
    n_word = 1 << (GROUP_BITS - 6)
    for k in range(len(group)):
        if group[k] == 0:
            continue
        group[k] = 0
        for w in range(k * n_word, (k + 1) * n_word):
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
    last: int, n_demand: int, n_expected: int, room: Room, scale: Scale,
) -> tuple[IntArray, IndexArray, FloatArray]:  # fmt: skip
    """Return the demand points within the limit of facilities ``first:last``.

    One row each, its points ascending; the number of points, then points and times.
    There is room for ``n_expected`` pairs at first.
    """
    count = np.zeros(last - first, dtype=np.int64)
    pair = np.empty(n_expected + 4096, dtype=np.int32)
    pair_s = np.empty(n_expected + 4096, dtype=np.float64)
    found = _nothing(n_demand, len(beside.first) - 1)
    ends = np.empty(0, dtype=np.int32)
    n = 0
    for f in range(first, last):
        n_touched, n_near = sow(net, facility, (f, f + 1), room, scale, 0)
        n_touched = drain(net, room, scale, n_touched, n_near, ends)
        n_block = _list_blocks(beside, net.n_core, n_touched, room, found)
        most = n + _mark_blocks(demand, beside, n_block, room, scale.limit, found)
        most += _mark_own(net, demand, facility, f, room, scale.limit, found)
        clear(room, scale, n_touched)
        if most > len(pair):
            pair, pair_s = _wider(pair, n, most), _wider(pair_s, n, most)
        end = _read(found, n, pair, pair_s)
        count[f - first] = end - n
        n = end
    return count, pair[:n], pair_s[:n]


@njit(cache=True, nogil=True)
def _nothing(n_demand: int, n_block: int) -> Found:
    """Return room for what is found, empty."""
    n_group = (n_demand >> GROUP_BITS) + 1
    return Found(
        np.empty(n_demand, dtype=np.int64),
        np.zeros(n_group << (GROUP_BITS - 6), dtype=np.uint64),
        np.zeros(n_group, dtype=np.uint8),
        np.empty(n_block + 1, dtype=np.uint32),
        np.zeros(n_block, dtype=np.uint8),
    )


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
