"""Divisions in a lattice with crooked borders that neighbours share.

A county has 16 townships of 21 communities each in a block, a prefecture is a row of
counties: 9 by 9 counties have 27,216 communities.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

#: Townships in a county, communities in a township: columns, rows.
_TOWNSHIPS, _COMMUNITIES = (4, 4), (7, 3)
_WEST, _SOUTH = 108.4, 29.0
_CELL = (0.028, 0.030)
_BENDS = 11
HOSTILE = "<img src=x onerror=alert(1)>{{7*7}}"


@dataclass(frozen=True)
class Lattice:
    """Divisions in a lattice: a prefecture is a row of counties."""

    county_rows: int
    county_columns: int

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of communities."""
        rows = self.county_rows * _TOWNSHIPS[1] * _COMMUNITIES[1]
        return rows, self.county_columns * _TOWNSHIPS[0] * _COMMUNITIES[0]

    @cached_property
    def communities(self) -> pd.DataFrame:
        """Code, county and township of each community, row by row from the south."""
        n_row, n_column = self.shape
        row, column = np.divmod(np.arange(n_row * n_column), n_column)
        high, wide = _TOWNSHIPS[1] * _COMMUNITIES[1], _TOWNSHIPS[0] * _COMMUNITIES[0]
        prefecture = row // high + 1
        county = column // wide + 1
        township = 100 + row % high // _COMMUNITIES[1] * 4 + column % wide // 7
        own = 200 + row % _COMMUNITIES[1] * 7 + column % 7
        table = pd.DataFrame({"prefecture": prefecture, "county": county})
        table["township"], table["own"] = township, own
        codes = table.astype(str)
        head = "42" + codes["prefecture"].str.zfill(2)
        counties = head + codes["county"].str.zfill(2)
        townships = counties + codes["township"]
        return pd.DataFrame(
            {
                "code": townships + codes["own"],
                "township": townships + "000",
                "county": counties + "000000",
                "prefecture": head + "00000000",
            }
        )

    def polygons(self) -> NDArray[np.object_]:
        """Return the shape of each community; neighbours share crooked borders."""
        n_row, n_column = self.shape
        rng = np.random.default_rng(7)
        nodes = np.stack(
            np.meshgrid(np.arange(n_column + 1.0), np.arange(n_row + 1.0)), axis=-1
        )
        nodes += rng.uniform(-0.15, 0.15, nodes.shape)
        across = _bent(nodes[:, :-1], nodes[:, 1:], rng)
        along = _bent(nodes[:-1], nodes[1:], rng)
        # each side without its last point, which is the first of the next
        south, north = across[:-1, :, :-1], across[1:, :, :0:-1]
        east, west = along[:, 1:, :-1], along[:, :-1, :0:-1]
        rings = np.concatenate([south, east, north, west], axis=2)
        rings = rings.reshape(n_row * n_column, -1, 2)
        rings = rings * _CELL + (_WEST, _SOUTH)
        closed = np.concatenate([rings, rings[:, :1]], axis=1).round(7)
        return shapely.polygons(closed)


def _bent(
    begin: NDArray[np.float64], end: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return borders from one node to the next, with both."""
    step = np.linspace(0, 1, _BENDS + 1)[:, None]
    line = begin[..., None, :] * (1 - step) + end[..., None, :] * step
    # none at the ends, so that borders do not cross where they meet
    bend = rng.uniform(-0.03, 0.03, line.shape) * np.sin(np.pi * step)
    return line + bend


def make_divisions(lattice: Lattice) -> gpd.GeoDataFrame:
    """Return the table of divisions from the province down."""
    own = lattice.communities
    shapes = lattice.polygons()
    rng = np.random.default_rng(11)
    people = rng.integers(200, 4000, len(own)).astype(float)
    tables = [_level("community", own["code"], own["township"], shapes, people, own)]
    above = {"township": "county", "county": "prefecture", "prefecture": None}
    for level, parent in above.items():
        first = own.drop_duplicates(level)
        number = pd.factorize(own[level])[0]
        merged = _merged(shapes, number)
        total = np.bincount(number, weights=people)
        parents = "420000000000" if parent is None else first[parent].to_numpy()
        tables.append(_level(level, first[level], parents, merged, total, first))
        shapes, people = merged, total
        own = first
    whole = np.array([shapely.coverage_union_all(shapes)], dtype=object)
    one = pd.DataFrame({"code": ["420000000000"]})
    total = np.array([people.sum()])
    tables.append(_level("province", one["code"], None, whole, total, one))
    return pd.concat(tables[::-1], ignore_index=True)


def _merged(
    shapes: NDArray[np.object_], number: NDArray[np.intp]
) -> NDArray[np.object_]:
    order = np.argsort(number, kind="stable")
    parts = np.split(shapes[order], np.flatnonzero(np.diff(number[order])) + 1)
    return np.array([shapely.coverage_union_all(part) for part in parts])


_NAMES = {"province": "省", "prefecture": "市", "county": "县", "township": "镇",
          "community": "村"}  # fmt: skip
_KINDS = {"township": "town", "community": "village"}


def _level(
    level: str, codes: Any, parents: Any, shapes: Any, people: Any, own: Any
) -> gpd.GeoDataFrame:
    del own
    codes = np.asarray(codes, dtype=object)
    table = gpd.GeoDataFrame({"code": codes}, geometry=shapes, crs="EPSG:4326")
    table["name"] = [f"示意{code[2:].rstrip('0')}{_NAMES[level]}" for code in codes]
    if level == "community":
        table.loc[5, "name"] = HOSTILE
    table["level"], table["kind"] = level, _KINDS.get(level)
    table["parent"] = None if parents is None else np.asarray(parents, dtype=object)
    table["area_m2"] = 7e6
    table["people"] = people
    table["people_60"] = np.round(people * 0.22)
    for name in ("people_65", "people_80", "children", "households"):
        table[name] = np.nan
    table["unknown_units"] = 0
    table["estimated"] = ""
    table["population_method"], table["population_basis"] = "column", "常住"
    table["population_year"] = 2020
    middle = shapely.point_on_surface(shapes)
    table["lon"], table["lat"] = shapely.get_x(middle), shapely.get_y(middle)
    return table
