"""Numbers as a planner reads them, the same as on the map page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from yikezhong_app.exports.rate_classes import percent
from yikezhong_app.web.formats import cell_text

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


#: Units of indicator values that are not shares.
_VALUE_UNITS: Final[Mapping[str, str]] = {
    "persons": "人",
    "households": "户",
    "beds": "张",
    "facilities": "个",
    "years": "年",
    "m2_per_person": "平方米/人",
    "m2_per_100_households": "平方米/百户",
    "persons_per_1000_older": "人/千名老年人",
    "persons_per_100_beds": "人/百张床位",
}


def is_share(row: Mapping[str, Any]) -> bool:
    """Say whether the value of an indicator is a share, shown in per cent.

    Examples
    --------
    >>> is_share({"value_unit": "share"}), is_share({"value_unit": "years"})
    (True, False)
    """
    unit = row.get("value_unit")
    if unit is None:
        plain = row.get("rule") not in ("per_capita", "capacity_years", "count")
        return plain and row.get("denominator") is not None
    return bool(unit == "share")


def value_words(row: Mapping[str, Any], name: str = "value") -> str:
    """Return the value or the target of an indicator as text.

    Examples
    --------
    >>> row = {"value": 0.6, "target": 30.0, "value_unit": "years"}
    >>> value_words(row, "target"), value_words({**row, "value_unit": "share"})
    ('30 年', '60.0%')
    """
    value = row.get(name)
    if value is None:
        return DASH
    if is_share(row):
        return f"{value * 100:.1f}%" if value < 1 else f"{plain_number(value * 100)}%"
    unit = _VALUE_UNITS.get(str(row.get("value_unit")), "")
    return f"{plain_number(value)} {unit}".rstrip()


def target_words(row: Mapping[str, Any]) -> str:
    """Return the target of an indicator with its comparison; a dash without one.

    Examples
    --------
    >>> target_words({"target": 0.6, "comparison": ">=", "value_unit": "share"})
    '≥ 60%'
    """
    if row.get("target") is None:
        return DASH
    sign = {">=": "≥", "<=": "≤", "=": "="}.get(str(row.get("comparison")), ">")
    sign = "<" if row.get("comparison") == "<" else sign
    value = row["target"]
    if is_share(row):
        return f"{sign} {plain_number(value * 100)}%"
    return f"{sign} {value_words(row, 'target')}"


def cell_words(kind: str, value: object) -> str:
    """Return the cell of a sheet as text, for a document.

    Parameters
    ----------
    kind : str
        Kind of the column; see :class:`.sheets.Column`.
    value : object

    Examples
    --------
    >>> cell_words("rate", 0.25), cell_words("count", 1234.4), cell_words("text", None)
    ('25.0%', '1,234', '')
    >>> cell_words("degree", 113.4), cell_words("mid", True)
    ('113.400000', '是')
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if kind == "rate":
            return percent(value)
        if kind == "count":
            return count_words(value)
        if kind == "degree":
            return f"{value:.6f}"
        if kind in ("tenth", "metre"):
            return f"{value:,.1f}"
        if kind in ("number", "hundredth"):
            return plain_number(value)
    cell = cell_text(value)
    return "" if cell is None else str(cell)


def date_words(iso: str) -> str:
    """Return a date as a document writes it.

    Examples
    --------
    >>> date_words("2025-12-31")
    '2025年12月31日'
    """
    year, month, day = iso.split("-")
    return f"{year}年{int(month)}月{int(day)}日"
