"""Siting plans and scenarios to take away: the same numbers in every file."""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
import pytest
from python_calamine import CalamineWorkbook
from starlette.testclient import TestClient

from service_cases import API, assert_problem, make_client
from study_cases import write_study
from yikezhong_app.cli import main
from yikezhong_app.exports.siting_document import make_siting_document
from yikezhong_app.exports.siting_files import make_siting_file
from yikezhong_app.exports.siting_paper import SitingPaper
from yikezhong_app.exports.siting_words import plan_sentences
from yikezhong_app.reading.catalog import Catalog, load_catalog
from yikezhong_app.runs.pipeline import run_study
from yikezhong_app.siting.tasks import run_siting
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_app.web.access import parse_tokens
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_geodata.study import load_study

SECRET = "0123456789abcdef"
BEARER = {"Authorization": f"Bearer {SECRET}"}
ASKED = {
    "goal": "max_people",
    "service": "elderly_circle",
    "minutes": 6,
    "budget": 9,
    "site_cost": 4,
    "candidates": "layer+community_centres",
    "layer": {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"name": "=HYPERLINK(1)", "cost": 1.5},
                "geometry": {"type": "Point", "coordinates": [113.4, 31.71]},
            }
        ],
    },
}
#: The smallest picture: the maps themselves are drawn in other tests.
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/"
    "iZk9HQAAAABJRU5ErkJggg=="
)
CHANGES = {"name": "北郊停一处", "changes": [{"action": "close", "id": "F3"}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("papers")
    study = write_study(folder / "study")
    run_study(load_study(study, as_of=dt.date(2023, 12, 31)), folder / "out")
    text = json.dumps(CHANGES, ensure_ascii=False)
    (folder / "close.json").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def catalog(folder: Path) -> Catalog:
    return load_catalog(open_current(folder / "out"))


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    tokens = parse_tokens(f"li:planner:{SECRET}")
    with make_client(folder / "out", tokens=tokens) as opened:
        yield opened


def solve(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    out = folder / "out"
    payload = {"out": str(out), "version": open_current(out).version}
    return run_siting({**payload, "request": asked}, lambda step, fraction: None)


def sheets_of(body: bytes) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(body))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def words_of(body: bytes) -> str:
    document = docx.Document(io.BytesIO(body))
    cells = [c.text for t in document.tables for row in t.rows for c in row.cells]
    return "\n".join([*(p.text for p in document.paragraphs), *cells])


def test_every_file_says_the_same(folder: Path, catalog: Catalog) -> None:
    asked = {**ASKED, "forced": ["L1"]}
    plan = solve(folder, asked)
    paper = SitingPaper(catalog, plan, asked)
    sheets = sheets_of(make_siting_file(paper, "xlsx"))
    assert {"结论", "新设施", "乡镇前后", "未覆盖", "参数与来源"} <= set(sheets)
    head, *rows = sheets["新设施"][3:]
    shown = [dict(zip(head, row, strict=True)) for row in rows]
    assert [row["新增人数"] for row in shown] == [s["gain"] for s in plan["sites"]]
    assert [row["名称"] for row in shown] == [s["name"] for s in plan["sites"]]
    assert sum(row["费用"] for row in shown) == plan["cost"] <= 9
    flat = "\n".join(
        str(cell) for rows in sheets.values() for row in rows for cell in row
    )
    text = words_of(make_siting_file(paper, "docx"))
    for sentence in plan_sentences(plan, asked):
        assert sentence in flat and sentence in text
    assert "已证明最优" in text and "每处费用" in flat
    assert "=HYPERLINK(1)" in {s["name"] for s in plan["sites"]}
    for form, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        assert make_siting_file(paper, form).startswith(start)  # type: ignore[arg-type]


def test_another_version_is_refused(folder: Path, catalog: Catalog) -> None:
    plan = {**solve(folder, ASKED), "version": "2000-01-01-000000000000"}
    with pytest.raises(ParameterError, match="成果版本"):
        SitingPaper(catalog, plan, ASKED)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"n": 2, "worst_first": True}, "覆盖率最低的乡镇为"),
        ({"n": 2, "sites_per_year": [1, 1]}, "不超过 2 处新设施"),
        ({"goal": "min_sites", "share": 0.0001}, "无需新建设施"),
        ({"goal": "p_center", "n": 1}, "最远者的时间最短"),
        (
            {"n": 1, "weight": 2, "also": [{"service": "elderly_meal"}]},
            "每覆盖一人的权重",
        ),
        ({"n": 1, "exclude": [{"zone": "roads", "distance_m": 0}]}, "禁建区：道路"),
    ],
)
def test_every_goal_has_its_words(
    folder: Path, catalog: Catalog, asked: dict[str, Any], words: str
) -> None:
    full = {"goal": "max_people", "service": "elderly_circle", "minutes": 6, **asked}
    if "exclude" in asked:
        full["candidates"] = "generated"
        full["exclude"] = [{"zone": "facilities:day_care", "distance_m": 300}]
        words = "禁建区：设施（日间照料）"
    paper = SitingPaper(catalog, solve(folder, full), full)
    assert words in words_of(make_siting_document(paper, draw=lambda data: DOT))
    assert make_siting_file(paper, "xlsx")[:2] == b"PK"


def finished(client: TestClient, address: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        now: dict[str, Any] = client.get(address).json()
        if now["status"] not in ("queued", "running"):
            return now
        time.sleep(0.1)
    raise AssertionError(now)


def test_the_api_gives_a_plan_as_files(client: TestClient, folder: Path) -> None:
    job = client.post(f"{API}/sitings", json=ASKED, headers=BEARER).json()
    done = finished(client, job["links"]["self"])
    assert done["status"] == "done", done
    for name, start in (("xlsx", b"PK"), ("docx", b"PK"), ("map", b"\x89PNG")):
        answer = client.get(done["links"][name])
        assert answer.status_code == 200 and answer.content.startswith(start), name
        assert "attachment" in answer.headers["content-disposition"]
    book = client.get(f"{done['links']['self']}?format=xlsx").content
    assert set(sheets_of(book)) == set(
        sheets_of(client.get(done["links"]["xlsx"]).content)
    )
    assert client.get(f"{done['links']['self']}/report.pdf").status_code == 422
    assert_problem(
        client.get(f"{API}/sitings/{'0' * 16}/map.png"), 404, "unknown-record"
    )
    version = folder / "out" / "versions" / done["result"]["version"]
    version.rename(version.with_name("away"))
    try:
        assert_problem(client.get(done["links"]["docx"]), 409, "not-finished")
    finally:
        version.with_name("away").rename(version)


def test_a_request_that_cannot_be_met_is_a_job_that_says_why(
    client: TestClient,
) -> None:
    asked = {**ASKED, "budget": 1}
    job = client.post(f"{API}/sitings", json=asked, headers=BEARER).json()
    done = finished(client, job["links"]["self"])
    assert done["status"] == "failed" and "低于最便宜" in done["error"]["message"]
    assert_problem(client.get(done["links"]["xlsx"]), 409, "not-finished")
    for more in (
        {"also": [{"service": "nothing"}]},
        {"capacity": -3},
        {"layer": {"type": "FeatureCollection", "features": []}},
    ):
        answer = client.post(f"{API}/sitings", json={**ASKED, **more}, headers=BEARER)
        assert answer.status_code == 422, more


def call(*args: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(a) for a in args])
    return int(stopped.value.code or 0)


def test_the_command_writes_every_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    idle = tmp_path / "idle.geojson"
    idle.write_text(json.dumps(ASKED["layer"]), encoding="utf-8")
    usual = ("site", folder / "out", "--service", "elderly_circle", "--minutes", 6)
    files = [tmp_path / f"plan.{f}" for f in ("xlsx", "docx", "png", "geojson", "json")]
    out = [part for file in files for part in ("--out", file)]
    asked = ("--budget", 9, "--site-cost", 4, "--candidates", f"{idle}")
    assert call(*usual, *asked, *out) == 0
    assert "已证明最优" in capsys.readouterr().out
    assert all(file.stat().st_size > 500 for file in files)
    kept = json.loads(files[-1].read_text("utf-8"))
    assert kept["n_sites"] == 1 and kept["cost"] == 1.5
    for more, code, words in (
        (("--n", 2, "--column", "cost=无"), 2, "图层文件"),
        (("--n", 2, "--candidates", idle, "--column", "cost=无"), 2, "没有这一列"),
        (("--n", 2, "--candidates", idle, "--column", "x=name"), 2, "“x”"),
        (("--n", 2, "--capacity", -1), 2, "--capacity"),
        (("--n", 1, "--capacity", 5), 2, "没有容量限制"),
        (("--n", 2, "--candidates", idle), 2, "只有 1 个"),
        (("--budget", 1, "--candidates", idle), 1, "低于最便宜"),
        (("--n", 1, "--exclude", "roads=5000"), 1, "排除"),
        (("--goal", "min_sites", "--share", 1, "--candidates", idle), 1, "服务不到"),
        (("--n", 2, "--out", tmp_path / "no" / "x.xlsx"), 2, "文件夹"),
        (("--n", 2, "--also", "nothing"), 2, "nothing"),
        (("--n", 2, "--sites-per-year", "1"), 1, "不足以建成"),
    ):
        assert call(*usual, *more) == code, more
        assert words in capsys.readouterr().err, more


def test_a_scenario_as_files(folder: Path, client: TestClient, tmp_path: Path) -> None:
    files = [tmp_path / "s.xlsx", tmp_path / "s.docx"]
    paths = (folder / "study", folder / "out", folder / "close.json")
    out = [part for file in files for part in ("--out", file)]
    assert call("scenario", *paths, *out) == 0
    assert call("scenario", *paths, "--out", tmp_path / "s.pdf") == 2
    (kept,) = client.get(f"{API}/scenarios").json()["items"]
    sheets = sheets_of(files[0].read_bytes())
    head, *rows = sheets["县市区"][3:]
    by_service = {
        row[head.index("服务")]: row for row in rows if row[head.index("服务")]
    }
    for row in kept["summary"]:
        shown = by_service[row["service_name"]]
        assert shown[head.index("失去覆盖")] == pytest.approx(row["lost"])
    text = words_of(files[1].read_bytes())
    assert "关闭设施" in text and "失去覆盖" in text
    for form in ("xlsx", "docx"):
        answer = client.get(f"{API}/scenarios/{kept['id']}/report.{form}")
        assert answer.status_code == 200 and answer.content[:2] == b"PK"
    missing = client.get(f"{API}/scenarios/{'0' * 12}/report.xlsx")
    assert_problem(missing, 404, "unknown-record")
