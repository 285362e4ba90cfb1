"""Searches on a network made ready: what the kernels need, put together in order."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from yikezhong_coverage import kernels, pairs
from yikezhong_coverage.berths import place_berths, place_demand, take_berths
from yikezhong_coverage.exact import TIME_QUANTUM_S
from yikezhong_coverage.kernels import Scale
from yikezhong_coverage.layout import Berths, Beside, Room
from yikezhong_coverage.prepared import PreparedNetwork, prepare
from yikezhong_coverage.records import (
    FloatArray,
    IndexArray,
    IntArray,
    Nearest,
    Reach,
    RoadGraph,
    Snapped,
)
from yikezhong_coverage.stops import Direction

#: Width of a bucket as a multiple of the usual time of an arc of the core.
_WIDTH: Final = 4.0
_MOST_BUCKETS: Final = 256
#: Labels stay below this, so that the sum of two cannot overflow.
_MOST_LABEL: Final = 1 << 61
#: Pairs from which on threads pay for their start.
_MANY_PAIRS: Final = 100_000
#: The share of the facilities that is searched first, to tell how many pairs follow.
_SAMPLE: Final = 16

#: Neighbouring sources in a block, which stays in the cache of a large network.
_AT_ONCE: Final = 256
#: Core nodes from which on a search is cut into blocks and shared by two threads.
_MANY_NODES: Final = 200_000

Row = tuple[IndexArray, IntArray, IndexArray, FloatArray]
Cut = tuple[int, int]
Run = Callable[[Callable[[Cut], None], Sequence[Cut]], None]


@dataclass(frozen=True, eq=False)
class Search:
    """One question put to a network: which way, at what speed, how far."""

    graph: RoadGraph
    prepared: PreparedNetwork
    direction: Direction
    leg_speed_mps: float
    limit_s: float
    scale: Scale

    @classmethod
    def on(
        cls,
        graph: RoadGraph,
        points: tuple[Snapped, ...],
        *,
        leg_speed_mps: float,
        limit_s: float,
        direction: Direction,
        owners: bool,
    ) -> Search | None:
        """Return a search on a graph, which is made ready if it is not yet.

        The first of ``points`` are the facilities; labels keep their indexes if
        ``owners``. None where labels cannot hold the times in question exactly.
        """
        prepared = prepare(graph, direction)
        legs_s = sum(_longest_m(some.leg_m) for some in points) / leg_speed_mps
        bits = (len(points[0]) - 1).bit_length() if owners and len(points[0]) else 0
        scale = make_scale(prepared, limit_s=limit_s, legs_s=legs_s, bits=bits)
        if scale is None:
            return None
        return cls(graph, prepared, direction, leg_speed_mps, limit_s, scale)

    def nearest_at_nodes(self, facility: Snapped) -> Nearest:
        """Search from all facilities; return the label of every node."""
        n_node = self.prepared.n_node
        seeds = self._seeds(facility)
        time_s = np.empty(n_node)
        owner = np.empty(n_node, dtype=np.int32)

        def read(room: Room, first: int, last: int) -> None:
            kernels.read_nodes(
                self.prepared.network, self.prepared.old_of, (first, last), room,
                self.scale, time_s, owner,
            )  # fmt: skip

        with self._labelled(seeds) as (room, run):
            run(lambda cut: read(room, *cut), _halves(n_node))
        return Nearest(time_s, owner)

    def nearest(self, demand: Snapped, facility: Snapped) -> Nearest:
        """Search from all facilities; return the label of every demand point."""
        found = unreached(len(demand))
        berths, seeds = self._berths(demand), self._seeds(facility)
        n_seed = len(seeds.number)

        def meet(room: Room, first: int, last: int) -> None:
            kernels.meet(
                self.prepared.network, berths, (first, last), seeds, (0, n_seed), room,
                self.scale, found.time_s, found.facility,
            )  # fmt: skip

        with self._labelled(seeds) as (room, run):
            run(lambda cut: meet(room, *cut), _halves(len(berths.number)))
        return found

    def nearest_own(
        self,
        demand: Snapped,
        facility: Snapped,
        of_demand: IntArray,
        of_facility: IntArray,
    ) -> Nearest:
        """Search for each group by itself; return the label of every demand point."""
        found = unreached(len(demand))
        berths, seeds = self._berths(demand), self._seeds(facility)
        groups = np.unique(of_facility[of_facility >= 0])
        sorted_berths, berth_start = _by_group(berths, of_demand, groups)
        sorted_seeds, seed_start = _by_group(seeds, of_facility, groups)
        with self._room() as room:
            kernels.search_groups(
                self.prepared.network,
                sorted_berths,
                berth_start,
                sorted_seeds,
                seed_start,
                room,
                self.scale,
                found.time_s,
                found.facility,
            )
        return found

    def reach(
        self, demand: Snapped, facility: Snapped, *, threads: int | None = None
    ) -> Reach:
        """Search from each facility by itself; return all pairs within the limit.

        Facilities are searched along the curve that nodes are numbered by, so that
        each finds most of what it needs in the cache.
        """
        berths, seeds = self._berths(demand), self._seeds(facility)
        beside = self._beside(demand, berths)

        def rows(first: int, last: int, n_expected: int) -> Row:
            with self._room() as room:
                found = pairs.reach_rows(
                    self.prepared.network, berths, beside, seeds, first, last,
                    len(demand), n_expected, room, self.scale,
                )  # fmt: skip
            return (seeds.number[first:last], *found)

        n_seed = len(seeds.number)
        n_sample = n_seed // _SAMPLE
        done = [rows(0, n_sample, 0)]
        per_row = 1.2 * len(done[0][2]) / max(n_sample, 1)
        workers = threads or len(os.sched_getaffinity(0))
        if len(done[0][2]) * _SAMPLE < _MANY_PAIRS and threads is None:
            workers = 1
        n_cut = 1 if workers == 1 else 4 * workers
        cuts = np.linspace(n_sample, n_seed, n_cut + 1).astype(int).tolist()
        tasks = [(a, b, int(per_row * (b - a))) for a, b in pairwise(cuts)]
        if workers == 1:
            done.extend(rows(*task) for task in tasks)
        else:
            with ThreadPoolExecutor(workers) as pool:
                done.extend(pool.map(lambda task: rows(*task), tasks))
        return _joined(done, len(facility), len(demand), self.limit_s)

    def _berths(self, demand: Snapped) -> Berths:
        """Return the places of demand points, kept from call to call."""
        return place_demand(
            self.graph,
            self.prepared,
            demand,
            direction=self.direction,
            leg_speed_mps=self.leg_speed_mps,
        )

    def _beside(self, demand: Snapped, berths: Berths) -> Beside:
        """Return which demand points lie beside which nodes, kept likewise."""
        kept = self.prepared.beside.get(demand)
        if kept is None:
            kept = pairs.list_beside(self.prepared.network, berths)
            self.prepared.beside[demand] = kept
        return kept

    def _seeds(self, facility: Snapped) -> Berths:
        """Return the places of facilities, by cell, hence along the curve."""
        return place_berths(
            self.graph,
            self.prepared,
            facility,
            leaving=False,
            direction=self.direction,
            leg_speed_mps=self.leg_speed_mps,
        )

    @contextmanager
    def _labelled(self, seeds: Berths) -> Iterator[tuple[Room, Run]]:
        """Lend room with the labels of a search from all seeds.

        A large network is searched by two threads, each from half of the seeds, and
        of two labels of a node the smaller one holds: the answer is the same. ``run``
        calls a function with each of some arguments, by these threads.
        """
        net, n_seed = self.prepared.network, len(seeds.number)
        if net.n_core < _MANY_NODES:
            with self._room() as room:
                kernels.search(net, seeds, (0, n_seed), n_seed + 1, room, self.scale)
                yield room, _run_here
            return
        with self._room() as room, self._room() as other, ThreadPoolExecutor(2) as pool:

            def run(call: Callable[[Cut], None], cuts: Sequence[Cut]) -> None:
                list(pool.map(call, cuts))

            def label(place: Room, cut: Cut) -> None:
                kernels.search(net, seeds, cut, _AT_ONCE, place, self.scale)

            list(pool.map(label, (room, other), _halves(n_seed)))
            run(
                lambda cut: _lower(room.label[slice(*cut)], other.label[slice(*cut)]),
                _halves(len(room.label)),
            )
            yield room, run

    @contextmanager
    def _room(self) -> Iterator[Room]:
        """Lend room at rest; it is given back for the next search."""
        room = self.prepared.take_room()
        room.label.fill(self.scale.limit + 1)
        yield room
        room.waiting.fill(0)
        self.prepared.give_back(room)


def _run_here(call: Callable[[Cut], None], cuts: Sequence[Cut]) -> None:
    """Call a function with each of some arguments."""
    for cut in cuts:
        call(cut)


def _halves(n: int) -> list[Cut]:
    """Return the halves of ``range(n)``."""
    return [(0, n // 2), (n // 2, n)]


def _lower(label: IntArray, other: IntArray) -> None:
    """Lower labels to others of the same nodes."""
    np.minimum(label, other, out=label)


def make_scale(
    prepared: PreparedNetwork, *, limit_s: float, legs_s: float, bits: int
) -> Scale | None:
    """Return how to write labels; None where they cannot hold the times exactly."""
    longest_q = prepared.longest_q + legs_s / TIME_QUANTUM_S + 2
    limit_q = math.floor(min(limit_s / TIME_QUANTUM_S, longest_q))
    limit = ((limit_q + 1) << bits) - 1
    most = max(limit, prepared.longest_arc_q << bits)
    if not prepared.exact or most >= _MOST_LABEL:
        return None
    width_q = max(_WIDTH * prepared.arc_q, limit_q / _MOST_BUCKETS, 1.0)
    return Scale(limit, limit_q, bits, int(width_q) << bits)


def unreached(n: int) -> Nearest:
    """Return a record of points that reach nothing, to be written into."""
    return Nearest(np.full(n, np.inf), np.full(n, -1, dtype=np.int32))


def _longest_m(leg_m: FloatArray) -> float:
    """Return the longest leg that there is [m]."""
    return float(np.nanmax(leg_m, initial=0.0))


def _by_group(
    berths: Berths, group: IntArray, groups: IntArray
) -> tuple[Berths, IntArray]:
    """Sort berths by group, and where each of ``groups`` begins; others are left out."""
    own = group[berths.number]
    place = np.searchsorted(groups, own)
    known = np.flatnonzero(np.isin(own, groups))
    order = known[np.argsort(place[known], kind="stable")]
    start = np.zeros(len(groups) + 1, dtype=np.int64)
    np.cumsum(np.bincount(place[known], minlength=len(groups)), out=start[1:])
    return take_berths(berths, order), start


def _joined(rows: list[Row], n_facility: int, n_demand: int, limit_s: float) -> Reach:
    """Put rows found in any order into the order of the facilities."""
    start = np.zeros(n_facility + 1, dtype=np.int64)
    for number, count, _, _ in rows:
        start[1:][number] = count
    np.cumsum(start, out=start)
    pair = np.empty(start[-1], dtype=np.int32)
    pair_s = np.empty(start[-1])
    for number, count, some, some_s in rows:
        pairs.copy_rows(number, count, some, some_s, start, pair, pair_s)
    return Reach(start, pair, pair_s, n_demand, limit_s)
