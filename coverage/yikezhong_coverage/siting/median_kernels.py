"""Compiled steps of the p-median: Lagrangian bounds and interchange.

The relaxed assignment: with a multiplier ``v`` for each row of demand,

    cost >= sum(v) + sum of the p smallest rho_j,   rho_j = sum(min(0, cost_ij - v_i)),

where ``v_i`` is not above the cost of going to what stands already. Only columns
nearer than ``v_i`` matter, which are few: a step takes little more time than there
are rows.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, IntArray


@njit(cache=True)
def reduced_worth(
    near: IndexArray, cost: FloatArray, v: FloatArray, n_column: int
) -> FloatArray:
    """Return rho of every column for the multipliers."""
    rho = np.zeros(n_column)
    for i in range(len(v)):
        for k in range(near.shape[1]):
            if cost[i, k] >= v[i]:
                break
            rho[near[i, k]] += cost[i, k] - v[i]
    return rho


@njit(cache=True)
def median_steps(
    near: IndexArray,
    cost: FloatArray,
    start_cost: FloatArray,
    n_sites: int,
    forced: BoolArray,
    v: FloatArray,
    upper: float,
    plan: BoolArray,
    n_step: int,
) -> tuple[FloatArray, float]:
    """Improve the multipliers ``v``; ``plan`` becomes the best plan seen.

    Returns
    -------
    multiplier : ndarray of float64, shape (n_row,)
    upper : float
        Cost of ``plan``.
    """
    n_row, n_column = near.shape
    best = -np.inf
    best_v = v.copy()
    slope, way = np.empty(n_row), np.zeros(n_row)
    pace, failed = 1.0, 0
    chosen = np.zeros(n_column, dtype=np.bool_)
    for _ in range(n_step):
        rho = reduced_worth(near, cost, v, n_column)
        bound = v.sum()
        chosen[:] = False
        left = n_sites
        for j in range(n_column):
            if forced[j]:
                chosen[j] = True
                bound += rho[j]
                left -= 1
        if left > 0:
            for j in np.argsort(rho):
                if left == 0:
                    break
                if not chosen[j]:
                    chosen[j] = True
                    bound += rho[j]
                    left -= 1
        failed = 0 if bound > best + 1e-7 * abs(best) else failed + 1
        if bound > best:
            best = bound
            best_v[:] = v
        total = 0.0
        norm = 0.0
        for i in range(n_row):
            slope[i] = 1.0
            if v[i] >= start_cost[i]:
                slope[i] = 0.0  # goes to what stands, at no less
            first = start_cost[i]
            for k in range(n_column):
                c = cost[i, k]
                if c >= v[i] and c >= first:
                    break
                if chosen[near[i, k]]:
                    if c < v[i]:
                        slope[i] -= 1.0
                    first = min(first, c)
                    if c >= v[i]:
                        break
            total += first
        if total < upper:
            upper = total
            plan[:] = chosen
        length = 0.0
        for i in range(n_row):
            norm += slope[i] * slope[i]
            way[i] = slope[i] + 0.7 * way[i]
            length += way[i] * way[i]
        if norm == 0.0 or upper - best <= 1e-10 * abs(upper) or pace < 1e-4:
            break
        if failed >= 20:
            pace, failed = pace * 0.7, 0
            v[:] = best_v
            way[:] = 0.0
            continue
        step = pace * (1.001 * upper - bound) / length
        for i in range(n_row):
            v[i] = min(start_cost[i], max(0.0, v[i] + step * way[i]))
    return best_v, upper


@njit(cache=True)
def interchange(
    near: IndexArray,
    cost: FloatArray,
    table: FloatArray,
    start_cost: FloatArray,
    forced: BoolArray,
    plan: BoolArray,
) -> None:
    """Exchange one site for another while that is cheaper (Whitaker's fast rule).

    ``table`` is the cost by row and column; ``plan`` changes.
    """
    n_row, n_column = near.shape
    first, second = np.empty(n_row), np.empty(n_row)
    owner = np.empty(n_row, dtype=np.int64)
    loss = np.empty(n_column)
    while True:
        for i in range(n_row):
            first[i] = second[i] = start_cost[i]
            owner[i] = -1
            found = 0
            for k in range(n_column):
                if cost[i, k] >= second[i]:
                    break
                if plan[near[i, k]]:
                    if found == 0 and cost[i, k] < first[i]:
                        second[i] = first[i]
                        first[i] = cost[i, k]
                        owner[i] = near[i, k]
                        found = 1
                    else:
                        second[i] = cost[i, k]
                        break
        best, come, go = -1e-9 * first.sum() - 1e-12, -1, -1
        for c in range(n_column):
            if plan[c]:
                continue
            gain = 0.0
            loss[:] = 0.0
            for i in range(n_row):
                d = table[i, c]
                if d < first[i]:
                    gain += first[i] - d
                elif owner[i] >= 0:
                    loss[owner[i]] += min(d, second[i]) - first[i]
            for j in range(n_column):
                if plan[j] and not forced[j] and loss[j] - gain < best:
                    best, come, go = loss[j] - gain, c, j
        if come < 0:
            return
        plan[come] = True
        plan[go] = False


@njit(cache=True)
def plan_cost(
    near: IndexArray, cost: FloatArray, start_cost: FloatArray, plan: BoolArray
) -> float:
    """Return the sum of costs when every row goes to its nearest open place."""
    total = 0.0
    for i in range(near.shape[0]):
        best = start_cost[i]
        for k in range(near.shape[1]):
            if cost[i, k] >= best:
                break
            if plan[near[i, k]]:
                best = cost[i, k]
                break
        total += best
    return total


@njit(cache=True)
def shake_median(
    near: IndexArray,
    cost: FloatArray,
    table: FloatArray,
    start_cost: FloatArray,
    forced: BoolArray,
    plan: BoolArray,
    aim: float,
    n_turn: int,
    seed: int,
) -> None:
    """Disturb the plan and exchange again, keeping what is not dearer.

    Ends after ``n_turn`` turns without a cheaper plan, or at a cost of ``aim``.
    ``plan`` becomes the best plan.
    """
    np.random.seed(seed)
    n_row = near.shape[0]
    best = plan.copy()
    least = value = plan_cost(near, cost, start_cost, plan)
    quiet = 0
    while quiet < n_turn and least > aim:
        quiet += 1
        trial = plan.copy()
        for _ in range(1 + np.random.randint(4)):
            # a random row's nearest open site moves to another near place
            i = np.random.randint(n_row)
            go = -1
            for k in range(near.shape[1]):
                if trial[near[i, k]]:
                    go = near[i, k]
                    break
            come = near[i, np.random.randint(min(near.shape[1], 12))]
            if go >= 0 and not forced[go] and not trial[come]:
                trial[go] = False
                trial[come] = True
        interchange(near, cost, table, start_cost, forced, trial)
        now = plan_cost(near, cost, start_cost, trial)
        if now <= value:
            value = now
            plan[:] = trial
        if now < least - 1e-12 * abs(least):
            least = now
            best[:] = trial
            quiet = 0
    plan[:] = best


@njit(cache=True)
def greedy_median(
    table: FloatArray, start_cost: FloatArray, n_sites: int, forced: BoolArray
) -> BoolArray:
    """Open the site that saves most, one after the other.

    While some row cannot go anywhere, the site that most such rows can go to comes
    first. The plan may still leave rows without a way.
    """
    n_row, n_column = table.shape
    plan = forced.copy()
    now = start_cost.copy()
    for j in range(n_column):
        if plan[j]:
            for i in range(n_row):
                now[i] = min(now[i], table[i, j])
    left = n_sites - plan.sum()
    while left > 0:
        best = -1
        most_rows, most = -1, -1.0
        for j in range(n_column):
            if plan[j]:
                continue
            rows, saved = 0, 0.0
            for i in range(n_row):
                if table[i, j] < now[i]:
                    if np.isinf(now[i]):
                        rows += 1
                        saved -= table[i, j] * 1e-6
                    else:
                        saved += now[i] - table[i, j]
            if rows > most_rows or (rows == most_rows and saved > most):
                best, most_rows, most = j, rows, saved
        if best < 0:
            break
        plan[best] = True
        for i in range(n_row):
            now[i] = min(now[i], table[i, best])
        left -= 1
    return plan


def table_of(near: IndexArray, cost: FloatArray) -> FloatArray:
    """Return the costs by row and column from the sorted ones."""
    table = np.empty_like(cost)
    order: IntArray = near.astype(np.int64)
    np.put_along_axis(table, order, cost, axis=1)
    return table
