"""Make a cover problem smaller without losing its best plans.

Every step keeps at least one optimal plan, and says of each demand row or candidate
it takes away why:

- **covered or empty rows** change nothing: they are covered in every plan, in none,
  or weigh nothing;
- **equal rows** (the same candidates cover them) are covered together: their weights
  are added (within a group, where groups have targets of their own);
- **dominated candidates**: if k covers all that j covers and uses up no more, then j
  can be replaced by k, or dropped where k is chosen already;
- for full cover, **dominated rows**: if every candidate of row r covers row i too,
  then i is covered as soon as r is;
- for full cover, **essential candidates**: the only one of a row is in every plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from yikezhong_coverage.records import BoolArray, IndexArray, IntArray
from yikezhong_coverage.siting.exactness import Ledger
from yikezhong_coverage.siting.matrix import transpose
from yikezhong_coverage.siting.records import CoverMatrix


@dataclass(frozen=True, eq=False)
class Core:
    """What is left to decide: rows with weight, columns that are free.

    Parameters
    ----------
    column_start, column_row : ndarray
        Rows that each column covers, as compressed sparse rows.
    row_start, row_column : ndarray
        Columns that cover each row, likewise.
    weight : ndarray of int64, shape (n_row,)
        People of each row [2⁻²⁰ persons], positive.
    group : ndarray of int32, shape (n_row,)
        Group of each row; -1 is none.
    use : ndarray of int64, shape (n_column,)
        What each column uses up of the limit.
    candidate : ndarray of int64, shape (n_column,)
        The candidate that each column is.
    """

    column_start: IntArray
    column_row: IndexArray
    row_start: IntArray
    row_column: IndexArray
    weight: IntArray
    group: IndexArray
    use: IntArray
    candidate: IntArray

    @property
    def n_row(self) -> int:
        """Number of rows."""
        return len(self.weight)

    @property
    def n_column(self) -> int:
        """Number of columns."""
        return len(self.candidate)

    def take(self, rows: BoolArray, columns: BoolArray) -> Core:
        """Return the core of these rows and columns only."""
        column = np.repeat(np.arange(self.n_column), np.diff(self.column_start))
        keep = rows[self.column_row] & columns[column]
        row_number = np.cumsum(rows) - 1
        counts = np.bincount(column[keep], minlength=self.n_column)[columns]
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        kept_row = row_number[self.column_row[keep]].astype(np.int32)
        return make_core(
            start,
            kept_row,
            weight=self.weight[rows],
            group=self.group[rows],
            use=self.use[columns],
            candidate=self.candidate[columns],
        )


def make_core(
    start: IntArray,
    row: IndexArray,
    *,
    weight: IntArray,
    group: IndexArray,
    use: IntArray,
    candidate: IntArray,
) -> Core:
    """Return a core from the rows that each column covers."""
    row_start, row_column = transpose(start, row, n_column=len(weight))
    return Core(start, row, row_start, row_column, weight, group, use, candidate)


def core_of(covers: CoverMatrix, ledger: Ledger, *, use: IntArray) -> Core:
    """Return the rows not yet covered and the free columns, equal rows merged."""
    everything = make_core(
        covers.start,
        covers.demand,
        weight=ledger.quanta,
        group=ledger.group,
        use=use,
        candidate=np.arange(covers.n_candidate),
    )
    rows = ~ledger.covered & (ledger.quanta > 0)
    rows &= _rows_with(covers, ledger.free)
    return merge_equal_rows(everything.take(rows, ledger.free))


def merge_equal_rows(core: Core) -> Core:
    """Add up rows that the same columns cover, within a group."""
    first: dict[tuple[int, bytes], int] = {}
    target = np.empty(core.n_row, dtype=np.int64)
    keep = np.zeros(core.n_row, dtype=np.bool_)
    bounds, groups = core.row_start.tolist(), core.group.tolist()
    data = np.ascontiguousarray(core.row_column).tobytes()
    size = core.row_column.itemsize
    for row in range(core.n_row):
        key = (groups[row], data[bounds[row] * size : bounds[row + 1] * size])
        target[row] = first.setdefault(key, row)
        keep[row] = target[row] == row
    if keep.all():
        return core
    weight = np.zeros(core.n_row, dtype=np.int64)
    np.add.at(weight, target, core.weight)
    kept = core.take(keep, np.ones(core.n_column, dtype=np.bool_))
    return Core(
        kept.column_start,
        kept.column_row,
        kept.row_start,
        kept.row_column,
        weight[keep],
        kept.group,
        kept.use,
        kept.candidate,
    )


def drop_dominated_columns(core: Core) -> Core:
    """Drop candidates that another, not dearer one covers; and useless ones."""
    keep = _undominated_columns(
        core.column_start, core.column_row, core.row_start, core.row_column, core.use
    )
    if keep.all():
        return core
    return core.take(np.ones(core.n_row, dtype=np.bool_), keep)


def drop_dominated_rows(core: Core) -> Core:
    """Drop rows that are covered as soon as another row is (full cover only)."""
    keep = _undominated_rows(
        core.column_start, core.column_row, core.row_start, core.row_column
    )
    if keep.all():
        return core
    return core.take(keep, np.ones(core.n_column, dtype=np.bool_))


def reduce_cover(core: Core) -> Core:
    """Reduce a problem in which rows may stay uncovered."""
    while True:
        smaller = merge_equal_rows(drop_dominated_columns(core))
        if smaller.n_row == core.n_row and smaller.n_column == core.n_column:
            return smaller
        core = smaller


def reduce_full_cover(core: Core) -> tuple[Core, IntArray]:
    """Reduce a problem in which every row has to be covered.

    Returns
    -------
    core : Core
        What is left; groups no longer matter.
    essential : ndarray of int64
        Candidates that are in the plan.
    """
    essential: list[int] = []
    while True:
        size = core.n_row, core.n_column
        core = drop_dominated_columns(drop_dominated_rows(core))
        single = np.flatnonzero(np.diff(core.row_start) == 1)
        if len(single):
            columns = np.unique(core.row_column[core.row_start[single]])
            essential.extend(core.candidate[columns].tolist())
            core = without_columns(core, columns)
        if (core.n_row, core.n_column) == size:
            return core, np.array(sorted(essential), dtype=np.int64)


def without_columns(core: Core, chosen: IntArray | IndexArray) -> Core:
    """Return what is left to decide once these columns are in the plan."""
    rows = np.ones(core.n_row, dtype=np.bool_)
    columns = np.ones(core.n_column, dtype=np.bool_)
    columns[chosen] = False
    for column in chosen:
        covered = slice(core.column_start[column], core.column_start[column + 1])
        rows[core.column_row[covered]] = False
    return core.take(rows, columns)


def coverable(core: Core, columns: BoolArray) -> Core:
    """Return the core of these columns, and of the rows that any of them covers."""
    column = np.repeat(np.arange(core.n_column), np.diff(core.column_start))
    rows = np.zeros(core.n_row, dtype=np.bool_)
    rows[core.column_row[columns[column]]] = True
    return core.take(rows, columns)


def _rows_with(covers: CoverMatrix, free: BoolArray) -> BoolArray:
    """Return which demand any free candidate covers."""
    candidate = np.repeat(np.arange(covers.n_candidate), np.diff(covers.start))
    found = np.zeros(covers.n_demand, dtype=np.bool_)
    found[covers.demand[free[candidate]]] = True
    return found


@njit(cache=True)
def _undominated_columns(
    start: IntArray,
    row: IndexArray,
    row_start: IntArray,
    row_column: IndexArray,
    use: IntArray,
) -> BoolArray:
    """Mark columns to keep; of equal ones the lowest index."""
    n_column = len(use)
    keep = np.ones(n_column, dtype=np.bool_)
    mark = np.full(len(row_start) - 1, -1, dtype=np.int64)
    for j in range(n_column):
        size = start[j + 1] - start[j]
        if size == 0:
            keep[j] = False
            continue
        rare = row[start[j]]
        for at in range(start[j], start[j + 1]):
            mark[row[at]] = j
            if (
                row_start[row[at] + 1] - row_start[row[at]]
                < row_start[rare + 1] - row_start[rare]
            ):
                rare = row[at]
        for at in range(row_start[rare], row_start[rare + 1]):
            k = row_column[at]
            other = start[k + 1] - start[k]
            if k == j or not keep[k] or other < size or use[k] > use[j]:
                continue
            if other == size and use[k] == use[j] and k > j:
                continue
            common = 0
            for place in range(start[k], start[k + 1]):
                if mark[row[place]] == j:
                    common += 1
            if common == size:
                keep[j] = False
                break
    return keep


@njit(cache=True)
def _undominated_rows(
    start: IntArray, row: IndexArray, row_start: IntArray, row_column: IndexArray
) -> BoolArray:
    """Mark rows to keep; of equal ones the lowest index."""
    n_row = len(row_start) - 1
    keep = np.ones(n_row, dtype=np.bool_)
    mark = np.full(len(start) - 1, -1, dtype=np.int64)
    for r in range(n_row):
        if not keep[r]:
            continue
        size = row_start[r + 1] - row_start[r]
        rare = row_column[row_start[r]]
        for at in range(row_start[r], row_start[r + 1]):
            j = row_column[at]
            mark[j] = r
            if start[j + 1] - start[j] < start[rare + 1] - start[rare]:
                rare = j
        # every row that is dominated by r is covered by the rarest column of r
        for at in range(start[rare], start[rare + 1]):
            i = row[at]
            other = row_start[i + 1] - row_start[i]
            if i == r or not keep[i] or other < size or (other == size and i < r):
                continue
            common = 0
            for place in range(row_start[i], row_start[i + 1]):
                if mark[row_column[place]] == r:
                    common += 1
            if common == size:
                keep[i] = False
    return keep
