"""Roads of a study: for display, and by length in every division."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from yikezhong_app.runs.measure import Network, ServiceTimes
from yikezhong_coverage.edges import (
    RoadPieces,
    covered_parts,
    cut_roads,
    length_by_division,
)
from yikezhong_coverage.records import FloatArray, IndexArray, RoadGraph
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
    shapes = finest.geometry.to_numpy()
    points = shapely.points(pieces.lon, pieces.lat)
    owner, point = shapely.STRtree(points).query(shapes, predicate="intersects")
    division = np.full(len(pieces), -1, dtype=np.int32)
    # Written backwards: on a border the first division keeps the piece.
    division[point[::-1]] = finest.index.to_numpy()[owner[::-1]]
    total_m = length_by_division(
        pieces, division, n_division=n_division, kept=network.usable
    )
    return RoadLengths(pieces, division, total_m)


def covered_road_m(
    network: Network, times: ServiceTimes, lengths: RoadLengths, *, limit_s: float
) -> FloatArray:
    """Return the metres of usable road in each division within reach of a service."""
    facility = network.facility.take(times.facilities)
    nodes = nearest_at_nodes(
        network.graph,
        facility,
        leg_speed_mps=network.leg_speed_mps,
        max_time_s=limit_s,
    )
    parts = covered_parts(
        network.graph,
        nodes.time_s,
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
    vertices = np.column_stack([graph.vertex_lon, graph.vertex_lat])
    owner = np.repeat(np.arange(graph.n_edge), np.diff(graph.vertex_start))
    lines = shapely.linestrings(vertices, indices=owner)
    return gpd.GeoDataFrame(
        {
            "id": graph.edge_id,
            "class": graph.edge_class,
            "length_m": graph.edge_length_m,
        },
        geometry=lines,
        crs=CRS,
    )
