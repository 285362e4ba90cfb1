"""Dates and status of a facility as of a day."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from yikezhong_geodata.numbers import MISSING, clean_text

#: Words in a status cell, the first match wins: 停止运营 holds 运营, 未投入使用 投入使用.
_WORDS: Final = (
    ("planned", ("未投入", "未运营", "未开业", "未启用", "未建成", "规划", "在建", "拟建", "待建", "筹建", "筹备", "新建中", "建设中", "计划", "planned", "proposed", "construction", "project")),
    ("closed", ("停", "关闭", "关停", "撤销", "注销", "歇业", "闲置", "废弃", "拆除", "不运营", "取缔", "closed", "disused", "abandoned", "demolished", "inactive")),
    ("open", ("运营", "正常", "在营", "营业", "开放", "开业", "建成", "投入", "使用", "运行", "启用", "在用", "open", "active", "operational", "yes", "是")),
    ("closed", ("否", "no")),
)  # fmt: skip
_NEVER: Final = ("至今", "长期", "永久", "未关闭")
_SEPARATED: Final = re.compile(
    r"(?P<y>\d{4})(?:[-/.年](?P<m>\d{1,2})(?:[-/.月](?P<d>\d{1,2})日?)?月?)?年?"
    r"(?:[ t]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?z?)?"
)
_COMPACT: Final = re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})?")
#: Excel counts days from here; serial numbers of 1954 to 2078 are taken for dates.
_EXCEL_EPOCH: Final = dt.date(1899, 12, 30)
_EXCEL_SERIAL: Final = re.compile(r"(?P<days>[2-6]\d{4})(\.0+)?")


def parse_date(text: str | None) -> tuple[dt.date | None, str | None]:
    """Return the last day a date text can mean, and what is wrong with it.

    A bare year means 31 December, a year and month the last day of the month.

    Returns
    -------
    date : datetime.date or None
    problem : str or None
        ``bad_date`` where there is a text that is no date.

    Examples
    --------
    >>> [str(parse_date(t)[0]) for t in ("2023", "2023-05", "2023年5月", "2023/5/1")]
    ['2023-12-31', '2023-05-31', '2023-05-31', '2023-05-01']
    >>> [str(parse_date(t)[0]) for t in ("20230501", "2023.2", "45047", "2024-02-30")]
    ['2023-05-01', '2023-02-28', '2023-05-01', 'None']
    >>> parse_date("去年"), parse_date("-"), parse_date(None)
    ((None, 'bad_date'), (None, None), (None, None))
    """
    plain = clean_text(text)
    if plain is None or plain.lower() in MISSING or plain in _NEVER:
        return None, None
    plain = plain.lower()
    body = plain.replace(" ", "") if "年" in plain else plain
    match = _SEPARATED.fullmatch(body) or _COMPACT.fullmatch(body)
    if match is None:
        serial = _EXCEL_SERIAL.fullmatch(body)
        if serial is None:
            return None, "bad_date"
        return _EXCEL_EPOCH + dt.timedelta(days=int(serial["days"])), None
    year, month = int(match["y"]), int(match["m"] or 12)
    if not (1900 <= year <= 2200 and 1 <= month <= 12):
        return None, "bad_date"
    last = calendar.monthrange(year, month)[1]
    day = int(match["d"] or last)
    if not 1 <= day <= last:
        return None, "bad_date"
    return dt.date(year, month, day), None


def parse_status(text: str | None) -> str | None:
    """Return ``open``, ``planned`` or ``closed``; None where the word says nothing.

    Examples
    --------
    >>> [parse_status(t) for t in ("运营", "停止运营", "在建", "未投入使用", "正常", "甲")]
    ['open', 'closed', 'planned', 'planned', 'open', None]
    """
    plain = clean_text(text)
    if plain is None:
        return None
    plain = plain.lower()
    for status, words in _WORDS:
        for word in words:
            exact_only = (len(word) == 1 and word != "停") or word in ("no", "yes")
            if plain == word or (not exact_only and word in plain):
                return status
    return None


@dataclass(frozen=True)
class StatusAsOf:
    """Status as of a day; ``undated`` where dates did not settle it."""

    status: str
    undated: bool
    conflict: bool = False


def status_as_of(
    as_of: dt.date,
    *,
    opened: dt.date | None,
    closed: dt.date | None,
    word: str | None,
) -> StatusAsOf:
    """Return whether a facility is open on a day: opened ≤ day < closed.

    Dates settle it where they can. A closing date that lies before the day closes
    it, whatever else is known. Without an opening date the status word counts, and
    so does the word ``closed`` where no closing date is given.

    Parameters
    ----------
    as_of : datetime.date
    opened, closed : datetime.date or None
        First day open, first day no longer open; None where not known.
    word : str or None
        ``open``, ``planned`` or ``closed`` as the list says; None: nothing said.

    Returns
    -------
    StatusAsOf
        ``conflict`` is true where the word contradicts the dates.

    Examples
    --------
    >>> day = dt.date(2023, 12, 31)
    >>> status_as_of(day, opened=dt.date(2023, 12, 31), closed=None, word=None).status
    'open'
    >>> status_as_of(day, opened=dt.date(2024, 1, 1), closed=None, word="open")
    StatusAsOf(status='planned', undated=False, conflict=False)
    >>> status_as_of(day, opened=None, closed=None, word="closed")
    StatusAsOf(status='closed', undated=True, conflict=False)
    """
    if closed is not None and closed <= as_of:
        return StatusAsOf("closed", undated=False)
    if opened is not None and opened > as_of:
        return StatusAsOf("planned", undated=False, conflict=word == "closed")
    if opened is not None:
        if word == "closed" and closed is None:
            return StatusAsOf("closed", undated=True)
        return StatusAsOf("open", undated=False, conflict=word == "planned")
    if word is not None:
        still_open = closed is not None and word == "closed"
        return StatusAsOf("open" if still_open else word, undated=True)
    return StatusAsOf("open" if closed is not None else "unknown", undated=True)
