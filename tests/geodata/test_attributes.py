"""Attributes of divisions and facilities: recognised, typed, never guessed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from shapely import box

from yikezhong_geodata.attributes import PREFIX, SERVES, load_attributes
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.facilities import load_facilities
from yikezhong_geodata.file_errors import ColumnMappingError, DuplicateKeyError
from yikezhong_geodata.flags import parse_flag
from yikezhong_geodata.plans.attributes import load_attribute_terms
from yikezhong_geodata.source_spec import AttributeSpec
from yikezhong_geodata.spec import FacilitySpec

COUNTY, WEST, EAST = "421303000000", "421303001000", "421303002000"
ONE, TWO = "421303001001", "421303002201"


@pytest.fixture
def divisions() -> Any:
    rows = [
        (COUNTY, "曾都区", "county", None, box(113.0, 31.0, 113.2, 31.1)),
        (WEST, "西城街道", "township", COUNTY, box(113.0, 31.0, 113.1, 31.1)),
        (EAST, "东城街道", "township", COUNTY, box(113.1, 31.0, 113.2, 31.1)),
        (ONE, "甲社区", "community", WEST, box(113.0, 31.0, 113.1, 31.1)),
        (TWO, "乙村", "community", EAST, box(113.1, 31.0, 113.2, 31.1)),
    ]
    names = ["code", "name", "level", "parent", "geometry"]
    table = gpd.GeoDataFrame(rows, columns=names, crs="EPSG:4326")
    inside = table.geometry.representative_point()
    return table.assign(lon=inside.x, lat=inside.y)


def read(
    folder: Path, divisions: Any, text: str, **options: Any
) -> tuple[Any, DataReport]:
    (folder / "a.csv").write_text(text, encoding="utf-8")
    report = DataReport()
    spec = AttributeSpec(file="a.csv", **options)
    table = load_attributes([spec], folder=folder, divisions=divisions, report=report)
    return table, report


def test_columns_are_known_by_their_chinese_headers(
    tmp_path: Path, divisions: Any
) -> None:
    text = (
        "区划代码,名称,火葬区,以钱养事岗位数,乡镇中心村,备注\n"
        f"{WEST},西城街道,是,2,,甲\n{TWO},乙村,,,否,\n"
    )
    table, report = read(tmp_path, divisions, text)
    names = ("central_village", "cremation_zone", "posts")
    assert set(table.columns) == {f"{PREFIX}{name}" for name in names}
    assert table["attr_cremation_zone"].tolist() == [None, True, None, None, None]
    assert table["attr_posts"].tolist() == [None, 2.0, None, None, None]
    assert table["attr_central_village"].tolist() == [None, None, None, None, False]
    (count,) = report.counts
    assert (count.read, count.used, count.set_aside) == (2, 2, 0)


def test_rows_are_conserved_and_every_odd_cell_is_listed(
    tmp_path: Path, divisions: Any
) -> None:
    text = (
        "区划代码,火葬区,以钱养事岗位数\n"
        f"{WEST},大概,三个\n421399001,是,1\n,是,1\n{EAST},否,0\n"
    )
    table, report = read(tmp_path, divisions, text)
    assert table["attr_cremation_zone"].tolist() == [None, None, False, None, None]
    assert table["attr_posts"].tolist() == [None, None, 0.0, None, None]
    found = {(f.row, f.problem, f.action) for f in report.findings if f.row}
    assert found == {
        (2, "unreadable_flag", "noted"),
        (2, "unreadable_number", "noted"),
        (3, "unmatched", "set_aside"),
        (4, "code_missing", "set_aside"),
    }
    (count,) = report.counts
    assert (count.read, count.used, count.set_aside) == (4, 2, 2)


def test_a_header_can_be_named_and_two_headers_are_no_guess(
    tmp_path: Path, divisions: Any
) -> None:
    own = f"区划代码,今年岗位\n{WEST},3\n"
    table, _ = read(tmp_path, divisions, own, columns={"posts": "今年岗位"})
    assert table["attr_posts"].tolist()[1] == 3.0
    double = f"区划代码,火葬区,是否火葬区\n{WEST},是,否\n"
    with pytest.raises(ColumnMappingError, match="都可能"):
        read(tmp_path, divisions, double)
    table, _ = read(
        tmp_path, divisions, double, columns={"cremation_zone": "是否火葬区"}
    )
    assert table["attr_cremation_zone"].tolist()[1] is False


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("名称,火葬区\n西城街道,是\n", ColumnMappingError),
        (f"区划代码,备注\n{WEST},甲\n", ColumnMappingError),
        (f"区划代码,火葬区\n{WEST},是\n{WEST},否\n", DuplicateKeyError),
    ],
)
def test_bad_tables_are_refused(
    tmp_path: Path, divisions: Any, text: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        read(tmp_path, divisions, text)
    assert "a.csv" in str(raised.value)


def test_a_later_table_fills_and_overrides(tmp_path: Path, divisions: Any) -> None:
    (tmp_path / "a.csv").write_text(
        f"区划代码,以钱养事岗位数\n{WEST},1\n{EAST},1\n", encoding="utf-8"
    )
    (tmp_path / "b.csv").write_text(
        f"区划代码,以钱养事岗位数\n{WEST},2\n{EAST},\n", encoding="utf-8"
    )
    table = load_attributes(
        [AttributeSpec(file="a.csv"), AttributeSpec(file="b.csv")],
        folder=tmp_path,
        divisions=divisions,
        report=DataReport(),
    )
    assert table["attr_posts"].tolist() == [None, 2.0, 1.0, None, None]


def test_facility_lists_keep_what_rules_ask_for(tmp_path: Path, divisions: Any) -> None:
    (tmp_path / "f.csv").write_text(
        "设施编号,设施名称,设施类别,所属社区代码,经度,纬度,状态,墓位数,剩余墓位数,"
        "服务村社区代码,婚姻登记机关等级,火化设备,设施级别\n"
        f"A,甲公墓,公墓,{ONE},113.05,31.05,运营,100,40,{ONE}、{TWO};421399,,,\n"
        f"B,甲登记处,婚姻登记处,{ONE},113.05,31.05,运营,,,,3A级,,县级\n"
        f"C,甲殡仪馆,殡仪馆,{ONE},113.05,31.05,运营,,,,优秀,3,\n",
        encoding="utf-8",
    )
    report = DataReport()
    table = load_facilities(
        [FacilitySpec(file="f.csv")],
        folder=tmp_path,
        divisions=divisions,
        as_of=dt.date(2025, 12, 31),
        report=report,
    ).set_index("id")
    assert table["attr_free_plots"].tolist()[0] == 40.0
    assert table["attr_registry_grade"].tolist() == [None, "3A", None]
    assert table["attr_cremator"].tolist() == [None, None, True]
    assert table["attr_tier"].tolist() == [None, "county", None]
    assert table[SERVES].tolist() == [(ONE, TWO), None, None]
    problems = {(f.id, f.problem, f.value) for f in report.findings if f.row}
    assert ("A", "served_unknown", "421399") in problems
    assert ("C", "unreadable_text", "优秀") in problems
    # what has a column of its own is not there twice
    assert "attr_plots" not in table.columns and table["plots"].tolist()[0] == 100.0


def test_lists_without_attributes_have_no_such_columns(
    tmp_path: Path, divisions: Any
) -> None:
    (tmp_path / "f.csv").write_text(
        f"名称,类别,社区代码,经度,纬度\n甲,公墓,{ONE},113.05,31.05\n", encoding="utf-8"
    )
    table = load_facilities(
        [FacilitySpec(file="f.csv")],
        folder=tmp_path,
        divisions=divisions,
        as_of=dt.date(2025, 12, 31),
        report=DataReport(),
    )
    assert not [name for name in table.columns if name.startswith(PREFIX)]


@pytest.mark.parametrize("text", ["正在核实", "2 处待定", "是否"])
def test_a_doubtful_flag_is_neither_yes_nor_no(text: str) -> None:
    assert parse_flag(text) == (None, "unreadable")


def test_every_attribute_can_be_read_by_its_own_name(
    tmp_path: Path, divisions: Any
) -> None:
    terms = [t for t in load_attribute_terms() if t.of == "division"]
    cells = ["是" if t.type == "flag" else "3" for t in terms]
    header = ",".join(["区划代码", *(t.name for t in terms)])
    table, report = read(tmp_path, divisions, f"{header}\n{','.join([WEST, *cells])}\n")
    assert set(table.columns) == {f"{PREFIX}{t.id}" for t in terms}
    assert table.iloc[1].notna().all()
    assert not [f for f in report.findings if f.row]
