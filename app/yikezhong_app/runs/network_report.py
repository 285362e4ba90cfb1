"""Findings of a run: what could not be put on the roads, what could not be judged."""

from __future__ import annotations

import numpy as np
import pandas as pd

from yikezhong_app.runs.measure import Network, capacity_people
from yikezhong_coverage.eligibility import Eligibility
from yikezhong_coverage.records import Service
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.study import Study


def snap_status(network: Network, table: pd.DataFrame, *, of: str) -> np.ndarray:
    """Return ``ok``, ``no_road`` or ``no_point`` for demand or facilities."""
    snapped = network.demand if of == "demand" else network.facility
    status = np.where(snapped.edge >= 0, "ok", "no_road").astype(object)
    status[table["lon"].isna().to_numpy()] = "no_point"
    return status


def report_networks(
    study: Study, networks: dict[str, Network], report: DataReport
) -> None:
    """List demand points and facilities too far from every usable road."""
    for profile, network in networks.items():
        how = {"walking": "步行", "driving": "机动车"}[profile]
        status = snap_status(network, study.facilities, of="facilities")
        for place in np.flatnonzero(status == "no_road"):
            row = study.facilities.iloc[place]
            report.add(
                "facilities",
                row["file"],
                row["row"],
                row["id"],
                f"no_road_{profile}",
                message=f"附近没有可用的{how}道路，不参与路网时间计算",
            )
        if profile != "walking":
            continue
        status = snap_status(network, study.demand, of="demand")
        codes = study.demand["division_code"].to_numpy(dtype=object)
        for code, count in _count(codes[status == "no_road"]):
            report.add(
                "demand",
                "",
                None,
                code,
                "no_road",
                value=count,
                message=f"{count} 个需求点附近没有可用道路，计入分母，算作未覆盖",
            )


def report_facilities(
    study: Study, service: Service, eligibility: Eligibility, report: DataReport
) -> None:
    """List facilities that a service cannot judge: functions or capacity unknown."""
    capacity = capacity_people(service, study.facilities)
    unknown = {"functions_unknown": eligibility.unknown_functions}
    if capacity is not None:
        unknown["capacity_unknown"] = eligibility.eligible & np.isnan(capacity)
    words = {"functions_unknown": "服务功能", "capacity_unknown": "容量"}
    for problem, mask in unknown.items():
        for place in np.flatnonzero(mask):
            row = study.facilities.iloc[place]
            report.add(
                "facilities",
                row["file"],
                row["row"],
                row["id"],
                problem,
                value=service.id,
                message=f"{words[problem]}不明，未计入“{service.name}”",
            )


def _count(values: np.ndarray) -> list[tuple[str, int]]:
    names, counts = np.unique(values.astype(str), return_counts=True)
    return [(str(n), int(c)) for n, c in zip(names, counts, strict=True)]
