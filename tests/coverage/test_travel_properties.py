"""Travel times on random networks against networkx, and what must always hold."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
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
)
from yikezhong_coverage.graph import build_graph
from yikezhong_coverage.records import Nearest, Snapped
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
