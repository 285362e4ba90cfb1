"""From a checked study to a snapshot: the one line every number comes along.

The study is cut into parts; the parts measure what is found on foot around them, then
each service is counted for all divisions, and the plans are valued last. Parts and
services are tasks of an engine: they may be done in any order, anywhere.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from yikezhong_app.engines.in_process import InProcess
from yikezhong_app.engines.tasks import Engine
from yikezhong_app.memory import release_memory
from yikezhong_app.progress import ProgressCall, part
from yikezhong_app.runs.array_files import digest
from yikezhong_app.runs.cutting import (
    TILE_REACH_M,
    cut_run,
    halo_m,
    listed_groups,
    usual_groups,
)
from yikezhong_app.runs.kept_study import KEY, keep_study
from yikezhong_app.runs.measure import (
    Network,
    applicable_services,
    build_network,
)
from yikezhong_app.runs.network_report import (
    report_facilities,
    report_networks,
    snap_status,
)
from yikezhong_app.runs.opened import forget_run
from yikezhong_app.runs.plan_network import TRIED_SPEEDS_MPS
from yikezhong_app.runs.results import collect_tables, fill_plans
from yikezhong_app.runs.run_data import RunData, write_run
from yikezhong_app.runs.run_terms import RunTerms
from yikezhong_app.runs.study_records import (
    StudyRecords,
    build_records,
    facility_unit,
)
from yikezhong_app.runs.waves import count_services, measure_parts
from yikezhong_app.runs.workspace import Workspace, open_workspace
from yikezhong_app.snapshots.manifest import build_manifest, source_hash
from yikezhong_app.snapshots.parquet_files import with_points
from yikezhong_app.snapshots.snapshot import Snapshot, write_snapshot
from yikezhong_app.snapshots.table_files import MadeTable, Table, TableFiles
from yikezhong_app.tables.networks import network_tables
from yikezhong_app.tables.plan_gaps import plan_gap_rows
from yikezhong_app.tables.plans import PlanTables
from yikezhong_app.tables.roads import road_rows
from yikezhong_coverage.graph import at_walking_speed
from yikezhong_coverage.records import Service
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.study import Study

#: How a run is cut: by a level, or by lists of codes; None: by county.
Cut = str | Sequence[Sequence[str]] | None


def _silent(step: str, fraction: float) -> None:
    """Take progress and show nothing."""


def run_study(
    study: Study,
    out_dir: Path,
    *,
    key: str = "",
    progress: ProgressCall = _silent,
    engine: Engine | None = None,
    cut: Cut = None,
    workspace: Workspace | None = None,
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
    engine : Engine, optional
        Where the tasks are done; by default in this process, so that a script needs
        no guard around it. The caller closes an engine that it gives.
    cut : str or sequence of sequences of str, optional
        Level, or groups of codes, that the run is cut by; the result is the same.
    workspace : Workspace, optional
        Where the tasks keep what they have made; by default the one of ``out_dir``.

    Raises
    ------
    TasksFailedError
        If a part fails twice; what the others have made is kept for the next run.
    """
    if workspace is None:
        with open_workspace(out_dir) as own:
            return run_study(
                study, out_dir, key=key, progress=progress,
                engine=engine, cut=cut, workspace=own,
            )  # fmt: skip
    tables, manifest = _compute(
        study, workspace, progress=progress, engine=engine, cut=cut, out_dir=out_dir
    )
    progress("写入成果", 0.9)
    snapshot = write_snapshot(out_dir, tables, manifest={**manifest, "run_key": key})
    workspace.remove_unused()
    return snapshot


def compute_tables(
    study: Study,
    *,
    progress: ProgressCall = _silent,
    engine: Engine | None = None,
    cut: Cut = None,
) -> tuple[dict[str, pd.DataFrame], dict[str, object]]:
    """Return the tables of a snapshot and its manifest, nothing published."""
    with open_workspace(None) as workspace:
        tables, manifest = _compute(
            study, workspace, progress=progress, engine=engine, cut=cut, out_dir=None
        )
        joined = {name: _frame(table) for name, table in tables.items()}
    return joined, manifest


def _frame(table: Table) -> pd.DataFrame:
    if isinstance(table, (TableFiles, MadeTable)):
        return table.frame()
    frame: pd.DataFrame = table.to_pandas() if isinstance(table, pa.Table) else table
    return frame


def _compute(
    study: Study,
    workspace: Workspace,
    *,
    progress: ProgressCall,
    engine: Engine | None,
    cut: Cut,
    out_dir: Path | None,
) -> tuple[dict[str, Table], dict[str, object]]:
    """Return the tables, the large ones as files, and the manifest."""
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
    plans = PlanTables(study, records, networks)
    report = DataReport()
    report_networks(study, networks, report)
    folder = workspace.run_folder()
    chosen = engine or InProcess()
    try:
        run = _write(study, records, networks, services, plans, folder, cut)
        release_memory()  # before others need theirs
        for service in services:
            eligibility = run.eligibility(service)
            report_facilities(study, service, eligibility, report)
        measured = measure_parts(
            run,
            workspace,
            chosen,
            out_dir=out_dir,
            progress=part(progress, 0.05, 0.4),
        )
        folders = count_services(
            run, measured, workspace, chosen, progress=part(progress, 0.4, 0.82)
        )
        tables = collect_tables(run, measured, folders, workspace)
        remedies = fill_plans(plans, folders)
    finally:
        chosen.rest()
        forget_run(folder)
        shutil.rmtree(folder, ignore_errors=True)
    plan_tables = plans.tables(progress=part(progress, 0.82, 0.87))
    if "indicators" in plan_tables:
        plan_tables["plan_gaps"] = plan_gap_rows(
            study, records, plan_tables["indicators"], remedies=remedies
        )
    progress("汇总", 0.87)
    manifest = build_manifest(study, services=services, dropped_services=dropped)
    found = {**tables, **_study_tables(study, networks, report), **plan_tables}
    return found, {**manifest, KEY: keep_study(study)}


def _write(
    study: Study,
    records: StudyRecords,
    networks: dict[str, Network],
    services: list[Service],
    plans: PlanTables,
    folder: Path,
    cut: Cut,
) -> RunData:
    """Write what the tasks need."""
    divisions, facilities = records.divisions, study.facilities
    if cut is None or isinstance(cut, str):
        groups = usual_groups(divisions, records.demand.unit, level=cut)
    else:
        groups = listed_groups(divisions, cut)
    parts = cut_run(
        divisions,
        study.divisions["name"].tolist(),
        demand=(records.demand.unit, records.demand.lon, records.demand.lat),
        facilities=(
            facility_unit(facilities, pd.Index(divisions.code)),
            facilities["lon"].to_numpy(np.float64),
            facilities["lat"].to_numpy(np.float64),
        ),
        groups=groups,
    )
    terms = _terms(study, plans, networks)
    return write_run(
        folder,
        terms=terms,
        services=tuple(services),
        divisions=study.divisions,
        facilities=facilities,
        records=records,
        networks=networks,
        parts=parts,
        source=source_hash(),
        hashes=_hashes(study, records, networks),
        reach_m=_reach_m(terms, services, networks),
    )


def _terms(study: Study, plans: PlanTables, networks: dict[str, Network]) -> RunTerms:
    parameters = study.spec.parameters
    speeds = plans.speeds_mps()
    return RunTerms(
        as_of=study.as_of.isoformat(),
        walk_speed_mps=parameters.walk_speed_mps,
        area_people_share=parameters.area_people_share,
        limits_min=parameters.limits_min,
        max_time_s={p: network.max_time_s for p, network in networks.items()},
        speeds_mps=TRIED_SPEEDS_MPS,
        asked={s: tuple(sorted(q)) for s, q in plans.network.asked.items()},
        plan_speeds_mps=dict.fromkeys(plans.network.asked, speeds),
        with_plans=bool(plans.entries),
    )


def _hashes(
    study: Study, records: StudyRecords, networks: dict[str, Network]
) -> dict[str, str]:
    """Return what stands in for large inputs in the names of results."""
    divisions, demand = records.divisions, records.demand
    found = {
        "records": digest(
            divisions.code, divisions.level, divisions.parent,
            *divisions.unknown.values(), *records.estimated.values(),
            demand.id, demand.lon, demand.lat, demand.unit,
            *demand.counts.values(), records.demand_own,
            study.divisions["name"].to_numpy(dtype=object).astype(np.str_),
            study.divisions["area_m2"].to_numpy(np.float64),
            *shapely.to_wkb(study.divisions.geometry.to_numpy()).tolist(),
        )
    }  # fmt: skip
    for profile, network in networks.items():
        graph, snapped = network.graph, network.demand
        found[profile] = digest(
            graph.edge_u, graph.edge_v, graph.edge_length_m,
            graph.edge_forward_s, graph.edge_backward_s, graph.vertex_start,
            graph.vertex_lon, graph.vertex_lat, network.usable,
            snapped.edge, snapped.along_m, snapped.leg_m,
        )  # fmt: skip
    return found


def _reach_m(
    terms: RunTerms, services: Sequence[Service], networks: dict[str, Network]
) -> dict[str, float]:
    """Return how far ways on foot may lead, and how far parts look around [m]."""
    walking = networks.get("walking")
    on_foot = [s for s in services if s.profile == "walking"]
    if walking is None:
        return {"halo": 0.0}

    def reach_m(speed_mps: float, time_s: float) -> float:
        graph = at_walking_speed(walking.graph, speed_mps)
        return halo_m(graph, time_s=time_s, leg_speed_mps=speed_mps)

    usual = terms.walk_speed_mps
    found = {f"{t:g}": reach_m(usual, t) for t in sorted({s.limit_s for s in on_foot})}
    longest_s = max((terms.limits_s(s)[-1] for s in on_foot), default=0.0)
    speeds = sorted({v for s in on_foot for v in terms.other_speeds_mps(s)})
    # a tile near a facility of the part is drawn by all facilities that reach it
    around = 2 * max(found.values(), default=0.0) + TILE_REACH_M
    halo = max(
        around,
        reach_m(usual, walking.max_time_s),
        *(reach_m(speed_mps, longest_s) for speed_mps in speeds),
    )
    return {**found, "halo": halo}


def without_shapes(demand: pd.DataFrame) -> pd.DataFrame:
    """Return demand points without their geometry, which ``lon`` and ``lat`` tell."""
    return pd.DataFrame(demand.drop(columns="geometry", errors="ignore"))


def _study_tables(
    study: Study, networks: dict[str, Network], report: DataReport
) -> dict[str, Table]:
    """Return the tables of the study itself, with where its points stand."""
    walking = networks.get("walking") or next(iter(networks.values()))
    facilities = study.facilities.copy()
    facilities["snap_m"] = walking.facility.leg_m
    facilities["snap_status"] = snap_status(walking, facilities, of="facilities")

    def demand() -> Iterator[pa.Table]:
        table = without_shapes(study.demand).assign(
            snap_m=walking.demand.leg_m,
            status=snap_status(walking, study.demand, of="demand"),
        )
        lon, lat = (table[name].to_numpy(np.float64) for name in ("lon", "lat"))
        yield with_points(table, lon, lat)

    tables = {
        "divisions": study.divisions,
        "facilities": facilities,
        "demand": MadeTable(len(study.demand), True, demand),
        "data_report": pd.concat(
            [study.report.frame(), report.frame()], ignore_index=True
        ),
        "roads": MadeTable(
            walking.graph.n_edge, True, partial(road_rows, walking.graph)
        ),
        "zones": study.plan_inputs.zones,
        **network_tables(networks),
    }
    return {name: table for name, table in tables.items() if table is not None}
