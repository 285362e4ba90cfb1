"""The scorecard: all indicators in all divisions, conflicts side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.rules.ground import prepare
from yikezhong_coverage.rules.records import (
    MET,
    NOT_MET,
    STATUSES,
    Areas,
    Indicator,
    Places,
    Result,
    RunFacts,
)
from yikezhong_coverage.rules.value import value_indicator

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Line:
    """One indicator of one division, with what stands against it.

    Parameters
    ----------
    indicator : Indicator
    result : Result
    conflicts : tuple of Result
        Results of the same division whose targets differ from this one's by plan or
        clause; each is judged by its own target.
    """

    indicator: Indicator
    result: Result
    conflicts: tuple[Result, ...] = ()

    @property
    def disputed(self) -> bool:
        """Whether one target is met and a conflicting one is not."""
        verdicts = {self.result.status, *(result.status for result in self.conflicts)}
        return {MET, NOT_MET} <= verdicts


@dataclass(frozen=True, eq=False)
class Scorecard:
    """All results of a run.

    Parameters
    ----------
    indicators : mapping of str to Indicator
        By id, in the order of the registers.
    results : tuple of Result
        By indicator in that order, then from the top level down, by code.
    by_code : mapping of str to tuple of Result
        Results of each division, in the order of the registers.
    """

    indicators: Mapping[str, Indicator]
    results: tuple[Result, ...]
    by_code: Mapping[str, tuple[Result, ...]]

    def lines(self, code: str) -> tuple[Line, ...]:
        """Return the scorecard of one division; empty where nothing is valued."""
        own = {result.indicator_id: result for result in self.by_code.get(code, ())}
        against = _against(self.indicators)
        return tuple(
            Line(
                self.indicators[name],
                result,
                tuple(own[other] for other in against[name] if other in own),
            )
            for name, result in own.items()
        )

    def summary(self, code: str) -> dict[str, int]:
        """Return how many indicators of a division have each status."""
        found = Counter(result.status for result in self.by_code.get(code, ()))
        return {status: found[status] for status in STATUSES}

    def statuses(self) -> dict[tuple[str, str], str]:
        """Return the status of every indicator and division."""
        return {
            (result.indicator_id, result.code): result.status for result in self.results
        }


def _against(indicators: Mapping[str, Indicator]) -> dict[str, tuple[str, ...]]:
    """Return for each indicator those it conflicts with, whichever names the other."""
    found: dict[str, list[str]] = {name: [] for name in indicators}
    for name, indicator in indicators.items():
        for other in indicator.conflicts_with:
            if other in found and other != name:
                found[name].append(other)
                found[other].append(name)
    order = {name: i for i, name in enumerate(indicators)}
    return {
        name: tuple(sorted(set(others), key=order.__getitem__))
        for name, others in found.items()
    }


def score(
    indicators: Sequence[Indicator],
    areas: Areas,
    *,
    places: Places,
    extra: RunFacts | None = None,
    progress: Progress | None = None,
) -> Scorecard:
    """Value every indicator in every division.

    Parameters
    ----------
    indicators : sequence of Indicator
        Of one or more registers; ids are unique.
    areas : Areas
    places : Places
        With the status they have on the run's day.
    extra : RunFacts, optional
    progress : callable, optional
        Called with a Chinese step name and the share done.

    Returns
    -------
    Scorecard

    Raises
    ------
    InputError
        If an id is there twice.
    RuleError
        If an entry cannot be computed as it is written.
    """
    by_id = {indicator.id: indicator for indicator in indicators}
    if len(by_id) < len(indicators):
        twice = [name for name, n in Counter(i.id for i in indicators).items() if n > 1]
        raise InputError(f"指标编号 {twice[0]} 重复", column="id")
    ground = prepare(areas, places)
    results: list[Result] = []
    for done, indicator in enumerate(indicators):
        if progress is not None:
            progress("计算规划指标", done / len(indicators))
        results += value_indicator(indicator, areas, places, extra=extra, ground=ground)
    if progress is not None:
        progress("计算规划指标", 1.0)
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.code, []).append(result)
    by_code = {code: tuple(group) for code, group in groups.items()}
    return Scorecard(by_id, tuple(results), by_code)


def flips(
    base: Scorecard, others: Mapping[str, Scorecard]
) -> dict[tuple[str, str], dict[str, str]]:
    """Return where the verdict depends on the walking speed or the variant.

    Parameters
    ----------
    base : Scorecard
    others : mapping of str to Scorecard
        By a name of what differs, such as the speed.

    Returns
    -------
    dict of (indicator id, code) to dict of name to status
        Only where a target is met in one and not met in another; the status of the
        base has the name ``base``.
    """
    every = {"base": base.statuses()}
    every |= {name: other.statuses() for name, other in others.items()}
    found = {}
    for key in every["base"]:
        own = {name: table[key] for name, table in every.items() if key in table}
        if {MET, NOT_MET} <= set(own.values()):
            found[key] = own
    return found
