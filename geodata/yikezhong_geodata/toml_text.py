"""Write what :mod:`tomllib` has read: a ``study.toml`` that was changed by a program.

Comments and the order of keys within a table's own lines are all that is lost.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
#: JSON leaves this one as it is, TOML does not take it.
_DELETE: Final = "\x7f"


def toml_text(table: Mapping[str, Any]) -> str:
    """Return a table as TOML.

    Parameters
    ----------
    table : mapping
        Texts, whole numbers, finite numbers, truth values, dates, and lists and
        mappings of them.

    Raises
    ------
    TypeError
        If a value is of another type; None among them.

    Examples
    --------
    >>> print(toml_text({"study": {"name": "某县", "as_of": dt.date(2025, 12, 31)},
    ...                  "boundaries": [{"file": "a.csv"}]}), end="")
    [study]
    name = "某县"
    as_of = 2025-12-31
    <BLANKLINE>
    [[boundaries]]
    file = "a.csv"
    """
    return "\n".join(_lines(table, "")).lstrip("\n") + "\n"


def _lines(table: Mapping[str, Any], where: str) -> Iterator[str]:
    """Give the plain values of a table first, then the tables in it."""
    inner = {}
    for key, value in table.items():
        if isinstance(value, Mapping) or _is_tables(value):
            inner[key] = value
        else:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in inner.items():
        name = f"{where}{_key(key)}"
        head = f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
        for one in value if isinstance(value, list) else [value]:
            yield ""
            yield head
            yield from _lines(one, f"{name}.")


def _is_tables(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, Mapping) for one in value)
    )


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace(_DELETE, "\\u007f")


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int() | dt.date() | dt.time():
            return value.isoformat() if not isinstance(value, int) else str(value)
        case float() if math.isfinite(value):
            return repr(value)
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case Mapping():
            pairs = (f"{_key(key)} = {_value(one)}" for key, one in value.items())
            return f"{{ {', '.join(pairs)} }}" if value else "{}"
        case _:
            raise TypeError(f"no TOML for {type(value).__name__}")
