"""Errors a request can cause, beside the tree of the lower layers.

::

    PlannerError
    ├── UnknownDivisionError    no division has that code or name
    ├── UploadsOffError         there is no study to change
    ├── UnknownRecordError      no facility, circle … of that id
    ├── UnfinishedError         what was to be computed at once was not
    └── InputError
        ├── AmbiguousNameError  several divisions have that name
        ├── ParameterError      a query parameter cannot be used
        │   └── BadQueryError   … by the rules of OGC API Features: 400
        ├── NoRoadError         there is no usable road near the place
        └── NotAcceptableError  none of the accepted formats can be given
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from yikezhong_coverage.errors import InputError, PlannerError


class UnknownDivisionError(PlannerError):
    """No division of the level asked for has that code or name."""

    http_status: ClassVar[int] = 404


class UnknownRecordError(PlannerError):
    """There is no record of that id."""

    http_status: ClassVar[int] = 404


class UnfinishedError(PlannerError):
    """A computation in the pool took too long or lost its process."""

    http_status: ClassVar[int] = 503


class UploadsOffError(PlannerError):
    """The service has no study to change."""

    http_status: ClassVar[int] = 404


class BodyTooLargeError(InputError):
    """A body that is taken in bit by bit is larger than allowed."""

    http_status: ClassVar[int] = 413


class AmbiguousNameError(InputError):
    """Several divisions have the name; their codes are in ``available``."""

    def __init__(self, message: str, *, available: Sequence[str], hint: str) -> None:
        super().__init__(message, hint=hint)
        self.available = tuple(available)


class ParameterError(InputError):
    """A query parameter names nothing that is there.

    Parameters
    ----------
    message : str
        What is wrong, in Chinese.
    parameter : str
        Name of the query parameter.
    available : sequence of str or float
        What could have been asked for.
    """

    def __init__(
        self, message: str, *, parameter: str, available: Sequence[str | float] = ()
    ) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.available = tuple(available)


class BadQueryError(ParameterError):
    """A query parameter that OGC API Features wants answered with 400."""

    http_status: ClassVar[int] = 400


class NoRoadError(InputError):
    """There is no usable road near the place."""


class NotAcceptableError(InputError):
    """None of the formats the client accepts can be given."""

    http_status: ClassVar[int] = 406

    def __init__(self, message: str, *, available: Sequence[str]) -> None:
        super().__init__(message)
        self.available = tuple(available)
