"""Commands ``scorecard`` and ``plan check``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from indicator_cases import END, DemoRun, value_all
from snapshot_cases import write_small_snapshot
from yikezhong_app.cli import main
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_geodata.study import load_study

COUNTY = "421303000000"


def run(*arguments: str) -> int:
    """Run the command line and return its exit code."""
    with pytest.raises(SystemExit) as raised:
        main([*arguments])
    return int(raised.value.code or 0)


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_the_highest_level_by_default(
    county_run: DemoRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("scorecard", str(county_run.out), "--json") == 0
    document = printed(capsys)
    table = open_current(county_run.out).table("indicators")
    (card,) = document["scorecards"]
    assert card["division"] == {"code": COUNTY, "name": "曾都区", "level": "county"}
    assert len(card["indicators"]) == int((table["code"] == COUNTY).sum())
    assert sum(card["summary"].values()) == len(card["indicators"])
    assert document["as_of"] == "2025-12-31" and document["notice"]


def test_one_division_and_a_whole_level(
    county_run: DemoRun, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(county_run.out)
    assert run("scorecard", out, "--code", "421303001", "--json") == 0
    (card,) = printed(capsys)["scorecards"]
    assert card["division"]["name"] == "西城街道"
    assert run("scorecard", out, "--level", "township", "--json") == 0
    assert len(printed(capsys)["scorecards"]) == 12


def test_one_plan_only(county_run: DemoRun, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(county_run.out)
    assert run("scorecard", out, "--plan", "suizhou-14fyp", "--json") == 0
    (card,) = printed(capsys)["scorecards"]
    assert {line["plan"] for line in card["indicators"]} == {"suizhou-14fyp"}


def test_a_table_for_reading(
    county_run: DemoRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("scorecard", str(county_run.out)) == 0
    text = capsys.readouterr().out
    assert "曾都区 指标卡（2025-12-31）" in text
    assert "未达标" in text and "达标" in text and "还差" in text


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--level", "province"], "没有"),
        (["--code", "999999"], "没有"),
        (["--plan", "no-plan"], "没有规划"),
    ],
)
def test_bad_questions(
    county_run: DemoRun,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    word: str,
) -> None:
    assert run("scorecard", str(county_run.out), *arguments) in (1, 2)
    shown = capsys.readouterr()
    assert word in shown.err + shown.out
    assert "Traceback" not in shown.err


def test_a_result_without_plans_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_small_snapshot(tmp_path)
    assert run("scorecard", str(tmp_path)) == 2
    shown = capsys.readouterr()
    assert "没有规划指标" in shown.err + shown.out


PLAN = """\
plan: {id: mine, name: 我的规划, level: county, area: "421303"}
indicators:
- id: MY-1
  name: 社区日间照料覆盖率
  class: A
  unit: community
  kinds: [urban_community]
  rule: RULE
  with: {any_of: [{categories: [day_care]}], at_least: 1, membership: declared}
  target: {comparison: ">=", value: "0.9", unit: share}
  clause: {chapter: 一, phrase: 覆盖九成}
"""


def test_a_right_register(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(PLAN.replace("RULE", "presence"), encoding="utf-8")
    assert run("plan", "check", str(path)) == 0
    assert "没有错误" in capsys.readouterr().out
    assert run("plan", "check", str(path), "--json") == 0
    assert printed(capsys) == {"file": "mine.yaml", "ok": True, "mistakes": []}


def test_a_wrong_register_names_place_and_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(PLAN.replace("RULE", "presense"), encoding="utf-8")
    assert run("plan", "check", str(path)) == 2
    text = capsys.readouterr().out
    assert "MY-1" in text and "presense" in text and "处错误" in text
    assert run("plan", "check", str(path), "--json") == 2
    (first, *_) = printed(capsys)["mistakes"]
    assert first["entry"] == "MY-1" and first["line"] and first["reason"]


def test_a_register_of_ones_own_is_valued_without_code(
    county_run: DemoRun, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(county_run.study, folder)
    (folder / "mine.yaml").write_text(
        PLAN.replace("RULE", "presence"), encoding="utf-8"
    )
    text = (folder / "study.toml").read_text(encoding="utf-8")
    text = text.replace('"suizhou-14fyp"]', '"suizhou-14fyp", "mine.yaml"]')
    (folder / "study.toml").write_text(text, encoding="utf-8")
    study = load_study(folder, as_of=END)
    own = value_all(study)["MY-1", COUNTY]
    divisions, places = study.divisions, study.facilities
    urban = set(divisions.loc[divisions["kind"] == "urban_community", "code"])
    open_ = places[(places["category"] == "day_care") & (places["status"] == "open")]
    having = urban & set(open_["community_code"])
    assert (own.numerator, own.denominator) == (len(having), len(urban))
    assert own.target is not None and own.status in ("met", "not_met")
