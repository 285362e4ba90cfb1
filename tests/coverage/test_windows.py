"""Answers on a part of a network, equal to those on the whole to the last bit.

A part holds every road that comes within a halo of its core: as far as anybody can
get within the limit, and the width of a circle.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from coverage_cases import LEG_MPS, METRE, random_network, random_points
from yikezhong_coverage.circles import service_area
from yikezhong_coverage.edges import covered_parts, cut_roads, length_by_division
from yikezhong_coverage.joint import band_tiles, joint_area
from yikezhong_coverage.lattice import tile_boxes
from yikezhong_coverage.lengths import covered_length_m
from yikezhong_coverage.records import RoadGraph, Snapped
from yikezhong_coverage.seams import join_tiles
from yikezhong_coverage.snap import snap_points
from yikezhong_coverage.travel import (
    nearest_at_nodes,
    nearest_facility,
    nearest_own,
    reach,
)
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.roads import RoadsSpec, load_roads

seeds = st.integers(0, 2**32 - 1)
sides = st.sampled_from([(0, 1), (0, -1), (1, 1), (1, -1)])

FASTEST_MPS = 1.3  # of the networks of coverage_cases
LIMIT_S = 300.0
BUFFER_M = 50.0
#: How far the roads of a circle, and what it covers, can be from its facility [m].
HALO_M = LIMIT_S * FASTEST_MPS + BUFFER_M


@dataclass(frozen=True)
class Window:
    """A part of a network, and which of its edges and nodes those of the part are."""

    graph: RoadGraph
    edge: np.ndarray
    node: np.ndarray

    def points(self, points: Snapped) -> tuple[Snapped, np.ndarray]:
        """Return the points that are on the part's roads, and which they are."""
        new = np.full(self.edge.max() + 2, -1, dtype=np.int32)
        new[self.edge] = np.arange(len(self.edge))
        index = np.flatnonzero(np.isin(points.edge, self.edge))
        some = points.take(index)
        return Snapped(
            new[some.edge], some.along_m, some.leg_m, some.lon, some.lat
        ), index


def cut(graph: RoadGraph, kept: np.ndarray) -> Window:
    """Return some edges of a network, in their order."""
    edge = np.flatnonzero(kept)
    node = np.unique(np.concatenate((graph.edge_u[edge], graph.edge_v[edge])))
    begin, end = graph.vertex_start[edge], graph.vertex_start[edge + 1]
    vertex = np.concatenate([np.arange(a, b) for a, b in zip(begin, end, strict=True)])
    return Window(
        RoadGraph(
            graph.profile,
            graph.node_lon[node],
            graph.node_lat[node],
            np.searchsorted(node, graph.edge_u[edge]).astype(np.int32),
            np.searchsorted(node, graph.edge_v[edge]).astype(np.int32),
            graph.edge_id[edge],
            graph.edge_length_m[edge],
            graph.edge_forward_s[edge],
            graph.edge_backward_s[edge],
            np.concatenate(([0], np.cumsum(end - begin))),
            graph.vertex_lon[vertex],
            graph.vertex_lat[vertex],
            graph.vertex_along_m[vertex],
            graph.edge_class[edge],
        ),
        edge,
        node,
    )


def cut_along(
    graph: RoadGraph, *, axis: int, side: int, place: float, halo_m: float
) -> Window:
    """Return the roads on one side of a line and in a halo beyond it.

    A road that comes there has a vertex there: what lies beyond is convex.
    """
    at = (graph.vertex_lon, graph.vertex_lat)[axis]
    inside = side * (at - place) >= -halo_m * METRE[axis]
    return cut(graph, np.logical_or.reduceat(inside, graph.vertex_start[:-1]))


def in_core(
    points: Snapped, index: np.ndarray, *, axis: int, side: int, place: float
) -> np.ndarray:
    """Return which of the points lie on one side of a line."""
    return side * ((points.lon, points.lat)[axis][index] - place) >= 0


def random_town(seed: int) -> tuple[RoadGraph, Snapped, Snapped, float, float]:
    """Make roads with many ways beyond the limit, facilities, people and two lines."""
    random = np.random.default_rng(seed)
    graph = random_network(random, n_node=40, n_edge=90, span_m=2600.0)
    facility = random_points(random, graph, 16, most_leg_m=40.0)
    demand = random_points(random, graph, 40, most_leg_m=40.0)
    rank = random.integers(4, 36)
    places = [np.sort(values)[rank] for values in (graph.node_lon, graph.node_lat)]
    return graph, facility, demand, *places


@settings(max_examples=40, deadline=None)
@given(
    seed=seeds, side=sides, direction=st.sampled_from(["to_facility", "from_facility"])
)
def test_tiles_of_a_part_are_those_of_the_whole(
    seed: int, side: tuple[int, int], direction: str
) -> None:
    graph, facility, _, *places = random_town(seed)
    line = {"axis": side[0], "side": side[1], "place": places[side[0]]}
    terms = {"limit_s": LIMIT_S, "leg_speed_mps": LEG_MPS, "direction": direction}
    ids, tiles = band_tiles(graph, facility, **terms)
    boxes = tile_boxes(ids, cell_m=10.0)
    west, south, east, north = boxes.T
    low, high = ((west, east), (south, north))[side[0]]
    core = (low if side[1] > 0 else -high) >= side[1] * line["place"]
    # a road that reaches into the buffer of a tile may be BUFFER_M outside the core
    window = cut_along(graph, **line, halo_m=HALO_M + BUFFER_M)
    part, found = band_tiles(
        window.graph, window.points(facility)[0], **terms, within=ids[core]
    )
    assert part.tolist() == ids[core].tolist()
    whole = [tiles[k] for k in np.flatnonzero(core)]
    assert shapely.to_wkb(found).tolist() == shapely.to_wkb(whole).tolist()
    joined = joint_area(graph, facility, **terms)
    assert joined == join_tiles(ids, tiles, cell_m=10.0)


@settings(max_examples=40, deadline=None)
@given(
    seed=seeds,
    side=sides,
    direction=st.sampled_from(["to_facility", "from_facility"]),
    style=st.sampled_from([(50.0, 10.0), (200.0, 50.0)]),
)
def test_circles_on_a_part_are_those_on_the_whole(
    seed: int, side: tuple[int, int], direction: str, style: tuple[float, float]
) -> None:
    graph, facility, _, *places = random_town(seed)
    line = {"axis": side[0], "side": side[1], "place": places[side[0]]}
    terms = {
        "limit_s": LIMIT_S,
        "leg_speed_mps": LEG_MPS,
        "direction": direction,
        "buffer_m": style[0],
        "cell_m": style[1],
    }
    whole = service_area(graph, facility, **terms)
    window = cut_along(graph, **line, halo_m=LIMIT_S * FASTEST_MPS)
    points, index = window.points(facility)
    core = np.flatnonzero(in_core(facility, index, **line))
    # others that are asked for at the same time change nothing
    for some in (core, core[::2]):
        found = service_area(window.graph, points.take(some), **terms)
        wanted = [whole[index[k]] for k in some]
        assert shapely.to_wkb(found).tolist() == shapely.to_wkb(wanted).tolist()


@settings(max_examples=40, deadline=None)
@given(seed=seeds, side=sides)
def test_lengths_by_division_on_a_part_are_those_on_the_whole(
    seed: int, side: tuple[int, int]
) -> None:
    graph, facility, _, *places = random_town(seed)
    line = {"axis": side[0], "side": side[1], "place": places[side[0]]}
    strip_m = 150.0
    sums = []
    window = cut_along(graph, **line, halo_m=LIMIT_S * FASTEST_MPS + strip_m)
    for roads, points in (
        (graph, facility),
        (window.graph, window.points(facility)[0]),
    ):
        times = nearest_at_nodes(
            roads, points, leg_speed_mps=LEG_MPS, max_time_s=LIMIT_S
        ).time_s
        parts = covered_parts(
            roads, times, points, limit_s=LIMIT_S, leg_speed_mps=LEG_MPS
        )
        pieces = cut_roads(roads)
        at = (pieces.lon, pieces.lat)[side[0]]
        into = side[1] * (at - line["place"]) / METRE[side[0]]
        division = np.where(into >= 0, into // strip_m, -1).astype(np.int32)
        # whole edges, by how far they stay away from the line
        bends = side[1] * (roads.vertex_lon, roads.vertex_lat)[side[0]]
        least = np.minimum.reduceat(bends, roads.vertex_start[:-1])
        into = (least - side[1] * line["place"]) / METRE[side[0]]
        group = np.where(into >= 0, into // strip_m, -1).astype(np.int32)
        sums.append(
            [
                length_by_division(pieces, division, n_division=60, parts=None),
                length_by_division(pieces, division, n_division=60, parts=parts),
                covered_length_m(
                    roads, times, points, group,
                    n_group=60, limit_s=LIMIT_S, leg_speed_mps=LEG_MPS,
                ),
            ]
        )  # fmt: skip
    np.testing.assert_array_equal(sums[0], sums[1])
    assert np.sum(sums[0]) > 0


@settings(max_examples=40, deadline=None)
@given(
    seed=seeds, side=sides, direction=st.sampled_from(["to_facility", "from_facility"])
)
def test_times_on_a_part_are_those_on_the_whole(
    seed: int, side: tuple[int, int], direction: str
) -> None:
    graph, facility, demand, *places = random_town(seed)
    line = {"axis": side[0], "side": side[1], "place": places[side[0]]}
    window = cut_along(graph, **line, halo_m=LIMIT_S * FASTEST_MPS)
    points, of_points = window.points(facility)
    people, of_people = window.points(demand)
    core = np.flatnonzero(in_core(demand, of_people, **line))
    terms = {"leg_speed_mps": LEG_MPS, "direction": direction}

    def check(whole, part, of_whole, of_part) -> None:
        np.testing.assert_array_equal(part.time_s[of_part], whole.time_s[of_whole])
        owner = part.facility[of_part]
        renamed = np.append(of_points, -1)[owner]
        np.testing.assert_array_equal(renamed, whole.facility[of_whole])

    terms_s = {**terms, "max_time_s": LIMIT_S}
    check(
        nearest_facility(graph, demand, facility, **terms_s),
        nearest_facility(window.graph, people, points, **terms_s),
        of_people[core],
        core,
    )
    at = (graph.node_lon, graph.node_lat)[side[0]][window.node]
    nodes = np.flatnonzero(side[1] * (at - line["place"]) >= 0)
    check(
        nearest_at_nodes(graph, facility, **terms_s),
        nearest_at_nodes(window.graph, points, **terms_s),
        window.node[nodes],
        nodes,
    )
    group, own = np.arange(len(demand)) % 3 - 1, np.arange(len(facility)) % 3 - 1
    check(
        nearest_own(
            graph, demand, facility, demand_group=group, facility_group=own, **terms_s
        ),
        nearest_own(
            window.graph,
            people,
            points,
            demand_group=group[of_people],
            facility_group=own[of_points],
            **terms_s,
        ),
        of_people[core],
        core,
    )
    whole = reach(graph, demand, facility, limit_s=LIMIT_S, **terms)
    part = reach(window.graph, people, points, limit_s=LIMIT_S, **terms)

    def pairs(found, of_demand, of_facility) -> set[tuple[int, int, float]]:
        rows = np.repeat(np.arange(found.n_facility), np.diff(found.start))
        people = of_demand[found.demand]
        kept = np.isin(people, of_people[core])
        return set(
            zip(
                of_facility[rows][kept].tolist(),
                people[kept].tolist(),
                found.time_s[kept].tolist(),
                strict=True,
            )
        )

    every = np.arange(len(demand)), np.arange(len(facility))
    assert pairs(whole, *every) == pairs(part, of_people, of_points)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, side=sides)
def test_places_on_roads_of_a_part_are_those_of_the_whole(
    seed: int, side: tuple[int, int]
) -> None:
    graph, *_, lon, lat = random_town(seed)
    random = np.random.default_rng(seed)
    line = {"axis": side[0], "side": side[1], "place": (lon, lat)[side[0]]}
    most_m = 200.0
    window = cut_along(graph, **line, halo_m=1.001 * most_m)  # METRE is rounded
    at = np.array([[graph.node_lon.min()], [graph.node_lat.min()]])
    places = at + random.uniform(-200, 2800, (2, 200)) * METRE[:, None]
    places = places[:, side[1] * (places[side[0]] - line["place"]) >= 0]
    whole = snap_points(graph, *places, max_snap_m=most_m)
    part = snap_points(window.graph, *places, max_snap_m=most_m)
    edge = np.append(window.edge, -1)[part.edge]
    np.testing.assert_array_equal(edge, whole.edge)
    for name in ("along_m", "leg_m", "lon", "lat"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))


@pytest.mark.real_data
def test_tiles_of_windows_over_a_country_are_those_of_the_whole(
    real_data: Path,
) -> None:
    path = real_data / "liechtenstein" / "liechtenstein-latest.osm.pbf"
    if not path.is_file():
        pytest.skip("no liechtenstein in the real test data")
    graph = load_roads(
        RoadsSpec(file=path.name),
        folder=path.parent,
        report=DataReport(),
        profiles=("walking",),
    )["walking"]
    random = np.random.default_rng(8)
    facility = random_points(random, graph, 60, most_leg_m=50.0)
    terms = {"limit_s": 900.0, "leg_speed_mps": 1.0}
    ids, tiles = band_tiles(graph, facility, **terms)
    cuts = [-90.0, *np.quantile(graph.node_lat, [0.3, 0.6]), 90.0]
    found = {}
    halo = (900.0 * 1.6 + 2 * BUFFER_M) * METRE[1]
    middle = tile_boxes(ids, cell_m=10.0)[:, 1::2].mean(axis=1)
    for low, high in pairwise(cuts):
        own = (middle >= low) & (middle < high)
        # tiles reach beyond the lines by half their height
        far = halo + 0.006
        inside = (graph.vertex_lat > low - far) & (graph.vertex_lat < high + far)
        window = cut(graph, np.logical_or.reduceat(inside, graph.vertex_start[:-1]))
        some, drawn = band_tiles(
            window.graph, window.points(facility)[0], **terms, within=ids[own]
        )
        found.update(zip(some.tolist(), drawn, strict=True))
    assert sorted(found) == ids.tolist()
    wkb = shapely.to_wkb([found[i] for i in ids.tolist()])
    assert wkb.tolist() == shapely.to_wkb(tiles).tolist()
