"""GCJ-02 and BD-09: published values, round trips, detection on real roads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from yikezhong_geodata import datum
from yikezhong_geodata.datum_guess import detect_datum, layer_offset, road_points
from yikezhong_geodata.file_errors import DatumUnknownError

Floats = NDArray[np.float64]


@pytest.mark.parametrize(
    ("convert", "point", "expected"),
    [
        # test values of googollee/eviltransform
        (
            datum.wgs84_to_gcj02,
            (121.5272106, 31.1774276),
            (121.531541859215, 31.17530398364597),
        ),
        (
            datum.wgs84_to_gcj02,
            (113.912316, 22.543847),
            (113.9171764808363, 22.540796131694766),
        ),
        (
            datum.wgs84_to_gcj02,
            (116.377817, 39.911954),
            (116.38404722455657, 39.91334545536069),
        ),
        # test values of wandergis/coordtransform
        (
            datum.wgs84_to_gcj02,
            (116.404, 39.915),
            (116.41024449916938, 39.91640428150164),
        ),
        (
            datum.gcj02_to_bd09,
            (116.404, 39.915),
            (116.41036949371029, 39.92133699351021),
        ),
    ],
)
def test_published_values(
    convert: datum.Conversion, point: tuple[float, float], expected: Floats
) -> None:
    assert np.allclose(convert(*point), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["gcj02", "bd09"])
@given(lon=st.floats(74, 134), lat=st.floats(5, 53))
def test_round_trip(name: str, lon: float, lat: float) -> None:
    forward = {"gcj02": datum.wgs84_to_gcj02, "bd09": datum.wgs84_to_bd09}[name]
    back = datum.to_wgs84(name)(*forward(lon, lat))
    assert np.allclose(back, (lon, lat), rtol=0, atol=1e-9)


def test_nothing_moves_outside_china() -> None:
    lon, lat = np.array([9.5, -51.2, 139.7]), np.array([47.1, -30.0, 35.7])
    for name in ("gcj02", "bd09"):
        assert np.array_equal(datum.to_wgs84(name)(lon, lat), (lon, lat))


def test_arguments_are_not_changed_and_nan_stays() -> None:
    lon, lat = np.array([113.0, np.nan]), np.array([31.0, np.nan])
    before = lon.copy()
    moved = datum.bd09_to_wgs84(lon, lat)
    assert np.array_equal(lon, before, equal_nan=True)
    assert np.isnan(moved[0][1])


def test_unknown_datum() -> None:
    assert datum.to_wgs84("GCJ-02") is datum.gcj02_to_wgs84
    with pytest.raises(DatumUnknownError):
        datum.to_wgs84("beijing54")


def test_geometry_keeps_none_and_holes() -> None:
    square = shapely.box(113, 31, 114, 32).difference(
        shapely.box(113.2, 31.2, 113.4, 31.4)
    )
    moved = datum.convert_geometry(np.array([square, None]), datum.wgs84_to_gcj02)
    assert len(moved[0].interiors) == 1
    assert moved[1] is None
    back = datum.convert_geometry(moved, datum.gcj02_to_wgs84)
    assert shapely.equals_exact(back[0], square, tolerance=1e-9)


@pytest.fixture(scope="module")
def beijing(real_data: Path) -> tuple[Floats, Floats]:
    ways = json.loads((real_data / "beijing" / "beijing_5thring.json").read_text())
    lines = [np.array(line, dtype=float) for line in ways.values()]
    vertices = np.concatenate(lines)
    start = np.concatenate(([0], np.cumsum([len(line) for line in lines])))
    return road_points(start, vertices[:, 1].copy(), vertices[:, 0].copy())


def beside_roads(
    roads: tuple[Floats, Floats], n_point: int, seed: int
) -> tuple[Floats, Floats]:
    """Points some 15 m from a road, as facilities stand."""
    random = np.random.default_rng(seed)
    at = random.integers(0, len(roads[0]), n_point)
    away = random.normal(0, 15 / 111_195, (2, n_point))
    return roads[0][at] + away[0] / np.cos(np.radians(39.9)), roads[1][at] + away[1]


FORWARD = {"gcj02": datum.wgs84_to_gcj02, "bd09": datum.wgs84_to_bd09}


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "low", "high"), [("gcj02", 300, 700), ("bd09", 700, 1700)]
)
def test_shifted_points_are_found_out(
    beijing: tuple[Floats, Floats], name: str, low: float, high: float
) -> None:
    for seed in range(2):
        lon, lat = FORWARD[name](*beside_roads(beijing, 60, seed))
        guess = detect_datum(lon, lat, *beijing)
        assert guess.confident
        assert guess.datum == name
        assert low < guess.offset_m < high
        assert guess.near_share[name] > 0.8 > guess.near_share["wgs84"]
        assert guess.median_m[name] < 20


@pytest.mark.real_data
def test_no_wolf_is_cried(beijing: tuple[Floats, Floats]) -> None:
    random = np.random.default_rng(7)
    for seed in range(6):
        assert not detect_datum(*beside_roads(beijing, 60, seed), *beijing).confident
        # points anywhere, as centroids are
        lon, lat = random.uniform(116.25, 116.5, 300), random.uniform(39.8, 40.0, 300)
        guess = detect_datum(lon, lat, *beijing)
        assert (guess.datum, guess.offset_m, guess.confident) == ("wgs84", 0.0, False)


@pytest.mark.real_data
def test_few_points_or_none_say_nothing(beijing: tuple[Floats, Floats]) -> None:
    lon, lat = datum.wgs84_to_gcj02(*beside_roads(beijing, 4, 0))
    assert not detect_datum(lon, lat, *beijing).confident
    assert not detect_datum(np.full(9, np.nan), np.full(9, np.nan), *beijing).confident
    assert not detect_datum(lon, lat, np.empty(0), np.empty(0)).confident


def test_outside_china_nothing_is_guessed() -> None:
    road = np.linspace(9.50, 9.55, 400)
    guess = detect_datum(road + 0.004, np.full(400, 47.1), road, np.full(400, 47.1))
    assert (guess.datum, guess.n_point, guess.confident) == ("wgs84", 0, False)


@pytest.mark.parametrize("name", ["gcj02", "bd09"])
def test_boundaries_against_boundaries(name: str) -> None:
    reference = np.array(
        [shapely.box(x, 31, x + 0.3, 31.4) for x in (112.9, 113.2, 113.5)]
    )
    shifted = datum.convert_geometry(reference, FORWARD[name])
    guess = layer_offset(shifted, reference)
    assert (guess.datum, guess.confident) == (name, True)
    assert guess.near_share[name] == pytest.approx(1, abs=1e-6)
    assert not layer_offset(reference, reference).confident
    assert not layer_offset(np.array([None]), np.array([None])).confident
