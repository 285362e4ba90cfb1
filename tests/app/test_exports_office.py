"""Reports opened by LibreOffice, as a bureau opens them: the long form only."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from indicator_cases import DemoRun
from snapshot_cases import HOSTILE, write_small_snapshot
from yikezhong_app.cli import app
from yikezhong_app.exports.report_data import gather
from yikezhong_app.reading.catalog import load_catalog
from yikezhong_app.snapshots.snapshot import open_current

pytestmark = [
    pytest.mark.skipif(not os.environ.get("YIKEZHONG_SOAK"), reason="YIKEZHONG_SOAK=1"),
    pytest.mark.skipif(shutil.which("soffice") is None, reason="no LibreOffice"),
    pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no poppler"),
]


def report_of(out: Path, folder: Path) -> dict[str, Path]:
    """Write the report of a result and return its files by their ending."""
    asked = ["report", str(out), "--format", "xlsx,docx", "--out", str(folder)]
    answer = CliRunner().invoke(app, asked)
    assert answer.exit_code == 0, answer.output
    return {path.suffix: path for path in folder.iterdir()}


def text_of(file: Path, folder: Path) -> str:
    """Return the text of a file as LibreOffice prints it."""
    command = [
        "soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless",
        "--convert-to", "pdf", "--outdir", str(folder), str(file),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    pdf = folder / f"{file.stem}.pdf"
    shown = subprocess.run(
        ["pdftotext", "-layout", str(pdf), "-"], check=True, capture_output=True
    )
    return shown.stdout.decode()


@pytest.mark.parametrize("form", [".xlsx", ".docx"])
def test_the_report_of_the_demonstration_opens(
    county_run: DemoRun, tmp_path: Path, form: str
) -> None:
    file = report_of(county_run.out, tmp_path / "report")[form]
    text = text_of(file, tmp_path)
    data = gather(load_catalog(open_current(county_run.out)), None)
    assert "示意数据，非实际边界与设施" in text
    assert data.scope.name in text
    rates = [row["rate"] for row in data.services[:5]]
    assert any(rates)
    for rate in rates:
        assert f"{100 * rate:.1f}" in text


def test_names_like_formulas_stay_texts(tmp_path: Path) -> None:
    write_small_snapshot(tmp_path / "out")
    file = report_of(tmp_path / "out", tmp_path / "report")[".xlsx"]
    text = text_of(file, tmp_path)
    for name in HOSTILE:
        assert name.strip() in text
