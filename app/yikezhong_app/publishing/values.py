"""Columns of a result as PostgreSQL has them, and back to the last bit.

Tables travel as CSV in both directions, written and read by Arrow: numbers are written
with the shortest text that gives the same number again, an empty text is ``""`` and a
missing one nothing, a geometry is hexadecimal WKB, a list an array.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, Final, LiteralString

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import shapely

from yikezhong_coverage.errors import InputError

#: What positions are in; every geometry column is of this reference system.
SRID: Final = 4326
#: Order of the rows, a column of every table.
ROW: Final = "ykz_row"
GEOMETRY: Final = "geometry"

#: What travels at once.
_MOST_ROWS: Final = 65_536
_MOST_BYTES: Final = 16 * 2**20

_SCALARS: Final[tuple[tuple[Any, LiteralString], ...]] = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_int8, "smallint"),
    (pa.types.is_int16, "smallint"),
    (pa.types.is_int32, "integer"),
    (pa.types.is_int64, "bigint"),
    (pa.types.is_uint8, "smallint"),
    (pa.types.is_uint16, "integer"),
    (pa.types.is_uint32, "bigint"),
    (pa.types.is_float32, "real"),
    (pa.types.is_float64, "double precision"),
    (pa.types.is_string, "text"),
    (pa.types.is_large_string, "text"),
    (pa.types.is_null, "text"),
)


class ColumnKindError(InputError):
    """A column of a result has a type that cannot be published."""


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values of a column, without its dictionary."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def is_list(kind: pa.DataType) -> bool:
    """Say whether the values of a column are lists."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def is_geometry(field: pa.Field) -> bool:
    """Say whether a column holds WKB."""
    kind = field.type
    is_binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return bool(is_binary and field.name == GEOMETRY)


def sql_type(field: pa.Field) -> LiteralString:
    """Return the type of a column in PostgreSQL, but for geometries.

    Raises
    ------
    ColumnKindError
        If there is none for it.

    Examples
    --------
    >>> sql_type(pa.field("a", pa.dictionary(pa.int8(), pa.string())))
    'text'
    >>> sql_type(pa.field("a", pa.list_(pa.float64())))
    'double precision[]'
    """
    kind = plain_type(field.type)
    if is_list(kind):
        inner = sql_type(pa.field(field.name, kind.value_type))
        return f"{inner}[]"
    for is_kind, name in _SCALARS:
        if is_kind(kind):
            return name
    raise ColumnKindError(f"不能发布类型为 {field.type} 的列", column=field.name)


def rows_at_once(n_row: int, n_byte: int) -> int:
    """Return how many rows of a table travel at once: some megabytes.

    Examples
    --------
    >>> rows_at_once(10**6, 10**7), rows_at_once(20_000, 320 * 2**20)
    (65536, 1000)
    >>> rows_at_once(0, 0), rows_at_once(2, 2**30)
    (65536, 1)
    """
    if n_byte <= 0:
        return _MOST_ROWS
    return max(1, min(_MOST_ROWS, n_row * _MOST_BYTES // n_byte))


# --- out of Arrow ------------------------------------------------------------------


def csv_of(table: pa.Table, *, first_row: int) -> bytes:
    """Return rows as CSV for ``COPY``, with their numbers in front.

    Parameters
    ----------
    table : Table
    first_row : int
        Number of the first of them.
    """
    numbers = pa.array(np.arange(first_row, first_row + len(table), dtype=np.int64))
    arrays = [numbers, *(_text_of(table, field) for field in table.schema)]
    names = [str(i) for i in range(len(arrays))]
    sink = io.BytesIO()
    options = pacsv.WriteOptions(include_header=False, batch_size=16_384)
    pacsv.write_csv(pa.table(arrays, names=names), sink, options)
    return sink.getvalue()


def decoded(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array, without its dictionary."""
    kind = plain_type(column.type)
    plain = column.cast(kind) if kind != column.type else column
    joined = plain.combine_chunks()
    return joined if isinstance(joined, pa.Array) else joined.chunk(0)


def _text_of(table: pa.Table, field: pa.Field) -> pa.Array:
    values = decoded(table.column(field.name))
    if is_geometry(field):
        return _hex_of(values)
    if is_list(values.type):
        return _literals_of(values)
    return values.cast(pa.string()) if pa.types.is_null(values.type) else values


def _hex_of(wkb: pa.Array) -> pa.Array:
    shapes = shapely.from_wkb(wkb.to_numpy(zero_copy_only=False))
    placed = shapely.set_srid(shapes, SRID)
    texts = shapely.to_wkb(placed, hex=True, include_srid=True)
    return pa.array(np.asarray(texts, dtype=object), pa.string())


def _literals_of(lists: pa.Array) -> pa.Array:
    """Return lists as array literals: ``{a,"b c"}``."""
    values = lists.flatten()
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        texts = pc.replace_substring(values, "\\", "\\\\")
        texts = pc.replace_substring(texts, '"', '\\"').cast(pa.string())
        texts = pc.binary_join_element_wise('"', texts, '"', "")
    else:
        texts = values.cast(pa.string())
    texts = pc.fill_null(texts, "NULL")
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(
        zero_copy_only=False
    )
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), texts), ",")
    literal = pc.binary_join_element_wise("{", joined, "}", "")
    return pc.if_else(pc.is_valid(lists), literal, pa.scalar(None, pa.string()))


# --- into Arrow --------------------------------------------------------------------


def column_query(field: pa.Field) -> LiteralString:
    """Return what reads a column back; ``{}`` stands for its name."""
    if is_geometry(field):
        return "encode({postgis}.st_asbinary({column}, 'NDR'), 'hex')"
    kind = plain_type(field.type)
    if is_list(kind) and sql_type(field) == "text[]":
        return "array_to_json({column})::text"
    return "{column}::text" if is_list(kind) else "{column}"


def table_of(
    text: bytes, schema: pa.Schema, dictionaries: Mapping[str, list[str]]
) -> pa.Table:
    """Return the rows of a CSV that PostgreSQL wrote of :func:`column_query`.

    Parameters
    ----------
    text : bytes
    schema : Schema
        Of the result; the table has just this one.
    dictionaries : mapping of str to list of str
        Column → texts in the order of its dictionary, where that is not the order
        in which they occur.
    """
    names = [str(i) for i in range(len(schema))]
    if not text:
        return schema.empty_table()
    types = {
        name: pa.string() if _comes_as_text(field) else plain_type(field.type)
        for name, field in zip(names, schema, strict=True)
    }
    read = pacsv.read_csv(
        pa.BufferReader(text),
        pacsv.ReadOptions(column_names=names, block_size=8 * 2**20),
        pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        pacsv.ConvertOptions(
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    arrays = [
        _array_of(decoded(read.column(name)), field, dictionaries.get(field.name))
        for name, field in zip(names, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _comes_as_text(field: pa.Field) -> bool:
    kind = plain_type(field.type)
    return bool(is_geometry(field) or is_list(kind) or pa.types.is_null(kind))


def _array_of(
    values: pa.Array, field: pa.Field, dictionary: list[str] | None
) -> pa.Array:
    if pa.types.is_null(field.type):
        return pa.nulls(len(values))
    if is_geometry(field):
        shapes = [None if h is None else bytes.fromhex(h) for h in values.to_pylist()]
        return pa.array(shapes, field.type)
    if is_list(field.type):
        if sql_type(field) == "text[]":
            lists = [None if t is None else json.loads(t) for t in values.to_pylist()]
            return pa.array(lists, field.type)
        return _lists_of(values, field.type)
    if pa.types.is_dictionary(field.type):
        return _encoded(values, field.type, dictionary)
    return values.cast(field.type)


def _lists_of(literals: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return the lists of array literals of numbers."""
    inside = pc.utf8_slice_codeunits(literals, 1, -1)
    split = pc.split_pattern(pc.fill_null(inside, ""), ",")
    empty = pc.equal(pc.fill_null(inside, ""), "")
    lengths = pc.if_else(empty, 0, pc.list_value_length(split))
    kept = pc.invert(pc.take(empty, pc.list_parent_indices(split)))
    texts = pc.filter(pc.list_flatten(split), kept)
    missing = pc.equal(texts, "NULL")
    numbers = pc.if_else(missing, pa.scalar(None, pa.string()), texts).cast(
        kind.value_type
    )
    sizes = lengths.to_numpy(zero_copy_only=False)
    wide = pa.types.is_large_list(kind)
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(
        np.int64 if wide else np.int32
    )
    array = pa.LargeListArray if wide else pa.ListArray
    return array.from_arrays(
        pa.array(offsets), numbers, type=kind, mask=pc.is_null(literals)
    )


def _encoded(
    values: pa.Array, kind: pa.DataType, dictionary: list[str] | None
) -> pa.Array:
    if dictionary is None:
        first = values.dictionary_encode()
        indices, texts = first.indices, first.dictionary
    else:
        texts = pa.array(dictionary, values.type)
        indices = pc.index_in(values, value_set=texts)
    return pa.DictionaryArray.from_arrays(
        indices.cast(kind.index_type),
        texts.cast(kind.value_type),
        ordered=kind.ordered,
    )
