"""Points on edges brought into the numbers of a network made ready.

The times are those of :mod:`yikezhong_coverage.stops`, as whole numbers of 2⁻³⁰ s.
The places of demand points are kept as long as their record lives.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
from numba import njit

from yikezhong_coverage.contraction import FAR
from yikezhong_coverage.errors import GraphError
from yikezhong_coverage.exact import TIME_QUANTUM_S
from yikezhong_coverage.layout import Berths, Network
from yikezhong_coverage.prepared import PreparedNetwork
from yikezhong_coverage.records import (
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
    Snapped,
)
from yikezhong_coverage.stops import Direction, check_terms, turned_times

_LOCK = threading.Lock()


class _Edges(NamedTuple):
    """What has to be known of the edges to place points on them."""

    u: IndexArray
    v: IndexArray
    length_m: FloatArray
    forward_s: FloatArray
    backward_s: FloatArray
    cell: IndexArray


def place_demand(
    graph: RoadGraph,
    prepared: PreparedNetwork,
    points: Snapped,
    *,
    direction: Direction,
    leg_speed_mps: float,
) -> Berths:
    """Return the points people leave from in the order of their cells; kept."""
    with _LOCK:
        kept = prepared.berths.setdefault(points, {})
    if leg_speed_mps not in kept:
        berths = place_berths(
            graph,
            prepared,
            points,
            leaving=True,
            direction=direction,
            leg_speed_mps=leg_speed_mps,
        )
        kept.clear()  # one speed at a time is asked for
        kept[leg_speed_mps] = berths
    return kept[leg_speed_mps]


def place_berths(
    graph: RoadGraph,
    prepared: PreparedNetwork,
    points: Snapped,
    *,
    leaving: bool,
    direction: Direction,
    leg_speed_mps: float,
) -> Berths:
    """Return points in the order of their cells, within a cell of their edges.

    People leave from them, or else arrive.
    """
    check_terms(leg_speed_mps, direction)
    if len(points) and points.edge.max() >= graph.n_edge:
        raise GraphError("点所在的路段不在路网中", hint="请用同一路网重新匹配各点")
    forward_s, backward_s = turned_times(graph, direction)
    edges = _Edges(
        graph.edge_u,
        graph.edge_v,
        graph.edge_length_m,
        forward_s,
        backward_s,
        prepared.cell_of_edge,
    )
    net = prepared.network
    index = np.flatnonzero(points.edge >= 0)
    cell = _cells(
        index, points.edge, points.along_m, edges, prepared.new_of,
        prepared.cell_of_node, leaving,
    )  # fmt: skip
    order = np.lexsort((points.edge[index], cell))
    found = _place(
        index[order], cell[order], points.edge, points.along_m, points.leg_m, edges,
        net, prepared.new_of, leg_speed_mps, leaving,
    )  # fmt: skip
    if not leaving:
        return found
    start = np.zeros(len(net.a) + 1, dtype=np.int32)
    np.cumsum(np.bincount(cell, minlength=len(net.a)), out=start[1:])
    return found._replace(start=start)


def take_berths(berths: Berths, index: IntArray) -> Berths:
    """Return the berths at ``index``, in that order, without their starts by cell."""
    none = np.zeros(0, dtype=np.int32)
    return Berths._make([none, *(column[index] for column in berths[1:])])


@njit(cache=True)
def _cells(
    index: IntArray,
    edge: IndexArray,
    along_m: FloatArray,
    edges: _Edges,
    new_of: IndexArray,
    cell_of_node: IndexArray,
    leaving: bool,
) -> IndexArray:
    """Return the cell of each point; on a loop or a closed road that of an end."""
    cell = np.empty(len(index), dtype=np.int32)
    towards_u = edges.backward_s if leaving else edges.forward_s
    for i in range(len(index)):
        e = edge[index[i]]
        cell[i] = edges.cell[e]
        if cell[i] < 0:
            at_u = along_m[index[i]] <= 0 or edges.length_m[e] <= 0
            at_u = at_u or towards_u[e] < np.inf
            cell[i] = cell_of_node[new_of[edges.u[e] if at_u else edges.v[e]]]
    return cell


@njit(cache=True)
def _part(whole_s: float, along_m: float, length_m: float) -> int:
    """Return the time coordinate of a place on an edge; FAR where it is closed."""
    if whole_s == np.inf:
        return FAR
    share_of = length_m if length_m > 0 else 1.0
    return int(np.rint(whole_s * along_m / share_of / TIME_QUANTUM_S))


@njit(cache=True)
def _place(
    index: IntArray,
    cell: IndexArray,
    edge: IndexArray,
    along_m: FloatArray,
    leg_m: FloatArray,
    edges: _Edges,
    net: Network,
    new_of: IndexArray,
    leg_speed_mps: float,
    leaving: bool,
) -> Berths:
    """Work out the times between points, the ends of their edges and of their cells."""
    n = len(index)
    number, of, u, v = (
        np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32),
        np.empty(n, np.int32),
    )  # fmt: skip
    u_q, v_q, a_q, b_q = (
        np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64),
        np.empty(n, np.int64),
    )  # fmt: skip
    forward, backward, leg = (
        np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    )  # fmt: skip
    along = np.empty(n, np.float64)
    for i in range(n):
        number[i] = index[i]
        e = edge[index[i]]
        of[i], u[i], v[i] = e, new_of[edges.u[e]], new_of[edges.v[e]]
        length = edges.length_m[e]
        along[i] = min(max(along_m[index[i]], 0.0), length)
        leg[i] = int(np.rint(leg_m[index[i]] / leg_speed_mps / TIME_QUANTUM_S))
        forward[i] = _part(edges.forward_s[e], along[i], length)
        backward[i] = _part(edges.backward_s[e], along[i], length)
        at_u = along[i] <= 0
        at_v = along[i] >= length and not at_u
        if leaving:
            to_u, whole_s, part = backward[i], edges.forward_s[e], forward[i]
        else:
            to_u, whole_s, part = forward[i], edges.backward_s[e], backward[i]
        to_v = FAR
        if whole_s < np.inf:
            to_v = int(np.rint(whole_s / TIME_QUANTUM_S)) - part
        to_u, to_v = 0 if at_u else to_u, 0 if at_v else to_v
        u_q[i], v_q[i] = min(leg[i] + to_u, FAR), min(leg[i] + to_v, FAR)
        a_q[i], b_q[i] = _exits(net, cell[i], u[i], v[i], u_q[i], v_q[i])
    return Berths(
        np.zeros(0, np.int32), number, of, cell, u, v, u_q, v_q, a_q, b_q,
        forward, backward, leg, along,
    )  # fmt: skip


@njit(cache=True)
def _exits(
    net: Network, cell: int, u: int, v: int, u_q: int, v_q: int
) -> tuple[int, int]:
    """Return the times from a point to both ends of its cell."""
    a_q = b_q = FAR
    for x, at_q in ((u, u_q), (v, v_q)):
        if x >= net.n_core:
            a_q = min(a_q, at_q + net.out_a[x - net.n_core])
            b_q = min(b_q, at_q + net.out_b[x - net.n_core])
            continue
        if x == net.a[cell]:
            a_q = min(a_q, at_q)
        if x == net.b[cell]:
            b_q = min(b_q, at_q)
    return a_q, b_q
