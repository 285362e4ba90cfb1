"""A siting request computed: problem, exact model, and the coverage engine's check."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from yikezhong_app.commands.console import ProgressCall, part
from yikezhong_app.siting.candidates import Candidates, find_candidates
from yikezhong_app.siting.ground import Ground, open_ground
from yikezhong_app.siting.request import SitingRequest
from yikezhong_app.siting.target import (
    TargetCase,
    action_problem,
    better_sites,
    find_target,
)
from yikezhong_app.snapshots.snapshot import Snapshot
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.records import BoolArray, FloatArray, IntArray
from yikezhong_coverage.siting import (
    BuildingOrder,
    CoverMatrix,
    DistanceProblem,
    NoCandidateError,
    PlanMismatchError,
    SitingProblem,
    SitingResult,
    UnservedDemandError,
    areas_met,
    building_order,
    cheapest_actions,
    cover_matrix,
    maximum_cover,
    minimum_sites,
    p_center,
    p_median,
    time_table,
    verify_plan,
    verify_start,
)
from yikezhong_coverage.supply import split_by_time

#: Time within which everybody counts for the p-median and the p-centre [s].
_FAR_S = 86_400.0
#: Part of the time limit that is kept for the order of building.
_ORDER_SHARE = 0.2
#: Places that are named in an error.
_MOST_NAMED = 8
#: Sites up to which the order of building is proven.
_MOST_ORDERED = 30


@dataclass(frozen=True, eq=False)
class Siting:
    """A plan, everything it was made from, and its check.

    Parameters
    ----------
    request : SitingRequest
    ground : Ground
    candidates : Candidates
    covers : CoverMatrix
        Which candidate reaches which demand within the limit.
    result : SitingResult
    time_s : ndarray of float64, shape (n_demand,)
        The engine's time with the plan built [s].
    order : BuildingOrder or None
        None where there is nothing to build.
    target : TargetCase or None
    seconds : float
        Time it took [s].
    """

    request: SitingRequest
    ground: Ground
    candidates: Candidates
    covers: CoverMatrix
    result: SitingResult
    time_s: FloatArray
    order: BuildingOrder | None
    target: TargetCase | None
    seconds: float


def solve_siting(
    out_dir: Path, snapshot: Snapshot, request: SitingRequest, *, progress: ProgressCall
) -> Siting:
    """Compute a plan and value it again with the coverage engine.

    Raises
    ------
    ParameterError, InfeasibleError, InputError
        If the request cannot be meant or met.
    PlanMismatchError
        If model and engine disagree; the plan is then not returned.
    """
    started = time.monotonic()
    progress("读取成果", 0.0)
    target = None
    if request.goal == "target" and request.indicator is not None:
        target = find_target(
            snapshot, request.indicator, area=request.area, share=request.share
        )
    ground = open_ground(
        out_dir,
        snapshot.version,
        service=request.service or _service_of(snapshot, target),
        minutes=request.minutes,
        group=request.group,
    )
    progress("准备候选点", 0.15)
    candidates = find_candidates(
        ground, request, inside=target.open_codes if target else ()
    )
    progress("计算候选点的服务范围", 0.3)
    problem = _problem_of(ground, candidates, request)
    progress("求解", 0.45)
    work = _Work(request, ground, candidates, problem, target, started)
    result = work.solve()
    progress("覆盖引擎复核", 0.85)
    time_s = _check(request, ground, candidates, result)
    order = work.order(result, progress=part(progress, 0.9, 0.98))
    progress("完成", 1.0)
    return Siting(
        request=request,
        ground=ground,
        candidates=candidates,
        covers=problem.covers,
        result=result,
        time_s=time_s,
        order=order,
        target=target,
        seconds=time.monotonic() - started,
    )


def _problem_of(
    ground: Ground, candidates: Candidates, request: SitingRequest
) -> SitingProblem:
    """Return the problem of cover: candidates, demand, what stands, what is decided."""
    forced = candidates.mask(request.forced, parameter="forced")
    banned = candidates.mask(request.forbidden, parameter="forbidden")
    unusable = np.flatnonzero(forced & ~candidates.allowed)
    if len(unusable):
        name, why = candidates.table["name"], candidates.reason
        raise ParameterError(
            f"必选的候选点“{name.iloc[unusable[0]]}”不可用：{why[unusable[0]]}",
            parameter="forced",
        )
    cost = request.site_cost
    return SitingProblem(
        cover_matrix(ground.reach(candidates.snapped)),
        ground.people,
        start_covered=ground.start_time_s <= ground.limit_s,
        cost=None if cost is None else np.full(len(candidates), cost),
        forced=forced,
        forbidden=banned | ~candidates.allowed,
        group=ground.township,
    )


@dataclass(frozen=True, eq=False)
class _Work:
    """One request on its way through the models."""

    request: SitingRequest
    ground: Ground
    candidates: Candidates
    problem: SitingProblem
    target: TargetCase | None
    started: float

    @property
    def left_s(self) -> float:
        """Time left of the request's [s]; never none at all."""
        spent = time.monotonic() - self.started
        return max(1.0, self.request.time_limit_s - spent)

    def solve(self) -> SitingResult:
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
            people = np.nan_to_num(self.ground.people[at])
            own = self.ground.township[at]
            sums = np.bincount(own[own >= 0], weights=people[own >= 0])
            ranked = np.argsort(-sums, kind="stable")[: int((sums > 0).sum())]
            towns = self.ground.townships["name"]
            names = [f"{towns[i]} {sums[i]:.0f} 人" for i in ranked]
        more = f"等 {len(names)} 处" if len(names) > _MOST_NAMED else ""
        return "、".join(names[:_MOST_NAMED]) + more

    def _solved(self, limit_s: float) -> SitingResult:
        """Return the plan of the model that was asked for."""
        request = self.request
        if self.target is not None:
            return self._meet(self.target, limit_s)
        if request.goal == "max_people":
            return maximum_cover(
                self.problem,
                n_sites=request.n,
                budget=request.budget,
                least_share=request.least_share,
                time_limit_s=limit_s,
            )
        if request.goal == "min_sites":
            return minimum_sites(
                self.problem,
                share=1 if request.share is None else request.share,
                time_limit_s=limit_s,
            )
        return self._counted(self._nearest(limit_s))

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
        return model(problem, n_sites=request.n or 1, time_limit_s=limit_s)

    def _meet(self, case: TargetCase, limit_s: float) -> SitingResult:
        """Solve for a share of areas, then take the sites that gain most people."""
        actions = action_problem(
            case,
            self.candidates,
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

    def order(
        self, result: SitingResult, *, progress: ProgressCall
    ) -> BuildingOrder | None:
        """Return the order of building: by the years asked for, else one by one."""
        n_site = len(result.chosen)
        if n_site == 0:
            return None
        progress("建设次序", 0.0)
        years = self.request.sites_per_year or [1] * n_site
        provable = n_site <= _MOST_ORDERED
        order = building_order(
            replace(self.problem, cost=None),
            result.chosen,
            sites_per_year=years,
            time_limit_s=self.left_s if provable else 0.001,
        )
        if order.covered_people[-1] != result.covered_people:
            raise PlanMismatchError("建设次序的覆盖人数与方案不一致")
        return order


def _service_of(snapshot: Snapshot, target: TargetCase | None) -> str:
    """Return the first service of the categories that a target asks to build."""
    wanted = set(target.categories) if target else set()
    for service in snapshot.manifest["services"]:
        if wanted & set(service["categories"]) and not service["functions"]:
            return str(service["id"])
    raise ParameterError(
        "没有服务含有要建的设施类别，请写 service", parameter="service"
    )


def _check(
    request: SitingRequest, ground: Ground, candidates: Candidates, result: SitingResult
) -> FloatArray:
    """Return the engine's times with the plan built; its counts must be the plan's."""
    limit_s = ground.limit_s
    if request.n is not None and len(result.chosen) > request.n:
        raise PlanMismatchError("方案的设施个数超过了要求")
    if request.budget is not None and result.cost > request.budget:
        raise PlanMismatchError("方案的费用超过了预算")
    if not candidates.allowed[result.chosen].all():
        raise PlanMismatchError("方案含有不可用的候选点")
    verify_start(result, ground.people, ground.start_time_s, limit_s=limit_s)
    time_s = ground.time_with(candidates.snapped.take(result.chosen))
    split = verify_plan(result, ground.people, time_s, limit_s=limit_s)
    start = split_by_time(ground.people, ground.start_time_s, limit_s=limit_s)
    if (start.covered > split.covered).any():
        raise PlanMismatchError("新增设施后有需求点的覆盖反而减少")
    if result.model == "maximum_cover" and result.objective != result.covered_people:
        raise PlanMismatchError("目标值与覆盖人数不一致")
    return time_s
