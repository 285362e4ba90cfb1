"""Read a CSV or Excel table as text, finding its header row.

Lists from offices begin with a title or two; the header is the first row in which at
least two cells read like headers (:mod:`headers`), else the first row that is not empty.
Row numbers are those of the file, as the user sees them in Excel.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from yikezhong_geodata.csv_text import (
    HEADER_ROWS,
    Cells,
    csv_cells,
    decode_text,
    delimiter_of,
)
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.excel import Sheet, Workbook, open_workbook, read_sheet
from yikezhong_geodata.file_errors import (
    AmbiguousLayerError,
    NoFeaturesError,
    PrecisionLostError,
    RaggedRowError,
    TooLargeError,
)
from yikezhong_geodata.headers import count_headers, is_code_header, plain_header
from yikezhong_geodata.opening import (
    DEFAULT_LIMITS,
    MIB,
    TABLE_KINDS,
    FileKind,
    Limits,
    check_file,
)
from yikezhong_geodata.plain_csv import MIN_SIZE, plain_columns

_SCIENTIFIC: Final = re.compile(r"\d(\.\d+)?[eE]\+?\d+")


@dataclass(frozen=True, eq=False)
class TextTable:
    """A table of text.

    Parameters
    ----------
    frame : DataFrame
        Text (stripped) or None, dtype object. Its index ``row`` is the row in the
        file, 1 being the first.
    file : str
        Name of the file, for messages.
    sheet : str or None
        Name of the sheet it comes from.
    lossy : frozenset of (int, str)
        Row and column of numbers whose last digits were lost in the file.
    """

    frame: pd.DataFrame
    file: str
    sheet: str | None = None
    lossy: frozenset[tuple[int, str]] = field(default_factory=frozenset)


def read_table(
    path: Path,
    *,
    report: DataReport,
    label: str,
    sheet: str | None = None,
    encoding: str | None = None,
    headers: Collection[str] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> TextTable:
    """Return the rows of a table as text.

    Parameters
    ----------
    path : Path
        CSV (comma, semicolon or tab; UTF-8, UTF-16 or GB18030), XLSX or XLS.
    report : DataReport
        Takes what was assumed and ignored, under ``label``.
    sheet : str, optional
        Needed where several sheets hold a table.
    encoding : str, optional
        Of a CSV; judged by its content where not given.
    headers : collection of str, optional
        Headers that the user named, beside those that are recognised.
    limits : Limits
        Largest sizes.

    Raises
    ------
    InputError
        One of :mod:`file_errors`, naming file, row and column.
    """
    kind = check_file(path, allow=TABLE_KINDS, limits=limits)
    file = path.name
    if kind is FileKind.CSV:
        if path.stat().st_size > limits.json_bytes:
            raise TooLargeError(
                f"文本表格超过上限 {limits.json_bytes / MIB:.0f} MiB", file=file
            )
        text = decode_text(
            path, file=file, report=report, label=label, encoding=encoding
        )
        plain = _plain_table(text, file=file, headers=headers, limits=limits)
        if plain is not None:
            return plain
        cells = csv_cells(text, file=file, limits=limits)
        return _table(cells, file=file, report=report, label=label, headers=headers)
    book = open_workbook(path, kind, limits=limits)
    chosen = _choose_sheet(book, sheet, headers=headers, limits=limits)
    _report_notes(book, chosen, report=report, label=label)
    return _table(
        chosen.cells,
        file=file,
        report=report,
        label=label,
        headers=headers,
        sheet=chosen,
    )


def _plain_table(
    text: str, *, file: str, headers: Collection[str], limits: Limits
) -> TextTable | None:
    """Return a large table without quotes, read by columns; None where it is none."""
    if len(text) < MIN_SIZE:
        return None
    top = text[:MIN_SIZE].split("\n")[:HEADER_ROWS]
    delimiter = delimiter_of(text)
    cells: Cells = [
        [cell.strip() or None for cell in line.split(delimiter)] for line in top
    ]
    start = _header_row(cells, headers)
    if start is None or text.count("\n", 0, MIN_SIZE) <= HEADER_ROWS:
        return None
    names = _names(cells[start])
    n_cell = sum(map(len, cells[: start + 1])) + text.count("\n") * len(names)
    if len(names) != len(cells[start]) or n_cell > limits.cells:
        return None
    at = 0
    for _ in range(start + 1):
        at = text.index("\n", at) + 1
    if '"' in text[:at] or "\r" in text[:at].replace("\r\n", ""):
        return None
    columns = plain_columns(text[at:], delimiter=delimiter, n_column=len(names))
    if columns is None:
        return None
    filled = np.logical_or.reduce([column != None for column in columns])
    if not filled.any():
        return None
    index = pd.Index(np.flatnonzero(filled) + start + 2, name="row", dtype="int64")
    frame = pd.DataFrame(
        {
            name: column if filled.all() else column[filled]
            for name, column in zip(names, columns, strict=True)
        },
        index=index,
        dtype=object,
    )
    _check_codes_whole(frame, (), file=file, layer=None)
    return TextTable(frame, file)


def _header_row(cells: Cells, headers: Collection[str]) -> int | None:
    """Return the position of the header row."""
    wanted = {plain_header(h) for h in headers}
    first = None
    for index, row in enumerate(cells[:HEADER_ROWS]):
        if not any(row):
            continue
        first = index if first is None else first
        named = sum(cell is not None and plain_header(cell) in wanted for cell in row)
        if count_headers(row) + named >= 2:
            return index
    if first is None or len([c for c in cells[first] if c]) > 1:
        return first
    # one cell in the first row is a title: the first row with more is the header
    return next((i for i, row in enumerate(cells) if sum(map(bool, row)) > 1), first)


def _choose_sheet(
    book: Workbook, wanted: str | None, *, headers: Collection[str], limits: Limits
) -> Sheet:
    file = book.path.name
    if wanted is not None:
        return read_sheet(book, wanted, limits=limits)
    visible = [n for n in book.names if not (n in book.notes and book.notes[n].hidden)]
    sheets = [read_sheet(book, name, limits=limits) for name in visible or book.names]
    filled = [s for s in sheets if any(any(row) for row in s.cells)]
    if not filled:
        raise NoFeaturesError("工作簿里没有内容", file=file)
    tables = [s for s in filled if _best_row(s.cells, headers) >= 2] or filled
    if len(tables) > 1:
        raise AmbiguousLayerError(
            f"有 {len(tables)} 个工作表：" + "、".join(s.name for s in tables),
            file=file,
            hint="请在 study.toml 用 layer 写明用哪一个",
        )
    return tables[0]


def _best_row(cells: Cells, headers: Collection[str]) -> int:
    index = _header_row(cells, headers)
    wanted = {plain_header(h) for h in headers}
    row = [] if index is None else cells[index]
    named = sum(cell is not None and plain_header(cell) in wanted for cell in row)
    return count_headers(row) + named


def _report_notes(
    book: Workbook, sheet: Sheet, *, report: DataReport, label: str
) -> None:
    """Report what the sheet hides; every row stays."""
    file = book.path.name

    def note(problem: str, row: int | None, value: object, message: str) -> None:
        report.add(label, file, row, None, problem, value=value, message=message)

    if book.has_links:
        note(
            "links_ignored",
            None,
            None,
            "工作簿链接了其他文件，没有打开，用的是存下的值",
        )
    others = [n for n in book.names if n != sheet.name]
    hidden = [n for n in others if n in book.notes and book.notes[n].hidden]
    if hidden:
        note("hidden_rows", None, "、".join(hidden), "隐藏的工作表没有读取")
    shown = [n for n in others if n not in hidden]
    if shown:
        note("sheet_ignored", None, "、".join(shown), f"只读取工作表“{sheet.name}”")
    if sheet.notes.hidden_rows:
        rows = "、".join(map(str, sheet.notes.hidden_rows[:50]))
        n_row = len(sheet.notes.hidden_rows)
        note("hidden_rows", None, rows, f"有 {n_row} 行是隐藏的，照常读取")
    for cell in sheet.notes.empty_formulas:
        row = int(re.sub(r"\D", "", cell) or 0) or None
        note(
            "formula_no_value",
            row,
            cell,
            f"单元格 {cell} 是公式，没有存下结果，按缺失处理",
        )
    if sheet.notes.merged:
        ranges = "、".join(sheet.notes.merged[:50])
        message = "合并单元格只在左上角有值，其余按空白处理"
        note(
            "merged_cells",
            None,
            ranges,
            f"有 {len(sheet.notes.merged)} 处合并单元格，{message}",
        )


def _table(
    cells: Cells,
    *,
    file: str,
    report: DataReport,
    label: str,
    headers: Collection[str],
    sheet: Sheet | None = None,
) -> TextTable:
    layer = sheet.name if sheet else None
    start = _header_row(cells, headers)
    if start is None:
        raise NoFeaturesError("表格是空的", file=file, layer=layer)
    names = _names(cells[start])
    width = len(names)
    rows: list[int] = []
    body: Cells = []
    for number, row in enumerate(cells[start + 1 :], start=start + 2):
        if not any(row):
            continue
        if any(row[width:]):
            raise RaggedRowError(
                f"有 {len(row)} 个字段，表头只有 {width} 个",
                file=file,
                layer=layer,
                row=number,
                hint="请检查多出的分隔符，含逗号的文字要加引号",
            )
        if len(row) < width:
            if sheet is None:
                report.add(
                    label,
                    file,
                    number,
                    None,
                    "short_row",
                    value=len(row),
                    message=f"只有 {len(row)} 个字段，表头有 {width} 个，缺的按空白处理",
                )
            row = row + [None] * (width - len(row))
        rows.append(number)
        body.append(row[:width])
    if not body:
        raise NoFeaturesError("只有表头，没有数据", file=file, layer=layer)
    index = pd.Index(rows, name="row", dtype="int64")
    frame = pd.DataFrame(body, columns=names, index=index, dtype=object)
    lossy = frozenset(
        (r, names[c - 1])
        for r, c in (sheet.lossy if sheet else ())
        if r > start + 1 and c <= width
    )
    _check_codes_whole(frame, lossy, file=file, layer=layer)
    return TextTable(frame, file, layer, lossy)


def _names(row: list[str | None]) -> list[str]:
    """Return headers, unique; trailing empty ones are dropped, others get a name."""
    last = max(i for i, cell in enumerate(row) if cell)
    names: list[str] = []
    for index, cell in enumerate(row[: last + 1], start=1):
        name = " ".join(cell.split()) if cell else f"列{index}"
        repeated = sum(n == name or n.startswith(f"{name}_重复") for n in names)
        names.append(f"{name}_重复{repeated + 1}" if repeated else name)
    return names


def _check_codes_whole(
    frame: pd.DataFrame,
    lossy: Collection[tuple[int, str]],
    *,
    file: str,
    layer: str | None,
) -> None:
    """Raise where a column of codes holds a number that lost digits."""
    lost = {place: None for place in sorted(lossy) if is_code_header(place[1])}
    for name in frame.columns:
        if is_code_header(name):
            for row, text in frame[name].items():
                if text is not None and _SCIENTIFIC.fullmatch(text):
                    lost[(int(str(row)), name)] = None
    for row, name in lost:
        shown = str(frame[name].loc[row])
        raise PrecisionLostError(
            f"“{shown}”是以数字存的长编码，末几位已丢失",
            file=file,
            layer=layer,
            row=row,
            column=name,
            hint="请在 Excel 里把该列设为文本后重新填写",
        )
