"""The snapshot's table ``gaps``: who is without a service, where and why."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from yikezhong_app.snapshots.parquet_files import with_points
from yikezhong_app.tables.coverage import Splitter
from yikezhong_app.tables.parts import TableParts
from yikezhong_coverage.gaps import (
    REASONS,
    Gaps,
    connected_to,
    gap_reasons,
    gaps_by_division,
)
from yikezhong_coverage.rates import sum_up
from yikezhong_coverage.records import BoolArray, FloatArray
from yikezhong_coverage.remedies import (
    PointRemedies,
    Remedies,
    point_remedies,
    remedies_by_division,
)
from yikezhong_coverage.supply import Split
from yikezhong_geodata.columns import LEVELS

VARIANT = "with_neighbours"


def connected_demand(splitter: Splitter) -> BoolArray:
    """Return which demand points have a way to any facility of the categories."""
    network, found = splitter.network, splitter.times.eligibility
    wanted = (
        found.eligible | found.lacks_function | found.not_open | found.unknown_functions
    )
    return connected_to(network.piece, network.demand, network.facility.take(wanted))


@dataclass(frozen=True, eq=False)
class GapPoints:
    """Who is without a service at a limit, and why, at every demand point.

    ``split`` is of the service's own group, ``elderly`` of people of 60 and more.
    """

    limit_s: float
    split: Split
    elderly: Split
    reasons: NDArray[np.int8]
    remedies: PointRemedies


def find_gap_points(
    splitter: Splitter, status: pd.Series, *, limit_s: float, connected: BoolArray
) -> GapPoints:
    """Return who is without a service, why, and what would help.

    Parameters
    ----------
    splitter : Splitter
        Of the service.
    status : Series of str
        Status of the study's facilities.
    limit_s : float
        Limit [s], inclusive.
    connected : ndarray of bool, shape (n_demand,)
        From :func:`connected_demand`.
    """
    times = splitter.times
    nearest = times.nearest[VARIANT]
    group = times.service.group
    split = splitter.split(group, variant=VARIANT, limit_s=limit_s)
    elderly = split
    if group != "people_60":
        elderly = splitter.split("people_60", variant=VARIANT, limit_s=limit_s)
    return GapPoints(
        limit_s=limit_s,
        split=split,
        elderly=elderly,
        reasons=gap_reasons(
            split,
            on_road=splitter.network.demand.edge >= 0,
            connected=connected,
            time_s=nearest.time_s,
            lacking_time_s=times.lacking.time_s,
            not_open_time_s=times.not_open.time_s,
            limit_s=limit_s,
        ),
        remedies=point_remedies(
            split,
            nearest=nearest,
            lacking=times.lacking,
            not_open=times.not_open,
            planned=(status == "planned").to_numpy(dtype=bool),
            limit_s=limit_s,
        ),
    )


def add_gaps(parts: TableParts, splitter: Splitter, *, points: GapPoints) -> Remedies:
    """Add the gaps of one service at one limit to the table ``gaps``.

    A row is a division with a gap, level by level from the top; its point, ``lon`` and
    ``lat``, is where the people without the service live (the mean of their places).

    Parameters
    ----------
    parts : TableParts
        Texts: ``level``, ``code`` and ``reason`` in their order,
        ``nearest_facility_id`` and ``remedy_facility_id`` in that of the study.
    splitter : Splitter
        Of the service.
    points : GapPoints

    Returns
    -------
    Remedies
        Of every division; empty where it has no gap.
    """
    records, split = splitter.records, points.split
    divisions, unit = records.divisions, records.demand.unit
    nearest = splitter.times.nearest[VARIANT]
    remedies = remedies_by_division(points.remedies, divisions, unit, split.without)
    gaps = gaps_by_division(
        divisions, unit, split=split, reasons=points.reasons, nearest=nearest
    )
    level = records.level_number[gaps.division]
    order = np.argsort(level, kind="stable")
    gaps = Gaps(*(getattr(gaps, f.name)[order] for f in fields(Gaps)))
    at = gaps.division
    if not len(at):
        return remedies
    lon, lat = _at_people(splitter, gaps, split)
    service = splitter.times.service
    prefix = f"{service.id}:{points.limit_s / 60:g}:"
    parts.add(
        id=np.array([prefix + code for code in divisions.code[at]], dtype=object),
        level=level[order],
        code=at,
        service=service.id,
        limit_s=points.limit_s,
        group=service.group,
        without=gaps.without,
        reason=gaps.reason,
        nearest_facility_id=gaps.nearest_facility,
        nearest_time_s=gaps.nearest_time_s,
        typical_time_s=gaps.typical_time_s,
        unknown_points=gaps.unknown_points,
        rank=gaps.rank,
        **{f"without_{r}": gaps.by_reason[:, i] for i, r in enumerate(REASONS)},
        people_60_without=_sum_known(splitter, points.elderly.without, gaps),
        remedy=remedies.remedy[at],
        remedy_facility_id=remedies.facility[at],
        remedy_people=remedies.people[at],
        lon=lon,
        lat=lat,
    )
    return remedies


def gap_parts(divisions: pd.DataFrame, facilities: pd.DataFrame) -> TableParts:
    """Return the table ``gaps`` without rows, of the study's own tables."""
    facility = facilities["id"].tolist()
    return TableParts(
        level=LEVELS,
        code=divisions["code"].tolist(),
        reason=REASONS,
        nearest_facility_id=facility,
        remedy_facility_id=facility,
    )


def gap_table(parts: TableParts) -> pa.Table | None:
    """Return the table ``gaps``; None where nobody is without anything."""
    if not len(parts):
        return None
    table = parts.frame()
    lon, lat = (table.pop(name).to_numpy(np.float64) for name in ("lon", "lat"))
    return with_points(table, lon, lat)


def _sum_known(splitter: Splitter, people: FloatArray, gaps: Gaps) -> FloatArray:
    """Return the known people in divisions with a gap; ``nan`` where none are."""
    known = ~np.isnan(people)
    n_known = _sum(splitter, known.astype(np.float64), gaps)
    total = _sum(splitter, np.where(known, people, 0.0), gaps)
    found: FloatArray = np.where(n_known > 0, total, np.nan)
    return found


def _sum(splitter: Splitter, values: FloatArray, gaps: Gaps) -> FloatArray:
    """Return the sums of values of points in the divisions with a gap."""
    divisions, unit = splitter.records.divisions, splitter.records.demand.unit
    inside = unit >= 0
    if not inside.all():
        unit, values = unit[inside], values[inside]
    own = np.bincount(unit, weights=values, minlength=len(divisions.code))
    return sum_up(divisions, own.astype(np.float64))[gaps.division]


def _at_people(
    splitter: Splitter, gaps: Gaps, split: Split
) -> tuple[FloatArray, FloatArray]:
    """Return where the people of each gap are: longitude and latitude."""
    demand = splitter.records.demand
    # Where people are unknown the plain mean of their places stands in.
    weight = np.where(np.isnan(split.without), 1e-6, split.without)
    total = _sum(splitter, weight, gaps)
    lon = _sum(splitter, weight * demand.lon, gaps) / total
    lat = _sum(splitter, weight * demand.lat, gaps) / total
    return lon, lat
