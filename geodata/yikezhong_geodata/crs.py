"""Reference systems: what is accepted, and the way to WGS-84 longitude, latitude.

CGCS2000 (EPSG:4490 and all its projections) is taken as equal to WGS-84; the two differ
by centimetres. Any other datum must come with a known transformation: Xi'an 80 and
Beijing 54 have none that is public, and pyproj would silently shift by nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from yikezhong_geodata.columns import CRS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import (
    AxisOrderError,
    CrsImplausibleError,
    CrsMissingError,
    CrsUnknownError,
    DatumUnknownError,
)

if TYPE_CHECKING:
    import pyproj

FloatArray = NDArray[np.float64]
ToLonLat = Callable[[ArrayLike, ArrayLike], tuple[FloatArray, FloatArray]]

_CGCS2000: Final = re.compile(
    r"china[ _]?2000|cgcs[ _]?2000|china[ _]geodetic[ _]coord", re.IGNORECASE
)
_LOST_DATUM: Final = re.compile(r"xi'?an|beijing|krass?ov?w?sky", re.IGNORECASE)
#: How far beyond its area of use a reference system may still be stretched [degrees].
_STRETCH: Final = 8.0


@dataclass(frozen=True)
class SourceCrs:
    """A checked reference system.

    Parameters
    ----------
    name : str
        ``EPSG:4547`` where it has a number, else its name.
    is_lonlat : bool
        Whether it is longitude, latitude in degrees already.
    is_cgcs2000 : bool
        Whether its datum is CGCS2000.
    to_lonlat : callable
        x, y (or longitude, latitude) → WGS-84 longitude, latitude [degrees].
    bounds : tuple of float or None
        West, south, east, north of its area of use [degrees].
    """

    name: str
    is_lonlat: bool
    is_cgcs2000: bool
    to_lonlat: ToLonLat
    bounds: tuple[float, float, float, float] | None


def resolve_crs(
    found: str | None,
    stated: str | None,
    *,
    file: str,
    report: DataReport,
    label: str,
    layer: str | None = None,
) -> SourceCrs:
    """Return the reference system of a file: the stated one, else the file's own.

    Raises
    ------
    CrsMissingError
        If there is neither.
    CrsUnknownError, DatumUnknownError
        If it is not known, or its datum has no known way to WGS-84.
    """
    if not (stated or found):
        raise CrsMissingError(
            "文件没有写明坐标系",
            file=file,
            layer=layer,
            hint='请在 study.toml 写明 crs，例如 crs = "EPSG:4490"',
        )
    source = parse_crs(str(stated or found), file=file, layer=layer)
    if stated and not found:
        report.add(
            label,
            file,
            None,
            None,
            "crs_stated",
            value=source.name,
            message=f"文件没有坐标系，按 study.toml 写的 {source.name} 读取",
        )
    elif stated and parse_crs(stated).name != _name_of(str(found)):
        report.add(
            label,
            file,
            None,
            None,
            "crs_overridden",
            value=str(found)[:200],
            message=f"文件里的坐标系与 study.toml 不同，按 study.toml 写的 {source.name} 读取",
        )
    if source.is_cgcs2000:
        report.add(
            label,
            file,
            None,
            None,
            "cgcs2000_as_wgs84",
            value=source.name,
            message="CGCS2000 与 WGS-84 相差厘米级，视为相同",
        )
    return source


def _name_of(text: str) -> str | None:
    import pyproj

    try:
        return _short_name(pyproj.CRS.from_user_input(text))
    except pyproj.exceptions.CRSError:
        return None


def _short_name(crs: pyproj.CRS) -> str:
    authority = crs.to_authority(min_confidence=70)
    return ":".join(authority) if authority else crs.name


def parse_crs(
    text: str, *, file: str | None = None, layer: str | None = None
) -> SourceCrs:
    """Return the checked reference system that a text (EPSG number, WKT, PROJ) names.

    Examples
    --------
    >>> parse_crs("EPSG:4547").is_cgcs2000, parse_crs("EPSG:4326").is_lonlat
    (True, True)
    >>> lon, lat = parse_crs("EPSG:4547").to_lonlat([500000.0], [3380000.0])
    >>> f"{lon[0]:.4f} {lat[0]:.4f}"
    '114.0000 30.5402'
    >>> parse_crs("EPSG:4610")
    Traceback (most recent call last):
    yikezhong_geodata.file_errors.DatumUnknownError: 坐标系“EPSG:4610”的基准没有公开的换算参数...
    """
    import pyproj

    try:
        crs = pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError as error:
        raise CrsUnknownError(
            f"不认识坐标系“{text[:80]}”",
            file=file,
            layer=layer,
            hint="请写 EPSG 编号，例如 EPSG:4490",
        ) from error
    geodetic = crs.geodetic_crs
    if geodetic is None:
        raise CrsUnknownError(
            f"坐标系“{crs.name}”没有说明在地球上的位置",
            file=file,
            layer=layer,
            hint="请在 study.toml 用 crs 写明 EPSG 编号",
        )
    name = _short_name(crs)
    words = (
        f"{geodetic.name} {geodetic.datum.name if geodetic.datum else ''} {crs.name}"
    )
    is_cgcs2000 = _CGCS2000.search(words) is not None
    if _LOST_DATUM.search(words) and not _has_parameters(crs):
        raise _datum_unknown(name, file=file, layer=layer)
    to_lonlat = _transformation(
        crs, geodetic if is_cgcs2000 else None, name=name, file=file, layer=layer
    )
    area = crs.area_of_use
    return SourceCrs(
        name=name,
        is_lonlat=bool(crs.is_geographic),
        is_cgcs2000=is_cgcs2000,
        to_lonlat=to_lonlat,
        bounds=(area.west, area.south, area.east, area.north) if area else None,
    )


def _datum_unknown(
    name: str, *, file: str | None, layer: str | None
) -> DatumUnknownError:
    return DatumUnknownError(
        f"坐标系“{name}”的基准没有公开的换算参数，不能当作 WGS-84",
        file=file,
        layer=layer,
        hint="请由测绘部门转换到 CGCS2000（EPSG:4490）后再提供",
    )


def _has_parameters(crs: pyproj.CRS) -> bool:
    """Return whether a bound system states its shift to WGS-84, other than zero."""
    if not crs.is_bound or crs.coordinate_operation is None:
        return False
    values = list(crs.coordinate_operation.towgs84)
    return any(value != 0 for value in values)


def _transformation(
    crs: pyproj.CRS,
    same_datum: pyproj.CRS | None,
    *,
    name: str,
    file: str | None,
    layer: str | None,
) -> ToLonLat:
    import pyproj

    target: Any = (
        same_datum if same_datum is not None else pyproj.CRS.from_user_input(CRS)
    )
    if crs.is_geographic and (
        same_datum is not None or crs.equals(target, ignore_axis_order=True)
    ):
        return _unchanged
    try:
        transformer = pyproj.Transformer.from_crs(
            crs, target, always_xy=True, allow_ballpark=False
        )
    except pyproj.exceptions.ProjError as error:
        raise _datum_unknown(name, file=file, layer=layer) from error

    def to_lonlat(x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
        lon, lat = transformer.transform(np.asarray(x, float), np.asarray(y, float))
        # 0.1 mm: what lay exactly on a border before the projection lies on it again
        return np.round(lon, POSITION_DECIMALS), np.round(lat, POSITION_DECIMALS)

    return to_lonlat


#: Decimals that reprojected degrees are rounded to.
POSITION_DECIMALS: Final = 9


def _unchanged(x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
    return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)


def check_lonlat(
    lon: ArrayLike, lat: ArrayLike, *, file: str, source: SourceCrs | None = None
) -> NDArray[np.object_]:
    """Return what is wrong with each position, None where nothing is.

    Parameters
    ----------
    lon, lat : array_like of float, shape (n,)
        WGS-84 positions [degrees]; both ``nan`` is no position.

    Returns
    -------
    ndarray of object, shape (n,)
        None, ``no_geometry``, ``bad_coordinate`` (one is nan or inf, or outside the
        globe), ``null_island`` (0, 0) or ``swapped_axes``.

    Raises
    ------
    AxisOrderError
        If every position fits only with its axes swapped.
    CrsImplausibleError
        If none lies on the globe, or all far outside the system's area of use.

    Examples
    --------
    >>> check_lonlat([113.4, 0, np.nan, 500.0], [31.7, 0, np.nan, 31.7], file="a.csv").tolist()
    [None, 'null_island', 'no_geometry', 'bad_coordinate']
    >>> check_lonlat([31.7, 30.6], [113.4, 114.3], file="a.csv")
    Traceback (most recent call last):
    yikezhong_geodata.file_errors.AxisOrderError: a.csv：经度和纬度互换了。...
    """
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    problem = np.full(lon.shape, None, dtype=object)
    with np.errstate(invalid="ignore"):
        on_globe = (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
        swapped = (np.abs(lon) <= 90) & (np.abs(lat) > 90) & (np.abs(lat) <= 180)
    problem[~on_globe] = "bad_coordinate"
    problem[swapped] = "swapped_axes"
    problem[(lon == 0) & (lat == 0)] = "null_island"
    missing = np.isnan(lon) & np.isnan(lat)
    problem[missing] = "no_geometry"
    some = ~missing
    if some.any() and swapped[some].all():
        raise AxisOrderError(
            "经度和纬度互换了",
            file=file,
            hint="请在 columns 里互换 lon 和 lat，或改正文件",
        )
    if some.any() and not on_globe[some].any():
        x, y = lon[some][0], lat[some][0]
        raise CrsImplausibleError(
            f"坐标（{x:.6g}，{y:.6g}）不是经纬度",
            file=file,
            hint="请在 study.toml 用 crs 写明坐标系",
        )
    good = problem == None
    if source is not None and source.bounds is not None and good.any():
        _check_area(lon[good], lat[good], source, file=file)
    return problem


def _check_area(
    lon: FloatArray, lat: FloatArray, source: SourceCrs, *, file: str
) -> None:
    west, south, east, north = source.bounds or (-180.0, -90.0, 180.0, 90.0)
    if west > east:
        west, east = -180.0, 180.0
    inside = (lon >= west - _STRETCH) & (lon <= east + _STRETCH)
    inside &= (lat >= south - _STRETCH) & (lat <= north + _STRETCH)
    if not inside.any():
        raise CrsImplausibleError(
            f"按 {source.name} 换算后位于（{lon[0]:.2f}，{lat[0]:.2f}），远离该坐标系的适用范围",
            file=file,
            hint="请检查坐标系、带号和坐标轴顺序",
        )


def geometries_to_lonlat(
    geometries: NDArray[np.object_], source: SourceCrs
) -> NDArray[np.object_]:
    """Return geometries in WGS-84 longitude, latitude; None stays None."""
    if source.to_lonlat is _unchanged:
        return geometries.copy()

    def both(xy: FloatArray) -> FloatArray:
        return np.column_stack(source.to_lonlat(xy[:, 0], xy[:, 1]))

    moved: NDArray[np.object_] = shapely.transform(geometries, both)
    return moved
