"""Q1: the nearest facility of every node, cut at 900 s on foot."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.csgraph import dijkstra

from benchmarks.bounds import NearestBound, steps_of
from benchmarks.measure import Call, Table, Timing, once, peak_mb, run_in_turn
from benchmarks.networks import Case, nodes_of
from benchmarks.peers import DifferError, Kind, csr_of, is_there, kinds
from yikezhong_coverage.records import Nearest
from yikezhong_coverage.travel import nearest_at_nodes

OURS, BOUND = "yikezhong", "lower bound (breadth first)"
#: Whose memory is measured: a child that forks while others' threads run may hang.
MEASURED = (OURS, "scipy", "networkx")


def run(case: Case, table: Table, *, repeats: int, outside: bool = True) -> None:
    """Measure and compare on one network."""
    graph, limit_s = case.graph, case.limit_s
    every = np.arange(len(case.facility))

    def ours() -> Nearest:
        # points taken anew: nothing about them is kept from an earlier run
        facility = case.facility.take(every)
        return nearest_at_nodes(graph, facility, leg_speed_mps=1.0, max_time_s=limit_s)

    found = ours()
    bound = NearestBound(steps_of(graph), nodes_of(graph, case.facility), found)
    reached = int(np.isfinite(found.time_s).sum())
    if bound() > reached:
        raise SystemExit("Q1: the lower bound visits more than is reached")
    calls: dict[str, Call] = {OURS: ours, BOUND: bound}
    agrees = {
        OURS: _owners(case, found),
        BOUND: f"{bound() / max(reached, 1):.0%} of the reached nodes visited",
    }
    prepared, peers = {}, []
    for kind in asked("q1", graph.n_node, outside=outside):
        timing, peer = once(lambda kind=kind: kind.make(case))
        peers.append(peer)
        try:
            agrees[kind.name] = _compare(kind, found.time_s, peer)
        except DifferError as error:
            table.remarks.append(f"- Q1, {case.name}, {kind.name}: {error}")
            continue
        prepared[kind.name] = getattr(peer, "prepared_s", timing.wall_s)
        calls[kind.name] = peer.nearest
    timings = run_in_turn(calls, repeats=repeats)
    for peer in peers:
        getattr(peer, "close", lambda: None)()
    peaks = {who: peak_mb(call) for who, call in calls.items() if who in MEASURED}
    table.add(
        "Q1", case.name, timings, size=graph.n_node, agrees=agrees, peaks=peaks,
        prepared=prepared,
    )  # fmt: skip


def asked(question: str, n_node: int, *, outside: bool) -> list[Kind]:
    """Return the peers that are there and not too slow for the network."""
    inside = ("scipy", "networkx", "OSMnx graph")
    return [
        kind
        for kind in kinds()
        if n_node <= kind.most.get(question, 0)
        and (kind.name in inside or (outside and is_there(kind)))
    ]


def _compare(kind: Kind, expected: np.ndarray, peer: Any) -> str:
    """Check a peer's answer; what it cannot answer exactly is said."""
    times = peer.nearest()
    if isinstance(times, Timing):
        times = peer.times()
    note = f" ({kind.remark})" if kind.remark else ""
    if kind.tolerance_s == 0:
        return same(expected, times) + note
    both = np.isfinite(expected) & np.isfinite(times)
    off = np.abs(expected[both] - times[both]).max(initial=0.0)
    other = np.count_nonzero(np.isfinite(expected) ^ np.isfinite(times))
    if off > kind.tolerance_s:
        raise DifferError(f"off by {off} s")
    return f"off by {off:.2g} s at most, {other} nodes at the limit differ{note}"


def same(a: np.ndarray, b: np.ndarray) -> str:
    """Check that times are equal, and say so."""
    if not np.array_equal(a, b):
        raise DifferError("the answers differ")
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
        same(found.time_s[own], times[row][own])
        # no facility of smaller index is as near
        first = found.facility[times[row] == found.time_s]
        if (first[first >= 0] > f).any():
            raise SystemExit("Q1: a tie went to the larger index")
    return "facilities and ties checked on a sample"
