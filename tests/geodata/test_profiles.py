"""Rules of walking and driving: OSMnx's filters, one-ways and speeds."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikezhong_coverage.errors import InputError
from yikezhong_geodata.profiles import (
    KMH,
    default_speed_kmh,
    driving_directions,
    driving_speed,
    get_profile,
    load_rules,
    parse_maxspeed_kmh,
)


@pytest.mark.parametrize(
    ("name", "network"), [("walking", "walk"), ("driving", "drive")]
)
def test_filters_are_those_of_osmnx(name: str, network: str) -> None:
    overpass = pytest.importorskip("osmnx._overpass")
    text = overpass._get_network_filter(network)
    required = re.findall(r'\["([^"]+)"\]', text)
    excluded = dict(re.findall(r'\["([^"]+)"!~"([^"]*)"\]', text))
    profile = get_profile(name)
    assert list(profile.require) == required
    assert {key: p.pattern for key, p in profile.exclude.items()} == excluded


@pytest.mark.parametrize(
    ("tags", "walking", "driving"),
    [
        ({"highway": "residential"}, True, True),
        ({"highway": "footway"}, True, False),
        ({"highway": "steps"}, True, False),
        ({"highway": "motorway"}, False, True),
        ({"highway": "motorway_link"}, False, True),
        ({"highway": "service"}, True, False),
        ({"highway": "cycleway"}, False, False),
        ({"highway": "construction"}, False, False),
        ({"highway": "residential", "access": "private"}, False, False),
        ({"highway": "residential", "foot": "no"}, False, True),
        ({"highway": "residential", "motor_vehicle": "no"}, True, False),
        ({"highway": "pedestrian", "area": "yes"}, False, False),
        ({"railway": "rail"}, False, False),
    ],
)
def test_usable(tags: dict[str, str], walking: bool, driving: bool) -> None:
    assert get_profile("walking").usable(tags) is walking
    assert get_profile("driving").usable(tags) is driving


def test_unknown_profile() -> None:
    with pytest.raises(InputError, match="cycling"):
        get_profile("cycling")


@pytest.mark.parametrize(
    ("tags", "directions"),
    [
        ({}, (True, True, None)),
        ({"oneway": "yes"}, (True, False, None)),
        ({"oneway": "1"}, (True, False, None)),
        ({"oneway": "TRUE"}, (True, False, None)),
        ({"oneway": "-1"}, (False, True, None)),
        ({"oneway": "reverse"}, (False, True, None)),
        ({"oneway": "no"}, (True, True, None)),
        ({"junction": "roundabout"}, (True, False, None)),
        ({"junction": "circular"}, (True, False, None)),
        ({"junction": "roundabout", "oneway": "no"}, (True, True, None)),
        ({"highway": "motorway"}, (True, False, None)),
        ({"highway": "motorway", "oneway": "no"}, (True, True, None)),
        ({"oneway": "reversible"}, (True, True, "reversible")),
        ({"oneway": "alternating"}, (True, True, "alternating")),
        ({"oneway": "perhaps"}, (True, True, "perhaps")),
    ],
)
def test_directions(tags: dict[str, str], directions: object) -> None:
    assert driving_directions(tags) == directions


@pytest.mark.parametrize(
    ("text", "kmh"),
    [
        ("60", 60.0),
        (" 60 km/h ", 60.0),
        ("50 mph", 80.4672),
        ("50mph", 80.4672),
        ("80;60", 60.0),
        ("60|80", 60.0),
        ("none", None),
        ("walk", None),
        ("signals", None),
        ("RO:urban", None),
        ("CN:rural", None),
        ("", None),
        ("0", None),
        ("-30", None),
        ("999", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("50 knots", 92.6),
        ("60;none", None),
    ],
)
def test_maxspeed(text: str, kmh: float | None) -> None:
    """BAD-INPUTS 77."""
    assert parse_maxspeed_kmh(text) == pytest.approx(kmh)


@given(st.text(max_size=20))
def test_any_text_gives_a_believable_speed(text: str) -> None:
    low, high = load_rules().speed_range_kmh
    kmh = parse_maxspeed_kmh(text)
    assert kmh is None or low <= kmh <= high
    speed = driving_speed({"highway": "primary", "maxspeed": text})
    assert speed.defaulted is (kmh is None)
    assert low * KMH <= speed.forward_mps == speed.backward_mps <= high * KMH


def test_speed_by_direction() -> None:
    tags = {"highway": "primary", "maxspeed": "60", "maxspeed:backward": "36"}
    speed = driving_speed(tags)
    assert speed.forward_mps == pytest.approx(60 * KMH)
    assert speed.backward_mps == pytest.approx(10.0)
    speed = driving_speed({"highway": "primary", "maxspeed:forward": "walk"})
    assert (speed.defaulted, speed.unread) == (True, "walk")
    assert driving_speed({**tags, "oneway": "yes"}).backward_mps == 0


def test_default_speeds_are_complete_and_believable() -> None:
    rules = load_rules()
    low, high = rules.speed_range_kmh
    assert all(low <= kmh <= high for kmh in rules.speed_kmh.values())
    main = ["motorway", "trunk", "primary", "secondary", "tertiary", "living_street"]
    speeds = [default_speed_kmh(c) for c in main]
    assert all(a >= b for a, b in itertools.pairwise(speeds))
    assert default_speed_kmh("primary;service") == default_speed_kmh("service")
