"""``scenarios``: what was compared with the baseline, for reading."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from fastapi import APIRouter, Path, Query, Response

from yikezhong_app.exports.pool import ExportPool, ExportTask
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row, to_rows
from yikezhong_app.reading.shapes import geojson_shapes
from yikezhong_app.routes.answers import documented
from yikezhong_app.routes.reports import MEDIA
from yikezhong_app.scenarios.schemas import (
    ComparisonRow,
    ScenarioList,
    ScenarioPointRow,
    ScenarioPointsQuery,
    ScenarioQuery,
)
from yikezhong_app.scenarios.storing import (
    list_results,
    read_asked,
    read_manifest,
    read_table,
)
from yikezhong_app.schemas.answers import PageOf, Problem
from yikezhong_app.snapshots.snapshot import SnapshotMissingError
from yikezhong_app.web import formats
from yikezhong_app.web.formats import MEDIA_TYPES, Format
from yikezhong_app.web.problems import ProblemKind, problem
from yikezhong_app.web.queries import FormatQuery
from yikezhong_app.web.request_errors import UnknownRecordError
from yikezhong_app.web.responses import (
    GEO_FORMATS,
    Context,
    Table,
    WithContext,
    answer_table,
    disposition,
    negotiate_format,
)

router = APIRouter(prefix="/api/v1", tags=["scenarios"])

ScenarioId = Annotated[
    str,
    Path(
        pattern=r"^[0-9a-f]{12}$",
        description="方案编号",
        examples=["0123456789ab"],
    ),
]


@router.get(
    "/scenarios",
    summary="方案",
    description="已算出并保存的方案，新的在前。",
    response_model=ScenarioList,
)
def list_scenarios(
    query: Annotated[FormatQuery, Query()], context: WithContext
) -> Response:
    """Answer all scenarios; never from the cache, as one may come at any time."""
    negotiate_format(context, query, offered=(Format.JSON,))
    catalog = context.catalog
    found = list_results(context.settings.out)
    items = [_item(catalog, manifest) for manifest in found]
    body = formats.to_json({**catalog.head, "total": len(items), "items": items})
    return Response(
        body,
        media_type=MEDIA_TYPES[Format.JSON],
        headers={"Cache-Control": "no-store"},
    )


@router.get(
    "/scenarios/{scenario_id}",
    summary="一个方案",
    description="方案的内容、结论改变的指标，以及各区划方案前后的覆盖率与得失。",
    responses=documented(PageOf[ComparisonRow]),
)
def get_scenario(
    scenario_id: ScenarioId,
    query: Annotated[ScenarioQuery, Query()],
    context: WithContext,
) -> Response:
    """Answer one scenario: what it asks for, and what it changes."""
    catalog = context.catalog
    manifest = _manifest(context, scenario_id)

    def make() -> Table:
        rows = _comparison(context, manifest, query)
        turned: list[Row] = []
        if "indicators" in manifest["tables"]:
            out = context.settings.out
            turned = to_rows(read_table(out, scenario_id, "indicators"))
        asked = read_asked(context.settings.out, scenario_id).document
        members = {
            "scenario": {**_item(catalog, manifest), "changes": asked["changes"]},
            "indicators": turned,
        }
        columns = list(rows[0]) if rows else list(ComparisonRow.model_fields)
        return Table(rows, columns, members=members)

    return answer_table(context, query, title="方案比较", make=make)


@router.get(
    "/scenarios/{scenario_id}/points",
    summary="一个方案中得失覆盖的需求点",
    description="在服务自己的时限内，方案后新增或失去覆盖的需求点。",
    responses=documented(PageOf[ScenarioPointRow], row=ScenarioPointRow, geometry=True),
)
def get_scenario_points(
    scenario_id: ScenarioId,
    query: Annotated[ScenarioPointsQuery, Query()],
    context: WithContext,
) -> Response:
    """Answer the points that gain or lose a service."""
    manifest = _manifest(context, scenario_id)

    def make() -> Table:
        if "points" not in manifest["tables"]:
            return Table([], list(ScenarioPointRow.model_fields))
        table = read_table(context.settings.out, scenario_id, "points")
        if query.service is not None:
            context.catalog.check_service(query.service)
            table = table[table["service"] == query.service]
        rows = to_rows(table)

        def shapes(part: slice) -> list[bytes | None]:
            if not isinstance(table, gpd.GeoDataFrame):
                return [None] * len(rows[part])
            chosen = np.asarray(table.geometry.array, dtype=object)[part]
            return geojson_shapes(chosen)

        return Table(rows, list(table.columns.drop("geometry")), shapes=shapes)

    return answer_table(
        context, query, title="方案得失", make=make, offered=GEO_FORMATS
    )


@router.get(
    "/scenarios/{scenario_id}/report.{form}",
    summary="方案比较的工作簿（xlsx）或文档（docx）",
    description="结论、改动、各区划前后、结论改变的指标、参数与来源；文档附地图。",
    response_class=Response,
    responses={
        404: {"model": Problem, "description": "没有这个方案"},
        409: {"model": Problem, "description": "现状的成果版本已不在"},
        503: {"model": Problem, "description": "导出任务已满"},
    },
)
async def get_scenario_report(
    scenario_id: ScenarioId, form: Literal["xlsx", "docx"], context: WithContext
) -> Response:
    """Answer the workbook or the document of a scenario."""
    manifest = _manifest(context, scenario_id)
    out, version = context.settings.out.resolve(), str(manifest["baseline_version"])
    if not (out / "versions" / version).is_dir():
        kind = ProblemKind(409, "not-finished", "现状的成果版本已不在")
        return problem(context.request, kind, detail=f"没有成果版本 {version}")
    task = ExportTask(
        out=out,
        version=version,
        form=form,
        font=context.settings.font,
        scenario=scenario_id,
    )
    exports: ExportPool = context.request.app.state.exports
    body = await exports.run(task)
    name = f"方案_{manifest['name']}_{manifest['as_of']}.{form}"
    headers = {"Cache-Control": "no-store", "Content-Disposition": disposition(name)}
    return Response(body, media_type=MEDIA[form], headers=headers)


def _manifest(context: Context, scenario_id: str) -> dict[str, Any]:
    try:
        return read_manifest(context.settings.out, scenario_id)
    except SnapshotMissingError:
        raise UnknownRecordError(
            f"没有编号为“{scenario_id}”的方案", hint="可用 /api/v1/scenarios 查看"
        ) from None


def _item(catalog: Catalog, manifest: dict[str, Any]) -> Row:
    """Return what is said of a scenario in a list."""
    names = (
        "id", "name", "author", "note", "created", "baseline_version", "as_of",
        "n_changes", "summary",
    )  # fmt: skip
    return {
        **{name: manifest[name] for name in names},
        "services": [service["id"] for service in manifest["services"]],
        "is_current": manifest["baseline_version"] == catalog.version,
    }


def _comparison(
    context: Context, manifest: dict[str, Any], query: ScenarioQuery
) -> list[Row]:
    """Return the rows of a scenario's comparison that a query asks for."""
    if "comparison" not in manifest["tables"]:
        return []
    catalog = context.catalog
    table = read_table(context.settings.out, manifest["id"], "comparison")
    services = {service["id"]: service for service in manifest["services"]}
    if query.service is not None:
        catalog.check_service(query.service)
    level = query.level or "township"
    mask = table["level"] == (
        level if level in catalog.levels else [*catalog.levels][-1]
    )
    if query.service is not None:
        mask &= table["service"] == query.service
    if query.variant != "all":
        mask &= table["variant"] == query.variant
    if query.denominator is None:
        own = (
            table["service"]
            .astype("str")
            .map({k: v["group"] for k, v in services.items()})
        )
        mask &= table["denominator"].astype("str") == own
    elif query.denominator != "all":
        mask &= table["denominator"] == query.denominator
    if query.parent is not None:
        code = catalog.find_division(query.parent)["code"]
        mask &= table["code"].isin([code, *catalog.under(code)])
    if query.changed:
        mask &= (table["gained"] > 0) | (table["lost"] > 0)
    return [
        _worded(catalog, services, row) for row in to_rows(pd.DataFrame(table[mask]))
    ]


def _worded(catalog: Catalog, services: dict[str, Any], row: Row) -> Row:
    denominator = row["denominator"]
    full = {
        **row,
        "service_name": services[row["service"]]["name"],
        "denominator_name": catalog.denominator_names.get(denominator, denominator),
    }
    first = {name: full.pop(name) for name in ComparisonRow.model_fields}
    return {**first, **full}
