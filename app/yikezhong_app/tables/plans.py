"""The tables a run makes for plans: indicators and robustness."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pandas as pd

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
from yikezhong_app.tables.coverage import Splitter
from yikezhong_app.tables.plan_rows import IndicatorRows, RobustRows
from yikezhong_coverage.rules.ground import prepare
from yikezhong_coverage.rules.records import Indicator
from yikezhong_coverage.rules.value import value_columns
from yikezhong_coverage.rules.valued import Valued
from yikezhong_geodata.study import Study

#: Variant that the table ``indicators`` shows.
SHOWN_VARIANT: Final = "with_neighbours"


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
        self.speed_mps = study.spec.parameters.walk_speed_mps
        asked = questions_of(entry.indicator for entry in self.entries)
        self.network = PlanNetwork(study, records, networks, asked, {})
        self.books = {self.speed_mps: CoverageBook()}
        self.records = records

    def limits_s(self, service: str) -> set[float]:
        """Return the limits that plans ask of a service [s]."""
        return {limit_s for limit_s, _ in self.network.asked.get(service, ())}

    def speeds_mps(self) -> tuple[float, ...]:
        """Return the walking speeds that indicators are valued at [m/s], ascending."""
        own = (own_speed(entry.indicator) for entry in self.entries)
        named = {speed for speed in own if speed is not None}
        return tuple(sorted({self.speed_mps, *TRIED_SPEEDS_MPS, *named}))

    def add_service(self, splitter: Splitter) -> None:
        """Keep the times of a service that plans ask for, and what is still missing."""
        service = splitter.times.service.id
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

        def value(indicator: Indicator, speed: float, variant: str) -> Valued:
            """Value an indicator with the coverage of a speed and variant."""
            extra = replace(
                facts, coverage=self._book(speed).of(variant), speed_mps=speed
            )
            return value_columns(indicator, ground, facts=extra)

        progress("计算规划指标", 0.0)
        code = areas.code.tolist()
        indicators, robust = IndicatorRows(self.entries, code), RobustRows(code)
        for number, entry in enumerate(self.entries):
            indicator = entry.indicator
            speed = own_speed(indicator) or self.speed_mps
            flips = None
            if indicator.rule == NETWORK_RULE:
                progress("检验步行速度", number / len(self.entries))
                at_any = replace(
                    indicator, with_={**indicator.with_, "speed_mps": None}
                )
                speeds = sorted({*TRIED_SPEEDS_MPS, speed})
                turns = {
                    variant: robust.add(
                        {v: value(at_any, v, variant) for v in speeds}, variant
                    )
                    for variant in VARIANTS
                }
                flips = turns[SHOWN_VARIANT]
            indicators.add(value(indicator, speed, SHOWN_VARIANT), flips=flips)
        tables = {"indicators": indicators.frame()}
        robustness = robust.frame()
        if robustness is not None:
            tables["robustness"] = robustness
        return tables

    def _book(self, speed_mps: float) -> CoverageBook:
        if speed_mps not in self.books:
            self.books[speed_mps] = self.network.book_at(speed_mps)
        return self.books[speed_mps]
