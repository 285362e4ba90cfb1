"""Places of people: against brute force, sums, sizes, order of the points."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from yikezhong_coverage.clusters import (
    gather_places,
    outline_places,
)
from yikezhong_coverage.degrees import metres_per_degree
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import FloatArray


def _distance_m(lon: FloatArray, lat: FloatArray) -> FloatArray:
    east, north = metres_per_degree((lat[:, None] + lat) / 2)
    return np.hypot((lon[:, None] - lon) * east, (lat[:, None] - lat) * north)


def _scatter(seed: int, n_point: int, *, lat0: float = 31.7) -> tuple[FloatArray, ...]:
    rng = np.random.default_rng(seed)
    lon = 113 + rng.uniform(0, 0.1, n_point)
    lat = lat0 + rng.uniform(0, 0.1, n_point)
    return lon, lat, rng.integers(0, 5, n_point).astype(np.float64)


@pytest.mark.parametrize("lat0", [-0.05, 31.7, -45.0, 65.0])
@pytest.mark.parametrize("n_point", [1, 40, 300])
def test_chains_are_those_of_all_pairs(n_point: int, lat0: float) -> None:
    lon, lat, _ = _scatter(n_point, n_point, lat0=lat0)
    found = gather_places(lon, lat, np.ones(n_point), radius_m=1e7)
    near = coo_array(_distance_m(lon, lat) <= 500)
    n_chain, chain = connected_components(near, directed=False)
    assert len(found) == n_chain
    assert len(set(zip(found.place.tolist(), chain.tolist(), strict=True))) == n_chain


@given(st.integers(0, 10_000), st.integers(1, 200), st.floats(200, 3000))
@settings(max_examples=40, deadline=None)
def test_places_keep_the_people_and_fit_into_a_circle(
    seed: int, n_point: int, radius_m: float
) -> None:
    lon, lat, people = _scatter(seed, n_point)
    found = gather_places(lon, lat, people, radius_m=radius_m)
    np.testing.assert_array_equal(found.place >= 0, people > 0)
    total = np.bincount(
        found.place[found.place >= 0], people[found.place >= 0], minlength=len(found)
    )
    np.testing.assert_array_equal(total, found.people)
    assert (np.diff(found.people) <= 0).all()
    apart = _distance_m(lon, lat)
    for number in range(len(found)):
        member = np.flatnonzero(found.place == number)
        assert found.centre[number] in member
        assert apart[np.ix_(member, member)].max() <= 2 * radius_m * 1.001


def test_the_centre_has_the_smallest_sum_of_squares() -> None:
    lon, lat, people = _scatter(3, 150)
    found = gather_places(lon, lat, people, radius_m=2000)
    squares = _distance_m(lon, lat) ** 2
    for number, centre in enumerate(found.centre):
        member = found.place == number
        cost = squares[:, member] @ people[member]
        assert cost[centre] <= cost[member].min() * (1 + 1e-4) + 1e-6


def test_the_order_of_the_points_changes_nothing() -> None:
    lon, lat, _ = _scatter(5, 200)
    people = np.random.default_rng(1).integers(1, 1 << 40, 200).astype(np.float64)
    order = np.random.default_rng(2).permutation(200)
    one = gather_places(lon, lat, people, radius_m=700)
    other = gather_places(lon[order], lat[order], people[order], radius_m=700)
    np.testing.assert_array_equal(one.people, other.people)
    np.testing.assert_array_equal(one.place[order], other.place)


def test_a_cut_goes_between_villages() -> None:
    # three clumps on a line, 450 m apart, each 40 m wide: too long for one circle
    clump = np.array([-20.0, 0.0, 20.0])
    east, _ = metres_per_degree(np.array([31.7]))
    lon = 113 + np.concatenate([clump + at for at in (0, 450, 900)]) / east
    found = gather_places(lon, np.full(9, 31.7), np.ones(9), radius_m=300)
    assert found.place.tolist() in ([0, 0, 0, 0, 0, 0, 1, 1, 1], [1] * 3 + [0] * 6)


def test_outlines_hold_their_points() -> None:
    lon, lat, people = _scatter(7, 120)
    found = gather_places(lon, lat, people, radius_m=900)
    shapes = outline_places(lon, lat, found.place)
    assert len(shapes) == len(found)
    assert shapely.is_valid(shapes).all()
    for point, number in enumerate(found.place):
        if number >= 0:
            assert shapely.contains_xy(shapes[number], lon[point], lat[point])


def test_nobody_without_makes_no_place() -> None:
    nowhere = np.array([113.0])
    for people in (np.array([0.0]), np.array([np.nan])):
        found = gather_places(nowhere, nowhere - 82, people, radius_m=900)
        assert len(found) == 0
        assert found.place.tolist() == [-1]
        assert len(outline_places(nowhere, nowhere - 82, found.place)) == 0


@pytest.mark.parametrize("radius_m", [0.0, -1.0, np.nan])
def test_a_radius_must_be_positive(radius_m: float) -> None:
    one = np.ones(1)
    with pytest.raises(InputError):
        gather_places(one, one, one, radius_m=radius_m)
