"""``sitings`` and ``evaluations``: where to build, as jobs; drawn sites, at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from yikezhong_app.exports.pool import ExportPool, ExportTask
from yikezhong_app.exports.siting_files import SitingFormat
from yikezhong_app.jobs.pool import GRACE_S
from yikezhong_app.jobs.records import Job
from yikezhong_app.jobs.schemas import JobList, JobRow, SessionRow
from yikezhong_app.routes.jobs import (
    NO_STORE,
    PROBLEMS,
    JobId,
    answer_at_once,
    answer_now,
    find_job,
    job_payload,
    pool_of,
)
from yikezhong_app.routes.reports import MEDIA
from yikezhong_app.schemas.answers import Problem
from yikezhong_app.siting.request import EvaluationRequest, SitingRequest
from yikezhong_app.web import formats
from yikezhong_app.web.formats import MEDIA_TYPES, Format
from yikezhong_app.web.problems import ProblemKind, problem
from yikezhong_app.web.queries import FormatQuery
from yikezhong_app.web.responses import Context, WithContext, disposition

router = APIRouter(prefix="/api/v1", tags=["sitings"])

SITING: Final = "siting"
EVALUATION: Final = "evaluation"
#: Where finished sitings are kept, beside the versions of the result.
FOLDER: Final = "sitings"
#: What the pool runs.
TASKS: Final = {
    SITING: "yikezhong_app.siting.tasks:run_siting",
    EVALUATION: "yikezhong_app.siting.tasks:run_evaluation",
}
#: Longest time of an evaluation [s].
_EVALUATION_S: Final = 30.0
#: What the sites of a result can be written as.
_FORMATS: Final = (Format.GEOJSON, Format.JSON, Format.CSV, Format.XLSX)
_NO_RESULT: Final[dict[int | str, dict[str, Any]]] = {
    404: PROBLEMS[404],
    409: {"model": Problem, "description": "任务没有结果，或其成果版本已不在"},
    422: PROBLEMS[422],
    503: {"model": Problem, "description": "导出任务已满"},
}


@router.post(
    "/sitings",
    status_code=201,
    summary="提交选址",
    description="立即返回任务；用 Location 查询进度与结果。相同的请求是同一个任务。",
    response_model=JobRow,
    responses=PROBLEMS,
)
async def create_siting(
    siting: SitingRequest, context: WithContext, request: Request
) -> Response:
    """Queue a siting on the version this request began with.

    Not in a thread: where the queue is full, that is told at once.
    """
    if siting.service is not None:
        context.catalog.check_service(siting.service)
    for one in siting.also:
        context.catalog.check_service(one.service)
    asked = siting.model_dump(mode="json", exclude_defaults=True)
    # the solver stops early enough to tell the best it found
    limit_s = min(siting.time_limit_s, context.settings.job_seconds - GRACE_S)
    job = pool_of(request).submit(
        SITING,
        asked,
        payload=job_payload(context, {**asked, "time_limit_s": limit_s}),
        limit_s=limit_s,
    )
    return _job_answer(job, status=201)


@router.get(
    "/sitings",
    summary="选址任务",
    response_model=JobList,
    responses={503: PROBLEMS[503]},
)
def list_sitings(request: Request) -> Response:
    """Answer all sitings without their results, the newest first."""
    jobs = pool_of(request).of_kind(SITING)
    rows = [{**job_row(job), "result": None} for job in jobs]
    return answer_now({"total": len(rows), "items": rows})


@router.get(
    "/sitings/{job_id}",
    summary="选址任务的进度与结果",
    response_model=JobRow,
    description="format=geojson、csv 时只给出结果的设施；xlsx 为方案的工作簿。",
    responses=_NO_RESULT,
)
async def get_siting(
    job_id: JobId,
    query: Annotated[FormatQuery, Query()],
    context: WithContext,
    request: Request,
) -> Response:
    """Answer a job as it is now, or the sites of its result."""
    job = _siting(request, job_id)
    chosen = formats.negotiate(query.format or Format.JSON, None, offered=_FORMATS)
    if chosen is Format.JSON:
        return _job_answer(job)
    if chosen is Format.XLSX:
        return await _file_answer(context, request, job, form="xlsx")
    return _sites_answer(request, job, chosen)


@router.delete(
    "/sitings/{job_id}",
    summary="取消选址任务",
    response_model=JobRow,
    responses=PROBLEMS,
)
def cancel_siting(job_id: JobId, request: Request) -> Response:
    """Cancel a job; one that is over stays as it is."""
    _siting(request, job_id)
    job = pool_of(request).cancel(job_id)
    return _job_answer(find_job(job, job_id, kinds=(SITING,)))


@router.get(
    "/sitings/{job_id}/sites",
    summary="选址结果的设施",
    responses=_NO_RESULT,
)
async def get_sites(
    job_id: JobId,
    query: Annotated[FormatQuery, Query()],
    context: WithContext,
    request: Request,
) -> Response:
    """Answer the sites of a finished siting as GeoJSON, CSV, XLSX or JSON."""
    accept = ",".join(request.headers.getlist("accept"))
    chosen = formats.negotiate(query.format, accept, offered=_FORMATS)
    job = _siting(request, job_id)
    if chosen is Format.XLSX:
        return await _file_answer(context, request, job, form="xlsx")
    return _sites_answer(request, job, chosen)


@router.get(
    "/sitings/{job_id}/report.{form}",
    summary="选址方案的工作簿（xlsx）或文档（docx）",
    description="结论、设施、乡镇前后、仍未覆盖的人、参数与来源；文档附地图。",
    response_class=Response,
    responses=_NO_RESULT,
)
async def get_siting_report(
    job_id: JobId,
    form: Literal["xlsx", "docx"],
    context: WithContext,
    request: Request,
) -> Response:
    """Answer the workbook or the document of a finished siting."""
    job = _siting(request, job_id)
    return await _file_answer(context, request, job, form=form)


@router.get(
    "/sitings/{job_id}/map.{form}",
    summary="选址方案的静态地图（png、svg）",
    description="方案建成后的覆盖率、现有设施与新设施。",
    response_class=Response,
    responses=_NO_RESULT,
)
async def get_siting_map(
    job_id: JobId,
    form: Literal["png", "svg"],
    context: WithContext,
    request: Request,
) -> Response:
    """Answer the map of a finished siting."""
    job = _siting(request, job_id)
    return await _file_answer(context, request, job, form=form)


@router.post(
    "/evaluations",
    summary="试算：新增与关闭设施后的覆盖",
    description="给出新设施的位置与关闭的设施，立即返回各乡镇前后的覆盖率。",
    responses=PROBLEMS,
)
async def evaluate(
    evaluation: EvaluationRequest, context: WithContext, request: Request
) -> Response:
    """Answer the figures of drawn sites, computed in the pool."""
    context.catalog.check_service(evaluation.service)
    asked = evaluation.model_dump(mode="json", exclude_defaults=True)
    return await answer_at_once(
        context,
        request,
        EVALUATION,
        asked,
        limit_s=_EVALUATION_S,
        failure="试算没有完成",
    )


@router.get("/session", summary="当前令牌的角色", response_model=SessionRow)
def get_session(request: Request) -> Response:
    """Answer what the caller may do, so that a page can offer it."""
    token = getattr(request.state, "access", None)
    known = (
        {"name": None, "role": None}
        if token is None
        else {
            "name": token.name,
            "role": token.role,
        }
    )
    is_editor = known["role"] == "editor"
    has_study = request.app.state.settings.study is not None
    return answer_now(
        {
            **known,
            "can_compute": is_editor or known["role"] == "planner",
            "can_upload": is_editor and has_study,
        }
    )


def job_row(job: Job) -> dict[str, Any]:
    """Return a job as the API shows it."""
    return {
        "id": job.id,
        "status": job.status,
        "progress": job.progress,
        "step": job.step,
        "created": job.created,
        "seconds": job.seconds,
        "request": job.request,
        "result": job.result,
        "error": job.error,
        "links": {
            "self": f"/api/v1/sitings/{job.id}",
            "sites": f"/api/v1/sitings/{job.id}/sites",
            "xlsx": f"/api/v1/sitings/{job.id}/report.xlsx",
            "docx": f"/api/v1/sitings/{job.id}/report.docx",
            "map": f"/api/v1/sitings/{job.id}/map.png",
        },
    }


def _sites_answer(request: Request, job: Job, chosen: Format) -> Response:
    """Return the sites of a finished siting in a format."""
    from yikezhong_app.siting import plan_record

    record = job.result
    if record is None:
        return _no_result(request, f"任务状态为 {job.status}")
    if chosen is Format.JSON:
        head = {name: record[name] for name in ("version", "as_of", "notice")}
        return answer_now(
            {**head, "total": len(record["sites"]), "items": record["sites"]}
        )
    if chosen is Format.GEOJSON:
        body = plan_record.sites_geojson(record)
        return Response(body, media_type=MEDIA_TYPES[chosen], headers=NO_STORE)
    name = _file_name(record, chosen.value)
    headers = {**NO_STORE, "Content-Disposition": disposition(name)}
    body = plan_record.sites_csv(record)
    return Response(body, media_type=MEDIA_TYPES[chosen], headers=headers)


async def _file_answer(
    context: Context, request: Request, job: Job, *, form: SitingFormat
) -> Response:
    """Return a file of a finished siting, made by the pool of exports."""
    record = job.result
    if record is None:
        return _no_result(request, f"任务状态为 {job.status}")
    out, version = context.settings.out.resolve(), str(record["version"])
    if not (out / "versions" / version).is_dir():
        return _no_result(request, f"成果版本 {version} 已不在")
    task = ExportTask(
        out=out,
        version=version,
        form=form,
        font=context.settings.font,
        siting=orjson.dumps({"record": record, "request": job.request}),
    )
    exports: ExportPool = request.app.state.exports
    body = await exports.run(task)
    name = _file_name(record, form)
    headers = {**NO_STORE, "Content-Disposition": disposition(name)}
    return Response(body, media_type=MEDIA[form], headers=headers)


def _file_name(record: Mapping[str, Any], form: str) -> str:
    return f"选址_{record['service_name']}_{record['as_of']}.{form}"


def _no_result(request: Request, detail: str) -> Response:
    kind = ProblemKind(409, "not-finished", "任务没有结果")
    return problem(request, kind, detail=detail)


def _siting(request: Request, job_id: str) -> Job:
    return find_job(pool_of(request).get(job_id), job_id, kinds=(SITING,))


def _job_answer(job: Job, *, status: int = 200) -> Response:
    row = job_row(job)
    headers = {"Location": row["links"]["self"]} if status == 201 else None
    return answer_now(row, status=status, headers=headers)
