"""Areas, inner points and distances of geometries in longitude and latitude."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from yikezhong_coverage.records import FloatArray
from yikezhong_geodata.columns import CRS, EQUAL_AREA_CRS

GeometryArray = NDArray[np.object_]


@cache
def _equal_area() -> Any:
    from pyproj import Transformer

    return Transformer.from_crs(CRS, EQUAL_AREA_CRS, always_xy=True)


def area_m2(geometries: GeometryArray) -> FloatArray:
    """Return ellipsoidal areas [m²] from the equal-area CRS; ``nan`` for None.

    Parameters
    ----------
    geometries : ndarray of shapely geometry or None, shape (n,)
        In EPSG:4326.

    Returns
    -------
    ndarray of float64, shape (n,)

    Examples
    --------
    >>> square = shapely.box(113.0, 31.0, 113.01, 31.01)
    >>> [round(float(a)) for a in area_m2(np.array([square]))]
    [1058796]
    >>> area_m2(np.array([None]))
    array([nan])
    """
    values = np.asarray(geometries, dtype=object)
    projected = shapely.transform(
        values, lambda xy: np.column_stack(_equal_area().transform(xy[:, 0], xy[:, 1]))
    )
    areas: FloatArray = np.asarray(shapely.area(projected), dtype=np.float64)
    return np.where(shapely.is_missing(values), np.nan, areas)


def inner_points(geometries: GeometryArray) -> tuple[FloatArray, FloatArray]:
    """Return longitude and latitude of a point inside each; ``nan`` for None.

    Examples
    --------
    >>> lon, lat = inner_points(np.array([shapely.box(0, 0, 2, 2), None]))
    >>> lon.tolist(), lat.tolist()
    ([1.0, nan], [1.0, nan])
    """
    points = shapely.point_on_surface(np.asarray(geometries, dtype=object))
    return (
        np.asarray(shapely.get_x(points), dtype=np.float64),
        np.asarray(shapely.get_y(points), dtype=np.float64),
    )


def distance_m(
    lon: FloatArray, lat: FloatArray, to_lon: FloatArray, to_lat: FloatArray
) -> FloatArray:
    """Return ellipsoidal distances between points, pair by pair [m].

    Examples
    --------
    >>> one = np.array([113.0])
    >>> south, north = np.array([31.0]), np.array([31.01])
    >>> round(float(distance_m(one, south, to_lon=one, to_lat=north)[0]), 1)
    1108.7
    """
    from pyproj import Geod

    _, _, metres = Geod(ellps="WGS84").inv(lon, lat, to_lon, to_lat)
    return np.asarray(metres, dtype=np.float64)


def union_of(geometries: GeometryArray) -> Any:
    """Return the union of polygons: the fast way where they are a clean coverage.

    Examples
    --------
    >>> union_of(np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)])).area
    2.0
    """
    present = geometries[~shapely.is_missing(geometries)]
    if len(present) == 0:
        return None
    if len(present) == 1:
        return present[0]
    if shapely.coverage_is_valid(present):
        return shapely.coverage_union_all(present)
    return shapely.union_all(present)
