"""Whole columns read at once are what reading them cell by cell gives."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yikezhong_coverage.errors import InputError
from yikezhong_geodata import tables
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.number_columns import plain_numbers
from yikezhong_geodata.numbers import parse_count, parse_degrees, parse_number
from yikezhong_geodata.tables import TextTable, read_table

_CELL = st.sampled_from(
    [
        "",
        " ",
        "1",
        "12.5",
        "-3",
        "名称",
        " 甲 ",
        "\u3000乙",
        "a b",
        "1e5",
        "0012",
        "'x",
        "\x0b",
    ]
)
_ROW = st.tuples(_CELL, _CELL, _CELL).map(",".join)
_ODD_ROW = st.sampled_from(["", ",,", "1,2", "1,2,3,4", '"a,b",2,3', '"a', "a\rb,1,2"])
_SMALL = 200


def _read(path: Path, text: str) -> tuple[TextTable | str, DataReport]:
    path.write_bytes(text.encode())
    report = DataReport()
    try:
        return read_table(path, report=report, label="x"), report
    except InputError as error:
        return str(error), report


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    top=st.sampled_from(
        ["编号,名称,人口\n", "某县人口\n\n编号,名称,人口\n", "a,b,c\r\n"]
    ),
    rows=st.lists(_ROW, min_size=40, max_size=60),
    odd=st.lists(st.tuples(st.integers(0, 60), _ODD_ROW), max_size=2),
    end=st.sampled_from(["", "\n", "\n\n\n"]),
)
def test_columns_equal_cells(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    top: str,
    rows: list[str],
    odd: list[tuple[int, str]],
    end: str,
) -> None:
    for at, row in odd:
        rows.insert(at, row)
    text = top + "\n".join(rows) + end
    slow, slow_report = _read(tmp_path / "a.csv", text)
    with monkeypatch.context() as patch:
        patch.setattr(tables, "MIN_SIZE", _SMALL)
        fast, fast_report = _read(tmp_path / "a.csv", text)
    assert slow_report.findings == fast_report.findings
    if isinstance(slow, str) or isinstance(fast, str):
        assert slow == fast
        return
    pd.testing.assert_frame_equal(slow.frame, fast.frame)
    assert slow.frame.map(type).equals(fast.frame.map(type))


def test_a_large_table_is_read_by_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    rows = [f"{i},点{i},{i / 8}" for i in range(20_000)]
    monkeypatch.setattr(tables, "csv_cells", never)
    table, _ = _read(tmp_path / "a.csv", "\n".join(["编号,名称,人口", *rows]))
    assert isinstance(table, TextTable)
    assert table.frame.iloc[-1].tolist() == ["19999", "点19999", "2499.875"]
    assert table.frame.index[-1] == 20_001


@given(
    st.lists(
        st.none()
        | st.sampled_from(
            ["约3万", "-", "1e3", "１２", "1,234", "+5", ".5", "5.", "-0"]
        )
        | st.floats(-1e9, 1e9).map(repr)
        | st.decimals(-999_999_999, 999_999_999, places=12).map(str)
        | st.integers(-(10**12), 10**12).map(str)
    )
)
def test_plain_numbers_are_what_single_cells_give(texts: list[str | None]) -> None:
    values, others = plain_numbers(texts)
    plain = np.setdiff1d(np.arange(len(texts)), others)
    assert np.isnan(values[others]).all()
    for at in plain.tolist():
        value = float(values[at])
        assert parse_number(texts[at]) == (value, None)
        assert parse_degrees(texts[at]) == (value, None)
        assert math.copysign(1.0, value) == math.copysign(
            1.0, parse_number(texts[at])[0] or value
        )
        if value < 0:
            assert parse_count(texts[at]) == (None, "negative")


def test_most_numbers_are_plain() -> None:
    texts = [f"{x:.6f}" for x in np.random.default_rng(1).uniform(-180, 180, 1000)]
    values, others = plain_numbers(texts)
    assert len(others) == 0
    assert values.tolist() == [float(text) for text in texts]
