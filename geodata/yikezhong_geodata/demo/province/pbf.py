"""Roads as pieces of an OSM extract that can be joined without reading them again.

A PBF file is a row of blobs, each packed on its own, after one header; nodes come
before ways. So each part writes its nodes and its ways as small files, and joining
them is copying bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from yikezhong_geodata.demo.province.skeleton import IntArray
from yikezhong_geodata.demo.terrain import FloatArray, to_lonlat
from yikezhong_geodata.demo.ways import Way

#: Ids of nodes and ways that one part may use.
IDS_PER_PART = 1_000_000


def place_keys(xy: FloatArray) -> IntArray:
    """Return one number for each place: equal for what is one node of the extract."""
    whole = np.rint(to_lonlat(xy) * 1e7).astype(np.int64)
    return np.asarray((whole[:, 0] << 32) + whole[:, 1])


def write_part(
    nodes_path: Path,
    ways_path: Path,
    ways: Sequence[Way],
    *,
    part: int,
    shared: IntArray,
) -> tuple[int, int]:
    """Write the nodes and the ways of a part; return how many there are of each.

    Parameters
    ----------
    nodes_path, ways_path : Path
        A whole extract each.
    ways : sequence of Way
    part : int
        Number of the part; its ids begin at ``part * IDS_PER_PART``.
    shared : ndarray of int64
        Sorted keys of the places that several parts use: nodes of part 0, not
        written here.
    """
    lengths = [len(way.points) for way in ways]
    keys = place_keys(np.vstack([way.points for way in ways]))
    own, inverse = np.unique(keys, return_inverse=True)
    at = np.searchsorted(shared, own)
    is_shared = np.zeros(len(own), dtype=np.bool_)
    if len(shared):
        is_shared = shared[np.minimum(at, len(shared) - 1)] == own
    start = part * IDS_PER_PART + 1
    ids = np.where(is_shared, at + 1, start + np.cumsum(~is_shared) - 1)
    kept = own[~is_shared]
    write_nodes(nodes_path, kept, start)
    refs = np.split(ids[inverse.ravel()], np.cumsum(lengths)[:-1])
    _write_ways(ways_path, ways, refs, start)
    return len(kept), len(ways)


def write_nodes(path: Path, keys: IntArray, start: int) -> None:
    """Write nodes at places, numbered on from ``start``."""
    import osmium

    mutable = osmium.osm.mutable
    lon, lat = (keys >> 32) / 1e7, (keys & 0xFFFFFFFF) / 1e7
    with osmium.SimpleWriter(str(path), header=_header(), overwrite=True) as writer:
        places = zip(lon.tolist(), lat.tolist(), strict=True)
        for number, place in enumerate(places, start=start):
            writer.add_node(mutable.Node(id=number, location=place, version=1))


def _write_ways(
    path: Path, ways: Sequence[Way], refs: Sequence[IntArray], start: int
) -> None:
    import osmium

    mutable = osmium.osm.mutable
    with osmium.SimpleWriter(str(path), header=_header(), overwrite=True) as writer:
        for number, (way, ids) in enumerate(zip(ways, refs, strict=True), start=start):
            keep = np.concatenate(([True], ids[1:] != ids[:-1]))
            writer.add_way(
                mutable.Way(
                    id=number, nodes=ids[keep].tolist(), tags=dict(way.tags), version=1
                )
            )


def join_extracts(path: Path, nodes: Iterable[Path], ways: Iterable[Path]) -> None:
    """Join pieces into one extract: the first header, all nodes, all ways."""
    with path.open("wb") as out:
        for number, piece in enumerate((*nodes, *ways)):
            with piece.open("rb") as stream:
                header = _read_blob(stream)
                if number == 0:
                    out.write(header)
                while chunk := stream.read(1 << 20):
                    out.write(chunk)


def _read_blob(stream: IO[bytes]) -> bytes:
    """Read the first blob: length, its header, which ends with the size, its data.

    https://wiki.openstreetmap.org/wiki/PBF_Format: field 3 of a BlobHeader, a varint,
    is the size of what follows it.
    """
    length = stream.read(4)
    head = stream.read(int.from_bytes(length, "big"))
    at = 2 + head[1]  # field 1, the type, a short text
    if head[0] != 0x0A or head[at] != 0x18:
        raise RuntimeError("a piece of the road extract begins with no header")
    size, shift = 0, 0
    for byte in head[at + 1 :]:
        size |= (byte & 0x7F) << shift
        shift += 7
    return length + head + stream.read(size)


def _header() -> Any:
    import osmium

    header = osmium.io.Header()
    header.set("generator", "yikezhong demo")
    return header
