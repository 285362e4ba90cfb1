"""One version of a result, indexed for reading.

A catalog is made when a version is first served and never changed; a request keeps
the catalog it began with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from yikezhong_app.reading.name_search import NameIndex
from yikezhong_app.reading.records import Row, split_words, to_rows
from yikezhong_app.reading.shapes import (
    Geometries,
    clip,
    geojson_shapes,
    simplify_alone,
    simplify_together,
)
from yikezhong_app.reading.table_reader import (
    DEFAULT_TABLE_BYTES,
    Computed,
    PartMap,
    TableReader,
    read_computed,
)
from yikezhong_app.snapshots.snapshot import NETWORK_PREFIX, Snapshot
from yikezhong_app.tiles.keys import MOST_PLAIN, tiled_levels, tiles_key
from yikezhong_app.web.request_errors import (
    AmbiguousNameError,
    ParameterError,
    UnknownDivisionError,
)
from yikezhong_app.words import denominator_names
from yikezhong_geodata.columns import LEVEL_NAMES, LEVELS

#: Digits of the short forms of a 12-digit code.
_SHORT_CODES = (2, 4, 6, 9)


@dataclass(frozen=True, eq=False)
class Catalog:
    """A snapshot with its tables indexed by code, level and service."""

    snapshot: Snapshot
    #: Bound on what is kept of large tables [bytes].
    table_bytes: int = DEFAULT_TABLE_BYTES

    @property
    def version(self) -> str:
        """Version of the snapshot."""
        return self.snapshot.version

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What the run wrote about itself."""
        return self.snapshot.manifest

    @property
    def as_of(self) -> str:
        """Date of the evaluation (ISO)."""
        return str(self.manifest["as_of"])

    @property
    def name(self) -> str:
        """Name of the study."""
        return str(self.manifest.get("name") or "一刻钟")

    @property
    def notice(self) -> str | None:
        """What must stand on every page and export."""
        return self.manifest.get("notice") or None

    @property
    def head(self) -> Row:
        """Members of every answer."""
        return {"version": self.version, "as_of": self.as_of, "notice": self.notice}

    @property
    def tail(self) -> Row:
        """Columns at the end of every CSV."""
        return self.head

    @property
    def about(self) -> list[tuple[str, str]]:
        """Lines of the explaining sheet of a workbook."""
        issued = self.manifest.get("map") or {}
        lines = [
            ("研究", self.name),
            ("评价日期", self.as_of),
            ("成果版本", self.version),
            ("说明", self.notice),
            ("制图单位", issued.get("issuer")),
            ("审图号", issued.get("approval_number")),
        ]
        return [(left, str(right)) for left, right in lines if right]

    # --- divisions -------------------------------------------------------------

    @cached_property
    def divisions(self) -> list[Row]:
        """All divisions, without geometry, in the order of the table."""
        return split_words(to_rows(self.snapshot.table("divisions")))

    @cached_property
    def position(self) -> dict[str, int]:
        """Code → position in :attr:`divisions`."""
        return {row["code"]: i for i, row in enumerate(self.divisions)}

    @cached_property
    def names(self) -> NameIndex:
        """The divisions, to be searched by name, code, pinyin and initials."""
        return NameIndex(self.divisions)

    @cached_property
    def levels(self) -> dict[str, int]:
        """Levels that are present, from the top, with their counts."""
        counts: dict[str, int] = defaultdict(int)
        for row in self.divisions:
            counts[row["level"]] += 1
        return {level: counts[level] for level in LEVELS if level in counts}

    @cached_property
    def tiles_key(self) -> str | None:
        """Name of the boundaries' tiles; None where all levels go without."""
        divisions = self.snapshot.geo_table("divisions")
        return tiles_key(divisions) if tiled_levels(divisions) else None

    @cached_property
    def _children(self) -> dict[str, list[int]]:
        children: dict[str, list[int]] = defaultdict(list)
        for i, row in enumerate(self.divisions):
            if row.get("parent"):
                children[row["parent"]].append(i)
        return dict(children)

    def under(self, code: str) -> set[str]:
        """Return the codes of all divisions below one, at any depth."""
        found: set[str] = set()
        waiting = [code]
        while waiting:
            for i in self._children.get(waiting.pop(), ()):
                below = self.divisions[i]["code"]
                if below not in found:
                    found.add(below)
                    waiting.append(below)
        return found

    def above(self, code: str) -> list[Row]:
        """Return code, name and level of the divisions above one, the top first."""
        chain: list[Row] = []
        parent = self.divisions[self.position[code]].get("parent")
        while parent in self.position and len(chain) < len(LEVELS):
            row = self.divisions[self.position[parent]]
            chain.append({key: row[key] for key in ("code", "name", "level")})
            parent = row.get("parent")
        return chain[::-1]

    def find_division(self, asked: str, *, level: str | None = None) -> Row:
        """Return the division of a code, a short code or a name.

        Parameters
        ----------
        asked : str
            12 digits, the first 2, 4, 6 or 9 of them, a free code, or a name that
            only one division of the level has.
        level : str or None
            Level it must be of.

        Raises
        ------
        UnknownDivisionError
            If there is none.
        AmbiguousNameError
            If several have the name.
        """
        at = self.position.get(asked)
        if at is None and asked.isdecimal() and len(asked) in _SHORT_CODES:
            at = self.position.get(asked.ljust(12, "0"))
        if at is not None:
            row = self.divisions[at]
            if level in (None, row["level"]):
                return row
            raise UnknownDivisionError(
                f"“{asked}”是{LEVEL_NAMES[row['level']]}“{row['name']}”，"
                f"不是{LEVEL_NAMES[str(level)]}"
            )
        same = [
            row
            for row in self.divisions
            if row["name"] == asked and level in (None, row["level"])
        ]
        if len(same) == 1:
            return same[0]
        if same:
            raise AmbiguousNameError(
                f"有 {len(same)} 个行政区划名为“{asked}”",
                available=[row["code"] for row in same],
                hint="请改用代码",
            )
        what = LEVEL_NAMES[level] if level else "行政区划"
        raise UnknownDivisionError(
            f"没有代码或名称为“{asked}”的{what}",
            hint="可用 /api/v1/divisions?q= 按名称查找",
        )

    @cached_property
    def denominator_names(self) -> dict[str, str]:
        """Denominator → Chinese name, true to the basis of the population."""
        bases = {row.get("population_basis") for row in self.divisions}
        return denominator_names({basis for basis in bases if basis})

    # --- services --------------------------------------------------------------

    @cached_property
    def services(self) -> dict[str, Row]:
        """Id → service, in the order of the run."""
        return {str(s["id"]): dict(s) for s in self.manifest.get("services") or ()}

    def check_service(self, service: str) -> Row:
        """Return a service, or raise naming those there are."""
        if service not in self.services:
            raise ParameterError(
                f"没有服务“{service}”", parameter="service", available=[*self.services]
            )
        return self.services[service]

    def check_level(self, level: str) -> str:
        """Return a level that is present, or raise naming those there are."""
        if level not in self.levels:
            raise ParameterError(
                f"研究中没有“{LEVEL_NAMES.get(level, level)}”这一级",
                parameter="level",
                available=[*self.levels],
            )
        return level

    # --- tables ----------------------------------------------------------------

    @cached_property
    def tables(self) -> TableReader:
        """The tables of the version."""
        return TableReader(self.snapshot, limit_bytes=self.table_bytes)

    @cached_property
    def coverage(self) -> PartMap:
        """(service, level) → its coverage rows."""
        return PartMap(self.tables, "coverage")

    @cached_property
    def other_speeds(self) -> dict[float, PartMap]:
        """Walking speed [m/s] besides the result's → its coverage, as above."""
        name = "coverage_speeds"
        speeds = self.tables.distinct(name, ["speed_mps"])
        return {
            speed: PartMap(self.tables, name, {"speed_mps": speed})
            for speed in sorted(float(one) for (one,) in speeds)
        }

    @cached_property
    def computed(self) -> dict[str, Computed]:
        """Service → which limits and denominators its coverage has."""
        return read_computed(self.tables)

    def coverage_at(self, speed_mps: float | None) -> PartMap:
        """Return (service, level) → coverage rows at a walking speed.

        Raises
        ------
        ParameterError
            If nothing was computed at the speed.
        """
        if speed_mps is None or speed_mps == self.walk_speed_mps:
            return self.coverage
        if speed_mps not in self.other_speeds:
            raise ParameterError(
                f"没有算过步行速度 {speed_mps:g} 米/秒",
                parameter="speed",
                available=self.walk_speeds_mps,
            )
        return self.other_speeds[speed_mps]

    @property
    def walk_speed_mps(self) -> float | None:
        """The walking speed of the result [m/s]; None where nothing tells it."""
        found: float | None = (self.manifest.get("parameters") or {}).get(
            "walk_speed_mps"
        )
        return found

    @property
    def walk_speeds_mps(self) -> list[float]:
        """All walking speeds at which rates were computed [m/s], ascending."""
        own = [] if self.walk_speed_mps is None else [self.walk_speed_mps]
        return sorted({*own, *self.other_speeds})

    @cached_property
    def gaps(self) -> PartMap:
        """(service, level) → its gaps."""
        return PartMap(self.tables, "gaps")

    def table(self, name: str) -> pd.DataFrame:
        """Return a whole small table; an empty one where it was not written."""
        return self.tables.whole(name)

    @cached_property
    def facilities(self) -> list[Row]:
        """All facilities, without geometry, in the order of the table."""
        return split_words(to_rows(self.table("facilities")))

    @cached_property
    def facility_names(self) -> dict[str, str]:
        """Id of a facility → its name."""
        return {row["id"]: row["name"] for row in self.facilities}

    # --- geometry --------------------------------------------------------------

    @cached_property
    def _simplified(self) -> dict[tuple[str, float], list[bytes | None]]:
        return {}

    def division_shapes(
        self, level: str, *, tolerance_m: float, only: Collection[str] | None = None
    ) -> dict[str, bytes | None]:
        """Return code → GeoJSON of a level, simplified as one [m].

        Of very many divisions those in ``only`` are simplified without the rest.
        """
        frame = self.snapshot.geo_table("divisions")
        if only is not None and self.levels[level] > MOST_PLAIN:
            rows = np.array([self.position[code] for code in only])
            some: Geometries = np.asarray(frame.geometry.array, dtype=object)[rows]
            simple = simplify_together(some, tolerance_m=tolerance_m)
            return dict(zip(only, geojson_shapes(simple), strict=True))
        at = np.flatnonzero((frame["level"] == level).to_numpy())
        key = (level, tolerance_m)
        if key not in self._simplified:
            shapes: Geometries = np.asarray(frame.geometry.array, dtype=object)[at]
            simple = simplify_together(shapes, tolerance_m=tolerance_m)
            self._simplified[key] = geojson_shapes(simple)
        codes = frame["code"].to_numpy()[at]
        return dict(zip(codes.tolist(), self._simplified[key], strict=True))

    def shapes(
        self,
        name: str,
        at: Sequence[int],
        *,
        tolerance_m: float = 0.0,
        decimals: int = 6,
        box: tuple[float, float, float, float] | None = None,
    ) -> list[bytes | None]:
        """Return the GeoJSON of rows of a table in a box, each simplified alone."""
        if not at:
            return []
        chosen = self.tables.shapes(name, at)
        if box is not None:
            chosen = clip(chosen, box)
        simple = simplify_alone(chosen, tolerance_m=tolerance_m)
        return geojson_shapes(simple, decimals=decimals)


def load_catalog(
    snapshot: Snapshot, *, table_bytes: int = DEFAULT_TABLE_BYTES
) -> Catalog:
    """Return a catalog whose small tables have been read and checked.

    Large tables are checked when something of them is first asked for.

    Parameters
    ----------
    snapshot : Snapshot
    table_bytes : int
        Bound on what is kept of large tables [bytes].

    Raises
    ------
    SnapshotMissingError, SnapshotCorruptError
        If a table is missing or is not the one that was written.
    """
    catalog = Catalog(snapshot, table_bytes)
    for name in snapshot.table_names:
        # times and demand are by far the largest and no answer needs them whole; the
        # networks are read by the processes that search for sites
        skipped = name in ("times", "demand") or name.startswith(NETWORK_PREFIX)
        if not skipped and not catalog.tables.is_large(name):
            snapshot.table(name)
    _ = catalog.position, catalog.facilities
    for name in ("coverage", "gaps"):
        if not catalog.tables.is_large(name):
            catalog.tables.keys(name)
    return catalog
