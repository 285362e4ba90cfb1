"""JSON schemas of OGC API Features Part 1 (OGC 17-069r4) and RFC 7946, by us."""

from __future__ import annotations

from typing import Any, Final

URI: Final = {"type": "string", "pattern": "^https?://[^ ]+$"}
LINK: Final = {
    "type": "object",
    "required": ["href", "rel", "type"],
    "properties": {
        "href": URI,
        "rel": {"type": "string", "minLength": 1},
        "type": {"type": "string", "pattern": "^[a-z]+/"},
        "title": {"type": "string"},
    },
}


def links_with(*rels: str) -> dict[str, Any]:
    """Return the schema of links among which there are some relations."""
    return {
        "type": "array",
        "items": LINK,
        "allOf": [
            {"contains": {"properties": {"rel": {"const": rel}}, "required": ["rel"]}}
            for rel in rels
        ],
    }


LANDING: Final = {
    "type": "object",
    "required": ["links"],
    "properties": {
        "title": {"type": "string"},
        "description": {"type": "string"},
        "links": links_with(
            "self", "service-desc", "service-doc", "conformance", "data"
        ),
    },
}
CONFORMANCE: Final = {
    "type": "object",
    "required": ["conformsTo"],
    "properties": {"conformsTo": {"type": "array", "items": URI, "minItems": 1}},
}
_NUMBER: Final = {"type": "number"}
_TIME: Final = {
    "type": ["string", "null"],
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
}
COLLECTION: Final = {
    "type": "object",
    "required": ["id", "links", "extent", "itemType", "crs"],
    "properties": {
        "id": {"type": "string", "pattern": "^[a-z-]+$"},
        "title": {"type": "string"},
        "itemType": {"const": "feature"},
        "crs": {
            "type": "array",
            "items": URI,
            "contains": {"const": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"},
        },
        "extent": {
            "type": "object",
            "properties": {
                "spatial": {
                    "type": "object",
                    "required": ["bbox"],
                    "properties": {
                        "bbox": {
                            "type": "array",
                            "minItems": 1,
                            "items": {
                                "type": "array",
                                "items": _NUMBER,
                                "minItems": 4,
                                "maxItems": 4,
                            },
                        },
                        "crs": {
                            "const": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
                        },
                    },
                },
                "temporal": {
                    "type": "object",
                    "required": ["interval"],
                    "properties": {
                        "interval": {
                            "type": "array",
                            "minItems": 1,
                            "items": {
                                "type": "array",
                                "items": _TIME,
                                "minItems": 2,
                                "maxItems": 2,
                            },
                        }
                    },
                },
            },
        },
        "links": links_with("self", "items"),
    },
}
COLLECTIONS: Final = {
    "type": "object",
    "required": ["links", "collections"],
    "properties": {
        "links": links_with("self"),
        "collections": {"type": "array", "minItems": 1, "items": COLLECTION},
    },
}
_POSITION: Final = {"type": "array", "minItems": 2, "maxItems": 3, "items": _NUMBER}
_RING: Final = {"type": "array", "minItems": 4, "items": _POSITION}


def _geometry(kind: str, coordinates: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "coordinates"],
        "properties": {"type": {"const": kind}, "coordinates": coordinates},
    }


_POLYGON: Final = {"type": "array", "items": _RING}
GEOMETRY: Final = {
    "oneOf": [
        {"type": "null"},
        _geometry("Point", _POSITION),
        _geometry("MultiPoint", {"type": "array", "items": _POSITION}),
        _geometry("Polygon", _POLYGON),
        _geometry("MultiPolygon", {"type": "array", "items": _POLYGON}),
    ]
}
FEATURE: Final = {
    "type": "object",
    "required": ["type", "id", "geometry", "properties"],
    "properties": {
        "type": {"const": "Feature"},
        "id": {"type": ["string", "integer"]},
        "geometry": GEOMETRY,
        "properties": {"type": ["object", "null"]},
    },
}
ONE_FEATURE: Final = {
    **FEATURE,
    "required": [*FEATURE["required"], "links"],  # type: ignore[misc]
    "properties": {
        **FEATURE["properties"],  # type: ignore[dict-item]
        "links": links_with("self", "collection"),
    },
}
FEATURES: Final = {
    "type": "object",
    "required": ["type", "features", "links", "timeStamp", "numberReturned"],
    "properties": {
        "type": {"const": "FeatureCollection"},
        "features": {"type": "array", "items": FEATURE},
        "links": links_with("self"),
        "timeStamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT[\d:]+Z$"},
        "numberMatched": {"type": "integer", "minimum": 0},
        "numberReturned": {"type": "integer", "minimum": 0},
    },
}
