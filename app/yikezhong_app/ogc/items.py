"""Items of a collection: chosen, cut to a page, written as GeoJSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from yikezhong_app.ogc.asked import Interval, ItemsQuery
from yikezhong_app.ogc.layers import Layer, matches
from yikezhong_app.reading.records import Row

JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
#: Of these collections each feature has a time of its own.
_TIMED: Final = frozenset({"facilities"})


def link(href: str, rel: str, *, type_: str, title: str) -> dict[str, str]:
    """Return a link of the standard's form."""
    return {"href": href, "rel": rel, "type": type_, "title": title}


def chosen_numbers(layer: Layer, query: ItemsQuery) -> list[int]:
    """Return the numbers of the features that a query wants, before paging."""
    inside = layer.within(query.boxes) if query.boxes else None
    return [
        i
        for i, row in enumerate(layer.rows)
        if (inside is None or i in inside)
        and matches(row, query.properties)
        and (query.interval is None or _is_then(layer, row, query.interval))
    ]


def temporal_extent(layer: Layer) -> tuple[str | None, str | None]:
    """Return first and last time of a collection; None: open."""
    as_of = f"{layer.catalog.as_of}T00:00:00Z"
    if layer.collection.id not in _TIMED:
        return as_of, as_of
    starts = [_day(row.get("opened")) for row in layer.rows]
    first = None if None in starts else min((s for s in starts if s), default=None)
    return (None if first is None else f"{first.isoformat()}T00:00:00Z"), None


def items_document(layer: Layer, query: ItemsQuery, *, root: str) -> dict[str, Any]:
    """Return a page of features.

    Parameters
    ----------
    layer : Layer
    query : ItemsQuery
    root : str
        Address of the landing page, without a slash at its end.
    """
    numbers = chosen_numbers(layer, query)
    page = numbers[query.offset : query.offset + query.limit]
    address = f"{root}/collections/{layer.collection.id}/items"
    links = [
        link(_at(address, query.given), "self", type_=GEOJSON, title="本页"),
        link(
            f"{root}/collections/{layer.collection.id}",
            "collection",
            type_=JSON,
            title=layer.collection.title,
        ),
    ]
    for rel, offset, title, there in (
        ("next", query.offset + query.limit, "下一页", query.offset + len(page)),
        ("prev", max(query.offset - query.limit, 0), "上一页", None),
    ):
        more = there < len(numbers) if there is not None else query.offset > 0
        if more and (page or rel == "prev"):
            given = {**query.given, "limit": query.limit, "offset": offset}
            links.append(link(_at(address, given), rel, type_=GEOJSON, title=title))
    return {
        "type": "FeatureCollection",
        "links": links,
        "timeStamp": _now(),
        "numberMatched": len(numbers),
        "numberReturned": len(page),
        **layer.catalog.head,
        "features": _features(layer, page),
    }


def item_document(layer: Layer, number: int, *, root: str) -> dict[str, Any]:
    """Return one feature with its links."""
    base = f"{root}/collections/{layer.collection.id}"
    (feature,) = _features(layer, [number])
    address = f"{base}/items/{quote(layer.ids[number], safe='')}"
    return {
        **feature,
        **layer.catalog.head,
        "links": [
            link(address, "self", type_=GEOJSON, title="本要素"),
            link(base, "collection", type_=JSON, title=layer.collection.title),
        ],
    }


def _features(layer: Layer, numbers: Sequence[int]) -> list[dict[str, Any]]:
    shapes = layer.shapes(numbers)
    return [
        {
            "type": "Feature",
            "id": layer.ids[i],
            "geometry": None if shape is None else orjson.Fragment(shape),
            "properties": layer.rows[i],
        }
        for i, shape in zip(numbers, shapes, strict=True)
    ]


def _is_then(layer: Layer, row: Row, interval: Interval) -> bool:
    """Say whether a feature was there at any time of an interval.

    A facility is there from its opening until the day before its closing; a figure of
    the result holds on the as-of date.
    """
    first, last = interval
    if layer.collection.id in _TIMED:
        opened, closed = _day(row.get("opened")), _day(row.get("closed"))
    else:
        opened = dt.date.fromisoformat(layer.catalog.as_of)
        closed = opened + dt.timedelta(days=1)
    return (last is None or opened is None or opened <= last) and (
        first is None or closed is None or first < closed
    )


def _day(text: str | None) -> dt.date | None:
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        return None


def _at(address: str, parameters: Mapping[str, object]) -> str:
    return f"{address}?{urlencode(dict(parameters))}" if parameters else address


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
