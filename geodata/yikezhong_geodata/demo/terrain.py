"""The schematic land: a local plane, hills, rivers, winding lines.

Everything of the demonstration study is drawn in metres in one plane and turned into
degrees, rounded to 7 digits (1 cm, the precision of OSM), once at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

FloatArray = NDArray[np.float64]
#: (lon, lat, height above the plain [m], radius [m]).
Hill = tuple[float, float, float, float]
#: A river's name and the points (lon, lat) it is drawn through, from the source down.
Course = tuple[str, tuple[tuple[float, float], ...]]

_LON0: Final = 113.4
_LAT0: Final = 31.85
_M_PER_LON: Final = 94_640.0
_M_PER_LAT: Final = 110_880.0


def to_plane(lon: FloatArray, lat: FloatArray) -> FloatArray:
    """Return plane coordinates [m], shape (n, 2), of positions [degrees]."""
    return np.column_stack(
        ((np.asarray(lon) - _LON0) * _M_PER_LON, (np.asarray(lat) - _LAT0) * _M_PER_LAT)
    )


def to_lonlat(xy: FloatArray) -> FloatArray:
    """Return (lon, lat) [degrees], rounded to 7 digits, of plane coordinates [m].

    Examples
    --------
    >>> to_lonlat(to_plane(np.array([113.5]), np.array([31.6]))).tolist()
    [[113.5, 31.6]]
    """
    scaled = np.asarray(xy) / (_M_PER_LON, _M_PER_LAT) + (_LON0, _LAT0)
    return np.asarray(np.round(scaled, 7), dtype=np.float64)


def height(xy: FloatArray, hills: Sequence[Hill]) -> FloatArray:
    """Return the height above the plain [m] at plane points, shape (n,)."""
    total = np.zeros(len(xy))
    for lon, lat, top, radius in hills:
        centre = to_plane(np.array([lon]), np.array([lat]))[0]
        total += top * np.exp(-((xy - centre) ** 2).sum(axis=1) / radius**2)
    return total


def hilliness(xy: FloatArray, hills: Sequence[Hill]) -> FloatArray:
    """Return 0 in the plain to 1 in the hills at plane points, shape (n,)."""
    return np.asarray(np.clip((height(xy, hills) - 90.0) / 170.0, 0.0, 1.0))


@dataclass(frozen=True)
class River:
    """A river: its name and its line in the plane [m], drawn downstream."""

    name: str
    line: shapely.LineString


def draw_rivers(
    courses: Sequence[Course], rng: np.random.Generator
) -> tuple[River, ...]:
    """Draw the rivers, winding, in the plane; the first is the main one."""
    drawn = []
    for name, points in courses:
        lonlat = np.array(points)
        through = to_plane(lonlat[:, 0], lonlat[:, 1])
        drawn.append(River(name, shapely.LineString(_meander(through, rng))))
    main = drawn[0].line
    return tuple(r if r.line is main else _joined(r, main) for r in drawn)


def clip_rivers(rivers: tuple[River, ...], land: shapely.Geometry) -> tuple[River, ...]:
    """Return the stretches of the rivers in and shortly around the land."""
    area = land.buffer(2_500.0)
    clipped = []
    for river in rivers:
        within = river.line.intersection(area)
        for part in getattr(within, "geoms", [within]):
            if part.length > 2_000.0:
                clipped.append(River(river.name, part))
    return tuple(clipped)


def smooth_line(points: FloatArray, *, step_m: float) -> FloatArray:
    """Return a smooth line through points, a vertex every ``step_m`` or so."""
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    spline = CubicSpline(along, points, bc_type="natural")
    return np.asarray(spline(np.linspace(0.0, along[-1], int(along[-1] / step_m) + 2)))


def wave(t: FloatArray, rng: np.random.Generator, *, waves: int = 3) -> FloatArray:
    """Return a wavy function of t in [0, 1], about in [-1, 1], 0 at both ends."""
    total = np.zeros_like(t)
    for k in range(1, waves + 1):
        total += rng.normal(0.0, 1.0 / k) * np.sin(k * np.pi * t)
    return np.asarray(np.clip(total, -1.0, 1.0))


def _meander(through: FloatArray, rng: np.random.Generator) -> FloatArray:
    line = smooth_line(through, step_m=150.0)
    along = np.arange(len(line)) * 150.0
    swing = np.zeros(len(line))
    for length_m, size_m in ((5_200.0, 260.0), (2_100.0, 170.0), (900.0, 70.0)):
        phase = np.cumsum(rng.normal(0.0, 0.12, len(line)))
        start = rng.uniform(0.0, 2 * np.pi)
        swing += size_m * np.sin(2 * np.pi * along / length_m + start + phase)
    tangent = np.gradient(line, axis=0)
    tangent /= np.hypot(tangent[:, 0], tangent[:, 1])[:, None]
    normal = np.column_stack((-tangent[:, 1], tangent[:, 0]))
    return np.asarray(line + normal * swing[:, None])


def _joined(river: River, main: shapely.LineString) -> River:
    """End a river on the main one where it comes near it."""
    end = shapely.Point(river.line.coords[-1])
    if end.distance(main) > 4_000.0:
        return river
    crossing = river.line.intersection(main)
    coords = np.array(river.line.coords)
    if not crossing.is_empty:
        first = min(
            river.line.project(shapely.Point(p))
            for p in shapely.get_coordinates(crossing)
        )
        along = shapely.line_locate_point(river.line, shapely.points(coords))
        coords = coords[along < first - 50.0]
    mouth = main.interpolate(main.project(shapely.Point(coords[-1])))
    return River(river.name, shapely.LineString([*coords, (mouth.x, mouth.y)]))
