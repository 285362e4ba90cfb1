"""The document of a report: sentences, tables and maps say what the result says."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path
from typing import Any

import docx
import pytest

from indicator_cases import DemoRun
from snapshot_cases import (
    HOSTILE,
    NOTICE,
    make_divisions,
    make_manifest,
    make_tables,
    write_small_snapshot,
)
from yikezhong_app.exports.document import make_document
from yikezhong_app.exports.export_errors import FontMissingError
from yikezhong_app.exports.rate_classes import percent
from yikezhong_app.exports.report import build_report, file_name
from yikezhong_app.exports.report_data import ReportData, gather
from yikezhong_app.exports.typeface import find_typeface
from yikezhong_app.exports.wording import count_words
from yikezhong_app.reading.catalog import Catalog, load_catalog
from yikezhong_app.snapshots.snapshot import open_current, write_snapshot
from yikezhong_app.web.request_errors import ParameterError, UnknownDivisionError


def blank_map(view: object) -> bytes:
    """Stand in for a map where only the words are tested."""
    import matplotlib.figure

    file = io.BytesIO()
    matplotlib.figure.Figure(figsize=(1, 1)).savefig(file, format="png")
    return file.getvalue()


def read(body: bytes) -> Any:
    return docx.Document(io.BytesIO(body))


def words_of(document: Any) -> str:
    return "\n".join(paragraph.text for paragraph in document.paragraphs)


def table_of(document: Any, first: str) -> list[list[str]]:
    """Return the cells of the first table whose header begins with a title."""
    for table in document.tables:
        if table.rows[0].cells[0].text == first:
            return [[cell.text for cell in row.cells] for row in table.rows]
    raise AssertionError(f"no table {first}")


@pytest.fixture(scope="module")
def county(county_run: DemoRun) -> ReportData:
    return gather(load_catalog(open_current(county_run.out)), None)


@pytest.fixture(scope="module")
def document(county: ReportData) -> Any:
    return read(make_document(county, draw=blank_map))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return load_catalog(write_small_snapshot(tmp_path_factory.mktemp("small")))


def test_it_has_the_parts_of_a_report(county: ReportData, document: Any) -> None:
    text = words_of(document)
    for part in (
        "总体情况",
        "服务覆盖情况",
        "规划指标完成情况",
        "缺口与原因",
        "设施情况",
        "方法与局限",
        "数据来源",
    ):
        assert f"、{part}" in text
    assert "曾都区" in text
    year, month, day = county.catalog.as_of.split("-")
    assert f"{year}年{int(month)}月{int(day)}日" in text
    header = document.sections[0].header.paragraphs[0].text
    assert header == county.catalog.notice
    footer = "".join(p.text for p in document.sections[0].footer.paragraphs)
    assert "制图单位" in footer
    assert "审图号" in footer
    assert document.sections[0].page_width.mm == pytest.approx(210, abs=0.1)


def test_the_services_are_those_of_the_snapshot(
    county: ReportData, document: Any
) -> None:
    cells = {row[0]: row for row in table_of(document, "服务")[1:]}
    coverage = county.catalog.snapshot.table("coverage")
    for service in county.catalog.services.values():
        row = coverage[
            (coverage["service"] == service["id"])
            & (coverage["level"] == "county")
            & (coverage["limit_s"] == service["limit_s"])
            & (coverage["denominator"] == service["group"])
            & (coverage["variant"] == "with_neighbours")
        ].iloc[0]
        line = cells[service["name"]]
        assert line[3] == count_words(float(row["total"]))
        assert line[4] == count_words(float(row["covered"]))
        assert line[5] == percent(float(row["rate"]))


def test_the_summary_says_the_figures(county: ReportData, document: Any) -> None:
    text = words_of(document)
    for service in county.featured.values():
        row = next(r for r in county.services if r["service"] == service["id"])
        assert f"覆盖{row['denominator_name']} {count_words(row['covered'])} 人" in text
        assert f"的 {percent(row['rate'])}" in text
    met = sum(
        r["status"] == "met" and r["target"] is not None for r in county.scorecard
    )
    assert f"达标 {met} 项" in text


def test_indicators_have_their_clauses(county: ReportData, document: Any) -> None:
    rows = table_of(document, "指标")
    assert rows[0][-1] == "依据条文"
    judged = [row for row in county.scorecard if row["target"] is not None]
    assert len(rows) - 1 == len(
        [row for row in judged if row["status"] != "not_applicable"]
    )
    assert {row[-1] for row in rows[1:]} <= {row["clause"] or "" for row in judged}
    order = [row[3] for row in rows[1:]]
    assert order == sorted(order, key=["未达标", "无法判定", "达标"].index)


def test_speeds_stand_beside_the_chosen_one(county: ReportData, document: Any) -> None:
    table = next(
        t for t in document.tables if "0.8 米/秒" in [c.text for c in t.rows[0].cells]
    )
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    assert rows[0][2:5] == ["0.8 米/秒", "1 米/秒", "1.2 米/秒"]
    by = {(r["name"], float(r["speed_mps"])): r for r in county.speeds}
    for row in rows[1:]:
        for j, speed in enumerate((0.8, 1.0, 1.2), start=2):
            assert row[j] == percent(by[row[0], speed]["value"])


def test_tables_repeat_their_headers(document: Any) -> None:
    for table in document.tables:
        assert "w:tblHeader" in table.rows[0]._tr.xml


def test_hostile_names_are_only_names(tmp_path: Path) -> None:
    divisions = make_divisions()
    names = [*HOSTILE, "\x00\x01坏", "&<>"]
    divisions["name"] = [names[i % len(names)] for i in range(len(divisions))]
    tables = {**make_tables(), "divisions": divisions}
    snapshot = write_snapshot(tmp_path, tables, manifest=make_manifest())
    body = make_document(gather(load_catalog(snapshot), None), draw=blank_map)
    cells = {
        cell.text
        for table in read(body).tables
        for row in table.rows
        for cell in row.cells
    }
    assert "&<>" in cells
    assert "{{7*7}}" in cells
    assert "@SUM(A1)" in cells
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for name in archive.namelist():
            if name.endswith(".rels"):
                assert b'TargetMode="External"' not in archive.read(name)


def test_without_plans_there_is_no_part_on_them(small: Catalog) -> None:
    text = words_of(read(make_document(gather(small, None), draw=blank_map)))
    assert "规划指标" not in text
    assert NOTICE in text


def test_parts_of_a_study(small: Catalog) -> None:
    document = read(make_document(gather(small, "421303001"), draw=blank_map))
    assert "西城街道" in words_of(document)
    whole = read(make_document(gather(small, "study"), draw=blank_map))
    assert "小城" in words_of(whole)


def test_a_report_of_the_county_takes_seconds(
    county_run: DemoRun, tmp_path: Path
) -> None:
    try:
        find_typeface()
    except FontMissingError:
        pytest.skip("no Chinese font here: apt-get install fonts-noto-cjk")
    started = time.monotonic()
    snapshot = open_current(county_run.out)
    paths = build_report(snapshot, tmp_path, formats=("xlsx", "docx", "png"))
    assert time.monotonic() - started < 60
    assert [path.suffix for path in paths] == [".xlsx", ".docx", ".png"]
    n_map = len(gather(load_catalog(snapshot), None).featured)
    assert len(read(paths[1].read_bytes()).inline_shapes) == n_map > 0


def test_wrong_requests_are_refused(county_run: DemoRun, tmp_path: Path) -> None:
    snapshot = open_current(county_run.out)
    with pytest.raises(ParameterError):
        build_report(snapshot, tmp_path, formats=("pdf",))
    with pytest.raises(UnknownDivisionError):
        build_report(snapshot, tmp_path, code="999999999", formats=("xlsx",))
    assert [*tmp_path.iterdir()] == []


def test_file_names_are_safe(small: Catalog) -> None:
    assert (
        file_name(small, '../a\x00"b', "xlsx") == "_a__b_服务圈覆盖报告_2023-12-31.xlsx"
    )
