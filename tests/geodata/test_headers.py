"""Headers of users' tables."""

from __future__ import annotations

import itertools

import pytest

from yikezhong_geodata.file_errors import ColumnMappingError
from yikezhong_geodata.headers import (
    KINDS,
    _synonyms,
    count_headers,
    header_datum,
    header_scale,
    is_code_header,
    map_columns,
)


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        ("经度", "纬度"),
        ("东经", "北纬"),
        ("lng", "lat"),
        ("Longitude", "LATITUDE"),
        ("经 度（°）", "纬 度（°）"),
        ("ＬＮＧ", "ｌａｔ"),
        ("经度(WGS84)", "纬度(WGS84)"),
        ("高德经度", "高德纬度"),
    ],
)
def test_coordinates_in_any_order(lon: str, lat: str) -> None:
    for headers in itertools.permutations([lon, lat, "名称"]):
        assert map_columns(headers, "facility") == {
            "name": "名称",
            "lon": lon,
            "lat": lat,
        }


def test_planar_coordinates_keep_their_letters() -> None:
    assert map_columns(["Y坐标", "X坐标"], "facility") == {"x": "X坐标", "y": "Y坐标"}


def test_a_bureau_list() -> None:
    headers = [
        "序号",
        "县（市、区）",
        "乡镇（街道）",
        "机构名称",
        "机构类型",
        "床位数（张）",
    ]
    headers += [
        "其中：护理型床位",
        "建筑面积（㎡）",
        "投入使用时间",
        "运营状态",
        "服务功能",
        "备注",
    ]
    assert map_columns(headers, "facility") == {
        "id": "序号",
        "name": "机构名称",
        "category": "机构类型",
        "functions": "服务功能",
        "township_name": "乡镇（街道）",
        "county_name": "县（市、区）",
        "beds": "床位数（张）",
        "nursing_beds": "其中：护理型床位",
        "floor_area_m2": "建筑面积（㎡）",
        "status": "运营状态",
        "opened": "投入使用时间",
    }


def test_a_population_table() -> None:
    headers = [
        "乡镇代码",
        "乡镇名称",
        "常住人口（万人）",
        "60岁及以上人口",
        "65岁以上",
        "户数",
        "年份",
    ]
    assert map_columns(headers, "population") == {
        "code": "乡镇代码",
        "name": "乡镇名称",
        "people": "常住人口（万人）",
        "people_60": "60岁及以上人口",
        "people_65": "65岁以上",
        "households": "户数",
        "year": "年份",
    }
    assert header_scale("常住人口（万人）") == 10_000


def test_finest_level_is_the_row_and_the_next_its_parent() -> None:
    headers = ["县代码", "县名称", "乡镇代码", "乡镇名称"]
    assert map_columns(headers, "boundary") == {
        "code": "乡镇代码",
        "name": "乡镇名称",
        "parent": "县代码",
    }


def test_headers_cut_by_a_shapefile() -> None:
    found = map_columns(["统计用区划", "60岁以上人"], "boundary")
    assert found == {"code": "统计用区划", "people_60": "60岁以上人"}


@pytest.mark.parametrize(
    "headers", [["经度", "东经"], ["床位数", "总床位"], ["名称", "设施名称"]]
)
def test_two_that_could_be_it_are_refused(headers: list[str]) -> None:
    with pytest.raises(ColumnMappingError) as caught:
        map_columns(headers, "facility", file="a.xlsx")
    assert all(h in str(caught.value) for h in headers)
    assert caught.value.file == "a.xlsx"
    # saying which one is enough
    name = {"经度": "lon", "床位数": "beds", "名称": "name"}[headers[0]]
    assert (
        map_columns(headers, "facility", overrides={name: headers[1]})[name]
        == headers[1]
    )


def test_overrides_win_and_must_be_there() -> None:
    headers = ["名称", "甲", "床位数"]
    found = map_columns(headers, "facility", overrides={"beds": "甲", "name": ""})
    assert found == {"beds": "甲"}
    with pytest.raises(ColumnMappingError, match="名称、甲、床位数"):
        map_columns(headers, "facility", overrides={"beds": "乙"})
    with pytest.raises(ColumnMappingError, match="可用的有"):
        map_columns(headers, "facility", overrides={"bed": "甲"})


def test_nothing_is_recognised_in_a_data_row() -> None:
    assert count_headers(["幸福院", "113.2", None, "城郊街道", 12]) == 0
    assert count_headers(["名称", "床位数（张）", None]) == 2


def test_words_are_unique_within_a_kind() -> None:
    for kind in KINDS:
        seen: dict[str, str] = {}
        for name, tiers in _synonyms()[kind].items():
            for word in {word for tier in tiers for word in tier}:
                assert word, (kind, name)
                if kind == "facility" and name == "id":
                    continue  # 代码 and 编码 may be an id, last of all
                assert seen.setdefault(word, name) == name, (kind, word)


def test_datum_and_codes_in_headers() -> None:
    assert header_datum("百度经度") == "bd09"
    assert is_code_header("统计用区划代码")
    assert not is_code_header("序号")
