"""Roads of a study: for display, and by length in every division."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from yikezhong_app.runs.measure import Network
from yikezhong_coverage.edges import (
    EdgeParts,
    RoadPieces,
    covered_parts,
    cut_roads,
    length_by_division,
)
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
)
from yikezhong_coverage.travel import nearest_at_nodes
from yikezhong_geodata.columns import CRS

#: Edges of a piece of a table of roads.
_PIECE_EDGES: Final = 100_000


@dataclass(frozen=True, eq=False)
class RoadLengths:
    """The usable roads of a network, cut up by division.

    Parameters
    ----------
    pieces : RoadPieces
    division : ndarray of int32, shape (n_piece,)
        Finest division of each piece; -1 outside.
    total_m : ndarray of float64, shape (n_division,)
        Usable road in each division itself [m].
    """

    pieces: RoadPieces
    division: IndexArray
    total_m: FloatArray


def measure_roads(
    network: Network, finest: gpd.GeoDataFrame, *, n_division: int
) -> RoadLengths:
    """Cut the usable roads of a network and add them up by division.

    Parameters
    ----------
    network : Network
    finest : GeoDataFrame
        The finest divisions, indexed by their place in the division table.
    n_division : int
        Rows of the division table.
    """
    pieces = cut_roads(network.graph)
    places = _place_pieces(network.graph, pieces, finest.geometry.to_numpy())
    division = np.append(finest.index.to_numpy(), -1).astype(np.int32)[places]
    total_m = length_by_division(
        pieces, division, n_division=n_division, kept=network.usable
    )
    return RoadLengths(pieces, division, total_m)


def _place_pieces(
    graph: RoadGraph, pieces: RoadPieces, shapes: NDArray[np.object_]
) -> IntArray:
    """Return the first shape that the middle of each piece lies in; -1 for none.

    A road that meets one shape only and lies within it is placed as a whole.
    """
    tree = shapely.STRtree(_lines(graph))
    met, edge = tree.query(shapes, predicate="intersects")
    within, inner = tree.query(shapes, predicate="contains_properly")
    n_met = np.bincount(edge, minlength=graph.n_edge)
    alone = n_met[inner] == 1
    of_edge = np.full(graph.n_edge, -1, dtype=np.int64)
    of_edge[inner[alone]] = within[alone]
    found = of_edge[pieces.edge]
    # the others piece by piece, looked for in the shapes that their edge meets
    asked = np.flatnonzero(of_edge[edge] < 0)
    start = np.searchsorted(pieces.edge, edge[asked])
    count = np.searchsorted(pieces.edge, edge[asked], side="right") - start
    shape = np.repeat(met[asked], count)
    piece = np.arange(len(shape)) + np.repeat(start - np.cumsum(count) + count, count)
    shapely.prepare(shapes)
    inside = shapely.intersects_xy(shapes[shape], pieces.lon[piece], pieces.lat[piece])
    # Written backwards: on a border the first shape keeps the piece.
    order = np.argsort(-shape[inside], kind="stable")
    found[piece[inside][order]] = shape[inside][order]
    return found


def _lines(graph: RoadGraph) -> NDArray[np.object_]:
    """Return the edges as lines."""
    vertices = np.column_stack([graph.vertex_lon, graph.vertex_lat])
    owner = np.repeat(np.arange(graph.n_edge), np.diff(graph.vertex_start))
    found: NDArray[np.object_] = shapely.linestrings(vertices, indices=owner)
    return found


def covered_roads(
    network: Network,
    facilities: IntArray,
    *,
    limit_s: float,
    around: tuple[Network, IntArray] | None = None,
) -> EdgeParts:
    """Return the parts of a network's roads within reach of facilities.

    Parameters
    ----------
    network : Network
    facilities : ndarray of int
        Those that count.
    limit_s : float
        Largest time [s], inclusive.
    around : tuple of (Network, ndarray of int), optional
        Where the network is only a part of the roads: what lies around it, with the
        same facilities, and which of its nodes are those of the network.
    """
    wider, node = around or (network, np.arange(network.graph.n_node))
    times = nearest_at_nodes(
        wider.graph,
        wider.facility.take(facilities),
        leg_speed_mps=network.leg_speed_mps,
        max_time_s=limit_s,
    )
    return covered_parts(
        network.graph,
        times.time_s[node],
        network.facility.take(facilities),
        limit_s=limit_s,
        leg_speed_mps=network.leg_speed_mps,
    )


def covered_road_m(
    lengths: RoadLengths, covered: EdgeParts, *, usable: BoolArray
) -> FloatArray:
    """Return the metres of usable road in each division that lie in covered parts."""
    return length_by_division(
        lengths.pieces,
        lengths.division,
        n_division=len(lengths.total_m),
        parts=covered,
        kept=usable,
    )


def road_rows(graph: RoadGraph) -> Iterator[gpd.GeoDataFrame]:
    """Yield the roads as lines with their class: the snapshot's table ``roads``."""
    for edges in edge_pieces(graph):
        some = slice_edges(graph, edges)
        yield gpd.GeoDataFrame(
            {
                "id": some.edge_id,
                "class": some.edge_class,
                "length_m": some.edge_length_m,
            },
            geometry=_lines(some),
            crs=CRS,
        )


def edge_pieces(graph: RoadGraph) -> Iterator[slice]:
    """Yield the edges of a graph in pieces that are small beside it; at least one."""
    for first in range(0, max(graph.n_edge, 1), _PIECE_EDGES):
        yield slice(first, min(first + _PIECE_EDGES, graph.n_edge))


def slice_edges(graph: RoadGraph, edges: slice) -> RoadGraph:
    """Return a graph with some of its edges and all its nodes."""
    start = graph.vertex_start[edges.start : edges.stop + 1]
    vertices = slice(int(start[0]), int(start[-1]))
    own = (field for field in fields(graph) if field.name.startswith("edge_"))
    return replace(
        graph,
        **{field.name: getattr(graph, field.name)[edges] for field in own},
        vertex_start=start - start[0],
        vertex_lon=graph.vertex_lon[vertices],
        vertex_lat=graph.vertex_lat[vertices],
        vertex_along_m=graph.vertex_along_m[vertices],
    )
