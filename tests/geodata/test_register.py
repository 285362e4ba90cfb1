"""The shipped plan registers, a user's own, and every mistake in one."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Mapping
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from yikezhong_coverage.rules.records import Baseline
from yikezhong_geodata.columns import CAPACITY_COLUMNS, GROUPS
from yikezhong_geodata.headers import plain_header
from yikezhong_geodata.plans.attributes import attribute_terms, load_attribute_terms
from yikezhong_geodata.plans.check import SHIPPED, check_plan, shipped_ids
from yikezhong_geodata.plans.entry_shapes import KINDS_OF
from yikezhong_geodata.plans.register import Entry, Plan, load_register
from yikezhong_geodata.plans.rule_shapes import RULES, ZONE_CLASSES
from yikezhong_geodata.services import load_services
from yikezhong_geodata.vocabulary import load_vocabulary

ROOT = Path(__file__).resolve().parent.parent.parent
PLANS = ROOT / "geodata" / "yikezhong_geodata" / "plans"


@pytest.fixture(scope="module")
def plans() -> tuple[Plan, ...]:
    return load_register(SHIPPED)


@pytest.fixture(scope="module")
def entries(plans: tuple[Plan, ...]) -> dict[str, Entry]:
    return {entry.indicator.id: entry for plan in plans for entry in plan.entries}


@pytest.fixture(scope="module")
def documents(real_data: Path) -> Path:
    folder = real_data.parent / "plans"
    if not folder.is_dir():
        pytest.skip(f"no plan documents at {folder}")
    return folder


# ---- the shipped plans ----------------------------------------------------------


@pytest.mark.parametrize("plan", SHIPPED)
def test_shipped_registers_have_no_mistakes(plan: str) -> None:
    assert [str(mistake) for mistake in check_plan(PLANS / f"{plan}.yaml")] == []


@pytest.mark.real_data
def test_every_row_of_the_list_is_an_entry(
    documents: Path, entries: dict[str, Entry]
) -> None:
    with (documents / "indicators.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert len(rows) == 145
    assert set(rows) - set(entries) == set()
    # whatever is more is a part of a sentence that states several targets
    more = {id_ for id_ in entries if id_ not in rows}
    assert {entries[id_].part_of for id_ in more} <= set(rows)
    for id_, row in rows.items():
        indicator = entries[id_].indicator
        assert indicator.class_ == row["class"], id_
        stated = row["attribute"] if row["attribute"] in ("约束性", "预期性") else None
        assert indicator.nature == stated, id_


@pytest.mark.real_data
def test_every_clause_is_in_its_document(
    documents: Path, plans: tuple[Plan, ...]
) -> None:
    wrong = []
    for plan in plans:
        text = _bare((documents / f"{plan.id}.txt").read_text(encoding="utf-8"))
        assert _bare(plan.document) in text
        for indicator in plan.indicators:
            assert indicator.clause is not None
            assert indicator.clause.chapter and indicator.clause.document
            if not _bare(indicator.clause.phrase) or (
                _bare(indicator.clause.phrase) not in text
            ):
                wrong.append(indicator.id)
    assert wrong == []


@pytest.mark.real_data
def test_percentages_of_the_phrases_are_the_targets(
    documents: Path, entries: dict[str, Entry]
) -> None:
    """A single percentage in a phrase is what the target says."""
    compared = 0
    for id_, entry in entries.items():
        indicator = entry.indicator
        if indicator.clause is None or indicator.target is None:
            continue
        stated = re.findall(r"(\d+)\s*%", indicator.clause.phrase)
        two = ("所有", "全覆盖")  # a sentence with two targets
        if len(stated) != 1 or any(word in indicator.clause.phrase for word in two):
            continue
        compared += 1
        assert indicator.target.value == Fraction(int(stated[0]), 100), id_
    assert compared >= 20


def _bare(text: str) -> str:
    return re.sub(r"<[^>]*>|[\s*#|]", "", text)


def test_targets_of_the_main_tables(entries: dict[str, Entry]) -> None:
    """The 15 rows of both tables, read by hand."""
    hubei = [None, "3/4", 1, 1, 1, 1, 1, "3/5", "3/5", "1/2", 80_000, "4/5", 6000]
    suizhou = [*hubei[:10], 3500, "4/5", 160, 30, 10_000]
    for prefix, values in (("HB-T2", [*hubei, 30, 400_000]), ("SZ-T", suizhou)):
        for number, value in enumerate(values, start=1):
            indicator = entries[f"{prefix}-{number:02d}"].indicator
            target = indicator.target
            if value is None:
                assert target is None
                continue
            assert target is not None
            assert target.value == Fraction(value), indicator.id
            assert target.comparison == (">" if number == 14 else ">="), indicator.id
            assert target.by == dt.date(2025, 12, 31)


def test_readings_that_the_documents_leave_open(plans: tuple[Plan, ...]) -> None:
    hubei, suizhou = ({r.name: r for r in plan.readings} for plan in plans)
    assert hubei["township_kinds"].value == ["subdistrict", "town", "rural_township"]
    assert (hubei["circle_minutes"].value, hubei["circle_speed_mps"].value) == (
        15,
        None,
    )
    assert (hubei["circle_group"].value, hubei["circle_share"].value) == (
        "people_60",
        "0.8",
    )
    extra = set(suizhou["circle_services"].value) - set(hubei["circle_services"].value)
    assert extra == {"elderly_medical"}
    bands = [{"below": "30000", "need": 1}, {"up_to": "60000", "need": 2}, {"need": 3}]
    assert hubei["post_bands"].value == bands
    assert hubei["burial_membership"].value == "serving"
    distances = [r for name, r in suizhou.items() if name.endswith("_m")]
    assert len(distances) == 9
    assert {reading.value for reading in distances} == {None}
    assert "统计公报" in hubei["death_rate"].sentence
    for plan in plans:
        assert all(reading.sentence for reading in plan.readings)
        used = {name for entry in plan.entries for name in entry.readings}
        assert used == {reading.name for reading in plan.readings}


def test_conflicts_are_named_on_both_sides(entries: dict[str, Entry]) -> None:
    pairs = {
        (id_, other)
        for id_, entry in entries.items()
        for other in entry.indicator.conflicts_with
    }
    assert pairs == {(other, id_) for id_, other in pairs}
    for pair in (
        ("HB-14", "SZ-14"),
        ("HB-41", "SZ-35"),
        ("HB-50", "SZ-46"),
        ("HB-23", "SZ-11"),
        ("HB-T2-10", "HB-35"),
        ("SZ-T-10", "SZ-33"),
        ("HB-25", "SZ-13"),
    ):
        assert pair in pairs


def test_years_where_the_plans_differ(entries: dict[str, Entry]) -> None:
    for ours, theirs in (("HB-14", "SZ-14"), ("HB-16", "SZ-15"), ("HB-17", "SZ-16")):
        first, second = (entries[id_].indicator.target for id_ in (ours, theirs))
        assert first is not None and second is not None
        assert (first.by, second.by) == (dt.date(2022, 12, 31), dt.date(2025, 12, 31))
        assert first.value == second.value


def test_baselines_stand_beside_their_indicator(entries: dict[str, Entry]) -> None:
    entry = entries["HB-T2-08"]
    assert [(b.year, b.value, b.kind) for b in entry.baselines] == [
        (2015, Fraction("0.15"), "actual"),
        (2020, Fraction("0.3"), "target"),
        (2020, Fraction("0.363"), "actual"),
    ]
    assert entry.indicator.baselines == (
        Baseline(2015, Fraction("0.15")),
        Baseline(2020, Fraction("0.363")),
    )
    assert len(entries["HB-16"].baselines) == 3
    own = [entry for id_, entry in entries.items() if id_.startswith("HB-B")]
    assert len(own) == 12
    assert all(entry.baselines and entry.indicator.target is None for entry in own)


def test_statistics_and_statements(entries: dict[str, Entry]) -> None:
    for id_, entry in entries.items():
        indicator = entry.indicator
        assert (indicator.class_ == "C") == (indicator.rule == "statistic"), id_
        assert (indicator.rule == "statistic") == bool(entry.statistic), id_
    statements = {i for i, e in entries.items() if e.indicator.rule == "statement"}
    assert statements == {"HB-51", "HB-55"}


def test_evaluations_and_addressees_without_code(plans: tuple[Plan, ...]) -> None:
    hubei, suizhou = plans
    assert hubei.evaluations == (dt.date(2023, 12, 31), dt.date(2025, 12, 31))
    assert (hubei.area, suizhou.area) == ("42", "4213")
    named = {area.name: area.members for area in suizhou.custom_areas}
    assert named == {"随州高新区": (), "大洪山风景名胜区": ()}


def test_every_rule_is_used(entries: dict[str, Entry]) -> None:
    assert {entry.indicator.rule for entry in entries.values()} == set(RULES)


def test_names_in_the_registers_exist(entries: dict[str, Entry]) -> None:
    """Walk over all parameters: nothing is named that is not there."""
    vocabulary = load_vocabulary()
    known = {
        "categories": set(vocabulary.categories.names),
        "functions": set(vocabulary.functions.names),
        "services": {service.id for service in load_services()},
        "attribute": set(attribute_terms()),
        "area_attribute": set(attribute_terms()),
        "column": set(attribute_terms()),
        "per": set(GROUPS),
        "by": set(GROUPS),
        "class": set(ZONE_CLASSES),
    }
    seen: set[str] = set()

    def walk(value: Any, id_: str) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                names = (inner,) if isinstance(inner, str) else inner
                if key in known and names is not None:
                    seen.add(key)
                    assert set(names) <= known[key], (id_, key, names)
                walk(inner, id_)
        elif isinstance(value, tuple):
            for inner in value:
                walk(inner, id_)

    for id_, entry in entries.items():
        walk(entry.indicator.with_, id_)
        walk(entry.indicator.eligible, id_)
        if entry.indicator.kinds is not None:
            assert set(entry.indicator.kinds) <= set(KINDS_OF[entry.indicator.unit])
    assert seen == set(known)


def test_every_attribute_is_asked_for_by_a_plan(entries: dict[str, Entry]) -> None:
    text = repr([(e.indicator.with_, e.indicator.eligible) for e in entries.values()])
    optional = {"free_plots"}  # what the reading of plots may be changed to
    unused = [
        term.id
        for term in load_attribute_terms()
        if f"'{term.id}'" not in text and term.id not in optional
    ]
    assert unused == []


def test_builtin_columns_are_the_columns_of_the_tables() -> None:
    builtin = {id_ for id_, term in attribute_terms().items() if term.builtin}
    assert builtin == {*CAPACITY_COLUMNS, *GROUPS}


def test_headers_of_attributes_are_told_apart() -> None:
    """No header means two attributes, or an attribute and a column we know."""
    table = yaml.safe_load(
        resources.files("yikezhong_geodata").joinpath("data/headers.yaml").read_bytes()
    )
    layer = {"facility": "facility", "division": "boundary"}
    owner: dict[tuple[str, str], str] = {
        (of, plain_header(str(word))): column
        for of, kind in layer.items()
        for column, groups in table[kind].items()
        for group in groups
        for word in group
    }
    for term in load_attribute_terms():
        for word in (term.id, term.name, *term.also):
            assert owner.setdefault((term.of, plain_header(word)), term.id) == term.id


def test_no_indicator_is_named_in_code() -> None:
    ids = sorted(shipped_ids(), key=len, reverse=True)
    pattern = re.compile(r"(?<![A-Za-z0-9])(" + "|".join(ids) + r")(?![A-Za-z0-9])")
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for folder in ("app", "coverage", "geodata")
        for path in (ROOT / folder).rglob("*.py")
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
