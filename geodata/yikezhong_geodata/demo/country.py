"""Country roads: a winding network between hamlets, villages and towns.

The nodes are joined along Delaunay edges, bent inside their triangles, so roads meet
at nodes only. A spanning tree keeps everything connected; it crosses a river only
where it must, and the main roads where the way round would be long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import Delaunay, cKDTree

from yikezhong_geodata.demo.boundaries import Land
from yikezhong_geodata.demo.terrain import FloatArray, hilliness, wave
from yikezhong_geodata.demo.towns import Towns, town_radius

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Country:
    """Candidate roads between nodes: towns, other places, from ``n_place`` on gates.

    ``seat`` is the node of each community's centre, ``tree`` marks the roads that
    hold everything together, ``chosen`` all that are built, ``room_m`` how far a road may
    swing to either side of its straight line and ``room_at`` where along it.
    """

    nodes: FloatArray
    n_town: int
    n_place: int
    seat: IntArray
    u: IntArray
    v: IntArray
    length_m: FloatArray
    hilly: FloatArray
    wet: BoolArray
    tree: BoolArray
    chosen: BoolArray
    room_m: FloatArray
    room_at: FloatArray


def draw_country(
    land: Land, towns: Towns, rivers: shapely.Geometry, rng: np.random.Generator
) -> Country:
    """Place the hamlets and choose which roads join them."""
    free, hamlets = _places(land, towns, rivers, rng)
    gates = land.around.gates
    nodes = np.vstack((towns.nodes, land.centres[free], hamlets, gates))
    n_town, n_place = len(towns.nodes), len(nodes) - len(gates)
    seat = np.empty(len(land.centres), dtype=np.int64)
    seat[free] = n_town + np.arange(len(free))
    built = np.setdiff1d(np.arange(len(land.centres)), free)
    seat[built] = cKDTree(towns.nodes).query(land.centres[built])[1]
    u, v, across = _delaunay_edges(nodes)
    length = np.hypot(*(nodes[u] - nodes[v]).T)
    middle = (nodes[u] + nodes[v]) / 2
    inside = shapely.contains_xy(
        land.outline.buffer(-300.0), middle[:, 0], middle[:, 1]
    )
    inside |= (v >= n_place) & (u < n_place)  # the last stretch to a gate
    ok = inside & (length < 7_000.0) & ~((u < n_town) & (v < n_town))
    u, v, across, length, middle = u[ok], v[ok], across[ok], length[ok], middle[ok]
    hilly = hilliness(middle, land.around.hills)
    wet = shapely.intersects(
        shapely.linestrings(np.stack((nodes[u], nodes[v]), axis=1)), rivers
    )
    room, at = _room(nodes, u, v, across)
    label = np.concatenate(
        (towns.grid_of, towns.grid_of.max() + 1 + np.arange(len(nodes) - n_town))
    )
    tree = _spanning(label, u, v, length * (1 + hilly) + wet * (4 * length + 4_000.0))
    nearest = cKDTree(nodes).query(middle, k=3)[0][:, 2]
    short = nearest > 0.47 * length
    odds = np.where((u < n_town) | (v < n_town), 0.30, 0.62 - 0.42 * hilly)
    chosen = tree | (short & ~wet & (rng.random(len(u)) < odds))
    return Country(
        nodes, n_town, n_place, seat, u, v, length, hilly, wet, tree, chosen, room, at
    )


def bend(country: Country, edge: int, rng: np.random.Generator) -> FloatArray | None:
    """Return the points between the ends of a road; None where it is straight."""
    a, b = country.nodes[country.u[edge]], country.nodes[country.v[edge]]
    length, hilly = country.length_m[edge], country.hilly[edge]
    pieces = int(min(length / (170.0 - 70.0 * hilly), 60))
    if pieces < 2:
        return None
    t = np.linspace(0.0, 1.0, pieces + 1)[1:-1]
    at = country.room_at[edge]
    room = country.room_m[edge] * np.minimum(t / at, (1.0 - t) / (1.0 - at))
    swing = np.minimum(room, (0.12 + 0.12 * hilly) * length)
    offset = swing * wave(t, rng, waves=int(3 + 4 * hilly))
    along = (b - a) / length
    normal = np.array([-along[1], along[0]])
    return np.asarray(a + t[:, None] * (b - a) + offset[:, None] * normal)


def _places(
    land: Land, towns: Towns, rivers: shapely.Geometry, rng: np.random.Generator
) -> tuple[IntArray, FloatArray]:
    """Return which communities lie outside the towns, and the hamlets [m]."""
    radius = town_radius(land)
    gap, town = cKDTree(land.seats).query(land.centres)
    to_street = cKDTree(towns.nodes).query(land.centres)[0]
    free = np.flatnonzero((to_street > 330.0) & (gap > 0.6 * radius[town]))
    x0, y0, x1, y1 = land.outline.bounds
    n_try = int(land.outline.area / 0.16e6)
    tries = np.column_stack((rng.uniform(x0, x1, n_try), rng.uniform(y0, y1, n_try)))
    far = cKDTree(towns.nodes).query(tries)[0] > 420.0
    inner = land.outline.buffer(-700.0)
    shapely.prepare(inner)
    tries = tries[far & shapely.contains_xy(inner, tries[:, 0], tries[:, 1])]
    away, cell = cKDTree(land.centres).query(tries)
    likely = (0.85 - 0.45 * hilliness(tries, land.around.hills)) * np.exp(
        -((away / 2_000.0) ** 2)
    )
    kept = rng.random(len(tries)) < likely
    kept &= shapely.distance(shapely.points(tries), rivers) > 140.0
    tries, cell = tries[kept], cell[kept]
    order = np.argsort(cell, kind="stable")
    rank = np.arange(len(cell)) - np.searchsorted(cell[order], cell[order])
    first = np.sort(order[rank < land.around.hamlets])
    return free, _spread(tries[first], land.centres[free], 330.0)


def _spread(points: FloatArray, fixed: FloatArray, apart_m: float) -> FloatArray:
    """Drop points closer than this to a fixed or an earlier point."""
    points = points[cKDTree(fixed).query(points)[0] > apart_m]
    dropped = np.zeros(len(points), dtype=np.bool_)
    for a, b in sorted(cKDTree(points).query_pairs(apart_m)):
        if not dropped[a]:
            dropped[b] = True
    return points[~dropped]


def _delaunay_edges(nodes: FloatArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return ends u < v of the edges and the two nodes across (-1: none)."""
    triangles = np.asarray(Delaunay(nodes).simplices, dtype=np.int64)
    sides = np.vstack(
        [triangles[:, [0, 1, 2]], triangles[:, [1, 2, 0]], triangles[:, [2, 0, 1]]]
    )
    ends, third = np.sort(sides[:, :2], axis=1), sides[:, 2]
    pair, inverse = np.unique(ends, axis=0, return_inverse=True)
    across = np.full((len(pair), 2), -1, dtype=np.int64)
    order = np.argsort(inverse, kind="stable")
    second = np.concatenate(([False], inverse[order][1:] == inverse[order][:-1]))
    across[inverse[order], second.astype(np.int64)] = third[order]
    return pair[:, 0], pair[:, 1], across


def _room(
    nodes: FloatArray, u: IntArray, v: IntArray, across: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return how far [m] edges may swing, towards the centres of their triangles."""
    base = nodes[v] - nodes[u]
    length = np.hypot(base[:, 0], base[:, 1])
    room = np.full(len(u), np.inf)
    at = np.full(len(u), 0.5)
    for side in (0, 1):
        third = nodes[across[:, side]]
        centre = (nodes[u] + nodes[v] + third) / 3 - nodes[u]
        reach = np.abs(base[:, 0] * centre[:, 1] - base[:, 1] * centre[:, 0]) / length
        foot = np.clip((base * centre).sum(axis=1) / length**2, 0.15, 0.85)
        better = (across[:, side] >= 0) & (reach < room)
        room, at = np.where(better, reach, room), np.where(better, foot, at)
    return np.where(np.isfinite(room), 0.8 * room, 0.0), at


def _spanning(label: IntArray, u: IntArray, v: IntArray, cost: FloatArray) -> BoolArray:
    """Return the cheapest edges that join all labels (Kruskal)."""
    parent = list(range(int(label.max()) + 1))

    def root(x: int) -> int:
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    chosen = np.zeros(len(u), dtype=np.bool_)
    for e in np.argsort(cost, kind="stable"):
        a, b = root(int(label[u[e]])), root(int(label[v[e]]))
        if a != b:
            parent[a] = b
            chosen[e] = True
    return chosen
