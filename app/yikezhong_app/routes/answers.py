"""How the answers of the routes are documented in OpenAPI."""

from __future__ import annotations

from typing import Any

from yikezhong_app.schemas.answers import FeaturesOf, Problem
from yikezhong_app.web.formats import MEDIA_TYPES, Format

_PROBLEMS = {404: "没有这条记录", 406: "不提供所要的格式", 422: "参数不可用"}


def documented(
    model: Any, *, row: Any = None, geometry: bool = False
) -> dict[Any, Any]:
    """Return the ``responses`` of a route.

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
    for status, description in _PROBLEMS.items():
        answers[status] = {
            "description": description,
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/Problem"}
                }
            },
        }
    answers[503] = {"model": Problem, "description": "还没有可用的成果"}
    return answers
