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
from yikezhong_coverage.rates import sum_up
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
    """Divisions with people without a service, at every level, in their order.

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
    reason : ndarray of int8, shape (n_gap,)
        The reason of the most people, of equal ones the first in precedence, as an
        index into :data:`REASONS`; ``no_population_data`` where no people are known
        to be without.
    nearest_facility : ndarray of int32, shape (n_gap,)
        The facility nearest to any point with people without; -1 for none.
    nearest_time_s : ndarray of float64, shape (n_gap,)
        Its time, the best case of the division [s]; ``inf`` for none.
    typical_time_s : ndarray of float64, shape (n_gap,)
        Time within which half of the people without get to their nearest facility
        (the lower weighted median) [s]; ``inf`` where fewer than half get to one,
        ``nan`` where no people are known to be without.
    rank : ndarray of int64, shape (n_gap,)
        1 for the most people without among the divisions of the same level; of equal
        ones the smaller code comes first, and gaps with unknown people come last.
    """

    division: IndexArray
    without: FloatArray
    by_reason: FloatArray
    unknown_points: IntArray
    reason: NDArray[np.int8]
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
) -> NDArray[np.int8]:
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
    ndarray of int8, shape (n_demand,)
        Index into :data:`REASONS`; -1 where everybody is covered (for a point with 0
        people: where a facility is within the limit).

    Examples
    --------
    >>> inf, yes = np.inf, np.array([True, True])
    >>> split = Split(np.zeros(2), np.zeros(2), np.array([5.0, 5.0]))
    >>> why = gap_reasons(split, on_road=yes, connected=yes,
    ...                   time_s=np.array([1000, inf]),
    ...                   lacking_time_s=np.array([inf, 300]),
    ...                   not_open_time_s=np.array([inf, 200]), limit_s=900)
    >>> [list(REASONS)[i] for i in why]
    ['too_far', 'lacks_function']
    """
    return _first_reasons(
        split.covered,
        split.full,
        split.out_of_reach,
        (on_road, connected),
        (time_s, lacking_time_s, not_open_time_s),
        limit_s,
    )


@njit(cache=True, nogil=True)
def _first_reasons(
    covered: FloatArray,
    full: FloatArray,
    out_of_reach: FloatArray,
    ways: tuple[BoolArray, BoolArray],
    times_s: tuple[FloatArray, FloatArray, FloatArray],
    limit_s: float,
) -> NDArray[np.int8]:
    """Return the first reason that holds at each point; the numbers of ``REASONS``."""
    on_road, connected = ways
    time_s, lacking_time_s, not_open_time_s = times_s
    reasons = np.full(len(covered), np.int8(-1))
    for i in range(len(covered)):
        without = full[i] + out_of_reach[i]
        if np.isnan(covered[i]):
            reasons[i] = 0
        elif without > 0 or (covered[i] + without == 0 and not time_s[i] <= limit_s):
            if not on_road[i]:
                reasons[i] = 1
            elif not connected[i]:
                reasons[i] = 2
            elif full[i] > 0:
                reasons[i] = 3
            elif lacking_time_s[i] <= limit_s:
                reasons[i] = 4
            elif not_open_time_s[i] <= limit_s:
                reasons[i] = 5
            else:
                reasons[i] = 6
    return reasons


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
    split: Split,
    reasons: NDArray[np.int8],
    nearest: Nearest,
) -> Gaps:
    """Collect the people without a service by division, at every level.

    Two times are given, because a planner asks two things: how close is the closest
    (``nearest_*``: the smallest time among points with people without), and how it
    is for most (``typical_time_s``).

    Parameters
    ----------
    divisions : Divisions
    unit : ndarray of int32, shape (n_demand,)
        Division each point lies in; points at -1 are left out.
    split : Split
    reasons : ndarray of int8, shape (n_demand,)
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
    known = ~np.isnan(split.covered)
    people = np.where(known, split.without, 0.0)
    gap = (unit >= 0) & (~known | (people > 0))
    by_reason = _people_by_reason(divisions, unit, reasons, people, gap=gap)
    n_gap = count_points(divisions, unit[gap])
    division = np.flatnonzero(n_gap)
    by_reason = by_reason[division]
    blank = count_points(divisions, unit[(unit >= 0) & known])[division] == 0
    without = np.where(blank, np.nan, by_reason.sum(axis=1))
    total = np.full(len(divisions.code), np.nan)
    total[division] = without
    first, median = _first_and_median(
        _order_by_time(nearest), unit, divisions.parent, gap, people, total
    )
    first, median = first[division], median[division]
    return Gaps(
        division=division.astype(np.int32),
        without=without,
        by_reason=by_reason,
        unknown_points=count_points(divisions, unit[gap & ~known])[division],
        # Of equal columns argmax takes the first: the first reason in precedence.
        reason=np.argmax(by_reason, axis=1).astype(np.int8),
        nearest_facility=nearest.facility[first],
        nearest_time_s=nearest.time_s[first],
        typical_time_s=np.append(nearest.time_s, np.nan)[median],
        rank=_rank(divisions, division, without),
    )


def count_points(divisions: Divisions, unit: IndexArray) -> IntArray:
    """Count points in every division and what lies below it.

    Parameters
    ----------
    divisions : Divisions
    unit : ndarray of int32, shape (n_point,)
        Division each point lies in, not negative.

    Returns
    -------
    ndarray of int64, shape (n_division,)
    """
    own = np.bincount(unit, minlength=len(divisions.code))
    return sum_up(divisions, own.astype(np.float64)).astype(np.int64)


def _people_by_reason(
    divisions: Divisions,
    unit: IndexArray,
    reasons: NDArray[np.int8],
    people: FloatArray,
    *,
    gap: BoolArray,
) -> FloatArray:
    """Return people by reason of every division, shape (n_division, n_reason)."""
    wrong = gap & ((reasons < 0) | (reasons >= len(_WORDS)))
    if wrong.any():
        raise InputError(
            f"缺口原因“{reasons[wrong][0]}”不在约定的范围内",
            hint="原因应由 gap_reasons 按同一时限得出",
        )
    flat = unit[gap].astype(np.int64) * len(_WORDS) + reasons[gap]
    size = len(divisions.code) * len(_WORDS)
    own = np.bincount(flat, weights=people[gap], minlength=size).astype(np.float64)
    return sum_up(divisions, own.reshape(-1, len(_WORDS)))


def _order_by_time(nearest: Nearest) -> IntArray:
    """Return the points by (time, facility), sorted once for each result.

    A service is asked about at many limits.
    """
    order = _ORDERS.get(nearest)
    if order is None:
        order = np.lexsort((nearest.facility, nearest.time_s))
        _ORDERS[nearest] = order
    return order


_ORDERS: WeakKeyDictionary[Nearest, IntArray] = WeakKeyDictionary()


@njit(cache=True, nogil=True)
def _first_and_median(
    order: IntArray,
    unit: IndexArray,
    parent: IndexArray,
    gap: BoolArray,
    people: FloatArray,
    total: FloatArray,
) -> tuple[IntArray, IntArray]:
    """Return the first gap point of each division in an order, and its middle one.

    The middle one is the lower median weighted by people, of those that have some;
    -1 where there is none.
    """
    first = np.full(len(parent), -1)
    median = np.full(len(parent), -1)
    up_to = np.zeros(len(parent))
    for i in order:
        if not gap[i]:
            continue
        division = unit[i]
        while division >= 0:
            if first[division] < 0:
                first[division] = i
            if median[division] < 0 and people[i] > 0:
                up_to[division] += people[i]
                if 2 * up_to[division] >= total[division]:
                    median[division] = i
            division = parent[division]
    return first, median


def _rank(divisions: Divisions, division: IntArray, without: FloatArray) -> IntArray:
    """Rank gaps within each level by people, then by code."""
    level = divisions.level[division]
    order = np.lexsort((divisions.code[division], -without, level))
    new = np.r_[True, level[order][1:] != level[order][:-1]][: len(order)]
    start = np.flatnonzero(new)
    place = np.arange(len(order)) - start[np.cumsum(new) - 1]
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = place + 1
    return rank
