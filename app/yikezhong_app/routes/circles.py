"""``circles``: what is reachable within a limit, for display."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from yikezhong_app.reading.selections import circle_rows
from yikezhong_app.routes.answers import documented
from yikezhong_app.schemas.answers import CircleRow, PageOf
from yikezhong_app.web.queries import CirclesQuery
from yikezhong_app.web.responses import SHAPE_FORMATS, Table, WithContext, answer_table

router = APIRouter(prefix="/api/v1", tags=["circles"])


@router.get(
    "/circles",
    summary="服务圈",
    description="已算出的服务圈：默认为各服务全部设施的合并（近似，只供显示）。",
    responses=documented(PageOf[CircleRow], row=CircleRow, geometry=True),
)
def list_circles(
    query: Annotated[CirclesQuery, Query()], context: WithContext
) -> Response:
    """Answer circles."""
    catalog = context.catalog

    def make() -> Table:
        found = circle_rows(catalog, query)
        at = [i for i, _ in found]
        rows = [row for _, row in found]
        return Table(
            rows,
            list(rows[0]) if rows else list(CircleRow.model_fields),
            shapes=lambda part: catalog.shapes(
                "circles", at[part], tolerance_m=query.simplify, decimals=5
            ),
        )

    return answer_table(
        context, query, title="服务圈", make=make, offered=SHAPE_FORMATS
    )
