"""The schematic province: made in parts, in any order, by any number of processes."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import time
import tomllib
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import geopandas
import numpy as np
import osmium
import pytest
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from yikezhong_geodata.demo import NOTICE, build_demo
from yikezhong_geodata.demo.names import is_urban
from yikezhong_geodata.demo.province import FULL, Size, build_province
from yikezhong_geodata.demo.province.build import PartLostError, made_by
from yikezhong_geodata.demo.province.files import join_parts, write_whole
from yikezhong_geodata.demo.province.gates import NATIONAL
from yikezhong_geodata.demo.province.layout import Layout, draw_layout
from yikezhong_geodata.demo.province.part import (
    LAYOUT_FILE,
    part_folder,
    read_base,
    settle_part,
    write_part,
)
from yikezhong_geodata.demo.province.places import list_townships
from yikezhong_geodata.demo.province.size import shares
from yikezhong_geodata.study import load_study

SMALL: Final = Size(
    n_prefecture=2, n_county=4, n_township=34, people=1_300_000,
    n_river=2, n_expressway=2,
)  # fmt: skip
LEVELS: Final = ("province", "prefecture", "county", "township", "community")
DIGITS: Final = {"province": 2, "prefecture": 4, "county": 6, "township": 9}
LISTS: Final = ("elderly", "children", "funeral", "civic", "further")
#: What the data report of a province may say; each is there on purpose.
EXPECTED: Final = {
    "approximate", "category_unknown", "code_place_mismatch", "component_dropped",
    "crs_assumed", "estimated", "inactive", "level_conflict", "method_cells",
    "no_point", "not_in_profile", "outside_area", "people_conserved",
    "possible_duplicate", "speed_defaulted", "unmatched", "unreadable_number",
}  # fmt: skip
SOAK: Final = bool(os.environ.get("YIKEZHONG_SOAK"))


def hashes(folder: Path) -> dict[str, str]:
    """Return the hash of each file, by its path in the folder."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in files
    }


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file of a study."""
    encoding = "gb18030" if name == "facilities_funeral" else "utf-8-sig"
    with (folder / f"{name}.csv").open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


def all_facilities(folder: Path) -> list[dict[str, str]]:
    """Return the rows of all lists of facilities."""
    return [row for name in LISTS for row in rows_of(folder, f"facilities_{name}")]


def layer(folder: Path, level: str) -> Any:
    """Return the divisions of a level."""
    return geopandas.read_parquet(folder / f"boundaries_{level}.parquet")


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Path:
    steps: list[float] = []
    folder = build_province(
        tmp_path_factory.mktemp("province") / "study",
        size=SMALL,
        workers=1,
        progress=lambda name, done: steps.append(done),
    )
    assert steps[0] == 0.0 and steps[-1] == 1.0 and steps == sorted(steps)
    assert len(steps) > SMALL.n_county
    return folder


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    base = read_base(SMALL)
    parts = [settle_part(SMALL, k) for k in range(SMALL.n_county)]
    path = tmp_path_factory.mktemp("layout") / LAYOUT_FILE
    draw_layout(base.skeleton, parts, base.water).save(path)
    return Layout.load(path)


def test_two_processes_make_the_same_bytes(province: Path, tmp_path: Path) -> None:
    again = build_province(tmp_path / "again", size=SMALL, workers=2)
    assert hashes(again) == hashes(province)


def test_parts_made_backwards_make_the_same_bytes(
    province: Path, layout: Layout, tmp_path: Path
) -> None:
    pieces, folder = tmp_path / "pieces", tmp_path / "study"
    pieces.mkdir()
    folder.mkdir()
    layout.save(pieces / LAYOUT_FILE)
    for k in reversed(range(SMALL.n_county)):
        assert write_part(pieces, SMALL, k) == k
    base = read_base(SMALL)
    join_parts(folder, pieces, base, layout)
    write_whole(folder, pieces, base)
    assert hashes(folder) == hashes(province)


def test_a_part_is_made_alone(layout: Layout, tmp_path: Path) -> None:
    for name, numbers in (("alone", [2]), ("all", [0, 1, 2])):
        (tmp_path / name).mkdir()
        layout.save(tmp_path / name / LAYOUT_FILE)
        for k in numbers:
            write_part(tmp_path / name, SMALL, k)
    alone, among = (hashes(part_folder(tmp_path / n, 2)) for n in ("alone", "all"))
    assert alone == among and "roads.osm.pbf" not in alone
    assert {"nodes.osm.pbf", "ways.osm.pbf", "homes.parquet"} <= set(alone)


def test_another_seed_would_be_another_province(layout: Layout) -> None:
    other = read_base(replace(SMALL, n_township=SMALL.n_township + 1)).skeleton
    assert other.anchors.shape != read_base(SMALL).skeleton.anchors.shape
    assert len(np.unique(layout.centres, axis=0)) == len(layout.centres)


@pytest.mark.parametrize("level", LEVELS)
def test_boundaries_tile_the_land(province: Path, level: str) -> None:
    shapes = layer(province, level).geometry.to_numpy()
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    # no gap between them: what they cover together has no hole
    whole = shapely.coverage_union_all(shapes)
    assert whole.geom_type == "Polygon" and not whole.interiors


@pytest.mark.parametrize(
    "lower, upper",
    [
        ("community", "township"),
        ("township", "county"),
        ("county", "prefecture"),
        ("prefecture", "province"),
    ],
)
def test_boundaries_nest_exactly(province: Path, lower: str, upper: str) -> None:
    parts, wholes = layer(province, lower), layer(province, upper)
    digits = DIGITS[upper]
    for code, whole in zip(wholes["区划代码"], wholes.geometry, strict=True):
        inside = parts["区划代码"].str[:digits] == code[:digits]
        own = parts.geometry[inside].to_numpy()
        assert len(own) and shapely.coverage_union_all(own).equals(whole)


def test_codes_and_names_are_invented(province: Path) -> None:
    for level in LEVELS:
        own = layer(province, level)
        codes = own["区划代码"].tolist()
        assert codes == sorted(codes) and len(set(codes)) == len(codes)
        assert {code[:2] for code in codes} == {"99"}
    assert len(layer(province, "prefecture")) == SMALL.n_prefecture
    assert len(layer(province, "county")) == SMALL.n_county
    assert len(layer(province, "township")) == SMALL.n_township
    counties = layer(province, "county")["名称"].tolist()
    assert len(set(counties)) == len(counties)
    for level, digits in (("township", 6), ("community", 9)):
        own = layer(province, level)
        pairs = list(zip(own["区划代码"].str[:digits], own["名称"], strict=True))
        assert len(set(pairs)) == len(pairs)


def test_people_add_up(province: Path) -> None:
    rows = rows_of(province, "population")
    people = {row["区划代码"]: int(row["常住人口"]) for row in rows}
    assert sum(people.values()) == SMALL.people
    urban = sum(n for code, n in people.items() if is_urban(code))
    assert 0.55 < urban / SMALL.people < 0.7
    for row in rows_of(province, "population_above"):
        code = row["区划代码"]
        digits = 6 if code.endswith("000000") else 9
        inside = [n for c, n in people.items() if c[:digits] == code[:digits]]
        assert int(row["常住人口"]) == sum(inside)


def test_homes_lie_in_their_communities_and_add_up(province: Path) -> None:
    homes = geopandas.read_parquet(province / "homes.parquet")
    communities = layer(province, "community")
    joined = homes.sjoin(communities, predicate="within")
    assert len(joined) == len(homes)
    found = joined.groupby("区划代码")["常住人口"].sum().to_dict()
    rows = rows_of(province, "population")
    assert found == {row["区划代码"]: int(row["常住人口"]) for row in rows}


def network(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ids and positions of nodes, and the pairs that plain roads join."""
    ids: list[int] = []
    places: list[tuple[float, float]] = []
    pairs: list[tuple[int, int]] = []
    kinds: list[str] = []
    way_ids: list[int] = []
    for item in osmium.FileProcessor(str(folder / "roads.osm.pbf")):
        kinds.append(item.type_str())
        if item.is_node():
            ids.append(item.id)
            places.append((item.location.lon, item.location.lat))
        else:
            way_ids.append(item.id)
            # expressways would join counties that no other road joins
            if not item.tags.get("highway", "motorway").startswith("motorway"):
                refs = [n.ref for n in item.nodes]
                pairs += list(pairwise(refs))
    # nodes first, each kind in the order of its ids, no id twice
    assert kinds == sorted(kinds)
    assert ids == sorted(set(ids)) and way_ids == sorted(set(way_ids))
    return np.array(ids), np.array(places), np.searchsorted(ids, np.array(pairs))


def test_roads_are_joined_across_borders(province: Path, layout: Layout) -> None:
    _, places, pairs = network(province)
    assert len(np.unique(places, axis=0)) == len(places)
    n = len(places)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    label = connected_components(graph, directed=False)[1]
    used = np.unique(pairs)
    largest = label == np.bincount(label[used]).argmax()
    # but for a few lanes cut off by a river and the paths on purpose
    assert largest[used].mean() > 0.99
    # of each county nearly all
    counties = layer(province, "county")
    tree = shapely.STRtree(counties.geometry.to_numpy())
    node, county = tree.query(shapely.points(places[used]), predicate="within")
    for k in range(SMALL.n_county):
        assert largest[used[node[county == k]]].mean() > 0.98
    # main roads tie all counties together
    kinds = Counter(layout.gate_kind.tolist())
    assert kinds[NATIONAL] == SMALL.n_county - 1 and len(kinds) >= 3


def test_roads_cross_borders_at_gates_only_once(layout: Layout) -> None:
    sides = layout.county_of[layout.gate_between]
    assert (sides[:, 0] != sides[:, 1]).all()
    gap = np.hypot(*(layout.gates[:, None] - layout.gates[None]).transpose(2, 0, 1))
    assert gap[~np.eye(len(gap), dtype=bool)].min() > 1_000.0


def test_lists_hold_all_categories(province: Path, tmp_path: Path) -> None:
    prefecture = build_demo(tmp_path / "county", scale="county")
    names = {row["设施类别"] for row in all_facilities_of_county(prefecture)}
    found = Counter(row["设施类别"] for row in all_facilities(province))
    assert not names - set(found)
    numbers = [row["设施编号"] for row in all_facilities(province)]
    assert len(set(numbers)) == len(numbers)
    status = Counter(row["状态"] for row in all_facilities(province))
    assert min(status[word] for word in ("运营", "停用", "规划", "在建")) > 0


def all_facilities_of_county(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of the CSV and GeoJSON lists of the smaller demonstration."""
    points = json.loads((folder / "facilities_children.geojson").read_text("utf-8"))
    return [
        *rows_of(folder, "facilities_funeral"),
        *rows_of(folder, "facilities_civic"),
        *rows_of(folder, "facilities_further"),
        *(f["properties"] for f in points["features"]),
    ]


def test_the_notice_stands_everywhere(province: Path) -> None:
    text = (province / "study.toml").read_text("utf-8")
    assert text.startswith(f"# {NOTICE}\n")
    assert tomllib.loads(text)["study"]["notice"] == NOTICE
    assert NOTICE in (province / "来源说明.txt").read_text("utf-8")
    assert not [p for p in province.iterdir() if p.name.startswith(".")]


def test_it_loads_with_only_the_findings_made_on_purpose(province: Path) -> None:
    study = load_study(province, as_of=read_as_of(province))
    assert {f.problem for f in study.report.findings} <= EXPECTED
    assert study.divisions["people"].iloc[0] == SMALL.people
    assert float(study.demand["people"].sum()) == SMALL.people
    assert set(study.demand["method"]) == {"cells"}
    areas = {plan.id: plan.area for plan in study.plan_inputs.plans}
    assert areas == {"demo-province": "99", "demo-prefecture": "9901"}
    assert len(study.plan_inputs.statistics) == 26 * SMALL.n_county
    assert len(study.plan_inputs.zones["zone_class"].unique()) == 9
    by_level = study.divisions["level"].value_counts().to_dict()
    assert by_level["township"] == SMALL.n_township
    dropped = [f for f in study.report.findings if f.problem == "component_dropped"]
    assert len(dropped) < 10 * SMALL.n_county


def read_as_of(folder: Path) -> Any:
    """Return the day that a study is made for."""
    return tomllib.loads((folder / "study.toml").read_text("utf-8"))["study"]["as_of"]


def test_a_part_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise OSError("disk full")

    monkeypatch.setattr("yikezhong_geodata.demo.province.build.write_part", broken)
    with pytest.raises(OSError, match="disk full"):
        build_province(tmp_path / "study", size=SMALL, workers=1)
    assert list((tmp_path / "study").iterdir()) == []


def test_a_process_that_dies_is_said() -> None:
    with pytest.raises(PartLostError, match="内存"), made_by(2) as make:
        list(make(os._exit, [9]))


def test_shares_add_up_and_keep_their_least() -> None:
    split = shares(103, np.array([1.0, 0.0, 9.5, 3.25]), least=2)
    assert split.sum() == 103 and split.min() == 2


def test_cities_are_larger_where_a_prefecture_sits(layout: Layout) -> None:
    skeleton = read_base(SMALL).skeleton
    sizes = [
        np.mean([t.n_urban for t in list_townships(skeleton, k) if t.code[6:9] < "100"])
        for k in range(SMALL.n_county)
    ]
    first = skeleton.number_in == 0
    assert np.mean(np.array(sizes)[first]) > np.mean(np.array(sizes)[~first])


@pytest.mark.skipif(not SOAK, reason="YIKEZHONG_SOAK=1")
def test_the_whole_province_has_the_shape_of_its_numbers(tmp_path: Path) -> None:
    started = time.monotonic()
    folder = build_demo(tmp_path / "whole", scale="province")
    assert time.monotonic() - started < 600.0
    sizes = {level: len(layer(folder, level)) for level in LEVELS}
    assert sizes["county"] == FULL.n_county and sizes["township"] == FULL.n_township
    assert 26_000 < sizes["community"] < 28_000
    assert 19_000 < len(all_facilities(folder)) < 22_000
    for lower, upper in zip(LEVELS[1:], LEVELS[:-1], strict=True):
        test_boundaries_nest_exactly(folder, lower, upper)
    for level in LEVELS:
        test_boundaries_tile_the_land(folder, level)
    rows = rows_of(folder, "population")
    assert sum(int(row["常住人口"]) for row in rows) == FULL.people
    homes = geopandas.read_parquet(folder / "homes.parquet", columns=["geometry"])
    assert 950_000 < len(homes) < 1_050_000
    ids, _, pairs = network(folder)
    assert 1_900_000 < len(ids) < 2_200_000
    n = len(ids)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    label = connected_components(graph, directed=False)[1]
    assert np.bincount(label).max() > 0.99 * len(np.unique(pairs))
