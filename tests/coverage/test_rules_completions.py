"""Verdicts against every way to fill in what is unknown."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from random_rule_cases import (
    BELOW,
    CODES,
    FULL,
    areas_of,
    pick,
    places_of,
)
from rule_cases import asked, by_code
from rule_oracle import holds
from yikezhong_coverage.rules.records import Result, Target

seeds = st.integers(0, 2**32 - 1)


def fill(options: list[list[Any]]) -> Iterator[tuple[Any, ...]]:
    """Return every way to choose one option of each."""
    return itertools.product(*options)


def outcome(top: Fraction, below: Fraction | None, target: Target) -> str:
    """Judge complete data."""
    if below == 0:
        return "not_applicable"
    value = top if below is None else top / below
    return "met" if holds(value, target.comparison, target.value) else "not_met"


def expected(outcomes: set[str]) -> str:
    return outcomes.pop() if len(outcomes) == 1 else "unknown"


def check(
    found: dict[str, Result], outcomes: dict[str, set[str]], comparison: str
) -> None:
    """A verdict holds in every completion, and unknown means that they differ.

    With "=" a value may jump over the target, which then stays unknown.
    """
    for code in CODES:
        if comparison != "=" or found[code].status != "unknown":
            assert found[code].status == expected(outcomes[code]), code


def random_target(random: np.random.Generator) -> tuple[str, str]:
    comparison = pick(random, ">=", ">=", ">", "<=", "<", "=")
    return comparison, pick(random, "0", "0.2", "1/3", "0.5", "0.6", "2/3", "1")


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_presence_verdict_is_that_of_all_completions(seed: int) -> None:
    random = np.random.default_rng(seed)
    person = [pick(random, True, False, False, None) for _ in range(5)]
    eligible = [pick(random, True, True, False, None) for _ in range(5)]
    rows = [
        {"unit": i, "functions": pick(random, FULL, frozenset(), None)}
        for i in random.permutation(5)[:3].tolist()
    ]
    comparison, target = random_target(random)
    indicator = asked(
        "presence",
        "township",
        eligible={"attribute": "eligible", "equals": True},
        target=target,
        comparison=comparison,
        with_={
            "any_of": [
                {"categories": ["home"], "functions": ["day", "night"]},
                {"area_attribute": "person", "equals": True},
            ]
        },
    )
    wanted = indicator.target
    assert wanted is not None
    found = by_code(
        indicator,
        areas=areas_of({"person": person, "eligible": eligible}),
        places=places_of(rows),
    )
    outcomes: dict[str, set[str]] = {code: set() for code in CODES}
    three = [[True, False] if x is None else [x] for x in (*person, *eligible)]
    offers = [
        [FULL, frozenset()] if row["functions"] is None else [row["functions"]]
        for row in rows
    ]
    for choice in fill(three + offers):
        stands, counts, offered = choice[:5], choice[5:10], choice[10:]
        has = list(stands)
        for row, functions in zip(rows, offered, strict=True):
            has[row["unit"]] = has[row["unit"]] or functions == FULL
        for code in CODES:
            own = [CODES.index(part) - 3 for part in BELOW[code]]
            top = sum(has[i] and counts[i] for i in own)
            below = sum(counts[i] for i in own)
            outcomes[code].add(outcome(Fraction(top), Fraction(below), wanted))
    check(found, outcomes, comparison)


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_share_verdict_is_that_of_all_completions(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = [
        {
            "unit": int(random.integers(5)),
            "beds": pick(random, 10, 150, None),
            "good": pick(random, True, False, None),
        }
        for _ in range(int(random.integers(0, 6)))
    ]
    comparison, target = random_target(random)
    indicator = asked(
        "facility_share",
        "township",
        target=target,
        comparison=comparison,
        with_={
            "of": {
                "categories": ["home"],
                "where": [{"attribute": "beds", "at_least": 150}],
            },
            "having": {"where": [{"attribute": "good", "equals": True}]},
        },
    )
    wanted = indicator.target
    assert wanted is not None
    found = by_code(indicator, areas=areas_of({}), places=places_of(rows))
    outcomes: dict[str, set[str]] = {code: set() for code in CODES}
    options: list[list[Any]] = [
        [10, 150] if row["beds"] is None else [row["beds"]] for row in rows
    ]
    options += [[True, False] if r["good"] is None else [r["good"]] for r in rows]
    for choice in fill(options):
        beds, good = choice[: len(rows)], choice[len(rows) :]
        for code in CODES:
            own = [i for i, r in enumerate(rows) if CODES[3 + r["unit"]] in BELOW[code]]
            below = sum(beds[i] >= 150 for i in own)
            top = sum(beds[i] >= 150 and good[i] for i in own)
            outcomes[code].add(outcome(Fraction(top), Fraction(below), wanted))
    check(found, outcomes, comparison)


@settings(max_examples=60, deadline=None)
@given(seed=seeds, part=st.booleans())
def test_no_completion_contradicts_a_verdict_on_ratios(seed: int, part: bool) -> None:
    """Unknown amounts have no upper limit: a few of them must not contradict."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(int(random.integers(1, 5))):
        beds = pick(random, 0, 4, 10, 10, None)
        most = 9 if beds is None else beds + (0 if part else 3)
        nursing = pick(random, None, int(random.integers(0, most + 1)))
        rows.append({"unit": int(random.integers(5)), "beds": beds, "nursing": nursing})
    comparison, target = random_target(random)
    of = {"categories": ["home"]}
    indicator = asked(
        "ratio",
        "township",
        target=target,
        comparison=comparison,
        with_={
            "numerator": {"column": "nursing", "of": of},
            "denominator": {"column": "beds", "of": of},
            "part": part,
        },
    )
    wanted = indicator.target
    assert wanted is not None
    found = by_code(indicator, areas=areas_of({}), places=places_of(rows))
    amounts = [0, 1, 10**6]
    options = [
        [
            (n, d)
            for n in (amounts if row["nursing"] is None else [row["nursing"]])
            for d in ([*amounts, 9] if row["beds"] is None else [row["beds"]])
            if not part or n <= d
        ]
        for row in rows
    ]
    options = [
        [*pairs, (row["beds"], row["beds"])]
        if row["nursing"] is None and row["beds"] is not None
        else pairs
        for pairs, row in zip(options, rows, strict=True)
    ]
    outcomes: dict[str, set[str]] = {code: set() for code in CODES}
    for choice in fill(options):
        for code in CODES:
            own = [i for i, r in enumerate(rows) if CODES[3 + r["unit"]] in BELOW[code]]
            top, below = sum(choice[i][0] for i in own), sum(choice[i][1] for i in own)
            outcomes[code].add(outcome(Fraction(top), Fraction(below), wanted))
    for code in CODES:
        if found[code].status != "unknown":
            assert outcomes[code] == {found[code].status}, code


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_count_verdict_is_that_of_all_completions(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = [
        {
            "unit": int(random.integers(5)),
            "status": pick(random, "open", "closed", "unknown"),
        }
        for _ in range(int(random.integers(0, 7)))
    ]
    comparison = pick(random, ">=", ">", "<=", "<", "=")
    target = str(int(random.integers(0, 6)))
    indicator = asked(
        "count",
        "township",
        target=target,
        comparison=comparison,
        with_={"of": {"categories": ["home"]}},
    )
    wanted = indicator.target
    assert wanted is not None
    found = by_code(indicator, areas=areas_of({}), places=places_of(rows))
    outcomes: dict[str, set[str]] = {code: set() for code in CODES}
    options = [
        ["open", "closed"] if r["status"] == "unknown" else [r["status"]] for r in rows
    ]
    for choice in fill(options):
        for code in CODES:
            top = sum(
                choice[i] == "open" and CODES[3 + r["unit"]] in BELOW[code]
                for i, r in enumerate(rows)
            )
            outcomes[code].add(outcome(Fraction(top), None, wanted))
    check(found, outcomes, comparison)
