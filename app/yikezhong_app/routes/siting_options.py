"""What a siting can ask for, and its candidates before anything is chosen."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from yikezhong_app.jobs.records import OVER
from yikezhong_app.routes.answers import documented
from yikezhong_app.routes.jobs import PROBLEMS, answer_now, job_payload, pool_of
from yikezhong_app.scenarios.schemas import SitingOptions
from yikezhong_app.siting.listing import siting_options
from yikezhong_app.siting.request import SitingRequest
from yikezhong_app.web.formats import Format
from yikezhong_app.web.problems import ProblemKind, problem
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
    pool = pool_of(request)
    job = pool.submit(
        CANDIDATES, asked, payload=job_payload(context, asked), limit_s=_LIST_S
    )
    over = await asyncio.to_thread(pool.wait, job.id, timeout_s=_LIST_S)
    if over is not None and over.result is not None:
        return answer_now(over.result)
    if over is not None and over.status not in OVER:
        pool.cancel(over.id)
    told: dict[str, Any] = {"status": 503, "message": "计算超时"}
    error = (over.error if over is not None else None) or told
    kind = ProblemKind(int(error["status"]), "candidates", "没有得到候选点")
    return problem(
        request, kind, detail=error["message"], parameter=error.get("parameter")
    )
