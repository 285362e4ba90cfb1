"""The layer of facilities that protect and help children."""

from __future__ import annotations

import numpy as np

from yikezhong_geodata.demo.facilities import (
    ANYWHERE,
    Ground,
    Row,
    always_open,
    base_row,
    is_city,
    life,
    number_rows,
    planned,
    village_name,
    yes,
)
from yikezhong_geodata.demo.names import is_urban


def list_children(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return stations, centres, homes and rooms for children, numbered."""
    rows = [
        *_stations(ground, rng),
        *_centres(ground, rng),
        *_homes(ground, rng),
        *_rooms(ground, rng),
    ]
    number_rows(rows, "ET" + ground.land.places.prefix)
    return rows


def _stations(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return the stations of about two in three townships.

    Where there is none, some have a person in charge instead (工作专干).
    """
    rows = []
    for k, township in enumerate(ground.townships):
        chance = rng.random()
        if chance > 0.68:
            continue
        row = base_row(
            ground,
            ground.seat(k),
            rng,
            name=f"{township.name}未成年人保护工作站",
            category="未成年人保护工作站",
        )
        row |= {
            "建筑面积": int(rng.integers(60, 220)),
            "工作人员数": int(rng.integers(1, 5)),
            "儿童督导员数": int(rng.integers(1, 3)),
            "工作专干": "是",
            "服务功能": "家庭照护培训" if rng.random() < 0.3 else None,
        }
        dates = always_open(rng, first=2021, last=2025)
        rows.append(row | (planned(rng) if chance < 0.04 else dates))
    return rows


def _centres(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return the protection centres of the prefecture and of most counties."""
    rows = []
    for n, county in ground.land.places.numbered_counties():
        row = _at_county_seat(
            ground,
            county.code,
            rng,
            f"{county.name}未成年人救助保护中心",
            "未成年人救助保护中心",
        )
        row |= {
            "床位数": int(rng.integers(8, 25)),
            "工作人员数": int(rng.integers(4, 12)),
        }
        later = n == ground.land.places.last and n > 0
        rows.append(
            row | (planned(rng) if later else always_open(rng, first=2020, last=2024))
        )
    return rows


def _homes(ground: Ground, rng: np.random.Generator) -> list[Row]:
    places = ground.land.places
    if places.first > 0:
        return []
    name = f"{places.city}儿童福利院"
    row = _at_county_seat(ground, places.counties[0].code, rng, name, "儿童福利院")
    row |= {"床位数": 180, "建筑面积": 6_800, "工作人员数": 46}
    return [row | always_open(rng, first=2009, last=2012)]


def _rooms(ground: Ground, rng: np.random.Generator) -> list[Row]:
    rows = []
    for i, place in enumerate(ground.communities):
        share = 0.3 if is_city(place) else 0.2 if is_urban(place.code) else 0.03
        if rng.random() >= share:
            continue
        row = base_row(
            ground, i, rng, name=f"{village_name(place)}儿童之家", category="儿童之家"
        )
        row |= {
            "容纳人数": int(rng.integers(15, 61)),
            "建筑面积": int(rng.integers(40, 160)),
            "工作人员数": int(rng.integers(1, 3)),
            "儿童主任": yes(rng, 0.93),
        }
        rows.append(row | life(rng, first=2014, new=0.5))
    return rows


def _at_county_seat(
    ground: Ground, county: str, rng: np.random.Generator, name: str, category: str
) -> Row:
    """Return a row in the first township of a county, its seat."""
    k = next(j for j, t in enumerate(ground.townships) if t.code[:6] == county[:6])
    return base_row(
        ground, ground.seat(k), rng, name=name, category=category, band=ANYWHERE
    )
