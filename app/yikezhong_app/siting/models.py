"""The model that a request asks for, run on its problem."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from yikezhong_app.progress import ProgressCall
from yikezhong_app.siting.candidates import Candidates
from yikezhong_app.siting.ground import Ground
from yikezhong_app.siting.problem import Part, existing_of, places_of
from yikezhong_app.siting.request import SitingRequest
from yikezhong_app.siting.target import TargetCase, action_problem, better_sites
from yikezhong_coverage.records import BoolArray, FloatArray, IntArray
from yikezhong_coverage.siting import (
    BuildingOrder,
    CapacitatedResult,
    CoverMatrix,
    DistanceProblem,
    FairResult,
    NoCandidateError,
    PlanMismatchError,
    SitingProblem,
    SitingResult,
    UnservedDemandError,
    areas_met,
    building_order,
    capacitated_cover,
    capacity_order,
    cheapest_actions,
    maximum_cover,
    minimum_sites,
    p_center,
    p_median,
    time_table,
    worst_first_cover,
)

#: Time within which everybody counts for the p-median and the p-centre [s].
_FAR_S = 86_400.0
#: Part of the time limit that is kept for the order of building.
_ORDER_SHARE = 0.2
#: Places that are named in an error.
_MOST_NAMED = 8
#: Sites up to which the order of building is proven.
_MOST_ORDERED = 30


@dataclass(frozen=True, eq=False)
class Solved:
    """What a model found.

    Parameters
    ----------
    result : SitingResult
        With its people counted; those of several services by their weights.
    fair : FairResult or None
        Rates of the townships, for ``worst_first``.
    assignment : CapacitatedResult or None
        Who goes where, for a service with capacity.
    """

    result: SitingResult
    fair: FairResult | None = None
    assignment: CapacitatedResult | None = None


@dataclass(frozen=True, eq=False)
class Work:
    """One request on its way through the models.

    Parameters
    ----------
    request : SitingRequest
    parts : tuple of Part
    candidates : Candidates
    problem : SitingProblem
    target : TargetCase or None
    started : float
        Reading of the monotonic clock when the request began [s].
    """

    request: SitingRequest
    parts: tuple[Part, ...]
    candidates: Candidates
    problem: SitingProblem
    target: TargetCase | None
    started: float

    @property
    def ground(self) -> Ground:
        """The ground of the first service."""
        return self.parts[0].ground

    @property
    def left_s(self) -> float:
        """Time left of the request's [s]; never none at all."""
        spent = time.monotonic() - self.started
        return max(1.0, self.request.time_limit_s - spent)

    def solve(self) -> Solved:
        """Return the plan, with its people counted."""
        try:
            return self._solved(self.left_s * (1 - _ORDER_SHARE))
        except UnservedDemandError as error:
            names = self._places(error.demand)
            raise UnservedDemandError(
                f"{error.message}（{names}）", demand=error.demand, hint=error.hint
            ) from error

    def _places(self, at: IntArray) -> str:
        """Return the names of the areas, or of the townships of demand, the most first."""
        if self.target is not None:
            table = self.ground.snapshot.table("divisions").set_index("code")["name"]
            codes = [self.target.open_codes[i] for i in at]
            names = [str(table.get(code, code)) for code in codes]
        else:
            n_demand = len(self.ground.people)
            people = np.nan_to_num(self.ground.people[at % n_demand])
            own = self.ground.township[at % n_demand]
            sums = np.bincount(own[own >= 0], weights=people[own >= 0])
            ranked = np.argsort(-sums, kind="stable")[: int((sums > 0).sum())]
            towns = self.ground.townships["name"]
            names = [f"{towns[i]} {sums[i]:.0f} 人" for i in ranked]
        more = f"等 {len(names)} 处" if len(names) > _MOST_NAMED else ""
        return "、".join(names[:_MOST_NAMED]) + more

    def _solved(self, limit_s: float) -> Solved:
        """Return the plan of the model that was asked for."""
        request = self.request
        if self.target is not None:
            return Solved(self._meet(self.target, limit_s))
        if request.goal == "max_people":
            return self._most_people(limit_s)
        if request.goal == "min_sites":
            share = 1 if request.share is None else request.share
            return Solved(
                minimum_sites(self.problem, share=share, time_limit_s=limit_s)
            )
        return Solved(self._counted(self._nearest(limit_s)))

    def _most_people(self, limit_s: float) -> Solved:
        """Solve for most people: as they are, by places, or the worst off first."""
        request, ground = self.request, self.ground
        if ground.service.capacity is not None:
            assignment = capacitated_cover(
                self.problem,
                places_of(ground, self.candidates),
                existing=existing_of(ground),
                n_sites=request.n,
                budget=request.budget,
                time_limit_s=limit_s,
            )
            return Solved(assignment.plan, assignment=assignment)
        if request.worst_first:
            fair = worst_first_cover(
                self.problem,
                n_sites=request.n,
                budget=request.budget,
                time_limit_s=limit_s,
            )
            return Solved(fair.plan, fair=fair)
        return Solved(
            maximum_cover(
                self.problem,
                n_sites=request.n,
                budget=request.budget,
                least_share=request.least_share,
                time_limit_s=limit_s,
            )
        )

    def _nearest(self, limit_s: float) -> SitingResult:
        """Solve for the p-median or the p-centre of those who can get anywhere."""
        ground, request = self.ground, self.request
        table = time_table(ground.reach(self.candidates.snapped, limit_s=_FAR_S))
        start_s = ground.time_with(
            self.candidates.snapped.take(np.empty(0, dtype=np.int64)), within_s=_FAR_S
        )
        allowed = table[self.candidates.allowed]
        there = np.isfinite(np.minimum(allowed.min(axis=0), start_s))
        if not (ground.people[there] > 0).any():
            raise NoCandidateError(
                "任何候选点都没有人能到达", hint="请换一种候选点来源"
            )
        problem = DistanceProblem(
            table,
            np.where(there, ground.people, np.nan),
            start_time_s=start_s,
            forced=self.problem.forced,
            forbidden=self.problem.forbidden,
        )
        model = p_median if request.goal == "p_median" else p_center
        found = model(problem, n_sites=request.n or 1, time_limit_s=limit_s)
        if self.problem.cost is None:
            return found
        return replace(found, cost=float(self.problem.cost[found.chosen].sum()))

    def _meet(self, case: TargetCase, limit_s: float) -> SitingResult:
        """Solve for a share of areas, then take the sites that gain most people."""
        actions = action_problem(
            case,
            self.candidates,
            cost=self.problem.cost,
            forced=self.problem.forced,
            forbidden=self.problem.forbidden,
        )
        found = cheapest_actions(actions, time_limit_s=limit_s)
        covers = self.problem.covers
        owner = np.repeat(np.arange(covers.n_candidate), np.diff(covers.start))
        new = np.where(
            self.ground.start_time_s <= self.ground.limit_s,
            0.0,
            np.nan_to_num(self.ground.people),
        )
        gain: FloatArray = np.bincount(
            owner, weights=new[covers.demand], minlength=covers.n_candidate
        ).astype(np.float64)
        chosen = better_sites(actions, found, gain=gain)
        _, _, met = areas_met(actions, chosen)
        if int(met.sum()) < case.wanted:
            raise PlanMismatchError("复核时达标的区域数不足")
        return self._counted(replace(found, chosen=chosen))

    def _counted(self, result: SitingResult) -> SitingResult:
        """Add the people covered by the plan within the service's limit."""
        people = self.ground.people
        start: BoolArray = self.ground.start_time_s <= self.ground.limit_s
        after: BoolArray = start | self.problem.covers.covered_by(result.chosen)
        return replace(
            result,
            start_people=float(np.nansum(people[start])),
            covered_people=float(np.nansum(people[after])),
            total_people=float(np.nansum(people)),
        )

    def order(self, solved: Solved, *, progress: ProgressCall) -> BuildingOrder | None:
        """Return the order of building: by the years asked for, else one by one."""
        result, request = solved.result, self.request
        n_site = len(result.chosen)
        if n_site == 0:
            return None
        progress("建设次序", 0.0)
        years = request.sites_per_year
        if years is None and request.budget_per_year is None:
            years = (1,) * n_site
        provable = n_site <= _MOST_ORDERED
        if solved.assignment is not None:
            order = capacity_order(
                self.problem,
                result.chosen,
                places_of(self.ground, self.candidates),
                existing=existing_of(self.ground),
                sites_per_year=years,
                budget_per_year=request.budget_per_year,
            )
        else:
            order = building_order(
                self.problem,
                result.chosen,
                sites_per_year=years,
                budget_per_year=request.budget_per_year,
                time_limit_s=self.left_s if provable else 0.001,
            )
        if order.covered_people[-1] != result.covered_people:
            raise PlanMismatchError("建设次序的覆盖人数与方案不一致")
        return order

    def first_covers(self) -> CoverMatrix:
        """Return which candidate covers which demand of the first service."""
        covers, n_demand = self.problem.covers, len(self.ground.people)
        if covers.n_demand == n_demand:
            return covers
        owner = np.repeat(np.arange(covers.n_candidate), np.diff(covers.start))
        keep = covers.demand < n_demand
        start = np.zeros(covers.n_candidate + 1, dtype=np.int64)
        np.cumsum(np.bincount(owner[keep], minlength=covers.n_candidate), out=start[1:])
        return CoverMatrix(start, covers.demand[keep], n_demand)
