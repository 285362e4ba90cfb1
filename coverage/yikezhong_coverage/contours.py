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
from yikezhong_coverage.stamping import (
    Cover,
    Raster,
    Segments,
    Sheet,
    cover_raster,
)

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


class _Outline(NamedTuple):
    """An outline as it is followed, before it is thinned.

    Parameters
    ----------
    x, y : ndarray of int64
    low, high : ndarray of int64
        Where along its edge of a cell the outline may pass instead.
    way : ndarray of uint8
        The side by which it leaves a cell there.
    fixed : ndarray of bool
        Corners of the raster and crossings of its edges, which stay.
    """

    x: IntArray
    y: IntArray
    low: IntArray
    high: IntArray
    way: NDArray[np.uint8]
    fixed: BoolArray


@njit(cache=True, nogil=True)
def draw(
    segments: Segments,
    of: IntArray,
    buffer_m: float,
    raster: Raster,
    thin: float,
    sheet: Sheet,
) -> Rings:
    """Draw the outline of what is within the buffer of the segments numbered in ``of``.

    What lies beyond the raster is cut off at its edges. Points of the outline that
    are within the share ``thin`` of a cell of a straight line are left out.
    """
    cover = cover_raster(segments, of, buffer_m, raster, sheet)
    return _trace(raster, cover, thin, sheet)


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
def _make_outline(n: int) -> _Outline:
    """Return room for the points of an outline."""
    return _Outline(
        np.empty(n, dtype=np.int64),
        np.empty(n, dtype=np.int64),
        np.empty(n, dtype=np.int64),
        np.empty(n, dtype=np.int64),
        np.empty(n, dtype=np.uint8),
        np.empty(n, dtype=np.bool_),
    )


@njit(cache=True, nogil=True)
def _trace(raster: Raster, cover: Cover, thin: float, sheet: Sheet) -> Rings:
    """Follow all outlines and thin them."""
    n_x, n_y, inside = raster.n_x, raster.n_y, cover.inside
    # a ring passes every edge of a row once, and every other of those beside it
    ring_of = sheet.ring[: (n_y + 2) * (n_x + 1)].reshape(n_y + 2, n_x + 1)
    ring_of[:] = -1
    most = _count_crossings(inside)
    raw = _make_outline(most + 1)  # what is not kept is written as well
    points = np.empty((most, 2), dtype=np.int64)
    start = np.zeros(most + 1, dtype=np.int64)
    shell = np.empty(most, dtype=np.int64)
    n_ring = n_point = 0
    for r in range(1, n_y + 1):
        before = -1
        for c in range(n_x + 1):
            if inside[r, c] == inside[r, c + 1]:
                continue
            if ring_of[r, c] < 0:
                shell[n_ring] = -1
                if inside[r, c]:
                    shell[n_ring] = before if shell[before] < 0 else shell[before]
                n = _follow(raster, cover, r, c, ring_of, n_ring, thin, raw)
                n_point = _thin(n, raw, points, n_point)
                n_ring += 1
                start[n_ring] = n_point
            before = ring_of[r, c]
    return Rings(
        points[:n_point].copy(), start[: n_ring + 1].copy(), shell[:n_ring].copy()
    )


@njit(cache=True, nogil=True)
def _count_crossings(inside: NDArray[np.uint8]) -> int:
    """Return how many edges of cells have an inside and an outside end."""
    n = 0
    for r in range(len(inside) - 1):
        for c in range(inside.shape[1] - 1):
            n += (inside[r, c] ^ inside[r, c + 1]) + (inside[r, c] ^ inside[r + 1, c])
    return n


@njit(cache=True, nogil=True)
def _follow(
    raster: Raster, cover: Cover, r: int, c: int, ring_of: IndexArray, ring: int,
    thin: float, raw: _Outline,
) -> int:  # fmt: skip
    """Write the points of the outline through row ``r`` between ``c`` and ``c + 1``.

    Returns their number. On the raster's edges only corners and crossings are kept.
    """
    n_x, n_y, inside = raster.n_x, raster.n_y, cover.inside
    left, right, below, above = cover.left, cover.right, cover.low, cover.high
    xs, ys, lows, highs, ways, fixed = raw
    column, row = raster.column - 1, raster.row - 1
    step_x, step_y = raster.step_x, raster.step_y
    near_x, near_y = Int(thin * step_x), Int(thin * step_y)
    side = _UP if inside[r, c] else _DOWN
    n = 0
    while True:
        # the point on the edge by which the cell is left
        ways[n] = side
        if side & 1 == 0:
            if ring_of[r, c] >= 0:
                return n
            ring_of[r, c] = ring
            ys[n] = (row + r) * step_y
            edge_row = r == 1 or r == n_y
            fixed[n] = edge_row
            if edge_row or c == 0 or c == n_x:
                xs[n] = _cross_row(raster, cover, r, c)
                n += edge_row
            else:
                base = (column + c) * step_x
                x = Int(right[r - 1, c - 1]) if side == _UP else Int(left[r - 1, c])
                x = min(max(x, base + 1), base + step_x - 1)
                xs[n] = x
                lows[n] = max(x - near_x, base + 1)
                highs[n] = min(x + near_x, base + step_x - 1)
                n += 1
        elif r > 0 and r < n_y:
            base = (row + r) * step_y
            y = Int(above[c - 1, r - 1]) if side == _WEST else Int(below[c - 1, r])
            y = min(max(y, base + 1), base + step_y - 1)
            xs[n] = (column + c) * step_x
            ys[n] = y
            lows[n] = max(y - near_y, base + 1)
            highs[n] = min(y + near_y, base + step_y - 1)
            fixed[n] = c == 1 or c == n_x
            n += 1
        # the cell beyond, by its lower left corner, and its corners from where the
        # outline enters: it leaves by the next side that has an inside corner behind
        if side == _DOWN:
            r -= 1
            ahead, behind = inside[r, c], inside[r, c + 1]
        elif side == _WEST:
            c -= 1
            ahead, behind = inside[r + 1, c], inside[r, c]
        elif side == _UP:
            ahead, behind = inside[r + 1, c + 1], inside[r + 1, c]
        else:
            ahead, behind = inside[r, c + 1], inside[r + 1, c + 1]
        if not ahead:
            side = side if behind else (side + 1) & 3
        elif behind or _joins(raster, cover, r, c):
            side = (side + 3) & 3
        else:
            side = (side + 1) & 3
        if side == _UP:
            r += 1
        elif side == _EAST:
            c += 1


@njit(cache=True, nogil=True)
def _thin(n: int, raw: _Outline, points: IntArray, n_point: int) -> int:
    """Write what is kept of a ring's points; return the end of what is written.

    From every point kept a straight line leads to the farthest to which one may: it
    passes the edges of all points between, near these points. The directions in which
    it can do so, from ``r`` on the right to ``l`` on the left, are kept while going
    from edge to edge.
    """
    xs, ys, lows, highs, ways, fixed = raw
    first = 0
    for k in range(n):
        if fixed[k]:
            first = k
            break
    i = 0
    while i < n:
        at = first + i if first + i < n else first + i - n
        x, y = xs[at], ys[at]
        points[n_point, 0], points[n_point, 1] = x, y
        n_point += 1
        turns = 1 << ways[at]
        rx = ry = lx = ly = 0
        begin, i = i + 1, i + 1
        for k in range(begin, n + 1):
            q = first + k if first + k < n else first + k - n
            px, py = xs[q] - x, ys[q] - y
            if k > begin and rx * py >= ry * px and px * ly >= py * lx:
                i = k
            if k == n or fixed[q]:
                break
            way = ways[q]
            turns |= 1 << way
            if turns & 5 == 5 or turns & 10 == 10:
                break  # it turns back
            # the right and the left end of the edge, as seen on the way through
            if way & 1 == 0:
                low, high = lows[q] - x, highs[q] - x
                ex, fx = (high, low) if way == _UP else (low, high)
                ey, fy = py, py
            else:
                low, high = lows[q] - y, highs[q] - y
                ey, fy = (low, high) if way == _EAST else (high, low)
                ex, fx = px, px
            if k == begin:
                rx, ry, lx, ly = ex, ey, fx, fy
                continue
            if rx * ey > ry * ex:
                rx, ry = ex, ey
            if fx * ly > fy * lx:
                lx, ly = fx, fy
            if rx * ly < ry * lx:
                break
    return n_point
