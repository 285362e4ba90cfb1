"""From the streets of a GraphML file to the network of a profile."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from yikezhong_geodata.graphml import GraphmlRoads, Street, values_of
from yikezhong_geodata.lines import NO_CLASS
from yikezhong_geodata.network import Network, Stated
from yikezhong_geodata.profiles import (
    get_profile,
    load_rules,
    speed_in_directions,
)
from yikezhong_geodata.spec import RoadSpec
from yikezhong_geodata.ways import Edges

#: A graph with any of these was not made for driving alone.
_FOOT_CLASSES = frozenset({"footway", "path", "steps", "pedestrian", "corridor"})


def street_tags(street: Street) -> dict[str, str]:
    """Return a street's tags; several values of one are joined by ``;``."""
    keys = load_rules().keys
    data = street.along.data
    tags = {key: ";".join(values_of(data[key])) for key in keys if data.get(key)}
    return {"highway": NO_CLASS, **tags}


def made_for_driving(roads: GraphmlRoads) -> bool:
    """Return whether the graph is one of drivable roads: all of it is then driven.

    Where the file does not say it, that is a graph without any foot path.

    OSMnx's ``drive_service`` graphs hold service roads on purpose, which the driving
    filter for raw OSM data leaves out.
    """
    if roads.network_type is not None:
        return roads.network_type.startswith("drive")
    classes = {c for s in roads.streets for c in street_tags(s)["highway"].split(";")}
    return not classes & _FOOT_CLASSES


def network_of_graphml(roads: GraphmlRoads, profile: str) -> Network:
    """Choose the streets of a profile; directions are those of the graph's edges."""
    rules = get_profile(profile)
    all_of_it = profile == "driving" and made_for_driving(roads)
    tags = [street_tags(street) for street in roads.streets]
    chosen = [at for at, t in enumerate(tags) if all_of_it or rules.usable(t)]
    streets = [roads.streets[at] for at in chosen]
    names = sorted({n for s in streets for n in (s.along.u, s.along.v)})
    number = {name: at for at, name in enumerate(names)}
    place = np.array([roads.node[name] for name in names]).reshape(-1, 2)
    shapes = [street.along.shape for street in streets]
    start = np.zeros(len(streets) + 1, dtype=np.int64)
    np.cumsum([len(shape) for shape in shapes], out=start[1:])
    vertices = np.concatenate(shapes) if shapes else np.zeros((0, 2))
    edges = Edges(
        node_lon=place[:, 0],
        node_lat=place[:, 1],
        edge_u=np.array([number[s.along.u] for s in streets], dtype=np.int64),
        edge_v=np.array([number[s.along.v] for s in streets], dtype=np.int64),
        edge_way=np.array(chosen, dtype=np.int64),
        edge_first=np.zeros(len(streets), dtype=np.int64),
        vertex_start=start,
        vertex_lon=vertices[:, 0],
        vertex_lat=vertices[:, 1],
    )
    speeds = [
        speed_in_directions(
            tags[at], along=True, against=roads.streets[at].against is not None
        )
        for at in chosen
    ]
    return Network(
        profile=profile,
        edges=edges,
        edge_id=np.array([street.name for street in streets], dtype=np.str_),
        edge_class=np.array(
            [tags[at]["highway"].split(";")[0] for at in chosen], dtype=np.str_
        ),
        speeds=speeds,
        speed_index=np.arange(len(streets)),
    )


def stated_of_graphml(roads: GraphmlRoads, spec: RoadSpec) -> Stated | None:
    """Return what the file states for each street and the study asks for."""
    if spec.length_column is None and spec.time_column is None:
        return None

    def column(values: list[float | None]) -> np.ndarray | None:
        return np.array(values, dtype=np.float64) if values else None

    n = len(roads.streets)
    lengths = [s.along.length_m for s in roads.streets] if spec.length_column else []
    forward: list[float | None] = []
    backward: list[float | None] = []
    if spec.time_column:
        forward = [s.along.time_s for s in roads.streets]
        backward = [(s.against or s.along).time_s for s in roads.streets]
    return Stated(
        file=Path(spec.file).name,
        line=np.arange(n),
        row=np.arange(1, n + 1),
        length_m=column(lengths),
        forward_s=column(forward),
        backward_s=column(backward),
    )
