"""Lagrangian bounds of cover problems, and what they prove about single sites.

For any multipliers the relaxed value is a bound on every plan; subgradient steps
look for multipliers with a good one. If the bound *with* a candidate forced in (or
left out) is already worse than a known plan, the candidate can be fixed out (or in).

Maximum cover: with ``u`` in [0, weight] and ``U_j`` the sum of ``u`` over the rows of
column j,

    value <= sum(weight - u) + knapsack(U; use, limit),

the knapsack relaxed to its fractional optimum. Full cover: with ``u >= 0``,

    cost >= sum(u) + sum(min(0, cost_j - U_j)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, IntArray
from yikezhong_coverage.siting.greedy import covered_weight, prune_target
from yikezhong_coverage.siting.reduce import Core

#: Relative error of the floats here that a conclusion has to survive.
SAFETY = 1e-9
#: Part of the last direction that a subgradient step keeps.
_MEMORY = 0.8


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A bound, and bounds for each column.

    Parameters
    ----------
    bound : float
        On the value of every plan.
    bound_in, bound_out : ndarray of float64, shape (n_column,)
        On the value of every plan with the column, and without it.
    chosen : ndarray of bool, shape (n_column,)
        The best plan seen on the way.
    multiplier : ndarray of float64, shape (n_row,)
    """

    bound: float
    bound_in: FloatArray
    bound_out: FloatArray
    chosen: BoolArray
    multiplier: FloatArray


def relax_cover(
    core: Core, chosen: BoolArray, *, limit: int, n_step: int = 1000
) -> Relaxed:
    """Bound the maximum cover within a limit.

    Parameters
    ----------
    core : Core
    chosen : ndarray of bool, shape (n_column,)
        A plan within the limit.
    limit : int
    n_step : int

    Returns
    -------
    Relaxed
        Bounds in quanta; upper bounds.
    """
    weight = core.weight.astype(np.float64)
    use = core.use.astype(np.float64)
    if len(use) and use[0] > 0 and (use == use[0]).all():
        limit -= limit % int(use[0])
    lower = float(covered_weight(core, chosen))
    multiplier, best = _cover_steps(
        core.row_start,
        core.row_column,
        core.column_start,
        core.column_row,
        weight,
        use,
        float(limit),
        lower,
        chosen.copy(),
        n_step,
    )
    worth = _worth(core.row_start, core.row_column, multiplier, core.n_column)
    x, price = _knapsack(worth, use, float(limit))
    bound = float((weight - multiplier).sum() + (x * worth).sum())
    bound_in, bound_out = _cover_conclusions(worth, use, x, price=price, bound=bound)
    return Relaxed(bound, bound_in, bound_out, best, multiplier)


def relax_full_cover(core: Core, chosen: BoolArray, *, n_step: int = 1500) -> Relaxed:
    """Bound the cost of covering every row.

    Parameters
    ----------
    core : Core
        ``use`` is the cost of each column.
    chosen : ndarray of bool, shape (n_column,)
        A plan that covers every row.

    Returns
    -------
    Relaxed
        Lower bounds, in the unit of ``use``.
    """
    use = core.use.astype(np.float64)
    multiplier, seen = _full_steps(
        core.row_start,
        core.row_column,
        core.column_start,
        core.column_row,
        use,
        float(use[chosen].sum()),
        chosen.copy(),
        n_step,
    )
    reduced = use - _worth(core.row_start, core.row_column, multiplier, core.n_column)
    bound = float(multiplier.sum() + np.minimum(reduced, 0.0).sum())
    best = prune_target(core, seen, target=int(core.weight.sum()))
    if core.use[best].sum() > core.use[chosen].sum():
        best = chosen
    return Relaxed(
        bound,
        bound + np.maximum(reduced, 0.0),
        bound - np.minimum(reduced, 0.0),
        best,
        multiplier,
    )


def _cover_conclusions(
    worth: FloatArray, use: FloatArray, x: FloatArray, *, price: float, bound: float
) -> tuple[FloatArray, FloatArray]:
    """Return upper bounds with each column and without it.

    With the knapsack priced at ``price`` the bound changes by the column's reduced
    worth. Where all uses are equal, the two prices next to the cut are both valid and
    the stronger one is taken for each side.
    """
    low = high = price
    if price > 0 and (use == use[0]).all() and not ((x > 0) & (x < 1)).any():
        high = max(low, float((worth[x >= 1] / use[0]).min(initial=np.inf)))
        high = low if np.isinf(high) else high
    bound_in = bound + np.minimum(0.0, worth - high * use)
    bound_out = bound - np.maximum(0.0, worth - low * use)
    return bound_in, bound_out


@njit(cache=True)
def _worth(
    row_start: IntArray, row_column: IndexArray, multiplier: FloatArray, n_column: int
) -> FloatArray:
    """Return the sum of multipliers over the rows of each column."""
    worth = np.zeros(n_column)
    for i in range(len(multiplier)):
        if multiplier[i] != 0.0:
            for at in range(row_start[i], row_start[i + 1]):
                worth[row_column[at]] += multiplier[i]
    return worth


@njit(cache=True)
def _knapsack(
    worth: FloatArray, use: FloatArray, limit: float
) -> tuple[FloatArray, float]:
    """Return the fractional optimum and the price of a unit of the limit."""
    ratio = np.empty(len(worth))
    for j in range(len(worth)):
        if worth[j] <= 0:
            ratio[j] = 0.0
        else:
            ratio[j] = worth[j] / use[j] if use[j] > 0 else np.inf
    x = np.zeros(len(worth))
    left = limit
    for j in np.argsort(-ratio):
        if worth[j] <= 0:
            break
        if use[j] <= left:
            x[j] = 1.0
            left -= use[j]
        else:
            x[j] = left / use[j]
            return x, ratio[j]
    return x, 0.0


@njit(cache=True)
def _cover_steps(
    row_start: IntArray,
    row_column: IndexArray,
    start: IntArray,
    row: IndexArray,
    weight: FloatArray,
    use: FloatArray,
    limit: float,
    lower: float,
    chosen: BoolArray,
    n_step: int,
) -> tuple[FloatArray, BoolArray]:
    n_row, n_column = len(weight), len(use)
    u = weight * 0.5
    best_u = u.copy()
    best = np.inf
    pace, failed = 1.0, 0
    cover, slope, way = np.empty(n_row), np.empty(n_row), np.zeros(n_row)
    for _ in range(n_step):
        worth = _worth(row_start, row_column, u, n_column)
        x, _price = _knapsack(worth, use, limit)
        bound = (weight - u).sum() + (x * worth).sum()
        if bound < best - 1e-7 * abs(best - lower):
            failed = 0
        else:
            failed += 1
        if bound < best:
            best = bound
            best_u[:] = u
        cover[:] = 0.0
        for j in range(n_column):
            if x[j] > 0:
                for at in range(start[j], start[j + 1]):
                    cover[row[at]] += x[j]
        value = 0.0
        norm = 0.0
        for i in range(n_row):
            if cover[i] >= 1.0:
                value += weight[i]
            slope[i] = cover[i] - (min(1.0, cover[i]) if u[i] >= weight[i] else 1.0)
            if u[i] <= 0.0 and slope[i] > 0.0:
                slope[i] = 0.0
            norm += slope[i] * slope[i]
        if value > lower:
            lower = value
            for j in range(n_column):
                chosen[j] = x[j] >= 1.0
        if failed >= 15:
            pace, failed = pace * 0.6, 0
            u[:] = best_u
            way[:] = 0.0
        if norm == 0.0 or best - lower < 1e-9 * abs(best) or pace < 1e-3:
            break
        # a step keeps part of the last direction, which damps the zigzag
        length = 0.0
        for i in range(n_row):
            way[i] = slope[i] + _MEMORY * way[i]
            length += way[i] * way[i]
        step = pace * (bound - lower) / max(length, 1e-300)
        for i in range(n_row):
            u[i] = min(weight[i], max(0.0, u[i] - step * way[i]))
    return best_u, chosen


@njit(cache=True)
def _full_steps(
    row_start: IntArray,
    row_column: IndexArray,
    start: IntArray,
    row: IndexArray,
    use: FloatArray,
    upper: float,
    chosen: BoolArray,
    n_step: int,
) -> tuple[FloatArray, BoolArray]:
    n_row, n_column = len(row_start) - 1, len(use)
    u = np.empty(n_row)
    for i in range(n_row):
        u[i] = np.inf
        for at in range(row_start[i], row_start[i + 1]):
            j = row_column[at]
            u[i] = min(u[i], use[j] / (start[j + 1] - start[j]))
    best_u = u.copy()
    best = -np.inf
    pace, failed = 1.0, 0
    slope = np.empty(n_row)
    for turn in range(n_step):
        reduced = use - _worth(row_start, row_column, u, n_column)
        bound = u.sum()
        slope[:] = 1.0
        for j in range(n_column):
            if reduced[j] < 0:
                bound += reduced[j]
                for at in range(start[j], start[j + 1]):
                    slope[row[at]] -= 1.0
        failed = 0 if bound > best + 1e-7 * abs(best) else failed + 1
        if bound > best:
            best = bound
            best_u[:] = u
        if turn % 5 == 0:
            plan = _plan_of(row_start, row_column, start, row, use, reduced, u)
            cost = use[plan].sum()
            if cost < upper:
                upper = cost
                chosen[:] = plan
        norm = 0.0
        for i in range(n_row):
            if u[i] <= 0.0 and slope[i] < 0.0:
                slope[i] = 0.0
            norm += slope[i] * slope[i]
        if failed >= 20:
            pace, failed = pace * 0.7, 0
            u[:] = best_u
        if norm == 0.0 or pace < 1e-3:
            break
        step = pace * (1.02 * upper - bound) / norm
        for i in range(n_row):
            u[i] = max(0.0, u[i] + step * slope[i])
    return best_u, chosen


@njit(cache=True)
def _plan_of(
    row_start: IntArray,
    row_column: IndexArray,
    start: IntArray,
    row: IndexArray,
    use: FloatArray,
    reduced: FloatArray,
    u: FloatArray,
) -> BoolArray:
    """Complete the columns of negative reduced cost to a full cover, then prune."""
    n_row, n_column = len(u), len(use)
    plan = np.zeros(n_column, dtype=np.bool_)
    count = np.zeros(n_row, dtype=np.int64)
    new = np.zeros(n_column, dtype=np.int64)
    price = reduced.copy()
    for j in range(n_column):
        new[j] = start[j + 1] - start[j]
    order = np.argsort(reduced)
    at_next = 0
    missing = n_row
    while missing > 0:
        best = -1
        if at_next < n_column and reduced[order[at_next]] < 0:
            best = order[at_next]
            at_next += 1
            if new[best] == 0:
                continue
        else:
            score = np.inf
            for j in range(n_column):
                if new[j] > 0:
                    value = max(price[j], 0.0) / new[j] + 1e-9 * use[j] / new[j]
                    if value < score:
                        best, score = j, value
        plan[best] = True
        for at in range(start[best], start[best + 1]):
            i = row[at]
            count[i] += 1
            if count[i] == 1:
                missing -= 1
                for place in range(row_start[i], row_start[i + 1]):
                    new[row_column[place]] -= 1
                    price[row_column[place]] += u[i]
    for j in order[::-1]:
        if plan[j]:
            needed = False
            for at in range(start[j], start[j + 1]):
                if count[row[at]] == 1:
                    needed = True
                    break
            if not needed:
                plan[j] = False
                for at in range(start[j], start[j + 1]):
                    count[row[at]] -= 1
    return plan
