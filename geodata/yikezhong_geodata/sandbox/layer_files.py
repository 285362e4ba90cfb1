"""Layers of a study as files: what the child hands over, and what is kept of it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from yikezhong_coverage.records import RoadGraph
from yikezhong_geodata.data_report import DataReport, Finding, LayerCount
from yikezhong_geodata.plan_inputs import PlanInputs
from yikezhong_geodata.sandbox.frames import (
    ExchangeError,
    read_arrays,
    read_frame,
    write_arrays,
    write_frame,
)
from yikezhong_geodata.statistics import Statistic
from yikezhong_geodata.study_layers import LAYER_NAMES, PROFILES, LayerT

#: Written last: a layer without it is not whole.
REPORT_FILE: Final = "report.json"
_STATISTICS_FILE: Final = "statistics.json"


@dataclass(frozen=True, eq=False)
class FiledLayers:
    """Takes layers from files, and makes the others into files.

    Parameters
    ----------
    kept : mapping of str to Path
        Folders of the layers that need not be made.
    folder : Path
        Takes a folder for each layer that is made.
    report : DataReport
        Takes what all layers report.
    """

    kept: Mapping[str, Path]
    folder: Path
    report: DataReport = field(default_factory=DataReport)

    def layer(
        self, name: str, make: Callable[[DataReport], LayerT]
    ) -> Callable[[], LayerT]:
        """Return a call that gives the layer; one that is kept is read when asked."""
        if name in self.kept:
            place = self.kept[name]
            _extend(self.report, read_report(place))
            return cache(lambda: cast("LayerT", read_layer(name, place)))
        # a layer may count its rows by findings that were there before
        before = len(self.report.findings), len(self.report.counts)
        made = make(self.report)
        own = DataReport(
            self.report.findings[before[0] :], self.report.counts[before[1] :]
        )
        write_layer(name, made, own, self.folder / name)
        return lambda: made


def _extend(report: DataReport, other: DataReport) -> None:
    report.findings.extend(other.findings)
    report.counts.extend(other.counts)


def write_layer(name: str, made: Any, report: DataReport, folder: Path) -> None:
    """Write a layer as :class:`~yikezhong_geodata.study_layers.Layers` gives it."""
    folder.mkdir()
    if name in ("boundaries", "facilities"):
        write_frame(made, folder / "table.arrow")
    elif name == "roads":
        for profile, graph in made.items():
            arrays = {part.name: getattr(graph, part.name) for part in fields(graph)}
            write_arrays(arrays, folder / f"{profile}.arrow")
    elif name == "people":
        for part, frame in zip(("divisions", "demand"), made, strict=True):
            write_frame(frame, folder / f"{part}.arrow")
    elif name == "plans":
        inputs, divisions = made
        write_frame(divisions, folder / "divisions.arrow")
        if inputs.zones is not None:
            write_frame(inputs.zones, folder / "zones.arrow")
        _write_json([_plain(s) for s in inputs.statistics], folder / _STATISTICS_FILE)
    record = {
        "findings": [asdict(finding) for finding in report.findings],
        "counts": [asdict(count) for count in report.counts],
    }
    _write_json(record, folder / REPORT_FILE)


def read_layer(name: str, folder: Path) -> Any:
    """Return a layer as it was written; the plans themselves are not among it.

    Raises
    ------
    ExchangeError
        If a file is not there, or not as it was written.
    """
    if name in ("boundaries", "facilities"):
        return read_frame(folder / "table.arrow")
    if name == "roads":
        return {
            profile: _graph(read_arrays(folder / f"{profile}.arrow"))
            for profile in PROFILES
        }
    if name == "people":
        parts = ("divisions", "demand")
        return tuple(read_frame(folder / f"{part}.arrow") for part in parts)
    if name == "plans":
        zones = folder / "zones.arrow"
        inputs = PlanInputs(
            statistics=tuple(map(_statistic, _read_json(folder / _STATISTICS_FILE))),
            zones=read_frame(zones) if zones.exists() else None,
        )
        return inputs, read_frame(folder / "divisions.arrow")
    return None


def read_demand(folder: Path) -> Any:
    """Return the demand points of the layer ``people``."""
    return read_frame(folder / "demand.arrow")


def read_report(folder: Path) -> DataReport:
    """Return what a layer reported."""
    record = _read_json(folder / REPORT_FILE)
    return DataReport(
        [Finding(**finding) for finding in record["findings"]],
        [LayerCount(**count) for count in record["counts"]],
    )


def whole_layers(folder: Path) -> dict[str, Path]:
    """Return the layers in a folder that were written to their end."""
    return {
        name: folder / name
        for name in LAYER_NAMES
        if (folder / name / REPORT_FILE).is_file()
    }


def _graph(arrays: Mapping[str, Any]) -> RoadGraph:
    try:
        return RoadGraph(**arrays)
    except TypeError as error:
        raise ExchangeError("读取进程交回的路网不完整") from error


def _write_json(record: Any, path: Path) -> None:
    path.write_text(json.dumps(record), encoding="utf-8")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExchangeError("读取进程交回的报告已损坏", file=path.name) from error


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
