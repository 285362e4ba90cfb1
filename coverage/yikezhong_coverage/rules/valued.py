"""An indicator valued in all its divisions: columns, from which results are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.records import BoolArray, IndexArray, IntArray
from yikezhong_coverage.rules.ground import Ground, Rows
from yikezhong_coverage.rules.quotients import Quotients
from yikezhong_coverage.rules.records import LEVELS, STATUSES, Indicator, Result
from yikezhong_coverage.rules.verdict import StatusArray

#: Shared by the many rows that have no further figures.
_NOTHING: Final[dict[str, Any]] = {}

#: Further figures of a row.
Detail = Callable[[int], dict[str, Any]]


def no_detail(row: int) -> dict[str, Any]:
    """Return no further figures."""
    return _NOTHING


@dataclass(frozen=True, eq=False)
class Names:
    """Names of areas or facilities for each row.

    Row ``r`` has ``text[index[start[r]:start[r + 1]]]``.

    Parameters
    ----------
    start : ndarray of int64, shape (n_row + 1,)
    index : ndarray of int64, shape (n_name,)
    text : ndarray of str
    """

    start: IntArray
    index: IntArray
    text: NDArray[Any]

    def of(self, row: int) -> tuple[str, ...]:
        """Return the names of a row."""
        here = self.index[self.start[row] : self.start[row + 1]]
        return tuple(self.text[here].tolist())

    @property
    def n_name(self) -> IntArray:
        """Number of names of each row."""
        return np.diff(self.start)


def gather(
    ground: Ground, members: IntArray, *, rows: Rows, names: NDArray[Any]
) -> Names:
    """Return for every row the names of the areas or items in it.

    Parameters
    ----------
    ground : Ground
    members : ndarray of int64, shape (n,)
        Area of each name, in the order in which names are to stand.
    rows : Rows
    names : ndarray of str, shape (n,)
    """
    item, row = ground.rows_around(members.astype(np.int32), rows)
    order = np.argsort(row, kind="stable")
    start = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=len(rows)), out=start[1:])
    return Names(start, item[order], names)


def no_names(n_row: int) -> Names:
    """Return no names for every row."""
    nothing = np.zeros(0, dtype=np.int64)
    return Names(np.zeros(n_row + 1, dtype=np.int64), nothing, np.zeros(0, dtype="U1"))


@dataclass(frozen=True, eq=False)
class Reasons:
    """A text for each row, or none.

    Parameters
    ----------
    index : ndarray of int32, shape (n_row,)
        Into ``texts``; -1: none.
    texts : tuple of str
    """

    index: IndexArray
    texts: tuple[str, ...] = ()

    def of(self, row: int) -> str | None:
        """Return the text of a row."""
        at = int(self.index[row])
        return None if at < 0 else self.texts[at]

    def but(self, where: BoolArray, text: str | None) -> Reasons:
        """Return the reasons with another one at some rows."""
        if text is None:
            return Reasons(np.where(where, np.int32(-1), self.index), self.texts)
        texts = self.texts if text in self.texts else (*self.texts, text)
        number = np.int32(texts.index(text))
        return Reasons(np.where(where, number, self.index), texts)


def no_reasons(n_row: int) -> Reasons:
    """Return no text for every row."""
    return Reasons(np.full(n_row, -1, dtype=np.int32))


@dataclass(frozen=True, eq=False)
class Valued:
    """One indicator in every division at its unit's level and above.

    Rows run from the top level down, by code within a level.

    Parameters
    ----------
    indicator : Indicator
    ground : Ground
    rows : Rows
    value, numerator, denominator : Quotients
        As far as known; see :class:`yikezhong_coverage.rules.records.Result`.
    missing : Quotients
        What is missing to the target, where it is judged.
    status : ndarray of int8, shape (n_row,)
        Index into :data:`yikezhong_coverage.rules.records.STATUSES`.
    judged : ndarray of bool, shape (n_row,)
        Rows in which the target is judged.
    strict : ndarray of bool, shape (n_row,)
        What is missing must be exceeded.
    failing, unknown : Names
        Areas at the unit's level that fail, or that are not known.
    reasons : Reasons
    detail : callable
        Further figures of a row.
    """

    indicator: Indicator
    ground: Ground
    rows: Rows
    value: Quotients
    numerator: Quotients
    denominator: Quotients
    missing: Quotients
    status: StatusArray
    judged: BoolArray
    strict: BoolArray
    failing: Names
    unknown: Names
    reasons: Reasons
    detail: Detail = field(default=no_detail, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def results(self, rows: Iterable[int] | None = None) -> list[Result]:
        """Return rows as results; all of them where none are named."""
        chosen = range(len(self)) if rows is None else rows
        return [self.result(row) for row in chosen]

    def result(self, row: int) -> Result:
        """Return one row as a result."""
        target = self.indicator.target if self.judged[row] else None
        further = self.detail(row)
        if self.strict[row]:
            further = {**further, "strict": True}
        return Result(
            self.indicator.id,
            LEVELS[self.rows.level[row]],
            str(self.ground.areas.code[self.rows.area[row]]),
            self.value.at(row),
            self.numerator.at(row),
            self.denominator.at(row),
            None if target is None else target.value,
            None if target is None else target.comparison,
            STATUSES[self.status[row]],
            self.missing.at(row),
            self.failing.of(row),
            self.unknown.of(row),
            self.reasons.of(row),
            further,
        )
