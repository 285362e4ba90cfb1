"""What is counted, for whom, and that nobody can make it grow."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from service_cases import API, ORIGIN, assert_problem
from snapshot_cases import AS_OF, write_small_snapshot
from yikezhong_app.jobs.pool import LazyPool, PoolFullError, PoolLimits
from yikezhong_app.reading.rendered import RenderedCache
from yikezhong_app.reading.store import SnapshotStore
from yikezhong_app.service import create_app
from yikezhong_app.settings import Settings
from yikezhong_app.web.access import parse_tokens
from yikezhong_app.web.metrics import Metrics

SECRET = "reader-secret-0123456789"
Sample = tuple[str, tuple[tuple[str, str], ...]]


def open_client(out: Path, address: str = "127.0.0.1") -> TestClient:
    settings = Settings(out=out, tokens=parse_tokens(f"wang:reader:{SECRET}"))
    return TestClient(create_app(settings), base_url=ORIGIN, client=(address, 40_000))


def samples(client: TestClient) -> dict[Sample, float]:
    """Return what ``/metrics`` says."""
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return read(response.content)


def read(text: bytes) -> dict[Sample, float]:
    """Return the samples of a text, read by the official parser."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def requests(route: str, status: int, method: str = "GET") -> Sample:
    labels = {"method": method, "route": route, "status": str(status)}
    return "yikezhong_requests_total", tuple(sorted(labels.items()))


def test_requests_are_counted_by_route(tmp_path: Path) -> None:
    written = write_small_snapshot(tmp_path)
    client = open_client(tmp_path)
    code = client.get(f"{API}/divisions?level=township").json()["items"][0]["code"]
    for _ in range(3):
        assert client.get(f"{API}/townships/{code}").status_code == 200
    assert client.get(f"{API}/townships/000000000").status_code == 404
    assert client.head(f"{API}/townships/{code}").status_code == 200
    client.post(f"{API}/sitings", json={})
    found = samples(client)
    route = f"{API}/townships/{{code}}"
    assert found[requests(route, 200)] == 3
    assert found[requests(route, 404)] == 1
    assert found[requests(route, 200, "HEAD")] == 1
    assert found[requests("unmatched", 401, "POST")] == 1
    labels = (("method", "GET"), ("route", route))
    assert found["yikezhong_request_seconds_count", labels] == 4
    assert 0 < found["yikezhong_request_seconds_sum", labels] < 60
    # the second and third time it was ready
    assert found["yikezhong_cache_requests_total", (("result", "hit"),)] >= 2
    assert found["yikezhong_cache_requests_total", (("result", "miss"),)] >= 2
    assert found["yikezhong_cache_bytes", ()] > 0
    version = (("as_of", AS_OF), ("version", written.version))
    assert found["yikezhong_snapshot_info", version] == 1
    assert found["yikezhong_snapshot_ready", ()] == 1
    assert found["yikezhong_snapshot_problem", ()] == 0
    created = dt.datetime.fromisoformat(written.manifest["created"])
    age_s = (dt.datetime.now(dt.UTC) - created).total_seconds()
    assert found["yikezhong_snapshot_age_seconds", ()] == pytest.approx(age_s, abs=60)
    assert found["process_resident_memory_bytes", ()] > 1e6


def test_without_a_result_that_is_said(tmp_path: Path) -> None:
    client = open_client(tmp_path)
    assert client.get("/readyz").status_code == 503
    found = samples(client)
    assert found["yikezhong_snapshot_ready", ()] == 0
    assert not [name for name, _ in found if name.startswith("yikezhong_snapshot_age")]


def test_addresses_and_methods_do_not_become_labels(tmp_path: Path) -> None:
    client = open_client(tmp_path)

    def ask(number: int) -> None:
        client.get(f"/nothing/{number}")
        client.get(f"/static/{number}.js")
        client.get(f"{API}/townships/{number}")
        client.request(f"METHOD{number}", "/maps/")

    ask(0)
    before = set(samples(client))
    for number in range(1, 30):
        ask(number)
    grown = {one for one in set(samples(client)) - before if "/metrics" not in str(one)}
    assert grown == set()


def test_each_application_counts_for_itself(tmp_path: Path) -> None:
    first, second = open_client(tmp_path), open_client(tmp_path)
    first.get("/healthz")
    assert requests("/healthz", 200) in samples(first)
    assert requests("/healthz", 200) not in samples(second)
    names = {family.name for family in REGISTRY.collect()}
    assert not [name for name in names if name.startswith("yikezhong")]


def test_jobs_are_counted(tmp_path: Path) -> None:
    pool = LazyPool(
        {"try": "job_tasks:run"}, folder=None, limits=PoolLimits(slots=1, jobs=2)
    )
    store = SnapshotStore(tmp_path, reload_seconds=1)
    metrics = Metrics(store, cache=RenderedCache(0), pools={"own": pool})
    in_pool = (("pool", "own"),)
    assert read(metrics.text())["yikezhong_jobs_running", in_pool] == 0
    try:
        quick = pool().submit("try", {}, payload={"what": "quick"})
        pool().wait(quick.id, timeout_s=30)
        for number in (1, 2):
            payload = {"what": "sleep", "seconds": 60, "n": number}
            pool().submit("try", {}, payload=payload)
        with pytest.raises(PoolFullError):
            pool().submit("try", {}, payload={"what": "quick", "n": 3})
        while pool.counts()["running"] != 1:
            time.sleep(0.02)
        found = read(metrics.text())
        assert found["yikezhong_jobs_running", in_pool] == 1
        assert found["yikezhong_jobs_queued", in_pool] == 1
        assert found["yikezhong_jobs_refused_total", in_pool] == 1
        done = (*in_pool, ("status", "done"))
        assert found["yikezhong_jobs_over_total", done] == 1
    finally:
        pool.close()


def test_only_this_machine_or_a_token_may_see_it(tmp_path: Path) -> None:
    far = open_client(tmp_path, "10.0.0.9")
    assert_problem(far.get("/metrics"), 401, "http-401")
    wrong = far.get("/metrics", headers={"Authorization": "Bearer wrong"})
    assert wrong.status_code == 401
    known = far.get("/metrics", headers={"Authorization": f"Bearer {SECRET}"})
    assert known.status_code == 200
