"""What would bring an area that fails a plan's presence rule to meet it.

Looked for among the facilities declared in the area, from the cheapest on, see
:data:`yikezhong_coverage.remedies.REMEDIES`: one that is planned and would count, one
that is closed and would count, one that is open and lacks what is asked, a person where
the rule is also met by one, else a new facility.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.records import BoolArray, IndexArray, IntArray
from yikezhong_coverage.rules.ground import Ground
from yikezhong_coverage.rules.records import Indicator
from yikezhong_coverage.rules.selectors import (
    NO,
    YES,
    Lacks,
    match_having,
    match_places,
)

#: Reason of a failing area by remedy; the words of
#: :data:`yikezhong_coverage.gaps.REASONS`, and ``absent``: no facility is there.
REASON_OF: Final[Mapping[str, str]] = {
    "open_planned": "not_open",
    "reopen": "not_open",
    "add_function": "lacks_function",
}
ABSENT: Final = "absent"


@dataclass(frozen=True, eq=False)
class AreaRemedies:
    """The cheapest remedy of each failing area.

    Parameters
    ----------
    remedy : ndarray of str, shape (n_failing,)
        Empty where nothing that can be named would help.
    place : ndarray of int32, shape (n_failing,)
        The facility it concerns, the first in the order of the places; -1 for none.
    """

    remedy: NDArray[np.str_]
    place: IndexArray


def presence_remedies(
    indicator: Indicator, ground: Ground, failing: IntArray, *, persons: Collection[str]
) -> AreaRemedies:
    """Return the cheapest remedy of each area that fails a presence rule.

    Parameters
    ----------
    indicator : Indicator
        With the rule ``presence``.
    ground : Ground
    failing : ndarray of int64, shape (n_failing,)
        Areas at the indicator's unit.
    persons : collection of str
        Attributes of areas that say that a person was appointed.

    Returns
    -------
    AreaRemedies
    """
    choices = [dict(choice) for choice in indicator.with_.get("any_of", ())]
    selectors = [choice for choice in choices if "area_attribute" not in choice]
    person = any(choice.get("area_attribute") in persons for choice in choices)
    found = np.full(len(failing), "", dtype="<U16")
    place = np.full(len(failing), -1, dtype=np.int32)
    if selectors:
        found[:] = "build"
    if person:
        found[:] = "appoint"
    home = _home(ground, indicator.unit)
    # from the dearest to the cheapest: what is cheaper is written over it
    for word, holds in reversed(_candidates(ground, selectors)):
        first = _first_in(home, holds, n_area=len(ground.areas))[failing]
        found[first >= 0] = word
        place[first >= 0] = first[first >= 0]
    return AreaRemedies(found.astype(np.str_), place)


def share_remedies(
    indicator: Indicator, ground: Ground, failing: IntArray
) -> AreaRemedies:
    """Return the facility to improve in each area that fails a share of facilities.

    Parameters
    ----------
    indicator : Indicator
        With the rule ``facility_share``.
    ground : Ground
    failing : ndarray of int64, shape (n_failing,)
        Areas at the indicator's unit.

    Returns
    -------
    AreaRemedies
        ``add_function`` at the first facility that is known to lack what is asked.
    """
    lacks = Lacks()
    counted = match_places(ground, indicator.with_["of"], lacks=lacks)
    having = match_having(ground, indicator.with_["having"], lacks=lacks)
    short = (counted.state == YES) & (having.state == NO)
    first = _first_in(_home(ground, indicator.unit), short, n_area=len(ground.areas))
    place = first[failing]
    return AreaRemedies(np.where(place >= 0, "add_function", ""), place)


def _candidates(
    ground: Ground, selectors: list[dict[str, Any]]
) -> list[tuple[str, BoolArray]]:
    """Return by remedy which places it would concern, the cheapest remedy first."""
    n_place = len(ground.places)
    planned, closed, lacking = (np.zeros(n_place, dtype=np.bool_) for _ in range(3))
    status = ground.places.status
    for selector in selectors:
        timeless = {k: v for k, v in selector.items() if not k.startswith("opened_")}
        fits = _sure(ground, {**timeless, "status": "any"})
        planned |= fits & (status == "planned")
        closed |= fits & (status == "closed")
        if "categories" in selector:
            answer = match_places(ground, selector, lacks=Lacks())
            of_kind = _sure(ground, {"categories": selector["categories"]})
            lacking |= of_kind & (answer.state == NO)
    return [("open_planned", planned), ("reopen", closed), ("add_function", lacking)]


def _sure(ground: Ground, selector: Mapping[str, Any]) -> BoolArray:
    sure: BoolArray = match_places(ground, selector, lacks=Lacks()).state == YES
    return sure


def _home(ground: Ground, unit: str) -> IndexArray:
    """Return the area at the unit's level that each place is declared in; -1: none."""
    at_unit = np.append(ground.ancestor[unit], np.int32(-1))
    return at_unit[ground.places.unit]


def _first_in(home: IndexArray, holds: BoolArray, *, n_area: int) -> IndexArray:
    """Return the first place of each area that something holds for; -1: none."""
    first = np.full(n_area, -1, dtype=np.int32)
    places = np.flatnonzero(holds & (home >= 0))[::-1]
    first[home[places]] = places  # written backwards: the first one stays
    return first
