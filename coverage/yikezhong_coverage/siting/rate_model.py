"""The whole-number program of rates of groups, handed to HiGHS and checked exactly.

Besides the columns ``x`` and rows ``y`` of a cover there are, for every floor under the
rates, whole variables ``z``: a group may be below the floor. As in :mod:`.model`,
every plan is checked in whole numbers, and where a tolerance of the solver let a group
pass for one above the floor, a cut that every true plan satisfies is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, IntArray
from yikezhong_coverage.siting.exactness import grid_of, unit_of
from yikezhong_coverage.siting.model import ModelOutcome
from yikezhong_coverage.siting.reduce import Core
from yikezhong_coverage.siting.solver import Deadline, minimise

_MOST_CUTS = 100


@dataclass(frozen=True, eq=False)
class Floor:
    """A floor under the rates, and how many groups may be below it.

    Parameters
    ----------
    need : ndarray of int64, shape (n_active,)
        People of each group that have to be covered besides those covered already
        [2⁻²⁰ persons]; 0 or less where it is above the floor without a plan.
    most : int or None
        Groups that may be below; None: as few as can be.
    """

    need: IntArray
    most: int | None = None


@dataclass(frozen=True, eq=False)
class RateModel:
    """A cover whose groups are compared by their rates.

    Parameters
    ----------
    core : Core
    limit : int
        The uses of chosen columns add up to at most this.
    active : ndarray of int32, shape (n_active,)
        Groups of the core's rows.
    total, base : ndarray of int64, shape (n_active,)
        All people of each, and those covered without a plan [2⁻²⁰ persons].
    """

    core: Core
    limit: int
    active: IndexArray
    total: IntArray
    base: IntArray

    def floor_at(self, share: Fraction) -> Floor:
        """Return the floor that is a rate itself."""
        least = [
            -(-total * share.numerator // share.denominator)
            for total in self.total.tolist()
        ]
        return Floor(np.array(least, dtype=np.int64) - self.base)

    def floor_above(self, share: Fraction) -> Floor:
        """Return the lowest floor above a rate."""
        above = [
            total * share.numerator // share.denominator + 1
            for total in self.total.tolist()
        ]
        return Floor(np.array(above, dtype=np.int64) - self.base)

    def n_short(self, floor: Floor, chosen: BoolArray) -> int:
        """Return how many groups are below a floor with a plan."""
        gained = covered_by_group(self, chosen) - self.base
        return int((gained < floor.need).sum())


def covered_by_group(model: RateModel, chosen: BoolArray) -> IntArray:
    """Return the people of each active group covered with a plan [2⁻²⁰ persons]."""
    core = model.core
    covered = _covered_rows(core, chosen)
    found = model.base.copy()
    at = np.searchsorted(model.active, core.group)
    inside = covered & (core.group >= 0)
    np.add.at(found, at[inside], core.weight[inside])
    return found


def solve_rates(
    model: RateModel,
    floors: Sequence[Floor],
    *,
    deadline: Deadline,
    n_exempt: int = 0,
    counted: Floor | None = None,
    most_people: bool = False,
) -> ModelOutcome:
    """Solve one step.

    Parameters
    ----------
    model : RateModel
    floors : sequence of Floor
        What has been proven of the lower rates.
    deadline : Deadline
    n_exempt : int
        Without ``counted`` and ``most_people``: the lowest rate of all groups but so
        many is maximised.
    counted : Floor, optional
        As few groups as can be are below this one.
    most_people : bool
        People are maximised; ``bound`` is in units of :func:`.exactness.unit_of`.
    """
    everyone = [*floors, *([counted] if counted is not None else [])]
    raised = counted is None and not most_people
    program = _Program(model, everyone, n_exempt=n_exempt if raised else None)
    objective = program.objective(counted=counted is not None, most_people=most_people)
    table, lower, upper = program.rows()
    bound = -np.inf
    for _ in range(_MOST_CUTS):
        found = minimise(
            objective,
            table,
            lower=lower,
            upper=upper,
            integral=program.integral,
            at_most=np.ones(program.n),
            deadline=deadline,
        )
        bound = max(bound, found.bound)
        if found.x is None:
            return ModelOutcome(None, -bound, found.done)
        cuts = program.cuts(found.x)
        if not cuts:
            chosen = found.x[: model.core.n_column] > 0.5
            return ModelOutcome(chosen, -bound, found.done)
        from scipy.sparse import csr_array, vstack

        rows, least, most = (np.array(part) for part in zip(*cuts, strict=True))
        table = vstack([table, csr_array(rows)]).tocsr()
        lower, upper = np.append(lower, least), np.append(upper, most)
    return ModelOutcome(None, -bound, False)


class _Program:
    """The arrays of one step: x, y, then z of each floor, then z and the rate raised."""

    def __init__(
        self, model: RateModel, floors: Sequence[Floor], *, n_exempt: int | None
    ) -> None:
        core = model.core
        self.model = model
        self.floors = floors
        self.n_exempt = n_exempt
        self.n_group = len(model.active)
        self.first_z = core.n_column + core.n_row
        n_family = len(floors) + (n_exempt is not None)
        self.rate = self.first_z + n_family * self.n_group
        self.n = self.rate + (n_exempt is not None)
        self.integral = np.zeros(self.n)
        self.integral[: core.n_column] = 1.0
        self.integral[self.first_z : self.rate] = 1.0
        self.member = np.searchsorted(model.active, core.group)
        self.unit = unit_of(core.weight)

    def objective(self, *, counted: bool, most_people: bool) -> FloatArray:
        """Return what is minimised."""
        core, found = self.model.core, np.zeros(self.n)
        if most_people:
            found[core.n_column : self.first_z] = -(core.weight / self.unit)
        elif counted:
            found[self.rate - self.n_group : self.rate] = 1.0
        else:
            found[self.rate] = -1.0
        return found

    def rows(self) -> tuple[Any, FloatArray, FloatArray]:
        """Return the rows: cover, limit, then for each floor groups and their number."""
        from scipy.sparse import csr_array, hstack, identity, vstack

        core = self.model.core
        covers = csr_array(
            (np.ones(len(core.row_column)), core.row_column, core.row_start),
            shape=(core.n_row, core.n_column),
        )
        rest = csr_array((core.n_row, self.n - self.first_z))
        grid = grid_of(core.use)
        scale = float(core.use.max(initial=1)) or 1.0
        use = np.zeros(self.n)
        use[: core.n_column] = core.use / scale
        tables = [hstack([covers, -identity(core.n_row), rest]), csr_array(use[None])]
        lower = [np.zeros(core.n_row), np.array([-np.inf])]
        upper = [
            np.full(core.n_row, np.inf),
            np.array([(self.model.limit // grid * grid + grid / 2) / scale]),
        ]
        for number, floor in enumerate(self.floors):
            for row, least, most in self._floor_rows(number, floor):
                tables.append(csr_array(row[None]))
                lower.append(np.array([least]))
                upper.append(np.array([most]))
        if self.n_exempt is not None:
            for row, least, most in self._rate_rows(self.n_exempt):
                tables.append(csr_array(row[None]))
                lower.append(np.array([least]))
                upper.append(np.array([most]))
        return vstack(tables).tocsr(), np.concatenate(lower), np.concatenate(upper)

    def _z(self, number: int) -> slice:
        start = self.first_z + number * self.n_group
        return slice(start, start + self.n_group)

    def _people_row(self, group: int) -> FloatArray:
        core, row = self.model.core, np.zeros(self.n)
        inside = (self.member == group) & (core.group >= 0)
        row[core.n_column : self.first_z] = np.where(inside, core.weight, 0)
        return row

    def _floor_rows(
        self, number: int, floor: Floor
    ) -> list[tuple[FloatArray, float, float]]:
        found = []
        for group in np.flatnonzero(floor.need > 0).tolist():
            row = self._people_row(group)
            weight = row[row > 0].astype(np.int64)
            grid = grid_of(weight)
            whole = -(-int(floor.need[group]) // grid) * grid
            least = (whole - grid / 2) / self.unit
            row /= self.unit
            row[self._z(number).start + group] = least
            found.append((row, least, np.inf))
        if floor.most is not None:
            row = np.zeros(self.n)
            row[self._z(number)] = 1.0
            found.append((row, 0.0, floor.most + 0.5))
        return found

    def _rate_rows(self, n_exempt: int) -> list[tuple[FloatArray, float, float]]:
        found, z = [], self._z(len(self.floors))
        for group in range(self.n_group):
            total = float(self.model.total[group])
            row = self._people_row(group) / total
            row[z.start + group], row[self.rate] = 1.0, -1.0
            found.append((row, -float(self.model.base[group]) / total, np.inf))
        row = np.zeros(self.n)
        row[z] = 1.0
        found.append((row, 0.0, n_exempt + 0.5))
        return found

    def cuts(self, x: FloatArray) -> list[tuple[FloatArray, float, float]]:
        """Return rows that cut off a plan that holds by tolerances only."""
        core = self.model.core
        chosen = x[: core.n_column] > 0.5
        if int(core.use[chosen].sum()) > self.model.limit:
            row = np.zeros(self.n)
            row[: core.n_column] = chosen
            return [(row, -np.inf, float(chosen.sum()) - 1)]
        covered = _covered_rows(core, chosen)
        gained = covered_by_group(self.model, chosen) - self.model.base
        found = []
        for number, floor in enumerate(self.floors):
            passed = x[self._z(number)] < 0.5
            for group in np.flatnonzero(passed & (gained < floor.need)).tolist():
                missing = ~covered & (self.member == group) & (core.group >= 0)
                row = np.zeros(self.n)
                row[_columns_with(core, missing)] = 1.0
                row[self._z(number).start + group] = 1.0
                found.append((row, 1.0, np.inf))
        return found


def _covered_rows(core: Core, chosen: BoolArray) -> BoolArray:
    column = np.repeat(np.arange(core.n_column), np.diff(core.column_start))
    covered = np.zeros(core.n_row, dtype=np.bool_)
    covered[core.column_row[chosen[column]]] = True
    return covered


def _columns_with(core: Core, rows: BoolArray) -> IntArray:
    row = np.repeat(np.arange(core.n_row), np.diff(core.row_start))
    return np.unique(core.row_column[rows[row]]).astype(np.int64)
