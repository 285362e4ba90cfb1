"""The map pages: constants only, the same text for every study and visitor.

What a page shows (names, figures, shapes) is fetched by its module in ``static/js``
from the API and written with ``textContent``; nothing of it passes through here.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from branca.element import Element

from yikezhong_app.maps.scaffold import OfflineFigure, ScaffoldMap

_HEAD = """
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/static/css/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/css/page.css">
<link rel="stylesheet" href="/static/css/panels.css">
<link rel="stylesheet" href="/static/css/map.css">
{more_sheets}<link rel="stylesheet" href="/static/css/narrow.css" media="screen and (max-width: 860px)">
<link rel="stylesheet" href="/static/css/print.css" media="print">
<script type="module" src="/static/js/{script}"></script>
"""
_SITING_SHEETS = """<link rel="stylesheet" href="/static/css/siting_results.css">
<link rel="stylesheet" href="/static/css/siting.css">
"""


@cache
def coverage_page() -> str:
    """Return the coverage page's text, with a placeholder for each request's nonce.

    Examples
    --------
    >>> page = coverage_page()
    >>> "L.map" in page, "https:" in page
    (True, False)
    """
    head = _HEAD.format(script="main.js", more_sheets="")
    return _map_page("coverage.html", title="一刻钟服务圈覆盖地图", head=head)


@cache
def siting_page() -> str:
    """Return the siting page's text, with a placeholder for each request's nonce.

    Examples
    --------
    >>> page = siting_page()
    >>> "siting.js" in page, "https:" in page
    (True, False)
    """
    head = _HEAD.format(script="siting.js", more_sheets=_SITING_SHEETS)
    return _map_page("siting.html", title="一刻钟服务圈选址", head=head)


def _map_page(body_file: str, *, title: str, head: str) -> str:
    figure = OfflineFigure(title=title)
    body = (Path(__file__).parent / body_file).read_text(encoding="utf-8")
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
