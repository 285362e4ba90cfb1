"""Vector files: the same features whatever the format, reference system or datum."""

from __future__ import annotations

import contextlib
import sqlite3
import struct
import zipfile
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

import bad_file_cases as bad
from yikezhong_geodata import datum
from yikezhong_geodata import file_errors as errors
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.opening import Limits
from yikezhong_geodata.vectors import VectorTable, read_vector, text_column

NAMES = ["城郊街道", "淅河镇", "万店镇"]


def read(path: Path, report: DataReport | None = None, **keywords: str) -> VectorTable:
    return read_vector(
        path, report=report or DataReport(), label="boundaries", **keywords
    )


def write(frame: geopandas.GeoDataFrame, folder: Path, form: str) -> Path:
    path = folder / f"towns.{form}"
    if form == "parquet":
        frame.to_parquet(path)
    elif form == "zip":
        inner = folder / "inner"
        inner.mkdir()
        pyogrio.write_dataframe(frame, inner / "乡镇.shp", encoding="GBK")
        with zipfile.ZipFile(path, "w") as archive:
            for part in inner.iterdir():
                archive.write(part, f"数据/{part.name}")
    elif form == "shp":
        pyogrio.write_dataframe(frame, path, encoding="GBK")
        path.with_suffix(".cpg").unlink()
    elif form == "kml":
        pyogrio.write_dataframe(
            frame.rename(columns={"乡镇名称": "Name"}), path, driver="KML"
        )
    else:
        pyogrio.write_dataframe(frame, path)
    return path


def assert_squares(table: VectorTable, *, tolerance: float = 1e-8) -> None:
    frame = table.frame
    assert frame.crs == "EPSG:4326"
    assert frame.index.tolist() == [1, 2, 3]
    assert frame.index.name == "row"
    # FlatGeobuf orders features by place
    shapes = sorted(frame.geometry, key=lambda shape: shape.bounds)
    for found, wanted in zip(shapes, bad.SQUARES, strict=True):
        assert shapely.hausdorff_distance(found, wanted) < tolerance
    assert dict(table.problems) == {}


@pytest.mark.parametrize(
    "form", ["gpkg", "geojson", "shp", "zip", "fgb", "parquet", "kml"]
)
def test_every_format_gives_the_same(tmp_path: Path, form: str) -> None:
    table = read(write(bad.frame(), tmp_path, form))
    assert_squares(table)
    assert table.file == f"towns.{form}"
    names = table.frame["Name" if form == "kml" else "乡镇名称"]
    assert sorted(names) == sorted(NAMES)
    if form != "kml":
        assert sorted(text_column(table.frame["code"])) == [
            "033010",
            "033011",
            "033012",
        ]


# 4490 itself, 3-degree zones without and with their number, 6-degree zone, UTM, web
@pytest.mark.parametrize("epsg", [4490, 4547, 4526, 4546, 4507, 32649, 3857])
@pytest.mark.parametrize("form", ["gpkg", "shp", "geojson"])
def test_every_reference_system_gives_the_same(
    tmp_path: Path, epsg: int, form: str
) -> None:
    report = DataReport()
    frame = bad.frame()
    is_cgcs = epsg not in (32649, 3857)
    if is_cgcs:
        # CGCS2000 is written without a shift, as it is to be read
        frame = frame.set_crs(4490, allow_override=True)
    table = read(write(frame.to_crs(epsg), tmp_path, form), report)
    assert_squares(table)
    assert ("cgcs2000_as_wgs84" in [f.problem for f in report.findings]) == is_cgcs


@pytest.mark.parametrize("name", ["gcj02", "bd09"])
def test_declared_datum_is_converted(tmp_path: Path, name: str) -> None:
    report = DataReport()
    forward = {"gcj02": datum.wgs84_to_gcj02, "bd09": datum.wgs84_to_bd09}[name]
    frame = bad.frame()
    frame.geometry = datum.convert_geometry(frame.geometry.to_numpy(), forward)
    path = write(frame.set_crs(4326), tmp_path, "gpkg")
    table = read(path, report, datum=name)
    assert_squares(table, tolerance=1e-7)
    assert table.datum == name
    assert [f.problem for f in report.findings] == ["datum_converted"]


def test_stated_reference_system(tmp_path: Path) -> None:
    report = DataReport()
    path = bad.without(".prj")(tmp_path)
    assert_squares(read(path, report, crs="EPSG:4490"))
    assert [f.problem for f in report.findings][:2] == [
        "crs_stated",
        "cgcs2000_as_wgs84",
    ]
    with pytest.raises(errors.CrsUnknownError):
        read(path, crs="EPSG:0")
    with pytest.raises(errors.DatumUnknownError):
        read(path, crs="EPSG:4214")
    with pytest.raises(errors.DatumUnknownError):
        read(path, crs="EPSG:4326", datum="beijing54")


def test_beijing54_with_parameters_is_taken(tmp_path: Path) -> None:
    path = bad.without(".prj")(tmp_path)
    text = "+proj=longlat +ellps=krass +towgs84=%s,0,0,0,0 +type=crs"
    moved = read(path, crs=text % "15.8,-154.4,-82.3").frame
    shift = moved.geometry.iloc[0].centroid.distance(bad.SQUARES[0].centroid)
    assert 1e-4 < shift < 1e-2
    with pytest.raises(errors.DatumUnknownError):
        read(path, crs=text % "0,0,0")


def test_wrong_zone_is_implausible(tmp_path: Path) -> None:
    frame = bad.frame().set_crs(4490, allow_override=True).to_crs(4547)
    path = write(frame.set_crs(4526, allow_override=True), tmp_path, "gpkg")
    with pytest.raises(errors.CrsImplausibleError):
        read(path)


def test_numbers_and_missing_values_stay_exact(tmp_path: Path) -> None:
    whole = pd.Series([421303001201, None, 2**60 + 1], dtype="Int64")
    frame = geopandas.GeoDataFrame(
        {"code": whole, "people": [1.5, None, 3.0], "name": ["a", None, "c"]},
        geometry=[shapely.Point(113, 31), None, shapely.Point(114, 31)],
        crs=4326,
    )
    for form in ("gpkg", "geojson", "fgb"):
        if form == "fgb":
            frame = frame[frame.geometry.notna()]
        table = read(write(frame, tmp_path, form))
        codes = text_column(table.frame["code"]).tolist()
        assert sorted(c for c in codes if c) == ["1152921504606846977", "421303001201"]
        if form != "fgb":
            assert codes[1] is None
            assert dict(table.problems) == {2: "no_geometry"}
            assert table.frame.geometry.iloc[1] is None


def test_text_column_refuses_lost_digits() -> None:
    for dtype, value in (("float64", 2.0**53), ("float32", 421303001.0)):
        column = pd.Series([value], dtype=dtype, index=[7], name="代码")
        with pytest.raises(errors.PrecisionLostError) as caught:
            text_column(column, file="a.gpkg")
        assert (caught.value.row, caught.value.column) == (7, "代码")


def test_layer_is_chosen_by_name(tmp_path: Path) -> None:
    path = bad.geopackage("towns", "villages")(tmp_path)
    assert len(read(path, layer="villages").frame) == 3
    with pytest.raises(errors.LayerMissingError, match="towns、villages"):
        read(path, layer="counties")
    zipped = bad.zipped_shapefile("a", "b")(tmp_path)
    for name in ("a", "a.shp"):
        assert len(read(zipped, layer=name).frame) == 3
    with pytest.raises(errors.LayerMissingError):
        read(zipped, layer="c")


def test_geopackage_in_a_zip(tmp_path: Path) -> None:
    path = bad.geopackage("towns", "villages")(tmp_path)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "towns.gpkg")
    assert_squares(read(tmp_path / "a.zip", layer="villages"))


@pytest.mark.parametrize(
    ("wkt", "form"),
    [
        ("POINT Z (113 31 5)", "gpkg"),
        ("POLYGON Z ((113 31 1, 114 31 1, 114 32 1, 113 31 1))", "shp"),
        ("LINESTRING Z (113 31 1, 114 31 2)", "fgb"),
    ],
)
def test_heights_are_dropped(tmp_path: Path, wkt: str, form: str) -> None:
    report = DataReport()
    frame = geopandas.GeoDataFrame(
        {"a": [1]}, geometry=[shapely.from_wkt(wkt)], crs=4326
    )
    table = read(write(frame, tmp_path, form), report)
    assert "dimension_dropped" in [f.problem for f in report.findings]
    assert not table.frame.geometry.iloc[0].has_z


def gpkg_with(folder: Path, wkb: bytes) -> Path:
    """A GeoPackage whose one geometry is any WKB: pyogrio cannot write them all."""
    path = folder / "a.gpkg"
    frame = geopandas.GeoDataFrame(
        {"a": [1]}, geometry=[shapely.Point(113, 31)], crs=4326
    )
    pyogrio.write_dataframe(
        frame, path, layer="a", geometry_type="Unknown", SPATIAL_INDEX="NO"
    )
    head = b"GP\x00\x01" + struct.pack("<i", 4326)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("update a set geom = ?", (head + wkb,))
        database.commit()
    return path


def doubles(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


@pytest.mark.parametrize(
    ("wkb", "kind"),
    [
        (struct.pack("<bI", 1, 2001) + doubles(113, 31, 5), "Point"),
        (struct.pack("<bI", 1, 3001) + doubles(113, 31, 5, 6), "Point"),
        # a circle as a curve polygon: its one ring is a circular string
        (
            struct.pack("<bII", 1, 10, 1)
            + struct.pack("<bII", 1, 8, 3)
            + doubles(113, 31, 114, 31, 113, 31),
            "Polygon",
        ),
    ],
    ids=["measured", "height and measure", "curve"],
)
def test_measures_and_curves_are_flattened(
    tmp_path: Path, wkb: bytes, kind: str
) -> None:
    report = DataReport()
    table = read(gpkg_with(tmp_path, wkb), report)
    shape = table.frame.geometry.iloc[0]
    assert shape.geom_type == kind
    assert not shape.has_z and not shape.has_m
    assert [f.problem for f in report.findings] == ["dimension_dropped"]
    if kind == "Polygon":
        assert shape.area == pytest.approx(np.pi / 4, rel=0.01)


def test_infinite_vertex_keeps_the_row(tmp_path: Path) -> None:
    bent = shapely.Polygon([(113, 31), (114, 31), (114, np.inf), (113, 31)])
    frame = geopandas.GeoDataFrame(
        {"a": [1, 2]}, geometry=[bad.SQUARES[0], bent], crs=4326
    )
    frame.to_parquet(tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet")
    assert dict(table.problems) == {2: "bad_coordinate"}
    assert len(table.frame) == 2


def test_file_size_is_bounded(tmp_path: Path) -> None:
    path = bad.geopackage("towns")(tmp_path)
    with pytest.raises(errors.TooLargeError):
        read_vector(
            path, report=DataReport(), label="x", limits=Limits(file_bytes=1000)
        )


@pytest.mark.real_data
def test_real_layers(real_data: Path) -> None:
    report = DataReport()
    wuhan = read(real_data / "wuhan" / "wuhan_communities_WHHP.gpkg", report)
    assert len(wuhan.frame) == 974
    assert wuhan.crs == "EPSG:4547"
    assert (~wuhan.frame.geometry.is_valid).sum() == 4
    west, south, east, north = wuhan.frame.total_bounds
    assert (113.9 < west < east < 114.7) and (30.2 < south < north < 30.8)
    assert [f.problem for f in report.findings] == ["cgcs2000_as_wgs84"]
    counties = read(real_data / "hubei" / "hubei_counties.gpkg")
    assert text_column(counties.frame["Code_County"]).str.fullmatch(r"42\d{4}").all()
    assert len(read(real_data / "las_palmas" / "school_catchments.geojson").frame) == 29
