"""Townships and communities of one county: kinds, codes, names, seats, centres."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from yikezhong_geodata.demo.boundaries import GRID_M, jittered_grid, settle
from yikezhong_geodata.demo.names import Place, Places
from yikezhong_geodata.demo.province import invented
from yikezhong_geodata.demo.province.size import chance
from yikezhong_geodata.demo.province.skeleton import Skeleton
from yikezhong_geodata.demo.terrain import FloatArray, to_lonlat

#: Distance of the 街道 around a city's middle from it [m].
_RING_M = 2_900.0


@dataclass(frozen=True, eq=False)
class Township:
    """A township before it is drawn: code, name, seat [m], 社区 and villages."""

    code: str
    name: str
    seat: tuple[float, float]
    n_urban: int
    n_rural: int


@lru_cache(maxsize=512)
def list_townships(skeleton: Skeleton, k: int) -> tuple[Township, ...]:
    """Return the townships of a county, by code: 街道, 镇, 乡级单位."""
    rng = chance(1, k)
    county, _ = skeleton.county(k)
    city = int(skeleton.city_of[k])
    own = np.flatnonzero(skeleton.county_of == k)
    rural = own[own != city]
    names = invented.plain_names(len(rural), rng)
    weight = skeleton.weight_of_city(k)
    middle, n_street = skeleton.anchors[city], int(skeleton.n_street[k])
    turn = rng.uniform(0.0, 2 * np.pi)
    found = []
    for i in range(n_street):
        seat = middle
        if i > 0:
            bearing = turn + 2 * np.pi * i / (n_street - 1) + rng.uniform(-0.2, 0.2)
            away = _RING_M * rng.uniform(0.85, 1.2)
            seat = middle + away * np.array([np.cos(bearing), np.sin(bearing)])
        n_urban = round(int(rng.integers(6, 13)) * (1.0 + 0.4 * (weight - 1.0)))
        n_rural = int(rng.integers(1, 5)) if i else 0
        found.append(
            _township(county, 1 + i, invented.street_name(i), seat, n_urban, n_rural)
        )
    n_town = len(rural) - int(skeleton.n_unit[k])
    for i, (anchor, name) in enumerate(zip(rural.tolist(), names, strict=True)):
        seat = skeleton.anchors[anchor]
        if i < n_town:
            n_urban, n_rural = (
                int(rng.choice([1, 1, 2, 2, 3])),
                int(rng.integers(12, 35)),
            )
            found.append(
                _township(county, 100 + i, f"{name}镇", seat, n_urban, n_rural)
            )
        else:
            unit, n_rural = invented.unit_name(name, rng), int(rng.integers(3, 8))
            found.append(_township(county, 400 + i, unit, seat, 1, n_rural))
    return tuple(found)


def _stray(skeleton: Skeleton) -> tuple[float, float]:
    """Return a place outside the province: beyond its southern end."""
    x0, y0, x1, _ = skeleton.outline.bounds
    lon, lat = to_lonlat(np.array([[(x0 + x1) / 2, y0 - 30_000.0]]))[0].tolist()
    return round(lon, 6), round(lat, 6)


def _township(
    county: str, number: int, name: str, seat: FloatArray, n_urban: int, n_rural: int
) -> Township:
    code = f"{county[:6]}{number:03d}000"
    return Township(code, name, (float(seat[0]), float(seat[1])), n_urban, n_rural)


def settle_county(skeleton: Skeleton, k: int) -> FloatArray:
    """Return the points of the communities of a county [m], in the order of codes."""
    townships = list_townships(skeleton, k)
    seats = np.array([t.seat for t in townships])
    counts = np.array([(t.n_urban, t.n_rural) for t in townships], dtype=np.int64)
    rng = chance(2, k)
    return settle(seats, _land_of(skeleton, k, rng), counts, rng)


def _land_of(skeleton: Skeleton, k: int, rng: np.random.Generator) -> FloatArray:
    """Return a grid over the land that is nearest to the anchors of a county."""
    own = skeleton.anchors[skeleton.county_of == k]
    box = shapely.box(*(own.min(axis=0) - 30_000.0), *(own.max(axis=0) + 30_000.0))
    grid = jittered_grid(box.intersection(skeleton.outline), GRID_M, rng)
    nearest = cKDTree(skeleton.anchors).query(grid)[1]
    return np.asarray(grid[skeleton.county_of[nearest] == k])


def township_numbers(skeleton: Skeleton, k: int) -> NDArray[np.int64]:
    """Return the number of the township of each community of a county."""
    townships = list_townships(skeleton, k)
    return np.repeat(
        np.arange(len(townships)), [t.n_urban + t.n_rural for t in townships]
    )


def urban_flags(skeleton: Skeleton, k: int) -> NDArray[np.bool_]:
    """Return which communities of a county are 社区."""
    flags = [
        np.arange(t.n_urban + t.n_rural) < t.n_urban
        for t in list_townships(skeleton, k)
    ]
    return np.concatenate(flags)


def name_places(skeleton: Skeleton, k: int) -> Places:
    """Return the divisions of a county with codes and names."""
    rng = chance(3, k)
    code, name = skeleton.county(k)
    townships, communities = [], []
    for township in list_townships(skeleton, k):
        lonlat = to_lonlat(np.array([township.seat]))[0]
        townships.append(
            Place(
                township.code, township.name, "township",
                float(lonlat[0]), float(lonlat[1]),
            )
        )  # fmt: skip
        names = iter(invented.plain_names(township.n_urban + township.n_rural, rng))
        for number in range(1, township.n_urban + 1):
            communities.append(
                Place(
                    f"{township.code[:9]}{number:03d}", f"{next(names)}社区居民委员会",
                    "community", None, None,
                )
            )  # fmt: skip
        for number in range(200, 200 + township.n_rural):
            communities.append(
                Place(
                    f"{township.code[:9]}{number:03d}", f"{next(names)}村村民委员会",
                    "community", None, None,
                )
            )  # fmt: skip
    county = Place(code, name, "county", None, None)
    prefecture = int(skeleton.prefecture_of[k])
    return Places(
        county,
        (county,),
        tuple(townships),
        tuple(communities),
        city=invented.prefecture_name(prefecture),
        first=int(skeleton.number_in[k]),
        n_city=int(np.count_nonzero(skeleton.prefecture_of == prefecture)),
        prefix=code[2:6],
        stray=_stray(skeleton),
    )
