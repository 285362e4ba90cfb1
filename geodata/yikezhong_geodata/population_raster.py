"""Population raster: exact shares of cells in divisions, as points with counts."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely

from yikezhong_coverage.records import BoolArray, FloatArray
from yikezhong_geodata.areas import GeometryArray
from yikezhong_geodata.columns import CRS, GROUPS
from yikezhong_geodata.crs import parse_crs
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import (
    CorruptError,
    CrsMissingError,
    NegativePopulationError,
    RasterCoverageError,
    TooLargeError,
)
from yikezhong_geodata.locate import geometry_of, has_children
from yikezhong_geodata.opening import (
    FileKind,
    check_file,
    check_raster_size,
    prepare_gdal,
)
from yikezhong_geodata.spec import PopulationSpec

_LABEL: Final = "population"
#: Less of a division inside the raster than this is reported.
FULL_COVER: Final = 0.999
#: A smaller share of a cell in a division is rounding (shares are 32-bit floats).
MIN_COVERAGE: Final = 1e-6
#: Cells over the study, which are read whole: 1.6 GB.
MAX_WINDOW_CELLS: Final = 200_000_000


@dataclass(frozen=True, eq=False)
class _Window:
    """The part of a raster over the study: values, north-west corner, cell size."""

    values: FloatArray
    corner: tuple[float, float]
    cell: tuple[float, float]
    crs: Any
    bounds: Any


def read_raster_cells(
    spec: PopulationSpec, *, folder: Path, divisions: Any, report: DataReport
) -> pd.DataFrame:
    """Return the cells of a population raster as points.

    A cell that lies in several divisions is divided by its exact shares of area
    (exactextract); each part stands at the cell's centre, or at a point of the part
    where the centre lies in another division.

    Parameters
    ----------
    spec : PopulationSpec
        ``group`` says whom the raster counts.
    folder : Path
    divisions : GeoDataFrame
        Its lowest divisions take the cells.
    report : DataReport
        Takes ``partial_cover`` with the share of a division inside the raster.

    Returns
    -------
    DataFrame
        As :func:`~yikezhong_geodata.population_cells.read_cells`.

    Raises
    ------
    NegativePopulationError
        If a value is negative: usually a nodata value that the file does not state.
    RasterCoverageError
        If the raster does not touch the study.
    """
    path = folder / spec.file
    prepare_gdal()
    check_file(path, allow=(FileKind.TIFF,))
    check_raster_size(path)
    geometry = geometry_of(divisions)
    lowest = np.flatnonzero(~has_children(divisions) & ~shapely.is_missing(geometry))
    window, projected = _read_window(path, spec, geometry[lowest])
    covered = _covered_share(window.bounds, projected)
    if not (covered > 0).any():
        raise RasterCoverageError(
            "栅格与研究区不相交", file=path.name, hint="请检查栅格的范围和坐标系"
        )
    for at in np.flatnonzero(covered < FULL_COVER):
        code = str(divisions["code"].iloc[lowest[at]])
        report.add(
            _LABEL, path.name, None, code, "partial_cover", value=f"{covered[at]:.4f}",
            message=f"栅格只覆盖该区划面积的 {covered[at]:.1%}，人口偏少",
        )  # fmt: skip
    table = _extract(window, projected, inside=covered > 0)
    table["division"] = lowest[table["polygon"].to_numpy(np.int64)]
    table["method"] = "cells"
    for group in GROUPS:
        table[group] = table["count"] if group == spec.group else np.nan
    report.add(
        _LABEL, path.name, None, None, "raster_read", value=len(table),
        message=f"栅格共 {len(table)} 个格网（含按面积分割的部分），"
        f"合计 {table['count'].sum():,.0f} 人",
    )  # fmt: skip
    report.close_layer(_LABEL, path.name, read=len(table))
    return table[["lon", "lat", "division", "method", *GROUPS]].reset_index(drop=True)


def _read_window(
    path: Path, spec: PopulationSpec, geometry: GeometryArray
) -> tuple[_Window, GeometryArray]:
    import pyproj
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            opened = rasterio.open(path, driver="GTiff")
        with opened as raster:
            _check_place(raster, path.name)
            stated = spec.crs or (raster.crs.to_wkt() if raster.crs else None)
            if not stated:
                raise CrsMissingError(
                    "栅格没有坐标系", file=path.name, hint="请在 study.toml 写明 crs"
                )
            parse_crs(stated, file=path.name)  # refuses datums without parameters
            crs = pyproj.CRS.from_user_input(stated)
            move = pyproj.Transformer.from_crs(CRS, crs, always_xy=True)
            projected = shapely.transform(
                geometry, lambda xy: np.column_stack(move.transform(xy[:, 0], xy[:, 1]))
            )
            west, south, east, north = shapely.total_bounds(projected)
            left, bottom, right, top = raster.bounds
            if west >= right or east <= left or south >= top or north <= bottom:
                raise RasterCoverageError(
                    "栅格与研究区不相交",
                    file=path.name,
                    hint="请检查栅格的范围和坐标系",
                )
            box, corner, cell = _window_of(
                raster, (west, south, east, north), path.name
            )
            masked = raster.read(1, window=box, masked=True)
            bounds = shapely.box(left, bottom, right, top)
    except RasterioError as error:
        raise CorruptError(
            "栅格无法读取", file=path.name, hint="请重新导出为 GeoTIFF"
        ) from error
    values = (
        masked.filled(np.nan)
        if masked.dtype.kind == "f"
        else masked.astype(np.float64).filled(np.nan)
    )
    values = np.asarray(values, dtype=np.float64)
    _refuse_wrong(values, path.name)
    return _Window(values, corner, cell, crs, bounds), projected


def _check_place(raster: Any, file: str) -> None:
    """Raise where the raster has no place on earth, or is not north up."""
    if raster.transform.is_identity:
        raise CrsMissingError(
            "栅格没有地理位置（左上角与格网大小）",
            file=file,
            hint="请重新导出为带坐标的 GeoTIFF",
        )
    step_x, skew_x, origin_x, skew_y, step_y, origin_y = raster.transform[:6]
    if not np.isfinite([step_x, origin_x, step_y, origin_y]).all():
        raise CorruptError("栅格的位置不是数", file=file, hint="请重新导出")
    if skew_x or skew_y or step_x <= 0 or step_y >= 0:
        raise CorruptError(
            "栅格是旋转或倒置的", file=file, hint="请重采样为正北向的栅格"
        )


def _window_of(
    raster: Any, bounds: tuple[float, float, float, float], file: str
) -> tuple[Any, tuple[float, float], tuple[float, float]]:
    """Return the window over the bounds, its north-west corner and the cell size."""
    import rasterio.windows

    west, south, east, north = bounds
    step_x, _, origin_x, _, step_y, origin_y = raster.transform[:6]
    column = max(int((west - origin_x) / step_x), 0)
    row = max(int((north - origin_y) / step_y), 0)
    width = min(int((east - origin_x) / step_x) + 1, raster.width) - column
    height = min(int((south - origin_y) / step_y) + 1, raster.height) - row
    if width * height > MAX_WINDOW_CELLS:
        raise TooLargeError(
            f"研究区内有 {width} × {height} 个格网，超过上限 {MAX_WINDOW_CELLS:,}",
            file=file,
            hint="请降低栅格的分辨率",
        )
    box = rasterio.windows.Window(column, row, width, height)
    corner = (origin_x + column * step_x, origin_y + row * step_y)
    return box, corner, (step_x, -step_y)


def _refuse_wrong(values: FloatArray, file: str) -> None:
    if np.isinf(values).any():
        raise CorruptError(
            f"有 {int(np.isinf(values).sum())} 个格网的人口为无穷大",
            file=file,
            hint="请检查栅格的数据类型与 NoData",
        )
    negative = values < 0
    if negative.any():
        raise NegativePopulationError(
            f"有 {int(negative.sum())} 个格网为负（最小 {float(np.nanmin(values)):g}），"
            "多半是没有注明的无数据值",
            file=file,
            hint="请在栅格中写明 NoData，或先把负值改为 NoData",
        )


def _covered_share(bounds: Any, polygons: GeometryArray) -> FloatArray:
    areas = shapely.area(polygons)
    share: FloatArray = shapely.area(shapely.intersection(polygons, bounds)) / areas
    return share


def _extract(
    window: _Window, polygons: GeometryArray, *, inside: BoolArray
) -> pd.DataFrame:
    """Return lon, lat, count and polygon of every part of a cell with people."""
    import geopandas
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource
    from pyproj import Transformer

    height, width = window.values.shape
    west, north = window.corner
    east, south = west + width * window.cell[0], north - height * window.cell[1]
    source = NumPyRasterSource(
        window.values,
        xmin=west,
        ymin=south,
        xmax=east,
        ymax=north,
        nodata=np.nan,
        srs_wkt=window.crs.to_wkt(),
    )
    index = np.flatnonzero(inside)
    layer = geopandas.GeoDataFrame(
        {"polygon": index}, geometry=polygons[index], crs=window.crs
    )
    found = exact_extract(
        source,
        layer,
        ["values", "coverage", "center_x", "center_y"],
        include_cols=["polygon"],
        output="pandas",
    )
    counts = [len(v) for v in found["values"]]
    owner = np.repeat(found["polygon"].to_numpy(np.int64), counts)
    columns = {
        name: np.concatenate([*found[name], np.zeros(0)]).astype(np.float64)
        for name in ("values", "coverage", "center_x", "center_y")
    }
    people = columns["values"] * columns["coverage"]
    keep = np.isfinite(people) & (columns["coverage"] > MIN_COVERAGE)
    owner, people = owner[keep], people[keep]
    x, y = columns["center_x"][keep], columns["center_y"][keep]
    x, y = _into_polygons(x, y, polygons=polygons, owner=owner, size=window.cell)
    move = Transformer.from_crs(window.crs, CRS, always_xy=True)
    lon, lat = move.transform(x, y)
    return pd.DataFrame({"lon": lon, "lat": lat, "count": people, "polygon": owner})


def _into_polygons(
    x: FloatArray,
    y: FloatArray,
    *,
    polygons: GeometryArray,
    owner: np.ndarray,
    size: tuple[float, float],
) -> tuple[FloatArray, FloatArray]:
    """Move centres that lie outside their polygon into their part of the cell."""
    shapely.prepare(polygons)
    out = np.flatnonzero(~shapely.intersects_xy(polygons[owner], x, y))
    cells = shapely.box(
        x[out] - size[0] / 2, y[out] - size[1] / 2,
        x[out] + size[0] / 2, y[out] + size[1] / 2,
    )  # fmt: skip
    parts = shapely.point_on_surface(shapely.intersection(polygons[owner[out]], cells))
    x, y = x.copy(), y.copy()
    good = ~(shapely.is_missing(parts) | shapely.is_empty(parts))
    x[out[good]], y[out[good]] = shapely.get_x(parts[good]), shapely.get_y(parts[good])
    return x, y
