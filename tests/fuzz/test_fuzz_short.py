"""The seeds and a few seconds of damage for every fuzzed loader.

The long form, guided by coverage, is ``make fuzz``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz_cases import TARGETS, Target, WrongEndingError, try_once

#: Bytes that turn up in every format's promises.
PIECES = (b"\0", b"\xff", b"\xff\xff\xff\xff", b"nan", b"-1", b"1e400", b"9" * 5000,
          b'"', b"<", b"&", b"[" * 200, b"\xe4\xb8", "约".encode("gbk"), b"..")  # fmt: skip
#: A target that is slow gets fewer examples.
SLOW = {"xlsx", "xlsx-sheet", "xlsx-strings", "geotiff", "parquet", "shapefile", "zip"}


def damaged(target: Target) -> st.SearchStrategy[bytes]:
    """Return a seed with a piece cut, doubled, replaced or put in."""

    def damage(draw: st.DrawFn) -> bytes:
        raw = draw(st.sampled_from(target.seeds()))
        for _ in range(draw(st.integers(1, 3))):
            start = draw(st.integers(0, len(raw)))
            end = min(len(raw), start + draw(st.integers(0, 40)))
            piece = draw(st.sampled_from(PIECES) | st.binary(max_size=8))
            tail = raw[start:] if draw(st.booleans()) else raw[end:]
            raw = raw[:start] + piece + tail
        return raw

    return st.composite(damage)()


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_ends_well(name: str, tmp_path: Path) -> None:
    for seed in TARGETS[name].seeds():
        try_once(TARGETS[name], seed, tmp_path)


@pytest.mark.parametrize("name", TARGETS)
def test_damage_ends_well(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]

    @settings(
        max_examples=25 if name in SLOW else 60,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged(target))
    def run(data: bytes) -> None:
        try_once(target, data, tmp_path)

    run()


def test_a_wrong_ending_is_found() -> None:
    """The judge itself: an untyped error, and rows that are not conserved."""
    from yikezhong_geodata.data_report import DataReport, LayerCount

    def lose(path: Path, report: DataReport) -> None:
        report.counts.append(
            LayerCount("x", "a", read=2, used=1, repaired=0, set_aside=0)
        )

    def put(folder: Path, data: bytes) -> Path:
        return folder

    with pytest.raises(WrongEndingError, match="conserved"):
        try_once(Target("x", put, lose, list), b"", Path())


def test_the_long_form_runs_and_keeps_what_it_finds(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    folder = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, str(folder), "csv-attributes"],
        env={**_environment(), "FUZZ_SECONDS": "2", "FUZZ_FINDINGS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no finding" in done.stdout
    assert "number_of_executed_units" in done.stdout


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)
