"""Find divisions by name, code, pinyin or initials, the best match first.

Characters have several readings (曾 is zēng or céng): any of them is taken, since a
dictionary's first choice is often not the one of a place name.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from yikezhong_geodata.columns import LEVELS

#: Nobody types more of a name; bounds what a hostile name can cost.
_LONGEST_NAME: Final = 64
#: Ranks, from the best.
_WHOLE, _START, _INSIDE, _SPELLED, _INITIALS, _MIXED, _SPELLED_INSIDE = range(7)


@dataclass(frozen=True, eq=False)
class NameIndex:
    """Divisions with the readings of their names.

    Parameters
    ----------
    rows : sequence of mapping
        With ``code``, ``name`` and ``level``.
    """

    rows: Sequence[dict[str, Any]]

    @cached_property
    def _names(self) -> list[str]:
        return [_folded(str(row["name"]))[:_LONGEST_NAME] for row in self.rows]

    @cached_property
    def _readings(self) -> dict[str, tuple[str, ...]]:
        """Character → its readings without tones, or itself."""
        # 0.1 s to import: not before somebody searches
        from pypinyin import Style, pinyin

        found = {}
        for character in {c for name in self._names for c in name}:
            (readings,) = pinyin(character, style=Style.NORMAL, heteronym=True)
            found[character] = tuple(dict.fromkeys([*readings, character]))
        return found

    def find(self, text: str) -> list[dict[str, Any]]:
        """Return the rows that a text finds, the best first.

        Parameters
        ----------
        text : str
            Part of a name or the start of a code; pinyin, whole or its start, with or
            without spaces (``zengdu``); initials (``zdq``); or a mixture of these.

        Returns
        -------
        list of row
            Whole names and codes before their starts, these before names that hold
            the text, these before pinyin, initials and mixtures; then the higher
            level, the shorter name, the order of the rows.

        Examples
        --------
        >>> rows = [
        ...     {"code": "1", "name": "曾都区", "level": "county"},
        ...     {"code": "2", "name": "都曾镇", "level": "township"},
        ... ]
        >>> index = NameIndex(rows)
        >>> [row["code"] for row in index.find("zengdu")]
        ['1']
        >>> [row["code"] for row in index.find("曾")]
        ['1', '2']
        >>> index.find("dz")[0]["name"]
        '都曾镇'
        """
        wanted = _folded(text)
        if not wanted:
            return []
        beginning = {
            character
            for character, readings in self._readings.items()
            if any(reading.startswith(wanted[0]) for reading in readings)
        }
        ranked = []
        for i, (row, name) in enumerate(zip(self.rows, self._names, strict=True)):
            rank = _written(name, str(row["code"]).casefold(), wanted)
            if rank is None and not beginning.isdisjoint(name):
                starts = [at for at, c in enumerate(name) if c in beginning]
                rank = self._spoken(name, wanted, starts=starts)
            if rank is not None:
                level = LEVELS.index(row["level"])
                ranked.append((rank, level, len(name), i))
        return [self.rows[i] for *_, i in sorted(ranked)]

    def _spoken(self, name: str, wanted: str, *, starts: Sequence[int]) -> int | None:
        """Return the rank of a name by its readings, from any of some places on."""
        if starts[0] == 0:
            for rank, whole, initials in (
                (_SPELLED, True, False),
                (_INITIALS, False, True),
                (_MIXED, True, True),
            ):
                if self._reads(name, wanted, whole=whole, initials=initials):
                    return rank
        inside = (name[start:] for start in starts if start)
        if any(self._reads(end, wanted, whole=True, initials=True) for end in inside):
            return _SPELLED_INSIDE
        return None

    def _reads(self, name: str, wanted: str, *, whole: bool, initials: bool) -> bool:
        """Say whether a name, read aloud from its start, begins with a text.

        Each character may be read whole, or by its first letter, where allowed; the
        last one may be unfinished.
        """
        ends = {0}
        for character in name:
            following = set()
            for end in ends:
                for reading in self._readings[character]:
                    if whole and reading.startswith(wanted[end:]):
                        return True
                    if whole and wanted.startswith(reading, end):
                        following.add(end + len(reading))
                    if initials and wanted.startswith(reading[:1], end):
                        following.add(end + 1)
            if len(wanted) in following:
                return True
            ends = following
        return False


def _written(name: str, code: str, wanted: str) -> int | None:
    """Return the rank of a name or code that holds a text as it is written."""
    if wanted in (name, code):
        return _WHOLE
    if name.startswith(wanted) or code.startswith(wanted):
        return _START
    return _INSIDE if wanted in name else None


def _folded(text: str) -> str:
    """Return a text as it is compared: one width, one case, no spaces or apostrophes.

    Examples
    --------
    >>> _folded(" Ｚeng Du ")
    'zengdu'
    """
    wide = unicodedata.normalize("NFKC", text).casefold().replace("ü", "v")
    return "".join(c for c in wide if not c.isspace() and c not in "'’")
