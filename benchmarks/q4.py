"""Q4: metres of road within 900 s on foot, summed by division."""

from __future__ import annotations

import numpy as np
import shapely

from benchmarks.measure import Call, Table, Timing, once, peak_mb, run_in_turn
from benchmarks.networks import Case
from yikezhong_coverage.circles import service_area, union_area
from yikezhong_coverage.lengths import covered_edge_length_m, covered_length_m
from yikezhong_coverage.records import RoadGraph
from yikezhong_coverage.travel import nearest_at_nodes

N_SIDE = 8
N_DIVISION = N_SIDE * N_SIDE
#: Roads that the overlay is asked for: all of them would take half an hour.
N_OVERLAY = 1000


def run(case: Case, table: Table, *, repeats: int, outside: bool = True) -> None:
    """Measure and compare; divisions are 64 boxes."""
    graph, limit_s = case.graph, case.limit_s
    node_s = _node_times(case)
    division = _division(graph).astype(np.int32)

    def ours(times: np.ndarray = node_s) -> np.ndarray:
        return covered_length_m(
            graph, times, case.facility, division, n_group=N_DIVISION,
            limit_s=limit_s, leg_speed_mps=1.0,
        )  # fmt: skip

    def numpy() -> np.ndarray:
        length, time_s = graph.edge_length_m, graph.edge_forward_s
        spare = np.maximum(limit_s - node_s[graph.edge_u], 0.0)
        spare += np.maximum(limit_s - node_s[graph.edge_v], 0.0)
        share = np.ones(len(length))
        np.divide(spare, time_s, out=share, where=time_s > 0)
        metres = np.minimum(share, 1.0) * length
        return np.bincount(division, weights=metres, minlength=N_DIVISION)

    calls: dict[str, Call] = {"yikezhong": ours, "numpy, by hand": numpy}
    found = ours()
    off = np.abs(numpy() - found).sum() / found.sum()
    if off > 0.01:
        raise SystemExit("Q4: the answers differ")
    agrees = {"numpy, by hand": f"off by {off:.1e}"}
    peaks = {who: peak_mb(call) for who, call in calls.items()}
    timings = run_in_turn(calls, repeats=repeats)
    if case.name in ("tiny", "porto_alegre"):
        timings["geopandas overlay"], agrees["geopandas overlay"] = _by_overlay(
            case, division
        )
    table.add("Q4", case.name, timings, size=graph.n_node, agrees=agrees, peaks=peaks)
    both: dict[str, Call] = {
        "yikezhong, Q1": lambda: _node_times(case),
        "yikezhong, Q1 and Q4": lambda: ours(_node_times(case)),
    }
    timings = run_in_turn(both, repeats=repeats)
    table.add("Q4 with Q1", case.name, timings, size=graph.n_node)


def _node_times(case: Case) -> np.ndarray:
    terms = {"leg_speed_mps": 1.0, "max_time_s": case.limit_s}
    return nearest_at_nodes(case.graph, case.facility, **terms).time_s


def _by_overlay(case: Case, division: np.ndarray) -> tuple[Timing, str]:
    """Return the time of an overlay of some roads, and how far off it is."""
    terms = {"limit_s": case.limit_s, "leg_speed_mps": 1.0}
    whole = union_area(service_area(case.graph, case.facility, **terms))
    some = np.arange(0, case.graph.n_edge, max(case.graph.n_edge // N_OVERLAY, 1))
    timing, found = once(lambda: _overlay(case.graph, whole, division, some))
    times = _node_times(case)
    metres = covered_edge_length_m(case.graph, times, case.facility, **terms)[some]
    off = np.asarray(found).sum() / metres.sum() - 1
    return timing, f"off by {off:.1%}; {len(some)} roads only, not scaled"


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
    graph: RoadGraph,
    whole: shapely.MultiPolygon,
    division: np.ndarray,
    some: np.ndarray,
) -> np.ndarray:
    """Cut the roads with the circle's polygon, and add up by division."""
    import geopandas as gpd

    places = np.stack((graph.node_lon, graph.node_lat), axis=1)
    lines = shapely.linestrings(
        np.stack((places[graph.edge_u[some]], places[graph.edge_v[some]]), axis=1)
    )
    roads = gpd.GeoDataFrame(
        {"division": division[some], "metres": graph.edge_length_m[some]},
        geometry=lines,
        crs="EPSG:4326",
    )
    roads["degrees"] = shapely.length(lines)
    circle = gpd.GeoDataFrame(geometry=list(whole.geoms), crs="EPSG:4326")
    cut = gpd.overlay(roads, circle, how="intersection", keep_geom_type=True)
    share = shapely.length(cut.geometry.to_numpy()) / np.maximum(cut["degrees"], 1e-12)
    return np.bincount(
        cut["division"], weights=cut["metres"] * share, minlength=N_DIVISION
    )
