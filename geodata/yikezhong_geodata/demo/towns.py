"""Street grids of towns and cities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from yikezhong_geodata.demo.boundaries import Land, is_city_township
from yikezhong_geodata.demo.names import is_urban, township_kind
from yikezhong_geodata.demo.terrain import FloatArray

_STREETS: Final = (
    "人民", "建设", "解放", "文化", "青年", "交通", "迎宾", "沿河", "新华", "和平",
    "民主", "振兴", "光明", "育才", "友谊", "胜利", "前进", "健康", "朝阳", "中山",
    "体育", "学府", "龙泉", "翠云", "玉石", "桃园", "梅苑", "金桥", "银杏", "编钟",
)  # fmt: skip


@dataclass(frozen=True)
class Street:
    """A stretch of road between two nodes; ``shape`` are the points between [m]."""

    u: int
    v: int
    highway: str
    name: str = ""
    oneway: bool = False
    bridge: bool = False
    shape: FloatArray | None = None


@dataclass(frozen=True)
class Towns:
    """All street grids: their nodes [m], streets, and the grid of each node."""

    nodes: FloatArray
    streets: tuple[Street, ...]
    grid_of: NDArray[np.int64]


def town_radius(land: Land) -> FloatArray:
    """Return the radius [m] of the built-up place around each township's seat."""
    radius = []
    for township in land.places.townships:
        own = land.places.communities_of(township.code)
        n_urban = sum(is_urban(c.code) for c in own)
        if is_city_township(township.code):
            radius.append(620.0 * np.sqrt(n_urban) + 300.0)
        elif township_kind(township.code) == "township_unit":
            radius.append(230.0)
        else:
            radius.append(min(520.0 + 140.0 * n_urban, 1_500.0))
    return np.array(radius)


def draw_towns(land: Land, rivers: shapely.Geometry, rng: np.random.Generator) -> Towns:
    """Draw a bent street grid over each group of built-up places that touch."""
    radius = town_radius(land)
    gap = np.hypot(*(land.seats[:, None] - land.seats[None, :]).transpose(2, 0, 1))
    touching = gap < radius[:, None] + radius[None, :] + 150.0
    n_group, group_of = connected_components(touching, directed=False)
    nodes, grid_of = [], []
    streets: list[Street] = []
    start = 0
    for group in range(n_group):
        members = np.flatnonzero(group_of == group)
        city = any(is_city_township(land.places.townships[k].code) for k in members)
        xy, own = _grid(land, members, radius, rivers, rng, city=city)
        nodes.append(xy)
        grid_of.append(np.full(len(xy), group))
        streets.extend(
            Street(s.u + start, s.v + start, s.highway, s.name, s.oneway, s.bridge)
            for s in own
        )
        start += len(xy)
    return Towns(np.vstack(nodes), tuple(streets), np.concatenate(grid_of))


def _grid(
    land: Land,
    members: NDArray[np.int64],
    radius: FloatArray,
    rivers: shapely.Geometry,
    rng: np.random.Generator,
    *,
    city: bool,
) -> tuple[FloatArray, list[Street]]:
    step = 148.0 if city else 112.0
    anchor = land.seats[members[0]]
    reach = float((np.hypot(*(land.seats[members] - anchor).T) + radius[members]).max())
    n = int(1.25 * reach / step) + 2
    i, j = (a.ravel() for a in np.meshgrid(np.arange(-n, n + 1), np.arange(-n, n + 1)))
    turn = rng.uniform(-0.6, 0.6)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    xy = anchor + np.column_stack((i, j)) * step @ rotation.T
    for wave_m in (2_600.0, 1_100.0):
        phase = rng.uniform(0.0, 2 * np.pi, 4)
        size = 0.026 * wave_m
        xy = xy + size * np.column_stack(
            (
                np.sin(2 * np.pi * xy[:, 1] / wave_m + phase[0])
                * np.cos(np.pi * xy[:, 0] / wave_m + phase[1]),
                np.sin(2 * np.pi * xy[:, 0] / wave_m + phase[2])
                * np.cos(np.pi * xy[:, 1] / wave_m + phase[3]),
            )
        )
    xy = xy + rng.normal(0.0, 0.045 * step, xy.shape)
    inside = np.zeros(len(xy), dtype=np.bool_)
    for k in members:
        away = xy - land.seats[k]
        bearing = np.arctan2(away[:, 1], away[:, 0])
        edge = 1.0 + 0.16 * np.sin(3 * bearing + k) + 0.09 * np.sin(7 * bearing + 2 * k)
        inside |= np.hypot(away[:, 0], away[:, 1]) < radius[k] * edge
    near_water = shapely.distance(shapely.points(xy), rivers) < 35.0
    number = np.full(len(xy), -1)
    keep = np.flatnonzero(inside & ~near_water)
    number[keep] = np.arange(len(keep))
    lattice = number.reshape(2 * n + 1, 2 * n + 1)
    lines = _lattice_lines(lattice, n)
    names = [_STREETS[k] for k in rng.permutation(len(_STREETS))]
    return _streets(xy[keep], lines, names, rivers, rng, city=city)


def _lattice_lines(lattice: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return rows (u, v, line number, 0 across or 1 upright) of the lattice's sides."""
    number = np.indices(lattice.shape, dtype=np.int64) - n
    across = (lattice[:, :-1], lattice[:, 1:], number[0][:, :-1], 0)
    upright = (lattice[:-1], lattice[1:], number[1][:-1], 1)
    parts = []
    for u, v, line, kind in (across, upright):
        ok = (u >= 0) & (v >= 0)
        parts.append(
            np.column_stack((u[ok], v[ok], line[ok], np.full(int(ok.sum()), kind)))
        )
    return np.vstack(parts)


def _streets(
    xy: FloatArray,
    lines: NDArray[np.int64],
    names: list[str],
    rivers: shapely.Geometry,
    rng: np.random.Generator,
    *,
    city: bool,
) -> tuple[FloatArray, list[Street]]:
    """Leave some streets out, bridge few, keep what hangs together."""
    u, v, line, kind = lines.T
    main = line % 4 == 0
    wet = shapely.intersects(
        shapely.linestrings(np.stack((xy[u], xy[v]), axis=1)), rivers
    )
    left_out = (~main & (rng.random(len(u)) < 0.11)) | (wet & (line % 12 != 0))
    kept = ~left_out
    kept |= _joining(u, v, kept, wet, len(xy))
    label = _labels(u[kept], v[kept], len(xy))
    biggest = label == np.argmax(np.bincount(label))
    kept &= biggest[u]
    number = np.cumsum(biggest) - 1
    degree = np.bincount(np.concatenate((u[kept], v[kept])), minlength=len(xy))
    streets = []
    for e in np.flatnonzero(kept):
        a, b = int(number[u[e]]), int(number[v[e]])
        oneway = bool(
            city and line[e] % 4 == 2 and min(degree[u[e]], degree[v[e]]) >= 4
        )
        if oneway and (line[e] // 4) % 2:
            a, b = b, a
        highway, name = _class_and_name(int(line[e]), int(kind[e]), names, city=city)
        streets.append(Street(a, b, highway, name, oneway, bool(wet[e])))
    return xy[biggest], streets


def _class_and_name(
    line: int, kind: int, names: list[str], *, city: bool
) -> tuple[str, str]:
    ending = "路" if kind == 0 else "街"
    at = (2 * (line // 4) + kind) % len(names)
    if city and line % 8 == 0:
        return "secondary", names[at] + ("大道" if kind == 0 else "路")
    if line % 4 == 0 and (city or line == 0):
        return "tertiary", names[at] + ending
    if line % 4 == 0:
        return "residential", names[at] + ending
    if city and line % 2 == 0:
        return "residential", names[at] + ("一巷" if kind == 0 else "二巷")
    return "residential", ""


def _labels(u: NDArray[np.int64], v: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    graph = coo_array((np.ones(len(u)), (u, v)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _joining(
    u: NDArray[np.int64],
    v: NDArray[np.int64],
    kept: NDArray[np.bool_],
    wet: NDArray[np.bool_],
    n: int,
) -> NDArray[np.bool_]:
    """Return the left-out streets, dry ones first, that join parted pieces again."""
    label = _labels(u[kept], v[kept], n)
    added = np.zeros(len(u), dtype=np.bool_)
    for e in [*np.flatnonzero(~kept & ~wet), *np.flatnonzero(~kept & wet)]:
        a, b = label[u[e]], label[v[e]]
        if a != b:
            added[e] = True
            label[label == a] = b
    return added
