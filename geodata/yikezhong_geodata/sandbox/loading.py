"""Load a whole study in a child, and take it over."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from yikezhong_coverage.records import RoadGraph
from yikezhong_geodata.data_report import DataReport, Finding, LayerCount
from yikezhong_geodata.databases.working_copy import (
    errors_named,
    named_after_tables,
    table_names,
    working_study,
)
from yikezhong_geodata.plan_inputs import PlanInputs, load_plans
from yikezhong_geodata.sandbox.call import SandboxLimits, run_apart
from yikezhong_geodata.sandbox.frames import (
    read_arrays,
    read_frame,
    write_arrays,
    write_frame,
)
from yikezhong_geodata.services import load_services
from yikezhong_geodata.spec import STUDY_FILE, read_spec
from yikezhong_geodata.statistics import Statistic
from yikezhong_geodata.study import Progress, Study, load_study

_TASK: Final = "yikezhong_geodata.sandbox.loading:load_into_files"
_TABLES: Final = ("divisions", "facilities", "demand")
_REPORT: Final = "report.json"


def load_study_apart(
    folder: Path,
    *,
    as_of: dt.date,
    accept_datum: bool = False,
    accept_repairs: bool = False,
    progress: Progress | None = None,
    limits: SandboxLimits | None = None,
    workspace: Path | None = None,
) -> Study:
    """Read a study folder in a child process with bounds and without network.

    The arguments are those of :func:`~yikezhong_geodata.study.load_study`, and so is
    the result, to the last bit.

    Parameters
    ----------
    limits : SandboxLimits, optional
        What the child may take.
    workspace : Path, optional
        Where the files that are handed over are put for a moment; the system's
        temporary folder where it is left out.

    Raises
    ------
    InputError
        If a layer cannot be used, or the child died of it.
    """
    asked = {"accept_datum": accept_datum, "accept_repairs": accept_repairs}
    with (
        working_study(folder, progress=progress) as ready,
        tempfile.TemporaryDirectory(prefix="yikezhong-", dir=workspace) as name,
    ):
        payload = {"folder": str(ready.resolve()), "as_of": as_of.isoformat(), **asked}
        names = table_names(ready)
        with errors_named(names):
            answer = run_apart(
                _TASK,
                payload,
                folder=Path(name),
                limits=limits or SandboxLimits(),
                progress=progress,
            )
        study = _take_over(folder, Path(name), answer.value, as_of=as_of)
    study = named_after_tables(study, names)
    if not answer.isolated:
        report_open_network(study.report)
    return study


def report_open_network(report: DataReport) -> None:
    """Note that the files were read by a process that had the network."""
    report.add(
        "study", STUDY_FILE, None, None, "network_not_cut",
        message="本机系统不允许断开网络，读取文件的进程没有与网络隔离",
    )  # fmt: skip


def load_into_files(
    payload: dict[str, Any], folder: Path, tell: Callable[[str, float], None]
) -> dict[str, Any]:
    """Load a study and write it into files; the child's part."""
    study = load_study(
        Path(payload["folder"]),
        as_of=dt.date.fromisoformat(payload["as_of"]),
        accept_datum=payload["accept_datum"],
        accept_repairs=payload["accept_repairs"],
        progress=tell,
    )
    for name in _TABLES:
        write_frame(getattr(study, name), folder / f"{name}.arrow")
    for profile, graph in study.roads.items():
        arrays = {field.name: getattr(graph, field.name) for field in fields(graph)}
        write_arrays(arrays, folder / f"roads_{profile}.arrow")
    inputs = study.plan_inputs
    if inputs.zones is not None:
        write_frame(inputs.zones, folder / "zones.arrow")
    _write_report(study.report, folder)
    return {
        "profiles": list(study.roads),
        "zones": inputs.zones is not None,
        "statistics": [_plain(statistic) for statistic in inputs.statistics],
    }


def _write_report(report: DataReport, folder: Path) -> None:
    record = {
        "findings": [asdict(finding) for finding in report.findings],
        "counts": [asdict(count) for count in report.counts],
    }
    (folder / _REPORT).write_text(json.dumps(record), encoding="utf-8")


def _read_report(folder: Path) -> DataReport:
    record = json.loads((folder / _REPORT).read_text(encoding="utf-8"))
    return DataReport(
        [Finding(**finding) for finding in record["findings"]],
        [LayerCount(**count) for count in record["counts"]],
    )


def _take_over(
    folder: Path, files: Path, answer: dict[str, Any], *, as_of: dt.date
) -> Study:
    """Return the study out of the child's files; settings and plans are our own."""
    spec = read_spec(folder)
    folder = folder.parent if folder.name == STUDY_FILE else folder
    services = load_services(
        folder / spec.services_file if spec.services_file else None
    )
    tables = {name: read_frame(files / f"{name}.arrow") for name in _TABLES}
    roads: dict[str, Any] = {
        profile: read_arrays(files / f"roads_{profile}.arrow")
        for profile in answer["profiles"]
    }
    plan_inputs = PlanInputs(
        plans=load_plans(spec, folder=folder, services=services),
        statistics=tuple(_statistic(record) for record in answer["statistics"]),
        zones=read_frame(files / "zones.arrow") if answer["zones"] else None,
    )
    return Study(
        spec=replace(spec, as_of=as_of),
        name=spec.name,
        as_of=as_of,
        **tables,
        roads={profile: RoadGraph(**arrays) for profile, arrays in roads.items()},
        services=services,
        report=_read_report(files),
        folder=folder,
        plan_inputs=plan_inputs,
    )


def _plain(statistic: Statistic) -> dict[str, str | None]:
    return {
        name: None if value is None else str(value)
        for name, value in vars(statistic).items()
    }


def _statistic(record: dict[str, str | None]) -> Statistic:
    values: dict[str, Any] = dict(record)
    values["date"] = dt.date.fromisoformat(values["date"])
    for name in ("value", "numerator", "denominator"):
        if values[name] is not None:
            values[name] = Fraction(values[name])
    return Statistic(**values)
