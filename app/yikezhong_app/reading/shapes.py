"""GeoJSON geometries of divisions and layers, simplified without gaps for display."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

#: Tolerances there are [m]; another is taken down to the nearest of these, so that
#: the number of versions kept is bounded.
TOLERANCES_M: Final = (0.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
#: What suits a map of each level [m].
DEFAULT_TOLERANCE_M: Final = {
    "province": 500.0,
    "prefecture": 200.0,
    "county": 100.0,
    "township": 50.0,
    "community": 20.0,
}
#: Largest tolerance for polygons that do not meet exactly [m].
MISMATCH_TOLERANCE_M: Final = 20.0
#: Length of a degree of latitude [m], near enough for a display tolerance.
_DEGREE_M: Final = 111_320.0
#: 1e-6° is at most 0.11 m.
_DECIMALS: Final = 6

Geometries = NDArray[np.object_]


def tolerance_step(asked_m: float) -> float:
    """Return the largest tolerance there is that is not above what is asked [m].

    Examples
    --------
    >>> tolerance_step(120), tolerance_step(3)
    (100.0, 0.0)
    """
    return max(step for step in TOLERANCES_M if step <= asked_m)


def simplify_together(geometries: Geometries, *, tolerance_m: float) -> Geometries:
    """Simplify neighbouring polygons together, so that no gaps open between them.

    Where the polygons overlap or do not meet exactly, the sides that do not match are
    simplified each for itself; then no more than :data:`MISMATCH_TOLERANCE_M` is
    taken, so that what opens stays too small to be seen.

    Parameters
    ----------
    geometries : ndarray of object, shape (n,)
        Polygons in degrees, or None, which stays.
    tolerance_m : float
        Size of the details that are left out [m]; 0: none.
    """
    there = ~(shapely.is_missing(geometries) | shapely.is_empty(geometries))
    if tolerance_m <= 0 or not there.any():
        return geometries
    west, south, east, north = shapely.total_bounds(geometries[there])
    narrow = max(np.cos(np.radians((south + north) / 2)), 0.01)
    origin = np.array([(west + east) / 2, (south + north) / 2])
    scale = np.array([narrow, 1.0]) * _DEGREE_M

    flat = shapely.transform(geometries[there], lambda xy: (xy - origin) * scale)
    if not shapely.coverage_is_valid(flat):
        tolerance_m = min(tolerance_m, MISMATCH_TOLERANCE_M)
    simple = shapely.coverage_simplify(flat, tolerance_m)
    result = geometries.copy()
    result[there] = shapely.transform(simple, lambda xy: xy / scale + origin)
    return result


def simplify_alone(geometries: Geometries, *, tolerance_m: float) -> Geometries:
    """Return shapes without details smaller than the tolerance [m], each for itself.

    The tolerance is taken in degrees of latitude; east and west it is finer. Parts of
    a multi-shape are simplified one by one: as a whole, a union of thousands of parts
    would take seconds.
    """
    if tolerance_m <= 0:
        return geometries
    several = shapely.get_num_geometries(geometries) > 1
    result = geometries.copy()
    result[~several] = _simplified(geometries[~several], tolerance_m)
    for i in np.flatnonzero(several):
        parts = _simplified(shapely.get_parts(geometries[i]), tolerance_m)
        result[i] = type(geometries[i])(list(parts))
    return result


def clip(geometries: Geometries, box: tuple[float, float, float, float]) -> Geometries:
    """Return what of shapes lies in a box; None where nothing does."""
    clipped: Geometries = shapely.clip_by_rect(geometries, *box)
    clipped[shapely.is_empty(clipped)] = None
    return clipped


def _simplified(shapes: Geometries, tolerance_m: float) -> Geometries:
    """Return simple shapes: quickly, and with care where that does not go well.

    Taking care of every ring's crossings costs five times as much and is rarely
    needed.
    """
    tolerance = tolerance_m / _DEGREE_M
    simple: Geometries = shapely.simplify(shapes, tolerance, preserve_topology=False)
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    bad = there & (shapely.is_empty(simple) | ~shapely.is_valid(simple))
    simple[bad] = shapely.simplify(shapes[bad], tolerance)
    return simple


def geojson_shapes(
    geometries: Geometries, *, decimals: int = _DECIMALS
) -> list[bytes | None]:
    """Return the GeoJSON geometry of each shape, rounded; None stays.

    Six decimals of a degree are 0.1 m.

    Examples
    --------
    >>> geojson_shapes(np.array([shapely.Point(113.12345678, 31), None]))
    [b'{"type":"Point","coordinates":[113.123457,31.0]}', None]
    """
    rounded = shapely.transform(
        shapely.force_2d(geometries), lambda xy: np.round(xy, decimals)
    )
    texts: Sequence[Any] = shapely.to_geojson(rounded)
    return [None if text is None else text.encode() for text in texts]
