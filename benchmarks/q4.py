"""Q4: metres of road within 900 s on foot, summed by division."""

from __future__ import annotations

import time

import numpy as np
import shapely

from benchmarks.measure import Call, Table, peak_mb, run_in_turn
from benchmarks.networks import Case
from yikezhong_coverage.circles import service_area, union_area
from yikezhong_coverage.lengths import covered_edge_length_m
from yikezhong_coverage.records import RoadGraph
from yikezhong_coverage.travel import nearest_at_nodes

N_SIDE = 8
#: Roads that the overlay is asked for, every so many: less than its whole time.
N_OVERLAY = 1000


def run(case: Case, table: Table, *, repeats: int, memory: bool = True) -> None:
    """Measure and compare; divisions are 64 boxes."""
    graph, limit_s = case.graph, case.limit_s
    terms = {"limit_s": limit_s, "leg_speed_mps": 1.0}
    node_s = nearest_at_nodes(
        graph, case.facility, leg_speed_mps=1.0, max_time_s=limit_s
    ).time_s
    division = _division(graph)
    n_division = N_SIDE * N_SIDE

    def ours() -> np.ndarray:
        metres = covered_edge_length_m(graph, node_s, case.facility, **terms)
        return np.bincount(division, weights=metres, minlength=n_division)

    def numpy() -> np.ndarray:
        length, time_s = graph.edge_length_m, graph.edge_forward_s
        spare = np.maximum(limit_s - node_s[graph.edge_u], 0.0)
        spare += np.maximum(limit_s - node_s[graph.edge_v], 0.0)
        share = np.ones(len(length))
        np.divide(spare, time_s, out=share, where=time_s > 0)
        metres = np.minimum(share, 1.0) * length
        return np.bincount(division, weights=metres, minlength=n_division)

    calls: dict[str, Call] = {"yikezhong": ours, "numpy, by hand": numpy}
    found = ours()
    off = np.abs(numpy() - found).sum() / found.sum()
    if off > 0.01:
        raise SystemExit("Q4: the answers differ")
    agrees = {"numpy, by hand": f"off by {off:.1e}"}
    seconds = run_in_turn(calls, repeats=repeats)
    if case.name in ("tiny", "porto_alegre"):
        whole = union_area(service_area(graph, case.facility, **terms))
        some = np.arange(0, graph.n_edge, max(graph.n_edge // N_OVERLAY, 1))
        begin = time.perf_counter()
        by_overlay = _overlay(graph, whole, some)
        seconds["geopandas overlay"] = time.perf_counter() - begin
        metres = covered_edge_length_m(graph, node_s, case.facility, **terms)[some]
        off = by_overlay.sum() / metres.sum() - 1
        agrees["geopandas overlay"] = (
            f"off by {off:.1%}; {len(some)} roads only, not scaled"
        )
    table.add(
        "Q4",
        case.name,
        seconds,
        size=graph.n_node,
        agrees=agrees,
        peaks={who: peak_mb(call) for who, call in calls.items()} if memory else None,
    )


def _boxes(graph: RoadGraph) -> tuple[np.ndarray, np.ndarray]:
    lon = np.linspace(graph.node_lon.min(), graph.node_lon.max() + 1e-9, N_SIDE + 1)
    lat = np.linspace(graph.node_lat.min(), graph.node_lat.max() + 1e-9, N_SIDE + 1)
    return lon, lat


def _division(graph: RoadGraph) -> np.ndarray:
    """Return the box of each edge's middle."""
    lon, lat = _boxes(graph)
    x = (graph.node_lon[graph.edge_u] + graph.node_lon[graph.edge_v]) / 2
    y = (graph.node_lat[graph.edge_u] + graph.node_lat[graph.edge_v]) / 2
    column = np.searchsorted(lon, x, side="right") - 1
    return column * N_SIDE + np.searchsorted(lat, y, side="right") - 1


def _overlay(
    graph: RoadGraph, whole: shapely.MultiPolygon, some: np.ndarray
) -> np.ndarray:
    """Cut the roads with the circle's polygon, and add up by division."""
    import geopandas as gpd

    places = np.stack((graph.node_lon, graph.node_lat), axis=1)
    lines = shapely.linestrings(
        np.stack((places[graph.edge_u[some]], places[graph.edge_v[some]]), axis=1)
    )
    roads = gpd.GeoDataFrame(
        {"division": _division(graph)[some], "metres": graph.edge_length_m[some]},
        geometry=lines,
        crs="EPSG:4326",
    )
    roads["degrees"] = shapely.length(lines)
    circle = gpd.GeoDataFrame(geometry=list(whole.geoms), crs="EPSG:4326")
    cut = gpd.overlay(roads, circle, how="intersection", keep_geom_type=True)
    share = shapely.length(cut.geometry.to_numpy()) / np.maximum(cut["degrees"], 1e-12)
    return np.bincount(
        cut["division"], weights=cut["metres"] * share, minlength=N_SIDE * N_SIDE
    )
