"""GeoPackages: which layers may be read, and writing that says where a disk refuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from yikezhong_coverage.errors import SourceError
from yikezhong_geodata.file_errors import CorruptError, UnsafeInputError

_MAGIC: Final = b"SQLite format 3\0"


class WriteFailedError(SourceError):
    """A file could not be written whole."""


def write_layer(pieces: Iterable[Any], path: Path, *, layer: str) -> None:
    """Write a layer of a GeoPackage, replacing it where it is there.

    Parameters
    ----------
    pieces : iterable of GeoDataFrame
        At least one, each with the same columns; only two are held at a time. A layer
        of several may hold shapes of any kind.
    path : Path
    layer : str

    Raises
    ------
    WriteFailedError
        If it could not be written whole: GDAL raises none of the system's errors, and
        what fails when it closes the file it does not raise at all.
    """
    import pyogrio

    rest = iter(pieces)
    piece, after, rows = next(rest), next(rest, None), 0
    more = {} if after is None else {"geometry_type": "Unknown"}
    options = {"driver": "GPKG", "engine": "pyogrio", "use_arrow": True, **more}
    try:
        while piece is not None:
            piece.to_file(path, layer=layer, mode="a" if rows else "w", **options)
            rows += len(piece)
            piece, after = after, next(rest, None)
        written = int(pyogrio.read_info(path, layer=layer)["features"])
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise _failed(path) from error
    if written != rows:
        raise _failed(path)


def check_views(path: Path, *, file: str, layer: str | None = None) -> None:
    """Refuse a view in the place of a table of the standard, or of the layer.

    A view is a program: it may run for ever. Files that are no SQLite pass.

    Raises
    ------
    UnsafeInputError
        If there is one.
    CorruptError
        If the list of tables cannot be read.
    """
    with path.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            return
    address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            rows = database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'view'"
            )
            names = {str(name) for (name,) in rows}
    except (sqlite3.Error, UnicodeError) as error:
        raise CorruptError(
            "GeoPackage 的目录已损坏", file=file, hint="请重新导出或上传"
        ) from error
    wrong = {n for n in names if n.lower().startswith("gpkg_") or n == layer}
    if wrong:
        raise UnsafeInputError(
            f"图层“{min(wrong)}”是视图（查询），不是表",
            file=file,
            layer=layer,
            hint="请把查询结果另存为图层后再用",
        )


def _failed(path: Path) -> WriteFailedError:
    return WriteFailedError(
        "没有完整写出", file=path.name, hint="请检查磁盘空间与权限后再试"
    )
