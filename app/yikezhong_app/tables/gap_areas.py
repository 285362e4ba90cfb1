"""The snapshot's table ``gap_areas``: people without a service as places on the map."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yikezhong_app.runs.study_records import names_at
from yikezhong_app.tables.coverage import Splitter
from yikezhong_app.tables.gaps import VARIANT, GapPoints
from yikezhong_coverage.clusters import (
    Places,
    gather_places,
    largest_places,
    outline_places,
)
from yikezhong_coverage.gaps import REASONS
from yikezhong_coverage.records import FloatArray, IndexArray
from yikezhong_coverage.remedies import remedies_by_gap
from yikezhong_geodata.columns import CRS

#: Points without a service that lie no farther apart are of one place [m]; our choice.
LINK_M: Final = 500.0
#: Straight speed by which a place is as large as a circle by car [m/s]; our choice,
#: on foot it is the walking speed.
DRIVING_MPS: Final = 10.0
#: Places kept for a service, those with the most people; the others are hamlets, and
#: their people stand in the table ``gaps`` like everybody's.
MOST_AREAS: Final = 1000


class StudyTables(Protocol):
    """A study, or what the tasks of its run know of it."""

    @property
    def divisions(self) -> Any:
        """The divisions, in their order."""

    @property
    def facilities(self) -> Any:
        """The facilities, in their order."""


def gap_area_rows(
    study: StudyTables, splitter: Splitter, points: GapPoints
) -> gpd.GeoDataFrame | None:
    """Return the places where people are without a service.

    People whose number is not known are in no place.

    Parameters
    ----------
    study : StudyTables
    splitter : Splitter
        Of the service.
    points : GapPoints
        At the service's own limit.

    Returns
    -------
    GeoDataFrame or None
        A row for each of the :data:`MOST_AREAS` largest places, the most people first;
        ``n_areas`` says how many there are in all. Straight distances make the
        places, the figures of the nearest facility are those of the place's centre.
        None where nobody is without.
    """
    service, demand = splitter.times.service, splitter.records.demand
    without = points.split.without
    walking = service.profile == "walking"
    speed_mps = splitter.network.leg_speed_mps if walking else DRIVING_MPS
    radius_m = points.limit_s * speed_mps
    places = gather_places(
        demand.lon, demand.lat, without, radius_m=radius_m, link_m=LINK_M
    )
    if len(places) == 0:
        return None
    n_areas = len(places)
    places = largest_places(places, MOST_AREAS)
    n_place, centre = len(places), places.centre
    nearest = splitter.times.nearest[VARIANT]
    remedies = remedies_by_gap(points.remedies, places.place, without, n_gap=n_place)
    facility_id = study.facilities["id"]
    member = places.place >= 0
    elderly = np.nan_to_num(points.elderly.without[member])
    table = pd.DataFrame(
        {
            "id": [f"{service.id}:{text}" for text in demand.id[centre]],
            "service": service.id,
            "limit_s": points.limit_s,
            "group": service.group,
            "without": places.people,
            "people_60_without": np.bincount(
                places.place[member], weights=elderly, minlength=n_place
            ),
            "reason": _main_reason(places, points.reasons, without),
            "remedy": remedies.remedy,
            "remedy_facility_id": names_at(facility_id, remedies.facility),
            "remedy_people": remedies.people,
            "nearest_facility_id": names_at(facility_id, nearest.facility[centre]),
            "nearest_time_s": nearest.time_s[centre],
            "n_points": np.bincount(places.place[member], minlength=n_place),
            "radius_m": radius_m,
            "link_m": LINK_M,
            "n_areas": n_areas,
            "rank": np.arange(1, n_place + 1),
            "lon": demand.lon[centre],
            "lat": demand.lat[centre],
        }
    )
    _add_divisions(table, study, splitter, places)
    shapes = outline_places(demand.lon, demand.lat, places.place)
    return gpd.GeoDataFrame(table, geometry=shapes, crs=CRS)


def _main_reason(
    places: Places, reasons: NDArray[np.int8], people: FloatArray
) -> NDArray[np.str_]:
    """Return the reason of the most people, of equal ones the first in precedence."""
    member = np.flatnonzero(places.place >= 0)
    words = np.array(tuple(REASONS), dtype=np.str_)
    total = np.bincount(
        places.place[member].astype(np.int64) * len(words) + reasons[member],
        weights=people[member],
        minlength=len(places) * len(words),
    )
    found: NDArray[np.str_] = words[
        np.argmax(total.reshape(len(places), len(words)), axis=1)
    ]
    return found


def _add_divisions(
    table: pd.DataFrame, study: StudyTables, splitter: Splitter, places: Places
) -> None:
    """Add the communities of each place, the township of its centre, and a name."""
    divisions, unit = splitter.records.divisions, splitter.records.demand.unit
    codes = [*divisions.code.tolist(), None]
    names = [*study.divisions["name"].tolist(), None]
    at = {
        level: np.append(divisions.ancestor_at(level), np.int32(-1))[unit]
        for level in ("community", "township")
    }
    table["community_codes"] = [
        [codes[i] for i in row] for row in _members(places, at["community"])
    ]
    township = at["township"][places.centre]
    community = at["community"][places.centre]
    table["township_code"] = [codes[i] for i in township]
    table["community_code"] = [codes[i] for i in community]
    plain = [
        _place_name(names[t], names[c], len(several))
        for t, c, several in zip(
            township, community, table["community_codes"], strict=True
        )
    ]
    table.insert(1, "name", number_names(plain))


def _members(places: Places, community: IndexArray) -> list[list[int]]:
    """Return the communities that the points of each place lie in, ascending."""
    member = np.flatnonzero((places.place >= 0) & (community >= 0))
    width = int(community.max(initial=0)) + 1
    pairs = np.unique(places.place[member].astype(np.int64) * width + community[member])
    bounds = np.searchsorted(pairs // width, np.arange(len(places) + 1))
    inside = (pairs % width).tolist()
    return [
        inside[a:b]
        for a, b in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    ]


def _place_name(township: str | None, community: str | None, n_community: int) -> str:
    """Return a name for a place around a community.

    Examples
    --------
    >>> _place_name("北郊镇", "北郊村", 1), _place_name("北郊镇", "北郊村", 3)
    ('北郊镇北郊村片区', '北郊镇北郊村等3个社区村片区')
    """
    several = f"等{n_community}个社区村" if n_community > 1 else ""
    return f"{township or ''}{community or ''}{several}片区"


def number_names(names: list[str]) -> list[str]:
    """Return names of which none stands twice: those that do are numbered.

    Examples
    --------
    >>> number_names(["甲片区", "乙片区", "甲片区"])
    ['甲片区1', '乙片区', '甲片区2']
    """
    count = Counter(names)
    used: Counter[str] = Counter()
    found = []
    for name in names:
        used[name] += 1
        found.append(f"{name}{used[name]}" if count[name] > 1 else name)
    return found
