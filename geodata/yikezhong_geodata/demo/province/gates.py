"""Gates: where the roads of a county go on in its neighbour's land."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from scipy.spatial import cKDTree

from yikezhong_geodata.demo.province.main_lines import Water
from yikezhong_geodata.demo.province.places import list_townships
from yikezhong_geodata.demo.province.size import chance
from yikezhong_geodata.demo.province.skeleton import IntArray, Skeleton
from yikezhong_geodata.demo.terrain import FloatArray

#: Kinds of gates: roads of villages, between townships, 省道, 国道.
VILLAGE, TOWNSHIP, PROVINCIAL, NATIONAL = range(4)
#: Gates are at least so far from each other [m].
_APART_M: Final = 1_100.0
_SHORTEST_BORDER_M: Final = 350.0


class Gates:
    """Choose where roads cross the borders of counties.

    Parameters
    ----------
    skeleton : Skeleton
    centres : ndarray of float64, shape (n_community, 2)
        Points of the communities [m].
    county_of, township_of : ndarray of int64, shape (n_community,)
        Number of the county; number of the township in its county.
    """

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
        ends: FloatArray,
        points: IntArray,
        water: Water,
    ) -> tuple[FloatArray, IntArray, IntArray, IntArray]:
        """Return gates [m], what is on either side, their kinds and numbers of roads.

        Parameters
        ----------
        ends : ndarray of float64, shape (n_ridge, 2, 2)
            Both ends of the borders between communities [m].
        points : ndarray of int64, shape (n_ridge, 2)
            Communities on either side; beyond the last: none.
        water : Water
        """
        inner = np.flatnonzero(points.max(axis=1) < len(self.centres))
        county = self.county_of[points[inner]]
        at = inner[county[:, 0] != county[:, 1]]
        between = np.sort(points[at], axis=1)
        ends = ends[at]
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
