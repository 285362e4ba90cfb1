"""How the answers of the routes are documented in OpenAPI."""

from __future__ import annotations

from typing import Any

from yikezhong_app.schemas.answers import FeaturesOf
from yikezhong_app.web.formats import MEDIA_TYPES, Format


def documented(
    model: Any, *, row: Any = None, geometry: bool = False
) -> dict[Any, Any]:
    """Return the ``responses`` of a route when all is well.

    Problems are added to all routes by :mod:`yikezhong_app.web.description`.

    Parameters
    ----------
    model : pydantic model
        JSON answer.
    row : pydantic model, optional
        Row, for the GeoJSON answer.
    geometry : bool
        Whether there is a GeoJSON answer.
    """
    content: dict[str, Any] = {
        MEDIA_TYPES[Format.CSV]: {"schema": {"type": "string"}},
        **{
            MEDIA_TYPES[one]: {"schema": {"type": "string", "format": "binary"}}
            for one in (Format.XLSX, Format.GPKG)
        },
    }
    if geometry:
        schema = FeaturesOf[row].model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
        schema.pop("$defs", None)
        schema["properties"]["features"] = {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "geometry": {"type": ["object", "null"]},
                    "properties": {"$ref": f"#/components/schemas/{row.__name__}"},
                },
            },
        }
        content[MEDIA_TYPES[Format.GEOJSON]] = {"schema": schema}
    answers: dict[Any, Any] = {
        200: {"model": model, "description": "一个成果版本的数据", "content": content},
        304: {"description": "与 If-None-Match 所指的相同"},
    }
    return answers


def described(model: Any) -> dict[Any, Any]:
    """Return the ``responses`` of a route that answers in JSON only."""
    return {
        200: {"model": model, "description": "一个成果版本的数据"},
        304: {"description": "与 If-None-Match 所指的相同"},
    }
