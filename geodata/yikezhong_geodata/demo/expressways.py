"""Expressways: two one-way carriageways, few interchanges, nobody walks there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from scipy.spatial import cKDTree

from yikezhong_geodata.demo.boundaries import Land
from yikezhong_geodata.demo.country import Country
from yikezhong_geodata.demo.routes import Routes
from yikezhong_geodata.demo.surroundings import Carriageways, Expressway
from yikezhong_geodata.demo.terrain import FloatArray, smooth_line, to_plane
from yikezhong_geodata.demo.ways import Way, tags_of


def draw_expressways(land: Land, country: Country, routes: Routes) -> list[Way]:
    """Return the carriageways and the ramps of the interchanges.

    Ramps lead to the nearest main road near a township that has an interchange, and
    from one expressway to the other where they cross.
    """
    main = [c in ("primary", "secondary", "tertiary") for c in routes.road_class]
    ends = np.unique(np.concatenate((country.u[main], country.v[main])))
    joins = country.nodes[ends[ends >= country.n_town]]
    index = {t.code[:9]: k for k, t in enumerate(land.places.townships)}
    ways: list[Way] = []
    drawn: list[tuple[FloatArray, FloatArray]] = []
    for stretch in (*_drawn(land), *land.around.carriageways):
        forth, back = stretch.forth, stretch.back
        tags = (*tags_of("motorway", stretch.name, oneway=True), ("ref", stretch.ref))
        ways += [Way(forth, tags), Way(back, tags)]
        if not len(joins):
            continue
        for code in stretch.exits:
            if code in index:
                ways += _interchange(forth, back, land.seats[index[code]], joins)
        for other in drawn:
            ways += _crossing((forth, back), other)
        drawn.append((forth, back))
    return ways


def _drawn(land: Land) -> Iterator[Carriageways]:
    """Draw the expressways of the land that are long enough inside it."""
    for way in land.around.expressways:
        line = _longest_inside(draw_line(way), land.outline)
        if len(line) >= 12:
            yield Carriageways(way.name, way.ref, *carriageways(line), way.exits)


def draw_line(way: Expressway) -> FloatArray:
    """Return the middle line of an expressway [m], a point every 400 m or so."""
    lonlat = np.array(way.points)
    return smooth_line(to_plane(lonlat[:, 0], lonlat[:, 1]), step_m=400.0)


def carriageways(line: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return both carriageways, each in its own direction, keeping right."""
    heading = np.gradient(line, axis=0)
    heading /= np.hypot(heading[:, 0], heading[:, 1])[:, None]
    aside = np.column_stack((-heading[:, 1], heading[:, 0])) * 13.0
    return line - aside, (line + aside)[::-1]


def _interchange(
    forth: FloatArray, back: FloatArray, seat: FloatArray, joins: FloatArray
) -> list[Way]:
    """Return ramps off and on to the main road nearest to the way past a seat."""
    nearest = int(np.argmin(np.hypot(*(forth - seat).T)))
    low, high = max(4, nearest - 10), min(len(forth) - 5, nearest + 10)
    if low >= high:
        return []
    away, join = cKDTree(joins).query(forth[low:high])
    best = int(np.argmin(away))
    at, target = low + best, joins[join[best]]
    ramps = []
    for way, i in ((forth, at), (back, len(forth) - 1 - at)):
        ramps.append(_ramp(way[i - 2], way[i - 1], target))
        ramps.append(_ramp(target, way[i + 1], way[i + 2]))
    return ramps


def _crossing(
    one: tuple[FloatArray, FloatArray], other: tuple[FloatArray, FloatArray]
) -> list[Way]:
    """Return the ramps between two expressways that cross, one in each relation."""
    gap, near = cKDTree(other[0]).query(one[0])
    i, j = int(np.argmin(gap)), int(near[np.argmin(gap)])
    inner = 3 < i < len(one[0]) - 4 and 3 < j < len(other[0]) - 4
    if gap[i] > 600.0 or not inner:
        return []
    ramps = []
    for a, at_a in zip(one, (i, len(one[0]) - 1 - i), strict=True):
        for b, at_b in zip(other, (j, len(other[0]) - 1 - j), strict=True):
            ramps.append(_ramp(a[at_a - 2], a[at_a - 1], b[at_b + 2]))
            ramps.append(_ramp(b[at_b - 2], b[at_b - 1], a[at_a + 2]))
    return ramps


def _ramp(start: FloatArray, towards: FloatArray, end: FloatArray) -> Way:
    """Return a one-way ramp that bends from one road to another."""
    t = np.linspace(0.0, 1.0, 8)[:, None]
    points = (1 - t) ** 2 * start + 2 * t * (1 - t) * towards + t**2 * end
    points[0], points[-1] = start, end
    return Way(np.asarray(points), tags_of("motorway_link", oneway=True))


def _longest_inside(line: FloatArray, area: shapely.Polygon) -> FloatArray:
    inside = shapely.contains_xy(area, line[:, 0], line[:, 1])
    best, start = line[:0], None
    for i, is_in in enumerate([*inside.tolist(), False]):
        if is_in and start is None:
            start = i
        elif not is_in and start is not None:
            if i - start > len(best):
                best = line[start:i]
            start = None
    return best
