"""Put the tiles of a covered area together: exactly, and without geometry.

Tiles of :func:`yikezhong_coverage.joint.band_tiles` are cut off at their edges. Where
both neighbours cover a stretch of their common edge it goes away; where only one does
(at the border of two bands, whose rasters differ, by decimetres) it stays. What is left
of the rings is linked into new rings. Polygons that share a stretch of an edge are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import shapely
from numba import njit
from numpy.typing import ArrayLike, NDArray

from yikezhong_coverage.lattice import UNITS, tile_corners
from yikezhong_coverage.outlines import polygons_of_rings
from yikezhong_coverage.records import IntArray

#: A line of a ring along a row or a column where tiles meet.
_ROW: Final = 1
_COLUMN: Final = 2


class _Lines(NamedTuple):
    """The lines of all rings of all polygons, each from a point to the next.

    Parameters
    ----------
    points : ndarray of int64, shape (n, 2)
        Where each line begins.
    next : ndarray of int64, shape (n,)
        The line that follows in its ring.
    polygon : ndarray of int64, shape (n,)
    edge : ndarray of uint8, shape (n,)
        Whether the line lies on an edge of its tile: ``_ROW``, ``_COLUMN`` or 0.
    """

    points: IntArray
    next: IntArray
    polygon: IntArray
    edge: NDArray[np.uint8]


class _Stretches(NamedTuple):
    """Stretches of tiles' edges that one side covers and the other does not.

    Parameters
    ----------
    begin, end : ndarray of int64, shape (n, 2)
    polygon : ndarray of int64, shape (n,)
    """

    begin: IntArray
    end: IntArray
    polygon: IntArray


def join_tiles(
    tile: ArrayLike, polygons: Sequence[shapely.MultiPolygon], *, cell_m: float
) -> shapely.MultiPolygon:
    """Return the union of tiles.

    Parameters
    ----------
    tile : array_like of int64, shape (n,)
        Different tiles, in any order.
    polygons : sequence of shapely.MultiPolygon
        What is covered of each, from :func:`yikezhong_coverage.joint.band_tiles`.
    cell_m : float
        Cell of the raster that they were made with [m].

    Returns
    -------
    shapely.MultiPolygon
        Longitude and latitude, valid, coordinates in whole millionths of a degree.
        The same for any order of the tiles.
    """
    ids = np.asarray(tile, np.int64)
    order = np.argsort(ids)
    order = order[[not polygons[k].is_empty for k in order.tolist()]]
    if not len(order):
        return shapely.MultiPolygon()
    shapes = [polygons[k] for k in order.tolist()]
    lines = _take_apart(ids[order], shapes, cell_m)
    root = np.arange(int(lines.polygon[-1]) + 1)
    edge, ends, polygon = _on_edges(lines)
    stretches = _uncover(edge, ends, polygon, root)
    begin = np.concatenate((lines.points[_chain_starts(lines)], stretches.begin))
    key = _keys(begin)
    order = np.argsort(key, kind="stable")
    # nothing begins twice at a place unless tiles meet at a corner only
    rings = None
    if (np.diff(key[order]) > 0).all():
        rings = _walk(lines, stretches, _chain_starts(lines), key[order], order)
    if rings is None:
        return _by_geos(shapes)
    points, start, polygon = rings
    return _nest(points, start, _roots(root)[polygon]) or _by_geos(shapes)


def _take_apart(
    ids: IntArray, shapes: Sequence[shapely.MultiPolygon], cell_m: float
) -> _Lines:
    """Return the lines of the tiles' rings."""
    _, coordinates, offsets = shapely.to_ragged_array(shapes)
    ring_start, polygon_start, shape_start = offsets
    closing = np.zeros(len(coordinates), dtype=np.bool_)
    closing[ring_start[1:] - 1] = True
    points = np.rint(coordinates[~closing] * UNITS).astype(np.int64)
    count = np.diff(ring_start) - 1
    first = np.cumsum(count) - count
    follows = np.arange(1, len(points) + 1)
    follows[first + count - 1] = first
    of_ring = np.repeat(np.arange(len(polygon_start) - 1), np.diff(polygon_start))
    polygon = np.repeat(of_ring, count)
    tile = np.repeat(np.arange(len(shapes)), np.diff(shape_start))[polygon]
    corners = tile_corners(ids, cell_m=cell_m)[tile]
    x, y = points.T
    level, upright = y == y[follows], x == x[follows]
    edge = np.zeros(len(points), dtype=np.uint8)
    edge[level & ((y == corners[:, 1]) | (y == corners[:, 3]))] = _ROW
    edge[upright & ((x == corners[:, 0]) | (x == corners[:, 2]))] = _COLUMN
    return _Lines(points, follows, polygon, edge)


def _on_edges(lines: _Lines) -> tuple[IntArray, IntArray, IntArray]:
    """Return the lines on tiles' edges, sorted by edge, side and place.

    Their edge (0 along a row or 1 along a column, and its place) with whether they run
    eastwards or northwards, their lower and upper end, and their polygon.
    """
    on = np.flatnonzero(lines.edge)
    column = (lines.edge[on] == _COLUMN).astype(np.int64)
    each = np.arange(len(on))
    begin, end = lines.points[on], lines.points[lines.next[on]]
    place = begin[each, 1 - column]
    one, two = begin[each, column], end[each, column]
    ahead = (two > one).astype(np.int64)
    low, high = np.minimum(one, two), np.maximum(one, two)
    order = np.lexsort((low, ahead, place, column))
    edge = np.stack((column, place, ahead), axis=1)
    ends = np.stack((low, high), axis=1)
    return edge[order], ends[order], lines.polygon[on][order]


def _chain_starts(lines: _Lines) -> IntArray:
    """Return the lines at which rings come off a tile's edge."""
    before = np.empty_like(lines.next)
    before[lines.next] = np.arange(len(before))
    return np.flatnonzero((lines.edge == 0) & (lines.edge[before] != 0))


def _keys(points: IntArray) -> IntArray:
    """Return one number for each place."""
    return (points[:, 1] << 32) + points[:, 0]


def _roots(root: IntArray) -> IntArray:
    """Return the smallest polygon that each is joined to."""
    while (root[root] != root).any():
        root = root[root]
    return root


def _nest(
    points: IntArray, start: IntArray, component: IntArray
) -> shapely.MultiPolygon | None:
    """Make polygons of rings, one of each component; None if that cannot be."""
    x, y = points.astype(np.float64).T
    follows = np.arange(1, len(points) + 1)
    follows[start[1:] - 1] = start[:-1]
    # relative to each ring's first point, so that products are exact
    count = np.diff(start)
    x, y = x - np.repeat(x[start[:-1]], count), y - np.repeat(y[start[:-1]], count)
    twice = np.add.reduceat(x * y[follows] - x[follows] * y, start[:-1])
    shells = np.flatnonzero(twice > 0)
    own, first = np.unique(component[shells], return_index=True)
    place = np.searchsorted(own, component)
    known = place < len(own)
    known[known] = own[place[known]] == component[known]
    if len(own) != len(shells) or not known.all():
        return None
    owner = shells[first][place]
    return polygons_of_rings(
        points, start, owner, np.zeros(len(shells), dtype=np.int64), 1
    )[0]


def _by_geos(shapes: Sequence[shapely.MultiPolygon]) -> shapely.MultiPolygon:
    """Return the union of tiles some of which meet at a corner only."""
    joined = shapely.union_all(list(shapes))
    return shapely.MultiPolygon(shapely.get_parts(joined).tolist())


@njit(cache=True)
def _find(root: IntArray, polygon: int) -> int:
    """Return the polygon that stands for all that one is joined to."""
    while root[polygon] != polygon:
        root[polygon] = root[root[polygon]]
        polygon = root[polygon]
    return polygon


@njit(cache=True)
def _uncover(
    edge: IntArray, ends: IntArray, polygon: IntArray, root: IntArray
) -> _Stretches:
    """Return what only one side of each edge covers; join what both sides cover."""
    n, most = len(edge), 2 * len(edge)
    begin, end = np.empty((most, 2), np.int64), np.empty((most, 2), np.int64)
    of = np.empty(most, np.int64)
    low = ends[:, 0].copy()
    count = a = 0
    while a < n:
        # one side of an edge is a:a_end, the other b:b_end
        a_end = a
        while a_end < n and (edge[a_end] == edge[a]).all():
            a_end += 1
        b, b_end = a_end, a_end
        while b_end < n and (edge[b_end, :2] == edge[a, :2]).all():
            b_end += 1
        while a < a_end or b < b_end:
            of_a = b == b_end or (a < a_end and low[a] < low[b])
            if of_a:
                k, until = a, ends[a, 1] if b == b_end else min(ends[a, 1], low[b])
            elif a == a_end or low[b] < low[a]:
                k, until = b, ends[b, 1] if a == a_end else min(ends[b, 1], low[a])
            else:
                until = min(ends[a, 1], ends[b, 1])
                one, two = _find(root, polygon[a]), _find(root, polygon[b])
                root[max(one, two)] = min(one, two)
                low[a], low[b] = until, until
                a, b = a + (until == ends[a, 1]), b + (until == ends[b, 1])
                continue
            column, place, ahead = edge[k]
            of[count] = polygon[k]
            begin[count, 1 - column] = end[count, 1 - column] = place
            begin[count, column] = low[k] if ahead else until
            end[count, column] = until if ahead else low[k]
            count += 1
            low[k] = until
            a += of_a and until == ends[k, 1]
            b += not of_a and until == ends[k, 1]
        a = b_end
    return _Stretches(begin[:count], end[:count], of[:count])


@njit(cache=True)
def _walk(
    lines: _Lines,
    stretches: _Stretches,
    chain: IntArray,
    key: IntArray,
    piece: IntArray,
) -> tuple[IntArray, IntArray, IntArray] | None:
    """Link chains of lines and stretches, where one ends and another begins.

    ``key`` are the places where pieces begin, ascending, and ``piece`` which do.
    Returns points, starts of rings, and a polygon of each; None where nothing begins
    at an end. Rings that are not on any edge come as they are.
    """
    n_chain = len(chain)
    points = np.empty((len(lines.next) + len(stretches.polygon), 2), dtype=np.int64)
    start = np.zeros(len(points) + 1, dtype=np.int64)
    polygon = np.empty(len(points), dtype=np.int64)
    done = np.zeros(len(piece), dtype=np.bool_)
    seen = np.zeros(len(lines.next), dtype=np.bool_)
    n = n_ring = 0
    for first in range(len(piece)):
        if done[first]:
            continue
        p = first
        while not done[p]:
            done[p] = True
            if p < n_chain:
                k = chain[p]
                polygon[n_ring] = lines.polygon[k]
                while lines.edge[k] == 0:
                    seen[k] = True
                    points[n] = lines.points[k]
                    n += 1
                    k = lines.next[k]
                x, y = lines.points[k]
            else:
                polygon[n_ring] = stretches.polygon[p - n_chain]
                points[n] = stretches.begin[p - n_chain]
                n += 1
                x, y = stretches.end[p - n_chain]
            at = (y << 32) + x
            place = np.searchsorted(key, at)
            if place == len(key) or key[place] != at:
                return None
            p = piece[place]
        if p != first:
            return None
        n_ring += 1
        start[n_ring] = n
    for first in range(len(seen)):
        if seen[first] or lines.edge[first] != 0:
            continue
        k = first
        polygon[n_ring] = lines.polygon[k]
        while not seen[k]:
            seen[k] = True
            points[n] = lines.points[k]
            n += 1
            k = lines.next[k]
        n_ring += 1
        start[n_ring] = n
    return points[:n].copy(), start[: n_ring + 1].copy(), polygon[:n_ring].copy()
