"""The list of elderly care facilities, with a few rows wrong on purpose."""

from __future__ import annotations

import numpy as np

from yikezhong_geodata.demo.facilities import (
    ANYWHERE,
    OUTER,
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
from yikezhong_geodata.demo.names import Places, is_urban, township_kind

#: Columns of the delivered list, in order.
HEADERS = (
    "设施编号", "设施名称", "设施类别", "所属区县", "所属乡镇", "所属社区代码", "经度",
    "纬度", "床位数", "护理型床位数", "日托位数", "建筑面积", "服务功能", "等级",
    "工作人员数", "社会工作者数", "运营性质", "提供医疗卫生服务", "内设医务室", "失智专区",
    "新建改建", "状态", "启用日期", "停用日期",
)  # fmt: skip

_ALL = ("助餐", "助洁", "助医", "助浴", "助行")


#: A list of fewer rows is left as it is.
_SPOILED_FROM = 20


def list_elderly(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return all rows of the list of elderly care, numbered, then spoiled."""
    return finish_elderly(place_elderly(ground, rng), ground.land.places)


def place_elderly(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return the rows of the list of elderly care, without numbers, none wrong."""
    return [
        *_institutions(ground, rng),
        *_complexes(ground, rng),
        *_day_care(ground, rng),
        *_mutual_aid(ground, rng),
        *_special_care(ground, rng),
    ]


def finish_elderly(rows: list[Row], places: Places) -> list[Row]:
    """Return rows numbered and, in the first county of a prefecture, some spoiled."""
    number_rows(rows, "YL" + places.prefix)
    if places.first == 0 and len(rows) >= _SPOILED_FROM:
        _spoil(rows, places)
    return [{h: row.get(h) for h in HEADERS} for row in rows]


def _beds(rng: np.random.Generator, low: int, high: int, nursing: float) -> Row:
    beds = int(rng.integers(low, high + 1))
    share = float(np.clip(rng.normal(nursing, 0.14), 0.1, 1.0))
    return {
        "床位数": beds,
        "护理型床位数": round(beds * share),
        "建筑面积": round(beds * rng.uniform(24.0, 38.0)),
        "工作人员数": max(3, round(beds * rng.uniform(0.12, 0.24))),
        "社会工作者数": int(rng.random() < 0.55) + beds // 130,
        "提供医疗卫生服务": yes(rng, 0.9),
        "内设医务室": yes(rng, 0.75 if beds >= 150 else 0.25),
        "新建改建": yes(rng, 0.25),
    }


def _functions(rng: np.random.Generator, base: tuple[str, ...], share: float) -> str:
    """Return the functions: those it always has and each of the rest by chance."""
    return "、".join(
        [*base, *(f for f in _ALL if f not in base and rng.random() < share)]
    )


def _institutions(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return a 农村福利院 in most 镇, and private homes, most of them in the cities."""
    rows: list[Row] = []
    for k, township in enumerate(ground.townships):
        kind = township_kind(township.code)
        if kind == "township_unit" or rng.random() < 0.06:
            continue
        if kind == "town":
            rows.append(_public_home(ground, k, rng))
        in_street = int(rng.integers(2, 5))
        n_private = in_street if kind == "subdistrict" else int(rng.random() < 0.45)
        own = [int(i) for i in ground.members(k)]
        urban = [i for i in own if is_urban(ground.communities[i].code)]
        for i in rng.permutation(urban or own)[:n_private]:
            rows.append(_private_home(ground, int(i), rng))
    biggest = max(rows, key=lambda r: int(r["床位数"] or 0))
    biggest["失智专区"] = "是"
    biggest["服务功能"] = f"{biggest['服务功能']}、失智"
    return rows


def _public_home(ground: Ground, k: int, rng: np.random.Generator) -> Row:
    name = f"{ground.townships[k].name}农村福利院"
    at = ground.seat(k)
    row = base_row(ground, at, rng, name=name, category="养老机构", band=ANYWHERE)
    row |= _beds(rng, 40, 110, 0.5)
    row |= {"服务功能": _functions(rng, ("全托", "护理"), 0.45), "运营性质": "公办"}
    return row | life(rng, first=2001, new=0.15)


def _private_home(ground: Ground, i: int, rng: np.random.Generator) -> Row:
    head = village_name(ground.communities[i]).removesuffix("社区")
    ending = ("颐养院", "老年公寓", "康养中心", "护理院")[int(rng.integers(4))]
    name = head + ending
    row = base_row(ground, i, rng, name=name, category="养老机构", band=ANYWHERE)
    row |= _beds(rng, 50, 210, 0.62)
    row |= {
        "服务功能": _functions(rng, ("全托", "护理", "短期托养"), 0.5),
        "等级": (None, "二星级", "三星级", "四星级")[int(rng.integers(4))],
        "运营性质": "市场化" if rng.random() < 0.6 else "普惠",
    }
    return row | life(rng, new=0.4)


def _complexes(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return the comprehensive centres: all but one 街道, fewer than half the 镇."""
    kinds = [township_kind(t.code) for t in ground.townships]
    streets = [k for k, kind in enumerate(kinds) if kind == "subdistrict"]
    towns = [k for k, kind in enumerate(kinds) if kind == "town"]
    streets = [int(k) for k in rng.permutation(streets)]
    towns = [int(k) for k in rng.permutation(towns)]
    n_town = round(0.46 * len(towns))
    chosen = [*streets[:-1], *towns[:n_town]]
    rows = []
    for rank, k in enumerate(chosen):
        row = _complex(ground, k, rng)
        if rank % 9 == 1:
            row["服务功能"] = "日托、上门、助餐、助洁"  # no 全托: fails the clause
        if rank == len(streets) + 1:
            row["服务功能"] = None
        rows.append(row | always_open(rng, first=2019, last=2025))
    for k in towns[n_town : n_town + 2]:
        rows.append(_complex(ground, k, rng) | planned(rng))
    for k in towns[n_town + 2 : n_town + 3]:
        closed: Row = {
            "状态": "停用",
            "启用日期": "2019-06-01",
            "停用日期": "2024-03-31",
        }
        rows.append(_complex(ground, k, rng) | closed)
    return rows


def _complex(ground: Ground, k: int, rng: np.random.Generator) -> Row:
    name = f"{ground.townships[k].name}综合养老服务中心"
    row = base_row(
        ground, ground.seat(k), rng, name=name, category="综合性社区养老服务设施"
    )
    row |= _beds(rng, 15, 60, 0.68)
    return row | {
        "日托位数": int(rng.integers(15, 41)),
        "服务功能": _functions(rng, ("全托", "日托", "上门", "助餐"), 0.8),
        "等级": ("A级", "AA级", "AAA级")[int(rng.integers(3))],
        "运营性质": "普惠",
    }


def _day_care(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return day care: in most communities of the cities, in many of the towns."""
    rows = []
    for i, place in enumerate(ground.communities):
        share = 0.94 if is_city(place) else 0.8 if is_urban(place.code) else 0.035
        if rng.random() >= share:
            continue
        name = f"{village_name(place)}日间照料中心"
        row = base_row(ground, i, rng, name=name, category="日间照料中心")
        base = ("日托", "助餐") if rng.random() < 0.8 else ("日托",)
        row |= {
            "日托位数": int(rng.integers(8, 31)),
            "床位数": int(rng.integers(4, 16)),
            "建筑面积": int(rng.integers(180, 760)),
            "服务功能": _functions(rng, base, 0.42),
            "工作人员数": int(rng.integers(2, 7)),
            "社会工作者数": int(rng.random() < 0.4),
            "运营性质": "公办",
            "新建改建": yes(rng, 0.4),
        }
        if rng.random() < 0.03:
            row["服务功能"] = None
        rows.append(row | life(rng, first=2012, new=0.55))
        size = ground.area_km2(i)
        more = is_urban(place.code) * (int(size > 1.1) + int(size > 2.6))
        for number in range(more):
            if rng.random() < (0.85 if is_city(place) else 0.35):
                rows.append(_station(ground, i, rng, number=number + 1))
    return rows


def _station(ground: Ground, i: int, rng: np.random.Generator, *, number: int) -> Row:
    """Return a further station of a community that is too wide for one."""
    ordinal = ("", "", "第二")[number]
    name = f"{village_name(ground.communities[i])}{ordinal}居家养老服务站"
    row = base_row(ground, i, rng, name=name, category="居家养老服务中心", band=OUTER)
    row |= {
        "日托位数": int(rng.integers(5, 16)),
        "建筑面积": int(rng.integers(120, 360)),
        "服务功能": _functions(rng, ("上门",), 0.5),
        "工作人员数": int(rng.integers(2, 5)),
        "运营性质": "普惠",
    }
    return row | life(rng, first=2015, new=0.6)


def _mutual_aid(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return mutual aid in villages: many in some townships, hardly any in others."""
    rows = []
    for k in range(len(ground.townships)):
        keen = float(rng.beta(0.95, 1.5))
        for i in ground.members(k):
            place = ground.communities[i]
            if is_urban(place.code) or rng.random() >= keen:
                continue
            named = ("农村互助照料中心", "幸福院")[int(rng.random() < 0.4)]
            row = base_row(
                ground,
                int(i),
                rng,
                name=f"{village_name(place)}{named}",
                category=named,
            )
            row |= {
                "日托位数": int(rng.integers(6, 21)),
                "床位数": int(rng.integers(2, 11)),
                "建筑面积": int(rng.integers(100, 420)),
                "服务功能": _functions(
                    rng, ("助餐",) if rng.random() < 0.7 else ("文体活动",), 0.2
                ),
                "工作人员数": int(rng.integers(1, 4)),
                "运营性质": "公办",
                "新建改建": yes(rng, 0.3),
            }
            rows.append(row | life(rng, first=2011, new=0.35))
    return rows


def _special_care(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return the counties' homes for people in special need; the last is planned."""
    rows = []
    for n, county in ground.land.places.numbered_counties():
        k = [j for j, t in enumerate(ground.townships) if t.code[:6] == county.code[:6]]
        row = base_row(
            ground,
            ground.seat(k[-3]),
            rng,
            name=f"{county.name}失能特困人员供养服务中心",
            category="县级特困供养服务设施",
            band=ANYWHERE,
        )
        row |= _beds(rng, 120, 260, 0.85)
        row |= {
            "服务功能": "全托、护理、助医",
            "运营性质": "公办",
            "提供医疗卫生服务": "是",
        }
        rows.append(
            row | (planned(rng) if n == 1 else always_open(rng, first=2018, last=2024))
        )
    return rows


def _spoil(rows: list[Row], places: Places) -> None:
    """Make a few rows wrong, as lists of bureaus are, always the same ones."""
    step = max(1, len(rows) // 14)
    at = [step * n + 3 for n in range(12)]
    for i in at[:2]:
        rows[i] |= {"经度": None, "纬度": None}
    for i in at[2:4]:
        rows[i] |= {"经度": rows[i]["纬度"], "纬度": rows[i]["经度"]}
    rows[at[4]]["床位数"] = "约50张"
    rows[at[5]]["床位数"] = "正在核实"
    rows[at[6]]["设施类别"] = "银龄驿站"
    # a neighbour's code: place and code disagree
    other = rows[at[11] + step // 2]
    rows[at[7]] |= {key: other[key] for key in ("所属乡镇", "所属社区代码")}
    rows[at[8]] |= {"经度": places.stray[0], "纬度": places.stray[1]}
    rows[at[9]]["所属社区代码"] = f"{places.top.code[:4]}99999001"
    twin = dict(rows[at[10]])
    twin["设施编号"] = f"YL{places.prefix}{len(rows) + 1:04d}"
    rows.append(twin)
