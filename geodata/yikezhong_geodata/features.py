"""Readers of vector files, one for each kind, all to :class:`~.geojson.Features`."""

from __future__ import annotations

import datetime
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from yikezhong_coverage.errors import InputError
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import (
    AmbiguousLayerError,
    CorruptError,
    LayerMissingError,
    NoFeaturesError,
)
from yikezhong_geodata.geojson import Features, read_geojson
from yikezhong_geodata.geopackages import check_views
from yikezhong_geodata.opening import FileKind, Limits, prepare_gdal
from yikezhong_geodata.shapefiles import (
    check_shapefile,
    read_attributes,
    read_projection,
)
from yikezhong_geodata.xml_files import check_xml, count_elements


@dataclass(frozen=True)
class LayerSource:
    """One layer on the disk, and how the caller wants it read."""

    path: Path
    file: str
    report: DataReport
    label: str
    layer: str | None
    encoding: str | None
    limits: Limits


def drop_geometries(
    geometries: NDArray[np.object_],
    at: NDArray[np.int64],
    word: str,
    problems: dict[int, str],
) -> None:
    """Replace geometries at some positions by None and note why, by row."""
    for index in at:
        geometries[index] = None
        problems.setdefault(int(index) + 1, word)


def _read_json(source: LayerSource) -> Features:
    return read_geojson(source.path, file=source.file, limits=source.limits)


def _read_shapefile(source: LayerSource) -> Features:
    path, file = source.path, source.file
    n_record = check_shapefile(path, file=file)
    if n_record == 0:
        raise NoFeaturesError("没有要素", file=file, hint="请检查导出的范围和图层")
    crs = read_projection(path, file=file)
    table = read_attributes(
        path,
        file=file,
        report=source.report,
        label=source.label,
        encoding=source.encoding,
        n_record=n_record,
    )
    # Latin-1 never fails, and GDAL is asked for no text here
    layer = _read_layer(source, encoding="ISO-8859-1")
    geometries = np.full(n_record, None, dtype=object)
    geometries[layer.fids] = layer.geometries
    problems = {
        int(layer.fids[row - 1]) + 1: word for row, word in layer.problems.items()
    }
    for row in range(1, n_record + 1):
        if geometries[row - 1] is None:
            problems.setdefault(row, "no_geometry")
    if table.deleted:
        source.report.add(
            source.label,
            file,
            None,
            None,
            "deleted_records",
            value=len(table.deleted),
            message=f"dbf 里有 {len(table.deleted)} 行已标记删除，没有图形",
        )
    columns: dict[str, list[Any]] = {name: list(v) for name, v in table.columns.items()}
    return Features(columns, geometries, problems, crs, layer.flattened)


def _read_ogr(source: LayerSource) -> Features:
    """Read GeoPackage, FlatGeobuf, KML or GPX.

    Arrow keeps whole numbers with gaps exact, and gives the geometries as they are.
    """
    import pyogrio

    check_views(source.path, file=source.file)
    with _gdal(source):
        name = _one_layer(source)
        check_views(source.path, file=source.file, layer=name)
        meta, table = pyogrio.read_arrow(_plain_path(source.path), layer=name)
        place = meta["geometry_name"] or "wkb_geometry"
        wkb = table.column(place).to_pylist()
        columns = {
            column: [_plain_value(v) for v in table.column(column).to_pylist()]
            for column in table.column_names
            if column != place
        }
    if not wkb:
        raise NoFeaturesError(
            "没有要素", file=source.file, layer=name, hint="请检查导出的范围和图层"
        )
    curved = sum(_shape_type(one) > 7 for one in wkb if one)
    if curved:
        layer = _read_layer(source, name=name)
    else:
        layer = _shapes_of(np.array([*wkb, None], dtype=object)[:-1], crs=meta["crs"])
    flattened = max(layer.flattened, curved)
    return Features(columns, layer.geometries, layer.problems, meta["crs"], flattened)


def _shape_type(wkb: bytes) -> int:
    """Return the type number of a WKB geometry without its dimensions.

    ISO 13249-3 adds 1000 for z, 2000 for m, 3000 for both; 8 to 14 are curved.
    """
    number = int.from_bytes(wkb[1:5], "little" if wkb[0] else "big")
    return (number & 0xFFFF) % 1000


def _read_kml(source: LayerSource) -> Features:
    check_xml(source.path, file=source.file)
    links = count_elements(source.path, "NetworkLink", file=source.file)
    if links:
        source.report.add(
            source.label,
            source.file,
            None,
            None,
            "network_link_ignored",
            value=links,
            message=f"{links} 个网络链接（NetworkLink）没有打开，只读取文件里的要素",
        )
    return _read_ogr(source)


def _read_parquet(source: LayerSource) -> Features:
    import geopandas
    import pyarrow
    import pyarrow.parquet

    try:
        frame = geopandas.read_parquet(source.path)
        shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
        table = pyarrow.parquet.read_table(source.path)
        columns = {
            str(c): _plain_values(table.column(c))
            for c in table.column_names
            if c != frame.geometry.name
        }
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise _unreadable(source) from error
    if frame.empty:
        raise NoFeaturesError("没有要素", file=source.file)
    crs = None if frame.crs is None else frame.crs.to_wkt()
    flat, problems, flattened = _flat(shapes)
    return Features(columns, flat, problems, crs, flattened)


def _plain_values(column: Any) -> list[Any]:
    """Return a column of Arrow as :func:`_plain_value` has each of its values."""
    import pyarrow.types as kinds

    values: list[Any] = column.to_pylist()
    if kinds.is_integer(column.type) or kinds.is_string(column.type):
        return values
    return [_plain_value(value) for value in values]


def _plain_value(value: Any) -> Any:
    """Return missing as None, times as ISO text, the rest as it is."""
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time(0) and value.tzinfo is None
        return value.date().isoformat() if midnight else value.isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, list | dict | np.ndarray | bytes):
        return str(value)
    return None if value is None or pd.isna(value) else value


@dataclass(frozen=True, eq=False)
class _Layer:
    """Geometries of a layer: features in their order, with GDAL's numbers."""

    geometries: NDArray[np.object_]
    fids: NDArray[np.int64]
    problems: dict[int, str]
    crs: str | None
    flattened: int


def _plain_path(path: Path) -> str:
    """Return a path that GDAL cannot take for an address or a virtual file."""
    return str(path.resolve())


def _unreadable(source: LayerSource) -> CorruptError:
    return CorruptError(
        "文件内容已损坏，无法读取",
        file=source.file,
        layer=source.layer,
        hint="请重新导出或上传",
    )


def _one_layer(source: LayerSource) -> str:
    """Return the name of the layer to read."""
    import pyogrio

    found = pyogrio.list_layers(_plain_path(source.path))
    names = [str(name) for name, kind in found if kind is not None]
    if source.layer is not None:
        if source.layer not in names:
            raise LayerMissingError(
                f"没有图层“{source.layer}”",
                file=source.file,
                hint="里面有：" + "、".join(names),
            )
        return source.layer
    if not names:
        raise NoFeaturesError("文件里没有图形图层", file=source.file)
    if len(names) > 1:
        raise AmbiguousLayerError(
            f"文件里有 {len(names)} 个图层：" + "、".join(names),
            file=source.file,
            hint="请在 study.toml 用 layer 写明用哪一个",
        )
    return names[0]


@contextmanager
def _gdal(source: LayerSource) -> Iterator[None]:
    """Turn what GDAL says about a damaged file into an error of ours.

    Its warnings are about what is looked at here anyway (measures, rings, versions).
    """
    prepare_gdal()
    import pyarrow
    import pyogrio

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pyogrio.errors.GeometryError,
        pyogrio.errors.FeatureError,
        pyogrio.errors.FieldError,
        pyogrio.errors.CRSError,
        pyarrow.ArrowException,
        RuntimeError,
        ValueError,
        OSError,
    ) as error:
        raise _unreadable(source) from error


def _read_layer(
    source: LayerSource, *, name: str | None = None, encoding: str | None = None
) -> _Layer:
    """Read the geometries of a layer through GDAL, which makes curves straight."""
    with _gdal(source):
        import pyogrio

        meta, fids, wkb, _ = pyogrio.raw.read(
            _plain_path(source.path),
            layer=name,
            columns=[],
            return_fids=True,
            encoding=encoding,
        )
    return _shapes_of(
        wkb,
        crs=meta["crs"],
        fids=np.asarray(fids),
        measured=bool(re.search("Measured|M$", str(meta["geometry_type"]))),
    )


def _shapes_of(
    wkb: NDArray[np.object_],
    *,
    crs: str | None,
    fids: NDArray[np.int64] | None = None,
    measured: bool = False,
) -> _Layer:
    shapes = shapely.from_wkb(wkb, on_invalid="ignore")
    broken = {
        row: "bad_ring"
        for row, (given, shape) in enumerate(zip(wkb, shapes, strict=True), start=1)
        if given is not None and shape is None
    }
    flat, problems, flattened = _flat(shapes)
    if measured:
        flattened = flattened or len(flat)
    numbers = np.arange(len(flat)) if fids is None else fids
    return _Layer(flat, numbers, problems | broken, crs, flattened)


def _flat(
    shapes: NDArray[np.object_],
) -> tuple[NDArray[np.object_], dict[int, str], int]:
    """Return geometries in two dimensions, empty ones as None, and how many changed."""
    deep = int(np.count_nonzero(shapely.has_z(shapes) | shapely.has_m(shapes)))
    flat = np.array(shapely.force_2d(shapes) if deep else shapes, dtype=object)
    problems: dict[int, str] = {}
    empty = shapely.is_missing(flat) | shapely.is_empty(flat)
    drop_geometries(flat, np.flatnonzero(empty), "no_geometry", problems)
    return flat, problems, deep


READERS: Final[dict[FileKind, Callable[[LayerSource], Features]]] = {
    FileKind.GEOJSON: _read_json,
    FileKind.SHAPEFILE: _read_shapefile,
    FileKind.GPKG: _read_ogr,
    FileKind.FLATGEOBUF: _read_ogr,
    FileKind.KML: _read_kml,
    FileKind.GPX: _read_kml,
    FileKind.PARQUET: _read_parquet,
}
