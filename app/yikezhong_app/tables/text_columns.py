"""Columns of texts that repeat: each text once, rows as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yikezhong_coverage.records import IndexArray


class TextColumn:
    """Gathers a column part by part.

    Parameters
    ----------
    known : sequence of str, optional
        Texts that parts are indexes into; without them each part brings its own.

    Examples
    --------
    >>> column = TextColumn()
    >>> column.add(np.array([1, 0, -1]), ["b", "c"])
    >>> column.repeat("a", 2)
    >>> column.categorical().tolist()
    ['c', 'b', nan, 'a', 'a']
    >>> column.categorical().categories.tolist()
    ['a', 'b', 'c']
    """

    def __init__(self, known: Sequence[str] = ()) -> None:
        self._place = {text: i for i, text in enumerate(known)}
        self._parts: list[IndexArray] = []

    def add(
        self, index: NDArray[np.integer], texts: Sequence[str] | None = None
    ) -> None:
        """Add rows: indexes into texts (those known, where none are given); -1: none."""
        if texts is not None:
            place = self._place
            here = [place.setdefault(text, len(place)) for text in texts]
            index = np.array([*here, -1], dtype=np.int32)[index]
        self._parts.append(index.astype(np.int32))

    def add_texts(self, texts: Sequence[str | None]) -> None:
        """Add rows of texts; None: none."""
        place = self._place
        index = [
            -1 if text is None else place.setdefault(text, len(place)) for text in texts
        ]
        self._parts.append(np.array(index, dtype=np.int32))

    def repeat(self, text: str | None, n_row: int) -> None:
        """Add rows of one text, or of none."""
        self.add(np.full(n_row, -1 if text is None else 0), [text or ""])

    def categorical(self) -> pd.Categorical:
        """Return the column, its texts in their order."""
        index = np.concatenate([np.zeros(0, dtype=np.int32), *self._parts])
        texts = list(self._place)
        used = np.flatnonzero(np.bincount(index + 1, minlength=len(texts) + 1)[1:])
        ordered = sorted(used.tolist(), key=texts.__getitem__)
        number = np.full(len(texts) + 1, -1, dtype=np.int32)
        number[ordered] = np.arange(len(ordered), dtype=np.int32)
        categories = pd.Index([texts[i] for i in ordered], dtype="str")
        return pd.Categorical.from_codes(number[index], categories=categories)
