"""A road graph on the disk: its windows hold what they should, in order."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from network_cases import straight_graph
from yikezhong_coverage.errors import InputError, SourceError
from yikezhong_coverage.graph import build_graph, connected_pieces, usable_edges
from yikezhong_coverage.records import RoadGraph
from yikezhong_geodata.road_store import (
    RoadStore,
    cell_of,
    cells_of_box,
    dilate,
    write_road_store,
)


def _graph(seed: int, n_edge: int = 400, lat: float = 31.0) -> RoadGraph:
    """Return crooked short roads, a few long ones, two nodes without a road."""
    random = np.random.default_rng(seed)
    n_node = n_edge // 2
    lon = 113 + random.uniform(0, 0.2, n_node)
    lats = lat + random.uniform(0, 0.2, n_node)
    u = random.integers(0, n_node - 2, n_edge)
    near = np.argsort(np.hypot(lon[u, None] - lon, lats[u, None] - lats), axis=1)
    near = np.where(near >= n_node - 2, 0, near)
    v = near[np.arange(n_edge), random.integers(0, 6, n_edge)]
    v[::40] = random.integers(0, n_node - 2, len(v[::40]))
    count = random.integers(2, 6, n_edge)
    start = np.concatenate(([0], np.cumsum(count)))
    edge = np.repeat(np.arange(n_edge), count)
    share = (np.arange(start[-1]) - start[edge]) / (count[edge] - 1)
    ends = (share == 0) | (share == 1)
    bend = np.where(ends, 0.0, random.normal(0, 0.004, len(edge)))
    return build_graph(
        "walking",
        lon,
        lats,
        u,
        v,
        [f"w{i}" for i in random.permutation(n_edge)],
        random.choice(["path", "residential"], n_edge),
        start,
        lon[u][edge] + share * (lon[v] - lon[u])[edge] + bend,
        lats[u][edge] + share * (lats[v] - lats[u])[edge] + bend,
        forward_mps=random.choice([0.0, 1.0, 1.3], n_edge),
        backward_mps=random.choice([0.0, 1.0], n_edge),
    )


def _store(graph: RoadGraph, folder: Path) -> RoadStore:
    usable = usable_edges(graph, 3000.0)
    write_road_store(graph, usable, connected_pieces(graph).piece, folder)
    return RoadStore.open(folder)


def _assert_part(graph: RoadGraph, store: RoadStore, cells: np.ndarray) -> int:
    """A window holds just what one finds by looking at every edge."""
    window = store.window(cells)
    asked = set(cells.tolist())
    expected = []
    for e in range(graph.n_edge):
        part = slice(graph.vertex_start[e], graph.vertex_start[e + 1])
        lon, lat = graph.vertex_lon[part], graph.vertex_lat[part]
        box = cells_of_box(lon.min(), lat.min(), lon.max(), lat.max())
        if asked & set(box.tolist()):
            expected.append(e)
    assert window.edge.tolist() == expected
    ends = {*graph.edge_u[expected].tolist(), *graph.edge_v[expected].tolist()}
    assert window.node.tolist() == sorted(ends)
    part = window.graph
    for name in ("node_lon", "node_lat"):
        np.testing.assert_array_equal(
            getattr(part, name), getattr(graph, name)[window.node]
        )
    for name in ("edge_length_m", "edge_forward_s", "edge_backward_s"):
        np.testing.assert_array_equal(
            getattr(part, name), getattr(graph, name)[expected]
        )
    for name in ("edge_u", "edge_v"):
        np.testing.assert_array_equal(
            window.node[getattr(part, name)], getattr(graph, name)[expected]
        )
    for at, e in enumerate(expected):
        new = slice(part.vertex_start[at], part.vertex_start[at + 1])
        old = slice(graph.vertex_start[e], graph.vertex_start[e + 1])
        for name in ("vertex_lon", "vertex_lat", "vertex_along_m"):
            np.testing.assert_array_equal(
                getattr(part, name)[new], getattr(graph, name)[old]
            )
    assert part.vertex_start[-1] == len(part.vertex_lon)
    np.testing.assert_array_equal(window.usable, usable_edges(graph, 3000.0)[expected])
    np.testing.assert_array_equal(window.piece, connected_pieces(graph).piece[expected])
    return len(expected)


@pytest.mark.parametrize("lat", [31.0, -0.1, -30.05])
def test_windows_equal_brute_force(tmp_path: Path, lat: float) -> None:
    graph = _graph(1, lat=lat)
    store = _store(graph, tmp_path / "store")
    random = np.random.default_rng(2)
    sizes = {_assert_part(graph, store, np.array([], dtype=np.int64))}
    for n in (1, 5, 40):
        cells = random.choice(store.cells, n, replace=False)
        strange = np.array([-1, 0, 10**12, cells[0]])
        sizes.add(_assert_part(graph, store, np.concatenate((cells, strange))))
    assert 0 in sizes
    assert len(sizes) == 4


def test_the_window_of_all_cells_is_the_whole(tmp_path: Path) -> None:
    graph = _graph(3)
    store = _store(graph, tmp_path)
    window = store.window(store.cells)
    assert window.edge.tolist() == list(range(graph.n_edge))
    # the two nodes without a road are not in any window
    used = np.unique(np.concatenate((graph.edge_u, graph.edge_v)))
    assert window.node.tolist() == used.tolist()
    for field in fields(RoadGraph):
        value = getattr(window.graph, field.name)
        if field.name == "profile":
            assert value == graph.profile
        elif field.name in ("edge_id", "edge_class"):
            assert value.tolist() == [""] * graph.n_edge
        else:
            whole = getattr(graph, field.name)
            whole = whole[used] if field.name.startswith("node") else whole
            if field.name in ("edge_u", "edge_v"):
                value = used[value]
            np.testing.assert_array_equal(value, whole)
    assert (store.n_edge, store.n_node) == (graph.n_edge, graph.n_node)
    assert window.graph.edge_u.dtype == np.int32


def test_a_store_is_mapped_and_cannot_be_written_to(tmp_path: Path) -> None:
    store = _store(_graph(4), tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        store.arrays["edge_length_m"][0] = 1.0
    store.window(store.cells).graph.edge_length_m[0] = 1.0


def test_a_network_without_edges(tmp_path: Path) -> None:
    graph = straight_graph([(113.0, 31.0)], [])
    store = _store(graph, tmp_path)
    window = store.window(cells_of_box(112.9, 30.9, 113.1, 31.1))
    assert window.graph.n_edge == window.graph.n_node == 0


def test_a_store_replaces_another(tmp_path: Path) -> None:
    _store(_graph(5), tmp_path)
    graph = _graph(6, n_edge=90)
    assert _store(graph, tmp_path).n_edge == 90


@pytest.mark.parametrize("damage", ["json", "version", "gone", "cut", "rows", "type"])
def test_a_damaged_store_is_refused(tmp_path: Path, damage: str) -> None:
    _store(_graph(7), tmp_path)
    about, array = tmp_path / "road_store.json", tmp_path / "edge_u.npy"
    if damage == "json":
        about.write_text("{", "utf-8")
    elif damage == "version":
        about.write_text(json.dumps(json.loads(about.read_text()) | {"version": 0}))
    elif damage == "gone":
        array.unlink()
    elif damage == "cut":
        array.write_bytes(array.read_bytes()[:-1])
    elif damage == "rows":
        np.save(array, np.load(array)[:-1])
    else:
        np.save(array, np.load(array).astype(np.int64))
    with pytest.raises(SourceError, match="路网缓存"):
        RoadStore.open(tmp_path)


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    graph = _graph(8)
    piece = connected_pieces(graph).piece
    with pytest.raises(InputError, match="路段数不符"):
        write_road_store(graph, usable_edges(graph, 0.0)[1:], piece, tmp_path)


@given(
    lon=st.floats(-180, 180),
    lat=st.floats(-90, 90),
    width=st.floats(0, 0.05),
    height=st.floats(0, 0.05),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
)
def test_a_box_meets_the_cell_of_each_of_its_places(
    lon: float, lat: float, width: float, height: float, x: float, y: float
) -> None:
    east, north = min(lon + width, 180.0), min(lat + height, 90.0)
    box = cells_of_box(lon, lat, east, north)
    assert (np.diff(box) > 0).all()
    place = cell_of([min(lon + x * width, east)], [min(lat + y * height, north)])
    assert place[0] in box
    assert len(box) <= 49


@settings(deadline=None)
@given(
    lon=st.floats(-170, 170),
    lat=st.floats(-80, 80),
    metres=st.floats(1, 20_000),
    azimuth=st.floats(0, 360),
    share=st.floats(0, 0.999),
)
def test_what_lies_near_is_in_the_dilated_cells(
    lon: float, lat: float, metres: float, azimuth: float, share: float
) -> None:
    grown = dilate(cell_of([lon], [lat]), metres)
    there_lon, there_lat, _ = Geod(ellps="WGS84").fwd(lon, lat, azimuth, metres * share)
    assert cell_of([there_lon], [there_lat])[0] in grown


def test_cells_are_dilated_by_whole_rows_and_columns_only_as_far_as_needed() -> None:
    at = cell_of([113.005], [60.005])
    assert dilate(at, 0.0).tolist() == at.tolist()
    # at 60° a column is about 557 m wide, a row 1,115 m high
    rows, columns = np.divmod(dilate(at, 1100.0) - at[0], 36001)
    assert set(rows.tolist()) <= {-2, -1, 0, 1}
    assert len(dilate(at, 1100.0)) == 3 * 5
    assert len(columns) == 15
    two = np.concatenate((at, cell_of([-113.0], [-60.0]), [-1]))
    assert len(dilate(two, 1100.0)) == 30
    with pytest.raises(InputError, match="非负"):
        dilate(at, math.nan)
