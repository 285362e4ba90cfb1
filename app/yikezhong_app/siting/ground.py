"""What siting stands on: demand, facilities and roads of a result, for one service."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from yikezhong_app.runs.measure import Network, capacity_people, function_sets
from yikezhong_app.snapshots.snapshot import Snapshot, open_version
from yikezhong_app.tables.networks import read_network
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_coverage.eligibility import Eligibility, judge_eligibility
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
    Reach,
    Service,
    Snapped,
)
from yikezhong_coverage.snap import snap_points
from yikezhong_coverage.supply import Split, fill, split_by_time
from yikezhong_coverage.travel import nearest_facility, reach

#: Versions a process keeps open; more would only hold memory.
_MOST_OPEN = 2


@dataclass(frozen=True, eq=False)
class Ground:
    """One service at one limit on a result.

    Parameters
    ----------
    snapshot : Snapshot
    service : Service
    limit_s : float
        Largest accepted time [s], inclusive.
    group : str
        Column of the demand that is counted.
    network : Network
        Of the service's profile, with the demand and all facilities on it.
    planned : bool
        Whether planned facilities count as standing.
    area : str or None
        Code of the division whose people alone count; None: everybody. Facilities
        beyond it serve its people all the same.
    """

    snapshot: Snapshot
    service: Service
    limit_s: float
    group: str
    network: Network
    planned: bool = False
    area: str | None = None

    @cached_property
    def people(self) -> FloatArray:
        """People at each demand point [persons]; ``nan`` is unknown, 0 elsewhere."""
        table = self.snapshot.table("demand")
        people: FloatArray = table[self.group].to_numpy(np.float64, na_value=np.nan)
        if self.area is None:
            return people
        inside = table["division_code"].isin(self._inside).to_numpy(np.bool_)
        return np.where(inside, people, 0.0)

    @property
    def area_name(self) -> str | None:
        """Name of the area; None for everywhere."""
        if self.area is None:
            return None
        table = self.snapshot.table("divisions")
        return str(table["name"][table["code"] == self.area].iloc[0])

    @cached_property
    def _inside(self) -> set[str]:
        """Codes of the area and of all that is below it."""
        table = self.snapshot.table("divisions")
        found, below = set(), {str(self.area)}
        while below:
            found |= below
            below = set(table["code"][table["parent"].isin(below)]) - found
        return found

    @cached_property
    def eligibility(self) -> Eligibility:
        """Which facilities count for the service."""
        table = self.snapshot.table("facilities")
        status = table["status"].to_numpy(dtype=object)
        if self.planned:
            status = np.where(status == "planned", "open", status)
        return judge_eligibility(
            self.service,
            category=table["category"].to_numpy(dtype=object),
            functions=function_sets(table["functions"]),
            status=status,
        )

    @cached_property
    def capacity_people(self) -> FloatArray | None:
        """People each facility can serve; None for a service without capacity."""
        return capacity_people(self.service, self.snapshot.table("facilities"))

    @cached_property
    def existing(self) -> IntArray:
        """Rows of the facilities that count and are on the roads."""
        usable = self.eligibility.eligible & (self.network.facility.edge >= 0)
        if self.capacity_people is not None:
            usable &= ~np.isnan(self.capacity_people)
        return np.flatnonzero(usable)

    @cached_property
    def start_time_s(self) -> FloatArray:
        """Time to the nearest existing facility [s]; ``inf`` where none."""
        return self.network.nearest(self.existing).time_s

    @cached_property
    def start_split(self) -> Split:
        """Who is covered as it stands, by the rule of the run's own table."""
        if self.capacity_people is None:
            return split_by_time(self.people, self.start_time_s, limit_s=self.limit_s)
        places = self.capacity_people[self.existing]
        return fill(self.start_reach, self.people, places).split

    @cached_property
    def start_reach(self) -> Reach:
        """Pairs of existing facilities and demand within the limit."""
        return self.network.reach(self.existing, limit_s=self.limit_s)

    @cached_property
    def township(self) -> IndexArray:
        """Index of each demand point's township in :attr:`townships`; -1 none."""
        codes = self.townships["code"].to_numpy(dtype=object)
        number = {code: i for i, code in enumerate(codes)}
        own = self.snapshot.table("demand")["township_code"]
        return np.array([number.get(code, -1) for code in own], dtype=np.int32)

    @cached_property
    def townships(self) -> pd.DataFrame:
        """Code and name of the townships, in the order of the divisions."""
        table = self.snapshot.table("divisions")
        shown = table["level"] == "township"
        if self.area is not None:
            shown &= table["code"].isin(self._inside)
        return table.loc[shown, ["code", "name"]].reset_index(drop=True)

    def snap(self, lon: FloatArray, lat: FloatArray) -> Snapped:
        """Put places on the roads as facilities are put."""
        return snap_points(
            self.network.graph,
            lon,
            lat,
            usable=self.network.usable,
            max_snap_m=float(self.snapshot.manifest["parameters"]["max_snap_m"]),
        )

    def reach(self, places: Snapped, *, limit_s: float | None = None) -> Reach:
        """Return the pairs of places and demand within a limit."""
        return reach(
            self.network.graph,
            self.network.demand,
            places,
            leg_speed_mps=self.network.leg_speed_mps,
            limit_s=self.limit_s if limit_s is None else limit_s,
        )

    def time_with(
        self,
        places: Snapped,
        *,
        without: BoolArray | None = None,
        within_s: float | None = None,
    ) -> FloatArray:
        """Return the engine's time to the nearest of facilities and places [s].

        Parameters
        ----------
        places : Snapped
            New sites.
        without : ndarray of bool, shape (n_facility,), optional
            Facilities that are closed.
        within_s : float, optional
            Largest time looked for [s]; by default the run's own.
        """
        rows = (
            self.existing if without is None else self.existing[~without[self.existing]]
        )
        both = joined(self.network.facility.take(rows), places)
        found = nearest_facility(
            self.network.graph,
            self.network.demand,
            both,
            leg_speed_mps=self.network.leg_speed_mps,
            max_time_s=self.network.max_time_s if within_s is None else within_s,
        )
        return found.time_s


def open_ground(
    out_dir: Path,
    version: str,
    *,
    service: str,
    minutes: float | None = None,
    group: str | None = None,
    planned: bool = False,
    area: str | None = None,
) -> Ground:
    """Return the ground of a service; a process keeps what it has read.

    Raises
    ------
    ParameterError
        If there is no such service, group, area, or network.
    """
    snapshot = _open(str(out_dir), version)
    chosen = find_service(snapshot, service)
    counted = chosen.group if group is None else group
    demand = snapshot.table("demand")
    if counted not in demand.columns or not demand[counted].notna().any():
        raise ParameterError(f"研究中没有人群“{counted}”的数据", parameter="group")
    return Ground(
        snapshot=snapshot,
        service=chosen,
        limit_s=chosen.limit_s if minutes is None else minutes * 60.0,
        group=counted,
        network=_network(str(out_dir), version, chosen.profile),
        planned=planned,
        area=None if area is None else find_area(snapshot, area),
    )


def find_area(snapshot: Snapshot, area: str) -> str:
    """Return the code of a division that is named by its code, short or not, or name."""
    table = snapshot.table("divisions")
    wide = area.ljust(12, "0") if area.isdecimal() else area
    match = table[table["code"].isin([area, wide]) | (table["name"] == area)]
    if len(match) != 1:
        raise ParameterError(
            f"没有区划“{area}”，或不止一个",
            parameter="area",
            available=table["code"][table["level"] == "county"].tolist(),
        )
    return str(match["code"].iloc[0])


def find_service(snapshot: Snapshot, service: str) -> Service:
    """Return a service of a result."""
    known = {s["id"]: s for s in snapshot.manifest["services"]}
    if service not in known:
        raise ParameterError(
            f"没有服务“{service}”", parameter="service", available=[*known]
        )
    values = dict(known[service])
    for name in ("categories", "functions"):
        values[name] = tuple(values[name])
    return Service(**values)


def refuse_capacity(ground: Ground, what: str) -> None:
    """Refuse a service whose facilities are limited in what they can hold."""
    if ground.service.capacity is None:
        return
    known = ground.snapshot.manifest["services"]
    raise ParameterError(
        f"服务“{ground.service.name}”有容量限制，{what}",
        parameter="service",
        available=[s["id"] for s in known if s["capacity"] is None],
    )


@lru_cache(maxsize=_MOST_OPEN)
def _open(out_dir: str, version: str) -> Snapshot:
    return open_version(Path(out_dir), version)


@lru_cache(maxsize=2 * _MOST_OPEN)
def _network(out_dir: str, version: str, profile: str) -> Network:
    return read_network(_open(out_dir, version), profile)


def joined(first: Snapped, second: Snapped) -> Snapped:
    """Return the places of both, the first ones first."""
    return Snapped(
        *(
            np.concatenate([getattr(first, name), getattr(second, name)])
            for name in ("edge", "along_m", "leg_m", "lon", "lat")
        )
    )
