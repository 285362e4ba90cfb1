"""The Folium scaffold of every map page: no foreign address, no inline surprise.

Folium and branca compile the text they are given as Jinja on the server and link
their libraries from foreign addresses. Therefore:

- only constants of this package are ever handed to them, never text from data;
- :class:`OfflineFigure` rewrites every library link to the copy that we serve when
  the page is rendered, and raises on a link it does not know. This also catches the
  links that Folium's plugins and branca add on their own;
- every inline script carries :data:`NONCE_PLACEHOLDER`, which :func:`with_nonce`
  replaces for each request, so that the page works under a strict policy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import branca.element
import folium
import folium.template
import jinja2

from yikezhong_coverage.errors import PlannerError

#: Stands where the nonce of the Content-Security-Policy belongs.
NONCE_PLACEHOLDER: Final = "csp-nonce-of-this-request"

_LIB: Final = "/static/lib"
_JSDELIVR: Final = "https://cdn.jsdelivr.net/npm"
_CDNJS_CLUSTER: Final = "https://cdnjs.cloudflare.com/ajax/libs/leaflet.markercluster"

#: What Folium links -> the copy that we serve.
LIBRARY_URLS: Final[Mapping[str, str]] = {
    f"{_JSDELIVR}/leaflet@1.9.3/dist/leaflet.js": f"{_LIB}/leaflet/leaflet.js",
    f"{_JSDELIVR}/leaflet@1.9.3/dist/leaflet.css": f"{_LIB}/leaflet/leaflet.css",
    f"{_CDNJS_CLUSTER}/1.1.0/leaflet.markercluster.js": (
        f"{_LIB}/leaflet.markercluster/leaflet.markercluster.js"
    ),
    f"{_CDNJS_CLUSTER}/1.1.0/MarkerCluster.css": (
        f"{_LIB}/leaflet.markercluster/MarkerCluster.css"
    ),
}

_LINKING_TAG: Final = re.compile(
    r"<(script|link|img|iframe|source|object|embed)\b([^>]*)>", re.IGNORECASE
)
_ADDRESS: Final = re.compile(r"""\b(?:src|href|data)\s*=\s*["']?([^"'\s>]+)""")
_FOREIGN: Final = re.compile(r"(?:\bhttps?:)?//[\w.-]+\.\w+[^\s\"'<>]*")


class UnknownAssetError(PlannerError):
    """A page links to something that we do not serve."""


class OfflineFigure(branca.element.Figure):
    """A branca figure whose page links only to this server.

    Parameters
    ----------
    title : str
        Title of the page; a constant of ours.

    Raises
    ------
    UnknownAssetError
        When rendered, if an element links to an address that is neither ours nor in
        :data:`LIBRARY_URLS`.

    Examples
    --------
    >>> figure = OfflineFigure(title="地图")
    >>> _ = figure.header.add_child(
    ...     branca.element.JavascriptLink("https://example.org/d3.js"), name="d3"
    ... )
    >>> figure.render()
    Traceback (most recent call last):
    ...
    yikezhong_app.maps.scaffold.UnknownAssetError: 页面引用了未随服务提供的资源：https://example.org/d3.js
    """

    _template = jinja2.Template(
        "<!DOCTYPE html>\n"
        '<html lang="zh-CN">\n'
        "<head>\n"
        "{{ this.header.render(**kwargs) }}\n"
        "<title>{{ this.title }}</title>\n"
        "</head>\n"
        "<body>\n"
        "{{ this.html.render(**kwargs) }}\n"
        "<script>\n{{ this.script.render(**kwargs) }}\n</script>\n"
        "</body>\n"
        "</html>\n"
    )

    def __init__(self, *, title: str) -> None:
        super().__init__(title=title)

    def render(self, **kwargs: Any) -> str:
        """Return the page with own links and nonce placeholders."""
        return _serve_own(super().render(**kwargs))


class ScaffoldMap(folium.Map):
    """A Folium map without Bootstrap, jQuery and base map, under a fixed name.

    The element and the JavaScript variable are called ``map_planner``: a page is the
    same text every time. No tile layer: roads and boundaries are drawn from our API.
    """

    # as Folium's own, without its forbidding of zoom on phones and its inline styles
    _template = folium.template.Template(
        """
        {% macro html(this, kwargs) %}
        <div class="folium-map" id={{ this.get_name()|tojson }}></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, {
            center: {{ this.location|tojson }},
            crs: L.CRS.{{ this.crs }},
            ...{{ this.options|tojavascript }}
        });
        {% endmacro %}
        """
    )

    def __init__(self) -> None:
        super().__init__(
            location=(31.7, 113.4),
            zoom_start=8,
            tiles=None,
            zoom_snap=0.25,
            zoom_control=False,
            attribution_control=False,
            prefer_canvas=True,
        )
        # of this object alone: Folium's own lists are shared by all maps of a process
        self.default_js = [
            ("leaflet", f"{_JSDELIVR}/leaflet@1.9.3/dist/leaflet.js"),
            ("markercluster", f"{_CDNJS_CLUSTER}/1.1.0/leaflet.markercluster.js"),
        ]
        self.default_css = [
            ("leaflet_css", f"{_JSDELIVR}/leaflet@1.9.3/dist/leaflet.css"),
            ("markerclustercss", f"{_CDNJS_CLUSTER}/1.1.0/MarkerCluster.css"),
        ]
        # Folium gives these to tile layers only; marker clusters need them on the map
        self.options.update(min_zoom=4, max_zoom=18)
        self._id = "planner"


def with_nonce(page: str, nonce: str) -> str:
    """Return the page with the nonce of one request.

    Examples
    --------
    >>> with_nonce(f'<script nonce="{NONCE_PLACEHOLDER}">', "abc")
    '<script nonce="abc">'
    """
    return page.replace(NONCE_PLACEHOLDER, nonce)


def _serve_own(html: str) -> str:
    page = _LINKING_TAG.sub(_own_tag, html)
    foreign = _FOREIGN.search(page)
    if foreign:
        raise UnknownAssetError(f"页面引用了未随服务提供的资源：{foreign.group()}")
    return page


def _own_tag(match: re.Match[str]) -> str:
    tag, attributes = match.group(1).lower(), match.group(2)
    address = _ADDRESS.search(attributes)
    if address is None:
        if tag == "script":
            return f'<script{attributes} nonce="{NONCE_PLACEHOLDER}">'
        return match.group()
    url = address.group(1)
    if url.startswith(("/static/", "data:")):
        return match.group()
    own = LIBRARY_URLS.get(url)
    if own is None:
        raise UnknownAssetError(f"页面引用了未随服务提供的资源：{url}")
    return match.group().replace(url, own)
