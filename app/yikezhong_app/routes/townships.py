"""``townships/{code}``: one township, its rates and its gaps."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Query, Response

from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.gap_records import gap_counts
from yikezhong_app.reading.records import Row
from yikezhong_app.reading.selections import coverage_rows, gap_rows
from yikezhong_app.routes.answers import documented
from yikezhong_app.routes.coverage import coverage_table
from yikezhong_app.routes.divisions import division_shapes
from yikezhong_app.routes.gaps import gap_table
from yikezhong_app.schemas.answers import (
    CoverageRow,
    DivisionRow,
    GapRow,
    PageOf,
    Township,
)
from yikezhong_app.web.queries import (
    CoverageFilter,
    FormatQuery,
    GapsFilter,
    TownshipRef,
)
from yikezhong_app.web.repeats import RepeatedRoute
from yikezhong_app.web.responses import (
    GEO_FORMATS,
    Table,
    WithContext,
    answer_record,
    answer_table,
)

router = APIRouter(
    prefix="/api/v1/townships", tags=["townships"], route_class=RepeatedRoute
)


@router.get(
    "/{code}",
    summary="一个乡镇街道",
    description="人口、上级、设施数、缺口数与各服务的覆盖率。",
    responses=documented(Township, row=DivisionRow, geometry=True),
)
def get_township(
    code: TownshipRef, query: Annotated[FormatQuery, Query()], context: WithContext
) -> Response:
    """Answer one township."""
    catalog = context.catalog
    row = catalog.find_division(code, level="township")

    def make() -> Table:
        item = township_item(catalog, row)
        return Table(
            [item],
            [key for key in item if key not in ("above", "coverage")],
            shapes=lambda _: division_shapes(catalog, [row], simplify_m=0.0),
            key="code",
        )

    title = str(row["name"])
    return answer_record(context, query, title=title, make=make, offered=GEO_FORMATS)


@router.get(
    "/{code}/coverage",
    summary="一个乡镇街道的覆盖率",
    description="各服务的覆盖率；默认各服务自己的时限与服务人群。",
    responses=documented(PageOf[CoverageRow]),
)
def get_township_coverage(
    code: TownshipRef, query: Annotated[CoverageFilter, Query()], context: WithContext
) -> Response:
    """Answer the rates of one township."""
    row = context.catalog.find_division(code, level="township")

    def make() -> Table:
        return coverage_table(
            context.catalog,
            coverage_rows(
                context.catalog, query, level="township", codes=[row["code"]]
            ),
        )

    return answer_table(context, query, title=f"{row['name']}_覆盖率", make=make)


@router.get(
    "/{code}/gaps",
    summary="一个乡镇街道的缺口",
    description="本乡镇及其社区、村未覆盖的人口与原因。",
    responses=documented(PageOf[GapRow]),
)
def get_township_gaps(
    code: TownshipRef, query: Annotated[GapsFilter, Query()], context: WithContext
) -> Response:
    """Answer the gaps of one township."""
    row = context.catalog.find_division(code, level="township")

    def make() -> Table:
        codes = {row["code"], *context.catalog.under(row["code"])}
        return gap_table(context.catalog, gap_rows(context.catalog, query, codes=codes))

    return answer_table(context, query, title=f"{row['name']}_缺口", make=make)


def township_item(catalog: Catalog, row: Row) -> Row:
    """Return a township with what a planner asks first."""
    code = row["code"]
    below = catalog.under(code)
    open_here = Counter(
        facility["category"]
        for facility in catalog.facilities
        if facility["township_code"] == code and facility["status"] == "open"
    )
    return {
        **row,
        "above": catalog.above(code),
        "n_communities": sum(
            catalog.divisions[catalog.position[c]]["level"] == "community"
            for c in below
        ),
        "facility_counts": dict(sorted(open_here.items())),
        "gap_counts": gap_counts(catalog, below or {code}),
        "coverage": coverage_rows(
            catalog, CoverageFilter(), level="township", codes=[code]
        ),
    }
