"""Splits by time and by capacity, against a filling by hand in whole quanta."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coverage_cases import random_people
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import Reach
from yikezhong_coverage.supply import fill, fill_in_bands, quanta_of, split_by_time

seeds = st.integers(0, 2**32 - 1)


def reach_of(time_s: np.ndarray, limit_s: float) -> Reach:
    """Make the sparse table of a full table facility × demand."""
    facility, demand = np.nonzero(time_s <= limit_s)
    start = np.searchsorted(facility, np.arange(len(time_s) + 1)).astype(np.int64)
    return Reach(
        start,
        demand.astype(np.int32),
        time_s[facility, demand],
        time_s.shape[1],
        limit_s,
    )


def random_times(
    random: np.random.Generator, n_facility: int, n_demand: int
) -> np.ndarray:
    """Make times with many ties."""
    return random.integers(0, 12, (n_facility, n_demand)) * 100.0


def fill_by_hand(
    time_s: np.ndarray, limit_s: float, people: np.ndarray, capacity: np.ndarray
) -> tuple[list[float], list[float], list[float]]:
    left = [0.0 if np.isnan(p) else float(p) for p in people]
    places = [float(c) for c in capacity]
    load = [0.0] * len(capacity)
    reached = [False] * len(people)
    pairs = [
        (time_s[f, d], d, f)
        for f in range(len(capacity))
        for d in range(len(people))
        if time_s[f, d] <= limit_s and not np.isnan(capacity[f])
    ]
    for _, d, f in sorted(pairs):
        reached[d] = True
        taken = min(left[d], places[f])
        left[d] -= taken
        places[f] -= taken
        load[f] += taken
    whole = [0.0 if np.isnan(p) else float(p) for p in people]
    covered = [w - rest for w, rest in zip(whole, left, strict=True)]
    full = [rest if r else 0.0 for rest, r in zip(left, reached, strict=True)]
    return covered, full, load


@settings(max_examples=60, deadline=None)
@given(seed=seeds, n_facility=st.integers(0, 6), n_demand=st.integers(0, 25))
def test_fill_equals_filling_by_hand(seed: int, n_facility: int, n_demand: int) -> None:
    random = np.random.default_rng(seed)
    time_s = random_times(random, n_facility, n_demand)
    people = random_people(random, n_demand, unknown_share=0.2)
    capacity = random.integers(0, 100, n_facility) / 4.0
    capacity[random.random(n_facility) < 0.2] = np.nan
    capacity[random.random(n_facility) < 0.1] = np.inf
    served = fill(reach_of(time_s, 700.0), people, capacity)
    covered, full, load = fill_by_hand(time_s, 700.0, people, capacity)
    known = ~np.isnan(people)
    split = served.split
    assert split.covered[known].tolist() == np.array(covered)[known].tolist()
    assert split.full[known].tolist() == np.array(full)[known].tolist()
    counted = ~np.isnan(capacity)
    assert served.by_facility[counted].tolist() == np.array(load)[counted].tolist()
    assert np.isnan(served.by_facility[~counted]).all()
    # The whole, exactly; the unknown stays unknown.
    np.testing.assert_array_equal(split.people, people)
    assert np.isnan(split.covered[~known]).all()
    assert np.isnan(split.full[~known]).all()
    assert np.isnan(split.out_of_reach[~known]).all()
    # The pairs are the same people once more.
    by_pair = np.bincount(served.pair_demand, served.pair_people, minlength=n_demand)
    assert by_pair.astype(float)[known].tolist() == split.covered[known].tolist()
    assert served.pair_people.sum() == np.nansum(served.by_facility)
    assert (served.pair_people > 0).all()


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_another_facility_takes_no_place_away(seed: int) -> None:
    random = np.random.default_rng(seed)
    time_s = random_times(random, 5, 15)
    people = random_people(random, 15)
    capacity = random.integers(0, 120, 5).astype(float)
    fewer = fill(reach_of(time_s[:4], 700.0), people, capacity[:4]).split
    more = fill(reach_of(time_s, 700.0), people, capacity).split
    assert (more.covered >= fewer.covered).all()
    assert (more.out_of_reach <= fewer.out_of_reach).all()


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_more_time_serves_no_fewer_in_all(seed: int) -> None:
    random = np.random.default_rng(seed)
    time_s = random_times(random, 4, 15)
    people = random_people(random, 15)
    capacity = random.integers(0, 120, 4).astype(float)
    totals = [
        fill(reach_of(time_s, limit_s), people, capacity).split.covered.sum()
        for limit_s in (0.0, 300.0, 301.0, 700.0, 5000.0)
    ]
    assert totals == sorted(totals)


def test_ties_go_by_demand_then_facility() -> None:
    time_s = np.full((2, 2), 60.0)
    served = fill(reach_of(time_s, 60.0), np.array([3.0, 3.0]), np.array([2.0, 2.0]))
    assert served.split.covered.tolist() == [3.0, 1.0]
    assert served.pair_demand.tolist() == [0, 0, 1]
    assert served.pair_facility.tolist() == [0, 1, 1]
    assert served.pair_people.tolist() == [2.0, 1.0, 1.0]


def test_capacity_zero_is_full_and_unknown_capacity_is_not_there() -> None:
    reach = reach_of(np.array([[10.0]]), 900.0)
    people = np.array([7.0])
    assert fill(reach, people, np.array([0.0])).split.full.tolist() == [7.0]
    unknown = fill(reach, people, np.array([np.nan]))
    assert unknown.split.out_of_reach.tolist() == [7.0]
    assert np.isnan(unknown.by_facility).all()


def test_capacity_is_rounded_down_to_a_quantum() -> None:
    reach = reach_of(np.array([[10.0]]), 900.0)
    served = fill(reach, np.array([7.0]), np.array([10 / 3]))
    assert 0 <= 10 / 3 - served.split.covered[0] < 2.0**-20
    assert served.split.people.tolist() == [7.0]


def test_inputs_are_left_alone() -> None:
    people, capacity = np.array([5.0]), np.array([2.0])
    fill(reach_of(np.array([[10.0]]), 900.0), people, capacity)
    assert (people.tolist(), capacity.tolist()) == ([5.0], [2.0])


@pytest.mark.parametrize("value", [-1.0, np.inf, 0.1, 2.0**34])
def test_bad_people_are_refused(value: float) -> None:
    with pytest.raises(InputError, match="第 2 个需求点"):
        quanta_of(np.array([1.0, value]), name="people_60")


def test_bad_capacity_and_lengths_are_refused() -> None:
    reach = reach_of(np.array([[10.0]]), 900.0)
    with pytest.raises(InputError, match="容量为 -1"):
        fill(reach, np.array([1.0]), np.array([-1.0]))
    with pytest.raises(InputError, match="个数"):
        fill(reach, np.array([1.0, 2.0]), np.array([1.0]))


@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_split_by_time_keeps_the_whole_and_grows(seed: int) -> None:
    random = np.random.default_rng(seed)
    people = random_people(random, 20, unknown_share=0.2)
    time_s = np.where(random.random(20) < 0.2, np.inf, random_times(random, 1, 20)[0])
    before = np.zeros(20)
    for limit_s in (0.0, 300.0, 900.0):
        split = split_by_time(people, time_s, limit_s=limit_s)
        np.testing.assert_array_equal(split.people, people)
        known = ~np.isnan(people)
        assert (split.full[known] == 0).all()
        assert (split.covered >= before)[known].all()
        assert split.covered[known & (time_s <= limit_s)].sum() == (
            split.covered[known].sum()
        )
        before = np.where(known, split.covered, 0.0)


@settings(max_examples=80, deadline=None)
@given(
    seed=seeds,
    most_pairs=st.sampled_from([1, 20, 10_000]),
    limits_s=st.lists(st.sampled_from([0.0, 150.0, 400.0, 1100.0]), max_size=4),
)
def test_bands_of_time_fill_as_all_pairs_at_once(
    seed: int, most_pairs: int, limits_s: list[float]
) -> None:
    random = np.random.default_rng(seed)
    time_s = random_times(random, 6, 30) + random.choice([0.0, 0.25], (6, 30))
    people = random_people(random, 30)
    capacity = random.choice([0.0, 4.0, 30.0, 200.0, np.inf, np.nan], 6)
    asked = []

    def find_pairs(demand: np.ndarray, facility: np.ndarray, limit_s: float) -> Reach:
        asked.append((len(demand), len(facility), limit_s))
        return reach_of(time_s[np.ix_(facility, demand)], limit_s)

    counted = ~np.isnan(capacity)
    nearest_s = time_s[counted].min(axis=0, initial=np.inf)
    splits = fill_in_bands(
        find_pairs,
        people,
        capacity,
        nearest_s=nearest_s,
        limits_s=limits_s,
        most_pairs=most_pairs,
    )
    assert len(splits) == len(limits_s)
    for limit_s, split in zip(limits_s, splits, strict=True):
        whole = fill(reach_of(time_s, limit_s), people, capacity).split
        for name in ("covered", "full", "out_of_reach"):
            np.testing.assert_array_equal(getattr(split, name), getattr(whole, name))
    # nobody is asked for again who has a place, and no facility that is full
    assert all(a[0] >= b[0] and a[1] >= b[1] for a, b in pairwise(asked))
    assert [a[2] for a in asked] == sorted({a[2] for a in asked})


def test_bands_refuse_what_they_cannot_fill() -> None:
    people, capacity = np.ones(2), np.ones(1)

    def find_pairs(demand: np.ndarray, facility: np.ndarray, limit_s: float) -> Reach:
        raise AssertionError(demand, facility, limit_s)

    with pytest.raises(InputError, match="时限"):
        fill_in_bands(find_pairs, people, capacity, nearest_s=people, limits_s=[np.inf])
    with pytest.raises(InputError, match="个数"):
        fill_in_bands(
            find_pairs, people, capacity, nearest_s=people[:1], limits_s=[9.0]
        )
