"""Check XML before a library reads it: no document type, no entities, whole.

OSM, KML, GPX and GraphML need neither. expat is asked directly with the handlers that
defusedxml uses, since it then costs next to nothing on files of hundreds of MiB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NoReturn
from xml.parsers import expat

from yikezhong_geodata.file_errors import CorruptError, TruncatedError, UnsafeXmlError

_CHUNK: Final = 1 << 20
_AT_END: Final = frozenset({3, 5})  # no element found, unclosed token


def check_xml(path: Path, *, file: str) -> None:
    """Raise where an XML file has a document type or entities, or is not whole.

    Raises
    ------
    UnsafeXmlError, TruncatedError, CorruptError
    """
    _parse(path, file=file, element=None)


def count_elements(path: Path, element: str, *, file: str) -> int:
    """Return how many elements of a name, with any namespace, the file has."""
    return _parse(path, file=file, element=element)


def _parse(path: Path, *, file: str, element: str | None) -> int:
    parser = expat.ParserCreate()
    count = 0

    def refuse(*_: object) -> NoReturn:
        raise UnsafeXmlError(
            "XML 带有文档类型或实体定义，可能引用其他文件",
            file=file,
            row=parser.CurrentLineNumber,
            hint="请重新导出，不带 DOCTYPE",
        )

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal count
        count += name.rsplit(":", 1)[-1] == element

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    if element is not None:
        parser.StartElementHandler = start
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        if error.code in _AT_END:
            raise TruncatedError(
                "XML 没有结尾", file=file, row=error.lineno, hint="请重新导出或下载"
            ) from error
        raise CorruptError(
            f"XML 第 {error.lineno} 行有错",
            file=file,
            row=error.lineno,
            hint="请重新导出",
        ) from error
    return count
