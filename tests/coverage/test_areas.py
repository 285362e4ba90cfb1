"""Covered areas of divisions, against GEOS in the equal-area plane."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from coverage_cases import LEG_MPS, random_network, random_points
from yikezhong_coverage.areas import AREA_QUANTUM_M2, covered_area_m2, cut_divisions
from yikezhong_coverage.joint import band_tiles
from yikezhong_coverage.lattice import boxes_of, tiles_over
from yikezhong_coverage.seams import join_tiles

CRS = "EPSG:6933"
seeds = st.integers(0, 2**32 - 1)


def area_m2(shapes: list[shapely.Geometry]) -> np.ndarray:
    return gpd.GeoSeries(shapes, crs="EPSG:4326").to_crs(CRS).area.to_numpy()


def random_shapes(
    random: np.random.Generator, bounds: tuple[float, ...], n: int
) -> list[shapely.Geometry]:
    """Make shapes with holes and of several parts, some beyond the bounds."""
    west, south, east, north = bounds
    shapes = []
    for _ in range(n):
        parts = []
        for _ in range(random.integers(1, 4)):
            place = shapely.Point(
                random.uniform(west, east), random.uniform(south, north)
            )
            wide = random.uniform(0.0005, 0.02)
            star = shapely.buffer(place, wide, quad_segs=int(random.integers(1, 5)))
            parts.append(star.difference(shapely.buffer(place, wide * 0.4)))
        # what is straight in degrees is not quite in the plane: short lines
        shapes.append(shapely.segmentize(shapely.union_all(parts), 2e-4))
    # a shape may be drawn clockwise as well as the other way round
    return [shapely.reverse(s) if random.random() < 0.5 else s for s in shapes]


@settings(max_examples=25, deadline=None)
@given(seed=seeds, lat=st.sampled_from([29.91744, -29.91744, 0.0, 31.7, 60.0]))
def test_areas_are_those_of_intersections(seed: int, lat: float) -> None:
    random = np.random.default_rng(seed)
    ids = tiles_over(113.0, lat - 0.015, 113.04, lat + 0.015, cell_m=10.0)
    boxes = boxes_of(ids, cell_m=10.0)
    discs = [
        shapely.buffer(shapely.Point(113 + x, lat + y), w)
        for x, y, w in random.uniform([0, -0.015, 0], [0.04, 0.015, 0.006], (20, 3))
    ]
    covered = shapely.intersection(shapely.union_all(discs), shapely.union_all(boxes))
    tiles = [
        shapely.MultiPolygon(
            [p for p in shapely.get_parts(t) if p.geom_type == "Polygon"]
        )
        for t in shapely.intersection(boxes, covered)
    ]
    shapes = random_shapes(random, (113.0, lat - 0.015, 113.04, lat + 0.015), 6)
    pieces = cut_divisions([*shapes, None, *boxes[:2]], cell_m=10.0, crs=CRS)
    found = covered_area_m2(pieces, ids, tiles)
    wanted = area_m2([shapely.intersection(s, covered) for s in shapes])
    np.testing.assert_allclose(found[:6], wanted, rtol=1e-6, atol=0.5)
    assert np.isnan(found[6])
    np.testing.assert_allclose(found[7:], area_m2(tiles[:2]), rtol=1e-9, atol=0.01)
    whole = covered_area_m2(pieces, ids, [shapely.MultiPolygon([b]) for b in boxes])
    inside = [shapely.intersection(s, shapely.union_all(boxes)) for s in shapes]
    np.testing.assert_allclose(whole[:6], area_m2(inside), rtol=1e-6, atol=0.5)


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_parts_give_the_same_to_the_last_bit(seed: int) -> None:
    random = np.random.default_rng(seed)
    graph = random_network(random, span_m=2500.0)
    facility = random_points(random, graph, 6)
    ids, tiles = band_tiles(graph, facility, limit_s=400.0, leg_speed_mps=LEG_MPS)
    if not len(ids):
        return
    bounds = join_tiles(ids, tiles, cell_m=10.0).bounds
    shapes = random_shapes(random, bounds, 8)
    pieces = cut_divisions(shapes, cell_m=10.0, crs=CRS)
    whole = covered_area_m2(pieces, ids, tiles)
    assert (whole / AREA_QUANTUM_M2 == np.rint(whole / AREA_QUANTUM_M2)).all()
    for k, shape in enumerate(shapes):
        own = cut_divisions([shape], cell_m=10.0, crs=CRS)
        near = np.isin(ids, tiles_over(*shape.bounds, cell_m=10.0))
        some = [tiles[i] for i in np.flatnonzero(near)]
        (alone,) = covered_area_m2(own, ids[near], some)
        assert alone == whole[k]
    order = random.permutation(len(ids))
    turned = covered_area_m2(pieces, ids[order], [tiles[i] for i in order])
    np.testing.assert_array_equal(turned, whole)


def test_nothing_covered_is_nothing_and_no_shape_is_unknown() -> None:
    shapes = [shapely.box(113.0, 31.0, 113.01, 31.01), None, shapely.Polygon()]
    pieces = cut_divisions(shapes, cell_m=10.0, crs=CRS)
    assert covered_area_m2(pieces, [], []).tolist() == pytest.approx(
        [0.0, np.nan, 0.0], nan_ok=True
    )
    ids = tiles_over(115.0, 31.0, 115.0, 31.0, cell_m=10.0)
    far = [shapely.MultiPolygon([box]) for box in boxes_of(ids, cell_m=10.0)]
    assert covered_area_m2(pieces, ids, far)[0] == 0.0
    none = cut_divisions([], cell_m=10.0, crs=CRS)
    assert covered_area_m2(none, ids, far).tolist() == []
