"""Every rule on the study for a pencil; all numbers written by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import numpy as np
import pytest

from rule_cases import (
    AREAS,
    FACILITIES,
    INDEX,
    KINDS,
    NAN,
    PLACES,
    area_array,
    asked,
    by_code,
    shown,
)
from yikezhong_coverage.rules.numbers import RuleError
from yikezhong_coverage.rules.records import (
    RunFacts,
    ServiceCoverage,
    Statistic,
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


def _coverage(
    total: dict[str, float], covered: dict[str, float], unknown: str = ""
) -> ServiceCoverage:
    marks = np.isin(AREAS.code, unknown.split())
    return ServiceCoverage(area_array(total), area_array(covered), marks)


def test_network_time_takes_the_worst_service() -> None:
    total = {"P": 100.0, "A": 50.0, "B": 50.0, "C": NAN}
    meal = _coverage(total, {"P": 90.0, "A": 40.0, "B": 50.0, "C": NAN})
    bath = _coverage(total, {"P": 80.0, "A": 45.0, "B": 35.0, "C": NAN}, "P")
    facts = RunFacts(
        coverage={
            ("meal", 900.0, "people_60"): meal,
            ("bath", 900.0, "people_60"): bath,
        },
        speed_mps=1.0,
    )
    with_ = {"services": ["meal", "bath"], "limit_min": 15, "count": "people"}
    indicator = asked("network_time", "county", target="0.8", with_=with_)
    found = by_code(indicator, extra=facts)
    assert shown(found, "P A B C") == [
        ("80/100", "4/5", "unknown", "None"),
        ("40/50", "4/5", "met", "0"),
        ("35/50", "7/10", "not_met", "5"),
        ("None/None", "None", "unknown", "None"),
    ]
    assert found["B"].detail["service"] == "bath"
    assert found["P"].failing_codes == ("B",)
    other = asked("network_time", "county", with_={**with_, "speed_mps": "0.8"})
    assert by_code(other, extra=facts)["A"].reason == (
        "缺少步行速度 0.8 米/秒的服务圈结果"
    )
    absent = asked("network_time", "county", with_={**with_, "services": ["day"]})
    assert by_code(absent, extra=facts)["A"].reason == "缺少服务圈结果：day"


def test_network_time_of_communities_misses_whole_ones() -> None:
    table = _coverage({"P": 20.0}, {"P": 11.0})
    facts = RunFacts(coverage={("meal", 900.0, "communities"): table})
    with_ = {"services": ["meal"], "limit_min": "15", "count": "communities"}
    indicator = asked("network_time", "county", target="0.56", with_=with_)
    assert shown(by_code(indicator, extra=facts), "P A") == [
        ("11/20", "11/20", "not_met", "1"),
        ("0/0", "None", "not_applicable", "None"),
    ]


def _distances(values: dict[str, float]) -> np.ndarray:
    return np.array([values.get(row[0], np.inf) for row in FACILITIES])


def test_exclusion_zones() -> None:
    """c1 stands at exactly the distance: inside; of c2 no distance is known."""
    river = {"class": "river", "distance_m": "500"}
    with_ = {"of": {"categories": ["cemetery"]}, "zones": [river]}
    indicator = asked(
        "exclusion_zone", "county", target="0", comparison="<=", with_=with_
    )
    near = RunFacts(zone_distance_m={"river": _distances({"c1": 500.0, "c2": 501.0})})
    found = by_code(indicator, extra=near)
    assert shown(found, "P A B C") == [
        ("1/None", "1", "not_met", "1"),
        ("1/None", "1", "not_met", "1"),
        ("0/None", "0", "met", "0"),
        ("0/None", "0", "met", "0"),
    ]
    assert found["P"].detail == {"audited": 2, "failing_places": ("c1",)}
    assert found["P"].failing_codes == ("A",)
    blind = RunFacts(zone_distance_m={"river": _distances({"c1": 501.0, "c2": NAN})})
    assert shown(by_code(indicator, extra=blind), "P A B") == [
        ("0/None", "None", "unknown", "None"),
        ("0/None", "0", "met", "0"),
        ("0/None", "None", "unknown", "None"),
    ]


def test_a_distance_that_is_not_given_is_not_invented() -> None:
    zones = [{"class": "river", "distance_m": None}]
    with_ = {"of": {"categories": ["cemetery"]}, "zones": zones}
    indicator = asked(
        "exclusion_zone", "county", target="0", comparison="<=", with_=with_
    )
    facts = RunFacts(
        zone_distance_m={"river": _distances({"c1": 0.0})}, names={"river": "河道"}
    )
    found = by_code(indicator, extra=facts)
    assert [found[code].status for code in "ABC"] == ["unknown", "unknown", "met"]
    assert found["A"].reason == "缺少数据：河道的距离参数"


def test_boundary_quality_counts_all_named_levels() -> None:
    with_ = {"levels": ["prefecture", "county", "township"]}
    indicator = asked("boundary_quality", "township", target="1", with_=with_)
    facts = RunFacts(boundary_findings={"B2": ["gap"], "C": ["overlap"], "A1": []})
    found = by_code(indicator, extra=facts)
    assert shown(found, "P A B C B2 C1") == [
        ("10/12", "5/6", "not_met", "2"),
        ("4/4", "1", "met", "0"),
        ("3/4", "3/4", "not_met", "1"),
        ("2/3", "2/3", "not_met", "1"),
        ("0/1", "0", "not_met", "1"),
        ("1/1", "1", "met", "0"),
    ]
    assert found["P"].failing_codes == ("B2", "C")
    unchecked = by_code(indicator)
    assert unchecked["P"].reason == "缺少数据：界线检查结果"


def test_statistics_are_added_and_never_averaged() -> None:
    def row(code: str, on: int, top: int, below: int) -> Statistic:
        return Statistic(code, date(on, 12, 31), None, Fraction(top), Fraction(below))

    rows = [row("A", 2023, 1, 2), row("A", 2025, 9, 10), row("B", 2022, 30, 90)]
    whole = [*rows, row("C", 2023, 0, 0)]
    indicator = asked("statistic", "county", target="0.9", with_={"kind": "share"})
    early = RunFacts(as_of=date(2023, 12, 31), statistics={"I": whole})
    assert shown(by_code(indicator, extra=early), "P A B C") == [
        ("31/92", "31/92", "not_met", "259/5"),
        ("1/2", "1/2", "not_met", "4/5"),
        ("30/90", "1/3", "not_met", "51"),
        ("0/0", "None", "not_applicable", "None"),
    ]
    late = RunFacts(as_of=date(2025, 12, 31), statistics={"I": rows})
    found = by_code(indicator, extra=late)
    assert shown(found, "P A") == [
        ("None/None", "None", "unknown", "None"),
        ("9/10", "9/10", "met", "0"),
    ]
    assert found["P"].reason == "有 1 个下级区划未导入统计数据"
    assert by_code(indicator)["A"].reason == "未导入统计数据"


def test_statistics_given_as_values_or_amounts() -> None:
    share = asked("statistic", "county", target="0.5", with_={"kind": "share"})
    values = [Statistic(c, date(2025, 1, 1), Fraction(1, 2)) for c in "ABC"]
    found = by_code(share, extra=RunFacts(statistics={"I": values}))
    assert found["A"].status == "met"
    assert (found["P"].status, found["P"].reason) == (
        "unknown",
        "下级只有比率、没有分子分母，无法汇总",
    )
    amount = asked("statistic", "county", target="2", with_={"kind": "amount"})
    total = by_code(amount, extra=RunFacts(statistics={"I": values}))
    assert shown(total, "P") == [("3/2/None", "3/2", "not_met", "1/2")]
    own = [*values, Statistic("P", date(2025, 1, 1), Fraction(7))]
    assert by_code(amount, extra=RunFacts(statistics={"I": own}))["P"].value == 7


def test_statement_is_shown_and_not_judged() -> None:
    found = by_code(asked("statement", "county", reading="按此顺序安排"))
    assert {r.status for r in found.values()} == {"not_applicable"}
    assert found["P"].reason == "按此顺序安排"


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


@pytest.mark.parametrize(
    ("rule", "with_", "words"),
    [
        ("nearest", {}, "规则“nearest”无法识别"),
        ("presence", {"any_of": [STATION], "membership": "near"}, "归属方式"),
        ("presence", {"any_of": [{"kategorie": []}]}, "kategorie"),
        ("presence", {"any_of": [{"status": "ready"}]}, "设施状态"),
        ("presence", {"any_of": [{"where": [{"attribute": "beds"}]}]}, "条件"),
        ("facility_share", {}, "缺少 'of'"),
        ("ratio", {"numerator": {}, "denominator": {}}, "没有 of 或 areas"),
        ("count", {"of": STATION, "opened_from": "soon"}, "不是日期"),
        ("statistic", {"kind": "rate"}, "统计数据种类"),
        (
            "network_time",
            {"services": [], "limit_min": 15, "combine": "max"},
            "合并方式",
        ),
        (
            "presence",
            {"any_of": [{"where": [{"attribute": "beds", "at_least": "few"}]}]},
            "不是数",
        ),
        (
            "exclusion_zone",
            {"of": STATION, "zones": [{"class": "river", "distance_m": "far"}]},
            "不是非负数",
        ),
        (
            "per_capita",
            {"amount": {"of": STATION}, "per": "people", "scale": 0},
            "不是正数",
        ),
        (
            "capacity_years",
            {"plots": STATION, "death_rate": "-1"},
            "不能为负",
        ),
        ("network_time", {"services": [], "limit_min": 0}, "limit_min"),
    ],
)
def test_rules_that_cannot_be_computed_say_why(
    rule: str, with_: dict[str, object], words: str
) -> None:
    with pytest.raises(RuleError, match=words):
        by_code(asked(rule, "county", with_=with_))


def test_a_study_without_the_level_is_unknown_and_says_so() -> None:
    keep = np.flatnonzero(AREAS.level != "community")
    index = {old: new for new, old in enumerate(keep.tolist())}
    areas = replace(
        AREAS,
        code=AREAS.code[keep],
        level=AREAS.level[keep],
        kind=AREAS.kind[keep],
        parent=np.array([index.get(p, -1) for p in AREAS.parent[keep]], dtype=np.int32),
        counts={},
        attributes={},
    )
    places = replace(PLACES, unit=np.full(len(PLACES), -1, np.int32), serves=())
    indicator = asked("presence", "community", target="1", with_={"any_of": [STATION]})
    found = by_code(indicator, areas=areas, places=places)
    assert found["P"].status == "unknown"
    assert found["P"].reason == "缺少数据：社区/村级区划"


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


def test_boundary_quality_of_some_kinds_leaves_other_levels_whole() -> None:
    with_ = {"levels": ["county", "township"]}
    indicator = asked("boundary_quality", "township", kinds=KINDS, with_=with_)
    found = by_code(indicator, extra=RunFacts(boundary_findings={"B3": ["gap"]}))
    assert shown(found, "P B") == [
        ("10/10", "1", "no_target", "None"),
        ("3/3", "1", "no_target", "None"),
    ]


def test_statistics_without_figures_and_services_without_names() -> None:
    empty = RunFacts(statistics={"I": [Statistic(c, date(2025, 1, 1)) for c in "ABC"]})
    for kind in ("share", "amount"):
        found = by_code(asked("statistic", "county", with_={"kind": kind}), extra=empty)
        assert found["A"].status == found["P"].status == "unknown"
    with_ = {"services": [], "limit_min": 15}
    found = by_code(asked("network_time", "county", with_=with_))
    assert found["P"].reason == "没有给出服务"


def test_zones_without_distances_are_unknown() -> None:
    with_ = {
        "of": {"categories": ["cemetery"]},
        "zones": [{"class": "river", "distance_m": 0}],
    }
    found = by_code(asked("exclusion_zone", "county", with_=with_))
    assert (found["A"].status, found["A"].reason) == ("unknown", "缺少数据：river")
    assert found["C"].value == 0


def test_a_study_without_areas_or_places_has_no_results_to_fear() -> None:
    nothing = np.array([], dtype=str)
    none = np.array([], dtype=np.int32)
    areas = replace(
        AREAS,
        code=nothing,
        level=nothing,
        kind=nothing,
        parent=none,
        counts={},
        attributes={},
    )
    places = replace(
        PLACES,
        id=nothing,
        category=nothing,
        functions=[],
        status=nothing,
        unit=none,
        serves=(),
        attributes={},
    )
    for rule, with_ in (
        ("presence", {"any_of": [STATION]}),
        ("facility_share", {"of": STATION}),
        ("count", {"of": STATION}),
    ):
        indicator = asked(rule, "county", with_=with_)
        assert by_code(indicator, areas=areas, places=places) == {}
        assert len(by_code(indicator, places=places)) == 4
