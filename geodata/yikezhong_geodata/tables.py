"""Read a CSV or Excel table as text."""

from __future__ import annotations

import csv
import datetime
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import NoFeaturesError
from yikezhong_geodata.headers import count_headers


@dataclass(frozen=True, eq=False)
class TextTable:
    """A table of text.

    Parameters
    ----------
    frame : DataFrame
        Text or None. Its index ``row`` is the row in the file, the header's being 1
        where nothing stands above it.
    file : str
        Name of the file, for messages.
    """

    frame: pd.DataFrame
    file: str


def read_table(
    path: Path,
    *,
    report: DataReport,
    label: str,
    sheet: str | None = None,
    encoding: str | None = None,
) -> TextTable:
    """Return the rows of a table as text."""
    if path.suffix.lower() in (".xlsx", ".xls"):
        import python_calamine

        book = python_calamine.CalamineWorkbook.from_path(path)
        rows = book.get_sheet_by_name(sheet or book.sheet_names[0]).to_python(
            skip_empty_area=False
        )
        cells = [[_as_text(c) for c in row] for row in rows]
    else:
        text = path.read_bytes()
        for trial in [encoding] if encoding else ["utf-8-sig", "gb18030"]:
            try:
                decoded = text.decode(trial)
                break
            except UnicodeDecodeError:
                continue
        cells = [
            [c.strip() or None for c in r] for r in csv.reader(decoded.splitlines())
        ]
    start = next((i for i, row in enumerate(cells) if count_headers(row) >= 2), None)
    if start is None:
        start = next((i for i, row in enumerate(cells) if any(row)), None)
    if start is None:
        raise NoFeaturesError("表格是空的", file=path.name)
    header = [h or f"列{i + 1}" for i, h in enumerate(cells[start])]
    body = [
        (i + 1, (row + [None] * len(header))[: len(header)])
        for i, row in enumerate(cells)
        if i > start and any(row)
    ]
    frame = pd.DataFrame(
        [row for _, row in body],
        columns=header,
        index=pd.Index([i for i, _ in body], name="row"),
        dtype=object,
    )
    return TextTable(frame, path.name)


def _as_text(value: object) -> str | None:
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value).strip() or None
