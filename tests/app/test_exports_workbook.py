"""The workbook of a report: the API's numbers, texts as texts, sheets for printing."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from defusedxml import ElementTree
from python_calamine import CalamineWorkbook
from starlette.testclient import TestClient

from indicator_cases import DemoRun
from service_cases import API, make_client
from snapshot_cases import EMPTY, HOSTILE, NOTICE, TWIN, WEST, write_small_snapshot
from yikezhong_app.exports.report_data import gather
from yikezhong_app.exports.sheets import HEADER_ROW
from yikezhong_app.exports.workbook import make_workbook
from yikezhong_app.reading.catalog import load_catalog
from yikezhong_app.snapshots.snapshot import Snapshot, open_current
from yikezhong_app.web.request_errors import AmbiguousNameError, UnknownDivisionError

COUNTY = "421303000000"
SHEETS = [
    "概览",
    "乡镇覆盖率",
    "社区覆盖率",
    "缺口",
    "设施",
    "数据报告",
    "参数与来源",
]
NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
Rows = list[list[Any]]


def sheets_of(body: bytes) -> dict[str, Rows]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(body))
    return {
        name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for name in book.sheet_names
    }


def records(rows: Rows, *, header: int = HEADER_ROW) -> list[dict[str, Any]]:
    titles = rows[header]
    return [dict(zip(titles, row, strict=True)) for row in rows[header + 1 :]]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return write_small_snapshot(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def small_body(small: Snapshot) -> bytes:
    return make_workbook(gather(load_catalog(small), None))


@pytest.fixture(scope="module")
def county(county_run: DemoRun) -> dict[str, Rows]:
    catalog = load_catalog(open_current(county_run.out))
    return sheets_of(make_workbook(gather(catalog, None)))


@pytest.fixture(scope="module")
def client(county_run: DemoRun) -> Iterator[TestClient]:
    with make_client(county_run.out) as opened:
        yield opened


def items(client: TestClient, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"{API}/{path}", params={"limit": 100_000, **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_sheets(small_body: bytes) -> None:
    assert [*sheets_of(small_body)] == SHEETS


def test_the_overview_equals_the_api(
    county: dict[str, Rows], client: TestClient
) -> None:
    lines = {row["服务"]: row for row in records(county["概览"])}
    answer = items(client, "coverage", level="county")
    assert answer
    for row in answer:
        line = lines[row["service_name"]]
        assert line["总数"] == pytest.approx(row["total"], rel=1e-14)
        assert line["已覆盖"] == pytest.approx(row["covered"], rel=1e-14)
        assert line["覆盖率"] == pytest.approx(row["rate"], rel=1e-14)


@pytest.mark.parametrize(
    ("sheet", "level"), [("乡镇覆盖率", "township"), ("社区覆盖率", "community")]
)
def test_coverage_equals_the_api(
    county: dict[str, Rows], client: TestClient, sheet: str, level: str
) -> None:
    rows = county[sheet]
    names = rows[HEADER_ROW - 1]
    at = {
        str(name).split("\n")[0]: j for j, name in enumerate(names) if "\n" in str(name)
    }
    lines = {row[0]: row for row in rows[HEADER_ROW + 1 :]}
    answer = items(client, "coverage", level=level)
    assert len(answer) > 100
    for row in answer:
        line, j = lines[row["code"]], at[row["service_name"]]
        assert line[1] == row["name"]
        if row["rate"] is None:
            assert line[j + 1] in ("不适用", "未知")
        else:
            assert line[j] == pytest.approx(row["covered"], rel=1e-14)
            assert line[j + 1] == pytest.approx(row["rate"], rel=1e-14)


def test_gaps_equal_the_api(county: dict[str, Rows], client: TestClient) -> None:
    answer = items(client, "gaps", level="community")
    lines = {(r["代码"], r["服务"]): r for r in records(county["缺口"])}
    assert len(lines) == len(answer) > 100
    for row in answer:
        line = lines[row["code"], row["service_name"]]
        assert line["主要原因"] == row["reason_name"]
        if row["people_without"] is not None:
            assert line["未覆盖的服务人群"] == pytest.approx(
                row["people_without"], rel=1e-14
            )


def test_the_scorecard_equals_the_api(
    county: dict[str, Rows], client: TestClient
) -> None:
    answer = items(client, f"counties/{COUNTY}/scorecard")
    lines = {row["编号"]: row for row in records(county["计分卡"])}
    assert len(lines) == len(answer) > 50
    for row in answer:
        line = lines[row["indicator_id"]]
        assert line["结论"] == row["status_name"]
        assert line["依据条文"] == (row["clause"] or "")
        if row["value"] is None:
            assert line["数值"] == ""
        else:
            assert line["数值"] == pytest.approx(row["value"], rel=1e-14)


def test_speeds_stand_beside_each_other(county: dict[str, Rows]) -> None:
    lines = records(county["步行速度"])
    speeds = {row["步行速度（米/秒）"] for row in lines}
    assert {0.8, 1.0, 1.2} <= speeds


def test_facilities_and_data_report(
    county: dict[str, Rows], client: TestClient
) -> None:
    facilities = {row["编号"]: row for row in records(county["设施"])}
    answer = items(client, "facilities")
    assert len(facilities) == len(answer)
    assert all(facilities[row["id"]]["名称"] == row["name"] for row in answer)
    assert len(records(county["数据报告"])) == len(items(client, "data-report"))


def test_a_township_has_only_its_own(small: Snapshot) -> None:
    rows = sheets_of(make_workbook(gather(load_catalog(small), "421303001")))
    assert [row["代码"] for row in records(rows["乡镇覆盖率"])] == [WEST]
    assert {row["上级"] for row in records(rows["社区覆盖率"])} == {"西城街道"}
    assert [row["编号"] for row in records(rows["设施"])] == ["F1"]


def test_unknown_is_not_zero(small_body: bytes) -> None:
    rows = {row[0]: row for row in sheets_of(small_body)["乡镇覆盖率"]}
    titles = sheets_of(small_body)["乡镇覆盖率"][HEADER_ROW]
    at = titles.index("覆盖率")
    assert rows[TWIN][at] == "未知"
    assert rows[EMPTY][at] == "不适用"
    assert rows[TWIN][titles.index("常住人口")] == "未知"


@pytest.mark.case(70, 71)
def test_texts_stay_texts(small_body: bytes) -> None:
    names = [row["名称"] for row in records(sheets_of(small_body)["设施"])]
    assert [n for n in HOSTILE if n in names] == [*HOSTILE]
    with zipfile.ZipFile(io.BytesIO(small_body)) as archive:
        for name in archive.namelist():
            text = archive.read(name)
            assert b"<f>" not in text, name
            assert b"hyperlink" not in text.lower() or b"Target" not in text
    codes = {row["代码"] for row in records(sheets_of(small_body)["乡镇覆盖率"])}
    assert all(isinstance(code, str) and len(code) == 12 for code in codes)


def test_every_sheet_is_ready_to_print(small_body: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(small_body)) as archive:
        sheets = [n for n in archive.namelist() if n.startswith("xl/worksheets/sheet")]
        assert len(sheets) == len(SHEETS)
        for name in sheets:
            root = ElementTree.fromstring(archive.read(name))
            setup = root.find(f"{NAMESPACE}pageSetup")
            assert setup is not None
            assert setup.get("paperSize") == "9"
            pane = root.find(f".//{NAMESPACE}pane")
            assert pane is not None
            assert pane.get("state") == "frozen"
            foot = root.findtext(f"{NAMESPACE}headerFooter/{NAMESPACE}oddFooter")
            assert foot is not None
            assert NOTICE in foot
            assert "&P" in foot
            assert root.find(f"{NAMESPACE}cols") is not None
        book = archive.read("xl/workbook.xml").decode()
        assert book.count("_xlnm.Print_Titles") == len(SHEETS)
        assert book.count("_xlnm.Print_Area") == len(SHEETS)


def test_unknown_and_ambiguous_divisions_are_refused(small: Snapshot) -> None:
    catalog = load_catalog(small)
    with pytest.raises(UnknownDivisionError):
        gather(catalog, "999999999")
    with pytest.raises(AmbiguousNameError):
        gather(catalog, "东城")


def test_header_codes_of_a_name_are_harmless(tmp_path: Path) -> None:
    snapshot = write_small_snapshot(tmp_path, notice="A&B &P 12" + "长" * 300)
    body = make_workbook(gather(load_catalog(snapshot), None))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        root = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    foot = root.findtext(f"{NAMESPACE}headerFooter/{NAMESPACE}oddFooter")
    assert foot is not None
    assert "A&&B &&P" in foot
    assert len(foot) <= 255
