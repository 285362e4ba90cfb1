"""Parts of a Word document in a bureau's form: page, fonts, paragraphs, tables."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from docx.document import Document

#: Fonts of an official document (GB/T 9704): title, headings, body; every office
#: system has them or a substitute.
TITLE_FONT: Final = "宋体"
HEADING_FONT: Final = "黑体"
SUBHEADING_FONT: Final = "楷体"
BODY_FONT: Final = "仿宋"
#: Size of the body: 三号; of tables: 小五.
BODY_PT: Final = 16.0
TABLE_PT: Final = 9.0
#: Margins of GB/T 9704 [mm]: top, bottom, left, right.
MARGINS_MM: Final = (37.0, 35.0, 28.0, 26.0)
TEXT_WIDTH_MM: Final = 210.0 - MARGINS_MM[2] - MARGINS_MM[3]
_LINE_PT: Final = 28.0
_HEAD_FILL: Final = "E3EFEC"


@dataclass(frozen=True)
class TableColumn:
    """A column of a table.

    Parameters
    ----------
    title : str
    width_mm : float
    right : bool
        Whether the cells are numbers, set to the right.
    """

    title: str
    width_mm: float
    right: bool = False


def clean(text: object) -> str:
    r"""Return text that XML can hold: control characters become spaces.

    Examples
    --------
    >>> clean("a\x00b\tc"), clean(None)
    ('a b c', '')
    """
    if text is None:
        return ""
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Cs") or c in "\ufffe\uffff" else c
        for c in str(text)
    )


def new_document(*, title: str, header: str, footer: str) -> Document:
    """Return an empty A4 document with margins, fonts, header and page numbers."""
    import docx
    from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
    from docx.shared import Mm, Pt

    document = docx.Document()
    document.core_properties.title = clean(title)
    document.core_properties.author = "yikezhong"
    document.core_properties.comments = clean(header)
    page = document.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.top_margin, page.bottom_margin = Mm(MARGINS_MM[0]), Mm(MARGINS_MM[1])
    page.left_margin, page.right_margin = Mm(MARGINS_MM[2]), Mm(MARGINS_MM[3])
    normal: Any = document.styles["Normal"]
    set_font(normal, BODY_FONT, BODY_PT)
    normal.paragraph_format.line_spacing_rule = WD_LINE_SPACING.EXACTLY
    normal.paragraph_format.line_spacing = Pt(_LINE_PT)
    normal.paragraph_format.space_after = Pt(0)
    for name, font in (("Heading 1", HEADING_FONT), ("Heading 2", SUBHEADING_FONT)):
        style: Any = document.styles[name]
        set_font(style, font, BODY_PT)
        style.font.bold = False
        style.paragraph_format.space_before = Pt(10)
        style.paragraph_format.space_after = Pt(4)
        style.paragraph_format.keep_with_next = True
        style.paragraph_format.first_line_indent = Pt(2 * BODY_PT)
    top = page.header.paragraphs[0]
    top.alignment = WD_ALIGN_PARAGRAPH.CENTER
    small(top.add_run(clean(header)), colour="5F4700")
    bottom = page.footer.paragraphs[0]
    bottom.alignment = WD_ALIGN_PARAGRAPH.CENTER
    small(bottom.add_run("— "))
    _add_field(bottom, "PAGE")
    small(bottom.add_run(" —"))
    note = page.footer.add_paragraph()
    note.alignment = WD_ALIGN_PARAGRAPH.CENTER
    small(note.add_run(clean(footer)))
    for line in (top, bottom, note):
        line.paragraph_format.line_spacing = Pt(14)
    return document


def set_font(style: Any, family: str, size_pt: float) -> None:
    """Set the font of a style or run, for Chinese and for Latin letters."""
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    style.font.name = "Times New Roman"
    style.font.size = Pt(size_pt)
    style.font.color.rgb = RGBColor(0, 0, 0)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for name in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{name}"), None)
    fonts.set(qn("w:eastAsia"), family)


def small(run: Any, *, colour: str = "55615D", size_pt: float = TABLE_PT) -> None:
    """Make a run small and soft, as in headers and notes."""
    from docx.shared import RGBColor

    set_font(run, BODY_FONT, size_pt)
    run.font.color.rgb = RGBColor.from_string(colour)


def add_title(document: Document, lines: Sequence[str], *, date: str) -> None:
    """Add the title, centred, and the date below it."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    for line in lines:
        paragraph = document.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        paragraph.paragraph_format.line_spacing = Pt(36)
        run = paragraph.add_run(clean(line))
        set_font(run, TITLE_FONT, 22)
        run.bold = True
    paragraph = document.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.space_after = Pt(14)
    set_font(paragraph.add_run(clean(date)), SUBHEADING_FONT, BODY_PT)


def add_text(document: Document, text: str) -> None:
    """Add a paragraph, its first line indented by two characters."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    paragraph = document.add_paragraph(clean(text))
    paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    paragraph.paragraph_format.first_line_indent = Pt(2 * BODY_PT)


def add_note(document: Document, text: str) -> None:
    """Add a small note, below a table or figure."""
    from docx.shared import Pt

    paragraph = document.add_paragraph()
    paragraph.paragraph_format.line_spacing = Pt(15)
    paragraph.paragraph_format.space_after = Pt(6)
    small(paragraph.add_run(clean(text)))


def add_caption(document: Document, text: str, *, above: bool) -> None:
    """Add the caption of a table (above it) or a figure (below it)."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    paragraph = document.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.line_spacing = Pt(20)
    paragraph.paragraph_format.space_before = Pt(8 if above else 2)
    paragraph.paragraph_format.space_after = Pt(3 if above else 8)
    paragraph.paragraph_format.keep_with_next = above
    set_font(paragraph.add_run(clean(text)), HEADING_FONT, 10.5)


def add_picture(document: Document, png: bytes, *, caption: str) -> None:
    """Add a picture as wide as the text, described for those who cannot see it."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
    from docx.shared import Mm

    paragraph = document.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE
    paragraph.paragraph_format.keep_with_next = True
    shape = paragraph.add_run().add_picture(io.BytesIO(png), width=Mm(TEXT_WIDTH_MM))
    properties = shape._inline.docPr
    properties.set("descr", clean(caption))
    add_caption(document, caption, above=False)


def add_table(
    document: Document,
    columns: Sequence[TableColumn],
    rows: Sequence[Sequence[str]],
    *,
    caption: str,
) -> None:
    """Add a table whose header is repeated on every page; no row breaks in two."""
    from docx.enum.table import WD_TABLE_ALIGNMENT
    from docx.shared import Mm

    add_caption(document, caption, above=True)
    table = document.add_table(rows=1 + len(rows), cols=len(columns))
    table.style = "Table Grid"
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    scale = min(1.0, TEXT_WIDTH_MM / sum(c.width_mm for c in columns))
    for position, column in enumerate(columns):
        table.columns[position].width = Mm(column.width_mm * scale)
    for number, row in enumerate(table.rows):
        _mark_row(row, header=number == 0)
        texts = [c.title for c in columns] if number == 0 else rows[number - 1]
        for cell, column, text in zip(row.cells, columns, texts, strict=True):
            cell.width = Mm(column.width_mm * scale)
            _fill_cell(cell, clean(text), head=number == 0, right=column.right)


def _fill_cell(cell: Any, text: str, *, head: bool, right: bool) -> None:
    from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Pt

    paragraph = cell.paragraphs[0]
    paragraph.paragraph_format.line_spacing = Pt(13)
    if head:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        fill = OxmlElement("w:shd")
        fill.set(qn("w:val"), "clear")
        fill.set(qn("w:fill"), _HEAD_FILL)
        cell._tc.get_or_add_tcPr().append(fill)
    elif right:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    # after the fill: the standard fixes the order of a cell's properties
    cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
    run = paragraph.add_run(text)
    set_font(run, HEADING_FONT if head else TITLE_FONT, TABLE_PT)


def _mark_row(row: Any, *, header: bool) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    properties = row._tr.get_or_add_trPr()
    whole = OxmlElement("w:cantSplit")
    properties.append(whole)
    if header:
        mark = OxmlElement("w:tblHeader")
        mark.set(qn("w:val"), "true")
        properties.append(mark)


def _add_field(paragraph: Any, code: str) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    for kind in ("begin", None, "end"):
        run = paragraph.add_run()
        small(run)
        if kind is None:
            text = OxmlElement("w:instrText")
            text.set(qn("xml:space"), "preserve")
            text.text = code
            run._r.append(text)
        else:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run._r.append(mark)
