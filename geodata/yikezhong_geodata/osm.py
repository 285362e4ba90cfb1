"""Opening OpenStreetMap files safely: PBF and XML, whole or not at all.

libosmium stops at the first broken byte, and says so in words of its own; here the
container is checked first, and what is left is translated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

import osmium
import osmium.io

from yikezhong_coverage.errors import PlannerError
from yikezhong_geodata.file_errors import (
    CorruptError,
    EmptyFileError,
    FormatMismatchError,
    TruncatedError,
    UnsafeXmlError,
)

# OSM PBF format: a header of at most 64 KiB, a blob of at most 32 MiB
# (https://wiki.openstreetmap.org/wiki/PBF_Format#File_format)
_MAX_BLOB_HEADER = 64 * 1024
_MAX_BLOB = 32 * 1024 * 1024
_XML_MARKS = (b"<", b"\xff\xfe", b"\xfe\xff")
_CHUNK = 64 * 1024


def check_osm_file(path: Path) -> str:
    """Check that a file is an OSM extract, and return ``"pbf"`` or ``"osm"``.

    The blocks of a PBF are followed from header to header to its last byte; of an
    XML only the head is looked at (entities can be declared nowhere else): its end
    is found by reading it (see :func:`reading`).

    Raises
    ------
    EmptyFileError, TruncatedError, CorruptError, UnsafeXmlError, FormatMismatchError
    """
    with path.open("rb") as stream:
        head = stream.read(64)
    if not head:
        raise EmptyFileError("文件为空", file=path.name, hint="请重新导出或下载")
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_XML_MARKS):
        root = check_xml_head(path)
        if root != "osm":
            raise FormatMismatchError(
                f"不是 OSM XML 文件（根元素为 {root}）",
                file=path.name,
                hint="请提供 .osm.pbf 或 .osm 文件",
            )
        return "osm"
    if b"OSMHeader" not in head and path.suffix.lower() != ".pbf":
        raise FormatMismatchError(
            "不是 OSM 数据文件", file=path.name, hint="请提供 .osm.pbf 或 .osm 文件"
        )
    _check_pbf(path)
    return "pbf"


def check_xml_head(path: Path) -> str:
    """Return the name of an XML file's root element.

    Raises
    ------
    UnsafeXmlError
        If it declares entities or refers to another document.
    TruncatedError, CorruptError
        If there is no root element.
    """
    root: list[str] = []

    def refuse(*_: object) -> int:
        raise UnsafeXmlError(
            "XML 文件声明了实体或引用了外部文档，不予读取",
            file=path.name,
            hint="请用常用软件重新导出该文件",
        )

    def declares(*_: object) -> None:
        refuse()

    def doctype(name: str, system: str | None, public: str | None, _: int) -> None:
        if system or public:
            refuse()

    def start(name: str, _: dict[str, str]) -> None:
        if not root:
            root.append(name)

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = declares
    parser.UnparsedEntityDeclHandler = declares
    parser.ExternalEntityRefHandler = refuse
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = start
    with path.open("rb") as stream:
        while not root:
            chunk = stream.read(_CHUNK)
            try:
                parser.Parse(chunk, not chunk)
            except expat.ExpatError as error:
                if root:
                    break  # whatever is wrong lies behind the head
                if not chunk:
                    raise _truncated(path) from error
                raise _corrupt(path, f"XML 第 {error.lineno} 行有误") from error
            except (LookupError, ValueError) as error:
                if isinstance(error, PlannerError):
                    raise
                raise _corrupt(path, "XML 声明的编码无法识别") from error
    return root[0].rpartition(":")[2]


def osm_file(path: Path, kind: str) -> osmium.io.File:
    """Return the file for libosmium, read as ``kind`` whatever its name says.

    The path is made absolute: libosmium takes ``http:…`` for an address, ``-`` for
    the standard input.
    """
    return osmium.io.File(str(path.absolute()), {"pbf": "pbf", "osm": "xml"}[kind])


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Translate what libosmium says about a broken file into our errors."""
    try:
        yield
    except PlannerError:
        raise
    except osmium.InvalidLocationError as error:
        raise _corrupt(path, "坐标无法解析") from error
    except (ValueError, IndexError) as error:  # numbers and texts that are none
        raise _corrupt(path, "文件中有无法解析的编号或文字") from error
    except RuntimeError as error:
        text = str(error).lower()
        if any(word in text for word in CUT_SHORT):
            raise _truncated(path) from error
        raise _corrupt(path, "文件内容已损坏，无法解析") from error


#: Words of libosmium, expat and zlib for a file that ends too early.
CUT_SHORT = (
    "truncated",
    "eof",
    "no element found",
    "unclosed token",
    "unexpected end",
)


def _check_pbf(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as stream:
        expected = b"OSMHeader"
        while stream.tell() < size:
            kind, blob_size = read_blob_header(stream, path)
            if kind != expected and (expected == b"OSMHeader" or kind == b"OSMHeader"):
                raise _corrupt(path, "PBF 数据块类型有误")
            expected = b"OSMData"
            if stream.tell() + blob_size > size:
                raise _truncated(path)
            stream.seek(blob_size, 1)


def read_blob_header(stream: BinaryIO, path: Path) -> tuple[bytes, int]:
    """Return the kind of the next block of a PBF, and its size [bytes]."""
    raw = stream.read(4)
    if len(raw) < 4:
        raise _truncated(path)
    header_size = int.from_bytes(raw, "big")
    if not 0 < header_size <= _MAX_BLOB_HEADER:
        raise _corrupt(path, f"PBF 块头声称长 {header_size} 字节，超出格式上限")
    header = stream.read(header_size)
    if len(header) < header_size:
        raise _truncated(path)
    kind, blob_size = _parse_blob_header(header, path)
    if not 0 <= blob_size <= _MAX_BLOB:
        raise _corrupt(path, f"PBF 数据块声称长 {blob_size} 字节，超出格式上限")
    return kind, blob_size


def _parse_blob_header(header: bytes, path: Path) -> tuple[bytes, int]:
    """Return type (field 1) and data size (field 3) of a BlobHeader message."""
    kind, size, at = b"", -1, 0
    while at < len(header):
        tag, at = read_varint(header, at, path)
        value, at = read_varint(header, at, path)
        if tag & 7 == 2:  # length-delimited: type, or index data
            if tag >> 3 == 1:
                kind = header[at : at + value]
            at += value
        elif tag & 7 == 0:
            if tag >> 3 == 3:
                size = value
        else:
            raise _corrupt(path, "PBF 块头无法解析")
    return kind, size


def read_varint(data: bytes, at: int, path: Path) -> tuple[int, int]:
    """Return a number of protocol buffers, and where the next field begins."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise _corrupt(path, "PBF 块头无法解析")


def _truncated(path: Path) -> TruncatedError:
    return TruncatedError(
        "文件不完整，在中途被截断", file=path.name, hint="请重新下载或复制完整的文件"
    )


def _corrupt(path: Path, message: str) -> CorruptError:
    return CorruptError(message, file=path.name, hint="请重新下载或重新导出该文件")
