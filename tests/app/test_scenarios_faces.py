"""Scenarios on the command line and in the API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from service_cases import API, assert_problem, make_client
from study_cases import write_study
from yikezhong_app.cli import main

SCENARIO = {
    "name": "北郊停一处",
    "author": "规划科",
    "note": "{{7*7}}",
    "changes": [{"action": "close", "id": "F3"}],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    write_study(folder / "study")
    text = json.dumps(SCENARIO, ensure_ascii=False)
    (folder / "close.json").write_text(text, encoding="utf-8")
    assert _call("run", folder / "study", "--out", folder / "out") == 0
    return folder


@pytest.fixture(scope="module")
def kept(folder: Path) -> str:
    assert _call("scenario", *_paths(folder), "--json") == 0
    (result,) = (folder / "out" / "scenarios").iterdir()
    return result.name


@pytest.fixture
def client(folder: Path, kept: str) -> TestClient:
    assert kept
    return make_client(folder / "out")


def _call(*args: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(a) for a in args])
    return int(stopped.value.code or 0)


def _paths(folder: Path) -> tuple[Path, Path, Path]:
    return folder / "study", folder / "out", folder / "close.json"


def test_the_command_says_what_is_lost(
    folder: Path, kept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _call("scenario", *_paths(folder), "--json") == 0
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["id"] == kept
    circle = next(r for r in manifest["summary"] if r["service"] == "elderly_circle")
    assert circle["lost"] == circle["covered_before"] - circle["covered_after"] > 0
    assert _call("scenario", *_paths(folder)) == 0
    text = capsys.readouterr().out
    assert kept in text
    assert "北郊停一处" in text


def test_bad_scenarios_end_with_2(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, out, _ = _paths(folder)
    bad = tmp_path / "bad.json"
    bad.write_text('{"name": "x", "changes": [{"action": "close", "id": "F99"}]}')
    assert _call("scenario", study, out, bad, "--json") == 2
    assert "F99" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert _call("scenario", study, out, tmp_path / "none.json") == 2


def test_the_list_names_what_is_kept(client: TestClient, kept: str) -> None:
    answer = client.get(f"{API}/scenarios").json()
    (item,) = answer["items"]
    assert item["id"] == kept
    assert item["is_current"] is True
    assert item["note"] == "{{7*7}}"
    assert "elderly_circle" in item["services"]
    bad = client.get(f"{API}/scenarios?format=csv")
    assert_problem(bad, 406, "not-acceptable")


def test_one_scenario_in_every_format(client: TestClient, kept: str) -> None:
    path = f"{API}/scenarios/{kept}"
    answer = client.get(f"{path}?service=elderly_circle").json()
    assert answer["scenario"]["changes"] == SCENARIO["changes"]
    assert {row["level"] for row in answer["items"]} == {"township"}
    assert {row["denominator"] for row in answer["items"]} == {"people_60"}
    changed = client.get(f"{path}?service=elderly_circle&changed=true").json()
    assert [r for r in answer["items"] if r["gained"] or r["lost"]] == changed["items"]
    county = client.get(f"{path}?service=elderly_circle&level=county").json()
    (row,) = county["items"]
    assert row["lost"] == sum(r["lost"] for r in answer["items"])
    everything = client.get(f"{path}?denominator=all&variant=all&level=county").json()
    assert len(everything["items"]) > len(county["items"])
    below = client.get(f"{path}?service=elderly_circle&parent=421303100").json()
    assert [r["code"] for r in below["items"]] == ["421303100000"]
    for kind in ("csv", "xlsx"):
        assert client.get(f"{path}?format={kind}").status_code == 200


def test_points_are_features(client: TestClient, kept: str) -> None:
    path = f"{API}/scenarios/{kept}"
    answer = client.get(f"{path}/points?service=elderly_circle").json()
    county = client.get(f"{path}?service=elderly_circle&level=county").json()
    assert sum(r["lost"] for r in answer["items"]) == county["items"][0]["lost"]
    shown = client.get(f"{path}/points?service=elderly_circle&format=geojson").json()
    assert len(shown["features"]) == answer["total"]
    assert shown["features"][0]["geometry"]["type"] == "Point"


@pytest.mark.parametrize("tail", ["", "/points"])
def test_an_unknown_scenario_is_not_found(client: TestClient, tail: str) -> None:
    missing = client.get(f"{API}/scenarios/0123456789ab{tail}")
    assert_problem(missing, 404, "unknown-record")
    strange = client.get(f"{API}/scenarios/..%2F..%2Fetc{tail}")
    assert strange.status_code in (404, 422)
