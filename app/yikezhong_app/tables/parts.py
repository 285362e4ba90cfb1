"""Rows of a table while it grows, part by part; texts are numbers until the end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class TableParts:
    """Gathers parts of a large table and joins them once.

    A column of texts becomes categorical: each text is stored once.

    Parameters
    ----------
    **texts : iterable of str
        Columns whose arrays are indexes into a list of unique texts; -1 is missing.

    Examples
    --------
    >>> parts = TableParts(code=["A", "B"])
    >>> parts.add(code=np.array([1, 0]), service="meal", people=np.array([3.0, 4.0]))
    >>> parts.add(code=np.array([1, -1]), service="bath", people=np.array([5.0, 6.0]))
    >>> parts.frame().to_dict("list")["service"]
    ['meal', 'meal', 'bath', 'bath']
    >>> parts.frame()["code"].tolist()
    ['B', 'A', 'B', nan]
    """

    def __init__(self, **texts: Iterable[str]) -> None:
        self._texts = {name: list(known) for name, known in texts.items()}
        self._parts: list[dict[str, object]] = []
        self._lengths: list[int] = []

    def add(self, **columns: object) -> None:
        """Add rows; a value that is no array stands in all of them.

        Raises
        ------
        ValueError
            If the arrays differ in length, or the columns from those of other parts.
        """
        lengths = {len(v) for v in columns.values() if isinstance(v, np.ndarray)}
        if len(lengths) != 1:
            raise ValueError(f"columns of a part differ in length: {sorted(lengths)}")
        if self._parts and set(columns) != set(self._parts[0]):
            raise ValueError(f"columns differ: {set(columns) ^ set(self._parts[0])}")
        self._lengths.append(lengths.pop())
        self._parts.append(columns)

    def __len__(self) -> int:
        return sum(self._lengths)

    def frame(self) -> pd.DataFrame:
        """Return the table; without columns where nothing was added."""
        if not self._parts:
            return pd.DataFrame()
        return pd.DataFrame(
            {
                name: self._column(name, [part[name] for part in self._parts])
                for name in self._parts[0]
            }
        )

    def _column(self, name: str, values: list[object]) -> NDArray[Any] | pd.Categorical:
        if name in self._texts:
            return _categorical(self._join(values), self._texts[name])
        if any(isinstance(v, str) or _has_texts(v) for v in values):
            known: dict[str, int] = {}
            numbers: list[object] = [_number(v, known) for v in values]
            return _categorical(self._join(numbers), list(known))
        return self._join(values)

    def _join(self, values: list[object]) -> NDArray[Any]:
        """Return one array; values that are no arrays are repeated."""
        if not any(isinstance(v, np.ndarray) for v in values):
            return np.repeat(np.array(values), self._lengths)
        return np.concatenate(
            [
                v if isinstance(v, np.ndarray) else np.full(n, v)
                for v, n in zip(values, self._lengths, strict=True)
            ]
        )


def _has_texts(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "UO"


def _number(value: object, known: dict[str, int]) -> object:
    """Return the number of each text; new ones are added to those known."""
    if not isinstance(value, np.ndarray):
        return known.setdefault(str(value), len(known))
    index, texts = pd.factorize(value)
    numbers = [known.setdefault(str(text), len(known)) for text in texts]
    return np.array([*numbers, -1])[index]


def _categorical(index: NDArray[Any], texts: list[str]) -> pd.Categorical:
    """Return the texts at some indexes, knowing of those only that stand there."""
    used = np.flatnonzero(np.bincount(index[index >= 0], minlength=len(texts)))
    number = np.full(len(texts) + 1, -1, dtype=np.int32)
    number[used] = np.arange(len(used))
    known = pd.Index([texts[i] for i in used.tolist()], dtype="str")
    return pd.Categorical.from_codes(number[index], categories=known)
