"""Parquet written in pieces and in groups holds what was given, no more."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from pandas.testing import assert_frame_equal

from indicator_cases import DemoRun
from yikezhong_app.snapshots.parquet_files import (
    as_arrow,
    as_frame,
    has_shapes,
    with_points,
    write_parquet,
)
from yikezhong_app.snapshots.snapshot import open_current
from yikezhong_app.snapshots.table_files import MadeTable
from yikezhong_app.tables import roads
from yikezhong_app.tables.networks import read_graph
from yikezhong_geodata.columns import CRS


def lines(first: int, last: int) -> gpd.GeoDataFrame:
    at = np.arange(first, last, dtype=np.float64)
    ends = np.stack([np.stack([at, at], 1), np.stack([at + 1, at], 1)], 1)
    frame = pd.DataFrame({"id": [f"r{i}" for i in range(first, last)], "n": at})
    return gpd.GeoDataFrame(frame, geometry=shapely.linestrings(ends), crs=CRS)


def geo_words(path: Path) -> dict[str, object]:
    words: dict[str, object] = json.loads(pq.read_schema(path).metadata[b"geo"])
    columns = words["columns"]
    assert isinstance(columns, dict)
    column: dict[str, object] = columns["geometry"]
    return column


@pytest.mark.parametrize("cuts", [[0, 7], [0, 3, 7], [0, 1, 2, 3, 7]])
def test_pieces_are_the_whole(tmp_path: Path, cuts: list[int]) -> None:
    path = tmp_path / "a.parquet"
    pairs = list(itertools.pairwise(cuts))
    write_parquet(path, (lines(*pair) for pair in pairs))
    assert_frame_equal(gpd.read_parquet(path), lines(0, 7))
    assert geo_words(path)["geometry_types"] == ["LineString"]
    if len(pairs) == 1:
        assert geo_words(path)["bbox"] == [0.0, 0.0, 7.0, 6.0]
    else:  # what one piece covers is not said of all
        assert "bbox" not in geo_words(path)


def test_a_made_table_is_the_same_in_memory_and_on_disk(tmp_path: Path) -> None:
    def pieces() -> Iterator[pd.DataFrame | pa.Table]:
        yield lines(0, 3)
        yield as_arrow(lines(3, 7))

    made = MadeTable(7, True, pieces)
    write_parquet(tmp_path / "a.parquet", made.pieces())
    assert_frame_equal(pd.DataFrame(made.frame()), pd.DataFrame(lines(0, 7)))
    assert_frame_equal(gpd.read_parquet(tmp_path / "a.parquet"), lines(0, 7))


@pytest.mark.parametrize("n", [0, 1, 5])
def test_points_without_objects(tmp_path: Path, n: int) -> None:
    rng = np.random.default_rng(n)
    lon, lat = rng.uniform(70, 140, n), rng.uniform(15, 55, n)
    frame = pd.DataFrame({"id": [f"p{i}" for i in range(n)], "lon": lon})
    table = with_points(frame, lon, lat)
    expected = gpd.GeoDataFrame(frame, geometry=shapely.points(lon, lat), crs=CRS)
    assert has_shapes(table)
    assert not has_shapes(as_arrow(frame))
    assert_frame_equal(as_frame(table), expected)
    write_parquet(tmp_path / "a.parquet", [table])
    expected.to_parquet(tmp_path / "b.parquet")
    read = [gpd.read_parquet(tmp_path / f"{name}.parquet") for name in "ab"]
    assert_frame_equal(read[0], read[1])
    words = [geo_words(tmp_path / f"{name}.parquet") for name in "ab"]
    assert words[0] == words[1]


def test_a_row_group_holds_its_own_words(tmp_path: Path) -> None:
    """A reader of the counties does not get the names of all communities."""
    words = [f"w{i}" for i in range(1000)]
    table = pa.table(
        {
            "level": pa.array(["county"] * 3 + ["community"] * 997).dictionary_encode(),
            "id": pa.array(words).dictionary_encode(),
        }
    )
    path = tmp_path / "a.parquet"
    write_parquet(path, [table], groups=[0, 0, 3, 0, 997])
    with pq.ParquetFile(path) as file:
        first, second = (file.read_row_group(group) for group in (0, 1))
        bounds = file.metadata.row_group(0).column(0).statistics
        assert not file.metadata.row_group(0).column(1).is_stats_set
    assert first["id"].to_pylist() + second["id"].to_pylist() == words
    assert len(first["id"].combine_chunks().dictionary) == 3
    assert (bounds.min, bounds.max) == ("county", "county")


@pytest.mark.parametrize("most", [1, 7, 10**6])
def test_a_network_cut_into_pieces(
    county_run: DemoRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Edges of slices put together are the edges of the graph."""
    graph = read_graph(open_current(county_run.out), "walking")
    some = roads.slice_edges(graph, slice(5, 45))
    monkeypatch.setattr(roads, "_PIECE_EDGES", most)
    whole = pd.concat(roads.road_rows(some), ignore_index=True)
    assert whole["id"].tolist() == graph.edge_id[5:45].tolist()
    assert whole["length_m"].tolist() == graph.edge_length_m[5:45].tolist()
    for row, edge in enumerate(range(5, 45)):
        at = slice(graph.vertex_start[edge], graph.vertex_start[edge + 1])
        place = np.column_stack([graph.vertex_lon[at], graph.vertex_lat[at]])
        assert shapely.get_coordinates(whole.geometry[row]).tolist() == place.tolist()
