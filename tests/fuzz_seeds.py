"""Seeds of the fuzzed loaders: good files and the bad ones of the catalogue."""

from __future__ import annotations

import functools
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyogrio

import bad_file_cases as bad
import osm_cases
import study_cases as study

Seeds = list[bytes]
#: A number with more digits than Python turns into one.
MANY = b"9" * 5000


def made(*builds: bad.Build) -> Seeds:
    """Return the bytes of files that are built."""
    found = []
    for build in builds:
        with tempfile.TemporaryDirectory() as name:
            found.append(build(Path(name)).read_bytes())
    return found


def _table(
    header: Sequence[str], rows: Sequence[Sequence[object]], encoding: str = "utf-8"
) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.csv"
        return study.write_csv(path, header, rows, encoding=encoding).read_bytes()


def csv_facilities() -> Seeds:
    return [
        _table(study.FACILITY_HEADER, study.FACILITIES),
        _table(study.FACILITY_HEADER, study.FACILITIES, "gbk"),
        "名称,床位\n甲,1\n乙,2,3\n".encode(),
        b"a,b\n1,2\n3,\0\n",
        "名称;经度;纬度\n=1+1;113,37;31.73\n".encode(),
        "名称,经度,纬度,类别\n甲,东经113°22′5″,北纬31°43′,日间照料\n".encode(),
        "名称,乡镇代码\n甲,1.23457E+17\n".encode("utf-16"),
    ]


def csv_population() -> Seeds:
    rows = [(c, p, o) for c, (p, o) in study.PEOPLE.items()]
    odd = [("421303001", "约3万", "-"), ("4213031000", "1,234", "-5"), ("x", "NA", "")]
    header = ("社区代码", "常住人口", "60岁以上人口")
    return [_table(header, rows), _table(("乡镇代码", *header[1:]), odd, "gb18030")]


def csv_points() -> Seeds:
    rows = [(113.37, 31.73, 100), (113.39, 31.71, "1e3"), (0, 0, "无")]
    header = ("经度", "纬度", "人口")
    return [_table(header, rows), _table(("lon", "lat", "people"), rows)]


def csv_attributes() -> Seeds:
    rows = [("421303001", "是", "12"), ("421303100", "不详", "-")]
    return [
        _table(("乡镇代码", "困难群众较多", "乡镇中心村"), rows),
        _table(("code", "城市市辖区", "乡镇中心村"), rows),
    ]


@functools.cache
def workbook() -> bytes:
    (content,) = made(
        lambda folder: study.write_xlsx(
            folder / "a.xlsx", study.FACILITY_HEADER, study.FACILITIES
        )
    )
    return content


def workbooks() -> Seeds:
    edits = (bad.links, bad.empty_formula, bad.entities, bad.macros)
    return [workbook(), *made(bad.hidden_row, *map(bad.edited_workbook, edits))]


def _member(name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.xlsx"
        path.write_bytes(workbook())
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)


def sheets() -> Seeds:
    good = _member(bad.SHEET)
    return [good, good.replace(b'r="A1"', b'r="XFD1048576"'), good[: len(good) // 2]]


def shared_strings() -> Seeds:
    good = _member("xl/sharedStrings.xml")
    return [good, good.replace(b"<t>", b'<t xml:space="preserve"> {{7*7}}')]


def _layer(build: Callable[[], object]) -> bad.Build:
    def make(folder: Path) -> Path:
        return study.write_geojson(build(), folder / "a.geojson")  # type: ignore[arg-type]

    return make


def geojson() -> Seeds:
    ring = [[113, 31], [113.1, 31.1], [113.1, 31], [113, 31.1], [113, 31]]
    texts = (
        bad.collection(bad.POINT, crs=bad.LINK),
        bad.collection(bad.METRES, crs=bad.named_crs("EPSG:2437")),
        bad.collection({"type": "Polygon", "coordinates": [ring]}),
        bad.collection({"type": "GeometryCollection", "geometries": [bad.POINT]}),
        bad.collection({"type": "MultiPolygon", "coordinates": [[ring], [ring]]}),
        bad.collection(None),
        '{"type":\n NaN}',
        '{"a":' + "[" * 300,
    )
    layers = (study.communities, study.townships, study.facilities)
    return [*made(*map(_layer, layers)), *(text.encode() for text in texts)]


def geojson_roads() -> Seeds:
    return made(_layer(study.roads))


def shapefile_parts() -> Seeds:
    with tempfile.TemporaryDirectory() as name:
        main = bad.shapefile(Path(name))
        parts = sorted(main.parent.iterdir(), key=lambda p: p.suffix)
        return [bytes([i]) + p.read_bytes() for i, p in enumerate(parts)]


def zips() -> Seeds:
    return made(
        bad.zipped_shapefile("a"),
        bad.zipped_shapefile("a", "b"),
        bad.zipped({"../a.shp": b"x"}),
        bad.zipped({"a.geojson": bad.collection(bad.POINT).encode()}),
        bad.zipped({"a.zip": b"PK\x03\x04"}),
        bad.encrypted_zip,
    )


def geopackages() -> Seeds:
    return made(bad.geopackage("a"), bad.geopackage("a", "b"))


def flatgeobufs() -> Seeds:
    def build(folder: Path) -> Path:
        pyogrio.write_dataframe(bad.frame(), folder / "a.fgb")
        return folder / "a.fgb"

    return made(build)


def parquets() -> Seeds:
    def build(folder: Path) -> Path:
        bad.frame().to_parquet(folder / "a.parquet")
        return folder / "a.parquet"

    return made(build)


def kml() -> Seeds:
    texts = (bad.KML % "", bad.KML % bad.LINKED, bad.LAUGHS + "<kml/>")
    return [text.encode() for text in texts]


def gpx() -> Seeds:
    good = (
        '<?xml version="1.0"?><gpx version="1.1" creator="x" '
        'xmlns="http://www.topografix.com/GPX/1/1">'
        '<wpt lat="31.7" lon="113.4"><ele>60</ele><name>甲</name></wpt></gpx>'
    )
    return [good.encode(), (bad.LAUGHS + "<gpx/>").encode()]


GRAPHML = """<?xml version='1.0' encoding='utf-8'?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="d0" for="node" attr.name="y" attr.type="string"/>
<key id="d1" for="node" attr.name="x" attr.type="string"/>
<key id="d2" for="edge" attr.name="highway" attr.type="string"/>
<key id="d3" for="edge" attr.name="length" attr.type="string"/>
<key id="d4" for="edge" attr.name="maxspeed" attr.type="string"/>
<key id="d5" for="edge" attr.name="geometry" attr.type="string"/>
<key id="d6" for="graph" attr.name="crs" attr.type="string"/>
<graph edgedefault="directed"><data key="d6">epsg:4326</data>
<node id="1"><data key="d0">31.0</data><data key="d1">113.0</data></node>
<node id="2"><data key="d0">31.0</data><data key="d1">113.001</data></node>
<edge source="1" target="2" id="0"><data key="d2">['primary', 'residential']</data>
<data key="d3">95.4</data><data key="d4">50 mph</data>
<data key="d5">LINESTRING (113.0 31.0, 113.0005 31.001, 113.001 31.0)</data></edge>
<edge source="2" target="1" id="0"><data key="d2">residential</data></edge>
</graph></graphml>"""


def graphml() -> Seeds:
    return [
        GRAPHML.encode(),
        GRAPHML.replace("95.4", "nan").encode(),
        GRAPHML.replace("epsg:4326", "epsg:32649").encode(),
    ]


def _osm(name: str) -> bad.Build:
    def build(folder: Path) -> Path:
        case = osm_cases.grid(3)
        case.ways[1][1].update({"maxspeed": "none", "oneway": "-1"})  # type: ignore[attr-defined]
        return case.write(folder / name)

    return build


def osm_xml() -> Seeds:
    attack = '<!DOCTYPE osm [<!ENTITY x SYSTEM "file:///etc/passwd">]><osm>&x;</osm>'
    return [*made(_osm("a.osm")), (bad.LAUGHS + "<osm/>").encode(), attack.encode()]


def osm_pbf() -> Seeds:
    return made(_osm("a.osm.pbf"))


def _blocks() -> list[tuple[bytes, bytes]]:
    """Return of each block of a small PBF its bytes as framed and its content."""
    (raw,) = osm_pbf()
    found, at = [], 0
    while at < len(raw):
        n_head = struct.unpack(">I", raw[at : at + 4])[0]
        head = raw[at + 4 : at + 4 + n_head]
        # type (field 1), then datasize (field 3) as the last varint of the header
        mark = head.index(b"\x18", 2 + head[1])
        size = sum((b & 127) << (7 * i) for i, b in enumerate(head[mark + 1 :]))
        end = at + 4 + n_head + size
        blob = raw[at + 4 + n_head : end]
        packed = blob[blob.index(b"\x78") :]
        found.append((raw[at:end], zlib.decompressobj().decompress(packed)))
        at = end
    return found


@functools.cache
def pbf_header() -> bytes:
    return _blocks()[0][0]


def osm_blocks() -> Seeds:
    return [content for _, content in _blocks()[1:]]


def geotiffs() -> Seeds:
    import rasterio

    def build(nodata: float | None, crs: str | None, **more: object) -> bad.Build:
        def make(folder: Path) -> Path:
            values = np.arange(24, dtype=np.float32).reshape(4, 6)
            with rasterio.open(
                folder / "a.tif", "w", driver="GTiff", height=4, width=6, count=1,
                dtype="float32", crs=crs, nodata=nodata,
                transform=rasterio.Affine(0.01, 0, 113.36, 0, -0.01, 31.74), **more,
            ) as stream:  # fmt: skip
                stream.write(values, 1)
            return folder / "a.tif"

        return make

    return made(
        build(None, "EPSG:4326"),
        build(0, "EPSG:4326", compress="deflate"),
        build(-9999, "EPSG:4490", compress="lzw"),
        bad.huge_tiff,
    )


def studies() -> Seeds:
    more = (
        "[parameters]\nwalk_speed_mps = nan\nlimits_min = [5, 15]\n[[population]]\n"
        'file = "facilities.csv"\nkind = "raster"\n[demand]\nmethod = "auto"\n'
        '[map]\nissuer = "某院"\n[plan_parameters.hubei]\na = 1\n'
        '[[zones]]\nfile = "roads.geojson"\nclass = "expressway"\n'
        '[[statistics]]\nfile = "../x"\ndate = 2020-01-01\n'
    )
    good = study.STUDY_TOML
    return [
        good.encode(),
        (good + more).encode(),
        b"a = " + MANY,
        b"a = " + b"[" * 5000,
    ]


def services() -> Seeds:
    text = """services:
  elderly_circle:
    name: 养老服务圈
    categories: [elderly_complex, day_care, mutual_aid]
    functions: [meal]
    group: people_60
    profile: walking
    limit_s: 900
    capacity: beds
    people_per_unit: 1.5
"""
    bad_ones = (
        b"&a [*a]",
        b"!!python/name:os.system x",
        b"2001-99-99",
        MANY,
        b"\n? :\n?",
    )
    return [text.encode(), *(b"services: " + value for value in bad_ones)]


_CHANGES = (
    '{"name": "a", "changes": [{"action": "add", "id": "b", "lon": 113.4, '
    '"lat": 31.7, "category": "day_care", "functions": ["meal"], "beds": 3}, '
    '{"action": "close", "id": "F1"}, {"action": "add_road", "id": "r", '
    '"from": [113, 31], "to": [113.1, 31], "class": "primary"}]}'
)


def scenarios_json() -> Seeds:
    return [_CHANGES.encode(), b'{"name": NaN}', b"[" * 300, b'{"a": %s}' % MANY]


def scenarios_toml() -> Seeds:
    text = (
        'name = "a"\n[[changes]]\naction = "change"\nid = "b"\nbeds = 1e400\n'
        'add_functions = ["meal"]\nstatus = "open"\n[[changes]]\n'
        'action = "close_road"\nedge = "w1"\nprofiles = ["walking"]\n'
    )
    return [text.encode(), b"a = " + MANY]


def queries() -> Seeds:
    texts = (
        "coverage?level=township&service=elderly_circle&minutes=15&format=csv",
        "coverage?minutes=nan",
        "coverage?service=%00&limit=99999999999999999999",
        "townships/421303001/coverage?minutes=1e308",
        "townships/%ff%fe",
        "townships/..%2f..%2fetc",
        "divisions?level=county&parent=421303000000&q=%E4%B8%9C&simplify=0.001",
        "facilities?bbox=113,31,114,32&category=day_care&status=open&format=xlsx",
        "circles?service=elderly_circle&minutes=15&union=true",
        "gaps?service=elderly_circle&minutes=15&reason=too_far&format=geojson",
        "gap-areas?service=elderly_circle",
        "indicators?level=township&status=met",
        "roads?class=residential&bbox=113,31,114,32",
        "data-report?layer=facilities&offset=1&limit=2",
        "scenarios/../x",
        "sitings/00000000-0000-0000-0000-000000000000",
        "study",
    )
    return [text.encode() for text in texts]
