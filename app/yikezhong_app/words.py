"""Chinese names of the words of the API, for screens and exports."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from yikezhong_coverage.gaps import REASONS
from yikezhong_coverage.rates import FLAGS
from yikezhong_geodata.columns import GROUP_NAMES, LEVEL_NAMES
from yikezhong_geodata.vocabulary import load_vocabulary

#: What a rate can be a share of.
DENOMINATOR_NAMES: Final[Mapping[str, str]] = {
    **GROUP_NAMES,
    "communities": "社区/村数",
    "townships": "乡镇街道数",
    "road_length": "道路长度",
    "area": "面积",
}
#: What ``people`` are, by their basis.
_PEOPLE_NAMES: Final[Mapping[str, str]] = {
    "户籍": "户籍人口",
    "buildings": "居住建筑（代替人口）",
}
VARIANT_NAMES: Final[Mapping[str, str]] = {
    "with_neighbours": "计所有设施（含界外）",
    "own": "只计本辖区设施",
}
PROFILE_NAMES: Final[Mapping[str, str]] = {"walking": "步行", "driving": "驾车"}

__all__ = [
    "DENOMINATOR_NAMES",
    "FLAGS",
    "LEVEL_NAMES",
    "PROFILE_NAMES",
    "REASONS",
    "VARIANT_NAMES",
    "category_names",
    "denominator_names",
    "function_names",
    "named",
]


def denominator_names(bases: Collection[str]) -> dict[str, str]:
    """Return denominator → Chinese name, true to what was counted.

    Parameters
    ----------
    bases : collection of str
        Bases of the population: ``常住``, ``户籍``, or ``buildings`` where dwellings
        stand in for people.

    Examples
    --------
    >>> denominator_names({"常住"})["people"], denominator_names({"buildings"})["people"]
    ('常住人口', '居住建筑（代替人口）')
    """
    names = dict(DENOMINATOR_NAMES)
    if len(bases) == 1:
        (basis,) = bases
        names["people"] = _PEOPLE_NAMES.get(basis, names["people"])
    return names


def category_names() -> Mapping[str, str]:
    """Return category id → Chinese name.

    Examples
    --------
    >>> category_names()["funeral_home"]
    '殡仪馆'
    """
    return load_vocabulary().categories.names


def function_names() -> Mapping[str, str]:
    """Return function id → Chinese name."""
    return load_vocabulary().functions.names


def named(ids: Mapping[str, str]) -> list[dict[str, str]]:
    """Return ``[{"id": …, "name": …}]`` in the order of the mapping.

    Examples
    --------
    >>> named({"a": "甲"})
    [{'id': 'a', 'name': '甲'}]
    """
    return [{"id": key, "name": name} for key, name in ids.items()]
