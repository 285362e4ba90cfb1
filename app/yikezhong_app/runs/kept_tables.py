"""Tables of a service as files that are kept: written whole, checked when used again."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from yikezhong_app.runs.array_files import digest
from yikezhong_app.snapshots.parquet_files import (
    as_arrow,
    has_shapes,
    write_parquet,
)
from yikezhong_app.snapshots.stored_tables import sha256
from yikezhong_coverage.errors import SourceError
from yikezhong_geodata.columns import LEVELS

_DONE: Final = "done.json"
#: Member of it that says that the rest is as it was written.
_SEAL: Final = "seal"
#: Tables whose rows are put together by level: one level is read without the others.
_BY_LEVEL: Final = frozenset({"coverage", "coverage_speeds", "gaps"})


@dataclass(frozen=True)
class KeptTable:
    """A table of a service as a file.

    Parameters
    ----------
    path : Path
    rows : int
    geometry : bool
        Whether it has a geometry column.
    sha256 : str
    """

    path: Path
    rows: int
    geometry: bool
    sha256: str


@dataclass(frozen=True)
class KeptTables:
    """The tables of one service in a folder that is named by what decides them."""

    folder: Path

    @contextmanager
    def making(self) -> Iterator[Path]:
        """Give a folder to write into; it takes its place when all is written."""
        fresh = self.folder.with_name(f".new-{secrets.token_hex(8)}")
        fresh.mkdir(parents=True)
        try:
            yield fresh
            files = {
                path.name: sha256(path)
                for path in sorted(fresh.iterdir())
                if path.name != _DONE
            }
            about = {**_read(fresh / _DONE), "files": files}
            _write(fresh / _DONE, {**about, _SEAL: digest(json.dumps(about))})
            if self.folder.exists():
                shutil.rmtree(self.folder)
            fresh.replace(self.folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def add(self, folder: Path, name: str, table: pd.DataFrame | pa.Table) -> None:
        """Write a table into a folder that is being made."""
        path = folder / f"{name}.parquet"
        stored, groups = _with_common_types(as_arrow(table)), None
        if name in _BY_LEVEL:
            stored, groups = _by_level(stored)
        write_parquet(path, [stored], groups=groups)
        about = _read(folder / _DONE)
        about.setdefault("tables", {})[name] = {
            "rows": stored.num_rows,
            "geometry": has_shapes(stored),
        }
        _write(folder / _DONE, about)

    def is_whole(self) -> bool:
        """Say whether all files are there as they were written."""
        about = _read(self.folder / _DONE)
        seal = about.pop(_SEAL, None)
        if seal is None or seal != digest(json.dumps(about)):
            return False
        try:
            return all(
                sha256(self.folder / name) == value
                for name, value in about["files"].items()
            )
        except SourceError:
            return False

    def tables(self) -> dict[str, KeptTable]:
        """Return the tables by name."""
        about = _read(self.folder / _DONE)
        return {
            name: KeptTable(
                path=self.folder / f"{name}.parquet",
                rows=int(entry["rows"]),
                geometry=bool(entry["geometry"]),
                sha256=about["files"][f"{name}.parquet"],
            )
            for name, entry in about.get("tables", {}).items()
        }


def _by_level(table: pa.Table) -> tuple[pa.Table, list[int]]:
    """Return a table with the highest level first, and the rows of each level."""
    words = table.column("level").combine_chunks()
    of_word = np.array([LEVELS.index(w) for w in words.dictionary.to_pylist()])
    level = of_word[words.indices.to_numpy()]
    order = pa.array(np.argsort(level, kind="stable"))
    return table.take(order), np.bincount(level, minlength=len(LEVELS)).tolist()


def _with_common_types(table: pa.Table) -> pa.Table:
    """Return a table with types that do not depend on what this file holds.

    Readers that join the files of a table take the types of the first: indexes of
    texts are of one width, and a column without any value is one of texts.
    """

    def common(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_dictionary(kind):
            return pa.dictionary(pa.int32(), kind.value_type)
        return pa.large_string() if pa.types.is_null(kind) else kind

    fields = [field.with_type(common(field.type)) for field in table.schema]
    return table.cast(pa.schema(fields, metadata=table.schema.metadata))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, about: dict[str, Any]) -> None:
    path.write_text(json.dumps(about), encoding="utf-8")
