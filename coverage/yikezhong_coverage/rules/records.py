"""Records of the plan register and of what its rules give back.

Arrays of areas and places go in (:class:`Areas`, :class:`Places`, :class:`RunFacts`),
an :class:`Indicator` says what is asked, one :class:`Result` per division comes out.
Everything here is plain data: no files, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray

#: Levels from the top down; any may be absent in a study.
LEVELS: Final = ("province", "prefecture", "county", "township", "community")

#: How a value may be compared with its target.
COMPARISONS: Final = (">=", ">", "<=", "<", "=")

#: Verdicts of a result.
MET: Final = "met"
NOT_MET: Final = "not_met"
UNKNOWN: Final = "unknown"
NOT_APPLICABLE: Final = "not_applicable"
NO_TARGET: Final = "no_target"
STATUSES: Final = (MET, NOT_MET, UNKNOWN, NOT_APPLICABLE, NO_TARGET)


@dataclass(frozen=True, eq=False)
class Areas:
    """Divisions with their counts and attributes.

    Parameters
    ----------
    code : ndarray of str, shape (n_area,)
        Unique codes.
    level : ndarray of str, shape (n_area,)
        One of :data:`LEVELS`.
    kind : ndarray of str, shape (n_area,)
        ``subdistrict``, ``town``, ``village`` …; empty where the level has no kinds.
    parent : ndarray of int32, shape (n_area,)
        Index of the parent; -1 at the top. Parents may skip levels.
    counts : mapping of str to ndarray of float64, shape (n_area,)
        ``people``, ``people_60``, ``households`` … [persons or households],
        multiples of 2⁻²⁰; ``nan`` is unknown.
    attributes : mapping of str to ndarray of object, shape (n_area,)
        Other properties: bool, number, decimal text or text; ``None`` is unknown.
    """

    code: NDArray[np.str_]
    level: NDArray[np.str_]
    kind: NDArray[np.str_]
    parent: IndexArray
    counts: Mapping[str, FloatArray] = field(default_factory=dict)
    attributes: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_area = len(self.code)
        _same_length("level", self.level, n_area)
        _same_length("kind", self.kind, n_area)
        _same_length("parent", self.parent, n_area)
        for name, column in (*self.counts.items(), *self.attributes.items()):
            _same_length(name, column, n_area)

    def __len__(self) -> int:
        return len(self.code)


@dataclass(frozen=True, eq=False)
class Places:
    """Facilities as the administrative rules see them.

    Parameters
    ----------
    id : ndarray of str, shape (n_place,)
        Unique ids.
    category : ndarray of str, shape (n_place,)
    functions : sequence of (frozenset of str or None), length n_place
        What each offers; ``None``: not known.
    status : ndarray of str, shape (n_place,)
        As of the run's date: ``open``, ``planned``, ``closed`` or ``unknown``.
    unit : ndarray of int32, shape (n_place,)
        Index into :class:`Areas` of the finest declared division; -1: none. A place
        has one such division, so one on a border is counted once.
    serves : sequence of tuple of int, length n_place
        Areas it is declared to serve beside the one it stands in.
    attributes : mapping of str to ndarray of object, shape (n_place,)
        Numbers (float, int or decimal text), bool or text; ``None`` is unknown.
        ``opened`` is an ISO date text.
    """

    id: NDArray[np.str_]
    category: NDArray[np.str_]
    functions: Sequence[frozenset[str] | None]
    status: NDArray[np.str_]
    unit: IndexArray
    serves: Sequence[tuple[int, ...]] = ()
    attributes: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_place = len(self.id)
        for name in ("category", "functions", "status", "unit"):
            _same_length(name, getattr(self, name), n_place)
        if len(self.serves):
            _same_length("serves", self.serves, n_place)
        for name, column in self.attributes.items():
            _same_length(name, column, n_place)

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True)
class Target:
    """What a plan asks for, as an exact number.

    Parameters
    ----------
    comparison : str
        One of :data:`COMPARISONS`: the value must be ``comparison`` the target.
    value : Fraction
        A share is a fraction of 1 (60 % is 3/5).
    unit : str
        ``share``, ``places``, ``m2`` …: for display.
    year : int or None
        The year the plan names.
    by : date or None
        The day it must be met.
    levels : tuple of str
        Levels at which it is judged; elsewhere the value is shown without a verdict.
    """

    comparison: str
    value: Fraction
    unit: str = "share"
    year: int | None = None
    by: date | None = None
    levels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.comparison not in COMPARISONS:
            raise InputError(
                f"目标的比较方式“{self.comparison}”无法识别",
                hint="可用：" + "、".join(COMPARISONS),
            )


@dataclass(frozen=True)
class Clause:
    """Where a plan says it: document, chapter and the phrase that states the target."""

    chapter: str
    phrase: str
    document: str = ""


@dataclass(frozen=True)
class Baseline:
    """A value a plan reports for an earlier year, shown beside results."""

    year: int
    value: Fraction


@dataclass(frozen=True)
class Indicator:
    """One entry of a plan register.

    Parameters
    ----------
    id, name, english : str
    class_ : str
        ``A`` (points, boundaries, roads, people), ``B`` (attributes), ``A+B`` or ``C``
        (an imported statistic).
    unit : str
        Level of the areas (or of the owners of facilities) that are judged one by one.
    rule : str
        Name of a rule, see :mod:`yikezhong_coverage.rules.value`.
    with_ : mapping
        Parameters of the rule as written in the register, named readings filled in.
    kinds : tuple of str or None
        Kinds of division counted; None: all.
    eligible : mapping, sequence of mappings or None
        Condition(s) on the areas that count, see
        :mod:`yikezhong_coverage.rules.selectors`.
    target : Target or None
        None: a wish without a number.
    nature : str or None
        ``约束性`` or ``预期性``.
    clause : Clause or None
    baselines : tuple of Baseline
    conflicts_with : tuple of str
        Ids judged beside this one because the plans differ.
    reading : str or None
        The stated reading where the text leaves a choice.
    plan : str
        Id of its plan.
    area : str
        Code prefix the plan binds; the target is judged only inside it. Empty: all.
    """

    id: str
    name: str
    unit: str
    rule: str
    english: str = ""
    class_: str = "A"
    with_: Mapping[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] | None = None
    eligible: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    target: Target | None = None
    nature: str | None = None
    clause: Clause | None = None
    baselines: tuple[Baseline, ...] = ()
    conflicts_with: tuple[str, ...] = ()
    reading: str | None = None
    plan: str = ""
    area: str = ""


@dataclass(frozen=True, eq=False)
class ServiceCoverage:
    """Coverage of every area for one service, limit and denominator.

    Parameters
    ----------
    total, covered : ndarray of float64, shape (n_area,)
        Counts of the denominator; ``nan`` where nothing is known.
    unknown : ndarray of bool, shape (n_area,)
        Areas of which a part is not known and not in ``total``.
    """

    total: FloatArray
    covered: FloatArray
    unknown: BoolArray


@dataclass(frozen=True)
class Statistic:
    """One imported figure of a division: a value, or its numerator and denominator.

    Parameters
    ----------
    code : str
        Code of the division.
    on : date
        The day it stands for.
    value, numerator, denominator : Fraction or None
        A share is a fraction of 1.
    """

    code: str
    on: date
    value: Fraction | None = None
    numerator: Fraction | None = None
    denominator: Fraction | None = None


@dataclass(frozen=True, eq=False)
class RunFacts:
    """What rules need beside areas and places.

    Parameters
    ----------
    as_of : date or None
        Day of the run: later statistics are not used.
    coverage : mapping of (service, limit_s, denominator) to ServiceCoverage
        For one walking speed and one variant.
    statistics : mapping of str to sequence of Statistic
        By indicator id.
    zone_distance_m : mapping of str to ndarray of float64, shape (n_place,)
        Per zone class, distance of each place to the nearest zone [m]; 0 inside,
        ``inf`` where there is no such zone, ``nan`` where not known.
    boundary_findings : mapping of str to sequence of str, or None
        Problems of each division by code, divisions without any may be absent; None:
        boundaries were not checked.
    names : mapping of str to str
        Chinese names of attributes, services and zone classes, for reasons.
    speed_mps : float or None
        Walking speed of ``coverage`` [m/s].
    """

    as_of: date | None = None
    coverage: Mapping[tuple[str, float, str], ServiceCoverage] = field(
        default_factory=dict
    )
    statistics: Mapping[str, Sequence[Statistic]] = field(default_factory=dict)
    zone_distance_m: Mapping[str, FloatArray] = field(default_factory=dict)
    boundary_findings: Mapping[str, Sequence[str]] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    speed_mps: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One indicator in one division.

    Parameters
    ----------
    indicator_id, level, code : str
    value : Fraction or None
        From what is known; None where nothing is, or where it does not apply.
    numerator, denominator : Fraction or None
        Sums of the known. ``denominator`` is None for counts and amounts.
    target : Fraction or None
        None where the target is not judged here.
    comparison : str or None
    status : str
        ``met`` or ``not_met`` only where this holds whatever the unknown parts are.
    missing_units : Fraction or None
        What must be added to the numerator (removed, for targets from above): the
        smallest whole number for things that are counted, the exact amount otherwise;
        0 where met.
    failing_codes, unknown_codes : tuple of str
        Areas at the unit's level that fail, or that are not known; sorted.
    reason : str or None
        In Chinese, which input is missing, or why it does not apply.
    detail : mapping
        ``strict``: the missing amount must be exceeded (须超过); further figures of
        the rule.
    """

    indicator_id: str
    level: str
    code: str
    value: Fraction | None
    numerator: Fraction | None
    denominator: Fraction | None
    target: Fraction | None
    comparison: str | None
    status: str
    missing_units: Fraction | None = None
    failing_codes: tuple[str, ...] = ()
    unknown_codes: tuple[str, ...] = ()
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def _same_length(name: str, column: Any, n_row: int) -> None:
    """Refuse a column of another length."""
    if len(column) != n_row:
        raise InputError(f"列 {name} 有 {len(column)} 项，应为 {n_row} 项")
