"""P-median and p-centre against all plans and the published optima."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting_cases import random_distances, read_pmed
from yikezhong_coverage.errors import InfeasibleError, InputError
from yikezhong_coverage.siting import (
    DistanceProblem,
    SiteCountError,
    UnservedDemandError,
    p_center,
    p_median,
    time_table,
)
from yikezhong_coverage.siting.median_kernels import greedy_median

seeds = st.integers(0, 2**32 - 1)


def _times(problem: DistanceProblem, n_sites: int) -> list[np.ndarray]:
    """Return the times of all plans to the points with people."""
    found = []
    n = len(problem.time_s)
    for chosen in combinations(range(n), n_sites):
        plan = np.zeros(n, dtype=bool)
        plan[list(chosen)] = True
        if (plan & problem.forbidden).any() or (problem.forced & ~plan).any():
            continue
        time_s = np.minimum(problem.time_s[plan].min(axis=0), problem.start_time_s)
        found.append(time_s)
    return found


@settings(max_examples=80, deadline=None)
@given(seeds, st.integers(1, 4))
def test_median_and_centre_are_the_best_of_all_plans(seed: int, n_sites: int) -> None:
    problem = random_distances(np.random.default_rng(seed))
    if not problem.forced.sum() <= n_sites <= (~problem.forbidden).sum():
        with pytest.raises(SiteCountError):
            p_median(problem, n_sites=n_sites)
        return
    here = problem.people > 0
    times = [t[here] for t in _times(problem, n_sites)]
    sums = [float((t * problem.people[here]).sum()) for t in times]
    most = [float(t.max(initial=0.0)) for t in times]
    try:
        median = p_median(problem, n_sites=n_sites)
    except InfeasibleError:
        assert np.isinf(min(sums))
        with pytest.raises(InfeasibleError):
            p_center(problem, n_sites=n_sites)
        return
    assert median.proven and median.objective == pytest.approx(min(sums), abs=1e-9)
    centre = p_center(problem, n_sites=n_sites)
    assert centre.proven and centre.objective == min(most)
    assert len(centre.chosen) <= n_sites


def test_greedy_is_never_better_than_the_median() -> None:
    random = np.random.default_rng(2)
    place = random.random((40, 2))
    table = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    start = np.full(40, np.inf)
    plan = greedy_median(table, start, 5, np.zeros(40, dtype=bool))
    found = p_median(DistanceProblem(table, np.ones(40)), n_sites=5)
    assert found.proven and found.tolerance > 0
    assert found.objective <= table[plan].min(axis=0).sum() + 1e-9


@pytest.mark.real_data
@pytest.mark.parametrize("name", [f"pmed{k}" for k in (1, 2, 3, 4, 5, 10)])
def test_published_optima_are_proven(real_data: Path, name: str) -> None:
    distance, n_sites, published = read_pmed(real_data / "orlib_pmed", name)
    found = p_median(DistanceProblem(distance, np.ones(len(distance))), n_sites=n_sites)
    assert found.objective == found.bound == published
    assert found.gap == 0 and found.tolerance == 0 and len(found.chosen) == n_sites
    nearest = distance[found.chosen].min(axis=0)
    assert nearest.sum() == published


def test_existing_facilities_count() -> None:
    time_s = np.array([[0.0, 9.0, 9.0], [9.0, 0.0, 9.0]])
    start = np.array([9.0, 1.0, 0.0])
    problem = DistanceProblem(time_s, np.ones(3), start)
    found = p_median(problem, n_sites=1)
    assert found.chosen.tolist() == [0] and found.objective == 1.0


def test_a_stopped_median_has_a_plan_and_a_bound() -> None:
    random = np.random.default_rng(4)
    time_s = random.integers(1, 100, (30, 60)).astype(float)
    problem = DistanceProblem(time_s, np.ones(60))
    stopped = p_median(problem, n_sites=4, stop=lambda: True)
    best = p_median(problem, n_sites=4)
    assert stopped.status == "stopped" and best.proven
    assert stopped.bound <= best.objective <= stopped.objective


def test_points_without_a_way_are_named() -> None:
    time_s = np.array([[0.0, np.inf], [5.0, np.inf]])
    for model in (p_median, p_center):
        with pytest.raises(UnservedDemandError) as caught:
            model(DistanceProblem(time_s, np.ones(2)), n_sites=1)
        assert caught.value.demand.tolist() == [1]
    with pytest.raises(InputError, match="NaN"):
        DistanceProblem(np.array([[np.nan]]), np.ones(1))
    with pytest.raises(InputError, match="非负"):
        DistanceProblem(np.array([[1.0]]), -np.ones(1))


def test_too_large_tables_are_refused() -> None:
    from yikezhong_coverage.records import Reach

    start = np.zeros(20_001, dtype=np.int64)
    nothing = np.empty(0, dtype=np.int32)
    with pytest.raises(InputError, match="过大"):
        time_table(Reach(start, nothing, np.empty(0), 20_000, 900.0))
