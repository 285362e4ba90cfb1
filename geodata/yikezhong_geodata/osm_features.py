"""Features of an OSM extract with their shapes: points and assembled areas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import osmium
import osmium.area
import osmium.filter
import osmium.geom
import shapely

from yikezhong_geodata.osm import check_osm_file, osm_file, reading

#: Relation types that describe an area.
_AREA_TYPES = frozenset({"multipolygon", "boundary"})


@dataclass(frozen=True, eq=False)
class Feature:
    """One OSM object with its tags and its shape in EPSG:4326.

    ``id`` is ``n123``, ``w123`` or ``r123``. ``shape`` is a Point or MultiPolygon;
    None where it cannot be made, and ``problem`` then says why.
    """

    id: str
    tags: dict[str, str]
    shape: Any
    problem: str | None = None


@dataclass
class _Collected:
    """Features met so far, and the objects that still wait for their area."""

    features: dict[str, Feature] = field(default_factory=dict)
    waiting: dict[str, Feature] = field(default_factory=dict)


def read_features(path: Path, *, keys: Iterable[str]) -> list[Feature]:
    """Read every object that carries any of the keys, with its shape.

    Nodes become points; closed ways and multipolygon or boundary relations become
    areas, whose rings are assembled. An open way, or a relation whose rings do not
    close in the extract, has no shape.

    Parameters
    ----------
    path : Path
        ``.osm.pbf`` or ``.osm``.
    keys : iterable of str

    Returns
    -------
    list of Feature
        Nodes, ways, relations, each in ascending order of their numbers.

    Raises
    ------
    TruncatedError, CorruptError, UnsafeXmlError, FormatMismatchError, EmptyFileError
    """
    kind = check_osm_file(path)
    chosen = tuple(sorted(set(keys)))
    factory = osmium.geom.WKBFactory()
    found = _Collected()
    with reading(path):
        objects = (
            osmium.FileProcessor(osm_file(path, kind))
            .with_locations()
            .with_areas(osmium.filter.KeyFilter(*chosen))
            .with_filter(osmium.filter.KeyFilter(*chosen))
        )
        for thing in objects:
            _collect(thing, factory, found)
    features = {**found.waiting, **found.features}
    return sorted(features.values(), key=_order)


def _collect(thing: Any, factory: Any, found: _Collected) -> None:
    tags = dict(thing.tags)
    if thing.is_node():
        if thing.location.valid():
            shape = shapely.Point(thing.location.lon, thing.location.lat)
            found.features[f"n{thing.id}"] = Feature(f"n{thing.id}", tags, shape)
        else:
            name = f"n{thing.id}"
            found.waiting[name] = Feature(name, tags, None, "bad_coordinate")
    elif thing.is_way():
        problem = "broken_ring" if thing.is_closed() else "open_way"
        found.waiting[f"w{thing.id}"] = Feature(f"w{thing.id}", tags, None, problem)
    elif thing.is_relation():
        area = tags.get("type") in _AREA_TYPES
        problem = "broken_ring" if area else "no_geometry"
        found.waiting[f"r{thing.id}"] = Feature(f"r{thing.id}", tags, None, problem)
    elif thing.is_area():
        name = f"{'w' if thing.from_way() else 'r'}{thing.orig_id()}"
        if thing.num_rings()[0] == 0:
            return
        shape = shapely.from_wkb(factory.create_multipolygon(thing))
        found.features[name] = Feature(name, tags, shape)


def _order(feature: Feature) -> tuple[int, int]:
    return "nwr".index(feature.id[0]), int(feature.id[1:])
