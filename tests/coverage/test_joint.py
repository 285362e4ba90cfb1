"""The circle of a whole service, against circles and exact buffers."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from coverage_cases import LEG_MPS, points_on, random_network, random_points
from yikezhong_coverage import seams
from yikezhong_coverage.circles import BUFFER_M, service_area, union_area
from yikezhong_coverage.edges import covered_parts
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.graph import build_graph
from yikezhong_coverage.joint import band_tiles, joint_area
from yikezhong_coverage.lattice import (
    boxes_of,
    row_step_lon,
    step_lat,
    tile_cells,
    tile_ids,
    tile_places,
)
from yikezhong_coverage.outlines import LocalPlane, list_segments
from yikezhong_coverage.records import RoadGraph
from yikezhong_coverage.seams import join_tiles
from yikezhong_coverage.travel import nearest_at_nodes

seeds = st.integers(0, 2**32 - 1)
TERMS = {"limit_s": 400.0, "leg_speed_mps": LEG_MPS}


def moved(graph: RoadGraph, lat: float) -> RoadGraph:
    """Return a network at another latitude, the latitude through its middle."""
    by = lat - (graph.node_lat.min() + graph.node_lat.max()) / 2
    return build_graph(
        "walking",
        graph.node_lon,
        graph.node_lat + by,
        graph.edge_u,
        graph.edge_v,
        graph.edge_id,
        graph.edge_class,
        graph.vertex_start,
        graph.vertex_lon,
        graph.vertex_lat + by,
        forward_mps=1.0,
        backward_mps=1.0,
    )


def border_of_bands(cell_m: float) -> float:
    """Return a latitude at which the raster's cells become wider by a tenth."""
    height = tile_cells(cell_m) * step_lat(cell_m) / 1e6
    rows = range(int(25.0 / height), int(35.0 / height))
    (row,) = [r for r in rows if row_step_lon(r, cell_m) != row_step_lon(r - 1, cell_m)]
    return row * height


def overlap(one: shapely.Geometry, two: shapely.Geometry) -> float:
    return float(one.intersection(two).area / one.union(two).area)


def exact_area(graph, facility) -> shapely.Geometry:
    times = nearest_at_nodes(
        graph, facility, leg_speed_mps=LEG_MPS, max_time_s=TERMS["limit_s"]
    ).time_s
    segments = list_segments(graph, covered_parts(graph, times, facility, **TERMS))
    scale = np.array(LocalPlane(0.0, segments[:, 1].mean()).metres_per_degree)
    lines = shapely.linestrings(segments.reshape(-1, 2, 2) * scale)
    whole = shapely.union_all(shapely.buffer(lines, BUFFER_M, quad_segs=16))
    return shapely.transform(whole, lambda xy: xy / scale)


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_union_of_the_circles_and_of_exact_buffers(seed: int) -> None:
    random = np.random.default_rng(seed)
    graph = random_network(random)
    facility = random_points(random, graph, 6)
    found = joint_area(graph, facility, **TERMS)
    assert shapely.is_valid(found)
    assert overlap(found, exact_area(graph, facility)) > 0.985
    circles = union_area(service_area(graph, facility, **TERMS))
    assert overlap(found, circles) > 0.985
    finer = joint_area(graph, facility, **TERMS, cell_m=4.0)
    assert overlap(finer, exact_area(graph, facility)) > 0.995


@settings(max_examples=40, deadline=None)
@given(
    seed=seeds,
    lat=st.sampled_from(["border", "southern border", 0.0, 31.7, -30.0, 68.0]),
    cell_m=st.sampled_from([4.0, 10.0, 25.0]),
)
def test_joined_tiles_are_their_union_and_valid(
    seed: int, lat: str | float, cell_m: float
) -> None:
    random = np.random.default_rng(seed)
    if isinstance(lat, str):
        lat = border_of_bands(cell_m) * (1 if lat == "border" else -1)
    graph = moved(random_network(random, span_m=2500.0), lat)
    facility = random_points(random, graph, 6)
    ids, tiles = band_tiles(graph, facility, **TERMS, cell_m=cell_m)
    assert (np.diff(ids) > 0).all()
    assert shapely.is_valid(tiles).all()
    assert not shapely.is_empty(tiles).any()
    boxes = boxes_of(ids, cell_m=cell_m)
    assert shapely.covers(boxes, tiles).all()
    with mock.patch.object(seams, "_by_geos", side_effect=AssertionError):
        joined = join_tiles(ids, tiles, cell_m=cell_m)
    assert shapely.is_valid(joined)
    assert shapely.equals(joined, shapely.union_all(tiles))
    assert len(joined.geoms) == len(shapely.get_parts(shapely.union_all(tiles)))
    xy = shapely.get_coordinates(joined)
    np.testing.assert_array_equal(xy, np.round(xy, 6))
    # in any order, and without some: then GEOS may have to do it
    order = random.permutation(len(ids))
    turned = [tiles[k] for k in order]
    again = join_tiles(ids[order], turned, cell_m=cell_m)
    assert again == joined
    some = order[: len(order) // 2 + 1]
    part = join_tiles(ids[some], [tiles[k] for k in some], cell_m=cell_m)
    assert shapely.is_valid(part)
    assert shapely.equals(part, shapely.union_all([tiles[k] for k in some]))


def test_tiles_of_different_bands_meet_at_their_border() -> None:
    """Roads across the border of two bands: their outlines are joined there."""
    roads = random_network(np.random.default_rng(3), n_edge=60)
    graph = moved(roads, border_of_bands(10.0))
    facility = random_points(np.random.default_rng(3), graph, 6)
    ids, tiles = band_tiles(graph, facility, **TERMS)
    rows = np.unique(tile_places(ids)[0])
    assert len({row_step_lon(int(r), 10.0) for r in rows}) == 2
    joined = join_tiles(ids, tiles, cell_m=10.0)
    assert len(joined.geoms) < len(tiles)
    assert overlap(joined, exact_area(graph, facility)) > 0.985


def test_tiles_that_meet_at_a_corner_only_are_joined_by_geos() -> None:
    ids = tile_ids([0, 1], [0, 1])
    tiles = [shapely.MultiPolygon([box]) for box in boxes_of(ids, cell_m=10.0)]
    joined = join_tiles(ids, tiles, cell_m=10.0)
    assert shapely.is_valid(joined)
    assert len(joined.geoms) == 2
    empty = join_tiles([*ids, 5], [*tiles, shapely.MultiPolygon()], cell_m=10.0)
    assert empty == joined
    assert joined.area == pytest.approx(sum(t.area for t in tiles))


def test_only_tiles_that_are_asked_for_are_drawn() -> None:
    random = np.random.default_rng(4)
    graph = random_network(random, span_m=3000.0)
    facility = random_points(random, graph, 8)
    ids, tiles = band_tiles(graph, facility, **TERMS)
    assert len(ids) > 3
    some, drawn = band_tiles(graph, facility, **TERMS, within=ids[1:3])
    assert some.tolist() == ids[1:3].tolist()
    assert drawn == tiles[1:3]
    none, nothing = band_tiles(graph, facility, **TERMS, within=[])
    assert len(none) == 0
    assert nothing == []
    assert join_tiles(none, nothing, cell_m=10.0).is_empty


def test_nothing_reached_is_empty_and_bad_bands_are_refused() -> None:
    random = np.random.default_rng(1)
    graph = random_network(random)
    far = points_on(graph, [0], [1.0], [1000.0])
    assert joint_area(graph, far, **TERMS).is_empty
    with pytest.raises(InputError, match="宽度"):
        joint_area(graph, far, **TERMS, buffer_m=10.0, cell_m=6.0)
