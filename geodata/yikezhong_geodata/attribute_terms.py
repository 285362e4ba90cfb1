"""Which attributes there are, what lists call them, and what their cells can say."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import yaml

from yikezhong_geodata.data_files import DataFileError
from yikezhong_geodata.numbers import clean_text, is_missing
from yikezhong_geodata.vocabulary import normal

FILE: Final = "attributes.yaml"
TYPES: Final = ("flag", "number", "text", "date", "codes")
OWNERS: Final = ("facility", "division")
_YES: Final = frozenset(
    ("是", "有", "已", "1", "y", "yes", "true", "t", "√", "✓", "✔", "具备", "符合", "开通", "已开通", "已设立", "已配备", "已建成", "已建", "提供", "对")
)  # fmt: skip
_NO: Final = frozenset(
    ("否", "无", "未", "没有", "0", "n", "no", "false", "f", "×", "✗", "x", "不具备", "不符合", "未开通", "未设立", "未配备", "未建成", "未建", "不提供", "错")
)  # fmt: skip


def parse_flag(text: str | None) -> tuple[bool | None, str | None]:
    """Return whether a cell says yes (or counts some), and what is wrong with it.

    Examples
    --------
    >>> parse_flag("是"), parse_flag("无"), parse_flag("√"), parse_flag("3")
    ((True, None), (False, None), (True, None), (True, None))
    >>> parse_flag(None), parse_flag("-"), parse_flag("正在核实")
    ((None, 'missing'), (None, 'missing'), (None, 'unreadable'))
    """
    plain = clean_text(text)
    if plain is None:
        return None, "missing"
    word = plain.casefold().removesuffix(".0")
    if word in _YES:
        return True, None
    if word in _NO:
        return False, None
    if word.isdecimal():  # a count, as of cremators
        return int(word) > 0, None
    return None, "missing" if is_missing(plain) else "unreadable"


@dataclass(frozen=True)
class AttributeTerm:
    """One attribute.

    Parameters
    ----------
    id, name : str
        The id that registers use, and the Chinese name, also a header.
    type : str
        One of :data:`TYPES`.
    owner : str
        Whose column it is: ``facility`` or ``division``.
    also : tuple of str
        Other headers.
    unit : str or None
        Of a number.
    values : mapping of str to str
        Of a text: what lists write (normalised) → id; empty: any text stands for
        itself.
    """

    id: str
    name: str
    type: str
    owner: str
    also: tuple[str, ...] = ()
    unit: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)

    def value_of(self, text: str) -> str | None:
        """Return what a text stands for; None where it is none of the known values.

        Examples
        --------
        >>> grade = attribute_terms()["registry_grade"]
        >>> grade.value_of("国家3A级"), grade.value_of("3A级"), grade.value_of("优秀")
        ('3A', '3A', None)
        """
        if not self.values:
            return text
        form = normal(text)
        return self.values.get(form) or self.values.get(form.removesuffix("级"))


@functools.cache
def attribute_terms() -> Mapping[str, AttributeTerm]:
    """Return all attributes by id, in the order of the file.

    Examples
    --------
    >>> attribute_terms()["central_village"].name
    '乡镇中心村'
    """
    text = resources.files("yikezhong_geodata").joinpath("plans", FILE)
    table = yaml.safe_load(text.read_text("utf-8"))["attributes"]
    return MappingProxyType({id_: _term(id_, entry) for id_, entry in table.items()})


def terms_of(owner: str) -> tuple[AttributeTerm, ...]:
    """Return the attributes of facilities or of divisions."""
    return tuple(term for term in attribute_terms().values() if term.owner == owner)


def _term(id_: str, entry: Mapping[str, Any]) -> AttributeTerm:
    type_, owner = entry["type"], entry["owner"]
    if type_ not in TYPES or owner not in OWNERS:
        raise DataFileError("类型或归属不可用", file=FILE, column=id_)
    values: dict[str, str] = {}
    for value, words in (entry.get("values") or {}).items():
        for word in (value, *words):
            form = normal(str(word))
            if values.setdefault(form, str(value)) != str(value):
                raise DataFileError(
                    f"“{word}”同时属于 {values[form]} 和 {value}",
                    file=FILE,
                    column=id_,
                )
    return AttributeTerm(
        id=id_,
        name=str(entry["name"]),
        type=type_,
        owner=owner,
        also=tuple(map(str, entry.get("also") or ())),
        unit=entry.get("unit"),
        values=MappingProxyType(values),
    )
