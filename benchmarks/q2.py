"""Q2: all pairs of facility and node within 900 s on foot, sparse."""

from __future__ import annotations

import networkx as nx
import numpy as np
from scipy.sparse.csgraph import dijkstra

from benchmarks.measure import Call, Table, peak_mb, run_in_turn
from benchmarks.networks import Case, at_nodes, nodes_of
from benchmarks.q1 import MOST_FOR_NETWORKX, csr_of, networkx_of
from yikezhong_coverage.records import Reach
from yikezhong_coverage.travel import reach

#: Rows that scipy holds at a time, and rows it is asked for on a large network.
AT_ONCE = 64
MOST_ROWS = 128


def run(case: Case, table: Table, *, repeats: int, memory: bool = True) -> None:
    """Measure and compare on one network."""
    graph, limit_s = case.graph, case.limit_s
    sources = nodes_of(graph, case.facility)
    matrix = csr_of(graph)
    linked = np.unique(np.concatenate((graph.edge_u, graph.edge_v)))
    nodes = at_nodes(graph, linked)
    large = graph.n_node > MOST_FOR_NETWORKX
    asked = sources[: MOST_ROWS if large else len(sources)]

    def ours(threads: int) -> Reach:
        facility = case.facility.take(np.arange(len(sources)))
        return reach(
            graph, nodes, facility, leg_speed_mps=1.0, limit_s=limit_s, threads=threads
        )

    def scipy() -> list[tuple[np.ndarray, np.ndarray]]:
        rows = []
        for first in range(0, len(asked), AT_ONCE):
            some = asked[first : first + AT_ONCE]
            for times in np.atleast_2d(dijkstra(matrix, indices=some, limit=limit_s)):
                near = np.flatnonzero(np.isfinite(times))
                rows.append((near, times[near]))
        return rows

    calls: dict[str, Call] = {
        "yikezhong": lambda: ours(1),
        "yikezhong, 2 threads": lambda: ours(2),
        "scipy": scipy,
    }
    if not large:
        roads = networkx_of(graph)
        calls["networkx"] = lambda: [
            nx.single_source_dijkstra_path_length(roads, source, cutoff=limit_s)
            for source in sources.tolist()
        ]
    found, two = ours(1), ours(2)
    if not (
        np.array_equal(found.start, two.start)
        and np.array_equal(found.demand, two.demand)
        and np.array_equal(found.time_s, two.time_s)
    ):
        raise SystemExit("Q2: two threads give another answer")
    _compare(found, linked, scipy())
    seconds = run_in_turn(calls, repeats=repeats)
    agrees = {
        "yikezhong": f"{len(found.demand):,} pairs",
        "yikezhong, 2 threads": "the same as with one",
        "scipy": "equal to the last bit",
    }
    if large:
        seconds["scipy"] *= len(sources) / len(asked)
        agrees["scipy"] += f" ({len(asked)} of {len(sources)} rows, time scaled)"
    table.add(
        "Q2",
        case.name,
        seconds,
        size=graph.n_node,
        agrees=agrees,
        peaks={who: peak_mb(call) for who, call in calls.items()} if memory else None,
    )


def _compare(
    found: Reach, linked: np.ndarray, rows: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    for f, (node, time_s) in enumerate(rows):
        row = slice(found.start[f], found.start[f + 1])
        if not (
            np.array_equal(linked[found.demand[row]], node)
            and np.array_equal(found.time_s[row], time_s)
        ):
            raise SystemExit("Q2: the answers differ")
