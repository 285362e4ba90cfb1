"""The records that the coverage functions take, made from a study's tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yikezhong_coverage.records import (
    BoolArray,
    Demand,
    Divisions,
    FloatArray,
    IndexArray,
)
from yikezhong_geodata.columns import GROUPS, LEVELS
from yikezhong_geodata.study import Study


@dataclass(frozen=True, eq=False)
class StudyRecords:
    """A study as arrays.

    ``estimated[group]`` marks divisions whose count of the group was estimated;
    ``demand_own`` and ``facility_own`` are the divisions at ``own_level`` of each
    demand point and each facility (-1: none).
    """

    divisions: Divisions
    demand: Demand
    estimated: dict[str, BoolArray]
    demand_own: IndexArray
    facility_own: IndexArray

    @cached_property
    def level_number(self) -> NDArray[np.int8]:
        """Level of each division as an index into :data:`LEVELS`."""
        found = np.array([LEVELS.index(level) for level in self.divisions.level])
        return found.astype(np.int8)

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups of which anything is known."""
        counts = self.demand.counts
        return tuple(g for g in GROUPS if not np.isnan(counts[g]).all())


def build_records(study: Study, *, own_level: str) -> StudyRecords:
    """Turn the tables of a study into arrays."""
    table = study.divisions
    code = table["code"].to_numpy(dtype=object).astype(np.str_)
    index = pd.Index(code)

    parent = _places(index, table["parent"])
    finest = ~np.isin(np.arange(len(code)), parent[parent >= 0])
    divisions = Divisions(
        code=code,
        level=table["level"].to_numpy(dtype=object).astype(np.str_),
        parent=parent,
        unknown={g: finest & np.isnan(_numbers(table[g])) for g in GROUPS},
    )
    points = study.demand
    unit = _places(index, points["division_code"])
    demand = Demand(
        id=points["id"].to_numpy(dtype=object).astype(np.str_),
        lon=_numbers(points["lon"]),
        lat=_numbers(points["lat"]),
        unit=unit,
        counts={g: _numbers(points[g]) for g in GROUPS},
    )
    own = divisions.ancestor_at(own_level)
    return StudyRecords(
        divisions=divisions,
        demand=demand,
        estimated=_estimated(table["estimated"]),
        demand_own=_at(own, unit),
        facility_own=_at(own, facility_unit(study.facilities, index)),
    )


def facility_unit(facilities: pd.DataFrame, index: pd.Index) -> IndexArray:
    """Return the finest division a facility declares, or lies in."""
    found = np.full(len(facilities), -1, dtype=np.int32)
    for column in ("community_code", "township_code", "county_code"):
        found = np.where(found < 0, _places(index, facilities[column]), found)
    return found


def _places(index: pd.Index, codes: pd.Series) -> IndexArray:
    """Return the row of each code; -1 where it is missing or not there."""
    found: IndexArray = index.get_indexer(pd.Index(codes)).astype(np.int32)
    return found


def names_at(ids: pd.Series, index: IndexArray) -> NDArray[np.object_]:
    """Return the ids at some places, None where the place is -1."""
    names = np.empty(len(ids) + 1, dtype=object)
    names[:-1] = ids.to_numpy(dtype=object)
    found: NDArray[np.object_] = names[index]
    return found


def _estimated(words: pd.Series) -> dict[str, BoolArray]:
    texts = [str(w).split() if isinstance(w, str) else [] for w in words]
    return {g: np.array([g in t for t in texts], dtype=bool) for g in GROUPS}


def _at(values: IndexArray, index: IndexArray) -> IndexArray:
    """Return ``values[index]``, -1 where the index is -1."""
    return np.append(values, np.int32(-1))[index]


def _numbers(column: pd.Series) -> FloatArray:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)
