"""``study`` and ``data-report``: what was computed, from what."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row, to_rows
from yikezhong_app.reading.table_reader import Computed
from yikezhong_app.routes.answers import documented
from yikezhong_app.schemas.answers import DataReportRow, PageOf, Study
from yikezhong_app.tiles.keys import MAX_ZOOM, MIN_ZOOM, MOST_PLAIN
from yikezhong_app.web.formats import Format
from yikezhong_app.web.queries import DataReportQuery, FormatQuery
from yikezhong_app.web.repeats import RepeatedRoute
from yikezhong_app.web.responses import (
    Table,
    WithContext,
    answer_record,
    answer_table,
)
from yikezhong_app.words import (
    LEVEL_NAMES,
    REASONS,
    VARIANT_NAMES,
    category_names,
    function_names,
    named,
)
from yikezhong_geodata.columns import GROUPS

router = APIRouter(prefix="/api/v1", tags=["study"], route_class=RepeatedRoute)

_RESOURCES = (
    "divisions",
    "coverage",
    "gaps",
    "gap-areas",
    "access",
    "equity",
    "indicators",
    "robustness",
    "facilities",
    "circles",
    "roads",
    "data-report",
)


@router.get(
    "/study",
    summary="研究与成果",
    description="成果的名称、日期、服务、时限、分母、参数、合计与数据报告摘要。",
    responses=documented(Study),
)
def get_study(query: Annotated[FormatQuery, Query()], context: WithContext) -> Response:
    """Answer what was computed, and how."""

    def make() -> Table:
        record = study_record(context.catalog)
        return Table([record], list(record))

    return answer_record(
        context,
        query,
        title="研究",
        make=make,
        offered=(Format.JSON,),
        flat=True,
    )


@router.get(
    "/data-report",
    summary="数据报告",
    description="没有原样使用的每一行输入：问题与处理。",
    responses=documented(PageOf[DataReportRow]),
)
def list_findings(
    query: Annotated[DataReportQuery, Query()], context: WithContext
) -> Response:
    """Answer the data report."""

    def make() -> Table:
        table = context.catalog.table("data_report")
        rows = [
            row
            for row in to_rows(table)
            if query.layer in (None, row["layer"])
            and query.problem in (None, row["problem"])
            and query.action in (None, row["action"])
        ]
        return Table(rows, list(DataReportRow.model_fields))

    return answer_table(context, query, title="数据报告", make=make)


def study_record(catalog: Catalog) -> Row:
    """Return what ``study`` answers."""
    issued = catalog.manifest.get("map") or {}
    return {
        "name": catalog.name,
        "map": {
            "issuer": issued.get("issuer"),
            "approval_number": issued.get("approval_number"),
        },
        "levels": [
            {"id": level, "name": LEVEL_NAMES[level], "count": count}
            for level, count in catalog.levels.items()
        ],
        "services": [_service(catalog, s) for s in catalog.services.values()],
        "denominators": _denominators(catalog),
        "variants": named(VARIANT_NAMES),
        "walk_speeds_mps": catalog.walk_speeds_mps,
        "reasons": named(REASONS),
        "categories": _categories(catalog),
        "functions": named(function_names()),
        "parameters": catalog.manifest.get("parameters") or {},
        "dropped_services": catalog.manifest.get("dropped_services") or [],
        "totals": _totals(catalog),
        "counts": {
            name: catalog.tables.n_rows(name)
            for name in ("divisions", "facilities", "gaps", "circles", "data_report")
        },
        "bounds": _bounds(catalog),
        "tiles": _tiles(catalog),
        "data_report": catalog.manifest.get("data_report") or [],
        "resources": {name: f"/api/v1/{name}" for name in _RESOURCES},
    }


def _tiles(catalog: Catalog) -> list[Row]:
    """Return the levels whose boundaries are served as tiles."""
    if catalog.tiles_key is None:
        return []
    url = f"/api/v1/tiles/{catalog.tiles_key}/{{z}}/{{x}}/{{y}}"
    zooms = {"min_zoom": MIN_ZOOM, "max_zoom": MAX_ZOOM}
    return [
        {"level": level, "url": url, **zooms}
        for level, count in catalog.levels.items()
        if count > MOST_PLAIN
    ]


def _service(catalog: Catalog, service: Row) -> Row:
    own = catalog.computed.get(service["id"], Computed({}, {}))
    return {
        **service,
        "limit_minutes": service["limit_s"] / 60,
        "minutes": sorted(limit_s / 60 for limit_s in own.limits_s),
        "denominators": list(own.denominators),
    }


def _denominators(catalog: Catalog) -> list[dict[str, str]]:
    there = {name for own in catalog.computed.values() for name in own.denominators}
    return named(
        {k: name for k, name in catalog.denominator_names.items() if k in there}
    )


def _categories(catalog: Catalog) -> list[dict[str, str]]:
    names = category_names()
    there = {row["category"] for row in catalog.facilities if row["category"]}
    known = {key: name for key, name in names.items() if key in there}
    return named(known | {key: key for key in sorted(there - names.keys())})


def _totals(catalog: Catalog) -> dict[str, float | None]:
    """Return the sums over the highest level; None where nothing is known."""
    top = next(iter(catalog.levels), None)
    rows = [row for row in catalog.divisions if row["level"] == top]
    totals: dict[str, float | None] = {}
    for group in GROUPS:
        known = [row[group] for row in rows if row.get(group) is not None]
        totals[group] = sum(known) if known else None
    return totals


def _bounds(catalog: Catalog) -> list[float] | None:
    bounds: Any = catalog.snapshot.geo_table("divisions").total_bounds
    return [float(v) for v in bounds] if np.isfinite(bounds).all() else None
