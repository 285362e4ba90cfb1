"""What a rule counts, item by item, and its sums for every area.

An item is an area or a facility with its share in the numerator and the denominator.
Sums run over items, so parents are the sums of their parts and no rate is averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.records import BoolArray, IndexArray, IntArray
from yikezhong_coverage.rules.ground import Ground, Rows
from yikezhong_coverage.rules.numbers import Amounts, joined, zeros
from yikezhong_coverage.rules.quotients import Whole, sums_at
from yikezhong_coverage.rules.selectors import MAYBE, NO, Match


@dataclass(frozen=True, eq=False)
class Items:
    """Areas or facilities with their numerators and denominators.

    Parameters
    ----------
    area : ndarray of int32, shape (n_item,)
        Area each item belongs to, at the indicator's unit or above.
    member : Match
        Whether each counts.
    numerator : Amounts
    denominator : Amounts or None
        None: a count or amount, compared as it is.
    lacks : ndarray of int64, shape (n_item,)
        Bits of the inputs missing for the amounts.
    names : ndarray of str, shape (n_item,), or None
        Ids of facilities, or codes of areas, that are judged one by one.
    bears : ndarray of bool, shape (n_item,), or None
        Items that stand in the numerator; None: all.
    """

    area: IndexArray
    member: Match
    numerator: Amounts
    denominator: Amounts | None
    lacks: IntArray
    names: NDArray[Any] | None = None
    bears: BoolArray | None = None


@dataclass(frozen=True, eq=False)
class Counted:
    """What a rule gives back.

    Parameters
    ----------
    items : Items
    scale : Fraction
        The value is ``scale × N / D``.
    part : bool
        Each numerator is a part of its denominator, so that the value is a share.
    whole : bool
        The numerator counts things.
    words : tuple of str
        Names of the missing inputs, by bit.
    empty : str
        In Chinese, why the value does not apply where there is no denominator.
    failing : str
        Which of the named items fail: ``zero`` (nothing in the numerator), ``any``
        (all that count) or empty (none).
    areas_named : bool
        The names are codes of areas: these are the failing and unknown codes.
    detail : mapping of int to mapping
        Further figures by area.
    """

    items: Items
    scale: Fraction = Fraction(1)
    part: bool = False
    whole: bool = False
    words: Sequence[str] = ()
    empty: str = "没有可计的区划"
    failing: str = ""
    areas_named: bool = False
    detail: dict[int, dict[str, Any]] = field(default_factory=dict)


def clean(items: Items) -> Items:
    """Leave out what does not count or belongs to no area."""
    keep = (items.member.state != NO) & (items.area >= 0)
    if keep.all():
        return items
    index = np.flatnonzero(keep)
    return Items(
        items.area[index],
        items.member.take(index),
        items.numerator.take(index),
        None if items.denominator is None else items.denominator.take(index),
        items.lacks[index],
        None if items.names is None else items.names[index],
        None if items.bears is None else items.bears[index],
    )


def over(first: Items, second: Items) -> Items:
    """Join items that only have a numerator with items that are the denominator."""
    n_first, n_second = len(first.area), len(second.area)
    return Items(
        np.concatenate([first.area, second.area]),
        Match(
            np.concatenate([first.member.state, second.member.state]),
            np.concatenate([first.member.lacks, second.member.lacks]),
        ),
        joined(first.numerator, zeros(n_second)),
        joined(zeros(n_first), second.numerator),
        np.concatenate([first.lacks, second.lacks]),
        bears=np.arange(n_first + n_second) < n_first,
    )


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums of the items for every row, in units; shape (n_row,).

    Parameters
    ----------
    numerator, denominator : ndarray of int64 or object
        Of the certain items, as far as known.
    clear_numerator, clear_denominator : ndarray of int64 or object
        Of the certain items of which everything is known.
    n_known : ndarray of int64
        Certain items that stand in the numerator, with a known amount.
    n_bearing : ndarray of int64
        Items that stand, or may stand, in the numerator.
    odd : ndarray of int64, shape (n_odd,)
        Indices of the items that are not clear.
    """

    numerator: Whole
    denominator: Whole
    clear_numerator: Whole
    clear_denominator: Whole
    n_known: IntArray
    n_bearing: IntArray
    odd: IntArray


def add_up(ground: Ground, items: Items, *, rows: Rows) -> Sums:
    """Add the items up for every row.

    Every item counts once in each area it lies in, so the order of areas and items
    does not matter.
    """
    n_item = len(items.area)
    sure = items.member.state != MAYBE
    n_known = items.numerator.known
    below = items.denominator
    d_known = np.ones(n_item, dtype=np.bool_) if below is None else below.known
    clear = sure & n_known & d_known
    item, row = ground.rows_around(items.area, rows)

    def total(values: Whole, where: BoolArray) -> Whole:
        use = where[item]
        return sums_at(row[use], values[item[use]], n=len(rows))

    def count(where: BoolArray) -> IntArray:
        return np.bincount(row[where[item]], minlength=len(rows)).astype(np.int64)

    bears = np.ones(n_item, dtype=np.bool_)
    if items.bears is not None:
        bears = items.bears
    top = items.numerator.units
    numerator = clear_numerator = total(top, sure & n_known)
    denominator = clear_denominator = np.zeros(len(rows), dtype=np.int64)
    if below is not None:
        denominator = clear_denominator = total(below.units, sure & d_known)
    if not clear.all():
        clear_numerator = total(top, clear)
        if below is not None:
            clear_denominator = total(below.units, clear)
    return Sums(
        numerator,
        denominator,
        clear_numerator,
        clear_denominator,
        count(sure & n_known & bears),
        count(bears),
        np.flatnonzero(~clear),
    )
