"""How a network, places on it and room for searches lie in memory, for the kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.records import FloatArray, IndexArray, IntArray

UnsignedArray = NDArray[np.uint32]
"""Indexes that kernels need not look at for a sign."""


class Arcs(NamedTuple):
    """Arcs to search along, in compressed rows; times in 2⁻³⁰ s."""

    start: UnsignedArray
    to: UnsignedArray
    time: IntArray


class Rows(NamedTuple):
    """Arcs of the core, four to a row; times in 2⁻³⁰ s.

    Row ``x`` is ``to[4 * x : 4 * x + 4]``. A node with more arcs has three in its own
    row, and the last goes to a row of its next ones, the number of which is no core
    node's. What is left of a row leads from the node to itself and takes no time.
    """

    to: UnsignedArray
    time: IntArray


class Network(NamedTuple):
    """A network for the kernels, nodes in their new numbers.

    Parameters
    ----------
    n_core : int
        Core nodes have the numbers below.
    core : Rows
        Between core nodes.
    inner : Arcs
        From each node outside the core, row 0 being the first of them.
    a, b : ndarray of int32, shape (n_cell,)
        Ends of each cell. Cells go by their end a: of each core node first the
        chains that begin there, then its dead ends.
    first : ndarray of int32, shape (n_core + 1,)
        Cells with the end a at core node ``x`` are ``first[x]:first[x + 1]``.
    cell, out_a, out_b : ndarray, shape (n_inner,)
        Cell of each node outside the core and the times to its ends.
    """

    n_core: int
    core: Rows
    inner: Arcs
    a: IndexArray
    b: IndexArray
    first: IndexArray
    cell: IndexArray
    out_a: IntArray
    out_b: IntArray


class Berths(NamedTuple):
    """Stops in the order of their cells, in the numbers of a :class:`Network`.

    Parameters
    ----------
    start : ndarray of int32, shape (n_cell + 1,)
        Stops of cell ``c`` are ``start[c]:start[c + 1]``.
    number, edge, cell, u, v : ndarray of int32, shape (n,)
        Index of the point, its edge and cell, and the ends of its edge.
    u_q, v_q : ndarray of int64, shape (n,)
        Times between the point and the ends of its edge, leg included.
    a_q, b_q : ndarray of int64, shape (n,)
        Times from the point to the ends of its cell, leg included.
    forward_q, backward_q, leg_q : ndarray of int64, shape (n,)
        Time coordinates on the edge, and the leg.
    along_m : ndarray of float64, shape (n,)
    """

    start: IndexArray
    number: IndexArray
    edge: IndexArray
    cell: IndexArray
    u: IndexArray
    v: IndexArray
    u_q: IntArray
    v_q: IntArray
    a_q: IntArray
    b_q: IntArray
    forward_q: IntArray
    backward_q: IntArray
    leg_q: IntArray
    along_m: FloatArray


class Beside(NamedTuple):
    """Demand points by blocks of core nodes, in which they are looked at.

    Parameters
    ----------
    first : ndarray of int32, shape (n_block + 1,)
        Berths in cells with the end a in block ``k`` are ``first[k]:first[k + 1]``.
    a, b : ndarray of int32, shape (n,)
        Ends of each berth's cell.
    start, block : ndarray of int32
        For each core node the other blocks with berths in cells that have it as
        their end b, as compressed rows.
    """

    first: IndexArray
    a: IndexArray
    b: IndexArray
    start: IndexArray
    block: IndexArray


class Room(NamedTuple):
    """Room for searches over one network; used by one search at a time.

    Parameters
    ----------
    label : ndarray of int64, shape (n_node,)
        Labels; one above the limit at rest.
    waiting : ndarray of uint8, shape (n_node,)
        Whether a node waits, in bits: 1 near, 2 far; 4 if it is among ``touched``. 0
        at rest.
    near, ring : ndarray of uint32
        Nodes that wait in the core and outside it; as long as a power of two.
    far : ndarray of uint32, shape (n_core + 1,)
        Core nodes that wait for later. One item more than can be needed, here and
        below, is written without being asked whether it counts.
    touched : ndarray of uint32, shape (n_node + 1,)
        Nodes with a label, so that a small search is cleared in small time.
    """

    label: IntArray
    waiting: NDArray[np.uint8]
    near: UnsignedArray
    ring: UnsignedArray
    far: UnsignedArray
    touched: UnsignedArray
