"""The OGC face of a result: OGC API Features Part 1 (core, GeoJSON, OpenAPI 3.0)."""
