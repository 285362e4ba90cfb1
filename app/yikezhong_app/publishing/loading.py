"""One table of a result into PostgreSQL: streamed, indexed, described."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import sql

from yikezhong_app.publishing.comments import column_comment, table_comment
from yikezhong_app.publishing.digests import TableDigest
from yikezhong_app.publishing.layouts import TableLayout, read_groups
from yikezhong_app.publishing.values import (
    GEOMETRY,
    ROW,
    SRID,
    ColumnKindError,
    csv_of,
    is_geometry,
    plain_type,
    rows_at_once,
    sql_type,
)
from yikezhong_app.snapshots.opening import Snapshot
from yikezhong_app.snapshots.stored_tables import (
    SnapshotCorruptError,
    check_file,
    files_of,
)
from yikezhong_geodata.databases.relations import postgis_schema

#: Column that tells the rows of a table apart; where it does not, their order does.
_KEYS: Final = {
    "divisions": "code",
    "facilities": "id",
    "demand": "id",
    "gaps": "id",
    "gap_areas": "id",
    "plan_gaps": "id",
}
#: Columns that rows are looked up by.
_LOOKED_UP: Final = (
    "code",
    "parent",
    "service",
    "indicator_id",
    "community_code",
    "township_code",
    "facility_id",
    "demand_id",
)
#: Looked up together, and then the service needs no index of its own.
_TOGETHER: Final = ("service", "level", "code")
_ANY: Final = "Geometry"
#: What a column may be confined to.
_GEOMETRIES: Final = (
    "Point",
    "LineString",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
)
#: PostgreSQL cuts longer names off [bytes].
_LONGEST_NAME: Final = 63


@dataclass(frozen=True)
class Loaded:
    """What is kept about a table that was loaded."""

    name: str
    rows: int
    digest: str
    layout: str


def load_table(
    connection: psycopg.Connection[Any],
    snapshot: Snapshot,
    name: str,
    *,
    schema: str,
    told: Callable[[int], None],
) -> Loaded:
    """Make a table in a schema and fill it; within a transaction.

    Parameters
    ----------
    connection : Connection
    snapshot : Snapshot
    name : str
        Of the table.
    schema : str
        That it is made in.
    told : callable
        Told how many more rows were written.

    Raises
    ------
    SnapshotCorruptError
        If a file is not the one that was written.
    ColumnKindError
        If a column cannot be published.
    """
    files = files_of(snapshot.manifest["tables"][name])
    for stored in files:
        check_file(snapshot.folder, stored)
    schemas = [pq.read_schema(snapshot.folder / stored.file) for stored in files]
    fields = merged_fields(schemas, layer=name)
    for word in (name, *fields.names):
        if len(word.encode()) > _LONGEST_NAME:
            raise ColumnKindError("名称过长，数据库会截断", layer=name, column=word)
    place = sql.Identifier(schema, name)
    _create(connection, place, fields, geometry_kind(schemas))
    layout, digest = TableLayout(), TableDigest()
    n_row = 0
    columns = [sql.Identifier(column) for column in (ROW, *fields.names)]
    # frozen: the table is of this transaction, nobody sees it before its end
    statement = sql.SQL("copy {} ({}) from stdin (format csv, freeze true)").format(
        place, sql.SQL(", ").join(columns)
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for group in read_groups(snapshot.folder, files, layout):
            digest.add(group)
            step = rows_at_once(len(group), group.nbytes)
            for start in range(0, len(group), step):
                rows = group.slice(start, step).select(fields.names)
                copy.write(csv_of(rows, first_row=n_row))
                n_row += len(rows)
                told(len(rows))
    _index(connection, place, name, fields)
    describe(connection, "table", place, name, (ROW, *fields.names))
    connection.execute(sql.SQL("analyze {}").format(place))
    return Loaded(name, n_row, digest.text(), layout.to_text())


def merged_fields(schemas: Sequence[pa.Schema], *, layer: str) -> pa.Schema:
    """Return the columns that the files of a table have in common.

    A column that is empty in one file is of the type that it has in another.

    Raises
    ------
    SnapshotCorruptError
        If they differ.

    Examples
    --------
    >>> files = [pa.schema([("a", pa.null())]), pa.schema([("a", pa.string())])]
    >>> merged_fields(files, layer="x").field("a").type
    DataType(string)
    """
    found: dict[str, pa.Field] = {}
    for schema in schemas:
        if found and set(schema.names) != set(found):
            raise SnapshotCorruptError("各部分的列不一致", layer=layer)
        for field in schema:
            known = found.get(field.name)
            if known is None or pa.types.is_null(known.type):
                found[field.name] = pa.field(field.name, plain_type(field.type))
            elif not pa.types.is_null(field.type) and _kind(field) != _kind(known):
                raise SnapshotCorruptError(
                    f"各部分的列“{field.name}”类型不一致", layer=layer
                )
    return pa.schema(found.values())


def _kind(field: pa.Field) -> str:
    return GEOMETRY if is_geometry(field) else sql_type(field)


def geometry_kind(schemas: Sequence[pa.Schema]) -> str:
    """Return the one type of all geometries of a table, else ``Geometry``."""
    found: set[str] = set()
    for schema in schemas:
        metadata = schema.metadata or {}
        columns = json.loads(metadata.get(b"geo", b"{}")).get("columns", {})
        kinds = columns.get(GEOMETRY, {}).get("geometry_types") or [_ANY]
        found.update(str(kind) for kind in kinds)
    (kind, *others) = sorted(found) or [_ANY]
    return kind if not others and kind in _GEOMETRIES else _ANY


def _create(
    connection: psycopg.Connection[Any],
    place: sql.Identifier,
    fields: pa.Schema,
    geometry: str,
) -> None:
    shape = sql.SQL("{}({}, {})").format(
        sql.Identifier(postgis_schema(connection), "geometry"),
        sql.Identifier(geometry),
        sql.Literal(SRID),
    )
    columns = [sql.SQL("{} bigint not null").format(sql.Identifier(ROW))]
    for field in fields:
        kind = shape if is_geometry(field) else sql.SQL(sql_type(field))
        columns.append(sql.SQL("{} {}").format(sql.Identifier(field.name), kind))
    connection.execute(
        sql.SQL("create table {} ({})").format(place, sql.SQL(", ").join(columns))
    )


def _index(
    connection: psycopg.Connection[Any],
    place: sql.Identifier,
    name: str,
    fields: pa.Schema,
) -> None:
    key = _add_key(connection, place, _KEYS.get(name))
    if key != ROW:
        _add_index(connection, place, [ROW], unique=True)
    names = set(fields.names)
    together = names.issuperset(_TOGETHER)
    if together:
        _add_index(connection, place, _TOGETHER)
    for column in _LOOKED_UP:
        if column in names and column != key and not (together and column == "service"):
            _add_index(connection, place, [column])
    for field in fields:
        if is_geometry(field):
            connection.execute(
                sql.SQL("create index on {} using gist ({})").format(
                    place, sql.Identifier(field.name)
                )
            )


def _add_key(
    connection: psycopg.Connection[Any], place: sql.Identifier, column: str | None
) -> str:
    """Make a column the primary key if it can be one, else the order of the rows."""
    add = sql.SQL("alter table {} add primary key ({})")
    if column is not None:
        try:
            with connection.transaction():
                connection.execute(add.format(place, sql.Identifier(column)))
            return column
        except (
            psycopg.errors.UniqueViolation,
            psycopg.errors.NotNullViolation,
            psycopg.errors.UndefinedColumn,
        ):
            pass
    connection.execute(add.format(place, sql.Identifier(ROW)))
    return ROW


def _add_index(
    connection: psycopg.Connection[Any],
    place: sql.Identifier,
    columns: Sequence[str],
    *,
    unique: bool = False,
) -> None:
    connection.execute(
        sql.SQL("create {} index on {} ({})").format(
            sql.SQL("unique" if unique else ""),
            place,
            sql.SQL(", ").join(map(sql.Identifier, columns)),
        )
    )


def describe(
    connection: psycopg.Connection[Any],
    kind: str,
    place: sql.Identifier,
    name: str,
    columns: Sequence[str],
) -> None:
    """Say in the database what a table or view and its columns are."""
    words = sql.SQL("view" if kind == "view" else "table")
    parts = [
        sql.SQL("comment on {} {} is {}").format(
            words, place, sql.Literal(table_comment(name))
        )
    ]
    for column in columns:
        comment = column_comment(column)
        if comment is not None:
            parts.append(
                sql.SQL("comment on column {}.{} is {}").format(
                    place, sql.Identifier(column), sql.Literal(comment)
                )
            )
    connection.execute(sql.SQL("; ").join(parts))
