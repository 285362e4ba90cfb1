"""Scenarios, walking speeds, versions and candidates asked of the API."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from starlette.testclient import TestClient

from indicator_cases import END, DemoRun
from scenario_cases import scenario_of
from service_cases import API, assert_problem, make_client
from study_cases import FACILITIES, write_study
from yikezhong_app.jobs.pool import LazyPool, PoolLimits
from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.scenarios.running import run_kept_scenario, run_scenario
from yikezhong_app.scenarios.storing import read_table
from yikezhong_app.snapshots.snapshot import GEOPACKAGE, open_current
from yikezhong_app.web.access import parse_tokens
from yikezhong_geodata.study import load_study

PLANNER, READER = "planner-secret-0123456789", "reader-secret-0123456789"
TOKENS = f"li:planner:{PLANNER}, wang:reader:{READER}"
NOW, BEFORE = dt.date(2023, 12, 31), dt.date(2020, 12, 31)
CIRCLE = "elderly_circle"
SCENARIO = {
    "name": "一桥一点",
    "author": "规划科",
    "note": "{{7*7}}",
    "changes": [
        {
            "action": "add", "id": "S1", "name": "<b>北郊</b>新点", "category": "day_care",
            "functions": ["meal"], "beds": 20, "lon": 113.3901, "lat": 31.7101,
        },
        {"action": "close", "id": "F2"},
        {"action": "add_road", "id": "B1", "from": [113.365, 31.705], "to": [113.375, 31.715]},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of the tiny study for two days, the later one current."""
    folder = tmp_path_factory.mktemp("jobs")
    write_study(folder / "study")
    for day in (BEFORE, NOW):
        run_study(load_study(folder / "study", as_of=day), folder / "out")
    shutil.rmtree(folder / "study")  # nothing below may need it
    return folder / "out"


@pytest.fixture(scope="module")
def client(out: Path) -> Iterator[TestClient]:
    with make_client(out, tokens=parse_tokens(TOKENS)) as opened:
        opened.headers["Authorization"] = f"Bearer {PLANNER}"
        yield opened


@pytest.fixture
def stuck(out: Path) -> Iterator[TestClient]:
    """Return a client of a service whose jobs do not end."""
    with make_client(out, tokens=parse_tokens(TOKENS)) as opened:
        opened.app.state.jobs = LazyPool(
            dict.fromkeys(("scenario", "speeds", "candidates"), "job_tasks:wait"),
            folder=None,
            limits=PoolLimits(slots=1, jobs=2),
        )
        opened.headers["Authorization"] = f"Bearer {PLANNER}"
        yield opened


def finish(client: TestClient, address: str) -> dict[str, Any]:
    """Follow a job until it is over; its progress never falls."""
    seen = [0.0]
    for _ in range(600):
        job: dict[str, Any] = client.get(address).json()
        assert job["progress"] >= seen[-1]
        seen.append(job["progress"])
        if job["status"] in ("done", "failed", "cancelled"):
            return job
        time.sleep(0.1)
    raise TimeoutError(address)


def ask(client: TestClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask for a job and return it when it is done."""
    answer = client.post(f"{API}/{path}", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    job = answer.json()
    assert (
        answer.headers["location"] == job["links"]["self"] == f"{API}/jobs/{job['id']}"
    )
    done = finish(client, answer.headers["location"])
    assert done["status"] == "done", done["error"]
    return done


# --- scenarios ---------------------------------------------------------------------


def test_a_scenario_is_computed_kept_and_the_same_twice(
    client: TestClient, out: Path
) -> None:
    done = ask(client, "scenarios", SCENARIO)
    result = done["result"]
    assert done["links"]["scenario"] == f"{API}/scenarios/{result['id']}"
    assert (out / "scenarios" / result["id"] / "manifest.json").is_file()
    assert result["baseline_version"] == open_current(out).version
    again = client.post(f"{API}/scenarios", json=SCENARIO)
    assert again.status_code == 201
    assert again.json()["id"] == done["id"]
    shown = client.get(done["links"]["scenario"], params={"service": CIRCLE}).json()
    assert shown["scenario"]["author"] == "规划科"
    assert shown["scenario"]["note"] == "{{7*7}}"
    (summary,) = (r for r in result["summary"] if r["service"] == CIRCLE)
    assert sum(row["gained"] for row in shown["items"]) == summary["gained"] > 0
    assert sum(row["lost"] for row in shown["items"]) == summary["lost"] > 0
    for row in shown["items"]:
        difference = row["covered_after"] - row["covered_before"]
        assert row["gained"] - row["lost"] == difference
    # another service over the same folder finds what is kept
    with make_client(out, tokens=parse_tokens(TOKENS)) as other:
        other.headers["Authorization"] = f"Bearer {PLANNER}"
        second = ask(other, "scenarios", SCENARIO)
    assert second["id"] != done["id"]
    assert second["result"] == result


def test_before_is_the_baseline_to_the_last_bit(client: TestClient) -> None:
    done = ask(client, "scenarios", SCENARIO)
    query = {"service": CIRCLE, "level": "township"}
    shown = client.get(done["links"]["scenario"], params=query).json()
    rates = client.get(f"{API}/coverage", params=query).json()
    assert {r["code"]: r["rate_before"] for r in shown["items"]} == {
        r["code"]: r["rate"] for r in rates["items"]
    }


def test_folder_and_study_give_the_same_numbers(
    county_run: DemoRun, tmp_path: Path
) -> None:
    """The command reads the study's files again, the job only the result folder."""
    kept = tmp_path / "kept"
    shutil.copytree(
        county_run.out, kept, ignore=shutil.ignore_patterns(GEOPACKAGE, "scenarios")
    )
    fresh = tmp_path / "fresh"
    shutil.copytree(kept, fresh)
    baseline = open_current(kept)
    facilities = baseline.table("facilities")
    circle = next(s for s in baseline.manifest["services"] if s["id"] == CIRCLE)
    serving = facilities[
        facilities["category"].isin(circle["categories"])
        & (facilities["status"] == "open")
        & facilities["lon"].notna()
    ]
    ids = serving["id"].tolist()
    place = serving.iloc[5]
    scenario = scenario_of(
        *({"action": "close", "id": one} for one in ids[:4]),
        {"action": "move", "id": ids[5], "lon": place["lon"] + 0.01, "lat": place["lat"]},
        {"action": "change", "id": ids[6], "functions": ["meal", "day"]},
        {"action": "add", "id": "S1", "category": "elderly_complex", "functions": ["meal"],
         "lon": place["lon"], "lat": place["lat"] + 0.01},
        {"action": "add_road", "id": "B1", "from": [place["lon"], place["lat"]],
         "to": [place["lon"] + 0.008, place["lat"] + 0.006]},
    )  # fmt: skip
    study = load_study(county_run.study, as_of=END)
    one = run_scenario(study, fresh, scenario)
    other = run_kept_scenario(kept, baseline.version, scenario)
    assert one["summary"] == other["summary"]
    assert one["tables"] == other["tables"]  # with the checksums of the files
    assert set(one["tables"]) == {"comparison", "points", "indicators"}
    changed = pd.DataFrame(read_table(kept, other["id"], "indicators"))
    assert len(changed) > 0
    expected = pd.DataFrame(read_table(fresh, one["id"], "indicators"))
    assert_frame_equal(changed, expected, check_exact=True)


def test_an_area_closes_what_stands_in_it(out: Path) -> None:
    version = open_current(out).version
    west = [[113.36, 31.69], [113.38, 31.69], [113.38, 31.75], [113.36, 31.75]]
    area = {"action": "close_area", "polygon": west}
    one = run_kept_scenario(out, version, scenario_of(area))
    each = [{"action": "close", "id": name} for name in ("F1", "F2")]
    other = run_kept_scenario(out, version, scenario_of(*each))
    tables = [read_table(out, found["id"], "comparison") for found in (one, other)]
    assert_frame_equal(tables[0], tables[1], check_exact=True)
    assert one["summary"][0]["lost"] > 0
    only = {**area, "categories": ["day_care"]}
    less = run_kept_scenario(out, version, scenario_of(only, name="只停日间照料"))
    assert 0 < less["summary"][0]["lost"] < one["summary"][0]["lost"]


def test_what_does_not_fit_ends_as_a_failed_job(client: TestClient) -> None:
    body = {"name": "无", "changes": [{"action": "close", "id": "F99"}]}
    answer = client.post(f"{API}/scenarios", json=body)
    job = finish(client, answer.headers["location"])
    assert job["status"] == "failed"
    assert job["error"]["status"] == 422
    assert "F99" in job["error"]["message"]
    crossed = {
        "action": "close_area",
        "polygon": [[113.3, 31.7], [113.4, 31.8], [113.4, 31.7], [113.3, 31.8]],
    }
    answer = client.post(f"{API}/scenarios", json={"name": "叉", "changes": [crossed]})
    assert "自相交" in finish(client, answer.headers["location"])["error"]["message"]


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ([{"action": "close", "id": "F1"}] * 10_001, "10000"),
        (
            [{"action": "close_area", "polygon": [[0, 0], [1, 0], [0, 1]]}] * 201,
            "200",
        ),
        ([{"action": "close_road", "edge": "x"}] * 2001, "2000"),
    ],
    ids=["sites", "polygons", "roads"],
)
def test_what_is_too_much_is_refused_with_its_limit(
    client: TestClient, changes: list[dict[str, Any]], limit: str
) -> None:
    body = {"name": "大", "changes": changes}
    told = assert_problem(client.post(f"{API}/scenarios", json=body), 422, "validation")
    assert f"最多 {limit} " in told["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x", "colour": 1},
        {"name": "x", "changes": [{"action": "fly"}]},
        {"name": "x", "changes": [{**SCENARIO["changes"][0], "lon": 181}]},
        {"name": "x", "changes": [{"action": "close_area", "polygon": [[0, 0]]}]},
    ],
)
def test_what_cannot_be_meant_is_refused(
    client: TestClient, body: dict[str, Any]
) -> None:
    assert_problem(client.post(f"{API}/scenarios", json=body), 422, "validation")


def test_jobs_can_be_given_up_and_the_pool_is_bounded(stuck: TestClient) -> None:
    first = stuck.post(f"{API}/scenarios", json=SCENARIO)
    assert first.status_code == 201
    assert (
        stuck.post(f"{API}/scenarios", json=SCENARIO).json()["id"] == first.json()["id"]
    )
    speeds = {"service": CIRCLE, "before_mps": 0.8, "after_mps": 1.2}
    second = stuck.post(f"{API}/speed-comparisons", json=speeds)
    other = {**SCENARIO, "name": "再来一个"}
    full = assert_problem(stuck.post(f"{API}/scenarios", json=other), 503, "pool-full")
    assert full["status"] == 503
    for answer in (second, first):
        address = answer.headers["location"]
        assert stuck.delete(address).json()["status"] == "cancelled"
        assert stuck.get(address).json()["result"] is None
    assert stuck.post(f"{API}/scenarios", json=other).status_code == 201


@pytest.mark.parametrize("path", ["scenarios", "speed-comparisons", "candidates"])
def test_only_planners_compute(client: TestClient, path: str) -> None:
    address = f"{API}/{path}"
    nobody = client.post(address, json={}, headers={"Authorization": ""})
    assert_problem(nobody, 401, "http-401")
    reader = client.post(
        address, json={}, headers={"Authorization": f"Bearer {READER}"}
    )
    assert_problem(reader, 403, "http-403")
    foreign = client.post(address, json={}, headers={"Origin": "https://example.org"})
    assert_problem(foreign, 403, "http-403")


def test_jobs_of_other_kinds_are_not_found_here(client: TestClient) -> None:
    assert_problem(client.get(f"{API}/jobs/{'0' * 16}"), 404, "unknown-record")
    siting = {"service": CIRCLE, "goal": "max_people", "n": 1}
    job = client.post(f"{API}/sitings", json=siting).json()
    assert_problem(client.get(f"{API}/jobs/{job['id']}"), 404, "unknown-record")


# --- walking speeds ------------------------------------------------------------------


def test_the_speed_of_the_run_gives_its_rates(client: TestClient) -> None:
    body = {"service": CIRCLE, "minutes": 15, "before_mps": 0.8, "after_mps": 1.0}
    result = ask(client, "speed-comparisons", body)["result"]
    query = {"service": CIRCLE, "minutes": 15, "level": "township"}
    rates = client.get(f"{API}/coverage", params=query).json()["items"]
    known = {row["code"]: (row["covered"], row["rate"]) for row in rates}
    assert {
        r["code"]: (r["covered_after"], r["rate_after"]) for r in result["items"]
    } == known
    assert all(r["lost"] == 0 <= r["gained"] for r in result["items"])
    (whole,) = result["summary"]
    assert whole["gained"] == sum(r["gained"] for r in result["items"]) > 0


def test_another_speed_is_a_run_at_that_speed(
    client: TestClient, tmp_path: Path
) -> None:
    write_study(tmp_path / "study")
    toml = tmp_path / "study" / "study.toml"
    text = toml.read_text("utf-8") + "\n[parameters]\nwalk_speed_mps = 0.8\n"
    toml.write_text(text, encoding="utf-8")
    slow = run_study(load_study(tmp_path / "study", as_of=NOW), tmp_path / "out")
    body = {"service": CIRCLE, "before_mps": 0.8, "after_mps": 1.0}
    items = ask(client, "speed-comparisons", body)["result"]["items"]
    table = slow.table("coverage")
    wanted = {
        "level": "township", "service": CIRCLE, "limit_s": 900.0,
        "denominator": "people_60", "variant": "with_neighbours",
    }  # fmt: skip
    for name, value in wanted.items():
        table = table[table[name] == value]
    expected = table.set_index(table["code"].astype(str))["covered"]
    found = pd.Series({row["code"]: row["covered_before"] for row in items})
    np.testing.assert_array_equal(found[expected.index], expected)


def test_who_does_not_walk_has_no_walking_speed(client: TestClient) -> None:
    study = client.get(f"{API}/study").json()
    driven = next(s["id"] for s in study["services"] if s["profile"] == "driving")
    body = {"service": driven, "before_mps": 0.8, "after_mps": 1.0}
    answer = client.post(f"{API}/speed-comparisons", json=body)
    job = finish(client, answer.headers["location"])
    assert job["error"]["parameter"] == "service"
    unknown = client.post(
        f"{API}/speed-comparisons", json={**body, "service": "nothing"}
    )
    assert_problem(unknown, 422, "parameter")
    fast = client.post(f"{API}/speed-comparisons", json={**body, "after_mps": 9})
    assert_problem(fast, 422, "validation")


# --- versions ------------------------------------------------------------------------


def test_two_dates_side_by_side(client: TestClient, out: Path) -> None:
    answer = client.get(f"{API}/versions")
    assert answer.headers["cache-control"] == "no-store"
    items = answer.json()["items"]
    assert [row["as_of"] for row in items] == ["2023-12-31", "2020-12-31"]
    assert [row["is_current"] for row in items] == [True, False]
    after, before = (row["version"] for row in items)
    path = f"{API}/versions/{before}/{after}"
    query = {"service": CIRCLE, "minutes": 15, "level": "township"}
    shown = client.get(path, params=query).json()["items"]
    now = client.get(f"{API}/coverage", params=query).json()["items"]
    assert {r["code"]: r["rate_after"] for r in shown} == {
        r["code"]: r["rate"] for r in now
    }
    turned = client.get(f"{API}/versions/{after}/{before}", params=query).json()
    assert {r["code"]: (r["rate_after"], r["rate_before"]) for r in shown} == {
        r["code"]: (r["rate_before"], r["rate_after"]) for r in turned["items"]
    }
    # F2 and F3 opened between the two days
    opened = [row[0] for row in FACILITIES if row[6] in ("2022", "2021年6月")]
    assert opened == ["F2", "F3"]
    assert any(row["rate_change"] > 0 for row in shown)
    assert all(row["gained"] is row["lost"] is None for row in shown)
    table = client.get(path, params={**query, "format": "csv"})
    assert table.status_code == 200
    assert_problem(client.get(path, params={**query, "minutes": 17}), 422, "parameter")
    missing = client.get(f"{API}/versions/2001-01-01-{'0' * 12}/{after}", params=query)
    assert_problem(missing, 404, "unknown-record")
    strange = client.get(f"{API}/versions/..%2F..%2Fx/{after}", params=query)
    assert strange.status_code in (404, 422)


# --- what a siting can ask for --------------------------------------------------------


def test_candidates_before_anything_is_chosen(client: TestClient) -> None:
    body = {"service": CIRCLE, "goal": "max_people", "n": 2}
    answer = client.post(f"{API}/candidates", json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    divisions = client.get(f"{API}/divisions", params={"level": "community"}).json()
    assert {row["id"] for row in found["items"]} == {
        row["code"] for row in divisions["items"]
    }
    assert found["n_allowed"] == sum(row["allowed"] for row in found["items"])
    kept_off = {"zone": "facilities:funeral_home", "distance_m": 3000}
    less = client.post(f"{API}/candidates", json={**body, "exclude": [kept_off]}).json()
    barred = [row for row in less["items"] if not row["allowed"]]
    assert 0 < len(barred) < less["total"]
    assert all(row["reason"] for row in barred)
    bad = {"goal": "target", "indicator": "X"}
    assert_problem(client.post(f"{API}/candidates", json=bad), 422, "parameter")


def test_options_name_what_the_study_has(
    client: TestClient, county_run: DemoRun
) -> None:
    plain = client.get(f"{API}/siting-options").json()
    assert plain["zones"] == plain["indicators"] == []
    # F5 is being built
    assert plain["planned"] == ["elderly_institution"]
    assert {row["id"] for row in plain["categories"]} >= {"day_care", "funeral_home"}
    demo = make_client(county_run.out).get(f"{API}/siting-options").json()
    zones = {row["id"]: row for row in demo["zones"]}
    assert zones["river"]["name"] == "河道"
    assert zones["river"]["distance_m"] == 100
    table = open_current(county_run.out).table("zones")
    assert {k: row["n"] for k, row in zones.items()} == dict(
        table["zone_class"].value_counts()
    )
    assert "SZ-T-09" in {row["id"] for row in demo["indicators"]}
