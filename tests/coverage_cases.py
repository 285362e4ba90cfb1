"""Small random networks, points on them and trees of divisions, for tests."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from yikezhong_coverage.graph import build_graph
from yikezhong_coverage.records import Divisions, RoadGraph, Snapped

LON, LAT = 113.3, 31.7
LEG_MPS = 1.0
#: About a metre in degrees of longitude and latitude at the place above.
METRE = np.array([1 / 94_800.0, 1 / 110_890.0])


def random_network(
    random: Generator, *, n_node: int = 12, n_edge: int = 20, span_m: float = 900.0
) -> RoadGraph:
    """Make crooked roads: parallel edges, loops, islands, one-ways, empty edges."""
    node = np.array([LON, LAT]) + random.uniform(0, span_m, (n_node, 2)) * METRE
    if n_node > 3:
        node[1] = node[0]  # an edge between these has no length
    u, v = random.integers(0, n_node, (2, n_edge))
    u[0], v[0] = 0, 1 % n_node
    shapes = []
    for a, b in zip(u, v, strict=True):
        n_bend = random.integers(0, 3) if (a, b) != (0, 1) else 0
        share = np.sort(random.random(n_bend))[:, None]
        bends = node[a] + (node[b] - node[a]) * share
        bends = bends + random.normal(0, 40, (n_bend, 2)) * METRE
        shapes.append(np.vstack([node[a], bends, node[b]]))
    way = random.integers(0, 6, n_edge)
    speed = random.choice([0.5, 1.0, 1.3], n_edge)
    vertices = np.vstack(shapes)
    return build_graph(
        "walking",
        node[:, 0],
        node[:, 1],
        u,
        v,
        [f"e{i:03d}" for i in range(n_edge)],
        ["path"] * n_edge,
        np.concatenate([[0], np.cumsum([len(s) for s in shapes])]),
        vertices[:, 0],
        vertices[:, 1],
        forward_mps=np.where(way == 0, 0.0, speed),
        backward_mps=np.where(way == 1, 0.0, speed),
    )


def straight_road(lat: float, *, half_m: float = 1500.0) -> RoadGraph:
    """Make one west-east road of two edges that meet at (LON, lat)."""
    degrees = half_m / (111_319.5 * np.cos(np.radians(lat)))
    lon = np.array([LON - degrees, LON, LON + degrees])
    shape = [0, 1, 1, 2]
    return build_graph(
        "walking",
        lon,
        np.full(3, lat),
        [0, 1],
        [1, 2],
        ["west", "east"],
        ["path"] * 2,
        [0, 2, 4],
        lon[shape],
        np.full(4, lat),
        forward_mps=1.0,
        backward_mps=1.0,
    )


def points_on(
    graph: RoadGraph,
    edge: np.ndarray,
    along_m: np.ndarray,
    leg_m: np.ndarray | float = 0.0,
) -> Snapped:
    """Put points on edges; an edge of -1 is a point without a road."""
    edge = np.asarray(edge, dtype=np.int32)
    lost = edge < 0
    lon, lat = np.full(len(edge), np.nan), np.full(len(edge), np.nan)
    along_m = np.where(lost, np.nan, along_m)
    for i in np.flatnonzero(~lost):
        rows = slice(graph.vertex_start[edge[i]], graph.vertex_start[edge[i] + 1])
        at = along_m[i], graph.vertex_along_m[rows]
        lon[i] = np.interp(*at, graph.vertex_lon[rows])
        lat[i] = np.interp(*at, graph.vertex_lat[rows])
    leg = np.where(lost, np.nan, np.broadcast_to(leg_m, len(edge)))
    return Snapped(edge, along_m, leg, lon, lat)


def random_points(
    random: Generator, graph: RoadGraph, n: int, *, most_leg_m: float = 120.0
) -> Snapped:
    """Put random points on a network; some have no road, some share an edge."""
    edge = random.integers(-1, graph.n_edge, n)
    edge[n // 2 :] = edge[: n - n // 2] if n > 3 else edge[n // 2 :]
    share = random.choice([0.0, 1.0, *random.random(6)], n)
    along_m = share * graph.edge_length_m[edge]
    return points_on(graph, edge, along_m, random.uniform(0, most_leg_m, n))


def random_divisions(random: Generator, n: int) -> Divisions:
    """Make a tree of a prefecture, counties, townships and communities, shuffled."""
    names = ["prefecture", "county", "township", "community"]
    depth = np.concatenate([[0], np.sort(random.integers(1, 4, n - 1))])
    parent = np.full(n, -1, dtype=np.int32)
    for i in range(1, n):
        above = np.flatnonzero(depth[:i] < depth[i])
        parent[i] = random.choice(above)  # parents may skip levels
    place = random.permutation(n)
    code, level = np.empty(n, dtype="<U8"), np.empty(n, dtype="<U12")
    shuffled = np.full(n, -1, dtype=np.int32)
    code[place] = [f"D{i:03d}" for i in range(n)]
    level[place] = [names[d] for d in depth]
    shuffled[place] = np.where(parent >= 0, place[parent], -1)
    return Divisions(code, level, shuffled)


def below(divisions: Divisions, top: int) -> set[int]:
    """Return a division and everything below it, by walking up from each."""
    members = set()
    for i in range(len(divisions.code)):
        j = i
        while j >= 0 and j != top:
            j = int(divisions.parent[j])
        if j == top:
            members.add(i)
    return members


def random_people(
    random: Generator, n: int, *, unknown_share: float = 0.0
) -> np.ndarray:
    """Make counts that are multiples of 2⁻²⁰, some zero, some unknown."""
    people = np.floor(random.exponential(20, n) * 2**20) / 2**20
    people[random.random(n) < 0.15] = 0.0
    people[random.random(n) < unknown_share] = np.nan
    return people
