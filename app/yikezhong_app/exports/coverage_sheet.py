"""Sheets of coverage rates: a row to a division, two columns to a service."""

from __future__ import annotations

from typing import Any, Final

from yikezhong_app.exports.report_data import ReportData
from yikezhong_app.exports.sheets import HEADER_ROW, Book, write
from yikezhong_app.reading.records import Row
from yikezhong_app.words import FLAGS, PROFILE_NAMES
from yikezhong_geodata.columns import KINDS

_KEYS: Final = (
    ("代码", 14.0, "mid"),
    ("名称", 18.0, "wrap"),
    ("上级", 12.0, "wrap"),
    ("类型", 8.0, "mid"),
)
_GROUPS: Final = ("people", "people_60", "children")
_GROUP_WIDTH: Final = 10.0
_COUNT_WIDTH: Final = 10.0
_RATE_WIDTH: Final = 8.5
#: Services side by side on a page.
_ON_FIRST_PAGE: Final = 3
_ON_A_PAGE: Final = 5
#: At which these, beside the columns on every page, are as wide as A4 [per cent].
_PRINT_SCALE: Final = 66
_NOT_APPLICABLE: Final = frozenset(name for name in FLAGS if name.startswith("no_"))


def write_coverage(book: Book, data: ReportData, *, level: str, name: str) -> None:
    """Write the rates of a level inside the scope; codes and names on every page.

    Each service has the people (or areas) covered, and the rate with its own
    denominator, at its own limit. Where there is no rate a word says why.
    """
    sheet = book.sheet(name, name)
    services = [*data.catalog.services.values()]
    names = data.catalog.denominator_names
    groups = [
        g for g in _GROUPS if any(r.get(g) is not None for r in data.divisions(level))
    ]
    head, above = book.format("head"), HEADER_ROW - 1
    fixed = [(title, width) for title, width, _ in _KEYS]
    fixed += [(names[group], _GROUP_WIDTH) for group in groups]
    for j, (title, width) in enumerate(fixed):
        sheet.set_column(j, j, width)
        write(sheet, above, j, "", head)
        write(sheet, HEADER_ROW, j, title, head)
    start = len(fixed)
    for k, service in enumerate(services):
        _write_service_head(book, sheet, start + 2 * k, service, names)
    sheet.set_row(above, 56)
    sheet.set_row(HEADER_ROW, 30)
    coverage = data.coverage(level)
    rows = data.divisions(level)
    for i, row in enumerate(rows, start=HEADER_ROW + 1):
        _write_division(book, sheet, i, row, groups, data)
        for k, service in enumerate(services):
            found = coverage.get((row["code"], service["id"]))
            at = start + 2 * k
            covered = None if found is None else found["covered"]
            write(sheet, i, at, covered, book.format("count"))
            write(sheet, i, at + 1, _rate(found), book.format("rate"))
    last = HEADER_ROW + max(len(rows), 1)
    width = start + 2 * len(services)
    sheet.freeze_panes(HEADER_ROW + 1, 2)
    sheet.autofilter(HEADER_ROW, 0, last, width - 1)
    sheet.repeat_rows(above, HEADER_ROW)
    sheet.repeat_columns(0, 1)
    sheet.print_area(0, 0, last, width - 1)
    sheet.set_print_scale(_PRINT_SCALE)
    first = start + 2 * _ON_FIRST_PAGE
    sheet.set_v_pagebreaks([*range(first, width, 2 * _ON_A_PAGE)])


def _write_service_head(
    book: Book, sheet: Any, at: int, service: Row, names: dict[str, str]
) -> None:
    profile = PROFILE_NAMES.get(service["profile"], "")
    group = names.get(str(service["group"]), str(service["group"]))
    minutes = service["limit_s"] / 60
    title = f"{service['name']}\n{profile} {minutes:g} 分钟\n{group}"
    above, head = HEADER_ROW - 1, book.format("head")
    sheet.merge_range(above, at, above, at + 1, "", head)
    write(sheet, above, at, title, head)
    write(sheet, HEADER_ROW, at, "已覆盖", head)
    write(sheet, HEADER_ROW, at + 1, "覆盖率", head)
    sheet.set_column(at, at, _COUNT_WIDTH)
    sheet.set_column(at + 1, at + 1, _RATE_WIDTH)


def _write_division(
    book: Book, sheet: Any, i: int, row: Row, groups: list[str], data: ReportData
) -> None:
    cells = (
        row["code"],
        row["name"],
        data.parent_name(row.get("parent")),
        KINDS.get(str(row.get("kind")), ""),
    )
    for j, (value, (_, _, kind)) in enumerate(zip(cells, _KEYS, strict=True)):
        write(sheet, i, j, value, book.format(kind))
    for j, group in enumerate(groups, start=len(_KEYS)):
        value = row.get(group)
        shown = "未知" if value is None else value
        write(sheet, i, j, shown, book.format("count"))


def _rate(row: Row | None) -> object:
    if row is None:
        return None
    if row["rate"] is not None:
        return row["rate"]
    return "不适用" if set(row["flags"]) & _NOT_APPLICABLE else "未知"
