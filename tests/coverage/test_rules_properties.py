"""Properties of the rules, and unknown parts against every way to fill them in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rule_cases import asked, by_code
from yikezhong_coverage.rules.records import Areas, Indicator, Places, Result, Target
from yikezhong_coverage.rules.verdict import holds

seeds = st.integers(0, 2**32 - 1)
FULL = frozenset({"day", "night"})
CODES = ["P", "A", "B", "A1", "A2", "A3", "B1", "B2"]
LEVELS = ["prefecture", "county", "county", *["township"] * 5]
PARENTS = [-1, 0, 0, 1, 1, 1, 2, 2]
BELOW = {
    "P": ["A1", "A2", "A3", "B1", "B2"],
    "A": ["A1", "A2", "A3"],
    "B": ["B1", "B2"],
    **{code: [code] for code in CODES[3:]},
}


def column(values: list[Any]) -> np.ndarray:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def areas_of(rows: dict[str, list[Any]]) -> Areas:
    """Build the tree; every attribute is a list over the five townships."""
    pad: list[Any] = [None] * 3
    people = [float("nan")] * 3 + [
        float("nan") if n is None else float(n) for n in rows.get("people", [1] * 5)
    ]
    return Areas(
        np.array(CODES),
        np.array(LEVELS),
        np.array([""] * 8),
        np.array(PARENTS, dtype=np.int32),
        {"people": np.array(people)},
        {
            name: column(pad + values)
            for name, values in rows.items()
            if name != "people"
        },
    )


def places_of(rows: list[dict[str, Any]]) -> Places:
    """Build facilities from rows: unit 0 to 4, functions, beds, nursing, good."""
    return Places(
        np.array([f"f{i:03d}" for i in range(len(rows))], dtype=str),
        np.array(["home"] * len(rows), dtype=str),
        [row.get("functions", FULL) for row in rows],
        np.array([row.get("status", "open") for row in rows], dtype=str),
        np.array([3 + row["unit"] for row in rows], dtype=np.int32),
        (),
        {
            name: column([row.get(name) for row in rows])
            for name in ("beds", "nursing", "good")
        },
    )


def pick(random: np.random.Generator, *choices: Any) -> Any:
    return choices[int(random.integers(len(choices)))]


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


def random_study(random: np.random.Generator) -> tuple[Areas, Places]:
    known = [
        None if random.random() < 0.1 else int(n) for n in random.integers(0, 9, 5)
    ]
    areas = areas_of(
        {
            "people": [int(n) * 2.0**-20 for n in random.integers(0, 2**30, 5)],
            "posts": known,
        }
    )
    rows = [
        {
            "unit": int(random.integers(5)),
            "functions": pick(random, FULL, FULL, frozenset(), None),
            "status": pick(random, "open", "open", "planned"),
            "beds": pick(random, 7, 0.1, 12.5, None),
            "nursing": pick(random, 0, 0.1, None),
            "good": pick(random, True, False, None),
        }
        for _ in range(int(random.integers(0, 12)))
    ]
    return areas, places_of(rows)


def random_indicator(random: np.random.Generator) -> Indicator:
    of = {"categories": ["home"]}
    rule, with_ = pick(
        random,
        ("presence", {"any_of": [{**of, "functions": ["day"]}]}),
        ("facility_share", {"of": of, "having": {"functions": ["day"]}}),
        (
            "ratio",
            {
                "numerator": {"column": "nursing", "of": of},
                "denominator": {"column": "beds", "of": of},
            },
        ),
        (
            "per_capita",
            {"amount": {"column": "beds", "of": of}, "per": "people", "scale": "100"},
        ),
        ("per_capita", {"amount": {"count": True, "of": of}, "per": "people"}),
        (
            "step_standard",
            {
                "attribute": "posts",
                "by": "people",
                "steps": [{"below": 500, "need": 3}, {"need": 6}],
            },
        ),
        ("count", {"of": of}),
        ("count", {"of": of, "column": "beds"}),
    )
    comparison = pick(random, ">=", ">=", ">", "<=", "<")
    target = pick(random, "0", "0.1", "0.55", "0.6", "1", "3")
    return asked(rule, "township", target=target, comparison=comparison, with_=with_)


def value_of(result: Result, indicator: Indicator, numerator: Fraction) -> Fraction:
    if result.denominator is None:
        return numerator
    scale = Fraction(str(indicator.with_.get("scale", 1)))
    return scale * numerator / result.denominator


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_results_hold_together(seed: int) -> None:
    random = np.random.default_rng(seed)
    areas, places = random_study(random)
    indicator = random_indicator(random)
    found = by_code(indicator, areas=areas, places=places)
    target = indicator.target
    assert target is not None
    shares = indicator.rule in ("presence", "facility_share", "step_standard")
    for code, result in found.items():
        if result.value is not None:
            assert result.numerator is not None
            assert result.value == value_of(result, indicator, result.numerator)
            assert result.value >= 0
            assert not shares or result.value <= 1
        for above, parts in (("P", ("A", "B")), ("A", ("A1", "A2", "A3"))):
            if code == above:
                tops = [found[part].numerator for part in parts]
                assert result.numerator == sum(n for n in tops if n is not None)
                below = [found[part].denominator for part in parts]
                if result.denominator is not None:
                    assert result.denominator == sum(d for d in below if d is not None)
        if (
            indicator.rule == "presence"
            and target.value <= 1
            and (target.comparison == ">=")
        ):
            assert set(result.failing_codes).isdisjoint(result.unknown_codes)
        check_missing(result, indicator, target)


def check_missing(result: Result, indicator: Indicator, target: Target) -> None:
    """With what is missing the target is met; with one less it is not."""
    if result.missing_units is None or result.numerator is None:
        return
    sign = 1 if target.comparison in (">=", ">") else -1
    column = {"ratio", "per_capita", "count"} & {indicator.rule} and (
        "column" in str(indicator.with_)
    )
    reached = value_of(
        result, indicator, result.numerator + sign * result.missing_units
    )
    if column and result.missing_units > 0:
        assert reached == target.value
        return
    if column:
        strict = target.comparison in (">", "<")
        met = holds(reached, target.comparison, target.value)
        assert met or (strict and reached == target.value)
        return
    assert holds(reached, target.comparison, target.value)
    if result.missing_units > 0:
        assert result.missing_units.denominator == 1
        less = result.numerator + sign * (result.missing_units - 1)
        value = value_of(result, indicator, less)
        assert not holds(value, target.comparison, target.value)


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    random = np.random.default_rng(seed)
    areas, places = random_study(random)
    indicator = random_indicator(random)
    turn = random.permutation(len(areas))
    back = np.argsort(turn)
    turned = Areas(
        areas.code[turn],
        areas.level[turn],
        areas.kind[turn],
        np.array(
            [-1 if p < 0 else back[p] for p in areas.parent[turn]], dtype=np.int32
        ),
        {name: values[turn] for name, values in areas.counts.items()},
        {name: values[turn] for name, values in areas.attributes.items()},
    )
    mix = random.permutation(len(places))
    mixed = Places(
        places.id[mix],
        places.category[mix],
        [places.functions[i] for i in mix],
        places.status[mix],
        back[places.unit[mix]].astype(np.int32),
        (),
        {name: values[mix] for name, values in places.attributes.items()},
    )
    first = by_code(indicator, areas=areas, places=places)
    assert first == by_code(indicator, areas=turned, places=mixed)
    assert list(first) == list(by_code(indicator, areas=turned, places=mixed))


@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_one_more_facility_never_lowers_presence(seed: int) -> None:
    random = np.random.default_rng(seed)
    areas, places = random_study(random)
    of = {"categories": ["home"], "functions": ["day"]}
    indicator = asked("presence", "township", target="0.6", with_={"any_of": [of]})
    more = places_of(
        [{"unit": int(random.integers(5)), "functions": pick(random, FULL, None)}]
    )
    both = replace(
        places,
        id=np.array([*places.id.tolist(), "new"]),
        category=np.concatenate([places.category, more.category]).astype(str),
        functions=[*places.functions, *more.functions],
        status=np.concatenate([places.status, more.status]).astype(str),
        unit=np.concatenate([places.unit, more.unit]),
        attributes={},
    )
    before = by_code(indicator, areas=areas, places=places)
    after = by_code(indicator, areas=areas, places=both)
    order = {"not_met": 0, "unknown": 1, "met": 2}
    for code in CODES:
        old, new = before[code], after[code]
        assert old.numerator is not None and new.numerator is not None
        assert new.numerator >= old.numerator
        assert new.denominator == old.denominator
        assert order[new.status] >= order[old.status]
