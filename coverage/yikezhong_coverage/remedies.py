"""What would close a gap at the least cost: a gap as an action.

Every point with people without a service gets the first remedy of :data:`REMEDIES`
that would help it, with the facility it concerns; a gap gets the remedy of most of its
people. Order of the remedies, from the cheapest:

===================== ============================================================
``open_planned``      a facility within the limit is planned: open it
``reopen``            a facility within the limit is closed: open it again
``add_function``      a facility within the limit lacks a function: add it
``appoint``           the rule is also met by a person: appoint one
``enlarge``           facilities within the limit are full: enlarge the nearest
``build``             nothing is there that could help: build
``survey``            how many people there are is not known: find out
===================== ============================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final

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
)
from yikezhong_coverage.supply import Split

#: Remedies from the cheapest on, with their Chinese names.
REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "open_planned": "启用规划设施",
        "reopen": "恢复停用设施",
        "add_function": "增设服务功能",
        "appoint": "配备人员",
        "enlarge": "扩大容量",
        "build": "新建设施",
        "survey": "补充人口数据",
    }
)
_WORDS: Final = tuple(REMEDIES)
_OPEN: Final = _WORDS.index("open_planned")
_REOPEN: Final = _WORDS.index("reopen")
_ADD: Final = _WORDS.index("add_function")
_ENLARGE: Final = _WORDS.index("enlarge")
_BUILD: Final = _WORDS.index("build")
_SURVEY: Final = _WORDS.index("survey")
_NONE: Final = -1


@dataclass(frozen=True, eq=False)
class PointRemedies:
    """The cheapest remedy at each demand point.

    Parameters
    ----------
    remedy : ndarray of int8, shape (n_demand,)
        Index into :data:`REMEDIES`; -1 where nobody is without.
    facility : ndarray of int32, shape (n_demand,)
        The facility it concerns; -1 for none.
    """

    remedy: NDArray[np.int8]
    facility: IndexArray


@dataclass(frozen=True, eq=False)
class Remedies:
    """The remedy of each gap.

    Parameters
    ----------
    remedy : ndarray of str, shape (n_gap,)
        A word of :data:`REMEDIES`; empty where no point of the gap has one.
    facility : ndarray of int32, shape (n_gap,)
        Of the facilities that the remedy concerns at the points of the gap, the one
        that most of the people have (of equal ones the smaller index); -1 for none.
    people : ndarray of float64, shape (n_gap,)
        People of the gap helped by the remedy at this facility [persons]; for
        ``build`` all people of the gap whom nothing cheaper helps.
    """

    remedy: NDArray[np.str_]
    facility: IndexArray
    people: FloatArray


def point_remedies(
    split: Split,
    *,
    nearest: Nearest,
    lacking: Nearest,
    not_open: Nearest,
    planned: BoolArray,
    limit_s: float,
) -> PointRemedies:
    """Return the cheapest remedy at each demand point.

    Parameters
    ----------
    split : Split
        The people of the points; unknown people are ``nan``.
    nearest : Nearest
        Nearest facility that counts for the service.
    lacking : Nearest
        Nearest open facility of the categories that lacks a function.
    not_open : Nearest
        Nearest facility that would count but is not open.
    planned : ndarray of bool, shape (n_facility,)
        Whether a facility is planned; of those that are not open the others are
        closed.
    limit_s : float
        Largest accepted time [s], inclusive.

    Returns
    -------
    PointRemedies

    Examples
    --------
    >>> none = Nearest(np.full(3, np.inf), np.full(3, -1, dtype=np.int32))
    >>> planned = Nearest(np.array([300.0, np.inf, 300.0]),
    ...                   np.array([7, -1, 7], dtype=np.int32))
    >>> split = Split(np.zeros(3), np.zeros(3), np.array([5.0, 5.0, 0.0]))
    >>> found = point_remedies(split, nearest=none, lacking=none, not_open=planned,
    ...                        planned=np.arange(8) == 7, limit_s=900)
    >>> [_WORDS[r] if r >= 0 else "" for r in found.remedy], found.facility.tolist()
    (['open_planned', 'build', ''], [7, -1, -1])
    """
    if not len(split.covered) == len(nearest.time_s) == len(lacking.time_s):
        raise InputError("需求点各数组的长度不一致")
    found = _first_remedies(
        (split.covered, split.full, split.out_of_reach),
        (lacking.time_s, lacking.facility),
        (not_open.time_s, not_open.facility),
        nearest.facility,
        planned,
        limit_s,
    )
    return PointRemedies(*found)


@njit(cache=True, nogil=True)
def _first_remedies(
    split: tuple[FloatArray, FloatArray, FloatArray],
    lacking: tuple[FloatArray, IndexArray],
    not_open: tuple[FloatArray, IndexArray],
    nearest_facility: IndexArray,
    planned: BoolArray,
    limit_s: float,
) -> tuple[NDArray[np.int8], IndexArray]:
    """Return the first remedy of each point as a number of ``REMEDIES``, and its place."""
    covered, full, out_of_reach = split
    remedy = np.full(len(covered), np.int8(_NONE))
    facility = np.full(len(covered), np.int32(_NONE))
    for i in range(len(covered)):
        if np.isnan(covered[i]):
            remedy[i] = _SURVEY
        elif full[i] + out_of_reach[i] > 0:
            if not_open[0][i] <= limit_s:
                facility[i] = not_open[1][i]
                opens = facility[i] >= 0 and planned[facility[i]]
                remedy[i] = _OPEN if opens else _REOPEN
            elif lacking[0][i] <= limit_s:
                facility[i], remedy[i] = lacking[1][i], _ADD
            elif full[i] > 0:
                facility[i], remedy[i] = nearest_facility[i], _ENLARGE
            else:
                remedy[i] = _BUILD
    return remedy, facility


def remedies_by_gap(
    points: PointRemedies, gap: IndexArray, people: FloatArray, *, n_gap: int
) -> Remedies:
    """Return the remedy of most people of each gap, and the facility it concerns.

    Parameters
    ----------
    points : PointRemedies
    gap : ndarray of int32, shape (n_demand,)
        Gap of each point; -1 for none.
    people : ndarray of float64, shape (n_demand,)
        People without the service [persons]; ``nan`` counts as nobody.
    n_gap : int

    Returns
    -------
    Remedies
        Of remedies with as many people the cheaper one.

    Examples
    --------
    >>> build, plan = _WORDS.index("build"), _WORDS.index("open_planned")
    >>> points = PointRemedies(np.array([build, plan, plan], dtype=np.int8),
    ...                        np.array([-1, 4, 5], dtype=np.int32))
    >>> found = remedies_by_gap(points, np.zeros(3, dtype=np.int32),
    ...                         np.array([3.0, 3.0, 2.0]), n_gap=1)
    >>> found.remedy.tolist(), found.facility.tolist(), found.people.tolist()
    (['open_planned'], [4], [3.0])
    """
    return _choose(_count_cases(points, gap, people), n_gap)


def remedies_by_division(
    points: PointRemedies, divisions: Divisions, unit: IndexArray, people: FloatArray
) -> Remedies:
    """Return the remedy of most people of every division, at every level.

    Parameters
    ----------
    points : PointRemedies
    divisions : Divisions
    unit : ndarray of int32, shape (n_demand,)
        Division each point lies in; -1 for none.
    people : ndarray of float64, shape (n_demand,)
        People without the service [persons]; ``nan`` counts as nobody.

    Returns
    -------
    Remedies
        A row for each division, as :func:`remedies_by_gap` gives it.
    """
    own = _count_cases(points, unit, people)
    cases, owner = [own], own.owner
    while (owner >= 0).any():
        owner = np.where(owner >= 0, divisions.parent[owner], _NONE)
        above = owner >= 0
        cases.append(
            _Cases(
                owner[above], own.kind[above], own.facility[above], own.people[above]
            )
        )
    joined = _Cases(
        *(np.concatenate([getattr(c, f.name) for c in cases]) for f in fields(_Cases))
    )
    return _choose(joined, len(divisions.code))


@dataclass(frozen=True, eq=False)
class _Cases:
    """People by gap, remedy and facility; a case may stand several times."""

    owner: IntArray
    kind: IntArray
    facility: IntArray
    people: FloatArray


def _count_cases(
    points: PointRemedies, owner: IndexArray, people: FloatArray
) -> _Cases:
    member = np.flatnonzero((owner >= 0) & (points.remedy >= 0))
    order = member[np.argsort(owner[member], kind="stable")]
    weight = np.nan_to_num(people[order])
    found = _count_runs(
        owner[order].astype(np.int64),
        points.remedy[order].astype(np.int64),
        points.facility[order].astype(np.int64),
        weight,
        len(_WORDS),
    )
    return _Cases(*found)


@njit(cache=True, nogil=True)
def _count_runs(
    owner: IntArray,
    kind: IntArray,
    facility: IntArray,
    people: FloatArray,
    n_kind: int,
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Add up the people of equal cases; the owners stand together."""
    n = len(owner)
    width = 1
    for i in range(n):
        width = max(width, facility[i] + 2)
    place = np.full(width * n_kind, -1)
    case = np.empty(n, dtype=np.int64)
    total = np.empty(n)
    n_case = 0
    start = 0
    for i in range(n):
        if i > 0 and owner[i] != owner[i - 1]:
            start = n_case
        key = kind[i] * width + facility[i] + 1
        # A place left over from an owner before points in front of ``start``.
        if place[key] < start:
            place[key] = n_case
            case[n_case] = i
            total[n_case] = 0.0
            n_case += 1
        total[place[key]] += people[i]
    case = case[:n_case]
    return owner[case], kind[case], facility[case], total[:n_case].copy()


def _choose(cases: _Cases, n_gap: int) -> Remedies:
    """Return the remedy of most people of each gap, and its main facility."""
    n_kind = len(_WORDS)
    flat = cases.owner * n_kind + cases.kind
    total = np.bincount(flat, weights=cases.people, minlength=n_gap * n_kind)
    seen = np.bincount(flat, minlength=n_gap * n_kind) > 0
    # A kind that is there with nobody still beats one that is not there.
    worth = np.where(seen, total, -1.0).reshape(n_gap, n_kind)
    best = np.argmax(worth, axis=1)
    any_ = worth.max(axis=1, initial=-1.0) >= 0
    mine = cases.kind == best[cases.owner]
    facility, helped = _main_facility(
        cases.owner[mine], cases.facility[mine], cases.people[mine], n_gap
    )
    words = np.array([*_WORDS, ""], dtype=np.str_)
    return Remedies(
        remedy=words[np.where(any_, best, n_kind)], facility=facility, people=helped
    )


def _main_facility(
    owner: IntArray, facility: IntArray, weight: FloatArray, n_gap: int
) -> tuple[IndexArray, FloatArray]:
    """Return the facility with the most people of each gap, and these people."""
    found = np.full(n_gap, _NONE, dtype=np.int32)
    helped = np.zeros(n_gap)
    if len(owner) == 0:
        return found, helped
    width = int(facility.max()) + 2
    pairs, inverse = np.unique(owner * width + facility + 1, return_inverse=True)
    people = np.bincount(inverse, weights=weight)
    of_gap = pairs // width
    order = np.lexsort((pairs, -people, of_gap))
    first = order[np.r_[True, of_gap[order][1:] != of_gap[order][:-1]]]
    found[of_gap[first]] = pairs[first] % width - 1
    helped[of_gap[first]] = people[first]
    return found, helped
