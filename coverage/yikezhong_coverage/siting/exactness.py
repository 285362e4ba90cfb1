"""A siting problem in whole numbers: people in quanta, money in millionths.

Whole numbers make comparisons with a budget or a target exact, and sums independent
of their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.exact import PEOPLE_QUANTUM
from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, IntArray
from yikezhong_coverage.siting.errors import (
    BudgetError,
    CostError,
    NoCandidateError,
    SiteCountError,
)
from yikezhong_coverage.siting.records import SitingProblem
from yikezhong_coverage.siting.solver import tolerance_of
from yikezhong_coverage.supply import quanta_of

#: Money is counted in these parts of the user's unit.
COST_PARTS = 1_000_000
_MOST_COST = 2**52
#: Quanta per person.
PEOPLE_UNIT = round(1 / PEOPLE_QUANTUM)
_MOST_STEPS = 10**8


@dataclass(frozen=True, eq=False)
class Ledger:
    """Checked whole numbers of a :class:`SitingProblem`.

    Parameters
    ----------
    quanta : ndarray of int64, shape (n_demand,)
        People of each point [2⁻²⁰ persons]; 0 where unknown.
    covered : ndarray of bool, shape (n_demand,)
        What stands or is forced covers the point.
    start, total : int
        People covered by what stands, and all [2⁻²⁰ persons].
    cost : ndarray of int64, shape (n_candidate,)
        Millionths of the unit of money; a million per site without costs.
    forced, free : ndarray of bool, shape (n_candidate,)
        In every plan; open to choice.
    group : ndarray of int32, shape (n_demand,)
    """

    quanta: IntArray
    covered: BoolArray
    start: int
    total: int
    cost: IntArray
    forced: BoolArray
    free: BoolArray
    group: IndexArray

    @property
    def forced_cost(self) -> int:
        """Money that the forced sites cost [millionths]."""
        return int(self.cost[self.forced].sum())


def open_ledger(problem: SitingProblem) -> Ledger:
    """Check a problem and turn it into whole numbers.

    Raises
    ------
    InputError
        If people are negative, or a site is both forced and forbidden.
    CostError
        If a cost is negative or not finite.
    NoCandidateError
        If there is no candidate, or all are forbidden.
    """
    covers = problem.covers
    quanta = quanta_of(problem.people, name="people")
    forced, free = check_choice(
        covers.n_candidate, forced=problem.forced, forbidden=problem.forbidden
    )
    start = problem.start_covered
    if start is None:
        start = np.zeros(covers.n_demand, dtype=np.bool_)
    group = problem.group
    if group is None:
        group = np.full(covers.n_demand, -1, dtype=np.int32)
    return Ledger(
        quanta=quanta,
        covered=start | covers.covered_by(np.flatnonzero(forced)),
        start=int(quanta[start].sum()),
        total=int(quanta.sum()),
        cost=cost_parts(problem.cost, covers.n_candidate),
        forced=forced,
        free=free,
        group=group,
    )


def check_choice(
    n_candidate: int, *, forced: BoolArray | None, forbidden: BoolArray | None
) -> tuple[BoolArray, BoolArray]:
    """Return which candidates are forced and which are open to choice."""
    nowhere = np.zeros(n_candidate, dtype=np.bool_)
    forced = nowhere if forced is None else forced
    forbidden = nowhere if forbidden is None else forbidden
    both = np.flatnonzero(forced & forbidden)
    if len(both):
        raise InputError(f"第 {both[0] + 1} 个候选点既为必选又为禁选")
    if n_candidate == 0:
        raise NoCandidateError("没有候选点", hint="请提供候选点图层，或放宽生成条件")
    if forbidden.all():
        raise NoCandidateError(
            f"全部 {n_candidate} 个候选点均被排除",
            hint="请检查禁建区、适建条件与禁选设置",
        )
    return forced, ~forced & ~forbidden


def cost_parts(cost: FloatArray | None, n_candidate: int) -> IntArray:
    """Return costs in millionths of their unit; a million each without costs.

    Examples
    --------
    >>> cost_parts(np.array([0.1, 12.5]), 2).tolist()
    [100000, 12500000]
    """
    if cost is None:
        return np.full(n_candidate, COST_PARTS, dtype=np.int64)
    bad = np.flatnonzero(~((cost >= 0) & np.isfinite(cost)))
    if len(bad):
        raise CostError(
            f"第 {bad[0] + 1} 个候选点的费用为 {cost[bad[0]]}，应为非负有限数"
        )
    if float(cost.sum()) * COST_PARTS > _MOST_COST:
        raise CostError("费用合计过大", hint="请改用较大的货币单位，如万元")
    return np.rint(cost * COST_PARTS).astype(np.int64)


def spending_limit(
    ledger: Ledger, *, n_sites: int | None, budget: float | None
) -> tuple[IntArray, int]:
    """Return what each candidate uses up, and how much is left after forced sites.

    Parameters
    ----------
    ledger : Ledger
    n_sites, budget : int, float, optional
        Exactly one of them: the largest number of sites, or the money.

    Raises
    ------
    SiteCountError, CostError, BudgetError
    """
    if (n_sites is None) == (budget is None):
        raise InputError("请给出设施个数或预算，二者只取其一")
    n_open = int((ledger.forced | ledger.free).sum())
    if n_sites is not None:
        check_site_count(n_sites, n_open=n_open, n_forced=int(ledger.forced.sum()))
        used = np.ones(len(ledger.cost), dtype=np.int64)
        return used, n_sites - int(ledger.forced.sum())
    if budget is None or not (budget >= 0 and np.isfinite(budget)):
        raise CostError(f"预算为 {budget}，应为非负有限数")
    # at the millionth, as the costs, so that a budget equal to a sum pays for it
    limit = int(np.rint(min(budget * COST_PARTS, float(_MOST_COST))))
    left = limit - ledger.forced_cost
    if left < 0:
        raise BudgetError(
            f"预算 {budget:g} 不足以支付必选点的费用 "
            f"{ledger.forced_cost / COST_PARTS:g}",
            hint="请提高预算或减少必选点",
        )
    if not ledger.forced.any() and (ledger.cost[ledger.free] > left).all():
        cheapest = ledger.cost[ledger.free].min() / COST_PARTS
        raise BudgetError(
            f"预算 {budget:g} 低于最便宜候选点的费用 {cheapest:g}",
            hint="请提高预算或增加候选点",
        )
    return ledger.cost, left


def check_site_count(n_sites: int, *, n_open: int, n_forced: int) -> None:
    """Refuse a number of sites that no plan can have."""
    if isinstance(n_sites, bool) or n_sites != int(n_sites) or n_sites < 1:
        raise SiteCountError(f"设施个数为 {n_sites}，应为正整数")
    if n_sites > n_open:
        raise SiteCountError(
            f"要求选 {n_sites} 处，但可选的候选点只有 {n_open} 个",
            hint="请减少设施个数或增加候选点",
        )
    if n_sites < n_forced:
        raise SiteCountError(
            f"要求选 {n_sites} 处，但必选点已有 {n_forced} 个",
            hint="请增加设施个数或减少必选点",
        )


def share_of(total: int, share: float | Fraction) -> int:
    """Return the smallest whole number that is at least a share of the total.

    The share is read as the decimal that its shortest text shows, so that 0.55 of
    20 is 11.

    Examples
    --------
    >>> share_of(20, 0.55), share_of(46, 0.6), share_of(3, 1)
    (11, 28, 3)
    """
    exact = exact_share(share)
    return -((-total * exact.numerator) // exact.denominator)


def exact_share(share: float | Fraction) -> Fraction:
    """Return a share in (0, 1] as the decimal that was meant."""
    if not 0 < share <= 1:
        raise InputError(f"比例应大于 0、不大于 1，不是 {share}")
    return share if isinstance(share, Fraction) else Fraction(repr(float(share)))


def grid_of(values: IntArray) -> int:
    """Return the greatest whole number that divides all values; 1 if all are 0.

    Examples
    --------
    >>> grid_of(np.array([12, 0, 18]))
    6
    """
    return int(np.gcd.reduce(values)) or 1 if len(values) else 1


def unit_of(values: IntArray) -> int:
    """Return the quanta that the solver counts as one.

    Where the values are not too many steps of their grid, it counts the steps, and
    its tolerance is far below one; else it counts persons.

    Examples
    --------
    >>> unit_of(np.array([3, 5])), unit_of(np.array([3 << 20, 5 << 20])) == 1 << 20
    (1, True)
    """
    grid = grid_of(values)
    return grid if int(values.sum()) // grid <= _MOST_STEPS else PEOPLE_UNIT


def settle_upper(bound: float, value: int, *, grid: int, unit: int) -> tuple[int, int]:
    """Bring the solver's upper bound to the grid on which values lie.

    Parameters
    ----------
    bound : float
        From the solver, in units.
    value : int
        Of the best plan, in whole parts.
    grid : int
        Every plan's value is a multiple of this [parts].
    unit : int
        Parts of a unit.

    Returns
    -------
    bound : int
        [parts], not below ``value``.
    tolerance : int
        What the proof may miss [parts]; 0 where the grid is coarser.

    Examples
    --------
    >>> settle_upper(7.9, 7, grid=1, unit=1)
    (7, 0)
    >>> settle_upper(8.0000001, 7, grid=1, unit=1)
    (8, 0)
    """
    if not np.isfinite(bound):
        raise InputError("没有上界可供取整")
    slack = tolerance_of(bound)
    if 2 * slack * unit < grid:
        whole = int(Fraction(bound + slack) * unit // grid) * grid
        return max(value, whole), 0
    most = int(np.floor(bound * unit))
    parts = int(np.ceil(slack * unit))
    return (value if most - value <= parts else most), parts


def settle_lower(bound: float, value: int, *, grid: int, unit: int) -> tuple[int, int]:
    """Bring the solver's lower bound to the grid; see :func:`settle_upper`.

    Examples
    --------
    >>> settle_lower(160.2, 163, grid=1, unit=1)
    (161, 0)
    """
    upper, slack = settle_upper(-bound, -value, grid=grid, unit=unit)
    return -upper, slack


def people_of(quanta: int) -> float:
    """Return whole quanta as people [persons].

    Examples
    --------
    >>> people_of(1 << 20)
    1.0
    """
    return quanta * PEOPLE_QUANTUM
