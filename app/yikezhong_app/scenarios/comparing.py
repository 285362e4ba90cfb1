"""Before and after: rates of every division, people gained and lost, where they live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from yikezhong_app.runs.study_records import names_at
from yikezhong_app.tables.coverage import (
    Splitter,
    add_coverage,
    coverage_parts,
    coverage_rows,
)
from yikezhong_coverage.rates import AREA_DENOMINATORS, Coverage, roll_up, sum_up
from yikezhong_coverage.records import FloatArray
from yikezhong_coverage.supply import Split
from yikezhong_geodata.columns import CRS
from yikezhong_geodata.study import Study

_COUNTS = ("covered", "full", "out_of_reach", "rate")
#: Columns that are the same before and after.
_KEYS = (
    "level",
    "code",
    "service",
    "limit_s",
    "denominator",
    "profile",
    "variant",
    "total",
)


@dataclass(frozen=True, eq=False)
class Pair:
    """A service before and after."""

    before: Splitter
    after: Splitter
    as_of: str
    share: float

    @property
    def limit_s(self) -> float:
        """The service's own limit [s]."""
        return self.before.times.service.limit_s


def comparison_rows(pair: Pair) -> Iterator[pd.DataFrame]:
    """Yield the rows of one service of the table ``comparison``.

    At the service's own limit, for both variants and all denominators of people and
    areas. ``gained`` and ``lost`` count people (areas) that are covered after and
    not before, and the other way round; ``gained - lost`` is the difference of the
    covered, exactly.
    """
    limits_s = [pair.limit_s]
    before = coverage_rows(pair.before, limits_s=limits_s, share=pair.share)
    after = coverage_rows(pair.after, limits_s=limits_s, share=pair.share)
    for (limit_s, variant, one), (_, _, other) in zip(before, after, strict=True):
        frames = []
        for splitter, found in ((pair.before, one), (pair.after, other)):
            parts = coverage_parts(splitter.records)
            add_coverage(
                parts, splitter, limit_s=limit_s, variant=variant, coverage=found,
                as_of=pair.as_of,
            )  # fmt: skip
            frames.append(parts.frame())
        table = frames[0][list(_KEYS)].copy()
        for name in _COUNTS:
            table[f"{name}_before"] = frames[0][name]
            table[f"{name}_after"] = frames[1][name]
        table["rate_change"] = table["rate_after"] - table["rate_before"]
        gained, lost = _gained_lost(pair, one, other, variant=variant)
        divisions = pair.before.records.divisions
        shown = pd.Index(divisions.code).get_indexer(pd.Index(table["code"]))
        table["gained"], table["lost"] = gained[shown], lost[shown]
        table["flags"] = frames[1]["flags"]
        yield table


def _gained_lost(
    pair: Pair, one: Coverage, other: Coverage, *, variant: str
) -> tuple[FloatArray, FloatArray]:
    """Return who is covered only after, and only before, by division."""
    records = pair.before.records
    denominator = one.denominator
    if denominator in AREA_DENOMINATORS:
        here = records.divisions.level == AREA_DENOMINATORS[denominator]
        change = np.where(here, other.covered - one.covered, 0.0)
        return (
            sum_up(records.divisions, np.maximum(change, 0.0)),
            sum_up(records.divisions, np.maximum(-change, 0.0)),
        )
    gained, lost = changed_people(pair, denominator, variant=variant)
    found = roll_up(
        records.divisions,
        records.demand.unit,
        split=Split(gained, np.zeros(len(gained)), lost),
        group=denominator,
    )
    return found.covered, found.out_of_reach


def changed_people(
    pair: Pair, group: str, *, variant: str
) -> tuple[FloatArray, FloatArray]:
    """Return people of each point who are covered only after, and only before."""
    covered = [
        splitter.split(group, variant=variant, limit_s=pair.limit_s).covered
        for splitter in (pair.before, pair.after)
    ]
    change = covered[1] - covered[0]
    return np.maximum(change, 0.0), np.maximum(-change, 0.0)


def point_rows(pair: Pair, studies: tuple[Study, Study]) -> gpd.GeoDataFrame | None:
    """Return the demand points where a service gains or loses people.

    Returns
    -------
    GeoDataFrame or None
        Of the service's own group, over all facilities; None where nothing changes.
    """
    service, variant = pair.before.times.service, "with_neighbours"
    gained, lost = changed_people(pair, service.group, variant=variant)
    at = np.flatnonzero((gained > 0) | (lost > 0))
    if len(at) == 0:
        return None
    demand = pair.before.records.demand
    table = pd.DataFrame(
        {
            "demand_id": demand.id[at],
            "service": service.id,
            "limit_s": pair.limit_s,
            "group": service.group,
            "gained": gained[at],
            "lost": lost[at],
        }
    )
    for word, splitter, study in zip(
        ("before", "after"), (pair.before, pair.after), studies, strict=True
    ):
        nearest = splitter.times.nearest[variant]
        table[f"time_{word}_s"] = nearest.time_s[at]
        table[f"facility_{word}_id"] = names_at(
            study.facilities["id"], nearest.facility[at]
        )
    points = gpd.points_from_xy(demand.lon[at], demand.lat[at])
    return gpd.GeoDataFrame(table, geometry=points, crs=CRS)


def indicator_changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return the indicators whose verdict or value is not what it was.

    Parameters
    ----------
    before, after : DataFrame
        Tables ``indicators``.

    Returns
    -------
    DataFrame
        ``turned`` marks those whose verdict changed.
    """
    keys = ["indicator_id", "level", "code"]
    figures = ["value", "status", "missing_units"]
    about = ["name", "plan", "target", "comparison"]
    both = before[[*keys, *about, *figures]].merge(
        after[[*keys, *figures]], on=keys, suffixes=("_before", "_after")
    )
    turned = both["status_before"].astype(str) != both["status_after"].astype(str)
    values = both[["value_before", "value_after"]].astype(float)
    same = (values["value_before"] == values["value_after"]) | values.isna().all(axis=1)
    both["turned"] = turned
    return both[turned | ~same].reset_index(drop=True)
