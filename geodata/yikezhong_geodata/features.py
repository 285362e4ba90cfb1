"""Readers of vector files, one for each kind, all to :class:`~.geojson.Features`."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import (
    AmbiguousLayerError,
    CorruptError,
    LayerMissingError,
    NoFeaturesError,
)
from yikezhong_geodata.geojson import Features, read_geojson
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
    """Read GeoPackage, FlatGeobuf, KML or GPX."""
    prepare_gdal()
    import pyogrio

    name = _one_layer(source)
    layer = _read_layer(source, name=name)
    try:
        meta, table = pyogrio.read_arrow(_plain_path(source.path), layer=name)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise _unreadable(source) from error
    place = meta["geometry_name"] or "wkb_geometry"
    shapes = table.column(place).to_pylist()
    columns = {
        column: [_plain_value(v) for v in table.column(column).to_pylist()]
        for column in table.column_names
        if column != place
    }
    if layer.geometries.size == 0:
        raise NoFeaturesError(
            "没有要素", file=source.file, layer=name, hint="请检查导出的范围和图层"
        )
    flattened = max(layer.flattened, _unusual(shapes))
    return Features(columns, layer.geometries, layer.problems, layer.crs, flattened)


def _unusual(wkb: list[bytes | None]) -> int:
    """Return how many geometries are curves, or have a height or a measure.

    Type numbers of ISO 13249-3 (1000 is z, 2000 m, 3000 both); 8 to 14 are curved.
    """
    count = 0
    for one in wkb:
        if one is not None:
            number = int.from_bytes(one[1:5], "little" if one[0] else "big")
            count += number > 7
    return count


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

    try:
        frame = geopandas.read_parquet(source.path)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowException, OSError, ValueError) as error:
        raise _unreadable(source) from error
    if frame.empty:
        raise NoFeaturesError("没有要素", file=source.file)
    shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
    columns = {
        str(c): [_plain_value(v) for v in frame[c].astype(object).tolist()]
        for c in frame.columns
        if c != frame.geometry.name
    }
    crs = None if frame.crs is None else frame.crs.to_wkt()
    flat, problems, flattened = _flat(shapes)
    return Features(columns, flat, problems, crs, flattened)


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

    try:
        found = pyogrio.list_layers(_plain_path(source.path))
    except pyogrio.errors.DataSourceError as error:
        raise _unreadable(source) from error
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


def _read_layer(
    source: LayerSource, *, name: str | None = None, encoding: str | None = None
) -> _Layer:
    """Read the geometries of a layer through GDAL."""
    prepare_gdal()
    import pyogrio

    try:
        with warnings.catch_warnings():
            # measured geometries: counted from the geometry type instead
            warnings.filterwarnings("ignore", category=UserWarning)
            warnings.filterwarnings("ignore", category=RuntimeWarning)
            meta, fids, wkb, _ = pyogrio.raw.read(
                _plain_path(source.path),
                layer=name,
                columns=[],
                return_fids=True,
                encoding=encoding,
            )
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pyogrio.errors.GeometryError,
        pyogrio.errors.FeatureError,
    ) as error:
        raise _unreadable(source) from error
    shapes = shapely.from_wkb(wkb, on_invalid="ignore")
    broken = {
        row: "bad_ring"
        for row, (bytes_, shape) in enumerate(zip(wkb, shapes, strict=True), start=1)
        if bytes_ is not None and shape is None
    }
    flat, problems, flattened = _flat(shapes)
    declared = str(meta["geometry_type"])
    if flattened == 0 and any(word in declared for word in _CURVED):
        flattened = len(flat)
    return _Layer(
        flat,
        np.asarray(fids),
        problems | broken,
        meta["crs"],
        flattened,
    )


_CURVED: Final = ("Measured", " M", "ZM", "Curve", "Surface", "Circular", "Compound")


def _flat(
    shapes: NDArray[np.object_],
) -> tuple[NDArray[np.object_], dict[int, str], int]:
    """Return geometries in two dimensions, empty ones as None, and how many changed."""
    deep = int(np.count_nonzero(shapely.has_z(shapes) | shapely.has_m(shapes)))
    flat = np.array(shapely.force_2d(shapes), dtype=object)
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
