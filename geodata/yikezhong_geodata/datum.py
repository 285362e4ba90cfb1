"""GCJ-02 and BD-09 to WGS-84 and back.

GCJ-02 is what AMap, Tencent and most Chinese services give; it lies 300–700 m from
WGS-84. BD-09 is Baidu's, a further shift on top. Both forward formulas are the
published reverse-engineered ones; the inverses are fixed-point iterations on them, so
that forward and back agree to less than 1e-9 degrees (0.1 mm).

Outside the rectangle that the formulas use for China nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from yikezhong_geodata.file_errors import DatumUnknownError

FloatArray = NDArray[np.float64]
Pair = tuple[FloatArray, FloatArray]
Conversion = Callable[[ArrayLike, ArrayLike], Pair]

#: Semi-major axis [m] and squared eccentricity of the Krasovsky ellipsoid, as the
#: GCJ-02 formula uses them.
_A: Final = 6378245.0
_EE: Final = 0.00669342162296594323
#: The rectangle outside which GCJ-02 is not applied [degrees].
CHINA: Final = (72.004, 0.8293, 137.8347, 55.8271)
_BD_PI: Final = np.pi * 3000.0 / 180.0
_BD_LON: Final = 0.0065
_BD_LAT: Final = 0.006
#: The derivative of the GCJ-02 shift is below 2e-3, that of BD-09 below 2e-2: each
#: turn gains so much.
_GCJ_TURNS: Final = 5
_BD_TURNS: Final = 6

DATUMS: Final = ("wgs84", "gcj02", "bd09")
DATUM_NAMES: Final = {"wgs84": "WGS-84", "gcj02": "GCJ-02", "bd09": "BD-09"}


def in_china(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Return where the GCJ-02 formula applies (its rectangle, open at the border)."""
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    west, south, east, north = CHINA
    inside: NDArray[np.bool_] = (
        (lon > west) & (lon < east) & (lat > south) & (lat < north)
    )
    return inside


def _waves(x: FloatArray) -> FloatArray:
    """Return the term in x that both shifts share."""
    turn = x * np.pi
    return (20.0 * np.sin(6.0 * turn) + 20.0 * np.sin(2.0 * turn)) * 2.0 / 3.0


def _gcj_shift(lon: FloatArray, lat: FloatArray) -> Pair:
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += _waves(x)
    north += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    north += (
        (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2 / 3
    )
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += _waves(x)
    east += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    east += (
        (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2 / 3
    )
    phi = np.radians(lat)
    magic = 1.0 - _EE * np.sin(phi) ** 2
    d_lat = north * 180.0 / ((_A * (1.0 - _EE)) / (magic * np.sqrt(magic)) * np.pi)
    d_lon = east * 180.0 / (_A / np.sqrt(magic) * np.cos(phi) * np.pi)
    return d_lon, d_lat


def _as_floats(lon: ArrayLike, lat: ArrayLike) -> Pair:
    return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Return GCJ-02 longitude and latitude [degrees] of WGS-84 ones.

    Parameters
    ----------
    lon, lat : array_like of float, any one shape
        Positions [degrees]; ``nan`` stays ``nan``.

    Returns
    -------
    lon, lat : ndarray of float64, the same shape

    Examples
    --------
    >>> lon, lat = wgs84_to_gcj02(116.377817, 39.911954)
    >>> f"{lon:.9f} {lat:.9f}"
    '116.384047225 39.913345455'
    >>> lon, lat = wgs84_to_gcj02(9.5, 47.1)  # outside China
    >>> float(lon), float(lat)
    (9.5, 47.1)
    """
    lon, lat = _as_floats(lon, lat)
    inside = in_china(lon, lat)
    d_lon, d_lat = _gcj_shift(lon, lat)
    return np.where(inside, lon + d_lon, lon), np.where(inside, lat + d_lat, lat)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Return WGS-84 longitude and latitude [degrees] of GCJ-02 ones.

    Examples
    --------
    >>> lon, lat = gcj02_to_wgs84(*wgs84_to_gcj02(113.37, 31.69))
    >>> bool(abs(lon - 113.37) < 1e-9 and abs(lat - 31.69) < 1e-9)
    True
    """
    lon, lat = _as_floats(lon, lat)
    inside = in_china(lon, lat)
    found_lon, found_lat = lon, lat
    for _ in range(_GCJ_TURNS):
        d_lon, d_lat = _gcj_shift(found_lon, found_lat)
        found_lon, found_lat = lon - d_lon, lat - d_lat
    return np.where(inside, found_lon, lon), np.where(inside, found_lat, lat)


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Return BD-09 longitude and latitude [degrees] of GCJ-02 ones."""
    lon, lat = _as_floats(lon, lat)
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_PI)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_PI)
    inside = in_china(lon, lat)
    return (
        np.where(inside, radius * np.cos(angle) + _BD_LON, lon),
        np.where(inside, radius * np.sin(angle) + _BD_LAT, lat),
    )


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Return GCJ-02 longitude and latitude [degrees] of BD-09 ones."""
    lon, lat = _as_floats(lon, lat)
    found_lon, found_lat = lon - _BD_LON, lat - _BD_LAT
    for _ in range(_BD_TURNS):
        there_lon, there_lat = gcj02_to_bd09(found_lon, found_lat)
        found_lon, found_lat = found_lon + lon - there_lon, found_lat + lat - there_lat
    inside = in_china(lon, lat)
    return np.where(inside, found_lon, lon), np.where(inside, found_lat, lat)


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Return BD-09 longitude and latitude [degrees] of WGS-84 ones."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """Return WGS-84 longitude and latitude [degrees] of BD-09 ones.

    Examples
    --------
    >>> lon, lat = bd09_to_wgs84(*wgs84_to_bd09(113.37, 31.69))
    >>> bool(abs(lon - 113.37) < 1e-9 and abs(lat - 31.69) < 1e-9)
    True
    """
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


def _same(lon: ArrayLike, lat: ArrayLike) -> Pair:
    return _as_floats(lon, lat)


_TO_WGS84: Final[dict[str, Conversion]] = {
    "wgs84": _same,
    "gcj02": gcj02_to_wgs84,
    "bd09": bd09_to_wgs84,
}


def to_wgs84(datum: str) -> Conversion:
    """Return the function that turns positions of a datum into WGS-84.

    Raises
    ------
    DatumUnknownError
        If ``datum`` is not one of :data:`DATUMS`.
    """
    key = datum.lower().replace("-", "").replace("_", "")
    if key not in _TO_WGS84:
        raise DatumUnknownError(
            f"坐标基准“{datum}”不认识", hint="datum 请写 wgs84、gcj02 或 bd09"
        )
    return _TO_WGS84[key]


def convert_geometry(
    geometries: NDArray[np.object_], convert: Conversion
) -> NDArray[np.object_]:
    """Return geometries with every vertex converted; z is dropped, None stays None.

    Parameters
    ----------
    geometries : ndarray of shapely geometry or None, shape (n,)
        In longitude, latitude [degrees].
    convert : callable
        E.g. :func:`gcj02_to_wgs84`.

    Examples
    --------
    >>> import shapely
    >>> moved = convert_geometry(np.array([shapely.Point(116.384, 39.913), None]), gcj02_to_wgs84)
    >>> f"{moved[0].x:.5f}", moved[1]
    ('116.37777', None)
    """
    import shapely

    def both(xy: FloatArray) -> FloatArray:
        return np.column_stack(convert(xy[:, 0], xy[:, 1]))

    moved: NDArray[np.object_] = shapely.transform(
        np.asarray(geometries, dtype=object), both
    )
    return moved
