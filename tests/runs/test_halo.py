"""How far parts look around: exactly far enough for the longest way, and not in vain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from network_cases import straight_graph
from parted_run_cases import (
    assert_same_tables,
    demand_table,
    division_table,
    facility_table,
    make_study,
    tables_of,
    whole,
)
from yikezhong_app.runs import pipeline
from yikezhong_app.runs.cutting import halo_m
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import RoadGraph, Service
from yikezhong_geodata.road_cells import cell_of, cells_near, dilate
from yikezhong_geodata.spec import Parameters
from yikezhong_geodata.study import Study

LON, LAT = 113.005, 31.0
#: Five cells of 0.01° and a few metres: the end lies in the sixth above the start.
LIMIT_S = 5_600.0
DEGREE_M = 110_870.0
TOP = LAT + 0.01 - 0.00002


def chain(metres: list[float], **options: Any) -> RoadGraph:
    """Return a straight road northward with stated lengths, a node at each distance."""
    lat = [TOP + m / DEGREE_M for m in metres]
    edges = [(i, i + 1) for i in range(len(metres) - 1)]
    return straight_graph([(LON, y) for y in lat], edges, **options)


def road_north() -> RoadGraph:
    """Return a road of exactly the limit: its end takes exactly the time that is left."""
    places = [*np.arange(0.0, 5_501.0, 500.0).tolist(), 5_560.0, LIMIT_S]
    return chain(places, length_m=np.diff(places).tolist())


def study_of(folder: Path, graph: RoadGraph) -> Study:
    """Return a study of two townships: people live in one, what they need is there."""
    border = TOP + 0.000_01
    north = border + 0.2
    divisions = division_table(
        [
            {"code": code, "name": code, "level": "township", "kind": "town",
             "people": 10.0, "geometry": shapely.box(LON - 0.004, low, LON + 0.004, high)}
            for code, low, high in (("S", LAT, border), ("N", border, north))
        ]
    )  # fmt: skip
    return make_study(
        folder,
        divisions=divisions,
        facilities=facility_table(
            [{"id": "f", "name": "f", "category": "a", "township_code": "N",
              "lon": LON, "lat": graph.node_lat.max()}]
        ),
        demand=demand_table(
            [{"id": "d", "division_code": "S", "township_code": "S", "people": 10.0,
              "lon": LON, "lat": graph.node_lat.min()}]
        ),
        roads={"walking": graph},
        services=(Service("near", "近", ("a",), group="people", limit_s=300.0),),
        parameters=Parameters(
            max_walk_time_s=LIMIT_S, min_component_m=0.0, limits_min=(5.0,),
            max_snap_m=100.0,
        ),
    )  # fmt: skip


def reached(tables: Mapping[str, pd.DataFrame]) -> list[float]:
    """Return the times to the facility that are known."""
    times = tables["times"]
    return times.loc[times["facility_id"].notna(), "time_s"].tolist()


def test_a_way_of_exactly_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_of(tmp_path, road_north())
    expected = tables_of(study, whole(study))
    assert reached(expected)[0] == LIMIT_S
    assert_same_tables(tables_of(study, "township"), expected)
    usual = pipeline._reach_m

    def shorter(*arguments: Any) -> Mapping[str, float]:
        found = usual(*arguments)
        return {**found, "halo": found["halo"] - 200.0}

    monkeypatch.setattr(pipeline, "_reach_m", shorter)
    found = tables_of(study, "township")
    assert LIMIT_S not in reached(found)
    with pytest.raises(AssertionError):
        assert_same_tables(found, expected)


def test_a_second_too_much_is_not_reached(tmp_path: Path) -> None:
    graph = chain([0.0, LIMIT_S + 1.0], length_m=[LIMIT_S + 1.0])
    study = study_of(tmp_path, graph)
    expected = tables_of(study, whole(study))
    assert reached(expected) == []
    assert_same_tables(tables_of(study, "township"), expected)


@pytest.mark.parametrize("stated_m", [0.0, 1.0, 2_000.0])
def test_roads_stated_shorter_than_they_are_drawn(
    tmp_path: Path, stated_m: float
) -> None:
    """Ways lead as far as they are drawn, whatever is said of their length."""
    places = [0.0, 9_000.0, 9_100.0]
    study = study_of(tmp_path, chain(places, length_m=[stated_m, 100.0]))
    expected = tables_of(study, whole(study))
    assert reached(expected)[0] == stated_m + 100.0
    assert_same_tables(tables_of(study, "township"), expected)


def test_the_distance_is_that_of_the_speed() -> None:
    found = halo_m(chain([0.0, 1_000.0]), time_s=900.0, leg_speed_mps=1.0)
    assert 900.0 < found < 930.0
    assert halo_m(chain([0.0]), time_s=900.0, leg_speed_mps=2.0) == pytest.approx(1_819)


def test_a_road_without_a_time_counts_with_its_length() -> None:
    graph = chain([0.0, 700.0, 5_000.0], length_m=[0.0, 4_300.0])
    found = halo_m(graph, time_s=900.0, leg_speed_mps=1.0)
    assert 1_600.0 < found < 1_660.0


def test_a_fast_road_counts_for_no_more_than_the_time_allows() -> None:
    # nine seconds on each at 100 m/s, far more than there are seconds
    places = np.arange(0.0, 300_000.0, 900.0)
    graph = chain(places.tolist(), length_m=[9.0] * (len(places) - 1))
    found = halo_m(graph, time_s=60.0, leg_speed_mps=1.0)
    assert 6_000.0 < found < 6_200.0


@pytest.mark.parametrize("lat", [0.0, 31.0, -60.0, 88.9])
@pytest.mark.parametrize("metres", [0.0, 500.0, 4_000.0])
def test_near_cells_are_those_that_growing_reaches(lat: float, metres: float) -> None:
    random = np.random.default_rng(7)
    for n_start in (0, 1, 20):
        x, y = random.uniform(-0.3, 0.3, (2, 200))
        known = np.unique(cell_of(179.8 + x.clip(-1, 0.2), lat + y))
        start = cell_of(179.8 + x[:n_start] / 2, lat + y[:n_start] / 2)
        expected = np.intersect1d(known, dilate(start, metres))
        np.testing.assert_array_equal(cells_near(known, start, metres), expected)


def test_any_distance_is_near_enough() -> None:
    known = np.unique(cell_of([113.0, -70.0, 179.9], [31.0, -40.0, 89.9]))
    for metres in (3e7, 1e15, np.inf):
        assert cells_near(known, known[:1], metres).tolist() == known.tolist()
    with pytest.raises(InputError):
        cells_near(known, known, np.nan)


def test_a_facility_far_from_every_road(tmp_path: Path) -> None:
    """It stands on its road, farther away than parts look, and nobody reaches it."""
    study = study_of(tmp_path, road_north())
    facilities = study.facilities.copy()
    facilities["lon"] = LON + 0.2
    facilities["geometry"] = shapely.points(LON + 0.2, facilities["lat"].to_numpy())
    parameters = replace(
        study.spec.parameters, max_snap_m=30_000.0, max_walk_time_s=600.0
    )
    study = replace(
        study,
        facilities=facilities,
        spec=replace(study.spec, parameters=parameters),
    )
    expected = tables_of(study, whole(study))
    assert expected["facilities"]["snap_m"].item() > 18_000.0
    assert reached(expected) == []
    assert_same_tables(tables_of(study, "township"), expected)
