"""The dependency audit: affected pins are found, and no network is no failure."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
TABLE = tomllib.loads((ROOT / "scripts" / "advisories.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    path = str(ROOT / "scripts" / "audit")
    loader = importlib.machinery.SourceFileLoader("audit_script", path)
    spec = importlib.util.spec_from_loader("audit_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_no_pinned_version_is_affected() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "audit")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "受影响 0 个" in done.stdout


def test_an_affected_version_is_found(audit: ModuleType) -> None:
    pins = audit.read_pins("Jinja2==3.1.5 \\\n    --hash=x\norjson==3.13.0\n")
    (line,) = audit.find_affected(pins, TABLE["advisory"])
    assert line.startswith("jinja2 3.1.5: CVE-2025-27516")


def test_every_advisory_is_whole_and_of_a_package_we_pin(audit: ModuleType) -> None:
    pins = audit.read_pins((ROOT / "requirements.lock").read_text("utf-8"))
    for entry in TABLE["advisory"]:
        assert entry["package"] in pins, entry["id"]
        assert entry["what"] and entry["here"]
        assert ("fixed" in entry) != ("accepted" in entry)


def test_without_a_database_it_is_said(
    audit: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("pip-audit", 1)

    monkeypatch.setattr(audit.subprocess, "run", nobody)
    assert audit.main(["--online"]) == 0
    assert "无法访问" in capsys.readouterr().out


def test_what_the_database_finds_counts(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = (
        '{"dependencies": [{"name": "x", "version": "1", "vulns": [{"id": "PYSEC-1", '
        '"aliases": ["CVE-1"]}]}, {"name": "y", "skip_reason": "?"}]}'
    )
    monkeypatch.setattr(
        audit.subprocess,
        "run",
        lambda *a, **k: subprocess.CompletedProcess(a, 1, stdout=answer, stderr=""),
    )
    assert audit.ask_online(set()) == ["x 1: PYSEC-1"]
    assert audit.ask_online({"CVE-1"}) == []
