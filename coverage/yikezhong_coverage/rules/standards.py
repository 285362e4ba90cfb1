"""Standards: so much per person or household, posts by size, years of capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np

from yikezhong_coverage.rules.ground import Ground
from yikezhong_coverage.rules.items import Counted, Items, over
from yikezhong_coverage.rules.numbers import Amounts, RuleError, exact
from yikezhong_coverage.rules.presence import tally
from yikezhong_coverage.rules.records import Indicator, RunFacts
from yikezhong_coverage.rules.selectors import (
    MAYBE,
    NO,
    YES,
    Lacks,
    Match,
    counted_areas,
)
from yikezhong_coverage.rules.shares import positive, side

#: Rates that multiply people into plots needed a year, and their defaults; a rate
#: without default must be given.
PLOT_RATES: Final[Mapping[str, str | None]] = {
    "death_rate": None,
    "cremation_rate": "1",
    "burial_share": "1",
    "plots_per_death": "1",
}


def per_capita(indicator: Indicator, ground: Ground, *, facts: RunFacts) -> Counted:
    """Divide an amount of facilities by the people or households of the areas.

    Parameters
    ----------
    indicator : Indicator
        ``with``: ``amount`` (``of`` a selector, ``column`` or ``count: true``),
        ``per`` a count of the areas (``people``, ``people_60``, ``households`` …),
        ``scale`` (per so many).
    ground : Ground
    facts : RunFacts

    Returns
    -------
    Counted
        Facilities in the numerator, counted areas in the denominator.
    """
    rule = indicator.with_
    lacks = Lacks()
    top = side(ground, rule["amount"], indicator=indicator, lacks=lacks)
    per = {"areas": True, "column": rule["per"]}
    bottom = side(ground, per, indicator=indicator, lacks=lacks)
    return Counted(
        over(top, bottom),
        scale=positive(rule.get("scale", "1"), name="scale"),
        whole="column" not in rule["amount"],
        words=lacks.names,
        empty="没有人口或户数",
    )


def step_standard(indicator: Indicator, ground: Ground, *, facts: RunFacts) -> Counted:
    """Count the areas that have enough for their size.

    Parameters
    ----------
    indicator : Indicator
        ``with``: ``attribute`` of the area (posts), ``by`` its size (people) and
        ``steps`` from the smallest size up, each with its ``need`` and the size
        ``below`` which (exclusive) or ``up_to`` which (inclusive) it holds; the last
        one may go without a limit.
    ground : Ground
    facts : RunFacts

    Returns
    -------
    Counted
        One item per counted area; numerator 1 where it has enough. An area whose
        size is not known has enough if it has what the largest need asks.
    """
    rule = indicator.with_
    lacks = Lacks()
    counted = counted_areas(ground, indicator, lacks=lacks)
    steps = read_steps(rule["steps"])
    have = ground.area_column(str(rule["attribute"]))
    size = ground.area_column(str(rule["by"]))
    bits = lacks.bit(str(rule["attribute"])), lacks.bit(str(rule["by"]))
    n = len(ground.areas)
    state = np.zeros(n, dtype=np.int8)
    missing = np.zeros(n, dtype=np.int64)
    detail: dict[int, dict[str, Any]] = {}
    for i in np.flatnonzero(counted.state != NO).tolist():
        own = _at(have, i)
        people = _at(size, i)
        needs = [need for _, need in steps]
        if people is not None:
            needs = [need_for(people, steps)]
        state[i] = _enough(own, needs)
        if state[i] == MAYBE:
            missing[i] = (bits[0] if own is None else 0) | (
                bits[1] if people is None else 0
            )
        detail[i] = {"have": own, "need": needs[0] if len(set(needs)) == 1 else None}
    found = tally(counted, Match(state, missing), lacks=lacks)
    return Counted(found.items, part=True, whole=True, words=lacks.names, detail=detail)


def _at(column: Amounts, index: int) -> Fraction | None:
    """Return one amount; None where it is not known."""
    if not column.known[index]:
        return None
    return Fraction(int(column.units[index]), column.per)


def _enough(own: Fraction | None, needs: Sequence[Fraction]) -> int:
    """Compare what is there with every need that is possible."""
    if own is None:
        return YES if max(needs) <= 0 else MAYBE
    if own >= max(needs):
        return YES
    return NO if own < min(needs) else MAYBE


Limit = tuple[Fraction | None, bool]


def read_steps(steps: Sequence[Mapping[str, Any]]) -> list[tuple[Limit, Fraction]]:
    """Read steps as ((limit or None, limit included), need), checked for order.

    Raises
    ------
    RuleError
        If a step has no need, two limits, or limits do not rise.
    """
    found: list[tuple[Limit, Fraction]] = []
    for i, step in enumerate(steps):
        need = exact(step.get("need"))
        bounds = [key for key in ("below", "up_to") if step.get(key) is not None]
        if need is None or len(bounds) > 1 or (not bounds and i < len(steps) - 1):
            raise RuleError(
                f"第 {i + 1} 档 {dict(step)} 无法识别",
                hint="每档应有 need，以及 below 或 up_to 之一（最后一档可省）",
            )
        limit = exact(step[bounds[0]]) if bounds else None
        if bounds and limit is None:
            raise RuleError(f"第 {i + 1} 档的界限不是数")
        found.append(((limit, bounds == ["up_to"]), need))
    limits = [limit for limit, _ in found if limit[0] is not None]
    if (
        not found
        or limits != sorted(limits, key=_order)
        or len(set(limits)) < len(limits)
    ):
        raise RuleError("各档的界限应由小到大")
    return found


def _order(limit: Limit) -> tuple[Fraction, bool]:
    """Return what limits are ordered by."""
    return limit[0] or Fraction(0), limit[1]


def need_for(size: Fraction, steps: Sequence[tuple[Limit, Fraction]]) -> Fraction:
    """Return the need of the first step a size falls into; of the last one beyond.

    Examples
    --------
    >>> bands = read_steps([{"below": "30000", "need": 1}, {"up_to": "60000", "need": 2},
    ...                     {"need": 3}])
    >>> [int(need_for(Fraction(n), bands)) for n in (0, 29999, 30000, 60000, 60001)]
    [1, 1, 2, 2, 3]
    """
    for (limit, included), need in steps:
        if limit is None or size < limit or (included and size == limit):
            return need
    return steps[-1][1]


def capacity_years(indicator: Indicator, ground: Ground, *, facts: RunFacts) -> Counted:
    """Return for how many years burial plots last.

    Parameters
    ----------
    indicator : Indicator
        ``with``: ``plots`` a selector of facilities, ``column`` with their plots,
        ``population`` a count of the areas, and the yearly rates of
        :data:`PLOT_RATES`; a rate that is null makes the demand unknown.
    ground : Ground
    facts : RunFacts

    Returns
    -------
    Counted
        Plots over plots needed a year: years = plots ÷ (people × death rate ×
        cremation rate × share buried × plots per death).
    """
    rule = indicator.with_
    lacks = Lacks()
    plots = {"of": rule["plots"], "column": rule.get("column", "plots")}
    top = side(ground, plots, indicator=indicator, lacks=lacks)
    per = {"areas": True, "column": rule.get("population", "people")}
    bottom = side(ground, per, indicator=indicator, lacks=lacks)
    factor = Fraction(1)
    absent = 0
    for name, default in PLOT_RATES.items():
        rate = exact(rule.get(name, default))
        if rate is None:
            absent |= lacks.bit(name)
        elif rate < 0:
            raise RuleError(f"参数 {name} 不能为负", column=name)
        else:
            factor *= rate
    need = bottom.numerator.times(factor)
    if absent:
        need = Amounts(need.units * 0, 1, np.zeros(len(need), dtype=np.bool_))
    yearly = Items(bottom.area, bottom.member, need, None, bottom.lacks | absent)
    return Counted(
        over(top, yearly), whole=True, words=lacks.names, empty="没有安葬需求"
    )
