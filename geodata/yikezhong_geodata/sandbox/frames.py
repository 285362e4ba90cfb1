"""Tables and arrays as Arrow files, read back equal to the last bit.

pickle would run what a file says; Arrow only holds values. pandas' own way through
Parquet changes types (text with None becomes text with NaN, tuples become arrays), so
every column is written with a word on what it was:

=========  ==========================================  ===========================
word       column                                      stored as
=========  ==========================================  ===========================
number     NumPy numbers and truth values              as they are, NaN as NaN
nullable   pandas ``Int64``, ``Float64``, ``boolean``  as they are, missing as null
text       objects, each a text or None                text
str        pandas text                                 text
object     objects: texts, numbers, tuples, None       JSON
geometry   geometries or None                          WKB
=========  ==========================================  ===========================
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    if "geometry" in words.values():
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
            words[name] = values.dtype.str
            stored = pa.array(values.tolist(), pa.large_string())
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
        if word == "":
            found[name] = str(values[0].as_py())
        else:
            plain = values.to_numpy(zero_copy_only=False)
            found[name] = np.array(plain, dtype=np.dtype(word))
    return found


def _array_of(column: Any, *, file: str) -> tuple[str, Any]:
    """Return the word for a column, and what is stored of it."""
    name = str(column.dtype)
    if name == "geometry":
        return "geometry", pa.array(
            shapely.to_wkb(column.to_numpy()), pa.large_binary()
        )
    if name in _NULLABLE:
        return name, pa.array(column)
    if isinstance(column.dtype, pd.StringDtype):
        return "str", pa.array(
            column.astype(object), pa.large_string(), from_pandas=True
        )
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        return column.dtype.str, pa.array(column.to_numpy(), from_pandas=False)
    values = column.tolist()
    if all(value is None or type(value) is str for value in values):
        return "text", pa.array(values, pa.large_string())
    cells = [_json(value, column=str(column.name), file=file) for value in values]
    return "object", pa.array(cells, pa.large_string())


def _column_of(stored: Any, word: str) -> Any:
    if word == "geometry":
        return gpd.GeoSeries(shapely.from_wkb(_objects(stored)), crs=CRS)
    if word in _NULLABLE:
        return pd.Series(stored.to_pylist(), dtype=word)
    if word == "str":
        return pd.Series(_objects(stored)).astype("str")
    if word == "text":
        return pd.Series(_objects(stored), dtype=object)
    if word == "object":
        cells = [_from_json(text) for text in stored.to_pylist()]
        column = np.empty(len(cells), dtype=object)
        column[:] = cells
        return pd.Series(column, dtype=object)
    return pd.Series(stored.to_numpy().astype(np.dtype(word), copy=True))


def _objects(stored: Any) -> NDArray[np.object_]:
    found = np.empty(len(stored), dtype=object)
    found[:] = stored.to_pylist()
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
