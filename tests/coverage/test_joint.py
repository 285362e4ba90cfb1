"""The circle of a whole service, against circles and exact buffers."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from coverage_cases import LEG_MPS, points_on, random_network, random_points
from yikezhong_coverage import joint
from yikezhong_coverage.circles import BUFFER_M, service_area, union_area
from yikezhong_coverage.edges import covered_parts
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.joint import joint_area
from yikezhong_coverage.outlines import LocalPlane, list_segments
from yikezhong_coverage.travel import nearest_at_nodes

TERMS = {"limit_s": 400.0, "leg_speed_mps": LEG_MPS}


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


def test_where_tiles_begin_makes_no_difference(monkeypatch) -> None:
    random = np.random.default_rng(11)
    graph = random_network(random)
    facility = random_points(random, graph, 6)
    whole = joint_area(graph, facility, **TERMS)
    monkeypatch.setattr(joint, "_TILE", 40)
    tiled = joint_area(graph, facility, **TERMS)
    # outlines are thinned within a tenth of a cell, from other points on
    assert overlap(whole, tiled) > 0.998
    assert len(whole.geoms) == len(tiled.geoms)


def test_nothing_reached_is_empty_and_bad_bands_are_refused() -> None:
    random = np.random.default_rng(1)
    graph = random_network(random)
    far = points_on(graph, [0], [1.0], [1000.0])
    assert joint_area(graph, far, **TERMS).is_empty
    with pytest.raises(InputError, match="宽度"):
        joint_area(graph, far, **TERMS, buffer_m=10.0, cell_m=6.0)
