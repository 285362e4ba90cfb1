"""What all indicators share: the tree of areas, exact columns, membership.

Made once per study; each column is read exactly the first time a rule asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import BoolArray, IndexArray, IntArray
from yikezhong_coverage.rules.numbers import (
    Amounts,
    amounts,
    count_amounts,
    decimal_amounts,
)
from yikezhong_coverage.rules.records import LEVELS, Areas, Places


@dataclass(frozen=True, eq=False)
class Rows:
    """The areas an indicator is valued in, from the top down and by code.

    Parameters
    ----------
    levels : tuple of str
        Levels of the study from the top down to the indicator's unit.
    area : ndarray of int64, shape (n_row,)
    level : ndarray of int8, shape (n_row,)
        Index into :data:`LEVELS`.
    row : ndarray of int64, shape (n_area,)
        Row of each area; -1 where it has none.
    """

    levels: tuple[str, ...]
    area: IntArray
    level: NDArray[np.int8]
    row: IntArray

    def __len__(self) -> int:
        return len(self.area)


@dataclass(frozen=True, eq=False)
class Ground:
    """Areas and places of a study, prepared for the rules.

    Parameters
    ----------
    areas : Areas
    places : Places
    ancestor : mapping of str to ndarray of int32, shape (n_area,)
        Per level, each area itself or what it lies in at that level; -1: nothing.
    at_level : mapping of str to ndarray of int64
        Areas of each level, by code.
    rank : ndarray of int64, shape (n_area,)
        Place of each area in the order of codes.
    """

    areas: Areas
    places: Places
    ancestor: Mapping[str, IndexArray]
    at_level: Mapping[str, IntArray]
    rank: IntArray
    columns: dict[tuple[str, str], Amounts] = field(default_factory=dict)
    _rows: dict[str, Rows] = field(default_factory=dict, repr=False)
    _inside: dict[str, BoolArray] = field(default_factory=dict, repr=False)

    def rows(self, unit: str) -> Rows:
        """Return the areas of a unit's level and of all above it, found once."""
        if unit not in self._rows:
            levels = self.levels_from(unit)
            found = [self.at_level[level] for level in levels]
            area = np.concatenate([np.zeros(0, dtype=np.int64), *found])
            number = np.repeat(
                np.array([LEVELS.index(level) for level in levels], dtype=np.int8),
                [len(areas) for areas in found],
            )
            row = np.full(len(self.areas), -1, dtype=np.int64)
            row[area] = np.arange(len(area))
            self._rows[unit] = Rows(levels, area, number, row)
        return self._rows[unit]

    def inside(self, prefix: str) -> BoolArray:
        """Return which areas have a code that begins with a prefix, found once."""
        if prefix not in self._inside:
            self._inside[prefix] = np.char.startswith(self.areas.code, prefix)
        return self._inside[prefix]

    def rows_around(self, area: IndexArray, rows: Rows) -> tuple[IntArray, IntArray]:
        """Return the pairs of an item and a row that it lies in, level by level.

        Parameters
        ----------
        area : ndarray of int32, shape (n_item,)
            Area of each item, not negative.
        rows : Rows

        Returns
        -------
        item, row : ndarray of int64, shape (n_pair,)
        """
        items, found = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for level in rows.levels:
            above = self.ancestor[level][area]
            item = np.flatnonzero(above >= 0)
            items.append(item)
            found.append(rows.row[above[item]])
        return np.concatenate(items), np.concatenate(found)

    def levels_from(self, unit: str) -> tuple[str, ...]:
        """Return the levels of the study from the top down to ``unit``."""
        return tuple(
            level
            for level in LEVELS[: LEVELS.index(unit) + 1]
            if len(self.at_level[level])
        )

    def place_column(self, name: str) -> Amounts:
        """Return an attribute of the places as exact amounts."""
        key = ("place", name)
        if key not in self.columns:
            column = self.places.attributes.get(name)
            self.columns[key] = (
                amounts([None] * len(self.places))
                if column is None
                else decimal_amounts(column.tolist(), name=name)
            )
        return self.columns[key]

    def area_column(self, name: str) -> Amounts:
        """Return a count or attribute of the areas as exact amounts."""
        key = ("area", name)
        if key not in self.columns:
            if name in self.areas.counts:
                found = count_amounts(self.areas.counts[name])
            elif name in self.areas.attributes:
                column = self.areas.attributes[name].tolist()
                found = decimal_amounts(column, name=name)
            else:
                found = amounts([None] * len(self.areas))
            self.columns[key] = found
        return self.columns[key]


def prepare(areas: Areas, places: Places) -> Ground:
    """Check the tree and prepare what the rules share.

    Raises
    ------
    InputError
        If a level is unknown, a code is there twice, or parents do not lie above.
    """
    order = np.argsort(areas.code, kind="stable")
    rank = np.empty(len(areas), dtype=np.int64)
    rank[order] = np.arange(len(areas))
    _check(areas, places)
    at_level = {level: order[areas.level[order] == level] for level in LEVELS}
    ancestor = {level: _ancestor(areas, level) for level in LEVELS}
    return Ground(areas, places, ancestor, at_level, rank)


def _check(areas: Areas, places: Places) -> None:
    """Refuse a tree that cannot be added up."""
    depth = {level: i for i, level in enumerate(LEVELS)}
    wrong = sorted(set(areas.level.tolist()) - set(depth))
    if wrong:
        raise InputError(f"区划级别“{wrong[0]}”无法识别", column="level")
    if len(set(areas.code.tolist())) != len(areas):
        raise InputError("区划代码有重复", column="code")
    n_area = len(areas)
    own = np.array([depth[level] for level in areas.level.tolist()], dtype=np.int64)
    parent = areas.parent
    if n_area and not (parent.min() >= -1 and parent.max() < n_area):
        raise InputError("上级区划序号超出范围", column="parent")
    has = np.flatnonzero(parent >= 0)
    bad = has[own[parent[has]] >= own[has]]
    if len(bad):
        raise InputError(f"区划 {areas.code[bad[0]]} 的上级不在它之上", column="parent")
    unit = places.unit
    if len(unit) and not (unit.min() >= -1 and unit.max() < n_area):
        raise InputError("设施所属区划序号超出范围", column="unit")


def _ancestor(areas: Areas, level: str) -> IndexArray:
    """Return for each area itself or its ancestor at ``level``, else -1."""
    found = np.full(len(areas), -1, dtype=np.int32)
    current = np.arange(len(areas), dtype=np.int32)
    for _ in LEVELS:
        inside = current >= 0
        here = np.zeros(len(areas), dtype=np.bool_)
        here[inside] = areas.level[current[inside]] == level
        found[here] = current[here]
        current = np.where(inside & ~here, areas.parent[current], -1).astype(np.int32)
    return found
