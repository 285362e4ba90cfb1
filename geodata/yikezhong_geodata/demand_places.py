"""Where people may be put: cells, buildings, pieces of road, a point inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely

from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
)
from yikezhong_geodata.columns import GROUPS
from yikezhong_geodata.locate import geometry_of, has_children, locate_points

METHODS: Final = ("cells", "buildings", "roads", "point")
METHOD_NAMES: Final = {
    "cells": "人口格网",
    "buildings": "建筑",
    "roads": "可步行道路",
    "point": "代表点",
}
#: Length of road that one demand point stands for, at most [m].
MAX_PIECE_M: Final = 200.0


@dataclass(frozen=True, eq=False)
class Places:
    """Candidate points of all methods: where they are and how much they weigh."""

    lon: FloatArray
    lat: FloatArray
    division: IndexArray
    method: IndexArray  # index into METHODS
    weight: FloatArray
    own: dict[str, FloatArray]  # weights of single groups, nan where not given

    def take(self, index: IntArray | BoolArray) -> Places:
        """Return the places at ``index``, in that order."""
        return Places(
            self.lon[index],
            self.lat[index],
            self.division[index],
            self.method[index],
            self.weight[index],
            {group: values[index] for group, values in self.own.items()},
        )


def candidates(
    divisions: Any,
    *,
    cells: pd.DataFrame | None,
    buildings: pd.DataFrame | None,
    walking: RoadGraph | None,
    method: str,
    group: IndexArray,
) -> Places:
    """Return all places of all methods that may be used.

    Parameters are those of :func:`~yikezhong_geodata.demand.build_demand`, and the
    division that each division shares one method with. Roads are left out where no
    such group can come to use them.
    """
    parts = []
    if cells is not None and method in ("auto", "cells", "buildings"):
        parts.append(_from_cells(cells))
    if buildings is not None and method in ("auto", "buildings"):
        weight = buildings["weight"].to_numpy(np.float64)
        parts.append(_from_table(buildings, "buildings", weight))
    served = np.zeros(len(divisions), dtype=np.bool_)
    for part in parts:
        served[group[part.division[part.weight > 0]]] = True
    wanting = not served[group[~has_children(divisions)]].all()
    if walking is not None and method in ("auto", "roads") and wanting:
        parts.append(_from_roads(walking, divisions))
    parts.append(_from_divisions(divisions))
    return Places(
        np.concatenate([p.lon for p in parts]),
        np.concatenate([p.lat for p in parts]),
        np.concatenate([p.division for p in parts]),
        np.concatenate([p.method for p in parts]),
        np.concatenate([p.weight for p in parts]),
        {g: np.concatenate([p.own[g] for p in parts]) for g in GROUPS},
    )


def _from_table(
    table: pd.DataFrame,
    method: str,
    weight: FloatArray,
    own: dict[str, FloatArray] | None = None,
) -> Places:
    n = len(table)
    return Places(
        table["lon"].to_numpy(np.float64),
        table["lat"].to_numpy(np.float64),
        table["division"].to_numpy(np.int32),
        np.full(n, METHODS.index(method), dtype=np.int32),
        weight,
        own or {group: np.full(n, np.nan) for group in GROUPS},
    )


def _from_cells(cells: pd.DataFrame) -> Places:
    own = {group: cells[group].to_numpy(np.float64) for group in GROUPS}
    first = next((g for g in GROUPS if not np.isnan(own[g]).all()), "people")
    weight = np.nan_to_num(own[first], nan=0.0)
    places = _from_table(cells, "cells", weight, own)
    is_building = (cells["method"] == "buildings").to_numpy()
    places.method[is_building] = METHODS.index("buildings")
    return places


def _from_divisions(divisions: Any) -> Places:
    """Return one point in each lowest division, weighing its area."""
    geometry = geometry_of(divisions)
    lowest = np.flatnonzero(~has_children(divisions) & ~shapely.is_missing(geometry))
    table = pd.DataFrame(
        {
            "lon": divisions["lon"].to_numpy(np.float64)[lowest],
            "lat": divisions["lat"].to_numpy(np.float64)[lowest],
            "division": lowest,
        }
    )
    area = divisions["area_m2"].to_numpy(np.float64)[lowest]
    return _from_table(table, "point", np.maximum(area, 1e-6))


def _from_roads(graph: RoadGraph, divisions: Any) -> Places:
    """Return the middles of pieces of road inside divisions, weighing their length."""
    lon, lat, metres = road_pieces(graph, max_piece_m=MAX_PIECE_M)
    located = locate_points(divisions, lon, lat=lat)
    lowest = ~has_children(divisions)
    inside = located.division >= 0
    inside[inside] = lowest[located.division[inside]] & (metres[inside] > 0)
    table = pd.DataFrame(
        {"lon": lon[inside], "lat": lat[inside], "division": located.division[inside]}
    )
    return _from_table(table, "roads", metres[inside])


def road_pieces(
    graph: RoadGraph, *, max_piece_m: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Cut every edge into equal pieces and return their middles and lengths.

    Parameters
    ----------
    graph : RoadGraph
    max_piece_m : float
        Longest piece [m], along the edge.

    Returns
    -------
    lon, lat : ndarray of float64, shape (n_piece,)
        Middle of each piece on the road [degrees].
    length_m : ndarray of float64, shape (n_piece,)
    """
    length = graph.edge_length_m
    n_piece = np.maximum(np.ceil(length / max_piece_m), 1).astype(np.int64)
    edge = np.repeat(np.arange(graph.n_edge), n_piece)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(n_piece) - n_piece, n_piece)
    metres = length[edge] / n_piece[edge]
    along = (number + 0.5) * metres
    # one rising axis over all edges, so that a single search finds each segment
    gap = float(length.max(initial=0.0)) + 1.0
    n_vertex = np.diff(graph.vertex_start)
    owner = np.repeat(np.arange(graph.n_edge), n_vertex)
    axis = graph.vertex_along_m + owner * gap
    first = np.searchsorted(axis, along + edge * gap, side="right") - 1
    first = np.clip(first, graph.vertex_start[edge], graph.vertex_start[edge + 1] - 2)
    begin, end = graph.vertex_along_m[first], graph.vertex_along_m[first + 1]
    share = np.divide(
        along - begin, end - begin, out=np.zeros(len(edge)), where=end > begin
    )
    share = np.clip(share, 0.0, 1.0)

    def at(values: FloatArray) -> FloatArray:
        between: FloatArray = (
            values[first] + (values[first + 1] - values[first]) * share
        )
        return between

    return at(graph.vertex_lon), at(graph.vertex_lat), metres
