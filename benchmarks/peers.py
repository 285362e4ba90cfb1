"""Peers: what a user would take instead, each with its own graph made beforehand.

A peer answers one or both questions: the time of every node to its nearest source, and
the times from each source. What cannot stop at a limit, or knows one source only, is
asked what it can do, as its users do; that is said beside its answer.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from benchmarks.networks import Case, nodes_of
from yikezhong_coverage.records import RoadGraph

DEBIAN_PYTHON = Path("/usr/bin/python3")


class DifferError(Exception):
    """A peer's answer is not ours."""


class Peer(Protocol):
    """A graph that has been made ready."""

    def nearest(self) -> Any:
        """Return the time of every node [s], or a measured time."""

    def pairs(self, n_source: int) -> Any:
        """Return the times from the first sources."""


@dataclass(frozen=True)
class Kind:
    """A peer by name; ``most`` bounds the nodes it is asked about, by question."""

    name: str
    module: str
    make: Callable[[Case], Peer]
    most: dict[str, int] = field(default_factory=dict)
    #: Sources asked for pairs, where all would take minutes; 0 for all.
    sample: int = 0
    #: Times are rounded by the peer, so far [s].
    tolerance_s: float = 0.0
    remark: str = ""


def csr_of(graph: RoadGraph) -> csr_array:
    """Return scipy's matrix of a network, of parallel edges the shortest."""
    u = np.concatenate((graph.edge_u, graph.edge_v))
    v = np.concatenate((graph.edge_v, graph.edge_u))
    time_s = np.concatenate((graph.edge_forward_s, graph.edge_backward_s))
    order = np.lexsort((time_s, v, u))
    u, v, time_s = u[order], v[order], time_s[order]
    first = np.ones(len(u), dtype=bool)
    first[1:] = (u[1:] != u[:-1]) | (v[1:] != v[:-1])
    shape = (graph.n_node, graph.n_node)
    return csr_array((time_s[first], (u[first], v[first])), shape=shape)


def _arcs(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return arcs both ways, and the sources."""
    matrix = csr_of(case.graph).tocoo()
    sources = np.unique(nodes_of(case.graph, case.facility))
    return matrix.coords[0], matrix.coords[1], matrix.data, sources


def _with_root(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return arcs with one more node, from which the sources take no time."""
    u, v, time_s, sources = _arcs(case)
    root = np.full(len(sources), case.graph.n_node)
    return (
        np.concatenate((u, root)),
        np.concatenate((v, sources)),
        np.concatenate((time_s, np.zeros(len(sources)))),
    )


class Scipy:
    """scipy.sparse.csgraph."""

    at_once = 64

    def __init__(self, case: Case) -> None:
        self.matrix, self.limit_s = csr_of(case.graph), case.limit_s
        self.sources = nodes_of(case.graph, case.facility)

    def nearest(self) -> Any:
        return dijkstra(
            self.matrix,
            indices=np.unique(self.sources),
            min_only=True,
            limit=self.limit_s,
        )

    def pairs(self, n_source: int) -> Any:
        rows = []
        for first in range(0, n_source, self.at_once):
            some = self.sources[first : min(first + self.at_once, n_source)]
            dense = dijkstra(self.matrix, indices=some, limit=self.limit_s)
            for times in np.atleast_2d(dense):
                near = np.flatnonzero(np.isfinite(times))
                rows.append((near, times[near]))
        return rows


class Networkx:
    """networkx, a plain graph."""

    multi = False

    def __init__(self, case: Case) -> None:
        import networkx as nx

        u, v, time_s, _ = _arcs(case)
        self.graph = nx.MultiDiGraph() if self.multi else nx.Graph()
        self.graph.add_nodes_from(range(case.graph.n_node))
        self.graph.add_weighted_edges_from(
            zip(u.tolist(), v.tolist(), time_s.tolist(), strict=True)
        )
        self.sources = nodes_of(case.graph, case.facility).tolist()
        self.limit_s = case.limit_s

    def nearest(self) -> Any:
        import networkx as nx

        times = np.full(len(self.graph), np.inf)
        reached = nx.multi_source_dijkstra_path_length(
            self.graph, set(self.sources), cutoff=self.limit_s
        )
        times[list(reached)] = list(reached.values())
        return times

    def pairs(self, n_source: int) -> Any:
        import networkx as nx

        return [
            nx.single_source_dijkstra_path_length(
                self.graph, source, cutoff=self.limit_s
            )
            for source in self.sources[:n_source]
        ]


class Osmnx(Networkx):
    """The kind of graph that OSMnx makes, which networkx searches."""

    multi = True


class Rustworkx:
    """rustworkx: one source, no limit."""

    def __init__(self, case: Case) -> None:
        import rustworkx

        u, v, time_s = _with_root(case)
        self.graph = rustworkx.PyDiGraph()
        self.graph.add_nodes_from(range(case.graph.n_node + 1))
        self.graph.add_edges_from(
            list(zip(u.tolist(), v.tolist(), time_s.tolist(), strict=True))
        )
        self.root, self.limit_s = case.graph.n_node, case.limit_s
        self.sources = nodes_of(case.graph, case.facility).tolist()

    def nearest(self) -> Any:
        return self._from(self.root)

    def _from(self, node: int) -> np.ndarray:
        import rustworkx

        found = rustworkx.dijkstra_shortest_path_lengths(self.graph, node, float)
        times = np.full(self.root + 1, np.inf)
        times[list(found.keys())] = list(found.values())
        times[times > self.limit_s] = np.inf
        times[node] = 0.0  # it leaves the source out
        return times[:-1]

    def pairs(self, n_source: int) -> Any:
        return [self._from(source) for source in self.sources[:n_source]]


class Networkit:
    """networkit: one source, no limit."""

    def __init__(self, case: Case) -> None:
        import networkit

        u, v, time_s = _with_root(case)
        n = case.graph.n_node + 1
        self.graph = networkit.GraphFromCoo(
            (time_s, (u.astype(np.uint64), v.astype(np.uint64))),
            n=n, weighted=True, directed=True,
        )  # fmt: skip
        self.root, self.limit_s = n - 1, case.limit_s
        self.sources = nodes_of(case.graph, case.facility).tolist()

    def nearest(self) -> Any:
        return self._from(self.root)

    def _from(self, node: int) -> np.ndarray:
        import networkit

        search = networkit.distance.Dijkstra(self.graph, node, storePaths=False)
        search.run()
        times = np.array(search.getDistances(), dtype=np.float64)[: self.root]
        times[times > self.limit_s] = np.inf
        return times

    def pairs(self, n_source: int) -> Any:
        return [self._from(source) for source in self.sources[:n_source]]


class Igraph:
    """igraph: no limit; all sources in one call."""

    def __init__(self, case: Case) -> None:
        import igraph

        u, v, time_s = _with_root(case)
        self.graph = igraph.Graph(
            n=case.graph.n_node + 1,
            edges=np.stack((u, v), axis=1),
            directed=True,
            edge_attrs={"time": time_s.tolist()},
        )
        self.root, self.limit_s = case.graph.n_node, case.limit_s
        self.sources = nodes_of(case.graph, case.facility).tolist()

    def nearest(self) -> Any:
        return self._from([self.root])[0]

    def _from(self, nodes: list[int]) -> np.ndarray:
        found = self.graph.distances(nodes, weights="time", algorithm="dijkstra")
        times = np.array(found)[:, : self.root]
        times[times > self.limit_s] = np.inf
        return times

    def pairs(self, n_source: int) -> Any:
        return self._from(self.sources[:n_source])


class Pandana:
    """pandana: contraction hierarchies, times in whole thousandths."""

    def __init__(self, case: Case) -> None:
        import pandana
        import pandas as pd

        graph = case.graph
        self.network = pandana.Network(
            pd.Series(graph.node_lon), pd.Series(graph.node_lat),
            pd.Series(graph.edge_u), pd.Series(graph.edge_v),
            pd.DataFrame({"time": graph.edge_forward_s}),
        )  # fmt: skip
        self.sources = nodes_of(graph, case.facility)
        self.limit_s = case.limit_s
        self.network.set_pois(
            "all", case.limit_s, 1,
            pd.Series(graph.node_lon[self.sources]),
            pd.Series(graph.node_lat[self.sources]),
        )  # fmt: skip

    def nearest(self) -> Any:
        found = self.network.nearest_pois(self.limit_s, "all", num_pois=1)
        times = found[1].to_numpy().copy()
        # beyond the limit it answers with the limit
        times[times >= self.limit_s] = np.inf
        return times

    def pairs(self, n_source: int) -> Any:
        return self.network.nodes_in_range(
            self.sources[:n_source].tolist(), self.limit_s
        )


def kinds() -> list[Kind]:
    """Return all peers, the one to beat first."""
    from benchmarks.graph_tool import GraphTool

    one = "no limit: all of the network is searched"
    big = 10**9
    return [
        Kind("scipy", "scipy", Scipy, {"q1": big, "q2": big}),
        Kind("networkx", "networkx", Networkx, {"q1": 400_000, "q2": 400_000}),
        Kind("OSMnx graph", "networkx", Osmnx, {"q1": 60_000}),
        Kind("rustworkx", "rustworkx", Rustworkx, {"q1": big, "q2": 60_000}, 16, remark=one),
        Kind("networkit", "networkit", Networkit, {"q1": big, "q2": 60_000}, 16, remark=one),
        Kind("igraph", "igraph", Igraph, {"q1": big, "q2": 60_000}, 16, remark=one),
        Kind(
            "pandana", "pandana", Pandana, {"q1": 400_000, "q2": 400_000},
            tolerance_s=0.6, remark="times in whole thousandths of an edge",
        ),
        Kind("graph-tool", "", GraphTool, {"q1": 10**9, "q2": 400_000}),
    ]  # fmt: skip


def is_there(kind: Kind) -> bool:
    """Whether a peer can be asked."""
    if kind.module:
        return importlib.util.find_spec(kind.module) is not None
    from benchmarks.graph_tool import is_installed

    return is_installed()
