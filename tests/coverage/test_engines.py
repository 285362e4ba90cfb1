"""The engines give the same answers, whatever the threads, blocks and order."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from network_cases import (
    DIRECTIONS,
    LEG_SPEED_MPS,
    LIMITS_S,
    assert_nearest,
    assert_reach,
    network_cases,
    networkx_times,
    points_on,
    straight_graph,
)
from yikezhong_coverage import searches
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.prepared import prepare
from yikezhong_coverage.records import RoadGraph, Snapped
from yikezhong_coverage.travel import (
    nearest_at_nodes,
    nearest_facility,
    nearest_own,
    reach,
)


def winding_town(n_x: int, n_y: int, seed: int, *, one_way: float = 0.2) -> RoadGraph:
    """Return streets with bends and dead ends, some missing, some one-way."""
    random = np.random.default_rng(seed)
    positions = [
        (113 + 0.002 * x, 31 + 0.002 * y) for x in range(n_x) for y in range(n_y)
    ]
    edges, forward, backward, length = [], [], [], []

    def add(u: int, v: int) -> None:
        edges.append((u, v))
        closed = random.choice([0, 1, 2], p=[1 - one_way, one_way / 2, one_way / 2])
        forward.append(0.0 if closed == 1 else float(random.choice([1.0, 8.3, 0.7])))
        backward.append(0.0 if closed == 2 else float(random.choice([1.0, 8.3, 0.7])))
        length.append(float(random.choice([0.0, 5.0, 50.0, 61.7, 200.0])))

    for x in range(n_x):
        for y in range(n_y):
            here = x * n_y + y
            for there in ([here + n_y] if x + 1 < n_x else []) + (
                [here + 1] if y + 1 < n_y else []
            ):
                if random.random() < 0.25:
                    continue
                last = here
                for _ in range(random.integers(0, 4)):
                    positions.append((113 + random.random() * 0.05, 31.0))
                    add(last, len(positions) - 1)
                    last = len(positions) - 1
                add(last, there)
            if random.random() < 0.3:
                positions.append((113.0, 31.0 + random.random() * 0.05))
                add(here, len(positions) - 1)
    return straight_graph(
        positions, edges, forward_mps=forward, backward_mps=backward, length_m=length
    )


def points(graph: RoadGraph, n: int, seed: int) -> Snapped:
    random = np.random.default_rng(seed)
    usable = np.flatnonzero(
        np.isfinite(graph.edge_forward_s) | np.isfinite(graph.edge_backward_s)
    )
    share = random.choice([0.0, 0.25, 0.5, 1.0], n)
    leg = random.choice([0.0, 1.0, 7.5], n)
    return points_on(
        graph,
        [
            (int(e), float(s), float(m))
            for e, s, m in zip(random.choice(usable, n), share, leg, strict=True)
        ],
    )


@settings(max_examples=200, deadline=None)
@given(network_cases(), LEG_SPEED_MPS, LIMITS_S, DIRECTIONS, st.data())
def test_engines_agree(case, leg_speed_mps, limit_s, direction, data):
    terms = {"leg_speed_mps": leg_speed_mps, "direction": direction}
    group = st.integers(-1, 2)
    groups = {
        "demand_group": [data.draw(group) for _ in range(len(case.demand))],
        "facility_group": [data.draw(group) for _ in range(len(case.facility))],
    }
    places = (case.graph, case.demand, case.facility)
    by_scipy = {**terms, "engine": "scipy"}
    assert_nearest(
        nearest_facility(*places, **terms, max_time_s=limit_s),
        nearest_facility(*places, **by_scipy, max_time_s=limit_s),
    )
    assert_nearest(
        nearest_at_nodes(case.graph, case.facility, **terms, max_time_s=limit_s),
        nearest_at_nodes(case.graph, case.facility, **by_scipy, max_time_s=limit_s),
    )
    assert_nearest(
        nearest_own(*places, **groups, **terms, max_time_s=limit_s),
        nearest_own(*places, **groups, **by_scipy, max_time_s=limit_s),
    )
    assert_reach(
        reach(*places, **terms, limit_s=limit_s),
        reach(*places, **by_scipy, limit_s=limit_s),
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("direction", ["to_facility", "from_facility"])
def test_a_winding_town_equals_networkx_and_scipy(seed, direction, monkeypatch):
    graph = winding_town(9, 8, seed)
    demand, facility = points(graph, 300, seed), points(graph, 25, seed + 100)
    terms = {"leg_speed_mps": 1.0, "direction": direction}
    for limit_s in (60.0, 400.0, np.inf):
        expected = networkx_times(graph, demand, facility, **terms, max_time_s=limit_s)
        for at_once, many in ((1, 0), (3, 0), (256, 0), (256, 10**6)):
            monkeypatch.setattr(searches, "_AT_ONCE", at_once)
            monkeypatch.setattr(searches, "_MANY_NODES", many)
            found = nearest_facility(
                graph, demand, facility, **terms, max_time_s=limit_s
            )
            assert_nearest(found, expected)
            nodes = {**terms, "max_time_s": limit_s}
            assert_nearest(
                nearest_at_nodes(graph, facility, **nodes),
                nearest_at_nodes(graph, facility, **nodes, engine="scipy"),
            )
        pairs = {**terms, "limit_s": limit_s}
        by_scipy = reach(graph, demand, facility, **pairs, engine="scipy")
        assert len(by_scipy.demand) > 10
        for threads in (None, 1, 2, 3):
            found = reach(graph, demand, facility, **pairs, threads=threads)
            assert_reach(found, by_scipy)


def test_narrow_and_wide_buckets_find_the_same(monkeypatch):
    graph = winding_town(9, 8, 3)
    demand, facility = points(graph, 200, 1), points(graph, 5, 2)
    terms = {"leg_speed_mps": 1.0, "max_time_s": 2000.0}
    expected = nearest_facility(graph, demand, facility, **terms, engine="scipy")
    for width, most in ((0.001, 10**6), (0.5, 256), (1000.0, 1)):
        monkeypatch.setattr(searches, "_WIDTH", width)
        monkeypatch.setattr(searches, "_MOST_BUCKETS", most)
        found = nearest_facility(graph, demand, facility, **terms)
        assert_nearest(found, expected)


@pytest.mark.parametrize("n_spoke", [3, 4, 5, 7, 8, 11])
def test_squares_where_many_roads_meet(n_spoke):
    """A hub with spokes and a rim: all of it is core, the hub's arcs fill rows."""
    turn = 2 * np.pi * np.arange(n_spoke) / n_spoke
    places = [(113.0, 31.0)]
    places += [(113 + 0.01 * np.cos(a), 31 + 0.01 * np.sin(a)) for a in turn]
    rim = [(1 + k, 1 + (k + 1) % n_spoke) for k in range(n_spoke)]
    spokes = [(0, 1 + k) for k in range(n_spoke)]
    length = [100.0] * n_spoke + [10.0 + k for k in range(n_spoke)]
    graph = straight_graph(places, rim + spokes, length_m=length)
    assert prepare(graph).n_core == n_spoke + 1
    demand, facility = points(graph, 60, n_spoke), points(graph, 3, n_spoke + 1)
    for limit_s in (50.0, 1000.0):
        terms = {"leg_speed_mps": 1.0, "max_time_s": limit_s}
        assert_nearest(
            nearest_facility(graph, demand, facility, **terms),
            nearest_facility(graph, demand, facility, **terms, engine="scipy"),
        )
        pairs = {"leg_speed_mps": 1.0, "limit_s": limit_s}
        assert_reach(
            reach(graph, demand, facility, **pairs),
            reach(graph, demand, facility, **pairs, engine="scipy"),
        )


def test_a_graph_is_made_ready_once_and_let_go_with_it():
    graph = winding_town(3, 3, 1)
    kept = prepare(graph)
    assert prepare(graph) is kept
    assert prepare(graph, "from_facility") is not kept
    assert prepare(winding_town(3, 3, 1)) is not kept
    demand = points(graph, 9, 1)
    nearest_facility(graph, demand, demand, leg_speed_mps=1.0, max_time_s=900.0)
    watched = weakref.ref(graph), weakref.ref(demand), weakref.ref(kept)
    del graph, demand, kept
    gc.collect()
    assert [ref() for ref in watched] == [None, None, None]


def test_two_walking_speeds_on_the_same_points():
    graph = winding_town(4, 4, 2)
    demand, facility = points(graph, 50, 1), points(graph, 4, 2)
    for speed in (1.0, 0.8, 1.0):
        terms = {"leg_speed_mps": speed, "max_time_s": 900.0}
        assert_nearest(
            nearest_facility(graph, demand, facility, **terms),
            nearest_facility(graph, demand, facility, **terms, engine="scipy"),
        )


def test_times_too_long_for_labels_are_left_to_scipy():
    road = straight_graph([(113.0, 31.0), (113.01, 31.0)], [(0, 1)], length_m=[2.0**24])
    demand, facility = (
        points_on(road, [(0, 1.0, 0.0)]),
        points_on(road, [(0, 0.0, 0.0)]),
    )
    many = facility.take(np.zeros(300, dtype=np.int64))
    found = nearest_facility(road, demand, many, leg_speed_mps=1.0, max_time_s=np.inf)
    assert found.time_s.tolist() == [2.0**24]
    assert found.facility.tolist() == [0]


def test_an_engine_must_be_known():
    road = straight_graph([(113.0, 31.0), (113.01, 31.0)], [(0, 1)])
    point = points_on(road, [(0, 0.5, 0.0)])
    with pytest.raises(InputError, match="计算方式"):
        reach(road, point, point, leg_speed_mps=1.0, limit_s=1.0, engine="none")


@pytest.mark.real_data
def test_engines_agree_on_beijing(real_data: Path):
    from benchmarks.networks import make_case

    case = make_case("beijing")
    terms = {"leg_speed_mps": 1.0, "max_time_s": 900.0}
    found = nearest_at_nodes(case.graph, case.facility, **terms)
    assert_nearest(
        found, nearest_at_nodes(case.graph, case.facility, **terms, engine="scipy")
    )
    assert 0.3 < np.isfinite(found.time_s).mean() < 1
