"""How many metres of road are within the limit, by edge or added up by group.

The same lengths as those of the parts of :mod:`yikezhong_coverage.edges`, in one pass
that makes no list of parts.
"""

from __future__ import annotations

import numba
import numpy as np

from yikezhong_coverage.edges import (
    TO_FACILITY,
    Edges,
    Places,
    cover_edge,
    metres_within,
    place_on_edges,
    turn_edges,
)
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import FloatArray, IndexArray, RoadGraph, Snapped


def covered_edge_length_m(
    graph: RoadGraph,
    node_time_s: FloatArray,
    facility: Snapped,
    *,
    limit_s: float,
    leg_speed_mps: float,
    direction: str = TO_FACILITY,
) -> FloatArray:
    """Return how many metres of each edge are within the limit.

    Parameters are those of :func:`yikezhong_coverage.edges.covered_parts`.

    Returns
    -------
    ndarray of float64, shape (n_edge,)
        Covered length [m], from 0 to the edge's length.
    """
    return covered_length_m(
        graph,
        node_time_s,
        facility,
        np.arange(graph.n_edge, dtype=np.int32),
        n_group=graph.n_edge,
        limit_s=limit_s,
        leg_speed_mps=leg_speed_mps,
        direction=direction,
    )


def covered_length_m(
    graph: RoadGraph,
    node_time_s: FloatArray,
    facility: Snapped,
    group: IndexArray,
    *,
    n_group: int,
    limit_s: float,
    leg_speed_mps: float,
    direction: str = TO_FACILITY,
) -> FloatArray:
    """Return how many metres of road of each group are within the limit.

    Parameters
    ----------
    graph, node_time_s, facility, limit_s, leg_speed_mps, direction
        As in :func:`yikezhong_coverage.edges.covered_parts`.
    group : ndarray of int32, shape (n_edge,)
        Group of each edge, from 0; -1 for none, which is not counted.
    n_group : int

    Returns
    -------
    ndarray of float64, shape (n_group,)
        Covered length [m].
    """
    if len(group) != graph.n_edge or (n_group and group.max(initial=-1) >= n_group):
        raise InputError(
            "路段的分组与路网不符", hint="每条路段应有一个组号，没有的为 -1"
        )
    return _add_up(
        turn_edges(graph, direction),
        node_time_s,
        place_on_edges(facility, limit_s=limit_s, leg_speed_mps=leg_speed_mps),
        limit_s,
        group,
        n_group,
    )


@numba.njit(cache=True, nogil=True)
def _add_up(
    edges: Edges,
    node_time_s: FloatArray,
    places: Places,
    limit_s: float,
    group: IndexArray,
    n_group: int,
) -> FloatArray:
    """Return the covered metres of each group."""
    u, v, length_m = edges.u, edges.v, edges.length_m
    forward_s, backward_s, at_edge = edges.forward_s, edges.backward_s, places.edge
    metres = np.zeros(n_group)
    low, high = np.empty(len(at_edge) + 2), np.empty(len(at_edge) + 2)
    f = 0
    for edge in range(len(u)):
        if group[edge] < 0:
            continue
        into, length = group[edge], length_m[edge]
        spare_u = limit_s - node_time_s[u[edge]]
        spare_v = limit_s - node_time_s[v[edge]]
        if (spare_u >= backward_s[edge]) | (spare_v >= forward_s[edge]):
            metres[into] += length
            continue
        while f < len(at_edge) and at_edge[f] < edge:
            f += 1
        if f < len(at_edge) and at_edge[f] == edge:
            n_part = cover_edge(edges, edge, spare_u, spare_v, places, f, low, high)
            for i in range(n_part):
                metres[into] += high[i] - low[i]
            continue
        from_u = max(metres_within(spare_u, backward_s[edge], length), 0.0)
        begin = length - max(metres_within(spare_v, forward_s[edge], length), 0.0)
        metres[into] += length if from_u >= begin else from_u + (length - begin)
    return metres
