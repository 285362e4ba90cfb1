from __future__ import annotations

from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from pyproj import Geod

from network_cases import road_graphs, straight_graph
from yikezhong_coverage.errors import (
    BadWeightError,
    GraphError,
    InputError,
    MissingWeightError,
)
from yikezhong_coverage.exact import TIME_QUANTUM_S, round_time
from yikezhong_coverage.graph import (
    at_walking_speed,
    build_graph,
    connected_pieces,
    usable_edges,
)

LON = [113.0, 113.01, 113.02]
LAT = [31.0, 31.01, 31.0]


def small(**changes):
    """Two edges, the first by name drawn second, with a bend in the other."""
    columns = {
        "node_lon": LON,
        "node_lat": LAT,
        "edge_u": [0, 1],
        "edge_v": [1, 2],
        "edge_id": ["b", "a"],
        "edge_class": ["primary", "path"],
        "vertex_start": [0, 3, 5],
        "vertex_lon": [113.0, 113.002, 113.01, 113.01, 113.02],
        "vertex_lat": [31.0, 31.005, 31.01, 31.01, 31.0],
        "forward_mps": [1.0, 2.0],
        "backward_mps": [1.0, 0.0],
    }
    return build_graph("walking", **(columns | changes))


def test_edges_are_measured_timed_and_sorted_by_id():
    graph = small()
    geod = Geod(ellps="WGS84")
    assert graph.edge_id.tolist() == ["a", "b"]
    assert graph.edge_class.tolist() == ["path", "primary"]
    assert (graph.edge_u.tolist(), graph.edge_v.tolist()) == ([1, 0], [2, 1])
    assert graph.vertex_start.tolist() == [0, 2, 5]
    assert graph.vertex_lon.tolist() == [113.01, 113.02, 113.0, 113.002, 113.01]
    straight = geod.line_length([113.01, 113.02], [31.01, 31.0])
    bent = geod.line_length([113.0, 113.002, 113.01], [31.0, 31.005, 31.01])
    np.testing.assert_allclose(graph.edge_length_m, [straight, bent], rtol=1e-12)
    np.testing.assert_allclose(
        graph.vertex_along_m,
        [0, straight, 0, geod.line_length([113, 113.002], [31, 31.005]), bent],
        rtol=1e-12,
    )
    assert graph.edge_forward_s[0] == round_time(graph.edge_length_m[0] / 2.0)
    assert graph.edge_backward_s.tolist() == [np.inf, graph.edge_forward_s[1]]
    assert graph.edge_u.dtype == graph.edge_v.dtype == np.int32
    for time_s in graph.edge_forward_s.tolist():
        assert (Fraction(time_s) / Fraction(TIME_QUANTUM_S)).denominator == 1


def test_declared_lengths_override_and_stretch_the_shape():
    graph, plain = small(length_m=[100.0, 50.0]), small()
    assert graph.edge_length_m.tolist() == [50.0, 100.0]
    assert graph.edge_forward_s.tolist() == [25.0, 100.0]
    share = plain.vertex_along_m[3] / plain.edge_length_m[1]
    assert graph.vertex_along_m[3] == pytest.approx(100 * share)
    assert graph.vertex_along_m[[0, 1, 2, 4]].tolist() == [0.0, 50.0, 0.0, 100.0]


def test_a_declared_length_of_an_edge_without_extent_is_spread_evenly():
    graph = build_graph(
        "walking", [113.0], [31.0], [0], [0], ["a"], ["x"], [0, 3],
        [113.0] * 3, [31.0] * 3, forward_mps=1.0, backward_mps=1.0, length_m=[10.0],
    )  # fmt: skip
    assert graph.vertex_along_m.tolist() == [0.0, 5.0, 10.0]


def test_a_length_does_not_depend_on_the_other_edges():
    random = np.random.default_rng(3)
    lon = 113 + random.random(4000).cumsum() * 1e-4
    lat = 31 + random.random(4000) * 1e-3
    many = build_graph(
        "walking", lon, lat, np.arange(3999), np.arange(1, 4000),
        [f"{i:05d}" for i in range(3999)], ["x"] * 3999, 2 * np.arange(4000),
        np.repeat(lon, 2)[1:-1], np.repeat(lat, 2)[1:-1],
        forward_mps=1.0, backward_mps=1.0,
    )  # fmt: skip
    for e in (0, 1777, 3998):
        alone = straight_graph([(lon[e], lat[e]), (lon[e + 1], lat[e + 1])], [(0, 1)])
        assert alone.edge_length_m[0] == many.edge_length_m[e]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"edge_v": [1]}, GraphError, "路段数不一致"),
        ({"edge_id": ["a", "a"]}, GraphError, "编号 a 重复"),
        ({"node_lat": [31.0, 31.01]}, GraphError, "节点的经度与纬度数目"),
        ({"node_lat": [31.0, np.nan, 31.0]}, GraphError, "第 2 个节点的坐标"),
        ({"node_lon": [113.0, 513.01, 113.02]}, GraphError, "第 2 个节点的坐标"),
        ({"vertex_lon": [np.inf] * 5}, GraphError, "第 1 个路段折点的坐标"),
        ({"vertex_start": [0, 3]}, GraphError, "起止序号"),
        ({"vertex_start": [0, 3, 4]}, GraphError, "起止序号"),
        ({"vertex_start": [0, 4, 5]}, GraphError, "第 2 条路段少于两个折点"),
        ({"edge_u": [0, 7]}, GraphError, "路段 a 的端点 7 不存在"),
        ({"edge_u": [0, -1]}, GraphError, "路段 a 的端点 -1 不存在"),
        ({"edge_u": [2, 1]}, GraphError, "路段 b 的折线两端与其端点不重合"),
        ({"forward_mps": [1.0, None]}, MissingWeightError, "路段 a 缺少正向速度"),
        ({"forward_mps": [1.0, np.nan]}, BadWeightError, "路段 a 的正向速度为 nan"),
        ({"backward_mps": [-1.0, 1.0]}, BadWeightError, "路段 b 的反向速度为 -1.0"),
        ({"forward_mps": [np.inf, 1.0]}, BadWeightError, "路段 b 的正向速度为 inf"),
        ({"forward_mps": [1.0]}, GraphError, "正向速度的数目"),
        ({"length_m": [1.0, None]}, MissingWeightError, "路段 a 缺少长度"),
        ({"length_m": [-5.0, 1.0]}, BadWeightError, "路段 b 的长度为 -5.0"),
    ],
)
def test_networks_that_cannot_be_used_are_refused(change, error, message):
    with pytest.raises(error, match=message) as caught:
        small(**change)
    assert type(caught.value) is error


def test_the_callers_arrays_are_left_alone():
    lon, speed = np.array(LON), np.array([1.0, 2.0])
    small(node_lon=lon, forward_mps=speed)
    assert lon.tolist() == LON
    assert speed.tolist() == [1.0, 2.0]


def test_walking_speed_gives_new_times_and_keeps_directions():
    graph = at_walking_speed(small(length_m=[100.0, 50.0]), 0.8)
    assert graph.edge_forward_s.tolist() == [62.5, 125.0]
    assert graph.edge_backward_s.tolist() == [np.inf, 125.0]
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="步行速度"):
            at_walking_speed(graph, bad)


@settings(max_examples=200, deadline=None)
@given(road_graphs())
def test_pieces_equal_networkx(case):
    graph, *_ = case
    allowed = np.isfinite(graph.edge_forward_s) | np.isfinite(graph.edge_backward_s)
    roads = nx.MultiGraph()
    for e in np.flatnonzero(allowed).tolist():
        roads.add_edge(int(graph.edge_u[e]), int(graph.edge_v[e]), key=e)
    expected = sorted(
        sorted(key for *_, key in roads.subgraph(nodes).edges(keys=True))
        for nodes in nx.connected_components(roads)
    )
    pieces = connected_pieces(graph)
    assert (pieces.piece >= 0).tolist() == allowed.tolist()
    found = [
        np.flatnonzero(pieces.piece == p).tolist() for p in range(len(pieces.length_m))
    ]
    assert found == expected  # numbered in the order of the first edge
    for own, length in zip(found, pieces.length_m.tolist(), strict=True):
        assert length == pytest.approx(graph.edge_length_m[own].sum())
    usable = usable_edges(graph, 10.0)
    for e in range(graph.n_edge):
        long = allowed[e] and pieces.length_m[pieces.piece[e]] >= 10.0
        assert usable[e] == long


def test_the_shortest_usable_piece_is_inclusive():
    graph = straight_graph(
        [(113.0, 31.0), (113.01, 31.0), (113.1, 31.0), (113.11, 31.0)],
        [(0, 1), (2, 3), (0, 1)],
        length_m=[3000.0, 4000.0, 2000.0],
        backward_mps=0.0,
    )
    assert connected_pieces(graph).length_m.tolist() == [5000.0, 4000.0]
    assert usable_edges(graph, 5000.0).tolist() == [True, False, True]
    assert usable_edges(graph, 4000.0).tolist() == [True, True, True]


def test_closed_edges_connect_nothing():
    graph = straight_graph(
        [(113.0, 31.0), (113.01, 31.0), (113.02, 31.0), (113.03, 31.0)],
        [(0, 1), (1, 2), (2, 3)],
        forward_mps=[1.0, 0.0, 1.0],
        backward_mps=0.0,
    )
    assert connected_pieces(graph).piece.tolist() == [0, -1, 1]
    assert usable_edges(graph, 0.0).tolist() == [True, False, True]


def test_an_empty_network():
    graph = build_graph(
        "walking", [], [], [], [], [], [], [0], [], [], forward_mps=1, backward_mps=1
    )
    assert (graph.n_node, graph.n_edge) == (0, 0)
    assert len(connected_pieces(graph).length_m) == 0
    assert usable_edges(graph, 5000.0).shape == (0,)
    assert at_walking_speed(graph, 1.0).n_edge == 0
