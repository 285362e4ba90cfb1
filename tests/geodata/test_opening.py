"""What a file is by its content; GDAL without its dangerous drivers."""

from __future__ import annotations

import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import bad_file_cases as bad
from yikezhong_geodata import file_errors as errors
from yikezhong_geodata.archives import check_zip, choose_layer, unpacked
from yikezhong_geodata.opening import (
    FileKind,
    Limits,
    check_excel_container,
    check_file,
    check_raster_size,
)
from yikezhong_geodata.xml_files import check_xml, count_elements

ALL = frozenset(FileKind)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("build", "kind"),
    [
        (bad.geopackage("a"), FileKind.GPKG),
        (bad.shapefile, FileKind.SHAPEFILE),
        (bad.zipped_shapefile("a"), FileKind.ZIP),
        (lambda folder: bad.workbook(folder, bad.ROWS), FileKind.XLSX),
        (bad.write("a.geojson", "\ufeff \n{}"), FileKind.GEOJSON),
        (bad.write("a", b"PAR1...."), FileKind.PARQUET),
        (bad.write("a.fgb", b"fgb\x03fgb\x00"), FileKind.FLATGEOBUF),
        (bad.write("a.xls", OLE), FileKind.XLS),
        (bad.write("a.osm.pbf", b"\0\0\0\x0d\n\tOSMHeader\x18"), FileKind.OSM_PBF),
        (
            bad.write("a.osm", '<?xml version="1.0"?>\n<!-- x --><osm version="0.6"/>'),
            FileKind.OSM_XML,
        ),
        (bad.write("a.graphml", "<graphml xmlns='x'/>"), FileKind.GRAPHML),
        (bad.write("a.kml", bad.KML % ""), FileKind.KML),
        (bad.write("a.gpx", "<gpx/>"), FileKind.GPX),
        (bad.write("a.csv", "a,b\n1,2\n"), FileKind.CSV),
        (bad.write("a.txt", "名称\t床位".encode("utf-16")), FileKind.CSV),
        (bad.write("a.rar", b"Rar!\x1a"), FileKind.OTHER),
        (bad.write("a.html", "<!DOCTYPE html><html/>"), FileKind.OTHER),
    ],
)
def test_kind_by_content(tmp_path: Path, build: bad.Build, kind: FileKind) -> None:
    assert check_file(build(tmp_path), allow=ALL) is kind


def test_only_what_is_asked_for(tmp_path: Path) -> None:
    path = bad.write("a.rar", b"Rar!\x1a")(tmp_path)
    with pytest.raises(errors.UnsupportedFormatError, match="RAR") as caught:
        check_file(path, allow=[FileKind.CSV])
    assert caught.value.http_status == 415
    with pytest.raises(errors.FileMissingError):
        check_file(tmp_path / "b.csv", allow=ALL)
    with pytest.raises(errors.FileMissingError):
        check_file(tmp_path, allow=ALL)


@pytest.mark.parametrize(
    "name", ["a.geojson", "a.gpkg", "a.shp", "a.tif", "a.osm.pbf", "a.zip"]
)
def test_names_do_not_decide(tmp_path: Path, name: str) -> None:
    path = bad.write(name, "a,b\n1,2\n")(tmp_path)
    with pytest.raises(errors.FormatMismatchError, match="CSV"):
        check_file(path, allow=ALL)


def test_encrypted_and_macro_workbooks(tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(OLE + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(errors.EncryptedError):
        check_excel_container(path)
    path.write_bytes(OLE + "_VBA_PROJECT".encode("utf-16-le"))
    with pytest.raises(errors.UnsupportedFormatError):
        check_excel_container(path)


@pytest.mark.parametrize(("mark", "order"), [(b"II", "<"), (b"MM", ">")])
def test_raster_size_from_both_headers(tmp_path: Path, mark: bytes, order: str) -> None:
    classic = struct.pack(order + "HI", 42, 8) + struct.pack(order + "H", 2)
    classic += struct.pack(order + "HHIHH", 256, 3, 1, 30, 0)
    classic += struct.pack(order + "HHII", 257, 4, 1, 20)
    big = struct.pack(order + "HHHQ", 43, 8, 0, 16) + struct.pack(order + "Q", 2)
    big += struct.pack(order + "HHQQ", 256, 16, 1, 30) + struct.pack(
        order + "HHQQ", 257, 16, 1, 20
    )
    for body in (classic, big):
        path = bad.write("a.tif", mark + body)(tmp_path)
        assert check_raster_size(path) == (30, 20)
        with pytest.raises(errors.TooLargeError):
            check_raster_size(path, limits=Limits(raster_cells=599))
        with pytest.raises(errors.CorruptError):
            check_raster_size(bad.write("b.tif", mark + body[:14])(tmp_path))


@pytest.mark.real_data
def test_raster_size_of_a_real_file(real_data: Path) -> None:
    width, height = check_raster_size(real_data / "porto_alegre" / "poa_elevation.tif")
    assert width > 10 and height > 10


def test_unpacked_files_have_our_names_and_go_away(tmp_path: Path) -> None:
    path = bad.zipped_shapefile("数据/乡镇")(tmp_path)
    members = choose_layer(check_zip(path), file="towns.zip", layer=None)
    with unpacked(path, members) as inner:
        folder = inner.parent
        assert folder.stat().st_mode & 0o077 == 0
        names = sorted(p.name for p in folder.iterdir())
        assert names == [
            "layer.cpg",
            "layer.dbf",
            "layer.prj",
            "layer.shp",
            "layer.shx",
        ]
    assert not folder.exists()


def test_side_files_of_other_systems_are_left_out(tmp_path: Path) -> None:
    members = {"a.geojson": b"{}", "__MACOSX/._a.geojson": b"x", ".DS_Store": b"x"}
    found = check_zip(bad.zipped(members)(tmp_path))
    assert [m.filename for m in found] == ["a.geojson"]


def test_links_and_overlapping_members_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("a.shp")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(errors.UnsafeArchiveError):
        check_zip(path)
    bad.zipped({"a.shp": b"x" * 50, "b.shp": b"x" * 50})(tmp_path)
    raw = bytearray((tmp_path / "towns.zip").read_bytes())
    second = raw.rfind(b"PK\x01\x02")
    raw[second + 42 : second + 46] = struct.pack("<I", 1)
    (tmp_path / "towns.zip").write_bytes(raw)
    with pytest.raises(errors.UnsafeArchiveError):
        check_zip(tmp_path / "towns.zip")


def test_xml_is_whole_and_counted(tmp_path: Path) -> None:
    path = bad.write("a.kml", bad.KML % (bad.LINKED * 2))(tmp_path)
    check_xml(path, file="a.kml")
    assert count_elements(path, "NetworkLink", file="a.kml") == 2
    with pytest.raises(errors.CorruptError):
        check_xml(bad.write("b.kml", "<kml></osm>")(tmp_path), file="b.kml")


def test_dangerous_drivers_are_gone_in_a_fresh_process(tmp_path: Path) -> None:
    bad.write("a.vrt", bad.VRT)(tmp_path)
    program = (
        "from yikezhong_geodata.opening import prepare_gdal; prepare_gdal(); prepare_gdal()\n"
        "import pyogrio\n"
        "found = set(pyogrio.list_drivers())\n"
        "assert not found & {'OGR_VRT', 'VRT', 'WFS', 'OAPIF', 'HTTP', 'CSW', 'GDALG', 'ADBC'}\n"
        "assert {'GPKG', 'ESRI Shapefile', 'GeoJSON', 'FlatGeobuf', 'KML', 'PMTiles'} <= found\n"
        "try:\n"
        f"    pyogrio.read_info({str(tmp_path / 'a.vrt')!r})\n"
        "except pyogrio.errors.DataSourceError:\n"
        "    print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "refused", "")


def test_importing_the_modules_loads_no_gdal() -> None:
    program = (
        "import sys, yikezhong_geodata.vectors, yikezhong_geodata.tables\n"
        "heavy = {'pyogrio', 'rasterio', 'geopandas', 'python_calamine'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
