"""Zones with an effect on sites (roads, rivers, farmland …), and how far places are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely

from yikezhong_coverage.records import FloatArray
from yikezhong_geodata.areas import distance_m
from yikezhong_geodata.columns import CRS
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.source_spec import ZoneSpec
from yikezhong_geodata.sources import is_table, open_source
from yikezhong_geodata.toml_keys import StudySpecError

LABEL: Final = "zones"
#: Zones farther than this from a place do not matter [m].
FAR_M: Final = 10_000.0
#: A little more than that [degrees of latitude].
_SEARCH_DEG: Final = 0.1
#: Pairs of a place and a zone that are measured at once, so that memory is bounded.
_PAIRS_AT_ONCE: Final = 4096


def load_zones(
    specs: Sequence[ZoneSpec], *, folder: Path, report: DataReport
) -> Any | None:
    """Read all zone layers of a study.

    Parameters
    ----------
    specs : sequence of ZoneSpec
    folder : Path
        The study folder.
    report : DataReport
        Takes features without a usable shape, which are set aside.

    Returns
    -------
    GeoDataFrame or None
        Columns ``zone_class``, ``file``, ``row``, ``geometry`` (points, lines,
        polygons; EPSG:4326), in the order of the files; None where there are no
        layers.

    Raises
    ------
    StudySpecError
        If a file is a table without shapes.
    """
    import geopandas

    classes: list[str] = []
    files: list[str] = []
    rows: list[int] = []
    shapes: list[Any] = []
    for number, spec in enumerate(specs, start=1):
        if is_table(spec.file):
            raise StudySpecError(
                f"“{spec.file}”是表格，没有图形",
                file="study.toml",
                column=f"zones[{number}].file",
                hint="请使用 GeoJSON、GeoPackage 或 shapefile（zip）",
            )
        source = open_source(spec, folder=folder, report=report, label=LABEL, kind=None)
        geometry = np.asarray(source.geometry, dtype=object)
        usable = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
        for index, row in enumerate(source.rows.tolist()):
            if not usable[index]:
                problem = source.problems.get(row, "no_geometry")
                report.add(
                    LABEL, source.file, row, None, problem, "set_aside",
                    message="没有可用的图形，未使用",
                )  # fmt: skip
                continue
            classes.append(spec.zone_class)
            files.append(source.file)
            rows.append(row)
            shapes.append(geometry[index])
        report.close_layer(LABEL, source.file, read=len(source))
    if not specs:
        return None
    return geopandas.GeoDataFrame(
        {"zone_class": classes, "file": files, "row": rows},
        geometry=geopandas.GeoSeries(shapes, crs=CRS),
        crs=CRS,
    )


def zone_distances_m(
    zones: Any, lon: FloatArray, *, lat: FloatArray
) -> dict[str, FloatArray]:
    """Return how far places are from the nearest zone of each class [m].

    Parameters
    ----------
    zones : GeoDataFrame
        From :func:`load_zones`.
    lon, lat : ndarray of float64, shape (n_place,)
        [degrees]; ``nan`` where a place has no position.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_place,)
        By class: 0 inside a polygon or on its border; ``inf`` beyond :data:`FAR_M`;
        ``nan`` where the place has no position. Ellipsoidal, to the nearest point of
        the zone in a local lon·cos(lat) plane.

    Examples
    --------
    >>> import geopandas
    >>> zones = geopandas.GeoDataFrame(
    ...     {"zone_class": ["water"]}, geometry=[shapely.box(113.0, 31.0, 113.1, 31.1)])
    >>> lon, lat = np.array([113.05, 113.05, 113.05]), np.array([31.05, 31.11, 33.0])
    >>> zone_distances_m(zones, lon, lat=lat)["water"].round().tolist()
    [0.0, 1109.0, inf]
    """
    found: dict[str, FloatArray] = {}
    classes = zones["zone_class"].to_numpy(dtype=object)
    geometry = np.asarray(zones.geometry.to_numpy(), dtype=object)
    for name in dict.fromkeys(classes.tolist()):
        found[name] = _nearest_m(geometry[classes == name], lon, lat)
    return found


def _nearest_m(shapes: Any, lon: FloatArray, lat: FloatArray) -> FloatArray:
    """Return the distance of each place to the nearest of some shapes [m]."""
    metres = np.full(len(lon), np.nan)
    known = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    metres[known] = np.inf
    points = shapely.points(lon[known], lat[known])
    wide = _SEARCH_DEG / np.cos(np.radians(lat[known]))
    around = shapely.box(
        lon[known] - wide,
        lat[known] - _SEARCH_DEG,
        lon[known] + wide,
        lat[known] + _SEARCH_DEG,
    )
    place, shape = shapely.STRtree(shapes).query(around)
    if len(place) == 0:
        return metres
    apart = ~shapely.intersects(shapes[shape], points[place])
    nearest = np.zeros(len(place))
    for part in np.array_split(
        np.flatnonzero(apart), np.count_nonzero(apart) // _PAIRS_AT_ONCE + 1
    ):
        nearest[part] = _apart_m(points[place[part]], shapes[shape[part]])
    np.minimum.at(metres, known[place], np.where(nearest > FAR_M, np.inf, nearest))
    return metres


def _apart_m(points: Any, shapes: Any) -> FloatArray:
    """Return the ellipsoidal distances of points to the nearest points of shapes [m].

    Pair by pair, each in the local plane of its point.
    """
    at = shapely.get_coordinates(points)
    scale = np.column_stack([np.cos(np.radians(at[:, 1])), np.ones(len(at))])
    pair = np.repeat(np.arange(len(at)), shapely.get_num_coordinates(shapes))
    flat = shapely.transform(shapes, lambda xy: (xy - at[pair]) * scale[pair])
    lines = shapely.shortest_line(shapely.points(np.zeros_like(at)), flat)
    end = shapely.get_coordinates(lines)[1::2] / scale + at
    return distance_m(at[:, 0], at[:, 1], to_lon=end[:, 0], to_lat=end[:, 1])
