"""Rounding that makes sums exact: times in 2⁻³⁰ s, people in 2⁻²⁰ persons.

Multiples of a power of two add up without error in float64 as long as the sum stays
below 2⁵³ of them: 2²³ s (97 days) and 2³³ persons. So a total is the same in any
order, by any algorithm, in any partition.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import BoolArray, FloatArray, IntArray

TIME_QUANTUM_S = 2.0**-30
"""Travel times are multiples of this [s]."""

PEOPLE_QUANTUM = 2.0**-20
"""Counts of people are multiples of this [persons]."""

_MOST_QUANTA = 2.0**53


def round_time(time_s: ArrayLike) -> FloatArray:
    """Round times to multiples of 2⁻³⁰ s, halves to even.

    Parameters
    ----------
    time_s : array_like of float
        Times [s]; ``inf`` stays ``inf`` and ``nan`` stays ``nan``.

    Returns
    -------
    ndarray of float64, same shape
        Nearest multiples of :data:`TIME_QUANTUM_S`.

    Examples
    --------
    >>> round_time([0.0, 1.5, np.inf])
    array([0. , 1.5, inf])
    >>> float(round_time(0.1) * 2**30)
    107374182.0
    """
    scaled = np.asarray(time_s, dtype=np.float64) / TIME_QUANTUM_S
    rounded: FloatArray = np.asarray(np.rint(scaled) * TIME_QUANTUM_S)
    return rounded


def allocate(total: float, weights: ArrayLike) -> FloatArray:
    """Divide people by weight so that the parts add up to their total exactly.

    Largest remainder in units of 2⁻²⁰ person; of equal remainders the lower index
    comes first. A part of zero weight gets nothing.

    Parameters
    ----------
    total : float
        People to divide [persons], non-negative; ``nan`` (unknown) makes every part
        ``nan``. It is rounded to a multiple of 2⁻²⁰ first.
    weights : array_like of float, shape (n,)
        Non-negative weights in any unit.

    Returns
    -------
    ndarray of float64, shape (n,)
        Multiples of :data:`PEOPLE_QUANTUM` whose sum is the rounded total.

    Raises
    ------
    InputError
        If a weight or the total is negative or infinite, or people are left without
        any weight to go to.

    Examples
    --------
    >>> allocate(10, [1.0, 3.0])
    array([2.5, 7.5])
    >>> parts = allocate(1, [1.0, 1.0, 1.0])
    >>> float(parts.sum()), bool(parts[0] > parts[1])
    (1.0, True)
    >>> allocate(0, [])
    array([], dtype=float64)
    """
    weight = np.asarray(weights, dtype=np.float64)
    return allocate_groups([total], np.zeros(len(weight), dtype=np.int64), weight)


def allocate_groups(
    totals: ArrayLike, group_index: ArrayLike, weights: ArrayLike
) -> FloatArray:
    """Divide the people of many groups, each among its own members.

    Parameters
    ----------
    totals : array_like of float, shape (n_group,)
        People of each group [persons], non-negative; ``nan`` is unknown and makes
        the parts of that group ``nan``.
    group_index : array_like of int, shape (n,)
        The group of each part, in any order.
    weights : array_like of float, shape (n,)
        Non-negative weights; only their ratio within a group matters.

    Returns
    -------
    ndarray of float64, shape (n,)
        Multiples of :data:`PEOPLE_QUANTUM`; within each known group they add up to
        its total rounded to such a multiple, exactly.

    Raises
    ------
    InputError
        If a weight or total is negative or infinite, an index is out of range, or a
        group with people has no weight to give them to.

    Examples
    --------
    >>> allocate_groups([10, 4, np.nan], [1, 0, 0, 2], [5.0, 1.0, 1.0, 1.0])
    array([ 4.,  5.,  5., nan])
    """
    total = np.asarray(totals, dtype=np.float64)
    group: IntArray = np.asarray(group_index, dtype=np.int64)
    weight = np.asarray(weights, dtype=np.float64)
    _check_allocation(total, group, weight)
    n_group = len(total)
    known = ~np.isnan(total)
    units = np.rint(np.where(known, total, 0.0) / PEOPLE_QUANTUM)
    largest = np.zeros(n_group)
    np.maximum.at(largest, group, weight)
    scaled = np.divide(
        weight, largest[group], out=np.zeros_like(weight), where=weight > 0
    )
    sums = _sum_by_size(group, scaled, n_group)
    stranded = np.flatnonzero((units > 0) & (sums <= 0))
    if len(stranded):
        raise InputError(
            f"第 {stranded[0] + 1} 组有 {total[stranded[0]]:g} 人，"
            "但没有可供分配的权重",
            hint="请为该组提供至少一个正的权重",
        )
    share = np.divide(scaled, sums[group], out=np.zeros_like(scaled), where=scaled > 0)
    quota = units[group] * share
    parts = _largest_remainder(units, group, quota, weight > 0)
    result: FloatArray = np.where(known[group], parts * PEOPLE_QUANTUM, np.nan)
    return result


def _check_allocation(total: FloatArray, group: IntArray, weight: FloatArray) -> None:
    """Refuse what cannot be divided exactly."""
    if len(group) != len(weight):
        raise InputError(f"分组 {len(group)} 项与权重 {len(weight)} 项数目不符")
    if len(group) and not (group.min() >= 0 and group.max() < len(total)):
        raise InputError("分组序号超出范围")
    bad = np.flatnonzero(~((weight >= 0) & np.isfinite(weight)))
    if len(bad):
        raise InputError(f"第 {bad[0] + 1} 个权重为 {weight[bad[0]]}，应为非负有限数")
    bad = np.flatnonzero((total < 0) | (total >= _MOST_QUANTA * PEOPLE_QUANTUM))
    if len(bad):
        raise InputError(f"第 {bad[0] + 1} 组人口为 {total[bad[0]]}，应为非负有限数")


def _sum_by_size(group: IntArray, value: FloatArray, n_group: int) -> FloatArray:
    """Sum per group from the smallest value up: independent of the rows' order."""
    order = np.lexsort((value, group))
    sums = np.bincount(group[order], weights=value[order], minlength=n_group)
    return sums.astype(np.float64)


def _largest_remainder(
    units: FloatArray, group: IntArray, quota: FloatArray, positive: BoolArray
) -> FloatArray:
    """Turn quotas into whole units that add up to ``units`` in every group.

    Quotas carry a rounding error: in a group of very many people the whole parts may
    exceed the total by a few units, which the largest part then gives back.
    """
    n_group = len(units)
    whole = np.floor(quota)
    remainder = quota - whole
    missing = units - np.bincount(group, weights=whole, minlength=n_group)
    order = np.lexsort((-remainder, ~positive, group))
    start = np.zeros(n_group + 1, dtype=np.int64)
    np.cumsum(np.bincount(group, minlength=n_group), out=start[1:])
    rank = np.empty(len(group), dtype=np.int64)
    rank[order] = np.arange(len(group)) - start[group[order]]
    members = np.maximum(np.bincount(group[positive], minlength=n_group), 1)
    extra, rest = np.divmod(np.maximum(missing, 0.0), members)
    parts: FloatArray = whole + np.where(
        positive, extra[group] + (rank < rest[group]), 0.0
    )
    for over in np.flatnonzero(missing < 0):
        own = np.flatnonzero(group == over)
        parts[own[np.argmax(parts[own])]] += missing[over]
    return parts
