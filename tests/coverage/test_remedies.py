"""Remedies: the cheapest that helps at a point, that of most people for a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coverage_cases import below, random_divisions, random_people
from yikezhong_coverage.gaps import REASONS, gap_reasons
from yikezhong_coverage.records import Nearest
from yikezhong_coverage.remedies import (
    REMEDIES,
    PointRemedies,
    point_remedies,
    remedies_by_division,
    remedies_by_gap,
)
from yikezhong_coverage.supply import Split

WORDS = tuple(REMEDIES)
FAR = np.inf


def _nearest(time_s: float, facility: int) -> Nearest:
    return Nearest(np.array([time_s]), np.array([facility], dtype=np.int32))


@pytest.mark.parametrize(
    ("full", "out", "not_open", "lacking", "expected"),
    [
        (0.0, 5.0, (300.0, 0), (300.0, 2), ("open_planned", 0)),
        (0.0, 5.0, (300.0, 1), (300.0, 2), ("reopen", 1)),
        (0.0, 5.0, (900.0, 0), (FAR, -1), ("open_planned", 0)),
        (0.0, 5.0, (901.0, 0), (300.0, 2), ("add_function", 2)),
        (5.0, 0.0, (FAR, -1), (300.0, 2), ("add_function", 2)),
        (5.0, 0.0, (FAR, -1), (FAR, -1), ("enlarge", 3)),
        (0.0, 5.0, (FAR, -1), (1000.0, 2), ("build", -1)),
        (0.0, 0.0, (300.0, 0), (300.0, 2), ("", -1)),
        (np.nan, np.nan, (300.0, 0), (300.0, 2), ("survey", -1)),
    ],
)
def test_the_cheapest_that_helps(
    full: float,
    out: float,
    not_open: tuple[float, int],
    lacking: tuple[float, int],
    expected: tuple[str, int],
) -> None:
    split = Split(full * np.zeros(1), np.array([full]), np.array([out]))
    found = point_remedies(
        split,
        nearest=_nearest(100.0, 3),
        lacking=_nearest(*lacking),
        not_open=_nearest(*not_open),
        planned=np.array([True, False, False, False]),
        limit_s=900.0,
    )
    word = WORDS[found.remedy[0]] if found.remedy[0] >= 0 else ""
    assert (word, found.facility[0]) == expected


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_first_case_that_holds_is_taken(seed: int) -> None:
    random = np.random.default_rng(seed)
    n_demand, limit_s = 12, 900.0
    unknown = random.random(n_demand) < 0.2
    split = Split(
        *(
            np.where(unknown, np.nan, random.choice([0.0, 0.0, 1.5], n_demand))
            for _ in range(3)
        )
    )
    nearest, lacking, not_open = (_near(random, n_demand) for _ in range(3))
    planned = random.random(4) < 0.5
    on_road, connected = random.random((2, n_demand)) < 0.8
    found = point_remedies(
        split, nearest=nearest, lacking=lacking, not_open=not_open,
        planned=planned, limit_s=limit_s,
    )  # fmt: skip
    reasons = gap_reasons(
        split, on_road=on_road, connected=connected, time_s=nearest.time_s,
        lacking_time_s=lacking.time_s, not_open_time_s=not_open.time_s,
        limit_s=limit_s,
    )  # fmt: skip
    for i in range(n_demand):
        without = split.full[i] + split.out_of_reach[i] > 0
        opens = not_open.time_s[i] <= limit_s
        place = int(not_open.facility[i])
        cases = {
            "survey": (unknown[i], -1),
            "": (not without, -1),
            "open_planned": (opens and planned[place], place),
            "reopen": (opens, place),
            "add_function": (lacking.time_s[i] <= limit_s, int(lacking.facility[i])),
            "enlarge": (split.full[i] > 0, int(nearest.facility[i])),
            "build": (True, -1),
        }
        word, (_, wanted) = next((w, c) for w, c in cases.items() if c[0])
        assert found.remedy[i] == (WORDS.index(word) if word else -1)
        assert found.facility[i] == wanted
        nobody = split.covered[i] + split.full[i] + split.out_of_reach[i] == 0
        held = {
            "no_population_data": unknown[i],
            "": not without and not (nobody and nearest.time_s[i] > limit_s),
            "no_road": not on_road[i],
            "no_route": not connected[i],
            "full": split.full[i] > 0,
            "lacks_function": lacking.time_s[i] <= limit_s,
            "not_open": opens,
            "too_far": True,
        }
        reason = next(w for w, holds in held.items() if holds)
        assert reasons[i] == (list(REASONS).index(reason) if reason else -1)


def _near(random: np.random.Generator, n_demand: int) -> Nearest:
    time_s = random.choice([0.0, 900.0, 900.0 + 2.0**-30, FAR], n_demand)
    facility = np.where(np.isinf(time_s), -1, random.integers(0, 4, n_demand))
    return Nearest(time_s, facility.astype(np.int32))


def test_a_gap_gets_the_remedy_of_most_people_and_its_main_facility() -> None:
    build, plan, add = (
        WORDS.index(w) for w in ("build", "open_planned", "add_function")
    )
    points = PointRemedies(
        np.array([add, add, add, plan, build, build, -1], dtype=np.int8),
        np.array([8, 9, 9, 1, -1, -1, -1], dtype=np.int32),
    )
    gap = np.array([0, 0, 0, 0, 2, -1, 1], dtype=np.int32)
    people = np.array([4.0, 3.0, 2.0, 8.0, np.nan, 5.0, 0.0])
    found = remedies_by_gap(points, gap, people, n_gap=4)
    assert found.remedy.tolist() == ["add_function", "", "build", ""]
    assert found.facility.tolist() == [9, -1, -1, -1]
    assert found.people.tolist() == [5.0, 0.0, 0.0, 0.0]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_remedy_of_a_division_is_that_of_all_its_points(seed: int) -> None:
    random = np.random.default_rng(seed)
    divisions = random_divisions(random, 10)
    unit = random.integers(-1, 10, 60).astype(np.int32)
    people = random_people(random, 60, unknown_share=0.1)
    points = PointRemedies(
        random.integers(-1, len(WORDS), 60).astype(np.int8),
        random.integers(-1, 4, 60).astype(np.int32),
    )
    found = remedies_by_division(points, divisions, unit, people)
    for top in range(10):
        inside = np.isin(unit, list(below(divisions, top)))
        gap = np.where(inside, 0, -1).astype(np.int32)
        alone = remedies_by_gap(points, gap, people, n_gap=1)
        assert found.remedy[top] == alone.remedy[0]
        assert found.facility[top] == alone.facility[0]
        assert found.people[top] == alone.people[0]
