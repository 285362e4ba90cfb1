"""Studies to run whole: a prefecture and a province of tiles, the same every time.

The roads are the ways of Porto Alegre, laid side by side and mirrored as in
:mod:`benchmarks.networks`. The rest is made: a lattice of divisions with codes that
belong to nobody, people at road nodes, facilities of fifteen categories. Everything is
written as files of a study, so that a run begins where a user's begins.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import osmium

from benchmarks.networks import TILES, data_folder

#: Townships in a county and communities in a township, in columns and rows.
_TOWNSHIPS: Final = (3, 4)
_COMMUNITIES: Final = (3, 7)
_SEED: Final = 20_251_231
_KEPT_TAGS: Final = ("highway", "name", "maxspeed", "oneway", "access", "foot")

#: Category and share of the facilities.
_CATEGORIES: Final = {
    "elderly_complex": 0.08,
    "day_care": 0.14,
    "mutual_aid": 0.22,
    "elderly_institution": 0.06,
    "special_care": 0.01,
    "child_protection_station": 0.06,
    "minor_protection_center": 0.01,
    "child_welfare_home": 0.01,
    "funeral_home": 0.01,
    "funeral_service_point": 0.05,
    "public_cemetery": 0.08,
    "columbarium": 0.04,
    "kindergarten": 0.10,
    "school": 0.08,
    "clinic": 0.05,
}
_FUNCTIONS: Final = ("meal", "cleaning", "medical", "bathing", "mobility", "day")


@dataclass(frozen=True)
class Size:
    """How large a made study is."""

    tiles: tuple[int, int]
    counties: tuple[int, int]
    n_point: int
    n_facility: int


SIZES: Final = {
    "tiny": Size((1, 1), (1, 1), 2_000, 60),
    "prefecture": Size(TILES["prefecture"], (2, 2), 100_000, 2_000),
    "province": Size(TILES["province"], (12, 9), 1_000_000, 20_000),
}


def make_study(name: str, folder: Path) -> Path:
    """Write a study folder; the same files every time.

    Parameters
    ----------
    name : {"tiny", "prefecture", "province"}
    folder : Path
        Made where it is not there.
    """
    size = SIZES[name]
    folder.mkdir(parents=True, exist_ok=True)
    tile = _read_tile(data_folder() / "porto_alegre" / "poa_osm.pbf")
    random = np.random.default_rng(_SEED)
    _write_roads(folder / "roads.osm.pbf", tile, size.tiles)
    box = tile.extent(size.tiles)
    cells = _write_divisions(folder, size, box)
    _write_people(folder, tile, size, cells, random)
    _write_facilities(folder / "facilities.csv", tile, size, random)
    (folder / "study.toml").write_text(_study_toml(name), encoding="utf-8")
    return folder


@dataclass(frozen=True, eq=False)
class Tile:
    """The ways of one tile; nodes counted from its south-western corner."""

    origin: tuple[float, float]
    lon: np.ndarray
    lat: np.ndarray
    ways: list[tuple[dict[str, str], np.ndarray]]

    @property
    def width(self) -> float:
        """Degrees of longitude from one tile to the next."""
        return float(self.lon.max()) + 1e-4

    @property
    def height(self) -> float:
        """Degrees of latitude from one tile to the next."""
        return float(self.lat.max()) + 1e-4

    def extent(self, tiles: tuple[int, int]) -> tuple[float, float, float, float]:
        """Return west, south, east and north of so many tiles."""
        west, south = self.origin
        return west, south, west + tiles[0] * self.width, south + tiles[1] * self.height

    def places(self, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the nodes of the tile in a column and row, mirrored if odd."""
        lon = self.width - self.lon if x % 2 else self.lon
        lat = self.height - self.lat if y % 2 else self.lat
        return (
            self.origin[0] + x * self.width + lon,
            self.origin[1] + y * self.height + lat,
        )


def _read_tile(path: Path) -> Tile:
    number: dict[int, int] = {}
    places: list[tuple[float, float]] = []
    ways = []
    found = osmium.FileProcessor(str(path)).with_locations()
    for way in found.with_filter(osmium.filter.KeyFilter("highway")):
        if not way.is_way():
            continue
        refs = []
        for node in way.nodes:
            if node.location.valid():
                if node.ref not in number:
                    number[node.ref] = len(places)
                    places.append((node.location.lon, node.location.lat))
                refs.append(number[node.ref])
        tags = {key: way.tags[key] for key in _KEPT_TAGS if key in way.tags}
        ways.append((tags, np.array(refs)))
    lonlat = np.array(places)
    west, south = lonlat.min(axis=0).tolist()
    return Tile((west, south), lonlat[:, 0] - west, lonlat[:, 1] - south, ways)


def _write_roads(path: Path, tile: Tile, tiles: tuple[int, int]) -> None:
    """Write all tiles, joined to their neighbours by short paths."""
    mutable = osmium.osm.mutable
    n, (columns, rows) = len(tile.lon), tiles
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for k in range(columns * rows):
            lon, lat = tile.places(k % columns, k // columns)
            for i, place in enumerate(zip(lon.tolist(), lat.tolist(), strict=True)):
                writer.add_node(
                    mutable.Node(id=k * n + i + 1, location=place, version=1)
                )
        number = 0
        for k in range(columns * rows):
            for tags, refs in tile.ways:
                number += 1
                nodes = (refs + k * n + 1).tolist()
                way = mutable.Way(id=number, nodes=nodes, tags=tags, version=1)
                writer.add_way(way)
        for one, other in _joints(tile, columns, rows):
            number += 1
            tags = {"highway": "residential"}
            nodes = [one + 1, other + 1]
            writer.add_way(mutable.Way(id=number, nodes=nodes, tags=tags, version=1))


def _joints(tile: Tile, columns: int, rows: int) -> Iterator[tuple[int, int]]:
    """Yield pairs of nodes that face each other across a border."""
    n = len(tile.lon)
    for k in range(columns * rows):
        x, y = k % columns, k // columns
        for values, far, step, there in (
            (tile.lon, x % 2 == 0, 1, x + 1 < columns),
            (tile.lat, y % 2 == 0, columns, y + 1 < rows),
        ):
            if there:
                order = np.argsort(-values if far else values, kind="stable")[:40]
                for i in order.tolist():
                    yield k * n + i, (k + step) * n + i


def _lattice(size: Size) -> dict[str, tuple[int, int]]:
    """Return columns and rows of the divisions of each level."""
    county = size.counties
    township = (county[0] * _TOWNSHIPS[0], county[1] * _TOWNSHIPS[1])
    community = (township[0] * _COMMUNITIES[0], township[1] * _COMMUNITIES[1])
    return {"county": county, "township": township, "community": community}


def _code(x: int, y: int, level: str, counties: tuple[int, int]) -> str:
    """Return the code of a cell: 99 is no province."""
    inside = {"county": (1, 1), "township": _TOWNSHIPS}
    inside["community"] = (
        _TOWNSHIPS[0] * _COMMUNITIES[0],
        _TOWNSHIPS[1] * _COMMUNITIES[1],
    )
    wide, high = inside[level]
    number = (y // high) * counties[0] + x // wide
    text = f"99{number // 20 + 1:02}{number % 20 + 1:02}"
    if level == "county":
        return text + "000000"
    tx = x % wide // (wide // _TOWNSHIPS[0])
    ty = y % high // (high // _TOWNSHIPS[1])
    text += f"{100 + ty * _TOWNSHIPS[0] + tx:03}"
    if level == "township":
        return text + "000"
    cx, cy = x % _COMMUNITIES[0], y % _COMMUNITIES[1]
    return text + f"{200 + cy * _COMMUNITIES[0] + cx:03}"


def _write_divisions(
    folder: Path, size: Size, box: tuple[float, float, float, float]
) -> list[str]:
    """Write a layer for each level; return the codes of the communities, by row."""
    west, south, east, north = box
    codes: list[str] = []
    for level, (columns, rows) in _lattice(size).items():
        lon = np.round(np.linspace(west, east, columns + 1), 7).tolist()
        lat = np.round(np.linspace(south, north, rows + 1), 7).tolist()
        codes = []
        features: list[dict[str, Any]] = []
        for y in range(rows):
            for x in range(columns):
                code = _code(x, y, level, size.counties)
                codes.append(code)
                ring = [
                    [lon[x], lat[y]], [lon[x + 1], lat[y]], [lon[x + 1], lat[y + 1]],
                    [lon[x], lat[y + 1]], [lon[x], lat[y]],
                ]  # fmt: skip
                features.append(
                    {
                        "type": "Feature",
                        "properties": {"区划代码": code, "名称": f"{code}示意区"},
                        "geometry": {"type": "Polygon", "coordinates": [ring]},
                    }
                )
        text = json.dumps({"type": "FeatureCollection", "features": features})
        path = folder / f"boundaries_{level}.geojson"
        path.write_text(text, encoding="utf-8")
    return codes


def _some_places(
    tile: Tile, size: Size, n: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return places of random road nodes."""
    columns, rows = size.tiles
    at = random.integers(columns * rows, size=n)
    node = random.integers(len(tile.lon), size=n)
    lon, lat = np.empty(n), np.empty(n)
    for k in range(columns * rows):
        here = at == k
        all_lon, all_lat = tile.places(k % columns, k // columns)
        lon[here], lat[here] = all_lon[node[here]], all_lat[node[here]]
    return np.round(lon, 6), np.round(lat, 6)


def _write_people(
    folder: Path, tile: Tile, size: Size, codes: list[str], random: np.random.Generator
) -> None:
    """Write people by community, and the places where they live."""
    lon, lat = _some_places(tile, size, size.n_point, random)
    people = random.integers(1, 120, size=size.n_point)
    columns, rows = _lattice(size)["community"]
    west, south, east, north = tile.extent(size.tiles)
    x = np.clip(((lon - west) / (east - west) * columns).astype(int), 0, columns - 1)
    y = np.clip(((lat - south) / (north - south) * rows).astype(int), 0, rows - 1)
    total = np.bincount(y * columns + x, weights=people, minlength=len(codes))
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["区划代码", "常住人口", "60岁及以上人口", "未成年人"])
        for code, count in zip(codes, total.astype(int).tolist(), strict=True):
            writer.writerow([code, count, int(count * 0.24), int(count * 0.15)])
    with (folder / "homes.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "经度", "纬度", "常住人口"])
        table = zip(lon.tolist(), lat.tolist(), people.tolist(), strict=True)
        writer.writerows((f"h{i}", *row) for i, row in enumerate(table))


def _write_facilities(
    path: Path, tile: Tile, size: Size, random: np.random.Generator
) -> None:
    n = size.n_facility
    lon, lat = _some_places(tile, size, n, random)
    share = np.array(list(_CATEGORIES.values()))
    kind = random.choice(list(_CATEGORIES), size=n, p=share / share.sum())
    offered = random.random((n, len(_FUNCTIONS))) < 0.6
    beds = random.integers(5, 120, size=n)
    status = random.choice(["在营", "规划", "关停"], size=n, p=[0.9, 0.05, 0.05])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["id", "名称", "类别", "服务功能", "床位数", "日托床位数", "状态", "经度",
             "纬度"]
        )  # fmt: skip
        for i in range(n):
            functions = [
                f for f, has in zip(_FUNCTIONS, offered[i], strict=True) if has
            ]
            writer.writerow(
                [f"f{i}", f"示意设施{i}", kind[i], ";".join(functions), beds[i],
                 beds[i] // 4, status[i], lon[i], lat[i]]
            )  # fmt: skip


def _study_toml(name: str) -> str:
    boundaries = "".join(
        f'\n[[boundaries]]\nfile = "boundaries_{level}.geojson"\nlevel = "{level}"\n'
        for level in ("county", "township", "community")
    )
    return f"""[study]
name = "made {name}"
as_of = 2025-12-31
plans = ["hubei-14fyp", "suizhou-14fyp"]
{boundaries}
[[facilities]]
file = "facilities.csv"

[[population]]
kind = "table"
file = "people.csv"
basis = "常住"
year = 2020

[[population]]
kind = "points"
file = "homes.csv"
basis = "常住"
year = 2020

[roads]
file = "roads.osm.pbf"
"""
