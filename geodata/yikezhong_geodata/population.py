"""Population: counts of every division, and cells to put people on points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray
from yikezhong_geodata.columns import GROUP_NAMES, GROUPS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.locate import has_children, parent_index
from yikezhong_geodata.points import PointSource
from yikezhong_geodata.population_cells import read_cells
from yikezhong_geodata.population_rules import (
    TOLERANCE,
    Resolved,
    estimate_missing,
    nearest_holder,
    resolve,
    unknown_units,
)
from yikezhong_geodata.population_tables import MixedBasisError, join_table
from yikezhong_geodata.sources import basis_of, none_for_missing
from yikezhong_geodata.spec import PopulationSpec

LABEL: Final = "population"
#: More people on a square kilometre than anywhere on earth: a slip of the pen.
MAX_DENSITY_KM2: Final = 200_000.0


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
    opened: Sequence[PointSource | None] | None = None,
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
    opened : sequence of PointSource or None, optional
        For each of ``specs`` what was read of it already.

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
    for spec, known_source in zip(specs, opened or [None] * len(specs), strict=True):
        if spec.kind == "table":
            basis = join_table(
                spec, folder=folder, table=table, report=report, code_system=code_system
            )
        else:
            part = read_cells(
                spec,
                folder=folder,
                divisions=divisions,
                report=report,
                opened=known_source,
            )
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
    _check_parts(divisions, filled, report)
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


@dataclass(frozen=True, eq=False)
class _Counts:
    """Counts of all groups, resolved; which groups of a division are estimated."""

    declared: dict[str, FloatArray]
    resolved: dict[str, Resolved]
    estimated: list[list[str]]


def _fill(
    table: pd.DataFrame, divisions: Any, cells: pd.DataFrame | None, report: DataReport
) -> pd.DataFrame:
    """Return the count columns of all divisions, resolved, estimated, summed."""
    parent = parent_index(divisions)
    inner = has_children(divisions)
    counts = _resolve_groups(table, cells, parent=parent, inner=inner, report=report)
    found, people = counts.resolved, counts.resolved["people"]
    result = pd.DataFrame({group: found[group].value for group in GROUPS})
    result["unknown_units"] = unknown_units(people.complete, parent)
    result["estimated"] = [" ".join(words) for words in counts.estimated]
    partial = {g: ~r.complete & ~np.isnan(r.value) for g, r in found.items()}
    result["incomplete"] = [
        " ".join(g for g in GROUPS if partial[g][i]) for i in range(len(table))
    ]
    source = table["population_source"].to_numpy(dtype=object).copy()
    unstated = np.isnan(counts.declared["people"])
    source[inner & ~np.isnan(people.value) & unstated] = "sum"
    source[inner & ~np.isnan(people.conflict)] = "sum"
    result["population_source"] = source
    result["population_method"] = None
    for column in ("population_basis", "population_year"):
        result[column] = _inherit(table[column].tolist(), parent, people.value)
    year = pd.array(result["population_year"].tolist(), dtype="Int64")
    _report_unknown(result, table, inner, report)
    result.index = divisions.index
    filled: pd.DataFrame = none_for_missing(result).assign(population_year=year)
    return filled


def _resolve_groups(
    table: pd.DataFrame,
    cells: pd.DataFrame | None,
    *,
    parent: IndexArray,
    inner: BoolArray,
    report: DataReport,
) -> _Counts:
    """Return the counts of every group; notes in ``table`` what came from cells."""
    declared: dict[str, FloatArray] = {}
    found: dict[str, Resolved] = {}
    estimated: list[list[str]] = [[] for _ in range(len(table))]
    for group in GROUPS:
        values = table[group].to_numpy(np.float64)
        declared[group], extra, from_cells = _with_cells(
            values, cells, group, parent=parent, inner=inner
        )
        if cells is not None and from_cells.any():
            _note_cells(table, cells, from_cells)
        if group == "people":
            found[group] = resolve(declared[group], parent, extra=extra)
        else:
            estimate = estimate_missing(
                declared[group],
                found["people"],
                parent=parent,
                declared_people=declared["people"],
                extra=extra,
            )
            found[group] = estimate.resolved
            for index in np.flatnonzero(estimate.flag):
                estimated[index].append(group)
            _report_estimated(group, int((estimate.flag & ~inner).sum()), report)
        _report_conflicts(
            table, group, declared[group], found[group], estimated, report
        )
    return _Counts(declared, found, estimated)


def _note_cells(table: pd.DataFrame, cells: pd.DataFrame, filled: BoolArray) -> None:
    table.loc[filled, "population_source"] = cells["method"].iloc[0]
    for column in ("basis", "year"):
        known = cells[column].dropna()
        if len(known):
            table.loc[filled, f"population_{column}"] = known.iloc[0]


def _report_estimated(group: str, number: int, report: DataReport) -> None:
    if number:
        report.add(
            LABEL, "study.toml", None, None, "estimated", value=number,
            message=f"{number} 个区划缺{GROUP_NAMES[group]}，按最近上级的比例估算，"
            "结果带“估算”标记",
        )  # fmt: skip


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
    parent: IndexArray,
    inner: BoolArray,
) -> tuple[FloatArray, FloatArray, BoolArray]:
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
    estimated: list[list[str]],
    report: DataReport,
) -> None:
    for index in np.flatnonzero(~np.isnan(found.conflict)):
        below = "下级合计（含估算）" if group in estimated[index] else "下级合计"
        report.add(
            LABEL, str(table["file"].iloc[index] or "study.toml"), None,
            str(table["code"].iloc[index]), "level_conflict",
            value=f"{declared[index]:g} / {found.conflict[index]:g}",
            message=f"{GROUP_NAMES[group]}：所填 {declared[index]:g}，"
            f"{below} {found.conflict[index]:g}，以下级合计为准",
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


def _check_parts(divisions: Any, filled: pd.DataFrame, report: DataReport) -> None:
    """Report a group of people that is larger than all people of its division."""
    people = filled["people"].to_numpy(np.float64)
    lowest = ~has_children(divisions)
    for group in ("people_60", "people_65", "people_80", "children", "households"):
        values = filled[group].to_numpy(np.float64)
        for index in np.flatnonzero(lowest & (values > people + TOLERANCE)):
            report.add(
                LABEL, str(divisions["file"].iloc[index]), None,
                str(divisions["code"].iloc[index]), "implausible",
                value=f"{values[index]:g} / {people[index]:g}",
                message=f"{GROUP_NAMES[group]} {values[index]:g} 多于总人口 "
                f"{people[index]:g}，按所填使用，请核对",
            )  # fmt: skip
