"""Whole columns of numbers at once: plain decimals quickly, the rest one by one.

Nearly all cells of a large table are plain decimals. They are found and read
together, and only what is left goes through :mod:`~yikezhong_geodata.numbers`, whose
answer for a plain decimal is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from yikezhong_coverage.records import FloatArray, IntArray

#: At most 24 digits: so many are read exactly before they are rounded once. Up to nine
#: before the point stay far below the largest count.
_PLAIN: Final = r"^-?[0-9]{1,9}(\.[0-9]{1,15})?$"


def plain_numbers(texts: Sequence[str | None]) -> tuple[FloatArray, IntArray]:
    """Return the plain decimals of a column, and which cells are something else.

    Parameters
    ----------
    texts : sequence of str or None
        Cleaned text.

    Returns
    -------
    values : ndarray of float64, shape (n_row,)
        ``nan`` where a cell is no plain decimal.
    others : ndarray of int64
        Indices of the cells that are not, ascending.

    Examples
    --------
    >>> values, others = plain_numbers(["12", "-0.5", "约3万", None])
    >>> values.tolist(), others.tolist()
    ([12.0, -0.5, nan, nan], [2, 3])
    """
    column = pa.array(texts, pa.large_string())
    plain = pc.fill_null(pc.match_substring_regex(column, _PLAIN), False)
    numbers = pc.if_else(plain, column, None).cast(pa.float64())
    # a null becomes nan
    values = np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
    return values, np.flatnonzero(~plain.to_numpy(zero_copy_only=False))
