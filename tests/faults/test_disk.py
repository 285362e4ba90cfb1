"""A full, small or read-only disk: said in words, the old result serves, no rubbish."""

from __future__ import annotations

import json
import os
import resource
import shutil
from pathlib import Path

import pytest

from fault_cases import (
    SOAK,
    TwoStates,
    assert_whole,
    forget,
    leftovers,
    remount,
    run_said,
    small_disk,
)
from service_cases import make_client

DAYS = ("2023-12-31", "2025-12-31")


def size_of(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


@pytest.mark.case("disk full")
@pytest.mark.parametrize("share", [0.02, 0.4, 0.7, 0.95] if SOAK else [0.02, 0.95])
def test_a_full_disk_leaves_the_old_result(
    states: TwoStates, tmp_path: Path, share: float
) -> None:
    old, new = states.versions
    one = size_of(states.out / "versions" / old)
    with small_disk(tmp_path / "disk", size=4 * one + (8 << 20)) as disk:
        out = disk / "out"
        # without what runs before have kept: nearly nothing would be left to write
        shutil.copytree(states.out, out, ignore=shutil.ignore_patterns(".work"))
        (out / "current.json").write_text(json.dumps({"version": old}))
        forget(out, keep=old)
        free = shutil.disk_usage(disk).free
        (disk / "filler").write_bytes(bytes(max(0, free - int(share * one))))
        done = run_said(states.study, out, "--as-of", DAYS[1])
        assert done.returncode == 1, done.stdout
        error = json.loads(done.stdout)["error"]
        assert "磁盘" in error["message"] + error["hint"]
        assert "Traceback" not in done.stderr
        assert assert_whole(out).version == old
        assert leftovers(out) == []
        with make_client(out) as client:
            answer = client.get("/api/v1/study")
            assert answer.status_code == 200
            assert answer.json()["version"] == old
        (disk / "filler").unlink()
        assert run_said(states.study, out, "--as-of", DAYS[1]).returncode == 0
        assert assert_whole(out).version == new


@pytest.mark.case("disk full")
@pytest.mark.parametrize("limit", [100, 3_000, 20_000] if SOAK else [3_000])
def test_files_that_may_not_grow(states: TwoStates, tmp_path: Path, limit: int) -> None:
    """The same without a right to mount: no file may be larger than a limit."""
    old = states.versions[0]
    out, temporary = tmp_path / "out", tmp_path / "tmp"
    temporary.mkdir()
    shutil.copytree(states.out, out)
    (out / "current.json").write_text(json.dumps({"version": old}))
    forget(out, keep=old)
    done = run_said(
        states.study,
        out,
        *("--as-of", DAYS[1]),
        env={**os.environ, "TMPDIR": str(temporary)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert json.loads(done.stdout)["error"]["hint"]
    assert assert_whole(out).version == old
    assert leftovers(out) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.case("read-only")
def test_a_read_only_study_and_result(states: TwoStates, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size=64 << 20) as disk:
        study, out = disk / "study", disk / "out"
        shutil.copytree(states.study, study)
        shutil.copytree(states.out, out)
        remount(disk, "ro")
        # a study is only read
        elsewhere = tmp_path / "out"
        assert run_said(study, elsewhere).returncode == 0
        assert assert_whole(elsewhere).version == states.versions[0]
        # a result is only written by a run; it is served as it is
        done = run_said(study, out, "--force", "--as-of", "2024-12-31")
        assert done.returncode == 1
        error = json.loads(done.stdout)["error"]
        assert "权限" in error["hint"]
        with make_client(out) as client:
            assert client.get("/readyz").status_code == 200
            assert client.get("/api/v1/coverage").status_code == 200
        remount(disk, "rw")
