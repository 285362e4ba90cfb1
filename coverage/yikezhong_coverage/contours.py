"""Compiled inner loops that follow the outline of what is within a distance of roads.

An outline passes between an inside and an outside neighbour of the raster where the
interval of the inside one ends, see :mod:`yikezhong_coverage.stamping`, and goes from
cell to cell as in marching squares.

Valid by construction: all coordinates are whole numbers; an outline crosses each edge
of a cell at most once and strictly between its ends; in a cell two outlines cut
different corners off. Outlines are thinned so that a straight line passes the same
edges of cells in the same order as what it stands for, again strictly between their
ends; so they cannot come to touch themselves or each other.

A ring runs with the inside on its left: shells counter-clockwise, holes clockwise.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from yikezhong_coverage.records import BoolArray, IndexArray, IntArray
from yikezhong_coverage.stamping import Cover, Raster, Segments, cover_raster

#: Which way an outline goes through an edge of a cell; the number of the edge's side.
_DOWN: Final = 0
_EAST: Final = 1
_UP: Final = 2
_WEST: Final = 3

Int: Any = np.int64


class Rings(NamedTuple):
    """Rings of outlines; a hole comes after its shell.

    Parameters
    ----------
    points : ndarray of int64, shape (n_point, 2)
        Longitude and latitude [millionths of a degree]; the last of a ring is not the
        first again.
    start : ndarray of int64, shape (n_ring + 1,)
    shell : ndarray of int64, shape (n_ring,)
        The ring that a hole lies in; -1 for shells.
    """

    points: IntArray
    start: IntArray
    shell: IntArray


@njit(cache=True, nogil=True)
def draw(
    segments: Segments, of: IntArray, buffer_m: float, raster: Raster, thin: float
) -> Rings:
    """Draw the outline of what is within the buffer of the segments numbered in ``of``.

    What lies beyond the raster is cut off at its edges. Points of the outline that
    are within the share ``thin`` of a cell of a straight line are left out.
    """
    return _trace(raster, cover_raster(segments, of, buffer_m, raster), thin)


@njit(cache=True, nogil=True)
def _cross_row(raster: Raster, cover: Cover, r: int, c: int) -> int:
    """Return where the outline crosses row ``r`` between the points ``c`` and ``c+1``.

    Rows and columns are those of ``cover.inside``; next to the raster's edge the
    crossing is its edge.
    """
    step = raster.step_x
    if c == 0 or c == raster.n_x:
        return (raster.column + max(c - 1, 0)) * step
    base = (raster.column + c - 1) * step
    if cover.inside[r, c]:
        x = Int(cover.right[r - 1, c - 1])
    else:
        x = Int(cover.left[r - 1, c])
    parity = -1
    if r == 1:
        parity = raster.south
    elif r == raster.n_y:
        parity = raster.north
    if parity < 0:
        return int(min(max(x, base + 1), base + step - 1))
    x = min(max(x, base + 2), base + step - 1)
    return int(x - ((x & 1) != parity))


@njit(cache=True, nogil=True)
def _cross_column(raster: Raster, cover: Cover, r: int, c: int) -> int:
    """Return where the outline crosses column ``c`` between ``r`` and ``r+1``."""
    step = raster.step_y
    if r == 0 or r == raster.n_y:
        return (raster.row + max(r - 1, 0)) * step
    base = (raster.row + r - 1) * step
    if cover.inside[r, c]:
        y = Int(cover.high[c - 1, r - 1])
    else:
        y = Int(cover.low[c - 1, r])
    return int(min(max(y, base + 1), base + step - 1))


@njit(cache=True, nogil=True)
def _joins(raster: Raster, cover: Cover, r: int, c: int) -> bool:
    """Whether two inside corners of a cell, across from each other, are joined.

    They are if more than half of the cell's edges is inside.
    """
    x = (raster.column + c - 1) * raster.step_x
    y = (raster.row + r - 1) * raster.step_y
    bottom = _cross_row(raster, cover, r, c) - x
    top = _cross_row(raster, cover, r + 1, c) - x
    left = _cross_column(raster, cover, r, c) - y
    right = _cross_column(raster, cover, r, c + 1) - y
    across, along = bottom - top, left - right
    if not cover.inside[r, c]:
        across, along = -across, -along
    return across * raster.step_y + along * raster.step_x > 0


@njit(cache=True, nogil=True)
def _trace(raster: Raster, cover: Cover, thin: float) -> Rings:
    """Follow all outlines and thin them."""
    n_x, n_y, inside = raster.n_x, raster.n_y, cover.inside
    ring_of = np.full((n_y + 2, n_x + 1), -1, dtype=np.int32)
    raw = np.empty((1024, 2), dtype=np.int64)
    way = np.empty(1024, dtype=np.uint8)
    fixed = np.empty(1024, dtype=np.bool_)
    points = np.empty((1024, 2), dtype=np.int64)
    start = np.zeros(64, dtype=np.int64)
    shell = np.empty(64, dtype=np.int64)
    n_ring = n_point = 0
    for r in range(1, n_y + 1):
        before = -1
        for c in range(n_x + 1):
            if inside[r, c] == inside[r, c + 1]:
                continue
            if ring_of[r, c] < 0:
                if n_ring + 1 == len(start):
                    start = np.concatenate((start, np.zeros_like(start)))
                    shell = np.concatenate((shell, shell))
                shell[n_ring] = -1
                if inside[r, c]:
                    shell[n_ring] = before if shell[before] < 0 else shell[before]
                n, raw, way, fixed = _follow(
                    raster, cover, r, c, ring_of, n_ring, raw, way, fixed
                )
                if n_point + n > len(points):
                    wider = np.empty((2 * (n_point + n), 2), dtype=np.int64)
                    wider[:n_point] = points[:n_point]
                    points = wider
                n_point = _thin(raster, thin, n, raw, way, fixed, points, n_point)
                n_ring += 1
                start[n_ring] = n_point
            before = ring_of[r, c]
    return Rings(
        points[:n_point].copy(), start[: n_ring + 1].copy(), shell[:n_ring].copy()
    )


@njit(cache=True, nogil=True)
def _follow(
    raster: Raster, cover: Cover, r: int, c: int, ring_of: IndexArray, ring: int,
    raw: IntArray, way: NDArray[np.uint8], fixed: BoolArray,
) -> tuple[int, IntArray, NDArray[np.uint8], BoolArray]:  # fmt: skip
    """Write the points of the outline through row ``r`` between ``c`` and ``c + 1``.

    Returns their number. On the raster's edges only corners and crossings are kept;
    they are ``fixed``. ``way`` is the side by which the outline leaves a cell there.
    """
    n_x, n_y, inside = raster.n_x, raster.n_y, cover.inside
    side = _UP if inside[r, c] else _DOWN
    n = 0
    while True:
        # the point on the edge by which the cell is left
        if n == len(raw):
            raw = np.concatenate((raw, raw))
            way = np.concatenate((way, way))
            fixed = np.concatenate((fixed, fixed))
        if side in (_UP, _DOWN):
            if ring_of[r, c] >= 0:
                return n, raw, way, fixed
            ring_of[r, c] = ring
            raw[n, 0] = _cross_row(raster, cover, r, c)
            raw[n, 1] = (raster.row + r - 1) * raster.step_y
            way[n] = side
            edge_row = r == 1 or r == n_y
            fixed[n] = edge_row
            n += edge_row or (c > 0 and c < n_x)
        else:
            raw[n, 0] = (raster.column + c - 1) * raster.step_x
            raw[n, 1] = _cross_column(raster, cover, r, c)
            way[n] = side
            fixed[n] = c == 1 or c == n_x
            n += r > 0 and r < n_y
        # the cell beyond, by its lower left corner, and the side it is entered by
        if side == _DOWN:
            r -= 1
        elif side == _WEST:
            c -= 1
        entry = (side + 2) & 3
        ahead = _corner(inside, r, c, (entry + 2) & 3)
        behind = _corner(inside, r, c, (entry + 3) & 3)
        if not ahead:
            side = (entry + 2) & 3 if behind else (entry + 3) & 3
        elif behind or _joins(raster, cover, r, c):
            side = (entry + 1) & 3
        else:
            side = (entry + 3) & 3
        if side == _UP:
            r += 1
        elif side == _EAST:
            c += 1


@njit(cache=True, nogil=True)
def _corner(inside: NDArray[np.uint8], r: int, c: int, corner: int) -> int:
    """Return whether a corner of a cell is inside, from the lower left one round."""
    return int(inside[r + (corner >> 1), c + ((corner == 1) | (corner == 2))])


@njit(cache=True, nogil=True)
def _thin(
    raster: Raster, thin: float, n: int, raw: IntArray, way: NDArray[np.uint8],
    fixed: BoolArray, points: IntArray, n_point: int,
) -> int:  # fmt: skip
    """Write what is kept of a ring's points; return the end of what is written."""
    first = 0
    for k in range(n):
        if fixed[k]:
            first = k
            break
    i = 0
    while i < n:
        points[n_point] = raw[(first + i) % n]
        n_point += 1
        i = _farthest(raster, thin, first, i, n, raw, way, fixed)
    return n_point


@njit(cache=True, nogil=True)
def _farthest(
    raster: Raster, thin: float, first: int, i: int, n: int, raw: IntArray,
    way: NDArray[np.uint8], fixed: BoolArray,
) -> int:  # fmt: skip
    """Return the farthest point to which a straight line from a point may lead.

    It passes the edges of all points between, near these points. The directions in
    which it can do so are kept while going from edge to edge.
    """
    at = (first + i) % n
    x, y = raw[at, 0], raw[at, 1]
    near_x, near_y = Int(thin * raster.step_x), Int(thin * raster.step_y)
    ways = 1 << way[at]
    rx = ry = lx = ly = 0
    best = i + 1
    for k in range(i + 1, n + 1):
        q = (first + k) % n
        px, py = raw[q, 0] - x, raw[q, 1] - y
        if k > i + 1 and rx * py - ry * px >= 0 and px * ly - py * lx >= 0:
            best = k
        if k == n or fixed[q]:
            break
        ways |= 1 << way[q]
        if ways & 5 == 5 or ways & 10 == 10:
            break  # it turns back
        # the right and the left end of the edge, as seen on the way through
        ex, ey, fx, fy = px, py, px, py
        if way[q] in (_UP, _DOWN):
            base = raw[q, 0] // raster.step_x * raster.step_x - x
            low = max(px - near_x, base + 1)
            high = min(px + near_x, base + raster.step_x - 1)
            ex, fx = (high, low) if way[q] == _UP else (low, high)
        else:
            base = raw[q, 1] // raster.step_y * raster.step_y - y
            low = max(py - near_y, base + 1)
            high = min(py + near_y, base + raster.step_y - 1)
            ey, fy = (low, high) if way[q] == _EAST else (high, low)
        if k == i + 1:
            rx, ry, lx, ly = ex, ey, fx, fy
            continue
        if rx * ey - ry * ex > 0:
            rx, ry = ex, ey
        if fx * ly - fy * lx > 0:
            lx, ly = fx, fy
        if rx * ly - ry * lx < 0:
            break
    return best
