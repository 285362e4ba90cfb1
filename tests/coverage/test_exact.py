from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.exact import (
    PEOPLE_QUANTUM,
    TIME_QUANTUM_S,
    allocate,
    allocate_groups,
    round_time,
)

TIMES = st.floats(0, 2.0**20)
WEIGHTS = st.sampled_from([0.0, 1.0, 1.0, 2.0]) | st.floats(0, 1e6)


@given(TIMES)
def test_a_rounded_time_is_the_nearest_multiple(time_s):
    rounded = float(round_time(time_s))
    quanta = Fraction(rounded) / Fraction(TIME_QUANTUM_S)
    assert quanta.denominator == 1
    assert quanta == round(Fraction(time_s) / Fraction(TIME_QUANTUM_S))
    assert float(round_time(rounded)) == rounded


@given(st.lists(st.floats(0, 1e4), max_size=60), st.randoms(use_true_random=False))
def test_sums_of_rounded_times_are_exact_in_any_order(times_s, random):
    rounded = round_time(times_s).tolist()
    exact = sum(map(Fraction, rounded))
    assert Fraction(sum(rounded)) == exact
    random.shuffle(rounded)
    assert Fraction(sum(rounded)) == exact


def test_what_is_not_finite_stays():
    np.testing.assert_array_equal(round_time([np.inf, np.nan]), [np.inf, np.nan])
    assert round_time([]).shape == (0,)
    assert round_time(1.0).shape == ()


@given(
    st.floats(0, 1e6) | st.integers(0, 1_400_000_000).map(float),
    st.lists(WEIGHTS, max_size=40),
)
def test_parts_add_up_to_the_total_exactly(total, weights):
    units = round(total / PEOPLE_QUANTUM)
    if units and not any(weights):
        with pytest.raises(InputError, match="没有可供分配的权重"):
            allocate(total, weights)
        return
    parts = allocate(total, weights)
    quanta = [Fraction(p) / Fraction(PEOPLE_QUANTUM) for p in parts.tolist()]
    assert all(q.denominator == 1 and q >= 0 for q in quanta)
    assert sum(quanta) == units
    assert Fraction(float(parts.sum())) == sum(map(Fraction, parts.tolist()))
    whole = sum(map(Fraction, weights))
    for weight, q in zip(weights, quanta, strict=True):
        assert weight > 0 or q == 0
        # a unit from rounding to whole units, and what floats lose in big numbers
        assert abs(q - units * Fraction(weight) / (whole or 1)) <= 1 + units * 1e-14


@given(st.integers(0, 3000), st.lists(st.integers(0, 50), min_size=1, max_size=12))
def test_allocation_is_by_largest_remainder(quanta, weights):
    if not any(weights):
        return
    total = sum(weights)
    exact = [Fraction(quanta * w, total) for w in weights]
    expected = [q.numerator // q.denominator for q in exact]
    by_remainder = sorted(
        range(len(weights)), key=lambda i: (-(exact[i] - expected[i]), i)
    )
    for i in by_remainder[: quanta - sum(expected)]:
        expected[i] += 1
    found = (allocate(quanta * PEOPLE_QUANTUM, weights) / PEOPLE_QUANTUM).tolist()
    # equal remainders of unequal weights may differ in their last bit
    remainders = [q - q.numerator // q.denominator for q in exact]
    distinct = {w: r for w, r in zip(weights, remainders, strict=True)}
    if len(set(distinct.values())) == len(distinct):
        assert found == expected
    assert sum(found) == quanta


def test_of_equal_remainders_the_lower_index_is_first():
    parts = allocate(2 * PEOPLE_QUANTUM, [1, 1, 1]) / PEOPLE_QUANTUM
    assert parts.tolist() == [1, 1, 0]


@given(st.data())
def test_groups_are_allocated_each_by_itself(data):
    totals = data.draw(st.lists(st.floats(0, 1e5), min_size=1, max_size=5))
    index = st.integers(0, len(totals) - 1)
    rows = data.draw(st.lists(st.tuples(index, st.floats(0.1, 9)), max_size=30))
    rows += [(g, 1.0) for g in range(len(totals))]
    group = np.array([g for g, _ in rows])
    weight = np.array([w for _, w in rows])
    found = allocate_groups(totals, group, weight)
    for g, total in enumerate(totals):
        alone = allocate(total, weight[group == g])
        np.testing.assert_array_equal(found[group == g], alone)


def test_unknown_stays_unknown_and_nothing_is_lost():
    np.testing.assert_array_equal(allocate(np.nan, [1, 2]), [np.nan, np.nan])
    assert allocate_groups([0, np.nan], [], []).shape == (0,)
    assert allocate_groups([0.0], [0], [0.0]).tolist() == [0.0]
    with pytest.raises(InputError, match="第 2 组有 5 人"):
        allocate_groups([1, 5], [0], [1])


def test_a_huge_total_still_adds_up():
    weights = np.random.default_rng(0).random(10_000)
    parts = allocate(8e9, weights)
    assert parts.sum() == 8e9
    assert parts.min() >= 0


def test_totals_at_the_limit_of_floats_add_up():
    random = np.random.default_rng(1)
    for n in range(2, 60):
        weights = np.append(np.zeros(2), random.random(n))
        parts = allocate(8e9, weights)
        assert sum(map(Fraction, parts.tolist())) == 8 * 10**9
        assert parts[:2].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("weights", [[7, 26], [0, 1, 29], [0, 0, 1, 0, 29]])
def test_what_floats_lose_at_their_limit_is_made_good(weights):
    # the quotas are whole numbers of units here, one too many or too few in all
    parts = allocate(7.5e9, weights)
    assert sum(map(Fraction, parts.tolist())) == 75 * 10**8
    assert all(p > 0 or w == 0 for p, w in zip(parts, weights, strict=True))
    assert all(p == 0 or w > 0 for p, w in zip(parts, weights, strict=True))


def test_the_order_of_the_rows_changes_nothing():
    random = np.random.default_rng(2)
    for n in range(2, 400):
        weights = random.random(n)
        parts = allocate(1e7, weights)
        order = random.permutation(n)
        np.testing.assert_array_equal(allocate(1e7, weights[order]), parts[order])


def test_scale_of_weights_changes_nothing():
    weights = np.array([3.0, 1.0, 7.0])
    for factor in (2.0**-1000, 2.0**900):
        np.testing.assert_array_equal(
            allocate(10, weights * factor), allocate(10, weights)
        )


@pytest.mark.parametrize(
    ("totals", "group", "weights", "message"),
    [
        ([1], [0, 0], [1], "数目不符"),
        ([1], [1], [1], "超出范围"),
        ([1], [-1], [1], "超出范围"),
        ([1], [0], [-1], "第 1 个权重"),
        ([1], [0, 0], [1, np.nan], "第 2 个权重"),
        ([-1], [0], [1], "第 1 组人口"),
        ([1, np.inf], [0, 1], [1, 1], "第 2 组人口"),
    ],
)
def test_what_cannot_be_divided_is_refused(totals, group, weights, message):
    with pytest.raises(InputError, match=message):
        allocate_groups(totals, group, weights)
