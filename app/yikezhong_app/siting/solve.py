"""A siting request computed: problem, exact model, and the coverage engine's check."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yikezhong_app.progress import ProgressCall, part
from yikezhong_app.siting.candidates import Candidates, find_candidates
from yikezhong_app.siting.ground import Ground
from yikezhong_app.siting.models import Solved, Work
from yikezhong_app.siting.problem import (
    Part,
    make_problem,
    open_parts,
    places_of,
)
from yikezhong_app.siting.request import SitingRequest
from yikezhong_app.siting.target import (
    TargetCase,
    find_target,
    lacking_facilities,
    without_idle_reach,
)
from yikezhong_app.snapshots.snapshot import Snapshot
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.records import FloatArray, Reach
from yikezhong_coverage.siting import (
    BuildingOrder,
    CapacityCheck,
    CoverMatrix,
    FairResult,
    PlanMismatchError,
    SitingResult,
    verify_capacity,
    verify_plan,
    verify_start,
)
from yikezhong_coverage.supply import Split, split_by_time


@dataclass(frozen=True, eq=False)
class Outcome:
    """One service with the plan built, as the coverage engine sees it.

    Parameters
    ----------
    ground : Ground
    weight : int
        What one person covered counts.
    time_s : ndarray of float64, shape (n_demand,)
        Time to the nearest facility, the plan's included [s].
    before, after : Split
        By the rule of the run's own table: nearest first where places are limited.
    """

    ground: Ground
    weight: int
    time_s: FloatArray
    before: Split
    after: Split


@dataclass(frozen=True, eq=False)
class Siting:
    """A plan, everything it was made from, and its check.

    Parameters
    ----------
    request : SitingRequest
    outcomes : tuple of Outcome
        Of every service, the first one first.
    candidates : Candidates
    covers : CoverMatrix
        Which candidate reaches which demand within the first service's limit.
    result : SitingResult
    order : BuildingOrder or None
        None where there is nothing to build.
    target : TargetCase or None
    fair : FairResult or None
    capacity : CapacityCheck or None
    seconds : float
        Time it took [s].
    """

    request: SitingRequest
    outcomes: tuple[Outcome, ...]
    candidates: Candidates
    covers: CoverMatrix
    result: SitingResult
    order: BuildingOrder | None
    target: TargetCase | None
    fair: FairResult | None
    capacity: CapacityCheck | None
    seconds: float

    @property
    def ground(self) -> Ground:
        """The ground of the first service."""
        return self.outcomes[0].ground

    @property
    def time_s(self) -> FloatArray:
        """The engine's time with the plan built, for the first service [s]."""
        return self.outcomes[0].time_s


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
            snapshot,
            request.indicator,
            area=request.area,
            share=request.share,
            planned=request.count_planned,
        )
    service = request.service or _service_of(snapshot, target)
    parts = open_parts(out_dir, snapshot.version, service, request)
    ground = parts[0].ground
    progress("准备候选点", 0.15)
    candidates = find_candidates(
        ground,
        request,
        inside=target.open_codes if target else (),
        lacking=None if target is None else lacking_facilities(snapshot, target),
    )
    if target is not None:
        candidates = without_idle_reach(ground, target, candidates)
    progress("计算候选点的服务范围", 0.3)
    problem = make_problem(parts, candidates, request)
    progress("求解", 0.45)
    work = Work(request, parts, candidates, problem, target, started)
    solved = work.solve()
    progress("覆盖引擎复核", 0.85)
    _check_limits(request, candidates, solved.result)
    outcomes, capacity = _valued(parts, candidates, solved)
    order = work.order(solved, progress=part(progress, 0.9, 0.98))
    progress("完成", 1.0)
    return Siting(
        request=request,
        outcomes=outcomes,
        candidates=candidates,
        covers=work.first_covers(),
        result=solved.result,
        order=order,
        target=target,
        fair=solved.fair,
        capacity=capacity,
        seconds=time.monotonic() - started,
    )


def _service_of(snapshot: Snapshot, target: TargetCase | None) -> str:
    """Return the first service of the categories that a target asks to build."""
    wanted = set(target.categories) if target else set()
    for service in snapshot.manifest["services"]:
        if (
            wanted & set(service["categories"])
            and not service["functions"]
            and service["capacity"] is None
        ):
            return str(service["id"])
    raise ParameterError(
        "没有服务含有要建的设施类别，请写 service", parameter="service"
    )


def _check_limits(
    request: SitingRequest, candidates: Candidates, result: SitingResult
) -> None:
    """Refuse a plan that is larger or dearer than asked for, or cannot be built."""
    if request.n is not None and len(result.chosen) > request.n:
        raise PlanMismatchError("方案的设施个数超过了要求")
    if request.budget is not None and result.cost > request.budget:
        raise PlanMismatchError("方案的费用超过了预算")
    if not candidates.allowed[result.chosen].all():
        raise PlanMismatchError("方案含有不可用的候选点")


def _valued(
    parts: tuple[Part, ...], candidates: Candidates, solved: Solved
) -> tuple[tuple[Outcome, ...], CapacityCheck | None]:
    """Return what the engine makes of the plan; its counts must be the plan's."""
    result = solved.result
    sites = candidates.snapped.take(result.chosen)
    times = [one.ground.time_with(sites) for one in parts]
    if solved.assignment is not None:
        ground = parts[0].ground
        check = _checked_places(ground, candidates, solved)
        outcome = Outcome(ground, 1, times[0], ground.start_split, check.nearest_first)
        return (outcome,), check
    outcomes = tuple(
        _outcome(one, time_s) for one, time_s in zip(parts, times, strict=True)
    )
    people = np.concatenate([one.ground.people * one.weight for one in parts])
    _compare(result, people, outcomes)
    return outcomes, None


def _outcome(one: Part, time_s: FloatArray) -> Outcome:
    ground = one.ground
    after = split_by_time(ground.people, time_s, limit_s=ground.limit_s)
    before = ground.start_split
    if (before.covered > after.covered).any():
        raise PlanMismatchError("新增设施后有需求点的覆盖反而减少")
    return Outcome(ground, one.weight, time_s, before, after)


def _compare(
    result: SitingResult, people: FloatArray, outcomes: tuple[Outcome, ...]
) -> None:
    """Compare the model's counts with the engine's times, to the last quantum."""
    # times over limits, so that services with limits of their own stand together
    for check, times in (
        (verify_start, [one.ground.start_time_s for one in outcomes]),
        (verify_plan, [one.time_s for one in outcomes]),
    ):
        within = [
            np.where(time_s <= one.ground.limit_s, 0.0, np.inf)
            for one, time_s in zip(outcomes, times, strict=True)
        ]
        check(result, people, np.concatenate(within), limit_s=0.0)
    counted = result.model in ("maximum_cover", "worst_first")
    if counted and result.objective != result.covered_people:
        raise PlanMismatchError("目标值与覆盖人数不一致")


def _checked_places(
    ground: Ground, candidates: Candidates, solved: Solved
) -> CapacityCheck:
    """Check an assignment to places, and set the nearest-first rule beside it."""
    if solved.assignment is None or ground.capacity_people is None:
        raise ValueError("the plan has no assignment")
    return verify_capacity(
        solved.assignment,
        ground.people,
        reach=_with_candidates(ground.start_reach, ground.reach(candidates.snapped)),
        capacity_people=np.concatenate(
            [
                ground.capacity_people[ground.existing],
                places_of(ground, candidates),
            ]
        ),
    )


def _with_candidates(first: Reach, second: Reach) -> Reach:
    """Return the pairs of existing facilities and then of all candidates."""
    return Reach(
        np.concatenate([first.start, second.start[1:] + first.start[-1]]),
        np.concatenate([first.demand, second.demand]),
        np.concatenate([first.time_s, second.time_s]),
        first.n_demand,
        first.limit_s,
    )
