"""Cutting groups of points in two until every part fits into a circle.

A cut goes across the longer side of a group, at the widest empty strip in the middle
half of that side.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from yikezhong_coverage.degrees import east_m, north_m
from yikezhong_coverage.records import FloatArray, IntArray


def cut_groups(
    lon: FloatArray, lat: FloatArray, group: IntArray, radius_m: float
) -> IntArray:
    """Cut groups in two until each fits into a circle; return the new groups."""
    order = np.argsort(group, kind="stable")
    counts = np.bincount(group)
    bounds = np.append(0, np.cumsum(counts)).astype(np.int64)
    found = np.empty(len(group), dtype=np.int64)
    found[order] = _cut_all(lon[order], lat[order], bounds, radius_m)
    return found


@njit(cache=True, nogil=True)
def _cut_all(
    lon: FloatArray, lat: FloatArray, bounds: IntArray, radius_m: float
) -> IntArray:
    """Return the part of each point; the points of a group stand together.

    Points are moved so that those of a part stand together, never sorted.
    """
    n_point = len(lon)
    x, y = lon.copy(), lat.copy()
    part = np.empty(n_point, dtype=np.int64)
    item = np.arange(n_point)
    largest = np.max(np.diff(bounds)) if len(bounds) > 1 else 0
    room = np.empty((3, largest))
    sides = np.empty((2, 2 * (largest + 1)))
    n_part = 0
    waiting = [(bounds[g], bounds[g + 1]) for g in range(len(bounds) - 2, -1, -1)]
    while len(waiting) > 0:
        start, end = waiting.pop()
        west, east, south, north = x[start], x[start], y[start], y[start]
        for i in range(start + 1, end):
            west, east = min(west, x[i]), max(east, x[i])
            south, north = min(south, y[i]), max(north, y[i])
        middle = 0.5 * (south + north)
        wide = (east - west) * east_m(middle)
        high = (north - south) * north_m(middle)
        if wide * wide + high * high <= 4.0 * radius_m * radius_m:
            for i in range(start, end):
                part[item[i]] = n_part
            n_part += 1
            continue
        if wide >= high:
            last = _before_widest(x[start:end], west, east, sides)
            cut = _move(x, y, item, (start, end), last, room)
        else:
            last = _before_widest(y[start:end], south, north, sides)
            cut = _move(y, x, item, (start, end), last, room)
        waiting.append((cut, end))
        waiting.append((start, cut))
    return part


@njit(cache=True, nogil=True)
def _move(
    along: FloatArray,
    across: FloatArray,
    item: IntArray,
    here: tuple[int, int],
    last: float,
    room: FloatArray,
) -> int:
    """Move the points up to ``last`` in front of the others; return where these start."""
    front, n_back = here[0], 0
    for i in range(here[0], here[1]):
        if along[i] <= last:
            along[front], across[front], item[front] = along[i], across[i], item[i]
            front += 1
        else:
            # numbers of points are far below 2**53: a float holds them exactly
            room[0, n_back], room[1, n_back] = along[i], across[i]
            room[2, n_back] = item[i]
            n_back += 1
    for i in range(n_back):
        at = front + i
        along[at], across[at] = room[0, i], room[1, i]
        item[at] = int(room[2, i])
    return front


@njit(cache=True, nogil=True)
def _before_widest(
    along: FloatArray, low: float, high: float, sides: FloatArray
) -> float:
    """Return the last value in front of the widest step, in the middle half.

    A step counts by what of it lies in the middle half; of equal ones the first. The
    values inside are put into twice as many boxes as there are steps: the widest step
    is wider than a box, so it lies between boxes, and only their ends are looked at.
    """
    quarter = 0.25 * (high - low)
    begin, end = low + quarter, high - quarter
    before, n_inside = low, 0
    for value in along:
        if value <= begin:
            before = max(before, value)
        elif value < end:
            n_inside += 1
    if n_inside == 0:
        return before
    n_box = 2 * (n_inside + 1)
    first, last = sides[0], sides[1]
    for box in range(n_box):
        first[box], last[box] = math.inf, -math.inf
    scale = n_box / (end - begin)
    for value in along:
        if begin < value < end:
            box = min(int((value - begin) * scale), n_box - 1)
            first[box], last[box] = min(first[box], value), max(last[box], value)
    best_step, best = -1.0, before
    from_ = begin
    for box in range(n_box):
        if first[box] == math.inf:
            continue
        if first[box] - from_ > best_step:
            best_step, best = first[box] - from_, before
        before = from_ = last[box]
    return before if end - from_ > best_step else best
