"""The snapshot's table ``circles``, and the area that circles cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from yikezhong_app.runs.measure import Network
from yikezhong_coverage.circles import service_area, union_area
from yikezhong_coverage.records import FloatArray, Service, Snapped
from yikezhong_geodata.columns import CRS, EQUAL_AREA_CRS


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


def union_row(
    service: Service, circles: list[shapely.MultiPolygon]
) -> gpd.GeoDataFrame:
    """Return the union of a service's circles: a row without a facility."""
    return gpd.GeoDataFrame(
        {
            "facility_id": [None],
            "service": [service.id],
            "profile": [service.profile],
            "limit_s": [service.limit_s],
        },
        geometry=[union_area(circles)],
        crs=CRS,
    )


def covered_area_m2(
    divisions: gpd.GeoDataFrame, union: shapely.MultiPolygon
) -> FloatArray:
    """Return how much of each division a union of circles covers [m²].

    ``nan`` where a division has no geometry. Areas are those of the equal-area CRS,
    as for the divisions themselves.
    """
    parts = np.array([p for p in shapely.get_parts(union) if not p.is_empty])
    shapes = divisions.geometry.to_numpy()
    covered = np.where(shapely.is_missing(shapes), np.nan, 0.0)
    if not len(parts):
        return covered
    place, part = shapely.STRtree(parts).query(shapes, predicate="intersects")
    common = gpd.GeoSeries(
        shapely.intersection(shapes[place], parts[part]), crs=CRS
    ).to_crs(EQUAL_AREA_CRS)
    np.add.at(covered, place, common.area.to_numpy())
    area_m2: FloatArray = divisions["area_m2"].to_numpy(np.float64)
    return np.minimum(covered, area_m2)
