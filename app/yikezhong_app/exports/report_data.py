"""Everything a report says, gathered once: the workbook and the document share it.

The rows are those that the API answers, chosen by the same functions, so that a
number is the same everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, cast

from yikezhong_app.exports.scope import Scope, add_up, find_scope
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.indicator_rows import (
    indicator_rows,
    names_of,
    plans_of,
    scorecard_rows,
)
from yikezhong_app.reading.records import Row, to_rows
from yikezhong_app.reading.selections import coverage_rows, facility_rows, gap_rows
from yikezhong_app.web.queries import (
    CoverageFilter,
    FacilitiesQuery,
    GapsFilter,
    IndicatorsFilter,
    Level,
)
from yikezhong_app.words import LEVEL_NAMES
from yikezhong_geodata.columns import LEVELS

#: What a bureau of civil affairs asks about first, and the services that show it: the
#: first of a study that is for one of the categories.
THEMES: Final[Mapping[str, frozenset[str]]] = {
    "养老服务": frozenset({"elderly_complex", "day_care", "mutual_aid"}),
    "未成年人保护": frozenset({"child_protection_station", "minor_protection_center"}),
    "殡葬服务": frozenset({"public_cemetery", "columbarium"}),
}
_PLACES: Final = (
    "township_code",
    "located_township_code",
    "community_code",
    "located_community_code",
    "county_code",
)


@dataclass(frozen=True, eq=False)
class ReportData:
    """The rows of a report, each table made when it is first asked for.

    Parameters
    ----------
    catalog : Catalog
    scope : Scope
    """

    catalog: Catalog
    scope: Scope

    @cached_property
    def services(self) -> list[Row]:
        """Coverage of the scope as one, a row for each service."""
        rows = self.scope.rows(self.catalog, CoverageFilter())
        found = []
        for service in self.catalog.services:
            own = [row for row in rows if row["service"] == service]
            if own:
                found.append(add_up(own))
        return found

    @cached_property
    def featured(self) -> dict[str, Row]:
        """Theme → the service that shows it; the first service where none does."""
        chosen: dict[str, Row] = {}
        for theme, categories in THEMES.items():
            for service in self.catalog.services.values():
                if categories & set(service["categories"]):
                    chosen[theme] = service
                    break
        if not chosen and self.catalog.services:
            first = next(iter(self.catalog.services.values()))
            chosen[str(first["name"])] = first
        return chosen

    def level_counts(self) -> dict[str, int]:
        """Return level → number of divisions inside the scope, below its top."""
        counts = Counter(
            row["level"]
            for row in self.catalog.divisions
            if row["code"] in self.scope.codes and row["code"] not in self.scope.tops
        )
        return {level: counts[level] for level in LEVELS if counts[level]}

    @cached_property
    def below(self) -> str | None:
        """The next level below the scope; None where there is none."""
        return next(iter(self.level_counts()), None)

    def divisions(self, level: str) -> list[Row]:
        """Return the divisions of a level inside the scope."""
        catalog = self.catalog
        codes = self.scope.codes_at(catalog, level) if level in catalog.levels else []
        return [catalog.divisions[catalog.position[code]] for code in codes]

    def coverage(self, level: str) -> dict[tuple[str, str], Row]:
        """Return (code, service) → coverage row of a level inside the scope."""
        if level not in self.catalog.levels:
            return {}
        codes = self.scope.codes_at(self.catalog, level)
        rows = coverage_rows(self.catalog, CoverageFilter(), level=level, codes=codes)
        return {(row["code"], row["service"]): row for row in rows}

    @property
    def finest(self) -> str:
        """The lowest level of the study."""
        return [*self.catalog.levels][-1]

    @cached_property
    def gaps(self) -> list[Row]:
        """Gaps of the finest level inside the scope, the most people first."""
        query = GapsFilter(level=cast(Level, self.finest))
        codes = self.scope.codes_at(self.catalog, self.finest)
        rows = [row for _, row in gap_rows(self.catalog, query, codes=codes)]
        order = {service: i for i, service in enumerate(self.catalog.services)}
        return sorted(
            rows,
            key=lambda row: (
                order[row["service"]],
                -(row["people_without"] or 0.0),
                row["code"],
            ),
        )

    def reasons(self, service: str) -> dict[str, float]:
        """Return reason → people without a service, of the scope as one."""
        level = self.catalog.divisions[self.catalog.position[self.scope.tops[0]]][
            "level"
        ]
        query = GapsFilter(service=service, level=level)
        rows = gap_rows(self.catalog, query, codes=self.scope.tops)
        sums: Counter[str] = Counter()
        for _, row in rows:
            for name, value in row.items():
                if name.startswith("without_") and value:
                    sums[name.removeprefix("without_")] += value
        return dict(sums.most_common())

    @cached_property
    def facilities(self) -> list[Row]:
        """Facilities registered or standing inside the scope."""
        rows = [row for _, row in facility_rows(self.catalog, FacilitiesQuery())]
        if self.scope.code is None:
            return rows
        codes = self.scope.codes
        return [row for row in rows if not codes.isdisjoint(_places_of(row))]

    @cached_property
    def scorecard(self) -> list[Row]:
        """Every indicator of the scope's top divisions; empty without plans."""
        catalog = self.catalog
        return [
            line
            for code in self.scope.tops
            for line in scorecard_rows(
                catalog, catalog.divisions[catalog.position[code]], IndicatorsFilter()
            )
        ]

    @cached_property
    def parts_scorecard(self) -> dict[tuple[str, str], Row]:
        """(indicator, code) → row, for the divisions one level below the scope."""
        if self.below is None:
            return {}
        codes = self.scope.codes_at(self.catalog, self.below)
        rows = indicator_rows(
            self.catalog, IndicatorsFilter(), codes=codes, level=self.below
        )
        return {(row["indicator_id"], row["code"]): row for row in rows}

    @property
    def plan_names(self) -> dict[str, str]:
        """Id of a plan → its name."""
        return {plan["id"]: plan["name"] for plan in plans_of(self.catalog)}

    @cached_property
    def speeds(self) -> list[Row]:
        """Results of the scope at other walking speeds, all facilities counted."""
        if "robustness" not in self.catalog.snapshot.table_names:
            return []
        tops = list(self.scope.tops)
        wanted: dict[str, str | float | None] = {"variant": "with_neighbours"}
        if len(tops) == 1:
            wanted["code"] = tops[0]
        table = self.catalog.tables.where("robustness", wanted)
        names = {row["indicator_id"]: row["name"] for row in self.scorecard}
        return [
            {**row, "name": names.get(row["indicator_id"], row["indicator_id"])}
            for row in to_rows(table[table["code"].isin(tops)])
        ]

    @cached_property
    def findings(self) -> list[Row]:
        """The data report of the whole study."""
        return to_rows(self.catalog.table("data_report"), without=("service", "level"))

    def names(self, codes: Sequence[str]) -> list[str]:
        """Return the names of divisions or facilities."""
        return names_of(self.catalog, codes)

    def parent_name(self, code: str | None) -> str:
        """Return the name of a division; empty where there is none."""
        at = self.catalog.position.get(code or "")
        return "" if at is None else str(self.catalog.divisions[at]["name"])

    @property
    def top(self) -> Row | None:
        """The division of the scope, where it is one."""
        if len(self.scope.tops) != 1:
            return None
        return self.catalog.divisions[self.catalog.position[self.scope.tops[0]]]

    @property
    def level_name(self) -> str:
        """Name of the level of the scope; 全域 for the whole study."""
        return LEVEL_NAMES[self.scope.level] if self.scope.level else "全域"


def gather(catalog: Catalog, code: str | None) -> ReportData:
    """Return the data of a report.

    Parameters
    ----------
    catalog : Catalog
    code : str or None
        Code, short code or name of a division; None or ``study``: the whole study.

    Raises
    ------
    UnknownDivisionError, AmbiguousNameError
        If there is no such division, or several of the name.
    """
    return ReportData(catalog, find_scope(catalog, code))


def _places_of(row: Row) -> set[str]:
    return {row[name] for name in _PLACES if row.get(name)}
