"""``coverage``: the rates of a level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row
from yikezhong_app.reading.selections import coverage_rows
from yikezhong_app.routes.answers import documented
from yikezhong_app.routes.divisions import division_shapes
from yikezhong_app.schemas.answers import CoverageRow, PageOf
from yikezhong_app.web.queries import CoverageQuery
from yikezhong_app.web.repeats import RepeatedRoute
from yikezhong_app.web.responses import (
    GEO_FORMATS,
    Table,
    WithContext,
    answer_table,
)

router = APIRouter(prefix="/api/v1", tags=["coverage"], route_class=RepeatedRoute)

#: Each row repeats a boundary: all services, limits and denominators of a
#: prefecture's townships would be 300 MB.
_MOST_SHAPES: Final = 5000


@router.get(
    "/coverage",
    summary="覆盖率",
    description="一级行政区划的覆盖率；默认各服务自己的时限与服务人群。",
    responses=documented(PageOf[CoverageRow], row=CoverageRow, geometry=True),
)
def list_coverage(
    query: Annotated[CoverageQuery, Query()], context: WithContext
) -> Response:
    """Answer the rates of a level."""
    catalog = context.catalog

    def make() -> Table:
        codes = None
        if query.parent is not None:
            codes = catalog.under(catalog.find_division(query.parent)["code"])
        level = chosen_level(catalog, query.level)
        rows = coverage_rows(catalog, query, level=level, codes=codes)
        return coverage_table(catalog, rows)

    return answer_table(context, query, title="覆盖率", make=make, offered=GEO_FORMATS)


def chosen_level(catalog: Catalog, asked: str | None) -> str:
    """Return the level asked for, or townships, or the lowest level there is."""
    if asked is not None:
        return catalog.check_level(asked)
    return "township" if "township" in catalog.levels else [*catalog.levels][-1]


def coverage_table(catalog: Catalog, rows: Sequence[Row]) -> Table:
    """Return coverage rows as a table, with the boundaries of their divisions."""
    columns = list(rows[0]) if rows else list(CoverageRow.model_fields)
    return Table(
        rows,
        columns,
        shapes=lambda part: division_shapes(catalog, rows[part], simplify_m=None),
        most_shapes=_MOST_SHAPES,
    )
