"""The snapshot's tables ``access`` and ``equity``: capacity per person, and fairness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd

from yikezhong_app.runs.study_records import StudyRecords
from yikezhong_app.tables.coverage import Splitter
from yikezhong_coverage.access import (
    Decay,
    access_by_area,
    banded,
    floating_catchment,
    gaussian,
    uniform,
)
from yikezhong_coverage.equity import coverage_equity
from yikezhong_coverage.rates import Coverage
from yikezhong_coverage.records import FloatArray, Service
from yikezhong_geodata.columns import LEVELS

#: Weights of the three bands of enhanced 2SFCA (W. Luo, Y. Qi 2009).
BAND_WEIGHTS: Final = (1.0, 0.68, 0.22)
#: Method → its decay for a time limit [s]; bands are thirds of the limit.
METHODS: Final[dict[str, Callable[[float], Decay]]] = {
    "2sfca": lambda limit_s: uniform(),
    "e2sfca": lambda limit_s: banded(
        (limit_s / 3, limit_s * 2 / 3, limit_s), BAND_WEIGHTS
    ),
    "gaussian": gaussian,
}
#: Equity is measured between areas of this level.
EQUITY_LEVEL: Final = "township"


def access_rows(splitter: Splitter, units: FloatArray) -> pd.DataFrame:
    """Return the capacity per person of every division, for a service with capacity.

    Parameters
    ----------
    splitter : Splitter
    units : ndarray of float64, shape (n_facility,)
        Capacity of all facilities in their own units (beds, places); ``nan`` unknown.

    Returns
    -------
    DataFrame
        A row for each division and method; ``access`` is in units per person of the
        service's group, ``nan`` where no people are known; ``uncertain`` where a
        facility in reach has an unknown capacity or unknown people come to it.
    """
    service, records = splitter.times.service, splitter.records
    facilities = splitter.times.facilities
    people = records.demand.counts[service.group]
    pairs = splitter.pairs(service.limit_s)
    divisions, unit = records.divisions, records.demand.unit
    levels = [
        (level, here, np.append(divisions.ancestor_at(level), np.int32(-1))[unit])
        for level in LEVELS
        if len(here := np.flatnonzero(divisions.level == level))
    ]
    parts = []
    for method, decay in METHODS.items():
        found = floating_catchment(
            pairs,
            people,
            capacity=units[facilities],
            decay=decay(service.limit_s),
        )
        for level, here, area in levels:
            access = access_by_area(
                found.access, people, area=area, n_area=len(divisions.code)
            )
            doubtful = np.zeros(len(divisions.code), dtype=np.bool_)
            doubtful[area[found.uncertain & (area >= 0)]] = True
            parts.append(
                pd.DataFrame(
                    {
                        "level": level,
                        "code": divisions.code[here],
                        "service": service.id,
                        "method": method,
                        "limit_s": service.limit_s,
                        "group": service.group,
                        "capacity": service.capacity,
                        "access": access[here],
                        "uncertain": doubtful[here],
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def equity_rows(
    records: StudyRecords,
    service: Service,
    coverage: Coverage,
    *,
    limit_s: float,
    variant: str,
) -> list[dict[str, Any]]:
    """Return how equal the coverage of a service is between the townships of each area.

    A row for every division above the townships.
    """
    divisions = records.divisions
    member = divisions.level == EQUITY_LEVEL
    rows = []
    for level in LEVELS[: LEVELS.index(EQUITY_LEVEL)]:
        owner = divisions.ancestor_at(level)
        for at in np.flatnonzero(divisions.level == level).tolist():
            own = member & (owner == at)
            if not own.any():
                continue
            found = coverage_equity(coverage.covered[own], coverage.total[own])
            rows.append(
                {
                    "level": level,
                    "code": str(divisions.code[at]),
                    "service": service.id,
                    "limit_s": limit_s,
                    "denominator": coverage.denominator,
                    "variant": variant,
                    "between": EQUITY_LEVEL,
                    "gini": _number(found.gini),
                    "palma": _number(found.palma),
                    "worst_decile_share": _number(found.worst_decile_share),
                    "worst_decile_rate": _number(found.worst_decile_rate),
                    "mean_rate": _number(found.mean_rate),
                    "n_area": found.n_area,
                    "n_unknown": found.n_unknown,
                }
            )
    return rows


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
