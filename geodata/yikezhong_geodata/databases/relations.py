"""A table as a database describes it: columns, geometry, order, reference system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from yikezhong_coverage.errors import InputError
from yikezhong_geodata.databases.connecting import DatabaseDeniedError
from yikezhong_geodata.databases.table_names import TableName

#: What a row of a relation without a key is ordered by; of others its whole text.
_PLACES: Final[dict[str, LiteralString]] = {"r": "t.ctid", "p": "t.tableoid, t.ctid"}


class TableMissingError(InputError):
    """The database has no such table."""


class TableColumnError(InputError):
    """A table has no such geometry column, or several and none was named."""


class TableSridError(InputError):
    """A geometry column has several reference systems, or one that is not known."""


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
class Relation:
    """A table, view or the like, and what of it is read."""

    schema: str
    table: str
    kind: str
    columns: tuple[str, ...]
    geometry: str | None
    order: sql.Composable


def find_relation(connection: psycopg.Connection[Any], asked: Asked) -> Relation:
    """Return what a database says of a table that is wanted.

    Raises
    ------
    TableMissingError, TableColumnError
    DatabaseDeniedError
        If the user may not read it.
    """
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
    return Relation(
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


def postgis_schema(connection: psycopg.Connection[Any]) -> str:
    """Return where PostGIS is: it need not stand in the search path."""
    found = connection.execute(
        "select n.nspname from pg_catalog.pg_extension e "
        "join pg_catalog.pg_namespace n on n.oid = e.extnamespace "
        "where e.extname = 'postgis'"
    ).fetchone()
    # a type named geometry may be another's
    return str(found[0]) if found else "public"


def reference_system(
    connection: psycopg.Connection[Any], relation: Relation, asked: Asked
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
