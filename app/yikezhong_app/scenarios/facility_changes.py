"""Add, move, close and change facilities in a study's table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from yikezhong_app.scenarios.reading import (
    AddFacility,
    ChangeFacility,
    CloseArea,
    CloseFacility,
    FacilityChange,
    MoveFacility,
    ScenarioError,
    SiteChange,
)
from yikezhong_geodata.columns import CAPACITY_COLUMNS
from yikezhong_geodata.locate import ancestors_at, locate_points

_LEVELS: Final = ("community", "township", "county")
#: Where a facility that stands in no list comes from.
SOURCE: Final = "scenario"


def change_facilities(
    facilities: Any, divisions: Any, *, changes: Iterable[FacilityChange]
) -> Any:
    """Return the facility table with changes made one after the other.

    Parameters
    ----------
    facilities, divisions : GeoDataFrame
        Of a study; neither is changed.
    changes : iterable of FacilityChange

    Returns
    -------
    GeoDataFrame
        The same rows in the same order, new ones behind them.

    Raises
    ------
    ScenarioError
        If a facility is not there, or is there already.
    """
    wanted = list(changes)
    if not wanted:
        return facilities
    rows = facilities.drop(columns="geometry").to_dict("records")
    by_id = {str(row["id"]): row for row in rows}
    places = _placed(wanted, divisions)
    for number, change in enumerate(wanted, start=1):
        if isinstance(change, AddFacility):
            if change.id in by_id:
                raise ScenarioError(
                    f"设施编号“{change.id}”已经存在", hint="请换一个编号"
                )
            row = _new_row(change, places[number - 1], number=number)
            rows.append(row)
            by_id[change.id] = row
            continue
        if isinstance(change, CloseArea):
            _close_inside(rows, change)
            continue
        if change.id not in by_id:
            raise ScenarioError(
                f"没有编号为“{change.id}”的设施", hint="可用 /api/v1/facilities 查找"
            )
        _change_row(by_id[change.id], change, places[number - 1])
    return _table(rows, like=facilities)


def touched_categories(
    before: Any, after: Any, *, changes: Iterable[FacilityChange]
) -> set[str]:
    """Return the categories of all facilities that changes name, before and after."""
    ids = {change.id for change in changes if not isinstance(change, CloseArea)}
    found: set[str] = set()
    for table in (before, after):
        found |= set(table["category"][table["id"].isin(ids)])
    # those that an area closed: the rows after begin with those before
    turned = (before["status"] != after["status"].iloc[: len(before)]).to_numpy()
    return found | set(before["category"][turned])


def _close_inside(rows: list[dict[str, Any]], change: CloseArea) -> None:
    """Close the facilities that stand within an area or on its border."""
    shape = shapely.Polygon(change.polygon)
    if not shape.is_valid:
        raise ScenarioError(
            "范围（close_area）的边界自相交", hint="请按顺序给出多边形的各角"
        )
    lon, lat = (np.array([row[name] for row in rows], float) for name in ("lon", "lat"))
    inside = shapely.intersects_xy(shape, lon, lat)
    for at in np.flatnonzero(inside).tolist():
        if not change.categories or rows[at]["category"] in change.categories:
            rows[at]["status"] = "closed"


def _change_row(row: dict[str, Any], change: SiteChange, place: dict[str, Any]) -> None:
    if isinstance(change, CloseFacility):
        row["status"] = "closed"
    elif isinstance(change, MoveFacility):
        row.update(place)
    elif isinstance(change, ChangeFacility):
        for name in ("name", "category", "status", *CAPACITY_COLUMNS):
            value = getattr(change, name)
            if value is not None:
                row[name] = value
        if change.functions is not None:
            row["functions"] = change.functions
        if change.add_functions or change.remove_functions:
            now = row["functions"]
            if not isinstance(now, (tuple, list, np.ndarray)):
                raise ScenarioError(
                    f"设施“{change.id}”的服务功能不明，不能增减",
                    hint="请用 functions 写明全部功能",
                )
            kept = (set(now) | set(change.add_functions)) - set(change.remove_functions)
            row["functions"] = tuple(sorted(kept))


def _new_row(
    change: AddFacility, place: dict[str, Any], *, number: int
) -> dict[str, Any]:
    return {
        "id": change.id,
        "name": change.name or change.id,
        "category": change.category,
        "functions": change.functions,
        "status": change.status,
        "flags": "",
        "file": SOURCE,
        "row": number,
        **{name: getattr(change, name) for name in CAPACITY_COLUMNS},
        **place,
    }


def _placed(changes: Sequence[FacilityChange], divisions: Any) -> list[dict[str, Any]]:
    """Return what a facility's row says about its place; empty where none is given."""
    placed: list[dict[str, Any]] = [{} for _ in changes]
    at = [
        (number, change)
        for number, change in enumerate(changes)
        if isinstance(change, (AddFacility, MoveFacility))
    ]
    if not at:
        return placed
    lon = np.array([change.lon for _, change in at])
    lat = np.array([change.lat for _, change in at])
    inside = locate_points(divisions, lon, lat=lat).division
    code = np.array([*divisions["code"], None], dtype=object)
    own = {
        level: code[np.append(ancestors_at(divisions, level), -1)[inside]]
        for level in _LEVELS
    }
    for row, (number, change) in enumerate(at):
        placed[number] = {
            "lon": change.lon,
            "lat": change.lat,
            **{f"{level}_code": own[level][row] for level in _LEVELS},
            **{
                f"located_{level}_code": own[level][row]
                for level in _LEVELS
                if level != "county"
            },
        }
    return placed


def _table(rows: list[dict[str, Any]], *, like: Any) -> Any:
    """Return rows as a table with the columns and types of another."""
    columns = {}
    for name in like.columns:
        if name == "geometry":
            continue
        values = np.empty(len(rows), dtype=object)
        values[:] = [row.get(name) for row in rows]
        columns[name] = pd.Series(values, dtype=object).astype(like[name].dtype)
    table = pd.DataFrame(columns)
    has_point = table["lon"].notna() & table["lat"].notna()
    points = np.full(len(table), None, dtype=object)
    at = np.flatnonzero(has_point.to_numpy())
    points[at] = shapely.points(
        table["lon"].to_numpy(np.float64)[at], table["lat"].to_numpy(np.float64)[at]
    )
    found = gpd.GeoDataFrame(table, geometry=points, crs=like.crs)
    return found[list(like.columns)]
