"""Where nothing may be built: candidates against zones with their distances.

A zone is any geometry with a distance: a candidate within it is excluded (or, for a
zone that is needed, one beyond it). Distances come from the request; none is built in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import BoolArray, FloatArray

#: Metres per degree of latitude, a little below the least on the ellipsoid, so that a
#: search box is never too small.
_METRES_PER_DEGREE = 110_500.0


@dataclass(frozen=True, eq=False)
class Zone:
    """Places to keep away from, or to stay within.

    Parameters
    ----------
    name : str
        What it is, in Chinese: the reason that is shown.
    geometry : sequence of shapely geometries
        In EPSG:4326, longitude first.
    distance_m : float
        Distance that counts as within, inclusive [m]; 0 is inside or touching.
    needed : bool
        False: candidates within are excluded; True: candidates beyond are.
    """

    name: str
    geometry: Sequence[Any]
    distance_m: float = 0.0
    needed: bool = False


@dataclass(frozen=True, eq=False)
class Exclusion:
    """Which candidates may be built, and why the others may not.

    Parameters
    ----------
    allowed : ndarray of bool, shape (n_candidate,)
    reason : ndarray of str, shape (n_candidate,)
        Names of the zones that exclude it, in their order, joined by ``、``; empty
        where allowed.
    distance_m : ndarray of float64, shape (n_zone, n_candidate)
        Distance to each zone [m]; ``inf`` where it is farther than the zone's own.
    """

    allowed: BoolArray
    reason: NDArray[np.str_]
    distance_m: FloatArray


def exclude_candidates(
    lon: FloatArray, lat: FloatArray, *, zones: Sequence[Zone]
) -> Exclusion:
    """Judge candidates by zones.

    The nearest point of a zone is found in a local lon·cos(lat) plane, the distance to
    it is ellipsoidal (WGS 84).

    Parameters
    ----------
    lon, lat : ndarray of float64, shape (n_candidate,)
        [degrees, EPSG:4326].
    zones : sequence of Zone

    Raises
    ------
    InputError
        If a position or distance is not a number, or a distance is negative.

    Examples
    --------
    >>> from shapely import box
    >>> river = Zone("河流", [box(113.0, 31.0, 113.1, 31.1)], distance_m=500.0)
    >>> found = exclude_candidates(np.array([113.05, 113.104, 113.2]),
    ...                            np.array([31.05, 31.05, 31.05]), zones=[river])
    >>> found.allowed.tolist(), found.reason.tolist()
    ([False, False, True], ['河流', '河流', ''])
    """
    if len(lon) != len(lat) or not (np.isfinite(lon) & np.isfinite(lat)).all():
        raise InputError("候选点的经纬度应为有限数，且个数相同")
    distance = np.full((len(zones), len(lon)), np.inf)
    outside = np.zeros((len(zones), len(lon)), dtype=np.bool_)
    for number, zone in enumerate(zones):
        if not (zone.distance_m >= 0 and np.isfinite(zone.distance_m)):
            raise InputError(
                f"“{zone.name}”的距离为 {zone.distance_m}，应为非负有限数（米）"
            )
        distance[number] = _distance_m(lon, lat, zone)
        within = distance[number] <= zone.distance_m
        outside[number] = ~within if zone.needed else within
        distance[number, ~within] = np.inf
    names = [f"不在“{z.name}”内" if z.needed else z.name for z in zones]
    reason = [
        "、".join(n for n, hit in zip(names, hits, strict=True) if hit)
        for hits in outside.T
    ]
    text = np.array(reason if len(zones) else [""] * len(lon), dtype=np.str_)
    allowed: BoolArray = np.logical_not(np.any(outside, axis=0))
    return Exclusion(allowed, text, distance)


def _distance_m(lon: FloatArray, lat: FloatArray, zone: Zone) -> FloatArray:
    """Return distances to a zone; ``inf`` where its search box holds nothing."""
    import shapely
    from pyproj import Geod

    found = np.full(len(lon), np.inf)
    shapes = np.array(
        [g for g in zone.geometry if g is not None and not g.is_empty], dtype=object
    )
    if len(shapes) == 0 or len(lon) == 0:
        return found
    if not shapely.is_valid(shapes).all():
        raise InputError(f"“{zone.name}”含有无效的几何", hint="请先修复几何")
    # a box a little larger than the distance, at the latitude farthest from the equator
    high = zone.distance_m * 1.01 + 1.0
    d_lat = high / _METRES_PER_DEGREE
    highest = np.minimum(np.abs(lat) + d_lat, 89.9)
    d_lon: FloatArray = np.asarray(d_lat / np.cos(np.radians(highest)))
    boxes = shapely.box(lon - d_lon, lat - d_lat, lon + d_lon, lat + d_lat)
    at, shape = shapely.STRtree(shapes).query(boxes, predicate="intersects")
    geod = Geod(ellps="WGS84")
    for i in np.unique(at):
        near = shapes[shape[at == i]]
        cut = shapely.intersection(near, boxes[i])
        scale = np.array([np.cos(np.radians(lat[i])), 1.0])
        local = shapely.transform(cut, lambda xy, s=scale: xy * s)
        here = shapely.Point(lon[i] * scale[0], lat[i])
        lines = shapely.shortest_line(here, local)
        ends = shapely.get_coordinates(shapely.get_point(lines, 1)) / scale
        n = len(ends)
        metres = geod.inv([lon[i]] * n, [lat[i]] * n, ends[:, 0], ends[:, 1])[2]
        found[i] = float(np.min(metres))
    return found
