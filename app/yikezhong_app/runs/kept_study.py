"""A study kept in its result, so that scenarios need nothing but the result folder.

The tables of a snapshot hold the divisions, facilities, demand and networks as they
were computed with. What else decides a number (all services, the registers of the
plans as this study reads them, imported figures) stands in the manifest under
:data:`KEY`. A study that is read back gives the same numbers to the last bit.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pandas as pd

from yikezhong_app.plan_words import plain_value
from yikezhong_app.snapshots.snapshot import (
    NETWORK_PREFIX,
    Snapshot,
    SnapshotCorruptError,
)
from yikezhong_app.tables.networks import read_graph
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import Service
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.plan_inputs import PlanInputs
from yikezhong_geodata.plans.check import SHIPPED
from yikezhong_geodata.plans.register import load_register
from yikezhong_geodata.spec import Parameters, RoadSpec, StudySpec
from yikezhong_geodata.statistics import Statistic
from yikezhong_geodata.study import PROFILES, Study

#: Member of a manifest that holds what the tables do not.
KEY: Final = "rerun"
#: What a run adds to the tables of the study.
_ADDED: Final = {
    "facilities": ["snap_m", "snap_status"],
    "demand": ["snap_m", "status"],
}
_EXACT: Final = ("value", "numerator", "denominator")


class StudyNotKeptError(InputError):
    """A result does not hold the study that it was made from."""


def keep_study(study: Study) -> dict[str, Any]:
    """Return what of a study no table holds, as plain values for the manifest."""
    spec = study.spec
    return {
        "services": [asdict(service) for service in study.services],
        "plan_files": {
            name: (study.folder / name).read_text(encoding="utf-8-sig")
            for name in spec.plans
            if name not in SHIPPED
        },
        "plan_parameters": plain_value(spec.plan_parameters),
        "statistics": [
            {
                **asdict(figure),
                "date": figure.date.isoformat(),
                **{name: _text(getattr(figure, name)) for name in _EXACT},
            }
            for figure in study.plan_inputs.statistics
        ],
    }


def read_study(snapshot: Snapshot) -> Study:
    """Return the study of a snapshot, without its folder.

    Raises
    ------
    StudyNotKeptError
        If the snapshot was written by a version that did not keep it.
    """
    manifest = snapshot.manifest
    kept = manifest.get(KEY)
    if kept is None:
        raise StudyNotKeptError(
            "这个成果版本没有保存计算方案所需的资料", hint="请重新运行 yikezhong run"
        )
    limits = tuple(manifest["parameters"]["limits_min"])
    services = tuple(map(as_service, kept["services"]))
    as_of = dt.date.fromisoformat(str(manifest["as_of"]))
    spec = StudySpec(
        name=str(manifest["name"]),
        boundaries=(),
        roads=RoadSpec(file=""),
        code_system=str(manifest["code_system"]),
        as_of=as_of,
        notice=manifest.get("notice"),
        plans=tuple(manifest["plans"]),
        parameters=Parameters(**{**manifest["parameters"], "limits_min": limits}),
        plan_parameters=kept["plan_parameters"],
    )
    zones = snapshot.table("zones") if "zones" in snapshot.table_names else None
    return Study(
        spec=spec,
        name=spec.name,
        as_of=as_of,
        divisions=snapshot.table("divisions"),
        facilities=snapshot.table("facilities").drop(columns=_ADDED["facilities"]),
        demand=snapshot.table("demand").drop(columns=_ADDED["demand"]),
        roads={
            profile: read_graph(snapshot, profile)
            for profile in PROFILES
            if f"{NETWORK_PREFIX}{profile}" in snapshot.table_names
        },
        services=services,
        report=_report(snapshot.table("data_report")),
        folder=snapshot.folder,
        plan_inputs=PlanInputs(
            _plans(spec, kept["plan_files"], services),
            tuple(_statistic(figure) for figure in kept["statistics"]),
            zones,
        ),
    )


def as_service(values: Mapping[str, Any]) -> Service:
    """Return a service of a manifest."""
    lists = {name: tuple(values[name]) for name in ("categories", "functions")}
    return Service(**{**values, **lists})


def _plans(
    spec: StudySpec, files: Mapping[str, str], services: tuple[Service, ...]
) -> Any:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        for name, text in files.items():
            path = (folder / name).resolve()
            if not path.is_relative_to(folder):
                raise SnapshotCorruptError("成果中的规划文件名有误", file=name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return load_register(
            spec.plans,
            folder=folder,
            services=[service.id for service in services],
            parameters=spec.plan_parameters,
        )


def _statistic(values: Mapping[str, Any]) -> Statistic:
    exact = {
        name: None if values[name] is None else Fraction(values[name])
        for name in _EXACT
    }
    date = dt.date.fromisoformat(values["date"])
    return Statistic(**{**values, **exact, "date": date})


def _report(table: pd.DataFrame) -> DataReport:
    """Return the findings of a table ``data_report`` that rules look at."""
    report = DataReport()
    for row in table.to_dict("records"):
        report.add(
            row["layer"], row["file"], None, row["id"], row["problem"], row["action"]
        )
    return report


def _text(value: Fraction | None) -> str | None:
    return None if value is None else str(value)
