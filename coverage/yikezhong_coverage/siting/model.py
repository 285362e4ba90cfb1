"""The whole-number program of cover, handed to HiGHS and checked exactly.

Variables are ``x`` (a column is chosen) and ``y`` (a row is covered, which follows
from ``x`` and so need not be declared whole). HiGHS works with tolerances; every plan
it returns is checked in whole numbers, and where it misses a target or a limit by a
tolerance, a cut that every true plan satisfies is added and it is asked again:

- a plan short of a target needs a column outside it that covers more of the target;
- columns above the limit cannot all be in a plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from yikezhong_coverage.records import BoolArray, FloatArray
from yikezhong_coverage.siting.exactness import COST_PARTS, grid_of, unit_of
from yikezhong_coverage.siting.reduce import Core
from yikezhong_coverage.siting.solver import Deadline, minimise

_MOST_CUTS = 200


@dataclass(frozen=True, eq=False)
class CoverModel:
    """What to decide on a core.

    Parameters
    ----------
    core : Core
    limit : int, optional
        The most that chosen columns use up; with it people are maximised, without it
        the use is minimised.
    wanted : mapping of int to int
        People that have to be covered in each group [2⁻²⁰ persons].
    full : bool
        Whether every row has to be covered.
    """

    core: Core
    limit: int | None = None
    wanted: Mapping[int, int] = field(default_factory=dict)
    full: bool = False


@dataclass(frozen=True, eq=False)
class ModelOutcome:
    """What HiGHS decided.

    Parameters
    ----------
    chosen : ndarray of bool or None
        Columns of a plan that was checked exactly; None for none.
    bound : float
        Upper bound on people [units of :func:`.exactness.unit_of`], or lower bound
        on the use [unit of money, or sites].
    done : bool
        Whether the search was finished.
    """

    chosen: BoolArray | None
    bound: float
    done: bool


def solve_model(model: CoverModel, deadline: Deadline) -> ModelOutcome:
    """Solve a cover model with HiGHS, exactly where the time suffices."""
    core = model.core
    table, lower, upper = _rows(model)
    n = core.n_column
    whole = np.concatenate([np.ones(n), np.zeros(core.n_row)])
    at_least = np.concatenate([np.zeros(n), np.full(core.n_row, float(model.full))])
    sign = -1.0 if model.limit is not None else 1.0
    objective = _objective(model)
    bound = -np.inf
    for _ in range(_MOST_CUTS):
        found = minimise(
            objective,
            table,
            lower=lower,
            upper=upper,
            integral=whole,
            at_most=np.ones(n + core.n_row),
            at_least=at_least,
            deadline=deadline,
        )
        bound = max(bound, found.bound)
        if found.x is None:
            return ModelOutcome(None, sign * bound, found.done)
        chosen = found.x[:n] > 0.5
        cut = _cut(model, chosen)
        if cut is None:
            return ModelOutcome(chosen, sign * bound, found.done)
        table, lower, upper = _with_cut(table, lower, upper, cut)
    return ModelOutcome(None, sign * bound, False)


def _objective(model: CoverModel) -> FloatArray:
    core = model.core
    if model.limit is not None:
        people = core.weight / unit_of(core.weight)
        return np.concatenate([np.zeros(core.n_column), -people])
    cost = core.use.astype(np.float64) / COST_PARTS
    return np.concatenate([cost, np.zeros(core.n_row)])


def _rows(model: CoverModel) -> tuple[Any, FloatArray, FloatArray]:
    """Return the rows: cover, then the limit, then the targets of groups."""
    from scipy.sparse import csr_array, hstack, identity, vstack

    core = model.core
    covers = csr_array(
        (np.ones(len(core.row_column)), core.row_column, core.row_start),
        shape=(core.n_row, core.n_column),
    )
    tables = [hstack([covers, -identity(core.n_row)])]
    lower, upper = [np.zeros(core.n_row)], [np.full(core.n_row, np.inf)]
    if model.limit is not None:
        grid = grid_of(core.use)
        scale = float(core.use.max(initial=1)) or 1.0
        use = np.concatenate([core.use / scale, np.zeros(core.n_row)])
        tables.append(csr_array(use[None, :]))
        lower.append(np.array([-np.inf]))
        # whole parts: half a grid above the limit is still out of reach
        upper.append(np.array([(model.limit // grid * grid + grid / 2) / scale]))
    unit = unit_of(core.weight)
    for group, quanta in model.wanted.items():
        inside = core.group == group
        grid = grid_of(core.weight[inside])
        people = np.where(inside, core.weight, 0) / unit
        row = np.concatenate([np.zeros(core.n_column), people])
        tables.append(csr_array(row[None, :]))
        whole = -(-quanta // grid) * grid
        lower.append(np.array([(whole - grid / 2) / unit]))
        upper.append(np.array([np.inf]))
    table = vstack(tables).tocsr()
    return table, np.concatenate(lower), np.concatenate(upper)


def _cut(model: CoverModel, chosen: BoolArray) -> tuple[BoolArray, float, float] | None:
    """Return columns and limits of a row that cuts off a plan; None if it holds."""
    core = model.core
    used = int(core.use[chosen].sum())
    if model.limit is not None and used > model.limit:
        return chosen, -np.inf, float(chosen.sum()) - 1
    count = np.zeros(core.n_row, dtype=np.bool_)
    column = np.repeat(np.arange(core.n_column), np.diff(core.column_start))
    count[core.column_row[chosen[column]]] = True
    missing = ~count
    if model.full and missing.any():
        return _columns_of(core, missing), 1.0, np.inf
    for group, quanta in model.wanted.items():
        inside = core.group == group
        if int(core.weight[inside & count].sum()) < quanta:
            return _columns_of(core, inside & missing), 1.0, np.inf
    return None


def _columns_of(core: Core, rows: BoolArray) -> BoolArray:
    """Return the columns that cover any of these rows."""
    row = np.repeat(np.arange(core.n_row), np.diff(core.row_start))
    columns = np.zeros(core.n_column, dtype=np.bool_)
    columns[core.row_column[rows[row]]] = True
    return columns


def _with_cut(
    table: Any,
    lower: FloatArray,
    upper: FloatArray,
    cut: tuple[BoolArray, float, float],
) -> tuple[Any, FloatArray, FloatArray]:
    from scipy.sparse import csr_array, vstack

    columns, least, most = cut
    row = np.zeros(table.shape[1])
    row[: len(columns)] = columns
    return (
        vstack([table, csr_array(row[None, :])]).tocsr(),
        np.append(lower, least),
        np.append(upper, most),
    )
