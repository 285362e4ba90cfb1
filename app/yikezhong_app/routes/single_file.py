"""``maps.html``: a view of the map as one file that opens without the service."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from yikezhong_app.exports.report import file_name
from yikezhong_app.exports.view import MapView
from yikezhong_app.web.queries import DivisionRef, Level, Minutes, Word
from yikezhong_app.web.responses import WithContext, disposition

router = APIRouter(prefix="/api/v1", tags=["reports"])

#: Not ``text/html``: the answer is saved, it is no page of this service.
_MEDIA_TYPE: Final = "application/octet-stream"
_Degrees = Annotated[float, Field(allow_inf_nan=False)]


class FileQuery(BaseModel):
    """Parameters of a single file: those of the map page's address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: Word | None = Field(None, description="服务", examples=["elderly_circle"])
    minutes: Minutes | None = Field(None, description="时限 [分钟]，须是已算出的")
    level: Level | None = Field(None, description="统计层级；默认乡镇街道")
    denominator: Word | None = Field(None, description="分母；默认为服务人群")
    variant: Literal["with_neighbours", "own"] = Field(
        "with_neighbours", description="计所有设施，或只计本辖区设施"
    )
    code: DivisionRef | None = Field(None, description="选中的区划")
    county: DivisionRef | None = Field(None, description="只看这个县市区")
    indicator: Word | None = Field(None, description="按这项规划指标的结论着色")
    speed: Annotated[float, Field(gt=0, le=5, allow_inf_nan=False)] | None = Field(
        None, description="该指标所按的步行速度 [米/秒]"
    )
    layers: str | None = Field(None, max_length=120, description="图层，逗号分隔")
    off: str | None = Field(None, max_length=2000, description="不显示的设施类别")
    lat: Annotated[_Degrees, Field(ge=-90, le=90)] | None = Field(
        None, description="图面中心纬度 [度]"
    )
    lng: Annotated[_Degrees, Field(ge=-180, le=180)] | None = Field(
        None, description="图面中心经度 [度]"
    )
    zoom: Annotated[_Degrees, Field(ge=0, le=18)] | None = Field(
        None, description="缩放级别"
    )


@router.get(
    "/maps.html",
    summary="当前图面（单个网页文件）",
    description="一个文件含所选图面的数据、程序与样式；不联网也能打开、点选和打印。",
    response_class=Response,
    responses={200: {"content": {_MEDIA_TYPE: {}}, "description": "网页文件"}},
)
async def get_single_file(
    query: Annotated[FileQuery, Query()], context: WithContext
) -> Response:
    """Answer a view as one HTML file."""
    # folium takes half a second to import: not before a file is asked for
    from yikezhong_app.exports.single_file import (
        DEFAULT_LAYERS,
        FileView,
        make_single_file,
        settle_view,
    )

    layers = DEFAULT_LAYERS if query.layers is None else _words(query.layers)
    view = MapView(
        query.service, query.minutes, query.level, query.denominator, query.variant,
        query.code, layers,
    )  # fmt: skip
    place = None
    if query.lat is not None and query.lng is not None and query.zoom is not None:
        place = (query.lat, query.lng, query.zoom)
    asked = FileView(
        view, query.county, query.indicator, query.speed, _words(query.off), place
    )
    settled = await run_in_threadpool(settle_view, context.catalog, asked)
    body = await make_single_file(context.request.app, context.catalog, settled)
    name = file_name(context.catalog, context.catalog.name, "html")
    headers = {
        "Cache-Control": "no-cache",
        "Content-Disposition": disposition(name),
        "X-Snapshot-Version": context.catalog.version,
        "X-Snapshot-As-Of": context.catalog.as_of,
    }
    return Response(body, media_type=_MEDIA_TYPE, headers=headers)


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for part in (text or "").split(",") if part))
