"""Bad files, by the numbers of the catalogue of bad inputs."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

import bad_file_cases as bad
from yikezhong_coverage.errors import InputError
from yikezhong_geodata import file_errors as errors
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.opening import TABLE_KINDS, VECTOR_KINDS, FileKind, check_file
from yikezhong_geodata.tables import TextTable, read_table
from yikezhong_geodata.vectors import VectorTable, read_vector
from yikezhong_geodata.xml_files import check_xml


def read(path: Path, report: DataReport) -> VectorTable | TextTable:
    if path.suffix in (".csv", ".xlsx", ".xls"):
        return read_table(path, report=report, label="facilities")
    return read_vector(path, report=report, label="boundaries")


def polygon(*points: tuple[float, float]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [points]}


REFUSED = [
    ("1 no prj", bad.without(".prj"), errors.CrsMissingError, 422),
    ("2 no shx", bad.without(".shx"), errors.IncompleteShapefileError, 422),
    ("3 no dbf", bad.without(".dbf"), errors.IncompleteShapefileError, 422),
    ("4 shp cut", bad.cut(bad.shapefile), errors.TruncatedError, 422),
    ("5 points", bad.many_points, errors.CorruptError, 422),
    (
        "9 two shapefiles",
        bad.zipped_shapefile("a", "b"),
        errors.AmbiguousLayerError,
        422,
    ),
    ("10 up", bad.zipped({"../a.shp": b"x"}), errors.UnsafeArchiveError, 422),
    ("10 absolute", bad.zipped({"/etc/a.shp": b"x"}), errors.UnsafeArchiveError, 422),
    ("10 drive", bad.zipped({"C:\\a.shp": b"x"}), errors.UnsafeArchiveError, 422),
    ("11 bomb", bad.zipped({"a.dbf": bytes(20 * 2**20)}), errors.TooLargeError, 413),
    ("12 nested", bad.zipped({"a.zip": b"PK\x03\x04"}), errors.UnsafeArchiveError, 422),
    ("12 members", bad.many_members, errors.UnsafeArchiveError, 422),
    ("13 encrypted", bad.encrypted_zip, errors.EncryptedError, 422),
    ("zip cut", bad.cut(bad.zipped_shapefile("a")), errors.TruncatedError, 422),
    ("14 vrt", bad.write("a.geojson", bad.VRT), errors.FormatMismatchError, 415),
    (
        "15 vrt in zip",
        bad.zipped({"a.vrt": bad.VRT.encode()}),
        errors.UnsupportedFormatError,
        415,
    ),
    ("bare vrt", bad.write("a.vrt", bad.VRT), errors.UnsupportedFormatError, 415),
    (
        "16 crs link",
        bad.write("a.geojson", bad.collection(bad.POINT, crs=bad.LINK)),
        errors.UnsafeInputError,
        422,
    ),
    (
        "17 unknown",
        bad.write(
            "a.geojson", bad.collection(bad.POINT, crs=bad.named_crs("EPSG:999999"))
        ),
        errors.CrsUnknownError,
        422,
    ),
    (
        "17 xian",
        bad.write(
            "a.geojson", bad.collection(bad.POINT, crs=bad.named_crs("EPSG:4610"))
        ),
        errors.DatumUnknownError,
        422,
    ),
    (
        "17 beijing",
        bad.write(
            "a.geojson", bad.collection(bad.METRES, crs=bad.named_crs("EPSG:2437"))
        ),
        errors.DatumUnknownError,
        422,
    ),
    (
        "18 metres",
        bad.write("a.geojson", bad.collection(bad.METRES)),
        errors.CrsImplausibleError,
        422,
    ),
    ("19 nan", bad.write("a.geojson", '{"type":\n NaN}'), errors.BadJsonError, 422),
    ("19 inf", bad.write("a.geojson", '{"a": -Infinity}'), errors.BadJsonError, 422),
    ("19 1e400", bad.write("a.geojson", '{"a": 1e400}'), errors.BadJsonError, 422),
    (
        "20 deep",
        bad.write("a.geojson", '{"a":' + "[" * 100_000),
        errors.BadJsonError,
        422,
    ),
    (
        "21 cut",
        bad.cut(bad.write("a.geojson", bad.collection(bad.POINT))),
        errors.TruncatedError,
        422,
    ),
    ("no geojson", bad.write("a.json", '{"a": 1}'), errors.BadJsonError, 422),
    ("22 empty", bad.write("a.geojson", b""), errors.EmptyFileError, 422),
    ("22 empty csv", bad.write("a.csv", b""), errors.EmptyFileError, 422),
    (
        "23 no features",
        bad.write("a.geojson", '{"type": "FeatureCollection", "features": []}'),
        errors.NoFeaturesError,
        422,
    ),
    ("24 two layers", bad.geopackage("a", "b"), errors.AmbiguousLayerError, 422),
    ("25 half", bad.cut(bad.geopackage("a")), errors.CorruptError, 422),
    ("26 kml", bad.write("a.kml", bad.LAUGHS + "<kml/>"), errors.UnsafeXmlError, 422),
    ("26 gpx", bad.write("a.gpx", bad.LAUGHS + "<gpx/>"), errors.UnsafeXmlError, 422),
    ("kml cut", bad.cut(bad.write("a.kml", bad.KML % "")), errors.TruncatedError, 422),
    ("33 bomb", bad.edited_workbook(bad.bomb), errors.TooLargeError, 413),
    ("33 corner", bad.edited_workbook(bad.last_corner), errors.TooLargeError, 413),
    ("34 macros", bad.edited_workbook(bad.macros), errors.UnsupportedFormatError, 415),
    ("26 xlsx", bad.edited_workbook(bad.entities), errors.UnsafeXmlError, 422),
    (
        "38 ragged",
        bad.write("a.csv", "名称,床位\n甲,1\n乙,2,3\n"),
        errors.RaggedRowError,
        422,
    ),
    ("39 nul", bad.write("a.csv", b"a,b\n1,2\n3,\0\n"), errors.BadCsvError, 422),
    (
        "html",
        bad.write("a.xls", "<html><table></table></html>"),
        errors.FormatMismatchError,
        415,
    ),
    ("csv as xlsx", bad.write("a.xlsx", "a,b\n1,2\n"), errors.FormatMismatchError, 415),
    (
        "45 swapped",
        bad.write("a.geojson", bad.collection(bad.SWAPPED)),
        errors.AxisOrderError,
        422,
    ),
    (
        "60 csv",
        bad.write("a.csv", "名称,乡镇代码\n甲,1.23457E+17\n"),
        errors.PrecisionLostError,
        422,
    ),
    (
        "60 xlsx",
        lambda folder: bad.workbook(
            folder, [["名称", "社区代码"], ["甲", 123456789012345678]]
        ),
        errors.PrecisionLostError,
        422,
    ),
]


@pytest.mark.parametrize(
    ("build", "error", "status"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_refused(
    tmp_path: Path, build: bad.Build, error: type[InputError], status: int
) -> None:
    folder = tmp_path / "input"
    folder.mkdir()
    path = build(folder)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error) as caught:
        read(path, DataReport())
    assert type(caught.value) is error or error is not errors.BadCsvError
    assert caught.value.http_status == status
    assert caught.value.file == path.name
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("build", "row"),
    [
        (bad.many_points, 2),
        (bad.write("a.csv", "名称,床位\n甲,1\n乙,2,3\n"), 3),
        (bad.write("a.csv", b"a,b\n1,2\n3,\0\n"), 3),
        (bad.write("a.csv", "名称,乡镇代码\n\n甲,1.23457E+17\n"), 3),
    ],
)
def test_row_is_named(tmp_path: Path, build: bad.Build, row: int) -> None:
    with pytest.raises(InputError) as caught:
        read(build(tmp_path), DataReport())
    assert caught.value.row == row


def test_json_position_is_named(tmp_path: Path) -> None:
    path = bad.write("a.geojson", '{"type":\n NaN}')(tmp_path)
    with pytest.raises(errors.BadJsonError, match="第 2 行第 2 个字符"):
        read(path, DataReport())


def test_list_of_layers_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.AmbiguousLayerError, match=r"a\.shp、b\.shp"):
        read(bad.zipped_shapefile("a", "b")(tmp_path), DataReport())


NOTED = [
    ("6 gbk", bad.gbk_shapefile(None), "encoding_guessed"),
    ("7 cpg wrong", bad.gbk_shapefile("UTF-8"), "cpg_wrong"),
    ("8 header cut", bad.cut_header, "header_truncated"),
    ("30 link", bad.write("a.kml", bad.KML % bad.LINKED), "network_link_ignored"),
    ("34 links", bad.edited_workbook(bad.links), "links_ignored"),
    ("35 formula", bad.edited_workbook(bad.empty_formula), "formula_no_value"),
    ("36 hidden", bad.hidden_row, "hidden_rows"),
    ("36 merged", bad.merged_cells, "merged_cells"),
    (
        "37 gbk csv",
        bad.write("a.csv", "名称,床位\n甲,1\n".encode("gbk")),
        "encoding_guessed",
    ),
    (
        "57 height",
        bad.write(
            "a.geojson",
            bad.collection({"type": "Point", "coordinates": [113.4, 31.7, 60]}),
        ),
        "dimension_dropped",
    ),
    (
        "cgcs2000",
        bad.write(
            "a.geojson", bad.collection(bad.POINT, crs=bad.named_crs("EPSG:4490"))
        ),
        "cgcs2000_as_wgs84",
    ),
]


@pytest.mark.parametrize(
    ("build", "word"), [c[1:] for c in NOTED], ids=[c[0] for c in NOTED]
)
def test_kept_and_noted(tmp_path: Path, build: bad.Build, word: str) -> None:
    report = DataReport()
    table = read(build(tmp_path), report)
    assert len(table.frame) > 0
    assert word in [f.problem for f in report.findings]
    assert all(f.message for f in report.findings)


def test_gbk_text_is_right_whatever_the_cpg_says(tmp_path: Path) -> None:
    for number, cpg in enumerate((None, "UTF-8", "GBK", "936", "ISO-8859-1", "?")):
        folder = tmp_path / str(number)
        folder.mkdir()
        table = read(bad.gbk_shapefile(cpg)(folder), DataReport())
        assert table.frame["乡镇名称"].tolist() == ["城郊街道", "淅河镇", "万店镇"]
        assert table.frame["code"].tolist() == ["033010", "033011", "033012"]


@pytest.mark.parametrize("cpg", [None, "ISO-8859-1", "UTF-8"])
def test_western_text_is_not_taken_for_chinese(tmp_path: Path, cpg: str | None) -> None:
    table = read(bad.western_shapefile(cpg)(tmp_path), DataReport())
    assert table.frame["name"].tolist() == ["Rüttistraße", "España", "Vaduz"]


def test_cut_header_keeps_its_column(tmp_path: Path) -> None:
    frame = read(bad.cut_header(tmp_path), DataReport()).frame
    assert frame["乡镇名"].tolist() == ["城郊街道", "淅河镇", "万店镇"]


def test_empty_formula_is_missing_not_zero(tmp_path: Path) -> None:
    report = DataReport()
    table = read(bad.edited_workbook(bad.empty_formula)(tmp_path), report)
    assert table.frame.loc[2, "床位数"] is None
    assert [(f.row, f.value) for f in report.findings] == [(2, "C2")]


ROWS_SET_ASIDE = [
    ("42 ring of three", polygon((113, 31), (114, 31), (113, 31)), "bad_ring"),
    ("42 unclosed", polygon((113, 31), (114, 31), (114, 32), (113, 32)), "bad_ring"),
    ("43 null", None, "no_geometry"),
    ("43 empty", {"type": "Polygon", "coordinates": []}, "no_geometry"),
    ("44 null vertex", {"type": "Point", "coordinates": [113, None]}, "bad_coordinate"),
    ("45 swapped", bad.SWAPPED, "swapped_axes"),
    ("46 null island", {"type": "Point", "coordinates": [0, 0]}, "null_island"),
]


@pytest.mark.parametrize(
    ("geometry", "word"),
    [c[1:] for c in ROWS_SET_ASIDE],
    ids=[c[0] for c in ROWS_SET_ASIDE],
)
def test_bad_geometry_keeps_its_row(
    tmp_path: Path, geometry: object, word: str
) -> None:
    features = [
        {"type": "Feature", "properties": {"code": c}, "geometry": g}
        for c, g in (("1", bad.POINT), ("2", geometry), ("3", bad.POINT))
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features})
    table = read_vector(
        bad.write("a.geojson", text)(tmp_path), report=DataReport(), label="x"
    )
    assert table.frame["code"].tolist() == ["1", "2", "3"]
    assert dict(table.problems) == {2: word}
    assert table.frame.geometry.isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    "text",
    [
        bad.LAUGHS + "<osm/>",
        '<!DOCTYPE osm [<!ENTITY x SYSTEM "file:///etc/passwd">]><osm>&x;</osm>',
        '<!DOCTYPE osm SYSTEM "http://127.0.0.1:9/a.dtd"><osm/>',
    ],
)
def test_entities_in_osm(tmp_path: Path, text: str) -> None:
    path = bad.write("a.osm", text)(tmp_path)
    with pytest.raises(errors.UnsafeXmlError):
        check_file(path, allow=[FileKind.OSM_XML])
    comment = "<!--" + " " * 70_000 + "-->"
    padded = bad.write("b.osm", text.replace("<!DOCTYPE", comment + "<!DOCTYPE"))(
        tmp_path
    )
    with pytest.raises(errors.UnsafeXmlError):
        check_xml(padded, file="b.osm")


def test_tiff_with_vrt_content_and_huge_tiff(tmp_path: Path) -> None:
    """Cases 31 and 32."""
    with pytest.raises(errors.FormatMismatchError):
        check_file(bad.write("a.tif", bad.RASTER_VRT)(tmp_path), allow=[FileKind.TIFF])
    with pytest.raises(errors.TooLargeError, match="200000 × 200000"):
        check_file(bad.huge_tiff(tmp_path), allow=[FileKind.TIFF])


def test_addresses_and_virtual_paths_are_no_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in (
        "/vsicurl/http://127.0.0.1:9/a.geojson",
        "http://127.0.0.1:9/a.gpkg",
        "PG:db",
    ):
        with pytest.raises(errors.FileMissingError):
            check_file(Path(name), allow=VECTOR_KINDS | TABLE_KINDS)
