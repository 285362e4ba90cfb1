"""Boundary tiles: nothing is left out, and equal boundaries are built once."""

from __future__ import annotations

import gzip
from pathlib import Path

import geopandas as gpd
import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from pmtiles.reader import MmapSource, all_tiles

from lattice_cases import Lattice, make_divisions
from snapshot_cases import make_divisions as make_few
from yikezhong_app.tiles import building, keys
from yikezhong_app.tiles.archive import TileArchive
from yikezhong_app.tiles.building import build_division_tiles
from yikezhong_app.tiles.keys import MAX_ZOOM, MIN_ZOOM, tiles_key


def codes_by_zoom(path: Path) -> dict[int, set[str]]:
    """Return the codes that stand in the tiles of each zoom, by a foreign reader."""
    found: dict[int, set[str]] = {}
    with path.open("rb") as file:
        for (zoom, _, _), packed in all_tiles(MmapSource(file)):
            layers = mapbox_vector_tile.decode(gzip.decompress(packed))
            own = found.setdefault(zoom, set())
            for feature in layers[building.LAYER]["features"]:
                own.add(feature["properties"]["code"])
    return found


@pytest.fixture(scope="module")
def divisions() -> gpd.GeoDataFrame:
    return make_divisions(Lattice(3, 4))


@pytest.fixture(scope="module")
def built(
    divisions: gpd.GeoDataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = build_division_tiles(divisions, tmp_path_factory.mktemp("tiles"))
    assert path is not None
    return path


def test_every_community_is_in_the_tiles_of_every_zoom(
    divisions: gpd.GeoDataFrame, built: Path
) -> None:
    expected = set(divisions.loc[divisions["level"] == "community", "code"])
    assert len(expected) == 4032
    found = codes_by_zoom(built)
    assert sorted(found) == list(range(MIN_ZOOM, MAX_ZOOM + 1))
    assert MIN_ZOOM == 9
    for codes in found.values():
        assert codes == expected


def test_tiles_carry_code_name_and_level_only(
    divisions: gpd.GeoDataFrame, built: Path
) -> None:
    names = divisions.set_index("code")["name"]
    archive = TileArchive(built)
    packed = archive.find(*max(archive.addresses()))
    assert packed is not None
    (layer,) = mapbox_vector_tile.decode(gzip.decompress(packed)).values()
    assert layer["features"]
    for feature in layer["features"]:
        properties = feature["properties"]
        assert set(properties) == {"code", "name", "level"}
        assert properties["level"] == "community"
        assert properties["name"] == names[properties["code"]]


def test_the_shapes_in_the_tiles_are_the_boundaries(
    divisions: gpd.GeoDataFrame, built: Path
) -> None:
    """Their areas add up: at the finest zoom within a thousandth."""
    size = 4096
    n_tile = 2**MAX_ZOOM
    found: dict[str, float] = {}
    with built.open("rb") as file:
        for (zoom, _, row), packed in all_tiles(MmapSource(file)):
            if zoom != MAX_ZOOM:
                continue
            cell = shapely.box(0, 0, size, size)
            layers = mapbox_vector_tile.decode(gzip.decompress(packed))
            lat = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (row + 0.5) / n_tile))))
            step_m = 40_075_016.686 * np.cos(np.radians(lat)) / n_tile / size
            for feature in layers[building.LAYER]["features"]:
                shape = shapely.make_valid(shapely.geometry.shape(feature["geometry"]))
                code = feature["properties"]["code"]
                area_m2 = shape.intersection(cell).area * step_m**2
                found[code] = found.get(code, 0.0) + area_m2
    own = divisions[divisions["level"] == "community"].set_index("code")
    area_m2 = own.to_crs("EPSG:6933").area
    # a sphere for the tiles, an ellipsoid for the areas: 0.7 % apart at most
    ratio = np.array([found[code] / area_m2[code] for code in own.index])
    assert np.abs(ratio / np.median(ratio) - 1).max() < 0.01
    assert abs(np.median(ratio) - 1) < 0.01


def test_what_is_too_small_to_draw_is_there_as_a_point(
    divisions: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    table = divisions.copy()
    at = np.flatnonzero((table["level"] == "community").to_numpy())[:5]
    middle = shapely.point_on_surface(np.asarray(table.geometry.array)[at])
    tiny = [
        shapely.box(p.x, p.y, p.x + wide, p.y + high)
        for p, wide, high in zip(
            middle, (1e-6, 1e-5, 5e-5, 1e-5, 1e-2), (1e-6, 1e-5, 5e-5, 1e-2, 1e-6),
            strict=True,
        )
    ]  # fmt: skip
    shapes = np.array(table.geometry.array, dtype=object)
    shapes[at] = tiny
    table = table.set_geometry(gpd.GeoSeries(shapes, crs=table.crs))
    path = build_division_tiles(table, tmp_path)
    assert path is not None
    expected = set(table.loc[table["level"] == "community", "code"])
    for codes in codes_by_zoom(path).values():
        assert codes == expected


def test_equal_boundaries_are_built_once(
    divisions: gpd.GeoDataFrame, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: object) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr(building, "_write", never)
    other = divisions.assign(people=0.0)
    assert build_division_tiles(other, built.parent.parent) == built


@pytest.mark.parametrize("column", ["code", "name", "geometry"])
def test_other_boundaries_have_another_name(
    divisions: gpd.GeoDataFrame, column: str
) -> None:
    other = divisions.copy()
    at = other.index[other["level"] == "community"][0]
    if column == "geometry":
        other.loc[at, "geometry"] = other.geometry[at].buffer(1e-4)
    else:
        other.loc[at, column] = "421303009999"
    assert tiles_key(other) != tiles_key(divisions)


def test_few_divisions_have_no_tiles(tmp_path: Path) -> None:
    assert build_division_tiles(make_few(), tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_failed_build_leaves_nothing(
    divisions: gpd.GeoDataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building, "_cut", full_disk)
    with pytest.raises(OSError, match="No space"):
        build_division_tiles(divisions, tmp_path)
    assert list((tmp_path / keys.FOLDER).iterdir()) == []
