"""What a siting can ask for, and its candidates before anything is chosen."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from yikezhong_app.routes.answers import documented
from yikezhong_app.routes.jobs import PROBLEMS, answer_at_once
from yikezhong_app.schemas.sitings import CandidateList, SitingOptions
from yikezhong_app.siting.listing import siting_options
from yikezhong_app.siting.request import SitingRequest
from yikezhong_app.web.formats import Format
from yikezhong_app.web.queries import FormatQuery
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_app.web.responses import Table, WithContext, answer_record

router = APIRouter(prefix="/api/v1", tags=["sitings"])

CANDIDATES: Final = "candidates"
#: What the pool runs.
TASKS: Final = {CANDIDATES: "yikezhong_app.siting.listing:run_candidates"}
#: Longest time of a list [s].
_LIST_S: Final = 30.0


@router.get(
    "/siting-options",
    summary="选址可用的条件",
    description="研究中的禁建区类别（及规划写明的距离）、可作候选点的设施类别、"
    "可由建设达标的指标。",
    responses=documented(SitingOptions),
)
def get_options(
    query: Annotated[FormatQuery, Query()], context: WithContext
) -> Response:
    """Answer what a request can name."""

    def make() -> Table:
        record = siting_options(context.catalog)
        return Table([record], list(record))

    return answer_record(
        context, query, title="选址条件", make=make, offered=(Format.JSON,), flat=True
    )


@router.post(
    "/candidates",
    summary="候选点",
    description="一个选址请求的候选点：编号、位置、可用与否及原因。请求与选址相同。",
    response_model=CandidateList,
    responses=PROBLEMS,
)
async def list_candidates(
    siting: SitingRequest, context: WithContext, request: Request
) -> Response:
    """Answer the candidates of a request, computed in the pool."""
    if siting.service is None:
        raise ParameterError("须写 service（服务）", parameter="service")
    context.catalog.check_service(siting.service)
    asked = siting.model_dump(mode="json", exclude_defaults=True)
    return await answer_at_once(
        context,
        request,
        CANDIDATES,
        asked,
        limit_s=_LIST_S,
        failure="没有得到候选点",
    )
