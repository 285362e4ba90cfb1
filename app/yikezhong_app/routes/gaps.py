"""``gaps``: who is without a service, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row
from yikezhong_app.reading.selections import gap_rows
from yikezhong_app.routes.answers import documented
from yikezhong_app.schemas.answers import GapRow, PageOf
from yikezhong_app.web.queries import GapsQuery
from yikezhong_app.web.repeats import RepeatedRoute
from yikezhong_app.web.responses import GEO_FORMATS, Table, WithContext, answer_table

router = APIRouter(prefix="/api/v1", tags=["gaps"], route_class=RepeatedRoute)


@router.get(
    "/gaps",
    summary="缺口",
    description="未覆盖的区划：未覆盖人口、原因与最近的设施。",
    responses=documented(PageOf[GapRow], row=GapRow, geometry=True),
)
def list_gaps(query: Annotated[GapsQuery, Query()], context: WithContext) -> Response:
    """Answer gaps."""
    catalog = context.catalog

    def make() -> Table:
        codes = None
        if query.parent is not None:
            code = catalog.find_division(query.parent)["code"]
            codes = {code, *catalog.under(code)}
        return gap_table(catalog, gap_rows(catalog, query, codes=codes))

    return answer_table(context, query, title="缺口", make=make, offered=GEO_FORMATS)


def gap_table(catalog: Catalog, found: Sequence[tuple[int, Row]]) -> Table:
    """Return gaps as a table, each at the place where its people live."""
    at = [i for i, _ in found]
    rows = [row for _, row in found]
    columns = list(rows[0]) if rows else list(GapRow.model_fields)
    return Table(
        rows,
        columns,
        shapes=lambda part: catalog.shapes("gaps", at[part]),
        key="id",
    )
