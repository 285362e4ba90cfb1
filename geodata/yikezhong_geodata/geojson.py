"""Read GeoJSON by its own rules (RFC 7946), strictly.

GDAL is not asked: it guesses at types, takes NaN, and follows ``crs`` links.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from yikezhong_geodata.file_errors import (
    BadJsonError,
    CrsUnknownError,
    NoFeaturesError,
    TooLargeError,
    TruncatedError,
    UnsafeInputError,
)
from yikezhong_geodata.opening import DEFAULT_LIMITS, MIB, Limits

Json = Any


@dataclass(frozen=True, eq=False)
class Features:
    """The features of a layer as they were read, still in their own reference system.

    Parameters
    ----------
    attributes : dict of str to list
        Columns in the order of first appearance; a feature without one has None.
    geometries : ndarray of shapely geometry or None, shape (n,)
    problems : dict of int to str
        Row (from 1) → why its geometry is None: ``no_geometry``, ``bad_ring``,
        ``bad_coordinate``, ``bad_geometry``.
    crs : str or None
        The reference system that the file states.
    flattened : int
        How many geometries had more than two dimensions.
    """

    attributes: dict[str, list[Any]]
    geometries: NDArray[np.object_]
    problems: dict[int, str]
    crs: str | None
    flattened: int


def read_geojson(path: Path, *, file: str, limits: Limits = DEFAULT_LIMITS) -> Features:
    """Return the features of a GeoJSON file.

    Raises
    ------
    BadJsonError
        If it is no JSON (NaN, Infinity and 1e400 are none) or no GeoJSON; with the
        line and column.
    TruncatedError
        If it stops before its end.
    NoFeaturesError
        If it has no feature.
    UnsafeInputError, CrsUnknownError
        If its ``crs`` is a link, or not understood.
    """
    if path.stat().st_size > limits.json_bytes:
        raise TooLargeError(
            f"GeoJSON 超过上限 {limits.json_bytes / MIB:.0f} MiB",
            file=file,
            hint="请转为 GeoPackage",
        )
    document = _load(path.read_bytes(), file=file)
    features = _features(document, file=file)
    if not features:
        raise NoFeaturesError("没有要素", file=file, hint="请检查导出的范围和图层")
    n_feature = len(features)
    columns: dict[str, list[Any]] = {}
    geometries = np.full(n_feature, None, dtype=object)
    problems: dict[int, str] = {}
    flattened = 0
    for index, feature in enumerate(features):
        properties = feature.get("properties") or {}
        for key, value in properties.items():
            column = columns.get(key)
            if column is None:
                column = columns[key] = [None] * n_feature
            column[index] = _plain(value)
        geometry, problem, deep = build_geometry(feature.get("geometry"))
        geometries[index] = geometry
        flattened += deep
        if problem:
            problems[index + 1] = problem
    return Features(columns, geometries, problems, _crs(document, file=file), flattened)


def _plain(value: Json) -> Json:
    """Return lists and objects as their JSON text."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return value


def _load(raw: bytes, *, file: str) -> dict[str, Json]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raw = raw.decode("utf-16", errors="replace").encode()
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        where = f"第 {error.lineno} 行第 {error.colno} 个字符"
        if "end of data" in error.msg or error.pos >= len(raw.rstrip()):
            raise TruncatedError(
                f"GeoJSON 在{where}处中断", file=file, hint="请重新导出或上传"
            ) from error
        encoded = "编码不是 UTF-8，" if "utf-8" in error.msg.lower() else ""
        raise BadJsonError(
            f"不是合法的 JSON：{encoded}{where}（{error.msg.split(':')[0]}）",
            file=file,
            hint="JSON 里不能有 NaN、Infinity 或过深的嵌套",
        ) from error
    if not isinstance(document, dict):
        raise BadJsonError("不是 GeoJSON：最外层应是对象", file=file)
    return document


def _features(document: dict[str, Json], *, file: str) -> list[dict[str, Json]]:
    kind = document.get("type")
    if kind == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list):
            raise BadJsonError("FeatureCollection 没有 features 列表", file=file)
    elif kind == "Feature":
        features = [document]
    elif kind in _BUILDERS or kind == "GeometryCollection":
        features = [{"properties": {}, "geometry": document}]
    else:
        raise BadJsonError(f"不是 GeoJSON：type 是“{str(kind)[:40]}”", file=file)
    for row, feature in enumerate(features, start=1):
        properties = feature.get("properties") if isinstance(feature, dict) else 0
        if not isinstance(properties, dict | None):
            raise BadJsonError(
                "要素不是对象，或 properties 不是对象", file=file, row=row
            )
    return features


def _crs(document: dict[str, Json], *, file: str) -> str | None:
    """Return the stated system (GeoJSON 2008), CRS84 where there is none (RFC 7946)."""
    crs = document.get("crs")
    if crs is None:
        return "OGC:CRS84"
    kind = crs.get("type") if isinstance(crs, dict) else None
    if kind == "link":
        raise UnsafeInputError(
            "坐标系是指向外部文件的链接，没有打开",
            file=file,
            hint="请删去 crs，或改为 EPSG 编号",
        )
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if kind == "EPSG" and isinstance(properties, dict):
        name = f"EPSG:{properties.get('code')}"
    if not isinstance(name, str):
        raise CrsUnknownError("crs 没有名称", file=file, hint="请写 EPSG 编号")
    return name


def build_geometry(value: Json) -> tuple[shapely.Geometry | None, str | None, bool]:
    """Return a geometry, why there is none, and whether it had a third dimension.

    Examples
    --------
    >>> build_geometry({"type": "Point", "coordinates": [1, 2, 3]})
    (<POINT (1 2)>, None, True)
    >>> build_geometry({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]})
    (None, 'bad_ring', False)
    >>> build_geometry(None)
    (None, 'no_geometry', False)
    """
    if value is None:
        return None, "no_geometry", False
    if not isinstance(value, dict):
        return None, "bad_geometry", False
    if value.get("type") == "GeometryCollection":
        parts = [build_geometry(part) for part in value.get("geometries") or []]
        problem = next((p for _, p, _ in parts if p), None if parts else "no_geometry")
        made = None if problem else shapely.GeometryCollection([g for g, _, _ in parts])
        return made, problem, any(deep for _, _, deep in parts)
    build = _BUILDERS.get(str(value.get("type")))
    coordinates = value.get("coordinates")
    if build is None or not isinstance(coordinates, list):
        return None, "bad_geometry", False
    if not coordinates:
        return None, "no_geometry", False
    deep = [False]
    try:
        return build(coordinates, deep), None, deep[0]
    except _RingError:
        return None, "bad_ring", deep[0]
    except _CoordinateError:
        return None, "bad_coordinate", deep[0]


class _RingError(ValueError):
    """A ring has fewer than four positions or is not closed."""


class _CoordinateError(ValueError):
    """A position is not two or more numbers."""


def _positions(value: Json, deep: list[bool]) -> NDArray[np.float64]:
    """Return positions as an (n, 2) array."""
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = _ragged_positions(value)
        deep[0] = True
    if array.ndim != 2 or array.shape[1] < 2 or not np.isfinite(array[:, :2]).all():
        raise _CoordinateError
    if array.shape[1] > 2:
        deep[0] = True
    return array[:, :2]


def _ragged_positions(value: Json) -> NDArray[np.float64]:
    """Read positions of which some have a height and some have none."""
    try:
        return np.array([[float(p[0]), float(p[1])] for p in value])
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise _CoordinateError from error


def _ring(value: Json, deep: list[bool]) -> NDArray[np.float64]:
    ring = _positions(value, deep)
    if len(ring) < 4 or (ring[0] != ring[-1]).any():
        raise _RingError
    return ring


def _point(value: Json, deep: list[bool]) -> shapely.Geometry:
    return shapely.Point(_positions([value], deep)[0])


def _line(value: Json, deep: list[bool]) -> shapely.Geometry:
    line = _positions(value, deep)
    if len(line) < 2:
        raise _CoordinateError
    return shapely.LineString(line)


def _polygon(value: Json, deep: list[bool]) -> shapely.Geometry:
    rings = [_ring(ring, deep) for ring in _parts(value)]
    return shapely.Polygon(rings[0], rings[1:])


def _parts(value: Json) -> Sequence[Json]:
    if not isinstance(value, list) or not value:
        raise _CoordinateError
    return value


_BUILDERS: Final[dict[str, Callable[[Json, list[bool]], shapely.Geometry]]] = {
    "Point": _point,
    "LineString": _line,
    "Polygon": _polygon,
    "MultiPoint": lambda v, d: shapely.MultiPoint(_positions(v, d)),
    "MultiLineString": lambda v, d: shapely.MultiLineString(
        [_line(p, d) for p in _parts(v)]
    ),
    "MultiPolygon": lambda v, d: shapely.MultiPolygon(
        [_polygon(p, d) for p in _parts(v)]
    ),
}
