"""A plan is valued again by the coverage engine, and both must agree.

The siting models count people in their own way; what is shown to a planner is what
:mod:`yikezhong_coverage.supply` says of the same facilities. Equal to the last quantum,
or an error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.exact import PEOPLE_QUANTUM
from yikezhong_coverage.records import FloatArray, Reach
from yikezhong_coverage.siting.capacity import CapacitatedResult
from yikezhong_coverage.siting.errors import PlanMismatchError
from yikezhong_coverage.siting.records import SitingResult
from yikezhong_coverage.supply import Split, fill, quanta_of, split_by_time


@dataclass(frozen=True, eq=False)
class CapacityCheck:
    """A capacitated plan beside the engine's nearest-first rule.

    Parameters
    ----------
    assigned_people : float
        People with a place in the plan's assignment, checked feasible [persons].
    nearest_first : Split
        What the engine's rule makes of the same facilities.
    nearest_first_people : float
        People covered by that rule [persons]; never more than ``assigned_people``
        where the plan is proven best for its sites.
    """

    assigned_people: float
    nearest_first: Split
    nearest_first_people: float


def verify_plan(
    result: SitingResult, people: FloatArray, time_s: FloatArray, *, limit_s: float
) -> Split:
    """Return the engine's split for a plan; it must equal the plan's own figure.

    Parameters
    ----------
    result : SitingResult
        Of a model that counts people without capacity.
    people : ndarray of float64, shape (n_demand,)
        People at each point [persons]; ``nan`` is unknown.
    time_s : ndarray of float64, shape (n_demand,)
        Time to the nearest of existing facilities *and* the plan's sites, from
        :func:`yikezhong_coverage.travel.nearest_facility` or
        :func:`.matrix.plan_time_s` [s].
    limit_s : float
        Largest accepted time [s], inclusive.

    Raises
    ------
    PlanMismatchError
        If the figures differ by any quantum.
    """
    split = split_by_time(people, time_s, limit_s=limit_s)
    _compare("方案覆盖人数", result.covered_people, _sum(split.covered))
    return split


def verify_start(
    result: SitingResult, people: FloatArray, time_s: FloatArray, *, limit_s: float
) -> Split:
    """Return the engine's split of what stands; it must equal the plan's start.

    ``time_s`` is the time to the nearest existing facility; see :func:`verify_plan`.
    """
    split = split_by_time(people, time_s, limit_s=limit_s)
    _compare("现状覆盖人数", result.start_people, _sum(split.covered))
    return split


def verify_capacity(
    result: CapacitatedResult,
    people: FloatArray,
    *,
    reach: Reach,
    capacity_people: FloatArray,
) -> CapacityCheck:
    """Check an assignment in whole quanta, and set the nearest-first figure beside it.

    Parameters
    ----------
    result : CapacitatedResult
    people : ndarray of float64, shape (n_demand,)
    reach : Reach
        Of existing facilities and then all candidates, in the order of the result.
    capacity_people : ndarray of float64, shape (n_existing + n_candidate,)

    Raises
    ------
    PlanMismatchError
        If a pair is not within reach, a facility is not in the plan, a facility or
        demand is overfilled, or the sum is not the plan's.
    """
    n_facility = reach.n_facility
    if len(capacity_people) != n_facility or len(people) != reach.n_demand:
        raise InputError("人口或容量的个数与可达关系表不符")
    is_open = np.zeros(n_facility, dtype=np.bool_)
    is_open[: result.n_existing] = True
    is_open[result.n_existing + result.plan.chosen] = True
    demand, facility = result.pair_demand, result.pair_facility
    owner = np.repeat(np.arange(n_facility), np.diff(reach.start))
    keep = is_open[owner]
    known = owner[keep].astype(np.int64) * reach.n_demand + reach.demand[keep]
    pairs = facility.astype(np.int64) * reach.n_demand + demand
    if not is_open[facility].all() or not np.isin(pairs, known).all():
        raise PlanMismatchError("方案把人安排到了不可达或未选中的设施")
    served = quanta_of(result.pair_people, name="pair_people")
    by_demand = np.bincount(demand, weights=served, minlength=len(people))
    load = np.bincount(facility, weights=served, minlength=n_facility)
    places = np.where(np.isnan(capacity_people), 0.0, capacity_people)
    if (by_demand > quanta_of(people, name="people")).any() or (
        load * PEOPLE_QUANTUM > places
    ).any():
        raise PlanMismatchError("方案的安排超出了人数或容量")
    assigned = _sum(result.pair_people)
    _compare("方案服务人数", result.plan.objective, assigned)
    capacity = np.where(is_open, capacity_people, 0.0)
    nearest = fill(_open_part(reach, is_open), people, capacity)
    return CapacityCheck(assigned, nearest.split, _sum(nearest.split.covered))


def _open_part(reach: Reach, is_open: np.ndarray) -> Reach:
    """Return the pairs of open facilities: a closed one reaches nobody."""
    counts = np.diff(reach.start)
    keep = np.repeat(is_open, counts)
    start = np.concatenate([[0], np.cumsum(np.where(is_open, counts, 0))])
    return Reach(
        start.astype(np.int64),
        reach.demand[keep],
        reach.time_s[keep],
        reach.n_demand,
        reach.limit_s,
    )


def _sum(people: FloatArray) -> float:
    """Return the sum of known people; multiples of 2⁻²⁰ add up exactly."""
    return float(np.nansum(people))


def _compare(what: str, of_plan: float, of_engine: float) -> None:
    if of_plan != of_engine:
        raise PlanMismatchError(
            f"{what}不一致：选址模型为 {of_plan!r}，覆盖引擎为 {of_engine!r}",
            hint="请确认两者使用同一时限、路网与人口",
        )
