"""``/`` and ``/docs``: the way in, and the API's description without a CDN."""

from __future__ import annotations

import html

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from yikezhong_app.web.assets import LIBRARY_FOLDER
from yikezhong_app.web.security import csp_nonce

router = APIRouter(include_in_schema=False)

_SWAGGER = "swagger-ui"
_PAGE = """<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>一刻钟接口说明</title>
{head}
</head>
<body>
{body}
</body>
</html>
"""


@router.get("/")
async def go_to_maps() -> RedirectResponse:
    """Lead to the maps."""
    return RedirectResponse("/maps/", status_code=307)


@router.get("/docs")
def show_docs(request: Request) -> HTMLResponse:
    """Show the API's description with our own copy of Swagger UI."""
    address = str(request.app.openapi_url)
    if not (LIBRARY_FOLDER / _SWAGGER / "swagger-ui-bundle.js").is_file():
        link = f'<a href="{html.escape(address)}">{html.escape(address)}</a>'
        body = f"<p>接口说明页未安装（make setup 会安装）；OpenAPI 文件：{link}</p>"
        return HTMLResponse(_PAGE.format(head="", body=body))
    base = f"/static/lib/{_SWAGGER}"
    head = (
        f'<link rel="stylesheet" href="{base}/swagger-ui.css">'
        # its own colours are too faint for some readers
        '<link rel="stylesheet" href="/static/css/docs.css">'
        f'<link rel="icon" href="{base}/favicon-32x32.png">'
    )
    body = (
        '<div id="swagger-ui"></div>'
        f'<script src="{base}/swagger-ui-bundle.js"></script>'
        f'<script nonce="{csp_nonce(request)}">'
        # deep links would put a link into each button, which no keyboard can tell apart
        f'SwaggerUIBundle({{url: "{address}", dom_id: "#swagger-ui", '
        "deepLinking: false, validatorUrl: null});</script>"
    )
    return HTMLResponse(_PAGE.format(head=head, body=body))
