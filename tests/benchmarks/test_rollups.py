"""The benchmark of what follows the network runs, and prints every step."""

from __future__ import annotations

import pytest

from benchmarks import rollups


def test_every_step_is_timed_at_a_small_size(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "_RUNS", 1)
    monkeypatch.setitem(rollups.SIZES, "smaller", (1, 2, 3, 500, 20))
    rollups.main(["smaller", "tiny"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * len(rollups.STEPS)
    for step in rollups.STEPS:
        small, large = (line for line in lines if f" {step} " in line)
        assert small.startswith("smaller")
        assert "exponent" in large
