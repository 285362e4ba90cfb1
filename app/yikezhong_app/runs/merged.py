"""What the parts of a run have found, joined to what the whole would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from yikezhong_app.runs.array_files import of_bytes, read_result
from yikezhong_app.runs.measure import ServiceTimes
from yikezhong_app.runs.part_task import (
    MEASURED,
    circle_facilities,
    result_path,
)
from yikezhong_app.runs.run_data import RunData
from yikezhong_app.tables.circles import STYLES
from yikezhong_coverage.records import (
    FloatArray,
    IntArray,
    Nearest,
    Reach,
    Service,
)
from yikezhong_coverage.seams import join_tiles


@dataclass(frozen=True, eq=False)
class MergedService:
    """A service as its parts have measured it.

    Parameters
    ----------
    run : RunData
    service : Service
    found : sequence of mapping
        Result of each part, in the order of the parts.
    """

    run: RunData
    service: Service
    found: Sequence[Mapping[str, NDArray[Any]]]

    @classmethod
    def read(
        cls, run: RunData, service: Service, *, kept: Path, names: Sequence[str]
    ) -> MergedService:
        """Read the results of all parts by their names."""
        return cls(run, service, [read_result(result_path(kept, n)) for n in names])

    def times(self) -> ServiceTimes:
        """Return the times at the run's walking speed."""
        found = {variant: self.nearest(variant) for variant in MEASURED}
        return ServiceTimes(
            service=self.service,
            eligibility=self.run.eligibility(self.service),
            facilities=self.run.placed_members(self.service, "eligible"),
            nearest={v: found[v] for v in ("with_neighbours", "own")},
            lacking=found["lacking"],
            not_open=found["not_open"],
        )

    def nearest(self, variant: str, *, speed_mps: float | None = None) -> Nearest:
        """Return the nearest facilities of a variant, at another speed if asked."""
        name = variant if speed_mps is None else f"{variant}@{speed_mps:g}"
        n_demand = len(self.run.records.demand.id)
        time_s = np.full(n_demand, np.inf)
        facility = np.full(n_demand, -1, dtype=np.int32)
        for part, arrays in zip(self.run.parts, self.found, strict=True):
            rows = part.demand[arrays[f"{name}.at"]]
            members = self._members(arrays, MEASURED[variant])
            time_s[rows] = arrays[f"{name}.time_s"]
            facility[rows] = members[arrays[f"{name}.facility"]]
        return Nearest(time_s, facility)

    def pairs(self, *, speed_mps: float | None = None) -> Reach:
        """Return all pairs of facilities that count and demand, at the largest limit."""
        end = "" if speed_mps is None else f"@{speed_mps:g}"
        facilities = self.run.placed_members(self.service, "eligible")
        rows, demand, time_s = [], [], []
        for part, arrays in zip(self.run.parts, self.found, strict=True):
            at = np.searchsorted(facilities, self._members(arrays, "eligible"))
            count = np.diff(arrays[f"pairs{end}.start"])
            rows.append(np.repeat(at, count))
            demand.append(part.demand[arrays[f"pairs{end}.demand"]])
            time_s.append(arrays[f"pairs{end}.time_s"])
        row, of_demand = np.concatenate(rows), np.concatenate(demand)
        order = np.lexsort((of_demand, row))
        start = np.zeros(len(facilities) + 1, dtype=np.int64)
        np.cumsum(np.bincount(row, minlength=len(facilities)), out=start[1:])
        return Reach(
            start,
            of_demand[order].astype(np.int32),
            np.concatenate(time_s)[order],
            len(self.run.records.demand.id),
            self.run.terms.limits_s(self.service)[-1],
        )

    def by_division(self, name: str) -> FloatArray:
        """Return a measure of every division that the parts have taken."""
        return by_division(self.run, [arrays[name] for arrays in self.found])

    def union(self) -> shapely.MultiPolygon:
        """Return the union of the service's circles, put together of tiles."""
        tile = np.concatenate([arrays["tile"] for arrays in self.found])
        shapes = np.concatenate([of_bytes(arrays) for arrays in self.found])
        # parts that meet in a tile have drawn the same
        tile, first = np.unique(tile, return_index=True)
        return join_tiles(tile, shapes[first].tolist(), cell_m=STYLES["walking"].cell_m)

    def _members(self, arrays: Mapping[str, NDArray[Any]], kind: str) -> IntArray:
        """Return the facilities of a list of ids, as rows of the study."""
        ids = pd.Index(arrays[f"ids.{kind}"].astype(object))
        found: IntArray = self.run.facility_index.get_indexer(ids)
        return found


def by_division(run: RunData, values: Sequence[FloatArray]) -> FloatArray:
    """Return the values of all parts' divisions, 0 where nobody owns the division."""
    found = np.zeros(len(run.records.divisions.code))
    for part, own in zip(run.parts, values, strict=True):
        found[part.divisions] = own
    return found


def read_circles(
    run: RunData, *, profile: str, limit_s: float, kept: Path, names: Sequence[str]
) -> dict[int, shapely.Geometry]:
    """Return the circles of a profile at a limit by facility, as parts have drawn them."""
    circles: dict[int, shapely.Geometry] = {}
    for part, name in zip(run.parts, names, strict=True):
        shapes = of_bytes(read_result(result_path(kept, name)))
        chosen = circle_facilities(run, part, profile=profile, limit_s=limit_s)
        circles |= dict(zip(chosen.tolist(), shapes, strict=True))
    return circles
