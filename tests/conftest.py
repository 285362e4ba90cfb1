"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from yikezhong_geodata.opening import prepare_gdal

# Before anything imports GDAL: afterwards its drivers cannot be cut back.
prepare_gdal()

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from indicator_cases import DemoRun

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real test data; skip where it is not there."""
    folder = Path(
        os.environ.get("YIKEZHONG_TEST_DATA", ROOT / ".." / "shared" / "data")
    )
    if not folder.is_dir():
        pytest.skip(f"no real test data at {folder}: set YIKEZHONG_TEST_DATA")
    return folder.resolve()


@pytest.fixture(scope="session")
def county_run(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """Return the small demonstration study and its results, plans and all."""
    from indicator_cases import run_county

    return run_county(tmp_path_factory.mktemp("county_run"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a headless Chromium; skip where there is none."""
    from browser_cases import chromium

    with chromium() as started:
        yield started
