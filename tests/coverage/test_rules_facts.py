"""Rules that take what a run found, and refusals, on the study for a pencil."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import numpy as np
import pytest

from rule_cases import (
    AREAS,
    FACILITIES,
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
