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


class Sheet(NamedTuple):
    """Room to draw on, for as many points as a raster has; used by one at a time.

    New memory for every raster would take longer than to cover it.
    """

    inside: NDArray[np.uint8]
    left: IndexArray
    right: IndexArray
    low: IndexArray
    high: IndexArray
    change: IndexArray
    ring: IndexArray


def make_sheet(n: int) -> Sheet:
    """Return room for rasters of up to ``n`` points, with those around them."""
    room = [np.empty(n, dtype=np.int32) for _ in range(6)]
    return Sheet(np.empty(n, dtype=np.uint8), *room)


@njit(cache=True, nogil=True)
def cover_raster(
    segments: Segments, of: IntArray, buffer_m: float, raster: Raster, sheet: Sheet
) -> Cover:
    """Return what is within the buffer of the segments numbered in ``of``."""
    n_x, n_y = raster.n_x, raster.n_y
    n = n_x * n_y
    cover = Cover(
        sheet.inside[: (n_y + 2) * (n_x + 2)].reshape(n_y + 2, n_x + 2),
        sheet.left[:n].reshape(n_y, n_x),
        sheet.right[:n].reshape(n_y, n_x),
        sheet.low[:n].reshape(n_x, n_y),
        sheet.high[:n].reshape(n_x, n_y),
    )
    change = sheet.change[: n_y * (n_x + 1)].reshape(n_y, n_x + 1)
    sheet.inside[: (n_y + 2) * (n_x + 2)] = 0
    sheet.left[:n] = _NONE
    sheet.right[:n] = -_NONE
    sheet.low[:n] = _NONE
    sheet.high[:n] = -_NONE
    sheet.change[: n_y * (n_x + 1)] = 0
    _stamp(segments, of, buffer_m, raster, cover, change)
    inside = cover.inside
    for r in range(n_y):
        depth = 0
        for c in range(n_x):
            depth += change[r, c]
            inside[r + 1, c + 1] = depth > 0
    return cover


@njit(cache=True, nogil=True)
def _chords(
    first: int, step: float, start: float, scale: float, dx: float, dy: float,
    buffer_m: float, low: FloatArray, high: FloatArray,
) -> None:  # fmt: skip
    """Write where lines enter and leave what a segment covers.

    Lines are ``step`` apart, the first is ``first`` steps from the origin; the segment
    goes from ``start``, seen as the origin, to (dx, dy). Where a line passes by, the
    first is above the second. Nothing is asked here, so that several lines are done
    at once.
    """
    square = buffer_m * buffer_m
    length = math.sqrt(dx * dx + dy * dy)
    ox, oy = 0.0, 0.0
    if length > 0.0:
        ox, oy = -dy / length * buffer_m, dx / length * buffer_m
    # no share lies between 0 and 1 for a segment along the lines
    each = 1.0 / dy if dy != 0.0 else np.inf
    for k in range(len(low)):
        h = (float(first + k) * step - start) * scale
        near, far = square - h * h, square - (h - dy) * (h - dy)
        one, two = math.sqrt(max(near, 0.0)), math.sqrt(max(far, 0.0))
        share, other = (h - oy) * each, (h + oy) * each
        x, y = ox + share * dx, other * dx - ox
        lo = -one if near >= 0.0 else np.inf
        hi = one if near >= 0.0 else -np.inf
        lo = min(lo, dx - two if far >= 0.0 else np.inf)
        hi = max(hi, dx + two if far >= 0.0 else -np.inf)
        on = (share >= 0.0) & (share <= 1.0)
        lo, hi = min(lo, x if on else np.inf), max(hi, x if on else -np.inf)
        on = (other >= 0.0) & (other <= 1.0)
        low[k] = min(lo, y if on else np.inf)
        high[k] = max(hi, y if on else -np.inf)


@njit(cache=True, nogil=True)
def _stamp(
    segments: Segments,
    of: IntArray,
    buffer_m: float,
    raster: Raster,
    cover: Cover,
    change: IndexArray,
) -> None:
    """Note what segments cover of each row and each column.

    Everything is computed from the segment and the number of the row or column in the
    lattice: the same for every raster that has it.
    """
    n_x, n_y, row, column = raster.n_x, raster.n_y, raster.row, raster.column
    left, right, below, above = cover.left, cover.right, cover.low, cover.high
    ends, easts, norths = segments.ends, segments.east, segments.north
    step, across = float(raster.step_y), float(raster.step_x)
    per_row, per_column = 1.0 / step, 1.0 / across
    low, high = np.empty(max(n_x, n_y)), np.empty(max(n_x, n_y))
    for i in of:
        ax, ay, bx, by = ends[i, 0], ends[i, 1], ends[i, 2], ends[i, 3]
        east, north = easts[i], norths[i]
        unit_x, unit_y = 1.0 / east, 1.0 / north
        dx, dy = (bx - ax) * east, (by - ay) * north
        wide = buffer_m * unit_y
        begin = max(math.ceil((min(ay, by) - wide) * per_row) - row, 0)
        end = min(math.floor((max(ay, by) + wide) * per_row) - row, n_y - 1)
        _chords(
            row + begin, step, ay, north, dx, dy, buffer_m,
            low[: max(end - begin + 1, 0)], high,
        )  # fmt: skip
        for r in range(begin, end + 1):
            x, y = ax + low[r - begin] * unit_x, ax + high[r - begin] * unit_x
            if not x <= y:
                continue
            c = math.ceil(x * per_column) - column
            last = math.floor(y * per_column) - column
            if last < c or last < 0 or c >= n_x:
                continue
            if c >= 0:
                left[r, c] = min(left[r, c], math.floor(x + 0.5))
            change[r, max(c, 0)] += 1
            if last < n_x:
                right[r, last] = max(right[r, last], math.floor(y + 0.5))
            change[r, min(last, n_x - 1) + 1] -= 1
        wide = buffer_m * unit_x
        begin = max(math.ceil((min(ax, bx) - wide) * per_column) - column, 0)
        end = min(math.floor((max(ax, bx) + wide) * per_column) - column, n_x - 1)
        _chords(
            column + begin, across, ax, east, dy, dx, buffer_m,
            low[: max(end - begin + 1, 0)], high,
        )  # fmt: skip
        for c in range(begin, end + 1):
            x, y = ay + low[c - begin] * unit_y, ay + high[c - begin] * unit_y
            if not x <= y:
                continue
            r = math.ceil(x * per_row) - row
            last = math.floor(y * per_row) - row
            if last < r:
                continue
            if 0 <= r < n_y:
                below[c, r] = min(below[c, r], math.floor(x + 0.5))
            if 0 <= last < n_y:
                above[c, last] = max(above[c, last], math.floor(y + 0.5))
