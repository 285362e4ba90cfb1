"""The ways of a plain PBF at once; what is not plain is left to pyosmium."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray, IntArray
from yikezhong_geodata import osm_blocks
from yikezhong_geodata.file_errors import CorruptError, TruncatedError
from yikezhong_geodata.osm import read_blob_header, read_varint
from yikezhong_geodata.ways import SharedTags, TagValues, Ways

UNITS_PER_DEGREE: Final = 1e7
#: Largest block when unpacked [bytes].
_MAX_BLOCK: Final = 32 * 1024 * 1024
_FEATURES: Final = frozenset((b"OsmSchema-V0.6", b"DenseNodes"))
_LOCATED_WAYS: Final = b"LocationsOnWays"
_MOST_LON, _MOST_LAT = 180 * 10**7, 90 * 10**7


class _StrangeError(Exception):
    """A file is not plain."""


def read_plain_ways(path: Path, *, keys: tuple[str, ...], require: str) -> Ways | None:
    """Return the ways that carry a tag; None where pyosmium has to read the file.

    Parameters
    ----------
    path : Path
        A PBF whose blocks were checked.
    keys : tuple of str
        Tags kept.
    require : str
        Tag that a way must carry.

    Returns
    -------
    Ways or None
        In the order of the file; what pyosmium reads of it, to the last bit.
    """
    try:
        found = _read_ways(path, tuple(dict.fromkeys((*keys, require))), require)
        if len(found.ref) == 0 or _has_doubles(found.way):
            return None
        refs, place = np.unique(found.ref, return_inverse=True)
        if refs[0] < 0 or found.way.min() < 0:
            return None
        lon, lat = _read_places(path, refs)
    except (
        *(_StrangeError, CorruptError, TruncatedError),
        *(zlib.error, UnicodeDecodeError),
    ):
        return None
    return Ways(
        name=[str(name) for name in found.way.tolist()],
        key=keys,
        tags=_shared(found, len(keys)),
        start=found.start,
        node=found.ref,
        lon=lon[place] / UNITS_PER_DEGREE,
        lat=lat[place] / UNITS_PER_DEGREE,
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """Ways as numbers; ``value`` are indices into ``text``, -1 for no tag."""

    way: IntArray
    value: IndexArray
    start: IntArray
    ref: IntArray
    text: list[str]


class _BlockTexts:
    """The texts of one block, by their index."""

    def __init__(self, raw: osm_blocks.ByteArray, n_text: int) -> None:
        self._data = raw.tobytes()
        self._begin, self._end = osm_blocks.find_texts(raw, n_text)

    def __len__(self) -> int:
        return len(self._begin)

    def at(self, index: int) -> bytes:
        """Return one text."""
        return self._data[self._begin[index] : self._end[index]]

    def keys(self, names: list[bytes]) -> IndexArray:
        """Return which of the wanted keys each text is; -1 for none."""
        found = np.full(len(self), -1, dtype=np.int32)
        number = {name: at for at, name in enumerate(names)}
        of_size = np.isin(self._end - self._begin, [*map(len, names)])
        for at in np.flatnonzero(of_size).tolist():
            found[at] = number.get(self.at(at), -1)
        return found


@dataclass(eq=False)
class _Texts:
    """Texts of all blocks, each once."""

    number: dict[str, int] = field(default_factory=dict)

    def numbered(self, block: _BlockTexts, value: IndexArray) -> IndexArray:
        """Return the numbers of texts given by their index in a block."""
        new = np.full(len(block) + 1, -1, dtype=np.int32)
        used = np.zeros(len(new), dtype=np.bool_)
        used[value] = True
        for at in np.flatnonzero(used[:-1]).tolist():
            text = block.at(at).decode()
            new[at] = self.number.setdefault(text, len(self.number))
        return new[value]


def _read_ways(path: Path, wanted: tuple[str, ...], require: str) -> _Found:
    texts = _Texts()
    ways: list[IntArray] = []
    values: list[IndexArray] = []
    counts: list[IntArray] = []
    refs: list[IntArray] = []
    names = [key.encode() for key in wanted]
    for raw in _blocks(path):
        n_text, _, n_way, n_ref = osm_blocks.count_block(raw)
        if n_text == osm_blocks.STRANGE:
            raise _StrangeError
        if n_way == 0:
            continue
        way, ref = np.zeros(n_way, np.int64), np.zeros(n_ref, np.int64)
        value = np.full((n_way, len(wanted)), -1, dtype=np.int32)
        start = np.zeros(n_way + 1, dtype=np.int64)
        block = _BlockTexts(raw, n_text)
        if not osm_blocks.read_ways(raw, block.keys(names), way, value, start, ref):
            raise _StrangeError
        chosen: BoolArray = value[:, wanted.index(require)] >= 0
        ways.append(way[chosen])
        values.append(texts.numbered(block, value[chosen]))
        counts.append(np.diff(start)[chosen])
        refs.append(ref[np.repeat(chosen, np.diff(start))])
    if not ways:
        raise _StrangeError
    count = np.concatenate(counts)
    start = np.zeros(len(count) + 1, dtype=np.int64)
    np.cumsum(count, out=start[1:])
    return _Found(
        np.concatenate(ways),
        np.concatenate(values),
        start,
        np.concatenate(refs),
        list(texts.number),
    )


def _read_places(path: Path, refs: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the positions of nodes [1e-7 degrees]; nan where they are not there."""
    lon, lat = np.full(len(refs), np.nan), np.full(len(refs), np.nan)
    for raw in _blocks(path):
        _, n_node, _, _ = osm_blocks.count_block(raw)
        if n_node == 0:
            continue
        node, y, x = (np.zeros(n_node, dtype=np.int64) for _ in range(3))
        if not osm_blocks.read_nodes(raw, node, y, x):
            raise _StrangeError
        at = np.searchsorted(refs, node)
        at[at == len(refs)] = 0
        here = refs[at] == node
        at, x, y = at[here], x[here], y[here]
        wide = (np.abs(x) > _MOST_LON) | (np.abs(y) > _MOST_LAT)
        if wide.any() or _has_doubles(at) or not np.isnan(lon[at]).all():
            raise _StrangeError
        lon[at], lat[at] = x, y
    return lon, lat


def _has_doubles(numbers: IntArray) -> bool:
    """Return whether a number stands twice; they usually come in order."""
    steps = np.diff(numbers)
    return not (steps > 0).all() and not np.diff(np.sort(numbers)).all()


def _shared(found: _Found, n_key: int) -> SharedTags:
    """Return the tags of all ways, each combination once."""
    n_text = len(found.text) + 1
    combination = np.zeros(len(found.way), dtype=np.int64)
    for key in range(n_key):
        pairs = combination * n_text + found.value[:, key] + 1
        combination = pd.factorize(pairs)[0].astype(np.int64)
    _, first = np.unique(combination, return_index=True)
    texts = [*found.text, None]
    distinct: list[TagValues] = [
        tuple(texts[number] for number in row)
        for row in found.value[first, :n_key].tolist()
    ]
    return SharedTags(distinct, combination)


def _blocks(path: Path) -> Iterator[osm_blocks.ByteArray]:
    """Yield the blocks of data, unpacked."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        while stream.tell() < size:
            kind, n_byte = read_blob_header(stream, path)
            raw = _unpacked(stream.read(n_byte), path)
            if kind == b"OSMHeader":
                _check_features(raw, path)
            elif kind == b"OSMData":
                yield np.frombuffer(raw, dtype=np.uint8)
            else:
                raise _StrangeError


def _fields(data: bytes, path: Path) -> Iterator[tuple[int, int | bytes]]:
    """Yield the numbers and contents of a message."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at, path)
        value, at = read_varint(data, at, path)
        if tag & 7 == 0:
            yield tag >> 3, value
        elif tag & 7 == 2 and at + value <= len(data):
            yield tag >> 3, data[at : at + value]
            at += value
        else:
            raise _StrangeError


def _unpacked(blob: bytes, path: Path) -> bytes:
    """Return what a blob holds; only zlib and plain bytes are known here."""
    parts = dict(_fields(blob, path))
    match parts:
        case {1: bytes(raw)} if len(parts) == 1:
            return raw
        case {2: int(size), 3: bytes(packed)} if len(parts) == 2 and size <= _MAX_BLOCK:
            unpacker = zlib.decompressobj()
            raw = unpacker.decompress(packed, size + 1)
            if len(raw) != size or not unpacker.eof or unpacker.unused_data:
                raise _StrangeError
            return raw
    raise _StrangeError


def _check_features(raw: bytes, path: Path) -> None:
    for number, content in _fields(raw, path):
        needed = number == 4 and content not in _FEATURES
        if needed or (number == 5 and content == _LOCATED_WAYS):
            raise _StrangeError
