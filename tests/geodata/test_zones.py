"""Zones: shapes by class, and how far places are from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box

from yikezhong_geodata.areas import distance_m
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.source_spec import ZoneSpec
from yikezhong_geodata.spec import read_spec
from yikezhong_geodata.toml_keys import StudySpecError
from yikezhong_geodata.zones import load_zones, zone_distances_m


def write(path: Path, *shapes: Any) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {},
            "geometry": None if shape is None else shape.__geo_interface__,
        }
        for shape in shapes
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def test_layers_are_read_by_class_and_rows_conserved(tmp_path: Path) -> None:
    write(tmp_path / "w.geojson", box(113.0, 31.0, 113.1, 31.1), None)
    write(tmp_path / "r.geojson", LineString([(113.0, 31.0), (113.2, 31.0)]))
    report = DataReport()
    zones = load_zones(
        [
            ZoneSpec(file="w.geojson", zone_class="water_source"),
            ZoneSpec(file="r.geojson", zone_class="railway"),
        ],
        folder=tmp_path,
        report=report,
    )
    assert zones["zone_class"].tolist() == ["water_source", "railway"]
    assert zones["row"].tolist() == [1, 1]
    assert [(c.file, c.read, c.used, c.set_aside) for c in report.counts] == [
        ("w.geojson", 2, 1, 1),
        ("r.geojson", 1, 1, 0),
    ]
    (finding,) = [f for f in report.findings if f.action == "set_aside"]
    assert (finding.layer, finding.row, finding.problem) == ("zones", 2, "no_geometry")


def test_no_layers_are_no_zones(tmp_path: Path) -> None:
    assert load_zones([], folder=tmp_path, report=DataReport()) is None


def test_a_table_is_no_layer(tmp_path: Path) -> None:
    (tmp_path / "z.csv").write_text("a\n1\n")
    with pytest.raises(StudySpecError, match="没有图形"):
        load_zones(
            [ZoneSpec(file="z.csv", zone_class="river")],
            folder=tmp_path,
            report=DataReport(),
        )


def test_a_zone_needs_its_class(tmp_path: Path) -> None:
    for name in ("b.geojson", "r.geojson", "z.geojson"):
        write(tmp_path / name, Point(113, 31))
    text = (
        '[study]\nname="甲"\n[[boundaries]]\nfile="b.geojson"\n'
        '[roads]\nfile="r.geojson"\n[[zones]]\nfile="z.geojson"\n'
    )
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(StudySpecError, match="class"):
        read_spec(tmp_path)
    (tmp_path / "study.toml").write_text(
        text + 'class="river"\n[plan_parameters.mine]\nriver_m = 200\n',
        encoding="utf-8",
    )
    spec = read_spec(tmp_path)
    assert spec.zones[0].zone_class == "river"
    assert spec.plan_parameters == {"mine": {"river_m": 200}}


def zones_of(**shapes: Any) -> Any:
    return gpd.GeoDataFrame(
        {"zone_class": list(shapes)}, geometry=list(shapes.values()), crs="EPSG:4326"
    )


def test_distances_are_ellipsoidal_and_zero_inside() -> None:
    zones = zones_of(water=box(113.0, 31.0, 113.1, 31.1))
    lon = np.array([113.05, 113.1, 113.2, np.nan, 115.0])
    lat = np.array([31.05, 31.05, 31.05, 31.05, 31.05])
    found = zone_distances_m(zones, lon, lat=lat)["water"]
    east = distance_m(
        np.array([113.2]), np.array([31.05]),
        to_lon=np.array([113.1]), to_lat=np.array([31.05]),
    )[0]  # fmt: skip
    assert found[0] == found[1] == 0.0
    assert found[2] == pytest.approx(east, abs=0.5)
    assert np.isnan(found[3]) and found[4] == np.inf


def test_the_nearest_of_a_class_counts() -> None:
    near, far = LineString([(113, 31), (114, 31)]), LineString([(113, 32), (114, 32)])
    zones = gpd.GeoDataFrame(
        {"zone_class": ["river", "river"]}, geometry=[far, near], crs="EPSG:4326"
    )
    lat = np.array([31.01])
    found = zone_distances_m(zones, np.array([113.5]), lat=lat)["river"]
    assert found[0] == pytest.approx(1108.7, abs=1.0)


@settings(max_examples=60, deadline=None)
@given(dx=st.floats(-0.05, 0.05), dy=st.floats(-0.05, 0.05), lat=st.floats(20.0, 50.0))
def test_a_point_zone_is_as_far_as_the_point(dx: float, dy: float, lat: float) -> None:
    zones = zones_of(heritage=Point(113.0, lat))
    lon, at = np.array([113.0 + dx]), np.array([lat + dy])
    expected = distance_m(lon, at, to_lon=np.array([113.0]), to_lat=np.array([lat]))[0]
    found = zone_distances_m(zones, lon, lat=at)["heritage"][0]
    assert found == pytest.approx(expected, abs=1e-3)
