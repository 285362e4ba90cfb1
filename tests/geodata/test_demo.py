"""The demonstration study: nested, complete, connected, the same every time."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import shutil
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pytest
import shapely
from python_calamine import CalamineWorkbook

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.graph import usable_edges
from yikezhong_coverage.snap import snap_points
from yikezhong_coverage.travel import nearest_facility
from yikezhong_geodata.demo import NOTICE, build_demo
from yikezhong_geodata.demo.names import SCHEMATIC_SEATS, is_urban, read_places
from yikezhong_geodata.demo.population import MISSING_60
from yikezhong_geodata.spec import read_spec
from yikezhong_geodata.study import load_study
from yikezhong_geodata.vocabulary import load_vocabulary

LEVELS = ("prefecture", "county", "township", "community")
DIGITS = {"prefecture": 4, "county": 6, "township": 9}
PLANNED_CATEGORIES = {
    "elderly_institution",
    "elderly_complex",
    "day_care",
    "mutual_aid",
    "special_care",
    "child_protection_station",
    "minor_protection_center",
    "child_welfare_home",
    "childrens_home",
    "rescue_station",
    "social_work_station",
    "community_service_center",
    "mental_rehab",
    "marriage_registry",
    "funeral_home",
    "funeral_service_point",
    "public_cemetery",
    "columbarium",
    "kindergarten",
    "school",
    "clinic",
    "hospital",
}


@pytest.fixture(scope="module")
def prefecture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    steps: list[float] = []
    folder = build_demo(
        tmp_path_factory.mktemp("demo") / "study",
        progress=lambda name, done: steps.append(done),
    )
    assert steps[0] == 0.0 and steps[-1] == 1.0 and steps == sorted(steps)
    return folder


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_demo(tmp_path_factory.mktemp("demo") / "county", scale="county")


def layer(folder: Path, level: str) -> dict[str, Any]:
    """Return name and shape by code."""
    path = folder / f"boundaries_{level}.geojson"
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    return {
        f["properties"]["区划代码"]: (
            f["properties"]["名称"],
            shapely.geometry.shape(f["geometry"]),
        )
        for f in features
    }


def elderly_rows(folder: Path) -> list[dict[str, Any]]:
    book = CalamineWorkbook.from_path(str(folder / "facilities_elderly.xlsx"))
    title, header, *rows = book.get_sheet_by_index(0).to_python()
    assert NOTICE in str(title[0])
    return [dict(zip(header, row, strict=True)) for row in rows]


def csv_rows(path: Path, encoding: str) -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


def all_rows(folder: Path) -> list[dict[str, Any]]:
    points = json.loads((folder / "facilities_children.geojson").read_text("utf-8"))
    return [
        *elderly_rows(folder),
        *csv_rows(folder / "facilities_funeral.csv", "gb18030"),
        *csv_rows(folder / "facilities_civic.csv", "utf-8-sig"),
        *(f["properties"] for f in points["features"]),
    ]


def ways(folder: Path) -> list[tuple[dict[str, str], list[int], np.ndarray]]:
    found = []
    source = osmium.FileProcessor(str(folder / "roads.osm.pbf")).with_locations()
    for item in source:
        if item.is_way():
            places = np.array([(n.lon, n.lat) for n in item.nodes])
            found.append((dict(item.tags), [n.ref for n in item.nodes], places))
    return found


def test_table_is_the_real_list(real_data: Path) -> None:
    places = read_places("prefecture")
    for file, own in (
        ("streets_suizhou4213.csv", places.townships),
        ("villages_suizhou4213.csv", places.communities),
    ):
        rows = csv_rows(real_data / "suizhou" / file, "utf-8")
        real = {r["code"].ljust(12, "0"): r["name"] for r in rows}
        assert {p.code: p.name for p in own} == real
    seats = csv_rows(real_data / "suizhou" / "township_seats_geonames.csv", "utf-8-sig")
    known = {
        r["code9"] + "000": (float(r["lon"]), float(r["lat"]))
        for r in seats
        if r["lon"]
    }
    assert len(known) == 36
    ours = {p.code: (p.lon, p.lat) for p in places.townships}
    assert known == {c: at for c, at in ours.items() if c not in SCHEMATIC_SEATS}


@pytest.mark.parametrize("level", LEVELS)
def test_boundaries_tile_the_land(prefecture: Path, level: str) -> None:
    shapes = np.array([shape for _, shape in layer(prefecture, level).values()])
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    # every place in one piece
    assert {s.geom_type for s in shapes} == {"Polygon"}


@pytest.mark.parametrize(
    "lower, upper",
    [("community", "township"), ("township", "county"), ("county", "prefecture")],
)
def test_boundaries_nest_exactly(prefecture: Path, lower: str, upper: str) -> None:
    parts, wholes = layer(prefecture, lower), layer(prefecture, upper)
    for code, (_, whole) in wholes.items():
        own = [s for c, (_, s) in parts.items() if c.startswith(code[: DIGITS[upper]])]
        assert shapely.coverage_union_all(own).equals(whole)


def test_codes_and_names_are_those_of_the_table(prefecture: Path) -> None:
    places = read_places("prefecture")
    for level, own in (
        ("prefecture", (places.top,)),
        ("county", places.counties),
        ("township", places.townships),
        ("community", places.communities),
    ):
        found = {code: name for code, (name, _) in layer(prefecture, level).items()}
        assert found == {p.code: p.name for p in own}


def test_townships_and_counties_hold_their_seats(prefecture: Path) -> None:
    townships, counties = layer(prefecture, "township"), layer(prefecture, "county")
    for place in read_places("prefecture").townships:
        seat = shapely.Point(place.lon, place.lat)
        assert townships[place.code][1].contains(seat)
        assert counties[place.code[:6] + "000000"][1].contains(seat)


def test_population_is_that_of_the_census(prefecture: Path) -> None:
    rows = csv_rows(prefecture / "population.csv", "utf-8-sig")
    people = {r["区划代码"]: int(r["常住人口"]) for r in rows}
    assert sum(people.values()) == 2_047_923
    assert sum(n for c, n in people.items() if is_urban(c)) == 1_163_902
    missing = {r["区划代码"] for r in rows if not r["60岁及以上人口"]}
    assert missing == set(MISSING_60)
    for r in rows:
        if r["区划代码"] in missing:
            continue
        order = [
            int(r[f"{name}人口"])
            for name in ("80岁及以上", "65岁及以上", "60岁及以上", "常住")
        ]
        assert order == sorted(order) and order[0] > 0
    above = csv_rows(prefecture / "population_above.csv", "utf-8-sig")
    old = [int(r["60岁及以上人口"]) for r in above if r["区划代码"].endswith("000000")]
    assert 0.19 < sum(old) / 2_047_923 < 0.22


def test_a_community_has_the_same_people_at_both_scales(
    prefecture: Path, county: Path
) -> None:
    whole = {
        r["区划代码"]: r for r in csv_rows(prefecture / "population.csv", "utf-8-sig")
    }
    for row in csv_rows(county / "population.csv", "utf-8-sig"):
        assert whole[row["区划代码"]] == row


@pytest.mark.parametrize("scale", ["prefecture", "county"])
def test_every_category_is_there(scale: str, request: pytest.FixtureRequest) -> None:
    rows = all_rows(request.getfixturevalue(scale))
    vocabulary = load_vocabulary()
    found = {vocabulary.category_of(r["设施类别"])[0] for r in rows}
    # one unknown category is wrong on purpose
    assert found == PLANNED_CATEGORIES | {None}
    assert {"运营", "停用", "在建", "规划"} == {r["状态"] for r in rows}
    ids = [r["设施编号"] for r in rows]
    assert len(set(ids)) == len(ids)
    if scale == "prefecture":
        assert 900 <= len(rows) <= 1_450


def test_functions_are_words_of_the_vocabulary(prefecture: Path) -> None:
    vocabulary = load_vocabulary()
    texts = {r["服务功能"] for r in elderly_rows(prefecture)}
    assert "" in texts  # some are unknown on purpose
    strange = [t for t in sorted(texts) if t and vocabulary.functions_of(t)[1]]
    assert strange == []


def test_comprehensive_centres_miss_the_target_by_a_few(prefecture: Path) -> None:
    rows = [
        r for r in elderly_rows(prefecture) if r["设施类别"] == "综合性社区养老服务设施"
    ]
    having = {r["所属社区代码"][:9] for r in rows if r["状态"] == "运营"}
    assert len(having) == 25  # of 46 街道 and 镇: 28 would be 60 %
    assert all(int(code[6:]) < 200 for code in having)
    assert any("全托" not in r["服务功能"] for r in rows if r["服务功能"])


def test_rows_wrong_on_purpose(prefecture: Path) -> None:
    rows = elderly_rows(prefecture)
    shapes = layer(prefecture, "community")
    (land,) = (shape for _, shape in layer(prefecture, "prefecture").values())
    no_point = [r for r in rows if r["经度"] == ""]
    swapped = [r for r in rows if r["经度"] != "" and r["经度"] < 90]
    placed = [r for r in rows if r["经度"] != "" and r["经度"] > 90]
    points = {r["设施编号"]: shapely.Point(r["经度"], r["纬度"]) for r in placed}
    outside = [r for r in placed if not land.contains(points[r["设施编号"]])]
    unmatched = [r for r in placed if r["所属社区代码"] not in shapes]
    elsewhere = [
        r
        for r in placed
        if r not in outside
        and r not in unmatched
        and not shapes[r["所属社区代码"]][1].contains(points[r["设施编号"]])
    ]
    texts = [r["床位数"] for r in rows if isinstance(r["床位数"], str) and r["床位数"]]
    named = [(r["设施名称"], r["经度"], r["纬度"]) for r in placed]
    assert len(no_point) == len(swapped) == 2
    assert len(outside) == len(unmatched) == len(elsewhere) == 1
    assert elsewhere[0]["所属社区代码"][:9] not in {
        code[:9]
        for code, (_, shape) in shapes.items()
        if shape.contains(points[elsewhere[0]["设施编号"]])
    }
    assert sorted(texts) == ["正在核实", "约50张"]
    assert [r["设施类别"] for r in rows].count("银龄驿站") == 1
    assert len(named) - len(set(named)) == 1


def test_other_lists_are_placed_where_they_say(prefecture: Path) -> None:
    shapes = layer(prefecture, "community")
    for file, encoding in (
        ("facilities_funeral.csv", "gb18030"),
        ("facilities_civic.csv", "utf-8-sig"),
    ):
        for r in csv_rows(prefecture / file, encoding):
            at = shapely.Point(float(r["经度"]), float(r["纬度"]))
            assert shapes[r["所属社区代码"]][1].contains(at)


def test_walkable_roads_hang_together(prefecture: Path) -> None:
    parent: dict[int, int] = {}

    def root(x: int) -> int:
        while parent.setdefault(x, x) != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    walkable = [
        w
        for w in ways(prefecture)
        if not w[0].get("highway", "motor").startswith("motor")
    ]
    for _, refs, _ in walkable:
        for a, b in pairwise(refs):
            parent[root(a)] = root(b)
    length: dict[int, float] = {}
    scale = np.array([94_640.0, 110_880.0])
    for _, refs, places in walkable:
        metres = float(np.hypot(*(np.diff(places, axis=0) * scale).T).sum())
        length[root(refs[0])] = length.get(root(refs[0]), 0.0) + metres
    by_size = sorted(length.values(), reverse=True)
    assert by_size[0] / sum(by_size) >= 0.97
    # the isolated paths are there, and too short to be used
    paths = [w for w in walkable if w[0].get("name") == "登山步道"]
    assert len(paths) == 5
    assert max(by_size[1:]) < 5_000.0
    assert by_size[1] > 500.0


def test_roads_look_like_roads(prefecture: Path) -> None:
    found = ways(prefecture)
    classes = {tags.get("highway") for tags, _, _ in found}
    assert classes >= {
        "motorway", "motorway_link", "primary", "secondary", "tertiary",
        "unclassified", "residential", "service", "track", "path",
    }  # fmt: skip
    names = {tags.get("name", "") for tags, _, _ in found}
    assert {"316国道", "随岳高速", "涢水"} <= names
    water = shapely.union_all(
        [shapely.LineString(p) for tags, _, p in found if "waterway" in tags]
    )
    local = [w for w in found if w[0].get("highway", "motor")[:5] != "motor"]
    crossing = shapely.intersects([shapely.LineString(p) for _, _, p in local], water)
    bridges = [
        w[0].get("bridge") == "yes"
        for w, wet in zip(local, crossing, strict=True)
        if wet
    ]
    assert 10 <= len(bridges) <= 80
    assert all(bridges)
    one_way = [t for t, _, _ in local if t.get("oneway") == "yes"]
    assert len(one_way) > 100


def test_same_bytes_every_time(county: Path, tmp_path: Path) -> None:
    again = build_demo(tmp_path / "again", scale="county")
    files = sorted(p.name for p in county.iterdir())
    assert files == sorted(p.name for p in again.iterdir())
    for name in files:
        first, second = (
            hashlib.sha256((f / name).read_bytes()).hexdigest() for f in (county, again)
        )
        assert first == second, name


def test_same_bytes_every_time_for_the_prefecture(
    prefecture: Path, tmp_path: Path
) -> None:
    again = build_demo(tmp_path / "again")
    for path in sorted(prefecture.iterdir()):
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_county_is_small_and_quick(county: Path, tmp_path: Path) -> None:
    start = time.process_time()
    build_demo(tmp_path / "study", scale="county")
    assert (
        time.process_time() - start < 6.0
    )  # 1 s of work, with room for a busy machine
    assert len(layer(county, "township")) == 12
    assert len(layer(county, "community")) == 213
    assert not (county / "boundaries_prefecture.geojson").exists()
    shapes = np.array([s for _, s in layer(county, "community").values()])
    assert shapely.coverage_is_valid(shapes)


@pytest.mark.parametrize("scale", ["prefecture", "county"])
def test_study_file_is_complete(scale: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(scale)
    spec = read_spec(folder)
    assert spec.notice == NOTICE
    assert spec.plans == ("hubei-14fyp", "suizhou-14fyp")
    assert spec.as_of is not None and spec.as_of.isoformat() == "2025-12-31"
    assert len(spec.boundaries) == (4 if scale == "prefecture" else 3)
    assert len(spec.facilities) == 5
    text = (folder / "study.toml").read_text("utf-8")
    assert "GeoNames" in text and "国家统计局" in text


def test_a_smaller_study_can_be_written_over_a_larger(
    prefecture: Path, county: Path, tmp_path: Path
) -> None:
    shutil.copytree(prefecture, tmp_path / "study")
    build_demo(tmp_path / "study", scale="county")
    for path in county.iterdir():
        assert (tmp_path / "study" / path.name).read_bytes() == path.read_bytes()


def test_unknown_scale_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="planet"):
        build_demo(tmp_path, scale="planet")  # type: ignore[arg-type]


def test_study_loads_and_reports_what_is_wrong(county: Path) -> None:
    study = load_study(county, as_of=dt.date(2025, 12, 31))
    assert study.as_of == dt.date(2025, 12, 31)
    assert all(c.set_aside == 0 for c in study.report.counts if c.layer != "facilities")
    problems = {f.problem for f in study.report.findings if f.row is not None}
    assert problems >= {
        "no_point",
        "category_unknown",
        "unreadable_number",
        "unmatched",
        "code_place_mismatch",
        "outside_area",
        "possible_duplicate",
    }
    people = study.divisions.set_index("code")
    assert float(people.loc["421303000000", "people"]) == float(
        people.loc[people["level"] == "community", "people"].sum()
    )
    assert float(study.demand["people"].sum()) == float(
        people.loc["421303000000", "people"]
    )


def test_circle_is_dense_in_town_and_sparse_in_the_country(county: Path) -> None:
    study = load_study(county, as_of=dt.date(2025, 12, 31))
    graph, demand, places = study.roads["walking"], study.demand, study.facilities
    wanted = places["category"].isin(["elderly_complex", "day_care", "mutual_aid"])
    open_ = places[wanted & (places["status"] == "open") & places["lon"].notna()]
    usable = usable_edges(graph, 5_000.0)
    nearest = nearest_facility(
        graph,
        snap_points(graph, demand["lon"], demand["lat"], usable=usable),
        snap_points(
            graph,
            open_["lon"].to_numpy(float),
            open_["lat"].to_numpy(float),
            usable=usable,
        ),
        leg_speed_mps=1.0,
        max_time_s=900.0,
    )
    people = demand["people_60"].to_numpy(float)
    covered = np.where(nearest.time_s <= 900.0, people, 0.0)
    street = demand["township_code"].str[6:9].astype(int).to_numpy() < 100
    assert 0.60 < covered[street].sum() / people[street].sum() < 0.95
    assert 0.05 < covered[~street].sum() / people[~street].sum() < 0.50
