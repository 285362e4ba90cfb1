"""Targets: exact comparison, what is missing, and what unknown parts leave open.

With the value ``scale × N / D``, the target *t* and ``D > 0``, the value is at least
*t* exactly when the slack ``scale × N - t × D`` is at least 0. The slack is a sum over
areas or facilities, so whatever is unknown about each of them gives a range of it, and
the ranges add up: a verdict holds for certain when it holds at both ends.

Everything is in columns of whole numbers: no value is ever rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.records import BoolArray
from yikezhong_coverage.rules.quotients import (
    Quotients,
    Whole,
    divide,
    over_one,
    plus,
    times,
)
from yikezhong_coverage.rules.records import (
    MET,
    NOT_MET,
    STATUSES,
    UNKNOWN,
    Target,
)

#: Statuses as they stand in a column: indexes into :data:`STATUSES`.
StatusArray = NDArray[np.int8]
#: Status → its number in a column.
NUMBER_OF: Final = {status: number for number, status in enumerate(STATUSES)}
#: Comparisons that ask for more.
_MORE: Final = (">=", ">")


def holds(values: Whole, comparison: str) -> BoolArray:
    """Compare whole numbers with 0.

    Examples
    --------
    >>> holds(np.array([-1, 0, 1]), ">=").tolist(), holds(np.array([-1, 0, 1]), "<").tolist()
    ([False, True, True], [True, False, False])
    """
    if comparison == ">=":
        found = values >= 0
    elif comparison == ">":
        found = values > 0
    elif comparison == "<=":
        found = values <= 0
    elif comparison == "<":
        found = values < 0
    else:
        found = values == 0
    compared: BoolArray = found.astype(np.bool_)
    return compared


@dataclass(frozen=True, eq=False)
class Ranges:
    """From ``low`` to ``high``, shape (n,); without a limit where a side is open."""

    low: Whole
    high: Whole
    low_open: BoolArray
    high_open: BoolArray

    def moved(self, by: Whole) -> Ranges:
        """Return the ranges moved."""
        low, high = plus(self.low, by), plus(self.high, by)
        return Ranges(low, high, self.low_open, self.high_open)


def points(values: Whole) -> Ranges:
    """Return ranges of one value each."""
    closed = np.zeros(len(values), dtype=np.bool_)
    return Ranges(values, values, closed, closed)


def decide(slack: Ranges, comparison: str) -> StatusArray:
    """Return the verdict that holds for every slack in a range, else unknown.

    Examples
    --------
    >>> closed = np.zeros(3, dtype=bool)
    >>> slack = Ranges(np.array([0, -2, -1]), np.array([3, -1, 0]), closed, closed)
    >>> [STATUSES[i] for i in decide(slack, ">=")], [STATUSES[i] for i in decide(slack, ">")]
    (['met', 'not_met', 'unknown'], ['unknown', 'not_met', 'not_met'])
    """
    worst, best = (slack.low, slack.low_open), (slack.high, slack.high_open)
    if comparison not in _MORE:
        worst, best = best, worst
    if comparison == "=":
        closed = ~slack.low_open & ~slack.high_open
        met = closed & holds(slack.low, "=") & holds(slack.high, "=")
        missed = (~slack.low_open & holds(slack.low, ">")) | (
            ~slack.high_open & holds(slack.high, "<")
        )
    else:
        met = ~worst[1] & holds(worst[0], comparison)
        missed = ~best[1] & ~holds(best[0], comparison)
    found = np.full(len(slack.low), NUMBER_OF[UNKNOWN], dtype=np.int8)
    found[missed] = NUMBER_OF[NOT_MET]
    found[met] = NUMBER_OF[MET]
    return found


@dataclass(frozen=True, slots=True)
class Weights:
    """Whole numbers that turn units of N and D into units of slack.

    ``slack = n × numerator - d × denominator - constant``, in units so small that it
    is a whole number. ``full`` turns a denominator into the numerator of a part that
    fills it: ``slack at N = D`` is ``full × denominator - d × denominator``. ``unit``
    is a numerator of one in units of slack.
    """

    n: int
    d: int
    constant: int
    full: int
    unit: int

    def slack(self, numerator: Whole, denominator: Whole) -> Whole:
        """Return the slack of numerators and denominators, without overflow."""
        found = plus(times(numerator, self.n), -self.constant)
        return plus(found, times(denominator, -self.d)) if self.d else found


def weights(
    target: Target, scale: Fraction, *, n_per: int, d_per: int | None
) -> Weights:
    """Return the weights for a target.

    Parameters
    ----------
    target : Target
    scale : Fraction
        The value is ``scale × N / D``.
    n_per, d_per : int
        Denominators of the units of N and D; ``d_per`` None: a count, compared as
        it is.

    Examples
    --------
    >>> weights(Target(">=", Fraction(3, 5)), Fraction(1), n_per=1, d_per=1)
    Weights(n=5, d=3, constant=0, full=5, unit=5)
    """
    p, q = target.value.numerator, target.value.denominator
    if d_per is None:
        return Weights(q, 0, p * n_per, 0, q * n_per)
    s, r = scale.numerator, scale.denominator
    n = s * d_per * q
    return Weights(n, p * r * n_per, 0, s * q * n_per, n * n_per)


def missing_units(
    slack: Whole, *, unit: int, comparison: str, whole: bool
) -> Quotients:
    """Return what the numerator lacks (or has too much) for the target.

    Parameters
    ----------
    slack : ndarray of int64 or object, shape (n,)
        At the known numerator and denominator.
    unit : int
        A numerator of one in units of slack, positive.
    comparison : str
        ``>=`` and ``>`` ask for more, ``<=`` and ``<`` for less, ``=`` for either.
    whole : bool
        The numerator counts things: the answer is the smallest whole number of them.
        Otherwise it is the amount at which the target is equalled; for ``>`` and
        ``<`` it must then be exceeded.

    Returns
    -------
    Quotients
        Non-negative; 0 where the target is met.

    Examples
    --------
    25 of 46 towns have it, and 60 % of them (27.6) shall: the slack is 25 × 5 - 46 × 3.

    >>> short = np.array([25 * 5 - 46 * 3])
    >>> missing_units(short, unit=5, comparison=">=", whole=True).numbers().tolist()
    [3.0]
    >>> missing_units(short, unit=5, comparison=">=", whole=False).numbers().tolist()
    [2.6]
    """
    distance = -slack if comparison in _MORE else slack
    if comparison == "=":
        distance = abs(slack)
    met = holds(slack, comparison)
    if whole and comparison in (">", "<"):
        distance = divide(distance, unit) + 1
    elif whole:
        distance = -divide(-distance, unit)
    known = np.ones(len(slack), dtype=np.bool_)
    return over_one(np.where(met, 0, distance), 1 if whole else unit, known)


def odd_ranges(
    numerator: tuple[Whole, BoolArray],
    denominator: tuple[Whole, BoolArray],
    *,
    by: Weights,
    part: bool,
    maybe: BoolArray,
) -> Ranges:
    """Return the slack each area or facility may add, of which a part is unknown.

    Parameters
    ----------
    numerator, denominator : pair of ndarray of int64 or object, and of bool
        In units, not negative, and where they are known.
    by : Weights
    part : bool
        The numerator is a part of the denominator.
    maybe : ndarray of bool, shape (n,)
        Items that may not count at all.
    """
    (n, n_known), (d, d_known) = numerator, denominator
    n_slack, d_slack = times(n, by.n), times(d, -by.d)
    nothing = np.zeros(len(n), dtype=np.int64)
    both, only_d, only_n = n_known & d_known, ~n_known & d_known, n_known & ~d_known
    low = np.where(n_known, n_slack, nothing)
    low = plus(low, np.where(d_known, d_slack, nothing))
    high = low
    # a denominator without end pulls the slack down, a numerator pulls it up
    low_open = ~d_known if by.d > 0 else np.zeros(len(n), dtype=np.bool_)
    high_open = only_d | (only_n & (by.d < 0)) | ~(both | only_d | only_n)
    if part:
        filled = times(d, by.full - by.d)
        ends = np.minimum(low, filled), np.maximum(low, filled)
        low, high = np.where(only_d, ends[0], low), np.where(only_d, ends[1], high)
        high_open = high_open & ~only_d
        if by.d > 0 and by.full:
            # the denominator is at least the numerator; no rest is left here
            best = divide(times(n_slack, by.full - by.d), by.full)
            high = np.where(only_n, best, high)
        if by.full <= by.d:
            high_open = high_open & (n_known | d_known)
    low = np.where(maybe, np.minimum(low, 0), low)
    high = np.where(maybe, np.maximum(high, 0), high)
    return Ranges(low, high, low_open, high_open)
