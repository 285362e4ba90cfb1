"""Targets: exact comparison, what is missing, and what unknown parts leave open.

With the value ``scale × N / D``, the target *t* and ``D > 0``, the value is at least
*t* exactly when the slack ``scale × N - t × D`` is at least 0. The slack is a sum over
areas or facilities, so whatever is unknown about each of them gives a range of it, and
the ranges add up: a verdict holds for certain when it holds at both ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from yikezhong_coverage.rules.records import (
    MET,
    NOT_MET,
    UNKNOWN,
    Target,
)


def holds(value: Fraction | int, comparison: str, limit: Fraction | int) -> bool:
    """Compare exactly.

    Examples
    --------
    >>> holds(Fraction("0.55") * 20, "<=", 11), holds(30, ">", 30)
    (True, False)
    """
    if comparison == ">=":
        return value >= limit
    if comparison == ">":
        return value > limit
    if comparison == "<=":
        return value <= limit
    if comparison == "<":
        return value < limit
    return value == limit


@dataclass(frozen=True, slots=True)
class Range:
    """From ``low`` to ``high``; None is without a limit on that side."""

    low: Fraction | int | None
    high: Fraction | int | None


def decide(slack: Range, comparison: str) -> str:
    """Return the verdict that holds for every slack in the range, else unknown.

    Examples
    --------
    >>> decide(Range(0, 3), ">="), decide(Range(-2, -1), ">="), decide(Range(-1, 0), ">")
    ('met', 'not_met', 'not_met')
    >>> decide(Range(-1, 0), ">="), decide(Range(0, None), ">"), decide(Range(0, 0), "=")
    ('unknown', 'unknown', 'met')
    """
    low, high = slack.low, slack.high
    if comparison == "=":
        if low == 0 and high == 0:
            return MET
        outside = (low is not None and low > 0) or (high is not None and high < 0)
        return NOT_MET if outside else UNKNOWN
    worst, best = (low, high) if comparison in (">=", ">") else (high, low)
    if worst is not None and holds(worst, comparison, 0):
        return MET
    if best is not None and not holds(best, comparison, 0):
        return NOT_MET
    return UNKNOWN


def missing_units(
    numerator: Fraction, wanted: Fraction, *, comparison: str, whole: bool
) -> Fraction:
    """Return what the numerator lacks (or has too much) for the target.

    Parameters
    ----------
    numerator : Fraction
    wanted : Fraction
        The numerator at which the value equals the target.
    comparison : str
        ``>=`` and ``>`` ask for more, ``<=`` and ``<`` for less, ``=`` for either.
    whole : bool
        The numerator counts things: the answer is the smallest whole number of them.
        Otherwise it is the amount at which the target is equalled; for ``>`` and
        ``<`` it must then be exceeded.

    Returns
    -------
    Fraction
        Non-negative; 0 where the target is met.

    Examples
    --------
    >>> sixty = Fraction(3, 5)
    >>> str(missing_units(Fraction(25), 46 * sixty, comparison=">=", whole=True))
    '3'
    >>> str(missing_units(Fraction(11), 20 * Fraction("0.55"), comparison=">=", whole=True))
    '0'
    >>> str(missing_units(Fraction(11), Fraction(11), comparison=">", whole=True))
    '1'
    """
    if holds(numerator, comparison, wanted):
        return Fraction(0)
    if comparison == "=":
        distance = abs(wanted - numerator)
        return Fraction(math.ceil(distance)) if whole else distance
    distance = wanted - numerator if comparison in (">=", ">") else numerator - wanted
    if not whole:
        return distance
    if comparison in (">", "<"):
        return Fraction(math.floor(distance) + 1)
    return Fraction(math.ceil(distance))


def wanted_numerator(
    target: Target, denominator: Fraction | None, *, scale: Fraction
) -> Fraction:
    """Return the numerator at which the value equals the target."""
    if denominator is None:
        return target.value
    return target.value * denominator / scale


@dataclass(frozen=True, slots=True)
class Weights:
    """Whole numbers that turn units of N and D into units of slack.

    ``slack = n × numerator - d × denominator - constant``, in units so small that it
    is a whole number. ``full`` turns a denominator into the numerator of a part that
    fills it: ``slack at N = D`` is ``full × denominator - d × denominator``.
    """

    n: int
    d: int
    constant: int
    full: int


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
    Weights(n=5, d=3, constant=0, full=5)
    """
    p, q = target.value.numerator, target.value.denominator
    if d_per is None:
        return Weights(q, 0, p * n_per, 0)
    s, r = scale.numerator, scale.denominator
    return Weights(s * d_per * q, p * r * n_per, 0, s * q * n_per)


def odd_range(
    numerator: int | None,
    denominator: int | None,
    *,
    by: Weights,
    part: bool,
    maybe: bool,
) -> Range:
    """Return the slack one area or facility may add, of which a part is unknown.

    Parameters
    ----------
    numerator, denominator : int or None
        In units; None: unknown, not negative.
    by : Weights
    part : bool
        The numerator is a part of the denominator.
    maybe : bool
        It may not count at all.
    """
    low: int | None
    high: int | None
    if numerator is not None and denominator is not None:
        low = high = numerator * by.n - denominator * by.d
    elif denominator is not None:
        low, high = -denominator * by.d, None
        if part:
            high = denominator * (by.full - by.d)
            low, high = min(low, high), max(low, high)
    elif numerator is not None:
        low = None if by.d > 0 else numerator * by.n
        high = None if by.d < 0 else numerator * by.n
        if part and by.d > 0 and by.full:
            # the denominator is at least the numerator; this division leaves no rest
            high = numerator * by.n * (by.full - by.d) // by.full
    else:
        low = None if by.d > 0 else 0
        high = 0 if part and by.full <= by.d else None
    if maybe:
        low = None if low is None else min(low, 0)
        high = None if high is None else max(high, 0)
    return Range(low, high)
