"""Who may compute: every route decided, tokens, cookies, origins, bodies, a full pool."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.testclient import TestClient

from service_cases import API, ORIGIN, assert_problem, make_client
from snapshot_cases import write_small_snapshot
from yikezhong_app.jobs.pool import LazyPool, PoolLimits
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings
from yikezhong_app.web import access
from yikezhong_app.web.access import COOKIE, ROLES, find_token, parse_tokens, role_for

PLANNER, READER = "planner-secret-0123456789", "reader-secret-0123456789"
EDITOR = "editor-secret-0123456789"
TOKENS = f"li:planner:{PLANNER}, wang:reader:{READER}, zhao:editor:{EDITOR}"
SITING = {"service": "elderly_circle", "goal": "max_people", "n": 1}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("roles")
    write_small_snapshot(folder)
    return folder


@pytest.fixture
def client(out: Path) -> Iterator[TestClient]:
    with make_client(out, tokens=parse_tokens(TOKENS)) as opened:
        # a pool whose jobs do not end, so that no figures are needed
        opened.app.state.jobs = LazyPool(
            dict.fromkeys(("siting", "evaluation"), "job_tasks:wait"),
            folder=None,
            limits=PoolLimits(slots=1, jobs=16),
        )
        yield opened


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def routes_of(app: Any) -> list[Any]:
    """Return all routes with a path, those of included routers too."""
    found = []
    for route in app.routes:
        inner = getattr(route, "original_router", None)
        found += [route] if inner is None else routes_of(inner)
    return found


@pytest.mark.case(91)
def test_every_route_is_decided(out: Path) -> None:
    routes = [
        (method, route.path)
        for route in routes_of(create_app(Settings(out=out)))
        for method in getattr(route, "methods", None) or ()
    ]
    assert len(routes) > 20
    undecided = [(m, p) for m, p in routes if role_for(m, p) is None]
    assert undecided == [], "write them into yikezhong_app.web.access.ROLES"
    # and nothing is decided that is not there
    assert set(ROLES) <= set(routes)


@pytest.mark.case(91)
def test_reading_never_takes_a_body(out: Path) -> None:
    app = create_app(Settings(out=out))
    reading = [
        route
        for route in routes_of(app)
        if isinstance(route, APIRoute) and route.methods <= access.READING
    ]
    assert reading and not [route.path for route in reading if route.body_field]


@pytest.mark.case(91)
@pytest.mark.parametrize(("method", "path"), sorted(ROLES))
def test_without_a_token_nothing_is_computed(
    client: TestClient, method: str, path: str
) -> None:
    address = path.replace("{job_id}", "0" * 16).replace("{upload_id}", "0" * 16)
    assert "{" not in address
    body = SITING if method == "POST" else None
    response = client.request(method, address, json=body)
    assert_problem(response, 401, "http-401")
    assert response.headers["www-authenticate"] == "Bearer"
    for wrong in ("", "x", PLANNER[:-1], PLANNER + "x", "é"):
        headers = {"Authorization": f"Bearer {wrong}".encode()}
        response = client.request(method, address, json=body, headers=headers)
        assert response.status_code == 401, wrong
    response = client.request(method, address, json=body, headers=bearer(READER))
    assert_problem(response, 403, "http-403")
    least = PLANNER if ROLES[method, path] == "planner" else EDITOR
    response = client.request(method, address, json=body, headers=bearer(least))
    assert response.status_code not in (401, 403)


def test_reading_is_open(client: TestClient) -> None:
    assert client.get(f"{API}/study").status_code == 200
    assert client.get(f"{API}/sitings").status_code == 200
    assert client.get(f"{API}/session").json() == {
        "name": None,
        "role": None,
        "can_compute": False,
        "can_upload": False,
    }
    known = client.get(f"{API}/session", headers=bearer(READER)).json()
    assert known == {
        "name": "wang",
        "role": "reader",
        "can_compute": False,
        "can_upload": False,
    }


def test_a_page_with_a_token_keeps_it_in_a_cookie(client: TestClient) -> None:
    page = client.get(f"/maps/?a=1&token={PLANNER}", follow_redirects=False)
    assert page.status_code == 303
    assert page.headers["location"] == "/maps/?a=1"
    cookie = page.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}={PLANNER}")
    assert "httponly" in cookie.lower() and "samesite=strict" in cookie.lower()
    assert client.get(f"{API}/session").json()["can_compute"]
    response = client.post(f"{API}/sitings", json=SITING, headers={"Origin": ORIGIN})
    assert response.status_code == 201
    wrong = client.get("/maps/?token=wrong", follow_redirects=False)
    assert_problem(wrong, 403, "http-403")
    assert "set-cookie" not in wrong.headers


@pytest.mark.case(94)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8001"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_cannot_ask(client: TestClient, headers: dict[str, str]) -> None:
    response = client.post(
        f"{API}/sitings", json=SITING, headers={**bearer(PLANNER), **headers}
    )
    assert_problem(response, 403, "http-403")


@pytest.mark.case(87, 88)
@pytest.mark.case(87)
def test_a_body_too_large_is_refused(client: TestClient) -> None:
    headers = {**bearer(PLANNER), "Content-Type": "application/json"}
    large = client.post(f"{API}/sitings", content=b"x" * (2**20 + 1), headers=headers)
    assert_problem(large, 413, "http-413")
    read = []

    def chunks() -> Iterator[bytes]:
        for _ in range(1000):
            read.append(1)
            yield b" " * 65_536

    streamed = client.post(f"{API}/sitings", content=chunks(), headers=headers)
    assert_problem(streamed, 413, "http-413")
    whole = client.post(f"{API}/sitings", content=b"x" * 2**20, headers=headers)
    assert_problem(whole, 422, "validation")


@pytest.mark.case(92)
def test_one_request_too_many_is_told_to_wait(client: TestClient) -> None:
    headers = bearer(PLANNER)
    jobs = []
    for n in range(1, 17):
        response = client.post(
            f"{API}/sitings", json={**SITING, "n": n}, headers=headers
        )
        assert response.status_code == 201
        jobs.append(response.json())
    times = []
    for _ in range(5):
        began = time.perf_counter()
        full = client.post(f"{API}/sitings", json={**SITING, "n": 17}, headers=headers)
        times.append(time.perf_counter() - began)
        assert_problem(full, 503, "pool-full")
        assert int(full.headers["retry-after"]) > 0
    assert min(times) < 0.05
    # reading does not wait behind it
    began = time.perf_counter()
    assert client.get(f"{API}/study").status_code == 200
    assert time.perf_counter() - began < 2
    same = client.post(f"{API}/sitings", json={**SITING, "n": 3}, headers=headers)
    assert same.json()["id"] == jobs[2]["id"]
    ended = client.delete(jobs[0]["links"]["self"], headers=headers).json()
    assert ended["status"] == "cancelled"
    again = client.post(f"{API}/sitings", json={**SITING, "n": 17}, headers=headers)
    assert again.status_code == 201


def test_tokens_are_read_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIKEZHONG_TOKENS", TOKENS)
    settings = Settings()
    assert [(t.name, t.role) for t in settings.tokens] == [
        ("li", "planner"),
        ("wang", "reader"),
        ("zhao", "editor"),
    ]
    assert PLANNER not in repr(settings) and PLANNER not in str(settings.tokens)
    assert find_token(settings.tokens, READER) == settings.tokens[1]
    assert find_token((), READER) is None
    for wrong in ("li:boss:" + PLANNER, "li:planner:short", PLANNER, "a:b:c:d"):
        with pytest.raises(ValidationError) as error:
            Settings(tokens=wrong)
        assert "令牌" in str(error.value)
