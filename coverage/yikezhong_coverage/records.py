"""Frozen records that carry arrays between the functions of this package.

Everything is an array with its unit in the name; ids stand beside the arrays they
name. Records check their shapes once, when made, and are never changed afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.errors import BadWeightError, GraphError, InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
IndexArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class RoadGraph:
    """A road network of one profile: nodes, edges with their shape, times.

    An edge is a stretch of road between two nodes; it may be a curve and may be
    parallel to another or a loop. Each of its two directions has a time of its own,
    ``inf`` where that direction may not be used. Times are multiples of 2⁻³⁰ s
    (see :func:`yikezhong_coverage.exact.round_time`), so that sums are exact.

    Parameters
    ----------
    profile : str
        ``"walking"`` or ``"driving"``.
    node_lon, node_lat : ndarray of float64, shape (n_node,)
        Positions [degrees, EPSG:4326].
    edge_u, edge_v : ndarray of int32, shape (n_edge,)
        First and last node of each edge.
    edge_id : ndarray of str, shape (n_edge,)
        Stable names, unique, independent of how the study is cut; edges are sorted
        so that ties are always broken the same way.
    edge_length_m : ndarray of float64, shape (n_edge,)
        Ellipsoidal lengths [m], non-negative.
    edge_forward_s, edge_backward_s : ndarray of float64, shape (n_edge,)
        Times from u to v and from v to u [s]; ``inf`` where not allowed.
    vertex_start : ndarray of int64, shape (n_edge + 1,)
        Edge ``e`` has the vertices ``vertex_start[e]:vertex_start[e + 1]`` (at least
        two), the first at u and the last at v.
    vertex_lon, vertex_lat : ndarray of float64, shape (n_vertex,)
        Shape of the edges [degrees].
    vertex_along_m : ndarray of float64, shape (n_vertex,)
        Distance from u along the edge [m]; 0 at u, the edge's length at v.
    edge_class : ndarray of str, shape (n_edge,)
        Road class as in the source (``highway=``), for display.
    """

    profile: str
    node_lon: FloatArray
    node_lat: FloatArray
    edge_u: IndexArray
    edge_v: IndexArray
    edge_id: NDArray[np.str_]
    edge_length_m: FloatArray
    edge_forward_s: FloatArray
    edge_backward_s: FloatArray
    vertex_start: IntArray
    vertex_lon: FloatArray
    vertex_lat: FloatArray
    vertex_along_m: FloatArray
    edge_class: NDArray[np.str_]

    def __post_init__(self) -> None:
        n_edge = len(self.edge_u)
        for name in (
            "edge_v",
            "edge_id",
            "edge_length_m",
            "edge_forward_s",
            "edge_backward_s",
            "edge_class",
        ):
            if len(getattr(self, name)) != n_edge:
                raise GraphError(f"路网记录 {name} 的长度与边数不符")
        if len(self.vertex_start) != n_edge + 1:
            raise GraphError("路网记录 vertex_start 的长度应为边数加一")
        for name in ("edge_length_m", "edge_forward_s", "edge_backward_s"):
            values = getattr(self, name)
            bad = np.flatnonzero(~(values >= 0))
            if len(bad):
                raise BadWeightError(
                    f"路段 {self.edge_id[bad[0]]} 的 {name} 为 {values[bad[0]]}，"
                    "应为非负数"
                )

    @property
    def n_node(self) -> int:
        """Number of nodes."""
        return len(self.node_lon)

    @property
    def n_edge(self) -> int:
        """Number of edges."""
        return len(self.edge_u)


@dataclass(frozen=True, eq=False)
class Snapped:
    """Points put on the nearest usable edge of a network.

    Parameters
    ----------
    edge : ndarray of int32, shape (n_point,)
        Edge index; -1 where no usable edge lies within ``max_snap_m``.
    along_m : ndarray of float64, shape (n_point,)
        Distance of the snapped place from the edge's u, along the edge [m];
        ``nan`` where there is no edge. At 0 a point is at the node u, at the edge's
        length at v, also where a one-way street does not lead there.
    leg_m : ndarray of float64, shape (n_point,)
        Ellipsoidal distance from the point to its snapped place [m]; ``nan`` where
        there is no edge within ``max_snap_m``.
    lon, lat : ndarray of float64, shape (n_point,)
        The snapped place [degrees]; ``nan`` where there is none.
    """

    edge: IndexArray
    along_m: FloatArray
    leg_m: FloatArray
    lon: FloatArray
    lat: FloatArray

    def __len__(self) -> int:
        return len(self.edge)

    def take(self, index: IntArray | BoolArray) -> Snapped:
        """Return the snapped points at ``index``, in that order."""
        return Snapped(
            self.edge[index],
            self.along_m[index],
            self.leg_m[index],
            self.lon[index],
            self.lat[index],
        )


@dataclass(frozen=True, eq=False)
class Nearest:
    """Time to the nearest facility, and which one it is.

    Parameters
    ----------
    time_s : ndarray of float64, shape (n,)
        Travel time [s]; ``inf`` beyond the largest time or where there is no route.
    facility : ndarray of int32, shape (n,)
        Index of the nearest facility; of equally near ones the smallest index;
        -1 where ``time_s`` is ``inf``.
    """

    time_s: FloatArray
    facility: IndexArray


@dataclass(frozen=True, eq=False)
class Reach:
    """Facility × demand times within a limit, as compressed sparse rows.

    Row ``f`` holds ``demand[start[f]:start[f + 1]]``, in ascending order of demand,
    with ``time_s`` beside it. Only pairs with ``time_s <= limit_s`` are kept.

    Parameters
    ----------
    start : ndarray of int64, shape (n_facility + 1,)
    demand : ndarray of int32, shape (n_pair,)
    time_s : ndarray of float64, shape (n_pair,)
        Travel time [s].
    n_demand : int
    limit_s : float
        Largest time kept [s], inclusive.
    """

    start: IntArray
    demand: IndexArray
    time_s: FloatArray
    n_demand: int
    limit_s: float

    @property
    def n_facility(self) -> int:
        """Number of facilities (rows)."""
        return len(self.start) - 1


@dataclass(frozen=True, eq=False)
class Demand:
    """People at points.

    Parameters
    ----------
    id : ndarray of str, shape (n_demand,)
        Unique ids; their order is the order of the points.
    lon, lat : ndarray of float64, shape (n_demand,)
        Positions [degrees, EPSG:4326].
    unit : ndarray of int32, shape (n_demand,)
        Index of the finest division each point lies in (into :class:`Divisions`).
    counts : mapping of str to ndarray of float64, shape (n_demand,)
        People of each group [persons], multiples of 2⁻²⁰; ``nan`` is unknown.
    """

    id: NDArray[np.str_]
    lon: FloatArray
    lat: FloatArray
    unit: IndexArray
    counts: Mapping[str, FloatArray]


@dataclass(frozen=True, eq=False)
class Divisions:
    """The tree of administrative divisions.

    Parameters
    ----------
    code : ndarray of str, shape (n_division,)
        Unique codes.
    level : ndarray of str, shape (n_division,)
        ``province``, ``prefecture``, ``county``, ``township`` or ``community``;
        levels may be absent.
    parent : ndarray of int32, shape (n_division,)
        Index of the parent; -1 at the top. Parents may skip levels.
    unknown : mapping of str to ndarray of bool, shape (n_division,), optional
        Per group, divisions whose own count is not known.
    """

    code: NDArray[np.str_]
    level: NDArray[np.str_]
    parent: IndexArray
    unknown: Mapping[str, BoolArray] = field(default_factory=dict)

    @cached_property
    def from_the_bottom(self) -> tuple[IntArray, ...]:
        """Divisions with a parent, in groups of equal depth, deepest first."""
        depth = np.zeros(len(self.code), dtype=np.int64)
        current = self.parent.copy()
        while (current >= 0).any():
            depth[current >= 0] += 1
            if depth.max() > len(depth):
                raise InputError("行政区划的上下级关系成环")
            current = np.where(current >= 0, self.parent[current], -1)
        deepest = int(depth.max(initial=0))
        return tuple(np.flatnonzero(depth == d) for d in range(deepest, 0, -1))

    def ancestor_at(self, level: str) -> IndexArray:
        """Return for each division itself or its ancestor at ``level``, else -1."""
        found = np.full(len(self.code), -1, dtype=np.int32)
        current = np.arange(len(self.code), dtype=np.int32)
        while True:
            open_ = (found < 0) & (current >= 0)
            if not open_.any():
                return found
            here = open_.copy()
            here[open_] = self.level[current[open_]] == level
            found[here] = current[here]
            current[open_] = self.parent[current[open_]]


@dataclass(frozen=True)
class Service:
    """What a circle is drawn for; read from ``services.yaml``.

    Parameters
    ----------
    id : str
        Stable name, e.g. ``elderly_circle``.
    name : str
        Chinese name for screens.
    categories : tuple of str
        A facility belongs if its category is any of these.
    functions : tuple of str
        All of these must be offered; empty asks for none.
    group : str
        Demand column that is counted by default, e.g. ``people_60``.
    profile : str
        ``walking`` or ``driving``.
    limit_s : float
        Largest accepted travel time [s], inclusive.
    capacity : str or None
        Facility column with the capacity units; None: no capacity limit.
    people_per_unit : float
        People served by one unit of capacity.
    """

    id: str
    name: str
    categories: tuple[str, ...]
    functions: tuple[str, ...] = ()
    group: str = "people_60"
    profile: str = "walking"
    limit_s: float = 900.0
    capacity: str | None = None
    people_per_unit: float = 1.0
