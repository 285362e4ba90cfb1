"""The problem of a request: what each site would offer, to whom, with which weight."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yikezhong_app.siting.candidates import Candidates
from yikezhong_app.siting.ground import Ground, open_ground, refuse_capacity
from yikezhong_app.siting.request import SitingRequest
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.records import FloatArray
from yikezhong_coverage.siting import CoverMatrix, Existing, SitingProblem, cover_matrix


@dataclass(frozen=True, eq=False)
class Part:
    """One service of a site.

    Parameters
    ----------
    ground : Ground
    weight : int
        What one person covered counts.
    """

    ground: Ground
    weight: int


def open_parts(
    out_dir: Path, version: str, service: str, request: SitingRequest
) -> tuple[Part, ...]:
    """Return the services of a request, the first one first.

    Raises
    ------
    ParameterError
        If a service is limited by capacity where that cannot be counted.
    """

    def ground(service: str, minutes: float | None, group: str | None) -> Ground:
        return open_ground(
            out_dir,
            version,
            service=service,
            minutes=minutes,
            group=group,
            planned=request.count_planned,
            # a target says itself where it is to be met
            area=None if request.goal == "target" else request.area,
        )

    first = ground(service, request.minutes, request.group)
    if request.goal != "max_people":
        refuse_capacity(first, "只能用于 goal 为 max_people 的选址")
    fair = request.worst_first or request.least_share is not None
    if fair or request.also:
        refuse_capacity(first, "不能与 also、least_share、worst_first 同时使用")
    if request.capacity is not None and first.service.capacity is None:
        raise ParameterError(
            f"服务“{first.service.name}”没有容量限制，不应写 capacity",
            parameter="capacity",
        )
    parts = [Part(first, request.weight)]
    for one in request.also:
        more = ground(one.service, one.minutes, one.group)
        refuse_capacity(more, "不能作为同一处设施的其他服务")
        parts.append(Part(more, one.weight))
    return tuple(parts)


def make_problem(
    parts: tuple[Part, ...], candidates: Candidates, request: SitingRequest
) -> SitingProblem:
    """Return the problem of cover: candidates, demand, what stands, what is decided.

    The demand points of all services stand one after another, people times weight.
    """
    forced = candidates.mask(request.forced, parameter="forced")
    banned = candidates.mask(request.forbidden, parameter="forbidden")
    unusable = np.flatnonzero(forced & ~candidates.allowed)
    if len(unusable):
        name, why = candidates.table["name"], candidates.reason
        raise ParameterError(
            f"必选的候选点“{name.iloc[unusable[0]]}”不可用：{why[unusable[0]]}",
            parameter="forced",
        )
    covers = [cover_matrix(part.ground.reach(candidates.snapped)) for part in parts]
    grounds = [part.ground for part in parts]
    has_places = grounds[0].service.capacity is not None
    return SitingProblem(
        covers[0] if len(covers) == 1 else _side_by_side(covers),
        np.concatenate([part.ground.people * part.weight for part in parts]),
        start_covered=None
        if has_places
        else np.concatenate([g.start_time_s <= g.limit_s for g in grounds]),
        cost=candidates.table["cost"].to_numpy(np.float64)
        if request.has_costs
        else None,
        forced=forced,
        forbidden=banned | ~candidates.allowed,
        group=np.concatenate([g.township for g in grounds]),
    )


def _side_by_side(covers: list[CoverMatrix]) -> CoverMatrix:
    """Return one matrix whose columns are those of all, one after another."""
    n_candidate = covers[0].n_candidate
    owner, demand, n_before = [], [], 0
    for one in covers:
        owner.append(np.repeat(np.arange(n_candidate), np.diff(one.start)))
        demand.append(one.demand.astype(np.int64) + n_before)
        n_before += one.n_demand
    owners = np.concatenate(owner)
    order = np.argsort(owners, kind="stable")
    start = np.zeros(n_candidate + 1, dtype=np.int64)
    np.cumsum(np.bincount(owners, minlength=n_candidate), out=start[1:])
    columns = np.concatenate(demand)[order].astype(np.int32)
    return CoverMatrix(start, columns, n_before)


def places_of(ground: Ground, candidates: Candidates) -> FloatArray:
    """Return the people each candidate can serve; 0 where that is not known.

    A candidate without a known capacity is not allowed, so the 0 is never built.
    """
    units = candidates.table["capacity"].to_numpy(np.float64)
    places: FloatArray = np.nan_to_num(units) * ground.service.people_per_unit
    return places


def existing_of(ground: Ground) -> Existing:
    """Return what stands with its places."""
    places = ground.capacity_people
    if places is None:
        raise ValueError("the service has no capacity")
    return Existing(cover_matrix(ground.start_reach), places[ground.existing])
