"""Ways (lines with named vertices) and their splitting into edges of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


#: Values of the tags of one way, None where it has no such tag.
TagValues = tuple[str | None, ...]


class SharedTags(Sequence[TagValues]):
    """The tags of many ways, each combination held once.

    Parameters
    ----------
    distinct : list of tuples
        Combinations of values.
    number : ndarray of int64, shape (n_way,)
        Which combination each way has.
    """

    def __init__(self, distinct: list[TagValues], number: IntArray) -> None:
        self.distinct, self.number = distinct, number

    @classmethod
    def of(cls, tags: Sequence[TagValues]) -> SharedTags:
        """Return tags as shared ones."""
        if isinstance(tags, SharedTags):
            return tags
        known: dict[TagValues, int] = {}
        number = [known.setdefault(values, len(known)) for values in tags]
        return cls(list(known), np.array(number, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.number)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]

    @overload
    def __getitem__(self, at: int) -> TagValues: ...
    @overload
    def __getitem__(self, at: slice) -> SharedTags: ...
    def __getitem__(self, at: int | slice) -> TagValues | SharedTags:
        if isinstance(at, slice):
            return SharedTags(self.distinct, self.number[at])
        return self.distinct[int(self.number[at])]


@dataclass(frozen=True, eq=False)
class Ways:
    """Lines whose vertices are named: lines meet where they share a vertex.

    Parameters
    ----------
    name : sequence of str, length n_way
        Stable, unique names (the OSM id, the row of a layer).
    key : tuple of str
        Tag keys, e.g. ``("highway", "maxspeed")``.
    tags : sequence of tuples, length n_way
        Values of ``key`` for each way; None where the way has no such tag.
    start : ndarray of int64, shape (n_way + 1,)
        Way ``w`` has the vertices ``start[w]:start[w + 1]``.
    node : ndarray of int64, shape (n_vertex,)
        Name of each vertex: equal names are one place.
    lon, lat : ndarray of float64, shape (n_vertex,)
        Positions [degrees]; ``nan`` where the extract does not hold the node.
    """

    name: Sequence[str]
    key: tuple[str, ...]
    tags: Sequence[tuple[str | None, ...]]
    start: IntArray
    node: IntArray
    lon: FloatArray
    lat: FloatArray

    def __len__(self) -> int:
        return len(self.name)

    @cached_property
    def shared_tags(self) -> SharedTags:
        """The tags, each combination once."""
        return SharedTags.of(self.tags)

    def tags_of(self, values: tuple[str | None, ...]) -> dict[str, str]:
        """Return one way's tags as a mapping, without the missing ones."""
        return {k: v for k, v in zip(self.key, values, strict=True) if v is not None}


@dataclass(frozen=True, eq=False)
class Edges:
    """Stretches of ways between the places where ways meet or end.

    Nodes are numbered in ascending order of their names. ``edge_way`` is the index
    of the way an edge is part of, ``edge_first`` the index of its first vertex in
    that way. Vertices are laid out as in
    :class:`~yikezhong_coverage.records.RoadGraph`.
    """

    node_lon: FloatArray
    node_lat: FloatArray
    edge_u: IntArray
    edge_v: IntArray
    edge_way: IntArray
    edge_first: IntArray
    vertex_start: IntArray
    vertex_lon: FloatArray
    vertex_lat: FloatArray

    def __len__(self) -> int:
        return len(self.edge_u)


def split_ways(ways: Ways, usable: BoolArray) -> Edges:
    """Cut the usable ways where they share a vertex, end, or leave the extract.

    A vertex that repeats its predecessor is dropped. A way with vertices that the
    extract does not hold is cut there: nothing is drawn across the hole.

    Parameters
    ----------
    ways : Ways
    usable : ndarray of bool, shape (n_way,)
        Ways that belong to the network; the others neither give edges nor cut.

    Returns
    -------
    Edges
        In the order of the ways, and along each way.

    Examples
    --------
    Way 0 runs through nodes 1, 2, 3; way 1 leaves it at node 2.

    >>> ways = Ways(["a", "b"], (), [(), ()], np.array([0, 3, 5]),
    ...             np.array([1, 2, 3, 2, 4]), np.array([0.0, 1.0, 2.0, 1.0, 1.0]),
    ...             np.array([0.0, 0.0, 0.0, 0.0, 1.0]))
    >>> edges = split_ways(ways, np.array([True, True]))
    >>> edges.edge_u.tolist(), edges.edge_v.tolist(), edges.edge_first.tolist()
    ([0, 1, 1], [1, 2, 3], [0, 1, 0])
    >>> len(split_ways(ways, np.array([True, False])))
    1
    """
    way = np.repeat(np.arange(len(ways)), np.diff(ways.start))
    position = np.arange(len(way)) - ways.start[way]
    keep = usable[way]
    repeated = np.zeros(len(way), dtype=np.bool_)
    repeated[1:] = (ways.node[1:] == ways.node[:-1]) & (way[1:] == way[:-1])
    keep &= ~repeated
    # runs of vertices that are there; a hole between two vertices starts a new run
    hole = np.isnan(ways.lon)
    run = np.cumsum(hole)[keep & ~hole]
    at = np.flatnonzero(keep & ~hole)
    way, position, node = way[at], position[at], ways.node[at]
    lon, lat = ways.lon[at], ways.lat[at]
    if len(at) == 0:
        none = np.zeros(0, dtype=np.int64)
        nowhere = np.zeros(0)
        start = np.zeros(1, dtype=np.int64)
        return Edges(nowhere, nowhere, none, none, none, none, start, nowhere, nowhere)
    _, place, times_used = np.unique(node, return_inverse=True, return_counts=True)
    first = np.ones(len(at), dtype=np.bool_)
    first[1:] = (way[1:] != way[:-1]) | (run[1:] != run[:-1])
    last = np.roll(first, -1)
    breaks = np.flatnonzero(first | last | (times_used[place] > 1))
    # an edge runs from each break to the next one of the same run
    begin, end = breaks[:-1], breaks[1:]
    same = ~first[end]
    begin, end = begin[same], end[same]
    vertices, vertex_start = _ranges(begin, end + 1)
    ends = np.unique(np.concatenate([place[begin], place[end]]))
    node_of_place = np.full(len(times_used), -1, dtype=np.int64)
    node_of_place[ends] = np.arange(len(ends))
    any_vertex = np.zeros(len(times_used), dtype=np.int64)
    any_vertex[place] = np.arange(len(place))
    return Edges(
        node_lon=lon[any_vertex[ends]],
        node_lat=lat[any_vertex[ends]],
        edge_u=node_of_place[place[begin]],
        edge_v=node_of_place[place[end]],
        edge_way=way[begin],
        edge_first=position[begin],
        vertex_start=vertex_start,
        vertex_lon=lon[vertices],
        vertex_lat=lat[vertices],
    )


def _ranges(begin: IntArray, end: IntArray) -> tuple[IntArray, IntArray]:
    """Return the indices of ``begin:end`` one range after another, and the starts."""
    count = end - begin
    start = np.zeros(len(count) + 1, dtype=np.int64)
    np.cumsum(count, out=start[1:])
    flat = np.arange(start[-1]) - np.repeat(start[:-1], count)
    return flat + np.repeat(begin, count), start
