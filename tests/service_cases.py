"""A client of a service over the small snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings

ORIGIN = "http://127.0.0.1:8000"
API = "/api/v1"


def make_client(out: Path, **settings: Any) -> TestClient:
    """Return a client; a failure of the service is an answer, not an exception."""
    values = {"out": out, "reload_seconds": 0.0, **settings}
    app = create_app(Settings(**values))
    return TestClient(app, base_url=ORIGIN, raise_server_exceptions=False)


def assert_problem(response: Any, status: int, name: str) -> dict[str, Any]:
    """Check that an answer is a whole problem document, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["type"] == f"urn:yikezhong:problem:{name}"
    assert document["status"] == status
    assert document["title"]
    assert document["instance"].startswith("/")
    assert document["trace_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    assert ".py" not in response.text
    return document
