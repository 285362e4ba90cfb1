"""Write layers into GeoPackages, and say so where the disk refuses."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd

from yikezhong_coverage.errors import SourceError


class WriteFailedError(SourceError):
    """A file could not be written whole."""


def write_layer(frame: gpd.GeoDataFrame, path: Path, *, layer: str) -> None:
    """Write a layer of a GeoPackage, replacing it where it is there.

    Raises
    ------
    WriteFailedError
        If it could not be written whole: GDAL raises none of the system's errors, and
        what fails when it closes the file it does not raise at all.
    """
    import pyogrio

    try:
        frame.to_file(path, layer=layer, driver="GPKG", engine="pyogrio")
        written = int(pyogrio.read_info(path, layer=layer)["features"])
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise _failed(path) from error
    if written != len(frame):
        raise _failed(path)


def _failed(path: Path) -> WriteFailedError:
    return WriteFailedError(
        "没有完整写出", file=path.name, hint="请检查磁盘空间与权限后再试"
    )
