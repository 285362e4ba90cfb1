"""The layout of the province: communities, their borders, gates, people.

It needs the points of all counties, which are made in parts, and is small: some
megabytes. Every part reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import Voronoi, cKDTree

from yikezhong_geodata.demo.boundaries import jittered_grid
from yikezhong_geodata.demo.province.main_lines import Water
from yikezhong_geodata.demo.province.places import (
    list_townships,
    township_numbers,
    urban_flags,
)
from yikezhong_geodata.demo.province.size import chance, shares
from yikezhong_geodata.demo.province.skeleton import IntArray, Skeleton
from yikezhong_geodata.demo.terrain import FloatArray

#: Kinds of gates: roads of villages, between townships, 省道, 国道.
VILLAGE, TOWNSHIP, PROVINCIAL, NATIONAL = range(4)
#: Gates are at least so far from each other [m].
_APART_M: Final = 1_100.0
_SHORTEST_BORDER_M: Final = 350.0
_URBAN_SHARE: Final = 0.63


@dataclass(frozen=True, eq=False)
class Layout:
    """Arrays of the whole province; communities in the order of their codes.

    Parameters
    ----------
    centres : ndarray of float64, shape (n_community, 2)
        Points of the communities [m].
    county_of, township_of : ndarray of int64, shape (n_community,)
        Number of the county; number of the township in its county.
    people : ndarray of int64, shape (n_community,)
    corners : ndarray of float64, shape (n_corner, 2)
        Where borders meet [m].
    ridge_points : ndarray of int64, shape (n_ridge, 2)
        Communities on either side of a border; from n_community on: none.
    ridge_corners : ndarray of int64, shape (n_ridge, 2)
    ridge_aside : ndarray of float64, shape (n_ridge, 2)
        The point [m] on the first side of a border.
    gates : ndarray of float64, shape (n_gate, 2)
        Points on borders of counties where roads go on [m].
    gate_between : ndarray of int64, shape (n_gate, 2)
        Communities on either side.
    gate_kind, gate_number : ndarray of int64, shape (n_gate,)
        What road it is, and its number.
    """

    centres: FloatArray
    county_of: IntArray
    township_of: IntArray
    people: IntArray
    corners: FloatArray
    ridge_points: IntArray
    ridge_corners: IntArray
    ridge_aside: FloatArray
    gates: FloatArray
    gate_between: IntArray
    gate_kind: IntArray
    gate_number: IntArray

    def save(self, path: Path) -> None:
        """Write the arrays."""
        np.savez(path, **{f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Layout:
        """Read the arrays."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**{f.name: arrays[f.name] for f in fields(cls)})


def draw_layout(
    skeleton: Skeleton, parts: Sequence[FloatArray], water: Water
) -> Layout:
    """Return the layout.

    Parameters
    ----------
    skeleton : Skeleton
    parts : sequence of ndarray
        Points of the communities of each county [m].
    water : Water
        Gates are not put where a road to them would cross it.
    """
    centres = np.vstack(parts)
    n = len(centres)
    county_of = np.repeat(np.arange(len(parts)), [len(p) for p in parts])
    township_of = np.concatenate(
        [township_numbers(skeleton, k) for k in range(len(parts))]
    )
    ring = skeleton.outline.buffer(26_000.0).difference(skeleton.outline.buffer(900.0))
    outside = jittered_grid(ring, 1_900.0, chance(4))
    voronoi = Voronoi(np.vstack((centres, outside)))
    points = np.asarray(voronoi.ridge_points, dtype=np.int64)
    corners = np.array(voronoi.ridge_vertices, dtype=np.int64)
    kept = points.min(axis=1) < n
    points, corners = points[kept], corners[kept]
    if corners.min() < 0:
        raise RuntimeError("a cell of the schematic land is open")
    gates = _Gates(skeleton, centres, county_of, township_of)
    found = gates.find(voronoi.vertices, points, corners, water)
    return Layout(
        centres,
        county_of,
        township_of,
        _people(skeleton, len(parts)),
        np.asarray(voronoi.vertices),
        np.where(points < n, points, n),
        corners,
        voronoi.points[points[:, 0]],
        *found,
    )


class _Gates:
    """Choose where roads cross the borders of counties."""

    def __init__(
        self,
        skeleton: Skeleton,
        centres: FloatArray,
        county_of: IntArray,
        township_of: IntArray,
    ) -> None:
        self.centres, self.county_of = centres, county_of
        self.township = county_of * 1_000 + township_of
        self.city = np.array(
            [list_townships(skeleton, k)[0].seat for k in range(len(skeleton.city_of))]
        )

    def find(
        self,
        vertices: FloatArray,
        points: IntArray,
        corners: IntArray,
        water: Water,
    ) -> tuple[FloatArray, IntArray, IntArray, IntArray]:
        """Return gates, what is on either side, their kinds and numbers."""
        inner = np.flatnonzero(points.max(axis=1) < len(self.centres))
        county = self.county_of[points[inner]]
        at = inner[county[:, 0] != county[:, 1]]
        between = np.sort(points[at], axis=1)
        ends = vertices[corners[at]]
        middle = ends.mean(axis=1)
        long = np.hypot(*(ends[:, 0] - ends[:, 1]).T) > _SHORTEST_BORDER_M
        path = np.stack(
            (self.centres[between[:, 0]], middle, self.centres[between[:, 1]]), axis=1
        )
        dry = ~shapely.intersects(shapely.linestrings(path), water.shape)
        keep = np.flatnonzero(long & dry)
        order = keep[np.lexsort((between[keep, 1], between[keep, 0]))]
        middle, between = middle[order], between[order]
        kind, number = self._kinds(middle, between)
        kept = _thinned(middle, kind)
        return middle[kept], between[kept], kind[kept], number[kept]

    def _kinds(
        self, middle: FloatArray, between: IntArray
    ) -> tuple[IntArray, IntArray]:
        """Return kinds (-1: no gate) and numbers of roads."""
        chosen = chance(5).random(len(middle)) < 0.22
        kind = np.where(chosen, VILLAGE, -1)
        gap = np.hypot(*(self.centres[between[:, 0]] - self.centres[between[:, 1]]).T)
        kind[_first_of(self.township[between], gap)] = TOWNSHIP
        sides = self.county_of[between]
        way = np.hypot(*(middle - self.city[sides[:, 0]]).T)
        way += np.hypot(*(middle - self.city[sides[:, 1]]).T)
        best = _first_of(sides, way)
        direct = np.hypot(*(self.city[sides[best, 0]] - self.city[sides[best, 1]]).T)
        best = best[way[best] < 1.5 * direct]
        number = np.zeros(len(middle), dtype=np.int64)
        number[best] = np.arange(len(best))
        kind[best] = PROVINCIAL
        kind[_tree(sides[best], way[best], best)] = NATIONAL
        return kind, number


def _first_of(pairs: IntArray, cost: FloatArray) -> IntArray:
    """Return the cheapest row of each pair."""
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    order = np.lexsort((cost, high, low))
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = np.diff(low[order]).astype(np.bool_) | np.diff(high[order]).astype(
        np.bool_
    )
    return np.sort(order[new])


def _tree(pairs: IntArray, cost: FloatArray, rows: IntArray) -> IntArray:
    """Return the rows of the cheapest roads that join all counties."""
    parent = np.arange(int(pairs.max()) + 1)
    kept = []
    for e in np.argsort(cost, kind="stable").tolist():
        a, b = parent[pairs[e, 0]], parent[pairs[e, 1]]
        if a != b:
            parent[parent == a] = b
            kept.append(int(rows[e]))
    return np.array(kept, dtype=np.int64)


def _thinned(middle: FloatArray, kind: IntArray) -> IntArray:
    """Drop gates that are near a more important one."""
    asked = np.flatnonzero(kind >= 0)
    order = asked[np.argsort(-kind[asked], kind="stable")]
    near = cKDTree(middle[order]).query_ball_point(middle[order], _APART_M)
    kept: list[int] = []
    dropped = np.zeros(len(order), dtype=np.bool_)
    for i, others in enumerate(near):
        if not dropped[i]:
            kept.append(int(order[i]))
            dropped[[j for j in others if j > i]] = True
    return np.sort(np.array(kept, dtype=np.int64))


def _people(skeleton: Skeleton, n_county: int) -> IntArray:
    """Return the people of all communities: exactly as many as the size says."""
    rng = chance(6)
    urban: list[NDArray[np.bool_]] = []
    weight: list[FloatArray] = []
    rich = rng.lognormal(0.0, 0.22, n_county)
    for k in range(n_county):
        for township in list_townships(skeleton, k):
            street = int(township.code[6:9]) < 100
            size = skeleton.weight_of_city(k)
            dense = float(rich[k])
            per_urban = 1.3 * size if street else 1.5 / township.n_urban**0.55
            weight.append(
                dense
                * np.repeat((per_urban, 1.0), (township.n_urban, township.n_rural))
            )
        urban.append(urban_flags(skeleton, k))
    is_urban = np.concatenate(urban)
    weights = np.concatenate(weight) * rng.lognormal(0.0, 0.28, len(is_urban))
    people = np.zeros(len(is_urban), dtype=np.int64)
    total = skeleton.size.people
    in_town = round(_URBAN_SHARE * total)
    people[is_urban] = shares(in_town, weights[is_urban], least=0)
    people[~is_urban] = shares(total - in_town, weights[~is_urban], least=0)
    return people
