"""Boundaries: from files of any level to one checked table of divisions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely

from yikezhong_geodata.areas import GeometryArray, area_m2, inner_points
from yikezhong_geodata.boundary_checks import check_boundaries
from yikezhong_geodata.codes import check_codes, kind_of, level_of
from yikezhong_geodata.columns import CRS, DIVISION_COLUMNS, GROUPS, LEVELS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.division_tree import add_parents
from yikezhong_geodata.file_errors import (
    AxisOrderError,
    BadCodeError,
    ColumnMappingError,
    DuplicateKeyError,
    GeometryTypeError,
    NoFeaturesError,
)
from yikezhong_geodata.headers import plain_header
from yikezhong_geodata.numbers import clean_text
from yikezhong_geodata.points import POINT_PROBLEMS
from yikezhong_geodata.polygon_repair import repair_polygons
from yikezhong_geodata.sources import (
    Source,
    basis_of,
    none_for_missing,
    open_source,
    read_counts,
)
from yikezhong_geodata.spec import BoundarySpec
from yikezhong_geodata.vectors import text_column
from yikezhong_geodata.vocabulary import normal

LABEL: Final = "boundaries"
_POLYGONS: Final = (3, 6)  # shapely type ids: Polygon, MultiPolygon
_LEVEL_WORDS: Final = {
    "province": ("province", "省", "省级", "1"),
    "prefecture": ("prefecture", "市", "市州", "地市", "地级", "市级", "2"),
    "county": ("county", "县", "区", "县区", "县市区", "县级", "区县", "3"),
    "township": ("township", "乡镇", "乡镇街道", "镇街", "乡级", "街道", "4"),
    "community": ("community", "社区", "村", "社区/村", "村级", "村居", "5"),
}
#: Headers of the names of upper divisions, beside a division's own.
_UPPER_NAMES: Final = {
    "township": (
        "乡镇",
        "街道",
        "乡镇街道",
        "镇街",
        "乡镇名称",
        "街道名称",
        "乡镇街道名称",
        "townshipname",
    ),
    "county": (
        "县",
        "县区",
        "区县",
        "县市区",
        "县名称",
        "区县名称",
        "县区名称",
        "countyname",
    ),
    "prefecture": ("市", "市州", "地市", "市名称", "市州名称", "prefecturename"),
    "province": ("省", "省份", "省名称", "provincename"),
}


def load_boundaries(
    specs: Sequence[BoundarySpec],
    *,
    folder: Path,
    code_system: str,
    report: DataReport,
    accept_repairs: bool = False,
) -> Any:
    """Read all boundary files of a study into one table of divisions.

    Parameters
    ----------
    specs : sequence of BoundarySpec
        Files of any level, in any order.
    folder : Path
        The study folder.
    code_system : str
        ``cn12`` or ``free``.
    report : DataReport
        Takes repairs, overlaps, gaps, doubtful nesting, and the account of the rows.
    accept_repairs : bool
        Whether a repair that changes an area by more than 1 % is accepted.

    Returns
    -------
    GeoDataFrame
        Columns of :data:`~yikezhong_geodata.columns.DIVISION_COLUMNS` and ``file``,
        ``row`` (missing where dissolved from lower divisions), sorted from the top
        level down and by code. Counts are as declared in the files, ``nan`` where
        unknown; ``geometry`` is None where the file has none.

    Raises
    ------
    DuplicateKeyError
        If a code stands twice.
    GeometryTypeError
        If a layer has points or lines.
    AxisOrderError
        If longitude and latitude are swapped.
    """
    import geopandas

    parts = []
    for number, spec in enumerate(specs, start=1):
        part = _load_file(
            spec,
            folder=folder,
            code_system=code_system,
            report=report,
            accept_repairs=accept_repairs,
            number=number,
        )
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    _refuse_duplicates(table)
    table = add_parents(table, code_system=code_system, report=report)
    geometries = _geometries(table)
    table["area_m2"] = area_m2(geometries)
    table["lon"], table["lat"] = inner_points(geometries)
    check_boundaries(table, report=report)
    for file in dict.fromkeys(part["file"].iloc[0] for part in parts):
        read = sum(p.attrs["read"] for p in parts if p["file"].iloc[0] == file)
        report.close_layer(LABEL, file, read=read)
    table["row"] = pd.array(table["row"].tolist(), dtype="Int64")
    columns = [*DIVISION_COLUMNS[:-1], "file", "row"]
    return geopandas.GeoDataFrame(
        none_for_missing(table[columns]),
        geometry=geopandas.GeoSeries(geometries, crs=CRS),
        crs=CRS,
    )


def _geometries(table: pd.DataFrame) -> GeometryArray:
    return np.array([*table["geometry"].tolist(), None], dtype=object)[:-1]


def _load_file(
    spec: BoundarySpec,
    *,
    folder: Path,
    code_system: str,
    report: DataReport,
    accept_repairs: bool,
    number: int,
) -> pd.DataFrame:
    source = open_source(
        spec, folder=folder, report=report, label=LABEL, kind="boundary"
    )
    if source.geometry is None:
        raise GeometryTypeError(
            "行政区划图层应为面，而这是没有图形的表格",
            file=source.file,
            hint="请提供含面的 GeoPackage、GeoJSON 或 shapefile",
        )
    if len(source) == 0:
        raise NoFeaturesError("没有要素", file=source.file)
    codes = _codes(
        source, spec=spec, code_system=code_system, report=report, number=number
    )
    geometry = _check_geometry(source, codes, report=report)
    geometry = repair_polygons(
        geometry,
        report=report,
        label=LABEL,
        file=source.file,
        rows=source.rows,
        ids=codes,
        accept_repairs=accept_repairs,
    )
    table = _attributes(
        source, codes, spec=spec, code_system=code_system, report=report
    )
    table["geometry"] = list(geometry)
    usable = table["code"].notna()
    result = table[usable].reset_index(drop=True)
    if result.empty:
        raise BadCodeError(
            "没有一行有可用的区划代码",
            file=source.file,
            column=source.columns.get("code"),
            hint='请检查代码列，或在 study.toml 写 code_system = "free"',
        )
    result.attrs["read"] = len(source)
    return result


def _attributes(
    source: Source,
    codes: list[str | None],
    *,
    spec: BoundarySpec,
    code_system: str,
    report: DataReport,
) -> pd.DataFrame:
    """Return all columns of the divisions of a file but the geometry."""
    table = pd.DataFrame({"code": codes, "name": source.texts("name")}, dtype=object)
    table["name"] = table["name"].where(table["name"].notna(), table["code"])
    table["level"] = _levels(source, codes, spec=spec, code_system=code_system)
    table["kind"] = [
        kind_of(code) if code_system == "cn12" and code else None for code in codes
    ]
    table["declared_parent"] = source.texts("parent")
    for level, names in _names_above(source).items():
        table[f"name_{level}"] = names
    for group in GROUPS:
        counts = read_counts(source, group, report=report, label=LABEL, ids=codes)
        table[group] = np.nan if counts is None else counts
    table["unknown_units"] = 0
    table["estimated"] = ""
    table["population_method"] = None
    basis = basis_of(spec.basis) or basis_of(source.columns.get("people"), header=True)
    table["population_basis"] = [basis_of(v) or basis for v in source.texts("basis")]
    table["population_year"] = [_year(v, spec.year) for v in source.texts("year")]
    table["file"] = source.file
    table["row"] = source.rows
    return table


def _names_above(source: Source) -> dict[str, list[str | None]]:
    """Return the names of upper divisions that the file gives beside its own."""
    found = {}
    for level, words in _UPPER_NAMES.items():
        for header in source.frame.columns:
            if plain_header(str(header)) in words and header != source.columns.get(
                "name"
            ):
                column = text_column(source.frame[header], file=source.file)
                found[level] = [clean_text(value) for value in column]
    return found


def _year(text: str | None, default: int | None) -> int | None:
    digits = (text or "").removesuffix("年").strip()
    return int(digits) if digits.isdigit() and len(digits) == 4 else default


def _codes(
    source: Source,
    *,
    spec: BoundarySpec,
    code_system: str,
    report: DataReport,
    number: int,
) -> list[str | None]:
    if "code" not in source.columns:
        if code_system == "cn12":
            raise ColumnMappingError(
                "找不到区划代码列",
                file=source.file,
                hint='请用 columns = {code = "…"} 指明，或在 [study] 写 code_system = "free"',
            )
        report.add(
            LABEL,
            source.file,
            None,
            None,
            "code_generated",
            value=len(source),
            message="没有代码列：按行号生成代码，换文件后代码会变",
        )
        prefix = (spec.level or "division")[0].upper()
        return [f"{prefix}{number}-{row:05d}" for row in source.rows]
    checked = check_codes(source.texts("code"), code_system=code_system)
    texts = source.texts("code")
    for index, problem in enumerate(checked.problem):
        if problem is None:
            continue
        code = checked.code[index]
        report.add(
            LABEL,
            source.file,
            int(source.rows[index]),
            code,
            problem,
            "repaired" if code else "set_aside",
            value=texts[index],
            message="代码已整理为标准写法" if code else "没有可用的区划代码，不能使用",
        )
    return list(checked.code)


def _levels(
    source: Source, codes: list[str | None], *, spec: BoundarySpec, code_system: str
) -> list[str | None]:
    if code_system == "cn12":
        levels = [level_of(code) if code else None for code in codes]
        for index, level in enumerate(levels):
            if spec.level and level and level != spec.level:
                raise BadCodeError(
                    f'代码 {codes[index]} 不是 level = "{spec.level}" 的代码',
                    file=source.file,
                    row=int(source.rows[index]),
                    column=source.columns.get("code"),
                    hint="请改正代码，或去掉 level",
                )
        return levels
    words = {
        normal(word): level for level, all_ in _LEVEL_WORDS.items() for word in all_
    }
    levels = [
        words.get(normal(text)) if text else None for text in source.texts("level")
    ]
    levels = [level or spec.level for level in levels]
    for index, level in enumerate(levels):
        if level is None:
            raise ColumnMappingError(
                "不知道是哪一级区划",
                file=source.file,
                row=int(source.rows[index]),
                hint=f"请在 [[boundaries]] 写 level，可用：{'、'.join(LEVELS)}",
            )
    return levels


def _check_geometry(
    source: Source, codes: list[str | None], *, report: DataReport
) -> GeometryArray:
    """Return polygons or None; refuse other types, report what is missing."""
    if source.geometry is None:  # pragma: no cover - the caller has refused tables
        raise GeometryTypeError("没有图形", file=source.file)
    geometry = source.geometry.copy()
    empty = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    types = shapely.get_type_id(geometry)
    wrong = np.flatnonzero(~empty & ~np.isin(types, _POLYGONS))
    if len(wrong):
        name = geometry[wrong[0]].geom_type
        raise GeometryTypeError(
            f"行政区划图层应为面，这一行是 {name}（共 {len(wrong)} 行）",
            file=source.file,
            row=int(source.rows[wrong[0]]),
            hint="请换用面图层；点或线不能作为边界",
        )
    _check_axes(geometry[~empty], source)
    for index in np.flatnonzero(empty).tolist():
        row = int(source.rows[index])
        problem = source.problems.get(row, "no_geometry")
        report.add(
            LABEL,
            source.file,
            row,
            codes[index],
            problem,
            "set_aside",
            message=f"{POINT_PROBLEMS.get(problem, problem)}："
            "保留在名录中，不计算覆盖率",
        )
    geometry[empty] = None
    return geometry


def _check_axes(geometry: GeometryArray, source: Source) -> None:
    """Refuse polygons whose longitude and latitude are swapped."""
    if len(geometry) == 0:
        return
    west, south, east, north = shapely.total_bounds(geometry)
    swapped = north > 90 or south < -90
    in_china = west >= 3 and east <= 54 and south >= 73 and north <= 136
    if swapped or in_china:
        raise AxisOrderError(
            f"经纬度写反：经度 {west:.3f}~{east:.3f}，纬度 {south:.3f}~{north:.3f}",
            file=source.file,
            hint="请把经度放在前、纬度放在后，重新导出",
        )


def _refuse_duplicates(table: pd.DataFrame) -> None:
    double = table["code"].duplicated(keep="first")
    if not double.any():
        return
    second = table[double].iloc[0]
    first = table[table["code"] == second["code"]].iloc[0]
    raise DuplicateKeyError(
        f"代码 {second['code']} 重复：{first['file']} 第 {first['row']} 行“{first['name']}”，"
        f"{second['file']} 第 {second['row']} 行“{second['name']}”",
        file=second["file"],
        row=int(second["row"]),
        hint="请删去或改正其中一行",
    )
