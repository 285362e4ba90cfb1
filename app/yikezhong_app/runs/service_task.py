"""The task of one service of a run: what its times say about every division.

The task of a service on foot joins what the parts have measured; by car it searches
the whole network, whose ways are too long for windows. The tables come out as the
files that go into the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from yikezhong_app.runs.array_files import digest, read_result, write_result
from yikezhong_app.runs.kept_tables import KeptTables
from yikezhong_app.runs.measure import VARIANTS, Network, ServiceTimes
from yikezhong_app.runs.merged import MergedService, by_division
from yikezhong_app.runs.opened import opened_run
from yikezhong_app.runs.part_task import MEASURED, read_lengths, result_path
from yikezhong_app.runs.plan_network import asked_coverage
from yikezhong_app.runs.run_data import RunData
from yikezhong_app.tables.access import access_rows, equity_rows
from yikezhong_app.tables.circles import union_of, union_row
from yikezhong_app.tables.coverage import (
    Splitter,
    add_coverage,
    coverage_parts,
    coverage_rows,
    times_table,
)
from yikezhong_app.tables.gap_areas import gap_area_rows
from yikezhong_app.tables.gaps import (
    VARIANT,
    add_gaps,
    connected_demand,
    find_gap_points,
    gap_parts,
    gap_table,
)
from yikezhong_app.tables.parts import TableParts
from yikezhong_app.tables.plan_gaps import look_up_remedies
from yikezhong_app.tables.roads import covered_road_m, covered_roads
from yikezhong_coverage.extents import roll_up_lengths, roll_up_surfaces
from yikezhong_coverage.rates import Coverage
from yikezhong_coverage.records import FloatArray, IntArray, Nearest, Service

#: Writes a table, if there is one and it has rows.
_Put = Callable[[str, "pd.DataFrame | pa.Table | None"], None]
#: Texts between the members of a name in a result; ids do not hold it.
SEPARATOR: Final = "\t"
PLANS: Final = "plans.npz"


def count_service(payload: dict[str, Any], tell: Any) -> dict[str, Any]:
    """Make the tables of a service, unless they have been made before.

    Parameters
    ----------
    payload : dict
        ``run`` and ``kept`` as for a part; ``service`` (id), ``parts`` (names of the
        parts' results, empty by car), ``roads`` (of their road lengths) and
        ``tables`` (folder of results).
    tell : callable
        Takes a step and the share that is done.

    Returns
    -------
    dict
        ``tables``: name of the result; ``made``: whether it was not there.
    """
    run = opened_run(payload)
    service, kept = run.service(payload["service"]), Path(payload["kept"])
    name = digest(
        "tables",
        run.source,
        run.hashes,
        asdict(service),
        _terms(run, service),
        payload["parts"],
        payload["roads"],
        *_members(run, service),
    )
    tables = KeptTables(Path(payload["tables"]) / name)
    made = not tables.is_whole()
    if made:
        tell(service.name, 0.0)
        found = None
        if service.profile == "walking":
            found = MergedService.read(run, service, kept=kept, names=payload["parts"])
        roads = [result_path(kept, name) for name in payload["roads"]]
        counted = _Counted(run, service, found, roads)
        with tables.making() as folder:
            counted.write(folder, tables)
    return {"tables": name, "made": int(made)}


def _terms(run: RunData, service: Service) -> tuple[object, ...]:
    terms = run.terms
    return (
        terms.as_of,
        terms.walk_speed_mps,
        terms.area_people_share,
        terms.limits_s(service),
        terms.usual_limits_s(service),
        terms.max_time_s[service.profile],
        terms.speeds_mps,
        sorted(terms.asked.get(service.id, ())),
        terms.plan_speeds_mps.get(service.id, ()),
        terms.with_plans,
    )


def _members(run: RunData, service: Service) -> Iterator[NDArray[Any]]:
    """Yield what decides the figures of a service about its facilities."""
    ids = run.facilities["id"].to_numpy(dtype=object)
    status = run.facilities["status"].to_numpy(dtype=object)
    snapped = run.snapped(service.profile, "facilities")
    for kind in ("eligible", "lacks_function", "not_open", "unknown_functions"):
        rows = run.members(service, kind)
        yield ids[rows].astype(np.str_)
        yield status[rows].astype(np.str_)
        yield run.records.facility_own[rows]
        yield snapped.edge[rows]
        yield snapped.along_m[rows]
        yield snapped.leg_m[rows]
        if service.capacity is not None:
            yield run.facilities[service.capacity].to_numpy(
                np.float64, na_value=np.nan
            )[rows]


@dataclass(frozen=True, eq=False)
class _Counted:
    """A service whose tables are being made."""

    run: RunData
    service: Service
    found: MergedService | None
    roads: list[Path]

    def write(self, folder: Path, tables: KeptTables) -> None:
        """Write every table that has rows into a folder."""

        def put(name: str, table: pd.DataFrame | pa.Table | None) -> None:
            if table is not None and len(table):
                tables.add(folder, name, table)

        # each is let go of before the next is made: together they are large
        put("times", self._times())
        put("circles", self._union())
        put("access", self._access())
        plans = self._plans()
        self._put_gaps(put, plans)
        write_result(folder / PLANS, plans)
        put("coverage_speeds", self._speeds())
        self._put_coverage(put)

    @cached_property
    def _splitter(self) -> Splitter:
        return self._splitter_of(self._service_times, self._network, None)

    @cached_property
    def _network(self) -> Network:
        return self.run.network(self.service.profile)

    @cached_property
    def _service_times(self) -> ServiceTimes:
        if self.found is not None:
            return self.found.times()
        return _times_on(self.run, self.service, self._network)

    def _at_speed(self, speed_mps: float) -> Splitter:
        """Return the splitter at a walking speed, for the limits of the service."""
        if speed_mps == self.run.terms.walk_speed_mps:
            return self._splitter
        network = replace(
            self._network,
            leg_speed_mps=speed_mps,
            max_time_s=self.run.terms.limits_s(self.service)[-1],
        )
        if self.found is not None:
            nearest = {v: self.found.nearest(v, speed_mps=speed_mps) for v in VARIANTS}
        else:
            nearest = _nearest_on(self.run, network, self._service_times.facilities)
        times = replace(self._service_times, nearest=nearest)
        return self._splitter_of(times, network, speed_mps)

    def _splitter_of(
        self, times: ServiceTimes, network: Network, speed_mps: float | None
    ) -> Splitter:
        capacity, pairs = self.run.capacity(self.service), None
        if capacity is not None and self.found is not None:
            pairs = self.found.pairs(speed_mps=speed_mps)
        limits_s = tuple(self.run.terms.limits_s(self.service))
        return Splitter(times, network, self.run.records, capacity, pairs, limits_s)

    def _times(self) -> pa.Table:
        return times_table(
            self._service_times,
            self._network,
            demand_id=self.run.demand_ids,
            facility_id=self.run.facility_ids,
        )

    def _put_coverage(self, put: _Put) -> None:
        """Put the rates of people, areas and roads, and how equal they are."""
        parts = coverage_parts(self.run.records)
        put("equity", self._add_coverage(parts))
        self._add_lengths(parts)
        self._add_surfaces(parts)
        put("coverage", parts.frame())

    def _add_coverage(self, parts: TableParts) -> pd.DataFrame:
        """Add the rates of people and areas; return how equal they are."""
        terms, equity = self.run.terms, []
        for limit_s, variant, found in coverage_rows(
            self._splitter,
            limits_s=terms.limits_s(self.service),
            share=terms.area_people_share,
        ):
            self._cover(parts, found, limit_s=limit_s, variant=variant)
            own = limit_s == self.service.limit_s
            if terms.with_plans and own and found.denominator == self.service.group:
                equity += equity_rows(
                    self.run.records, self.service, found,
                    limit_s=limit_s, variant=variant,
                )  # fmt: skip
        return pd.DataFrame(equity)

    def _access(self) -> pd.DataFrame | None:
        capacity = self.service.capacity
        if capacity is None or not self.run.terms.with_plans:
            return None
        column = self.run.facilities[capacity]
        return access_rows(self._splitter, column.to_numpy(np.float64, na_value=np.nan))

    def _plans(self) -> dict[str, NDArray[Any]]:
        """Return the coverage that plans ask for, at each of their speeds."""
        terms = self.run.terms
        found: dict[str, NDArray[Any]] = {}
        asked = terms.asked.get(self.service.id, ())
        speeds = terms.plan_speeds_mps.get(self.service.id, ()) if asked else ()
        for speed_mps in speeds:
            for limit_s, denominator, variant, coverage in asked_coverage(
                self._at_speed(speed_mps),
                asked,
                area_people_share=terms.area_people_share,
            ):
                name = SEPARATOR.join(
                    (repr(speed_mps), variant, repr(limit_s), denominator)
                )
                found[f"total{SEPARATOR}{name}"] = coverage.total
                found[f"covered{SEPARATOR}{name}"] = coverage.covered
                found[f"unknown{SEPARATOR}{name}"] = coverage.unknown
        return found

    def _put_gaps(self, put: _Put, plans: dict[str, NDArray[Any]]) -> None:
        """Put the gaps by division, and as places at the service's own limit.

        What would close those that plans ask about is kept beside the plans' coverage.
        """
        run, splitter = self.run, self._splitter
        parts = gap_parts(run.divisions, run.facilities)
        connected = connected_demand(splitter)
        asked = {limit_s for limit_s, _ in run.terms.asked.get(self.service.id, ())}
        for limit_s in run.terms.limits_s(self.service):
            points = find_gap_points(
                splitter, run.facilities["status"], limit_s=limit_s, connected=connected
            )
            remedies = add_gaps(parts, splitter, points=points)
            if limit_s in asked:
                table = look_up_remedies(
                    remedies,
                    run.records.divisions.code.tolist(),
                    run.facilities["id"].tolist(),
                )
                rows = [(code, *remedy) for code, remedy in table.items()]
                plans[f"remedies{SEPARATOR}{limit_s!r}"] = np.array(
                    [[code, word, facility or ""] for code, word, facility in rows],
                    dtype=np.str_,
                ).reshape(-1, 3)
            if limit_s == self.service.limit_s:
                put("gap_areas", gap_area_rows(run, splitter, points))
        put("gaps", gap_table(parts))

    def _cover(
        self, parts: TableParts, coverage: Coverage, *, limit_s: float, variant: str
    ) -> None:
        add_coverage(
            parts,
            self._splitter,
            limit_s=limit_s,
            variant=variant,
            coverage=coverage,
            as_of=self.run.terms.as_of,
        )

    def _speeds(self) -> pd.DataFrame | None:
        """Return who would be covered at the other usual walking speeds."""
        terms, parts = self.run.terms, coverage_parts(self.run.records)
        if self.service.profile != "walking":
            return None
        for speed_mps in terms.speeds_mps:
            if speed_mps == terms.walk_speed_mps:
                continue
            splitter = self._at_speed(speed_mps)
            for limit_s, variant, found in coverage_rows(
                splitter,
                limits_s=terms.usual_limits_s(self.service),
                share=terms.area_people_share,
                variants=[VARIANT],
            ):
                add_coverage(
                    parts,
                    splitter,
                    limit_s=limit_s,
                    variant=variant,
                    coverage=found,
                    as_of=terms.as_of,
                )
        return parts.frame()

    def _add_lengths(self, parts: TableParts) -> None:
        """Add the share of road length within the service's own limit."""
        total_m, covered_m = self._lengths()
        found = roll_up_lengths(
            self.run.records.divisions, total_m=total_m, covered_m=covered_m
        )
        limit_s = self.service.limit_s
        self._cover(parts, found, limit_s=limit_s, variant=VARIANT)

    def _lengths(self) -> tuple[FloatArray, FloatArray]:
        """Return the metres of road of each division, all and those in reach."""
        if self.found is not None:
            total = [read_result(path)["total_m"] for path in self.roads]
            return by_division(self.run, total), self.found.by_division("covered_m")
        network, facilities = self._network, self._service_times.facilities
        covered = covered_roads(network, facilities, limit_s=self.service.limit_s)
        total_m, covered_m = np.zeros((2, len(self.run.records.divisions.code)))
        for part, path in zip(self.run.parts, self.roads, strict=True):
            lengths = read_lengths(self.run, part, path)
            total_m += lengths.total_m
            covered_m += covered_road_m(lengths, covered, usable=network.usable)
        return total_m, covered_m

    def _union(self) -> gpd.GeoDataFrame:
        """Return the union of the service's circles."""
        if self.found is not None:
            return union_row(self.service, self.found.union())
        facilities = self._service_times.facilities
        union = union_of(self._network, facilities, limit_s=self.service.limit_s)
        return union_row(self.service, union)

    def _add_surfaces(self, parts: TableParts) -> None:
        """Add the area that the circles cover; those by car are too coarse for it."""
        if self.found is None:
            return
        divisions, finest = self.run.records.divisions, self.run.finest
        area_m2 = np.zeros(len(divisions.code))
        area_m2[finest.index] = finest["area_m2"].to_numpy(np.float64)
        covered_m2 = self.found.by_division("covered_m2")
        found = roll_up_surfaces(divisions, area_m2=area_m2, covered_m2=covered_m2)
        self._cover(parts, found, limit_s=self.service.limit_s, variant=VARIANT)


def _nearest_on(
    run: RunData, network: Network, facilities: IntArray
) -> dict[str, Nearest]:
    """Return the nearest facilities on a whole network, for each variant."""
    records = run.records
    return {
        "with_neighbours": network.nearest(facilities),
        "own": network.nearest_of_own(
            facilities, demand_group=records.demand_own, group=records.facility_own
        ),
    }


def _times_on(run: RunData, service: Service, network: Network) -> ServiceTimes:
    """Return the times of a service on a whole network."""
    facilities = run.placed_members(service, "eligible")
    nearer = replace(network, max_time_s=run.terms.limits_s(service)[-1])
    return ServiceTimes(
        service=service,
        eligibility=run.eligibility(service),
        facilities=facilities,
        nearest=_nearest_on(run, network, facilities),
        **{
            variant: nearer.nearest(run.placed_members(service, MEASURED[variant]))
            for variant in ("lacking", "not_open")
        },
    )
