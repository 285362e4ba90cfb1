"""Imported figures: exact, dated, each row accounted for."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import ColumnMappingError, DuplicateKeyError
from yikezhong_geodata.source_spec import StatisticSpec
from yikezhong_geodata.statistics import (
    Statistic,
    figures_as_of,
    load_statistics,
    parse_exact,
)

COUNTY, OTHER = "421303000000", "421321000000"
DIVISIONS = pd.DataFrame({"code": [COUNTY, OTHER]})
HEAD = "指标编号,区划代码,分子,分母,数值,日期,来源\n"


def read(
    folder: Path, text: str, **options: Any
) -> tuple[tuple[Statistic, ...], DataReport]:
    (folder / "s.csv").write_text(text, encoding="utf-8")
    report = DataReport()
    known = options.pop("known", None)
    found = load_statistics(
        [StatisticSpec(file="s.csv", **options)],
        folder=folder,
        divisions=DIVISIONS,
        report=report,
        known=known,
    )
    return found, report


def test_a_value_or_its_parts_are_read_exactly(tmp_path: Path) -> None:
    text = (
        f"{HEAD}X-1,{COUNTY},363,1000,,2025-12-31,民政局\n"
        f"X-1,421321,,,36.3%,2025,\nX-2,{COUNTY},,,1234.5,2025年6月,\n"
    )
    found, report = read(tmp_path, text)
    assert [f.value for f in found] == [
        Fraction(363, 1000),
        Fraction(363, 1000),
        Fraction(2469, 2),
    ]
    assert [f.numerator for f in found] == [363, None, None]
    assert [f.code for f in found] == [COUNTY, OTHER, COUNTY]
    assert [f.date.isoformat() for f in found] == [
        "2025-12-31",
        "2025-12-31",
        "2025-06-30",
    ]
    assert [f.source for f in found] == ["民政局", None, None]
    (count,) = report.counts
    assert (count.read, count.used) == (3, 3)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (f",{COUNTY},,,0.5,2025,", "indicator_missing"),
        ("X-1,,,,0.5,2025,", "code_missing"),
        ("X-1,33010,,,0.5,2025,", "code_malformed"),
        ("X-1,421381,,,0.5,2025,", "unmatched"),
        (f"X-9,{COUNTY},,,0.5,2025,", "indicator_unknown"),
        (f"X-1,{COUNTY},,,0.5,,", "date_missing"),
        (f"X-1,{COUNTY},,,0.5,去年,", "bad_date"),
        (f"X-1,{COUNTY},,,一半,2025,", "unreadable_number"),
        (f"X-1,{COUNTY},,,-,2025,", "value_missing"),
        (f"X-1,{COUNTY},3,,,2025,", "value_missing"),
        (f"X-1,{COUNTY},3,0,,2025,", "bad_denominator"),
        (f"X-1,{COUNTY},3,4,0.5,2025,", "value_conflict"),
    ],
)
def test_a_row_that_cannot_be_used_is_set_aside(
    tmp_path: Path, row: str, problem: str
) -> None:
    good = f"X-1,{OTHER},3,4,0.75,2025,"
    found, report = read(tmp_path, f"{HEAD}{row}\n{good}\n", known=["X-1"])
    assert [f.code for f in found] == [OTHER]
    (finding,) = [f for f in report.findings if f.row is not None]
    assert (finding.row, finding.problem, finding.action) == (2, problem, "set_aside")
    (count,) = report.counts
    assert (count.read, count.used, count.set_aside) == (2, 1, 1)


def test_date_and_source_can_hold_for_a_whole_file(tmp_path: Path) -> None:
    text = f"指标编号,区划代码,数值\nX-1,{COUNTY},0.5\n"
    (only,), _ = read(tmp_path, text, date=dt.date(2024, 12, 31), source="年报")
    assert (only.date, only.source) == (dt.date(2024, 12, 31), "年报")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("区划代码,数值,日期\n421303,1,2025\n", ColumnMappingError, "指标编号"),
        ("指标编号,数值,日期\nX,1,2025\n", ColumnMappingError, "区划代码"),
        ("指标编号,区划代码,分子,日期\nX,421303,1,2025\n", ColumnMappingError, "数值"),
        ("指标编号,区划代码,数值\nX,421303,1\n", ColumnMappingError, "日期"),
        (f"{HEAD}X,421303,,,1,2025,\nX,421303,,,2,2025,\n", DuplicateKeyError, "两个"),
    ],
)
def test_bad_tables_are_refused(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        read(tmp_path, text)


def test_the_latest_figure_up_to_the_day_counts() -> None:
    def figure(year: int, value: int) -> Statistic:
        return Statistic("X", COUNTY, dt.date(year, 12, 31), Fraction(value))

    both = [figure(2025, 3), figure(2023, 1)]
    for day, wanted in (
        (dt.date(2023, 12, 30), []),
        (dt.date(2023, 12, 31), [1]),
        (dt.date(2025, 12, 30), [1]),
        (dt.date(2025, 12, 31), [3]),
    ):
        assert [f.value for f in figures_as_of(both, day)] == wanted


@pytest.mark.parametrize("text", ["0.1", "0.30000000000000004", "33.3%", "12345678.9"])
def test_decimals_are_exact(text: str) -> None:
    value, problem = parse_exact(text)
    percent = text.endswith("%")
    assert problem is None
    assert value == Fraction(text.rstrip("%")) / (100 if percent else 1)
