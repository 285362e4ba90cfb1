"""A finished version of a result, opened for reading: its tables, whole or in part."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from yikezhong_app.snapshots.stored_tables import (
    SnapshotCorruptError,
    SnapshotMissingError,
    StoredFile,
    check_file,
    column_names,
    distinct_rows,
    file_sums,
    files_of,
    read_matching,
    read_shapes,
    read_whole,
    sha256,
)

SCHEMA_VERSION: Final = 1

#: Files that describe a version; every other file is a table.
MANIFEST: Final = "manifest.json"
CURRENT: Final = "current.json"
GEOPACKAGE: Final = "snapshot.gpkg"
#: In a version that was fetched from a database: its tables as they lie here.
COPY: Final = "copy.json"
#: Start of the names of the tables that hold the road networks.
NETWORK_PREFIX: Final = "network_"
#: What is added to a manifest when it is written; its version does not depend on it.
_ADDED: Final = ("created", "schema", "version", "geopackage_sha256")
_VERSION: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9a-f]{12}")
_RUN_AGAIN: Final = "请重新运行 yikezhong run"


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One whole result of a run, read from its folder.

    Tables are read when first asked for and kept; do not change them. Files are
    checked against the manifest's checksums when they are first read.
    """

    folder: Path
    manifest: Mapping[str, Any]
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    _checked: set[str] = field(default_factory=set, repr=False)
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

    def select(
        self,
        name: str,
        *,
        service: str | None = None,
        level: str | None = None,
        columns: Sequence[str] | None = None,
        where: Mapping[str, str | float] | None = None,
    ) -> pd.DataFrame:
        """Return the rows of a service and a level, reading no others where possible.

        Nothing is kept: a table may be larger than memory.

        Parameters
        ----------
        name : str
        service, level : str or None
            Only rows with this in the column of that name; None: all.
        columns : sequence of str or None
            Columns wanted; None: all.
        where : mapping of str to str or float, or None
            Other columns with the value wanted.

        Returns
        -------
        DataFrame or GeoDataFrame
            In the order of the table; the index tells the position in the whole table.

        Raises
        ------
        SnapshotMissingError
            If this version has no such table, or the table no such column.
        SnapshotCorruptError
            If a file that is read is not the one that was written.
        """
        entry = self._entry(name)
        asked = {"service": service, "level": level, **(where or {})}
        wanted = {key: value for key, value in asked.items() if value is not None}
        files = files_of(entry)
        if service is not None:
            # the first for its columns, where no file holds the service
            files = [f for f in files if f.holds(service)] or files[:1]
        for stored in files:
            self._check(stored)
        return read_matching(self.folder, entry, files, wanted, columns)

    def shapes(self, name: str, at: Sequence[int]) -> NDArray[np.object_]:
        """Return the shapes of some rows of a table by their positions in it."""
        entry = self._entry(name)
        for stored in files_of(entry):
            self._check(stored)
        return read_shapes(self.folder, entry, np.asarray(at, dtype=np.int64))

    def distinct(
        self, name: str, columns: Sequence[str], *, service: str | None = None
    ) -> list[tuple[Any, ...]]:
        """Return the different combinations of values in some columns of a table."""
        found: dict[tuple[Any, ...], None] = {}
        for stored in files_of(self._entry(name)):
            if service is None or stored.holds(service):
                self._check(stored)
                found.update(dict.fromkeys(distinct_rows(self.folder, stored, columns)))
        return list(found)

    def columns(self, name: str) -> list[str]:
        """Return the names of the columns of a table; no rows are read."""
        stored = files_of(self._entry(name))[0]
        self._check(stored)
        return column_names(self.folder / stored.file)

    def n_rows(self, name: str) -> int:
        """Return how many rows a table has; nothing is read."""
        return int(self._entry(name)["rows"])

    def arrow(self, name: str) -> pa.Table:
        """Return a table of one file as Arrow; it is not kept.

        Raises
        ------
        SnapshotMissingError, SnapshotCorruptError
            As :meth:`table`.
        """
        (stored,) = files_of(self._entry(name))
        self._check(stored)
        return pq.read_table(self.folder / stored.file)

    def _entry(self, name: str) -> Mapping[str, Any]:
        entry: Mapping[str, Any] | None = self.manifest["tables"].get(name)
        if entry is None:
            raise SnapshotMissingError("成果中没有这张表", layer=name)
        return entry

    def _check(self, stored: StoredFile) -> None:
        if stored.file not in self._checked:
            check_file(self.folder, stored)
            self._checked.add(stored.file)

    def _read(self, name: str) -> pd.DataFrame:
        entry = self._entry(name)
        files = files_of(entry)
        for stored in files:
            self._check(stored)
        return read_whole(self.folder, entry, files)


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
    if version_name(manifest) != version:
        raise SnapshotCorruptError("成果清单校验失败", file=MANIFEST, hint=_RUN_AGAIN)
    return Snapshot(folder, _as_copied(folder, manifest))


def _as_copied(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest with the files that a copy from a database has."""
    if not (folder / COPY).exists():
        return manifest
    tables = read_record(folder / COPY, "成果副本清单").get("tables")
    if not isinstance(tables, dict):
        raise SnapshotCorruptError("成果副本清单已损坏", file=COPY)
    kept = {k: v for k, v in manifest.items() if k != "geopackage_sha256"}
    return {**kept, "tables": tables}


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


def version_name(manifest: Mapping[str, Any]) -> str:
    """Return the name of a version: its as-of date and a hash of what it says."""
    stable = {k: v for k, v in manifest.items() if k not in (*_ADDED, "tables")}
    said = [stable, manifest.get("tables")]
    text = json.dumps(said, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{manifest.get('as_of')}-{digest}"


def is_whole(snapshot: Snapshot) -> bool:
    """Say whether every file is what the manifest says."""
    return find_damage(snapshot) is None


def find_damage(snapshot: Snapshot) -> str | None:
    """Return the first file that is not what the manifest says, None if all are."""
    sums = file_sums(snapshot.manifest)
    if "geopackage_sha256" in snapshot.manifest:
        sums[GEOPACKAGE] = snapshot.manifest["geopackage_sha256"]
    for file, expected in sums.items():
        try:
            if sha256(snapshot.folder / file) != expected:
                return file
        except SnapshotCorruptError:
            return file
    return None
