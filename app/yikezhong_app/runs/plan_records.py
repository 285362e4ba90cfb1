"""What the rules of plans take, made from a study and what its run has found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yikezhong_app.runs.measure import function_sets
from yikezhong_app.runs.study_records import StudyRecords, facility_unit
from yikezhong_coverage.rates import Coverage
from yikezhong_coverage.rules.records import (
    Areas,
    Places,
    RunFacts,
    ServiceCoverage,
    Statistic,
)
from yikezhong_geodata.attributes import PREFIX, SERVES
from yikezhong_geodata.columns import CAPACITY_COLUMNS, GROUPS
from yikezhong_geodata.plans.attributes import attribute_terms
from yikezhong_geodata.study import Study
from yikezhong_geodata.zones import zone_distances_m

#: Findings about boundaries that say that a border is not where it belongs.
_BORDER_PROBLEMS: Final = frozenset(
    {"gap", "beside_gap", "overlap", "overlapped", "not_nested", "unknown_parent"}
)
_LABEL: Final = "boundaries"
#: Service, limit [s] and denominator of a coverage.
CoverageKey = tuple[str, float, str]


@dataclass(frozen=True, eq=False)
class CoverageBook:
    """The coverage of a run by variant, kept for the rules while it is computed."""

    found: dict[str, dict[CoverageKey, ServiceCoverage]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def add(
        self, service: str, coverage: Coverage, *, limit_s: float, variant: str
    ) -> None:
        """Keep one coverage."""
        key = (service, float(limit_s), coverage.denominator)
        self.found[variant][key] = ServiceCoverage(
            coverage.total, coverage.covered, coverage.unknown
        )

    def of(self, variant: str) -> Mapping[CoverageKey, ServiceCoverage]:
        """Return the coverage of a variant."""
        return self.found.get(variant, {})


def build_areas(study: Study, records: StudyRecords) -> Areas:
    """Return the divisions of a study with their counts and attributes.

    A count that holds only a part of what is below is not known.
    """
    table = study.divisions
    divisions = records.divisions
    counts = {}
    for group in GROUPS:
        values = table[group].to_numpy(np.float64, na_value=np.nan).copy()
        if "incomplete" in table.columns:
            part = [group in str(words or "").split() for words in table["incomplete"]]
            values[np.array(part, dtype=np.bool_)] = np.nan
        counts[group] = values
    kind = [text if isinstance(text, str) else "" for text in table["kind"]]
    return Areas(
        code=divisions.code,
        level=divisions.level,
        kind=np.array(kind, dtype=np.str_),
        parent=divisions.parent,
        counts=counts,
        attributes=_attributes(table),
    )


def build_places(study: Study, areas: Areas) -> Places:
    """Return the facilities of a study as the administrative rules see them."""
    table = study.facilities
    index = pd.Index(areas.code)
    attributes = _attributes(table)
    served = attributes.pop(SERVES.removeprefix(PREFIX), None)
    for name in (*CAPACITY_COLUMNS, "opened", "closed"):
        attributes[name] = _objects(table[name])
    return Places(
        id=table["id"].to_numpy(dtype=object).astype(np.str_),
        category=table["category"].to_numpy(dtype=object).astype(np.str_),
        functions=function_sets(table["functions"]),
        status=table["status"].to_numpy(dtype=object).astype(np.str_),
        unit=facility_unit(table, index),
        serves=() if served is None else _rows_of(served.tolist(), index),
        attributes=attributes,
    )


def build_facts(study: Study, *, speed_mps: float) -> RunFacts:
    """Return what rules need beside areas and places, but for the coverage."""
    inputs = study.plan_inputs
    statistics: dict[str, list[Statistic]] = defaultdict(list)
    for figure in inputs.statistics:
        statistics[figure.indicator].append(
            Statistic(
                code=figure.code,
                on=figure.date,
                value=figure.value,
                numerator=figure.numerator,
                denominator=figure.denominator,
            )
        )
    distances = {}
    if inputs.zones is not None:
        distances = zone_distances_m(
            inputs.zones,
            study.facilities["lon"].to_numpy(np.float64),
            lat=study.facilities["lat"].to_numpy(np.float64),
        )
    names = {term.id: term.name for term in attribute_terms().values()}
    names |= {service.id: service.name for service in study.services}
    return RunFacts(
        as_of=study.as_of,
        statistics=statistics,
        zone_distance_m=distances,
        boundary_findings=_border_findings(study),
        names=names,
        speed_mps=speed_mps,
    )


def _border_findings(study: Study) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for finding in study.report.findings:
        if (
            finding.layer == _LABEL
            and finding.id is not None
            and finding.problem in _BORDER_PROBLEMS
        ):
            found[finding.id].append(finding.problem)
    return dict(found)


def _attributes(table: pd.DataFrame) -> dict[str, NDArray[np.object_]]:
    return {
        str(name).removeprefix(PREFIX): _objects(table[name])
        for name in table.columns
        if str(name).startswith(PREFIX)
    }


def _objects(column: pd.Series) -> NDArray[np.object_]:
    """Return a column as objects, None where nothing is known."""
    values: NDArray[np.object_] = np.array([*column.tolist(), None], dtype=object)[:-1]
    values[column.isna().to_numpy()] = None
    return values


def _rows_of(
    served: Sequence[Iterable[str] | None], index: pd.Index
) -> list[tuple[int, ...]]:
    """Return the rows of the codes that each facility serves."""
    lists = [() if codes is None else tuple(codes) for codes in served]
    codes = pd.Index(list(chain.from_iterable(lists)), dtype=object)
    found = index.get_indexer(codes).tolist()
    rows, start = [], 0
    for one in lists:
        here = found[start : start + len(one)]
        rows.append(tuple(row for row in here if row >= 0))
        start += len(one)
    return rows
