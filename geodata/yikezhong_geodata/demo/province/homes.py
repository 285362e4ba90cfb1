"""Where people live: points along the roads that add up to each community's people."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import shapely

from yikezhong_geodata.demo.boundaries import Land
from yikezhong_geodata.demo.province.size import shares
from yikezhong_geodata.demo.province.skeleton import IntArray
from yikezhong_geodata.demo.roads import Roads
from yikezhong_geodata.demo.terrain import FloatArray, to_lonlat

#: A community of so many people has √people times this many points.
_PER_ROOT: Final = 0.93
#: Nobody lives on these.
_EMPTY: Final = ("motorway", "motorway_link", "path")


def list_homes(
    land: Land, roads: Roads, people: IntArray, rng: np.random.Generator
) -> tuple[FloatArray, IntArray]:
    """Return points (lon, lat) [degrees] and people at them, community by community.

    Every point lies inside its community; the people of a community's points are
    exactly its own.

    Parameters
    ----------
    land : Land
    roads : Roads
    people : ndarray of int64, shape (n_community,)
    rng : Generator
        Source of chance.
    """
    places = np.vstack([
        way.points for way in roads.ways if dict(way.tags).get("highway") not in _EMPTY
    ])  # fmt: skip
    shapes = np.array([land.shapes[c.code] for c in land.places.communities])
    shapely.prepare(shapes)
    by_cell = _sorted_by_cell(places, shapes)
    found, counts = [], []
    for cell, n_people in enumerate(people.tolist()):
        n = max(3, round(_PER_ROOT * float(np.sqrt(n_people))))
        points = _around(by_cell[cell], shapes[cell], n, rng)
        found.append(points)
        counts.append(shares(n_people, rng.gamma(2.2, 1.0, len(points)), least=0))
    return np.vstack(found), np.concatenate(counts)


def _sorted_by_cell(places: FloatArray, shapes: np.ndarray) -> list[FloatArray]:
    """Return the places (lon, lat) inside each cell."""
    lonlat = np.unique(to_lonlat(places), axis=0)
    point, cell = shapely.STRtree(shapes).query(
        shapely.points(lonlat), predicate="within"
    )[:2]
    order = np.lexsort((point, cell))
    starts = np.searchsorted(cell[order], np.arange(len(shapes) + 1))
    return [lonlat[point[order[a:b]]] for a, b in pairwise(starts.tolist())]


def _around(
    places: FloatArray, shape: shapely.Polygon, n: int, rng: np.random.Generator
) -> FloatArray:
    """Return n points a few metres from places by roads, all inside the shape."""
    if not len(places):
        inner = shape.representative_point()
        places = np.array([[inner.x, inner.y]])
    base = places[rng.integers(len(places), size=n)]
    bearing, away = rng.uniform(0, 2 * np.pi, n), rng.uniform(6e-5, 6e-4, n)
    moved = np.column_stack((np.cos(bearing), np.sin(bearing))) * away[:, None]
    points = np.round(base + moved, 6)
    inside = shapely.contains_xy(shape, points[:, 0], points[:, 1])
    points[~inside] = base[~inside]
    return points
