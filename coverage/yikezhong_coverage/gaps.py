"""Why people are without a service: one reason for each demand point and division.

At a limit, people are without a service for the first of these reasons that holds:

====================== ============================================================
``no_population_data`` how many people there are is not known
``no_road``            the point lies too far from every usable road
``no_route``           no road leads from the point to any facility of the service
``full``               facilities within the limit are full
``lacks_function``     a facility within the limit does not offer what is needed
``not_open``           a facility within the limit is not open yet, or closed
``too_far``            facilities are beyond the limit
====================== ============================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit
from numpy.typing import NDArray

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import (
    BoolArray,
    Divisions,
    FloatArray,
    IndexArray,
    IntArray,
    Nearest,
    Snapped,
)
from yikezhong_coverage.supply import Split

#: Reasons in the order of precedence, with their Chinese names.
REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no_population_data": "无人口数据",
        "no_road": "附近无道路",
        "no_route": "道路不通",
        "full": "容量不足",
        "lacks_function": "缺少所需功能",
        "not_open": "设施未开放",
        "too_far": "距离过远",
    }
)
_WORDS: Final = tuple(REASONS)


@dataclass(frozen=True, eq=False)
class Gaps:
    """Divisions with people without a service, in the order of the divisions.

    Parameters
    ----------
    division : ndarray of int32, shape (n_gap,)
        Index of the division.
    without : ndarray of float64, shape (n_gap,)
        People without the service [persons]; ``nan`` where no point of the division
        has known people.
    by_reason : ndarray of float64, shape (n_gap, 7)
        The same people by reason, columns in the order of :data:`REASONS`; they add
        up to ``without`` exactly. Unknown people count nowhere.
    unknown_points : ndarray of int64, shape (n_gap,)
        Demand points whose people are not known.
    reason : ndarray of str, shape (n_gap,)
        The reason of the most people, of equal ones the first in precedence;
        ``no_population_data`` where no people are known to be without.
    nearest_facility : ndarray of int32, shape (n_gap,)
        The facility nearest to any point with people without; -1 for none.
    nearest_time_s : ndarray of float64, shape (n_gap,)
        Its time, the best case of the division [s]; ``inf`` for none.
    typical_time_s : ndarray of float64, shape (n_gap,)
        Time within which half of the people without get to their nearest facility
        (the lower weighted median) [s]; ``inf`` where fewer than half get to one,
        ``nan`` where no people are known to be without.
    rank : ndarray of int64, shape (n_gap,)
        1 for the most people without; of equal ones the smaller code comes first,
        and gaps with unknown people come last.
    """

    division: IndexArray
    without: FloatArray
    by_reason: FloatArray
    unknown_points: IntArray
    reason: NDArray[np.str_]
    nearest_facility: IndexArray
    nearest_time_s: FloatArray
    typical_time_s: FloatArray
    rank: IntArray


def gap_reasons(
    split: Split,
    *,
    on_road: BoolArray,
    connected: BoolArray,
    time_s: FloatArray,
    lacking_time_s: FloatArray,
    not_open_time_s: FloatArray,
    limit_s: float,
) -> NDArray[np.str_]:
    """Return why the people of each demand point are without a service.

    Parameters
    ----------
    split : Split
        The people of the points; unknown people are ``nan``.
    on_road : ndarray of bool, shape (n_demand,)
        Whether the point was snapped to a road.
    connected : ndarray of bool, shape (n_demand,)
        Whether some road leads from the point to some facility of the service's
        categories, however far; see :func:`connected_to`. It tells ``no_route`` from
        ``too_far`` where ``time_s`` is ``inf`` for being above the largest time.
    time_s : ndarray of float64, shape (n_demand,)
        Time to the nearest facility that counts for the service [s].
    lacking_time_s : ndarray of float64, shape (n_demand,)
        Time to the nearest open facility of the categories that lacks a function [s].
    not_open_time_s : ndarray of float64, shape (n_demand,)
        Time to the nearest facility that would count but is planned or closed [s].
    limit_s : float
        Largest accepted time [s], inclusive.

    Returns
    -------
    ndarray of str, shape (n_demand,)
        A word of :data:`REASONS`; empty where everybody is covered (for a point
        with 0 people: where a facility is within the limit).

    Examples
    --------
    >>> inf, yes = np.inf, np.array([True, True])
    >>> split = Split(np.zeros(2), np.zeros(2), np.array([5.0, 5.0]))
    >>> gap_reasons(split, on_road=yes, connected=yes, time_s=np.array([1000, inf]),
    ...             lacking_time_s=np.array([inf, 300]),
    ...             not_open_time_s=np.array([inf, 200]), limit_s=900).tolist()
    ['too_far', 'lacks_function']
    """
    within = time_s <= limit_s
    unknown = np.isnan(split.covered)
    empty = split.people == 0
    without = unknown | (split.without > 0) | (empty & ~within)
    holds = (
        unknown,
        ~on_road,
        ~connected,
        split.full > 0,
        lacking_time_s <= limit_s,
        not_open_time_s <= limit_s,
    )
    reasons = np.select(list(holds), list(_WORDS[:-1]), default=_WORDS[-1])
    return np.where(without, reasons, "").astype(np.str_)


def connected_to(piece: IndexArray, demand: Snapped, facility: Snapped) -> BoolArray:
    """Return which demand points lie on a connected piece of road with a facility.

    One-way streets are not looked at: a point that is on the same piece but has no
    way through is counted as connected (and then as too far).

    Parameters
    ----------
    piece : ndarray of int32, shape (n_edge,)
        Connected piece of road of each edge; -1 for an edge nobody may use.
    demand : Snapped
        Points without an edge are never connected.
    facility : Snapped
        All facilities of the service's categories, also those that lack a function
        or are not open. Where not one is on a road nothing is cut off from
        anything: every point on a road counts as connected.

    Returns
    -------
    ndarray of bool, shape (n_demand,)

    Examples
    --------
    >>> def at(*edges):
    ...     blank = np.zeros(len(edges))
    ...     return Snapped(np.array(edges, dtype=np.int32), blank, blank, blank, blank)
    >>> piece = np.array([0, 0, 1], dtype=np.int32)
    >>> connected_to(piece, at(0, 1, 2, -1), at(1)).tolist()
    [True, True, False, False]
    """
    on_road = demand.edge >= 0
    facility_piece = np.unique(piece[facility.edge[facility.edge >= 0]])
    facility_piece = facility_piece[facility_piece >= 0]
    if len(facility_piece) == 0:
        return on_road
    found = np.zeros(len(demand), dtype=np.bool_)
    found[on_road] = np.isin(piece[demand.edge[on_road]], facility_piece)
    return found


def gaps_by_division(
    divisions: Divisions,
    unit: IndexArray,
    *,
    level: str,
    split: Split,
    reasons: NDArray[np.str_],
    nearest: Nearest,
) -> Gaps:
    """Collect the people without a service by division of one level.

    Two times are given, because a planner asks two things: how close is the closest
    (``nearest_*``: the smallest time among points with people without), and how it
    is for most (``typical_time_s``).

    Parameters
    ----------
    divisions : Divisions
    unit : ndarray of int32, shape (n_demand,)
        Division each point lies in; points at -1, and points that lie in nothing
        of this level, are left out.
    level : str
        ``community`` or any level above.
    split : Split
    reasons : ndarray of str, shape (n_demand,)
        From :func:`gap_reasons`.
    nearest : Nearest
        Nearest facility that counts for the service, of each point.

    Returns
    -------
    Gaps
        Divisions with people without, or with unknown people.
    """
    if not len(unit) == len(reasons) == len(split.covered) == len(nearest.time_s):
        raise InputError("需求点各数组的长度不一致")
    n_division = len(divisions.code)
    place = np.full(len(unit), -1, dtype=np.int32)
    place[unit >= 0] = divisions.ancestor_at(level)[unit[unit >= 0]]
    known = ~np.isnan(split.covered)
    point = np.flatnonzero((place >= 0) & (~known | (split.without > 0)))
    division, gap = np.unique(place[point], return_inverse=True)
    people = np.where(known[point], split.without[point], 0.0)

    n_known = np.bincount(place[(place >= 0) & known], minlength=n_division)
    blank = n_known[division] == 0
    by_reason = _people_by_reason(gap, reasons[point], people, n_gap=len(division))
    without = np.where(blank, np.nan, by_reason.sum(axis=1))
    # Of equal columns argmax takes the first: the first reason in precedence.
    reason = np.array(_WORDS, dtype=np.str_)[np.argmax(by_reason, axis=1)]
    order = _by_gap_and_time(nearest, point, gap, n_gap=len(division))
    first = order[np.searchsorted(gap[order], np.arange(len(division)))]
    largest_first = np.lexsort((divisions.code[division], -without))
    rank = np.empty(len(division), dtype=np.int64)
    rank[largest_first] = np.arange(1, len(division) + 1)
    return Gaps(
        division=division.astype(np.int32),
        without=without,
        by_reason=by_reason,
        unknown_points=np.bincount(gap[~known[point]], minlength=len(division)),
        reason=reason,
        nearest_facility=nearest.facility[point][first],
        nearest_time_s=nearest.time_s[point][first],
        typical_time_s=_median_time(
            order, gap, nearest.time_s[point], people, without=without
        ),
        rank=rank,
    )


def _people_by_reason(
    gap: IntArray, reasons: NDArray[np.str_], people: FloatArray, *, n_gap: int
) -> FloatArray:
    n_reason = len(_WORDS)
    column = np.full(len(reasons), -1)
    for i, word in enumerate(_WORDS):
        column[reasons == word] = i
    if (column < 0).any():
        raise InputError(
            f"缺口原因“{reasons[column < 0][0]}”不在约定的范围内",
            hint="原因应由 gap_reasons 按同一时限得出",
        )
    flat = np.bincount(
        gap * n_reason + column, weights=people, minlength=n_gap * n_reason
    )
    return flat.astype(np.float64).reshape(n_gap, n_reason)


def _by_gap_and_time(
    nearest: Nearest, point: IntArray, gap: IntArray, *, n_gap: int
) -> IntArray:
    """Return the order of the chosen points by (gap, time, facility).

    Points are sorted by time once for each result, and kept: a service is asked about
    at many limits and levels.
    """
    by_time = _ORDERS.get(nearest)
    if by_time is None:
        by_time = np.lexsort((nearest.facility, nearest.time_s))
        _ORDERS[nearest] = by_time
    place = np.full(len(by_time), -1, dtype=np.int64)
    place[point] = np.arange(len(point))
    chosen = place[by_time]
    order: IntArray = _group(chosen[chosen >= 0], gap, n_gap)
    return order


_ORDERS: WeakKeyDictionary[Nearest, IntArray] = WeakKeyDictionary()


@njit(cache=True)
def _group(order: IntArray, gap: IntArray, n_gap: int) -> IntArray:
    """Return an order sorted by gap, as it was within each gap."""
    start = np.zeros(n_gap + 1, dtype=np.int64)
    for i in order:
        start[gap[i] + 1] += 1
    start = np.cumsum(start)
    grouped = np.empty_like(order)
    for i in order:
        grouped[start[gap[i]]] = i
        start[gap[i]] += 1
    return grouped


def _median_time(
    order: IntArray,
    gap: IntArray,
    time_s: FloatArray,
    people: FloatArray,
    *,
    without: FloatArray,
) -> FloatArray:
    """Return the lower median of the times of each gap, weighted by people.

    ``order`` sorts the points by gap, then by time.
    """
    found = np.full(len(without), np.nan)
    order = order[people[order] > 0]
    gap, time_s, people = gap[order], time_s[order], people[order]
    up_to = np.cumsum(people)
    before = up_to - people
    start = np.searchsorted(gap, gap)
    at_half = 2 * (up_to - before[start]) >= without[gap]
    first = np.flatnonzero(at_half & (2 * (before - before[start]) < without[gap]))
    found[gap[first]] = time_s[first]
    return found
