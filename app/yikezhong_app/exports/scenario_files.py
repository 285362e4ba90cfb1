"""The files of a scenario: workbook and document."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final, Literal, get_args

from yikezhong_app.exports.figures import draw_data
from yikezhong_app.exports.method_words import method_words
from yikezhong_app.exports.papers import Paper, open_document
from yikezhong_app.exports.scenario_paper import (
    ScenarioPaper,
    change_columns,
    comparison_columns,
    turned_columns,
)
from yikezhong_app.exports.sheets import Book, Marks, write_table
from yikezhong_app.exports.siting_document import add_rows
from yikezhong_app.exports.siting_workbook import write_conclusions
from yikezhong_app.exports.source_sheet import write_sources
from yikezhong_app.exports.wording import date_words
from yikezhong_app.exports.workbook import BOOK_OPTIONS
from yikezhong_app.words import LEVEL_NAMES

ScenarioFormat = Literal["xlsx", "docx"]
SCENARIO_FORMATS: Final[tuple[ScenarioFormat, ...]] = get_args(ScenarioFormat)


def make_scenario_file(
    paper: ScenarioPaper, form: ScenarioFormat, *, font: Path | None = None
) -> bytes:
    """Return one file of a scenario.

    Raises
    ------
    FontMissingError
        If a map is to be drawn and there is no font with Chinese characters.
    """
    return _workbook(paper) if form == "xlsx" else _document(paper, font)


def _workbook(paper: ScenarioPaper) -> bytes:
    import xlsxwriter

    catalog = paper.catalog
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, BOOK_OPTIONS) as raw:
        comments = f"{catalog.notice or ''} 成果版本 {catalog.version}".strip()
        raw.set_properties({"title": paper.place + paper.name, "comments": comments})
        marks = Marks(paper.place, catalog.as_of, catalog.version, catalog.notice)
        book = Book(raw, marks)
        write_conclusions(book, paper.name, paper.sentences())
        sheet = book.sheet("改动", f"{paper.name}：改动")
        write_table(book, sheet, change_columns(), paper.changes, n_keys=1)
        for level in catalog.levels:
            every = level != "community"
            if rows := paper.at(level, changed=not every):
                which = "各" if every else "有得失的"
                title = f"{which}{LEVEL_NAMES[level]}方案前后"
                sheet = book.sheet(LEVEL_NAMES[level].replace("/", ""), title)
                write_table(book, sheet, comparison_columns(), rows)
        if paper.turned:
            sheet = book.sheet("指标", "结论改变的规划指标")
            write_table(book, sheet, turned_columns(), paper.turned)
        write_sources(book, catalog, first=paper.parameters())
    return file.getvalue()


def _document(paper: ScenarioPaper, font: Path | None) -> bytes:
    catalog = paper.catalog
    date = f"（评价日期 {date_words(catalog.as_of)}）"
    document = open_document(catalog, [paper.place, paper.name], date=date)
    written = Paper(document)
    written.heading("结论")
    for text in paper.sentences():
        written.text(text)
    written.heading("方案内容")
    add_rows(written, "改动", change_columns(), paper.changes)
    written.heading("方案前后")
    shown = paper.map_data()
    if shown is not None:
        png = draw_data(catalog, shown, font=font)
        written.figure(png, f"方案实施后“{shown.service['name']}”覆盖率")
    changed = False
    for level in ("county", "township"):
        if rows := paper.at(level, changed=True):
            changed = True
            title = f"有得失的{LEVEL_NAMES[level]}"
            add_rows(written, title, comparison_columns(), rows)
    if not changed:
        written.text("各区划的覆盖人数没有变化。")
    if paper.turned:
        written.heading("规划指标")
        add_rows(written, "结论改变的规划指标", turned_columns(), paper.turned)
    written.heading("方法")
    for text in method_words(catalog):
        written.text(text)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()
