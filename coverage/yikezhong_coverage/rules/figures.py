"""Values that are read per division and not added up from items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from yikezhong_coverage.records import BoolArray
from yikezhong_coverage.rules.ground import Rows
from yikezhong_coverage.rules.numbers import Amounts, amounts
from yikezhong_coverage.rules.quotients import Quotients
from yikezhong_coverage.rules.valued import Detail, Reasons, no_detail, no_reasons


@dataclass(frozen=True)
class Figure:
    """The value of one division.

    Parameters
    ----------
    value, numerator, denominator : Fraction or None
        As far as known.
    applies : bool
        False: there is nothing to be valued.
    reason : str or None
        In Chinese, what is missing or why it does not apply.
    detail : mapping
    """

    value: Fraction | None = None
    numerator: Fraction | None = None
    denominator: Fraction | None = None
    applies: bool = True
    reason: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Figures:
    """The values of all rows.

    Parameters
    ----------
    value : Quotients
    numerator, denominator : Amounts
    low, high : Quotients
        Where the true value lies; known where ``value`` is.
    applies : ndarray of bool, shape (n_row,)
        False: there is nothing to be valued.
    reasons : Reasons
    whole : bool
        The numerators count things.
    detail : callable
        Further figures of a row.
    """

    value: Quotients
    numerator: Amounts
    denominator: Amounts
    low: Quotients
    high: Quotients
    applies: BoolArray
    reasons: Reasons
    whole: bool = False
    detail: Detail = no_detail


def figures_of(by_row: Mapping[int, Figure], rows: Rows, *, absent: Figure) -> Figures:
    """Return the figures of the rows that have one; all others are ``absent``."""
    n_row = len(rows)
    columns: dict[str, list[Fraction | None]] = {
        name: [getattr(absent, name)] * n_row
        for name in ("value", "numerator", "denominator")
    }
    applies = np.full(n_row, absent.applies)
    reasons = no_reasons(n_row).but(np.ones(n_row, dtype=np.bool_), absent.reason)
    texts = {text: i for i, text in enumerate(reasons.texts)}
    for row, figure in by_row.items():
        for name, column in columns.items():
            column[row] = getattr(figure, name)
        applies[row] = figure.applies
        reasons.index[row] = (
            -1 if figure.reason is None else texts.setdefault(figure.reason, len(texts))
        )
    exact = amounts(columns["value"]).quotients()

    def detail(row: int) -> dict[str, Any]:
        return by_row.get(row, absent).detail

    return Figures(
        exact,
        amounts(columns["numerator"]),
        amounts(columns["denominator"]),
        exact,
        exact,
        applies,
        Reasons(reasons.index, tuple(texts)),
        detail=detail,
    )


def divided(
    numerator: Fraction, denominator: Fraction, *, empty: str, **detail: Any
) -> Figure:
    """Return a share that is fully known, or that it does not apply."""
    if denominator == 0:
        return Figure(
            None, numerator, denominator, applies=False, reason=empty, detail=detail
        )
    return Figure(numerator / denominator, numerator, denominator, detail=detail)
