"""Problem documents (RFC 9457) in Chinese, and the one table error → status.

An answer never carries internals: what the client caused is told in full, what
failed on our side only by its kind and a trace id that stands in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import Scope

from yikezhong_app.exports import export_errors
from yikezhong_app.jobs.pool import PoolFullError
from yikezhong_app.snapshots.snapshot import (
    SnapshotBusyError,
    SnapshotCorruptError,
    SnapshotMissingError,
)
from yikezhong_app.uploads import upload_errors
from yikezhong_app.web import request_errors
from yikezhong_app.web.security import answer_headers, trace_id
from yikezhong_coverage.errors import (
    GraphError,
    InfeasibleError,
    InputError,
    PlannerError,
    SourceError,
)

LOG = logging.getLogger("yikezhong.problems")

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:yikezhong:problem:"


@dataclass(frozen=True)
class ProblemKind:
    """How an error is told: status, stable name, title, and whether in full."""

    status: int
    name: str
    title: str
    tell: bool = True


#: Error → answer. The first class that fits counts: subclasses stand before bases.
TABLE: Final[tuple[tuple[type[Exception], ProblemKind], ...]] = (
    (
        request_errors.UnknownDivisionError,
        ProblemKind(404, "unknown-division", "没有这个行政区划"),
    ),
    (
        request_errors.UnknownRecordError,
        ProblemKind(404, "unknown-record", "没有这条记录"),
    ),
    (
        request_errors.AmbiguousNameError,
        ProblemKind(422, "ambiguous-name", "名称不唯一"),
    ),
    (request_errors.BadQueryError, ProblemKind(400, "bad-query", "参数不可用")),
    (request_errors.ParameterError, ProblemKind(422, "parameter", "参数不可用")),
    (request_errors.NoRoadError, ProblemKind(422, "no-road", "附近没有道路")),
    (
        request_errors.UnfinishedError,
        ProblemKind(503, "unfinished", "计算没有完成", tell=False),
    ),
    (
        request_errors.NotAcceptableError,
        ProblemKind(406, "not-acceptable", "不提供所要的格式"),
    ),
    (
        request_errors.UploadsOffError,
        ProblemKind(404, "uploads-off", "没有开启数据更新"),
    ),
    (request_errors.BodyTooLargeError, ProblemKind(413, "http-413", "请求过大")),
    (
        upload_errors.UploadsFullError,
        ProblemKind(503, "uploads-full", "待处理的上传已满", tell=False),
    ),
    (
        upload_errors.UploadStateError,
        ProblemKind(409, "upload-state", "现在不能这样做"),
    ),
    (
        upload_errors.StorageError,
        ProblemKind(507, "storage", "文件没有保存", tell=False),
    ),
    (
        SnapshotMissingError,
        ProblemKind(503, "no-snapshot", "还没有可用的成果", tell=False),
    ),
    (
        SnapshotCorruptError,
        ProblemKind(503, "snapshot-corrupt", "成果文件已损坏", tell=False),
    ),
    (SnapshotBusyError, ProblemKind(503, "snapshot-busy", "成果正在写入", tell=False)),
    (
        export_errors.ExportBusyError,
        ProblemKind(503, "export-busy", "导出任务已满", tell=False),
    ),
    (
        export_errors.ExportFailedError,
        ProblemKind(503, "export-failed", "导出失败", tell=False),
    ),
    (
        export_errors.FontMissingError,
        ProblemKind(503, "no-font", "没有中文字体", tell=False),
    ),
    (PoolFullError, ProblemKind(503, "pool-full", "计算任务已满", tell=False)),
    (InfeasibleError, ProblemKind(422, "infeasible", "要求无法满足")),
    (InputError, ProblemKind(422, "input", "输入不可用")),
    (GraphError, ProblemKind(422, "graph", "路网不可用")),
    (SourceError, ProblemKind(502, "source", "数据来源出错", tell=False)),
    (PlannerError, ProblemKind(500, "internal", "服务内部错误", tell=False)),
    (Exception, ProblemKind(500, "internal", "服务内部错误", tell=False)),
)

#: Statuses that Starlette itself answers with.
HTTP_TITLES: Final = {
    400: "请求有误",
    401: "需要登录",
    403: "没有权限",
    404: "没有这个地址",
    405: "不支持这个方法",
    406: "不提供所要的格式",
    413: "请求过大",
    422: "参数不可用",
    429: "请求过于频繁",
    500: "服务内部错误",
    503: "服务暂不可用",
}

#: pydantic error type → what it says, with the context of the error filled in.
PARAMETER_MESSAGES: Final = {
    "value_error": "{error}",
    "missing": "缺少必需的参数",
    "extra_forbidden": "没有这个参数",
    "greater_than": "须大于 {gt}",
    "greater_than_equal": "不得小于 {ge}",
    "less_than": "须小于 {lt}",
    "less_than_equal": "不得大于 {le}",
    "finite_number": "须为有限的数",
    "float_parsing": "须为数字",
    "int_parsing": "须为整数",
    "int_from_float": "须为整数",
    "int_parsing_size": "数字过大",
    "bool_parsing": "须为 true 或 false",
    "enum": "须为 {expected} 之一",
    "literal_error": "须为 {expected} 之一",
    "string_pattern_mismatch": "格式不符，应匹配 {pattern}",
    "string_too_long": "过长，最多 {max_length} 个字符",
    "string_too_short": "过短，至少 {min_length} 个字符",
    "too_long": "过多，最多 {max_length} 项",
    "too_short": "过少，至少 {min_length} 项",
    "json_invalid": "请求体不是 JSON",
}


def problem_kind(error: Exception) -> ProblemKind:
    """Return how an error is told.

    Examples
    --------
    >>> problem_kind(ValueError("x")).status
    500
    """
    return next(kind for cls, kind in TABLE if isinstance(error, cls))


def problem(
    request: Request,
    kind: ProblemKind,
    *,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """Return a problem document; ``members`` that are None are left out."""
    trace = trace_id(request.scope)
    document = {
        "type": TYPE_PREFIX + kind.name,
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": request.url.path,
        "trace_id": trace,
        **members,
    }
    body = orjson.dumps({k: v for k, v in document.items() if v is not None})
    sent = answer_headers(request.scope, MEDIA_TYPE) | {"Cache-Control": "no-store"}
    return Response(
        body,
        status_code=kind.status,
        media_type=MEDIA_TYPE,
        headers=sent | dict(headers or {}),
    )


def status_problem(
    scope: Scope, status: int, *, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the problem document of a bare status, for what stands before routes."""
    kind = ProblemKind(status, f"http-{status}", HTTP_TITLES[status])
    return problem(Request(scope), kind, detail=detail, headers=headers)


def planner_problem(request: Request, error: Exception) -> Response:
    """Answer a deliberate error by the table."""
    kind = problem_kind(error)
    if kind.status >= 500:
        named = {"trace_id": trace_id(request.scope)}
        # a 503 is an answer that is meant; what is wrong behind it is logged there
        level = logging.WARNING if kind.status == 503 else logging.ERROR
        LOG.log(level, "%s: %s", kind.name, error, extra=named)
    detail = None
    if isinstance(error, PlannerError):
        detail = str(error) if kind.tell else error.hint
    return problem(
        request,
        kind,
        detail=detail,
        headers={"Retry-After": "5"} if kind.status == 503 else None,
        parameter=getattr(error, "parameter", None),
        available=_listed(getattr(error, "available", None)),
    )


def http_problem(request: Request, error: Exception) -> Response:
    """Answer what Starlette raises: unknown address, wrong method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    title = HTTP_TITLES.get(status) or HTTPStatus(status).phrase
    kind = ProblemKind(status, f"http-{status}", title)
    headers = error.headers if isinstance(error, HTTPException) else None
    return problem(request, kind, headers=headers)


def validation_problem(request: Request, error: Exception) -> Response:
    """Answer parameters that FastAPI refused, one line for each."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    errors: dict[str, dict[str, str]] = {}
    for item in found:
        place, *names = [str(part) for part in item["loc"]] or ["query"]
        name = names[0] if names else place
        message = _parameter_message(item["type"], item.get("ctx") or {})
        errors.setdefault(name, {"parameter": name, "in": place, "message": message})
    detail = "；".join(f"{e['parameter']}：{e['message']}" for e in errors.values())
    kind = ProblemKind(422, "validation", HTTP_TITLES[422])
    return problem(request, kind, detail=detail, errors=list(errors.values()))


def internal_problem(request: Request, error: Exception) -> Response:
    """Answer what nobody foresaw; Starlette raises it again for the server's log."""
    named = {"trace_id": trace_id(request.scope)}
    LOG.error("unexpected %s", type(error).__name__, extra=named)
    kind = problem_kind(error)
    return problem(request, kind, detail="请把 trace_id 告诉管理员，以便查日志")


def install_problems(app: FastAPI) -> None:
    """Make every error of the service a problem document."""
    app.add_exception_handler(PlannerError, planner_problem)
    app.add_exception_handler(RequestValidationError, validation_problem)
    app.add_exception_handler(HTTPException, http_problem)
    app.add_exception_handler(Exception, internal_problem)


def _listed(available: Sequence[Any] | None) -> list[Any] | None:
    return list(available[:200]) if available else None


def _parameter_message(kind: str, context: Mapping[str, Any]) -> str:
    pattern = PARAMETER_MESSAGES.get(kind, "不可用")
    return pattern.format_map({key: _bare(value) for key, value in context.items()})


def _bare(value: object) -> str:
    return str(value).replace("'", "").replace(" or ", "、").replace(", ", "、")
