"""What the areas and facilities of which something is unknown may add to each row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yikezhong_coverage.records import BoolArray, IntArray
from yikezhong_coverage.rules.ground import Ground, Rows
from yikezhong_coverage.rules.items import Counted, Sums
from yikezhong_coverage.rules.quotients import sums_at
from yikezhong_coverage.rules.selectors import MAYBE
from yikezhong_coverage.rules.verdict import Ranges, Weights, odd_ranges, points


@dataclass(frozen=True, eq=False)
class Odds:
    """What the unknown items of each row may add, shape (n_row,).

    Parameters
    ----------
    slack : Ranges
        What they may add to the slack.
    any : ndarray of bool
        Rows with such an item.
    lacks : ndarray of int64
        Bits of the inputs missing.
    may_apply : ndarray of bool
        Rows with an item that may have a denominator.
    """

    slack: Ranges
    any: BoolArray
    lacks: IntArray
    may_apply: BoolArray


def add_odds(
    ground: Ground, counted: Counted, *, sums: Sums, by: Weights | None, rows: Rows
) -> Odds:
    """Add up, for every row, what its unknown items may add."""
    odd, items = sums.odd, counted.items
    nothing = np.zeros(len(rows), dtype=np.int64)
    never = np.zeros(len(rows), dtype=np.bool_)
    if not len(odd):
        return Odds(points(nothing), never, nothing, never)
    item, row = ground.rows_around(items.area[odd], rows)
    top = items.numerator.take(odd)
    d_units = np.zeros(len(odd), dtype=np.int64)
    d_known = np.ones(len(odd), dtype=np.bool_)
    if items.denominator is not None:
        below = items.denominator.take(odd)
        d_units, d_known = below.units, below.known
    bits = (items.lacks | items.member.lacks)[odd]
    lacks = nothing.copy()
    np.bitwise_or.at(lacks, row, bits[item])
    may_apply = ~d_known | (d_units > 0).astype(np.bool_)
    n_row = len(rows)
    slack = points(nothing)
    if by is not None:
        each = odd_ranges(
            (top.units, top.known),
            (d_units, d_known),
            by=by,
            part=counted.part,
            maybe=items.member.state[odd] == MAYBE,
        )
        slack = Ranges(
            sums_at(row, each.low[item], n=n_row),
            sums_at(row, each.high[item], n=n_row),
            _any(row, each.low_open[item], n_row),
            _any(row, each.high_open[item], n_row),
        )
    return Odds(
        slack,
        np.bincount(row, minlength=n_row) > 0,
        lacks,
        _any(row, may_apply[item], n_row),
    )


def _any(row: IntArray, where: BoolArray, n_row: int) -> BoolArray:
    """Return the rows in which something holds for an item."""
    found: BoolArray = np.bincount(row[where], minlength=n_row) > 0
    return found
