"""Requests answered before: the same answer, and never one of another version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from service_cases import API, make_client
from snapshot_cases import WEST, write_small_snapshot
from yikezhong_app.web import repeats as module

PATHS = (
    f"townships/{WEST}/coverage",
    "coverage?minutes=15&limit=2",
    "divisions?q=西城",
    "facilities?format=csv",
    "circles?format=geojson",
    "study",
)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    write_small_snapshot(tmp_path)
    return tmp_path


@pytest.fixture
def client(out: Path) -> Iterator[TestClient]:
    with make_client(out, reload_seconds=3600) as opened:
        yield opened


@pytest.mark.parametrize("path", PATHS)
def test_a_repeated_request_has_the_same_answer(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    first = client.get(f"{API}/{path}")
    known = []
    find = module.answer_kept
    monkeypatch.setattr(
        module, "answer_kept", lambda *given: known.append(1) or find(*given)
    )
    second = client.get(f"{API}/{path}")
    assert known, "the request was not remembered"
    assert second.content == first.content
    changing = {"x-request-id", "content-security-policy", "date"}
    for name, value in first.headers.items():
        assert name in changing or second.headers[name] == value, name
    tag = {"If-None-Match": first.headers["etag"]}
    assert client.get(f"{API}/{path}", headers=tag).status_code == 304
    # another format is another request
    accept = {"Accept": "text/csv, application/json;q=0.1"}
    other = client.get(f"{API}/{path}", headers=accept)
    if "format" not in path and path != "study":
        assert other.headers["content-type"].startswith("text/csv")


def test_another_version_is_another_answer(out: Path) -> None:
    with make_client(out, reload_seconds=0.0) as client:
        path = f"{API}/study"
        assert client.get(path).json()["name"] == "小城"
        write_small_snapshot(out, name="大城")
        assert client.get(path).json()["name"] == "大城"


def test_errors_and_long_requests_are_not_remembered(client: TestClient) -> None:
    kept = client.app.state.repeats._tags  # type: ignore[attr-defined]
    for path in ("divisions?level=nothing", "townships/999999999", "coverage?x=1"):
        assert client.get(f"{API}/{path}").status_code in (404, 422)
    accept = ", ".join(["application/json"] * 100)
    assert client.get(f"{API}/divisions", headers={"Accept": accept}).status_code == 200
    assert not kept


def test_no_more_are_remembered_than_may_be(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST", 3)
    for limit in range(1, 9):
        client.get(f"{API}/divisions?limit={limit}")
        assert len(client.app.state.repeats._tags) <= 3  # type: ignore[attr-defined]
