"""Q3: circles of 15 minutes as polygons, each by itself and all together."""

from __future__ import annotations

import networkx as nx
import numpy as np
import shapely

from benchmarks.measure import Call, Table, peak_mb, run_in_turn
from benchmarks.networks import Case
from benchmarks.peers import Networkx
from yikezhong_coverage.circles import service_area, union_area
from yikezhong_coverage.edges import covered_parts
from yikezhong_coverage.joint import joint_area
from yikezhong_coverage.outlines import LocalPlane
from yikezhong_coverage.records import RoadGraph, Snapped
from yikezhong_coverage.travel import nearest_at_nodes

N_CIRCLE = 50
#: Circles that the slow recipe makes; its time is scaled to all.
N_SLOW = 3
BUFFER_M = 50.0


def run(case: Case, table: Table, *, repeats: int, outside: bool = True) -> None:
    """Measure and compare on one network of county size."""
    graph = case.graph
    n = min(N_CIRCLE, len(case.facility))
    some = case.facility.take(np.arange(n))
    terms = {"limit_s": case.limit_s, "leg_speed_mps": 1.0}

    def ours(cell_m: float = 10.0) -> list[shapely.MultiPolygon]:
        return service_area(graph, some, **terms, cell_m=cell_m)

    def geos() -> list[shapely.Geometry]:
        return [_buffered(graph, some.take(np.array([i])), terms) for i in range(n)]

    roads = Networkx(case).graph

    def osmnx() -> list[shapely.Geometry]:
        return [_by_recipe(graph, roads, some, i) for i in range(min(N_SLOW, n))]

    calls: dict[str, Call] = {
        "yikezhong, 10 m": ours,
        "yikezhong, 5 m": lambda: ours(5.0),
        "GEOS, each edge": geos,
        "OSMnx recipe": osmnx,
    }
    timings = run_in_turn(calls, repeats=min(repeats, 3))
    slow = timings["OSMnx recipe"]
    timings["OSMnx recipe"] = slow.times(n / min(N_SLOW, n))
    exact = geos()
    table.add(
        "Q3",
        case.name,
        timings,
        size=graph.n_node,
        agrees={
            "yikezhong, 10 m": f"IoU {_overlap(ours(), exact, some):.3f} with GEOS",
            "yikezhong, 5 m": f"IoU {_overlap(ours(5.0), exact, some):.3f} with GEOS",
            "OSMnx recipe": f"{min(N_SLOW, n)} circles, time scaled to {n}",
        },
        peaks={who: peak_mb(call) for who, call in calls.items()},
    )
    circles = service_area(graph, case.facility, **terms)
    together: dict[str, Call] = {
        "yikezhong, no circles needed": lambda: joint_area(
            graph, case.facility, **terms
        ),
        "yikezhong, of the circles": lambda: union_area(circles),
        "shapely.union_all": lambda: shapely.union_all(circles),
    }
    timings = run_in_turn(together, repeats=min(repeats, 3))
    one, two = union_area(circles), shapely.union_all(circles)
    joint = joint_area(graph, case.facility, **terms)
    share = joint.intersection(two).area / joint.union(two).area
    table.add(
        "Q3 union",
        case.name,
        timings,
        size=graph.n_node,
        agrees={
            "yikezhong, no circles needed": f"IoU {share:.4f}",
            "yikezhong, of the circles": f"area off by {one.area / two.area - 1:.1e}",
        },
    )


def _buffered(graph: RoadGraph, facility: Snapped, terms: dict) -> shapely.Geometry:
    """Buffer each reached part of an edge and join, in the plane of the facility."""
    times = nearest_at_nodes(
        graph, facility, leg_speed_mps=1.0, max_time_s=terms["limit_s"]
    ).time_s
    parts = covered_parts(graph, times, facility, **terms)
    plane = LocalPlane(float(facility.lon[0]), float(facility.lat[0]))
    scale = np.array(plane.metres_per_degree)
    # every edge of these networks is straight
    u = np.stack((graph.node_lon, graph.node_lat), axis=1)[graph.edge_u[parts.edge]]
    v = np.stack((graph.node_lon, graph.node_lat), axis=1)[graph.edge_v[parts.edge]]
    length = np.maximum(graph.edge_length_m[parts.edge], 1e-9)
    ends = [
        (u + (v - u) * (at / length)[:, None] - [plane.lon, plane.lat]) * scale
        for at in (parts.from_m, parts.to_m)
    ]
    lines = shapely.linestrings(np.stack(ends, axis=1))
    return shapely.union_all(shapely.buffer(lines, BUFFER_M, quad_segs=16))


def _by_recipe(
    graph: RoadGraph, roads: nx.Graph, facility: Snapped, i: int
) -> shapely.Geometry:
    """Follow OSMnx's example of isochrones: ego graph, edges one by one, buffers."""
    import geopandas as gpd

    edge = facility.edge[i]
    at_u = facility.along_m[i] == 0
    node = int(graph.edge_u[edge] if at_u else graph.edge_v[edge])
    reached = nx.ego_graph(roads, node, radius=900.0, distance="weight")
    places = list(zip(graph.node_lon.tolist(), graph.node_lat.tolist(), strict=True))
    degrees = BUFFER_M / 110_000
    points = gpd.GeoSeries([shapely.Point(places[x]) for x in reached.nodes])
    lines = [
        shapely.LineString([places[u], places[v]]).buffer(degrees)
        for u, v in reached.edges
    ]
    joined = [*points.buffer(degrees), *gpd.GeoSeries(lines)]
    return gpd.GeoSeries(joined).union_all()


def _overlap(
    ours: list[shapely.MultiPolygon], exact: list[shapely.Geometry], some: Snapped
) -> float:
    """Return the smallest intersection over union."""
    least = 1.0
    for i, shape in enumerate(exact):
        plane = LocalPlane(float(some.lon[i]), float(some.lat[i]))
        scale = np.array(plane.metres_per_degree)
        origin = [plane.lon, plane.lat]
        mine = shapely.transform(ours[i], lambda xy, o=origin, s=scale: (xy - o) * s)
        least = min(
            least,
            shapely.intersection(mine, shape).area / shapely.union(mine, shape).area,
        )
    return least
