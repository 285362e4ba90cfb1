"""A run or a publish killed at any moment leaves the old result or the new one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fault_cases import (
    SOAK,
    TwoStates,
    assert_whole,
    forget,
    kill_after,
    leftovers,
    run_said,
    seconds_until_ready,
    start,
)
from yikezhong_app.snapshots.snapshot import list_versions, open_current

#: Kills of a whole run and of a publish; the long form kills fifty times.
N_RUN, N_PUBLISH = (25, 25) if SOAK else (2, 2)
READY_S = 5.0


@pytest.mark.case("kill")
def test_a_killed_run_leaves_the_old_or_the_new_result(
    states: TwoStates, tmp_path: Path
) -> None:
    states = states.copy(tmp_path / "out")
    random = np.random.default_rng(50)
    begun = time.monotonic()
    subprocess.run(states.run_as(0), check=True, capture_output=True)
    whole_s = time.monotonic() - begun
    killed = 0
    for _ in range(4 * N_RUN):
        old = open_current(states.out).version
        state = 1 - states.versions.index(old)
        forget(states.out, keep=old)
        seconds = random.uniform(0.02, 0.95) * whole_s
        if kill_after(start(states.run_as(state)), seconds):
            killed += 1
        else:  # the machine has become faster
            whole_s = seconds
        assert assert_whole(states.out).version in (old, states.versions[state])
        if killed == N_RUN:
            break
    assert killed == N_RUN
    done = run_said(states.study, states.out, "--force")
    assert done.returncode == 0, done.stderr
    assert assert_whole(states.out).version == states.versions[0]
    assert leftovers(states.out) == []


@pytest.mark.case("kill")
def test_a_killed_publish_leaves_a_whole_result(
    states: TwoStates, tmp_path: Path
) -> None:
    random = np.random.default_rng(51)
    out = states.copy(tmp_path / "out").out
    script = Path(__file__).parent.parent / "publish_forever.py"
    seen = set()
    for _ in range(N_PUBLISH):
        process = subprocess.Popen(
            [sys.executable, str(script), str(out)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"published\n"
        assert kill_after(process, random.uniform(0.0, 1.0))
        process.stdout.close()
        seen.add(assert_whole(out).version)
        for version in set(list_versions(out)) - {*states.versions, *seen}:
            shutil.rmtree(out / "versions" / version)
    assert seen - set(states.versions)
    done = run_said(states.study, out, "--force")
    assert done.returncode == 0, done.stderr
    assert leftovers(out) == []


@pytest.mark.case("kill")
def test_the_service_is_ready_again_soon(states: TwoStates) -> None:
    times = [seconds_until_ready(states.out) for _ in range(5 if SOAK else 2)]
    # the first start may have to read everything from the disk
    assert min(times) <= READY_S, times
