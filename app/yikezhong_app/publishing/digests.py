"""A sum over the values of a table, whatever it is stored in.

Two tables have the same sum if they have the same rows in the same order, to the last
bit of every number; how texts are encoded, and what lies where a value is missing,
does not count.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from yikezhong_app.publishing.values import decoded, is_list


class TableDigest:
    """Takes in a table group by group.

    Examples
    --------
    >>> one, other = TableDigest(), TableDigest()
    >>> one.add(pa.table({"a": ["x", None], "b": [1.5, float("nan")]}))
    >>> plain = pa.array(["x", None]).dictionary_encode()
    >>> other.add(pa.table({"a": plain, "b": [1.5, -float("nan")]}))
    >>> one.text() == other.text()
    True
    """

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def add(self, table: pa.Table) -> None:
        """Take in the next rows; the groups must be the same in both tables."""
        for name in table.column_names:
            self._sum.update(name.encode())
            self._add_array(decoded(table.column(name)))

    def text(self) -> str:
        """Return the sum of all that was taken in."""
        return self._sum.hexdigest()

    def _add_array(self, values: pa.Array) -> None:
        valid = pc.is_valid(values).to_numpy(zero_copy_only=False)
        self._sum.update(np.packbits(valid).tobytes())
        kind = values.type
        if is_list(kind):
            lengths = pc.fill_null(pc.list_value_length(values), 0)
            self._add_numbers(lengths, np.int64)
            self._add_array(values.flatten())
        elif pa.types.is_boolean(kind):
            self._add_numbers(pc.fill_null(values, False), np.uint8)
        elif pa.types.is_floating(kind):
            self._add_floats(values)
        elif pa.types.is_integer(kind):
            self._add_numbers(pc.fill_null(values, 0), np.int64)
        elif not pa.types.is_null(kind):
            self._add_bytes(values)

    def _add_numbers(self, values: pa.Array, kind: Any) -> None:
        numbers = values.to_numpy(zero_copy_only=False).astype(kind)
        self._sum.update(np.ascontiguousarray(numbers).tobytes())

    def _add_floats(self, values: pa.Array) -> None:
        numbers = pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False).copy()
        numbers[np.isnan(numbers)] = np.nan  # one of the many
        self._sum.update(numbers.tobytes())

    def _add_bytes(self, values: pa.Array) -> None:
        whole = pc.fill_null(values.cast(pa.large_binary()), b"")
        self._add_numbers(pc.binary_length(whole), np.int64)
        # joined: without what lies around a slice
        joined = pc.binary_join(
            pa.LargeListArray.from_arrays(pa.array([0, len(whole)], pa.int64()), whole),
            pa.scalar(b"", pa.large_binary()),
        )
        self._sum.update(joined[0].as_py() or b"")
