"""The documents around the items: landing page, conformance, collections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from yikezhong_app.ogc.items import GEOJSON, JSON, link, temporal_extent
from yikezhong_app.ogc.layers import Layer
from yikezhong_app.reading.catalog import Catalog

OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.0"
CRS84: Final = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_GREGORIAN: Final = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
CONFORMANCE: Final = tuple(
    f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}"
    for name in ("core", "oas30", "geojson")
)


def landing_document(catalog: Catalog, *, root: str, docs: str) -> dict[str, Any]:
    """Return the landing page.

    Parameters
    ----------
    catalog : Catalog
    root : str
        Its address.
    docs : str
        Address of the description for people.
    """
    return {
        "title": catalog.name,
        "description": f"评价日期 {catalog.as_of}；{catalog.notice or '一刻钟服务圈'}",
        **catalog.head,
        "links": [
            link(root, "self", type_=JSON, title="本页"),
            link(f"{root}/api", "service-desc", type_=OPENAPI, title="接口定义"),
            link(docs, "service-doc", type_="text/html", title="接口说明"),
            link(f"{root}/conformance", "conformance", type_=JSON, title="符合的标准"),
            link(f"{root}/collections", "data", type_=JSON, title="要素集"),
        ],
    }


def conformance_document() -> dict[str, Any]:
    """Return which classes of the standard are kept."""
    return {"conformsTo": list(CONFORMANCE)}


def collections_document(
    catalog: Catalog, layers: Mapping[str, Layer], *, root: str
) -> dict[str, Any]:
    """Return all collections."""
    own = link(f"{root}/collections", "self", type_=JSON, title="本页")
    return {
        **catalog.head,
        "links": [own],
        "collections": [
            collection_document(layer, root=root) for layer in layers.values()
        ],
    }


def collection_document(layer: Layer, *, root: str) -> dict[str, Any]:
    """Return one collection: what it is, where, when."""
    one, address = layer.collection, f"{root}/collections/{layer.collection.id}"
    extent: dict[str, Any] = {
        "temporal": {"interval": [list(temporal_extent(layer))], "trs": _GREGORIAN}
    }
    if layer.bounds is not None:
        extent["spatial"] = {"bbox": [list(layer.bounds)], "crs": CRS84}
    return {
        "id": one.id,
        "title": one.title,
        "description": one.description,
        "itemType": "feature",
        "crs": [CRS84],
        "extent": extent,
        "links": [
            link(address, "self", type_=JSON, title=one.title),
            link(f"{address}/items", "items", type_=GEOJSON, title=f"{one.title}要素"),
        ],
    }
