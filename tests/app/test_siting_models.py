"""Siting models on the tiny study against every choice: places, services, costs."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from study_cases import write_study
from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.siting.ground import joined, open_ground
from yikezhong_app.siting.request import SitingRequest
from yikezhong_app.siting.tasks import run_siting
from yikezhong_app.snapshots.snapshot import Snapshot, open_current
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.errors import InfeasibleError, PlannerError
from yikezhong_coverage.supply import fill
from yikezhong_geodata.study import load_study

SERVICE = "elderly_circle"
MINUTES = 6


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    study = write_study(folder / "study")
    run_study(load_study(study, as_of=dt.date(2023, 12, 31)), folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def snapshot(out: Path) -> Snapshot:
    return open_current(out)


def site(out: Path, **asked: Any) -> dict[str, Any]:
    request = {"goal": "max_people", "service": SERVICE, "minutes": MINUTES, **asked}
    SitingRequest.model_validate(request)
    payload = {"out": str(out), "version": open_current(out).version}
    return run_siting({**payload, "request": request}, lambda step, fraction: None)


def layer(*rows: dict[str, Any]) -> dict[str, Any]:
    """Return candidates as GeoJSON; each row has lon, lat and properties."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {k: v for k, v in row.items() if k not in ("lon", "lat")},
                "geometry": {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
            }
            for row in rows
        ],
    }


@pytest.fixture(scope="module")
def seats(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Seats of the communities as a layer with costs and capacities."""
    table = snapshot.table("divisions")
    table = table[table["level"] == "community"]
    return [
        {"编号": f"S{i}", "名称": str(name), "费用": cost, "lon": lon, "lat": lat}
        for i, (name, lon, lat, cost) in enumerate(
            zip(
                table["name"],
                table["lon"],
                table["lat"],
                (4, 1, 3, 2, 5, 2),
                strict=True,
            )
        )
    ]


def covered(out: Path, sites: list[dict[str, Any]], service: str = SERVICE) -> float:
    """Return people covered by what stands and these sites, by the engine."""
    version = open_current(out).version
    ground = open_ground(out, version, service=service, minutes=MINUTES)
    lon, lat = (np.array([s[k] for s in sites], dtype=float) for k in ("lon", "lat"))
    time_s = ground.time_with(ground.snap(lon, lat))
    return float(np.nansum(ground.people[time_s <= ground.limit_s]))


@pytest.mark.parametrize("budget", [1, 4, 7])
def test_costs_of_a_layer_within_a_budget(
    out: Path, seats: list[dict[str, Any]], budget: int
) -> None:
    plan = site(out, candidates="layer", layer=layer(*seats), budget=budget)
    best = max(
        covered(out, list(chosen))
        for size in range(7)
        for chosen in itertools.combinations(seats, size)
        if sum(s["费用"] for s in chosen) <= budget
    )
    assert plan["proven"] and plan["objective"] == best
    assert plan["cost"] == sum(s["cost"] for s in plan["sites"]) <= budget
    by_id = {s["编号"]: s for s in seats}
    assert all(s["name"] == by_id[s["id"]]["名称"] for s in plan["sites"])


def test_several_services_at_one_site(out: Path, snapshot: Snapshot) -> None:
    other = next(
        s["id"]
        for s in snapshot.manifest["services"]
        if s["id"] != SERVICE and s["capacity"] is None and s["profile"] == "walking"
    )
    seats = snapshot.table("divisions")
    seats = seats[seats["level"] == "community"]
    rows = [
        {"lon": x, "lat": y} for x, y in zip(seats["lon"], seats["lat"], strict=True)
    ]
    more = {"service": other, "minutes": MINUTES, "weight": 2}
    plan = site(out, n=2, weight=3, also=[more])
    best = max(
        3 * covered(out, list(two)) + 2 * covered(out, list(two), other)
        for two in itertools.combinations(rows, 2)
    )
    assert plan["proven"] and plan["objective"] == best
    assert plan["objective_unit"] == "weighted_people"
    first, second = plan["services"]
    assert (first["weight"], second["weight"]) == (3, 2)
    chosen = [{"lon": s["lon"], "lat": s["lat"]} for s in plan["sites"]]
    assert first["after"]["covered"] == covered(out, chosen)
    assert second["after"]["covered"] == covered(out, chosen, other)
    for one in plan["services"]:
        gains = sum(s["gains"][one["service"]] for s in plan["sites"])
        assert gains == one["after"]["covered"] - one["baseline"]["covered"]


def test_the_worst_off_township_first(out: Path) -> None:
    fair = site(out, n=2, worst_first=True)
    most = site(out, n=2)
    assert fair["proven"] and all(
        level["proven"] for level in fair["fairness"]["levels"]
    )
    assert fair["objective"] <= most["objective"]

    def rates(plan: dict[str, Any]) -> list[float]:
        return sorted(t["rate_after"] for t in plan["townships"] if t["total"])

    assert rates(fair) >= rates(most)
    lowest = {round(level["rate"], 12) for level in fair["fairness"]["levels"]}
    assert lowest <= {round(rate, 12) for rate in rates(fair)}


def test_planned_facilities_can_count(out: Path, snapshot: Snapshot) -> None:
    status = snapshot.table("facilities")["status"]
    plain, planned = site(out, n=1), site(out, n=1, count_planned=True)
    assert planned["counts_planned"] and not plain["counts_planned"]
    more = planned["n_existing"] - plain["n_existing"]
    assert 0 <= more <= int((status == "planned").sum())
    assert planned["baseline"]["covered"] >= plain["baseline"]["covered"]


def test_sources_are_joined(out: Path, seats: list[dict[str, Any]]) -> None:
    extra = {"lon": seats[0]["lon"], "lat": seats[0]["lat"], "id": "X", "cost": 1}
    plan = site(
        out,
        budget=3,
        site_cost=3,
        candidates="community_centres+layer",
        layer=layer(extra),
    )
    assert plan["n_candidates"] == len(seats) + 1
    # the same place for less money is never worse
    assert plan["objective"] >= covered(out, [extra])


def test_years_by_budget(out: Path) -> None:
    plan = site(out, n=3, site_cost=10, budget_per_year=[10, 20])
    assert [s["year"] for s in plan["sites"]] == [1, 2, 2]
    with pytest.raises(InfeasibleError, match="不足以建成"):
        site(out, n=3, site_cost=10, budget_per_year=[10, 10])


@pytest.fixture(scope="module")
def places_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a result with a service whose facilities can be full."""
    folder = tmp_path_factory.mktemp("places")
    study = write_study(folder / "study")
    text = """services:
  day_care_beds: {name: 日间照料（按床位）, group: people_60, profile: walking,
    categories: [day_care, elderly_complex], limit_s: 900, capacity: beds,
    people_per_unit: 3}
"""
    (study / "services.yaml").write_text(text, encoding="utf-8")
    with (study / "study.toml").open("a", encoding="utf-8") as spec:
        spec.write('\n[services]\nfile = "services.yaml"\n')
    run_study(load_study(study, as_of=dt.date(2023, 12, 31)), folder / "out")
    return folder / "out"


@pytest.mark.parametrize("n", [1, 2])
def test_places_against_every_plan(places_out: Path, n: int) -> None:
    service = {"service": "day_care_beds", "minutes": 15}
    plan = site(places_out, **service, n=n, capacity=20)
    version = open_current(places_out).version
    ground = open_ground(places_out, version, service="day_care_beds", minutes=15)
    row = ground.snapshot.table("coverage")
    row = row[
        (row["level"] == "county")
        & (row["service"] == "day_care_beds")
        & (row["limit_s"] == 900.0)
        & (row["denominator"] == "people_60")
        & (row["variant"] == "with_neighbours")
    ].iloc[0]
    # the start equals the run's own table, to the person
    assert plan["baseline"]["covered"] == row["covered"]
    places = plan["capacity"]
    assert places["nearest_first_before"] == row["covered"]
    assert places["assigned_before"] >= row["covered"]
    assert places["assigned_after"] == plan["objective"] == plan["bound"]
    assert places["nearest_first_after"] <= places["assigned_after"]
    assert plan["after"]["covered"] == places["nearest_first_after"]
    seats = ground.snapshot.table("divisions")
    seats = seats[seats["level"] == "community"]
    snapped = ground.snap(seats["lon"].to_numpy(float), seats["lat"].to_numpy(float))
    assert ground.capacity_people is not None
    old = ground.capacity_people[ground.existing]
    stands = ground.network.facility.take(ground.existing)
    for chosen in itertools.combinations(range(len(seats)), n):
        sites = snapped.take(np.array(chosen))
        reach = ground.reach(joined(stands, sites))
        capacity = np.concatenate([old, np.full(n, 60.0)])
        engine = fill(reach, ground.people, capacity).split
        assert float(np.nansum(engine.covered)) <= plan["objective"]
    left = plan["without"]
    assert left["people"] == plan["after"]["total"] - plan["after"]["covered"]
    assert plan["sites"][-1]["cumulative_covered"] == plan["objective"]


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"n": 1}, ParameterError, "capacity"),
        ({"n": 1, "capacity": 5, "worst_first": True}, ParameterError, "容量"),
        ({"n": 1, "capacity": 5, "least_share": 0.5}, ParameterError, "容量"),
        ({"goal": "p_median", "n": 1, "capacity": 5}, ParameterError, "容量"),
        ({"goal": "min_sites", "share": 0.5, "capacity": 5}, ParameterError, "容量"),
    ],
)
def test_what_places_cannot_mean(
    places_out: Path, asked: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        site(places_out, service="day_care_beds", minutes=15, **asked)


SPOT = {"lon": 113.3701, "lat": 31.7302}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"n": 1, "capacity": 5}, "没有容量限制"),
        ({"n": 1, "also": [{"service": "nothing"}]}, "nothing"),
        (
            {"n": 1, "candidates": "layer",
             "layer": layer({**SPOT, "id": "a"}, {**SPOT, "id": "a"})},
            "多个编号",
        ),
        (
            {"budget": 3, "candidates": "layer",
             "layer": layer({**SPOT, "cost": 1}, {**SPOT, "name": "无价"})},
            "无价",
        ),
        (
            {"budget": 3, "candidates": "layer", "layer": layer({**SPOT, "cost": 9})},
            "低于最便宜",
        ),
        ({"n": 1, "require": [{"zone": "nothing", "distance_m": 5}]}, "nothing"),
        ({"n": 9, "candidates": "layer", "layer": layer(SPOT)}, "只有 1 个"),
        ({"n": 1, "least_share": 1.0}, "最低覆盖率"),
    ],
)  # fmt: skip
def test_impossible_requests_are_explained(
    out: Path, asked: dict[str, Any], words: str
) -> None:
    with pytest.raises(PlannerError, match=words):
        site(out, **asked)


@pytest.mark.parametrize(
    "asked",
    [
        {"n": 1, "capacity": -1},
        {"n": 1, "worst_first": True, "least_share": 0.5},
        {"goal": "min_sites", "share": 0.5, "worst_first": True},
        {"n": 1, "also": [{"service": SERVICE}]},
        {"n": 1, "weight": 2},
        {"n": 1, "also": [{"service": "x", "weight": 0}]},
        {"goal": "p_median", "n": 1, "also": [{"service": "x"}]},
        {"n": 1, "also": [{"service": "x"}], "worst_first": True},
        {"n": 1, "candidates": "layer"},
        {"n": 1, "layer": layer(SPOT)},
        {"n": 1, "candidates": "layer", "layer": layer({"lon": 200, "lat": 0})},
        {"n": 1, "candidates": "layer", "layer": layer({**SPOT, "cost": -1})},
        {"n": 1, "candidates": "layer", "layer": {"type": "Feature"}},
        {"n": 1, "candidates": "generated+nothing"},
        {"n": 1, "upgrade_cost": 3},
        {"n": 1, "site_cost": 1, "sites_per_year": [1], "budget_per_year": [1]},
        {"n": 1, "budget_per_year": [1]},
    ],
)
def test_requests_that_mean_nothing_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SitingRequest.model_validate(
            {"goal": "max_people", "service": SERVICE, **asked}
        )
