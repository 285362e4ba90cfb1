"""Which roads are national, provincial, county and village roads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import Delaunay, cKDTree

from yikezhong_geodata.demo.boundaries import Land
from yikezhong_geodata.demo.country import Country
from yikezhong_geodata.demo.names import is_urban
from yikezhong_geodata.demo.towns import Towns

IntArray = NDArray[np.int64]

_RANK: Final = {"primary": 4, "secondary": 3, "tertiary": 2, "unclassified": 1}


@dataclass(frozen=True)
class Routes:
    """Class and name of each candidate edge; "" where it is no route.

    ``town_class`` does the same for the streets of the towns.
    """

    road_class: list[str]
    road_name: list[str]
    town_class: list[str]


class _Net:
    """Streets of the towns and candidate roads as one graph."""

    def __init__(self, country: Country, towns: Towns) -> None:
        self.n_street = len(towns.streets)
        u = [s.u for s in towns.streets]
        v = [s.v for s in towns.streets]
        self.u = np.concatenate((np.array(u, dtype=np.int64), country.u))
        self.v = np.concatenate((np.array(v, dtype=np.int64), country.v))
        step = (
            country.nodes[self.u[: self.n_street]]
            - country.nodes[self.v[: self.n_street]]
        )
        factor = np.where(country.chosen, 1.0, 1.35) * (1 + 1.2 * country.hilly)
        self.cost = np.concatenate(
            (1.1 * np.hypot(*step.T), country.length_m * factor + 900.0 * country.wet)
        )
        self.n_node = len(country.nodes)
        low, high = np.minimum(self.u, self.v), np.maximum(self.u, self.v)
        self.edge_at = {
            (int(a), int(b)): e for e, (a, b) in enumerate(zip(low, high, strict=True))
        }

    def graph(self, keep: NDArray[np.bool_] | None = None) -> coo_array:
        """Return the graph, of some edges only where asked."""
        e = np.arange(len(self.u)) if keep is None else np.flatnonzero(keep)
        return coo_array(
            (self.cost[e], (self.u[e], self.v[e])), shape=(self.n_node,) * 2
        ).tocsr()

    def path(self, before: NDArray[np.int32], start: int, end: int) -> list[int]:
        """Return the edges on the way from start to end."""
        edges, here = [], end
        while here != start and before[here] >= 0:
            other = int(before[here])
            edges.append(self.edge_at[(min(here, other), max(here, other))])
            here = other
        return edges


def plan_routes(land: Land, country: Country, towns: Towns) -> Routes:
    """Lay main roads between the townships and village roads to their seats."""
    net = _Net(country, towns)
    classes, names = [""] * len(net.u), [""] * len(net.u)
    seat = cKDTree(towns.nodes).query(land.seats)[1]
    codes = [t.code[:9] for t in land.places.townships]
    stop_at = {code: int(node) for code, node in zip(codes, seat, strict=True)}
    for gate in range(len(land.around.gates)):
        stop_at[f"gate:{gate}"] = country.n_place + gate
    jobs = []
    for way in land.around.through:
        stops = [stop_at[c] for c in way.stops.split() if c in stop_at]
        jobs += [(way.name, way.highway, a, b) for a, b in pairwise(stops)]
    for a, b in _neighbours(land):
        first = land.places.townships[a].name[0] + land.places.townships[b].name[0]
        jobs.append((f"{first}公路", "tertiary", int(seat[a]), int(seat[b])))
    for name, road, a, b in jobs:
        before = dijkstra(
            net.graph(), directed=False, indices=a, return_predecessors=True
        )[1]
        for e in net.path(before, a, b):
            if _RANK[road] > _RANK.get(classes[e], 0):
                if not classes[e]:
                    net.cost[e] *= 0.75
                classes[e], names[e] = road, name
    _village_roads(land, country, net, seat, classes)
    n = net.n_street
    return Routes(classes[n:], names[n:], classes[:n])


def _neighbours(land: Land) -> list[tuple[int, int]]:
    """Return pairs of townships with no third one between them."""
    if len(land.seats) < 4:
        return []
    triangles = Delaunay(land.seats).simplices
    pairs = {
        (min(a, b), max(a, b))
        for t in triangles.tolist()
        for a, b in zip(t, t[1:] + t[:1], strict=True)
    }
    gap = np.hypot(*(land.seats[:, None] - land.seats[None, :]).transpose(2, 0, 1))
    kept = []
    for a, b in sorted(pairs):
        between = np.maximum(gap[a], gap[b]) < 0.88 * gap[a, b]
        if not between.any():
            kept.append((a, b))
    return kept


def _village_roads(
    land: Land, country: Country, net: _Net, seat: IntArray, classes: list[str]
) -> None:
    """Class the way from each village to the nearest seat of a township."""
    keep = np.concatenate((np.ones(net.n_street, dtype=np.bool_), country.chosen))
    keep |= np.array([c != "" for c in classes])
    _, before, _ = dijkstra(
        net.graph(keep),
        directed=False,
        indices=seat,
        return_predecessors=True,
        min_only=True,
    )
    used = np.zeros(len(net.u), dtype=np.int64)
    for place, node in zip(land.places.communities, country.seat, strict=True):
        weight = 2 if is_urban(place.code) else 1
        here = int(node)
        while before[here] >= 0:
            other = int(before[here])
            used[net.edge_at[(min(here, other), max(here, other))]] += weight
            here = other
    for e in np.flatnonzero(used):
        if not classes[e] and e >= net.n_street:
            classes[e] = "tertiary" if used[e] >= 5 else "unclassified"
