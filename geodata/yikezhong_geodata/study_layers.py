"""The layers of a study, each made of its files and of the layers before it.

Each layer is made by one function that says in a report of its own what it found. So
a layer can be kept, and taken again where nothing that it is made of has changed; see
:mod:`~yikezhong_geodata.layer_keys`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import numpy as np

from yikezhong_coverage.records import RoadGraph, Service
from yikezhong_geodata.boundaries import load_boundaries
from yikezhong_geodata.buildings import load_buildings
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.datum_guess import RoadPlaces
from yikezhong_geodata.demand import build_demand, record_demand
from yikezhong_geodata.facilities import load_facilities
from yikezhong_geodata.import_report import append_import_report
from yikezhong_geodata.layer_datum import (
    SpecT,
    judge_boundaries,
    judge_facilities,
    judge_points,
)
from yikezhong_geodata.plan_inputs import PlanInputs, load_plan_inputs
from yikezhong_geodata.points import PointSource
from yikezhong_geodata.population import load_population
from yikezhong_geodata.road_findings import FacilityPoints, report_components
from yikezhong_geodata.roads import load_roads
from yikezhong_geodata.spec import BoundarySpec, FacilitySpec, StudySpec
from yikezhong_geodata.study_checks import (
    check_conservation,
    check_network_cover,
)

Progress = Callable[[str, float], None]
PROFILES: Final = ("walking", "driving")
#: In the order in which they are made, and in which their findings stand.
LAYER_NAMES: Final = (
    "boundaries",
    "roads",
    "extent",
    "facilities",
    "people",
    "plans",
    "sums",
)

LayerT = TypeVar("LayerT")


class Layers(Protocol):
    """Makes a layer, or takes it from where it is kept."""

    def layer(
        self, name: str, make: Callable[[DataReport], LayerT]
    ) -> Callable[[], LayerT]:
        """Return a call that gives the layer; ``make`` takes a report to fill."""


@dataclass(frozen=True, eq=False)
class FreshLayers:
    """Makes every layer.

    Parameters
    ----------
    report : DataReport
        Takes what is found.
    """

    report: DataReport

    def layer(
        self, name: str, make: Callable[[DataReport], LayerT]
    ) -> Callable[[], LayerT]:
        """Return a call that gives the layer, which is made now."""
        made = make(self.report)
        return lambda: made


@dataclass(frozen=True)
class Consent:
    """What a person has agreed to: converting a detected datum, large repairs."""

    datum: bool = False
    repairs: bool = False


@dataclass(frozen=True, eq=False)
class StudyLayers:
    """Calls that give the layers of a study.

    ``people`` are the divisions with their counts, and the demand points; ``plans``
    the inputs of the plans, and the divisions with all their columns.
    """

    roads: Callable[[], dict[str, RoadGraph]]
    facilities: Callable[[], Any]
    people: Callable[[], tuple[Any, Any]]
    plans: Callable[[], tuple[PlanInputs, Any]]


def make_layers(
    spec: StudySpec,
    *,
    folder: Path,
    services: Sequence[Service],
    layers: Layers,
    consent: Consent,
    tell: Progress,
) -> StudyLayers:
    """Make the layers of a study, one after the other.

    Parameters
    ----------
    spec : StudySpec
        With the day of the run as ``as_of``.
    folder : Path
        The study folder.
    services : sequence of Service
        Those that plans may name.
    layers : Layers
        Makes or takes each.
    consent : Consent
    tell : callable
        Told each step and the share that is done.
    """
    tell("读取行政区划", 0.02)
    divisions = layers.layer(
        "boundaries", lambda report: _boundaries(spec, folder, report, consent)
    )
    tell("读取路网", 0.15)
    roads = layers.layer(
        "roads",
        lambda report: load_roads(
            spec.roads,
            folder=folder,
            report=report,
            profiles=PROFILES,
            walk_speed_mps=spec.parameters.walk_speed_mps,
        ),
    )
    layers.layer(
        "extent",
        lambda report: check_network_cover(
            divisions(), roads()["walking"], file=spec.roads.file, report=report
        ),
    )
    tell("读取设施", 0.6)
    beside = RoadPlaces.along(lambda: roads()["walking"])

    def read_facilities(report: DataReport) -> Any:
        found = _facilities(spec, folder, divisions(), beside, report, consent)
        _report_short_roads(spec, roads(), found, report)
        return found

    facilities = layers.layer("facilities", read_facilities)
    tell("读取人口", 0.7)

    def read_people(report: DataReport) -> tuple[Any, Any]:
        in_wgs84, opened = _judge_people(
            spec, folder, divisions(), beside, report, consent
        )
        walking = roads()["walking"]
        return _people(in_wgs84, folder, divisions(), walking, report, tell, opened)

    people = layers.layer("people", read_people)
    tell("读取规划", 0.96)
    plans = layers.layer(
        "plans",
        lambda report: load_plan_inputs(
            spec, people()[0], folder=folder, services=services, report=report
        ),
    )
    tell("核对", 0.97)
    layers.layer(
        "sums",
        lambda report: check_conservation(people()[0], people()[1], report=report),
    )
    tell("完成", 1.0)
    return StudyLayers(roads, facilities, people, plans)


def _boundaries(
    spec: StudySpec,
    folder: Path,
    report: DataReport,
    consent: Consent,
) -> Any:
    """Return the divisions; read again where a detected datum is accepted."""
    if spec.import_report:
        append_import_report(folder / spec.import_report, report)

    def load(specs: tuple[BoundarySpec, ...]) -> tuple[Any, DataReport]:
        own = DataReport()
        found = load_boundaries(
            specs,
            folder=folder,
            code_system=spec.code_system,
            report=own,
            accept_repairs=consent.repairs,
        )
        return found, own

    divisions, own = load(spec.boundaries)
    judged = judge_boundaries(
        spec.boundaries, divisions, report=report, accept=consent.datum
    )
    if judged != spec.boundaries:
        divisions, own = load(judged)
    _add_report(report, own)
    return divisions


def _facilities(
    spec: StudySpec,
    folder: Path,
    divisions: Any,
    beside: RoadPlaces,
    report: DataReport,
    consent: Consent,
) -> Any:
    """Return the facilities; read again where a detected datum is accepted."""
    as_of = spec.as_of or dt.date.max

    def load(specs: tuple[FacilitySpec, ...]) -> tuple[Any, DataReport]:
        own = DataReport()
        found = load_facilities(
            specs,
            folder=folder,
            divisions=divisions,
            as_of=as_of,
            report=own,
            code_system=spec.code_system,
        )
        return found, own

    facilities, own = load(spec.facilities)
    judged = judge_facilities(
        spec.facilities, facilities, roads=beside, report=report, accept=consent.datum
    )
    if judged != spec.facilities:
        facilities, own = load(judged)
    _add_report(report, own)
    return facilities


def _add_report(report: DataReport, other: DataReport) -> None:
    report.findings.extend(other.findings)
    report.counts.extend(other.counts)


def _report_short_roads(
    spec: StudySpec,
    roads: Mapping[str, RoadGraph],
    facilities: Any,
    report: DataReport,
) -> None:
    """List the pieces of road that no point is put on, and the facilities there."""
    points = FacilityPoints(
        facilities["id"].tolist(),
        facilities["lon"].to_numpy(np.float64),
        facilities["lat"].to_numpy(np.float64),
        max_snap_m=spec.parameters.max_snap_m,
    )
    for graph in roads.values():
        report_components(
            graph,
            spec.parameters.min_component_m,
            report,
            file=Path(spec.roads.file).name,
            facilities=points,
        )


def _judge_people(
    spec: StudySpec,
    folder: Path,
    divisions: Any,
    beside: RoadPlaces,
    report: DataReport,
    consent: Consent,
) -> tuple[StudySpec, list[PointSource | None]]:
    """Return the spec with the accepted datum of buildings and population points.

    Also returns the population files that are open already.
    """

    def judge(source: SpecT, label: str) -> tuple[SpecT, PointSource | None]:
        return judge_points(
            source,
            folder=folder,
            divisions=divisions,
            roads=beside,
            label=label,
            report=report,
            accept=consent.datum,
        )

    judged = [
        judge(source, "population") if source.kind == "points" else (source, None)
        for source in spec.population
    ]
    population = tuple(source for source, _ in judged)
    demand = spec.demand
    if demand.buildings is not None:
        buildings, _ = judge(demand.buildings, "demand")
        demand = replace(demand, buildings=buildings)
    judged_spec = replace(spec, population=population, demand=demand)
    return judged_spec, [opened for _, opened in judged]


def _people(
    spec: StudySpec,
    folder: Path,
    divisions: Any,
    walking: RoadGraph,
    report: DataReport,
    tell: Progress,
    opened: list[PointSource | None],
) -> tuple[Any, Any]:
    """Return the divisions with their counts, and the demand points."""
    asked = spec.demand.buildings
    buildings = None
    if asked is not None:
        buildings = load_buildings(
            asked, folder=folder, divisions=divisions, report=report
        )
    as_people = asked is not None and asked.as_people
    population = load_population(
        spec.population,
        folder=folder,
        divisions=divisions,
        report=report,
        code_system=spec.code_system,
        buildings=buildings if as_people else None,
        opened=opened,
    )
    opened.clear()  # the tables are large
    tell("分配人口到需求点", 0.85)
    demand = build_demand(
        population.divisions,
        cells=population.cells,
        buildings=None if as_people else buildings,
        walking=walking,
        report=report,
        method=spec.demand.method,
    )
    return record_demand(population.divisions, demand), demand
