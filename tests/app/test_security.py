"""Hosts, headers, policies, assets, settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from service_cases import API, ORIGIN, assert_problem, make_client
from snapshot_cases import write_small_snapshot
from yikezhong_app.settings import Settings
from yikezhong_app.web.assets import LIBRARY_FOLDER
from yikezhong_app.web.security import host_name, page_policy


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("out")
    write_small_snapshot(folder)
    with make_client(folder) as opened:
        yield opened


@pytest.mark.case(94)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil",
        "",
        "a b",
        "127.0.0.1:x",
    ],
)
def test_a_forged_host_is_refused(client: TestClient, host: str) -> None:
    response = client.get(f"{API}/study", headers={"Host": host})
    assert_problem(response, 400, "host")
    if host:
        assert host not in response.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost", "[::1]:9", "LOCALHOST"]
)
def test_own_names_are_accepted(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_allowed_hosts_come_from_the_settings(tmp_path: Path) -> None:
    with make_client(tmp_path, allowed_hosts="maps.example.cn") as client:
        for host, status in (("maps.example.cn", 200), ("other.cn", 400)):
            response = client.get("/healthz", headers={"Host": host})
            assert response.status_code == status
    with make_client(tmp_path, allowed_hosts="*") as client:
        assert client.get("/healthz", headers={"Host": "any.cn"}).status_code == 200


def test_every_answer_carries_the_headers(client: TestClient) -> None:
    for path in ("/healthz", f"{API}/study", f"{API}/nothing", "/", "/docs"):
        headers = client.get(path, follow_redirects=False).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])
        assert "content-security-policy" in headers


def test_no_policy_names_a_foreign_origin() -> None:
    policy = page_policy("abc")
    assert "http" not in policy
    assert "*" not in policy
    assert "unsafe-eval" not in policy
    scripts = next(p for p in policy.split("; ") if p.startswith("script-src"))
    assert "unsafe-inline" not in scripts


def test_data_may_load_nothing(client: TestClient) -> None:
    policy = client.get(f"{API}/study").headers["content-security-policy"]
    assert policy == "default-src 'none'; frame-ancestors 'none'"


def test_a_given_request_id_is_kept_if_it_is_harmless(client: TestClient) -> None:
    kept = client.get("/healthz", headers={"X-Request-ID": "abcd-1234"})
    assert kept.headers["x-request-id"] == "abcd-1234"
    other = client.get("/healthz", headers={"X-Request-ID": "<script>"})
    assert other.headers["x-request-id"] != "<script>"


def test_docs_load_nothing_from_elsewhere(client: TestClient) -> None:
    if not (LIBRARY_FOLDER / "swagger-ui").is_dir():
        pytest.skip("the browser libraries are not installed: make setup")
    first, second = client.get("/docs"), client.get("/docs")
    assert first.headers["cache-control"] == "no-store"
    nonces = []
    for page in (first, second):
        (nonce,) = re.findall(r'nonce="([^"]+)"', page.text)
        assert f"'nonce-{nonce}'" in page.headers["content-security-policy"]
        nonces.append(nonce)
    assert nonces[0] != nonces[1]
    for address in re.findall(r'(?:src|href)="([^"]+)"', first.text):
        assert address.startswith("/")
        assert client.get(address).status_code == 200


def test_assets_do_not_lead_outside(client: TestClient) -> None:
    for path in (
        "..%2fservice.py",
        "%2e%2e/service.py",
        "..%5cservice.py",
        "nothing.js",
    ):
        response = client.get(f"/static/{path}")
        assert response.status_code == 404
        assert response.json()["status"] == 404


def test_host_names() -> None:
    assert host_name("[::1]") == "::1"
    assert host_name("example.cn:80") == "example.cn"
    assert host_name("example.cn:80:80") is None
    assert host_name("evil/example.cn") is None


def test_settings_are_frozen_documented_and_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("YIKEZHONG_PORT", "9001")
    monkeypatch.setenv("YIKEZHONG_ALLOWED_HOSTS", "a.cn, b.cn")
    settings = Settings()
    assert settings.port == 9001
    assert settings.allowed_hosts == ("a.cn", "b.cn")
    assert settings.hosts[-2:] == ("a.cn", "b.cn")
    with pytest.raises(ValidationError):
        settings.port = 1
    with pytest.raises(ValidationError):
        Settings(nothing=1)
    undocumented = [n for n, f in Settings.model_fields.items() if not f.description]
    assert undocumented == []


def test_a_bound_address_is_an_own_name() -> None:
    assert "10.0.0.5" in Settings(host="10.0.0.5").hosts
    assert "0.0.0.0" not in Settings(host="0.0.0.0").hosts
    assert ORIGIN.startswith("http://127.0.0.1")
