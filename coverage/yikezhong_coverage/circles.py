"""Circles: what is reachable within a limit from each facility, as polygons to show.

A circle is made of the parts of roads from which the facility is within the limit,
widened by ``buffer_m`` to both sides: 50 m by default, which takes in the buildings
along a road. Rates never come from circles, except area shares, which are marked
approximate.

The facility's own access leg uses up time. Where it uses up all of it the circle is
empty; where exactly nothing is left it is a disc around the snapped place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from yikezhong_coverage import kernels
from yikezhong_coverage.edges import EdgeParts, covered_parts
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.outlines import LocalPlane, on_grid, outline
from yikezhong_coverage.records import IndexArray, IntArray, RoadGraph, Snapped
from yikezhong_coverage.travel import Direction, _label, _network, _stops

#: Half the width that a reached road takes up in a circle [m].
BUFFER_M = 50.0
#: Distance of the raster points of which outlines are made [m].
CELL_M = 10.0


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
    if not (buffer_m > 0 and 0 < cell_m <= buffer_m / 2):
        raise InputError(
            f"服务圈的宽度 {buffer_m} 米、网格 {cell_m} 米不能用",
            hint="宽度应为正数，网格不大于宽度的一半",
        )
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
    return on_grid(shapely.union_all(list(circles)))


def _facility_parts(
    graph: RoadGraph,
    facility: Snapped,
    *,
    limit_s: float,
    leg_speed_mps: float,
    direction: Direction,
) -> list[EdgeParts]:
    """Return the reached parts of roads for each facility by itself.

    One bounded search each; what is touched by none costs nothing.
    """
    if not (np.isfinite(limit_s) and limit_s >= 0):
        raise InputError(f"时限为 {limit_s}，应为非负有限数（秒）")
    network = _network(graph, direction)
    stops = _stops(network, facility, leg_speed_mps, leaving=False)
    room = kernels.Workspace.for_nodes(graph.n_node)
    at_node = _edges_at_nodes(graph)
    nothing = EdgeParts(np.zeros(0, dtype=np.int32), np.zeros(0), np.zeros(0))
    found = [nothing] * len(facility)
    for place, index in enumerate(stops.index):
        n_touched = _label(network, stops.take(np.array([place])), limit_s, room)
        edges = _edges_of(room.touched[:n_touched], at_node, facility.edge[index])
        found[index] = covered_parts(
            graph,
            room.time_s,
            facility.take(np.array([index])),
            limit_s=limit_s,
            leg_speed_mps=leg_speed_mps,
            direction=direction,
            edges=edges,
        )
        kernels.clear(n_touched, *room.arrays)
    return found


def _edges_at_nodes(graph: RoadGraph) -> tuple[IntArray, IndexArray]:
    """Return the edges that end at each node, as compressed rows (start, edge)."""
    node = np.concatenate((graph.edge_u, graph.edge_v))
    edge = np.tile(np.arange(graph.n_edge, dtype=np.int32), 2)
    start = np.zeros(graph.n_node + 1, dtype=np.int64)
    np.cumsum(np.bincount(node, minlength=graph.n_node), out=start[1:])
    return start, edge[np.argsort(node, kind="stable")]


def _edges_of(
    nodes: IndexArray, at_node: tuple[IntArray, IndexArray], own_edge: int
) -> IndexArray:
    """Return the edges at any of the nodes, and one more, ascending and unique."""
    start, edge = at_node
    count = start[nodes + 1] - start[nodes]
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    near = edge[np.repeat(start[nodes], count) + offset]
    return np.unique(np.append(near, np.int32(own_edge)))
