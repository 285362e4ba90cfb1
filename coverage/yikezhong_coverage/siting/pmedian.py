"""The p-median: p sites from which all people together are nearest, with proof.

Greedy and interchange find a plan, Lagrangian multipliers bound it and fix most
candidates, and HiGHS decides the rest in the radius formulation (García, Labbé and
Marín 2011): for each demand and each of its distinct distances a variable says that
nothing is open so near.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from yikezhong_coverage.errors import InfeasibleError
from yikezhong_coverage.records import BoolArray, FloatArray, IntArray
from yikezhong_coverage.siting.distances import Distances, cost_of, sorted_distances
from yikezhong_coverage.siting.errors import NoPlanYetError
from yikezhong_coverage.siting.exactness import check_choice, check_site_count
from yikezhong_coverage.siting.median_kernels import (
    greedy_median,
    interchange,
    median_steps,
    reduced_worth,
    shake_median,
    table_of,
)
from yikezhong_coverage.siting.records import (
    DistanceProblem,
    Reduction,
    SitingResult,
    Stop,
)
from yikezhong_coverage.siting.solver import (
    Deadline,
    make_deadline,
    minimise,
    tolerance_of,
)

_STEPS = 3000
_SAFETY = 1e-10
_SHAKES = 60
_SEED = 20


def p_median(
    problem: DistanceProblem,
    *,
    n_sites: int,
    time_limit_s: float | None = None,
    stop: Stop | None = None,
) -> SitingResult:
    """Return the sites with the least sum of people × time to the nearest.

    Parameters
    ----------
    problem : DistanceProblem
    n_sites : int
        Number of sites, forced ones included; existing facilities are not counted.
    time_limit_s : float, optional
        Time after which the best plan so far is returned, with its bound [s].
    stop : callable, optional
        Asked between the steps; True ends the search likewise.

    Returns
    -------
    SitingResult
        ``objective`` and ``bound`` in people × seconds (or weight × distance).

    Raises
    ------
    UnservedDemandError
        If points have no way to any candidate or facility; ``demand`` names them.
    InfeasibleError
        If that many sites cannot give every point a way to one.
    SiteCountError, NoCandidateError, InputError
        If the request cannot be meant.

    Examples
    --------
    >>> time_s = np.array([[0.0, 5.0, 9.0], [5.0, 0.0, 4.0], [9.0, 4.0, 0.0]])
    >>> result = p_median(DistanceProblem(time_s, np.ones(3)), n_sites=1)
    >>> result.chosen.tolist(), result.objective, result.proven
    ([1], 9.0, True)
    """
    deadline = make_deadline(time_limit_s, stop)
    forced, free = check_choice(
        problem.time_s.shape[0], forced=problem.forced, forbidden=problem.forbidden
    )
    open_ = forced | free
    check_site_count(n_sites, n_open=int(open_.sum()), n_forced=int(forced.sum()))
    columns = np.flatnonzero(open_)
    distances = sorted_distances(problem, weighted=True).take(columns)
    search = _Search(distances, n_sites, forced[columns], columns)
    while not search.closed and not deadline.over and search.narrow():
        pass
    if not search.closed and not deadline.over:
        search.finish(deadline)
    if search.sites is None:
        raise NoPlanYetError("计算时限内没有找到方案", hint="请延长计算时限")
    return SitingResult(
        model="p_median",
        chosen=np.sort(search.sites),
        objective=search.upper,
        bound=search.lower,
        status="optimal" if search.closed else deadline.reason,
        tolerance=0.0 if search.grid else tolerance_of(search.upper),
        cost=float(n_sites),
        reduction=Reduction(
            problem.time_s.shape[1],
            problem.time_s.shape[0],
            distances.n_row,
            len(search.columns),
            n_fixed_in=int(search.forced.sum()),
            n_fixed_out=len(columns) - len(search.columns),
        ),
    )


class _Search:
    """The state of a search: the incumbent, the bound, and what is still open."""

    def __init__(
        self, distances: Distances, n_sites: int, forced: BoolArray, columns: IntArray
    ) -> None:
        self.distances = distances
        self.n_sites = n_sites
        self.forced = forced.copy()
        self.columns = columns
        self.grid = _whole_grid(distances)
        self.upper, self.lower = math.inf, 0.0
        self.sites: IntArray | None = None
        finite = np.isfinite(distances.cost)
        worst = np.where(finite, distances.cost, 0.0).max(axis=1, initial=0.0)
        self.penalty = float(worst.sum()) + 1.0
        self.multiplier = np.minimum(
            distances.cost[:, min(1, distances.n_column - 1)], distances.start_cost
        )
        self.multiplier[np.isinf(self.multiplier)] = 0.0
        plan = greedy_median(
            self._table(), self._start(), n_sites, np.asarray(self.forced)
        )
        self._exchange(plan)

    @property
    def closed(self) -> bool:
        """Whether the incumbent is proven best."""
        return self.sites is not None and self.lower >= self.upper

    def _table(self) -> FloatArray:
        table = table_of(self.distances.near, self.distances.cost)
        return np.where(np.isinf(table), self.penalty, table)

    def _start(self) -> FloatArray:
        return np.minimum(self.distances.start_cost, self.penalty)

    def _exchange(self, plan: BoolArray) -> None:
        cost = np.minimum(self.distances.cost, self.penalty)
        interchange(
            self.distances.near, cost, self._table(), self._start(), self.forced, plan
        )
        self.keep_better(plan)

    def keep_better(self, plan: BoolArray) -> None:
        """Take a plan of the open columns if it beats the incumbent."""
        value = math.fsum(cost_of(self.distances, plan))
        if value < self.upper:
            self.upper, self.sites = value, self.columns[plan]
        self.lower = min(self.lower, self.upper)

    def shake(self) -> None:
        """Look for a better plan near the incumbent."""
        if self.sites is None:
            return
        plan = np.isin(self.columns, self.sites)
        shake_median(
            self.distances.near,
            np.minimum(self.distances.cost, self.penalty),
            self._table(),
            self._start(),
            self.forced,
            plan,
            self.lower,
            _SHAKES,
            _SEED,
        )
        self.keep_better(plan)

    def raise_bound(self, bound: float) -> None:
        """Take a lower bound, rounded up to the grid of values."""
        if self.grid:
            slack = _SAFETY * abs(bound) + 1e-6 * self.grid
            bound = math.ceil((bound - slack) / self.grid) * self.grid
        elif self.upper - bound <= tolerance_of(self.upper):
            bound = self.upper
        self.lower = min(self.upper, max(self.lower, bound))

    def narrow(self) -> bool:
        """Bound, improve and fix; return whether doing so again may help."""
        if self.sites is None:
            return False
        d = self.distances
        plan = np.isin(self.columns, self.sites)
        self.multiplier, _ = median_steps(
            d.near,
            d.cost,
            d.start_cost,
            self.n_sites,
            self.forced,
            self.multiplier.copy(),
            self.upper,
            plan,
            _STEPS,
        )
        if plan.any():
            self._exchange(plan)
        rho = reduced_worth(d.near, d.cost, self.multiplier, d.n_column)
        bound, bound_in, bound_out = _conclusions(
            rho, float(self.multiplier.sum()), self.n_sites, self.forced
        )
        self.raise_bound(bound)
        if not self.closed:
            self.shake()
        if self.closed:
            return False
        slack = _SAFETY * abs(bound) + 1e-6 * self.grid
        better = self.upper - self.grid + slack
        out, into = bound_in > better, (bound_out > better) & ~self.forced
        n_before = len(self.columns)
        self.forced |= into
        if self.forced.sum() > self.n_sites or (~out).sum() < self.n_sites:
            self.lower = self.upper  # no plan beats the incumbent
            return False
        keep = np.flatnonzero(~out | self.forced)
        self.distances = d.take(keep)
        self.columns, self.forced = self.columns[keep], self.forced[keep]
        return len(keep) < 0.9 * n_before

    def finish(self, deadline: Deadline) -> None:
        """Let HiGHS decide what is open."""
        model = _radius_model(self.distances, self.forced, self.n_sites)
        scale = float(self.grid) or max(self.upper, 1.0) / 1e6
        if not np.isfinite(scale):
            scale = 1.0
        found = minimise(
            model.objective / scale,
            model.table,
            lower=model.lower,
            upper=model.upper,
            integral=model.integral,
            at_most=np.ones(len(model.objective)),
            at_least=model.at_least,
            deadline=deadline,
        )
        if found.x is not None:
            self.keep_better(found.x[: len(self.columns)] > 0.5)
        if self.sites is None and found.done:
            raise InfeasibleError(
                f"{self.n_sites} 处设施不能使所有需求点都有路可达",
                hint="请增加设施个数",
            )
        if found.done and found.x is None:
            self.lower = self.upper  # no plan beats the incumbent
        elif np.isfinite(found.bound):
            self.raise_bound(found.bound * scale + model.constant)


def _whole_grid(distances: Distances) -> int:
    """Return the greatest common divisor of whole costs; 0 where they are not."""
    values = np.append(distances.cost.ravel(), distances.start_cost)
    values = values[np.isfinite(values)]
    if (values != np.floor(values)).any() or values.sum() >= 2**53:
        return 0
    return int(np.gcd.reduce(values.astype(np.int64)))


def _conclusions(
    rho: FloatArray, base: float, n_sites: int, forced: BoolArray
) -> tuple[float, FloatArray, FloatArray]:
    """Return lower bounds: on every plan, with each column, and without it."""
    left = n_sites - int(forced.sum())
    order = np.flatnonzero(~forced)
    order = order[np.argsort(rho[order], kind="stable")]
    inside, outside = order[:left], order[left:]
    bound = base + float(rho[forced].sum()) + float(rho[inside].sum())
    bound_in, bound_out = np.full(len(rho), bound), np.full(len(rho), bound)
    last = rho[inside[-1]] if len(inside) else -np.inf
    following = rho[outside[0]] if len(outside) else np.inf
    bound_in[outside] += rho[outside] - last
    bound_out[inside] += following - rho[inside]
    return bound, bound_in, bound_out


@dataclass(frozen=True, eq=False)
class _Model:
    """The radius formulation: sites first, then radii."""

    objective: FloatArray
    table: Any
    lower: FloatArray
    upper: FloatArray
    integral: FloatArray
    at_least: FloatArray
    constant: float


def _radius_model(distances: Distances, forced: BoolArray, n_sites: int) -> _Model:
    from scipy.sparse import csr_array

    n = distances.n_column
    objective: list[float] = [0.0] * n
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    lower: list[float] = []
    constant = 0.0
    for near, cost, start in zip(
        distances.near, distances.cost, distances.start_cost, strict=True
    ):
        cap = float(min(start, np.min(cost[forced[near]], initial=np.inf)))
        n_near = int(np.searchsorted(cost, cap, side="left"))
        n_near = min(n_near, int(np.searchsorted(cost, np.inf, side="left")))
        radii, first = np.unique(cost[:n_near], return_index=True)
        if len(radii) == 0:
            constant += cap
            continue
        constant += float(radii[0])
        ends = np.append(first[1:], n_near)
        before = -1
        for k in range(len(radii)):
            following = radii[k + 1] if k + 1 < len(radii) else cap
            members = near[first[k] : ends[k]].tolist()
            row = len(lower)
            rows.extend([row] * len(members))
            columns.extend(members)
            values.extend([1.0] * len(members))
            lower.append(1.0 if before < 0 else 0.0)
            if before >= 0:
                rows.append(row)
                columns.append(before)
                values.append(-1.0)
            if np.isfinite(following):
                before = len(objective)
                objective.append(float(following - radii[k]))
                rows.append(row)
                columns.append(before)
                values.append(1.0)
    n_row, n_variable = len(lower) + 1, len(objective)
    rows.extend([n_row - 1] * n)
    columns.extend(range(n))
    values.extend([1.0] * n)
    table = csr_array((values, (rows, columns)), shape=(n_row, n_variable))
    whole = np.zeros(n_variable)
    whole[:n] = 1.0
    at_least = np.zeros(n_variable)
    at_least[:n] = forced
    most = np.append(np.full(n_row - 1, np.inf), float(n_sites))
    least = np.append(np.array(lower), float(n_sites))
    return _Model(np.array(objective), table, least, most, whole, at_least, constant)
