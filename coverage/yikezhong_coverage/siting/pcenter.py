"""The p-centre: p sites from which the farthest point with people is nearest.

A radius is possible if p sites cover every point within it, which is the model of
fewest sites; the radius is halved among the distinct distances until it is decided.
"""

from __future__ import annotations

import numpy as np

from yikezhong_coverage.errors import InfeasibleError
from yikezhong_coverage.records import BoolArray, FloatArray, IntArray
from yikezhong_coverage.siting.distances import sorted_distances
from yikezhong_coverage.siting.errors import NoPlanYetError, UnservedDemandError
from yikezhong_coverage.siting.exactness import check_choice, check_site_count
from yikezhong_coverage.siting.fewest import minimum_sites
from yikezhong_coverage.siting.matrix import matrix_of
from yikezhong_coverage.siting.records import (
    DistanceProblem,
    SitingProblem,
    SitingResult,
    Stop,
)
from yikezhong_coverage.siting.solver import Deadline, make_deadline


def p_center(
    problem: DistanceProblem,
    *,
    n_sites: int,
    time_limit_s: float | None = None,
    stop: Stop | None = None,
) -> SitingResult:
    """Return sites with the least largest time of anybody to the nearest.

    Parameters
    ----------
    problem : DistanceProblem
        Every point with people counts alike.
    n_sites : int
        Largest number of sites, forced ones included.
    time_limit_s : float, optional
        Time after which the best plan so far is returned, with its bound [s].
    stop : callable, optional
        Asked between the steps; True ends the search likewise.

    Returns
    -------
    SitingResult
        ``objective`` and ``bound`` are the largest time [s]. Where fewer sites than
        ``n_sites`` reach it, fewer are returned.

    Raises
    ------
    UnservedDemandError, InfeasibleError, SiteCountError, NoCandidateError, InputError
        As for the p-median.

    Examples
    --------
    >>> time_s = np.array([[0.0, 5.0, 9.0], [5.0, 0.0, 4.0], [9.0, 4.0, 0.0]])
    >>> result = p_center(DistanceProblem(time_s, np.ones(3)), n_sites=1)
    >>> result.chosen.tolist(), result.objective, result.proven
    ([1], 5.0, True)
    """
    deadline = make_deadline(time_limit_s, stop)
    forced, free = check_choice(
        problem.time_s.shape[0], forced=problem.forced, forbidden=problem.forbidden
    )
    check_site_count(
        n_sites, n_open=int((forced | free).sum()), n_forced=int(forced.sum())
    )
    distances = sorted_distances(problem, weighted=False)
    values = np.append(distances.cost.ravel(), distances.start_cost)
    radii = np.unique(np.append(values[np.isfinite(values)], 0.0))
    # the smallest radius that no bound excludes, and the smallest not tried in vain
    proven = tried = 0
    best, plan = len(radii), None
    while tried < best and not deadline.over:
        middle = (tried + min(best, len(radii) - 1)) // 2
        possible, chosen = _decide(problem, radii[middle], n_sites, deadline)
        if chosen is not None:
            best, plan = middle, chosen
        else:
            tried = middle + 1
            proven = tried if possible is False else proven
    if plan is None:
        if proven == len(radii):
            raise InfeasibleError(
                f"{n_sites} 处设施不能使所有需求点都有路可达", hint="请增加设施个数"
            )
        raise NoPlanYetError("计算时限内没有找到方案", hint="请延长计算时限")
    objective = _farthest(problem, plan)
    bound = min(float(radii[proven]), objective)
    return SitingResult(
        model="p_center",
        chosen=plan,
        objective=objective,
        bound=bound,
        status="optimal" if bound == objective else deadline.reason,
        cost=float(len(plan)),
    )


def _decide(
    problem: DistanceProblem, radius: float, n_sites: int, deadline: Deadline
) -> tuple[bool | None, IntArray | None]:
    """Return whether a radius is possible (None: not known), and a plan for it."""
    start: BoolArray | None = None
    if problem.start_time_s is not None:
        start = problem.start_time_s <= radius
    cover = SitingProblem(
        matrix_of(problem.time_s <= radius),
        (problem.people > 0).astype(np.float64),
        start,
        forced=problem.forced,
        forbidden=problem.forbidden,
    )
    limit_s = deadline.left_s if np.isfinite(deadline.left_s) else None
    if limit_s == 0:
        return None, None
    try:
        found = minimum_sites(cover, time_limit_s=limit_s, stop=deadline.stop)
    except UnservedDemandError:
        return False, None
    if found.objective <= n_sites:
        return True, found.chosen
    return (False if found.bound > n_sites else None), None


def _farthest(problem: DistanceProblem, chosen: IntArray) -> float:
    """Return the largest time of a point with people to the nearest place [s]."""
    nearest: FloatArray = np.min(problem.time_s[chosen], axis=0, initial=np.inf)
    if problem.start_time_s is not None:
        nearest = np.minimum(nearest, problem.start_time_s)
    return float(nearest[problem.people > 0].max(initial=0.0))
