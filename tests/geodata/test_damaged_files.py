"""Any damage to any file gives a typed error or a table, never another exception."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio
import pytest

import bad_file_cases as bad
from yikezhong_coverage.errors import InputError
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.tables import read_table
from yikezhong_geodata.vectors import read_vector


def flatgeobuf(folder: Path) -> Path:
    pyogrio.write_dataframe(bad.frame(), folder / "a.fgb")
    return folder / "a.fgb"


def parquet(folder: Path) -> Path:
    bad.frame().to_parquet(folder / "a.parquet")
    return folder / "a.parquet"


FILES = {
    "geojson": bad.write("a.geojson", bad.collection(bad.POINT)),
    "shp": bad.shapefile,
    "dbf": bad.shapefile,
    "shx": bad.shapefile,
    "prj": bad.shapefile,
    "gpkg": bad.geopackage("a"),
    "fgb": flatgeobuf,
    "parquet": parquet,
    "kml": bad.write("a.kml", bad.KML % ""),
    "zip": bad.zipped_shapefile("a"),
    "csv": bad.write("a.csv", "名称,床位\n甲,1\n乙,2\n"),
    "xlsx": lambda folder: bad.workbook(folder, bad.ROWS),
}
N_DAMAGE = 40


@pytest.mark.parametrize("form", FILES)
def test_damage_is_refused_in_words(tmp_path: Path, form: str) -> None:
    main = FILES[form](tmp_path)
    part = main.with_suffix(f".{form}") if main.suffix == ".shp" else main
    good = part.read_bytes()
    random = np.random.default_rng(5)
    for turn in range(N_DAMAGE):
        raw = bytearray(good)
        if turn % 3 == 0:
            del raw[random.integers(1, len(raw)) :]
        else:
            # the first bytes hold most of the promises
            reach = len(raw) if turn % 3 == 1 else min(len(raw), 200)
            for at in random.integers(0, reach, random.integers(1, 6)):
                raw[at] = random.integers(0, 256)
        part.write_bytes(raw)
        try:
            if form in ("csv", "xlsx"):
                read_table(main, report=DataReport(), label="x")
            else:
                read_vector(main, report=DataReport(), label="x")
        except InputError as error:
            assert error.file == main.name, repr(error)
