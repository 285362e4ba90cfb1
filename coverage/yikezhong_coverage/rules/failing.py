"""Which areas and facilities fail, and of which it is not known, in every area."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from yikezhong_coverage.records import IntArray
from yikezhong_coverage.rules.ground import Ground, gather
from yikezhong_coverage.rules.items import Counted, Sums
from yikezhong_coverage.rules.records import NOT_MET, Indicator


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one division, before the target's levels are looked at."""

    value: Fraction | None
    numerator: Fraction | None
    denominator: Fraction | None
    status: str
    missing: Fraction | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """Failing and unknown names of every area."""

    failing: dict[int, tuple[str, ...]] = field(default_factory=dict)
    unknown: dict[int, tuple[str, ...]] = field(default_factory=dict)


def failing_areas(
    indicator: Indicator,
    ground: Ground,
    *,
    counted: Counted,
    sums: Sums,
    verdicts: dict[int, Verdict],
) -> Names:
    """Find the failing and the unknown areas in every area."""
    levels = ground.levels_from(indicator.unit)
    if counted.areas_named:
        return _named_items(ground, counted, sums=sums, levels=levels)
    unit = ground.at_level[indicator.unit].tolist()
    target = indicator.target
    below = counted.items.denominator
    if target is None:
        failing = [
            area
            for area in unit
            if counted.part
            and counted.whole
            and verdicts[area].reason is None
            and sums.numerator[area] < sums.denominator[area]
        ]
    elif below is None and target.comparison not in ("<", "<="):
        failing = []
    else:
        failing = [area for area in unit if verdicts[area].status == NOT_MET]
    unknown = np.unique(counted.items.area[sums.odd]).astype(np.int64)
    return Names(
        gathered(ground, np.array(failing, dtype=np.int64), levels=levels),
        gathered(ground, unknown, levels=levels),
    )


def gathered(
    ground: Ground, areas: IntArray, *, levels: tuple[str, ...]
) -> dict[int, tuple[str, ...]]:
    """Return the codes of some areas for everything they lie in, by code."""
    order = areas[np.argsort(ground.rank[areas], kind="stable")]
    return gather(ground, order, levels=levels, names=ground.areas.code[order])


def _named_items(
    ground: Ground, counted: Counted, *, sums: Sums, levels: tuple[str, ...]
) -> Names:
    """Find the failing and unknown items by name in every area."""
    items = counted.items
    if items.names is None:
        return Names()
    odd = np.zeros(len(items.area), dtype=np.bool_)
    odd[sums.odd] = True
    fails = ~odd
    if counted.failing == "zero":
        fails &= items.numerator.units == 0
    found = []
    for mask in (fails, odd):
        index = np.flatnonzero(mask)
        index = index[np.argsort(items.names[index], kind="stable")]
        found.append(
            gather(
                ground,
                items.area[index].astype(np.int64),
                levels=levels,
                names=items.names[index],
            )
        )
    return Names(*found)


def failing_places(
    ground: Ground, counted: Counted, *, sums: Sums, levels: tuple[str, ...]
) -> Names:
    """Find the failing and unknown facilities in every area."""
    if not counted.failing or counted.areas_named:
        return Names()
    return _named_items(ground, counted, sums=sums, levels=levels)
