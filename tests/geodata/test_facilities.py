"""Facilities: every row of a bureau's list is used, repaired or set aside by name."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from study_cases import (
    FACILITIES,
    FACILITY_HEADER,
    communities,
    facilities,
    townships,
    write_csv,
    write_features,
    write_geojson,
    write_xlsx,
)
from yikezhong_geodata.boundaries import load_boundaries
from yikezhong_geodata.columns import FACILITY_COLUMNS
from yikezhong_geodata.data_report import DataReport, Finding
from yikezhong_geodata.facilities import load_facilities
from yikezhong_geodata.file_errors import (
    AxisOrderError,
    ColumnMappingError,
    CrsImplausibleError,
    CrsMissingError,
    DatumUnknownError,
    DuplicateKeyError,
    PrecisionLostError,
)
from yikezhong_geodata.spec import BoundarySpec, FacilitySpec
from yikezhong_geodata.toml_keys import StudySpecError

DAY = dt.date(2023, 12, 31)
PLACE = ("113.37", "31.731")  # inside 421303001001


@pytest.fixture
def divisions(tmp_path: Path) -> Any:
    folder = tmp_path / "boundaries"
    folder.mkdir()
    write_geojson(communities(), folder / "c.geojson")
    write_geojson(townships(), folder / "t.geojson")
    return load_boundaries(
        [BoundarySpec("c.geojson"), BoundarySpec("t.geojson")],
        folder=folder,
        code_system="cn12",
        report=DataReport(),
    )


def load(
    folder: Path, divisions: Any, *specs: FacilitySpec, as_of: dt.date = DAY
) -> tuple[gpd.GeoDataFrame, DataReport]:
    report = DataReport()
    table = load_facilities(
        specs, folder=folder, divisions=divisions, as_of=as_of, report=report
    )
    assert list(table.columns) == list(FACILITY_COLUMNS)
    used = sum(count.used + count.repaired for count in report.counts)
    assert len(table) == used
    for count in report.counts:
        assert count.read == count.used + count.repaired + count.set_aside
    return table, report


def listed(
    folder: Path,
    divisions: Any,
    header: list[str],
    *rows: tuple[object, ...],
    **spec: Any,
) -> tuple[gpd.GeoDataFrame, DataReport]:
    write_csv(folder / "f.csv", header, rows)
    return load(folder, divisions, FacilitySpec("f.csv", **spec))


def found(report: DataReport, problem: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.problem == problem]


def test_the_whole_list(tmp_path: Path, divisions: Any) -> None:
    write_csv(tmp_path / "f.csv", FACILITY_HEADER, FACILITIES)
    table, report = load(tmp_path, divisions, FacilitySpec("f.csv"))
    rows = table.set_index("id")
    assert list(rows["status"]) == ["open", "open", "open", "closed", "planned", "open"]
    assert rows.loc["F1", "functions"] == ("cleaning", "day", "meal")
    assert rows.loc["F3", "functions"] is None  # an empty cell: unknown
    assert rows.loc["F4", "functions"] == ()  # 无: none
    assert rows.loc["F1", "beds"] == 30 and math.isnan(rows.loc["F4", "beds"])
    assert rows.loc["F1", "opened"] == "2020-05-31"
    assert rows.loc["F6", "opened"] is None
    assert rows.loc["F6", "flags"] == "undated"
    assert list(rows["category"]) == [
        "elderly_complex", "day_care", "day_care", "mutual_aid",
        "elderly_institution", "funeral_home",
    ]  # fmt: skip
    assert rows.loc["F1", "community_code"] == "421303001001"
    assert rows.loc["F1", "township_code"] == "421303001000"
    assert rows.loc["F1", "county_code"] == "421303000000"
    assert rows.loc["F1", "row"] == 2
    assert {f.id for f in found(report, "inactive")} == {"F4", "F5"}


@pytest.mark.parametrize("kind", ["xlsx", "geojson", "gpkg"])
def test_the_same_through_other_formats(
    tmp_path: Path, divisions: Any, kind: str
) -> None:
    write_csv(tmp_path / "f.csv", FACILITY_HEADER, FACILITIES)
    expected, _ = load(tmp_path, divisions, FacilitySpec("f.csv"))
    path = tmp_path / f"g.{kind}"
    if kind == "xlsx":
        write_xlsx(path, FACILITY_HEADER, FACILITIES)
    elif kind == "geojson":
        write_geojson(facilities(), path)
    else:
        facilities().to_file(path)
    table, _ = load(tmp_path, divisions, FacilitySpec(path.name))
    same = [c for c in FACILITY_COLUMNS if c not in ("file", "row", "geometry")]
    assert table[same].equals(expected[same])


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (["名称", "经度", "纬度"], ("甲", *PLACE)),
        (["东经", "名称", "北纬"], (PLACE[0], "甲", PLACE[1])),
        (["lng", "lat", "name"], (*PLACE, "甲")),
        (["Y坐标", "X坐标", "名称"], (PLACE[1], PLACE[0], "甲")),
        (["名称", "经纬度"], ("甲", ",".join(PLACE))),
        (["名称", "经度", "纬度"], ("甲", "113°22′12″", "31°43′51.6″")),
    ],
)
def test_headers_of_coordinates(
    tmp_path: Path, divisions: Any, header: list[str], row: tuple[str, ...]
) -> None:
    """64."""
    table, _ = listed(tmp_path, divisions, header, row)
    assert table["lon"].iloc[0] == pytest.approx(113.37)
    assert table["lat"].iloc[0] == pytest.approx(31.731)


def test_ambiguous_or_half_coordinates(tmp_path: Path, divisions: Any) -> None:
    """64."""
    with pytest.raises(ColumnMappingError):
        listed(tmp_path, divisions, ["经度", "东经", "纬度"], ("1", "2", "3"))
    with pytest.raises(ColumnMappingError, match="一列"):
        listed(tmp_path, divisions, ["名称", "经度"], ("甲", "113"))


def test_no_list_says_no_status(tmp_path: Path, divisions: Any) -> None:
    table, report = listed(
        tmp_path, divisions, ["名称", "经度", "纬度"], ("甲养老院", *PLACE)
    )
    row = table.iloc[0]
    assert (row["status"], row["flags"]) == ("open", "undated")
    assert row["category"] == "elderly_institution"  # from its name
    assert row["functions"] is None
    for problem in ("status_assumed", "category_guessed", "crs_assumed"):
        assert found(report, problem)[0].row is None
    assert row["id"] == "f1-00002"


@pytest.mark.parametrize(
    ("opened", "closed", "status", "expected", "undated"),
    [
        ("2023", "", "", "open", False),  # a bare year means 31 December
        ("2024", "", "运营", "planned", False),
        ("2023-05", "2023-11", "", "closed", False),
        ("2023年5月", "2024", "停业", "open", False),  # closes later
        ("2020", "", "停业", "closed", True),
        ("", "", "正常", "open", True),
        ("", "", "规划", "planned", True),
        ("", "", "未投入使用", "planned", True),
        ("", "", "", "unknown", True),
        ("", "", "？？", "unknown", True),
        ("不知", "", "运营", "open", True),
        ("20230101", "2023-12-31", "", "closed", False),  # open < closed
        ("2023-12-31 00:00:00", "", "", "open", False),
        ("45000", "", "", "open", False),  # an Excel serial number
    ],
)
def test_status_as_of(
    tmp_path: Path,
    divisions: Any,
    opened: str,
    closed: str,
    status: str,
    expected: str,
    undated: bool,
) -> None:
    """68."""
    header = ["名称", "经度", "纬度", "投用时间", "停用时间", "状态"]
    table, report = listed(
        tmp_path, divisions, header, ("甲", *PLACE, opened, closed, status), category="day_care"
    )  # fmt: skip
    row = table.iloc[0]
    assert row["status"] == expected
    assert ("undated" in row["flags"].split()) == undated
    assert bool(found(report, "inactive")) == (expected in ("closed", "planned"))


def test_the_same_list_at_two_days(tmp_path: Path, divisions: Any) -> None:
    write_csv(tmp_path / "f.csv", FACILITY_HEADER, FACILITIES)
    spec = FacilitySpec("f.csv")
    early, _ = load(tmp_path, divisions, spec, as_of=dt.date(2021, 1, 1))
    late, _ = load(tmp_path, divisions, spec, as_of=dt.date(2031, 1, 1))
    assert list(early["status"]) == [
        "open",
        "planned",
        "planned",
        "closed",
        "planned",
        "open",
    ]
    assert list(late["status"]) == ["open", "open", "open", "closed", "open", "open"]


def test_unknown_words_are_listed(tmp_path: Path, divisions: Any) -> None:
    header = ["名称", "类别", "服务功能", "床位数", "经度", "纬度", "投用时间"]
    table, report = listed(
        tmp_path, divisions, header,
        ("甲", "加油站", "理发", "约30", *PLACE, "去年"),
        ("乙", "", "助餐、理发", "-3", *PLACE, "2020"),
    )  # fmt: skip
    assert list(table["category"]) == ["other", "other"]
    assert list(table["functions"]) == [None, ("meal",)]
    assert table["beds"].iloc[0] == 30 and math.isnan(table["beds"].iloc[1])
    assert [f.row for f in found(report, "category_unknown")] == [2, 3]
    assert [f.row for f in found(report, "function_unknown")] == [2, 3]
    assert [f.row for f in found(report, "bad_date")] == [2]
    assert [f.row for f in found(report, "approximate")] == [2]
    assert [f.row for f in found(report, "implausible")] == [3]


def test_wrong_constant_category(tmp_path: Path, divisions: Any) -> None:
    with pytest.raises(StudySpecError, match="加油站"):
        listed(tmp_path, divisions, ["名称"], ("甲",), category="加油站")


@pytest.mark.parametrize(
    ("lon", "lat", "problem"),
    [
        ("", "", "no_geometry"),
        ("0", "0", "null_island"),
        ("某地", "31.7", "bad_coordinate"),
        ("nan", "31.7", "no_geometry"),
        ("31.731", "113.37", "swapped_axes"),
        ("1e9", "31.7", None),
    ],
)
def test_rows_without_a_usable_point(
    tmp_path: Path, divisions: Any, lon: str, lat: str, problem: str | None
) -> None:
    """43 to 46: kept for the administrative rules where there is a code."""
    header = ["编号", "名称", "类别", "乡镇代码", "经度", "纬度"]
    rows = [
        ("A", "甲", "day_care", "421303001", lon, lat),
        ("B", "乙", "day_care", "", lon, lat),
        ("C", "丙", "day_care", "421303001", *PLACE),
    ]
    if problem is None:
        with pytest.raises(CrsMissingError):
            listed(tmp_path, divisions, header, *rows)
        return
    table, report = listed(tmp_path, divisions, header, *rows)
    row = table.set_index("id").loc["A"]
    assert list(table["id"]) == ["A", "C"]
    assert row["geometry"] is None and math.isnan(row["lon"])
    assert "no_point" in row["flags"].split()
    assert row["township_code"] == "421303001000"
    assert row["community_code"] is None and row["located_township_code"] is None
    (finding,) = found(report, problem)
    assert (finding.action, finding.row, finding.id) == ("set_aside", 3, "B")
    assert found(report, "no_point")[0].row == 2


def test_all_rows_swapped(tmp_path: Path, divisions: Any) -> None:
    """45: never silently nothing; also where both are possible latitudes."""
    header = ["名称", "经度", "纬度"]
    with pytest.raises(AxisOrderError):
        listed(tmp_path, divisions, header, ("甲", PLACE[1], PLACE[0]))
    moved = divisions.copy()
    moved["geometry"] = moved.geometry.translate(-33.0)  # to 80 degrees east
    moved["lon"] -= 33.0
    with pytest.raises(AxisOrderError):
        listed(tmp_path, moved, header, ("甲", "31.731", "80.37"))


def test_outside_is_kept_with_its_distance(tmp_path: Path, divisions: Any) -> None:
    """47."""
    header = ["名称", "类别", "经度", "纬度"]
    table, report = listed(
        tmp_path, divisions, header, ("甲", "day_care", "113.37", "31.75")
    )
    (finding,) = found(report, "outside_area")
    assert float(str(finding.value)) == pytest.approx(1109, abs=2)
    assert table["flags"].iloc[0] == "undated outside_area"
    assert table["township_code"].iloc[0] is None


def test_on_a_border_belongs_to_exactly_one(tmp_path: Path, divisions: Any) -> None:
    """48: the smallest code, whatever the order of the divisions."""
    header = ["名称", "类别", "经度", "纬度"]
    row = ("甲", "day_care", "113.38", "31.72")  # corner of four communities
    for table_of in (divisions, divisions.iloc[::-1].reset_index(drop=True)):
        table, report = listed(tmp_path, table_of, header, row)
        assert table["community_code"].iloc[0] == "421303001001"
        assert found(report, "on_border")[0].value == "421303001001"


def test_code_and_place_disagree(tmp_path: Path, divisions: Any) -> None:
    header = ["编号", "名称", "类别", "社区代码", "经度", "纬度"]
    table, report = listed(
        tmp_path, divisions, header,
        ("A", "甲", "day_care", "421303100001", *PLACE),
        ("B", "乙", "day_care", "421303001001", *PLACE),
        ("C", "丙", "day_care", "421303001", *PLACE),
    )  # fmt: skip
    rows = table.set_index("id")
    assert rows.loc["A", "community_code"] == "421303100001"
    assert rows.loc["A", "township_code"] == "421303100000"
    assert rows.loc["A", "located_community_code"] == "421303001001"
    assert rows.loc["A", "located_township_code"] == "421303001000"
    assert "code_place_mismatch" in rows.loc["A", "flags"]
    assert [f.id for f in found(report, "code_place_mismatch")] == ["A"]
    assert rows.loc["C", "community_code"] == "421303001001"


def test_codes_outside_the_boundaries(tmp_path: Path, divisions: Any) -> None:
    """63: a code that is not there is listed; its township still is."""
    header = ["编号", "名称", "类别", "社区代码", "经度", "纬度"]
    table, report = listed(
        tmp_path, divisions, header,
        ("A", "甲", "day_care", "421303001099", "", ""),
        ("B", "乙", "day_care", "110101001001", *PLACE),
        ("C", "丙", "day_care", "110101001001", "", ""),
    )  # fmt: skip
    rows = table.set_index("id")
    assert list(table["id"]) == ["A", "B"]
    assert rows.loc["A", "township_code"] == "421303001000"
    assert rows.loc["B", "community_code"] == "421303001001"
    assert [f.id for f in found(report, "unmatched")] == ["A", "B", "C"]
    assert found(report, "no_geometry")[0].id == "C"


def test_place_by_name_of_township(tmp_path: Path, divisions: Any) -> None:
    table, _ = listed(
        tmp_path, divisions, ["名称", "类别", "所属乡镇"], ("甲", "day_care", "北郊镇")
    )
    assert table["township_code"].iloc[0] == "421303100000"
    assert "no_point" in table["flags"].iloc[0]


def test_possible_duplicates_are_kept_and_listed(
    tmp_path: Path, divisions: Any
) -> None:
    """62."""
    header = ["编号", "名称", "类别", "经度", "纬度"]
    table, report = listed(
        tmp_path, divisions, header,
        ("A", "甲 中心", "day_care", "113.37", "31.731"),
        ("B", "甲（中心）", "day_care", "113.3704", "31.731"),  # 38 m
        ("C", "甲中心", "day_care", "113.3712", "31.731"),  # 76 m
        ("D", "乙中心", "day_care", "113.37", "31.731"),
    )  # fmt: skip
    assert len(table) == 4
    assert [(f.id, f.value) for f in found(report, "possible_duplicate")] == [
        ("B", "A")
    ]


def test_duplicate_ids(tmp_path: Path, divisions: Any) -> None:
    header = ["编号", "名称", "类别", "经度", "纬度"]
    rows = [("A", "甲", "day_care", *PLACE), ("A", "乙", "day_care", *PLACE)]
    with pytest.raises(DuplicateKeyError) as caught:
        listed(tmp_path, divisions, header, *rows)
    assert "第 2 行" in str(caught.value) and "第 3 行" in str(caught.value)
    write_csv(tmp_path / "a.csv", header, rows[:1])
    write_csv(tmp_path / "b.csv", header, rows[1:])
    with pytest.raises(DuplicateKeyError):
        load(tmp_path, divisions, FacilitySpec("a.csv"), FacilitySpec("b.csv"))
    table, _ = load(
        tmp_path,
        divisions,
        FacilitySpec("a.csv"),
        FacilitySpec("b.csv", id_prefix="b-"),
    )
    assert list(table["id"]) == ["A", "b-A"]


def test_areas_become_points_that_keep_their_area(
    tmp_path: Path, divisions: Any
) -> None:
    box = shapely.box(113.37, 31.73, 113.371, 31.731)
    write_features(
        tmp_path / "f.geojson",
        [
            {"properties": {"name": "公墓", "category": "public_cemetery"},
             "geometry": shapely.geometry.mapping(box)},
            {"properties": {"name": "线", "category": "other"},
             "geometry": {"type": "LineString", "coordinates": [[113.37, 31.73], [113.38, 31.73]]}},
        ],
    )  # fmt: skip
    table, _ = load(tmp_path, divisions, FacilitySpec("f.geojson"))
    assert set(table.geom_type) == {"Point"}
    assert box.covers(table.geometry.iloc[0])
    assert table["floor_area_m2"].iloc[0] == pytest.approx(10_500, rel=0.01)
    assert math.isnan(table["floor_area_m2"].iloc[1])


def test_planar_coordinates(tmp_path: Path, divisions: Any) -> None:
    """Surveyors write X for the northing; both orders are read, without CRS refused."""
    point = gpd.GeoSeries([shapely.Point(113.37, 31.731)], crs=4326).to_crs(4546)[0]
    for header in (["名称", "x", "y"], ["名称", "y", "x"]):
        table, report = listed(
            tmp_path, divisions, header, ("甲", point.x, point.y),
            crs="EPSG:4546", category="day_care",
        )  # fmt: skip
        assert table["lon"].iloc[0] == pytest.approx(113.37, abs=1e-8)
        assert table["lat"].iloc[0] == pytest.approx(31.731, abs=1e-8)
        assert bool(found(report, "axes_swapped")) == (header[1] == "y")
    with pytest.raises(CrsMissingError):
        listed(tmp_path, divisions, header, ("甲", point.y, point.x))
    with pytest.raises(DatumUnknownError):
        listed(tmp_path, divisions, header, ("甲", point.y, point.x), crs="EPSG:2343")
    with pytest.raises(CrsImplausibleError):
        listed(tmp_path, divisions, header, ("甲", "9e6", "1"), crs="EPSG:4546")


def test_declared_datum_of_a_table(tmp_path: Path, divisions: Any) -> None:
    """52, 53: converted when declared, in study.toml or in the header."""
    from yikezhong_geodata.datum import wgs84_to_bd09, wgs84_to_gcj02

    header = ["名称", "经度", "纬度"]
    for datum, convert in (("gcj02", wgs84_to_gcj02), ("bd09", wgs84_to_bd09)):
        lon, lat = (float(v) for v in convert(113.37, 31.731))
        table, report = listed(
            tmp_path,
            divisions,
            header,
            ("甲", lon, lat),
            datum=datum,
            category="day_care",
        )
        assert table["lon"].iloc[0] == pytest.approx(113.37, abs=1e-6)
        assert table["lat"].iloc[0] == pytest.approx(31.731, abs=1e-6)
        assert found(report, "datum_converted")
    lon, lat = (float(v) for v in wgs84_to_gcj02(113.37, 31.731))
    table, report = listed(
        tmp_path, divisions, ["名称", "经度（高德）", "纬度（高德）"], ("甲", lon, lat),
        category="day_care",
    )  # fmt: skip
    assert table["lon"].iloc[0] == pytest.approx(113.37, abs=1e-6)
    assert found(report, "datum_from_header")


def test_codes_that_lost_digits(tmp_path: Path, divisions: Any) -> None:
    """60: a number of 18 digits in a float column is refused."""
    frame = facilities()[["机构名称", "geometry"]]
    frame["社区代码"] = 123456789012345678.0
    frame.to_file(tmp_path / "f.gpkg")
    with pytest.raises(PrecisionLostError):
        load(tmp_path, divisions, FacilitySpec("f.gpkg"))


@pytest.mark.case(69)
def test_hostile_names_are_plain_text(tmp_path: Path, divisions: Any) -> None:
    """69 to 71: text stays as it is, to be shown literally."""
    names = ["{{7*7}}", "</script><b>", "=1+1", "`${x}`", "{%print(7*7)%}"]
    rows = [(name, "day_care", *PLACE) for name in names]
    table, _ = listed(tmp_path, divisions, ["名称", "类别", "经度", "纬度"], *rows)
    assert list(table["name"]) == names


def test_no_facilities_at_all(tmp_path: Path, divisions: Any) -> None:
    table, report = load(tmp_path, divisions)
    assert len(table) == 0 and not report.findings


def test_a_point_in_two_overlapping_townships_counts_once(
    tmp_path: Path, divisions: Any
) -> None:
    """49: one facility, one division."""
    frame = divisions[divisions["level"] == "township"].reset_index(drop=True)
    frame["geometry"] = [frame.geometry.iloc[0]] * 3
    table, _ = listed(
        tmp_path, frame, ["名称", "类别", "经度", "纬度"], ("甲", "day_care", *PLACE)
    )
    assert list(table["township_code"]) == ["421303001000"]
