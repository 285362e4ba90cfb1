"""Population: counts of every division, and cells to put people on points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import FloatArray
from yikezhong_geodata.codes import check_codes
from yikezhong_geodata.columns import GROUP_NAMES, GROUPS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import ColumnMappingError, DuplicateKeyError
from yikezhong_geodata.locate import has_children, parent_index
from yikezhong_geodata.population_cells import read_cells
from yikezhong_geodata.population_rules import (
    Resolved,
    estimate_missing,
    nearest_holder,
    resolve,
    unknown_units,
)
from yikezhong_geodata.sources import (
    basis_of,
    none_for_missing,
    open_source,
    read_counts,
)
from yikezhong_geodata.spec import PopulationSpec

LABEL: Final = "population"
#: More people on a square kilometre than anywhere on earth: a slip of the pen.
MAX_DENSITY_KM2: Final = 200_000.0


class MixedBasisError(InputError):
    """Populations of two bases (常住, 户籍) meet in one study."""


@dataclass(frozen=True, eq=False)
class Population:
    """Divisions with their counts, and cells where there are any.

    Parameters
    ----------
    divisions : GeoDataFrame
        All columns of :data:`~yikezhong_geodata.columns.DIVISION_COLUMNS`, and
        ``incomplete`` (groups whose count is only the sum of the known below) and
        ``population_source`` (``column``, ``table``, ``cells``, ``buildings``,
        ``sum``).
    cells : DataFrame or None
        ``lon``, ``lat``, ``division`` (row of the finest division), ``method`` and
        the groups [persons], ``nan`` where a group is not given.
    """

    divisions: Any
    cells: pd.DataFrame | None


def load_population(
    specs: Sequence[PopulationSpec],
    *,
    folder: Path,
    divisions: Any,
    report: DataReport,
    code_system: str = "cn12",
    buildings: pd.DataFrame | None = None,
) -> Population:
    """Fill the counts of all divisions.

    Parameters
    ----------
    specs : sequence of PopulationSpec
        Tables by code, points, rasters; counts in the boundary files are in
        ``divisions`` already.
    folder : Path
        The study folder.
    divisions : GeoDataFrame
        From :func:`~yikezhong_geodata.boundaries.load_boundaries`.
    report : DataReport
    code_system : str
    buildings : DataFrame, optional
        Buildings that are counted as people, from
        :func:`~yikezhong_geodata.buildings.load_buildings`; only where there is no
        population at all.

    Returns
    -------
    Population

    Raises
    ------
    MixedBasisError
        If populations have two bases.
    NegativePopulationError, RasterCoverageError
        If a raster cannot be used.
    """
    table = none_for_missing(pd.DataFrame(divisions.drop(columns="geometry")))
    known = _any_count(table)
    table["population_source"] = ["column" if is_known else None for is_known in known]
    cells: list[pd.DataFrame] = []
    bases: dict[str, str] = {
        str(basis): str(file)
        for basis, file, is_known in zip(
            table["population_basis"], table["file"], known, strict=True
        )
        if is_known and basis is not None
    }
    for spec in specs:
        if spec.kind == "table":
            basis = _join_table(
                spec, folder=folder, table=table, report=report, code_system=code_system
            )
        else:
            part = read_cells(spec, folder=folder, divisions=divisions, report=report)
            basis = basis_of(spec.basis)
            cells.append(part.assign(basis=basis, year=spec.year))
        if basis is not None:
            bases[basis] = spec.file
    if len(bases) > 1:
        raise MixedBasisError(
            "人口口径不一：" + "，".join(f"{b}（{f}）" for b, f in bases.items()),
            file=list(bases.values())[-1],
            hint="同一项目只能用一种口径（常住或户籍），请去掉其中一种",
        )
    if buildings is not None:
        cells.append(_people_of_buildings(buildings, table, bool(specs)))
    joined = pd.concat(cells, ignore_index=True) if cells else None
    filled = _fill(table, divisions, joined, report)
    _check_density(divisions, filled["people"], report)
    if filled["people"].notna().any() and filled["population_basis"].isna().all():
        report.add(
            LABEL, "study.toml", None, None, "basis_missing",
            message="没有说明人口口径（常住或户籍）和年份，请在 study.toml 写 basis 与 year",
        )  # fmt: skip
    return Population(_with_columns(divisions, filled), joined)


def _with_columns(divisions: Any, filled: pd.DataFrame) -> Any:
    """Return the divisions with the columns of ``filled`` in place, geometry last."""
    result = divisions.copy()
    for name in filled.columns:
        result[name] = filled[name]
    columns = [name for name in result.columns if name != "geometry"]
    return result[[*columns, "geometry"]]


def _any_count(table: pd.DataFrame) -> np.ndarray:
    return table[list(GROUPS)].notna().any(axis=1).to_numpy()


def _join_table(
    spec: PopulationSpec,
    *,
    folder: Path,
    table: pd.DataFrame,
    report: DataReport,
    code_system: str,
) -> str | None:
    """Put the counts of a table into the divisions; return its basis."""
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
    texts = source.texts("code")
    checked = check_codes(texts, code_system=code_system)
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
        if code is None or code not in position:
            report.add(
                LABEL, source.file, row, code, checked.problem[index] or "unmatched",
                "set_aside", value=texts[index], message="代码不在区划名录中，未使用",
            )  # fmt: skip
        else:
            target[index] = position[code]
        if code is not None:
            first[code] = row
    used = np.flatnonzero(target >= 0)
    basis = basis_of(spec.basis) or basis_of(source.columns.get("people"), header=True)
    row_basis = [basis_of(text) or basis for text in source.texts("basis")]
    for group in groups:
        values = read_counts(
            source, group, report=report, label=LABEL, ids=list(checked.code)
        )
        if values is not None:
            _put(table, group, target[used], values[used], source.file, report)
    for index in used.tolist():
        at = table.index[target[index]]
        table.loc[at, "population_basis"] = row_basis[index]
        if spec.year is not None:
            table.loc[at, "population_year"] = spec.year
        table.loc[at, "population_source"] = "table"
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


def _people_of_buildings(
    buildings: pd.DataFrame, table: pd.DataFrame, has_specs: bool
) -> pd.DataFrame:
    if has_specs or _any_count(table).any():
        raise InputError(
            "已有人口数据，不能再把建筑当作人口",
            file="study.toml",
            column="demand.buildings.as_people",
            hint="请去掉 as_people，建筑将作为分配人口的权重",
        )
    cells = buildings[["lon", "lat", "division"]].assign(
        method="buildings", basis="buildings", year=None
    )
    for group in GROUPS:
        cells[group] = 1.0 if group == "people" else np.nan
    return cells


def _fill(
    table: pd.DataFrame, divisions: Any, cells: pd.DataFrame | None, report: DataReport
) -> pd.DataFrame:
    """Return the count columns of all divisions, resolved, estimated, summed."""
    parent = parent_index(divisions)
    inner = has_children(divisions)
    declared: dict[str, FloatArray] = {}
    extra: dict[str, FloatArray] = {}
    for group in GROUPS:
        values = table[group].to_numpy(np.float64)
        declared[group], extra[group], from_cells = _with_cells(
            values, cells, group, parent=parent, inner=inner
        )
        if cells is not None and from_cells.any():
            table.loc[from_cells, "population_source"] = cells["method"].iloc[0]
            for column in ("basis", "year"):
                known = cells[column].dropna()
                if len(known):
                    table.loc[from_cells, f"population_{column}"] = known.iloc[0]
    people = resolve(declared["people"], parent, extra=extra["people"])
    _report_conflicts(table, "people", declared["people"], people, report)
    found: dict[str, Resolved] = {"people": people}
    estimated: list[list[str]] = [[] for _ in range(len(table))]
    for group in GROUPS[1:]:
        estimate = estimate_missing(
            declared[group],
            people,
            parent=parent,
            declared_people=declared["people"],
            extra=extra[group],
        )
        found[group] = estimate.resolved
        _report_conflicts(table, group, declared[group], estimate.resolved, report)
        for index in np.flatnonzero(estimate.flag):
            estimated[index].append(group)
        lowest = estimate.flag & ~inner
        if lowest.any():
            report.add(
                LABEL, "study.toml", None, None, "estimated", value=int(lowest.sum()),
                message=f"{int(lowest.sum())} 个区划缺{GROUP_NAMES[group]}，"
                "按最近上级的比例估算，结果带“估算”标记",
            )  # fmt: skip
    result = pd.DataFrame({group: found[group].value for group in GROUPS})
    result["unknown_units"] = unknown_units(people.complete, parent)
    result["estimated"] = [" ".join(words) for words in estimated]
    result["incomplete"] = [
        " ".join(
            g
            for g in GROUPS
            if not found[g].complete[i] and not np.isnan(found[g].value[i])
        )
        for i in range(len(table))
    ]
    source = table["population_source"].to_numpy(dtype=object).copy()
    source[inner & ~np.isnan(people.value) & np.isnan(declared["people"])] = "sum"
    source[inner & ~np.isnan(people.conflict)] = "sum"
    result["population_source"] = source
    result["population_method"] = None
    for column in ("population_basis", "population_year"):
        result[column] = _inherit(table[column].tolist(), parent, people.value)
    _report_unknown(result, table, inner, report)
    result.index = divisions.index
    year = pd.array(result["population_year"].tolist(), dtype="Int64")
    filled: pd.DataFrame = none_for_missing(result).assign(population_year=year)
    return filled


def _inherit(values: list[Any], parent: np.ndarray, people: FloatArray) -> list[Any]:
    """Give sums the basis and year that all their known parts share."""
    values = [None if pd.isna(v) else v for v in values]
    found: list[set[Any]] = [set() if v is None else {v} for v in values]
    for i in range(len(values) - 1, -1, -1):
        if parent[i] >= 0 and not np.isnan(people[i]):
            found[parent[i]] |= found[i] if values[parent[i]] is None else set()
    return [next(iter(f)) if len(f) == 1 else None for f in found]


def _with_cells(
    values: FloatArray,
    cells: pd.DataFrame | None,
    group: str,
    *,
    parent: np.ndarray,
    inner: np.ndarray,
) -> tuple[FloatArray, FloatArray, np.ndarray]:
    """Return counts filled from cells where no count is given at or above.

    Also returns the people of cells in no lower division, and which were filled.
    """
    n = len(values)
    extra, filled = np.zeros(n), np.zeros(n, dtype=np.bool_)
    if cells is None:
        return values, extra, filled
    counts = cells[group].to_numpy(np.float64)
    good = ~np.isnan(counts)
    if not good.any():
        return values, extra, filled
    at = cells["division"].to_numpy(np.int64)[good]
    sums = np.bincount(at, weights=counts[good], minlength=n).astype(np.float64)
    number = np.bincount(at, minlength=n)
    given = resolve(values, parent)
    free = nearest_holder(given.complete, parent) < 0
    filled = free & ~inner & (number > 0)
    extra = np.where(free & inner, sums, 0.0)
    return np.where(filled, sums, values), extra, filled


def _report_conflicts(
    table: pd.DataFrame,
    group: str,
    declared: FloatArray,
    found: Resolved,
    report: DataReport,
) -> None:
    for index in np.flatnonzero(~np.isnan(found.conflict)):
        report.add(
            LABEL, str(table["file"].iloc[index] or "study.toml"), None,
            str(table["code"].iloc[index]), "level_conflict",
            value=f"{declared[index]:g} / {found.conflict[index]:g}",
            message=f"{GROUP_NAMES[group]}：所填 {declared[index]:g}，"
            f"下级合计 {found.conflict[index]:g}，以下级合计为准",
        )  # fmt: skip


def _report_unknown(
    result: pd.DataFrame, table: pd.DataFrame, inner: np.ndarray, report: DataReport
) -> None:
    if result["people"].isna().all():
        report.add(
            LABEL, "study.toml", None, None, "no_population_data",
            value=int((~inner).sum()),
            message="没有任何人口数据：覆盖率无法按人口计算",
        )  # fmt: skip
        return
    for index in np.flatnonzero(result["people"].isna().to_numpy() & ~inner):
        report.add(
            LABEL, str(table["file"].iloc[index]), None,
            str(table["code"].iloc[index]), "no_population_data",
            message="人口未知（不是 0），不计入合计",
        )  # fmt: skip


def _check_density(divisions: Any, people: pd.Series, report: DataReport) -> None:
    """Report counts that no place on earth has, at the lowest division concerned."""
    area = divisions["area_m2"].to_numpy(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        density = people.to_numpy(np.float64) / area * 1e6
    dense = density > MAX_DENSITY_KM2
    parent = parent_index(divisions)
    above = np.zeros(len(dense), dtype=np.bool_)
    above[parent[dense & (parent >= 0)]] = True
    for index in np.flatnonzero(dense & ~above):
        report.add(
            LABEL, str(divisions["file"].iloc[index]), None,
            str(divisions["code"].iloc[index]), "implausible",
            value=f"{people.iloc[index]:g}",
            message=f"每平方千米 {density[index]:,.0f} 人，不合常理，请核对",
        )  # fmt: skip
