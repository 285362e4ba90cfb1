"""Answers of the service beside an empty route: ``python -m benchmarks.service RESULT``.

Two ratios, on one server, in turn:

1. the request rate of a township's coverage over that of an empty FastAPI route, which
   stands before all other routes and goes through the same middlewares;
2. the median time of a circle that nobody asked for before over the empty route's.

Rates are measured with several connections that keep the server busy; the processor
time that the server takes for an answer is measured beside them, since other work on
the machine does not touch it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import selectors
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

EMPTY = "/empty"
N_CONNECTION = 8
RATE_AIM, CIRCLE_AIM = 0.7, 20.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figures:
    """What was measured: medians over the rounds."""

    rate_per_s: dict[str, float]
    cpu_ms: dict[str, float]
    median_ms: dict[str, float]

    @property
    def rate_ratio(self) -> float:
        """Rate of coverage over the rate of nothing."""
        return self.rate_per_s["coverage"] / self.rate_per_s["empty"]

    @property
    def circle_ratio(self) -> float:
        """Median time of a fresh circle over the median time of nothing."""
        return self.median_ms["circle, fresh"] / self.median_ms["empty"]


def serve(out: Path, port: int) -> None:
    """Serve a result and an empty route; runs in a process of its own."""
    from fastapi import FastAPI

    from yikezhong_app.settings import Settings
    from yikezhong_app.web.connections import GuardedServer
    from yikezhong_app.web.serving import server_config

    config = server_config(Settings(out=out, port=port))
    app = config.app
    assert isinstance(app, FastAPI)

    @app.get(EMPTY)
    async def answer_nothing() -> dict[str, str]:
        return {}

    app.router.routes.insert(0, app.router.routes.pop())
    GuardedServer(config).run()


class Client:
    """One connection that is kept open; it reads answers as cheaply as can be."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, path: str) -> None:
        """Send a request."""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())

    def receive(self) -> bytes:
        """Return the body of an answer, which must be a 200."""
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        head = data[:end].lower()
        assert head.startswith(b"http/1.1 200"), data[:2000]
        _, _, length = head.partition(b"content-length:")
        whole = end + 4 + int(length.split(b"\r\n")[0])
        while len(data) < whole:
            data += self._more()
        return data[end + 4 :]

    def _more(self) -> bytes:
        part = self.socket.recv(1 << 18)
        assert part, "the connection was closed"
        return part

    def get(self, path: str) -> bytes:
        """Return the body of a path."""
        self.send(path)
        return self.receive()


@contextmanager
def serving(out: Path) -> Iterator[tuple[int, int]]:
    """Run the server; give its port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    # not daemonic: the service starts processes itself
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(out, port), daemon=False
    )
    process.start()
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                with Client(port) as client:
                    client.get(EMPTY)
                break
            except OSError:
                assert process.is_alive() and time.monotonic() < deadline
                time.sleep(0.1)
        yield port, int(process.pid or 0)
    finally:
        process.terminate()
        process.join(30)
        if process.is_alive():
            process.kill()


def measure(out: Path, *, rounds: int, seconds: float, circles: int) -> Figures:
    """Measure all in turn; answers are checked to be whole."""
    with serving(out) as (port, process), Client(port) as one:
        township, places = _places(one)
        coverage = f"/api/v1/townships/{township}/coverage"
        assert json.loads(one.get(coverage))["items"]
        one.get(_circle(places[0], 15.0))  # the process of the pool starts, and reads
        paths = {"empty": EMPTY, "coverage": coverage}
        rates: dict[str, list[float]] = {name: [] for name in paths}
        cpus: dict[str, list[float]] = {name: [] for name in paths}
        times: dict[str, list[float]] = {"empty": [], "coverage": []}
        fresh: list[float] = []
        for number in range(rounds):
            for name, path in paths.items():
                rate, cpu_s = _rate(port, path, seconds=seconds, process=process)
                rates[name].append(rate)
                cpus[name].append(1000 * cpu_s)
            for k in range(circles):
                for name, path in paths.items():
                    times[name].append(_timed(one, path))
                # another place and limit each time: never asked for before
                place = places[(number * circles + k) % len(places)]
                minutes = 15 + (number * circles + k) * 1e-6
                fresh.append(_timed(one, _circle(place, minutes)))
        times["circle, fresh"] = fresh
        kept = _circle(places[0], 15.0)
        times["circle, kept"] = [_timed(one, kept) for _ in range(circles)]
    return Figures(
        {name: statistics.median(values) for name, values in rates.items()},
        {name: statistics.median(values) for name, values in cpus.items()},
        {name: 1000 * statistics.median(values) for name, values in times.items()},
    )


def _places(client: Client) -> tuple[str, list[tuple[float, float]]]:
    """Return a township and places near roads: those of facilities, shuffled."""
    page = json.loads(client.get("/api/v1/divisions?level=township&limit=1"))
    rows = json.loads(client.get("/api/v1/facilities?limit=100000"))["items"]
    places = [(row["lon"], row["lat"]) for row in rows if row["snap_status"] == "ok"]
    random.Random(1).shuffle(places)
    return page["items"][0]["code"], places


def _circle(place: tuple[float, float], minutes: float) -> str:
    lon, lat = place
    return f"/api/v1/circles?lon={lon!r}&lat={lat!r}&minutes={minutes!r}"


def _timed(client: Client, path: str) -> float:
    began = time.perf_counter()
    client.get(path)
    return time.perf_counter() - began


def _rate(port: int, path: str, *, seconds: float, process: int) -> tuple[float, float]:
    """Return answers per second, and the server's processor time for one [s]."""
    clients = [Client(port) for _ in range(N_CONNECTION)]
    chooser = selectors.DefaultSelector()
    for client in clients:
        chooser.register(client.socket, selectors.EVENT_READ, client)
        client.send(path)
    count, cpu_s, began = 0, _cpu_s(process), time.perf_counter()
    while time.perf_counter() - began < seconds:
        for key, _ in chooser.select():
            key.data.receive()
            key.data.send(path)
            count += 1
    spent, used = time.perf_counter() - began, _cpu_s(process) - cpu_s
    for client in clients:
        client.receive()
        client.socket.close()
    return count / spent, used / count


def _cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def print_figures(figures: Figures) -> None:
    """Print the table and the two ratios with their aims."""
    print(f"{'route':<16}{'answers/s':>10}{'CPU ms':>9}{'median ms':>11}")
    for name, median in figures.median_ms.items():
        rate, cpu = figures.rate_per_s.get(name), figures.cpu_ms.get(name)
        shown = f"{rate:>10.0f}{cpu:>9.3f}" if rate and cpu else f"{'':>19}"
        print(f"{name:<16}{shown}{median:>11.3f}")
    cpu_ratio = figures.cpu_ms["empty"] / figures.cpu_ms["coverage"]
    print(
        f"coverage / empty: {figures.rate_ratio:.0%} of the rate"
        f" (by processor time {cpu_ratio:.0%}); aim {RATE_AIM:.0%}"
    )
    print(
        f"fresh circle / empty: {figures.circle_ratio:.1f} × the median;"
        f" aim {CIRCLE_AIM:.0f} ×"
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure a result folder and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.service", description=__doc__)
    parser.add_argument("out", type=Path, help="result folder of `yikezhong run`")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a measurement")
    parser.add_argument("--circles", type=int, default=40, help="a round")
    terms = parser.parse_args(arguments)
    print_figures(
        measure(
            terms.out,
            rounds=terms.rounds,
            seconds=terms.seconds,
            circles=terms.circles,
        )
    )


if __name__ == "__main__":
    main()
