"""A road graph made ready for searches, once for each graph and direction.

Searches work on whole numbers of 2⁻³⁰ s, on the core of the network only, with nodes
in an order that suits the cache; see :mod:`yikezhong_coverage.contraction`. What is
made ready is kept as long as its graph lives, and the places of points as long as
their record lives. Records are never changed, so nothing kept can go stale.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit

from yikezhong_coverage.contraction import (
    FAR,
    Cells,
    cut_free,
    hilbert_keys,
    list_edges,
)
from yikezhong_coverage.exact import TIME_QUANTUM_S
from yikezhong_coverage.layout import Arcs, Berths, Beside, Network, Room, Rows
from yikezhong_coverage.records import (
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
    Snapped,
)
from yikezhong_coverage.stops import Direction, turned_times


@dataclass(frozen=True, eq=False)
class PreparedNetwork:
    """A road graph ready for searches in one direction.

    Parameters
    ----------
    network : Network
    new_of, old_of : ndarray of int32, shape (n_node,)
        New number of each node, and the other way round.
    cell_of_edge : ndarray of int32, shape (n_edge,)
        Cell of each edge; -1 for loops and closed roads.
    cell_of_node : ndarray of int32, shape (n_node,)
        By new number; for a core node the cell of its dead ends.
    arc_q : float
        Usual time of an arc of the core, for the width of buckets.
    longest_arc_q : int
        Longest time of an arc.
    longest_q : float
        No way is longer than this, access legs apart.
    exact : bool
        Whether all times are whole numbers of 2⁻³⁰ s that can be added exactly.
    berths, beside : mapping
        Places of points, kept as long as the points live: by walking speed, and the
        cells that hold them.
    """

    network: Network
    new_of: IndexArray
    old_of: IndexArray
    cell_of_edge: IndexArray
    cell_of_node: IndexArray
    arc_q: float
    longest_arc_q: int
    longest_q: float
    exact: bool
    berths: WeakKeyDictionary[Snapped, dict[float, Berths]] = field(
        default_factory=WeakKeyDictionary
    )
    beside: WeakKeyDictionary[Snapped, Beside] = field(
        default_factory=WeakKeyDictionary
    )
    _rooms: list[Room] = field(default_factory=list)

    @property
    def n_node(self) -> int:
        """Number of nodes."""
        return len(self.new_of)

    @property
    def n_core(self) -> int:
        """Number of core nodes."""
        return self.network.n_core

    def take_room(self) -> Room:
        """Return room for one search, at rest but for the labels."""
        try:
            return self._rooms.pop()
        except IndexError:
            return _make_room(self.n_node, self.n_core)

    def give_back(self, room: Room) -> None:
        """Keep room for a later search; a few are kept."""
        if len(self._rooms) < _MOST_ROOMS:
            self._rooms.append(room)


_MOST_ROOMS = 4
_KEPT: WeakKeyDictionary[RoadGraph, dict[Direction, PreparedNetwork]] = (
    WeakKeyDictionary()
)
_LOCK = threading.Lock()


def prepare(graph: RoadGraph, direction: Direction = "to_facility") -> PreparedNetwork:
    """Return the graph ready for searches; made once, kept while the graph lives.

    Parameters
    ----------
    graph : RoadGraph
    direction : {"to_facility", "from_facility"}
        Which way trips go. A graph of which every road takes the same time both
        ways is prepared once for both.

    Returns
    -------
    PreparedNetwork

    Examples
    --------
    >>> from yikezhong_coverage.graph import build_graph
    >>> graph = build_graph(
    ...     "walking", [113.0, 113.01], [31.0, 31.0], [0], [1], ["a"], ["path"],
    ...     [0, 2], [113.0, 113.01], [31.0, 31.0], forward_mps=1.0, backward_mps=1.0,
    ... )
    >>> prepare(graph) is prepare(graph, "from_facility")
    True
    """
    forward_s, backward_s = turned_times(graph, direction)
    with _LOCK:
        kept = _KEPT.setdefault(graph, {})
    if direction not in kept:
        other = next(iter(kept.values()), None)
        if other is not None and np.array_equal(forward_s, backward_s):
            kept[direction] = other
        else:
            kept[direction] = _prepare(graph, forward_s, backward_s)
    return kept[direction]


def _make_room(n_node: int, n_core: int) -> Room:
    """Return room for searches over a network."""
    return Room(
        np.empty(n_node, dtype=np.int64),
        np.zeros(n_node, dtype=np.uint8),
        np.zeros(1 << n_core.bit_length(), dtype=np.uint32),
        np.empty(1 << (n_node - n_core).bit_length(), dtype=np.uint32),
        np.empty(n_core + 1, dtype=np.uint32),
        np.empty(n_node + 1, dtype=np.uint32),
    )


def quanta(time_s: FloatArray) -> IntArray:
    """Return times as whole numbers of 2⁻³⁰ s; FAR for ``inf``."""
    scaled = np.minimum(time_s / TIME_QUANTUM_S, float(FAR))
    return np.rint(scaled).astype(np.int64)


def _prepare(
    graph: RoadGraph, forward_s: FloatArray, backward_s: FloatArray
) -> PreparedNetwork:
    """Cut the core free and put everything in its new order."""
    u, v = graph.edge_u, graph.edge_v
    open_f, open_b = np.isfinite(forward_s), np.isfinite(backward_s)
    forward, backward = quanta(forward_s), quanta(backward_s)
    # at most int32 nodes: a stable sort of their places is the same everywhere
    order = np.argsort(hilbert_keys(graph.node_lon, graph.node_lat), kind="stable")
    at = list_edges(graph.n_node, u, v, open_f | open_b)
    cells = cut_free(at, u, v, forward, backward, order)
    old_of = np.concatenate(
        (order[cells.in_core[order]], order[~cells.in_core[order]])
    ).astype(np.int32)
    new_of = np.empty(graph.n_node, dtype=np.int32)
    new_of[old_of] = np.arange(graph.n_node, dtype=np.int32)
    n_core = int(cells.in_core.sum())
    network, cell_of_edge = _network(
        cells, old_of, new_of, n_core, (u, v, forward, backward)
    )
    own = network.first[1:] - 1
    whole = np.where(open_f, forward_s, 0.0) + np.where(open_b, backward_s, 0.0)
    usual = np.concatenate((cells.there, cells.back))
    usual = usual[usual < FAR]
    longest = max(
        int(times[times < FAR].max(initial=0)) for times in (usual, forward, backward)
    )
    return PreparedNetwork(
        network,
        new_of,
        old_of,
        cell_of_edge=cell_of_edge,
        cell_of_node=np.concatenate((own, network.cell)).astype(np.int32),
        arc_q=float(np.median(usual)) if len(usual) else 1.0,
        longest_arc_q=longest,
        longest_q=float(whole.sum()) / TIME_QUANTUM_S,
        exact=_is_exact(forward_s) and _is_exact(backward_s),
    )


def _is_exact(time_s: FloatArray) -> bool:
    """Whether finite times are whole numbers of 2⁻³⁰ s, and not too many of them."""
    scaled = time_s[np.isfinite(time_s)] / TIME_QUANTUM_S
    return bool((scaled < 2.0**52).all() and (scaled == np.rint(scaled)).all())


def _network(
    cells: Cells,
    old_of: IndexArray,
    new_of: IndexArray,
    n_core: int,
    edges: tuple[IndexArray, IndexArray, IntArray, IntArray],
) -> tuple[Network, IndexArray]:
    """Bring cells and arcs into the new numbers; also return the cell of each edge."""
    u, v, forward, backward = edges
    a, b = new_of[cells.a], new_of[cells.b]
    own = np.arange(n_core, dtype=np.int32)
    ends_a, ends_b = np.concatenate((a, own)), np.concatenate((b, own))
    order = np.argsort(ends_a, kind="stable")
    place = np.empty(len(order), dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    first = np.zeros(n_core + 1, dtype=np.int32)
    np.cumsum(np.bincount(ends_a, minlength=n_core), out=first[1:])
    inside = old_of[n_core:]
    # searches run against the traffic
    core = fold_rows(arcs_of(n_core, 0, a, b, cells.back, cells.there))
    inner = arcs_of(
        len(old_of) - n_core, n_core, new_of[u], new_of[v], backward, forward
    )
    network = Network(
        n_core,
        core,
        inner,
        ends_a[order],
        ends_b[order],
        first,
        _renamed_cells(cells.of_node[inside], new_of, place[: len(a)], place[len(a) :]),
        cells.out_a[inside],
        cells.out_b[inside],
    )
    return network, _renamed_cells(
        cells.of_edge, new_of, place[: len(a)], place[len(a) :]
    )


def _renamed_cells(
    cell: IndexArray, new_of: IndexArray, of_chain: IndexArray, of_core: IndexArray
) -> IndexArray:
    """Give cells, chains and dead ends, their places in the order of all."""
    renamed = cell.copy()
    chain, hanging = np.flatnonzero(cell >= 0), np.flatnonzero(cell < -1)
    renamed[chain] = of_chain[cell[chain]]
    renamed[hanging] = of_core[new_of[-2 - cell[hanging]]]
    return renamed


@njit(cache=True)
def arcs_of(
    n_row: int,
    first: int,
    u: IndexArray,
    v: IndexArray,
    ahead: IntArray,
    back: IntArray,
) -> Arcs:
    """List arcs u → v (``ahead``) and v → u (``back``) of the nodes from ``first``.

    Loops and arcs of FAR are left out.
    """
    start = np.zeros(n_row + 1, dtype=np.uint32)
    to = np.empty(0, dtype=np.uint32)
    time = np.empty(0, dtype=np.int64)
    for fill in range(2):
        for e in range(len(u)):
            if u[e] == v[e]:
                continue
            for turned in range(2):
                x, y = (v[e], u[e]) if turned else (u[e], v[e])
                cost = back[e] if turned else ahead[e]
                if x < first or cost >= FAR:
                    continue
                if fill:
                    start[x - first] -= 1
                    to[start[x - first]] = y
                    time[start[x - first]] = cost
                else:
                    start[x - first] += 1
        if not fill:
            # ends of the rows; filling backwards turns them into starts
            for row in range(1, n_row + 1):
                start[row] += start[row - 1]
            to = np.empty(start[n_row], dtype=np.uint32)
            time = np.empty(start[n_row], dtype=np.int64)
    return Arcs(start, to, time)


@njit(cache=True)
def fold_rows(arcs: Arcs) -> Rows:
    """Lay the arcs of each node in rows of four."""
    start, n_node = arcs.start, len(arcs.start) - 1
    n_row = n_node
    for x in range(n_node):
        # a row for every three arcs, and the last four in one
        n_row += max(int(start[x + 1]) - int(start[x]) - 2, 0) // 3
    to = np.empty(4 * n_row, dtype=np.uint32)
    time = np.zeros(4 * n_row, dtype=np.int64)
    n_row = n_node
    for x in range(n_node):
        row, k = x, 0
        to[4 * x : 4 * x + 4] = x
        for arc in range(start[x], start[x + 1]):
            if k == 3 and arc + 1 < start[x + 1]:
                to[4 * row + 3] = n_row
                row, k = n_row, 0
                to[4 * row : 4 * row + 4] = x
                n_row += 1
            to[4 * row + k] = arcs.to[arc]
            time[4 * row + k] = arcs.time[arc]
            k += 1
    return Rows(to, time)
