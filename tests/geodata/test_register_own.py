"""A user's own plan register, its schema, and every mistake in one."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import plan_cases
from yikezhong_coverage.rules.records import LEVELS
from yikezhong_coverage.rules.value import RULES as VALUED_RULES
from yikezhong_geodata.plans.check import SHIPPED, check_plan, examine
from yikezhong_geodata.plans.entry_shapes import OPTIONAL, REQUIRED
from yikezhong_geodata.plans.marked_yaml import (
    MarkedYaml,
    PlanFileError,
    parse_marked,
    shipped_bytes,
)
from yikezhong_geodata.plans.mistakes import PlanError
from yikezhong_geodata.plans.register import build_plan, load_register
from yikezhong_geodata.plans.rule_shapes import RULES, UNITS, ZONE_CLASSES
from yikezhong_geodata.services import load_services
from yikezhong_geodata.toml_keys import StudyPathError

ROOT = Path(__file__).resolve().parent.parent.parent
PLANS = ROOT / "geodata" / "yikezhong_geodata" / "plans"
SERVICES = [service.id for service in load_services()]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(plan_cases.GOOD, encoding="utf-8")
    return path


# ---- the schema -----------------------------------------------------------------


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads((PLANS / "register.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("plan", SHIPPED)
def test_schema_accepts_the_shipped_registers(schema: Any, plan: str) -> None:
    marked = parse_marked(shipped_bytes(f"{plan}.yaml"), file=plan)
    value = plan_cases.as_json(marked.value)
    assert plan_cases.schema_mistakes(value, schema, schema) == []


def test_schema_accepts_a_small_register(schema: Any) -> None:
    marked = parse_marked(plan_cases.GOOD.encode(), file="mine.yaml")
    value = plan_cases.as_json(marked.value)
    assert plan_cases.schema_mistakes(value, schema, schema) == []


@pytest.mark.parametrize(
    "name",
    [
        "unknown rule",
        "unknown rule parameter",
        "missing rule parameter",
        "denominator neither facilities nor areas",
        "unknown unit",
        "bare decimal",
        "percent sign",
        "unknown comparison",
        "wrong date",
        "wrong id",
        "parameter without its reading",
        "missing clause",
        "clause without phrase",
        "misspelt key",
        "unknown class",
        "area code as a number",
        "unknown plan level",
        "unknown section",
    ],
)
def test_schema_refuses_what_the_checker_refuses(schema: Any, name: str) -> None:
    (case,) = [case for case in plan_cases.SPOILED if case.name == name]
    marked = parse_marked(case.text().encode(), file="mine.yaml")
    value = plan_cases.as_json(marked.value)
    assert plan_cases.schema_mistakes(value, schema, schema)


def test_schema_and_code_name_the_same_things(schema: Any) -> None:
    entry = schema["$defs"]["entry"]
    assert set(entry["properties"]) == {*REQUIRED, *OPTIONAL}
    assert entry["required"] == list(REQUIRED)
    assert entry["properties"]["rule"]["enum"] == list(RULES)
    assert entry["properties"]["unit"]["enum"] == list(LEVELS)
    assert schema["$defs"]["target"]["properties"]["unit"]["enum"] == list(UNITS)
    assert schema["$defs"]["zone"]["properties"]["class"]["enum"] == list(ZONE_CLASSES)
    for branch in entry["allOf"]:
        rule = branch["if"]["properties"]["rule"]["const"]
        with_ = branch["then"]["properties"]["with"]
        shape = RULES[rule]
        assert with_["required"] == list(shape.required), rule
        assert set(with_["properties"]) == {*shape.required, *shape.optional}, rule


# ---- a user's own plan ----------------------------------------------------------


def test_own_plan_from_the_study_folder(good: Path) -> None:
    (plan,) = load_register(["mine.yaml"], folder=good.parent)
    first, second, third, fourth = plan.indicators
    assert (plan.id, plan.level, plan.issued) == ("mine", "county", dt.date(2022, 2, 7))
    assert first.kinds == ("subdistrict", "town")
    assert first.target is not None and second.target is not None
    assert (first.target.value, first.target.levels) == (
        Fraction(3, 5),
        ("township", "county"),
    )
    assert (second.target.value, second.target.levels) == (
        Fraction(11, 20),
        ("county",),
    )
    assert third.target is not None
    assert (third.target.value, third.target.levels) == (Fraction(12), ("county",))
    assert fourth.target is None
    assert {indicator.area for indicator in plan.indicators} == {"421321"}
    assert plan.entries[0].readings == ("kinds_counted", "wanted")


def test_a_study_changes_readings(good: Path) -> None:
    changes = {"mine": {"wanted": 0.7, "kinds_counted": ["town"]}}
    (plan,) = load_register([good], parameters=changes)
    first = plan.indicators[0]
    assert first.target is not None
    assert (first.target.value, first.kinds) == (Fraction(7, 10), ("town",))
    wanted = next(reading for reading in plan.readings if reading.name == "wanted")
    assert (wanted.default, wanted.value) == ("0.6", "0.7")
    (plan,) = load_register([good], parameters={"mine": {"wanted": "null"}})
    assert plan.indicators[0].target is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mine": {"wantd": "1"}}, "没有参数“wantd”"),
        ({"mine": {"wanted": 60}}, "不在 0 到 1 之间"),
        ({"mine": {"kinds_counted": "town"}}, "区划类型的列表"),
        ({"yours": {"wanted": "1"}}, "没有规划“yours”"),
    ],
)
def test_wrong_changes_are_refused(
    good: Path, changes: dict[str, dict[str, Any]], reason: str
) -> None:
    with pytest.raises(PlanError, match=reason):
        load_register([good], parameters=changes)


def test_plans_that_are_not_there(good: Path) -> None:
    for name in ("hubei", "other.yaml", "../mine.yaml"):
        with pytest.raises((PlanFileError, StudyPathError)):
            load_register([name], folder=good.parent)
    with pytest.raises(PlanFileError, match="hubei-14fyp"):
        load_register(["mine"])


def test_two_plans_do_not_share_ids(good: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(plan_cases.GOOD.replace("id: mine", "id: other"), encoding="utf-8")
    with pytest.raises(PlanError, match=r"编号已用于 mine\.yaml"):
        load_register([good, other])
    with pytest.raises(PlanError, match="规划“mine”重复"):
        load_register([good, good])


def test_records_cannot_be_changed(good: Path) -> None:
    (plan,) = load_register([good])
    indicator: Any = plan.indicators[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        indicator.name = "x"
    with pytest.raises(TypeError):
        indicator.with_["any_of"] = ()


# ---- mistakes -------------------------------------------------------------------


@pytest.mark.parametrize("case", plan_cases.SPOILED, ids=lambda case: case.name)
def test_mistakes_name_place_and_reason(
    tmp_path: Path, case: plan_cases.Spoiled
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(case.text(), encoding="utf-8")
    mistakes = check_plan(path)
    hits = [m for m in mistakes if m.place == case.place and case.reason in m.reason]
    assert len(hits) == 1, [str(mistake) for mistake in mistakes]
    assert hits[0].line == case.line()
    assert hits[0].file == "mine.yaml"
    with pytest.raises(PlanError) as caught:
        load_register([path])
    assert hits[0].reason in [mistake.reason for mistake in caught.value.mistakes]


def test_all_mistakes_are_found_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = plan_cases.GOOD.replace("rule: ratio", "rule: rate")
    path.write_text(text.replace("class: A", "class: Z"), encoding="utf-8")
    assert len(check_plan(path)) == 4


@pytest.mark.parametrize(
    ("raw", "reason", "line"),
    [case[1:] for case in plan_cases.NO_REGISTER],
    ids=[case[0] for case in plan_cases.NO_REGISTER],
)
def test_what_is_no_register(
    tmp_path: Path, raw: bytes, reason: str, line: int | None
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(raw)
    (mistake,) = check_plan(path)
    assert reason in mistake.reason
    if line is not None:
        assert mistake.line == line
    with pytest.raises(PlanFileError):
        load_register([path])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (mistake,) = check_plan(tmp_path / "none.yaml")
    assert mistake.reason == "找不到文件"


# ---- whatever is written, it is explained ----------------------------------------


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*path, index))


@pytest.fixture(scope="module")
def one_of_each() -> dict[str, Any]:
    """Return a register with an entry of every rule and every kind of key."""
    entries = {}
    for plan in SHIPPED:
        marked = parse_marked(shipped_bytes(f"{plan}.yaml"), file=plan)
        for entry in examine(marked).entries:
            entries.setdefault(entry["rule"], entry)
            if "eligible" in entry:
                entries["eligible"] = entry
            if "baselines" in entry:
                entries["baselines"] = entry
    good = parse_marked(plan_cases.GOOD.encode(), file="mine.yaml").value
    area = {"id": "a", "name": "甲", "level": "county", "members": ["421321101"]}
    days = {"evaluations": [dt.date(2025, 12, 31)], "custom_areas": [area]}
    return {
        "plan": {**good["plan"], "level": "province", **days},
        "parameters": {"unused": {"default": 1, "reading": "甲"}},
        "indicators": list(entries.values()),
    }


@pytest.mark.parametrize(
    "wrong",
    [None, True, 1, -1.5, "x", "", "${x}", [], {}, [[]], [{}], [None], {"a": [1]}],
    ids=repr,
)
def test_no_value_anywhere_breaks_the_checker(
    one_of_each: dict[str, Any], wrong: Any
) -> None:
    """A strange value in any place gives mistakes, or a plan; never a crash."""
    right = 0
    for path in _places(one_of_each):
        value = copy.deepcopy(one_of_each)
        table: Any = value
        for key in path[:-1]:
            table = table[key]
        table[path[-1]] = wrong
        found = examine(MarkedYaml(value, {}, "mine.yaml"), services=SERVICES)
        for mistake in found.mistakes:
            assert mistake.reason and str(mistake)
        # the parameter that nobody uses is always one
        if len(found.mistakes) == 1 and "没有指标引用" in found.mistakes[0].reason:
            right += 1
            build_plan(found)
    assert right < len(list(_places(one_of_each))) / 2


def test_the_checker_knows_the_rules_that_are_valued() -> None:
    assert set(RULES) == set(VALUED_RULES)
