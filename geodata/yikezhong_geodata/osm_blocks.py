"""Roads out of the blocks of a plain PBF, by compiled loops over its bytes.

pyosmium gives one way after the other to Python; at the size of a province that takes
longer than all else. A PBF as all usual programs write it (zlib, dense nodes, 1e-7
degrees) is decoded here instead, to the same arrays. Whatever is not as plain as that
is left to pyosmium, and so is every error: a loop that meets anything strange gives up.

https://wiki.openstreetmap.org/wiki/PBF_Format
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from yikezhong_coverage.records import IndexArray, IntArray

ByteArray = NDArray[np.uint8]

#: Fields of a PrimitiveBlock, of its groups, of dense nodes, and of a way.
_STRINGS, _GROUP, _GRANULARITY, _LAT_OFFSET, _LON_OFFSET = 1, 2, 17, 19, 20
_NODES, _DENSE, _WAYS = 1, 2, 3
_NODE_IDS, _NODE_LATS, _NODE_LONS = 1, 8, 9
_WAY_ID, _WAY_KEYS, _WAY_VALUES, _WAY_REFS = 1, 2, 3, 8
_WAY_LATS, _WAY_LONS = 9, 10
#: Units of 1e-9 degrees in which positions are given, so that they are the file's own.
_PLAIN_GRANULARITY: Final = 100
#: OSM's longest text [bytes], as libosmium has it.
LONGEST_TEXT: Final = 1024
#: Said by a loop that gives up.
STRANGE: Final = -1


@njit(cache=True)
def _varint(raw: ByteArray, at: int, end: int) -> tuple[int, int]:
    """Return a number and where the next field begins; there -1 if it is strange."""
    value = np.uint64(0)
    shift = np.uint64(0)
    while at < end and shift < np.uint64(64):
        byte = np.uint64(raw[at])
        at += 1
        value |= (byte & np.uint64(0x7F)) << shift
        if byte < np.uint64(0x80):
            return int(np.int64(value)), at
        shift += np.uint64(7)
    return 0, -1


@njit(cache=True)
def _signed(value: int) -> int:
    """Return the number that zigzag stands for."""
    whole = np.uint64(value)
    return int(np.int64(whole >> np.uint64(1)) ^ -np.int64(whole & np.uint64(1)))


@njit(cache=True)
def _field(raw: ByteArray, at: int, end: int) -> tuple[int, int, int, int]:
    """Return number, kind, begin and end of a field; the end is -1 if it is strange.

    Of kind 0 (a number) begin is that of the number, of kind 2 that of the content.
    """
    tag, at = _varint(raw, at, end)
    if at < 0:
        return 0, 0, 0, -1
    kind = tag & 7
    if kind == 0:
        _, after = _varint(raw, at, end)
        return tag >> 3, kind, at, after
    if kind == 2:
        size, at = _varint(raw, at, end)
        if at < 0 or size < 0 or size > end - at:
            return 0, 0, 0, -1
        return tag >> 3, kind, at, at + size
    return 0, 0, 0, -1


@njit(cache=True)
def _n_number(raw: ByteArray, at: int, end: int) -> int:
    """Return how many numbers a packed field holds."""
    n = 0
    for i in range(at, end):
        n += raw[i] < 0x80
    return n


@njit(cache=True)
def count_block(raw: ByteArray) -> tuple[int, int, int, int]:
    """Return how many texts, nodes, ways and nodes of ways a block has.

    The first is :data:`STRANGE` where the block is to be left to pyosmium.
    """
    strange = (-1, 0, 0, 0)
    n_text = n_node = n_way = n_ref = 0
    at = 0
    while at < len(raw):
        number, kind, begin, at = _field(raw, at, len(raw))
        if at < 0:
            return strange
        if number in (_GRANULARITY, _LAT_OFFSET, _LON_OFFSET):
            value, _ = _varint(raw, begin, at)
            if kind != 0 or value != (100 if number == _GRANULARITY else 0):
                return strange
        elif number == _STRINGS:
            inner = begin
            while inner < at:
                field, of_kind, start, inner = _field(raw, inner, at)
                if inner < 0 or of_kind != 2 or inner - start > LONGEST_TEXT:
                    return strange
                n_text += field == 1
        elif number == _GROUP:
            if kind != 2:
                return strange
            nodes, ways, refs = _count_group(raw, begin, at)
            if nodes < 0:
                return strange
            n_node += nodes
            n_way += ways
            n_ref += refs
    return n_text, n_node, n_way, n_ref


@njit(cache=True)
def _count_group(raw: ByteArray, at: int, end: int) -> tuple[int, int, int]:
    n_node = n_way = n_ref = 0
    while at < end:
        number, kind, begin, at = _field(raw, at, end)
        if at < 0 or kind != 2 or number == _NODES:
            return -1, 0, 0
        if number != _DENSE and number != _WAYS:
            continue
        n_way += number == _WAYS
        inner = begin
        while inner < at:
            field, of_kind, start, inner = _field(raw, inner, at)
            if inner < 0:
                return -1, 0, 0
            if number == _DENSE and field == _NODE_IDS:
                n_node += _n_number(raw, start, inner)
            elif number == _WAYS and field == _WAY_REFS:
                n_ref += _n_number(raw, start, inner)
            elif number == _WAYS and (field in (_WAY_LATS, _WAY_LONS)):
                return -1, 0, 0
            packed = field in (_WAY_KEYS, _WAY_VALUES, _WAY_REFS)
            if number == _WAYS and packed and of_kind != 2:
                return -1, 0, 0
    return n_node, n_way, n_ref


@njit(cache=True)
def find_texts(raw: ByteArray, n_text: int) -> tuple[IntArray, IntArray]:
    """Return where each text of a block begins and ends; counted without a fault."""
    begins = np.zeros(n_text, dtype=np.int64)
    ends = np.zeros(n_text, dtype=np.int64)
    n = at = 0
    while at < len(raw):
        number, _, begin, at = _field(raw, at, len(raw))
        if number != _STRINGS:
            continue
        inner = begin
        while inner < at:
            field, _, start, inner = _field(raw, inner, at)
            if field == 1:
                begins[n], ends[n] = start, inner
                n += 1
    return begins, ends


@njit(cache=True)
def _unpack(raw: ByteArray, at: int, end: int, out: IntArray, n: int) -> int:
    """Write the running sums of a packed field from ``n`` on; -1 if it is strange."""
    total = 0
    while at < end:
        value, at = _varint(raw, at, end)
        if at < 0 or n >= len(out):
            return -1
        total += _signed(value)
        out[n] = total
        n += 1
    return n


@njit(cache=True)
def read_nodes(raw: ByteArray, node: IntArray, lat: IntArray, lon: IntArray) -> bool:
    """Read the dense nodes of a block; False where it is strange.

    Parameters
    ----------
    raw : ndarray of uint8
    node, lat, lon : ndarray of int64, shape (n_node,)
        Take ids and positions [1e-7 degrees].
    """
    n = at = 0
    while at < len(raw):
        number, _, group, at = _field(raw, at, len(raw))
        while number == _GROUP and group < at:
            kind, _, inner, group = _field(raw, group, at)
            if kind != _DENSE:
                continue
            n_id = n_lat = n_lon = n
            while inner < group:
                field, of_kind, start, inner = _field(raw, inner, group)
                if of_kind != 2:
                    return False
                # a field that stands twice would go on, not begin again
                if field == _NODE_IDS and n_id == n:
                    n_id = _unpack(raw, start, inner, node, n)
                elif field == _NODE_LATS and n_lat == n:
                    n_lat = _unpack(raw, start, inner, lat, n)
                elif field == _NODE_LONS and n_lon == n:
                    n_lon = _unpack(raw, start, inner, lon, n)
                elif field in (_NODE_IDS, _NODE_LATS, _NODE_LONS):
                    return False
            if n_id < 0 or n_id != n_lat or n_id != n_lon:
                return False
            n = n_id
    return n == len(node)


@njit(cache=True)
def read_ways(
    raw: ByteArray,
    key_of: IndexArray,
    way: IntArray,
    value: IndexArray,
    start: IntArray,
    ref: IntArray,
) -> bool:
    """Read the ways of a block; False where it is strange.

    Parameters
    ----------
    raw : ndarray of uint8
    key_of : ndarray of int32, shape (n_text,)
        Which of the wanted keys each text is; -1 for none.
    way : ndarray of int64, shape (n_way,)
        Takes ids.
    value : ndarray of int32, shape (n_way, n_key)
        Takes the text of each wanted key; -1 where a way does not have it.
    start : ndarray of int64, shape (n_way + 1,)
        Takes where each way's nodes begin.
    ref : ndarray of int64, shape (n_ref,)
        Takes the nodes of the ways.
    """
    w = n = at = 0
    while at < len(raw):
        number, _, group, at = _field(raw, at, len(raw))
        while number == _GROUP and group < at:
            kind, _, inner, group = _field(raw, group, at)
            if kind != _WAYS:
                continue
            n = _read_way(raw, inner, group, key_of, w, n, way, value, ref)
            if n < 0:
                return False
            w += 1
            start[w] = n
    return w == len(way) and n == len(ref)


@njit(cache=True)
def _read_way(
    raw: ByteArray,
    at: int,
    end: int,
    key_of: IndexArray,
    w: int,
    n: int,
    way: IntArray,
    value: IndexArray,
    ref: IntArray,
) -> int:
    """Read one way; return where the next one's nodes begin, -1 if it is strange."""
    has_id = has_refs = False
    key_at = key_end = value_at = value_end = 0
    while at < end:
        field, kind, begin, at = _field(raw, at, end)
        if field == _WAY_ID:
            if kind != 0 or has_id:
                return -1
            way[w], _ = _varint(raw, begin, at)
            has_id = True
        elif field == _WAY_REFS:
            if has_refs:
                return -1
            n = _unpack(raw, begin, at, ref, n)
            if n < 0:
                return -1
            has_refs = True
        elif field == _WAY_KEYS:
            if key_end:
                return -1
            key_at, key_end = begin, at
        elif field == _WAY_VALUES:
            if value_end:
                return -1
            value_at, value_end = begin, at
    while key_at < key_end and value_at < value_end:
        key, key_at = _varint(raw, key_at, key_end)
        text, value_at = _varint(raw, value_at, value_end)
        n_text = len(key_of)
        if key_at < 0 or value_at < 0 or not (0 <= key < n_text and 0 <= text < n_text):
            return -1
        wanted = key_of[key]
        if wanted >= 0 and value[w, wanted] < 0:
            value[w, wanted] = text
    return n if has_id and key_at == key_end and value_at == value_end else -1
