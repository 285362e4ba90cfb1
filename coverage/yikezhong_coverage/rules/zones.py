"""Exclusion zones: facilities that stand where none may stand."""

from __future__ import annotations

import numpy as np

from yikezhong_coverage.rules.ground import Ground
from yikezhong_coverage.rules.items import Counted, Items, clean
from yikezhong_coverage.rules.numbers import RuleError, exact, ones
from yikezhong_coverage.rules.records import Indicator, RunFacts
from yikezhong_coverage.rules.selectors import (
    YES,
    Lacks,
    Match,
    always,
    certain,
    match_places,
)
from yikezhong_coverage.rules.shares import owners


def exclusion_zone(indicator: Indicator, ground: Ground, *, facts: RunFacts) -> Counted:
    """Count the facilities inside zones.

    Parameters
    ----------
    indicator : Indicator
        ``with``: ``of`` a selector, ``zones`` a list of ``class`` and ``distance_m``.
        A facility is inside where its distance is at most that (0: only within the
        zone itself). A null distance leaves that class unknown: distances are never
        invented.
    ground : Ground
    facts : RunFacts
        ``zone_distance_m`` by class.

    Returns
    -------
    Counted
        One item per facility that is or may be inside; ``detail`` has the number
        ``audited``.
    """
    lacks = Lacks()
    n = len(ground.places)
    area, counted = owners(ground, indicator, lacks=lacks)
    asked = counted.both(match_places(ground, indicator.with_["of"], lacks=lacks))
    inside = always(n, holds=False)
    for zone in indicator.with_["zones"]:
        inside = inside.either(
            _inside(
                str(zone["class"]),
                zone.get("distance_m"),
                facts=facts,
                lacks=lacks,
                n=n,
            )
        )
    nothing = np.zeros(n, dtype=np.int64)
    items = Items(area, asked.both(inside), ones(n), None, nothing, ground.places.id)
    audited: dict[int, dict[str, int]] = {}
    for level in ground.levels_from(indicator.unit):
        own = np.where(area >= 0, ground.ancestor[level][area], -1)
        use = own[(own >= 0) & (asked.state == YES)]
        for code, number in zip(*np.unique(use, return_counts=True), strict=True):
            audited[int(code)] = {"audited": int(number)}
    return Counted(
        clean(items), whole=True, words=lacks.names, failing="any", detail=audited
    )


def _inside(
    name: str, distance: object, *, facts: RunFacts, lacks: Lacks, n: int
) -> Match:
    """Answer for every place whether it lies within a distance of one class."""
    nowhere = np.zeros(n, dtype=np.bool_)
    if distance is None:
        bit = lacks.bit(f"{name}.distance_m")
        return certain(nowhere, known=nowhere, bit=bit)
    limit = exact(distance)
    if limit is None or limit < 0:
        raise RuleError(
            f"区域 {name} 的距离“{distance}”不是非负数", column="distance_m"
        )
    bit = lacks.bit(name)
    found = facts.zone_distance_m.get(name)
    if found is None:
        return certain(nowhere, known=nowhere, bit=bit)
    return certain(found <= float(limit), known=~np.isnan(found), bit=bit)
