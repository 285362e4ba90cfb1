"""Scenarios kept beside the versions of a result: written whole, read checked.

Layout: ``scenarios/<id>/`` with ``scenario.json`` (what was asked), ``manifest.json``
(on which baseline, with what result) and a Parquet file for each table.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd

from yikezhong_app.scenarios.reading import Scenario, parse_scenario
from yikezhong_app.snapshots.snapshot import (
    SnapshotCorruptError,
    SnapshotMissingError,
    read_record,
)
from yikezhong_geodata.durable import sync

LOG = logging.getLogger("yikezhong.scenarios")

FOLDER: Final = "scenarios"
SCHEMA: Final = 1
_MANIFEST: Final = "manifest.json"
_SCENARIO: Final = "scenario.json"
_ID: Final = re.compile(r"[0-9a-f]{12}")


def write_result(
    out_dir: Path,
    scenario: Scenario,
    tables: Mapping[str, pd.DataFrame],
    *,
    manifest: Mapping[str, Any],
) -> dict[str, Any]:
    """Write a scenario's result, whole or not at all; return its manifest.

    The same scenario on the same baseline has the same id and replaces nothing: what
    is there stays.

    Parameters
    ----------
    out_dir : Path
        Result folder.
    scenario : Scenario
    tables : mapping of str to DataFrame
    manifest : mapping
        Must hold ``baseline_version``.
    """
    id_ = scenario.id_for(str(manifest["baseline_version"]))
    target = out_dir / FOLDER / id_
    if is_kept(out_dir, id_):
        return read_manifest(out_dir, id_)
    target.parent.mkdir(parents=True, exist_ok=True)
    work = target.parent / f".new-{secrets.token_hex(8)}"
    work.mkdir()
    try:
        entries = {}
        for name in sorted(tables):
            path = work / f"{name}.parquet"
            tables[name].to_parquet(path, index=False, compression="zstd")
            entries[name] = {
                "file": path.name,
                "rows": len(tables[name]),
                "geometry": isinstance(tables[name], gpd.GeoDataFrame),
                "sha256": _sha256(path),
            }
        full = {**manifest, "schema": SCHEMA, "id": id_, "tables": entries}
        _write_json(work / _SCENARIO, scenario.document)
        _write_json(work / _MANIFEST, full)
        for path in (*work.iterdir(), work):
            sync(path)
        if target.exists():  # left by a run that died, or damaged since
            shutil.rmtree(target)
        try:
            work.rename(target)
        except OSError:
            # another process kept the same scenario in the meantime: it is the same
            if not (target / _MANIFEST).exists():
                raise
        sync(target.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return read_manifest(out_dir, id_)


def is_kept(out_dir: Path, id_: str) -> bool:
    """Say whether a scenario's result is there, whole."""
    try:
        entries = read_manifest(out_dir, id_)["tables"].values()
        return all(
            _sha256(out_dir / FOLDER / id_ / entry["file"]) == entry["sha256"]
            for entry in entries
        )
    except (SnapshotMissingError, SnapshotCorruptError):
        return False


def list_results(out_dir: Path) -> list[dict[str, Any]]:
    """Return the manifests of all scenarios, the newest first."""
    folder = out_dir / FOLDER
    if not folder.is_dir():
        return []
    found = []
    for path in folder.glob(f"[!.]*/{_MANIFEST}"):
        if _ID.fullmatch(path.parent.name):
            try:
                found.append(read_manifest(out_dir, path.parent.name))
            except SnapshotCorruptError as error:
                # the others are still there; asked for by name it says what is wrong
                LOG.error("left out of the list: %s", error)
    return sorted(found, key=lambda m: (m["created"], m["id"]), reverse=True)


def read_manifest(out_dir: Path, id_: str) -> dict[str, Any]:
    """Return the manifest of a scenario.

    Raises
    ------
    SnapshotMissingError
        If there is no such scenario.
    SnapshotCorruptError
        If its manifest cannot be read.
    """
    if not _ID.fullmatch(id_):
        raise SnapshotMissingError("没有这个方案", file=FOLDER)
    try:
        manifest = read_record(out_dir / FOLDER / id_ / _MANIFEST, "方案清单")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SnapshotMissingError("没有这个方案", file=id_) from error
    if manifest.get("schema") != SCHEMA or manifest.get("id") != id_:
        raise SnapshotCorruptError("方案清单的格式不符", file=_MANIFEST)
    return manifest


def read_asked(out_dir: Path, id_: str) -> Scenario:
    """Return what a kept scenario asks for."""
    path = out_dir / FOLDER / read_manifest(out_dir, id_)["id"] / _SCENARIO
    try:
        raw = read_record(path, "方案文件")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SnapshotCorruptError("方案文件已损坏", file=_SCENARIO) from error
    return parse_scenario(raw, file=_SCENARIO)


def read_table(out_dir: Path, id_: str, name: str) -> pd.DataFrame:
    """Return a table of a scenario, checked against its checksum.

    Raises
    ------
    SnapshotMissingError
        If there is no such scenario or table.
    SnapshotCorruptError
        If the file is not the one that was written.
    """
    entry = read_manifest(out_dir, id_)["tables"].get(name)
    if entry is None:
        raise SnapshotMissingError("方案中没有这张表", layer=name)
    path = out_dir / FOLDER / id_ / entry["file"]
    if _sha256(path) != entry["sha256"]:
        raise SnapshotCorruptError(
            "方案文件校验失败", file=entry["file"], hint="请重新计算该方案"
        )
    read = gpd.read_parquet if entry["geometry"] else pd.read_parquet
    table: pd.DataFrame = read(path)
    return table


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SnapshotCorruptError("方案文件缺失或无法读取", file=path.name) from error
