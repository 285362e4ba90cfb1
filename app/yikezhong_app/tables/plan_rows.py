"""Rows of the tables ``indicators`` and ``robustness``, indicator by indicator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yikezhong_app.plan_words import missing_texts
from yikezhong_app.tables.text_columns import TextColumn
from yikezhong_coverage.records import BoolArray
from yikezhong_coverage.rules.records import (
    COMPARISONS,
    LEVELS,
    MET,
    NOT_MET,
    STATUSES,
    Indicator,
)
from yikezhong_coverage.rules.valued import Names, Valued
from yikezhong_coverage.rules.verdict import NUMBER_OF
from yikezhong_geodata.plans.register import Entry

#: What both tables show of a result.
FIGURES: Final = (
    "indicator_id", "level", "code", "value", "numerator", "denominator", "target",
    "comparison", "status",
)  # fmt: skip
#: What is the same in all rows of an indicator.
_ABOUT: Final = (
    "name", "plan", "class", "rule", "unit", "nature", "value_unit", "clause",
)  # fmt: skip
#: Columns of the table ``indicators``.
_INDICATORS: Final = (
    *FIGURES, "name", "plan", "class", "rule", "unit", "nature", "year", "value_unit",
    "clause", "conflicts", "missing_units", "missing_text", "strict", "failing_codes",
    "unknown_codes", "reason", "flips",
)  # fmt: skip
#: Columns that may be empty and are no texts.
_LATE: Final = ("year", "flips")
#: Columns of the table ``robustness``.
_ROBUST: Final = (
    "indicator_id", "level", "code", "variant", "speed_mps", *FIGURES[3:], "flips",
)  # fmt: skip


class _Figures:
    """The columns of :data:`FIGURES`, part by part."""

    def __init__(self, code: Sequence[str]) -> None:
        self.texts = {
            "indicator_id": TextColumn(),
            "level": TextColumn(LEVELS),
            "code": TextColumn(code),
            "comparison": TextColumn(COMPARISONS),
            "status": TextColumn(STATUSES),
        }
        self.numbers: dict[str, list[NDArray[Any]]] = {}

    def add(self, valued: Valued) -> None:
        """Add the rows of an indicator; fractions as the nearest numbers."""
        target, judged = valued.indicator.target, valued.judged
        self.texts["indicator_id"].repeat(valued.indicator.id, len(valued))
        self.texts["level"].add(valued.rows.level)
        self.texts["code"].add(valued.rows.area)
        self.texts["status"].add(valued.status)
        asked, wanted = -1, np.nan
        if target is not None:
            asked, wanted = COMPARISONS.index(target.comparison), float(target.value)
        self.texts["comparison"].add(np.where(judged, asked, -1))
        self.add_numbers(
            value=valued.value.numbers(),
            numerator=valued.numerator.numbers(),
            denominator=valued.denominator.numbers(),
            target=np.where(judged, wanted, np.nan),
        )

    def add_numbers(self, **columns: NDArray[Any]) -> None:
        """Add rows of columns that hold no texts."""
        for name, column in columns.items():
            self.numbers.setdefault(name, []).append(column)

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Return the columns named."""
        joined: dict[str, Any] = {
            name: np.concatenate(parts) for name, parts in self.numbers.items()
        }
        texts = {name: column.categorical() for name, column in self.texts.items()}
        found = {**joined, **texts}
        return pd.DataFrame({name: found[name] for name in names}, copy=False)


class RobustRows:
    """The table ``robustness`` while it grows: an indicator at several speeds."""

    def __init__(self, code: Sequence[str]) -> None:
        self._figures = _Figures(code)
        self._figures.texts["variant"] = TextColumn()

    def add(self, by_speed: Mapping[float, Valued], variant: str) -> BoolArray:
        """Add the rows of one indicator, speed by speed.

        Returns
        -------
        ndarray of bool
            Rows that meet the target at one speed and miss it at another: ``flips``.
        """
        status = np.array([valued.status for valued in by_speed.values()])
        met = (status == NUMBER_OF[MET]).any(axis=0)
        flips: BoolArray = met & (status == NUMBER_OF[NOT_MET]).any(axis=0)
        for speed_mps, valued in by_speed.items():
            self._figures.add(valued)
            self._figures.texts["variant"].repeat(variant, len(valued))
            self._figures.add_numbers(
                speed_mps=np.full(len(valued), speed_mps), flips=flips
            )
        return flips

    def frame(self) -> pd.DataFrame | None:
        """Return the table; None where no indicator was tried."""
        if not self._figures.numbers:
            return None
        return self._figures.frame(_ROBUST)


class IndicatorRows:
    """The table ``indicators`` while it grows, indicator by indicator.

    Parameters
    ----------
    entries : sequence of Entry
        All indicators there will be.
    code : sequence of str
        Codes of the divisions.
    """

    def __init__(self, entries: Sequence[Entry], code: Sequence[str]) -> None:
        self._conflicts = both_ways(
            {e.indicator.id: e.indicator.conflicts_with for e in entries},
            {e.indicator.id for e in entries},
        )
        self._figures = _Figures(code)
        for name in (*_ABOUT, "missing_text", "reason"):
            self._figures.texts[name] = TextColumn()
        self._names = _NameLists(code)
        self._year: list[tuple[int | None, int]] = []
        self._flips: list[tuple[BoolArray | None, int]] = []

    def add(self, valued: Valued, *, flips: BoolArray | None) -> None:
        """Add the rows of one indicator.

        Parameters
        ----------
        valued : Valued
        flips : ndarray of bool or None
            From :meth:`RobustRows.add`; None: not tried.
        """
        n_row, figures = len(valued), self._figures
        figures.add(valued)
        for name, text in _about(valued.indicator).items():
            figures.texts[name].repeat(text, n_row)
        figures.texts["missing_text"].add(*missing_texts(valued))
        figures.texts["reason"].add(valued.reasons.index, valued.reasons.texts)
        conflicts = np.empty(n_row, dtype=object)
        conflicts.fill(self._conflicts[valued.indicator.id])
        figures.add_numbers(
            conflicts=conflicts,
            missing_units=valued.missing.numbers(),
            strict=valued.strict,
            failing_codes=self._names.lists(valued.failing),
            unknown_codes=self._names.lists(valued.unknown),
        )
        target = valued.indicator.target
        self._year.append((None if target is None else target.year, n_row))
        self._flips.append((flips, n_row))

    def frame(self) -> pd.DataFrame:
        """Return the table."""
        blank = [np.zeros(n, dtype=np.bool_) for _, n in self._flips]
        flips = [
            none if found is None else found
            for (found, _), none in zip(self._flips, blank, strict=True)
        ]
        tried = [np.full(n, found is not None) for found, n in self._flips]
        table = self._figures.frame([n for n in _INDICATORS if n not in _LATE])
        years = pd.array([year for year, _ in self._year], dtype="Int64")
        table["year"] = years.repeat([n for _, n in self._year])
        table["flips"] = pd.arrays.BooleanArray(
            np.concatenate(flips), ~np.concatenate(tried)
        )
        return table[list(_INDICATORS)]


def _about(indicator: Indicator) -> dict[str, str | None]:
    """Return what is the same in all rows of an indicator."""
    clause, target = indicator.clause, indicator.target
    return {
        "name": indicator.name,
        "plan": indicator.plan,
        "class": indicator.class_,
        "rule": indicator.rule,
        "unit": indicator.unit,
        "nature": indicator.nature,
        "value_unit": None if target is None else target.unit,
        "clause": None if clause is None else f"{clause.chapter}：{clause.phrase}",
    }


class _NameLists:
    """Lists of names for rows; rows with the same single name share one list."""

    def __init__(self, code: Sequence[str]) -> None:
        self._alone = {text: [text] for text in code}
        self._nothing: list[str] = []

    def lists(self, names: Names) -> NDArray[np.object_]:
        """Return a list for each row; they are shared, so not to be changed."""
        found = np.empty(len(names.start) - 1, dtype=object)
        found.fill(self._nothing)
        if not len(names.index):
            return found
        n_name = names.n_name
        single = np.flatnonzero(n_name == 1)
        first = names.text[names.index[names.start[single]]].tolist()
        for row, text in zip(single.tolist(), first, strict=True):
            found[row] = self._alone.setdefault(text, [text])
        several = np.flatnonzero(n_name > 1)
        if len(several):
            texts = self._shared(names)
            for row in several.tolist():
                found[row] = texts[names.start[row] : names.start[row + 1]]
        return found

    def _shared(self, names: Names) -> list[str]:
        """Return all names of all rows, each text once in memory."""
        used, inverse = np.unique(names.index, return_inverse=True)
        once = [self._alone.setdefault(t, [t])[0] for t in names.text[used].tolist()]
        column = np.array([*once, None], dtype=object)
        shared: list[str] = column[inverse].tolist()
        return shared


def both_ways(
    conflicts: dict[str, tuple[str, ...]], known: Iterable[str]
) -> dict[str, list[str]]:
    """Return the conflicts of each indicator, said by whichever side.

    Examples
    --------
    >>> both_ways({"a": ("b",), "b": (), "c": ("x",)}, ["a", "b", "c"])
    {'a': ['b'], 'b': ['a'], 'c': []}
    """
    present = set(known)
    found: dict[str, set[str]] = {id_: set() for id_ in conflicts}
    for id_, others in conflicts.items():
        for other in others:
            if other in present:
                found[id_].add(other)
                found[other].add(id_)
    return {id_: sorted(others) for id_, others in found.items()}
