"""The child process of a download: runs OSMnx with settings of its own.

Reads one JSON job from standard input and writes JSON lines: steps with fractions,
then ``done`` or an error. See :mod:`yikezhong_geodata.download`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from yikezhong_coverage.errors import InputError
from yikezhong_geodata.areas import area_m2
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import NoFeaturesError
from yikezhong_geodata.osm_divisions import divisions_of_osm
from yikezhong_geodata.osm_features import Feature
from yikezhong_geodata.osm_mapping import load_mapping
from yikezhong_geodata.osm_study import buildings_of, facilities_of, write_study
from yikezhong_geodata.profiles import load_rules

ROADS_FILE = "roads.graphml"
SOURCE = "OpenStreetMap"
REQUEST_TIMEOUT_S = 180


def main() -> int:
    """Run the job on standard input; 0 when done, 1 after an error."""
    import requests
    from osmnx._errors import InsufficientResponseError, ResponseStatusCodeError

    job = json.loads(sys.stdin.read())
    try:
        run(job)
    except InputError as error:
        return _fail("input", str(error))
    except (requests.RequestException, ResponseStatusCodeError, OSError) as error:
        return _fail("source", f"无法从地图服务下载：{type(error).__name__}")
    except (
        InsufficientResponseError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:
        return _fail("source", f"地图服务的回答无法理解：{type(error).__name__}")
    _tell(done=True)
    return 0


def run(job: dict[str, Any]) -> None:
    """Download what the job asks for and write the study."""
    import osmnx as ox

    _settle(ox.settings, job)
    out_dir = Path(job["out_dir"])
    out_dir.mkdir(parents=True, exist_ok=True)
    _tell(step="查找地名", fraction=0.0)
    place = _find_place(ox, job["place"])
    polygon = place.geometry.iloc[0]
    _tell(step="下载行政边界", fraction=0.1)
    report = DataReport()
    boundaries = _features(ox, polygon, {"boundary": "administrative"})
    _tell(step="下载设施", fraction=0.25)
    mapping = load_mapping()
    tags = {key: mapping.words_of(key) for key in mapping.facility_keys}
    facilities = _features(ox, polygon, tags)
    _tell(step="下载建筑", fraction=0.4)
    built = _features(ox, polygon, {"building": True}) if job["buildings"] else []
    if built:
        used = sorted(mapping.buildings.unless_landuse)
        built += _features(ox, polygon, {"landuse": used})
    _tell(step="下载道路", fraction=0.6)
    graph = ox.graph_from_polygon(
        polygon, network_type="all", retain_all=True, truncate_by_edge=True
    )
    graph.graph["network_type"] = "all"
    ox.save_graphml(graph, out_dir / ROADS_FILE)
    _tell(step="写出研究", fraction=0.9)
    divisions = _divisions(boundaries, place, job, report)
    write_study(
        out_dir,
        name=job["place"],
        divisions=divisions,
        facilities=facilities_of(facilities, file=SOURCE, report=report),
        buildings=buildings_of(built, divisions, file=SOURCE, report=report),
        report=report,
        roads_file=ROADS_FILE,
    )


def _settle(settings: Any, job: dict[str, Any]) -> None:
    """Set OSMnx up in this process: no cache on disk, our tags, the asked services."""
    settings.use_cache = False
    settings.log_console = False
    settings.requests_timeout = REQUEST_TIMEOUT_S
    settings.useful_tags_way = [*load_rules().keys, "name"]
    if job["nominatim_url"]:
        settings.nominatim_url = job["nominatim_url"]
    if job["overpass_url"]:
        settings.overpass_url = job["overpass_url"]
        # the status page that tells free slots is a habit of the public servers
        settings.overpass_rate_limit = False


def _find_place(ox: Any, name: str) -> Any:
    from osmnx._errors import InsufficientResponseError

    try:
        return ox.geocode_to_gdf(name)
    except (InsufficientResponseError, TypeError) as error:
        _fail(
            "place", f"没有找到“{name}”或它没有边界", hint="请写得更完整，如加上省市名"
        )
        raise SystemExit(1) from error


def _features(ox: Any, polygon: Any, tags: dict[str, Any]) -> list[Feature]:
    """Return the features with these tags; none is no mistake."""
    from osmnx._errors import InsufficientResponseError

    try:
        frame = ox.features_from_polygon(polygon, tags)
    except InsufficientResponseError:
        return []
    found = []
    columns = [c for c in frame.columns if c not in ("geometry", "nodes", "ways")]
    for (kind, number), row in zip(
        frame.index, frame[columns].to_dict("records"), strict=True
    ):
        text = {key: value for key, value in row.items() if isinstance(value, str)}
        found.append(_feature(kind, int(number), text, frame.geometry[(kind, number)]))
    return sorted(found, key=lambda f: ("nwr".index(f.id[0]), int(f.id[1:])))


def _feature(kind: str, number: int, tags: dict[str, str], shape: Any) -> Feature:
    name = f"{kind[0]}{number}"
    if shape is None or shape.is_empty:
        return Feature(name, tags, None, "broken_ring")
    if shape.geom_type in ("Point", "Polygon", "MultiPolygon"):
        return Feature(name, tags, shape)
    return Feature(name, tags, None, "open_way")


def _divisions(
    boundaries: list[Feature], place: Any, job: dict[str, Any], report: DataReport
) -> Any:
    """Return the divisions that lie in the place; the place itself where none does.

    A query by area also gives the neighbours that touch it: what has most of its
    area outside is left away.
    """
    polygon = place.geometry.iloc[0]
    levels = {
        str(job["township_level"]): "township",
        str(job["community_level"]): "community",
    }
    inside = [f for f in boundaries if f.shape is None or _mostly_in(f.shape, polygon)]
    try:
        return divisions_of_osm(inside, levels, file=SOURCE, report=report)
    except NoFeaturesError:
        kind, number = place["osm_type"].iloc[0], place["osm_id"].iloc[0]
        tags = {"name": job["place"], "boundary": "administrative", "admin_level": "0"}
        itself = Feature(f"{kind[0]}{number}", tags, polygon)
        report.add(
            "boundaries",
            SOURCE,
            None,
            itself.id,
            "place_as_township",
            message="没有乡镇级边界，以所查地名的边界作为一个乡镇",
        )
        return divisions_of_osm(
            [itself], {"0": "township"}, file="Nominatim", report=report
        )


def _mostly_in(shape: Any, polygon: Any) -> bool:
    if shape.geom_type == "Point":
        return False
    import numpy as np

    whole, shared = area_m2(np.array([shape, shape.intersection(polygon)]))
    return bool(shared >= 0.5 * whole)


def _fail(kind: str, text: str, **more: str) -> int:
    _tell(error=kind, text=text, **more)
    return 1


def _tell(**message: Any) -> None:
    sys.stdout.write(json.dumps(message, ensure_ascii=True) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
