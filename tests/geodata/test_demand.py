"""Demand: people on points, every sum kept exactly."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from study_cases import (
    COUNTY,
    PEOPLE,
    communities,
    roads,
    townships,
    write_csv,
    write_geojson,
)
from yikezhong_coverage.exact import PEOPLE_QUANTUM
from yikezhong_coverage.graph import build_graph
from yikezhong_coverage.records import RoadGraph
from yikezhong_geodata.areas import area_m2, distance_m, inner_points
from yikezhong_geodata.boundaries import load_boundaries
from yikezhong_geodata.columns import DEMAND_COLUMNS, GROUPS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.demand import build_demand, record_demand
from yikezhong_geodata.demand_places import road_pieces
from yikezhong_geodata.population import load_population
from yikezhong_geodata.spec import BoundarySpec, PopulationSpec


def graph_of(lines: list[shapely.LineString]) -> RoadGraph:
    """Return a walking graph with an edge for each line and nodes of its own."""
    start = np.cumsum([0, *(len(line.coords) for line in lines)])
    xy = np.array([p for line in lines for p in line.coords])
    n = len(lines)
    ends = np.array([p for line in lines for p in (line.coords[0], line.coords[-1])])
    ones = np.ones(n)
    return build_graph(
        "walking", ends[:, 0], ends[:, 1],
        np.arange(0, 2 * n, 2, dtype=np.int32), np.arange(1, 2 * n, 2, dtype=np.int32),
        np.array([f"e{i:04d}" for i in range(n)]), np.array(["residential"] * n),
        start.astype(np.int64), xy[:, 0], xy[:, 1],
        forward_mps=ones, backward_mps=ones,
    )  # fmt: skip


@pytest.fixture(scope="module")
def walking() -> RoadGraph:
    return graph_of(list(roads().geometry))


def divisions_of(
    folder: Path,
    table: list[tuple[str, float, float]] | None = None,
    *,
    counts: bool = True,
    report: DataReport | None = None,
) -> Any:
    """Return the small study's divisions, with counts of its own or of a table."""
    frame = communities()
    if not counts:
        frame = frame.drop(columns=["常住人口", "60岁以上人口"])
    write_geojson(frame, folder / "c.geojson")
    write_geojson(townships(), folder / "t.geojson")
    report = report or DataReport()
    divisions = load_boundaries(
        [BoundarySpec("c.geojson"), BoundarySpec("t.geojson")],
        folder=folder,
        code_system="cn12",
        report=report,
    )
    specs = []
    if table is not None:
        write_csv(folder / "p.csv", ["code", "people", "people_60"], table)
        specs.append(PopulationSpec("p.csv"))
    return load_population(
        specs, folder=folder, divisions=divisions, report=report
    ).divisions


def cells_of(divisions: Any, rows: list[tuple[float, float, float]]) -> pd.DataFrame:
    """Return cells from (lon, lat, people)."""
    from yikezhong_geodata.locate import locate_points

    table = pd.DataFrame(rows, columns=["lon", "lat", "people"])
    lon, lat = table["lon"].to_numpy(), table["lat"].to_numpy()
    table["division"] = locate_points(divisions, lon, lat=lat).division
    table["method"] = "cells"
    for group in GROUPS[1:]:
        table[group] = np.nan
    return table


def check_sums(divisions: Any, demand: Any) -> None:
    """Every division's count is the exact sum of its demand points."""
    position = {code: i for i, code in enumerate(divisions["code"])}
    parents = [position.get(p, -1) for p in divisions["parent"]]
    for group in GROUPS:
        counts = demand[group].to_numpy(np.float64)
        known = counts[~np.isnan(counts)]
        assert (known / PEOPLE_QUANTUM == np.rint(known / PEOPLE_QUANTUM)).all()
        assert (known >= 0).all()
        sums = np.zeros(len(divisions))
        for code, value in zip(demand["division_code"], counts, strict=True):
            i = position[code]
            while i >= 0:
                sums[i] += 0.0 if np.isnan(value) else value
                i = parents[i]
        values = divisions[group].to_numpy(np.float64)
        there = ~np.isnan(values)
        assert (sums[there] == values[there]).all(), group


def test_along_roads(tmp_path: Path, walking: RoadGraph) -> None:
    divisions = divisions_of(tmp_path)
    report = DataReport()
    demand = build_demand(
        divisions, cells=None, buildings=None, walking=walking, report=report
    )
    assert list(demand.columns) == list(DEMAND_COLUMNS)
    assert set(demand["method"]) == {"roads"}
    check_sums(divisions, demand)
    assert list(demand["id"]) == sorted(demand["id"]) and demand["id"].is_unique
    geometry = divisions.set_index("code").geometry
    for code, part in demand.groupby("division_code"):
        assert shapely.intersects(geometry[code], part.geometry.to_numpy()).all()
        assert (part["community_code"] == code).all()
        assert (part["township_code"] == code[:9] + "000").all()
    # a known zero stays zero, on points
    assert demand[demand["division_code"] == "421303400201"]["people"].eq(0).all()
    recorded = record_demand(divisions, demand)
    assert set(recorded["population_method"]) == {"roads"}


def test_road_pieces(walking: RoadGraph) -> None:
    lon, lat, length = road_pieces(walking, max_piece_m=100.0)
    assert length.max() <= 100.0 and length.min() > 90.0
    assert length.sum() == pytest.approx(walking.edge_length_m.sum(), rel=1e-12)
    # a curve with vertices at odd places, and an edge of no length
    bent = graph_of(
        [
            shapely.LineString([(113, 31), (113.0001, 31), (113.0011, 31.001), (113.002, 31)]),
            shapely.LineString([(113, 31), (113, 31)]),
        ]
    )  # fmt: skip
    lon, lat, length = road_pieces(bent, max_piece_m=100.0)
    line = shapely.LineString(np.column_stack([bent.vertex_lon, bent.vertex_lat])[:4])
    assert shapely.distance(shapely.points(lon[:-1], lat[:-1]), line).max() < 1e-12
    assert length[-1] == 0 and len(length) == 4
    first = distance_m(
        lon[:1], lat[:1], to_lon=np.array([113.0]), to_lat=np.array([31.0])
    )[0]
    assert first <= length[0] / 2 + 1e-6


def test_cells_are_scaled_to_known_totals(tmp_path: Path, walking: RoadGraph) -> None:
    divisions = divisions_of(tmp_path)
    cells = cells_of(
        divisions,
        [(113.365, 31.725, 1.0), (113.366, 31.726, 3.0), (113.385, 31.705, 0.7)],
    )
    demand = build_demand(
        divisions, cells=cells, buildings=None, walking=walking, report=DataReport()
    )
    check_sums(divisions, demand)
    one = demand[demand["division_code"] == "421303001001"]
    assert list(one["people"]) == [1000.0, 3000.0]
    assert list(one["people_60"]) == [200.0, 600.0]
    assert set(one["method"]) == {"cells"}
    # communities without a cell take the next rung
    other = demand[demand["division_code"] == "421303001201"]
    assert set(other["method"]) == {"roads"}


def test_buildings_and_representative_points(tmp_path: Path) -> None:
    divisions = divisions_of(tmp_path)
    cells = cells_of(divisions, [(113.365, 31.725, 1.0), (113.366, 31.726, 2.0)])
    buildings = cells.assign(weight=[10.0, 30.0])
    demand = build_demand(
        divisions, cells=None, buildings=buildings, walking=None, report=DataReport()
    )
    check_sums(divisions, demand)
    one = demand[demand["division_code"] == "421303001001"]
    assert list(one["people"]) == [1000.0, 3000.0]
    assert set(one["method"]) == {"buildings"}
    other = demand[demand["division_code"] == "421303100001"]
    assert list(other["method"]) == ["point"] and list(other["people"]) == [3000.0]


def test_a_method_can_be_demanded(tmp_path: Path, walking: RoadGraph) -> None:
    divisions = divisions_of(tmp_path)
    for method in ("roads", "point"):
        demand = build_demand(
            divisions, cells=None, buildings=None, walking=walking,
            report=DataReport(), method=method,
        )  # fmt: skip
        assert set(demand["method"]) == {method}
        check_sums(divisions, demand)


def test_unknown_people_stay_unknown_on_kept_points(
    tmp_path: Path, walking: RoadGraph
) -> None:
    divisions = divisions_of(tmp_path, [("421303001001", 10, 5)], counts=False)
    demand = build_demand(
        divisions, cells=None, buildings=None, walking=walking, report=DataReport()
    )
    known = demand["division_code"] == "421303001001"
    assert demand.loc[known, "people"].sum() == 10
    assert demand.loc[~known, "people"].isna().all()
    assert set(demand["division_code"]) == set(PEOPLE)
    recorded = record_demand(divisions, demand).set_index("code")
    assert recorded["people"].isna().sum() == 7
    assert recorded.loc[COUNTY, "people"] == 10
    assert recorded.loc[COUNTY, "unknown_units"] == 5


def test_township_totals_reach_unknown_communities(
    tmp_path: Path, walking: RoadGraph
) -> None:
    """The rest of the township goes to its unknown community, flagged estimated."""
    table = [("421303001", 5000, 1000), ("421303001001", 4000, 600)]
    divisions = divisions_of(tmp_path, table, counts=False)
    cells = cells_of(divisions, [(113.365, 31.725, 9.0), (113.365, 31.705, 1.0)])
    demand = build_demand(
        divisions, cells=cells, buildings=None, walking=walking, report=DataReport()
    )
    check_sums(divisions, demand)
    recorded = record_demand(divisions, demand)
    check_sums(recorded, demand)
    row = recorded.set_index("code").loc["421303001201"]
    assert (row["people"], row["people_60"]) == (1000, 400)
    assert row["estimated"] == "people people_60"
    assert row["unknown_units"] == 0


def test_several_unknown_communities_share_by_cells(tmp_path: Path) -> None:
    divisions = divisions_of(tmp_path, [("421303001", 5000, 1000)], counts=False)
    cells = cells_of(divisions, [(113.365, 31.725, 9.0), (113.365, 31.705, 1.0)])
    demand = build_demand(
        divisions, cells=cells, buildings=None, walking=None, report=DataReport()
    )
    recorded = record_demand(divisions, demand).set_index("code")
    assert recorded.loc["421303001001", "people"] == 4500
    assert recorded.loc["421303001201", "people_60"] == 100


def test_order_of_rows_does_not_matter(tmp_path: Path, walking: RoadGraph) -> None:
    divisions = divisions_of(tmp_path)
    random = np.random.default_rng(3)
    rows = [
        (113.36 + x, 31.70 + y, float(w))
        for x, y, w in zip(
            random.random(50) * 0.06, random.random(50) * 0.04, random.random(50),
            strict=True,
        )
    ]  # fmt: skip
    one = build_demand(
        divisions, cells=cells_of(divisions, rows), buildings=None, walking=walking,
        report=DataReport(),
    )  # fmt: skip
    other = build_demand(
        divisions, cells=cells_of(divisions, rows[::-1]), buildings=None,
        walking=walking, report=DataReport(),
    )  # fmt: skip
    assert one.drop(columns="geometry").equals(other.drop(columns="geometry"))


def test_division_without_geometry_keeps_its_people(
    tmp_path: Path, walking: RoadGraph
) -> None:
    divisions = divisions_of(tmp_path)
    lost = divisions["code"] == "421303100201"
    divisions.loc[lost, "geometry"] = None
    divisions.loc[lost, ["lon", "lat", "area_m2"]] = np.nan
    report = DataReport()
    demand = build_demand(
        divisions, cells=None, buildings=None, walking=walking, report=report
    )
    assert demand["people"].sum() == 10_000
    (finding,) = [f for f in report.findings if f.problem == "no_demand_point"]
    assert (finding.id, finding.value) == ("421303100201", "500.0")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1e5, allow_nan=False), min_size=6, max_size=6),
    st.lists(st.floats(0, 1e3, allow_nan=False), min_size=1, max_size=30),
    st.integers(0, 2**31),
)
def test_sums_are_exact_for_any_numbers(
    people: list[float], weights: list[float], seed: int
) -> None:
    divisions = BASE.copy()
    lowest = divisions["level"] == "community"
    from yikezhong_geodata.population_rules import resolve, round_people

    declared = np.full(len(divisions), np.nan)
    declared[lowest.to_numpy()] = people
    position = {code: i for i, code in enumerate(divisions["code"])}
    parent = np.array([position.get(p, -1) for p in divisions["parent"]], np.int32)
    divisions["people"] = resolve(declared, parent).value
    divisions["people_60"] = resolve(round_people(declared * 0.2), parent).value
    random = np.random.default_rng(seed)
    rows = [
        (113.36 + random.random() * 0.06, 31.70 + random.random() * 0.04, w)
        for w in weights
    ]
    demand = build_demand(
        divisions, cells=cells_of(divisions, rows), buildings=None, walking=None,
        report=DataReport(),
    )  # fmt: skip
    check_sums(divisions, demand)


def _base() -> Any:
    """Return the small study's divisions without files."""
    frame = communities()
    upper = townships()
    code = [COUNTY, *(c + "000" for c in upper["乡镇代码"]), *frame["社区代码"]]
    geometry = [
        shapely.union_all(upper.geometry.to_numpy()),
        *upper.geometry,
        *frame.geometry,
    ]
    table = gpd.GeoDataFrame(
        {
            "code": code,
            "level": ["county"] + ["township"] * 3 + ["community"] * 6,
            "parent": [
                None,
                *[COUNTY] * 3,
                *(c[:9] + "000" for c in frame["社区代码"]),
            ],
        },
        geometry=geometry,
        crs=4326,
    )
    array = np.asarray(table.geometry.to_numpy(), dtype=object)
    table["area_m2"] = area_m2(array)
    table["lon"], table["lat"] = inner_points(array)
    for group in GROUPS:
        table[group] = np.nan
    return table.assign(incomplete="", estimated="", unknown_units=0, file="x", row=1)


BASE = _base()


def test_a_prefecture_in_seconds() -> None:
    """1,024 communities and 100,000 cells."""
    side = 32
    boxes = [
        shapely.box(113 + i * 0.01, 31 + j * 0.01, 113 + (i + 1) * 0.01, 31 + (j + 1) * 0.01)
        for i in range(side) for j in range(side)
    ]  # fmt: skip
    n = len(boxes)
    table = gpd.GeoDataFrame(
        {
            "code": [f"{421303001001 + i}" for i in range(n)],
            "level": "community",
            "parent": None,
            "incomplete": "",
            "estimated": "",
            "unknown_units": 0,
            "file": "x",
            "row": 1,
        },
        geometry=boxes,
        crs=4326,
    )
    array = np.asarray(boxes, dtype=object)
    table["area_m2"] = area_m2(array)
    table["lon"], table["lat"] = inner_points(array)
    random = np.random.default_rng(1)
    for group in GROUPS:
        table[group] = random.integers(0, 5000, n).astype(float)
    began = time.perf_counter()
    where = random.random((2, 100_000)) * 0.3199
    rows = np.column_stack([113 + where[0], 31 + where[1], random.random(100_000)])
    cells = cells_of(table, [tuple(row) for row in rows])
    demand = build_demand(
        table, cells=cells, buildings=None, walking=None, report=DataReport()
    )
    record_demand(table, demand)
    assert time.perf_counter() - began < 30
    for group in GROUPS:
        sums = demand.groupby("division_code")[group].sum()
        assert (sums.to_numpy() == table.set_index("code")[group].to_numpy()).all()
