"""The layers of a snapshot's GeoPackage: what a GIS opens, at any size of the study.

A layer with more than :data:`MOST_ROWS` rows opens slowly and is little use on a map:
of the gaps it then holds those at each service's own limit, and where that is still too
much those above the communities; any other such table is left out. Nothing is lost:
the tables of the version hold all rows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd

from yikezhong_app.snapshots.table_files import MadeTable, Table, TableFiles
from yikezhong_geodata.columns import LEVELS
from yikezhong_geodata.geopackages import write_layer

LOG = logging.getLogger("yikezhong.snapshots")

#: Rows that a layer holds at most.
MOST_ROWS: Final = 300_000
#: Tables of which a part is kept: rows are of a service, a limit and a level.
_BY_LIMIT: Final = frozenset({"gaps"})
#: What is kept of them, the largest part first → the levels.
_PARTS: Final = {"own_limit": LEVELS, "own_limit_above_communities": LEVELS[:-1]}


@dataclass(frozen=True)
class LeftOut:
    """A layer that does not hold all rows of its table.

    Parameters
    ----------
    layer : str
    rows : int
        Rows of the layer; 0: there is no such layer.
    of : int
        Rows of the table.
    kept : str or None
        ``own_limit``: those at the limit of their service itself;
        ``own_limit_above_communities``: of these those above the communities.
    """

    layer: str
    rows: int
    of: int
    kept: str | None


def write_layers(
    path: Path, tables: Mapping[str, Table], *, limits_s: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Write a layer for each table with a geometry.

    Parameters
    ----------
    path : Path
        GeoPackage.
    tables : mapping of str to DataFrame, GeoDataFrame or TableFiles
    limits_s : mapping of str to float
        The own limit of each service [s].

    Returns
    -------
    list of dict
        The layers that do not hold all rows, as :class:`LeftOut` has them.
    """
    left_out = []
    for name in sorted(tables):
        table = tables[name]
        if not _has_shapes(table) or not len(table):
            continue
        kept = None
        shown: Table | None = table
        if len(table) > MOST_ROWS:
            shown, kept = _part(name, table, limits_s)
        if shown is not None:
            pieces = (_plain(gpd.GeoDataFrame(piece)) for piece in _pieces(shown))
            write_layer(pieces, path, layer=name)
        if shown is not table:
            rows = 0 if shown is None else len(shown)
            left_out.append(asdict(LeftOut(name, rows, len(table), kept)))
            LOG.warning(
                "图层 %s 太大，GeoPackage 中只有 %d 行，全表 %d 行在成果表中",
                name,
                rows,
                len(table),
            )
    return left_out


def _has_shapes(table: Table) -> bool:
    if isinstance(table, (TableFiles, MadeTable)):
        return table.geometry
    return isinstance(table, gpd.GeoDataFrame)


def _pieces(table: Table) -> Iterator[pd.DataFrame]:
    if isinstance(table, (TableFiles, MadeTable)):
        yield from table.frames()
    else:
        yield table


def _part(
    name: str, table: Table, limits_s: Mapping[str, float]
) -> tuple[pd.DataFrame | None, str | None]:
    """Return the largest part of a table that is small enough, and which it is."""
    if name not in _BY_LIMIT:
        return None, None
    for kept, levels in _PARTS.items():
        counted = _at_own_limit(table, limits_s, levels=levels, columns=["level"])
        if 0 < sum(map(len, counted)) <= MOST_ROWS:
            pieces = _at_own_limit(table, limits_s, levels=levels, columns=None)
            joined = pd.concat([_uncategorical(p) for p in pieces], ignore_index=True)
            return joined, kept
    return None, None


def _at_own_limit(
    table: Table,
    limits_s: Mapping[str, float],
    *,
    levels: Sequence[str],
    columns: list[str] | None,
) -> Iterator[pd.DataFrame]:
    """Yield the rows of some levels at the own limit of their service.

    Of a table in files only what is asked for is read, and never all at once.
    """
    if not isinstance(table, TableFiles):
        own = table["service"].astype(object).map(limits_s)
        asked = (table["limit_s"] == own) & table["level"].isin(levels)
        yield table[asked.to_numpy()]
        return
    for part in table.parts():
        limit_s = limits_s.get(part.files[0].service or "")
        for level in levels if limit_s is not None else ():
            yield part.select({"limit_s": limit_s, "level": level}, columns)


def _uncategorical(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts can be joined with those of others."""
    texts = [
        name
        for name in frame.columns
        if isinstance(frame[name].dtype, pd.CategoricalDtype)
    ]
    return frame.astype(dict.fromkeys(texts, "str"))


def _plain(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a table with columns that a GeoPackage has."""
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
    return plain


def _cell_text(value: object) -> str | None:
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return None if value is None else str(value)
