"""``facilities``: the list of facilities."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from yikezhong_app.reading.selections import facility_rows
from yikezhong_app.routes.answers import documented
from yikezhong_app.schemas.answers import FacilityRow, PageOf
from yikezhong_app.web.queries import FacilitiesQuery
from yikezhong_app.web.repeats import RepeatedRoute
from yikezhong_app.web.responses import GEO_FORMATS, Table, WithContext, answer_table

router = APIRouter(prefix="/api/v1", tags=["facilities"], route_class=RepeatedRoute)


@router.get(
    "/facilities",
    summary="设施",
    description="设施及其类别、功能、状态与位置；没有坐标的设施几何为 null。",
    responses=documented(PageOf[FacilityRow], row=FacilityRow, geometry=True),
)
def list_facilities(
    query: Annotated[FacilitiesQuery, Query()], context: WithContext
) -> Response:
    """Answer facilities."""
    catalog = context.catalog

    def make() -> Table:
        found = facility_rows(catalog, query)
        at = [i for i, _ in found]
        rows = [row for _, row in found]
        return Table(
            rows,
            list(rows[0]) if rows else list(FacilityRow.model_fields),
            shapes=lambda part: catalog.shapes("facilities", at[part]),
            key="id",
        )

    return answer_table(context, query, title="设施", make=make, offered=GEO_FORMATS)
