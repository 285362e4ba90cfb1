"""The API's description in a real browser with the network cut, and raw requests."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from browser_cases import chromium, serve, watched_page
from snapshot_cases import write_small_snapshot
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings
from yikezhong_app.web.assets import LIBRARY_FOLDER


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("out")
    write_small_snapshot(folder)
    with serve(create_app(Settings(out=folder))) as address:
        yield address


@pytest.mark.browser
def test_docs_show_every_route_and_ask_nobody(base: str) -> None:
    if not (LIBRARY_FOLDER / "swagger-ui").is_dir():
        pytest.skip("the browser libraries are not installed: make setup")
    with chromium() as browser, watched_page(browser, base) as page:
        page.goto("/docs")
        page.wait_for_selector(".opblock >> text=覆盖率")
        described = page.request.get(f"{base}/api/v1/openapi.json").json()["paths"]
        n_route = sum(len(operations) for operations in described.values())
        assert page.locator(".opblock").count() == n_route > 18
        page.click(".opblock >> text=行政区划")
        page.wait_for_selector("text=Parameters")


def raw_status(base: str, target: str, **headers: str) -> tuple[int, str]:
    """Return status and type of an answer to a target that no client tidies."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=10)
    connection.putrequest("GET", target, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers.get_content_type()


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/api/v1/townships/..%2f..", 404),
        ("/api/v1/townships/%00", 422),
        ("/api/v1/townships/%ff", 422),
        ("/api/v1/townships/%", 422),
        ("/api/v1/../../../etc/passwd", 404),
        ("/static/../service.py", 404),
        ("/static/..%2fservice.py", 404),
        ("/static/%00", 404),
        ("/static/%ff", 404),
        ("/api/v1/coverage?minutes=%ff", 422),
        ("/api/v1/coverage?minutes=%00", 422),
        ("//evil.example/..", 404),
        ("http://evil.example/api/v1/study", 400),
    ],
)
def test_untidied_targets(base: str, target: str, status: int) -> None:
    assert raw_status(base, target) == (status, "application/problem+json")


def test_a_forged_host_over_a_socket(base: str, tmp_path: Path) -> None:
    answer = raw_status(base, "/api/v1/study", Host="evil.example")
    assert answer == (400, "application/problem+json")
