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

import numpy as np
import shapely

from yikezhong_coverage.contours import Rings, draw
from yikezhong_coverage.edges import EdgeParts
from yikezhong_coverage.lattice import UNITS, step_lat, step_lon
from yikezhong_coverage.reached import lines_of, pieces_of_parts
from yikezhong_coverage.records import FloatArray, IntArray, RoadGraph
from yikezhong_coverage.stamping import Raster, Segments, Sheet, make_sheet

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


def draw_outline(
    segments: FloatArray,
    *,
    plane: LocalPlane,
    buffer_m: float,
    cell_m: float,
    sheet: Sheet | None = None,
) -> tuple[Rings, Sheet]:
    """Draw the outline of everything within ``buffer_m`` of some straight segments.

    Parameters
    ----------
    segments : ndarray of float64, shape (n, 4)
        Longitude and latitude of both ends [degrees]; one without length becomes a
        disc.
    plane : LocalPlane
        Where lengths hold; somewhere among the segments.
    buffer_m : float
        Half the width of the band [m].
    cell_m : float
        Distance of the raster's points [m]; should not exceed half the buffer. It
        is made larger, up to that half, where the raster would exceed 4,000,000 cells.
    sheet : Sheet, optional
        To draw on; a larger one is taken where it is too small.

    Returns
    -------
    Rings
        For :func:`make_polygons`; none where there are no segments.
    Sheet
        To draw the next outline on.
    """
    if len(segments) == 0:
        none = np.empty(0, dtype=np.int64)
        empty = Rings(np.empty((0, 2), dtype=np.int64), np.zeros(1, np.int64), none)
        return empty, sheet or make_sheet(1)
    scaled = in_units(segments, plane)
    raster = lay_raster(scaled, plane, buffer_m=buffer_m, cell_m=cell_m)
    n_point = (raster.n_x + 2) * (raster.n_y + 2)
    if sheet is None or len(sheet.inside) < n_point:
        sheet = make_sheet(n_point)
    every = np.arange(len(segments))
    return draw(scaled, every, buffer_m, raster, THIN, sheet), sheet


def lay_raster(
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
    part = np.floor(middle * _PARTS).astype(np.int64)
    first = int(part.min()) if len(part) else 0
    known = range(first, int(part.max()) + 1 if len(part) else first)
    scales = np.array(
        [LocalPlane(0.0, (p + 0.5) / _PARTS).metres_per_degree for p in known]
    ).reshape(-1, 2)
    east_of, north_of = (scales.T / UNITS)[:, part - first]
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
    return pieces_of_parts(lines_of(graph), parts.edge, parts.from_m, parts.to_m)


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
