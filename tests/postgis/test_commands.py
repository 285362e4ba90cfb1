"""``check``, ``run``, ``publish`` and ``serve`` with a database, as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from live_cases import serving_process
from postgis_cases import VARIABLE, Server, fill_study, new_database, write_table_study
from snapshot_cases import write_small_snapshot
from study_cases import FACILITIES, FACILITY_HEADER, write_csv
from upload_cases import Ground, bring, confirm, settle
from yikezhong_app.cli import main
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_geodata.study_versions import current_study


def call(*args: object) -> int:
    """Run the command line in this process and return its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main([str(a) for a in args])
    return int(stopped.value.code or 0)


def read(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


@pytest.fixture
def study(
    tmp_path: Path, server: Server, request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:  # fmt: skip
    name = new_database(server, f"c{abs(hash(request.node.name))}")
    fill_study(server, name)
    monkeypatch.setenv(VARIABLE, server.url(name))
    (tmp_path / "database").write_text(name, encoding="utf-8")
    return write_table_study(tmp_path / "study")


def test_check_names_the_tables(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("check", study, "--json") == 0
    answer = read(capsys)
    assert {count["file"] for count in answer["counts"]} == {
        '规划."社区""A"',
        "规划.townships",
        "规划.facilities",
        "规划.roads",
    }
    assert "table_" not in json.dumps(answer)
    assert call("check", study) == 0
    assert "规划.facilities" in capsys.readouterr().out


def test_run_is_of_the_content_of_the_tables(
    study: Path, tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert call("run", study, "--out", out) == 0
    first = open_current(out)
    assert "规划.facilities (table_3)" in first.manifest["inputs"]
    assert set(first.table("facilities")["file"]) == {"规划.facilities"}
    capsys.readouterr()
    assert call("run", study, "--out", out) == 0
    assert "沿用已有成果" in capsys.readouterr().out
    name = (tmp_path / "database").read_text("utf-8")
    server.run("delete from 规划.facilities where 设施编号 = 'F1'", name)
    assert call("run", study, "--out", out) == 0
    second = open_current(out)
    assert second.version != first.version
    assert len(second.table("facilities")) == len(first.table("facilities")) - 1


def test_errors_of_the_database_have_exit_codes(
    study: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = study / "study.toml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("规划.roads", "规划.nothing"), "utf-8")
    assert call("check", study) == 2
    assert "规划.nothing：数据库里没有这张表" in capsys.readouterr().err
    path.write_text(text, "utf-8")
    monkeypatch.setenv(VARIABLE, "postgresql://li:geheim@127.0.0.1:1/x")
    assert call("check", study) == 1
    said = capsys.readouterr().err
    assert "连不上数据库" in said and "geheim" not in said


def test_publish_says_what_it_did(
    tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    out, url = tmp_path / "out", server.url(new_database(server, "said"))
    assert call("publish", out, "--database", url) == 1
    assert "还没有可用的成果" in capsys.readouterr().err
    snapshot = write_small_snapshot(out)
    assert call("publish", out, "--database", url, "--json") == 0
    answer = read(capsys)
    assert answer["version"] == snapshot.version
    assert answer["rows"]["divisions"] == 10 and answer["loaded"]
    assert call("publish", out, "--database", url) == 0
    assert "已经发布，没有变化" in capsys.readouterr().out
    assert call("publish", out, "--database", url, "--again", "--keep", "1") == 0
    assert "已清理旧版本" in capsys.readouterr().out
    assert call("publish", out, "--database", "geheim") == 2
    assert "geheim" not in capsys.readouterr().err
    assert call("publish", out, "--database", url, "--schema", "A;b") == 2
    assert call("publish", out, "--database", "host=127.0.0.1 port=1") == 1


def test_a_service_is_started_with_a_database(tmp_path: Path, server: Server) -> None:
    url = server.url(new_database(server, "started"))
    snapshot = write_small_snapshot(tmp_path / "made")
    assert call("publish", tmp_path / "made", "--database", url, "--json") == 0
    log = tmp_path / "log"
    with serving_process(tmp_path / "copy", log, DATABASE=url) as live:
        status, _, body = live.get("/api/v1/study")
        assert status == 200
        assert json.loads(body)["version"] == snapshot.version
        assert live.get("/readyz")[0] == 200


def test_an_upload_takes_the_place_of_a_table(study: Path, tmp_path: Path) -> None:
    ground = Ground(study, tmp_path / "out")
    assert call("run", study, "--out", ground.out, "--json") == 0
    first = (*FACILITIES[0][:4], "99", *FACILITIES[0][5:])
    path = write_csv(tmp_path / "new.csv", FACILITY_HEADER, [first, *FACILITIES[1:]])
    with ground.client() as client:
        checked = settle(client, bring(client, path, "facilities").json())
        assert checked["status"] == "ready", checked
        assert checked["replaces"] == "规划.facilities"
        report = checked["report"]
        assert {count["file"] for count in report["counts"]} == {
            "new.csv",
            '规划."社区""A"',
            "规划.townships",
            "规划.roads",
        }
        assert confirm(client, checked).status_code in (200, 202)
        assert settle(client, checked)["status"] == "published"
    snapshot = open_current(ground.out)
    table = snapshot.table("facilities").set_index("id")
    assert table.loc["F1", "beds"] == 99
    assert {"new.csv", "规划.roads (table_3)"} <= set(snapshot.manifest["inputs"])
    again = current_study(study) / "study.toml"
    assert 'table = "规划.roads"' in again.read_text("utf-8")
