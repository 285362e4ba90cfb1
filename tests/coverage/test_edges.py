"""Covered road length, against dense sampling with the travel-time search."""

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
from yikezhong_coverage.edges import (
    EdgeParts,
    covered_parts,
    cut_roads,
    length_by_division,
    round_length,
)
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import RoadGraph, Snapped
from yikezhong_coverage.travel import nearest_at_nodes, nearest_facility

seeds = st.integers(0, 2**32 - 1)


def parts_of(
    graph: RoadGraph, facility: Snapped, limit_s: float, direction: str
) -> EdgeParts:
    nodes = nearest_at_nodes(
        graph,
        facility,
        leg_speed_mps=LEG_MPS,
        max_time_s=limit_s,
        direction=direction,  # type: ignore[arg-type]
    )
    return covered_parts(
        graph,
        nodes.time_s,
        facility,
        limit_s=limit_s,
        leg_speed_mps=LEG_MPS,
        direction=direction,
    )


def lengths(parts: EdgeParts, n_edge: int) -> np.ndarray:
    return np.bincount(parts.edge, weights=parts.to_m - parts.from_m, minlength=n_edge)


@settings(max_examples=25, deadline=None)
@given(
    seed=seeds,
    limit_s=st.sampled_from([0.0, 60.0, 150.0, 400.0, 900.0]),
    direction=st.sampled_from(["to_facility", "from_facility"]),
)
def test_covered_parts_equal_dense_sampling(
    seed: int, limit_s: float, direction: str
) -> None:
    random = np.random.default_rng(seed)
    graph = random_network(random)
    facility = random_points(random, graph, 5)
    parts = parts_of(graph, facility, limit_s, direction)
    n_sample = 200
    edge = np.repeat(np.arange(graph.n_edge), n_sample)
    share = np.tile((np.arange(n_sample) + 0.5) / n_sample, graph.n_edge)
    along_m = share * graph.edge_length_m[edge]
    time_s = nearest_facility(
        graph,
        points_on(graph, edge, along_m),
        facility,
        leg_speed_mps=LEG_MPS,
        max_time_s=2000.0,
        direction=direction,  # type: ignore[arg-type]
    ).time_s
    inside = np.zeros(len(edge), dtype=bool)
    for e, low, high in zip(parts.edge, parts.from_m, parts.to_m, strict=True):
        inside |= (edge == e) & (low <= along_m) & (along_m <= high)
    # Where the sampled time is not within a hair of the limit the two must agree. On
    # an edge without length every point is at u, and there are no metres to cover.
    clear = (np.abs(time_s - limit_s) > 1e-6) & (graph.edge_length_m[edge] > 0)
    np.testing.assert_array_equal(inside[clear], (time_s <= limit_s)[clear])
    sampled = np.bincount(edge, weights=inside) / n_sample * graph.edge_length_m
    step = graph.edge_length_m / n_sample
    off = np.abs(lengths(parts, graph.n_edge) - sampled)
    assert (off <= 14 * step + 1e-9).all()


@settings(max_examples=25, deadline=None)
@given(seed=seeds, direction=st.sampled_from(["to_facility", "from_facility"]))
def test_parts_are_disjoint_inside_and_grow(seed: int, direction: str) -> None:
    random = np.random.default_rng(seed)
    graph = random_network(random)
    facility = random_points(random, graph, 6)
    before = np.zeros(graph.n_edge)
    for limit_s in (30.0, 200.0, 201.0, 1e6):
        parts = parts_of(graph, facility, limit_s, direction)
        assert (parts.from_m >= 0).all()
        assert (parts.to_m <= graph.edge_length_m[parts.edge]).all()
        assert (parts.from_m <= parts.to_m).all()
        same = parts.edge[1:] == parts.edge[:-1]
        assert (parts.edge[1:] >= parts.edge[:-1]).all()
        assert (parts.from_m[1:] > parts.to_m[:-1])[same].all()
        covered = lengths(parts, graph.n_edge)
        assert (covered >= before - 1e-9).all()
        fewer = parts_of(graph, facility.take(np.arange(3)), limit_s, direction)
        assert (lengths(fewer, graph.n_edge) <= covered + 1e-9).all()
        before = covered


def test_a_street_known_by_heart() -> None:
    graph = straight_road(30.0)
    east = int(np.flatnonzero(graph.edge_id == "east")[0])
    facility = points_on(graph, [east], [500.0], [100.0])
    nodes = nearest_at_nodes(graph, facility, leg_speed_mps=LEG_MPS, max_time_s=900.0)
    covered = lengths(parts_of(graph, facility, 900.0, "to_facility"), graph.n_edge)
    # 800 s are left: from 500 m to 1,300 m on this edge, 300 m into the other.
    assert covered[east] == pytest.approx(1300.0, abs=1e-6)
    assert covered[1 - east] == pytest.approx(300.0, abs=1e-6)
    only = covered_parts(
        graph,
        nodes.time_s,
        facility,
        limit_s=900.0,
        leg_speed_mps=LEG_MPS,
        edges=np.array([1 - east], dtype=np.int32),
    )
    assert only.edge.tolist() == [1 - east]


def test_leg_beyond_the_limit_covers_nothing_and_exactly_at_it_a_point() -> None:
    graph = straight_road(30.0)
    for leg_m, n_part in ((901.0, 0), (900.0, 1)):
        parts = parts_of(
            graph, points_on(graph, [0], [500.0], [leg_m]), 900.0, "to_facility"
        )
        assert len(parts.edge) == n_part
        assert lengths(parts, 2).sum() == 0


def test_bad_limit_and_direction_are_refused() -> None:
    graph = straight_road(30.0)
    facility, node_s = points_on(graph, [0], [5.0]), np.zeros(3)
    for limit_s in (np.inf, np.nan, -1.0):
        with pytest.raises(InputError, match="时限"):
            covered_parts(graph, node_s, facility, limit_s=limit_s, leg_speed_mps=1.0)
    with pytest.raises(InputError, match="方向"):
        covered_parts(
            graph, node_s, facility, limit_s=1.0, leg_speed_mps=1.0, direction="up"
        )


@settings(max_examples=25, deadline=None)
@given(seed=seeds, max_piece_m=st.sampled_from([0.7, 25.0, 1000.0]))
def test_pieces_lose_no_length(seed: int, max_piece_m: float) -> None:
    random = np.random.default_rng(seed)
    graph = random_network(random)
    pieces = cut_roads(graph, max_piece_m=max_piece_m)
    metres = pieces.to_m - pieces.from_m
    assert (metres >= 0).all()
    assert (metres <= max_piece_m + 2.0**-20).all()
    for e in range(graph.n_edge):
        own = pieces.edge == e
        assert pieces.from_m[own][0] == 0
        assert (pieces.from_m[own][1:] == pieces.to_m[own][:-1]).all()
        assert pieces.to_m[own][-1] == round_length(graph.edge_length_m[e : e + 1])[0]
    middle = points_on(graph, pieces.edge, (pieces.from_m + pieces.to_m) / 2)
    np.testing.assert_allclose(pieces.lon, middle.lon, atol=1e-9)
    np.testing.assert_allclose(pieces.lat, middle.lat, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_lengths_by_division_add_up_exactly(seed: int) -> None:
    random = np.random.default_rng(seed)
    graph = random_network(random)
    parts = parts_of(graph, random_points(random, graph, 5), 300.0, "to_facility")
    pieces = cut_roads(graph)
    division = random.integers(0, 4, len(pieces)).astype(np.int32)
    total = length_by_division(pieces, division, n_division=4)
    covered = length_by_division(pieces, division, n_division=4, parts=parts)
    assert total.sum() == round_length(graph.edge_length_m).sum()
    rounded = lengths(
        EdgeParts(parts.edge, round_length(parts.from_m), round_length(parts.to_m)), 1
    )
    assert covered.sum() == rounded.sum()
    assert (covered <= total).all()

    outside = division.copy()
    outside[division == 3] = -1
    np.testing.assert_array_equal(
        length_by_division(pieces, outside, n_division=4)[:3], total[:3]
    )
    kept = random.random(graph.n_edge) < 0.5
    some = length_by_division(pieces, division, n_division=4, kept=kept)
    assert some.sum() == round_length(graph.edge_length_m[kept]).sum()


def test_pieces_and_divisions_must_match() -> None:
    graph = straight_road(30.0)
    pieces = cut_roads(graph)
    assert len(pieces) == 2 * 60 or len(pieces) == 2 * 61
    with pytest.raises(InputError, match="个数不符"):
        length_by_division(pieces, np.zeros(3, dtype=np.int32), n_division=1)
    with pytest.raises(InputError, match="分段长度"):
        cut_roads(graph, max_piece_m=0.0)
