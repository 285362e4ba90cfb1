"""Rates and their roll-up, against walking the tree with fractions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coverage_cases import below, random_divisions, random_people
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.extents import roll_up_lengths, roll_up_surfaces
from yikezhong_coverage.limits import roll_up_times
from yikezhong_coverage.rates import (
    FLAGS,
    Coverage,
    exact_share,
    roll_up,
    roll_up_areas,
)
from yikezhong_coverage.records import Divisions
from yikezhong_coverage.supply import Split, split_by_time

seeds = st.integers(0, 2**32 - 1)


def random_split(random: np.random.Generator, n: int, *, unknown: float) -> Split:
    parts = [random_people(random, n) for _ in range(3)]
    missing = random.random(n) < unknown
    return Split(*(np.where(missing, np.nan, part) for part in parts))


def check_coverage(found: Coverage) -> None:
    """Check what holds for every record."""
    known = ~np.isnan(found.total)
    whole = found.covered + found.full + found.out_of_reach
    assert whole[known].tolist() == found.total[known].tolist()
    rated = ~np.isnan(found.rate)
    assert rated.tolist() == (known & (found.total > 0)).tolist()
    assert ((found.rate[rated] >= 0) & (found.rate[rated] <= 1)).all()
    for words in found.flags:
        assert set(words.split()) <= set(FLAGS)
    assert (found.flags[~rated] != "").all()


def tree(parents: list[int], levels: str) -> Divisions:
    names = {"P": "prefecture", "T": "township", "C": "community"}
    return Divisions(
        np.array([f"{level}{i}" for i, level in enumerate(levels)]),
        np.array([names[level] for level in levels]),
        np.array(parents, dtype=np.int32),
    )


@settings(max_examples=50, deadline=None)
@given(seed=seeds, n_division=st.integers(1, 15), n_demand=st.integers(0, 40))
def test_roll_up_equals_walking_the_tree(
    seed: int, n_division: int, n_demand: int
) -> None:
    random = np.random.default_rng(seed)
    divisions = random_divisions(random, n_division)
    unit = random.integers(-1, n_division, n_demand).astype(np.int32)
    split = random_split(random, n_demand, unknown=0.15)
    marked = random.random(n_division) < 0.2
    found = roll_up(divisions, unit, split=split, estimated=marked)
    check_coverage(found)
    for i in range(n_division):
        inside = below(divisions, i)
        points = [d for d in range(n_demand) if unit[d] in inside]
        known = [d for d in points if not np.isnan(split.covered[d])]
        covered = sum((Fraction(split.covered[d]) for d in known), Fraction(0))
        total = sum((Fraction(split.people[d]) for d in known), Fraction(0))
        words = found.flags[i].split()
        assert ("unknown_people" in words) == (len(known) < len(points))
        assert ("estimated" in words) == any(marked[j] for j in inside)
        if points and not known:
            assert np.isnan(found.total[i])
            assert "no_people" not in words
            continue
        assert Fraction(found.total[i]) == total
        assert Fraction(found.covered[i]) == covered
        assert ("no_people" in words) == (total == 0)


@settings(max_examples=100, deadline=None)
@given(seed=seeds, n_limit=st.integers(1, 4))
def test_limits_at_once_equal_limits_one_by_one(seed: int, n_limit: int) -> None:
    random = np.random.default_rng(seed)
    divisions = random_divisions(random, 9)
    missing = random.random(9) < 0.1
    divisions = replace(divisions, unknown={"people": missing})
    unit = random.integers(-1, 9, 30).astype(np.int32)
    people = np.where(random.random(30) < 0.2, np.nan, random_people(random, 30))
    times = np.array([0.0, 300.0, 600.0, 600.0 + 2.0**-30, 900.0, np.inf])
    time_s = random.choice(times, 30)
    limits_s = sorted(random.choice(times[:-1], n_limit, replace=False).tolist())
    group = str(random.choice(["people", "people_60"]))
    marked = random.random(9) < 0.2
    found = roll_up_times(
        divisions,
        unit,
        people,
        time_s,
        limits_s=limits_s,
        group=group,
        estimated=marked,
    )
    for limit_s, at_once in zip(limits_s, found, strict=True):
        alone = roll_up(
            divisions,
            unit,
            split=split_by_time(people, time_s, limit_s=limit_s),
            group=group,
            estimated=marked,
        )
        for name in ("total", "covered", "full", "out_of_reach", "rate", "marks"):
            np.testing.assert_array_equal(getattr(at_once, name), getattr(alone, name))
        assert at_once.denominator == group


@pytest.mark.parametrize(
    ("limits_s", "people"), [([900, 300], 1.0), ([300, 300], 1.0), ([300], 0.1)]
)
def test_limits_at_once_refuse_what_cannot_be_counted(
    limits_s: list[float], people: float
) -> None:
    unit = np.zeros(1, dtype=np.int32)
    with pytest.raises(InputError):
        roll_up_times(
            tree([-1], "T"), unit, np.array([people]), np.zeros(1), limits_s=limits_s
        )


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_order_of_rows_changes_nothing(seed: int) -> None:
    random = np.random.default_rng(seed)
    divisions = random_divisions(random, 9)
    unit = random.integers(0, 9, 30).astype(np.int32)
    split = random_split(random, 30, unknown=0.1)
    order = random.permutation(30)
    shuffled = Split(split.covered[order], split.full[order], split.out_of_reach[order])
    first = roll_up(divisions, unit, split=split)
    second = roll_up(divisions, unit[order], split=shuffled)
    for name in ("total", "covered", "full", "out_of_reach", "rate"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.flags.tolist() == second.flags.tolist()


@settings(max_examples=30, deadline=None)
@given(seed=seeds, denominator=st.sampled_from(["communities", "townships"]))
def test_rates_grow_with_the_limit_and_with_facilities(
    seed: int, denominator: str
) -> None:
    random = np.random.default_rng(seed)
    divisions = random_divisions(random, 12)
    unit = random.integers(0, 12, 40).astype(np.int32)
    people = random_people(random, 40, unknown_share=0.05)
    one = random.integers(0, 20, 40) * 60.0
    two = np.minimum(one, random.integers(0, 20, 40) * 60.0)

    def rates(time_s: np.ndarray, limit_s: float) -> list[np.ndarray]:
        split = split_by_time(people, time_s, limit_s=limit_s)
        by_people = roll_up(divisions, unit, split=split)
        by_area = roll_up_areas(divisions, by_people, denominator=denominator)
        check_coverage(by_people)
        check_coverage(by_area)
        return [by_people.rate, by_area.rate]

    def none_falls(before: list[np.ndarray], after: list[np.ndarray]) -> None:
        for a, b in zip(before, after, strict=True):
            assert (np.isnan(a) == np.isnan(b)).all()
            assert (b >= a)[~np.isnan(a)].all()

    none_falls(rates(one, 300.0), rates(one, 600.0))
    none_falls(rates(one, 600.0), rates(two, 600.0))


def test_parents_are_the_sum_of_their_children() -> None:
    divisions = tree([-1, 0, 0, 1, 1, 2], "PTTCCC")
    people = np.array([1 + 2.0**-20, 2.5, 2.0**30])
    split = split_by_time(people, np.array([1.0, 2.0, 3.0]), limit_s=2.0)
    found = roll_up(divisions, np.array([3, 4, 5], dtype=np.int32), split=split)
    assert found.total[1] == found.total[3] + found.total[4]
    assert found.total[0] == found.total[1] + found.total[2]
    assert found.covered[0] == 3.5 + 2.0**-20


def test_divisions_known_to_be_unknown_are_flagged_upwards() -> None:
    base = tree([-1, 0, 0], "TCC")
    unknown = {"people_60": np.array([False, True, False])}
    divisions = Divisions(base.code, base.level, base.parent, unknown)
    split = Split(np.array([4.0]), np.array([0.0]), np.array([0.0]))
    unit = np.array([2], dtype=np.int32)
    found = roll_up(divisions, unit, split=split)
    assert found.flags.tolist() == ["unknown_people", "unknown_people", ""]
    assert found.total.tolist()[0] == 4.0
    assert np.isnan(found.total[1])
    other = roll_up(divisions, unit, split=split, group="people")
    assert other.flags.tolist() == ["", "no_people", ""]


def test_no_people_is_no_rate() -> None:
    divisions = tree([-1, 0, 0], "TCC")
    split = split_by_time(np.array([0.0, 5.0]), np.array([1.0, 9.0]), limit_s=5.0)
    found = roll_up(divisions, np.array([1, 2], dtype=np.int32), split=split)
    assert found.rate.tolist()[0] == 0.0
    assert np.isnan(found.rate[1])
    assert found.flags.tolist() == ["", "no_people", ""]
    assert found.total.tolist() == [5.0, 0.0, 5.0]


@pytest.mark.parametrize(
    ("covered", "total", "share", "is_covered"),
    [
        (11.0, 20.0, 0.55, True),  # 0.55 * 20 is above 11 in floats
        (4.0, 5.0, 0.8, True),
        (4.0 - 2.0**-20, 5.0, 0.8, False),
        (3.0, 10.0, "0.3", True),  # 3/10 against 0.3, which is below 3/10 as a float
        (2.0**30 - 2.0**-20, 2.0**30, 1.0, False),
        (1.0, 3.0, Fraction(1, 3), True),
    ],
)
def test_area_share_is_compared_exactly(
    covered: float, total: float, share: Fraction | float | str, is_covered: bool
) -> None:
    divisions = tree([-1], "C")
    split = Split(np.array([covered]), np.zeros(1), np.array([total - covered]))
    people = roll_up(divisions, np.zeros(1, dtype=np.int32), split=split)
    found = roll_up_areas(divisions, people, area_people_share=share)
    assert found.covered.tolist() == [float(is_covered)]


@settings(max_examples=40, deadline=None)
@given(seed=seeds, share=st.sampled_from(["0.8", "0.5", "1"]))
def test_areas_equal_counting_by_hand(seed: int, share: str) -> None:
    random = np.random.default_rng(seed)
    divisions = random_divisions(random, 14)
    unit = random.integers(0, 14, 40).astype(np.int32)
    split = random_split(random, 40, unknown=0.03)
    people = roll_up(divisions, unit, split=split)
    found = roll_up_areas(divisions, people, area_people_share=share)
    check_coverage(found)
    for i in range(14):
        areas = [j for j in below(divisions, i) if divisions.level[j] == "community"]
        unknown = [j for j in areas if "unknown_people" in people.flags[j]]
        empty = [j for j in areas if people.total[j] == 0 and j not in unknown]
        counted = [j for j in areas if j not in unknown and j not in empty]
        covered = [
            j
            for j in counted
            if Fraction(people.covered[j]) / Fraction(people.total[j])
            >= Fraction(share)
        ]
        assert found.total[i] == len(counted)
        assert found.covered[i] == len(covered)
        words = found.flags[i].split()
        assert ("unknown_people" in words) == bool(unknown)
        assert ("empty_areas" in words) == bool(empty)
        assert ("no_areas" in words) == (not counted)


def test_an_area_short_of_places_is_full() -> None:
    divisions = tree([-1, 0], "TC")
    split = Split(np.array([5.0]), np.array([4.0]), np.array([1.0]))
    people = roll_up(divisions, np.array([1], dtype=np.int32), split=split)
    found = roll_up_areas(divisions, people)
    assert found.full.tolist() == [1.0, 1.0]
    assert found.rate.tolist() == [0.0, 0.0]


def test_bad_shares_and_denominators_are_refused() -> None:
    divisions = tree([-1], "C")
    split = Split(np.ones(1), np.zeros(1), np.zeros(1))
    people = roll_up(divisions, np.zeros(1, dtype=np.int32), split=split)
    for share in (0, -0.5, 1.01, "much", float("nan"), float("inf")):
        with pytest.raises(InputError, match="比例"):
            exact_share(share)
    with pytest.raises(InputError, match="分母"):
        roll_up_areas(divisions, people, denominator="villages")
    with pytest.raises(InputError, match="个数"):
        roll_up(divisions, np.zeros(2, dtype=np.int32), split=split)


def test_a_circle_of_parents_is_refused() -> None:
    divisions = tree([1, 0], "TC")
    with pytest.raises(InputError, match="成环"):
        roll_up(
            divisions,
            np.zeros(1, dtype=np.int32),
            split=Split(np.ones(1), np.zeros(1), np.zeros(1)),
        )


def test_lengths_and_surfaces_add_up() -> None:
    divisions = tree([-1, 0, 0, 0], "TCCC")
    found = roll_up_lengths(
        divisions,
        total_m=np.array([0.5, 100.0, 50.0, 0.0]),
        covered_m=np.array([0.5, 25.0, 50.0, 0.0]),
    )
    check_coverage(found)
    assert found.denominator == "road_length"
    assert found.total.tolist() == [150.5, 100.0, 50.0, 0.0]
    assert found.rate[1] == 0.25
    assert found.flags.tolist() == ["", "", "", "no_length"]

    surface = roll_up_surfaces(
        divisions,
        area_m2=np.array([0.0, 100.0, np.nan, np.nan]),
        covered_m2=np.array([0.0, 25.0, 0.0, np.nan]),
    )
    check_coverage(surface)
    assert surface.flags.tolist() == [
        "unknown_area approximate",
        "approximate",
        "unknown_area approximate",
        "unknown_area approximate",
    ]
    assert surface.rate[0] == 0.25
    hair = roll_up_surfaces(
        divisions, area_m2=np.full(4, 10.0), covered_m2=np.full(4, 10.0 + 1e-9)
    )
    check_coverage(hair)
    assert hair.rate.tolist() == [1.0] * 4
    with pytest.raises(InputError, match="之间"):
        roll_up_lengths(divisions, total_m=np.zeros(4), covered_m=np.ones(4))
    with pytest.raises(InputError, match="个数"):
        roll_up_lengths(divisions, total_m=np.zeros(3), covered_m=np.zeros(3))
