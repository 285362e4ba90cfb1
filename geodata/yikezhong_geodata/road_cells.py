"""Cells of 0.01° that roads are listed by: which cell a place lies in, and those near."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import FloatArray, IntArray

#: Cells to a degree, both ways.
_PER_DEGREE: Final = 100
_N_COLUMN: Final = 360 * _PER_DEGREE + 1
_N_ROW: Final = 180 * _PER_DEGREE + 1
#: The shortest 0.01° of latitude (at the equator), and of longitude there [m].
_ROW_M: Final = 1105.74
_COLUMN_M: Final = 1113.19
#: Cells are never taken for narrower than at this latitude [degrees].
_HIGHEST_LAT: Final = 89.9


def cell_of(lon: ArrayLike, lat: ArrayLike) -> IntArray:
    """Return the number of the cell of 0.01° that each position lies in.

    Cells are numbered from the south-west, along the rows of equal latitude.

    Parameters
    ----------
    lon, lat : array_like of float, shape (n_point,)
        Positions [degrees, EPSG:4326].

    Returns
    -------
    ndarray of int64, shape (n_point,)
        -1 where a position is ``nan``.

    Examples
    --------
    >>> cell_of([-180.0, -179.99, -180.0, np.nan], [-90.0, -90.0, -89.99, 0.0])
    array([    0,     1, 36001,    -1])
    """
    x = np.asarray(lon, dtype=np.float64)
    y = np.asarray(lat, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    number = _row(np.where(known, y, 0.0)) * _N_COLUMN + _column(
        np.where(known, x, 0.0)
    )
    found: IntArray = np.where(known, number, -1)
    return found


def cells_of_box(west: float, south: float, east: float, north: float) -> IntArray:
    """Return the cells that a box meets, ascending.

    Parameters
    ----------
    west, south, east, north : float
        Bounds [degrees], inclusive.

    Examples
    --------
    >>> cells_of_box(-180.0, -90.0, -179.985, -89.985)
    array([    0,     1, 36001, 36002])
    """
    bounds = (np.array([value]) for value in (west, south, east, north))
    return cells_of_boxes(*bounds)[0]


def dilate(cells: ArrayLike, metres: float) -> IntArray:
    """Return cells with all that lie within a distance of them.

    Cells are grown into squares: by as many rows and columns as the distance may
    cross where cells are smallest, that is at the largest latitude that is reached.

    Parameters
    ----------
    cells : array_like of int
        Cells as :func:`cell_of` numbers them; -1 is left out.
    metres : float
        Distance [m], non-negative.

    Returns
    -------
    ndarray of int64
        Ascending; every place within ``metres`` of a place in ``cells`` lies in one.

    Examples
    --------
    >>> len(dilate(cell_of([113.0], [31.0]), 500.0)), len(dilate([], 500.0))
    (9, 0)
    """
    if not (math.isfinite(metres) and metres >= 0):
        raise InputError(f"距离为 {metres}，应为非负数（米）")
    old = np.unique(np.asarray(cells, dtype=np.int64))
    old = old[old >= 0]
    if not len(old):
        return old
    row, column = np.divmod(old, _N_COLUMN)
    n_row, n_column = _steps(row, metres)
    column = _spread(column, n_column, _N_COLUMN)
    grown = np.unique((row * _N_COLUMN)[:, None] + column)
    row, column = np.divmod(grown, _N_COLUMN)
    row = _spread(row, n_row, _N_ROW)
    return np.unique(row * _N_COLUMN + column[:, None])


def cells_near(known: ArrayLike, cells: ArrayLike, metres: float) -> IntArray:
    """Return which of some cells :func:`dilate` would reach, however far that is.

    Parameters
    ----------
    known : array_like of int
        Cells that are asked about, ascending and unique.
    cells : array_like of int
        Cells that the distance is taken from; -1 is left out.
    metres : float
        Distance [m], non-negative; ``inf`` reaches everything.

    Returns
    -------
    ndarray of int64
        Ascending.

    Examples
    --------
    >>> here = cell_of([113.0, 113.5], [31.0, 31.0])
    >>> cells_near(here, here[:1], 500.0) == here[:1]
    array([ True])
    >>> len(cells_near(here, here[:1], np.inf)), len(cells_near(here, [], 500.0))
    (2, 0)
    """
    if not metres >= 0:
        raise InputError(f"距离为 {metres}，应为非负数（米）")
    asked = np.asarray(known, dtype=np.int64)
    start = np.asarray(cells, dtype=np.int64)
    start = start[start >= 0]
    if not len(start) or not len(asked):
        return asked[:0]
    row, column = np.divmod(start, _N_COLUMN)
    n_row, n_column = _steps(row, metres)
    if n_row == 0:
        return np.intersect1d(asked, start)
    # both ways measured in whole numbers: the square around a cell becomes a square
    tree = cKDTree(np.column_stack([row * n_column, column * n_row]))
    row, column = np.divmod(asked, _N_COLUMN)
    away, _ = tree.query(
        np.column_stack([row * n_column, column * n_row]),
        p=np.inf,
        distance_upper_bound=n_row * n_column + 0.5,
    )
    found: IntArray = asked[np.isfinite(away)]
    return found


def _steps(row: IntArray, metres: float) -> tuple[int, int]:
    """Return how many rows and columns a distance may cross, from some rows."""
    if metres >= _N_ROW * _ROW_M:
        return _N_ROW, _N_COLUMN
    n_row = math.ceil(metres / _ROW_M)
    south = 90 - (int(row.min()) - n_row) / _PER_DEGREE
    north = (int(row.max()) + 1 + n_row) / _PER_DEGREE - 90
    lat = min(max(south, north), _HIGHEST_LAT)
    width_m = _COLUMN_M * math.cos(math.radians(lat))
    return n_row, min(math.ceil(metres / width_m), _N_COLUMN)


def _spread(at: IntArray, n: int, size: int) -> IntArray:
    """Return the numbers up to ``n`` away from each, within ``size``, a row each."""
    near: IntArray = np.clip(at[:, None] + np.arange(-n, n + 1), 0, size - 1)
    return near


def _column(lon: FloatArray) -> IntArray:
    return _place(lon, 180 * _PER_DEGREE, _N_COLUMN)


def _row(lat: FloatArray) -> IntArray:
    return _place(lat, 90 * _PER_DEGREE, _N_ROW)


def _place(degrees: FloatArray, zero: int, size: int) -> IntArray:
    """Return the row or column of each; the order of the degrees is kept."""
    at = np.floor(degrees * _PER_DEGREE).astype(np.int64) + zero
    found: IntArray = np.clip(at, 0, size - 1)
    return found


def cells_of_boxes(
    west: FloatArray, south: FloatArray, east: FloatArray, north: FloatArray
) -> tuple[IntArray, IntArray]:
    """Return the cells that each box meets, box by box, and the box of each.

    Parameters
    ----------
    west, south, east, north : ndarray of float64, shape (n_box,)
        Bounds [degrees], inclusive.

    Returns
    -------
    cell : ndarray of int64, shape (n_pair,)
        Ascending within each box.
    box : ndarray of int64, shape (n_pair,)
        Index of the box, ascending.
    """
    left, low = _column(west), _row(south)
    n_across = _column(east) - left + 1
    count = n_across * (_row(north) - low + 1)
    box = np.repeat(np.arange(len(west)), count)
    rank = np.arange(len(box)) - np.repeat(np.cumsum(count) - count, count)
    up, across = np.divmod(rank, n_across[box])
    return (low[box] + up) * _N_COLUMN + left[box] + across, box
