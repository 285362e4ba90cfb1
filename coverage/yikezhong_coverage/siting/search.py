"""Ruin and recreate: a longer local search for plans of maximum cover.

A turn takes out a few chosen sites that lie together, refills what became free with
a little randomness, and keeps the outcome unless it is worse. The numbers are drawn
from a fixed seed: the same problem gives the same plan.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from yikezhong_coverage.records import BoolArray, IndexArray, IntArray
from yikezhong_coverage.siting.greedy import add_column, parts_of, remove_column, tally
from yikezhong_coverage.siting.reduce import Core

_SEED = 20
_MOST_TAKEN_OUT = 5
_NOISE = 0.15


def search_cover(
    core: Core, chosen: BoolArray, *, limit: int, n_turn: int = 4000
) -> BoolArray:
    """Return a plan at least as good as ``chosen``.

    Parameters
    ----------
    core : Core
    chosen : ndarray of bool, shape (n_column,)
        A plan within the limit; it is not changed.
    limit : int
    n_turn : int
        Turns without a better plan before the end.
    """
    if not chosen.any():
        return chosen
    plan = chosen.copy()
    count, gain = tally(core, plan)
    best = _turns(*parts_of(core), plan, count, gain, limit, n_turn, _SEED)
    return best


@njit(cache=True)
def _turns(
    start: IntArray,
    row: IndexArray,
    row_start: IntArray,
    row_column: IndexArray,
    weight: IntArray,
    use: IntArray,
    plan: BoolArray,
    count: IntArray,
    gain: IntArray,
    limit: int,
    n_turn: int,
    seed: int,
) -> BoolArray:
    np.random.seed(seed)
    n_column = len(use)
    best = plan.copy()
    value = most = weight[count > 0].sum()
    left = limit - use[plan].sum()
    out = np.empty(_MOST_TAKEN_OUT + 1, dtype=np.int64)
    into = np.empty(n_column, dtype=np.int64)
    quiet = 0
    members = np.flatnonzero(plan)
    while quiet < n_turn:
        quiet += 1
        j = members[np.random.randint(len(members))]
        n_wanted = 1 + np.random.randint(_MOST_TAKEN_OUT)
        n_out = n_in = 0
        was = value
        # j, and chosen neighbours: those that share a random row's columns
        out[0] = j
        n_out = 1
        for _ in range(4 * n_wanted):
            if n_out > n_wanted or start[j + 1] == start[j]:
                break
            i = row[np.random.randint(start[j], start[j + 1])]
            near = row_column[np.random.randint(row_start[i], row_start[i + 1])]
            if start[near + 1] == start[near]:
                continue
            i = row[np.random.randint(start[near], start[near + 1])]
            for at in range(row_start[i], row_start[i + 1]):
                k = row_column[at]
                if plan[k] and n_out <= n_wanted:
                    known = False
                    for o in range(n_out):
                        known = known or out[o] == k
                    if not known:
                        out[n_out] = k
                        n_out += 1
        for o in range(n_out):
            k = out[o]
            plan[k] = False
            left += use[k]
            remove_column(start, row, row_start, row_column, weight, count, gain, k)
            value -= gain[k]
        while True:
            pick = -1
            score = 0.0
            for k in range(n_column):
                if gain[k] > 0 and not plan[k] and use[k] <= left:
                    if gain[k] <= score:
                        continue
                    s = gain[k] * (1.0 - _NOISE * np.random.random())
                    if s > score:
                        pick, score = k, s
            if pick < 0:
                break
            value += gain[pick]
            left -= use[pick]
            plan[pick] = True
            into[n_in] = pick
            n_in += 1
            add_column(start, row, row_start, row_column, weight, count, gain, pick)
        if value > most:
            most = value
            best[:] = plan
            quiet = 0
        if value >= was and n_in > 0:
            members = np.flatnonzero(plan)
            continue
        for n in range(n_in):
            k = into[n]
            plan[k] = False
            left += use[k]
            remove_column(start, row, row_start, row_column, weight, count, gain, k)
        for o in range(n_out):
            k = out[o]
            plan[k] = True
            left -= use[k]
            add_column(start, row, row_start, row_column, weight, count, gain, k)
        value = was
    return best
