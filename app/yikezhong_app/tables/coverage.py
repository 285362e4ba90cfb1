"""The snapshot's tables ``times`` and ``coverage``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pyarrow as pa

from yikezhong_app.runs.measure import VARIANTS, Network, ServiceTimes, capacity_people
from yikezhong_app.runs.study_records import StudyRecords
from yikezhong_app.tables.parts import TableParts
from yikezhong_coverage.limits import roll_up_times
from yikezhong_coverage.rates import (
    AREA_DENOMINATORS,
    FLAG_TEXTS,
    Coverage,
    roll_up,
    roll_up_areas,
)
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
    Reach,
)
from yikezhong_coverage.supply import Split, fill, fill_in_bands, split_by_time
from yikezhong_coverage.travel import reach
from yikezhong_geodata.columns import LEVELS
from yikezhong_geodata.study import Study

#: Groups that every service is counted for, beside its own.
COMMON_GROUPS = ("people_60", "people")


@dataclass(frozen=True, eq=False)
class Splitter:
    """Splits people into covered, full and out of reach, for one service.

    Without capacity the split follows from the time alone. With capacity the
    facilities are filled anew for each group, as if only that group came.
    ``known_pairs`` are those of the largest limit, where they are there already;
    without them places are filled in bands of time for all ``limits_s``, where these
    are given: by car there may be more pairs than can be held at once.
    """

    times: ServiceTimes
    network: Network
    records: StudyRecords
    capacity: FloatArray | None
    known_pairs: Reach | None = None
    limits_s: tuple[float, ...] = ()
    _pairs: dict[float, Reach] = field(default_factory=dict, repr=False)
    _filled: dict[tuple[str, str], dict[float, Split]] = field(
        default_factory=dict, repr=False
    )

    def split(self, group: str, *, variant: str, limit_s: float) -> Split:
        """Return the split of a group at a limit, shape (n_demand,)."""
        people = self.records.demand.counts[group]
        if self.capacity is None:
            time_s = self.times.nearest[variant].time_s
            return split_by_time(people, time_s, limit_s=limit_s)
        if limit_s in self.limits_s and self.known_pairs is None:
            if (group, variant) not in self._filled:
                self._filled.clear()  # one is done with before the next one begins
                self._filled[group, variant] = self._fill(people, variant)
            return self._filled[group, variant][limit_s]
        facilities = self.times.facilities
        pairs = self.pairs(limit_s)
        if variant == "own":
            owner = self.records.facility_own[facilities]
            pairs = own_pairs(pairs, owner, demand_own=self.records.demand_own)
        return fill(pairs, people, self.capacity[facilities]).split

    def _fill(self, people: FloatArray, variant: str) -> dict[float, Split]:
        """Return the splits at all limits, pairs looked for from the nearest on."""
        network, records = self.network, self.records
        facilities = self.times.facilities

        def find_pairs(demand: IntArray, some: IntArray, limit_s: float) -> Reach:
            pairs = reach(
                network.graph,
                network.demand.take(demand),
                network.facility.take(facilities[some]),
                leg_speed_mps=network.leg_speed_mps,
                limit_s=limit_s,
            )
            if variant != "own":
                return pairs
            owner = records.facility_own[facilities[some]]
            return own_pairs(pairs, owner, demand_own=records.demand_own[demand])

        splits = fill_in_bands(
            find_pairs,
            people,
            np.zeros(0) if self.capacity is None else self.capacity[facilities],
            nearest_s=self.times.nearest[variant].time_s,
            limits_s=self.limits_s,
        )
        return dict(zip(self.limits_s, splits, strict=True))

    def pairs(self, limit_s: float) -> Reach:
        """Return all pairs of the service's facilities and demand within a limit."""
        if limit_s not in self._pairs:
            self._pairs.clear()  # a limit is done with before the next one begins
            facilities = self.times.facilities
            known = self.known_pairs
            if known is not None and limit_s <= known.limit_s:
                self._pairs[limit_s] = pairs_within(known, limit_s)
            else:
                self._pairs[limit_s] = self.network.reach(facilities, limit_s=limit_s)
        return self._pairs[limit_s]


def make_splitter(
    study: Study, records: StudyRecords, times: ServiceTimes, network: Network
) -> Splitter:
    """Return the splitter of a service."""
    capacity = capacity_people(times.service, study.facilities)
    return Splitter(times, network, records, capacity)


def pairs_within(pairs: Reach, limit_s: float) -> Reach:
    """Keep the pairs within a smaller limit [s]."""
    return _kept_pairs(pairs, pairs.time_s <= limit_s, limit_s=limit_s)


def _kept_pairs(pairs: Reach, keep: BoolArray, *, limit_s: float) -> Reach:
    row = np.repeat(np.arange(pairs.n_facility), np.diff(pairs.start))
    start = np.zeros(pairs.n_facility + 1, dtype=np.int64)
    np.cumsum(np.bincount(row[keep], minlength=pairs.n_facility), out=start[1:])
    return Reach(start, pairs.demand[keep], pairs.time_s[keep], pairs.n_demand, limit_s)


def own_pairs(pairs: Reach, owner: IndexArray, *, demand_own: IndexArray) -> Reach:
    """Keep the pairs whose facility and demand are of the same division.

    Parameters
    ----------
    pairs : Reach
    owner : ndarray of int32, shape (n_facility,)
        Division of each facility (row); -1: none.
    demand_own : ndarray of int32, shape (n_demand,)
        Division of each demand point; -1: none.
    """
    row = np.repeat(np.arange(pairs.n_facility), np.diff(pairs.start))
    keep: BoolArray = (owner[row] == demand_own[pairs.demand]) & (owner[row] >= 0)
    return _kept_pairs(pairs, keep, limit_s=pairs.limit_s)


def times_table(
    times: ServiceTimes, network: Network, *, demand_id: pa.Array, facility_id: pa.Array
) -> pa.Table:
    """Return the rows of one service in the table ``times``.

    Parameters
    ----------
    times : ServiceTimes
    network : Network
        Of the service's profile.
    demand_id, facility_id : pyarrow.Array of str
        Ids in the order of the study.
    """
    service = times.service
    found = [times.nearest[variant] for variant in VARIANTS]
    n_demand = len(demand_id)
    n_row = n_demand * len(VARIANTS)
    facility = np.concatenate([nearest.facility for nearest in found])
    # the ids of the service's own facilities: others must not change its file
    place = np.zeros(len(facility_id) + 1, dtype=np.int32)
    place[times.facilities] = np.arange(len(times.facilities), dtype=np.int32)
    variant = np.repeat(np.arange(len(VARIANTS), dtype=np.int32), n_demand)
    return pa.table(
        {
            "demand_id": pa.DictionaryArray.from_arrays(
                np.tile(np.arange(n_demand, dtype=np.int32), len(VARIANTS)), demand_id
            ),
            "service": _repeated(service.id, n_row),
            "profile": _repeated(service.profile, n_row),
            "speed_mps": np.full(n_row, network.leg_speed_mps),
            "variant": pa.DictionaryArray.from_arrays(variant, pa.array(VARIANTS)),
            "time_s": np.concatenate([nearest.time_s for nearest in found]),
            "facility_id": pa.DictionaryArray.from_arrays(
                pa.array(place[facility], mask=facility < 0),
                facility_id.take(pa.array(times.facilities)),
            ),
        }
    )


def _repeated(text: str, n_row: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(n_row, np.int32), pa.array([text]))


def coverage_rows(
    splitter: Splitter,
    *,
    limits_s: list[float],
    share: float,
    variants: Sequence[str] = VARIANTS,
) -> Iterator[tuple[float, str, Coverage]]:
    """Yield (limit [s], variant, coverage) for people and areas of a service.

    Areas (communities, townships) are judged by the service's own group.
    """
    records = splitter.records
    service = splitter.times.service
    divisions = records.divisions
    groups = [
        group
        for group in dict.fromkeys((service.group, *COMMON_GROUPS))
        if group in records.groups
    ]
    for limit_s, variant, group, found in _people_rows(
        splitter, limits_s=limits_s, variants=variants, groups=groups
    ):
        yield limit_s, variant, found
        if group != service.group:
            continue
        for denominator, level in AREA_DENOMINATORS.items():
            if level not in divisions.level:
                continue
            yield (
                limit_s,
                variant,
                roll_up_areas(
                    divisions,
                    found,
                    denominator=denominator,
                    area_people_share=share,
                ),
            )


def _people_rows(
    splitter: Splitter,
    *,
    limits_s: Sequence[float],
    variants: Sequence[str],
    groups: Sequence[str],
) -> Iterator[tuple[float, str, str, Coverage]]:
    """Yield (limit [s], variant, group, coverage) of people.

    Without capacity all limits are counted at once; with it, limit by limit.
    """
    records = splitter.records
    divisions, unit = records.divisions, records.demand.unit
    at_once = {
        (variant, group): roll_up_times(
            divisions,
            unit,
            records.demand.counts[group],
            splitter.times.nearest[variant].time_s,
            limits_s=limits_s,
            group=group,
            estimated=records.estimated[group],
        )
        for variant, group in product(variants, groups)
        if splitter.capacity is None
    }
    for variant, group in product(variants, groups):
        for number, limit_s in enumerate(limits_s):
            if splitter.capacity is None:
                yield limit_s, variant, group, at_once[variant, group][number]
                continue
            split = splitter.split(group, variant=variant, limit_s=limit_s)
            found = roll_up(
                divisions,
                unit,
                split=split,
                group=group,
                estimated=records.estimated[group],
            )
            yield limit_s, variant, group, found


def coverage_parts(records: StudyRecords) -> TableParts:
    """Return the table ``coverage`` without rows."""
    codes = records.divisions.code.tolist()
    return TableParts(level=LEVELS, code=codes, flags=FLAG_TEXTS)


def add_coverage(
    parts: TableParts,
    splitter: Splitter,
    *,
    limit_s: float,
    variant: str,
    coverage: Coverage,
    as_of: str,
) -> None:
    """Add rows to the table ``coverage``: a division each.

    ``parts`` are of :func:`coverage_parts`. Denominators that count areas are given
    for the levels above those areas only.
    """
    service = splitter.times.service
    level = splitter.records.level_number
    counted = AREA_DENOMINATORS.get(coverage.denominator)
    top = len(LEVELS) if counted is None else LEVELS.index(counted)
    shown = np.flatnonzero(level < top)
    parts.add(
        level=level[shown],
        code=shown.astype(np.int32),
        service=service.id,
        limit_s=limit_s,
        denominator=coverage.denominator,
        profile=service.profile,
        speed_mps=splitter.network.leg_speed_mps,
        variant=variant,
        as_of=as_of,
        total=coverage.total[shown],
        covered=coverage.covered[shown],
        full=coverage.full[shown],
        out_of_reach=coverage.out_of_reach[shown],
        rate=coverage.rate[shown],
        flags=coverage.marks[shown],
    )
