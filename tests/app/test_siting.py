"""Siting on the tiny study: plans against every choice, checks, mistakes, the API."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from service_cases import API, assert_problem, make_client
from study_cases import write_study
from yikezhong_app.cli import main
from yikezhong_app.runs.measure import build_network
from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.siting.ground import open_ground
from yikezhong_app.siting.request import EvaluationRequest, SitingRequest
from yikezhong_app.siting.tasks import run_evaluation, run_siting
from yikezhong_app.snapshots.snapshot import Snapshot, open_current
from yikezhong_app.tables.networks import read_network
from yikezhong_app.web.access import parse_tokens
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.errors import InfeasibleError, InputError
from yikezhong_geodata.study import Study, load_study

SECRET = "0123456789abcdef"
TOKENS = parse_tokens(f"li:planner:{SECRET},wang:reader:{SECRET}-reader")
BEARER = {"Authorization": f"Bearer {SECRET}"}
SERVICE = "elderly_circle"
#: Three minutes on foot: the tiny study is a town that one can cross in an hour.
MINUTES = 6


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = write_study(tmp_path_factory.mktemp("siting") / "study")
    return load_study(folder, as_of=dt.date(2023, 12, 31))


@pytest.fixture(scope="module")
def out(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("siting_out")
    run_study(study, folder)
    return folder


@pytest.fixture(scope="module")
def snapshot(out: Path) -> Snapshot:
    return open_current(out)


@pytest.fixture(scope="module")
def client(out: Path) -> Iterator[TestClient]:
    with make_client(out, tokens=TOKENS) as opened:
        yield opened


def site(out: Path, **asked: Any) -> dict[str, Any]:
    """Return the plan of a request."""
    version = open_current(out).version
    request = {"service": SERVICE, "minutes": MINUTES, **asked}
    SitingRequest.model_validate(request)
    payload = {"out": str(out), "version": version, "request": request}
    return run_siting(payload, lambda step, fraction: None)


def value(out: Path, sites: list[Any], **asked: Any) -> dict[str, Any]:
    request = {"service": SERVICE, "minutes": MINUTES, "sites": sites, **asked}
    version = open_current(out).version
    payload = {"out": str(out), "version": version, "request": request}
    return run_evaluation(payload, lambda step, fraction: None)


def test_a_network_is_read_as_it_was_written(study: Study, snapshot: Snapshot) -> None:
    for profile in ("walking", "driving"):
        graph = study.roads[profile]
        made = build_network(study, graph, parameters=study.spec.parameters)
        read = read_network(snapshot, profile)
        for name in graph.__dataclass_fields__:
            if name != "profile":
                np.testing.assert_array_equal(
                    getattr(read.graph, name), getattr(graph, name)
                )
        for name in ("edge", "along_m", "leg_m", "lon", "lat"):
            for points in ("demand", "facility"):
                np.testing.assert_array_equal(
                    getattr(getattr(read, points), name),
                    getattr(getattr(made, points), name),
                )
        np.testing.assert_array_equal(read.usable, made.usable)
        assert read.leg_speed_mps == made.leg_speed_mps
        assert read.max_time_s == made.max_time_s


@pytest.mark.parametrize("minutes", [5, 10, 15])
def test_the_start_is_the_baseline_to_the_person(
    out: Path, snapshot: Snapshot, minutes: int
) -> None:
    plan = site(out, goal="max_people", n=1, minutes=minutes)
    rows = snapshot.table("coverage")
    row = rows[
        (rows["level"] == "county")
        & (rows["service"] == SERVICE)
        & (rows["limit_s"] == 60.0 * minutes)
        & (rows["denominator"] == "people_60")
        & (rows["variant"] == "with_neighbours")
    ].iloc[0]
    assert plan["baseline"]["covered"] == row["covered"]
    assert plan["baseline"]["total"] == row["total"]
    assert sum(t["before"] for t in plan["townships"]) == row["covered"]


def test_the_plan_is_the_best_of_all_and_evaluates_to_its_objective(out: Path) -> None:
    every = site(out, goal="max_people", n=6)
    assert every["n_candidates"] == 6
    plan = site(out, goal="max_people", n=2)
    assert plan["proven"] and plan["bound"] == plan["objective"] and plan["gap"] == 0
    again = value(out, [(s["lon"], s["lat"]) for s in plan["sites"]])
    assert again["after"]["covered"] == plan["objective"] == plan["after"]["covered"]
    assert again["before"] == plan["baseline"]
    ground = open_ground(out, plan["version"], service=SERVICE, minutes=MINUTES)
    seats = ground.snapshot.table("divisions")
    seats = seats[seats["level"] == "community"]
    best = max(
        value(out, [(x, y) for x, y in two])["after"]["covered"]
        for two in itertools.combinations(
            zip(seats["lon"].tolist(), seats["lat"].tolist(), strict=True), 2
        )
    )
    assert plan["objective"] == best


def test_the_order_adds_up(out: Path) -> None:
    plan = site(out, goal="max_people", n=3)
    covered = plan["baseline"]["covered"]
    for k, row in enumerate(plan["sites"], start=1):
        covered += row["gain"]
        assert (row["rank"], row["cumulative_covered"]) == (k, covered)
    assert covered == plan["after"]["covered"]
    gains = sum(t["gain"] for t in plan["townships"])
    assert gains == covered - plan["baseline"]["covered"]
    left = plan["without"]
    assert left["people"] == plan["after"]["total"] - covered
    assert sum(left["by_reason"].values()) == pytest.approx(left["people"])
    assert sum(row["people"] for row in left["rows"]) == pytest.approx(left["people"])


def test_fewest_sites_and_generated_places(out: Path) -> None:
    wide = site(out, goal="max_people", n=4, candidates="generated")
    assert wide["n_candidates"] > 6
    share = wide["after"]["rate"]
    plan = site(out, goal="min_sites", share=share * 0.99, candidates="generated")
    assert plan["proven"] and plan["objective"] == plan["n_sites"] <= 4
    assert plan["after"]["rate"] >= share * 0.99
    assert site(out, goal="min_sites", share=0.0001)["n_sites"] == 0


def test_nearest_on_average_and_at_worst(out: Path) -> None:
    mean = site(out, goal="p_median", n=2)
    assert (
        mean["proven"]
        and mean["time"]["mean_after_min"] < mean["time"]["mean_before_min"]
    )
    worst = site(out, goal="p_center", n=2)
    assert worst["proven"] and worst["objective_unit"] == "seconds"


def test_forced_forbidden_and_budget(out: Path) -> None:
    free = site(out, goal="max_people", n=1)
    best = free["sites"][0]["id"]
    other = site(out, goal="max_people", n=1, forbidden=[best])
    assert other["sites"][0]["id"] != best
    both = site(
        out,
        goal="max_people",
        budget=20,
        site_cost=10,
        forced=[other["sites"][0]["id"]],
    )
    assert {s["id"] for s in both["sites"] if s["forced"]} == {other["sites"][0]["id"]}
    assert both["cost"] <= 20


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"goal": "max_people", "n": 7}, InputError, "7 处"),
        ({"goal": "max_people", "budget": 5, "site_cost": 10, "forced": ["421303001001"]},
         InfeasibleError, "预算"),
        ({"goal": "min_sites", "share": 1.0, "candidates": "points",
          "points": [[113.3701, 31.7302]]}, InfeasibleError, r"服务不到.*（.*北郊镇 \d+ 人"),
        ({"goal": "max_people", "n": 1, "candidates": "points", "points": [[10, 10]]},
         InfeasibleError, "排除"),
        ({"goal": "max_people", "n": 1,
          "exclude": [{"zone": "roads", "distance_m": 5000}]}, InfeasibleError, "排除"),
        ({"goal": "max_people", "n": 1, "service": "nothing"}, ParameterError, "nothing"),
        ({"goal": "max_people", "n": 1, "candidates": "category:nothing"},
         ParameterError, "nothing"),
        ({"goal": "max_people", "n": 1, "exclude": [{"zone": "x", "distance_m": 1}]},
         ParameterError, "“x”"),
        ({"goal": "max_people", "n": 1, "forced": ["x"]}, ParameterError, "“x”"),
        ({"goal": "target", "indicator": "x"}, ParameterError, "“x”"),
        ({"goal": "max_people", "n": 1, "candidates": "upgrade"}, InfeasibleError, "候选"),
    ],
)  # fmt: skip
def test_impossible_requests_are_explained(
    out: Path, asked: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        site(out, **asked)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"goal": "max_people"},
        {"goal": "max_people", "n": 0},
        {"goal": "max_people", "n": -3},
        {"goal": "max_people", "n": 1, "budget": 3, "site_cost": 1},
        {"goal": "max_people", "budget": 3},
        {"goal": "max_people", "budget": -1, "site_cost": 1},
        {"goal": "max_people", "n": 1, "minutes": float("nan")},
        {"goal": "max_people", "n": 1, "minutes": -5},
        {"goal": "min_sites"},
        {"goal": "min_sites", "share": 1.5},
        {"goal": "p_median"},
        {"goal": "target"},
        {"goal": "max_people", "n": 1, "candidates": "/etc/passwd"},
        {"goal": "max_people", "n": 1, "candidates": "points"},
        {"goal": "max_people", "n": 1, "points": [[113, 31]]},
        {"goal": "max_people", "n": 1, "time_limit_s": 1e9},
        {"goal": "max_people", "n": 1, "nonsense": 1},
        {
            "goal": "max_people",
            "n": 1,
            "exclude": [{"zone": "river", "distance_m": -1}],
        },
    ],
)
def test_requests_that_mean_nothing_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SitingRequest.model_validate({"service": SERVICE, **asked})


def test_closing_facilities_loses_people(out: Path) -> None:
    closed = value(out, [], closed=["F1"])
    assert closed["after"]["covered"] < closed["before"]["covered"]
    nothing = value(out, [])
    assert nothing["after"] == nothing["before"]
    with pytest.raises(ParameterError, match="F99"):
        value(out, [], closed=["F99"])
    with pytest.raises(ValidationError):
        EvaluationRequest.model_validate({"service": SERVICE, "sites": [[200, 31]]})


# --- the API ---------------------------------------------------------------------


def finished(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        now: dict[str, Any] = client.get(job["links"]["self"]).json()
        if now["status"] not in ("queued", "running"):
            return now
        time.sleep(0.1)
    raise AssertionError(now)


def test_a_siting_is_a_job(client: TestClient, out: Path) -> None:
    asked = {"service": SERVICE, "minutes": MINUTES, "goal": "max_people", "n": 2}
    response = client.post(f"{API}/sitings", json=asked, headers=BEARER)
    assert response.status_code == 201, response.text
    job = response.json()
    assert response.headers["location"] == f"{API}/sitings/{job['id']}"
    assert job["request"] == asked and job["status"] in ("queued", "running")
    again = client.post(f"{API}/sitings", json=asked, headers=BEARER)
    assert again.json()["id"] == job["id"]
    done = finished(client, job)
    assert done["status"] == "done" and done["progress"] == 1.0, done
    plan = done["result"]
    assert plan == {**site(out, goal="max_people", n=2), "seconds": plan["seconds"]}
    listed = client.get(f"{API}/sitings").json()
    assert [row["id"] for row in listed["items"]] == [job["id"]]
    assert listed["items"][0]["result"] is None
    kept = json.loads((out / "sitings" / f"{job['id']}.json").read_text("utf-8"))
    assert kept["result"] == plan
    for address in (f"{job['links']['sites']}?", f"{job['links']['self']}?"):
        shapes = client.get(f"{address}format=geojson").json()
        assert len(shapes["features"]) == 2
        assert shapes["features"][0]["geometry"]["coordinates"] == [
            plan["sites"][0]["lon"],
            plan["sites"][0]["lat"],
        ]
        text = client.get(f"{address}format=csv").content.decode("utf-8-sig")
        assert len(text.splitlines()) == 3
        book = client.get(f"{address}format=xlsx")
        assert book.content[:2] == b"PK"
        assert "attachment" in book.headers["content-disposition"]
    # one that is over stays as it is
    gone = client.delete(job["links"]["self"], headers=BEARER)
    assert gone.json()["status"] == "done"


def test_an_impossible_siting_fails_with_a_reason(client: TestClient) -> None:
    asked = {"service": SERVICE, "minutes": MINUTES, "goal": "max_people", "n": 700}
    job = client.post(f"{API}/sitings", json=asked, headers=BEARER).json()
    done = finished(client, job)
    assert done["status"] == "failed" and done["result"] is None
    assert done["error"]["code"] == "SiteCount" and "700" in done["error"]["message"]
    refused = client.get(done["links"]["sites"])
    assert_problem(refused, 409, "not-finished")


def test_an_evaluation_is_answered_at_once(client: TestClient, out: Path) -> None:
    asked = {"service": SERVICE, "minutes": MINUTES, "sites": [[113.4, 31.71]]}
    response = client.post(f"{API}/evaluations", json=asked, headers=BEARER)
    assert response.status_code == 200, response.text
    answer = response.json()
    expected = value(out, [(113.4, 31.71)])
    assert answer == {**expected, "seconds": answer["seconds"]} or answer["sites"]
    assert answer["after"] == expected["after"]
    wrong = client.post(
        f"{API}/evaluations", json={**asked, "closed": ["F99"]}, headers=BEARER
    )
    assert assert_problem(wrong, 422, "evaluation")["parameter"] == "closed"


def test_unknown_jobs_and_services(client: TestClient) -> None:
    assert_problem(client.get(f"{API}/sitings/{'0' * 16}"), 404, "unknown-record")
    assert_problem(client.get(f"{API}/sitings/..%2f..%2fx"), 404, "http-404")
    assert_problem(client.get(f"{API}/sitings/x"), 422, "validation")
    asked = {"service": "nothing", "goal": "max_people", "n": 2}
    found = client.post(f"{API}/sitings", json=asked, headers=BEARER)
    assert SERVICE in assert_problem(found, 422, "parameter")["available"]


def test_too_many_places_name_the_limit(client: TestClient) -> None:
    asked = {"service": SERVICE, "sites": [[113.4, 31.7]] * 10_001}
    response = client.post(f"{API}/evaluations", json=asked, headers=BEARER)
    assert "10000" in assert_problem(response, 422, "validation")["detail"]


def test_the_command(out: Path, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "sites.geojson"
    main_args = ["site", str(out), "--service", SERVICE, "--minutes", str(MINUTES)]
    with pytest.raises(SystemExit) as ended:
        main([*main_args, "--n", "2", "--json", "--out", str(file)])
    assert not ended.value.code
    plan = json.loads(capsys.readouterr().out)
    assert plan["proven"] and plan["n_sites"] == 2
    assert len(json.loads(file.read_text("utf-8"))["features"]) == 2
    for more, code in (
        (["--n", "700"], 2),
        (["--goal", "p_median"], 2),
        (["--n", "1", "--exclude", "roads=5000"], 1),
        (["--n", "1", "--out", "x.doc"], 2),
        (["--n", "2", "--candidates", str(file)], None),
    ):
        with pytest.raises(SystemExit) as ended:
            main([*main_args, *more])
        assert (ended.value.code or None) == code, more
