"""The tables of a version for answers: small ones whole, of large ones what is asked.

What is read of large tables is kept up to a bound in bytes, the least recently used
dropped first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from yikezhong_app.reading.shapes import Geometries
from yikezhong_app.snapshots.snapshot import Snapshot
from yikezhong_app.web.request_errors import ParameterError

#: Tables with at most so many rows are kept whole: about 100 MB.
MOST_WHOLE_ROWS: Final[dict[str, int]] = {
    "gaps": 300_000,
    "gap_areas": 100_000,
    "circles": 10_000,
    "indicators": 100_000,
    "roads": 500_000,
}
_MOST_OTHER_ROWS: Final = 1_000_000
#: Of a large table no answer is made with more rows, all pages together.
MOST_ANSWERED_ROWS: Final = 250_000
#: What is kept of large tables unless it is set otherwise [bytes].
DEFAULT_TABLE_BYTES: Final = 256 * 2**20

#: (service, level)
PartKey = tuple[str, str]


def check_size(reader: TableReader, name: str, n_rows: int, *, narrow: str) -> None:
    """Refuse an answer of very many rows of a large table before it is made.

    Parameters
    ----------
    reader : TableReader
    name : str
        Table.
    n_rows : int
        Rows of the answer, all pages together.
    narrow : str
        Parameter that narrows it.

    Raises
    ------
    ParameterError
        If there are too many.
    """
    if n_rows > MOST_ANSWERED_ROWS and reader.is_large(name):
        raise ParameterError(
            f"这个成果很大，所求有 {MOST_ANSWERED_ROWS} 行以上；请用 {narrow} 缩小范围",
            parameter=narrow,
        )


class TableReader:
    """Reads tables of a snapshot.

    Parameters
    ----------
    snapshot : Snapshot
    limit_bytes : int
        Bound on what is kept of large tables [bytes]; what is larger is given but not
        kept.
    """

    def __init__(
        self, snapshot: Snapshot, *, limit_bytes: int = DEFAULT_TABLE_BYTES
    ) -> None:
        self._snapshot = snapshot
        self._limit_bytes = limit_bytes
        #: Question → answer and the memory it takes [bytes].
        self._kept: OrderedDict[tuple[object, ...], tuple[pd.DataFrame, int]] = (
            OrderedDict()
        )
        self._split: dict[str, dict[PartKey, pd.DataFrame]] = {}
        self._lock = threading.Lock()
        #: Memory that the kept parts take [bytes].
        self.n_bytes = 0

    def is_there(self, name: str) -> bool:
        """Say whether the version has a table."""
        return name in self._snapshot.table_names

    def is_large(self, name: str) -> bool:
        """Say whether a table is read in parts only."""
        most = MOST_WHOLE_ROWS.get(name, _MOST_OTHER_ROWS)
        return self.is_there(name) and self._snapshot.n_rows(name) > most

    def n_rows(self, name: str) -> int:
        """Return how many rows a table has; none where it was not written."""
        return self._snapshot.n_rows(name) if self.is_there(name) else 0

    def whole(self, name: str) -> pd.DataFrame:
        """Return a whole table; an empty one where it was not written."""
        if self.is_there(name):
            return self._snapshot.table(name)
        return pd.DataFrame({"service": [], "level": []})

    def where(
        self,
        name: str,
        wanted: Mapping[str, str | float | None],
        *,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return the rows of a table that have the values wanted.

        Parameters
        ----------
        name : str
        wanted : mapping
            Column → value; None: any.
        columns : sequence of str or None
            Columns of the answer; None: all but the geometry.

        Returns
        -------
        DataFrame
            Its index tells the position of a row in the table.
        """
        asked = {k: value for k, value in wanted.items() if value is not None}
        if not self.is_large(name):
            return _rows(self.whole(name), asked, columns)
        key = (name, *sorted(asked.items()), tuple(columns or ()))
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found[0]
        service, level = asked.pop("service", None), asked.pop("level", None)
        rows = self._snapshot.select(
            name,
            service=None if service is None else str(service),
            level=None if level is None else str(level),
            where=asked,
            columns=columns or self._plain_columns(name),
        )
        # what decoding took is given back, not kept for a next time
        pa.default_memory_pool().release_unused()
        self._keep(key, rows)
        return rows

    def part(self, name: str, service: str, level: str) -> pd.DataFrame | None:
        """Return the rows of a service and a level; None where there are none."""
        if self.is_large(name):
            found = self.where(name, {"service": service, "level": level})
            return found if len(found) else None
        return self._parts_of(name).get((service, level))

    def keys(self, name: str) -> list[PartKey]:
        """Return the services and levels of which a table has rows."""
        if self.is_large(name):
            pairs = self._distinct.get(name)
            if pairs is None:
                found = self._snapshot.distinct(name, ["service", "level"])
                pairs = self._distinct[name] = [(str(s), str(lv)) for s, lv in found]
            return pairs
        return list(self._parts_of(name))

    def distinct(
        self, name: str, columns: Sequence[str], *, service: str | None = None
    ) -> list[tuple[Any, ...]]:
        """Return the different combinations of values in columns of a table."""
        if self.is_large(name):
            return self._snapshot.distinct(name, columns, service=service)
        table = self.where(name, {"service": service}, columns=columns)
        if any(column not in table for column in columns):
            return []
        unique = table.drop_duplicates()
        return list(unique.astype(object).itertuples(index=False, name=None))

    def shapes(self, name: str, at: Sequence[int]) -> Geometries:
        """Return the shapes of some rows of a table by their positions in it."""
        if self.is_large(name):
            found = self._snapshot.shapes(name, at)
            pa.default_memory_pool().release_unused()
            return found
        frame = self._snapshot.geo_table(name)
        chosen: Geometries = np.asarray(frame.geometry.array, dtype=object)[list(at)]
        return chosen

    @cached_property
    def _distinct(self) -> dict[str, list[PartKey]]:
        return {}

    def _plain_columns(self, name: str) -> list[str]:
        return [c for c in self._snapshot.columns(name) if c != "geometry"]

    def _parts_of(self, name: str) -> dict[PartKey, pd.DataFrame]:
        if name not in self._split:
            groups = self.whole(name).groupby(["service", "level"], sort=False)
            self._split[name] = {
                (str(s), str(level)): part for (s, level), part in groups if len(part)
            }
        return self._split[name]

    def _keep(self, key: tuple[object, ...], found: pd.DataFrame) -> None:
        n_bytes = int(found.memory_usage(deep=True).sum())
        if n_bytes > self._limit_bytes:
            return
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = found, n_bytes
            self.n_bytes += n_bytes
            while self.n_bytes > self._limit_bytes:
                _, (_, dropped) = self._kept.popitem(last=False)
                self.n_bytes -= dropped


@dataclass(frozen=True)
class Computed:
    """Which limits [s] and denominators a service's coverage has, in their order."""

    limits_s: dict[float, None]
    denominators: dict[str, None]


def read_computed(reader: TableReader) -> dict[str, Computed]:
    """Return what was computed of each service."""
    found: dict[str, Computed] = {}
    columns = ["service", "limit_s", "denominator"]
    for service, limit_s, denominator in reader.distinct("coverage", columns):
        own = found.setdefault(str(service), Computed({}, {}))
        own.limits_s[float(limit_s)] = None
        own.denominators[str(denominator)] = None
    return found


class PartMap(Mapping[PartKey, pd.DataFrame]):
    """(service, level) → rows of a table, each read when it is asked for.

    Parameters
    ----------
    reader : TableReader
    name : str
    where : mapping or None
        Only rows with these values in other columns.
    """

    def __init__(
        self,
        reader: TableReader,
        name: str,
        where: Mapping[str, float] | None = None,
    ) -> None:
        self._reader = reader
        self._name = name
        self._where = dict(where or {})

    def __getitem__(self, key: PartKey) -> pd.DataFrame:
        """Return the rows of a service and a level."""
        part = self._reader.part(self._name, *key)
        if part is not None and self._where:
            part = _rows(part, self._where, None)
        if part is None or part.empty:
            raise KeyError(key)
        return part

    def __iter__(self) -> Iterator[PartKey]:
        """Yield the services and levels, in the order of the table."""
        return iter(self._reader.keys(self._name))

    def __len__(self) -> int:
        """Return how many services and levels there are."""
        return len(self._reader.keys(self._name))

    def chosen(
        self, *, service: str | None = None, level: str | None = None
    ) -> Iterator[tuple[PartKey, pd.DataFrame]]:
        """Yield the parts of a service or a level; no others are read."""
        for key in self:
            if service in (None, key[0]) and level in (None, key[1]):
                part = self.get(key)
                if part is not None:
                    yield key, part


def _rows(
    table: pd.DataFrame,
    wanted: Mapping[str, str | float],
    columns: Sequence[str] | None,
) -> pd.DataFrame:
    mask = np.ones(len(table), dtype=bool)
    for name, value in wanted.items():
        mask &= (table[name] == value).to_numpy(dtype=bool)
    found = table if mask.all() else table[mask]
    if columns is not None:
        found = found[[name for name in columns if name in found]]
    return pd.DataFrame(found)
