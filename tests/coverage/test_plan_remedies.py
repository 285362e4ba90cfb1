"""Remedies of areas that fail a plan: the cheapest that the facilities there allow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from yikezhong_coverage.plan_remedies import presence_remedies, share_remedies
from yikezhong_coverage.rules.ground import Ground, prepare
from yikezhong_coverage.rules.records import Areas, Indicator, Places

#: (id, category, functions, status, area)
STATIONS = (
    ("p", "station", frozenset(), "planned", 1),
    ("c", "station", frozenset({"meal"}), "closed", 1),
    ("c2", "station", frozenset({"meal"}), "closed", 2),
    ("o2", "station", frozenset(), "open", 2),
    ("o3", "station", frozenset(), "open", 3),
    ("u4", "station", None, "open", 4),
    ("x4", "school", frozenset({"meal"}), "planned", 4),
)


@pytest.fixture
def ground() -> Ground:
    areas = Areas(
        code=np.array(["c", "t1", "t2", "t3", "t4"]),
        level=np.array(["county", *["township"] * 4]),
        kind=np.array(["", *["town"] * 4]),
        parent=np.array([-1, 0, 0, 0, 0], dtype=np.int32),
    )
    names, kinds, functions, status, unit = zip(*STATIONS, strict=True)
    warm = [None, None, None, False, True, None, None]
    return prepare(
        areas,
        Places(
            id=np.array(names),
            category=np.array(kinds),
            functions=functions,
            status=np.array(status),
            unit=np.array(unit, dtype=np.int32),
            attributes={"warm": np.array(warm, dtype=object)},
        ),
    )


def _asked(*choices: dict[str, Any]) -> Indicator:
    return Indicator(
        "X", "有站", "township", "presence", with_={"any_of": list(choices)}
    )


def _found(indicator: Indicator, ground: Ground) -> list[tuple[str, str]]:
    failing = np.arange(1, 5)
    found = presence_remedies(indicator, ground, failing, persons={"warden"})
    ids = [*ground.places.id.tolist(), ""]
    return [(r, ids[p]) for r, p in zip(found.remedy, found.place, strict=True)]


def test_the_cheapest_that_is_there(ground: Ground) -> None:
    station = {"categories": ["station"]}
    # an open station fails nothing here: it is a gap for another reason
    assert _found(_asked(station), ground) == [
        ("open_planned", "p"),
        ("reopen", "c2"),
        ("build", ""),
        ("build", ""),
    ]
    # what is planned offers no meals, so the closed one is better; unknown is not "no"
    assert _found(_asked({**station, "functions": ["meal"]}), ground) == [
        ("reopen", "c"),
        ("reopen", "c2"),
        ("add_function", "o3"),
        ("build", ""),
    ]


def test_a_person_is_cheaper_than_a_building(ground: Ground) -> None:
    person = {"area_attribute": "warden", "equals": True}
    station = {"categories": ["station"]}
    assert [word for word, _ in _found(_asked(station, person), ground)] == [
        "open_planned",
        "reopen",
        "appoint",
        "appoint",
    ]
    assert {word for word, _ in _found(_asked(person), ground)} == {"appoint"}
    signs = {"area_attribute": "signs", "equals": True}
    assert _found(_asked(signs), ground) == [("", "")] * 4


def test_the_facility_that_lacks_what_is_asked(ground: Ground) -> None:
    indicator = Indicator(
        "Y",
        "暖和的站",
        "township",
        "facility_share",
        with_={
            "of": {"categories": ["station"]},
            "having": {"where": [{"attribute": "warm", "equals": True}]},
        },
    )
    found = share_remedies(indicator, ground, np.arange(1, 5))
    assert found.remedy.tolist() == ["", "add_function", "", ""]
    assert found.place.tolist() == [-1, 3, -1, -1]
