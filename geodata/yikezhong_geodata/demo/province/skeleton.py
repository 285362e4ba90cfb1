"""The skeleton of the province: where its towns lie and what belongs to what.

It is made at once, whole and quickly, and is the same for every part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from yikezhong_geodata.demo.boundaries import jittered_grid
from yikezhong_geodata.demo.province import invented
from yikezhong_geodata.demo.province.size import Size, chance, shares
from yikezhong_geodata.demo.terrain import FloatArray, Hill, hilliness, to_lonlat

IntArray = NDArray[np.int64]

#: Land of an average community [m²].
_COMMUNITY_M2: Final = 6.9e6
_PER_TOWNSHIP: Final = 21
#: Middle of the province in the plane [m].
_MIDDLE: Final = np.array([-70_000.0, -90_000.0])
_RATIO: Final = 1.55
#: Rural townships that a county has at least.
_FEWEST_TOWNS: Final = 4


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Towns of the province and what they belong to.

    Parameters
    ----------
    size : Size
    outline : Polygon
        Guide for the border of the province [m].
    hills : tuple of Hill
    anchors : ndarray of float64, shape (n_anchor, 2)
        Rural townships and, one for each county, cities [m].
    county_of : ndarray of int64, shape (n_anchor,)
    city_of : ndarray of int64, shape (n_county,)
        Anchor of each county's city.
    prefecture_of, number_in : ndarray of int64, shape (n_county,)
        Prefecture of each county and its number there.
    n_street, n_unit : ndarray of int64, shape (n_county,)
        街道 and 乡级单位 of each county.
    """

    size: Size
    outline: shapely.Polygon
    hills: tuple[Hill, ...]
    anchors: FloatArray
    county_of: IntArray
    city_of: IntArray
    prefecture_of: IntArray
    number_in: IntArray
    n_street: IntArray
    n_unit: IntArray

    def county(self, k: int) -> tuple[str, str]:
        """Return code and name of a county."""
        prefecture = int(self.prefecture_of[k])
        n = int(np.count_nonzero(self.prefecture_of == prefecture))
        return invented.county_code_and_name(prefecture, int(self.number_in[k]), n)

    def weight_of_city(self, k: int) -> float:
        """Return how much larger a county's city is than that of a plain county."""
        if k == 0:
            return 2.3
        return 1.5 if self.number_in[k] == 0 else 1.0


def draw_skeleton(size: Size) -> Skeleton:
    """Draw the skeleton of a province; the same every time."""
    rng = chance(0)
    outline = _outline(size, rng)
    hills = _hills(outline, rng)
    per_prefecture = shares(
        size.n_county, rng.uniform(0.5, 1.6, size.n_prefecture), least=1
    )
    prefecture_of = np.repeat(np.arange(size.n_prefecture), per_prefecture)
    number_in = np.concatenate([np.arange(n) for n in per_prefecture])
    n_street = rng.integers(2, 5, size.n_county) + 2 * (number_in == 0)
    n_unit = (rng.random(size.n_county) < 0.5).astype(np.int64)
    n_town = shares(
        size.n_township - int(n_street.sum() + n_unit.sum()),
        rng.uniform(0.5, 1.5, size.n_county),
        least=_FEWEST_TOWNS,
    )
    n_anchor = n_town + n_unit + 1
    anchors = _anchors(outline, hills, int(n_anchor.sum()), rng)
    county_of = _parted(anchors, prefecture_of, n_anchor, rng)
    city_of = np.array(
        [_most_central(anchors, county_of == k) for k in range(size.n_county)]
    )
    return Skeleton(
        size, outline, hills, anchors, county_of, city_of,
        prefecture_of, number_in, n_street, n_unit,
    )  # fmt: skip


def _outline(size: Size, rng: np.random.Generator) -> shapely.Polygon:
    """Return a wavy oval of the area that the communities need."""
    area = size.n_township * _PER_TOWNSHIP * _COMMUNITY_M2
    radius = np.sqrt(area / np.pi)
    bearing = np.linspace(0.0, 2 * np.pi, 400, endpoint=False)
    edge = np.ones(len(bearing))
    for k, size_k in ((2, 0.05), (3, 0.09), (5, 0.06), (8, 0.035), (13, 0.02)):
        edge += size_k * np.sin(k * bearing + rng.uniform(0.0, 2 * np.pi))
    stretch = np.array([np.sqrt(_RATIO), 1.0 / np.sqrt(_RATIO)])
    around = np.column_stack((np.cos(bearing), np.sin(bearing)))
    return shapely.Polygon(_MIDDLE + around * (radius * edge)[:, None] * stretch)


def _hills(outline: shapely.Polygon, rng: np.random.Generator) -> tuple[Hill, ...]:
    """Return hills: high in the west, few and low in the middle and the east."""
    x0, y0, x1, y1 = outline.bounds
    n = max(4, round(outline.area / 1.5e9))
    at = np.column_stack((rng.uniform(x0, x1, n), rng.uniform(y0, y1, n)))
    west = (x1 - at[:, 0]) / (x1 - x0)
    kept = rng.random(n) < 0.25 + 0.75 * west**1.5
    top = rng.uniform(90.0, 330.0, n) * (0.5 + west)
    radius = rng.uniform(6_000.0, 17_000.0, n)
    lonlat = to_lonlat(at)
    return tuple(
        (float(lonlat[i, 0]), float(lonlat[i, 1]), float(top[i]), float(radius[i]))
        for i in np.flatnonzero(kept)
    )


def _anchors(
    outline: shapely.Polygon, hills: tuple[Hill, ...], n: int, rng: np.random.Generator
) -> FloatArray:
    """Spread towns over the land, wider apart in the hills and in the west."""
    grid = jittered_grid(outline, float(np.sqrt(outline.area / n / 55.0)), rng)
    x0, _, x1, _ = outline.bounds
    east = (grid[:, 0] - x0) / (x1 - x0)
    weight = (1.0 - 0.5 * hilliness(grid, hills)) * (0.55 + 0.9 * east)
    points = grid[
        np.sort(rng.choice(len(grid), n, replace=False, p=weight / weight.sum()))
    ]
    for _ in range(12):
        owner = cKDTree(points).query(grid)[1]
        total = np.bincount(owner, weights=weight, minlength=n)
        held = total > 0
        for axis in (0, 1):
            moved = np.bincount(owner, weights=weight * grid[:, axis], minlength=n)
            points[held, axis] = moved[held] / total[held]
    return np.asarray(points)


def _parted(
    anchors: FloatArray,
    prefecture_of: IntArray,
    n_anchor: IntArray,
    rng: np.random.Generator,
) -> IntArray:
    """Give each anchor to a county: prefectures are cut out first, then counties."""
    found = np.empty(len(anchors), dtype=np.int64)
    n_prefecture = int(prefecture_of.max()) + 1
    per_prefecture = np.bincount(prefecture_of, weights=n_anchor).astype(np.int64)
    everything = np.arange(len(anchors))
    for prefecture, own in _cut(
        anchors, everything, np.arange(n_prefecture), per_prefecture, rng
    ):
        counties = np.flatnonzero(prefecture_of == prefecture)
        for county, part in _cut(anchors, own, counties, n_anchor, rng):
            found[part] = county
    return found


def _cut(
    anchors: FloatArray,
    own: IntArray,
    labels: IntArray,
    n_of: IntArray,
    rng: np.random.Generator,
) -> list[tuple[int, IntArray]]:
    """Cut points in two across their longer side until each label has its number."""
    if len(labels) == 1:
        return [(int(labels[0]), own)]
    half = len(labels) // 2
    n_first = int(n_of[labels[:half]].sum())
    x, y = (anchors[own] - anchors[own].mean(axis=0)).T
    # the axis along which the points reach farthest, turned a little
    bearing = 0.5 * np.arctan2(2 * (x * y).sum(), (x * x).sum() - (y * y).sum())
    bearing += rng.uniform(-0.45, 0.45)
    order = np.argsort(x * np.cos(bearing) + y * np.sin(bearing), kind="stable")
    first, rest = np.sort(own[order[:n_first]]), np.sort(own[order[n_first:]])
    return [
        *_cut(anchors, first, labels[:half], n_of, rng),
        *_cut(anchors, rest, labels[half:], n_of, rng),
    ]


def _most_central(anchors: FloatArray, inside: NDArray[np.bool_]) -> int:
    own = np.flatnonzero(inside)
    middle = anchors[own].mean(axis=0)
    return int(own[np.argmin(np.hypot(*(anchors[own] - middle).T))])
