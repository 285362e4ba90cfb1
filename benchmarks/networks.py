"""Road networks to measure on: real ones of county size, larger ones made of them.

Every node of a road is a node of the network, as in the peers' usual graphs. The
prefecture and the province are tiles of Porto Alegre, each mirrored at the border to
its neighbours and joined to them there: the same every time.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from pyproj import Geod

from yikezhong_coverage.exact import round_time
from yikezhong_coverage.records import RoadGraph, Snapped

ROOT = Path(__file__).resolve().parent.parent
NOT_WALKABLE = {"motorway", "motorway_link", "proposed", "construction", "raceway"}

#: Tiles in columns and rows, and facilities, of the made networks.
TILES = {"prefecture": (4, 2), "province": (8, 7)}
FACILITIES = {
    "tiny": 20,
    "porto_alegre": 500,
    "beijing": 500,
    "liechtenstein": 500,
    "prefecture": 2000,
    "province": 20_000,
}


@dataclass(frozen=True, eq=False)
class Case:
    """A network with facilities on it; the limit is a walk of 15 minutes."""

    name: str
    graph: RoadGraph
    facility: Snapped
    limit_s: float = 900.0


def data_folder() -> Path:
    """Return the folder of real data."""
    given = os.environ.get("YIKEZHONG_TEST_DATA")
    return Path(given) if given else ROOT / ".." / "shared" / "data"


def make_case(name: str) -> Case:
    """Return a network by name; the made ones are tiles of Porto Alegre."""
    if name == "tiny":
        graph = _lattice(40, 30)
    elif name == "beijing":
        graph = _beijing(data_folder() / "beijing" / "beijing_5thring.json")
    elif name == "liechtenstein":
        graph = _osm(data_folder() / "liechtenstein" / "liechtenstein-latest.osm.pbf")
    else:
        graph = _osm(data_folder() / "porto_alegre" / "poa_osm.pbf")
        if name in TILES:
            graph = mirrored(graph, *TILES[name])
    return Case(name, graph, facilities_on(graph, FACILITIES[name]))


def facilities_on(graph: RoadGraph, n: int) -> Snapped:
    """Put facilities at random nodes, the same every time: peers know only nodes."""
    random = np.random.default_rng(20251231)
    return at_nodes(graph, np.sort(random.choice(graph.n_node, n, replace=False)))


def at_nodes(graph: RoadGraph, nodes: np.ndarray) -> Snapped:
    """Return nodes as points, each on one of its edges, without an access leg."""
    on = np.full(graph.n_node, -1, dtype=np.int32)
    on[graph.edge_v] = np.arange(graph.n_edge)
    on[graph.edge_u] = np.arange(graph.n_edge)
    edge = on[nodes]
    along_m = np.where(graph.edge_u[edge] == nodes, 0.0, graph.edge_length_m[edge])
    return Snapped(
        edge,
        along_m,
        np.zeros(len(nodes)),
        graph.node_lon[nodes],
        graph.node_lat[nodes],
    )


def nodes_of(graph: RoadGraph, points: Snapped) -> np.ndarray:
    """Return the nodes that points of :func:`at_nodes` are at."""
    at_u = points.along_m == 0
    return np.where(at_u, graph.edge_u[points.edge], graph.edge_v[points.edge])


def mirrored(graph: RoadGraph, n_x: int, n_y: int, *, joints: int = 40) -> RoadGraph:
    """Lay mirrored copies of a network side by side and join them at the borders."""
    lon, lat = graph.node_lon - graph.node_lon.min(), graph.node_lat
    lat = lat - lat.min()
    width, height = lon.max() + 1e-4, lat.max() + 1e-4
    n = graph.n_node
    tile_lon, tile_lat, tail, head, length = [], [], [], [], []
    for k in range(n_x * n_y):
        x, y = k % n_x, k // n_x
        tile_lon.append(x * width + (width - lon if x % 2 else lon))
        tile_lat.append(y * height + (height - lat if y % 2 else lat))
        tail.append(graph.edge_u.astype(np.int64) + k * n)
        head.append(graph.edge_v.astype(np.int64) + k * n)
        length.append(graph.edge_length_m)
        for values, far, step, there in (
            (lon, x % 2 == 0, 1, x + 1 < n_x),
            (lat, y % 2 == 0, n_x, y + 1 < n_y),
        ):
            if there:
                order = np.argsort(-values if far else values, kind="stable")[:joints]
                tail.append(order + k * n)
                head.append(order + (k + step) * n)
                length.append(np.full(joints, 25.0))
    return straight(
        np.concatenate(tile_lon) + graph.node_lon.min(),
        np.concatenate(tile_lat) + graph.node_lat.min(),
        np.concatenate(tail),
        np.concatenate(head),
        np.concatenate(length),
    )


def straight(
    lon: np.ndarray,
    lat: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    length_m: np.ndarray | None = None,
) -> RoadGraph:
    """Return a walking network of straight edges at 1 m/s, numbered in this order."""
    u, v = np.asarray(u, dtype=np.int32), np.asarray(v, dtype=np.int32)
    n_edge = len(u)
    if length_m is None:
        length_m = Geod(ellps="WGS84").inv(lon[u], lat[u], lon[v], lat[v])[2]
    along = np.zeros(2 * n_edge)
    along[1::2] = length_m
    time_s = round_time(length_m)
    return RoadGraph(
        profile="walking",
        node_lon=lon,
        node_lat=lat,
        edge_u=u,
        edge_v=v,
        edge_id=np.char.zfill(np.arange(n_edge).astype("U8"), 8),
        edge_length_m=along[1::2].copy(),
        edge_forward_s=time_s,
        edge_backward_s=time_s,
        vertex_start=2 * np.arange(n_edge + 1, dtype=np.int64),
        vertex_lon=np.stack((lon[u], lon[v]), axis=1).ravel(),
        vertex_lat=np.stack((lat[u], lat[v]), axis=1).ravel(),
        vertex_along_m=along,
        edge_class=np.full(n_edge, "path"),
    )


def _from_lines(lines: list[list[tuple[float, float]]]) -> RoadGraph:
    nodes: dict[tuple[float, float], int] = {}
    edges = set()
    for line in lines:
        numbers = [nodes.setdefault(place, len(nodes)) for place in line]
        edges.update((min(pair), max(pair)) for pair in pairwise(numbers))
    places = np.array(list(nodes))
    ends = np.array(sorted(pair for pair in edges if pair[0] != pair[1]))
    return straight(places[:, 0], places[:, 1], ends[:, 0], ends[:, 1])


def _osm(path: Path) -> RoadGraph:
    import osmium

    lines = []
    ways = osmium.FileProcessor(str(path)).with_locations()
    for way in ways.with_filter(osmium.filter.KeyFilter("highway")):
        if way.is_way() and way.tags["highway"] not in NOT_WALKABLE:
            nodes = [n for n in way.nodes if n.location.valid()]
            lines.append([(n.location.lon, n.location.lat) for n in nodes])
    return _from_lines(lines)


def _beijing(path: Path) -> RoadGraph:
    ways = json.loads(path.read_text(encoding="utf-8"))
    return _from_lines([[(lon, lat) for lat, lon in way] for way in ways.values()])


def _lattice(n_x: int, n_y: int) -> RoadGraph:
    """Return a small town of square blocks with some streets left out."""
    random = np.random.default_rng(7)
    lines = []
    for x in range(n_x):
        for y in range(n_y):
            here = (113.0 + 0.001 * x, 31.0 + 0.001 * y)
            for there in ((here[0] + 0.001, here[1]), (here[0], here[1] + 0.001)):
                if random.random() < 0.85:
                    lines.append(
                        [tuple(np.round(p, 6).tolist()) for p in (here, there)]
                    )
    return _from_lines(lines)
