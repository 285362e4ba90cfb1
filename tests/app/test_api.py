"""The API over the small snapshot: figures, filters, paging, versions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely
from starlette.testclient import TestClient

from service_cases import API, assert_problem, make_client
from snapshot_cases import (
    AS_OF,
    COMMUNITIES,
    COUNTY,
    EAST,
    EMPTY,
    HOSTILE,
    NOTICE,
    OTHER_COUNTY,
    TWIN,
    WEST,
    make_manifest,
    make_tables,
    write_small_snapshot,
)
from yikezhong_app.schemas import answers as schemas
from yikezhong_app.snapshots.snapshot import write_snapshot


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    write_small_snapshot(folder)
    return folder


@pytest.fixture(scope="module")
def client(out: Path) -> Iterator[TestClient]:
    with make_client(out) as opened:
        yield opened


def get(client: TestClient, path: str, **parameters: Any) -> dict[str, Any]:
    """Return an answer after checking what every answer carries."""
    response = client.get(f"{API}/{path}", params=parameters)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    assert body["as_of"] == AS_OF
    assert body["notice"] == NOTICE
    assert body["version"].startswith(AS_OF)
    assert response.headers["x-snapshot-version"] == body["version"]
    return body


def test_study_says_what_there_is(client: TestClient) -> None:
    study = get(client, "study")
    schemas.Study.model_validate(study)
    assert study["name"] == "小城"
    assert study["map"] == {"issuer": "某测绘院", "approval_number": "鄂S(2023)001号"}
    assert {level["id"]: level["count"] for level in study["levels"]} == {
        "county": 2,
        "township": 4,
        "community": 4,
    }
    circle = study["services"][0]
    assert circle["minutes"] == [5, 15, 30]
    assert circle["limit_minutes"] == 15
    assert circle["denominators"] == ["people_60", "people"]
    assert study["totals"] == {
        "people": 5000.0,
        "people_60": 1000.0,
        "people_65": None,
        "people_80": None,
        "children": None,
        "households": None,
    }
    assert study["data_report"][0]["set_aside"] == 1
    assert study["bounds"] == pytest.approx([113, 31, 113.6, 31.2])


@pytest.mark.parametrize(
    ("parameters", "codes"),
    [
        ({"level": "county"}, [COUNTY, OTHER_COUNTY]),
        ({"level": "township", "parent": COUNTY}, [WEST, EAST, EMPTY]),
        ({"level": "township", "parent": "421303"}, [WEST, EAST, EMPTY]),
        ({"parent": "421303001"}, list(COMMUNITIES[:2])),
        ({"parent": "西城街道"}, list(COMMUNITIES[:2])),
        ({"level": "community", "parent": COUNTY}, list(COMMUNITIES)),
        ({"q": "东城"}, [EAST, TWIN]),
        ({"q": "421321"}, [OTHER_COUNTY, TWIN]),
        ({"q": "没有这个"}, []),
    ],
)
def test_divisions_are_filtered(
    client: TestClient, parameters: dict[str, str], codes: list[str]
) -> None:
    body = get(client, "divisions", **parameters)
    assert [row["code"] for row in body["items"]] == codes
    assert body["total"] == len(codes)
    schemas.PageOf[schemas.DivisionRow].model_validate(body)


def test_unknown_people_are_null_not_zero(client: TestClient) -> None:
    rows = {r["code"]: r for r in get(client, "divisions")["items"]}
    assert rows[TWIN]["people"] is None
    assert rows[EMPTY]["people"] == 0
    assert rows[COUNTY]["estimated"] == ["people_60"]


def test_pages_follow_each_other(client: TestClient) -> None:
    first = get(client, "divisions", level="township", limit=3)
    assert (first["total"], first["limit"], first["offset"]) == (4, 3, 0)
    assert "prev" not in first["links"]
    second = client.get(first["links"]["next"]).json()
    assert "next" not in second["links"]
    codes = [r["code"] for r in first["items"] + second["items"]]
    assert codes == [WEST, EAST, EMPTY, TWIN]
    assert client.get(second["links"]["prev"]).json()["items"] == first["items"]


def test_boundaries_are_simplified_without_gaps(client: TestClient) -> None:
    body = get(client, "divisions", level="township", format="geojson", simplify=200)
    schemas.FeaturesOf[schemas.DivisionRow].model_validate(body)
    shapes = [shapely.from_geojson(json.dumps(f["geometry"])) for f in body["features"]]
    assert shapely.coverage_is_valid(shapes)
    assert shapely.union_all(shapes).area == pytest.approx(0.12)
    assert [f["id"] for f in body["features"]] == [WEST, EAST, EMPTY, TWIN]


@pytest.mark.parametrize("code", [WEST, "421303001", "西城街道", "东城街道?"])
def test_a_township_is_found_by_either_code_or_its_name(
    client: TestClient, code: str
) -> None:
    response = client.get(f"{API}/townships/{code}")
    if code == "东城街道?":
        assert_problem(response, 404, "unknown-division")
        return
    body = response.json()
    schemas.Township.model_validate(body)
    item = body["item"]
    assert item["code"] == WEST
    assert [a["code"] for a in item["above"]] == [COUNTY]
    assert item["n_communities"] == 2
    assert item["facility_counts"] == {"day_care": 1}
    assert item["gap_counts"] == {"elderly_circle": 1}
    rates = {r["service"]: r["rate"] for r in item["coverage"]}
    assert rates == {"elderly_circle": 0.5, "meal_circle": 0.5}


def test_an_ambiguous_name_lists_the_codes(client: TestClient) -> None:
    problem = assert_problem(client.get(f"{API}/townships/东城"), 422, "ambiguous-name")
    assert problem["available"] == [EAST, TWIN]


def test_a_county_is_not_a_township(client: TestClient) -> None:
    problem = assert_problem(
        client.get(f"{API}/townships/{COUNTY}"), 404, "unknown-division"
    )
    assert "县市区" in problem["detail"]


def test_coverage_of_a_level(client: TestClient) -> None:
    body = get(
        client, "coverage", level="township", service="elderly_circle", minutes=5
    )
    schemas.PageOf[schemas.CoverageRow].model_validate(body)
    rows = {r["code"]: r for r in body["items"]}
    assert set(rows) == {WEST, EAST, EMPTY, TWIN}
    west = rows[WEST]
    assert west["name"] == "西城街道"
    assert west["denominator"] == "people_60"
    assert west["denominator_name"] == "60岁及以上人口"
    assert west["variant"] == "with_neighbours"
    assert (west["total"], west["covered"]) == (600.0, 100.0)
    assert west["rate"] == pytest.approx(1 / 6)
    assert west["covered"] + west["full"] + west["out_of_reach"] == west["total"]


def test_coverage_defaults_are_each_services_own(client: TestClient) -> None:
    rows = get(client, "coverage", parent=COUNTY)["items"]
    assert {(r["service"], r["limit_s"], r["denominator"]) for r in rows} == {
        ("elderly_circle", 900.0, "people_60"),
        ("meal_circle", 900.0, "people_60"),
    }
    every = get(
        client,
        "coverage",
        minutes="all",
        denominator="all",
        variant="all",
        parent=COUNTY,
    )
    assert every["total"] == 3 * 2 * 3 * 2 * 2


@pytest.mark.case(67, 95)
def test_a_rate_that_is_not_a_number_is_null_with_its_reason(
    client: TestClient,
) -> None:
    response = client.get(f"{API}/coverage", params={"service": "elderly_circle"})
    assert "NaN" not in response.text
    assert "Infinity" not in response.text
    rows = {r["code"]: r for r in response.json()["items"]}
    assert rows[EMPTY]["rate"] is None
    assert rows[EMPTY]["rate_note"] == "没有人口，覆盖率不适用"
    assert rows[EMPTY]["total"] == 0
    assert rows[TWIN]["rate"] is None
    assert rows[TWIN]["total"] is None
    assert "人口未知" in rows[TWIN]["rate_note"]


def test_township_coverage_equals_the_list(client: TestClient) -> None:
    asked = {"service": "elderly_circle", "minutes": 30, "variant": "own"}
    one = get(client, f"townships/{WEST}/coverage", **asked)["items"]
    many = get(client, "coverage", level="township", **asked)["items"]
    assert one == [r for r in many if r["code"] == WEST]
    assert len(one) == 1


def test_gaps_have_reasons_places_and_the_nearest_facility(client: TestClient) -> None:
    body = get(client, "gaps", service="elderly_circle", minutes=15, format="geojson")
    schemas.FeaturesOf[schemas.GapRow].model_validate(body)
    first = body["features"][0]
    assert first["geometry"]["type"] == "Point"
    assert first["properties"]["nearest_facility_name"] == "西城日间照料"
    assert first["properties"]["reason_name"] == "距离过远"
    assert first["properties"]["people_without"] == 300.0
    assert first["properties"]["parent"] == WEST
    times = [f["properties"]["nearest_time_s"] for f in body["features"]]
    assert times == [1234.5, None, None, 1234.5]


@pytest.mark.parametrize(
    ("path", "parameters", "n_row"),
    [
        ("gaps", {}, 4),
        ("gaps", {"minutes": "5"}, 1),
        ("gaps", {"minutes": "all"}, 5),
        ("gaps", {"reason": "no_route"}, 1),
        ("gaps", {"level": "township"}, 1),
        ("gaps", {"parent": "421303001"}, 2),
        ("gaps", {"service": "meal_circle"}, 0),
        (f"townships/{EAST}/gaps", {}, 2),
        (f"townships/{TWIN}/gaps", {}, 0),
        ("facilities", {}, 4 + len(HOSTILE)),
        ("facilities", {"category": "day_care"}, 2),
        ("facilities", {"category": "day_care", "status": "open"}, 1),
        ("facilities", {"service": "elderly_circle"}, 4 + len(HOSTILE)),
        ("facilities", {"service": "meal_circle"}, 2),
        ("facilities", {"township": "421303001"}, 1),
        ("facilities", {"bbox": "113.0,31.0,113.125,31.2"}, 2),
        ("circles", {"format": "json"}, 1),
        ("circles", {"format": "json", "union": "false"}, 1),
        ("circles", {"format": "json", "facility": "F1", "minutes": 15}, 1),
        ("circles", {"format": "json", "facility": "F2"}, 0),
        ("roads", {"format": "json"}, 2),
        ("roads", {"format": "json", "merge": "false"}, 3),
        ("roads", {"format": "json", "class": "primary", "merge": "false"}, 2),
        ("data-report", {}, 2),
        ("data-report", {"action": "set_aside"}, 1),
    ],
)
def test_filters(
    client: TestClient, path: str, parameters: dict[str, str], n_row: int
) -> None:
    body = get(client, path, **parameters)
    assert body["total"] == n_row
    assert len(body["items"]) == n_row


def test_a_facility_without_a_point_has_null_geometry(client: TestClient) -> None:
    features = get(client, "facilities", format="geojson")["features"]
    by_id = {f["id"]: f for f in features}
    assert by_id["F4"]["geometry"] is None
    assert by_id["F1"]["geometry"] == {"type": "Point", "coordinates": [113.02, 31.1]}
    assert by_id["F2"]["properties"]["functions"] is None
    assert by_id["F4"]["properties"]["functions"] == []
    assert by_id["F4"]["properties"]["flags"] == ["undated", "no_point"]
    assert by_id["F4"]["properties"]["snap_m"] is None


def test_circles_and_roads_are_shapes_by_default(client: TestClient) -> None:
    circles = get(client, "circles", service="elderly_circle")
    assert circles["type"] == "FeatureCollection"
    assert circles["features"][0]["properties"]["facility_id"] is None
    roads = get(client, "roads")
    assert roads["features"][0]["geometry"]["type"] == "MultiLineString"
    assert roads["features"][0]["properties"] == {
        "class": "primary",
        "n_edge": 2,
        "length_m": 1250.0,
    }


def test_a_request_keeps_its_version_and_the_next_gets_the_new_one(
    tmp_path: Path,
) -> None:
    write_small_snapshot(tmp_path)
    with make_client(tmp_path) as client:
        old = get(client, "study")
        write_small_snapshot(tmp_path, name="大城")
        new = get(client, "study")
    assert old["name"] == "小城"
    assert new["name"] == "大城"
    assert old["version"] != new["version"]


def test_a_result_without_some_tables_is_still_served(tmp_path: Path) -> None:
    tables = make_tables()
    few = {name: tables[name] for name in ("divisions", "facilities")}
    write_snapshot(tmp_path, few, manifest=make_manifest(services=[]))
    with make_client(tmp_path) as client:
        for path in ("study", f"townships/{WEST}", "divisions", "facilities"):
            get(client, path)
        for path in ("coverage", "gaps", "circles", "roads", "data-report"):
            for fmt in ("json", "csv", "xlsx", "geojson"):
                if (path, fmt) == ("data-report", "geojson"):
                    continue
                response = client.get(f"{API}/{path}", params={"format": fmt})
                assert response.status_code == 200, (path, fmt, response.text)
            assert get(client, path, format="json")["items"] == []


def test_buildings_are_not_called_people(tmp_path: Path) -> None:
    tables = make_tables()
    tables["divisions"]["population_basis"] = "buildings"
    write_snapshot(tmp_path, tables, manifest=make_manifest())
    with make_client(tmp_path) as client:
        asked = {"denominator": "people", "limit": 1}
        (row,) = get(client, "coverage", **asked)["items"]
        names = {d["id"]: d["name"] for d in get(client, "study")["denominators"]}
    assert row["denominator_name"] == names["people"] == "居住建筑（代替人口）"


#: The only addresses that take more than reading.
WRITING = {
    "candidates": {"post"},
    "evaluations": {"post"},
    "jobs/{job_id}": {"get", "delete"},
    "scenarios": {"get", "post"},
    "sitings": {"get", "post"},
    "sitings/{job_id}": {"get", "delete"},
    "speed-comparisons": {"post"},
    "uploads": {"get", "post"},
    "uploads/{upload_id}": {"get", "delete"},
    "uploads/{upload_id}/confirm": {"post"},
}


def test_the_description_of_the_api_is_whole(client: TestClient) -> None:
    body = client.get(f"{API}/openapi.json").json()
    paths = {p for p in body["paths"] if p.startswith(API)}
    assert paths == {
        f"{API}/{name}"
        for name in (
            "study",
            "divisions",
            "townships/{code}",
            "townships/{code}/coverage",
            "townships/{code}/gaps",
            "townships/{code}/scorecard",
            "counties/{code}/scorecard",
            "prefectures/{code}/scorecard",
            "indicators",
            "indicators/{indicator_id}",
            "coverage",
            "coverage/columns",
            "divisions/columns",
            "facilities/clusters",
            "indicators/{id}/columns",
            "tiles/{key}/{z}/{x}/{y}",
            "gaps",
            "gap-areas",
            "plan-gaps",
            "access",
            "equity",
            "robustness",
            "scenarios/{scenario_id}",
            "scenarios/{scenario_id}/points",
            "scenarios/{scenario_id}/report.{form}",
            "siting-options",
            "sitings/{job_id}/map.{form}",
            "sitings/{job_id}/report.{form}",
            "sitings/{job_id}/sites",
            "uploads/{upload_id}/report",
            "versions",
            "versions/{before}/{after}",
            "facilities",
            "circles",
            "roads",
            "data-report",
            "maps.html",
            "maps.png",
            "maps.svg",
            "reports/{code}.docx",
            "reports/{code}.xlsx",
            "session",
            *WRITING,
        )
    }
    text = json.dumps(body)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        node: Any = body
        for key in reference.removeprefix("#/").split("/"):
            node = node[key]
    for path, operations in body["paths"].items():
        name = path.removeprefix(f"{API}/")
        assert set(operations) == WRITING.get(name, {"get"}), path


def test_the_way_in(client: TestClient) -> None:
    response = client.get("/", follow_redirects=False)
    assert response.status_code == 307
    assert response.headers["location"] == "/maps/"


def test_a_page_of_repeated_boundaries_is_small(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yikezhong_app.routes.coverage._MOST_SHAPES", 3)
    with make_client(out) as client:
        asked = {"service": "elderly_circle", "limit": 1000}
        body = get(client, "coverage", format="geojson", **asked)
        assert (body["total"], body["limit"], len(body["features"])) == (4, 3, 3)
        rest = client.get(body["links"]["next"]).json()["features"]
        assert [f["properties"]["code"] for f in rest] == [TWIN]
        assert len(get(client, "coverage", **asked)["items"]) == 4
