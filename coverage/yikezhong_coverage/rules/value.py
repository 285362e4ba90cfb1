"""Valuing an indicator: the rule by its name, then one result per division.

Rules are found by name only; nothing here knows any single indicator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from yikezhong_coverage.rules.boundary_quality import boundary_quality
from yikezhong_coverage.rules.counts import count
from yikezhong_coverage.rules.figures import Figure, Figures, figures_of
from yikezhong_coverage.rules.ground import Ground, prepare
from yikezhong_coverage.rules.items import Counted
from yikezhong_coverage.rules.judge import judge_counted, judge_figures
from yikezhong_coverage.rules.network import network_time
from yikezhong_coverage.rules.numbers import RuleError
from yikezhong_coverage.rules.presence import presence
from yikezhong_coverage.rules.records import (
    LEVELS,
    Areas,
    Indicator,
    Places,
    Result,
    RunFacts,
)
from yikezhong_coverage.rules.shares import facility_share, ratio
from yikezhong_coverage.rules.standards import (
    capacity_years,
    per_capita,
    step_standard,
)
from yikezhong_coverage.rules.statistics import statistic
from yikezhong_coverage.rules.valued import Valued
from yikezhong_coverage.rules.zones import exclusion_zone


def statement(indicator: Indicator, ground: Ground, *, facts: RunFacts) -> Figures:
    """Return nothing to value: an order, a date, shown where it belongs."""
    absent = Figure(applies=False, reason=indicator.reading or "不作数值判定")
    return figures_of({}, ground.rows(indicator.unit), absent=absent)


class Rule(Protocol):
    """What every rule is called with and gives back."""

    def __call__(
        self, indicator: Indicator, ground: Ground, *, facts: RunFacts
    ) -> Counted | Figures:
        """Value one indicator."""


#: Every rule by its name in the register.
RULES: Final[Mapping[str, Rule]] = {
    "presence": presence,
    "facility_share": facility_share,
    "ratio": ratio,
    "per_capita": per_capita,
    "step_standard": step_standard,
    "count": count,
    "capacity_years": capacity_years,
    "network_time": network_time,
    "exclusion_zone": exclusion_zone,
    "boundary_quality": boundary_quality,
    "statistic": statistic,
    "statement": statement,
}


def value_columns(indicator: Indicator, ground: Ground, *, facts: RunFacts) -> Valued:
    """Value an indicator in every division at its unit's level and above, in columns.

    Parameters
    ----------
    indicator : Indicator
    ground : Ground
        By :func:`yikezhong_coverage.rules.ground.prepare`, made once where many
        indicators are valued.
    facts : RunFacts
        What the run found beside areas and places.

    Raises
    ------
    RuleError
        If the rule is unknown or its parameters cannot be used.
    """
    if indicator.rule not in RULES:
        raise RuleError(
            f"指标 {indicator.id} 的规则“{indicator.rule}”无法识别",
            hint="可用：" + "、".join(RULES),
        )
    if indicator.unit not in LEVELS:
        raise RuleError(f"指标 {indicator.id} 的级别“{indicator.unit}”无法识别")
    try:
        found = RULES[indicator.rule](indicator, ground, facts=facts)
    except KeyError as error:
        raise RuleError(
            f"指标 {indicator.id} 的规则参数不全，缺少 {error}", column="with"
        ) from error
    if isinstance(found, Counted):
        return judge_counted(indicator, ground, facts=facts, counted=found)
    return judge_figures(indicator, ground, figures=found)


def value_indicator(
    indicator: Indicator,
    areas: Areas,
    places: Places,
    *,
    extra: RunFacts | None = None,
    ground: Ground | None = None,
) -> list[Result]:
    """Value an indicator in every division at its unit's level and above.

    For many divisions :func:`value_columns` gives the same in columns.

    Parameters
    ----------
    indicator : Indicator
    areas : Areas
    places : Places
    extra : RunFacts, optional
        What the run found beside areas and places.
    ground : Ground, optional
        ``prepare(areas, places)``, made once where many indicators are valued.

    Returns
    -------
    list of Result
        From the top level down, by code within a level.

    Raises
    ------
    RuleError
        If the rule is unknown or its parameters cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from fractions import Fraction
    >>> from yikezhong_coverage.rules.records import Target
    >>> areas = Areas(np.array(["C", "T1", "T2"]),
    ...               np.array(["county", "township", "township"]),
    ...               np.array(["", "town", "town"]), np.array([-1, 0, 0], dtype=np.int32))
    >>> places = Places(np.array(["a"]), np.array(["day_care"]), [frozenset()],
    ...                 np.array(["open"]), np.array([1], dtype=np.int32))
    >>> asked = Indicator("X", "日间照料", "township", "presence",
    ...                   with_={"any_of": [{"categories": ["day_care"]}]},
    ...                   target=Target(">=", Fraction(1)))
    >>> for result in value_indicator(asked, areas, places):
    ...     print(result.code, result.value, result.status, result.failing_codes)
    C 1/2 not_met ('T2',)
    T1 1 met ()
    T2 0 not_met ('T2',)
    """
    shared = prepare(areas, places) if ground is None else ground
    facts = RunFacts() if extra is None else extra
    return value_columns(indicator, shared, facts=facts).results()
