"""``plan-gaps``: which areas fail the plans, and what would help."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from yikezhong_app.reading.plan_gap_records import plan_gap_records
from yikezhong_app.routes.answers import documented
from yikezhong_app.schemas.answers import PageOf
from yikezhong_app.schemas.gaps import PlanGapRow, PlanGapsQuery
from yikezhong_app.web.responses import Table, WithContext, answer_table

router = APIRouter(prefix="/api/v1", tags=["gaps"])


@router.get(
    "/plan-gaps",
    summary="规划缺口",
    description="未达到规划指标的区划（或设施），离目标最远的指标在前；"
    "每处列出最省的对策与所涉设施。",
    responses=documented(PageOf[PlanGapRow]),
)
def list_plan_gaps(
    query: Annotated[PlanGapsQuery, Query()], context: WithContext
) -> Response:
    """Answer the areas that fail indicators."""
    catalog = context.catalog

    def make() -> Table:
        codes = None
        if query.parent is not None:
            code = catalog.find_division(query.parent)["code"]
            codes = {code, *catalog.under(code)}
        rows = plan_gap_records(catalog, query, codes=codes)
        return Table(rows, list(rows[0]) if rows else list(PlanGapRow.model_fields))

    return answer_table(context, query, title="规划缺口", make=make)
