"""What follows the network in a run: shares, gaps and places of one service, and plans.

Made arrays of three sizes, so that each step is timed by itself and its growth is seen.
Run with ``python -m benchmarks.rollups [tiny prefecture province]``.
"""

from __future__ import annotations

import datetime as dt
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from yikezhong_app.runs.measure import VARIANTS
from yikezhong_app.runs.plan_network import (
    NETWORK_RULE,
    TRIED_SPEEDS_MPS,
    questions_of,
)
from yikezhong_app.tables.plan_rows import IndicatorRows, RobustRows
from yikezhong_coverage.clusters import (
    gather_places,
    largest_places,
    outline_places,
)
from yikezhong_coverage.gaps import gap_reasons, gaps_by_division
from yikezhong_coverage.limits import roll_up_times
from yikezhong_coverage.rates import roll_up_areas
from yikezhong_coverage.records import (
    BoolArray,
    Divisions,
    FloatArray,
    IndexArray,
    Nearest,
)
from yikezhong_coverage.remedies import point_remedies, remedies_by_division
from yikezhong_coverage.rules.ground import prepare
from yikezhong_coverage.rules.records import Areas, Places, RunFacts, ServiceCoverage
from yikezhong_coverage.rules.value import value_columns
from yikezhong_coverage.supply import Split, split_by_time
from yikezhong_geodata.plans.check import SHIPPED
from yikezhong_geodata.plans.register import load_register
from yikezhong_geodata.vocabulary import load_vocabulary

_SEED: Final = 20_251_231
#: Counties, townships in each, communities in each of those; points, facilities.
SIZES: Final = {
    "tiny": (1, 12, 21, 10_000, 200),
    "prefecture": (4, 12, 21, 100_000, 2_000),
    "province": (108, 12, 21, 1_000_000, 20_000),
}
LIMITS_S: Final = (300.0, 600.0, 900.0, 1800.0)
_RUNS: Final = 3


@dataclass(frozen=True, eq=False)
class Case:
    """The arrays of one service: divisions, points with people, times."""

    divisions: Divisions
    unit: IndexArray
    lon: FloatArray
    lat: FloatArray
    counts: dict[str, FloatArray]
    nearest: Nearest
    lacking: Nearest
    not_open: Nearest
    planned: BoolArray


def make_case(size: str) -> Case:
    """Make the arrays of a size, the same every time."""
    n_county, n_township, n_community, n_point, n_facility = SIZES[size]
    random = np.random.default_rng(_SEED)
    divisions = _make_divisions(n_county, n_township, n_community)
    finest = np.flatnonzero(divisions.level == "community")
    unit = np.sort(random.choice(finest, n_point)).astype(np.int32)
    # communities on a lattice of 1.5 km, people of each around its middle
    side = math.ceil(math.sqrt(len(finest)))
    cell = unit - finest[0]
    lon = 112.0 + 0.015 * (cell % side) + random.normal(0, 0.004, n_point)
    lat = 31.0 + 0.0135 * (cell // side) + random.normal(0, 0.0036, n_point)
    people = np.floor(random.gamma(1.0, 60.0, n_point))
    people[random.random(n_point) < 0.002] = np.nan
    elderly = np.floor(people * 0.23 * 2**20) / 2**20
    return Case(
        divisions,
        unit,
        lon,
        lat,
        {"people": people, "people_60": elderly},
        _make_nearest(random, cell, n_facility, reach_s=900.0),
        _make_nearest(random, cell, n_facility, reach_s=3600.0),
        _make_nearest(random, cell, n_facility, reach_s=7200.0),
        random.random(n_facility) < 0.3,
    )


def _make_divisions(n_county: int, n_township: int, n_community: int) -> Divisions:
    n_each = (1, n_county, n_county * n_township, n_county * n_township * n_community)
    names = ("province", "county", "township", "community")
    start = np.concatenate([[0], np.cumsum(n_each)])
    parent = [np.array([-1])]
    for depth, width in enumerate((n_county, n_township, n_community)):
        parent.append(start[depth] + np.repeat(np.arange(n_each[depth]), width))
    return Divisions(
        np.array([f"42{i:010d}" for i in range(sum(n_each))]),
        np.repeat(np.array(names), n_each),
        np.concatenate(parent).astype(np.int32),
    )


def _make_nearest(
    random: np.random.Generator, cell: IndexArray, n_facility: int, *, reach_s: float
) -> Nearest:
    """Return times that lie around ``reach_s``, to facilities near each other."""
    n_cell = int(cell.max()) + 1
    near = (cell.astype(np.int64) * n_facility // n_cell).astype(np.int32)
    facility = np.minimum(near + random.integers(0, 3, len(cell)), n_facility - 1)
    time_s = np.rint(random.gamma(2.0, reach_s / 2, len(cell)) * 2**30) / 2**30
    far = time_s > 7200.0
    return Nearest(
        np.where(far, np.inf, time_s), np.where(far, -1, facility).astype(np.int32)
    )


def split_case(case: Case, group: str, limit_s: float) -> Split:
    """Split the people of a group at a limit."""
    return split_by_time(case.counts[group], case.nearest.time_s, limit_s=limit_s)


def coverage_of(case: Case) -> None:
    """Roll up the coverage of one service: limits, variants, groups, areas."""
    estimated = np.zeros(len(case.divisions.code), dtype=np.bool_)
    for _variant in ("with_neighbours", "own"):
        for group, people in case.counts.items():
            for found in roll_up_times(
                case.divisions,
                case.unit,
                people,
                case.nearest.time_s,
                limits_s=LIMITS_S,
                group=group,
                estimated=estimated,
            ):
                if group == "people_60":
                    for denominator in ("communities", "townships"):
                        roll_up_areas(case.divisions, found, denominator=denominator)


def gaps_of(case: Case) -> None:
    """Collect the gaps of one service at every limit, with their remedies."""
    yes = np.ones(len(case.unit), dtype=np.bool_)
    for limit_s in LIMITS_S:
        split = split_case(case, "people_60", limit_s)
        reasons = gap_reasons(
            split,
            on_road=yes,
            connected=yes,
            time_s=case.nearest.time_s,
            lacking_time_s=case.lacking.time_s,
            not_open_time_s=case.not_open.time_s,
            limit_s=limit_s,
        )
        remedies = point_remedies(
            split,
            nearest=case.nearest,
            lacking=case.lacking,
            not_open=case.not_open,
            planned=case.planned,
            limit_s=limit_s,
        )
        remedies_by_division(remedies, case.divisions, case.unit, split.without)
        gaps_by_division(
            case.divisions,
            case.unit,
            split=split,
            reasons=reasons,
            nearest=case.nearest,
        )


def places_of(case: Case) -> None:
    """Gather the people without a service into places and outline the largest."""
    without = split_case(case, "people_60", 900.0).without
    places = gather_places(case.lon, case.lat, without, radius_m=900.0)
    outline_places(case.lon, case.lat, largest_places(places, 1000).place)


def value_plans(case: Case) -> None:
    """Value all indicators of the shipped plans, and try walking speeds."""
    ground = prepare(*make_ground(case))
    n_area = len(case.divisions.code)
    entries = [e for p in load_register(SHIPPED) for e in p.entries]
    asked = {
        (service, limit_s, denominator): _made_coverage(n_area, number)
        for number, (service, limit_s, denominator) in enumerate(
            sorted(
                (service, *question)
                for service, questions in questions_of(
                    e.indicator for e in entries
                ).items()
                for question in questions
            )
        )
    }
    facts = RunFacts(as_of=dt.date(2025, 12, 31), coverage=asked, speed_mps=1.0)
    code = case.divisions.code.tolist()
    indicators, robust = IndicatorRows(entries, code), RobustRows(code)
    for entry in entries:
        flips = None
        valued = value_columns(entry.indicator, ground, facts=facts)
        if entry.indicator.rule == NETWORK_RULE:
            for variant in VARIANTS:
                speeds = {
                    speed_mps: value_columns(entry.indicator, ground, facts=facts)
                    for speed_mps in TRIED_SPEEDS_MPS
                }
                flips = robust.add(speeds, variant)
        indicators.add(valued, flips=flips)
    robust.frame()
    indicators.frame()


def make_ground(case: Case) -> tuple[Areas, Places]:
    """Make divisions with counts and facilities of every category the plans name."""
    random = np.random.default_rng(_SEED)
    divisions = case.divisions
    n_area, n_place = len(divisions.code), len(case.planned)
    kinds = {"township": ("subdistrict", "town", "rural_township"),
             "community": ("village", "urban_community")}  # fmt: skip
    kind = [str(random.choice(kinds.get(level, ("",)))) for level in divisions.level]
    counted = np.bincount(case.unit, np.nan_to_num(case.counts["people"]), n_area)
    people = counted.astype(np.float64)
    people[random.random(n_area) < 0.01] = np.nan
    areas = Areas(
        divisions.code,
        divisions.level,
        np.array(kind),
        divisions.parent,
        {"people": people, "people_60": np.floor(people / 4), "households": people},
    )
    functions: tuple[frozenset[str] | None, ...] = (
        frozenset({"meal", "day"}),
        frozenset({"medical"}),
        frozenset(),
        None,
    )
    number = random.integers(0, len(functions), n_place)
    places = Places(
        np.array([f"f{i}" for i in range(n_place)]),
        random.choice(np.array(sorted(load_vocabulary().categories.names)), n_place),
        [functions[i] for i in number.tolist()],
        random.choice(np.array(["open", "open", "planned", "unknown"]), n_place),
        random.integers(1, n_area, n_place).astype(np.int32),
    )
    return areas, places


def _made_coverage(n_area: int, seed: int) -> ServiceCoverage:
    random = np.random.default_rng(seed)
    total = np.floor(random.gamma(1.0, 600.0, n_area) * 2**20) / 2**20
    share = np.clip(random.normal(0.7, 0.4, n_area), 0, 1)
    covered = np.floor(total * share * 2**20) / 2**20
    return ServiceCoverage(total, covered, random.random(n_area) < 0.02)


STEPS: Final[dict[str, Callable[[Case], None]]] = {
    "coverage": coverage_of,
    "gaps": gaps_of,
    "gap areas": places_of,
    "plans": value_plans,
}


def time_steps(case: Case) -> dict[str, float]:
    """Return the least processor time of each step over some runs [s]."""
    found = {}
    for name, step in STEPS.items():
        taken = []
        for _ in range(_RUNS):
            start = time.process_time()
            step(case)
            taken.append(time.process_time() - start)
        found[name] = min(taken)
    return found


def main(sizes: list[str]) -> None:
    """Time every step at every size and print how it grows."""
    for step in STEPS.values():
        step(make_case("tiny"))  # compiled once, before anything is timed
    before: tuple[int, dict[str, float]] | None = None
    for size in sizes:
        n_point = SIZES[size][3]
        found = time_steps(make_case(size))
        for name, seconds in found.items():
            growth = ""
            if before is not None:
                ratio = seconds / before[1][name]
                exponent = math.log(ratio) / math.log(n_point / before[0])
                growth = f"  exponent {exponent:.2f}"
            print(f"{size:12s} {name:12s} {seconds:8.3f} s{growth}", flush=True)
        before = n_point, found


if __name__ == "__main__":
    main(sys.argv[1:] or list(SIZES))
