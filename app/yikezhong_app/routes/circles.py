"""``circles``: what is reachable within a limit, computed before or at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from yikezhong_app.circles.asking import CirclePool, asked_circle
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row
from yikezhong_app.reading.selections import circle_rows
from yikezhong_app.routes.answers import documented
from yikezhong_app.schemas.answers import CircleRow, PageOf
from yikezhong_app.web.queries import CirclesQuery, parse_box
from yikezhong_app.web.repeats import RepeatedRoute
from yikezhong_app.web.responses import (
    SHAPE_FORMATS,
    Context,
    Table,
    WithContext,
    answer_computed,
    answer_table,
)

router = APIRouter(prefix="/api/v1", tags=["circles"], route_class=RepeatedRoute)
_TITLE = "服务圈"


@router.get(
    "/circles",
    summary="服务圈",
    description="已算出的服务圈：默认为各服务全部设施的合并（近似，只供显示）。"
    "给出 lon、lat，或 facility 与没有算过的时限，则当场计算：答复含面积与到得了的"
    "各人群人数（按路网时间逐需求点计，与覆盖率同法）；离路太远答 422。",
    responses=documented(PageOf[CircleRow], row=CircleRow, geometry=True),
)
async def list_circles(
    query: Annotated[CirclesQuery, Query()], context: WithContext
) -> Response:
    """Answer circles of the version, or one computed at once in the pool."""
    catalog = context.catalog
    asked = asked_circle(catalog, query)
    if asked is None:
        return await run_in_threadpool(
            answer_table,
            context,
            query,
            title=_TITLE,
            make=lambda: _stored(catalog, query),
            offered=SHAPE_FORMATS,
        )
    return await answer_computed(
        context,
        query,
        title=_TITLE,
        make=lambda: _computed(context, asked),
        offered=SHAPE_FORMATS,
    )


def _stored(catalog: Catalog, query: CirclesQuery) -> Table:
    box = None if query.bbox is None else parse_box(query.bbox)
    found = circle_rows(catalog, query)
    at = [i for i, _ in found]
    rows = [row for _, row in found]
    return Table(
        rows,
        list(rows[0]) if rows else list(CircleRow.model_fields),
        shapes=lambda part: catalog.shapes(
            "circles", at[part], tolerance_m=query.simplify, decimals=5, box=box
        ),
    )


async def _computed(context: Context, asked: Row) -> Table:
    pool: CirclePool = context.request.app.state.circles
    row, geometry = await pool.compute(
        asked, out=context.settings.out, version=context.catalog.version
    )
    full = {"service": None, "service_name": None, **row}
    return Table([full], list(full), shapes=lambda part: [geometry][part])
