"""Which division a point lies in: exactly one, by a fixed rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely

from yikezhong_coverage.records import BoolArray, FloatArray, IndexArray
from yikezhong_geodata.areas import GeometryArray, distance_m
from yikezhong_geodata.columns import LEVELS

_AT_ONCE: Final = 100_000


@dataclass(frozen=True, eq=False)
class Located:
    """Where points lie.

    Parameters
    ----------
    division : ndarray of int32, shape (n_point,)
        Row of the finest division around each point; -1 outside all of them.
    shared : ndarray of bool, shape (n_point,)
        Whether several divisions of that level hold the point (a border, or an
        overlap); the smallest code was taken.
    """

    division: IndexArray
    shared: BoolArray


def locate_points(divisions: Any, lon: FloatArray, *, lat: FloatArray) -> Located:
    """Return the finest division around each point.

    Parameters
    ----------
    divisions : GeoDataFrame
        Divisions with ``code``, ``level`` and ``geometry`` (None is passed over).
    lon, lat : ndarray of float64, shape (n_point,)
        Positions [degrees]; ``nan`` lies nowhere.

    Returns
    -------
    Located

    Notes
    -----
    A point on a border belongs to the division with the smallest code of those that
    touch it, whatever the order of rows.
    """
    geometry = geometry_of(divisions)
    codes = divisions["code"].to_numpy(dtype=object)
    levels = divisions["level"].to_numpy(dtype=object)
    found = np.full(len(lon), -1, dtype=np.int32)
    shared = np.zeros(len(lon), dtype=np.bool_)
    open_ = np.isfinite(lon) & np.isfinite(lat)
    for level in reversed(LEVELS):
        holders = np.flatnonzero((levels == level) & ~shapely.is_missing(geometry))
        points = np.flatnonzero(open_)
        if len(holders) == 0 or len(points) == 0:
            continue
        holders = holders[np.argsort(codes[holders].astype(str), kind="stable")]
        tree = shapely.STRtree(geometry[holders])
        # a point as an object is large: only so many are made at once
        for part in np.split(points, range(_AT_ONCE, len(points), _AT_ONCE)):
            at, inside = tree.query(
                shapely.points(lon[part], lat[part]), predicate="intersects"
            )
            order = np.lexsort((inside, at))
            at, inside = at[order], inside[order]
            first = np.ones(len(at), dtype=np.bool_)
            first[1:] = at[1:] != at[:-1]
            found[part[at[first]]] = holders[inside[first]]
            shared[part[at[~first]]] = True
            open_[part[at]] = False
    return Located(found, shared)


def geometry_of(table: Any) -> GeometryArray:
    """Return the geometries of a table as an object array with None."""
    return np.asarray(table.geometry.to_numpy(), dtype=object)


def ancestors_at(divisions: Any, level: str) -> IndexArray:
    """Return for each division itself or its ancestor at a level, else -1.

    Parameters
    ----------
    divisions : DataFrame
        With ``code``, ``level``, ``parent``.
    level : str
        One of :data:`~yikezhong_geodata.columns.LEVELS`.

    Returns
    -------
    ndarray of int32, shape (n_division,)
    """
    parent = parent_index(divisions)
    wanted = divisions["level"].to_numpy(dtype=object) == level
    found = np.full(len(divisions), -1, dtype=np.int32)
    current = np.arange(len(divisions), dtype=np.int32)
    for _ in range(len(LEVELS)):
        here = (found < 0) & (current >= 0)
        here[here] = wanted[current[here]]
        found[here] = current[here]
        current = np.where(current >= 0, parent[current], -1).astype(np.int32)
    return found


def parent_index(divisions: Any) -> IndexArray:
    """Return the row of each division's parent, -1 at the top; shape (n_division,)."""
    position = {code: index for index, code in enumerate(divisions["code"])}
    return np.array(
        [position.get(code, -1) for code in divisions["parent"]], dtype=np.int32
    )


def has_children(divisions: Any) -> BoolArray:
    """Return which divisions have divisions below them; shape (n_division,)."""
    parent = parent_index(divisions)
    below = np.zeros(len(divisions), dtype=np.bool_)
    below[parent[parent >= 0]] = True
    return below


def distance_to_study(
    divisions: Any, lon: FloatArray, *, lat: FloatArray
) -> FloatArray:
    """Return the distance from points to the nearest division [m].

    Parameters
    ----------
    divisions : GeoDataFrame
    lon, lat : ndarray of float64, shape (n_point,)
        Finite positions [degrees].

    Returns
    -------
    ndarray of float64, shape (n_point,)
        0 inside; ``nan`` where no division has a geometry.
    """
    geometry = geometry_of(divisions)
    geometry = geometry[~shapely.is_missing(geometry)]
    if len(geometry) == 0 or len(lon) == 0:
        return np.full(len(lon), np.nan)
    # nearest in the plane lon·cos(lat), so that a degree means the same both ways
    scale = float(np.cos(np.radians(np.clip(np.median(lat), -85, 85))))
    plane = shapely.transform(geometry, lambda xy: xy * [scale, 1.0])
    points = shapely.points(lon * scale, lat)
    nearest = shapely.STRtree(plane).nearest(points)
    lines = shapely.shortest_line(points, plane[nearest])
    ends = shapely.get_coordinates(lines).reshape(-1, 2, 2)
    return distance_m(
        ends[:, 0, 0] / scale,
        ends[:, 0, 1],
        to_lon=ends[:, 1, 0] / scale,
        to_lat=ends[:, 1, 1],
    )
