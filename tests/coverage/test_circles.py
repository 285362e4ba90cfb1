"""Circles against buffers of the same roads, and against the ellipsoid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from coverage_cases import (
    LAT,
    LEG_MPS,
    LON,
    METRE,
    points_on,
    random_network,
    straight_road,
)
from yikezhong_coverage.circles import reached_roads, service_area, union_area
from yikezhong_coverage.edges import EdgeParts, covered_parts
from yikezhong_coverage.errors import InputError
from yikezhong_coverage.graph import build_graph
from yikezhong_coverage.outlines import (
    LocalPlane,
    draw_outline,
    list_segments,
    make_polygons,
)
from yikezhong_coverage.records import RoadGraph, Snapped
from yikezhong_coverage.snap import snap_points
from yikezhong_coverage.travel import nearest_at_nodes
from yikezhong_geodata.data_report import DataReport
from yikezhong_geodata.roads import RoadsSpec, load_roads

seeds = st.integers(0, 2**32 - 1)
GEOD = Geod(ellps="WGS84")


def equal_distance(lon: float, lat: float) -> Transformer:
    """Return another way into metres: the azimuthal projection of PROJ."""
    local = CRS.from_proj4(f"+proj=aeqd +lat_0={lat} +lon_0={lon} +datum=WGS84")
    return Transformer.from_crs("EPSG:4326", local, always_xy=True)


def in_metres(shape: shapely.Geometry, place: Transformer) -> shapely.Geometry:
    return shapely.transform(
        shape, lambda xy: np.column_stack(place.transform(xy[:, 0], xy[:, 1]))
    )


def buffered(
    graph: RoadGraph, parts: EdgeParts, place: Transformer, buffer_m: float
) -> shapely.Geometry:
    """Return the exact answer: the union of buffers of the parts of roads."""
    shapes = []
    for edge, low, high in zip(parts.edge, parts.from_m, parts.to_m, strict=True):
        rows = slice(graph.vertex_start[edge], graph.vertex_start[edge + 1])
        along = graph.vertex_along_m[rows]
        stops = np.unique(np.concatenate(([low, high], along)))
        stops = stops[(stops >= low) & (stops <= high)]
        lon = np.interp(stops, along, graph.vertex_lon[rows])
        lat = np.interp(stops, along, graph.vertex_lat[rows])
        xy = np.column_stack(place.transform(lon, lat))
        line = shapely.LineString(xy) if len(xy) > 1 else shapely.Point(xy[0])
        shapes.append(shapely.buffer(line, buffer_m, quad_segs=32))
    return shapely.union_all(shapes)


def likeness(a: shapely.Geometry, b: shapely.Geometry) -> float:
    return float(shapely.intersection(a, b).area / shapely.union(a, b).area)


def area_m2(shape: shapely.MultiPolygon) -> float:
    """Return the true area: on the ellipsoid."""
    return abs(sum(GEOD.geometry_area_perimeter(part)[0] for part in shape.geoms))


def check_shape(shape: shapely.MultiPolygon) -> None:
    assert shape.geom_type == "MultiPolygon"
    assert shapely.is_valid(shape)
    xy = shapely.get_coordinates(shape)
    np.testing.assert_array_equal(xy, np.round(xy, 6))


@settings(max_examples=25, deadline=None)
@given(
    seed=seeds,
    limit_s=st.sampled_from([60.0, 300.0, 900.0]),
    direction=st.sampled_from(["to_facility", "from_facility"]),
)
def test_circles_equal_buffers_of_the_same_roads(
    seed: int, limit_s: float, direction: str
) -> None:
    random = np.random.default_rng(seed)
    graph = random_network(random, span_m=1500.0)
    edge = random.integers(0, graph.n_edge, 3)
    along_m = graph.edge_length_m[edge] * random.random(3)
    facility = points_on(graph, edge, along_m, [0.0, 20.0, 59.0])
    circles = service_area(
        graph,
        facility,
        limit_s=limit_s,
        leg_speed_mps=LEG_MPS,
        direction=direction,  # type: ignore[arg-type]
    )
    for i, circle in enumerate(circles):
        one = facility.take(np.array([i]))
        nodes = nearest_at_nodes(
            graph,
            one,
            leg_speed_mps=LEG_MPS,
            max_time_s=limit_s,
            direction=direction,  # type: ignore[arg-type]
        )
        parts = covered_parts(
            graph,
            nodes.time_s,
            one,
            limit_s=limit_s,
            leg_speed_mps=LEG_MPS,
            direction=direction,
        )
        place = equal_distance(facility.lon[i], facility.lat[i])
        exact = buffered(graph, parts, place, 50.0)
        check_shape(circle)
        assert likeness(in_metres(circle, place), exact) >= 0.97


def places_of(pieces: np.ndarray) -> set[tuple[float, ...]]:
    """Return pieces that have a length, without their order and direction."""
    pieces = np.round(pieces, 9)
    long = (pieces[:, :2] != pieces[:, 2:]).any(axis=1)
    return {min((a, b, c, d), (c, d, a, b)) for a, b, c, d in pieces[long].tolist()}


@settings(max_examples=25, deadline=None)
@given(seed=seeds, direction=st.sampled_from(["to_facility", "from_facility"]))
def test_pieces_of_one_search_equal_parts_over_all_edges(
    seed: int, direction: str
) -> None:
    random = np.random.default_rng(seed)
    graph = random_network(random)
    edge = random.integers(-1, graph.n_edge, 4)
    facility = points_on(graph, edge, graph.edge_length_m[edge] * 0.4, 30.0)
    terms = {"limit_s": 300.0, "leg_speed_mps": LEG_MPS, "direction": direction}
    found = list(reached_roads(graph, facility, **terms))
    for i, pieces in enumerate(found):
        one = facility.take(np.array([i]))
        nodes = nearest_at_nodes(
            graph,
            one,
            leg_speed_mps=LEG_MPS,
            max_time_s=300.0,
            direction=direction,  # type: ignore[arg-type]
        )
        whole = list_segments(graph, covered_parts(graph, nodes.time_s, one, **terms))
        assert (len(pieces) == 0) == (len(whole) == 0)
        assert places_of(pieces) == places_of(whole)


def town(n: int, *, block_m: float) -> RoadGraph:
    """Make a square lattice of streets."""
    x, y = np.meshgrid(np.arange(n), np.arange(n))
    node = np.array([LON, LAT]) + block_m * np.stack((x, y), -1).reshape(-1, 2) * METRE
    at = np.arange(n * n).reshape(n, n)
    u = np.concatenate((at[:, :-1].ravel(), at[:-1].ravel()))
    v = np.concatenate((at[:, 1:].ravel(), at[1:].ravel()))
    ends = np.stack((u, v), axis=1).ravel()
    return build_graph(
        "walking",
        node[:, 0],
        node[:, 1],
        u,
        v,
        [f"{i:05d}" for i in range(len(u))],
        ["path"] * len(u),
        2 * np.arange(len(u) + 1),
        node[ends, 0],
        node[ends, 1],
        forward_mps=1.0,
        backward_mps=1.0,
    )


@pytest.mark.parametrize("limit_s", [300.0, 700.0, 5000.0])
def test_what_lies_deep_inside_makes_no_difference(limit_s: float) -> None:
    graph = town(70, block_m=14.0)
    facility = points_on(graph, [2500, 5, 4000], [11.0, 0.0, 14.0], 12.0)
    terms = {"limit_s": limit_s, "leg_speed_mps": LEG_MPS, "direction": "to_facility"}
    circles = service_area(graph, facility, **terms, buffer_m=200.0, cell_m=50.0)
    every = list(reached_roads(graph, facility, **terms))
    fewer = list(reached_roads(graph, facility, **terms, band=(200.0, 50.0)))
    for i, circle in enumerate(circles):
        plane = LocalPlane(float(facility.lon[i]), float(facility.lat[i]))
        rings, _ = draw_outline(every[i], plane=plane, buffer_m=200.0, cell_m=50.0)
        assert make_polygons([rings]) == [circle]
        if limit_s == 5000.0:
            assert len(fewer[i]) < 0.9 * len(every[i])


@pytest.mark.case(55)
@pytest.mark.parametrize("lat", [-35.0, 0.0, 18.0, 31.7, 45.0, 53.5, 65.0])
def test_area_is_true_at_every_latitude(lat: float) -> None:
    graph = straight_road(lat)
    middle = points_on(graph, [0], graph.edge_length_m[:1] * (graph.edge_u[0] != 1))
    (circle,) = service_area(graph, middle, limit_s=900.0, leg_speed_mps=LEG_MPS)
    check_shape(circle)
    true_m2 = 1800.0 * 100.0 + np.pi * 50.0**2
    assert area_m2(circle) == pytest.approx(true_m2, rel=0.01)


def test_width_and_cell_are_what_was_asked_for() -> None:
    graph = straight_road(LAT)
    for buffer_m, cell_m in ((25.0, 5.0), (100.0, 10.0), (200.0, 100.0)):
        (circle,) = service_area(
            graph,
            points_on(graph, [0], [700.0]),
            limit_s=300.0,
            leg_speed_mps=LEG_MPS,
            buffer_m=buffer_m,
            cell_m=cell_m,
        )
        true_m2 = 600.0 * 2 * buffer_m + np.pi * buffer_m**2
        assert area_m2(circle) == pytest.approx(true_m2, rel=0.02)


def test_what_is_not_reached_is_empty() -> None:
    graph = straight_road(LAT)
    facility = points_on(graph, [0, -1, 0], [700.0, 0.0, 700.0], [901.0, 0.0, 900.0])
    lost, off_road, used_up = service_area(
        graph, facility, limit_s=900.0, leg_speed_mps=LEG_MPS
    )
    assert lost.is_empty
    assert off_road.is_empty
    check_shape(used_up)
    # The leg takes all the time: a disc around the place on the road is left.
    assert area_m2(used_up) == pytest.approx(np.pi * 50.0**2, rel=0.02)
    assert (
        service_area(
            graph,
            facility.take(np.array([], dtype=np.int64)),
            limit_s=9,
            leg_speed_mps=1,
        )
        == []
    )


@pytest.mark.case(74)
def test_one_way_streets_turn_with_the_direction() -> None:
    """A driver gets out of a one-way dead end, but nobody gets in."""
    graph = straight_road(LAT)
    west = int(np.flatnonzero(graph.edge_id == "west")[0])
    closed = np.where(np.arange(2) == west, np.inf, graph.edge_backward_s)
    turned = RoadGraph(**{**vars(graph), "edge_backward_s": closed})
    facility = points_on(turned, [west], [700.0])
    (towards,) = service_area(
        turned, facility, limit_s=300.0, leg_speed_mps=LEG_MPS, direction="to_facility"
    )
    (away,) = service_area(
        turned,
        facility,
        limit_s=300.0,
        leg_speed_mps=LEG_MPS,
        direction="from_facility",
    )
    place = shapely.Point(facility.lon[0], facility.lat[0])
    assert towards.centroid.x < place.x < away.centroid.x
    assert area_m2(towards) == pytest.approx(area_m2(away), rel=0.01)


def ring_road(*, half_m: float) -> tuple[RoadGraph, Snapped]:
    """Make a square block and a facility on it."""
    x, y = half_m / 94_800.0, half_m / 110_890.0
    corner = np.array([[-x, -y], [x, -y], [x, y], [-x, y]]) + np.array([LON, LAT])
    follow = np.array([0, 1, 1, 2, 2, 3, 3, 0])
    graph = build_graph(
        "walking",
        corner[:, 0],
        corner[:, 1],
        [0, 1, 2, 3],
        [1, 2, 3, 0],
        ["a", "b", "c", "d"],
        ["path"] * 4,
        [0, 2, 4, 6, 8],
        corner[follow, 0],
        corner[follow, 1],
        forward_mps=1.0,
        backward_mps=1.0,
    )
    return graph, points_on(graph, [0], [half_m])


def test_a_block_keeps_its_courtyard() -> None:
    graph, facility = ring_road(half_m=200.0)
    (circle,) = service_area(graph, facility, limit_s=2000.0, leg_speed_mps=LEG_MPS)
    check_shape(circle)
    assert [len(part.interiors) for part in circle.geoms] == [1]
    assert not circle.contains(shapely.Point(LON, LAT))
    true_m2 = 4 * 400 * 100 + (np.pi - 4) * 50**2  # round outside, square inside
    assert area_m2(circle) == pytest.approx(true_m2, rel=0.02)


def test_union_is_that_of_the_circles() -> None:
    graph = straight_road(LAT)
    facility = points_on(graph, [0, 0], [300.0, 700.0])
    circles = service_area(graph, facility, limit_s=300.0, leg_speed_mps=LEG_MPS)
    union = union_area(circles)
    check_shape(union)
    assert area_m2(union) == pytest.approx(1000.0 * 100.0 + np.pi * 2500.0, rel=0.01)
    for circle in circles:
        assert shapely.difference(circle, union).area <= 1e-4 * circle.area
    assert union_area([shapely.MultiPolygon()]).is_empty


def test_order_and_company_of_facilities_change_nothing() -> None:
    graph = random_network(np.random.default_rng(5))
    edge = np.array([3, 7, 3, 11])
    facility = points_on(graph, edge, graph.edge_length_m[edge] * 0.3, 15.0)

    def draw(points: Snapped) -> list[shapely.MultiPolygon]:
        return service_area(graph, points, limit_s=400.0, leg_speed_mps=LEG_MPS)

    together = draw(facility)
    backwards = draw(facility.take(np.array([3, 2, 1, 0])))[::-1]
    alone = [draw(facility.take(np.array([i])))[0] for i in range(4)]
    assert together == backwards == alone


def test_a_very_wide_circle_is_drawn_coarser_but_true() -> None:
    graph = straight_road(LAT, half_m=40_000.0)
    middle = points_on(graph, [0], [graph.edge_length_m[0] * (graph.edge_u[0] == 0)])
    parts = EdgeParts(
        np.arange(2, dtype=np.int32), np.zeros(2), graph.edge_length_m.copy()
    )
    rings, _ = draw_outline(
        list_segments(graph, parts),
        plane=LocalPlane(float(middle.lon[0]), float(middle.lat[0])),
        buffer_m=1000.0,
        cell_m=4.0,
    )
    (circle,) = make_polygons([rings])
    check_shape(circle)
    true_m2 = 80_000.0 * 2000.0 + np.pi * 1000.0**2
    assert area_m2(circle) == pytest.approx(true_m2, rel=0.01)


@pytest.mark.parametrize(
    "bad",
    [
        {"limit_s": np.inf},
        {"limit_s": np.nan},
        {"limit_s": -1.0},
        {"buffer_m": 0.0},
        {"cell_m": 0.0},
        {"cell_m": 26.0},
        {"buffer_m": np.nan},
    ],
)
def test_bad_parameters_are_refused(bad: dict[str, float]) -> None:
    graph = straight_road(LAT)
    with pytest.raises(InputError):
        service_area(
            graph,
            points_on(graph, [0], [10.0]),
            **{"limit_s": 900.0, "leg_speed_mps": 1.0, **bad},  # type: ignore[arg-type]
        )


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("file", "profile", "buffer_m", "cell_m"),
    [
        ("liechtenstein/liechtenstein-latest.osm.pbf", "walking", 50.0, 10.0),
        ("shenzhen/G.graphml", "driving", 100.0, 20.0),
    ],
)
def test_circles_of_real_roads(
    real_data: Path, file: str, profile: str, buffer_m: float, cell_m: float
) -> None:
    path = real_data / file
    if not path.is_file():
        pytest.skip(f"no {file} in the real test data")
    graph = load_roads(
        RoadsSpec(file=path.name),
        folder=path.parent,
        report=DataReport(),
        profiles=(profile,),
    )[profile]
    node = np.linspace(0, graph.n_node - 1, 5).astype(int)
    facility = snap_points(graph, graph.node_lon[node], graph.node_lat[node])
    drawing = {"limit_s": 900.0, "leg_speed_mps": LEG_MPS}
    circles = service_area(graph, facility, buffer_m=buffer_m, cell_m=cell_m, **drawing)
    for i, circle in enumerate(circles):
        one = facility.take(np.array([i]))
        nodes = nearest_at_nodes(graph, one, leg_speed_mps=LEG_MPS, max_time_s=900.0)
        parts = covered_parts(graph, nodes.time_s, one, **drawing)
        place = equal_distance(facility.lon[i], facility.lat[i])
        check_shape(circle)
        exact = buffered(graph, parts, place, buffer_m)
        assert likeness(in_metres(circle, place), exact) >= 0.985
