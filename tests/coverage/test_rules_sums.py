"""Shares, ratios, standards and counts on the study for a pencil, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from rule_cases import (
    INDEX,
    KINDS,
    PLACES,
    asked,
    by_code,
    shown,
)

STATION = {"categories": ["station"]}


def test_facility_share() -> None:
    indicator = asked(
        "facility_share",
        "county",
        target="1",
        with_={
            "of": {"categories": ["home"]},
            "having": {"where": [{"attribute": "medical", "equals": True}]},
        },
    )
    found = by_code(indicator)
    assert shown(found, "P A B C") == [
        ("2/3", "2/3", "not_met", "1"),
        ("1/1", "1", "met", "0"),
        ("0/1", "0", "not_met", "1"),
        ("1/1", "1", "met", "0"),
    ]
    assert found["P"].failing_codes == ("B",)
    assert found["P"].detail["failing_places"] == ("e2",)


def test_facility_share_with_a_conditional_denominator() -> None:
    """Only e2 has 150 beds or more; lottery outlets have no beds on record."""
    with_ = {
        "of": [
            {
                "categories": ["home"],
                "where": [{"attribute": "beds", "at_least": "150"}],
            }
        ],
        "having": {"where": [{"attribute": "nursing", "above": "90"}]},
    }
    found = by_code(asked("facility_share", "county", target="1", with_=with_))
    assert shown(found, "P A B") == [
        ("0/1", "0", "not_met", "1"),
        ("0/0", "None", "not_applicable", "None"),
        ("0/1", "0", "not_met", "1"),
    ]
    assert found["A"].reason == "没有相应的设施"


NURSING = {
    "numerator": {"column": "nursing", "of": {"categories": ["home"]}},
    "denominator": {"column": "beds", "of": {"categories": ["home"]}},
}


@pytest.mark.parametrize("part", [False, True])
def test_ratio_exactly_at_its_target(part: bool) -> None:
    indicator = asked("ratio", "county", target="0.6", with_={**NURSING, "part": part})
    found = by_code(indicator)
    assert shown(found, "P A B C") == [
        ("150/300", "1/2", "unknown", "30"),
        ("60/100", "3/5", "met", "0"),
        ("90/150", "3/5", "met", "0"),
        ("0/50", "None", "unknown", "None"),
    ]
    assert found["C"].reason == "缺少数据：nursing"


def test_ratio_of_parts_knows_what_the_unknown_cannot_reach() -> None:
    """With all 50 unknown beds the share is 200 of 300: below 0.7."""
    with_ = {**NURSING, "part": True}
    assert by_code(asked("ratio", "county", target="0.7", with_=with_))["P"].status == (
        "not_met"
    )
    assert by_code(asked("ratio", "county", target="0.7", with_=NURSING))[
        "P"
    ].status == ("unknown")


def test_ratio_of_planned_and_built() -> None:
    of = {"categories": ["lottery"]}
    with_ = {
        "numerator": {"count": True, "of": {**of, "status": "open"}},
        "denominator": {"count": True, "of": {**of, "status": "any"}},
    }
    found = by_code(asked("ratio", "county", target="1", with_=with_))
    assert shown(found, "P C") == [
        ("3/4", "3/4", "not_met", "1"),
        ("1/2", "1/2", "not_met", "1"),
    ]


def test_ratio_of_area_attributes() -> None:
    with_ = {
        "numerator": {"column": "posts", "areas": True},
        "denominator": {"areas": True},
    }
    found = by_code(asked("ratio", "township", kinds=KINDS, target="2", with_=with_))
    assert shown(found, "P A") == [
        ("12/7", "12/7", "not_met", "2"),
        ("5/3", "5/3", "not_met", "1"),
    ]


def test_area_per_hundred_households_is_strict() -> None:
    """A1a has exactly 30 m² per 100; A3b no households; those of C2b are not known."""
    indicator = asked(
        "per_capita",
        "community",
        target="30",
        comparison=">",
        with_={
            "amount": {"column": "floor", "of": {"categories": ["center"]}},
            "per": "households",
            "scale": "100",
        },
    )
    found = by_code(indicator)
    assert shown(found, "A1a A1b A2a A3b A1 A3 C2b C2 A P") == [
        ("30/100", "30", "not_met", "0"),
        ("301/10/100", "301/10", "met", "0"),
        ("91/2/100", "91/2", "met", "0"),
        ("0/0", "None", "not_applicable", "None"),
        ("601/10/300", "601/30", "not_met", "299/10"),
        ("0/100", "0", "not_met", "30"),
        ("0/0", "None", "unknown", "None"),
        ("0/100", "0", "not_met", "30"),
        ("528/5/700", "528/35", "not_met", "522/5"),
        ("1028/5/1800", "514/45", "not_met", "1672/5"),
    ]
    assert found["A1a"].detail == {"strict": True}
    assert found["C2"].unknown_codes == ("C2b",)
    assert found["C2b"].reason == "缺少数据：户数"


def test_posts_by_population_at_the_edges() -> None:
    steps = [{"below": "30000", "need": 1}, {"up_to": "60000", "need": 2}, {"need": 3}]
    indicator = asked(
        "step_standard",
        "township",
        kinds=KINDS,
        target="1",
        with_={"attribute": "posts", "by": "people", "steps": steps},
    )
    found = by_code(indicator)
    assert shown(found, "P A B C") == [
        ("5/7", "5/7", "not_met", "2"),
        ("3/3", "1", "met", "0"),
        ("1/2", "1/2", "not_met", "1"),
        ("1/2", "1/2", "not_met", "1"),
    ]
    need = {code: found[code].detail.get("need") for code in found if len(code) == 2}
    assert need == {
        "A1": 2,
        "A2": 2,
        "A3": 1,
        "B1": 1,
        "B2": 3,
        "C1": 2,
        "B3": None,
        "C2": None,
    }
    assert found["P"].failing_codes == ("B2", "C1")


@pytest.mark.parametrize(
    ("target", "status", "missing"),
    [("1", "met", "0"), ("2", "unknown", "1"), ("3", "not_met", "2")],
)
def test_count_of_what_opened_in_the_plan_period(
    target: str, status: str, missing: str
) -> None:
    """l1 opened on the first day, l2 the day before; of l3 it is not known."""
    with_ = {"of": {"categories": ["lottery"]}, "opened_from": date(2021, 1, 1)}
    found = by_code(asked("count", "county", target=target, with_=with_))
    assert shown(found, "P") == [("1/None", "1", status, missing)]


def test_count_and_sum() -> None:
    found = by_code(asked("count", "county", with_={"of": {"categories": ["lottery"]}}))
    assert [str(found[code].value) for code in "PABC"] == ["3", "1", "1", "1"]
    with_ = {"of": {"categories": ["home"]}, "column": "beds"}
    beds = by_code(asked("count", "county", target="301", with_=with_))
    assert shown(beds, "P C") == [
        ("300/None", "300", "not_met", "1"),
        ("50/None", "50", "not_met", "251"),
    ]
    assert beds["P"].failing_codes == ()


def test_burial_capacity_of_exactly_thirty_years() -> None:
    with_ = {
        "plots": {"categories": ["cemetery"]},
        "population": "people",
        "death_rate": "0.005",
    }
    found = by_code(asked("capacity_years", "county", target="30", with_=with_))
    assert shown(found, "P A B C") == [
        ("14500/1805/2", "5800/361", "not_met", "12575"),
        ("13500/450", "30", "met", "0"),
        ("1000/905/2", "400/181", "not_met", "12575"),
        ("0/0", "None", "unknown", "None"),
    ]
    without = by_code(
        asked("capacity_years", "county", with_={**with_, "death_rate": None})
    )
    assert without["A"].status == "unknown"
    assert without["A"].reason == "缺少数据：死亡率参数"


def test_a_border_facility_is_counted_once() -> None:
    """Its declared area decides; serving the other side adds no facility."""
    serves = list(PLACES.serves)
    serves[0] = (INDEX["A2"], INDEX["B1"], INDEX["A1a"])
    places = replace(PLACES, serves=serves)
    found = by_code(asked("count", "township", with_={"of": STATION}), places=places)
    assert [str(found[code].value) for code in ("P", "A", "A1", "A2")] == list("3110")
    with_ = {"any_of": [STATION], "membership": "serving"}
    served = by_code(asked("presence", "township", with_=with_), places=places)
    assert shown(served, "P A") == [
        ("4/8", "1/2", "no_target", "None"),
        ("2/3", "2/3", "no_target", "None"),
    ]


def test_a_facility_declared_above_the_unit_counts_further_up() -> None:
    """s4 names only its township: whether it is in a counted community is open."""
    every = by_code(asked("count", "community", with_={"of": STATION}))
    assert [str(every[code].value) for code in ("P", "C", "C2", "C2a")] == list("3110")
    some = asked(
        "count", "community", kinds=("village",), target="3", with_={"of": STATION}
    )
    found = by_code(some)
    assert shown(found, "P C2") == [
        ("2/None", "2", "unknown", "1"),
        ("0/None", "None", "not_met", "None"),
    ]
    assert found["P"].unknown_codes == ("C2",)
    assert found["P"].reason == "缺少数据：设施所属区划"
