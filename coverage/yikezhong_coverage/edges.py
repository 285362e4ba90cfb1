"""Which parts of which roads are within the limit, in metres.

A person who stands on a road at ``x`` metres from the edge's u is within the limit
if some facility is: along the edge to one of its ends and on from there, or along
the edge to a facility on the edge itself. His own access leg is nothing (he stands on
the road), the facility's leg counts. Times along an edge grow linearly, so the covered part of an
edge is a union of intervals, and those are computed, not sampled.

The ends of the intervals follow from the unrounded linear times; against the rounded
times of :mod:`yikezhong_coverage.exact` they are off by less than a micrometre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numba
import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.exact import round_time
from yikezhong_coverage.layout import UnsignedArray
from yikezhong_coverage.records import (
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
    Snapped,
)

#: Lengths that are added up are whole multiples of this [m], so that sums are exact.
LENGTH_QUANTUM_M: Final = 2.0**-20

TO_FACILITY: Final = "to_facility"
FROM_FACILITY: Final = "from_facility"


class Edges(NamedTuple):
    """The edges of a network as the kernels take them, turned to the facilities."""

    u: UnsignedArray
    v: UnsignedArray
    length_m: FloatArray
    forward_s: FloatArray
    backward_s: FloatArray


class Places(NamedTuple):
    """Facilities in the order of their edges, and the time that their legs leave."""

    edge: IndexArray
    at_m: FloatArray
    spare_s: FloatArray


@dataclass(frozen=True, eq=False)
class EdgeParts:
    """Parts of edges: disjoint intervals, by edge, then along the edge.

    Parameters
    ----------
    edge : ndarray of int32, shape (n_part,)
    from_m, to_m : ndarray of float64, shape (n_part,)
        Begin and end of the part from the edge's u along the edge [m].
    """

    edge: IndexArray
    from_m: FloatArray
    to_m: FloatArray


@dataclass(frozen=True, eq=False)
class RoadPieces:
    """Roads cut into short straight pieces, to be told which division they lie in.

    Parameters
    ----------
    edge : ndarray of int32, shape (n_piece,)
        Edge of each piece, ascending; pieces of an edge follow from u to v.
    from_m, to_m : ndarray of float64, shape (n_piece,)
        Begin and end along the edge [m], multiples of 2⁻²⁰ m: a piece begins exactly
        where the one before it ends.
    lon, lat : ndarray of float64, shape (n_piece,)
        Middle of the piece [degrees].
    """

    edge: IndexArray
    from_m: FloatArray
    to_m: FloatArray
    lon: FloatArray
    lat: FloatArray

    def __len__(self) -> int:
        return len(self.edge)


def covered_parts(
    graph: RoadGraph,
    node_time_s: FloatArray,
    facility: Snapped,
    *,
    limit_s: float,
    leg_speed_mps: float,
    direction: str = TO_FACILITY,
    edges: IndexArray | None = None,
) -> EdgeParts:
    """Return the parts of the edges from which a facility is within the limit.

    Parameters
    ----------
    graph : RoadGraph
    node_time_s : ndarray of float64, shape (n_node,)
        Time between each node and the nearest facility, with the facility's leg [s];
        ``inf`` where there is none. It has to be exact up to ``limit_s``.
    facility : Snapped
        The same facilities; those without an edge are passed over.
    limit_s : float
        Largest accepted time [s], inclusive.
    leg_speed_mps : float
        Speed on the facility's leg [m/s].
    direction : {"to_facility", "from_facility"}
        Which way is gone.
    edges : ndarray of int32, optional
        Only these edges are looked at (ascending, unique); all by default.

    Returns
    -------
    EdgeParts
        Disjoint parts, ascending. A part can have no length, where the limit is
        reached at a point, or the edge itself has none.
    """
    chosen = np.arange(graph.n_edge, dtype=np.int32) if edges is None else edges
    places = place_on_edges(facility, limit_s=limit_s, leg_speed_mps=leg_speed_mps)
    if edges is not None:
        own = np.flatnonzero(np.isin(places.edge, edges))
        places = Places(places.edge[own], places.at_m[own], places.spare_s[own])
    turned = turn_edges(graph, direction)
    return EdgeParts(*_cover(chosen, turned, node_time_s, places, limit_s))


def turn_edges(graph: RoadGraph, direction: str) -> Edges:
    """Return the edges for going to facilities, or with every street turned round."""
    times = graph.edge_forward_s, graph.edge_backward_s
    if direction == FROM_FACILITY:
        times = times[1], times[0]
    elif direction != TO_FACILITY:
        raise InputError(f"方向应为 {TO_FACILITY} 或 {FROM_FACILITY}，不是 {direction}")
    # no node's number is negative: not to be asked of each
    u, v = graph.edge_u.view(np.uint32), graph.edge_v.view(np.uint32)
    return Edges(u, v, graph.edge_length_m, *times)


def place_on_edges(
    facility: Snapped, *, limit_s: float, leg_speed_mps: float
) -> Places:
    """Return the facilities that are on an edge, and the time that their legs leave."""
    if not (np.isfinite(limit_s) and limit_s >= 0):
        raise InputError(f"时限为 {limit_s}，应为非负有限数（秒）")
    on_edge = np.flatnonzero(facility.edge >= 0)
    on_edge = on_edge[np.argsort(facility.edge[on_edge], kind="stable")]
    spare_s = limit_s - round_time(facility.leg_m[on_edge] / leg_speed_mps)
    return Places(facility.edge[on_edge], facility.along_m[on_edge], spare_s)


def cut_roads(graph: RoadGraph, *, max_piece_m: float = 25.0) -> RoadPieces:
    """Cut the straight segments of all edges into equal pieces of bounded length.

    The middle of a piece decides which division the whole piece belongs to, so a
    border is met within half a piece; no length is lost or counted twice.

    Parameters
    ----------
    graph : RoadGraph
    max_piece_m : float
        Largest length of a piece [m].

    Returns
    -------
    RoadPieces
        In the order of the edges. The pieces of an edge add up to its length,
        rounded once to a multiple of 2⁻²⁰ m.
    """
    if not max_piece_m > 0:
        raise InputError(f"道路分段长度应为正数，不是 {max_piece_m}")
    last = np.zeros(len(graph.vertex_lon), dtype=np.bool_)
    last[graph.vertex_start[1:] - 1] = True
    begin = np.flatnonzero(~last)  # each segment by its first vertex
    edge = np.repeat(
        np.arange(graph.n_edge, dtype=np.int32), np.diff(graph.vertex_start) - 1
    )
    along = graph.vertex_along_m
    segment_m = along[begin + 1] - along[begin]
    n_cut = np.maximum(np.ceil(segment_m / max_piece_m), 1).astype(np.int64)
    segment = np.repeat(np.arange(len(begin)), n_cut)
    number = np.arange(len(segment)) - np.repeat(np.cumsum(n_cut) - n_cut, n_cut)
    first, count = begin[segment], n_cut[segment]

    def at(values: FloatArray, share: FloatArray) -> FloatArray:
        return values[first] + (values[first + 1] - values[first]) * share

    whole = number + 1 == count
    end = np.where(whole, along[first + 1], at(along, (number + 1) / count))
    middle = (number + 0.5) / count
    return RoadPieces(
        edge=edge[segment],
        from_m=round_length(at(along, number / count)),
        to_m=round_length(end),
        lon=at(graph.vertex_lon, middle),
        lat=at(graph.vertex_lat, middle),
    )


def length_by_division(
    pieces: RoadPieces,
    division: IndexArray,
    *,
    n_division: int,
    parts: EdgeParts | None = None,
    kept: np.ndarray | None = None,
) -> FloatArray:
    """Add up the metres of road in each division, all or the covered ones.

    Parameters
    ----------
    pieces : RoadPieces
    division : ndarray of int32, shape (n_piece,)
        Division of each piece; -1 for none, which is not counted.
    n_division : int
    parts : EdgeParts, optional
        Count only what lies in these parts; by default everything.
    kept : ndarray of bool, shape (n_edge,), optional
        Count only these edges; by default all.

    Returns
    -------
    ndarray of float64, shape (n_division,)
        Metres, multiples of 2⁻²⁰ m: sums are exact and independent of the order.
    """
    if len(division) != len(pieces):
        raise InputError("道路分段与其所属区划的个数不符")
    counted = division >= 0
    if kept is not None:
        counted &= kept[pieces.edge]
    if parts is None:
        metres = pieces.to_m - pieces.from_m
    else:
        metres = _covered_of_pieces(pieces, parts)
    return np.bincount(
        division[counted], weights=metres[counted], minlength=n_division
    ).astype(np.float64)


def round_length(length_m: FloatArray) -> FloatArray:
    """Round lengths to whole multiples of 2⁻²⁰ m.

    Examples
    --------
    >>> round_length(np.array([0.1, 2.0])).tolist()
    [0.10000038146972656, 2.0]
    """
    return np.rint(length_m / LENGTH_QUANTUM_M) * LENGTH_QUANTUM_M


@numba.njit(cache=True, nogil=True)
def metres_within(spare_s: float, time_s: float, length_m: float) -> float:
    """Return how far along an edge the spare time lasts; -1 for not at all [m].

    ``time_s`` is what the whole edge takes, ``inf`` where it may not be used.
    """
    if not spare_s >= 0 or time_s == np.inf:
        return -1.0
    if spare_s >= time_s:
        return length_m
    return min(spare_s / time_s, 1.0) * length_m


def _covered_of_pieces(pieces: RoadPieces, parts: EdgeParts) -> FloatArray:
    """Return the metres of each piece that lie in the parts."""
    n_edge = int(max(pieces.edge.max(initial=-1), parts.edge.max(initial=-1))) + 1
    start = np.zeros(n_edge + 1, dtype=np.int64)
    np.cumsum(np.bincount(parts.edge, minlength=n_edge), out=start[1:])
    low, high = round_length(parts.from_m), round_length(parts.to_m)
    return _overlaps(pieces.edge, pieces.from_m, pieces.to_m, start, low, high)


@numba.njit(cache=True, nogil=True)
def _overlaps(
    edge: IndexArray,
    from_m: FloatArray,
    to_m: FloatArray,
    start: IntArray,
    low: FloatArray,
    high: FloatArray,
) -> FloatArray:
    """Return how much of each piece the parts of its edge cover [m]."""
    found = np.zeros(len(edge))
    for piece in range(len(edge)):
        for part in range(start[edge[piece]], start[edge[piece] + 1]):
            begin = max(from_m[piece], low[part])
            found[piece] += max(min(to_m[piece], high[part]) - begin, 0.0)
    return found


@numba.njit(cache=True, nogil=True)
def _cover(
    chosen: IndexArray,
    edges: Edges,
    node_time_s: FloatArray,
    places: Places,
    limit_s: float,
) -> tuple[IndexArray, FloatArray, FloatArray]:
    """Return edge, begin and end of the covered parts, joined where they touch."""
    at_edge = places.edge
    most = 2 * len(chosen) + len(at_edge)
    part_edge = np.empty(most, dtype=np.int32)
    low, high = np.empty(most), np.empty(most)
    count = f = 0
    for edge in chosen:
        spare_u = limit_s - node_time_s[edges.u[edge]]
        spare_v = limit_s - node_time_s[edges.v[edge]]
        while f < len(at_edge) and at_edge[f] < edge:
            f += 1
        n_part = cover_edge(
            edges, edge, spare_u, spare_v, places, f, low[count:], high[count:]
        )
        part_edge[count : count + n_part] = edge
        count += n_part
    return part_edge[:count].copy(), low[:count].copy(), high[:count].copy()


@numba.njit(cache=True, nogil=True)
def cover_edge(
    edges: Edges,
    edge: int,
    spare_u: float,
    spare_v: float,
    places: Places,
    f: int,
    low: FloatArray,
    high: FloatArray,
) -> int:
    """Write begin and end of the covered parts of an edge; return how many there are.

    ``spare_u`` and ``spare_v`` are what is left of the limit at its ends [s], ``f`` is
    the first of the facilities that could be on it.
    """
    length, at_edge = edges.length_m[edge], places.edge
    forward_s, backward_s = edges.forward_s[edge], edges.backward_s[edge]
    # From u the covered part begins at 0: people there walk back to u.
    from_u = metres_within(spare_u, backward_s, length)
    from_v = metres_within(spare_v, forward_s, length)
    count = 0
    if from_u >= 0:
        low[count], high[count] = 0.0, min(from_u, length)
        count += 1
    begin = count
    while f < len(at_edge) and at_edge[f] == edge:
        if places.spare_s[f] >= 0:
            before = metres_within(places.spare_s[f], forward_s, length)
            after = metres_within(places.spare_s[f], backward_s, length)
            low[count] = max(places.at_m[f] - max(before, 0.0), 0.0)
            high[count] = min(places.at_m[f] + max(after, 0.0), length)
            count += 1
        f += 1
    if count - begin > 1:
        order = begin + np.argsort(low[begin:count])
        low[begin:count], high[begin:count] = low[order], high[order]
    if from_v >= 0:
        low[count], high[count] = max(length - from_v, 0.0), length
        count += 1
    return _joined(0, count, low, high)


@numba.njit(cache=True, nogil=True)
def _joined(first: int, last: int, low: FloatArray, high: FloatArray) -> int:
    """Join overlapping or touching intervals of an edge; return the new end.

    They are sorted by their begin but for the last one, which reaches to the end.
    """
    if last - first < 2:
        return last
    tail_low = low[last - 1]
    count = first
    for i in range(first, last):
        # the last one comes in before what begins after it
        begin, end = low[i], high[i]
        if begin > tail_low:
            begin, end = tail_low, high[last - 1]
        if count > first and begin <= high[count - 1]:
            high[count - 1] = max(high[count - 1], end)
        else:
            low[count], high[count] = begin, end
            count += 1
    return count
