"""A run of the tiny study: tables of the contract, figures made again from the times."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from network_cases import networkx_times
from study_cases import STUDY_TOML, write_study
from yikezhong_app.runs.measure import build_network
from yikezhong_app.runs.pipeline import compute_tables, run_study
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_app.tables.gaps import VARIANT
from yikezhong_geodata.study import Study, load_study

AS_OF = dt.date(2023, 12, 31)
CONTRACT = {
    "divisions": "code name level kind parent geometry area_m2 people people_60 people_65 "
    "people_80 children households unknown_units population_method population_basis "
    "population_year",
    "facilities": "id name category functions beds status opened community_code "
    "township_code snap_m snap_status geometry",
    "demand": "id community_code township_code people snap_m status geometry",
    "times": "demand_id service profile speed_mps variant time_s facility_id",
    "coverage": "level code service limit_s denominator profile speed_mps variant as_of "
    "total covered full out_of_reach rate flags",
    "gaps": "id level code service people_60_without reason nearest_facility_id "
    "nearest_time_s rank",
    "circles": "facility_id service limit_s geometry",
    "data_report": "layer file row id problem action value",
}
CAPACITY = """
services:
  care_places:
    {name: 照料床位, categories: [elderly_complex, day_care], group: people_60,
     profile: walking, limit_s: 1800, capacity: beds, people_per_unit: 10}
  meal:
    {name: 助餐, categories: [elderly_complex, day_care], functions: [meal],
     group: people_60, profile: walking, limit_s: 1800}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return load_study(write_study(tmp_path_factory.mktemp("study")), as_of=AS_OF)


@pytest.fixture(scope="module")
def tables(study: Study) -> dict[str, pd.DataFrame]:
    return compute_tables(study)[0]


@pytest.fixture(scope="module")
def capacity_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("capacity")
    write_study(folder, toml=STUDY_TOML + '\n[services]\nfile = "services.yaml"\n')
    (folder / "services.yaml").write_text(CAPACITY, encoding="utf-8")
    return load_study(folder, as_of=AS_OF)


@pytest.mark.parametrize("name", CONTRACT)
def test_tables_have_the_columns_of_the_contract(
    tables: dict[str, pd.DataFrame], name: str
) -> None:
    missing = set(CONTRACT[name].split()) - set(tables[name].columns)
    assert missing == set()


def _people_rows(
    tables: dict[str, pd.DataFrame], level: str, variant: str
) -> pd.Series:
    rows = tables["coverage"]
    rows = rows[
        (rows["service"] == "elderly_circle")
        & (rows["limit_s"] == 900)
        & (rows["denominator"] == "people_60")
        & (rows["level"] == level)
        & (rows["variant"] == variant)
    ]
    return rows.set_index(rows["code"].astype(str))[["total", "covered"]]


@pytest.mark.parametrize("variant", ["with_neighbours", "own"])
@pytest.mark.parametrize(
    ("level", "width"), [("community", 12), ("township", 9), ("county", 6)]
)
def test_rates_follow_from_the_times(
    tables: dict[str, pd.DataFrame], level: str, width: int, variant: str
) -> None:
    times = tables["times"]
    times = times[
        (times["service"] == "elderly_circle") & (times["variant"] == variant)
    ]
    demand = tables["demand"].merge(
        times.assign(id=times["demand_id"].astype(str)), on="id", validate="1:1"
    )
    area = demand["division_code"].str[:width].str.ljust(12, "0")
    expected = pd.DataFrame(
        {
            "total": demand["people_60"].groupby(area).sum(),
            "covered": demand["people_60"]
            .where(demand["time_s"] <= 900, 0.0)
            .groupby(area)
            .sum(),
        }
    )
    found = _people_rows(tables, level, variant)
    pd.testing.assert_frame_equal(
        found.sort_index(), expected.sort_index(), check_names=False
    )
    assert found["total"].sum() == 800 + 300 + 700 + 200 + 250


def test_own_facilities_are_those_of_the_same_township(
    study: Study, tables: dict[str, pd.DataFrame]
) -> None:
    network = build_network(
        study, study.roads["walking"], parameters=study.spec.parameters
    )
    table = study.facilities
    counts = table["category"].isin(["elderly_complex", "day_care", "mutual_aid"])
    open_ = counts & (table["status"] == "open")
    times = tables["times"]
    own = times[(times["service"] == "elderly_circle") & (times["variant"] == "own")]
    found = own.set_index(own["demand_id"].astype(str))["time_s"]
    for township in study.demand["township_code"].unique():
        here = (study.demand["township_code"] == township).to_numpy()
        chosen = (open_ & (table["township_code"] == township)).to_numpy()
        expected = networkx_times(
            network.graph,
            network.demand.take(here),
            network.facility.take(chosen),
            leg_speed_mps=network.leg_speed_mps,
            max_time_s=network.max_time_s,
        )
        np.testing.assert_array_equal(
            found[study.demand["id"][here]].to_numpy(), expected.time_s
        )


def test_capacity_serves_nearest_first_and_never_more_than_there_is(
    capacity_study: Study,
) -> None:
    rows = compute_tables(capacity_study)[0]["coverage"]
    rows = rows[
        (rows["service"] == "care_places")
        & (rows["denominator"] == "people_60")
        & (rows["level"] == "county")
        & (rows["variant"] == "with_neighbours")
    ].set_index("limit_s")
    row = rows.loc[1800.0]
    assert row["covered"] + row["full"] + row["out_of_reach"] == row["total"] == 2250
    # F1 with 30 beds, F2 with 10 and F3 with 12, ten people each; all are filled
    assert row["covered"] == (30 + 10 + 12) * 10
    assert row["full"] > 0


def test_gaps_account_for_everybody_without(capacity_study: Study) -> None:
    tables = compute_tables(capacity_study)[0]
    coverage = tables["coverage"]
    for service in ("care_places", "meal"):
        for limit_s in (900.0, 1800.0):
            gaps = tables["gaps"]
            gaps = gaps[(gaps["service"] == service) & (gaps["limit_s"] == limit_s)]
            rows = coverage[
                (coverage["service"] == service)
                & (coverage["limit_s"] == limit_s)
                & (coverage["denominator"] == "people_60")
                & (coverage["variant"] == "with_neighbours")
            ]
            for level in ("community", "township", "county"):
                here = rows[rows["level"] == level]
                without = (here["full"] + here["out_of_reach"]).sum()
                assert gaps[gaps["level"] == level]["without"].sum() == without
            reasons = [c for c in gaps.columns if c.startswith("without_")]
            np.testing.assert_array_equal(gaps[reasons].sum(axis=1), gaps["without"])


def test_a_facility_with_unknown_functions_is_listed_and_not_counted(
    capacity_study: Study,
) -> None:
    tables = compute_tables(capacity_study)[0]
    report = tables["data_report"]
    listed = report[report["problem"] == "functions_unknown"]
    assert listed[["id", "value"]].to_numpy().tolist() == [["F3", "meal"]]
    times = tables["times"]
    used = set(times[times["service"] == "meal"]["facility_id"].dropna())
    assert used == {"F1", "F2"}


def test_the_as_of_date_decides_what_is_open(study: Study, tmp_path: Path) -> None:
    later = load_study(study.folder, as_of=dt.date(2031, 1, 1))
    assert study.facilities.set_index("id")["status"]["F5"] == "planned"
    assert later.facilities.set_index("id")["status"]["F5"] == "open"
    snapshot = run_study(later, tmp_path)
    assert snapshot.manifest["as_of"] == "2031-01-01"
    assert set(snapshot.table("coverage")["as_of"]) == {"2031-01-01"}


def test_a_longer_limit_never_covers_less(study: Study) -> None:
    rows = compute_tables(study)[0]["coverage"]
    rows = rows[(rows["variant"] == "with_neighbours") & (rows["level"] == "county")]
    for _, part in rows.groupby(["service", "denominator"], observed=True):
        covered = part.sort_values("limit_s")["covered"].dropna()
        assert covered.is_monotonic_increasing


def test_a_run_is_repeatable(study: Study, tmp_path: Path) -> None:
    one = run_study(study, tmp_path / "one")
    two = run_study(study, tmp_path / "two")
    assert one.version == two.version
    assert (
        open_current(tmp_path / "two").manifest["parameters"]["walk_speed_mps"] == 1.0
    )


def test_rates_at_other_speeds_are_those_of_a_run_at_that_speed(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    found = tables["coverage_speeds"]
    assert set(found["speed_mps"]) == {0.8, 1.2}
    keys = ["service", "limit_s", "denominator", "code"]
    figures = ["total", "covered", "full", "out_of_reach", "rate", "flags"]
    for speed in (0.8, 1.2):
        toml = f"{STUDY_TOML}\n[parameters]\nwalk_speed_mps = {speed}\n"
        folder = write_study(tmp_path / str(speed), toml=toml)
        whole = compute_tables(load_study(folder, as_of=AS_OF))[0]["coverage"]
        expected = whole.set_index(keys)[whole["variant"].to_numpy() == VARIANT]
        own = found[found["speed_mps"] == speed].set_index(keys)
        for name in figures:
            one, other = own[name].astype(object), expected[name].astype(object)
            assert one.equals(other.reindex(own.index)), (speed, name)
