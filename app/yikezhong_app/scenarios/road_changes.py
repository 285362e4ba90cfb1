"""Add straight roads to a network, and close edges of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from pyproj import Geod

from yikezhong_app.scenarios.reading import AddRoad, RoadChange, ScenarioError
from yikezhong_coverage.exact import round_time
from yikezhong_coverage.records import IntArray, RoadGraph
from yikezhong_geodata.profiles import KMH, default_speed_kmh


def change_roads(
    roads: Mapping[str, RoadGraph],
    changes: Iterable[RoadChange],
    *,
    walk_speed_mps: float,
    max_snap_m: float,
) -> dict[str, RoadGraph]:
    """Return the networks with changes made one after the other.

    Parameters
    ----------
    roads : mapping of str to RoadGraph
        By profile.
    changes : iterable of RoadChange
    walk_speed_mps : float
        Walking speed on new roads [m/s].
    max_snap_m : float
        How far a new road's end may lie from a node of the network [m].

    Returns
    -------
    dict of str to RoadGraph
        Networks without a change are the same objects.

    Raises
    ------
    ScenarioError
        If an edge is not there or is there already, or no node lies near an end.
    """
    found = dict(roads)
    for change in changes:
        profiles = [profile for profile in change.profiles if profile in found]
        if isinstance(change, AddRoad):
            for profile in profiles:
                found[profile] = _add_road(
                    found[profile],
                    change,
                    speed_mps=_speed_mps(change, profile, walk_speed_mps),
                    max_snap_m=max_snap_m,
                )
            continue
        known = [p for p in profiles if (found[p].edge_id == change.edge).any()]
        if not known:
            raise ScenarioError(
                f"路网中没有编号为“{change.edge}”的路段", hint="编号见成果的 roads 表"
            )
        for profile in known:
            found[profile] = _close(found[profile], change.edge)
    return found


def new_edges(before: RoadGraph, after: RoadGraph) -> tuple[IntArray, IntArray]:
    """Return where the old edges are now, and which edges are new.

    Returns
    -------
    place : ndarray of int64, shape (n_edge before,)
    fresh : ndarray of int64
        New edges, ascending.
    """
    if before is after:
        return np.arange(before.n_edge), np.empty(0, dtype=np.int64)
    place = np.searchsorted(after.edge_id, before.edge_id)
    fresh = np.setdiff1d(np.arange(after.n_edge), place)
    return place.astype(np.int64), fresh.astype(np.int64)


def _speed_mps(change: AddRoad, profile: str, walk_speed_mps: float) -> float:
    if profile == "walking":
        return walk_speed_mps
    kmh = change.speed_kmh
    return (default_speed_kmh(change.road_class) if kmh is None else kmh) * KMH


def _close(graph: RoadGraph, edge: str) -> RoadGraph:
    """Return a network of which an edge may be used in no direction."""
    forward, backward = graph.edge_forward_s.copy(), graph.edge_backward_s.copy()
    at = graph.edge_id == edge
    forward[at] = backward[at] = np.inf
    return replace(graph, edge_forward_s=forward, edge_backward_s=backward)


def _add_road(
    graph: RoadGraph, change: AddRoad, *, speed_mps: float, max_snap_m: float
) -> RoadGraph:
    """Return a network with one more edge, straight between two of its nodes."""
    if (graph.edge_id == change.id).any():
        raise ScenarioError(f"路段编号“{change.id}”已经存在", hint="请换一个编号")
    u, v = (
        _nearest_node(graph, place, change=change, max_snap_m=max_snap_m)
        for place in (change.start, change.end)
    )
    if u == v:
        raise ScenarioError(
            f"新路“{change.id}”的两端落在同一个道路节点上", hint="请把两端分开一些"
        )
    lon, lat = graph.node_lon[[u, v]], graph.node_lat[[u, v]]
    length_m = float(Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])[2])
    time_s = float(round_time(np.array([length_m / speed_mps]))[0])
    at = int(np.searchsorted(graph.edge_id, change.id))
    vertex = int(graph.vertex_start[at])
    starts = np.insert(graph.vertex_start, at, vertex)
    starts[at + 1 :] += 2
    # np.insert would cut a longer text to the length of the others
    width = max(graph.edge_id.dtype.itemsize // 4, len(change.id))
    classes = max(graph.edge_class.dtype.itemsize // 4, len(change.road_class))
    return replace(
        graph,
        edge_u=np.insert(graph.edge_u, at, u),
        edge_v=np.insert(graph.edge_v, at, v),
        edge_id=np.insert(graph.edge_id.astype(f"<U{width}"), at, change.id),
        edge_length_m=np.insert(graph.edge_length_m, at, length_m),
        edge_forward_s=np.insert(graph.edge_forward_s, at, time_s),
        edge_backward_s=np.insert(graph.edge_backward_s, at, time_s),
        vertex_start=starts,
        vertex_lon=np.insert(graph.vertex_lon, vertex, lon),
        vertex_lat=np.insert(graph.vertex_lat, vertex, lat),
        vertex_along_m=np.insert(graph.vertex_along_m, vertex, [0.0, length_m]),
        edge_class=np.insert(
            graph.edge_class.astype(f"<U{classes}"), at, change.road_class
        ),
    )


def _nearest_node(
    graph: RoadGraph,
    place: tuple[float, float],
    *,
    change: AddRoad,
    max_snap_m: float,
) -> int:
    """Return the node nearest to a place, of those that an open edge ends at."""
    open_ = np.isfinite(graph.edge_forward_s) | np.isfinite(graph.edge_backward_s)
    nodes = np.unique([graph.edge_u[open_], graph.edge_v[open_]])
    lon, lat = graph.node_lon[nodes], graph.node_lat[nodes]
    flat = np.hypot((lon - place[0]) * np.cos(np.radians(place[1])), lat - place[1])
    near = nodes[np.argsort(flat, kind="stable")[:8]]
    metres = np.array(
        [
            Geod(ellps="WGS84").inv(*place, graph.node_lon[n], graph.node_lat[n])[2]
            for n in near
        ]
    )
    if len(near) == 0 or metres.min() > max_snap_m:
        raise ScenarioError(
            f"新路“{change.id}”的一端（{place[0]}, {place[1]}）"
            f"附近 {max_snap_m:g} 米内没有道路节点",
            hint="请把端点放到已有道路的路口附近",
        )
    return int(near[np.argmin(metres)])
