"""Imported statistics: shown as they are given, added up where they can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction

import numpy as np

from yikezhong_coverage.rules.figures import Figure, Figures, divided, figures_of
from yikezhong_coverage.rules.ground import Ground, Rows
from yikezhong_coverage.rules.numbers import RuleError
from yikezhong_coverage.rules.records import LEVELS, Indicator, RunFacts, Statistic
from yikezhong_coverage.rules.selectors import NO, YES, Lacks, counted_areas


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
    absent = Figure(reason="未导入统计数据")
    rows = ground.rows(indicator.unit)
    latest = _latest(facts.statistics.get(indicator.id, ()), facts.as_of)
    index = {code: i for i, code in enumerate(ground.areas.code.tolist())}
    own = {index[code]: row for code, row in latest.items() if code in index}
    found = _added_up(indicator, ground, own, kind=kind, rows=rows) if own else {}
    for area, row in own.items():
        if rows.row[area] >= 0:
            found[int(rows.row[area])] = _own(row, kind)
    return figures_of(found, rows, absent=absent)


def _added_up(
    indicator: Indicator,
    ground: Ground,
    own: Mapping[int, Statistic],
    *,
    kind: str,
    rows: Rows,
) -> dict[int, Figure]:
    """Add up the figures of the parts of every row above the unit's level."""
    counted = counted_areas(ground, indicator, lacks=Lacks()).state
    members = ground.at_level[indicator.unit]
    members = members[counted[members] != NO]
    part, row = ground.rows_around(members.astype(np.int32), rows)
    part = members[part]
    given = np.isin(part, np.array(list(own), dtype=np.int64))
    n_part = np.bincount(row, minlength=len(rows))
    n_given = np.bincount(row[given], minlength=len(rows))
    doubtful = np.bincount(row[counted[part] != YES], minlength=len(rows))
    above = rows.level != LEVELS.index(indicator.unit)
    figures = {}
    for at in np.flatnonzero(above & (doubtful == 0) & (n_given > 0)).tolist():
        missing = int(n_part[at] - n_given[at])
        if missing:
            reason = f"有 {missing} 个下级区划未导入统计数据"
            figures[at] = Figure(reason=reason)
        else:
            figures[at] = _sum([own[i] for i in part[row == at].tolist()], kind)
    return figures


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
        return Figure(amount, amount, None, detail={"on": on})
    if row.numerator is not None and row.denominator is not None:
        return divided(row.numerator, row.denominator, empty="分母为零", on=on)
    if row.value is None:
        return Figure(reason="未导入统计数据")
    return Figure(row.value, None, None, detail={"on": on})


def _sum(given: Sequence[Statistic], kind: str) -> Figure:
    """Add up the figures of all parts."""
    if kind == "amount":
        values = [
            row.value if row.value is not None else row.numerator for row in given
        ]
        if any(value is None for value in values):
            return Figure(reason="未导入统计数据")
        total = sum((value for value in values if value is not None), Fraction(0))
        return Figure(total, total, None)
    if any(row.numerator is None or row.denominator is None for row in given):
        return Figure(reason="下级只有比率、没有分子分母，无法汇总")
    return divided(
        sum((row.numerator or Fraction(0) for row in given), Fraction(0)),
        sum((row.denominator or Fraction(0) for row in given), Fraction(0)),
        empty="分母为零",
    )
