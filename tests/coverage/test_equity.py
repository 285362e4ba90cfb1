"""Equity of coverage: hand-made lines, pairwise formula, people one by one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yikezhong_coverage.equity import coverage_equity
from yikezhong_coverage.errors import InputError

lines = st.lists(
    st.integers(0, 12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    max_size=7,
)


def arrays(line: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(line, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def test_by_hand() -> None:
    """Townships of 40, 40, 10, 10 people with 10, 30, 10, 10 covered.

    Rates 1/4, 3/4, 1, 1. Covered among the worst 10 people 2.5, among the worst 40
    people 10, among the best 10 people 10, of 60.
    """
    found = coverage_equity(
        np.array([10.0, 30.0, 10.0, 10.0]), np.array([40.0, 40.0, 10.0, 10.0])
    )
    assert found.palma == 1
    assert found.worst_decile_share == Fraction(1, 24)
    assert found.worst_decile_rate == Fraction(1, 4)
    assert found.mean_rate == Fraction(3, 5)
    # pairs: 40·40·1/2 + 2·(40·10·3/4) + 2·(40·10·1/4) = 800 + 600 + 200
    assert found.gini == Fraction(1600, 100 * 60)


def test_rates_that_round_to_the_same_are_still_in_order() -> None:
    much = 2.0**52
    covered, people = np.array([much, much + 2]), np.array([much + 1, much + 3])
    assert covered[0] / people[0] == covered[1] / people[1]
    low, high = (
        Fraction(c) / Fraction(p) for c, p in zip(covered, people, strict=True)
    )
    assert low < high
    total = Fraction(people.sum())
    wanted = Fraction(people[0]) * Fraction(people[1]) * (high - low)
    for order in ([0, 1], [1, 0]):
        found = coverage_equity(covered[order], people[order])
        assert found.gini == wanted / (total * Fraction(covered.sum()))
        assert found.worst_decile_rate == low


@given(line=lines)
def test_gini_equals_the_sum_over_all_pairs(line: list[tuple[int, int]]) -> None:
    covered, people = arrays(line)
    found = coverage_equity(covered, people).gini
    own = [(Fraction(c, p), p) for c, p in line if p]
    total = sum(p for _, p in own)
    mean = sum((x * p for x, p in own), Fraction(0)) / total if total else Fraction(0)
    if mean == 0:
        assert found is None
        return
    pairs = sum((p * q * abs(x - y) for x, p in own for y, q in own), Fraction(0))
    assert found == pairs / (2 * total * total * mean)
    assert 0 <= found < 1


@settings(deadline=None)
@given(line=lines)
def test_shares_equal_those_of_people_in_a_row(line: list[tuple[int, int]]) -> None:
    """Cut every person into ten: then tenths of all people are whole numbers."""
    covered, people = arrays(line)
    found = coverage_equity(covered, people)
    row = sorted(Fraction(c, p) for c, p in line for _ in range(10 * p))
    total = len(row) // 10
    if not row:
        assert found.mean_rate is None
        return
    worst = sum(row[:total], Fraction(0))
    assert found.worst_decile_rate == worst / total
    assert found.mean_rate == sum(row) / len(row)
    if sum(row):
        assert found.worst_decile_share == worst / sum(row)
        assert found.worst_decile_share <= Fraction(1, 10)
    bottom = sum(row[: 4 * total], Fraction(0))
    best = sum(row[9 * total :], Fraction(0))
    assert found.palma == (best / bottom if bottom else None)
    assert found.palma is None or found.palma >= Fraction(1, 4)


@given(line=lines)
def test_order_and_splitting_change_nothing(line: list[tuple[int, int]]) -> None:
    covered, people = arrays(line)
    first = coverage_equity(covered, people)
    back = coverage_equity(covered[::-1], people[::-1])
    assert back == first
    halves = coverage_equity(np.repeat(covered / 2, 2), np.repeat(people / 2, 2))
    assert (halves.gini, halves.palma, halves.worst_decile_share) == (
        *(first.gini, first.palma, first.worst_decile_share),
    )


def test_unknown_and_empty_areas() -> None:
    found = coverage_equity(np.array([np.nan, 0.0, 5.0]), np.array([10.0, 0.0, 10.0]))
    assert (found.n_area, found.n_unknown, found.mean_rate) == (1, 1, Fraction(1, 2))
    none = coverage_equity(np.array([]), np.array([]))
    assert none.gini is None and none.n_area == 0
    nobody = coverage_equity(np.array([0.0]), np.array([10.0]))
    assert (nobody.gini, nobody.palma, nobody.worst_decile_rate) == (None, None, 0)


@pytest.mark.parametrize(
    ("covered", "people"), [([2.0], [1.0]), ([-1.0], [1.0]), ([1.0], [np.inf])]
)
def test_impossible_counts_are_refused(
    covered: list[float], people: list[float]
) -> None:
    with pytest.raises(InputError):
        coverage_equity(np.array(covered), np.array(people))
    with pytest.raises(InputError, match="不符"):
        coverage_equity(np.array(covered), np.array([]))
