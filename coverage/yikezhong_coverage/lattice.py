"""One raster for the whole world, in tiles, on which all outlines are drawn.

Its rows are a whole number of millionths of a degree apart. So are the points of a
row, at a distance that depends on the row's latitude alone: it grows by a tenth from
one band of latitude to the next, so that cells stay nearly square. A tile is a square
number of cells within one band. Which tile a place is in, and where the tile's points
are, is known without looking at any data: what is drawn in a tile depends on the roads
near it and on nothing else.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
import shapely
from numpy.typing import ArrayLike

from yikezhong_coverage.records import FloatArray, IntArray

#: Millionths of a degree in a degree; all points of outlines are whole numbers of them.
UNITS: Final = 1_000_000
#: Metres in a millionth of a degree of latitude.
_UNIT_M: Final = 0.111
#: An edge of a cell must hold a point between its ends, at either side of a band's.
_LEAST_STEP: Final = 8
#: How much wider the cells of a band are than those of the next towards the equator.
_WIDER: Final = 1.1
#: Beyond this latitude [degrees] cells become narrow instead of wide.
_MOST_LATITUDE: Final = 85.0
#: Cells along the side of a tile, of small cells and of large ones: those with which
#: the circles of drivers are drawn.
_CELLS: Final = (128, 64)
LARGE_CELL_M: Final = 50.0
#: Added to rows and columns in the numbers of tiles, which are never negative.
_MIDDLE: Final = 1 << 30


def step_lat(cell_m: float) -> int:
    """Return the distance of the raster's rows in millionths of a degree.

    Examples
    --------
    >>> step_lat(10.0)
    90
    """
    return max(round(cell_m / _UNIT_M), _LEAST_STEP)


def step_lon(cell_m: float, lat: float) -> int:
    """Return the distance of points in a row of the band at a latitude.

    Examples
    --------
    >>> step_lon(10.0, 0.0), step_lon(10.0, 31.0), step_lon(10.0, -53.0)
    (90, 109, 145)
    """
    narrow = math.cos(math.radians(min(abs(lat), _MOST_LATITUDE)))
    band = math.floor(-math.log(narrow) / math.log(_WIDER) + 0.5)
    return round(step_lat(cell_m) * _WIDER**band)


def tile_cells(cell_m: float) -> int:
    """Return the cells along the side of a tile."""
    return _CELLS[1] if cell_m >= LARGE_CELL_M else _CELLS[0]


@lru_cache(maxsize=65_536)
def row_step_lon(row: int, cell_m: float) -> int:
    """Return the distance of points in the rows of a row of tiles."""
    height = tile_cells(cell_m) * step_lat(cell_m)
    return step_lon(cell_m, (row + 0.5) * height / UNITS)


def tile_ids(row: ArrayLike, column: ArrayLike) -> IntArray:
    """Return the numbers of tiles, which sort by row, then column.

    Parameters
    ----------
    row, column : array_like of int
        From the equator northwards and from Greenwich eastwards, negative beyond.
    """
    rows, columns = np.asarray(row, np.int64), np.asarray(column, np.int64)
    return ((rows + _MIDDLE) << 32) | (columns + _MIDDLE)


def tile_places(ids: ArrayLike) -> tuple[IntArray, IntArray]:
    """Return row and column of tiles by their numbers.

    Examples
    --------
    >>> row, column = tile_places(tile_ids([-3], [7]))
    >>> row.tolist(), column.tolist()
    ([-3], [7])
    """
    number = np.asarray(ids, np.int64)
    return (number >> 32) - _MIDDLE, (number & 0xFFFF_FFFF) - _MIDDLE


def tile_corners(ids: ArrayLike, *, cell_m: float) -> IntArray:
    """Return west, south, east and north of tiles in millionths of a degree."""
    row, column = tile_places(ids)
    rows, place = np.unique(row, return_inverse=True)
    steps = np.array([row_step_lon(int(r), cell_m) for r in rows], dtype=np.int64)
    n_cell = tile_cells(cell_m)
    width = n_cell * steps[place] if len(rows) else row
    height = n_cell * step_lat(cell_m)
    return np.stack(
        (column * width, row * height, (column + 1) * width, (row + 1) * height),
        axis=-1,
    )


def tile_boxes(ids: ArrayLike, *, cell_m: float) -> FloatArray:
    """Return west, south, east and north of tiles [degrees], shape (n_tile, 4).

    Examples
    --------
    >>> ids = tiles_over(113.0, 31.0, 113.0, 31.0, cell_m=10.0)
    >>> tile_boxes(ids, cell_m=10.0).tolist()
    [[112.997248, 30.9888, 113.0112, 31.00032]]
    """
    return tile_corners(ids, cell_m=cell_m) / UNITS


def tiles_over(
    west: float, south: float, east: float, north: float, *, cell_m: float
) -> IntArray:
    """Return the tiles that a box touches, ascending.

    Parameters
    ----------
    west, south, east, north : float
        The box [degrees], edges included: a tile that only meets it is among them.
    cell_m : float
        Cell of the raster [m].

    Returns
    -------
    ndarray of int64
    """
    n_cell = tile_cells(cell_m)
    height = n_cell * step_lat(cell_m)
    found = [np.empty(0, dtype=np.int64)]
    low = math.ceil(south * UNITS / height) - 1
    for row in range(low, math.floor(north * UNITS / height) + 1):
        if (row + 1) * height < south * UNITS:
            continue
        width = n_cell * row_step_lon(row, cell_m)
        first = math.ceil(west * UNITS / width) - 1
        columns = np.arange(first, math.floor(east * UNITS / width) + 1)
        found.append(tile_ids(row, columns[(columns + 1) * width >= west * UNITS]))
    return np.concatenate(found)


def boxes_of(ids: ArrayLike, *, cell_m: float) -> list[shapely.Polygon]:
    """Return tiles as rectangles in longitude and latitude."""
    west, south, east, north = tile_boxes(ids, cell_m=cell_m).T
    return list(shapely.box(west, south, east, north))
