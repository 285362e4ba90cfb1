"""Decide what a file is by its content, before any library opens it.

A file's name only says what it ought to be: :func:`check_file` compares it with the
first bytes and refuses what does not fit, is empty, too large or of a kind that was not
asked for. :func:`prepare_gdal` takes every driver that follows links out of GDAL; it
must run before pyogrio or rasterio is first imported.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

from yikezhong_geodata.file_errors import (
    CorruptError,
    EmptyFileError,
    EncryptedError,
    FileMissingError,
    FormatMismatchError,
    TooLargeError,
    UnsafeXmlError,
    UnsupportedFormatError,
)


class FileKind(StrEnum):
    """What a file is, by its content."""

    GPKG = "gpkg"
    SHAPEFILE = "shapefile"
    GEOJSON = "geojson"
    FLATGEOBUF = "flatgeobuf"
    PARQUET = "parquet"
    KML = "kml"
    GPX = "gpx"
    ZIP = "zip"
    CSV = "csv"
    XLSX = "xlsx"
    XLS = "xls"
    OSM_PBF = "osm_pbf"
    OSM_XML = "osm_xml"
    GRAPHML = "graphml"
    TIFF = "tiff"
    OTHER = "other"


VECTOR_KINDS: Final = frozenset(
    {
        FileKind.GPKG,
        FileKind.SHAPEFILE,
        FileKind.GEOJSON,
        FileKind.FLATGEOBUF,
        FileKind.PARQUET,
        FileKind.KML,
        FileKind.GPX,
        FileKind.ZIP,
    }
)
TABLE_KINDS: Final = frozenset({FileKind.CSV, FileKind.XLSX, FileKind.XLS})

#: What a name promises. Excel's two formats may stand for each other: many programs
#: write one under the other's name.
_SUFFIXES: Final[dict[str, frozenset[FileKind]]] = {
    ".gpkg": frozenset({FileKind.GPKG}),
    ".shp": frozenset({FileKind.SHAPEFILE}),
    ".geojson": frozenset({FileKind.GEOJSON}),
    ".json": frozenset({FileKind.GEOJSON}),
    ".fgb": frozenset({FileKind.FLATGEOBUF}),
    ".parquet": frozenset({FileKind.PARQUET}),
    ".geoparquet": frozenset({FileKind.PARQUET}),
    ".kml": frozenset({FileKind.KML}),
    ".kmz": frozenset({FileKind.ZIP}),
    ".gpx": frozenset({FileKind.GPX}),
    ".zip": frozenset({FileKind.ZIP}),
    ".csv": frozenset({FileKind.CSV}),
    ".tsv": frozenset({FileKind.CSV}),
    ".txt": frozenset({FileKind.CSV}),
    ".xlsx": frozenset({FileKind.XLSX, FileKind.XLS}),
    ".xlsm": frozenset({FileKind.XLSX}),
    ".xls": frozenset({FileKind.XLSX, FileKind.XLS}),
    ".pbf": frozenset({FileKind.OSM_PBF}),
    ".osm": frozenset({FileKind.OSM_XML}),
    ".graphml": frozenset({FileKind.GRAPHML}),
    ".tif": frozenset({FileKind.TIFF}),
    ".tiff": frozenset({FileKind.TIFF}),
}

_ROOTS: Final = {
    "osm": FileKind.OSM_XML,
    "graphml": FileKind.GRAPHML,
    "kml": FileKind.KML,
    "gpx": FileKind.GPX,
}

MIB: Final = 2**20
GIB: Final = 2**30
_HEAD_BYTES: Final = 65536


@dataclass(frozen=True)
class Limits:
    """How large an input may be.

    Parameters
    ----------
    file_bytes : int
        Size of any one file.
    json_bytes : int
        Size of a GeoJSON file, which is read whole.
    unpacked_bytes : int
        Sum of the sizes of an archive's members.
    ratio : float
        Largest unpacked ÷ packed size, asked of archives over ``ratio_from_bytes``.
    ratio_from_bytes : int
        Small archives may compress as well as they like.
    members : int
        Files in an archive.
    cells : int
        Cells of a sheet: rows × columns of the used rectangle.
    raster_cells : int
        Cells of a raster, by its header.
    """

    file_bytes: int = 4 * GIB
    json_bytes: int = 512 * MIB
    unpacked_bytes: int = GIB
    ratio: float = 100.0
    ratio_from_bytes: int = 10 * MIB
    members: int = 1000
    cells: int = 5_000_000
    raster_cells: int = 2_500_000_000


DEFAULT_LIMITS: Final = Limits()

_WATCHER: ContextVar[Callable[[str], None] | None] = ContextVar(
    "_WATCHER", default=None
)


@contextmanager
def watch_files(tell: Callable[[str], None]) -> Iterator[None]:
    """Have ``tell`` called with the name of each file before it is opened.

    Whoever watches a process from outside knows thereby what it died of.
    """
    token = _WATCHER.set(tell)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def announce_file(path: Path) -> None:
    """Tell who watches that a file is opened next."""
    tell = _WATCHER.get()
    if tell is not None:
        tell(path.name)


def check_file(
    path: Path, *, allow: Collection[FileKind], limits: Limits = DEFAULT_LIMITS
) -> FileKind:
    """Return what a file is; refuse what may not be opened.

    Parameters
    ----------
    path : Path
        A file of this machine. Addresses and GDAL's virtual paths are not files.
    allow : collection of FileKind
        What the caller can read.
    limits : Limits
        Largest sizes.

    Raises
    ------
    FileMissingError, EmptyFileError, TooLargeError
        If it is not there, holds nothing or too much.
    FormatMismatchError
        If the content is not what the name says.
    UnsupportedFormatError
        If the content is of a kind that is not allowed here.
    UnsafeXmlError
        If it is XML with a document type.
    """
    announce_file(path)
    name = path.name
    if not path.is_file():
        raise FileMissingError("文件不存在", file=name, hint="请检查文件名和所在文件夹")
    size = path.stat().st_size
    if size == 0:
        raise EmptyFileError("文件是空的（0 字节）", file=name, hint="请重新导出或上传")
    if size > limits.file_bytes:
        raise TooLargeError(
            f"文件有 {size / MIB:.0f} MiB，超过上限 {limits.file_bytes / MIB:.0f} MiB",
            file=name,
        )
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    kind, words = _sniff(head, name=name)
    _check_name(path, kind, words)
    if kind not in allow:
        raise UnsupportedFormatError(
            f"这里不能读取{words}",
            file=name,
            hint="可用的格式：" + "、".join(sorted(str(k) for k in allow)),
        )
    if kind is FileKind.GPKG:
        _check_sqlite_size(head, size, name=name)
    if kind is FileKind.TIFF:
        check_raster_size(path, limits=limits)
    return kind


def _check_name(path: Path, kind: FileKind, words: str) -> None:
    suffix = path.suffix.lower()
    if suffix == ".vrt":
        raise UnsupportedFormatError(
            "虚拟图层（VRT）会指向其他文件，不能读取",
            file=path.name,
            hint="请提供数据文件本身",
        )
    promised = _SUFFIXES.get(suffix)
    if promised is not None and kind not in promised:
        raise FormatMismatchError(
            f"扩展名是 {suffix}，内容却是{words}",
            file=path.name,
            hint="请改正扩展名，或另存为所需的格式",
        )


def _sniff(head: bytes, *, name: str) -> tuple[FileKind, str]:
    """Return the kind of a file and its name in words."""
    if head.startswith(b"SQLite format 3\0"):
        return FileKind.GPKG, "GeoPackage（SQLite）"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _sniff_zip(head)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return FileKind.XLS, "旧版 Excel（xls）"
    for magic, kind, words in (
        (b"\x00\x00\x27\x0a", FileKind.SHAPEFILE, "Shapefile"),
        (b"fgb\x03fgb", FileKind.FLATGEOBUF, "FlatGeobuf"),
        (b"PAR1", FileKind.PARQUET, "GeoParquet"),
        (b"II*\x00", FileKind.TIFF, "GeoTIFF"),
        (b"MM\x00*", FileKind.TIFF, "GeoTIFF"),
        (b"II+\x00", FileKind.TIFF, "GeoTIFF"),
        (b"MM\x00+", FileKind.TIFF, "GeoTIFF"),
        (b"\x1f\x8b", FileKind.OTHER, "gzip 压缩文件"),
        (b"BZh", FileKind.OTHER, "bzip2 压缩文件"),
        (b"7z\xbc\xaf", FileKind.OTHER, "7z 压缩文件"),
        (b"Rar!", FileKind.OTHER, "RAR 压缩文件"),
        (b"%PDF", FileKind.OTHER, "PDF 文件"),
        (b"AC10", FileKind.OTHER, "CAD 图（DWG）"),
    ):
        if head.startswith(magic):
            return kind, words
    if (
        b"OSMHeader" in head[:64]
        and len(head) > 4
        and struct.unpack(">I", head[:4])[0] < 65536
    ):
        return FileKind.OSM_PBF, "OSM PBF"
    return _sniff_text(head, name=name)


def _sniff_zip(head: bytes) -> tuple[FileKind, str]:
    is_excel = b"[Content_Types].xml" in head or b"xl/" in head[:4096]
    if is_excel and b"word/" not in head[:4096] and b"ppt/" not in head[:4096]:
        return FileKind.XLSX, "Excel 工作簿（xlsx）"
    return FileKind.ZIP, "ZIP 压缩文件"


def _sniff_text(head: bytes, *, name: str) -> tuple[FileKind, str]:
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    text = head.decode(encoding, errors="replace").lstrip()
    if text.startswith(("{", "[")):
        return FileKind.GEOJSON, "GeoJSON"
    if not text.startswith("<"):
        return FileKind.CSV, "文本表格（CSV）"
    if re.match(
        r"(<\?xml[^>]*>\s*)?(<!doctype\s+html|<html|<table|<meta|<head)",
        text,
        re.IGNORECASE,
    ):
        return FileKind.OTHER, "网页（HTML）"
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UnsafeXmlError(
            "XML 带有文档类型或实体定义，可能引用其他文件",
            file=name,
            hint="请重新导出，不带 DOCTYPE",
        )
    body = re.sub(r"<\?.*?\?>|<!--.*?-->", "", text, flags=re.DOTALL)
    match = re.search(r"<(?:[\w.-]+:)?([\w.-]+)", body)
    root = match[1] if match else ""
    if root in _ROOTS:
        return _ROOTS[root], root.upper()
    return FileKind.OTHER, f"XML（{root or '无根元素'}）"


def _check_sqlite_size(head: bytes, size: int, *, name: str) -> None:
    """Compare the size with the pages the SQLite header counts (offsets 16 and 28).

    The count is valid only where the counters at 24 and 92 agree, see
    https://www.sqlite.org/fileformat.html#in_header_database_size.
    """
    if len(head) < 100:
        raise CorruptError("GeoPackage 不完整", file=name, hint="请重新导出")
    page = struct.unpack(">H", head[16:18])[0]
    page = 65536 if page == 1 else page
    if head[24:28] == head[92:96] and size < page * struct.unpack(">I", head[28:32])[0]:
        raise CorruptError(
            "GeoPackage 不完整，文件比记录的页数短", file=name, hint="请重新导出或上传"
        )


def check_excel_container(path: Path) -> None:
    """Raise where an OLE file is an encrypted workbook or holds macros."""
    content = path.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise EncryptedError("工作簿有密码", file=path.name, hint="请去掉密码后另存")
    if "_VBA_PROJECT".encode("utf-16-le") in content:
        raise UnsupportedFormatError(
            "工作簿带有宏", file=path.name, hint="请另存为不带宏的 xlsx 或 CSV"
        )


def check_raster_size(
    path: Path, *, limits: Limits = DEFAULT_LIMITS
) -> tuple[int, int]:
    """Return width and height of a TIFF from its header alone.

    Raises
    ------
    TooLargeError
        If it has more than ``limits.raster_cells`` cells.
    CorruptError
        If the header cannot be followed.
    """
    with path.open("rb") as stream:
        head = stream.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = struct.unpack(order + "H", head[2:4])[0] == 43
        try:
            sizes = _tiff_sizes(stream, head, order=order, big=big)
        except struct.error as error:
            raise CorruptError("TIFF 头部不完整", file=path.name) from error
    width, height = sizes.get(256, 0), sizes.get(257, 0)
    if width <= 0 or height <= 0:
        raise CorruptError("TIFF 没有宽和高", file=path.name)
    if width * height > limits.raster_cells:
        raise TooLargeError(
            f"栅格有 {width} × {height} 个格网，超过上限 {limits.raster_cells:,}",
            file=path.name,
            hint="请裁剪到研究范围或降低分辨率",
        )
    return width, height


def _tiff_sizes(
    stream: object, head: bytes, *, order: str, big: bool
) -> dict[int, int]:
    from typing import cast

    file = cast(BinaryIO, stream)
    start = struct.unpack(order + "Q", head[8:16])[0] if big else 0
    start = start or struct.unpack(order + "I", head[4:8])[0]
    file.seek(start)
    n_entry = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))[
        0
    ]
    found = {}
    for _ in range(min(n_entry, 200)):
        entry = file.read(20 if big else 12)
        tag, kind = struct.unpack(order + "HH", entry[:4])
        value = entry[12:] if big else entry[8:]
        shape = {3: "H", 4: "I", 16: "Q"}.get(kind)
        if tag in (256, 257) and shape:
            found[tag] = struct.unpack(order + shape, value[: struct.calcsize(shape)])[
                0
            ]
    return found


#: Drivers that are never needed here: they follow links to other files or to the
#: network, run servers, or read formats nobody is asked for. (Names that pyogrio's GDAL
#: lacks are left out, it would complain on every start.) What stays: shapefile,
#: GeoPackage, GeoJSON, FlatGeobuf, KML, GPX, PMTiles and MVT, GeoTIFF and memory.
_SKIPPED: Final = (
    "VRT,OGR_VRT,GTI,STACTA,STACIT,WCS,WMS,WMTS,WFS,OAPIF,OGCAPI,HTTP,CSW,EEDA,EEDAI,DAAS,"
    "PLMOSAIC,PLSCENES,NGW,Carto,AmigoCloud,Elasticsearch,GDALG,ADBC,Zarr,"
    "DERIVED,"
    "PDF,PCIDSK,PDS4,PDS,VICAR,ISIS2,ISIS3,OGR_PDS,MapInfo File,LVBAG,S57,DGN,CSV,GML,"
    "GeoJSONSeq,ESRIJSON,TopoJSON,JSONFG,OGR_GMT,SQLite,WAsP,OpenFileGDB,DXF,GeoRSS,"
    "VFK,PGDUMP,OSM,GPSBabel,EDIGEO,Idrisi,ODS,XLSX,SXF,Selafin,JML,VDV,MapML,GTFS,"
    "MiraMonVector,AVCBin,AVCE00,AIVector,KMLSUPEROVERLAY,RMF,GRIB,MBTiles,ESRIC"
)
_GDAL_ENVIRONMENT: Final = {
    "GDAL_SKIP": _SKIPPED,
    "GDAL_DRIVER_PATH": "disable",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_VRT_ENABLE_RAWRASTERBAND": "NO",
    # the virtual network file systems answer to names with this ending only
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".never",
    "GDAL_HTTP_CONNECTTIMEOUT": "1",
    "GDAL_HTTP_TIMEOUT": "1",
    "GDAL_HTTP_MAX_RETRY": "0",
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "PROJ_NETWORK": "OFF",
}


def prepare_gdal() -> None:
    """Restrict GDAL through the environment; call before pyogrio or rasterio loads.

    There may be one GDAL for each of those packages: only the environment reaches all.
    Calling it twice changes nothing.
    """
    os.environ.update(_GDAL_ENVIRONMENT)
