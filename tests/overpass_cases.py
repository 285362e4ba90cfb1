"""A local server that speaks enough Overpass and Nominatim for OSMnx."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from osm_cases import OsmCase

_TAG = re.compile(r"""\[['"]([^'"]+)['"](?:=['"]([^'"]+)['"])?\]""")


@dataclass
class FakeOsm:
    """What the server knows, how it should misbehave, and what it was asked."""

    case: OsmCase
    places: list[dict[str, Any]]
    status: int = 200
    body: bytes | None = None
    requests: list[str] = field(default_factory=list)

    def elements(self, query: str) -> list[dict[str, Any]]:
        """Return the elements of a query with all that they refer to."""
        wanted = [(key, value or None) for key, value in _TAG.findall(query)]
        if query.count("way[") == 1 and "relation" not in query:
            wanted = [("highway", None)]

        def asked(tags: Any) -> bool:
            return any(
                key in tags and value in (None, tags[key]) for key, value in wanted
            )

        case = self.case
        relations = {r for r, (_, tags) in case.relations.items() if asked(tags)}
        ways = {w for w, (_, tags) in case.ways.items() if asked(tags)}
        ways |= {ref for r in relations for _, ref, _ in case.relations[r][0]}
        nodes = {n for n, tags in case.node_tags.items() if asked(tags)}
        nodes |= {n for w in ways if w in case.ways for n in case.ways[w][0]}
        found: list[dict[str, Any]] = [
            {
                "type": "node",
                "id": n,
                "lon": case.nodes[n][0],
                "lat": case.nodes[n][1],
                "tags": dict(case.node_tags.get(n, {})),
            }
            for n in sorted(nodes)
        ]
        found += [
            {
                "type": "way",
                "id": w,
                "nodes": list(case.ways[w][0]),
                "tags": dict(case.ways[w][1]),
            }
            for w in sorted(ways & set(case.ways))
        ]
        kinds = {"n": "node", "w": "way", "r": "relation"}
        found += [
            {
                "type": "relation",
                "id": r,
                "tags": dict(case.relations[r][1]),
                "members": [
                    {"type": kinds[kind], "ref": ref, "role": role}
                    for kind, ref, role in case.relations[r][0]
                ],
            }
            for r in sorted(relations)
        ]
        return found


@contextmanager
def serving(osm: FakeOsm) -> Iterator[str]:
    """Serve on loopback; yields the base address."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, value: Any) -> None:
            body = osm.body if osm.body is not None else json.dumps(value).encode()
            self.send_response(osm.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            osm.requests.append(self.path)
            asked = parse_qs(urlsplit(self.path).query)
            known = [p for p in osm.places if p["name"] in asked.get("q", [])]
            self._answer(known)

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            query = parse_qs(self.rfile.read(size).decode())["data"][0]
            osm.requests.append(query)
            self._answer({"elements": osm.elements(query)})

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def place(name: str, corners: list[tuple[float, float]]) -> dict[str, Any]:
    """Return a place as Nominatim describes it."""
    ring = [list(c) for c in [*corners, corners[0]]]
    lon, lat = [c[0] for c in corners], [c[1] for c in corners]
    return {
        "name": name,
        "display_name": name,
        "osm_type": "relation",
        "osm_id": 900,
        "importance": 0.5,
        "lat": str(lat[0]),
        "lon": str(lon[0]),
        "boundingbox": [str(min(lat)), str(max(lat)), str(min(lon)), str(max(lon))],
        "geojson": {"type": "Polygon", "coordinates": [ring]},
    }
