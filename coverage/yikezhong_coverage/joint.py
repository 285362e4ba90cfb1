"""The circle of a whole service in one go: everything within a limit of any facility.

The union of the circles of all facilities is a band along the roads from which some
facility is reached, and these follow from one search. The band is drawn like a single
circle's, see :mod:`yikezhong_coverage.outlines`, but tile by tile of the raster of the
world, see :mod:`yikezhong_coverage.lattice`. A tile depends on the roads near it only,
to the last bit: it is the same on any part of a network that holds these roads and all
ways from them to facilities within the limit. Tiles are put together by
:func:`yikezhong_coverage.seams.join_tiles`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike

from yikezhong_coverage.circles import BUFFER_M, CELL_M, check_band
from yikezhong_coverage.contours import Rings, draw
from yikezhong_coverage.edges import covered_parts
from yikezhong_coverage.lattice import (
    row_step_lon,
    step_lat,
    tile_cells,
    tile_ids,
    tile_places,
)
from yikezhong_coverage.outlines import THIN, in_units, list_segments, make_polygons
from yikezhong_coverage.records import IntArray, RoadGraph, Snapped
from yikezhong_coverage.seams import join_tiles
from yikezhong_coverage.stamping import Raster, Segments, Sheet, make_sheet
from yikezhong_coverage.travel import Direction, nearest_at_nodes

#: Segments that are looked at together.
_BLOCK: Final = 200_000


class _Near(NamedTuple):
    """Tiles with segments near them: tile ``k`` has ``segment[start[k]:start[k + 1]]``."""

    tile: IntArray
    start: IntArray
    segment: IntArray


def band_tiles(
    graph: RoadGraph,
    facility: Snapped,
    *,
    limit_s: float,
    leg_speed_mps: float,
    buffer_m: float = BUFFER_M,
    cell_m: float = CELL_M,
    direction: Direction = "to_facility",
    within: ArrayLike | None = None,
) -> tuple[IntArray, list[shapely.MultiPolygon]]:
    """Return the union of the circles of all facilities in tiles.

    Parameters
    ----------
    graph, facility, limit_s, leg_speed_mps, buffer_m, cell_m, direction
        As in :func:`yikezhong_coverage.circles.service_area`.
    within : array_like of int64, optional
        Only these tiles, see :func:`yikezhong_coverage.lattice.tiles_over`.

    Returns
    -------
    tile : ndarray of int64, shape (n,)
        Tiles of which something is covered, ascending.
    polygons : list of shapely.MultiPolygon
        What is covered of each, in longitude and latitude, valid, coordinates in
        whole millionths of a degree. Neighbours meet exactly.
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
    segments = in_units(list_segments(graph, parts))
    near = _near_tiles(segments, buffer_m=buffer_m, cell_m=cell_m)
    chosen = np.arange(len(near.tile))
    if within is not None:
        chosen = np.flatnonzero(np.isin(near.tile, np.asarray(within, np.int64)))
    sheet = make_sheet((tile_cells(cell_m) + 3) ** 2)
    ids, drawn = [], []
    for k in chosen.tolist():
        of = near.segment[near.start[k] : near.start[k + 1]]
        rings = _draw_tile(int(near.tile[k]), segments, of, buffer_m, cell_m, sheet)
        if len(rings.shell):
            ids.append(near.tile[k])
            drawn.append(rings)
    return np.array(ids, dtype=np.int64), make_polygons(drawn)


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
    ids, polygons = band_tiles(
        graph,
        facility,
        limit_s=limit_s,
        leg_speed_mps=leg_speed_mps,
        buffer_m=buffer_m,
        cell_m=cell_m,
        direction=direction,
    )
    return join_tiles(ids, polygons, cell_m=cell_m)


def _draw_tile(
    tile: int,
    segments: Segments,
    of: IntArray,
    buffer_m: float,
    cell_m: float,
    sheet: Sheet,
) -> Rings:
    """Draw what the segments near a tile cover of it."""
    (row,), (column,) = tile_places([tile])
    n_cell, step_x = tile_cells(cell_m), row_step_lon(int(row), cell_m)
    raster = Raster(
        int(column) * n_cell,
        int(row) * n_cell,
        n_cell + 1,
        n_cell + 1,
        step_x,
        step_lat(cell_m),
        -1 if row_step_lon(int(row) - 1, cell_m) == step_x else 1,
        -1 if row_step_lon(int(row) + 1, cell_m) == step_x else 0,
    )
    return draw(segments, of, buffer_m, raster, THIN, sheet)


def _near_tiles(segments: Segments, *, buffer_m: float, cell_m: float) -> _Near:
    """List the tiles that the buffers of segments may touch."""
    found = [
        _tiles_of(segments, some, buffer_m=buffer_m, cell_m=cell_m)
        for some in _blocks(len(segments.ends))
    ]
    tile, segment = (np.concatenate(one) for one in zip(*found, strict=True))
    order = np.argsort(tile, kind="stable")
    ids, start = np.unique(tile[order], return_index=True)
    return _Near(ids, np.append(start, len(tile)), segment[order])


def _blocks(count: int) -> Iterator[slice]:
    """Yield the segments in blocks, at least one: what is made of them is large."""
    for first in range(0, max(count, 1), _BLOCK):
        yield slice(first, min(first + _BLOCK, count))


def _tiles_of(
    segments: Segments, some: slice, *, buffer_m: float, cell_m: float
) -> tuple[IntArray, IntArray]:
    """Return the tiles that the buffers of some segments may touch, and of which."""
    n_cell = tile_cells(cell_m)
    height = n_cell * step_lat(cell_m)
    ends = segments.ends[some]
    wide = buffer_m / segments.north[some] + 1.0
    low = np.floor((np.minimum(ends[:, 1], ends[:, 3]) - wide) / height)
    high = np.floor((np.maximum(ends[:, 1], ends[:, 3]) + wide) / height)
    segment, row = _spread(np.arange(len(ends)), low, high)
    first = int(row.min(initial=0))
    steps = [row_step_lon(r, cell_m) for r in range(first, int(row.max(initial=0)) + 1)]
    width = n_cell * np.array(steps, dtype=np.float64)[row - first]
    wide = buffer_m / segments.east[some][segment] + 1.0
    west = np.minimum(ends[segment, 0], ends[segment, 2]) - wide
    east = np.maximum(ends[segment, 0], ends[segment, 2]) + wide
    place, column = _spread(
        np.arange(len(row)), np.floor(west / width), np.floor(east / width)
    )
    return tile_ids(row[place], column), segment[place] + some.start


def _spread(
    of: IntArray, first: np.ndarray, last: np.ndarray
) -> tuple[IntArray, IntArray]:
    """Return each of ``of`` with every whole number from its first to its last."""
    begin = first.astype(np.int64)
    count = last.astype(np.int64) - begin + 1
    before = np.repeat(np.cumsum(count) - count, count)
    index = np.repeat(of, count)
    return index, np.repeat(begin, count) + np.arange(len(index)) - before
