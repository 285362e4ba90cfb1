"""Counts up and down the tree: finest complete level, shares, partial sums.

Pure arrays: the divisions are sorted from the top down, ``parent`` gives the row of
each parent. All counts are multiples of 2⁻²⁰ person, so that every sum is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yikezhong_coverage.exact import PEOPLE_QUANTUM, allocate_groups
from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, IntArray

#: Levels that differ by less than this agree [persons].
TOLERANCE = 0.5


@dataclass(frozen=True, eq=False)
class Resolved:
    """Counts of one group for every division.

    Parameters
    ----------
    value : ndarray of float64, shape (n_division,)
        Count [persons]; the sum of the known below where ``complete`` is false;
        ``nan`` where nothing is known.
    complete : ndarray of bool, shape (n_division,)
        Whether ``value`` is the whole count.
    conflict : ndarray of float64, shape (n_division,)
        What the divisions below add up to where that contradicts the declared count;
        ``nan`` elsewhere.
    """

    value: FloatArray
    complete: BoolArray
    conflict: FloatArray


def round_people(people: FloatArray) -> FloatArray:
    """Round counts to multiples of 2⁻²⁰ person; ``nan`` stays.

    Examples
    --------
    >>> float(round_people(np.array([0.1]))[0] * 2**20)
    104858.0
    """
    return np.asarray(np.rint(people / PEOPLE_QUANTUM) * PEOPLE_QUANTUM)


def resolve(
    declared: FloatArray, parent: IndexArray, *, extra: FloatArray | None = None
) -> Resolved:
    """Return the count of every division: the finest complete level wins.

    Parameters
    ----------
    declared : ndarray of float64, shape (n_division,)
        Counts as given [persons]; ``nan`` is unknown.
    parent : ndarray of int32, shape (n_division,)
        Row of the parent, which comes before its children; -1 at the top.
    extra : ndarray of float64, shape (n_division,), optional
        People in a division with divisions below it who are in none of those.

    Returns
    -------
    Resolved

    Examples
    --------
    A township declared as 100 with communities of 60 and 50 is 110, and the conflict
    is kept; where one community is unknown, 100 stands.

    >>> parent = np.array([-1, 0, 0], dtype=np.int32)
    >>> whole = resolve(np.array([100.0, 60.0, 50.0]), parent)
    >>> whole.value.tolist(), whole.conflict.tolist()
    ([110.0, 60.0, 50.0], [110.0, nan, nan])
    >>> resolve(np.array([100.0, 60.0, np.nan]), parent).value.tolist()
    [100.0, 60.0, nan]
    >>> part = resolve(np.array([np.nan, 60.0, np.nan]), parent)
    >>> part.value.tolist(), part.complete.tolist()
    ([60.0, 60.0, nan], [False, True, False])
    """
    n = len(declared)
    declared = round_people(declared)
    value, conflict = declared.copy(), np.full(n, np.nan)
    complete: BoolArray = ~np.isnan(declared)
    below_sum = np.zeros(n) if extra is None else round_people(extra)
    below_known = np.zeros(n, dtype=np.int64)
    below_whole = np.ones(n, dtype=np.bool_)
    has_below = np.zeros(n, dtype=np.bool_)
    for i in range(n - 1, -1, -1):
        if has_below[i]:
            total = below_sum[i]
            known = not np.isnan(declared[i])
            if below_whole[i]:
                value[i], complete[i] = total, True
                if known and abs(declared[i] - total) > TOLERANCE:
                    conflict[i] = total
            elif known and total > declared[i]:  # nothing is left for the unknown
                value[i] = total
                if total - declared[i] > TOLERANCE:
                    conflict[i], complete[i] = total, False
            elif not known:
                value[i] = total if below_known[i] or total > 0 else np.nan
                complete[i] = False
        above = parent[i]
        if above >= 0:
            has_below[above] = True
            below_whole[above] &= complete[i]
            if not np.isnan(value[i]):
                below_sum[above] += value[i]
                below_known[above] += 1
    return Resolved(value, complete, conflict)


def unknown_units(complete: BoolArray, parent: IndexArray) -> IntArray:
    """Return how many lowest divisions of unknown count are in each incomplete one.

    Examples
    --------
    >>> parent = np.array([-1, 0, 0], dtype=np.int32)
    >>> unknown_units(np.array([False, True, False]), parent).tolist()
    [1, 0, 1]
    """
    n = len(complete)
    has_below = np.zeros(n, dtype=np.bool_)
    has_below[parent[parent >= 0]] = True
    units = np.where(~has_below & ~complete, 1, 0).astype(np.int64)
    for i in range(n - 1, -1, -1):
        if complete[i]:
            units[i] = 0
        if parent[i] >= 0:
            units[parent[i]] += units[i]
    return units


def nearest_holder(holder: BoolArray, parent: IndexArray) -> IndexArray:
    """Return for each division its nearest ancestor or itself that is a holder.

    Examples
    --------
    >>> parent = np.array([-1, 0, 1], dtype=np.int32)
    >>> nearest_holder(np.array([True, False, False]), parent).tolist()
    [0, 0, 0]
    """
    found = np.full(len(holder), -1, dtype=np.int32)
    for i in range(len(holder)):
        above = found[parent[i]] if parent[i] >= 0 else -1
        found[i] = i if holder[i] else above
    return found


@dataclass(frozen=True, eq=False)
class Estimated:
    """A group after missing counts took the share of the nearest division above.

    ``flag`` marks divisions whose count is, or contains, an estimate; a stated count
    that the divisions below agree with is none.
    """

    resolved: Resolved
    flag: BoolArray


def estimate_missing(
    declared: FloatArray,
    people: Resolved,
    *,
    parent: IndexArray,
    declared_people: FloatArray,
    extra: FloatArray | None = None,
) -> Estimated:
    """Give divisions without a count the share of their nearest ancestor that has one.

    Parameters
    ----------
    declared : ndarray of float64, shape (n_division,)
        Counts of the group as given [persons], ``nan`` unknown.
    people : Resolved
        All people.
    parent : ndarray of int32, shape (n_division,)
    declared_people : ndarray of float64, shape (n_division,)
        All people as given: the share of an ancestor is taken within its own level.
    extra : ndarray of float64, shape (n_division,), optional
        As in :func:`resolve`.

    Returns
    -------
    Estimated

    Examples
    --------
    >>> parent = np.array([-1, 0, 0], dtype=np.int32)
    >>> declared_people = np.array([100.0, 60.0, 40.0])
    >>> people = resolve(declared_people, parent)
    >>> found = estimate_missing(np.array([25.0, np.nan, np.nan]), people,
    ...                          parent=parent, declared_people=declared_people)
    >>> found.resolved.value.tolist(), found.flag.tolist()
    ([25.0, 15.0, 10.0], [False, True, True])
    """
    declared = declared.copy()
    own = np.zeros(len(declared), dtype=np.bool_)
    given = resolve(declared, parent, extra=extra)
    stated = given.value == round_people(declared)
    base = np.where(stated & ~np.isnan(declared_people), declared_people, people.value)
    plausible = (base > 0) & (given.value <= base)  # a share above 1 is no share
    holder = nearest_holder(given.complete & people.complete & plausible, parent)
    child_known = np.zeros(len(declared), dtype=np.bool_)
    inner = np.flatnonzero(people.complete & (parent >= 0))
    child_known[parent[inner]] = True
    for lowest_only in (True, False):
        now = resolve(declared, parent, extra=extra)
        wanted = people.complete & ~now.complete & (holder >= 0)
        if lowest_only:
            wanted &= ~child_known
        index = np.flatnonzero(wanted)
        if len(index) == 0:
            continue
        if lowest_only:
            declared[index] = _by_share(index, holder, given.value, base, people.value)
        else:
            above = holder[index]
            share = given.value[above] / base[above]
            declared[index] = round_people(share * people.value[index])
        own[index] = True
    resolved = resolve(declared, parent, extra=extra)
    flag = own.copy()
    stated = ~own & (resolved.value == round_people(declared))
    for i in range(len(flag) - 1, -1, -1):
        if flag[i] and parent[i] >= 0 and not stated[parent[i]]:
            flag[parent[i]] = True
    return Estimated(resolved, flag)


def _by_share(
    index: IntArray,
    holder: IndexArray,
    value: FloatArray,
    base: FloatArray,
    people: FloatArray,
) -> FloatArray:
    """Return people × share of the holder, adding up exactly within each holder."""
    holders, group = np.unique(holder[index], return_inverse=True)
    covered = np.bincount(group, weights=people[index], minlength=len(holders))
    whole = np.abs(covered - base[holders]) <= TOLERANCE
    total = np.where(whole, value[holders], value[holders] / base[holders] * covered)
    total = np.where(covered > 0, total, 0.0)
    return allocate_groups(total, group, people[index])
