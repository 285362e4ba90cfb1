"""Covered metres without a list of parts, against the parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coverage_cases import (
    LEG_MPS,
    points_on,
    random_network,
    random_points,
    straight_road,
)
from yikezhong_coverage.edges import covered_parts
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.lengths import covered_edge_length_m, covered_length_m
from yikezhong_coverage.travel import nearest_at_nodes


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    limit_s=st.sampled_from([0.0, 60.0, 150.0, 400.0, 900.0]),
    direction=st.sampled_from(["to_facility", "from_facility"]),
)
def test_lengths_without_parts_are_those_of_the_parts(
    seed: int, limit_s: float, direction: str
) -> None:
    random = np.random.default_rng(seed)
    graph = random_network(random)
    facility = random_points(random, graph, 5)
    terms = {"limit_s": limit_s, "leg_speed_mps": LEG_MPS}
    nodes = nearest_at_nodes(
        graph,
        facility,
        leg_speed_mps=LEG_MPS,
        max_time_s=limit_s,
        direction=direction,  # type: ignore[arg-type]
    )
    parts = covered_parts(graph, nodes.time_s, facility, **terms, direction=direction)
    metres = parts.to_m - parts.from_m
    expected = np.bincount(parts.edge, weights=metres, minlength=graph.n_edge)
    by_edge = covered_edge_length_m(
        graph, nodes.time_s, facility, **terms, direction=direction
    )
    assert by_edge.tolist() == expected.tolist()
    group = random.integers(-1, 3, graph.n_edge).astype(np.int32)
    by_group = covered_length_m(
        graph, nodes.time_s, facility, group, n_group=4, **terms, direction=direction
    )
    assert by_group[3] == 0
    for k in range(3):
        assert by_group[k] == pytest.approx(expected[group == k].sum(), abs=1e-6)


def test_groups_must_fit_the_network() -> None:
    graph = straight_road(30.0)
    facility, node_s = points_on(graph, [0], [5.0]), np.zeros(3)
    for group in ([0], [0, 4]):
        with pytest.raises(InputError, match="分组"):
            covered_length_m(
                graph,
                node_s,
                facility,
                np.array(group, dtype=np.int32),
                n_group=4,
                limit_s=900.0,
                leg_speed_mps=LEG_MPS,
            )


def test_a_street_known_by_heart() -> None:
    graph = straight_road(30.0)
    east = int(np.flatnonzero(graph.edge_id == "east")[0])
    facility = points_on(graph, [east], [500.0], [100.0])
    nodes = nearest_at_nodes(graph, facility, leg_speed_mps=LEG_MPS, max_time_s=900.0)
    covered = covered_edge_length_m(
        graph, nodes.time_s, facility, limit_s=900.0, leg_speed_mps=LEG_MPS
    )
    # 800 s are left: from 500 m to 1,300 m on this edge, 300 m into the other.
    assert covered[east] == pytest.approx(1300.0, abs=1e-6)
    assert covered[1 - east] == pytest.approx(300.0, abs=1e-6)
