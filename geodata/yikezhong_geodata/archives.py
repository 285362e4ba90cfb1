"""Open zip archives without trusting their names, counts or sizes."""

from __future__ import annotations

import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from yikezhong_geodata.file_errors import (
    AmbiguousLayerError,
    CorruptError,
    EncryptedError,
    LayerMissingError,
    TooLargeError,
    TruncatedError,
    UnsafeArchiveError,
    UnsupportedFormatError,
)
from yikezhong_geodata.opening import DEFAULT_LIMITS, MIB, Limits

_NESTED: Final = frozenset(
    {".zip", ".7z", ".rar", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".kmz"}
)
_SHAPEFILE_PARTS: Final = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_LAYERS: Final = (
    ".shp",
    ".gpkg",
    ".geojson",
    ".json",
    ".fgb",
    ".parquet",
    ".kml",
    ".gpx",
)
_CHUNK: Final = MIB
#: What zipfile raises on damaged archives.
BAD_ZIP: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    OSError,
    ValueError,
)


def check_zip(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> list[zipfile.ZipInfo]:
    """Return the members of an archive after checking all of them.

    Nothing is unpacked. Folders and macOS side files are left out.

    Raises
    ------
    UnsafeArchiveError
        If a name leaves the archive's folder, is a link, stands twice, overlaps
        another or is itself an archive, or there are too many.
    TooLargeError
        If it would unpack to too much.
    EncryptedError, TruncatedError, UnsupportedFormatError
        If it has a password, is not whole, or holds a virtual layer.
    """
    _check_count(path, limits=limits)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except BAD_ZIP as error:
        raise TruncatedError(
            "压缩文件不完整，没有目录", file=path.name, hint="请重新压缩或上传"
        ) from error
    for member in members:
        _check_member(member, file=path.name)
    _check_sizes(path, members, limits=limits)
    names = [m.filename.casefold() for m in members]
    if len(set(names)) != len(names):
        raise UnsafeArchiveError("压缩文件里有同名的文件", file=path.name)
    return [m for m in members if not m.is_dir() and not _is_side_file(m)]


def member_name(member: zipfile.ZipInfo) -> str:
    """Return a member's name; Windows writes GBK without saying so."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return member.filename


def _is_side_file(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    return "__MACOSX" in path.parts or path.name.startswith((".", "~$"))


def _check_count(path: Path, *, limits: Limits) -> None:
    """Read the number of members from the end record, before any list is made."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - 65557))
        tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise TruncatedError(
            "压缩文件不完整，没有目录", file=path.name, hint="请重新压缩或上传"
        )
    count = struct.unpack("<H", tail[at + 10 : at + 12])[0]
    if count > limits.members:
        raise UnsafeArchiveError(
            f"压缩文件里有 {count} 个以上文件，超过上限 {limits.members}",
            file=path.name,
        )


def _check_member(member: zipfile.ZipInfo, *, file: str) -> None:
    name = member_name(member)
    if member.flag_bits & 0x1:
        raise EncryptedError("压缩文件有密码", file=file, hint="请去掉密码后重新压缩")
    parts = PurePosixPath(name.replace("\\", "/")).parts
    absolute = name.startswith(("/", "\\")) or name[1:2] == ":"
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    if absolute or ".." in parts or "\0" in name or is_link:
        raise UnsafeArchiveError(
            f"压缩文件里的“{name}”指向文件夹之外",
            file=file,
            hint="请重新压缩，只放数据文件",
        )
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _NESTED:
        raise UnsafeArchiveError(
            f"压缩文件里又有压缩文件“{name}”", file=file, hint="请先解开里面的一层"
        )
    if suffix == ".vrt":
        raise UnsupportedFormatError(
            f"压缩文件里的“{name}”是虚拟图层（VRT），不能读取", file=file
        )


def _check_sizes(path: Path, members: list[zipfile.ZipInfo], *, limits: Limits) -> None:
    total = sum(m.file_size for m in members)
    packed = max(1, sum(m.compress_size for m in members))
    ratio = total / packed
    if total > limits.unpacked_bytes:
        raise TooLargeError(
            f"解压后有 {total / MIB:.0f} MiB，超过上限 {limits.unpacked_bytes / MIB:.0f} MiB",
            file=path.name,
        )
    if ratio > limits.ratio and total > limits.ratio_from_bytes:
        raise TooLargeError(
            f"解压后是压缩文件的 {ratio:.0f} 倍，超过上限 {limits.ratio:.0f} 倍",
            file=path.name,
        )
    end = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        if member.header_offset < end:
            raise UnsafeArchiveError("压缩文件里的文件互相重叠", file=path.name)
        end = member.header_offset + member.compress_size


def choose_layer(
    members: list[zipfile.ZipInfo], *, file: str, layer: str | None
) -> list[zipfile.ZipInfo]:
    """Return the members of the one layer of an archive, its main file first.

    Raises
    ------
    AmbiguousLayerError
        If there are several and ``layer`` (a file name, with or without its ending)
        does not choose one.
    UnsupportedFormatError
        If there is none.
    """
    mains = [m for m in members if _suffix(m) in _LAYERS]
    if layer is not None:
        chosen = [
            m for m in mains if layer in (layer_name(m), layer_name(m) + _suffix(m))
        ]
        mains = chosen if chosen else mains if len(mains) == 1 else []
    names = "、".join(member_name(m) for m in members if _suffix(m) in _LAYERS)
    if not mains:
        if names:
            raise LayerMissingError(
                f"压缩文件里没有图层“{layer}”", file=file, hint=f"里面有：{names}"
            )
        raise UnsupportedFormatError(
            "压缩文件里没有可以读取的图层",
            file=file,
            hint="请放入 Shapefile（shp、shx、dbf、prj）、GeoPackage 或 GeoJSON",
        )
    if len(mains) > 1:
        raise AmbiguousLayerError(
            f"压缩文件里有 {len(mains)} 个图层：{names}",
            file=file,
            hint="请在 study.toml 用 layer 写明用哪一个",
        )
    main = mains[0]
    if _suffix(main) != ".shp":
        return [main]
    stem = main.filename[:-4].casefold()
    parts = [
        m
        for m in members
        if m is not main
        and m.filename[:-4].casefold() == stem
        and _suffix(m) in _SHAPEFILE_PARTS
    ]
    return [main, *parts]


def _suffix(member: zipfile.ZipInfo) -> str:
    return PurePosixPath(member.filename).suffix.lower()


def layer_name(member: zipfile.ZipInfo) -> str:
    """Return a member's file name without its ending."""
    return PurePosixPath(member_name(member)).stem


@contextmanager
def unpacked(
    path: Path, members: list[zipfile.ZipInfo], *, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Path]:
    """Unpack members into a private folder; yield the first one's path.

    They are written as ``layer`` with their ending in lower case, so that no name from
    the archive reaches the disk. The folder is removed at the end.
    """
    with tempfile.TemporaryDirectory(prefix="yikezhong-") as folder:
        targets = [Path(folder) / f"layer{_suffix(m)}" for m in members]
        left = limits.unpacked_bytes
        with zipfile.ZipFile(path) as archive:
            for member, target in zip(members, targets, strict=True):
                left -= _unpack(archive, member, target, left=left, file=path.name)
        yield targets[0]


def _unpack(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    target: Path,
    *,
    left: int,
    file: str,
) -> int:
    written = 0
    try:
        with archive.open(member) as source, target.open("wb") as sink:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > left:
                    raise TooLargeError("解压后的大小超过目录所写的大小", file=file)
                sink.write(chunk)
    except TooLargeError:
        raise
    except BAD_ZIP as error:
        raise CorruptError(
            f"压缩文件里的“{member_name(member)}”已损坏",
            file=file,
            hint="请重新压缩或上传",
        ) from error
    return written
