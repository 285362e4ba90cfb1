"""A study small enough for a pencil: 3 counties, 8 townships, 20 communities.

::

    P   A  A1 街道 30,000 people     a b c        B  B1 镇 29,999   a b c
           A2 镇   60,000            a b* c          B2 镇 60,001   a b* c
           A3 乡   0                 a b             B3 林场 500    a
        C  C1 街道 45,000            a b c           C2 镇 unknown  a? b

Every community has 100 households but A3b (none) and C2b (unknown). The stars are
central villages; of C2a it is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from yikezhong_coverage.rules.records import (
    Areas,
    Indicator,
    Places,
    Result,
    RunFacts,
    Target,
)
from yikezhong_coverage.rules.value import value_indicator

NAN = float("nan")
TOWNSHIPS = {
    "A1": ("subdistrict", "abc", 30_000.0),
    "A2": ("town", "abc", 60_000.0),
    "A3": ("rural_township", "ab", 0.0),
    "B1": ("town", "abc", 29_999.0),
    "B2": ("town", "abc", 60_001.0),
    "B3": ("township_unit", "a", 500.0),
    "C1": ("subdistrict", "abc", 45_000.0),
    "C2": ("town", "ab", NAN),
}
COUNTY_PEOPLE = {"A": 90_000.0, "B": 90_500.0, "C": NAN}
KINDS = ("subdistrict", "town", "rural_township")
POSTS = {"A1": 2, "A2": 2, "A3": 1, "B1": 1, "B2": 2, "B3": 0, "C1": 1, "C2": 3}
#: Townships with a designated person; of B2 it is not known.
DESIGNATED = {name: name == "A2" for name in TOWNSHIPS} | {"B2": None}


def _areas() -> Areas:
    code, level, kind, parent, people, households = [], [], [], [], [], []
    index: dict[str, int] = {}

    def add(name: str, at: str, sort: str, above: str, n: float, h: float) -> None:
        index[name] = len(code)
        code.append(name)
        level.append(at)
        kind.append(sort)
        parent.append(index[above] if above else -1)
        people.append(n)
        households.append(h)

    add("P", "prefecture", "", "", NAN, NAN)
    for county, n in COUNTY_PEOPLE.items():
        add(county, "county", "", "P", n, NAN)
    for township, (sort, parts, n) in TOWNSHIPS.items():
        add(township, "township", sort, township[0], n, NAN)
        for part in parts:
            name = township + part
            homes = {"A3b": 0.0, "C2b": NAN}.get(name, 100.0)
            add(name, "community", "village", township, NAN, homes)
    central = {name: name in ("A2b", "B1b", "B2b") for name in code} | {"C2a": None}
    columns: dict[str, Mapping[str, Any]] = {
        "posts": POSTS,
        "designated_person": DESIGNATED,
        "central_village": central,
        "urban_district": {"A1": True, "C1": False},
    }
    return Areas(
        np.array(code),
        np.array(level),
        np.array(kind),
        np.array(parent, dtype=np.int32),
        {"people": np.array(people), "households": np.array(households)},
        {name: _column([c.get(one) for one in code]) for name, c in columns.items()},
    )


def _column(values: Sequence[Any]) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


ALL = frozenset({"residential", "day", "home_visit"})
NONE: frozenset[str] = frozenset()
#: id, category, unit, functions, status, attributes
FACILITIES: list[tuple[str, str, str, frozenset[str] | None, str, dict[str, Any]]] = [
    ("s1", "station", "A1a", NONE, "open", {}),
    ("s2", "station", "B1a", NONE, "open", {}),
    ("s3", "station", "C1a", NONE, "planned", {}),
    ("s4", "station", "C2", NONE, "open", {}),
    ("x1", "complex", "A1b", ALL, "open", {}),
    ("x2", "complex", "A2a", frozenset({"day"}), "open", {}),
    ("x3", "complex", "C1b", None, "open", {}),
    ("x4", "complex", "B1c", ALL | {"meal"}, "open", {}),
    ("e1", "home", "A1a", NONE, "open", {"beds": 100, "nursing": 60, "medical": True}),
    ("e2", "home", "B1a", NONE, "open", {"beds": 150, "nursing": 90, "medical": False}),
    ("e3", "home", "C2a", NONE, "open", {"beds": 50, "medical": True}),
    ("v1", "center", "A1a", NONE, "open", {"floor": 30.0}),
    ("v2", "center", "A1b", NONE, "open", {"floor": 30.1}),
    ("v3", "center", "A2a", NONE, "open", {"floor": "45.5"}),
    ("v4", "center", "B1a", NONE, "open", {"floor": 100}),
    ("l1", "lottery", "A1c", NONE, "open", {"opened": "2021-01-01"}),
    ("l2", "lottery", "B2a", NONE, "open", {"opened": "2020-12-31"}),
    ("l3", "lottery", "C1a", NONE, "open", {}),
    ("l4", "lottery", "C1a", NONE, "planned", {"opened": "2026-06-01"}),
    ("c1", "cemetery", "A2b", NONE, "open", {"plots": 13_500}),
    ("c2", "cemetery", "B1a", NONE, "open", {"plots": 1_000}),
]
SERVES = {"c2": ("B2b", "C1")}


def _places(areas: Areas) -> Places:
    index = {code: i for i, code in enumerate(areas.code.tolist())}
    names = sorted({key for row in FACILITIES for key in row[5]})
    return Places(
        np.array([row[0] for row in FACILITIES]),
        np.array([row[1] for row in FACILITIES]),
        [row[3] for row in FACILITIES],
        np.array([row[4] for row in FACILITIES]),
        np.array([index[row[2]] for row in FACILITIES], dtype=np.int32),
        [tuple(index[c] for c in SERVES.get(row[0], ())) for row in FACILITIES],
        {key: _column([row[5].get(key) for row in FACILITIES]) for key in names},
    )


AREAS = _areas()
PLACES = _places(AREAS)
INDEX = {code: i for i, code in enumerate(AREAS.code.tolist())}


def asked(
    rule: str,
    unit: str,
    *,
    target: str | None = None,
    comparison: str = ">=",
    levels: tuple[str, ...] = (),
    **more: Any,
) -> Indicator:
    """Return an indicator; ``with_`` and the rest are passed on."""
    wanted = None
    if target is not None:
        wanted = Target(comparison, Fraction(target), levels=levels)
    return Indicator("I", "指标", unit, rule, target=wanted, **more)


def by_code(
    indicator: Indicator,
    *,
    extra: RunFacts | None = None,
    areas: Areas = AREAS,
    places: Places = PLACES,
) -> dict[str, Result]:
    """Return the results of an indicator by code."""
    results = value_indicator(indicator, areas, places, extra=extra)
    return {result.code: result for result in results}


def shown(results: Mapping[str, Result], codes: str) -> list[tuple[str, str, str, str]]:
    """Return numerator/denominator, value, status and missing units as text."""
    return [
        (
            f"{results[code].numerator}/{results[code].denominator}",
            str(results[code].value),
            results[code].status,
            str(results[code].missing_units),
        )
        for code in codes.split()
    ]


def area_array(values: Mapping[str, float], *, default: float = 0.0) -> np.ndarray:
    """Return one number per area of the study."""
    return np.array([values.get(code, default) for code in AREAS.code.tolist()])
