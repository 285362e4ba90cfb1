"""From sums or figures to the verdict of an indicator in every division."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from yikezhong_coverage.records import BoolArray
from yikezhong_coverage.rules.failing import failing_areas, gathered, named_items
from yikezhong_coverage.rules.figures import Figures
from yikezhong_coverage.rules.ground import Ground, Rows
from yikezhong_coverage.rules.items import Counted, Sums, add_up
from yikezhong_coverage.rules.odds import Odds, add_odds
from yikezhong_coverage.rules.quotients import Quotients, over_one, times
from yikezhong_coverage.rules.reasons import missing_words
from yikezhong_coverage.rules.records import (
    LEVELS,
    NO_TARGET,
    NOT_APPLICABLE,
    NOT_MET,
    UNKNOWN,
    Indicator,
    RunFacts,
    Target,
)
from yikezhong_coverage.rules.valued import (
    Detail,
    Names,
    Reasons,
    Valued,
    no_names,
)
from yikezhong_coverage.rules.verdict import (
    NUMBER_OF,
    Ranges,
    StatusArray,
    Weights,
    decide,
    missing_units,
    weights,
)


@dataclass(frozen=True, eq=False)
class _Verdicts:
    """What is said of every row, before the target's levels are looked at."""

    value: Quotients
    numerator: Quotients
    denominator: Quotients
    status: StatusArray
    missing: Quotients
    reasons: Reasons


def judge_counted(
    indicator: Indicator, ground: Ground, *, facts: RunFacts, counted: Counted
) -> Valued:
    """Return the verdicts of a rule that counts items."""
    rows = ground.rows(indicator.unit)
    sums = add_up(ground, counted.items, rows=rows)
    by = _weights(indicator.target, counted)
    odds = add_odds(ground, counted, sums=sums, by=by, rows=rows)
    found = _verdicts(indicator, counted, facts=facts, sums=sums, by=by, odds=odds)
    without = counted.items.denominator is not None
    if without and not len(ground.at_level[indicator.unit]):
        found = _without_unit(indicator, found)
    names = failing_areas(
        indicator,
        ground,
        rows=rows,
        counted=counted,
        sums=sums,
        status=found.status,
        certain=~odds.any,
    )
    detail = _counted_detail(ground, counted, sums=sums, rows=rows)
    return _valued(indicator, ground, found, names=names, detail=detail)


def judge_figures(indicator: Indicator, ground: Ground, *, figures: Figures) -> Valued:
    """Return the verdicts of a rule that reads its values."""
    rows = ground.rows(indicator.unit)
    target = indicator.target
    status = np.full(len(rows), NUMBER_OF[NO_TARGET], dtype=np.int8)
    missing = _nothing_missing(len(rows))
    if target is not None:
        low, high = (
            end.signs_from(target.value) for end in (figures.low, figures.high)
        )
        closed = np.zeros(len(rows), dtype=np.bool_)
        status = decide(Ranges(low, high, closed, closed), target.comparison)
        missing = _figures_missing(target, figures, status)
    valued = figures.value.known
    status = np.where(valued, status, NUMBER_OF[UNKNOWN])
    status = np.where(figures.applies, status, NUMBER_OF[NOT_APPLICABLE])
    known = missing.known & valued & figures.applies
    found = _Verdicts(
        figures.value,
        figures.numerator.quotients(),
        figures.denominator.quotients(),
        status.astype(np.int8),
        replace(missing, known=known),
        figures.reasons,
    )
    unit = rows.row[ground.at_level[indicator.unit]]
    failing, unknown = (
        gathered(ground, rows.area[unit[status[unit] == NUMBER_OF[word]]], rows=rows)
        for word in (NOT_MET, UNKNOWN)
    )
    if target is not None and target.unit != "share":
        failing = no_names(len(rows))
    return _valued(
        indicator, ground, found, names=(failing, unknown), detail=figures.detail
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


def _verdicts(
    indicator: Indicator,
    counted: Counted,
    *,
    facts: RunFacts,
    sums: Sums,
    by: Weights | None,
    odds: Odds,
) -> _Verdicts:
    """Value every row and compare it with the target."""
    n_row = len(sums.numerator)
    below = counted.items.denominator
    always = np.ones(n_row, dtype=np.bool_)
    empty = ~always
    numerator = over_one(sums.numerator, counted.items.numerator.per, always)
    denominator = over_one(sums.denominator, 1, empty)
    if below is not None:
        denominator = over_one(sums.denominator, below.per, always)
        empty = (sums.denominator == 0).astype(np.bool_)
    valued = ~empty & ~((sums.n_bearing > 0) & (sums.n_known == 0))
    value = replace(numerator, known=valued)
    if below is not None:
        value = _share(sums, counted, below_per=below.per, known=valued)
    status = np.where(valued, NUMBER_OF[NO_TARGET], NUMBER_OF[UNKNOWN])
    missing = _nothing_missing(n_row)
    target = indicator.target
    if target is not None and by is not None:
        clear = by.slack(sums.clear_numerator, sums.clear_denominator)
        status = decide(odds.slack.moved(clear), target.comparison)
        missing = missing_units(
            by.slack(sums.numerator, sums.denominator),
            unit=by.unit,
            comparison=target.comparison,
            whole=counted.whole,
        )
        missing = replace(missing, known=_says(missing, status) & valued)
    silent = empty & ~odds.may_apply
    status = np.where(empty, NUMBER_OF[UNKNOWN], status)
    status = np.where(silent, NUMBER_OF[NOT_APPLICABLE], status).astype(np.int8)
    reasons = _lacking(odds, counted, facts=facts).but(silent, counted.empty)
    return _Verdicts(value, numerator, denominator, status, missing, reasons)


def _share(
    sums: Sums, counted: Counted, *, below_per: int, known: BoolArray
) -> Quotients:
    """Return ``scale × N / D``."""
    factor = counted.scale * Fraction(below_per, counted.items.numerator.per)
    return Quotients(
        times(sums.numerator, factor.numerator),
        times(sums.denominator, factor.denominator),
        known,
    )


def _says(missing: Quotients, status: StatusArray) -> BoolArray:
    """Return where an amount says something: an open verdict with none does not."""
    none = (missing.top == 0).astype(np.bool_)
    found: BoolArray = ~((status == NUMBER_OF[UNKNOWN]) & none)
    return found


def _lacking(odds: Odds, counted: Counted, *, facts: RunFacts) -> Reasons:
    """Say for each row which inputs its unknown items lack."""
    at = np.flatnonzero(odds.any)
    bits, which = np.unique(odds.lacks[at], return_inverse=True)
    index = np.full(len(odds.any), -1, dtype=np.int32)
    index[at] = which
    texts = [
        missing_words(
            [name for i, name in enumerate(counted.words) if lacks >> min(i, 62) & 1],
            facts.names,
        )
        for lacks in bits.tolist()
    ]
    return Reasons(index, tuple(texts))


def _without_unit(indicator: Indicator, found: _Verdicts) -> _Verdicts:
    """Say that a study lacks the level an indicator is counted at."""
    silent = found.status == NUMBER_OF[NOT_APPLICABLE]
    text = missing_words([f"level.{indicator.unit}"], {})
    status = np.where(silent, NUMBER_OF[UNKNOWN], found.status).astype(np.int8)
    return replace(found, status=status, reasons=found.reasons.but(silent, text))


def _figures_missing(
    target: Target, figures: Figures, status: StatusArray
) -> Quotients:
    """Return what the numerators of figures lack for a target.

    A figure without a denominator is compared as it is.
    """
    top, below = figures.numerator, figures.denominator
    shares = weights(target, Fraction(1), n_per=top.per, d_per=below.per)
    amounts_ = weights(target, Fraction(1), n_per=top.per, d_per=None)
    found = [
        missing_units(
            by.slack(top.units, below.units),
            unit=by.unit,
            comparison=target.comparison,
            whole=figures.whole,
        )
        for by in (shares, amounts_)
    ]
    missing = Quotients(
        np.where(below.known, found[0].top, found[1].top),
        np.where(below.known, found[0].bottom, found[1].bottom),
        top.known,
    )
    return replace(missing, known=top.known & _says(missing, status))


def _nothing_missing(n_row: int) -> Quotients:
    nothing = np.zeros(n_row, dtype=np.int64)
    return Quotients(nothing, nothing + 1, np.zeros(n_row, dtype=np.bool_))


def _counted_detail(
    ground: Ground, counted: Counted, *, sums: Sums, rows: Rows
) -> Detail:
    """Return what gives the further figures of a row; facilities only when asked."""

    @lru_cache(maxsize=1)
    def places() -> dict[str, Names]:
        if not counted.failing or counted.areas_named:
            return {}
        failing, unknown = named_items(ground, counted, sums=sums, rows=rows)
        return {"failing_places": failing, "unknown_places": unknown}

    def detail(row: int) -> dict[str, Any]:
        own = counted.detail.get(int(rows.area[row]), {})
        names = {key: found.of(row) for key, found in places().items()}
        return {**own, **{key: here for key, here in names.items() if here}}

    return detail


def _judged(indicator: Indicator, ground: Ground, rows: Rows) -> BoolArray:
    """Return in which rows the target is judged."""
    target = indicator.target
    if target is None:
        return np.zeros(len(rows), dtype=np.bool_)
    inside = ground.inside(indicator.area)[rows.area]
    if not target.levels:
        return inside
    wanted = [number for number, level in enumerate(LEVELS) if level in target.levels]
    judged: BoolArray = inside & np.isin(rows.level, wanted)
    return judged


def _valued(
    indicator: Indicator,
    ground: Ground,
    found: _Verdicts,
    *,
    names: tuple[Names, Names],
    detail: Detail,
) -> Valued:
    """Return the indicator in every row, its target judged where it is to be."""
    rows = ground.rows(indicator.unit)
    judged = _judged(indicator, ground, rows)
    shown = np.where(found.value.known, NUMBER_OF[NO_TARGET], NUMBER_OF[UNKNOWN])
    keep = judged | (found.status == NUMBER_OF[NOT_APPLICABLE])
    status = np.where(keep, found.status, shown).astype(np.int8)
    target = indicator.target
    strict = np.zeros(len(rows), dtype=np.bool_)
    if target is not None and target.comparison in (">", "<"):
        strict = judged & (status == NUMBER_OF[NOT_MET])
    return Valued(
        indicator,
        ground,
        rows,
        found.value,
        found.numerator,
        found.denominator,
        replace(found.missing, known=found.missing.known & judged),
        status,
        judged,
        strict,
        names[0],
        names[1],
        found.reasons,
        detail,
    )
