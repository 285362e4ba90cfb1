"""Who is covered, who finds the facility full, who is out of reach.

Two ways to split the people of a demand point, with one result, :class:`Split`:

- without capacity (:func:`split_by_time`), everybody within the limit is covered;
- with capacity (:func:`fill`), pairs of demand and facility are filled in the order
  of (time, demand index, facility index) until the people or the places run out.

Where pairs are too many to be held at once, :func:`fill_in_bands` looks for them from the
nearest on, and only for people without a place and facilities that still have one.

People are multiples of 2⁻²⁰, so they are counted in whole quanta here and the three
parts of every split add up to the whole exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.exact import PEOPLE_QUANTUM
from yikezhong_coverage.records import FloatArray, IndexArray, IntArray, Reach

FindPairs = Callable[[IntArray, IntArray, float], Reach]
"""Finds the pairs of some demand points and some facilities within a limit [s]."""

#: The first band is this share of the largest limit: one pair of some two hundred.
_FIRST_SHARE: Final = 16.0
#: How much farther than the last a band may reach.
_LEAST_GROWTH: Final = 1.1
_MOST_GROWTH: Final = 2.0

#: The largest count that is still exact in float64 with this quantum [quanta].
_MOST = 2**53


@dataclass(frozen=True, eq=False)
class Split:
    """The people of one group at each demand point, in three parts.

    ``covered + full + out_of_reach`` equals the people of the point exactly; all
    three are ``nan`` where the people are not known.

    Parameters
    ----------
    covered : ndarray of float64, shape (n_demand,)
        Served people, or people within the limit for a service without capacity.
    full : ndarray of float64, shape (n_demand,)
        People who reach a facility within the limit but find no place in any.
    out_of_reach : ndarray of float64, shape (n_demand,)
        People without a facility within the limit.
    """

    covered: FloatArray
    full: FloatArray
    out_of_reach: FloatArray

    @property
    def people(self) -> FloatArray:
        """The whole: people of each point [persons]."""
        return self.covered + self.full + self.out_of_reach

    @property
    def without(self) -> FloatArray:
        """People of each point that are not covered [persons]."""
        return self.full + self.out_of_reach


@dataclass(frozen=True, eq=False)
class Served:
    """The result of filling facilities up to their capacity.

    Parameters
    ----------
    split : Split
        Of each demand point.
    by_facility : ndarray of float64, shape (n_facility,)
        Load: people served by each facility [persons]; ``nan`` where its capacity
        is not known.
    pair_demand, pair_facility : ndarray of int32, shape (n_pair,)
        Who goes where, in the order in which places were given.
    pair_people : ndarray of float64, shape (n_pair,)
        People of the pair [persons], positive.
    """

    split: Split
    by_facility: FloatArray
    pair_demand: IndexArray
    pair_facility: IndexArray
    pair_people: FloatArray


def split_by_time(people: FloatArray, time_s: FloatArray, *, limit_s: float) -> Split:
    """Split people by travel time alone: nothing is ever full.

    Parameters
    ----------
    people : ndarray of float64, shape (n_demand,)
        People at each point [persons], non-negative; ``nan`` is unknown.
    time_s : ndarray of float64, shape (n_demand,)
        Time to the nearest facility [s]; ``inf`` where there is none.
    limit_s : float
        Largest accepted time [s], inclusive.

    Returns
    -------
    Split

    Examples
    --------
    >>> people = np.array([30.0, 10.0, np.nan])
    >>> split = split_by_time(people, np.array([900.0, np.inf, 5.0]), limit_s=900)
    >>> split.covered.tolist(), split.out_of_reach.tolist()
    ([30.0, 0.0, nan], [0.0, 10.0, nan])
    """
    quanta_of(people, name="people")
    reached = time_s <= limit_s
    unknown = np.isnan(people)
    nothing = np.where(unknown, np.nan, 0.0)
    return Split(
        covered=np.where(reached, people, nothing),
        full=nothing,
        out_of_reach=np.where(reached, nothing, people),
    )


def fill(reach: Reach, people: FloatArray, capacity_people: FloatArray) -> Served:
    """Give people places, nearest pairs first, until they or the places run out.

    Pairs within the limit are taken in the order of (time, demand index, facility
    index). People are divisible. As all pairs are ranked by one order, the result is
    the stable one: another facility never takes a place away from anybody.

    Parameters
    ----------
    reach : Reach
        All pairs of facility and demand within the limit. The indexes have to stand
        in the order of the ids where ties are to be broken by id.
    people : ndarray of float64, shape (n_demand,)
        People at each point [persons], non-negative multiples of 2⁻²⁰; ``nan`` is
        unknown: such a point takes no place and stays unknown.
    capacity_people : ndarray of float64, shape (n_facility,)
        People each facility can serve: its units times ``people_per_unit``, rounded
        down to a multiple of 2⁻²⁰; ``inf`` is without limit. A facility with ``nan``
        (capacity not known) does not count for a service with capacity: it serves
        nobody and reaches nobody; the caller lists it.

    Returns
    -------
    Served

    Raises
    ------
    InputError
        If a count is negative or infinite, a capacity is negative, or lengths differ.

    Examples
    --------
    Two points of 3 people reach one facility with 4 places; the third does not.

    >>> reach = Reach(np.array([0, 2]), np.array([0, 1], dtype=np.int32),
    ...               np.array([60.0, 30.0]), n_demand=3, limit_s=900.0)
    >>> served = fill(reach, np.array([3.0, 3.0, 3.0]), np.array([4.0]))
    >>> served.split.covered.tolist()
    [1.0, 3.0, 0.0]
    >>> served.split.full.tolist(), served.split.out_of_reach.tolist()
    ([2.0, 0.0, 0.0], [0.0, 0.0, 3.0])
    >>> served.by_facility.tolist()
    [4.0]
    """
    if len(people) != reach.n_demand or len(capacity_people) != reach.n_facility:
        raise InputError("人口或容量的个数与可达关系表不符")
    wanted = quanta_of(people, name="people")
    places, counted = _places(capacity_people)
    pair_facility = np.repeat(
        np.arange(reach.n_facility, dtype=np.int32), np.diff(reach.start)
    )
    keep = counted[pair_facility]
    pair_facility = pair_facility[keep]
    pair_demand, time_s = reach.demand[keep], reach.time_s[keep]
    reached = np.zeros(reach.n_demand, dtype=np.bool_)
    reached[pair_demand] = True

    order = np.lexsort((pair_facility, pair_demand, time_s))
    pair_facility, pair_demand = pair_facility[order], pair_demand[order]
    left, given = wanted.copy(), np.zeros(len(order), dtype=np.int64)
    _fill_in_order(pair_demand, pair_facility, left, places, given)

    load = np.zeros(reach.n_facility, dtype=np.int64)
    np.add.at(load, pair_facility, given)
    taken = given > 0
    return Served(
        split=_split(wanted, left, reached, np.isnan(people)),
        by_facility=np.where(counted, load * PEOPLE_QUANTUM, np.nan),
        pair_demand=pair_demand[taken],
        pair_facility=pair_facility[taken],
        pair_people=given[taken].astype(np.float64) * PEOPLE_QUANTUM,
    )


def fill_in_bands(
    find_pairs: FindPairs,
    people: FloatArray,
    capacity_people: FloatArray,
    *,
    nearest_s: FloatArray,
    limits_s: Sequence[float],
    most_pairs: int = 5_000_000,
) -> list[Split]:
    """Give people places as :func:`fill` does, without holding all pairs at once.

    Pairs are looked for in bands of time, each only between people who have no place
    yet and facilities that still have places: those of others would be given nobody.
    What is filled up to a limit is filled for every larger one too, so several limits
    are answered together.

    Parameters
    ----------
    find_pairs : callable
        Called with indexes of demand points and of facilities, both ascending, and a
        limit [s]; returns the pairs of these within the limit, numbered by their
        places among those asked for.
    people, capacity_people : ndarray
        As in :func:`fill`.
    nearest_s : ndarray of float64, shape (n_demand,)
        Time from each point to the nearest facility the capacity of which is known
        [s]: who finds all full has reached one.
    limits_s : sequence of float
        Largest accepted times [s], inclusive, finite.
    most_pairs : int
        So many pairs, about, are looked for at a time.

    Returns
    -------
    list of Split
        One for each limit; those of :func:`fill` to the last bit.
    """
    wanted = quanta_of(people, name="people")
    places, counted = _places(capacity_people)
    if len(nearest_s) != len(people):
        raise InputError("人口与最近设施时间的个数不符")
    if not all(np.isfinite(limit) and limit >= 0 for limit in limits_s):
        raise InputError(f"时限为 {list(limits_s)}，应为非负有限数（秒）")
    unknown, left = np.isnan(people), wanted.copy()
    splits: dict[float, Split] = {}
    first = max(limits_s, default=0.0) / _FIRST_SHARE
    low, high = -np.inf, first
    for limit in sorted(set(limits_s)):
        while low < limit:
            demand = np.flatnonzero(left)
            facility = np.flatnonzero(counted & (places > 0))
            if not len(demand) or not len(facility):
                break
            high = min(high, limit)
            pairs = find_pairs(demand, facility, high)
            n_more = _fill_band(pairs, low, demand, facility, left, places)
            # pairs grow with the square of the time
            growth = np.sqrt(most_pairs / max(n_more, 1))
            growth = min(max(growth, _LEAST_GROWTH), _MOST_GROWTH)
            low, high = high, max(high, first) * growth
        splits[limit] = _split(wanted, left, nearest_s <= limit, unknown)
    return [splits[limit] for limit in limits_s]


def _fill_band(
    pairs: Reach,
    low_s: float,
    demand: IntArray,
    facility: IntArray,
    left: IntArray,
    places: IntArray,
) -> int:
    """Fill the pairs beyond a time; ``left`` and ``places`` change.

    Returns how many of the pairs have somebody left and places left: so many would be
    found again in a search as wide.
    """
    row = np.repeat(np.arange(pairs.n_facility), np.diff(pairs.start))
    of_demand = demand[pairs.demand].astype(np.int32)
    of_facility = facility[row].astype(np.int32)
    new = np.flatnonzero(pairs.time_s > low_s)
    order = new[np.lexsort((of_facility[new], of_demand[new], pairs.time_s[new]))]
    given = np.zeros(len(order), dtype=np.int64)
    _fill_in_order(of_demand[order], of_facility[order], left, places, given)
    return int(((left[of_demand] > 0) & (places[of_facility] > 0)).sum())


def quanta_of(people: FloatArray, *, name: str) -> IntArray:
    """Return counts of people in whole quanta of 2⁻²⁰ person; unknown becomes 0.

    Raises
    ------
    InputError
        If a count is negative, infinite, not a multiple of 2⁻²⁰, or above 2³³.

    Examples
    --------
    >>> quanta_of(np.array([1.0, 0.5, np.nan]), name="people").tolist()
    [1048576, 524288, 0]
    """
    known = np.where(np.isnan(people), 0.0, people)
    quanta = known / PEOPLE_QUANTUM
    bad = np.flatnonzero(
        ~((quanta >= 0) & (quanta <= _MOST) & (quanta == np.floor(quanta)))
    )
    if len(bad):
        raise InputError(
            f"第 {bad[0] + 1} 个需求点的人数为 {people[bad[0]]}，"
            "应为非负数，且为 2⁻²⁰ 人的整数倍",
            column=name,
            hint="请先用 allocate 分配人口",
        )
    return quanta.astype(np.int64)


def _places(capacity_people: FloatArray) -> tuple[IntArray, np.ndarray]:
    """Return the places [quanta] and which facilities count (capacity known)."""
    counted = ~np.isnan(capacity_people)
    known = np.where(counted, capacity_people, 0.0)
    bad = np.flatnonzero(known < 0)
    if len(bad):
        raise InputError(
            f"第 {bad[0] + 1} 个设施的容量为 {capacity_people[bad[0]]}，应为非负数"
        )
    places = np.floor(np.minimum(known / PEOPLE_QUANTUM, float(_MOST)))
    return places.astype(np.int64), counted


def _split(
    wanted: IntArray, left: IntArray, reached: np.ndarray, unknown: np.ndarray
) -> Split:
    def people(quanta: IntArray) -> FloatArray:
        return np.where(unknown, np.nan, quanta * PEOPLE_QUANTUM)

    return Split(
        covered=people(wanted - left),
        full=people(np.where(reached, left, 0)),
        out_of_reach=people(np.where(reached, 0, left)),
    )


@numba.njit(cache=True)
def _fill_in_order(
    pair_demand: IndexArray,
    pair_facility: IndexArray,
    left: IntArray,
    places: IntArray,
    given: IntArray,
) -> None:
    """Fill the pairs one after the other; ``left``, ``places``, ``given`` change."""
    for i in range(len(pair_demand)):
        demand, facility = pair_demand[i], pair_facility[i]
        people = min(left[demand], places[facility])
        if people > 0:
            given[i] = people
            left[demand] -= people
            places[facility] -= people
