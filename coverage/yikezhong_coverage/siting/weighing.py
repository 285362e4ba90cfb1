"""Row weighting: a local search for the cheapest full cover.

After Gao, Weise and Li, "Efficient weighting-based local search for unicost set
covering" (2015), with scores per cost: whenever every row is covered the plan is kept
and a column taken out; else a column is exchanged, and rows that stay uncovered grow
heavier until a plan covers them. Numbers are drawn from a fixed seed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, IntArray
from yikezhong_coverage.siting.greedy import add_column, remove_column, tally
from yikezhong_coverage.siting.reduce import Core

_SEED = 20


def search_full_cover(core: Core, chosen: BoolArray, *, n_turn: int) -> BoolArray:
    """Return a full cover that is not dearer than ``chosen``.

    Parameters
    ----------
    core : Core
    chosen : ndarray of bool, shape (n_column,)
        A plan that covers every row; it is not changed.
    n_turn : int
        Exchanges in all.
    """
    plan = chosen.copy()
    count, _ = tally(core, plan)
    weight = np.ones(core.n_row, dtype=np.int64)
    column = np.repeat(np.arange(core.n_column), np.diff(core.column_start))
    gain = np.zeros(core.n_column, dtype=np.int64)
    np.add.at(gain, column, (count[core.column_row] == 0).astype(np.int64))
    return _exchange(
        core.column_start,
        core.column_row,
        core.row_start,
        core.row_column,
        weight,
        core.use,
        plan,
        count,
        gain,
        n_turn,
        _SEED,
    )


@njit(cache=True)
def _loss(
    start: IntArray,
    row: IndexArray,
    weight: IntArray,
    count: IntArray,
    j: int,
) -> int:
    """Return the weight that only column j covers."""
    lost = 0
    for at in range(start[j], start[j + 1]):
        if count[row[at]] == 1:
            lost += weight[row[at]]
    return lost


@njit(cache=True)
def _cheapest_loss(
    start: IntArray,
    row: IndexArray,
    weight: IntArray,
    use: FloatArray,
    plan: BoolArray,
    count: IntArray,
    age: IntArray,
    tabu: int,
) -> int:
    """Return the chosen column whose loss per cost is least, of equal ones oldest."""
    best = -1
    least = np.inf
    for j in range(len(use)):
        if plan[j] and j != tabu:
            score = _loss(start, row, weight, count, j) / use[j]
            if score < least or (score == least and age[j] < age[best]):
                best, least = j, score
    return best


@njit(cache=True)
def _exchange(
    start: IntArray,
    row: IndexArray,
    row_start: IntArray,
    row_column: IndexArray,
    weight: IntArray,
    cost: IntArray,
    plan: BoolArray,
    count: IntArray,
    gain: IntArray,
    n_turn: int,
    seed: int,
) -> BoolArray:
    np.random.seed(seed)
    best = plan.copy()
    use = np.maximum(cost.astype(np.float64), 1e-3)
    cheapest = cost[plan].sum()
    age = np.zeros(len(use), dtype=np.int64)
    tabu = -1
    for turn in range(1, n_turn + 1):
        bare = np.flatnonzero(count == 0)
        while len(bare) == 0:
            total = cost[plan].sum()
            if total < cheapest:
                cheapest = total
                best[:] = plan
            j = _cheapest_loss(start, row, weight, use, plan, count, age, -1)
            if j < 0:
                return best
            plan[j] = False
            age[j] = turn
            remove_column(start, row, row_start, row_column, weight, count, gain, j)
            bare = np.flatnonzero(count == 0)
        j = _cheapest_loss(start, row, weight, use, plan, count, age, tabu)
        if j >= 0:
            plan[j] = False
            age[j] = turn
            remove_column(start, row, row_start, row_column, weight, count, gain, j)
        bare = np.flatnonzero(count == 0)
        spare = cheapest - cost[plan].sum()
        while len(bare) > 0:
            i = bare[np.random.randint(len(bare))]
            pick = -1
            most = -1.0
            for at in range(row_start[i], row_start[i + 1]):
                k = row_column[at]
                if k == j or cost[k] >= spare:
                    continue
                score = gain[k] / use[k]
                if score > most or (score == most and age[k] < age[pick]):
                    pick, most = k, score
            if pick < 0:
                break
            plan[pick] = True
            age[pick] = turn
            tabu = pick
            spare -= cost[pick]
            add_column(start, row, row_start, row_column, weight, count, gain, pick)
            bare = np.flatnonzero(count == 0)
            for b in bare:
                weight[b] += 1
                for at in range(row_start[b], row_start[b + 1]):
                    gain[row_column[at]] += 1
    return best
