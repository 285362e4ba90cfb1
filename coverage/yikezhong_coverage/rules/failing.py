"""Which areas and facilities fail, and of which it is not known, in every row."""

from __future__ import annotations

import numpy as np

from yikezhong_coverage.records import BoolArray, IntArray
from yikezhong_coverage.rules.ground import Ground, Rows
from yikezhong_coverage.rules.items import Counted, Sums
from yikezhong_coverage.rules.records import NOT_MET, Indicator
from yikezhong_coverage.rules.valued import Names, gather, no_names
from yikezhong_coverage.rules.verdict import NUMBER_OF, StatusArray


def failing_areas(
    indicator: Indicator,
    ground: Ground,
    *,
    rows: Rows,
    counted: Counted,
    sums: Sums,
    status: StatusArray,
    certain: BoolArray,
) -> tuple[Names, Names]:
    """Find the failing and the unknown areas in every row.

    Parameters
    ----------
    indicator : Indicator
    ground : Ground
    rows : Rows
    counted : Counted
    sums : Sums
    status : ndarray of int8, shape (n_row,)
        Verdicts before the target's levels are looked at.
    certain : ndarray of bool, shape (n_row,)
        Rows of which nothing is missing.
    """
    if counted.areas_named:
        return named_items(ground, counted, sums=sums, rows=rows)
    unit = rows.row[ground.at_level[indicator.unit]]
    target = indicator.target
    if target is None:
        lacking = (sums.numerator < sums.denominator).astype(np.bool_)
        fails = certain & lacking & (counted.part and counted.whole)
    elif counted.items.denominator is None and target.comparison not in ("<", "<="):
        fails = np.zeros(len(rows), dtype=np.bool_)
    else:
        fails = status == NUMBER_OF[NOT_MET]
    unknown = np.unique(counted.items.area[sums.odd]).astype(np.int64)
    return (
        gathered(ground, rows.area[unit[fails[unit]]], rows=rows),
        gathered(ground, unknown, rows=rows),
    )


def gathered(ground: Ground, areas: IntArray, *, rows: Rows) -> Names:
    """Return the codes of some areas for everything they lie in, by code."""
    order = areas[np.argsort(ground.rank[areas], kind="stable")]
    found = gather(ground, order, rows=rows, names=ground.areas.code)
    return Names(found.start, order[found.index], ground.areas.code)


def named_items(
    ground: Ground, counted: Counted, *, sums: Sums, rows: Rows
) -> tuple[Names, Names]:
    """Find the failing and unknown items by name in every row."""
    items = counted.items
    if items.names is None:
        return no_names(len(rows)), no_names(len(rows))
    odd = np.zeros(len(items.area), dtype=np.bool_)
    odd[sums.odd] = True
    fails = ~odd
    if counted.failing == "zero":
        fails &= (items.numerator.units == 0).astype(np.bool_)
    return (
        _by_name(ground, counted, fails, rows=rows),
        _by_name(ground, counted, odd, rows=rows),
    )


def _by_name(
    ground: Ground, counted: Counted, where: BoolArray, *, rows: Rows
) -> Names:
    """Return the names of some items for every row they lie in, in their order."""
    names, area = counted.items.names, counted.items.area
    index = np.flatnonzero(where)
    if names is None or not len(index):
        return no_names(len(rows))
    index = index[np.argsort(names[index], kind="stable")]
    return gather(ground, area[index].astype(np.int64), rows=rows, names=names[index])
