"""The snapshot's table ``circles``, and the area that circles cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from yikezhong_app.runs.measure import Network
from yikezhong_coverage.circles import service_area
from yikezhong_coverage.joint import band_tiles, joint_area
from yikezhong_coverage.records import IntArray, Service, Snapped
from yikezhong_geodata.columns import CRS


@dataclass(frozen=True)
class CircleStyle:
    """How wide a reached road is drawn, and how fine [m]."""

    buffer_m: float
    cell_m: float


#: Circles by car are kilometres wide: a street's width does not show in them.
STYLES = {
    "walking": CircleStyle(buffer_m=50.0, cell_m=10.0),
    "driving": CircleStyle(buffer_m=1000.0, cell_m=250.0),
}


def draw_circles(
    network: Network, facility: Snapped, *, limit_s: float
) -> list[shapely.MultiPolygon]:
    """Return the circle of each facility at a limit, in the style of its profile."""
    style = STYLES[network.graph.profile]
    return service_area(
        network.graph,
        facility,
        limit_s=limit_s,
        leg_speed_mps=network.leg_speed_mps,
        buffer_m=style.buffer_m,
        cell_m=style.cell_m,
    )


def circle_rows(
    circles: list[shapely.MultiPolygon],
    facility_id: Sequence[str],
    *,
    profile: str,
    limit_s: float,
) -> gpd.GeoDataFrame:
    """Return the circles of single facilities, whatever services they belong to."""
    return gpd.GeoDataFrame(
        {
            "facility_id": np.array(facility_id, dtype=object),
            "service": np.full(len(circles), None, dtype=object),
            "profile": profile,
            "limit_s": limit_s,
        },
        geometry=circles,
        crs=CRS,
    )


def band_within(
    network: Network, facilities: IntArray, *, limit_s: float, within: IntArray
) -> tuple[IntArray, list[shapely.MultiPolygon]]:
    """Return the union of the circles of some facilities, in some tiles."""
    style = STYLES[network.graph.profile]
    return band_tiles(
        network.graph,
        network.facility.take(facilities),
        limit_s=limit_s,
        leg_speed_mps=network.leg_speed_mps,
        buffer_m=style.buffer_m,
        cell_m=style.cell_m,
        within=within,
    )


def union_of(
    network: Network, facilities: IntArray, *, limit_s: float
) -> shapely.MultiPolygon:
    """Return the union of the circles of some facilities."""
    style = STYLES[network.graph.profile]
    return joint_area(
        network.graph,
        network.facility.take(facilities),
        limit_s=limit_s,
        leg_speed_mps=network.leg_speed_mps,
        buffer_m=style.buffer_m,
        cell_m=style.cell_m,
    )


def union_row(service: Service, union: shapely.MultiPolygon) -> gpd.GeoDataFrame:
    """Return the union of a service's circles: a row without a facility."""
    return gpd.GeoDataFrame(
        {
            "facility_id": [None],
            "service": [service.id],
            "profile": [service.profile],
            "limit_s": [service.limit_s],
        },
        geometry=[union],
        crs=CRS,
    )
