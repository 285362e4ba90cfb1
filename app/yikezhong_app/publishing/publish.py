"""Publish a result in PostGIS: loaded whole, then made current in one transaction.

A publisher that dies, wherever it is, leaves the current version as it was: loading is
one transaction of its own, and what it had written the server takes back. A version
that was loaded but not made current is found by the next publisher and made current,
or counts among the old ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import sql

from yikezhong_app.progress import ProgressCall
from yikezhong_app.publishing.loading import Loaded, describe, load_table
from yikezhong_app.publishing.registry import (
    DEFAULT_SCHEMA,
    TABLES,
    VERSIONS,
    StoredVersion,
    check_name,
    columns_of,
    drop_version,
    free_schema,
    list_stored,
    only_publisher,
    prepare,
    schema_stem,
)
from yikezhong_app.snapshots.opening import MANIFEST, Snapshot
from yikezhong_coverage.errors import InputError, PlannerError
from yikezhong_geodata.databases.connecting import Place, connected

DEFAULT_READER: Final = "yikezhong_reader"
#: By far the largest table; most users of a database need it not.
TIMES: Final = "times"
#: Longest wait for who reads a view that is replaced [s].
_LOCK_S: Final = 30.0
#: What is left of the bar for making the version current.
_LOADING: Final = 0.95


class PublishBlockedError(PlannerError):
    """Something in the database stands in the way of the views."""


class KeepError(InputError):
    """No version would be kept."""


@dataclass(frozen=True)
class PublishOptions:
    """How a result is published.

    Parameters
    ----------
    schema : str
        Schema of the views and of what is known about versions.
    reader : str
        Role that may read; made where it is missing.
    keep : int
        Versions that are kept, with the current one.
    with_times : bool
        Whether the times of all demand points are published too.
    again : bool
        Load the version anew even if it is there.
    """

    schema: str = DEFAULT_SCHEMA
    reader: str = DEFAULT_READER
    keep: int = 3
    with_times: bool = False
    again: bool = False

    def __post_init__(self) -> None:
        check_name(self.schema, what="模式名")
        check_name(self.reader, what="角色名")
        if self.keep < 1:
            raise KeepError("至少保留 1 个版本", column="--keep")


@dataclass
class Published:
    """What became of a version.

    ``loaded`` says that tables were written, ``switched`` that it was made current;
    with neither it was there and current already.
    """

    version: str
    schema: str
    rows: dict[str, int]
    loaded: bool = False
    switched: bool = False
    dropped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def publish_snapshot(
    snapshot: Snapshot,
    place: Place,
    options: PublishOptions,
    *,
    progress: ProgressCall,
) -> Published:
    """Publish a version and make it current.

    Parameters
    ----------
    snapshot : Snapshot
    place : Place
        The database.
    options : PublishOptions
    progress : callable
        Told each step and the share that is done.

    Returns
    -------
    Published

    Raises
    ------
    PublishBusyError
        If another is publishing into the same schema.
    PublishBlockedError
        If a view cannot be put in its place.
    SnapshotCorruptError
        If a file of the result is not the one that was written.
    SourceError
        If the database cannot be reached, or does not allow it.
    """
    progress("连接数据库", 0.0)
    with (
        connected(place, application="yikezhong publish") as connection,
        only_publisher(connection, options.schema),
    ):
        _set_session(connection)
        with connection.transaction():
            prepare(connection, options.schema)
        names = [
            name for name in snapshot.table_names if name != TIMES or options.with_times
        ]
        stored = None if options.again else _find(connection, snapshot, options, names)
        loaded = stored is None
        if stored is None:
            stored = _load(connection, snapshot, options, names, progress)
        result = Published(
            snapshot.version,
            stored.schema,
            {name: int(snapshot.manifest["tables"][name]["rows"]) for name in names},
            loaded=loaded,
        )
        progress("切换当前版本", _LOADING)
        if not stored.is_current:
            _switch(connection, options.schema, stored)
            result.switched = True
        _grant(connection, options, stored, result)
        progress("清理旧版本", _LOADING)
        _drop_old(connection, options, stored, result)
        progress("完成", 1.0)
    return result


def _set_session(connection: psycopg.Connection[Any]) -> None:
    for setting in (
        # a view of the same name may wait for its readers, but not for ever
        f"set lock_timeout = '{_LOCK_S * 1000:.0f}ms'",
        # a publisher that is gone is noticed while the server builds an index
        "set client_connection_check_interval = '2s'",
        # a large table may take longer than a user of the database may
        "set statement_timeout = 0",
    ):
        try:
            connection.execute(setting.encode())
        except psycopg.errors.UndefinedObject:  # an older server
            continue
        except psycopg.errors.InvalidParameterValue:  # not on this system
            continue


def _find(
    connection: psycopg.Connection[Any],
    snapshot: Snapshot,
    options: PublishOptions,
    names: list[str],
) -> StoredVersion | None:
    """Return the version where it is loaded already, with all tables that are asked."""
    for stored in list_stored(connection, options.schema):
        if stored.version == snapshot.version and set(names) <= set(stored.tables):
            return stored
    return None


def _load(
    connection: psycopg.Connection[Any],
    snapshot: Snapshot,
    options: PublishOptions,
    names: list[str],
    progress: ProgressCall,
) -> StoredVersion:
    """Load all tables of a version in one transaction."""
    entries = snapshot.manifest["tables"]
    told = _counting(progress, total=sum(int(entries[name]["rows"]) for name in names))
    with connection.transaction():
        target = free_schema(connection, schema_stem(options.schema, snapshot.version))
        connection.execute(sql.SQL("create schema {}").format(sql.Identifier(target)))
        connection.execute(
            sql.SQL("comment on schema {} is {}").format(
                sql.Identifier(target),
                sql.Literal(f"一刻钟成果版本 {snapshot.version}"),
            )
        )
        loaded = [
            load_table(connection, snapshot, name, schema=target, told=told(name))
            for name in names
        ]
        _register(connection, snapshot, options.schema, target, loaded)
    return StoredVersion(snapshot.version, target, False, tuple(names))


def _counting(
    progress: ProgressCall, *, total: int
) -> Callable[[str], Callable[[int], None]]:
    """Return what makes, for a table, a call that counts its rows."""
    done = 0

    def of_table(name: str) -> Callable[[int], None]:
        def told(n_row: int) -> None:
            nonlocal done
            done += n_row
            progress(f"写入 {name}", _LOADING * done / max(total, 1))

        told(0)
        return told

    return of_table


def _register(
    connection: psycopg.Connection[Any],
    snapshot: Snapshot,
    schema: str,
    target: str,
    loaded: list[Loaded],
) -> None:
    said = snapshot.manifest
    connection.execute(
        sql.SQL(
            "insert into {} (version_schema, version, study, as_of, notice, manifest) "
            "values (%s, %s, %s, %s, %s, %s)"
        ).format(sql.Identifier(schema, VERSIONS)),
        [
            target,
            snapshot.version,
            said.get("name"),
            said.get("as_of"),
            said.get("notice"),
            # as it was written: the version is named after it
            (snapshot.folder / MANIFEST).read_text(encoding="utf-8"),
        ],
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            sql.SQL(
                "insert into {} (version_schema, name, n_rows, digest, layout) "
                "values (%s, %s, %s, %s, %s)"
            ).format(sql.Identifier(schema, TABLES)),
            [[target, t.name, t.rows, t.digest, t.layout] for t in loaded],
        )


def _switch(
    connection: psycopg.Connection[Any], schema: str, stored: StoredVersion
) -> None:
    """Have the views show a version, all at once."""
    with connection.transaction():
        before = [v for v in list_stored(connection, schema) if v.is_current]
        for name in stored.tables:
            _put_view(connection, schema, name, stored.schema)
        gone = {n for version in before for n in version.tables} - set(stored.tables)
        for name in sorted(gone):
            _drop_view(connection, schema, name)
        versions = sql.Identifier(schema, VERSIONS)
        connection.execute(
            sql.SQL("update {} set is_current = false where is_current").format(
                versions
            )
        )
        connection.execute(
            sql.SQL(
                "update {} set is_current = true, published = clock_timestamp() "
                "where version_schema = %s"
            ).format(versions),
            [stored.schema],
        )


def _put_view(
    connection: psycopg.Connection[Any], schema: str, name: str, target: str
) -> None:
    columns = columns_of(connection, target, name)
    view = sql.Identifier(schema, name)
    body = sql.SQL("view {} as select {} from {}").format(
        view,
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Identifier(target, name),
    )
    try:
        with connection.transaction():
            # kept where its columns are the same: with it what others built on it
            connection.execute(sql.SQL("create or replace {}").format(body))
    except psycopg.errors.InvalidTableDefinition:
        _drop_view(connection, schema, name)
        connection.execute(sql.SQL("create {}").format(body))
    except psycopg.errors.WrongObjectType:
        raise PublishBlockedError(
            f"模式“{schema}”中已有同名的表“{name}”",
            hint="请改名或删去它，或用 --schema 另选模式",
        ) from None
    describe(connection, "view", view, name, columns)


def _drop_view(connection: psycopg.Connection[Any], schema: str, name: str) -> None:
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("drop view if exists {}").format(sql.Identifier(schema, name))
            )
    except psycopg.errors.DependentObjectsStillExist as error:
        raise PublishBlockedError(
            f"视图“{schema}.{name}”的列有变化，而别的对象用着它",
            hint=f"请先删去这些对象：{error.diag.message_detail or ''}",
        ) from None


def _grant(
    connection: psycopg.Connection[Any],
    options: PublishOptions,
    stored: StoredVersion,
    result: Published,
) -> None:
    """Let the reading role read; say what is not allowed."""
    reader = sql.Identifier(options.reader)
    found = connection.execute(
        "select 1 from pg_roles where rolname = %s", [options.reader]
    ).fetchone()
    try:
        with connection.transaction():
            if found is None:
                connection.execute(sql.SQL("create role {} nologin").format(reader))
                comment = sql.SQL("comment on role {} is {}")
                connection.execute(
                    comment.format(reader, sql.Literal("一刻钟成果的只读角色"))
                )
            schemas = sql.SQL(", ").join(
                sql.Identifier(s) for s in (options.schema, stored.schema)
            )
            for right in ("usage on schema {}", "select on all tables in schema {}"):
                connection.execute(
                    sql.SQL("grant {} to {}").format(
                        sql.SQL(right).format(schemas), reader
                    )
                )
    except psycopg.errors.InsufficientPrivilege:
        result.notes.append(
            f"没有权限建立角色 {options.reader} 或向它授权："
            "请数据库管理员建立该角色，再发布一次"
        )


def _drop_old(
    connection: psycopg.Connection[Any],
    options: PublishOptions,
    stored: StoredVersion,
    result: Published,
) -> None:
    """Drop what is not to be kept; what is in use stays until the next time."""
    others = [
        version
        for version in list_stored(connection, options.schema)
        if version.schema != stored.schema
    ]
    # the same version loaded twice: the one that is current stays
    twice = [v for v in others if v.version == stored.version]
    old = [v for v in others if v.version != stored.version][options.keep - 1 :]
    for version in [*twice, *old]:
        try:
            drop_version(connection, options.schema, version)
            result.dropped.append(version.schema)
        except (
            psycopg.errors.LockNotAvailable,
            psycopg.errors.DependentObjectsStillExist,
            psycopg.errors.InsufficientPrivilege,
        ):
            result.notes.append(f"旧版本 {version.schema} 正在使用，留待下次清理")
