"""What the tags of OpenStreetMap mean here; the table is ``data/osm_facilities.yaml``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from yikezhong_geodata.data_files import read_yaml

Tags = Mapping[str, str]


@dataclass(frozen=True)
class Wanted:
    """A test of one tag: its words, and whether they are wanted or unwanted."""

    key: str
    words: frozenset[str] | None
    negated: bool = False

    def matches(self, tags: Tags) -> bool:
        """Return whether the tags pass."""
        value = tags.get(self.key)
        if self.words is None:
            return value is not None
        found = value is not None and not self.words.isdisjoint(
            word.strip() for word in value.split(";")
        )
        return found != self.negated


@dataclass(frozen=True)
class FacilityRule:
    """Tags that make a category, and what such a place offers (None: unknown)."""

    category: str
    functions: tuple[str, ...] | None
    when: tuple[tuple[Wanted, ...], ...]


@dataclass(frozen=True)
class BuildingRule:
    """Which buildings are dwellings, and how many levels they have by default."""

    levels: Mapping[str, float]
    unless: frozenset[str]
    unless_landuse: frozenset[str]
    min_area_m2: float
    max_levels: float


@dataclass(frozen=True)
class OsmMapping:
    """The whole of the table."""

    facilities: tuple[FacilityRule, ...]
    buildings: BuildingRule
    services: Mapping[str, Mapping[str, Any]]

    @property
    def facility_keys(self) -> tuple[str, ...]:
        """Tag keys by which a facility can be found."""
        tests = [t for rule in self.facilities for line in rule.when for t in line]
        return tuple(sorted({t.key for t in tests if not t.negated}))

    def words_of(self, key: str) -> list[str] | bool:
        """Return the values of a key that can make a facility; True for any."""
        words: set[str] = set()
        for rule in self.facilities:
            for line in rule.when:
                for test in line:
                    if test.key == key and not test.negated:
                        if test.words is None:
                            return True
                        words |= test.words
        return sorted(words)

    def facility_of(self, tags: Tags) -> FacilityRule | None:
        """Return the rule that a feature falls under, None where there is none.

        Examples
        --------
        >>> mapping = load_mapping()
        >>> mapping.facility_of({"amenity": "nursing_home"}).category
        'elderly_institution'
        >>> mapping.facility_of({"amenity": "bench"}) is None
        True
        """
        for rule in self.facilities:
            if any(all(test.matches(tags) for test in line) for line in rule.when):
                return rule
        return None

    def dwelling_levels(self, tags: Tags) -> float | None:
        """Return the levels of a dwelling; None where nobody lives.

        Examples
        --------
        >>> mapping = load_mapping()
        >>> mapping.dwelling_levels({"building": "apartments", "building:levels": "5"})
        5.0
        >>> mapping.dwelling_levels({"building": "house"})
        1.0
        >>> mapping.dwelling_levels({"building": "garage"}) is None
        True
        >>> mapping.dwelling_levels({"building": "yes", "amenity": "school"}) is None
        True
        """
        rule = self.buildings
        default = rule.levels.get(tags.get("building", ""))
        if default is None or any(key in tags for key in rule.unless):
            return None
        try:
            levels = float(tags.get("building:levels", default))
        except ValueError:
            return default
        if not (math.isfinite(levels) and 0 < levels <= rule.max_levels):
            return default
        return levels


@cache
def load_mapping() -> OsmMapping:
    """Return the shipped mapping."""
    raw, _ = read_yaml(None, shipped="osm_facilities.yaml")
    facilities = tuple(
        FacilityRule(
            category,
            tuple(rule["functions"]) if "functions" in rule else None,
            tuple(
                tuple(_wanted(key, text) for key, text in line.items())
                for line in rule["when"]
            ),
        )
        for category, rule in raw["facilities"].items()
    )
    buildings = raw["buildings"]
    return OsmMapping(
        facilities,
        BuildingRule(
            {key: float(value) for key, value in buildings["levels"].items()},
            frozenset(buildings["unless"]),
            frozenset(buildings["unless_landuse"]),
            float(buildings["min_area_m2"]),
            float(buildings["max_levels"]),
        ),
        raw["services"],
    )


def _wanted(key: str, text: str) -> Wanted:
    if text == "*":
        return Wanted(key, None)
    return Wanted(key, frozenset(text.lstrip("!").split("|")), text.startswith("!"))
