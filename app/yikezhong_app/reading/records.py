"""Table rows as plain Python values: unknown, NaN and infinite become None."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

Row = dict[str, Any]

#: Columns that hold words separated by spaces.
WORD_COLUMNS: Final = ("flags", "estimated", "incomplete")


def to_rows(
    frame: pd.DataFrame, *, without: Sequence[str] = ("geometry",)
) -> list[Row]:
    """Return the rows of a table as dicts of plain values.

    Parameters
    ----------
    frame : DataFrame
    without : sequence of str
        Columns left out.

    Examples
    --------
    >>> to_rows(pd.DataFrame({"a": [1.5, np.inf], "b": ["x", None]}))
    [{'a': 1.5, 'b': 'x'}, {'a': None, 'b': None}]
    """
    names = [str(name) for name in frame.columns if name not in without]
    if not names:
        return [{} for _ in range(len(frame))]
    columns = [plain_values(frame[name]) for name in names]
    return [
        dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)
    ]


def plain_values(column: pd.Series[Any]) -> list[Any]:
    """Return a column as plain values; what is not known or not finite is None.

    Examples
    --------
    >>> plain_values(pd.Series([1, None], dtype="Int64"))
    [1, None]
    """
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f":
        finite = np.isfinite(column.to_numpy())
        return [
            v if ok else None
            for v, ok in zip(column.tolist(), finite.tolist(), strict=True)
        ]
    return [_plain(value) for value in column.tolist()]


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, np.ndarray):
        return [_plain(v) for v in value.tolist()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return str(value)


def split_words(rows: list[Row]) -> list[Row]:
    """Turn texts of words separated by spaces into lists, in place."""
    for row in rows:
        for name in WORD_COLUMNS:
            if isinstance(row.get(name), str):
                row[name] = row[name].split()
    return rows
