"""Compiled inner loops: which points of a raster are within a distance of roads.

Every segment covers a disc at each end and what is between. Along each row and each
column of a raster it covers an interval, the ends of which are computed, not sampled.
A point of the raster is inside if an interval of its row covers it.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from yikezhong_coverage.records import FloatArray, IndexArray, IntArray

_NONE: Final = 1 << 30


class Raster(NamedTuple):
    """A rectangle of the lattice, in millionths of a degree.

    Parameters
    ----------
    column, row : int
        Of its first point in the lattice: that is at ``column * step_x``.
    n_x, n_y : int
        Points in a row and in a column.
    step_x, step_y : int
    south, north : int
        0 or 1: outlines cross its first or last row at even or odd places only, so
        that they never meet those of the next band at a point; -1: anywhere.
    """

    column: int
    row: int
    n_x: int
    n_y: int
    step_x: int
    step_y: int
    south: int
    north: int


class Segments(NamedTuple):
    """Straight segments and the scale at each.

    Parameters
    ----------
    ends : ndarray of float64, shape (n, 4)
        Longitude and latitude of both ends [millionths of a degree].
    east, north : ndarray of float64, shape (n,)
        Metres in a millionth of a degree of longitude and of latitude.
    """

    ends: FloatArray
    east: FloatArray
    north: FloatArray


class Cover(NamedTuple):
    """What the segments cover of a raster.

    Parameters
    ----------
    inside : ndarray of uint8, shape (n_y + 2, n_x + 2)
        Whether points are covered; with points around them that are not.
    left, right : ndarray of int32, shape (n_y, n_x)
        Where the intervals begin of which the point is the first in its row, and
        where those end of which it is the last.
    low, high : ndarray of int32, shape (n_x, n_y)
        The same for columns.
    """

    inside: NDArray[np.uint8]
    left: IndexArray
    right: IndexArray
    low: IndexArray
    high: IndexArray


@njit(cache=True, nogil=True)
def cover_raster(
    segments: Segments, of: IntArray, buffer_m: float, raster: Raster
) -> Cover:
    """Return what is within the buffer of the segments numbered in ``of``."""
    n_x, n_y = raster.n_x, raster.n_y
    cover = Cover(
        np.zeros((n_y + 2, n_x + 2), dtype=np.uint8),
        np.full((n_y, n_x), _NONE, dtype=np.int32),
        np.full((n_y, n_x), -_NONE, dtype=np.int32),
        np.full((n_x, n_y), _NONE, dtype=np.int32),
        np.full((n_x, n_y), -_NONE, dtype=np.int32),
    )
    change = np.zeros((n_y, n_x + 1), dtype=np.int32)
    for i in of:
        _stamp(segments, i, buffer_m, raster, cover, change)
    for r in range(n_y):
        depth = 0
        for c in range(n_x):
            depth += change[r, c]
            cover.inside[r + 1, c + 1] = depth > 0
    return cover


@njit(cache=True, nogil=True)
def _chord(
    h: float, dx: float, dy: float, ox: float, oy: float, buffer_m: float
) -> tuple[float, float]:
    """Return where a line at height ``h`` enters and leaves what a segment covers.

    The segment goes from the origin to (dx, dy), (ox, oy) is the buffer at a right
    angle to it; the first is above the second where the line passes by.
    """
    low, high = np.inf, -np.inf
    square = buffer_m * buffer_m
    rest = square - h * h
    if rest >= 0.0:
        half = math.sqrt(rest)
        low, high = -half, half
    rest = square - (h - dy) * (h - dy)
    if rest >= 0.0:
        half = math.sqrt(rest)
        low, high = min(low, dx - half), max(high, dx + half)
    if dy != 0.0:
        share = (h - oy) / dy
        if 0.0 <= share <= 1.0:
            x = ox + share * dx
            low, high = min(low, x), max(high, x)
        share = (h + oy) / dy
        if 0.0 <= share <= 1.0:
            x = share * dx - ox
            low, high = min(low, x), max(high, x)
    return low, high


@njit(cache=True, nogil=True)
def _stamp(
    segments: Segments,
    i: int,
    buffer_m: float,
    raster: Raster,
    cover: Cover,
    change: IndexArray,
) -> None:
    """Note what a segment covers of each row and each column.

    Everything is computed from the segment and the number of the row or column in the
    lattice: the same for every raster that has it.
    """
    n_x, n_y = raster.n_x, raster.n_y
    ends = segments.ends
    ax, ay, bx, by = ends[i, 0], ends[i, 1], ends[i, 2], ends[i, 3]
    east, north = segments.east[i], segments.north[i]
    dx, dy = (bx - ax) * east, (by - ay) * north
    length = math.sqrt(dx * dx + dy * dy)
    ox, oy = 0.0, 0.0
    if length > 0.0:
        ox, oy = -dy / length * buffer_m, dx / length * buffer_m
    wide, step = buffer_m / north, float(raster.step_y)
    begin = max(math.ceil((min(ay, by) - wide) / step) - raster.row, 0)
    end = min(math.floor((max(ay, by) + wide) / step) - raster.row, n_y - 1)
    across = float(raster.step_x)
    left, right = cover.left, cover.right
    for r in range(begin, end + 1):
        h = (float(raster.row + r) * step - ay) * north
        low, high = _chord(h, dx, dy, ox, oy, buffer_m)
        if low > high:
            continue
        low, high = ax + low / east, ax + high / east
        c = math.ceil(low / across) - raster.column
        last = math.floor(high / across) - raster.column
        if last < c or last < 0 or c >= n_x:
            continue
        if c >= 0:
            left[r, c] = min(left[r, c], math.floor(low + 0.5))
        change[r, max(c, 0)] += 1
        if last < n_x:
            right[r, last] = max(right[r, last], math.floor(high + 0.5))
        change[r, min(last, n_x - 1) + 1] -= 1
    wide = buffer_m / east
    begin = max(math.ceil((min(ax, bx) - wide) / across) - raster.column, 0)
    end = min(math.floor((max(ax, bx) + wide) / across) - raster.column, n_x - 1)
    below, above = cover.low, cover.high
    for c in range(begin, end + 1):
        h = (float(raster.column + c) * across - ax) * east
        low, high = _chord(h, dy, dx, oy, ox, buffer_m)
        if low > high:
            continue
        low, high = ay + low / north, ay + high / north
        r = math.ceil(low / step) - raster.row
        last = math.floor(high / step) - raster.row
        if last < r:
            continue
        if 0 <= r < n_y:
            below[c, r] = min(below[c, r], math.floor(low + 0.5))
        if 0 <= last < n_y:
            above[c, last] = max(above[c, last], math.floor(high + 0.5))
