"""How much of each division the tiles of a service area cover, exactly repeatable.

Divisions are cut along the tiles of the raster of the world once; after that every
service asks for the common area of each piece and what is covered of its tile. What is
found for a division and a tile depends on these two alone and is rounded to a multiple
of 2⁻¹⁰ m², so that sums are exact: the same in any order and for any part of a study.

The common area of two polygons needs no polygon of its own. A polygon is the sum of
what lies under its edges, taken as positive or negative by their direction; so is the
common area, of what lies under both edges of every pair that overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numba import njit
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer

from yikezhong_coverage.lattice import (
    UNITS,
    row_step_lon,
    step_lat,
    tile_cells,
    tile_ids,
)
from yikezhong_coverage.records import FloatArray, IntArray

#: Areas of pieces are whole multiples of this [m²], so that sums are exact.
AREA_QUANTUM_M2: Final = 2.0**-10

_LONLAT: Final = "EPSG:4326"


@dataclass(frozen=True, eq=False)
class DivisionPieces:
    """Divisions cut along the edges of tiles.

    Parameters
    ----------
    tile, division : ndarray of int64, shape (n_piece,)
        Tile and division of each piece; by division, then tile.
    start : ndarray of int64, shape (n_piece + 1,)
        Edges of piece ``k`` are ``edge[start[k]:start[k + 1]]``.
    edge : ndarray of float64, shape (n_edge, 5)
        In the equal-area plane [m] the western and the eastern end's x, y at the
        western end, slope, and 1 if the piece lies above the edge, else -1. Upright
        edges, under which nothing lies, are left out.
    missing : ndarray of bool, shape (n_division,)
        Divisions without a shape.
    cell_m : float
        Cell of the raster [m].
    crs : str
        The equal-area plane.
    """

    tile: IntArray
    division: IntArray
    start: IntArray
    edge: FloatArray
    missing: NDArray[np.bool_]
    cell_m: float
    crs: str


def cut_divisions(
    shapes: Sequence[shapely.Geometry | None], *, cell_m: float, crs: str
) -> DivisionPieces:
    """Cut divisions along the edges of tiles, once for all services.

    Parameters
    ----------
    shapes : sequence of shapely.Polygon or shapely.MultiPolygon or None
        In longitude and latitude; None where there is no shape.
    cell_m : float
        Cell of the raster that the tiles are drawn on [m].
    crs : str
        An equal-area plane in metres in which meridians and parallels are straight
        and at right angles, e.g. ``"EPSG:6933"``.

    Returns
    -------
    DivisionPieces
    """
    given = np.array(shapes, dtype=object)
    n_cell = tile_cells(cell_m)
    found = []
    for k in np.flatnonzero(~shapely.is_missing(given)).tolist():
        if not given[k].is_empty:
            found.append(_cut_one(given[k], k, n_cell, cell_m))
    none = np.empty(0, dtype=np.int64)
    tile = np.concatenate([none, *(ids for ids, _, _ in found)])
    division = np.concatenate([none, *(np.full(len(i), k) for i, k, _ in found)])
    counts = [count for _, _, (count, _) in found]
    start = np.concatenate([np.zeros(1, np.int64), *counts]).cumsum()
    edge = np.concatenate([np.empty((0, 4)), *(edge for _, _, (_, edge) in found)])
    return DivisionPieces(
        tile,
        division,
        start,
        _flatten(_project(edge[:, :2], crs), _project(edge[:, 2:], crs)),
        shapely.is_missing(given),
        cell_m,
        crs,
    )


def covered_area_m2(
    pieces: DivisionPieces, tile: ArrayLike, polygons: Sequence[shapely.MultiPolygon]
) -> FloatArray:
    """Return how much of each division tiles cover.

    Parameters
    ----------
    pieces : DivisionPieces
    tile : array_like of int64, shape (n,)
        Different tiles; all in which something is covered of the divisions.
    polygons : sequence of shapely.MultiPolygon
        What is covered of each, from :func:`yikezhong_coverage.joint.band_tiles`.

    Returns
    -------
    ndarray of float64, shape (n_division,)
        Square metres, multiples of 2⁻¹⁰; ``nan`` for divisions without a shape.

    Examples
    --------
    >>> from yikezhong_coverage.lattice import boxes_of, tiles_over
    >>> ids = tiles_over(113.0, 31.0, 113.02, 31.01, cell_m=10.0)
    >>> tiles = [shapely.MultiPolygon([box]) for box in boxes_of(ids, cell_m=10.0)]
    >>> half = shapely.box(113.0, 31.0, 113.01, 31.005)
    >>> pieces = cut_divisions([half, None], cell_m=10.0, crs="EPSG:6933")
    >>> covered_area_m2(pieces, ids, tiles).round(1)
    array([529411.7,      nan])
    """
    area_m2 = np.where(pieces.missing, np.nan, 0.0)
    ids = np.asarray(tile, np.int64)
    if not len(ids):
        return area_m2
    order = np.argsort(ids)
    start, edge = _edges_of([polygons[k] for k in order.tolist()], pieces.crs)
    place = np.searchsorted(ids[order], pieces.tile)
    place[place == len(ids)] = 0
    met = np.flatnonzero(ids[order][place] == pieces.tile)
    common = _common_areas(pieces.start, pieces.edge, start, edge, met, place[met])
    common = np.rint(common / AREA_QUANTUM_M2) * AREA_QUANTUM_M2
    area_m2 += np.bincount(pieces.division[met], weights=common, minlength=len(area_m2))
    return area_m2


def _cut_one(
    shape: shapely.Geometry, division: int, n_cell: int, cell_m: float
) -> tuple[IntArray, int, tuple[IntArray, FloatArray]]:
    """Return a division's tiles, its number, and edges of each tile with their count."""
    points, ring_start = _rings([shape])[:2]
    height = n_cell * step_lat(cell_m)
    low = int(np.floor(points[:, 1].min() * UNITS / height))
    high = int(np.floor(points[:, 1].max() * UNITS / height))
    rows = np.arange(low, high + 1)
    widths = np.array([n_cell * row_step_lon(int(r), cell_m) for r in rows])
    pieces, edge = _cut_rings(
        points, ring_start, low, float(height), widths.astype(np.float64)
    )
    row, column, count = pieces.T
    return tile_ids(row, column), division, (count, edge)


def _rings(
    shapes: Sequence[shapely.Geometry],
) -> tuple[FloatArray, IntArray, IntArray]:
    """Return points and starts of closed rings, the inside to the left, and shapes."""
    parts, shape = shapely.get_parts(np.array(shapes, dtype=object), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    outer = np.ones(len(rings), dtype=np.bool_)
    outer[1:] = part[1:] != part[:-1]
    turned = shapely.is_ccw(rings) != outer
    rings[turned] = shapely.reverse(rings[turned])
    points = shapely.get_coordinates(rings)
    start = np.concatenate(([0], np.cumsum(shapely.get_num_coordinates(rings))))
    return points, start, shape[part]


def _edges_of(
    shapes: Sequence[shapely.MultiPolygon], crs: str
) -> tuple[IntArray, FloatArray]:
    """Return the edges of shapes in the plane, and where each shape's begin."""
    points, ring_start, shape = _rings(shapes)
    points = _project(points, crs)
    within = np.ones(len(points), dtype=np.bool_)
    within[ring_start[1:] - 1] = False
    of = np.repeat(shape, np.diff(ring_start))
    begin = np.flatnonzero(within)
    begin = begin[points[begin, 0] != points[begin + 1, 0]]
    count = np.bincount(of[begin], minlength=len(shapes))
    start = np.concatenate(([0], np.cumsum(count)))
    return start, _flatten(points[begin], points[begin + 1])


def _project(points: FloatArray, crs: str) -> FloatArray:
    """Return longitudes and latitudes in a plane."""
    to_plane = Transformer.from_crs(_LONLAT, crs, always_xy=True)
    return np.stack(to_plane.transform(points[:, 0], points[:, 1]), axis=1)


def _flatten(begin: FloatArray, end: FloatArray) -> FloatArray:
    """Return edges as in :class:`DivisionPieces`."""
    eastwards = end[:, 0] > begin[:, 0]
    west = np.where(eastwards[:, None], begin, end)
    east = np.where(eastwards[:, None], end, begin)
    wide = east[:, 0] - west[:, 0]
    # two places so close that they have become one above the other
    slope = (east[:, 1] - west[:, 1]) / np.where(wide > 0, wide, np.inf)
    sign = np.where(eastwards, 1.0, -1.0)
    return np.stack((west[:, 0], east[:, 0], west[:, 1], slope, sign), axis=1)


@njit(cache=True, nogil=True)
def _clip(
    points: FloatArray, axis: int, at: float, sign: float, out: FloatArray
) -> int:
    """Keep what of a closed ring is on one side of a line; return its points.

    By Sutherland and Hodgman's way: where the ring leaves and comes back, it follows
    the line.
    """
    n = 0
    for k in range(len(points) - 1):
        d, e = sign * (points[k, axis] - at), sign * (points[k + 1, axis] - at)
        if d >= 0.0:
            out[n] = points[k]
            n += 1
        if (d > 0.0 and e < 0.0) or (d < 0.0 and e > 0.0):
            out[n] = points[k] + (points[k + 1] - points[k]) * (d / (d - e))
            out[n, axis] = at
            n += 1
    if n:
        out[n] = out[0]
        n += 1
    return n


@njit(cache=True, nogil=True)
def _between(
    points: FloatArray, start: IntArray, axis: int, low: float, high: float
) -> tuple[FloatArray, IntArray]:
    """Return what of closed rings is between two lines: points, and where each begins.

    Rings of which nothing is there are left out.
    """
    kept = np.empty((4 * len(points) + 4, 2))
    one = np.empty((2 * len(points) + 1, 2))
    begin = np.zeros(len(start), dtype=np.int64)
    n = n_ring = 0
    for k in range(len(start) - 1):
        m = _clip(points[start[k] : start[k + 1]], axis, low, 1.0, one)
        m = _clip(one[:m], axis, high, -1.0, kept[n:])
        if m:
            n += m
            n_ring += 1
            begin[n_ring] = n
    return kept[:n].copy(), begin[: n_ring + 1].copy()


@njit(cache=True, nogil=True)
def _cut_rings(
    points: FloatArray, ring_start: IntArray, low: int, height: float, width: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Cut rings along rows and columns of tiles, the first row being ``low``.

    Returns row, column and number of edges of each piece, and the edges.
    """
    pieces, edges = np.empty((64, 3), dtype=np.int64), np.empty((256, 4))
    n = n_piece = 0
    for r in range(len(width)):
        south, north = (low + r) * height / 1e6, (low + r + 1) * height / 1e6
        strip, of_strip = _between(points, ring_start, 1, south, north)
        if len(strip) == 0:
            continue
        first = int(np.floor(strip[:, 0].min() * 1e6 / width[r]))
        last = int(np.floor(strip[:, 0].max() * 1e6 / width[r]))
        for c in range(first, last + 1):
            west, east = c * width[r] / 1e6, (c + 1) * width[r] / 1e6
            piece, start = _between(strip, of_strip, 0, west, east)
            if n + len(piece) > len(edges):
                edges = np.concatenate((edges, np.empty((n + len(piece), 4))))
            begin = n
            for k in range(len(start) - 1):
                for i in range(start[k], start[k + 1] - 1):
                    if piece[i, 0] != piece[i + 1, 0]:
                        edges[n, :2], edges[n, 2:] = piece[i], piece[i + 1]
                        n += 1
            if n > begin:
                if n_piece == len(pieces):
                    pieces = np.concatenate((pieces, pieces))
                pieces[n_piece, 0], pieces[n_piece, 1] = low + r, c
                pieces[n_piece, 2] = n - begin
                n_piece += 1
    return pieces[:n_piece].copy(), edges[:n].copy()


@njit(cache=True, nogil=True)
def _common_areas(
    piece_start: IntArray, piece_edge: FloatArray, tile_start: IntArray,
    tile_edge: FloatArray, piece: IntArray, tile: IntArray,
) -> FloatArray:  # fmt: skip
    """Return the common area of pieces of divisions and what is covered of tiles."""
    area = np.zeros(len(piece))
    for k in range(len(piece)):
        ours = piece_edge[piece_start[piece[k]] : piece_start[piece[k] + 1]]
        theirs = tile_edge[tile_start[tile[k]] : tile_start[tile[k] + 1]]
        # everything lies above this
        base = min(_lowest(ours), _lowest(theirs))
        for i in range(len(ours)):
            for j in range(len(theirs)):
                if ours[i, 0] < theirs[j, 1] and theirs[j, 0] < ours[i, 1]:
                    area[k] += _under_both(ours[i], theirs[j], base)
    return area


@njit(cache=True, nogil=True)
def _lowest(edges: FloatArray) -> float:
    """Return the least y of edges."""
    least = np.inf
    for i in range(len(edges)):
        rise = (edges[i, 1] - edges[i, 0]) * edges[i, 3]
        least = min(least, edges[i, 2] + min(rise, 0.0))
    return least


@njit(cache=True, nogil=True)
def _under_both(one: FloatArray, two: FloatArray, base: float) -> float:
    """Return the area above ``base`` and under two edges that overlap.

    Negative if one runs eastwards and the other westwards.
    """
    west, east = max(one[0], two[0]), min(one[1], two[1])
    a0 = one[2] + (west - one[0]) * one[3] - base
    b0 = two[2] + (west - two[0]) * two[3] - base
    a1, b1 = a0 + (east - west) * one[3], b0 + (east - west) * two[3]
    d0, d1 = a0 - b0, a1 - b1
    if (d0 < 0.0 and d1 > 0.0) or (d0 > 0.0 and d1 < 0.0):
        share = d0 / (d0 - d1)
        middle = a0 + (a1 - a0) * share
        twice = share * (min(a0, b0) + middle) + (1.0 - share) * (middle + min(a1, b1))
    elif d0 + d1 <= 0.0:
        twice = a0 + a1
    else:
        twice = b0 + b1
    return float(twice * (east - west) / 2.0 * one[4] * two[4])
