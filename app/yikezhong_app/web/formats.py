"""The faces of one table: JSON, GeoJSON, CSV, XLSX, and which of them is wanted."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import orjson

from yikezhong_app.web.request_errors import NotAcceptableError


class Format(StrEnum):
    """What an answer can be written as."""

    JSON = "json"
    GEOJSON = "geojson"
    CSV = "csv"
    XLSX = "xlsx"
    GPKG = "gpkg"


MEDIA_TYPES: Final[Mapping[Format, str]] = {
    Format.JSON: "application/json",
    Format.GEOJSON: "application/geo+json",
    Format.CSV: "text/csv",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.GPKG: "application/geopackage+sqlite3",
}
#: What a spreadsheet takes for the start of a formula, full-width forms too.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Longest text of an XLSX cell.
_CELL_LIMIT: Final = 32_767

Row = Mapping[str, Any]


def negotiate(
    asked: Format | None, accept: str | None, *, offered: Sequence[Format]
) -> Format:
    """Return the format of an answer.

    Parameters
    ----------
    asked : Format or None
        The ``format=`` parameter; it wins.
    accept : str or None
        The ``Accept`` header.
    offered : sequence of Format
        What there is, the preferred first; it is taken for ``*/*``.

    Raises
    ------
    NotAcceptableError
        If nothing that is offered is wanted.

    Examples
    --------
    >>> both = (Format.JSON, Format.CSV)
    >>> negotiate(None, "text/csv;q=0.9, text/html", offered=both)
    <Format.CSV: 'csv'>
    >>> negotiate(None, "*/*", offered=both), negotiate(None, None, offered=both)
    (<Format.JSON: 'json'>, <Format.JSON: 'json'>)
    """
    if asked is not None:
        if asked in offered:
            return asked
        raise NotAcceptableError(
            f"这里不提供 {asked} 格式", available=[f.value for f in offered]
        )
    if not accept or not accept.strip():
        return offered[0]
    wishes = _wishes(accept)
    best, best_quality = None, 0.0
    for one in offered:
        quality = _quality(MEDIA_TYPES[one], wishes)
        if quality > best_quality:
            best, best_quality = one, quality
    if best is None:
        raise NotAcceptableError(
            "Accept 所列格式都不提供", available=[MEDIA_TYPES[f] for f in offered]
        )
    return best


def _wishes(accept: str) -> dict[str, float]:
    wishes: dict[str, float] = {}
    for part in accept.split(","):
        media_type, *options = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for option in options:
            if option.startswith("q="):
                quality = _number(option[2:])
        wishes[media_type] = max(quality, wishes.get(media_type, 0.0))
    return wishes


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0.0 <= value <= 1.0 else 0.0


def _quality(media_type: str, wishes: Mapping[str, float]) -> float:
    family = media_type.split("/")[0] + "/*"
    for name in (media_type, family, "*/*"):
        if name in wishes:
            return wishes[name]
    return 0.0


def to_json(document: Mapping[str, Any]) -> bytes:
    """Return JSON; NaN and infinite numbers become null, never invalid JSON."""
    return orjson.dumps(
        document, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    )


def to_geojson(
    head: Mapping[str, Any],
    rows: Sequence[Row],
    geometries: Sequence[bytes | None],
    *,
    key: str | None,
) -> bytes:
    """Return a FeatureCollection with the members of ``head`` beside ``features``.

    Parameters
    ----------
    head : mapping
        Further members: version, as_of …
    rows : sequence of mapping
        Properties.
    geometries : sequence of bytes or None
        GeoJSON geometry of each row; None becomes null.
    key : str or None
        Property that is the feature's id.
    """
    features = []
    for row, geometry in zip(rows, geometries, strict=True):
        feature: dict[str, Any] = {"type": "Feature"}
        if key is not None and row[key] is not None:
            feature["id"] = row[key]
        feature["geometry"] = None if geometry is None else orjson.Fragment(geometry)
        feature["properties"] = row
        features.append(feature)
    return to_json({"type": "FeatureCollection", **head, "features": features})


def cell_text(value: object) -> str | float | int | None:
    """Return what stands in a cell: numbers stay, lists are joined, None is empty.

    Examples
    --------
    >>> cell_text(("meal", "day")), cell_text(True), cell_text(2.5), cell_text(None)
    ('meal;day', '是', 2.5, None)
    """
    if value is None or (isinstance(value, (int, float)) and value is not True):
        return "否" if value is False else value
    if value is True:
        return "是"
    if isinstance(value, Mapping):
        return ";".join(f"{k}={v}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ";".join(str(cell_text(v) or "") for v in value)
    return str(value)


def formula_safe(text: str) -> str:
    """Return text that no spreadsheet runs as a formula.

    Examples
    --------
    >>> formula_safe("=1+1"), formula_safe("养老院")
    ("'=1+1", '养老院')
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def to_csv(columns: Sequence[str], rows: Sequence[Row], *, tail: Row) -> bytes:
    r"""Return CSV for Excel: UTF-8 with BOM, texts (codes too) quoted.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of mapping
    tail : mapping
        Columns with the same value in every row: version, as_of, notice.

    Examples
    --------
    >>> to_csv(["code", "n"], [{"code": "01", "n": 2}], tail={"version": "v"})[3:]
    b'"code","n","version"\r\n"01",2,"v"\r\n'
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([*columns, *tail])
    end = [_csv_cell(value) for value in tail.values()]
    for row in rows:
        writer.writerow([*(_csv_cell(row.get(name)) for name in columns), *end])
    return text.getvalue().encode("utf-8-sig")


def _csv_cell(value: object) -> str | float | int | None:
    cell = cell_text(value)
    # NUL would end the file for some readers
    return formula_safe(cell.replace("\0", "�")) if isinstance(cell, str) else cell


def to_xlsx(
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    titles: Mapping[str, str],
    about: Sequence[tuple[str, str]],
) -> bytes:
    """Return a workbook: the rows under Chinese headers, and a sheet that explains.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of mapping
    titles : mapping of str to str
        Header of each column; the column's own name where there is none.
    about : sequence of (str, str)
        Lines of the second sheet: version, as-of date, notice …
    """
    import xlsxwriter

    file = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        bold = book.add_format({"bold": True})
        sheet = book.add_worksheet("数据")
        sheet.freeze_panes(1, 0)
        for j, name in enumerate(columns):
            title = titles.get(name, name)
            sheet.write_string(0, j, title, bold)
            sheet.set_column(j, j, max(10, 2 * len(title) + 2))
        for i, row in enumerate(rows, start=1):
            for j, name in enumerate(columns):
                _write_cell(sheet, i, j, row.get(name))
        notes = book.add_worksheet("说明")
        notes.set_column(0, 0, 24)
        notes.set_column(1, 1, 80)
        lines = [*about, *((titles.get(name, name), name) for name in columns)]
        for i, (left, right) in enumerate(lines):
            notes.write_string(i, 0, left[:_CELL_LIMIT])
            notes.write_string(i, 1, right[:_CELL_LIMIT])
    return file.getvalue()


def _write_cell(sheet: Any, row: int, column: int, value: object) -> None:
    cell = cell_text(value)
    if isinstance(cell, str):
        sheet.write_string(row, column, cell[:_CELL_LIMIT])
    elif cell is not None:
        sheet.write_number(row, column, cell)
