"""Sheets of a workbook made to be printed: title, frozen header, A4, notice."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from yikezhong_app.reading.records import Row
from yikezhong_app.web.formats import cell_text

#: What every office system has, or a substitute for.
FONT: Final = "宋体"
#: Height of a line [points].
_LINE_PT: Final = 13.5
_MOST_LINES: Final = 12
#: A4.
_PAPER: Final = 9
#: Longest text of a cell, and of a header or footer.
_CELL_LIMIT: Final = 32_767
_MARK_LIMIT: Final = 80
#: Row of the column titles: title, subtitle and an empty row stand above.
HEADER_ROW: Final = 3
#: Characters across an A4 page, about, at full size.
_ACROSS: Final = {False: 88.0, True: 132.0}

_NUMBERS: Final[Mapping[str, str]] = {
    "text": "@",
    "mid": "@",
    "wrap": "@",
    "count": "#,##0",
    "tenth": "#,##0.0",
    "hundredth": "#,##0.00",
    "metre": "#,##0.0",
    "degree": "0.000000",
    "rate": "0.0%",
}


@dataclass(frozen=True)
class Column:
    """A column of a sheet.

    Parameters
    ----------
    title : str
    width : float
        In characters.
    kind : str
        ``text``, ``mid`` (in the middle), ``wrap`` (over several lines), ``count``,
        ``tenth``, ``hundredth``, ``number`` (whole numbers whole, others with two
        decimals), ``metre``, ``degree``, ``rate``.
    of : str or callable
        Name of the member of a row, or what makes the cell of it.
    """

    title: str
    width: float
    kind: str
    of: str | Callable[[Row], object]

    def value(self, row: Row) -> object:
        """Return what stands in the cell of a row."""
        return row.get(self.of) if isinstance(self.of, str) else self.of(row)


@dataclass(frozen=True)
class Marks:
    """What stands on every sheet and page.

    Parameters
    ----------
    place, as_of, version : str
    notice : str or None
    """

    place: str
    as_of: str
    version: str
    notice: str | None


@dataclass
class Book:
    """An open workbook with its formats, each made once.

    Parameters
    ----------
    book : xlsxwriter.Workbook
    marks : Marks
    """

    book: Any
    marks: Marks
    _formats: dict[tuple[str, str | None], Any] = field(default_factory=dict)

    def format(self, kind: str, colour: str | None = None) -> Any:
        """Return the format of a kind of cell, on a ground colour."""
        key = (kind, colour)
        if key not in self._formats:
            style: dict[str, Any] = {
                "num_format": _NUMBERS.get(kind, "General"),
                "font_name": FONT,
                "border": 1,
                "border_color": "#B9C1BB",
                "valign": "vcenter",
                "font_size": 10,
                "text_wrap": kind == "wrap",
            }
            if kind == "mid":
                style["align"] = "center"
            if kind == "head":
                style |= {
                    "bold": True, "bg_color": "#E3EFEC", "align": "center",
                    "text_wrap": True,
                }  # fmt: skip
            if kind == "title":
                style = {"bold": True, "font_size": 16, "valign": "vcenter"}
                style["font_name"] = FONT
            if kind == "note":
                style = {"font_color": "#5F4700", "font_size": 10, "valign": "vcenter"}
                style["font_name"] = FONT
            if colour is not None:
                style["bg_color"] = colour
            self._formats[key] = self.book.add_format(style)
        return self._formats[key]

    def sheet(self, name: str, title: str, *, landscape: bool = True) -> Any:
        """Add a sheet with title and page set-up; the table is to follow."""
        marks = self.marks
        sheet = self.book.add_worksheet(name)
        sheet.set_row(0, 26)
        write(sheet, 0, 0, f"{marks.place} {title}", self.format("title"))
        parts = [f"评价日期 {marks.as_of}", marks.notice]
        line = "　　".join(part for part in parts if part)
        write(sheet, 1, 0, line, self.format("note"))
        sheet.set_paper(_PAPER)
        if landscape:
            sheet.set_landscape()
        sheet.set_margins(left=0.5, right=0.5, top=0.75, bottom=0.7)
        sheet.center_horizontally()
        place, notice = _mark(marks.place), _mark(marks.notice or "")
        # a space ends the font size: a digit after it would belong to it
        sheet.set_header(f"&L&9 {place}　{title}&R&9 {_mark(marks.as_of)}")
        sheet.set_footer(f"&L&9 {notice}&C&9 第 &P 页，共 &N 页&R&8 {marks.version}")
        sheet.hide_gridlines(2)
        return sheet


def write_table(
    book: Book,
    sheet: Any,
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    first: int = HEADER_ROW,
    n_keys: int = 2,
    colour: Callable[[Row, Column], str | None] | None = None,
    landscape: bool = True,
) -> int:
    """Write a table under a frozen header that is repeated on every page.

    Parameters
    ----------
    book : Book
    sheet : Worksheet
    columns : sequence of Column
    rows : sequence of mapping
    first : int
        Row of the header.
    n_keys : int
        Columns that stay in sight.
    colour : callable or None
        Gives the ground of a cell.
    landscape : bool
        How the page lies, for the scale of the print.

    Returns
    -------
    int
        The row after the last.
    """
    for j, column in enumerate(columns):
        sheet.set_column(j, j, column.width)
        write(sheet, first, j, column.title, book.format("head"))
    sheet.set_row(first, 32)
    for i, row in enumerate(rows, start=first + 1):
        lines = 1
        for j, column in enumerate(columns):
            ground = colour(row, column) if colour else None
            value = column.value(row)
            if column.kind == "wrap" and isinstance(value, str):
                lines = max(lines, n_lines(value, column.width))
            form = book.format(number_kind(column.kind, value), ground)
            write(sheet, i, j, value, form)
        if lines > 1:
            sheet.set_row(i, _LINE_PT * min(lines, _MOST_LINES) + 3)
    last = first + max(len(rows), 1)
    sheet.freeze_panes(first + 1, min(n_keys, len(columns) - 1))
    sheet.autofilter(first, 0, last, len(columns) - 1)
    finish_print(sheet, first, last, [c.width for c in columns], landscape=landscape)
    return last + 1


def n_lines(text: str, width: float) -> int:
    """Return how many lines a text takes in a column of so many characters.

    Examples
    --------
    >>> n_lines("综合性社区养老服务设施", 12), n_lines("a", 12)
    (3, 1)
    """
    room = max(width - 1.5, 1.0)
    return sum(
        max(1, math.ceil(sum(2.0 if ord(c) > 0x2E7F else 1.05 for c in line) / room))
        for line in text.split("\n")
    )


def number_kind(kind: str, value: object) -> str:
    """Return the kind a number is shown by: whole ones without decimals.

    Examples
    --------
    >>> number_kind("number", 30.0), number_kind("number", 0.25), number_kind("rate", 1)
    ('count', 'hundredth', 'rate')
    """
    if kind != "number":
        return kind
    return (
        "count"
        if isinstance(value, (int, float)) and value == int(value)
        else ("hundredth")
    )


def finish_print(
    sheet: Any, first: int, last: int, widths: Sequence[float], *, landscape: bool
) -> None:
    """Set what is printed: one page wide where it stays readable, else page by page."""
    sheet.repeat_rows(first)
    sheet.print_area(0, 0, last, len(widths) - 1)
    if sum(widths) <= _ACROSS[landscape] * 1.8:
        sheet.fit_to_pages(1, 0)
    else:
        sheet.set_print_scale(85)


def write(sheet: Any, row: int, column: int, value: object, form: Any) -> None:
    """Write a cell: texts as texts, whatever they begin with; None stays empty."""
    cell = cell_text(value)
    if isinstance(cell, str):
        sheet.write_string(row, column, cell[:_CELL_LIMIT], form)
    elif cell is None:
        sheet.write_blank(row, column, None, form)
    else:
        sheet.write_number(row, column, cell, form)


def _mark(text: str) -> str:
    """Return text for a header or footer, where ``&`` begins a code.

    Examples
    --------
    >>> _mark("A&B")
    'A&&B'
    """
    flat = " ".join(text.split())
    return flat[:_MARK_LIMIT].replace("&", "&&")
