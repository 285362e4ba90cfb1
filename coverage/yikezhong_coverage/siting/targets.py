"""The cheapest set of actions that brings shares of areas to their targets.

An area (a township) meets an indicator when each of its needs for it is met; a need is
met already, or by any chosen action that serves it. An action may serve needs of
several indicators and areas: one building with several services, a function added to
a facility that stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from yikezhong_coverage.errors import InfeasibleError, InputError
from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, IntArray
from yikezhong_coverage.siting.errors import NoPlanYetError, UnservedDemandError
from yikezhong_coverage.siting.exactness import (
    COST_PARTS,
    check_choice,
    cost_parts,
    exact_share,
    grid_of,
    settle_lower,
)
from yikezhong_coverage.siting.records import (
    CoverMatrix,
    Reduction,
    SitingResult,
    Stop,
)
from yikezhong_coverage.siting.solver import Deadline, make_deadline, minimise


@dataclass(frozen=True)
class ShareTarget:
    """A share of areas that has to meet an indicator.

    Parameters
    ----------
    share : float or Fraction
        In (0, 1].
    strict : bool
        Whether the share has to be exceeded (``>``) instead of reached (``>=``).
    """

    share: float | Fraction
    strict: bool = False

    def wanted(self, n_area: int) -> int:
        """Return the least number of areas that meets the target.

        Examples
        --------
        >>> ShareTarget(0.6).wanted(46), ShareTarget(0.5, strict=True).wanted(4)
        (28, 3)
        """
        exact = exact_share(self.share) * n_area
        return int(exact) + 1 if self.strict else -int(-exact // 1)


@dataclass(frozen=True, eq=False)
class ActionProblem:
    """Actions, the needs they serve, and the targets.

    Parameters
    ----------
    serves : CoverMatrix
        Actions × needs.
    cost : ndarray of float64, shape (n_action,), or None
        Cost of each action; by default 1 each.
    need_area, need_target : ndarray of int32, shape (n_need,)
        The area of each need, and the target it counts for. Exactly the areas that
        have a need for a target are its denominator.
    need_met : ndarray of bool, shape (n_need,)
        Needs that are met already.
    targets : sequence of ShareTarget
    forced, forbidden : ndarray of bool, shape (n_action,), optional
    exclusive : ndarray of int32, shape (n_action,), optional
        Of the actions with the same number at most one is chosen; -1 is free.
    """

    serves: CoverMatrix
    need_area: IndexArray
    need_target: IndexArray
    need_met: BoolArray
    targets: Sequence[ShareTarget]
    cost: FloatArray | None = None
    forced: BoolArray | None = None
    forbidden: BoolArray | None = None
    exclusive: IndexArray | None = None

    def __post_init__(self) -> None:
        n_need, n_action = self.serves.n_demand, self.serves.n_candidate
        for name, length in (
            ("need_area", n_need),
            ("need_target", n_need),
            ("need_met", n_need),
            ("cost", n_action),
            ("forced", n_action),
            ("forbidden", n_action),
            ("exclusive", n_action),
        ):
            values = getattr(self, name)
            if values is not None and len(values) != length:
                raise InputError(
                    f"行动问题的 {name} 有 {len(values)} 项，应为 {length} 项"
                )
        if n_need and not (
            self.need_target.min() >= 0 and self.need_target.max() < len(self.targets)
        ):
            raise InputError("need_target 中的目标序号超出范围")


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs of target and area: which needs they have, which are still open."""

    target: IntArray
    area: IntArray
    of_need: IntArray
    met: BoolArray


def cheapest_actions(
    problem: ActionProblem,
    *,
    time_limit_s: float | None = None,
    stop: Stop | None = None,
) -> SitingResult:
    """Return the cheapest actions with which every target is met.

    Parameters
    ----------
    problem : ActionProblem
    time_limit_s, stop : optional
        As for :func:`.cover.maximum_cover`.

    Returns
    -------
    SitingResult
        ``chosen`` are actions; ``objective`` and ``bound`` are their cost.

    Raises
    ------
    UnservedDemandError
        If a target is out of reach; ``demand`` names the areas no action can serve.
    InfeasibleError
        If actions that exclude each other leave a target out of reach.
    NoPlanYetError
        If the time ran out before a plan was found.

    Examples
    --------
    Three townships, one has what is asked for; two thirds should.

    >>> from yikezhong_coverage.siting.matrix import matrix_of
    >>> build = matrix_of(np.array([[False, True, False], [False, False, True]]))
    >>> problem = ActionProblem(
    ...     build, np.arange(3), np.zeros(3, int), np.array([True, False, False]),
    ...     [ShareTarget(0.6)], cost=np.array([2.0, 1.5]))
    >>> found = cheapest_actions(problem)
    >>> found.chosen.tolist(), found.objective, found.proven
    ([1], 1.5, True)
    """
    deadline = make_deadline(time_limit_s, stop)
    n_action = problem.serves.n_candidate
    forced, free = check_choice(
        n_action, forced=problem.forced, forbidden=problem.forbidden
    )
    cost = cost_parts(problem.cost, n_action)
    pairs = _pairs_of(problem)
    wanted = _wanted(problem, pairs, forced | free)
    chosen, bound = _solve(
        problem, pairs, wanted, forced, forced | free, cost, deadline
    )
    total = int(cost[chosen].sum())
    lower, tolerance = settle_lower(bound, total, grid=grid_of(cost), unit=COST_PARTS)
    return SitingResult(
        model="area_target",
        chosen=np.flatnonzero(chosen),
        objective=total / COST_PARTS,
        bound=min(lower, total) / COST_PARTS,
        status="optimal" if lower >= total else deadline.reason,
        tolerance=tolerance / COST_PARTS,
        cost=total / COST_PARTS,
        reduction=Reduction(
            problem.serves.n_demand, n_action, int((~pairs.met).sum()), int(free.sum())
        ),
    )


def areas_met(
    problem: ActionProblem, chosen: IntArray
) -> tuple[IntArray, IntArray, BoolArray]:
    """Return target, area and whether it is met, after the chosen actions."""
    pairs = _pairs_of(problem)
    met = problem.need_met | problem.serves.covered_by(chosen)
    return pairs.target, pairs.area, _all_met(pairs, met)


def _pairs_of(problem: ActionProblem) -> _Pairs:
    key = np.stack([problem.need_target, problem.need_area]).astype(np.int64)
    unique, of_need = np.unique(key, axis=1, return_inverse=True)
    pairs = _Pairs(unique[0], unique[1], of_need.ravel(), np.empty(0, dtype=np.bool_))
    met = _all_met(pairs, problem.need_met)
    return _Pairs(pairs.target, pairs.area, pairs.of_need, met)


def _all_met(pairs: _Pairs, met: BoolArray) -> BoolArray:
    every = np.ones(len(pairs.target), dtype=np.bool_)
    np.logical_and.at(every, pairs.of_need, met)
    return every


def _wanted(problem: ActionProblem, pairs: _Pairs, may: BoolArray) -> list[int]:
    """Return the areas still wanted per target; refuse what no action can reach."""
    best = problem.need_met | problem.serves.covered_by(np.flatnonzero(may))
    possible = _all_met(pairs, best)
    wanted, lost = [], np.zeros(len(pairs.target), dtype=np.bool_)
    for k, target in enumerate(problem.targets):
        inside = pairs.target == k
        number = target.wanted(int(inside.sum()))
        wanted.append(max(0, number - int((inside & pairs.met).sum())))
        if int((inside & possible).sum()) < number:
            lost |= inside & ~possible
            if not (inside & ~possible).any():
                raise InfeasibleError(f"第 {k + 1} 项目标要求超过全部区域，无法达到")
    if lost.any():
        raise UnservedDemandError(
            f"有 {len(np.unique(pairs.area[lost]))} 个区域没有任何行动能使其达标，"
            "目标无法达到",
            demand=np.unique(pairs.area[lost]),
            hint="请为这些区域增加候选点或行动，或降低目标",
        )
    return wanted


def _solve(
    problem: ActionProblem,
    pairs: _Pairs,
    wanted: list[int],
    forced: BoolArray,
    may: BoolArray,
    cost: IntArray,
    deadline: Deadline,
) -> tuple[BoolArray, float]:
    """Return the chosen actions and a lower bound of their cost [unit of money]."""
    n_action, n_pair = len(cost), len(pairs.target)
    table, lower, upper = _model(problem, pairs, wanted)
    found = minimise(
        np.concatenate([cost / COST_PARTS, np.zeros(n_pair)]),
        table,
        lower=lower,
        upper=upper,
        integral=np.concatenate([np.ones(n_action), np.zeros(n_pair)]),
        at_most=np.concatenate([may.astype(np.float64), ~pairs.met]),
        at_least=np.concatenate([forced.astype(np.float64), np.zeros(n_pair)]),
        deadline=deadline,
    )
    if found.x is not None:
        return found.x[:n_action] > 0.5, found.bound
    if found.done:
        raise InfeasibleError(
            "互斥的行动使目标无法同时达到", hint="请放宽互斥条件或降低目标"
        )
    raise NoPlanYetError("计算时限内没有找到方案", hint="请延长计算时限")


def _model(
    problem: ActionProblem, pairs: _Pairs, wanted: list[int]
) -> tuple[Any, FloatArray, FloatArray]:
    """Return the rows: needs, then targets, then actions that exclude each other."""
    from scipy.sparse import csr_array

    serves = problem.serves
    n_action, n_pair = serves.n_candidate, len(pairs.target)
    action = np.repeat(np.arange(n_action), np.diff(serves.start))
    need = np.flatnonzero(~problem.need_met)
    number = np.full(serves.n_demand, -1)
    number[need] = np.arange(len(need))
    keep = number[serves.demand] >= 0
    open_pair = np.flatnonzero(~pairs.met)
    rows = [number[serves.demand[keep]], np.arange(len(need))]
    columns = [action[keep], n_action + pairs.of_need[need]]
    values = [np.ones(int(keep.sum())), -np.ones(len(need))]
    rows.append(len(need) + pairs.target[open_pair])
    columns.append(n_action + open_pair)
    values.append(np.ones(len(open_pair)))
    # an area counts whole: half of one below the number is still out of reach
    lower = [np.zeros(len(need)), np.array(wanted) - 0.5]
    upper = [np.full(len(need) + len(wanted), np.inf)]
    n_row = len(need) + len(wanted)
    if problem.exclusive is not None:
        bound_to = np.flatnonzero(problem.exclusive >= 0)
        names, group = np.unique(problem.exclusive[bound_to], return_inverse=True)
        rows.append(n_row + group)
        columns.append(bound_to)
        values.append(np.ones(len(bound_to)))
        lower.append(np.full(len(names), -np.inf))
        upper.append(np.ones(len(names)))
        n_row += len(names)
    table = csr_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
        shape=(n_row, n_action + n_pair),
    )
    return table, np.concatenate(lower), np.concatenate(upper)
