"""The list of community, social work, registry, school and health facilities."""

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
    village_name,
    yes,
)
from yikezhong_geodata.demo.names import is_urban, township_kind

#: Columns of the delivered list, in order.
HEADERS = (
    "设施编号", "设施名称", "设施类别", "所属区县", "所属乡镇", "所属社区代码", "经度",
    "纬度", "建筑面积", "床位数", "学位数", "工作人员数", "持证社工数", "民政岗位数",
    "等级", "志愿服务站点", "跨省通办", "婚姻家庭辅导室", "单独救助场所", "老年医学科",
    "老年人绿色通道", "状态", "启用日期", "停用日期",
)  # fmt: skip


def list_civic(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return the rows of the list, numbered."""
    rows = [
        *_service_centres(ground, rng),
        *_social_work(ground, rng),
        *_county_offices(ground, rng),
        *_schools(ground, rng),
        *_clinics(ground, rng),
        *_hospitals(ground, rng),
    ]
    number_rows(rows, "SQ" + ground.land.places.prefix)
    return [{h: row.get(h) for h in HEADERS} for row in rows]


def _service_centres(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return service centres: in nearly every 社区, in a part of the villages."""
    rows = []
    for i, place in enumerate(ground.communities):
        if rng.random() >= (0.97 if is_urban(place.code) else 0.07):
            continue
        row = base_row(
            ground,
            i,
            rng,
            name=f"{village_name(place)}党群服务中心",
            category="党群服务中心",
        )
        people = int(ground.people.people[i])
        area = (
            people * rng.uniform(0.06, 0.2)
            if is_urban(place.code)
            else rng.uniform(240, 900)
        )
        row |= {
            "建筑面积": round(float(np.clip(area, 180, 2_600))),
            "工作人员数": int(rng.integers(4, 16))
            if is_urban(place.code)
            else int(rng.integers(3, 7)),
            "持证社工数": int(rng.integers(0, 7))
            if is_urban(place.code)
            else int(rng.random() < 0.2),
            "志愿服务站点": yes(rng, 0.83 if is_urban(place.code) else 0.6),
        }
        rows.append(row | always_open(rng, first=2008, last=2025))
    return rows


def _social_work(ground: Ground, rng: np.random.Generator) -> list[Row]:
    rows = []
    for k, township in enumerate(ground.townships):
        kind = township_kind(township.code)
        if rng.random() < (0.5 if kind == "township_unit" else 0.1):
            continue
        row = base_row(
            ground,
            ground.seat(k),
            rng,
            name=f"{township.name}社会工作服务站",
            category="社工站",
        )
        row |= {
            "建筑面积": int(rng.integers(80, 320)),
            "工作人员数": int(rng.integers(2, 7)),
            "持证社工数": int(rng.integers(0, 4)),
            "民政岗位数": int(rng.integers(1, 5)),
        }
        rows.append(row | always_open(rng, first=2021, last=2024))
        if rng.random() < 0.34:
            rehab = base_row(
                ground,
                ground.seat(k),
                rng,
                name=f"{township.name}精神障碍社区康复站",
                category="精神障碍社区康复服务",
            )
            rehab |= {
                "建筑面积": int(rng.integers(60, 260)),
                "工作人员数": int(rng.integers(2, 6)),
            }
            rows.append(rehab | life(rng, first=2018, new=0.75))
    return rows


def _county_offices(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return the marriage registries and rescue stations of the counties."""
    rows = []
    for n, county in ground.land.places.numbered_counties():
        k = next(
            j for j, t in enumerate(ground.townships) if t.code[:6] == county.code[:6]
        )
        registry = base_row(
            ground,
            ground.seat(k),
            rng,
            name=f"{county.name}婚姻登记处",
            category="婚姻登记处",
            band=ANYWHERE,
        )
        registry |= {
            "建筑面积": int(rng.integers(300, 900)),
            "等级": ("5A级", "3A级", "2A级")[n % 3],
            "跨省通办": "是" if n != 2 else "否",
            "婚姻家庭辅导室": "是" if n != 1 else "否",
        }
        rows.append(registry | always_open(rng, first=2005, last=2015))
        rescue = base_row(
            ground,
            ground.seat(k),
            rng,
            name=f"{county.name}救助管理站",
            category="救助管理站",
            band=ANYWHERE,
        )
        rescue |= {
            "床位数": int(rng.integers(16, 61)),
            "建筑面积": int(rng.integers(700, 2_600)),
            "工作人员数": int(rng.integers(6, 19)),
            "单独救助场所": "是" if n != 2 else "否",
        }
        rows.append(rescue | always_open(rng, first=2004, last=2016))
    return rows


def _schools(ground: Ground, rng: np.random.Generator) -> list[Row]:
    rows = []
    for i, place in enumerate(ground.communities):
        city, urban = is_city(place), is_urban(place.code)
        for category, share, low, high in (
            ("幼儿园", 0.3 if city else 0.3 if urban else 0.01, 90, 420),
            ("小学", 0.18 if city else 0.26 if urban else 0.008, 260, 1_900),
        ):
            if rng.random() >= share:
                continue
            head = village_name(place).removesuffix("社区").removesuffix("村")
            row = base_row(
                ground,
                i,
                rng,
                name=f"{head}{category}",
                category=category,
                band=ANYWHERE,
            )
            seats = int(rng.integers(low, high))
            row |= {
                "学位数": seats,
                "建筑面积": round(seats * rng.uniform(5.0, 9.0)),
                "工作人员数": seats // 14 + 4,
            }
            rows.append(row | always_open(rng, first=1995, last=2024))
    return rows


def _clinics(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return the health centre of each township and a few clinics of villages."""
    rows = []
    for k, township in enumerate(ground.townships):
        kind = township_kind(township.code)
        if kind == "township_unit":
            continue
        name = (
            f"{township.name}卫生院"
            if kind == "town"
            else f"{township.name}社区卫生服务中心"
        )
        category = "卫生院" if kind == "town" else "卫生服务中心"
        row = base_row(
            ground, ground.seat(k), rng, name=name, category=category, band=ANYWHERE
        )
        row |= {
            "床位数": int(rng.integers(20, 120)),
            "工作人员数": int(rng.integers(18, 90)),
            "老年人绿色通道": yes(rng, 0.9),
        }
        rows.append(row | always_open(rng, first=1985, last=2010))
        for i in rng.permutation(ground.members(k))[: int(rng.integers(0, 3))]:
            place = ground.communities[int(i)]
            row = base_row(
                ground,
                int(i),
                rng,
                name=f"{village_name(place)}卫生室",
                category="卫生室",
            )
            row |= {
                "工作人员数": int(rng.integers(1, 4)),
                "老年人绿色通道": yes(rng, 0.7),
            }
            rows.append(row | life(rng, first=2000, new=0.2))
    return rows


def _hospitals(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return two hospitals at the seat of each county."""
    rows = []
    for n, county in ground.land.places.numbered_counties():
        k = next(
            j for j, t in enumerate(ground.townships) if t.code[:6] == county.code[:6]
        )
        for kind_name, beds in (("人民医院", 900), ("中医医院", 420)):
            row = base_row(
                ground,
                ground.seat(k),
                rng,
                name=f"{county.name}{kind_name}",
                category="医院",
                band=ANYWHERE,
            )
            row |= {
                "床位数": beds - 90 * min(n, 3),
                "等级": "二级" if n else "三级",
                "工作人员数": beds,
                "老年医学科": yes(rng, 0.8),
                "老年人绿色通道": "是",
            }
            rows.append(row | always_open(rng, first=1970, last=2000))
    return rows
