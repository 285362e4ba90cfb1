"""The list of further facilities that plans ask for: outlets, compounds, bases."""

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
from yikezhong_geodata.demo.names import is_urban, township_kind

#: Columns of the delivered list, in order.
HEADERS = (
    "设施编号", "设施名称", "设施类别", "所属区县", "所属乡镇", "所属社区代码", "经度",
    "纬度", "床位数", "护理型床位数", "墓位数", "剩余墓位数", "建筑面积", "用地面积", "工作人员数",
    "社会工作者数", "医养结合床位数", "特困入住人数", "服务功能", "运营性质", "设施级别",
    "提供医疗卫生服务", "内设医务室或护理站", "已新建或提档升级", "单独救助场所",
    "小区户数", "养老服务用房面积", "新建小区", "老旧小区", "养老设施四同步", "状态",
    "启用日期", "停用日期",
)  # fmt: skip


def list_further(
    ground: Ground, hardship: frozenset[str], rng: np.random.Generator
) -> list[Row]:
    """Return the rows of the list, numbered.

    Parameters
    ----------
    ground : Ground
    hardship : frozenset of str
        Codes of the communities with many people in hardship.
    rng : Generator
        Source of chance.
    """
    rows = [
        *_outlets(ground, rng),
        *_compounds(ground, rng),
        *_points(ground, hardship, rng),
        *_county_bases(ground, rng),
        *_regional_homes(ground, rng),
        *_prefecture(ground, rng),
        *_graves(ground, rng),
    ]
    number_rows(rows, "QT" + ground.land.places.prefix)
    return [{h: row.get(h) for h in HEADERS} for row in rows]


def _outlets(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return lottery outlets: many in the streets, few in the towns."""
    rows = []
    for k, township in enumerate(ground.townships):
        kind = township_kind(township.code)
        low, high = {"subdistrict": (6, 12), "town": (1, 4)}.get(kind, (0, 2))
        own = ground.members(k)
        urban = [int(i) for i in own if is_urban(ground.communities[int(i)].code)]
        for number in range(int(rng.integers(low, high))):
            at = int(rng.choice(urban or own))
            name = f"{township.name}福彩第{number + 1}投注站"
            row = base_row(ground, at, rng, name=name, category="福彩投注站")
            row |= {"建筑面积": int(rng.integers(15, 60)), "工作人员数": 1}
            rows.append(row | life(rng, first=2008, new=0.3))
    return rows


def _compounds(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return housing compounds of urban communities, old and new."""
    rows = []
    for i, place in enumerate(ground.communities):
        if not is_urban(place.code):
            continue
        for number in range(int(rng.integers(0, 4 if is_city(place) else 2))):
            head = village_name(place).removesuffix("社区")
            row = base_row(
                ground, i, rng, name=f"{head}{'东西南'[number]}苑小区",
                category="住宅小区", band=ANYWHERE,
            )  # fmt: skip
            households = int(rng.integers(120, 1_600))
            new = rng.random() < 0.35
            per_100 = rng.uniform(14, 34) if new else rng.uniform(0, 26)
            row |= {
                "小区户数": households,
                "养老服务用房面积": round(households * per_100 / 100),
                "新建小区": "是" if new else "否",
                "老旧小区": "否" if new else yes(rng, 0.6),
                "养老设施四同步": yes(rng, 0.85) if new else None,
            }
            years = (2021, 2025) if new else (1992, 2018)
            rows.append(row | always_open(rng, first=years[0], last=years[1]))
    return rows


def _points(
    ground: Ground, hardship: frozenset[str], rng: np.random.Generator
) -> list[Row]:
    """Return points of social assistance and for renting assistive devices."""
    rows = []
    for i, place in enumerate(ground.communities):
        head = village_name(place)
        if rng.random() < (0.7 if place.code in hardship else 0.02):
            row = base_row(
                ground, i, rng, name=f"{head}社会救助服务站", category="社会救助服务站"
            )
            row["工作人员数"] = int(rng.integers(1, 4))
            rows.append(row | life(rng, first=2019, new=0.7))
        if rng.random() < (0.16 if is_city(place) else 0.005):
            name = f"{head}康复辅具租赁点"
            row = base_row(ground, i, rng, name=name, category="康复辅具租赁点")
            row["建筑面积"] = int(rng.integers(20, 90))
            rows.append(row | life(rng, first=2020, new=0.9))
    return rows


def _county_bases(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return what each county is to have; one or another lacks something."""
    rows = []
    last = ground.land.places.last
    for n, county in ground.land.places.numbered_counties():
        at = ground.seat(_first_township(ground, county.code))
        wanted = [
            ("养老服务指导中心", "养老服务指导中心", n != last or n == 0),
            ("社区社会组织孵化基地", "社会组织孵化基地", n != 1),
            ("阳光儿童服务中心", "儿童服务类社会组织", n != 1),
        ]
        wanted += [
            (f"{word}社会工作服务中心", "社工机构", True)
            for word in ("仁爱", "同心", "益家", "和风")[: 2 + n]
        ]
        for name, category, there in wanted:
            row = base_row(
                ground, at, rng, name=f"{county.name}{name}",
                category=category, band=ANYWHERE,
            )  # fmt: skip
            row |= {
                "建筑面积": int(rng.integers(120, 900)),
                "工作人员数": int(rng.integers(3, 15)),
            }
            dates = always_open(rng, first=2020, last=2024)
            rows.append(row | (dates if there else planned(rng)))
        if n == 1:
            rows.append(_columbarium(ground, county.name, at, rng))
    return rows


def _columbarium(ground: Ground, county: str, at: int, rng: np.random.Generator) -> Row:
    """Return a columbarium that holds the ashes of its county for thirty years."""
    row = base_row(
        ground, at, rng, name=f"{county}生态安葬园骨灰堂",
        category="骨灰堂", band=OUTER,
    )  # fmt: skip
    row |= {"墓位数": 168_000, "剩余墓位数": 161_500, "建筑面积": 21_000}
    return row | always_open(rng, first=2024, last=2024)


def _regional_homes(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return a regional home for people in special need in every second county."""
    rows = []
    for n, county in ground.land.places.numbered_counties():
        if n % 2:
            continue
        own = [
            k for k, t in enumerate(ground.townships) if t.code[:6] == county.code[:6]
        ]
        k = own[len(own) // 2]
        row = base_row(
            ground, ground.seat(k), rng,
            name=f"{ground.townships[k].name}区域性特困供养服务中心",
            category="区域性特困供养服务中心", band=ANYWHERE,
        )  # fmt: skip
        beds = int(rng.integers(90, 180))
        row |= {
            "床位数": beds,
            "护理型床位数": round(beds * 0.7),
            "建筑面积": beds * 32,
            "用地面积": beds * 45,
            "工作人员数": beds // 6,
            "社会工作者数": 1 + beds // 120,
            "医养结合床位数": round(beds * 0.4),
            "特困入住人数": round(beds * 0.6),
            "服务功能": "全托、护理",
            "运营性质": "公办",
            "提供医疗卫生服务": "是",
            "内设医务室或护理站": "是",
        }
        rows.append(row | always_open(rng, first=2021, last=2024))
    return rows


def _prefecture(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return what the prefecture itself runs, at the seat of its first county."""
    places = ground.land.places
    if places.first > 0:
        return []
    at = ground.seat(_first_township(ground, places.counties[0].code))
    rows = []
    for name, category, first, more in (
        (f"{places.city}救助管理站", "救助管理站", 2006, {"单独救助场所": "是"}),
        (f"{places.city}未成年人救助保护中心", "未成年人救助保护中心", 2021, {}),
        (f"{places.city}精神病人福利院", "精神病人福利院", 2024, {}),
    ):
        row = base_row(ground, at, rng, name=name, category=category, band=ANYWHERE)
        beds = int(rng.integers(40, 160))
        row |= {
            "床位数": beds,
            "建筑面积": beds * 40,
            "工作人员数": beds // 4,
            "设施级别": "市级",
            "已新建或提档升级": "是",
        }
        rows.append(row | more | always_open(rng, first=first, last=first))
    return rows


def _graves(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return places of scattered graves, one or two in every third township."""
    rows = []
    for k, township in enumerate(ground.townships):
        villages = [
            int(i)
            for i in ground.members(k)
            if not is_urban(ground.communities[int(i)].code)
        ]
        if not villages or rng.random() > 0.35:
            continue
        for number in range(int(rng.integers(1, 3))):
            at = int(rng.choice(villages))
            name = f"{township.name}散埋坟墓点{number + 1}"
            row = base_row(ground, at, rng, name=name, category="散坟", band=OUTER)
            row["用地面积"] = int(rng.integers(60, 900))
            rows.append(row | always_open(rng, first=1990, last=2015))
    return rows


def _first_township(ground: Ground, county: str) -> int:
    return next(j for j, t in enumerate(ground.townships) if t.code[:6] == county[:6])
