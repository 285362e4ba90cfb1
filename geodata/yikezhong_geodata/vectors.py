"""Read a vector file into one table in WGS-84 longitude, latitude.

The way of a file: :mod:`opening` says what it is, :mod:`archives` unpacks one layer of
a zip, one reader gives features in the file's own reference system, :mod:`crs` takes
them to longitude, latitude, and a declared datum is converted last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from yikezhong_geodata.archives import check_zip, choose_layer, layer_name, unpacked
from yikezhong_geodata.columns import CRS
from yikezhong_geodata.crs import check_lonlat, geometries_to_lonlat, resolve_crs
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.datum import DATUM_NAMES, convert_geometry, to_wgs84
from yikezhong_geodata.features import READERS, LayerSource, drop_geometries
from yikezhong_geodata.file_errors import PrecisionLostError
from yikezhong_geodata.geojson import Features
from yikezhong_geodata.opening import (
    DEFAULT_LIMITS,
    VECTOR_KINDS,
    FileKind,
    Limits,
    check_file,
)


@dataclass(frozen=True, eq=False)
class VectorTable:
    """The features of one layer.

    Parameters
    ----------
    frame : GeoDataFrame
        Attributes as they were read (see :func:`text_column`) and ``geometry`` in
        EPSG:4326, converted from the declared datum, two-dimensional; None where there
        is none that can be used. Its index ``row`` counts features from 1 as they stand
        in the file.
    file : str
        Name of the file, for messages.
    crs : str
        The reference system that the file is in.
    datum : str
        ``wgs84``, ``gcj02`` or ``bd09``: what the positions were converted from.
    problems : mapping of int to str
        Row → why its geometry is None: ``no_geometry``, ``bad_ring``,
        ``bad_coordinate``, ``bad_geometry``, ``null_island``, ``swapped_axes``.
    """

    frame: Any
    file: str
    crs: str = CRS
    datum: str = "wgs84"
    problems: Mapping[int, str] = field(default_factory=dict)


def read_vector(
    path: Path,
    *,
    report: DataReport,
    label: str,
    layer: str | None = None,
    crs: str | None = None,
    encoding: str | None = None,
    datum: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> VectorTable:
    """Return the features of a file in WGS-84 longitude, latitude.

    Reads GeoPackage, GeoJSON, shapefile, FlatGeobuf, GeoParquet, KML and GPX, bare or
    as the one layer of a zip. Rows are never dropped: a geometry that cannot be used is
    None, with the reason in ``problems``.

    Parameters
    ----------
    path : Path
    report : DataReport
        Takes what was assumed, under ``label``: encoding, reference system, dropped
        dimensions, ignored links.
    layer : str, optional
        Needed where the file has several.
    crs : str, optional
        Needed where the file states none; wins over what it states.
    encoding : str, optional
        Of a shapefile's text; judged by its content where not given.
    datum : str, optional
        ``gcj02`` or ``bd09`` where the positions are in it.
    limits : Limits
        Largest sizes.

    Raises
    ------
    InputError
        One of :mod:`file_errors`, naming file, layer and row.
    """
    kind = check_file(path, allow=VECTOR_KINDS, limits=limits)
    source = LayerSource(path, path.name, report, label, layer, encoding, limits)
    if kind is FileKind.ZIP:
        members = choose_layer(
            check_zip(path, limits=limits), file=path.name, layer=layer
        )
        with unpacked(path, members, limits=limits) as inner:
            inner_kind = check_file(
                inner, allow=VECTOR_KINDS - {FileKind.ZIP}, limits=limits
            )
            # where the name chose the file, it does not choose a layer inside it
            by_name = layer is None or layer.startswith(layer_name(members[0]))
            inside = None if by_name else layer
            features = READERS[inner_kind](replace(source, path=inner, layer=inside))
    else:
        features = READERS[kind](source)
    return _located(features, source, crs=crs, datum=datum)


def _located(
    features: Features, source: LayerSource, *, crs: str | None, datum: str | None
) -> VectorTable:
    """Take features to longitude, latitude and note what was done."""
    import geopandas

    report, label, file = source.report, source.label, source.file
    system = resolve_crs(features.crs, crs, file=file, report=report, label=label)
    if features.flattened:
        report.add(
            label,
            file,
            None,
            None,
            "dimension_dropped",
            value=features.flattened,
            message=f"{features.flattened} 个图形带有高程、量测值或曲线，已化为二维直线图形",
        )
    problems = dict(features.problems)
    geometries = features.geometries
    drop_geometries(geometries, _infinite(geometries), "bad_coordinate", problems)
    geometries = geometries_to_lonlat(geometries, system)
    lon, lat = _far_corner(geometries)
    for row, problem in enumerate(
        check_lonlat(lon, lat, file=file, source=system), start=1
    ):
        if problem is not None and row not in problems:
            drop_geometries(geometries, np.array([row - 1]), problem, problems)
    if datum and datum != "wgs84":
        geometries = convert_geometry(geometries, to_wgs84(datum))
        name = DATUM_NAMES.get(datum, datum)
        report.add(
            label,
            file,
            None,
            None,
            "datum_converted",
            value=datum,
            message=f"按声明由 {name} 换算到 WGS-84",
        )
    frame = geopandas.GeoDataFrame(
        {k: _series(v) for k, v in features.attributes.items() if k != "geometry"},
        geometry=geopandas.GeoSeries(geometries, crs=CRS),
        crs=CRS,
    )
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="row")
    return VectorTable(frame, file, system.name, datum or "wgs84", problems)


def _series(values: list[Any]) -> pd.Series:
    """Return a column as it was read: int64 or float64 where all are, else objects."""
    kinds = {type(v) for v in values}
    if kinds == {int}:
        try:
            return pd.Series(values, dtype="int64")
        except OverflowError:
            return pd.Series(values, dtype=object)
    if kinds == {float}:
        return pd.Series(values, dtype="float64")
    return pd.Series(values, dtype=object)


def _infinite(geometries: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return the positions of geometries with a vertex that is nan or inf."""
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    return np.unique(owner[~np.isfinite(xy).all(axis=1)])


def _far_corner(geometries: NDArray[np.object_]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return of each geometry the corner of its box that is farthest from (0, 0)."""
    west, south, east, north = shapely.bounds(geometries).T
    lon = np.where(np.abs(west) > np.abs(east), west, east)
    lat = np.where(np.abs(south) > np.abs(north), south, north)
    return lon, lat


def text_column(values: pd.Series, *, file: str | None = None) -> pd.Series:
    """Return a column as text, exactly: no ``.0``, no lost digit; None is missing.

    Raises
    ------
    PrecisionLostError
        Where a number is a float of 2⁵³ or more: its last digits are not the file's.

    Examples
    --------
    >>> list(text_column(pd.Series(["033010", 33010, 33010.0, 12.5, None], dtype=object)))
    ['033010', '33010', '33010', '12.5', None]
    >>> text_column(pd.Series([123456789012345678.0], name="code"))
    Traceback (most recent call last):
    yikezhong_geodata.file_errors.PrecisionLostError: 第 0 行，列“code”：数字 1.2345678901234568e+17 ...
    """
    if values.dtype == object and pd.api.types.infer_dtype(values) == "string":
        cells = values.to_numpy(dtype=object, copy=True)
        cells[values.isna().to_numpy()] = None
        return pd.Series(cells, index=values.index, name=values.name, dtype=object)
    # a 32-bit float keeps 7 digits, a 64-bit one 15
    exact = 2.0**24 if values.dtype == np.float32 else 2.0**53

    def as_text(row: object, value: Any) -> str | None:
        if pd.isna(value):
            return None
        if isinstance(value, float):
            if abs(value) >= exact:
                raise PrecisionLostError(
                    f"数字 {float(value)!r} 的位数超过浮点数能存的位数，末几位已丢失",
                    file=file,
                    row=int(str(row)),
                    column=None if values.name is None else str(values.name),
                    hint="请在源文件把该列设为文本后重新导出",
                )
            return str(int(value)) if value.is_integer() else repr(float(value))
        return str(value)

    texts = [as_text(row, value) for row, value in values.items()]
    return pd.Series(texts, index=values.index, name=values.name, dtype=object)
