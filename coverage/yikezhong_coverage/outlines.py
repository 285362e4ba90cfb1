"""Outlines of everything within a distance of some roads, through a raster.

Distances of raster points to the roads are exact; the outline is interpolated between
the points, which puts it within a small part of a cell of the true one. That is some
fifty times faster than buffering and joining the roads themselves.

Works in a plane that is true to scale at one place: degrees are multiplied by the
metres per degree that hold there. Over a walking circle the error in length is below 1:5000.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numba
import numpy as np
import shapely
from contourpy import FillType, contour_generator
from numpy.typing import NDArray

from yikezhong_coverage.edges import EdgeParts
from yikezhong_coverage.records import BoolArray, FloatArray, RoadGraph

#: Coordinates of outlines are multiples of this [degrees]: 0.1 m.
GRID_DEGREES: Final = 1e-6
#: A raster of more cells is made coarser (up to half the buffer).
_MOST_CELLS: Final = 4_000_000

_WGS84_A_M: Final = 6_378_137.0
_WGS84_E2: Final = 6.694379990141317e-3


@dataclass(frozen=True)
class LocalPlane:
    """A plane in metres around one place, true to scale there.

    Parameters
    ----------
    lon, lat : float
        The place [degrees].
    """

    lon: float
    lat: float

    @property
    def metres_per_degree(self) -> tuple[float, float]:
        """Metres of a degree of longitude and of latitude on the WGS 84 ellipsoid.

        Examples
        --------
        >>> [round(m) for m in LocalPlane(113.0, 30.0).metres_per_degree]
        [96486, 110852]
        """
        latitude = math.radians(self.lat)
        bend = 1.0 - _WGS84_E2 * math.sin(latitude) ** 2
        north = _WGS84_A_M * (1.0 - _WGS84_E2) / bend**1.5
        east = _WGS84_A_M * math.cos(latitude) / math.sqrt(bend)
        return math.radians(east), math.radians(north)


def outline(
    graph: RoadGraph,
    parts: EdgeParts,
    *,
    plane: LocalPlane,
    buffer_m: float,
    cell_m: float,
) -> shapely.MultiPolygon:
    """Return everything within ``buffer_m`` of the parts of the roads.

    Parameters
    ----------
    graph : RoadGraph
    parts : EdgeParts
        Parts of its edges; one without length is a point and becomes a disc.
    plane : LocalPlane
        Where lengths hold; somewhere among the parts.
    buffer_m : float
        Half the width of the band [m].
    cell_m : float
        Distance of the raster's points [m]; should not exceed half the buffer. It
        is made larger, up to that half, where the raster would exceed 4,000,000 cells.

    Returns
    -------
    shapely.MultiPolygon
        Valid, in longitude and latitude, coordinates rounded to 1e-6°; empty where
        there are no parts.
    """
    if len(parts.edge) == 0:
        return shapely.MultiPolygon()
    scale = plane.metres_per_degree
    segments = list_segments(graph, parts)
    segments = (segments - np.array([plane.lon, plane.lat] * 2)) * np.array(scale * 2)
    x, y, distance_m, cell = _distance_raster(
        segments, buffer_m=buffer_m, cell_m=cell_m
    )
    generator = contour_generator(
        x, y, distance_m, fill_type=FillType.ChunkCombinedOffsetOffset
    )
    filled = generator.filled(-1.0, buffer_m)
    shape = assemble(thinned(filled, cell / 10))
    if not shapely.is_valid(shape):
        shape = shapely.simplify(assemble(filled), cell / 10, preserve_topology=True)
    return to_degrees(shape, plane=plane)


def list_segments(graph: RoadGraph, parts: EdgeParts) -> FloatArray:
    """Return the straight segments (lon, lat, lon, lat) of parts of roads."""
    return _segments(
        parts.edge,
        parts.from_m,
        parts.to_m,
        graph.vertex_start,
        graph.vertex_along_m,
        graph.vertex_lon,
        graph.vertex_lat,
    )


def to_degrees(
    shape: shapely.MultiPolygon, *, plane: LocalPlane
) -> shapely.MultiPolygon:
    """Return a shape of the plane in longitude and latitude, rounded and valid."""
    scale, origin = np.array(plane.metres_per_degree), np.array([plane.lon, plane.lat])
    return on_grid(shapely.transform(shape, lambda xy: xy / scale + origin))


def on_grid(shape: shapely.Geometry) -> shapely.MultiPolygon:
    """Round coordinates to 1e-6°, keep polygons valid, drop what vanishes."""
    rounded = _rounded(shape)
    if rounded is not None:
        return rounded
    if not shapely.is_valid(shape):
        shape = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    shape = shapely.set_precision(shape, GRID_DEGREES)
    polygons = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    return shapely.MultiPolygon([p for p in polygons if not p.is_empty])


def _rounded(shape: shapely.Geometry) -> shapely.MultiPolygon | None:
    """Round coordinates one by one; None where that is not enough.

    Polygons that do not touch themselves or each other once rounded are what a
    careful rounding would make of them, at a fraction of its cost.
    """
    if shape.geom_type not in ("Polygon", "MultiPolygon"):
        return None
    rounded = shapely.transform(shape, lambda xy: np.rint(xy * 1e6) / 1e6)
    xy = shapely.get_coordinates(rounded)
    twice = (xy[1:] == xy[:-1]).all(axis=1).any()
    if twice or rounded.is_empty or not shapely.is_valid(rounded):
        return None
    return shapely.MultiPolygon(shapely.get_parts(rounded).tolist())


def _distance_raster(
    segments: FloatArray, *, buffer_m: float, cell_m: float
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Return the raster's x, y, distances to the segments, and its cell [m].

    Distances are true up to two cells beyond the buffer, larger ones are cut there.
    """
    x_range = segments[:, [0, 2]].min(), segments[:, [0, 2]].max()
    y_range = segments[:, [1, 3]].min(), segments[:, [1, 3]].max()
    width = x_range[1] - x_range[0] + 2 * buffer_m
    height = y_range[1] - y_range[0] + 2 * buffer_m
    coarser = math.sqrt(width * height / _MOST_CELLS)
    cell = max(cell_m, min(coarser, buffer_m / 2))
    pad = buffer_m + 2 * cell
    x, y = (
        np.arange(math.floor((low - pad) / cell), math.ceil((high + pad) / cell) + 1)
        * cell
        for low, high in (x_range, y_range)
    )
    squared = np.full((len(y), len(x)), pad**2, dtype=np.float64)
    _stamp(segments, x[0], y[0], cell, pad, squared)
    distance_m = np.sqrt(squared, out=squared)
    # The outline must not run through raster points: rings would touch themselves.
    distance_m[np.abs(distance_m - buffer_m) < 1e-6 * cell] = buffer_m - 1e-6 * cell
    return x, y, distance_m, cell


def thinned(filled: Any, tolerance_m: float, fixed: BoolArray | None = None) -> Any:
    """Leave out points of rings that lie within the tolerance of what is left.

    Each ring by itself, by Douglas and Peucker's way; rings may come to cross. Points
    that are ``fixed`` stay. The tolerance is in the units of the points.
    """
    if filled[0][0] is None:
        return filled
    points, ring_start, polygon_start = (np.asarray(part[0]) for part in filled)
    if fixed is None:
        fixed = np.zeros(len(points), dtype=np.bool_)
    kept = _keep(points, ring_start.astype(np.int64), tolerance_m, fixed)
    before = np.concatenate(([0], np.cumsum(kept)))
    return [points[kept]], [before[ring_start]], [polygon_start]


def assemble(filled: Any) -> shapely.MultiPolygon:
    """Make polygons of contourpy's points and the starts of its rings and polygons."""
    if filled[0][0] is None:
        return shapely.MultiPolygon()
    points, ring_start, polygon_start = (np.asarray(part[0]) for part in filled)
    n_point, n_ring = (
        np.diff(ring_start.astype(int)),
        np.diff(polygon_start.astype(int)),
    )
    rings = shapely.linearrings(
        points, indices=np.repeat(np.arange(len(n_point)), n_point)
    )
    # The first ring of each polygon is its shell, the others are its holes.
    polygons = shapely.polygons(
        rings, indices=np.repeat(np.arange(len(n_ring)), n_ring)
    )
    return shapely.MultiPolygon(list(polygons))


@numba.njit(cache=True)
def _segments(
    edge: NDArray[np.int32],
    from_m: FloatArray,
    to_m: FloatArray,
    vertex_start: NDArray[np.int64],
    along_m: FloatArray,
    lon: FloatArray,
    lat: FloatArray,
) -> FloatArray:
    """Return the straight segments (lon, lat, lon, lat) of parts of edges."""
    most = 0
    for i in range(len(edge)):
        most += vertex_start[edge[i] + 1] - vertex_start[edge[i]]
    out = np.empty((most, 4))
    count = 0
    for i in range(len(edge)):
        begin = count
        for k in range(vertex_start[edge[i]], vertex_start[edge[i] + 1] - 1):
            low = max(from_m[i], along_m[k])
            high = min(to_m[i], along_m[k + 1])
            last = k == vertex_start[edge[i] + 1] - 2 and count == begin
            if high < low and not last:
                continue
            if high == low and to_m[i] > from_m[i] and not last:
                continue  # only touches this segment
            step = along_m[k + 1] - along_m[k]
            for end in range(2):
                share = 0.0
                if step > 0:
                    share = ((low if end == 0 else high) - along_m[k]) / step
                    share = min(max(share, 0.0), 1.0)
                out[count, 2 * end] = lon[k] + (lon[k + 1] - lon[k]) * share
                out[count, 2 * end + 1] = lat[k] + (lat[k + 1] - lat[k]) * share
            count += 1
            if to_m[i] == from_m[i]:
                break  # a point is enough once
    return out[:count].copy()


@numba.njit(cache=True)
def _stamp(
    segments: FloatArray,
    x0: float,
    y0: float,
    cell: float,
    pad: float,
    squared: FloatArray,
) -> None:
    """Lower ``squared`` to the squared distance of each segment within ``pad``."""
    n_row, n_column = squared.shape
    for i in range(len(segments)):
        ax, ay = segments[i, 0], segments[i, 1]
        dx, dy = segments[i, 2] - ax, segments[i, 3] - ay
        length2 = dx * dx + dy * dy
        first = max(math.ceil((min(ay, ay + dy) - pad - y0) / cell), 0)
        last = min(math.floor((max(ay, ay + dy) + pad - y0) / cell), n_row - 1)
        for row in range(first, last + 1):
            y = y0 + row * cell
            low, high = 0.0, 1.0
            if dy != 0.0:  # the stretch of the segment that is near this row
                near, far = (y - pad - ay) / dy, (y + pad - ay) / dy
                low, high = max(min(near, far), 0.0), min(max(near, far), 1.0)
            xa, xb = ax + dx * low, ax + dx * high
            left = max(math.ceil((min(xa, xb) - pad - x0) / cell), 0)
            right = min(math.floor((max(xa, xb) + pad - x0) / cell), n_column - 1)
            for column in range(left, right + 1):
                px, py = x0 + column * cell - ax, y - ay
                share = 0.0
                if length2 > 0.0:
                    share = min(max((px * dx + py * dy) / length2, 0.0), 1.0)
                ex, ey = px - share * dx, py - share * dy
                d2 = ex * ex + ey * ey
                squared[row, column] = min(d2, squared[row, column])


@numba.njit(cache=True)
def _keep(
    points: FloatArray,
    ring_start: NDArray[np.int64],
    tolerance_m: float,
    fixed: BoolArray,
) -> BoolArray:
    """Return which points of closed rings to keep."""
    kept = fixed.copy()
    stack = np.empty((len(points) + 2, 2), dtype=np.int64)
    for r in range(len(ring_start) - 1):
        first, last = ring_start[r], ring_start[r + 1] - 1
        kept[first] = kept[last] = True
        depth = 0
        begin = first
        for i in range(first + 1, last + 1):
            if kept[i]:
                stack[depth, 0], stack[depth, 1] = begin, i
                depth += 1
                begin = i
        while depth > 0:
            depth -= 1
            begin, end = stack[depth, 0], stack[depth, 1]
            dx, dy = (
                points[end, 0] - points[begin, 0],
                points[end, 1] - points[begin, 1],
            )
            length2 = dx * dx + dy * dy
            farthest, most = -1, tolerance_m * tolerance_m
            for i in range(begin + 1, end):
                px, py = (
                    points[i, 0] - points[begin, 0],
                    points[i, 1] - points[begin, 1],
                )
                share = 0.0
                if length2 > 0:
                    share = min(max((px * dx + py * dy) / length2, 0.0), 1.0)
                ex, ey = px - share * dx, py - share * dy
                if ex * ex + ey * ey > most:
                    farthest, most = i, ex * ex + ey * ey
            if farthest >= 0:
                kept[farthest] = True
                stack[depth, 0], stack[depth, 1] = begin, farthest
                stack[depth + 1, 0], stack[depth + 1, 1] = farthest, end
                depth += 2
        if kept[first : last + 1].sum() < 4:
            kept[first : last + 1] = True
    return kept
