"""A siting plan as a document in a bureau's form: conclusions, map, tables, sources."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from yikezhong_app.exports.method_words import method_words
from yikezhong_app.exports.papers import Paper, open_document
from yikezhong_app.exports.sheets import Column
from yikezhong_app.exports.siting_paper import SitingPaper
from yikezhong_app.exports.siting_tables import (
    SHORT_SITES,
    left_columns,
    site_columns,
    township_columns,
)
from yikezhong_app.exports.siting_words import plan_sentences
from yikezhong_app.exports.view import MapData
from yikezhong_app.exports.word_parts import TableColumn
from yikezhong_app.exports.wording import cell_words, date_words
from yikezhong_app.reading.records import Row

#: Rows of the longer tables; all of them are in the workbook.
_MOST_ROWS = 30


def make_siting_document(
    paper: SitingPaper, *, draw: Callable[[MapData], bytes]
) -> bytes:
    """Return the DOCX of a plan.

    Parameters
    ----------
    paper : SitingPaper
    draw : callable
        Draws a map as PNG; what it raises is passed on.
    """
    catalog, record = paper.catalog, paper.record
    document = open_document(
        catalog,
        [paper.scope.name, paper.name],
        date=f"（评价日期 {date_words(catalog.as_of)}）",
    )
    written = Paper(document)
    written.heading("结论")
    for text in plan_sentences(record, paper.request):
        written.text(text)
    written.heading("选址方案")
    written.figure(draw(paper.map_data()), paper.title)
    columns = [
        column
        for column in site_columns(paper)
        if column.title in SHORT_SITES or column.title.startswith("新增")
    ]
    if record["sites"]:
        add_rows(written, "新设施，按建设次序", columns, record["sites"])
    else:
        written.text("无需新建设施。")
    written.heading("各乡镇街道方案前后")
    changed = [row for row in record["townships"] if row["gain"] > 0]
    if changed:
        add_rows(written, "覆盖人数有变化的乡镇街道", township_columns(), changed)
    else:
        written.text("各乡镇街道的覆盖人数没有变化。")
    if record["without"]["rows"]:
        written.heading("仍未覆盖的人")
        add_rows(
            written,
            "方案建成后仍未覆盖的人及原因",
            left_columns(),
            record["without"]["rows"],
        )
    written.heading("参数与方法")
    lines = [Column("项目", 40, "text", "name"), Column("内容", 60, "wrap", "value")]
    add_rows(written, "选址参数", lines, paper.parameters())
    for text in method_words(catalog):
        written.text(text)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def add_rows(
    written: Paper, caption: str, columns: Sequence[Column], rows: Sequence[Row]
) -> None:
    """Add a table from the columns of a sheet, shortened to what a page takes."""
    shown = rows[:_MOST_ROWS]
    written.table(
        caption,
        [
            TableColumn(
                c.title, c.width * 1.9, right=c.kind not in ("text", "mid", "wrap")
            )
            for c in columns
        ],
        [[cell_words(c.kind, c.value(row)) for c in columns] for row in shown],
    )
    if len(rows) > len(shown):
        written.note(f"只列前 {len(shown)} 行，共 {len(rows)} 行，全部见工作簿。")
