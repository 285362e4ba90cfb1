"""A siting plan as a workbook: conclusions, sites, townships, who is left, sources."""

from __future__ import annotations

import io

from yikezhong_app.exports.sheets import Book, Marks, n_lines, write, write_table
from yikezhong_app.exports.siting_paper import SitingPaper
from yikezhong_app.exports.siting_tables import (
    left_columns,
    level_columns,
    site_columns,
    township_columns,
)
from yikezhong_app.exports.siting_words import plan_sentences
from yikezhong_app.exports.source_sheet import write_sources
from yikezhong_app.exports.workbook import BOOK_OPTIONS

_SUMMARY_WIDTH = 72.0
_LINE_PT = 15.0


def make_siting_workbook(paper: SitingPaper) -> bytes:
    """Return the XLSX of a plan; numbers are those of its record, unrounded."""
    import xlsxwriter

    catalog, record = paper.catalog, paper.record
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, BOOK_OPTIONS) as raw:
        comments = f"{catalog.notice or ''} 成果版本 {catalog.version}".strip()
        raw.set_properties({"title": paper.title, "comments": comments})
        place = paper.scope.name
        book = Book(raw, Marks(place, catalog.as_of, catalog.version, catalog.notice))
        write_conclusions(book, paper.name, plan_sentences(record, paper.request))
        sheet = book.sheet("新设施", f"{paper.name}：新设施")
        write_table(book, sheet, site_columns(paper), record["sites"], n_keys=3)
        if record["fairness"]:
            sheet = book.sheet("公平", "各乡镇覆盖率由低到高", landscape=False)
            rows = record["fairness"]["levels"]
            write_table(book, sheet, level_columns(), rows, landscape=False)
        sheet = book.sheet("乡镇前后", "各乡镇街道方案前后")
        write_table(book, sheet, township_columns(), record["townships"])
        sheet = book.sheet("未覆盖", "方案建成后仍未覆盖的人", landscape=False)
        rows = record["without"]["rows"]
        write_table(book, sheet, left_columns(), rows, landscape=False)
        write_sources(book, catalog, first=paper.parameters())
    return file.getvalue()


def write_conclusions(book: Book, title: str, sentences: list[str]) -> None:
    """Write the first sheet: sentences, one to a row."""
    sheet = book.sheet("结论", title, landscape=False)
    sheet.set_column(0, 0, _SUMMARY_WIDTH)
    for i, text in enumerate(sentences, start=2):
        write(sheet, i, 0, text, book.format("wrap"))
        sheet.set_row(i, _LINE_PT * n_lines(text, _SUMMARY_WIDTH) + 6)
    sheet.print_area(0, 0, len(sentences) + 2, 0)
    sheet.fit_to_pages(1, 0)
