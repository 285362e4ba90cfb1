"""What an export is about: the whole study, or one division and what is below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row
from yikezhong_app.reading.selections import coverage_rows
from yikezhong_app.web.queries import CoverageFilter

#: Word for the whole study where a code is asked for.
WHOLE = "study"
_COUNTS = ("total", "covered", "full", "out_of_reach")


@dataclass(frozen=True)
class Scope:
    """The divisions of an export.

    Parameters
    ----------
    code, level : str or None
        None: the whole study.
    name : str
    tops : tuple of str
        Codes of the divisions that are the scope: one, or all without a parent.
    codes : frozenset of str
        These and all below.
    """

    code: str | None
    level: str | None
    name: str
    tops: tuple[str, ...]
    codes: frozenset[str]

    def codes_at(self, catalog: Catalog, level: str) -> list[str]:
        """Return the codes of a level inside the scope, in the order of the table."""
        return [
            row["code"]
            for row in catalog.divisions
            if row["level"] == level and row["code"] in self.codes
        ]

    def rows(self, catalog: Catalog, query: CoverageFilter) -> list[Row]:
        """Return the coverage rows of the scope's top divisions."""
        levels = {catalog.divisions[catalog.position[c]]["level"] for c in self.tops}
        return [
            row
            for level in catalog.levels
            if level in levels
            for row in coverage_rows(catalog, query, level=level, codes=self.tops)
        ]


def find_scope(catalog: Catalog, code: str | None) -> Scope:
    """Return the scope of a code, a short code or a name; None or ``study``: all.

    Raises
    ------
    UnknownDivisionError, AmbiguousNameError
        If there is no such division, or several of the name.
    """
    if code is None or code == WHOLE:
        tops = tuple(r["code"] for r in catalog.divisions if not r.get("parent"))
        one = len(tops) == 1
        name = catalog.name
        if one:
            name = str(catalog.divisions[catalog.position[tops[0]]]["name"])
        return Scope(None, None, name, tops, frozenset(catalog.position))
    row = catalog.find_division(code)
    below = frozenset({row["code"], *catalog.under(row["code"])})
    return Scope(
        row["code"], str(row["level"]), str(row["name"]), (row["code"],), below
    )


def add_up(rows: Sequence[Row]) -> Row:
    """Return one coverage row for several divisions: counts added, never averaged.

    Of one row it is the row itself. Unknown counts are left out, and flagged.

    Examples
    --------
    >>> rows = [
    ...     {"total": 3.0, "covered": 1.0, "rate": 1 / 3, "flags": []},
    ...     {"total": None, "covered": None, "rate": None, "flags": ["unknown_people"]},
    ...     {"total": 1.0, "covered": 1.0, "rate": 1.0, "flags": []},
    ... ]
    >>> total = add_up(rows)
    >>> total["covered"], total["total"], total["rate"], total["flags"]
    (2.0, 4.0, 0.5, ['unknown_people'])
    """
    if not rows:
        return {name: None for name in (*_COUNTS, "rate", "rate_note")} | {"flags": []}
    if len(rows) == 1:
        return dict(rows[0])
    sums: Row = dict(rows[0])
    for name in _COUNTS:
        known = [row[name] for row in rows if row.get(name) is not None]
        sums[name] = sum(known) if known else None
    sums["rate"] = sums["covered"] / sums["total"] if sums["total"] else None
    sums["flags"] = list(dict.fromkeys(f for row in rows for f in row["flags"]))
    notes = [row.get("rate_note") for row in rows]
    sums["rate_note"] = "；".join(dict.fromkeys(n for n in notes if n)) or None
    return sums
