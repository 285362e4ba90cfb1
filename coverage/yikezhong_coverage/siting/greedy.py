"""Good plans quickly: greedy choice and local search, all in whole numbers.

Greedy takes the site that adds most people (or most people per unit of money) again
and again; it is never better than the best plan and rarely much worse. Local search
takes one site out and refills what became free, as long as that adds people.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from yikezhong_coverage.records import BoolArray, IndexArray, IntArray
from yikezhong_coverage.siting.reduce import Core


def greedy_cover(core: Core, limit: int) -> BoolArray:
    """Return columns chosen one by one within a limit, the better of two rules.

    Parameters
    ----------
    core : Core
    limit : int
        The uses of the chosen columns add up to at most this.

    Returns
    -------
    ndarray of bool, shape (n_column,)
    """
    best = np.zeros(core.n_column, dtype=np.bool_)
    most = -1
    for per_use in (True, False):
        chosen = np.zeros(core.n_column, dtype=np.bool_)
        count, gain = tally(core, chosen)
        people = _refill(*parts_of(core), chosen, count, gain, limit, per_use)
        if people > most:
            best, most = chosen, people
    return best


def improve_cover(core: Core, chosen: BoolArray, *, limit: int) -> BoolArray:
    """Return a plan from which no single swap with refill adds people.

    Parameters
    ----------
    core : Core
    chosen : ndarray of bool, shape (n_column,)
        A plan within the limit; it is not changed.
    limit : int
    """
    better = chosen.copy()
    count, gain = tally(core, better)
    _swap(*parts_of(core), better, count, gain, limit)
    return better


def covered_weight(core: Core, chosen: BoolArray) -> int:
    """Return the people that the chosen columns cover [2⁻²⁰ persons]."""
    count, _ = tally(core, chosen)
    return int(core.weight[count > 0].sum())


def greedy_target(core: Core, target: int) -> BoolArray:
    """Return columns that cover at least ``target`` quanta, without needless ones.

    The caller makes sure that all columns together reach the target.
    """
    chosen = np.zeros(core.n_column, dtype=np.bool_)
    count, gain = tally(core, chosen)
    _fill_target(*parts_of(core), chosen, count, gain, target)
    return chosen


def prune_target(core: Core, chosen: BoolArray, *, target: int) -> BoolArray:
    """Return a plan without columns that the target does not need, dearest first."""
    fewer = chosen.copy()
    count, gain = tally(core, fewer)
    _prune(*parts_of(core), fewer, count, gain, target)
    return fewer


def parts_of(
    core: Core,
) -> tuple[IntArray, IndexArray, IntArray, IndexArray, IntArray, IntArray]:
    """Return the arrays of a core as the kernels take them."""
    return (
        core.column_start,
        core.column_row,
        core.row_start,
        core.row_column,
        core.weight,
        core.use,
    )


def tally(core: Core, chosen: BoolArray) -> tuple[IntArray, IntArray]:
    """Return how often each row is covered, and what each column would add."""
    column = np.repeat(np.arange(core.n_column), np.diff(core.column_start))
    row = core.column_row
    count = np.bincount(row[chosen[column]], minlength=core.n_row).astype(np.int64)
    gain = np.zeros(core.n_column, dtype=np.int64)
    np.add.at(gain, column, np.where(count[row] == 0, core.weight[row], 0))
    return count, gain


@njit(cache=True)
def add_column(
    start: IntArray,
    row: IndexArray,
    row_start: IntArray,
    row_column: IndexArray,
    weight: IntArray,
    count: IntArray,
    gain: IntArray,
    j: int,
) -> None:
    """Cover the rows of a column; ``count`` and ``gain`` change."""
    for at in range(start[j], start[j + 1]):
        i = row[at]
        if count[i] == 0:
            for place in range(row_start[i], row_start[i + 1]):
                gain[row_column[place]] -= weight[i]
        count[i] += 1


@njit(cache=True)
def remove_column(
    start: IntArray,
    row: IndexArray,
    row_start: IntArray,
    row_column: IndexArray,
    weight: IntArray,
    count: IntArray,
    gain: IntArray,
    j: int,
) -> None:
    """Undo :func:`add_column`; afterwards ``gain[j]`` is what was lost."""
    for at in range(start[j], start[j + 1]):
        i = row[at]
        count[i] -= 1
        if count[i] == 0:
            for place in range(row_start[i], row_start[i + 1]):
                gain[row_column[place]] += weight[i]


@njit(cache=True)
def _best_column(
    gain: IntArray,
    use: IntArray,
    chosen: BoolArray,
    left: int,
    most: int,
    per_use: bool,
) -> int:
    """Return the column that adds most of what is still wanted; -1 for none."""
    best = -1
    best_score = 0.0
    for j in range(len(gain)):
        if chosen[j] or gain[j] <= 0 or use[j] > left:
            continue
        score = float(min(gain[j], most))
        if per_use:
            score = score / use[j] if use[j] > 0 else np.inf
        if score > best_score:
            best, best_score = j, score
    return best


@njit(cache=True)
def _refill(
    start: IntArray,
    row: IndexArray,
    row_start: IntArray,
    row_column: IndexArray,
    weight: IntArray,
    use: IntArray,
    chosen: BoolArray,
    count: IntArray,
    gain: IntArray,
    left: int,
    per_use: bool,
) -> int:
    """Add columns while any that fits adds people; return the people added."""
    people = 0
    while True:
        j = _best_column(gain, use, chosen, left, 2**62, per_use)
        if j < 0:
            return people
        people += gain[j]
        left -= use[j]
        chosen[j] = True
        add_column(start, row, row_start, row_column, weight, count, gain, j)


@njit(cache=True)
def _swap(
    start: IntArray,
    row: IndexArray,
    row_start: IntArray,
    row_column: IndexArray,
    weight: IntArray,
    use: IntArray,
    chosen: BoolArray,
    count: IntArray,
    gain: IntArray,
    limit: int,
) -> None:
    """Take one column out and refill, as long as that adds people."""
    n_column = len(use)
    _refill(
        start,
        row,
        row_start,
        row_column,
        weight,
        use,
        chosen,
        count,
        gain,
        limit - use[chosen].sum(),
        False,
    )
    quiet = 0
    j = -1
    while quiet < n_column:
        j = (j + 1) % n_column
        quiet += 1
        if not chosen[j]:
            continue
        was = chosen.copy()
        chosen[j] = False
        remove_column(start, row, row_start, row_column, weight, count, gain, j)
        lost = gain[j]
        won = _refill(
            start,
            row,
            row_start,
            row_column,
            weight,
            use,
            chosen,
            count,
            gain,
            limit - use[chosen].sum(),
            False,
        )
        if won > lost:
            quiet = 0
            continue
        for k in range(n_column):
            if chosen[k] and not was[k]:
                remove_column(start, row, row_start, row_column, weight, count, gain, k)
        if not chosen[j]:
            add_column(start, row, row_start, row_column, weight, count, gain, j)
        chosen[:] = was


@njit(cache=True)
def _fill_target(
    start: IntArray,
    row: IndexArray,
    row_start: IntArray,
    row_column: IndexArray,
    weight: IntArray,
    use: IntArray,
    chosen: BoolArray,
    count: IntArray,
    gain: IntArray,
    target: int,
) -> None:
    """Add the column with most wanted people per use until the target is met."""
    people = weight[count > 0].sum()
    while people < target:
        j = _best_column(gain, use, chosen, 2**62, target - people, True)
        if j < 0:
            break
        people += gain[j]
        chosen[j] = True
        add_column(start, row, row_start, row_column, weight, count, gain, j)
    _prune(start, row, row_start, row_column, weight, use, chosen, count, gain, target)


@njit(cache=True)
def _prune(
    start: IntArray,
    row: IndexArray,
    row_start: IntArray,
    row_column: IndexArray,
    weight: IntArray,
    use: IntArray,
    chosen: BoolArray,
    count: IntArray,
    gain: IntArray,
    target: int,
) -> None:
    """Drop columns without which the target is still met, the dearest first."""
    people = weight[count > 0].sum()
    for j in np.argsort(-use):
        if not chosen[j]:
            continue
        chosen[j] = False
        remove_column(start, row, row_start, row_column, weight, count, gain, j)
        if people - gain[j] >= target:
            people -= gain[j]
            continue
        add_column(start, row, row_start, row_column, weight, count, gain, j)
        chosen[j] = True
