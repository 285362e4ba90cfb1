"""Opening OSM files: whole, safe, or refused with the right error."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

import osm_cases
from yikezhong_coverage.errors import InputError
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import (
    CorruptError,
    EmptyFileError,
    FormatMismatchError,
    TruncatedError,
    UnsafeXmlError,
)
from yikezhong_geodata.osm import check_osm_file
from yikezhong_geodata.osm_features import read_features
from yikezhong_geodata.osm_ways import read_ways

KEYS = ("highway", "oneway")


def ways_of(path: Path):
    return read_ways(path, keys=KEYS, report=DataReport())


@pytest.fixture
def pbf(tmp_path: Path) -> Path:
    return osm_cases.grid(20).write(tmp_path / "grid.osm.pbf")


@pytest.fixture
def xml(tmp_path: Path) -> Path:
    return osm_cases.grid(4).write(tmp_path / "grid.osm")


def test_pbf_and_xml_hold_the_same_ways(tmp_path: Path) -> None:
    case = osm_cases.grid(4)
    one = ways_of(case.write(tmp_path / "a.osm.pbf"))
    other = ways_of(case.write(tmp_path / "a.osm"))
    assert one.name == other.name
    assert one.tags == other.tags
    for field in ("start", "node", "lon", "lat"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


def test_kind_is_told_from_the_content(tmp_path: Path) -> None:
    case = osm_cases.grid(2)
    case.write(tmp_path / "a.osm").rename(tmp_path / "a.pbf")
    case.write(tmp_path / "b.osm.pbf").rename(tmp_path / "b.osm")
    assert check_osm_file(tmp_path / "a.pbf") == "osm"
    assert check_osm_file(tmp_path / "b.osm") == "pbf"
    assert len(ways_of(tmp_path / "a.pbf")) == len(ways_of(tmp_path / "b.osm")) == 4


def test_positions_of_ways_before_their_nodes_are_found(tmp_path: Path) -> None:
    text = """<?xml version='1.0'?><osm version="0.6">
      <way id="7"><nd ref="1"/><nd ref="2"/><tag k="highway" v="path"/></way>
      <node id="2" lat="31.0" lon="113.1"/><node id="1" lat="31.0" lon="113.0"/>
    </osm>"""
    path = tmp_path / "a.osm"
    path.write_text(text)
    assert ways_of(path).lon.tolist() == [113.0, 113.1]


def test_every_cut_of_a_pbf_is_refused_or_whole_blocks(pbf: Path) -> None:
    """BAD-INPUTS 28: half a network is never used."""
    data = pbf.read_bytes()
    whole = len(ways_of(pbf))
    for cut in [*range(1, 200, 7), *range(200, len(data), 101), len(data) - 1]:
        pbf.write_bytes(data[:cut])
        with pytest.raises((TruncatedError, CorruptError)) as caught:
            ways_of(pbf)
        assert caught.value.file == pbf.name
    pbf.write_bytes(data)
    assert len(ways_of(pbf)) == whole


def test_every_cut_of_an_xml_is_truncated(xml: Path) -> None:
    data = xml.read_bytes()
    end = data.rindex(b">")
    for cut in [*range(60, end, 97), end]:
        xml.write_bytes(data[:cut])
        with pytest.raises(TruncatedError):
            ways_of(xml)


def test_cut_before_the_root_element(xml: Path) -> None:
    data = xml.read_bytes()
    for cut in (1, 10, 30):
        xml.write_bytes(data[:cut])
        with pytest.raises((TruncatedError, CorruptError)):
            check_osm_file(xml)


def test_empty_file(tmp_path: Path) -> None:
    for name in ("a.osm", "a.osm.pbf"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(EmptyFileError):
            check_osm_file(tmp_path / name)


@pytest.mark.parametrize("claim", [33 * 1024 * 1024, 2**31 - 1, 2**32 - 1, 0])
def test_blob_header_length_beyond_the_format_is_corrupt(pbf: Path, claim: int) -> None:
    """BAD-INPUTS 29."""
    pbf.write_bytes(claim.to_bytes(4, "big") + pbf.read_bytes()[4:])
    with pytest.raises(CorruptError):
        ways_of(pbf)


def test_blob_size_beyond_the_format_is_corrupt(pbf: Path) -> None:
    data = pbf.read_bytes()
    first = _blocks(data)[0]
    header = b"\x0a\x07OSMData\x18" + _varint(33 * 1024 * 1024)
    pbf.write_bytes(data[:first] + len(header).to_bytes(4, "big") + header + b"x" * 64)
    with pytest.raises(CorruptError):
        ways_of(pbf)


def test_broken_bytes_inside_a_block_are_corrupt(pbf: Path) -> None:
    data = bytearray(pbf.read_bytes())
    data[-40:-20] = bytes(20)
    pbf.write_bytes(bytes(data))
    with pytest.raises(CorruptError):
        ways_of(pbf)


ENTITIES = """<?xml version="1.0"?>
<!DOCTYPE osm [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<osm version="0.6"><node id="1" lat="31" lon="113"><tag k="name" v="&b;"/></node></osm>"""
EXTERNAL = """<?xml version="1.0"?>
<!DOCTYPE osm [<!ENTITY secret SYSTEM "file:///etc/passwd">]>
<osm version="0.6"><node id="1" lat="31" lon="113"><tag k="name" v="&secret;"/></node></osm>"""
OUTSIDE_DTD = """<?xml version="1.0"?>
<!DOCTYPE osm SYSTEM "http://127.0.0.1:9/osm.dtd"><osm version="0.6"></osm>"""
PARAMETER = """<?xml version="1.0"?>
<!DOCTYPE osm [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p">%p;]><osm version="0.6"/>"""


@pytest.mark.parametrize("text", [ENTITIES, EXTERNAL, OUTSIDE_DTD, PARAMETER])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused(tmp_path: Path, text: str, encoding: str) -> None:
    """BAD-INPUTS 26 and 27."""
    path = tmp_path / "a.osm"
    path.write_bytes(
        text.replace('"1.0"', f'"1.0" encoding="{encoding}"').encode(encoding)
    )
    with pytest.raises(UnsafeXmlError):
        ways_of(path)
    with pytest.raises(UnsafeXmlError):
        read_features(path, keys=["amenity"])


@pytest.mark.parametrize("name", ["a.osm", "a.osm.pbf"])
def test_other_content_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for content in (b"<OGRVRTDataSource/>", b"<html></html>", b'{"type": "x"}' * 20):
        path.write_bytes(content)
        with pytest.raises((FormatMismatchError, CorruptError)):
            check_osm_file(path)


@pytest.mark.parametrize("name", ["a.osm.pbf", "a.osm"])
def test_any_byte_may_be_wrong(tmp_path: Path, name: str) -> None:
    """Bytes changed at random: read, or refused as an input; nothing else escapes."""
    case = osm_cases.grid(6)
    case.ring(900, osm_cases.square(113.0, 31.0), landuse="cemetery")
    path = case.write(tmp_path / name)
    data = path.read_bytes()
    chance = random.Random(0)
    refused = 0
    for _ in range(200):
        broken = bytearray(data)
        for _ in range(chance.choice([1, 1, 3])):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        path.write_bytes(bytes(broken))
        try:
            ways_of(path)
            read_features(path, keys=["landuse"])
        except InputError:
            refused += 1
    assert refused > 100


def test_impossible_coordinates_are_corrupt(xml: Path) -> None:
    xml.write_bytes(xml.read_bytes().replace(b'lon="113"', b'lon="nan"'))
    with pytest.raises(CorruptError):
        ways_of(xml)


def test_a_way_that_stands_twice_is_taken_once(tmp_path: Path) -> None:
    path = osm_cases.grid(3).write(tmp_path / "a.osm")
    text = path.read_text()
    start, end = text.index("  <way"), text.index("</way>") + 7
    path.write_text(text.replace("</osm>", text[start:end] + "</osm>"))
    report = DataReport()
    ways = read_ways(path, keys=KEYS, report=report)
    assert len(ways) == 6
    assert [f.problem for f in report.findings] == ["duplicate_way"]


def test_areas_of_a_file_in_any_order(tmp_path: Path) -> None:
    case = osm_cases.OsmCase()
    case.ring(1, osm_cases.square(113.0, 31.0, 0.01), landuse="cemetery")
    case.relations[5] = (
        [("w", 1, "outer")],
        {"type": "multipolygon", "amenity": "school"},
    )
    path = case.write(tmp_path / "a.osm")
    expected = read_features(path, keys=["landuse", "amenity"])
    text = path.read_text()
    start, end = text.index("  <node"), text.index("  <way")
    nodes, rest = text[start:end], text[end : text.index("</osm>")]
    path.write_text(text[:start] + rest + nodes + "</osm>")
    found = read_features(path, keys=["landuse", "amenity"])
    assert [f.id for f in found] == ["w1", "r5"]
    assert all(a.shape.equals(b.shape) for a, b in zip(expected, found, strict=True))


def test_areas_are_assembled_and_broken_ones_named(tmp_path: Path) -> None:
    case = osm_cases.OsmCase()
    case.ring(1, osm_cases.square(113.0, 31.0, 0.01))
    case.ring(2, osm_cases.square(113.004, 31.004, 0.002))
    case.relations[5] = (
        [("w", 1, "outer"), ("w", 2, "inner")],
        {"type": "multipolygon", "landuse": "cemetery"},
    )
    case.relations[6] = (
        [("w", 1, "outer"), ("w", 99, "outer")],
        {"type": "boundary", "boundary": "administrative"},
    )
    case.ring(3, osm_cases.square(113.02, 31.0), landuse="cemetery")
    case.ways[4] = (case.ways[3][0][:3], {"landuse": "cemetery"})
    case.node_tags[1] = {"amenity": "clinic"}
    found = read_features(
        case.write(tmp_path / "a.osm.pbf"), keys=["landuse", "boundary", "amenity"]
    )
    assert [(f.id, f.problem) for f in found] == [
        ("n1", None),
        ("w3", None),
        ("w4", "open_way"),
        ("r5", None),
        ("r6", "broken_ring"),
    ]
    assert found[3].shape.area == pytest.approx(0.0001 - 0.000004)


def _varint(value: int) -> bytes:
    found = b""
    while value >= 0x80:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def _blocks(data: bytes) -> list[int]:
    """Return where each block of a PBF ends; read from our own writer's headers."""
    ends, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        header = data[at + 4 : at + 4 + size]
        body, shift, index = 0, 0, header.index(b"\x18") + 1
        while True:
            body |= (header[index] & 0x7F) << shift
            shift += 7
            if header[index] < 0x80:
                break
            index += 1
        at += 4 + size + body
        ends.append(at)
    return ends
