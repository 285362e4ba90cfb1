"""In which order to build sites that can be full: most places where they lack, early."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from yikezhong_coverage.records import FloatArray, IntArray
from yikezhong_coverage.siting.assignment import Existing, build_network
from yikezhong_coverage.siting.exactness import open_ledger, people_of
from yikezhong_coverage.siting.order import BuildingOrder, means_of
from yikezhong_coverage.siting.records import SitingProblem


def capacity_order(
    problem: SitingProblem,
    chosen: IntArray,
    capacity_people: FloatArray,
    *,
    existing: Existing | None = None,
    sites_per_year: Sequence[int] | None = None,
    budget_per_year: Sequence[float] | None = None,
) -> BuildingOrder:
    """Spread the sites of a capacitated plan over years, step by step.

    Each step takes the site with most room for people who have no place yet. The
    order is good, not proven; its bound is that all stand from the first year.

    Parameters
    ----------
    problem, capacity_people, existing
        As for :func:`.capacity.capacitated_cover`.
    chosen : ndarray of int64
        Candidates of the plan; all of them are built.
    sites_per_year, budget_per_year : sequence, optional
        As for :func:`.order.building_order`.

    Returns
    -------
    BuildingOrder
        ``gain`` and ``covered_people`` are people with a place in the best assignment.

    Examples
    --------
    >>> from yikezhong_coverage.siting.matrix import matrix_of
    >>> problem = SitingProblem(matrix_of(np.ones((2, 1), bool)), np.array([9.0]))
    >>> order = capacity_order(
    ...     problem, np.array([0, 1]), np.array([2.0, 5.0]), sites_per_year=[1, 1])
    >>> order.site.tolist(), order.gain.tolist()
    ([1, 0], [5.0, 2.0])
    """
    ledger = open_ledger(problem)
    use, limits = means_of(
        ledger, chosen, sites_per_year=sites_per_year, budget_per_year=budget_per_year
    )
    network = build_network(problem, ledger, capacity_people, existing)
    n_old = network.n_existing
    is_open = np.arange(len(network.places)) < n_old
    start = network.value(is_open)
    left = sorted(set(chosen.tolist()))
    site: list[int] = []
    year: list[int] = []
    values: list[int] = []
    spent = 0
    for t, limit in enumerate(limits.tolist()):
        while fitting := [j for j in left if spent + int(use[j]) <= limit]:
            lacking = network.reached(network.left(is_open))[n_old:]
            room = np.minimum(network.places[n_old:], lacking)
            best = max(fitting, key=lambda j: (int(room[j]), -j))
            is_open[n_old + best] = True
            left.remove(best)
            spent += int(use[best])
            site.append(best)
            year.append(t)
            values.append(network.value(is_open))
    by_year = [max([start, *values[: np.searchsorted(year, t, "right")]])
               for t in range(len(limits))]  # fmt: skip
    last = values[-1] if values else start
    return BuildingOrder(
        site=np.array(site, dtype=np.int64),
        year=np.array(year, dtype=np.int64),
        gain=np.array([people_of(v) for v in np.diff([start, *values]).tolist()]),
        covered_people=np.array([people_of(v) for v in values]),
        start_people=people_of(start),
        objective=people_of(sum(by_year)),
        bound=people_of(last * len(limits)),
        status="optimal" if sum(by_year) == last * len(limits) else "stopped",
        tolerance=0.0,
    )
