"""The table of distances in the form that median searches walk through.

Each row of demand holds its candidates from the nearest to the farthest, so that a
search stops as soon as they are too far to matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
    Reach,
)
from yikezhong_coverage.siting.errors import UnservedDemandError
from yikezhong_coverage.siting.records import DistanceProblem


@dataclass(frozen=True, eq=False)
class Distances:
    """Sorted distances of demand that counts.

    Parameters
    ----------
    near : ndarray of int32, shape (n_row, n_column)
        Columns of each row, nearest first, of equal ones the lowest index.
    cost : ndarray of float64, shape (n_row, n_column)
        Weight × distance in that order; ``inf`` where there is no way.
    start_cost : ndarray of float64, shape (n_row,)
        Weight × distance to what stands; ``inf`` where nothing does.
    """

    near: IndexArray
    cost: FloatArray
    start_cost: FloatArray

    @property
    def n_row(self) -> int:
        """Number of rows of demand."""
        return len(self.near)

    @property
    def n_column(self) -> int:
        """Number of columns."""
        return int(self.near.shape[1])

    def take(self, columns: IntArray) -> Distances:
        """Return the table of these columns only, renumbered in ascending order."""
        number = np.full(self.n_column, -1, dtype=np.int32)
        number[columns] = np.arange(len(columns), dtype=np.int32)
        keep = number[self.near] >= 0
        shape = (self.n_row, len(columns))
        return Distances(
            number[self.near[keep]].reshape(shape),
            self.cost[keep].reshape(shape),
            self.start_cost,
        )


def sorted_distances(problem: DistanceProblem, *, weighted: bool) -> Distances:
    """Return the sorted table of demand with people.

    Raises
    ------
    UnservedDemandError
        If a point with people has no way to any allowed candidate or facility;
        ``demand`` names them.
    """
    counts = problem.people > 0
    allowed = np.ones(problem.time_s.shape[0], dtype=np.bool_)
    if problem.forbidden is not None:
        allowed = ~problem.forbidden
    start = problem.start_time_s
    if start is None:
        start = np.full(len(problem.people), np.inf)
    nearest = np.min(problem.time_s[allowed], axis=0, initial=np.inf)
    nowhere = counts & np.isinf(nearest) & np.isinf(start)
    if nowhere.any():
        raise UnservedDemandError(
            f"有 {int(nowhere.sum())} 个需求点到任何候选点或现有设施都没有路线",
            demand=np.flatnonzero(nowhere),
            hint="请在这些地方增加候选点，或检查路网是否连通",
        )
    weight = problem.people[counts] if weighted else np.ones(int(counts.sum()))
    cost = problem.time_s[:, counts].T * weight[:, None]
    near = np.argsort(cost, axis=1, kind="stable").astype(np.int32)
    return Distances(
        near,
        np.take_along_axis(cost, near.astype(np.int64), axis=1),
        start[counts] * weight,
    )


def time_table(reach: Reach) -> FloatArray:
    """Return a reach as a full table candidate × demand; ``inf`` beyond its limit.

    Examples
    --------
    >>> reach = Reach(np.array([0, 1]), np.array([1], dtype=np.int32),
    ...               np.array([60.0]), n_demand=2, limit_s=900.0)
    >>> time_table(reach).tolist()
    [[inf, 60.0]]
    """
    if reach.n_facility * reach.n_demand > _MOST_CELLS:
        raise InputError(
            f"{reach.n_facility} 个候选点 × {reach.n_demand} 个需求点的时间表过大",
            hint="请减少候选点，或按县分别选址",
        )
    table = np.full((reach.n_facility, reach.n_demand), np.inf)
    row = np.repeat(np.arange(reach.n_facility), np.diff(reach.start))
    table[row, reach.demand] = reach.time_s
    return table


#: Cells of a full table: 800 MB of float64.
_MOST_CELLS = 100_000_000


def cost_of(distances: Distances, chosen: BoolArray) -> FloatArray:
    """Return the cost of each row when it goes to its nearest open place."""
    is_open = chosen[distances.near]
    has_open = is_open.any(axis=1)
    first = np.argmax(is_open, axis=1)
    cost = np.where(has_open, distances.cost[np.arange(distances.n_row), first], np.inf)
    best: FloatArray = np.minimum(cost, distances.start_cost)
    return best
