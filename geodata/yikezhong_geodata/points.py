"""Positions of table rows and vector features as checked longitude and latitude."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from yikezhong_coverage.records import BoolArray, FloatArray
from yikezhong_geodata.areas import area_m2
from yikezhong_geodata.columns import CRS
from yikezhong_geodata.crs import check_lonlat, parse_crs
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.datum import DATUM_NAMES, to_wgs84
from yikezhong_geodata.file_errors import (
    AxisOrderError,
    ColumnMappingError,
    CrsMissingError,
)
from yikezhong_geodata.headers import header_datum
from yikezhong_geodata.number_columns import plain_numbers
from yikezhong_geodata.numbers import parse_degrees
from yikezhong_geodata.source_spec import SourceSpec
from yikezhong_geodata.sources import Source

#: What is wrong with a position, in words.
POINT_PROBLEMS: Final = {
    "no_geometry": "没有图形或坐标",
    "bad_coordinate": "坐标无法识别",
    "null_island": "坐标为 (0, 0)",
    "swapped_axes": "经纬度写反",
    "bad_ring": "图形的环不完整",
    "bad_geometry": "图形损坏",
}
#: How far around the study swapped coordinates are recognised [degrees].
_NEAR_DEG: Final = 2.0


@dataclass(frozen=True, eq=False)
class Points:
    """One position for each row of a source.

    Parameters
    ----------
    lon, lat : ndarray of float64, shape (n_row,)
        EPSG:4326 [degrees]; ``nan`` where there is no usable position.
    problem : ndarray of object, shape (n_row,)
        Key of :data:`POINT_PROBLEMS`; None where the position is usable.
    area_m2 : ndarray of float64, shape (n_row,)
        Area of the feature the point stands for [m²]; ``nan`` for points.
    """

    lon: FloatArray
    lat: FloatArray
    problem: NDArray[np.object_]
    area_m2: FloatArray


@dataclass(frozen=True, eq=False)
class PointSource:
    """A file of points that was read, with what there was to report of it."""

    source: Source
    points: Points
    report: DataReport


def read_points(
    source: Source,
    spec: SourceSpec,
    *,
    divisions: Any,
    report: DataReport,
    label: str,
) -> Points:
    """Return the positions of a source, checked against the study's extent.

    Areas and lines become a representative point that lies on them.

    Parameters
    ----------
    source : Source
    spec : SourceSpec
        CRS and datum of a table's coordinate columns.
    divisions : GeoDataFrame or None
        Tells swapped coordinates from distant ones.
    report : DataReport
        Takes what was assumed about the file as a whole; rows are left to the caller.
    label : str

    Returns
    -------
    Points

    Raises
    ------
    AxisOrderError
        If longitude and latitude are swapped in all rows.
    ColumnMappingError
        If a table has only one of two coordinate columns.
    CrsMissingError, CrsUnknownError, DatumUnknownError, CrsImplausibleError
        If planar coordinates have no or no usable CRS, or degrees are no degrees.
    """
    area = np.full(len(source), np.nan)
    if source.geometry is not None:
        lon, lat, problem, area = _feature_points(source)
    else:
        lon, lat, problem = _table_points(source, spec, report=report, label=label)
    usable = np.isfinite(lon) & np.isfinite(lat) & (problem == None)
    swapped = usable & _swapped(lon, lat, divisions)
    if usable.any() and swapped[usable].all():
        raise AxisOrderError(
            f"全部 {int(usable.sum())} 行的经纬度都写反了",
            file=source.file,
            row=int(source.rows[np.flatnonzero(usable)[0]]),
            hint="请对调经度与纬度两列，或在 columns 里写明 lon 与 lat",
        )
    problem[swapped] = "swapped_axes"
    bad = problem != None
    return Points(np.where(bad, np.nan, lon), np.where(bad, np.nan, lat), problem, area)


def _feature_points(
    source: Source,
) -> tuple[FloatArray, FloatArray, NDArray[np.object_], FloatArray]:
    geometry = np.asarray(source.geometry, dtype=object)
    problem = np.full(len(geometry), None, dtype=object)
    missing = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    problem[missing] = "no_geometry"
    for index, row in enumerate(source.rows.tolist()):
        problem[index] = source.problems.get(row, problem[index])
    good = geometry.copy()
    good[missing] = None
    is_point = shapely.get_type_id(good) == 0
    area = area_m2(good)
    area[is_point | ~(area > 0)] = np.nan
    places = good.copy()
    places[~is_point] = shapely.point_on_surface(good[~is_point])
    return (
        np.asarray(shapely.get_x(places), dtype=np.float64),
        np.asarray(shapely.get_y(places), dtype=np.float64),
        problem,
        area,
    )


def _table_points(
    source: Source, spec: SourceSpec, *, report: DataReport, label: str
) -> tuple[FloatArray, FloatArray, NDArray[np.object_]]:
    names = _coordinate_columns(source)
    problem = np.full(len(source), None, dtype=object)
    if names is None:
        problem[:] = "no_geometry"
        empty = np.full(len(source), np.nan)
        return empty, empty.copy(), problem
    x, y = _pairs(source, names, problem)
    if spec.crs is None and np.nanmax(np.abs(np.r_[x, y, 0.0])) > 360:
        raise CrsMissingError(
            "平面坐标没有坐标系",
            file=source.file,
            column=source.columns[names[0]],
            hint="请在 study.toml 写明 crs，如 EPSG:4547",
        )
    lon, lat = _to_lonlat(
        x, y, spec, problem=problem, source=source, report=report, label=label
    )
    datum = spec.datum
    if datum is None:
        named = header_datum(source.columns[names[0]])
        if named not in (None, "wgs84"):
            datum = named
            report.add(
                label, source.file, None, None, "datum_from_header", value=named,
                message=f"列名“{source.columns[names[0]]}”说明坐标为 {named}，已转换为 WGS-84",
            )  # fmt: skip
    elif datum != "wgs84":
        report.add(
            label, source.file, None, None, "datum_converted", value=datum,
            message=f"按声明由 {DATUM_NAMES.get(datum, datum)} 换算到 WGS-84",
        )  # fmt: skip
    if datum is not None:
        lon, lat = to_wgs84(datum)(lon, lat)
    return lon, lat, problem


def _coordinate_columns(source: Source) -> tuple[str, str] | None:
    for pair in (("lon", "lat"), ("x", "y")):
        there = [name for name in pair if name in source.columns]
        if len(there) == 2:
            return pair
        if len(there) == 1:
            raise ColumnMappingError(
                f"只有坐标的一列“{source.columns[there[0]]}”",
                file=source.file,
                column=source.columns[there[0]],
                hint="请补充另一列，或在 columns 里写明 lon 与 lat",
            )
    return ("lon_lat", "lon_lat") if "lon_lat" in source.columns else None


def _pairs(
    source: Source, names: tuple[str, str], problem: NDArray[np.object_]
) -> tuple[FloatArray, FloatArray]:
    """Return both coordinates as written; notes bad rows in ``problem``."""
    if names[0] == "lon_lat":
        halves = [
            (text or "").replace("，", ",").replace(" ", ",").split(",")
            for text in source.texts("lon_lat")
        ]
        halves = [[part for part in half if part] for half in halves]
        pairs = [half if len(half) == 2 else [None, None] for half in halves]
        texts = ([p[0] for p in pairs], [p[1] for p in pairs])
        for index, half in enumerate(halves):
            if half and len(half) != 2:
                problem[index] = "bad_coordinate"
    else:
        texts = (source.texts(names[0]), source.texts(names[1]))
    both = []
    for column in texts:
        values, others = plain_numbers(column)
        for index in others.tolist():
            value, wrong = parse_degrees(column[index])
            if value is not None:
                values[index] = value
            elif problem[index] is None or wrong == "unreadable":
                problem[index] = (
                    "bad_coordinate" if wrong == "unreadable" else "no_geometry"
                )
        both.append(values)
    return both[0], both[1]


def _to_lonlat(
    x: FloatArray,
    y: FloatArray,
    spec: SourceSpec,
    *,
    problem: NDArray[np.object_],
    source: Source,
    report: DataReport,
    label: str,
) -> tuple[FloatArray, FloatArray]:
    """Return longitude and latitude; notes bad rows in ``problem``."""
    crs = parse_crs(spec.crs or CRS, file=source.file)
    if spec.crs is None:
        report.add(
            label, source.file, None, None, "crs_assumed", value=CRS,
            message="坐标列按经纬度（WGS-84/CGCS2000）读取",
        )  # fmt: skip
    elif crs.is_cgcs2000:
        report.add(
            label, source.file, None, None, "cgcs2000_as_wgs84", value=crs.name,
            message="CGCS2000 与 WGS-84 相差厘米级，视为相同",
        )  # fmt: skip
    # In Gauss-Krueger tables X is often the northing (about 2 to 6 million m in
    # China) and Y the easting, as surveyors write them.
    both = np.isfinite(x) & np.isfinite(y)
    if not crs.is_lonlat and both.any():
        northing = float(np.median(np.abs(x[both])))
        if northing > 1.5e6 and float(np.median(np.abs(y[both]))) < 1.5e6:
            x, y = y, x
            report.add(
                label, source.file, None, None, "axes_swapped",
                message="X 为北坐标、Y 为东坐标（测量习惯），已按此读取",
            )  # fmt: skip
    lon, lat = crs.to_lonlat(x, y)
    checked = check_lonlat(lon, lat, file=source.file, source=crs)
    free = problem == None
    problem[free] = checked[free]
    return lon, lat


def _swapped(lon: FloatArray, lat: FloatArray, divisions: Any) -> BoolArray:
    """Return positions that fall in the study only when lon and lat are exchanged."""
    impossible = (np.abs(lat) > 90) & (np.abs(lon) <= 90) & (np.abs(lat) <= 180)
    if divisions is None or not divisions["lon"].notna().any():
        return impossible
    west, south, east, north = (float(v) for v in divisions.total_bounds)

    def near(x: FloatArray, y: FloatArray) -> BoolArray:
        inside: BoolArray = (
            (x >= west - _NEAR_DEG)
            & (x <= east + _NEAR_DEG)
            & (y >= south - _NEAR_DEG)
            & (y <= north + _NEAR_DEG)
        )
        return inside

    return impossible | (near(lat, lon) & ~near(lon, lat))
