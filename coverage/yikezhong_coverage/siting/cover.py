"""Most people covered with a number of sites or a budget, with proof.

The way of a problem: rows and candidates are reduced (:mod:`.reduce`), greedy and
swaps find a good plan (:mod:`.greedy`), Lagrangian bounds fix most candidates
(:mod:`.relax`), and HiGHS decides what is left. Targets for groups (fairness) go
straight from the reduction to HiGHS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from yikezhong_coverage.errors import InfeasibleError, InputError
from yikezhong_coverage.records import BoolArray, IntArray
from yikezhong_coverage.siting.errors import (
    NoPlanYetError,
    PlanMismatchError,
    UnservedDemandError,
)
from yikezhong_coverage.siting.exactness import (
    COST_PARTS,
    Ledger,
    grid_of,
    open_ledger,
    people_of,
    settle_upper,
    share_of,
    spending_limit,
    unit_of,
)
from yikezhong_coverage.siting.greedy import (
    covered_weight,
    greedy_cover,
    improve_cover,
)
from yikezhong_coverage.siting.model import CoverModel, solve_model
from yikezhong_coverage.siting.records import (
    Reduction,
    SitingProblem,
    SitingResult,
    Stop,
)
from yikezhong_coverage.siting.reduce import (
    Core,
    core_of,
    coverable,
    reduce_cover,
    without_columns,
)
from yikezhong_coverage.siting.relax import SAFETY, relax_cover
from yikezhong_coverage.siting.search import search_cover
from yikezhong_coverage.siting.solver import Deadline, make_deadline


@dataclass(frozen=True, eq=False)
class CoverPlan:
    """A plan of a core.

    Parameters
    ----------
    candidates : ndarray of int64
    value, bound : int
        People covered, and their upper bound [2⁻²⁰ persons].
    tolerance : int
        What the proof may miss [2⁻²⁰ persons].
    proven : bool
    """

    candidates: IntArray
    value: int
    bound: int
    tolerance: int
    proven: bool


def maximum_cover(
    problem: SitingProblem,
    *,
    n_sites: int | None = None,
    budget: float | None = None,
    least_share: float | Fraction | None = None,
    time_limit_s: float | None = None,
    stop: Stop | None = None,
) -> SitingResult:
    """Return the sites with which most people are covered.

    Parameters
    ----------
    problem : SitingProblem
    n_sites : int, optional
        Largest number of sites, forced ones included.
    budget : float, optional
        Money for all sites, forced ones included; instead of ``n_sites``.
    least_share : float, optional
        At least this share of the known people of every group has to be covered, by
        what stands or the plan (fairness).
    time_limit_s : float, optional
        Time after which the best plan so far is returned, with its bound [s].
    stop : callable, optional
        Asked between the steps; True ends the search likewise.

    Returns
    -------
    SitingResult
        ``objective`` and ``bound`` are all people covered, those of existing
        facilities included [persons]. Sites that would add nobody are not chosen.

    Raises
    ------
    SiteCountError, BudgetError, CostError, NoCandidateError, InputError
        If the request cannot be meant.
    UnservedDemandError
        If a group's share cannot be reached by any plan; ``demand`` names its points
        that no candidate serves.
    InfeasibleError
        If no plan within the limit gives every group its share.

    Examples
    --------
    >>> from yikezhong_coverage.siting.matrix import matrix_of
    >>> table = np.array([[True, True, False], [False, True, True]])
    >>> problem = SitingProblem(matrix_of(table), np.array([3.0, 1.0, 2.0]))
    >>> result = maximum_cover(problem, n_sites=1)
    >>> result.chosen.tolist(), result.objective, result.gap
    ([0], 4.0, 0.0)
    """
    deadline = make_deadline(time_limit_s, stop)
    ledger = open_ledger(problem)
    use, limit = spending_limit(ledger, n_sites=n_sites, budget=budget)
    ledger = replace(ledger, free=ledger.free & (use <= limit))
    if least_share is None:
        core = reduce_cover(core_of(problem.covers, _ungrouped(ledger), use=use))
        reduction, plan = best_cover(core, limit, deadline)
    else:
        core = reduce_cover(core_of(problem.covers, ledger, use=use))
        wanted = _wanted_by_group(problem, ledger, least_share)
        _check_reachable(problem, ledger, wanted)
        reduction = Reduction(0, 0, core.n_row, core.n_column)
        plan = _fair_cover(core, limit, wanted, deadline)
    reduction = replace(
        reduction,
        n_demand=problem.covers.n_demand,
        n_candidate=problem.covers.n_candidate,
    )
    if int(use[plan.candidates].sum()) > limit:
        raise PlanMismatchError("方案超出了设施个数或预算")
    return _result(problem, ledger, plan, reduction, deadline)


def _ungrouped(ledger: Ledger) -> Ledger:
    return replace(ledger, group=np.full(len(ledger.group), -1, dtype=np.int32))


def _result(
    problem: SitingProblem,
    ledger: Ledger,
    plan: CoverPlan,
    reduction: Reduction,
    deadline: Deadline,
) -> SitingResult:
    chosen = np.union1d(plan.candidates, np.flatnonzero(ledger.forced))
    covered = ledger.covered | problem.covers.covered_by(plan.candidates)
    before = int(ledger.quanta[ledger.covered].sum())
    value = int(ledger.quanta[covered].sum())
    if value - before != plan.value:
        raise InputError("选址问题的覆盖矩阵含有重复的行，无法核对结果")
    cost = int(ledger.cost[chosen].sum()) / COST_PARTS
    return SitingResult(
        model="maximum_cover",
        chosen=chosen.astype(np.int64),
        objective=people_of(value),
        bound=people_of(before + plan.bound),
        status="optimal" if plan.proven else deadline.reason,
        tolerance=people_of(plan.tolerance),
        start_people=people_of(ledger.start),
        covered_people=people_of(value),
        total_people=people_of(ledger.total),
        cost=cost,
        reduction=reduction,
    )


def best_cover(
    core: Core, limit: int, deadline: Deadline
) -> tuple[Reduction, CoverPlan]:
    """Solve a reduced maximum cover without groups.

    Parameters
    ----------
    core : Core
        Every column fits the limit.
    limit : int
        The uses of the chosen columns add up to at most this.
    deadline : Deadline
    """
    search = _Search(core, limit)
    while search.value < search.upper and not deadline.over and search.narrow():
        pass
    reduction = Reduction(
        0,
        0,
        search.core.n_row,
        search.core.n_column,
        n_fixed_in=len(search.fixed),
        n_fixed_out=search.n_out,
    )
    tolerance = 0
    if search.value < search.upper and not deadline.over:
        tolerance = search.finish(deadline)
    proven = search.value == search.upper
    return reduction, CoverPlan(
        search.sites, search.value, search.upper, tolerance, proven
    )


class _Search:
    """The state of a search: the incumbent, the bound, and what is still open."""

    def __init__(self, core: Core, limit: int) -> None:
        self.core = core
        self.limit = limit
        self.grid = grid_of(core.weight)
        self.fixed: list[int] = []
        self.fixed_value = 0
        self.n_out = 0
        self.upper = int(core.weight.sum())
        self.value = -1
        self.sites = np.empty(0, dtype=np.int64)
        self.keep_better(improve_cover(core, greedy_cover(core, limit), limit=limit))

    def keep_better(self, chosen: BoolArray) -> None:
        """Take a plan of the open columns if it beats the incumbent."""
        value = self.fixed_value + covered_weight(self.core, chosen)
        if value > self.value:
            self.value = value
            self.sites = np.concatenate(
                [np.array(self.fixed, dtype=np.int64), self.core.candidate[chosen]]
            )
        self.upper = max(self.upper, self.value)

    def narrow(self) -> bool:
        """Bound, improve and fix; return whether doing so again may help.

        What is fixed here loses no plan that beats the incumbent, so the larger of
        incumbent and open bound stays a bound on every plan.
        """
        core = self.core
        relaxed = relax_cover(core, self._known(), limit=self.limit)
        self.keep_better(improve_cover(core, relaxed.chosen, limit=self.limit))
        slack = SAFETY * (abs(relaxed.bound) + 1)
        whole = self.fixed_value + int(np.floor(relaxed.bound + slack))
        whole = whole // self.grid * self.grid
        if whole > self.value:
            self.keep_better(search_cover(core, self._known(), limit=self.limit))
        self.upper = max(self.value, min(self.upper, whole))
        better = self.value + self.grid - self.fixed_value - slack
        out = relaxed.bound_in < better
        into = (relaxed.bound_out < better) & ~out
        if self.upper == self.value or not (out | into).any():
            return False
        self._fix(out, into)
        if self.core.n_column == 0 or self.limit < 0:
            self.upper = max(self.value, self.fixed_value if self.limit >= 0 else 0)
            return False
        return self.core.n_column < 0.8 * core.n_column

    def _known(self) -> BoolArray:
        """Return the incumbent as columns that are still open, none if too many.

        The incumbent may lack a column that was fixed in; its other columns are then
        more than the limit has left.
        """
        known: BoolArray = np.isin(self.core.candidate, self.sites)
        if int(self.core.use[known].sum()) > self.limit:
            known[:] = False
        return known

    def _fix(self, out: BoolArray, into: BoolArray) -> None:
        core, chosen = self.core, np.flatnonzero(into)
        self.fixed.extend(core.candidate[chosen].tolist())
        self.limit -= int(core.use[chosen].sum())
        smaller = without_columns(core, chosen)
        self.fixed_value += int(core.weight.sum() - smaller.weight.sum())
        keep = ~np.isin(smaller.candidate, core.candidate[out])
        keep &= smaller.use <= self.limit
        self.core = reduce_cover(coverable(smaller, keep))
        self.n_out += core.n_column - len(chosen) - self.core.n_column
        if self.core.n_column == 0 and self.limit >= 0:
            self.keep_better(np.zeros(0, dtype=np.bool_))

    def finish(self, deadline: Deadline) -> int:
        """Let HiGHS decide what is open; return what the proof may miss [quanta]."""
        found = solve_model(CoverModel(self.core, limit=self.limit), deadline)
        if found.chosen is not None:
            self.keep_better(found.chosen)
        if not np.isfinite(found.bound):
            return 0
        inner = self.value - self.fixed_value
        bound, tolerance = settle_upper(
            found.bound, inner, grid=self.grid, unit=unit_of(self.core.weight)
        )
        self.upper = max(self.value, min(self.upper, self.fixed_value + bound))
        return tolerance


def _wanted_by_group(
    problem: SitingProblem, ledger: Ledger, share: float | Fraction
) -> dict[int, int]:
    """Return the people of each group still wanted, after what stands or is forced."""
    if problem.group is None:
        raise InputError("要求各组最低覆盖率时，须给出每个需求点所属的组")
    inside = ledger.group >= 0
    n_group = int(ledger.group.max(initial=-1)) + 1
    total, covered = (np.zeros(n_group, dtype=np.int64) for _ in range(2))
    np.add.at(total, ledger.group[inside], ledger.quanta[inside])
    inside &= ledger.covered
    np.add.at(covered, ledger.group[inside], ledger.quanta[inside])
    wanted = {g: share_of(int(total[g]), share) for g in range(n_group)}
    return {g: w - int(covered[g]) for g, w in wanted.items() if w > covered[g]}


def _fair_cover(
    core: Core, limit: int, wanted: dict[int, int], deadline: Deadline
) -> CoverPlan:
    """Solve a maximum cover in which every group gets its share."""
    model = CoverModel(core, limit=limit, wanted=wanted)
    found = solve_model(model, deadline)
    if found.chosen is None:
        if found.done:
            raise InfeasibleError(
                "在给定的个数或预算内，没有方案能使每一组都达到最低覆盖率",
                hint="请增加设施个数或预算，或降低最低覆盖率",
            )
        raise NoPlanYetError(
            "计算时限内没有找到满足最低覆盖率的方案", hint="请延长计算时限"
        )
    value = covered_weight(core, found.chosen)
    bound, tolerance = int(core.weight.sum()), 0
    if np.isfinite(found.bound):
        bound, tolerance = settle_upper(
            found.bound,
            value,
            grid=grid_of(core.weight),
            unit=unit_of(core.weight),
        )
    sites = core.candidate[found.chosen]
    return CoverPlan(sites, value, bound, tolerance, value == bound)


def _check_reachable(
    problem: SitingProblem, ledger: Ledger, wanted: dict[int, int]
) -> None:
    """Refuse a share that all free candidates together would not reach."""
    reached = problem.covers.covered_by(np.flatnonzero(ledger.free))
    gain = reached & ~ledger.covered
    lost: list[IntArray] = []
    for group, quanta in wanted.items():
        inside = ledger.group == group
        if int(ledger.quanta[inside & gain].sum()) < quanta:
            unserved = inside & ~reached & ~ledger.covered & (ledger.quanta > 0)
            lost.append(np.flatnonzero(unserved))
    if lost:
        raise UnservedDemandError(
            f"有 {len(lost)} 组即使选用全部候选点也达不到最低覆盖率",
            demand=np.concatenate(lost),
            hint="请在这些地方增加候选点，或降低最低覆盖率",
        )
