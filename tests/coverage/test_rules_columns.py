"""Verdicts in columns equal those of fractions, one division at a time."""

from __future__ import annotations

from dataclasses import asdict, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from random_rule_cases import (
    CODES,
    LEVELS,
    PARENTS,
    areas_of,
    pick,
    places_of,
    random_indicator,
    random_study,
)
from rule_cases import AREAS, PLACES, area_array, asked
from rule_oracle import counted_one_by_one, network_one_by_one
from yikezhong_coverage.rules.ground import prepare
from yikezhong_coverage.rules.quotients import Quotients, plus, sums_at, times
from yikezhong_coverage.rules.records import (
    Areas,
    Indicator,
    Places,
    Result,
    RunFacts,
    ServiceCoverage,
    Target,
)
from yikezhong_coverage.rules.value import value_columns

#: What the rules of areas and facilities count by name is told by other tests.
_PLACES = ("failing_places", "unknown_places", "have", "need", "strict", "audited")
_WHOLE = st.integers(-(2**80), 2**80)


def assert_same(found: list[Result], wanted: list[Result]) -> None:
    """Compare results field by field; names of facilities are left out."""
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        plain = {k: v for k, v in one.detail.items() if k not in _PLACES}
        assert asdict(replace(one, detail=plain)) == asdict(other)


def compare(indicator: Indicator, areas: Areas, places: Places) -> None:
    ground = prepare(areas, places)
    found = value_columns(indicator, ground, facts=RunFacts())
    assert_same(found.results(), counted_one_by_one(indicator, ground, RunFacts()))


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_counted_rules_equal_fractions(seed: int) -> None:
    random = np.random.default_rng(seed)
    areas, places = random_study(random)
    posts = np.where(random.random(8) < 0.4, None, areas.attributes["posts"])
    areas = replace(areas, attributes={**areas.attributes, "posts": posts})
    doubtful = random.random(len(places)) < 0.3
    places = replace(places, status=np.where(doubtful, "unknown", places.status))
    indicator = random_indicator(random)
    target = indicator.target
    assert target is not None
    levels = pick(random, (), (), ("county",), ("township", "prefecture"))
    wanted = pick(random, target.value, Fraction(-1, 3), Fraction(10**20 + 1, 3))
    comparison = pick(random, target.comparison, "=")
    target = Target(comparison, wanted, levels=levels)
    indicator = replace(
        indicator,
        target=pick(random, None, target, target, target),
        eligible=pick(random, None, None, {"attribute": "posts", "at_least": 0}),
        area=pick(random, "", "", "A"),
        unit=pick(random, "township", "township", "county", "community"),
    )
    compare(indicator, areas, places)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_parts_of_unknown_wholes_equal_fractions(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = [
        {
            "unit": int(random.integers(5)),
            "beds": pick(random, 2, 5, None),
            "nursing": pick(random, 0, 1, 2, None),
        }
        for _ in range(int(random.integers(1, 5)))
    ]
    of = {"categories": ["home"]}
    indicator = asked(
        "ratio",
        "township",
        target=pick(random, "1", "0.4", "0"),
        comparison=pick(random, ">=", ">", "<=", "<"),
        with_={
            "numerator": {"column": "nursing", "of": of},
            "denominator": {"column": "beds", "of": of},
            "part": True,
        },
    )
    compare(indicator, areas_of({}), places_of(rows))


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_network_rules_equal_fractions(seed: int) -> None:
    random = np.random.default_rng(seed)
    areas = Areas(
        np.array(CODES),
        np.array(LEVELS),
        np.array([""] * 8),
        np.array(PARENTS, dtype=np.int32),
    )
    places = Places(*(np.array([], dtype="U1") for _ in range(2)), [],
                    np.array([], dtype="U1"), np.array([], dtype=np.int32))  # fmt: skip
    ground = prepare(areas, places)
    n_service = int(random.integers(1, 4))
    names = [str(name) for name in random.permutation(["a", "b", "c"])[:n_service]]
    coverage = {(name, 900.0, "people_60"): _coverage(random) for name in names}
    value = Fraction(pick(random, "0", "0.5", "1/3", "0.8", "1", "-1"))
    target = Target(
        pick(random, ">=", ">", "<=", "<", "="),
        value,
        unit=pick(random, "share", "share", "persons"),
        levels=pick(random, (), ("county",)),
    )
    indicator = Indicator(
        "I",
        "指标",
        "township",
        "network_time",
        with_={"services": names, "limit_min": 15, "group": "people_60"},
        target=pick(random, None, target, target, target),
        area=pick(random, "", "A"),
    )
    facts = RunFacts(coverage=coverage)
    found = value_columns(indicator, ground, facts=facts)
    assert_same(
        [replace(r, detail=_plain(r)) for r in found.results()],
        network_one_by_one(indicator, ground, facts),
    )


def _plain(result: Result) -> dict[str, object]:
    return {k: v for k, v in result.detail.items() if k != "strict"}


def _coverage(random: np.random.Generator) -> ServiceCoverage:
    """Return rates that are often equal, close to each other or to one."""
    scale = pick(random, 1.0, 2.0**-20, 2.0**20 + 1)
    total = np.array([pick(random, 0, 2, 3, 10**7, np.nan) for _ in range(8)]) * scale
    share = np.array([pick(random, 0, 1, 0.5, 0.8) for _ in range(8)])
    covered = np.floor(total * share / 2.0**-20) * 2.0**-20
    near = pick(random, 0.0, 2.0**-20)
    covered = np.clip(covered - near, 0, None)
    return ServiceCoverage(total, covered, random.random(8) < 0.2)


@pytest.mark.parametrize("comparison", [">=", ">", "<=", "<", "="])
@pytest.mark.parametrize("unit", ["community", "township", "county"])
def test_the_pencil_study_equals_fractions(comparison: str, unit: str) -> None:
    for target in ("0.6", "0.5", "1", None):
        for rule, with_ in (
            ("presence", {"any_of": [{"categories": ["station"]}]}),
            ("per_capita", {"amount": {"of": {"categories": ["home"]},
             "column": "beds"}, "per": "people", "scale": "1000"}),
            ("facility_share", {"of": {"categories": ["home"]},
             "having": {"where": {"attribute": "nursing", "at_least": 70}}}),
        ):  # fmt: skip
            indicator = asked(
                rule, unit, target=target, comparison=comparison, with_=with_
            )
            compare(indicator, AREAS, PLACES)


def test_a_table_of_every_area_is_needed() -> None:
    total = area_array({}, default=2.0)
    facts = RunFacts(
        coverage={("s", 900.0, "people_60"): ServiceCoverage(total, total, total > 9)}
    )
    indicator = asked(
        "network_time",
        "township",
        target="1",
        with_={"services": ["s", "t"], "limit_min": 15, "group": "people_60"},
    )
    found = value_columns(indicator, prepare(AREAS, PLACES), facts=facts)
    assert {r.status for r in found.results()} == {"unknown"}
    assert {r.reason for r in found.results()} == {"缺少服务圈结果：t"}


@given(st.lists(_WHOLE, min_size=1, max_size=5), _WHOLE)
def test_whole_numbers_never_overflow(values: list[int], other: int) -> None:
    column = np.array(values, dtype=object)
    if all(abs(v) < 2**62 for v in values):
        column = column.astype(np.int64)
    assert times(column, other).tolist() == [v * other for v in values]
    assert plus(column, other).tolist() == [v + other for v in values]
    assert plus(column, column).tolist() == [2 * v for v in values]
    index = np.zeros(len(values), dtype=np.int64)
    assert sums_at(index, column, n=2).tolist() == [sum(values), 0]


@given(st.lists(st.tuples(_WHOLE, st.integers(1, 2**70)), min_size=1, max_size=5))
def test_quotients_are_rounded_once(pairs: list[tuple[int, int]]) -> None:
    top = np.array([a for a, _ in pairs], dtype=object)
    bottom = np.array([b for _, b in pairs], dtype=object)
    if all(abs(a) < 2**62 and b < 2**62 for a, b in pairs):
        top, bottom = top.astype(np.int64), bottom.astype(np.int64)
    found = Quotients(top, bottom, np.ones(len(pairs), dtype=bool))
    assert found.numbers().tolist() == [float(Fraction(a, b)) for a, b in pairs]
    limit = Fraction(1, 3)
    wanted = [(Fraction(a, b) > limit) - (Fraction(a, b) < limit) for a, b in pairs]
    assert found.signs_from(limit).tolist() == wanted


def test_large_quotients_are_rounded_once() -> None:
    random = np.random.default_rng(7)
    top, bottom = random.integers(2**53, 2**61, (2, 2000))
    found = Quotients(top, bottom, np.ones(2000, dtype=bool)).numbers().tolist()
    pairs = list(zip(top.tolist(), bottom.tolist(), strict=True))
    assert found == [float(Fraction(a, b)) for a, b in pairs]
    # rounded before they are divided, some would come out otherwise
    assert found != [float(a) / float(b) for a, b in pairs]


def test_what_may_not_count_leaves_the_verdict_open() -> None:
    rows = [
        {"unit": 0, "functions": frozenset({"day"})},
        {"unit": 0, "functions": frozenset(), "status": "unknown"},
    ]
    of = {"categories": ["home"]}
    for comparison, status in ((">=", "unknown"), ("<=", "met"), ("<", "unknown")):
        indicator = asked(
            "facility_share",
            "township",
            target="1",
            comparison=comparison,
            with_={"of": of, "having": {"functions": ["day"]}},
        )
        areas, places = areas_of({}), places_of(rows)
        compare(indicator, areas, places)
        found = value_columns(indicator, prepare(areas, places), facts=RunFacts())
        assert found.results()[0].status == status
