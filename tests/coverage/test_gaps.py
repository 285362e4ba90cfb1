"""Reasons of gaps and their collection by division."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coverage_cases import below, random_divisions, random_people
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.gaps import (
    REASONS,
    Gaps,
    connected_to,
    gap_reasons,
    gaps_by_division,
)
from yikezhong_coverage.records import Divisions, Nearest, Snapped
from yikezhong_coverage.supply import Split, split_by_time

seeds = st.integers(0, 2**32 - 1)
WORDS = list(REASONS)


def reason_of_one(**changes: object) -> str:
    """Return the reason of one point that is too far, but for the changes."""
    people = float(changes.pop("people", 10.0))  # type: ignore[arg-type]
    full = float(changes.pop("full", 0.0))  # type: ignore[arg-type]
    covered = float(changes.pop("covered", 0.0))  # type: ignore[arg-type]
    values: dict[str, object] = {
        "on_road": True,
        "connected": True,
        "time_s": 1000.0,
        "lacking_time_s": np.inf,
        "not_open_time_s": np.inf,
        **changes,
    }
    rest = people - full - covered
    split = Split(*(np.array([x]) for x in (covered + 0 * people, full, rest)))
    arrays = {name: np.array([value]) for name, value in values.items()}
    found = gap_reasons(split, limit_s=900.0, **arrays)  # type: ignore[arg-type]
    return [*WORDS, ""][found[0]]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "too_far"),
        ({"time_s": np.inf}, "too_far"),
        ({"not_open_time_s": 900.0}, "not_open"),
        ({"not_open_time_s": 900.1}, "too_far"),
        ({"lacking_time_s": 900.0}, "lacks_function"),
        ({"lacking_time_s": 5.0, "not_open_time_s": 5.0}, "lacks_function"),
        ({"full": 3.0, "time_s": 5.0, "lacking_time_s": 5.0}, "full"),
        ({"full": 3.0, "covered": 7.0, "time_s": 5.0}, "full"),
        ({"connected": False, "lacking_time_s": 5.0}, "no_route"),
        ({"on_road": False, "connected": False}, "no_road"),
        ({"people": np.nan, "on_road": False}, "no_population_data"),
        ({"people": np.nan, "time_s": 5.0}, "no_population_data"),
        ({"covered": 10.0, "time_s": 5.0}, ""),
        ({"people": 0.0, "time_s": 900.0}, ""),
        ({"people": 0.0}, "too_far"),
    ],
)
def test_reasons_and_their_precedence(changes: dict[str, object], reason: str) -> None:
    assert reason_of_one(**changes) == reason


def test_every_pair_of_reasons_goes_by_precedence() -> None:
    causes: dict[str, dict[str, object]] = {
        "no_population_data": {"people": np.nan},
        "no_road": {"on_road": False},
        "no_route": {"connected": False},
        "full": {"full": 4.0},
        "lacks_function": {"lacking_time_s": 10.0},
        "not_open": {"not_open_time_s": 10.0},
        "too_far": {},
    }
    assert list(causes) == WORDS
    for i, first in enumerate(WORDS):
        for second in WORDS[i:]:
            assert reason_of_one(**{**causes[second], **causes[first]}) == first


def snapped(*edges: int) -> Snapped:
    blank = np.zeros(len(edges))
    return Snapped(np.array(edges, dtype=np.int32), blank, blank, blank, blank)


def test_connection_by_pieces_of_road() -> None:
    piece = np.array([0, 1, 1, -1], dtype=np.int32)
    demand = snapped(0, 1, 2, 3, -1)
    by_one = connected_to(piece, demand, snapped(2, -1, 3))
    assert by_one.tolist() == [False, True, True, False, False]
    nowhere = connected_to(piece, demand, snapped(-1))
    assert nowhere.tolist() == [True, True, True, True, False]


def collect(
    divisions: Divisions,
    unit: list[int],
    split: Split,
    reasons: list[str],
    **more: object,
) -> Gaps:
    n = len(unit)
    time_s = np.array(more.get("time_s", [np.inf] * n), dtype=float)
    facility = np.array(more.get("facility", [-1] * n), dtype=np.int32)
    gaps = gaps_by_division(
        divisions,
        np.array(unit, dtype=np.int32),
        split=split,
        reasons=np.array([[*WORDS, ""].index(r) for r in reasons], dtype=np.int8),
        nearest=Nearest(time_s, facility),
    )
    rows = divisions.level[gaps.division] == more.get("level", "community")
    return Gaps(*(getattr(gaps, f.name)[rows] for f in fields(Gaps)))


def words(gaps: Gaps) -> list[str]:
    return [WORDS[i] for i in gaps.reason]


def two_communities() -> Divisions:
    return Divisions(
        np.array(["T", "B", "A"]),
        np.array(["township", "community", "community"]),
        np.array([-1, 0, 0], dtype=np.int32),
    )


def out_of_reach(people: list[float]) -> Split:
    rest = np.array(people)
    return Split(0 * rest, 0 * rest, rest)


def test_times_of_a_gap() -> None:
    gaps = collect(
        two_communities(),
        [1, 1, 1, 2],
        out_of_reach([1.0, 5.0, 4.0, 10.0]),
        ["too_far", "too_far", "too_far", "no_route"],
        time_s=[950.0, 2000.0, 3000.0, np.inf],
        facility=[7, 3, 3, -1],
    )
    assert gaps.division.tolist() == [1, 2]
    assert gaps.nearest_facility.tolist() == [7, -1]
    assert gaps.nearest_time_s.tolist() == [950.0, np.inf]
    assert gaps.typical_time_s.tolist() == [2000.0, np.inf]
    assert words(gaps) == ["too_far", "no_route"]
    # As many people without: the smaller code, A, comes first.
    assert gaps.rank.tolist() == [2, 1]


def test_equal_reasons_go_by_precedence() -> None:
    gaps = collect(
        two_communities(),
        [1, 1],
        out_of_reach([3.0, 3.0]),
        ["too_far", "full"],
        level="township",
    )
    assert gaps.division.tolist() == [0]
    assert words(gaps) == ["full"]


def test_unknown_people_make_a_gap_of_unknown_size() -> None:
    gaps = collect(
        two_communities(),
        [1, 2, 2],
        out_of_reach([np.nan, 2.0, np.nan]),
        ["no_population_data", "too_far", "no_population_data"],
        time_s=[100.0, 1000.0, 50.0],
        facility=[0, 0, 0],
    )
    assert np.isnan(gaps.without[0])
    assert gaps.without[1] == 2.0
    assert words(gaps) == ["no_population_data", "too_far"]
    assert gaps.unknown_points.tolist() == [1, 1]
    assert np.isnan(gaps.typical_time_s[0])
    assert gaps.rank.tolist() == [2, 1]


def test_no_gap_no_row() -> None:
    people = np.array([5.0])
    split = split_by_time(people, np.array([1.0]), limit_s=5.0)
    gaps = collect(two_communities(), [1], split, [""])
    assert len(gaps.division) == 0
    assert gaps.by_reason.shape == (0, len(WORDS))
    empty = collect(two_communities(), [], out_of_reach([]), [])
    assert len(empty.rank) == 0


def test_missing_reasons_and_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="原因"):
        collect(two_communities(), [1], out_of_reach([1.0]), [""])
    with pytest.raises(InputError, match="长度"):
        collect(two_communities(), [1], out_of_reach([1.0, 2.0]), ["too_far"])


@settings(max_examples=50, deadline=None)
@given(seed=seeds, level=st.sampled_from(["community", "township", "county"]))
def test_gaps_equal_counting_by_hand(seed: int, level: str) -> None:
    random = np.random.default_rng(seed)
    divisions = random_divisions(random, 10)
    unit = random.integers(-1, 10, 40).astype(np.int32)
    people = random_people(random, 40, unknown_share=0.1)
    time_s = random.choice([np.inf, *np.arange(8) * 200.0], 40)
    facility = np.where(time_s < np.inf, random.integers(0, 4, 40), -1)
    split = split_by_time(people, time_s, limit_s=900.0)
    reasons = gap_reasons(
        split,
        on_road=random.random(40) < 0.8,
        connected=random.random(40) < 0.8,
        time_s=time_s,
        lacking_time_s=random.integers(0, 8, 40) * 300.0,
        not_open_time_s=random.integers(0, 8, 40) * 300.0,
        limit_s=900.0,
    )
    gaps = collect(
        divisions,
        unit.tolist(),
        split,
        [[*WORDS, ""][i] for i in reasons],
        level=level,
        time_s=time_s,
        facility=facility,
    )
    # Everybody without is in exactly one gap, where there is a division of the level.
    rows = {int(d): i for i, d in enumerate(gaps.division)}
    for top in np.flatnonzero(divisions.level == level):
        points = [d for d in range(40) if unit[d] in below(divisions, int(top))]
        without = [d for d in points if split.without[d] > 0]
        unknown = [d for d in points if np.isnan(people[d])]
        assert (top in rows) == bool(without or unknown)
        if top not in rows:
            continue
        i = rows[int(top)]
        total = sum((Fraction(people[d]) for d in without), Fraction(0))
        if len(unknown) == len(points):
            assert np.isnan(gaps.without[i])
        else:
            assert Fraction(gaps.without[i]) == total
        assert gaps.by_reason[i].sum() == float(total)
        for column in range(len(WORDS)):
            own = sum(people[d] for d in without if reasons[d] == column)
            assert gaps.by_reason[i, column] == own
        assert gaps.reason[i] == np.argmax(gaps.by_reason[i])
        nearest = min((time_s[d], facility[d]) for d in without + unknown)
        assert (gaps.nearest_time_s[i], gaps.nearest_facility[i]) == nearest
        if without:
            line = sorted((time_s[d], Fraction(people[d])) for d in without)
            up_to = list(accumulate(count for _, count in line))
            half = next(k for k, passed in enumerate(up_to) if 2 * passed >= total)
            assert gaps.typical_time_s[i] == line[half][0]
        else:
            assert np.isnan(gaps.typical_time_s[i])
    assert sorted(gaps.rank) == list(range(1, len(gaps.division) + 1))
