"""Most people served where facilities can be full: sites and who goes where.

Places are assigned by the plan (people are divisible and go wherever there is room
within the limit), so the model can serve more than the nearest-first rule of
:func:`yikezhong_coverage.supply.fill`. HiGHS chooses the sites; who goes where is then
a maximum flow in whole quanta, feasible exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.exact import PEOPLE_QUANTUM
from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, IntArray
from yikezhong_coverage.siting.assignment import (
    Existing,
    Network,
    build_network,
    core_without_limits,
    greedy_places,
    most_places,
)
from yikezhong_coverage.siting.cover import best_cover
from yikezhong_coverage.siting.exactness import (
    COST_PARTS,
    grid_of,
    open_ledger,
    people_of,
    settle_upper,
    spending_limit,
)
from yikezhong_coverage.siting.records import SitingProblem, SitingResult, Stop
from yikezhong_coverage.siting.solver import Deadline, make_deadline, minimise

#: Pairs of demand and facility above which only the greedy plan and its bound are
#: computed: the whole-number program would not fit into memory.
MOST_PAIRS = 2_000_000


@dataclass(frozen=True, eq=False)
class CapacitatedResult:
    """A plan with its assignment.

    Parameters
    ----------
    plan : SitingResult
        ``objective`` is the people served by what stands and the plan [persons];
        ``start_people`` the most that what stands can serve.
    pair_demand : ndarray of int32, shape (n_pair,)
    pair_facility : ndarray of int32, shape (n_pair,)
        Existing facilities first, then candidates (their index + ``n_existing``).
    pair_people : ndarray of float64, shape (n_pair,)
        People of the pair [persons], positive multiples of 2⁻²⁰.
    n_existing : int
    """

    plan: SitingResult
    pair_demand: IndexArray
    pair_facility: IndexArray
    pair_people: FloatArray
    n_existing: int


def capacitated_cover(
    problem: SitingProblem,
    capacity_people: FloatArray,
    *,
    existing: Existing | None = None,
    n_sites: int | None = None,
    budget: float | None = None,
    time_limit_s: float | None = None,
    stop: Stop | None = None,
) -> CapacitatedResult:
    """Return the sites with which most people find a place.

    Parameters
    ----------
    problem : SitingProblem
        Without ``start_covered``: what stands is given with its places.
    capacity_people : ndarray of float64, shape (n_candidate,)
        People that each candidate can serve, non-negative; ``inf`` is without limit.
    existing : Existing, optional
    n_sites, budget : int, float, optional
        One of them, as for :func:`.cover.maximum_cover`.
    time_limit_s, stop : optional
        As for :func:`.cover.maximum_cover`.

    Raises
    ------
    CapacityError
        If a capacity is negative, or that of a candidate is not known.

    Examples
    --------
    >>> from yikezhong_coverage.siting.matrix import matrix_of
    >>> problem = SitingProblem(matrix_of(np.ones((2, 2), bool)), np.array([3.0, 3.0]))
    >>> found = capacitated_cover(problem, np.array([2.0, 4.0]), n_sites=1)
    >>> found.plan.chosen.tolist(), found.plan.objective, found.plan.proven
    ([1], 4.0, True)
    """
    deadline = make_deadline(time_limit_s, stop)
    if problem.start_covered is not None:
        raise InputError("有容量的选址请以 existing 给出现有设施及其容量")
    ledger = open_ledger(problem)
    use, limit = spending_limit(ledger, n_sites=n_sites, budget=budget)
    network = build_network(problem, ledger, capacity_people, existing)
    n_old = network.n_existing
    is_open = np.concatenate([np.ones(n_old, dtype=np.bool_), ledger.forced])
    start = network.value(is_open & (np.arange(len(is_open)) < n_old))

    free = ledger.free & (use <= limit)
    chosen, bound = _first_plan(network, is_open, free, use, limit, deadline)
    value, tolerance = network.value(chosen), 0
    if value < bound and network.n_pair <= MOST_PAIRS and not deadline.over:
        outcome = _solve(network, is_open, free, use, limit, deadline)
        if outcome[0] is not None and network.value(outcome[0]) > value:
            chosen, value = outcome[0], network.value(outcome[0])
        if np.isfinite(outcome[1]):
            settled, tolerance = settle_upper(
                outcome[1],
                value,
                grid=grid_of(np.append(network.supply, network.places)),
                unit=network.unit,
            )
            bound = min(bound, settled)
    bound = max(bound, value)
    chosen = _without_idle(network, chosen, is_open)
    sites = np.flatnonzero(chosen[n_old:])
    plan = SitingResult(
        model="capacitated_cover",
        chosen=sites,
        objective=people_of(value),
        bound=people_of(bound),
        status="optimal" if value == bound else deadline.reason,
        tolerance=people_of(tolerance),
        start_people=people_of(start),
        covered_people=people_of(value),
        total_people=people_of(ledger.total),
        cost=int(ledger.cost[sites].sum()) / COST_PARTS,
    )
    return _with_pairs(plan, network, chosen)


def _first_plan(
    network: Network,
    is_open: BoolArray,
    free: BoolArray,
    use: IntArray,
    limit: int,
    deadline: Deadline,
) -> tuple[BoolArray, int]:
    """Return the better of two greedy plans, and a bound that needs no solver.

    More is never served than by what is forced with all places that the limit can
    buy, nor than if nothing were ever full.
    """
    chosen = greedy_places(network, is_open, free, use, limit)
    bound = min(
        int(network.supply.sum()),
        network.value(is_open) + most_places(network, free, use, limit),
    )
    if network.n_pair > MOST_PAIRS or network.value(chosen) == bound:
        return chosen, bound
    core, before = core_without_limits(network, is_open, free, use)
    plan = best_cover(core, limit, deadline.within(0.3 * min(deadline.left_s, 60.0)))[1]
    other = is_open.copy()
    other[network.n_existing + plan.candidates] = True
    bound = min(bound, before + plan.bound)
    return max(chosen, other, key=network.value), bound


def _without_idle(network: Network, chosen: BoolArray, is_open: BoolArray) -> BoolArray:
    """Drop sites that serve nobody and need not be open."""
    load = np.zeros(len(chosen), dtype=np.int64)
    np.add.at(load, network.facility, network.flow(chosen))
    kept: BoolArray = is_open | (chosen & (load > 0))
    return kept


def _solve(
    network: Network,
    is_open: BoolArray,
    free: BoolArray,
    use: IntArray,
    limit: int,
    deadline: Deadline,
) -> tuple[BoolArray | None, float]:
    """Return the facilities HiGHS opens, and its upper bound [units]."""
    n_facility = len(is_open)
    may_open = is_open.copy()
    may_open[network.n_existing :] |= free
    model = _assignment_model(network, may_open)
    n_pair = len(model[1])
    open_use = np.concatenate([np.zeros(network.n_existing), np.where(free, use, 0)])
    scale = float(open_use.max(initial=1.0)) or 1.0
    grid = grid_of(use)
    from scipy.sparse import csr_array, vstack

    row = csr_array(np.concatenate([open_use / scale, np.zeros(n_pair)])[None, :])
    table = vstack([model[0], row]).tocsr()
    upper = np.append(model[2], (limit // grid * grid + grid / 2) / scale)
    lower_bound = np.concatenate([is_open.astype(np.float64), np.zeros(n_pair)])
    for _ in range(100):
        found = minimise(
            np.concatenate([np.zeros(n_facility), -np.ones(n_pair)]),
            table,
            lower=np.full(len(upper), -np.inf),
            upper=upper,
            integral=np.concatenate([np.ones(n_facility), np.zeros(n_pair)]),
            at_most=np.concatenate([may_open.astype(np.float64), model[1]]),
            at_least=lower_bound,
            deadline=deadline,
        )
        if found.x is None:
            return None, -found.bound
        chosen = found.x[:n_facility] > 0.5
        if int(open_use[chosen].sum()) <= limit:
            return chosen, -found.bound
        above = chosen & (open_use > 0)
        cut = np.concatenate([above.astype(np.float64), np.zeros(n_pair)])
        table = vstack([table, csr_array(cut[None, :])]).tocsr()
        upper = np.append(upper, float(above.sum()) - 1)
    return None, -found.bound


def _assignment_model(
    network: Network, may_open: BoolArray
) -> tuple[Any, FloatArray, FloatArray]:
    """Return rows over facilities and merged pairs, the pairs' limits, and sides.

    Demand that the same facilities reach is taken together: people are divisible, so
    nothing is lost.
    """
    from scipy.sparse import csr_array

    groups: dict[bytes, int] = {}
    supply: list[int] = []
    members: list[IntArray] = []
    for d in range(len(network.supply)):
        near = network.facility[network.start[d] : network.start[d + 1]]
        near = near[may_open[near]]
        if len(near) == 0 or network.supply[d] == 0:
            continue
        key = near.tobytes()
        if key not in groups:
            groups[key] = len(supply)
            supply.append(0)
            members.append(near.astype(np.int64))
        supply[groups[key]] += int(network.supply[d])
    n_facility, n_row = len(may_open), len(supply)
    facility = np.concatenate([np.empty(0, dtype=np.int64), *members])
    row = np.repeat(np.arange(n_row), [len(m) for m in members])
    people = np.array(supply, dtype=np.float64) / network.unit
    places = network.places / network.unit
    n_pair = len(facility)
    most = np.minimum(people[row], places[facility])
    pair = n_facility + np.arange(n_pair)
    # demand rows, facility rows, and pair <= most * open
    rows = [row, n_row + facility, n_row + np.arange(n_facility)]
    columns = [pair, pair, np.arange(n_facility)]
    values = [np.ones(n_pair), np.ones(n_pair), -places]
    first = n_row + n_facility
    rows += [first + np.arange(n_pair), first + np.arange(n_pair)]
    columns += [pair, facility]
    values += [np.ones(n_pair), -most]
    table = csr_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
        shape=(first + n_pair, n_facility + n_pair),
    )
    sides = np.concatenate([people, np.zeros(n_facility + n_pair)])
    return table, most, sides


def _with_pairs(
    plan: SitingResult, network: Network, chosen: BoolArray
) -> CapacitatedResult:
    flow = network.flow(chosen)
    demand = np.repeat(np.arange(len(network.supply)), np.diff(network.start))
    taken = flow > 0
    return CapacitatedResult(
        plan,
        demand[taken].astype(np.int32),
        network.facility[taken],
        flow[taken].astype(np.float64) * PEOPLE_QUANTUM,
        network.n_existing,
    )
