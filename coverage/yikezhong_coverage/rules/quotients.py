"""Exact fractions in columns, and whole numbers that never overflow.

Whole numbers are kept in int64 as long as they surely fit, else as Python integers in
an array of objects: the same operations work on both.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.records import BoolArray, FloatArray, IntArray

#: Whole numbers, int64 or Python integers as objects.
Whole = NDArray[Any]

#: Whole numbers below this are kept in int64.
MOST: Final = 2**62
#: Floats hold every whole number up to this.
_EXACT: Final = 2**53


def largest(values: Whole) -> int:
    """Return the largest absolute value; 0 where there are none."""
    if not len(values):
        return 0
    return max(abs(int(values.min())), abs(int(values.max())))


def times(values: Whole, factor: int) -> Whole:
    """Multiply without overflow.

    Examples
    --------
    >>> times(np.array([3, -2]), 5).tolist(), times(np.array([2**40]), 2**40).tolist()
    ([15, -10], [1208925819614629174706176])
    """
    if values.dtype != object and max(largest(values), 1) * abs(factor) >= MOST:
        values = values.astype(object)
    return values * factor


def divide(values: Whole, by: int) -> Whole:
    """Divide by a positive number, rounded down."""
    return (values if by < MOST else values.astype(object)) // by


def plus(first: Whole, second: Whole | int) -> Whole:
    """Add without overflow."""
    most = abs(second) if isinstance(second, int) else largest(second)
    if first.dtype != object and largest(first) + most >= MOST:
        first = first.astype(object)
    return first + second


def sums_at(index: IntArray, values: Whole, *, n: int) -> Whole:
    """Return the sum of the values at each index, exactly; shape (n,).

    Examples
    --------
    >>> sums_at(np.array([0, 2, 0]), np.array([5, 7, 2**61]), n=3).tolist()
    [2305843009213693957, 0, 7]
    """
    if values.dtype != object:
        most = largest(values) * len(values)
        if most < _EXACT:
            found = np.bincount(index, weights=values, minlength=n)
            return found.astype(np.int64)
        if most >= MOST:
            values = values.astype(object)
    total = np.zeros(n, dtype=values.dtype)
    np.add.at(total, index, values)
    return total


@dataclass(frozen=True, eq=False)
class Quotients:
    """Exact fractions ``top / bottom``.

    Parameters
    ----------
    top : ndarray of int64 or object, shape (n,)
    bottom : ndarray of int64 or object, shape (n,)
        Positive where ``known``.
    known : ndarray of bool, shape (n,)
    """

    top: Whole
    bottom: Whole
    known: BoolArray

    def __len__(self) -> int:
        return len(self.top)

    def at(self, row: int) -> Fraction | None:
        """Return one fraction; None where it is not known."""
        if not self.known[row]:
            return None
        return Fraction(int(self.top[row]), int(self.bottom[row]))

    def take(self, index: IntArray) -> Quotients:
        """Return the fractions at ``index``."""
        return Quotients(self.top[index], self.bottom[index], self.known[index])

    def rounded_up(self) -> Quotients:
        """Return the smallest whole numbers that are not less."""
        whole = -(-self.top // self.bottom)
        return over_one(whole, 1, self.known)

    def numbers(self) -> FloatArray:
        """Return the nearest floats; ``nan`` where nothing is known.

        Examples
        --------
        >>> Quotients(np.array([1, 2]), np.array([3, 1]), np.array([True, False])).numbers()
        array([0.33333333,        nan])
        """
        found = np.full(len(self), np.nan)
        # of two floats that are exact the quotient is rounded once
        easy = self.known & (abs(self.top) <= _EXACT) & (self.bottom <= _EXACT)
        easy = easy.astype(np.bool_)
        found[easy] = self.top[easy].astype(np.float64) / self.bottom[easy].astype(
            np.float64
        )
        for row in np.flatnonzero(self.known & ~easy).tolist():
            found[row] = int(self.top[row]) / int(self.bottom[row])
        return found

    def signs_from(self, limit: Fraction) -> NDArray[np.int8]:
        """Return the sign of each fraction less a limit; 0 where it is not known."""
        apart = plus(
            times(self.top, limit.denominator), -times(self.bottom, limit.numerator)
        )
        return np.where(self.known, signs(apart), 0).astype(np.int8)


def signs(values: Whole) -> NDArray[np.int8]:
    """Return -1, 0 or 1.

    Examples
    --------
    >>> signs(np.array([-5, 0, 2**70], dtype=object)).tolist()
    [-1, 0, 1]
    """
    above = (values > 0).astype(np.int8)
    below = (values < 0).astype(np.int8)
    found: NDArray[np.int8] = above - below
    return found


def unknown_quotients(n: int) -> Quotients:
    """Return ``n`` fractions of which nothing is known."""
    one = np.ones(n, dtype=np.int64)
    return Quotients(one * 0, one, np.zeros(n, dtype=np.bool_))


def over_one(top: Whole, bottom: int, known: BoolArray) -> Quotients:
    """Return fractions over one denominator."""
    kind = top.dtype if bottom < MOST else np.dtype(object)
    return Quotients(top, np.full(len(top), bottom, dtype=kind), known)
