"""Capacity, targets of areas, building order, zones, and the engine's second look."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from shapely import LineString, Point, box

from coverage_cases import LAT, LEG_MPS, LON, METRE, random_network, random_people
from siting_cases import all_plans, cost_tenths, random_cover, reach_of
from yikezhong_coverage.errors import InfeasibleError, InputError
from yikezhong_coverage.graph import usable_edges
from yikezhong_coverage.records import Reach
from yikezhong_coverage.siting import (
    ActionProblem,
    BudgetError,
    CapacityError,
    CostError,
    Existing,
    PlanMismatchError,
    ShareTarget,
    SiteCountError,
    SitingProblem,
    UnservedDemandError,
    Zone,
    areas_met,
    building_order,
    capacitated_cover,
    capacity_order,
    cheapest_actions,
    cover_matrix,
    exclude_candidates,
    matrix_of,
    maximum_cover,
    plan_time_s,
    start_cover,
    verify_capacity,
    verify_plan,
    verify_start,
)
from yikezhong_coverage.siting.flow import greatest_flow
from yikezhong_coverage.snap import snap_points
from yikezhong_coverage.travel import nearest_facility, reach

seeds = st.integers(0, 2**32 - 1)


def _most_served(table: np.ndarray, people: np.ndarray, places: np.ndarray) -> float:
    """Return the most people served, by linear programming."""
    facility, demand = np.nonzero(table)
    if len(facility) == 0:
        return 0.0
    rows = np.zeros((len(people) + len(places), len(facility)))
    rows[demand, np.arange(len(facility))] = 1.0
    rows[len(people) + facility, np.arange(len(facility))] = 1.0
    found = linprog(
        -np.ones(len(facility)), A_ub=rows, b_ub=np.concatenate([people, places])
    )
    return float(-found.fun)


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(1, 4))
def test_capacitated_cover_is_the_best_of_all_plans(seed: int, n_sites: int) -> None:
    random = np.random.default_rng(seed)
    problem, table = random_cover(random, n_demand=6, n_candidate=5)
    problem = replace(problem, start_covered=None)
    if not problem.forced.sum() <= n_sites <= (~problem.forbidden).sum():
        return
    people = np.nan_to_num(problem.people)
    grain = people[people > 0].min(initial=1.0)
    places = random.integers(0, 8, 5) * grain
    old = random.random((2, 6)) < 0.3
    old_places = np.array([3.0 * grain, np.nan])
    both = np.vstack([old, table])
    best = max(
        _most_served(
            both[np.concatenate([[True, False], plan])],
            people / grain,
            np.concatenate([[3.0], places[plan] / grain]),
        )
        for plan in all_plans(problem)
        if plan.sum() <= n_sites
    )
    found = capacitated_cover(
        problem, places, existing=Existing(matrix_of(old), old_places), n_sites=n_sites
    )
    assert found.plan.proven
    assert found.plan.objective == pytest.approx(best * grain, rel=1e-9)
    time_s = np.where(both, random.integers(1, 9, both.shape) * 100.0, np.inf)
    check = verify_capacity(
        found,
        problem.people,
        reach=reach_of(time_s, 900.0),
        capacity_people=np.concatenate([old_places, places]),
    )
    assert check.assigned_people == found.plan.objective
    assert check.nearest_first_people <= check.assigned_people


def test_large_capacitated_cases_have_a_plan_and_an_honest_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from yikezhong_coverage.siting import capacity

    random = np.random.default_rng(7)
    for _ in range(15):
        problem, _table = random_cover(random, n_demand=12, n_candidate=6)
        problem = replace(
            problem, start_covered=None, forced=np.zeros(6, dtype=bool), cost=None
        )
        places = random.integers(0, 8, 6).astype(float)
        n_sites = min(2, int((~problem.forbidden).sum()))
        exact = capacitated_cover(problem, places, n_sites=n_sites).plan
        with monkeypatch.context() as small:
            small.setattr(capacity, "MOST_PAIRS", 0)
            rough = capacitated_cover(problem, places, n_sites=n_sites).plan
        assert exact.proven
        assert rough.objective <= exact.objective <= rough.bound


@pytest.mark.parametrize("years", [[1, 1, 1], [2, 1], [3]])
def test_the_order_of_places_adds_up(years: list[int]) -> None:
    random = np.random.default_rng(3)
    problem, _ = random_cover(random, n_demand=12, n_candidate=6)
    problem = replace(problem, start_covered=None, forced=None, forbidden=None)
    places = random.integers(1, 8, 6).astype(float)
    found = capacitated_cover(problem, places, n_sites=3).plan
    order = capacity_order(problem, found.chosen, places, sites_per_year=years)
    assert sorted(order.site.tolist()) == found.chosen.tolist()
    assert order.covered_people[-1] == found.objective
    assert order.start_people + order.gain.sum() == found.objective
    assert order.year.tolist() == sorted(order.year.tolist())
    assert order.objective <= order.bound
    for built in range(1, 3):
        part = capacitated_cover(problem, places, n_sites=built).plan
        assert order.covered_people[built - 1] <= part.objective
    with pytest.raises(BudgetError):
        capacity_order(problem, found.chosen, places, sites_per_year=[1])


def test_flow_equals_linear_programming() -> None:
    random = np.random.default_rng(1)
    for _ in range(20):
        table = random.random((5, 12)) < 0.3
        people, places = random.integers(0, 9, 12), random.integers(0, 20, 5)
        matrix = matrix_of(table.T)
        flow = greatest_flow(matrix.start, matrix.demand, supply=people, places=places)
        assert (flow >= 0).all()
        assert flow.sum() == pytest.approx(
            _most_served(table, people.astype(float), places.astype(float)), abs=1e-7
        )


def test_bad_capacities_are_named_and_bad_assignments_refused() -> None:
    problem = SitingProblem(
        matrix_of(np.ones((2, 2), dtype=bool)), np.array([3.0, 3.0])
    )
    for bad in (-1.0, np.nan):
        with pytest.raises(CapacityError, match="第 2 个候选点的容量"):
            capacitated_cover(problem, np.array([1.0, bad]), n_sites=1)
    with pytest.raises(SiteCountError):
        capacitated_cover(problem, np.ones(2), n_sites=3)
    with pytest.raises(InputError, match="existing"):
        capacitated_cover(
            replace(problem, start_covered=np.ones(2, dtype=bool)),
            np.ones(2),
            n_sites=1,
        )
    found = capacitated_cover(problem, np.array([4.0, np.inf]), n_sites=2)
    times = reach_of(np.full((2, 2), 60.0), 900.0)
    capacity = np.array([4.0, np.inf])
    assert found.plan.objective == 6.0
    broken = replace(found, pair_people=found.pair_people * 2)
    with pytest.raises(PlanMismatchError, match="超出"):
        verify_capacity(broken, problem.people, reach=times, capacity_people=capacity)
    far = replace(times, start=np.array([0, 0, 0]), demand=times.demand[:0])
    with pytest.raises(PlanMismatchError, match="不可达"):
        verify_capacity(found, problem.people, reach=far, capacity_people=capacity)


@settings(max_examples=50, deadline=None)
@given(seeds, st.booleans())
def test_cheapest_actions_are_the_best_of_all_sets(seed: int, strict: bool) -> None:
    random = np.random.default_rng(seed)
    n_need = 9
    base, table = random_cover(random, n_demand=n_need, n_candidate=6)
    exclusive = random.integers(-1, 2, 6).astype(np.int32)
    problem = ActionProblem(
        matrix_of(table),
        random.integers(0, 4, n_need).astype(np.int32),
        random.integers(0, 2, n_need).astype(np.int32),
        random.random(n_need) < 0.3,
        [ShareTarget(0.6, strict=strict), ShareTarget(0.5)],
        cost=base.cost,
        forced=base.forced,
        forbidden=base.forbidden,
        exclusive=exclusive,
    )

    def good(plan: np.ndarray) -> bool:
        if any(plan[exclusive == k].sum() > 1 for k in (0, 1)):
            return False
        target, _, met = areas_met(problem, np.flatnonzero(plan))
        shares = [Fraction(3, 5), Fraction(1, 2)]
        for k, share in enumerate(shares):
            n, have = int((target == k).sum()), int(met[target == k].sum())
            if have < share * n or (strict and k == 0 and have <= share * n):
                return False
        return True

    costs = [cost_tenths(base, plan) for plan in all_plans(base) if good(plan)]
    try:
        found = cheapest_actions(problem)
    except InfeasibleError:
        assert not costs
        return
    assert found.proven and round(found.objective * 10) == min(costs)
    plan = np.zeros(6, dtype=bool)
    plan[found.chosen] = True
    assert good(plan)


def test_areas_no_action_can_serve_are_named() -> None:
    problem = ActionProblem(
        matrix_of(np.array([[True, False, False]])),
        np.array([7, 8, 9], dtype=np.int32),
        np.zeros(3, dtype=np.int32),
        np.zeros(3, dtype=bool),
        [ShareTarget(0.6)],
    )
    with pytest.raises(UnservedDemandError, match="2 个区域") as caught:
        cheapest_actions(problem)
    assert caught.value.demand.tolist() == [8, 9]
    with pytest.raises(InfeasibleError, match="超过全部区域"):
        cheapest_actions(
            replace(
                problem,
                need_met=np.ones(3, dtype=bool),
                targets=[ShareTarget(1, strict=True)],
            )
        )


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_building_order_is_the_best_of_all_orders(seed: int) -> None:
    random = np.random.default_rng(seed)
    problem, table = random_cover(random, n_candidate=5)
    people = np.nan_to_num(problem.people)
    chosen = np.array([0, 2, 3, 4])
    by_year = [1, 2, 1]

    def person_years(years: tuple[int, ...]) -> float | None:
        total = 0.0
        for t in range(3):
            built = chosen[[y <= t for y in years]]
            if len(built) > sum(by_year[: t + 1]):
                return None
            covered = problem.start_covered | table[built].any(axis=0)
            total += people[covered].sum()
        return total

    values = [person_years(years) for years in product(range(3), repeat=4)]
    order = building_order(problem, chosen, sites_per_year=by_year)
    assert order.proven and order.objective == max(v for v in values if v is not None)
    assert sorted(order.site.tolist()) == chosen.tolist()
    assert (np.diff(order.year) >= 0).all()
    covered = problem.start_covered.copy()
    for site, gain, now in zip(
        order.site, order.gain, order.covered_people, strict=True
    ):
        before = people[covered].sum()
        covered |= table[site]
        assert people[covered].sum() - before == gain and now == people[covered].sum()


def test_years_that_do_not_suffice_are_named() -> None:
    problem = SitingProblem(
        matrix_of(np.eye(2, dtype=bool)), np.ones(2), cost=np.array([2.0, 3.0])
    )
    both = np.array([0, 1])
    with pytest.raises(BudgetError, match="不足以"):
        building_order(problem, both, budget_per_year=[2.0, 2.5])
    with pytest.raises(CostError, match="非负"):
        building_order(problem, both, budget_per_year=[-1.0])
    with pytest.raises(SiteCountError):
        building_order(problem, np.array([5]), sites_per_year=[1])
    order = building_order(problem, both, budget_per_year=[2.5, 2.5])
    assert order.site.tolist() == [0, 1] and order.year.tolist() == [0, 1]


def test_zones_exclude_by_ellipsoidal_distance() -> None:
    # 500 m north, east of a point, and 501 m
    lat = np.array([LAT, LAT + 500 * METRE[1], LAT + 503 * METRE[1], LAT])
    lon = np.array([LON, LON, LON, LON + 460 * METRE[0]])
    road = Zone("公路", [Point(LON, LAT)], distance_m=500.5)
    found = exclude_candidates(lon, lat, zones=[road])
    assert found.allowed.tolist() == [False, False, True, False]
    assert found.distance_m[0, 1] == pytest.approx(500, abs=0.2)
    assert np.isinf(found.distance_m[0, 2])
    assert found.reason.tolist() == ["公路", "公路", "", "公路"]


def test_zones_that_are_needed_and_several_reasons() -> None:
    lon, lat = np.array([113.05, 113.2]), np.array([31.05, 31.05])
    zones = [
        Zone("建设用地", [box(113.0, 31.0, 113.1, 31.1)], needed=True),
        Zone("铁路", [LineString([(113.2, 30.0), (113.2, 32.0)])], distance_m=100.0),
        Zone("空", [], distance_m=5.0),
    ]
    found = exclude_candidates(lon, lat, zones=zones)
    assert found.allowed.tolist() == [True, False]
    assert found.reason.tolist() == ["", "不在“建设用地”内、铁路"]
    assert exclude_candidates(lon, lat, zones=[]).allowed.all()
    for bad in (-1.0, np.nan):
        with pytest.raises(InputError, match="距离"):
            exclude_candidates(lon, lat, zones=[Zone("河", [], distance_m=bad)])
    with pytest.raises(InputError, match="经纬度"):
        exclude_candidates(np.array([np.nan]), lat[:1], zones=[])
    empty = Zone("空形", [Point()], distance_m=5.0)
    assert exclude_candidates(lon, lat, zones=[empty]).allowed.all()


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_start_and_plan_equal_the_engine(seed: int) -> None:
    """Existing facilities and a plan on a road network, valued by both sides."""
    random = np.random.default_rng(seed)
    graph = random_network(random, n_node=20, n_edge=40)
    usable = usable_edges(graph, 0.0)

    def points(n: int) -> tuple[np.ndarray, np.ndarray]:
        place = np.array([LON, LAT]) + random.uniform(0, 900, (n, 2)) * METRE
        return place[:, 0], place[:, 1]

    demand, old, new = (
        snap_points(graph, *points(n), usable=usable, max_snap_m=500.0)
        for n in (60, 2, 15)
    )
    people = random_people(random, 60)
    speed = {"leg_speed_mps": LEG_MPS}
    standing = nearest_facility(graph, demand, old, max_time_s=7200.0, **speed)
    near = reach(graph, demand, new, limit_s=300.0, **speed)
    existing = reach(graph, demand, old, limit_s=300.0, **speed)
    problem = SitingProblem(
        cover_matrix(near, limit_s=240.0), people, start_cover(existing, limit_s=240.0)
    )
    found = maximum_cover(problem, n_sites=3)
    verify_start(found, people, standing.time_s, limit_s=240.0)
    time_s = plan_time_s(near, found.chosen, start_time_s=standing.time_s)
    split = verify_plan(found, people, time_s, limit_s=240.0)
    assert float(np.nansum(split.covered)) == found.objective
    together = nearest_facility(
        graph,
        demand,
        snap_join(old, new.take(found.chosen)),
        max_time_s=7200.0,
        **speed,
    )
    verify_plan(found, people, together.time_s, limit_s=240.0)
    if found.objective > found.start_people:
        with pytest.raises(PlanMismatchError, match="不一致"):
            verify_plan(found, people, standing.time_s, limit_s=240.0)


def snap_join(first: object, second: object) -> object:
    """Return two lists of snapped points as one."""
    return type(first)(
        *(
            np.concatenate([getattr(first, name), getattr(second, name)])
            for name in ("edge", "along_m", "leg_m", "lon", "lat")
        )
    )


def test_a_longer_limit_than_the_table_is_refused() -> None:
    short = reach_of(np.array([[60.0]]), 900.0)
    with pytest.raises(InputError, match="时限"):
        cover_matrix(short, limit_s=901.0)
    assert isinstance(short, Reach)


def test_results_do_not_depend_on_the_order_of_rows() -> None:
    random = np.random.default_rng(8)
    problem, table = random_cover(random, n_demand=5, n_candidate=5)
    values = {
        maximum_cover(
            SitingProblem(
                matrix_of(table[:, list(order)]), problem.people[list(order)]
            ),
            n_sites=2,
        ).objective
        for order in permutations(range(5))
    }
    assert len(values) == 1
