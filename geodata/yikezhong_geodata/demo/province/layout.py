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
from numpy.typing import NDArray
from scipy.spatial import Voronoi

from yikezhong_geodata.demo.boundaries import jittered_grid
from yikezhong_geodata.demo.province.gates import Gates
from yikezhong_geodata.demo.province.main_lines import Water
from yikezhong_geodata.demo.province.places import (
    list_townships,
    township_numbers,
    urban_flags,
)
from yikezhong_geodata.demo.province.size import chance, shares
from yikezhong_geodata.demo.province.skeleton import IntArray, Skeleton
from yikezhong_geodata.demo.terrain import FloatArray

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
    gates = Gates(skeleton, centres, county_of, township_of)
    found = gates.find(voronoi.vertices[corners], points, water)
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


def _people(skeleton: Skeleton, n_county: int) -> IntArray:
    """Return the people of all communities: exactly as many as the size says."""
    rng = chance(6)
    urban: list[NDArray[np.bool_]] = []
    weight: list[FloatArray] = []
    density = rng.lognormal(0.0, 0.22, n_county).tolist()
    for k in range(n_county):
        for township in list_townships(skeleton, k):
            street = int(township.code[6:9]) < 100
            size = skeleton.weight_of_city(k)
            per_urban = 1.3 * size if street else 1.5 / township.n_urban**0.55
            weight.append(
                density[k]
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
