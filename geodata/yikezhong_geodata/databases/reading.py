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
from typing import Any, Final, LiteralString

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import sql

from yikezhong_coverage.errors import InputError
from yikezhong_geodata.databases.connecting import DatabaseDeniedError
from yikezhong_geodata.databases.table_names import TableName

_GEOMETRY: Final = "geometry"
#: Rows, and bytes, that are written at once.
_BATCH_ROWS: Final = 5000
_BATCH_BYTES: Final = 32 * 2**20
#: What a row of a relation without a key is ordered by; of others its whole text.
_PLACES: Final[dict[str, LiteralString]] = {"r": "t.ctid", "p": "t.tableoid, t.ctid"}


class TableMissingError(InputError):
    """The database has no such table."""


class TableColumnError(InputError):
    """A table has no such geometry column, or several and none was named."""


class TableSridError(InputError):
    """A geometry column has several reference systems, or one that is not known."""


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


@dataclass(frozen=True)
class Asked:
    """A table that is wanted.

    ``geometry`` is ``needed``, ``wanted`` where there is one, or ``none``; ``column``
    names it where the table has several. ``stated_crs`` says that the study states
    a reference system itself.
    """

    name: TableName
    geometry: str = "wanted"
    column: str | None = None
    stated_crs: bool = False


@dataclass(frozen=True)
class _Relation:
    schema: str
    table: str
    kind: str
    columns: tuple[str, ...]
    geometry: str | None
    order: sql.Composable


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
    relation = _find(connection, asked)
    rows = _rows(connection, relation, asked, limits)
    if relation.geometry is None:
        path = stem.with_name(f"{stem.name}.csv")
        _write_csv(path, relation, rows)
    else:
        crs = _reference_system(connection, relation, asked)
        path = stem.with_name(f"{stem.name}.parquet")
        _write_parquet(path, relation, rows, crs)
    return path


def _find(connection: psycopg.Connection[Any], asked: Asked) -> _Relation:
    name = asked.name
    found = connection.execute(
        """
        select c.oid::bigint, n.nspname, c.relname, c.relkind::text,
               has_schema_privilege(n.oid, 'usage')
               and has_table_privilege(c.oid, 'select')
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.relname = %(table)s and c.relkind in ('r', 'v', 'm', 'f', 'p')
          and case when %(schema)s::text is null then pg_table_is_visible(c.oid)
              else n.nspname = %(schema)s::text end
        """,
        {"table": name.table, "schema": name.schema},
    ).fetchone()
    if found is None:
        raise TableMissingError(
            "数据库里没有这张表",
            file=str(name),
            hint='应写作 模式.表，大小写须一致，如 table = "planning.townships"',
        )
    oid, schema, table, kind, allowed = found
    if not allowed:
        raise DatabaseDeniedError(
            "没有读取这张表的权限",
            file=str(name),
            hint="请数据库管理员授予 USAGE（模式）与 SELECT（表）",
        )
    columns = connection.execute(
        """
        select a.attname, y.typname in ('geometry', 'geography')
        from pg_catalog.pg_attribute a
        join pg_catalog.pg_type y on y.oid = a.atttypid
        where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
        order by a.attnum
        """,
        [oid],
    ).fetchall()
    shapes = [column for column, is_shape in columns if is_shape]
    return _Relation(
        schema,
        table,
        kind,
        tuple(column for column, is_shape in columns if not is_shape),
        _choose_geometry(asked, shapes),
        _order(connection, oid, kind),
    )


def _choose_geometry(asked: Asked, shapes: Sequence[str]) -> str | None:
    if asked.geometry == "none":
        return None
    if asked.column is not None:
        if asked.column not in shapes:
            raise TableColumnError(
                f"没有图形列“{asked.column}”",
                file=str(asked.name),
                hint=f"图形列有：{'、'.join(shapes) or '无'}",
            )
        return asked.column
    if len(shapes) > 1:
        raise TableColumnError(
            f"有多个图形列：{'、'.join(shapes)}",
            file=str(asked.name),
            hint=f'请写明 geometry = "{shapes[0]}"',
        )
    if not shapes and asked.geometry == "needed":
        raise TableColumnError(
            "没有图形列（geometry）", file=str(asked.name), hint="这个图层需要图形"
        )
    return shapes[0] if shapes else None


def _order(connection: psycopg.Connection[Any], oid: int, kind: str) -> sql.Composable:
    """Return what the rows are ordered by, so that they always come alike."""
    key = connection.execute(
        """
        select a.attname from pg_catalog.pg_index i
        cross join unnest(i.indkey) with ordinality k(attnum, place)
        join pg_catalog.pg_attribute a on a.attrelid = i.indrelid
          and a.attnum = k.attnum
        where i.indrelid = %s and i.indisprimary order by k.place
        """,
        [oid],
    ).fetchall()
    if key:
        return sql.SQL(", ").join(sql.Identifier("t", column) for (column,) in key)
    return sql.SQL(_PLACES.get(kind, 't::text collate "C"'))


def _rows(
    connection: psycopg.Connection[Any],
    relation: _Relation,
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
    connection: psycopg.Connection[Any], relation: _Relation, limits: TableLimits
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


def postgis_schema(connection: psycopg.Connection[Any]) -> str:
    """Return where PostGIS is: it need not stand in the search path."""
    found = connection.execute(
        "select n.nspname from pg_catalog.pg_extension e "
        "join pg_catalog.pg_namespace n on n.oid = e.extnamespace "
        "where e.extname = 'postgis'"
    ).fetchone()
    # a type named geometry may be another's
    return str(found[0]) if found else "public"


def _check_row(
    row: Sequence[Any],
    number: int,
    relation: _Relation,
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


def _reference_system(
    connection: psycopg.Connection[Any], relation: _Relation, asked: Asked
) -> Any:
    """Return the reference system of a geometry column as PROJJSON; None for none."""
    import pyproj
    from pyproj.exceptions import CRSError

    schema = postgis_schema(connection)
    found = connection.execute(
        sql.SQL(
            "select distinct {srid}({column}::{type}) from {table} "
            "where {column} is not null limit 3"
        ).format(
            srid=sql.Identifier(schema, "st_srid"),
            type=sql.Identifier(schema, "geometry"),
            column=sql.Identifier(str(relation.geometry)),
            table=sql.Identifier(relation.schema, relation.table),
        )
    ).fetchall()
    if len(found) > 1:
        raise TableSridError(
            f"图形有多个坐标系：{'、'.join(f'SRID {s}' for (s,) in found)}",
            file=str(asked.name),
            hint="请用 ST_Transform 化为一个",
        )
    srid = found[0][0] if found else 0
    if srid == 0 or asked.stated_crs:
        return None  # the loader asks for one, or takes the one that is stated
    known = connection.execute(
        sql.SQL("select auth_name, auth_srid, srtext from {} where srid = %s").format(
            sql.Identifier(schema, "spatial_ref_sys")
        ),
        [srid],
    ).fetchone()
    try:
        if known is None:
            raise CRSError("not in spatial_ref_sys")
        authority, code, text = known
        system = (
            pyproj.CRS.from_authority(authority, code)
            if authority in ("EPSG", "ESRI")
            else pyproj.CRS.from_wkt(text or "")
        )
    except CRSError:
        raise TableSridError(
            f"不认识坐标系 SRID {srid}",
            file=str(asked.name),
            hint='请在 spatial_ref_sys 补充它，或写明 crs，例如 crs = "EPSG:4490"',
        ) from None
    return system.to_json_dict()


def _write_csv(path: Path, relation: _Relation, rows: Iterator[list[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(relation.columns)
        for batch in rows:
            writer.writerows(batch)


def _write_parquet(
    path: Path, relation: _Relation, rows: Iterator[list[Any]], crs: Any
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


def _column_names(relation: _Relation) -> list[str]:
    """Return the text columns; one that is named as ours gets another name."""
    return [f"{name}_" if name == _GEOMETRY else name for name in relation.columns]
