"""Build the boundary tiles of a study with many divisions.

The boundaries of up to :data:`MOST_PLAIN` divisions of a level travel to the browser as
GeoJSON; of more they are cut into vector tiles, in one PMTiles file beside the results:
``OUT/tiles/divisions-<key>.pmtiles``. The key is a hash of codes, names and geometry, so
that a new run over the same boundaries finds its tiles there.

Tiles hold code, name and level only. Values are joined in the browser: they change with
every run, boundaries do not.

Nothing is left out: a polygon that is narrower than what a tile can draw at a zoom is
there as a point.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from yikezhong_app.reading.shapes import Geometries, simplify_together
from yikezhong_app.tiles.keys import (
    MAX_ZOOM,
    MIN_ZOOM,
    STEPS,
    Step,
    tiled,
    tiled_levels,
    tiles_key,
    tiles_path,
)
from yikezhong_geodata.columns import CRS
from yikezhong_geodata.durable import sync
from yikezhong_geodata.opening import prepare_gdal

#: Name of the layer in the tiles.
LAYER: Final = "divisions"
_EXTENT: Final = 4096
_EARTH_M: Final = 40_075_016.686
_DEGREE_M: Final = 111_320.0
#: Polygons whose area divided by their outline is below so many steps of a tile's grid
#: may vanish when they are put on the grid.
_NARROW: Final = 1.5


def build_division_tiles(divisions: gpd.GeoDataFrame, out_dir: Path) -> Path | None:
    """Build the boundary tiles of a study, unless they are there already.

    Parameters
    ----------
    divisions : GeoDataFrame
        Table ``divisions`` of a snapshot.
    out_dir : Path
        Result folder; the tiles go into its folder ``tiles``.

    Returns
    -------
    Path or None
        The PMTiles file; None where no level has so many divisions.
    """
    if not tiled_levels(divisions):
        return None
    path = tiles_path(out_dir, tiles_key(divisions))
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".new-{secrets.token_hex(8)}")
    try:
        _write(tiled(divisions), fresh)
        sync(fresh)
        fresh.replace(path)
        sync(path.parent)
        _drop_old(path)
    finally:
        fresh.unlink(missing_ok=True)
    return path


def _drop_old(path: Path) -> None:
    """Keep the tiles of these boundaries and of those before, and no others.

    Who has opened tiles that are dropped goes on reading them.
    """
    others = [other for other in path.parent.glob("*.pmtiles") if other != path]
    for other in sorted(others, key=lambda one: one.stat().st_mtime)[:-1]:
        other.unlink()


def _write(divisions: gpd.GeoDataFrame, path: Path) -> None:
    """Write the tiles of all zooms into one PMTiles file."""
    from pmtiles.tile import Compression, TileType, zxy_to_tileid
    from pmtiles.writer import Writer

    work = Path(tempfile.mkdtemp(prefix=".tiles-", dir=path.parent))
    try:
        for step, table in _steps(divisions):
            _cut(table, work / f"{step.zooms[0]}", step.zooms)
        tiles = sorted((zxy_to_tileid(*zxy), file) for zxy, file in _tile_files(work))
        with path.open("wb") as out:
            make_writer: Any = Writer  # without type information
            writer = make_writer(out)
            for tile_id, file in tiles:
                writer.write_tile(tile_id, file.read_bytes())
            header = {
                "tile_type": TileType.MVT,
                "tile_compression": Compression.GZIP,
                **_header_bounds(divisions),
            }
            writer.finalize(header, _metadata())
    finally:
        shutil.rmtree(work)


def _steps(divisions: gpd.GeoDataFrame) -> Iterator[tuple[Step, gpd.GeoDataFrame]]:
    """Yield the zooms and what is drawn there."""
    there = ~(divisions.geometry.isna() | divisions.geometry.is_empty)
    plain = divisions.loc[there, ["code", "name", "level"]].astype(str)
    shapes: Geometries = np.array(divisions.geometry[there].array, dtype=object)
    levels = plain["level"].to_numpy()
    for step in STEPS:
        # levels overlap: each is simplified for itself
        for level in np.unique(levels):
            own = levels == level
            shapes[own] = simplify_together(shapes[own], tolerance_m=step.tolerance_m)
        narrow = _is_narrow(shapes, zoom=step.zooms[0])
        rows = [*range(len(plain)), *np.flatnonzero(narrow).tolist()]
        drawn = [*shapes, *shapely.point_on_surface(shapes[narrow])]
        yield step, gpd.GeoDataFrame(plain.iloc[rows], geometry=drawn, crs=CRS)


def _is_narrow(shapes: Geometries, *, zoom: int) -> NDArray[np.bool_]:
    """Say which polygons may vanish on the grid of a zoom's tiles.

    No polygon has an inner circle smaller than its area divided by its outline.
    """
    bounds = shapely.bounds(shapes)
    cos = np.cos(np.radians((bounds[:, 1] + bounds[:, 3]) / 2))
    # areas and lengths both in degrees of longitude and latitude: the smaller scale
    flat_m = _DEGREE_M * cos
    step_m = _EARTH_M * cos / 2**zoom / _EXTENT
    with np.errstate(invalid="ignore", divide="ignore"):
        width_m = shapely.area(shapes) / shapely.length(shapes) * flat_m
    narrow: NDArray[np.bool_] = ~(width_m >= _NARROW * step_m)
    return narrow


def _cut(table: gpd.GeoDataFrame, folder: Path, zooms: tuple[int, int]) -> None:
    """Cut a table into tiles, a file each: ``folder/z/x/y.pbf``."""
    prepare_gdal()
    import pyogrio

    pyogrio.write_dataframe(
        table,
        folder,
        driver="MVT",
        layer=LAYER,
        geometry_type="Unknown",
        dataset_options={
            "FORMAT": "DIRECTORY",
            "MINZOOM": zooms[0],
            "MAXZOOM": zooms[1],
            # the usual bounds drop polygons without a word
            "MAX_SIZE": 64_000_000,
            "MAX_FEATURES": 4_000_000,
            "TEMPORARY_DB": os.fspath(folder.with_suffix(".db")),
        },
    )


def _tile_files(work: Path) -> Iterator[tuple[tuple[int, int, int], Path]]:
    for file in work.glob("*/*/*/*.pbf"):
        yield (
            (int(file.parts[-3]), int(file.parts[-2]), int(file.stem)),
            file,
        )


def _header_bounds(divisions: gpd.GeoDataFrame) -> dict[str, int]:
    west, south, east, north = (float(v) for v in divisions.total_bounds)
    ends = {"min_lon": west, "min_lat": south, "max_lon": east, "max_lat": north}
    middle = {"center_lon": (west + east) / 2, "center_lat": (south + north) / 2}
    places = {f"{name}_e7": round(v * 1e7) for name, v in {**ends, **middle}.items()}
    return {**places, "center_zoom": MIN_ZOOM}


def _metadata() -> dict[str, Any]:
    fields: dict[str, str] = dict.fromkeys(("code", "name", "level"), "String")
    layer = {"id": LAYER, "fields": fields, "minzoom": MIN_ZOOM, "maxzoom": MAX_ZOOM}
    return {"name": LAYER, "vector_layers": [layer]}
