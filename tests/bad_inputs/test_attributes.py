"""Bad attributes, through ``yikezhong check``: cases 59–68."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest

import bad_file_cases as bad
import study_cases as study
from bad_input_assertions import assert_listed, assert_refused
from bad_input_cases import (
    Edit,
    Listed,
    Refused,
    check,
    communities,
    facility,
    facility_row,
    facility_rows,
    population,
)

SHORT = ("名称", "类别", "经度", "纬度")


def table(*rows: tuple[object, ...]) -> bad.Build:
    """A list of people by community code."""
    header = ("社区代码", "常住人口", "60岁以上人口")
    return lambda folder: study.write_csv(folder / "people.csv", header, rows)


def people_table(**changes: object) -> Edit:
    """The people of the study as a list, some of them changed; codes are keys."""
    rows = []
    for code, (people, people_60) in study.PEOPLE.items():
        rows.append((code, changes.get(f"c{code}", people), people_60))
    return population(table(*rows))


def coded(header: str, value: str) -> Edit:
    """A facility list with a column of codes."""
    good = ("甲日间照料中心", "日间照料", "113.37", "31.73")
    return facility_rows((*good, value), header=(*SHORT, header))


def big_number(folder: Path) -> Path:
    return bad.workbook(
        folder, [[*SHORT, "社区代码"], ["甲", "日间照料", 113.37, 31.73, 123456789012345678]]
    )  # fmt: skip


def twice(frame: gpd.GeoDataFrame) -> None:
    frame.loc[1, "社区代码"] = frame.loc[0, "社区代码"]


def headers(*names: str) -> Edit:
    row = ("甲日间照料中心", "日间照料", "113.37", "31.73")
    return facility_rows(row, header=("名称", "类别", *names))


FIRST = "c421303001001"

REFUSED = [
    Refused(59, "codes that lost their digits", coded("乡镇代码", "4.21303E+11"),
            "PrecisionLost", "facilities.csv", row=2, column="乡镇代码"),
    Refused(60, "18 digits as a number", facility(big_number), "PrecisionLost",
            "list.xlsx", row=2, column="社区代码"),
    Refused(61, "two communities of one code", communities(twice), "DuplicateKey",
            "communities.geojson", says="2"),
    Refused(61, "two rows of one code in a list",
            population(table(("421303001001", 1, 1), ("421303001001", 2, 1))),
            "DuplicateKey", "people.csv", says="第 2 行和第 3 行"),
    Refused(61, "two facilities of one id",
            facility_rows(facility_row(设施编号="F1", 经度="113.40")), "DuplicateKey",
            "facilities.csv"),
    Refused(64, "two columns that could be the longitude",
            facility_rows(("甲日间照料中心", "日间照料", "113.37", "113.37", "31.73"),
                          header=("名称", "类别", "经度", "东经", "纬度")),
            "ColumnMapping", "facilities.csv"),
    Refused(64, "a longitude without a latitude",
            facility_rows(("甲日间照料中心", "日间照料", "113.37"),
                          header=("名称", "类别", "经度")), "ColumnMapping",
            "facilities.csv"),
    Refused(64, "no column of codes", population(
        lambda f: study.write_csv(f / "p.csv", ("名称", "人口"), [("甲", 1)])),
        "ColumnMapping", "p.csv", says="区划代码"),
]  # fmt: skip

LISTED = [
    Listed(62, "one facility twice",
           facility_rows(facility_row(机构名称="西城综合养老服务中心", 经度="113.3702")),
           "possible_duplicate"),
    Listed(63, "a code that no boundary has",
           facility_rows(facility_row(乡镇代码="421303999")), "unmatched", rows=(8,),
           ids=("F9",)),
    Listed(63, "people of a code that no boundary has",
           population(table(*((c, *p) for c, p in study.PEOPLE.items()),
                            ("421399001001", 5, 1))), "unmatched", "set_aside", rows=(8,)),
    Listed(65, "about 30,000", people_table(**{FIRST: "约3万"}), "approximate",
           people=36_500),
    Listed(65, "no number", people_table(**{FIRST: "很多"}), "unreadable_number",
           people=6_500),
    Listed(65, "a dash is unknown and not zero", people_table(**{FIRST: "-"}),
           "no_population_data", people=6_500),
    Listed(66, "negative", people_table(**{FIRST: "-5"}), "implausible",
           people=6_500, says="为负"),
    Listed(66, "more than the area can hold", people_table(**{FIRST: "900000000"}),
           "implausible", people=900_006_500),
    Listed(66, "more old people than people", people_table(**{FIRST: "10"}),
           "implausible", people=6_510),
    Listed(68, "closed", facility_rows(facility_row(运营状态="停业")), "inactive"),
    Listed(68, "opens in the future",
           facility_rows(facility_row(投入使用时间="2031")), "inactive"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: f"{c.number} {c.title}")
def test_refused(
    case: Refused, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_refused(case, tmp_path, capsys)


@pytest.mark.parametrize("case", LISTED, ids=lambda c: f"{c.number} {c.title}")
def test_listed(
    case: Listed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_listed(case, tmp_path, capsys)


@pytest.mark.case(65)
@pytest.mark.parametrize(
    ("text", "people"),
    [("1,234", 1234), ("４０００", 4000), (" 4000 ", 4000), ("4000人", 4000),
     ("0.4万", 4000), ("NA", None), ("无", None), ("", None), ("-", None),
     ("#N/A", None), ("1e400", None), ("nan", None)],
)  # fmt: skip
def test_a_count_is_read_or_unknown_and_never_zero(
    text: str,
    people: int | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from bad_input_assertions import people_of

    folder = study.write_study(tmp_path / "study")
    people_table(**{FIRST: text})(folder)
    answer = check(folder, capsys, to=tmp_path / "r.csv")
    assert answer.code == 0, answer.document
    assert people_of(answer.report) == 6_500 + (people or 0)
    unknown = [r["id"] for r in answer.rows("no_population_data")]
    assert ("421303001001" in unknown) == (people is None), answer.report


@pytest.mark.case(64)
@pytest.mark.parametrize(
    "names",
    [("经度", "纬度"), ("东经", "北纬"), ("lng", "lat"), ("X坐标", "Y坐标"),
     ("longitude", "latitude"), ("LON", "LAT")],
)  # fmt: skip
def test_headers_of_coordinates_are_known(
    names: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study.write_study(tmp_path / "study")
    headers(*names)(folder)
    answer = check(folder, capsys, to=tmp_path / "r.csv")
    assert answer.code == 0, answer.document
    assert not answer.rows("no_point")
    assert not answer.rows("outside_area")


@pytest.mark.case(59)
def test_codes_are_text_with_their_leading_zero(tmp_path: Path) -> None:
    from yikezhong_geodata.data_report import DataReport
    from yikezhong_geodata.tables import read_table

    path = study.write_csv(tmp_path / "a.csv", ("名称", "乡镇代码"), [("甲", "033010")])
    frame = read_table(path, report=DataReport(), label="x").frame
    assert frame["乡镇代码"].tolist() == ["033010"]


@pytest.mark.case(63, 67)
def test_zero_and_nothing_are_told_apart(tmp_path: Path) -> None:
    """No facility gives 0; no people give no rate, null in the answers; never NaN."""
    import datetime as dt

    from service_cases import make_client
    from yikezhong_app.runs.pipeline import run_study
    from yikezhong_geodata.study import load_study

    folder = study.write_study(tmp_path / "study")
    run_study(load_study(folder, as_of=dt.date(2023, 12, 31)), tmp_path / "out")
    with make_client(tmp_path / "out") as client:
        answer = client.get(
            "/api/v1/coverage",
            params={"level": "community", "service": "elderly_meal", "minutes": 15},
        )
    assert "NaN" not in answer.text
    rates = {row["code"]: row["rate"] for row in answer.json()["items"]}
    assert rates["421303400201"] is None
    assert rates["421303400001"] == 0
    reasons = {row["code"]: row["rate_note"] for row in answer.json()["items"]}
    assert reasons["421303400201"] == "没有人口，覆盖率不适用"
