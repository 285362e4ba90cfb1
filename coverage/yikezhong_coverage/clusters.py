"""People without a service as places: points that lie together, no larger than a circle.

Two points belong together where a chain of points leads from one to the other with no
step longer than ``link_m``, straight. A group that does not fit into a circle of
``radius_m`` is cut in two across its longer side, at the widest empty strip in the
middle half of that side, until every part fits: so a cut goes between villages rather
than through one.

Distances are straight ones, in a plane at the latitude between the two points. What
belongs together depends on the points alone, not on their order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from yikezhong_coverage.cutting import cut_groups
from yikezhong_coverage.degrees import (
    AXIS_M,
    ECCENTRICITY_2,
    east_m,
    metres_per_degree,
    north_m,
)
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.records import FloatArray, IndexArray, IntArray

#: Cells of one latitude are numbered within this; 360° hold fewer of the smallest.
_ROW = 1 << 32
_SMALLEST_LINK_M = 1.0


@dataclass(frozen=True, eq=False)
class Places:
    """Groups of points, those with the most people first.

    Parameters
    ----------
    place : ndarray of int32, shape (n_point,)
        Place of each point; -1 for a point without people.
    people : ndarray of float64, shape (n_place,)
        People of each place [persons]; of equal ones the place whose centre comes
        first in the order of the points is first.
    centre : ndarray of int32, shape (n_place,)
        The point in the middle: the sum over the people of their squared distance to
        it is smallest (the point nearest to their mean place).
    """

    place: IndexArray
    people: FloatArray
    centre: IndexArray

    def __len__(self) -> int:
        return len(self.people)


def gather_places(
    lon: FloatArray,
    lat: FloatArray,
    people: FloatArray,
    *,
    radius_m: float,
    link_m: float = 500.0,
) -> Places:
    """Gather points with people into places.

    Parameters
    ----------
    lon, lat : ndarray of float64, shape (n_point,)
        Positions [degrees].
    people : ndarray of float64, shape (n_point,)
        People at each point [persons]; points with 0 or ``nan`` are in no place.
    radius_m : float
        A place fits into a circle of this radius [m].
    link_m : float
        Largest step between points of a place [m], inclusive.

    Returns
    -------
    Places
        The people of all places add up to those of all points.

    Raises
    ------
    InputError
        If a distance is not positive or the arrays differ in length.

    Examples
    --------
    >>> lon = np.array([113.0, 113.004, 113.02, 113.1])
    >>> people = np.array([5.0, 3.0, 20.0, 0.0])
    >>> found = gather_places(lon, np.full(4, 31.7), people, radius_m=900)
    >>> found.place.tolist(), found.people.tolist(), found.centre.tolist()
    ([1, 1, 0, -1], [20.0, 8.0], [2, 0])
    """
    if not len(lon) == len(lat) == len(people):
        raise InputError("点的经度、纬度与人数的长度不一致")
    if not (radius_m > 0 and link_m >= _SMALLEST_LINK_M):
        raise InputError(f"片区半径 {radius_m} 与间距 {link_m} 应为正数（米）")
    chosen = np.flatnonzero(people > 0)
    place = np.full(len(people), -1, dtype=np.int32)
    if len(chosen) == 0:
        return Places(place, np.zeros(0), np.zeros(0, dtype=np.int32))
    x, y = lon[chosen], lat[chosen]
    weight = people[chosen]
    group = cut_groups(x, y, _linked(x, y, link_m), radius_m)
    n_group = int(group.max()) + 1
    total = np.bincount(group, weights=weight, minlength=n_group).astype(np.float64)
    centre = chosen[_middle(x, y, weight, group, n_group)]
    order = np.lexsort((centre, -total))
    rank = np.empty(n_group, dtype=np.int32)
    rank[order] = np.arange(n_group, dtype=np.int32)
    place[chosen] = rank[group]
    return Places(place, total[order], centre[order].astype(np.int32))


def largest_places(places: Places, most: int) -> Places:
    """Return at most so many places, those with the most people.

    Examples
    --------
    >>> one = np.array([0, 1, -1], dtype=np.int32)
    >>> largest_places(Places(one, np.array([5.0, 3.0]), one[:2]), 1).place.tolist()
    [0, -1, -1]
    """
    if len(places) <= most:
        return places
    place = np.where(places.place < most, places.place, -1).astype(np.int32)
    return Places(place, places.people[:most], places.centre[:most])


def outline_places(
    lon: FloatArray, lat: FloatArray, place: IndexArray, *, buffer_m: float = 50.0
) -> NDArray[np.object_]:
    """Return a polygon around the points of each place.

    Parameters
    ----------
    lon, lat : ndarray of float64, shape (n_point,)
        Positions [degrees].
    place : ndarray of int32, shape (n_point,)
        From :func:`gather_places`.
    buffer_m : float
        Margin around the convex hull of the points [m].

    Returns
    -------
    ndarray of shapely.Polygon, shape (n_place,)
        In degrees.

    Examples
    --------
    >>> one = outline_places(np.array([113.0]), np.array([31.7]),
    ...                      np.array([0], dtype=np.int32))[0]
    >>> [round(v, 4) for v in one.bounds]
    [112.9995, 31.6995, 113.0005, 31.7005]
    """
    member = np.flatnonzero(place >= 0)
    if len(member) == 0:
        return np.zeros(0, dtype=object)
    order = member[np.argsort(place[member], kind="stable")]
    owner = place[order]
    first = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    lon0, lat0 = lon[order][first], lat[order][first]
    east, north = metres_per_degree(lat0)
    flat = np.column_stack(
        [
            (lon[order] - lon0[owner]) * east[owner],
            (lat[order] - lat0[owner]) * north[owner],
        ]
    )
    # lines are made much faster than multipoints; each starts twice at its first point
    doubled = np.insert(np.arange(len(order)), first, first)
    lines = shapely.linestrings(flat[doubled], indices=owner[doubled])
    hulls = shapely.convex_hull(lines)
    shapes = shapely.buffer(hulls, buffer_m, quad_segs=2)
    vertex, at = shapely.get_coordinates(shapes, return_index=True)
    vertex[:, 0] = lon0[at] + vertex[:, 0] / east[at]
    vertex[:, 1] = lat0[at] + vertex[:, 1] / north[at]
    polygons: NDArray[np.object_] = shapely.set_coordinates(shapes, vertex)
    return polygons


def _middle(
    lon: FloatArray,
    lat: FloatArray,
    weight: FloatArray,
    group: IntArray,
    n_group: int,
) -> IntArray:
    """Return the point of each group that is nearest to the mean of its people."""
    total = np.bincount(group, weights=weight, minlength=n_group)
    first = _first_of(group, n_group)
    # from a point of the group: small numbers, so that the mean is a good one
    dx, dy = lon - lon[first][group], lat - lat[first][group]
    mean_x = np.bincount(group, weights=weight * dx, minlength=n_group) / total
    mean_y = np.bincount(group, weights=weight * dy, minlength=n_group) / total
    east, north = metres_per_degree(lat[first])
    off_x = (dx - mean_x[group]) * east[group]
    off_y = (dy - mean_y[group]) * north[group]
    # to the millimetre: equally near points are told apart by their order
    off_mm2 = np.round(1e6 * (off_x**2 + off_y**2))
    return _smallest(off_mm2, group, first)


@njit(cache=True, nogil=True)
def _smallest(value: FloatArray, group: IntArray, first: IntArray) -> IntArray:
    """Return the place of the smallest value of each group, of equal ones the first."""
    found = first.copy()
    for i in range(len(value)):
        if value[i] < value[found[group[i]]]:
            found[group[i]] = i
    return found


@njit(cache=True, nogil=True)
def _first_of(group: IntArray, n_group: int) -> IntArray:
    """Return the first place of each group."""
    first = np.empty(n_group, dtype=np.int64)
    for i in range(len(group) - 1, -1, -1):
        first[group[i]] = i
    return first


def _linked(lon: FloatArray, lat: FloatArray, link_m: float) -> IntArray:
    """Return the number of the chain of steps that each point belongs to.

    Points are sorted into cells small enough that all points of a cell belong
    together; only points of cells near each other are compared.
    """
    side = link_m / math.sqrt(2.0) * 0.99  # the ellipsoid's radii vary by less
    north = math.radians(AXIS_M * (1.0 - ECCENTRICITY_2))  # a degree at least [m]
    height = side / (north * 1.0102)
    row = np.floor((lat + 90.0) / height).astype(np.int64)
    # cells of a row are as wide as its edge nearer to the equator allows
    edge = np.minimum(np.abs(row * height - 90.0), np.abs((row + 1) * height - 90.0))
    width = side / np.maximum(metres_per_degree(np.minimum(edge, 89.0))[0], 1.0)
    column = np.floor((lon + 180.0) / width).astype(np.int64)
    key = row * _ROW + column
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    start = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    bounds = np.append(start, len(key)).astype(np.int64)
    of_row = width[order][start]
    keys = ordered[start]
    root = _join_cells(lon[order], lat[order], keys, bounds, of_row, (height, link_m))
    # a chain is named by its first cell: the chains are numbered in that order
    number = np.cumsum(root == np.arange(len(root))) - 1
    linked: IntArray = np.empty(len(key), dtype=np.int64)
    linked[order] = np.repeat(number[root], np.diff(bounds))
    return linked


@njit(cache=True, nogil=True)
def _find(parent: IntArray, cell: int) -> int:
    while parent[cell] != cell:
        parent[cell] = parent[parent[cell]]
        cell = parent[cell]
    return cell


@njit(cache=True, nogil=True)
def _touch(
    lon: FloatArray,
    lat: FloatArray,
    one: tuple[int, int],
    other: tuple[int, int],
    link_m: float,
) -> bool:
    """Say whether some point of one cell is near some point of another."""
    for i in range(one[0], one[1]):
        for j in range(other[0], other[1]):
            middle = 0.5 * (lat[i] + lat[j])
            dx = (lon[i] - lon[j]) * east_m(middle)
            dy = (lat[i] - lat[j]) * north_m(middle)
            if dx * dx + dy * dy <= link_m * link_m:
                return True
    return False


@njit(cache=True, nogil=True)
def _join_cells(
    lon: FloatArray,
    lat: FloatArray,
    keys: IntArray,
    bounds: IntArray,
    width: FloatArray,
    sizes: tuple[float, float],
) -> IntArray:
    """Return the smallest cell of the chain of each cell; points sorted by cell."""
    height, link_m = sizes
    n_cell = len(keys)
    parent = np.arange(n_cell)
    first = np.full(3, n_cell)  # first cell of this row and of the two above
    reached = np.full(3, n_cell)  # cells before these are too far west by now
    known = -1
    for cell in range(n_cell):
        row, column = keys[cell] // _ROW, keys[cell] % _ROW
        if row != known:
            known = row
            for up in range(3):
                first[up] = np.searchsorted(keys, (row + up) * _ROW)
                reached[up] = first[up]
        west = column * width[cell]
        lat0 = lat[bounds[cell]]
        margin = 1.01 * link_m / east_m(min(abs(lat0) + 3.0 * height, 89.9))
        for up in range(3):
            if first[up] == n_cell or keys[first[up]] // _ROW != row + up:
                continue
            step = width[first[up]]
            from_ = max(0, int((west - margin) / step))
            to = int((west + width[cell] + margin) / step)
            while reached[up] < n_cell and (
                keys[reached[up]] < (row + up) * _ROW + from_
            ):
                reached[up] += 1
            at = reached[up]
            while at < n_cell and keys[at] <= (row + up) * _ROW + to:
                if at != cell:
                    a, b = _find(parent, cell), _find(parent, at)
                    if a != b and _touch(
                        lon,
                        lat,
                        (bounds[cell], bounds[cell + 1]),
                        (bounds[at], bounds[at + 1]),
                        link_m,
                    ):
                        parent[max(a, b)] = min(a, b)
                at += 1
    for cell in range(n_cell):
        parent[cell] = _find(parent, cell)
    return parent
