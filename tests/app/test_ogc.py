"""OGC API Features: documents against the standard's schemas, paging, filters, GDAL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import jsonschema
import pytest
import shapely
from starlette.testclient import TestClient

import ogc_schemas as schemas
from indicator_cases import DemoRun
from live_cases import serving_thread
from service_cases import ORIGIN, assert_problem, make_client
from yikezhong_app.ogc.asked import MOST
from yikezhong_app.ogc.documents import CONFORMANCE
from yikezhong_app.ogc.layers import layers_of
from yikezhong_app.snapshots.snapshot import Snapshot, open_current

ROOT = f"{ORIGIN}/ogc"
LEVELS = {"counties": "county", "townships": "township", "communities": "community"}
COLLECTIONS = (*LEVELS, "facilities", "circles", "gaps", "gap-areas")
TABLES = {
    "facilities": "facilities",
    "circles": "circles",
    "gap-areas": "gap_areas",
}


@pytest.fixture(scope="module")
def client(county_run: DemoRun) -> Iterator[TestClient]:
    with make_client(county_run.out) as opened:
        yield opened


@pytest.fixture(scope="module")
def snapshot(county_run: DemoRun) -> Snapshot:
    return open_current(county_run.out)


def get(client: TestClient, path: str, schema: Any, **asked: Any) -> dict[str, Any]:
    answer = client.get(f"/ogc{path}", params=asked)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    check(document, schema)
    return document


def check(document: dict[str, Any], schema: Any) -> None:
    """Validate a document; of many features the first and the last.

    Large shapes, which would take a validator seconds, are seen by GDAL below.
    """
    if "features" in document:
        some = [*document["features"][:3], *document["features"][-2:]]
        document = {**document, "features": [without_large_shape(one) for one in some]}
    jsonschema.validate(without_large_shape(document), schema)


def without_large_shape(feature: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(feature.get("geometry"))) < 20_000:
        return feature
    return {**feature, "geometry": None}


def href(document: dict[str, Any], rel: str) -> str | None:
    found = [one["href"] for one in document["links"] if one["rel"] == rel]
    assert len(found) <= 1, found
    return found[0] if found else None


def all_features(client: TestClient, id_: str, **asked: Any) -> list[dict[str, Any]]:
    page = get(client, f"/collections/{id_}/items", schemas.FEATURES, **asked)
    found, matched = list(page["features"]), page["numberMatched"]
    while (following := href(page, "next")) is not None:
        parts = urlsplit(following)
        page = client.get(f"{parts.path}?{parts.query}").json()
        check(page, schemas.FEATURES)
        assert page["numberReturned"] == len(page["features"]) > 0
        assert page["numberMatched"] == matched
        assert href(page, "prev")
        found += page["features"]
    assert len(found) == matched
    return found


def test_every_link_leads_to_what_it_says(client: TestClient) -> None:
    landing = get(client, "", schemas.LANDING)
    assert get(client, "/", schemas.LANDING)["links"] == landing["links"]
    declared = get(client, "/conformance", schemas.CONFORMANCE)["conformsTo"]
    assert tuple(declared) == CONFORMANCE
    seen, waiting = set(), [landing]
    while waiting:
        for one in waiting.pop()["links"]:
            if one["href"] in seen:
                continue
            seen.add(one["href"])
            assert one["href"].startswith(ORIGIN)
            answer = client.get(one["href"])
            assert answer.status_code == 200, one
            kind = answer.headers["content-type"].replace(" ", "")
            assert kind.startswith(one["type"].split(";")[0]), one
            if "json" not in kind:
                continue
            document = answer.json()
            waiting += [
                d for d in [document, *document.get("collections", [])] if "links" in d
            ]
            if len(seen) > 60:
                return


def test_the_collections_are_those_of_the_result(client: TestClient) -> None:
    document = get(client, "/collections", schemas.COLLECTIONS)
    assert [one["id"] for one in document["collections"]] == list(COLLECTIONS)
    for one in document["collections"]:
        assert get(client, f"/collections/{one['id']}", schemas.COLLECTION) == one
        west, south, east, north = one["extent"]["spatial"]["bbox"][0]
        assert 110 < west < east < 116 and 29 < south < north < 34


@pytest.mark.parametrize("id_", COLLECTIONS)
def test_pages_together_are_the_whole_collection(
    client: TestClient, snapshot: Snapshot, id_: str
) -> None:
    found = all_features(client, id_, limit=997)
    ids = [feature["id"] for feature in found]
    assert len(set(ids)) == len(ids)
    if id_ in LEVELS:
        level = snapshot.table("divisions")["level"] == LEVELS[id_]
        assert len(found) == level.sum()
        coverage = snapshot.table("coverage")
        at = found[0]["properties"]
        row = coverage[
            (coverage["code"] == at["code"])
            & (coverage["service"] == "elderly_circle")
            & (coverage["limit_s"] == 900.0)
            & (coverage["denominator"] == "people_60")
            & (coverage["variant"] == "with_neighbours")
        ]
        assert at["rate_elderly_circle"] == row["rate"].iloc[0]
    elif id_ in TABLES:
        assert len(found) == len(snapshot.table(TABLES[id_]))
    else:
        assert 0 < len(found) < len(snapshot.table("gaps"))
    for id_text in (ids[0], ids[-1]):
        path = f"/collections/{id_}/items/{quote(id_text, safe='')}"
        one = get(client, path, schemas.ONE_FEATURE)
        assert one["id"] == id_text
        assert one["properties"] == found[ids.index(id_text)]["properties"]
        assert one["geometry"] == found[ids.index(id_text)]["geometry"]


def test_the_page_sizes_are_the_standards(client: TestClient) -> None:
    path = "/collections/communities/items"
    assert get(client, path, schemas.FEATURES)["numberReturned"] == 10
    largest = get(client, path, schemas.FEATURES, limit=10**17)
    assert largest["numberReturned"] == min(largest["numberMatched"], MOST)
    beyond = get(client, path, schemas.FEATURES, offset=10**6)
    assert beyond["numberReturned"] == 0 and href(beyond, "next") is None
    assert href(beyond, "prev")


@pytest.mark.parametrize("id_", ["townships", "facilities"])
def test_a_box_gives_what_meets_it(client: TestClient, id_: str) -> None:
    every = all_features(client, id_, limit=5000)
    extent = get(client, f"/collections/{id_}", schemas.COLLECTION)["extent"]
    west, south, east, north = extent["spatial"]["bbox"][0]
    middle = ((west + east) / 2, (south + north) / 2)
    box = (west, south, *middle)
    inside = all_features(client, id_, bbox=",".join(map(str, box)), limit=5000)
    area = shapely.box(*box)
    expected = [
        feature["id"]
        for feature in every
        if feature["geometry"] is not None
        and shapely.from_geojson(json.dumps(feature["geometry"])).intersects(area)
    ]
    assert 0 < len(expected) < len(every)
    assert [feature["id"] for feature in inside] == expected
    high = ",".join(map(str, (west, south, -10, *middle, 99)))
    assert len(all_features(client, id_, bbox=high, limit=5000)) == len(inside)
    around = "179,-90,178,90"  # over 180 degrees, all round the other way
    there = sum(f["geometry"] is not None for f in every)
    assert len(all_features(client, id_, bbox=around, limit=5000)) == there


def test_a_time_gives_what_was_there(client: TestClient, snapshot: Snapshot) -> None:
    table = snapshot.table("facilities")
    opened, closed = table["opened"], table["closed"]
    for text, first, last in (
        ("2020-06-30", "2020-06-30", "2020-06-30"),
        ("2020-06-30T12:00:00Z", "2020-06-30", "2020-06-30"),
        ("../2010-12-31", None, "2010-12-31"),
        ("2024-01-01/..", "2024-01-01", None),
        ("/2010-12-31", None, "2010-12-31"),
    ):
        begun = opened.isna() | (opened <= last) if last else opened.isna() | True
        lasts = closed.isna() | (closed > first) if first else closed.isna() | True
        found = all_features(client, "facilities", datetime=text, limit=5000)
        assert len(found) == (begun & lasts).sum(), text
    as_of = snapshot.manifest["as_of"]
    assert all_features(client, "counties", datetime=as_of)
    assert not all_features(client, "counties", datetime="1999-01-01")


def test_properties_can_be_asked_for(client: TestClient) -> None:
    every = all_features(client, "facilities", limit=5000)
    some = all_features(client, "facilities", limit=5000, category="day_care")
    want = [f["id"] for f in every if f["properties"]["category"] == "day_care"]
    assert [f["id"] for f in some] == want and want


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=1.5",
        "limit=",
        "limit=٣",
        "offset=-1",
        "offset=10000001",
        "bbox=1,2,3",
        "bbox=1,2,3,4,5",
        "bbox=a,b,c,d",
        "bbox=nan,0,1,1",
        "bbox=0,0,inf,1",
        "bbox=0,2,1,1",
        "bbox=0,0,999,1",
        "bbox=",
        "datetime=yesterday",
        "datetime=2020-13-01",
        "datetime=2021-01-01/2020-01-01",
        "datetime=a/b/c",
        "datetime=2020-01-01T00:00:00",
        "unknown=1",
        "limit=1&limit=2",
        "f=html",
        "bbox-crs=x",
        "%00=1",
        "name=" + "x" * 300,
    ],
)
def test_bad_and_unknown_parameters_are_400(client: TestClient, query: str) -> None:
    answer = client.get(f"/ogc/collections/townships/items?{query}")
    assert_problem(answer, 400, "bad-query")


def test_what_is_not_there_is_404_and_what_is_unknown_400(client: TestClient) -> None:
    for path in (
        "/collections/nothing",
        "/collections/nothing/items",
        "/collections/townships/items/nobody",
        "/collections/townships/items/a%2F..%2Fb",
        "/collections/townships/items/%00",
    ):
        assert_problem(client.get(f"/ogc{path}"), 404, "unknown-record")
    for path in ("", "/", "/conformance", "/collections", "/api", "/collections/gaps"):
        assert_problem(client.get(f"/ogc{path}?x=1"), 400, "bad-query")
        assert client.get(f"/ogc{path}?f=json").status_code == 200


def test_the_description_is_openapi_3_0_of_every_path(client: TestClient) -> None:
    answer = client.get("/ogc/api")
    kind = "application/vnd.oai.openapi+json;version=3.0"
    assert answer.headers["content-type"].replace(" ", "") == kind
    document = answer.json()
    assert document["openapi"].startswith("3.0.")
    assert document["servers"] == [{"url": ROOT}]
    references = json.dumps(document).count('"$ref"')
    assert references > 20

    def resolve(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                target: Any = document
                for part in node["$ref"].removeprefix("#/").split("/"):
                    target = target[part]
            for value in node.values():
                resolve(value)
        elif isinstance(node, list):
            for value in node:
                resolve(value)

    resolve(document)
    for path, item in document["paths"].items():
        assert "200" in item["get"]["responses"]
        if "{" not in path:
            assert client.get(f"/ogc{path}").status_code == 200, path


def test_answers_are_kept_and_unchanged_ones_are_not_sent(client: TestClient) -> None:
    path = "/ogc/collections/townships/items?limit=3"
    first = client.get(path)
    tag = first.headers["etag"]
    same = client.get(path, headers={"If-None-Match": tag})
    assert same.status_code == 304 and not same.content
    other = client.get(path.replace("3", "4"))
    assert other.headers["etag"] != tag


GDAL_READS = """
import json, sys, warnings
import pyogrio, shapely
warnings.simplefilter("ignore")
found = {}
for name, kind in pyogrio.list_layers(sys.argv[1]):
    info = pyogrio.read_info(sys.argv[1], layer=name, force_feature_count=True)
    meta, _, geometry, fields = pyogrio.raw.read(sys.argv[1], layer=name)
    shapes = shapely.from_wkb(geometry)
    there = shapes[~shapely.is_missing(shapes)]
    found[str(name)] = {
        "features": int(info["features"]), "rows": len(geometry),
        "crs": meta["crs"], "fields": list(meta["fields"]),
        "null": int(shapely.is_missing(shapes).sum()),
        "bounds": shapely.total_bounds(there).tolist(),
        "area": float(shapely.area(there).sum()),
    }
print(json.dumps(found))
"""


def test_gdal_reads_every_collection_from_a_live_server(county_run: DemoRun) -> None:
    # a process of its own: in ours the driver is taken out of GDAL
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("GDAL", "CPL"))}
    with serving_thread(county_run.out) as live:
        source = f"OAPIF:http://127.0.0.1:{live.port}/ogc"
        done = subprocess.run(
            [sys.executable, "-c", GDAL_READS, source],
            check=False,
            env={**plain, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert live.app is not None
        layers = layers_of(live.app.state.store.current())
        assert list(found) == list(layers) == list(COLLECTIONS)
        for id_, layer in layers.items():
            got = found[id_]
            shapes = [
                shapely.from_geojson(shape)
                for shape in layer.shapes(range(len(layer.rows)))
                if shape is not None
            ]
            assert got["features"] == got["rows"] == len(layer.rows) > 0, id_
            assert got["null"] == len(layer.rows) - len(shapes)
            assert got["area"] == pytest.approx(shapely.area(shapes).sum(), rel=1e-9)
            bounds = shapely.total_bounds(shapes)
            assert got["bounds"] == pytest.approx(bounds.tolist(), abs=1e-9)
            assert "CRS84" in got["crs"] or "4326" in got["crs"]
        assert "rate_elderly_circle" in found["townships"]["fields"]
