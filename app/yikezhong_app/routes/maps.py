"""Map pages."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from yikezhong_app.web.base_maps import with_base_maps
from yikezhong_app.web.queries import TownshipRef

router = APIRouter(prefix="/maps", include_in_schema=False)


@router.get("/", response_class=HTMLResponse)
def show_map(request: Request) -> HTMLResponse:
    """Return the coverage map page.

    The inline script of the page carries ``request.state.csp_nonce``; the page itself
    is made once and kept, since it holds nothing of the study or of the request.
    """
    # folium takes half a second to import: not before a map is asked for
    from yikezhong_app.maps.page import coverage_page

    return _answer(request, coverage_page())


@router.get("/siting", response_class=HTMLResponse)
def show_siting(request: Request) -> HTMLResponse:
    """Return the siting page; as :func:`show_map`."""
    from yikezhong_app.maps.page import siting_page

    return _answer(request, siting_page())


@router.get("/township/{code}", response_class=HTMLResponse)
def show_township(code: TownshipRef, request: Request) -> HTMLResponse:
    """Return the page of a township; as :func:`show_map`.

    The page is the same for all: its script asks the API for ``code``, and says so
    where there is no such township.
    """
    from yikezhong_app.maps.page import township_page

    return _answer(request, township_page())


@router.get("/compare", response_class=HTMLResponse)
def show_compare(request: Request) -> HTMLResponse:
    """Return the comparing page; as :func:`show_map`."""
    from yikezhong_app.maps.page import compare_page

    return _answer(request, compare_page())


@router.get("/upload", response_class=HTMLResponse)
def show_upload(request: Request) -> HTMLResponse:
    """Return the page on which an editor brings data up to date; as :func:`show_map`."""
    from yikezhong_app.maps.page import upload_page

    return _answer(request, upload_page())


def _answer(request: Request, page: str) -> HTMLResponse:
    from yikezhong_app.maps.scaffold import with_nonce

    nonce = getattr(request.state, "csp_nonce", "")
    settings = getattr(request.app.state, "settings", None)
    page = with_base_maps(page, settings.base_maps if settings else ())
    return HTMLResponse(with_nonce(page, nonce), headers={"Cache-Control": "no-store"})
