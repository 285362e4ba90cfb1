"""Two-step floating catchment areas: how much capacity there is per person, and where.

First step: each facility divides its capacity among the people who reach it; second
step: each demand point adds up the ratios of the facilities it reaches,

``R_j = S_j / Σ_k P_k w(t_kj)``  and  ``A_i = Σ_j R_j w(t_ij)``

- with ``w = 1`` within the limit: 2SFCA (W. Luo, F. Wang 2003);
- with ``w`` by bands of time: enhanced 2SFCA (W. Luo, Y. Qi 2009);
- with a Gaussian ``w`` that falls from 1 to 0 at the limit (D. Dai 2010).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, Reach

#: Turns travel times [s] into weights in [0, 1].
Decay = Callable[[FloatArray], FloatArray]


def uniform() -> Decay:
    """Return the weight 1 for everything within the limit: plain 2SFCA."""
    return lambda time_s: np.ones_like(time_s)


def banded(limits_s: tuple[float, ...], weights: tuple[float, ...]) -> Decay:
    """Return weights by bands of time: enhanced 2SFCA.

    Parameters
    ----------
    limits_s : tuple of float
        Upper ends of the bands [s], rising, each included in its band.
    weights : tuple of float
        Weight of each band, non-negative; 0 beyond the last one. Luo and Qi use 1,
        0.68 and 0.22 for three bands.

    Raises
    ------
    InputError
        If numbers do not match, limits do not rise, or a weight is negative.

    Examples
    --------
    >>> banded((600.0, 1200.0), (1.0, 0.5))(np.array([600.0, 600.1, 1300.0])).tolist()
    [1.0, 0.5, 0.0]
    """
    rising = all(a < b for a, b in pairwise(limits_s))
    if len(limits_s) != len(weights) or not limits_s or not rising:
        raise InputError("时间分段应由小到大，且每段一个权重")
    if not all(0 <= weight < np.inf for weight in weights):
        raise InputError("分段权重应为非负有限数")
    ends = np.array(limits_s)
    values = np.array([*weights, 0.0])

    def decay(time_s: FloatArray) -> FloatArray:
        band = np.searchsorted(ends, time_s, side="left")
        result: FloatArray = values[band]
        return result

    return decay


def gaussian(limit_s: float) -> Decay:
    """Return a weight that falls from 1 at once to 0 at the limit, like a bell.

    ``w(t) = (exp(-(t / limit)² / 2) - exp(-1/2)) / (1 - exp(-1/2))``, 0 beyond.

    Examples
    --------
    >>> gaussian(900.0)(np.array([0.0, 450.0, 900.0, 1000.0])).round(4).tolist()
    [1.0, 0.7014, 0.0, 0.0]
    """
    if not 0 < limit_s < np.inf:
        raise InputError("衰减的时限应为正数")
    end = np.exp(-0.5)

    def decay(time_s: FloatArray) -> FloatArray:
        raw = (np.exp(-0.5 * (time_s / limit_s) ** 2) - end) / (1 - end)
        result: FloatArray = np.where(time_s <= limit_s, np.maximum(raw, 0.0), 0.0)
        return result

    return decay


@dataclass(frozen=True, eq=False)
class Access:
    """Capacity per person.

    Parameters
    ----------
    ratio : ndarray of float64, shape (n_facility,)
        Capacity of each facility per (weighted) person who reaches it; ``nan`` where
        its capacity is not known or nobody reaches it.
    access : ndarray of float64, shape (n_demand,)
        Capacity per person at each demand point; 0 where none is reached.
    uncertain : ndarray of bool, shape (n_demand,)
        Points within reach of a facility whose capacity, or some of whose people, are
        not known.
    """

    ratio: FloatArray
    access: FloatArray
    uncertain: BoolArray


def floating_catchment(
    reach: Reach, people: FloatArray, *, capacity: FloatArray, decay: Decay
) -> Access:
    """Return the capacity per person by two-step floating catchment areas.

    Parameters
    ----------
    reach : Reach
        Times of every pair within the limit.
    people : ndarray of float64, shape (n_demand,)
        People at each point [persons]; ``nan`` unknown: not counted, and flagged.
    capacity : ndarray of float64, shape (n_facility,)
        Units of capacity (beds, places); ``nan`` unknown: not counted, and flagged.
    decay : callable
        :func:`uniform`, :func:`banded` or :func:`gaussian`.

    Returns
    -------
    Access
        ``Σ people × access`` is the capacity of all facilities that someone reaches
        (to rounding).

    Raises
    ------
    InputError
        If lengths do not match, or people or capacities are negative or infinite.

    Examples
    --------
    One facility of 30 places for 100 and 200 people:

    >>> reach = Reach(np.array([0, 2]), np.array([0, 1], dtype=np.int32),
    ...               np.array([100.0, 800.0]), 3, 900.0)
    >>> found = floating_catchment(reach, np.array([100.0, 200.0, 50.0]),
    ...                            capacity=np.array([30.0]), decay=uniform())
    >>> found.ratio.tolist(), found.access.tolist()
    ([0.1], [0.1, 0.1, 0.0])
    """
    n_facility, n_demand = reach.n_facility, reach.n_demand
    if len(people) != n_demand or len(capacity) != n_facility:
        raise InputError("人口或容量的项数与可达矩阵不符")
    for values, name in ((people, "人口"), (capacity, "容量")):
        known = values[~np.isnan(values)]
        if not ((known >= 0) & np.isfinite(known)).all():
            raise InputError(f"{name}应为非负有限数")
    facility = np.repeat(np.arange(n_facility), np.diff(reach.start))
    weight = decay(reach.time_s)
    own = people[reach.demand]
    used = weight > 0
    weighted = np.where(used & ~np.isnan(own), own, 0.0) * weight
    demand_sum = np.bincount(facility, weights=weighted, minlength=n_facility)
    served = (demand_sum > 0) & ~np.isnan(capacity)
    ratio = np.full(n_facility, np.nan)
    np.divide(capacity, demand_sum, out=ratio, where=served)
    given = np.where(served, ratio, 0.0)[facility] * weight
    access = np.bincount(reach.demand, weights=given, minlength=n_demand)
    unclear = np.isnan(capacity)
    unclear[facility[used & np.isnan(own)]] = True
    uncertain = np.zeros(n_demand, dtype=np.bool_)
    uncertain[reach.demand[used & unclear[facility]]] = True
    return Access(ratio, access.astype(np.float64), uncertain)


def access_by_area(
    access: FloatArray, people: FloatArray, *, area: IndexArray, n_area: int
) -> FloatArray:
    """Return the mean capacity per person of each area, weighted by people.

    Parameters
    ----------
    access : ndarray of float64, shape (n_demand,)
    people : ndarray of float64, shape (n_demand,)
        ``nan`` unknown: left out.
    area : ndarray of int32, shape (n_demand,)
        Community (or other area) of each point; -1: none.
    n_area : int

    Returns
    -------
    ndarray of float64, shape (n_area,)
        ``nan`` where no people are known.

    Examples
    --------
    >>> access_by_area(np.array([0.1, 0.4]), np.array([200.0, 100.0]),
    ...                area=np.array([0, 0], dtype=np.int32), n_area=2).tolist()
    [0.2, nan]
    """
    use = (area >= 0) & ~np.isnan(people)
    index = area[use]
    weight = people[use]
    total = np.bincount(index, weights=weight, minlength=n_area)
    sums = np.bincount(index, weights=weight * access[use], minlength=n_area)
    result = np.full(n_area, np.nan)
    np.divide(sums, total, out=result, where=total > 0)
    return result
