"""The service under load, on loopback: ``python -m benchmarks.load RESULT``.

Four questions, each bounded in time and in connections:

1. 50 readers and 16 clients that compute: how long do reads take, is anything but a
   refusal answered wrong, how fast are refusals, does memory grow?
2. 50 equal requests at once that nobody asked before: how often is it computed?
3. Half-open connections and slow uploads: when are they closed, how long do reads take?
4. Jobs past their time and their memory: what is told, when does the next job run?
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import itertools
import json
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yikezhong_app.jobs.pool import GRACE_S, JobPool, PoolLimits
from yikezhong_app.jobs.worker import resident_bytes

SECRET = "load-secret-0123456789"
N_READERS, N_COMPUTING, N_EQUAL = 50, 16, 50
N_HALF_OPEN, N_SLOW = 300, 50
READ_AIM_MS, REFUSAL_AIM_MS, CLOSE_AIM_S, REPLACE_AIM_S = 250, 50, 10, 2


@dataclass
class Answers:
    """What came back: how long each answer took [s], and with which status."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def add(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.seconds.append(seconds)

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.seconds)
        if not ordered:
            return float("nan")
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Client:
    """One connection that is kept, one request after another."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Return status and body; a connection that was closed is made anew, once."""
        for attempt in (1, 2):
            if self._ends is None:
                self._ends = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                return await self._exchange(*self._ends, method, path, body)
            except (OSError, asyncio.IncompleteReadError):
                self.close()
                if attempt == 2:
                    raise
        raise AssertionError

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        method: str,
        path: str,
        body: bytes,
    ) -> tuple[int, bytes]:
        writer.write(request_head(method, path, len(body)) + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = re.search(r"content-length: (\d+)", head)
        content = await reader.readexactly(int(length[1])) if length else b""
        if "connection: close" in head:
            self.close()
        return int(head.split(" ", 2)[1]), content

    def close(self) -> None:
        if self._ends is not None:
            self._ends[1].close()
        self._ends = None


def request_head(method: str, path: str, length: int) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept-Encoding: gzip"]
    if method != "GET":
        lines += [f"Authorization: Bearer {SECRET}", "Content-Type: application/json"]
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@contextmanager
def serving(result: Path) -> Iterator[tuple[int, int]]:
    """Serve a result folder; give the port and the process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "yikezhong_app", "serve", str(result)]
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        env={
            **os.environ,
            "YIKEZHONG_TOKENS": f"load:planner:{SECRET}",
            "YIKEZHONG_LOG_LEVEL": "error",
        },
        stdout=subprocess.DEVNULL,
    )
    try:
        asyncio.run(_until_ready(port, process))
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(60)


async def _until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break  # it has said why
        try:
            if (await Client(port).ask("GET", "/readyz"))[0] == 200:
                return
        except OSError:
            pass
        await asyncio.sleep(0.1)
    raise SystemExit("the service does not get ready")


async def read_addresses(port: int) -> list[str]:
    """Return what readers ask for: a page, tables, and every township."""
    client = Client(port)
    _, found = await client.ask("GET", "/api/v1/divisions?level=township&format=csv")
    codes = sorted(set(re.findall(rb"(?m)^\D?(\d{12})", _unpacked(found))))
    client.close()
    townships = [f"/api/v1/townships/{code.decode()}/coverage" for code in codes]
    tables = [
        "/maps/",
        "/api/v1/study",
        "/api/v1/coverage?level=township",
        "/api/v1/gaps?limit=50",
        "/api/v1/divisions?level=township&format=geojson",
    ]
    return townships + tables * max(1, len(townships) // 10)


def _unpacked(body: bytes) -> bytes:
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


async def read_on(
    port: int, paths: list[str], told: Answers, *, until: float, pause_s: float
) -> None:
    """Read one address after another, with a pause between as people make."""
    client = Client(port)
    while time.monotonic() < until:
        began = time.monotonic()
        status, _ = await client.ask("GET", random.choice(paths))
        told.add(status, time.monotonic() - began)
        await asyncio.sleep(random.uniform(0, 2 * pause_s))
    client.close()


async def compute_on(
    port: int,
    numbers: Iterator[int],
    taken: Answers,
    refused: Answers,
    *,
    until: float,
) -> None:
    """Submit one siting after another, each another one, whether they are done or not."""
    client = Client(port)
    while time.monotonic() < until:
        asked = {
            "service": "elderly_circle",
            "goal": "max_people",
            "n": random.randint(1, 60),
            "minutes": random.randint(5, 60),
            "time_limit_s": 30 + next(numbers) / 1000,
        }
        body = json.dumps(asked).encode()
        began = time.monotonic()
        status, _ = await client.ask("POST", "/api/v1/sitings", body)
        (refused if status == 503 else taken).add(status, time.monotonic() - began)
        await asyncio.sleep(random.uniform(0.2, 0.8))
    client.close()


@dataclass
class Load:
    """What readers and computing clients were told in the same time."""

    reads: Answers = field(default_factory=Answers)
    taken: Answers = field(default_factory=Answers)
    refused: Answers = field(default_factory=Answers)
    #: An answer without any work: what the machine itself takes.
    empty: Answers = field(default_factory=Answers)


async def put_load(port: int, numbers: Iterator[int], told: Load, **terms: Any) -> None:
    """Read and compute for a while."""
    paths = await read_addresses(port)
    until, pause_s = time.monotonic() + terms["seconds"], terms["pause_s"]
    readers = [(paths, told.reads, pause_s)] * N_READERS
    await asyncio.gather(
        *(
            read_on(port, of, answers, until=until, pause_s=pause)
            for of, answers, pause in [*readers, (["/healthz"], told.empty, 0.05)]
        ),
        *(
            compute_on(port, numbers, told.taken, told.refused, until=until)
            for _ in range(N_COMPUTING)
        ),
    )


async def measure_load(port: int, pid: int, *, seconds: float, pause_s: float) -> None:
    """Question 1, after a while that is not counted."""
    numbers, told = itertools.count(), Load()
    warm_s = max(15.0, seconds / 10)
    await put_load(port, numbers, Load(), seconds=warm_s, pause_s=pause_s)
    before_mb = resident_bytes(pid) / 2**20
    await put_load(port, numbers, told, seconds=seconds, pause_s=pause_s)
    reads, taken, refused, empty = told.reads, told.taken, told.refused, told.empty
    grown = resident_bytes(pid) / 2**20 / before_mb - 1
    print(f"1. {N_READERS} readers, {N_COMPUTING} computing, {seconds:g} s")
    print(
        f"   reads {dict(reads.statuses)}, {len(reads.seconds) / seconds:.0f}/s,",
        end="",
    )
    print(f" median {reads.percentile_ms(0.5):.0f} ms,", end="")
    _tell("p99 [ms]", reads.percentile_ms(0.99), READ_AIM_MS)
    print(f"   /healthz meanwhile: p99 {empty.percentile_ms(0.99):.0f} ms")
    _tell("   errors of reads", reads.statuses.total() - reads.statuses[200], 0)
    print(f"   taken {dict(taken.statuses)}, refused {dict(refused.statuses)},", end="")
    print(f" median of refusals {refused.percentile_ms(0.5):.1f} ms")
    _tell("   refusals, p99 [ms]", refused.percentile_ms(0.99), REFUSAL_AIM_MS)
    _tell(
        "   neither taken nor refused", taken.statuses.total() - taken.statuses[201], 0
    )
    _tell(f"   memory growth from {before_mb:.0f} MB [%]", 100 * grown, 10)


async def measure_equal(port: int) -> None:
    """Question 2."""

    async def at_once(method: str, path: str, body: bytes = b"") -> Counter[int]:
        clients = [Client(port) for _ in range(N_EQUAL)]
        told = await asyncio.gather(*(c.ask(method, path, body) for c in clients))
        for client in clients:
            client.close()
        return Counter(status for status, _ in told)

    minutes = random.choice((7, 8, 11, 13))
    asked = {
        "service": "elderly_circle",
        "minutes": minutes,
        "sites": [[113.37, 31.69]],
    }
    missed, over = await _counted(port)
    statuses = await at_once(
        "GET", f"/api/v1/coverage?level=township&limit={900 + minutes}"
    )
    jobs = await at_once("POST", "/api/v1/evaluations", json.dumps(asked).encode())
    missed_after, over_after = await _counted(port)
    print(
        f"2. {N_EQUAL} equal requests at once: reads {dict(statuses)}, jobs {dict(jobs)}"
    )
    _tell("   tables made", missed_after - missed, 1)
    _tell("   evaluations computed", over_after - over, 1)


async def _counted(port: int) -> tuple[float, float]:
    """Return how many answers were made and how many computations are over."""
    client = Client(port)
    while True:
        text = _unpacked((await client.ask("GET", "/metrics"))[1]).decode()
        if not re.search(r'jobs_(queued|running){pool="computing"} [1-9]', text):
            break
        await asyncio.sleep(0.5)
    client.close()
    missed = re.search(r'cache_requests_total{result="miss"} (\S+)', text)
    over = re.findall(r'jobs_over_total{pool="computing",status="\w+"} (\S+)', text)
    return float(missed[1]) if missed else 0.0, sum(map(float, over))


async def measure_slow_clients(port: int, *, pause_s: float) -> None:
    """Question 3."""
    paths = await read_addresses(port)
    reads, closed = Answers(), Answers()
    until = time.monotonic() + CLOSE_AIM_S + 5

    async def wait_closed(sent: bytes, drip: bytes) -> None:
        # not all in one instant: this process reads too
        await asyncio.sleep(random.uniform(0.5, 2.5))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.monotonic()
        writer.write(sent)
        try:
            while time.monotonic() < until:
                writer.write(drip)
                try:
                    if not await asyncio.wait_for(reader.read(4096), 0.5):
                        break
                except TimeoutError:
                    continue
        except OSError:
            pass
        closed.add(0, time.monotonic() - began)
        writer.close()

    upload = request_head("POST", "/api/v1/sitings", 10_000)
    half = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "
    await asyncio.gather(
        *(wait_closed(half, b"") for _ in range(N_HALF_OPEN // 2)),
        *(wait_closed(half, b"a") for _ in range(N_HALF_OPEN // 2)),
        *(wait_closed(upload, b" ") for _ in range(N_SLOW)),
        *(
            read_on(port, paths, reads, until=until, pause_s=pause_s)
            for _ in range(N_READERS)
        ),
    )
    print(f"3. {N_HALF_OPEN} half-open (half of them dripping), {N_SLOW} slow uploads")
    _tell("   the last closed after [s]", max(closed.seconds), CLOSE_AIM_S)
    _tell("   reads meanwhile, p99 [ms]", reads.percentile_ms(0.99), READ_AIM_MS)
    _tell("   errors of reads", reads.statuses.total() - reads.statuses[200], 0)


def measure_jobs(*, limit_s: float) -> None:
    """Question 4: in a pool as the service has it, its time scaled by the caller."""
    limits = PoolLimits(slots=1, jobs=4, memory_bytes=2 * 2**30)
    pool = JobPool({"try": "benchmarks.load:take"}, folder=None, limits=limits)
    print(f"4. jobs past {limit_s + GRACE_S:g} s and past 2 GiB, with a 1-slot pool")
    try:
        for what in ("time", "memory"):
            began = time.monotonic()
            job = pool.submit("try", {}, payload={"what": what}, limit_s=limit_s)
            ended = pool.wait(job.id, timeout_s=limit_s + GRACE_S + 30)
            spent = time.monotonic() - began
            told = None if ended is None or ended.error is None else ended.error["code"]
            began = time.monotonic()
            job = pool.submit("try", {}, payload={"what": f"after {what}"})
            after = pool.wait(job.id, timeout_s=30)
            replaced = time.monotonic() - began
            done = after is not None and after.status == "done"
            print(
                f"   {what}: {told} after {spent:.1f} s; next job done: {done},", end=""
            )
            _tell(" after [s]", replaced, REPLACE_AIM_S)
    finally:
        pool.close()


def take(
    payload: dict[str, Any], progress: Callable[[str, float], None]
) -> dict[str, Any]:
    """Take time, or memory, without end; anything else is done at once."""
    kept: list[bytearray] = []
    while payload["what"] in ("time", "memory"):
        time.sleep(0.01)
        if payload["what"] == "memory":
            kept.append(bytearray(b"1") * 2**26)
    return {}


def _tell(what: str, value: float, aim: float) -> None:
    verdict = "met" if value <= aim else "NOT met"
    print(f"{what} {value:.3g} (aim ≤ {aim:g}: {verdict})")


def main(arguments: list[str] | None = None) -> None:
    """Ask all four questions about a result folder and print the answers."""
    parser = argparse.ArgumentParser(prog="benchmarks.load", description=__doc__)
    parser.add_argument("result", type=Path, help="a folder of `yikezhong run --out`")
    parser.add_argument(
        "--seconds", type=float, default=90, help="of question 1; 600: long"
    )
    parser.add_argument(
        "--pause", type=float, default=0.2, help="of a reader, mean [s]"
    )
    parser.add_argument(
        "--job-seconds", type=float, default=5, help="limit of question 4"
    )
    terms = parser.parse_args(arguments)
    print("load of the machine before:", *(f"{x:.1f}" for x in os.getloadavg()))
    with serving(terms.result) as (port, pid):
        asyncio.run(measure_load(port, pid, seconds=terms.seconds, pause_s=terms.pause))
        asyncio.run(measure_equal(port))
        asyncio.run(measure_slow_clients(port, pause_s=terms.pause))
    measure_jobs(limit_s=max(0.0, terms.job_seconds - GRACE_S))


if __name__ == "__main__":
    main()
