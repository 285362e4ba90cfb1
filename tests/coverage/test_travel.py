from __future__ import annotations

import ast
import itertools
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from network_cases import (
    DIRECTIONS,
    LEG_SPEED_MPS,
    LIMITS_S,
    assert_nearest,
    assert_reach,
    network_cases,
    networkx_reach,
    networkx_times,
    points_on,
    scaled_graph,
    straight_graph,
)
from yikezhong_coverage.errors import GraphError, InputError
from yikezhong_coverage.exact import round_time
from yikezhong_coverage.graph import at_walking_speed, build_graph, usable_edges
from yikezhong_coverage.records import Nearest, RoadGraph, Snapped
from yikezhong_coverage.snap import snap_points
from yikezhong_coverage.travel import (
    nearest_at_nodes,
    nearest_facility,
    nearest_own,
    reach,
)


@settings(max_examples=400, deadline=None)
@given(network_cases(), LEG_SPEED_MPS, LIMITS_S, DIRECTIONS)
def test_nearest_equals_networkx(case, leg_speed_mps, max_time_s, direction):
    terms = {
        "leg_speed_mps": leg_speed_mps,
        "max_time_s": max_time_s,
        "direction": direction,
    }
    assert_nearest(
        nearest_facility(case.graph, case.demand, case.facility, **terms),
        networkx_times(case.graph, case.demand, case.facility, **terms),
    )


@settings(max_examples=300, deadline=None)
@given(network_cases(), LEG_SPEED_MPS, LIMITS_S, DIRECTIONS)
def test_reach_equals_networkx(case, leg_speed_mps, limit_s, direction):
    terms = {"leg_speed_mps": leg_speed_mps, "limit_s": limit_s, "direction": direction}
    assert_reach(
        reach(case.graph, case.demand, case.facility, **terms),
        networkx_reach(case.graph, case.demand, case.facility, **terms),
    )


@settings(max_examples=150, deadline=None)
@given(network_cases(), DIRECTIONS)
def test_nearest_is_close_to_networkx_on_unrounded_weights(case, direction):
    def whole(speed_mps: np.ndarray) -> np.ndarray:
        time_s = np.full(case.graph.n_edge, np.inf)
        length = case.graph.edge_length_m
        order = np.arange(case.graph.n_edge)  # ids are in the order of the edges
        np.divide(length, speed_mps[order], out=time_s, where=speed_mps > 0)
        return time_s

    terms = {"leg_speed_mps": 0.9, "max_time_s": np.inf, "direction": direction}
    found = nearest_facility(case.graph, case.demand, case.facility, **terms)
    expected = networkx_times(
        case.graph,
        case.demand,
        case.facility,
        **terms,
        forward_s=whole(case.forward_mps),
        backward_s=whole(case.backward_mps),
    )
    np.testing.assert_allclose(found.time_s, expected.time_s, rtol=0, atol=1e-6)


@settings(max_examples=150, deadline=None)
@given(network_cases(), LIMITS_S, DIRECTIONS)
def test_nearest_at_nodes_equals_networkx(case, max_time_s, direction):
    graph = case.graph
    # a road without length that leads nowhere else stands for each node
    n = graph.n_node
    wider = build_graph(
        "driving",
        graph.node_lon,
        graph.node_lat,
        np.append(graph.edge_u, np.arange(n)),
        np.append(graph.edge_v, np.arange(n)),
        np.append(graph.edge_id, [f"z{i}" for i in range(n)]),
        ["x"] * (graph.n_edge + n),
        2 * np.arange(graph.n_edge + n + 1),
        np.append(graph.vertex_lon, np.repeat(graph.node_lon, 2)),
        np.append(graph.vertex_lat, np.repeat(graph.node_lat, 2)),
        forward_mps=np.append(case.forward_mps, np.ones(n)),
        backward_mps=np.append(case.backward_mps, np.ones(n)),
        length_m=np.append(graph.edge_length_m, np.zeros(n)),
    )
    at_nodes = points_on(wider, [(graph.n_edge + i, 0.0, 0.0) for i in range(n)])
    terms = {"leg_speed_mps": 1.0, "max_time_s": max_time_s, "direction": direction}
    assert_nearest(
        nearest_at_nodes(graph, case.facility, **terms),
        networkx_times(wider, at_nodes, case.facility, **terms),
    )


@settings(max_examples=200, deadline=None)
@given(network_cases(), LIMITS_S, DIRECTIONS, st.data())
def test_nearest_own_is_nearest_among_the_group(case, max_time_s, direction, data):
    group = st.integers(-1, 2)
    of_demand = np.array([data.draw(group) for _ in range(len(case.demand))], int)
    of_facility = np.array([data.draw(group) for _ in range(len(case.facility))], int)
    terms = {"leg_speed_mps": 1.0, "max_time_s": max_time_s, "direction": direction}
    time_s = np.full(len(case.demand), np.inf)
    facility = np.full(len(case.demand), -1, dtype=np.int32)
    for g in range(3):
        asked, own = np.flatnonzero(of_demand == g), np.flatnonzero(of_facility == g)
        alone = networkx_times(
            case.graph, case.demand.take(asked), case.facility.take(own), **terms
        )
        time_s[asked] = alone.time_s
        known = alone.facility >= 0
        facility[asked[known]] = own[alone.facility[known]]
    found = nearest_own(
        case.graph,
        case.demand,
        case.facility,
        demand_group=of_demand,
        facility_group=of_facility,
        **terms,
    )
    assert_nearest(found, Nearest(time_s, facility))


@settings(max_examples=150, deadline=None)
@given(network_cases(), LIMITS_S)
def test_nearest_is_the_best_of_reach(case, limit_s):
    pairs = reach(
        case.graph, case.demand, case.facility, leg_speed_mps=1.0, limit_s=limit_s
    )
    time_s = np.full(len(case.demand), np.inf)
    facility = np.full(len(case.demand), -1, dtype=np.int32)
    for f in range(pairs.n_facility):
        row = slice(pairs.start[f], pairs.start[f + 1])
        assert (np.diff(pairs.demand[row]) > 0).all()
        for d, t in zip(pairs.demand[row], pairs.time_s[row], strict=True):
            if t < time_s[d]:
                time_s[d], facility[d] = t, f
    found = nearest_facility(
        case.graph, case.demand, case.facility, leg_speed_mps=1.0, max_time_s=limit_s
    )
    assert_nearest(found, Nearest(time_s, facility))


@settings(max_examples=150, deadline=None)
@given(network_cases(), st.randoms(use_true_random=False))
def test_order_of_points_changes_nothing(case, random):
    terms = {"leg_speed_mps": 1.0, "max_time_s": 7200.0}
    found = nearest_facility(case.graph, case.demand, case.facility, **terms)
    order = list(range(len(case.demand)))
    random.shuffle(order)
    turned = list(range(len(case.facility)))
    random.shuffle(turned)
    index = np.array(turned, dtype=np.int64)
    moved = nearest_facility(
        case.graph,
        case.demand.take(np.array(order, dtype=np.int64)),
        case.facility.take(index),
        **terms,
    )
    np.testing.assert_array_equal(moved.time_s, found.time_s[order])
    # the facility may only be another one if it is equally near
    pairs = reach(
        case.graph, case.demand, case.facility, leg_speed_mps=1.0, limit_s=7200.0
    )
    dense = np.full((len(case.facility), len(case.demand)), np.inf)
    for f in range(pairs.n_facility):
        row = slice(pairs.start[f], pairs.start[f + 1])
        dense[f, pairs.demand[row]] = pairs.time_s[row]
    for place, d in enumerate(order):
        if moved.facility[place] >= 0:
            assert dense[index[moved.facility[place]], d] == found.time_s[d]
            ties = np.flatnonzero(dense[:, d] == found.time_s[d])
            assert found.facility[d] == ties.min()


@settings(max_examples=100, deadline=None)
@given(network_cases(), LIMITS_S, LIMITS_S)
def test_reach_grows_with_the_limit(case, one_s, two_s):
    def pairs(limit_s: float) -> set[tuple[int, int, float]]:
        r = reach(
            case.graph, case.demand, case.facility, leg_speed_mps=1.0, limit_s=limit_s
        )
        rows = np.repeat(np.arange(r.n_facility), np.diff(r.start))
        return set(
            zip(rows.tolist(), r.demand.tolist(), r.time_s.tolist(), strict=True)
        )

    small, large = pairs(min(one_s, two_s)), pairs(max(one_s, two_s))
    assert small == {pair for pair in large if pair[2] <= min(one_s, two_s)}


@settings(max_examples=100, deadline=None)
@given(network_cases(), DIRECTIONS)
def test_a_facility_more_is_never_worse(case, direction):
    terms = {"leg_speed_mps": 1.0, "max_time_s": 7200.0, "direction": direction}
    n = len(case.facility)
    times = [
        nearest_facility(
            case.graph, case.demand, case.facility.take(np.arange(k)), **terms
        ).time_s
        for k in range(n + 1)
    ]
    for before, after in itertools.pairwise(times):
        assert (after <= before).all()


@settings(max_examples=100, deadline=None)
@given(network_cases(), LIMITS_S, st.sampled_from([0.25, 0.5, 2.0, 8.0]))
def test_scaling_times_and_limit_changes_nothing(case, limit_s, factor):
    # lengths of quarters of a metre keep all times far from the rounding
    def coarse(points: Snapped) -> Snapped:
        return replace(
            points,
            along_m=np.rint(points.along_m * 4) / 4,
            leg_m=np.rint(points.leg_m * 4) / 4,
        )

    whole = np.rint(case.graph.edge_length_m)
    graph = replace(
        case.graph,
        edge_length_m=whole,
        edge_forward_s=np.where(np.isfinite(case.graph.edge_forward_s), whole, np.inf),
        edge_backward_s=np.where(
            np.isfinite(case.graph.edge_backward_s), 2 * whole, np.inf
        ),
    )
    demand, facility = coarse(case.demand), coarse(case.facility)
    found = nearest_facility(
        graph, demand, facility, leg_speed_mps=1.0, max_time_s=limit_s
    )
    scaled = nearest_facility(
        scaled_graph(graph, factor),
        demand,
        facility,
        leg_speed_mps=1.0 / factor,
        max_time_s=limit_s * factor,
    )
    np.testing.assert_array_equal(scaled.time_s, found.time_s * factor)
    np.testing.assert_array_equal(scaled.facility, found.facility)


@settings(max_examples=100, deadline=None)
@given(network_cases())
def test_directions_mirror_each_other_on_the_turned_graph(case):
    turned = replace(
        case.graph,
        edge_forward_s=case.graph.edge_backward_s,
        edge_backward_s=case.graph.edge_forward_s,
    )
    terms = {"leg_speed_mps": 1.0, "max_time_s": 7200.0}
    assert_nearest(
        nearest_facility(case.graph, case.demand, case.facility, **terms),
        nearest_facility(
            turned, case.demand, case.facility, **terms, direction="from_facility"
        ),
    )


ROAD = straight_graph(
    [(113.0, 31.0), (113.01, 31.0), (113.02, 31.0)],
    [(0, 1), (1, 2)],
    length_m=[1000.0, 1000.0],
)


def times(graph: RoadGraph, demand, facility, **terms) -> list[float]:
    given_terms = {"leg_speed_mps": 1.0, "max_time_s": 7200.0, **terms}
    return nearest_facility(
        graph, points_on(graph, demand), points_on(graph, facility), **given_terms
    ).time_s.tolist()


def test_legs_and_road_add_up():
    assert times(ROAD, [(0, 0.25, 30.0)], [(1, 0.5, 12.0)]) == [30 + 750 + 500 + 12]


def test_two_points_on_one_edge_go_along_it():
    assert times(ROAD, [(0, 0.2, 0.0)], [(0, 0.7, 0.0)]) == [500.0]


def test_two_points_on_one_edge_go_round_where_that_is_shorter():
    ring = straight_graph(
        [(113.0, 31.0), (113.01, 31.0)], [(0, 1), (0, 1)], length_m=[1000.0, 100.0]
    )
    assert times(ring, [(0, 0.1, 0.0)], [(0, 0.9, 0.0)]) == [300.0]


def test_two_points_on_a_one_way_edge():
    one_way = straight_graph(
        [(113.0, 31.0), (113.01, 31.0)],
        [(0, 1), (0, 1)],
        length_m=[1000.0, 100.0],
        forward_mps=[1.0, 0.0],
        backward_mps=[0.0, 1.0],
    )
    ahead, behind = [(0, 0.8, 0.0)], [(0, 0.3, 0.0)]
    assert times(one_way, behind, ahead) == [500.0]
    assert times(one_way, ahead, behind) == [200.0 + 100 + 300]
    assert times(one_way, ahead, behind, direction="from_facility") == [500.0]


def test_a_one_way_dead_end_differs_by_direction():
    dead_end = straight_graph(
        [(113.0, 31.0), (113.01, 31.0)], [(0, 1)], backward_mps=0.0, length_m=[100.0]
    )
    assert times(dead_end, [(0, 0.5, 0.0)], [(0, 1.0, 0.0)]) == [50.0]
    assert times(dead_end, [(0, 1.0, 0.0)], [(0, 0.5, 0.0)]) == [np.inf]
    assert times(
        dead_end, [(0, 1.0, 0.0)], [(0, 0.5, 0.0)], direction="from_facility"
    ) == [50.0]


def test_a_point_at_a_node_leaves_against_its_one_way_edge():
    graph = straight_graph(
        [(113.0, 31.0), (113.01, 31.0), (113.02, 31.0)],
        [(0, 1), (0, 2)],
        length_m=[100.0, 70.0],
        backward_mps=[0.0, 1.0],
    )
    assert times(graph, [(0, 0.0, 0.0)], [(1, 1.0, 0.0)]) == [70.0]
    assert times(graph, [(0, 0.01, 0.0)], [(1, 1.0, 0.0)]) == [np.inf]


def test_the_limit_is_inclusive_and_never_rounded():
    demand, facility = points_on(ROAD, [(0, 0.5, 0.0)]), points_on(ROAD, [(1, 0.4, 0)])
    for limit_s, n in ((900.0, 1), (np.nextafter(900.0, 0), 0)):
        pairs = reach(ROAD, demand, facility, leg_speed_mps=1.0, limit_s=limit_s)
        assert len(pairs.demand) == n
        found = nearest_facility(
            ROAD, demand, facility, leg_speed_mps=1.0, max_time_s=limit_s
        )
        assert np.isfinite(found.time_s).sum() == n


def test_ties_go_to_the_smallest_facility_across_roads_without_length():
    graph = straight_graph(
        [(113.0, 31.0)] * 3 + [(113.01, 31.0)],
        [(0, 1), (1, 2), (2, 0), (2, 3)],
        length_m=[0.0, 0.0, 0.0, 100.0],
    )
    demand = points_on(graph, [(3, 1.0, 0.0), (3, 0.5, 0.0), (0, 0.0, 0.0)])
    for places in ([(0, 0, 5.0), (1, 0, 5.0), (2, 0, 5.0)], [(2, 0, 5), (0, 0, 5)]):
        found = nearest_facility(
            graph, demand, points_on(graph, places), leg_speed_mps=1, max_time_s=1e4
        )
        assert found.facility.tolist() == [0, 0, 0]
        assert found.time_s.tolist() == [105.0, 55.0, 5.0]


@pytest.mark.parametrize("first", [0, 4])
def test_a_smaller_facility_wins_from_the_far_end_of_roads_without_length(first):
    chain = straight_graph(
        [(113.0, 31.0)] * 6, [(i, i + 1) for i in range(5)], length_m=[0.0] * 5
    )
    everywhere = points_on(chain, [(e, 0.0, 0.0) for e in range(5)])
    facility = points_on(chain, [(first, 0.0, 7.0), (4 - first, 0.0, 7.0)])
    terms = {"leg_speed_mps": 1.0, "max_time_s": 7.0}
    found = nearest_facility(chain, everywhere, facility, **terms)
    assert found.facility.tolist() == [0] * 5
    nodes = nearest_at_nodes(chain, facility, **terms)
    assert nodes.facility.tolist() == [0] * 6
    assert nodes.time_s.tolist() == [7.0] * 6


EMPTY = build_graph(
    "walking", [], [], [], [], [], [], [0], [], [], forward_mps=1.0, backward_mps=1.0
)


@pytest.mark.parametrize("graph", [ROAD, EMPTY])
@pytest.mark.parametrize("n_demand", [0, 2])
@pytest.mark.parametrize("n_facility", [0, 2])
def test_nothing_to_reach(graph, n_demand, n_facility):
    demand = points_on(graph, [(-1, 0.0, 0.0)] * n_demand)
    facility = points_on(graph, [(-1, 0.0, 0.0)] * n_facility)
    terms = {"leg_speed_mps": 1.0, "max_time_s": 7200.0}
    nothing = Nearest(np.full(n_demand, np.inf), np.full(n_demand, -1, dtype=np.int32))
    assert_nearest(nearest_facility(graph, demand, facility, **terms), nothing)
    own = nearest_own(
        graph,
        demand,
        facility,
        demand_group=[0] * n_demand,
        facility_group=[0] * n_facility,
        **terms,
    )
    assert_nearest(own, nothing)
    nodes = nearest_at_nodes(graph, facility, **terms)
    assert nodes.time_s.tolist() == [np.inf] * graph.n_node
    pairs = reach(graph, demand, facility, leg_speed_mps=1.0, limit_s=900.0)
    assert pairs.start.tolist() == [0] * (n_facility + 1)
    assert len(pairs.demand) == 0


def test_unusable_terms_are_refused():
    point = points_on(ROAD, [(0, 0.5, 0.0)])
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="步行速度"):
            nearest_facility(ROAD, point, point, leg_speed_mps=bad, max_time_s=1.0)
    for bad in (-1.0, np.nan):
        with pytest.raises(InputError, match="最大时间"):
            reach(ROAD, point, point, leg_speed_mps=1.0, limit_s=bad)
    with pytest.raises(InputError, match="方向"):
        nearest_facility(
            ROAD, point, point, leg_speed_mps=1.0, max_time_s=1.0, direction="there"
        )
    with pytest.raises(InputError, match="分组"):
        nearest_own(
            ROAD,
            point,
            point,
            demand_group=[],
            facility_group=[0],
            leg_speed_mps=1.0,
            max_time_s=1.0,
        )
    with pytest.raises(GraphError, match="路段不在路网中"):
        nearest_facility(EMPTY, point, point, leg_speed_mps=1.0, max_time_s=1.0)


def load_shenzhen(folder: Path) -> tuple[nx.MultiDiGraph, RoadGraph]:
    """Read an OSMnx drive graph, an edge for each of its directed edges."""
    source = nx.read_graphml(folder / "shenzhen" / "G.graphml", force_multigraph=True)
    nodes = {name: i for i, name in enumerate(source.nodes)}
    lon = [float(data["x"]) for _, data in source.nodes(data=True)]
    lat = [float(data["y"]) for _, data in source.nodes(data=True)]
    rows, shapes, speeds, lengths = [], [], [], []
    for u, v, key, data in source.edges(keys=True, data=True):
        a, b = nodes[u], nodes[v]
        line = [(lon[a], lat[a]), (lon[b], lat[b])]
        if "geometry" in data:
            line = list(shapely.from_wkt(data["geometry"]).coords)
        limit = data.get("maxspeed", "40")
        limit = ast.literal_eval(limit) if limit.startswith("[") else limit
        kmh = float(limit if isinstance(limit, str) else min(map(float, limit)))
        data["time_s"] = float(round_time(float(data["length"]) / (kmh / 3.6)))
        rows.append((a, b, f"{u}-{v}-{key}"))
        shapes.append(line)
        speeds.append(kmh / 3.6)
        lengths.append(float(data["length"]))
    ends = [point for line in shapes for point in line]
    graph = build_graph(
        "driving",
        lon,
        lat,
        [a for a, _, _ in rows],
        [b for _, b, _ in rows],
        [name for _, _, name in rows],
        ["road"] * len(rows),
        np.cumsum([0, *map(len, shapes)]),
        [x for x, _ in ends],
        [y for _, y in ends],
        forward_mps=speeds,
        backward_mps=0.0,
        length_m=lengths,
    )
    return source, graph


@pytest.mark.real_data
@pytest.mark.parametrize("direction", ["to_facility", "from_facility"])
def test_driving_in_shenzhen_equals_networkx(real_data: Path, direction):
    _source, graph = load_shenzhen(real_data)
    assert (graph.n_node, graph.n_edge) == (1751, 4009)
    random = np.random.default_rng(1)
    low, high = graph.node_lon.min(), graph.node_lon.max()
    south, north = graph.node_lat.min(), graph.node_lat.max()

    def points(n: int) -> Snapped:
        return snap_points(
            graph,
            random.uniform(low, high, n),
            random.uniform(south, north, n),
            usable=usable_edges(graph, 5000.0),
        )

    demand, facility = points(4000), points(60)
    assert (demand.edge >= 0).sum() > 2000
    for max_time_s in (300.0, 10_800.0):
        terms = {"leg_speed_mps": 1.0, "max_time_s": max_time_s, "direction": direction}
        found = nearest_facility(graph, demand, facility, **terms)
        assert_nearest(found, networkx_times(graph, demand, facility, **terms))
        assert np.isfinite(found.time_s).sum() > 1000
    few = facility.take(np.arange(8))
    terms = {"leg_speed_mps": 1.0, "limit_s": 400.0, "direction": direction}
    pairs = reach(graph, demand, few, **terms)
    assert_reach(pairs, networkx_reach(graph, demand, few, **terms))
    assert len(pairs.demand) > 1000


@pytest.mark.real_data
def test_nodes_of_shenzhen_equal_networkx_on_the_graph_as_it_was_read(real_data: Path):
    source, graph = load_shenzhen(real_data)
    random = np.random.default_rng(2)
    edges = random.choice(graph.n_edge, 20, replace=False)
    facility = points_on(graph, [(int(e), 1.0, 0.0) for e in edges])
    found = nearest_at_nodes(graph, facility, leg_speed_mps=1.0, max_time_s=10_800.0)
    names = list(source.nodes)
    expected = nx.multi_source_dijkstra_path_length(
        source.reverse(),
        {names[v] for v in graph.edge_v[edges]},
        cutoff=10_800.0,
        weight="time_s",
    )
    assert found.time_s.tolist() == [expected.get(name, np.inf) for name in names]


def test_walking_speed_scales_times():
    slow = at_walking_speed(ROAD, 0.8)
    assert times(slow, [(0, 0.25, 0.0)], [(1, 0.5, 0.0)]) == [1250 / 0.8]
