"""The tables of a version as parts by service, row groups by level, as large ones are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from yikezhong_app.snapshots.opening import (
    CURRENT,
    MANIFEST,
    Snapshot,
    open_version,
    version_name,
)
from yikezhong_app.snapshots.stored_tables import sha256

PARTED = ("times", "coverage", "coverage_speeds", "gaps", "gap_areas", "circles")


def part_snapshot(
    snapshot: Snapshot, out: Path, *, names: Sequence[str] = PARTED
) -> Snapshot:
    """Rewrite a version in place with some tables in parts, and make it current."""
    manifest = json.loads((snapshot.folder / MANIFEST).read_bytes())
    for name in names:
        if name in manifest["tables"] and "service" in snapshot.table(name).columns:
            entry = manifest["tables"][name]
            manifest["tables"][name] = _part_table(snapshot.folder, name, entry)
    version = version_name(manifest)
    manifest["version"] = version
    (snapshot.folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")
    snapshot.folder.rename(snapshot.folder.with_name(version))
    (out / CURRENT).write_text(json.dumps({"version": version}), "utf-8")
    return open_version(out, version)


def _part_table(folder: Path, name: str, entry: dict[str, Any]) -> dict[str, Any]:
    path = folder / entry["file"]
    whole = pq.read_table(path)
    path.unlink()
    path.mkdir()
    text = whole.column("service").cast(pa.string())
    parts = []
    for service in pc.unique(text).to_pylist():
        mask = pc.is_null(text) if service is None else pc.equal(text, service)
        part = whole.filter(mask)
        file = f"{entry['file']}/{service or 'all'}.parquet"
        with pq.ParquetWriter(folder / file, part.schema) as writer:
            for group in _by_level(part):
                writer.write_table(group)
        digest = sha256(folder / file)
        parts.append({"file": file, "rows": len(part), "sha256": digest})
        parts[-1]["service"] = service
    return {k: entry[k] for k in ("file", "rows", "geometry")} | {"parts": parts}


def _by_level(table: pa.Table) -> list[pa.Table]:
    if "level" not in table.column_names:
        return [table]
    text = table.column("level").cast(pa.string())
    return [table.filter(pc.equal(text, level)) for level in pc.unique(text)]
