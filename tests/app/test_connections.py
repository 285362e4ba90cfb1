"""Slow clients, many clients, slow work: bounded, while others are answered."""

from __future__ import annotations

import json
import select
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from starlette.responses import Response

from live_cases import BEARER, SECRET, Live, serving_thread
from snapshot_cases import write_small_snapshot
from study_cases import write_study
from yikezhong_app.jobs.pool import LazyPool, PoolLimits
from yikezhong_app.web.access import parse_tokens
from yikezhong_app.web.deadlines import MOST_OVERDUE

RECEIVE_S, SEND_S, REQUEST_S = 1.0, 1.0, 1.0
#: The server looks at its connections once a second; the machine may be busy.
SLACK_S = 4.0
HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    write_small_snapshot(folder)
    return folder


@pytest.fixture(scope="module")
def live(out: Path) -> Iterator[Live]:
    with serving_thread(
        out, receive_seconds=RECEIVE_S, send_seconds=SEND_S, request_seconds=REQUEST_S
    ) as started:
        assert started.app is not None
        started.app.add_api_route("/slow", lambda: time.sleep(3))
        started.app.add_api_route("/large", lambda: Response(bytes(50_000_000)))
        while started.get("/readyz")[0] != 200:
            time.sleep(0.1)
        yield started


def closed_after(connections: list[socket.socket], *, limit_s: float) -> float:
    """Return when the last of the connections was closed by the other side [s]."""
    began = time.monotonic()
    waiting = set(connections)
    while waiting and time.monotonic() - began < limit_s:
        for one in select.select(list(waiting), [], [], 0.2)[0]:
            try:
                ended = one.recv(65_536) == b""
            except ConnectionResetError:
                ended = True
            if ended:
                waiting.discard(one)
    assert not waiting, f"{len(waiting)} of {len(connections)} are still open"
    return time.monotonic() - began


@pytest.mark.case(89, "slow clients")
@pytest.mark.case(89)
def test_half_open_heads_are_closed_and_health_is_fine(live: Live) -> None:
    connections = [live.connect() for _ in range(300)]
    for number, one in enumerate(connections):
        one.sendall(HEAD[: number % len(HEAD)])
    for _ in range(5):
        began = time.monotonic()
        assert live.get("/healthz")[0] == 200
        assert time.monotonic() - began < 1.0
    closed_after(connections, limit_s=RECEIVE_S + SLACK_S)
    for one in connections:
        one.close()


def test_a_head_that_comes_byte_by_byte_is_closed(live: Live) -> None:
    with live.connect() as one, pytest.raises(OSError):
        began = time.monotonic()
        for byte in HEAD * 10:
            one.sendall(bytes([byte]))
            if select.select([one], [], [], 0.1)[0] and one.recv(1) == b"":
                raise ConnectionResetError
            assert time.monotonic() - began < RECEIVE_S + SLACK_S


def post_head(length: int) -> bytes:
    lines = (
        "POST /api/v1/sitings HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {SECRET}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@pytest.mark.case("slow clients")
def test_a_slow_upload_is_closed(live: Live) -> None:
    with live.connect() as silent, live.connect() as dribbling:
        silent.sendall(post_head(1000) + b"{")
        dribbling.sendall(post_head(1000) + b"{")
        began = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began < RECEIVE_S + SLACK_S:
                dribbling.sendall(b" ")
                time.sleep(0.1)
        closed_after([silent], limit_s=SLACK_S)


def test_an_upload_with_a_short_pause_is_answered(live: Live) -> None:
    body = b'{"nothing": 1}'
    with live.connect() as one:
        one.sendall(post_head(len(body)) + body[:5])
        time.sleep(RECEIVE_S / 2)
        one.sendall(body[5:])
        assert b" 422 " in one.recv(65_536).split(b"\r\n")[0]


def test_a_connection_at_rest_may_rest_longer_than_a_head_may_take(live: Live) -> None:
    with live.connect() as one:
        one.sendall(HEAD + b"\r\n")
        assert one.recv(65_536).startswith(b"HTTP/1.1 200")
        time.sleep(RECEIVE_S + 1.5)
        # two requests in one piece are two answers
        one.sendall((HEAD + b"\r\n") * 2)
        time.sleep(0.5)
        assert one.recv(65_536).count(b"HTTP/1.1 200") == 2


def test_a_client_that_takes_nothing_is_closed(live: Live) -> None:
    with live.connect() as one:
        one.sendall(HEAD.replace(b"/healthz", b"/large") + b"\r\n")
        time.sleep(SEND_S + 2.5)
        taken = 0
        with pytest.raises(ConnectionResetError):
            while part := one.recv(1_000_000):
                taken += len(part)
            raise ConnectionResetError  # closed before all of it
        assert taken < 50_000_000
    # and one that takes it gets all
    assert len(live.get("/large")[2]) == 50_000_000


def send_without_end(live: Live, head: bytes, *, most: int) -> tuple[bytes, int]:
    """Send a chunked body until it is answered; return the answer and what was sent."""
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    sent, answer = 0, b""
    with live.connect() as one:
        one.sendall(head)
        try:
            while sent < most and not answer:
                one.sendall(chunk)
                sent += 0x10000
                if select.select([one], [], [], 0)[0]:
                    answer = one.recv(65_536)
        except OSError:
            pass
        answer = answer or one.recv(65_536)
        # who goes on sending is cut off
        with pytest.raises(OSError):
            for _ in range(200):
                one.sendall(chunk)
                time.sleep(0.05)
    return answer, sent


@pytest.mark.case(87, 88)
def test_an_endless_body_is_refused_after_the_limit(live: Live) -> None:
    head = post_head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    answer, sent = send_without_end(live, head, most=600 * 2**20)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer
    assert sent < 64 * 2**20


@pytest.mark.case(88)
def test_an_endless_upload_is_refused_and_leaves_nothing(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    study = write_study(tmp_path / "study")
    before = sorted(tmp_path.rglob("*"))
    editor = parse_tokens(f"zhao:editor:{SECRET}")
    limit = 8 * 2**20
    with serving_thread(out, study=study, tokens=editor, upload_bytes=limit) as live:
        lines = (
            "POST /api/v1/uploads HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {SECRET}",
            "Content-Type: multipart/form-data; boundary=x",
            "Transfer-Encoding: chunked",
        )
        part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"'
        part += b"\r\n\r\n"
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        head += f"{len(part):x}\r\n".encode() + part + b"\r\n"
        answer, sent = send_without_end(live, head, most=600 * 2**20)
        assert answer.startswith(b"HTTP/1.1 413")
        assert limit < sent < 64 * 2**20
        assert live.get("/healthz")[0] == 200
    left = set(tmp_path.rglob("*")) - set(before)
    assert {path.name for path in left} <= {".lock"}


def test_slow_work_is_told_in_time_and_bounded(live: Live) -> None:
    with ThreadPoolExecutor(MOST_OVERDUE) as clients:
        began = time.monotonic()
        answers = list(clients.map(live.get, ["/slow"] * MOST_OVERDUE))
        assert time.monotonic() - began < 3
        for status, headers, body in answers:
            assert status == 503 and int(headers["retry-after"]) > 0
            assert json.loads(body)["type"] == "urn:yikezhong:problem:http-503"
            assert json.loads(body)["trace_id"] == headers["x-request-id"]
    # that many works go on: no more are let in, but health is told
    status, _, body = live.get("/api/v1/study")
    assert status == 503 and "繁忙" in json.loads(body)["detail"]
    assert live.get("/healthz")[0] == 200
    time.sleep(3)
    assert live.get("/api/v1/study")[0] == 200


def test_a_full_service_lets_waiting_connections_go(out: Path) -> None:
    with serving_thread(out, connection_limit=4) as live:
        resting = [live.connect() for _ in range(4)]
        time.sleep(0.3)
        assert live.get("/healthz")[0] == 200
        assert select.select(resting, [], [], 2)[0] == [resting[0]]
        for one in resting:
            one.close()


def test_a_service_at_work_refuses_at_once(out: Path) -> None:
    with serving_thread(out, connection_limit=2) as live:
        assert live.app is not None
        go_on = threading.Event()
        live.app.add_api_route("/wait", lambda: go_on.wait(20))
        with ThreadPoolExecutor(2) as clients:
            working = [clients.submit(live.get, "/wait") for _ in range(2)]
            time.sleep(0.5)
            began = time.monotonic()
            status, headers, _ = live.get("/healthz")
            assert status == 503 and headers["retry-after"]
            assert time.monotonic() - began < 0.5
            go_on.set()
            assert [one.result()[0] for one in working] == [200, 200]
        assert live.get("/healthz")[0] == 200


@pytest.mark.case("equal requests")
def test_equal_requests_are_computed_once(out: Path) -> None:
    with serving_thread(out) as live:
        assert live.app is not None
        path = "/api/v1/coverage?level=township"
        with ThreadPoolExecutor(50) as clients:
            answers = list(clients.map(live.get, [path] * 50))
        assert {status for status, _, _ in answers} == {200}
        assert len({body for _, _, body in answers}) == 1
        assert live.app.state.cache.n_misses == 1
        # a computation that cannot be done is one job for all too
        body = json.dumps({"service": "elderly_circle", "goal": "max_people", "n": 1})
        headers = {**BEARER, "Content-Type": "application/json"}

        def submit(_: int) -> str:
            status, _, answer = live.ask(
                "POST", "/api/v1/sitings", body=body, headers=headers
            )
            assert status == 201
            return str(json.loads(answer)["id"])

        with ThreadPoolExecutor(50) as clients:
            assert len(set(clients.map(submit, range(50)))) == 1


@pytest.mark.case(93)
def test_a_client_that_leaves_frees_its_place(out: Path) -> None:
    """What it asked for is computed once, and kept for who asks again."""
    with serving_thread(out) as live:
        assert live.app is not None
        pool = LazyPool(
            {"evaluation": "job_tasks:count"},
            folder=None,
            limits=PoolLimits(slots=1, jobs=1),
        )
        live.app.state.jobs = pool
        try:
            body = json.dumps({"service": "elderly_circle", "sites": [[113, 31]]})
            headers = {**BEARER, "Content-Type": "application/json"}
            head = post_head(len(body)).replace(b"/sitings", b"/evaluations")
            with live.connect() as one:
                one.sendall(head + body.encode())
                wait_for(lambda: pool.counts()["running"] == 1)
            wait_for(lambda: pool.counts()["done"] == 1)
            assert pool.counts()["running"] == 0
            answer = live.ask("POST", "/api/v1/evaluations", body=body, headers=headers)
            assert answer[0] == 200 and json.loads(answer[2]) == {"n": 1}
            assert pool.counts()["done"] == 1
        finally:
            pool.close()


def wait_for(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)
