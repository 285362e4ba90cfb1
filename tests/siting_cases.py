"""Small random siting problems, brute force over all plans, published p-medians."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.random import Generator
from scipy.sparse.csgraph import floyd_warshall

from yikezhong_coverage.records import Reach
from yikezhong_coverage.siting import DistanceProblem, SitingProblem, matrix_of


def random_cover(
    random: Generator, *, n_demand: int = 10, n_candidate: int = 7
) -> tuple[SitingProblem, np.ndarray]:
    """Make a problem with ties, empty rows, forced and forbidden sites, and its table."""
    table = random.random((n_candidate, n_demand)) < random.choice([0.2, 0.4])
    if n_candidate > 2:
        table[1] = table[0]
    if n_demand > 2:
        table[:, 1] = table[:, 0]
    people = random.integers(0, 6, n_demand) * random.choice([1.0, 0.5, 2.0**-20])
    if random.random() < 0.3:
        people[-1] = np.nan
    forced = random.random(n_candidate) < 0.15
    forbidden = (random.random(n_candidate) < 0.2) & ~forced
    forbidden[0] = False
    problem = SitingProblem(
        matrix_of(table),
        people,
        random.random(n_demand) < 0.2,
        random.integers(0, 5, n_candidate) * 0.1 if random.random() < 0.5 else None,
        forced,
        forbidden,
        random.integers(-1, 3, n_demand).astype(np.int32),
    )
    return problem, table


def all_plans(problem: SitingProblem) -> Iterator[np.ndarray]:
    """Yield every set of candidates with the forced and without the forbidden ones."""
    n = problem.covers.n_candidate
    for size in range(n + 1):
        for chosen in combinations(range(n), size):
            plan = np.zeros(n, dtype=bool)
            plan[list(chosen)] = True
            if (
                not (problem.forced & ~plan).any()
                and not (problem.forbidden & plan).any()
            ):
                yield plan


def people_covered(
    problem: SitingProblem, table: np.ndarray, plan: np.ndarray
) -> np.ndarray:
    """Return the known people that what stands and the plan cover, by demand."""
    covered = problem.start_covered | table[plan].any(axis=0)
    return np.where(covered, np.nan_to_num(problem.people), 0.0)


def cost_tenths(problem: SitingProblem, plan: np.ndarray) -> int:
    """Return the cost of a plan in whole tenths."""
    if problem.cost is None:
        return 10 * int(plan.sum())
    return int(np.rint(problem.cost[plan] * 10).sum())


def best_plan(
    problem: SitingProblem,
    value: Callable[[np.ndarray], float],
    allowed: Callable[[np.ndarray], bool],
) -> float | None:
    """Return the largest value of all allowed plans; None where there is none."""
    values = [value(plan) for plan in all_plans(problem) if allowed(plan)]
    return max(values) if values else None


def reach_of(time_s: np.ndarray, limit_s: float) -> Reach:
    """Make the sparse table of a full table facility × demand."""
    matrix = matrix_of(time_s <= limit_s)
    owner = np.repeat(np.arange(len(time_s)), np.diff(matrix.start))
    return Reach(
        matrix.start,
        matrix.demand,
        time_s[owner, matrix.demand],
        time_s.shape[1],
        limit_s,
    )


def random_geometry(
    seed: int, *, n_demand: int, n_candidate: int, radius: float
) -> SitingProblem:
    """Make points on a unit square that candidates cover within a radius."""
    random = np.random.default_rng(seed)
    demand, site = random.random((n_demand, 2)), random.random((n_candidate, 2))
    table = ((site[:, None] - demand[None]) ** 2).sum(axis=-1) <= radius**2
    people = random.integers(1, 200, n_demand).astype(np.float64)
    return SitingProblem(matrix_of(table), people)


def random_distances(random: Generator, *, n: int = 8) -> DistanceProblem:
    """Make a problem with ties, no ways, what stands, and points without people."""
    time_s = random.integers(0, 9, (n - 2, n)).astype(float)
    if random.random() < 0.5:
        time_s = time_s * 0.3
    time_s[random.random(time_s.shape) < 0.15] = np.inf
    start = np.where(random.random(n) < 0.5, random.integers(0, 9, n), np.inf)
    forced = random.random(n - 2) < 0.15
    forbidden = (random.random(n - 2) < 0.15) & ~forced
    forbidden[0] = False
    return DistanceProblem(
        time_s, random.integers(0, 5, n).astype(float), start, forced, forbidden
    )


def read_pmed(folder: Path, name: str) -> tuple[np.ndarray, int, int]:
    """Return all distances, the number of sites and the published optimum.

    The cost of a repeated edge is that of its last line.
    """
    numbers = np.array((folder / f"{name}.txt").read_text("ascii").split(), dtype=int)
    n, m, p = numbers[:3].tolist()
    edges = numbers[3 : 3 + 3 * m].reshape(-1, 3)
    cost = np.full((n, n), np.inf)
    for u, v, c in edges.tolist():
        cost[u - 1, v - 1] = cost[v - 1, u - 1] = c
    np.fill_diagonal(cost, 0.0)
    lines = (folder / "pmedopt.txt").read_text("ascii").splitlines()[1:]
    published = dict(line.split() for line in lines if line.strip())
    return floyd_warshall(cost), p, int(published[name])
