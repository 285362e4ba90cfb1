"""Frozen records of siting: what is asked, and what was found with its proof."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
)

Status = Literal["optimal", "time_limit", "stopped"]
Stop = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class CoverMatrix:
    """Which candidate covers which demand, as compressed sparse rows.

    Row ``c`` holds ``demand[start[c]:start[c + 1]]``, ascending and unique.

    Parameters
    ----------
    start : ndarray of int64, shape (n_candidate + 1,)
    demand : ndarray of int32, shape (n_pair,)
    n_demand : int
    """

    start: IntArray
    demand: IndexArray
    n_demand: int

    @property
    def n_candidate(self) -> int:
        """Number of candidates (rows)."""
        return len(self.start) - 1

    def covered_by(self, chosen: IntArray) -> BoolArray:
        """Return which demand any of the chosen candidates covers.

        Examples
        --------
        >>> matrix = CoverMatrix(np.array([0, 1, 3]), np.array([0, 0, 2]), 3)
        >>> matrix.covered_by(np.array([1])).tolist()
        [True, False, True]
        """
        covered = np.zeros(self.n_demand, dtype=np.bool_)
        for candidate in chosen:
            covered[self.demand[self.start[candidate] : self.start[candidate + 1]]] = (
                True
            )
        return covered


@dataclass(frozen=True, eq=False)
class SitingProblem:
    """Demand, candidates and what stands already, for the models of cover.

    Parameters
    ----------
    covers : CoverMatrix
        Which candidate covers which demand.
    people : ndarray of float64, shape (n_demand,)
        People at each point [persons], non-negative multiples of 2⁻²⁰. ``nan`` is
        unknown: the point neither counts nor has to be covered.
    start_covered : ndarray of bool, shape (n_demand,), optional
        Demand that existing facilities cover; by default none.
    cost : ndarray of float64, shape (n_candidate,), optional
        Cost of each candidate in any one unit of money, non-negative; taken to the
        millionth of the unit, so that budgets are compared exactly. By default every
        site costs 1.
    forced : ndarray of bool, shape (n_candidate,), optional
        Sites that are in every plan; they count as sites and cost money.
    forbidden : ndarray of bool, shape (n_candidate,), optional
        Sites that are in no plan.
    group : ndarray of int32, shape (n_demand,), optional
        Group of each demand point (a township), for fairness; -1 is none.
    """

    covers: CoverMatrix
    people: FloatArray
    start_covered: BoolArray | None = None
    cost: FloatArray | None = None
    forced: BoolArray | None = None
    forbidden: BoolArray | None = None
    group: IndexArray | None = None

    def __post_init__(self) -> None:
        n_demand, n_candidate = self.covers.n_demand, self.covers.n_candidate
        for name, length in (
            ("people", n_demand),
            ("start_covered", n_demand),
            ("group", n_demand),
            ("cost", n_candidate),
            ("forced", n_candidate),
            ("forbidden", n_candidate),
        ):
            values = getattr(self, name)
            if values is not None and len(values) != length:
                raise InputError(
                    f"选址问题的 {name} 有 {len(values)} 项，应为 {length} 项"
                )


@dataclass(frozen=True)
class Reduction:
    """How much smaller a problem became before it was solved.

    Parameters
    ----------
    n_demand, n_candidate : int
        Size as it came in.
    n_row, n_column : int
        Demand rows and free candidates left for the solver.
    n_fixed_in, n_fixed_out : int
        Candidates proven to be in, or not needed in, some optimal plan.
    """

    n_demand: int
    n_candidate: int
    n_row: int
    n_column: int
    n_fixed_in: int = 0
    n_fixed_out: int = 0


@dataclass(frozen=True, eq=False)
class SitingResult:
    """A plan, its value, and how far it can be from the best one.

    Parameters
    ----------
    model : str
        ``maximum_cover``, ``minimum_sites``, ``p_median``, ``p_center``,
        ``capacitated_cover``, ``area_target`` or ``building_order``.
    chosen : ndarray of int64, shape (n_chosen,)
        Candidates of the plan, ascending.
    objective : float
        Value of the plan in the unit of the model: people, cost, people × seconds,
        or seconds.
    bound : float
        No plan is better than this: an upper bound where the objective is maximised,
        else a lower bound. Equal to ``objective`` when the plan is proven best.
    status : str
        ``optimal`` (proven), ``time_limit`` or ``stopped``: the best plan found.
    tolerance : float
        What the proof may miss, in the unit of the objective: 0 where values are
        coarse enough for the solver's arithmetic to decide, else its tolerance.
    start_people, covered_people, total_people : float
        People covered by what stands, by what stands together with the plan, and all
        of known number [persons]; ``nan`` where the model does not count people.
    cost : float
        Money the plan costs, in the unit of the problem; its number of sites where
        no costs were given.
    reduction : Reduction or None
        What was decided before the solver began.
    """

    model: str
    chosen: IntArray
    objective: float
    bound: float
    status: Status
    tolerance: float = 0.0
    start_people: float = float("nan")
    covered_people: float = float("nan")
    total_people: float = float("nan")
    cost: float = float("nan")
    reduction: Reduction | None = None

    @property
    def gap(self) -> float:
        """Distance of plan and bound relative to the plan; 0 is proven best.

        ``inf`` where the plan's value is 0 and the bound is not.
        """
        distance = abs(self.bound - self.objective)
        if distance == 0:
            return 0.0
        return distance / abs(self.objective) if self.objective else float("inf")

    @property
    def proven(self) -> bool:
        """Whether no plan can be better."""
        return self.gap == 0


@dataclass(frozen=True, eq=False)
class DistanceProblem:
    """Demand, candidates and times, for the p-median and the p-centre.

    Parameters
    ----------
    time_s : ndarray of float64, shape (n_candidate, n_demand)
        Travel times (or any distances), non-negative; ``inf`` where there is no way.
    people : ndarray of float64, shape (n_demand,)
        Weight of each point, non-negative; ``nan`` is unknown. Points without known
        people need nothing.
    start_time_s : ndarray of float64, shape (n_demand,), optional
        Time to the nearest existing facility; ``inf`` where there is none. By default
        nothing stands yet.
    forced, forbidden : ndarray of bool, shape (n_candidate,), optional
        Sites that are in every plan (they count as sites), and in none.
    """

    time_s: FloatArray
    people: FloatArray
    start_time_s: FloatArray | None = None
    forced: BoolArray | None = None
    forbidden: BoolArray | None = None

    def __post_init__(self) -> None:
        if self.time_s.ndim != 2:
            raise InputError("时间表应为 候选点 × 需求点 的二维数组")
        n_candidate, n_demand = self.time_s.shape
        for name, length in (
            ("people", n_demand),
            ("start_time_s", n_demand),
            ("forced", n_candidate),
            ("forbidden", n_candidate),
        ):
            values = getattr(self, name)
            if values is not None and len(values) != length:
                raise InputError(
                    f"选址问题的 {name} 有 {len(values)} 项，应为 {length} 项"
                )
        known = self.people[~np.isnan(self.people)]
        if not ((known >= 0) & np.isfinite(known)).all():
            raise InputError("选址问题的人数应为非负有限数", column="people")
        start = self.start_time_s
        for times in (self.time_s, *(() if start is None else (start,))):
            if not (times >= 0).all():
                raise InputError("选址问题的时间应为非负数或 inf，不能为 NaN")
