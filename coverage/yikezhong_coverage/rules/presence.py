"""Presence: whether each counted area has a facility, or what stands in for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from yikezhong_coverage.records import BoolArray, IntArray
from yikezhong_coverage.rules.ground import Ground
from yikezhong_coverage.rules.items import Counted, Items, clean
from yikezhong_coverage.rules.numbers import Amounts, RuleError, ones
from yikezhong_coverage.rules.records import Indicator, RunFacts
from yikezhong_coverage.rules.selectors import (
    MAYBE,
    NO,
    YES,
    Lacks,
    Match,
    always,
    counted_areas,
    match_areas,
    match_places,
)

#: Where a facility counts: where it is declared to stand, or also where it serves.
MEMBERSHIPS = ("declared", "serving")


def presence(indicator: Indicator, ground: Ground, *, facts: RunFacts) -> Counted:
    """Count the areas that have at least so many facilities.

    Parameters
    ----------
    indicator : Indicator
        ``with``: ``any_of`` selectors of facilities and conditions on the area
        (``{area_attribute: designated_person, equals: true}``), joined by *or*;
        ``at_least`` facilities (1); ``membership`` ``declared`` (the area it stands
        in) or ``serving`` (also the areas it is declared to serve, with everything
        inside them).
    ground : Ground
    facts : RunFacts

    Returns
    -------
    Counted
        One item per counted area; numerator 1 where present. A facility declared
        only above the unit's level stands in none of its areas.
    """
    rule = indicator.with_
    lacks = Lacks()
    counted = counted_areas(ground, indicator, lacks=lacks)
    places = always(len(ground.places), holds=False)
    instead = always(len(ground.areas), holds=False)
    for choice in rule.get("any_of", ()):
        if "area_attribute" in choice:
            found = match_areas(ground, _as_condition(choice), lacks=lacks)
            instead = instead.either(found)
        else:
            places = places.either(match_places(ground, choice, lacks=lacks))
    membership = rule.get("membership", "declared")
    if membership not in MEMBERSHIPS:
        raise RuleError(
            f"归属方式“{membership}”无法识别", hint="可用：" + "、".join(MEMBERSHIPS)
        )
    pairs = _pairs(ground, indicator.unit, serving=membership == "serving")
    enough = _enough(ground, places, pairs=pairs, at_least=int(rule.get("at_least", 1)))
    return tally(counted, enough.either(instead), lacks=lacks)


def _as_condition(choice: Mapping[str, Any]) -> dict[str, Any]:
    """Turn ``area_attribute`` into a condition on areas."""
    rest = {key: value for key, value in choice.items() if key != "area_attribute"}
    return {"attribute": choice["area_attribute"], **rest}


def tally(counted: Match, holds: Match, *, lacks: Lacks) -> Counted:
    """Count the counted areas for which something holds."""
    n = len(holds.state)
    numerator = Amounts((holds.state == YES).astype(np.int64), 1, holds.state != MAYBE)
    area = np.arange(n, dtype=np.int32)
    items = clean(Items(area, counted, numerator, ones(n), holds.lacks))
    return Counted(items, part=True, whole=True, words=lacks.names)


def _pairs(ground: Ground, unit: str, *, serving: bool) -> tuple[IntArray, IntArray]:
    """Return places and the areas at the unit's level they count in, each pair once."""
    at_unit = ground.ancestor[unit]
    declared = ground.places.unit
    home = np.where(declared >= 0, at_unit[declared], -1)
    standing = np.flatnonzero(home >= 0)
    place, area = standing.tolist(), home[standing].tolist()
    if serving:
        for i, served in enumerate(ground.places.serves):
            for one in served:
                for inside in _inside(ground, unit, served=one):
                    place.append(i)
                    area.append(inside)
    pairs = np.unique(np.array([place, area], dtype=np.int64).reshape(2, -1), axis=1)
    return pairs[0], pairs[1]


def _inside(ground: Ground, unit: str, *, served: int) -> list[int]:
    """Return the areas of the unit's level that are or lie in a served area."""
    level = str(ground.areas.level[served])
    if level == unit:
        return [served]
    members = ground.at_level[unit]
    inside: list[int] = members[ground.ancestor[level][members] == served].tolist()
    return inside


def _enough(
    ground: Ground, places: Match, *, pairs: tuple[IntArray, IntArray], at_least: int
) -> Match:
    """Answer for every area whether it has enough places."""
    place, area = pairs
    n = len(ground.areas)
    state = places.state[place]
    sure = _count(area, state == YES, n=n)
    possible = _count(area, state != NO, n=n)
    lacks = np.zeros(n, dtype=np.int64)
    open_ = state == MAYBE
    np.bitwise_or.at(lacks, area[open_], places.lacks[place[open_]])
    answer = np.where(sure >= at_least, YES, np.where(possible >= at_least, MAYBE, NO))
    return Match(answer.astype(np.int8), np.where(answer == MAYBE, lacks, 0))


def _count(area: IntArray, where: BoolArray, *, n: int) -> IntArray:
    """Count pairs per area."""
    return np.bincount(area[where], minlength=n).astype(np.int64)
