"""Reports and maps over HTTP and on the command line: bounded, kept, refused in words."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from starlette.testclient import TestClient

from service_cases import API, assert_problem, make_client
from snapshot_cases import write_small_snapshot
from yikezhong_app import cli
from yikezhong_app.exports.export_errors import (
    ExportBusyError,
    ExportFailedError,
    FontMissingError,
)
from yikezhong_app.exports.pool import ExportOutcome, ExportPool, ExportTask
from yikezhong_app.exports.typeface import find_typeface

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    write_small_snapshot(folder)
    return folder


@pytest.fixture(scope="module")
def client(out: Path) -> Iterator[TestClient]:
    with make_client(out) as opened:
        yield opened


def need_font() -> None:
    try:
        find_typeface()
    except FontMissingError:
        pytest.skip("no Chinese font here: apt-get install fonts-noto-cjk")


# --- what the pool does ------------------------------------------------------------


def task(name: str) -> ExportTask:
    return ExportTask(Path("out"), "v", "xlsx", code=name)


def make_name(asked: ExportTask) -> ExportOutcome:
    """Give back the code; slow, stuck or dying where it says so."""
    name = str(asked.code)
    if name.startswith("slow"):
        time.sleep(1.0)
    if name == "stuck":
        time.sleep(600)
    if name == "die":
        import os

        os._exit(3)
    if name == "font":
        return ExportOutcome(None, "FontMissing", "没有字体", "装一个")
    if name == "bad":
        return ExportOutcome(None, "Parameter", "不行")
    return ExportOutcome(name.encode())


@pytest.fixture
def pool() -> Iterator[ExportPool]:
    made = ExportPool(waiting=1, timeout_s=30, make=make_name)
    yield made
    made.close()


def test_equal_tasks_are_one_and_a_full_queue_is_refused(pool: ExportPool) -> None:
    async def ask() -> list[object]:
        first = [asyncio.create_task(pool.run(task("slow"))) for _ in range(20)]
        second = asyncio.create_task(pool.run(task("slow2")))
        await asyncio.sleep(0.01)
        started = time.monotonic()
        with pytest.raises(ExportBusyError):
            await pool.run(task("third"))
        assert time.monotonic() - started < 0.05
        done = await asyncio.gather(*first, second)
        return [*done, await pool.run(task("later"))]

    answers = asyncio.run(ask())
    assert answers == [b"slow"] * 20 + [b"slow2", b"later"]


def test_failures_are_errors_and_the_next_task_works(pool: ExportPool) -> None:
    with pytest.raises(FontMissingError, match="没有字体"):
        asyncio.run(pool.run(task("font")))
    with pytest.raises(ExportFailedError, match="不行"):
        asyncio.run(pool.run(task("bad")))
    with pytest.raises(ExportFailedError, match="中断"):
        asyncio.run(pool.run(task("die")))
    assert asyncio.run(pool.run(task("next"))) == b"next"


def test_a_stuck_task_is_ended() -> None:
    pool = ExportPool(waiting=1, timeout_s=8, make=make_name)
    try:
        with pytest.raises(ExportFailedError, match="超时"):
            asyncio.run(pool.run(task("stuck")))
        assert asyncio.run(pool.run(task("next"))) == b"next"
    finally:
        pool.close()


# --- over HTTP ---------------------------------------------------------------------


def test_a_workbook_is_answered_kept_and_unchanged(client: TestClient) -> None:
    answer = client.get(f"{API}/reports/421303001.xlsx")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == XLSX
    assert "%E8%A5%BF%E5%9F%8E" in answer.headers["content-disposition"]
    names = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).sheet_names
    assert names[0] == "概览"
    started = time.monotonic()
    assert client.get(f"{API}/reports/421303001.xlsx").content == answer.content
    assert time.monotonic() - started < 1.0
    # another way to name the same division: the same file
    same = client.get(f"{API}/reports/西城街道.xlsx")
    assert same.headers["etag"] == answer.headers["etag"]
    unchanged = client.get(
        f"{API}/reports/421303001.xlsx",
        headers={"If-None-Match": answer.headers["etag"]},
    )
    assert unchanged.status_code == 304
    assert unchanged.content == b""


def test_a_document_and_maps_are_answered(client: TestClient) -> None:
    need_font()
    answer = client.get(f"{API}/reports/study.docx")
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"PK")
    png = client.get(f"{API}/maps.png", params={"width": 700, "code": "421303"})
    assert png.headers["content-type"] == "image/png"
    svg = client.get(f"{API}/maps.svg", params={"layers": "facilities,gaps,circles"})
    assert svg.status_code == 200
    assert svg.headers["content-encoding"] == "gzip"
    assert b"<svg" in svg.content[:400]
    assert svg.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("reports/999999999.xlsx", 404, "unknown-division"),
        ("reports/东城.docx", 422, "ambiguous-name"),
        ("reports/study.xlsx?extra=1", 422, "validation"),
        ("reports/study.xlsx?version=old", 422, "parameter"),
        ("maps.png?service=nope", 422, "parameter"),
        ("maps.png?minutes=7", 422, "parameter"),
        ("maps.png?minutes=nan", 422, "validation"),
        ("maps.png?width=100000", 422, "validation"),
        ("maps.svg?layers=circles,nope", 422, "parameter"),
        ("maps.svg?code=999999999", 404, "unknown-division"),
        ("maps.svg?level=province", 422, "parameter"),
        ("reports/study.pdf", 404, "http-404"),
    ],
)
def test_wrong_requests(client: TestClient, path: str, status: int, name: str) -> None:
    assert_problem(client.get(f"{API}/{path}"), status, name)


def test_a_full_queue_answers_503(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: ExportPool, asked: ExportTask) -> bytes:
        raise ExportBusyError("导出任务已满", hint="请稍后重试")

    monkeypatch.setattr(ExportPool, "run", refuse)
    with make_client(out) as client:
        answer = client.get(f"{API}/reports/study.docx")
        assert_problem(answer, 503, "export-busy")
        assert int(answer.headers["retry-after"]) > 0


def test_a_missing_font_is_told(out: Path, tmp_path: Path) -> None:
    with make_client(out, font=tmp_path / "none.ttf") as client:
        problem = assert_problem(client.get(f"{API}/maps.png"), 503, "no-font")
        assert "fonts-noto-cjk" in problem["detail"]
        assert client.get(f"{API}/reports/study.xlsx").status_code == 200


def test_they_are_documented(client: TestClient) -> None:
    paths = client.get(f"{API}/openapi.json").json()["paths"]
    for path in ("reports/{code}.xlsx", "reports/{code}.docx", "maps.png", "maps.svg"):
        answers = paths[f"{API}/{path}"]["get"]["responses"]
        assert {"200", "304", "404", "422", "503"} <= answers.keys()


# --- on the command line -----------------------------------------------------------


def test_the_command_writes_files(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(
            ["report", str(out), "--code", "421303001", "--out", str(tmp_path),
             "--format", "xlsx", "--json"]
        )  # fmt: skip
    assert ended.value.code == 0
    (path,) = json.loads(capsys.readouterr().out)["files"]
    assert Path(path).name == "西城街道_服务圈覆盖报告_2023-12-31.xlsx"
    assert Path(path).read_bytes().startswith(b"PK")


@pytest.mark.parametrize("wrong", [["--code", "999"], ["--format", "pdf"]])
def test_the_command_refuses(
    out: Path, tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["report", str(out), "--out", str(tmp_path), *wrong])
    assert ended.value.code != 0
    assert "Traceback" not in capsys.readouterr().err
