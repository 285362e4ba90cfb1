"""The worst-off group first: rates from the lowest up, against every plan."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from siting_cases import all_plans, cost_tenths, people_covered, random_cover
from yikezhong_coverage.siting import (
    SitingProblem,
    matrix_of,
    maximum_cover,
    worst_first_cover,
)

seeds = st.integers(0, 2**32 - 1)


def rates(
    problem: SitingProblem, table: np.ndarray, plan: np.ndarray
) -> tuple[list[Fraction], float]:
    """Return the rates of the groups with people, ascending, and all people covered."""
    known = np.nan_to_num(problem.people)
    covered = people_covered(problem, table, plan)
    found = []
    for group in range(3):
        total = float(known[problem.group == group].sum())
        part = float(covered[problem.group == group].sum())
        if total:
            found.append(Fraction(part) / Fraction(total))
    return sorted(found), float(covered.sum())


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 4))
def test_rates_are_the_best_of_all_plans_from_the_lowest_up(
    seed: int, n_sites: int
) -> None:
    problem, table = random_cover(np.random.default_rng(seed))
    if not problem.forced.sum() <= n_sites <= (~problem.forbidden).sum():
        return
    best = max(
        rates(problem, table, plan)
        for plan in all_plans(problem)
        if plan.sum() <= n_sites
    )
    found = worst_first_cover(problem, n_sites=n_sites)
    plan = np.zeros(problem.covers.n_candidate, dtype=bool)
    plan[found.plan.chosen] = True
    assert rates(problem, table, plan) == best
    assert found.plan.proven and all(level.proven for level in found.levels)
    assert found.plan.covered_people == best[1] == found.plan.bound
    shares = [level.share for level in found.levels]
    assert shares == sorted(set(shares)) and set(shares) <= set(best[0])
    n_group = sum(level.n_group for level in found.levels)
    assert n_group + found.n_fixed == len(best[0])


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(1, 12))
def test_a_budget_is_kept(seed: int, tenths: int) -> None:
    problem, table = random_cover(np.random.default_rng(seed))
    cost = np.random.default_rng(seed).integers(1, 5, 7) * 0.1
    problem = replace(problem, cost=cost, forced=np.zeros(7, dtype=bool))
    if cost[~problem.forbidden].min() > tenths / 10 + 1e-9:
        return
    best = max(
        rates(problem, table, plan)
        for plan in all_plans(problem)
        if cost_tenths(problem, plan) <= tenths
    )
    found = worst_first_cover(problem, budget=tenths / 10)
    plan = np.zeros(7, dtype=bool)
    plan[found.plan.chosen] = True
    assert cost_tenths(problem, plan) <= tenths
    assert rates(problem, table, plan) == best


def test_most_people_and_the_worst_off_are_different_plans() -> None:
    table = np.array([[True, False, False, False], [False, False, True, False]])
    problem = SitingProblem(
        matrix_of(table),
        np.array([90.0, 10.0, 3.0, 7.0]),
        group=np.array([0, 0, 1, 1], dtype=np.int32),
        start_covered=np.array([False, True, False, False]),
    )
    assert maximum_cover(problem, n_sites=1).chosen.tolist() == [0]
    found = worst_first_cover(problem, n_sites=1)
    assert found.plan.chosen.tolist() == [1]
    assert [float(level.share) for level in found.levels] == [0.1, 0.3]


def test_groups_nobody_can_raise_play_no_part() -> None:
    table = np.array([[False, True, False]])
    problem = SitingProblem(
        matrix_of(table),
        np.array([5.0, 5.0, 5.0]),
        group=np.array([0, 1, -1], dtype=np.int32),
    )
    found = worst_first_cover(problem, n_sites=1)
    assert found.n_fixed == 1
    assert [(level.share, level.n_group) for level in found.levels] == [(1, 1)]


def test_a_stopped_search_has_a_plan_and_says_what_is_not_proven() -> None:
    random = np.random.default_rng(5)
    table = random.random((30, 200)) < 0.05
    problem = SitingProblem(
        matrix_of(table),
        random.integers(1, 9, 200).astype(float),
        group=random.integers(0, 12, 200).astype(np.int32),
    )
    found = worst_first_cover(problem, n_sites=5, stop=lambda: True)
    assert len(found.plan.chosen) == 5 and not found.plan.proven
    assert found.plan.status == "stopped"
    assert not any(level.proven for level in found.levels)
    assert found.plan.bound >= maximum_cover(problem, n_sites=5).objective
