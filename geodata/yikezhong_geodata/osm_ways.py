"""OSM ways with their vertices, out of a PBF or XML extract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import osmium.filter
import osmium.io

from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.osm import check_osm_file, osm_file, reading
from yikezhong_geodata.osm_plain import read_plain_ways
from yikezhong_geodata.ways import Ways

#: OSM positions are in units of 1e-7 degrees; this stands for a place not known.
NO_PLACE = 2147483647
UNITS_PER_DEGREE = 1e7


def read_ways(
    path: Path, *, keys: tuple[str, ...], report: DataReport, require: str = "highway"
) -> Ways:
    """Read the ways that carry a tag, with the tags asked for.

    Parameters
    ----------
    path : Path
        ``.osm.pbf`` or ``.osm``.
    keys : tuple of str
        Tags kept.
    report : DataReport
        Takes ways that stand in the file more than once.
    require : str
        Tag that a way must carry to be read.

    Returns
    -------
    Ways
        In ascending order of their ids, named by them; vertices that the extract
        does not hold are at ``nan``.

    Raises
    ------
    TruncatedError, CorruptError, UnsafeXmlError, FormatMismatchError, EmptyFileError
    """
    kind = check_osm_file(path)
    if kind == "pbf":
        plain = read_plain_ways(path, keys=keys, require=require)
        if plain is not None:
            return plain
    names: dict[int, None] = {}
    tags: list[tuple[str | None, ...]] = []
    counts: list[int] = []
    refs: list[tuple[int, int, int]] = []
    with reading(path):
        for way in _way_stream(path, kind, require):
            if way.id in names:
                _report_repeated(way.id, path, report)
                continue
            get = way.tags.get
            nodes = [(node.ref, node.x, node.y) for node in way.nodes]
            names[way.id] = None
            tags.append(tuple([get(key) for key in keys]))
            counts.append(len(nodes))
            refs.extend(nodes)
    flat = np.array(refs, dtype=np.int64).reshape(-1, 3)
    start = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=start[1:])
    known = flat[:, 1] != NO_PLACE
    return Ways(
        name=[str(name) for name in names],
        key=keys,
        tags=tags,
        start=start,
        node=np.ascontiguousarray(flat[:, 0]),
        lon=np.where(known, flat[:, 1] / UNITS_PER_DEGREE, np.nan),
        lat=np.where(known, flat[:, 2] / UNITS_PER_DEGREE, np.nan),
    )


def _report_repeated(way: int, path: Path, report: DataReport) -> None:
    report.add(
        "roads",
        path.name,
        None,
        str(way),
        "duplicate_way",
        message="文件中有多条编号相同的道路，只用第一条",
    )


def _way_stream(path: Path, kind: str, require: str) -> Iterator[Any]:
    """Yield the ways with their positions, whatever the order of the file."""
    file = osm_file(path, kind)
    # libosmium keeps no reference to these two: they must outlive the iteration
    storage = osmium.index.create_map("flex_mem")
    wanted = osmium.filter.KeyFilter(require)
    places = osmium.NodeLocationsForWays(storage)
    places.ignore_errors()  # of vertices not in the extract: they stay without place
    with osmium.io.Reader(file, osmium.osm.NODE) as nodes:
        osmium.apply(nodes, places)
    with osmium.io.Reader(file, osmium.osm.WAY) as ways:
        yield from osmium.OsmFileIterator(ways, places, wanted)
