"""Exact travel times between points on a road network.

Searches run from the facilities outwards, against the traffic for
``direction="to_facility"``; demand points and facilities are joined to the nodes by
the exact times of :mod:`yikezhong_coverage.stops`. All times are sums of multiples of
2⁻³⁰ s and do not depend on the order of anything.

There are two engines with the same answers: ``"bucket"``, compiled, on a network that
is made ready once for each graph, and ``"scipy"``, plain and many times slower, which
also takes times that the first cannot hold (beyond some 10⁵ s with many facilities).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from yikezhong_coverage import fallback
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import (
    IntArray,
    Nearest,
    Reach,
    RoadGraph,
    Snapped,
)
from yikezhong_coverage.searches import Search
from yikezhong_coverage.stops import Direction, check_terms

__all__ = [
    "Direction",
    "Engine",
    "nearest_at_nodes",
    "nearest_facility",
    "nearest_own",
    "reach",
]

Engine = Literal["bucket", "scipy"]


def nearest_facility(
    graph: RoadGraph,
    demand: Snapped,
    facility: Snapped,
    *,
    leg_speed_mps: float,
    max_time_s: float,
    direction: Direction = "to_facility",
    engine: Engine = "bucket",
) -> Nearest:
    """Return the travel time of every demand point to its nearest facility.

    Parameters
    ----------
    graph : RoadGraph
    demand, facility : Snapped
        Points on the graph; those without an edge reach nothing.
    leg_speed_mps : float
        Walking speed on both access legs [m/s], positive.
    max_time_s : float
        Largest time of interest [s], inclusive; ``inf`` for all.
    direction : {"to_facility", "from_facility"}
        Which way the trip goes.
    engine : {"bucket", "scipy"}
        How it is computed; the answer is the same.

    Returns
    -------
    Nearest
        One row per demand point; of equally near facilities the smallest index.

    Raises
    ------
    InputError
        If the speed, the largest time or the direction is not usable.
    GraphError
        If a point stands on an edge that the graph does not have.

    Examples
    --------
    A road of 600 m with a facility 200 m along it; the second demand point, with a
    leg of 30 m, is at its far end, the third is on no road.

    >>> from yikezhong_coverage.graph import build_graph
    >>> graph = build_graph(
    ...     "walking", [113.0, 113.01], [31.0, 31.0], [0], [1], ["a"], ["path"],
    ...     [0, 2], [113.0, 113.01], [31.0, 31.0],
    ...     forward_mps=1.0, backward_mps=1.0, length_m=[600.0],
    ... )
    >>> none = np.full(3, np.nan)
    >>> demand = Snapped(
    ...     np.array([0, 0, -1], dtype=np.int32), np.array([0.0, 600.0, np.nan]),
    ...     np.array([0.0, 30.0, np.nan]), none, none,
    ... )
    >>> facility = Snapped(
    ...     np.array([0], dtype=np.int32), np.array([200.0]), np.array([0.0]),
    ...     none[:1], none[:1],
    ... )
    >>> nearest = nearest_facility(
    ...     graph, demand, facility, leg_speed_mps=1.0, max_time_s=7200.0
    ... )
    >>> nearest.time_s, nearest.facility
    (array([200., 430.,  inf]), array([ 0,  0, -1], dtype=int32))
    """
    limit_s = _checked_limit(max_time_s)
    search = _search(
        graph, (facility, demand), leg_speed_mps, limit_s, direction, engine
    )
    if search is None:
        return fallback.nearest_facility(
            graph,
            demand,
            facility,
            leg_speed_mps=leg_speed_mps,
            limit_s=limit_s,
            direction=direction,
        )
    return search.nearest(demand, facility)


def nearest_at_nodes(
    graph: RoadGraph,
    facility: Snapped,
    *,
    leg_speed_mps: float,
    max_time_s: float,
    direction: Direction = "to_facility",
    engine: Engine = "bucket",
) -> Nearest:
    """Return the travel time of every node to its nearest facility.

    Parameters
    ----------
    graph : RoadGraph
    facility : Snapped
        Points on the graph; the facility's access leg is part of the time.
    leg_speed_mps : float
        Walking speed on the access leg [m/s], positive.
    max_time_s : float
        Largest time of interest [s], inclusive; ``inf`` for all.
    direction : {"to_facility", "from_facility"}
        Which way the trip goes.
    engine : {"bucket", "scipy"}
        How it is computed; the answer is the same.

    Returns
    -------
    Nearest
        One row per node; of equally near facilities the smallest index.
    """
    limit_s = _checked_limit(max_time_s)
    search = _search(graph, (facility,), leg_speed_mps, limit_s, direction, engine)
    if search is None:
        return fallback.nearest_at_nodes(
            graph,
            facility,
            leg_speed_mps=leg_speed_mps,
            limit_s=limit_s,
            direction=direction,
        )
    return search.nearest_at_nodes(facility)


def nearest_own(
    graph: RoadGraph,
    demand: Snapped,
    facility: Snapped,
    *,
    demand_group: ArrayLike,
    facility_group: ArrayLike,
    leg_speed_mps: float,
    max_time_s: float,
    direction: Direction = "to_facility",
    engine: Engine = "bucket",
) -> Nearest:
    """Return the time of every demand point to the nearest facility of its group.

    The way may lead over all roads; only the facilities are limited to the group.
    Each group is a search of its own that ends where the group's demand ends.

    Parameters
    ----------
    graph : RoadGraph
    demand, facility : Snapped
    demand_group, facility_group : array_like of int, shape (n_demand,), (n_facility,)
        Group of each point, e.g. its township; -1 is none and reaches nothing.
    leg_speed_mps, max_time_s, direction, engine
        As in :func:`nearest_facility`.

    Returns
    -------
    Nearest
        One row per demand point; facilities keep their index among all.
    """
    of_demand: IntArray = np.asarray(demand_group, dtype=np.int64)
    of_facility: IntArray = np.asarray(facility_group, dtype=np.int64)
    if len(of_demand) != len(demand) or len(of_facility) != len(facility):
        raise InputError("分组的数目与点数不符")
    limit_s = _checked_limit(max_time_s)
    search = _search(
        graph, (facility, demand), leg_speed_mps, limit_s, direction, engine
    )
    if search is None:
        return fallback.nearest_own(
            graph, demand, facility, of_demand, of_facility,
            leg_speed_mps=leg_speed_mps, limit_s=limit_s, direction=direction,
        )  # fmt: skip
    return search.nearest_own(demand, facility, of_demand, of_facility)


def reach(
    graph: RoadGraph,
    demand: Snapped,
    facility: Snapped,
    *,
    leg_speed_mps: float,
    limit_s: float,
    direction: Direction = "to_facility",
    engine: Engine = "bucket",
    threads: int | None = None,
) -> Reach:
    """Return every pair of facility and demand point within a time.

    Parameters
    ----------
    graph : RoadGraph
    demand, facility : Snapped
    leg_speed_mps : float
        Walking speed on both access legs [m/s], positive.
    limit_s : float
        Largest time kept [s], inclusive; compared with the exact time.
    direction : {"to_facility", "from_facility"}
        Which way the trip goes.
    engine : {"bucket", "scipy"}
        How it is computed; the answer is the same.
    threads : int, optional
        Most threads to use; by default those of the machine where there is much to
        do. The answer is the same for any number.

    Returns
    -------
    Reach
        One row per facility, its demand points ascending.
    """
    checked_s = _checked_limit(limit_s)
    search = _search(
        graph, (facility, demand), leg_speed_mps, checked_s, direction, engine,
        owners=False,
    )  # fmt: skip
    if search is None:
        return fallback.reach(
            graph,
            demand,
            facility,
            leg_speed_mps=leg_speed_mps,
            limit_s=checked_s,
            direction=direction,
        )
    return search.reach(demand, facility, threads=threads)


def _checked_limit(limit_s: float) -> float:
    """Return a largest time that can be compared with."""
    if not limit_s >= 0:
        raise InputError(f"最大时间为 {limit_s}，应为非负数（秒）")
    return float(limit_s)


def _search(
    graph: RoadGraph,
    points: tuple[Snapped, ...],
    leg_speed_mps: float,
    limit_s: float,
    direction: Direction,
    engine: Engine,
    *,
    owners: bool = True,
) -> Search | None:
    """Return a search on the graph made ready; None where scipy has to do it."""
    check_terms(leg_speed_mps, direction)
    if engine == "bucket":
        return Search.on(
            graph,
            points,
            leg_speed_mps=leg_speed_mps,
            limit_s=limit_s,
            direction=direction,
            owners=owners,
        )
    if engine == "scipy":
        return None
    raise InputError(f"计算方式 {engine!r} 不能识别", hint="请用 bucket 或 scipy")
