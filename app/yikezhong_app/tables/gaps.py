"""The snapshot's table ``gaps``: who is without a service, where and why."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yikezhong_app.runs.study_records import names_at
from yikezhong_app.tables.coverage import Splitter
from yikezhong_coverage.gaps import (
    REASONS,
    Gaps,
    connected_to,
    gap_reasons,
    gaps_by_division,
)
from yikezhong_coverage.graph import connected_pieces
from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray
from yikezhong_coverage.remedies import (
    PointRemedies,
    point_remedies,
    remedies_by_gap,
)
from yikezhong_coverage.supply import Split
from yikezhong_geodata.columns import CRS, LEVELS

VARIANT = "with_neighbours"


def connected_demand(splitter: Splitter) -> BoolArray:
    """Return which demand points have a way to any facility of the categories."""
    network, found = splitter.network, splitter.times.eligibility
    wanted = (
        found.eligible | found.lacks_function | found.not_open | found.unknown_functions
    )
    return connected_to(
        connected_pieces(network.graph).piece,
        network.demand,
        network.facility.take(wanted),
    )


@dataclass(frozen=True, eq=False)
class GapPoints:
    """Who is without a service at a limit, and why, at every demand point.

    ``split`` is of the service's own group, ``elderly`` of people of 60 and more.
    """

    limit_s: float
    split: Split
    elderly: Split
    reasons: NDArray[np.str_]
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


def gap_rows(
    splitter: Splitter, facility_id: pd.Series, *, points: GapPoints
) -> gpd.GeoDataFrame | None:
    """Return the gaps of one service at one limit, for every level present.

    Parameters
    ----------
    splitter : Splitter
        Of the service.
    facility_id : Series of str
        Ids of the study's facilities.
    points : GapPoints

    Returns
    -------
    GeoDataFrame or None
        A row for each division with a gap; the point is where the people without
        the service live (the mean of their places). None where there is no gap.
    """
    times, records = splitter.times, splitter.records
    frames = []
    for level in LEVELS:
        if not (records.divisions.level == level).any():
            continue
        gaps = gaps_by_division(
            records.divisions,
            records.demand.unit,
            level=level,
            split=points.split,
            reasons=points.reasons,
            nearest=times.nearest[VARIANT],
        )
        if len(gaps.division):
            place = _division_of_points(splitter, level)
            table = _frame(
                splitter, gaps, limit_s=points.limit_s, facility_id=facility_id
            )
            table["people_60_without"] = _sum_known(
                points.elderly.without, place, gaps.division
            )
            _add_remedies(table, gaps, place, points, facility_id=facility_id)
            frames.append(_at_people(splitter, table, gaps, place, points.split))
    return pd.concat(frames, ignore_index=True) if frames else None


def _frame(
    splitter: Splitter, gaps: Gaps, *, limit_s: float, facility_id: pd.Series
) -> pd.DataFrame:
    divisions, service = splitter.records.divisions, splitter.times.service
    code = divisions.code[gaps.division]
    table = pd.DataFrame(
        {
            "id": [f"{service.id}:{limit_s / 60:g}:{c}" for c in code],
            "level": divisions.level[gaps.division],
            "code": code,
            "service": service.id,
            "limit_s": limit_s,
            "group": service.group,
            "without": gaps.without,
            "reason": gaps.reason,
            "nearest_facility_id": names_at(facility_id, gaps.nearest_facility),
            "nearest_time_s": gaps.nearest_time_s,
            "typical_time_s": gaps.typical_time_s,
            "unknown_points": gaps.unknown_points,
            "rank": gaps.rank,
        }
    )
    for column, reason in enumerate(REASONS):
        table[f"without_{reason}"] = gaps.by_reason[:, column]
    return table


def _add_remedies(
    table: pd.DataFrame,
    gaps: Gaps,
    place: IndexArray,
    points: GapPoints,
    *,
    facility_id: pd.Series,
) -> None:
    """Add the cheapest remedy of each gap, its facility, and whom it would help."""
    n_gap = len(gaps.division)
    number = np.full(int(max(place.max(), gaps.division.max())) + 2, -1, np.int32)
    number[gaps.division] = np.arange(n_gap, dtype=np.int32)
    found = remedies_by_gap(
        points.remedies, number[place], points.split.without, n_gap=n_gap
    )
    table["remedy"] = found.remedy
    table["remedy_facility_id"] = names_at(facility_id, found.facility)
    table["remedy_people"] = found.people


def _division_of_points(splitter: Splitter, level: str) -> IndexArray:
    """Return the division of each demand point at a level; -1 for none."""
    unit = splitter.records.demand.unit
    above = np.append(splitter.records.divisions.ancestor_at(level), -1)
    return above[unit].astype(np.int32)


def _sum_known(
    people: FloatArray, place: IndexArray, divisions: IndexArray
) -> FloatArray:
    """Return the known people of some divisions; ``nan`` where none are known."""
    counted = (place >= 0) & ~np.isnan(people)
    size = int(divisions.max()) + 1
    counted &= place < size
    total = np.bincount(place[counted], weights=people[counted], minlength=size)
    n_known = np.bincount(place[counted], minlength=size)
    found: FloatArray = np.where(n_known[divisions] > 0, total[divisions], np.nan)
    return found


def _at_people(
    splitter: Splitter,
    table: pd.DataFrame,
    gaps: Gaps,
    place: IndexArray,
    split: Split,
) -> gpd.GeoDataFrame:
    """Put each gap where its people are."""
    demand = splitter.records.demand
    without = np.where(np.isnan(split.without), 0.0, split.without)
    unknown = np.isnan(split.without)
    # Where people are unknown the plain mean of their places stands in.
    weight = np.where(unknown, 1e-6, without)
    total = _sum_known(weight, place, gaps.division)
    lon = _sum_known(weight * demand.lon, place, gaps.division) / total
    lat = _sum_known(weight * demand.lat, place, gaps.division) / total
    return gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(lon, lat), crs=CRS)
