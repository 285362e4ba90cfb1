"""Whole runs on real data: recorded rates, exact times, nothing lost.

Regression figures were recorded from the first run that agreed with networkx on every
demand point; they may move by :data:`TOLERANCE` when a library changes a geometry.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from real_cases import (
    AS_OF,
    ask,
    assert_times_equal_networkx,
    assert_times_near_unrounded,
    make_las_palmas,
    make_liechtenstein,
    make_porto_alegre,
)
from recorded_cases import assert_recorded
from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.snapshots.snapshot import Snapshot
from yikezhong_geodata.study import Study, load_study

pytestmark = pytest.mark.real_data

#: Largest accepted change of a recorded rate.
TOLERANCE = 0.005

MAKERS = {
    "liechtenstein": make_liechtenstein,
    "las_palmas": make_las_palmas,
    "porto_alegre": make_porto_alegre,
}


@dataclass(frozen=True, eq=False)
class Case:
    """A real study, read and run once for all tests."""

    study: Study
    snapshot: Snapshot

    def rates(self, service: str, *, level: str = "township") -> dict[str, float]:
        """Return the people rate of each division by name, at the service's limit."""
        table = self.snapshot.table("coverage")
        (limit_s,) = (
            s["limit_s"]
            for s in self.snapshot.manifest["services"]
            if s["id"] == service
        )
        rows = table[
            (table["service"] == service)
            & (table["limit_s"] == limit_s)
            & (table["denominator"] == "people")
            & (table["variant"] == "with_neighbours")
            & (table["level"] == level)
        ]
        names = self.study.divisions.set_index("code")["name"]
        return {str(names[r.code]): float(r.rate) for r in rows.itertuples()}


@pytest.fixture(scope="module")
def cases(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    made = {}
    for name, make in MAKERS.items():
        folder = tmp_path_factory.mktemp(name)
        study = load_study(make(real_data, folder / "study"), as_of=AS_OF)
        made[name] = Case(study, run_study(study, folder / "out"))
    return made


def _assert_rates(found: dict[str, float], expected: dict[str, float]) -> None:
    assert found.keys() == expected.keys()
    for name, rate in expected.items():
        assert found[name] == pytest.approx(rate, abs=TOLERANCE), name


#: Municipality: share of buildings within 15 minutes on foot of a cemetery, a
#: kindergarten and a school.
LIECHTENSTEIN = {
    "Balzers": (0.3166, 0.3653, 0.0),
    "Eschen": (0.1135, 0.0, 0.8386),
    "Gamprin": (0.0, 0.0, 0.5566),
    "Mauren": (0.119, 0.0442, 0.0578),
    "Planken": (0.0, 0.0, 0.8333),
    "Ruggell": (0.7684, 0.0, 0.0),
    "Schaan": (0.3759, 0.7058, 0.4082),
    "Schellenberg": (0.3894, 0.3696, 0.4092),
    "Triesen": (0.4559, 0.3984, 0.5247),
    "Triesenberg": (0.322, 0.0, 0.1963),
    "Vaduz": (0.5372, 0.3165, 0.7074),
}
#: School catchments of Las Palmas with any elderly care in reach: share of buildings.
LAS_PALMAS = {
    "IES ALONSO QUESADA": 0.0729,
    "IES EL BATÁN": 0.0139,
    "IES FERIA DEL ATLÁNTICO": 0.6229,
    "IES FRANCHY ROCA": 0.0301,
    "IES GUANARTEME": 0.042,
    "IES ISABEL DE ESPAÑA": 0.7915,
    "IES LA MINILLA": 0.3921,
    "IES LA VEGA DE SAN JOSÉ": 0.9575,
    "IES MESA Y LÓPEZ": 0.8358,
    "IES POETA TOMÁS MORALES CASTELLANO": 0.7763,
    "IES PÉREZ GALDÓS": 0.8866,
    "IES SCHAMANN": 0.0415,
    "IES SIMÓN PÉREZ": 0.3307,
}


def test_liechtenstein_has_its_eleven_municipalities(cases: dict[str, Case]) -> None:
    study = cases["liechtenstein"].study
    assert sorted(study.divisions["name"]) == sorted(LIECHTENSTEIN)
    assert set(study.divisions["level"]) == {"township"}
    report = study.report.frame()
    unnamed = report[
        (report["layer"] == "boundaries") & (report["problem"] == "unnamed")
    ]
    assert len(unnamed) == 4
    assert set(unnamed["action"]) == {"set_aside"}


@pytest.mark.case("guards")
def test_liechtenstein_has_its_recorded_figures(cases: dict[str, Case]) -> None:
    assert_recorded(cases["liechtenstein"].snapshot, "liechtenstein")


@pytest.mark.parametrize(
    ("column", "service"),
    [(0, "cemetery_circle"), (1, "kindergarten_circle"), (2, "school_circle")],
)
def test_liechtenstein_rates(cases: dict[str, Case], column: int, service: str) -> None:
    expected = {name: rates[column] for name, rates in LIECHTENSTEIN.items()}
    _assert_rates(cases["liechtenstein"].rates(service), expected)


def test_las_palmas_elderly_circle(cases: dict[str, Case]) -> None:
    case = cases["las_palmas"]
    _assert_rates(case.rates("elderly_circle"), {"Las Palmas de Gran Canaria": 0.3646})
    found = case.rates("elderly_circle", level="community")
    assert len(found) == 29
    _assert_rates(found, {name: LAS_PALMAS.get(name, 0.0) for name in found})
    circles = case.snapshot.geo_table("circles")
    union = circles[
        (circles["service"] == "elderly_circle") & circles["facility_id"].isna()
    ]
    assert len(union) == 1
    assert union.geometry.is_valid.all()


def test_porto_alegre_rates(cases: dict[str, Case]) -> None:
    case = cases["porto_alegre"]
    _assert_rates(case.rates("school_circle"), {"Porto Alegre": 0.9304})
    _assert_rates(case.rates("clinic_circle"), {"Porto Alegre": 0.7465})
    assert case.study.demand["people"].sum() == 812_935


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("liechtenstein", "public_cemetery"),
        ("liechtenstein", "kindergarten"),
        ("liechtenstein", "school"),
        ("las_palmas", "elderly_institution"),
        ("porto_alegre", "school"),
        ("porto_alegre", "clinic"),
    ],
)
@pytest.mark.parametrize("profile", ["walking", "driving"])
def test_times_equal_networkx_at_every_demand_point(
    cases: dict[str, Case], name: str, category: str, profile: str
) -> None:
    study = cases[name].study
    question = ask(study, (category,), profile=profile)
    assert assert_times_equal_networkx(question) > 0.8 * len(study.demand)
    if profile == "walking":
        assert_times_near_unrounded(question)


@pytest.mark.parametrize("name", MAKERS)
def test_rows_and_people_are_conserved(cases: dict[str, Case], name: str) -> None:
    study, snapshot = cases[name].study, cases[name].snapshot
    counts = study.report.counts_frame()
    parts = counts["used"] + counts["repaired"] + counts["set_aside"]
    assert (counts["read"] == parts).all()
    coverage = snapshot.table("coverage")
    people = coverage[coverage["denominator"] == "people"]
    known = people.dropna(subset=["total"])
    parts = known["covered"] + known["full"] + known["out_of_reach"]
    np.testing.assert_array_equal(parts, known["total"])
    top = people[
        people["code"].isin(study.divisions[study.divisions["parent"].isna()]["code"])
    ]
    for _, rows in top.groupby(["service", "limit_s", "variant"], observed=True):
        assert rows["total"].sum() == study.demand["people"].sum()
