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
from yikezhong_coverage.layout import Arcs, Berths, Network, Room
from yikezhong_coverage.records import (
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
    Snapped,
)
from yikezhong_coverage.stops import Direction, Stops, place_stops, turned_times


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
    longest_q : float
        No way is longer than this, access legs apart.
    exact : bool
        Whether all times are whole numbers of 2⁻³⁰ s that can be added exactly.
    """

    network: Network
    new_of: IndexArray
    old_of: IndexArray
    cell_of_edge: IndexArray
    cell_of_node: IndexArray
    arc_q: float
    longest_q: float
    exact: bool
    _berths: WeakKeyDictionary[Snapped, dict[float, Berths]] = field(
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
        return len(self.network.core.start) - 1

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
        np.empty(1 << n_core.bit_length(), dtype=np.uint32),
        np.empty(1 << (n_node - n_core).bit_length(), dtype=np.uint32),
        np.empty(n_core, dtype=np.uint32),
        np.empty(n_node, dtype=np.uint32),
    )


def place_berths(
    graph: RoadGraph,
    prepared: PreparedNetwork,
    points: Snapped,
    *,
    direction: Direction,
    leg_speed_mps: float,
) -> Berths:
    """Return the points people leave from in the order of their cells; kept."""
    with _LOCK:
        kept = prepared._berths.setdefault(points, {})
    if leg_speed_mps not in kept:
        stops = place_stops(
            graph, points, leg_speed_mps, leaving=True, direction=direction
        )
        kept.clear()  # one speed at a time is asked for
        kept[leg_speed_mps] = berths_of(prepared, stops, by_cell=True)
    return kept[leg_speed_mps]


def berths_of(
    prepared: PreparedNetwork, stops: Stops, *, by_cell: bool = False
) -> Berths:
    """Sort stops by cell and work out their times to the ends of the cell.

    ``by_cell`` asks for ``start``, where the stops of each cell begin.
    """
    net = prepared.network
    cell = prepared.cell_of_edge[stops.edge]
    u, v = prepared.new_of[stops.u], prepared.new_of[stops.v]
    # on a loop or a closed road: the cell of the node that it is at
    lost = np.flatnonzero(cell < 0)
    at = np.where(np.isfinite(stops.u_s[lost]), u[lost], v[lost])
    cell[lost] = prepared.cell_of_node[at]
    order = np.argsort(cell, kind="stable")
    cell, u, v = cell[order], u[order], v[order]
    u_q, v_q = quanta(stops.u_s[order]), quanta(stops.v_s[order])
    a_q, b_q = _exits(net, cell, u, v, u_q, v_q)
    start = np.zeros(len(net.a) + 1 if by_cell else 0, dtype=np.int32)
    if by_cell:
        np.cumsum(np.bincount(cell, minlength=len(net.a)), out=start[1:])
    return Berths(
        start, stops.number[order], stops.edge[order], cell, u, v, u_q, v_q, a_q, b_q,
        quanta(stops.forward_s[order]), quanta(stops.backward_s[order]),
        quanta(stops.leg_s[order]), stops.along_m[order],
    )  # fmt: skip


def take_berths(berths: Berths, index: IntArray) -> Berths:
    """Return the berths at ``index``, in that order, without their starts by cell."""
    none = np.zeros(0, dtype=np.int32)
    return Berths._make([none, *(column[index] for column in berths[1:])])


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
    network = _network(cells, old_of, new_of, n_core, (u, v, forward, backward))
    own = len(cells.a) + np.arange(n_core, dtype=np.int32)
    whole = np.where(open_f, forward_s, 0.0) + np.where(open_b, backward_s, 0.0)
    usual = network.core.time
    return PreparedNetwork(
        network,
        new_of,
        old_of,
        cell_of_edge=_renamed_cells(cells.of_edge, new_of, len(cells.a)),
        cell_of_node=np.concatenate((own, network.cell)).astype(np.int32),
        arc_q=float(np.median(usual)) if len(usual) else 1.0,
        longest_q=float(whole.sum()) / TIME_QUANTUM_S,
        exact=_is_exact(forward_s) and _is_exact(backward_s),
    )


def _is_exact(time_s: FloatArray) -> bool:
    """Whether finite times are whole numbers of 2⁻³⁰ s, and not too many of them."""
    scaled = time_s[np.isfinite(time_s)] / TIME_QUANTUM_S
    return bool((scaled < 2.0**52).all() and (scaled == np.rint(scaled)).all())


def _renamed_cells(cell: IndexArray, new_of: IndexArray, n_chain: int) -> IndexArray:
    """Give the dead ends at core nodes the numbers after the chains."""
    renamed = cell.copy()
    hanging = np.flatnonzero(cell < -1)
    renamed[hanging] = n_chain + new_of[-2 - cell[hanging]]
    return renamed


def _network(
    cells: Cells,
    old_of: IndexArray,
    new_of: IndexArray,
    n_core: int,
    edges: tuple[IndexArray, IndexArray, IntArray, IntArray],
) -> Network:
    """Bring cells and arcs into the new numbers."""
    u, v, forward, backward = edges
    a, b = new_of[cells.a], new_of[cells.b]
    own = np.arange(n_core, dtype=np.int32)
    inside = old_of[n_core:]
    # searches run against the traffic
    core = arcs_of(n_core, 0, a, b, cells.back, cells.there)
    inner = arcs_of(
        len(old_of) - n_core, n_core, new_of[u], new_of[v], backward, forward
    )
    return Network(
        core,
        inner,
        np.concatenate((a, own)),
        np.concatenate((b, own)),
        _renamed_cells(cells.of_node[inside], new_of, len(a)),
        cells.out_a[inside],
        cells.out_b[inside],
    )


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
def _exits(
    net: Network,
    cell: IndexArray,
    u: IndexArray,
    v: IndexArray,
    u_q: IntArray,
    v_q: IntArray,
) -> tuple[IntArray, IntArray]:
    """Return the times from points to both ends of their cells."""
    n_core = len(net.core.start) - 1
    to_a = np.full(len(cell), FAR, dtype=np.int64)
    to_b = np.full(len(cell), FAR, dtype=np.int64)
    for i in range(len(cell)):
        for end in range(2):
            x = v[i] if end else u[i]
            at_q = v_q[i] if end else u_q[i]
            if x >= n_core:
                to_a[i] = min(to_a[i], at_q + net.out_a[x - n_core])
                to_b[i] = min(to_b[i], at_q + net.out_b[x - n_core])
                continue
            if x == net.a[cell[i]]:
                to_a[i] = min(to_a[i], at_q)
            if x == net.b[cell[i]]:
                to_b[i] = min(to_b[i], at_q)
    return to_a, to_b
