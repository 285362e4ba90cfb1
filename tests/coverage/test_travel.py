"""Travel times on small networks that can be reckoned by hand."""

from __future__ import annotations

import numpy as np
import pytest

from network_cases import (
    assert_nearest,
    points_on,
    straight_graph,
)
from yikezhong_coverage.errors import GraphError, InputError
from yikezhong_coverage.graph import at_walking_speed, build_graph
from yikezhong_coverage.records import Nearest, RoadGraph
from yikezhong_coverage.travel import (
    nearest_at_nodes,
    nearest_facility,
    nearest_own,
    reach,
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


@pytest.mark.parametrize("own", [0, 1])
def test_ties_between_the_edge_itself_and_the_way_by_its_end(own):
    places = [(0, 0.4, 0.0), (1, 0.4, 0.0)]
    facility = points_on(ROAD, places if own == 0 else places[::-1])
    demand = points_on(ROAD, [(0, 0.9, 0.0)])
    found = nearest_facility(ROAD, demand, facility, leg_speed_mps=1, max_time_s=500)
    assert (found.time_s.tolist(), found.facility.tolist()) == ([500.0], [0])


@pytest.mark.parametrize("by_u", [0, 1])
def test_ties_by_both_ends_of_the_edge(by_u):
    road = straight_graph(
        [(113.0, 31.0), (113.01, 31.0), (113.02, 31.0), (113.03, 31.0)],
        [(0, 1), (1, 2), (2, 3)],
        length_m=[100.0, 100.0, 100.0],
    )
    demand = points_on(road, [(1, 0.5, 0.0)])
    places = [(0, 0.5, 0.0), (2, 0.5, 0.0)]
    facility = points_on(road, places if by_u else places[::-1])
    found = nearest_facility(road, demand, facility, leg_speed_mps=1, max_time_s=1e3)
    assert (found.time_s.tolist(), found.facility.tolist()) == ([100.0], [0])


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


def test_reach_holds_more_pairs_than_it_has_room_for_at_first():
    n = 3000
    demand = points_on(ROAD, [(i % 2, (i * 7919 % n) / n, 0.0) for i in range(n)])
    facility = points_on(ROAD, [(0, 0.5, 0.0), (-1, 0.0, 0.0), (1, 0.5, 0.0)])
    pairs = reach(ROAD, demand, facility, leg_speed_mps=1.0, limit_s=7200.0)
    assert pairs.start.tolist() == [0, n, n, 2 * n]
    assert pairs.demand.tolist() == [*range(n), *range(n)]
    place = demand.edge * 1000.0 + demand.along_m
    np.testing.assert_allclose(pairs.time_s[:n], np.abs(place - 500.0), atol=1e-6)
    np.testing.assert_allclose(pairs.time_s[n:], np.abs(place - 1500.0), atol=1e-6)


def test_own_facilities_far_off_are_found_past_the_places_of_other_groups():
    road = straight_graph(
        [(113.0 + 0.001 * i, 31.0) for i in range(31)],
        [(i, i + 1) for i in range(30)],
        length_m=[100.0] * 30,
    )
    group = np.array([2, 0, 1, 0, 2, 1, -1])
    demand = points_on(road, [(e, 0.25, 0.0) for e in (29, 3, 17, 1, 0, 28, 5)])
    facility = points_on(road, [(e, 0.5, 0.0) for e in (0, 0, 15, 0)])
    found = nearest_own(
        road,
        demand,
        facility,
        demand_group=group,
        facility_group=[0, 1, 3, 2],
        leg_speed_mps=1.0,
        max_time_s=7200.0,
    )
    expected = [2875.0, 275.0, 1675.0, 75.0, 25.0, 2775.0, np.inf]
    assert found.time_s.tolist() == expected
    assert found.facility.tolist() == [3, 0, 1, 0, 3, 1, -1]


def test_own_facilities_are_sought_up_to_the_farther_end_of_the_edge():
    road = straight_graph(
        [(113.0, 31.0), (113.001, 31.0), (113.0, 31.001), (113.001, 31.001)],
        [(0, 1), (0, 2), (2, 3), (1, 3)],
        length_m=[10.0, 11.0, 5.0, 100.0],
    )
    found = nearest_own(
        road,
        points_on(road, [(3, 0.99, 0.0)]),
        points_on(road, [(0, 0.0, 0.0)]),
        demand_group=[0],
        facility_group=[0],
        leg_speed_mps=1.0,
        max_time_s=7200.0,
    )
    assert found.time_s.tolist() == [17.0]


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


def test_walking_speed_scales_times():
    slow = at_walking_speed(ROAD, 0.8)
    assert times(slow, [(0, 0.25, 0.0)], [(1, 0.5, 0.0)]) == [1250 / 0.8]
