"""Mistakes in a siting request, each with a name of its own.

::

    InfeasibleError
    ├── UnservedDemandError     no candidate can serve these demand points or areas
    ├── NoCandidateError        every candidate is forbidden, or there is none
    └── BudgetError             the budget does not pay what has to be built
    InputError
    ├── SiteCountError          more sites asked for than there are candidates
    ├── CapacityError           a capacity is negative or not a number
    └── CostError               a cost is negative or not a number
    PlannerError
    ├── PlanMismatchError       the coverage engine values a plan differently
    └── NoPlanYetError          the time ran out before any plan was found
"""

from __future__ import annotations

from typing import ClassVar

from yikezhong_coverage.errors import InfeasibleError, InputError, PlannerError
from yikezhong_coverage.records import IntArray


class UnservedDemandError(InfeasibleError):
    """No allowed candidate can serve some of the demand.

    Parameters
    ----------
    message : str
        What is wrong, in Chinese.
    demand : ndarray of int64
        Indexes of the demand points (or of the areas, for targets of areas).
    hint : str, optional
        What to do about it.
    """

    def __init__(
        self, message: str, *, demand: IntArray, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.demand = demand


class NoCandidateError(InfeasibleError):
    """There is no candidate, or every candidate is forbidden."""


class BudgetError(InfeasibleError):
    """The budget does not pay for what has to be built."""


class SiteCountError(InputError):
    """The number of sites is not between 1 and the number of candidates."""


class CapacityError(InputError):
    """A capacity is negative or not a number."""


class CostError(InputError):
    """A cost or budget is negative, infinite or not a number."""


class PlanMismatchError(PlannerError):
    """The coverage engine values a plan differently from the siting model."""


class NoPlanYetError(PlannerError):
    """The time ran out, or the work was stopped, before any plan was found."""

    http_status: ClassVar[int] = 503
