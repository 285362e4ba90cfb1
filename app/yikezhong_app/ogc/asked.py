"""Query parameters as the standard has them: a bad or an unknown one is a 400."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Collection as Names
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import QueryParams

from yikezhong_app.ogc.layers import Box
from yikezhong_app.web.request_errors import BadQueryError

DEFAULT_LIMIT: Final = 10
MOST: Final = 10_000
LARGEST_OFFSET: Final = 10_000_000
_WHOLE = re.compile(r"[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
#: Longest value of a parameter.
_LONGEST: Final = 256

Interval = tuple[dt.date | None, dt.date | None]


@dataclass(frozen=True)
class ItemsQuery:
    """What items are wanted.

    Parameters
    ----------
    limit, offset : int
    boxes : tuple of boxes
        West, south, east, north [degrees]; two where the box crosses 180°; empty for
        no bound.
    interval : (date, date) or None
        First and last day, both inclusive; None at an end: open.
    properties : mapping
        Values that properties must have.
    given : mapping
        All parameters as given, for links.
    """

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    boxes: tuple[Box, ...] = ()
    interval: Interval | None = None
    properties: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)


def check_names(params: QueryParams, allowed: Names[str] = ()) -> dict[str, str]:
    """Return the parameters; only ``f=json`` and what is allowed may be there.

    Raises
    ------
    BadQueryError
        If a parameter is unknown, twice there or too long.
    """
    known = {"f", *allowed}
    for name in params:
        if name not in known:
            raise BadQueryError(
                f"没有参数“{name[:64]}”", parameter=name[:64], available=sorted(known)
            )
        values = params.getlist(name)
        if len(values) > 1:
            raise BadQueryError(f"参数 {name} 只能给出一次", parameter=name)
        if len(values[0]) > _LONGEST:
            raise BadQueryError(f"参数 {name} 过长", parameter=name)
    given = dict(params)
    if given.get("f", "json") != "json":
        raise BadQueryError("只提供 f=json", parameter="f", available=["json"])
    return given


def parse_items_query(params: QueryParams, *, filters: Names[str]) -> ItemsQuery:
    """Return what items a request wants.

    Raises
    ------
    BadQueryError
        If a parameter is unknown or cannot be read.
    """
    names = ("limit", "offset", "bbox", "datetime", *filters)
    given = check_names(params, names)
    limit = _whole(given, "limit", least=1, default=DEFAULT_LIMIT)
    return ItemsQuery(
        # a larger one is no error, says the standard
        limit=min(limit, MOST),
        offset=_whole(given, "offset", least=0, default=0, most=LARGEST_OFFSET),
        boxes=() if "bbox" not in given else parse_boxes(given["bbox"]),
        interval=None if "datetime" not in given else parse_interval(given["datetime"]),
        properties={name: given[name] for name in filters if name in given},
        given=given,
    )


def parse_boxes(text: str) -> tuple[Box, ...]:
    """Return the boxes of a ``bbox``: 4 numbers, or 6 with heights, which do not count.

    Examples
    --------
    >>> parse_boxes("113,31,114,32")
    ((113.0, 31.0, 114.0, 32.0),)
    >>> parse_boxes("170,-10,-170,10")
    ((170.0, -10.0, 180.0, 10.0), (-180.0, -10.0, -170.0, 10.0))
    """
    parts = [part.strip() for part in text.split(",")]
    numbers = [float(part) for part in parts if _NUMBER.fullmatch(part)]
    if len(numbers) != len(parts) or len(parts) not in (4, 6):
        raise BadQueryError("bbox 须为逗号分隔的 4 或 6 个数", parameter="bbox")
    half = len(numbers) // 2
    west, south, east, north = numbers[0], numbers[1], numbers[half], numbers[half + 1]
    finite = all(map(math.isfinite, numbers))
    if not finite or not -90 <= south <= north <= 90:
        raise BadQueryError("bbox 的南须不大于北，且在 ±90 度之内", parameter="bbox")
    if not (-180 <= west <= 180 and -180 <= east <= 180):
        raise BadQueryError("bbox 的经度须在 ±180 度之内", parameter="bbox")
    if west <= east:
        return ((west, south, east, north),)
    return ((west, south, 180.0, north), (-180.0, south, east, north))


def parse_interval(text: str) -> Interval:
    """Return first and last day of a ``datetime``; None at an open end.

    Examples
    --------
    >>> parse_interval("2023-12-31")
    (datetime.date(2023, 12, 31), datetime.date(2023, 12, 31))
    >>> parse_interval("../2023-12-31T00:00:00Z")
    (None, datetime.date(2023, 12, 31))
    """
    ends = text.split("/")
    if len(ends) == 1:
        day = _day(text)
        return day, day
    if len(ends) != 2:
        raise BadQueryError("datetime 须为时刻或起止两端", parameter="datetime")
    first, last = (None if end in ("", "..") else _day(end) for end in ends)
    if first is not None and last is not None and first > last:
        raise BadQueryError("datetime 的起点晚于终点", parameter="datetime")
    return first, last


def _day(text: str) -> dt.date:
    try:
        if _DATE.fullmatch(text):
            return dt.date.fromisoformat(text)
        if _TIME.fullmatch(text):
            return dt.datetime.fromisoformat(text.upper()).date()
    except ValueError:
        pass
    raise BadQueryError(
        "datetime 须如 2023-12-31 或 2023-12-31T00:00:00Z，两端以 / 相连",
        parameter="datetime",
    )


def _whole(
    given: dict[str, str],
    name: str,
    *,
    least: int,
    default: int,
    most: int | None = None,
) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not _WHOLE.fullmatch(text) or int(text) < least:
        raise BadQueryError(f"{name} 须为不小于 {least} 的整数", parameter=name)
    if most is not None and int(text) > most:
        raise BadQueryError(f"{name} 不得大于 {most}", parameter=name)
    return int(text)
