"""What the relaxations say of single sites holds for every plan."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from siting_cases import random_cover
from yikezhong_coverage.siting import DistanceProblem
from yikezhong_coverage.siting.distances import cost_of, sorted_distances
from yikezhong_coverage.siting.exactness import open_ledger, settle_lower, settle_upper
from yikezhong_coverage.siting.greedy import covered_weight, greedy_cover, greedy_target
from yikezhong_coverage.siting.median_kernels import reduced_worth
from yikezhong_coverage.siting.pmedian import _conclusions
from yikezhong_coverage.siting.reduce import Core, core_of
from yikezhong_coverage.siting.relax import SAFETY, relax_cover, relax_full_cover

seeds = st.integers(0, 2**32 - 1)


def _plans(n: int) -> list[np.ndarray]:
    return [(mask >> np.arange(n) & 1).astype(bool) for mask in range(1 << n)]


def _core(random: np.random.Generator, *, by_count: bool) -> Core:
    problem, _ = random_cover(random, n_demand=9, n_candidate=7)
    ledger = open_ledger(problem)
    use = np.ones(7, dtype=np.int64) if by_count else ledger.cost // 100_000
    return core_of(problem.covers, ledger, use=use)


@settings(max_examples=50, deadline=None)
@given(seeds, st.booleans(), st.integers(1, 4), st.integers(1, 40))
def test_upper_bounds_with_and_without_each_site(
    seed: int, by_count: bool, limit: int, n_step: int
) -> None:
    core = _core(np.random.default_rng(seed), by_count=by_count)
    if core.n_row == 0:
        return
    relaxed = relax_cover(core, greedy_cover(core, limit), limit=limit, n_step=n_step)
    assert core.use[relaxed.chosen].sum() <= limit
    for plan in _plans(core.n_column):
        if core.use[plan].sum() <= limit:
            value = covered_weight(core, plan) - SAFETY * (abs(relaxed.bound) + 1)
            assert value <= relaxed.bound
            assert (value <= relaxed.bound_in[plan]).all()
            assert (value <= relaxed.bound_out[~plan]).all()


@settings(max_examples=50, deadline=None)
@given(seeds, st.booleans(), st.integers(1, 60))
def test_lower_bounds_of_full_cover(seed: int, by_count: bool, n_step: int) -> None:
    core = _core(np.random.default_rng(seed), by_count=by_count)
    if core.n_row == 0:
        return
    total = int(core.weight.sum())
    relaxed = relax_full_cover(core, greedy_target(core, total), n_step=n_step)
    assert covered_weight(core, relaxed.chosen) == total
    for plan in _plans(core.n_column):
        if covered_weight(core, plan) == total:
            cost = core.use[plan].sum() + 1e-9
            assert relaxed.bound <= cost
            assert (relaxed.bound_in[plan] <= cost).all()
            assert (relaxed.bound_out[~plan] <= cost).all()


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 5))
def test_lower_bounds_of_the_median(seed: int, n_sites: int) -> None:
    random = np.random.default_rng(seed)
    time_s = random.integers(0, 9, (6, 9)).astype(float)
    start = random.integers(4, 12, 9).astype(float)
    table = sorted_distances(
        DistanceProblem(time_s, random.integers(1, 4, 9).astype(float), start),
        weighted=True,
    )
    forced = np.zeros(6, dtype=bool)
    forced[0] = random.random() < 0.5
    multiplier = np.minimum(random.random(9) * 20, table.start_cost)
    rho = reduced_worth(table.near, table.cost, multiplier, 6)
    bound, bound_in, bound_out = _conclusions(
        rho, float(multiplier.sum()), n_sites, forced
    )
    for plan in _plans(6):
        if plan.sum() == n_sites and not (forced & ~plan).any():
            cost = cost_of(table, plan).sum() + 1e-9
            assert bound <= cost
            assert (bound_in[plan] <= cost).all()
            assert (bound_out[~plan] <= cost).all()


def test_bounds_of_the_solver_are_rounded_on_the_safe_side() -> None:
    whole = 1 << 20
    assert settle_upper(12.9, 12 * whole, grid=whole, unit=whole) == (12 * whole, 0)
    assert settle_upper(12.9999999, 12 * whole, grid=whole, unit=whole)[0] == 13 * whole
    assert settle_lower(12.1, 14, grid=1, unit=1) == (13, 0)
    assert settle_lower(12.0000001, 14, grid=1, unit=1) == (12, 0)
    # a grid finer than the solver's tolerance: proven, but the tolerance is told
    value, tolerance = settle_upper(12.0000005, 12 * whole, grid=1, unit=whole)
    assert value == 12 * whole and 0 < tolerance < 4
    assert settle_upper(12.1, 12 * whole, grid=1, unit=whole)[0] > 12 * whole
