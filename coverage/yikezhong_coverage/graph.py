"""Make a road graph from arrays, give it walking times, and find its pieces."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from pyproj import Geod
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from yikezhong_coverage.errors import (
    BadWeightError,
    GraphError,
    InputError,
    MissingWeightError,
)
from yikezhong_coverage.exact import round_time
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
)

_END_TOLERANCE_DEG = 1e-6
"""An edge's shape must begin and end at its nodes, to about 0.1 m [degrees]."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """The connected pieces of a road graph, one-ways taken as connecting.

    Parameters
    ----------
    piece : ndarray of int32, shape (n_edge,)
        The piece of each edge; -1 for an edge that may be used in no direction.
        Pieces are numbered in the order of their first edge.
    length_m : ndarray of float64, shape (n_piece,)
        Length of road in each piece [m].
    """

    piece: IndexArray
    length_m: FloatArray


def build_graph(
    profile: str,
    node_lon: ArrayLike,
    node_lat: ArrayLike,
    edge_u: ArrayLike,
    edge_v: ArrayLike,
    edge_id: ArrayLike,
    edge_class: ArrayLike,
    vertex_start: ArrayLike,
    vertex_lon: ArrayLike,
    vertex_lat: ArrayLike,
    *,
    forward_mps: ArrayLike,
    backward_mps: ArrayLike,
    length_m: ArrayLike | None = None,
) -> RoadGraph:
    """Make a road graph: measure the edges, time both directions, sort by id.

    Parameters
    ----------
    profile : str
        ``"walking"`` or ``"driving"``.
    node_lon, node_lat : array_like of float, shape (n_node,)
        Positions [degrees, EPSG:4326].
    edge_u, edge_v : array_like of int, shape (n_edge,)
        First and last node of each edge.
    edge_id : array_like of str, shape (n_edge,)
        Unique names that do not depend on how the study is cut.
    edge_class : array_like of str, shape (n_edge,)
        Road class, for display.
    vertex_start : array_like of int, shape (n_edge + 1,)
        Edge ``e`` has the vertices ``vertex_start[e]:vertex_start[e + 1]``, at least
        two, the first at u and the last at v.
    vertex_lon, vertex_lat : array_like of float, shape (n_vertex,)
        Shape of the edges [degrees].
    forward_mps, backward_mps : array_like of float, shape () or (n_edge,)
        Speed from u to v and from v to u [m/s]; 0 where that is not allowed.
    length_m : array_like of float, shape (n_edge,), optional
        Declared lengths [m]; without them lengths are ellipsoidal (WGS 84). Places
        along an edge are scaled to its declared length.

    Returns
    -------
    RoadGraph
        Edges sorted by id; nodes as they were given.

    Raises
    ------
    GraphError
        If shapes disagree, an id is repeated, a node or position is not there, or an
        edge's shape does not run from its u to its v.
    MissingWeightError
        If a speed or declared length is None.
    BadWeightError
        If a speed or declared length is negative, infinite or not a number.

    Examples
    --------
    >>> graph = build_graph(
    ...     "walking", [113.0, 113.0], [31.0, 31.009], [0], [1], ["a"], ["residential"],
    ...     [0, 2], [113.0, 113.0], [31.0, 31.009], forward_mps=1.0, backward_mps=0.0,
    ... )
    >>> graph.edge_length_m.round(2), graph.edge_backward_s
    (array([997.83]), array([inf]))
    """
    lon = np.asarray(node_lon, dtype=np.float64)
    lat = np.asarray(node_lat, dtype=np.float64)
    u = np.asarray(edge_u, dtype=np.int64)
    v = np.asarray(edge_v, dtype=np.int64)
    ids = np.asarray(edge_id, dtype=np.str_)
    classes = np.asarray(edge_class, dtype=np.str_)
    start = np.asarray(vertex_start, dtype=np.int64)
    shape_lon = np.asarray(vertex_lon, dtype=np.float64)
    shape_lat = np.asarray(vertex_lat, dtype=np.float64)
    n_edge = len(u)
    if len(v) != n_edge or len(ids) != n_edge or len(classes) != n_edge:
        raise GraphError("路网各列的路段数不一致")
    _check_positions(lon, lat, "节点")
    _check_positions(shape_lon, shape_lat, "路段折点")
    _check_shapes(start, n_edge, len(shape_lon))
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    repeated = np.flatnonzero(ids[1:] == ids[:-1])
    if len(repeated):
        raise GraphError(f"路段编号 {ids[repeated[0]]} 重复", hint="路段编号必须唯一")
    start, vertices = _sorted_shapes(start, order)
    shape_lon, shape_lat = shape_lon[vertices], shape_lat[vertices]
    u, v = u[order], v[order]
    _check_ends(ids, u, v, (lon, lat), start, (shape_lon, shape_lat))
    along = _measure(start, shape_lon, shape_lat)
    if length_m is not None:
        declared = _weights(length_m, n_edge, ids, order, "长度")
        along = _stretch(along, start, declared)
    length = along[start[1:] - 1]
    return RoadGraph(
        profile=profile,
        node_lon=lon,
        node_lat=lat,
        edge_u=u.astype(np.int32),
        edge_v=v.astype(np.int32),
        edge_id=ids,
        edge_length_m=length,
        edge_forward_s=_times(
            length, _weights(forward_mps, n_edge, ids, order, "正向速度")
        ),
        edge_backward_s=_times(
            length, _weights(backward_mps, n_edge, ids, order, "反向速度")
        ),
        vertex_start=start,
        vertex_lon=shape_lon,
        vertex_lat=shape_lat,
        vertex_along_m=along,
        edge_class=classes[order],
    )


def at_walking_speed(graph: RoadGraph, speed_mps: float) -> RoadGraph:
    """Return the graph with all times at one speed, directions kept.

    Parameters
    ----------
    graph : RoadGraph
    speed_mps : float
        Speed on every edge [m/s], positive.

    Returns
    -------
    RoadGraph
        The same edges; a direction that may not be used stays ``inf``.

    Raises
    ------
    InputError
        If the speed is not a positive finite number.
    """
    if not (np.isfinite(speed_mps) and speed_mps > 0):
        raise InputError(f"步行速度为 {speed_mps}，应为正数（米/秒）")
    time_s = round_time(graph.edge_length_m / speed_mps)
    return replace(
        graph,
        edge_forward_s=np.where(np.isfinite(graph.edge_forward_s), time_s, np.inf),
        edge_backward_s=np.where(np.isfinite(graph.edge_backward_s), time_s, np.inf),
    )


def connected_pieces(graph: RoadGraph) -> Pieces:
    """Return the connected pieces of a graph and their lengths.

    Parameters
    ----------
    graph : RoadGraph

    Returns
    -------
    Pieces
        Two edges are of one piece if roads, in whatever direction, connect them.
    """
    allowed = _allowed(graph)
    u, v = graph.edge_u[allowed], graph.edge_v[allowed]
    n_node = graph.n_node
    links = coo_array((np.ones(len(u), dtype=np.int8), (u, v)), shape=(n_node, n_node))
    if n_node:
        label = connected_components(links, directed=False)[1][u]
    else:
        label = np.empty(0, dtype=np.int32)
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int32)
    number[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    piece = np.full(graph.n_edge, -1, dtype=np.int32)
    piece[allowed] = number[inverse]
    length_m = np.bincount(
        piece[allowed], weights=graph.edge_length_m[allowed], minlength=len(first)
    )
    return Pieces(piece, length_m.astype(np.float64))


def usable_edges(graph: RoadGraph, min_component_m: float) -> BoolArray:
    """Return which edges points may be put on.

    Parameters
    ----------
    graph : RoadGraph
    min_component_m : float
        Smallest length of a connected piece [m], inclusive.

    Returns
    -------
    ndarray of bool, shape (n_edge,)
        False on edges that may be used in no direction or lie in a short piece.
    """
    pieces = connected_pieces(graph)
    usable: BoolArray = pieces.piece >= 0
    usable[usable] = pieces.length_m[pieces.piece[usable]] >= min_component_m
    return usable


def _allowed(graph: RoadGraph) -> BoolArray:
    """Return which edges may be used in at least one direction."""
    allowed: BoolArray = np.isfinite(graph.edge_forward_s) | np.isfinite(
        graph.edge_backward_s
    )
    return allowed


def _check_positions(lon: FloatArray, lat: FloatArray, what: str) -> None:
    """Refuse positions that are missing or not degrees."""
    if lon.shape != lat.shape or lon.ndim != 1:
        raise GraphError(f"{what}的经度与纬度数目不符")
    bad = np.flatnonzero(~((np.abs(lon) <= 180) & (np.abs(lat) <= 90)))
    if len(bad):
        raise GraphError(
            f"第 {bad[0] + 1} 个{what}的坐标为 ({lon[bad[0]]}, {lat[bad[0]]})，"
            "不是有效的经纬度"
        )


def _check_shapes(start: IntArray, n_edge: int, n_vertex: int) -> None:
    """Refuse shapes that do not fit their edges."""
    if len(start) != n_edge + 1 or start[0] != 0 or start[-1] != n_vertex:
        raise GraphError("路段折点的起止序号与路段数或折点数不符")
    short = np.flatnonzero(np.diff(start) < 2)
    if len(short):
        raise GraphError(f"第 {short[0] + 1} 条路段少于两个折点")


def _sorted_shapes(start: IntArray, order: IntArray) -> tuple[IntArray, IntArray]:
    """Return the new starts, and the old vertex at each new place."""
    count = np.diff(start)[order]
    new_start = np.zeros(len(start), dtype=np.int64)
    np.cumsum(count, out=new_start[1:])
    shift = np.repeat(start[:-1][order] - new_start[:-1], count)
    return new_start, np.arange(new_start[-1]) + shift


def _check_ends(
    ids: NDArray[np.str_],
    u: IntArray,
    v: IntArray,
    node: tuple[FloatArray, FloatArray],
    start: IntArray,
    shape: tuple[FloatArray, FloatArray],
) -> None:
    """Refuse edges whose nodes are not there or not at the ends of their shape."""
    n_node = len(node[0])
    for end, vertex in ((u, start[:-1]), (v, start[1:] - 1)):
        bad = np.flatnonzero((end < 0) | (end >= n_node))
        if len(bad):
            raise GraphError(f"路段 {ids[bad[0]]} 的端点 {end[bad[0]]} 不存在")
        off = np.maximum(
            np.abs(node[0][end] - shape[0][vertex]),
            np.abs(node[1][end] - shape[1][vertex]),
        )
        bad = np.flatnonzero(off > _END_TOLERANCE_DEG)
        if len(bad):
            raise GraphError(f"路段 {ids[bad[0]]} 的折线两端与其端点不重合")


def _measure(start: IntArray, lon: FloatArray, lat: FloatArray) -> FloatArray:
    """Return the ellipsoidal distance of every vertex from its edge's u [m]."""
    step = np.zeros(len(lon))
    if len(lon) > 1:
        _, _, step[1:] = Geod(ellps="WGS84").inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    along: FloatArray = _accumulate(start, step)
    return along


@njit(cache=True)
def _accumulate(vertex_start: IntArray, step_m: FloatArray) -> FloatArray:
    """Add up steps from each edge's first vertex; ``step_m[i]`` leads to vertex i.

    Every edge is summed by itself from its u on: its length does not depend on what
    other edges the table holds.
    """
    along = np.zeros(len(step_m))
    for edge in range(len(vertex_start) - 1):
        total = 0.0
        for i in range(vertex_start[edge] + 1, vertex_start[edge + 1]):
            total += step_m[i]
            along[i] = total
    return along


def _stretch(along: FloatArray, start: IntArray, declared: FloatArray) -> FloatArray:
    """Scale places along each edge to its declared length."""
    count = np.diff(start)
    measured = along[start[1:] - 1]
    rank = np.arange(len(along)) - np.repeat(start[:-1], count)
    # an edge of no measured length but a declared one: its vertices evenly spaced
    share = rank / np.repeat(count - 1, count)
    length = np.repeat(measured, count)
    np.divide(along, length, out=share, where=length > 0)
    stretched: FloatArray = share * np.repeat(declared, count)
    return stretched


def _weights(
    value: ArrayLike,
    n_edge: int,
    ids: NDArray[np.str_],
    order: IntArray,
    what: str,
) -> FloatArray:
    """Return one weight per edge in the sorted order, checked."""
    raw = np.asarray(value)
    if raw.ndim and raw.shape != (n_edge,):
        raise GraphError(f"路段{what}的数目与路段数不符")
    raw = np.broadcast_to(raw, n_edge)[order]
    missing = (
        [e for e in range(n_edge) if raw[e] is None] if raw.dtype == object else []
    )
    if missing:
        raise MissingWeightError(
            f"路段 {ids[missing[0]]} 缺少{what}",
            hint=f"共 {len(missing)} 条路段缺少{what}，请补充",
        )
    weight = raw.astype(np.float64)
    bad = np.flatnonzero(~((weight >= 0) & np.isfinite(weight)))
    if len(bad):
        raise BadWeightError(
            f"路段 {ids[bad[0]]} 的{what}为 {weight[bad[0]]}，应为非负有限数"
        )
    return weight


def _times(length_m: FloatArray, speed_mps: FloatArray) -> FloatArray:
    """Return rounded times [s]; ``inf`` where the speed is 0."""
    time_s = np.full(len(length_m), np.inf)
    np.divide(length_m, speed_mps, out=time_s, where=speed_mps > 0)
    return round_time(time_s)
