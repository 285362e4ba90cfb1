"""Bad requests to the service: what of cases 83–95 is not proved elsewhere."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from service_cases import API, assert_problem, make_client
from snapshot_cases import write_small_snapshot
from yikezhong_app.web.access import parse_tokens

PLANNER = "planner-secret-0123456789"
HEADERS = {"Authorization": f"Bearer {PLANNER}"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    out = tmp_path_factory.mktemp("out")
    write_small_snapshot(out)
    with make_client(out, tokens=parse_tokens(f"li:planner:{PLANNER}")) as opened:
        yield opened


SOURCES = (
    "../../../../etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "http://127.0.0.1:9/a.geojson",
    "/vsicurl/http://127.0.0.1:9/a.geojson",
    "/vsizip//etc/passwd",
    "PG:dbname=x",
    "GPKG:/etc/passwd:a",
    "\\\\127.0.0.1\\share",
    "a\x00b",
)
ADDRESSES = (
    "townships/{}",
    "townships/{}/coverage",
    "scenarios/{}",
    "sitings/{}",
    "indicators/{}",
    "coverage?service={}",
    "divisions?parent={}",
    "facilities?category={}",
    "circles?facility={}",
    "gaps?service={}",
    "coverage?scenario={}",
)


@pytest.mark.case(86)
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_path_or_an_address_is_no_source(client: TestClient, address: str) -> None:
    """Only ids are taken; nothing that names a place is opened, or said back."""
    for source in SOURCES:
        quoted = urllib.parse.quote(source, safe="")
        response = client.get(f"{API}/{address.format(quoted)}")
        assert response.status_code in (404, 422), (source, response.text)
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json"
        assert "root:" not in response.text
        assert problem["status"] == response.status_code


@pytest.mark.case(86)
def test_a_path_is_no_source_of_a_computation(client: TestClient) -> None:
    body = {"service": "elderly_circle", "goal": "max_people", "n": 1}
    for source in SOURCES:
        response = client.post(
            f"{API}/sitings", json={**body, "candidates": source}, headers=HEADERS
        )
        assert_problem(response, 422, "validation")
        response = client.post(
            f"{API}/sitings", json={**body, "service": source}, headers=HEADERS
        )
        assert response.status_code in (404, 422)


def square(at: int) -> dict[str, object]:
    corners = [[113.0, 31.0], [113.1, 31.0], [113.1, 31.1], [113.0, 31.0]]
    return {"action": "close_area", "polygon": [*corners[:3], [113.0, 31.0 + at / 1e4]]}


def site(at: int) -> dict[str, object]:
    return {
        "action": "add",
        "id": f"n{at}",
        "category": "day_care",
        "lon": 113,
        "lat": 31,
    }


@pytest.mark.case(90)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("sitings", {"service": "elderly_circle", "goal": "max_people", "n": 1,
                     "candidates": "points", "points": [[113, 31]] * 10_001}),
        ("sitings", {"service": "elderly_circle", "goal": "max_people", "n": 10_001}),
        ("evaluations", {"service": "elderly_circle", "sites": [[113, 31]] * 10_001}),
        ("scenarios", {"name": "a", "changes": [site(i) for i in range(10_001)]}),
        ("scenarios", {"name": "a", "changes": [square(i) for i in range(201)]}),
    ],
    ids=["points", "n", "sites", "changes", "polygons"],
)  # fmt: skip
def test_too_much_at_once_names_the_limit(
    client: TestClient, path: str, body: dict[str, object]
) -> None:
    response = client.post(f"{API}/{path}", json=body, headers=HEADERS)
    assert response.status_code in (413, 422), response.text
    limit = "200" if "square" in str(body) or "polygon" in str(body) else "10000"
    said = response.json()
    text = json.dumps(said, ensure_ascii=False).replace(",", "").replace(" ", "")
    assert limit in text or response.status_code == 413, said
    assert len(response.content) < 10_000  # the request is not said back


@pytest.mark.case(20)
@pytest.mark.parametrize("path", ["sitings", "evaluations", "scenarios"])
@pytest.mark.parametrize(
    "content",
    [b"[" * 200_000, b'{"a":' * 100_000, b'{"n": NaN}', b'{"n": 1e999}', b"\xff\xfe",
     b'{"n": Infinity}', b"", b"null", b"[]", b'{"service": "\\ud800"}', b'{"n": ' + b"9" * 5000 + b"}"],
    ids=["list", "object", "nan", "1e999", "utf16", "inf", "empty", "null", "array",
         "surrogate", "5,000 digits"],
)  # fmt: skip
def test_a_body_that_is_no_json_is_refused(
    client: TestClient, path: str, content: bytes
) -> None:
    headers = {**HEADERS, "Content-Type": "application/json"}
    response = client.post(f"{API}/{path}", content=content, headers=headers)
    assert response.status_code in (400, 413, 422), response.text
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.case(95)
@pytest.mark.parametrize(
    "path",
    ["study", "divisions", "coverage", "gaps", "facilities", "indicators", "circles",
     "roads", "gap-areas", "data-report"],
)  # fmt: skip
def test_no_answer_holds_what_json_has_not(client: TestClient, path: str) -> None:
    def refuse(name: str) -> None:
        pytest.fail(f"{name} in {path}")

    for form in ("json", "geojson"):
        response = client.get(f"{API}/{path}", params={"format": form})
        assert response.status_code < 500
        json.loads(response.text, parse_constant=refuse)
