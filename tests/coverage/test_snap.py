from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from network_cases import straight_graph
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.graph import build_graph
from yikezhong_coverage.records import RoadGraph, Snapped
from yikezhong_coverage.snap import snap_points

GEOD = Geod(ellps="WGS84")


def bent_graph(shapes: list[list[tuple[float, float]]], **terms) -> RoadGraph:
    """Make a graph in which every edge has nodes of its own."""
    terms = {"forward_mps": 1.0, "backward_mps": 1.0, **terms}
    ends = [point for line in shapes for point in (line[0], line[-1])]
    vertices = [point for line in shapes for point in line]
    n = len(shapes)
    return build_graph(
        "walking",
        [x for x, _ in ends],
        [y for _, y in ends],
        2 * np.arange(n),
        2 * np.arange(n) + 1,
        [f"e{i:05d}" for i in range(n)],
        ["x"] * n,
        np.cumsum([0, *map(len, shapes)]),
        [x for x, _ in vertices],
        [y for _, y in vertices],
        **terms,
    )


def nearest_by_hand(
    graph: RoadGraph, lon: float, lat: float
) -> tuple[float, list[int]]:
    """Return the distance in the point's own plane, and all edges that near."""
    phi = math.radians(lat)
    e2 = 0.0066943799901413165
    w = math.sqrt(1 - e2 * math.sin(phi) ** 2)
    k_x = math.radians(6378137 / w * math.cos(phi))
    k_y = math.radians(6378137 * (1 - e2) / w**3)
    x = (graph.vertex_lon - lon) * k_x
    y = (graph.vertex_lat - lat) * k_y
    d_x, d_y = np.append(np.diff(x), 0), np.append(np.diff(y), 0)
    square = d_x**2 + d_y**2
    t = np.clip(-(x * d_x + y * d_y) / np.where(square > 0, square, 1), 0, 1)
    # nothing leads on from an edge's last vertex
    t[graph.vertex_start[1:] - 1] = 0
    near = np.hypot(x + t * d_x, y + t * d_y)
    distance = np.minimum.reduceat(near, graph.vertex_start[:-1])
    best = float(distance.min())
    return best, np.flatnonzero(distance <= best + 1e-7).tolist()


def assert_snapped(graph: RoadGraph, lon, lat, found: Snapped, max_snap_m: float):
    """Demand for every point the nearest edge, and a place that is on it."""
    for p in range(len(lon)):
        best, edges = nearest_by_hand(graph, lon[p], lat[p])
        if found.edge[p] < 0:
            assert best > max_snap_m * (1 - 1e-4)
            assert np.isnan([found.along_m[p], found.leg_m[p], found.lon[p]]).all()
            continue
        assert found.edge[p] in edges
        assert found.leg_m[p] <= max_snap_m
        assert found.leg_m[p] == pytest.approx(best, rel=1e-3, abs=1e-6)
        _, _, leg_m = GEOD.inv(lon[p], lat[p], found.lon[p], found.lat[p])
        assert found.leg_m[p] == leg_m
        e = found.edge[p]
        row = slice(graph.vertex_start[e], graph.vertex_start[e + 1])
        along = graph.vertex_along_m[row]
        assert 0 <= found.along_m[p] <= along[-1]
        # the place again, from the distance along the edge
        assert np.interp(
            found.along_m[p], along, graph.vertex_lon[row]
        ) == pytest.approx(found.lon[p], abs=1e-9)


COORDINATES = st.integers(0, 12).map(lambda i: i * 0.0005) | st.floats(0, 0.006).map(
    lambda x: round(x, 9)
)
POINTS = st.tuples(COORDINATES, COORDINATES)
LATITUDES = st.sampled_from([0.0, 31.0, -60.0, 84.0])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(POINTS, min_size=2, max_size=5), min_size=1, max_size=12),
    st.lists(POINTS, min_size=1, max_size=8),
    LATITUDES,
    st.sampled_from([0.0, 30.0, 500.0, 1e6]),
)
def test_points_come_to_the_nearest_edge(lines, points, lat0, max_snap_m):
    graph = bent_graph([[(113 + x, lat0 + y) for x, y in line] for line in lines])
    lon = np.array([113 + x for x, _ in points])
    lat = np.array([lat0 + y for _, y in points])
    found = snap_points(graph, lon, lat, max_snap_m=max_snap_m)
    assert_snapped(graph, lon, lat, found, max_snap_m)


def random_graph(n: int, seed: int) -> RoadGraph:
    random = np.random.default_rng(seed)
    start = np.column_stack((113 + random.random(n), 31 + random.random(n)))
    # many short roads and a few long ones
    size = np.where(random.random(n) < 0.01, 0.3, 0.003)[:, None]
    middle = start + random.normal(size=(n, 2)) * size
    end = middle + random.normal(size=(n, 2)) * size
    lines = np.stack((start, middle, end), axis=1)
    return bent_graph([[tuple(p) for p in line] for line in lines.tolist()])


def test_many_points_in_a_large_area():
    graph = random_graph(800, 5)
    random = np.random.default_rng(6)
    lon = random.uniform(112.9, 114.1, 250)
    lat = random.uniform(30.9, 32.1, 250)
    for max_snap_m in (500.0, 3000.0, math.inf):
        found = snap_points(graph, lon, lat, max_snap_m=max_snap_m)
        assert (found.edge >= 0).sum() > 20
        assert_snapped(graph, lon, lat, found, max_snap_m)
    assert (found.edge >= 0).all()


def test_the_cut_of_the_study_changes_nothing():
    graph = random_graph(3000, 7)
    random = np.random.default_rng(8)
    lon, lat = random.uniform(113, 114, 400), random.uniform(31, 32, 400)
    whole = snap_points(graph, lon, lat)
    west = np.flatnonzero(lon < 113.4)
    kept = np.unique(whole.edge[west][whole.edge[west] >= 0])
    usable = np.isin(np.arange(graph.n_edge), kept)
    usable |= random.random(graph.n_edge) < 0.2
    part = snap_points(graph, lon[west], lat[west], usable=usable)
    np.testing.assert_array_equal(part.edge, whole.edge[west])
    for name in ("along_m", "leg_m", "lon", "lat"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[west])


def test_of_equally_near_edges_the_smaller_index():
    node = (113.0, 31.0)
    graph = straight_graph(
        [node, (113.01, 31.0), (112.99, 31.0), (113.0, 31.01)],
        [(1, 0), (0, 2), (0, 3)],
    )
    found = snap_points(graph, [113.0, 113.0], [30.999, 31.0])
    assert found.edge.tolist() == [0, 0]
    assert found.along_m.tolist() == [graph.edge_length_m[0]] * 2
    assert (found.lon.tolist(), found.lat.tolist()) == ([113.0] * 2, [31.0] * 2)
    assert found.leg_m[1] == 0.0


def test_a_road_and_its_twin_drawn_the_other_way_are_equally_near():
    random = np.random.default_rng(9)
    line = [(113.0, 31.0), (113.0037, 31.0041), (113.0093, 31.0017)]
    graph = bent_graph([line[::-1], line])
    points = 113 + random.random(500) * 0.01, 31 + random.random(500) * 0.005
    found = snap_points(graph, *points)
    assert (found.edge == 0).all()
    turned = snap_points(bent_graph([line, line[::-1]]), *points)
    assert (turned.edge == 0).all()
    np.testing.assert_allclose(
        turned.along_m, graph.edge_length_m[0] - found.along_m, atol=1e-6
    )


def test_both_axes_are_measured_in_metres_of_the_ellipsoid():
    # roads 100 m to the east and a little less or more to the north
    east, _, _ = GEOD.fwd(113.0, 31.0, 90, 100.0)
    for north_m, nearest in ((99.8, 1), (100.2, 0)):
        _, north, _ = GEOD.fwd(113.0, 31.0, 0, north_m)
        graph = bent_graph(
            [[(east, 30.99), (east, 31.01)], [(112.99, north), (113.01, north)]]
        )
        assert snap_points(graph, [113.0], [31.0]).edge.tolist() == [nearest]


def test_a_point_beyond_the_end_of_a_road_is_exactly_at_its_node():
    random = np.random.default_rng(12)
    ends = np.column_stack((113 + random.random(300), 31 + random.random(300)))
    starts = ends - random.random((300, 2)) * 0.003
    graph = bent_graph(
        [
            [tuple(a), tuple(0.9 * a + 0.1 * b), tuple(b)]
            for a, b in zip(starts, ends, strict=True)
        ]
    )
    found = snap_points(graph, ends[:, 0] + 1e-6, ends[:, 1] + 1e-6)
    own = found.edge == np.arange(300)
    assert own.sum() > 290
    np.testing.assert_array_equal(found.lon[own], ends[own, 0])
    np.testing.assert_array_equal(found.lat[own], ends[own, 1])
    np.testing.assert_array_equal(found.along_m[own], graph.edge_length_m[own])


def test_the_largest_distance_is_inclusive():
    graph = straight_graph([(113.0, 31.0), (113.0, 31.01)], [(0, 1)])
    _, _, leg_m = GEOD.inv(113.004, 31.005, 113.0, 31.005)
    at = snap_points(graph, [113.004], [31.005], max_snap_m=1000.0)
    assert at.leg_m[0] == pytest.approx(leg_m, abs=1e-3)
    just = float(at.leg_m[0])
    assert snap_points(graph, [113.004], [31.005], max_snap_m=just).edge[0] == 0
    less = math.nextafter(just, 0)
    assert snap_points(graph, [113.004], [31.005], max_snap_m=less).edge[0] == -1
    # far away
    assert snap_points(graph, [116.0], [31.0]).edge.tolist() == [-1]


def test_only_usable_edges_are_taken():
    graph = bent_graph(
        [[(113, 31), (113, 31.01)], [(113.001, 31), (113.001, 31.01)]] * 2,
        forward_mps=[0.0, 1.0, 1.0, 1.0],
        backward_mps=[0.0, 0.0, 1.0, 1.0],
    )
    assert snap_points(graph, [113.0], [31.005]).edge.tolist() == [2]
    usable = np.array([True, True, False, True])
    assert snap_points(graph, [113.0], [31.005], usable=usable).edge.tolist() == [1]
    none = np.zeros(4, dtype=bool)
    assert snap_points(graph, [113.0], [31.005], usable=none).edge.tolist() == [-1]


def test_points_without_a_place_and_at_the_edge_of_the_world():
    graph = bent_graph([[(179.99, 10), (180, 10)], [(-180, 10), (-179.99, 10)]])
    lon = [np.nan, 179.995, -179.995, 180.0, 0.0, np.inf, 30.0, 1e300]
    lat = [10.0, 10.001, 10.001, 10.0, 90.0, 10.0, -90.0, 10.0]
    found = snap_points(graph, lon, lat)
    anywhere = snap_points(graph, lon, lat, max_snap_m=math.inf)
    assert (anywhere.edge >= 0).sum() == 5
    assert found.edge.tolist() == [-1, 0, 1, 0, -1, -1, -1, -1]


def test_roads_as_good_as_level_or_upright():
    tiny = 5e-324
    graph = bent_graph([[(0.0, tiny), (0.05, 0.0)], [(tiny, 0.0), (0.0, 0.05)]])
    found = snap_points(graph, [0.02, 0.0005], [0.0005, 0.03])
    assert found.edge.tolist() == [0, 1]
    np.testing.assert_allclose(found.leg_m, [55.287, 55.660], atol=1e-3)


def test_edges_without_length_and_repeated_vertices():
    graph = bent_graph([[(113, 31), (113, 31)], [(113.01, 31)] * 2 + [(113.02, 31)]])
    found = snap_points(graph, [113.0, 113.01], [31.001, 31.0])
    assert found.edge.tolist() == [0, 1]
    assert found.along_m.tolist() == [0.0, 0.0]


def test_nothing_to_snap_or_to_snap_to():
    graph = straight_graph([(113.0, 31.0), (113.0, 31.01)], [(0, 1)])
    empty = build_graph(
        "walking", [], [], [], [], [], [], [0], [], [], forward_mps=1, backward_mps=1
    )
    assert len(snap_points(graph, [], [])) == 0
    assert len(snap_points(empty, [], [])) == 0
    found = snap_points(empty, [113.0], [31.0])
    assert found.edge.tolist() == [-1]
    assert found.edge.dtype == np.int32
    assert np.isnan(found.leg_m).all()


def test_what_does_not_fit_is_refused():
    graph = straight_graph([(113.0, 31.0), (113.0, 31.01)], [(0, 1)])
    with pytest.raises(InputError, match="经度与纬度"):
        snap_points(graph, [113.0], [])
    with pytest.raises(InputError, match="最大匹配距离"):
        snap_points(graph, [113.0], [31.0], max_snap_m=math.nan)
    with pytest.raises(InputError, match="可用路段"):
        snap_points(graph, [113.0], [31.0], usable=np.array([True, True]))


@pytest.mark.real_data
def test_all_of_beijing(real_data: Path):
    ways = json.loads(
        (real_data / "beijing" / "beijing_5thring.json").read_text(encoding="utf-8")
    )
    lines = [[(lon, lat) for lat, lon in way] for way in ways.values() if len(way) > 1]
    graph = bent_graph(lines)
    random = np.random.default_rng(11)
    lon = random.uniform(116.27, 116.48, 100_000)
    lat = random.uniform(39.84, 39.98, 100_000)
    found = snap_points(graph, lon, lat)
    assert (found.edge >= 0).mean() > 0.9
    few = random.choice(100_000, 25, replace=False)
    assert_snapped(graph, lon[few], lat[few], found.take(few), 500.0)
