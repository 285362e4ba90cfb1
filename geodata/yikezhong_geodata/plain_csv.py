"""Large plain CSV files by columns: no quotes, every row of the same length.

What is not as plain as that is left to :mod:`csv`, and so are all errors.
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

#: Below so many characters :mod:`csv` is as quick.
MIN_SIZE: Final = 1 << 18
#: The longest cell that :mod:`csv` takes by default.
_LONGEST: Final = 131_072


def plain_columns(
    text: str, *, delimiter: str, n_column: int
) -> list[NDArray[np.object_]] | None:
    r"""Return the stripped cells of each column; None where the text is not plain.

    Parameters
    ----------
    text : str
        The rows below the header.
    delimiter : str
        One character.
    n_column : int
        Cells that every row has to have.

    Returns
    -------
    list of ndarray of object, or None
        Texts, None where a cell is empty; a row for each line.

    Examples
    --------
    >>> [cells.tolist() for cells in plain_columns("a, 1\nb,\n", delimiter=",", n_column=2)]
    [['a', 'b'], ['1', None]]
    >>> plain_columns('"a",1\n', delimiter=",", n_column=2) is None
    True
    >>> plain_columns("a,1\nb\n", delimiter=",", n_column=2) is None
    True
    """
    if '"' in text or text.count("\r") != text.count("\r\n"):
        return None
    raw = text.rstrip("\r\n").encode()
    if not raw:
        return None
    names = [str(i) for i in range(n_column)]
    try:
        table = csv.read_csv(
            io.BytesIO(raw),
            read_options=csv.ReadOptions(column_names=names, use_threads=False),
            parse_options=csv.ParseOptions(
                delimiter=delimiter,
                quote_char=False,
                double_quote=False,
                ignore_empty_lines=False,
            ),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    columns = [column.combine_chunks() for column in table.columns]
    if any((pc.max(pc.utf8_length(c)).as_py() or 0) > _LONGEST for c in columns):
        return None
    return [_stripped(column) for column in columns]


def _stripped(column: pa.LargeStringArray) -> NDArray[np.object_]:
    cells = np.empty(len(column), dtype=object)
    cells[:] = [cell.strip() or None for cell in column.to_pylist()]
    return cells
