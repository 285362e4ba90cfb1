"""Tables of a version as they lie on disk: one file, or one part for each service.

An entry of the manifest is one of ::

    {"file": "divisions.parquet", "rows", "geometry", "sha256"}
    {"file": "coverage.parquet", "rows", "geometry",
     "parts": [{"file": "coverage.parquet/meal.parquet", "rows", "sha256",
                "service": "meal" or null}, …]}

Inside a file row groups may hold one level each: what cannot match is then not read.
Every file is checked against its checksum before its first bytes are believed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from yikezhong_app.snapshots.parquet_files import with_shapes
from yikezhong_coverage.errors import SourceError

_RUN_AGAIN = "请重新运行 yikezhong run"
GEOMETRY = "geometry"


class SnapshotMissingError(SourceError):
    """There is no finished result in the folder."""


class SnapshotCorruptError(SourceError):
    """A stored file is not what the manifest says it is."""


@dataclass(frozen=True)
class StoredFile:
    """One file of a table.

    Parameters
    ----------
    file : str
        Path below the folder of the version.
    rows : int
    sha256 : str
    service : str or None
        Service whose rows alone it holds; None: any.
    """

    file: str
    rows: int
    sha256: str
    service: str | None = None

    def holds(self, service: str) -> bool:
        """Say whether rows of a service may be in it."""
        return self.service in (None, service)


def files_of(entry: Mapping[str, Any]) -> list[StoredFile]:
    """Return the files of a table, in their order.

    Examples
    --------
    >>> files_of({"file": "a.parquet", "rows": 2, "sha256": "…"})
    [StoredFile(file='a.parquet', rows=2, sha256='…', service=None)]
    """
    if "parts" not in entry:
        return [StoredFile(entry["file"], entry["rows"], entry["sha256"])]
    return [
        StoredFile(part["file"], part["rows"], part["sha256"], part.get("service"))
        for part in entry["parts"]
    ]


def file_sums(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the checksum of every file of every table, by its path."""
    return {
        stored.file: stored.sha256
        for entry in manifest["tables"].values()
        for stored in files_of(entry)
    }


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises
    ------
    SnapshotCorruptError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SnapshotCorruptError("成果文件缺失或无法读取", file=path.name) from error


def check_file(folder: Path, stored: StoredFile) -> None:
    """Raise unless a file is the one that was written.

    Raises
    ------
    SnapshotCorruptError
        If it is another, or cannot be read.
    """
    if sha256(folder / stored.file) != stored.sha256:
        raise SnapshotCorruptError(
            "成果文件校验失败", file=stored.file, hint=_RUN_AGAIN
        )


def read_whole(
    folder: Path, entry: Mapping[str, Any], files: Sequence[StoredFile]
) -> pd.DataFrame:
    """Return a table with the rows of all its files, in their order."""
    if "parts" not in entry:
        path = folder / entry["file"]
        read = gpd.read_parquet if entry["geometry"] else pd.read_parquet
        table: pd.DataFrame = read(path)
        return table
    return read_matching(folder, entry, files, {}, None)


def read_matching(
    folder: Path,
    entry: Mapping[str, Any],
    files: Sequence[StoredFile],
    wanted: Mapping[str, Any],
    columns: Sequence[str] | None,
) -> pd.DataFrame:
    """Return the rows of a table whose columns have the values wanted.

    Parameters
    ----------
    folder : Path
    entry : mapping
        Entry of the table in the manifest.
    files : sequence of StoredFile
        Files that are read, of those of the table.
    wanted : mapping of str to str or number
        Column → the one value wanted.
    columns : sequence of str or None
        Columns of the answer; None: all.

    Returns
    -------
    DataFrame or GeoDataFrame
        Its index tells the position of each row in the whole table.
    """
    first = _first_rows(entry)
    pieces: list[pa.Table] = []
    places: list[NDArray[np.int64]] = []
    for stored in files:
        for piece, at in _pieces(folder / stored.file, wanted, columns):
            pieces.append(piece)
            places.append(at + first[stored.file])
    frame = _frame(_joined(pieces))
    frame.index = pd.Index(np.concatenate(places))
    if entry["geometry"] and GEOMETRY in frame:
        shown: pd.DataFrame = with_shapes(frame)
        return shown
    return frame


def read_shapes(
    folder: Path, entry: Mapping[str, Any], at: NDArray[np.int64]
) -> NDArray[np.object_]:
    """Return the shapes of some rows of a table by their positions in the whole.

    Only the row groups in which they stand are read.
    """
    found = np.full(len(at), None, dtype=object)
    first = _first_rows(entry)
    for stored in files_of(entry):
        own = at - first[stored.file]
        inside = (own >= 0) & (own < stored.rows)
        if not inside.any():
            continue
        with pq.ParquetFile(folder / stored.file) as file:
            begin = 0
            for group in range(file.num_row_groups):
                end = begin + file.metadata.row_group(group).num_rows
                here = np.flatnonzero(inside & (own >= begin) & (own < end))
                if len(here):
                    table = file.read_row_group(group, columns=[GEOMETRY])
                    bytes_ = table.column(GEOMETRY).take(pa.array(own[here] - begin))
                    found[here] = shapely.from_wkb(bytes_.to_numpy())
                begin = end
    return found


def _first_rows(entry: Mapping[str, Any]) -> dict[str, int]:
    """Return the position of the first row of each file in the whole table."""
    files = files_of(entry)
    starts = np.cumsum([0, *(stored.rows for stored in files)]).tolist()
    return {stored.file: start for stored, start in zip(files, starts, strict=False)}


def _pieces(
    path: Path, wanted: Mapping[str, Any], columns: Sequence[str] | None
) -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
    """Yield what a file holds of the rows wanted and where; at least an empty table."""
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        missing = [name for name in wanted if name not in names]
        if missing:
            raise SnapshotMissingError(f"这张表没有“{missing[0]}”一列", layer=path.stem)
        shown = [*names] if columns is None else [n for n in names if n in columns]
        begin, any_rows = 0, False
        for group in range(file.num_row_groups):
            about = file.metadata.row_group(group)
            at = np.arange(about.num_rows, dtype=np.int64)
            if wanted:
                at = (
                    _matching(file, group, wanted)
                    if _may_hold(about, wanted)
                    else at[:0]
                )
            if len(at):
                any_rows = True
                table = file.read_row_group(group, columns=shown)
                whole = len(at) == about.num_rows
                yield (table if whole else table.take(pa.array(at))), at + begin
            begin += about.num_rows
        if not any_rows:
            empty = file.schema_arrow.empty_table().select(shown)
            none = np.empty(0, dtype=np.int64)
            yield empty.replace_schema_metadata(file.schema_arrow.metadata), none


def _matching(
    file: pq.ParquetFile, group: int, wanted: Mapping[str, Any]
) -> NDArray[np.int64]:
    """Return which rows of a group have the values wanted: only those columns read."""
    table = file.read_row_group(group, columns=[*wanted])
    mask = np.ones(table.num_rows, dtype=bool)
    for name, value in wanted.items():
        kind = table.column(name).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        same = pc.equal(table.column(name), pa.scalar(value, kind))
        mask &= pc.fill_null(same, False).to_numpy(zero_copy_only=False)
    return np.flatnonzero(mask)


def _may_hold(group: Any, wanted: Mapping[str, Any]) -> bool:
    """Say whether the statistics of a row group allow the values wanted."""
    for i in range(group.num_columns):
        column = group.column(i)
        value = wanted.get(column.path_in_schema)
        found = column.statistics if value is not None else None
        if found is None:
            continue
        if found.has_null_count and found.null_count == group.num_rows:
            return False
        if not found.has_min_max:
            continue
        low, high = _value(found.min), _value(found.max)
        # written in UTF-8, whose order of bytes is that of the characters
        if not low <= value <= high:
            return False
    return True


def _value(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _joined(pieces: Sequence[pa.Table]) -> pa.Table:
    """Return one table; texts that are dictionaries get one of them for all pieces."""
    filled = [piece for piece in pieces if piece.num_rows] or [pieces[0]]
    if len(filled) == 1:
        return filled[0]
    same = [_with_wide_indexes(piece) for piece in filled]
    joined = pa.concat_tables(same, promote_options="permissive").unify_dictionaries()
    return joined.replace_schema_metadata(pieces[0].schema.metadata)


def _with_wide_indexes(table: pa.Table) -> pa.Table:
    """Return a table whose dictionaries are of one type, whatever wrote them."""
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            kind = pa.dictionary(pa.int32(), pa.string())
            if field.type != kind:
                column = table.column(i).cast(kind)
                table = table.set_column(i, field.with_type(kind), column)
    return table


def _frame(table: pa.Table) -> pd.DataFrame:
    """Return a table for pandas with the columns as when its file was written whole.

    Dictionaries keep only the texts that stand in the rows.
    """
    frame: pd.DataFrame = table.unify_dictionaries().to_pandas()
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            frame[name] = column.cat.remove_unused_categories()
    return frame


def column_names(path: Path) -> list[str]:
    """Return the names of the columns of a file."""
    with pq.ParquetFile(path) as file:
        return [str(name) for name in file.schema_arrow.names]


def distinct_rows(
    folder: Path, stored: StoredFile, columns: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Return the different combinations of values in some columns of a file.

    The order is that of their first rows. Row groups are read one by one: the whole
    is never held.
    """
    found: dict[tuple[Any, ...], None] = {}
    with pq.ParquetFile(folder / stored.file) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=list(columns))
            place = np.arange(table.num_rows, dtype=np.int64)
            first = (
                table.append_column("", pa.array(place))
                .unify_dictionaries()
                .group_by(list(columns))
                .aggregate([("", "min")])
                .sort_by("_min")
                .select(list(columns))
            )
            rows = zip(
                *(first.column(name).to_pylist() for name in columns), strict=True
            )
            found.update(dict.fromkeys(rows))
    return list(found)
