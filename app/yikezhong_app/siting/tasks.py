"""What the processes of the pool run: sitings and quick evaluations."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from yikezhong_app.progress import ProgressCall
from yikezhong_app.siting.ground import Ground, open_ground, refuse_capacity
from yikezhong_app.siting.plan_record import count_record, plan_record, township_rows
from yikezhong_app.siting.request import EvaluationRequest, SitingRequest
from yikezhong_app.siting.solve import solve_siting
from yikezhong_app.snapshots.snapshot import open_version
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.records import Snapped
from yikezhong_coverage.supply import split_by_time


def run_siting(payload: dict[str, Any], progress: ProgressCall) -> dict[str, Any]:
    """Compute a siting; ``payload`` holds out, version and request."""
    out_dir = Path(payload["out"])
    request = SitingRequest.model_validate(payload["request"])
    snapshot = open_version(out_dir, payload["version"])
    return plan_record(solve_siting(out_dir, snapshot, request, progress=progress))


def run_evaluation(payload: dict[str, Any], progress: ProgressCall) -> dict[str, Any]:
    """Value drawn sites and closed facilities; ``payload`` as for a siting."""
    started = time.monotonic()
    request = EvaluationRequest.model_validate(payload["request"])
    ground = open_ground(
        Path(payload["out"]),
        payload["version"],
        service=request.service,
        minutes=request.minutes,
        group=request.group,
        area=request.area,
    )
    refuse_capacity(ground, "试算只支持不限容量的服务")
    progress("读取成果", 0.5)
    ids = ground.snapshot.table("facilities")["id"]
    unknown = sorted(set(request.closed) - set(ids))
    if unknown:
        raise ParameterError(f"没有编号为“{unknown[0]}”的设施", parameter="closed")
    closed = ids.isin(list(request.closed)).to_numpy(np.bool_)
    lon, lat = np.array(request.sites, dtype=np.float64).reshape(-1, 2).T
    places = ground.snap(np.ascontiguousarray(lon), np.ascontiguousarray(lat))
    time_s = ground.time_with(places, without=closed)
    before = ground.start_split.covered
    after = split_by_time(ground.people, time_s, limit_s=ground.limit_s).covered
    return {
        "version": ground.snapshot.version,
        "as_of": ground.snapshot.manifest["as_of"],
        "notice": ground.snapshot.manifest.get("notice") or None,
        "service": ground.service.id,
        "service_name": ground.service.name,
        "minutes": ground.limit_s / 60.0,
        "limit_s": ground.limit_s,
        "group": ground.group,
        "before": count_record(ground, before),
        "after": count_record(ground, after),
        "townships": township_rows(ground, before, after),
        "sites": _drawn(ground, request, places),
        "seconds": round(time.monotonic() - started, 3),
    }


def _drawn(
    ground: Ground, request: EvaluationRequest, places: Snapped
) -> list[dict[str, Any]]:
    """Return each drawn site with the people who live within its reach."""
    reached = ground.reach(places)
    people = np.nan_to_num(ground.people)
    owner = np.repeat(np.arange(len(places)), np.diff(reached.start))
    within = np.bincount(
        owner, weights=people[reached.demand], minlength=len(places)
    ).tolist()
    return [
        {
            "lon": x,
            "lat": y,
            "on_road": bool(edge >= 0),
            "leg_m": float(leg) if edge >= 0 else None,
            "people_within": float(count),
        }
        for (x, y), edge, leg, count in zip(
            request.sites, places.edge, places.leg_m, within, strict=True
        )
    ]
