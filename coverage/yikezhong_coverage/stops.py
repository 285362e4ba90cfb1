"""Points on edges in time coordinates.

A point on an edge has a coordinate in each direction: ``T · x / length`` rounded to
2⁻³⁰ s, where ``x`` is its distance from u. The time of a part of an edge is a
difference of coordinates, hence exact, and the parts of an edge add up to the whole
however it is cut.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from yikezhong_coverage.errors import GraphError, InputError
from yikezhong_coverage.exact import round_time
from yikezhong_coverage.records import (
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
    Snapped,
)

Direction = Literal["to_facility", "from_facility"]


class Stops(NamedTuple):
    """Points on edges, with their times to or from the ends of their edge.

    Parameters
    ----------
    number : ndarray of int32, shape (n,)
        Index of the demand point or facility.
    edge : ndarray of int32, shape (n,)
    along_m : ndarray of float64, shape (n,)
        Distance from u along the edge [m].
    forward_s, backward_s : ndarray of float64, shape (n,)
        Time coordinates in both directions [s]; ``inf`` where the way is closed.
    leg_s : ndarray of float64, shape (n,)
        Access leg [s].
    u, v : ndarray of int32, shape (n,)
        Ends of the edge.
    u_s, v_s : ndarray of float64, shape (n,)
        Times between the point and u, v [s], access leg included; ``inf`` where
        there is no way.
    """

    number: IndexArray
    edge: IndexArray
    along_m: FloatArray
    forward_s: FloatArray
    backward_s: FloatArray
    leg_s: FloatArray
    u: IndexArray
    v: IndexArray
    u_s: FloatArray
    v_s: FloatArray


def check_terms(leg_speed_mps: float, direction: str) -> None:
    """Refuse a speed or a direction that cannot be used."""
    if not (np.isfinite(leg_speed_mps) and leg_speed_mps > 0):
        raise InputError(f"步行速度为 {leg_speed_mps}，应为正数（米/秒）")
    if direction not in ("to_facility", "from_facility"):
        raise InputError(
            f"方向 {direction!r} 不能识别", hint="请用 to_facility 或 from_facility"
        )


def turned_times(
    graph: RoadGraph, direction: Direction
) -> tuple[FloatArray, FloatArray]:
    """Return the times from u to v and back with trips turned to the facility."""
    if direction == "to_facility":
        return graph.edge_forward_s, graph.edge_backward_s
    return graph.edge_backward_s, graph.edge_forward_s


def place_stops(
    graph: RoadGraph,
    points: Snapped,
    leg_speed_mps: float,
    *,
    leaving: bool,
    direction: Direction,
) -> Stops:
    """Work out the times between snapped points and the ends of their edges.

    A point exactly at a node is at that node: to the node and from it takes no time,
    also against a one-way street. On an edge without length that is u.
    """
    check_terms(leg_speed_mps, direction)
    if len(points) and points.edge.max() >= graph.n_edge:
        raise GraphError("点所在的路段不在路网中", hint="请用同一路网重新匹配各点")
    index = np.flatnonzero(points.edge >= 0)
    index = index[np.argsort(points.edge[index], kind="stable")]
    edge = points.edge[index]
    length = graph.edge_length_m[edge]
    along = np.clip(points.along_m[index], 0.0, length)
    leg_s = round_time(points.leg_m[index] / leg_speed_mps)
    share_of = np.where(length > 0, length, 1.0)
    turned = turned_times(graph, direction)
    whole_forward, whole_backward = turned[0][edge], turned[1][edge]
    forward = _coordinate(whole_forward, along, share_of)
    backward = _coordinate(whole_backward, along, share_of)
    if leaving:
        u_s, v_s = backward, _rest(whole_forward, forward)
    else:
        u_s, v_s = forward, _rest(whole_backward, backward)
    at_u = along <= 0
    at_v = (along >= length) & ~at_u
    return Stops(
        number=index.astype(np.int32),
        edge=edge,
        along_m=along,
        forward_s=forward,
        backward_s=backward,
        leg_s=leg_s,
        u=graph.edge_u[edge],
        v=graph.edge_v[edge],
        u_s=leg_s + np.where(at_u, 0.0, u_s),
        v_s=leg_s + np.where(at_v, 0.0, v_s),
    )


def _coordinate(
    whole_s: FloatArray, along_m: FloatArray, length_m: FloatArray
) -> FloatArray:
    """Return the time coordinates of places; ``inf`` where the way is closed."""
    part = np.full(len(whole_s), np.inf)
    np.multiply(whole_s, along_m, out=part, where=np.isfinite(whole_s))
    return round_time(part / length_m)


def _rest(whole_s: FloatArray, part_s: FloatArray) -> FloatArray:
    """Return what is left of an edge's time; ``inf`` where the way is closed."""
    rest = np.full(len(whole_s), np.inf)
    np.subtract(whole_s, part_s, out=rest, where=np.isfinite(whole_s))
    return rest


def take_stops(stops: Stops, index: IntArray) -> Stops:
    """Return the stops at ``index``, in that order."""
    return Stops(
        stops.number[index],
        stops.edge[index],
        stops.along_m[index],
        stops.forward_s[index],
        stops.backward_s[index],
        stops.leg_s[index],
        stops.u[index],
        stops.v[index],
        stops.u_s[index],
        stops.v_s[index],
    )
