"""The service as a process: told to stop, its log, its settings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from live_cases import BEARER, SECRET, Live, serving_process
from snapshot_cases import write_small_snapshot
from yikezhong_app.commands.settings import read_settings, setting_rows, settings_page
from yikezhong_app.settings import Settings
from yikezhong_coverage.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
SITING = json.dumps({"service": "elderly_circle", "goal": "max_people", "n": 1})


def children(pid: int) -> list[int]:
    """Return the processes that a process started and that still run."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    words = [(thread / "children").read_text("ascii").split() for thread in threads]
    return [int(word) for found in words for word in found]


def wait_for_children(pid: int) -> list[int]:
    """Return the processes that a process started, once there are some."""
    end = time.monotonic() + 10
    while not (found := children(pid)):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def refuses(live: Live) -> bool:
    """Wait until no new connection is taken; say whether that came."""
    end = time.monotonic() + 6
    while time.monotonic() < end:
        try:
            live.connect(timeout_s=1).close()
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_a_stop_finishes_answers_ends_processes_and_exits_with_0(
    tmp_path: Path,
) -> None:
    write_small_snapshot(tmp_path / "out")
    log = tmp_path / "log"
    with serving_process(tmp_path / "out", log) as live:
        assert live.process is not None
        headers = {**BEARER, "X-Request-ID": "given-id-1"}
        status, _, answer = live.ask(
            "POST",
            "/api/v1/sitings",
            body=SITING,
            headers={**headers, "Content-Type": "application/json"},
        )
        assert status == 201
        link = json.loads(answer)["links"]["self"]
        while json.loads(live.get(link)[2])["status"] == "queued":
            time.sleep(0.05)
        workers = wait_for_children(live.process.pid)
        assert live.get(f"/maps/?token={SECRET}")[0] == 303
        assert live.get("/nothing?name=secret-name", headers)[0] == 404
        # a request is half told when the service is told to stop
        with live.connect() as one:
            body = SITING.encode()
            head = (
                "POST /api/v1/sitings HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {SECRET}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            one.sendall(head.encode() + body[:10])
            time.sleep(0.3)
            live.process.terminate()
            assert refuses(live)
            one.sendall(body[10:])
            assert one.recv(65_536).startswith(b"HTTP/1.1 201")
        assert live.process.wait(30) == 0
        end = time.monotonic() + 15
        while left := [pid for pid in workers if Path(f"/proc/{pid}").exists()]:
            assert time.monotonic() < end, left
            time.sleep(0.05)
    check_log(log.read_text("utf-8"))


def check_log(text: str) -> None:
    """Check that every line is one JSON object, with ids and without secrets."""
    lines = [json.loads(line) for line in text.splitlines()]
    assert SECRET not in text
    assert "secret-name" not in text and "127.0.0.1:" not in re.sub(
        "http://\\S+", "", text
    )
    requests = [line for line in lines if line["event"] == "request"]
    assert {"uvicorn.error", "yikezhong.access"} <= {line["logger"] for line in lines}
    for line in requests:
        assert re.fullmatch(r"[A-Za-z0-9-]{8,64}", line["trace_id"])
        assert line["ms"] >= 0 and line["method"] and line["path"].startswith("/")
    (missing,) = [line for line in requests if line["status"] == 404]
    assert (missing["path"], missing["trace_id"]) == ("/nothing", "given-id-1")


def test_the_log_of_a_failure_names_its_request(tmp_path: Path) -> None:
    out = tmp_path / "out"
    written = write_small_snapshot(out)
    log = tmp_path / "log"
    with serving_process(out, log, RELOAD_SECONDS="0", LOG_FORMAT="console") as live:
        table = written.folder / "divisions.parquet"
        (out / "current.json").write_bytes(b"{")
        status, headers, _ = live.get("/api/v1/study")
        assert (status, table.exists()) == (200, True)
        text = log.read_text("utf-8")
    (line,) = [x for x in text.splitlines() if "cannot serve the current version" in x]
    assert headers["x-request-id"] in line


def test_settings_are_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert settings_page() in page, (
        "write the table of docs/settings.md again: yikezhong settings --format markdown"
    )
    rows = setting_rows()
    assert len(rows) == len(Settings.model_fields)
    assert all(description for _, _, description in rows)


def test_settings_are_listed_by_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "yikezhong_app", "settings", "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    items = json.loads(done.stdout)["items"]
    assert [item["variable"] for item in items] == [row[0] for row in setting_rows()]


def test_a_wrong_setting_is_named_but_its_value_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("YIKEZHONG_TOKENS", f"li:boss:{SECRET}")
    monkeypatch.setenv("YIKEZHONG_RATE_BURST", "many")
    with pytest.raises(InputError) as error:
        read_settings(out=Path("result"), host=None)
    assert "YIKEZHONG_TOKENS" in str(error.value)
    assert "YIKEZHONG_RATE_BURST" in str(error.value)
    assert SECRET not in str(error.value)
