"""The snapshot's table ``circles``, and the area that circles cover."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from yikezhong_app.runs.measure import Network
from yikezhong_coverage.circles import service_area, union_area
from yikezhong_coverage.records import FloatArray, IntArray, Service
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


@dataclass(eq=False)
class CircleMaker:
    """Makes circles; a facility that serves several services gets each only once."""

    networks: dict[str, Network]
    _made: dict[tuple[str, float, int], shapely.MultiPolygon] = field(
        default_factory=dict
    )

    def circles(
        self, profile: str, facilities: IntArray, *, limit_s: float
    ) -> list[shapely.MultiPolygon]:
        """Return the circle of each facility at a limit."""
        network = self.networks[profile]
        missing = np.array(
            [f for f in facilities if (profile, limit_s, int(f)) not in self._made],
            dtype=np.int64,
        )
        style = STYLES[profile]
        fresh = service_area(
            network.graph,
            network.facility.take(missing),
            limit_s=limit_s,
            leg_speed_mps=network.leg_speed_mps,
            buffer_m=style.buffer_m,
            cell_m=style.cell_m,
        )
        for facility, circle in zip(missing, fresh, strict=True):
            self._made[profile, limit_s, int(facility)] = circle
        return [self._made[profile, limit_s, int(f)] for f in facilities]

    def facility_rows(self, facility_id: pd.Series) -> gpd.GeoDataFrame:
        """Return the circle of each facility, whatever services it belongs to."""
        keys = list(self._made)
        ids = facility_id.to_numpy(dtype=object)
        return gpd.GeoDataFrame(
            {
                "facility_id": [ids[facility] for _, _, facility in keys],
                "service": None,
                "profile": [profile for profile, _, _ in keys],
                "limit_s": [limit_s for _, limit_s, _ in keys],
            },
            geometry=list(self._made.values()),
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
