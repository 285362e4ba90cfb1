"""``gap-areas``: people without a service as places on the map."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from yikezhong_app.reading.gap_records import AREAS, area_records
from yikezhong_app.routes.answers import documented
from yikezhong_app.schemas.answers import PageOf
from yikezhong_app.schemas.gaps import GapAreaRow, GapAreasQuery
from yikezhong_app.web.repeats import RepeatedRoute
from yikezhong_app.web.responses import GEO_FORMATS, Table, WithContext, answer_table

router = APIRouter(prefix="/api/v1", tags=["gaps"], route_class=RepeatedRoute)


@router.get(
    "/gap-areas",
    summary="缺口片区",
    description="未覆盖的人口聚成的片区：人数、原因、最近的设施与最省的对策；"
    "按各服务自己的时限。",
    responses=documented(PageOf[GapAreaRow], row=GapAreaRow, geometry=True),
)
def list_gap_areas(
    query: Annotated[GapAreasQuery, Query()], context: WithContext
) -> Response:
    """Answer gap areas, the most people first within each service."""
    catalog = context.catalog

    def make() -> Table:
        codes = None
        if query.parent is not None:
            code = catalog.find_division(query.parent)["code"]
            codes = {code, *catalog.under(code)}
        found = area_records(
            catalog,
            service=query.service,
            reason=query.reason,
            remedy=query.remedy,
            codes=codes,
            min_people=query.min_people,
        )
        at = [i for i, _ in found]
        rows = [row for _, row in found]
        return Table(
            rows,
            list(rows[0]) if rows else list(GapAreaRow.model_fields),
            shapes=lambda part: catalog.shapes(AREAS, at[part]),
            key="id",
        )

    return answer_table(
        context, query, title="缺口片区", make=make, offered=GEO_FORMATS
    )
