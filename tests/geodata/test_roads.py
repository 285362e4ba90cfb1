"""From an OSM extract to the graph of each profile."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from pyproj import Geod

import osm_cases
from road_cases import load, problems
from yikezhong_coverage.errors import (
    InputError,
)
from yikezhong_coverage.exact import round_time
from yikezhong_coverage.graph import connected_pieces, usable_edges
from yikezhong_coverage.snap import snap_points
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import (
    NoFeaturesError,
)
from yikezhong_geodata.profiles import KMH, default_speed_kmh, get_profile
from yikezhong_geodata.road_findings import (
    FacilityPoints,
    may_stop,
    report_components,
)
from yikezhong_geodata.roads import load_roads
from yikezhong_geodata.spec import RoadSpec


def test_a_grid_is_cut_at_its_crossings(tmp_path: Path) -> None:
    graphs, report = load(osm_cases.grid(3).write(tmp_path / "a.osm.pbf"))
    walking, driving = graphs["walking"], graphs["driving"]
    assert (walking.n_node, walking.n_edge) == (9, 12)
    assert walking.edge_id.tolist() == sorted(walking.edge_id)
    assert walking.edge_id[:2].tolist() == ["1.00000", "1.00001"]
    np.testing.assert_array_equal(
        walking.edge_forward_s, round_time(walking.edge_length_m)
    )
    np.testing.assert_array_equal(walking.edge_forward_s, walking.edge_backward_s)
    speed = default_speed_kmh("residential") * KMH
    np.testing.assert_array_equal(
        driving.edge_forward_s, round_time(driving.edge_length_m / speed)
    )
    count = report.counts[0]
    assert (count.read, count.used) == (6, 6)


def test_walking_speed_is_a_parameter(tmp_path: Path) -> None:
    path = osm_cases.grid(2).write(tmp_path / "a.osm")
    slow = load_roads(
        RoadSpec("a.osm"), folder=path.parent, report=DataReport(), walk_speed_mps=0.8
    )["walking"]
    np.testing.assert_array_equal(
        slow.edge_forward_s, round_time(slow.edge_length_m / 0.8)
    )


def test_names_of_edges_do_not_depend_on_the_cut(tmp_path: Path) -> None:
    case = osm_cases.grid(4)
    whole, _ = load(case.write(tmp_path / "a.osm.pbf"))
    cut, report = load(case.write(tmp_path / "b.osm.pbf", without_nodes=[1, 2, 5, 6]))
    lengths = dict(
        zip(whole["walking"].edge_id, whole["walking"].edge_length_m, strict=True)
    )
    for name, length in zip(
        cut["walking"].edge_id, cut["walking"].edge_length_m, strict=True
    ):
        assert lengths[name] == length
    assert set(problems(report)) >= {"missing_nodes"}


def test_missing_nodes_cut_the_way_and_are_counted(tmp_path: Path) -> None:
    case = osm_cases.OsmCase()
    for at in range(1, 8):
        case.nodes[at] = (113.0 + at * 0.001, 31.0)
    case.ways[1] = ([1, 2, 3, 4, 5, 6, 7], {"highway": "path"})
    case.ways[2] = ([1, 99], {"highway": "residential"})
    case.ways[3] = ([3], {"highway": "residential"})
    case.ways[4] = ([98, 97], {"highway": "construction"})
    case.ways[5] = ([5, 6, 6, 7, 7], {"highway": "residential"})
    graphs, report = load(case.write(tmp_path / "a.osm.pbf", without_nodes=[4]))
    spans = [
        (graphs["walking"].vertex_start[e + 1] - graphs["walking"].vertex_start[e])
        for e in range(graphs["walking"].n_edge)
    ]
    # 1-2-3 | 5-6, 6-7 of way 1 (shared with way 5), and way 5 itself
    assert graphs["walking"].edge_id.tolist() == [
        "1.00000",
        "1.00004",
        "1.00005",
        "5.00000",
        "5.00001",
    ]
    assert spans == [3, 2, 2, 2, 2]
    found = {(f.id, f.problem, f.action) for f in report.findings if f.id}
    assert found == {
        ("1", "missing_nodes", "repaired"),
        ("2", "missing_nodes", "set_aside"),
        ("3", "no_geometry", "set_aside"),
    }
    count = report.counts[0]
    assert (count.read, count.used, count.repaired, count.set_aside) == (5, 2, 1, 2)


def test_only_ways_of_the_profile_cut_each_other(tmp_path: Path) -> None:
    case = osm_cases.grid(3)
    case.ways[102] = (case.ways[102][0], {"highway": "footway"})
    graphs, _ = load(case.write(tmp_path / "a.osm"))
    assert graphs["walking"].n_edge == 12
    assert graphs["driving"].n_edge == 4 + 3


@pytest.mark.case(74)
def test_one_way_binds_driving_not_walking(tmp_path: Path) -> None:
    """BAD-INPUTS 74: a one-way dead end can be left but not entered."""
    case = osm_cases.grid(2)
    case.nodes[9] = (113.0, 31.002)
    case.nodes[10] = (113.001, 31.002)
    case.ways[7] = ([3, 9], {"highway": "residential", "oneway": "-1"})
    case.ways[8] = ([4, 10], {"highway": "residential", "oneway": "yes"})
    graphs, _ = load(case.write(tmp_path / "a.osm.pbf"))
    driving, walking = graphs["driving"], graphs["walking"]
    for name, forward, backward in (("7.00000", False, True), ("8.00000", True, False)):
        e = driving.edge_id.tolist().index(name)
        assert np.isfinite(driving.edge_forward_s[e]) == forward
        assert np.isfinite(driving.edge_backward_s[e]) == backward
    assert np.isfinite(walking.edge_forward_s).all()
    assert np.isfinite(walking.edge_backward_s).all()


def test_roundabout_and_ring(tmp_path: Path) -> None:
    case = osm_cases.OsmCase()
    case.ring(1, osm_cases.square(113.0, 31.0, 0.001), highway="primary")
    case.ways[1] = (case.ways[1][0], {"highway": "primary", "junction": "roundabout"})
    case.ring(2, osm_cases.square(113.01, 31.0, 0.001), highway="path")
    graphs, _ = load(case.write(tmp_path / "a.osm"))
    driving = graphs["driving"]
    assert driving.n_edge == 1
    assert driving.edge_u[0] == driving.edge_v[0]
    assert np.isfinite(driving.edge_forward_s[0])
    assert np.isinf(driving.edge_backward_s[0])
    assert graphs["walking"].n_edge == 2


def test_speeds_that_are_none_are_defaulted_and_reported(tmp_path: Path) -> None:
    """BAD-INPUTS 77."""
    case = osm_cases.grid(5)
    values = ["none", "walk", "50 mph", "RO:urban", "36"]
    for way, value in enumerate(values, start=1):
        case.ways[way] = (case.ways[way][0], {"highway": "primary", "maxspeed": value})
    graphs, report = load(case.write(tmp_path / "a.osm.pbf"))
    driving = graphs["driving"]
    speed = driving.edge_length_m / driving.edge_forward_s / KMH
    of_way = {
        way: speed[[i.startswith(f"{way}.") for i in driving.edge_id]]
        for way in range(1, 6)
    }
    for way, kmh in zip(range(1, 6), (50, 50, 80.4672, 50, 36), strict=True):
        np.testing.assert_allclose(of_way[way], kmh, rtol=1e-8)
    defaulted = next(f for f in report.findings if f.problem == "speed_defaulted")
    assert defaulted.value is not None
    assert float(defaulted.value) == pytest.approx(
        1
        - driving.edge_length_m[[i[:2] in ("3.", "5.") for i in driving.edge_id]].sum()
        / driving.edge_length_m.sum(),
        abs=1e-4,
    )
    unread = {f.value for f in report.findings if f.problem == "speed_unread"}
    assert unread == {"none", "walk", "RO:urban"}


@pytest.mark.case(72)
def test_two_pieces_are_kept_and_the_short_one_is_listed(tmp_path: Path) -> None:
    """BAD-INPUTS 72."""
    case = osm_cases.grid(4)
    case.nodes[90], case.nodes[91] = (113.1, 31.1), (113.101, 31.1)
    case.nodes[92] = (113.102, 31.1)
    case.ways[9] = ([90, 91, 92], {"highway": "residential"})
    case.ways[10] = ([91, 92], {"highway": "footway"})
    graphs, report = load(case.write(tmp_path / "a.osm.pbf"))
    walking = graphs["walking"]
    pieces = connected_pieces(walking)
    assert len(pieces.length_m) == 2
    dropped = report_components(walking, 1000.0, report, file="a.osm.pbf")
    found = [f for f in report.findings if f.problem == "component_dropped"]
    assert len(found) == 1
    assert found[0].value == f"{pieces.length_m.min():.1f}"
    assert found[0].id == "10.00000"
    assert "3 条路段" in found[0].message
    np.testing.assert_array_equal(~dropped, usable_edges(walking, 1000.0))
    assert dropped.sum() == 3
    near = FacilityPoints(
        ["a", "b", "c"],
        np.array([113.1015, 113.001, np.nan]),
        np.array([31.1001, 31.0005, np.nan]),
    )
    report = DataReport()
    report_components(walking, 1000.0, report, facilities=near)
    assert report.findings[0].message.endswith("的设施：a")
    assert not report_components(walking, 10.0, DataReport()).any()


@pytest.mark.case(79)
def test_a_point_beside_a_motorway_takes_the_next_allowed_edge(tmp_path: Path) -> None:
    """BAD-INPUTS 79."""
    case = osm_cases.grid(2)
    case.nodes[50], case.nodes[51] = (113.0, 31.003), (113.001, 31.003)
    case.ways[60] = ([50, 51], {"highway": "motorway"})
    graphs, _ = load(case.write(tmp_path / "a.osm.pbf"))
    lon, lat = np.array([113.0005]), np.array([31.0029])
    driving = graphs["driving"]
    free = snap_points(driving, lon, lat)
    bound = snap_points(driving, lon, lat, usable=may_stop(driving))
    assert driving.edge_class[free.edge[0]] == "motorway"
    assert driving.edge_class[bound.edge[0]] == "residential"
    assert "motorway" not in graphs["walking"].edge_class
    assert may_stop(graphs["walking"]).all()


def test_no_file_and_no_roads(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="找不到"):
        load(tmp_path / "a.osm.pbf")
    case = osm_cases.grid(2)
    case.ways.clear()
    with pytest.raises(NoFeaturesError):
        load(case.write(tmp_path / "a.osm.pbf"))
    case = osm_cases.grid(2)
    for way, (refs, _) in case.ways.items():
        case.ways[way] = (refs, {"highway": "footway"})
    with pytest.raises(NoFeaturesError, match="驾车"):
        load(case.write(tmp_path / "b.osm.pbf"))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("file", "walking_km", "driving_km"),
    [
        ("liechtenstein/liechtenstein-latest.osm.pbf", 1090.8, 347.3),
        ("porto_alegre/poa_osm.pbf", 1886.7, 1408.1),
        ("las_palmas/las_palmas.osm.pbf", 2037.1, 1208.2),
    ],
)
def test_real_extracts(
    real_data: Path, file: str, walking_km: float, driving_km: float
) -> None:
    report = DataReport()
    graphs = load_roads(RoadSpec(file), folder=real_data, report=report)
    lengths = {p: g.edge_length_m.sum() / 1000 for p, g in graphs.items()}
    assert lengths["walking"] == pytest.approx(walking_km, rel=0.001)
    assert lengths["driving"] == pytest.approx(driving_km, rel=0.001)
    count = report.counts[0]
    assert count.read == count.used + count.repaired + count.set_aside


@pytest.mark.real_data
@pytest.mark.parametrize(
    "file",
    ["liechtenstein/liechtenstein-latest.osm.pbf", "las_palmas/las_palmas.osm.pbf"],
)
def test_walking_equals_networkx_on_raw_segments(real_data: Path, file: str) -> None:
    """Every segment of every walkable way is an edge of the oracle: no splitting."""
    nx = pytest.importorskip("networkx")
    pyosmium = pytest.importorskip("osmium")
    graph = load_roads(
        RoadSpec(file), folder=real_data, report=DataReport(), profiles=("walking",)
    )["walking"]
    rules = get_profile("walking")
    measure = Geod(ellps="WGS84")
    oracle = nx.Graph()
    nodes_at: dict[tuple[float, float], set[int]] = {}
    for way in pyosmium.FileProcessor(str(real_data / file)).with_locations():
        if not way.is_way() or not rules.usable(dict(way.tags)):
            continue
        known = [
            (n.ref, n.lon, n.lat) if n.location.valid() else None for n in way.nodes
        ]
        for a, b in itertools.pairwise(known):
            if a and b:
                oracle.add_edge(a[0], b[0], weight=measure.inv(*a[1:], *b[1:])[2])
                for name, lon, lat in (a, b):
                    nodes_at.setdefault((lon, lat), set()).add(name)
    ours = nx.MultiGraph()
    for u, v, time_s in zip(
        graph.edge_u.tolist(), graph.edge_v.tolist(), graph.edge_forward_s, strict=True
    ):
        ours.add_edge(u, v, weight=time_s)
    # OSM has different nodes at one place (a bridge over a road): those are left out
    places = zip(graph.node_lon.tolist(), graph.node_lat.tolist(), strict=True)
    name_of = {
        at: min(nodes_at[place])
        for at, place in enumerate(places)
        if len(nodes_at[place]) == 1
    }
    assert len(name_of) > 0.99 * graph.n_node
    for start in list(name_of)[:: len(name_of) // 8]:
        expected = nx.single_source_dijkstra_path_length(oracle, name_of[start])
        found = nx.single_source_dijkstra_path_length(ours, start)
        reached = {name_of[n]: time_s for n, time_s in found.items() if n in name_of}
        assert reached.keys() == expected.keys() & set(name_of.values())
        assert max(abs(expected[n] - reached[n]) for n in reached) < 1e-6
