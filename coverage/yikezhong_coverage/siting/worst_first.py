"""The worst-off group first: no plan lifts the lowest rates further, with proof.

Rates of groups (townships) are compared from the lowest up: a plan is better if its
lowest rate is higher; of equal ones, if fewer groups have it; then by the next rate,
and at last by all people covered. Each step is a whole-number program:

- raise the lowest rate of all but the groups that are settled;
- how few groups can stay at that rate? That no fewer can is the proof, and that it is
  the best rate at all (else nobody but the settled groups would have to stay).

Groups that no candidate can raise are the same in every plan and play no part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from yikezhong_coverage.records import BoolArray, IntArray
from yikezhong_coverage.siting.cover import best_cover
from yikezhong_coverage.siting.errors import PlanMismatchError
from yikezhong_coverage.siting.exactness import (
    COST_PARTS,
    Ledger,
    grid_of,
    open_ledger,
    people_of,
    settle_upper,
    spending_limit,
    unit_of,
)
from yikezhong_coverage.siting.greedy import covered_weight
from yikezhong_coverage.siting.rate_model import (
    Floor,
    RateModel,
    covered_by_group,
    solve_rates,
)
from yikezhong_coverage.siting.records import (
    Reduction,
    SitingProblem,
    SitingResult,
    Stop,
)
from yikezhong_coverage.siting.reduce import Core, core_of, reduce_cover
from yikezhong_coverage.siting.solver import Deadline, make_deadline


@dataclass(frozen=True)
class FairLevel:
    """A rate of the plan, from the lowest up.

    Parameters
    ----------
    share : Fraction
        Covered people over all known people of a group, in [0, 1].
    n_group : int
        Groups that have it.
    proven : bool
        Whether no plan has a higher rate here, or the same for fewer groups, without
        being worse at a lower one.
    """

    share: Fraction
    n_group: int
    proven: bool


@dataclass(frozen=True, eq=False)
class FairResult:
    """A plan and its rates.

    Parameters
    ----------
    plan : SitingResult
        ``objective`` is all people covered; ``bound`` equals it where every level and
        the people are proven.
    levels : tuple of FairLevel
        Of the groups that some candidate can raise, ascending.
    n_fixed : int
        Groups with people that no candidate can raise.
    """

    plan: SitingResult
    levels: tuple[FairLevel, ...]
    n_fixed: int


def worst_first_cover(
    problem: SitingProblem,
    *,
    n_sites: int | None = None,
    budget: float | None = None,
    time_limit_s: float | None = None,
    stop: Stop | None = None,
) -> FairResult:
    """Return the sites that lift the worst-off groups most.

    Parameters
    ----------
    problem : SitingProblem
        With ``group``; points without a group count only at last, as people.
    n_sites, budget, time_limit_s, stop : optional
        As for :func:`.cover.maximum_cover`.

    Examples
    --------
    One site: the larger gain is in group 0, the worse off is group 1.

    >>> from yikezhong_coverage.siting.matrix import matrix_of
    >>> problem = SitingProblem(
    ...     matrix_of(np.array([[False, True, False], [False, False, True]])),
    ...     np.array([5.0, 9.0, 2.0]), np.array([True, False, False]),
    ...     group=np.array([0, 0, 1], dtype=np.int32))
    >>> found = worst_first_cover(problem, n_sites=1)
    >>> found.plan.chosen.tolist(), found.plan.proven
    ([1], True)
    >>> [(float(level.share), level.n_group) for level in found.levels]
    [(0.35714285714285715, 1), (1.0, 1)]
    """
    deadline = make_deadline(time_limit_s, stop)
    ledger = open_ledger(problem)
    use, limit = spending_limit(ledger, n_sites=n_sites, budget=budget)
    ledger = replace(ledger, free=ledger.free & (use <= limit))
    core = reduce_cover(core_of(problem.covers, ledger, use=use))
    total, base = _sums(ledger)
    active = np.unique(core.group[core.group >= 0])
    search = _Search(
        RateModel(core, limit, active, total[active], base[active]), deadline
    )
    search.climb()
    people, bound, tolerance = search.most_people()
    chosen = np.union1d(core.candidate[people], np.flatnonzero(ledger.forced))
    covered = ledger.covered | problem.covers.covered_by(chosen)
    before = int(ledger.quanta[ledger.covered].sum())
    value = int(ledger.quanta[covered].sum())
    if value - before != covered_weight(core, people) or use[chosen].sum() > (
        limit + int(use[ledger.forced].sum())
    ):
        raise PlanMismatchError("公平方案的覆盖人数或用量无法核对")
    plan = SitingResult(
        model="worst_first",
        chosen=chosen.astype(np.int64),
        objective=people_of(value),
        bound=people_of(before + bound),
        status="optimal" if before + bound == value else deadline.reason,
        tolerance=people_of(tolerance),
        start_people=people_of(ledger.start),
        covered_people=people_of(value),
        total_people=people_of(ledger.total),
        cost=int(ledger.cost[chosen].sum()) / COST_PARTS,
        reduction=Reduction(
            problem.covers.n_demand,
            problem.covers.n_candidate,
            core.n_row,
            core.n_column,
        ),
    )
    n_fixed = int((np.delete(total, active) > 0).sum())
    return FairResult(plan, search.levels(people), n_fixed)


def _sums(ledger: Ledger) -> tuple[IntArray, IntArray]:
    """Return all known people of each group, and those covered from the start."""
    n_group = int(ledger.group.max(initial=-1)) + 1
    total, base = (np.zeros(n_group, dtype=np.int64) for _ in range(2))
    inside = ledger.group >= 0
    np.add.at(total, ledger.group[inside], ledger.quanta[inside])
    inside &= ledger.covered
    np.add.at(base, ledger.group[inside], ledger.quanta[inside])
    return total, base


class _Search:
    """The best plan so far, and what is proven of its rates."""

    def __init__(self, model: RateModel, deadline: Deadline) -> None:
        self.model = model
        self.deadline = deadline
        self.floors: list[Floor] = []
        self.n_settled = 0
        core = model.core
        first = _ungrouped_best(core, model.limit, deadline)
        self.best = first

    def rates(self, chosen: BoolArray) -> list[Fraction]:
        """Return the rates of a plan, ascending."""
        covered = covered_by_group(self.model, chosen)
        whole = zip(covered.tolist(), self.model.total.tolist(), strict=True)
        return sorted(Fraction(part, total) for part, total in whole)

    def keep_better(self, chosen: BoolArray) -> bool:
        """Take a plan if its rates, and then its people, are better."""
        core = self.model.core
        new = (self.rates(chosen), covered_weight(core, chosen))
        is_better = new > (self.rates(self.best), covered_weight(core, self.best))
        if is_better:
            self.best = chosen
        return is_better

    def climb(self) -> None:
        """Prove rate after rate until the groups or the time are at an end."""
        n_group = len(self.model.active)
        while self.n_settled < n_group and not self.deadline.over:
            found = solve_rates(
                self.model, self.floors, n_exempt=self.n_settled, deadline=self.deadline
            )
            if found.chosen is not None:
                self.keep_better(found.chosen)
            if not self._settle():
                return

    def _settle(self) -> bool:
        """Prove the lowest open rate of the best plan; False where it cannot be."""
        while True:
            share = self.rates(self.best)[self.n_settled]
            above = self.model.floor_above(share)
            found = solve_rates(
                self.model, self.floors, counted=above, deadline=self.deadline
            )
            if found.chosen is None:
                return False
            is_better = self.keep_better(found.chosen)
            n_left = self.model.n_short(above, found.chosen)
            if not found.done or (n_left <= self.n_settled and not is_better):
                return False
            if n_left > self.n_settled:
                break
        at_least = self.model.floor_at(share)
        self.floors.append(replace(at_least, most=self.n_settled))
        self.n_settled = n_left
        return True

    def most_people(self) -> tuple[BoolArray, int, int]:
        """Return the plan with most people of those with these rates, and a bound."""
        core = self.model.core
        whole = int(core.weight.sum())
        if self.n_settled < len(self.model.active) or self.deadline.over:
            return self.best, whole, 0
        found = solve_rates(
            self.model, self.floors, most_people=True, deadline=self.deadline
        )
        if found.chosen is not None:
            self.keep_better(found.chosen)
        value = covered_weight(core, self.best)
        if not np.isfinite(found.bound):
            return self.best, whole, 0
        bound, tolerance = settle_upper(
            found.bound, value, grid=grid_of(core.weight), unit=unit_of(core.weight)
        )
        return self.best, min(whole, bound), tolerance

    def levels(self, chosen: BoolArray) -> tuple[FairLevel, ...]:
        """Return the rates of a plan with what is proven of each."""
        rates, found = self.rates(chosen), []
        at = 0
        while at < len(rates):
            n = sum(rate == rates[at] for rate in rates)
            found.append(FairLevel(rates[at], n, at + n <= self.n_settled))
            at += n
        return tuple(found)


def _ungrouped_best(core: Core, limit: int, deadline: Deadline) -> BoolArray:
    """Return the plan with most people, to begin with."""
    plan = best_cover(core, limit, deadline.within(0.2 * min(deadline.left_s, 60.0)))[1]
    found: BoolArray = np.isin(core.candidate, plan.candidates)
    return found
