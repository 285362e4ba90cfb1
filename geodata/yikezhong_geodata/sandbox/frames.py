"""Tables and arrays as Arrow files, read back equal to the last bit.

pickle would run what a file says; Arrow only holds values. pandas' own way through
Parquet changes types (text with None becomes text with NaN, tuples become arrays), so
every column is written with a word on what it was:

=========  ==========================================  ===========================
word       column                                      stored as
=========  ==========================================  ===========================
number     NumPy numbers and truth values              as they are, NaN as NaN
nullable   pandas ``Int64``, ``Float64``, ``boolean``  as they are, missing as null
text       objects, each a text or None                text, each once where repeated
str        pandas text                                 text
object     objects: texts, numbers, tuples, None       JSON
points     finite points only, in two dimensions       two numbers
geometry   geometries or None                          WKB
=========  ==========================================  ===========================

Arrays of text are stored by their characters, a byte for each where all are ASCII.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from yikezhong_coverage.errors import SourceError
from yikezhong_geodata.columns import CRS

_WORDS: Final = b"yikezhong"
_LAST_CHARACTER: Final = 0x10FFFF
_NULLABLE: Final = ("Int64", "Int32", "Float64", "boolean")


class ExchangeError(SourceError):
    """A table cannot be handed over without a change."""


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a table with its types.

    Raises
    ------
    ExchangeError
        If it has an index of its own or values that would not come back as they are.
    """
    if not frame.index.equals(pd.RangeIndex(len(frame))):
        raise ExchangeError("表有自己的索引，不能交接", file=path.name)
    arrays, words = {}, {}
    for name in frame.columns:
        words[name], arrays[name] = _array_of(frame[name], file=path.name)
    _write(path, pa.table(arrays), words)


def read_frame(path: Path) -> Any:
    """Return a table as it was written: a GeoDataFrame where it has a geometry."""
    table, words = _read(path)
    columns = {
        name: _column_of(table.column(name), word) for name, word in words.items()
    }
    if {"geometry", "points"} & set(words.values()):
        return gpd.GeoDataFrame(columns, geometry="geometry", crs=CRS)
    return pd.DataFrame(columns)


def write_arrays(arrays: Mapping[str, NDArray[Any] | str], path: Path) -> None:
    """Write one-dimensional NumPy arrays of any lengths, and texts.

    Raises
    ------
    ExchangeError
        If one is of another kind.
    """
    lists, words = {}, {}
    for name, values in arrays.items():
        if isinstance(values, str):
            words[name], stored = "", pa.array([values])
        elif values.ndim == 1 and values.dtype.kind in "biuf":
            words[name], stored = values.dtype.str, pa.array(values)
        elif values.ndim == 1 and values.dtype.kind == "U":
            words[name], stored = values.dtype.str, _characters(values)
        else:
            raise ExchangeError(f"数组 {name} 不能交接", file=path.name)
        lists[name] = pa.LargeListArray.from_arrays([0, len(stored)], stored)
    _write(path, pa.table(lists), words)


def read_arrays(path: Path) -> dict[str, NDArray[Any] | str]:
    """Return arrays and texts as they were written."""
    table, words = _read(path)
    found: dict[str, NDArray[Any] | str] = {}
    for name, word in words.items():
        values = table.column(name).combine_chunks().flatten()
        dtype = np.dtype(word or "U")
        if word == "":
            found[name] = str(values[0].as_py())
        elif dtype.kind == "U":
            found[name] = _texts(values, dtype, file=path.name)
        else:
            found[name] = np.array(values.to_numpy(), dtype=dtype)
    return found


def _characters(values: NDArray[np.str_]) -> Any:
    """Return texts of one width as Arrow's binary of one width."""
    n_char = values.dtype.itemsize // 4
    if not (n_char and len(values)):
        return pa.array([b""] * len(values), pa.binary(1))
    codes = np.ascontiguousarray(values).view(np.uint32)
    ascii_ = not len(codes) or int(codes.max()) < 128
    stored = codes.astype(np.uint8) if ascii_ else codes
    width = n_char if ascii_ else values.dtype.itemsize
    buffer = pa.py_buffer(stored.tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(width), len(values), [None, buffer]
    )


def _texts(values: Any, dtype: np.dtype[Any], *, file: str) -> NDArray[np.str_]:
    """Return the texts of :func:`_characters`; only real characters are taken."""
    n_char = dtype.itemsize // 4
    if not (n_char and len(values)):
        return np.zeros(len(values), dtype=dtype)
    width = values.type.byte_width
    raw = np.frombuffer(values.buffers()[1], dtype=np.uint8)
    raw = raw[values.offset * width :][: len(values) * width]
    codes = raw if width == n_char else raw.view(np.uint32)
    if len(codes) != len(values) * n_char or int(codes.max()) > _LAST_CHARACTER:
        raise ExchangeError("读取进程交回的文字已损坏", file=file)
    return codes.astype(np.uint32).view(dtype)


def _array_of(column: Any, *, file: str) -> tuple[str, Any]:
    """Return the word for a column, and what is stored of it."""
    name = str(column.dtype)
    if name == "geometry":
        return _geometries(column.to_numpy())
    if name in _NULLABLE:
        return name, pa.array(column)
    if isinstance(column.dtype, pd.StringDtype):
        return "str", pa.array(
            column.astype(object), pa.large_string(), from_pandas=True
        )
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        return column.dtype.str, pa.array(column.to_numpy(), from_pandas=False)
    values = column.tolist()
    if set(map(type, values)) <= {str, type(None)}:
        return "text", _each_once(values)
    known: dict[object, str] = {}
    cells = []
    for value in values:
        # equal objects are the same text but for numbers: 1 and True, 0.0 and -0.0
        if not (value is None or type(value) is str):
            cells.append(_json(value, column=str(column.name), file=file))
            continue
        if value not in known:
            known[value] = json.dumps(value)
        cells.append(known[value])
    return "object", _each_once(cells)


def _each_once(values: Sequence[str | None]) -> Any:
    """Return texts as Arrow has them; by number where most are repeated."""
    texts = pa.array(values, pa.large_string())
    by_number = texts.dictionary_encode()
    return by_number if len(by_number.dictionary) < len(texts) / 2 else texts


def _geometries(values: NDArray[np.object_]) -> tuple[str, Any]:
    """Return points as numbers where all are plain points, else all as WKB."""
    plain = (
        (shapely.get_type_id(values) == 0)
        & ~shapely.is_empty(values)
        & ~shapely.has_z(values)
        & (shapely.get_srid(values) == 0)
    )
    if len(values) and plain.all():
        xy = shapely.get_x(values), shapely.get_y(values)
        if np.isfinite(xy).all():
            return "points", pa.StructArray.from_arrays(
                [pa.array(part) for part in xy], ["x", "y"]
            )
    return "geometry", pa.array(shapely.to_wkb(values), pa.large_binary())


def _column_of(stored: Any, word: str) -> Any:
    if word == "geometry":
        return gpd.GeoSeries(shapely.from_wkb(_objects(stored)), crs=CRS)
    if word == "points":
        x, y = stored.combine_chunks().flatten()
        return gpd.GeoSeries(shapely.points(x.to_numpy(), y.to_numpy()), crs=CRS)
    if word in _NULLABLE:
        return pd.Series(stored.to_pylist(), dtype=word)
    if word == "str":
        return pd.Series(_objects(stored)).astype("str")
    if word == "text":
        return pd.Series(_objects(stored), dtype=object)
    if word == "object":
        texts = _objects(stored).tolist()
        values = {text: _from_json(text) for text in dict.fromkeys(texts)}
        cells = (values[text] for text in texts)
        column = np.fromiter(cells, dtype=object, count=len(texts))
        return pd.Series(column, dtype=object)
    return pd.Series(stored.to_numpy().astype(np.dtype(word), copy=True))


def _objects(stored: Any) -> NDArray[np.object_]:
    """Return texts or bytes as objects; texts stored once are one object."""
    if not pa.types.is_dictionary(stored.type):
        return np.asarray(stored.to_numpy(), dtype=object)
    column = stored.combine_chunks()
    texts = [*column.dictionary.to_pylist(), None]
    number = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    found: NDArray[np.object_] = np.array(texts, dtype=object)[number]
    return found


def _json(value: object, *, column: str, file: str) -> str:
    parts = value if isinstance(value, tuple) else (value,)
    if any(type(part) not in (str, int, float, bool, type(None)) for part in parts):
        raise ExchangeError(
            f"值的类型 {type(value).__name__} 不能交接", file=file, column=column
        )
    return json.dumps(value)


def _from_json(text: str) -> Any:
    value = json.loads(text)
    return tuple(value) if isinstance(value, list) else value


def _write(path: Path, table: Any, words: Mapping[str, str]) -> None:
    stored = table.replace_schema_metadata({_WORDS: json.dumps(words)})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, stored.schema) as to:
        to.write_table(stored)


def _read(path: Path) -> tuple[Any, dict[str, str]]:
    """Return a file's table, checked in full, and the words on its columns."""
    try:
        with pa.memory_map(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
        table.validate(full=True)
        words = json.loads(table.schema.metadata[_WORDS])
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise ExchangeError("读取进程交回的表已损坏", file=path.name) from error
    return table, {str(name): str(word) for name, word in words.items()}
