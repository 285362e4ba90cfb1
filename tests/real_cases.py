"""Studies made from the real test data, and the oracle that checks their times."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from network_cases import networkx_times
from yikezhong_app.runs.measure import Network, build_network
from yikezhong_coverage.records import FloatArray, IntArray, Nearest
from yikezhong_geodata.osm_study import import_osm
from yikezhong_geodata.study import Study

AS_OF = dt.date(2025, 12, 31)


def make_liechtenstein(data: Path, folder: Path) -> Path:
    """Import the country's extract: 11 municipalities, buildings as demand."""
    import_osm(data / "liechtenstein" / "liechtenstein-latest.osm.pbf", folder)
    return folder


def make_las_palmas(data: Path, folder: Path) -> Path:
    """Import the city: the municipality, with school catchments as sub-areas."""
    source = data / "las_palmas"
    import_osm(
        source / "las_palmas.osm.pbf",
        folder,
        boundaries=[
            (source / "municipality.geojson", "township"),
            (source / "school_catchments.geojson", "community"),
        ],
        name="Las Palmas de Gran Canaria",
    )
    return folder


def make_porto_alegre(data: Path, folder: Path) -> Path:
    """Write a study of one area: hexagon population, schools and healthcare."""
    source = data / "porto_alegre"
    folder.mkdir(parents=True)
    hexagons = pd.read_csv(source / "poa_hexgrid.csv", dtype={"id": str})
    hull = shapely.MultiPoint(hexagons[["lon", "lat"]].to_numpy()).convex_hull
    gpd.GeoDataFrame(
        {"code": ["POA"], "name": ["Porto Alegre"]},
        geometry=[hull.buffer(0.002)],
        crs="EPSG:4326",
    ).to_file(folder / "area.geojson", driver="GeoJSON")
    hexagons.rename(columns={"population": "people"})[
        ["id", "lon", "lat", "people"]
    ].to_csv(folder / "population.csv", index=False)
    for column, category in (("schools", "school"), ("healthcare", "clinic")):
        places = hexagons[hexagons[column] > 0]
        table = places[["id", "lon", "lat"]].assign(name=column + " " + places["id"])
        table.to_csv(folder / f"{category}.csv", index=False)
    pbf = (source / "poa_osm.pbf").read_bytes()
    (folder / "roads.osm.pbf").write_bytes(pbf)
    (folder / "study.toml").write_text(
        """
[study]
name = "Porto Alegre"
code_system = "free"

[[boundaries]]
file = "area.geojson"
level = "township"

[[facilities]]
file = "school.csv"
category = "school"
status = "open"
id_prefix = "school-"
crs = "EPSG:4326"

[[facilities]]
file = "clinic.csv"
category = "clinic"
status = "open"
id_prefix = "clinic-"
crs = "EPSG:4326"

[[population]]
kind = "points"
file = "population.csv"
crs = "EPSG:4326"

[roads]
file = "roads.osm.pbf"
""",
        encoding="utf-8",
    )
    return folder


@dataclass(frozen=True, eq=False)
class Question:
    """Which facility is nearest to every demand point of a study, on one network."""

    network: Network
    facilities: IntArray

    def nearest(self) -> Nearest:
        """Ask the engine."""
        return self.network.nearest(self.facilities)

    def oracle(self, **unrounded: FloatArray) -> Nearest:
        """Ask networkx, with the points inserted into the edges."""
        return networkx_times(
            self.network.graph,
            self.network.demand,
            self.network.facility.take(self.facilities),
            leg_speed_mps=self.network.leg_speed_mps,
            max_time_s=self.network.max_time_s,
            **unrounded,
        )


def ask(
    study: Study, categories: tuple[str, ...], *, profile: str, county: str = ""
) -> Question:
    """Put the demand (of one county) and the open facilities on a network."""
    network = build_network(
        study, study.roads[profile], parameters=study.spec.parameters
    )
    chosen = np.flatnonzero(
        study.facilities["category"].isin(categories).to_numpy()
        & (study.facilities["status"] == "open").to_numpy()
        & (network.facility.edge >= 0)
    )
    here = study.demand["division_code"].str.startswith(county).to_numpy()
    return Question(replace(network, demand=network.demand.take(here)), chosen)


def assert_times_equal_networkx(question: Question) -> int:
    """Compare every demand point's time with networkx, to the last bit.

    Returns the number of demand points with a finite time.
    """
    found, expected = question.nearest(), question.oracle()
    np.testing.assert_array_equal(found.time_s, expected.time_s)
    has = expected.facility >= 0
    np.testing.assert_array_equal(
        found.facility[has], question.facilities[expected.facility[has]]
    )
    assert (found.facility[~has] == -1).all()
    return int(np.isfinite(found.time_s).sum())


def assert_times_near_unrounded(question: Question) -> None:
    """Compare with networkx on unrounded walking times: within a microsecond."""
    graph = question.network.graph
    whole_s = graph.edge_length_m / question.network.leg_speed_mps
    expected = question.oracle(forward_s=whole_s, backward_s=whole_s)
    np.testing.assert_allclose(
        question.nearest().time_s, expected.time_s, rtol=0, atol=1e-6
    )
