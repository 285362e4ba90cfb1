"""Bad geometries, through ``yikezhong check``: cases 40–58."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

import study_cases as study
from bad_input_assertions import assert_listed, assert_refused
from bad_input_cases import (
    Edit,
    Listed,
    Refused,
    boundary,
    change,
    check,
    communities,
    facility_row,
    facility_rows,
    geometry_cell,
)
from yikezhong_geodata.datum import wgs84_to_bd09, wgs84_to_gcj02

W, S = study.WEST, study.SOUTH


def ring(*corners: tuple[float, float]) -> list[list[float]]:
    return [[W + x, S + y] for x, y in corners]


def polygon(*rings: list[list[float]]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": list(rings)}


CELL = ring((0, 0), (0.02, 0), (0.02, 0.02), (0, 0.02), (0, 0))
BOW_TIE = polygon(ring((0, 0), (0.02, 0.02), (0.02, 0), (0, 0.02), (0, 0)))
STRAY_HOLE = polygon(
    CELL, ring((-0.02, 0), (-0.02, 0.02), (-0.01, 0.02), (-0.01, 0), (-0.02, 0))
)
#: A twist of ten metres: less than 1 % of the area.
SMALL_TIE = polygon(
    ring((0, 0), (0.02, 0), (0.02, 0.02), (0.0101, 0.02), (0.0099, 0.0201),
         (0.0101, 0.0201), (0.0099, 0.02), (0, 0.02), (0, 0))
)  # fmt: skip
HEIGHT = polygon([[*corner, 60.0] for corner in CELL])
LINE = {"type": "LineString", "coordinates": CELL}
POINT = {"type": "Point", "coordinates": CELL[0]}


def raw_cell(old: str, new: str) -> Edit:
    """Change the text of the communities' file."""

    def edit(folder: Path) -> None:
        path = folder / "communities.geojson"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


def swapped(frame: gpd.GeoDataFrame) -> None:
    frame["geometry"] = shapely.transform(
        frame.geometry.to_numpy(), lambda xy: xy[:, ::-1]
    )


def swap_one(frame: gpd.GeoDataFrame) -> None:
    one = shapely.transform(frame.geometry.iloc[0], lambda xy: xy[:, ::-1])
    frame.loc[0, "geometry"] = one


def wider(frame: gpd.GeoDataFrame) -> None:
    frame.loc[0, "geometry"] = shapely.box(W, S, W + 0.021, S + 0.02)


def narrower(frame: gpd.GeoDataFrame) -> None:
    frame.loc[0, "geometry"] = shapely.box(W, S, W + 0.019, S + 0.02)


def place(lon: str, lat: str) -> Edit:
    return facility_rows(facility_row(经度=lon, 纬度=lat))


def facilities_in(convert: object, number: int = 60) -> Edit:
    """Many facilities beside the streets, moved into another datum."""

    def edit(folder: Path) -> None:
        rows = []
        for index in range(number):
            lon = W + 0.0007 + index % 10 * 0.005
            lat = S + 0.0001 + index // 10 * 0.005
            if callable(convert):
                lon, lat = (float(v) for v in convert(lon, lat))
            row = facility_row(设施编号=f"G{index}", 机构名称=f"第{index}日间照料中心",
                               经度=f"{lon:.7f}", 纬度=f"{lat:.7f}")  # fmt: skip
            rows.append(row)
        facility_rows(*rows, header=study.FACILITY_HEADER)(folder)

    return edit


def projected(folder: Path) -> Path:
    """The townships in a zone of CGCS2000 that is not the one of the place."""
    frame = study.townships().set_crs(4490, allow_override=True).to_crs(4546)
    frame.to_file(folder / "t.gpkg")
    return folder / "t.gpkg"


def no_projection(folder: Path) -> Path:
    study.townships().to_file(folder / "t.shp", encoding="GBK")
    (folder / "t.prj").unlink()
    return folder / "t.shp"


def lines_as_towns(folder: Path) -> Path:
    frame = study.townships()
    frame["geometry"] = frame.boundary
    return study.write_geojson(frame, folder / "t.geojson")


def points_as_towns(folder: Path) -> Path:
    frame = study.townships()
    frame["geometry"] = frame.representative_point()
    return study.write_geojson(frame, folder / "t.geojson")


REFUSED = [
    Refused(40, "bow tie", geometry_cell(BOW_TIE), "InvalidGeometry",
            "communities.geojson", row=1, says="面积"),
    Refused(41, "hole outside its shell", geometry_cell(STRAY_HOLE), "InvalidGeometry",
            "communities.geojson", row=1, says="accept-repairs"),
    Refused(45, "all rows swapped", communities(swapped), "AxisOrder",
            "communities.geojson", says="经度"),
    Refused(45, "all facilities swapped",
            facility_rows(facility_row(经度="31.73", 纬度="113.37"),
                          header=study.FACILITY_HEADER), "AxisOrder", "facilities.csv"),
    Refused(51, "one of two files without a CRS",
            boundary(no_projection), "CrsMissing", "t.shp"),
    Refused(58, "lines as boundaries", boundary(lines_as_towns), "GeometryType",
            "t.geojson", row=1),
    Refused(58, "points as boundaries", boundary(points_as_towns), "GeometryType",
            "t.geojson", row=1),
]  # fmt: skip

#: Without the first community, whose people stay in the table without a place.
WITHOUT_FIRST = 10_500 - study.PEOPLE["421303001201"][0]

LISTED = [
    Listed(40, "bow tie, accepted", geometry_cell(BOW_TIE), "invalid_geometry",
           "repaired", rows=(1,), flags=("--accept-repairs",), says="→"),
    Listed(40, "a twist of ten metres needs no consent", geometry_cell(SMALL_TIE),
           "invalid_geometry", "repaired", rows=(1,)),
    Listed(41, "hole outside its shell, accepted", geometry_cell(STRAY_HOLE),
           "invalid_geometry", "repaired", rows=(1,), flags=("--accept-repairs",)),
    Listed(42, "ring of three points", geometry_cell(polygon([CELL[0], CELL[1], CELL[0]])),
           "bad_ring", "set_aside", rows=(1,), people=WITHOUT_FIRST),
    Listed(42, "ring that is not closed", geometry_cell(polygon(CELL[:-1])),
           "bad_ring", "set_aside", rows=(1,), people=WITHOUT_FIRST),
    Listed(43, "null geometry", geometry_cell(None), "no_geometry", "set_aside",
           rows=(1,), people=WITHOUT_FIRST),
    Listed(43, "empty geometry", geometry_cell({"type": "Polygon", "coordinates": []}),
           "no_geometry", "set_aside", rows=(1,), people=WITHOUT_FIRST),
    Listed(44, "a vertex that is null", raw_cell("[113.38, 31.7]", "[null, 31.7]"),
           "bad_coordinate", "set_aside", rows=(1,), people=WITHOUT_FIRST),
    Listed(45, "one row swapped", communities(swap_one), "swapped_axes", "set_aside",
           rows=(1,), people=WITHOUT_FIRST),
    Listed(46, "facility at (0, 0), its code known", place("0", "0"), "no_point",
           rows=(8,), says="(0, 0)"),
    Listed(46, "facility at (0, 0), nothing known",
           facility_rows(facility_row(乡镇代码="", 经度="0", 纬度="0")), "null_island",
           "set_aside", rows=(8,), ids=("F9",)),
    Listed(44, "facility at nan", place("nan", "31.73"), "no_point", rows=(8,)),
    Listed(47, "facility outside all townships", place("113.45", "31.72"), "outside_area",
           rows=(8,), ids=("F9",)),
    Listed(48, "facility on a shared border", place("113.38", "31.73"), "on_border",
           rows=(8,), ids=("F9",)),
    Listed(49, "overlapping communities", communities(wider), "overlap"),
    Listed(50, "a sliver between communities", communities(narrower), "gap"),
    Listed(51, "two reference systems", boundary(projected), "cgcs2000_as_wgs84"),
    Listed(52, "GCJ-02 facilities", facilities_in(wgs84_to_gcj02), "possible_gcj02",
           says="accept-datum"),
    Listed(52, "GCJ-02 facilities, accepted", facilities_in(wgs84_to_gcj02),
           "datum_converted", flags=("--accept-datum",)),
    Listed(53, "BD-09 facilities", facilities_in(wgs84_to_bd09), "possible_bd09"),
    Listed(57, "heights", geometry_cell(HEIGHT), "dimension_dropped"),
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


@pytest.mark.case(52, 53)
def test_honest_points_are_not_suspected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study.write_study(tmp_path / "study")
    facilities_in(None)(folder)
    answer = check(folder, capsys, to=tmp_path / "r.csv")
    assert answer.code == 0
    assert not [r for r in answer.report if r["problem"].startswith("possible_gcj")]


@pytest.mark.case(56)
def test_two_zones_give_the_areas_of_one(tmp_path: Path) -> None:
    """Areas come from one equal-area system, whatever zone a layer came in."""
    from yikezhong_geodata.boundaries import load_boundaries
    from yikezhong_geodata.data_report import DataReport
    from yikezhong_geodata.spec import BoundarySpec

    areas = []
    for crs in (4490, 4546, 4547, 4509):
        folder = tmp_path / str(crs)
        folder.mkdir()
        frame = study.townships().set_crs(4490, allow_override=True).to_crs(crs)
        frame.to_file(folder / "t.gpkg")
        table = load_boundaries(
            [BoundarySpec("t.gpkg")], folder=folder, code_system="cn12",
            report=DataReport(),
        )  # fmt: skip
        areas.append(table["area_m2"].tolist())
    for other in areas[1:]:
        assert other == pytest.approx(areas[0], rel=1e-7)


@pytest.mark.case(54)
def test_lengths_are_metres_whatever_the_layer_came_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No setting gives an area or a length in degrees: there is no such key."""
    folder = study.write_study(tmp_path / "study")
    text = (folder / "study.toml").read_text("utf-8")
    for line in ("area_crs = 4326", "buffer_deg = 1000", "radius = 1000"):
        (folder / "study.toml").write_text(f"{text}\n[parameters]\n{line}\n", "utf-8")
        answer = check(folder, capsys, to=tmp_path / "r.csv")
        assert answer.code == 2
        assert answer.document["error"]["code"] == "StudySpec"
    change(folder, "radius = 1000", "max_snap_m = 1000")
    assert check(folder, capsys, to=tmp_path / "r.csv").code == 0


@pytest.mark.case(43)
def test_a_division_without_a_shape_stays_in_the_table(tmp_path: Path) -> None:
    """Its people are counted above, its own rate is not computed."""
    from yikezhong_app.runs.pipeline import run_study
    from yikezhong_geodata.study import load_study

    folder = study.write_study(tmp_path / "study")
    geometry_cell(None)(folder)
    read = load_study(folder, as_of=study_day())
    table = run_study(read, tmp_path / "out").table("coverage")
    rows = table[(table["code"] == "421303001201") & (table["denominator"] == "people")]
    assert len(rows) > 0
    assert rows["rate"].isna().all()
    divisions = read.divisions.set_index("code")
    assert divisions.loc["421303001201", "people"] == 1000
    assert divisions.loc[study.COUNTY, "people"] == 10_500


def study_day() -> object:
    import datetime as dt

    return dt.date(2023, 12, 31)


def test_the_text_of_a_case_is_json() -> None:
    """The made geometries are what they say: whole but for the one thing wrong."""
    for geometry in (BOW_TIE, STRAY_HOLE, SMALL_TIE):
        shape = shapely.from_geojson(json.dumps(geometry))
        assert not shapely.is_valid(shape)
