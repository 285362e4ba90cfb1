"""``tiles``: boundaries of very many divisions as vector tiles."""

from __future__ import annotations

import gzip
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response

from yikezhong_app.tiles.store import TileStore
from yikezhong_app.web.request_errors import UnknownRecordError
from yikezhong_app.web.responses import WithContext, takes_gzip

router = APIRouter(prefix="/api/v1", tags=["map"])

MEDIA_TYPE: Final = "application/vnd.mapbox-vector-tile"
_A_YEAR_S: Final = 31_536_000

Zoom = Annotated[int, Path(ge=0, le=24, description="级别", examples=[10])]
Place = Annotated[int, Path(ge=0, le=2**24, description="列或行", examples=[834])]
Key = Annotated[
    str, Path(pattern=r"^[0-9a-f]{20}$", description="边界的编号，见 study 的 tiles")
]


@router.get(
    "/tiles/{key}/{z}/{x}/{y}",
    summary="边界瓦片",
    description="区划边界的矢量瓦片（MVT，层 divisions），只带代码、名称与层级；"
    "边界不变则地址不变，可一直缓存。",
    response_class=Response,
    responses={
        200: {
            "description": "一张瓦片",
            "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        },
        204: {"description": "此处没有区划"},
    },
)
def get_tile(
    key: Key, z: Zoom, x: Place, y: Place, request: Request, context: WithContext
) -> Response:
    """Answer one tile."""
    if key != context.catalog.tiles_key:
        raise UnknownRecordError(
            "没有这些边界的瓦片", hint="边界已更新，请刷新页面；地址见 /api/v1/study"
        )
    tiles: TileStore = request.app.state.tiles
    archive = tiles.archive(context.catalog)
    found = None if archive is None else archive.find(z, x, y)
    headers = {
        "Cache-Control": f"public, max-age={_A_YEAR_S}, immutable",
        "Vary": "Accept-Encoding",
    }
    if found is None:
        return Response(status_code=204, headers=headers)
    if takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
    else:
        found = gzip.decompress(found)
    return Response(found, media_type=MEDIA_TYPE, headers=headers)
