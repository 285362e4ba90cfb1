"""A cluster on this machine: a scheduler and workers, each a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml
from distributed import Client

from fault_cases import command

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """Start a scheduler on the loopback and yield its address."""
    about = folder / "scheduler.json"
    process = subprocess.Popen(
        [*_scheduler_command(), "--scheduler-file", str(about)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    (folder / "scheduler.pid").write_text(str(process.pid))
    try:
        yield _address(about)
    finally:
        end(process)


def _scheduler_command() -> list[str]:
    """Return the scheduler's command of the example, for a free port of the loopback."""
    text = (ROOT / "deploy" / "compose.cluster.yaml").read_text("utf-8")
    given: list[str] = yaml.safe_load(text)["services"]["scheduler"]["command"]
    changed = {
        "/opt/yikezhong/venv/bin/dask": str(Path(sys.executable).with_name("dask")),
        "--host=0.0.0.0": "--host=127.0.0.1",
        "--port=8786": "--port=0",
    }
    assert set(changed) < set(given)
    return [changed.get(word, word) for word in given]


@contextmanager
def workers(address: str, folder: Path, count: int = 2) -> Iterator[list[int]]:
    """Start workers as people do, in a session each; yield the sessions."""
    processes = []
    for number in range(count):
        own = folder / f"worker-{number}"
        own.mkdir(exist_ok=True)
        processes.append(
            subprocess.Popen(
                command("worker", address, "--workers", 1, "--memory", 1.5),
                cwd=own,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )
    try:
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _address(about: Path) -> str:
    for _ in range(600):
        try:
            return str(json.loads(about.read_text("utf-8"))["address"])
        except (OSError, ValueError):
            time.sleep(0.05)
    raise AssertionError("the scheduler does not start")


def alive_in_session(session: int) -> list[int]:
    """Return the processes of a session that have not ended."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            state, *rest = (folder / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if folder.name.isdigit() and int(rest[2]) == session and state != "Z":
            found.append(int(folder.name))
    return found


def listening(pids: list[int]) -> set[str]:
    """Return the IPv4 addresses, as the kernel writes them, that processes listen at."""
    sockets = {
        str(link.readlink()).removeprefix("socket:[").removesuffix("]")
        for pid in pids
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink()
    }
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        values = line.split()
        if values[3] == "0A" and values[9] in sockets:
            found.add(values[1].partition(":")[0])
    return found
