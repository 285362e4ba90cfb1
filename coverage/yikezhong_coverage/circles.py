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
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import shapely

from yikezhong_coverage.contours import Rings
from yikezhong_coverage.depth import find_depth
from yikezhong_coverage.edges import place_on_edges, turn_edges
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.lattice import LARGE_CELL_M, UNITS, step_lat, step_lon
from yikezhong_coverage.outlines import (
    LocalPlane,
    draw_outline,
    make_polygons,
    on_grid,
)
from yikezhong_coverage.reached import (
    Desk,
    Squares,
    lines_of,
    make_desk,
    make_squares,
    no_depth,
    no_squares,
    reached_pieces,
    stand_ins,
)
from yikezhong_coverage.records import (
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
    Snapped,
)
from yikezhong_coverage.travel import Direction, reach

#: Half the width that a reached road takes up in a circle [m].
BUFFER_M: Final = 50.0
#: Distance of the raster points of which outlines are made [m].
CELL_M: Final = 10.0
#: Facilities searched in one call at most, and nodes found for them, about: this
#: bounds the memory of wide circles.
_AT_ONCE: Final = 64
_MOST_PAIRS: Final = 2_000_000


@dataclass(frozen=True, eq=False)
class _Nodes:
    """The nodes that have an edge, as points to be reached, and all nodes' edges.

    With what else is kept for a graph: room for facilities in turn, and squares.

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
    desks: list[Desk] = field(default_factory=list)
    _squares: dict[tuple[int, int], Squares] = field(default_factory=dict)

    def take_desk(self, graph: RoadGraph) -> Desk:
        """Return room that nobody else uses."""
        try:
            return self.desks.pop()
        except IndexError:
            return make_desk(graph)

    def squares(self, graph: RoadGraph, cell_m: float, lat: float) -> Squares:
        """Return in which cells of the raster at a latitude everything lies."""
        size = step_lon(cell_m, lat), step_lat(cell_m)
        if size not in self._squares:
            wide, high = size[0] / UNITS, size[1] / UNITS
            self._squares[size] = make_squares(graph, wide, high)
        return self._squares[size]


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
    pieces_of = reached_roads(
        graph,
        facility,
        limit_s=limit_s,
        leg_speed_mps=leg_speed_mps,
        direction=direction,
        band=(buffer_m, cell_m) if cell_m >= LARGE_CELL_M else None,
    )
    circles: list[shapely.MultiPolygon] = []
    drawn: list[Rings] = []
    sheet = None
    for i, pieces in enumerate(pieces_of):
        plane = LocalPlane(float(facility.lon[i]), float(facility.lat[i]))
        rings, sheet = draw_outline(
            pieces, plane=plane, buffer_m=buffer_m, cell_m=cell_m, sheet=sheet
        )
        drawn.append(rings)
        if len(drawn) == _AT_ONCE:
            circles.extend(make_polygons(drawn))
            drawn.clear()
    return circles + make_polygons(drawn)


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


def reached_roads(
    graph: RoadGraph,
    facility: Snapped,
    *,
    limit_s: float,
    leg_speed_mps: float,
    direction: Direction,
    band: tuple[float, float] | None = None,
) -> Iterator[FloatArray]:
    """Yield the straight pieces of road that each facility is reached from, in order.

    Parameters
    ----------
    graph, facility, limit_s, leg_speed_mps, direction
        As in :func:`service_area`.
    band : tuple of float, optional
        Buffer and cell [m]: what lies so deep inside that it makes no difference to
        an outline is left out, see :mod:`yikezhong_coverage.depth`.

    Yields
    ------
    ndarray of float64, shape (n_piece, 4)
        Longitude and latitude of both ends [degrees].
    """
    nodes = _KEPT.get(graph)
    if nodes is None:
        nodes = _KEPT[graph] = _nodes_as_points(graph)
    edges, desk = turn_edges(graph, direction), nodes.take_desk(graph)
    lines = lines_of(graph)
    first, n_next = 0, 1
    while first < len(facility):
        some = facility.take(np.arange(first, min(first + n_next, len(facility))))
        pairs = reach(
            graph,
            nodes.place,
            some,
            leg_speed_mps=leg_speed_mps,
            limit_s=limit_s,
            direction=direction,
        )
        for i in range(len(some)):
            if some.edge[i] < 0:
                yield np.empty((0, 4))
                continue
            row = slice(pairs.start[i], pairs.start[i + 1])
            one, reached = some.take(np.array([i])), nodes.node[pairs.demand[row]]
            squares, depth, kept = no_squares(), no_depth(), np.empty((0, 4))
            if band is not None:
                plane = LocalPlane(float(one.lon[0]), float(one.lat[0]))
                squares = nodes.squares(graph, band[1], plane.lat)
                kept = stand_ins(reached, squares, graph.node_lon, graph.node_lat)
                depth = find_depth(kept, plane=plane, buffer_m=band[0], cell_m=band[1])
            pieces = reached_pieces(
                reached,
                pairs.time_s[row],
                limit_s,
                place_on_edges(one, limit_s=limit_s, leg_speed_mps=leg_speed_mps),
                edges,
                nodes.start,
                nodes.edge,
                lines,
                squares,
                depth,
                desk,
            )
            yield np.concatenate((kept, pieces)) if len(kept) else pieces
        first += len(some)
        per_facility = len(pairs.demand) / len(some) + 1
        n_next = int(min(max(_MOST_PAIRS / per_facility, 1), _AT_ONCE))
    nodes.desks.append(desk)


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
