"""Indicators of both plans on the demonstration study: valued, judged, served."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from starlette.testclient import TestClient

from indicator_cases import END, MIDDLE, DemoRun, edit_study, only, value_all
from service_cases import API, assert_problem, make_client
from yikezhong_app.schemas.plans import IndicatorPage, OneIndicatorPage, ScorecardPage
from yikezhong_app.snapshots.snapshot import Snapshot, open_current
from yikezhong_coverage.rules.records import LEVELS, Indicator, Result
from yikezhong_geodata.demo import build_demo
from yikezhong_geodata.plans.register import Plan, load_register
from yikezhong_geodata.study import Study, load_study

COUNTY = "421303000000"
PREFECTURE = "421300000000"
TOWNSHIP = "421303001000"
ORDERED = {"statement"}


@pytest.fixture(scope="module")
def snapshot(county_run: DemoRun) -> Snapshot:
    return open_current(county_run.out)


@pytest.fixture(scope="module")
def table(snapshot: Snapshot) -> pd.DataFrame:
    return snapshot.table("indicators")


@pytest.fixture(scope="module")
def client(county_run: DemoRun) -> Iterator[TestClient]:
    with make_client(county_run.out) as opened:
        yield opened


@pytest.fixture(scope="module")
def plans() -> tuple[Plan, ...]:
    return load_register(["hubei-14fyp", "suizhou-14fyp"])


@pytest.fixture(scope="module")
def prefecture(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = build_demo(tmp_path_factory.mktemp("prefecture") / "study")
    return load_study(folder, as_of=END)


@pytest.fixture(scope="module")
def valued(prefecture: Study) -> dict[tuple[str, str], Result]:
    return value_all(prefecture)


def indicators_of(plans: tuple[Plan, ...]) -> dict[str, Indicator]:
    return {i.id: i for plan in plans for i in plan.indicators}


# --- what is valued where ------------------------------------------------------


def test_all_that_can_be_computed_is_valued_at_the_top_of_a_prefecture(
    plans: tuple[Plan, ...], valued: dict[tuple[str, str], Result]
) -> None:
    left = []
    for id_, indicator in indicators_of(plans).items():
        if indicator.class_ == "C" or indicator.rule in ORDERED | {"network_time"}:
            continue
        if LEVELS.index(indicator.unit) < LEVELS.index("prefecture"):
            continue
        if valued[id_, PREFECTURE].value is None:
            left.append((id_, valued[id_, PREFECTURE].reason))
    assert left == []


def test_each_level_from_the_top_to_the_unit_has_its_rows(
    plans: tuple[Plan, ...], table: pd.DataFrame, snapshot: Snapshot
) -> None:
    divisions = snapshot.table("divisions")
    counts = divisions["level"].value_counts().to_dict()
    found = table.groupby(["indicator_id", "level"]).size()
    for id_, indicator in indicators_of(plans).items():
        bottom = LEVELS.index(indicator.unit)
        wanted = {v: counts[v] for v in LEVELS[: bottom + 1] if v in counts}
        rows = found[id_].to_dict() if id_ in found.index.get_level_values(0) else {}
        if indicator.rule == "boundary_quality":
            assert rows.items() <= wanted.items()
        else:
            assert rows == wanted, id_
    assert not table.duplicated(["indicator_id", "code"]).any()


def test_network_indicators_are_the_coverage_of_the_run(
    table: pd.DataFrame, snapshot: Snapshot, plans: tuple[Plan, ...]
) -> None:
    coverage = snapshot.table("coverage")
    network = [i for i in indicators_of(plans).values() if i.rule == "network_time"]
    assert len(network) >= 6
    for indicator in network:
        row = only(table, indicator_id=indicator.id, code=COUNTY)
        part = coverage[
            (coverage["code"] == COUNTY)
            & coverage["service"].isin(list(indicator.with_["services"]))
            & (coverage["limit_s"] == float(indicator.with_["limit_min"]) * 60)
            & (coverage["denominator"] == indicator.with_.get("group", "people_60"))
            & (coverage["variant"] == "with_neighbours")
        ]
        assert len(part) == len(indicator.with_["services"])
        assert row["value"] == pytest.approx(part["rate"].min(), abs=1e-12)


def test_verdicts_agree_with_values_and_targets(table: pd.DataFrame) -> None:
    judged = table[table["status"].isin(["met", "not_met"]) & table["value"].notna()]
    assert set(judged["comparison"]) >= {">=", ">", "<="}
    certain = judged[judged["unknown_codes"].map(len) == 0]
    for row in certain.itertuples():
        holds = {
            ">=": row.value >= row.target,
            ">": row.value > row.target,
            "<=": row.value <= row.target,
        }[row.comparison]
        assert (row.status == "met") == holds, (row.indicator_id, row.code)
    assert (judged["missing_units"].notna() | judged["reason"].notna()).all()
    short = judged[judged["status"] == "not_met"]
    assert short["missing_text"].str.match(r"还差|超出").all()
    assert table[table["status"] == "met"]["missing_text"].isna().all()


def test_rules_show_areas_that_meet_and_areas_that_do_not(
    plans: tuple[Plan, ...], valued: dict[tuple[str, str], Result]
) -> None:
    rules = {id_: i.rule for id_, i in indicators_of(plans).items()}
    seen: dict[str, set[str]] = {}
    for (id_, _), result in valued.items():
        seen.setdefault(rules[id_], set()).add(result.status)
    for rule in set(rules.values()) - ORDERED - {"network_time", "boundary_quality"}:
        wanted = {"met", "not_met"} if rule != "count" else {"not_met"}
        assert wanted <= seen[rule], (rule, seen[rule])
    assert "met" in seen["boundary_quality"]  # the schematic boundaries are clean


def test_network_times_are_met_in_some_places_only(table: pd.DataFrame) -> None:
    found = table[(table["rule"] == "network_time") & (table["level"] == "community")]
    assert {"met", "not_met", "no_target"} <= set(found["status"])


def test_province_targets_are_not_judged_below_their_level(
    plans: tuple[Plan, ...], valued: dict[tuple[str, str], Result]
) -> None:
    """Counts for a whole province are shown without a verdict in a prefecture."""
    for id_, indicator in indicators_of(plans).items():
        target = indicator.target
        if target is None or "prefecture" in target.levels:
            continue
        result = valued.get((id_, PREFECTURE))
        if result is not None and indicator.class_ != "C":
            assert result.status in ("no_target", "not_applicable", "unknown"), id_
            assert result.target is None


def test_divisions_with_faulty_borders_fail(
    county_run: DemoRun, plans: tuple[Plan, ...]
) -> None:
    study = load_study(county_run.study, as_of=END)
    study.report.add("boundaries", "b.geojson", 1, TOWNSHIP, "overlapped")
    results = value_all(study)
    borders = [
        i.id for i in indicators_of(plans).values() if i.rule == "boundary_quality"
    ]
    assert borders
    for id_ in borders:
        assert results[id_, COUNTY].failing_codes == (TOWNSHIP,)
        assert results[id_, COUNTY].status == "not_met"


# --- imported statistics -------------------------------------------------------


def test_statistics_are_unknown_until_given(
    county_run: DemoRun, plans: tuple[Plan, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(county_run.study, folder)
    edit_study(folder, drop='[[statistics]]\nfile = "statistics.csv"\n')
    without = value_all(load_study(folder, as_of=END))
    given = value_all(load_study(county_run.study, as_of=END))
    ids = [i.id for i in indicators_of(plans).values() if i.rule == "statistic"]
    shown = [id_ for id_ in ids if given[id_, COUNTY].value is not None]
    assert 5 <= len(shown) < len(ids)
    for id_ in ids:
        before = without[id_, COUNTY]
        assert before.value is None and before.reason == "未导入统计数据"
        assert before.status == "unknown"
    rest = [key for key in given if key[0] not in ids]
    assert {k: given[k].status for k in rest} == {k: without[k].status for k in rest}


def test_figures_add_up_from_the_counties(
    valued: dict[tuple[str, str], Result], plans: tuple[Plan, ...]
) -> None:
    ids = [i.id for i in indicators_of(plans).values() if i.rule == "statistic"]
    added = 0
    for id_ in ids:
        top = valued[id_, PREFECTURE]
        counties = [
            r for (name, _), r in valued.items() if name == id_ and r.level == "county"
        ]
        if top.value is None or any(r.numerator is None for r in counties):
            continue
        assert top.numerator == sum(r.numerator or 0 for r in counties)
        added += 1
    assert added >= 5


# --- as of a day ----------------------------------------------------------------


@pytest.fixture(scope="module")
def middle(county_run: DemoRun) -> dict[tuple[str, str], Result]:
    return value_all(load_study(county_run.study, as_of=MIDDLE))


@pytest.fixture(scope="module")
def end(county_run: DemoRun) -> dict[tuple[str, str], Result]:
    return value_all(load_study(county_run.study, as_of=END))


def facilities_of(folder: Path, day: dt.date, category: str) -> set[str]:
    table = load_study(folder, as_of=day).facilities
    own = table[(table["category"] == category) & (table["status"] == "open")]
    return set(own["township_code"].dropna())


def test_one_facility_table_gives_both_evaluations(
    county_run: DemoRun,
    middle: dict[tuple[str, str], Result],
    end: dict[tuple[str, str], Result],
    plans: tuple[Plan, ...],
) -> None:
    stations = next(
        i for i in indicators_of(plans).values()
        if i.rule == "presence" and len(i.with_["any_of"]) == 1
        and tuple(i.with_["any_of"][0].get("categories", ()))
        == ("child_protection_station",)
    )  # fmt: skip
    counted = {
        code for (id_, code), r in end.items()
        if id_ == stations.id and r.level == "township"
        and r.status != "not_applicable"
    }  # fmt: skip
    for day, results in ((MIDDLE, middle), (END, end)):
        having = facilities_of(county_run.study, day, "child_protection_station")
        assert results[stations.id, COUNTY].numerator == len(having & counted)
    assert middle[stations.id, COUNTY].numerator < end[stations.id, COUNTY].numerator


def test_later_openings_and_figures_do_not_count_earlier(
    middle: dict[tuple[str, str], Result],
    end: dict[tuple[str, str], Result],
    plans: tuple[Plan, ...],
) -> None:
    changed = [k for k in end if middle[k].value != end[k].value]
    assert len(changed) > 100
    for id_, indicator in indicators_of(plans).items():
        key = (id_, COUNTY)
        if key not in end or end[key].numerator is None:
            continue
        if indicator.rule == "count" and "opened_from" in indicator.with_:
            assert middle[key].numerator <= end[key].numerator, id_
        if indicator.rule == "statistic" and middle[key].value is not None:
            assert middle[key].detail.get("on", "2023") < end[key].detail["on"]


# --- robustness ------------------------------------------------------------------


def test_slower_walkers_reach_less(snapshot: Snapshot) -> None:
    tried = snapshot.table("robustness")
    assert set(tried["speed_mps"]) == {0.8, 1.0, 1.2}
    assert set(tried["variant"]) == {"with_neighbours", "own"}
    keys = ["indicator_id", "code", "variant"]
    wide = tried.pivot(index=keys, columns="speed_mps", values="value").dropna()
    assert len(wide) > 500
    assert (wide[0.8] <= wide[1.0] + 1e-12).all()
    assert (wide[1.0] <= wide[1.2] + 1e-12).all()
    assert (wide[0.8] < wide[1.2]).any()


def test_own_facilities_cover_no_more_than_all(snapshot: Snapshot) -> None:
    tried = snapshot.table("robustness")
    keys = ["indicator_id", "code", "speed_mps"]
    wide = tried.pivot(index=keys, columns="variant", values="value").dropna()
    assert (wide["own"] <= wide["with_neighbours"] + 1e-12).all()


def test_flips_are_marked(snapshot: Snapshot, table: pd.DataFrame) -> None:
    tried = snapshot.table("robustness")
    shown = tried[tried["variant"] == "with_neighbours"]
    both = shown.groupby(["indicator_id", "code"])["status"].agg(set)
    flips = {k for k, v in both.items() if {"met", "not_met"} <= v}
    assert flips
    marked = table[table["flips"].fillna(False)]
    assert set(zip(marked["indicator_id"], marked["code"], strict=True)) == flips
    assert table[table["rule"] != "network_time"]["flips"].isna().all()


def test_the_run_itself_is_among_what_is_tried(
    snapshot: Snapshot, table: pd.DataFrame
) -> None:
    tried = snapshot.table("robustness")
    usual = tried[(tried["speed_mps"] == 1.0) & (tried["variant"] == "with_neighbours")]
    both = usual.merge(table, on=["indicator_id", "code"], suffixes=("", "_shown"))
    assert len(both) == len(usual)
    known = both[both["value"].notna()]
    assert (known["value"] == known["value_shown"]).all()
    shown = both["status_shown"].astype(str)
    assert (both["status"].astype(str) == shown).all()


# --- access and equity -----------------------------------------------------------


def test_access_shares_out_the_capacity_in_reach(snapshot: Snapshot) -> None:
    access, demand = snapshot.table("access"), snapshot.table("demand")
    places = snapshot.table("facilities")
    assert set(access["method"]) == {"2sfca", "e2sfca", "gaussian"}
    assert set(access["level"]) == {"county", "township", "community"}
    people = demand["people_60"].sum()
    for service in snapshot.manifest["services"]:
        if service["capacity"] is None:
            continue
        own = places[
            places["category"].isin(service["categories"])
            & (places["status"] == "open")
            & (places["snap_status"] == "ok")
        ]
        units = own[service["capacity"]].sum()
        for method in ("2sfca", "e2sfca", "gaussian"):
            row = only(access, service=service["id"], method=method, code=COUNTY)
            assert 0.9 * units < row["access"] * people < units + 1e-6, service["id"]


def test_access_of_townships_is_the_mean_of_their_communities(
    snapshot: Snapshot,
) -> None:
    access = snapshot.table("access")
    divisions = snapshot.table("divisions").set_index("code")
    own = access[(access["method"] == "gaussian") & (access["level"] == "community")]
    weight = own["code"].map(divisions["people_60"]).astype(float)
    township = own["code"].map(divisions["parent"])
    keys = [own["service"], township]
    known = weight.where(own["access"].notna(), 0.0)
    mean = (own["access"].fillna(0.0) * known).groupby(keys).sum()
    mean /= known.groupby(keys).sum()
    shown = access[(access["method"] == "gaussian") & (access["level"] == "township")]
    for row in shown.itertuples():
        assert row.access == pytest.approx(mean[row.service, row.code], rel=1e-9)


def test_equity_is_that_of_the_townships(snapshot: Snapshot) -> None:
    equity, coverage = snapshot.table("equity"), snapshot.table("coverage")
    assert set(equity["service"]) == {s["id"] for s in snapshot.manifest["services"]}
    for row in equity[equity["variant"] == "with_neighbours"].itertuples():
        part = coverage[
            (coverage["service"] == row.service)
            & (coverage["level"] == "township")
            & (coverage["limit_s"] == row.limit_s)
            & (coverage["denominator"] == row.denominator)
            & (coverage["variant"] == row.variant)
        ]
        total, covered = part["total"].sum(), part["covered"].sum()
        assert row.mean_rate == pytest.approx(covered / total)
        if covered == 0:
            assert pd.isna(row.gini)
            continue
        rates, people = (covered_ := part["covered"]) / part["total"], part["total"]
        pairs = sum(
            p * q * abs(a - b)
            for p, a in zip(people, rates, strict=True)
            for q, b in zip(people, rates, strict=True)
        )
        gini = pairs / (2 * total**2 * (covered_.sum() / total))
        assert row.gini == pytest.approx(gini, abs=1e-9)
        assert row.worst_decile_rate <= row.mean_rate + 1e-12


# --- without plans ---------------------------------------------------------------


def test_without_plans_nothing_changes(county_run: DemoRun, tmp_path: Path) -> None:
    from yikezhong_app.runs.pipeline import compute_tables

    folder = tmp_path / "study"
    shutil.copytree(county_run.study, folder)
    edit_study(folder, drop='plans = ["hubei-14fyp", "suizhou-14fyp"]\n')
    text = (folder / "study.toml").read_text(encoding="utf-8")
    start, stop = text.index("[plan_parameters"), text.index("[roads]")
    (folder / "study.toml").write_text(text[:start] + text[stop:], encoding="utf-8")
    tables, manifest = compute_tables(load_study(folder, as_of=END))
    assert not {"indicators", "robustness", "access", "equity"} & set(tables)
    assert manifest["registers"] == []
    with_plans = open_current(county_run.out)
    for name in ("coverage", "times", "gaps"):
        left = tables[name].reset_index(drop=True)
        right = pd.DataFrame(with_plans.table(name)).reset_index(drop=True)
        assert len(left) == len(right)
    assert tables["coverage"]["rate"].sum() == pytest.approx(
        float(with_plans.table("coverage")["rate"].sum())
    )


# --- the service -----------------------------------------------------------------


def get(client: TestClient, path: str, **parameters: Any) -> dict[str, Any]:
    response = client.get(f"{API}/{path}", params=parameters)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    assert body["as_of"] == END.isoformat() and body["notice"]
    return body


def test_indicators_are_those_of_the_table(
    client: TestClient, table: pd.DataFrame
) -> None:
    body = get(client, "indicators")
    IndicatorPage.model_validate(body)
    top = table[table["code"] == COUNTY]
    assert [i["indicator_id"] for i in body["items"]] == top["indicator_id"].tolist()
    assert body["summary"]["met"] == int((top["status"] == "met").sum())
    assert [p["document"] for p in body["plans"]] == [
        "鄂民政发〔2021〕44号",
        "随政发〔2022〕3号",
    ]
    assert all(p["readings"] for p in body["plans"])


@pytest.mark.parametrize(
    ("parameters", "column", "value"),
    [
        ({"level": "township", "status": "not_met"}, "status", "not_met"),
        ({"level": "community", "class": "A+B"}, "class", "A+B"),
        ({"code": "421303", "plan": "suizhou-14fyp"}, "plan", "suizhou-14fyp"),
        ({"parent": "421303001", "status": "met"}, "status", "met"),
    ],
)
def test_filters(
    client: TestClient,
    table: pd.DataFrame,
    parameters: dict[str, str],
    column: str,
    value: str,
) -> None:
    body = get(client, "indicators", **parameters)
    assert body["items"]
    assert {item[column] for item in body["items"]} == {value}
    own = table[table[column] == value]
    if "level" in parameters:
        own = own[own["level"] == parameters["level"]]
    elif "code" in parameters:
        own = own[own["code"] == COUNTY]
    else:
        own = own[(own["code"].str[:9] == TOWNSHIP[:9]) & (own["code"] != TOWNSHIP)]
    assert body["total"] == len(own)


def test_a_link_to_the_next_page_works(client: TestClient) -> None:
    body = get(client, "indicators", **{"class": "A", "limit": 2})
    again = client.get(body["links"]["next"])
    assert again.status_code == 200
    assert {item["class"] for item in again.json()["items"]} == {"A"}


def test_one_indicator_with_its_entry(
    client: TestClient, plans: tuple[Plan, ...]
) -> None:
    for entry in (plans[0].entries[7], plans[1].entries[0]):
        body = get(client, f"indicators/{entry.indicator.id}")
        OneIndicatorPage.model_validate(body)
        assert body["indicator"]["clause"]["phrase"] == entry.indicator.clause.phrase
        assert len(body["indicator"]["baselines"]) == len(entry.baselines)
        assert {i["indicator_id"] for i in body["items"]} == {entry.indicator.id}
    network = next(i for i in indicators_of(plans).values() if i.rule == "network_time")
    body = get(client, f"indicators/{network.id}", level="township")
    assert {i["level"] for i in body["items"]} == {"township"}
    assert {r["speed_mps"] for r in body["robustness"]} == {0.8, 1.0, 1.2}


def test_one_indicator_at_another_speed_in_every_township(
    client: TestClient, snapshot: Snapshot, plans: tuple[Plan, ...]
) -> None:
    network = next(i for i in indicators_of(plans).values() if i.rule == "network_time")
    body = get(client, f"indicators/{network.id}", level="township", speed=0.8)
    codes = {item["code"] for item in body["items"]}
    table = snapshot.table("robustness")
    tried = table[
        (table["indicator_id"] == network.id)
        & (table["speed_mps"] == 0.8)
        & (table["level"] == "township")
    ]
    shown = {(r["code"], r["variant"], r["value"]) for r in body["robustness"]}
    rows = tried[["code", "variant", "value"]].itertuples(index=False, name=None)
    assert shown == set(rows)
    assert {code for code, _, _ in shown} == codes
    assert not get(client, f"indicators/{network.id}", speed=0.9)["robustness"]


def test_what_is_not_there(client: TestClient) -> None:
    assert_problem(client.get(f"{API}/indicators/X-1"), 404, "unknown-record")
    wrong = client.get(f"{API}/indicators", params={"plan": "no-plan"})
    assert assert_problem(wrong, 422, "parameter")["available"] == [
        "hubei-14fyp",
        "suizhou-14fyp",
    ]
    assert_problem(
        client.get(f"{API}/prefectures/4213/scorecard"), 404, "unknown-division"
    )
    assert_problem(
        client.get(f"{API}/townships/421303/scorecard"), 404, "unknown-division"
    )
    bad = client.get(f"{API}/indicators", params={"status": "good"})
    assert bad.status_code == 422


def test_a_scorecard_shows_clause_baselines_and_conflicts(
    client: TestClient, table: pd.DataFrame, plans: tuple[Plan, ...]
) -> None:
    body = get(client, "counties/曾都区/scorecard")
    ScorecardPage.model_validate(body)
    own = table[table["code"] == COUNTY].set_index("indicator_id")
    assert [i["indicator_id"] for i in body["items"]] == own.index.tolist()
    lines = {item["indicator_id"]: item for item in body["items"]}
    indicators = indicators_of(plans)
    for plan in plans:
        for entry in plan.entries:
            line = lines.get(entry.indicator.id)
            if line is None:
                continue
            assert entry.indicator.clause.phrase in line["clause"]
            assert len(line["baselines"]) == len(entry.baselines)
            for other in entry.indicator.conflicts_with:
                if other in lines:
                    beside = [c["indicator_id"] for c in line["conflicting"]]
                    assert other in beside
                    assert entry.indicator.id in [
                        c["indicator_id"] for c in lines[other]["conflicting"]
                    ]
    assert any(line["conflicting"] for line in lines.values())
    assert any(line["disputed"] for line in lines.values())
    short = [i for i in lines.values() if i["status"] == "not_met"]
    named = [i for i in short if indicators[i["indicator_id"]].rule == "presence"]
    assert named
    for line in named:
        assert line["failing_names"] and line["missing_text"].startswith("还差")
        assert len(line["failing_names"]) == len(line["failing_codes"])
    unknown = [i for i in lines.values() if i["status"] == "unknown"]
    assert unknown and all(i["reason"] for i in unknown)


def test_scorecards_of_townships(client: TestClient, table: pd.DataFrame) -> None:
    body = get(client, "townships/421303001/scorecard", plan="hubei-14fyp")
    own = table[(table["code"] == TOWNSHIP) & (table["plan"] == "hubei-14fyp")]
    assert body["total"] == len(own)
    assert body["division"]["name"] == "西城街道"


@pytest.mark.parametrize("path", ["indicators", "counties/421303/scorecard"])
def test_tables_and_workbooks(client: TestClient, path: str) -> None:
    text = client.get(f"{API}/{path}", params={"format": "csv"})
    assert text.headers["content-type"].startswith("text/csv")
    lines = text.content.decode("utf-8-sig").splitlines()
    assert len(lines) > 100 and "missing_text" in lines[0]
    book = client.get(f"{API}/{path}", params={"format": "xlsx"})
    assert book.content[:2] == b"PK"


def test_indicators_on_a_map(client: TestClient, plans: tuple[Plan, ...]) -> None:
    id_ = next(i.id for i in indicators_of(plans).values() if i.unit == "township")
    body = client.get(
        f"{API}/indicators/{id_}", params={"level": "township", "format": "geojson"}
    ).json()
    assert len(body["features"]) == 12
    assert all(f["geometry"] for f in body["features"])


def test_a_result_without_plans_has_no_indicators(tmp_path: Path) -> None:
    from snapshot_cases import write_small_snapshot

    write_small_snapshot(tmp_path)
    with make_client(tmp_path) as opened:
        assert opened.get(f"{API}/indicators").json()["items"] == []
        assert opened.get(f"{API}/townships/421303001/scorecard").json()["total"] == 0
        assert_problem(opened.get(f"{API}/indicators/X"), 404, "unknown-record")
