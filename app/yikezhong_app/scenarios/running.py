"""Run a scenario against a baseline: only what the changes can touch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from yikezhong_app.progress import ProgressCall, part
from yikezhong_app.runs.kept_study import read_study
from yikezhong_app.runs.measure import (
    Network,
    applicable_services,
    build_network,
    measure_service,
)
from yikezhong_app.runs.study_records import StudyRecords, build_records
from yikezhong_app.scenarios.applying import (
    apply_scenario,
    carry_network,
    facility_changes,
)
from yikezhong_app.scenarios.comparing import (
    Pair,
    comparison_rows,
    indicator_changes,
    point_rows,
)
from yikezhong_app.scenarios.facility_changes import touched_categories
from yikezhong_app.scenarios.reading import Scenario, ScenarioError
from yikezhong_app.scenarios.storing import is_kept, read_manifest, write_result
from yikezhong_app.snapshots.manifest import input_hashes, software_versions
from yikezhong_app.snapshots.snapshot import Snapshot, open_current, open_version
from yikezhong_app.tables.coverage import Splitter, make_splitter
from yikezhong_app.tables.plans import PlanTables
from yikezhong_coverage.records import Service
from yikezhong_geodata.study import Study

_CATEGORICAL = ("level", "code", "service", "denominator", "profile", "variant")


@dataclass(frozen=True, eq=False)
class Side:
    """A study with its points on its roads: the baseline, or the scenario."""

    study: Study
    records: StudyRecords
    networks: dict[str, Network]

    def splitter(self, service: Service) -> Splitter:
        """Return the splitter of a service."""
        network = self.networks[service.profile]
        own = (self.records.demand_own, self.records.facility_own)
        times = measure_service(self.study, service, network, own=own)
        return make_splitter(self.study, self.records, times, network)


def run_scenario(
    study: Study,
    out_dir: Path,
    scenario: Scenario,
    *,
    progress: ProgressCall = lambda step, fraction: None,
) -> dict[str, Any]:
    """Compare a scenario with the current result of its study, and keep it beside it.

    Parameters
    ----------
    study : Study
        The study that the current result was made from.
    out_dir : Path
        Result folder.
    scenario : Scenario
    progress : callable
        Called with a step's Chinese name and the fraction done.

    Returns
    -------
    dict
        The manifest that was kept: id, baseline, summary, tables.

    Raises
    ------
    ScenarioError
        If the scenario does not fit the study, or the study is not the baseline's.
    """
    baseline = open_current(out_dir)
    _check_same_study(study, baseline)
    return _keep_scenario(study, out_dir, scenario, baseline, progress)


def run_kept_scenario(
    out_dir: Path,
    version: str,
    scenario: Scenario,
    *,
    progress: ProgressCall = lambda step, fraction: None,
) -> dict[str, Any]:
    """Compare a scenario with a version of a result, from the result folder alone.

    The numbers are those of :func:`run_scenario` on the study's folder, to the last
    bit.

    Raises
    ------
    ScenarioError
        If the scenario does not fit the study.
    StudyNotKeptError
        If the version does not hold what is needed.
    """
    baseline = open_version(out_dir, version)
    id_ = scenario.id_for(version)
    if is_kept(out_dir, id_):
        return read_manifest(out_dir, id_)
    progress("读取成果", 0.0)
    study = read_study(baseline)
    return _keep_scenario(study, out_dir, scenario, baseline, part(progress, 0.05, 1.0))


def _keep_scenario(
    study: Study,
    out_dir: Path,
    scenario: Scenario,
    baseline: Snapshot,
    progress: ProgressCall,
) -> dict[str, Any]:
    tables, manifest = compute_scenario(
        study, scenario, baseline=baseline, progress=part(progress, 0.0, 0.95)
    )
    progress("写入方案", 0.95)
    return write_result(out_dir, scenario, tables, manifest=manifest)


def compute_scenario(
    study: Study,
    scenario: Scenario,
    *,
    baseline: Snapshot,
    progress: ProgressCall = lambda step, fraction: None,
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Return the tables and the manifest of a scenario, nothing written."""
    progress("修改设施与道路", 0.0)
    changed = apply_scenario(study, scenario)
    services = affected_services(study, changed, scenario=scenario)
    before, after = make_sides(study, changed)
    comparison, points = compare_sides(
        before, after, services=services, progress=part(progress, 0.1, 0.8)
    )
    _check_start(comparison, baseline)
    tables = {"comparison": comparison, "points": points}
    if scenario.changes and "indicators" in baseline.table_names:
        found = _indicators(after, progress=part(progress, 0.8, 1.0))
        tables["indicators"] = indicator_changes(baseline.table("indicators"), found)
    manifest = {
        "name": scenario.name,
        "author": scenario.author,
        "note": scenario.note,
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "baseline_version": baseline.version,
        "as_of": baseline.manifest["as_of"],
        "study_name": study.name,
        "notice": study.spec.notice,
        "n_changes": len(scenario.changes),
        "services": [asdict(service) for service in services],
        "summary": summary_rows(comparison, services),
        "software": software_versions(),
    }
    kept = {name: table for name, table in tables.items() if table is not None}
    return kept, manifest


def affected_services(
    study: Study, changed: Study, *, scenario: Scenario
) -> list[Service]:
    """Return the services whose figures a scenario can change, in their order.

    A changed facility touches the services of its category, before and after; a
    changed road those of its network.
    """
    facilities = facility_changes(scenario)
    touched = touched_categories(
        study.facilities, changed.facilities, changes=facilities
    )
    profiles = {
        profile
        for profile, graph in changed.roads.items()
        if graph is not study.roads[profile]
    }
    computed: dict[str, Service] = {}
    for side in (study, changed):
        used, _ = applicable_services(
            side.services, facilities=side.facilities, profiles=tuple(side.roads)
        )
        computed |= {service.id: service for service in used}
    return [
        service
        for service in study.services
        if service.id in computed
        and (service.profile in profiles or touched & set(service.categories))
    ]


def make_sides(study: Study, changed: Study) -> tuple[Side, Side]:
    """Return the baseline and the scenario, with all their points on the roads."""
    parameters = study.spec.parameters
    networks = {
        profile: build_network(study, graph, parameters=parameters)
        for profile, graph in study.roads.items()
    }
    carried = {
        profile: carry_network(
            network,
            changed.roads[profile],
            facilities=(study.facilities, changed.facilities),
            demand=study.demand,
            parameters=parameters,
        )
        for profile, network in networks.items()
    }
    own_level = parameters.own_level
    return (
        Side(study, build_records(study, own_level=own_level), networks),
        Side(changed, build_records(changed, own_level=own_level), carried),
    )


def compare_sides(
    before: Side,
    after: Side,
    *,
    services: Sequence[Service],
    progress: ProgressCall = lambda step, fraction: None,
) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Return the tables ``comparison`` and ``points`` of some services.

    Returns
    -------
    comparison, points : DataFrame or None
        None where there is nothing to say.
    """
    rows, points = [], []
    share = before.study.spec.parameters.area_people_share
    for number, service in enumerate(services):
        progress(f"比较：{service.name}", number / len(services))
        pair = Pair(
            before.splitter(service),
            after.splitter(service),
            before.study.as_of.isoformat(),
            share,
        )
        rows += list(comparison_rows(pair))
        found = point_rows(pair, (before.study, after.study))
        if found is not None:
            points.append(found)
    if not rows:
        return None, None
    comparison = pd.concat(rows, ignore_index=True)
    names = before.study.divisions.set_index("code")["name"]
    comparison.insert(2, "name", comparison["code"].map(names))
    for name in _CATEGORICAL:
        comparison[name] = comparison[name].astype("category")
    return comparison, pd.concat(points, ignore_index=True) if points else None


def summary_rows(
    comparison: pd.DataFrame | None, services: Sequence[Service]
) -> list[dict[str, Any]]:
    """Return what changed at the highest level, a row for each service and division."""
    if comparison is None:
        return []
    found = []
    for service in services:
        rows = comparison[
            (comparison["service"] == service.id)
            & (comparison["denominator"] == service.group)
            & (comparison["variant"] == "with_neighbours")
        ]
        for row in rows[rows["level"] == rows["level"].iloc[0]].itertuples():
            found.append(
                {
                    "service": service.id,
                    "service_name": service.name,
                    "code": row.code,
                    "name": row.name,
                    "denominator": service.group,
                    **{
                        name: _known(getattr(row, name))
                        for name in (
                            "total", "covered_before", "covered_after",
                            "rate_before", "rate_after", "gained", "lost",
                        )
                    },
                }
            )  # fmt: skip
    return found


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _indicators(after: Side, *, progress: ProgressCall) -> pd.DataFrame:
    """Return the table ``indicators`` of a scenario."""
    plans = PlanTables(after.study, after.records, after.networks)
    used, _ = applicable_services(
        after.study.services,
        facilities=after.study.facilities,
        profiles=tuple(after.networks),
    )
    for service in used:
        if plans.limits_s(service.id):
            plans.add_service(after.splitter(service))
    return plans.tables(progress=progress)["indicators"]


def _check_same_study(study: Study, baseline: Snapshot) -> None:
    """Refuse a study that is not the one the baseline was made from."""
    manifest = baseline.manifest
    same_day = study.as_of.isoformat() == manifest["as_of"]
    if same_day and input_hashes(study.folder) == manifest["inputs"]:
        return
    raise ScenarioError(
        "成果不是由这个研究的当前文件、按同一评价日期算出的",
        hint="请先重新运行 yikezhong run，再计算方案",
    )


def _check_start(comparison: pd.DataFrame | None, baseline: Snapshot) -> None:
    """Refuse a start that is not the baseline's to the last bit."""
    if comparison is None:
        return
    keys = ["service", "limit_s", "denominator", "variant", "code"]
    texts = [name for name in keys if name != "limit_s"]
    stored = baseline.table("coverage")
    stored = stored[stored["service"].isin(set(comparison["service"]))]
    both = (
        comparison[[*keys, "covered_before"]]
        .astype(dict.fromkeys(texts, "str"))
        .merge(stored[[*keys, "covered"]].astype(dict.fromkeys(texts, "str")), on=keys)
    )
    one, other = both["covered_before"], both["covered"]
    if not ((one == other) | (one.isna() & other.isna())).all():
        raise ScenarioError(
            "方案的起点与成果不一致",
            hint="请用当前版本的程序重新运行 yikezhong run，再计算方案",
        )
