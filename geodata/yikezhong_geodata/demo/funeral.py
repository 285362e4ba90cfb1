"""The list of funeral services and burial places."""

from __future__ import annotations

import numpy as np

from yikezhong_geodata.demo.facilities import (
    ANYWHERE,
    Ground,
    Row,
    always_open,
    base_row,
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
    "纬度", "墓位数", "已用墓位数", "占地面积", "建筑面积", "工作人员数", "火化设备",
    "尾气处理设备", "服务范围", "状态", "启用日期", "停用日期",
)  # fmt: skip


def list_funeral(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return funeral homes, service points, cemeteries and columbaria, numbered."""
    rows = [
        *_homes(ground, rng),
        *_points(ground, rng),
        *_cemeteries(ground, rng),
        *_columbaria(ground, rng),
    ]
    number_rows(rows, "BZ" + ground.land.places.prefix)
    return [{h: row.get(h) for h in HEADERS} for row in rows]


def _homes(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return a funeral home in each county; the second one's is still being built."""
    rows = []
    for n, county in ground.land.places.numbered_counties():
        own = [
            k for k, t in enumerate(ground.townships) if t.code[:6] == county.code[:6]
        ]
        villages = [
            int(i)
            for i in ground.members(own[2])
            if not is_urban(ground.communities[i].code)
        ]
        at = villages[int(rng.integers(len(villages)))]
        row = base_row(
            ground,
            at,
            rng,
            name=f"{county.name}殡仪馆",
            category="殡仪馆",
            band=ANYWHERE,
        )
        row |= {
            "建筑面积": int(rng.integers(4_200, 9_800)),
            "占地面积": int(rng.integers(30_000, 80_000)),
            "工作人员数": int(rng.integers(22, 60)),
            "火化设备": int(rng.integers(2, 6)),
            "尾气处理设备": yes(rng, 0.6),
            "服务范围": county.name,
        }
        new = n == 1
        rows.append(
            row | (planned(rng) if new else always_open(rng, first=1998, last=2012))
        )
    return rows


def _points(ground: Ground, rng: np.random.Generator) -> list[Row]:
    rows = []
    for k, township in enumerate(ground.townships):
        if rng.random() > 0.72:
            continue
        name = f"{township.name}殡仪服务站"
        row = base_row(
            ground, ground.seat(k), rng, name=name, category="殡仪服务站", band=ANYWHERE
        )
        row |= {
            "建筑面积": int(rng.integers(160, 900)),
            "工作人员数": int(rng.integers(2, 8)),
            "服务范围": township.name,
        }
        rows.append(row | life(rng, first=2010, new=0.5))
    return rows


def _cemeteries(ground: Ground, rng: np.random.Generator) -> list[Row]:
    """Return cemeteries: in most townships one, in some villages another."""
    rows = []
    for k, township in enumerate(ground.townships):
        villages = [
            int(i)
            for i in ground.members(k)
            if not is_urban(ground.communities[i].code)
        ]
        if not villages:
            continue
        chosen = [int(i) for i in rng.permutation(villages)]
        n = int(township_kind(township.code) != "township_unit" and rng.random() < 0.78)
        n += int(rng.binomial(len(villages), 0.035))
        for rank, i in enumerate(chosen[:n]):
            place = ground.communities[i]
            head = township.name if rank == 0 else village_name(place)
            row = base_row(
                ground,
                i,
                rng,
                name=f"{head}公益性公墓",
                category="农村公益性公墓",
                band=ANYWHERE,
            )
            plots = (
                int(rng.integers(900, 5_200))
                if rank == 0
                else int(rng.integers(150, 900))
            )
            row |= {
                "墓位数": plots,
                "已用墓位数": round(plots * rng.uniform(0.05, 0.7)),
                "占地面积": round(plots * rng.uniform(3.2, 5.5)),
                "工作人员数": int(rng.integers(1, 5)),
                "服务范围": township.name if rank == 0 else village_name(place),
            }
            rows.append(row | life(rng, first=2012, new=0.6))
    return rows


def _columbaria(ground: Ground, rng: np.random.Generator) -> list[Row]:
    rows = []
    for k, township in enumerate(ground.townships):
        if rng.random() > 0.55 or township_kind(township.code) == "township_unit":
            continue
        own = ground.members(k)
        i = int(own[int(rng.integers(len(own)))])
        row = base_row(
            ground,
            i,
            rng,
            name=f"{township.name}骨灰堂",
            category="骨灰堂",
            band=ANYWHERE,
        )
        plots = int(rng.integers(400, 3_000))
        row |= {
            "墓位数": plots,
            "已用墓位数": round(plots * rng.uniform(0.0, 0.5)),
            "建筑面积": int(rng.integers(180, 1_500)),
            "服务范围": township.name,
        }
        rows.append(row | life(rng, first=2014, new=0.65))
    return rows
