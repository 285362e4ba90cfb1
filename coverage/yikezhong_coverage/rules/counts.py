"""Counts: so many facilities, or the sum of one of their columns."""

from __future__ import annotations

from collections.abc import Mapping

from yikezhong_coverage.rules.ground import Ground
from yikezhong_coverage.rules.items import Counted
from yikezhong_coverage.rules.records import Indicator, RunFacts
from yikezhong_coverage.rules.selectors import Lacks
from yikezhong_coverage.rules.shares import side


def count(indicator: Indicator, ground: Ground, *, facts: RunFacts) -> Counted:
    """Count facilities, or add up one of their columns.

    Parameters
    ----------
    indicator : Indicator
        ``with``: ``of`` a selector, ``column`` (none: they are counted),
        ``opened_from`` and ``opened_to`` (first and last day of opening, included).
    ground : Ground
    facts : RunFacts

    Returns
    -------
    Counted
        One item per facility, without denominator.
    """
    rule = indicator.with_
    lacks = Lacks()
    days = {
        key: rule[key]
        for key in ("opened_from", "opened_to")
        if rule.get(key) is not None
    }
    chosen = rule["of"]
    several = [chosen] if isinstance(chosen, Mapping) else chosen
    amount = {
        "of": [{**one, **days} for one in several],
        "column": rule.get("column"),
    }
    items = side(ground, amount, indicator=indicator, lacks=lacks)
    return Counted(items, whole=not rule.get("column"), words=lacks.names)
