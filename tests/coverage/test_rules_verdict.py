"""Exact numbers, targets and the range of what is unknown."""

from __future__ import annotations

import math
from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rule_cases import AREAS, PLACES, asked, by_code
from rule_oracle import Range, holds
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.rules import verdict
from yikezhong_coverage.rules.ground import prepare
from yikezhong_coverage.rules.numbers import (
    RuleError,
    amounts,
    as_day,
    decimal_amounts,
    exact,
    joined,
)
from yikezhong_coverage.rules.records import STATUSES, Areas, Places, Target
from yikezhong_coverage.rules.selectors import Lacks, Match, match_condition
from yikezhong_coverage.rules.standards import need_for, read_steps


def missing_units(
    numerator: Fraction, wanted: Fraction, *, comparison: str, whole: bool
) -> Fraction | None:
    unit = math.lcm(numerator.denominator, wanted.denominator)
    slack = np.array([int((numerator - wanted) * unit)])
    found = verdict.missing_units(slack, unit=unit, comparison=comparison, whole=whole)
    return found.at(0)


def decide(slack: Range, comparison: str) -> str:
    low, high = np.array([int(slack.low or 0)]), np.array([int(slack.high or 0)])
    no_low, no_high = np.array([slack.low is None]), np.array([slack.high is None])
    found = verdict.decide(verdict.Ranges(low, high, no_low, no_high), comparison)
    return STATUSES[found[0]]


def test_fifty_five_percent_of_twenty_is_eleven() -> None:
    share = exact("0.55")
    assert share is not None
    assert share * 20 == 11
    assert Fraction(0.55) * 20 > 11  # the float nearest to 0.55 lies above it
    assert missing_units(Fraction(11), share * 20, comparison=">=", whole=True) == 0
    assert missing_units(Fraction(10), share * 20, comparison=">=", whole=True) == 1


def test_sixty_percent_of_46_is_28_and_of_51_is_31() -> None:
    for n, wanted in ((46, 28), (51, 31)):
        share = Fraction("0.6") * n
        assert missing_units(Fraction(0), share, comparison=">=", whole=True) == wanted


def many_towns(n_other: int, n_present: int) -> tuple[Areas, Places]:
    """Return 46 towns and so many units of another kind under one prefecture."""
    n = 47 + n_other
    kind = ["", *["town"] * 46, *["township_unit"] * n_other]
    areas = Areas(
        np.array([f"4213{i:08d}" for i in range(n)]),
        np.array(["prefecture", *["township"] * (n - 1)]),
        np.array(kind),
        np.array([-1, *[0] * (n - 1)], dtype=np.int32),
    )
    places = Places(
        np.array([f"f{i}" for i in range(n_present)]),
        np.array(["station"] * n_present),
        [frozenset()] * n_present,
        np.array(["open"] * n_present),
        np.arange(1, n_present + 1, dtype=np.int32),
    )
    return areas, places


@pytest.mark.parametrize(
    ("kinds", "n_present", "status", "missing"),
    [
        (("town",), 27, "not_met", 1),
        (("town",), 28, "met", 0),
        (None, 28, "not_met", 3),
        (None, 31, "met", 0),
    ],
)
def test_the_kinds_decide_how_many_townships_are_asked(
    kinds: tuple[str, ...] | None, n_present: int, status: str, missing: int
) -> None:
    areas, places = many_towns(5, n_present)
    indicator = asked(
        "presence",
        "township",
        kinds=kinds,
        target="0.6",
        area="4213",
        with_={"any_of": [{"categories": ["station"]}]},
    )
    found = by_code(indicator, areas=areas, places=places)["421300000000"]
    assert (found.status, found.missing_units) == (status, missing)


@given(
    numerator=st.integers(0, 60),
    wanted=st.fractions(0, 60, max_denominator=12),
    comparison=st.sampled_from([">=", ">", "<=", "<"]),
)
def test_missing_units_are_the_fewest(
    numerator: int, wanted: Fraction, comparison: str
) -> None:
    missing = missing_units(
        Fraction(numerator), wanted, comparison=comparison, whole=True
    )
    sign = 1 if comparison in (">=", ">") else -1
    assert missing.denominator == 1
    assert holds(numerator + sign * missing, comparison, wanted)
    assert missing == 0 or not holds(
        numerator + sign * (missing - 1), comparison, wanted
    )


@given(
    ends=st.tuples(st.integers(-3, 3), st.integers(-3, 3)).map(sorted),
    comparison=st.sampled_from([">=", ">", "<=", "<", "="]),
)
def test_decide_is_the_verdict_of_every_value(ends: list[int], comparison: str) -> None:
    low, high = ends
    verdicts = {holds(value, comparison, 0) for value in range(low, high + 1)}
    found = decide(Range(low, high), comparison)
    assert found == (
        "unknown" if len(verdicts) == 2 else "met" if verdicts.pop() else "not_met"
    )


def test_ends_without_limit_decide_nothing_on_their_side() -> None:
    assert decide(Range(None, -1), ">=") == "not_met"
    assert decide(Range(None, 0), "<=") == "met"
    assert decide(Range(None, None), "=") == "unknown"
    assert decide(Range(1, None), "=") == "not_met"


def test_missing_amounts_stay_exact() -> None:
    assert missing_units(
        Fraction("20.5"), Fraction(30), comparison=">", whole=False
    ) == Fraction("9.5")
    assert missing_units(Fraction(7), Fraction(4), comparison="=", whole=True) == 3
    assert missing_units(Fraction(4), Fraction(4), comparison="<", whole=True) == 1


def test_unknown_comparison_is_refused() -> None:
    with pytest.raises(InputError, match="比较方式"):
        Target("about", Fraction(1))


def test_large_and_small_numbers_stay_exact() -> None:
    large = amounts([Fraction(2**70), Fraction(1, 3), None])
    assert large.units.tolist() == [3 * 2**70, 1, 0]
    assert large.per == 3
    both = joined(amounts([Fraction(1, 2)]), amounts([Fraction(1, 3), None]))
    assert (both.units.tolist(), both.per) == ([3, 2, 0], 6)
    assert both.known.tolist() == [True, True, False]


@pytest.mark.parametrize("value", ["many", -1, "1/0", float("inf")])
def test_amounts_that_are_no_amounts_are_refused(value: object) -> None:
    with pytest.raises(RuleError):
        decimal_amounts([value], name="beds")


def test_days() -> None:
    assert as_day(date(2021, 1, 1)) == "2021-01-01"
    assert as_day("2021-01-01 00:00:00") == "2021-01-01"
    assert as_day("2021") is None
    assert as_day(None) is None


COLUMN = ["3A", "2A", 150, "150.0", 149.9, True, False, None, "", float("nan")]


@pytest.mark.parametrize(
    ("condition", "answers"),
    [
        ({"equals": 150}, "nnyynnn???"),
        ({"equals": True}, "nnnnnyn???"),
        ({"not_equals": "3A"}, "nyyyyyy???"),
        ({"in": ["3A", "4A"]}, "ynnnnnn???"),
        ({"at_least": "150"}, "??yynnn???"),
        ({"above": 149.9}, "??yynnn???"),
        ({"at_most": "149.9"}, "??nnyyy???"),
        ({"below": "149.9"}, "??nnnyy???"),
    ],
)
def test_conditions_answer_no_maybe_yes(
    condition: dict[str, object], answers: str
) -> None:
    column = np.empty(len(COLUMN), dtype=object)
    column[:] = COLUMN
    found = match_condition(
        {"attribute": "x", **condition},
        lambda name: column,
        n=len(COLUMN),
        lacks=Lacks(),
    )
    assert "".join("n?y"[state] for state in found.state) == answers
    assert ((found.lacks != 0) == (found.state == 1)).all()


def test_joined_conditions() -> None:
    column = np.array([1, 5, 9], dtype=object)
    small = {"attribute": "x", "below": 6}
    large = {"attribute": "x", "above": 4}

    def answer(condition: dict[str, object]) -> list[int]:
        lacks = Lacks()
        found = match_condition(condition, lambda name: column, n=3, lacks=lacks)
        return found.state.tolist()

    assert answer({"all_of": [small, large]}) == [0, 2, 0]
    assert answer({"any_of": [small, large]}) == [2, 2, 2]
    assert answer({"any_of": []}) == [0, 0, 0]


def test_three_answers_join_like_all_their_meanings() -> None:
    meanings = {0: {False}, 1: {False, True}, 2: {True}}
    for a in range(3):
        for b in range(3):
            first, second = (
                Match(np.array([x], dtype=np.int8), np.array([x % 2])) for x in (a, b)
            )
            both = {x and y for x in meanings[a] for y in meanings[b]}
            either = {x or y for x in meanings[a] for y in meanings[b]}
            assert meanings[int(first.both(second).state[0])] == both
            assert meanings[int(first.either(second).state[0])] == either


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [{"need": 1}, {"need": 2}],
        [{"below": "5", "need": 1}, {"below": "5", "need": 2}, {"need": 3}],
        [{"below": "9", "need": 1}, {"up_to": "5", "need": 2}],
        [{"below": "5", "up_to": "6", "need": 1}],
        [{"below": "few", "need": 1}],
        [{"below": "5"}],
    ],
)
def test_steps_that_cannot_be_followed_are_refused(
    steps: list[dict[str, object]],
) -> None:
    with pytest.raises(RuleError):
        read_steps(steps)


def test_a_single_size_may_have_a_step_of_its_own() -> None:
    steps = read_steps(
        [{"below": 5, "need": 1}, {"up_to": 5, "need": 2}, {"up_to": 9, "need": 3}]
    )
    sizes = [Fraction(n) for n in (4, 5, 6, 10)]
    assert [need_for(size, steps) for size in sizes] == [1, 2, 3, 3]


def test_a_tree_that_cannot_be_added_up_is_refused() -> None:
    def areas(level: list[str], parent: list[int], code: str = "ab") -> Areas:
        return Areas(
            np.array(list(code)),
            np.array(level),
            np.array(["", ""]),
            np.array(parent, dtype=np.int32),
        )

    none = Places(
        *(np.array([], dtype=str),) * 2, [], np.array([], str), np.array([], int)
    )
    for wrong, words in (
        (areas(["county", "village"], [-1, 0]), "级别"),
        (areas(["county", "township"], [-1, 0], "aa"), "重复"),
        (areas(["township", "township"], [-1, 0]), "不在它之上"),
        (areas(["county", "township"], [-1, 7]), "超出范围"),
    ):
        with pytest.raises(InputError, match=words):
            prepare(wrong, none)
    with pytest.raises(InputError, match="应为 2 项"):
        Areas(np.array(["a", "b"]), np.array(["county"]), np.array([]), np.array([]))
    assert len(prepare(AREAS, PLACES).at_level["community"]) == 20
