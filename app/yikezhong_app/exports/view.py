"""What a static map shows: a view, checked against a result, and its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast

from yikezhong_app.exports.scope import Scope, add_up, find_scope
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.indicator_rows import find_entry, indicator_rows
from yikezhong_app.reading.records import Row
from yikezhong_app.reading.selections import (
    circle_rows,
    coverage_rows,
    default_denominator,
    denominators_available,
    facility_rows,
    gap_rows,
)
from yikezhong_app.web.queries import (
    CirclesQuery,
    CoverageFilter,
    FacilitiesQuery,
    GapsFilter,
    IndicatorsFilter,
    Level,
    Variant,
)
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_app.words import LEVEL_NAMES, PROFILE_NAMES, VARIANT_NAMES
from yikezhong_geodata.columns import LEVELS

#: Layers that can be drawn over the areas, in the words of the map page.
LAYERS: Final = ("circles", "facilities", "gaps", "roads", "labels")
DEFAULT_LAYERS: Final = ("facilities", "roads", "labels")


@dataclass(frozen=True)
class MapView:
    """A view of the map page; None stands for the usual choice.

    Parameters
    ----------
    service, level, denominator : str or None
    minutes : float or None
        Limit [min].
    variant : str
        ``with_neighbours`` or ``own``.
    code : str or None
        Division that is shown; None: the whole study.
    layers : tuple of str
        Of :data:`LAYERS`.
    speed : float or None
        Walking speed of the rates [m/s]; None: the study's. At another one gaps and
        circles are not known and left out.
    indicator : str or None
        Indicator of a plan whose verdicts fill the areas; None: the rates.
    """

    service: str | None = None
    minutes: float | None = None
    level: Level | None = None
    denominator: str | None = None
    variant: Variant = "with_neighbours"
    code: str | None = None
    layers: tuple[str, ...] = DEFAULT_LAYERS
    speed: float | None = None
    indicator: str | None = None


@dataclass(frozen=True, eq=False)
class MapData:
    """Everything a figure shows, as plain values; nothing is asked later.

    Parameters
    ----------
    view : MapView
        With all choices made.
    scope : Scope
    service : mapping
    rates : mapping of str to mapping
        Coverage row by code, of the areas that are drawn.
    whole : mapping
        Coverage of the scope as one.
    denominator_name : str
    facilities : list of mapping
        With a position.
    gaps, circles : list of (int, mapping)
        With their positions in the tables of the result.
    sites : list of mapping
        Proposed sites with rank, lon and lat.
    heading, caption : str or None
        First line, and what the rates are; None: the usual words.
    verdicts : mapping of str to mapping, or None
        Row of the indicator by code, where one fills the areas.
    verdict : mapping or None
        Its row for the scope as one.
    """

    view: MapView
    scope: Scope
    service: Row
    rates: Mapping[str, Row]
    whole: Row
    denominator_name: str
    facilities: list[Row] = field(default_factory=list)
    gaps: list[tuple[int, Row]] = field(default_factory=list)
    circles: list[tuple[int, Row]] = field(default_factory=list)
    sites: list[Row] = field(default_factory=list)
    heading: str | None = None
    caption: str | None = None
    verdicts: Mapping[str, Row] | None = None
    verdict: Row | None = None

    @property
    def title(self) -> str:
        """First line: where, what, how far."""
        if self.heading is not None:
            return self.heading
        profile = PROFILE_NAMES.get(self.service["profile"], "")
        return (
            f"{self.scope.name} · {self.service['name']} · "
            f"{profile} {self.view.minutes:g} 分钟"
        )

    @property
    def level_name(self) -> str:
        """Name of the level of the areas."""
        return LEVEL_NAMES[str(self.view.level)]

    @property
    def variant_name(self) -> str:
        """Which facilities are counted."""
        return VARIANT_NAMES[self.view.variant]


def prepare_map(catalog: Catalog, view: MapView) -> MapData:
    """Complete a view from what was computed and gather its figures.

    Raises
    ------
    UnknownDivisionError, AmbiguousNameError
        If there is no such division.
    ParameterError
        If the service, limit, level, denominator or variant was not computed.
    """
    scope = find_scope(catalog, view.code)
    if not catalog.services:
        raise ParameterError("成果中没有服务", parameter="service")
    service = catalog.check_service(view.service or _usual_service(catalog))
    level = _level_of(catalog, scope, view.level)
    limit_s = service["limit_s"] if view.minutes is None else view.minutes * 60
    denominator = view.denominator or _usual_denominator(catalog, service, level)
    speed = None if view.speed == catalog.walk_speed_mps else view.speed
    known = view.layers if speed is None else _without_times(view.layers)
    whole = replace(
        view,
        layers=known,
        speed=speed,
        service=service["id"],
        minutes=limit_s / 60,
        level=level,
        denominator=denominator,
    )
    if view.variant not in VARIANT_NAMES:
        raise ParameterError(
            f"没有口径“{view.variant}”", parameter="variant", available=[*VARIANT_NAMES]
        )
    query = CoverageFilter(
        service=service["id"],
        minutes=limit_s / 60,
        denominator=denominator,
        variant=view.variant,
        speed=speed,
    )
    codes = scope.codes_at(catalog, level)
    rows = coverage_rows(catalog, query, level=level, codes=codes)
    data = MapData(
        view=whole,
        scope=scope,
        service=service,
        rates={row["code"]: row for row in rows},
        whole=add_up(scope.rows(catalog, query)),
        denominator_name=catalog.denominator_names.get(denominator, denominator),
        facilities=service_facilities(catalog, service)
        if "facilities" in whole.layers
        else [],
        gaps=_gaps(catalog, whole, scope),
        circles=_circles(catalog, whole),
    )
    return data if view.indicator is None else _with_verdicts(catalog, data)


def _with_verdicts(catalog: Catalog, data: MapData) -> MapData:
    """Return the figures with what an indicator of a plan says of the areas.

    Raises
    ------
    UnknownRecordError
        If there is no such indicator.
    ParameterError
        If another walking speed is asked for: verdicts of pictures are the study's.
    """
    entry = find_entry(catalog, str(data.view.indicator))
    if data.view.speed is not None:
        raise ParameterError(
            "规划指标的图片只按成果的步行速度",
            parameter="speed",
            available=catalog.walk_speeds_mps,
        )
    id_, every = str(entry["id"]), IndicatorsFilter()
    rows = indicator_rows(
        catalog, every, indicator=id_, level=data.view.level, codes=[*data.rates]
    )
    tops = indicator_rows(catalog, every, indicator=id_, codes=data.scope.tops)
    return replace(
        data,
        verdicts={row["code"]: row for row in rows},
        verdict=tops[0] if len(tops) == 1 else None,
        heading=f"{data.scope.name} · {id_} {entry['name']}",
        caption="规划指标结论",
    )


def _without_times(layers: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out the layers that are known at the study's walking speed only."""
    return tuple(layer for layer in layers if layer not in ("circles", "gaps"))


def _usual_service(catalog: Catalog) -> str:
    ids = [*catalog.services]
    return "elderly_circle" if "elderly_circle" in ids else ids[0]


def _level_of(catalog: Catalog, scope: Scope, asked: Level | None) -> Level:
    """Return the level of the areas: below the scope, townships where there are."""
    own = scope.level
    below = [
        level
        for level in catalog.levels
        if (own is None or LEVELS.index(level) >= LEVELS.index(own))
        and scope.codes_at(catalog, level)
    ]
    if asked is not None:
        catalog.check_level(asked)
        if asked not in below:
            raise ParameterError(
                f"“{scope.name}”之下没有{LEVEL_NAMES[asked]}",
                parameter="level",
                available=below,
            )
        return asked
    deeper = [level for level in below if level != own] or below
    return "township" if "township" in deeper else cast(Level, deeper[-1])


def _usual_denominator(catalog: Catalog, service: Row, level: str) -> str:
    part = catalog.coverage.get((service["id"], level))
    if part is None:
        return str(service["group"])
    return default_denominator(service, denominators_available(part))


def service_facilities(catalog: Catalog, service: Row) -> list[Row]:
    """Return the facilities of a service that have a position."""
    found = facility_rows(catalog, FacilitiesQuery(service=service["id"]))
    return [row for _, row in found if row["lon"] is not None]


def _gaps(catalog: Catalog, view: MapView, scope: Scope) -> list[tuple[int, Row]]:
    if "gaps" not in view.layers:
        return []
    finest = [*catalog.levels][-1]
    query = GapsFilter(
        service=view.service,
        minutes=view.minutes,
        level=cast(Level, finest),
    )
    return gap_rows(catalog, query, codes=scope.codes_at(catalog, finest))


def _circles(catalog: Catalog, view: MapView) -> list[tuple[int, Row]]:
    """Return the union of the service's circles; none where it was not drawn."""
    if "circles" not in view.layers:
        return []
    found = circle_rows(catalog, CirclesQuery(service=view.service, minutes="all"))
    return [(at, row) for at, row in found if row["minutes"] == view.minutes]
