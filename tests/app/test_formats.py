"""The same study in every format and reference system gives the same rates."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study_cases import write_layers, write_study, write_tables
from yikezhong_app.runs.pipeline import compute_tables
from yikezhong_geodata.study import load_study

AS_OF = dt.date(2023, 12, 31)
#: What a position may move by [m] in a projected system or declared GCJ-02 and back:
#: far below a millimetre in both. Nobody of the tiny study lives that near a limit,
#: so not even GCJ-02 may change a rate.
EXACT = ("EPSG:4326", "EPSG:4490")
KEY = ["level", "code", "service", "limit_s", "denominator", "variant"]


def _coverage(folder: Path) -> pd.DataFrame:
    tables = compute_tables(load_study(folder, as_of=AS_OF))[0]
    return tables["coverage"].astype({name: "str" for name in ("level", "code")})


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return _coverage(write_study(tmp_path_factory.mktemp("reference")))


@pytest.mark.parametrize("system", [*EXACT, "EPSG:4546", "gcj02"])
@pytest.mark.parametrize("kind", ["zip", "gpkg", "geojson", "csv", "gbk.csv", "xlsx"])
def test_rates_are_the_same(
    tmp_path: Path, reference: pd.DataFrame, kind: str, system: str
) -> None:
    write = write_tables if kind in ("csv", "gbk.csv", "xlsx") else write_layers
    found = _coverage(write(tmp_path / "study", kind, system))
    people = found["denominator"] == "people_60"
    pd.testing.assert_frame_equal(found[KEY], reference[KEY])
    for name in ("total", "covered", "full", "out_of_reach"):
        one, other = found.loc[people, name], reference.loc[people, name]
        if system in EXACT:
            np.testing.assert_array_equal(one, other)
        else:  # road pieces may round to another 2⁻²⁰ of a person
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-3)
