"""Imported statistics: shown as they are given, added up where they can be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from yikezhong_coverage.rules.figures import Figure, Figures, divided
from yikezhong_coverage.rules.ground import Ground
from yikezhong_coverage.rules.numbers import RuleError
from yikezhong_coverage.rules.records import Indicator, RunFacts, Statistic
from yikezhong_coverage.rules.selectors import NO, YES, Lacks, counted_areas
from yikezhong_coverage.rules.verdict import Range


def statistic(indicator: Indicator, ground: Ground, *, facts: RunFacts) -> Figures:
    """Return an imported share or amount of every division.

    Parameters
    ----------
    indicator : Indicator
        ``with``: ``kind`` ``share`` or ``amount``.
    ground : Ground
    facts : RunFacts
        ``statistics`` by indicator id; of several days the latest one up to
        ``as_of`` is taken.

    Returns
    -------
    Figures
        A division's own figure where there is one. Otherwise numerators and
        denominators (or amounts) are added up, where every counted area of the
        unit's level in it has them; shares given as a value only are never averaged.
    """
    kind = indicator.with_.get("kind", "share")
    if kind not in ("share", "amount"):
        raise RuleError(f"统计数据种类“{kind}”无法识别", hint="可用：share、amount")
    rows = facts.statistics.get(indicator.id, ())
    latest = _latest(rows, facts.as_of)
    index = {code: i for i, code in enumerate(ground.areas.code.tolist())}
    own = {index[code]: row for code, row in latest.items() if code in index}
    lacks = Lacks()
    counted = counted_areas(ground, indicator, lacks=lacks).state
    found: dict[int, Figure] = {}
    for level in ground.levels_from(indicator.unit):
        groups: dict[int, list[int]] = {}
        members = ground.at_level[indicator.unit]
        members = members[counted[members] != NO]
        above = ground.ancestor[level][members].tolist()
        for member, area in zip(members.tolist(), above, strict=True):
            groups.setdefault(area, []).append(member)
        for area in ground.at_level[level].tolist():
            if area in own:
                found[area] = _own(own[area], kind)
                continue
            parts = groups.get(area, [])
            certain = all(counted[part] == YES for part in parts)
            if level != indicator.unit and certain:
                found[area] = _sum([own.get(part) for part in parts], kind)
    return Figures(found, Figure(reason="未导入统计数据"))


def _latest(rows: Sequence[Statistic], as_of: date | None) -> dict[str, Statistic]:
    """Return the latest row of each division that is not after ``as_of``."""
    latest: dict[str, Statistic] = {}
    for row in rows:
        if as_of is not None and row.on > as_of:
            continue
        if row.code not in latest or latest[row.code].on <= row.on:
            latest[row.code] = row
    return latest


def _own(row: Statistic, kind: str) -> Figure:
    """Return the figure a division reports itself."""
    on = row.on.isoformat()
    if kind == "amount":
        amount = row.value if row.value is not None else row.numerator
        if amount is None:
            return Figure(reason="未导入统计数据")
        return Figure(amount, amount, None, Range(amount, amount), detail={"on": on})
    if row.numerator is not None and row.denominator is not None:
        return divided(row.numerator, row.denominator, empty="分母为零", on=on)
    if row.value is None:
        return Figure(reason="未导入统计数据")
    return Figure(row.value, None, None, Range(row.value, row.value), detail={"on": on})


def _sum(rows: Sequence[Statistic | None], kind: str) -> Figure:
    """Add up the figures of all parts; unknown where one has none."""
    missing = sum(row is None for row in rows)
    if not rows or missing == len(rows):
        return Figure(reason="未导入统计数据")
    if missing:
        return Figure(reason=f"有 {missing} 个下级区划未导入统计数据")
    given = [row for row in rows if row is not None]
    if kind == "amount":
        values = [
            row.value if row.value is not None else row.numerator for row in given
        ]
        if any(value is None for value in values):
            return Figure(reason="未导入统计数据")
        total = sum((value for value in values if value is not None), Fraction(0))
        return Figure(total, total, None, Range(total, total))
    if any(row.numerator is None or row.denominator is None for row in given):
        return Figure(reason="下级只有比率、没有分子分母，无法汇总")
    return divided(
        sum((row.numerator or Fraction(0) for row in given), Fraction(0)),
        sum((row.denominator or Fraction(0) for row in given), Fraction(0)),
        empty="分母为零",
    )
