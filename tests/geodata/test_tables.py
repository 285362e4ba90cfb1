"""Tables: encodings, delimiters, header rows, exact text."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
import xlsxwriter

from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import (
    AmbiguousLayerError,
    BadCsvError,
    LayerMissingError,
    NoFeaturesError,
    TruncatedError,
)
from yikezhong_geodata.headers import map_columns
from yikezhong_geodata.opening import Limits
from yikezhong_geodata.tables import TextTable, read_table


@pytest.fixture
def report() -> DataReport:
    return DataReport()


def problems(report: DataReport) -> list[str]:
    return [f.problem for f in report.findings]


def read(path: Path, report: DataReport, **keywords: str) -> TextTable:
    return read_table(path, report=report, label="facilities", **keywords)


@pytest.mark.parametrize(
    ("encoding", "delimiter", "noted"),
    [
        ("utf-8", ",", []),
        ("utf-8-sig", ",", []),
        ("utf-16", "\t", []),
        ("gb18030", ",", ["encoding_guessed"]),
        ("gbk", ";", ["encoding_guessed"]),
        ("utf-8", "\t", []),
    ],
)
def test_same_table_in_every_encoding(
    tmp_path: Path, report: DataReport, encoding: str, delimiter: str, noted: list[str]
) -> None:
    rows = [
        ["设施名称", "乡镇代码", "床位数"],
        ["幸福院", "033010", "12"],
        ["敬老院", "", " 3 "],
    ]
    path = tmp_path / "a.csv"
    path.write_bytes("\r\n".join(delimiter.join(r) for r in rows).encode(encoding))
    frame = read(path, report).frame
    assert list(frame.columns) == rows[0]
    assert frame.index.tolist() == [2, 3]
    assert frame.index.name == "row"
    assert frame.to_numpy().tolist() == [
        ["幸福院", "033010", "12"],
        ["敬老院", None, "3"],
    ]
    assert problems(report) == noted


def test_title_rows_above_the_header(tmp_path: Path, report: DataReport) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "随州市养老机构名单,,\n统计时间：2023年12月,,\n\n机构名称,经度,纬度\n甲,113.1,31.2\n",
        "utf-8",
    )
    frame = read(path, report).frame
    assert list(frame.columns) == ["机构名称", "经度", "纬度"]
    assert frame.index.tolist() == [5]


def test_quoted_newlines_and_delimiters(tmp_path: Path, report: DataReport) -> None:
    path = tmp_path / "a.csv"
    path.write_text('名称,地址\n"甲,乙","一行\n二行"\n丙,丁\n', "utf-8")
    frame = read(path, report).frame
    assert frame.to_numpy().tolist() == [["甲,乙", "一行\n二行"], ["丙", "丁"]]


def test_short_row_is_padded_and_noted(tmp_path: Path, report: DataReport) -> None:
    path = tmp_path / "a.csv"
    path.write_text("名称,地址,床位\n甲\n", "utf-8")
    assert read(path, report).frame.to_numpy().tolist() == [["甲", None, None]]
    assert problems(report) == ["short_row"]


def test_same_header_twice_is_told_apart_and_refused_where_meant(
    tmp_path: Path, report: DataReport
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("名称,床位,备注,备注\n甲,1,a,b\n", "utf-8")
    frame = read(path, report).frame
    assert list(frame.columns) == ["名称", "床位", "备注", "备注_重复2"]
    path.write_text("名称,床位,床位\n甲,1,2\n", "utf-8")
    frame = read(path, report).frame
    with pytest.raises(ValueError, match="床位"):
        map_columns(frame.columns, "facility")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"\n\n\n", NoFeaturesError),
        ("名称,地址\n".encode(), NoFeaturesError),
        ('名称,地址\n"甲,乙\n'.encode(), BadCsvError),
        ("名称,地址\n甲,乙".encode()[:-1], TruncatedError),
        ("名称".encode() + b",a\n\xff\xfe\xff,b\nxxxxxxxx,y\n", BadCsvError),
    ],
)
def test_unusable_text(
    tmp_path: Path, report: DataReport, content: bytes, error: type[Exception]
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(error):
        read(path, report)


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = xlsxwriter.Workbook(str(path))
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                if isinstance(value, datetime.date):
                    sheet.write_datetime(
                        r, c, datetime.datetime(*value.timetuple()[:3]), day
                    )
                else:
                    sheet.write(r, c, value)
    book.close()
    return path


def test_excel_cells_become_shortest_text(tmp_path: Path, report: DataReport) -> None:
    path = workbook(
        tmp_path / "a.xlsx",
        {
            "名单": [
                ["全市名单"],
                ["名称", "乡镇代码", "床位数", "面积", "启用日期"],
                ["甲", "033010", 12, 12.5, datetime.date(2021, 5, 1)],
                [],
                ["乙", 421303001000, 0, 1e6, "2020年"],
            ]
        },
    )
    table = read(path, report)
    assert table.sheet == "名单"
    assert table.frame.index.tolist() == [3, 5]
    assert table.frame.to_numpy().tolist() == [
        ["甲", "033010", "12", "12.5", "2021-05-01"],
        ["乙", "421303001000", "0", "1000000", "2020年"],
    ]
    assert problems(report) == []


def test_sheet_with_headers_is_found_and_others_named(
    tmp_path: Path, report: DataReport
) -> None:
    rows = [["名称", "床位数"], ["甲", 1]]
    path = workbook(tmp_path / "a.xlsx", {"说明": [["填表说明"]], "数据": rows})
    assert read(path, report).sheet == "数据"
    assert problems(report) == ["sheet_ignored"]


def test_two_tables_need_a_choice(tmp_path: Path, report: DataReport) -> None:
    rows = [["名称", "床位数"], ["甲", 1]]
    path = workbook(tmp_path / "a.xlsx", {"一": rows, "二": rows})
    with pytest.raises(AmbiguousLayerError, match="一、二"):
        read(path, report)
    assert read(path, report, sheet="二").sheet == "二"
    with pytest.raises(LayerMissingError):
        read(path, report, sheet="三")


def test_excel_under_the_name_of_the_other_format(
    tmp_path: Path, report: DataReport
) -> None:
    path = workbook(tmp_path / "a.xlsx", {"一": [["名称", "床位数"], ["甲", 1]]})
    assert len(read(path.rename(tmp_path / "a.xls"), report).frame) == 1


def test_named_headers_find_the_header_row(tmp_path: Path, report: DataReport) -> None:
    path = tmp_path / "a.csv"
    path.write_text("说明一,说明二\n甲栏,乙栏\n1,2\n", "utf-8")
    table = read_table(path, report=report, label="x", headers=["甲栏", "乙栏"])
    assert list(table.frame.columns) == ["甲栏", "乙栏"]


def test_cells_are_bounded(tmp_path: Path, report: DataReport) -> None:
    path = tmp_path / "a.csv"
    path.write_text("名称,床位\n" + "甲,1\n" * 100, "utf-8")
    with pytest.raises(ValueError, match="上限"):
        read_table(path, report=report, label="x", limits=Limits(cells=50))


@pytest.mark.real_data
def test_real_code_lists(real_data: Path, report: DataReport) -> None:
    table = read(real_data / "suizhou" / "streets_suizhou4213.csv", report)
    assert len(table.frame) == 51
    table = read(real_data / "hubei" / "villages_hubei42.csv", report)
    assert len(table.frame) == 27057
