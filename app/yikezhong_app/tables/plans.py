"""The tables a run makes for plans: indicators, robustness, access, equity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

import numpy as np
import pandas as pd

from yikezhong_app.plan_words import missing_text
from yikezhong_app.progress import ProgressCall
from yikezhong_app.runs.measure import VARIANTS, Network
from yikezhong_app.runs.plan_network import (
    NETWORK_RULE,
    TRIED_SPEEDS_MPS,
    PlanNetwork,
    own_speed,
    questions_of,
)
from yikezhong_app.runs.plan_records import (
    CoverageBook,
    build_areas,
    build_facts,
    build_places,
)
from yikezhong_app.runs.study_records import StudyRecords
from yikezhong_app.tables.access import access_rows, equity_rows
from yikezhong_app.tables.coverage import Splitter
from yikezhong_coverage.rates import Coverage
from yikezhong_coverage.rules.ground import prepare
from yikezhong_coverage.rules.records import MET, NOT_MET, Indicator, Result
from yikezhong_coverage.rules.value import value_indicator
from yikezhong_geodata.plans.register import Entry
from yikezhong_geodata.study import Study

#: Variant that the table ``indicators`` shows.
SHOWN_VARIANT: Final = "with_neighbours"
#: Columns of the table ``robustness``.
_ROBUST: Final = (
    "indicator_id", "level", "code", "variant", "speed_mps", "value", "numerator",
    "denominator", "target", "comparison", "status", "flips",
)  # fmt: skip


class PlanTables:
    """Values the indicators of a study's plans, once its services are computed.

    Parameters
    ----------
    study : Study
    records : StudyRecords
    networks : dict of str to Network
        By profile, at the run's walking speed.
    """

    def __init__(
        self, study: Study, records: StudyRecords, networks: dict[str, Network]
    ) -> None:
        self.study = study
        self.entries = [e for plan in study.plan_inputs.plans for e in plan.entries]
        self.services = {service.id: service for service in study.services}
        self.speed_mps = study.spec.parameters.walk_speed_mps
        asked = questions_of(entry.indicator for entry in self.entries)
        self.network = PlanNetwork(study, records, networks, asked, {})
        self.books = {self.speed_mps: CoverageBook()}
        self.records = records
        self.access: list[pd.DataFrame] = []
        self.equity: list[dict[str, Any]] = []

    def limits_s(self, service: str) -> set[float]:
        """Return the limits that plans ask of a service [s]."""
        return {limit_s for limit_s, _ in self.network.asked.get(service, ())}

    def speeds_mps(self) -> tuple[float, ...]:
        """Return the walking speeds that indicators are valued at [m/s], ascending."""
        own = (own_speed(entry.indicator) for entry in self.entries)
        named = {speed for speed in own if speed is not None}
        return tuple(sorted({self.speed_mps, *TRIED_SPEEDS_MPS, *named}))

    def cover(
        self, service: str, coverage: Coverage, *, limit_s: float, variant: str
    ) -> None:
        """Keep a coverage that the run has computed, where plans ask for it.

        Also measures how equal it is, at the service's own limit for its own group.
        """
        asked = self.services.get(service)
        if (
            self.entries
            and asked is not None
            and limit_s == asked.limit_s
            and coverage.denominator == asked.group
        ):
            self.equity += equity_rows(
                self.records, asked, coverage, limit_s=limit_s, variant=variant
            )
        if (limit_s, coverage.denominator) in self.network.asked.get(service, ()):
            book = self.books[self.speed_mps]
            book.add(service, coverage, limit_s=limit_s, variant=variant)

    def add_service(self, splitter: Splitter) -> None:
        """Keep the times of a service that plans ask for, and what is still missing.

        Also measures access, where the service has a capacity.
        """
        service = splitter.times.service.id
        capacity = splitter.times.service.capacity
        if self.entries and capacity is not None:
            column = self.study.facilities[capacity]
            units = column.to_numpy(np.float64, na_value=np.nan)
            self.access.append(access_rows(splitter, units))
        if service in self.network.asked:
            self.network.times[service] = splitter.times
            self.network.fill(self.books[self.speed_mps], splitter)

    def tables(self, *, progress: ProgressCall) -> dict[str, pd.DataFrame]:
        """Return the tables; none where the study has no plans."""
        if not self.entries:
            return {}
        areas = build_areas(self.study, self.records)
        places = build_places(self.study, areas)
        ground = prepare(areas, places)
        facts = build_facts(self.study, speed_mps=self.speed_mps)

        def value(indicator: Indicator, speed: float, variant: str) -> list[Result]:
            """Value an indicator with the coverage of a speed and variant."""
            extra = replace(
                facts, coverage=self._book(speed).of(variant), speed_mps=speed
            )
            return value_indicator(indicator, areas, places, extra=extra, ground=ground)

        progress("计算规划指标", 0.0)
        results: dict[str, list[Result]] = {}
        tried: list[pd.DataFrame] = []
        for number, entry in enumerate(self.entries):
            indicator = entry.indicator
            speed = own_speed(indicator) or self.speed_mps
            results[indicator.id] = value(indicator, speed, SHOWN_VARIANT)
            if indicator.rule == NETWORK_RULE:
                progress("检验步行速度", number / len(self.entries))
                at_any = replace(
                    indicator, with_={**indicator.with_, "speed_mps": None}
                )
                speeds = sorted({*TRIED_SPEEDS_MPS, speed})
                tried += [
                    robust_rows({v: value(at_any, v, variant) for v in speeds}, variant)
                    for variant in VARIANTS
                ]
        robustness = pd.concat(tried, ignore_index=True) if tried else None
        indicators = indicator_rows(self.entries, results, robustness)
        tables = {"indicators": indicators}
        if self.equity:
            tables["equity"] = pd.DataFrame(self.equity)
        if self.access:
            tables["access"] = pd.concat(self.access, ignore_index=True)
        if robustness is not None:
            tables["robustness"] = robustness
        return tables

    def _book(self, speed_mps: float) -> CoverageBook:
        if speed_mps not in self.books:
            self.books[speed_mps] = self.network.book_at(speed_mps)
        return self.books[speed_mps]


def robust_rows(by_speed: dict[float, list[Result]], variant: str) -> pd.DataFrame:
    """Return the results of one indicator at several speeds.

    ``flips`` marks divisions that meet the target at one and miss it at another.
    """
    verdicts: dict[str, set[str]] = {}
    for results in by_speed.values():
        for result in results:
            verdicts.setdefault(result.code, set()).add(result.status)
    rows = [
        {
            **_figures(result),
            "variant": variant,
            "speed_mps": speed,
            "flips": {MET, NOT_MET} <= verdicts[result.code],
        }
        for speed, results in by_speed.items()
        for result in results
    ]
    return pd.DataFrame(rows, columns=list(_ROBUST))


def indicator_rows(
    entries: Sequence[Entry],
    results: dict[str, list[Result]],
    robustness: pd.DataFrame | None,
) -> pd.DataFrame:
    """Return the table ``indicators``: an indicator in a division each."""
    flips: dict[tuple[str, str], bool] = {}
    if robustness is not None:
        shown = robustness[robustness["variant"] == SHOWN_VARIANT]
        keys = zip(shown["indicator_id"], shown["code"], strict=True)
        flips = dict(zip(keys, shown["flips"].tolist(), strict=True))
    known = {entry.indicator.id for entry in entries}
    conflicts = both_ways(
        {e.indicator.id: e.indicator.conflicts_with for e in entries}, known
    )
    rows = []
    for entry in entries:
        indicator = entry.indicator
        clause, target = indicator.clause, indicator.target
        about = {
            "name": indicator.name,
            "plan": indicator.plan,
            "class": indicator.class_,
            "rule": indicator.rule,
            "unit": indicator.unit,
            "nature": indicator.nature,
            "year": None if target is None else target.year,
            "value_unit": None if target is None else target.unit,
            "clause": None if clause is None else f"{clause.chapter}：{clause.phrase}",
            "conflicts": conflicts[indicator.id],
        }
        rows += [
            {
                **_figures(result),
                **about,
                "missing_units": _number(result.missing_units),
                "missing_text": missing_text(indicator, result),
                "strict": bool(result.detail.get("strict", False)),
                "failing_codes": list(result.failing_codes),
                "unknown_codes": list(result.unknown_codes),
                "reason": result.reason,
                "flips": flips.get((indicator.id, result.code)),
            }
            for result in results[indicator.id]
        ]
    table = pd.DataFrame(rows)
    table["year"] = table["year"].astype("Int64")
    table["flips"] = table["flips"].astype("boolean")
    return table


def both_ways(
    conflicts: dict[str, tuple[str, ...]], known: Iterable[str]
) -> dict[str, list[str]]:
    """Return the conflicts of each indicator, said by whichever side.

    Examples
    --------
    >>> both_ways({"a": ("b",), "b": (), "c": ("x",)}, ["a", "b", "c"])
    {'a': ['b'], 'b': ['a'], 'c': []}
    """
    present = set(known)
    found: dict[str, set[str]] = {id_: set() for id_ in conflicts}
    for id_, others in conflicts.items():
        for other in others:
            if other in present:
                found[id_].add(other)
                found[other].add(id_)
    return {id_: sorted(others) for id_, others in found.items()}


def _figures(result: Result) -> dict[str, Any]:
    """Return what every table shows of a result; fractions as numbers."""
    return {
        "indicator_id": result.indicator_id,
        "level": result.level,
        "code": result.code,
        "value": _number(result.value),
        "numerator": _number(result.numerator),
        "denominator": _number(result.denominator),
        "target": _number(result.target),
        "comparison": result.comparison,
        "status": result.status,
    }


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
