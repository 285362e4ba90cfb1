"""A published version fetched into a result folder, to be served from there.

The files are laid out as they were when the version was published, row group by row
group, and every table is compared with the sum it had then: what is served is to the
last bit what stands in the database, and that is what the run had written. The folder
is a result folder like any other, but for :data:`~.opening.COPY` beside the manifest.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import sql

from yikezhong_app.progress import ProgressCall
from yikezhong_app.publishing.digests import TableDigest
from yikezhong_app.publishing.layouts import FileLayout, TableLayout, layout_of
from yikezhong_app.publishing.publish import TIMES
from yikezhong_app.publishing.registry import (
    TABLES,
    VERSIONS,
    NothingPublishedError,
    current_stored,
)
from yikezhong_app.publishing.values import (
    ROW,
    column_query,
    is_geometry,
    rows_at_once,
    table_of,
)
from yikezhong_app.snapshots.opening import (
    COPY,
    CURRENT,
    MANIFEST,
    SCHEMA_VERSION,
    Snapshot,
    list_versions,
    open_current,
    open_version,
    version_name,
)
from yikezhong_app.snapshots.snapshot import publishing
from yikezhong_app.snapshots.stored_tables import SnapshotCorruptError, sha256
from yikezhong_coverage.errors import SourceError
from yikezhong_geodata.databases.connecting import Place, connected
from yikezhong_geodata.databases.relations import postgis_schema
from yikezhong_geodata.durable import replace_json, sync


class NotACopyError(SourceError):
    """A folder holds results of its own."""


@dataclass(frozen=True)
class _Table:
    """A table of a published version."""

    name: str
    rows: int
    digest: str
    layout: TableLayout


@dataclass(frozen=True)
class _Asked:
    """Rows of a row group: the first, how many, how many at once; its dictionaries."""

    first: int
    n_row: int
    step: int
    dictionaries: Mapping[str, list[str]]

    @property
    def end(self) -> int:
        """The row after the last."""
        return self.first + self.n_row


def published_version(place: Place, schema: str) -> tuple[str, str]:
    """Return the version that is current in a database, and the schema that holds it.

    The schema is another one when the same version was loaded anew.
    """
    with connected(place) as connection:
        return current_stored(connection, schema)


def fetch_current(
    place: Place, schema: str, out_dir: Path, *, progress: ProgressCall
) -> Snapshot:
    """Make the current version of a database that of a folder.

    Nothing is fetched where the folder has it already.

    Parameters
    ----------
    place : Place
    schema : str
        Schema of the views.
    out_dir : Path
        A folder for copies; made where it is missing.
    progress : callable
        Told each table and the share that is done.

    Raises
    ------
    NotACopyError
        If the folder holds versions that were computed there.
    NothingPublishedError
        If the database holds no version.
    SnapshotCorruptError
        If a table is not what was published.
    SourceError
        If the database cannot be reached.
    """
    require_copies(out_dir)
    with (
        publishing(out_dir),
        connected(place, application="yikezhong serve") as found,
        found.transaction(),
    ):
        found.execute("set transaction isolation level repeatable read, read only")
        version, stored = current_stored(found, schema)
        if version not in list_versions(out_dir) or not _opens(out_dir, version):
            _fetch(found, schema, stored, out_dir, version, progress)
    if not _is_current(out_dir, version):
        replace_json(out_dir / CURRENT, {"version": version})
    return open_version(out_dir, version)


def require_copies(out_dir: Path) -> None:
    """Raise where a folder holds results that are no copies.

    Raises
    ------
    NotACopyError
    """
    for version in list_versions(out_dir):
        if not (out_dir / "versions" / version / COPY).exists():
            raise NotACopyError(
                "目录里有在本机计算的成果，不能用来存放数据库成果的副本",
                file=str(out_dir),
                hint="请为服务另选一个空目录；只看本机成果时去掉 YIKEZHONG_DATABASE",
            )


def _opens(out_dir: Path, version: str) -> bool:
    try:
        open_version(out_dir, version)
    except SourceError:
        return False
    return True


def _is_current(out_dir: Path, version: str) -> bool:
    try:
        return open_current(out_dir).version == version
    except SourceError:
        return False


def _fetch(
    connection: psycopg.Connection[Any],
    schema: str,
    stored: str,
    out_dir: Path,
    version: str,
    progress: ProgressCall,
) -> None:
    """Write a version into a folder beside its place, and move it there when whole."""
    manifest = _manifest(connection, schema, stored)
    said = _checked(manifest, version)
    tables = _tables(connection, schema, stored)
    # held to the end: a publisher that drops old versions waits, or leaves it
    connection.execute(
        sql.SQL("lock table {} in access share mode").format(
            sql.SQL(", ").join(sql.Identifier(stored, table.name) for table in tables)
        )
    )
    versions = out_dir / "versions"
    versions.mkdir(exist_ok=True)
    for left in versions.glob(".new-*"):
        shutil.rmtree(left)
    work = versions / f".new-{secrets.token_hex(8)}"
    work.mkdir()
    try:
        (work / MANIFEST).write_text(manifest, encoding="utf-8")
        entries, done = {}, 0
        total = max(1, sum(table.rows for table in tables))
        for table in tables:
            progress(f"读取 {table.name}", done / total)
            entries[table.name] = _fetch_table(
                connection, stored, table, work, said[table.name]
            )
            done += table.rows
        text = json.dumps({"tables": entries}, ensure_ascii=False, indent=1)
        (work / COPY).write_text(text + "\n", encoding="utf-8")
        for path in [*sorted(work.rglob("*")), work]:
            sync(path)
        if (versions / version).exists():
            shutil.rmtree(versions / version)
        work.rename(versions / version)
        sync(versions)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    progress("完成", 1.0)


def _manifest(connection: psycopg.Connection[Any], schema: str, stored: str) -> str:
    query = sql.SQL("select manifest from {} where version_schema = %s")
    row = connection.execute(
        query.format(sql.Identifier(schema, VERSIONS)), [stored]
    ).fetchone()
    if row is None:
        raise NothingPublishedError("数据库里没有这个成果版本", file=stored)
    return str(row[0])


def _checked(manifest: str, version: str) -> dict[str, Any]:
    """Return the tables of a manifest, before any is fetched in vain."""
    try:
        record = json.loads(manifest)
        good = record["schema"] == SCHEMA_VERSION and record[
            "version"
        ] == version == version_name(record)
        tables: dict[str, Any] = record["tables"]
    except (ValueError, KeyError, TypeError):
        good, tables = False, {}
    if not good:
        raise SnapshotCorruptError(
            "数据库中的成果清单有误，或由另一版本的程序发布",
            file=version,
            hint="请用同一版本的程序发布与服务",
        )
    return tables


def _tables(
    connection: psycopg.Connection[Any], schema: str, stored: str
) -> list[_Table]:
    """Return the tables of a version; nothing that is served needs the times."""
    query = sql.SQL(
        "select name, n_rows, digest, layout from {} "
        "where version_schema = %s and name <> %s order by name"
    )
    rows = connection.execute(
        query.format(sql.Identifier(schema, TABLES)), [stored, TIMES]
    )
    return [
        _Table(str(name), int(n_row), str(digest), layout_of(layout))
        for name, n_row, digest, layout in rows
    ]


def _fetch_table(
    connection: psycopg.Connection[Any],
    stored: str,
    table: _Table,
    work: Path,
    said: dict[str, Any],
) -> dict[str, Any]:
    """Write the files of a table; return its entry of the manifest."""
    digest, first, parts = TableDigest(), 0, []
    place = sql.Identifier(stored, table.name)
    step = rows_at_once(table.rows, _size(connection, stored, table.name))
    for layout in table.layout.files:
        path = work / layout.file
        if not path.resolve().is_relative_to(work.resolve()):
            raise SnapshotCorruptError("数据库里的文件名有误", layer=table.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(path, layout.schema, compression="zstd") as writer:
            for group in layout.groups:
                asked = _Asked(
                    first, group.rows, step, table.layout.dictionaries_of(group)
                )
                rows = _read_group(connection, place, layout, asked)
                digest.add(rows)
                writer.write_table(rows, row_group_size=max(1, len(rows)))
                first += group.rows
        n_row = sum(group.rows for group in layout.groups)
        parts.append(
            {
                "file": layout.file,
                "rows": n_row,
                "sha256": sha256(path),
                "service": layout.service,
            }
        )
    if digest.text() != table.digest:
        raise _changed(table.name)
    if "parts" in said:
        return {**said, "parts": parts}
    return {**said, "sha256": parts[0]["sha256"]}


def _changed(name: str) -> SnapshotCorruptError:
    return SnapshotCorruptError(
        "数据库中的表与发布时不同",
        layer=name,
        hint="请用 yikezhong publish --again 重新发布",
    )


def _size(connection: psycopg.Connection[Any], schema: str, name: str) -> int:
    """Return what a table takes in the database [bytes]."""
    row = connection.execute(
        "select pg_table_size(format('%%I.%%I', %s::text, %s::text)::regclass)",
        [schema, name],
    ).fetchone()
    return int(row[0]) if row else 0


def _read_group(
    connection: psycopg.Connection[Any],
    place: sql.Identifier,
    layout: FileLayout,
    asked: _Asked,
) -> pa.Table:
    """Return one row group."""
    texts = (
        _csv(
            connection,
            place,
            layout.schema,
            (start, min(start + asked.step, asked.end)),
        )
        for start in range(asked.first, asked.end, asked.step)
    )
    try:
        slices = [table_of(text, layout.schema, asked.dictionaries) for text in texts]
    except pa.ArrowException as error:  # a column of another type
        raise _changed(place.as_string(connection)) from error
    if not slices:
        return layout.schema.empty_table()
    if len(slices) == 1:
        return slices[0]
    return pa.concat_tables(slices).unify_dictionaries()


def _csv(
    connection: psycopg.Connection[Any],
    place: sql.Identifier,
    schema: pa.Schema,
    span: tuple[int, int],
) -> bytes:
    """Return rows from a number up to before another, as PostgreSQL writes them."""
    query = sql.SQL(
        "copy (select {} from {} where {row} >= {} and {row} < {} order by {row}) "
        "to stdout (format csv, encoding 'UTF8')"
    ).format(
        sql.SQL(", ").join(_columns(connection, schema)),
        place,
        *map(sql.Literal, span),
        row=sql.Identifier(ROW),
    )
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        return b"".join(bytes(part) for part in copy)


def _columns(
    connection: psycopg.Connection[Any], schema: pa.Schema
) -> Sequence[sql.Composable]:
    where = (
        postgis_schema(connection) if any(is_geometry(f) for f in schema) else "public"
    )
    return [
        sql.SQL(column_query(field)).format(
            postgis=sql.Identifier(where), column=sql.Identifier(field.name)
        )
        for field in schema
    ]
