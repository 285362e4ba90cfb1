"""Guards of the house: layout, packages, layers, what must never be committed."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import coverage

ROOT = Path(__file__).resolve().parent.parent
SOURCE_ROOTS = ("app", "coverage", "geodata")
PACKAGES = ("yikezhong_app", "yikezhong_coverage", "yikezhong_geodata")


def _tracked() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    return done.stdout.splitlines()


@pytest.mark.parametrize("folder", SOURCE_ROOTS)
def test_source_roots_are_not_packages(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()


def test_coverage_is_the_real_coverage_py() -> None:
    assert hasattr(coverage, "Coverage")
    assert ROOT / "coverage" not in Path(coverage.__file__).parents


def test_the_coverage_folder_is_not_ignored() -> None:
    done = subprocess.run(
        ["git", "check-ignore", "-q", "coverage/yikezhong_coverage/records.py"],
        cwd=ROOT,
        check=False,
    )
    if done.returncode == 128:
        pytest.skip("not a git checkout")
    assert done.returncode == 1


def test_the_wheel_holds_all_three_packages(tmp_path: Path) -> None:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "-t",
            "wheel",
            "-d",
            str(tmp_path),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    import zipfile

    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for package in PACKAGES:
        assert f"{package}/__init__.py" in names
        assert f"{package}/py.typed" in names
    assert "yikezhong_geodata/data/services.yaml" in names


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_are_there_once(name: str) -> None:
    package = importlib.import_module(name)
    assert sorted(set(package.__all__)) == sorted(package.__all__)
    for public in package.__all__:
        assert hasattr(package, public), public


def test_importing_does_no_work() -> None:
    """No heavy optional library is loaded by importing the packages."""
    code = (
        "import sys, yikezhong_app, yikezhong_coverage, yikezhong_geodata;"
        "print([m for m in ('osmnx','rasterio','exactextract','pandera') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_bare_asserts_or_broad_excepts_in_the_packages() -> None:
    found = []
    for folder in SOURCE_ROOTS:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Assert):
                    found.append(f"{path.name}:{node.lineno} assert")
                if isinstance(node, ast.ExceptHandler) and (
                    node.type is None
                    or (
                        isinstance(node.type, ast.Name)
                        and node.type.id in {"Exception", "BaseException"}
                    )
                ):
                    found.append(f"{path.name}:{node.lineno} broad except")
    assert found == []


def test_lock_files_carry_hashes_and_no_addresses() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert "--hash=sha256:" in lock
    assert not re.search(r"https?://|--index-url|--find-links", lock)
    node = (ROOT / "package-lock.json").read_text("utf-8")
    assert '"integrity": "sha512-' in node
    assert '"resolved"' not in node


def test_no_third_party_browser_files_are_committed() -> None:
    tracked = _tracked()
    assert not [f for f in tracked if "static/lib/" in f or "node_modules/" in f]
    assert not [
        f for f in tracked if f.endswith((".woff", ".woff2", ".ttf", ".min.js"))
    ]
