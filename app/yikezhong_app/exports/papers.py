"""A document while it grows: title, numbered headings, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from yikezhong_app.exports.word_parts import (
    TableColumn,
    add_note,
    add_picture,
    add_table,
    add_text,
    add_title,
    new_document,
)
from yikezhong_app.reading.catalog import Catalog

if TYPE_CHECKING:
    from docx.document import Document

NUMERALS: Final = "一二三四五六七八九十"


@dataclass
class Paper:
    """A document that numbers its headings, tables and figures."""

    document: Document
    n_heading: int = field(default=0, init=False)
    n_table: int = field(default=0, init=False)
    n_figure: int = field(default=0, init=False)

    def heading(self, text: str) -> None:
        """Add a heading of the first level."""
        numeral = NUMERALS[self.n_heading]
        self.n_heading += 1
        self.document.add_heading(f"{numeral}、{text}", level=1)

    def text(self, text: str) -> None:
        """Add a paragraph."""
        add_text(self.document, text)

    def note(self, text: str) -> None:
        """Add a small note."""
        add_note(self.document, text)

    def table(
        self, caption: str, columns: list[TableColumn], rows: list[list[str]]
    ) -> None:
        """Add a table with its number."""
        self.n_table += 1
        add_table(self.document, columns, rows, caption=f"表 {self.n_table}　{caption}")

    def figure(self, png: bytes, caption: str) -> None:
        """Add a picture with its number."""
        self.n_figure += 1
        add_picture(self.document, png, caption=f"图 {self.n_figure}　{caption}")


def open_document(catalog: Catalog, lines: Sequence[str], *, date: str) -> Document:
    """Return a document of a result: its title, notice, issuer and version."""
    issued = catalog.manifest.get("map") or {}
    document = new_document(
        title="".join(lines),
        header=catalog.notice or catalog.name,
        footer=(
            f"制图单位：{issued.get('issuer') or '未填写'}　"
            f"审图号：{issued.get('approval_number') or '未填写'}　"
            f"成果版本 {catalog.version}"
        ),
    )
    add_title(document, lines, date=date)
    return document
