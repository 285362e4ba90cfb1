"""Boundaries for display: simplified together, without gaps."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from yikezhong_app.reading.shapes import (
    MISMATCH_TOLERANCE_M,
    TOLERANCES_M,
    geojson_shapes,
    simplify_alone,
    simplify_together,
    tolerance_step,
)

METRES = 111_320.0


def neighbours(shift: float = 0.0) -> np.ndarray:
    """Return two polygons at 30° N whose common border has 30 m waves."""
    y = np.linspace(30.0, 30.1, 101)
    x = 113.1 + 30 / METRES * np.sin(np.arange(101) * 2.0)
    left = [(113.0, 30.1), (113.0, 30.0), *zip(x, y, strict=True)]
    right = [(113.2, 30.0), (113.2, 30.1), *zip(x[::-1] + shift, y[::-1], strict=True)]
    return np.array([shapely.Polygon(left), None, shapely.Polygon(right)], dtype=object)


def test_neighbours_still_meet() -> None:
    simple = simplify_together(neighbours(), tolerance_m=200.0)
    assert simple[1] is None
    pair = simple[[0, 2]]
    assert shapely.get_num_coordinates(pair).sum() < 40
    assert shapely.coverage_is_valid(pair)
    assert shapely.union_all(pair).area == pytest.approx(0.02, rel=1e-3)


def test_what_does_not_meet_is_simplified_little() -> None:
    """Overlapping by 1 m: gaps stay below what can be seen."""
    mismatched = neighbours(shift=-1 / METRES)
    simple = simplify_together(mismatched, tolerance_m=1000.0)
    for before, after in zip(mismatched[[0, 2]], simple[[0, 2]], strict=True):
        distance_m = shapely.hausdorff_distance(before, after) * METRES
        assert distance_m <= 3 * MISMATCH_TOLERANCE_M


def test_nothing_asked_nothing_done() -> None:
    shapes = neighbours()
    assert simplify_together(shapes, tolerance_m=0.0) is shapes
    empty = np.array([None, shapely.Polygon()], dtype=object)
    assert simplify_together(empty, tolerance_m=100.0) is empty


def test_steps_bound_the_versions_kept() -> None:
    assert {tolerance_step(v / 10) for v in range(20_000)} == set(TOLERANCES_M)


def test_lines_keep_their_ends() -> None:
    line = shapely.LineString([(113, 30), (113.05, 30.00001), (113.1, 30)])
    (simple,) = simplify_alone(np.array([line]), tolerance_m=5.0)
    assert list(simple.coords) == [(113, 30), (113.1, 30)]


def test_geometry_is_two_dimensional_and_rounded() -> None:
    texts = geojson_shapes(np.array([shapely.Point(113.123456789, 30, 5.0)]))
    assert texts == [b'{"type":"Point","coordinates":[113.123457,30.0]}']


def test_parts_are_kept_one_by_one() -> None:
    lines = [[(113, 30), (113.05, 30.00001), (113.1, 30)], [(114, 30), (114.1, 30)]]
    shapes = np.array([shapely.MultiLineString(lines), None, shapely.Point(1, 2)])
    simple = simplify_alone(shapes, tolerance_m=5.0)
    assert simple[0].geom_type == "MultiLineString"
    assert shapely.get_num_coordinates(simple).tolist() == [4, 0, 1]
