"""``uploads``: a file is brought, checked apart, shown, and made part on confirmation."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import asdict
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from yikezhong_app.schemas.answers import Problem
from yikezhong_app.schemas.uploads import UploadList, UploadReport, UploadRow
from yikezhong_app.uploads.request import UploadRequest
from yikezhong_app.uploads.store import UploadState, UploadStore
from yikezhong_app.web.problems import ProblemKind, problem
from yikezhong_app.web.request_errors import UploadsOffError

router = APIRouter(prefix="/api/v1", tags=["uploads"])

#: The address that takes in its body bit by bit, and what a form has beside its file.
STREAMED: Final = ("POST", "/api/v1/uploads")
FORM_BYTES: Final = 2**20
_NO_STORE: Final = {"Cache-Control": "no-store"}
_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "description": text}
    for status, text in {
        400: "不是 multipart/form-data",
        401: "需要令牌",
        403: "不是 editor，或请求来自其他网站",
        404: "没有这个上传，或服务没有开启数据更新（YIKEZHONG_STUDY）",
        409: "现在不能这样做",
        413: "文件过大",
        415: "文件格式不可用",
        422: "参数或文件不可用",
        503: "待处理的上传或任务已满，稍后再试",
        507: "磁盘空间不足",
    }.items()
}
UploadId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="上传编号")]
_MOST_FIELDS: Final = 30
_FIELD_BYTES: Final = 16_384
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["layer", "file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "columns": {
                            "type": "string",
                            "description": "JSON：标准名 → 表头",
                        },
                        **{
                            name: schema
                            for name, schema in UploadRequest.model_json_schema()[
                                "properties"
                            ].items()
                            if name != "columns"
                        },
                    },
                }
            }
        },
    }
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: _PROBLEMS[status] for status in (401, 403, 404, *statuses)}


@router.post(
    "/uploads",
    status_code=201,
    summary="上传一个数据文件",
    description="文件在独立进程中与整个研究一起检查；用 Location 查询报告。"
    "研究在确认之前不变。",
    response_model=UploadRow,
    responses=_problems(400, 413, 422, 503, 507),
    openapi_extra=_BODY,
)
async def create_upload(request: Request) -> Response:
    """Take in a file and have it checked."""
    store = _store(request)
    form = request.form(
        max_files=1, max_fields=_MOST_FIELDS, max_part_size=_FIELD_BYTES
    )
    async with form as fields:
        asked, file = _read_fields(fields.multi_items())
        state = await asyncio.to_thread(
            store.bring,
            file.file,
            name=file.filename or "",
            request=asked,
            by=_caller(request),
        )
    return _answer(request, state, status=201)


@router.get(
    "/uploads",
    summary="上传与可替换的文件",
    response_model=UploadList,
    responses=_problems(),
)
def list_uploads(request: Request) -> Response:
    """Answer all uploads, the newest first, and the files of the study."""
    store = _store(request)
    rows = [
        {**upload_row(request, state), "preview": None, "report": None}
        for state in store.all()
    ]
    return _json(
        {
            "total": len(rows),
            "items": rows,
            "sources": [asdict(source) for source in store.sources()],
            "limit_bytes": request.app.state.settings.upload_bytes,
        }
    )


@router.get(
    "/uploads/{upload_id}",
    summary="一个上传：进度、预览与数据报告",
    response_model=UploadRow,
    responses=_problems(422),
)
def get_upload(upload_id: UploadId, request: Request) -> Response:
    """Answer an upload as it is now."""
    return _answer(request, _store(request).get(upload_id))


@router.get(
    "/uploads/{upload_id}/report",
    summary="一个上传的数据报告",
    description="文件不能用时，答复就是这个错误，带有它的状态（413、415、422）。",
    response_model=UploadReport,
    responses=_problems(409, 413, 415, 422, 503),
)
def get_report(upload_id: UploadId, request: Request) -> Response:
    """Answer what becomes of every row, or why the file cannot be used."""
    found = _store(request).get(upload_id).found
    if found.get("report") is not None:
        return _json(found["report"])
    error = found.get("error")
    if error is None:
        kind = ProblemKind(409, "not-finished", "还在检查")
        return problem(request, kind, detail="请稍后再试")
    kind = ProblemKind(error["status"], "input", "文件不可用")
    return problem(request, kind, detail=error["text"], code=error["code"])


@router.post(
    "/uploads/{upload_id}/confirm",
    status_code=202,
    summary="确认：成为研究的新版本并重新计算",
    response_model=UploadRow,
    responses=_problems(409, 422, 503),
)
def confirm_upload(upload_id: UploadId, request: Request) -> Response:
    """Begin the update; the old version serves until the new one is whole."""
    state = _store(request).confirm(upload_id, by=_caller(request))
    return _answer(request, state, status=202)


@router.delete(
    "/uploads/{upload_id}",
    status_code=204,
    summary="放弃一个上传",
    responses=_problems(409, 422),
)
def discard_upload(upload_id: UploadId, request: Request) -> Response:
    """Forget an upload."""
    _store(request).discard(upload_id)
    return Response(status_code=204, headers=_NO_STORE)


def upload_row(request: Request, state: UploadState) -> dict[str, Any]:
    """Return an upload as the API shows it."""
    upload, job, found = state.upload, state.job, state.found
    kept_s = request.app.state.settings.upload_keep_seconds
    is_busy = state.status in ("checking", "publishing")
    here = f"/api/v1/uploads/{upload.id}"
    done = state.done or {}
    return {
        "id": upload.id,
        "status": state.status,
        "name": upload.name,
        "file": upload.file,
        "layer": upload.layer,
        "replaces": upload.replaces,
        "bytes": upload.bytes,
        "by": upload.by,
        "created": _time(upload.created),
        "expires": _time(upload.created + kept_s),
        "request": upload.request,
        "progress": job.progress if job is not None and is_busy else float(not is_busy),
        "step": job.step if job is not None and is_busy else "",
        "isolated": found.get("isolated"),
        "preview": found.get("preview"),
        "report": found.get("report"),
        "error": found.get("error") or _update_error(state),
        "study_version": done.get("study_version"),
        "snapshot_version": done.get("snapshot_version"),
        "links": {"self": here, "report": f"{here}/report", "map": "/maps/"},
    }


def _update_error(state: UploadState) -> dict[str, Any] | None:
    """Return why an update that was confirmed did not come to be."""
    job = state.job
    if state.status != "ready" or job is None or job.error is None:
        return None
    parts = (job.error["message"], job.error.get("hint"))
    return {**job.error, "text": "。".join(part for part in parts if part)}


def _read_fields(fields: list[tuple[str, Any]]) -> tuple[UploadRequest, UploadFile]:
    """Return the form's fields, checked, and its file."""
    given: dict[str, Any] = {}
    file: UploadFile | None = None
    for name, value in fields:
        if isinstance(value, UploadFile):
            file = value if name == "file" else file
        elif value != "":
            given[name] = _columns(value) if name == "columns" else value
    if file is None or not file.filename:
        raise _invalid("file", "missing")
    try:
        asked = UploadRequest.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError(
            [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        ) from None
    for name in asked.foreign_settings():
        raise _invalid(name, "extra_forbidden")
    return asked, file


def _columns(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _invalid("columns", "json_invalid") from None


def _invalid(name: str, kind: str) -> RequestValidationError:
    return RequestValidationError([{"type": kind, "loc": ("body", name)}])


def _store(request: Request) -> UploadStore:
    store: UploadStore | None = request.app.state.uploads
    if store is None:
        raise UploadsOffError(
            "这个服务没有开启数据更新",
            hint="请让管理员设置 YIKEZHONG_STUDY（研究目录）",
        )
    return store


def _caller(request: Request) -> str:
    return str(request.state.access.name)


def _answer(request: Request, state: UploadState, *, status: int = 200) -> Response:
    row = upload_row(request, state)
    headers = {"Location": row["links"]["self"]} if status in (201, 202) else {}
    return _json(row, status=status, headers=headers)


def _json(
    value: Any, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(
        orjson.dumps(value),
        status_code=status,
        media_type="application/json",
        headers={**_NO_STORE, **(headers or {})},
    )


def _time(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds")
