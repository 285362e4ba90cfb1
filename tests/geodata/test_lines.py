"""Roads out of a line layer."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

import osm_cases
from road_cases import assert_same_roads, load, problems
from yikezhong_coverage.errors import (
    BadWeightError,
    MissingWeightError,
)
from yikezhong_geodata.file_errors import (
    ColumnMappingError,
    GeometryTypeError,
)
from yikezhong_geodata.profiles import KMH


def lines_of(case: osm_cases.OsmCase) -> gpd.GeoDataFrame:
    """Return a case's ways as a line layer with their tags as columns."""
    keys = sorted({k for _, tags in case.ways.values() for k in tags})
    rows = [{k: tags.get(k) for k in keys} for _, tags in case.ways.values()]
    shapes = [
        shapely.LineString([case.nodes[n] for n in refs])
        for refs, _ in case.ways.values()
    ]
    frame = gpd.GeoDataFrame(rows, geometry=shapes, crs="EPSG:4326")
    return frame


@pytest.fixture
def varied() -> osm_cases.OsmCase:
    case = osm_cases.grid(4)
    case.ways[1] = (case.ways[1][0], {"highway": "primary", "maxspeed": "60"})
    case.ways[2] = (case.ways[2][0], {"highway": "secondary", "oneway": "yes"})
    case.ways[3] = (case.ways[3][0], {"highway": "footway"})
    case.ways[101] = (case.ways[101][0], {"highway": "tertiary", "oneway": "-1"})
    return case


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson"])
def test_a_line_layer_gives_the_same_roads_as_osm(
    tmp_path: Path, varied: osm_cases.OsmCase, name: str
) -> None:
    expected, _ = load(varied.write(tmp_path / "a.osm.pbf"))
    lines_of(varied).to_file(tmp_path / name)
    graphs, report = load(tmp_path / name)
    for profile, graph in expected.items():
        assert_same_roads(graph, graphs[profile])
    assert report.counts[-1].read == report.counts[-1].used == 8


def test_other_names_of_the_columns(tmp_path: Path, varied: osm_cases.OsmCase) -> None:
    expected, _ = load(varied.write(tmp_path / "a.osm.pbf"))
    frame = lines_of(varied).rename(columns={"highway": "等级", "oneway": "单行"})
    frame.to_file(tmp_path / "a.gpkg")
    graphs, _ = load(tmp_path / "a.gpkg", columns={"highway": "等级", "oneway": "单行"})
    assert_same_roads(expected["driving"], graphs["driving"])
    with pytest.raises(ColumnMappingError):
        load(tmp_path / "a.gpkg", columns={"highway": "没有"})
    with pytest.raises(ColumnMappingError):
        load(tmp_path / "a.gpkg", length_column="没有")


def test_geofabrik_columns(tmp_path: Path) -> None:
    case = osm_cases.grid(2)
    frame = lines_of(case).drop(columns="highway")
    frame["fclass"] = ["primary", "footway", "residential", "residential"]
    frame["oneway"] = ["F", "B", "T", "B"]
    frame["maxspeed"] = [60, 0, 0, 0]
    frame.to_file(tmp_path / "a.gpkg")
    graphs, report = load(tmp_path / "a.gpkg")
    driving = graphs["driving"]
    assert driving.edge_class.tolist() == ["primary", "residential", "residential"]
    assert np.isfinite(driving.edge_forward_s).tolist() == [True, False, True]
    assert np.isfinite(driving.edge_backward_s).tolist() == [False, True, True]
    assert "speed_unread" not in problems(report)
    assert driving.edge_length_m[0] / driving.edge_forward_s[0] == pytest.approx(
        60 * KMH
    )


def test_lines_without_classes_are_walked_and_driven(tmp_path: Path) -> None:
    lines_of(osm_cases.grid(3))[["geometry"]].to_file(tmp_path / "a.gpkg")
    graphs, report = load(tmp_path / "a.gpkg")
    assert graphs["walking"].n_edge == graphs["driving"].n_edge == 12
    assert "no_road_class" in problems(report)


def test_rows_without_a_line_are_set_aside_and_rows_conserved(tmp_path: Path) -> None:
    frame = lines_of(osm_cases.grid(2))
    extra = [
        None,
        shapely.LineString(),
        shapely.LineString([(113, 31), (113, 31)]),
        shapely.MultiLineString(
            [[(113.1, 31), (113.2, 31)], [(113.2, 31), (113.2, 31.1)]]
        ),
    ]
    more = gpd.GeoDataFrame({"highway": ["path"] * 4}, geometry=extra, crs="EPSG:4326")
    whole = gpd.pd.concat([frame, more], ignore_index=True)
    whole.to_file(tmp_path / "a.gpkg")
    graphs, report = load(tmp_path / "a.gpkg")
    assert graphs["walking"].n_edge == 4 + 2
    names = graphs["walking"].edge_id.tolist()
    assert names[-2:] == ["0000008.001.00000", "0000008.002.00000"]
    rows = {f.row for f in report.findings if f.action == "set_aside"}
    assert rows == {5, 6, 7}
    count = report.counts[-1]
    assert (count.read, count.used, count.set_aside) == (8, 5, 3)


def test_lines_that_miss_by_more_than_the_precision_are_not_joined(
    tmp_path: Path,
) -> None:
    near, far = 113.001 + 0.4e-7, 113.001 + 2e-7
    for name, lon, n_node in (("a", near, 3), ("b", far, 4)):
        gpd.GeoDataFrame(
            geometry=[
                shapely.LineString([(113.0, 31.0), (113.001, 31.0)]),
                shapely.LineString([(lon, 31.0), (113.002, 31.0)]),
            ],
            crs="EPSG:4326",
        ).to_file(tmp_path / f"{name}.gpkg")
        graphs, _ = load(tmp_path / f"{name}.gpkg")
        assert graphs["walking"].n_node == n_node


def test_projected_lines_and_stated_lengths_and_times(tmp_path: Path) -> None:
    frame = lines_of(osm_cases.grid(3))
    frame["len"] = 400.0
    frame["secs"] = 60.0
    frame.to_crs("EPSG:4547").to_file(tmp_path / "a.gpkg")
    plain, _ = load(tmp_path / "a.gpkg")
    graphs, _ = load(tmp_path / "a.gpkg", length_column="len", time_column="secs")
    assert plain["walking"].n_edge == graphs["walking"].n_edge == 12
    np.testing.assert_allclose(graphs["walking"].edge_length_m, 200.0, rtol=1e-5)
    np.testing.assert_allclose(graphs["walking"].edge_forward_s, 200.0, rtol=1e-5)
    np.testing.assert_allclose(graphs["driving"].edge_forward_s, 30.0, rtol=1e-5)
    for way in range(6):
        mine = [i.startswith(f"{way + 1:07d}.") for i in graphs["driving"].edge_id]
        assert graphs["driving"].edge_length_m[mine].sum() == pytest.approx(400.0)


@pytest.mark.parametrize("column", ["len", "secs"])
def test_missing_and_bad_stated_weights(tmp_path: Path, column: str) -> None:
    """BAD-INPUTS 75 and 76."""
    option = {"len": "length_column", "secs": "time_column"}[column]
    for value, error in ((None, MissingWeightError), (-1.0, BadWeightError)):
        frame = lines_of(osm_cases.grid(2))
        frame[column] = [100.0, 100.0, value, 100.0]
        frame.to_file(tmp_path / "a.gpkg")
        with pytest.raises(error) as caught:
            load(tmp_path / "a.gpkg", **{option: column})
        assert caught.value.row == 3


def test_points_and_areas_are_no_roads(tmp_path: Path) -> None:
    gpd.GeoDataFrame(
        geometry=[shapely.Point(113, 31), shapely.box(113, 31, 114, 32)],
        crs="EPSG:4326",
    ).to_file(tmp_path / "a.gpkg")
    with pytest.raises(GeometryTypeError):
        load(tmp_path / "a.gpkg")


@pytest.mark.real_data
def test_beijing_as_a_line_layer(tmp_path: Path, real_data: Path) -> None:
    """27,567 untagged ways: 90,137 nodes and 105,090 segments of 6,298 km."""
    text = (real_data / "beijing" / "beijing_5thring.json").read_text()
    ways = {k: v for k, v in json.loads(text).items() if len(v) > 1}
    frame = gpd.GeoDataFrame(
        {"osm_id": list(ways)},
        geometry=[shapely.LineString([(x, y) for y, x in v]) for v in ways.values()],
        crs="EPSG:4326",
    )
    frame.to_file(tmp_path / "beijing.gpkg")
    graphs, report = load(tmp_path / "beijing.gpkg")
    walking = graphs["walking"]
    segments = {
        (min(a, b), max(a, b))
        for v in ways.values()
        for a, b in zip(map(tuple, v), map(tuple, v[1:]), strict=False)
        if a != b
    }
    assert walking.edge_length_m.sum() / 1000 == pytest.approx(6298, rel=0.002)
    degree = np.bincount(np.r_[walking.edge_u, walking.edge_v])
    assert degree.min() >= 1
    inner = len(walking.vertex_lon) - 2 * walking.n_edge
    assert walking.n_edge + inner == pytest.approx(len(segments), rel=0.01)
    count = report.counts[-1]
    assert count.read == count.used + count.repaired + count.set_aside == len(ways)
