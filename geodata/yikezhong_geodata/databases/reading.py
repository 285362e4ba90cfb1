"""One table of a database, written into a file that the loaders read.

Values come as text, exactly as PostgreSQL shows them, and geometries as WKB, in one
stream: neither side holds the table whole. Rows come in the order of the primary key;
without one in that of the disk, and of a view in that of the texts of its rows, so
that the same content is the same file.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import sql

from yikezhong_coverage.errors import InputError
from yikezhong_geodata.databases.relations import (
    Asked,
    Relation,
    find_relation,
    postgis_schema,
    reference_system,
)

_GEOMETRY: Final = "geometry"
#: Rows, and bytes, that are written at once.
_BATCH_ROWS: Final = 5000
_BATCH_BYTES: Final = 32 * 2**20


class TableTooLargeError(InputError):
    """A table, or a value in it, is larger than may be read."""


@dataclass(frozen=True)
class TableLimits:
    """What of a table may be read.

    Parameters
    ----------
    rows : int
    text_chars : int
        Of one value [characters].
    geometry_bytes : int
        Of one geometry [bytes].
    file_bytes : int
        Of the file that is written [bytes].
    """

    rows: int = 10_000_000
    text_chars: int = 1_000_000
    geometry_bytes: int = 64 * 2**20
    file_bytes: int = 8 * 2**30


def read_into_file(
    connection: psycopg.Connection[Any],
    asked: Asked,
    stem: Path,
    *,
    limits: TableLimits = TableLimits(),
) -> Path:
    """Write a table into a file and return its path.

    Parameters
    ----------
    connection : Connection
        Within a read-only transaction.
    asked : Asked
    stem : Path
        Path without suffix; ``.parquet`` (GeoParquet) is added where there is a
        geometry, else ``.csv``.
    limits : TableLimits

    Raises
    ------
    TableMissingError, TableColumnError, TableSridError, TableTooLargeError
    DatabaseDeniedError
        If the user may not read it.
    """
    relation = find_relation(connection, asked)
    rows = _rows(connection, relation, asked, limits)
    if relation.geometry is None:
        path = stem.with_name(f"{stem.name}.csv")
        _write_csv(path, relation, rows)
    else:
        crs = reference_system(connection, relation, asked)
        path = stem.with_name(f"{stem.name}.parquet")
        _write_parquet(path, relation, rows, crs)
    return path


def _rows(
    connection: psycopg.Connection[Any],
    relation: Relation,
    asked: Asked,
    limits: TableLimits,
) -> Iterator[list[Any]]:
    """Yield batches of rows: texts, and last the WKB where there is a geometry."""
    query = _query(connection, relation, limits)
    types = ["text"] * len(relation.columns)
    if relation.geometry is not None:
        types += ["bytea", "bool"]
    batch: list[Any] = []
    n_row = n_byte = 0
    copy_out = sql.SQL("copy ({}) to stdout (format binary)").format(query)
    with connection.cursor() as cursor, cursor.copy(copy_out) as copy:
        copy.set_types(types)
        for row in copy.rows():
            n_row += 1
            if n_row > limits.rows:
                raise TableTooLargeError(
                    f"超过 {limits.rows:,} 行",
                    file=str(asked.name),
                    hint="请建一个只含所需行的视图",
                )
            n_byte += _check_row(row, n_row, relation, asked, limits)
            batch.append(row)
            if len(batch) >= _BATCH_ROWS or n_byte >= _BATCH_BYTES:
                yield batch
                batch, n_byte = [], 0
    if batch:
        yield batch


def _query(
    connection: psycopg.Connection[Any], relation: Relation, limits: TableLimits
) -> sql.Composable:
    wanted: list[sql.Composable] = [
        sql.SQL("left({}::text, {})").format(
            sql.Identifier("t", column), sql.Literal(limits.text_chars + 1)
        )
        for column in relation.columns
    ]
    if relation.geometry is not None:
        flat = sql.SQL(
            "{force}(case when {arc}(s.g) then {line}(s.g) else s.g end)"
        ).format(**_functions(connection, "force", "arc", "line"))
        size = sql.SQL("{}(s.g) > {}").format(
            *_functions(connection, "size").values(), sql.Literal(limits.geometry_bytes)
        )
        wkb = _functions(connection, "wkb")["wkb"]
        wanted.append(
            sql.SQL("case when not {} then {}({}, 'NDR') end").format(size, wkb, flat)
        )
        wanted.append(sql.SQL("coalesce({}, false)").format(size))
    shape = (
        sql.SQL("")
        if relation.geometry is None
        else sql.SQL(" cross join lateral (select {}::{} as g) s").format(
            sql.Identifier("t", relation.geometry),
            sql.Identifier(postgis_schema(connection), "geometry"),
        )
    )
    return sql.SQL("select {} from {} t{} order by {}").format(
        sql.SQL(", ").join(wanted) if wanted else sql.SQL("''"),
        sql.Identifier(relation.schema, relation.table),
        shape,
        relation.order,
    )


_FUNCTIONS: Final = {
    "force": "st_force2d",
    "arc": "st_hasarc",
    "line": "st_curvetoline",
    "size": "st_memsize",
    "wkb": "st_asbinary",
    "srid": "st_srid",
}


def _functions(
    connection: psycopg.Connection[Any], *names: str
) -> dict[str, sql.Identifier]:
    schema = postgis_schema(connection)
    return {name: sql.Identifier(schema, _FUNCTIONS[name]) for name in names}


def _check_row(
    row: Sequence[Any],
    number: int,
    relation: Relation,
    asked: Asked,
    limits: TableLimits,
) -> int:
    """Refuse what is too large; return the bytes of a row."""
    n_byte = 0
    for column, value in zip(relation.columns, row, strict=False):
        if value is not None:
            n_byte += len(value)
            if len(value) > limits.text_chars:
                raise TableTooLargeError(
                    f"内容超过 {limits.text_chars:,} 个字符",
                    file=str(asked.name),
                    row=number,
                    column=column,
                )
    if relation.geometry is not None:
        if row[-1]:
            raise TableTooLargeError(
                f"图形超过 {limits.geometry_bytes // 2**20} MiB",
                file=str(asked.name),
                row=number,
                column=relation.geometry,
                hint="请简化或拆分该图形",
            )
        n_byte += len(row[-2] or b"")
    return n_byte


def _write_csv(path: Path, relation: Relation, rows: Iterator[list[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(relation.columns)
        for batch in rows:
            writer.writerows(batch)


def _write_parquet(
    path: Path, relation: Relation, rows: Iterator[list[Any]], crs: Any
) -> None:
    names = _column_names(relation)
    schema = pa.schema(
        [*(pa.field(name, pa.string()) for name in names), (_GEOMETRY, pa.binary())]
    )
    column = {"encoding": "WKB", "geometry_types": [], "crs": crs}
    geo = {
        "version": "1.0.0",
        "primary_column": _GEOMETRY,
        "columns": {_GEOMETRY: column},
    }
    schema = schema.with_metadata({b"geo": json.dumps(geo, sort_keys=True).encode()})
    n_text = len(names)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in rows:
            columns = [
                pa.array([r[i] for r in batch], pa.string()) for i in range(n_text)
            ]
            shapes = pa.array([r[n_text] for r in batch], pa.binary())
            writer.write_batch(pa.record_batch([*columns, shapes], schema=schema))


def _column_names(relation: Relation) -> list[str]:
    """Return the text columns; one that is named as ours gets another name."""
    return [f"{name}_" if name == _GEOMETRY else name for name in relation.columns]
