"""How a run is cut into parts: by county, or by any list of divisions.

A part owns divisions, the demand points in them and facilities. It sees the roads and
facilities around them as well (:func:`halo_m` says how far), so that its figures are
those of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import (
    Divisions,
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
)
from yikezhong_geodata.columns import LEVEL_NAMES, LEVELS

#: Level that runs are cut by where it is there.
USUAL_LEVEL: Final = "county"
#: Neighbours in the list of divisions are joined until a part has so many points: the
#: roads around a part are searched once for each part that they are near.
POINTS_PER_PART: Final = 30_000
#: What a tile of circles on foot and the band around its roads span at most [m].
TILE_REACH_M: Final = 2_500.0
#: Times are rounded to multiples of 2⁻³⁰ s: each edge may be off by half of one.
_TIME_SLACK_S: Final = 2.0**-31


@dataclass(frozen=True, eq=False)
class Part:
    """What one part of a run owns, as rows of the study's tables, ascending.

    Parameters
    ----------
    name : str
        Chinese name for progress and errors.
    divisions : ndarray of int64
        Divisions without anything below them.
    demand : ndarray of int64
    facilities : ndarray of int64
        Facilities whose circles it draws.
    """

    name: str
    divisions: IntArray
    demand: IntArray
    facilities: IntArray


def cut_run(
    divisions: Divisions,
    names: Sequence[str],
    *,
    demand: tuple[IndexArray, FloatArray, FloatArray],
    facilities: tuple[IndexArray, FloatArray, FloatArray],
    groups: Sequence[Sequence[int]],
) -> tuple[Part, ...]:
    """Cut a run by groups of divisions.

    Parameters
    ----------
    divisions : Divisions
    names : sequence of str
        Name of each division.
    demand, facilities : tuple of three ndarrays
        Division (-1: none), longitude and latitude of each point.
    groups : sequence of sequences of int
        Rows of the divisions that make up each part; what lies in none of them, and
        points without a division, go to the part whose points are nearest.

    Returns
    -------
    tuple of Part
        Without those that own nothing; every row is owned once.
    """
    groups = [group for group in groups if len(group)]
    n_division = len(divisions.code)
    owner = np.full(n_division, -1, dtype=np.int64)
    for number, rows in enumerate(groups):
        owner[list(rows)] = number
    for children in divisions.from_the_bottom[::-1]:  # from the top down
        parent = divisions.parent[children]
        owner[children] = np.where(owner[children] < 0, owner[parent], owner[children])
    if len(groups) == 0:
        owner[:] = 0
    finest = ~np.isin(np.arange(n_division), divisions.parent[divisions.parent >= 0])
    n_part = max(len(groups), 1)
    of_demand = _owner_of(owner, *demand, n_part=n_part, centres=None)
    centres = _centres(of_demand, demand[1], demand[2], n_part)
    of_demand = _owner_of(owner, *demand, n_part=n_part, centres=centres)
    of_facility = _owner_of(owner, *facilities, n_part=n_part, centres=centres)
    of_finest = np.where(finest, np.maximum(owner, 0), -1)
    parts = []
    for number in range(n_part):
        own = [names[row] for row in groups[number]] if len(groups) else ["全部"]
        more = f"等 {len(own)} 个区划" if len(own) > 1 else ""
        part = Part(
            f"{own[0]}{more}",
            np.flatnonzero(of_finest == number),
            np.flatnonzero(of_demand == number),
            np.flatnonzero(of_facility == number),
        )
        if len(part.divisions) or len(part.demand) or len(part.facilities):
            parts.append(part)
    return tuple(parts)


def usual_groups(
    divisions: Divisions, unit: IndexArray, *, level: str | None = None
) -> list[list[int]]:
    """Return the groups that a run is cut by unless something else is asked for.

    Parameters
    ----------
    divisions : Divisions
    unit : ndarray of int32, shape (n_demand,)
        Division of each demand point.
    level : str, optional
        Cut by every division of this level; by default counties are joined, in their
        order, until a group has :data:`POINTS_PER_PART` points.
    """
    if level is not None:
        rows = np.flatnonzero(divisions.level == level)
        if not len(rows):
            there = [LEVEL_NAMES[x] for x in LEVELS if x in set(divisions.level)]
            raise InputError(
                f"研究中没有“{LEVEL_NAMES.get(level, level)}”这一级，不能按它分块",
                hint=f"可用：{'、'.join(there)}",
            )
        return [[row] for row in rows.tolist()]
    owner = divisions.ancestor_at(USUAL_LEVEL)
    counted = np.bincount(
        np.append(owner[unit[unit >= 0]], -1) + 1, minlength=len(owner) + 1
    )[1:]
    groups: list[list[int]] = []
    n_point = POINTS_PER_PART
    for row in np.flatnonzero(divisions.level == USUAL_LEVEL).tolist():
        if n_point >= POINTS_PER_PART:
            groups.append([])
            n_point = 0
        groups[-1].append(row)
        n_point += int(counted[row])
    return groups


def listed_groups(
    divisions: Divisions, codes: Sequence[Sequence[str]]
) -> list[list[int]]:
    """Return the groups of a list of codes.

    Raises
    ------
    InputError
        If a code is not there, or a division stands in two groups.
    """
    place = {code: row for row, code in enumerate(divisions.code.tolist())}
    seen: set[int] = set()
    groups = []
    for group in codes:
        rows = []
        for code in group:
            row = place.get(code, place.get(code.ljust(12, "0")))
            if row is None:
                raise InputError(f"分块清单中的“{code}”不是研究中的区划")
            if row in seen:
                raise InputError(f"分块清单中“{code}”出现两次")
            seen.add(row)
            rows.append(row)
        groups.append(rows)
    return groups


def halo_m(graph: RoadGraph, *, time_s: float, leg_speed_mps: float) -> float:
    """Return how far from a point a way may lead that takes no longer than a time.

    Where lengths or times are stated, a road may be faster than people walk. A way
    uses an edge once at most: it leads no farther than a speed allows, and what the
    edges that are faster are longer than that. The speed is the one that makes the
    bound smallest.

    Returns
    -------
    float
        Metres, straight.
    """
    time = np.minimum(graph.edge_forward_s, graph.edge_backward_s) + _TIME_SLACK_S
    used = np.isfinite(time)
    time, longest = time[used], np.maximum(graph.edge_length_m, _drawn_m(graph))[used]
    spread_s = time_s + graph.n_edge * _TIME_SLACK_S
    speed = np.maximum(longest / time, leg_speed_mps)
    order = np.argsort(-speed, kind="stable")
    # of the edges in this order, so many together take no longer than the time
    n_fast = int(np.searchsorted(np.cumsum(time[order]), spread_s))
    chosen = speed[order[n_fast]] if n_fast < len(order) else leg_speed_mps
    more_m = np.maximum(longest - chosen * time, 0.0).sum()
    # one metre, and a hundredth, for the plane in which cells are measured
    return float(chosen * spread_s + more_m) * 1.01 + 1.0


def _drawn_m(graph: RoadGraph) -> FloatArray:
    """Return the length of each edge as it is drawn, never too short by much [m]."""
    lon, lat = np.radians(graph.vertex_lon), np.radians(graph.vertex_lat)
    if not len(lon):
        return np.zeros(0)
    east = np.diff(lon) * np.cos((lat[1:] + lat[:-1]) / 2)
    step = np.append(np.hypot(east, np.diff(lat)) * 6_378_137.0, 0.0)
    step[graph.vertex_start[1:] - 1] = 0.0
    found: FloatArray = np.add.reduceat(step, graph.vertex_start[:-1])
    return found if graph.n_edge else np.zeros(0)


def _owner_of(
    owner: IntArray,
    unit: IndexArray,
    lon: FloatArray,
    lat: FloatArray,
    *,
    n_part: int,
    centres: FloatArray | None,
) -> IntArray:
    """Return the part of each point: of its division, else with the nearest centre."""
    found = np.append(owner, -1)[unit]
    lost = np.flatnonzero(found < 0)
    if centres is None or not len(lost):
        return found
    x, y = (np.nan_to_num(values[lost], nan=0.0) for values in (lon, lat))
    nearest, number = np.full(len(lost), np.inf), np.zeros(len(lost), dtype=np.int64)
    for part in range(n_part):
        away = np.hypot(x - centres[part, 0], y - centres[part, 1])
        number[away < nearest] = part
        nearest = np.minimum(away, nearest)
    found[lost] = number
    return found


def _centres(
    of_point: IntArray, lon: FloatArray, lat: FloatArray, n_part: int
) -> FloatArray:
    """Return the mean place of each part's points; far away where it has none."""
    mine = of_point >= 0
    count = np.bincount(of_point[mine], minlength=n_part)
    centres = np.full((n_part, 2), 1e9)
    for axis, values in enumerate((lon, lat)):
        total = np.bincount(of_point[mine], weights=values[mine], minlength=n_part)
        centres[count > 0, axis] = (total / np.maximum(count, 1))[count > 0]
    return centres
