"""``access``, ``equity``, ``robustness``: capacity per person, fairness, certainty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from yikezhong_app.reading.measure_rows import (
    access_records,
    equity_records,
    robustness_records,
)
from yikezhong_app.reading.records import Row
from yikezhong_app.routes.answers import documented
from yikezhong_app.routes.divisions import division_shapes
from yikezhong_app.schemas.answers import PageOf
from yikezhong_app.schemas.measures import (
    MEASURE_TITLES,
    AccessQuery,
    AccessRow,
    EquityQuery,
    EquityRow,
    RobustnessQuery,
    RobustnessRow,
)
from yikezhong_app.web.repeats import RepeatedRoute
from yikezhong_app.web.responses import (
    GEO_FORMATS,
    Context,
    Table,
    WithContext,
    answer_table,
)

router = APIRouter(prefix="/api/v1", tags=["measures"], route_class=RepeatedRoute)

#: Each row repeats a boundary.
_MOST_SHAPES = 5000


@router.get(
    "/access",
    summary="可达性",
    description="有容量的服务：每个服务人群成员可及的容量（两步移动搜寻法）。",
    responses=documented(PageOf[AccessRow], row=AccessRow, geometry=True),
)
def list_access(
    query: Annotated[AccessQuery, Query()], context: WithContext
) -> Response:
    """Answer the capacity per person of divisions."""
    return _answer(
        context,
        query,
        title="可达性",
        model=AccessRow,
        choose=lambda: access_records(context.catalog, query),
    )


@router.get(
    "/equity",
    summary="均等性",
    description="各乡镇街道之间覆盖是否均等：基尼系数、帕尔马比、最差十分之一人口。",
    responses=documented(PageOf[EquityRow], row=EquityRow, geometry=True),
)
def list_equity(
    query: Annotated[EquityQuery, Query()], context: WithContext
) -> Response:
    """Answer how equal coverage is."""
    return _answer(
        context,
        query,
        title="均等性",
        model=EquityRow,
        choose=lambda: equity_records(context.catalog, query),
    )


@router.get(
    "/robustness",
    summary="稳健性",
    description="规划指标在其他步行速度与口径下的数值与结论，以及结论是否改变。",
    responses=documented(PageOf[RobustnessRow], row=RobustnessRow, geometry=True),
)
def list_robustness(
    query: Annotated[RobustnessQuery, Query()], context: WithContext
) -> Response:
    """Answer indicators at other walking speeds and by other counts."""
    return _answer(
        context,
        query,
        title="稳健性",
        model=RobustnessRow,
        choose=lambda: robustness_records(context.catalog, query),
    )


def _answer(
    context: Context,
    query: BaseModel,
    *,
    title: str,
    model: type[BaseModel],
    choose: Callable[[], Sequence[Row]],
) -> Response:
    def make() -> Table:
        rows = choose()
        return Table(
            rows,
            list(rows[0]) if rows else list(model.model_fields),
            shapes=lambda part: division_shapes(
                context.catalog, rows[part], simplify_m=None
            ),
            most_shapes=_MOST_SHAPES,
            titles=MEASURE_TITLES,
        )

    return answer_table(context, query, title=title, make=make, offered=GEO_FORMATS)
