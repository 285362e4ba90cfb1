"""What is fuzzed: one target for each loader, with good and bad files as seeds.

A target takes bytes, puts them where its loader reads them and calls the loader. Only
three endings are right: an answer whose rows are conserved, a :class:`PlannerError`
that speaks Chinese, or (for the service) an answer below 500 that is valid.
"""

from __future__ import annotations

import datetime as dt
import functools
import io
import json
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bad_file_cases as bad
import fuzz_seeds as seeds
from study_cases import write_study
from yikezhong_coverage.errors import PlannerError
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.spec import (
    AttributeSpec,
    BoundarySpec,
    FacilitySpec,
    PopulationSpec,
    RoadSpec,
    read_spec,
)

AS_OF = dt.date(2023, 12, 31)
#: Rendered by a pool of processes, which the fuzzed process cannot start.
RENDERED = ("reports", "maps")
CHINESE = re.compile("[一-鿿]")

Read = Callable[[Path, DataReport], object]


class WrongEndingError(AssertionError):
    """A loader ended in a way that it must not."""


@dataclass(frozen=True)
class Target:
    """A loader under test.

    ``put`` writes the bytes into a folder and returns the file to read.
    """

    name: str
    put: Callable[[Path, bytes], Path]
    read: Read
    seeds: Callable[[], list[bytes]]


def try_once(target: Target, data: bytes, folder: Path) -> None:
    """Give bytes to a target; raise where the ending is wrong."""
    report = DataReport()
    try:
        target.read(target.put(folder, data), report)
    except PlannerError as error:
        if not CHINESE.search(error.message):
            raise WrongEndingError(f"no Chinese message: {error!r}") from error
        return
    for count in report.counts:
        if count.read != count.used + count.repaired + count.set_aside:
            raise WrongEndingError(f"rows are not conserved: {count}")


# -- where the bytes go ----------------------------------------------------------------


def plain(name: str) -> Callable[[Path, bytes], Path]:
    def put(folder: Path, data: bytes) -> Path:
        path = folder / name
        path.write_bytes(data)
        return path

    return put


def shapefile_part(folder: Path, data: bytes) -> Path:
    """The first byte chooses the part that the rest replaces."""
    parts = shapefile_parts()
    chosen = sorted(parts)[data[0] % len(parts)] if data else ".shp"
    for suffix, good in parts.items():
        (folder / f"a{suffix}").write_bytes(data[1:] if suffix == chosen else good)
    return folder / "a.shp"


@functools.cache
def shapefile_parts() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        main = bad.shapefile(Path(name))
        return {p.suffix: p.read_bytes() for p in main.parent.iterdir()}


def zip_member(base: bytes, name: str, file: str) -> Callable[[Path, bytes], Path]:
    """The bytes become one member of a zip that is whole."""
    with zipfile.ZipFile(io.BytesIO(base)) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}

    def put(folder: Path, data: bytes) -> Path:
        path = folder / file
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for member, content in members.items():
                archive.writestr(member, data if member == name else content)
        return path

    return put


def pbf_block(folder: Path, data: bytes) -> Path:
    """The bytes become the last block of an OSM file whose frame is right."""
    path = folder / "a.osm.pbf"
    blob = b"\x10" + _varint(len(data)) + b"\x1a"
    packed = zlib.compress(data, 1)
    blob += _varint(len(packed)) + packed
    header = b"\x0a\x07OSMData\x18" + _varint(len(blob))
    framed = struct.pack(">I", len(header)) + header + blob
    path.write_bytes(seeds.pbf_header() + framed)
    return path


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def study_toml(folder: Path, data: bytes) -> Path:
    if not (folder / "facilities.csv").exists():
        write_study(folder)
    return plain("study.toml")(folder, data)


# -- who reads them --------------------------------------------------------------------


@functools.cache
def divisions() -> object:
    """Return the divisions of the small study."""
    from yikezhong_geodata.boundaries import load_boundaries

    with tempfile.TemporaryDirectory() as name:
        folder = write_study(Path(name) / "study")
        specs = [BoundarySpec("communities.geojson"), BoundarySpec("townships.geojson")]
        return load_boundaries(
            specs, folder=folder, code_system="cn12", report=DataReport()
        )


def vector(path: Path, report: DataReport) -> None:
    from yikezhong_geodata.vectors import read_vector

    read_vector(path, report=report, label="x")


def boundaries(path: Path, report: DataReport) -> None:
    from yikezhong_geodata.boundaries import load_boundaries

    load_boundaries(
        [BoundarySpec(path.name)],
        folder=path.parent,
        code_system="cn12",
        report=report,
        accept_repairs=True,
    )


def facilities(path: Path, report: DataReport) -> None:
    from yikezhong_geodata.facilities import load_facilities

    load_facilities(
        [FacilitySpec(path.name, crs="EPSG:4326")],
        folder=path.parent,
        divisions=divisions(),
        as_of=AS_OF,
        report=report,
    )


def population(kind: str) -> Read:
    def read(path: Path, report: DataReport) -> None:
        from yikezhong_geodata.population import load_population

        crs = "EPSG:4326" if kind == "points" else None
        load_population(
            [PopulationSpec(path.name, kind=kind, crs=crs)],
            folder=path.parent,
            divisions=divisions(),
            report=report,
        )

    return read


def attributes(path: Path, report: DataReport) -> None:
    from yikezhong_geodata.attributes import load_attributes

    load_attributes(
        [AttributeSpec(path.name)],
        folder=path.parent,
        divisions=divisions(),
        report=report,
    )


def roads(path: Path, report: DataReport) -> None:
    from yikezhong_geodata.roads import load_roads

    load_roads(RoadSpec(path.name), folder=path.parent, report=report)


def spec(path: Path, report: DataReport) -> None:
    read_spec(path.parent)


def services(path: Path, report: DataReport) -> None:
    from yikezhong_geodata.services import load_services

    load_services(path)


def scenario(path: Path, report: DataReport) -> None:
    from yikezhong_app.scenarios.reading import read_scenario

    read_scenario(path)


@functools.cache
def client() -> object:
    """Return a client of a service over the small snapshot."""
    from service_cases import make_client
    from snapshot_cases import write_small_snapshot

    folder = Path(tempfile.mkdtemp(prefix="yikezhong-fuzz-"))
    write_small_snapshot(folder)
    made = make_client(folder)
    made.__enter__()
    return made


def query(path: Path, report: DataReport) -> None:
    """Ask the service for ``path?query``; the bytes are the address after the root."""
    from starlette.testclient import TestClient

    made = client()
    if not isinstance(made, TestClient):
        raise TypeError(made)
    text = path.read_bytes().decode("latin-1")
    # what a socket can carry in the first line of a request
    target = "".join(c for c in text if "!" <= c <= "~" and c != "#")
    if target.lstrip("/").startswith(RENDERED):
        return
    answer = made.get("http://127.0.0.1:8000/api/v1/" + target.lstrip("/"))
    if answer.status_code >= 500:
        raise WrongEndingError(f"{answer.status_code} for {target}: {answer.text}")
    kind = answer.headers.get("content-type", "")
    if "json" in kind:
        json.loads(answer.text, parse_constant=_no_constant)
    if answer.status_code >= 400 and "problem+json" not in kind:
        raise WrongEndingError(f"{answer.status_code} is no problem document: {target}")


def _no_constant(name: str) -> object:
    raise WrongEndingError(f"{name} in JSON")


def sheet_put(member: str) -> Callable[[Path, bytes], Path]:
    def put(folder: Path, data: bytes) -> Path:
        return zip_member(seeds.workbook(), member, "a.xlsx")(folder, data)

    return put


TARGETS = {
    target.name: target
    for target in (
        Target("csv", plain("a.csv"), facilities, seeds.csv_facilities),
        Target("csv-table", plain("a.csv"), population("table"), seeds.csv_population),
        Target("csv-points", plain("a.csv"), population("points"), seeds.csv_points),
        Target("csv-attributes", plain("a.csv"), attributes, seeds.csv_attributes),
        Target("xlsx", plain("a.xlsx"), facilities, seeds.workbooks),
        Target("xlsx-sheet", sheet_put(bad.SHEET), facilities, seeds.sheets),
        Target(
            "xlsx-strings",
            sheet_put("xl/sharedStrings.xml"),
            facilities,
            seeds.shared_strings,
        ),
        Target("geojson", plain("a.geojson"), boundaries, seeds.geojson),
        Target("geojson-points", plain("a.geojson"), facilities, seeds.geojson),
        Target("geojson-roads", plain("a.geojson"), roads, seeds.geojson_roads),
        Target("shapefile", shapefile_part, vector, seeds.shapefile_parts),
        Target("zip", plain("a.zip"), vector, seeds.zips),
        Target("gpkg", plain("a.gpkg"), vector, seeds.geopackages),
        Target("flatgeobuf", plain("a.fgb"), vector, seeds.flatgeobufs),
        Target("parquet", plain("a.parquet"), vector, seeds.parquets),
        Target("kml", plain("a.kml"), vector, seeds.kml),
        Target("gpx", plain("a.gpx"), vector, seeds.gpx),
        Target("graphml", plain("a.graphml"), roads, seeds.graphml),
        Target("osm-xml", plain("a.osm"), roads, seeds.osm_xml),
        Target("osm-pbf", plain("a.osm.pbf"), roads, seeds.osm_pbf),
        Target("osm-pbf-block", pbf_block, roads, seeds.osm_blocks),
        Target("geotiff", plain("a.tif"), population("raster"), seeds.geotiffs),
        Target("study", study_toml, spec, seeds.studies),
        Target("services", plain("services.yaml"), services, seeds.services),
        Target("scenario-toml", plain("a.toml"), scenario, seeds.scenarios_toml),
        Target("scenario-json", plain("a.json"), scenario, seeds.scenarios_json),
        Target("api", plain("query"), query, seeds.queries),
    )
}
