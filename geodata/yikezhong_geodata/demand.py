"""Demand: people put on points, with every sum kept exactly.

In order of preference: cells or buildings, scaled to the known totals of the finest
division that has one; else along the walkable roads inside the division; else one
point inside it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from yikezhong_coverage.exact import allocate_groups
from yikezhong_coverage.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    IntArray,
    RoadGraph,
)
from yikezhong_geodata.columns import CRS, DEMAND_COLUMNS, GROUPS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.demand_places import (
    METHOD_NAMES,
    METHODS,
    Places,
    candidates,
)
from yikezhong_geodata.locate import (
    ancestors_at,
    has_children,
    parent_index,
)
from yikezhong_geodata.population_rules import nearest_holder
from yikezhong_geodata.serial_names import serial_names
from yikezhong_geodata.sources import none_for_missing

LABEL: Final = "demand"


def build_demand(
    divisions: Any,
    *,
    cells: pd.DataFrame | None,
    buildings: pd.DataFrame | None,
    walking: RoadGraph | None,
    report: DataReport,
    method: str = "auto",
) -> Any:
    """Put the people of every division on points.

    Parameters
    ----------
    divisions : GeoDataFrame
        With counts, from :func:`~yikezhong_geodata.population.load_population`;
        ``nan`` is unknown, groups named in ``incomplete`` are partial sums.
    cells : DataFrame or None
        Population cells: ``lon``, ``lat``, ``division``, ``method`` and the groups.
    buildings : DataFrame or None
        ``lon``, ``lat``, ``division``, ``weight``.
    walking : RoadGraph or None
        Roads that people may live along.
    report : DataReport
        Takes how many points each method made, and what could not be placed.
    method : str
        ``auto`` takes the best there is; else only this method, and a point in
        divisions where it finds nothing.

    Returns
    -------
    GeoDataFrame
        Columns of :data:`~yikezhong_geodata.columns.DEMAND_COLUMNS`, sorted by id:
        the code of the finest division and a serial number, in the order of
        longitude and latitude. Counts are multiples of 2⁻²⁰ person that add up
        exactly to the counts of the divisions; ``nan`` where these are unknown.
    """
    import geopandas

    unit = _units(divisions, "people")
    # divisions of unknown count stand alone
    group = np.where(unit >= 0, unit, np.arange(len(divisions), dtype=unit.dtype))
    places = candidates(
        divisions,
        cells=cells,
        buildings=buildings,
        walking=walking,
        method=method,
        group=group,
    )
    places = _choose(places, group)
    code = divisions["code"].to_numpy(dtype=object).astype(str)
    order = np.lexsort(
        (places.weight, places.lat, places.lon, _ranks(code)[places.division])
    )
    places = places.take(order)
    texts = np.array([*code.tolist(), None], dtype=object)
    columns: dict[str, Any] = {
        "id": _objects(_ids(code, places.division)),
        "division_code": _objects(texts[places.division]),
    }
    for level in ("community", "township"):
        at = ancestors_at(divisions, level)[places.division]
        columns[f"{level}_code"] = _objects(texts[at])
    columns |= _allocate(places, divisions)
    columns["method"] = _objects(np.array(METHODS, dtype=object)[places.method])
    columns["lon"], columns["lat"] = places.lon, places.lat
    _report_methods(places, divisions, report)
    return geopandas.GeoDataFrame(
        {name: columns[name] for name in DEMAND_COLUMNS if name != "geometry"},
        geometry=shapely.points(places.lon, places.lat),
        crs=CRS,
    )


def _objects(values: NDArray[Any]) -> pd.Series:
    """Return texts and None as they are."""
    return pd.Series(values.astype(object), dtype=object)


def _ranks(code: NDArray[np.str_]) -> IntArray:
    ranks = np.empty(len(code), dtype=np.int64)
    ranks[np.argsort(code, kind="stable")] = np.arange(len(code))
    return ranks


def _ids(code: NDArray[np.str_], division: IndexArray) -> NDArray[np.str_]:
    """Return code and serial number; equal divisions stand together."""
    first = np.ones(len(division), dtype=np.bool_)
    first[1:] = division[1:] != division[:-1]
    start = np.flatnonzero(first)
    serial = np.arange(len(division)) - start[np.cumsum(first) - 1]
    return serial_names(code.tolist(), division, serial + 1, mark="-", digits=6)


def _units(divisions: Any, group: str) -> IndexArray:
    """Return for each division the nearest one above (or itself) of known count."""
    partial = [group in str(words or "").split() for words in divisions["incomplete"]]
    known = divisions[group].notna().to_numpy() & ~np.array(partial, dtype=np.bool_)
    return nearest_holder(known, parent_index(divisions))


def _choose(places: Places, groups: IndexArray) -> Places:
    """Keep in each group of divisions the best method that weighs anything there.

    Methods are never mixed inside a unit of known count: metres of road cannot be
    compared with people of cells. A lowest division that is left without a point
    keeps its representative one, of no weight.
    """
    n, group = len(groups), groups[places.division]
    best = np.full(n, len(METHODS), dtype=np.int64)
    heavy = places.weight > 0
    np.minimum.at(best, group[heavy], places.method[heavy].astype(np.int64))
    keep = (places.method == best[group]) & heavy
    filled = np.zeros(n, dtype=np.bool_)
    filled[places.division[keep]] = True
    last = METHODS.index("point")
    spare = (places.method == last) & ~keep & ~filled[places.division]
    weight = np.where(spare, 0.0, places.weight)
    kept = Places(
        places.lon, places.lat, places.division, places.method, weight, places.own
    )
    return kept.take(keep | spare)


def _allocate(places: Places, divisions: Any) -> dict[str, FloatArray]:
    """Return the counts of every group at the points, adding up exactly."""
    found: dict[str, FloatArray] = {}
    for group in GROUPS:
        unit = _units(divisions, group)
        amount = _amounts(divisions, group, unit)
        weight = places.own[group]
        if group != "people":
            people = found["people"]
            weight = np.where(np.isnan(weight), people, weight)
        weight = np.where(np.isnan(weight), places.weight, weight)
        found[group] = _spread(amount, unit[places.division], weight, places.weight)
    return found


def _amounts(divisions: Any, group: str, unit: IndexArray) -> FloatArray:
    """Return what each known division has beyond the known ones below it."""
    values = divisions[group].to_numpy(np.float64)
    parent = parent_index(divisions)
    amount = np.where(unit == np.arange(len(unit)), values, np.nan)
    for i in np.flatnonzero(unit == np.arange(len(unit))):
        above = unit[parent[i]] if parent[i] >= 0 else -1
        if above >= 0:
            amount[above] -= values[i]
    return amount


def _spread(
    amount: FloatArray, unit: IndexArray, weight: FloatArray, base: FloatArray
) -> FloatArray:
    """Divide each unit's amount among its points; ``nan`` where there is no unit."""
    counts = np.full(len(unit), np.nan)
    inside = np.flatnonzero(unit >= 0)
    group, weight, base = unit[inside], weight[inside], base[inside]
    for fallback in (base, np.ones(len(base))):
        sums = np.bincount(group, weights=weight, minlength=len(amount))
        weight = np.where(sums[group] > 0, weight, fallback)
    total = np.zeros(len(amount))
    used = np.unique(group)
    total[used] = np.nan_to_num(amount[used], nan=0.0)
    counts[inside] = allocate_groups(np.maximum(total, 0.0), group, weight)
    return counts


def _report_methods(places: Places, divisions: Any, report: DataReport) -> None:
    for at, method in enumerate(METHODS):
        here = places.division[places.method == at]
        if len(here):
            number = len(np.unique(here))
            report.add(
                LABEL, "study.toml", None, None, f"method_{method}", value=len(here),
                message=f"{number} 个区划的人口按{METHOD_NAMES[method]}落到 {len(here)} 个需求点",
            )  # fmt: skip
    placed = np.zeros(len(divisions), dtype=np.bool_)
    placed[places.division] = True
    lowest = divisions[~has_children(divisions) & ~placed]
    for row in lowest.itertuples():
        report.add(
            LABEL, str(row.file), None if pd.isna(row.row) else int(row.row), row.code,
            "no_demand_point", value=row.people,
            message="没有边界图形，人口不能落点，不计算覆盖率",
        )  # fmt: skip


def record_demand(divisions: Any, demand: Any) -> Any:
    """Return the divisions with the method of their demand, and counts it gave them.

    A lowest division whose own count is unknown, inside one of known total, takes
    what was put on its points; the group is added to ``estimated``.

    Parameters
    ----------
    divisions : GeoDataFrame
    demand : GeoDataFrame
        From :func:`build_demand`.

    Returns
    -------
    GeoDataFrame
    """
    result = divisions.copy()
    at = pd.Index(result["code"]).get_indexer(demand["division_code"])
    estimated = [str(words or "").split() for words in result["estimated"]]
    incomplete = [str(words or "").split() for words in result["incomplete"]]
    for group in GROUPS:
        partial = np.array([group in words for words in incomplete], dtype=np.bool_)
        values, filled = _fill_from_points(
            result[group].to_numpy(np.float64),
            partial,
            counts=demand[group].to_numpy(np.float64),
            at=at,
            parent=parent_index(result),
        )
        result[group] = values
        for i in np.flatnonzero(filled):
            estimated[i].append(group)
            incomplete[i] = [word for word in incomplete[i] if word != group]
        if group == "people":
            units = result["unknown_units"].to_numpy(np.int64).copy()
            units[filled] = 0
            result["unknown_units"] = units
    result["population_method"] = _methods(demand["method"], at, parent_index(result))
    result["estimated"] = [" ".join(dict.fromkeys(words)) for words in estimated]
    result["incomplete"] = [" ".join(words) for words in incomplete]
    return none_for_missing(result)


def _fill_from_points(
    values: FloatArray,
    partial: BoolArray,
    *,
    counts: FloatArray,
    at: IntArray,
    parent: IndexArray,
) -> tuple[FloatArray, BoolArray]:
    """Fill unknown counts whose points are all known; return them and where."""
    n = len(values)
    unknown = np.isnan(counts)
    below = np.bincount(at[~unknown], weights=counts[~unknown], minlength=n)
    lacking = np.bincount(at[unknown], minlength=n) > 0
    has_any = np.bincount(at, minlength=n) > 0
    values, filled = values.copy(), np.zeros(n, dtype=np.bool_)
    for i in range(n - 1, -1, -1):
        is_open = bool(np.isnan(values[i]) or partial[i])
        if is_open and has_any[i] and not lacking[i]:
            values[i], filled[i], is_open = below[i], True, False
        above = parent[i]
        if above < 0:
            continue
        has_any[above] = True
        lacking[above] |= is_open
        if not is_open:
            below[above] += values[i]
    return values, filled


def _methods(method: pd.Series, at: IntArray, parent: IndexArray) -> list[str | None]:
    """Return the methods used in each division and below it, in order."""
    found: list[set[str]] = [set() for _ in parent]
    for word in METHODS:
        for index in np.unique(at[(method == word).to_numpy()]).tolist():
            found[index].add(word)
    for i in range(len(parent) - 1, -1, -1):
        if parent[i] >= 0:
            found[parent[i]] |= found[i]
    return [" ".join(m for m in METHODS if m in words) or None for words in found]
