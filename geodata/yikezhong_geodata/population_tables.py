"""Population tables, joined to the divisions by code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import FloatArray, IntArray
from yikezhong_geodata.codes import CheckedCodes, check_codes
from yikezhong_geodata.columns import GROUP_NAMES, GROUPS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import ColumnMappingError, DuplicateKeyError
from yikezhong_geodata.sources import Source, basis_of, open_source, read_counts
from yikezhong_geodata.spec import PopulationSpec

LABEL: Final = "population"


class MixedBasisError(InputError):
    """Populations of two bases (常住, 户籍) meet in one study."""


def join_table(
    spec: PopulationSpec,
    *,
    folder: Path,
    table: pd.DataFrame,
    report: DataReport,
    code_system: str,
) -> str | None:
    """Put the counts of a table into the divisions; return its basis.

    Parameters
    ----------
    spec : PopulationSpec
    folder : Path
    table : DataFrame
        Divisions with ``code``, the groups and the ``population_*`` columns; filled
        in place.
    report : DataReport
        Takes codes that match no division, and values that differ from those there.
    code_system : str

    Raises
    ------
    ColumnMappingError
        If there is no column of codes, or none of counts.
    DuplicateKeyError
        If a code stands twice.
    MixedBasisError
        If the rows have two bases.
    """
    source = open_source(
        spec, folder=folder, report=report, label=LABEL, kind="population"
    )
    groups = [group for group in GROUPS if group in source.columns]
    if "code" not in source.columns or not groups:
        missing = "区划代码" if groups else "人口"
        raise ColumnMappingError(
            f"找不到{missing}列",
            file=source.file,
            hint='请用 columns = {code = "…", people = "…"} 指明',
        )
    checked = check_codes(source.texts("code"), code_system=code_system)
    target = _targets(source, checked, table, report)
    used = np.flatnonzero(target >= 0)
    for group in groups:
        values = read_counts(
            source, group, report=report, label=LABEL, ids=list(checked.code)
        )
        if values is not None:
            _put(table, group, target[used], values[used], source.file, report)
    basis = basis_of(spec.basis) or basis_of(source.columns.get("people"), header=True)
    row_basis = [basis_of(text) or basis for text in source.texts("basis")]
    _set_cells(table, "population_basis", target[used], [row_basis[i] for i in used])
    if spec.year is not None:
        _set_cells(table, "population_year", target[used], [spec.year] * len(used))
    _set_cells(table, "population_source", target[used], ["table"] * len(used))
    report.close_layer(LABEL, source.file, read=len(source))
    found = {row_basis[index] for index in used} - {None}
    if len(found) > 1:
        raise MixedBasisError(
            f"人口口径不一：{'、'.join(sorted(map(str, found)))}",
            file=source.file,
            column=source.columns.get("basis"),
            hint="同一项目只能用一种口径（常住或户籍）",
        )
    return found.pop() if found else None


def _set_cells(
    table: pd.DataFrame, name: str, at: IntArray, values: Sequence[object]
) -> None:
    """Set cells of a column of objects, or of whole numbers, by position."""
    column = table[name].copy()
    column.iloc[at] = values
    table[name] = column


def _targets(
    source: Source, checked: CheckedCodes, table: pd.DataFrame, report: DataReport
) -> IntArray:
    """Return the division of each row; -1 where there is none, which is reported."""
    texts = source.texts("code")
    position = {code: index for index, code in enumerate(table["code"])}
    first: dict[str, int] = {}
    target = np.full(len(source), -1, dtype=np.int64)
    for index, code in enumerate(checked.code):
        row = int(source.rows[index])
        if code is not None and code in first:
            raise DuplicateKeyError(
                f"代码 {code} 重复：第 {first[code]} 行和第 {row} 行",
                file=source.file,
                row=row,
                column=source.columns["code"],
                hint="请删去或合并其中一行",
            )
        if code is not None:
            first[code] = row
        if code is not None and code in position:
            target[index] = position[code]
            continue
        report.add(
            LABEL, source.file, row, code, checked.problem[index] or "unmatched",
            "set_aside", value=texts[index], message="代码不在区划名录中，未使用",
        )  # fmt: skip
    return target


def _put(
    table: pd.DataFrame,
    group: str,
    target: np.ndarray,
    values: FloatArray,
    file: str,
    report: DataReport,
) -> None:
    """Write counts over what is there; list what differs."""
    column = table[group].to_numpy(np.float64).copy()
    for at, value in zip(target, values, strict=True):
        if np.isnan(value):
            continue
        if not np.isnan(column[at]) and abs(column[at] - value) > 0.5:
            report.add(
                LABEL, file, None, str(table["code"].iloc[at]), "source_conflict",
                value=f"{column[at]:g} / {value:g}",
                message=f"{GROUP_NAMES[group]}在两处不同，用后读入的 {value:g}",
            )  # fmt: skip
        column[at] = value
    table[group] = column
