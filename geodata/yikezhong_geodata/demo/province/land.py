"""The land of one county: its cells, its surroundings."""

from __future__ import annotations

import numpy as np
import shapely
from scipy.spatial import cKDTree

from yikezhong_geodata.demo.boundaries import Land, bent, ring_of, unite
from yikezhong_geodata.demo.names import Places
from yikezhong_geodata.demo.province.gates import NATIONAL, PROVINCIAL, TOWNSHIP
from yikezhong_geodata.demo.province.layout import Layout
from yikezhong_geodata.demo.province.places import list_townships, name_places
from yikezhong_geodata.demo.province.size import chance
from yikezhong_geodata.demo.province.skeleton import IntArray, Skeleton
from yikezhong_geodata.demo.surroundings import Carriageways, Surroundings, Through
from yikezhong_geodata.demo.terrain import FloatArray, to_lonlat, to_plane

#: Distance between the vertices of a border [m].
_BORDER_STEP_M = 420.0
#: Hamlets that a community has at most.
_HAMLETS = 4
#: Interchanges lie at seats that are nearer than this to an expressway [m].
_EXIT_M = 14_000.0
_PER_EXIT = 50


def draw_county(
    skeleton: Skeleton, layout: Layout, k: int, expressways: tuple[Carriageways, ...]
) -> Land:
    """Draw the divisions of a county and say what lies around it."""
    places = name_places(skeleton, k)
    own = np.flatnonzero(layout.county_of == k)
    shapes = dict(
        zip((c.code for c in places.communities), _cells(layout, own), strict=True)
    )
    unite(shapes, places)
    outline = shapely.transform(
        shapes[places.top.code], lambda c: to_plane(c[:, 0], c[:, 1])
    )
    seats = np.array([t.seat for t in list_townships(skeleton, k)])
    around = _surroundings(skeleton, layout, k, places, expressways)
    return Land(
        places, outline, seats, layout.centres[own], layout.township_of[own],
        shapes, around,
    )  # fmt: skip


def _cells(layout: Layout, own: IntArray) -> list[shapely.Polygon]:
    """Return the cells of some communities, with borders equal to the neighbours'."""
    place = np.full(len(layout.centres) + 1, -1, dtype=np.int64)
    place[own] = np.arange(len(own))
    sides = place[layout.ridge_points]
    borders: list[list[FloatArray]] = [[] for _ in own]
    for ridge in np.flatnonzero((sides >= 0).any(axis=1)).tolist():
        a, b = layout.corners[layout.ridge_corners[ridge]]
        line = bent(
            a, b, layout.ridge_aside[ridge], chance(10, ridge), step_m=_BORDER_STEP_M
        )
        for side in sides[ridge].tolist():
            if side >= 0:
                borders[side].append(to_lonlat(line))
    return [ring_of(lines) for lines in borders]


def _surroundings(
    skeleton: Skeleton,
    layout: Layout,
    k: int,
    places: Places,
    expressways: tuple[Carriageways, ...],
) -> Surroundings:
    sides = layout.county_of[layout.gate_between]
    gates = np.flatnonzero((sides == k).any(axis=1))
    through = [
        road
        for number, gate in enumerate(gates.tolist())
        for road in _road_to(skeleton, layout, k, gate, number)
    ]
    stretches = tuple(
        stretch for way in expressways for stretch in _stretches(layout, k, way, places)
    )
    return Surroundings(
        hills=skeleton.hills,
        through=tuple(through),
        carriageways=stretches,
        # as the file has it, to a centimetre
        gates=_rounded(layout.gates[gates]),
        n_path=1 if k % 5 == 0 else 0,
        hamlets=_HAMLETS,
    )


def _rounded(xy: FloatArray) -> FloatArray:
    lonlat = to_lonlat(xy)
    return to_plane(lonlat[:, 0], lonlat[:, 1])


def _road_to(
    skeleton: Skeleton, layout: Layout, k: int, gate: int, number: int
) -> list[Through]:
    """Return the main road from a seat of the county to a gate, if it is one."""
    kind = int(layout.gate_kind[gate])
    between = layout.gate_between[gate]
    counties = layout.county_of[between].tolist()
    townships = [
        list_townships(skeleton, county)[int(layout.township_of[community])]
        for county, community in zip(counties, between, strict=True)
    ]
    side = counties.index(k)
    stop = f"gate:{number}"
    if kind in (NATIONAL, PROVINCIAL):
        city = list_townships(skeleton, k)[0]
        road = int(layout.gate_number[gate])
        national = kind == NATIONAL
        name = f"{600 + road}国道" if national else f"{600 + road}省道"
        highway = "primary" if national else "secondary"
        return [Through(name, highway, f"{city.code[:9]} {stop}")]
    if kind == TOWNSHIP:
        name = f"{townships[0].name[0]}{townships[1].name[0]}公路"
        return [Through(name, "tertiary", f"{townships[side].code[:9]} {stop}")]
    return []


def _stretches(
    layout: Layout, k: int, way: Carriageways, places: Places
) -> list[Carriageways]:
    """Return the stretches of an expressway in a county, each up to the next one's."""
    nearest = cKDTree(layout.centres).query(way.forth)[1]
    inside = np.flatnonzero(layout.county_of[nearest] == k)
    found = []
    for run in np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1):
        if len(run) == 0:
            continue
        first, last = int(run[0]), min(int(run[-1]) + 1, len(way.forth) - 1)
        if last <= first:
            continue
        n = len(way.forth)
        forth = way.forth[first : last + 1]
        back = way.back[n - 1 - last : n - first]
        found.append(
            Carriageways(way.name, way.ref, forth, back, _exits(forth, places))
        )
    return found


def _exits(line: FloatArray, places: Places) -> tuple[str, ...]:
    """Return the townships with an interchange: the nearest, one for each 20 km."""
    seats = to_plane(
        np.array([t.lon for t in places.townships], dtype=np.float64),
        np.array([t.lat for t in places.townships], dtype=np.float64),
    )
    away = cKDTree(line).query(seats)[0]
    n = 1 + len(line) // _PER_EXIT
    order = np.argsort(away, kind="stable")[:n]
    return tuple(places.townships[i].code[:9] for i in order if away[i] < _EXIT_M)
