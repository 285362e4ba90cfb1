"""What ``study.toml`` says: where each layer of a study is and how to read it."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from yikezhong_geodata.columns import GROUPS, LEVELS
from yikezhong_geodata.databases.database_spec import (
    SECTION,
    DatabaseSpec,
    read_database_spec,
)
from yikezhong_geodata.source_spec import (
    AttributeSpec,
    SourceSpec,
    StatisticSpec,
    ZoneSpec,
    read_attributes_spec,
    read_plan_parameters,
    read_source,
    read_statistics_spec,
    read_zone_spec,
)
from yikezhong_geodata.toml_keys import Keys, StudyPathError, StudySpecError, inside

STUDY_FILE: Final = "study.toml"
CODE_SYSTEMS: Final = ("cn12", "free")
POPULATION_KINDS: Final = ("table", "points", "raster")
DEMAND_METHODS: Final = ("auto", "cells", "buildings", "roads", "point")
MAX_STUDY_FILE_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class BoundarySpec(SourceSpec):
    """A boundary file; ``level`` may be left out where codes are 12 digits.

    ``basis`` and ``year`` tell of its population columns.
    """

    level: str | None = None
    basis: str | None = None
    year: int | None = None


@dataclass(frozen=True)
class FacilitySpec(SourceSpec):
    """A facility file; ``category`` and ``status`` hold for all of its rows."""

    category: str | None = None
    status: str | None = None
    id_prefix: str | None = None


@dataclass(frozen=True)
class PopulationSpec(SourceSpec):
    """A population file: ``table`` (by code), ``points`` or ``raster``."""

    kind: str = "table"
    basis: str | None = None
    year: int | None = None
    group: str = "people"


@dataclass(frozen=True)
class BuildingSpec(SourceSpec):
    """Buildings as demand weights.

    ``weight`` is ``area``, ``one`` or the name of a column; with ``as_people`` each
    building is one unit of demand, where no population is known at all.
    """

    weight: str = "area"
    as_people: bool = False


@dataclass(frozen=True)
class DemandSpec:
    """How people are put on points; ``auto`` takes the best there is."""

    buildings: BuildingSpec | None = None
    method: str = "auto"


@dataclass(frozen=True)
class RoadSpec(SourceSpec):
    """The road network; ``length_column`` [m] and ``time_column`` [s] override."""

    length_column: str | None = None
    time_column: str | None = None


@dataclass(frozen=True)
class MapSpec:
    """What must be printed on maps of divisions: 制图单位 and 审图号."""

    issuer: str | None = None
    approval_number: str | None = None


@dataclass(frozen=True)
class Parameters:
    """Parameters of a run, each with its unit in the name."""

    walk_speed_mps: float = 1.0
    max_snap_m: float = 500.0
    min_component_m: float = 5000.0
    area_people_share: float = 0.8
    own_level: str = "township"
    max_walk_time_s: float = 7200.0
    max_drive_time_s: float = 10800.0
    limits_min: tuple[float, ...] = (5.0, 10.0, 15.0, 20.0, 30.0)


@dataclass(frozen=True)
class StudySpec:
    """Everything that ``study.toml`` says.

    ``import_report`` names a table of findings that were made when the study was
    made out of other data; they belong to its data report. ``plan_parameters`` holds
    by plan what a study changes in the plan's readings.
    """

    name: str
    boundaries: tuple[BoundarySpec, ...]
    roads: RoadSpec
    facilities: tuple[FacilitySpec, ...] = ()
    population: tuple[PopulationSpec, ...] = ()
    demand: DemandSpec = DemandSpec()
    code_system: str = "cn12"
    as_of: dt.date | None = None
    notice: str | None = None
    plans: tuple[str, ...] = ()
    map: MapSpec = MapSpec()
    parameters: Parameters = Parameters()
    services_file: str | None = None
    import_report: str | None = None
    attributes: tuple[AttributeSpec, ...] = ()
    statistics: tuple[StatisticSpec, ...] = ()
    zones: tuple[ZoneSpec, ...] = ()
    plan_parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    database: DatabaseSpec | None = None


def read_spec(folder: Path) -> StudySpec:
    """Read and check ``study.toml`` of a study folder.

    Parameters
    ----------
    folder : Path
        The study folder, or the path of its ``study.toml``.

    Returns
    -------
    StudySpec
        With every named file inside the folder and present.

    Raises
    ------
    StudyPathError
        If there is no ``study.toml``, or a file is missing or outside the folder.
    StudySpecError
        If it is no TOML, or a key is unknown, missing or of the wrong type.
    """
    path = folder if folder.name == STUDY_FILE else folder / STUDY_FILE
    if not path.is_file():
        raise StudyPathError(
            f"找不到 {STUDY_FILE}",
            file=path.parent.name or str(path.parent),
            hint="请指定含有 study.toml 的项目文件夹",
        )
    if path.stat().st_size > MAX_STUDY_FILE_BYTES:
        raise StudySpecError("文件过大，不像是配置文件", file=STUDY_FILE)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise StudySpecError("不是 UTF-8 文本", file=STUDY_FILE) from None
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits too
        raise StudySpecError(
            f"不是合法的 TOML：{error}", file=STUDY_FILE, hint="文本值请加引号"
        ) from None
    return _read_study(Keys(table, where="", file=STUDY_FILE), path.parent)


def _read_study(keys: Keys, folder: Path) -> StudySpec:
    study = keys.table_of("study")
    if study is None:
        raise keys.error("study", "缺少 [study] 一节", '至少写：[study] name = "…"')
    name = study.required("name")
    code_system = study.choice("code_system", CODE_SYSTEMS) or "cn12"
    as_of, notice = study.date("as_of"), study.text("notice")
    plans = study.texts("plans")
    import_report = study.text("import_report")
    if import_report is not None:
        inside(folder, import_report, column="study.import_report", file=keys.file)
    study.done()
    boundaries = tuple(_boundary(item, folder) for item in keys.tables("boundaries"))
    if not boundaries:
        raise keys.error(
            "boundaries", "缺少行政区划图层", "请写 [[boundaries]] file = …"
        )
    facilities = tuple(_facility(item, folder) for item in keys.tables("facilities"))
    population = tuple(_population(item, folder) for item in keys.tables("population"))
    demand = _demand(keys.table_of("demand"), folder)
    roads = keys.table_of("roads")
    if roads is None:
        raise keys.error("roads", "缺少路网", '请写 [roads] file = "roads.osm.pbf"')
    spec = StudySpec(
        name=name,
        boundaries=boundaries,
        roads=_roads(roads, folder),
        facilities=facilities,
        population=population,
        demand=demand,
        code_system=code_system,
        as_of=as_of,
        notice=notice,
        plans=plans,
        map=_map(keys.table_of("map")),
        parameters=_parameters(keys.table_of("parameters")),
        services_file=_services(keys.table_of("services"), folder),
        import_report=import_report,
        attributes=tuple(
            read_attributes_spec(k, folder) for k in keys.tables("attributes")
        ),
        statistics=tuple(
            read_statistics_spec(k, folder) for k in keys.tables("statistics")
        ),
        zones=tuple(read_zone_spec(k, folder) for k in keys.tables("zones")),
        plan_parameters=read_plan_parameters(keys.table_of("plan_parameters")),
        database=read_database_spec(keys.table_of(SECTION)),
    )
    keys.done()
    if spec.database is None and any(s.table is not None for s in _sources(spec)):
        raise keys.error(
            SECTION, "写了 table，但没有 [database]", '请写 [database] url_env = "…"'
        )
    return spec


def _sources(spec: StudySpec) -> list[SourceSpec]:
    """Return all that may be a file or a table."""
    buildings = [] if spec.demand.buildings is None else [spec.demand.buildings]
    return [
        *spec.boundaries,
        *spec.facilities,
        *spec.population,
        *spec.attributes,
        *spec.statistics,
        *spec.zones,
        *buildings,
        spec.roads,
    ]


def _boundary(keys: Keys, folder: Path) -> BoundarySpec:
    spec = BoundarySpec(
        **vars(read_source(keys, folder)),
        level=keys.choice("level", LEVELS),
        basis=keys.text("basis"),
        year=keys.whole("year"),
    )
    keys.done()
    return spec


def _facility(keys: Keys, folder: Path) -> FacilitySpec:
    spec = FacilitySpec(
        **vars(read_source(keys, folder)),
        category=keys.text("category"),
        status=keys.text("status"),
        id_prefix=keys.text("id_prefix"),
    )
    keys.done()
    return spec


def _population(keys: Keys, folder: Path) -> PopulationSpec:
    spec = PopulationSpec(
        **vars(read_source(keys, folder)),
        kind=keys.choice("kind", POPULATION_KINDS) or "table",
        basis=keys.text("basis"),
        year=keys.whole("year"),
        group=keys.choice("group", GROUPS) or "people",
    )
    keys.done()
    return spec


def _demand(keys: Keys | None, folder: Path) -> DemandSpec:
    if keys is None:
        return DemandSpec()
    buildings = None
    inner = keys.table_of("buildings")
    if inner is not None:
        buildings = BuildingSpec(
            **vars(read_source(inner, folder)),
            weight=inner.text("weight") or "area",
            as_people=inner.flag("as_people") or False,
        )
        inner.done()
    spec = DemandSpec(buildings, keys.choice("method", DEMAND_METHODS) or "auto")
    keys.done()
    return spec


def _roads(keys: Keys, folder: Path) -> RoadSpec:
    spec = RoadSpec(
        **vars(read_source(keys, folder)),
        length_column=keys.text("length_column"),
        time_column=keys.text("time_column"),
    )
    keys.done()
    return spec


def _map(keys: Keys | None) -> MapSpec:
    if keys is None:
        return MapSpec()
    spec = MapSpec(keys.text("issuer"), keys.text("approval_number"))
    keys.done()
    return spec


def _parameters(keys: Keys | None) -> Parameters:
    if keys is None:
        return Parameters()
    values: dict[str, float] = {}
    bounds = {
        "walk_speed_mps": (0.1, 3.0),
        "max_snap_m": (1.0, 10_000.0),
        "min_component_m": (0.0, 1e7),
        "area_people_share": (0.0, 1.0),
        "max_walk_time_s": (60.0, 86_400.0),
        "max_drive_time_s": (60.0, 86_400.0),
    }
    for key, (low, high) in bounds.items():
        value = keys.number(key)
        if value is None:
            continue
        if not low <= value <= high:
            raise keys.error(
                key, f"{value:g} 超出范围", f"应在 {low:g} 与 {high:g} 之间"
            )
        values[key] = value
    own_level = keys.choice("own_level", LEVELS) or "township"
    limits = keys.numbers("limits_min")
    if any(not 0 < limit <= 120 for limit in limits):
        raise keys.error("limits_min", "时限应大于 0 且不超过 120 分钟")
    keys.done()
    limits = tuple(sorted(set(limits))) or Parameters.limits_min
    return Parameters(own_level=own_level, limits_min=limits, **values)


def _services(keys: Keys | None, folder: Path) -> str | None:
    if keys is None:
        return None
    file = keys.text("file")
    keys.done()
    if file is not None:
        inside(folder, file, column="services.file", file=keys.file)
    return file
