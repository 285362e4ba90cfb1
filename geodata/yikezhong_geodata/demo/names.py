"""The shipped table of divisions: real names and codes, seats where known."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Final, Literal

Scale = Literal["prefecture", "county"]

#: The county shown at ``scale="county"``: the one with the fewest townships.
SMALLEST_COUNTY: Final = "421303000000"

#: Seats that the table does not know, placed by us: schematic, (lon, lat).
SCHEMATIC_SEATS: Final = {
    "421303001000": (113.3640, 31.7230),
    "421303002000": (113.3905, 31.7240),
    "421303004000": (113.3790, 31.7560),
    "421303005000": (113.3330, 31.7420),
    "421303499000": (113.4200, 31.7090),
    "421303587000": (113.3900, 31.6830),
    "421321113000": (113.0790, 31.7080),
    "421321114000": (113.0250, 31.6340),
    "421321119000": (113.0100, 31.8980),
    "421381001000": (113.8260, 31.6180),
    "421381004000": (113.8020, 31.6480),
    "421381110000": (113.9010, 31.5390),
    "421381400000": (113.8900, 31.8150),
    "421381401000": (113.7480, 31.9700),
    "421381402000": (113.8480, 31.5850),
}


@dataclass(frozen=True)
class Place:
    """A division of the table; ``lon``, ``lat`` [degrees, WGS 84] or None."""

    code: str
    name: str
    level: str
    lon: float | None
    lat: float | None


@dataclass(frozen=True)
class Places:
    """The divisions of the demonstration study, each level sorted by code.

    ``city`` is the prefecture; ``first`` the number of the first county in it, from 0,
    and ``n_city`` how many it has, where these are not all; ``prefix`` keeps the
    numbers of facilities apart. ``stray`` is a place outside the land (lon, lat).

    Examples
    --------
    >>> places = read_places("prefecture")
    >>> len(places.counties), len(places.townships), len(places.communities)
    (3, 51, 1009)
    >>> places.top.name
    '随州市'
    """

    top: Place
    counties: tuple[Place, ...]
    townships: tuple[Place, ...]
    communities: tuple[Place, ...]
    city: str = "随州市"
    first: int = 0
    n_city: int | None = None
    prefix: str = ""
    stray: tuple[float, float] = (113.690512, 31.248331)

    @property
    def last(self) -> int:
        """Number of the last county of the prefecture."""
        return (self.n_city or len(self.counties)) - 1

    def numbered_counties(self) -> Iterator[tuple[int, Place]]:
        """Return the counties, each with its number in the prefecture."""
        return enumerate(self.counties, start=self.first)

    def communities_of(self, township: str) -> tuple[Place, ...]:
        """Return the communities of a township, by code."""
        return tuple(c for c in self.communities if c.code[:9] == township[:9])


def read_places(scale: Scale) -> Places:
    """Read the shipped table, whole or for the smallest county only.

    Parameters
    ----------
    scale : {"prefecture", "county"}
        Which part is wanted.

    Returns
    -------
    Places
        Townships always have a seat, real where known, else schematic.

    Examples
    --------
    >>> read_places("county").top.name
    '曾都区'
    """
    rows = [_place(row) for row in _rows()]
    if scale == "county":
        rows = [p for p in rows if p.code[:6] == SMALLEST_COUNTY[:6]]
    by_level = {
        level: tuple(
            sorted((p for p in rows if p.level == level), key=lambda p: p.code)
        )
        for level in ("prefecture", "county", "township", "community")
    }
    top = by_level["county" if scale == "county" else "prefecture"][0]
    return Places(top, by_level["county"], by_level["township"], by_level["community"])


def is_urban(code: str) -> bool:
    """Return whether a community's code is that of a 社区 (digits 10-12 below 200).

    Examples
    --------
    >>> is_urban("421303001001"), is_urban("421303003201")
    (True, False)
    """
    return int(code[9:12]) < 200


def township_kind(code: str) -> str:
    """Return ``subdistrict``, ``town`` or ``township_unit`` by digits 7-9.

    Examples
    --------
    >>> township_kind("421303001000"), township_kind("421381401000")
    ('subdistrict', 'township_unit')
    """
    number = int(code[6:9])
    if number < 100:
        return "subdistrict"
    return (
        "town" if number < 200 else "township_unit" if 400 <= number < 600 else "town"
    )


def short_name(name: str) -> str:
    """Return a community's name without the words for its committee.

    Examples
    --------
    >>> short_name("乌龙巷居委会（社区）"), short_name("楼子村村民委员会"), short_name("双岗村")
    ('乌龙巷社区', '楼子村', '双岗村')
    """
    for ending, put in (
        ("社区居民委员会", "社区"),
        ("社区居委会", "社区"),
        ("居委会（社区）", "社区"),
        ("居民委员会", "社区"),
        ("居委会", "社区"),
        ("村村民委员会", "村"),
        ("村民委员会", "村"),
        ("村委会", "村"),
    ):
        if name.endswith(ending):
            return name.removesuffix(ending) + put
    return name


def _rows() -> list[dict[str, str]]:
    source = (
        resources.files("yikezhong_geodata.demo") / "data" / "suizhou_divisions.csv"
    )
    return list(csv.DictReader(source.read_text(encoding="utf-8").splitlines()))


def _place(row: dict[str, str]) -> Place:
    if row["lon"]:
        lon, lat = float(row["lon"]), float(row["lat"])
        return Place(row["code"], row["name"], row["level"], lon, lat)
    seat = SCHEMATIC_SEATS.get(row["code"])
    return Place(row["code"], row["name"], row["level"], *(seat or (None, None)))
