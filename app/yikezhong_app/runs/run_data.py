"""What the tasks of a run need, as files that every process maps instead of copying.

The driver writes it once from the study that it has loaded; a task opens it, on the
same machine or another one that sees the same folder. Arrays lie there as ``.npy``
files, tables as Arrow, roads as :mod:`yikezhong_geodata.road_store`: nothing is
pickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from yikezhong_app.runs.array_files import map_arrays, save_arrays
from yikezhong_app.runs.cutting import Part
from yikezhong_app.runs.kept_study import as_service
from yikezhong_app.runs.measure import (
    Network,
    capacity_people,
    function_sets,
)
from yikezhong_app.runs.run_terms import RunTerms
from yikezhong_app.runs.study_records import StudyRecords
from yikezhong_coverage.eligibility import Eligibility, judge_eligibility
from yikezhong_coverage.records import (
    BoolArray,
    Demand,
    Divisions,
    IntArray,
    RoadGraph,
    Service,
    Snapped,
)
from yikezhong_geodata.columns import CAPACITY_COLUMNS, GROUPS
from yikezhong_geodata.road_store import RoadStore, write_road_store
from yikezhong_geodata.sandbox.frames import read_frame, write_frame

_ABOUT: Final = "run.json"
#: Columns of the study's tables that tasks look at.
_DIVISION_COLUMNS: Final = ("code", "name", "level", "area_m2", "geometry")
_FACILITY_COLUMNS: Final = ("id", "status", "lon", "lat", *CAPACITY_COLUMNS)
_KINDS: Final = tuple(f.name for f in fields(Eligibility))
_SNAPPED: Final = tuple(f.name for f in fields(Snapped))


@dataclass(frozen=True, eq=False)
class RunData:
    """A study as the tasks of its run see it.

    Parameters
    ----------
    folder : Path
        Where it lies.
    terms : RunTerms
    services : tuple of Service
        Those that are computed, in their order.
    divisions : GeoDataFrame
        Of the study's table, what tasks look at: code, name, level, area, geometry.
    facilities : DataFrame
        Of the study's table: id, status, place and capacities.
    records : StudyRecords
    parts : tuple of Part
        How the run is cut.
    source : str
        Hash of our own code: tasks of another version refuse to work.
    hashes : mapping of str to str
        What stands in for large inputs in keys: ``records`` and the roads by profile.
    reach_m : mapping of str to float
        How far around a part what it does not own matters (``halo``), and how far a
        way on foot may lead within each service's own limit [m].
    """

    folder: Path
    terms: RunTerms
    services: tuple[Service, ...]
    divisions: Any
    facilities: Any
    records: StudyRecords
    parts: tuple[Part, ...]
    source: str
    hashes: Mapping[str, str]
    reach_m: Mapping[str, float]
    _arrays: Mapping[str, NDArray[Any]] = field(repr=False)
    _stores: dict[str, RoadStore] = field(default_factory=dict, repr=False)
    _networks: dict[str, Network] = field(default_factory=dict, repr=False)

    def service(self, service_id: str) -> Service:
        """Return a service by its id."""
        return next(s for s in self.services if s.id == service_id)

    def roads(self, profile: str) -> RoadStore:
        """Return the roads of a profile, mapped."""
        if profile not in self._stores:
            self._stores[profile] = RoadStore.open(self.folder / f"roads_{profile}")
        return self._stores[profile]

    def snapped(self, profile: str, of: str) -> Snapped:
        """Return where ``demand`` or ``facilities`` stand on the roads of a profile."""
        return Snapped(*(self._arrays[f"{profile}.{of}.{n}"] for n in _SNAPPED))

    def network(self, profile: str) -> Network:
        """Return the whole network of a profile with everything put on it.

        One is kept, with what was prepared on it for searches: it is large.
        """
        if profile not in self._networks:
            self._networks.clear()
            arrays = self.roads(profile).arrays
            names = np.zeros(len(arrays["edge_u"]), dtype="<U1")
            graph = RoadGraph(
                profile=profile,
                edge_id=names,
                edge_class=names,
                **{
                    f.name: arrays[f.name]
                    for f in fields(RoadGraph)
                    if f.name in arrays
                },
            )
            self._networks[profile] = Network(
                graph=graph,
                usable=arrays["usable"],
                demand=self.snapped(profile, "demand"),
                facility=self.snapped(profile, "facilities"),
                leg_speed_mps=self.terms.walk_speed_mps,
                max_time_s=self.terms.max_time_s[profile],
                pieces=arrays["piece"],
            )
        return self._networks[profile]

    def eligibility(self, service: Service) -> Eligibility:
        """Return which facilities count for a service, and why others do not."""
        found: dict[str, BoolArray] = {}
        for kind in _KINDS:
            mask = np.zeros(len(self.facilities), dtype=np.bool_)
            mask[self.members(service, kind)] = True
            found[kind] = mask
        return Eligibility(**found)

    def members(self, service: Service, kind: str) -> IntArray:
        """Return the facilities of a kind of :class:`Eligibility`, ascending."""
        at = _member_row([s.id for s in self.services].index(service.id), kind)
        start = self._arrays["member_start"]
        members: IntArray = self._arrays["member"][start[at] : start[at + 1]]
        return members.astype(np.int64)

    def placed_members(self, service: Service, kind: str) -> IntArray:
        """Return the facilities of a kind that are on a road and can be counted."""
        members = self.members(service, kind)
        on_road = self.snapped(service.profile, "facilities").edge[members] >= 0
        capacity = self.capacity(service)
        if kind == "eligible" and capacity is not None:
            on_road &= ~np.isnan(capacity[members])
        return members[on_road]

    def capacity(self, service: Service) -> NDArray[np.float64] | None:
        """Return the people that each facility can serve; None without a limit."""
        return capacity_people(service, self.facilities)

    @cached_property
    def demand_ids(self) -> pa.Array:
        """The ids of the demand points."""
        return pa.array(self.records.demand.id, pa.string())

    @cached_property
    def facility_ids(self) -> pa.Array:
        """The ids of the facilities."""
        return pa.array(self.facilities["id"].tolist(), pa.string())

    @cached_property
    def facility_index(self) -> pd.Index[str]:
        """The ids of the facilities, to be looked up."""
        index: pd.Index[str] = pd.Index(self.facilities["id"].astype(object))
        return index

    @cached_property
    def finest(self) -> gpd.GeoDataFrame:
        """The divisions without anything below them, by their row number."""
        return finest_divisions(self.divisions, self.records.divisions)


def finest_divisions(table: gpd.GeoDataFrame, divisions: Divisions) -> gpd.GeoDataFrame:
    """Return the divisions without anything below them, by their row number."""
    parent = divisions.parent
    rows = table.reset_index(drop=True)
    return rows[~np.isin(np.arange(len(rows)), parent[parent >= 0])]


def _member_row(service: int, kind: str) -> int:
    return service * len(_KINDS) + _KINDS.index(kind)


def write_run(
    folder: Path,
    *,
    terms: RunTerms,
    services: tuple[Service, ...],
    divisions: gpd.GeoDataFrame,
    facilities: pd.DataFrame,
    records: StudyRecords,
    networks: Mapping[str, Network],
    parts: tuple[Part, ...],
    source: str,
    hashes: Mapping[str, str],
    reach_m: Mapping[str, float],
) -> RunData:
    """Write what tasks need into a folder and return it opened."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "terms": asdict(terms),
        "services": [asdict(service) for service in services],
        "parts": [part.name for part in parts],
        "source": source,
        "hashes": dict(hashes),
        "reach_m": dict(reach_m),
    }
    arrays = {
        **_record_arrays(records),
        **_member_arrays(services, facilities),
        **_part_arrays(parts),
    }
    for profile, network in networks.items():
        write_road_store(
            network.graph, network.usable, network.piece, folder / f"roads_{profile}"
        )
        for of, snapped in (
            ("demand", network.demand),
            ("facilities", network.facility),
        ):
            for name in _SNAPPED:
                arrays[f"{profile}.{of}.{name}"] = getattr(snapped, name)
    save_arrays(folder / "arrays", arrays)
    own = divisions[list(_DIVISION_COLUMNS)].reset_index(drop=True)
    write_frame(own, folder / "divisions.arrow")
    plain = pd.DataFrame(facilities[list(_FACILITY_COLUMNS)])
    write_frame(plain.reset_index(drop=True), folder / "facilities.arrow")
    (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
    return open_run(folder)


def open_run(folder: Path) -> RunData:
    """Open what :func:`write_run` wrote."""
    about = json.loads((folder / _ABOUT).read_text("utf-8"))
    arrays = map_arrays(folder / "arrays")
    return RunData(
        folder=folder,
        terms=RunTerms.of(about["terms"]),
        services=tuple(map(as_service, about["services"])),
        divisions=read_frame(folder / "divisions.arrow"),
        facilities=read_frame(folder / "facilities.arrow"),
        records=_records(arrays),
        parts=tuple(_parts(about["parts"], arrays)),
        source=about["source"],
        hashes=about["hashes"],
        reach_m=about["reach_m"],
        _arrays=arrays,
    )


def _member_arrays(
    services: tuple[Service, ...], facilities: pd.DataFrame
) -> dict[str, NDArray[Any]]:
    """Return the facilities by service and kind, as compressed rows."""
    functions = function_sets(facilities["functions"])
    rows: list[IntArray] = []
    for service in services:
        found = judge_eligibility(
            service,
            category=facilities["category"].to_numpy(dtype=object),
            functions=functions,
            status=facilities["status"].to_numpy(dtype=object),
        )
        rows += [np.flatnonzero(getattr(found, kind)) for kind in _KINDS]
    start = np.cumsum([0, *map(len, rows)])
    none = np.empty(0, dtype=np.int64)
    return {"member": np.concatenate([none, *rows]), "member_start": start}


def _record_arrays(records: StudyRecords) -> dict[str, NDArray[Any]]:
    divisions, demand = records.divisions, records.demand
    return {
        "code": divisions.code,
        "level": divisions.level,
        "parent": divisions.parent,
        **{f"unknown.{g}": values for g, values in divisions.unknown.items()},
        **{f"estimated.{g}": values for g, values in records.estimated.items()},
        "demand_id": demand.id,
        "demand_lon": demand.lon,
        "demand_lat": demand.lat,
        "demand_unit": demand.unit,
        **{f"count.{g}": values for g, values in demand.counts.items()},
        "demand_own": records.demand_own,
        "facility_own": records.facility_own,
    }


def _records(arrays: Mapping[str, NDArray[Any]]) -> StudyRecords:
    return StudyRecords(
        divisions=Divisions(
            code=arrays["code"],
            level=arrays["level"],
            parent=arrays["parent"],
            unknown={g: arrays[f"unknown.{g}"] for g in GROUPS},
        ),
        demand=Demand(
            id=arrays["demand_id"],
            lon=arrays["demand_lon"],
            lat=arrays["demand_lat"],
            unit=arrays["demand_unit"],
            counts={g: arrays[f"count.{g}"] for g in GROUPS},
        ),
        estimated={g: arrays[f"estimated.{g}"] for g in GROUPS},
        demand_own=arrays["demand_own"],
        facility_own=arrays["facility_own"],
    )


_PART_ROWS: Final = ("divisions", "demand", "facilities")


def _part_arrays(parts: tuple[Part, ...]) -> dict[str, NDArray[Any]]:
    """Return the rows of each part, as compressed rows."""
    found: dict[str, NDArray[Any]] = {}
    for name in _PART_ROWS:
        rows: list[IntArray] = [getattr(part, name) for part in parts]
        found[f"part.{name}"] = np.concatenate([np.empty(0, dtype=np.int64), *rows])
        found[f"part.{name}.start"] = np.cumsum([0, *map(len, rows)])
    return found


def _parts(names: list[str], arrays: Mapping[str, NDArray[Any]]) -> list[Part]:
    def rows(kind: str, number: int) -> IntArray:
        start = arrays[f"part.{kind}.start"]
        found: IntArray = arrays[f"part.{kind}"][start[number] : start[number + 1]]
        return found

    return [
        Part(name, *(rows(kind, number) for kind in _PART_ROWS))
        for number, name in enumerate(names)
    ]
