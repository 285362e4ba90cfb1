"""Outlines of everything within a distance of some roads, on a raster of the world.

Where an outline crosses the lines of the raster is computed exactly; between them it
is straight, which puts it within a small part of a cell of the true one. That is some
hundred times faster than buffering and joining the roads themselves.

Degrees are multiplied by the metres per degree that hold at one place: that of a
circle's facility, or near each road where a whole region is drawn. Over a walking
circle the error in length is below 1:5000.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
import shapely
from numpy.typing import NDArray

from yikezhong_coverage.contours import Rings, draw
from yikezhong_coverage.edges import EdgeParts
from yikezhong_coverage.lattice import UNITS, step_lat, step_lon
from yikezhong_coverage.records import FloatArray, IntArray, RoadGraph
from yikezhong_coverage.stamping import Raster, Segments

#: Coordinates of outlines are multiples of this [degrees]: 0.1 m.
GRID_DEGREES: Final = 1e-6
#: A raster of more cells is made coarser (up to half the buffer).
_MOST_CELLS: Final = 4_000_000
#: Points of an outline that lie within this share of a cell of the line between others
#: are left out.
THIN: Final = 0.07
#: Scales of a region are those in the middle of so many parts of a degree of latitude.
_PARTS: Final = 100

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
    segments = in_units(list_segments(graph, parts), plane)
    raster = _lay_raster(segments, plane, buffer_m=buffer_m, cell_m=cell_m)
    every = np.arange(len(segments.ends))
    return make_polygons([draw(segments, every, buffer_m, raster, THIN)])[0]


def _lay_raster(
    segments: Segments, plane: LocalPlane, *, buffer_m: float, cell_m: float
) -> Raster:
    """Return the part of the lattice that holds the buffers of all segments."""
    wide = buffer_m / segments.east[0], buffer_m / segments.north[0]
    low = [segments.ends[:, [k, k + 2]].min() - wide[k] for k in range(2)]
    high = [segments.ends[:, [k, k + 2]].max() + wide[k] for k in range(2)]
    area_m2 = float(
        (high[0] - low[0]) * (high[1] - low[1]) * segments.east[0] * segments.north[0]
    )
    cell_m = max(cell_m, min(math.sqrt(area_m2 / _MOST_CELLS), buffer_m / 2))
    step_x, step_y = step_lon(cell_m, plane.lat), step_lat(cell_m)
    column, row = math.floor(low[0] / step_x), math.floor(low[1] / step_y)
    n_x = math.ceil(high[0] / step_x) - column + 1
    n_y = math.ceil(high[1] / step_y) - row + 1
    return Raster(column, row, n_x, n_y, step_x, step_y, -1, -1)


def in_units(segments: FloatArray, plane: LocalPlane | None = None) -> Segments:
    """Return segments (lon, lat, lon, lat) in millionths of a degree, with scales.

    The scale is that of a plane, else of the latitude in the middle of each segment.
    """
    ends = segments * UNITS
    if plane is not None:
        east, north = plane.metres_per_degree
        whole = np.full((2, len(ends)), [[east / UNITS], [north / UNITS]])
        return Segments(ends, whole[0], whole[1])
    middle = (segments[:, 1] + segments[:, 3]) / 2
    part, place = np.unique(
        np.floor(middle * _PARTS).astype(np.int64), return_inverse=True
    )
    scales = np.array(
        [LocalPlane(0.0, (p + 0.5) / _PARTS).metres_per_degree for p in part.tolist()]
    ).reshape(-1, 2)
    east_of, north_of = np.ascontiguousarray(scales[place].T) / UNITS
    return Segments(ends, east_of, north_of)


def make_polygons(drawn: Sequence[Rings]) -> list[shapely.MultiPolygon]:
    """Return the polygons of each drawing, in longitude and latitude."""
    if not drawn:
        return []
    points, ring_start, owner, whole = [], [np.zeros(1, np.int64)], [], []
    n_ring = 0
    for k, rings in enumerate(drawn):
        own = np.arange(len(rings.shell))
        points.append(rings.points)
        ring_start.append(np.diff(rings.start))
        owner.append(np.where(rings.shell < 0, own, rings.shell) + n_ring)
        whole.append(np.full(int((rings.shell < 0).sum()), k))
        n_ring += len(own)
    start = np.cumsum(np.concatenate(ring_start))
    return polygons_of_rings(
        np.concatenate(points),
        start,
        np.concatenate(owner),
        np.concatenate(whole),
        len(drawn),
    )


def polygons_of_rings(
    points: IntArray, start: IntArray, owner: IntArray, whole: IntArray, n_whole: int
) -> list[shapely.MultiPolygon]:
    """Make multipolygons of rings.

    Parameters
    ----------
    points : ndarray of int64, shape (n_point, 2)
        Of all rings, open, in millionths of a degree.
    start : ndarray of int64, shape (n_ring + 1,)
    owner : ndarray of int64, shape (n_ring,)
        The shell of each ring; its own number for a shell.
    whole : ndarray of int64, shape (n_shell,)
        Multipolygon of each shell, ascending.
    n_whole : int
    """
    order = np.lexsort((np.arange(len(owner)), owner != np.arange(len(owner)), owner))
    count = np.diff(start)[order] + 1
    ends = np.concatenate(([0], np.cumsum(count)))
    index = np.arange(ends[-1]) - np.repeat(ends[:-1], count)
    index = np.where(index == np.repeat(count - 1, count), 0, index)
    coordinates = points[index + np.repeat(start[:-1][order], count)] / UNITS
    _, rings = np.unique(owner, return_counts=True)
    polygon_start = np.concatenate(([0], np.cumsum(rings)))
    whole_start = np.concatenate(
        ([0], np.cumsum(np.bincount(whole, minlength=n_whole)))
    )
    return list(
        shapely.from_ragged_array(
            shapely.GeometryType.MULTIPOLYGON,
            coordinates,
            (ends, polygon_start, whole_start),
        )
    )


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
