"""Floating catchments, against loops over the published formula and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yikezhong_coverage.access import (
    access_by_area,
    banded,
    floating_catchment,
    gaussian,
    uniform,
)
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import Reach

seeds = st.integers(0, 2**32 - 1)


def reach_of(times: list[list[float]], limit_s: float) -> Reach:
    """Return the pairs of a full table, a row per facility, within the limit."""
    start, demand, time_s = [0], [], []
    for row in times:
        for k, t in enumerate(row):
            if t <= limit_s:
                demand.append(k)
                time_s.append(t)
        start.append(len(demand))
    n_demand = len(times[0]) if times else 0
    return Reach(
        np.array(start),
        np.array(demand, dtype=np.int32),
        np.array(time_s, dtype=np.float64),
        n_demand,
        limit_s,
    )


def luo_and_qi(minutes: float) -> float:
    if minutes <= 10:
        return 1.0
    if minutes <= 20:
        return 0.68
    return 0.22 if minutes <= 30 else 0.0


def dai(t: float, limit: float) -> float:
    if t > limit:
        return 0.0
    low = math.exp(-0.5)
    return (math.exp(-0.5 * (t / limit) ** 2) - low) / (1 - low)


def by_formula(
    times: list[list[float]], people: list[float], capacity: list[float], weigh: object
) -> list[float]:
    """Both steps as they are published, in loops."""
    assert callable(weigh)
    ratio = []
    for j, units in enumerate(capacity):
        total = 0.0
        for k, n in enumerate(people):
            total += n * weigh(times[j][k])
        ratio.append(units / total if total > 0 else 0.0)
    access = []
    for i in range(len(people)):
        own = 0.0
        for j in range(len(capacity)):
            own += ratio[j] * weigh(times[j][i])
        access.append(own)
    return access


def test_two_facilities_by_hand() -> None:
    """F has 20 beds for a and b (1,000 + 3,000), G 30 beds for b and c (3,000 + 2,000).

    Ratios 20/4,000 and 30/5,000: a 0.005, b 0.011, c 0.006, d nothing.
    """
    times = [[5.0, 10.0, 40.0, 99.0], [31.0, 29.0, 30.0, 99.0]]
    found = floating_catchment(
        reach_of(times, 30.0),
        np.array([1000.0, 3000.0, 2000.0, 500.0]),
        capacity=np.array([20.0, 30.0]),
        decay=uniform(),
    )
    assert found.ratio.tolist() == [0.005, 0.006]
    assert found.access.tolist() == pytest.approx([0.005, 0.011, 0.006, 0.0], abs=1e-15)
    assert not found.uncertain.any()


def test_enhanced_by_hand() -> None:
    """One facility of 10; 100 people at 10 min, 100 at 20, 100 at 30.

    Weighted people 100 + 68 + 22 = 190, ratio 1/19: 1/19, 0.68/19, 0.22/19.
    """
    found = floating_catchment(
        reach_of([[600.0, 1200.0, 1800.0]], 1800.0),
        np.full(3, 100.0),
        capacity=np.array([10.0]),
        decay=banded((600.0, 1200.0, 1800.0), (1.0, 0.68, 0.22)),
    )
    assert found.ratio.tolist() == pytest.approx([1 / 19])
    assert found.access.tolist() == pytest.approx([1 / 19, 0.68 / 19, 0.22 / 19])


@settings(max_examples=80, deadline=None)
@given(seed=seeds, kind=st.sampled_from(["uniform", "banded", "gaussian"]))
def test_equals_the_published_formula(seed: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    n_facility, n_demand = int(random.integers(1, 6)), int(random.integers(1, 9))
    times = random.integers(0, 40, (n_facility, n_demand)).astype(float).tolist()
    people = random.integers(0, 500, n_demand).astype(float)
    capacity = random.integers(0, 50, n_facility).astype(float)
    decay, weigh = {
        "uniform": (uniform(), lambda t: 1.0 if t <= 30 else 0.0),
        "banded": (banded((10.0, 20.0, 30.0), (1.0, 0.68, 0.22)), luo_and_qi),
        "gaussian": (gaussian(30.0), lambda t: dai(t, 30.0)),
    }[kind]
    found = floating_catchment(
        reach_of(times, 30.0), people, capacity=capacity, decay=decay
    )
    wanted = by_formula(times, people.tolist(), capacity.tolist(), weigh)
    assert found.access.tolist() == pytest.approx(wanted, rel=1e-12, abs=1e-15)
    used = capacity[~np.isnan(found.ratio)].sum()
    assert (people * found.access).sum() == pytest.approx(used, rel=1e-9)


def test_unknown_capacity_and_people_are_flagged_and_not_counted() -> None:
    times = [[1.0, 1.0, 99.0, 99.0], [99.0, 1.0, 1.0, 99.0], [99.0, 99.0, 99.0, 1.0]]
    found = floating_catchment(
        reach_of(times, 30.0),
        np.array([10.0, 10.0, np.nan, 0.0]),
        capacity=np.array([np.nan, 5.0, 7.0]),
        decay=uniform(),
    )
    assert found.access.tolist() == [0.0, 0.5, 0.5, 0.0]
    assert np.isnan(found.ratio).tolist() == [True, False, True]
    assert found.uncertain.tolist() == [True, True, True, False]


def test_what_cannot_be_divided_is_refused() -> None:
    reach = reach_of([[1.0]], 30.0)
    one = np.array([1.0])
    for people, capacity in ((np.array([-1.0]), one), (one, np.array([np.inf]))):
        with pytest.raises(InputError, match="非负有限数"):
            floating_catchment(reach, people, capacity=capacity, decay=uniform())
    with pytest.raises(InputError, match="不符"):
        floating_catchment(reach, np.ones(2), capacity=one, decay=uniform())
    with pytest.raises(InputError, match="分段"):
        banded((2.0, 1.0), (1.0, 0.5))
    with pytest.raises(InputError, match="权重"):
        banded((1.0,), (-1.0,))
    with pytest.raises(InputError, match="时限"):
        gaussian(0.0)


def test_mean_of_an_area_is_weighted_by_people() -> None:
    found = access_by_area(
        np.array([0.1, 0.4, 9.0, 9.0]),
        np.array([300.0, 100.0, np.nan, 5.0]),
        area=np.array([0, 0, 1, -1], dtype=np.int32),
        n_area=2,
    )
    assert found[0] == pytest.approx(0.175)
    assert np.isnan(found[1])
