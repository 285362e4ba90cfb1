"""From sums or figures to one result per division, with its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np

from yikezhong_coverage.rules.failing import (
    Names,
    Verdict,
    failing_areas,
    failing_places,
    gathered,
)
from yikezhong_coverage.rules.figures import Figure, Figures
from yikezhong_coverage.rules.ground import Ground
from yikezhong_coverage.rules.items import Counted, Sums, add_up
from yikezhong_coverage.rules.reasons import missing_words
from yikezhong_coverage.rules.records import (
    NO_TARGET,
    NOT_APPLICABLE,
    NOT_MET,
    UNKNOWN,
    Indicator,
    Result,
    RunFacts,
    Target,
)
from yikezhong_coverage.rules.selectors import MAYBE
from yikezhong_coverage.rules.verdict import (
    Range,
    Weights,
    decide,
    missing_units,
    odd_range,
    wanted_numerator,
    weights,
)

#: Shared by the many results that have no further figures.
_NOTHING: Final[dict[str, Any]] = {}


@dataclass(slots=True)
class Odd:
    """What the unknown items of one area may add."""

    low: int | None = 0
    high: int | None = 0
    lacks: int = 0
    may_apply: bool = False
    n_item: int = 0


def judged_here(indicator: Indicator, level: str, *, code: str) -> bool:
    """Return whether the target is judged in a division."""
    target = indicator.target
    if target is None or not code.startswith(indicator.area):
        return False
    return not target.levels or level in target.levels


def judge_counted(
    indicator: Indicator, ground: Ground, *, facts: RunFacts, counted: Counted
) -> list[Result]:
    """Return the results of a rule that counts items."""
    levels = ground.levels_from(indicator.unit)
    sums = add_up(ground, counted.items, levels=levels)
    verdicts = _verdicts(indicator, ground, facts=facts, counted=counted, sums=sums)
    if not len(ground.at_level[indicator.unit]) and (
        counted.items.denominator is not None
    ):
        verdicts = {
            area: _without_unit(indicator, verdict)
            for area, verdict in verdicts.items()
        }
    codes = failing_areas(
        indicator, ground, counted=counted, sums=sums, verdicts=verdicts
    )
    return _results(
        indicator,
        ground,
        verdicts=verdicts,
        codes=codes,
        places=failing_places(ground, counted, sums=sums, levels=levels),
        detail=counted.detail,
    )


def _verdicts(
    indicator: Indicator,
    ground: Ground,
    *,
    facts: RunFacts,
    counted: Counted,
    sums: Sums,
) -> dict[int, Verdict]:
    """Value every area; those with the same sums and nothing unknown only once."""
    levels = ground.levels_from(indicator.unit)
    by = _weights(indicator.target, counted)
    odd = _odd(ground, counted, sums=sums, by=by, levels=levels)
    verdicts: dict[int, Verdict] = {}
    seen: dict[tuple[int, ...], Verdict] = {}
    for level in levels:
        for area in ground.at_level[level].tolist():
            if area in odd:
                verdicts[area] = _verdict(
                    indicator,
                    counted,
                    facts=facts,
                    sums=sums,
                    by=by,
                    area=area,
                    odd=odd[area],
                )
                continue
            key = (
                sums.numerator[area],
                sums.denominator[area],
                sums.n_bearing[area],
            )
            if key not in seen:
                seen[key] = _verdict(
                    indicator,
                    counted,
                    facts=facts,
                    sums=sums,
                    by=by,
                    area=area,
                    odd=Odd(),
                )
            verdicts[area] = seen[key]
    return verdicts


def _without_unit(indicator: Indicator, verdict: Verdict) -> Verdict:
    """Say that a study lacks the level an indicator is counted at."""
    if verdict.status != NOT_APPLICABLE:
        return verdict
    return Verdict(
        None,
        verdict.numerator,
        verdict.denominator,
        UNKNOWN,
        reason=missing_words([f"level.{indicator.unit}"], {}),
    )


def _weights(target: Target | None, counted: Counted) -> Weights | None:
    """Return the weights of the slack; None without a target."""
    if target is None:
        return None
    below = counted.items.denominator
    return weights(
        target,
        counted.scale,
        n_per=counted.items.numerator.per,
        d_per=None if below is None else below.per,
    )


def _odd(
    ground: Ground,
    counted: Counted,
    *,
    sums: Sums,
    by: Weights | None,
    levels: tuple[str, ...],
) -> dict[int, Odd]:
    """Add up, for every area, what its unknown items may add."""
    found: dict[int, Odd] = {}
    items = counted.items
    if not len(sums.odd):
        return found
    area = items.area[sums.odd]
    above = [ground.ancestor[level][area].tolist() for level in levels]
    lacks = (items.lacks | items.member.lacks)[sums.odd].tolist()
    memory: dict[tuple[int | None, int | None, bool], Range] = {}
    for row, item in enumerate(sums.odd.tolist()):
        n = int(items.numerator.units[item]) if items.numerator.known[item] else None
        d: int | None = 0
        if items.denominator is not None:
            known = items.denominator.known[item]
            d = int(items.denominator.units[item]) if known else None
        maybe = bool(items.member.state[item] == MAYBE)
        key = (n, d, maybe)
        if key not in memory:
            memory[key] = (
                Range(0, 0)
                if by is None
                else odd_range(n, d, by=by, part=counted.part, maybe=maybe)
            )
        for column in above:
            if column[row] < 0:
                continue
            own = found.setdefault(column[row], Odd())
            own.low = _plus(own.low, memory[key].low)
            own.high = _plus(own.high, memory[key].high)
            own.lacks |= lacks[row]
            own.may_apply |= d is None or d > 0
            own.n_item += 1
    return found


def _plus(first: int | None, second: Fraction | int | None) -> int | None:
    """Add whole numbers of slack; None is without limit."""
    if first is None or second is None:
        return None
    return first + int(second)


def _verdict(
    indicator: Indicator,
    counted: Counted,
    *,
    facts: RunFacts,
    sums: Sums,
    by: Weights | None,
    area: int,
    odd: Odd,
) -> Verdict:
    """Value one area and compare it with the target."""
    items = counted.items
    numerator = Fraction(sums.numerator[area], items.numerator.per)
    denominator = None
    if items.denominator is not None:
        denominator = Fraction(sums.denominator[area], items.denominator.per)
    reason = None
    if odd.n_item:
        words = [
            name for i, name in enumerate(counted.words) if odd.lacks >> min(i, 62) & 1
        ]
        reason = missing_words(words, facts.names)
    if denominator == 0:
        if not odd.may_apply:
            return Verdict(
                None, numerator, denominator, NOT_APPLICABLE, reason=counted.empty
            )
        return Verdict(None, numerator, denominator, UNKNOWN, reason=reason)
    if sums.n_bearing[area] and not sums.n_known[area]:
        value = None
    elif denominator is None:
        value = numerator
    else:
        value = counted.scale * numerator / denominator
    target = indicator.target
    if target is None or by is None:
        status = UNKNOWN if value is None else NO_TARGET
        return Verdict(value, numerator, denominator, status, reason=reason)
    slack = (
        sums.clear_numerator[area] * by.n
        - sums.clear_denominator[area] * by.d
        - by.constant
    )
    status = decide(
        Range(_plus(odd.low, slack), _plus(odd.high, slack)), target.comparison
    )
    missing = None
    if value is not None:
        missing = missing_units(
            numerator,
            wanted_numerator(target, denominator, scale=counted.scale),
            comparison=target.comparison,
            whole=counted.whole,
        )
        if status == UNKNOWN and missing == 0:
            missing = None
    return Verdict(value, numerator, denominator, status, missing, reason)


def judge_figures(
    indicator: Indicator, ground: Ground, *, figures: Figures
) -> list[Result]:
    """Return the results of a rule that reads its values."""
    verdicts: dict[int, Verdict] = {}
    detail: dict[int, dict[str, Any]] = {}
    levels = ground.levels_from(indicator.unit)
    for level in levels:
        for area in ground.at_level[level].tolist():
            figure = figures.by_area.get(area, figures.absent)
            verdicts[area] = _figure_verdict(
                indicator.target, figure, whole=figures.whole
            )
            detail[area] = figure.detail
    unit = ground.at_level[indicator.unit].tolist()
    failing = [area for area in unit if verdicts[area].status == NOT_MET]
    unknown = [area for area in unit if verdicts[area].status == UNKNOWN]
    counts = indicator.target is not None and indicator.target.unit != "share"
    codes = Names(
        {}
        if counts
        else gathered(ground, np.array(failing, dtype=np.int64), levels=levels),
        gathered(ground, np.array(unknown, dtype=np.int64), levels=levels),
    )
    return _results(
        indicator, ground, verdicts=verdicts, codes=codes, places=Names(), detail=detail
    )


def _figure_verdict(target: Target | None, figure: Figure, *, whole: bool) -> Verdict:
    """Compare one figure with the target."""
    given = (figure.value, figure.numerator, figure.denominator)
    if not figure.applies:
        return Verdict(*given, NOT_APPLICABLE, reason=figure.reason)
    if figure.value is None:
        return Verdict(*given, UNKNOWN, reason=figure.reason)
    if target is None:
        return Verdict(*given, NO_TARGET, reason=figure.reason)
    low, high = figure.between.low, figure.between.high
    slack = Range(
        None if low is None else low - target.value,
        None if high is None else high - target.value,
    )
    status = decide(slack, target.comparison)
    missing = None
    if figure.numerator is not None:
        missing = missing_units(
            figure.numerator,
            wanted_numerator(target, figure.denominator, scale=Fraction(1)),
            comparison=target.comparison,
            whole=whole,
        )
        if status == UNKNOWN and missing == 0:
            missing = None
    return Verdict(*given, status, missing, figure.reason)


def _results(
    indicator: Indicator,
    ground: Ground,
    *,
    verdicts: dict[int, Verdict],
    codes: Names,
    places: Names,
    detail: dict[int, dict[str, Any]],
) -> list[Result]:
    """Write one result per division, from the top down and by code."""
    results = []
    target = indicator.target
    comparison = None if target is None else target.comparison
    by_key = {"failing_places": places.failing, "unknown_places": places.unknown}
    text = ground.areas.code
    for level in ground.levels_from(indicator.unit):
        for area in ground.at_level[level].tolist():
            verdict = verdicts[area]
            code = str(text[area])
            here = target is not None and judged_here(indicator, level, code=code)
            status = verdict.status
            if (
                not here
                and status not in (NOT_APPLICABLE,)
                and verdict.value is not None
            ):
                status = NO_TARGET
            elif not here and status != NOT_APPLICABLE:
                status = UNKNOWN
            further = detail.get(area, _NOTHING)
            places_here = [key for key in by_key if area in by_key[key]]
            strict = here and status == NOT_MET and comparison in (">", "<")
            if strict or places_here:
                further = dict(further) | {k: by_key[k][area] for k in places_here}
            if strict:
                further["strict"] = True
            results.append(
                Result(
                    indicator.id,
                    level,
                    code,
                    verdict.value,
                    verdict.numerator,
                    verdict.denominator,
                    target.value if here and target is not None else None,
                    comparison if here else None,
                    status,
                    verdict.missing if here else None,
                    codes.failing.get(area, ()),
                    codes.unknown.get(area, ()),
                    verdict.reason,
                    further,
                )
            )
    return results
