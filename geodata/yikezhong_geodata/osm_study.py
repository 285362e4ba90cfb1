"""A study out of any OpenStreetMap extract."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import osmium
import osmium.filter
import shapely
import yaml
from numpy.typing import NDArray

from yikezhong_coverage.errors import InputError
from yikezhong_geodata.areas import area_m2, inner_points
from yikezhong_geodata.columns import CRS, GROUPS, LEVELS
from yikezhong_geodata.data_files import read_yaml
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.geopackages import write_layer
from yikezhong_geodata.import_report import write_import_report
from yikezhong_geodata.osm import check_osm_file, osm_file, reading
from yikezhong_geodata.osm_divisions import divisions_of_files, divisions_of_osm
from yikezhong_geodata.osm_features import Feature, read_features
from yikezhong_geodata.osm_mapping import load_mapping
from yikezhong_geodata.spec import STUDY_FILE
from yikezhong_geodata.vocabulary import load_vocabulary

if TYPE_CHECKING:
    import geopandas as gpd

Progress = Callable[[str, float], None] | None

REPORT_FILE: Final = "import_report.csv"
NOTICE: Final = "数据 © OpenStreetMap 贡献者，ODbL"


def import_osm(
    path: Path,
    out_dir: Path,
    *,
    township_level: int = 8,
    community_level: int = 10,
    county_level: int | None = None,
    boundaries: Sequence[tuple[Path, str]] = (),
    name: str | None = None,
    progress: Progress = None,
) -> DataReport:
    """Write a study folder made of an OSM extract.

    Parameters
    ----------
    path : Path
        ``.osm.pbf`` or ``.osm``.
    out_dir : Path
        Folder to write; must not hold a study yet.
    township_level, community_level, county_level : int
        ``admin_level=`` of each level; ``county_level`` None: no such level.
    boundaries : sequence of (Path, str), optional
        Boundary files and their levels, used instead of OSM's boundaries.
    name : str, optional
        Of the study; by default the file's.
    progress : callable, optional
        Called with a step's name and the fraction done.

    Returns
    -------
    DataReport
        What was set aside or assumed; also written to ``import_report.csv``.

    Raises
    ------
    InputError
        If the file is broken or unsafe, has no usable boundaries, or the folder
        already holds a study.
    """
    say = progress or (lambda step, fraction: None)
    _check_places(path, out_dir)
    report = DataReport()
    mapping = load_mapping()
    say("读取 OSM 数据", 0.0)
    keys = (*mapping.facility_keys, "boundary", "building")
    features = read_features(path, keys=keys)
    say("整理行政区划", 0.4)
    if boundaries:
        divisions = divisions_of_files(boundaries, report=report)
    else:
        wanted = (
            (county_level, "county"),
            (township_level, "township"),
            (community_level, "community"),
        )
        levels = {str(admin): level for admin, level in wanted if admin is not None}
        divisions = divisions_of_osm(features, levels, file=path.name, report=report)
    say("整理设施", 0.5)
    facilities = facilities_of(features, file=path.name, report=report)
    say("整理居住建筑", 0.6)
    buildings = buildings_of(features, divisions, file=path.name, report=report)
    out_dir.mkdir(parents=True, exist_ok=True)
    say("写出道路", 0.7)
    write_roads(path, out_dir / "roads.osm.pbf")
    say("写出研究", 0.8)
    write_study(
        out_dir,
        name=name or path.name.split(".")[0],
        divisions=divisions,
        facilities=facilities,
        buildings=buildings,
        report=report,
    )
    say("完成", 1.0)
    return report


def _check_places(path: Path, out_dir: Path) -> None:
    if not path.is_file():
        raise InputError("找不到 OSM 数据文件", file=str(path), hint="请检查路径")
    if out_dir.exists() and not out_dir.is_dir():
        raise InputError("目标不是文件夹", file=str(out_dir), hint="请换一个名称")
    if (out_dir / STUDY_FILE).exists():
        raise InputError(
            "文件夹中已有一个研究", file=str(out_dir), hint="请换一个空文件夹"
        )


def facilities_of(
    features: Sequence[Feature], *, file: str, report: DataReport
) -> gpd.GeoDataFrame:
    """Return the facilities by their tags: a point each, areas keep their size.

    Returns
    -------
    GeoDataFrame
        id, name, category, functions, beds, places, area_m2, geometry (Point).
    """
    import geopandas as gpd

    mapping = load_mapping()
    matched = [(f, mapping.facility_of(f.tags)) for f in features]
    found = [(f, rule) for f, rule in matched if rule is not None]
    rows: list[dict[str, Any]] = []
    shapes = []
    for row, (feature, rule) in enumerate(found, start=1):
        if feature.shape is None:
            report.add(
                "facilities",
                file,
                row,
                feature.id,
                feature.problem or "no_geometry",
                "set_aside",
                rule.category,
                "设施的面在数据范围内不闭合或没有位置，未使用",
            )
            continue
        rows.append(
            {
                "id": feature.id,
                "name": _facility_name(feature, rule.category),
                "category": rule.category,
                "functions": None
                if rule.functions is None
                else "、".join(rule.functions),
                "beds": _whole(
                    feature.tags.get("capacity:beds", feature.tags.get("beds"))
                ),
                "places": _whole(feature.tags.get("capacity")),
            }
        )
        shapes.append(feature.shape)
    report.close_layer("facilities", file, read=len(found))
    geometry = np.array(shapes, dtype=object)
    columns = ["id", "name", "category", "functions", "beds", "places"]
    table = {c: [row[c] for row in rows] for c in columns}
    lon, lat = inner_points(geometry)
    size = area_m2(geometry)
    table["area_m2"] = np.where(size > 0, size.round(1), np.nan).tolist()
    frame = gpd.GeoDataFrame(table, geometry=shapely.points(lon, lat), crs=CRS)
    for column in ("beds", "places"):
        frame[column] = frame[column].astype("Int64")
    return frame


def buildings_of(
    features: Sequence[Feature],
    divisions: gpd.GeoDataFrame,
    *,
    file: str,
    report: DataReport,
) -> gpd.GeoDataFrame:
    """Return the dwellings inside the divisions, weighted by floor area.

    Returns
    -------
    GeoDataFrame
        id, levels, area_m2, weight (area × levels) [m²], geometry (Point inside).
    """
    import geopandas as gpd

    rules = load_mapping()
    built = [f for f in features if "building" in f.tags and f.id[0] != "n"]
    levels = [rules.dwelling_levels(f.tags) for f in built]
    dwellings = [(f, n) for f, n in zip(built, levels, strict=True) if n is not None]
    whole = [(f, n) for f, n in dwellings if f.shape is not None]
    shapes = np.array([f.shape for f, _ in whole], dtype=object)
    size = area_m2(shapes)
    points = shapely.points(*inner_points(shapes))
    plain = np.array([f.tags["building"] == "yes" for f, _ in whole], dtype=np.bool_)
    not_lived = [
        f.shape
        for f in features
        if f.tags.get("landuse") in rules.buildings.unless_landuse and f.shape
    ]
    at_work = plain & _within(points, not_lived)
    large = size >= rules.buildings.min_area_m2
    inside = _within(points, list(divisions.geometry))
    left_out = {
        "not_dwelling": len(built) - len(dwellings) + int(at_work.sum()),
        "broken_ring": len(dwellings) - len(whole),
        "too_small": int((~at_work & ~large).sum()),
        "outside_area": int((~at_work & large & ~inside).sum()),
    }
    for problem, count in left_out.items():
        if count:
            report.add(
                "demand",
                file,
                None,
                None,
                problem,
                value=count,
                message=f"{count} 栋建筑{_BUILDING_REASONS[problem]}，不作为需求权重",
            )
    take = np.flatnonzero(~at_work & large & inside)
    report.close_layer("demand", file, read=len(take))
    floors = np.array([n for _, n in whole], dtype=np.float64)[take]
    return gpd.GeoDataFrame(
        {
            "id": [whole[at][0].id for at in take.tolist()],
            "levels": floors,
            "area_m2": size[take].round(1),
            "weight": (size[take] * floors).round(1),
        },
        geometry=points[take],
        crs=CRS,
    )


def _within(points: Any, shapes: Sequence[Any]) -> NDArray[np.bool_]:
    """Return which points lie in any of the shapes."""
    found = np.zeros(len(points), dtype=np.bool_)
    tree = shapely.STRtree(np.array(shapes, dtype=object))
    found[tree.query(points, predicate="intersects")[0]] = True
    return found


_BUILDING_REASONS: Final = {
    "not_dwelling": "不是住宅",
    "broken_ring": "轮廓不闭合",
    "too_small": "面积过小",
    "outside_area": "不在行政区划内",
}


def write_roads(path: Path, out: Path) -> None:
    """Write the ways with ``highway=`` and their nodes to a PBF of their own."""
    kind = check_osm_file(path)
    with reading(path):
        source = osm_file(path, kind)
        ways = osmium.FileProcessor(source, osmium.osm.WAY).with_filter(
            osmium.filter.KeyFilter("highway")
        )
        with osmium.BackReferenceWriter(str(out), source, overwrite=True) as writer:
            for way in ways:
                writer.add(way)


def write_study(
    out_dir: Path,
    *,
    name: str,
    divisions: gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    report: DataReport,
    roads_file: str = "roads.osm.pbf",
) -> None:
    """Write the layers, ``study.toml``, services and the import report of a study.

    The roads' file is written by the caller.
    """
    lines = [
        "[study]",
        f"name = {_toml(name)}",
        'code_system = "free"',
        f"notice = {_toml(NOTICE)}",
        f"import_report = {_toml(REPORT_FILE)}",
    ]
    for level in LEVELS:
        part = divisions[divisions["level"] == level]
        if len(part):
            levelled = part.drop(columns="level")
            write_layer([levelled], out_dir / "boundaries.gpkg", layer=level)
            lines += ["", "[[boundaries]]", 'file = "boundaries.gpkg"']
            lines += [f"layer = {_toml(level)}", f"level = {_toml(level)}"]
    if len(facilities):
        write_layer([facilities], out_dir / "facilities.gpkg", layer="facilities")
        lines += ["", "[[facilities]]", 'file = "facilities.gpkg"', 'status = "open"']
    if len(buildings):
        write_layer([buildings], out_dir / "buildings.gpkg", layer="buildings")
        as_people = str("people" not in divisions.columns).lower()
        lines += ["", "[demand.buildings]", 'file = "buildings.gpkg"']
        lines += ['weight = "weight"', f"as_people = {as_people}"]
    lines += ["", "[roads]", f"file = {_toml(roads_file)}"]
    lines += ["", "[services]", 'file = "services.yaml"', ""]
    counted = {group for group in GROUPS if group in divisions.columns}
    (out_dir / "services.yaml").write_text(_services(counted), encoding="utf-8")
    write_import_report(report, out_dir / REPORT_FILE)
    # last: a folder with study.toml is a whole study
    (out_dir / STUDY_FILE).write_text("\n".join(lines), encoding="utf-8")


def _services(counted: set[str]) -> str:
    """Return the shipped services with the mapping's changes, as YAML.

    A service for a group that the study does not count is asked of all people.
    """
    table, _ = read_yaml(None, shipped="services.yaml")
    for service, changes in load_mapping().services.items():
        table["services"][service].update(changes)
    for entry in table["services"].values():
        if entry.get("group", "people_60") not in counted:
            entry["group"] = "people"
    return yaml.safe_dump(table, allow_unicode=True, sort_keys=False)


def _facility_name(feature: Feature, category: str) -> str:
    for key in ("name:zh", "name", "official_name", "operator"):
        if feature.tags.get(key, "").strip():
            return feature.tags[key].strip()
    return f"未命名{load_vocabulary().categories.names[category]} {feature.id}"


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
