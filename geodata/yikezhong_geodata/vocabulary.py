"""Recognise what a list calls a category or a function of a facility."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from yikezhong_geodata.data_files import DataFileError, read_yaml

#: What stands between the functions of a list.
_SEPARATORS: Final = re.compile(r"[、，,;；/／|｜+＋\s]+|(?<=.)[和及与](?=.)")
_BRACKETED: Final = re.compile(r"[（(\[【〔〈<].*?[）)\]】〕〉>]")
_BRACKETS: Final = re.compile(r"[（）()\[\]【】〔〕〈〉<>“”\"'‘’\s]")
#: Texts that say that there is no function at all.
_NO_FUNCTION: Final = frozenset(
    ("无", "没有", "暂无", "未提供", "不提供", "none", "no")
)
#: Texts that say nothing.
_NOTHING: Final = frozenset(
    ("", "-", "--", "—", "——", "/", "na", "n/a", "null", "不详", "未知")
)
_OTHER: Final = "other"


@dataclass(frozen=True)
class Terms:
    """Ids with their names and everything else they may be called.

    Parameters
    ----------
    names : mapping of str to str
        Id to Chinese name.
    ids : mapping of str to str
        Normalised name, other name or id, to id.
    """

    names: Mapping[str, str]
    ids: Mapping[str, str]

    def exact(self, text: str) -> str | None:
        """Return the id of a text that is one of the names, with or without brackets."""
        for form in (normal(text), normal(_BRACKETED.sub("", text))):
            if form in self.ids:
                return self.ids[form]
        return None

    def inside(self, text: str) -> str | None:
        """Return the id of the longest name that stands in a longer text.

        None where none does, or where two names of equal length disagree.
        """
        form = normal(text)
        hits = [name for name in self.ids if len(name) >= 2 and name in form]
        hits = [name for name in hits if not name.isascii()]
        if not hits:
            return None
        longest = max(len(name) for name in hits)
        found = {self.ids[name] for name in hits if len(name) == longest}
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True)
class Vocabulary:
    """Categories and functions; read from ``data/vocabulary.yaml``."""

    categories: Terms
    functions: Terms

    def category_of(self, text: str | None) -> tuple[str | None, bool]:
        """Return the category of a text, and whether that is a guess.

        Parameters
        ----------
        text : str or None
            As in the list; a whole facility name will do.

        Returns
        -------
        category : str or None
            None where it is not recognised.
        guessed : bool
            True where the name only stands inside the text.

        Examples
        --------
        >>> vocabulary = load_vocabulary()
        >>> vocabulary.category_of("日间照料中心"), vocabulary.category_of("day_care")
        (('day_care', False), ('day_care', False))
        >>> vocabulary.category_of("随县儿童福利院"), vocabulary.category_of("加油站")
        (('child_welfare_home', True), (None, False))
        """
        if text is None or not text.strip():
            return None, False
        found = self.categories.exact(text)
        if found is not None:
            return found, False
        found = self.categories.inside(text)
        return (None, False) if found in (None, _OTHER) else (found, True)

    def functions_of(
        self, text: str | None
    ) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
        """Return the functions of a text and the words that were not understood.

        Returns
        -------
        functions : tuple of str or None
            Sorted ids; ``()`` where the text says that there is none (无); None
            where nothing is said or nothing understood: unknown.
        not_understood : tuple of str

        Examples
        --------
        >>> vocabulary = load_vocabulary()
        >>> vocabulary.functions_of("助餐、助洁，日托")
        (('cleaning', 'day', 'meal'), ())
        >>> vocabulary.functions_of("无"), vocabulary.functions_of(None)
        (((), ()), (None, ()))
        >>> vocabulary.functions_of("助餐；理发"), vocabulary.functions_of("理发")
        ((('meal',), ('理发',)), (None, ('理发',)))
        """
        if text is None or normal(text) in _NOTHING:
            return None, ()
        if normal(text) in _NO_FUNCTION:
            return (), ()
        found: set[str] = set()
        strange: list[str] = []
        for word in _SEPARATORS.split(_BRACKETS.sub(" ", text)):
            plain = re.sub(r"(等|等等|服务)$", "", word.strip("。.…"))
            if not plain:
                continue
            hit = self.functions.exact(plain) or self.functions.inside(plain)
            if hit is None:
                strange.append(word)
            else:
                found.add(hit)
        return (tuple(sorted(found)) if found else None), tuple(strange)


def normal(text: str) -> str:
    """Return a text for comparing: NFKC, lower case, no spaces, no brackets."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _BRACKETS.sub("", plain)


@functools.cache
def load_vocabulary() -> Vocabulary:
    """Read the shipped vocabulary.

    Examples
    --------
    >>> load_vocabulary().categories.names["funeral_home"]
    '殡仪馆'
    """
    table, file = read_yaml(None, shipped="vocabulary.yaml")
    return Vocabulary(
        _terms(table.get("categories"), "categories", file),
        _terms(table.get("functions"), "functions", file),
    )


def _terms(table: Any, section: str, file: str) -> Terms:
    if not isinstance(table, dict):
        raise DataFileError("缺少一节", file=file, column=section)
    names: dict[str, str] = {}
    ids: dict[str, str] = {}
    for id_, entry in table.items():
        names[id_] = str(entry["name"])
        for word in (id_, entry["name"], *entry.get("also", ())):
            form = normal(str(word))
            if ids.setdefault(form, id_) != id_:
                raise DataFileError(
                    f"“{word}”同时属于 {ids[form]} 和 {id_}", file=file, column=section
                )
    return Terms(MappingProxyType(names), MappingProxyType(ids))
