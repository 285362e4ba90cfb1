"""Which versions of a result a database holds, and which of them is current.

A schema with a fixed name (``yikezhong``) holds two tables about versions and a view
for each table of the current one. Each version is a schema of its own, never changed
once it is loaded.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import psycopg
from psycopg import sql

from yikezhong_coverage.errors import InputError, PlannerError, SourceError

#: Schema of the views, where no other is named.
DEFAULT_SCHEMA: Final = "yikezhong"
VERSIONS: Final = "versions"
TABLES: Final = "version_tables"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
#: Longest wait for a publisher that may be dead [s].
_PATIENCE_S: Final = 2.5
#: What the schemas of versions begin with, by the schema of the views.
_PREFIX: Final = {DEFAULT_SCHEMA: "ykz"}


class SchemaNameError(InputError):
    """A name cannot be that of a schema or a role of ours."""


class PublishBusyError(PlannerError):
    """Another is publishing into the same schema."""

    http_status: ClassVar[int] = 409


class NothingPublishedError(SourceError):
    """The database holds no version."""


@dataclass(frozen=True)
class StoredVersion:
    """A version in the database.

    Parameters
    ----------
    version : str
    schema : str
        Schema that holds its tables.
    is_current : bool
    tables : tuple of str
    """

    version: str
    schema: str
    is_current: bool
    tables: tuple[str, ...]


def check_name(name: str, *, what: str) -> str:
    """Return a name for a schema or a role; ``what`` it is, in Chinese.

    Raises
    ------
    SchemaNameError
        If it is no plain name.

    Examples
    --------
    >>> check_name("suizhou", what="模式名")
    'suizhou'
    """
    if not _NAME.fullmatch(name) or name.startswith("pg_"):
        raise SchemaNameError(
            f"{what}“{name}”不可用", hint="用小写字母、数字与下划线，以字母开头"
        )
    return name


def schema_stem(schema: str, version: str) -> str:
    """Return the name of the schema of a version, but for a number at its end.

    Examples
    --------
    >>> schema_stem("yikezhong", "2025-12-31-abcdef123456")
    'ykz_2025_12_31_abcdef123456'
    """
    return f"{_PREFIX.get(schema, schema)}_{version.replace('-', '_')}"


@contextmanager
def only_publisher(connection: psycopg.Connection[Any], schema: str) -> Iterator[None]:
    """Keep all others from publishing into a schema meanwhile.

    Raises
    ------
    PublishBusyError
        If another is at it.
    """
    key = f"yikezhong:{schema}"
    end = time.monotonic() + _PATIENCE_S
    while not _try_lock(connection, key):
        # one that was killed is gone as soon as the server notices
        if time.monotonic() >= end:
            raise PublishBusyError(
                f"另一个发布正在写入模式“{schema}”", hint="请等它结束后再试"
            )
        time.sleep(0.1)
    try:
        yield
    finally:
        # it goes with the connection too, but that takes a moment
        if not connection.broken and not connection.closed:
            connection.execute(
                "select pg_advisory_unlock(hashtextextended(%s, 0))", [key]
            )


def _try_lock(connection: psycopg.Connection[Any], key: str) -> bool:
    row = connection.execute(
        "select pg_try_advisory_lock(hashtextextended(%s, 0))", [key]
    ).fetchone()
    return row is not None and bool(row[0])


def prepare(connection: psycopg.Connection[Any], schema: str) -> None:
    """Make the schema of the views and its tables, where they are missing."""
    found = connection.execute(
        "select to_regclass(format('%%I.%%I', %s::text, %s::text)) is not null",
        [schema, TABLES],
    ).fetchone()
    if found is not None and found[0]:
        return
    connection.execute(
        sql.SQL(
            """
            create extension if not exists postgis;
            create schema if not exists {schema};
            create table {versions} (
                version_schema name primary key,
                version text not null,
                study text,
                as_of date,
                notice text,
                published timestamptz not null default clock_timestamp(),
                is_current boolean not null default false,
                manifest text not null
            );
            create unique index on {versions} (is_current) where is_current;
            create table {tables} (
                version_schema name not null
                    references {versions} on delete cascade,
                name text not null,
                n_rows bigint not null,
                digest text not null,
                layout text not null,
                primary key (version_schema, name)
            );
            comment on schema {schema} is '一刻钟：当前成果版本的视图';
            comment on table {versions} is '已发布的成果版本';
            comment on column {versions}.version_schema is '存放该版本的模式';
            comment on column {versions}.version is '成果版本';
            comment on column {versions}.study is '研究名称';
            comment on column {versions}.as_of is '评价日期';
            comment on column {versions}.notice is '必须随图表注明的说明';
            comment on column {versions}.published is '发布时间';
            comment on column {versions}.is_current is '是否当前版本，至多一个';
            comment on column {versions}.manifest is '成果清单（JSON 文本）';
            comment on table {tables} is '各成果版本的表、行数与校验和';
            comment on column {tables}.version_schema is '存放该版本的模式';
            comment on column {tables}.name is '表名';
            comment on column {tables}.n_rows is '行数';
            comment on column {tables}.digest is '全部数值的 SHA-256';
            comment on column {tables}.layout is '在成果文件中的排列（JSON 文本）';
            """
        ).format(
            schema=sql.Identifier(schema),
            versions=sql.Identifier(schema, VERSIONS),
            tables=sql.Identifier(schema, TABLES),
        )
    )


def list_stored(
    connection: psycopg.Connection[Any], schema: str
) -> list[StoredVersion]:
    """Return the versions of a database, the last published first."""
    query = sql.SQL(
        """
        select v.version, v.version_schema, v.is_current,
               array_remove(array_agg(t.name order by t.name), null)
        from {versions} v left join {tables} t using (version_schema)
        group by v.version_schema order by v.published desc, v.version_schema
        """
    ).format(
        versions=sql.Identifier(schema, VERSIONS),
        tables=sql.Identifier(schema, TABLES),
    )
    return [
        StoredVersion(version, stored, bool(current), tuple(tables))
        for version, stored, current, tables in connection.execute(query)
    ]


def current_stored(connection: psycopg.Connection[Any], schema: str) -> tuple[str, str]:
    """Return the current version and the schema that holds it.

    Raises
    ------
    NothingPublishedError
        If there is none.
    """
    query = sql.SQL("select version, version_schema from {} where is_current")
    try:
        row = connection.execute(
            query.format(sql.Identifier(schema, VERSIONS))
        ).fetchone()
    except psycopg.errors.UndefinedTable:
        row = None
    if row is None:
        raise NothingPublishedError(
            f"数据库模式“{schema}”里还没有发布的成果",
            hint="请先运行 yikezhong publish",
        )
    return str(row[0]), str(row[1])


def free_schema(connection: psycopg.Connection[Any], stem: str) -> str:
    """Return a name for the schema of a version that no schema has."""
    rows = connection.execute("select nspname::text from pg_namespace").fetchall()
    taken = {name for (name,) in rows}
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}_{number}", number + 1
    return name


def drop_version(
    connection: psycopg.Connection[Any], schema: str, stored: StoredVersion
) -> None:
    """Remove a version; nothing of anybody else goes with it.

    Raises
    ------
    psycopg.Error
        If another object depends on it, or it is being read for too long.
    """
    with connection.transaction():
        connection.execute("set local lock_timeout = '5s'")
        tables = [sql.Identifier(stored.schema, name) for name in stored.tables]
        if tables:
            drop = sql.SQL("drop table if exists {}").format(sql.SQL(", ").join(tables))
            connection.execute(drop)
        connection.execute(
            sql.SQL("drop schema if exists {}").format(sql.Identifier(stored.schema))
        )
        connection.execute(
            sql.SQL("delete from {} where version_schema = %s").format(
                sql.Identifier(schema, VERSIONS)
            ),
            [stored.schema],
        )


def columns_of(
    connection: psycopg.Connection[Any], schema: str, table: str
) -> Sequence[str]:
    """Return the columns of a table, in their order."""
    rows = connection.execute(
        """
        select a.attname::text from pg_catalog.pg_attribute a
        where a.attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text))
          and a.attnum > 0 and not a.attisdropped
        order by a.attnum
        """,
        [schema, table],
    ).fetchall()
    return [str(name) for (name,) in rows]
