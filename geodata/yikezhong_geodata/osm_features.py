"""Features of an OSM extract with their shapes: points and assembled areas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import osmium
import osmium.area
import osmium.filter
import osmium.geom
import osmium.io
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
    factory: Any = field(default_factory=osmium.geom.WKBFactory)


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
    found = _Collected()
    with reading(path):
        for thing in _objects(osm_file(path, kind), tuple(sorted(set(keys)))):
            _collect(thing, found)
    features = {**found.waiting, **found.features}
    return sorted(features.values(), key=_order)


def _objects(file: osmium.io.File, keys: tuple[str, ...]) -> Iterator[Any]:
    """Yield tagged nodes, then ways, relations and assembled areas.

    Nodes are read first, so that the order of the file does not matter. libosmium
    keeps no reference to what is given to it: the names here keep it alive.
    """
    wanted = osmium.filter.KeyFilter(*keys)
    storage = osmium.index.create_map("flex_mem")
    places = osmium.NodeLocationsForWays(storage)
    places.ignore_errors()  # of vertices not in the extract: their rings stay open
    with osmium.io.Reader(file, osmium.osm.NODE) as nodes:
        yield from osmium.OsmFileIterator(nodes, places, wanted)
    manager = osmium.area.AreaManager()
    first_pass = manager.first_pass_handler()
    with osmium.io.Reader(file, osmium.osm.RELATION) as relations:
        osmium.apply(relations, wanted, first_pass)
    areas = osmium.BufferIterator(wanted)
    second_pass = manager.second_pass_to_buffer(areas)
    with osmium.io.Reader(file, osmium.osm.WAY | osmium.osm.RELATION) as rest:
        for thing in osmium.OsmFileIterator(rest, places, second_pass, wanted):
            yield thing
            if areas:
                yield from areas
    if areas:
        yield from areas


def _collect(thing: Any, found: _Collected) -> None:
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
        shape = shapely.from_wkb(found.factory.create_multipolygon(thing))
        found.features[name] = Feature(name, tags, shape)


def _order(feature: Feature) -> tuple[int, int]:
    return "nwr".index(feature.id[0]), int(feature.id[1:])
