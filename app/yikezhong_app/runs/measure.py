"""Travel times of a study: each service, each variant, at every demand point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from yikezhong_coverage.eligibility import Eligibility, judge_eligibility
from yikezhong_coverage.graph import connected_pieces, usable_edges
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
    Nearest,
    Reach,
    RoadGraph,
    Service,
    Snapped,
)
from yikezhong_coverage.snap import snap_points
from yikezhong_coverage.travel import nearest_facility, nearest_own, reach
from yikezhong_geodata.road_findings import may_stop
from yikezhong_geodata.spec import Parameters
from yikezhong_geodata.study import Study

#: Facilities anywhere, or only those of the demand point's own division.
VARIANTS = ("with_neighbours", "own")


@dataclass(frozen=True, eq=False)
class Network:
    """A road network with the demand and all facilities of a study put on it.

    ``demand`` and ``facility`` are in the order of the study's tables. ``pieces`` are
    those of :func:`~yikezhong_coverage.graph.connected_pieces`, where known already.
    """

    graph: RoadGraph
    usable: BoolArray
    demand: Snapped
    facility: Snapped
    leg_speed_mps: float
    max_time_s: float
    pieces: IndexArray | None = None

    @cached_property
    def piece(self) -> IndexArray:
        """Connected piece of road of each edge; -1 for an edge nobody may use."""
        if self.pieces is not None:
            return self.pieces
        return connected_pieces(self.graph).piece

    def nearest(self, facilities: IntArray) -> Nearest:
        """Return the nearest of some facilities for every demand point."""
        found = nearest_facility(
            self.graph,
            self.demand,
            self.facility.take(facilities),
            leg_speed_mps=self.leg_speed_mps,
            max_time_s=self.max_time_s,
        )
        return _renamed(found, facilities)

    def nearest_of_own(
        self, facilities: IntArray, *, demand_group: IndexArray, group: IndexArray
    ) -> Nearest:
        """Return the nearest facility of the same group for every demand point."""
        found = nearest_own(
            self.graph,
            self.demand,
            self.facility.take(facilities),
            demand_group=demand_group,
            facility_group=group[facilities],
            leg_speed_mps=self.leg_speed_mps,
            max_time_s=self.max_time_s,
        )
        return _renamed(found, facilities)

    def reach(self, facilities: IntArray, *, limit_s: float) -> Reach:
        """Return all pairs of some facilities and demand within a limit."""
        return reach(
            self.graph,
            self.demand,
            self.facility.take(facilities),
            leg_speed_mps=self.leg_speed_mps,
            limit_s=limit_s,
        )


@dataclass(frozen=True, eq=False)
class ServiceTimes:
    """What the network says about one service.

    ``facilities`` are the indexes of the facilities that count and have a usable
    point; ``nearest`` holds a :class:`Nearest` for each of :data:`VARIANTS`, with
    facility indexes of the study's table. ``lacking`` and ``not_open`` are the times
    to facilities that do not count for want of a function, or because they are not
    open; they only explain gaps.
    """

    service: Service
    eligibility: Eligibility
    facilities: IntArray
    nearest: dict[str, Nearest]
    lacking: Nearest
    not_open: Nearest


def applicable_services(
    services: Sequence[Service], *, facilities: pd.DataFrame, profiles: Sequence[str]
) -> tuple[list[Service], list[dict[str, str]]]:
    """Return the services that can be computed, and why the others cannot.

    A service is left out where the facility table has no facility of any of its
    categories, or asks for functions and those of all its facilities are unknown (its
    rate would only say that the list was not delivered), or where there is no road
    network of its profile.
    """
    functions = function_sets(facilities["functions"])
    used, dropped = [], []
    for service in services:
        member = facilities["category"].isin(service.categories)
        known = [f for f, here in zip(functions, member, strict=True) if here and f]
        if not member.any():
            dropped.append({"service": service.id, "reason": "no_facility_of_category"})
        elif service.functions and not known:
            dropped.append({"service": service.id, "reason": "no_known_functions"})
        elif service.profile not in profiles:
            dropped.append({"service": service.id, "reason": "no_network"})
        else:
            used.append(service)
    return used, dropped


def build_network(study: Study, graph: RoadGraph, *, parameters: Parameters) -> Network:
    """Put the demand and the facilities of a study on one network."""
    usable = usable_edges(graph, parameters.min_component_m) & may_stop(graph)

    def snap(table: pd.DataFrame) -> Snapped:
        return snap_points(
            graph,
            table["lon"].to_numpy(np.float64),
            table["lat"].to_numpy(np.float64),
            usable=usable,
            max_snap_m=parameters.max_snap_m,
        )

    walking = graph.profile == "walking"
    return Network(
        graph=graph,
        usable=usable,
        demand=snap(study.demand),
        facility=snap(study.facilities),
        leg_speed_mps=parameters.walk_speed_mps,
        max_time_s=parameters.max_walk_time_s
        if walking
        else parameters.max_drive_time_s,
    )


def measure_service(
    study: Study, service: Service, network: Network, *, own: tuple[IndexArray, ...]
) -> ServiceTimes:
    """Compute the times of one service.

    Parameters
    ----------
    study : Study
    service : Service
    network : Network
        Of the service's profile.
    own : tuple of two ndarrays of int32
        Division of each demand point and of each facility at the ``own`` level; -1
        where there is none.
    """
    table = study.facilities
    eligibility = judge_eligibility(
        service,
        category=table["category"].to_numpy(dtype=object),
        functions=function_sets(table["functions"]),
        status=table["status"].to_numpy(dtype=object),
    )
    on_road = network.facility.edge >= 0

    def usable(mask: BoolArray) -> IntArray:
        return np.flatnonzero(mask & on_road)

    facilities = usable(eligibility.eligible & ~_unknown_capacity(service, table))
    demand_group, facility_group = own
    return ServiceTimes(
        service=service,
        eligibility=eligibility,
        facilities=facilities,
        nearest={
            "with_neighbours": network.nearest(facilities),
            "own": network.nearest_of_own(
                facilities, demand_group=demand_group, group=facility_group
            ),
        },
        lacking=network.nearest(usable(eligibility.lacks_function)),
        not_open=network.nearest(usable(eligibility.not_open)),
    )


def capacity_people(service: Service, facilities: pd.DataFrame) -> FloatArray | None:
    """Return people each facility can serve; None for a service without capacity.

    ``nan`` where the capacity is not known.
    """
    if service.capacity is None:
        return None
    units = facilities[service.capacity].to_numpy(np.float64, na_value=np.nan)
    return units * service.people_per_unit


def function_sets(functions: pd.Series) -> list[frozenset[str] | None]:
    """Return the functions of each facility; None where they are not known."""
    return [
        frozenset(value) if isinstance(value, (tuple, list, np.ndarray)) else None
        for value in functions
    ]


def _unknown_capacity(service: Service, facilities: pd.DataFrame) -> BoolArray:
    capacity = capacity_people(service, facilities)
    if capacity is None:
        return np.zeros(len(facilities), dtype=bool)
    return np.isnan(capacity)


def _renamed(found: Nearest, facilities: IntArray) -> Nearest:
    """Translate facility indexes of a selection into those of the whole table."""
    names = np.append(facilities, -1).astype(np.int32)
    return Nearest(found.time_s, names[found.facility])
