"""Schematic zones around which no burial place may be: a layer for each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import shapely

from yikezhong_geodata.demo.facilities import Ground, Row
from yikezhong_geodata.demo.names import township_kind
from yikezhong_geodata.demo.roads import Roads
from yikezhong_geodata.demo.terrain import (
    FloatArray,
    River,
    smooth_line,
    to_lonlat,
    to_plane,
)

#: Distances that the demonstration assumes [m]; the plan names none.
DISTANCES_M: Final = {
    "farmland_m": 0,
    "highway_m": 200,
    "railway_m": 200,
    "river_m": 100,
    "water_source_m": 0,
    "heritage_m": 100,
    "scenic_m": 0,
    "nature_reserve_m": 0,
    "residential_m": 0,
}
_HIGHWAYS: Final = ("motorway", "primary")

Layers = dict[str, list[tuple[Any, str]]]


def draw_zones(
    ground: Ground,
    roads: Roads,
    rivers: Sequence[River],
    *,
    burial: Sequence[Row],
    rng: np.random.Generator,
) -> Layers:
    """Return shapes (EPSG:4326) and names by class.

    One cemetery that is open lies in a water source, one by a scenic area; the other
    zones are where they happen to be.

    Parameters
    ----------
    ground : Ground
    roads : Roads
    rivers : sequence of River
    burial : sequence of row
        The list of burial places.
    rng : Generator
        Source of chance.
    """
    plane: dict[str, list[tuple[Any, str]]] = {
        "highway": [
            (shapely.LineString(way.points), dict(way.tags).get("name") or "公路干线")
            for way in roads.ways
            if dict(way.tags).get("highway") in _HIGHWAYS
        ],
        "railway": [(_railway(ground, rng), "示意铁路")],
        "river": [(river.line, river.name) for river in rivers],
        "residential": _residential(ground),
        "farmland": _farmland(ground, rng),
        "heritage": [_disc(ground, k, rng, 260.0, "文物保护区") for k in (0,)],
        "nature_reserve": [_disc(ground, -1, rng, 2600.0, "自然保护区")],
    }
    open_ = [
        row
        for row in burial
        if row["设施类别"] == "农村公益性公墓" and row["状态"] == "运营"
    ]
    for at, (name, word, radius_m) in (
        (2, ("water_source", "水源保护区", 900.0)),
        (5, ("scenic_area", "景区", 1400.0)),
    ):
        if not open_:
            break
        row = open_[at % len(open_)]
        centre = _place_of(row) + rng.uniform(-0.4, 0.4, 2) * radius_m
        shape = shapely.Point(centre).buffer(radius_m, quad_segs=12)
        plane[name] = [(shape, f"{row['所属乡镇']}示意{word}")]
    return {
        name: [(round_lonlat(shape), label) for shape, label in shapes]
        for name, shapes in plane.items()
    }


def _place_of(row: Row) -> FloatArray:
    lon, lat = float(row["经度"] or 0), float(row["纬度"] or 0)
    return np.asarray(to_plane(np.array([lon]), np.array([lat]))[0])


def round_lonlat(shape: Any) -> Any:
    """Return a shape of the plane in degrees, to about 0.1 m."""
    found = shapely.transform(shape, to_lonlat)
    return shapely.transform(found, lambda xy: np.round(xy, 6))


def _railway(ground: Ground, rng: np.random.Generator) -> shapely.LineString:
    """Return a line from west to east past the middle of the seats."""
    seats = ground.land.seats
    west, east = seats[:, 0].min(), seats[:, 0].max()
    x = np.linspace(west, east, 5)
    y = np.median(seats[:, 1]) + rng.uniform(-4000.0, 4000.0, len(x))
    return shapely.LineString(smooth_line(np.column_stack((x, y)), step_m=400.0))


def _residential(ground: Ground) -> list[tuple[Any, str]]:
    """Return the built-up middle of each street and town."""
    found = []
    for k, township in enumerate(ground.townships):
        if township_kind(township.code) == "township_unit":
            continue
        radius_m = 700.0 if township_kind(township.code) == "subdistrict" else 350.0
        shape = shapely.Point(ground.land.seats[k]).buffer(radius_m, quad_segs=8)
        found.append((shape, f"{township.name}集中住宅区"))
    return found


def _farmland(ground: Ground, rng: np.random.Generator) -> list[tuple[Any, str]]:
    """Return a block of protected farmland in each township that has room."""
    found = []
    for k, township in enumerate(ground.townships):
        if township_kind(township.code) != "town":
            continue
        middle = ground.land.seats[k] + rng.uniform(-3000.0, 3000.0, 2)
        half = rng.uniform(300.0, 900.0, 2)
        shape = shapely.box(*(middle - half), *(middle + half))
        found.append((shape, f"{township.name}永久基本农田"))
    return found


def _disc(
    ground: Ground, k: int, rng: np.random.Generator, radius_m: float, word: str
) -> tuple[Any, str]:
    middle = ground.land.seats[k] + rng.uniform(1500.0, 3000.0, 2)
    name = ground.townships[k].name
    return shapely.Point(middle).buffer(radius_m, quad_segs=12), f"{name}示意{word}"
