"""Schematic boundaries: communities that tile the land, and their unions.

Each township gets land around its seat, each community a point in it; their Voronoi
cells are the communities. Every border between two cells is bent inside the kite of
its two points, so borders stay clear of each other and both neighbours share exactly
the same vertices: the coverage has neither gaps nor overlaps at any level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import Voronoi, cKDTree

from yikezhong_geodata.demo.names import Places, is_urban, township_kind
from yikezhong_geodata.demo.suizhou import SUIZHOU
from yikezhong_geodata.demo.surroundings import Surroundings
from yikezhong_geodata.demo.terrain import FloatArray, to_lonlat, to_plane, wave

#: Land of an urban community and of a village [m²], before they are fitted.
_URBAN_M2 = 1.3e6
_RURAL_M2 = 9.5e6
#: Distance between the points that land is shared out by [m].
GRID_M = 650.0


@dataclass(frozen=True)
class Land:
    """The divisions in the plane and in degrees.

    ``seats`` and ``centres`` are plane points [m] of townships and communities in the
    order of ``places``; ``shapes`` holds a polygon in degrees for every code.
    ``around`` is what hills and main roads there are.
    """

    places: Places
    outline: shapely.Polygon
    seats: FloatArray
    centres: FloatArray
    township_of: NDArray[np.int64]
    shapes: dict[str, shapely.Polygon]
    around: Surroundings = SUIZHOU


def draw_land(places: Places, rng: np.random.Generator) -> Land:
    """Draw the boundaries of all divisions.

    Parameters
    ----------
    places : Places
        The divisions, with seats.
    rng : Generator
        Source of chance.

    Returns
    -------
    Land
        Shapes of all levels, nested exactly.
    """
    seats = to_plane(
        np.array([t.lon for t in places.townships], dtype=np.float64),
        np.array([t.lat for t in places.townships], dtype=np.float64),
    )
    outline = _outline(seats)
    counts = count_communities(places)
    grid = jittered_grid(outline, GRID_M, rng)
    centres = settle(seats, grid, counts, rng)
    township_of = np.repeat(np.arange(len(seats)), counts.sum(axis=1))
    cells = _cells(centres, outline, rng)
    codes = [c.code for c in places.communities]
    shapes = dict(zip(codes, cells, strict=True))
    unite(shapes, places)
    # the cells decide where the land ends, the first outline was only a guide
    land = shapely.transform(
        shapes[places.top.code], lambda c: to_plane(c[:, 0], c[:, 1])
    )
    return Land(places, land, seats, centres, township_of, shapes)


def settle(
    seats: FloatArray,
    grid: FloatArray,
    counts: NDArray[np.int64],
    rng: np.random.Generator,
) -> FloatArray:
    """Return the points of all communities [m], township by township, 社区 first.

    Parameters
    ----------
    seats : ndarray of float64, shape (n_township, 2)
        Seats of the townships [m].
    grid : ndarray of float64, shape (n, 2)
        Points all over the land, ``GRID_M`` apart.
    counts : ndarray of int64, shape (n_township, 2)
        Number of 社区 and of villages.
    rng : Generator
        Source of chance.
    """
    weight = _fit_weights(seats, grid, counts)
    return np.vstack(
        [
            _place_communities(k, seats, weight, grid, counts, rng)
            for k in range(len(seats))
        ]
    )


def count_communities(places: Places) -> NDArray[np.int64]:
    """Return the number of 社区 and of villages of each township."""
    rows = []
    for township in places.townships:
        own = places.communities_of(township.code)
        urban = sum(is_urban(c.code) for c in own)
        rows.append((urban, len(own) - urban))
    return np.array(rows, dtype=np.int64)


def _outline(seats: FloatArray) -> shapely.Polygon:
    around = shapely.union_all(shapely.buffer(shapely.points(seats), 11_500.0))
    closed = around.buffer(9_000.0).buffer(-9_500.0)
    parts = list(getattr(closed, "geoms", [closed]))
    return shapely.Polygon(max(parts, key=lambda p: p.area).exterior)


def jittered_grid(
    area: shapely.Geometry, step_m: float, rng: np.random.Generator
) -> FloatArray:
    """Return points inside an area, about ``step_m`` apart."""
    x0, y0, x1, y1 = area.bounds
    x, y = np.meshgrid(np.arange(x0, x1, step_m), np.arange(y0, y1, step_m))
    points = np.column_stack((x.ravel(), y.ravel()))
    points += rng.uniform(-0.35, 0.35, points.shape) * step_m
    inside = shapely.contains_xy(area, points[:, 0], points[:, 1])
    return np.asarray(points[inside])


def _owner(
    points: FloatArray, seats: FloatArray, weight: FloatArray
) -> NDArray[np.int64]:
    """Return the township of each point: nearest seat, each with a head start."""
    gap = np.hypot(*(points[:, None, :] - seats[None, :, :]).transpose(2, 0, 1))
    return np.asarray(np.argmin(gap - weight, axis=1))


def _fit_weights(
    seats: FloatArray, grid: FloatArray, counts: NDArray[np.int64]
) -> FloatArray:
    """Fit the head starts [m] so that areas follow the number of communities."""
    target = counts @ np.array([_URBAN_M2, _RURAL_M2])
    target *= len(grid) / target.sum()
    tree = cKDTree(seats)
    room = tree.query(seats, k=2)[0][:, 1] if len(seats) > 1 else np.array([1e9])
    weight = np.zeros(len(seats))
    for _ in range(25):
        area = np.bincount(_owner(grid, seats, weight), minlength=len(seats))
        weight += 250.0 * (np.sqrt(target) - np.sqrt(area))
        weight -= weight.mean()
        # a head start must not swallow the next seat
        weight = np.clip(weight, -0.38 * room, 0.38 * room + 600.0)
    return weight


def _place_communities(
    k: int,
    seats: FloatArray,
    weight: FloatArray,
    grid: FloatArray,
    counts: NDArray[np.int64],
    rng: np.random.Generator,
) -> FloatArray:
    """Return the points of a township's communities: 社区 near the seat first."""
    n_urban, n_rural = counts[k]
    n = int(n_urban + n_rural)
    near = grid[np.hypot(*(grid - seats[k]).T) < 25_000.0]
    wide = near[_owner(near, seats, weight) == k]
    core_m = 450.0 * np.sqrt(n_urban + 1.0)
    core = seats[k] + rng.normal(0.0, core_m, (90 * int(n_urban) + 60, 2))
    core = core[_owner(core, seats, weight) == k]
    sample = np.vstack((wide, core))
    centres = np.vstack((seats[k], sample[rng.permutation(len(sample))[: n - 1]]))
    for _ in range(14):
        owner = cKDTree(centres).query(sample)[1]
        size = np.bincount(owner, minlength=n)
        for axis in (0, 1):
            total = np.bincount(owner, weights=sample[:, axis], minlength=n)
            centres[:, axis] = np.where(
                size > 0, total / np.maximum(size, 1), centres[:, axis]
            )
        centres[0] = seats[k]
    away = np.hypot(*(centres - seats[k]).T)
    order = np.argsort(away, kind="stable")
    urban, rural = order[:n_urban], order[n_urban:]
    bearing = np.arctan2(*(centres[rural] - seats[k]).T)
    return centres[np.concatenate((urban, rural[np.argsort(bearing, kind="stable")]))]


def _cells(
    centres: FloatArray, outline: shapely.Polygon, rng: np.random.Generator
) -> list[shapely.Polygon]:
    """Return the bent Voronoi cells, in degrees, in the order of the points."""
    n = len(centres)
    ring = outline.buffer(26_000.0).difference(outline.buffer(900.0))
    outside = jittered_grid(ring, 1_900.0, rng)
    voronoi = Voronoi(np.vstack((centres, outside)))
    borders: list[list[FloatArray]] = [[] for _ in range(n)]
    for (p, q), ends in zip(voronoi.ridge_points, voronoi.ridge_vertices, strict=True):
        if min(p, q) >= n:
            continue
        if min(ends) < 0:
            raise RuntimeError("a cell of the schematic land is open")
        a, b = voronoi.vertices[ends[0]], voronoi.vertices[ends[1]]
        line = to_lonlat(bent(a, b, voronoi.points[p], rng))
        for owner in (p, q):
            if owner < n:
                borders[owner].append(line)
    return [ring_of(lines) for lines in borders]


def bent(
    a: FloatArray,
    b: FloatArray,
    point: FloatArray,
    rng: np.random.Generator,
    *,
    step_m: float = 160.0,
) -> FloatArray:
    """Return a wavy line from a to b inside the kite of a, b and the two points."""
    length = float(np.hypot(*(b - a)))
    pieces = int(np.clip(length / step_m, 1, 40))
    if pieces < 3:
        return np.vstack((a, b))
    t = np.linspace(0.0, 1.0, pieces + 1)
    along = (b - a) / length
    normal = np.array([-along[1], along[0]])
    foot = float((point - a) @ along) / length
    reach = abs(float((point - a) @ normal))
    left = t / foot if foot > 0.0 else np.full_like(t, np.inf)
    right = (1.0 - t) / (1.0 - foot) if foot < 1.0 else np.full_like(t, np.inf)
    room = 0.6 * reach * np.minimum(np.minimum(left, right), 1.0)
    swing = np.minimum(room, 0.13 * length)
    offset = swing * wave(t, rng, waves=min(pieces, 7))
    return np.asarray(a + t[:, None] * (b - a) + offset[:, None] * normal)


def ring_of(lines: list[FloatArray]) -> shapely.Polygon:
    """Chain the borders of one cell into its polygon, counter-clockwise."""
    from_end: dict[tuple[float, float], list[int]] = {}
    kept = [line for line in lines if tuple(line[0]) != tuple(line[-1])]
    for i, line in enumerate(kept):
        from_end.setdefault(tuple(line[0]), []).append(i)
        from_end.setdefault(tuple(line[-1]), []).append(i)
    i, here = 0, tuple(kept[0][0])
    parts, used = [], set[int]()
    while i not in used:
        used.add(i)
        line = kept[i] if tuple(kept[i][0]) == here else kept[i][::-1]
        parts.append(line[:-1])
        here = tuple(line[-1])
        i = next((j for j in from_end[here] if j not in used), i)
    polygon = shapely.Polygon(np.vstack(parts))
    return shapely.orient_polygons(polygon)


def unite(shapes: dict[str, shapely.Polygon], places: Places) -> None:
    """Add townships, counties and the prefecture as unions of their parts."""

    def add(code: str, digits: int, parts: list[str]) -> None:
        own = [shapes[c] for c in parts if c[:digits] == code[:digits]]
        shapes[code] = shapely.orient_polygons(shapely.coverage_union_all(own))

    communities = [c.code for c in places.communities]
    townships = [t.code for t in places.townships]
    counties = [c.code for c in places.counties]
    for code in townships:
        add(code, 9, communities)
    for code in counties:
        add(code, 6, townships)
    if places.top.level == "prefecture":
        add(places.top.code, 4, counties)


def is_city_township(code: str) -> bool:
    """Return whether a township is built up as a whole (街道 and 乡级单位 of a city)."""
    return township_kind(code) == "subdistrict" or code[:9] in (
        "421303499",
        "421303587",
        "421381402",
    )
