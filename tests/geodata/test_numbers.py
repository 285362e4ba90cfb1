"""Numbers as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikezhong_geodata.numbers import MISSING, parse_count, parse_degrees, parse_number


@pytest.mark.parametrize(
    "text", [*sorted(MISSING), "", "  ", "　", "NA", "N/A", "NaN", "－", "……", None]
)
def test_unknown_is_never_zero(text: str | None) -> None:
    assert parse_count(text) == (None, "missing")


@pytest.mark.parametrize(
    ("text", "value", "problem"),
    [
        ("0", 0, None),
        ("1,234", 1234, None),
        ("１２３４", 1234, None),
        ("1，234，567", 1234567, None),
        ("1 234", 1234, None),
        ("约3万", 30000, "approximate"),
        ("3.2万", 32000, None),
        ("3.2万人", 32000, None),
        ("近2000人", 2000, "approximate"),
        ("100余", 100, "approximate"),
        ("100多张", 100, "approximate"),
        ("500人左右", 500, "approximate"),
        ("1.5亿", 150_000_000, None),
        ("1E+05", 100_000, None),
        ("12.5", 12.5, "fraction"),
        ("12.0", 12, None),
        ("+7", 7, None),
        ("-5", None, "negative"),
        ("−5", None, "negative"),
        ("1,23", None, "unreadable"),
        ("1,2345", None, "unreadable"),
        ("100-200", None, "unreadable"),
        ("三十", None, "unreadable"),
        ("12人3户", None, "unreadable"),
        ("1e999", None, "unreadable"),
        ("inf", None, "unreadable"),
        ("=1+1", None, "unreadable"),
        (12, 12, None),
        (float("nan"), None, "missing"),
    ],
)
def test_counts(text: object, value: float | None, problem: str | None) -> None:
    assert parse_count(text) == (value, problem)


@given(st.integers(0, 2**53))
def test_every_whole_number_reads_back(number: int) -> None:
    assert parse_count(str(number)) == (number, None)
    assert parse_count(f"{number:,}") == (number, None)


@given(st.text(max_size=30))
def test_any_text_gives_a_number_or_a_problem(text: str) -> None:
    value, problem = parse_number(text)
    assert (value is not None) or problem in ("missing", "unreadable")
    value, problem = parse_degrees(text)
    assert (value is not None) or problem in ("missing", "unreadable")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("113.3725", 113.3725),
        ("东经113.3725°", 113.3725),
        ("113°22′21″E", 113.3725),
        ("113度22分21秒", 113.3725),
        ("113°22'21\"", 113.3725),
        ("E113.3725", 113.3725),
        ("南纬30.5", -30.5),
        ("-15.5", -15.5),
        ("538000.25", 538000.25),
        ("113°75′", None),
        ("113.3,31.6", None),
    ],
)
def test_degrees(text: str, value: float | None) -> None:
    found, _ = parse_degrees(text)
    assert found == (None if value is None else pytest.approx(value, abs=1e-12))
