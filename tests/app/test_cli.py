"""The command line as a user meets it: output, JSON, exit codes, errors."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from study_cases import write_study
from yikezhong_app.cli import main
from yikezhong_app.snapshots.snapshot import list_versions, open_current


def call(*args: object) -> int:
    """Run the command line in this process and return its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main([str(a) for a in args])
    return int(stopped.value.code or 0)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "study")


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--help") == 0
    text = capsys.readouterr().out
    for command in ("demo", "import-osm", "download", "check", "run", "serve"):
        assert command in text


def test_python_m_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "yikezhong_app", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "一刻钟" in done.stdout


def test_check_counts_rows_and_writes_the_report(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.csv"
    assert call("check", study, "--report", report, "--json") == 0
    answer = _json(capsys)
    for count in answer["counts"]:
        assert count["read"] == count["used"] + count["repaired"] + count["set_aside"]
    assert {p["problem"] for p in answer["problems"]} >= {"inactive"}
    raw = report.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")  # so that Excel reads Chinese
    table = pd.read_csv(report, dtype=str)
    assert len(table) == sum(p["rows"] for p in answer["problems"])


def test_check_prints_tables_for_people(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("check", study) == 0
    captured = capsys.readouterr()
    assert "各图层行数" in captured.out
    assert "facilities.csv" in captured.out


def test_run_publishes_and_then_has_nothing_to_do(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert call("run", study, "--out", out, "--json") == 0
    first = _json(capsys)
    assert first["as_of"] == "2023-12-31"
    (circle,) = [r for r in first["rates"] if r["service"] == "elderly_circle"]
    assert circle["total"] == 2250
    assert 0 < circle["rate"] < 1
    created = open_current(out).manifest["created"]
    assert call("run", study, "--out", out) == 0
    assert "沿用已有成果" in capsys.readouterr().out
    assert open_current(out).manifest["created"] == created
    facilities = study / "facilities.csv"
    facilities.write_text(
        facilities.read_text("utf-8").replace("停业", "运营"), encoding="utf-8"
    )
    assert call("run", study, "--out", out) == 0
    assert "沿用已有成果" not in capsys.readouterr().out
    assert len(list_versions(out)) == 2


def test_as_of_is_another_snapshot(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert call("run", study, "--out", out, "--json", "--as-of", "2025-12-31") == 0
    assert _json(capsys)["version"].startswith("2025-12-31-")


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (
            ('file = "facilities.csv"', 'file = "nothing.csv"'),
            "StudyPath",
            "nothing.csv",
        ),
        (('file = "facilities.csv"', 'file = "../x.csv"'), "StudyPath", "study.toml"),
        (("[roads]", "[rods]"), "StudySpec", "roads"),
        (("name = ", "nam = "), "StudySpec", "name"),
    ],
)
def test_bad_input_is_exit_code_2_with_place_and_remedy(
    study: Path,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str],
    code: str,
    words: str,
) -> None:
    spec = study / "study.toml"
    spec.write_text(spec.read_text("utf-8").replace(*change), encoding="utf-8")
    assert call("check", study) == 2
    error = capsys.readouterr().err
    assert f"错误（{code}）" in error
    assert words in error
    assert "Traceback" not in error
    assert call("check", study, "--json") == 2
    answer = _json(capsys)["error"]
    assert answer["code"] == code
    assert answer["hint"]


def test_a_bad_date_and_a_missing_folder(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("run", study, "--out", tmp_path / "o", "--as-of", "年底") == 2
    assert "2025-12-31" in capsys.readouterr().err
    assert call("check", tmp_path / "nowhere") == 2
    assert "study.toml" in capsys.readouterr().err
    assert call("run") == 2  # a missing argument


def test_a_path_that_cannot_be_written_is_said(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("not a folder")
    for arguments in (
        ("run", study, "--out", taken),
        ("demo", taken, "--scale", "county"),
        ("check", study, "--report", tmp_path / "no" / "report.csv"),
        ("serve", taken),
    ):
        assert call(*arguments) == 1
        error = capsys.readouterr().err
        assert "Traceback" not in error
        assert "错误（Disk）" in error or "yikezhong run" in error, arguments


def test_serve_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("serve", tmp_path) == 1
    assert "yikezhong run" in capsys.readouterr().err


def test_serve_says_that_the_port_is_taken(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert call("run", study, "--out", out, "--json") == 0
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert call("serve", out, "--port", port) == 1
    assert "--port" in capsys.readouterr().err


def test_demo_of_a_county_runs_from_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "demo", tmp_path / "out"
    assert call("demo", folder, "--scale", "county", "--json") == 0
    capsys.readouterr()
    assert call("demo", folder, "--scale", "county", "--json") == 0  # again: the same
    capsys.readouterr()
    assert call("run", folder, "--out", out, "--json") == 0
    answer = _json(capsys)
    assert answer["as_of"] == "2025-12-31"
    assert all(0 <= r["rate"] <= 1 for r in answer["rates"] if r["rate"] is not None)
    assert call("demo", tmp_path / "x", "--scale", "planet") == 2
