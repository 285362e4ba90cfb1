"""Properties of the rules: ranges, roll-up, order, one more facility."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from random_rule_cases import (
    CODES,
    FULL,
    pick,
    places_of,
    random_indicator,
    random_study,
)
from rule_cases import asked, by_code
from rule_oracle import holds
from yikezhong_coverage.rules.records import Areas, Indicator, Places, Result, Target

seeds = st.integers(0, 2**32 - 1)


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
