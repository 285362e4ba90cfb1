"""A study: all of its layers, read, checked and joined."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from yikezhong_coverage.records import RoadGraph, Service
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.databases.working_copy import refuse_tables
from yikezhong_geodata.plan_inputs import PlanInputs
from yikezhong_geodata.services import load_services
from yikezhong_geodata.spec import STUDY_FILE, StudySpec, read_spec
from yikezhong_geodata.study_layers import (
    PROFILES,
    Consent,
    FreshLayers,
    Progress,
    make_layers,
)

__all__ = ("PROFILES", "Progress", "Study", "load_study")


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
    services = load_services(
        folder / spec.services_file if spec.services_file else None
    )
    spec = replace(spec, as_of=as_of)
    report = DataReport()
    made = make_layers(
        spec,
        folder=folder,
        services=services,
        layers=FreshLayers(report),
        consent=Consent(accept_datum, accept_repairs),
        tell=tell,
    )
    plan_inputs, divisions = made.plans()
    return Study(
        spec=spec,
        name=spec.name,
        as_of=as_of,
        divisions=divisions,
        facilities=made.facilities(),
        demand=made.people()[1],
        roads=made.roads(),
        services=services,
        report=report,
        folder=folder,
        plan_inputs=plan_inputs,
    )
