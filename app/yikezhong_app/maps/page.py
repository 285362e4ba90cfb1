"""The coverage map page: constants only, the same text for every study and visitor.

What the page shows (names, figures, shapes) is fetched by ``static/js/main.js`` from
the API and written with ``textContent``; nothing of it passes through here.
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
<link rel="stylesheet" href="/static/css/narrow.css" media="screen and (max-width: 860px)">
<link rel="stylesheet" href="/static/css/print.css" media="print">
<script type="module" src="/static/js/main.js"></script>
"""


@cache
def coverage_page() -> str:
    """Return the page's text, with a placeholder for the nonce of each request.

    Examples
    --------
    >>> page = coverage_page()
    >>> "L.map" in page, "https:" in page
    (True, False)
    """
    figure = OfflineFigure(title="一刻钟服务圈覆盖地图")
    body = (Path(__file__).parent / "coverage.html").read_text(encoding="utf-8")
    figure.html.add_child(Element(body), name="body")
    figure.add_child(ScaffoldMap(), name="map")
    # after Leaflet's own sheet, which the map's rendering adds to the header
    figure.add_child(_LateHead(figure), name="head")
    return figure.render()


class _LateHead(Element):
    """Put our head behind what the map has put there."""

    def __init__(self, figure: OfflineFigure) -> None:
        super().__init__()
        self._figure = figure

    def render(self, **kwargs: object) -> str:
        """Add our links to the header."""
        self._figure.header.add_child(Element(_HEAD), name="own")
        return ""
