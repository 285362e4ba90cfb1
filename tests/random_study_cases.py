"""Random studies whose ways lead across many borders, and random ways to cut them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import shapely
from hypothesis import strategies as st

from parted_run_cases import demand_table, division_table, facility_table, make_study
from yikezhong_coverage.graph import build_graph
from yikezhong_coverage.records import RoadGraph, Service
from yikezhong_geodata.spec import Parameters
from yikezhong_geodata.study import Study

WEST, SOUTH = 113.0, 31.0
#: A way of ten minutes leads through several cells of 0.01°, not through all.
STEP, COLUMNS, ROWS = 0.004, 30, 6
SERVICES = (
    Service("near", "近", ("a",), group="people", limit_s=300.0),
    Service("seats", "席位", ("a", "b"), group="people", limit_s=600.0,
            capacity="beds", people_per_unit=4.0),
    Service("rooms", "用房", ("b",), ("day",), group="people_60", limit_s=600.0),
)  # fmt: skip
CAR = Service("car", "驾车", ("b",), group="people", profile="driving", limit_s=200.0)


def pick(random: np.random.Generator, *choices: Any) -> Any:
    """Return one of some values, whatever they are."""
    return choices[int(random.integers(len(choices)))]


@st.composite
def studies_and_cuts(draw: st.DrawFn, folder: Path) -> tuple[Study, list[list[str]]]:
    """Draw a study and the groups of divisions that it is cut into."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    study = random_study(
        folder,
        random,
        stated=draw(st.sampled_from(["no", "shorter", "nothing"])),
        by_car=draw(st.booleans()),
    )
    return study, random_cut(study, random)


def random_study(
    folder: Path, random: np.random.Generator, *, stated: str, by_car: bool
) -> Study:
    """Return a study on a lattice with holes, of two counties side by side."""
    divisions = _divisions(random)
    codes = [c for c in divisions["code"] if len(c) == 3]
    roads = {"walking": random_roads(random, profile="walking", stated=stated)}
    if by_car:
        roads["driving"] = random_roads(random, profile="driving", stated="no")
    return make_study(
        folder,
        divisions=divisions,
        facilities=facility_table(_facilities(random, codes)),
        demand=demand_table(_demand(random, divisions)),
        roads=roads,
        services=(*SERVICES, CAR) if by_car else SERVICES,
        parameters=Parameters(
            walk_speed_mps=pick(random, 1.0, 1.2),
            max_walk_time_s=pick(random, 600.0, 900.0),
            max_drive_time_s=900.0,
            max_snap_m=pick(random, 300.0, 2000.0),
            min_component_m=pick(random, 0.0, 1500.0),
            limits_min=(5.0, 10.0),
        ),
    )


def random_cut(study: Study, random: np.random.Generator) -> list[list[str]]:
    """Return groups of divisions of any level; some divisions are in none."""
    table = study.divisions
    level = pick(random, "county", "township", "township", "community", "community")
    codes = random.permutation(table["code"][table["level"] == level].to_numpy())
    kept = codes[: max(len(codes) - int(random.integers(0, 2)), 1)]
    n_group = int(random.integers(min(2, len(kept)), len(kept) + 1))
    groups = [group.tolist() for group in np.array_split(kept, n_group)]
    if level == "community" and random.random() < 0.3:
        # a county of which some communities are parts of their own
        groups.append([table["code"][table["level"] == "county"].iloc[0]])
    return groups


def random_roads(
    random: np.random.Generator, *, profile: str, stated: str
) -> RoadGraph:
    """Return streets on a lattice: holes, dead ends, parallels, no length, one-ways."""
    row, column = np.divmod(np.arange(ROWS * COLUMNS), COLUMNS)
    lon = WEST + STEP * (column + 0.5 + random.uniform(-0.3, 0.3, len(row)))
    lat = SOUTH + STEP * (row + 0.5 + random.uniform(-0.3, 0.3, len(row)))
    # even places: equal ways from two facilities
    if random.random() < 0.5:
        lon, lat = WEST + STEP * (column + 0.5), SOUTH + STEP * (row + 0.5)
    right = [(a, a + 1) for a in range(len(row)) if column[a] + 1 < COLUMNS]
    up = [(a, a + COLUMNS) for a in range(len(row)) if row[a] + 1 < ROWS]
    drawn = np.array(right + up)
    drawn = drawn[random.random(len(drawn)) < random.uniform(0.5, 0.95)]
    again = drawn[random.integers(0, len(drawn), 5)]
    nodes = random.integers(0, len(row), (4, 1))
    edges = np.concatenate([drawn, again, np.repeat(nodes, 2, axis=1)])
    return _graph(random, lon, lat, edges, profile=profile, stated=stated)


def _graph(
    random: np.random.Generator,
    lon: np.ndarray,
    lat: np.ndarray,
    edges: np.ndarray,
    *,
    profile: str,
    stated: str,
) -> RoadGraph:
    """Return a graph; a stated length may be less than the shape, or nothing at all."""
    shapes = []
    for u, v in edges.tolist():
        bend = [(lon[u] + lon[v]) / 2, (lat[u] + lat[v]) / 2]
        bent = u == v or random.random() < 0.2
        aside = random.uniform(-0.2, 0.2, 2) * STEP
        middle = [(bend[0] + aside[0], bend[1] + aside[1])] if bent else []
        shapes.append([(lon[u], lat[u]), *middle, (lon[v], lat[v])])
    start = np.cumsum([0, *map(len, shapes)])
    vertices = np.array([xy for shape in shapes for xy in shape])
    names = [f"e{n:05d}" for n in random.permutation(len(edges)).tolist()]

    def build(length_m: np.ndarray | None) -> RoadGraph:
        oneway = random.random(len(edges)) < (0.1 if profile == "driving" else 0.0)
        speed = 8.0 if profile == "driving" else 1.0
        return build_graph(
            profile, lon, lat, edges[:, 0], edges[:, 1], names,
            ["residential"] * len(edges), start, vertices[:, 0], vertices[:, 1],
            forward_mps=np.full(len(edges), speed),
            backward_mps=np.where(oneway, 0.0, speed),
            length_m=length_m,
        )  # fmt: skip

    if stated == "no":
        return build(None)
    shape_m = build(None)
    place = {name: i for i, name in enumerate(shape_m.edge_id.tolist())}
    length_m = shape_m.edge_length_m[[place[name] for name in names]]
    few = random.random(len(edges)) < 0.1
    length_m = np.where(few, length_m * random.uniform(0.4, 1.3, len(edges)), length_m)
    if stated == "nothing":
        length_m[int(random.integers(len(edges)))] = 0.0
    return build(length_m)


def _divisions(random: np.random.Generator) -> Any:
    """Return two counties of townships of communities, as columns of cells."""
    east, north = WEST + STEP * COLUMNS, SOUTH + STEP * ROWS
    cuts = np.sort(random.uniform(WEST, east, int(random.integers(2, 7))))
    bounds = [WEST, *cuts.tolist(), east]
    half = 1 + int(random.integers(len(bounds) - 2))
    rows: list[dict[str, Any]] = []
    for county, columns in (("A", bounds[: half + 1]), ("B", bounds[half:])):
        rows.append(_row(county, "county", None, columns[0], columns[-1], north))
        for k in range(len(columns) - 1):
            code, x = f"{county}{k}", (columns[k], columns[k + 1])
            rows.append(_row(code, "township", county, *x, north))
            middle = SOUTH + (north - SOUTH) * random.uniform(0.2, 0.8)
            for tail, low, high in (("x", SOUTH, middle), ("y", middle, north)):
                unit = _row(code + tail, "community", code, *x, high, south=low)
                unit |= {"people": pick(random, 100.0, None), "people_60": 20.0}
                rows.append(unit)
    return division_table(rows)


def _row(
    code: str, level: str, parent: str | None, west: float, east: float, north: float,
    *, south: float = SOUTH,
) -> dict[str, Any]:  # fmt: skip
    shape = shapely.box(west, south, east, north)
    return {
        "code": code, "name": f"{code}区", "level": level, "parent": parent,
        "kind": "town", "geometry": shape,
    }  # fmt: skip


def _place(random: np.random.Generator) -> dict[str, float]:
    """Return a place; some lie outside all divisions, some far from any road."""
    x, y = random.uniform(-0.02, 1.02, 2)
    return {"lon": WEST + STEP * COLUMNS * x, "lat": SOUTH + STEP * ROWS * y}


def _facilities(random: np.random.Generator, codes: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "id": f"f{number:03d}",
            "name": f"设施{number}",
            "category": pick(random, "a", "b"),
            "functions": pick(random, ("day",), ("day",), (), None),
            "beds": pick(random, 3.0, 10.0, 0.0, np.nan),
            "status": pick(random, "open", "open", "open", "closed", "planned"),
            "community_code": pick(random, *codes, None),
            **_place(random),
        }
        for number in range(int(random.integers(1, 25)))
    ]


def _demand(random: np.random.Generator, divisions: Any) -> list[dict[str, Any]]:
    units = divisions[divisions["level"] == "community"]
    rows = []
    for number in range(int(random.integers(1, 160))):
        place = _place(random)
        inside = units[units.contains(shapely.Point(place["lon"], place["lat"]))]
        code = inside["code"].iloc[0] if len(inside) else None
        people = float(random.integers(0, 50)) / 4
        rows.append(
            {
                "id": f"d{number:04d}",
                "division_code": code,
                "community_code": code,
                "township_code": code and code[:2],
                "people": people,
                "people_60": people / 2,
                **place,
            }
        )
    return rows
