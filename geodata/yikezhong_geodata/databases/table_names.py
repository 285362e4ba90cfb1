"""Names of tables as a study writes them: ``schema.table``, with quotes where needed.

A name is only ever looked up as a name: it becomes part of a statement through
``psycopg.sql.Identifier``, which quotes it, so no text can be more than a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_PART: Final = re.compile(r'"(?:[^"]|"")+"|[^".]+')
#: PostgreSQL cuts longer names off [bytes].
_LONGEST: Final = 63


@dataclass(frozen=True)
class TableName:
    """A table, view or materialised view of a database.

    ``schema`` None looks for it along the search path of the user.
    """

    schema: str | None
    table: str

    def __str__(self) -> str:
        return ".".join(_quoted(p) for p in (self.schema, self.table) if p)


def parse_table_name(text: str) -> TableName | None:
    """Return the table that a text names; None where it names none.

    Letters keep their case: nothing is folded. Parts with dots or quotes are put in
    quotes as in SQL.

    Examples
    --------
    >>> parse_table_name("规划.乡镇"), parse_table_name('"a.b"."c ""d"')
    (TableName(schema='规划', table='乡镇'), TableName(schema='a.b', table='c "d'))
    >>> str(parse_table_name('"a.b".c')), parse_table_name("a.b.c"), parse_table_name('a."')
    ('"a.b".c', None, None)
    """
    parts, at = [], 0
    while at < len(text):
        found = _PART.match(text, at)
        if found is None:
            return None
        parts.append(_plain(found.group()))
        at = found.end()
        if at < len(text) and (text[at] != "." or at + 1 == len(text)):
            return None
        at += 1
    bad = any(not part or "\0" in part or _too_long(part) for part in parts)
    if bad or not 1 <= len(parts) <= 2:
        return None
    return TableName(parts[0] if len(parts) == 2 else None, parts[-1])


def _plain(part: str) -> str:
    part = part.strip()
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def _quoted(part: str) -> str:
    if "." in part or '"' in part or part != part.strip():
        return '"' + part.replace('"', '""') + '"'
    return part


def _too_long(part: str) -> bool:
    return len(part.encode()) > _LONGEST
