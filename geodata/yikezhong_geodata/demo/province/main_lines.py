"""Rivers, expressways and railways of the whole province, in the plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely

from yikezhong_geodata.demo.expressways import carriageways
from yikezhong_geodata.demo.province.size import chance
from yikezhong_geodata.demo.province.skeleton import Skeleton
from yikezhong_geodata.demo.surroundings import Carriageways
from yikezhong_geodata.demo.terrain import (
    Course,
    FloatArray,
    River,
    draw_rivers,
    smooth_line,
    to_lonlat,
    to_plane,
)

#: Distance between the points a line is drawn through [m].
_STEP_M: Final = 22_000.0


@dataclass(frozen=True, eq=False)
class Water:
    """The rivers, and all of them in one shape [m]."""

    rivers: tuple[River, ...]
    shape: Any


def draw_water(skeleton: Skeleton) -> Water:
    """Draw the main river from west to east and its tributaries from both sides."""
    rng = chance(7)
    x0, y0, x1, y1 = skeleton.outline.bounds
    middle = (y0 + y1) / 2
    main = _wander((x0, middle), (x1, middle - 0.1 * (y1 - y0)), 0.16, rng)
    courses: list[Course] = [("示江", main)]
    n = skeleton.size.n_river
    for i in range(n):
        x = x0 + (x1 - x0) * (i + rng.uniform(0.2, 0.8)) / n
        bank = y1 if i % 2 else y0
        mouth = _height_at(main, x + rng.uniform(-0.12, 0.12) * (x1 - x0))
        name = f"{'北' if i % 2 else '南'}示{i // 2 + 1}河"
        courses.append((name, _wander((x, bank), mouth, 0.2, rng)))
    rivers = draw_rivers(tuple(courses), rng)
    inside = skeleton.outline.buffer(2_500.0)
    clipped = []
    for river in rivers:
        for part in shapely.get_parts(river.line.intersection(inside)):
            if part.length > 2_000.0:
                clipped.append(River(river.name, part))
    return Water(tuple(clipped), shapely.union_all([r.line for r in clipped]))


def draw_expressways(skeleton: Skeleton) -> tuple[Carriageways, ...]:
    """Draw the expressways, from border to border, without their interchanges."""
    rng = chance(8)
    x0, y0, x1, y1 = skeleton.outline.bounds
    n = skeleton.size.n_expressway
    found = []
    for i in range(n):
        at = (i // 2 + 0.5 + rng.uniform(-0.15, 0.15)) / ((n + 1 - i % 2) // 2)
        if i % 2:
            ends = ((x0, y0 + at * (y1 - y0)), (x1, y0 + at * (y1 - y0)))
        else:
            ends = ((x0 + at * (x1 - x0), y0), (x0 + at * (x1 - x0), y1))
        through = np.array(_wander(*ends, 0.06, rng))
        line = smooth_line(to_plane(through[:, 0], through[:, 1]), step_m=400.0)
        line = _inside(line, skeleton.outline.buffer(-1_500.0))
        if len(line) >= 30:
            forth, back = carriageways(line)
            found.append(Carriageways(f"示{i + 1}高速", f"S{91 + i}", forth, back, ()))
    return tuple(found)


def draw_railways(skeleton: Skeleton) -> list[tuple[Any, str]]:
    """Draw two railways: west to east, and north to south."""
    rng = chance(9)
    x0, y0, x1, y1 = skeleton.outline.bounds
    found = []
    for number, (start, end) in enumerate(
        (
            ((x0, y0 + 0.58 * (y1 - y0)), (x1, y0 + 0.62 * (y1 - y0))),
            ((x0 + 0.63 * (x1 - x0), y0), (x0 + 0.6 * (x1 - x0), y1)),
        ),
        start=1,
    ):
        through = np.array(_wander(start, end, 0.03, rng))
        line = smooth_line(to_plane(through[:, 0], through[:, 1]), step_m=400.0)
        line = _inside(line, skeleton.outline)
        found.append((shapely.LineString(line), f"示意铁路{number}"))
    return found


def _wander(
    start: tuple[float, float],
    end: tuple[float, float],
    swing: float,
    rng: np.random.Generator,
) -> tuple[tuple[float, float], ...]:
    """Return points (lon, lat) from start to end, off the straight line."""
    a, b = np.array(start), np.array(end)
    length = float(np.hypot(*(b - a)))
    n = max(3, int(length / _STEP_M))
    t = np.linspace(0.0, 1.0, n + 1)
    aside = np.array([a[1] - b[1], b[0] - a[0]])
    off = np.cumsum(rng.normal(0.0, swing / np.sqrt(n), n + 1))
    off -= off[0] + t * (off[-1] - off[0])
    points = a + t[:, None] * (b - a) + off[:, None] * aside
    return tuple((float(x), float(y)) for x, y in to_lonlat(points))


def _height_at(
    course: tuple[tuple[float, float], ...], x: float
) -> tuple[float, float]:
    """Return the point of the main river's course at an x [m]."""
    lonlat = np.array(course)
    plane = to_plane(lonlat[:, 0], lonlat[:, 1])
    return x, float(np.interp(x, plane[:, 0], plane[:, 1]))


def _inside(line: FloatArray, area: shapely.Polygon) -> FloatArray:
    """Return the stretch of a line from where it enters an area to where it ends."""
    inside = np.flatnonzero(shapely.contains_xy(area, line[:, 0], line[:, 1]))
    if not len(inside):
        return line[:0]
    return line[inside[0] : inside[-1] + 1]
