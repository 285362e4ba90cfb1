"""Bad files, through ``yikezhong check``: cases 1–39."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

import bad_file_cases as bad
import study_cases as study
from bad_input_assertions import assert_listed, assert_refused
from bad_input_cases import (
    Edit,
    Listed,
    Refused,
    boundary,
    change,
    facility,
    frame_as,
    in_place_of,
    population,
    roads,
)
from osm_cases import grid


def shape_of_towns(cpg: str | None, *, encoding: str = "GBK") -> bad.Build:
    """The three townships as a shapefile, with a .cpg or none."""

    def build(folder: Path) -> Path:
        path = folder / "towns.shp"
        study.townships().to_file(path, encoding=encoding)
        path.with_suffix(".cpg").unlink()
        if cpg:
            path.with_suffix(".cpg").write_text(cpg)
        return path

    return build


def cut_header(folder: Path) -> Path:
    """A UTF-8 header that was cut inside its fourth character."""
    path = folder / "towns.shp"
    frame = study.townships().rename(columns={"乡镇代码": "code", "乡镇名称": "town"})
    frame.to_file(path, encoding="UTF-8")
    dbf = path.with_suffix(".dbf")
    raw = dbf.read_bytes()
    at = raw.index(b"town\0")
    dbf.write_bytes(raw[:at] + "乡镇名称".encode()[:10] + b"\0" + raw[at + 11 :])
    return path


def no_projection(folder: Path) -> Path:
    path = shape_of_towns("GBK")(folder)
    path.with_suffix(".prj").unlink()
    return path


def osm(name: str, *, cut: float | None = None, blob: bool = False) -> bad.Build:
    def build(folder: Path) -> Path:
        path = grid(5).write(folder / name)
        raw = path.read_bytes()
        if blob:  # the size of the first block, as its header states it
            at = raw.index(b"\x18", 4) + 1
            raw = raw[:at] + b"\xff\xff\xff\xff\x07" + raw[at + 1 :]
            path.write_bytes(raw)
        elif cut:
            path.write_bytes(raw[: int(len(raw) * cut)])
        return path

    return build


def geojson(text: str) -> bad.Build:
    return bad.write("a.geojson", text)


def with_crs(name: str, geometry: object = bad.POINT) -> bad.Build:
    return geojson(bad.collection(geometry, crs=bad.named_crs(name)))


def services(text: str) -> Edit:
    """The study names services of its own."""

    def edit(folder: Path) -> None:
        (folder / "services.yaml").write_text(text, encoding="utf-8")
        change(folder, "[roads]", '[services]\nfile = "services.yaml"\n\n[roads]')

    return edit


def book(build: bad.Build) -> Edit:
    return facility(build)


ENDLESS = (
    "WITH RECURSIVE n(fid) AS (SELECT 1 UNION ALL SELECT fid + 1 FROM n) "
    "SELECT n.fid, t.* FROM n, kept t"
)


def endless(table: str) -> bad.Build:
    """A GeoPackage one of whose tables became a view that never ends."""

    def build(folder: Path) -> Path:
        path = bad.geopackage("a")(folder)
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA legacy_alter_table = ON")
            database.execute(f"ALTER TABLE {table} RENAME TO kept")
            database.execute(f"CREATE VIEW {table} AS {ENDLESS}")
            database.commit()
        return path

    return build


endless_view, endless_contents = endless("a"), endless("gpkg_contents")


def stated(build: bad.Build) -> Edit:
    return boundary(build, more='\ncrs = "EPSG:4326"')


SAFE_ROW = ["甲日间照料中心", "421303001", "日间照料", "113.37", "31.73"]
HEADER = ["名称", "乡镇代码", "类别", "经度", "纬度"]


def sheet(*rows: list[object], name: str = "list.xlsx") -> bad.Build:
    return lambda folder: bad.workbook(folder, [list(HEADER), *rows], name=name)


def edited(edit: object, text: bytes = b"", by: bytes = b"") -> bad.Build:
    """A good facility workbook with its members changed."""

    def build(folder: Path) -> Path:
        import zipfile

        path = sheet(SAFE_ROW)(folder)
        with zipfile.ZipFile(path) as archive:
            members = {n: archive.read(n) for n in archive.namelist()}
        if callable(edit):
            edit(members)
        if text:
            assert text in members[bad.SHEET]
            members[bad.SHEET] = members[bad.SHEET].replace(text, by)
        return bad.zipped(members, "list.xlsx")(folder)

    return build


def marked_sheet(folder: Path) -> Path:
    """A hidden row, a hidden sheet and a merged cell."""
    import xlsxwriter

    path = folder / "list.xlsx"
    made = xlsxwriter.Workbook(str(path))
    page = made.add_worksheet("名单")
    for index, row in enumerate([HEADER, SAFE_ROW, SAFE_ROW]):
        page.write_row(index, 0, row)
    page.set_row(1, None, None, {"hidden": True})
    page.merge_range("C2:C3", "日间照料")
    made.add_worksheet("旧").hide()
    made.close()
    return path


FORMULA = b"<f>A1</f>"
KML_PLACE = bad.KML.replace("甲", "甲日间照料中心").replace(
    "113.4,31.7", "113.37,31.73"
)

REFUSED = [
    Refused(1, "no .prj", boundary(no_projection), "CrsMissing", "towns.shp",
            says="坐标系"),
    Refused(2, "no .shx", boundary(bad.without(".shx")), "IncompleteShapefile", "towns.shp"),
    Refused(3, "no .dbf", boundary(bad.without(".dbf")), "IncompleteShapefile", "towns.shp"),
    Refused(3, "no .shx and no .dbf", boundary(bad.without(".shx", ".dbf")),
            "IncompleteShapefile", "towns.shp"),
    Refused(4, ".shp cut short", boundary(bad.cut(bad.shapefile)), "Truncated", "towns.shp"),
    Refused(4, ".shp cut in its header", boundary(bad.cut(bad.shapefile, 0.1)),
            "Truncated", "towns.shp"),
    Refused(5, "5e8 points", boundary(bad.many_points), "Corrupt", "towns.shp", row=2),
    Refused(9, "two shapefiles", boundary(bad.zipped_shapefile("a", "b")),
            "AmbiguousLayer", "towns.zip", says="a.shp、b.shp"),
    Refused(10, "../ in a zip", boundary(bad.zipped({"../a.shp": b"x"})),
            "UnsafeArchive", "towns.zip"),
    Refused(10, "absolute name", boundary(bad.zipped({"/etc/a.shp": b"x"})),
            "UnsafeArchive", "towns.zip"),
    Refused(10, "drive letter", boundary(bad.zipped({"C:\\a.shp": b"x"})),
            "UnsafeArchive", "towns.zip"),
    Refused(10, "backslash steps", boundary(bad.zipped({"x\\..\\..\\a.shp": b"x"})),
            "UnsafeArchive", "towns.zip"),
    Refused(11, "ratio over 100", boundary(bad.zipped({"a.dbf": bytes(20 * 2**20)})),
            "TooLarge", "towns.zip", 413),
    Refused(12, "zip in a zip", boundary(bad.zipped({"a.zip": b"PK\x03\x04"})),
            "UnsafeArchive", "towns.zip"),
    Refused(12, "5,000 members", boundary(bad.many_members), "UnsafeArchive", "towns.zip"),
    Refused(13, "password", boundary(bad.encrypted_zip), "Encrypted", "towns.zip"),
    Refused(14, "VRT in .geojson", boundary(geojson(bad.VRT)), "FormatMismatch",
            "a.geojson", 415),
    Refused(15, ".vrt in a zip", boundary(bad.zipped({"a.vrt": bad.VRT.encode()})),
            "UnsupportedFormat", "towns.zip", 415),
    Refused(15, "bare .vrt", boundary(bad.write("a.vrt", bad.VRT)), "UnsupportedFormat",
            "a.vrt", 415),
    Refused(16, "crs is a link", boundary(geojson(bad.collection(bad.POINT, crs=bad.LINK))),
            "UnsafeInput", "a.geojson"),
    Refused(17, "unknown EPSG", boundary(with_crs("EPSG:999999")), "CrsUnknown", "a.geojson"),
    Refused(17, "crs is an address", boundary(with_crs("http://127.0.0.1:9/crs")),
            "CrsUnknown", "a.geojson"),
    Refused(17, "Xi'an 80", boundary(with_crs("EPSG:4610")), "DatumUnknown", "a.geojson"),
    Refused(17, "Beijing 54", boundary(with_crs("EPSG:2437", bad.METRES)), "DatumUnknown",
            "a.geojson"),
    Refused(18, "metres without crs", boundary(geojson(bad.collection(bad.METRES))),
            "CrsImplausible", "a.geojson"),
    Refused(19, "NaN", boundary(geojson('{"type":\n NaN}')), "BadJson", "a.geojson",
            says="第 2 行第 2 个字符"),
    Refused(19, "-Infinity", boundary(geojson('{"a": -Infinity}')), "BadJson", "a.geojson"),
    Refused(19, "1e400", boundary(geojson('{"a": 1e400}')), "BadJson", "a.geojson"),
    Refused(20, "100,000 levels", boundary(geojson('{"a":' + "[" * 100_000)), "BadJson",
            "a.geojson"),
    Refused(21, "cut short", boundary(bad.cut(geojson(bad.collection(bad.POINT)))),
            "Truncated", "a.geojson"),
    Refused(22, "zero bytes", boundary(bad.write("a.geojson", b"")), "EmptyFile",
            "a.geojson"),
    Refused(22, "list of zero bytes", facility(bad.write("a.csv", b"")), "EmptyFile",
            "a.csv"),
    Refused(22, "roads of zero bytes", roads(bad.write("a.osm.pbf", b"")), "EmptyFile",
            "a.osm.pbf"),
    Refused(23, "no features",
            boundary(geojson('{"type": "FeatureCollection", "features": []}')),
            "NoFeatures", "a.geojson"),
    Refused(23, "a header and no rows", population(bad.write("a.csv", "社区代码,人口\n")),
            "NoFeatures", "a.csv"),
    Refused(24, "two layers", boundary(bad.geopackage("a", "b")), "AmbiguousLayer",
            "towns.gpkg", says="a、b"),
    Refused(25, "half a GeoPackage", boundary(bad.cut(bad.geopackage("a"))), "Corrupt",
            "towns.gpkg"),
    Refused(26, "entities in KML", facility(bad.write("a.kml", bad.LAUGHS + "<kml/>")),
            "UnsafeXml", "a.kml"),
    Refused(26, "entities in GPX", facility(bad.write("a.gpx", bad.LAUGHS + "<gpx/>")),
            "UnsafeXml", "a.gpx"),
    Refused(26, "entities in OSM", roads(bad.write("a.osm", bad.LAUGHS + "<osm/>")),
            "UnsafeXml", "a.osm"),
    Refused(26, "entities in GraphML",
            roads(bad.write("a.graphml", bad.LAUGHS + "<graphml/>")), "UnsafeXml",
            "a.graphml"),
    Refused(26, "entities in XLSX", book(edited(bad.entities)), "UnsafeXml", "list.xlsx"),
    Refused(27, "external entity",
            roads(bad.write("a.osm", '<!DOCTYPE osm [<!ENTITY x SYSTEM "file:///etc/passwd">'
                            "]><osm>&x;</osm>")), "UnsafeXml", "a.osm"),
    Refused(27, "external DTD",
            roads(bad.write("a.osm", '<!DOCTYPE osm SYSTEM "http://127.0.0.1:9/a"><osm/>')),
            "UnsafeXml", "a.osm"),
    Refused(28, "OSM XML cut", roads(osm("a.osm", cut=0.7)), "Truncated", "a.osm"),
    Refused(28, "PBF cut", roads(osm("a.osm.pbf", cut=0.7)), "Truncated", "a.osm.pbf"),
    Refused(28, "GraphML cut",
            roads(bad.write("a.graphml", "<graphml><graph><node id='1'>")), "Truncated",
            "a.graphml"),
    Refused(29, "blob over 32 MiB", roads(osm("a.osm.pbf", blob=True)), "Corrupt",
            "a.osm.pbf"),
    Refused(31, "VRT in .tif", population(bad.write("a.tif", bad.RASTER_VRT), kind="raster"),
            "FormatMismatch", "a.tif", 415),
    Refused(32, "200,000 x 200,000 cells", population(bad.huge_tiff, kind="raster"),
            "TooLarge", "people.tif", 413, says="200000 × 200000"),
    Refused(33, "workbook bomb", book(edited(bad.bomb)), "TooLarge", "list.xlsx", 413),
    Refused(33, "last corner used", book(edited(bad.last_corner)), "TooLarge",
            "list.xlsx", 413),
    Refused(33, "a cell that names a row far below its own",
            book(edited(None, b'r="A2"', b'r="XFD1048576"')), "TooLarge", "list.xlsx", 413),
    Refused(33, "cells without names in a row far below",
            book(edited(None, b"</sheetData>",
                        b'<row r="1048576">' + b"<c><v>1</v></c>" * 6 + b"</row></sheetData>")),
            "TooLarge", "list.xlsx", 413),
    Refused(34, "macros", book(edited(bad.macros)), "UnsupportedFormat", "list.xlsx", 415),
    Refused(38, "more fields than headers",
            facility(bad.write("a.csv", "名称,床位\n甲,1\n乙,2,3\n")), "RaggedRow", "a.csv",
            row=3),
    Refused(39, "NUL byte", facility(bad.write("a.csv", b"a,b\n1,2\n3,\0\n")), "BadCsv",
            "a.csv", row=3),
    # relatives that the list does not name
    Refused(14, "web page as .xls",
            facility(bad.write("a.xls", "<html><table></table></html>")), "FormatMismatch",
            "a.xls", 415),
    Refused(14, "list as .xlsx", facility(bad.write("a.xlsx", "a,b\n1,2\n")),
            "FormatMismatch", "a.xlsx", 415),
    Refused(7, "an encoding that is none",
            facility(bad.write("a.csv", "名称\n甲\n"), more='\nencoding = "zlib"'),
            "StudySpec", "study.toml", column="facilities[1].encoding", says="编码"),
    Refused(14, "a layer that is a query without end", boundary(endless_view),
            "UnsafeInput", "towns.gpkg", says="视图"),
    Refused(14, "a list of layers that is a query without end", boundary(endless_contents),
            "UnsafeInput", "towns.gpkg", says="视图"),
    Refused(19, "a number of 5,000 digits in study.toml",
            lambda f: change(f, 'name = "小样"', "name = " + "9" * 5000), "StudySpec",
            "study.toml"),
    Refused(20, "study.toml 5,000 levels deep",
            lambda f: change(f, 'name = "小样"', "name = " + "[" * 5000), "StudySpec",
            "study.toml"),
    Refused(19, "a date that is none in services.yaml", services("a: 2001-99-99"),
            "DataFile", "services.yaml"),
    Refused(19, "a key that is no text in services.yaml", services("1: a"),
            "DataFile", "services.yaml", says="key"),
    Refused(20, "services.yaml 5,000 levels deep", services("a: " + "[" * 5000),
            "DataFile", "services.yaml"),
    Refused(26, "aliases in services.yaml", services("a: &x [1]\nb: *x"), "DataFile",
            "services.yaml"),
    Refused(26, "a tag that makes an object in services.yaml",
            services("a: !!python/object/apply:os.system [x]"), "DataFile",
            "services.yaml"),
    Refused(10, "a file outside the study",
            lambda f: change(f, '"townships.geojson"', '"../study/townships.geojson"'),
            "StudyPath", "study.toml", column="boundaries[2].file"),
]  # fmt: skip

LISTED = [
    Listed(1, "CRS stated by the user", stated(no_projection), "crs_stated"),
    Listed(6, "GBK .dbf, no .cpg", boundary(shape_of_towns(None)), "encoding_guessed",
           says="西城街道"),
    Listed(7, "GBK .dbf, UTF-8 .cpg", boundary(shape_of_towns("UTF-8")), "cpg_wrong"),
    Listed(7, ".cpg names no encoding", boundary(shape_of_towns("zlib")),
           "encoding_guessed"),
    Listed(7, ".cpg with a NUL byte", boundary(shape_of_towns("utf\0-8")),
           "encoding_guessed"),
    Listed(8, "header cut in a character", boundary(cut_header), "header_truncated"),
    Listed(17, "CGCS2000", boundary(frame_as(
        study.townships().set_crs(4490, allow_override=True), "t.gpkg")),
        "cgcs2000_as_wgs84"),
    Listed(30, "KML NetworkLink", facility(bad.write("a.kml", KML_PLACE % bad.LINKED)),
           "network_link_ignored"),
    Listed(34, "external links", book(edited(bad.links)), "links_ignored"),
    Listed(35, "formula without value",
           book(edited(None, b'<c r="B2" t="s"><v>6</v></c>', b'<c r="B2"><f>A1</f></c>')),
           "formula_no_value", rows=(2,)),
    Listed(36, "hidden rows", book(marked_sheet), "hidden_rows"),
    Listed(36, "merged cells", book(marked_sheet), "merged_cells"),
    Listed(37, "GBK list",
           in_place_of("facilities.csv", lambda f: study.write_csv(
               f / "f.csv", study.FACILITY_HEADER, study.FACILITIES, encoding="gbk")),
           "encoding_guessed"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: f"{c.number} {c.title}")
def test_refused(
    case: Refused, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_refused(case, tmp_path, capsys)


@pytest.mark.parametrize("case", LISTED, ids=lambda c: f"{c.number} {c.title}")
def test_listed(
    case: Listed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_listed(case, tmp_path, capsys)


@pytest.mark.case(35)
def test_a_formula_without_a_value_is_missing_and_not_zero(tmp_path: Path) -> None:
    from yikezhong_geodata.data_report import DataReport
    from yikezhong_geodata.tables import read_table

    path = edited(None, b'<c r="B2" t="s"><v>6</v></c>', b'<c r="B2"><f>A1</f></c>')
    table = read_table(path(tmp_path), report=DataReport(), label="x").frame
    assert table.loc[2, "乡镇代码"] is None


@pytest.mark.case(16)
def test_nothing_is_asked_of_the_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def refuse(*_: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for case in REFUSED:
        if case.number in (14, 15, 16, 17, 26, 27):
            folder = tmp_path / json.dumps(case.title, ensure_ascii=True).strip('"')
            folder.mkdir()
            assert_refused(case, folder, capsys)
