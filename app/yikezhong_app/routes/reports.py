"""``reports`` and ``maps``: a result as XLSX, DOCX, PNG and SVG."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from yikezhong_app.exports.pool import ExportPool, ExportTask
from yikezhong_app.exports.report import file_name
from yikezhong_app.exports.scope import find_scope
from yikezhong_app.exports.view import DEFAULT_LAYERS, LAYERS, MapView, prepare_map
from yikezhong_app.reading.rendered import Rendered, render
from yikezhong_app.schemas.answers import Problem
from yikezhong_app.web.etags import entity_tag, is_unchanged
from yikezhong_app.web.formats import MEDIA_TYPES, Format
from yikezhong_app.web.queries import (
    DIVISION_PATTERN,
    DivisionRef,
    Level,
    Minutes,
    Word,
)
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_app.web.responses import (
    Context,
    WithContext,
    disposition,
    takes_gzip,
)

router = APIRouter(prefix="/api/v1", tags=["reports"])
#: Begins of the addresses below, where the pool of exports bounds the time.
ADDRESSES: Final = ("/api/v1/reports/", "/api/v1/maps.")

MEDIA: Final = {
    "xlsx": MEDIA_TYPES[Format.XLSX],
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "png": "image/png",
    "svg": "image/svg+xml",
}
ReportCode = Annotated[
    str,
    Path(
        pattern=DIVISION_PATTERN,
        max_length=64,
        description="行政区划的代码、短码或研究内唯一的名称；study 为整个研究",
        examples=["study", "421303", "421303001"],
    ),
]


class ReportQuery(BaseModel):
    """A report takes no parameters; an unknown one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Word | None = Field(
        None, description="成果版本；若不是现在提供的版本则拒绝，以免混用"
    )


class MapQuery(BaseModel):
    """Parameters of a static map: those of the map page's address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: Word | None = Field(None, description="服务", examples=["elderly_circle"])
    minutes: Minutes | None = Field(
        None, description="时限 [分钟]，须是已算出的；默认为服务自己的时限"
    )
    level: Level | None = Field(None, description="统计层级；默认乡镇街道")
    denominator: Word | None = Field(
        None, description="分母；默认为服务人群", examples=["people_60"]
    )
    variant: Literal["with_neighbours", "own"] = Field(
        "with_neighbours", description="计所有设施，或只计本辖区设施"
    )
    code: DivisionRef | None = Field(None, description="范围；默认整个研究")
    layers: str = Field(
        ",".join(DEFAULT_LAYERS),
        max_length=80,
        description="图层，逗号分隔：" + "、".join(LAYERS),
    )
    speed: float | None = Field(
        None,
        gt=0,
        le=3,
        allow_inf_nan=False,
        description="步行速度 [米/秒]，须是已算出的；其他速度没有服务圈与缺口",
    )
    indicator: Word | None = Field(
        None, description="规划指标；给出时按其结论着色", examples=["T-01"]
    )
    width: int = Field(1480, ge=600, le=3000, description="PNG 宽度 [像素]")


def _documented(form: str) -> dict[Any, Any]:
    schema = {"type": "string", "format": "binary"}
    found: dict[Any, Any] = {
        200: {"description": "文件", "content": {MEDIA[form]: {"schema": schema}}},
        304: {"description": "与 If-None-Match 所指的相同"},
        503: {"model": Problem, "description": "导出任务已满，或还没有可用的成果"},
    }
    for status, words in ((404, "没有这个行政区划"), (422, "参数不可用")):
        found[status] = {"model": Problem, "description": words}
    return found


@router.get(
    "/reports/{code}.xlsx",
    summary="报告（Excel）",
    description="概览、计分卡、乡镇与社区覆盖率、缺口、设施、数据报告、参数与来源。",
    response_class=Response,
    responses=_documented("xlsx"),
)
async def get_workbook(
    code: ReportCode, query: Annotated[ReportQuery, Query()], context: WithContext
) -> Response:
    """Answer the workbook of a division or the whole study."""
    return await _answer_report(context, code, query, form="xlsx")


@router.get(
    "/reports/{code}.docx",
    summary="报告（Word）",
    description="公文式报告：总体情况、覆盖、规划指标、缺口、设施、方法与局限。",
    response_class=Response,
    responses=_documented("docx"),
)
async def get_document(
    code: ReportCode, query: Annotated[ReportQuery, Query()], context: WithContext
) -> Response:
    """Answer the document of a division or the whole study."""
    return await _answer_report(context, code, query, form="docx")


@router.get(
    "/maps.png",
    summary="静态地图（PNG）",
    description="任一视图的专题图：图例与个数、比例尺、指北针、制图单位、审图号。",
    response_class=Response,
    responses=_documented("png"),
)
async def get_png(
    query: Annotated[MapQuery, Query()], context: WithContext
) -> Response:
    """Answer a view as PNG."""
    return await _answer_map(context, query, form="png")


@router.get(
    "/maps.svg",
    summary="静态地图（SVG）",
    description="同 maps.png，矢量；文字已转为轮廓，不引用外部资源。",
    response_class=Response,
    responses=_documented("svg"),
)
async def get_svg(
    query: Annotated[MapQuery, Query()], context: WithContext
) -> Response:
    """Answer a view as SVG."""
    return await _answer_map(context, query, form="svg")


async def _answer_report(
    context: Context, code: str, query: ReportQuery, *, form: Literal["xlsx", "docx"]
) -> Response:
    catalog = context.catalog
    if query.version not in (None, catalog.version):
        raise ParameterError(
            "现在提供的不是这个成果版本",
            parameter="version",
            available=[catalog.version],
        )
    scope = await run_in_threadpool(find_scope, catalog, code)
    task = _task(context, form=form, code=scope.code)
    return await _answer(context, task, name=file_name(catalog, scope.name, form))


async def _answer_map(
    context: Context, query: MapQuery, *, form: Literal["png", "svg"]
) -> Response:
    layers = tuple(dict.fromkeys(part for part in query.layers.split(",") if part))
    for layer in layers:
        if layer not in LAYERS:
            raise ParameterError(
                f"没有图层“{layer}”", parameter="layers", available=LAYERS
            )
    asked = query.model_dump(include={*MapView.__dataclass_fields__} - {"layers"})
    view = MapView(**asked, layers=layers)
    # in this process, so that what cannot be asked is told as anywhere else
    data = await run_in_threadpool(prepare_map, context.catalog, view)
    task = _task(context, form=form, view=data.view, width_px=query.width)
    name = file_name(context.catalog, data.scope.name, form)
    return await _answer(context, task, name=name)


def _task(context: Context, **values: Any) -> ExportTask:
    return ExportTask(
        out=context.settings.out.resolve(),
        version=context.catalog.version,
        font=context.settings.font,
        **values,
    )


async def _answer(context: Context, task: ExportTask, *, name: str) -> Response:
    """Answer 304, from the cache, or with what the pool makes."""
    path = f"/api/v1/export.{task.form}"
    parameters = {"code": task.code, "view": repr(task.view), "width": task.width_px}
    tag = entity_tag(task.version, path, parameters)
    headers = {
        "ETag": tag,
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
        "X-Snapshot-Version": context.catalog.version,
        "X-Snapshot-As-Of": context.catalog.as_of,
    }
    if is_unchanged(context.request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    made = context.cache.find((tag,))
    if made is None:
        pool: ExportPool = context.request.app.state.exports
        body = await pool.run(task)
        made = await run_in_threadpool(_keep, context, (tag,), body, task.form)
    headers["Content-Disposition"] = disposition(name)
    sent = made.body
    if made.packed is not None and takes_gzip(context.request):
        sent = made.packed
        headers["Content-Encoding"] = "gzip"
    return Response(sent, media_type=made.media_type, headers=headers)


def _keep(context: Context, key: tuple[str], body: bytes, form: str) -> Rendered:
    return context.cache.get(key, lambda: render(body, MEDIA[form], pack=form == "svg"))
