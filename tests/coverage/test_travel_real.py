"""Travel times on real roads against networkx."""

from __future__ import annotations

import ast
import json
from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import shapely

from network_cases import (
    assert_nearest,
    assert_reach,
    networkx_reach,
    networkx_times,
    points_on,
    straight_graph,
)
from yikezhong_coverage.exact import round_time
from yikezhong_coverage.graph import build_graph, usable_edges
from yikezhong_coverage.records import RoadGraph, Snapped
from yikezhong_coverage.snap import snap_points
from yikezhong_coverage.travel import nearest_at_nodes, nearest_facility, reach


def load_shenzhen(folder: Path) -> tuple[nx.MultiDiGraph, RoadGraph]:
    """Read an OSMnx drive graph, an edge for each of its directed edges."""
    source = nx.read_graphml(folder / "shenzhen" / "G.graphml", force_multigraph=True)
    nodes = {name: i for i, name in enumerate(source.nodes)}
    lon = [float(data["x"]) for _, data in source.nodes(data=True)]
    lat = [float(data["y"]) for _, data in source.nodes(data=True)]
    rows, shapes, speeds, lengths = [], [], [], []
    for u, v, key, data in source.edges(keys=True, data=True):
        a, b = nodes[u], nodes[v]
        line = [(lon[a], lat[a]), (lon[b], lat[b])]
        if "geometry" in data:
            line = list(shapely.from_wkt(data["geometry"]).coords)
        limit = data.get("maxspeed", "40")
        limit = ast.literal_eval(limit) if limit.startswith("[") else limit
        kmh = float(limit if isinstance(limit, str) else min(map(float, limit)))
        data["time_s"] = float(round_time(float(data["length"]) / (kmh / 3.6)))
        rows.append((a, b, f"{u}-{v}-{key}"))
        shapes.append(line)
        speeds.append(kmh / 3.6)
        lengths.append(float(data["length"]))
    ends = [point for line in shapes for point in line]
    graph = build_graph(
        "driving",
        lon,
        lat,
        [a for a, _, _ in rows],
        [b for _, b, _ in rows],
        [name for _, _, name in rows],
        ["road"] * len(rows),
        np.cumsum([0, *map(len, shapes)]),
        [x for x, _ in ends],
        [y for _, y in ends],
        forward_mps=speeds,
        backward_mps=0.0,
        length_m=lengths,
    )
    return source, graph


@pytest.mark.real_data
@pytest.mark.parametrize("direction", ["to_facility", "from_facility"])
def test_driving_in_shenzhen_equals_networkx(real_data: Path, direction):
    _source, graph = load_shenzhen(real_data)
    assert (graph.n_node, graph.n_edge) == (1751, 4009)
    random = np.random.default_rng(1)
    low, high = graph.node_lon.min(), graph.node_lon.max()
    south, north = graph.node_lat.min(), graph.node_lat.max()

    def points(n: int) -> Snapped:
        return snap_points(
            graph,
            random.uniform(low, high, n),
            random.uniform(south, north, n),
            usable=usable_edges(graph, 5000.0),
        )

    demand, facility = points(4000), points(60)
    assert (demand.edge >= 0).sum() > 2000
    for max_time_s in (300.0, 10_800.0):
        terms = {"leg_speed_mps": 1.0, "max_time_s": max_time_s, "direction": direction}
        found = nearest_facility(graph, demand, facility, **terms)
        assert_nearest(found, networkx_times(graph, demand, facility, **terms))
        assert np.isfinite(found.time_s).sum() > 1000
    few = facility.take(np.arange(8))
    terms = {"leg_speed_mps": 1.0, "limit_s": 400.0, "direction": direction}
    pairs = reach(graph, demand, few, **terms)
    assert_reach(pairs, networkx_reach(graph, demand, few, **terms))
    assert len(pairs.demand) > 1000


@pytest.mark.real_data
def test_nodes_of_shenzhen_equal_networkx_on_the_graph_as_it_was_read(real_data: Path):
    source, graph = load_shenzhen(real_data)
    random = np.random.default_rng(2)
    edges = random.choice(graph.n_edge, 20, replace=False)
    facility = points_on(graph, [(int(e), 1.0, 0.0) for e in edges])
    found = nearest_at_nodes(graph, facility, leg_speed_mps=1.0, max_time_s=10_800.0)
    names = list(source.nodes)
    expected = nx.multi_source_dijkstra_path_length(
        source.reverse(),
        {names[v] for v in graph.edge_v[edges]},
        cutoff=10_800.0,
        weight="time_s",
    )
    assert found.time_s.tolist() == [expected.get(name, np.inf) for name in names]


@pytest.mark.real_data
def test_walking_in_beijing_equals_networkx(real_data: Path):
    ways = json.loads(
        (real_data / "beijing" / "beijing_5thring.json").read_text(encoding="utf-8")
    )
    nodes: dict[tuple[float, float], int] = {}
    edges = []
    for way in (way for way in ways.values() if len(way) > 1):
        line = [nodes.setdefault((lon, lat), len(nodes)) for lat, lon in way]
        edges.extend(pairwise(line))
    graph = straight_graph(list(nodes), edges)
    assert (graph.n_node, graph.n_edge) == (90_137, 105_605)
    random = np.random.default_rng(4)
    usable = usable_edges(graph, 5000.0)

    def points(n: int) -> Snapped:
        return snap_points(
            graph,
            random.uniform(116.27, 116.48, n),
            random.uniform(39.84, 39.98, n),
            usable=usable,
        )

    demand, facility = points(5000), points(100)
    terms = {"leg_speed_mps": 1.0, "max_time_s": 1800.0}
    found = nearest_facility(graph, demand, facility, **terms)
    assert_nearest(found, networkx_times(graph, demand, facility, **terms))
    assert 0.3 < np.isfinite(found.time_s).mean() < 1
    unrounded = networkx_times(
        graph,
        demand,
        facility,
        **terms,
        forward_s=graph.edge_length_m,
        backward_s=graph.edge_length_m,
    )
    inside = found.time_s < 1800.0 - 1e-6
    np.testing.assert_allclose(
        found.time_s[inside], unrounded.time_s[inside], rtol=0, atol=1e-6
    )
    assert inside.sum() >= np.isfinite(unrounded.time_s).sum() - 1
