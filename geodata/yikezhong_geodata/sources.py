"""Open one file of a study, whatever its kind, as rows of text beside geometry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yikezhong_coverage.records import FloatArray
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.headers import header_scale, map_columns
from yikezhong_geodata.number_columns import plain_numbers
from yikezhong_geodata.numbers import clean_text, parse_count
from yikezhong_geodata.source_spec import SourceSpec
from yikezhong_geodata.tables import read_table
from yikezhong_geodata.vectors import read_vector, text_column

TABLE_SUFFIXES: Final = (".csv", ".txt", ".tsv", ".xlsx", ".xls", ".xlsm")


@dataclass(frozen=True, eq=False)
class Source:
    """Rows of one file.

    Parameters
    ----------
    frame : DataFrame
        Attributes; the index is the row as the user counts it.
    geometry : ndarray of object or None, shape (n_row,)
        Shapely geometries in EPSG:4326, None where there is none; None for a table.
    columns : dict of str to str
        Standard name to header, only what is there.
    file : str
        Name for messages.
    problems : mapping of int to str
        Row → why its geometry is None (``bad_ring``, ``null_island`` …), where it is
        more than missing.
    """

    frame: pd.DataFrame
    geometry: NDArray[np.object_] | None
    columns: dict[str, str]
    file: str
    problems: Mapping[int, str] = field(default_factory=dict)
    _texts: dict[str, list[str | None]] = field(default_factory=dict)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row numbers, shape (n_row,)."""
        return np.asarray(self.frame.index, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.frame)

    def texts(self, name: str) -> list[str | None]:
        """Return a standard column as cleaned text; all None where it is absent.

        The list is kept for the next time: it is not to be changed.
        """
        header = self.columns.get(name)
        if header is None:
            return [None] * len(self)
        if name not in self._texts:
            column = text_column(self.frame[header], file=self.file)
            self._texts[name] = [clean_text(value) for value in column.tolist()]
        return self._texts[name]


def basis_of(text: str | None, *, header: bool = False) -> str | None:
    """Return the basis of a population: 常住, 户籍, else the text as it is.

    A header names one of the two or nothing.

    Examples
    --------
    >>> basis_of("常住人口"), basis_of("户籍"), basis_of("census"), basis_of(None)
    ('常住', '户籍', 'census', None)
    >>> basis_of("户籍人口数", header=True), basis_of("人口", header=True)
    ('户籍', None)
    """
    if text is None:
        return None
    for word in ("常住", "户籍"):
        if word in text:
            return word
    return None if header else text


def none_for_missing(table: Any) -> Any:
    """Return a table whose text columns are objects with None where missing.

    Parameters
    ----------
    table : DataFrame or GeoDataFrame
        Not changed; geometry and numbers stay as they are.

    Examples
    --------
    >>> none_for_missing(pd.DataFrame({"a": ["x", None]}))["a"].tolist()
    ['x', None]
    """
    result = table.copy()
    for name in result.columns:
        column = result[name]
        is_text = isinstance(column.dtype, pd.StringDtype)
        if is_text or column.dtype == object:
            objects = column.astype(object)
            result[name] = objects.where(objects.notna(), None).astype(object)
    return result


def is_table(name: str) -> bool:
    """Return whether a file name is that of a table without geometry."""
    return Path(name).suffix.lower() in TABLE_SUFFIXES


def open_source(
    spec: SourceSpec,
    *,
    folder: Path,
    report: DataReport,
    label: str,
    kind: str | None,
) -> Source:
    """Read a file of the study as text rows with recognised headers.

    Parameters
    ----------
    spec : SourceSpec
        Which file, and how it is to be read.
    folder : Path
        The study folder.
    report : DataReport
        Takes what was assumed.
    label : str
        Layer label of the report.
    kind : str or None
        Headers to recognise: ``boundary``, ``facility`` or ``population``; None
        recognises none.

    Returns
    -------
    Source
    """
    path = folder / spec.file
    geometry: NDArray[np.object_] | None = None
    problems: Mapping[int, str] = {}
    if is_table(spec.file):
        table = read_table(
            path,
            report=report,
            label=label,
            sheet=spec.layer,
            encoding=spec.encoding,
            headers=tuple(spec.columns.values()),
        )
        frame, file = table.frame, table.file
    else:
        vector = read_vector(
            path,
            report=report,
            label=label,
            layer=spec.layer,
            crs=spec.crs,
            encoding=spec.encoding,
            datum=spec.datum,
        )
        geometry = np.asarray(vector.frame.geometry.to_numpy(), dtype=object)
        frame, file = pd.DataFrame(vector.frame.drop(columns="geometry")), vector.file
        problems = vector.problems
    headers = [str(header) for header in frame.columns]
    if kind is None:
        return Source(frame, geometry, {}, file, problems)
    columns = map_columns(headers, kind, overrides=spec.columns, file=file)
    return Source(frame, geometry, columns, file, problems)


#: What a count's problem is called in the report, and what it says.
_COUNT_PROBLEMS: Final = {
    "unreadable": ("unreadable_number", "无法识别为数字，按未知处理"),
    "negative": ("implausible", "人数或数量为负，按未知处理"),
    "approximate": ("approximate", "约数，按所写数值使用"),
    "fraction": ("implausible", "不是整数，按所写数值使用"),
}


def read_counts(
    source: Source,
    name: str,
    *,
    report: DataReport,
    label: str,
    ids: Sequence[Any],
    fractions_are_fine: bool = False,
) -> FloatArray | None:
    """Return a column of counts, ``nan`` where unknown; None where it is absent.

    Parameters
    ----------
    source : Source
    name : str
        Standard name of the column.
    report : DataReport
        Takes a finding for every value that is not a plain count.
    label : str
        Layer label of the report.
    ids : sequence, length n_row
        Ids or codes for the report.
    fractions_are_fine : bool
        Whether a fraction needs no finding (areas, model populations).

    Returns
    -------
    ndarray of float64, shape (n_row,), or None
    """
    header = source.columns.get(name)
    if header is None:
        return None
    scale = header_scale(header)
    texts = source.texts(name)
    values, others = plain_numbers(texts)
    # what is no plain count is looked at again, one by one
    odd = (values < 0) | (values != np.floor(values))
    values *= scale
    for index in np.union1d(others, np.flatnonzero(odd)).tolist():
        text = texts[index]
        value, problem = parse_count(text)
        values[index] = np.nan if value is None else value * scale
        if problem not in _COUNT_PROBLEMS or (
            problem == "fraction" and (fractions_are_fine or scale != 1)
        ):
            continue
        word, message = _COUNT_PROBLEMS[problem]
        report.add(
            label,
            source.file,
            int(source.rows[index]),
            ids[index],
            word,
            value=text,
            message=f"列“{header}”：{message}",
        )
    return values
