"""A table gathered part by part equals the table of all rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikezhong_app.tables.parts import TableParts

rows = st.lists(
    st.tuples(st.integers(-1, 2), st.sampled_from("xyz"), st.floats(0, 1)), max_size=5
)


@given(st.lists(st.tuples(rows, st.sampled_from(["a", "b"])), min_size=1, max_size=4))
def test_parts_equal_the_joined_rows(
    given_parts: list[tuple[list[tuple[int, str, float]], str]],
) -> None:
    codes = ["k", "m", "l"]
    parts = TableParts(code=codes)
    expected = []
    for block, name in given_parts:
        parts.add(
            code=np.array([c for c, _, _ in block], dtype=np.int32),
            word=np.array([w for _, w, _ in block], dtype=object),
            number=np.array([x for _, _, x in block], dtype=float),
            name=name,
        )
        expected += [(codes[c] if c >= 0 else None, w, x, name) for c, w, x in block]
    table = parts.frame()
    assert len(table) == len(parts) == len(expected)
    found = table.astype(object).where(table.notna(), None)
    assert list(found.itertuples(index=False, name=None)) == expected


def test_nothing_added_is_an_empty_table() -> None:
    assert TableParts().frame().equals(pd.DataFrame())


def test_parts_that_do_not_fit_are_refused() -> None:
    parts = TableParts()
    with pytest.raises(ValueError, match="length"):
        parts.add(a=np.zeros(2), b=np.zeros(3))
    parts.add(a=np.zeros(2))
    with pytest.raises(ValueError, match="differ"):
        parts.add(b=np.zeros(2))
