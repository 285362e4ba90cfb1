"""The roads around a part of a run, with its demand and the facilities near it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from yikezhong_app.runs.array_files import as_bytes, digest
from yikezhong_app.runs.cutting import Part
from yikezhong_app.runs.measure import Network
from yikezhong_app.runs.plan_network import network_at
from yikezhong_app.runs.run_data import RunData
from yikezhong_app.tables.circles import STYLES, band_within
from yikezhong_app.tables.roads import (
    RoadLengths,
    covered_road_m,
    covered_roads,
    measure_roads,
)
from yikezhong_coverage.areas import (
    DivisionPieces,
    covered_area_m2,
    cut_divisions,
)
from yikezhong_coverage.lattice import tiles_over
from yikezhong_coverage.records import (
    FloatArray,
    IndexArray,
    IntArray,
    Nearest,
    Service,
    Snapped,
)
from yikezhong_geodata.columns import EQUAL_AREA_CRS
from yikezhong_geodata.road_cells import cell_of, cells_near, cells_of_box
from yikezhong_geodata.road_store import RoadWindow

#: Farther from the roads than the band around them is wide [degrees].
_MARGIN_DEG: Final = 0.01
#: A degree of longitude is never taken for shorter than here [degrees].
_HIGHEST_LAT: Final = 89.9


@dataclass(frozen=True, eq=False)
class PartWindow:
    """The roads around a part, with its demand and all facilities near it on them.

    ``demand`` are rows of the study, ``facilities`` those with an edge in the window.
    ``core`` is what lies in the part itself.
    """

    run: RunData
    part: Part
    roads: RoadWindow
    core: RoadWindow
    demand: IntArray
    facilities: IntArray
    _networks: dict[float, Network] = field(default_factory=dict, repr=False)
    _times: dict[tuple[object, ...], Nearest] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, run: RunData, part: Part) -> PartWindow:
        """Return the window of a part."""
        store = run.roads("walking")
        core = core_cells(run, part)
        roads = store.window(cells_near(store.cells, core, run.reach_m["halo"]))
        edge = run.snapped("walking", "facilities").edge
        near = np.flatnonzero(_places_in(roads.edge, edge) >= 0)
        return cls(run, part, roads, store.window(core), part.demand, near)

    @property
    def at_run_speed(self) -> Network:
        """The network of the window at the run's walking speed."""
        return self.network(self.run.terms.walk_speed_mps)

    def network(self, speed_mps: float) -> Network:
        """Return the network of the window at a walking speed."""
        if speed_mps not in self._networks:
            if not self._networks:
                terms = self.run.terms
                own = Network(
                    graph=self.roads.graph,
                    usable=self.roads.usable,
                    demand=self._snapped("demand", self.demand),
                    facility=self._snapped("facilities", self.facilities),
                    leg_speed_mps=terms.walk_speed_mps,
                    max_time_s=terms.max_time_s["walking"],
                    pieces=self.roads.piece,
                )
                self._networks[terms.walk_speed_mps] = own
            usual = self._networks[self.run.terms.walk_speed_mps]
            self._networks[speed_mps] = network_at(usual, speed_mps)
        return self._networks[speed_mps]

    def _snapped(self, of: str, rows: IntArray) -> Snapped:
        found = self.run.snapped("walking", of).take(rows)
        place = _places_in(self.roads.edge, found.edge)
        return replace(found, edge=place.astype(np.int32))

    def places(self, facilities: IntArray) -> IntArray:
        """Return where those of some facilities that are near stand in the window."""
        at = np.searchsorted(self.facilities, facilities)
        at = np.minimum(at, max(len(self.facilities) - 1, 0))
        if not len(self.facilities):
            return at[:0]
        near: IntArray = at[self.facilities[at] == facilities]
        return near

    @cached_property
    def graph_key(self) -> str:
        """Hash of the roads of the window and of the speed on them."""
        graph = self.roads.graph
        return digest(
            self.run.source,
            self.run.terms.walk_speed_mps,
            graph.edge_u, graph.edge_v, graph.edge_length_m,
            graph.edge_forward_s, graph.edge_backward_s,
            graph.vertex_start, graph.vertex_lon, graph.vertex_lat,
            graph.vertex_along_m, self.roads.usable,
        )  # fmt: skip

    @cached_property
    def key(self) -> str:
        """Hash of everything about the part that no service decides."""
        records, terms = self.run.records, self.run.terms
        shapes = shapely.to_wkb(self._near_shapes.geometry.to_numpy())
        return digest(
            self.graph_key,
            terms.max_time_s["walking"],
            terms.speeds_mps,
            *place_arrays(self.at_run_speed.demand),
            records.demand_own[self.demand],
            self.part.divisions,
            self._near_shapes.index.to_numpy(),
            *shapes.tolist(),
        )

    @cached_property
    def _near_shapes(self) -> Any:
        return near_shapes(self.run, self.part)

    @cached_property
    def _core_network(self) -> Network:
        """The roads of the part itself, with the facilities on them."""
        usual = self.at_run_speed
        found = self.run.snapped("walking", "facilities").take(self.facilities)
        place = _places_in(self.core.edge, found.edge)
        return replace(
            usual,
            graph=self.core.graph,
            usable=self.core.usable,
            facility=replace(found, edge=place.astype(np.int32)),
            pieces=self.core.piece,
        )

    @cached_property
    def _lengths(self) -> RoadLengths:
        n_division = len(self.run.records.divisions.code)
        return measure_roads(
            self._core_network, self._near_shapes, n_division=n_division
        )

    @property
    def total_m(self) -> FloatArray:
        """Usable road of each of the part's divisions [m]."""
        return self._lengths.total_m[self.part.divisions]

    def covered_m(self, facilities: IntArray, *, limit_s: float) -> FloatArray:
        """Return the road of each of the part's divisions within reach [m]."""
        around = np.searchsorted(self.roads.node, self.core.node)
        covered = covered_roads(
            self._core_network,
            facilities,
            limit_s=limit_s,
            around=(self.at_run_speed, around),
        )
        usable = self._core_network.usable
        found = covered_road_m(self._lengths, covered, usable=usable)
        return found[self.part.divisions]

    def band(self, service: Service, facilities: IntArray) -> dict[str, NDArray[Any]]:
        """Return the tiles of a service's union, and what they cover of divisions.

        They are the tiles over the part's divisions, and those that its own facilities
        reach: somebody's facility is near every tile.
        """
        own = facilities[np.isin(self.facilities[facilities], self.part.facilities)]
        reach_m = self.run.reach_m[f"{service.limit_s:g}"] + STYLES["walking"].buffer_m
        within = np.union1d(self._own_tiles, self._tiles_around(own, reach_m))
        tile, polygons = band_within(
            self.at_run_speed, facilities, limit_s=service.limit_s, within=within
        )
        over = np.flatnonzero(np.isin(tile, self._own_tiles))
        covered_m2 = covered_area_m2(
            self._own_pieces, tile[over], [polygons[k] for k in over.tolist()]
        )
        area_m2 = self._own_shapes["area_m2"].to_numpy(np.float64)
        return {
            "tile": tile,
            **as_bytes(polygons),
            "covered_m2": np.minimum(covered_m2, area_m2),
        }

    @cached_property
    def _own_pieces(self) -> DivisionPieces:
        """The part's divisions, cut along the tiles."""
        return cut_divisions(
            self._own_shapes.geometry.to_numpy().tolist(),
            cell_m=STYLES["walking"].cell_m,
            crs=EQUAL_AREA_CRS,
        )

    @cached_property
    def _own_shapes(self) -> Any:
        return self.run.finest.loc[self.part.divisions]

    @cached_property
    def _own_tiles(self) -> IntArray:
        """The tiles over the part's divisions."""
        bounds = shapely.bounds(self._own_shapes.geometry.to_numpy())
        known = bounds[~np.isnan(bounds).any(axis=1)]
        return _tiles(known, cell_m=STYLES["walking"].cell_m)

    def _tiles_around(self, facilities: IntArray, reach_m: float) -> IntArray:
        """Return the tiles within a distance of some facilities."""
        found = self.at_run_speed.facility.take(facilities)
        if not len(found):
            return np.empty(0, dtype=np.int64)
        lat_deg = reach_m / 110_000.0
        highest = np.minimum(np.abs(found.lat) + lat_deg, _HIGHEST_LAT)
        lon_deg = lat_deg / np.cos(np.radians(highest))
        boxes = np.column_stack(
            [
                found.lon - lon_deg,
                found.lat - lat_deg,
                found.lon + lon_deg,
                found.lat + lat_deg,
            ]
        )
        # nothing is drawn where there is no road
        roads = self.roads.graph
        for axis, values in enumerate((roads.vertex_lon, roads.vertex_lat)):
            least, most = values.min() - _MARGIN_DEG, values.max() + _MARGIN_DEG
            boxes[:, axis::2] = boxes[:, axis::2].clip(least, most)
        return _tiles(boxes, cell_m=STYLES["walking"].cell_m)

    def nearest(
        self, facilities: IntArray, *, speed_mps: float, own: bool, most_s: float
    ) -> Nearest:
        """Return the nearest of some facilities (by place) of the part's demand."""
        key = (facilities.tobytes(), speed_mps, own, most_s)
        if key not in self._times:
            network = replace(self.network(speed_mps), max_time_s=most_s)
            if own:
                records = self.run.records
                self._times[key] = network.nearest_of_own(
                    facilities,
                    demand_group=records.demand_own[self.demand],
                    group=records.facility_own[self.facilities],
                )
            else:
                self._times[key] = network.nearest(facilities)
        return self._times[key]


def place_arrays(snapped: Snapped) -> tuple[NDArray[Any], ...]:
    """Return what decides the times of some places."""
    return snapped.edge, snapped.along_m, snapped.leg_m


def _tiles(boxes: FloatArray, *, cell_m: float) -> IntArray:
    """Return the tiles that some boxes touch, ascending."""
    none = np.empty(0, dtype=np.int64)
    found = [tiles_over(*box, cell_m=cell_m) for box in boxes.tolist()]
    tiles: IntArray = np.unique(np.concatenate([none, *found]))
    return tiles


def near_shapes(run: RunData, part: Part) -> Any:
    """Return the finest divisions near a part: on a border the first has the road."""
    finest = run.finest
    bounds = shapely.bounds(finest.geometry.to_numpy())
    own = bounds[np.isin(finest.index, part.divisions)]
    if not len(own) or np.isnan(own).all():
        return finest.iloc[:0]
    west, south = np.nanmin(own[:, :2], axis=0)
    east, north = np.nanmax(own[:, 2:], axis=0)
    met = (bounds[:, 0] <= east) & (bounds[:, 2] >= west)
    met &= (bounds[:, 1] <= north) & (bounds[:, 3] >= south)
    return finest[met]


def core_cells(run: RunData, part: Part) -> IntArray:
    """Return the cells of a part: of its divisions, its demand and its facilities."""
    shapes = run.divisions.geometry.to_numpy()[part.divisions]
    bounds = shapely.bounds(shapes)
    boxes = [cells_of_box(*box) for box in bounds[~np.isnan(bounds).any(axis=1)]]
    demand = run.records.demand
    facilities = run.facilities.iloc[part.facilities]
    # a facility may be put on a road farther away than its ways lead
    roads = run.snapped("walking", "facilities").take(part.facilities)
    cells = [
        cell_of(roads.lon, roads.lat),
        *boxes,
        cell_of(demand.lon[part.demand], demand.lat[part.demand]),
        cell_of(
            facilities["lon"].to_numpy(np.float64),
            facilities["lat"].to_numpy(np.float64),
        ),
    ]
    found: IntArray = np.unique(np.concatenate(cells))
    return found[found >= 0]


def _places_in(edges: IndexArray, edge: IndexArray) -> IntArray:
    """Return where some edges stand in an ascending list; -1 where they do not."""
    if not len(edges):
        return np.full(len(edge), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(edges, edge), len(edges) - 1)
    found: IntArray = np.where(edges[at] == edge, at, -1).astype(np.int64)
    return found
