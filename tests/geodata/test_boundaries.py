"""Boundaries of any level become one checked tree of divisions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from study_cases import (
    COUNTY,
    PEOPLE,
    TOWNSHIPS,
    communities,
    townships,
    write_csv,
    write_features,
    write_geojson,
)
from yikezhong_coverage.errors import InputError
from yikezhong_geodata.boundaries import load_boundaries
from yikezhong_geodata.columns import DIVISION_COLUMNS
from yikezhong_geodata.data_report import DataReport, Finding
from yikezhong_geodata.file_errors import (
    AxisOrderError,
    BadCodeError,
    ColumnMappingError,
    CrsMissingError,
    DuplicateKeyError,
    GeometryTypeError,
    InvalidGeometryError,
)
from yikezhong_geodata.spec import BoundarySpec

SQUARE = [[[113.0, 31.0], [113.1, 31.0], [113.1, 31.1], [113.0, 31.1], [113.0, 31.0]]]


def load(
    folder: Path, *specs: BoundarySpec, code_system: str = "cn12", **options: Any
) -> tuple[gpd.GeoDataFrame, DataReport]:
    report = DataReport()
    table = load_boundaries(
        specs, folder=folder, code_system=code_system, report=report, **options
    )
    for count in report.counts:
        assert count.read == count.used + count.repaired + count.set_aside
    assert list(table.columns[: len(DIVISION_COLUMNS) - 1]) == list(
        DIVISION_COLUMNS[:-1]
    )
    assert table.crs.to_epsg() == 4326
    return table, report


def found(report: DataReport, problem: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.problem == problem]


def features(folder: Path, *rows: tuple[dict[str, Any], Any]) -> BoundarySpec:
    write_features(
        folder / "b.geojson",
        [{"properties": props, "geometry": geometry} for props, geometry in rows],
    )
    return BoundarySpec("b.geojson")


def polygon(coordinates: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": coordinates}


def test_codes_levels_kinds_and_parents(tmp_path: Path) -> None:
    write_geojson(communities(), tmp_path / "c.geojson")
    write_geojson(townships(), tmp_path / "t.geojson")
    table, report = load(tmp_path, BoundarySpec("c.geojson"), BoundarySpec("t.geojson"))
    rows = table.set_index("code")
    assert len(table) == 10
    assert list(table["level"]) == ["county"] + ["township"] * 3 + ["community"] * 6
    assert list(table["code"][1:4]) == list(TOWNSHIPS)
    assert list(table["kind"][1:6]) == [
        "subdistrict", "town", "township_unit", "urban_community", "village",
    ]  # fmt: skip
    assert rows.loc[COUNTY, "parent"] is None
    assert rows.loc["421303001000", "parent"] == COUNTY
    assert rows.loc["421303001201", "parent"] == "421303001000"
    assert rows.loc["421303001201", "people"] == PEOPLE["421303001201"][0]
    assert math.isnan(rows.loc[COUNTY, "people"])
    assert rows.loc[COUNTY, "area_m2"] == pytest.approx(
        rows.loc[list(TOWNSHIPS), "area_m2"].sum(), rel=1e-9
    )
    assert found(report, "dissolved")[0].value == "1"
    assert not [
        f for f in report.findings if f.problem in ("gap", "overlap", "not_nested")
    ]


def test_missing_levels_are_dissolved_with_names(tmp_path: Path) -> None:
    frame = communities()
    frame["乡镇名称"] = [TOWNSHIPS[c[:9] + "000"] for c in frame["社区代码"]]
    write_geojson(frame, tmp_path / "c.geojson")
    table, report = load(tmp_path, BoundarySpec("c.geojson"))
    rows = table.set_index("code")
    assert list(rows.loc[list(TOWNSHIPS), "name"]) == list(TOWNSHIPS.values())
    assert rows.loc[COUNTY, "name"] == COUNTY
    assert rows.loc["421303100000", "geometry"].equals(townships().geometry.iloc[1])
    assert len(found(report, "dissolved")) == 2
    assert table["row"].isna().sum() == 4


def test_nothing_is_made_above_a_single_division(tmp_path: Path) -> None:
    write_geojson(townships().head(1), tmp_path / "t.geojson")
    table, _ = load(tmp_path, BoundarySpec("t.geojson"))
    assert list(table["level"]) == ["township"]
    assert table["parent"].iloc[0] is None


def test_levels_may_be_skipped(tmp_path: Path) -> None:
    """A county directly under its province: the parent is the nearest present."""
    spec = features(
        tmp_path,
        ({"code": "42", "name": "省"}, polygon(SQUARE)),
        ({"code": "429004", "name": "仙桃市"}, polygon(SQUARE)),
    )
    table, _ = load(tmp_path, spec)
    assert list(table["parent"]) == [None, "420000000000"]


def test_leading_zero_and_float_codes(tmp_path: Path) -> None:
    """59: codes are text; a lost digit is not made up, a float is repaired."""
    spec = features(
        tmp_path,
        ({"code": "421303001.0", "name": "甲"}, polygon(SQUARE)),
        ({"code": 33010, "name": "乙"}, polygon(SQUARE)),
    )
    table, report = load(tmp_path, spec)
    assert list(table["code"]) == ["421303001000"]
    assert found(report, "code_repaired")[0].action == "repaired"
    assert found(report, "code_malformed")[0].action == "set_aside"
    assert found(report, "code_malformed")[0].row == 2


def test_no_usable_code_is_an_error(tmp_path: Path) -> None:
    spec = features(tmp_path, ({"code": "x", "name": "甲"}, polygon(SQUARE)))
    with pytest.raises(BadCodeError):
        load(tmp_path, spec)
    spec = features(tmp_path, ({"name": "甲"}, polygon(SQUARE)))
    with pytest.raises(ColumnMappingError):
        load(tmp_path, spec)


def test_level_that_contradicts_the_code(tmp_path: Path) -> None:
    write_geojson(townships(), tmp_path / "t.geojson")
    with pytest.raises(BadCodeError, match="level"):
        load(tmp_path, BoundarySpec("t.geojson", level="community"))


def test_duplicate_code_shows_both_rows(tmp_path: Path) -> None:
    """61: also across files."""
    write_geojson(townships(), tmp_path / "t.geojson")
    write_geojson(townships().tail(1), tmp_path / "u.geojson")
    with pytest.raises(DuplicateKeyError) as caught:
        load(tmp_path, BoundarySpec("t.geojson"), BoundarySpec("u.geojson"))
    assert "t.geojson 第 3 行" in str(caught.value)
    assert "u.geojson 第 1 行" in str(caught.value)
    assert caught.value.row == 1


def test_bow_tie_is_refused_unless_accepted(tmp_path: Path) -> None:
    """40: the area would change from 0."""
    tie = [[[113, 31], [113.01, 31.01], [113.01, 31], [113, 31.01], [113, 31]]]
    spec = features(tmp_path, ({"code": "421303001", "name": "甲"}, polygon(tie)))
    with pytest.raises(InvalidGeometryError, match="面积") as caught:
        load(tmp_path, spec)
    assert caught.value.row == 1
    table, report = load(tmp_path, spec, accept_repairs=True)
    assert table.geometry.iloc[0].is_valid
    (finding,) = found(report, "invalid_geometry")
    assert finding.action == "repaired"
    before, after = (float(v) for v in str(finding.value).split(" -> "))
    assert (before, after) == (pytest.approx(0, abs=1), pytest.approx(529e3, rel=0.01))


def test_hole_outside_the_shell(tmp_path: Path) -> None:
    """41: structure repair keeps the shell and adds the stray ring; never silent."""
    hole = [[113.2, 31], [113.2, 31.1], [113.3, 31.1], [113.3, 31], [113.2, 31]]
    spec = features(
        tmp_path, ({"code": "421303001", "name": "甲"}, polygon([*SQUARE, hole]))
    )
    try:
        _, report = load(tmp_path, spec, accept_repairs=True)
    except InvalidGeometryError:
        pytest.fail("an accepted repair must be made")
    assert found(report, "invalid_geometry")


def test_small_repair_needs_no_consent(tmp_path: Path) -> None:
    ring = [
        [113, 31], [113.1, 31], [113.1, 31.1], [113.05, 31.1],
        [113.05, 31.1001], [113.0501, 31.1], [113, 31.1], [113, 31],
    ]  # fmt: skip
    spec = features(tmp_path, ({"code": "421303001", "name": "甲"}, polygon([ring])))
    table, report = load(tmp_path, spec)
    assert table.geometry.iloc[0].is_valid
    assert report.counts[0].repaired == 1


@pytest.mark.parametrize(
    ("geometry", "problem"),
    [
        (None, "no_geometry"),
        ({"type": "Polygon", "coordinates": []}, "no_geometry"),
        (polygon([[[113, 31], [113.1, 31], [113, 31]]]), "bad_ring"),
    ],
)
def test_missing_geometry_keeps_the_division(
    tmp_path: Path, geometry: Any, problem: str
) -> None:
    """42, 43: set aside for rates, still in the table."""
    spec = features(
        tmp_path,
        ({"code": "421303001", "name": "甲", "人口": 5}, geometry),
        ({"code": "421303002", "name": "乙", "人口": 6}, polygon(SQUARE)),
    )
    table, report = load(tmp_path, spec)
    row = table.set_index("code").loc["421303001000"]
    assert row["geometry"] is None
    assert math.isnan(row["area_m2"]) and math.isnan(row["lon"])
    assert row["people"] == 5
    (finding,) = found(report, problem)
    assert (finding.action, finding.row, finding.id) == ("set_aside", 1, "421303001000")
    assert report.counts[0].set_aside == 1


def test_infinite_vertex(tmp_path: Path) -> None:
    """44."""
    frame = townships()
    ring = [(113.36, 31.7), (np.inf, 31.7), (113.38, 31.74), (113.36, 31.7)]
    frame.loc[0, "geometry"] = shapely.Polygon(ring)
    frame.to_file(tmp_path / "t.gpkg")
    table, report = load(tmp_path, BoundarySpec("t.gpkg"))
    assert found(report, "bad_coordinate")[0].row == 1
    assert table.set_index("code").loc["421303001000", "geometry"] is None


@pytest.mark.parametrize(("west", "south"), [(31.7, 113.36), (31.7, 80.0)])
def test_swapped_axes(tmp_path: Path, west: float, south: float) -> None:
    """45: also where the swapped latitude would still be a latitude."""
    box = shapely.box(west, south, west + 0.1, south + 0.1)
    ring = [list(map(list, box.exterior.coords))]
    spec = features(tmp_path, ({"code": "421303001", "name": "甲"}, polygon(ring)))
    with pytest.raises(AxisOrderError):
        load(tmp_path, spec)


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [113, 31]},
        {"type": "LineString", "coordinates": [[113, 31], [113.1, 31]]},
        {"type": "MultiPoint", "coordinates": [[113, 31]]},
    ],
)
def test_other_geometry_types(tmp_path: Path, geometry: Any) -> None:
    """58."""
    spec = features(
        tmp_path,
        ({"code": "421303001", "name": "甲"}, polygon(SQUARE)),
        ({"code": "421303002", "name": "乙"}, geometry),
    )
    with pytest.raises(GeometryTypeError) as caught:
        load(tmp_path, spec)
    assert caught.value.row == 2


def test_a_table_is_no_boundary(tmp_path: Path) -> None:
    write_csv(tmp_path / "b.csv", ["code", "name"], [["421303001", "甲"]])
    with pytest.raises(GeometryTypeError):
        load(tmp_path, BoundarySpec("b.csv"))


def test_overlap_is_reported_with_area(tmp_path: Path) -> None:
    """49."""
    frame = townships()
    frame.loc[1, "geometry"] = shapely.box(113.379, 31.7, 113.40, 31.74)
    write_geojson(frame, tmp_path / "t.geojson")
    table, report = load(tmp_path, BoundarySpec("t.geojson"))
    (finding,) = found(report, "overlap")
    strip = table["area_m2"].iloc[1] / 20
    assert float(str(finding.value)) == pytest.approx(strip, rel=0.01)
    assert finding.id == "421303001000"


def test_gap_is_reported_with_area(tmp_path: Path) -> None:
    """50: a hole between divisions, and a sliver."""
    ring = shapely.box(113, 31, 113.1, 31.1).difference(
        shapely.box(113.04, 31.04, 113.06, 31.06)
    )
    left = shapely.intersection(ring, shapely.box(113, 31, 113.05, 31.1))
    right = shapely.intersection(ring, shapely.box(113.05, 31, 113.1, 31.1))
    frame = gpd.GeoDataFrame(
        {"code": ["421303001", "421303002"], "name": ["甲", "乙"]},
        geometry=[left, right],
        crs=4326,
    )
    write_geojson(frame, tmp_path / "t.geojson")
    _, report = load(tmp_path, BoundarySpec("t.geojson"))
    sizes = [float(str(f.value)) for f in found(report, "gap")]
    assert len(sizes) == 1
    assert sizes[0] == pytest.approx(4.24e6, rel=0.01)
    frame.loc[0, "geometry"] = shapely.box(113, 31, 113.05, 31.1)
    frame.loc[1, "geometry"] = shapely.box(113.05005, 31, 113.1, 31.1)
    write_geojson(frame, tmp_path / "t.geojson")
    _, report = load(tmp_path, BoundarySpec("t.geojson"))
    assert {f.id for f in found(report, "gap")} == {"421303001000", "421303002000"}


def test_community_outside_its_township(tmp_path: Path) -> None:
    frame = communities()
    frame.loc[0, "geometry"] = shapely.box(113.35, 31.70, 113.37, 31.72)
    write_geojson(frame, tmp_path / "c.geojson")
    write_geojson(townships(), tmp_path / "t.geojson")
    _, report = load(tmp_path, BoundarySpec("c.geojson"), BoundarySpec("t.geojson"))
    (finding,) = found(report, "not_nested")
    assert finding.id == "421303001201"
    assert float(str(finding.value)) == pytest.approx(0.5, abs=0.001)


def test_free_codes_with_parent_column_and_by_place(tmp_path: Path) -> None:
    frame = communities().rename(columns={"社区代码": "code", "社区名称": "name"})
    frame["code"] = [f"c-{i}" for i in range(6)]
    upper = townships().rename(columns={"乡镇代码": "code", "乡镇名称": "name"})
    upper["code"] = ["t-0", "t-1", "t-2"]
    frame["parent"] = ["t-0", "t-0", "t-1", "t-1", None, "t-9"]
    write_geojson(frame, tmp_path / "c.geojson")
    write_geojson(upper, tmp_path / "t.geojson")
    table, report = load(
        tmp_path,
        BoundarySpec("c.geojson", level="community"),
        BoundarySpec("t.geojson", level="township"),
        code_system="free",
    )
    parents = dict(zip(table["code"], table["parent"], strict=True))
    assert [parents[f"c-{i}"] for i in range(6)] == [
        "t-0", "t-0", "t-1", "t-1", "t-2", "t-2",
    ]  # fmt: skip
    assert found(report, "parent_by_place")[0].value == "2"
    assert found(report, "unknown_parent")[0].value == "t-9"
    assert table["kind"].isna().all()


def test_free_codes_dissolve_declared_parents(tmp_path: Path) -> None:
    frame = communities().rename(columns={"社区代码": "code", "社区名称": "name"})
    frame["parent"] = [f"T{i // 2}" for i in range(6)]
    write_geojson(frame, tmp_path / "c.geojson")
    table, _ = load(
        tmp_path, BoundarySpec("c.geojson", level="community"), code_system="free"
    )
    assert list(table["code"][:3]) == ["T0", "T1", "T2"]
    assert list(table["level"][:3]) == ["township"] * 3


def test_free_codes_need_a_level(tmp_path: Path) -> None:
    spec = features(tmp_path, ({"code": "a", "name": "甲"}, polygon(SQUARE)))
    with pytest.raises(ColumnMappingError, match="哪一级"):
        load(tmp_path, spec, code_system="free")


def test_two_layers_of_one_file(tmp_path: Path) -> None:
    communities().to_file(tmp_path / "b.gpkg", layer="c")
    townships().to_file(tmp_path / "b.gpkg", layer="t")
    table, report = load(
        tmp_path, BoundarySpec("b.gpkg", layer="c"), BoundarySpec("b.gpkg", layer="t")
    )
    assert len(table) == 10
    assert [(c.read, c.used) for c in report.counts] == [(9, 9)]


def test_mixed_crs_are_brought_together(tmp_path: Path) -> None:
    """51."""
    communities().to_crs(4547).to_file(tmp_path / "c.gpkg")
    write_geojson(townships(), tmp_path / "t.geojson")
    table, report = load(tmp_path, BoundarySpec("c.gpkg"), BoundarySpec("t.geojson"))
    expected = communities().set_index("社区代码").geometry
    rows = table.set_index("code").geometry
    for code, geometry in expected.items():
        assert rows[code].hausdorff_distance(geometry) < 1e-9
    assert not found(report, "not_nested")
    plain = communities()[["社区代码", "geometry"]].rename(columns={"社区代码": "code"})
    plain.to_file(tmp_path / "c.shp")
    (tmp_path / "c.prj").unlink()
    with pytest.raises(CrsMissingError):
        load(tmp_path, BoundarySpec("c.shp"))


def test_counts_that_are_no_plain_numbers(tmp_path: Path) -> None:
    """65, 66."""
    values = ["1,234", "约3万", "NA", "-", "无", "-5", "12.5", None, "0"]
    rows = [
        ({"code": f"4213030{i + 10}", "name": str(i), "人口": value}, polygon(SQUARE))
        for i, value in enumerate(values)
    ]
    table, report = load(tmp_path, features(tmp_path, *rows))
    people = table[table["level"] == "township"]["people"].tolist()
    assert people[0] == 1234 and people[1] == 30000 and people[6] == 12.5
    assert all(math.isnan(people[i]) for i in (2, 3, 4, 5, 7))
    assert people[8] == 0
    assert [f.row for f in found(report, "implausible")] == [6, 7]
    assert [f.row for f in found(report, "approximate")] == [2]


def test_row_order_does_not_matter(tmp_path: Path) -> None:
    frame = communities()
    write_geojson(frame, tmp_path / "a.geojson")
    write_geojson(frame.iloc[::-1], tmp_path / "b.geojson")
    one, _ = load(tmp_path, BoundarySpec("a.geojson"))
    other, _ = load(tmp_path, BoundarySpec("b.geojson"))
    columns = ["code", "name", "level", "parent", "people"]
    assert one[columns].equals(other[columns])


@pytest.mark.real_data
def test_wuhan_communities(real_data: Path) -> None:
    """974 polygons without codes or names, 4 of them invalid, EPSG:4547."""
    table, report = load(
        real_data / "wuhan",
        BoundarySpec(
            "wuhan_communities_WHHP.gpkg",
            level="community",
            columns={"people": "Avg_Pop"},
        ),
        code_system="free",
    )
    assert len(table) == 974
    assert table["people"].sum() == pytest.approx(5_112_329.956746, abs=1e-3)
    (count,) = report.counts
    assert (count.read, count.used, count.repaired, count.set_aside) == (974, 970, 4, 0)
    assert len(found(report, "invalid_geometry")) == 4
    assert table.geometry.is_valid.all()
    assert found(report, "code_generated")
    assert table["code"].is_unique


@pytest.mark.real_data
def test_hubei_counties(real_data: Path) -> None:
    table, report = load(
        real_data / "hubei",
        BoundarySpec(
            "hubei_counties.gpkg",
            columns={
                "code": "Code_County",
                "name": "Name_County",
                "people": "Pop_2017",
            },
        ),
    )
    counts = table["level"].value_counts()
    assert (counts["county"], counts["prefecture"], counts["province"]) == (103, 13, 1)
    assert table["area_m2"].iloc[0] == pytest.approx(185_925e6, rel=1e-5)
    assert report.counts[0].used == 103


def test_errors_are_planner_errors() -> None:
    assert issubclass(InvalidGeometryError, InputError)
