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
from yikezhong_coverage.rates import sum_up
from yikezhong_coverage.records import BoolArray, FloatArray
from yikezhong_coverage.remedies import (
    PointRemedies,
    point_remedies,
    remedies_by_division,
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
    records, split = splitter.records, points.split
    gaps = gaps_by_division(
        records.divisions,
        records.demand.unit,
        split=split,
        reasons=points.reasons,
        nearest=splitter.times.nearest[VARIANT],
    )
    if not len(gaps.division):
        return None
    table = _frame(splitter, gaps, limit_s=points.limit_s, facility_id=facility_id)
    elderly = points.elderly.without
    known = ~np.isnan(elderly)
    table["people_60_without"] = np.where(
        _sum(splitter, known.astype(np.float64), gaps) > 0,
        _sum(splitter, np.where(known, elderly, 0.0), gaps),
        np.nan,
    )
    found = remedies_by_division(
        points.remedies, records.divisions, records.demand.unit, split.without
    )
    table["remedy"] = found.remedy[gaps.division]
    table["remedy_facility_id"] = names_at(facility_id, found.facility[gaps.division])
    table["remedy_people"] = found.people[gaps.division]
    rows = gpd.GeoDataFrame(table, geometry=_at_people(splitter, gaps, split), crs=CRS)
    rank = np.array([LEVELS.index(level) for level in table["level"]])
    return rows.iloc[np.argsort(rank, kind="stable")]


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
            "reason": np.array(tuple(REASONS))[gaps.reason],
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


def _sum(splitter: Splitter, values: FloatArray, gaps: Gaps) -> FloatArray:
    """Return the sums of values of points in the divisions with a gap."""
    divisions, unit = splitter.records.divisions, splitter.records.demand.unit
    inside = unit >= 0
    own = np.bincount(
        unit[inside], weights=values[inside], minlength=len(divisions.code)
    )
    return sum_up(divisions, own.astype(np.float64))[gaps.division]


def _at_people(splitter: Splitter, gaps: Gaps, split: Split) -> gpd.GeoSeries:
    """Return where the people of each gap are."""
    demand = splitter.records.demand
    # Where people are unknown the plain mean of their places stands in.
    weight = np.where(np.isnan(split.without), 1e-6, split.without)
    total = _sum(splitter, weight, gaps)
    lon = _sum(splitter, weight * demand.lon, gaps) / total
    lat = _sum(splitter, weight * demand.lat, gaps) / total
    return gpd.GeoSeries(gpd.points_from_xy(lon, lat))
