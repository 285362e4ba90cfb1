"""``jobs``: what is being computed beside the service, and giving it up."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from yikezhong_app.jobs.pool import JobPool, LazyPool
from yikezhong_app.jobs.records import OVER, Job
from yikezhong_app.jobs.schemas import JobRow
from yikezhong_app.schemas.answers import Problem
from yikezhong_app.web.problems import ProblemKind, problem
from yikezhong_app.web.request_errors import UnknownRecordError
from yikezhong_app.web.responses import WithContext

router = APIRouter(prefix="/api/v1", tags=["jobs"])

SCENARIO: Final = "scenario"
SPEEDS: Final = "speeds"
#: Kinds of job that have their address here.
_KINDS: Final = (SCENARIO, SPEEDS)
NO_STORE: Final = {"Cache-Control": "no-store"}
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "description": text}
    for status, text in {
        401: "需要令牌",
        403: "角色不足，或请求来自其他网站",
        404: "没有这条记录",
        413: "请求体过大",
        422: "参数不可用",
        503: "计算任务已满，稍后再试",
    }.items()
}
JobId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="任务编号")]


@router.get(
    "/jobs/{job_id}",
    summary="任务的进度与结果",
    response_model=JobRow,
    responses={status: PROBLEMS[status] for status in (404, 422)},
)
def get_job(job_id: JobId, request: Request) -> Response:
    """Answer a job as it is now."""
    return answer_job(_job(request, job_id))


@router.delete(
    "/jobs/{job_id}", summary="取消任务", response_model=JobRow, responses=PROBLEMS
)
def cancel_job(job_id: JobId, request: Request) -> Response:
    """Cancel a job; one that is over stays as it is."""
    _job(request, job_id)
    return answer_job(find_job(pool_of(request).cancel(job_id), job_id))


def pool_of(request: Request) -> JobPool:
    """Return the pool of the service."""
    jobs: LazyPool = request.app.state.jobs
    return jobs()


def job_payload(context: WithContext, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what a task gets: the result folder, its version, what was asked."""
    return {
        "out": str(context.settings.out.resolve()),
        "version": context.catalog.version,
        "request": asked,
    }


def find_job(job: Job | None, job_id: str, *, kinds: Collection[str] = _KINDS) -> Job:
    """Return a job of some kinds, or raise that there is none."""
    if job is None or job.kind not in kinds:
        raise UnknownRecordError(f"没有编号为“{job_id}”的任务")
    return job


def answer_job(job: Job, *, status: int = 200) -> Response:
    """Return a job as the API shows it; a new one with its address."""
    links = {"self": f"/api/v1/jobs/{job.id}"}
    if job.kind == SCENARIO and job.result is not None:
        links["scenario"] = f"/api/v1/scenarios/{job.result['id']}"
    row = {
        "id": job.id,
        "status": job.status,
        "progress": job.progress,
        "step": job.step,
        "created": job.created,
        "seconds": job.seconds,
        "request": job.request,
        "result": job.result,
        "error": job.error,
        "links": links,
    }
    headers = {"Location": links["self"]} if status == 201 else {}
    return answer_now(row, status=status, headers=headers)


def answer_now(
    value: Any, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a JSON answer that is not to be kept."""
    return Response(
        orjson.dumps(value),
        status_code=status,
        media_type="application/json",
        headers={**NO_STORE, **(headers or {})},
    )


async def answer_at_once(
    context: WithContext,
    request: Request,
    kind: str,
    asked: dict[str, Any],
    *,
    limit_s: float,
    failure: str,
) -> Response:
    """Answer what a short job finds, waited for so long; else say why it did not.

    Parameters
    ----------
    context : Context
    request : Request
    kind : str
        Which task of the pool.
    asked : dict
        What was asked.
    limit_s : float
        Longest time [s].
    failure : str
        Title of the problem, in Chinese.
    """
    pool = pool_of(request)
    job = pool.submit(kind, asked, payload=job_payload(context, asked), limit_s=limit_s)
    over = await asyncio.to_thread(pool.wait, job.id, timeout_s=limit_s)
    done = find_job(over, job.id, kinds=(kind,))
    if done.result is not None:
        return answer_now(done.result)
    if done.status not in OVER:
        pool.cancel(done.id)
    error = done.error or {"status": 503, "message": "计算超时"}
    told = ProblemKind(int(error["status"]), kind, failure)
    return problem(
        request, told, detail=error["message"], parameter=error.get("parameter")
    )


def _job(request: Request, job_id: str) -> Job:
    return find_job(pool_of(request).get(job_id), job_id)
