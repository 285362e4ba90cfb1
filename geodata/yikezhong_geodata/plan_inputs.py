"""What the plans of a study need beside its layers: registers, figures, zones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yikezhong_coverage.records import Service
from yikezhong_geodata.attributes import load_attributes
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.plans.register import Plan, load_register
from yikezhong_geodata.spec import StudySpec
from yikezhong_geodata.statistics import Statistic, load_statistics
from yikezhong_geodata.zones import load_zones


@dataclass(frozen=True, eq=False)
class PlanInputs:
    """The plans of a study and what only they use.

    Parameters
    ----------
    plans : tuple of Plan
        In the order of ``study.toml``, with the readings that it changes.
    statistics : tuple of Statistic
        Imported figures of all days.
    zones : GeoDataFrame or None
        From :func:`~yikezhong_geodata.zones.load_zones`.
    """

    plans: tuple[Plan, ...] = ()
    statistics: tuple[Statistic, ...] = ()
    zones: Any = None


def load_plan_inputs(
    spec: StudySpec,
    divisions: Any,
    *,
    folder: Path,
    services: Sequence[Service],
    report: DataReport,
) -> tuple[PlanInputs, Any]:
    """Read the plans of a study, its figures, zones and attributes of divisions.

    Parameters
    ----------
    spec : StudySpec
    divisions : GeoDataFrame
    folder : Path
        The study folder.
    services : sequence of Service
        Those that registers may name.
    report : DataReport
        Takes what is set aside.

    Returns
    -------
    PlanInputs
    GeoDataFrame
        The divisions with a column ``attr_<id>`` for each attribute that was found.
    """
    plans = load_plans(spec, folder=folder, services=services)
    known = [indicator.id for plan in plans for indicator in plan.indicators]
    statistics = load_statistics(
        spec.statistics,
        folder=folder,
        divisions=divisions,
        report=report,
        code_system=spec.code_system,
        known=known if plans else None,
    )
    zones = load_zones(spec.zones, folder=folder, report=report)
    if spec.attributes:
        attributes = load_attributes(
            spec.attributes,
            folder=folder,
            divisions=divisions,
            report=report,
            code_system=spec.code_system,
        )
        divisions = divisions.assign(**attributes)
    return PlanInputs(plans, statistics, zones), divisions


def load_plans(
    spec: StudySpec, *, folder: Path, services: Sequence[Service]
) -> tuple[Plan, ...]:
    """Return the plans that a study is judged by, with the readings it changes."""
    if not spec.plans:
        return ()
    return load_register(
        spec.plans,
        folder=folder,
        services=[service.id for service in services],
        parameters=spec.plan_parameters,
    )
