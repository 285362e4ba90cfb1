"""HiGHS through ``scipy.optimize.milp``, with a deadline and an honest bound."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from yikezhong_coverage.errors import InputError, PlannerError
from yikezhong_coverage.records import FloatArray
from yikezhong_coverage.siting.records import Status, Stop

#: Absolute and relative error of a bound of HiGHS that we allow for.
ABSOLUTE_TOLERANCE = 1e-6
RELATIVE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Deadline:
    """A stopwatch and a bell: how long one may still go on.

    Parameters
    ----------
    end_s : float
        Reading of the monotonic clock at the end [s]; ``inf`` is without limit.
    stop : callable
        Asked between the steps; True ends the work with what was found. A single
        run of the MILP solver is ended by the time limit only.
    """

    end_s: float
    stop: Stop = field(default=lambda: False)

    @property
    def left_s(self) -> float:
        """Time left [s], not below 0."""
        return max(0.0, self.end_s - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether to end now."""
        return self.left_s <= 0 or self.stop()

    @property
    def reason(self) -> Status:
        """The status of a plan whose search ended before the proof."""
        return "stopped" if self.stop() else "time_limit"

    def within(self, seconds: float) -> Deadline:
        """Return a deadline that is at most ``seconds`` away."""
        return Deadline(min(self.end_s, time.monotonic() + seconds), self.stop)


def make_deadline(time_limit_s: float | None, stop: Stop | None) -> Deadline:
    """Start the stopwatch.

    Raises
    ------
    InputError
        If the limit is not positive.
    """
    if time_limit_s is not None and not time_limit_s > 0:
        raise InputError(f"计算时限应为正数（秒），不是 {time_limit_s}")
    end_s = np.inf if time_limit_s is None else time.monotonic() + time_limit_s
    return Deadline(float(end_s), stop if stop is not None else lambda: False)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What HiGHS found.

    Parameters
    ----------
    x : ndarray of float64 or None
        Values of the variables; None where nothing was found.
    bound : float
        No better value than this (of a minimisation); ``inf`` where infeasible.
    done : bool
        Whether the search was finished: ``x`` is best, or there is none.
    """

    x: FloatArray | None
    bound: float
    done: bool


def minimise(
    objective: FloatArray,
    table: Any,
    *,
    lower: FloatArray,
    upper: FloatArray,
    integral: FloatArray,
    at_most: FloatArray,
    at_least: FloatArray | None = None,
    deadline: Deadline,
) -> Outcome:
    """Minimise ``objective @ x`` with ``lower <= table @ x <= upper``.

    Parameters
    ----------
    objective, integral, at_most, at_least : ndarray of float64, shape (n_variable,)
        Coefficients; 1 for whole-number variables, else 0; bounds of the variables,
        from 0 by default.
    table : scipy sparse array, shape (n_row, n_variable)
    lower, upper : ndarray of float64, shape (n_row,)
    deadline : Deadline

    Returns
    -------
    Outcome
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    if deadline.over:
        return Outcome(None, -np.inf, done=False)
    if len(objective) == 0:
        possible = bool((lower <= 0).all() and (upper >= 0).all())
        return Outcome(
            objective if possible else None, 0.0 if possible else np.inf, True
        )
    options: dict[str, float] = {"mip_rel_gap": 0.0}
    if np.isfinite(deadline.left_s):
        options["time_limit"] = deadline.left_s
    if at_least is None:
        at_least = np.zeros(len(objective))
    found = milp(
        objective,
        integrality=integral,
        bounds=Bounds(at_least, at_most),
        constraints=LinearConstraint(table, lower, upper),
        options=options,
    )
    if found.status == 2:
        return Outcome(None, np.inf, done=True)
    if found.status not in (0, 1):
        raise PlannerError(f"整数规划求解器没有给出结果：{found.message}")
    bound = found.mip_dual_bound
    if bound is None or np.isnan(bound):
        bound = found.fun if found.status == 0 else -np.inf
    return Outcome(found.x, float(bound), done=found.status == 0)


def tolerance_of(value: float) -> float:
    """Return how far a bound of the solver may be off, in its own unit.

    Examples
    --------
    >>> tolerance_of(0.0)
    1e-06
    """
    return ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * abs(value)
