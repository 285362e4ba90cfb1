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
        self._places: dict[str, dict[str, int]] = {}
        self._parts: list[dict[str, Any]] = []
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
        names = list(self._parts[0]) if self._parts else []
        return pd.DataFrame({name: self._column(name) for name in names})

    def _column(self, name: str) -> NDArray[Any] | pd.Categorical:
        known = self._known(name)
        if known is None:
            return self._join([part[name] for part in self._parts])
        texts, number = known
        index = self._join([self._index(name, part[name]) for part in self._parts])
        categories = pd.Index(texts, dtype="str")
        return pd.Categorical.from_codes(number[index], categories=categories)

    def _known(self, name: str) -> tuple[list[str], NDArray[np.int32]] | None:
        """Return the texts that stand in a column, and the place of each index there.

        None for a column of numbers.
        """
        values = [part[name] for part in self._parts]
        if name not in self._texts:
            if not any(isinstance(v, str) or _has_texts(v) for v in values):
                return None
            words: dict[str, None] = {}
            for value in values:
                for word in pd.unique(value) if _has_texts(value) else [value]:
                    words.setdefault(str(word))
            self._texts[name] = list(words)
        texts = self._texts[name]
        used = np.zeros(len(texts) + 1, dtype=bool)
        for value in values:
            used[self._index(name, value)] = True
        at = np.flatnonzero(used[:-1])
        number = np.full(len(texts) + 1, -1, dtype=np.int32)
        number[at] = np.arange(len(at))
        return [texts[i] for i in at.tolist()], number

    def _index(self, name: str, value: Any) -> Any:
        """Return where the texts of a column stand among those known."""
        if isinstance(value, str):
            return self._texts[name].index(value)
        if not _has_texts(value):
            return value
        place = self._places.setdefault(name, {})
        if len(place) != len(self._texts[name]):
            place |= {text: i for i, text in enumerate(self._texts[name])}
        index, texts = pd.factorize(value)
        return np.array([*(place[str(text)] for text in texts), -1])[index]

    def _join(self, values: list[Any]) -> NDArray[Any]:
        """Return one array; values that are no arrays are repeated."""
        if not any(isinstance(v, np.ndarray) for v in values):
            return np.repeat(np.array(values), self._lengths)
        return np.concatenate(
            [_spread(v, n) for v, n in zip(values, self._lengths, strict=True)]
        )


def _spread(value: Any, length: int) -> NDArray[Any]:
    return value if isinstance(value, np.ndarray) else np.full(length, value)


def _has_texts(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "UO"
