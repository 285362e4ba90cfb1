"""The OGC face described in OpenAPI 3.0 (the standard does not know 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from yikezhong_app.ogc.asked import DEFAULT_LIMIT, LARGEST_OFFSET, MOST
from yikezhong_app.ogc.documents import OPENAPI
from yikezhong_app.ogc.items import GEOJSON, JSON
from yikezhong_app.ogc.layers import Layer
from yikezhong_app.reading.catalog import Catalog

_PROBLEM: Final = "application/problem+json"


def openapi_document(
    catalog: Catalog, layers: Mapping[str, Layer], *, root: str, version: str
) -> dict[str, Any]:
    """Return the description of all resources of a version.

    Parameters
    ----------
    catalog : Catalog
    layers : mapping of str to Layer
    root : str
        Address of the landing page.
    version : str
        Of the software.
    """
    paths: dict[str, Any] = {
        "/": _path("getLandingPage", "首页", _reference("landingPage")),
        "/api": _path("getApi", "接口定义", {"type": "object"}, media=OPENAPI),
        "/conformance": _path(
            "getConformance", "符合的标准", _reference("confClasses")
        ),
        "/collections": _path("getCollections", "要素集", _reference("collections")),
    }
    for id_, layer in layers.items():
        paths.update(_paths_of(id_, layer))
    return {
        "openapi": "3.0.3",
        "info": {
            "title": f"一刻钟：{catalog.name}",
            "description": "OGC API Features 第 1 部分：核心、GeoJSON、OpenAPI 3.0",
            "version": version,
        },
        "servers": [{"url": root}],
        "paths": paths,
        "components": {"schemas": _SCHEMAS, "parameters": _PARAMETERS},
    }


def _paths_of(id_: str, layer: Layer) -> dict[str, Any]:
    title, base = layer.collection.title, f"/collections/{id_}"
    name = id_.replace("-", "_")
    filters = [
        {
            "name": one,
            "in": "query",
            "description": f"只取 {one} 等于此值的要素",
            "required": False,
            "schema": {"type": "string", "maxLength": 256},
        }
        for one in layer.collection.filters
    ]
    shared = [
        {"$ref": f"#/components/parameters/{one}"}
        for one in ("limit", "offset", "bbox", "datetime")
    ]
    feature_id = {
        "name": "featureId",
        "in": "path",
        "description": "要素编号",
        "required": True,
        "schema": {"type": "string"},
    }
    one = _path(
        f"getFeature_{name}",
        f"{title}：一个要素",
        _reference("featureGeoJSON"),
        media=GEOJSON,
        parameters=[feature_id],
    )
    one["get"]["responses"]["404"] = _problem("没有这个要素")
    return {
        base: _path(f"describe_{name}", title, _reference("collection")),
        f"{base}/items": _path(
            f"getFeatures_{name}",
            f"{title}：要素",
            _reference("featureCollectionGeoJSON"),
            media=GEOJSON,
            parameters=[*shared, *filters],
        ),
        f"{base}/items/{{featureId}}": one,
    }


def _path(
    operation: str,
    summary: str,
    schema: Mapping[str, Any],
    *,
    media: str = JSON,
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "parameters": [
                {"$ref": "#/components/parameters/f"},
                *(parameters or []),
            ],
            "responses": {
                "200": {
                    "description": summary,
                    "content": {media: {"schema": schema}},
                },
                "304": {"description": "与 If-None-Match 所指的相同"},
                "400": _problem("参数不可用"),
                "503": _problem("还没有可用的成果"),
            },
        }
    }


def _problem(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {_PROBLEM: {"schema": _reference("exception")}},
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    found = {
        "name": name,
        "in": "query",
        "description": description,
        "required": False,
        "schema": schema,
    }
    return {**found, "style": "form", "explode": False}


_PARAMETERS: Final = {
    "f": _query("f", "答复格式", {"type": "string", "enum": ["json"]}),
    "limit": _query(
        "limit",
        f"最多几个要素；大于 {MOST} 时按 {MOST}",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT},
    ),
    "offset": _query(
        "offset",
        "跳过几个要素",
        {"type": "integer", "minimum": 0, "maximum": LARGEST_OFFSET, "default": 0},
    ),
    "bbox": _query(
        "bbox",
        "范围：西,南,东,北 [度，CRS84]；或 6 个数，高度不计",
        {
            "type": "array",
            "oneOf": [
                {"minItems": 4, "maxItems": 4},
                {"minItems": 6, "maxItems": 6},
            ],
            "items": {"type": "number"},
        },
    ),
    "datetime": _query(
        "datetime",
        "时刻或期间（RFC 3339；两端以 / 相连，.. 为不限）：设施按开办与停办，"
        "其余按评价日期",
        {"type": "string"},
    ),
}
_LINKS: Final = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}
_SCHEMAS: Final[dict[str, Any]] = {
    "link": {
        "type": "object",
        "required": ["href", "rel"],
        "properties": {
            name: {"type": "string"} for name in ("href", "rel", "type", "title")
        },
    },
    "landingPage": {
        "type": "object",
        "required": ["links"],
        "properties": {
            "title": {"type": "string"},
            "description": {"type": "string"},
            "links": _LINKS,
        },
    },
    "confClasses": {
        "type": "object",
        "required": ["conformsTo"],
        "properties": {"conformsTo": {"type": "array", "items": {"type": "string"}}},
    },
    "collections": {
        "type": "object",
        "required": ["links", "collections"],
        "properties": {
            "links": _LINKS,
            "collections": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/collection"},
            },
        },
    },
    "collection": {
        "type": "object",
        "required": ["id", "links"],
        "properties": {
            "id": {"type": "string"},
            "title": {"type": "string"},
            "description": {"type": "string"},
            "itemType": {"type": "string", "default": "feature"},
            "crs": {"type": "array", "items": {"type": "string"}},
            "extent": {"type": "object"},
            "links": _LINKS,
        },
    },
    "featureGeoJSON": {
        "type": "object",
        "required": ["type", "geometry", "properties"],
        "properties": {
            "type": {"type": "string", "enum": ["Feature"]},
            "id": {"type": "string"},
            "geometry": {"type": "object", "nullable": True},
            "properties": {"type": "object", "nullable": True},
            "links": _LINKS,
        },
    },
    "featureCollectionGeoJSON": {
        "type": "object",
        "required": ["type", "features"],
        "properties": {
            "type": {"type": "string", "enum": ["FeatureCollection"]},
            "features": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/featureGeoJSON"},
            },
            "links": _LINKS,
            "timeStamp": {"type": "string", "format": "date-time"},
            "numberMatched": {"type": "integer", "minimum": 0},
            "numberReturned": {"type": "integer", "minimum": 0},
        },
    },
    "exception": {
        "type": "object",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string"},
            "trace_id": {"type": "string"},
        },
    },
}
