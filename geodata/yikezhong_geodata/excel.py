"""Look into a workbook before and beside python-calamine.

calamine gives values only; what a value hides (formulas that were never computed,
hidden rows, merged cells, links) stands in the XML. The scan also bounds the used
rectangle, since one cell in the last corner makes a sheet of 17 billion.
"""

from __future__ import annotations

import datetime
import io
import posixpath
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from yikezhong_coverage.errors import InputError
from yikezhong_geodata.archives import BAD_ZIP, check_zip
from yikezhong_geodata.file_errors import (
    CorruptError,
    EncryptedError,
    LayerMissingError,
    TooLargeError,
    UnsafeXmlError,
    UnsupportedFormatError,
)
from yikezhong_geodata.opening import (
    DEFAULT_LIMITS,
    FileKind,
    Limits,
    check_excel_container,
)

_REFERENCE: Final = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")
#: Above it a float no longer holds every whole number.
_EXACT: Final = 2**53


@dataclass(frozen=True)
class SheetNotes:
    """What the XML of a sheet says beside its values.

    Parameters
    ----------
    hidden : bool
        Whether the sheet itself is hidden.
    hidden_rows : tuple of int
        Rows that are hidden.
    merged : tuple of str
        Merged ranges, e.g. ``A2:A5``.
    empty_formulas : tuple of str
        Cells with a formula and no stored value, e.g. ``C7``.
    """

    hidden: bool = False
    hidden_rows: tuple[int, ...] = ()
    merged: tuple[str, ...] = ()
    empty_formulas: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Sheet:
    """The cells of one sheet as text, from its first row on.

    Parameters
    ----------
    name : str
    cells : list of list of str or None
        Row by row, each as wide as the sheet.
    lossy : frozenset of (int, int)
        Row and column (from 1) of whole numbers too large to be exact.
    notes : SheetNotes
    """

    name: str
    cells: list[list[str | None]]
    lossy: frozenset[tuple[int, int]]
    notes: SheetNotes


@dataclass(frozen=True)
class Workbook:
    """A checked workbook: its sheets' names and what the XML says of them."""

    path: Path
    names: tuple[str, ...]
    notes: dict[str, SheetNotes]
    has_links: bool
    content: Any


def open_workbook(
    path: Path, kind: FileKind, *, limits: Limits = DEFAULT_LIMITS
) -> Workbook:
    """Check a workbook and list its sheets.

    Raises
    ------
    TooLargeError
        If it unpacks to too much, or a sheet's used rectangle is too large.
    UnsupportedFormatError
        If it has macros.
    EncryptedError, CorruptError, UnsafeXmlError
        If it has a password or cannot be read.
    """
    import python_calamine

    notes: dict[str, SheetNotes] = {}
    has_links = False
    if kind is FileKind.XLSX:
        names = [m.filename for m in check_zip(path, limits=limits)]
        if any(posixpath.basename(n) == "vbaProject.bin" for n in names):
            raise UnsupportedFormatError(
                "工作簿带有宏", file=path.name, hint="请另存为不带宏的 xlsx 或 CSV"
            )
        has_links = any(n.startswith("xl/externalLinks/") for n in names)
        notes = _scan(path, limits=limits)
    else:
        check_excel_container(path)
    try:
        # from bytes, so that the content decides on the format and not the name
        book = python_calamine.CalamineWorkbook.from_filelike(
            io.BytesIO(path.read_bytes())
        )
    except python_calamine.PasswordError as error:
        raise EncryptedError(
            "工作簿有密码", file=path.name, hint="请去掉密码后另存"
        ) from error
    except (python_calamine.CalamineError, OSError) as error:
        raise _corrupt(path.name) from error
    return Workbook(path, tuple(book.sheet_names), notes, has_links, book)


def _corrupt(file: str) -> CorruptError:
    return CorruptError(
        "工作簿已损坏，无法读取", file=file, hint="请用 Excel 或 WPS 另存"
    )


def read_sheet(book: Workbook, name: str, *, limits: Limits = DEFAULT_LIMITS) -> Sheet:
    """Return the cells of a sheet as text.

    Raises
    ------
    LayerMissingError
        If there is no such sheet.
    """
    import python_calamine

    file = book.path.name
    if name not in book.names:
        raise LayerMissingError(
            f"没有工作表“{name}”", file=file, hint="里面有：" + "、".join(book.names)
        )
    try:
        sheet = book.content.get_sheet_by_name(name)
        if sheet.total_height * sheet.total_width > limits.cells:
            raise _too_many(
                sheet.total_height, sheet.total_width, limits, file=file, sheet=name
            )
        rows = sheet.to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError) as error:
        raise _corrupt(file) from error
    lossy = frozenset(
        (r, c)
        for r, row in enumerate(rows, start=1)
        for c, value in enumerate(row, start=1)
        if isinstance(value, int | float) and abs(value) >= _EXACT
    )
    cells = [[cell_text(value) for value in row] for row in rows]
    return Sheet(name, cells, lossy, book.notes.get(name, SheetNotes()))


def cell_text(value: object) -> str | None:
    """Return a cell as text: whole numbers without ``.0``, times as ISO, None if empty.

    Examples
    --------
    >>> cell_text(12.0), cell_text(3.25), cell_text("  033010 "), cell_text("")
    ('12', '3.25', '033010', None)
    >>> cell_text(datetime.datetime(2023, 5, 1)), cell_text(True)
    ('2023-05-01', '是')
    """
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime.datetime):
        at_midnight = value.time() == datetime.time(0)
        return value.date().isoformat() if at_midnight else value.isoformat(sep=" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return None if value is None else str(value).strip() or None


def _too_many(
    height: int, width: int, limits: Limits, *, file: str, sheet: str
) -> TooLargeError:
    return TooLargeError(
        f"工作表有 {height} 行 × {width} 列，超过上限 {limits.cells:,} 格",
        file=file,
        layer=sheet,
        hint="请删除数据区域以外的空行空列",
    )


def _scan(path: Path, *, limits: Limits) -> dict[str, SheetNotes]:
    from defusedxml.common import DefusedXmlException

    try:
        with zipfile.ZipFile(path) as archive:
            return {
                name: _scan_sheet(
                    archive,
                    target,
                    name=name,
                    hidden=hidden,
                    file=path.name,
                    limits=limits,
                )
                for name, target, hidden in _sheets(archive)
            }
    except DefusedXmlException as error:
        raise UnsafeXmlError("工作簿里的 XML 带有实体定义", file=path.name) from error
    except InputError:
        raise
    except (ParseError, KeyError, *BAD_ZIP) as error:
        raise _corrupt(path.name) from error


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def _sheets(archive: zipfile.ZipFile) -> list[tuple[str, str, bool]]:
    """Return name, member and whether hidden of every sheet."""
    from defusedxml.ElementTree import fromstring

    relations = {
        r.get("Id", ""): r.get("Target", "")
        for r in fromstring(archive.read("xl/_rels/workbook.xml.rels"), forbid_dtd=True)
    }
    found = []
    members = {n.replace("\\", "/").casefold(): n for n in archive.namelist()}
    for element in fromstring(archive.read("xl/workbook.xml"), forbid_dtd=True).iter():
        if _local(element.tag) != "sheet":
            continue
        relation = next((v for k, v in element.attrib.items() if _local(k) == "id"), "")
        # found as loosely as the reader does, so that nothing it opens goes unscanned
        stated = relations.get(relation, "").replace("\\", "/")
        target = posixpath.normpath(posixpath.join("/xl", stated)).lstrip("/")
        member = members.get(target.casefold())
        if member is not None:
            hidden = element.get("state", "visible") != "visible"
            found.append((element.get("name", ""), member, hidden))
    return found


def _scan_sheet(
    archive: zipfile.ZipFile,
    member: str,
    *,
    name: str,
    hidden: bool,
    file: str,
    limits: Limits,
) -> SheetNotes:
    from defusedxml.ElementTree import iterparse

    hidden_rows: list[int] = []
    merged: list[str] = []
    formulas: list[str] = []
    height = width = row = column = 0
    with archive.open(member) as stream:
        for _, element in iterparse(stream, forbid_dtd=True):
            tag = _local(element.tag)
            if tag == "c":
                column, at = _place(element.get("r"), row, column)
                # a cell may name another row than the one it stands in
                height, width = max(height, at), max(width, column)
                parts = {_local(child.tag) for child in element}
                if "f" in parts and not parts & {"v", "is"}:
                    formulas.append(element.get("r", "?"))
                element.clear()
            elif tag == "row":
                row, column = int(element.get("r") or row + 1), 0
                height = max(height, row)
                if element.get("hidden") in ("1", "true"):
                    hidden_rows.append(row)
                element.clear()
            elif tag == "mergeCell":
                merged.append(element.get("ref", ""))
            if height * width > limits.cells:
                raise _too_many(height, width, limits, file=file, sheet=name)
    return SheetNotes(hidden, tuple(hidden_rows), tuple(merged), tuple(formulas))


def _place(reference: str | None, row: int, column: int) -> tuple[int, int]:
    """Return column and row of ``AB12``; a cell without one follows the last cell.

    Examples
    --------
    >>> _place("AB12", 3, 0), _place("ab12", 3, 0), _place(None, 3, 5)
    ((28, 12), (28, 12), (6, 3))
    """
    if reference is None:
        return column + 1, row
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise ValueError(f"no cell: {reference[:20]}")
    number = 0
    for letter in match[1].upper():
        number = number * 26 + ord(letter) - 64
    return number, int(match[2])
