"""Coverage of road lengths and areas: like that of people, but for their rounding.

Metres and square metres are no multiples of anything, so their sums depend on the
order of the additions: divisions are always added up in the order of their rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.rates import Coverage, any_below, build_coverage, sum_up
from yikezhong_coverage.records import BoolArray, Divisions, FloatArray

#: By how much a part may exceed its whole from cutting polygons; it is cut off.
_SLACK: Final = 1e-6


def roll_up_lengths(
    divisions: Divisions, *, total_m: FloatArray, covered_m: FloatArray
) -> Coverage:
    """Add up road lengths for every division.

    Parameters
    ----------
    divisions : Divisions
    total_m, covered_m : ndarray of float64, shape (n_division,)
        Metres of road in the division itself and in none below it, as
        :func:`yikezhong_coverage.edges.length_by_division` counts them.

    Returns
    -------
    Coverage
        With the denominator ``road_length`` [m].
    """
    return _roll_up_measure(
        divisions, "road_length", total_m, covered_m, nothing="no_length", words={}
    )


def roll_up_surfaces(
    divisions: Divisions, *, area_m2: FloatArray, covered_m2: FloatArray
) -> Coverage:
    """Add up areas for every division; always flagged ``approximate``.

    Parameters
    ----------
    divisions : Divisions
    area_m2, covered_m2 : ndarray of float64, shape (n_division,)
        Square metres of the division itself that lie in no division below it, and how many
        of them the circles cover. For nested boundaries without gaps: the areas of
        the finest divisions, 0 for all others. ``nan`` where there is no geometry.

    Returns
    -------
    Coverage
        With the denominator ``area`` [m²].
    """
    everywhere = np.ones(len(divisions.code), dtype=np.bool_)
    return _roll_up_measure(
        divisions,
        "area",
        area_m2,
        covered_m2,
        nothing="no_area",
        words={"approximate": everywhere},
    )


def _roll_up_measure(
    divisions: Divisions,
    denominator: str,
    total: FloatArray,
    covered: FloatArray,
    *,
    nothing: str,
    words: Mapping[str, BoolArray],
) -> Coverage:
    if len(total) != len(divisions.code) or len(covered) != len(divisions.code):
        raise InputError("长度或面积的个数与区划数不符")
    missing = np.isnan(total) | np.isnan(covered)
    total, covered = np.where(missing, 0.0, total), np.where(missing, 0.0, covered)
    if ((covered < 0) | (covered > total * (1 + _SLACK))).any():
        raise InputError("被覆盖的长度或面积应在 0 与总量之间")
    covered = np.minimum(covered, total)
    return build_coverage(
        denominator,
        sum_up(divisions, covered),
        np.zeros(len(total)),
        sum_up(divisions, total - covered),
        nothing=nothing,
        lost=("unknown_area", any_below(divisions, missing)),
        known=any_below(divisions, ~missing),
        words=words,
    )
