"""From travel times to who is covered: the matrix of candidates and the start."""

from __future__ import annotations

import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
    Reach,
)
from yikezhong_coverage.siting.records import CoverMatrix


def cover_matrix(reach: Reach, *, limit_s: float | None = None) -> CoverMatrix:
    """Return which candidate reaches which demand within a limit.

    Parameters
    ----------
    reach : Reach
        Times of candidates (as its facilities) and demand.
    limit_s : float, optional
        Largest accepted time [s], inclusive; by default the limit of ``reach``.

    Returns
    -------
    CoverMatrix

    Raises
    ------
    InputError
        If the limit lies above that of ``reach``, where pairs would be missing.

    Examples
    --------
    >>> reach = Reach(np.array([0, 2]), np.array([0, 1], dtype=np.int32),
    ...               np.array([60.0, 900.0]), n_demand=2, limit_s=900.0)
    >>> cover_matrix(reach, limit_s=600).demand.tolist()
    [0]
    """
    keep = _within(reach, limit_s)
    before = np.concatenate([[0], np.cumsum(keep)]).astype(np.int64)
    return CoverMatrix(before[reach.start], reach.demand[keep], reach.n_demand)


def start_cover(existing: Reach, *, limit_s: float | None = None) -> BoolArray:
    """Return which demand existing facilities reach within a limit.

    Equal to ``nearest_facility(...).time_s <= limit_s`` of the same facilities.

    Examples
    --------
    >>> reach = Reach(np.array([0, 1]), np.array([1], dtype=np.int32),
    ...               np.array([60.0]), n_demand=2, limit_s=900.0)
    >>> start_cover(reach).tolist()
    [False, True]
    """
    covered = np.zeros(existing.n_demand, dtype=np.bool_)
    covered[existing.demand[_within(existing, limit_s)]] = True
    return covered


def matrix_of(table: BoolArray) -> CoverMatrix:
    """Return the sparse form of a full table candidate × demand.

    Examples
    --------
    >>> matrix_of(np.array([[True, False], [True, True]])).start.tolist()
    [0, 1, 3]
    """
    candidate, demand = np.nonzero(table)
    start = np.searchsorted(candidate, np.arange(len(table) + 1)).astype(np.int64)
    return CoverMatrix(start, demand.astype(np.int32), table.shape[1])


def plan_time_s(
    candidates: Reach, chosen: IntArray, *, start_time_s: FloatArray
) -> FloatArray:
    """Return the time to the nearest of existing facilities and chosen sites.

    Parameters
    ----------
    candidates : Reach
    chosen : ndarray of int64
        Candidates of the plan.
    start_time_s : ndarray of float64, shape (n_demand,)
        Time to the nearest existing facility [s]; ``inf`` where there is none.

    Returns
    -------
    ndarray of float64, shape (n_demand,)
        [s]; beyond the limit of ``candidates`` only existing facilities count.
    """
    time_s = start_time_s.copy()
    for site in chosen:
        row = slice(candidates.start[site], candidates.start[site + 1])
        demand = candidates.demand[row]
        time_s[demand] = np.minimum(time_s[demand], candidates.time_s[row])
    return time_s


def transpose(
    start: IntArray, index: IndexArray, *, n_column: int
) -> tuple[IntArray, IndexArray]:
    """Return the other compressed form of a sparse table; columns stay ascending.

    Examples
    --------
    >>> start, row = transpose(np.array([0, 1, 3]), np.array([0, 0, 2]), n_column=3)
    >>> start.tolist(), row.tolist()
    ([0, 2, 2, 3], [0, 1, 1])
    """
    row = np.repeat(np.arange(len(start) - 1, dtype=np.int32), np.diff(start))
    order = np.argsort(index, kind="stable")
    counts = np.bincount(index, minlength=n_column)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), row[order]


def _within(reach: Reach, limit_s: float | None) -> BoolArray:
    if limit_s is None:
        limit_s = reach.limit_s
    if not limit_s <= reach.limit_s:
        raise InputError(
            f"时限 {limit_s:g} 秒大于可达关系表的时限 {reach.limit_s:g} 秒",
            hint="请先按较大的时限计算可达关系",
        )
    within: BoolArray = reach.time_s <= limit_s
    return within
