"""Circles: what is reachable within a limit from each facility, as polygons to show.

A circle is made of the parts of roads from which the facility is within the limit,
widened by ``buffer_m`` to both sides: 50 m by default, which takes in the buildings
along a road. Rates never come from circles, except area shares, which are marked
approximate.

The facility's own access leg uses up time. Where it uses up all of it the circle is
empty; where exactly nothing is left it is a disc around the snapped place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import shapely

from yikezhong_coverage.edges import EdgeParts, covered_parts
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.outlines import LocalPlane, on_grid, outline
from yikezhong_coverage.records import IndexArray, IntArray, RoadGraph, Snapped
from yikezhong_coverage.travel import Direction, reach

#: Half the width that a reached road takes up in a circle [m].
BUFFER_M: Final = 50.0
#: Distance of the raster points of which outlines are made [m].
CELL_M: Final = 10.0
#: Facilities searched in one call; bounds the memory of wide circles.
_AT_ONCE: Final = 64


@dataclass(frozen=True, eq=False)
class _Nodes:
    """The nodes that have an edge, as points to be reached, and all nodes' edges.

    Parameters
    ----------
    node : ndarray of int32, shape (n,)
    place : Snapped
        Each of these nodes, on one of its edges.
    start, edge : ndarray
        Edges that end at each node of the graph, as compressed rows.
    """

    node: IndexArray
    place: Snapped
    start: IntArray
    edge: IndexArray


#: Made once for a graph and kept while it lives: finding them takes longer than
#: searching for one circle.
_KEPT: WeakKeyDictionary[RoadGraph, _Nodes] = WeakKeyDictionary()


def service_area(
    graph: RoadGraph,
    facility: Snapped,
    *,
    limit_s: float,
    leg_speed_mps: float,
    buffer_m: float = BUFFER_M,
    cell_m: float = CELL_M,
    direction: Direction = "to_facility",
) -> list[shapely.MultiPolygon]:
    """Return the circle of each facility by itself.

    Parameters
    ----------
    graph : RoadGraph
    facility : Snapped
        One or many facilities, or any points.
    limit_s : float
        Largest accepted time [s], inclusive, finite.
    leg_speed_mps : float
        Speed on the facility's access leg [m/s].
    buffer_m : float
        Width added to both sides of a reached road [m].
    cell_m : float
        Cell of the raster [m], at most half of ``buffer_m``.
    direction : {"to_facility", "from_facility"}
        Which way people go.

    Returns
    -------
    list of shapely.MultiPolygon
        In the order of the facilities, longitude and latitude, valid, rounded to
        1e-6°. Empty for a facility that is not on a road or whose leg alone takes
        longer than the limit.
    """
    check_band(buffer_m=buffer_m, cell_m=cell_m, limit_s=limit_s)
    circles = []
    parts_of = _facility_parts(
        graph,
        facility,
        limit_s=limit_s,
        leg_speed_mps=leg_speed_mps,
        direction=direction,
    )
    for i, parts in enumerate(parts_of):
        plane = LocalPlane(float(facility.lon[i]), float(facility.lat[i]))
        circles.append(
            outline(graph, parts, plane=plane, buffer_m=buffer_m, cell_m=cell_m)
        )
    return circles


def check_band(*, buffer_m: float, cell_m: float, limit_s: float) -> None:
    """Refuse a band or a limit that circles cannot be made with."""
    if not (buffer_m > 0 and 0 < cell_m <= buffer_m / 2):
        raise InputError(
            f"服务圈的宽度 {buffer_m} 米、网格 {cell_m} 米不能用",
            hint="宽度应为正数，网格不大于宽度的一半",
        )
    if not (np.isfinite(limit_s) and limit_s >= 0):
        raise InputError(f"时限为 {limit_s}，应为非负有限数（秒）")


def union_area(circles: Sequence[shapely.MultiPolygon]) -> shapely.MultiPolygon:
    """Return the union of circles: the circle of a whole service.

    Parameters
    ----------
    circles : sequence of shapely.MultiPolygon
        In longitude and latitude; may be empty.

    Returns
    -------
    shapely.MultiPolygon
        Valid, rounded to 1e-6°.

    Examples
    --------
    >>> union_area([]).is_empty
    True
    >>> squares = [shapely.MultiPolygon([shapely.box(x, 0, x + 2, 1)]) for x in (0, 1)]
    >>> union_area(squares).area
    3.0
    """
    # Circles of far-apart places are joined apart: half the time, the same shape.
    return on_grid(shapely.disjoint_subset_union_all(list(circles)))


def _facility_parts(
    graph: RoadGraph,
    facility: Snapped,
    *,
    limit_s: float,
    leg_speed_mps: float,
    direction: Direction,
) -> Iterator[EdgeParts]:
    """Yield the reached parts of roads for each facility by itself, in order.

    Only edges at reached nodes, and the facility's own, are looked at.
    """
    nodes = _KEPT.get(graph)
    if nodes is None:
        nodes = _KEPT[graph] = _nodes_as_points(graph)
    node_time_s = np.full(graph.n_node, np.inf)
    for first in range(0, len(facility), _AT_ONCE):
        some = facility.take(np.arange(first, min(first + _AT_ONCE, len(facility))))
        pairs = reach(
            graph,
            nodes.place,
            some,
            leg_speed_mps=leg_speed_mps,
            limit_s=limit_s,
            direction=direction,
        )
        for i in range(len(some)):
            row = slice(pairs.start[i], pairs.start[i + 1])
            reached = nodes.node[pairs.demand[row]]
            node_time_s[reached] = pairs.time_s[row]
            yield covered_parts(
                graph,
                node_time_s,
                some.take(np.array([i])),
                limit_s=limit_s,
                leg_speed_mps=leg_speed_mps,
                direction=direction,
                edges=_edges_of(reached, nodes, some.edge[i]),
            )
            node_time_s[reached] = np.inf


def _nodes_as_points(graph: RoadGraph) -> _Nodes:
    """Return the nodes that have an edge, as points on one of their edges.

    A point exactly at a node has the node's times. Of its edges the longest is
    taken: on an edge without length the ends are one point.
    """
    start, edge = _edges_at_nodes(graph)
    node = np.repeat(np.arange(graph.n_node, dtype=np.int32), np.diff(start))
    order = np.lexsort((edge, -graph.edge_length_m[edge], node))
    nodes, first = np.unique(node[order], return_index=True)
    on = edge[order][first]
    at_u = graph.edge_u[on] == nodes
    along_m = np.where(at_u, 0.0, graph.edge_length_m[on])
    none = np.zeros(len(nodes))
    place = Snapped(on, along_m, none, graph.node_lon[nodes], graph.node_lat[nodes])
    return _Nodes(nodes, place, start, edge)


def _edges_at_nodes(graph: RoadGraph) -> tuple[IntArray, IndexArray]:
    """Return the edges that end at each node, as compressed rows (start, edge)."""
    node = np.concatenate((graph.edge_u, graph.edge_v))
    edge = np.tile(np.arange(graph.n_edge, dtype=np.int32), 2)
    start = np.zeros(graph.n_node + 1, dtype=np.int64)
    np.cumsum(np.bincount(node, minlength=graph.n_node), out=start[1:])
    return start, edge[np.argsort(node, kind="stable")]


def _edges_of(reached: IndexArray, nodes: _Nodes, own_edge: int) -> IndexArray:
    """Return the edges at any reached node and the own edge, ascending, unique."""
    begin = nodes.start[reached]
    count = nodes.start[reached + 1] - begin
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    near = nodes.edge[np.repeat(begin, count) + offset]
    own = np.array([own_edge] if own_edge >= 0 else [], dtype=np.int32)
    return np.unique(np.concatenate((near, own)))
