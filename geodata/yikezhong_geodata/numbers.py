"""Numbers as people type them: 1,234, 约3万, １２３４, NA, 无, 30°31′12″."""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Final

#: Words for "not known". 无 stands here too: in a bureau's list it says that nothing
#: was entered, and unknown must never become zero.
MISSING: Final = frozenset(
    (
        *("na", "n/a", "#n/a", "n.a.", "nan", "null", "none", "nil"),
        *("-", "--", "---", "—", "——", "–", "/", "\\", ".", "…", "...", "*", "?"),
        *("无", "暂无", "未知", "不详", "不明", "未统计", "无数据", "暂缺", "缺", "空"),
        *(
            "待定",
            "待核",
            "待补",
            "#value!",
            "#ref!",
            "#div/0!",
            "#name?",
            "#null!",
            "#num!",
        ),
    )
)
_APPROXIMATE_BEFORE: Final = re.compile(
    r"^(大约|约为|约|近|逾|超过|超|将近|接近|~|≈|>=|≥|>)"
)
_APPROXIMATE_AFTER: Final = re.compile(r"(左右|上下|以上|余|多|\+)$")
_UNITS: Final = re.compile(
    r"(平方米|平米|㎡|m2|m\^2|周岁|个|人|名|张|户|间|座|穴|格|位|处|套|岁|床)$"
)
_FACTORS: Final = {
    "亿": 10**8,
    "千万": 10**7,
    "百万": 10**6,
    "万": 10**4,
    "w": 10**4,
    "千": 10**3,
}
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}([, ']\d{3})+(\.\d+)?")
_PLAIN: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?")
_LARGEST: Final = Decimal(2**53)

_DEGREES: Final = re.compile(
    r"(?P<sign>[+-])?(?P<d>\d{1,3}(\.\d+)?)[°度d:]?"
    r"((?P<m>\d{1,2}(\.\d+)?)['′’分m:]((?P<s>\d{1,2}(\.\d+)?)(\"|″|”|''|′′|’’|秒|s)?)?)?"
)


def parse_count(text: object) -> tuple[float | None, str | None]:
    """Return a number of people, beds … and what is wrong with it.

    Parameters
    ----------
    text : object
        The cell, as text or number; None is missing.

    Returns
    -------
    value : float or None
        The number; None where it is unknown, unreadable or negative. Never 0 for
        what is not known.
    problem : str or None
        ``missing``, ``unreadable``, ``negative`` (value None), ``approximate``
        (约3万) or ``fraction`` (value given).

    Examples
    --------
    >>> parse_count("1,234"), parse_count("１２３４人"), parse_count("3.2万")
    ((1234.0, None), (1234.0, None), (32000.0, None))
    >>> parse_count("约3万"), parse_count("12.5")
    ((30000.0, 'approximate'), (12.5, 'fraction'))
    >>> parse_count("无"), parse_count("-"), parse_count(None), parse_count("0")
    ((None, 'missing'), (None, 'missing'), (None, 'missing'), (0.0, None))
    >>> parse_count("-5"), parse_count("三十"), parse_count("1,23")
    ((None, 'negative'), (None, 'unreadable'), (None, 'unreadable'))
    """
    value, problem = parse_number(text)
    if value is None:
        return None, problem
    if value < 0:
        return None, "negative"
    if problem is None and value != int(value):
        return value, "fraction"
    return value, problem


def parse_number(text: object) -> tuple[float | None, str | None]:
    """Return a number of any sign and what is wrong with it.

    As :func:`parse_count`, but negative numbers and fractions are fine.

    Examples
    --------
    >>> parse_number("1 234.50 ㎡"), parse_number("-3.5"), parse_number("1e3")
    ((1234.5, None), (-3.5, None), (1000.0, None))
    >>> parse_number("inf"), parse_number("100-200"), parse_number("nan")
    ((None, 'unreadable'), (None, 'unreadable'), (None, 'missing'))
    """
    cleaned = clean_text(text)
    if cleaned is None or is_missing(cleaned):
        return None, "missing"
    body = cleaned.lower().replace("−", "-").replace("，", ",")
    problem = None
    for pattern in (_APPROXIMATE_BEFORE, _APPROXIMATE_AFTER):
        shorter = pattern.sub("", body).strip()
        if shorter != body:
            body, problem = shorter, "approximate"
    body = _UNITS.sub("", body).strip()
    shorter = _APPROXIMATE_AFTER.sub("", body).strip()
    if shorter != body:
        body, problem = shorter, "approximate"
    factor = 1
    for word, times in _FACTORS.items():
        if body.endswith(word):
            body, factor = body[: -len(word)].strip(), times
            break
    if _GROUPED.fullmatch(body):
        body = re.sub(r"[, ']", "", body)
    if not _PLAIN.fullmatch(body):
        return None, "unreadable"
    try:
        number = Decimal(body) * factor
    except InvalidOperation:  # an exponent beyond all sense
        return None, "unreadable"
    if abs(number) > _LARGEST:
        return None, "unreadable"
    return float(number), problem


def parse_degrees(text: object) -> tuple[float | None, str | None]:
    """Return a longitude or latitude [degrees] and what is wrong with it.

    Decimal degrees, degrees-minutes-seconds, with 东经/北纬/E/N around them; 西经, 南纬,
    W and S turn the sign. Planar coordinates [m] pass through as plain numbers.

    Examples
    --------
    >>> parse_degrees("113.3725"), parse_degrees("东经113.3725°")
    ((113.3725, None), (113.3725, None))
    >>> parse_degrees("30°31′12″N"), parse_degrees("W 15.5")
    ((30.52, None), (-15.5, None))
    >>> parse_degrees("30°75′"), parse_degrees("无"), parse_degrees("某地")
    ((None, 'unreadable'), (None, 'missing'), (None, 'unreadable'))
    """
    cleaned = clean_text(text)
    if cleaned is None or is_missing(cleaned):
        return None, "missing"
    body = re.sub(r"\s", "", cleaned).lower().replace("−", "-")
    turned = bool(re.search(r"西经|南纬|^[ws]|[ws]$", body))
    body = re.sub(r"[东西]经|[南北]纬|^[ewns]|[ewns]$", "", body).strip(":：")
    if _PLAIN.fullmatch(body):
        value = float(body)
        return (-value if turned else value), None
    match = _DEGREES.fullmatch(body)
    if match is None:
        return None, "unreadable"
    minutes, seconds = Decimal(match["m"] or 0), Decimal(match["s"] or 0)
    if minutes >= 60 or seconds >= 60:
        return None, "unreadable"
    value = float(Decimal(match["d"]) + minutes / 60 + seconds / 3600)
    return (-value if turned or match["sign"] == "-" else value), None


def is_missing(text: str) -> bool:
    """Return whether a cleaned text says that nothing is known.

    Examples
    --------
    >>> is_missing("N/A"), is_missing("------"), is_missing("0")
    (True, True, False)
    """
    return text.lower() in MISSING or not any(c.isalnum() for c in text)


def clean_text(text: object) -> str | None:
    """Return text in plain form: NFKC, one line, single spaces; None where empty.

    Examples
    --------
    >>> clean_text("　ＡＢ　１２ "), clean_text("  "), clean_text(float("nan"))
    ('AB 12', None, None)
    """
    if text is None or (isinstance(text, float) and math.isnan(text)):
        return None
    plain = str(text)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain)
    if plain.isprintable():  # then it has no format character, and no space but " "
        return (" ".join(plain.split()) if " " in plain else plain) or None
    plain = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    return " ".join(plain.split()) or None
