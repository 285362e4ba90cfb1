"""A study: all of its layers, read, checked and joined."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from yikezhong_coverage.records import RoadGraph, Service
from yikezhong_geodata.boundaries import load_boundaries
from yikezhong_geodata.buildings import load_buildings
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.databases.working_copy import refuse_tables
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
from yikezhong_geodata.services import load_services
from yikezhong_geodata.spec import (
    STUDY_FILE,
    BoundarySpec,
    FacilitySpec,
    StudySpec,
    read_spec,
)
from yikezhong_geodata.study_checks import (
    check_conservation,
    check_network_cover,
)

Progress = Callable[[str, float], None]
PROFILES: Final = ("walking", "driving")


@dataclass(frozen=True, eq=False)
class Study:
    """A study that can be run.

    Parameters
    ----------
    spec : StudySpec
        What ``study.toml`` says.
    name : str
    as_of : datetime.date
        Day for which facilities count as open.
    divisions : GeoDataFrame
        :data:`~yikezhong_geodata.columns.DIVISION_COLUMNS` and more.
    facilities : GeoDataFrame
        :data:`~yikezhong_geodata.columns.FACILITY_COLUMNS`.
    demand : GeoDataFrame
        :data:`~yikezhong_geodata.columns.DEMAND_COLUMNS`.
    roads : mapping of str to RoadGraph
        By profile: ``walking``, ``driving``.
    services : tuple of Service
    report : DataReport
        What became of every row.
    folder : Path
        The study folder.
    plan_inputs : PlanInputs
        The plans that the study is judged by, and what only they use.
    """

    spec: StudySpec
    name: str
    as_of: dt.date
    divisions: Any
    facilities: Any
    demand: Any
    roads: Mapping[str, RoadGraph]
    services: tuple[Service, ...]
    report: DataReport
    folder: Path
    plan_inputs: PlanInputs = field(default_factory=PlanInputs)


def load_study(
    folder: Path,
    *,
    as_of: dt.date,
    accept_datum: bool = False,
    accept_repairs: bool = False,
    progress: Progress | None = None,
) -> Study:
    """Read a study folder.

    Parameters
    ----------
    folder : Path
        Folder with ``study.toml`` (or the path of that file).
    as_of : datetime.date
        Day for which facilities count as open; the caller decides between
        the one in ``study.toml``, another and today.
    accept_datum : bool
        Convert layers that were found to be in GCJ-02 or BD-09 without saying so;
        by default this is reported and left as it is.
    accept_repairs : bool
        Accept repairs of polygons that change an area by more than 1 %.
    progress : callable, optional
        Called with the name of each step and the share that is done.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        If a layer cannot be used; the message says which, where and what to do.
    """

    def tell(step: str, share: float) -> None:
        if progress is not None:
            progress(step, share)

    tell("读取项目配置", 0.0)
    spec = read_spec(folder)
    refuse_tables(spec)
    folder = folder.parent if folder.name == STUDY_FILE else folder
    report = DataReport()
    if spec.import_report:
        append_import_report(folder / spec.import_report, report)
    services = load_services(
        folder / spec.services_file if spec.services_file else None
    )
    tell("读取行政区划", 0.02)
    divisions = _boundaries(spec, folder, report, accept_datum, accept_repairs)
    tell("读取路网", 0.15)
    roads = load_roads(
        spec.roads,
        folder=folder,
        report=report,
        profiles=PROFILES,
        walk_speed_mps=spec.parameters.walk_speed_mps,
    )
    walking = roads["walking"]
    check_network_cover(divisions, walking, file=spec.roads.file, report=report)
    tell("读取设施", 0.6)
    beside = RoadPlaces.along(walking)
    facilities = _facilities(
        replace(spec, as_of=as_of), folder, divisions, beside, report, accept_datum
    )
    _report_short_roads(spec, roads, facilities, report)
    tell("读取人口", 0.7)
    spec_in_wgs84, opened = _judge_people(
        spec, folder, divisions, beside, report, accept_datum
    )
    del beside
    divisions, demand = _people(
        spec_in_wgs84, folder, divisions, walking, report, tell, opened
    )
    tell("读取规划", 0.96)
    plan_inputs, divisions = load_plan_inputs(
        spec, divisions, folder=folder, services=services, report=report
    )
    tell("核对", 0.97)
    check_conservation(divisions, demand, report=report)
    tell("完成", 1.0)
    return Study(
        spec=replace(spec, as_of=as_of),
        name=spec.name,
        as_of=as_of,
        divisions=divisions,
        facilities=facilities,
        demand=demand,
        roads=roads,
        services=services,
        report=report,
        folder=folder,
        plan_inputs=plan_inputs,
    )


def _boundaries(
    spec: StudySpec,
    folder: Path,
    report: DataReport,
    accept_datum: bool,
    accept_repairs: bool,
) -> Any:
    """Return the divisions; read again where a detected datum is accepted."""

    def load(specs: tuple[BoundarySpec, ...]) -> tuple[Any, DataReport]:
        own = DataReport()
        found = load_boundaries(
            specs,
            folder=folder,
            code_system=spec.code_system,
            report=own,
            accept_repairs=accept_repairs,
        )
        return found, own

    divisions, own = load(spec.boundaries)
    judged = judge_boundaries(
        spec.boundaries, divisions, report=report, accept=accept_datum
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
    accept_datum: bool,
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
        spec.facilities, facilities, roads=beside, report=report, accept=accept_datum
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
    accept: bool,
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
            accept=accept,
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
