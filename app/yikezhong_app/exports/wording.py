"""Numbers as a planner reads them, the same as on the map page."""

from __future__ import annotations

import math

#: Where there is no number.
DASH = "—"


def unit_of(denominator: str) -> str:
    """Return the unit in which counts of a denominator are shown.

    Examples
    --------
    >>> unit_of("people_60"), unit_of("road_length"), unit_of("communities")
    ('人', '公里', '个')
    """
    if denominator.startswith("people") or denominator == "children":
        return "人"
    if denominator == "households":
        return "户"
    if denominator.startswith("road_length"):
        return "公里"
    return "平方公里" if denominator.startswith("area") else "个"


def count_words(value: float | None, denominator: str = "people") -> str:
    """Return a count without its unit; a dash where it is not known.

    Examples
    --------
    >>> count_words(12345.6), count_words(2500.0, "road_length"), count_words(None)
    ('12,346', '2.5', '—')
    """
    if value is None or not math.isfinite(value):
        return DASH
    unit = unit_of(denominator)
    if unit == "公里":
        return f"{value / 1000:,.1f}"
    if unit == "平方公里":
        return f"{value / 1e6:,.1f}"
    return f"{math.floor(value + 0.5):,}"


def amount(value: float | None, denominator: str = "people") -> str:
    """Return a count with its unit.

    Examples
    --------
    >>> amount(3.2, "communities"), amount(None)
    ('3 个', '未知')
    """
    if value is None or not math.isfinite(value):
        return "未知"
    return f"{count_words(value, denominator)} {unit_of(denominator)}"


def minutes_words(seconds: float | None) -> str:
    """Return a travel time.

    Examples
    --------
    >>> minutes_words(930.0), minutes_words(None)
    ('15.5 分钟', '无路可达')
    """
    if seconds is None or not math.isfinite(seconds):
        return "无路可达"
    return f"{seconds / 60:,.1f} 分钟"


def plain_number(value: float | None) -> str:
    """Return a number without needless decimals.

    Examples
    --------
    >>> plain_number(30.0), plain_number(0.25), plain_number(1234.567)
    ('30', '0.25', '1,234.57')
    """
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:,.2f}"
    return text.rstrip("0").rstrip(".")
