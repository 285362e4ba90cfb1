"""Small OSM files for tests, written with pyosmium."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import osmium
from osmium.osm.mutable import Node, Relation, Way

LonLat = tuple[float, float]


@dataclass
class OsmCase:
    """Nodes, ways and relations to be written to a file."""

    nodes: dict[int, LonLat] = field(default_factory=dict)
    node_tags: dict[int, Mapping[str, str]] = field(default_factory=dict)
    ways: dict[int, tuple[Sequence[int], Mapping[str, str]]] = field(
        default_factory=dict
    )
    relations: dict[int, tuple[Sequence[tuple[str, int, str]], Mapping[str, str]]] = (
        field(default_factory=dict)
    )

    def ring(self, way: int, corners: Sequence[LonLat], **tags: str) -> None:
        """Add a closed way with nodes of its own."""
        first = max(self.nodes, default=0) + 1
        for at, corner in enumerate(corners):
            self.nodes[first + at] = corner
        refs = [*range(first, first + len(corners)), first]
        self.ways[way] = (refs, {key.replace("__", ":"): v for key, v in tags.items()})

    def write(self, path: Path, *, without_nodes: Sequence[int] = ()) -> Path:
        """Write the file; its kind follows from its name."""
        with osmium.SimpleWriter(str(path), overwrite=True) as writer:
            for name, place in sorted(self.nodes.items()):
                if name not in without_nodes:
                    tags = dict(self.node_tags.get(name, {}))
                    writer.add_node(Node(id=name, location=place, tags=tags))
            for name, (refs, tags) in sorted(self.ways.items()):
                writer.add_way(Way(id=name, nodes=list(refs), tags=dict(tags)))
            for name, (members, tags) in sorted(self.relations.items()):
                writer.add_relation(
                    Relation(id=name, members=list(members), tags=dict(tags))
                )
        return path


def grid(n: int = 3, *, step: float = 0.001, lon: float = 113.0, lat: float = 31.0):
    """Return a street grid of n × n crossings; way 1… go east, way 101… north."""
    case = OsmCase()
    for row in range(n):
        for column in range(n):
            case.nodes[row * n + column + 1] = (lon + column * step, lat + row * step)
    for row in range(n):
        refs = [row * n + column + 1 for column in range(n)]
        case.ways[row + 1] = (refs, {"highway": "residential"})
    for column in range(n):
        refs = [row * n + column + 1 for row in range(n)]
        case.ways[101 + column] = (refs, {"highway": "residential"})
    return case


def square(lon: float, lat: float, size: float = 0.01) -> list[LonLat]:
    """Return the corners of a square."""
    return [
        (lon, lat),
        (lon + size, lat),
        (lon + size, lat + size),
        (lon, lat + size),
    ]
