"""Network time: the share of people or areas within reach of every service."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Final
from weakref import WeakKeyDictionary

from yikezhong_coverage.rates import AREA_DENOMINATORS
from yikezhong_coverage.rules.figures import Figure, Figures, divided
from yikezhong_coverage.rules.ground import Ground
from yikezhong_coverage.rules.numbers import RuleError, exact
from yikezhong_coverage.rules.records import Indicator, RunFacts, ServiceCoverage
from yikezhong_coverage.rules.verdict import Range

#: The people counted unless the indicator names a group.
DEFAULT_GROUP: Final = "people_60"


def network_time(indicator: Indicator, ground: Ground, *, facts: RunFacts) -> Figures:
    """Return coverage within a time limit, of the worst of several services.

    Parameters
    ----------
    indicator : Indicator
        ``with``: ``services`` ids, ``limit_min`` [min], ``count`` ``people`` (with
        ``group``), ``communities`` or ``townships``, ``combine: min``: the service
        with the lowest rate, so that all of them must pass. ``speed_mps``, where
        given, must be the run's.
    ground : Ground
    facts : RunFacts
        ``coverage`` by service, limit [s] and denominator.

    Returns
    -------
    Figures
        ``detail``: the ``service`` that decides and the rates of all.
    """
    rule = indicator.with_
    if rule.get("combine", "min") != "min":
        raise RuleError(f"合并方式“{rule['combine']}”无法识别", hint="可用：min")
    minutes = exact(rule.get("limit_min"))
    if minutes is None or minutes <= 0:
        raise RuleError("limit_min 应为正数", column="limit_min")
    denominator = str(rule.get("count", "people"))
    if denominator == "people":
        denominator = str(rule.get("group") or DEFAULT_GROUP)
    tables: dict[str, ServiceCoverage | None] = {}
    for service in rule["services"]:
        key = (str(service), float(minutes * 60), denominator)
        tables[str(service)] = facts.coverage.get(key)
    lacking = [facts.names.get(name, name) for name, t in tables.items() if t is None]
    reason = "缺少服务圈结果：" + "、".join(lacking) if lacking else None
    speed = _other_speed(rule, facts)
    if speed is not None:
        tables = dict.fromkeys(tables)
        reason = f"缺少步行速度 {speed} 米/秒的服务圈结果"
    unknown = Figure(reason=reason or "缺少服务圈结果")
    rates = {name: _rates(table, len(ground.areas)) for name, table in tables.items()}
    found = {}
    for level in ground.levels_from(indicator.unit):
        for area in ground.at_level[level].tolist():
            own = {name: figures[area] for name, figures in rates.items()}
            found[area] = _worst(own, reason=reason)
    return Figures(found, unknown, whole=denominator in AREA_DENOMINATORS)


def _other_speed(rule: Mapping[str, object], facts: RunFacts) -> str | None:
    """Return the speed an indicator asks for, where the run has another one."""
    wanted = exact(rule.get("speed_mps"))
    if wanted is None or facts.speed_mps is None or wanted == exact(facts.speed_mps):
        return None
    return f"{float(wanted):g}"


def _worst(own: Mapping[str, Figure], *, reason: str | None) -> Figure:
    """Return the figure of the service with the lowest rate."""
    if not own:
        return Figure(reason="没有给出服务")
    known = {name: f for name, f in own.items() if f.value is not None}
    rates = {name: f.value for name, f in known.items()}
    if not known:
        first = next(iter(own.values()))
        if all(not f.applies for f in own.values()):
            return first
        return Figure(reason=reason or first.reason, detail={"rates": rates})
    worst = min(known, key=lambda name: (known[name].value, name))
    chosen = known[worst]
    # a service whose people are not known may have any rate
    applying = [f for f in own.values() if f.applies]
    between = Range(
        min(f.between.low or 0 for f in applying),
        min(1 if f.between.high is None else f.between.high for f in applying),
    )
    open_ = [f.reason for f in applying if f.reason is not None]
    return Figure(
        chosen.value,
        chosen.numerator,
        chosen.denominator,
        between,
        reason=reason or (open_[0] if open_ else None),
        detail={"service": worst, "rates": rates},
    )


_KEPT: WeakKeyDictionary[ServiceCoverage, list[Figure]] = WeakKeyDictionary()


def _rates(table: ServiceCoverage | None, n_area: int) -> list[Figure]:
    """Return the coverage of one service in every area.

    Made once for a table: several plans ask about the same services.
    """
    if table is None:
        return [Figure()] * n_area
    if table not in _KEPT:
        columns = (table.total, table.covered, table.unknown)
        _KEPT[table] = [
            _rate(*row)
            for row in zip(*(column.tolist() for column in columns), strict=True)
        ]
    return _KEPT[table]


def _rate(total: float, covered: float, unknown: bool) -> Figure:
    """Return the coverage of one service in one area."""
    if math.isnan(total) or math.isnan(covered):
        return Figure(reason="人口未知")
    found = divided(Fraction(covered), Fraction(total), empty="没有人口或可计的区划")
    if not unknown:
        return found
    return Figure(
        found.value,
        found.numerator,
        found.denominator,
        Range(Fraction(0), Fraction(1)),
        reason="部分人口未知",
    )
