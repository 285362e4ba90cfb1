"""For maps of very many: a value for every division, facilities as clusters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from yikezhong_app.reading.clusters import cluster_record
from yikezhong_app.reading.columns import (
    division_columns,
    rate_columns,
    verdict_columns,
)
from yikezhong_app.reading.records import Row
from yikezhong_app.routes.answers import described
from yikezhong_app.schemas.values import (
    Clusters,
    ClustersQuery,
    ColumnsQuery,
    DivisionColumns,
    RateColumns,
    RateColumnsQuery,
    VerdictColumns,
    VerdictColumnsQuery,
)
from yikezhong_app.web.formats import Format
from yikezhong_app.web.queries import WORD_PATTERN
from yikezhong_app.web.repeats import RepeatedRoute
from yikezhong_app.web.responses import Context, Table, WithContext, answer_record

router = APIRouter(prefix="/api/v1", tags=["map"], route_class=RepeatedRoute)

IndicatorRef = Annotated[
    str, Path(pattern=WORD_PATTERN, max_length=128, description="指标编号")
]


@router.get(
    "/divisions/columns",
    summary="一级全部区划（按列）",
    description="代码、名称、上级、人口与位置，各为一列；其他 columns 的值按此顺序。",
    responses=described(DivisionColumns),
)
def list_division_columns(
    query: Annotated[ColumnsQuery, Query()], context: WithContext
) -> Response:
    """Answer the divisions of a level as columns."""
    return _answer(
        context, query, lambda: division_columns(context.catalog, query.level)
    )


@router.get(
    "/facilities/clusters",
    summary="设施（按格合并）",
    description="范围内的设施，在这一级别上挨近的合为一个；各格之和即总数。",
    responses=described(Clusters),
)
def list_clusters(
    query: Annotated[ClustersQuery, Query()], context: WithContext
) -> Response:
    """Answer the facilities of a box as clusters."""
    return _answer(context, query, lambda: cluster_record(context.catalog, query))


@router.get(
    "/coverage/columns",
    summary="一级全部区划的覆盖率（按列）",
    description="一个服务、时限、分母与口径的覆盖率，按 divisions/columns 的顺序。",
    responses=described(RateColumns),
)
def list_rate_columns(
    query: Annotated[RateColumnsQuery, Query()], context: WithContext
) -> Response:
    """Answer the rates of a level as a column."""
    return _answer(context, query, lambda: rate_columns(context.catalog, query))


@router.get(
    "/indicators/{id}/columns",
    summary="一级全部区划的指标结论（按列）",
    description="一项规划指标的结论与值，按 divisions/columns 的顺序。",
    responses=described(VerdictColumns),
)
def list_verdict_columns(
    id: IndicatorRef,
    query: Annotated[VerdictColumnsQuery, Query()],
    context: WithContext,
) -> Response:
    """Answer the verdicts of a level as columns."""

    def make() -> Row:
        return verdict_columns(context.catalog, id, query.level, speed_mps=query.speed)

    return _answer(context, query, make)


def _answer(context: Context, query: BaseModel, make: Callable[[], Row]) -> Response:
    def table() -> Table:
        record = make()
        return Table([record], list(record))

    return answer_record(
        context, query, title="列", make=table, offered=(Format.JSON,), flat=True
    )
