"""Leave out of a road network what a search need not look at.

Most nodes of a walking network are bends or lie in dead ends. What remains, the
core, has at least three ways out at every node. Everything else falls into cells: a
chain between two core nodes with the dead ends that branch off it, or the dead ends
at one core node. Whoever stands in a cell leaves it by its ends a or b, and what that
takes is known beforehand; so a search runs over the core only.

Nodes are numbered anew, core nodes first, along a Hilbert curve: what is near on the
ground is near in memory. Times are whole numbers of 2⁻³⁰ s, and sums of them exact.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, IntArray

FAR: Final = 1 << 60
"""Stands for no way at all; larger than any time, and the sum of two still fits."""


class Incidence(NamedTuple):
    """Edges that end at each node, as compressed rows; loops and closed roads not."""

    start: IndexArray
    edge: IndexArray


class Cells(NamedTuple):
    """What the core was cut free of; nodes and edges in their old numbers.

    Parameters
    ----------
    in_core : ndarray of bool, shape (n_node,)
    a, b : ndarray of int32, shape (n_chain,)
        Core nodes at both ends of each chain.
    there, back : ndarray of int64, shape (n_chain,)
        Time from a to b and from b to a along the chain.
    of_node : ndarray of int32, shape (n_node,)
        Cell of each node outside the core: a chain, or ``-2 - node`` for dead ends at
        a core node; -1 in the core.
    of_edge : ndarray of int32, shape (n_edge,)
        Cell of each edge in the same way; -1 for loops and closed roads.
    out_a, out_b : ndarray of int64, shape (n_node,)
        Time from each node outside the core to its cell's ends, within the cell.
    """

    in_core: BoolArray
    a: IndexArray
    b: IndexArray
    there: IntArray
    back: IntArray
    of_node: IndexArray
    of_edge: IndexArray
    out_a: IntArray
    out_b: IntArray


@njit(cache=True)
def hilbert_keys(lon: FloatArray, lat: FloatArray) -> NDArray[np.int64]:
    """Return each node's place on a Hilbert curve through their bounding box."""
    keys = np.zeros(len(lon), dtype=np.int64)
    if len(lon) == 0:
        return keys
    west, south = lon.min(), lat.min()
    side = max(lon.max() - west, lat.max() - south)
    scale = 65535.0 / side if side > 0 else 0.0
    for i in range(len(lon)):
        x, y = int((lon[i] - west) * scale), int((lat[i] - south) * scale)
        key = 0
        half = 1 << 15
        while half > 0:
            right, upper = (x & half) != 0, (y & half) != 0
            key = (key << 2) | (3 * right ^ upper)
            if not upper:
                if right:
                    x, y = 65535 - x, 65535 - y
                x, y = y, x
            half >>= 1
        keys[i] = key
    return keys


@njit(cache=True)
def list_edges(
    n_node: int, u: IndexArray, v: IndexArray, open_: BoolArray
) -> Incidence:
    """List the open edges at each node, ascending; loops are left out."""
    start = np.zeros(n_node + 1, dtype=np.int32)
    for e in range(len(u)):
        if open_[e] and u[e] != v[e]:
            start[u[e] + 1] += 1
            start[v[e] + 1] += 1
    for node in range(n_node):
        start[node + 1] += start[node]
    place = start[:-1].copy()
    edge = np.empty(start[n_node], dtype=np.int32)
    for e in range(len(u)):
        if open_[e] and u[e] != v[e]:
            edge[place[u[e]]] = e
            place[u[e]] += 1
            edge[place[v[e]]] = e
            place[v[e]] += 1
    return Incidence(start, edge)


@njit(cache=True)
def strip_dead_ends(
    at: Incidence, u: IndexArray, v: IndexArray
) -> tuple[IndexArray, IndexArray, IndexArray]:
    """Take away dead ends until there are none.

    Returns how many ways out each node has left, the edge by which a node taken away
    hung on (else -1), and the nodes taken away in that order.
    """
    n_node = len(at.start) - 1
    ways = (at.start[1:] - at.start[:-1]).astype(np.int32)
    hung_by = np.full(n_node, -1, dtype=np.int32)
    gone = np.zeros(n_node, dtype=np.bool_)
    order = np.empty(n_node, dtype=np.int32)
    count = 0
    for node in range(n_node):
        x = node
        while ways[x] == 1 and not gone[x]:
            gone[x] = True
            order[count] = x
            count += 1
            ways[x] = 0
            for i in range(at.start[x], at.start[x + 1]):
                e = at.edge[i]
                other = u[e] + v[e] - x
                if not gone[other]:
                    hung_by[x] = e
                    ways[other] -= 1
                    x = other
                    break
            if x > node:
                break  # it comes in its turn
    return ways, hung_by, order[:count].copy()


@njit(cache=True)
def _add(a: int, b: int) -> int:
    """Add two times, either of which may be FAR."""
    return min(a + b, FAR)


@njit(cache=True)
def _walk_chain(
    at: Incidence,
    u: IndexArray,
    v: IndexArray,
    forward: IntArray,
    backward: IntArray,
    hung_by: IndexArray,
    edge: int,
    chain: int,
    cells: Cells,
    inner: IndexArray,
    steps: IndexArray,
) -> None:
    """Follow a chain from its end a over ``edge`` to its other end."""
    x = cells.a[chain]
    home = 0
    count = 0
    while True:
        cells.of_edge[edge] = chain
        steps[count] = edge
        home = _add(home, backward[edge] if u[edge] == x else forward[edge])
        x = u[edge] + v[edge] - x
        if cells.in_core[x]:
            break
        inner[count] = x
        count += 1
        cells.of_node[x] = chain
        cells.out_a[x] = home
        for i in range(at.start[x], at.start[x + 1]):
            e = at.edge[i]
            # not where we came from, and not a dead end
            if e != edge and hung_by[u[e]] != e and hung_by[v[e]] != e:
                edge = e
                break
    cells.b[chain] = x
    cells.back[chain] = home
    onward = 0
    for i in range(count, -1, -1):
        edge = steps[i]
        onward = _add(onward, forward[edge] if v[edge] == x else backward[edge])
        x = u[edge] + v[edge] - x
        if i > 0:
            cells.out_b[x] = onward
    cells.there[chain] = onward


@njit(cache=True)
def _walk_all(
    at: Incidence,
    u: IndexArray,
    v: IndexArray,
    forward: IntArray,
    backward: IntArray,
    ways: IndexArray,
    hung_by: IndexArray,
    order: IntArray,
    cells: Cells,
) -> int:
    """Walk all chains from core nodes in order, then rings without a core node."""
    n_node = len(ways)
    inner = np.empty(n_node + 1, dtype=np.int32)
    steps = np.empty(n_node + 2, dtype=np.int32)
    chain = 0
    for rings in range(2):
        for k in range(n_node):
            x = order[k]
            if rings and ways[x] == 2 and cells.of_node[x] == -1:
                cells.in_core[x] = True
            elif rings or not cells.in_core[x]:
                continue
            for i in range(at.start[x], at.start[x + 1]):
                e = at.edge[i]
                if cells.of_edge[e] != -1 or hung_by[u[e]] == e or hung_by[v[e]] == e:
                    continue
                cells.a[chain] = x
                _walk_chain(
                    at, u, v, forward, backward, hung_by, e, chain, cells, inner, steps
                )
                chain += 1
    return chain


@njit(cache=True)
def cut_free(
    at: Incidence,
    u: IndexArray,
    v: IndexArray,
    forward: IntArray,
    backward: IntArray,
    order: IntArray,
) -> Cells:
    """Find the core and the cells; ``order`` is the order to number chains in.

    ``forward`` and ``backward`` are whole times of the edges, FAR where closed.
    """
    n_node, n_edge = len(at.start) - 1, len(u)
    ways, hung_by, taken = strip_dead_ends(at, u, v)
    cells = Cells(
        (ways != 2) & (hung_by < 0),
        np.empty(n_edge, dtype=np.int32),
        np.empty(n_edge, dtype=np.int32),
        np.empty(n_edge, dtype=np.int64),
        np.empty(n_edge, dtype=np.int64),
        np.full(n_node, -1, dtype=np.int32),
        np.full(n_edge, -1, dtype=np.int32),
        np.zeros(n_node, dtype=np.int64),
        np.full(n_node, FAR, dtype=np.int64),
    )
    n_chain = _walk_all(at, u, v, forward, backward, ways, hung_by, order, cells)
    for i in range(len(taken) - 1, -1, -1):
        x = taken[i]
        e = hung_by[x]
        if e < 0:
            continue
        above = u[e] + v[e] - x
        step = forward[e] if u[e] == x else backward[e]
        cell = -2 - above if cells.in_core[above] else cells.of_node[above]
        cells.of_node[x] = cell
        cells.of_edge[e] = cell
        cells.out_a[x] = _add(step, cells.out_a[above])
        cells.out_b[x] = _add(step, cells.out_b[above])
    return Cells(
        cells.in_core,
        cells.a[:n_chain].copy(),
        cells.b[:n_chain].copy(),
        cells.there[:n_chain].copy(),
        cells.back[:n_chain].copy(),
        cells.of_node,
        cells.of_edge,
        cells.out_a,
        cells.out_b,
    )
