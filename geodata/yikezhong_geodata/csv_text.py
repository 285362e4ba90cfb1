"""The text of a CSV: its encoding, its delimiter, its cells."""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path
from typing import Final

from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import BadCsvError, TooLargeError, TruncatedError
from yikezhong_geodata.opening import Limits
from yikezhong_geodata.text_encoding import judge_encoding

Cells = list[list[str | None]]

#: A header is looked for in so many rows from the top.
HEADER_ROWS: Final = 30
#: Usually these characters hold as many rows.
_TOP: Final = 1 << 18


def decode_text(
    path: Path, *, file: str, report: DataReport, label: str, encoding: str | None
) -> str:
    """Return the text of a file; NUL bytes are refused.

    Parameters are those of :func:`yikezhong_geodata.tables.read_table`.

    Raises
    ------
    BadCsvError
        If it has a NUL byte, or no encoding fits.
    TruncatedError
        If it ends in the middle of a character.
    """
    raw = path.read_bytes()
    if encoding is None and raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in raw:
        line = raw[: raw.index(b"\0")].count(b"\n") + 1
        raise BadCsvError(
            "文件里有 NUL 字节", file=file, row=line, hint="请重新导出为 CSV"
        )
    failed: UnicodeDecodeError | None = None
    for trial in (encoding,) if encoding else ("utf-8-sig", None):
        trial = trial or judge_encoding(raw.splitlines())
        try:
            text = raw.decode(trial)
        except UnicodeDecodeError as error:
            failed = failed or error
            continue
        except LookupError as error:
            raise BadCsvError(f"不认识编码“{trial}”", file=file) from error
        if trial != "utf-8-sig" and encoding is None:
            shown = re.sub(r"[\x00-\x7f]+", " ", text[:2000]).split()
            report.add(
                label,
                file,
                None,
                None,
                "encoding_guessed",
                value=trial,
                message=f"不是 UTF-8，按 {trial} 读取：" + "、".join(shown)[:40],
            )
        return text
    start = failed.start if failed else 0
    if len(raw) - start <= 3:
        raise TruncatedError("文件在一个字的中间结束", file=file, hint="请重新导出")
    raise BadCsvError(
        "无法判断文字编码",
        file=file,
        row=raw[:start].count(b"\n") + 1,
        hint="请在 study.toml 写明 encoding，或另存为 UTF-8",
    )


def csv_cells(text: str, *, file: str, limits: Limits) -> Cells:
    """Return the stripped cells of each row, None where one is empty.

    Raises
    ------
    BadCsvError
        If quotes are not in pairs, or a cell is too long.
    TooLargeError
        If there are more cells than the limits allow.
    """
    delimiter = delimiter_of(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    cells: Cells = []
    count = 0
    try:
        for row in reader:
            cells.append([cell.strip() or None for cell in row])
            count += len(row)
            if count > limits.cells:
                raise TooLargeError(f"表格超过上限 {limits.cells:,} 格", file=file)
    except csv.Error as error:
        raise BadCsvError(
            f"引号没有成对，或单元格过长（{error}）",
            file=file,
            row=reader.line_num,
            hint="请用 Excel 另存为 CSV UTF-8",
        ) from error
    return cells


def delimiter_of(text: str) -> str:
    """Return the character that splits the top rows most evenly."""
    top = text[:_TOP].splitlines()
    if len(top) <= HEADER_ROWS:  # so long are the lines
        top = text.splitlines()
    lines = [line for line in top[:HEADER_ROWS] if line.strip()]
    best, most = ",", 0
    for character in ",\t;|":
        counts = [line.count(character) for line in lines]
        common = max(set(counts), key=lambda n: (counts.count(n), n)) if counts else 0
        if common > most:
            best, most = character, common
    return best
