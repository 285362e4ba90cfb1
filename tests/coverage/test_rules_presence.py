"""Presence and conditions on the study for a pencil; all numbers by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from rule_cases import (
    AREAS,
    KINDS,
    PLACES,
    asked,
    by_code,
    shown,
)
from yikezhong_coverage.rules.records import (
    RunFacts,
)

STATION = {"categories": ["station"]}


def test_the_study_has_the_size_it_says() -> None:
    levels, counts = np.unique(AREAS.level, return_counts=True)
    assert dict(zip(levels.tolist(), counts.tolist(), strict=True)) == {
        "prefecture": 1,
        "county": 3,
        "township": 8,
        "community": 20,
    }


def test_presence_counts_only_the_kinds_and_only_what_is_open() -> None:
    """A planned station (C1) does not count; s4 is declared at its township only."""
    indicator = asked(
        "presence", "township", kinds=KINDS, target="0.5", with_={"any_of": [STATION]}
    )
    found = by_code(indicator)
    assert shown(found, "P A B C") == [
        ("3/7", "3/7", "not_met", "1"),
        ("1/3", "1/3", "not_met", "1"),
        ("1/2", "1/2", "met", "0"),
        ("1/2", "1/2", "met", "0"),
    ]
    assert found["P"].failing_codes == ("A2", "A3", "B2", "C1")
    assert shown(found, "A1 A2 B3") == [
        ("1/1", "1", "met", "0"),
        ("0/1", "0", "not_met", "1"),
        ("0/0", "None", "not_applicable", "None"),
    ]
    assert list(found) == [
        "P",
        "A",
        "B",
        "C",
        "A1",
        "A2",
        "A3",
        "B1",
        "B2",
        "B3",
        "C1",
        "C2",
    ]


def test_presence_with_all_kinds_has_another_denominator() -> None:
    indicator = asked("presence", "township", target="0.5", with_={"any_of": [STATION]})
    found = by_code(indicator)
    assert shown(found, "P B") == [
        ("3/8", "3/8", "not_met", "1"),
        ("1/3", "1/3", "not_met", "1"),
    ]


def test_a_designated_person_stands_in_for_a_station() -> None:
    either = {
        "any_of": [STATION, {"area_attribute": "designated_person", "equals": True}]
    }
    indicator = asked("presence", "township", kinds=KINDS, target="1", with_=either)
    found = by_code(indicator, extra=RunFacts(names={"designated_person": "工作专干"}))
    assert shown(found, "P A B A2 B2") == [
        ("4/7", "4/7", "not_met", "3"),
        ("2/3", "2/3", "not_met", "1"),
        ("1/2", "1/2", "unknown", "1"),
        ("1/1", "1", "met", "0"),
        ("0/1", "None", "unknown", "None"),
    ]
    assert found["B"].reason == "缺少数据：工作专干"
    assert found["P"].failing_codes == ("A3", "C1")
    assert found["P"].unknown_codes == ("B2",)
    assert found["A"].reason is None


def test_presence_of_a_function_set() -> None:
    """x2 lacks functions, those of x3 are not known."""
    wanted = {
        "categories": ["complex"],
        "functions": ["residential", "day", "home_visit"],
    }
    indicator = asked(
        "presence", "township", kinds=KINDS, target="0.6", with_={"any_of": [wanted]}
    )
    found = by_code(indicator)
    assert shown(found, "P C C1 C2") == [
        ("2/7", "2/7", "not_met", "3"),
        ("0/2", "0", "not_met", "2"),
        ("0/1", "None", "unknown", "None"),
        ("0/1", "0", "not_met", "1"),
    ]
    assert found["P"].reason == "缺少数据：设施服务功能"


def test_presence_may_ask_for_more_than_one() -> None:
    """A1 has a station and a home; both alternatives add up."""
    with_ = {"any_of": [STATION, {"categories": ["home"]}], "at_least": 2}
    found = by_code(asked("presence", "township", with_=with_))
    assert [code for code in found if found[code].value == 1] == ["A1", "B1", "C2"]
    assert found["P"].status == "no_target"
    assert found["P"].failing_codes == ("A2", "A3", "B2", "B3", "C1")


@pytest.mark.parametrize(
    ("membership", "row"),
    [
        ("declared", ("1/3", "1/3", "not_met", "1")),
        ("serving", ("2/3", "2/3", "unknown", "None")),
    ],
)
def test_presence_located_in_or_serving(
    membership: str, row: tuple[str, str, str, str]
) -> None:
    """C2a may be a central village: 2 of 3 pass 60 %, 2 of 4 do not."""
    indicator = asked(
        "presence",
        "community",
        eligible={"attribute": "central_village", "equals": True},
        target="0.6",
        with_={"any_of": [{"categories": ["cemetery"]}], "membership": membership},
    )
    found = by_code(indicator)
    assert shown(found, "P") == [row]
    assert found["P"].unknown_codes == ("C2a",)


def test_serving_a_township_serves_all_inside_and_not_the_county() -> None:
    with_ = {"any_of": [{"categories": ["cemetery"]}], "membership": "serving"}
    found = by_code(asked("presence", "community", with_=with_))
    assert [c for c in found if len(c) == 3 and found[c].value == 1] == [
        *("A2b", "B1a", "B2b", "C1a", "C1b", "C1c")
    ]
    counties = by_code(asked("presence", "county", with_=with_))
    assert [str(counties[c].value) for c in "ABC"] == ["1", "1", "0"]


def test_eligible_alternatives_with_kinds() -> None:
    """Streets of urban districts, or towns of any sort: C1 is a street of no such."""
    eligible = [
        {"kinds": ["subdistrict"], "attribute": "urban_district", "equals": True},
        {"kinds": ["town"]},
    ]
    indicator = asked(
        "presence", "township", eligible=eligible, with_={"any_of": [STATION]}
    )
    assert shown(by_code(indicator), "P A C") == [
        ("3/5", "3/5", "no_target", "None"),
        ("1/2", "1/2", "no_target", "None"),
        ("1/1", "1", "no_target", "None"),
    ]


def test_a_target_is_judged_only_at_its_levels_and_in_its_area() -> None:
    indicator = asked(
        "presence",
        "township",
        target="0.5",
        levels=("county",),
        area="B",
        with_={"any_of": [STATION]},
    )
    found = by_code(indicator)
    assert {code: r.status for code, r in found.items() if r.status != "no_target"} == {
        "B": "not_met"
    }
    assert (found["A"].target, found["A"].missing_units) == (None, None)
    assert found["B"].target == Fraction(1, 2)


def test_conditions_on_category_kind_and_status() -> None:
    of = {
        "where": [
            {
                "any_of": [
                    {"attribute": "category", "equals": "station"},
                    {"attribute": "beds", "at_least": 150},
                ]
            }
        ]
    }
    known = replace(
        PLACES,
        attributes={
            "beds": np.array([b or 0 for b in PLACES.attributes["beds"]], dtype=object)
        },
    )
    found = by_code(asked("count", "county", with_={"of": of}), places=known)
    assert [str(found[code].value) for code in "PABC"] == list("4121")
    having = {"categories": ["station"], "status": "open"}
    with_ = {
        "of": {"categories": ["station", "home"], "status": "any"},
        "having": having,
    }
    share = by_code(asked("facility_share", "county", with_=with_))
    assert shown(share, "P C") == [
        ("3/7", "3/7", "no_target", "None"),
        ("1/3", "1/3", "no_target", "None"),
    ]
    eligible = {"attribute": "kind", "in": ["town"]}
    towns = asked(
        "presence", "township", eligible=eligible, with_={"any_of": [STATION]}
    )
    assert shown(by_code(towns), "P") == [("2/4", "1/2", "no_target", "None")]
