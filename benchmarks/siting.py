"""Siting beside its peers: maximum cover, fewest sites, p-median.

Run ``python -m benchmarks.siting`` (``--quick`` for a small form). Runs of ours and of
the peers are interleaved; CPU seconds are medians; answers are compared. The peers are
the plain models given to the same solver (scipy.optimize.milp, HiGHS, no gap allowed)
and, where it is installed, spopt. The p-median instances of the OR-Library are read
from ``YIKEZHONG_TEST_DATA`` (default ``../shared/data``).
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack, identity, vstack

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from siting_cases import random_geometry, read_pmed
from yikezhong_coverage.siting import (
    DistanceProblem,
    SitingProblem,
    maximum_cover,
    minimum_sites,
    p_median,
)

LIMIT_S = 60.0


@dataclass(frozen=True)
class Run:
    """What one run gave."""

    value: float
    bound: float

    @property
    def gap(self) -> float:
        if not np.isfinite(self.value):
            return np.inf
        return abs(self.bound - self.value) / max(abs(self.value), 1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    size = {"n_demand": 500, "n_candidate": 200} if quick else {}
    size = {"n_demand": 5000, "n_candidate": 2000, **size}
    repeats = 1 if quick else 3
    limit_s = 5.0 if quick else LIMIT_S
    warm_up()
    spopt = importlib.util.find_spec("spopt") is not None
    print(f"spopt: {'installed' if spopt else 'not installed: no figures of it here'}")
    print(
        "| case | peer CPU s | ours CPU s | ratio | peer value, gap | ours value, gap |"
    )
    print("|---|---|---|---|---|---|")
    scale = 3.0 if quick else 1.0
    for radius, n_sites in ((0.03, 100), (0.03, 200), (0.05, 30), (0.05, 50)):
        for seed in (1, 2):
            problem = random_geometry(seed, radius=radius * scale, **size)
            n = max(2, n_sites // (10 if quick else 1))
            cover_case(problem, n, f"max-cover r={radius} n={n} seed={seed}", repeats)
            if spopt:
                spopt_case(problem, n)
    for radius in (0.03, 0.05):
        fewest_case(random_geometry(1, radius=radius * scale, **size), radius, limit_s)
    median_random(quick)
    median_library(quick)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process, all runs: {peak:.0f} MB")


def warm_up() -> None:
    """Compile, or load compiled code, before anything is timed."""
    problem = random_geometry(0, n_demand=200, n_candidate=80, radius=0.1)
    for n_sites in (3, 12, 25):
        maximum_cover(problem, n_sites=n_sites)
    minimum_sites(served(problem), time_limit_s=5.0)
    place = np.random.default_rng(0).random((40, 2))
    p_median(DistanceProblem(distances(place, place[:20]), np.ones(40)), n_sites=4)


def timed(run: Callable[[], Run]) -> tuple[float, Run]:
    start = time.process_time()
    found = run()
    return time.process_time() - start, found


def compare(
    name: str, peer: Callable[[], Run], ours: Callable[[], Run], repeats: int
) -> None:
    times: dict[str, list[float]] = {"peer": [], "ours": []}
    found = {}
    for _ in range(repeats):
        for who, run in (("peer", peer), ("ours", ours)):
            seconds, found[who] = timed(run)
            times[who].append(seconds)
    a, b = found["peer"], found["ours"]
    if a.gap < 1e-9 and b.gap < 1e-9 and abs(a.value - b.value) > 1e-6 * abs(a.value):
        raise SystemExit(f"{name}: answers differ: {a} {b}")
    peer_s, ours_s = (statistics.median(times[k]) for k in ("peer", "ours"))
    print(
        f"| {name} | {peer_s:.2f} | {ours_s:.2f} | {peer_s / max(ours_s, 1e-3):.1f} "
        f"| {a.value:.6g}, {a.gap:.2%} | {b.value:.6g}, {b.gap:.2%} |",
        flush=True,
    )


def plain_table(problem: SitingProblem) -> csr_array:
    covers = problem.covers
    shape = (covers.n_candidate, covers.n_demand)
    return csr_array(
        (np.ones(len(covers.demand)), covers.demand, covers.start), shape
    ).T


def plain_cover(problem: SitingProblem, n_sites: int, limit_s: float) -> Run:
    n, m = problem.covers.n_candidate, problem.covers.n_demand
    count = csr_array(np.concatenate([np.ones(n), np.zeros(m)])[None, :])
    found = milp(
        np.concatenate([np.zeros(n), -problem.people]),
        integrality=np.concatenate([np.ones(n), np.zeros(m)]),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(
            vstack([hstack([plain_table(problem), -identity(m)]), count]).tocsr(),
            np.append(np.zeros(m), 0),
            np.append(np.full(m, np.inf), n_sites),
        ),
        options={"mip_rel_gap": 0.0, "time_limit": limit_s},
    )
    return run_of(found, sign=-1.0)


def plain_fewest(problem: SitingProblem, limit_s: float) -> Run:
    n = problem.covers.n_candidate
    rows = plain_table(problem)[np.flatnonzero(problem.people > 0)]
    found = milp(
        np.ones(n),
        integrality=np.ones(n),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(rows, 1, np.inf),
        options={"mip_rel_gap": 0.0, "time_limit": limit_s},
    )
    return run_of(found, sign=1.0)


def run_of(found: object, sign: float) -> Run:
    value = found.fun if found.fun is not None else np.inf  # type: ignore[attr-defined]
    bound = found.mip_dual_bound  # type: ignore[attr-defined]
    return Run(sign * value, sign * (bound if bound is not None else -np.inf))


def our_cover(problem: SitingProblem, n_sites: int, limit_s: float) -> Run:
    found = maximum_cover(problem, n_sites=n_sites, time_limit_s=limit_s)
    return Run(found.objective, found.bound)


def our_fewest(problem: SitingProblem, limit_s: float) -> Run:
    found = minimum_sites(problem, time_limit_s=limit_s)
    return Run(found.objective, found.bound)


def our_median(time_s: np.ndarray, people: np.ndarray, n_sites: int) -> Run:
    problem = DistanceProblem(time_s, people)
    found = p_median(problem, n_sites=n_sites, time_limit_s=LIMIT_S)
    return Run(found.objective, found.bound)


def cost_matrix(problem: SitingProblem) -> np.ndarray:
    """Return 0 where a site covers a point and 1 elsewhere, as spopt asks."""
    covers = problem.covers
    cost = np.ones((covers.n_demand, covers.n_candidate))
    owner = np.repeat(np.arange(covers.n_candidate), np.diff(covers.start))
    cost[covers.demand, owner] = 0.0
    return cost


def spopt_fewest(problem: SitingProblem) -> Run:
    """Build spopt's model of set cover and solve it by HiGHS, as it is given."""
    import pulp
    from spopt.locate import LSCP

    # nobody is to be covered where nobody is
    model = LSCP.from_cost_matrix(cost_matrix(problem)[problem.people > 0], 0.5)
    model.solve(pulp.HiGHS(msg=False, gapRel=0.0))
    value = pulp.value(model.problem.objective)
    return Run(value, value)


def spopt_cover(problem: SitingProblem, n_sites: int) -> Run:
    """Build spopt's model of maximum cover and solve it by HiGHS, as it is given."""
    import pulp
    from spopt.locate import MCLP

    cost = cost_matrix(problem)
    model = MCLP.from_cost_matrix(cost, problem.people, 0.5, p_facilities=n_sites)
    model.solve(pulp.HiGHS(msg=False, gapRel=0.0))
    value = pulp.value(model.problem.objective)
    return Run(value, value)


def spopt_median(time_s: np.ndarray, people: np.ndarray, n_sites: int) -> Run:
    """Build spopt's model of the p-median and solve it by HiGHS, as it is given."""
    import pulp
    from spopt.locate import PMedian

    model = PMedian.from_cost_matrix(time_s.T, people, p_facilities=n_sites)
    model.solve(pulp.HiGHS(msg=False, gapRel=0.0))
    value = pulp.value(model.problem.objective)
    return Run(value, value)


def cover_case(problem: SitingProblem, n_sites: int, name: str, repeats: int) -> None:
    compare(
        name,
        lambda: plain_cover(problem, n_sites, LIMIT_S),
        lambda: our_cover(problem, n_sites, LIMIT_S),
        repeats,
    )


def spopt_case(problem: SitingProblem, n_sites: int) -> None:
    seconds, found = timed(lambda: spopt_cover(problem, n_sites))
    print(f"| spopt, same case | {seconds:.2f} | | | {found.value:.6g}, 0 | |")


def served(problem: SitingProblem) -> SitingProblem:
    """Return the problem without people whom no candidate covers."""
    reached = problem.covers.covered_by(np.arange(problem.covers.n_candidate))
    return SitingProblem(problem.covers, np.where(reached, problem.people, 0.0))


def fewest_case(problem: SitingProblem, radius: float, limit_s: float) -> None:
    problem = served(problem)
    name = f"fewest sites r={radius}, limit {limit_s:.0f} s"
    compare(
        name,
        lambda: plain_fewest(problem, limit_s),
        lambda: our_fewest(problem, limit_s),
        1,
    )


def distances(demand: np.ndarray, site: np.ndarray) -> np.ndarray:
    return np.rint(1000 * np.hypot(*(site[:, None] - demand[None]).transpose(2, 0, 1)))


def plain_median(time_s: np.ndarray, people: np.ndarray, n_sites: int) -> Run:
    """Solve the radius formulation, nothing fixed or reduced."""
    from yikezhong_coverage.siting.distances import sorted_distances
    from yikezhong_coverage.siting.pmedian import _radius_model

    table = sorted_distances(DistanceProblem(time_s, people), weighted=True)
    model = _radius_model(table, np.zeros(table.n_column, dtype=bool), n_sites)
    found = milp(
        model.objective,
        integrality=model.integral,
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(model.table, model.lower, model.upper),
        options={"mip_rel_gap": 0.0, "time_limit": LIMIT_S},
    )
    run = run_of(found, sign=1.0)
    return Run(run.value + model.constant, run.bound + model.constant)


def median_case(
    name: str, time_s: np.ndarray, people: np.ndarray, n_sites: int, published: int = 0
) -> None:
    def ours() -> Run:
        found = our_median(time_s, people, n_sites)
        if published and found.gap == 0 and found.value != published:
            raise SystemExit(f"{name}: {found.value} is not {published}")
        return found

    compare(name, lambda: plain_median(time_s, people, n_sites), ours, 1)


def median_random(quick: bool) -> None:
    n, m = (200, 80) if quick else (1000, 400)
    random = np.random.default_rng(1)
    demand, site = random.random((n, 2)), random.random((m, 2))
    people = random.integers(1, 50, n).astype(float)
    median_case(f"p-median {n} × {m}, p=20", distances(demand, site), people, 20)


def median_library(quick: bool) -> None:
    folder = Path(
        os.environ.get("YIKEZHONG_TEST_DATA", ROOT / ".." / "shared" / "data")
    )
    if not (folder / "orlib_pmed").is_dir():
        print(f"p-median of the OR-Library: no data at {folder}")
        return
    for name in ("pmed5",) if quick else ("pmed20", "pmed30", "pmed40"):
        table, n_sites, published = read_pmed(folder / "orlib_pmed", name)
        label = f"{name} ({len(table)}, p={n_sites}, published {published})"
        median_case(label, table, np.ones(len(table)), n_sites, published)


if __name__ == "__main__":
    main()
