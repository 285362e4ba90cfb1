"""Facilities of every category: where they stand and what a bureau's list says.

A row is a mapping from Chinese header to value, as the delivered files have it. Each
file of the delivery has its own module (elderly, children, funeral, civic); this one
places rows on the land.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from yikezhong_geodata.demo.boundaries import Land
from yikezhong_geodata.demo.names import (
    Place,
    is_urban,
    short_name,
    township_kind,
)
from yikezhong_geodata.demo.population import People
from yikezhong_geodata.demo.roads import Roads
from yikezhong_geodata.demo.terrain import FloatArray, to_lonlat, to_plane

Value = str | int | float | None
Row = dict[str, Value]

#: Which road nodes of a community, by distance from its centre, as shares.
Band = tuple[float, float]
CENTRAL: Final[Band] = (0.0, 0.0)
ANYWHERE: Final[Band] = (0.0, 1.0)
OUTER: Final[Band] = (0.45, 0.9)

#: Day for which the study is valued.
AS_OF: Final = dt.date(2025, 12, 31)


@dataclass(frozen=True)
class Ground:
    """Where facilities can stand: the nodes of the roads in each community.

    ``nodes_of[i]`` are positions [m] of road nodes in community ``i``, the nearest to
    its centre first.
    """

    land: Land
    people: People
    nodes_of: tuple[FloatArray, ...]

    @property
    def communities(self) -> tuple[Place, ...]:
        """The communities, in the order of their numbers."""
        return self.land.places.communities

    @property
    def townships(self) -> tuple[Place, ...]:
        """The townships, in the order of their numbers."""
        return self.land.places.townships

    def members(self, township: int) -> NDArray[np.int64]:
        """Return the communities of a township."""
        return np.flatnonzero(self.land.township_of == township)

    def seat(self, township: int) -> int:
        """Return the community in which a township's seat lies."""
        own = self.members(township)
        away = np.hypot(*(self.land.centres[own] - self.land.seats[township]).T)
        return int(own[np.argmin(away)])

    def area_km2(self, community: int) -> float:
        """Return the area of a community [km2]."""
        shape = self.land.shapes[self.communities[community].code]
        plane = to_plane(*shapely.get_coordinates(shape).T)
        return float(shapely.Polygon(plane).area) / 1e6

    def spot(
        self, community: int, rng: np.random.Generator, *, band: Band = CENTRAL
    ) -> tuple[float, float]:
        """Return a place by a road of the community: (lon, lat) [degrees].

        ``band`` says which of the road nodes, in order of their distance from the
        centre, are taken: shares of all of them; ``CENTRAL`` the first six.
        """
        nodes = self.nodes_of[community]
        first, end = int(band[0] * len(nodes)), int(np.ceil(band[1] * len(nodes)))
        if band == CENTRAL:
            end = min(len(nodes), 6)
        shape = self.land.shapes[self.communities[community].code]
        for _ in range(12):
            node = nodes[int(rng.integers(first, max(end, first + 1)))]
            bearing, away = rng.uniform(0, 2 * np.pi), rng.uniform(8.0, 38.0)
            xy = node + away * np.array([np.cos(bearing), np.sin(bearing)])
            lon, lat = (float(c) for c in np.round(to_lonlat(xy[None])[0], 6))
            if shapely.contains_xy(shape, lon, lat):
                return lon, lat
        inner = shape.representative_point()
        return round(float(inner.x), 6), round(float(inner.y), 6)


def survey(land: Land, people: People, roads: Roads) -> Ground:
    """Sort the nodes of the roads by community.

    Only communities without any node are given their own centre.
    """
    lonlat = to_lonlat(roads.nodes)
    shapes = [land.shapes[c.code] for c in land.places.communities]
    inside = shapely.STRtree(shapes).query(shapely.points(lonlat), predicate="within")
    order = np.lexsort((inside[0], inside[1]))
    node, cell = inside[0][order], inside[1][order]
    starts = np.searchsorted(cell, np.arange(len(shapes) + 1))
    nodes_of = []
    for i in range(len(shapes)):
        own = roads.nodes[node[starts[i] : starts[i + 1]]]
        if not len(own):
            nearest = cKDTree(roads.nodes).query(land.centres[i])[1]
            own = roads.nodes[nearest][None]
        away = np.hypot(*(own - land.centres[i]).T)
        nodes_of.append(own[np.argsort(away, kind="stable")])
    return Ground(land, people, tuple(nodes_of))


def base_row(
    ground: Ground,
    community: int,
    rng: np.random.Generator,
    *,
    name: str,
    category: str,
    band: Band = CENTRAL,
) -> Row:
    """Return the columns that every list has, placed in a community."""
    place = ground.communities[community]
    township = ground.townships[int(ground.land.township_of[community])]
    county = next(
        c for c in ground.land.places.counties if c.code[:6] == place.code[:6]
    )
    lon, lat = ground.spot(community, rng, band=band)
    return {
        "设施编号": "",
        "设施名称": name,
        "设施类别": category,
        "所属区县": county.name,
        "所属乡镇": township.name,
        "所属社区代码": place.code,
        "经度": lon,
        "纬度": lat,
    }


def life(rng: np.random.Generator, *, first: int = 2006, new: float = 0.42) -> Row:
    """Return 状态, 启用日期 and 停用日期 of a facility as of the end of 2025.

    About one in 25 is closed and one in 30 still planned; ``new`` is the share opened
    in 2021-2025. A few rows have only a status, or only a year, as real lists do.
    """
    chance = rng.random()
    if chance < 0.035:
        opening = dt.date(2026, int(rng.integers(3, 13)), 1)
        return {"状态": "在建", "启用日期": opening.isoformat(), "停用日期": None}
    years = (2021, 2026) if rng.random() < new else (first, 2021)
    opened = _day(rng, *years)
    if chance < 0.075:
        start = max(2022, opened.year + 1)
        closed = _day(rng, min(start, 2025), 2026)
        return {
            "状态": "停用",
            "启用日期": opened.isoformat(),
            "停用日期": max(closed, opened).isoformat(),
        }
    text: str | None = opened.isoformat()
    form = rng.random()
    if form < 0.06:
        text = None
    elif form < 0.14:
        text = str(opened.year)
    return {"状态": "运营", "启用日期": text, "停用日期": None}


def always_open(rng: np.random.Generator, *, first: int, last: int) -> Row:
    """Return dates of a facility that has opened in these years and is open."""
    opened = _day(rng, first, last + 1)
    return {"状态": "运营", "启用日期": opened.isoformat(), "停用日期": None}


def planned(rng: np.random.Generator) -> Row:
    """Return dates of a facility that opens in 2026."""
    return {
        "状态": "规划",
        "启用日期": _day(rng, 2026, 2027).isoformat(),
        "停用日期": None,
    }


def number_rows(rows: Sequence[Row], prefix: str) -> None:
    """Write 设施编号 into the rows, in their order."""
    for i, row in enumerate(rows, start=1):
        row["设施编号"] = f"{prefix}{i:04d}"


def yes(rng: np.random.Generator, share: float) -> str:
    """Return 是 with this chance, else 否."""
    return "是" if rng.random() < share else "否"


def village_name(place: Place) -> str:
    """Return how a facility's name begins with its community's name."""
    return short_name(place.name)


def is_city(place: Place) -> bool:
    """Return whether a community is a 社区 of a 街道 or a zone."""
    return is_urban(place.code) and township_kind(place.code) != "town"


def _day(rng: np.random.Generator, first: int, end: int) -> dt.date:
    """Return a day of the years first <= year < end."""
    start = dt.date(first, 1, 1)
    n = (dt.date(end, 1, 1) - start).days
    return start + dt.timedelta(days=int(rng.integers(n)))
