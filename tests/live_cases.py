"""A service that really listens: on a free loopback port, in a thread or a process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from yikezhong_app.settings import Settings
from yikezhong_app.web.access import parse_tokens
from yikezhong_app.web.connections import GuardedServer
from yikezhong_app.web.serving import server_config

SECRET = "planner-secret-0123456789"
BEARER = {"Authorization": f"Bearer {SECRET}"}
_PATIENCE_S = 60


@dataclass
class Live:
    """A running service."""

    port: int
    app: FastAPI | None = None
    process: subprocess.Popen[str] | None = None
    log: Path | None = None

    def connect(self, *, timeout_s: float = 30) -> socket.socket:
        """Return a bare connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s)

    def get(
        self, path: str, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers (lower case) and body of an answer."""
        return self.ask("GET", path, headers=headers)

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, found, answer.read()
        finally:
            connection.close()


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving_thread(out: Path, **settings: Any) -> Iterator[Live]:
    """Serve a result folder from a thread of the tests; the app can be reached into."""
    values = {"tokens": parse_tokens(f"li:planner:{SECRET}"), "stop_seconds": 5}
    config = server_config(Settings(out=out, port=free_port(), **(values | settings)))
    server = GuardedServer(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        _wait(lambda: server.started)
        assert isinstance(config.app, FastAPI)
        yield Live(config.port, app=config.app)
    finally:
        server.should_exit = True
        thread.join(_PATIENCE_S)


@contextmanager
def serving_process(out: Path, log: Path, **settings: str) -> Iterator[Live]:
    """Serve a result folder as the command does; settings go by the environment."""
    port = free_port()
    given = {"TOKENS": f"li:planner:{SECRET}", "LOG_FORMAT": "json", **settings}
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("YIKEZHONG_")},
        **{f"YIKEZHONG_{name}": value for name, value in given.items()},
    }
    command = [sys.executable, "-m", "yikezhong_app", "serve", str(out)]
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            text=True,
        )
        live = Live(port, process=process, log=log)
        try:
            _wait(lambda: process.poll() is not None or _is_ready(live))
            assert process.poll() is None, log.read_text("utf-8")
            yield live
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_ready(live: Live) -> bool:
    try:
        return live.get("/readyz")[0] == 200
    except OSError:
        return False


def _wait(is_so: Any) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "the service does not start"
        time.sleep(0.05)
