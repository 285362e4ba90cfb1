"""Coverage rates of every division, with the denominator always named.

People (or another demand group), areas (communities, townships), road length and area
are all counted the same way: counts are added from the finest divisions up to the top,
and a rate is taken at the end. Rates are never averaged.

Every record holds one row for each division of :class:`Divisions`, at every level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import BoolArray, Divisions, FloatArray, IndexArray
from yikezhong_coverage.supply import Split

#: Denominators that count divisions, and the level they count.
AREA_DENOMINATORS: Final[Mapping[str, str]] = MappingProxyType(
    {"communities": "community", "townships": "township"}
)
#: A community or township counts as covered from this share of its group on.
AREA_PEOPLE_SHARE: Final = Fraction(4, 5)

#: Words of ``flags``, in the order in which they are written.
FLAGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no_people": "没有人口，覆盖率不适用",
        "no_areas": "没有可计的社区或乡镇，覆盖率不适用",
        "no_length": "没有道路，覆盖率不适用",
        "no_area": "没有面积，覆盖率不适用",
        "unknown_people": "部分或全部人口未知，未计入",
        "empty_areas": "有无人口的社区或乡镇，未计入",
        "unknown_area": "部分或全部范围未知，未计入",
        "estimated": "含推算人口",
        "approximate": "近似值",
    }
)

_FLAGS: Final = tuple(FLAGS)
#: What ``Coverage.marks`` stand for: every set of words, written.
FLAG_TEXTS: Final = tuple(
    " ".join(name for bit, name in enumerate(_FLAGS) if marks >> bit & 1)
    for marks in range(1 << len(_FLAGS))
)


@dataclass(frozen=True, eq=False)
class Coverage:
    """Coverage of every division for one service, limit, denominator and variant.

    ``covered + full + out_of_reach == total`` exactly. All four are ``nan`` where
    nothing at all is known.

    Parameters
    ----------
    denominator : str
        What is counted: a demand group (``people_60``), ``communities``,
        ``townships``, ``road_length`` [m] or ``area`` [m²].
    total, covered, full, out_of_reach : ndarray of float64, shape (n_division,)
        The known counts of the division and everything below it.
    rate : ndarray of float64, shape (n_division,)
        ``covered / total`` in [0, 1]; ``nan`` where the total is 0 or not known.
    marks : ndarray of int16, shape (n_division,)
        What is to be said: a bit for each word of :data:`FLAGS`, the first the lowest.
    """

    denominator: str
    total: FloatArray
    covered: FloatArray
    full: FloatArray
    out_of_reach: FloatArray
    rate: FloatArray
    marks: NDArray[np.int16]

    @property
    def flags(self) -> NDArray[np.str_]:
        """The marks as words, separated by spaces; empty where nothing is to be said."""
        texts: NDArray[np.str_] = np.array(FLAG_TEXTS)[self.marks]
        return texts

    def says(self, *words: str) -> BoolArray:
        """Return where any of some words of :data:`FLAGS` is said."""
        bits = sum(1 << _FLAGS.index(word) for word in words)
        said: BoolArray = (self.marks & bits) != 0
        return said

    @property
    def unknown(self) -> BoolArray:
        """Divisions of which something is not known and not counted."""
        return self.says("unknown_people", "unknown_area")


def roll_up(
    divisions: Divisions,
    unit: IndexArray,
    *,
    split: Split,
    group: str = "people_60",
    estimated: BoolArray | None = None,
) -> Coverage:
    """Add up the people of the demand points for every division.

    Parameters
    ----------
    divisions : Divisions
        ``unknown[group]``, where given, marks divisions without a known count.
    unit : ndarray of int32, shape (n_demand,)
        Division each point lies in; a point at -1 lies in none and is not counted.
    split : Split
        People of the group at each point. Points that are ``nan`` are left out of
        the sums; their divisions get the flag ``unknown_people``.
    group : str
        Which people these are: the denominator.
    estimated : ndarray of bool, shape (n_division,), optional
        Divisions whose count was estimated; flags them and what lies above.

    Returns
    -------
    Coverage

    Examples
    --------
    >>> divisions = Divisions(np.array(["T", "A", "B"]),
    ...                       np.array(["township", "community", "community"]),
    ...                       np.array([-1, 0, 0], dtype=np.int32))
    >>> split = Split(np.array([3.0, 0.0, np.nan]), np.array([0.0, 0.0, np.nan]),
    ...               np.array([0.0, 9.0, np.nan]))
    >>> found = roll_up(divisions, np.array([1, 1, 2], dtype=np.int32), split=split)
    >>> found.total.tolist(), found.rate.tolist()
    ([12.0, 12.0, nan], [0.25, 0.25, nan])
    >>> found.flags.tolist()
    ['unknown_people', '', 'unknown_people']
    """
    n_division = len(divisions.code)
    if len(unit) != len(split.covered):
        raise InputError("需求点的个数与所属区划的个数不符")
    own = np.zeros((n_division, 5))
    _add_points(own, unit, split.covered, split.full, split.out_of_reach)
    total = sum_up(divisions, own)
    return build_coverage(
        group,
        total[:, 0],
        total[:, 1],
        total[:, 2],
        nothing="no_people",
        lost=("unknown_people", lost_people(divisions, own[:, 4] > 0, group)),
        known=total[:, 3] > 0,
        words={}
        if estimated is None
        else {"estimated": any_below(divisions, estimated)},
    )


def lost_people(divisions: Divisions, unknown: BoolArray, group: str) -> BoolArray:
    """Return the divisions with unknown people in them."""
    if group in divisions.unknown:
        unknown = unknown | divisions.unknown[group]
    return any_below(divisions, unknown)


@njit(cache=True, nogil=True)
def _add_points(
    own: FloatArray,
    unit: IndexArray,
    covered: FloatArray,
    full: FloatArray,
    out_of_reach: FloatArray,
) -> None:
    """Add to each division its covered, full, unreached, known and unknown points."""
    for i in range(len(unit)):
        at = unit[i]
        if at < 0:
            continue
        if np.isnan(covered[i]):
            own[at, 4] += 1.0
        else:
            own[at, 0] += covered[i]
            own[at, 1] += full[i]
            own[at, 2] += out_of_reach[i]
            own[at, 3] += 1.0


def roll_up_areas(
    divisions: Divisions,
    people: Coverage,
    *,
    denominator: str = "communities",
    area_people_share: Fraction | float | str = AREA_PEOPLE_SHARE,
) -> Coverage:
    """Count communities or townships that are covered.

    An area counts as covered when ``covered / total >= area_people_share`` of its
    people, compared as exact fractions; as full when it would with those who found
    the facilities full; else as out of reach. Areas without people, or with people
    that are not known, are not counted; flags say so, on the area and above.

    Parameters
    ----------
    divisions : Divisions
    people : Coverage
        What :func:`roll_up` found for the group of the service.
    denominator : {"communities", "townships"}
    area_people_share : Fraction, float or str
        In (0, 1]; a float is taken as the decimal it is written as (0.8 is 4/5).

    Returns
    -------
    Coverage
        Counts of areas. Divisions with no counted area (also everything below the
        counted level) have a total of 0 and the flag ``no_areas``.

    Examples
    --------
    >>> divisions = Divisions(np.array(["T", "A", "B"]),
    ...                       np.array(["township", "community", "community"]),
    ...                       np.array([-1, 0, 0], dtype=np.int32))
    >>> split = Split(np.array([8.0, 7.0]), np.array([0.0, 1.0]), np.array([2.0, 2.0]))
    >>> people = roll_up(divisions, np.array([1, 2], dtype=np.int32), split=split)
    >>> found = roll_up_areas(divisions, people)
    >>> found.covered.tolist(), found.full.tolist(), found.total.tolist()
    ([1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [2.0, 1.0, 1.0])
    """
    if denominator not in AREA_DENOMINATORS:
        raise InputError(
            f"区划分母应为 {'、'.join(AREA_DENOMINATORS)}，不是 {denominator}"
        )
    share = exact_share(area_people_share)
    here = divisions.level == AREA_DENOMINATORS[denominator]
    unknown = here & people.says("unknown_people")
    empty = here & ~unknown & (people.total == 0)
    counted = here & ~unknown & ~empty
    covered = counted & _at_least(people.covered, people.total, share)
    reached = counted & _at_least(people.covered + people.full, people.total, share)

    def add(areas: BoolArray) -> FloatArray:
        return sum_up(divisions, areas.astype(np.float64))

    estimated = any_below(divisions, here & people.says("estimated"))
    return build_coverage(
        denominator,
        add(covered),
        add(reached & ~covered),
        add(counted & ~reached),
        nothing="no_areas",
        lost=("unknown_people", any_below(divisions, unknown)),
        known=np.ones(len(here), dtype=np.bool_),
        words={"empty_areas": any_below(divisions, empty), "estimated": estimated},
    )


def exact_share(share: Fraction | float | str) -> Fraction:
    """Return a share as the exact decimal it is written as.

    Examples
    --------
    >>> exact_share(0.8), exact_share("0.55")
    (Fraction(4, 5), Fraction(11, 20))
    """
    try:
        exact = Fraction(str(share))
    except ValueError as error:
        raise InputError(f"比例“{share}”不是数") from error
    if not 0 < exact <= 1:
        raise InputError(f"比例应大于 0、不大于 1，不是 {share}")
    return exact


def build_coverage(
    denominator: str,
    covered: FloatArray,
    full: FloatArray,
    out_of_reach: FloatArray,
    *,
    nothing: str,
    lost: tuple[str, BoolArray],
    known: BoolArray,
    words: Mapping[str, BoolArray],
) -> Coverage:
    """Take the rates of summed counts.

    Parameters
    ----------
    denominator : str
    covered, full, out_of_reach : ndarray of float64, shape (n_division,)
    nothing : str
        Flag of divisions whose total is 0.
    lost : pair of str and ndarray of bool
        Flag of the divisions with something unknown in them, and which these are.
    known : ndarray of bool
        Divisions in which something is known.
    words : mapping of str to ndarray of bool
        Further flags.
    """
    total = covered + full + out_of_reach
    blank = lost[1] & ~known
    rate = np.divide(covered, total, out=np.full(len(total), np.nan), where=total > 0)
    marks = _marks({nothing: (total == 0) & ~blank, lost[0]: lost[1], **words})
    return Coverage(
        denominator=denominator,
        total=np.where(blank, np.nan, total),
        covered=np.where(blank, np.nan, covered),
        full=np.where(blank, np.nan, full),
        out_of_reach=np.where(blank, np.nan, out_of_reach),
        rate=rate,
        marks=marks,
    )


def sum_up(divisions: Divisions, own: FloatArray) -> FloatArray:
    """Add each division's own value to itself and to everything above it.

    Parameters
    ----------
    divisions : Divisions
    own : ndarray of float64, shape (n_division, …)

    Returns
    -------
    ndarray of float64, shape (n_division, …)
    """
    total = own.copy()
    for children in divisions.from_the_bottom:
        np.add.at(total, divisions.parent[children], total[children])
    return total


def any_below(divisions: Divisions, own: BoolArray) -> BoolArray:
    """Return where a mark is set on a division or on anything below it."""
    found = own.copy()
    for children in divisions.from_the_bottom:
        np.logical_or.at(found, divisions.parent[children], found[children])
    return found


def _at_least(part: FloatArray, whole: FloatArray, share: Fraction) -> BoolArray:
    """Return where ``part / whole >= share``, decided without rounding.

    Floats decide where they clearly can; near the share fractions do.
    """
    margin = part - float(share) * whole
    found = margin >= 0
    close = np.flatnonzero(np.abs(margin) <= 1e-9 * np.abs(whole))
    for i in close:
        found[i] = Fraction(float(part[i])) >= share * Fraction(float(whole[i]))
    return found


def _marks(words: Mapping[str, BoolArray]) -> NDArray[np.int16]:
    """Return the words that hold as bits."""
    marks = np.zeros(len(next(iter(words.values()))), dtype=np.int16)
    for name, holds in words.items():
        marks |= holds.astype(np.int16) << np.int16(_FLAGS.index(name))
    return marks
