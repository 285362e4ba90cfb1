"""Repair invalid polygons by one fixed method, with the area before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from yikezhong_coverage.records import FloatArray
from yikezhong_geodata.areas import GeometryArray, area_m2
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.file_errors import InvalidGeometryError

#: A repair that changes an area by more than this share needs consent.
MAX_CHANGE: Final = 0.01


def repair_polygons(
    geometry: GeometryArray,
    *,
    report: DataReport,
    label: str,
    file: str,
    rows: NDArray[np.int64],
    ids: Sequence[Any],
    accept_repairs: bool = False,
) -> GeometryArray:
    """Return valid polygons; every repaired row is reported with both areas.

    The method is GEOS' *structure*: rings are taken for what they are (shells and
    holes), each is made valid and they are put together again; lines and points
    that collapse out of it are dropped.

    Parameters
    ----------
    geometry : ndarray of polygon, multipolygon or None, shape (n,)
        In EPSG:4326. Not changed.
    report : DataReport
    label, file : str
        Where they come from.
    rows : ndarray of int64, shape (n,)
    ids : sequence, length n
    accept_repairs : bool
        Accept changes of area above 1 %.

    Returns
    -------
    ndarray of object, shape (n,)

    Raises
    ------
    InvalidGeometryError
        If a repair changes an area by more than 1 % and this was not accepted, or
        nothing is left of a polygon.
    """
    invalid = np.flatnonzero(
        ~shapely.is_valid(geometry) & ~shapely.is_missing(geometry)
    )
    repaired = geometry.copy()
    if len(invalid) == 0:
        return repaired
    made = _made_valid(geometry[invalid])
    before, after = area_m2(geometry[invalid]), area_m2(made)
    reasons = shapely.is_valid_reason(geometry[invalid])
    for index, one, was, now, why in zip(
        invalid.tolist(), made, before, after, reasons, strict=True
    ):
        row = int(rows[index])
        change = _change(was, now)
        if not (now > 0 and one.is_valid) or (
            change > MAX_CHANGE and not accept_repairs
        ):
            raise InvalidGeometryError(
                f"面无效（{why}），修复后面积由 {was:.0f} m² 变为 {now:.0f} m²",
                file=file,
                row=row,
                hint="请在源数据中改正；确认修复结果可用时加 --accept-repairs",
            )
        report.add(
            label,
            file,
            row,
            ids[index],
            "invalid_geometry",
            "repaired",
            value=f"{was:.1f} -> {now:.1f}",
            message=f"面无效（{why}），已修复；面积 {was:.0f} m² → {now:.0f} m²",
        )
        repaired[index] = one
    return repaired


def _made_valid(geometry: GeometryArray) -> GeometryArray:
    """Return the repaired polygons.

    Once is not always enough: parts that came out may share an edge, which is not
    valid either, and a second turn joins them.
    """
    made = geometry
    for _ in range(3):
        made = shapely.make_valid(made, method="structure", keep_collapsed=False)
        made = np.array([*map(_polygons_of, made), None], dtype=object)[:-1]
        if shapely.is_valid(made).all():
            break
    return made


def _change(before: FloatArray | float, after: FloatArray | float) -> float:
    """Return the change of area as a share of the larger one."""
    larger = max(float(before), float(after))
    return abs(float(after) - float(before)) / larger if larger > 0 else 0.0


def _polygons_of(geometry: Any) -> Any:
    """Return only the polygons of a geometry, as one polygon or multipolygon."""
    if geometry.geom_type in ("Polygon", "MultiPolygon"):
        return geometry
    parts = [
        part
        for part in shapely.get_parts(np.array([geometry], dtype=object))
        if part.geom_type in ("Polygon", "MultiPolygon")
    ]
    return shapely.union_all(parts) if parts else shapely.Polygon()
