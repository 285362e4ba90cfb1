"""The immutable result of a run: written whole, made current at once, read checked.

Layout of a result folder::

    current.json                 {"version": …}: replaced atomically, last of all
    versions/<version>/
        manifest.json            inputs, parameters, software, tables with checksums
        divisions.parquet …      one file a table
        snapshot.gpkg            the same for QGIS
    .lock                        held while a run publishes

A reader that has opened a version keeps it: versions are never changed and a new run
only adds one. A run that dies leaves at most a folder ``versions/.new-…``, which the
next run removes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import secrets
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq

from yikezhong_app.tables.parts import TableParts
from yikezhong_coverage.errors import PlannerError, SourceError
from yikezhong_geodata.durable import replace_json, sync
from yikezhong_geodata.geopackages import write_layer

SCHEMA_VERSION = 1

#: Files that describe a version; every other file is a table.
MANIFEST = "manifest.json"
CURRENT = "current.json"
GEOPACKAGE = "snapshot.gpkg"
#: Start of the names of the tables that hold the road networks.
NETWORK_PREFIX = "network_"
#: What is added to a manifest when it is written; its version does not depend on it.
_ADDED = ("created", "schema", "version", "geopackage_sha256")
_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9a-f]{12}")
_RUN_AGAIN = "请重新运行 yikezhong run"


class SnapshotMissingError(SourceError):
    """There is no finished result in the folder."""


class SnapshotCorruptError(SourceError):
    """A stored file is not what the manifest says it is."""


class SnapshotBusyError(PlannerError):
    """Another run is publishing into the same folder."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One whole result of a run, read from its folder.

    Tables are read when first asked for, checked against the manifest's checksum and
    kept; do not change them.
    """

    folder: Path
    manifest: Mapping[str, Any]
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def version(self) -> str:
        """Name of this version; part of every ETag."""
        return str(self.manifest["version"])

    @property
    def table_names(self) -> tuple[str, ...]:
        """Names of the tables this version holds."""
        return tuple(self.manifest["tables"])

    def table(self, name: str) -> pd.DataFrame:
        """Return a table: a GeoDataFrame where it has a geometry column.

        Raises
        ------
        SnapshotMissingError
            If this version has no such table.
        SnapshotCorruptError
            If the file is not the one that was written.
        """
        with self._lock:
            if name not in self._tables:
                self._tables[name] = self._read(name)
            return self._tables[name]

    def geo_table(self, name: str) -> gpd.GeoDataFrame:
        """Return a table that has a geometry column."""
        table = self.table(name)
        if not isinstance(table, gpd.GeoDataFrame):
            raise SnapshotMissingError("该表没有图形", layer=name)
        return table

    def _read(self, name: str) -> pd.DataFrame:
        entry = self.manifest["tables"].get(name)
        if entry is None:
            raise SnapshotMissingError("成果中没有这张表", layer=name)
        path = self.folder / entry["file"]
        if _sha256(path) != entry["sha256"]:
            raise SnapshotCorruptError(
                "成果文件校验失败", file=entry["file"], hint="请重新运行 yikezhong run"
            )
        read = gpd.read_parquet if entry["geometry"] else pd.read_parquet
        table: pd.DataFrame = read(path)
        return table


def open_current(out_dir: Path) -> Snapshot:
    """Open the current version of a result folder.

    Raises
    ------
    SnapshotMissingError
        If no run has finished there.
    SnapshotCorruptError
        If the pointer or the manifest cannot be read.
    """
    try:
        version = read_record(out_dir / CURRENT, "成果指针").get("version")
    except (FileNotFoundError, NotADirectoryError):
        raise SnapshotMissingError(
            "还没有可用的成果",
            file=out_dir.name,
            hint="请先运行 yikezhong run",
        ) from None
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise SnapshotCorruptError("成果指针已损坏", file=CURRENT, hint=_RUN_AGAIN)
    return open_version(out_dir, version)


def open_version(out_dir: Path, version: str) -> Snapshot:
    """Open a version by name.

    Raises
    ------
    SnapshotMissingError
        If there is none.
    SnapshotCorruptError
        If its manifest is of another schema, or not the one that was written: the
        version is named after a hash of what the manifest says.
    """
    folder = out_dir / "versions" / version
    try:
        manifest = read_record(folder / MANIFEST, "成果清单")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SnapshotMissingError("没有这个成果版本", file=version) from error
    if manifest.get("schema") != SCHEMA_VERSION or manifest.get("version") != version:
        raise SnapshotCorruptError("成果的格式版本不符", file=MANIFEST, hint=_RUN_AGAIN)
    if _version_name(manifest) != version:
        raise SnapshotCorruptError("成果清单校验失败", file=MANIFEST, hint=_RUN_AGAIN)
    return Snapshot(folder, manifest)


def read_record(path: Path, what: str) -> dict[str, Any]:
    """Return the JSON object of a stored file; ``what`` it is, in Chinese.

    Raises
    ------
    SnapshotCorruptError
        If it cannot be read or is none.
    FileNotFoundError, NotADirectoryError
        If it is not there.
    """
    try:
        record = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (ValueError, RecursionError, OSError) as error:
        raise SnapshotCorruptError(
            f"{what}已损坏", file=path.name, hint=_RUN_AGAIN
        ) from error
    if not isinstance(record, dict):
        raise SnapshotCorruptError(f"{what}已损坏", file=path.name, hint=_RUN_AGAIN)
    return record


def list_versions(out_dir: Path) -> list[str]:
    """Return the names of all finished versions, oldest name first."""
    folder = out_dir / "versions"
    if not folder.is_dir():
        return []
    return sorted(p.parent.name for p in folder.glob(f"[!.]*/{MANIFEST}"))


def write_snapshot(
    out_dir: Path,
    tables: Mapping[str, pd.DataFrame | TableParts],
    *,
    manifest: Mapping[str, Any],
) -> Snapshot:
    """Write a version and make it current.

    Parameters
    ----------
    out_dir : Path
        Result folder; made where it is missing.
    tables : mapping of str to DataFrame, GeoDataFrame or TableParts
        GeoDataFrames must be in EPSG:4326; parts must not be empty.
    manifest : mapping
        What is to be kept about the run; must hold ``as_of`` (ISO date). ``version``,
        ``schema`` and ``tables`` are added. The version is named after the as-of date
        and a hash of the tables and the manifest, so the same result has the same
        name.

    Raises
    ------
    SnapshotBusyError
        If another process is publishing into ``out_dir``.
    """
    with _publishing(out_dir):
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
            # as it will be read: what JSON cannot tell apart has one name
            said = json.loads(_as_json({**manifest, "tables": entries}))
            version = _version_name(said)
            _write_geopackage(work / GEOPACKAGE, tables)
            full = {**said, "schema": SCHEMA_VERSION, "version": version}
            if (work / GEOPACKAGE).exists():
                full["geopackage_sha256"] = _sha256(work / GEOPACKAGE)
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
def _publishing(out_dir: Path) -> Iterator[None]:
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


def _write_table(
    folder: Path, name: str, table: pd.DataFrame | TableParts
) -> dict[str, Any]:
    path = folder / f"{name}.parquet"
    if isinstance(table, TableParts):
        _write_parts(path, table)
    else:
        table.to_parquet(path, index=False, compression="zstd")
    return {
        "file": path.name,
        "rows": len(table),
        "geometry": isinstance(table, gpd.GeoDataFrame),
        "sha256": _sha256(path),
    }


def _write_parts(path: Path, parts: TableParts) -> None:
    """Write a table part by part: it is never held whole."""
    tables = parts.arrow_tables()
    first = next(tables)
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        for table in (first, *tables):
            writer.write_table(table)


def _as_json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True)


def _version_name(manifest: Mapping[str, Any]) -> str:
    stable = {k: v for k, v in manifest.items() if k not in (*_ADDED, "tables")}
    said = [stable, manifest.get("tables")]
    text = json.dumps(said, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{manifest.get('as_of')}-{digest}"


def _write_geopackage(
    path: Path, tables: Mapping[str, pd.DataFrame | TableParts]
) -> None:
    for name in sorted(tables):
        table = tables[name]
        if not isinstance(table, gpd.GeoDataFrame) or table.empty:
            continue
        plain = table.copy()
        for column in plain.columns:
            first = plain[column].dropna().head(1)
            if len(first) and isinstance(first.iloc[0], (list, tuple, dict)):
                plain[column] = plain[column].map(_cell_text)
            elif column != plain.geometry.name and (
                plain[column].dtype == object
                or isinstance(plain[column].dtype, pd.CategoricalDtype)
            ):
                plain[column] = plain[column].astype("str")
        write_layer(plain, path, layer=name)


def _cell_text(value: object) -> str | None:
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return None if value is None else str(value)


def is_whole(snapshot: Snapshot) -> bool:
    """Say whether every file is what the manifest says."""
    return find_damage(snapshot) is None


def find_damage(snapshot: Snapshot) -> str | None:
    """Return the first file that is not what the manifest says, None if all are."""
    sums: dict[str, str] = {
        e["file"]: e["sha256"] for e in snapshot.manifest["tables"].values()
    }
    if "geopackage_sha256" in snapshot.manifest:
        sums[GEOPACKAGE] = snapshot.manifest["geopackage_sha256"]
    for file, expected in sums.items():
        try:
            if _sha256(snapshot.folder / file) != expected:
                return file
        except SnapshotCorruptError:
            return file
    return None


def _exists_whole(out_dir: Path, version: str) -> bool:
    try:
        return is_whole(open_version(out_dir, version))
    except SourceError:
        return False


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SnapshotCorruptError("成果文件缺失或无法读取", file=path.name) from error


def _sync_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        sync(path)
    sync(folder)
