"""Tables written as Parquet, large ones piece by piece."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from yikezhong_coverage.records import FloatArray
from yikezhong_geodata.columns import CRS

#: Columns of numbers of which there are few: they are stored as texts are.
_FEW_NUMBERS: Final = frozenset({"limit_s", "speed_mps"})
#: Columns by which row groups are told apart; the bounds of others help nobody.
_BOUNDED: Final = ["level"]
_GEO: Final = b"geo"
#: A point in WKB, little-endian.
_POINT: Final = np.dtype([("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])
#: Words are few where there are so many rows to each.
_FEW: Final = 8


def write_parquet(
    path: Path,
    pieces: Iterable[pd.DataFrame | pa.Table],
    *,
    groups: Sequence[int] | None = None,
) -> None:
    """Write a table.

    Parameters
    ----------
    path : Path
    pieces : iterable of DataFrame, GeoDataFrame or Arrow table
        At least one, each with the same columns and types. Only two are held at a
        time. A GeoParquet file of several does not tell its bounds.
    groups : sequence of int, optional
        Rows of each row group, for a table of one piece.
    """
    rest = iter(pieces)
    table, after = as_arrow(next(rest)), next(rest, None)
    if after is not None:
        table = _without_bounds(table)
    schema = table.schema
    with pq.ParquetWriter(path, schema, **_options(schema)) as writer:
        first = 0
        for rows in groups or []:
            if rows:
                piece = _with_own_words(table.slice(first, rows))
                writer.write_table(piece, row_group_size=rows)
            first += rows
        if groups is None:
            writer.write_table(table)
        del table
        while after is not None:
            writer.write_table(as_arrow(after).cast(schema))
            after = next(rest, None)


def as_arrow(table: pd.DataFrame | pa.Table) -> pa.Table:
    """Return a table for Arrow, with what makes it GeoParquet."""
    if isinstance(table, pa.Table):
        return table
    if not isinstance(table, gpd.GeoDataFrame):
        return pa.Table.from_pandas(table, preserve_index=False)
    # geopandas alone knows the words of its metadata
    file = io.BytesIO()
    table.to_parquet(file, index=False, compression=None)
    return pq.read_table(io.BytesIO(file.getvalue()))


def as_frame(table: pa.Table) -> pd.DataFrame:
    """Return a table for pandas: a GeoDataFrame where it is GeoParquet."""
    frame: pd.DataFrame = table.to_pandas()
    return with_shapes(frame) if has_shapes(table) else frame


def with_shapes(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return a table whose column ``geometry`` is WKB with shapes in its place."""
    shapes = gpd.GeoSeries.from_wkb(frame["geometry"], crs=CRS)
    return gpd.GeoDataFrame(frame.assign(geometry=shapes), crs=CRS)


def has_shapes(table: pa.Table) -> bool:
    """Say whether a table is GeoParquet."""
    return _GEO in (table.schema.metadata or {})


def with_points(frame: pd.DataFrame, lon: FloatArray, lat: FloatArray) -> pa.Table:
    """Return a table with the column ``geometry`` of points, none made as an object.

    Parameters
    ----------
    frame : DataFrame
    lon, lat : ndarray of float64, shape (n_row,)
        Of each [degrees].
    """
    table = pa.Table.from_pandas(frame, preserve_index=False)
    points = np.empty(len(frame), dtype=_POINT)
    points["order"], points["kind"], points["x"], points["y"] = 1, 1, lon, lat
    stored = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(_POINT.itemsize), len(frame), [None, pa.py_buffer(points.tobytes())]
    )
    x, y = (
        [np.nanmin(values), np.nanmax(values)] if len(frame) else []
        for values in (lon, lat)
    )
    corners = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y), crs=CRS)
    metadata = {_GEO: as_arrow(corners).schema.metadata[_GEO]}
    return table.append_column(
        "geometry", stored.cast(pa.binary())
    ).replace_schema_metadata({**table.schema.metadata, **metadata})


def _options(schema: pa.Schema) -> dict[str, Any]:
    """Return how a file is written: a dictionary costs time where all values differ."""
    texts = [
        field.name
        for field in schema
        if field.name in _FEW_NUMBERS
        or pa.types.is_dictionary(field.type)
        or pa.types.is_string(field.type)
        or pa.types.is_large_string(field.type)
    ]
    return {
        "compression": "zstd",
        "use_dictionary": texts,
        "write_statistics": [name for name in _BOUNDED if name in schema.names],
    }


def _with_own_words(table: pa.Table) -> pa.Table:
    """Return a slice without the words of other slices: each row group has its own."""
    for i, field in enumerate(table.schema):
        if not pa.types.is_dictionary(field.type):
            continue
        column = table.column(i).combine_chunks()
        if len(column.dictionary) * _FEW < len(column):
            continue
        words = column.dictionary_decode().dictionary_encode()
        table = table.set_column(i, field, words.cast(field.type))
    return table


def _without_bounds(table: pa.Table) -> pa.Table:
    """Return a table whose metadata does not tell where this piece of it lies."""
    metadata = dict(table.schema.metadata or {})
    if _GEO in metadata:
        geo = json.loads(metadata[_GEO])
        for column in geo["columns"].values():
            column.pop("bbox", None)
        metadata[_GEO] = json.dumps(geo).encode()
    return table.replace_schema_metadata(metadata)
