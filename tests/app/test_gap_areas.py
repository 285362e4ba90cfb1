"""Gap areas and remedies: sums of a run, the API, the command line."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pytest
import shapely

from service_cases import API, assert_problem, make_client
from study_cases import STUDY_TOML, write_study
from yikezhong_app.cli import main
from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.snapshots.snapshot import Snapshot, open_current
from yikezhong_coverage.remedies import REMEDIES
from yikezhong_geodata.study import load_study

SERVICES = """
services:
  care:
    {name: 照料, categories: [elderly_complex, day_care], group: people_60,
     profile: walking, limit_s: 900}
  places:
    {name: 照料床位, categories: [elderly_complex, day_care], group: people_60,
     profile: walking, limit_s: 1800, capacity: beds, people_per_unit: 5}
  meal:
    {name: 助餐, categories: [elderly_complex, day_care], functions: [meal],
     group: people_60, profile: walking, limit_s: 900}
  institution:
    {name: 养老院, categories: [elderly_institution], group: people_60,
     profile: walking, limit_s: 1200}
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gaps")
    toml = STUDY_TOML + '\n[services]\nfile = "services.yaml"\n'
    study = write_study(folder / "study", toml=toml)
    (study / "services.yaml").write_text(SERVICES, encoding="utf-8")
    # F3 is known to offer cleaning only: it could serve meals
    csv = study / "facilities.csv"
    text = csv.read_text(encoding="utf-8")
    csv.write_text(text.replace("日间照料,,12", "日间照料,助洁,12"), encoding="utf-8")
    loaded = load_study(study, as_of=dt.date(2023, 12, 31))
    run_study(loaded, folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def snapshot(out: Path) -> Snapshot:
    return open_current(out)


@pytest.mark.parametrize("service", ["care", "places", "meal", "institution"])
def test_areas_hold_everybody_without(snapshot: Snapshot, service: str) -> None:
    areas = snapshot.geo_table("gap_areas")
    areas = areas[areas["service"] == service]
    gaps = snapshot.table("gaps")
    county = gaps[
        (gaps["service"] == service)
        & (gaps["level"] == "county")
        & (gaps["limit_s"] == areas["limit_s"].iloc[0])
    ]
    assert areas["without"].sum() == county["without"].sum()
    assert areas["people_60_without"].sum() == county["people_60_without"].sum()
    assert areas["rank"].tolist() == list(range(1, len(areas) + 1))
    assert areas["without"].is_monotonic_decreasing
    assert areas["name"].is_unique
    assert areas["id"].is_unique
    assert shapely.is_valid(areas.geometry.to_numpy()).all()
    assert shapely.contains_xy(
        areas.geometry.to_numpy(), areas["lon"], areas["lat"]
    ).all()
    for row in areas.itertuples():
        assert row.community_code in row.community_codes
        assert row.name.endswith(
            ("片区", *(f"片区{n}" for n in range(1, len(areas) + 1)))
        )


def test_remedies_follow_from_the_facilities(snapshot: Snapshot) -> None:
    gaps = snapshot.table("gaps")
    rows = gaps[(gaps["level"] == "township") & (gaps["limit_s"] == 1200)]
    rows = rows[rows["service"] == "institution"].set_index(
        rows[rows["service"] == "institution"]["code"].astype(str)
    )
    # the only old people's home is planned, in the development zone
    assert rows.loc["421303400000", "remedy"] == "open_planned"
    assert rows.loc["421303400000", "remedy_facility_id"] == "F5"
    assert rows.loc["421303001000", "remedy"] == "build"
    meal = gaps[gaps["service"] == "meal"]
    add = meal[meal["remedy"] == "add_function"]
    assert set(add["remedy_facility_id"]) == {"F3"}
    assert (add["without_lacks_function"] == add["remedy_people"]).all()
    full = gaps[(gaps["service"] == "places") & (gaps["limit_s"] == 1800)]
    assert "enlarge" in set(full["remedy"])
    assert (gaps["remedy_people"] <= gaps["without"].fillna(0)).all()
    assert set(gaps["remedy"]) <= set(REMEDIES)
    assert (
        gaps["remedy_facility_id"].isna() == gaps["remedy"].isin(["build", "survey"])
    ).all()


def test_the_api_gives_areas_in_every_format(out: Path) -> None:
    client = make_client(out)
    answer = client.get(f"{API}/gap-areas?service=meal").json()
    assert answer["total"] == len(answer["items"]) > 0
    first = answer["items"][0]
    assert first["rank"] == 1
    assert first["remedy_name"] == REMEDIES[first["remedy"]]
    assert "without" not in first
    whole = client.get(f"{API}/gap-areas?service=meal&format=geojson").json()
    assert [f["id"] for f in whole["features"]] == [r["id"] for r in answer["items"]]
    assert whole["features"][0]["geometry"]["type"] == "Polygon"
    for kind in ("csv", "xlsx"):
        assert client.get(f"{API}/gap-areas?format={kind}").status_code == 200
    parts = [
        client.get(f"{API}/gap-areas?service=meal&parent={code}").json()["total"]
        for code in ("421303001", "421303100", "421303400")
    ]
    assert sum(parts) >= answer["total"] >= max(parts)
    least = client.get(
        f"{API}/gap-areas?service=meal&min_people={first['people_without']}"
    ).json()
    assert first["id"] in [row["id"] for row in least["items"]]
    bad = client.get(f"{API}/gap-areas?remedy=wish")
    assert assert_problem(bad, 422, "parameter")["available"] == list(REMEDIES)


def test_the_api_names_remedies_of_gaps(out: Path) -> None:
    rows = make_client(out).get(f"{API}/gaps?service=institution").json()["items"]
    planned = [row for row in rows if row["remedy"] == "open_planned"]
    assert planned
    assert {row["remedy_facility_name"] for row in planned} == {"开发区敬老院"}


def test_the_command_prints_and_writes(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*args: object) -> int:
        with pytest.raises(SystemExit) as stopped:
            main(["gaps", str(out), *map(str, args)])
        return int(stopped.value.code or 0)

    table = tmp_path / "gaps.csv"
    assert call("--service", "meal", "--level", "community", "--csv", table) == 0
    assert "缺口片区" in capsys.readouterr().out
    written = pd.read_csv(table, dtype=str)
    assert call("--service", "meal", "--level", "community", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert written["code"].tolist() == [row["code"] for row in answer["gaps"]]
    assert {row["service"] for row in answer["gap_areas"]} == {"meal"}
    assert call("--service", "wish", "--json") == 2
    assert json.loads(capsys.readouterr().out)["error"]["message"]
    assert call("--level", "moon") == 2
    assert call("--minutes", "7") == 2
