"""In which order to build: most people early, within each year's means.

The plan's sites are spread over years so that the people covered, summed over the
years, are most; money (or sites) not used in a year is carried over. Greedy gives an
order, and HiGHS proves or betters it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yikezhong_coverage.exact import PEOPLE_QUANTUM
from yikezhong_coverage.records import BoolArray, FloatArray, IntArray
from yikezhong_coverage.siting.errors import BudgetError, CostError, SiteCountError
from yikezhong_coverage.siting.exactness import (
    COST_PARTS,
    Ledger,
    grid_of,
    open_ledger,
    people_of,
    settle_upper,
    unit_of,
)
from yikezhong_coverage.siting.records import SitingProblem, Status, Stop
from yikezhong_coverage.siting.reduce import Core, core_of
from yikezhong_coverage.siting.solver import Deadline, make_deadline, minimise


@dataclass(frozen=True, eq=False)
class BuildingOrder:
    """Sites in the order of building, with what each step adds.

    Parameters
    ----------
    site : ndarray of int64, shape (n_site,)
        Candidates in order.
    year : ndarray of int64, shape (n_site,)
        Index of the year of each, ascending.
    gain : ndarray of float64, shape (n_site,)
        People newly covered by the step [persons].
    covered_people : ndarray of float64, shape (n_site,)
        People covered after the step, existing facilities included [persons].
    start_people : float
        People covered before the first step [persons].
    objective, bound : float
        People covered at the end of each year, summed over the years
        [person-years], and its upper bound.
    status : str
    tolerance : float
        What the proof may miss [person-years].
    """

    site: IntArray
    year: IntArray
    gain: FloatArray
    covered_people: FloatArray
    start_people: float
    objective: float
    bound: float
    status: Status
    tolerance: float

    @property
    def gap(self) -> float:
        """Distance of order and bound relative to the order; 0 is proven best."""
        distance = self.bound - self.objective
        if distance == 0:
            return 0.0
        return distance / self.objective if self.objective else float("inf")

    @property
    def proven(self) -> bool:
        """Whether no order can be better."""
        return self.gap == 0


def building_order(
    problem: SitingProblem,
    chosen: IntArray,
    *,
    sites_per_year: Sequence[int] | None = None,
    budget_per_year: Sequence[float] | None = None,
    time_limit_s: float | None = None,
    stop: Stop | None = None,
) -> BuildingOrder:
    """Spread the sites of a plan over years.

    Parameters
    ----------
    problem : SitingProblem
        As the plan was made; ``forced`` and ``forbidden`` play no part here.
    chosen : ndarray of int64
        Candidates of the plan; all of them are built.
    sites_per_year, budget_per_year : sequence, optional
        Sites or money of each year, exactly one of them; what is left is carried
        over. Together they have to suffice for all sites.
    time_limit_s, stop : optional
        As for :func:`.cover.maximum_cover`.

    Raises
    ------
    SiteCountError, BudgetError, CostError
        If the years together do not suffice, or a number is negative.

    Examples
    --------
    >>> from yikezhong_coverage.siting.matrix import matrix_of
    >>> problem = SitingProblem(matrix_of(np.eye(2, dtype=bool)), np.array([3.0, 5.0]))
    >>> order = building_order(problem, np.array([0, 1]), sites_per_year=[1, 1])
    >>> order.site.tolist(), order.year.tolist(), order.gain.tolist()
    ([1, 0], [0, 1], [5.0, 3.0])
    """
    deadline = make_deadline(time_limit_s, stop)
    ledger = _ledger_of(problem, chosen)
    use, limits = means_of(
        ledger, chosen, sites_per_year=sites_per_year, budget_per_year=budget_per_year
    )
    core = core_of(problem.covers, ledger, use=use)
    missing = np.setdiff1d(chosen, core.candidate)
    if len(missing):  # core_of keeps every free column
        raise SiteCountError("方案含有不存在的候选点")
    year = _greedy_years(core, limits)
    value = _value(core, year, len(limits))
    best, most_people = _prove(core, limits, deadline)
    if best is not None and _value(core, best, len(limits)) > value:
        year, value = best, _value(core, best, len(limits))
    bound, tolerance = int(core.weight.sum()) * len(limits), 0
    if np.isfinite(most_people):
        settled, tolerance = settle_upper(
            most_people, value, grid=grid_of(core.weight), unit=unit_of(core.weight)
        )
        bound = max(value, min(bound, settled))
    site, built, gain = _steps(core, year)
    start = ledger.start
    whole = start * len(limits)
    return BuildingOrder(
        site=site,
        year=built,
        gain=gain.astype(np.float64) * PEOPLE_QUANTUM,
        covered_people=(start + np.cumsum(gain)).astype(np.float64) * PEOPLE_QUANTUM,
        start_people=people_of(start),
        objective=people_of(whole + value),
        bound=people_of(whole + bound),
        status="optimal" if bound == value else deadline.reason,
        tolerance=people_of(tolerance),
    )


def _ledger_of(problem: SitingProblem, chosen: IntArray) -> Ledger:
    n_candidate = problem.covers.n_candidate
    if len(chosen) == 0 or chosen.min() < 0 or chosen.max() >= n_candidate:
        raise SiteCountError("方案没有设施，或含有不存在的候选点")
    others = np.ones(n_candidate, dtype=np.bool_)
    others[chosen] = False
    return open_ledger(
        SitingProblem(
            problem.covers,
            problem.people,
            problem.start_covered,
            problem.cost,
            forbidden=others,
        )
    )


def means_of(
    ledger: Ledger,
    chosen: IntArray,
    *,
    sites_per_year: Sequence[int] | None,
    budget_per_year: Sequence[float] | None,
) -> tuple[IntArray, IntArray]:
    """Return what each candidate uses, and the means up to each year.

    Raises
    ------
    BudgetError, CostError
        If the years together do not suffice, or a number is negative.
    """
    if (sites_per_year is None) == (budget_per_year is None):
        raise CostError("请给出每年的设施个数或每年的预算，二者只取其一")
    if sites_per_year is not None:
        numbers = np.array(sites_per_year, dtype=np.float64)
        use, parts = np.ones(len(ledger.cost), dtype=np.int64), 1
    else:
        numbers = np.array(budget_per_year, dtype=np.float64)
        use, parts = ledger.cost, COST_PARTS
    if len(numbers) == 0 or not ((numbers >= 0) & np.isfinite(numbers)).all():
        raise CostError("每年的设施个数或预算应为非负有限数")
    limits = np.cumsum(np.rint(numbers * parts)).astype(np.int64)
    needed = int(use[np.unique(chosen)].sum())
    if limits[-1] < needed:
        raise BudgetError(
            f"各年合计 {limits[-1] / parts:g} 不足以建成全部设施（需 {needed / parts:g}）",
            hint="请增加年数或每年的数量",
        )
    return use, limits


def _greedy_years(core: Core, limits: IntArray) -> IntArray:
    """Return the year of each column when each step takes the largest gain that fits."""
    year = np.full(core.n_column, len(limits) - 1, dtype=np.int64)
    built = np.zeros(core.n_column, dtype=np.bool_)
    covered = np.zeros(core.n_row, dtype=np.bool_)
    spent = 0
    for t, limit in enumerate(limits.tolist()):
        while True:
            gain = _gains(core, covered).astype(np.float64)
            gain = np.divide(gain, core.use, out=gain, where=core.use > 0)
            gain[built | (spent + core.use > limit)] = -1.0
            best = int(np.argmax(gain)) if len(gain) else -1
            if best < 0 or gain[best] < 0:
                break
            built[best], year[best] = True, t
            spent += int(core.use[best])
            covered[_rows(core, best)] = True
    return year


def _rows(core: Core, column: int) -> IntArray:
    return core.column_row[
        core.column_start[column] : core.column_start[column + 1]
    ].astype(np.int64)


def _gains(core: Core, covered: BoolArray) -> IntArray:
    column = np.repeat(np.arange(core.n_column), np.diff(core.column_start))
    gain = np.zeros(core.n_column, dtype=np.int64)
    new = np.where(covered, 0, core.weight)
    np.add.at(gain, column, new[core.column_row])
    return gain


def _value(core: Core, year: IntArray, n_year: int) -> int:
    """Return the people covered summed over the years, besides the start [quanta]."""
    first = np.full(core.n_row, n_year, dtype=np.int64)
    column = np.repeat(np.arange(core.n_column), np.diff(core.column_start))
    np.minimum.at(first, core.column_row, year[column])
    return int((core.weight * (n_year - first)).sum())


def _steps(core: Core, year: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return sites in order, the largest gain first within a year."""
    covered = np.zeros(core.n_row, dtype=np.bool_)
    left = np.ones(core.n_column, dtype=np.bool_)
    site, built, gains = [], [], []
    for t in np.unique(year):
        while True:
            open_ = np.flatnonzero(left & (year == t))
            if len(open_) == 0:
                break
            gain = _gains(core, covered)
            best = open_[int(np.argmax(gain[open_]))]
            left[best] = False
            site.append(int(core.candidate[best]))
            built.append(int(t))
            gains.append(int(gain[best]))
            covered[_rows(core, best)] = True
    return (
        np.array(site, dtype=np.int64),
        np.array(built, dtype=np.int64),
        np.array(gains, dtype=np.int64),
    )


def _prove(
    core: Core, limits: IntArray, deadline: Deadline
) -> tuple[IntArray | None, float]:
    """Let HiGHS spread the sites; return years, and its upper bound [units]."""
    n_year, n = len(limits), core.n_column
    table, lower, upper = _model(core, limits)
    weight = np.tile(core.weight / unit_of(core.weight), n_year)
    n_x, n_y = n * n_year, core.n_row * n_year
    at_least = np.zeros(n_x + n_y)
    at_least[n_x - n : n_x] = 1.0  # all stand in the last year
    found = minimise(
        np.concatenate([np.zeros(n_x), -weight]),
        table,
        lower=lower,
        upper=upper,
        integral=np.concatenate([np.ones(n_x), np.zeros(n_y)]),
        at_most=np.ones(n_x + n_y),
        at_least=at_least,
        deadline=deadline,
    )
    if found.x is None:
        return None, -found.bound
    stands = found.x[:n_x].reshape(n_year, n) > 0.5
    year = n_year - stands.sum(axis=0).astype(np.int64)
    spent = np.array([core.use[year <= t].sum() for t in range(n_year)])
    return (year if (spent <= limits).all() else None), -found.bound


def _model(core: Core, limits: IntArray) -> tuple[Any, FloatArray, FloatArray]:
    """Return the rows: cover by year, once built stays built, means by year."""
    from scipy.sparse import bmat, csr_array, eye_array, kron

    n_year, n = len(limits), core.n_column
    covers = csr_array(
        (np.ones(len(core.row_column)), core.row_column, core.row_start),
        shape=(core.n_row, n),
    )
    by_year = kron(eye_array(n_year), covers)
    scale = float(core.use.max(initial=1)) or 1.0
    grid = grid_of(core.use)
    spent = kron(eye_array(n_year), csr_array((core.use / scale)[None, :]))
    later = eye_array(n_year - 1, n_year, k=1) - eye_array(n_year - 1, n_year)
    stays = kron(later, eye_array(n))
    blocks = [[by_year, -eye_array(core.n_row * n_year)], [spent, None]]
    sides = [(limits // grid * grid + grid / 2) / scale]
    lower = [np.zeros(core.n_row * n_year), np.full(n_year, -np.inf)]
    upper = [np.full(core.n_row * n_year, np.inf), *sides]
    if n_year > 1:
        blocks.append([stays, None])
        lower.append(np.zeros(n * (n_year - 1)))
        upper.append(np.full(n * (n_year - 1), np.inf))
    return bmat(blocks).tocsr(), np.concatenate(lower), np.concatenate(upper)
