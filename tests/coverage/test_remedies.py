"""Remedies: the cheapest that helps at a point, that of most people for a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coverage_cases import below, random_divisions, random_people
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
