"""The demonstration study, whole: exact times, sums, and what the map shows."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from real_cases import ask, assert_times_equal_networkx, assert_times_near_unrounded
from yikezhong_geodata.demo import build_demo
from yikezhong_geodata.study import Study, load_study

AS_OF = dt.date(2025, 12, 31)
#: 随县, the largest of the three counties.
LARGEST_COUNTY = "421321"
CIRCLE = ("elderly_complex", "day_care", "mutual_aid")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("demo") / "study"
    build_demo(folder)
    return load_study(folder, as_of=AS_OF)


@pytest.mark.parametrize("profile", ["walking", "driving"])
def test_times_equal_networkx_in_the_largest_county(study: Study, profile: str) -> None:
    question = ask(study, CIRCLE, profile=profile, county=LARGEST_COUNTY)
    counties = study.divisions[study.divisions["level"] == "county"]
    assert counties.set_index("code")["area_m2"].idxmax().startswith(LARGEST_COUNTY)
    n_demand = len(question.network.demand)
    assert assert_times_equal_networkx(question) > 0.9 * n_demand
    if profile == "walking":
        assert_times_near_unrounded(question)


def test_rows_and_people_are_conserved(study: Study) -> None:
    counts = study.report.counts_frame()
    parts = counts["used"] + counts["repaired"] + counts["set_aside"]
    assert (counts["read"] == parts).all()
    assert study.demand["people"].sum() == 2_047_923
    divisions = study.divisions
    for level in ("prefecture", "county", "township", "community"):
        assert divisions[divisions["level"] == level]["people"].sum() == 2_047_923
    finest = study.demand.groupby("division_code")["people_60"].sum()
    known = divisions.set_index("code").loc[finest.index, "people_60"]
    np.testing.assert_array_equal(finest, known)
