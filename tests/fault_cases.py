"""Faults: a tiny study in two states, processes to kill, small disks."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from study_cases import STUDY_TOML, write_study
from yikezhong_app.reading.catalog import load_catalog
from yikezhong_app.snapshots.snapshot import Snapshot, find_damage, open_current

SOAK = os.environ.get("YIKEZHONG_SOAK") == "1"
SERVICES = (
    "services:\n  elderly_circle: {name: 一刻钟养老服务圈, categories: [elderly_complex, "
    "day_care, mutual_aid], group: people_60, profile: walking, limit_s: 900}\n"
)


def write_tiny(folder: Path) -> Path:
    """Write the small study with one service only: a second to run."""
    write_study(folder, toml=STUDY_TOML + '\n[services]\nfile = "services.yaml"\n')
    (folder / "services.yaml").write_text(SERVICES, encoding="utf-8")
    return folder


def command(*arguments: object) -> list[str]:
    """Return the command line of ``yikezhong …``."""
    return [sys.executable, "-m", "yikezhong_app", *map(str, arguments)]


def run_said(
    study: Path, out: Path, *more: object, **options: object
) -> subprocess.CompletedProcess[str]:
    """Run a study in a process of its own and return what it said."""
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        command("run", study, "--out", out, "--json", *more),
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@dataclass(frozen=True)
class TwoStates:
    """A study whose result can be one of two, and the result's folder."""

    study: Path
    out: Path
    versions: tuple[str, str]

    def copy(self, out: Path) -> TwoStates:
        """Return the same with a result folder that may be changed."""
        shutil.copytree(self.out, out)
        return TwoStates(self.study, out, self.versions)

    def run_as(self, state: int) -> list[str]:
        """Return the command that makes the result of a state current."""
        day = ("2023-12-31", "2025-12-31")[state]
        return command(
            "run", self.study, "--out", self.out, "--json", "--force", "--as-of", day
        )


def two_states(folder: Path) -> TwoStates:
    """Run the tiny study for two days; the second stays current."""
    study, out = write_tiny(folder / "study"), folder / "out"
    made = TwoStates(study, out, ("", ""))
    versions = []
    for state in (0, 1):
        subprocess.run(made.run_as(state), check=True, capture_output=True)
        versions.append(open_current(out).version)
    return TwoStates(study, out, (versions[0], versions[1]))


def forget(out: Path, keep: str) -> None:
    """Remove all versions but one, so that a run must write the other again."""
    for path in (out / "versions").iterdir():
        if path.name != keep:
            shutil.rmtree(path)


def assert_whole(out: Path) -> Snapshot:
    """Read everything of the current version: files, tables, what is served."""
    snapshot = open_current(out)
    assert find_damage(snapshot) is None
    for name in snapshot.table_names:
        assert len(snapshot.table(name)) == snapshot.manifest["tables"][name]["rows"]
    load_catalog(snapshot)
    return snapshot


def leftovers(out: Path) -> list[str]:
    """Return the names of temporary files and folders of a result."""
    return sorted(p.name for p in out.rglob("*") if p.name.startswith(".new"))


def start(arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start a process that may be killed."""
    return subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Kill a process without warning; say whether it was still running."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    running = process.poll() is None
    process.kill()
    process.wait()
    return running


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Mount a disk in memory of a size; skip where this is not allowed."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: Path, option: str) -> None:
    """Make a mounted disk ``ro`` or ``rw``."""
    subprocess.run(["mount", "-o", f"remount,{option}", str(folder)], check=True)


def seconds_until_ready(out: Path) -> float:
    """Start the service in a process of its own; return when ``/readyz`` says yes."""
    import socket
    import urllib.error
    import urllib.request

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    begun = time.monotonic()
    service = start(command("serve", out, "--port", port))
    try:
        while time.monotonic() - begun < 60:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                address = f"http://127.0.0.1:{port}/readyz"
                if urllib.request.urlopen(address, timeout=5).status == 200:
                    return time.monotonic() - begun
            time.sleep(0.05)
        raise AssertionError("the service does not become ready")
    finally:
        service.kill()
        service.wait()
