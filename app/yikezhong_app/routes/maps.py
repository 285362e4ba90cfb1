"""Map pages."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(prefix="/maps", include_in_schema=False)


@router.get("/", response_class=HTMLResponse)
def show_map(request: Request) -> HTMLResponse:
    """Return the coverage map page.

    The inline script of the page carries ``request.state.csp_nonce``; the page itself
    is made once and kept, since it holds nothing of the study or of the request.
    """
    # folium takes half a second to import: not before a map is asked for
    from yikezhong_app.maps.page import coverage_page
    from yikezhong_app.maps.scaffold import with_nonce

    nonce = getattr(request.state, "csp_nonce", "")
    return HTMLResponse(
        with_nonce(coverage_page(), nonce), headers={"Cache-Control": "no-store"}
    )
