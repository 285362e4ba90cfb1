"""Classes of coverage rates: the same as the web map's (``static/js/classes.js``)."""

from __future__ import annotations

import math
from typing import Final

#: Lower limits of the classes, inclusive; a rate of 1 belongs to the last.
BREAKS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95)
COLOURS: Final = ("#fdf0b5", "#cbe5b0", "#86cbb4", "#47a6b5", "#2b75a3", "#27407c")
#: Ground and stripes of an area whose rate is not known.
NO_DATA_GROUND: Final = "#f2f1ed"
NO_DATA_STRIPES: Final = "#a9aeab"
#: Class of an area whose rate is not known.
NO_DATA: Final = -1


def class_of(rate: float | None) -> int:
    """Return the class of a rate; :data:`NO_DATA` where it is not known.

    Examples
    --------
    >>> class_of(0.2), class_of(0.949), class_of(1.0), class_of(None)
    (1, 4, 5, -1)
    """
    if rate is None or math.isnan(rate):
        return NO_DATA
    return max(i for i, limit in enumerate(BREAKS) if rate >= limit)


def class_words(index: int) -> str:
    """Return the words of a class for the legend.

    Examples
    --------
    >>> class_words(0), class_words(3), class_words(5), class_words(-1)
    ('< 20%', '60–80%', '≥ 95%', '无数据')
    """
    if index == NO_DATA:
        return "无数据"
    lower = round(BREAKS[index] * 100)
    if index == len(BREAKS) - 1:
        return f"≥ {lower}%"
    upper = round(BREAKS[index + 1] * 100)
    return f"< {upper}%" if index == 0 else f"{lower}–{upper}%"


def percent(rate: float | None) -> str:
    """Return a rate in per cent with one decimal, as the map page shows it.

    Where rounding up would show it on the other side of a class limit it is cut off
    instead: 99.98 % is not 100 %.

    Examples
    --------
    >>> percent(0.30288), percent(0.9998), percent(0.5997), percent(0.0001)
    ('30.3%', '99.9%', '59.9%', '<0.1%')
    >>> percent(None)
    '—'
    """
    if rate is None or math.isnan(rate):
        return "—"
    if 0 < rate < 0.0005:
        return "<0.1%"
    shown = int(rate * 1000 + 0.5)
    crosses = any(rate < limit and shown >= limit * 1000 for limit in (*BREAKS, 1.0))
    return f"{(shown - 1 if crosses else shown) / 10:.1f}%"
