"""From a checked study to a snapshot: the one line every number comes along."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from yikezhong_app.progress import ProgressCall, part
from yikezhong_app.runs.kept_study import KEY, keep_study
from yikezhong_app.runs.measure import (
    Network,
    applicable_services,
    build_network,
    measure_service,
)
from yikezhong_app.runs.network_report import (
    report_facilities,
    report_networks,
    snap_status,
)
from yikezhong_app.runs.plan_network import TRIED_SPEEDS_MPS, times_at
from yikezhong_app.runs.study_records import StudyRecords, build_records
from yikezhong_app.snapshots.manifest import build_manifest
from yikezhong_app.snapshots.snapshot import Snapshot, write_snapshot
from yikezhong_app.tables.circles import CircleMaker, covered_area_m2, union_row
from yikezhong_app.tables.coverage import (
    Splitter,
    add_coverage,
    add_times,
    coverage_parts,
    coverage_rows,
    limits_of,
    make_splitter,
)
from yikezhong_app.tables.gap_areas import gap_area_rows
from yikezhong_app.tables.gaps import (
    VARIANT,
    add_gaps,
    connected_demand,
    find_gap_points,
    gap_table,
)
from yikezhong_app.tables.networks import network_tables
from yikezhong_app.tables.parts import TableParts
from yikezhong_app.tables.plan_gaps import (
    ServiceRemedies,
    look_up_remedies,
    plan_gap_rows,
)
from yikezhong_app.tables.plans import PlanTables
from yikezhong_app.tables.roads import (
    RoadLengths,
    covered_road_m,
    measure_roads,
    road_rows,
)
from yikezhong_coverage.gaps import REASONS
from yikezhong_coverage.rates import Coverage, roll_up_lengths, roll_up_surfaces
from yikezhong_coverage.records import FloatArray, Service
from yikezhong_geodata.columns import LEVELS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.study import Study

#: Columns that repeat few values over many rows.
CATEGORICAL = (
    "level",
    "code",
    "service",
    "denominator",
    "profile",
    "variant",
    "as_of",
    "flags",
    "demand_id",
    "facility_id",
    "group",
    "reason",
    "nearest_facility_id",
    "remedy",
    "remedy_facility_id",
)


def _silent(step: str, fraction: float) -> None:
    """Take progress and show nothing."""


def run_study(
    study: Study, out_dir: Path, *, key: str = "", progress: ProgressCall = _silent
) -> Snapshot:
    """Compute every table of a study and publish them as one snapshot.

    Parameters
    ----------
    study : Study
        As :func:`yikezhong_geodata.study.load_study` returns it.
    out_dir : Path
        Result folder.
    key : str
        Hash of everything that decides the result, by which a later run sees that
        there is nothing to do.
    progress : callable
        Called with a step's Chinese name and the fraction done.
    """
    tables, manifest = _compute(study, progress=progress)
    progress("写入成果", 0.9)
    return write_snapshot(out_dir, tables, manifest={**manifest, "run_key": key})


def compute_tables(
    study: Study, *, progress: ProgressCall = _silent
) -> tuple[dict[str, pd.DataFrame], dict[str, object]]:
    """Return the tables of a snapshot and its manifest, nothing written."""
    tables, manifest = _compute(study, progress=progress)
    joined = {
        name: table.frame() if isinstance(table, TableParts) else table
        for name, table in tables.items()
    }
    return joined, manifest


def _compute(
    study: Study, *, progress: ProgressCall
) -> tuple[dict[str, pd.DataFrame | TableParts], dict[str, object]]:
    """Return the tables, the largest still in parts, and the manifest."""
    parameters = study.spec.parameters
    progress("连接道路", 0.0)
    services, dropped = applicable_services(
        study.services, facilities=study.facilities, profiles=tuple(study.roads)
    )
    networks = {
        profile: build_network(study, study.roads[profile], parameters=parameters)
        for profile in sorted({s.profile for s in services} | {"walking"})
        if profile in study.roads
    }
    records = build_records(study, own_level=parameters.own_level)
    # Shapely lets other threads work: circles are joined beside the counting.
    with ThreadPoolExecutor(max_workers=1) as joining:
        run = _Run(study, records, networks, joining)
        for number, service in enumerate(services):
            progress(f"计算：{service.name}", 0.1 + 0.72 * number / len(services))
            run.add_service(service)
    plan_tables = run.plans.tables(progress=part(progress, 0.82, 0.87))
    if "indicators" in plan_tables:
        found = plan_gap_rows(
            study,
            records,
            plan_tables["indicators"],
            remedies=run.remedies,
        )
        plan_tables["plan_gaps"] = found
    progress("汇总", 0.87)
    manifest = build_manifest(study, services=services, dropped_services=dropped)
    return {**run.tables(), **plan_tables}, {**manifest, KEY: keep_study(study)}


class _Run:
    """The tables of a run while they grow, service by service."""

    def __init__(
        self,
        study: Study,
        records: StudyRecords,
        networks: dict[str, Network],
        joining: ThreadPoolExecutor,
    ) -> None:
        self.study = study
        self.records = records
        self.networks = networks
        self.joining = joining
        self.as_of = study.as_of.isoformat()
        self.plans = PlanTables(study, records, networks)
        self.report = DataReport()
        self.circle_maker = CircleMaker(networks)
        self.roads: dict[str, RoadLengths] = {}
        code = records.divisions.code.tolist()
        facility = study.facilities["id"].tolist()
        demand = study.demand["id"].tolist()
        self.times = TableParts(demand_id=demand, facility_id=facility)
        self.coverage = coverage_parts(records)
        self.speeds = coverage_parts(records)
        self.gaps = TableParts(
            level=LEVELS,
            code=code,
            reason=REASONS,
            nearest_facility_id=facility,
            remedy_facility_id=facility,
        )
        self.remedies: ServiceRemedies = {}
        self.gap_areas: list[gpd.GeoDataFrame] = []
        self.circles: list[gpd.GeoDataFrame] = []
        report_networks(study, networks, self.report)

    def add_service(self, service: Service) -> None:
        """Compute everything about one service."""
        network = self.networks[service.profile]
        own = (self.records.demand_own, self.records.facility_own)
        times = measure_service(self.study, service, network, own=own)
        report_facilities(self.study, times, self.report)
        splitter = make_splitter(self.study, self.records, times, network)
        parameters = self.study.spec.parameters
        limits_s = limits_of(
            service.limit_s,
            parameters.limits_min,
            more_s=self.plans.limits_s(service.id),
        )
        circles = self.circle_maker.circles(
            service.profile, times.facilities, limit_s=service.limit_s
        )
        joined = self.joining.submit(self._join_circles, service, circles)
        add_times(self.times, times, network)
        for limit_s, variant, found in coverage_rows(
            splitter, limits_s=limits_s, share=parameters.area_people_share
        ):
            self._cover(splitter, found, limit_s=limit_s, variant=variant)
            self.plans.cover(service.id, found, limit_s=limit_s, variant=variant)
        self.plans.add_service(splitter)
        self._add_gaps(splitter, limits_s)
        self._add_speeds(splitter)
        self._add_lengths(splitter)
        self._add_surfaces(splitter, *joined.result())

    def _add_gaps(self, splitter: Splitter, limits_s: list[float]) -> None:
        """Add the gaps by division, and as places at the service's own limit."""
        facilities, service = self.study.facilities, splitter.times.service
        code = self.records.divisions.code.tolist()
        connected = connected_demand(splitter)
        for limit_s in limits_s:
            points = find_gap_points(
                splitter, facilities["status"], limit_s=limit_s, connected=connected
            )
            remedies = add_gaps(self.gaps, splitter, points=points)
            self.remedies[service.id, limit_s] = look_up_remedies(
                remedies, code, facilities["id"].tolist()
            )
            if limit_s == service.limit_s:
                areas = gap_area_rows(self.study, splitter, points)
                if areas is not None:
                    self.gap_areas.append(areas)

    def _cover(
        self, splitter: Splitter, coverage: Coverage, *, limit_s: float, variant: str
    ) -> None:
        add_coverage(
            self.coverage,
            splitter,
            limit_s=limit_s,
            variant=variant,
            coverage=coverage,
            as_of=self.as_of,
        )

    def _add_speeds(self, splitter: Splitter) -> None:
        """Add who would be covered at the other usual walking speeds."""
        times, parameters = splitter.times, self.study.spec.parameters
        service = times.service
        if service.profile != "walking":
            return
        for speed_mps in TRIED_SPEEDS_MPS:
            if speed_mps == splitter.network.leg_speed_mps:
                continue
            network = self.plans.network.network_at(service.profile, speed_mps)
            other = times_at(times, network, self.records, variants=[VARIANT])
            at_speed = make_splitter(self.study, self.records, other, network)
            for limit_s, variant, found in coverage_rows(
                at_speed,
                limits_s=limits_of(service.limit_s, parameters.limits_min),
                share=parameters.area_people_share,
                variants=[VARIANT],
            ):
                add_coverage(
                    self.speeds,
                    at_speed,
                    limit_s=limit_s,
                    variant=variant,
                    coverage=found,
                    as_of=self.as_of,
                )

    def _add_lengths(self, splitter: Splitter) -> None:
        """Add the share of road length within the service's own limit."""
        service, network = splitter.times.service, splitter.network
        divisions = self.records.divisions
        if service.profile not in self.roads:
            self.roads[service.profile] = measure_roads(
                network, self.finest, n_division=len(divisions.code)
            )
        lengths = self.roads[service.profile]
        covered_m = covered_road_m(
            network, splitter.times, lengths, limit_s=service.limit_s
        )
        found = roll_up_lengths(divisions, total_m=lengths.total_m, covered_m=covered_m)
        self._cover(splitter, found, limit_s=service.limit_s, variant="with_neighbours")

    def _join_circles(
        self, service: Service, circles: list[shapely.MultiPolygon]
    ) -> tuple[gpd.GeoDataFrame, FloatArray | None]:
        """Return the union of a service's circles, and what it covers [m²].

        Circles by car are too coarse to measure: None.
        """
        union = union_row(service, circles)
        if service.profile != "walking":
            return union, None
        return union, covered_area_m2(self.finest, union.geometry.iloc[0])

    def _add_surfaces(
        self,
        splitter: Splitter,
        union: gpd.GeoDataFrame,
        covered_m2: FloatArray | None,
    ) -> None:
        """Add the union of circles at the service's own limit, and its area."""
        self.circles.append(union)
        if covered_m2 is None:
            return
        divisions = self.records.divisions
        area_m2, covered = np.zeros((2, len(divisions.code)))
        area_m2[self.finest.index] = self.finest["area_m2"].to_numpy(np.float64)
        covered[self.finest.index] = covered_m2
        found = roll_up_surfaces(divisions, area_m2=area_m2, covered_m2=covered)
        limit_s = splitter.times.service.limit_s
        self._cover(splitter, found, limit_s=limit_s, variant="with_neighbours")

    @cached_property
    def finest(self) -> gpd.GeoDataFrame:
        """The divisions without anything below them, by their row number."""
        parent = self.records.divisions.parent
        table = self.study.divisions.reset_index(drop=True)
        return table[~np.isin(np.arange(len(table)), parent[parent >= 0])]

    def tables(self) -> dict[str, pd.DataFrame | TableParts]:
        """Return the tables of the snapshot."""
        walking = self.networks.get("walking") or next(iter(self.networks.values()))
        facilities, demand = self.study.facilities.copy(), self.study.demand.copy()
        facilities["snap_m"] = walking.facility.leg_m
        facilities["snap_status"] = snap_status(walking, facilities, of="facilities")
        demand["snap_m"] = walking.demand.leg_m
        demand["status"] = snap_status(walking, demand, of="demand")
        report = pd.concat(
            [self.study.report.frame(), self.report.frame()], ignore_index=True
        )
        tables = {
            "divisions": self.study.divisions,
            "facilities": facilities,
            "demand": demand,
            "times": self.times if len(self.times) else None,
            "coverage": self.coverage.frame() if len(self.coverage) else None,
            "coverage_speeds": self.speeds.frame() if len(self.speeds) else None,
            "gaps": gap_table(self.gaps),
            "gap_areas": _compact(self.gap_areas),
            "circles": _compact(
                [
                    *self.circles,
                    self.circle_maker.facility_rows(self.study.facilities["id"]),
                ]
            ),
            "data_report": report,
            "roads": road_rows(walking.graph),
            "zones": self.study.plan_inputs.zones,
            **network_tables(self.networks),
        }
        return {name: table for name, table in tables.items() if table is not None}


def _compact(parts: Sequence[pd.DataFrame]) -> pd.DataFrame | None:
    """Join tables and store their repeating texts once; None where there are none."""
    if not parts:
        return None
    table = pd.concat(parts, ignore_index=True)
    for name in CATEGORICAL:
        if name in table.columns:
            table[name] = table[name].astype("category")
    return table
