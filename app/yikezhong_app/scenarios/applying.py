"""A scenario on a study: the changed study, and its points on the changed roads.

A new road takes no points: who lived or stood on a road before still does, as long as
that road may be used and hangs together with enough others. Only points whose road was
closed, points that had none, and facilities that are new or were moved are put on the
roads anew. So a new road never makes any way longer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from yikezhong_app.runs.measure import Network
from yikezhong_app.scenarios.facility_changes import change_facilities
from yikezhong_app.scenarios.reading import (
    AddRoad,
    CloseRoad,
    FacilityChange,
    RoadChange,
    Scenario,
)
from yikezhong_app.scenarios.road_changes import change_roads, new_edges
from yikezhong_coverage.graph import usable_edges
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IntArray,
    RoadGraph,
    Snapped,
)
from yikezhong_coverage.snap import snap_points
from yikezhong_geodata.road_findings import may_stop
from yikezhong_geodata.spec import Parameters
from yikezhong_geodata.study import Study


def facility_changes(scenario: Scenario) -> list[FacilityChange]:
    """Return the changes of a scenario to facilities, in their order."""
    return [c for c in scenario.changes if not isinstance(c, (AddRoad, CloseRoad))]


def road_changes(scenario: Scenario) -> list[RoadChange]:
    """Return the changes of a scenario to roads, in their order."""
    return [c for c in scenario.changes if isinstance(c, (AddRoad, CloseRoad))]


def apply_scenario(study: Study, scenario: Scenario) -> Study:
    """Return the study as a scenario would have it.

    Raises
    ------
    ScenarioError
        If a change does not fit the study.
    """
    parameters = study.spec.parameters
    return replace(
        study,
        facilities=change_facilities(
            study.facilities, study.divisions, changes=facility_changes(scenario)
        ),
        roads=change_roads(
            study.roads,
            road_changes(scenario),
            walk_speed_mps=parameters.walk_speed_mps,
            max_snap_m=parameters.max_snap_m,
        ),
    )


def carry_network(
    before: Network,
    graph: RoadGraph,
    *,
    facilities: tuple[Any, Any],
    demand: Any,
    parameters: Parameters,
) -> Network:
    """Return a network for the changed study, points kept where they were.

    Parameters
    ----------
    before : Network
        Of the baseline.
    graph : RoadGraph
        The changed roads of the same profile.
    facilities : tuple of two GeoDataFrame
        Before and after; the rows after begin with those before.
    demand : GeoDataFrame
    parameters : Parameters
    """
    place, fresh = new_edges(before.graph, graph)
    usable = before.usable
    if graph is not before.graph:
        usable = usable_edges(graph, parameters.min_component_m) & may_stop(graph)
        usable[fresh] = False
    old, new = facilities
    n_old = len(old)
    stays = np.zeros(len(new), dtype=np.bool_)
    stays[:n_old] = _same(old["lon"], new["lon"][:n_old])
    stays[:n_old] &= _same(old["lat"], new["lat"][:n_old])

    def carry(snapped: Snapped, table: Any, keep: BoolArray) -> Snapped:
        return _carry(
            snapped,
            table,
            keep,
            place=place,
            roads=(graph, usable),
            max_snap_m=parameters.max_snap_m,
            new_roads=graph is not before.graph,
        )

    everybody = np.ones(len(demand), dtype=np.bool_)
    return replace(
        before,
        graph=graph,
        usable=usable,
        demand=carry(before.demand, demand, everybody),
        facility=carry(before.facility, new, stays),
    )


def _carry(
    snapped: Snapped,
    table: Any,
    keep: BoolArray,
    *,
    place: IntArray,
    roads: tuple[RoadGraph, BoolArray],
    max_snap_m: float,
    new_roads: bool,
) -> Snapped:
    """Return points on changed roads; those to keep stand first in the table."""
    graph, usable = roads
    n_old = len(snapped)
    edge = np.full(len(table), -1, dtype=np.int32)
    edge[:n_old] = np.where(snapped.edge >= 0, place[snapped.edge], -1)
    again = ~keep
    if new_roads:
        again |= edge < 0
        again |= ~usable[edge]
    columns = {}
    for name in ("along_m", "leg_m", "lon", "lat"):
        values = np.full(len(table), np.nan)
        values[:n_old] = getattr(snapped, name)
        columns[name] = values
    if again.any():
        fresh = snap_points(
            graph,
            table["lon"].to_numpy(np.float64)[again],
            table["lat"].to_numpy(np.float64)[again],
            usable=usable,
            max_snap_m=max_snap_m,
        )
        edge[again] = fresh.edge
        for name, values in columns.items():
            values[again] = getattr(fresh, name)
    return Snapped(edge=edge, **columns)


def _same(one: Any, other: Any) -> BoolArray:
    a: FloatArray = one.to_numpy(np.float64)
    b: FloatArray = other.to_numpy(np.float64)
    same: BoolArray = (a == b) | (np.isnan(a) & np.isnan(b))
    return same
