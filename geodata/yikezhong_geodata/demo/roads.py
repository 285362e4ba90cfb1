"""The whole road network as OSM-like ways, but for the expressways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from yikezhong_geodata.demo.boundaries import Land
from yikezhong_geodata.demo.country import Country, bend, draw_country
from yikezhong_geodata.demo.expressways import draw_expressways
from yikezhong_geodata.demo.names import is_urban
from yikezhong_geodata.demo.routes import Routes, plan_routes
from yikezhong_geodata.demo.terrain import (
    FloatArray,
    River,
    hilliness,
)
from yikezhong_geodata.demo.towns import Towns, draw_towns
from yikezhong_geodata.demo.ways import Way, tags_of


@dataclass(frozen=True)
class Roads:
    """All ways, and the places along drivable or walkable roads.

    ``nodes`` are the junctions and hamlets [m], towns first (``n_town`` of them).
    """

    ways: tuple[Way, ...]
    nodes: FloatArray
    n_town: int


def draw_roads(
    land: Land, rivers: tuple[River, ...], rng: np.random.Generator
) -> Roads:
    """Draw every road of the study.

    Parameters
    ----------
    land : Land
        Boundaries and seats.
    rivers : tuple of River
        No road but a bridge crosses them.
    rng : Generator
        Source of chance.

    Returns
    -------
    Roads
        Ways that share a point exactly where they meet.
    """
    water = shapely.union_all([r.line for r in rivers])
    shapely.prepare(water)
    towns = draw_towns(land, water, rng)
    country = draw_country(land, towns, water, rng)
    routes = plan_routes(land, country, towns)
    ways = [*_town_ways(towns, routes)]
    ways += _country_ways(country, routes, water, rng)
    ways += _lanes(land, country, routes, water, rng)
    ways += draw_expressways(land, country, routes)
    ways += _lonely_paths(land, country, rng)
    return Roads(tuple(ways), country.nodes, country.n_town)


def _town_ways(towns: Towns, routes: Routes) -> Iterator[Way]:
    for street, route in zip(towns.streets, routes.town_class, strict=True):
        highway = street.highway
        if route in ("primary", "secondary") or (route and highway == "residential"):
            highway = route
        oneway = street.oneway and not route
        points = towns.nodes[[street.u, street.v]]
        yield Way(
            points, tags_of(highway, street.name, oneway=oneway, bridge=street.bridge)
        )


def _country_ways(
    country: Country,
    routes: Routes,
    water: shapely.Geometry,
    rng: np.random.Generator,
) -> Iterator[Way]:
    used = country.chosen | np.array([c != "" for c in routes.road_class])
    for e in np.flatnonzero(used):
        ends = country.nodes[[country.u[e], country.v[e]]]
        between = bend(country, int(e), rng)
        line = ends if between is None else np.vstack((ends[:1], between, ends[1:]))
        line_wet = shapely.intersects(shapely.LineString(line), water)
        if line_wet and not country.wet[e]:
            line, line_wet = ends, False
        minor = "unclassified"
        if not country.tree[e]:
            minor = _minor_class(float(country.hilly[e]), rng)
        highway = routes.road_class[e] or minor
        name = routes.road_name[e]
        if not line_wet:
            yield Way(line, tags_of(highway, name))
            continue
        for part, bridge in _split_at_water(line, water):
            yield Way(part, tags_of(highway, name, bridge=bridge))


def _minor_class(hilly: float, rng: np.random.Generator) -> str:
    chance = rng.random()
    if chance < 0.18 + 0.30 * hilly:
        return "track"
    return "path" if chance < 0.18 + 0.45 * hilly else "unclassified"


def _split_at_water(
    line: FloatArray, water: shapely.Geometry
) -> list[tuple[FloatArray, bool]]:
    """Cut a line into stretches on land and bridges, cut at its own points."""
    if len(line) == 2:
        a, b = line
        line = np.vstack((a, a + (b - a) * 0.35, a + (b - a) * 0.65, b))
    pairs = shapely.linestrings(np.stack((line[:-1], line[1:]), axis=1))
    wet = shapely.intersects(pairs, water)
    parts, start = [], 0
    for i in range(1, len(wet) + 1):
        if i == len(wet) or wet[i] != wet[start]:
            parts.append((line[start : i + 1], bool(wet[start])))
            start = i
    return parts


def _lanes(
    land: Land,
    country: Country,
    routes: Routes,
    water: shapely.Geometry,
    rng: np.random.Generator,
) -> list[Way]:
    """Return the lanes of villages and hamlets, laid between the roads that meet."""
    used = country.chosen | np.array([c != "" for c in routes.road_class])
    bearings: list[list[float]] = [[] for _ in range(len(country.nodes))]
    for a, b in zip(country.u[used], country.v[used], strict=True):
        dx, dy = country.nodes[b] - country.nodes[a]
        bearings[a].append(float(np.arctan2(dy, dx)))
        bearings[b].append(float(np.arctan2(-dy, -dx)))
    size = {}
    for place, node in zip(land.places.communities, country.seat, strict=True):
        size[int(node)] = 3 if is_urban(place.code) else 2
    ways = []
    for node in range(country.n_town, country.n_place):
        big = size.get(node, 1)
        for bearing in _gaps(bearings[node], max(1, 2 * big - 2), rng):
            ways += _lane(country.nodes[node], bearing, big, rng)
    lines = [shapely.LineString(w.points) for w in ways]
    wet = shapely.intersects(np.array(lines), water)
    return [w for w, is_wet in zip(ways, wet, strict=True) if not is_wet]


def _gaps(taken: list[float], n: int, rng: np.random.Generator) -> list[float]:
    """Return up to n bearings in the widest gaps between those taken."""
    if not taken:
        return list(rng.uniform(-np.pi, np.pi, n))
    order = sorted(taken)
    gaps = [
        (b - a, a)
        for a, b in zip(order, [*order[1:], order[0] + 2 * np.pi], strict=True)
    ]
    found = []
    for width, start in sorted(gaps, reverse=True)[:n]:
        parts = 2 if width > 2.6 else 1
        for k in range(1, parts + 1):
            found.append(start + width * k / (parts + 1) + rng.uniform(-0.12, 0.12))
    return found[:n]


def _lane(
    start: FloatArray, bearing: float, big: int, rng: np.random.Generator
) -> list[Way]:
    length = rng.uniform(70.0, 130.0) * (0.8 + 0.35 * big)
    ahead = np.array([np.cos(bearing), np.sin(bearing)])
    aside = np.array([-ahead[1], ahead[0]])
    drift = rng.normal(0.0, 0.06 * length, 2)
    middle = start + ahead * length * 0.5 + aside * drift[0]
    end = start + ahead * length + aside * drift[1]
    highway = "residential" if big > 1 else "service"
    ways = [Way(np.vstack((start, middle, end)), tags_of(highway))]
    for at in (middle, end)[: big - 1 + int(rng.random() < 0.5)]:
        for side in (-1.0, 1.0):
            if rng.random() < 0.62:
                reach = rng.uniform(35.0, 70.0) * (0.7 + 0.3 * big)
                tip = at + aside * side * reach + ahead * rng.normal(0.0, 8.0)
                ways.append(Way(np.vstack((at, tip)), tags_of(highway)))
    return ways


def _lonely_paths(
    land: Land, country: Country, rng: np.random.Generator
) -> Iterator[Way]:
    """Yield mountain paths that touch no other road, on purpose."""
    if land.around.n_path == 0:
        return
    x0, y0, x1, y1 = land.outline.bounds
    tries = np.column_stack((rng.uniform(x0, x1, 4_000), rng.uniform(y0, y1, 4_000)))
    inner = land.outline.buffer(-1_500.0)
    tries = tries[shapely.contains_xy(inner, tries[:, 0], tries[:, 1])]
    hilly = hilliness(tries, land.around.hills)
    room = cKDTree(country.nodes).query(tries)[0] + 900.0 * hilly
    taken: list[NDArray[np.float64]] = []
    for i in np.argsort(-room, kind="stable"):
        if all(np.hypot(*(tries[i] - t)) > 9_000.0 for t in taken):
            taken.append(tries[i])
        if len(taken) == land.around.n_path:
            break
    for start in taken:
        n = int(rng.integers(9, 16))
        turn = rng.uniform(-np.pi, np.pi) + np.cumsum(rng.normal(0.0, 0.45, n))
        step = rng.uniform(70.0, 110.0, n)[:, None]
        moves = np.column_stack((np.cos(turn), np.sin(turn))) * step
        points = np.vstack((start, start + np.cumsum(moves, axis=0)))
        yield Way(points, tags_of("path", "登山步道"))
