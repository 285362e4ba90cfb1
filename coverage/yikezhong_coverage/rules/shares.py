"""Shares of facilities with a property, and ratios of two sums."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from yikezhong_coverage.records import IndexArray
from yikezhong_coverage.rules.ground import Ground
from yikezhong_coverage.rules.items import Counted, Items, clean, over
from yikezhong_coverage.rules.numbers import Amounts, RuleError, exact, ones
from yikezhong_coverage.rules.records import Indicator, RunFacts
from yikezhong_coverage.rules.selectors import (
    MAYBE,
    YES,
    Lacks,
    Match,
    always,
    certain,
    counted_areas,
    match_having,
    match_places,
)


def owners(
    ground: Ground, indicator: Indicator, *, lacks: Lacks
) -> tuple[IndexArray, Match]:
    """Return the area each facility is counted in, and whether that area counts.

    A facility belongs to the area at the unit's level it is declared in. One that is
    declared only above that level counts there and further up; where the indicator
    does not count every area, it is not known whether it counts.
    """
    declared = ground.places.unit
    at_unit = np.where(declared >= 0, ground.ancestor[indicator.unit][declared], -1)
    area = np.where(at_unit >= 0, at_unit, declared).astype(np.int32)
    counted = counted_areas(ground, indicator, lacks=lacks)
    if not len(ground.areas):
        return area, always(len(area), holds=False)
    own = counted.take(area)
    filtered = indicator.kinds is not None or indicator.eligible is not None
    known = np.full(len(area), not filtered)
    loose = certain(known, known=known, bit=lacks.bit("division"))
    inside = at_unit >= 0
    return area, Match(
        np.where(inside, own.state, loose.state),
        np.where(inside, own.lacks, loose.lacks),
    )


def facility_share(indicator: Indicator, ground: Ground, *, facts: RunFacts) -> Counted:
    """Count the facilities that have a property among those it is asked of.

    Parameters
    ----------
    indicator : Indicator
        ``with``: ``of`` a selector (or a list of them), ``having`` further
        ``functions``, ``where`` or ``status``.
    ground : Ground
    facts : RunFacts

    Returns
    -------
    Counted
        One item per facility; numerator 1 where it has the property.
    """
    lacks = Lacks()
    area, counted = owners(ground, indicator, lacks=lacks)
    asked = match_places(ground, indicator.with_["of"], lacks=lacks)
    having = match_having(ground, indicator.with_.get("having", {}), lacks=lacks)
    numerator = Amounts(
        (having.state == YES).astype(np.int64), 1, having.state != MAYBE
    )
    n = len(ground.places)
    items = Items(
        area,
        counted.both(asked),
        numerator,
        ones(n),
        having.lacks,
        ground.places.id,
    )
    return Counted(
        clean(items),
        part=True,
        whole=True,
        words=lacks.names,
        empty="没有相应的设施",
        failing="zero",
    )


def side(
    ground: Ground,
    amount: Mapping[str, Any],
    *,
    indicator: Indicator,
    lacks: Lacks,
) -> Items:
    """Return one side of a ratio: facilities or areas, counted or with a column.

    Parameters
    ----------
    ground : Ground
    amount : mapping
        ``of`` a selector of facilities, or ``areas: true``; ``column`` to add up,
        without it they are counted.
    indicator : Indicator
    lacks : Lacks
    """
    column = amount.get("column")
    if amount.get("areas"):
        n = len(ground.areas)
        member = counted_areas(ground, indicator, lacks=lacks)
        values = ground.area_column(str(column)) if column else ones(n)
        area = np.arange(n, dtype=np.int32)
    elif "of" in amount:
        n = len(ground.places)
        area, counted = owners(ground, indicator, lacks=lacks)
        member = counted.both(match_places(ground, amount["of"], lacks=lacks))
        values = ground.place_column(str(column)) if column else ones(n)
    else:
        raise RuleError(f"指标 {indicator.id} 的一侧没有 of 或 areas")
    bit = lacks.bit(str(column)) if column else 0
    missing = np.where(values.known, 0, bit).astype(np.int64)
    return clean(Items(area, member, values, None, missing))


def ratio(indicator: Indicator, ground: Ground, *, facts: RunFacts) -> Counted:
    """Divide one sum by another.

    Parameters
    ----------
    indicator : Indicator
        ``with``: ``numerator`` and ``denominator`` as in :func:`side`, ``scale`` (1),
        ``part: true`` where each numerator is a part of its own denominator.
    ground : Ground
    facts : RunFacts

    Returns
    -------
    Counted
        Where both sides take the same facilities (or areas), one item for each with
        both amounts; otherwise the items of the one and then of the other.
    """
    rule = indicator.with_
    lacks = Lacks()
    above, below = rule["numerator"], rule["denominator"]
    top = side(ground, above, indicator=indicator, lacks=lacks)
    bottom = side(ground, below, indicator=indicator, lacks=lacks)
    same = _source(above) == _source(below)
    if same:
        items = Items(
            top.area,
            top.member,
            top.numerator,
            bottom.numerator,
            top.lacks | bottom.lacks,
        )
    else:
        items = over(top, bottom)
    return Counted(
        items,
        scale=positive(rule.get("scale", "1"), name="scale"),
        part=same and bool(rule.get("part")),
        whole="column" not in above,
        words=lacks.names,
        empty="分母为零",
    )


def _source(amount: Mapping[str, Any]) -> tuple[Any, bool]:
    """Return what a side is taken of."""
    return amount.get("of"), bool(amount.get("areas"))


def positive(value: object, *, name: str) -> Fraction:
    """Read a positive decimal parameter."""
    number = exact(value)
    if number is None or number <= 0:
        raise RuleError(f"参数 {name} 的值“{value}”不是正数", column=name)
    return number
