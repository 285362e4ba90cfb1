"""Tables of a snapshot that are written as several files, each made elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd
import pyarrow as pa

from yikezhong_app.snapshots.parquet_files import as_frame
from yikezhong_app.snapshots.stored_tables import files_of, read_matching

#: Files of a table that are read together have so many bytes at most, or are one.
_PIECE_BYTES: Final = 24_000_000


@dataclass(frozen=True)
class TableFile:
    """A part of a table.

    Parameters
    ----------
    path : Path
        GeoParquet or Parquet.
    name : str
        Its name in the table's folder, without the suffix.
    service : str or None
        The service that it is about; None: not of one service.
    rows : int
    geometry : bool
    sha256 : str
    """

    path: Path
    name: str
    service: str | None
    rows: int
    geometry: bool
    sha256: str


@dataclass(frozen=True)
class TableFiles:
    """A table in files; not empty."""

    files: tuple[TableFile, ...]

    def __len__(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def geometry(self) -> bool:
        """Whether the table has a geometry column."""
        return self.files[0].geometry

    def frame(self) -> pd.DataFrame:
        """Return the whole table."""
        return self.select({}, None)

    def parts(self) -> Iterator[TableFiles]:
        """Yield the files as tables of their own."""
        for file in self.files:
            yield TableFiles((file,))

    def frames(self) -> Iterator[pd.DataFrame]:
        """Yield the table in pieces: files that are not large together."""
        some: list[TableFile] = []
        size = 0
        for file in self.files:
            size += file.path.stat().st_size
            if some and size > _PIECE_BYTES:
                yield TableFiles(tuple(some)).frame()
                some, size = [], file.path.stat().st_size
            some.append(file)
        yield TableFiles(tuple(some)).frame()

    def select(
        self, wanted: Mapping[str, Any], columns: Sequence[str] | None
    ) -> pd.DataFrame:
        """Return the rows whose columns have the values wanted; no columns: all."""
        entry = self._entry([str(file.path.resolve()) for file in self.files])
        return read_matching(Path(), entry, files_of(entry), wanted, columns)

    def put(self, folder: Path, name: str) -> dict[str, Any]:
        """Put the files into a version's folder; return their entry of the manifest.

        Files on the same disk are linked: neither side ever changes them.
        """
        table = folder / f"{name}.parquet"
        table.mkdir()
        for file in self.files:
            _link(file.path, table / f"{file.name}.parquet")
        entry = self._entry([f"{table.name}/{f.name}.parquet" for f in self.files])
        return {"file": table.name, **entry}

    def _entry(self, places: Sequence[str]) -> dict[str, Any]:
        """Return the table's entry in a manifest, its files at some places."""
        parts = [
            {
                "file": place,
                "rows": file.rows,
                "sha256": file.sha256,
                "service": file.service,
            }
            for place, file in zip(places, self.files, strict=True)
        ]
        return {"rows": len(self), "geometry": self.geometry, "parts": parts}


@dataclass(frozen=True)
class MadeTable:
    """A table that is made when it is written, piece by piece, and let go of.

    Parameters
    ----------
    rows : int
    geometry : bool
        Whether it has a geometry column.
    pieces : callable
        Yields the pieces, at least one, all with the same columns and types; the same
        each time.
    """

    rows: int
    geometry: bool
    pieces: Callable[[], Iterator[pd.DataFrame | pa.Table]]

    def frame(self) -> pd.DataFrame:
        """Return the whole table."""
        whole: pd.DataFrame = pd.concat(list(self.frames()), ignore_index=True)
        return whole

    def frames(self) -> Iterator[pd.DataFrame]:
        """Yield the pieces for pandas."""
        for piece in self.pieces():
            yield as_frame(piece) if isinstance(piece, pa.Table) else piece

    def __len__(self) -> int:
        return self.rows


#: What a table is while a snapshot is made.
Table = pd.DataFrame | gpd.GeoDataFrame | pa.Table | TableFiles | MadeTable


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)
