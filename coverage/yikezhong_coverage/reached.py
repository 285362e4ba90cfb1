"""The straight pieces of road that a single facility is reached from.

The same parts of edges as those of :mod:`yikezhong_coverage.edges`, but of one facility
after another: only edges at nodes that were reached are looked at, and their pieces are
written at once, in any order.

Where a circle is much wider than streets are apart, nearly all of these pieces lie deep
inside and nothing of the outline comes from them, see :mod:`yikezhong_coverage.depth`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from yikezhong_coverage.edges import Edges, Places, cover_edge
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
)


class Lines(NamedTuple):
    """The vertices of edges, in degrees."""

    start: IntArray
    along_m: FloatArray
    lon: FloatArray
    lat: FloatArray


class Squares(NamedTuple):
    """In which squares nodes and edges lie.

    Parameters
    ----------
    column, row : ndarray of int32, shape (n_node,)
    west, south : ndarray of int32, shape (n_edge,)
        Column and row of the lower left square that an edge comes into.
    more : ndarray of uint8, shape (n_edge,)
        Bits: 1 if it comes into the next column too, 2 into the next row; 4 if
        farther.
    """

    column: IndexArray
    row: IndexArray
    west: IndexArray
    south: IndexArray
    more: NDArray[np.uint8]


class Depth(NamedTuple):
    """Squares so deep inside a circle that nothing in them makes a difference.

    Parameters
    ----------
    deep : ndarray of bool, shape (n_row, n_column)
    west, south : int
        Column and row of the first of them.
    """

    deep: BoolArray
    west: int
    south: int


class Desk(NamedTuple):
    """Room for one facility after another.

    Parameters
    ----------
    time_s : ndarray of float64, shape (n_node,)
        ``inf`` at rest.
    seen : ndarray of int32, shape (n_edge,)
        The last facility whose pieces of each edge were written.
    number : ndarray of int32, shape (1,)
        How many facilities there were.
    """

    time_s: FloatArray
    seen: IndexArray
    number: IndexArray


def lines_of(graph: RoadGraph) -> Lines:
    """Return the vertices of a graph."""
    return Lines(
        graph.vertex_start, graph.vertex_along_m, graph.vertex_lon, graph.vertex_lat
    )


def no_squares() -> Squares:
    """Return what goes with a :class:`Depth` without squares."""
    none = np.empty(0, dtype=np.int32)
    return Squares(none, none, none, none, np.empty(0, dtype=np.uint8))


def no_depth() -> Depth:
    """Return what asks for every piece."""
    return Depth(np.empty((0, 0), dtype=np.bool_), 0, 0)


def make_squares(graph: RoadGraph, wide: float, high: float) -> Squares:
    """Sort nodes and edges into squares, so many degrees wide and high."""
    column = np.floor(graph.vertex_lon / wide).astype(np.int32)
    row = np.floor(graph.vertex_lat / high).astype(np.int32)
    first, last = graph.vertex_start[:-1], graph.vertex_start[1:] - 1
    west, south = np.minimum.reduceat(column, first), np.minimum.reduceat(row, first)
    across = np.maximum.reduceat(column, first) - west
    along = np.maximum.reduceat(row, first) - south
    more = (across == 1) + 2 * (along == 1) + 4 * ((across > 1) | (along > 1))
    of_node = np.empty((2, graph.n_node), dtype=np.int32)
    for node, vertex in ((graph.edge_u, first), (graph.edge_v, last)):
        of_node[:, node] = column[vertex], row[vertex]
    return Squares(of_node[0], of_node[1], west, south, more.astype(np.uint8))


def make_desk(graph: RoadGraph) -> Desk:
    """Return room for facilities on a graph."""
    return Desk(
        np.full(graph.n_node, np.inf),
        np.zeros(graph.n_edge, dtype=np.int32),
        np.zeros(1, dtype=np.int32),
    )


@njit(cache=True, nogil=True)
def reached_pieces(
    reached: IndexArray, time_s: FloatArray, limit_s: float,
    places: Places, edges: Edges, at_start: IntArray, at_edge: IndexArray, lines: Lines,
    squares: Squares, depth: Depth, desk: Desk,
) -> FloatArray:  # fmt: skip
    """Return the straight pieces from which a facility is within the limit.

    Parameters
    ----------
    reached, time_s : ndarray
        Nodes from which it is reached, and the times.
    limit_s : float
    places : Places
        The facility.
    edges : Edges
    at_start, at_edge : ndarray
        Edges that end at each node, as compressed rows.
    lines : Lines
    squares : Squares
    depth : Depth
        Roads that do not leave its squares are left out.
    desk : Desk

    Returns
    -------
    ndarray of float64, shape (n, 4)
        Longitude and latitude of both ends [degrees].
    """
    # arrays are taken out of their tuples first: in a loop that would cost more
    node_time, seen = desk.time_s, desk.seen
    u, v, forward_s, backward_s = edges.u, edges.v, edges.forward_s, edges.backward_s
    first, lon, lat, own = lines.start, lines.lon, lines.lat, places.edge
    of_column, of_row, more = squares.west, squares.south, squares.more
    deep, west, south = depth
    desk.number[0] += 1
    number = desk.number[0]
    for k in range(len(reached)):
        node_time[reached[k]] = time_s[k]
    out = np.empty((4 * len(reached) + 64, 4))
    low, high = np.empty(len(own) + 2), np.empty(len(own) + 2)
    n = 0
    for k in range(-1, len(reached)):
        begin, end = 0, len(own)
        if k >= 0:
            begin, end = at_start[reached[k]], at_start[reached[k] + 1]
        for i in range(begin, end):
            e = own[i] if k < 0 else at_edge[i]
            if seen[e] == number:
                continue
            seen[e] = number
            if len(deep) and more[e] < 4:
                r, c = of_row[e] - south, of_column[e] - west
                above, right = r + (more[e] >> 1), c + (more[e] & 1)
                if r >= 0 and above < len(deep) and c >= 0 and right < deep.shape[1]:
                    both = deep[r, c] & deep[above, c]
                    if both & deep[r, right] & deep[above, right]:
                        continue
            spare_u = limit_s - node_time[u[e]]
            spare_v = limit_s - node_time[v[e]]
            if (spare_u >= backward_s[e]) | (spare_v >= forward_s[e]):
                out = _room_for(out, n, n + first[e + 1] - first[e])
                for place in range(first[e], first[e + 1] - 1):
                    out[n, 0], out[n, 1] = lon[place], lat[place]
                    out[n, 2], out[n, 3] = lon[place + 1], lat[place + 1]
                    n += 1
                continue
            n_part = cover_edge(edges, e, spare_u, spare_v, places, 0, low, high)
            out = _room_for(out, n, n + n_part * (first[e + 1] - first[e]))
            for p in range(n_part):
                n = write_pieces(lines, e, low[p], high[p], out, n)
    for k in range(len(reached)):
        node_time[reached[k]] = np.inf
    return out[:n].copy()


@njit(cache=True, nogil=True)
def _room_for(out: FloatArray, used: int, n: int) -> FloatArray:
    """Return rows with room for ``n``, those in use kept."""
    if n <= len(out):
        return out
    wider = np.empty((2 * n, 4))
    wider[:used] = out[:used]
    return wider


@njit(cache=True, nogil=True)
def stand_ins(
    reached: IndexArray, squares: Squares, lon: FloatArray, lat: FloatArray
) -> FloatArray:
    """Return one reached node for each square, as pieces without length."""
    column, row = squares.column, squares.row
    if len(reached) == 0:
        return np.empty((0, 4))
    west = east = column[reached[0]]
    south = north = row[reached[0]]
    for x in reached:
        west, east = min(west, column[x]), max(east, column[x])
        south, north = min(south, row[x]), max(north, row[x])
    some = np.zeros((north - south + 1, east - west + 1), dtype=np.uint8)
    out = np.empty((min(some.size, len(reached)), 4))
    n = 0
    for x in reached:
        r, c = row[x] - south, column[x] - west
        out[n, 0] = out[n, 2] = lon[x]
        out[n, 1] = out[n, 3] = lat[x]
        n += some[r, c] == 0
        some[r, c] = 1
        if n == len(out):
            break
    return out[:n].copy()


@njit(cache=True, nogil=True)
def pieces_of_parts(
    lines: Lines, edge: IndexArray, from_m: FloatArray, to_m: FloatArray
) -> FloatArray:
    """Return the straight pieces of parts of edges."""
    most = 0
    for e in edge:
        most += lines.start[e + 1] - lines.start[e]
    out = np.empty((most, 4))
    n = 0
    for i in range(len(edge)):
        n = write_pieces(lines, edge[i], from_m[i], to_m[i], out, n)
    return out[:n].copy()


@njit(cache=True, nogil=True)
def write_pieces(
    lines: Lines, edge: int, from_m: float, to_m: float, out: FloatArray, n: int
) -> int:
    """Write the straight pieces of a part of an edge from place ``n`` on.

    A part without length is one piece without length. Returns the end of what is
    written.
    """
    start, along, lon, lat = lines
    begin = n
    last = start[edge + 1] - 2
    for k in range(start[edge], last + 1):
        low, high = max(from_m, along[k]), min(to_m, along[k + 1])
        needed = k == last and n == begin
        if high < low and not needed:
            continue
        if high == low and to_m > from_m and not needed:
            continue  # only touches this segment
        step = along[k + 1] - along[k]
        one, two = 0.0, 0.0
        if step > 0:
            one = min(max((low - along[k]) / step, 0.0), 1.0)
            two = min(max((high - along[k]) / step, 0.0), 1.0)
        out[n, 0] = lon[k] + (lon[k + 1] - lon[k]) * one
        out[n, 1] = lat[k] + (lat[k + 1] - lat[k]) * one
        out[n, 2] = lon[k] + (lon[k + 1] - lon[k]) * two
        out[n, 3] = lat[k] + (lat[k + 1] - lat[k]) * two
        n += 1
        if to_m == from_m:
            break  # a point is enough once
    return n
