"""Find out whether a layer is in GCJ-02 or BD-09 by how it fits the other layers.

Facilities stand beside roads. If they come closer to the roads when the positions are
read as GCJ-02, point by point and by far more than chance would do, they are GCJ-02.
Nothing is converted here: the guess is reported and a person decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from yikezhong_coverage.records import RoadGraph
from yikezhong_geodata.datum import (
    DATUMS,
    FloatArray,
    convert_geometry,
    in_china,
    to_wgs84,
)

#: Fewer points than this say nothing.
MIN_POINTS: Final = 5
#: Farther from a road than this, a point counts as so far [m]: one lost facility must
#: not decide.
_FAR_M: Final = 150.0
#: A point so near to a road "fits" [m].
NEAR_M: Final = 30.0
#: Chance that a layer in WGS-84 is taken for another, per test.
_ALPHA: Final = 1e-4
#: Of the mean distance to the roads, at least so much must go.
_GAIN: Final = 0.3
_DEGREE_M: Final = 111_195.0


@dataclass(frozen=True)
class DatumGuess:
    """What a layer's fit says about its datum.

    Parameters
    ----------
    datum : str
        ``wgs84``, ``gcj02`` or ``bd09``: the best fit; ``wgs84`` where not confident.
    offset_m : float
        Median shift that converting would make [m]; 0 for WGS-84.
    near_share : mapping of str to float
        Per datum, the share of points that come within :data:`NEAR_M` of a road; for
        boundaries the median overlap (intersection over union).
    median_m : mapping of str to float
        Per datum, the median distance to the nearest road (to the other boundary's
        centroid) [m].
    n_point : int
        Points (or pairs of boundaries) that were compared.
    confident : bool
        Whether the layer is very probably in ``datum`` and not in WGS-84.
    """

    datum: str
    offset_m: float
    near_share: Mapping[str, float]
    median_m: Mapping[str, float]
    n_point: int
    confident: bool


def detect_datum(
    lon: ArrayLike, lat: ArrayLike, road_lon: ArrayLike, road_lat: ArrayLike
) -> DatumGuess:
    """Guess the datum of points from how near they are to roads in WGS-84.

    Parameters
    ----------
    lon, lat : array_like of float, shape (n_point,)
        Positions as they were given [degrees]; those that are not finite or outside
        China are passed over.
    road_lon, road_lat : array_like of float, shape (n,)
        Points along the roads, close together (see :func:`road_points`) [degrees].

    Returns
    -------
    DatumGuess
        Confident only where a paired t-test leaves a chance below 1e-4 and the mean
        distance, capped at 150 m, falls by 30 % or more.
    """
    given_lon, given_lat = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    given = np.asarray(road_lon, np.float64), np.asarray(road_lat, np.float64)
    roads = RoadPlaces(lambda: given)
    return detect_beside(given_lon, given_lat, roads=roads)


class RoadPlaces:
    """Points along the roads, to be compared with several layers.

    Parameters
    ----------
    make : callable
        Returns longitudes and latitudes [degrees], close together (see
        :func:`road_points`); called once, where they are needed.
    """

    def __init__(self, make: Callable[[], tuple[FloatArray, FloatArray]]) -> None:
        self._make = make

    @classmethod
    def along(cls, graph: Callable[[], RoadGraph]) -> RoadPlaces:
        """Return the points along all roads of a graph, which is asked for late."""

        def make() -> tuple[FloatArray, FloatArray]:
            roads = graph()
            return road_points(roads.vertex_start, roads.vertex_lon, roads.vertex_lat)

        return cls(make)

    def __len__(self) -> int:
        return len(self.points[0])

    @cached_property
    def points(self) -> tuple[FloatArray, FloatArray]:
        """Longitudes and latitudes [degrees]."""
        return self._make()

    @cached_property
    def _tree(self) -> tuple[Any, float]:
        """Return the points as a tree in a plane, and the latitude of the plane."""
        from scipy.spatial import cKDTree

        lon, lat = self.points
        at_lat = float(np.median(lat))
        plane = _plane(lon, lat, at_lat=at_lat)
        # few points are looked up: a tree that is quickly made serves best
        return cKDTree(plane, balanced_tree=False, compact_nodes=False), at_lat

    def distances_m(self, lon: FloatArray, lat: FloatArray) -> dict[str, FloatArray]:
        """Return the distance to the nearest of them [m] under each datum."""
        tree, at_lat = self._tree
        found = {}
        for datum in DATUMS:
            points = _plane(*to_wgs84(datum)(lon, lat), at_lat=at_lat)
            found[datum] = np.asarray(tree.query(points)[0], dtype=np.float64)
        return found


def detect_beside(lon: FloatArray, lat: FloatArray, *, roads: RoadPlaces) -> DatumGuess:
    """Guess the datum of points, as :func:`detect_datum` does."""
    usable = np.isfinite(lon) & np.isfinite(lat)
    usable[usable] = in_china(lon[usable], lat[usable])
    lon, lat = lon[usable], lat[usable]
    if len(lon) < MIN_POINTS or len(roads) == 0:
        return _no_guess(len(lon))
    distance = roads.distances_m(lon, lat)
    capped = {d: np.minimum(m, _FAR_M) for d, m in distance.items()}
    best = min(("gcj02", "bd09"), key=lambda d: float(capped[d].mean()))
    gain = capped["wgs84"] - capped[best]
    confident = _p_value(gain) < _ALPHA and float(gain.mean()) > _GAIN * float(
        capped["wgs84"].mean()
    )
    datum = best if confident else "wgs84"
    return DatumGuess(
        datum=datum,
        offset_m=_offset_m(lon, lat, datum),
        near_share={d: float(np.mean(m <= NEAR_M)) for d, m in distance.items()},
        median_m={d: float(np.median(m)) for d, m in distance.items()},
        n_point=len(lon),
        confident=confident,
    )


def _no_guess(n_point: int) -> DatumGuess:
    return DatumGuess("wgs84", 0.0, {}, {}, n_point, False)


def _plane(lon: FloatArray, lat: FloatArray, *, at_lat: float) -> FloatArray:
    """Return positions in a local plane [m]."""
    return np.column_stack((lon * np.cos(np.radians(at_lat)), lat)) * _DEGREE_M


def _p_value(gain: FloatArray) -> float:
    """Return the chance of such a mean gain without a true one (one-sided t-test)."""
    from scipy.special import stdtr

    spread = float(gain.std(ddof=1))
    if spread == 0:
        return 0.0 if float(gain.mean()) > 0 else 1.0
    statistic = float(gain.mean()) / (spread / np.sqrt(len(gain)))
    # as scipy.stats.t.sf, which takes half a second to import
    return float(stdtr(len(gain) - 1, -statistic))


def _offset_m(lon: FloatArray, lat: FloatArray, datum: str) -> float:
    if datum == "wgs84":
        return 0.0
    at_lat = float(np.median(lat))
    moved = _plane(*to_wgs84(datum)(lon, lat), at_lat=at_lat)
    away: FloatArray = np.hypot(*(moved - _plane(lon, lat, at_lat=at_lat)).T)
    return float(np.median(away))


def road_points(
    vertex_start: NDArray[np.int64],
    vertex_lon: FloatArray,
    vertex_lat: FloatArray,
    *,
    step_m: float = 20.0,
) -> tuple[FloatArray, FloatArray]:
    """Return points along roads, at most ``step_m`` apart.

    Parameters
    ----------
    vertex_start : ndarray of int64, shape (n_edge + 1,)
        As in :class:`yikezhong_coverage.records.RoadGraph`.
    vertex_lon, vertex_lat : ndarray of float64, shape (n_vertex,)
        Shape of the roads [degrees].

    Examples
    --------
    >>> lon, lat = road_points(np.array([0, 2]), np.array([0.0, 0.001]), np.zeros(2), step_m=40)
    >>> len(lon)
    4
    """
    first = np.ones(len(vertex_lon), dtype=bool)
    first[np.asarray(vertex_start[1:]) - 1] = False  # the last vertex begins no segment
    a = np.flatnonzero(first)
    at_lat = float(np.median(vertex_lat)) if len(vertex_lat) else 0.0
    xy = _plane(vertex_lon, vertex_lat, at_lat=at_lat)
    length = np.hypot(*(xy[a + 1] - xy[a]).T)
    n_part = np.maximum(1, np.ceil(length / step_m)).astype(np.int64)
    segment = np.repeat(np.arange(len(a)), n_part)
    begin = np.cumsum(n_part) - n_part
    share = (np.arange(len(segment)) - begin[segment]) / n_part[segment]
    i = a[segment]
    ends = np.asarray(vertex_start[1:]) - 1
    lon = vertex_lon[i] + share * (vertex_lon[i + 1] - vertex_lon[i])
    lat = vertex_lat[i] + share * (vertex_lat[i + 1] - vertex_lat[i])
    return np.append(lon, vertex_lon[ends]), np.append(lat, vertex_lat[ends])


def layer_offset(
    polygons: NDArray[np.object_], reference: NDArray[np.object_]
) -> DatumGuess:
    """Guess the datum of polygons from the same polygons in WGS-84.

    Parameters
    ----------
    polygons, reference : ndarray of shapely polygon or None, shape (n_pair,)
        The same divisions, in the same order [degrees]; the second in WGS-84.

    Returns
    -------
    DatumGuess
        Confident where the shift exceeds 200 m, converting takes away half of it or
        more, and no pair overlaps less. One pair is enough.
    """
    pairs = ~(shapely.is_missing(polygons) | shapely.is_missing(reference))
    polygons, reference = polygons[pairs], shapely.make_valid(reference[pairs])
    if len(polygons) == 0:
        return _no_guess(0)
    lon, lat = shapely.get_coordinates(shapely.centroid(reference)).T
    if not in_china(lon, lat).all():
        return _no_guess(len(polygons))
    overlap, away = {}, {}
    for datum in DATUMS:
        moved = shapely.make_valid(convert_geometry(polygons, to_wgs84(datum)))
        both = shapely.area(shapely.intersection(moved, reference))
        overlap[datum] = both / shapely.area(shapely.union(moved, reference))
        centre = shapely.get_coordinates(shapely.centroid(moved))
        at_lat = float(np.median(lat))
        away[datum] = np.hypot(
            *(_plane(*centre.T, at_lat=at_lat) - _plane(lon, lat, at_lat=at_lat)).T
        )
    median = {d: float(np.median(m)) for d, m in away.items()}
    best = min(("gcj02", "bd09"), key=lambda d: median[d])
    confident = (
        median["wgs84"] > 200.0
        and median[best] < 0.5 * median["wgs84"]
        and bool((overlap[best] > overlap["wgs84"]).all())
    )
    datum = best if confident else "wgs84"
    return DatumGuess(
        datum,
        _offset_m(lon, lat, datum),
        {d: float(np.median(o)) for d, o in overlap.items()},
        median,
        len(polygons),
        confident,
    )
