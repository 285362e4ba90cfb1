"""The map pages: constants only, the same text for every study and visitor.

What a page shows (names, figures, shapes) is fetched by its module in ``static/js``
from the API and written with ``textContent``; nothing of it passes through here.
"""

from __future__ import annotations

from functools import cache

from branca.element import Element

from yikezhong_app.maps.frame import fill_frame
from yikezhong_app.maps.modules import read_modules
from yikezhong_app.maps.scaffold import OfflineFigure, ScaffoldMap
from yikezhong_app.web.base_maps import BASE_MAPS_PLACEHOLDER

_HEAD = """
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="base-maps" content="{base_maps}">
<link rel="icon" href="/static/css/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/css/page.css">
<link rel="stylesheet" href="/static/css/panels.css">
<link rel="stylesheet" href="/static/css/map.css">
{more_sheets}<link rel="stylesheet" href="/static/css/narrow.css" media="screen and (max-width: 860px)">
{last_sheet}
{preloads}
<script type="module" src="/static/js/{script}"></script>
"""
_SITING_SHEETS = """<link rel="stylesheet" href="/static/css/siting_results.css">
<link rel="stylesheet" href="/static/css/siting.css">
"""
_COMPARE_SHEETS = (
    _SITING_SHEETS + '<link rel="stylesheet" href="/static/css/compare.css">\n'
)
#: On paper, a map page is the map with its legend and figures.
_MAP_ON_PAPER = '<link rel="stylesheet" href="/static/css/print.css" media="print">'
_UPLOAD_SHEET = '<link rel="stylesheet" href="/static/css/upload.css">'
_DOCUMENT_SHEETS = """<link rel="stylesheet" href="/static/css/township.css">
<link rel="stylesheet" href="/static/css/township_print.css">"""


@cache
def coverage_page() -> str:
    """Return the coverage page's text, with a placeholder for each request's nonce.

    Examples
    --------
    >>> page = coverage_page()
    >>> "L.map" in page, "https:" in page
    (True, False)
    """
    head = _head("main.js")
    body = fill_frame("coverage.html", current="/maps/")
    return _map_page(body, title="一刻钟服务圈覆盖地图", head=head)


@cache
def siting_page() -> str:
    """Return the siting page's text, with a placeholder for each request's nonce.

    Examples
    --------
    >>> page = siting_page()
    >>> "siting.js" in page, "https:" in page
    (True, False)
    """
    head = _head("siting.js", more_sheets=_SITING_SHEETS)
    body = fill_frame("siting.html", current="/maps/siting")
    return _map_page(body, title="一刻钟服务圈选址", head=head)


@cache
def township_page() -> str:
    """Return the page of one township, with a placeholder for each request's nonce.

    The same text for every township: its script reads the code from the address.

    Examples
    --------
    >>> page = township_page()
    >>> "township.js" in page, "https:" in page
    (True, False)
    """
    head = _head("township.js", last_sheet=_DOCUMENT_SHEETS)
    body = fill_frame("township.html", frame_file="document.html")
    return _map_page(body, title="乡镇街道服务圈", head=head)


@cache
def compare_page() -> str:
    """Return the comparing page's text, with a placeholder for each request's nonce.

    Examples
    --------
    >>> page = compare_page()
    >>> "compare.js" in page, "https:" in page
    (True, False)
    """
    head = _head("compare.js", more_sheets=_COMPARE_SHEETS)
    body = fill_frame("compare.html", current="/maps/compare")
    return _map_page(body, title="一刻钟服务圈比较", head=head)


@cache
def upload_page() -> str:
    """Return the uploading page's text, with a placeholder for each request's nonce.

    Examples
    --------
    >>> page = upload_page()
    >>> "upload.js" in page, "L.map" in page, "https:" in page
    (True, False, False)
    """
    figure = OfflineFigure(title="一刻钟服务圈更新数据")
    body = fill_frame("upload.html", current="/maps/upload", frame_file="form.html")
    figure.html.add_child(Element(body), name="body")
    head = _head("upload.js", last_sheet=_UPLOAD_SHEET)
    figure.header.add_child(Element(head), name="head")
    return figure.render()


def _head(
    script: str, *, more_sheets: str = "", last_sheet: str = _MAP_ON_PAPER
) -> str:
    # all at once: a module would otherwise wait for the one that imports it
    preloads = "\n".join(
        f'<link rel="modulepreload" href="/static/js/{name}">'
        for name in read_modules(script)
    )
    return _HEAD.format(
        script=script,
        preloads=preloads,
        more_sheets=more_sheets,
        last_sheet=last_sheet,
        base_maps=BASE_MAPS_PLACEHOLDER,
    )


def _map_page(body: str, *, title: str, head: str) -> str:
    figure = OfflineFigure(title=title)
    figure.html.add_child(Element(body), name="body")
    figure.add_child(ScaffoldMap(), name="map")
    # after Leaflet's own sheet, which the map's rendering adds to the header
    figure.add_child(_LateHead(figure, head), name="head")
    return figure.render()


class _LateHead(Element):
    """Put our head behind what the map has put there."""

    def __init__(self, figure: OfflineFigure, head: str) -> None:
        super().__init__()
        self._figure = figure
        self._head = head

    def render(self, **kwargs: object) -> str:
        """Add our links to the header."""
        self._figure.header.add_child(Element(self._head), name="own")
        return ""
