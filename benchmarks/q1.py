"""Q1: the nearest facility of every node, cut at 900 s on foot."""

from __future__ import annotations

import networkx as nx
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from benchmarks.measure import Call, Table, peak_mb, run_in_turn
from benchmarks.networks import Case, nodes_of
from yikezhong_coverage.records import Nearest, RoadGraph
from yikezhong_coverage.travel import nearest_at_nodes

#: networkx is left out above this: its graph alone takes gigabytes.
MOST_FOR_NETWORKX = 400_000


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


def networkx_of(graph: RoadGraph) -> nx.Graph:
    """Return networkx's graph of a network, of parallel edges the shortest."""
    matrix = csr_of(graph).tocoo()
    result = nx.Graph()
    result.add_nodes_from(range(graph.n_node))
    result.add_weighted_edges_from(
        zip(
            matrix.coords[0].tolist(),
            matrix.coords[1].tolist(),
            matrix.data.tolist(),
            strict=True,
        )
    )
    return result


def run(case: Case, table: Table, *, repeats: int, memory: bool = True) -> None:
    """Measure and compare on one network."""
    graph, limit_s = case.graph, case.limit_s
    sources = np.unique(nodes_of(graph, case.facility))
    matrix = csr_of(graph)
    every = np.arange(len(case.facility))

    def ours() -> Nearest:
        # points taken anew: nothing about them is kept from an earlier run
        facility = case.facility.take(every)
        return nearest_at_nodes(graph, facility, leg_speed_mps=1.0, max_time_s=limit_s)

    def scipy() -> np.ndarray:
        return dijkstra(matrix, indices=sources, min_only=True, limit=limit_s)

    calls: dict[str, Call] = {"yikezhong": ours, "scipy": scipy}
    if graph.n_node <= MOST_FOR_NETWORKX:
        roads = networkx_of(graph)
        calls["networkx"] = lambda: nx.multi_source_dijkstra_path_length(
            roads, set(sources.tolist()), cutoff=limit_s
        )
    found = ours()
    agrees = {"scipy": _same(found.time_s, scipy())}
    if "networkx" in calls:
        times = np.full(graph.n_node, np.inf)
        reached = calls["networkx"]()
        times[list(reached)] = list(reached.values())
        agrees["networkx"] = _same(found.time_s, times)
    agrees["yikezhong"] = _owners(case, found)
    table.add(
        "Q1",
        case.name,
        run_in_turn(calls, repeats=repeats),
        size=graph.n_node,
        agrees=agrees,
        peaks={who: peak_mb(call) for who, call in calls.items()} if memory else None,
    )


def _same(a: np.ndarray, b: np.ndarray) -> str:
    if not np.array_equal(a, b):
        raise SystemExit("Q1: the answers differ")
    return "equal to the last bit"


def _owners(case: Case, found: Nearest) -> str:
    """Check sampled facilities: the time to the named one is the time found."""
    graph = case.graph
    nodes = nodes_of(graph, case.facility)
    random = np.random.default_rng(1)
    reached = np.flatnonzero(found.facility >= 0)
    some = random.choice(np.unique(found.facility[reached]), 5)
    times = dijkstra(csr_of(graph), indices=nodes[some], limit=case.limit_s)
    for row, f in enumerate(some):
        own = np.flatnonzero(found.facility == f)
        _same(found.time_s[own], times[row][own])
        # no facility of smaller index is as near
        first = found.facility[times[row] == found.time_s]
        if (first[first >= 0] > f).any():
            raise SystemExit("Q1: a tie went to the larger index")
    return "facilities and ties checked on a sample"
