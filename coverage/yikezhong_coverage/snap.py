"""Put points on the nearest place of the nearest usable edge.

Each point is measured in a plane of its own: metres east and north of the point, by
the ellipsoid's radii at its latitude. So where a point comes to stand depends on the
point and the roads near it only, not on how a study is cut or on the other points.
A grid of cells decides which road segments are looked at, never what is found.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike
from pyproj import Geod

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
    Snapped,
)

# semi-major axis of WGS 84 [m], and its first eccentricity squared
_AXIS_M = 6378137.0
_ECCENTRICITY_2 = 0.0066943799901413165

_SMALLEST_CELL_M = 100.0
_METRES_PER_DEGREE = 111_000.0
_CELLS_PER_SEGMENT = 2.0
# How far to search beyond ``max_snap_m``, where the ellipsoid's distance decides.
_SLACK = 1.01


class _Grid(NamedTuple):
    """Segments of usable edges, listed by the cells that they pass through."""

    lon0: float
    lat0: float
    cell_lon: float
    cell_lat: float
    n_x: int
    n_y: int
    start: IntArray
    item: IndexArray


class _Lines(NamedTuple):
    """Vertices of all edges, and the first vertex of each segment to look at."""

    lon: FloatArray
    lat: FloatArray
    first: IntArray


def snap_points(
    graph: RoadGraph,
    lon: ArrayLike,
    lat: ArrayLike,
    *,
    usable: BoolArray | None = None,
    max_snap_m: float = 500.0,
) -> Snapped:
    """Put points on the nearest place of the nearest usable edge.

    Parameters
    ----------
    graph : RoadGraph
    lon, lat : array_like of float, shape (n_point,)
        Positions [degrees, EPSG:4326]; a point without one (``nan``) gets no edge.
    usable : ndarray of bool, shape (n_edge,), optional
        Edges that points may be put on, see
        :func:`yikezhong_coverage.graph.usable_edges`. Edges that may be used in no
        direction never are.
    max_snap_m : float
        Largest distance to the edge [m], inclusive.

    Returns
    -------
    Snapped
        One row per point; of equally near edges the one of the smallest index.

    Raises
    ------
    InputError
        If the arrays do not fit each other or ``max_snap_m`` is not usable.

    Examples
    --------
    >>> from yikezhong_coverage.graph import build_graph
    >>> graph = build_graph(
    ...     "walking", [113.0, 113.0], [31.0, 31.01], [0], [1], ["a"], ["path"],
    ...     [0, 2], [113.0, 113.0], [31.0, 31.01], forward_mps=1.0, backward_mps=1.0,
    ... )
    >>> snapped = snap_points(graph, [113.001, 113.2], [31.005, 31.005])
    >>> snapped.edge, snapped.leg_m.round(1), snapped.along_m.round(1)
    (array([ 0, -1], dtype=int32), array([95.5,  nan]), array([554.3,   nan]))
    """
    point_lon = np.asarray(lon, dtype=np.float64)
    point_lat = np.asarray(lat, dtype=np.float64)
    if point_lon.shape != point_lat.shape or point_lon.ndim != 1:
        raise InputError("点的经度与纬度数目不符")
    if not max_snap_m >= 0:
        raise InputError(f"最大匹配距离为 {max_snap_m}，应为非负数（米）")
    allowed = np.isfinite(graph.edge_forward_s) | np.isfinite(graph.edge_backward_s)
    if usable is not None:
        if len(usable) != graph.n_edge:
            raise InputError("可用路段标记的数目与路段数不符")
        allowed &= np.asarray(usable, dtype=np.bool_)
    first, edge = _segments(graph, allowed)
    n_point = len(point_lon)
    if n_point and len(first):
        segment, share = _nearest_segments(
            point_lon,
            point_lat,
            _Lines(graph.vertex_lon, graph.vertex_lat, first),
            _grid(graph, first),
            max_snap_m * _SLACK + 1.0,
        )
    else:
        segment = np.full(n_point, -1, dtype=np.int64)
        share = np.zeros(n_point)
    return _snapped(
        graph, point_lon, point_lat, first, edge, segment, share, max_snap_m
    )


def _segments(graph: RoadGraph, allowed: BoolArray) -> tuple[IntArray, IndexArray]:
    """Return the first vertex and the edge of every segment of the allowed edges."""
    count = np.diff(graph.vertex_start)
    edge = np.repeat(np.arange(graph.n_edge, dtype=np.int32), count)
    begins = np.ones(len(edge), dtype=np.bool_)
    begins[graph.vertex_start[1:] - 1] = False
    first = np.flatnonzero(begins & allowed[edge])
    return first, edge[first]


def _grid(graph: RoadGraph, first: IntArray) -> _Grid:
    """List the segments by cell; cells are coarse where roads are few."""
    lon_a, lon_b = graph.vertex_lon[first], graph.vertex_lon[first + 1]
    lat_a, lat_b = graph.vertex_lat[first], graph.vertex_lat[first + 1]
    lon0, lon1 = min(lon_a.min(), lon_b.min()), max(lon_a.max(), lon_b.max())
    lat0, lat1 = min(lat_a.min(), lat_b.min()), max(lat_a.max(), lat_b.max())
    narrow = max(math.cos(math.radians((lat0 + lat1) / 2)), 1e-3)
    width_m = (lon1 - lon0) * _METRES_PER_DEGREE * narrow
    height_m = (lat1 - lat0) * _METRES_PER_DEGREE
    room = _CELLS_PER_SEGMENT * len(first) + 16
    cell_m = max(
        _SMALLEST_CELL_M,
        math.sqrt(width_m * height_m / room),
        max(width_m, height_m) / room,
    )
    cell_lat = cell_m / _METRES_PER_DEGREE
    cell_lon = cell_lat / narrow
    n_x = int((lon1 - lon0) / cell_lon) + 1
    n_y = int((lat1 - lat0) / cell_lat) + 1
    start, item = _fill_cells(
        lon_a, lat_a, lon_b, lat_b, lon0, lat0, cell_lon, cell_lat, n_x, n_y
    )
    return _Grid(lon0, lat0, cell_lon, cell_lat, n_x, n_y, start, item)


def _snapped(
    graph: RoadGraph,
    lon: FloatArray,
    lat: FloatArray,
    first: IntArray,
    edge: IndexArray,
    segment: IntArray,
    share: FloatArray,
    max_snap_m: float,
) -> Snapped:
    """Work out place and access leg of each point from its segment and share."""
    on_edge = np.full(len(lon), -1, dtype=np.int32)
    columns = [np.full(len(lon), np.nan) for _ in range(4)]
    hit = np.flatnonzero(segment >= 0)
    a = first[segment[hit]]
    part = share[hit]
    along, place_lon, place_lat = (
        _between(value[a], value[a + 1], part)
        for value in (graph.vertex_along_m, graph.vertex_lon, graph.vertex_lat)
    )
    geod = Geod(ellps="WGS84")
    _, _, leg_m = geod.inv(lon[hit], lat[hit], place_lon, place_lat)
    near = leg_m <= max_snap_m
    on_edge[hit[near]] = edge[segment[hit[near]]]
    for column, value in zip(
        columns, (along, leg_m, place_lon, place_lat), strict=True
    ):
        column[hit[near]] = value[near]
    return Snapped(on_edge, *columns)


def _between(a: FloatArray, b: FloatArray, share: FloatArray) -> FloatArray:
    """Return the value at a share of the way; exactly the ends' at 0 and 1."""
    between: FloatArray = np.where(share >= 1, b, a + share * (b - a))
    return between


@njit(cache=True)
def _row_cells(
    lon_a: float,
    lat_a: float,
    lon_b: float,
    lat_b: float,
    lon0: float,
    cell_lon: float,
    south: float,
    north: float,
    n_x: int,
) -> tuple[int, int]:
    """Return the first and last cell of a row of cells that a segment may touch."""
    low, high = min(lon_a, lon_b), max(lon_a, lon_b)
    # a segment as good as level crosses the whole row; its slope may be infinite
    if abs(lat_b - lat_a) > 1e-6 * (north - south):
        slope = (lon_b - lon_a) / (lat_b - lat_a)
        one = lon_a + (south - lat_a) * slope
        two = lon_a + (north - lat_a) * slope
        low = max(low, min(one, two))
        high = min(high, max(one, two))
    # a thousandth of a cell on both sides, far above any rounding
    x0 = int(np.floor((low - lon0) / cell_lon - 1e-3))
    x1 = int(np.floor((high - lon0) / cell_lon + 1e-3))
    return min(max(x0, 0), n_x - 1), min(max(x1, 0), n_x - 1)


@njit(cache=True)
def _fill_cells(
    lon_a: FloatArray,
    lat_a: FloatArray,
    lon_b: FloatArray,
    lat_b: FloatArray,
    lon0: float,
    lat0: float,
    cell_lon: float,
    cell_lat: float,
    n_x: int,
    n_y: int,
) -> tuple[IntArray, IndexArray]:
    """List segments by the cells that they pass through; count first, then fill."""
    start = np.zeros(n_x * n_y + 1, dtype=np.int64)
    item = np.zeros(0, dtype=np.int32)
    for fill in range(2):
        for s in range(len(lon_a)):
            low, high = min(lat_a[s], lat_b[s]), max(lat_a[s], lat_b[s])
            y0 = min(max(int(np.floor((low - lat0) / cell_lat - 1e-3)), 0), n_y - 1)
            y1 = min(max(int(np.floor((high - lat0) / cell_lat + 1e-3)), 0), n_y - 1)
            for y in range(y0, y1 + 1):
                south = lat0 + (y - 1e-3) * cell_lat
                north = lat0 + (y + 1 + 1e-3) * cell_lat
                x0, x1 = _row_cells(
                    lon_a[s], lat_a[s], lon_b[s], lat_b[s], lon0, cell_lon,
                    south, north, n_x,
                )  # fmt: skip
                for x in range(x0, x1 + 1):
                    if fill:
                        start[y * n_x + x] -= 1
                        item[start[y * n_x + x]] = s
                    else:
                        start[y * n_x + x] += 1
        if not fill:
            # ends of the cells; filling backwards turns them into starts
            for c in range(1, n_x * n_y):
                start[c] += start[c - 1]
            start[n_x * n_y] = start[n_x * n_y - 1]
            item = np.empty(start[n_x * n_y], dtype=np.int32)
    return start, item


@njit(cache=True)
def _segment_distance(
    a_x: float, a_y: float, b_x: float, b_y: float
) -> tuple[float, float]:
    """Return squared distance from the origin to a segment, and the share along it.

    The segment is always worked through from the same end, so that a road and its
    twin drawn the other way are equally near to the last bit.
    """
    turned = a_x > b_x or (a_x == b_x and a_y > b_y)
    if turned:
        a_x, b_x = b_x, a_x
        a_y, b_y = b_y, a_y
    d_x, d_y = b_x - a_x, b_y - a_y
    square = d_x * d_x + d_y * d_y
    share = 0.0
    if square > 0:
        share = -(a_x * d_x + a_y * d_y) / square
    if not share > 0:
        share = 0.0
        x, y = a_x, a_y
    elif share >= 1:
        share = 1.0
        x, y = b_x, b_y
    else:
        x, y = a_x + share * d_x, a_y + share * d_y
    return x * x + y * y, 1.0 - share if turned else share


@njit(cache=True)
def _degree_m(lat: float) -> tuple[float, float]:
    """Return the metres of a degree of longitude and of latitude on WGS 84."""
    phi = np.radians(lat)
    w = np.sqrt(1.0 - _ECCENTRICITY_2 * np.sin(phi) ** 2)
    return (
        np.radians(_AXIS_M / w * np.cos(phi)),
        np.radians(_AXIS_M * (1.0 - _ECCENTRICITY_2) / w**3),
    )


@njit(cache=True)
def _search_cell(
    lon: float,
    lat: float,
    scale_x: float,
    scale_y: float,
    line_lon: FloatArray,
    line_lat: FloatArray,
    first: IntArray,
    start: IntArray,
    item: IndexArray,
    cell: int,
    best2: float,
    best: int,
    share: float,
) -> tuple[float, int, float]:
    """Return the best of the segments of a cell and the best so far."""
    for i in range(start[cell], start[cell + 1]):
        segment = item[i]
        a = first[segment]
        square, part = _segment_distance(
            (line_lon[a] - lon) * scale_x,
            (line_lat[a] - lat) * scale_y,
            (line_lon[a + 1] - lon) * scale_x,
            (line_lat[a + 1] - lat) * scale_y,
        )
        if square < best2 or (square == best2 and (best < 0 or segment < best)):
            best2, best, share = square, segment, part
    return best2, best, share


@njit(cache=True)
def _nearest_segment(
    lon: float, lat: float, lines: _Lines, grid: _Grid, most_m: float
) -> tuple[int, float]:
    """Look through rings of cells until no nearer or equal segment can follow."""
    scale_x, scale_y = _degree_m(lat)
    # taken out of their tuples once: in the loops that would cost more than they do
    line_lon, line_lat, first = lines.lon, lines.lat, lines.first
    start, item, n_x, n_y = grid.start, grid.item, grid.n_x, grid.n_y
    p_x = int(np.floor((lon - grid.lon0) / grid.cell_lon))
    p_y = int(np.floor((lat - grid.lat0) / grid.cell_lat))
    best2, best, share = most_m * most_m, -1, 0.0
    ring = max(0, -p_x, p_x - n_x + 1, -p_y, p_y - n_y + 1)
    last = max(abs(p_x), abs(p_x - n_x + 1), abs(p_y), abs(p_y - n_y + 1))
    while ring <= last:
        # the nearest that anything outside the rings already seen can be
        free_m = min(
            (lon - (grid.lon0 + (p_x - ring + 1) * grid.cell_lon)) * scale_x,
            (grid.lon0 + (p_x + ring) * grid.cell_lon - lon) * scale_x,
            (lat - (grid.lat0 + (p_y - ring + 1) * grid.cell_lat)) * scale_y,
            (grid.lat0 + (p_y + ring) * grid.cell_lat - lat) * scale_y,
        )
        free_m = free_m * (1.0 - 1e-6) - 1e-6
        if ring > 0 and free_m > 0 and free_m * free_m > best2:
            break
        for y in range(max(p_y - ring, 0), min(p_y + ring, n_y - 1) + 1):
            # the first and last row of the ring are whole, of the others the ends
            whole = ring == 0 or abs(y - p_y) == ring
            step = 1 if whole else 2 * ring
            x = max(p_x - ring, 0) if whole else p_x - ring
            while x <= min(p_x + ring, n_x - 1):
                if x >= 0:
                    best2, best, share = _search_cell(
                        lon, lat, scale_x, scale_y, line_lon, line_lat, first,
                        start, item, y * n_x + x, best2, best, share,
                    )  # fmt: skip
                x += step
        ring += 1
    return best, share


@njit(cache=True)
def _nearest_segments(
    lon: FloatArray, lat: FloatArray, lines: _Lines, grid: _Grid, most_m: float
) -> tuple[IntArray, FloatArray]:
    """Return each point's nearest segment within ``most_m`` and the share along it.

    Of equally near ones the first, of the smallest edge; -1 where there is none.
    """
    segment = np.full(len(lon), -1, dtype=np.int64)
    share = np.zeros(len(lon))
    for p in range(len(lon)):
        if abs(lon[p]) <= 360.0 and abs(lat[p]) <= 90.0:
            segment[p], share[p] = _nearest_segment(lon[p], lat[p], lines, grid, most_m)
    return segment, share
