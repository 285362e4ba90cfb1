"""A study out of an OSM extract."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

import osm_cases
from yikezhong_coverage.errors import InputError
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import (
    GeometryTypeError,
    NetworkCoverageError,
    NoFeaturesError,
    TruncatedError,
)
from yikezhong_geodata.osm_study import import_osm
from yikezhong_geodata.roads import load_roads
from yikezhong_geodata.sandbox.call import SandboxLimits
from yikezhong_geodata.sandbox.importing import import_osm_apart
from yikezhong_geodata.spec import RoadSpec
from yikezhong_geodata.study import load_study

DAY = dt.date(2025, 12, 31)


def boundary(level: str, name: str | None) -> dict[str, str]:
    tags = {"type": "boundary", "boundary": "administrative", "admin_level": level}
    return tags if name is None else {**tags, "name": name}


def make_case() -> osm_cases.OsmCase:
    """Return two townships, one with two communities, and what stands in them."""
    case = osm_cases.grid(10)
    size, west, east = 0.01, 112.9995, 113.0045
    left = [(west, 30.999), (east, 30.999), (east, 31.011), (west, 31.011)]
    right = [(east, 30.999), (113.011, 30.999), (113.011, 31.011), (east, 31.011)]
    low = [(west, 30.999), (east, 30.999), (east, 31.005), (west, 31.005)]
    high = [(west, 31.005), (east, 31.005), (east, 31.011), (west, 31.011)]
    for way, ring, tags in (
        (1001, left, boundary("8", "左镇") | {"name:zh": "左镇"}),
        (1002, right, boundary("8", "Right") | {"name:zh": "右镇"}),
        (1003, low, boundary("10", "下社区")),
        (1004, high, boundary("10", "上社区")),
        (1005, osm_cases.square(113.02, 31.0, size), boundary("8", None)),
    ):
        case.ring(way, ring)
        case.relations[way - 500] = ([("w", way, "outer")], tags)
    case.relations[590] = (
        [("w", 1001, "outer"), ("w", 99999, "outer")],
        boundary("8", "断镇"),
    )
    case.ring(1010, osm_cases.square(113.03, 31.0, 0.001))
    case.ways[1010] = (
        case.ways[1010][0],
        {"boundary": "administrative", "admin_level": "8"},
    )
    case.node_tags[12] = {"amenity": "kindergarten", "name": "</script>{{7*7}}"}
    case.node_tags[13] = {"amenity": "nursing_home", "capacity:beds": "40"}
    case.ring(2001, osm_cases.square(113.0012, 31.0012, 0.0005), landuse="cemetery")
    case.ring(2002, osm_cases.square(113.0022, 31.0022, 0.0005), amenity="school")
    case.ways[2003] = (case.ways[2002][0][:3], {"amenity": "school"})
    for way, at, tags in (
        (3001, 0.0032, {"building": "house"}),
        (3002, 0.0042, {"building": "apartments", "building:levels": "6"}),
        (3003, 0.0052, {"building": "garage"}),
        (3004, 0.0062, {"building": "yes", "shop": "yes"}),
        (3005, 0.0072, {"building": "yes", "office": "company"}),
        (3006, 0.0142, {"building": "house"}),  # outside of every division
        (3007, 0.0012, {"building": "yes"}),  # on the cemetery
    ):
        case.ring(way, osm_cases.square(113.0 + at, 31.0 + at, 0.0003))
        case.ways[way] = (case.ways[way][0], tags)
    case.ring(3008, osm_cases.square(113.0082, 31.0082, 0.00002), building="house")
    return case


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    return make_case().write(tmp_path / "made.osm.pbf")


def test_a_small_extract_becomes_a_study(extract: Path, tmp_path: Path) -> None:
    steps: list[float] = []
    report = import_osm(
        extract, tmp_path / "s", progress=lambda _, share: steps.append(share)
    )
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0.0, 1.0)
    study = load_study(tmp_path / "s", as_of=DAY)
    assert study.name == "made"
    divisions = study.divisions.set_index("code")
    assert divisions["name"].to_dict() == {
        "r501": "左镇",
        "r502": "右镇",
        "r503": "下社区",
        "r504": "上社区",
    }
    assert divisions["parent"].loc[["r503", "r504"]].tolist() == ["r501", "r501"]
    facilities = study.facilities.set_index("id")
    assert facilities["category"].to_dict() == {
        "n12": "kindergarten",
        "n13": "elderly_institution",
        "w2001": "public_cemetery",
        "w2002": "school",
    }
    assert facilities.loc["n12", "name"] == "</script>{{7*7}}"
    assert facilities.loc["n13", "beds"] == 40
    assert facilities.loc["n13", "functions"] is None  # OSM does not say
    assert facilities.loc["w2001", "name"] == "未命名公益性公墓 w2001"
    assert facilities.loc["w2001", "located_community_code"] == "r503"
    found = {
        (f.layer, f.id, f.problem) for f in report.findings if f.action == "set_aside"
    }
    assert found == {
        ("boundaries", "r505", "unnamed"),
        ("boundaries", "w1010", "unnamed"),
        ("boundaries", "r590", "broken_ring"),
        ("facilities", "w2003", "open_way"),
    }
    assert found == {
        (f.layer, f.id, f.problem)
        for f in study.report.findings
        if f.action == "set_aside"
    }
    assert all(c.read == c.used + c.repaired + c.set_aside for c in study.report.counts)


def test_areas_keep_their_size_and_lie_inside(extract: Path, tmp_path: Path) -> None:
    import_osm(extract, tmp_path / "s")
    table = gpd.read_file(tmp_path / "s" / "facilities.gpkg").set_index("id")
    assert table.loc["w2001", "area_m2"] == pytest.approx(47.7 * 55.4, rel=0.01)
    assert np.isnan(table.loc["n12", "area_m2"])
    assert set(table.geom_type) == {"Point"}


def test_dwellings_are_weighted_by_floor_area(extract: Path, tmp_path: Path) -> None:
    report = import_osm(extract, tmp_path / "s")
    table = gpd.read_file(tmp_path / "s" / "buildings.gpkg").set_index("id")
    assert table["levels"].to_dict() == {"w3001": 1.0, "w3002": 6.0, "w3004": 1.0}
    np.testing.assert_allclose(
        table["weight"], table["area_m2"] * table["levels"], rtol=0.001
    )
    reasons = {f.problem: f.value for f in report.findings if f.layer == "demand"}
    assert reasons == {"not_dwelling": "3", "too_small": "1", "outside_area": "1"}
    study = load_study(tmp_path / "s", as_of=DAY)
    assert study.demand["people"].sum() == 3


def test_the_copied_roads_are_the_same_roads(extract: Path, tmp_path: Path) -> None:
    import_osm(extract, tmp_path / "s")
    whole = load_roads(RoadSpec(extract.name), folder=tmp_path, report=DataReport())
    study = load_study(tmp_path / "s", as_of=DAY)
    for profile, graph in whole.items():
        other = study.roads[profile]
        assert graph.edge_id.tolist() == other.edge_id.tolist()
        np.testing.assert_array_equal(graph.edge_forward_s, other.edge_forward_s)
        np.testing.assert_array_equal(graph.vertex_lon, other.vertex_lon)


def test_xml_gives_the_same_study(extract: Path, tmp_path: Path) -> None:
    import_osm(extract, tmp_path / "a", name="同")
    import_osm(make_case().write(tmp_path / "made.osm"), tmp_path / "b", name="同")
    for file in ("study.toml", "services.yaml"):
        assert (tmp_path / "a" / file).read_text() == (
            tmp_path / "b" / file
        ).read_text()
    for file in ("facilities.gpkg", "buildings.gpkg"):
        one = gpd.read_file(tmp_path / "a" / file)
        other = gpd.read_file(tmp_path / "b" / file)
        assert one.equals(other)


def test_other_levels(extract: Path, tmp_path: Path) -> None:
    import_osm(extract, tmp_path / "s", township_level=10, community_level=12)
    study = load_study(tmp_path / "s", as_of=DAY)
    assert dict(
        zip(study.divisions["name"], study.divisions["level"], strict=True)
    ) == {
        "下社区": "township",
        "上社区": "township",
    }
    with pytest.raises(NoFeaturesError) as caught:
        import_osm(extract, tmp_path / "t", township_level=4, community_level=5)
    assert "8（2 个）" in (caught.value.hint or "")
    assert not (tmp_path / "t" / "study.toml").exists()


def test_a_folder_with_a_study_is_left_alone(extract: Path, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text("mine")
    with pytest.raises(InputError, match="已有"):
        import_osm(extract, tmp_path)
    assert (tmp_path / "study.toml").read_text() == "mine"


def test_no_extract_or_no_folder(extract: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="找不到"):
        import_osm(tmp_path / "none.osm.pbf", tmp_path / "s")
    with pytest.raises(InputError, match="文件夹"):
        import_osm(extract, extract)


def test_a_cut_extract_makes_no_study(extract: Path, tmp_path: Path) -> None:
    extract.write_bytes(extract.read_bytes()[:-100])
    with pytest.raises(TruncatedError):
        import_osm(extract, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_odd_names_of_a_study(extract: Path, tmp_path: Path) -> None:
    name = 'a"b\\c\n]\x7f{{7*7}}'
    import_osm(extract, tmp_path / "s", name=name)
    assert load_study(tmp_path / "s", as_of=DAY).name.split() == name.split()


# ---- given boundaries


def boundary_file(path: Path, shapes: list[object], **columns: list[object]) -> Path:
    gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326").to_file(path)
    return path


def test_given_boundaries(extract: Path, tmp_path: Path) -> None:
    whole = boundary_file(
        tmp_path / "t.geojson",
        [shapely.box(112.99, 30.99, 113.02, 31.02)],
        NAMEUNIT=["市"],
    )
    parts = boundary_file(
        tmp_path / "c.gpkg",
        [
            shapely.box(112.99, 30.99, 113.005, 31.02),
            shapely.box(113.005, 30.99, 113.02, 31.02),
            shapely.box(113.02, 30.99, 113.05, 31.02),
            shapely.box(113.019, 31.02, 113.05, 31.05),
            shapely.box(113.015, 30.98, 113.05, 30.991),
        ],
        code=["A-1", "B_2", "C3", "D4", "E5"],
        name=["甲", None, "丙", "丁", "戊"],
    )
    report = import_osm(
        extract, tmp_path / "s", boundaries=[(whole, "township"), (parts, "community")]
    )
    layers = {
        level: gpd.read_file(tmp_path / "s" / "boundaries.gpkg", layer=level)
        for level in ("township", "community")
    }
    assert layers["township"][["code", "name"]].values.tolist() == [
        ["township001", "市"]
    ]
    table = layers["community"].set_index("code")
    assert table["name"].tolist() == ["甲", "社区/村2", "丙", "丁", "戊"]
    parents = table["parent"].to_dict()
    assert parents["A-1"] == parents["B_2"] == parents["E5"] == "township001"
    assert gpd.pd.isna(parents["C3"]) and gpd.pd.isna(parents["D4"])
    found = {(f.problem, f.id) for f in report.findings if f.layer == "boundaries"}
    assert ("code_made", None) in found
    assert ("mostly_outside_parent", "E5") in found


def test_given_boundaries_that_cannot_be(extract: Path, tmp_path: Path) -> None:
    line = boundary_file(
        tmp_path / "l.gpkg", [shapely.LineString([(113, 31), (114, 32)])]
    )
    with pytest.raises(GeometryTypeError):
        import_osm(extract, tmp_path / "s", boundaries=[(line, "township")])
    with pytest.raises(InputError, match="层级"):
        import_osm(extract, tmp_path / "s", boundaries=[(line, "galaxy")])


def test_codes_that_repeat_between_files_are_told_apart(
    extract: Path, tmp_path: Path
) -> None:
    shape = shapely.box(112.99, 30.99, 113.02, 31.02)
    files = [
        (boundary_file(tmp_path / f"{n}.gpkg", [shape], code=["1"], name=["a"]), level)
        for n, level in enumerate(("township", "community"))
    ]
    import_osm(extract, tmp_path / "s", boundaries=files)
    study = load_study(tmp_path / "s", as_of=DAY)
    assert study.divisions["code"].tolist() == ["township_1", "community_1"]


def test_roads_that_miss_the_boundaries(extract: Path, tmp_path: Path) -> None:
    """BAD-INPUTS 78."""
    far = boundary_file(tmp_path / "t.gpkg", [shapely.box(112.5, 31, 113.0, 31.5)])
    import_osm(extract, tmp_path / "s", boundaries=[(far, "township")])
    with pytest.raises(NetworkCoverageError, match="%"):
        load_study(tmp_path / "s", as_of=DAY)


# ---- real extracts


@pytest.mark.real_data
def test_liechtenstein(tmp_path: Path, real_data: Path) -> None:
    source = real_data / "liechtenstein" / "liechtenstein-latest.osm.pbf"
    report = import_osm(source, tmp_path / "li")
    study = load_study(tmp_path / "li", as_of=DAY)
    assert set(study.divisions["level"]) == {"township"}
    assert sorted(study.divisions["name"]) == [
        "Balzers", "Eschen", "Gamprin", "Mauren", "Planken", "Ruggell", "Schaan",
        "Schellenberg", "Triesen", "Triesenberg", "Vaduz",
    ]  # fmt: skip
    unnamed = [f.id for f in report.findings if f.problem == "unnamed"]
    assert unnamed == ["w75393799", "w75393803", "w75393812", "w75393820"]
    assert "unnamed" in set(study.report.frame()["problem"])
    # 160 km²
    assert study.divisions["area_m2"].sum() == pytest.approx(160.5e6, rel=0.01)
    count = study.facilities["category"].value_counts().to_dict()
    assert count == {
        "school": 19,
        "public_cemetery": 9,
        "kindergarten": 6,
        "hospital": 1,
    }
    assert len(study.demand) == pytest.approx(7800, rel=0.02)


@pytest.mark.real_data
def test_las_palmas_with_given_boundaries(tmp_path: Path, real_data: Path) -> None:
    folder = real_data / "las_palmas"
    report = import_osm(
        folder / "las_palmas.osm.pbf",
        tmp_path / "lp",
        boundaries=[
            (folder / "municipality.geojson", "township"),
            (folder / "school_catchments.geojson", "community"),
        ],
    )
    study = load_study(tmp_path / "lp", as_of=DAY)
    level = study.divisions["level"].value_counts().to_dict()
    assert level == {"community": 29, "township": 1}
    communities = study.divisions[study.divisions["level"] == "community"]
    assert set(communities["parent"]) == {"township001"}
    outside = [
        f.message for f in report.findings if f.problem == "mostly_outside_parent"
    ]
    assert len(outside) == 1 and "JINÁMAR" in outside[0]
    count = study.facilities["category"].value_counts()
    assert count["elderly_institution"] == 12
    assert count["public_cemetery"] == 9
    assert count["funeral_service_point"] == 3
    circle = next(s for s in study.services if s.id == "elderly_circle")
    assert "elderly_institution" in circle.categories
    assert circle.group == "people"
    assert len(study.demand) == pytest.approx(19600, rel=0.02)


def test_a_child_makes_the_same_study(extract: Path, tmp_path: Path) -> None:
    import_osm(extract, tmp_path / "here")
    import_osm_apart(extract, tmp_path / "apart")
    files = {p.name: p.read_bytes() for p in (tmp_path / "here").iterdir()}
    apart = {p.name: p.read_bytes() for p in (tmp_path / "apart").iterdir()}
    assert files.keys() == apart.keys()
    for name, body in files.items():
        # a GeoPackage holds the time of its writing: its layers are compared
        if not name.endswith(".gpkg"):
            assert apart[name] == body, name
            continue
        for layer in gpd.list_layers(tmp_path / "here" / name)["name"]:
            one, other = (
                gpd.read_file(tmp_path / place / name, layer=layer)
                for place in ("here", "apart")
            )
            assert one.equals(other)


def test_what_a_child_refuses_is_the_same_error(extract: Path, tmp_path: Path) -> None:
    body = extract.read_bytes()
    cut = tmp_path / "cut.osm.pbf"
    cut.write_bytes(body[: len(body) // 2])
    with pytest.raises(TruncatedError) as caught:
        import_osm_apart(cut, tmp_path / "study")
    assert caught.value.file == "cut.osm.pbf"
    small = SandboxLimits(memory_bytes=64 * 2**20)
    with pytest.raises(InputError):
        import_osm_apart(extract, tmp_path / "study", limits=small)
