"""Population: unknown is not zero, the finest complete level wins, sums are exact."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study_cases import (
    COUNTY,
    PEOPLE,
    TOWNSHIPS,
    communities,
    townships,
    write_csv,
    write_geojson,
)
from yikezhong_coverage.errors import InputError
from yikezhong_geodata.boundaries import load_boundaries
from yikezhong_geodata.columns import DIVISION_COLUMNS
from yikezhong_geodata.data_report import DataReport, Finding
from yikezhong_geodata.file_errors import (
    AxisOrderError,
    ColumnMappingError,
    DuplicateKeyError,
    NegativePopulationError,
    RasterCoverageError,
)
from yikezhong_geodata.population import Population, load_population
from yikezhong_geodata.population_rules import (
    estimate_missing,
    resolve,
    round_people,
    unknown_units,
)
from yikezhong_geodata.population_tables import MixedBasisError
from yikezhong_geodata.spec import BoundarySpec, PopulationSpec

GROUPS_60 = ("people", "people_60")


def load(
    folder: Path,
    *specs: PopulationSpec,
    columns: tuple[str, ...] = (),
    counts: dict[str, tuple[Any, Any]] | None = None,
    basis: str | None = None,
) -> tuple[Population, DataReport]:
    """Load the small study; ``columns`` keeps counts in the boundary file."""
    frame = communities()
    for code, (people, people_60) in (counts or {}).items():
        at = frame["社区代码"] == code
        frame["常住人口"] = frame["常住人口"].astype(object)
        frame["60岁以上人口"] = frame["60岁以上人口"].astype(object)
        frame.loc[at, "常住人口"] = people
        frame.loc[at, "60岁以上人口"] = people_60
    headers = {"people": "常住人口", "people_60": "60岁以上人口"}
    frame = frame.drop(columns=[h for g, h in headers.items() if g not in columns])
    write_geojson(frame, folder / "c.geojson")
    write_geojson(townships(), folder / "t.geojson")
    report = DataReport()
    divisions = load_boundaries(
        [BoundarySpec("c.geojson", basis=basis), BoundarySpec("t.geojson")],
        folder=folder,
        code_system="cn12",
        report=report,
    )
    found = load_population(specs, folder=folder, divisions=divisions, report=report)
    assert set(DIVISION_COLUMNS) <= set(found.divisions.columns)
    for count in report.counts:
        assert count.read == count.used + count.repaired + count.set_aside
    return found, report


def rows(population: Population) -> Any:
    return population.divisions.set_index("code")


def found(report: DataReport, problem: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.problem == problem]


def test_column_counts_roll_up(tmp_path: Path) -> None:
    population, report = load(tmp_path, columns=GROUPS_60)
    table = rows(population)
    assert table.loc[COUNTY, "people"] == 10_500
    assert table.loc[COUNTY, "people_60"] == 2_250
    assert table.loc["421303400000", "people"] == 2_000
    assert table.loc["421303400201", "people"] == 0  # a known zero
    assert table["unknown_units"].eq(0).all()
    assert table["estimated"].eq("").all()
    assert table.loc["421303001001", "population_source"] == "column"
    assert table.loc[COUNTY, "population_source"] == "sum"
    assert table["people_65"].isna().all()
    assert set(table["population_basis"]) == {"常住"}  # from the header
    assert population.cells is None
    assert not found(report, "basis_missing")


def test_unknown_is_not_zero(tmp_path: Path) -> None:
    population, report = load(
        tmp_path, columns=GROUPS_60, counts={"421303001201": ("无", "无")}
    )
    table = rows(population)
    assert math.isnan(table.loc["421303001201", "people"])
    assert table.loc["421303001000", "people"] == 4_000
    assert table.loc["421303001000", "unknown_units"] == 1
    assert table.loc[COUNTY, "people"] == 9_500
    assert table.loc[COUNTY, "unknown_units"] == 1
    assert table.loc[COUNTY, "incomplete"] == "people people_60"
    assert [f.id for f in found(report, "no_population_data")] == ["421303001201"]


def test_no_population_at_all(tmp_path: Path) -> None:
    population, report = load(tmp_path)
    table = rows(population)
    assert table["people"].isna().all()
    assert table.loc[COUNTY, "unknown_units"] == 6
    assert found(report, "no_population_data")[0].value == "6"


def test_table_by_code(tmp_path: Path) -> None:
    """63, 59: widened codes join; what does not join is set aside and counted."""
    body = [[code, *people] for code, people in PEOPLE.items()]
    body.append(["421399001001", 77, 7])
    body.append(["abc", 1, 1])
    write_csv(tmp_path / "p.csv", ["区划代码", "户籍人口", "60岁及以上人口"], body)
    population, report = load(tmp_path, PopulationSpec("p.csv", year=2022))
    table = rows(population)
    assert table.loc[COUNTY, "people"] == 10_500
    assert table.loc["421303001001", "population_source"] == "table"
    assert set(table["population_basis"]) == {"户籍"}
    assert set(table["population_year"]) == {2022}
    count = report.counts[-1]
    assert (count.read, count.used, count.set_aside) == (8, 6, 2)
    assert found(report, "unmatched")[0].value == "421399001001"
    assert found(report, "code_malformed")[0].row == 9


def test_table_at_township_level(tmp_path: Path) -> None:
    write_csv(tmp_path / "p.csv", ["code", "people"], [[c[:9], 100] for c in TOWNSHIPS])
    population, report = load(tmp_path, PopulationSpec("p.csv"))
    table = rows(population)
    assert table.loc[COUNTY, "people"] == 300
    assert table.loc["421303001000", "unknown_units"] == 0
    assert math.isnan(table.loc["421303001001", "people"])
    assert found(report, "basis_missing")


def test_table_mistakes(tmp_path: Path) -> None:
    write_csv(tmp_path / "p.csv", ["code", "people"], [["421303001", 1]] * 2)
    with pytest.raises(DuplicateKeyError, match="第 2 行和第 3 行"):
        load(tmp_path, PopulationSpec("p.csv"))
    write_csv(tmp_path / "p.csv", ["name", "people"], [["甲", 1]])
    with pytest.raises(ColumnMappingError, match="区划代码"):
        load(tmp_path, PopulationSpec("p.csv"))
    write_csv(tmp_path / "p.csv", ["code", "name"], [["421303001", "甲"]])
    with pytest.raises(ColumnMappingError, match="人口"):
        load(tmp_path, PopulationSpec("p.csv"))


def test_finest_complete_level_wins_and_conflicts_are_listed(tmp_path: Path) -> None:
    write_csv(
        tmp_path / "p.csv",
        ["code", "people"],
        [["421303001", 6000], ["421303100", 3500], ["421303", 11000]],
    )
    population, report = load(
        tmp_path, PopulationSpec("p.csv", basis="常住"), columns=GROUPS_60
    )
    table = rows(population)
    assert table.loc["421303001000", "people"] == 5_000
    assert table.loc[COUNTY, "people"] == 10_500
    conflicts = {f.id: f.value for f in found(report, "level_conflict")}
    assert conflicts == {
        "421303001000": "6000 / 5000",
        COUNTY: "11000 / 10500",
    }


def test_incomplete_level_leaves_the_total_above(tmp_path: Path) -> None:
    write_csv(tmp_path / "p.csv", ["code", "people"], [["421303001", 6000]])
    population, _ = load(
        tmp_path,
        PopulationSpec("p.csv", basis="常住"),
        columns=("people",),
        counts={"421303001201": ("", "")},
    )
    table = rows(population)
    assert table.loc["421303001000", "people"] == 6_000
    assert table.loc["421303001000", "unknown_units"] == 0
    assert math.isnan(table.loc["421303001201", "people"])


def test_sources_that_differ_are_listed(tmp_path: Path) -> None:
    write_csv(tmp_path / "p.csv", ["code", "people"], [["421303001001", 4100]])
    population, report = load(
        tmp_path, PopulationSpec("p.csv", basis="常住"), columns=("people",)
    )
    assert rows(population).loc["421303001001", "people"] == 4_100
    assert found(report, "source_conflict")[0].value == "4000 / 4100"


def test_missing_60_takes_the_share_of_the_nearest_parent(tmp_path: Path) -> None:
    write_csv(
        tmp_path / "p.csv",
        ["code", "people", "people_60"],
        [["421303001", 5000, 1000], ["421303", 10500, 1050]],
    )
    population, report = load(
        tmp_path, PopulationSpec("p.csv", basis="常住"), columns=("people",)
    )
    table = rows(population)
    assert table.loc["421303001001", "people_60"] == 800  # 20 % of its township
    assert table.loc["421303001201", "people_60"] == 200
    # the others take the county's 10 %
    assert table.loc["421303100001", "people_60"] == pytest.approx(300)
    assert table.loc["421303100001", "estimated"] == "people_60"
    assert table.loc[COUNTY, "people_60"] == pytest.approx(1000 + 550)
    assert found(report, "estimated")[0].value == "6"
    assert [(f.id, f.value) for f in found(report, "level_conflict")] == [
        (COUNTY, "1050 / 1550")
    ]


def test_missing_60_without_a_parent_stays_null(tmp_path: Path) -> None:
    population, _ = load(
        tmp_path,
        columns=GROUPS_60,
        counts={code: (people, None) for code, (people, _) in PEOPLE.items()},
    )
    assert rows(population)["people_60"].isna().all()


def test_two_bases_are_never_mixed(tmp_path: Path) -> None:
    write_csv(tmp_path / "p.csv", ["code", "户籍人口"], [["421303001", 6000]])
    with pytest.raises(MixedBasisError, match="户籍"):
        load(tmp_path, PopulationSpec("p.csv"), columns=("people",))
    write_csv(
        tmp_path / "p.csv", ["code", "people", "口径"],
        [["421303001", 1, "常住"], ["421303100", 1, "户籍"]],
    )  # fmt: skip
    with pytest.raises(MixedBasisError):
        load(tmp_path, PopulationSpec("p.csv"))


def test_implausible_density(tmp_path: Path) -> None:
    """66."""
    _, report = load(tmp_path, columns=("people",), counts={"421303001001": (9e8, 1)})
    assert found(report, "implausible")[0].id == "421303001001"


def test_more_old_people_than_people(tmp_path: Path) -> None:
    """66."""
    population, report = load(
        tmp_path, columns=GROUPS_60, counts={"421303001001": (100, 300)}
    )
    (finding,) = found(report, "implausible")
    assert (finding.id, finding.value) == ("421303001001", "300 / 100")
    assert rows(population).loc["421303001001", "people_60"] == 300


def test_points(tmp_path: Path) -> None:
    """47: a point outside is set aside with its people."""
    write_csv(
        tmp_path / "g.csv",
        ["id", "lon", "lat", "population"],
        [
            ("a", 113.365, 31.725, 10.5),
            ("b", 113.366, 31.726, 20),
            ("c", 113.385, 31.705, 7),
            ("d", 113.5, 31.705, 9),
            ("e", 0, 0, 9),
            ("f", 113.385, 31.706, "NA"),
            ("g", 113.38, 31.705, 5),
        ],
    )
    population, report = load(tmp_path, PopulationSpec("g.csv", kind="points"))
    table = rows(population)
    assert table.loc["421303001001", "people"] == 30.5
    assert table.loc["421303001201", "people"] == 5  # on the border: smallest code
    assert table.loc["421303100201", "people"] == 7
    assert math.isnan(table.loc["421303400001", "people"])
    assert table.loc[COUNTY, "people"] == 42.5
    assert table.loc[COUNTY, "unknown_units"] == 3
    assert population.cells is not None and len(population.cells) == 4
    (count,) = [c for c in report.counts if c.file == "g.csv"]
    assert (count.read, count.used, count.set_aside) == (7, 4, 3)
    assert found(report, "outside_area")[0].value == "9.0"
    assert found(report, "missing_count")[0].id == "f"


def test_points_mistakes(tmp_path: Path) -> None:
    """45, 80."""
    header = ["lon", "lat", "population"]
    write_csv(tmp_path / "g.csv", header, [(31.725, 113.365, 1)] * 3)
    with pytest.raises(AxisOrderError):
        load(tmp_path, PopulationSpec("g.csv", kind="points"))
    write_csv(tmp_path / "g.csv", header, [(113.365, 31.725, -99999)] * 3)
    with pytest.raises(NegativePopulationError):
        load(tmp_path, PopulationSpec("g.csv", kind="points"))
    write_csv(tmp_path / "g.csv", ["lon", "lat"], [(113.365, 31.725)])
    with pytest.raises(ColumnMappingError):
        load(tmp_path, PopulationSpec("g.csv", kind="points"))


def raster(
    path: Path,
    values: np.ndarray,
    *,
    west: float = 113.36,
    north: float = 31.74,
    cell: float = 0.01,
    nodata: float | None = None,
) -> PopulationSpec:
    import rasterio

    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1],
        count=1, dtype=str(values.dtype), crs="EPSG:4326", nodata=nodata,
        transform=rasterio.Affine(cell, 0, west, 0, -cell, north),
    ) as stream:  # fmt: skip
        stream.write(values, 1)
    return PopulationSpec(path.name, kind="raster")


def test_raster(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.float32).reshape(4, 6)
    population, report = load(tmp_path, raster(tmp_path / "r.tif", values))
    table = rows(population)
    exact = {"421303001001": 0 + 1 + 6 + 7, "421303400201": 16 + 17 + 22 + 23}
    for code, people in exact.items():
        assert table.loc[code, "people"] == pytest.approx(people, abs=1e-5)
    assert table.loc[COUNTY, "people"] == pytest.approx(values.sum(), abs=1e-5)
    assert population.cells is not None
    assert len(population.cells) == 24
    assert population.cells["people"].sum() == pytest.approx(values.sum(), abs=1e-9)
    assert not found(report, "partial_cover")


def test_raster_cells_are_divided_by_area(tmp_path: Path) -> None:
    """Cells of 0.02 degrees shifted by half: each touches four communities."""
    values = np.full((3, 4), 100, dtype=np.int32)
    spec = raster(tmp_path / "r.tif", values, west=113.35, north=31.75, cell=0.02)
    population, _ = load(tmp_path, spec)
    table = rows(population)
    assert table.loc["421303001001", "people"] == pytest.approx(100, rel=1e-6)
    assert table.loc[COUNTY, "people"] == pytest.approx(600, rel=1e-6)
    cells = population.cells
    assert cells is not None
    geometry = population.divisions.geometry.iloc[cells["division"].to_numpy()]
    import shapely

    assert shapely.intersects_xy(geometry.to_numpy(), cells["lon"], cells["lat"]).all()


def test_raster_nodata_and_negative(tmp_path: Path) -> None:
    """80: nodata is left out when it is stated, refused when it is not."""
    values = np.full((4, 6), 5, dtype=np.float32)
    values[0, 0] = -99999
    population, _ = load(tmp_path, raster(tmp_path / "r.tif", values, nodata=-99999))
    assert rows(population).loc[COUNTY, "people"] == pytest.approx(115)
    with pytest.raises(NegativePopulationError, match="-99999"):
        load(tmp_path, raster(tmp_path / "r.tif", values))


def test_raster_elsewhere_and_in_part(tmp_path: Path) -> None:
    """81, 82."""
    values = np.full((4, 6), 5, dtype=np.float32)
    with pytest.raises(RasterCoverageError):
        load(tmp_path, raster(tmp_path / "r.tif", values, west=100.0))
    spec = raster(tmp_path / "r.tif", values, west=113.37)
    population, report = load(tmp_path, spec)
    shares = {f.id: float(str(f.value)) for f in found(report, "partial_cover")}
    assert shares == {
        "421303001001": pytest.approx(0.5, abs=1e-4),
        "421303001201": pytest.approx(0.5, abs=1e-4),
    }
    assert rows(population).loc["421303001001", "people"] == pytest.approx(10)


def test_buildings_as_people_need_an_empty_study(tmp_path: Path) -> None:
    import pandas as pd

    buildings = pd.DataFrame(
        {"lon": [113.37], "lat": [31.73], "division": [4], "weight": [1.0]}
    )
    population, _ = load(tmp_path, columns=("people",))
    with pytest.raises(InputError, match="建筑"):
        load_population(
            (), folder=tmp_path, divisions=population.divisions, report=DataReport(),
            buildings=buildings,
        )  # fmt: skip
    empty, _ = load(tmp_path)
    found_ = load_population(
        (), folder=tmp_path, divisions=empty.divisions, report=DataReport(),
        buildings=buildings,
    )  # fmt: skip
    row = found_.divisions.iloc[4]
    assert (row["people"], row["population_basis"]) == (1.0, "buildings")
    assert math.isnan(row["people_60"])


@st.composite
def trees(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(1, 12))
    parent = [-1] + [draw(st.integers(0, i - 1)) for i in range(1, n)]
    count = st.one_of(st.none(), st.floats(0, 1e6, allow_nan=False))
    declared = [draw(count) for _ in range(n)]
    return (
        np.array(parent, dtype=np.int32),
        np.array([np.nan if v is None else v for v in declared]),
    )


@settings(max_examples=200, deadline=None)
@given(trees())
def test_resolved_counts_hold_together(tree: tuple[np.ndarray, np.ndarray]) -> None:
    parent, declared = tree
    found_ = resolve(declared, parent)
    units = unknown_units(found_.complete, parent)
    for i in range(len(parent)):
        below = np.flatnonzero(parent == i)
        if not len(below):
            assert found_.complete[i] == (not np.isnan(declared[i]))
        elif found_.complete[below].all():
            assert found_.complete[i]
            assert found_.value[i] == found_.value[below].sum()
        elif found_.complete[i]:
            assert found_.value[i] - round_people(declared[i : i + 1])[0] <= 0.5
            assert found_.value[i] >= np.nansum(found_.value[below])
        assert (units[i] == 0) == found_.complete[i]


@settings(max_examples=200, deadline=None)
@given(trees(), st.integers(0, 2**32 - 1))
def test_estimates_are_shares(tree: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    parent, declared = tree
    people = resolve(declared, parent)
    random = np.random.default_rng(seed)
    group = np.where(random.random(len(parent)) < 0.5, np.nan, declared * 0.25)
    found_ = estimate_missing(group, people, parent=parent, declared_people=declared)
    own = resolve(group, parent)
    # nothing known is changed below, and what is complete stays complete
    lowest = ~np.isin(np.arange(len(parent)), parent)
    known = lowest & ~np.isnan(group)
    assert (found_.resolved.value[known] == round_people(group[known])).all()
    if np.isnan(people.conflict).all():
        assert (found_.resolved.complete >= own.complete).all()
    assert (found_.resolved.value[~np.isnan(found_.resolved.value)] >= 0).all()
    assert not found_.flag[known].any()
    estimated = lowest & found_.flag
    assert (found_.resolved.value[estimated] <= people.value[estimated] + 0.5).all()
