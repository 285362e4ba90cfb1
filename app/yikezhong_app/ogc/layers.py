"""What is served as collections of features, and how each is read from a catalog."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

import numpy as np
import shapely
from numpy.typing import NDArray

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.columns import division_columns, rate_columns
from yikezhong_app.reading.gap_records import AREAS, area_records
from yikezhong_app.reading.records import Row
from yikezhong_app.reading.selections import (
    circle_rows,
    coverage_rows,
    facility_rows,
    gap_rows,
)
from yikezhong_app.schemas.values import RateColumnsQuery
from yikezhong_app.tiles.keys import MOST_PLAIN
from yikezhong_app.web.queries import (
    CirclesQuery,
    CoverageFilter,
    FacilitiesQuery,
    GapsFilter,
    Level,
)

Box = tuple[float, float, float, float]
#: Rows with their positions in the table that holds their shapes.
Found = list[tuple[int, Row]]


@dataclass(frozen=True)
class Collection:
    """A kind of feature.

    Parameters
    ----------
    id : str
    title, description : str
        Chinese.
    table : str
        Table of the snapshot with the geometry.
    choose : callable
        Gives the rows of a catalog with their positions in the table.
    id_of : callable
        Gives the id of a row's feature.
    filters : tuple of str
        Properties that items can be chosen by.
    level : str or None
        Level of divisions; the collection is there where the level is.
    of_service : callable or None
        Gives the rows of one service: for tables of very many rows.
    """

    id: str
    title: str
    description: str
    table: str
    choose: Callable[[Catalog], Found]
    id_of: Callable[[Row], str]
    filters: tuple[str, ...]
    level: str | None = None
    of_service: Callable[..., Found] | None = None


@dataclass(frozen=True, eq=False)
class Layer:
    """A collection of one version: its features, indexed by id and place."""

    catalog: Catalog
    collection: Collection

    @property
    def is_large(self) -> bool:
        """Whether it has very many features."""
        level = self.collection.level
        if level is not None:
            return self.catalog.levels[level] > MOST_PLAIN
        return self.catalog.tables.is_large(self.collection.table)

    def forget(self) -> None:
        """Let go of what was read; it is read again when it is asked for."""
        for name in ("_found", "rows", "ids", "number", "_geometries", "_tree"):
            self.__dict__.pop(name, None)

    @cached_property
    def _found(self) -> Found:
        return self.collection.choose(self.catalog)

    @cached_property
    def rows(self) -> list[Row]:
        """Properties of all features, in their order."""
        return [row for _, row in self._found]

    @cached_property
    def ids(self) -> list[str]:
        """Id of each feature."""
        return [self.collection.id_of(row) for row in self.rows]

    @cached_property
    def number(self) -> dict[str, int]:
        """Id → number of the feature."""
        return {id_: i for i, id_ in enumerate(self.ids)}

    @cached_property
    def _geometries(self) -> NDArray[np.object_]:
        at = [at for at, _ in self._found]
        return self.catalog.tables.shapes(self.collection.table, at)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self._geometries)

    @cached_property
    def bounds(self) -> Box | None:
        """West, south, east, north of all features [degrees]; None without any.

        Of very many features, those of the divisions in which they lie.
        """
        if self.is_large:
            divisions = self.catalog.snapshot.geo_table("divisions")
            whole = tuple(float(v) for v in divisions.total_bounds)
            return None if np.isnan(whole[0]) else cast(Box, whole)
        west, south, east, north = map(float, shapely.total_bounds(self._geometries))
        return None if np.isnan(west) else (west, south, east, north)

    def within(self, boxes: Sequence[Box]) -> set[int]:
        """Return the numbers of the features that meet any of some boxes."""
        if not self.rows:
            return set()
        found = self._tree.query(
            [shapely.box(*box) for box in boxes], predicate="intersects"
        )
        return set(found[1].tolist())

    def shapes(self, numbers: Sequence[int]) -> list[bytes | None]:
        """Return the GeoJSON geometry of some features, in full detail."""
        at = [self._found[i][0] for i in numbers]
        return self.catalog.shapes(self.collection.table, at)


def layers_of(catalog: Catalog) -> dict[str, Layer]:
    """Return the layers of a version by id; they are kept while the version is."""
    with _LOCK:
        kept = _KEPT.get(catalog)
        if kept is None:
            kept = _KEPT[catalog] = {
                one.id: Layer(catalog, one)
                for several in COLLECTIONS
                if several.table in catalog.snapshot.table_names
                and (several.level is None or several.level in catalog.levels)
                for one in _split(catalog, several)
            }
        return kept


def _split(catalog: Catalog, one: Collection) -> list[Collection]:
    """Return a collection, or one for each service where it would be too large."""
    if one.of_service is None or not catalog.tables.is_large(one.table):
        return [one]
    return [
        replace(
            one,
            id=f"{one.id}-{service['id']}",
            title=f"{one.title}：{service['name']}",
            choose=partial(one.of_service, service=str(service["id"])),
        )
        for service in catalog.services.values()
    ]


def note_use(layer: Layer) -> None:
    """Remember that a layer is asked for; of large ones the last few are kept."""
    if not layer.is_large:
        return
    with _LOCK:
        used = _USED.setdefault(layer.catalog, [])
        if layer in used:
            used.remove(layer)
        used.append(layer)
        if len(used) > _MOST_READ:
            used.pop(0).forget()


#: Large layers that are kept once they have been read.
_MOST_READ: Final = 3
_USED: WeakKeyDictionary[Catalog, list[Layer]] = WeakKeyDictionary()
_KEPT: WeakKeyDictionary[Catalog, dict[str, Layer]] = WeakKeyDictionary()
_LOCK = threading.Lock()


def _divisions(level: str) -> Callable[[Catalog], Found]:
    def choose(catalog: Catalog) -> Found:
        rates = _rates(catalog, level)
        return [
            (i, {**row, **rates.get(row["code"], {})})
            for i, row in enumerate(catalog.divisions)
            if row["level"] == level
        ]

    return choose


def _rates(catalog: Catalog, level: str) -> dict[str, Row]:
    """Return code → the rates of the services at their own limits."""
    rates: dict[str, Row] = {}
    if catalog.levels[level] > MOST_PLAIN:
        codes = division_columns(catalog, level)["codes"]
        for service, of_level in catalog.coverage:
            if of_level == level and service in catalog.services:
                asked = RateColumnsQuery(level=cast(Level, level), service=service)
                found = rate_columns(catalog, asked)["rates"]
                for code, rate in zip(codes, found, strict=True):
                    rates.setdefault(code, {})[f"rate_{service}"] = rate
        return rates
    for row in coverage_rows(catalog, CoverageFilter(), level=level):
        own = rates.setdefault(row["code"], {})
        own[f"rate_{row['service']}"] = row["rate"]
    return rates


def _circle_id(row: Row) -> str:
    kind = "service" if row["facility_id"] is None else "facility"
    owner = row["service"] if kind == "service" else row["facility_id"]
    return f"{kind}.{owner}.{row['profile']}.{row['minutes']:g}"


def _of(name: str) -> Callable[[Row], str]:
    return lambda row: str(row[name])


def _level(id_: str, level: str, title: str) -> Collection:
    return Collection(
        id=id_,
        title=title,
        description=f"{title}：边界、人口与各服务的覆盖率"
        "（rate_服务：各服务自己的时限与服务人群，0 至 1，null 为未知）",
        table="divisions",
        choose=_divisions(level),
        id_of=_of("code"),
        filters=("code", "name", "parent"),
        level=level,
    )


#: In the order they are listed.
COLLECTIONS: Final[tuple[Collection, ...]] = (
    _level("prefectures", "prefecture", "市州"),
    _level("counties", "county", "县市区"),
    _level("townships", "township", "乡镇街道"),
    _level("communities", "community", "社区和村"),
    Collection(
        id="facilities",
        title="设施",
        description="设施及其类别、功能、状态；没有坐标的设施几何为 null",
        table="facilities",
        choose=lambda catalog: facility_rows(catalog, FacilitiesQuery()),
        id_of=_of("id"),
        filters=("category", "status", "township_code"),
    ),
    Collection(
        id="circles",
        title="服务圈",
        description="已算出的服务圈：各设施的，以及各服务的合并（近似，只供显示）",
        table="circles",
        # the unions last: one of them is as large as a hundred others
        choose=lambda catalog: [
            *circle_rows(catalog, CirclesQuery(minutes="all", union=False)),
            *circle_rows(catalog, CirclesQuery(minutes="all", union=True)),
        ],
        id_of=_circle_id,
        filters=("service", "facility_id", "profile"),
    ),
    Collection(
        id="gaps",
        title="缺口",
        description="各服务自己的时限内有人未覆盖的区划：人数、原因与最近的设施",
        table="gaps",
        choose=lambda catalog: gap_rows(catalog, GapsFilter()),
        of_service=lambda catalog, service: gap_rows(
            catalog, GapsFilter(service=service)
        ),
        id_of=_of("id"),
        filters=("level", "code", "service", "reason"),
    ),
    Collection(
        id="gap-areas",
        title="缺口片区",
        description="未覆盖的人口聚成的片区：人数、原因与最省的对策",
        table=AREAS,
        choose=area_records,
        of_service=area_records,
        id_of=_of("id"),
        filters=("service", "reason", "remedy", "township_code"),
    ),
)


def matches(row: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    """Say whether a row has all the wanted values."""
    return all(str(row.get(name)) == value for name, value in wanted.items())
