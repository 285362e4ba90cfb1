"""Bad roads and rasters, through ``yikezhong check``: cases 72–82."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import bad_file_cases as bad
import study_cases as study
from bad_input_assertions import assert_listed, assert_refused
from bad_input_cases import (
    Edit,
    Listed,
    Refused,
    change,
    facility_row,
    facility_rows,
    population,
    roads,
)


def streets(*more: tuple[str, shapely.Geometry], **columns: object) -> bad.Build:
    """The streets of the study and more, each with its class."""

    def build(folder: Path) -> Path:
        frame = study.roads().assign(**columns)
        extra = gpd.GeoDataFrame(
            {
                "id": [f"x{i}" for i in range(len(more))],
                "highway": [c for c, _ in more],
            },
            geometry=[g for _, g in more],
            crs=4326,
        )
        both = pd.concat([frame, extra], ignore_index=True) if more else frame
        return study.write_geojson(both, folder / "streets.geojson")

    return build


def weighted(values: list[object], key: str = "time_column") -> Edit:
    """Streets with a stated weight, whose first values are given."""

    def edit(folder: Path) -> None:
        frame = study.roads()
        frame["seconds"] = [*values, *([100.0] * (len(frame) - len(values)))]
        study.write_geojson(frame, folder / "roads.geojson")
        change(
            folder,
            'file = "roads.geojson"',
            f'file = "roads.geojson"\n{key} = "seconds"',
        )

    return edit


def misspelt(folder: Path) -> None:
    change(
        folder, 'file = "roads.geojson"', 'file = "roads.geojson"\ntime_column = "secs"'
    )


def corner(share: float) -> bad.Build:
    """Streets of the western part of the study only."""

    def build(folder: Path) -> Path:
        east = study.WEST + 3 * study.SIDE * share
        part = (
            study.roads().clip((study.WEST - 1, 0, east, 90)).explode(ignore_index=True)
        )
        return study.write_geojson(part, folder / "corner.geojson")

    return build


def speeds(folder: Path) -> Path:
    frame = study.roads()
    words = ["none", "walk", "50 mph", "", "x"]
    frame["maxspeed"] = [words[i % 5] for i in range(len(frame))]
    return study.write_geojson(frame, folder / "speeds.geojson")


def raster(
    name: str = "people.tif",
    *,
    west: float = study.WEST,
    first: float = 10.0,
    crs: str | None = "EPSG:4326",
    nodata: float | None = None,
) -> bad.Build:
    """24 cells of 10 people over the study."""

    def build(folder: Path) -> Path:
        import rasterio

        values = np.full((4, 6), 10, dtype=np.float32)
        values[0, 0] = first
        with rasterio.open(
            folder / name, "w", driver="GTiff", height=4, width=6, count=1,
            dtype="float32", crs=crs, nodata=nodata,
            transform=rasterio.Affine(0.01, 0, west, 0, -0.01, 31.74),
        ) as stream:  # fmt: skip
            stream.write(values, 1)
        return folder / name

    return build


def by_raster(build: bad.Build) -> Edit:
    return population(build, kind="raster")


ISLAND = shapely.LineString(
    [(113.365, 31.7012), (113.366, 31.7013), (113.367, 31.7012)]
)
MOTORWAY = shapely.LineString([(113.361, 31.7021), (113.419, 31.7021)])

REFUSED = [
    Refused(75, "weight name misspelt", misspelt, "ColumnMapping", "roads.geojson",
            column="secs", says="time_column"),
    Refused(75, "an edge without a weight", weighted([None]), "MissingWeight",
            "roads.geojson"),
    Refused(76, "negative weight", weighted([-5.0]), "BadWeight", "roads.geojson"),
    Refused(76, "weight that is no number", weighted(["?"]), "MissingWeight", "roads.geojson",
            row=1),
    Refused(78, "roads of a corner", roads(corner(0.2)), "NetworkCoverage",
            "corner.geojson", says="%"),
    Refused(80, "nodata that is not stated", by_raster(raster(first=-99999)),
            "NegativePopulation", "people.tif", says="-99999"),
    Refused(80, "infinite people", by_raster(raster(first=np.inf)), "Corrupt",
            "people.tif", says="无穷"),
    Refused(81, "raster elsewhere", by_raster(raster(west=100.0)), "RasterCoverage",
            "people.tif"),
    Refused(81, "raster without a CRS", by_raster(raster(crs=None)), "CrsMissing",
            "people.tif"),
]  # fmt: skip

LISTED = [
    Listed(72, "a short piece by itself", roads(streets(("residential", ISLAND))),
           "component_dropped", says="米"),
    Listed(77, "speeds that are none", roads(speeds), "speed_defaulted"),
    Listed(77, "speeds that cannot be read", roads(speeds), "speed_unread"),
    Listed(78, "roads of two thirds", roads(corner(0.67)), "network_partial"),
    Listed(80, "nodata that is stated", by_raster(raster(first=-9999, nodata=-9999)),
           "raster_read", people=230),
    Listed(82, "raster over half a township", by_raster(raster(west=113.37)),
           "partial_cover", people=200),
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


@pytest.mark.case(73)
def test_far_from_any_road(tmp_path: Path) -> None:
    """A facility beyond ``max_snap_m`` is unusable for times and listed; people there
    stay in the denominator."""
    import datetime as dt

    from yikezhong_app.runs.pipeline import run_study
    from yikezhong_geodata.study import load_study

    folder = study.write_study(tmp_path / "study")
    facility_rows(facility_row(经度="110.3", 纬度="31.7"))(folder)
    roads(corner(0.67))(folder)
    points = [
        (113.3651, 31.7301, 900),
        (113.4151, 31.7301, 100),
    ]  # no street in the east
    population(
        lambda f: study.write_csv(f / "p.csv", ("经度", "纬度", "人口"), points),
        kind="points",
    )(folder)
    read = load_study(folder, as_of=dt.date(2023, 12, 31))
    snapshot = run_study(read, tmp_path / "out")
    facilities = snapshot.table("facilities").set_index("id")
    assert facilities.loc["F9", "snap_status"] == "no_road"
    report = snapshot.table("data_report")
    assert "F9" in set(report[report["problem"].str.startswith("no_road")]["id"])
    demand = snapshot.table("demand")
    away = demand[demand["status"] == "no_road"]
    assert away["people"].tolist() == [100]
    coverage = snapshot.table("coverage")
    top = coverage[
        (coverage["code"] == study.COUNTY)
        & (coverage["denominator"] == "people")
        & (coverage["variant"] == "with_neighbours")
    ]
    assert (top["total"] == 1000).all()
    assert (top["covered"] <= 900).all()


@pytest.mark.case(79)
def test_a_motorway_is_no_place_to_stop(tmp_path: Path) -> None:
    """Beside a motorway the next road that may be used is taken."""
    import datetime as dt

    from yikezhong_app.runs.pipeline import run_study
    from yikezhong_geodata.study import load_study

    folder = study.write_study(tmp_path / "study")
    place = facility_row(经度="113.3722", 纬度="31.70211")
    facility_rows(place)(folder)
    snaps = []
    for more in ((), (("motorway", MOTORWAY),)):
        build = streets(*more)
        build(folder).replace(folder / "roads.geojson")
        read = load_study(folder, as_of=dt.date(2023, 12, 31))
        table = run_study(read, tmp_path / f"out{len(more)}").table("facilities")
        snaps.append(float(table.set_index("id").loc["F9", "snap_m"]))
    assert snaps[0] == pytest.approx(snaps[1], abs=1e-6)
    assert snaps[0] > 100  # the motorway itself is a metre away
