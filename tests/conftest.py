"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from yikezhong_geodata.opening import prepare_gdal

# Before anything imports GDAL: afterwards its drivers cannot be cut back.
prepare_gdal()

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
