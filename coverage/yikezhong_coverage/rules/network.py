"""Network time: the share of people or areas within reach of every service."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

import numpy as np

from yikezhong_coverage.rates import AREA_DENOMINATORS
from yikezhong_coverage.records import BoolArray, IntArray
from yikezhong_coverage.rules.figures import Figure, Figures, figures_of
from yikezhong_coverage.rules.ground import Ground, Rows
from yikezhong_coverage.rules.numbers import Amounts, RuleError, count_amounts, exact
from yikezhong_coverage.rules.quotients import Quotients, Whole, times
from yikezhong_coverage.rules.records import Indicator, RunFacts, ServiceCoverage
from yikezhong_coverage.rules.valued import Reasons, no_reasons

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
    speed = _other_speed(rule, facts)
    services: list[_Service] = []
    lacking = []
    for service in dict.fromkeys(map(str, rule["services"])):
        key = (service, float(minutes * 60), denominator)
        table = facts.coverage.get(key) if speed is None else None
        if key not in facts.coverage:
            lacking.append(facts.names.get(service, service))
        services.append(_Service(service, table, ground.rows(indicator.unit)))
    reason = "缺少服务圈结果：" + "、".join(lacking) if lacking else None
    if speed is not None:
        reason = f"缺少步行速度 {speed} 米/秒的服务圈结果"
    if not services:
        rows = ground.rows(indicator.unit)
        return figures_of({}, rows, absent=Figure(reason="没有给出服务"))
    whole = denominator in AREA_DENOMINATORS
    return _worst(services, reason=reason, whole=whole)


def _other_speed(rule: Mapping[str, object], facts: RunFacts) -> str | None:
    """Return the speed an indicator asks for, where the run has another one."""
    wanted = exact(rule.get("speed_mps"))
    if wanted is None or facts.speed_mps is None or wanted == exact(facts.speed_mps):
        return None
    return f"{float(wanted):g}"


class _Service:
    """The coverage of one service in every row, exactly.

    A service of which there is no coverage is not known anywhere.
    """

    def __init__(self, name: str, table: ServiceCoverage | None, rows: Rows) -> None:
        self.name = name
        n_row = len(rows)
        nowhere = np.zeros(n_row, dtype=np.bool_)
        self.missing = table is None
        self.covered = self.total = count_amounts(np.full(n_row, np.nan))
        self.partly = nowhere
        if table is not None:
            covered, total = table.covered[rows.area], table.total[rows.area]
            either = np.isnan(covered) | np.isnan(total)
            covered, total = (np.where(either, np.nan, v) for v in (covered, total))
            self.covered, self.total = count_amounts(covered), count_amounts(total)
            self.partly = table.unknown[rows.area] & ~either
        counted = self.total.known
        some = (self.total.units > 0).astype(np.bool_)
        #: Rows with a rate, rows where the rate says nothing, rows that may have any.
        self.valued = counted & some
        self.applies = ~(counted & ~some) | self.partly
        self.open = self.applies & (~self.valued | self.partly)

    def rate(self, row: int) -> Fraction | None:
        """Return the rate of a row; None where there is none."""
        if not self.valued[row]:
            return None
        covered = Fraction(int(self.covered.units[row]), self.covered.per)
        return covered / Fraction(int(self.total.units[row]), self.total.per)


def _worst(services: list[_Service], *, reason: str | None, whole: bool) -> Figures:
    """Return the figures of the service with the lowest rate in every row.

    Of equal rates the service of the smaller name decides.
    """
    n_row = len(services[0].valued)
    covered_per = math.lcm(*(s.covered.per for s in services))
    total_per = math.lcm(*(s.total.per for s in services))
    lowest = _Lowest.nothing(n_row, over=(covered_per, total_per))
    surest = _Lowest.nothing(n_row, over=(covered_per, total_per))
    by_name = sorted(range(len(services)), key=lambda i: services[i].name)
    for number in by_name:
        service = services[number]
        lowest.compare(service, number, where=service.valued)
        surest.compare(service, number, where=service.valued & ~service.open)
    value = lowest.rate()
    applies = np.any([s.applies for s in services], axis=0)
    open_ = np.any([s.open for s in services], axis=0)
    one = np.ones(n_row, dtype=np.int64)
    # a service whose people are not known may have any rate
    low = _else(value, open_, Quotients(one * 0, one, value.known))
    sure = surest.rate()
    high = _else(sure, ~sure.known, Quotients(one, one, value.known))
    first = services[0]
    silent = ~value.known & ~applies
    covered = _where(silent, first.covered.over(covered_per), lowest.covered)
    total = _where(silent, first.total.over(total_per), lowest.total)
    return Figures(
        value,
        covered,
        total,
        low,
        high,
        applies,
        _reasons(services, value.known, applies, reason=reason),
        whole=whole,
        detail=_detail(services, lowest.number, applies),
    )


class _Lowest:
    """The lowest rate so far of every row."""

    def __init__(self, covered: Amounts, total: Amounts, number: IntArray) -> None:
        self.covered = covered
        self.total = total
        self.number = number

    @classmethod
    def nothing(cls, n_row: int, *, over: tuple[int, int]) -> _Lowest:
        """Return no rate for any row."""
        nothing = np.zeros(n_row, dtype=np.int64)
        known = np.zeros(n_row, dtype=np.bool_)
        return cls(
            Amounts(nothing, over[0], known),
            Amounts(nothing, over[1], known),
            nothing - 1,
        )

    def rate(self) -> Quotients:
        """Return the rates."""
        factor = Fraction(self.total.per, self.covered.per)
        return Quotients(
            times(self.covered.units, factor.numerator),
            times(self.total.units, factor.denominator),
            self.number >= 0,
        )

    def compare(self, service: _Service, number: int, *, where: BoolArray) -> None:
        """Take the rate of a service where it is the lower one."""
        covered = service.covered.over(self.covered.per)
        total = service.total.over(self.total.per)
        lower = where & (self.number < 0)
        both = np.flatnonzero(where & (self.number >= 0))
        lower[both] = _lower(
            (covered.units[both], total.units[both]),
            (self.covered.units[both], self.total.units[both]),
        )
        self.covered = _where(lower, covered, self.covered)
        self.total = _where(lower, total, self.total)
        self.number = np.where(lower, number, self.number)


def _lower(first: tuple[Whole, Whole], second: tuple[Whole, Whole]) -> BoolArray:
    """Return where one rate is lower than another, decided without rounding.

    Rounded quotients that differ are in the right order; equal ones are compared
    as fractions, but for those that are plainly the same.
    """
    (a, b), (c, d) = first, second
    one, other = a.astype(np.float64) / b, c.astype(np.float64) / d
    one, other = one.astype(np.float64), other.astype(np.float64)
    lower = one < other
    plain = ((a == c) & (b == d)) | ((a == b) & (c == d)) | ((a == 0) & (c == 0))
    close = np.abs(one - other) <= 1e-12 * np.abs(other)
    for row in np.flatnonzero(close & ~plain.astype(np.bool_)).tolist():
        lower[row] = int(a[row]) * int(d[row]) < int(c[row]) * int(b[row])
    found: BoolArray = lower & ~plain.astype(np.bool_)
    return found


def _where(condition: BoolArray, first: Amounts, second: Amounts) -> Amounts:
    """Return the one or the other; both are over the same denominator."""
    return Amounts(
        np.where(condition, first.units, second.units),
        first.per,
        np.where(condition, first.known, second.known),
    )


def _else(first: Quotients, condition: BoolArray, second: Quotients) -> Quotients:
    """Return the second fractions where a condition holds."""
    return Quotients(
        np.where(condition, second.top, first.top),
        np.where(condition, second.bottom, first.bottom),
        second.known,
    )


def _reasons(
    services: list[_Service],
    valued: BoolArray,
    applies: BoolArray,
    *,
    reason: str | None,
) -> Reasons:
    """Say what the rates of the services leave open, the first of them first."""
    n_row = len(valued)
    found = no_reasons(n_row)
    for service in reversed(services):
        # where nothing is valued only the first service speaks
        heard = valued if service is not services[0] else np.ones(n_row, dtype=np.bool_)
        without = service.applies & ~service.total.known
        if not service.missing:
            found = found.but(heard & without, "人口未知")
        found = found.but(heard & service.partly, "部分人口未知")
    first = services[0]
    empty = ~valued & first.total.known & ~first.valued & ~first.partly
    found = found.but(empty, "没有人口或可计的区划")
    if reason is not None:
        found = found.but(applies, reason)
    return found


def _detail(
    services: list[_Service], number: IntArray, applies: BoolArray
) -> Callable[[int], dict[str, Any]]:
    """Return what gives the rates of all services, and the one that decides."""

    def detail(row: int) -> dict[str, Any]:
        own = {s.name: s.rate(row) for s in services if s.valued[row]}
        if number[row] >= 0:
            return {"service": services[number[row]].name, "rates": own}
        return {"rates": own} if applies[row] else {}

    return detail
