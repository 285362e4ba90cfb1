"""Network times that plans ask for: which coverage, at which walking speed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from yikezhong_app.runs.measure import VARIANTS, Network, ServiceTimes
from yikezhong_app.runs.plan_records import CoverageBook
from yikezhong_app.runs.study_records import StudyRecords
from yikezhong_app.tables.coverage import Splitter, make_splitter
from yikezhong_coverage.graph import at_walking_speed
from yikezhong_coverage.rates import (
    AREA_DENOMINATORS,
    Coverage,
    roll_up,
    roll_up_areas,
)
from yikezhong_coverage.rules.network import DEFAULT_GROUP
from yikezhong_coverage.rules.records import Indicator
from yikezhong_geodata.study import Study

#: Rule whose values come from the network.
NETWORK_RULE: Final = "network_time"
#: Walking speeds at which verdicts are tried [m/s]: slow, as usual, brisk.
TRIED_SPEEDS_MPS: Final = (0.8, 1.0, 1.2)

#: Limit [s] and denominator.
Question = tuple[float, str]


def questions_of(indicators: Iterable[Indicator]) -> dict[str, set[Question]]:
    """Return by service what network indicators ask for."""
    asked: dict[str, set[Question]] = defaultdict(set)
    for indicator in indicators:
        if indicator.rule != NETWORK_RULE:
            continue
        rule = indicator.with_
        denominator = str(rule.get("count", "people"))
        if denominator == "people":
            denominator = str(rule.get("group") or DEFAULT_GROUP)
        limit_s = float(rule["limit_min"]) * 60.0
        for service in rule["services"]:
            asked[str(service)].add((limit_s, denominator))
    return dict(asked)


def own_speed(indicator: Indicator) -> float | None:
    """Return the walking speed that an indicator names [m/s]; None: the run's."""
    speed = indicator.with_.get("speed_mps")
    return None if speed is None else float(speed)


@dataclass(frozen=True, eq=False)
class PlanNetwork:
    """Makes the coverage that plans ask for, at any walking speed.

    Parameters
    ----------
    study : Study
    records : StudyRecords
    networks : dict of str to Network
        By profile, at the run's walking speed.
    asked : dict of str to set of (limit [s], denominator)
        By service.
    times : dict of str to ServiceTimes
        Of the services asked for, at the run's walking speed; filled while they are
        computed.
    """

    study: Study
    records: StudyRecords
    networks: dict[str, Network]
    asked: dict[str, set[Question]]
    times: dict[str, ServiceTimes]
    _made: dict[tuple[str, float], Network] = field(default_factory=dict, repr=False)

    def network_at(self, profile: str, speed_mps: float) -> Network:
        """Return the network of a profile at a walking speed, made once."""
        key = (profile, speed_mps)
        if key not in self._made:
            self._made[key] = network_at(self.networks[profile], speed_mps)
        return self._made[key]

    def book_at(self, speed_mps: float) -> CoverageBook:
        """Return all that is asked for, at a walking speed."""
        book = CoverageBook()
        for times in self.times.values():
            network = self.network_at(times.service.profile, speed_mps)
            if network is not self.networks[times.service.profile]:
                times = times_at(times, network, self.records)
            self.fill(book, make_splitter(self.study, self.records, times, network))
        return book

    def fill(self, book: CoverageBook, splitter: Splitter) -> None:
        """Add what is asked of one service and is not in the book yet."""
        service = splitter.times.service
        asked = [
            question
            for question in self.asked.get(service.id, ())
            if any((service.id, *question) not in book.of(v) for v in VARIANTS)
        ]
        for limit_s, _, variant, found in asked_coverage(
            splitter,
            asked,
            area_people_share=self.study.spec.parameters.area_people_share,
        ):
            book.add(service.id, found, limit_s=limit_s, variant=variant)


def asked_coverage(
    splitter: Splitter, asked: Iterable[Question], *, area_people_share: float
) -> Iterator[tuple[float, str, str, Coverage]]:
    """Yield what is asked of a service: limit [s], denominator, variant, coverage."""
    service, records = splitter.times.service, splitter.records
    for limit_s, denominator in sorted(asked):
        counts_areas = denominator in AREA_DENOMINATORS
        group = service.group if counts_areas else denominator
        for variant in VARIANTS:
            found = roll_up(
                records.divisions,
                records.demand.unit,
                split=splitter.split(group, variant=variant, limit_s=limit_s),
                group=group,
                estimated=records.estimated[group],
            )
            if counts_areas:
                found = roll_up_areas(
                    records.divisions,
                    found,
                    denominator=denominator,
                    area_people_share=area_people_share,
                )
            yield limit_s, denominator, variant, found


def network_at(network: Network, speed_mps: float) -> Network:
    """Return a network at another walking speed: its roads, and the way to them."""
    if speed_mps == network.leg_speed_mps:
        return network
    graph = network.graph
    if graph.profile == "walking":
        graph = at_walking_speed(graph, speed_mps)
    return replace(network, graph=graph, leg_speed_mps=speed_mps)


def times_at(
    times: ServiceTimes,
    network: Network,
    records: StudyRecords,
    *,
    variants: Sequence[str] = VARIANTS,
) -> ServiceTimes:
    """Return the times of a service on another network of the same points."""
    nearest = {}
    if "with_neighbours" in variants:
        nearest["with_neighbours"] = network.nearest(times.facilities)
    if "own" in variants:
        nearest["own"] = network.nearest_of_own(
            times.facilities,
            demand_group=records.demand_own,
            group=records.facility_own,
        )
    return replace(times, nearest=nearest)
