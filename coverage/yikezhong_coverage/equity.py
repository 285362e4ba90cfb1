"""How equal coverage is between areas, weighted by people, exactly.

Areas are lined up from the lowest coverage rate to the highest. The Lorenz curve then
gives, for each share of the people, the share of all covered people among them; an
area that straddles a limit is divided in proportion.

- Gini: ``Σ_i Σ_j p_i p_j |x_i - x_j| / (2 P² x̄)`` with people ``p``, rates ``x`` and
  mean rate ``x̄`` (A. Sen, On Economic Inequality, 1973, for unequal weights). 0:
  every area has the same rate.
- Palma: covered people among the best covered tenth over those among the worst
  covered four tenths (J. G. Palma 2011; A. Cobham, A. Sumner 2013, for incomes).
  1/4: every area has the same rate.
- Worst decile: the share of all covered people among the worst covered tenth (1/10
  where all rates are equal), and the coverage rate of that tenth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import FloatArray
from yikezhong_coverage.rules.numbers import count_amounts


@dataclass(frozen=True)
class Equity:
    """Equity of coverage between areas.

    Parameters
    ----------
    gini : Fraction or None
        In [0, 1); None where nobody is covered.
    palma : Fraction or None
        None where nobody among the worst covered four tenths is covered.
    worst_decile_share : Fraction or None
        In [0, 1/10]; None where nobody is covered.
    worst_decile_rate : Fraction or None
        In [0, 1]; None where there are no people.
    mean_rate : Fraction or None
        Coverage of all people.
    n_area : int
        Areas with people whose coverage is known.
    n_unknown : int
        Areas left out because they are not known.
    """

    gini: Fraction | None
    palma: Fraction | None
    worst_decile_share: Fraction | None
    worst_decile_rate: Fraction | None
    mean_rate: Fraction | None
    n_area: int
    n_unknown: int


def coverage_equity(covered: FloatArray, people: FloatArray) -> Equity:
    """Measure how equal coverage is between areas.

    Parameters
    ----------
    covered : ndarray of float64, shape (n_area,)
        Covered people of each area [persons], from 0 to ``people``; ``nan`` unknown.
    people : ndarray of float64, shape (n_area,)
        All people of each area [persons]; ``nan`` unknown. Areas without people say
        nothing and are left out.

    Returns
    -------
    Equity

    Raises
    ------
    InputError
        If counts are negative or infinite, or more are covered than there are.

    Examples
    --------
    >>> found = coverage_equity(np.array([0.0, 100.0]), np.array([100.0, 100.0]))
    >>> str(found.gini), found.palma, str(found.worst_decile_share)
    ('1/2', None, '0')
    >>> even = coverage_equity(np.array([30.0, 10.0]), np.array([60.0, 20.0]))
    >>> str(even.gini), str(even.palma), str(even.worst_decile_share), str(even.mean_rate)
    ('0', '1/4', '1/10', '1/2')
    """
    if len(covered) != len(people):
        raise InputError(f"覆盖人数 {len(covered)} 项与人口 {len(people)} 项数目不符")
    known = ~(np.isnan(covered) | np.isnan(people))
    for own, total in zip(covered[known].tolist(), people[known].tolist(), strict=True):
        if not 0 <= own <= total < np.inf:
            raise InputError(f"覆盖人数 {own:g} 应在 0 与人口 {total:g} 之间")
    n_unknown = len(people) - int(known.sum())
    pairs = _line(covered[known], people[known])
    all_covered = sum(own for own, _ in pairs)
    all_people = sum(total for _, total in pairs)
    if not pairs:
        return Equity(None, None, None, None, None, 0, n_unknown)
    tenth = covered_among(pairs, Fraction(all_people, 10))
    bottom = covered_among(pairs, Fraction(all_people * 4, 10))
    top = all_covered - covered_among(pairs, Fraction(all_people * 9, 10))
    return Equity(
        _gini(pairs, all_covered, all_people=all_people) if all_covered else None,
        top / bottom if bottom else None,
        tenth / all_covered if all_covered else None,
        tenth / Fraction(all_people, 10),
        Fraction(all_covered, all_people),
        len(pairs),
        n_unknown,
    )


def _line(covered: FloatArray, people: FloatArray) -> list[tuple[int, int]]:
    """Return covered and all people in whole units, from the lowest rate up.

    Rounded rates that differ are in the right order; where some are equal that are
    not the same, exact ones decide.
    """
    some = people > 0
    both = count_amounts(np.concatenate([covered[some], people[some]])).units
    own, total = both[: int(some.sum())], both[int(some.sum()) :]
    rate = np.divide(covered[some], people[some])
    order = np.argsort(rate, kind="stable")
    pairs = list(zip(own[order].tolist(), total[order].tolist(), strict=True))
    if any(a * d > c * b for (a, b), (c, d) in pairwise(pairs)):
        pairs.sort(key=lambda pair: Fraction(*pair))
    return pairs


def _gini(
    pairs: list[tuple[int, int]], all_covered: int, *, all_people: int
) -> Fraction:
    """Add up ``p_i p_j |x_i - x_j| = |c_j p_i - c_i p_j|`` over rising rates."""
    people_below = covered_below = total = 0
    for own, people in pairs:
        total += own * people_below - people * covered_below
        people_below += people
        covered_below += own
    return Fraction(total, all_people * all_covered)


def covered_among(pairs: Sequence[tuple[int, int]], people: Fraction) -> Fraction:
    """Return the covered among the first so many people of a sorted line of areas.

    Examples
    --------
    >>> str(covered_among([(0, 10), (10, 10)], Fraction(15)))
    '5'
    """
    covered = below = 0
    for own, total in pairs:
        if below + total > people:
            return covered + own * (people - below) / total
        covered += own
        below += total
    return Fraction(covered)
