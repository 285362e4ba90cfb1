"""Scenarios on the tiny study: nothing changes nothing, sums, a case by hand."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from scenario_cases import (
    assert_same,
    compare,
    covered,
    is_area,
    scenario_of,
    sides_of,
)
from study_cases import STREET, STUDY_TOML, write_study
from yikezhong_app.runs.pipeline import compute_tables, run_study
from yikezhong_app.scenarios.applying import apply_scenario
from yikezhong_app.scenarios.reading import ScenarioError, read_scenario
from yikezhong_app.scenarios.running import (
    affected_services,
    compute_scenario,
    run_scenario,
)
from yikezhong_app.scenarios.storing import list_results, read_asked, read_table
from yikezhong_app.snapshots.snapshot import SnapshotCorruptError, open_current
from yikezhong_geodata.study import Study, load_study

AS_OF = dt.date(2023, 12, 31)
SERVICES = """
services:
  care:
    {name: 照料, categories: [elderly_complex, day_care, mutual_aid], group: people_60,
     profile: walking, limit_s: 900}
  meal:
    {name: 助餐, categories: [elderly_complex, day_care], functions: [meal],
     group: people_60, profile: walking, limit_s: 900}
  places:
    {name: 床位, categories: [elderly_complex, day_care], group: people_60,
     profile: walking, limit_s: 1800, capacity: beds, people_per_unit: 10}
  institution:
    {name: 养老院, categories: [elderly_institution], group: people_60,
     profile: walking, limit_s: 1200}
  funeral:
    {name: 殡仪馆, categories: [funeral_home], group: people, profile: driving,
     limit_s: 300}
"""
NEW = {
    "action": "add", "id": "S1", "name": "北郊新点", "category": "day_care",
    "functions": ["meal"], "beds": 20, "lon": 113.3901, "lat": 31.7101,
}  # fmt: skip
CLOSE_NEW = {"action": "close", "id": "S1"}
#: Across a block of the street grid.
BRIDGE = {
    "action": "add_road", "id": "B1", "from": [113.365, 31.705], "to": [113.375, 31.715],
}  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("scenario") / "study"
    write_study(folder, toml=STUDY_TOML + '\n[services]\nfile = "services.yaml"\n')
    (folder / "services.yaml").write_text(SERVICES, encoding="utf-8")
    return load_study(folder, as_of=AS_OF)


@pytest.fixture(scope="module")
def out(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    run_study(study, folder)
    return folder


def test_no_change_changes_nothing(study: Study) -> None:
    assert_same(compare(study))
    same = apply_scenario(study, scenario_of())
    assert same.facilities is study.facilities
    assert all(same.roads[name] is graph for name, graph in study.roads.items())


def test_no_change_gives_the_tables_of_the_baseline(study: Study) -> None:
    changed = apply_scenario(study, scenario_of(NEW, CLOSE_NEW))
    one, _ = compute_tables(study)
    other, _ = compute_tables(changed)
    for name in ("times", "coverage"):
        assert_frame_equal(one[name], other[name], check_exact=True)


@pytest.mark.parametrize(
    "changes",
    [
        (NEW, CLOSE_NEW),
        ({"action": "move", "id": "F4", "lon": 113.38, "lat": 31.72},),
        (BRIDGE, {"action": "close_road", "edge": "B1"}),
        ({**NEW, "status": "planned"},),
    ],
    ids=["added and closed", "a closed one moved", "built and closed", "planned"],
)
def test_what_comes_to_nothing_gives_the_baseline(
    study: Study, changes: tuple[dict[str, Any], ...]
) -> None:
    assert_same(compare(study, *changes))


def test_a_facility_moved_away_and_back_gives_the_baseline(study: Study) -> None:
    row = study.facilities.set_index("id").loc["F1"]
    away = {"action": "move", "id": "F1", "lon": 113.40, "lat": 31.71}
    back = {"action": "move", "id": "F1", "lon": row["lon"], "lat": row["lat"]}
    assert_same(compare(study, away, back))


def test_a_case_by_hand(study: Study) -> None:
    """A new point in the lower middle cell, 900 m on foot from its door.

    S1 stands 9.48 m east of the street 113.390 (0.0001 degrees), 11 m north of its
    crossing with 31.710. The nearest facility open before, F3, is 2,230 m north of it.
    On the grid the way is as long as its parts east and north, but for the 22 m that
    some have to walk past the door to the crossing and back.
    """
    before, after = sides_of(study, NEW)
    care = study.services[0]
    one, other = before.splitter(care), after.splitter(care)
    times = other.times.nearest["with_neighbours"]
    new = len(study.facilities)
    demand = study.demand
    nearest = times.facility == new
    north = (demand["lat"] - 31.7101).abs().to_numpy() * 110_885
    east = (demand["lon"] - 113.39).abs().to_numpy() * 94_780
    leg = after.networks["walking"].facility.leg_m[new]
    assert leg == pytest.approx(9.48, abs=0.01)
    np.testing.assert_allclose(
        times.time_s[nearest], (north + east + leg)[nearest], atol=25
    )
    within = (times.time_s <= 900) & ~(
        one.times.nearest["with_neighbours"].time_s <= 900
    )
    gained = demand["people_60"].to_numpy()[within]
    row = covered(compare(study, NEW), "care").iloc[0]
    assert row["gained"] == gained.sum() > 50
    assert row["lost"] == 0
    assert row["covered_after"] == row["covered_before"] + gained.sum()


def test_closing_loses_what_opening_gained(study: Study) -> None:
    closed = compare(study, {"action": "close", "id": "F3"})
    rows = covered(closed, "care", level="township")
    assert rows.loc["421303100000", "lost"] > 0
    assert (rows["gained"] == 0).all()
    assert_same(closed[~closed["service"].isin(["care", "places"])])
    # communities that turn are counted like people
    areas = closed[is_area(closed) & (closed["service"] == "care")]
    assert (areas["covered_after"] <= areas["covered_before"]).all()


def test_a_function_more_and_a_status_changed(study: Study) -> None:
    meals = compare(
        study, {"action": "change", "id": "F3", "functions": ["meal", "day"]}
    )
    rows = covered(meals, "meal", level="township")
    assert rows.loc["421303100000", "gained"] > 0
    assert_same(meals[meals["service"] != "meal"])
    opened = compare(study, {"action": "change", "id": "F5", "status": "open"})
    assert covered(opened, "institution").iloc[0]["gained"] > 0
    more = compare(study, {"action": "change", "id": "F1", "beds": 60})
    assert covered(more, "places").iloc[0]["gained"] == pytest.approx(300)
    less = compare(
        study, {"action": "change", "id": "F2", "remove_functions": ["meal"]}
    )
    assert covered(less, "meal").iloc[0]["lost"] > 0


def test_a_bridge_is_a_straight_way_between_two_crossings(study: Study) -> None:
    before, after = sides_of(study, BRIDGE)
    graph = after.networks["walking"].graph
    at = int(np.flatnonzero(graph.edge_id == "B1")[0])
    assert graph.n_edge == before.networks["walking"].graph.n_edge + 1
    assert graph.edge_length_m[at] == pytest.approx(
        np.hypot(2 * STREET * 94_780, 2 * STREET * 110_885), rel=2e-3
    )
    assert graph.edge_forward_s[at] == pytest.approx(graph.edge_length_m[at], abs=1e-9)
    assert (graph.edge_id[:-1] < graph.edge_id[1:]).all()
    starts = graph.vertex_start[:-1]
    np.testing.assert_allclose(
        graph.vertex_lon[starts], graph.node_lon[graph.edge_u], atol=1e-6
    )
    assert not after.networks["walking"].usable[at]
    driving = after.networks["driving"].graph
    drive_s = driving.edge_forward_s[driving.edge_id == "B1"][0]
    assert drive_s < graph.edge_forward_s[at] / 4


@given(
    st.lists(
        st.tuples(
            st.floats(113.361, 113.419), st.floats(31.701, 31.739),
            st.floats(113.361, 113.419), st.floats(31.701, 31.739),
        ),
        min_size=1, max_size=3,
    )
)  # fmt: skip
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_bridge_never_lengthens_any_time(
    study: Study, bridges: list[tuple[float, float, float, float]]
) -> None:
    changes = [
        {"action": "add_road", "id": f"B{n}", "from": list(b[:2]), "to": list(b[2:])}
        for n, b in enumerate(bridges)
    ]
    try:
        before, after = sides_of(study, *changes)
    except ScenarioError:
        return  # both ends at one crossing
    for service in (study.services[0], study.services[4]):
        one, other = before.splitter(service), after.splitter(service)
        for variant, nearest in one.times.nearest.items():
            assert (other.times.nearest[variant].time_s <= nearest.time_s).all()


def test_a_closed_road_carries_nobody(study: Study) -> None:
    graph = study.roads["walking"]
    before, _ = sides_of(study)
    edge = int(before.networks["walking"].facility.edge[0])
    change = {"action": "close_road", "edge": str(graph.edge_id[edge])}
    before, after = sides_of(study, change)
    for network in after.networks.values():
        closed = np.flatnonzero(network.graph.edge_id == change["edge"])
        assert not np.isin(network.demand.edge, closed).any()
        assert not np.isin(network.facility.edge, closed).any()
    moved = (
        after.networks["walking"].demand.edge != before.networks["walking"].demand.edge
    )
    assert moved.any()
    compare(study, change)


def test_only_what_can_change_is_computed(study: Study) -> None:
    def touched(*changes: dict[str, Any]) -> list[str]:
        scenario = scenario_of(*changes)
        changed = apply_scenario(study, scenario)
        found = affected_services(study, changed, scenario=scenario)
        return [service.id for service in found]

    assert touched() == []
    assert touched({"action": "close", "id": "F6"}) == ["funeral"]
    assert touched({"action": "close", "id": "F1"}) == ["care", "meal", "places"]
    walk = {**BRIDGE, "profiles": ["walking"]}
    assert touched(walk) == ["care", "meal", "places", "institution"]
    assert touched(BRIDGE) == [service.id for service in study.services]


def test_a_result_is_kept_whole_and_the_same_twice(study: Study, out: Path) -> None:
    scenario = scenario_of(NEW, BRIDGE, name="一桥一点")
    one = run_scenario(study, out, scenario)
    other = run_scenario(study, out, scenario)
    assert one == other
    assert [m["id"] for m in list_results(out)].count(one["id"]) == 1
    assert one["baseline_version"] == open_current(out).version
    assert read_asked(out, one["id"]) == scenario
    again, _ = compute_scenario(study, scenario, baseline=open_current(out))
    for name, table in again.items():
        kept = read_table(out, one["id"], name)
        assert len(kept) == one["tables"][name]["rows"] == len(table)
        left, right = (
            t.drop(columns="geometry", errors="ignore") for t in (kept, table)
        )
        assert_frame_equal(left, right, check_exact=True, check_dtype=False)
    points = read_table(out, one["id"], "points")
    care = points[points["service"] == "care"]
    row = next(r for r in one["summary"] if r["service"] == "care")
    assert care["gained"].sum() == row["gained"]
    path = out / "scenarios" / one["id"] / "points.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SnapshotCorruptError):
        read_table(out, one["id"], "points")


def test_another_study_or_day_is_refused(study: Study, out: Path) -> None:
    later = load_study(study.folder, as_of=dt.date(2031, 1, 1))
    with pytest.raises(ScenarioError, match="重新运行"):
        run_scenario(later, out, scenario_of(NEW))


@pytest.mark.parametrize(
    "change",
    [
        {"action": "close", "id": "F99"},
        {**NEW, "id": "F1"},
        {"action": "close_road", "edge": "nowhere"},
        {**BRIDGE, "from": [110.0, 30.0]},
        {**BRIDGE, "to": BRIDGE["from"]},
        {"action": "change", "id": "F3", "add_functions": ["meal"]},
    ],
)
def test_what_does_not_fit_the_study_is_refused(
    study: Study, change: dict[str, Any]
) -> None:
    with pytest.raises(ScenarioError):
        apply_scenario(study, scenario_of(change))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"changes": []}',
        '{"name": "x", "colour": 1}',
        '{"name": "x", "changes": [{"action": "fly", "id": "a"}]}',
        '{"name": "x", "changes": [{"action": "move", "id": "a", "lon": 200, "lat": 0}]}',
        '{"name": "x", "changes": [{"action": "move", "id": "a", "lon": NaN, "lat": 0}]}',
        '{"name": "x", "changes": [{"action": "change", "id": "a", "beds": -1}]}',
        '{"name": "x", "changes": [{"action": "change", "id": "a", "category": "zoo"}]}',
        '{"name": "x", "changes": [{"action": "change", "id": "a", "functions": ["fly"]}]}',
    ],
)
def test_what_cannot_be_read_is_explained(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as raised:
        read_scenario(path)
    assert raised.value.file == "s.json"


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(
        'name = "试"\n[[changes]]\naction = "add_road"\nid = "B1"\n'
        "from = [113.365, 31.705]\nto = [113.375, 31.715]\n",
        encoding="utf-8",
    )
    document = {"name": "试", "changes": [BRIDGE]}
    (tmp_path / "s.json").write_text(json.dumps(document), encoding="utf-8")
    one, other = read_scenario(tmp_path / "s.toml"), read_scenario(tmp_path / "s.json")
    assert one == other
    assert one.id_for("v") == other.id_for("v") != one.id_for("w")
    with pytest.raises(ScenarioError):
        read_scenario(tmp_path / "missing.json")


def test_tables_of_a_scenario_have_text_codes(study: Study, out: Path) -> None:
    manifest = run_scenario(study, out, scenario_of({"action": "close", "id": "F1"}))
    table = read_table(out, manifest["id"], "comparison")
    assert isinstance(table["code"].dtype, pd.CategoricalDtype)
    assert set(table["code"].astype(str)) == set(study.divisions["code"])
