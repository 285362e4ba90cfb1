"""The one tree of errors, from the arrays up to the service.

::

    PlannerError                what every deliberate error of this product is
    ├── InputError(ValueError)  a file, table, parameter or study cannot be used
    ├── GraphError(ValueError)  a road network cannot be used as it is
    ├── InfeasibleError         a request no plan can satisfy
    └── SourceError(OSError)    something outside (disk, network, service) failed

Subclasses are named after the mistake (``CrsMissingError``). ``code`` is the name
without ``Error``: it is what reports, the command line and the API show, so it stays
the same when a message changes. Messages are written for planners, in Chinese.
"""

from __future__ import annotations

from typing import ClassVar


class PlannerError(Exception):
    """Base of every deliberate error.

    Parameters
    ----------
    message : str
        What is wrong, in Chinese, one sentence without the place.
    file, layer, column : str, optional
        Where it is wrong.
    row : int, optional
        Row as the user counts it: the header of a table is row 1, the first feature
        of a vector layer is row 1.
    hint : str, optional
        What to do about it, in Chinese.

    Examples
    --------
    >>> error = InputError("缺少列", file="a.csv", row=3, column="人口", hint="请补充该列")
    >>> str(error)
    'a.csv，第 3 行，列“人口”：缺少列。请补充该列'
    >>> error.code, error.http_status
    ('Input', 422)
    """

    http_status: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        layer: str | None = None,
        row: int | None = None,
        column: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.layer = layer
        self.row = row
        self.column = column
        self.hint = hint

    @property
    def code(self) -> str:
        """Stable name of the mistake: the class name without ``Error``."""
        return type(self).__name__.removesuffix("Error")

    @property
    def where(self) -> str:
        """The place in words; empty where it is not known."""
        parts = []
        if self.file:
            parts.append(self.file)
        if self.layer:
            parts.append(f"图层“{self.layer}”")
        if self.row is not None:
            parts.append(f"第 {self.row} 行")
        if self.column:
            parts.append(f"列“{self.column}”")
        return "，".join(parts)

    def __str__(self) -> str:
        text = f"{self.where}：{self.message}" if self.where else self.message
        return f"{text}。{self.hint}" if self.hint else text


class InputError(PlannerError, ValueError):
    """An input cannot be used; the message says which, where and what to do."""

    http_status: ClassVar[int] = 422


class GraphError(PlannerError, ValueError):
    """A road network cannot be used as it is."""

    http_status: ClassVar[int] = 422


class MissingWeightError(GraphError):
    """An edge has no length or time where one is needed."""


class BadWeightError(GraphError):
    """An edge weight is negative or not a number."""


class InfeasibleError(PlannerError):
    """No plan can satisfy the request."""

    http_status: ClassVar[int] = 422


class SourceError(PlannerError, OSError):
    """Something outside the program failed."""

    http_status: ClassVar[int] = 502

    def __str__(self) -> str:
        return PlannerError.__str__(self)
