"""One part of the province: a county, made alone, written as pieces of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from yikezhong_geodata.demo.boundaries import Land
from yikezhong_geodata.demo.facilities import survey
from yikezhong_geodata.demo.names import Place
from yikezhong_geodata.demo.province import pbf
from yikezhong_geodata.demo.province.homes import list_homes
from yikezhong_geodata.demo.province.land import draw_county
from yikezhong_geodata.demo.province.layout import Layout
from yikezhong_geodata.demo.province.main_lines import (
    Water,
    draw_expressways,
    draw_water,
)
from yikezhong_geodata.demo.province.places import settle_county
from yikezhong_geodata.demo.province.size import Size, chance
from yikezhong_geodata.demo.province.skeleton import (
    IntArray,
    Skeleton,
    draw_skeleton,
)
from yikezhong_geodata.demo.province.tables import (
    ENCODINGS,
    count_people,
    list_tables,
    text_of,
)
from yikezhong_geodata.demo.roads import Roads, draw_roads
from yikezhong_geodata.demo.surroundings import Carriageways
from yikezhong_geodata.demo.terrain import FloatArray, clip_rivers
from yikezhong_geodata.demo.write import zone_lines
from yikezhong_geodata.demo.zone_layers import draw_zones

LAYOUT_FILE: Final = "layout.npz"
LEVELS: Final = ("county", "township", "community")
#: Zones that are drawn for the whole province, not in parts.
WHOLE_ZONES: Final = ("railway", "river")


@dataclass(frozen=True, eq=False)
class Base:
    """What every part needs of the whole."""

    skeleton: Skeleton
    water: Water
    expressways: tuple[Carriageways, ...]


@lru_cache(maxsize=1)
def read_base(size: Size) -> Base:
    """Draw the skeleton and the main lines of a province."""
    skeleton = draw_skeleton(size)
    return Base(skeleton, draw_water(skeleton), draw_expressways(skeleton))


def shared_places(base: Base, layout: Layout) -> IntArray:
    """Return the keys of the places that several parts use: gates, expressways."""
    lines = [line for way in base.expressways for line in (way.forth, way.back)]
    return np.unique(pbf.place_keys(np.vstack([layout.gates, *lines])))


def settle_part(size: Size, k: int) -> FloatArray:
    """Return the points of the communities of a county [m]."""
    return settle_county(read_base(size).skeleton, k)


@lru_cache(maxsize=1)
def _read_layout(path: Path) -> Layout:
    return Layout.load(path)


def write_part(folder: Path, size: Size, k: int) -> int:
    """Make a county and write its pieces into a folder of its own; return ``k``.

    Parameters
    ----------
    folder : Path
        Holds the layout; the pieces go into ``part_folder(folder, k)``.
    size : Size
    k : int
        Number of the county.
    """
    base, layout = read_base(size), _read_layout(folder / LAYOUT_FILE)
    own = part_folder(folder, k)
    own.mkdir()
    land = draw_county(base.skeleton, layout, k, base.expressways)
    rivers = clip_rivers(base.water.rivers, land.outline)
    roads = draw_roads(land, rivers, chance(11, k))
    people = layout.people[layout.county_of == k]
    codes = [c.code for c in land.places.communities]
    ground = survey(land, count_people(codes, people, k), roads)
    tables = list_tables(ground, k)
    for name, rows in tables.rows.items():
        text = text_of(rows)
        encoding = ENCODINGS.get(name, "utf-8")
        (own / f"{name}.csv").write_bytes(text.encode(encoding))
    zones = draw_zones(ground, roads, rivers, burial=tables.burial, rng=chance(31, k))
    for name in zones.keys() - set(WHOLE_ZONES):
        (own / f"zones_{name}.jsonl").write_text(
            "".join(f"{line}\n" for line in zone_lines(zones[name])),
            encoding="utf-8", newline="\n",
        )  # fmt: skip
    _write_boundaries(own, land)
    _write_homes(own, land, roads, people, k)
    pbf.write_part(
        own / "nodes.osm.pbf", own / "ways.osm.pbf", roads.ways,
        part=k + 1, shared=shared_places(base, layout),
    )  # fmt: skip
    return k


def part_folder(folder: Path, k: int) -> Path:
    """Return where the pieces of a county lie."""
    return folder / f"part-{k:03d}"


def _write_boundaries(folder: Path, land: Land) -> None:
    places = land.places
    for level, own in zip(
        LEVELS, (places.counties, places.townships, places.communities), strict=True
    ):
        shapes = [land.shapes[p.code] for p in own]
        pq.write_table(division_table(own, shapes), folder / f"{level}.parquet")


def division_table(places: Sequence[Place], shapes: Sequence[Any]) -> pa.Table:
    """Return divisions with codes, names and shapes in WKB."""
    return pa.table(
        {
            "区划代码": pa.array([p.code for p in places], pa.string()),
            "名称": pa.array([p.name for p in places], pa.string()),
            "geometry": pa.array(
                shapely.to_wkb(np.array(shapes, dtype=object)).tolist(), pa.binary()
            ),
        }
    )


def _write_homes(
    folder: Path, land: Land, roads: Roads, people: IntArray, k: int
) -> None:
    lonlat, counts = list_homes(land, roads, people, chance(12, k))
    table = pa.table(
        {
            "常住人口": pa.array(counts, pa.int32()),
            "geometry": pa.array(
                shapely.to_wkb(shapely.points(lonlat)).tolist(), pa.binary()
            ),
        }
    )
    pq.write_table(table, folder / "homes.parquet")
