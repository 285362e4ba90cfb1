"""Places and who may go where: the network that capacitated plans are judged on.

People are divisible and go wherever there is room within the limit; how many find a
place is a maximum flow in whole quanta.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.exact import PEOPLE_QUANTUM
from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, IntArray
from yikezhong_coverage.siting.errors import CapacityError
from yikezhong_coverage.siting.exactness import Ledger, open_ledger, unit_of
from yikezhong_coverage.siting.flow import greatest_flow
from yikezhong_coverage.siting.matrix import transpose
from yikezhong_coverage.siting.records import CoverMatrix, SitingProblem
from yikezhong_coverage.siting.reduce import Core, core_of, reduce_cover


@dataclass(frozen=True, eq=False)
class Existing:
    """Facilities that stand already, with the people each can serve.

    Parameters
    ----------
    covers : CoverMatrix
        Which facility reaches which demand.
    capacity_people : ndarray of float64, shape (n_existing,)
        ``inf`` is without limit; ``nan`` (not known) serves nobody.
    """

    covers: CoverMatrix
    capacity_people: FloatArray


@dataclass(frozen=True, eq=False)
class Network:
    """Demand and all facilities, existing ones first, in whole quanta.

    Parameters
    ----------
    start, facility : ndarray
        Facilities that each demand reaches, as compressed sparse rows.
    supply : ndarray of int64, shape (n_demand,)
        People [2⁻²⁰ persons].
    places : ndarray of int64, shape (n_facility,)
        People that each can serve, at most all in its reach [2⁻²⁰ persons].
    n_existing : int
    """

    start: IntArray
    facility: IndexArray
    supply: IntArray
    places: IntArray
    n_existing: int

    @property
    def n_pair(self) -> int:
        """Number of pairs of demand and facility."""
        return len(self.facility)

    @property
    def unit(self) -> int:
        """Quanta that the solver counts as one."""
        return unit_of(np.append(self.supply, self.places))

    def flow(self, is_open: BoolArray) -> IntArray:
        """Return the best assignment to open facilities, on every pair."""
        keep = is_open[self.facility]
        demand = np.repeat(np.arange(len(self.supply)), np.diff(self.start))
        start = np.zeros(len(self.start), dtype=np.int64)
        np.cumsum(np.bincount(demand[keep], minlength=len(self.supply)), out=start[1:])
        found = np.zeros(self.n_pair, dtype=np.int64)
        found[keep] = greatest_flow(
            start, self.facility[keep], supply=self.supply, places=self.places
        )
        return found

    def value(self, is_open: BoolArray) -> int:
        """Return how many find a place [2⁻²⁰ persons]."""
        return int(self.flow(is_open).sum())

    def left(self, is_open: BoolArray) -> IntArray:
        """Return how many of each demand find none, in a best assignment."""
        demand = np.repeat(np.arange(len(self.supply)), np.diff(self.start))
        served = np.zeros(len(self.supply), dtype=np.int64)
        np.add.at(served, demand, self.flow(is_open))
        return self.supply - served

    def reached(self, people: IntArray) -> IntArray:
        """Return the sum of people of demand in reach of each facility."""
        demand = np.repeat(np.arange(len(self.supply)), np.diff(self.start))
        found = np.zeros(len(self.places), dtype=np.int64)
        np.add.at(found, self.facility, people[demand])
        return found


def build_network(
    problem: SitingProblem,
    ledger: Ledger,
    capacity_people: FloatArray,
    existing: Existing | None,
) -> Network:
    """Return the network of what stands and all candidates.

    Raises
    ------
    CapacityError
        If a capacity is negative, or that of a candidate is not known.
    InputError
        If numbers of rows differ.
    """
    covers = problem.covers
    if len(capacity_people) != covers.n_candidate:
        raise InputError("容量的个数与候选点数不符")
    if existing is None:
        nothing = CoverMatrix(
            np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32), covers.n_demand
        )
        existing = Existing(nothing, np.empty(0))
    old = existing.covers
    if old.n_demand != covers.n_demand or old.n_candidate != len(
        existing.capacity_people
    ):
        raise InputError("现有设施的可达关系与需求点或容量的个数不符")
    start = np.concatenate([old.start, covers.start[1:] + old.start[-1]])
    demand = np.concatenate([old.demand, covers.demand])
    known = np.where(np.isnan(existing.capacity_people), 0.0, existing.capacity_people)
    capacity = np.concatenate([known, capacity_people])
    bad = np.flatnonzero(~(capacity >= 0))
    if len(bad):
        at = int(bad[0])
        which = "现有设施" if at < old.n_candidate else "候选点"
        number = at + 1 if at < old.n_candidate else at - old.n_candidate + 1
        raise CapacityError(f"第 {number} 个{which}的容量为 {capacity[at]}，应为非负数")
    row_start, facility = transpose(start, demand, n_column=covers.n_demand)
    most = np.zeros(len(capacity), dtype=np.int64)
    np.add.at(
        most, np.repeat(np.arange(len(capacity)), np.diff(start)), ledger.quanta[demand]
    )
    # floats above 2⁵³ quanta are above everybody in reach, too
    places = np.minimum(np.floor(capacity / PEOPLE_QUANTUM), most.astype(np.float64))
    return Network(
        row_start, facility, ledger.quanta, places.astype(np.int64), old.n_candidate
    )


def greedy_places(
    network: Network, is_open: BoolArray, free: BoolArray, use: IntArray, limit: int
) -> BoolArray:
    """Return what is open with the sites that take most of those left without a place."""
    chosen = is_open.copy()
    n_old = network.n_existing
    room = network.places[n_old:]
    while True:
        gain = np.minimum(room, network.reached(network.left(chosen))[n_old:])
        gain[~free | chosen[n_old:] | (use > limit)] = 0
        worth = gain / np.maximum(use, 1)
        best = int(np.argmax(worth))
        if gain[best] == 0:
            return chosen
        chosen[n_old + best] = True
        limit -= int(use[best])


def most_places(network: Network, free: BoolArray, use: IntArray, limit: int) -> int:
    """Return the most places that free sites within a limit have [2⁻²⁰ persons].

    The limit may be spent on a part of the last site.

    Examples
    --------
    >>> network = Network(np.array([0, 2]), np.array([0, 1], dtype=np.int32),
    ...                   np.array([9]), np.array([4, 3]), 0)
    >>> most_places(network, np.ones(2, bool), np.array([2, 1]), 2)
    5
    """
    room = network.places[network.n_existing :][free].tolist()
    uses = use[free].tolist()
    order = sorted(range(len(room)), key=lambda j: -room[j] / max(uses[j], 1e-9))
    total, left = 0, limit
    for j in order:
        if uses[j] > left:
            return int(total + room[j] * left // uses[j])
        total += room[j]
        left -= uses[j]
    return total


def core_without_limits(
    network: Network, is_open: BoolArray, free: BoolArray, use: IntArray
) -> tuple[Core, int]:
    """Return the cover problem if nothing were ever full, and who is covered already.

    The columns of the core are the free candidates, of which there is at least one.
    """
    n_old, n_demand = network.n_existing, len(network.supply)
    open_now = is_open & (network.places > 0)
    demand = np.repeat(np.arange(n_demand), np.diff(network.start))
    covered = np.zeros(n_demand, dtype=np.bool_)
    covered[demand[open_now[network.facility]]] = True
    keep = network.facility >= n_old
    start, rows = transpose(
        np.concatenate(
            [[0], np.cumsum(np.bincount(demand[keep], minlength=n_demand))]
        ).astype(np.int64),
        (network.facility[keep] - n_old).astype(np.int32),
        n_column=len(use),
    )
    people: FloatArray = network.supply.astype(np.float64) * PEOPLE_QUANTUM
    problem = SitingProblem(
        CoverMatrix(start, rows, n_demand), people, covered, forbidden=~free
    )
    before = int(network.supply[covered].sum())
    core = core_of(problem.covers, open_ledger(problem), use=use)
    return reduce_cover(core), before
