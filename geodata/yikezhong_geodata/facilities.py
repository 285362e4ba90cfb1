"""Facilities: from lists and layers to one checked table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely

from yikezhong_geodata.attributes import (
    attribute_columns,
    check_served,
    facility_attributes,
)
from yikezhong_geodata.columns import CAPACITY_COLUMNS, CRS, FACILITY_COLUMNS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.facility_places import (
    check_doubles,
    place_facilities,
    refuse_double_ids,
)
from yikezhong_geodata.facility_status import parse_date, parse_status, status_as_of
from yikezhong_geodata.points import read_points
from yikezhong_geodata.sources import (
    Source,
    none_for_missing,
    open_source,
    read_counts,
)
from yikezhong_geodata.spec import FacilitySpec
from yikezhong_geodata.toml_keys import StudySpecError
from yikezhong_geodata.vocabulary import load_vocabulary

LABEL: Final = "facilities"


def load_facilities(
    specs: Sequence[FacilitySpec],
    *,
    folder: Path,
    divisions: Any,
    as_of: dt.date,
    report: DataReport,
    code_system: str = "cn12",
) -> Any:
    """Read all facility files of a study into one table.

    Parameters
    ----------
    specs : sequence of FacilitySpec
    folder : Path
        The study folder.
    divisions : GeoDataFrame
        From :func:`~yikezhong_geodata.boundaries.load_boundaries`.
    as_of : datetime.date
        Day for which the status is given.
    report : DataReport
        Takes every row that is not simply used, and the account of the rows.
    code_system : str
        ``cn12`` or ``free``, of the declared division codes.

    Returns
    -------
    GeoDataFrame
        Columns of :data:`~yikezhong_geodata.columns.FACILITY_COLUMNS` and
        ``attr_<id>`` for what else was recognised, in the order of the files and
        rows. A facility without a usable point but with a known
        code is kept with the flag ``no_point`` and geometry None; one with neither
        is set aside.

    Raises
    ------
    DuplicateKeyError
        If an id stands twice.
    AxisOrderError
        If longitude and latitude are swapped in all rows of a file.
    """
    import geopandas

    parts: list[pd.DataFrame] = []
    read: dict[str, int] = {}
    for number, spec in enumerate(specs, start=1):
        source = open_source(
            spec, folder=folder, report=report, label=LABEL, kind="facility"
        )
        table = _read_rows(source, spec, number=number, as_of=as_of, report=report)
        more = facility_attributes(source, ids=table["id"].tolist(), report=report)
        table = table.assign(**more)
        points = read_points(
            source, spec, divisions=divisions, report=report, label=LABEL
        )
        table["lon"], table["lat"] = points.lon, points.lat
        table["point_problem"] = points.problem
        area = table["floor_area_m2"].to_numpy(dtype=np.float64)
        table["floor_area_m2"] = np.where(np.isnan(area), points.area_m2, area)
        parts.append(
            place_facilities(
                table,
                source,
                divisions=divisions,
                report=report,
                code_system=code_system,
            )
        )
        read[source.file] = read.get(source.file, 0) + len(source)
    table = pd.concat(parts, ignore_index=True) if parts else _empty()
    refuse_double_ids(table)
    check_doubles(table, report=report)
    table = check_served(
        table, divisions=divisions, code_system=code_system, report=report
    )
    for file, count in read.items():
        report.close_layer(LABEL, file, read=count)
    lon, lat = table["lon"].to_numpy(np.float64), table["lat"].to_numpy(np.float64)
    points_ = shapely.points(lon, lat)
    points_ = np.where(np.isnan(lon), None, points_)
    return geopandas.GeoDataFrame(
        none_for_missing(
            table[[*FACILITY_COLUMNS[:-1], *attribute_columns(table.columns)]]
        ),
        geometry=geopandas.GeoSeries(points_, crs=CRS, index=table.index),
        crs=CRS,
    )


def _empty() -> pd.DataFrame:
    numbers = ("lon", "lat", "row", *CAPACITY_COLUMNS)
    return pd.DataFrame(
        {
            name: np.zeros(0) if name in numbers else np.zeros(0, dtype=object)
            for name in FACILITY_COLUMNS[:-1]
        }
    )


def _read_rows(
    source: Source,
    spec: FacilitySpec,
    *,
    number: int,
    as_of: dt.date,
    report: DataReport,
) -> pd.DataFrame:
    ids = _ids(source, spec, number=number)
    names = source.texts("name")
    table = pd.DataFrame({"id": ids, "name": names}, dtype=object)
    table["category"] = _categories(source, spec, ids=ids, names=names, report=report)
    functions = _functions(source, ids=ids, report=report)
    table["functions"] = pd.Series(functions, dtype=object)
    for name in CAPACITY_COLUMNS:
        counts = read_counts(
            source,
            name,
            report=report,
            label=LABEL,
            ids=ids,
            fractions_are_fine=name == "floor_area_m2",
        )
        table[name] = np.full(len(source), np.nan) if counts is None else counts
    status = _statuses(source, spec, ids=ids, as_of=as_of, report=report)
    for column in status.columns:
        table[column] = status[column]
    for level in ("community", "township", "county", "division"):
        table[f"declared_{level}"] = source.texts(f"{level}_code")
    table["declared_township_name"] = source.texts("township_name")
    table["declared_community_name"] = source.texts("community_name")
    table["file"] = source.file
    table["row"] = source.rows
    return table


def _ids(source: Source, spec: FacilitySpec, *, number: int) -> list[str]:
    prefix = spec.id_prefix or ""
    made = spec.id_prefix or f"f{number}-"
    return [
        f"{prefix}{text}" if text else f"{made}{row:05d}"
        for text, row in zip(source.texts("id"), source.rows, strict=True)
    ]


def _categories(
    source: Source,
    spec: FacilitySpec,
    *,
    ids: list[str],
    names: list[str | None],
    report: DataReport,
) -> list[str]:
    vocabulary = load_vocabulary()
    if spec.category is not None:
        category, _ = vocabulary.category_of(spec.category)
        if category is None:
            raise StudySpecError(
                f"类别“{spec.category}”不认识",
                file="study.toml",
                column="facilities.category",
                hint="可用：" + "、".join(vocabulary.categories.names),
            )
        return [category] * len(source)
    by_name = "category" not in source.columns
    texts = names if by_name else source.texts("category")
    found: list[str] = []
    guesses: dict[str, tuple[str, int]] = {}
    for index, text in enumerate(texts):
        category, guessed = vocabulary.category_of(text)
        found.append(category or "other")
        if category is None:
            report.add(
                LABEL, source.file, int(source.rows[index]), ids[index],
                "category_unknown", value=text, message="类别不认识，按“其他”处理",
            )  # fmt: skip
        elif guessed or by_name:
            key = category if by_name else str(text)
            guesses[key] = (category, guesses.get(key, ("", 0))[1] + 1)
    for text, (category, count) in guesses.items():
        what = "名称" if by_name else f"类别“{text}”"
        report.add(
            LABEL, source.file, None, None, "category_guessed", value=text,
            message=f"{count} 行按{what}认作“{vocabulary.categories.names[category]}”",
        )  # fmt: skip
    return found


def _functions(
    source: Source, *, ids: list[str], report: DataReport
) -> list[tuple[str, ...] | None]:
    vocabulary = load_vocabulary()
    found = []
    for index, text in enumerate(source.texts("functions")):
        functions, strange = vocabulary.functions_of(text)
        found.append(functions)
        if strange:
            report.add(
                LABEL, source.file, int(source.rows[index]), ids[index],
                "function_unknown", value=text,
                message=f"服务功能“{'、'.join(strange)}”不认识"
                + ("，其余照用" if functions else "，该设施的功能按未知处理"),
            )  # fmt: skip
    return found


def _statuses(
    source: Source,
    spec: FacilitySpec,
    *,
    ids: list[str],
    as_of: dt.date,
    report: DataReport,
) -> pd.DataFrame:
    texts = source.texts("status")
    says_nothing = not {"status", "opened", "closed"} & set(source.columns)
    default = parse_status(spec.status)
    if says_nothing and default is None:
        default = "open"
        report.add(
            LABEL, source.file, None, None, "status_assumed", value=len(source),
            message="没有状态和日期列：全部按运营中处理",
        )  # fmt: skip
    rows = []
    for index, cells in enumerate(
        zip(texts, source.texts("opened"), source.texts("closed"), strict=True)
    ):
        where = (LABEL, source.file, int(source.rows[index]), ids[index])
        rows.append(_status_row(cells, where, default, as_of, report))
    columns = ["status", "opened", "closed", "flags"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _status_row(
    cells: tuple[str | None, str | None, str | None],
    where: tuple[str, str, int, str],
    default: str | None,
    as_of: dt.date,
    report: DataReport,
) -> dict[str, str | None]:
    """Return status, dates and flags of a row; report what is doubtful."""
    status, opened, closed = cells
    word = parse_status(status) or (default if not status else None)
    if status and parse_status(status) is None:
        report.add(
            *where, "status_unknown", value=status, message="状态无法识别，按不明处理"
        )
    opened_on, wrong_opened = parse_date(opened)
    closed_on, wrong_closed = parse_date(closed)
    for text, wrong in ((opened, wrong_opened), (closed, wrong_closed)):
        if wrong:
            report.add(
                *where, wrong, value=text, message="日期无法识别，按没有日期处理"
            )
    found = status_as_of(as_of, opened=opened_on, closed=closed_on, word=word)
    if found.conflict:
        report.add(
            *where,
            "status_conflict",
            value=status,
            message="状态与日期不符，以日期为准",
        )
    if found.status in ("planned", "closed"):
        report.add(
            *where, "inactive", value=opened or closed or status,
            message=f"{as_of.isoformat()} 时未在运营，不计入覆盖",
        )  # fmt: skip
    elif found.status == "unknown":
        report.add(*where, "status_missing", message="没有状态和日期，不计入覆盖")
    return {
        "status": found.status,
        "opened": opened_on.isoformat() if opened_on else None,
        "closed": closed_on.isoformat() if closed_on else None,
        "flags": "undated" if found.undated else "",
    }
