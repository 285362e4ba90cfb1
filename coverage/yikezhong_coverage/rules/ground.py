"""What all indicators share: the tree of areas, exact columns, membership.

Made once per study; each column is read exactly the first time a rule asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import IndexArray, IntArray
from yikezhong_coverage.rules.numbers import (
    Amounts,
    amounts,
    count_amounts,
    decimal_amounts,
)
from yikezhong_coverage.rules.records import LEVELS, Areas, Places


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


def gather(
    ground: Ground, members: IntArray, *, levels: tuple[str, ...], names: NDArray[Any]
) -> dict[int, tuple[str, ...]]:
    """Return for every area the names of the areas or items in it.

    Parameters
    ----------
    ground : Ground
    members : ndarray of int64, shape (n,)
        Area of each name, in the order in which names are to stand.
    levels : tuple of str
        Levels to gather at.
    names : ndarray of str, shape (n,)

    Returns
    -------
    dict of area index to tuple of str
        Areas without any are absent.
    """
    found: dict[int, tuple[str, ...]] = {}
    text = names.tolist()
    for level in levels:
        groups: dict[int, list[str]] = {}
        for area, name in zip(
            ground.ancestor[level][members].tolist(), text, strict=True
        ):
            if area >= 0:
                groups.setdefault(area, []).append(name)
        found.update({area: tuple(group) for area, group in groups.items()})
    return found
