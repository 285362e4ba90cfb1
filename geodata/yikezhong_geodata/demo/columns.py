"""Columns that rules of plans ask for, added to the lists of facilities.

Each draws from a source of chance of its own, so that the rest of a list stays as it
is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from yikezhong_geodata.demo.facilities import Ground, Row, yes

#: Columns that are added to the list of elderly care.
ELDERLY: Final = ("用地面积", "医养结合床位数", "特困入住人数", "两室联建")
#: … of funeral services.
FUNERAL: Final = ("剩余墓位数", "列入布点规划", "已新建或提档升级", "服务村社区代码")
#: … of community, social work, registry, school and health facilities.
CIVIC: Final = (
    "设施级别", "设施落后", "已新建或提档升级", "婚姻登记机关等级", "医院类别",
    "医院等级", "康复科", "有场地", "有人员", "有功能", "有制度", "有活动",
)  # fmt: skip
#: … of facilities for children.
CHILDREN: Final = ("设施级别", "已新建或提档升级")

_WITH_BEDS: Final = ("养老机构", "县级特困供养服务设施")
_BURIAL: Final = ("农村公益性公墓", "骨灰堂")
_FIVE: Final = ("有场地", "有人员", "有功能", "有制度", "有活动")


def add_elderly(rows: Sequence[Row], rng: np.random.Generator) -> list[Row]:
    """Add land, beds with medical care, residents in need, clinics in one house."""
    return [row | _elderly(row, rng) for row in rows]


def _elderly(row: Row, rng: np.random.Generator) -> Row:
    more: Row = dict.fromkeys(ELDERLY)
    land = rng.uniform(0.7, 1.5)
    share, needy, joined = rng.uniform(0.4, 0.9), rng.uniform(0.25, 0.8), rng.random()
    floor, beds, nursing = (row[k] for k in ("建筑面积", "床位数", "护理型床位数"))
    if isinstance(floor, int):
        more["用地面积"] = round(floor * land)
    if row["设施类别"] in _WITH_BEDS:
        if isinstance(nursing, int):
            medical = row["提供医疗卫生服务"] == "是"
            more["医养结合床位数"] = round(nursing * share) if medical else 0
        if isinstance(beds, int):
            public = row["运营性质"] == "公办"
            more["特困入住人数"] = round(beds * needy) if public else 0
    else:
        more["两室联建"] = "是" if joined < 0.16 else "否"
    return more


def add_children(rows: Sequence[Row]) -> list[Row]:
    """Add the tier of centres and homes."""
    found = []
    for row in rows:
        more: Row = dict.fromkeys(CHILDREN)
        if row["设施类别"] == "未成年人救助保护中心":
            more["设施级别"] = "县级"
        elif row["设施类别"] == "儿童福利院":
            more |= {"设施级别": "市级", "已新建或提档升级": "是"}
        found.append(row | more)
    return found


def add_funeral(
    rows: Sequence[Row], ground: Ground, rng: np.random.Generator
) -> list[Row]:
    """Add plots left, whether a cemetery is in the plan, and which villages it serves."""
    members = {
        ground.townships[k].name: [
            ground.communities[int(i)].code for i in ground.members(k)
        ]
        for k in range(len(ground.townships))
    }
    found = []
    homes = 0
    for row in rows:
        more: Row = dict.fromkeys(FUNERAL)
        if row["设施类别"] == "殡仪馆":
            more["已新建或提档升级"] = ("是", "否", "否")[homes % 3]
            homes += 1
        elif row["设施类别"] in _BURIAL:
            plots, used = row["墓位数"], row["已用墓位数"]
            more["剩余墓位数"] = int(plots or 0) - int(used or 0)
            more["列入布点规划"] = yes(rng, 0.7)
            codes = members.get(str(row["服务范围"]), [])
            wide = rng.uniform(0.3, 1.0)
            served = [code for code in codes if rng.random() < wide]
            more["服务村社区代码"] = "、".join(served) or None
        found.append(row | more)
    return found


def add_civic(rows: Sequence[Row], rng: np.random.Generator) -> list[Row]:
    """Add tiers, grades, kinds of hospital, and what stations of social work have."""
    found = []
    rescue = 0
    for row in rows:
        more: Row = dict.fromkeys(CIVIC)
        category, name = row["设施类别"], str(row["设施名称"])
        if category == "救助管理站":
            more |= {
                "设施级别": "县级",
                "设施落后": ("否", "是", "是")[rescue % 3],
                "已新建或提档升级": ("否", "是", "否")[rescue % 3],
            }
            rescue += 1
        elif category == "婚姻登记处":
            more["婚姻登记机关等级"] = row["等级"]
        elif category == "社工站":
            more |= {header: yes(rng, 0.93) for header in _FIVE}
        elif category == "医院":
            chinese = "中医" in name
            more |= {
                "医院类别": "中医医院" if chinese else "综合医院",
                "医院等级": row["等级"],
                "康复科": yes(rng, 0.6) if chinese else None,
            }
        elif category == "卫生院":
            more |= {"医院类别": "其他", "医院等级": "一级"}
        found.append(row | more)
    return found
