"""One circle and the people in it; runs in a process that keeps the networks loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from yikezhong_app.progress import ProgressCall
from yikezhong_app.reading.shapes import geojson_shapes, simplify_alone
from yikezhong_app.runs.measure import Network
from yikezhong_app.runs.plan_network import network_at
from yikezhong_app.snapshots.snapshot import Snapshot, open_version
from yikezhong_app.tables.circles import STYLES
from yikezhong_app.tables.networks import read_network
from yikezhong_app.web.request_errors import NoRoadError
from yikezhong_coverage.circles import service_area
from yikezhong_coverage.records import BoolArray, FloatArray, Snapped
from yikezhong_coverage.snap import snap_points
from yikezhong_coverage.travel import reach
from yikezhong_geodata.columns import CRS, EQUAL_AREA_CRS, GROUPS

#: Networks a process keeps: two profiles, and another walking speed or version.
_MOST_OPEN: Final = 3
#: Shorter than any degree [m]: a box in degrees is never too small.
_LEAST_DEGREE_M: Final = 110_000.0
_DECIMALS: Final = 5


@dataclass(frozen=True, eq=False)
class Ground:
    """A version's network of one profile at one walking speed, and its people."""

    snapshot: Snapshot
    network: Network

    @cached_property
    def people(self) -> dict[str, FloatArray]:
        """Group → people at each demand point [persons]; ``nan`` is unknown."""
        demand = self.snapshot.table("demand")
        return {
            group: demand[group].to_numpy(np.float64, na_value=np.nan)
            for group in GROUPS
            if group in demand
        }

    @cached_property
    def max_snap_m(self) -> float:
        """Largest distance from a road [m], inclusive."""
        return float(self.snapshot.manifest["parameters"]["max_snap_m"])

    @cached_property
    def _boxes(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """West, south, east and north of every edge [degrees]."""
        graph, first = self.network.graph, self.network.graph.vertex_start[:-1]
        return (
            np.minimum.reduceat(graph.vertex_lon, first),
            np.minimum.reduceat(graph.vertex_lat, first),
            np.maximum.reduceat(graph.vertex_lon, first),
            np.maximum.reduceat(graph.vertex_lat, first),
        )

    def snap(self, lon: float, lat: float) -> Snapped:
        """Put a place on the roads as facilities are put.

        Only the edges around it are looked at, which changes nothing but the time.

        Raises
        ------
        NoRoadError
            If no usable road is near enough.
        """
        placed = snap_points(
            self.network.graph,
            [lon],
            [lat],
            usable=self.network.usable & self._near(lon, lat),
            max_snap_m=self.max_snap_m,
        )
        if placed.edge[0] < 0:
            raise NoRoadError(
                f"该处 {self.max_snap_m:g} 米之内没有可用的道路",
                hint="请选离道路近一些的地点",
            )
        return placed

    def _near(self, lon: float, lat: float) -> BoolArray:
        north = 2 * self.max_snap_m / _LEAST_DEGREE_M
        east = north / max(np.cos(np.radians(min(abs(lat) + north, 90.0))), 1e-3)
        west_of, south_of, east_of, north_of = self._boxes
        near: BoolArray = (west_of <= lon + east) & (east_of >= lon - east)
        return near & (south_of <= lat + north) & (north_of >= lat - north)


def run_circle(payload: dict[str, Any], progress: ProgressCall) -> dict[str, Any]:
    """Return a circle's row and its GeoJSON geometry.

    Parameters
    ----------
    payload : mapping
        out, version, profile, speed_mps (None: the run's), minutes, simplify_m, and
        either lon and lat or the id of a facility.
    progress : callable
        Not called: it is done at once.

    Raises
    ------
    NoRoadError
        If the place is too far from the roads.
    """
    del progress
    ground = _ground(
        payload["out"], payload["version"], payload["profile"], payload["speed_mps"]
    )
    lon, lat = _place(ground.snapshot.table("facilities"), payload)
    place = ground.snap(lon, lat)
    limit_s = payload["minutes"] * 60.0
    network, style = ground.network, STYLES[payload["profile"]]
    (circle,) = service_area(
        network.graph,
        place,
        limit_s=limit_s,
        leg_speed_mps=network.leg_speed_mps,
        buffer_m=style.buffer_m,
        cell_m=style.cell_m,
    )
    row = {
        "facility_id": payload["facility"],
        "lon": lon,
        "lat": lat,
        "profile": payload["profile"],
        "speed_mps": network.leg_speed_mps,
        "limit_s": limit_s,
        "minutes": payload["minutes"],
        "snap_m": float(place.leg_m[0]),
        "area_m2": _area_m2(circle),
        **_people_in_reach(ground, place, limit_s=limit_s),
    }
    shown = simplify_alone(np.array([circle]), tolerance_m=payload["simplify_m"])
    (geometry,) = geojson_shapes(shown, decimals=_DECIMALS)
    return {"row": row, "geometry": "" if geometry is None else geometry.decode()}


def _people_in_reach(
    ground: Ground, place: Snapped, *, limit_s: float
) -> dict[str, Any]:
    """Count the people of each group who reach a place, by network time."""
    found = reach(
        ground.network.graph,
        ground.network.demand,
        place,
        leg_speed_mps=ground.network.leg_speed_mps,
        limit_s=limit_s,
    )
    counts: dict[str, Any] = {}
    unknown: dict[str, int] = {}
    for group, people in ground.people.items():
        here = people[found.demand]
        known = here[np.isfinite(here)]
        # nothing but unknown is not zero
        counts[group] = float(known.sum()) if len(known) or not len(here) else None
        if len(known) < len(here):
            unknown[group] = len(here) - len(known)
    note = "部分需求点人口未知，合计只含已知部分" if unknown else None
    return {
        **counts,
        "demand_points": len(found.demand),
        "unknown_points": unknown,
        "note": note,
    }


def _place(facilities: pd.DataFrame, payload: dict[str, Any]) -> tuple[float, float]:
    if payload["facility"] is None:
        return payload["lon"], payload["lat"]
    row = facilities[facilities["id"] == payload["facility"]].iloc[0]
    if pd.isna(row["lon"]) or pd.isna(row["lat"]):
        raise NoRoadError("这个设施没有可用的坐标", hint="请改用 lon、lat 指定地点")
    return float(row["lon"]), float(row["lat"])


def _area_m2(circle: shapely.MultiPolygon) -> float:
    transform = _to_equal_area().transform
    plane = shapely.transform(circle, lambda xy: np.column_stack(transform(*xy.T)))
    return float(shapely.area(plane))


@lru_cache(maxsize=1)
def _to_equal_area() -> Transformer:
    return Transformer.from_crs(CRS, EQUAL_AREA_CRS, always_xy=True)


@lru_cache(maxsize=_MOST_OPEN)
def _ground(out: str, version: str, profile: str, speed_mps: float | None) -> Ground:
    if speed_mps is None:
        snapshot = open_version(Path(out), version)
        return Ground(snapshot, read_network(snapshot, profile))
    base = _ground(out, version, profile, None)
    return Ground(base.snapshot, network_at(base.network, speed_mps))
