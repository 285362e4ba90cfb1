"""Two runs into one folder at once: one after the other, or the second is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fault_cases import TwoStates, assert_whole, leftovers, write_tiny
from yikezhong_app.snapshots.snapshot import find_damage, list_versions, open_version


@pytest.mark.case("two runs")
def test_two_runs_at_once_are_never_mixed(tmp_path: Path) -> None:
    states = TwoStates(write_tiny(tmp_path / "study"), tmp_path / "out", ("", ""))
    both = [
        subprocess.Popen(
            states.run_as(state),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for state in (0, 1)
    ]
    answers = [process.communicate() for process in both]
    made = []
    for process, (answer, errors) in zip(both, answers, strict=True):
        document = json.loads(answer)
        assert "Traceback" not in errors
        if process.returncode == 0:
            made.append(document["version"])
        else:
            assert process.returncode == 1
            assert document["error"]["code"] == "SnapshotBusy"
            assert "另一个运行" in document["error"]["message"]
    assert made
    assert sorted(made) == list_versions(states.out)
    for version in made:
        assert find_damage(open_version(states.out, version)) is None
    assert assert_whole(states.out).version in made
    assert leftovers(states.out) == []
