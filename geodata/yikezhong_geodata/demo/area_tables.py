"""Attributes of the divisions that rules of plans ask for, a table for each level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yikezhong_geodata.demo.facilities import Ground, Row, yes
from yikezhong_geodata.demo.names import Place, is_urban, township_kind


@dataclass(frozen=True)
class AreaTables:
    """Rows for each level; ``hardship`` are the communities with much of it."""

    counties: list[Row]
    townships: list[Row]
    communities: list[Row]
    hardship: frozenset[str]


def list_areas(ground: Ground, rng: np.random.Generator) -> AreaTables:
    """Return the attributes of all divisions."""
    counties = [
        _county(ground, place, n, rng)
        for n, place in ground.land.places.numbered_counties()
    ]
    townships = [
        _township(ground, k, place, rng) for k, place in enumerate(ground.townships)
    ]
    communities = []
    for k in range(len(ground.townships)):
        villages = [
            int(i)
            for i in ground.members(k)
            if not is_urban(ground.communities[int(i)].code)
        ]
        central = set(villages[:1] + (villages[3:4] if rng.random() < 0.5 else []))
        for i in ground.members(k).tolist():
            place = ground.communities[i]
            communities.append(_community(place, central=i in central, rng=rng))
    _forget_some(communities, "地名标志", every=173)
    _forget_some(townships, "儿童督导员新任职培训", every=23)
    hardship = frozenset(
        str(row["区划代码"]) for row in communities if row["困难群众较多"] == "是"
    )
    communities.sort(key=lambda row: str(row["区划代码"]))
    return AreaTables(counties, townships, communities, hardship)


def _county(ground: Ground, place: Place, n: int, rng: np.random.Generator) -> Row:
    inside = np.array([c.code[:6] == place.code[:6] for c in ground.communities])
    old = int(ground.people.people_60[inside].sum())
    dependent = round(old * rng.uniform(0.0028, 0.0036))
    willing = round(dependent * rng.uniform(2.2, 2.8))
    housed = (0.66, 0.52, 0.61)[n % 3]
    return {
        "区划代码": place.code,
        "名称": place.name,
        "火葬区": "否" if n == 2 else "是",
        "生活不能自理特困人员数": dependent,
        "集中供养的生活不能自理特困人员数": round(dependent * housed),
        "有集中供养意愿的特困人员数": willing,
        "有意愿且已集中供养的特困人员数": willing if n != 1 else willing - 14,
    }


def _township(ground: Ground, k: int, place: Place, rng: np.random.Generator) -> Row:
    county = next(
        n
        for n, c in ground.land.places.numbered_counties()
        if c.code[:6] == place.code[:6]
    )
    kind = township_kind(place.code)
    people = int(ground.people.people[ground.members(k)].sum())
    old = int(ground.people.people_60[ground.members(k)].sum())
    need = 1 if people < 30_000 else 2 if people <= 60_000 else 3
    posts = max(0, need + int(rng.choice([-1, 0, 0, 0, 1])))
    in_city = kind == "subdistrict" and int(place.code[4:6]) <= 20
    supervised = yes(rng, 0.96)
    return {
        "区划代码": place.code,
        "名称": place.name,
        "城市市辖区": "是" if in_city else "否",
        "有条件建综合养老设施": yes(rng, 0.55) if kind == "town" else None,
        "火葬区": "否" if county == 2 else yes(rng, 0.92),
        "未成年人保护工作专干": yes(rng, 0.6),
        "儿童督导员": supervised,
        "儿童督导员新任职培训": yes(rng, 0.9) if supervised == "是" else "否",
        "加挂民政办公室牌子": yes(rng, 0.88),
        "配备民政公务员": yes(rng, 0.92),
        "以钱养事岗位数": posts,
        "为老社会工作者数": round(old / 1000 * rng.uniform(0.5, 1.6)),
    }


def _community(place: Place, *, central: bool, rng: np.random.Generator) -> Row:
    urban = is_urban(place.code)
    director = yes(rng, 0.97)
    return {
        "区划代码": place.code,
        "名称": place.name,
        "乡镇中心村": "是" if central else "否",
        "困难群众较多": yes(rng, 0.05 if urban else 0.12),
        "易地扶贫搬迁安置社区": yes(rng, 0.02 if urban else 0.015),
        "有条件设辅具租赁点": yes(rng, 0.3) if urban else None,
        "儿童主任": director,
        "儿童主任新任职培训": yes(rng, 0.93) if director == "是" else "否",
        "有社会工作者提供服务": yes(rng, 0.9 if urban else 0.62),
        "地名标志": None if urban else yes(rng, 0.94),
    }


def _forget_some(rows: list[Row], header: str, *, every: int) -> None:
    """Leave a few cells empty that say something, as lists of bureaus do."""
    for row in rows[every // 2 :: every]:
        row[header] = None
