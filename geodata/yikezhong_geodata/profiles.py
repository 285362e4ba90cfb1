"""Which ways can be walked or driven, in which direction, and how fast.

The rules are data (``data/profiles.yaml``); this module applies them to the tags of a
way, given as a mapping of text to text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from yikezhong_coverage.errors import InputError
from yikezhong_geodata.data_files import read_yaml

KMH = 1000.0 / 3600.0
_UNITS_KMH = {
    "": 1.0,
    "km/h": 1.0,
    "kmh": 1.0,
    "kph": 1.0,
    "mph": 1.609344,
    "knots": 1.852,
}
_SPEED = re.compile(
    r"^\s*(\d+(?:\.\d+)?)\s*(km/h|kmh|kph|mph|knots)?\s*$", re.IGNORECASE
)

Tags = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Profile:
    """What a way must be to be used by one way of travelling.

    Parameters
    ----------
    name : str
        ``"walking"`` or ``"driving"``.
    require : tuple of str
        Keys a way must carry.
    exclude : mapping of str to re.Pattern
        A way is not used when the value of the key matches anywhere.
    oneway : bool
        Whether one-way streets bind.
    no_stopping : frozenset of str
        Classes that no point is snapped to.
    """

    name: str
    require: tuple[str, ...]
    exclude: Mapping[str, re.Pattern[str]]
    oneway: bool
    no_stopping: frozenset[str]

    def usable(self, tags: Tags) -> bool:
        """Return whether a way with these tags belongs to the network.

        Examples
        --------
        >>> walking = load_rules().profiles["walking"]
        >>> walking.usable({"highway": "residential"})
        True
        >>> walking.usable({"highway": "residential", "foot": "no"})
        False
        >>> walking.usable({"building": "yes"})
        False
        """
        if not all(key in tags for key in self.require):
            return False
        return not any(
            key in tags and pattern.search(tags[key])
            for key, pattern in self.exclude.items()
        )


@dataclass(frozen=True, eq=False)
class RoadRules:
    """The whole of ``data/profiles.yaml``, checked.

    ``speed_kmh`` is the default by class; ``other_speed_kmh`` is for every other
    class; stated limits outside ``speed_range_kmh`` (closed) are not believed.
    """

    profiles: Mapping[str, Profile]
    forward: frozenset[str]
    backward: frozenset[str]
    both: frozenset[str]
    implied: Mapping[str, frozenset[str]]
    speed_kmh: Mapping[str, float]
    other_speed_kmh: float
    speed_range_kmh: tuple[float, float]

    @property
    def keys(self) -> tuple[str, ...]:
        """Tags that any rule looks at, in a fixed order."""
        found = {"highway", "oneway", *self.implied}
        found |= {"maxspeed", "maxspeed:forward", "maxspeed:backward"}
        for profile in self.profiles.values():
            found |= {*profile.require, *profile.exclude}
        return tuple(sorted(found))


@dataclass(frozen=True)
class WaySpeed:
    """Driving speeds of a way along and against its direction [m/s]; 0: not allowed.

    ``defaulted`` tells that a speed came from the table by class; ``unread`` holds
    the stated limit that could not be used, ``odd_oneway`` the oneway value that is
    not understood (both directions are then open).
    """

    forward_mps: float
    backward_mps: float
    defaulted: bool
    unread: str | None = None
    odd_oneway: str | None = None


@cache
def load_rules() -> RoadRules:
    """Return the shipped rules."""
    raw, _ = read_yaml(None, shipped="profiles.yaml")
    profiles = {
        name: Profile(
            name=name,
            require=tuple(raw[name]["require"]),
            exclude={k: re.compile(v) for k, v in raw[name]["exclude"].items()},
            oneway=bool(raw[name]["oneway"]),
            no_stopping=frozenset(raw[name]["no_stopping"]),
        )
        for name in ("walking", "driving")
    }
    oneway = raw["oneway"]
    low, high = raw["speed_range_kmh"]
    return RoadRules(
        profiles=profiles,
        forward=frozenset(oneway["forward"]),
        backward=frozenset(oneway["backward"]),
        both=frozenset(oneway["both"]),
        implied={k: frozenset(v) for k, v in oneway["implied"].items()},
        speed_kmh={k: float(v) for k, v in raw["speed_kmh"].items()},
        other_speed_kmh=float(raw["other_speed_kmh"]),
        speed_range_kmh=(float(low), float(high)),
    )


def get_profile(name: str) -> Profile:
    """Return a profile by name.

    Raises
    ------
    InputError
        If there is no such profile.
    """
    profiles = load_rules().profiles
    if name not in profiles:
        raise InputError(f"没有名为“{name}”的出行方式", hint="可用：walking、driving")
    return profiles[name]


def parse_maxspeed_kmh(text: str) -> float | None:
    """Return a stated speed limit [km/h], None where it cannot be used.

    Of several values the smallest counts. Words (``none``, ``walk``, ``signals``),
    implicit limits (``RO:urban``) and implausible numbers give None: the class
    default is then used and reported.

    Examples
    --------
    >>> parse_maxspeed_kmh("60"), parse_maxspeed_kmh("50 mph")
    (60.0, 80.4672)
    >>> parse_maxspeed_kmh("80;60")
    60.0
    >>> [parse_maxspeed_kmh(t) for t in ("none", "walk", "RO:urban", "0", "nan", "")]
    [None, None, None, None, None, None]
    """
    low, high = load_rules().speed_range_kmh
    found = []
    for part in re.split(r"[;|,]", text):
        match = _SPEED.match(part)
        if match is None:
            return None
        value = float(match[1]) * _UNITS_KMH[(match[2] or "").lower()]
        if not low <= value <= high:
            return None
        found.append(value)
    return min(found) if found else None


def default_speed_kmh(highway: str) -> float:
    """Return the table's speed for a class [km/h]; of several the slowest.

    Examples
    --------
    >>> default_speed_kmh("primary"), default_speed_kmh("nonsense")
    (50.0, 30.0)
    """
    rules = load_rules()
    classes = highway.split(";")
    return min(rules.speed_kmh.get(c.strip(), rules.other_speed_kmh) for c in classes)


def driving_directions(tags: Tags) -> tuple[bool, bool, str | None]:
    """Return whether a way may be driven along, against, and an odd oneway value.

    Examples
    --------
    >>> driving_directions({"highway": "primary"})
    (True, True, None)
    >>> driving_directions({"highway": "primary", "oneway": "-1"})
    (False, True, None)
    >>> driving_directions({"highway": "primary", "junction": "roundabout"})
    (True, False, None)
    >>> driving_directions({"highway": "primary", "oneway": "reversible"})
    (True, True, 'reversible')
    """
    rules = load_rules()
    value = tags.get("oneway")
    if value is not None:
        word = value.strip().lower()
        if word in rules.forward:
            return True, False, None
        if word in rules.backward:
            return False, True, None
        if word in rules.both:
            return True, True, None
        return True, True, value
    if any(tags.get(key) in values for key, values in rules.implied.items()):
        return True, False, None
    return True, True, None


def driving_speed(tags: Tags) -> WaySpeed:
    """Return how fast a way can be driven in each direction.

    Examples
    --------
    >>> speed = driving_speed({"highway": "primary", "maxspeed": "36"})
    >>> round(speed.forward_mps, 9), speed.defaulted
    (10.0, False)
    """
    along, against, odd = driving_directions(tags)
    return speed_in_directions(tags, along=along, against=against, odd_oneway=odd)


def speed_in_directions(
    tags: Tags, *, along: bool, against: bool, odd_oneway: str | None = None
) -> WaySpeed:
    """Return the driving speeds of a way whose open directions are known.

    ``maxspeed:forward`` and ``maxspeed:backward`` come before ``maxspeed``, and that
    before the default of the class.

    Examples
    --------
    >>> tags = {"highway": "service", "maxspeed": "walk"}
    >>> speed = speed_in_directions(tags, along=True, against=False)
    >>> round(speed.forward_mps, 2), speed.backward_mps, speed.unread
    (5.56, 0.0, 'walk')
    """
    speeds = [0.0, 0.0]
    unread: str | None = None
    defaulted = False
    for at, (allowed, key) in enumerate(
        ((along, "maxspeed:forward"), (against, "maxspeed:backward"))
    ):
        if not allowed:
            continue
        stated: float | None = None
        for text in (tags.get(key), tags.get("maxspeed")):
            if text is None or stated is not None:
                continue
            stated = parse_maxspeed_kmh(text)
            if stated is None:
                unread = unread or text
        if stated is None:
            defaulted = True
            stated = default_speed_kmh(tags.get("highway", ""))
        speeds[at] = stated * KMH
    return WaySpeed(speeds[0], speeds[1], defaulted, unread, odd_oneway)
