"""Fewest or cheapest sites that cover everybody, or a share of the people, proven.

Full cover is reduced until nothing more follows (:func:`.reduce.reduce_full_cover`),
bounded by Lagrangian relaxation with its own plans on the way, and what cannot be
fixed is left to HiGHS. A share is bounded by the relaxed maximum cover.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from yikezhong_coverage.records import BoolArray, IntArray
from yikezhong_coverage.siting.errors import UnservedDemandError
from yikezhong_coverage.siting.exactness import (
    COST_PARTS,
    Ledger,
    grid_of,
    open_ledger,
    people_of,
    settle_lower,
    share_of,
)
from yikezhong_coverage.siting.greedy import covered_weight, greedy_target, prune_target
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
    reduce_full_cover,
    without_columns,
)
from yikezhong_coverage.siting.relax import SAFETY, relax_cover, relax_full_cover
from yikezhong_coverage.siting.search import search_cover
from yikezhong_coverage.siting.solver import Deadline, make_deadline
from yikezhong_coverage.siting.weighing import search_full_cover

#: Exchanges of the local search for a full cover: about a second at 5,000 × 2,000.
_SEARCH_TURNS = 100_000
_SHARE_TURNS = 2000


@dataclass(frozen=True, eq=False)
class _Plan:
    """Candidates besides the forced ones; their cost and its bound [millionths]."""

    candidates: IntArray
    cost: int
    bound: int
    tolerance: int


def minimum_sites(
    problem: SitingProblem,
    *,
    share: float | Fraction = 1,
    time_limit_s: float | None = None,
    stop: Stop | None = None,
) -> SitingResult:
    """Return the cheapest sites (the fewest, without costs) that reach a share.

    Parameters
    ----------
    problem : SitingProblem
    share : float, default 1
        Share of all known people to be covered by what stands or the plan, in (0, 1];
        1 means every point with people.
    time_limit_s : float, optional
        Time after which the best plan so far is returned, with its bound [s].
    stop : callable, optional
        Asked between the steps; True ends the search likewise.

    Returns
    -------
    SitingResult
        ``objective`` and ``bound`` are the cost, forced sites included (the number of
        sites where no costs are given).

    Raises
    ------
    UnservedDemandError
        If the share is out of reach; ``demand`` names the points nobody can serve.
    NoCandidateError, CostError, InputError
        If the request cannot be meant.

    Examples
    --------
    >>> from yikezhong_coverage.siting.matrix import matrix_of
    >>> table = np.array([[True, True, False], [False, True, True], [False, True, False]])
    >>> problem = SitingProblem(matrix_of(table), np.array([3.0, 1.0, 2.0]))
    >>> minimum_sites(problem).chosen.tolist()
    [0, 1]
    >>> minimum_sites(problem, share=0.6).chosen.tolist()
    [0]
    """
    deadline = make_deadline(time_limit_s, stop)
    ledger = open_ledger(problem)
    wanted = share_of(ledger.total, share) - int(ledger.quanta[ledger.covered].sum())
    _check_reachable(problem, ledger, wanted)
    ledger = replace(ledger, group=np.zeros(len(ledger.group), dtype=np.int32))
    core = core_of(problem.covers, ledger, use=ledger.cost)
    full = wanted == int(core.weight.sum())
    if wanted <= 0:
        plan, core = _Plan(np.empty(0, dtype=np.int64), 0, 0, 0), _nothing_left(core)
    elif full:
        core, plan = _full_cover(core, deadline)
    else:
        core, plan = _share_cover(reduce_cover(core), wanted, deadline)
    return _result(problem, ledger, plan, core, deadline)


def _nothing_left(core: Core) -> Core:
    nowhere = np.zeros(core.n_row, dtype=np.bool_)
    return core.take(nowhere, np.zeros(core.n_column, dtype=np.bool_))


def _check_reachable(problem: SitingProblem, ledger: Ledger, wanted: int) -> None:
    """Refuse a share that all candidates together would not reach."""
    reached = problem.covers.covered_by(np.flatnonzero(ledger.free))
    gain = int(ledger.quanta[reached & ~ledger.covered].sum())
    if gain >= wanted:
        return
    unserved = ~reached & ~ledger.covered & (ledger.quanta > 0)
    people = people_of(int(ledger.quanta[unserved].sum()))
    best = (ledger.total - int(ledger.quanta[unserved].sum())) / ledger.total
    raise UnservedDemandError(
        f"有 {int(unserved.sum())} 个需求点（{people:.0f} 人）任何候选点都服务不到，"
        f"选用全部候选点最多覆盖 {best:.1%}",
        demand=np.flatnonzero(unserved),
        hint="请在这些地方增加候选点，或降低目标比例",
    )


def _result(
    problem: SitingProblem,
    ledger: Ledger,
    plan: _Plan,
    core: Core,
    deadline: Deadline,
) -> SitingResult:
    chosen = np.union1d(plan.candidates, np.flatnonzero(ledger.forced))
    covered = ledger.covered | problem.covers.covered_by(plan.candidates)
    cost = ledger.forced_cost + plan.cost
    proven = plan.cost == plan.bound
    n_left = 0 if proven and core.n_column == 0 else core.n_column
    return SitingResult(
        model="minimum_sites",
        chosen=chosen.astype(np.int64),
        objective=cost / COST_PARTS,
        bound=(ledger.forced_cost + plan.bound) / COST_PARTS,
        status="optimal" if proven else deadline.reason,
        tolerance=plan.tolerance / COST_PARTS,
        start_people=people_of(ledger.start),
        covered_people=people_of(int(ledger.quanta[covered].sum())),
        total_people=people_of(ledger.total),
        cost=cost / COST_PARTS,
        reduction=Reduction(
            problem.covers.n_demand, problem.covers.n_candidate, core.n_row, n_left
        ),
    )


def _full_cover(core: Core, deadline: Deadline) -> tuple[Core, _Plan]:
    """Cover every row."""
    search = _Search(core)
    while search.lower < search.upper and not deadline.over and search.narrow():
        pass
    tolerance = 0
    if search.lower < search.upper and not deadline.over:
        tolerance = search.finish(deadline)
    plan = _Plan(search.sites, search.upper, search.lower, tolerance)
    return search.core, plan


class _Search:
    """The state of a search: the incumbent, the bound, and what is still open."""

    def __init__(self, core: Core) -> None:
        self.grid = grid_of(core.use)
        self.core, essential = reduce_full_cover(core)
        self.fixed = essential.tolist()
        self.spent = int(core.use[np.isin(core.candidate, essential)].sum())
        self.lower = self.spent
        self.upper = -1
        self.sites = essential
        self.keep_better(self._greedy())

    def _greedy(self) -> BoolArray:
        if self.core.n_row == 0:
            return np.zeros(self.core.n_column, dtype=np.bool_)
        return greedy_target(self.core, int(self.core.weight.sum()))

    def keep_better(self, chosen: BoolArray) -> None:
        """Take a plan of the open columns if it is cheaper than the incumbent."""
        cost = self.spent + int(self.core.use[chosen].sum())
        if self.upper < 0 or cost < self.upper:
            self.upper = cost
            self.sites = np.concatenate(
                [np.array(self.fixed, dtype=np.int64), self.core.candidate[chosen]]
            )
        if self.core.n_row == 0:
            self.lower = self.upper

    def narrow(self) -> bool:
        """Bound, improve and fix; return whether doing so again may help.

        What is fixed loses no plan cheaper than the incumbent, so the smaller of
        incumbent and open bound stays a bound on every plan.
        """
        core = self.core
        relaxed = relax_full_cover(core, self._greedy())
        self.keep_better(relaxed.chosen)
        if self.spent + relaxed.bound + SAFETY < self.upper - self.grid:
            self.keep_better(
                search_full_cover(core, relaxed.chosen, n_turn=_SEARCH_TURNS)
            )
        slack = SAFETY * (abs(relaxed.bound) + 1)
        steps = int(np.ceil((self.spent + relaxed.bound - slack) / self.grid))
        self.lower = min(self.upper, max(self.lower, steps * self.grid))
        better = self.upper - self.grid - self.spent + slack
        out, into = relaxed.bound_in > better, relaxed.bound_out > better
        if self.lower == self.upper or not (out | into).any():
            return False
        if (out & into).any():  # no plan with or without it is better
            self.lower = self.upper
            return False
        self._fix(out, into)
        return self.lower < self.upper and self.core.n_column < 0.9 * core.n_column

    def _fix(self, out: BoolArray, into: BoolArray) -> None:
        core = self.core
        self._choose(core.candidate[into], core)
        smaller = without_columns(core, np.flatnonzero(into))
        keep = ~np.isin(smaller.candidate, core.candidate[out])
        if coverable(smaller, keep).n_row < smaller.n_row:  # nor is any other
            self.lower = self.upper
            return
        smaller = smaller.take(np.ones(smaller.n_row, dtype=np.bool_), keep)
        self.core, essential = reduce_full_cover(smaller)
        self._choose(essential, smaller)
        self.keep_better(self._greedy())

    def _choose(self, candidates: IntArray, core: Core) -> None:
        self.fixed.extend(candidates.tolist())
        self.spent += int(core.use[np.isin(core.candidate, candidates)].sum())

    def finish(self, deadline: Deadline) -> int:
        """Let HiGHS decide what is open; return what the proof may miss."""
        found = solve_model(CoverModel(self.core, full=True), deadline)
        if found.chosen is not None:
            self.keep_better(found.chosen)
        if not np.isfinite(found.bound):
            return 0
        bound, tolerance = settle_lower(
            found.bound, self.upper - self.spent, grid=self.grid, unit=COST_PARTS
        )
        self.lower = min(self.upper, max(self.lower, self.spent + bound))
        return tolerance


def _share_cover(core: Core, wanted: int, deadline: Deadline) -> tuple[Core, _Plan]:
    """Cover rows of at least ``wanted`` quanta."""
    grid = grid_of(core.use)
    best = prune_target(core, greedy_target(core, wanted), target=wanted)
    best = _cheaper(core, best, wanted, deadline)
    cost = int(core.use[best].sum())
    lower = _least_cost(core, best, wanted, deadline)
    tolerance = 0
    if lower < cost and not deadline.over:
        found = solve_model(CoverModel(core, wanted={0: wanted}), deadline)
        if found.chosen is not None:
            fewer = prune_target(core, found.chosen, target=wanted)
            if core.use[fewer].sum() < cost:
                best, cost = fewer, int(core.use[fewer].sum())
        if np.isfinite(found.bound):
            bound, tolerance = settle_lower(
                max(found.bound, 0.0), cost, grid=grid, unit=COST_PARTS
            )
            lower = max(lower, bound)
    return core, _Plan(core.candidate[best], cost, min(lower, cost), tolerance)


def _cheaper(core: Core, best: BoolArray, wanted: int, deadline: Deadline) -> BoolArray:
    """Look for plans of less and less cost with the search for most people."""
    grid, numbers = grid_of(core.use), np.arange(core.n_column)
    while not deadline.over:
        limit = int(core.use[best].sum()) - grid
        if limit <= 0:
            return best
        # without its least useful column the plan is within the limit
        columns = np.flatnonzero(best)
        without = [covered_weight(core, best & (numbers != c)) for c in columns]
        start = best & (numbers != columns[int(np.argmax(without))])
        found = search_cover(core, start, limit=limit, n_turn=_SHARE_TURNS)
        if covered_weight(core, found) < wanted or core.use[found].sum() > limit:
            return best
        best = prune_target(core, found, target=wanted)
    return best


def _least_cost(core: Core, best: BoolArray, wanted: int, deadline: Deadline) -> int:
    """Return a lower bound of the cost: below it the relaxed cover is too small."""
    grid = grid_of(core.use)
    lower, upper = 0, int(core.use[best].sum())
    nothing = np.zeros(core.n_column, dtype=np.bool_)
    while lower < upper and not deadline.over:
        middle = (lower + upper - grid) // 2 // grid * grid
        relaxed = relax_cover(core, nothing, limit=middle)
        if relaxed.bound + SAFETY * (abs(relaxed.bound) + 1) < wanted:
            lower = middle + grid
        else:
            upper = middle
    return lower
