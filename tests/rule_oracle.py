"""The rules of plans one division at a time, in fractions: what the columns must give.

Written as a reader of a plan would: every number is a :class:`fractions.Fraction`,
nothing is shared between divisions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from yikezhong_coverage.rules.ground import Ground
from yikezhong_coverage.rules.items import Counted, Items
from yikezhong_coverage.rules.reasons import missing_words
from yikezhong_coverage.rules.records import (
    MET,
    NO_TARGET,
    NOT_APPLICABLE,
    NOT_MET,
    UNKNOWN,
    Indicator,
    Result,
    RunFacts,
    ServiceCoverage,
    Target,
)
from yikezhong_coverage.rules.selectors import MAYBE
from yikezhong_coverage.rules.value import RULES
from yikezhong_coverage.rules.verdict import Weights, weights


def holds(value: Fraction | int, comparison: str, limit: Fraction | int) -> bool:
    """Compare exactly.

    Examples
    --------
    >>> holds(Fraction("0.55") * 20, "<=", 11), holds(30, ">", 30)
    (True, False)
    """
    if comparison == ">=":
        return value >= limit
    if comparison == ">":
        return value > limit
    if comparison == "<=":
        return value <= limit
    if comparison == "<":
        return value < limit
    return value == limit


@dataclass(frozen=True, slots=True)
class Range:
    """From ``low`` to ``high``; None is without a limit on that side."""

    low: Fraction | int | None
    high: Fraction | int | None


def decide(slack: Range, comparison: str) -> str:
    """Return the verdict that holds for every slack in the range, else unknown.

    Examples
    --------
    >>> decide(Range(0, 3), ">="), decide(Range(-2, -1), ">="), decide(Range(-1, 0), ">")
    ('met', 'not_met', 'not_met')
    >>> decide(Range(-1, 0), ">="), decide(Range(0, None), ">"), decide(Range(0, 0), "=")
    ('unknown', 'unknown', 'met')
    """
    low, high = slack.low, slack.high
    if comparison == "=":
        if low == 0 and high == 0:
            return MET
        outside = (low is not None and low > 0) or (high is not None and high < 0)
        return NOT_MET if outside else UNKNOWN
    worst, best = (low, high) if comparison in (">=", ">") else (high, low)
    if worst is not None and holds(worst, comparison, 0):
        return MET
    if best is not None and not holds(best, comparison, 0):
        return NOT_MET
    return UNKNOWN


def missing_units(
    numerator: Fraction, wanted: Fraction, *, comparison: str, whole: bool
) -> Fraction:
    """Return what the numerator lacks (or has too much) for the target.

    Parameters
    ----------
    numerator : Fraction
    wanted : Fraction
        The numerator at which the value equals the target.
    comparison : str
        ``>=`` and ``>`` ask for more, ``<=`` and ``<`` for less, ``=`` for either.
    whole : bool
        The numerator counts things: the answer is the smallest whole number of them.
        Otherwise it is the amount at which the target is equalled; for ``>`` and
        ``<`` it must then be exceeded.

    Returns
    -------
    Fraction
        Non-negative; 0 where the target is met.

    Examples
    --------
    >>> sixty = Fraction(3, 5)
    >>> str(missing_units(Fraction(25), 46 * sixty, comparison=">=", whole=True))
    '3'
    >>> str(missing_units(Fraction(11), 20 * Fraction("0.55"), comparison=">=", whole=True))
    '0'
    >>> str(missing_units(Fraction(11), Fraction(11), comparison=">", whole=True))
    '1'
    """
    if holds(numerator, comparison, wanted):
        return Fraction(0)
    if comparison == "=":
        distance = abs(wanted - numerator)
        return Fraction(math.ceil(distance)) if whole else distance
    distance = wanted - numerator if comparison in (">=", ">") else numerator - wanted
    if not whole:
        return distance
    if comparison in (">", "<"):
        return Fraction(math.floor(distance) + 1)
    return Fraction(math.ceil(distance))


def odd_range(
    numerator: int | None,
    denominator: int | None,
    *,
    by: Weights,
    part: bool,
    maybe: bool,
) -> Range:
    """Return the slack one area or facility may add, of which a part is unknown.

    Parameters
    ----------
    numerator, denominator : int or None
        In units; None: unknown, not negative.
    by : Weights
    part : bool
        The numerator is a part of the denominator.
    maybe : bool
        It may not count at all.
    """
    low: int | None
    high: int | None
    if numerator is not None and denominator is not None:
        low = high = numerator * by.n - denominator * by.d
    elif denominator is not None:
        low, high = -denominator * by.d, None
        if part:
            high = denominator * (by.full - by.d)
            low, high = min(low, high), max(low, high)
    elif numerator is not None:
        low = None if by.d > 0 else numerator * by.n
        high = None if by.d < 0 else numerator * by.n
        if part and by.d > 0 and by.full:
            # the denominator is at least the numerator; this division leaves no rest
            high = numerator * by.n * (by.full - by.d) // by.full
    else:
        low = None if by.d > 0 else 0
        high = 0 if part and by.full <= by.d else None
    if maybe:
        low = None if low is None else min(low, 0)
        high = None if high is None else max(high, 0)
    return Range(low, high)


@dataclass
class Verdict:
    """What is said of one division, before the target's levels are looked at."""

    value: Fraction | None
    numerator: Fraction | None
    denominator: Fraction | None
    status: str
    missing: Fraction | None = None
    reason: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


def counted_one_by_one(
    indicator: Indicator, ground: Ground, facts: RunFacts
) -> list[Result]:
    """Value an indicator whose rule counts items."""
    counted = RULES[indicator.rule](indicator, ground, facts=facts)
    assert isinstance(counted, Counted)
    verdicts = {}
    for area in _areas(indicator, ground):
        verdicts[area] = _verdict(indicator, ground, facts, counted, area)
    return _results(indicator, ground, verdicts, counted)


def _areas(indicator: Indicator, ground: Ground) -> Iterator[int]:
    for level in ground.levels_from(indicator.unit):
        yield from ground.at_level[level].tolist()


def _inside(ground: Ground, area: int, above: int) -> bool:
    while area >= 0:
        if area == above:
            return True
        area = int(ground.areas.parent[area])
    return False


def _amounts(items: Items, i: int) -> tuple[Fraction | None, Fraction | None]:
    """Return numerator and denominator of an item; the latter 0 where there is none."""
    n = d = None
    if items.numerator.known[i]:
        n = Fraction(int(items.numerator.units[i]), items.numerator.per)
    if items.denominator is None:
        d = Fraction(0)
    elif items.denominator.known[i]:
        d = Fraction(int(items.denominator.units[i]), items.denominator.per)
    return n, d


def _verdict(
    indicator: Indicator, ground: Ground, facts: RunFacts, counted: Counted, area: int
) -> Verdict:
    items, target = counted.items, indicator.target
    below = items.denominator
    by = None
    if target is not None:
        d_per = None if below is None else below.per
        by = weights(target, counted.scale, n_per=items.numerator.per, d_per=d_per)
    top = bottom = clear_top = clear_bottom = Fraction(0)
    bearing = known = 0
    low: int | None = 0
    high: int | None = 0
    lacks = 0
    may_apply = has_odd = False
    for i in range(len(items.area)):
        if not _inside(ground, int(items.area[i]), area):
            continue
        n, d = _amounts(items, i)
        maybe = bool(items.member.state[i] == MAYBE)
        bears = items.bears is None or bool(items.bears[i])
        bearing += bears
        known += bears and not maybe and n is not None
        if not maybe:
            top += n or 0
            bottom += d or 0
        if not maybe and n is not None and d is not None:
            clear_top += n
            clear_bottom += d
            continue
        has_odd = True
        may_apply |= d is None or d > 0
        lacks |= int(items.lacks[i] | items.member.lacks[i])
        if by is not None:
            added = odd_range(
                None if n is None else int(n * items.numerator.per),
                None if d is None else int(d * (1 if below is None else below.per)),
                by=by,
                part=counted.part,
                maybe=maybe,
            )
            low = None if low is None or added.low is None else low + int(added.low)
            high = (
                None if high is None or added.high is None else high + int(added.high)
            )
    reason = None
    if has_odd:
        words = [w for i, w in enumerate(counted.words) if lacks >> min(i, 62) & 1]
        reason = missing_words(words, facts.names)
    if below is not None and bottom == 0:
        if may_apply:
            return Verdict(None, top, bottom, UNKNOWN, reason=reason)
        if not len(ground.at_level[indicator.unit]):
            reason = missing_words([f"level.{indicator.unit}"], {})
            return Verdict(None, top, bottom, UNKNOWN, reason=reason)
        return Verdict(None, top, bottom, NOT_APPLICABLE, reason=counted.empty)
    value = None
    if known or not bearing:
        value = top if below is None else counted.scale * top / bottom
    denominator = None if below is None else bottom
    if target is None or by is None:
        status = UNKNOWN if value is None else NO_TARGET
        return Verdict(value, top, denominator, status, reason=reason)
    slack = clear_top * items.numerator.per * by.n - by.constant
    if below is not None:
        slack -= clear_bottom * below.per * by.d
    between = Range(
        None if low is None else low + slack, None if high is None else high + slack
    )
    status = decide(between, target.comparison)
    missing = None
    if value is not None:
        missing = _missing(target, top, denominator, counted.scale, counted.whole)
        if status == UNKNOWN and missing == 0:
            missing = None
    return Verdict(value, top, denominator, status, missing, reason)


def _missing(
    target: Target,
    numerator: Fraction,
    denominator: Fraction | None,
    scale: Fraction,
    whole: bool,
) -> Fraction:
    wanted = target.value
    if denominator is not None:
        wanted = target.value * denominator / scale
    return missing_units(numerator, wanted, comparison=target.comparison, whole=whole)


def _results(
    indicator: Indicator,
    ground: Ground,
    verdicts: Mapping[int, Verdict],
    counted: Counted | None,
) -> list[Result]:
    """Return the results; codes are compared elsewhere, so they are left out."""
    target = indicator.target
    results = []
    for area, verdict in verdicts.items():
        code, level = str(ground.areas.code[area]), str(ground.areas.level[area])
        here = (
            target is not None
            and code.startswith(indicator.area)
            and (not target.levels or level in target.levels)
        )
        status = verdict.status
        if not here and status != NOT_APPLICABLE:
            status = NO_TARGET if verdict.value is not None else UNKNOWN
        results.append(
            Result(
                indicator.id,
                level,
                code,
                verdict.value,
                verdict.numerator,
                verdict.denominator,
                target.value if here and target is not None else None,
                target.comparison if here and target is not None else None,
                status,
                verdict.missing if here else None,
                *_codes(indicator, ground, verdicts, counted, area),
                verdict.reason,
                verdict.detail,
            )
        )
    return results


def _codes(
    indicator: Indicator,
    ground: Ground,
    verdicts: Mapping[int, Verdict],
    counted: Counted | None,
    area: int,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the codes of the failing and of the unknown areas in an area."""
    code, target = ground.areas.code, indicator.target
    inside = [
        i for i in ground.at_level[indicator.unit].tolist() if _inside(ground, i, area)
    ]
    failing = [i for i in inside if verdicts[i].status == NOT_MET]
    if counted is None:
        unknown = [i for i in inside if verdicts[i].status == UNKNOWN]
        if target is not None and target.unit != "share":
            failing = []
    else:
        items = counted.items
        unknown = []
        for i in range(len(items.area)):
            n, d = _amounts(items, i)
            odd = n is None or d is None or items.member.state[i] == MAYBE
            if odd and _inside(ground, int(items.area[i]), area):
                unknown.append(int(items.area[i]))
        if target is None:
            failing = [
                i
                for i in inside
                if counted.part
                and counted.whole
                and verdicts[i].reason is None
                and (verdicts[i].numerator or 0) < (verdicts[i].denominator or 0)
            ]
        elif items.denominator is None and target.comparison not in ("<", "<="):
            failing = []
    return (
        tuple(sorted({str(code[i]) for i in failing})),
        tuple(sorted({str(code[i]) for i in unknown})),
    )


def network_one_by_one(
    indicator: Indicator, ground: Ground, facts: RunFacts
) -> list[Result]:
    """Value an indicator of network times; every coverage is there."""
    rule = indicator.with_
    tables = {
        name: facts.coverage[name, float(rule["limit_min"]) * 60, rule["group"]]
        for name in rule["services"]
    }
    verdicts = {}
    for area in _areas(indicator, ground):
        own = {name: _rate(table, area) for name, table in tables.items()}
        verdicts[area] = _worst(indicator.target, own)
    return _results(indicator, ground, verdicts, None)


@dataclass
class Rate:
    """The coverage of one service in one area."""

    covered: Fraction | None
    total: Fraction | None
    partly: bool

    @property
    def applies(self) -> bool:
        return self.total is None or self.total > 0 or self.partly

    @property
    def value(self) -> Fraction | None:
        if not self.total or self.covered is None:
            return None
        return self.covered / self.total

    @property
    def reason(self) -> str | None:
        if self.total is None:
            return "人口未知"
        if self.partly:
            return "部分人口未知"
        return None if self.total else "没有人口或可计的区划"


def _rate(table: ServiceCoverage, area: int) -> Rate:
    covered, total = float(table.covered[area]), float(table.total[area])
    if math.isnan(covered) or math.isnan(total):
        return Rate(None, None, False)
    return Rate(Fraction(covered), Fraction(total), bool(table.unknown[area]))


def _worst(target: Target | None, own: Mapping[str, Rate]) -> Verdict:
    known = {name: r.value for name, r in own.items() if r.value is not None}
    applying = [rate for rate in own.values() if rate.applies]
    first = next(iter(own.values()))
    if not known and not applying:
        return Verdict(
            None, first.covered, first.total, NOT_APPLICABLE, reason=first.reason
        )
    if not known:
        return Verdict(
            None, None, None, UNKNOWN, reason=first.reason, detail={"rates": {}}
        )
    worst = min(known, key=lambda name: (known[name], name))
    open_ = [r for r in applying if r.value is None or r.partly]
    closed = [r.value for r in applying if r.value is not None and not r.partly]
    low = Fraction(0) if open_ else known[worst]
    high = min(closed) if closed else Fraction(1)
    chosen, reasons = own[worst], [r.reason for r in applying if r.reason is not None]
    found = Verdict(
        known[worst],
        chosen.covered,
        chosen.total,
        NO_TARGET,
        reason=reasons[0] if reasons else None,
        detail={"service": worst, "rates": known},
    )
    if target is not None and chosen.covered is not None:
        between = Range(low - target.value, high - target.value)
        found.status = decide(between, target.comparison)
        found.missing = _missing(
            target, chosen.covered, chosen.total, Fraction(1), False
        )
        if found.status == UNKNOWN and found.missing == 0:
            found.missing = None
    return found
