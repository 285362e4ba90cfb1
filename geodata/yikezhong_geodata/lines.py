"""Roads out of a line layer: rows become ways that meet where they share a vertex."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import (
    ColumnMappingError,
    GeometryTypeError,
    NoFeaturesError,
)
from yikezhong_geodata.network import Stated
from yikezhong_geodata.profiles import load_rules
from yikezhong_geodata.spec import RoadSpec
from yikezhong_geodata.ways import BoolArray, FloatArray, IntArray, Ways

if TYPE_CHECKING:
    import geopandas as gpd

LAYER = "roads"
#: Class of a line that states none: the table's speed for unknown classes.
NO_CLASS = "road"
#: Vertices are one place when they agree after rounding to 1e-7 degrees (at most
#: 1.1 cm), the precision OSM itself stores. Nothing farther apart is ever joined.
PLACES_PER_DEGREE = 1e7
#: Other headers of the same thing (Geofabrik's shapefiles).
_ALIASES = {"highway": ("fclass",), "id": ("osmid", "osm_id", "full_id")}
#: Geofabrik's shapefiles write one-way streets as F (along), T (against), B (both).
_GEOFABRIK_ONEWAY = {"F": "yes", "T": "-1", "B": "no"}


def read_lines(
    path: Path, spec: RoadSpec, *, report: DataReport
) -> tuple[Ways, Stated | None]:
    """Read a line layer as ways.

    Multi-part lines are taken apart. Rows without a usable line are set aside. A
    layer or row without a road class is walkable and drivable, as ``highway=road``.

    Parameters
    ----------
    path : Path
    spec : RoadSpec
    report : DataReport

    Returns
    -------
    Ways
        Named by the ``id`` column where there is one and it is unique, else by row.
    Stated or None
        Lengths and times the layer states, where the study asks for them.

    Raises
    ------
    GeometryTypeError
        If the layer holds no lines.
    NoFeaturesError
        If no row is left.
    ColumnMappingError
        If a column named in the study is not there.
    """
    from yikezhong_geodata.vectors import read_vector

    table = read_vector(
        path,
        report=report,
        label=LAYER,
        layer=spec.layer,
        crs=spec.crs,
        encoding=spec.encoding,
        datum=spec.datum,
    )
    read = len(table.frame)
    ways, stated = ways_of_frame(table.frame, spec, report=report)
    report.close_layer(LAYER, path.name, read=read)
    return ways, stated


def ways_of_frame(
    frame: gpd.GeoDataFrame, spec: RoadSpec, *, report: DataReport
) -> tuple[Ways, Stated | None]:
    """Turn lines in EPSG:4326, indexed by their source row, into ways."""
    file = Path(spec.file).name
    headers = _headers(frame, spec)
    names = _names(frame, headers.get("id"), file, report)
    good = _usable_rows(frame, names, file, report)
    if not good.any():
        raise NoFeaturesError("图层中没有可用的道路线", file=file, layer=spec.layer)
    frame, names = frame[good], names[good]
    parts, row = shapely.get_parts(frame.geometry.to_numpy(), return_index=True)
    long_enough = shapely.length(parts) > 0
    parts, row = parts[long_enough], row[long_enough]
    lonlat, way = shapely.get_coordinates(parts, return_index=True)
    units = np.rint(lonlat * PLACES_PER_DEGREE).astype(np.int64)
    start = np.zeros(len(parts) + 1, dtype=np.int64)
    np.cumsum(np.bincount(way, minlength=len(parts)), out=start[1:])
    keys = load_rules().keys
    tags = _tags(frame, headers, keys, file, report)
    ways = Ways(
        name=_part_names(names, row),
        key=keys,
        tags=[tags[r] for r in row.tolist()],
        start=start,
        node=place_names(units),
        lon=units[:, 0] / PLACES_PER_DEGREE,
        lat=units[:, 1] / PLACES_PER_DEGREE,
    )
    return ways, _stated(frame, spec, row)


def place_names(units: IntArray) -> IntArray:
    """Return one number for each place given in 1e-7 degrees (lon, lat).

    Examples
    --------
    >>> place_names(np.array([[-1800000000, -900000000], [-1800000000, -899999999]]))
    array([0, 1])
    """
    n_lat = 1_800_000_001
    named: IntArray = (units[:, 0] + 1_800_000_000) * n_lat + units[:, 1] + 900_000_000
    return named


def _headers(frame: gpd.GeoDataFrame, spec: RoadSpec) -> dict[str, str]:
    """Return standard tag -> header of the layer."""
    file = Path(spec.file).name
    folded = {str(c).casefold(): str(c) for c in frame.columns if c != "geometry"}
    found = {}
    for key in (*load_rules().keys, "id"):
        for header in (key, *_ALIASES.get(key, ())):
            if header in folded:
                found[key] = folded[header]
                break
    wanted = dict(spec.columns)
    wanted |= {
        f"{kind}_column": column
        for kind, column in (("length", spec.length_column), ("time", spec.time_column))
        if column is not None
    }
    for key, header in wanted.items():
        if header not in frame.columns:
            raise ColumnMappingError(
                "路网图层中没有这一列",
                file=file,
                layer=spec.layer,
                column=header,
                hint=f"请检查 study.toml 中 [roads] 的 {key}",
            )
        found[key] = header
    return found


def _names(
    frame: gpd.GeoDataFrame, header: str | None, file: str, report: DataReport
) -> pd.Series[str]:
    by_row = pd.Series(
        [f"{row:07d}" for row in frame.index], index=frame.index, dtype=object
    )
    if header is None:
        return by_row
    stated = frame[header].map(_text)
    if stated.isna().any() or stated.duplicated().any():
        report.add(
            LAYER,
            file,
            None,
            None,
            "id_not_unique",
            "noted",
            header,
            f"列“{header}”有空值或重复值，道路改用行号命名",
        )
        return by_row
    named: pd.Series[str] = stated.astype(object)
    return named


def _usable_rows(
    frame: gpd.GeoDataFrame, names: pd.Series[str], file: str, report: DataReport
) -> BoolArray:
    """Return the rows with a line; the others are set aside, each with its reason."""
    shapes = frame.geometry.to_numpy()
    kind = shapely.get_type_id(shapes)
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    line = np.isin(kind, (1, 2, 5))
    if not line[~empty].any() and (~empty).any():
        raise GeometryTypeError(
            "路网图层应为线，实际不是", file=file, hint="请选择道路中心线图层"
        )
    lonlat, of_row = shapely.get_coordinates(shapes, return_index=True)
    outside = ~(np.abs(lonlat) <= (180.0, 90.0)).all(axis=1)
    broken = np.bincount(of_row, weights=outside, minlength=len(shapes)) > 0
    flat = shapely.length(shapes) == 0
    reasons = (
        (empty, "no_geometry", "没有线形"),
        (~line, "geometry_type", "不是线"),
        (broken, "bad_coordinate", "坐标不是有效的经纬度"),
        (flat, "zero_length", "线的长度为零"),
    )
    good = np.ones(len(shapes), dtype=np.bool_)
    for wrong, problem, message in reasons:
        for at in np.flatnonzero(wrong & good):
            report.add(
                LAYER,
                file,
                frame.index[at],
                names.iloc[at],
                problem,
                "set_aside",
                None,
                message,
            )
        good &= ~wrong
    return good


def _part_names(names: pd.Series[str], row: IntArray) -> list[str]:
    several = np.bincount(row, minlength=len(names)) > 1
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    text = names.tolist()
    return [
        f"{text[r]}.{k + 1:03d}" if several[r] else text[r]
        for r, k in zip(row.tolist(), rank.tolist(), strict=True)
    ]


def _tags(
    frame: gpd.GeoDataFrame,
    headers: Mapping[str, str],
    keys: tuple[str, ...],
    file: str,
    report: DataReport,
) -> list[tuple[str | None, ...]]:
    none: list[str | None] = [None] * len(frame)
    columns: dict[str, list[str | None]] = {
        key: [_text(v) for v in frame[headers[key]]] if key in headers else none
        for key in keys
    }
    unclassed = sum(value is None for value in columns["highway"])
    if unclassed:
        speed = load_rules().speed_kmh[NO_CLASS]
        report.add(
            LAYER,
            file,
            None,
            None,
            "no_road_class",
            "noted",
            unclassed,
            f"{unclassed} 条道路没有等级，按可步行、可行车、{speed:g} 公里/小时处理",
        )
    columns["highway"] = [value or NO_CLASS for value in columns["highway"]]
    if {*columns["oneway"]} <= {"F", "T", "B", None} and "B" in columns["oneway"]:
        columns["oneway"] = [
            None if v is None else _GEOFABRIK_ONEWAY[v] for v in columns["oneway"]
        ]
    columns["maxspeed"] = [None if v == "0" else v for v in columns["maxspeed"]]
    return list(zip(*(columns[key] for key in keys), strict=True))


def _text(value: Any) -> str | None:
    """Return a cell as tag text: 50.0 is "50", true is "yes", empty is None."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if value is None or pd.isna(value):
        return None
    if isinstance(value, float | np.floating):
        return f"{float(value):.15g}"
    return str(value).strip() or None


def _stated(frame: gpd.GeoDataFrame, spec: RoadSpec, row: IntArray) -> Stated | None:
    if spec.length_column is None and spec.time_column is None:
        return None

    def numbers(column: str | None) -> FloatArray | None:
        if column is None:
            return None
        values: FloatArray = np.asarray(
            pd.to_numeric(frame[column], errors="coerce"), dtype=np.float64
        )
        return values

    return Stated(
        file=Path(spec.file).name,
        line=row,
        row=frame.index.to_numpy(np.int64),
        length_m=numbers(spec.length_column),
        forward_s=numbers(spec.time_column),
    )
