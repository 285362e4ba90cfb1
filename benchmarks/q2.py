"""Q2: all pairs of facility and node within 900 s on foot, sparse."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.bounds import ReachBound, steps_of
from benchmarks.measure import Call, Table, Timing, once, peak_mb, run_in_turn
from benchmarks.networks import Case, at_nodes, nodes_of
from benchmarks.peers import DifferError, Kind
from benchmarks.q1 import BOUND, MEASURED, OURS, asked
from yikezhong_coverage.records import Reach
from yikezhong_coverage.travel import reach

#: Rows that scipy is asked for where all would take minutes.
FEW_ROWS = 128
LARGE = 400_000
TWO = f"{OURS}, 2 threads"


def run(case: Case, table: Table, *, repeats: int, outside: bool = True) -> None:
    """Measure and compare on one network."""
    graph, limit_s = case.graph, case.limit_s
    linked = np.unique(np.concatenate((graph.edge_u, graph.edge_v)))
    nodes, n_source = at_nodes(graph, linked), len(case.facility)

    def ours(threads: int) -> Reach:
        facility = case.facility.take(np.arange(n_source))
        return reach(
            graph, nodes, facility, leg_speed_mps=1.0, limit_s=limit_s, threads=threads
        )

    found = ours(1)
    _check_threads(found, ours(2))
    bound = ReachBound(steps_of(graph), nodes_of(graph, case.facility), found)
    calls: dict[str, Call] = {
        OURS: lambda: ours(1),
        TWO: lambda: ours(2),
        BOUND: bound,
    }
    agrees = {
        OURS: f"{len(found.demand):,} pairs",
        TWO: "the same as with one",
        BOUND: f"{len(bound()):,} nodes written",
    }
    prepared, peers, rows = {}, [], {}
    for kind in asked("q2", graph.n_node, outside=outside):
        n = kind.sample or (FEW_ROWS if graph.n_node > LARGE else n_source)
        rows[kind.name] = min(n, n_source)
        timing, peer = once(lambda kind=kind: kind.make(case))
        peers.append(peer)
        try:
            agrees[kind.name] = _compare(kind, found, linked, peer, rows[kind.name])
        except DifferError as error:
            table.remarks.append(f"- Q2, {case.name}, {kind.name}: {error}")
            del rows[kind.name]
            continue
        prepared[kind.name] = getattr(peer, "prepared_s", timing.wall_s)
        calls[kind.name] = lambda peer=peer, n=rows[kind.name]: peer.pairs(n)
    timings = run_in_turn(calls, repeats=repeats)
    for name, n in rows.items():
        if n < n_source:
            timings[name] = timings[name].times(n_source / n)
            agrees[name] += f"; {n} of {n_source} rows, time scaled"
    for peer in peers:
        getattr(peer, "close", lambda: None)()
    measured = (*MEASURED, TWO)
    peaks = {who: peak_mb(call) for who, call in calls.items() if who in measured}
    table.add(
        "Q2", case.name, timings, size=graph.n_node, agrees=agrees, peaks=peaks,
        prepared=prepared,
    )  # fmt: skip


def _check_threads(one: Reach, two: Reach) -> None:
    if not (
        np.array_equal(one.start, two.start)
        and np.array_equal(one.demand, two.demand)
        and np.array_equal(one.time_s, two.time_s)
    ):
        raise SystemExit("Q2: two threads give another answer")


def _compare(kind: Kind, found: Reach, linked: np.ndarray, peer: Any, n: int) -> str:
    """Compare rows with a peer's: all times, or how many where it says no more."""
    answer = peer.pairs(n)
    note = f" ({kind.remark})" if kind.remark else ""
    counts = np.diff(found.start)[:n]
    if isinstance(answer, Timing):
        if not np.array_equal(peer.counts(), counts):
            raise DifferError("finds other nodes")
        return "the same number of nodes in every row"
    if kind.tolerance_s:
        share = len(answer) / max(counts.sum(), 1)
        if abs(share - 1) > 0.01:
            raise DifferError(f"finds {share:.1%} of the pairs")
        return f"{share:.2%} of our pairs{note}"
    for f, row in enumerate(answer):
        near, time_s = _row(row)
        own = slice(found.start[f], found.start[f + 1])
        if not (
            np.array_equal(linked[found.demand[own]], near)
            and np.array_equal(found.time_s[own], time_s)
        ):
            raise DifferError("the answers differ")
    return "equal to the last bit" + note


def _row(row: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes, ascending, and times of a peer's row."""
    if isinstance(row, tuple):
        return row
    if isinstance(row, dict):
        nodes, times = np.array(list(row)), np.array(list(row.values()))
        order = np.argsort(nodes)
        return nodes[order], times[order]
    near = np.flatnonzero(np.isfinite(row))
    return near, row[near]
