"""One service at two walking speeds, computed from the result folder alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from yikezhong_app.progress import ProgressCall
from yikezhong_app.reading.records import to_rows
from yikezhong_app.runs.kept_study import read_study
from yikezhong_app.runs.measure import build_network, measure_service
from yikezhong_app.runs.plan_network import network_at, times_at
from yikezhong_app.runs.study_records import build_records
from yikezhong_app.scenarios.comparing import Pair, comparison_rows
from yikezhong_app.snapshots.snapshot import Snapshot
from yikezhong_app.tables.coverage import make_splitter
from yikezhong_app.web.queries import Level, Minutes, Word
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.records import Service
from yikezhong_geodata.study import Study

Speed = Annotated[float, Field(ge=0.3, le=2.5, allow_inf_nan=False)]


class SpeedRequest(BaseModel):
    """A service at two walking speeds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: Word
    minutes: Minutes | None = Field(None, description="时限 [分钟]；默认为服务自己的")
    level: Level | None = Field(None, description="层级；默认乡镇街道")
    before_mps: Speed = Field(description="步行速度 [米/秒]")
    after_mps: Speed = Field(description="与之比较的步行速度 [米/秒]")


def compare_speeds(
    snapshot: Snapshot, request: SpeedRequest, *, progress: ProgressCall
) -> dict[str, Any]:
    """Return the rates of a service at two walking speeds, and who gains and loses.

    Raises
    ------
    ParameterError
        If there is no such service, or nobody walks to it.
    """
    progress("读取成果", 0.0)
    study = read_study(snapshot)
    service = _service(snapshot, study, request)
    records = build_records(study, own_level=study.spec.parameters.own_level)
    progress("连接道路", 0.2)
    usual = build_network(
        study, study.roads[service.profile], parameters=study.spec.parameters
    )
    times = measure_service(
        study, service, usual, own=(records.demand_own, records.facility_own)
    )
    splitters = []
    for number, speed in enumerate((request.before_mps, request.after_mps)):
        progress(f"计算：{speed:g} 米/秒", 0.4 + 0.3 * number)
        network = network_at(usual, speed)
        found = times_at(times, network, records) if network is not usual else times
        splitters.append(make_splitter(study, records, found, network))
    pair = Pair(
        splitters[0],
        splitters[1],
        study.as_of.isoformat(),
        study.spec.parameters.area_people_share,
    )
    rows = pd.concat(comparison_rows(pair), ignore_index=True)
    names = study.divisions.set_index("code")["name"]
    rows.insert(2, "name", rows["code"].map(names))
    shown = rows[
        (rows["denominator"] == service.group) & (rows["variant"] == "with_neighbours")
    ]
    return {
        "version": snapshot.version,
        "as_of": str(snapshot.manifest["as_of"]),
        "notice": snapshot.manifest.get("notice") or None,
        "service": service.id,
        "service_name": service.name,
        "limit_s": service.limit_s,
        "denominator": service.group,
        "before_mps": request.before_mps,
        "after_mps": request.after_mps,
        "summary": _at(shown, shown["level"].iloc[0]),
        "items": _at(shown, _level(shown["level"].tolist(), request.level)),
    }


def _service(snapshot: Snapshot, study: Study, request: SpeedRequest) -> Service:
    known = {str(service["id"]) for service in snapshot.manifest["services"]}
    walked = {
        service.id: service
        for service in study.services
        if service.id in known and service.profile == "walking"
    }
    if request.service not in walked:
        raise ParameterError(
            f"没有步行可达的服务“{request.service}”",
            parameter="service",
            available=[*walked],
        )
    service = walked[request.service]
    if request.minutes is None:
        return service
    return replace(service, limit_s=float(request.minutes) * 60.0)


def _level(levels: Sequence[str], asked: str | None) -> str:
    """Return the level asked for, else townships, else the lowest."""
    wanted = asked or "township"
    return wanted if wanted in levels else levels[-1]


def _at(rows: pd.DataFrame, level: str) -> list[dict[str, Any]]:
    return to_rows(rows[rows["level"] == level])
