"""Names that registers may use: built-in columns and further attributes.

The list is data (``attributes.yaml``): what an attribute is called in bureau lists,
its type, whose column it is, its unit.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from yikezhong_geodata.data_files import DataFileError
from yikezhong_geodata.plans.marked_yaml import read_shipped
from yikezhong_geodata.vocabulary import normal

OWNERS: Final = ("facility", "division")
TYPES: Final = ("flag", "number", "text", "date")
_FILE: Final = "attributes.yaml"


@dataclass(frozen=True)
class AttributeTerm:
    """One attribute or column.

    Parameters
    ----------
    id : str
        Name in registers.
    name : str
        Chinese name, itself a header.
    also : tuple of str
        Other headers.
    type : str
        One of :data:`TYPES`.
    of : str
        One of :data:`OWNERS`.
    unit : str or None
        Unit of a number, in Chinese.
    values : mapping of str to str
        For texts: normalised text or id, to id; empty where any text will do.
    builtin : bool
        True for columns that the tables have anyway.
    person : bool
        Whether it says that a person was appointed, trained or serves.
    """

    id: str
    name: str
    type: str
    of: str
    also: tuple[str, ...] = ()
    unit: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    builtin: bool = False
    person: bool = False

    @property
    def value_ids(self) -> tuple[str, ...]:
        """Ids of the known values, in order; empty where any text will do."""
        return tuple(dict.fromkeys(self.values.values()))

    def value_of(self, text: str) -> str | None:
        """Return the id of a text; None where it is not one of the known values.

        Examples
        --------
        >>> grade = attribute_terms()["registry_grade"]
        >>> grade.value_of("国家AAA级"), grade.value_of("AAA级"), grade.value_of("优")
        (None, '3A', None)
        """
        return self.values.get(normal(text)) if self.values else text


def load_attribute_terms() -> tuple[AttributeTerm, ...]:
    """Return the attributes beyond the built-in columns, in the order of the file.

    Examples
    --------
    >>> [term.id for term in load_attribute_terms() if term.type == "text"][:2]
    ['tier', 'operation']
    """
    return tuple(term for term in attribute_terms().values() if not term.builtin)


def person_attributes() -> frozenset[str]:
    """Return the attributes that say that a person was appointed, trained or serves.

    Examples
    --------
    >>> "child_director" in person_attributes(), "tier" in person_attributes()
    (True, False)
    """
    return frozenset(id_ for id_, term in attribute_terms().items() if term.person)


@functools.cache
def attribute_terms() -> Mapping[str, AttributeTerm]:
    """Return all names by id, built-in columns first.

    Examples
    --------
    >>> attribute_terms()["beds"].builtin, attribute_terms()["posts"].of
    (True, 'division')
    """
    table = read_shipped(_FILE)
    terms: dict[str, AttributeTerm] = {}
    for section in ("columns", "attributes"):
        for id_, entry in table[section].items():
            if id_ in terms:
                raise DataFileError(f"“{id_}”重复", file=_FILE, column=section)
            terms[id_] = _term(id_, entry, builtin=section == "columns")
    return MappingProxyType(terms)


def _term(id_: str, entry: Mapping[str, Any], *, builtin: bool) -> AttributeTerm:
    if entry["owner"] not in OWNERS or entry["type"] not in TYPES:
        raise DataFileError(f"“{id_}”的 owner 或 type 不可用", file=_FILE)
    values: dict[str, str] = {}
    for value, words in entry.get("values", {}).items():
        for word in (value, *words):
            form = normal(word)
            if values.setdefault(form, value) != value:
                raise DataFileError(f"“{word}”同时属于两个值", file=_FILE, column=id_)
    return AttributeTerm(
        id=id_,
        name=entry["name"],
        type=entry["type"],
        of=entry["owner"],
        also=tuple(entry.get("also", ())),
        unit=entry.get("unit"),
        values=MappingProxyType(values),
        builtin=builtin,
        person=bool(entry.get("person", False)),
    )
