"""Maximum cover and fewest sites against all plans; reductions; bounds; errors."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from siting_cases import (
    best_plan,
    cost_tenths,
    people_covered,
    random_cover,
    random_geometry,
)
from yikezhong_coverage.errors import InfeasibleError, InputError
from yikezhong_coverage.siting import (
    BudgetError,
    CostError,
    NoCandidateError,
    SiteCountError,
    SitingProblem,
    UnservedDemandError,
    matrix_of,
    maximum_cover,
    minimum_sites,
)
from yikezhong_coverage.siting.exactness import open_ledger
from yikezhong_coverage.siting.greedy import (
    covered_weight,
    greedy_cover,
    greedy_target,
    improve_cover,
)
from yikezhong_coverage.siting.reduce import core_of, reduce_cover, reduce_full_cover
from yikezhong_coverage.siting.relax import relax_cover, relax_full_cover
from yikezhong_coverage.siting.search import search_cover
from yikezhong_coverage.siting.weighing import search_full_cover

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 7))
def test_most_people_with_n_sites_is_the_best_of_all_plans(
    seed: int, n_sites: int
) -> None:
    problem, table = random_cover(np.random.default_rng(seed))
    n_forced, n_open = problem.forced.sum(), (~problem.forbidden).sum()
    if not n_forced <= n_sites <= n_open:
        with pytest.raises(SiteCountError):
            maximum_cover(problem, n_sites=n_sites)
        return
    best = best_plan(
        problem,
        lambda plan: people_covered(problem, table, plan).sum(),
        lambda plan: plan.sum() <= n_sites,
    )
    found = maximum_cover(problem, n_sites=n_sites)
    plan = np.zeros(len(table), dtype=bool)
    plan[found.chosen] = True
    assert found.proven and found.status == "optimal"
    assert found.objective == best == people_covered(problem, table, plan).sum()
    assert plan.sum() <= n_sites and (plan | ~problem.forced).all()
    nothing = np.zeros(len(table), dtype=bool)
    assert found.start_people == people_covered(problem, table, nothing).sum()
    assert found.total_people == np.nansum(problem.people)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(0, 15))
def test_most_people_with_a_budget_is_the_best_of_all_plans(
    seed: int, tenths: int
) -> None:
    problem, table = random_cover(np.random.default_rng(seed))
    tenths = tenths * 10 if problem.cost is None else tenths
    best = best_plan(
        problem,
        lambda plan: people_covered(problem, table, plan).sum(),
        lambda plan: cost_tenths(problem, plan) <= tenths,
    )
    try:
        found = maximum_cover(problem, budget=tenths / 10)
    except BudgetError:
        nothing = best_plan(
            problem,
            lambda plan: plan.sum(),
            lambda plan: cost_tenths(problem, plan) <= tenths,
        )
        assert nothing is None or nothing == 0
        return
    assert found.proven and found.objective == best
    assert round(found.cost * 10) <= tenths


@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from([1, 0.9, 0.55, 0.3]))
def test_cheapest_sites_to_a_share_are_the_best_of_all_plans(
    seed: int, share: float
) -> None:
    problem, table = random_cover(np.random.default_rng(seed))
    total = Fraction(float(np.nansum(problem.people)))
    best = best_plan(
        problem,
        lambda plan: -cost_tenths(problem, plan),
        lambda plan: (
            Fraction(float(people_covered(problem, table, plan).sum()))
            >= Fraction(str(share)) * total
        ),
    )
    try:
        found = minimum_sites(problem, share=share)
    except UnservedDemandError as error:
        assert best is None
        served = table[~problem.forbidden].any(axis=0) | problem.start_covered
        expected = ~served & (np.nan_to_num(problem.people) > 0)
        assert error.demand.tolist() == np.flatnonzero(expected).tolist()
        assert "任何候选点" in str(error)
        return
    assert found.proven and round(found.objective * 10) == -best
    assert Fraction(found.covered_people) >= Fraction(str(share)) * total


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(2, 5), st.sampled_from([0.3, 0.5, 1.0]))
def test_fairness_gives_every_group_its_share(
    seed: int, n_sites: int, share: float
) -> None:
    problem, table = random_cover(np.random.default_rng(seed))
    if not problem.forced.sum() <= n_sites <= (~problem.forbidden).sum():
        return

    def fair(plan: np.ndarray) -> bool:
        covered = people_covered(problem, table, plan)
        known = np.nan_to_num(problem.people)
        return plan.sum() <= n_sites and all(
            Fraction(float(covered[problem.group == g].sum()))
            >= Fraction(str(share)) * Fraction(float(known[problem.group == g].sum()))
            for g in range(3)
        )

    best = best_plan(
        problem, lambda plan: people_covered(problem, table, plan).sum(), fair
    )
    try:
        found = maximum_cover(problem, n_sites=n_sites, least_share=share)
    except InfeasibleError:
        assert best is None
        return
    assert found.proven and found.objective == best


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_greedy_and_searches_lie_between_nothing_and_the_bound(seed: int) -> None:
    problem, _ = random_cover(np.random.default_rng(seed), n_demand=30, n_candidate=12)
    ledger = open_ledger(problem)
    use = np.ones(12, dtype=np.int64)
    core = core_of(problem.covers, ledger, use=use)
    if core.n_row == 0:
        return
    greedy = greedy_cover(core, 3)
    better = improve_cover(core, greedy, limit=3)
    longer = search_cover(core, better, limit=3, n_turn=50)
    bound = relax_cover(core, better, limit=3).bound
    values = [covered_weight(core, plan) for plan in (greedy, better, longer)]
    assert values == sorted(values) and values[-1] <= bound * (1 + 1e-9)
    assert longer.sum() <= 3
    full = greedy_target(core, int(core.weight.sum()))
    relaxed = relax_full_cover(core, full)
    fewer = search_full_cover(core, relaxed.chosen, n_turn=100)
    assert covered_weight(core, fewer) == core.weight.sum()
    assert relaxed.bound <= fewer.sum() + 1e-9 <= full.sum() + 1e-9


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_reductions_keep_the_optimum(seed: int) -> None:
    problem, _ = random_cover(np.random.default_rng(seed))
    ledger = open_ledger(problem)
    core = core_of(problem.covers, ledger, use=ledger.cost)
    small = reduce_cover(core)
    assert small.n_row <= core.n_row and small.n_column <= core.n_column

    def most(limit: int, which: object) -> int:
        best = 0
        for mask in range(1 << which.n_column):
            plan = (mask >> np.arange(which.n_column) & 1).astype(bool)
            if which.use[plan].sum() <= limit:
                best = max(best, covered_weight(which, plan))
        return best

    for limit in (0, 300_000, 2_000_000):
        assert most(limit, small) == most(limit, core)
    left, essential = reduce_full_cover(core)
    spent = ledger.cost[essential].sum()

    def cheapest(which: object) -> int:
        costs = [
            which.use[plan].sum()
            for mask in range(1 << which.n_column)
            for plan in [(mask >> np.arange(which.n_column) & 1).astype(bool)]
            if covered_weight(which, plan) == which.weight.sum()
        ]
        return int(min(costs))

    assert spent + cheapest(left) == cheapest(core)


@pytest.mark.parametrize("n_sites", [15, 40])
def test_a_larger_instance_equals_the_plain_model(n_sites: int) -> None:
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, hstack, identity, vstack

    problem = random_geometry(3, n_demand=600, n_candidate=200, radius=0.08)
    covers = problem.covers
    table = csr_array(
        (np.ones(len(covers.demand)), covers.demand, covers.start), shape=(200, 600)
    ).T
    count = csr_array(np.concatenate([np.ones(200), np.zeros(600)])[None, :])
    plain = milp(
        np.concatenate([np.zeros(200), -problem.people]),
        integrality=np.concatenate([np.ones(200), np.zeros(600)]),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(
            vstack([hstack([table, -identity(600)]), count]),
            np.append(np.zeros(600), 0),
            np.append(np.full(600, np.inf), n_sites),
        ),
        options={"mip_rel_gap": 0.0},
    )
    found = maximum_cover(problem, n_sites=n_sites)
    assert found.proven and found.objective == pytest.approx(-plain.fun, abs=1e-6)
    assert found.covered_people == found.objective


def test_a_stopped_search_returns_its_plan_and_an_honest_bound() -> None:
    problem = random_geometry(1, n_demand=1500, n_candidate=600, radius=0.07)
    best = maximum_cover(problem, n_sites=8)
    stopped = maximum_cover(problem, n_sites=8, stop=lambda: True)
    assert best.proven and stopped.status == "stopped"
    assert stopped.objective <= best.objective <= stopped.bound
    limited = minimum_sites(
        SitingProblem(
            problem.covers,
            np.where(problem.covers.covered_by(np.arange(600)), problem.people, 0.0),
        ),
        time_limit_s=1.0,
    )
    assert limited.status in {"time_limit", "optimal"}
    assert 0 < limited.bound <= limited.objective
    assert limited.proven == (limited.gap == 0) == (limited.status == "optimal")


def _small(**changes: object) -> SitingProblem:
    table = np.array([[True, True, False], [False, True, False]])
    fields = {"covers": matrix_of(table), "people": np.array([3.0, 2.0, 4.0])}
    return SitingProblem(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "request_", "error", "words"),
    [
        ({}, {"n_sites": 3}, SiteCountError, "只有 2 个"),
        ({}, {"n_sites": 0}, SiteCountError, "正整数"),
        ({"cost": np.array([5.0, 7.0])}, {"budget": 4.0}, BudgetError, "最便宜"),
        ({}, {"budget": float("nan")}, CostError, "预算"),
        ({}, {"budget": -1.0}, CostError, "预算"),
        ({"cost": np.array([1.0, np.nan])}, {"n_sites": 1}, CostError, "费用"),
        ({"cost": np.array([1.0, -1.0])}, {"n_sites": 1}, CostError, "费用"),
        ({"people": np.array([1.0, -1.0, 0.0])}, {"n_sites": 1}, InputError, "非负"),
        (
            {"forbidden": np.array([True, True])},
            {"n_sites": 1},
            NoCandidateError,
            "均被排除",
        ),
        (
            {"forced": np.array([True, False]), "forbidden": np.array([True, False])},
            {"n_sites": 1},
            InputError,
            "既为必选又为禁选",
        ),
        ({"forced": np.array([True, True])}, {"n_sites": 1}, SiteCountError, "必选"),
        ({"forced": np.array([True, True])}, {"budget": 1.5}, BudgetError, "必选"),
        ({}, {}, InputError, "二者只取其一"),
        ({}, {"n_sites": 1, "time_limit_s": 0.0}, InputError, "时限"),
        ({}, {"n_sites": 1, "least_share": 0.5}, InputError, "组"),
    ],
)
def test_impossible_requests_are_named(
    changes: dict[str, object],
    request_: dict[str, object],
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        maximum_cover(_small(**changes), **request_)


def test_demand_that_nobody_can_serve_is_named() -> None:
    with pytest.raises(UnservedDemandError) as caught:
        minimum_sites(_small())
    assert caught.value.demand.tolist() == [2]
    assert "1 个需求点（4 人）" in str(caught.value)
    with pytest.raises(InputError, match="比例"):
        minimum_sites(_small(), share=1.5)
    group = np.array([0, 0, 1], dtype=np.int32)
    with pytest.raises(UnservedDemandError) as caught:
        maximum_cover(_small(group=group), n_sites=1, least_share=0.5)
    assert caught.value.demand.tolist() == [2]


def test_no_candidates_at_all_are_named() -> None:
    nobody = SitingProblem(matrix_of(np.zeros((0, 2), dtype=bool)), np.ones(2))
    with pytest.raises(NoCandidateError, match="没有候选点"):
        maximum_cover(nobody, n_sites=1)


#: Rows: the demand each of six candidates covers; found by a search that returned four
#: sites where three were asked for: a column fixed in had not been in the incumbent.
OVERFULL = (
    (0, 1, 9, 10, 13),
    (6, 7, 11, 12, 16),
    (2, 7, 10, 14, 15),
    (2, 3, 4, 15),
    (3, 8, 15),
    (5, 8, 17, 18, 19),
)
OVERFULL_PEOPLE = (
    59, 58, 55, 34, 48, 9, 58, 51, 51, 40, 54, 59, 20, 1, 22, 59, 18, 57, 43, 30,
)  # fmt: skip


@pytest.mark.parametrize("n_sites", range(1, 7))
def test_never_more_sites_than_asked(n_sites: int) -> None:
    table = np.zeros((len(OVERFULL), len(OVERFULL_PEOPLE)), dtype=np.bool_)
    for row, covered in enumerate(OVERFULL):
        table[row, list(covered)] = True
    people = np.array(OVERFULL_PEOPLE, dtype=np.float64)
    result = maximum_cover(SitingProblem(matrix_of(table), people), n_sites=n_sites)
    best = max(
        people[table[list(sites)].any(axis=0)].sum()
        for sites in combinations(range(len(table)), n_sites)
    )
    assert len(result.chosen) <= n_sites
    assert result.objective == result.bound == best


@pytest.mark.parametrize("seed", range(60))
def test_middling_instances_keep_the_limit_and_are_best(seed: int) -> None:
    random = np.random.default_rng(seed)
    table = random.random((12, 40)) < 0.15
    people = random.integers(1, 60, size=40).astype(np.float64)
    n_sites = int(random.integers(2, 6))
    result = maximum_cover(SitingProblem(matrix_of(table), people), n_sites=n_sites)
    best = max(
        people[table[list(sites)].any(axis=0)].sum()
        for sites in combinations(range(len(table)), n_sites)
    )
    assert len(result.chosen) <= n_sites
    assert result.objective == result.bound == best
