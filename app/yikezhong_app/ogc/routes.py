"""``/ogc``: OGC API Features, for QGIS and other programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Response

from yikezhong_app.ogc.asked import check_names, parse_items_query
from yikezhong_app.ogc.description import openapi_document
from yikezhong_app.ogc.documents import (
    OPENAPI,
    collection_document,
    collections_document,
    conformance_document,
    landing_document,
)
from yikezhong_app.ogc.items import GEOJSON, JSON, item_document, items_document
from yikezhong_app.ogc.layers import Layer, layers_of, note_use
from yikezhong_app.reading.rendered import Rendered, render
from yikezhong_app.web.etags import entity_tag
from yikezhong_app.web.request_errors import UnknownRecordError
from yikezhong_app.web.responses import Context, WithContext, answer_tagged

# described in OpenAPI 3.0 at /ogc/api, which the standard wants
router = APIRouter(prefix="/ogc", include_in_schema=False)


@router.get("")
@router.get("/")
def show_landing(context: WithContext) -> Response:
    """Answer where everything is."""
    check_names(context.request.query_params)
    docs = str(context.request.base_url) + "docs"
    return _answer(
        context,
        lambda: landing_document(context.catalog, root=_root(context), docs=docs),
    )


@router.get("/conformance")
def show_conformance(context: WithContext) -> Response:
    """Answer which classes of the standard are kept."""
    check_names(context.request.query_params)
    return _answer(context, conformance_document)


@router.get("/api")
def show_api(context: WithContext) -> Response:
    """Answer the description in OpenAPI 3.0."""
    check_names(context.request.query_params)

    def make() -> dict[str, Any]:
        return openapi_document(
            context.catalog,
            layers_of(context.catalog),
            root=_root(context),
            version=context.request.app.version,
        )

    return _answer(context, make, media_type=OPENAPI)


@router.get("/collections")
def list_collections(context: WithContext) -> Response:
    """Answer all collections."""
    check_names(context.request.query_params)
    layers = layers_of(context.catalog)
    return _answer(
        context,
        lambda: collections_document(context.catalog, layers, root=_root(context)),
    )


@router.get("/collections/{collection_id}")
def show_collection(collection_id: str, context: WithContext) -> Response:
    """Answer what a collection is."""
    layer = _layer(context, collection_id)
    check_names(context.request.query_params)
    return _answer(context, lambda: collection_document(layer, root=_root(context)))


@router.get("/collections/{collection_id}/items")
def list_items(collection_id: str, context: WithContext) -> Response:
    """Answer a page of features."""
    layer = _layer(context, collection_id)
    query = parse_items_query(
        context.request.query_params, filters=layer.collection.filters
    )
    return _answer(
        context,
        lambda: items_document(layer, query, root=_root(context)),
        media_type=GEOJSON,
    )


@router.get("/collections/{collection_id}/items/{feature_id:path}")
def show_item(collection_id: str, feature_id: str, context: WithContext) -> Response:
    """Answer one feature."""
    layer = _layer(context, collection_id)
    check_names(context.request.query_params)
    number = layer.number.get(feature_id)
    if number is None:
        raise UnknownRecordError(f"{layer.collection.title}中没有这个要素")
    return _answer(
        context,
        lambda: item_document(layer, number, root=_root(context)),
        media_type=GEOJSON,
    )


def _layer(context: Context, collection_id: str) -> Layer:
    layers = layers_of(context.catalog)
    if collection_id not in layers:
        raise UnknownRecordError(
            f"没有要素集“{collection_id[:64]}”", hint="可用 /ogc/collections 查看"
        )
    note_use(layers[collection_id])
    return layers[collection_id]


def _root(context: Context) -> str:
    return str(context.request.base_url) + "ogc"


def _answer(
    context: Context,
    make: Callable[[], Mapping[str, Any]],
    *,
    media_type: str = JSON,
) -> Response:
    """Answer a document; its links hold the address it was asked at."""
    request = context.request
    asked = {**request.query_params, " base": str(request.base_url)}
    tag = entity_tag(context.catalog.version, request.url.path, asked)

    def make_body() -> Rendered:
        body = orjson.dumps(make(), option=orjson.OPT_NON_STR_KEYS)
        return render(body, media_type)

    return answer_tagged(context, tag, make=make_body)
