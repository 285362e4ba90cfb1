"""Exact numbers: decimals as fractions, columns as integers over one denominator."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import BoolArray, FloatArray
from yikezhong_coverage.rules.quotients import MOST, Quotients, largest, over_one, times

#: Counts are multiples of 2 to the power of this, negative, or of a larger power.
_FINEST: Final = 20


class RuleError(InputError):
    """A register entry cannot be computed as it is written."""


def is_missing(value: object) -> bool:
    """Return whether an attribute value stands for unknown.

    Examples
    --------
    >>> [is_missing(value) for value in (None, float("nan"), " ", 0, False)]
    [True, True, True, False, False]
    """
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, str) and not value.strip()


def exact(value: object) -> Fraction | None:
    """Return a decimal as it is written, exactly; None where it is no number.

    Parameters
    ----------
    value : object
        Number or decimal text. A float is taken as the shortest decimal that stands
        for it: 0.55 is 11/20.

    Returns
    -------
    Fraction or None

    Examples
    --------
    >>> exact("0.55") * 20, exact(0.1), exact("3A"), exact(float("nan"))
    (Fraction(11, 1), Fraction(1, 10), None, None)
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool | np.bool_):
        return Fraction(int(value))
    if isinstance(value, int | np.integer):
        return Fraction(int(value))
    if isinstance(value, float | np.floating):
        return _from_text(str(float(value)))
    return _from_text(value) if isinstance(value, str) else None


@lru_cache(maxsize=65536)
def _from_text(text: str) -> Fraction | None:
    """Read a decimal text."""
    try:
        return Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        return None


def as_day(value: object) -> str | None:
    """Return a date as ISO text; None where it is none.

    Examples
    --------
    >>> as_day(date(2021, 1, 1)), as_day("2021-01-01"), as_day("soon")
    ('2021-01-01', '2021-01-01', None)
    """
    if isinstance(value, date):
        return date(value.year, value.month, value.day).isoformat()
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value.strip()[:10]).isoformat()
    except ValueError:
        return None


@dataclass(frozen=True, eq=False)
class Amounts:
    """Exact non-negative amounts ``units / per``.

    Parameters
    ----------
    units : ndarray of int64 or object (Python integers), shape (n,)
        0 where not known.
    per : int
        The common denominator.
    known : ndarray of bool, shape (n,)
    """

    units: NDArray[Any]
    per: int
    known: BoolArray

    def __len__(self) -> int:
        return len(self.units)

    def take(self, index: NDArray[Any]) -> Amounts:
        """Return the amounts at ``index``."""
        return Amounts(self.units[index], self.per, self.known[index])

    def times(self, factor: Fraction) -> Amounts:
        """Return the amounts multiplied by a non-negative factor."""
        units = times(self.units, factor.numerator)
        return Amounts(units, self.per * factor.denominator, self.known)

    def quotients(self) -> Quotients:
        """Return the amounts as fractions."""
        return over_one(self.units, self.per, self.known)

    def over(self, per: int) -> Amounts:
        """Return the amounts over another denominator, a multiple of theirs."""
        return Amounts(times(self.units, per // self.per), per, self.known)


def amounts(values: Sequence[Fraction | None]) -> Amounts:
    """Put exact numbers over one denominator.

    Examples
    --------
    >>> found = amounts([Fraction(1, 2), None, Fraction(1, 5)])
    >>> found.units.tolist(), found.per, found.known.tolist()
    ([5, 0, 2], 10, [True, False, True])
    """
    known = np.array([value is not None for value in values], dtype=np.bool_)
    per = math.lcm(*{v.denominator for v in values if v is not None}, 1)
    units = np.zeros(len(values), dtype=object)
    for i, value in enumerate(values):
        if value is not None:
            units[i] = value.numerator * (per // value.denominator)
    if largest(units) < MOST:
        units = units.astype(np.int64)
    return Amounts(units, per, known)


def ones(n: int) -> Amounts:
    """Return ``n`` times the amount one."""
    return Amounts(np.ones(n, dtype=np.int64), 1, np.ones(n, dtype=np.bool_))


def zeros(n: int) -> Amounts:
    """Return ``n`` times the amount zero."""
    return Amounts(np.zeros(n, dtype=np.int64), 1, np.ones(n, dtype=np.bool_))


def decimal_amounts(column: Iterable[object], *, name: str) -> Amounts:
    """Read an attribute column exactly; what is missing is not known.

    Raises
    ------
    RuleError
        If a value is not a number, or negative.
    """
    values: list[Fraction | None] = []
    for value in column:
        if is_missing(value):
            values.append(None)
            continue
        number = exact(value)
        if number is None or number < 0:
            raise RuleError(f"属性 {name} 的值“{value}”不是非负数", column=name)
        values.append(number)
    return amounts(values)


def count_amounts(column: FloatArray) -> Amounts:
    """Read counts held as floats: their binary value is exact; ``nan`` is unknown.

    Examples
    --------
    >>> found = count_amounts(np.array([2.5, np.nan, 3.0]))
    >>> found.units.tolist(), found.per, found.known.tolist()
    ([5, 0, 6], 2, [True, False, True])
    """
    known = ~np.isnan(column)
    values = np.where(known, column, 0.0)
    if (np.abs(values) < MOST >> _FINEST).all():
        for power in range(_FINEST + 1):
            units = np.ldexp(values, power)
            if (units == np.rint(units)).all():
                return Amounts(units.astype(np.int64), 1 << power, known)
    return amounts(
        [None if math.isnan(value) else Fraction(value) for value in column.tolist()]
    )


def joined(first: Amounts, second: Amounts) -> Amounts:
    """Put two sequences of amounts behind each other."""
    per = math.lcm(first.per, second.per)
    units = np.concatenate([part.over(per).units for part in (first, second)])
    return Amounts(units, per, np.concatenate([first.known, second.known]))
