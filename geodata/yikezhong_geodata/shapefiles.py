"""Check a shapefile's parts against each other and read its attribute table.

GDAL opens a shapefile whose parts disagree, and turns what is missing into nothing;
here the parts are compared first. The .dbf is read by our own few lines, since only so
can the encoding be judged by all of its text.

Formats: ESRI Shapefile Technical Description (1998); dBASE III table.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import (
    CorruptError,
    CrsUnknownError,
    IncompleteShapefileError,
    TruncatedError,
)
from yikezhong_geodata.text_encoding import codec_of, decode_cut, fits, judge_encoding

_HEADER_BYTES: Final = 100
#: Where the numbers of parts and points stand in a record's content, and how many
#: bytes each part and point takes at least, by shape type.
_MULTIPOINT: Final = frozenset({8, 18, 28})
_DECIMAL: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WITH_PARTS: Final = frozenset({3, 5, 13, 15, 23, 25, 31})

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Field:
    """A field of a .dbf: name, type letter, width and decimals."""

    name: bytes
    type: str
    start: int
    width: int
    decimals: int


@dataclass(frozen=True)
class Attributes:
    """The attribute table: columns in order, and which records are deleted."""

    columns: dict[str, list[Value]]
    deleted: frozenset[int]


def sibling(path: Path, suffix: str) -> Path | None:
    """Return the part of a shapefile with another ending, in any case of letters."""
    wanted = (path.stem + suffix).casefold()
    return next((p for p in path.parent.iterdir() if p.name.casefold() == wanted), None)


def check_shapefile(path: Path, *, file: str) -> int:
    """Compare .shp, .shx and .dbf; return the number of records.

    Raises
    ------
    IncompleteShapefileError
        If .shx or .dbf is not there.
    TruncatedError, CorruptError
        If a part is too short or contradicts another, naming the row.
    """
    for suffix, words in ((".shx", "索引"), (".dbf", "属性表")):
        if sibling(path, suffix) is None:
            raise IncompleteShapefileError(
                f"Shapefile 缺少 {suffix}（{words}）",
                file=file,
                hint="请把 shp、shx、dbf、prj 一起提供",
            )
    shx = sibling(path, ".shx")
    content = np.memmap(path, dtype=np.uint8, mode="r")
    index = np.fromfile(str(shx), dtype=np.uint8)
    if len(content) < _HEADER_BYTES or len(index) < _HEADER_BYTES:
        raise TruncatedError("Shapefile 头部不完整", file=file, hint="请重新导出")
    for part, words in ((content, "shp"), (index, "shx")):
        declared = 2 * struct.unpack(">i", part[24:28].tobytes())[0]
        if declared > len(part):
            raise TruncatedError(
                f"{words} 只有 {len(part)} 字节，头部记为 {declared} 字节",
                file=file,
                hint="请重新导出或上传",
            )
    n_record = (len(index) - _HEADER_BYTES) // 8
    pairs = (
        index[_HEADER_BYTES : _HEADER_BYTES + 8 * n_record].view(">i4").reshape(-1, 2)
    )
    _check_records(content, pairs.astype(np.int64) * 2, file=file)
    return n_record


def _check_records(content: np.ndarray, pairs: np.ndarray, *, file: str) -> None:
    """Check every record's offset, length and counts against the file's size."""
    for row, (offset, length) in enumerate(pairs.tolist(), start=1):
        if offset < _HEADER_BYTES or length < 4 or offset + 8 + length > len(content):
            raise TruncatedError(
                "图形记录超出文件末尾", file=file, row=row, hint="请重新导出"
            )
        head = content[offset : offset + min(8 + length, 52)].tobytes()
        in_shp = 2 * struct.unpack(">i", head[4:8])[0]
        kind = struct.unpack("<i", head[8:12])[0]
        needed = 4
        if kind in _MULTIPOINT and len(head) >= 48:
            needed = 40 + 16 * struct.unpack("<i", head[44:48])[0]
        elif kind in _WITH_PARTS and len(head) >= 52:
            n_part, n_point = struct.unpack("<ii", head[44:52])
            needed = 44 + 4 * n_part + 16 * n_point
            if n_part < 0 or n_point < 0:
                needed = 2**62
        elif kind in _MULTIPOINT | _WITH_PARTS:
            needed = 2**62
        if in_shp != length or needed > length:
            raise CorruptError(
                "图形记录的点数或长度与文件不符", file=file, row=row, hint="请重新导出"
            )


def read_projection(path: Path, *, file: str) -> str | None:
    """Return the .prj's text, None where there is none.

    Raises
    ------
    CrsUnknownError
        If it is not text.
    """
    prj = sibling(path, ".prj")
    if prj is None:
        return None
    try:
        return prj.read_text("utf-8-sig").strip() or None
    except UnicodeDecodeError as error:
        raise CrsUnknownError(".prj 不是文本", file=file) from error


def read_attributes(
    path: Path,
    *,
    file: str,
    report: DataReport,
    label: str,
    encoding: str | None,
    n_record: int,
) -> Attributes:
    """Read the .dbf; judge its encoding and report what was assumed.

    Raises
    ------
    TruncatedError, CorruptError
        If it is too short or has another number of records than the .shp.
    """
    dbf = sibling(path, ".dbf")
    raw = b"" if dbf is None else dbf.read_bytes()
    if len(raw) < 33:
        raise TruncatedError("dbf 头部不完整", file=file, hint="请重新导出")
    count, header, width = struct.unpack("<IHH", raw[4:12])
    if len(raw) < header + count * width:
        raise TruncatedError(
            f"dbf 记有 {count} 行，文件只够 {max(0, len(raw) - header) // max(1, width)} 行",
            file=file,
            hint="请重新导出或上传",
        )
    if count != n_record:
        raise CorruptError(
            f"shp 有 {n_record} 个图形，dbf 却有 {count} 行",
            file=file,
            hint="请重新导出",
        )
    fields = _fields(raw[:header], width, file=file)
    table = np.frombuffer(raw, np.uint8, count * width, header).reshape(count, width)
    deleted = (
        frozenset((np.flatnonzero(table[:, :1] == ord("*")) + 1).tolist())
        if count
        else frozenset()
    )
    columns = {
        f: [
            bytes(v)
            for v in np.ascontiguousarray(table[:, f.start : f.start + f.width])
        ]
        for f in fields
    }
    texts = [v.rstrip(b" \0") for f in fields if f.type == "C" for v in columns[f]]
    chosen = _judge_encoding(
        path,
        [f.name for f in fields],
        texts,
        file=file,
        report=report,
        label=label,
        stated=encoding,
    )
    named = _names(fields, chosen, file=file, report=report, label=label)
    return Attributes(
        {
            n: [_value(v, f, chosen) for v in columns[f]]
            for n, f in zip(named, fields, strict=True)
        },
        deleted,
    )


def _fields(head: bytes, width: int, *, file: str) -> list[Field]:
    found, start = [], 1
    for at in range(32, len(head) - 31, 32):
        if head[at] == 0x0D:
            break
        entry = head[at : at + 32]
        size = entry[16] + (256 * entry[17] if entry[11:12] == b"C" else 0)
        decimals = 0 if entry[11:12] == b"C" else entry[17]
        name = entry[:11].split(b"\0")[0]
        found.append(Field(name, chr(entry[11]), start, size, decimals))
        start += size
    if start > width or not found:
        raise CorruptError("dbf 的字段宽度之和超过行宽", file=file, hint="请重新导出")
    return found


def _judge_encoding(
    path: Path,
    names: list[bytes],
    texts: list[bytes],
    *,
    file: str,
    report: DataReport,
    label: str,
    stated: str | None,
) -> str:
    """Return the encoding: stated, else the .cpg's where it fits, else what fits."""
    if stated:
        return stated
    cpg = sibling(path, ".cpg")
    declared = _codec(cpg.read_text("latin-1")) if cpg is not None else None
    # nothing to judge: any of them reads plain ASCII
    if all(v.isascii() for v in names) and all(v.isascii() for v in texts):
        return declared or "utf-8"
    seen = set(names) | set(texts)
    guess = judge_encoding(seen)
    if declared is None:
        report.add(
            label,
            file,
            None,
            None,
            "encoding_guessed",
            value=guess,
            message=f"没有 .cpg，按内容判断属性表的编码为 {guess}：{_preview(texts, guess)}",
        )
        return guess
    same = (declared == "utf-8") == (guess == "utf-8")
    if (
        same
        and fits(seen, declared)
        and not (_is_western(declared) and guess == "gb18030")
    ):
        return declared
    report.add(
        label,
        file,
        None,
        None,
        "cpg_wrong",
        value=declared,
        message=f".cpg 写的是 {declared}，内容却是 {guess}，按 {guess} 读取：{_preview(texts, guess)}",
    )
    return guess


def _is_western(encoding: str) -> bool:
    return encoding.startswith(("iso8859", "cp125", "latin"))


def _preview(texts: list[bytes], encoding: str) -> str:
    shown = [v.decode(encoding, errors="replace") for v in texts if not v.isascii()]
    return "、".join(dict.fromkeys(shown[:50]))[:40]


def _codec(text: str) -> str | None:
    word = text.strip().strip("\0").lower()
    word = {
        "65001": "utf-8",
        "936": "gb18030",
        "gbk": "gb18030",
        "gb2312": "gb18030",
    }.get(word, word)
    word = re.sub(r"^(ansi|oem|cp)?[ _]?936$", "gb18030", word)
    return codec_of(word) if word else None


def _names(
    fields: list[Field], encoding: str, *, file: str, report: DataReport, label: str
) -> list[str]:
    named: list[str] = []
    for field in fields:
        text, cut = decode_cut(field.name.rstrip(b" "), encoding)
        text = text.strip() or f"字段{len(named) + 1}"
        if cut is not False:
            report.add(
                label,
                file,
                None,
                None,
                "header_truncated",
                value=text,
                message=f"列名在一个汉字中间被截断，改作“{text}”",
            )
        while text in named:
            text += "_2"
        named.append(text)
    return named


def _value(raw: bytes, field: Field, encoding: str) -> Value:
    if field.type in "CM":
        return decode_cut(raw.rstrip(b" \0"), encoding)[0] or None
    if field.type in "IO+@" and len(raw) in (4, 8):
        number = struct.unpack({4: "<i", 8: "<d"}[len(raw)], raw)[0]
        return number if isinstance(number, int | float) else None
    text = raw.decode("latin-1").strip(" \0")
    if field.type == "L":
        return {"t": True, "y": True, "f": False, "n": False}.get(text.lower())
    if field.type == "D":
        return (
            f"{text[:4]}-{text[4:6]}-{text[6:]}"
            if re.fullmatch(r"[1-9]\d{7}", text)
            else None
        )
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    if not text or text.startswith("*"):
        return None
    # not all that Python takes for a number is one: 1_000, nan
    return float(text) if _DECIMAL.fullmatch(text) else text
