"""Ways as OSM has them: points and tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from yikezhong_geodata.demo.terrain import FloatArray

#: Signed limits [km/h]; village roads and lanes have none.
_MAXSPEED: Final = {
    "motorway": 120,
    "motorway_link": 40,
    "primary": 80,
    "secondary": 60,
    "tertiary": 50,
}


@dataclass(frozen=True)
class Way:
    """A road or river: its points in the plane [m] and its OSM tags."""

    points: FloatArray
    tags: tuple[tuple[str, str], ...]


def tags_of(
    highway: str, name: str = "", *, oneway: bool = False, bridge: bool = False
) -> tuple[tuple[str, str], ...]:
    """Return the tags of a road.

    Examples
    --------
    >>> tags_of("primary", "316国道")
    (('highway', 'primary'), ('name', '316国道'), ('maxspeed', '80'))
    """
    tags = [("highway", highway)]
    if name:
        tags.append(("name", name))
    if highway in _MAXSPEED:
        tags.append(("maxspeed", str(_MAXSPEED[highway])))
    if oneway:
        tags.append(("oneway", "yes"))
    if bridge:
        tags += [("bridge", "yes"), ("layer", "1")]
    return tuple(tags)
