"""Road networks for tests, made by hypothesis, and networkx as the oracle on them.

The oracle knows nothing of edges with points on them: it cuts every edge at its
points and lets networkx find the way through what comes out.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable
from dataclasses import dataclass, replace

import networkx as nx
import numpy as np
from hypothesis import strategies as st

from yikezhong_coverage.exact import round_time
from yikezhong_coverage.graph import build_graph
from yikezhong_coverage.records import Nearest, Reach, RoadGraph, Snapped

Place = Hashable
"""A node, or an edge with a distance along it."""


@dataclass(frozen=True)
class NetworkCase:
    """A network with the speeds it was made from, and points on it."""

    graph: RoadGraph
    forward_mps: np.ndarray
    backward_mps: np.ndarray
    demand: Snapped
    facility: Snapped


def straight_graph(
    positions: list[tuple[float, float]],
    edges: list[tuple[int, int]],
    *,
    forward_mps: float | list[float] = 1.0,
    backward_mps: float | list[float] = 1.0,
    length_m: list[float] | None = None,
    profile: str = "walking",
) -> RoadGraph:
    """Make a graph of straight edges named e000000, e000001, … in the order given."""
    ends = [positions[node] for edge in edges for node in edge]
    return build_graph(
        profile,
        [lon for lon, _ in positions],
        [lat for _, lat in positions],
        [u for u, _ in edges],
        [v for _, v in edges],
        [f"e{i:06d}" for i in range(len(edges))],
        ["residential"] * len(edges),
        2 * np.arange(len(edges) + 1),
        [lon for lon, _ in ends],
        [lat for _, lat in ends],
        forward_mps=forward_mps,
        backward_mps=backward_mps,
        length_m=length_m,
    )


def points_on(graph: RoadGraph, places: list[tuple[int, float, float]]) -> Snapped:
    """Put points on edges: (edge, share of its length, access leg [m]); edge -1: none."""
    edge = np.array([e for e, _, _ in places], dtype=np.int32)
    share = np.array([s for _, s, _ in places], dtype=np.float64)
    leg_m = np.array([leg for _, _, leg in places], dtype=np.float64)
    there = edge >= 0
    length = np.zeros(len(edge))
    length[there] = graph.edge_length_m[edge[there]]
    nothing = np.full(len(edge), np.nan)
    return Snapped(
        edge,
        np.where(there, share * length, np.nan),
        np.where(there, leg_m, np.nan),
        nothing,
        nothing,
    )


@dataclass(frozen=True)
class _Values:
    """What lengths, speeds, shares and legs are drawn from."""

    length_m: st.SearchStrategy[float]
    speed_mps: st.SearchStrategy[float]
    share: st.SearchStrategy[float]
    leg_m: st.SearchStrategy[float]


# few different values, so that equal times, zero lengths and shared places abound
_EVEN = _Values(
    st.sampled_from([0.0, 1.0, 1.0, 2.0]),
    st.sampled_from([0.0, 1.0, 1.0, 1.0]),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.0, 0.0, 1.0]),
)
_UNEVEN = _Values(
    st.sampled_from([0.0, 0.0, 1.0, 3.0, 7.3, 111.17, 600.0]) | st.floats(0, 1000),
    st.sampled_from([0.0, 0.0, 1.0, 1.0, 0.7, 2.0, 8.3]),
    st.sampled_from([0.0, 0.25, 0.5, 0.5, 1.0]) | st.floats(0, 1),
    st.sampled_from([0.0, 0.0, 1.0, 2.5]) | st.floats(0, 300),
)
_VALUES = st.sampled_from([_EVEN, _UNEVEN])
LEG_SPEED_MPS = st.sampled_from([1.0, 0.8])
DIRECTIONS = st.sampled_from(["to_facility", "from_facility"])
LIMITS_S = st.sampled_from([0.0, 1.0, 3.0, 10.0, 7200.0, 7200.0]) | st.floats(0, 2000)


@st.composite
def road_graphs(
    draw: st.DrawFn, values: _Values = _UNEVEN
) -> tuple[RoadGraph, np.ndarray, np.ndarray]:
    """Draw a small graph: one-ways, parallel edges, loops, no length, islands."""
    speed = values.speed_mps
    n_node = draw(st.integers(1, 7))
    node = st.integers(0, n_node - 1)
    edges = draw(
        st.lists(st.tuples(node, node, values.length_m, speed, speed), max_size=12)
    )
    forward = np.array([e[3] for e in edges])
    backward = np.array([e[4] for e in edges])
    graph = straight_graph(
        [(113.0 + 0.001 * i, 31.0 + 0.001 * (i % 3)) for i in range(n_node)],
        [(u, v) for u, v, *_ in edges],
        forward_mps=forward.tolist(),
        backward_mps=backward.tolist(),
        length_m=[e[2] for e in edges],
        profile="driving",
    )
    return graph, forward, backward


@st.composite
def network_cases(draw: st.DrawFn) -> NetworkCase:
    """Draw a graph with demand points and facilities on it."""
    values = draw(_VALUES)
    graph, forward, backward = draw(road_graphs(values))
    usable = np.flatnonzero(
        np.isfinite(graph.edge_forward_s) | np.isfinite(graph.edge_backward_s)
    )
    edge = st.sampled_from([*usable.tolist(), -1] if len(usable) else [-1])
    place = st.tuples(edge, values.share, values.leg_m)
    return NetworkCase(
        graph,
        forward,
        backward,
        points_on(graph, draw(st.lists(place, max_size=8))),
        points_on(graph, draw(st.lists(place, max_size=5))),
    )


def place_of(graph: RoadGraph, edge: int, along_m: float) -> Place:
    """Name the place of a point: its node if it is at one, else edge and distance."""
    if along_m <= 0:
        return int(graph.edge_u[edge])
    if along_m >= graph.edge_length_m[edge]:
        return int(graph.edge_v[edge])
    return ("on", int(edge), float(along_m))


def split_graph(
    graph: RoadGraph,
    *points: Snapped,
    backwards: bool = False,
    forward_s: np.ndarray | None = None,
    backward_s: np.ndarray | None = None,
) -> nx.MultiDiGraph:
    """Return the network with points inserted into its edges, weight ``time_s``.

    ``forward_s`` and ``backward_s`` put other whole times, then unrounded, in the
    place of the graph's; ``backwards`` turns every arc round.
    """
    exact = forward_s is None
    whole_f = graph.edge_forward_s if forward_s is None else forward_s
    whole_b = graph.edge_backward_s if backward_s is None else backward_s
    cuts: dict[int, set[float]] = defaultdict(set)
    for group in points:
        for e, x in zip(group.edge.tolist(), group.along_m.tolist(), strict=True):
            if e >= 0 and 0 < x < graph.edge_length_m[e]:
                cuts[e].add(x)
    result = nx.MultiDiGraph()
    result.add_nodes_from(range(graph.n_node))

    def add(a: Place, b: Place, time_s: float) -> None:
        if backwards:
            a, b = b, a
        result.add_edge(a, b, time_s=time_s)

    for e in range(graph.n_edge):
        length = float(graph.edge_length_m[e])
        inner = sorted(cuts.get(e, ()))
        places = [
            int(graph.edge_u[e]),
            *(("on", e, x) for x in inner),
            int(graph.edge_v[e]),
        ]
        for whole, ahead in ((float(whole_f[e]), True), (float(whole_b[e]), False)):
            if not np.isfinite(whole):
                continue
            parts = np.array([whole * x / length for x in inner])
            at = [0.0, *(round_time(parts) if exact else parts).tolist(), whole]
            for i in range(len(places) - 1):
                a, b = (i, i + 1) if ahead else (i + 1, i)
                add(places[a], places[b], at[i + 1] - at[i])
    return result


def networkx_times(
    graph: RoadGraph,
    demand: Snapped,
    facility: Snapped,
    *,
    leg_speed_mps: float,
    max_time_s: float,
    direction: str = "to_facility",
    forward_s: np.ndarray | None = None,
    backward_s: np.ndarray | None = None,
) -> Nearest:
    """Return what networkx finds for every demand point; ties to the smaller index.

    One Dijkstra from all facilities, against the arcs for ``to_facility``. With
    ``forward_s`` and ``backward_s`` (unrounded whole times) everything is unrounded,
    and only times mean anything.
    """
    exact = forward_s is None
    roads = split_graph(
        graph,
        demand,
        facility,
        backwards=direction == "to_facility",
        forward_s=forward_s,
        backward_s=backward_s,
    )
    facility_leg_s, demand_leg_s = (
        round_time(p.leg_m / leg_speed_mps) if exact else p.leg_m / leg_speed_mps
        for p in (facility, demand)
    )
    roads.add_node("start")
    for f in np.flatnonzero(facility.edge >= 0).tolist():
        place = place_of(graph, facility.edge[f], facility.along_m[f])
        roads.add_edge("start", ("facility", f), time_s=0.0)
        roads.add_edge(("facility", f), place, time_s=float(facility_leg_s[f]))
    found = nx.single_source_dijkstra_path_length(
        roads, "start", cutoff=max_time_s, weight="time_s"
    )
    owner = _owners(roads, found, len(facility))
    time_s = np.full(len(demand), np.inf)
    nearest = np.full(len(demand), -1, dtype=np.int32)
    for d in np.flatnonzero(demand.edge >= 0).tolist():
        place = place_of(graph, demand.edge[d], demand.along_m[d])
        total = found.get(place, np.inf) + demand_leg_s[d]
        if total <= max_time_s and np.isfinite(total):
            time_s[d] = total
            nearest[d] = owner[place]
    return Nearest(time_s, nearest)


def _owners(
    roads: nx.MultiDiGraph, found: dict[Place, float], n_facility: int
) -> dict[Place, int]:
    """Give each place the smallest facility from which a shortest way leads to it."""
    owner: dict[Place, int] = {}
    for f in range(n_facility):
        if ("facility", f) not in found:
            continue
        waiting = deque([("facility", f)])
        while waiting:
            here = waiting.popleft()
            if here in owner:
                continue
            owner[here] = f
            for _, there, time_s in roads.out_edges(here, data="time_s"):
                if there not in owner and found[here] + time_s == found.get(there):
                    waiting.append(there)
    return owner


def networkx_reach(
    graph: RoadGraph,
    demand: Snapped,
    facility: Snapped,
    *,
    leg_speed_mps: float,
    limit_s: float,
    direction: str = "to_facility",
) -> Reach:
    """Return what networkx finds for every pair, one facility after the other."""
    start, pair, pair_s = [0], [], []
    for f in range(len(facility)):
        times = networkx_times(
            graph,
            demand,
            facility.take(np.array([f])),
            leg_speed_mps=leg_speed_mps,
            max_time_s=limit_s,
            direction=direction,
        ).time_s
        near = np.flatnonzero(np.isfinite(times))
        pair.extend(near.tolist())
        pair_s.extend(times[near].tolist())
        start.append(len(pair))
    return Reach(
        np.array(start, dtype=np.int64),
        np.array(pair, dtype=np.int32),
        np.array(pair_s, dtype=np.float64),
        len(demand),
        limit_s,
    )


def scaled_graph(graph: RoadGraph, factor: float) -> RoadGraph:
    """Return the graph with all times multiplied, for a power of two exactly."""
    return replace(
        graph,
        edge_forward_s=graph.edge_forward_s * factor,
        edge_backward_s=graph.edge_backward_s * factor,
    )


def assert_nearest(found: Nearest, expected: Nearest) -> None:
    """Demand equal times, to the last bit, and equal facilities."""
    np.testing.assert_array_equal(found.time_s, expected.time_s)
    np.testing.assert_array_equal(found.facility, expected.facility)
    assert found.time_s.dtype == np.float64
    assert found.facility.dtype == np.int32


def assert_reach(found: Reach, expected: Reach) -> None:
    """Demand equal pairs in equal order and equal times, to the last bit."""
    np.testing.assert_array_equal(found.start, expected.start)
    np.testing.assert_array_equal(found.demand, expected.demand)
    np.testing.assert_array_equal(found.time_s, expected.time_s)
    assert (found.n_demand, found.limit_s) == (expected.n_demand, expected.limit_s)
