"""The immutable result of a run: written whole, made current at once, read checked.

Layout of a result folder::

    current.json                 {"version": …}: replaced atomically, last of all
    versions/<version>/
        manifest.json            inputs, parameters, software, tables with checksums
        divisions.parquet …      a table: a file, or a folder of parts by service
        snapshot.gpkg            the same for QGIS
    .lock                        held while a run publishes

A reader that has opened a version keeps it: versions are never changed and a new run
only adds one. A run that dies leaves at most a folder ``versions/.new-…``, which the
next run removes.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd

from yikezhong_app.memory import release_memory
from yikezhong_app.snapshots.layers import write_layers
from yikezhong_app.snapshots.opening import (
    CURRENT,
    GEOPACKAGE,
    MANIFEST,
    NETWORK_PREFIX,
    SCHEMA_VERSION,
    Snapshot,
    find_damage,
    is_whole,
    list_versions,
    open_current,
    open_version,
    read_record,
    version_name,
)
from yikezhong_app.snapshots.parquet_files import write_parquet
from yikezhong_app.snapshots.stored_tables import (
    SnapshotCorruptError,
    SnapshotMissingError,
    sha256,
)
from yikezhong_app.snapshots.table_files import MadeTable, Table, TableFiles
from yikezhong_coverage.errors import PlannerError, SourceError
from yikezhong_geodata.durable import replace_json, sync

__all__ = [
    "CURRENT",
    "GEOPACKAGE",
    "MANIFEST",
    "NETWORK_PREFIX",
    "SCHEMA_VERSION",
    "Snapshot",
    "SnapshotBusyError",
    "SnapshotCorruptError",
    "SnapshotMissingError",
    "find_damage",
    "is_whole",
    "list_versions",
    "open_current",
    "open_version",
    "publishing",
    "read_record",
    "write_snapshot",
]


class SnapshotBusyError(PlannerError):
    """Another run is publishing into the same folder."""


def write_snapshot(
    out_dir: Path,
    tables: Mapping[str, Table],
    *,
    manifest: Mapping[str, Any],
) -> Snapshot:
    """Write a version and make it current.

    Parameters
    ----------
    out_dir : Path
        Result folder; made where it is missing.
    tables : mapping of str to DataFrame, GeoDataFrame, Arrow table or TableFiles
        GeoDataFrames must be in EPSG:4326.
    manifest : mapping
        What is to be kept about the run; must hold ``as_of`` (ISO date). ``version``,
        ``schema`` and ``tables`` are added, and ``geopackage_left_out`` where a layer
        does not hold all rows of its table. The version is named after the as-of date
        and a hash of the tables and the manifest, so the same result has the same
        name.

    Raises
    ------
    SnapshotBusyError
        If another process is publishing into ``out_dir``.
    """
    with publishing(out_dir):
        versions = out_dir / "versions"
        versions.mkdir(exist_ok=True)
        for left in versions.glob(".new-*"):
            shutil.rmtree(left)
        # not mkdtemp, whose folders nobody else may read: a service of another user
        work = versions / f".new-{secrets.token_hex(8)}"
        work.mkdir()
        try:
            entries = {
                name: _write_table(work, name, tables[name]) for name in sorted(tables)
            }
            services = manifest.get("services", ())
            limits_s = {service["id"]: service["limit_s"] for service in services}
            left_out = write_layers(work / GEOPACKAGE, tables, limits_s=limits_s)
            told = {"geopackage_left_out": left_out} if left_out else {}
            # as it will be read: what JSON cannot tell apart has one name
            said = json.loads(_as_json({**manifest, **told, "tables": entries}))
            version = version_name(said)
            full = {**said, "schema": SCHEMA_VERSION, "version": version}
            if (work / GEOPACKAGE).exists():
                full["geopackage_sha256"] = sha256(work / GEOPACKAGE)
            (work / MANIFEST).write_text(_as_json(full) + "\n", encoding="utf-8")
            _sync_tree(work)
            target = versions / version
            if not _exists_whole(out_dir, version):
                if target.exists():
                    target.rename(work.with_name(f".new-old-{version}"))
                work.rename(target)
            sync(versions)
        finally:
            for left in versions.glob(".new-*"):
                shutil.rmtree(left)
        replace_json(out_dir / CURRENT, {"version": version})
    return open_version(out_dir, version)


@contextmanager
def publishing(out_dir: Path) -> Iterator[None]:
    """Keep all others from writing into a result folder meanwhile.

    Raises
    ------
    SnapshotBusyError
        If another is at it.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    with (out_dir / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SnapshotBusyError(
                "另一个运行正在写入同一成果目录",
                file=out_dir.name,
                hint="请等它结束后再试，或换一个目录",
            ) from None
        yield


def _write_table(folder: Path, name: str, table: Table) -> dict[str, Any]:
    if isinstance(table, TableFiles):
        return table.put(folder, name)
    path = folder / f"{name}.parquet"
    if isinstance(table, MadeTable):
        write_parquet(path, table.pieces())
        release_memory()
        geometry = table.geometry
    else:
        write_parquet(path, [table])
        geometry = isinstance(table, gpd.GeoDataFrame)
    return {
        "file": path.name,
        "rows": len(table),
        "geometry": geometry,
        "sha256": sha256(path),
    }


def _as_json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True)


def _exists_whole(out_dir: Path, version: str) -> bool:
    try:
        return is_whole(open_version(out_dir, version))
    except SourceError:
        return False


def _sync_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        sync(path)
    sync(folder)
