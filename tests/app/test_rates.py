"""How often a client may ask: its bucket, whom it does not touch, what it answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service_cases import ORIGIN, assert_problem
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings
from yikezhong_app.web import rates
from yikezhong_app.web.rates import TokenBuckets


@given(
    per_second=st.floats(0.1, 50),
    burst=st.integers(1, 20),
    pauses=st.lists(st.floats(0, 2), max_size=60),
)
def test_never_more_than_the_burst_and_the_rate(
    per_second: float, burst: int, pauses: list[float]
) -> None:
    now = 0.0
    buckets = TokenBuckets(per_second, burst=burst, clock=lambda: now)
    taken = []
    for pause in pauses:
        now += pause
        wait_s = buckets.take("a")
        if wait_s == 0:
            taken.append(now)
        else:
            # who waits as long as told is let in
            now += wait_s * (1 + 1e-9) + 1e-9
            assert buckets.take("a") == 0
            taken.append(now)
    for i, begin in enumerate(taken):
        for j in range(i, len(taken)):
            most = burst + per_second * (taken[j] - begin)
            assert j - i + 1 <= most + 1e-6


def test_clients_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_MOST_CLIENTS", 3)
    buckets = TokenBuckets(1.0, burst=1, clock=lambda: 0.0)
    for number in range(10):
        assert buckets.take(f"10.0.0.{number}") == 0
    assert len(buckets) == 3
    assert buckets.take("10.0.0.9") > 0


def client_at(address: str, app: object) -> TestClient:
    return TestClient(app, base_url=ORIGIN, client=(address, 40_000))  # type: ignore[arg-type]


def test_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    app = create_app(Settings(out=tmp_path, rate_per_second=0.01, rate_burst=3))
    often = client_at("10.0.0.9", app)
    assert [often.get("/docs").status_code for _ in range(3)] == [200] * 3
    refused = often.get("/docs")
    assert_problem(refused, 429, "http-429")
    assert 1 <= int(refused.headers["retry-after"]) <= 100
    # files, health and others are answered
    assert often.get("/static/nothing.js").status_code == 404
    assert often.get("/healthz").status_code == 200
    assert client_at("10.0.0.10", app).get("/docs").status_code == 200
    # an IPv6 network is one client
    for number in range(3):
        assert client_at(f"2001:db8::{number}", app).get("/docs").status_code == 200
    assert client_at("2001:db8::9", app).get("/docs").status_code == 429
    # and a mapped address is the IPv4 one
    assert client_at("::ffff:10.0.0.9", app).get("/docs").status_code == 429


def test_this_machine_is_not_counted_and_zero_counts_nobody(tmp_path: Path) -> None:
    app = create_app(Settings(out=tmp_path, rate_per_second=0.01, rate_burst=1))
    for address in ("127.0.0.1", "::1"):
        local = client_at(address, app)
        assert {local.get("/docs").status_code for _ in range(3)} == {200}
    app = create_app(Settings(out=tmp_path, rate_per_second=0, rate_burst=1))
    far = client_at("10.0.0.9", app)
    assert {far.get("/docs").status_code for _ in range(3)} == {200}
