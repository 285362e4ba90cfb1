"""The demonstration study made small: only the services that its plans ask for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.runs.plan_network import questions_of
from yikezhong_app.runs.plan_records import build_areas, build_facts, build_places
from yikezhong_app.runs.study_records import build_records
from yikezhong_coverage.rules.records import Result
from yikezhong_coverage.rules.value import value_indicator
from yikezhong_geodata.data_files import read_yaml
from yikezhong_geodata.demo import build_demo
from yikezhong_geodata.plans.register import load_register
from yikezhong_geodata.study import Study, load_study

PLANS = ("hubei-14fyp", "suizhou-14fyp")
END = dt.date(2025, 12, 31)
MIDDLE = dt.date(2023, 12, 31)


@dataclass(frozen=True)
class DemoRun:
    """A study folder and its result folder."""

    study: Path
    out: Path


def make_county(folder: Path) -> Path:
    """Build the small demonstration study with the services that plans name."""
    build_demo(folder, scale="county")
    keep_services(folder)
    return folder


def keep_services(folder: Path) -> None:
    """Leave a study only the services that plans name and those with a capacity."""
    table, _ = read_yaml(None, shipped="services.yaml")
    plans = load_register(PLANS)
    asked = questions_of(i for plan in plans for i in plan.indicators)
    every = table["services"]
    services = {k: v for k, v in every.items() if k in asked or "capacity" in v}
    (folder / "services.yaml").write_text(
        yaml.safe_dump({"services": services}, allow_unicode=True), encoding="utf-8"
    )
    edit_study(folder, add='\n[services]\nfile = "services.yaml"\n')


def edit_study(folder: Path, *, drop: str = "", add: str = "") -> None:
    """Drop a piece of ``study.toml``, or add one at its end."""
    path = folder / "study.toml"
    text = path.read_text(encoding="utf-8")
    assert drop in text
    path.write_text(text.replace(drop, "") + add, encoding="utf-8")


def run_county(folder: Path) -> DemoRun:
    """Build the small demonstration study and run it."""
    study = make_county(folder / "study")
    run_study(load_study(study, as_of=END), folder / "out")
    return DemoRun(study, folder / "out")


def value_all(study: Study) -> dict[tuple[str, str], Result]:
    """Value all indicators of a study without its network: by id and code."""
    records = build_records(study, own_level="township")
    areas = build_areas(study, records)
    places = build_places(study, areas)
    facts = build_facts(study, speed_mps=1.0)
    return {
        (result.indicator_id, result.code): result
        for plan in study.plan_inputs.plans
        for indicator in plan.indicators
        for result in value_indicator(indicator, areas, places, extra=facts)
    }


def only(table: pd.DataFrame, **wanted: Any) -> dict[str, Any]:
    """Return the one row of a table that has some values."""
    for name, value in wanted.items():
        table = table[table[name] == value]
    assert len(table) == 1
    row: dict[str, Any] = table.iloc[0].to_dict()
    return row
