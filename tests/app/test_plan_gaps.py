"""Plan gaps on the demonstration study: failing areas, remedies, turning verdicts."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

from indicator_cases import DemoRun
from scenario_cases import scenario_of
from service_cases import API, assert_problem, make_client
from yikezhong_app.cli import main
from yikezhong_app.scenarios.running import compute_scenario
from yikezhong_app.snapshots.snapshot import Snapshot, open_current
from yikezhong_coverage.remedies import REMEDIES
from yikezhong_geodata.study import load_study


@pytest.fixture(scope="module")
def snapshot(county_run: DemoRun) -> Snapshot:
    return open_current(county_run.out)


@pytest.fixture(scope="module")
def client(county_run: DemoRun) -> TestClient:
    return make_client(county_run.out)


def test_every_failing_area_is_a_gap(snapshot: Snapshot) -> None:
    gaps, indicators = snapshot.table("plan_gaps"), snapshot.table("indicators")
    top = indicators[indicators["level"] == indicators["level"].iloc[0]]
    for row in top.itertuples():
        here = gaps[gaps["indicator_id"] == row.indicator_id]
        keys = {str(id_).split(":", 1)[1] for id_ in here["id"]}
        assert keys == set(map(str, row.failing_codes))
        assert sorted(here["rank"]) == list(range(1, len(here) + 1))
        people = here.sort_values("rank")["people_60"].dropna().to_numpy()
        assert (np.diff(people) <= 0).all()
    assert gaps["id"].is_unique
    assert set(gaps["remedy"].dropna()) <= set(REMEDIES)


def test_the_farthest_from_its_target_comes_first(snapshot: Snapshot) -> None:
    gaps = snapshot.table("plan_gaps")
    share = gaps.groupby("indicator_rank")["missing_share"].max().fillna(0.0)
    assert share.sort_index().is_monotonic_decreasing


def test_remedies_are_what_the_facilities_say(snapshot: Snapshot) -> None:
    gaps = snapshot.table("plan_gaps")
    facilities = snapshot.table("facilities").set_index("id")
    opened = gaps[gaps["remedy"].isin(["open_planned", "reopen"])]
    presence = opened[opened["reason"] == "not_open"]
    assert len(presence) > 5
    for row in presence.itertuples():
        wanted = "planned" if row.remedy == "open_planned" else "closed"
        facility = facilities.loc[row.remedy_facility_id]
        assert facility["status"] == wanted
    assert gaps.loc[gaps["remedy"] == "build", "remedy_facility_id"].isna().all()
    assert "appoint" in set(gaps["remedy"])


def test_the_api_and_the_command_list_them(
    client: TestClient, county_run: DemoRun, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = client.get(f"{API}/plan-gaps?plan=suizhou-14fyp&limit=5000").json()
    assert {row["plan"] for row in answer["items"]} == {"suizhou-14fyp"}
    one = answer["items"][0]["indicator_id"]
    only = client.get(f"{API}/plan-gaps?indicator={one}&limit=5000").json()["items"]
    assert only == [r for r in answer["items"] if r["indicator_id"] == one]
    unmet = client.get(f"{API}/plan-gaps?unmet=true&limit=5000").json()["items"]
    assert {row["status"] for row in unmet} == {"not_met"}
    for kind in ("csv", "xlsx"):
        assert client.get(f"{API}/plan-gaps?format={kind}").status_code == 200
    assert_problem(client.get(f"{API}/plan-gaps?indicator=none"), 422, "parameter")
    with pytest.raises(SystemExit) as stopped:
        main(["gaps", str(county_run.out), "--indicator", one, "--json"])
    assert not stopped.value.code
    assert json.loads(capsys.readouterr().out)["plan_gaps"] == only


def test_levels_and_the_nearest_facility_of_travel_times(
    client: TestClient, snapshot: Snapshot
) -> None:
    rules = {
        entry["id"]: entry["with"]
        for plan in snapshot.manifest["registers"]
        for entry in plan["indicators"]
        if entry["rule"] == "network_time"
    }
    every = client.get(f"{API}/plan-gaps?limit=9000").json()["items"]
    timed = [row for row in every if row["nearest_minutes"] is not None]
    assert timed and {row["indicator_id"] for row in timed} <= set(rules)
    gaps = snapshot.table("gaps")
    for row in timed[:5]:
        rule = rules[row["indicator_id"]]
        gap = gaps[
            (gaps["service"] == rule["services"][0])
            & (gaps["limit_s"] == float(rule["limit_min"]) * 60)
            & (gaps["code"] == row["code"])
            & (gaps["level"] == row["level"])
        ].iloc[0]
        assert row["nearest_minutes"] == gap["nearest_time_s"] / 60
        assert row["nearest_facility_id"] == gap["nearest_facility_id"]
        assert row["nearest_facility_name"]
    for level in ("community", "township"):
        only = client.get(f"{API}/plan-gaps?level={level}&limit=9000").json()["items"]
        assert only == [row for row in every if row["level"] == level]
    assert client.get(f"{API}/plan-gaps?level=nothing").status_code == 422


def test_a_scenario_that_does_what_the_gap_says_turns_the_indicator(
    snapshot: Snapshot, county_run: DemoRun
) -> None:
    gaps = snapshot.table("plan_gaps")
    indicators = snapshot.table("indicators")
    presence = set(indicators["indicator_id"][indicators["rule"] == "presence"])
    gap = gaps[
        gaps["indicator_id"].isin(presence) & (gaps["remedy"] == "open_planned")
    ].iloc[0]
    as_of = dt.date.fromisoformat(snapshot.manifest["as_of"])
    study = load_study(county_run.study, as_of=as_of)

    def turned(*changes: dict[str, Any]) -> pd.DataFrame:
        tables, _ = compute_scenario(study, scenario_of(*changes), baseline=snapshot)
        return tables["indicators"]

    facility = gap["remedy_facility_id"]
    nothing = turned({"action": "change", "id": facility, "status": "planned"})
    assert nothing.empty
    table = turned({"action": "change", "id": facility, "status": "open"})
    rows = table[
        (table["indicator_id"] == gap["indicator_id"]) & (table["code"] == gap["code"])
    ]
    assert len(rows) == 1
    assert rows["value_before"].tolist() == [0.0]
    assert rows["value_after"].tolist() == [1.0]
    above = table[table["indicator_id"] == gap["indicator_id"]]
    assert (above["value_after"] > above["value_before"]).all()
    assert set(above["code"]) > {gap["code"]}
