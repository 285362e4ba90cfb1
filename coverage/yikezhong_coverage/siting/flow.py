"""Who can be served where, at most: maximum flow from demand to places.

Dinic's algorithm on the bipartite network demand → facility, in whole numbers, so that
the assignment is feasible to the last quantum.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from yikezhong_coverage.records import IndexArray, IntArray


def greatest_flow(
    start: IntArray,
    facility: IndexArray,
    *,
    supply: IntArray,
    places: IntArray,
) -> IntArray:
    """Return the flow on each pair of an assignment that serves most.

    Parameters
    ----------
    start : ndarray of int64, shape (n_demand + 1,)
        Demand ``d`` may go to ``facility[start[d]:start[d + 1]]``.
    facility : ndarray of int32, shape (n_pair,)
    supply : ndarray of int64, shape (n_demand,)
        What each demand sends at most.
    places : ndarray of int64, shape (n_facility,)
        What each facility takes at most.

    Returns
    -------
    ndarray of int64, shape (n_pair,)

    Examples
    --------
    >>> greatest_flow(np.array([0, 2, 3]), np.array([0, 1, 0], dtype=np.int32),
    ...               supply=np.array([3, 2]), places=np.array([2, 2])).sum()
    np.int64(4)
    """
    order = np.argsort(facility, kind="stable")
    counts = np.bincount(facility, minlength=len(places))
    back_start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    demand = np.repeat(np.arange(len(supply)), np.diff(start))
    return _dinic(
        start,
        facility.astype(np.int64),
        back_start,
        order.astype(np.int64),
        demand.astype(np.int64),
        supply.astype(np.int64),
        places.astype(np.int64),
    )


@njit(cache=True)
def _dinic(
    start: IntArray,
    facility: IntArray,
    back_start: IntArray,
    back_pair: IntArray,
    demand: IntArray,
    supply: IntArray,
    places: IntArray,
) -> IntArray:
    n_demand, n_facility = len(supply), len(places)
    flow = np.zeros(len(facility), dtype=np.int64)
    left, room = supply.copy(), places.copy()
    # a node is a demand (its index) or a facility (n_demand + its index)
    level = np.empty(n_demand + n_facility, dtype=np.int64)
    at = np.empty(n_demand + n_facility, dtype=np.int64)
    queue = np.empty(n_demand + n_facility, dtype=np.int64)
    path = np.empty(n_demand + n_facility + 1, dtype=np.int64)
    while True:
        level[:] = -1
        head = tail = 0
        for d in range(n_demand):
            if left[d] > 0:
                level[d] = 0
                queue[tail] = d
                tail += 1
        found = False
        while head < tail:
            node = queue[head]
            head += 1
            if node < n_demand:
                for p in range(start[node], start[node + 1]):
                    other = n_demand + facility[p]
                    if level[other] < 0:
                        level[other] = level[node] + 1
                        queue[tail] = other
                        tail += 1
            else:
                f = node - n_demand
                found = found or room[f] > 0
                for b in range(back_start[f], back_start[f + 1]):
                    p = back_pair[b]
                    if flow[p] > 0 and level[demand[p]] < 0:
                        level[demand[p]] = level[node] + 1
                        queue[tail] = demand[p]
                        tail += 1
        if not found:
            return flow
        at[:n_demand] = start[:-1]
        at[n_demand:] = back_start[:-1]
        for source in range(n_demand):
            while left[source] > 0:
                depth, node = 0, source
                reached = False
                while True:
                    if node >= n_demand and room[node - n_demand] > 0:
                        reached = True
                        break
                    moved = False
                    if node < n_demand:
                        while at[node] < start[node + 1]:
                            p = at[node]
                            other = n_demand + facility[p]
                            if level[other] == level[node] + 1:
                                moved = True
                                break
                            at[node] += 1
                    else:
                        f = node - n_demand
                        while at[node] < back_start[f + 1]:
                            p = back_pair[at[node]]
                            other = demand[p]
                            if flow[p] > 0 and level[other] == level[node] + 1:
                                moved = True
                                break
                            at[node] += 1
                    if moved:
                        path[depth] = p
                        depth += 1
                        node = other
                        continue
                    if depth == 0:
                        break
                    depth -= 1
                    p = path[depth]
                    node = demand[p] if depth % 2 == 0 else n_demand + facility[p]
                    at[node] += 1
                if not reached:
                    break
                amount = min(left[source], room[node - n_demand])
                for k in range(1, depth, 2):
                    amount = min(amount, flow[path[k]])
                for k in range(depth):
                    flow[path[k]] += amount if k % 2 == 0 else -amount
                left[source] -= amount
                room[node - n_demand] -= amount
