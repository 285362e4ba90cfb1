"""Small bad files, each built by a function that takes the folder to build in."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas
import pyogrio
import shapely
import xlsxwriter

Build = Callable[[Path], Path]

SQUARES = [shapely.box(113 + i, 31, 113.5 + i, 31.5) for i in range(3)]


def frame(
    crs: str | None = "EPSG:4326", name: str = "乡镇名称"
) -> geopandas.GeoDataFrame:
    columns = {
        name: ["城郊街道", "淅河镇", "万店镇"],
        "code": ["033010", "033011", "033012"],
    }
    return geopandas.GeoDataFrame(columns, geometry=SQUARES, crs=crs)


def shapefile(
    folder: Path,
    *,
    crs: str | None = "EPSG:4326",
    encoding: str = "GBK",
    name: str = "乡镇名称",
) -> Path:
    path = folder / "towns.shp"
    pyogrio.write_dataframe(frame(crs, name), path, encoding=encoding)
    return path


def without(*suffixes: str, crs: str | None = "EPSG:4326") -> Build:
    """A shapefile that lacks parts."""

    def build(folder: Path) -> Path:
        path = shapefile(folder, crs=crs)
        for suffix in suffixes:
            path.with_suffix(suffix).unlink(missing_ok=True)
        return path

    return build


def cut(build: Build, share: float = 0.5) -> Build:
    """A file cut short."""

    def made(folder: Path) -> Path:
        path = build(folder)
        os.truncate(path, int(path.stat().st_size * share))
        return path

    return made


def many_points(folder: Path) -> Path:
    """A shapefile whose second record claims 5e8 points."""
    path = shapefile(folder)
    raw = bytearray(path.read_bytes())
    first = 2 * struct.unpack(">i", raw[104:108])[0]
    at = 100 + 8 + first + 8 + 40
    raw[at : at + 4] = struct.pack("<i", 500_000_000)
    path.write_bytes(raw)
    return path


def gbk_shapefile(cpg: str | None) -> Build:
    def build(folder: Path) -> Path:
        path = shapefile(folder)
        path.with_suffix(".cpg").unlink(missing_ok=True)
        if cpg is not None:
            path.with_suffix(".cpg").write_text(cpg)
        return path

    return build


def western_shapefile(cpg: str | None) -> Build:
    def build(folder: Path) -> Path:
        path = folder / "towns.shp"
        layer = frame(name="name")
        layer["name"] = ["Rüttistraße", "España", "Vaduz"]
        pyogrio.write_dataframe(layer, path, encoding="ISO-8859-1")
        path.with_suffix(".cpg").unlink(missing_ok=True)
        if cpg is not None:
            path.with_suffix(".cpg").write_text(cpg)
        return path

    return build


def cut_header(folder: Path) -> Path:
    """A .dbf whose UTF-8 header was cut inside its fourth character."""
    path = shapefile(folder, encoding="UTF-8", name="town")
    dbf = path.with_suffix(".dbf")
    raw = bytearray(dbf.read_bytes())
    raw[32:43] = "乡镇名称".encode()[:10] + b"\0"
    dbf.write_bytes(raw)
    return path


def write(name: str, content: str | bytes) -> Build:
    def build(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return build


def zipped(members: dict[str, bytes], name: str = "towns.zip") -> Build:
    def build(folder: Path) -> Path:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return folder / name

    return build


def zipped_shapefile(*names: str) -> Build:
    """Zip a shapefile once under each name."""

    def build(folder: Path) -> Path:
        inner = folder / "parts"
        inner.mkdir()
        parts = sorted(shapefile(inner).parent.iterdir())
        members = {f"{n}{p.suffix}": p.read_bytes() for n in names for p in parts}
        return zipped(members)(folder)

    return build


def many_members(folder: Path) -> Path:
    path = folder / "towns.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(5000):
            archive.writestr(f"{index}.txt", b"")
    return path


def encrypted_zip(folder: Path) -> Path:
    path = zipped_shapefile("a")(folder)
    raw = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.find(signature)
        while at >= 0:
            raw[at + offset] |= 1
            at = raw.find(signature, at + 1)
    path.write_bytes(raw)
    return path


def collection(geometry: object, **more: object) -> str:
    feature = {"type": "Feature", "properties": {"code": "1"}, "geometry": geometry}
    return json.dumps({"type": "FeatureCollection", "features": [feature], **more})


def named_crs(name: str) -> dict[str, object]:
    return {"type": "name", "properties": {"name": name}}


POINT = {"type": "Point", "coordinates": [113.4, 31.7]}
METRES = {"type": "Point", "coordinates": [538000.0, 3507000.0]}
SWAPPED = {"type": "Point", "coordinates": [31.7, 113.4]}
LINK = {
    "type": "link",
    "properties": {"href": "http://127.0.0.1:9/crs", "type": "ogcwkt"},
}
VRT = "<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
RASTER_VRT = "<VRTDataset rasterXSize='1' rasterYSize='1'></VRTDataset>"
LAUGHS = '<?xml version="1.0"?><!DOCTYPE k [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
KML = """<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2">
<Document>%s<Placemark><name>甲</name><Point><coordinates>113.4,31.7</coordinates></Point>
</Placemark></Document></kml>"""
LINKED = "<NetworkLink><Link><href>http://127.0.0.1:9/a.kml</href></Link></NetworkLink>"


def geopackage(*layers: str) -> Build:
    def build(folder: Path) -> Path:
        path = folder / "towns.gpkg"
        for layer in layers:
            pyogrio.write_dataframe(frame(), path, layer=layer)
        return path

    return build


def huge_tiff(folder: Path) -> Path:
    """A TIFF of 200,000 × 200,000 cells: nothing but a header."""
    entries = [(256, 4, 1, 200_000), (257, 4, 1, 200_000)]
    body = b"".join(struct.pack("<HHII", *e) for e in entries)
    raw = (
        struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + body + struct.pack("<I", 0)
    )
    return write("people.tif", raw)(folder)


def workbook(
    folder: Path, rows: list[list[object]], *, name: str = "list.xlsx"
) -> Path:
    book = xlsxwriter.Workbook(str(folder / name))
    sheet = book.add_worksheet("名单")
    for index, row in enumerate(rows):
        sheet.write_row(index, 0, row)
    book.close()
    return folder / name


ROWS: list[list[object]] = [
    ["名称", "乡镇代码", "床位数"],
    ["甲", "033010", 1],
    ["乙", "033011", 2],
]


def edited_workbook(edit: Callable[[dict[str, bytes]], None]) -> Build:
    """A workbook whose members were changed."""

    def build(folder: Path) -> Path:
        path = workbook(folder, ROWS)
        with zipfile.ZipFile(path) as archive:
            members = {n: archive.read(n) for n in archive.namelist()}
        edit(members)
        return zipped(members, "list.xlsx")(folder)

    return build


SHEET = "xl/worksheets/sheet1.xml"


def bomb(members: dict[str, bytes]) -> None:
    members["xl/media/a.bin"] = bytes(40 * 2**20)


def last_corner(members: dict[str, bytes]) -> None:
    corner = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    members[SHEET] = members[SHEET].replace(b"</sheetData>", corner)


def macros(members: dict[str, bytes]) -> None:
    members["xl/vbaProject.bin"] = b"\0"


def links(members: dict[str, bytes]) -> None:
    members["xl/externalLinks/externalLink1.xml"] = b"<externalLink/>"


def entities(members: dict[str, bytes]) -> None:
    head, body = members[SHEET].split(b"?>", 1)
    members[SHEET] = head + b'?><!DOCTYPE w [<!ENTITY a "b">]>' + body


def empty_formula(members: dict[str, bytes]) -> None:
    members[SHEET] = members[SHEET].replace(
        b'<c r="C2"><v>1</v></c>', b'<c r="C2"><f>SUM(A1:A2)</f></c>'
    )


def hidden_row(folder: Path) -> Path:
    book = xlsxwriter.Workbook(str(folder / "list.xlsx"))
    sheet = book.add_worksheet("名单")
    for index, row in enumerate(ROWS):
        sheet.write_row(index, 0, row)
    sheet.set_row(1, None, None, {"hidden": True})
    book.add_worksheet("旧名单").hide()
    book.close()
    return folder / "list.xlsx"


def merged_cells(folder: Path) -> Path:
    book = xlsxwriter.Workbook(str(folder / "list.xlsx"))
    sheet = book.add_worksheet("名单")
    for index, row in enumerate(ROWS):
        sheet.write_row(index, 0, row)
    sheet.merge_range("B2:B3", "033010")
    book.close()
    return folder / "list.xlsx"
