"""The circle of a whole service in one go: everything within a limit of any facility.

The union of the circles of all facilities is a band along the roads from which some
facility is reached, and these follow from one search. The band is drawn like a single
circle's, see :mod:`yikezhong_coverage.outlines`, but tile by tile: a raster of a whole
prefecture would not fit into memory. Tiles share the points of their edges, so that
outlines meet exactly there.

Rows of the raster have the scale of their own latitude: nothing depends on how large
the network is, or where a tile begins.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numba
import numpy as np
import shapely
from contourpy import FillType, contour_generator

from yikezhong_coverage.circles import BUFFER_M, CELL_M, check_band
from yikezhong_coverage.edges import covered_parts
from yikezhong_coverage.outlines import (
    LocalPlane,
    assemble,
    list_segments,
    on_grid,
    thinned,
)
from yikezhong_coverage.records import FloatArray, IntArray, RoadGraph, Snapped
from yikezhong_coverage.travel import Direction, nearest_at_nodes

#: Cells along the side of a tile.
_TILE: Final = 256
#: Points that lie within this share of a cell of the line between others are left out.
_THIN: Final = 0.1


class _Raster(NamedTuple):
    """A raster in degrees: its corner and steps, the buffer, and the cells of a tile."""

    lon: float
    lat: float
    step_lon: float
    step_lat: float
    buffer_m: float
    cell_m: float
    n_tile: int


def joint_area(
    graph: RoadGraph,
    facility: Snapped,
    *,
    limit_s: float,
    leg_speed_mps: float,
    buffer_m: float = BUFFER_M,
    cell_m: float = CELL_M,
    direction: Direction = "to_facility",
) -> shapely.MultiPolygon:
    """Return the union of the circles of all facilities.

    Parameters
    ----------
    graph, facility, limit_s, leg_speed_mps, buffer_m, cell_m, direction
        As in :func:`yikezhong_coverage.circles.service_area`.

    Returns
    -------
    shapely.MultiPolygon
        Longitude and latitude, valid, rounded to 1e-6°; empty where nothing is reached.
    """
    check_band(buffer_m=buffer_m, cell_m=cell_m, limit_s=limit_s)
    nodes = nearest_at_nodes(
        graph,
        facility,
        leg_speed_mps=leg_speed_mps,
        max_time_s=limit_s,
        direction=direction,
    )
    parts = covered_parts(
        graph,
        nodes.time_s,
        facility,
        limit_s=limit_s,
        leg_speed_mps=leg_speed_mps,
        direction=direction,
    )
    if len(parts.edge) == 0:
        return shapely.MultiPolygon()
    segments = list_segments(graph, parts)
    shapes = list(_outline_tiles(segments, _lay_raster(segments, buffer_m, cell_m)))
    return on_grid(shapely.union_all(shapes))


def _lay_raster(segments: FloatArray, buffer_m: float, cell_m: float) -> _Raster:
    """Lay a raster over all segments, its corner a multiple of its steps."""
    lat = float(segments[:, [1, 3]].mean())
    east, north = LocalPlane(0.0, lat).metres_per_degree
    step_lon, step_lat = cell_m / east, cell_m / north
    pad = 2 * (buffer_m + 2 * cell_m)
    west = segments[:, [0, 2]].min() - pad / east
    south = segments[:, [1, 3]].min() - pad / north
    return _Raster(
        math.floor(west / step_lon) * step_lon,
        math.floor(south / step_lat) * step_lat,
        step_lon,
        step_lat,
        buffer_m,
        cell_m,
        _TILE,
    )


def _outline_tiles(segments: FloatArray, raster: _Raster) -> Iterator[shapely.Geometry]:
    """Yield what is within the buffer in each tile that has segments near it."""
    column, row, segment = _tiles_of(segments, raster)
    key = row.astype(np.int64) << 32 | column
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order], prepend=-1, append=-1))
    for first, last in itertools.pairwise(cuts):
        some = order[first:last]
        at = (int(column[some[0]]), int(row[some[0]]))
        yield _outline_tile(segments[segment[some]], raster, at)


def _outline_tile(
    segments: FloatArray, raster: _Raster, at: tuple[int, int]
) -> shapely.Geometry:
    """Return what is within the buffer of the segments in one tile."""
    columns = at[0] * raster.n_tile + np.arange(raster.n_tile + 1)
    rows = at[1] * raster.n_tile + np.arange(raster.n_tile + 1)
    x: FloatArray = raster.lon + columns.astype(np.float64) * raster.step_lon
    y: FloatArray = raster.lat + rows.astype(np.float64) * raster.step_lat
    east, north = _scales(y)
    pad = raster.buffer_m + 2 * raster.cell_m
    squared = np.full((len(y), len(x)), pad**2)
    _stamp(segments, x, y, east, north, pad, squared)
    distance_m = np.sqrt(squared, out=squared)
    # The outline must not run through raster points: rings would touch themselves.
    on_point = np.abs(distance_m - raster.buffer_m) < 1e-6 * raster.cell_m
    distance_m[on_point] = raster.buffer_m - 1e-6 * raster.cell_m
    generator = contour_generator(
        x, y, distance_m, fill_type=FillType.ChunkCombinedOffsetOffset
    )
    filled = generator.filled(-1.0, raster.buffer_m)
    shape = assemble(_thinned(filled, x, y))
    return shape if shapely.is_valid(shape) else assemble(filled)


def _thinned(filled: Any, x: FloatArray, y: FloatArray) -> Any:
    """Leave out points of outlines, but none on the edges of the tile."""
    if filled[0][0] is None:
        return filled
    points = filled[0][0]
    on_edge = np.isin(points[:, 0], x[[0, -1]]) | np.isin(points[:, 1], y[[0, -1]])
    return thinned(filled, _THIN * (y[1] - y[0]), on_edge)


def _scales(lat: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the metres of a degree of longitude and of latitude in each row."""
    scales = [LocalPlane(0.0, float(value)).metres_per_degree for value in lat]
    east, north = np.array(scales).T
    return np.ascontiguousarray(east), np.ascontiguousarray(north)


@numba.njit(cache=True)
def _tiles_of(
    segments: FloatArray, raster: _Raster
) -> tuple[IntArray, IntArray, IntArray]:
    """Return column and row of each tile that a segment is near, and the segment."""
    # twice what is needed: rows have scales of their own
    reach = 2.0 * (raster.buffer_m + 2.0 * raster.cell_m) / raster.cell_m
    column = np.empty(0, dtype=np.int64)
    row = np.empty(0, dtype=np.int64)
    segment = np.empty(0, dtype=np.int64)
    for fill in range(2):
        count = 0
        for i in range(len(segments)):
            xs = (segments[i, 0] - raster.lon) / raster.step_lon
            xe = (segments[i, 2] - raster.lon) / raster.step_lon
            ys = (segments[i, 1] - raster.lat) / raster.step_lat
            ye = (segments[i, 3] - raster.lat) / raster.step_lat
            left = math.floor((min(xs, xe) - reach) / raster.n_tile)
            right = math.floor((max(xs, xe) + reach) / raster.n_tile)
            low = math.floor((min(ys, ye) - reach) / raster.n_tile)
            high = math.floor((max(ys, ye) + reach) / raster.n_tile)
            for r in range(low, high + 1):
                for c in range(left, right + 1):
                    if fill:
                        column[count], row[count], segment[count] = c, r, i
                    count += 1
        if not fill:
            column = np.empty(count, dtype=np.int64)
            row = np.empty(count, dtype=np.int64)
            segment = np.empty(count, dtype=np.int64)
    return column, row, segment


@numba.njit(cache=True)
def _stamp(
    segments: FloatArray,
    lon: FloatArray,
    lat: FloatArray,
    east: FloatArray,
    north: FloatArray,
    pad: float,
    squared: FloatArray,
) -> None:
    """Lower ``squared`` to the squared distance of each segment within ``pad``."""
    step_lon, step_lat = lon[1] - lon[0], lat[1] - lat[0]
    for i in range(len(segments)):
        low = min(segments[i, 1], segments[i, 3]) - pad / north[0]
        high = max(segments[i, 1], segments[i, 3]) + pad / north[0]
        first = max(math.ceil((low - lat[0]) / step_lat) - 1, 0)
        last = min(math.floor((high - lat[0]) / step_lat) + 1, len(lat) - 1)
        for row in range(first, last + 1):
            # the segment seen from the row, in metres
            ax, bx = segments[i, 0] * east[row], segments[i, 2] * east[row]
            ay = (segments[i, 1] - lat[row]) * north[row]
            dx, dy = bx - ax, (segments[i, 3] - segments[i, 1]) * north[row]
            length2 = dx * dx + dy * dy
            near, far = 0.0, 1.0
            if dy != 0.0:  # the stretch of the segment that is near this row
                one, two = (-pad - ay) / dy, (pad - ay) / dy
                near, far = max(min(one, two), 0.0), min(max(one, two), 1.0)
            xa, xb = ax + dx * near, ax + dx * far
            west, cell = lon[0] * east[row], step_lon * east[row]
            left = max(math.ceil((min(xa, xb) - pad - west) / cell), 0)
            right = min(math.floor((max(xa, xb) + pad - west) / cell), len(lon) - 1)
            for column in range(left, right + 1):
                px = lon[column] * east[row] - ax
                share = 0.0
                if length2 > 0.0:
                    share = min(max((px * dx - ay * dy) / length2, 0.0), 1.0)
                ex, ey = px - share * dx, ay + share * dy
                squared[row, column] = min(ex * ex + ey * ey, squared[row, column])
