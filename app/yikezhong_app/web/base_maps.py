"""Base maps from elsewhere: none unless the operator sets one, none until it is chosen.

A page asks nothing of another server. Where the operator gives a key for 天地图, or
allows OpenStreetMap, the page offers it as a choice, and only then may its images come
from those hosts. Both have their tiles in WGS-84 (or CGCS2000, taken as equal), as our
shapes are; tiles in GCJ-02 would lie some 500 m beside them and are not offered.
"""

from __future__ import annotations

import html
import json
from dataclasses import asdict, dataclass
from typing import Final

#: Stands in a page where :func:`with_base_maps` puts what is offered.
BASE_MAPS_PLACEHOLDER: Final = "base-maps-of-this-service"

_TIANDITU_HOSTS: Final = "01234567"
_TIANDITU: Final = (
    "https://t{{s}}.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile"
    "&VERSION=1.0.0&LAYER={layer}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles"
    "&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={token}"
)
_OSM_ORIGIN: Final = "https://tile.openstreetmap.org"


@dataclass(frozen=True)
class BaseMap:
    """A base map: its tile addresses from the ground up, and where they come from."""

    id: str
    name: str
    tiles: tuple[str, ...]
    hosts: str
    max_zoom: int
    attribution: str
    origins: tuple[str, ...]


def offered_base_maps(*, tianditu_token: str | None, osm: bool) -> tuple[BaseMap, ...]:
    """Return the base maps that a page may offer.

    Parameters
    ----------
    tianditu_token : str or None
        Key of 天地图; without one it is not offered.
    osm : bool
        Whether OpenStreetMap is allowed.

    Examples
    --------
    >>> offered_base_maps(tianditu_token=None, osm=False)
    ()
    >>> [one.id for one in offered_base_maps(tianditu_token="k" * 32, osm=True)]
    ['tianditu', 'osm']
    """
    offered = []
    if tianditu_token:
        offered.append(
            BaseMap(
                id="tianditu",
                name="天地图",
                # the ground, and the names upon it
                tiles=tuple(
                    _TIANDITU.format(layer=layer, token=tianditu_token)
                    for layer in ("vec", "cva")
                ),
                hosts=_TIANDITU_HOSTS,
                max_zoom=18,
                attribution="底图：天地图（国家地理信息公共服务平台）",
                origins=tuple(
                    f"https://t{host}.tianditu.gov.cn" for host in _TIANDITU_HOSTS
                ),
            )
        )
    if osm:
        offered.append(
            BaseMap(
                id="osm",
                name="OpenStreetMap",
                tiles=(f"{_OSM_ORIGIN}/{{z}}/{{x}}/{{y}}.png",),
                hosts="",
                max_zoom=18,
                attribution="底图：© OpenStreetMap 贡献者（ODbL）",
                origins=(_OSM_ORIGIN,),
            )
        )
    return tuple(offered)


def image_origins(offered: tuple[BaseMap, ...]) -> tuple[str, ...]:
    """Return the origins that images of a page may come from besides our own."""
    return tuple(origin for one in offered for origin in one.origins)


def with_base_maps(page: str, offered: tuple[BaseMap, ...]) -> str:
    """Return the page with what is offered, as JSON in an attribute.

    Examples
    --------
    >>> with_base_maps(f'<meta content="{BASE_MAPS_PLACEHOLDER}">', ())
    '<meta content="[]">'
    """
    records = [asdict(one) for one in offered]
    text = html.escape(json.dumps(records, ensure_ascii=False), quote=True)
    return page.replace(BASE_MAPS_PLACEHOLDER, text)
