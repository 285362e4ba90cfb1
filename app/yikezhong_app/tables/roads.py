"""Roads of a study: for display, and by length in every division."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from yikezhong_app.runs.measure import Network
from yikezhong_coverage.edges import (
    RoadPieces,
    covered_parts,
    cut_roads,
    length_by_division,
)
from yikezhong_coverage.records import FloatArray, IndexArray, IntArray, RoadGraph
from yikezhong_coverage.travel import nearest_at_nodes
from yikezhong_geodata.columns import CRS


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
    _, edge = tree.query(shapes, predicate="intersects")
    within, inner = tree.query(shapes, predicate="contains_properly")
    n_met = np.bincount(edge, minlength=graph.n_edge)
    alone = n_met[inner] == 1
    of_edge = np.full(graph.n_edge, -1, dtype=np.int64)
    of_edge[inner[alone]] = within[alone]
    found = of_edge[pieces.edge]
    open_ = np.flatnonzero((n_met > 0)[pieces.edge] & (found < 0))
    points = shapely.points(pieces.lon[open_], pieces.lat[open_])
    owner, point = shapely.STRtree(points).query(shapes, predicate="intersects")
    # Written backwards: on a border the first shape keeps the piece.
    found[open_[point[::-1]]] = owner[::-1]
    return found


def _lines(graph: RoadGraph) -> NDArray[np.object_]:
    """Return the edges as lines."""
    vertices = np.column_stack([graph.vertex_lon, graph.vertex_lat])
    owner = np.repeat(np.arange(graph.n_edge), np.diff(graph.vertex_start))
    found: NDArray[np.object_] = shapely.linestrings(vertices, indices=owner)
    return found


def covered_road_m(
    network: Network,
    facilities: IntArray,
    lengths: RoadLengths,
    *,
    limit_s: float,
    around: tuple[Network, IntArray] | None = None,
) -> FloatArray:
    """Return the metres of usable road in each division within reach of facilities.

    Parameters
    ----------
    network : Network
    facilities : ndarray of int
        Those that count.
    lengths : RoadLengths
        Of the network.
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
    facility = network.facility.take(facilities)
    parts = covered_parts(
        network.graph,
        times.time_s[node],
        facility,
        limit_s=limit_s,
        leg_speed_mps=network.leg_speed_mps,
    )
    return length_by_division(
        lengths.pieces,
        lengths.division,
        n_division=len(lengths.total_m),
        parts=parts,
        kept=network.usable,
    )


def road_rows(graph: RoadGraph) -> gpd.GeoDataFrame:
    """Return the roads as lines with their class: the snapshot's table ``roads``."""
    return gpd.GeoDataFrame(
        {
            "id": graph.edge_id,
            "class": graph.edge_class,
            "length_m": graph.edge_length_m,
        },
        geometry=_lines(graph),
        crs=CRS,
    )
