"""Values that are read per division and not added up from items."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from yikezhong_coverage.rules.verdict import Range


@dataclass(frozen=True)
class Figure:
    """The value of one division.

    Parameters
    ----------
    value, numerator, denominator : Fraction or None
        As far as known.
    between : Range
        Where the true value lies; from and to the value itself where it is known.
    applies : bool
        False: there is nothing to be valued.
    reason : str or None
        In Chinese, what is missing or why it does not apply.
    detail : mapping
    """

    value: Fraction | None = None
    numerator: Fraction | None = None
    denominator: Fraction | None = None
    between: Range = field(default_factory=lambda: Range(None, None))
    applies: bool = True
    reason: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """The values of all divisions.

    Parameters
    ----------
    by_area : dict of area index to Figure
    absent : Figure
        Of the divisions that are not there.
    whole : bool
        The numerators count things.
    """

    by_area: dict[int, Figure]
    absent: Figure
    whole: bool = False


def divided(
    numerator: Fraction, denominator: Fraction, *, empty: str, **detail: Any
) -> Figure:
    """Return a share that is fully known, or that it does not apply."""
    if denominator == 0:
        return Figure(
            None, numerator, denominator, applies=False, reason=empty, detail=detail
        )
    value = numerator / denominator
    return Figure(value, numerator, denominator, Range(value, value), detail=detail)
