"""A whole study, the same through every format, reference system and datum."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from study_cases import (
    COUNTY,
    STUDY_TOML,
    communities,
    moved,
    rewrite,
    roads,
    townships,
    write_csv,
    write_geojson,
    write_layers,
    write_study,
    write_tables,
)
from yikezhong_coverage.errors import PlannerError
from yikezhong_geodata.columns import (
    CAPACITY_COLUMNS,
    DEMAND_COLUMNS,
    DIVISION_COLUMNS,
    FACILITY_COLUMNS,
    GROUPS,
)
from yikezhong_geodata.data_report import Finding
from yikezhong_geodata.datum import wgs84_to_bd09, wgs84_to_gcj02
from yikezhong_geodata.file_errors import NetworkCoverageError
from yikezhong_geodata.study import Study, load_study

DAY = dt.date(2025, 6, 30)


def found(study: Study, problem: str) -> list[Finding]:
    return [finding for finding in study.report.findings if finding.problem == problem]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = write_study(tmp_path_factory.mktemp("study") / "reference")
    return load_study(folder, as_of=DAY)


def assert_same_study(study: Study, reference: Study, *, degrees: float) -> None:
    """Divisions, facilities and people are the same, places within ``degrees``."""
    columns = ["code", "name", "level", "kind", "parent", *GROUPS, "unknown_units"]
    assert study.divisions[columns].equals(reference.divisions[columns])
    for one, other in zip(
        study.divisions.geometry, reference.divisions.geometry, strict=True
    ):
        assert shapely.hausdorff_distance(one, other) <= degrees
    columns = ["id", "name", "category", "functions", *CAPACITY_COLUMNS, "status",
               "opened", "closed", "flags", "community_code", "township_code",
               "county_code", "located_community_code"]  # fmt: skip
    assert study.facilities[columns].equals(reference.facilities[columns])
    for axis in ("lon", "lat"):
        np.testing.assert_allclose(
            study.facilities[axis], reference.facilities[axis], atol=degrees, rtol=0
        )
    columns = ["id", "division_code", *GROUPS, "method"]
    if degrees == 0:
        assert study.demand[columns].equals(reference.demand[columns])
    sums = [
        s.demand.groupby("division_code")["people"].sum() for s in (study, reference)
    ]
    assert sums[0].equals(sums[1])


def test_load_study(reference: Study) -> None:
    study = reference
    assert study.name == "小样"
    assert study.as_of == DAY  # asked for, whatever study.toml says
    assert set(DIVISION_COLUMNS) <= set(study.divisions.columns)
    assert list(study.facilities.columns) == list(FACILITY_COLUMNS)
    assert list(study.demand.columns) == list(DEMAND_COLUMNS)
    assert set(study.roads) == {"walking", "driving"}
    assert study.services[0].id == "elderly_circle"
    assert study.demand["people"].sum() == 10_500
    county = study.divisions.set_index("code").loc[COUNTY]
    assert (county["people"], county["people_60"]) == (10_500, 2_250)
    assert [f.value for f in found(study, "people_conserved")] == [
        "10500.000000", "2250.000000",
    ]  # fmt: skip
    counts = study.report.counts_frame().set_index("file")
    assert counts.loc["facilities.csv", "read"] == 6
    assert (
        counts["read"] == counts[["used", "repaired", "set_aside"]].sum(axis=1)
    ).all()


def test_text_columns_hold_none(reference: Study) -> None:
    """Nothing missing leaves as NaN where text is promised."""
    for table in (reference.divisions, reference.facilities, reference.demand):
        for name in table.columns:
            column = table[name]
            assert str(column.dtype) != "str", name
            if column.dtype == object:
                assert not any(isinstance(v, float) for v in column), name


def test_progress_rises_to_one(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    load_study(
        write_study(tmp_path / "s"),
        as_of=DAY,
        progress=lambda step, share: told.append((step, share)),
    )
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    assert all(step for step, _ in told)


def test_as_of_is_passed_in(tmp_path: Path) -> None:
    folder = write_study(
        tmp_path / "s", toml=STUDY_TOML.replace("as_of = 2023-12-31", "")
    )
    study = load_study(folder, as_of=dt.date(2031, 1, 1))
    assert study.as_of == study.spec.as_of == dt.date(2031, 1, 1)
    assert study.facilities.set_index("id").loc["F5", "status"] == "open"


@pytest.mark.parametrize("system", ["EPSG:4326", "EPSG:4490", "EPSG:4546", "gcj02"])
@pytest.mark.parametrize("kind", ["zip", "gpkg", "geojson"])
def test_the_same_study_as_layers(
    tmp_path: Path, reference: Study, kind: str, system: str
) -> None:
    folder = write_layers(tmp_path / "s", kind, system)
    study = load_study(folder, as_of=DAY)
    exact = system in ("EPSG:4326", "EPSG:4490")
    assert_same_study(study, reference, degrees=0 if exact else 1e-6)
    if system in ("EPSG:4490", "EPSG:4546"):
        assert found(study, "cgcs2000_as_wgs84")
    if kind == "zip":
        assert found(study, "encoding_guessed")


@pytest.mark.parametrize("system", ["EPSG:4326", "EPSG:4490", "EPSG:4546", "gcj02"])
@pytest.mark.parametrize("kind", ["csv", "gbk.csv", "xlsx"])
def test_the_same_study_as_tables(
    tmp_path: Path, reference: Study, kind: str, system: str
) -> None:
    folder = write_tables(tmp_path / "s", kind, system)
    study = load_study(folder, as_of=DAY)
    exact = system in ("EPSG:4326", "EPSG:4490")
    assert_same_study(study, reference, degrees=0 if exact else 1e-6)


def write_many_facilities(
    path: Path, shift: Callable[[Any, Any], tuple[Any, Any]] | None
) -> None:
    """Write 40 facilities beside streets, in a datum."""
    random = np.random.default_rng(5)
    rows = []
    for i in range(40):
        street = 31.705 + 0.005 * random.integers(0, 6)
        lon, lat = 113.362 + random.random() * 0.056, street + random.normal(0, 5e-5)
        if shift is not None:
            lon, lat = (float(v) for v in shift(lon, lat))
        rows.append((f"F{i}", f"第{i}日间照料中心", lon, lat))
    write_csv(path, ["编号", "名称", "经度", "纬度"], rows)


@pytest.mark.parametrize(
    ("shift", "problem", "offset"),
    [
        (None, None, 0),
        (wgs84_to_gcj02, "possible_gcj02", 550),
        (wgs84_to_bd09, "possible_bd09", 1500),
    ],
)
def test_undeclared_datum_is_reported_and_left(
    tmp_path: Path, shift: Any, problem: str | None, offset: float
) -> None:
    """52, 53: detected against the roads; converted only when that is accepted."""
    folder = write_study(tmp_path / "s")
    write_many_facilities(folder / "facilities.csv", shift)
    study = load_study(folder, as_of=DAY)
    if problem is None:
        assert not [
            f for f in study.report.findings if f.problem.startswith("possible_")
        ]
        return
    (finding,) = found(study, problem)
    assert finding.layer == "facilities"
    assert float(str(finding.value)) == pytest.approx(offset, rel=0.4)
    assert "accept-datum" in finding.message
    write_many_facilities(folder / "wgs84.csv", None)
    honest = load_study(rewrite(folder, ("facilities.csv", "wgs84.csv")), as_of=DAY)
    assert np.abs(study.facilities["lon"] - honest.facilities["lon"]).min() > 1e-3
    rewrite(folder)
    accepted = load_study(folder, as_of=DAY, accept_datum=True)
    for axis in ("lon", "lat"):
        np.testing.assert_allclose(
            accepted.facilities[axis], honest.facilities[axis], atol=1e-6, rtol=0
        )
    assert found(accepted, "datum_converted")
    counts = accepted.report.counts_frame()
    assert list(counts["file"]).count("facilities.csv") == 1


def test_boundaries_in_another_datum_than_their_parents(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s")
    write_geojson(moved(townships(), wgs84_to_gcj02), folder / "townships.geojson")
    study = load_study(folder, as_of=DAY)
    assert "townships.geojson" in [f.file for f in found(study, "possible_gcj02")]
    assert found(study, "not_nested")
    accepted = load_study(folder, as_of=DAY, accept_datum=True)
    assert not found(accepted, "not_nested")


def test_roads_that_do_not_cover_the_study(tmp_path: Path) -> None:
    """78: refused below half of the area, reported below nine tenths."""
    folder = write_study(tmp_path / "s")
    grid = roads()
    corner = grid.clip((113.359, 31.699, 113.366, 31.706))
    corner = corner[corner.geom_type == "LineString"]
    write_geojson(corner, folder / "roads.geojson")
    with pytest.raises(NetworkCoverageError, match="%"):
        load_study(folder, as_of=DAY)
    west = grid.clip((113.35, 31.69, 113.39, 31.75))
    west = west[west.geom_type == "LineString"]
    write_geojson(west, folder / "roads.geojson")
    study = load_study(folder, as_of=DAY)
    (finding,) = found(study, "network_partial")
    assert 0.5 < float(str(finding.value)) < 0.9


def test_errors_are_typed_and_say_where(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s")
    (folder / "communities.geojson").write_bytes(b"")
    with pytest.raises(PlannerError) as caught:
        load_study(folder, as_of=DAY)
    assert caught.value.file == "communities.geojson"
    with pytest.raises(PlannerError):
        load_study(tmp_path / "nothing", as_of=DAY)


def test_population_points_as_a_study(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s")
    write_csv(
        folder / "grid.csv", ["lon", "lat", "population"],
        [(113.361 + 0.002 * i, 31.701 + 0.002 * j, i + j)
         for i in range(30) for j in range(20)],
    )  # fmt: skip
    plain = communities().drop(columns=["常住人口", "60岁以上人口"])
    write_geojson(plain, folder / "communities.geojson")
    rewrite(
        folder,
        ("[roads]", ('[[population]]\nfile = "grid.csv"\nkind = "points"\n'
         'basis = "常住"\nyear = 2020\n\n[roads]')),
    )  # fmt: skip
    study = load_study(folder, as_of=DAY)
    total = sum(i + j for i in range(30) for j in range(20))
    assert study.demand["people"].sum() == total
    assert study.divisions["people"].iloc[0] == total
    assert set(study.demand["method"]) == {"cells"}
    assert set(study.divisions["population_year"]) == {2020}


def test_buildings_as_people(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s")
    plain = communities().drop(columns=["常住人口", "60岁以上人口"])
    write_geojson(plain, folder / "communities.geojson")
    boxes = [
        shapely.box(x, y, x + 1e-4, y + 1e-4)
        for x in np.arange(113.361, 113.42, 0.004) for y in np.arange(31.701, 31.74, 0.004)
    ]  # fmt: skip
    boxes.append(shapely.box(113.5, 31.7, 113.5001, 31.7001))
    frame = gpd.GeoDataFrame(
        {"weight": 2.0}, index=range(len(boxes)), geometry=boxes, crs=4326
    )
    frame.to_file(folder / "buildings.gpkg")
    rewrite(
        folder,
        ("[roads]", '[demand]\nbuildings = {file = "buildings.gpkg", as_people = true}\n\n[roads]'),
    )  # fmt: skip
    study = load_study(folder, as_of=DAY)
    assert study.demand["people"].eq(1).all()
    assert len(study.demand) == len(boxes) - 1
    assert study.demand["people_60"].isna().all()
    assert set(study.divisions["population_basis"]) == {"buildings"}
    assert len(found(study, "outside_area")) == 1


@pytest.mark.real_data
def test_wuhan_with_a_street_grid(real_data: Path, tmp_path: Path) -> None:
    """974 communities, their people along made-up streets, every sum kept."""
    import shutil

    shutil.copy(
        real_data / "wuhan" / "wuhan_communities_WHHP.gpkg", tmp_path / "w.gpkg"
    )
    xs, ys = np.arange(114.0, 114.75, 0.01), np.arange(30.4, 30.8, 0.01)
    lines = [shapely.LineString([(x, y) for x in xs]) for y in ys]
    lines += [shapely.LineString([(x, y) for y in ys]) for x in xs]
    grid = gpd.GeoDataFrame({"highway": "residential"}, index=range(len(lines)), geometry=lines, crs=4326)  # fmt: skip
    write_geojson(grid, tmp_path / "roads.geojson")
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "武汉"\ncode_system = "free"\n[[boundaries]]\nfile = "w.gpkg"\n'
        'level = "community"\nbasis = "常住"\ncolumns = {people = "Avg_Pop"}\n'
        '[roads]\nfile = "roads.geojson"\n',
        encoding="utf-8",
    )
    study = load_study(tmp_path, as_of=DAY)
    assert study.demand["people"].sum() == study.divisions["people"].sum()
    assert study.demand["people"].sum() == pytest.approx(5_112_329.956746, abs=1e-3)
    assert study.demand["division_code"].nunique() == 974
