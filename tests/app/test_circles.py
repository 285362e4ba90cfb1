"""Circles at any place and limit: the same people and shape as the engine's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from starlette.testclient import TestClient

from indicator_cases import DemoRun
from service_cases import API, assert_problem, make_client
from yikezhong_app.circles import asking
from yikezhong_app.circles.computing import run_circle
from yikezhong_app.jobs.pool import PoolLimits
from yikezhong_app.reading.catalog import Catalog, load_catalog
from yikezhong_app.runs.plan_network import network_at
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_app.tables.networks import read_network
from yikezhong_geodata.columns import CRS, EQUAL_AREA_CRS, GROUPS


@pytest.fixture(scope="module")
def catalog(county_run: DemoRun) -> Catalog:
    return load_catalog(open_current(county_run.out))


@pytest.fixture(scope="module")
def client(county_run: DemoRun) -> Iterator[TestClient]:
    with make_client(county_run.out) as opened:
        yield opened


def payload(catalog: Catalog, **changes: Any) -> dict[str, Any]:
    folder = catalog.snapshot.folder.parent.parent
    return {
        "out": str(folder),
        "version": catalog.version,
        "facility": None,
        "lon": None,
        "lat": None,
        "profile": "walking",
        "speed_mps": None,
        "minutes": 15.0,
        "simplify_m": 0.0,
        **changes,
    }


def nothing(step: str, fraction: float) -> None:
    raise AssertionError("a circle is computed at once")


def facilities_on_roads(catalog: Catalog, n: int) -> list[dict[str, Any]]:
    rows = [row for row in catalog.facilities if row["snap_status"] == "ok"]
    return rows[:: max(1, len(rows) // n)][:n]


@pytest.mark.parametrize(
    ("profile", "minutes", "speed"),
    [("walking", 15.0, None), ("walking", 40.0, 0.8), ("driving", 11.0, None)],
)
def test_people_are_those_that_the_engine_finds_for_a_facility_there(
    catalog: Catalog, profile: str, minutes: float, speed: float | None
) -> None:
    network = read_network(catalog.snapshot, profile)
    if speed is not None:
        network = network_at(network, speed)
    demand = catalog.snapshot.table("demand")
    reached_any = 0
    for row in facilities_on_roads(catalog, 12):
        at = [i for i, f in enumerate(catalog.facilities) if f["id"] == row["id"]]
        nearest = network.nearest(np.array(at))
        within = nearest.time_s <= minutes * 60.0
        asked = payload(
            catalog,
            lon=row["lon"],
            lat=row["lat"],
            profile=profile,
            minutes=minutes,
            speed_mps=speed,
        )
        found = run_circle(asked, nothing)["row"]
        assert found["demand_points"] == within.sum()
        for group in GROUPS:
            known = demand.loc[within, group].dropna()
            if len(known):
                assert found[group] == known.sum(), group  # exact, to the last bit
            else:
                assert found[group] == (0.0 if not within.any() else None)
        assert found["speed_mps"] == network.leg_speed_mps
        reached_any += found["demand_points"]
    assert reached_any > 0


def test_the_shape_is_the_circle_of_the_run(catalog: Catalog) -> None:
    table = catalog.snapshot.geo_table("circles")
    own = table[table["facility_id"].notna() & (table["profile"] == "walking")]
    rows = {row["id"]: row for row in catalog.facilities}
    for _, circle in own.iloc[:: max(1, len(own) // 10)].head(10).iterrows():
        place = rows[circle["facility_id"]]
        minutes = circle["limit_s"] / 60.0
        asked = payload(catalog, lon=place["lon"], lat=place["lat"], minutes=minutes)
        found = run_circle(asked, nothing)
        if circle.geometry.is_empty:
            assert found["geometry"] in ("", '{"type":"MultiPolygon","coordinates":[]}')
            continue
        shape = shapely.from_geojson(found["geometry"])
        # the answer is rounded to 1e-5 degrees, a metre
        common = shapely.intersection(shape, circle.geometry).area
        assert common / shapely.union(shape, circle.geometry).area > 0.99
        plane = gpd.GeoSeries([circle.geometry], crs=CRS).to_crs(EQUAL_AREA_CRS)
        assert found["row"]["area_m2"] == pytest.approx(plane.area.iloc[0], rel=1e-9)
        by_id = payload(catalog, facility=place["id"], minutes=minutes)
        assert run_circle(by_id, nothing)["row"]["people"] == found["row"]["people"]


def test_snapping_among_the_near_edges_only_changes_nothing(catalog: Catalog) -> None:
    from yikezhong_app.circles.computing import _ground
    from yikezhong_app.web.request_errors import NoRoadError
    from yikezhong_coverage.snap import snap_points

    asked = payload(catalog)
    ground = _ground(asked["out"], asked["version"], "walking", None)
    graph = ground.network.graph
    random = np.random.default_rng(5)
    lon = random.uniform(graph.node_lon.min(), graph.node_lon.max(), 200)
    lat = random.uniform(graph.node_lat.min(), graph.node_lat.max(), 200)
    every = snap_points(
        graph, lon, lat, usable=ground.network.usable, max_snap_m=ground.max_snap_m
    )
    on_road = 0
    for i in range(200):
        if every.edge[i] < 0:
            with pytest.raises(NoRoadError):
                ground.snap(float(lon[i]), float(lat[i]))
            continue
        one = ground.snap(float(lon[i]), float(lat[i]))
        assert (one.edge[0], one.along_m[0]) == (every.edge[i], every.along_m[i])
        on_road += 1
    assert 0 < on_road < 200


def test_the_api_answers_any_point_and_any_minutes(
    client: TestClient, catalog: Catalog
) -> None:
    place = facilities_on_roads(catalog, 1)[0]
    at = {"lon": place["lon"], "lat": place["lat"], "minutes": 17.5}
    answer = client.get(f"{API}/circles", params=at)
    assert answer.headers["content-type"] == "application/geo+json"
    (feature,) = answer.json()["features"]
    assert shapely.from_geojson(json.dumps(feature["geometry"])).is_valid
    row = feature["properties"]
    assert row["minutes"] == 17.5 and row["people_60"] > 0 and row["area_m2"] > 0
    plain = client.get(f"{API}/circles", params={**at, "format": "json"}).json()
    assert plain["items"] == [row]
    tag = answer.headers["etag"]
    again = client.get(f"{API}/circles", params=at, headers={"If-None-Match": tag})
    assert again.status_code == 304
    by_id = {"facility": place["id"], "minutes": 17.5, "format": "json"}
    (same,) = client.get(f"{API}/circles", params=by_id).json()["items"]
    assert same["people_60"] == row["people_60"]
    slower = client.get(f"{API}/circles", params={**at, "speed": 0.8, "format": "json"})
    (slow,) = slower.json()["items"]
    assert slow["people"] <= row["people"] and slow["area_m2"] < row["area_m2"]
    # what the run computed is still answered from the run
    stored = {"facility": place["id"], "format": "json"}
    assert all(
        item["area_m2"] is None if "area_m2" in item else True
        for item in client.get(f"{API}/circles", params=stored).json()["items"]
    )


def test_what_cannot_be_a_circle_is_told(client: TestClient, catalog: Catalog) -> None:
    far = client.get(f"{API}/circles?lon=100&lat=20")
    problem = assert_problem(far, 422, "no-road")
    assert "500" in problem["detail"]
    for bad, name in (
        ("lon=113", "parameter"),
        ("lat=31", "parameter"),
        ("lon=113&lat=31&minutes=all", "parameter"),
        ("lon=113&lat=31&facility=x", "parameter"),
        ("lon=113&lat=31&service=nothing", "parameter"),
        ("speed=1", "parameter"),
        ("lon=nan&lat=31", "validation"),
        ("lon=113&lat=inf", "validation"),
        ("lon=181&lat=31", "validation"),
        ("lon=113&lat=31&minutes=0", "validation"),
        ("lon=113&lat=31&minutes=120.1", "validation"),
        ("lon=113&lat=31&minutes=nan", "validation"),
        ("lon=113&lat=31&speed=1e308", "validation"),
        ("lon=113&lat=31&speed=0", "validation"),
    ):
        assert_problem(client.get(f"{API}/circles?{bad}"), 422, name)
    unknown = client.get(f"{API}/circles?facility=nobody&minutes=7")
    assert_problem(unknown, 404, "unknown-record")
    lost = [row["id"] for row in catalog.facilities if row["lon"] is None]
    if lost:
        params: dict[str, Any] = {"facility": lost[0], "minutes": 7}
        assert_problem(client.get(f"{API}/circles", params=params), 422, "no-road")


@pytest.mark.case("readers", "equal requests")
def test_equal_requests_are_one_computation_and_readers_do_not_wait(
    client: TestClient, catalog: Catalog
) -> None:
    place = facilities_on_roads(catalog, 3)[1]
    params = {"lon": place["lon"], "lat": place["lat"], "minutes": 23.0}
    pool = client.app.state.circles.jobs()  # type: ignore[attr-defined]
    client.get(f"{API}/circles", params={**params, "minutes": 22.0})
    before = len(pool.of_kind(asking.CIRCLE))
    with ThreadPoolExecutor(16) as readers:
        answers = [
            readers.submit(client.get, f"{API}/circles", params=params)
            for _ in range(50)
        ]
        assert client.get("/healthz").status_code == 200
        bodies = {one.result().content for one in answers}
    assert len(bodies) == 1
    assert len(pool.of_kind(asking.CIRCLE)) in (before + 1, asking.REMEMBERED)
    assert (
        sum(job.request["minutes"] == 23.0 for job in pool.of_kind(asking.CIRCLE)) == 1
    )


def test_a_process_that_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(asking.TASKS, asking.CIRCLE, "job_tasks:run")
    pool = asking.CirclePool(PoolLimits(slots=1))
    with pytest.raises(asking.UnfinishedError):
        asyncio.run(pool.compute({"what": "die"}, out=Path("x"), version="v"))
    pool.close()
