"""A lower bound: a breadth-first search over what an answer reaches, and nothing else.

It weighs nothing and compares no times. It runs over all nodes of the network, numbered
along a Hilbert curve, each reached node visited once; for the nearest facility in
blocks of neighbouring sources, a block visiting what its own facilities are nearest to.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from yikezhong_coverage.contraction import hilbert_keys
from yikezhong_coverage.records import Nearest, Reach, RoadGraph

BLOCK = 16


class Steps(NamedTuple):
    """Neighbours of each node in compressed rows, and the new number of each node."""

    start: np.ndarray
    to: np.ndarray
    new_of: np.ndarray


def steps_of(graph: RoadGraph) -> Steps:
    """Return the network without its times, nodes numbered along the curve."""
    order = np.argsort(hilbert_keys(graph.node_lon, graph.node_lat), kind="stable")
    new_of = np.empty(graph.n_node, dtype=np.uint32)
    new_of[order] = np.arange(graph.n_node, dtype=np.uint32)
    u = np.concatenate((new_of[graph.edge_u], new_of[graph.edge_v]))
    v = np.concatenate((new_of[graph.edge_v], new_of[graph.edge_u]))
    start = np.zeros(graph.n_node + 1, dtype=np.uint32)
    np.cumsum(np.bincount(u, minlength=graph.n_node), out=start[1:])
    return Steps(start, v[np.argsort(u, kind="stable")], new_of)


class NearestBound:
    """Visit every node that has a nearest facility."""

    def __init__(self, steps: Steps, nodes: np.ndarray, found: Nearest) -> None:
        self.steps = steps
        new = steps.new_of[nodes]
        order = np.argsort(new, kind="stable")
        self.sources = new[order]
        block_of = np.empty(len(nodes), dtype=np.int32)
        block_of[order] = np.arange(len(nodes), dtype=np.int32) // BLOCK
        self.allowed = np.full(len(steps.new_of), -1, dtype=np.int32)
        reached = np.flatnonzero(found.facility >= 0)
        self.allowed[steps.new_of[reached]] = block_of[found.facility[reached]]

    def __call__(self) -> int:
        """Return how many nodes were visited."""
        steps = self.steps
        return _visit_blocks(steps.start, steps.to, self.sources, self.allowed)


class ReachBound:
    """Visit as many nodes around each facility as it has pairs, and write them."""

    def __init__(self, steps: Steps, nodes: np.ndarray, found: Reach) -> None:
        self.steps = steps
        new = steps.new_of[nodes]
        order = np.argsort(new, kind="stable")
        self.sources, self.count = new[order], np.diff(found.start)[order]

    def __call__(self) -> np.ndarray:
        """Return the nodes visited, one facility after another."""
        steps = self.steps
        return _visit_each(steps.start, steps.to, self.sources, self.count)


@njit(cache=True)
def _visit_blocks(
    start: np.ndarray, to: np.ndarray, sources: np.ndarray, allowed: np.ndarray
) -> int:
    """Visit the allowed nodes of each block of sources; return their number."""
    left = allowed.copy()
    queue = np.empty(len(allowed) + 1, dtype=np.uint32)
    total = 0
    for first in range(0, len(sources), BLOCK):
        block = first // BLOCK
        end = 0
        for x in sources[first : first + BLOCK]:
            if left[x] == block:
                left[x] = -1
                queue[end] = x
                end += 1
        begin = 0
        while begin < end:
            x = queue[begin]
            begin += 1
            for i in range(start[x], start[x + 1]):
                y = to[i]
                if left[y] == block:
                    left[y] = -1
                    queue[end] = y
                    end += 1
        total += end
    return total


@njit(cache=True)
def _visit_each(
    start: np.ndarray, to: np.ndarray, sources: np.ndarray, count: np.ndarray
) -> np.ndarray:
    """Visit nodes around each source, breadth first; return them all."""
    seen = np.full(len(start) - 1, -1, dtype=np.int32)
    out = np.empty(count.sum() + len(sources), dtype=np.uint32)
    base = 0
    for k in range(len(sources)):
        x = sources[k]
        seen[x] = k
        out[base] = x
        begin, end, last = base, base + 1, base + count[k]
        while begin < end < last:
            x = out[begin]
            begin += 1
            for i in range(start[x], start[x + 1]):
                y = to[i]
                if seen[y] != k and end < last:
                    seen[y] = k
                    out[end] = y
                    end += 1
        base = end
    return out[:base]
