"""The tables of one county as pieces of those of the province."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final

import numpy as np

from yikezhong_geodata.demo.area_tables import AreaTables, list_areas
from yikezhong_geodata.demo.children import list_children
from yikezhong_geodata.demo.civic import list_civic
from yikezhong_geodata.demo.columns import (
    add_children,
    add_civic,
    add_elderly,
    add_funeral,
)
from yikezhong_geodata.demo.elderly import finish_elderly, place_elderly
from yikezhong_geodata.demo.facilities import Ground, Row
from yikezhong_geodata.demo.funeral import list_funeral
from yikezhong_geodata.demo.further import list_further
from yikezhong_geodata.demo.names import is_urban
from yikezhong_geodata.demo.population import People, count_groups
from yikezhong_geodata.demo.province.size import chance
from yikezhong_geodata.demo.province.skeleton import IntArray
from yikezhong_geodata.demo.write import csv_text, population_rows

#: Encoding of the tables that are not in UTF-8 with a mark.
ENCODINGS: Final = {"facilities_funeral": "gb18030"}
#: One community in so many has no counts of older people.
_HIDDEN_EVERY: Final = 2_700
#: Shares of the facilities of the prefecture's density that the province's lists keep.
_KEPT: Final = {
    "日间照料中心": 0.31,
    "居家养老服务中心": 0.16,
    "农村互助照料中心": 0.32,
    "幸福院": 0.32,
    "养老机构": 0.5,
    "党群服务中心": 0.27,
    "社会救助服务站": 0.22,
    "幼儿园": 0.4,
    "小学": 0.55,
    "卫生室": 0.3,
    "精神障碍社区康复服务": 0.6,
    "儿童之家": 0.4,
    "农村公益性公墓": 0.62,
    "福彩投注站": 0.13,
    "住宅小区": 0.11,
    "康复辅具租赁点": 0.3,
    "散坟": 0.35,
}
#: How much a county's lists differ from these shares.
_LEAST, _MOST = 0.5, 1.5
_CHILDREN: Final = (
    "设施编号", "设施名称", "设施类别", "所属区县", "所属乡镇", "所属社区代码", "经度",
    "纬度", "床位数", "建筑面积", "工作人员数", "儿童督导员数", "工作专干", "服务功能",
    "容纳人数", "儿童主任", "状态", "启用日期", "停用日期", "设施级别",
    "已新建或提档升级",
)  # fmt: skip


@dataclass(frozen=True)
class Tables:
    """Rows by the name of their table, and what zones are drawn around."""

    rows: dict[str, list[Row]]
    burial: list[Row]


def list_tables(ground: Ground, k: int) -> Tables:
    """Return all tables of a county: facilities, attributes, population, figures."""
    places = ground.land.places
    areas = list_areas(ground, chance(20, k))
    burial = add_funeral(list_funeral(ground, chance(21, k)), ground, chance(22, k))
    children = add_children(list_children(ground, chance(25, k)))
    civic = add_civic(list_civic(ground, chance(26, k)), chance(27, k))
    further = list_further(ground, areas.hardship, chance(28, k))
    thin = chance(29, k)
    factor = float(thin.uniform(_LEAST, _MOST))
    # thinned before some rows are spoiled, so that these are there
    placed = list(_thinned(place_elderly(ground, chance(23, k)), factor, thin))
    elderly = add_elderly(finish_elderly(placed, places), chance(24, k))
    rows = {
        "facilities_elderly": elderly,
        "facilities_children": list(_thinned(_squared(children), factor, thin)),
        "facilities_funeral": list(_thinned(burial, factor, thin)),
        "facilities_civic": list(_thinned(civic, factor, thin)),
        "facilities_further": list(_thinned(further, factor, thin)),
    }
    hidden = {
        c.code
        for i, c in enumerate(places.communities)
        if (i + 131 * k) % _HIDDEN_EVERY == 350
    }
    finest, above = population_rows(places, ground.people, hidden=hidden)
    rows |= {"population": finest, "population_above": above}
    rows |= _areas(areas)
    rows["statistics"] = list(_figures(ground))
    return Tables(rows, burial)


def text_of(rows: Sequence[Row]) -> str:
    """Return rows as lines of CSV, headers first."""
    return csv_text(rows, list(rows[0])) if rows else ""


def count_people(ground_codes: Sequence[str], people: IntArray, k: int) -> People:
    """Return the counts of all groups of a county's communities."""
    urban = np.array([is_urban(code) for code in ground_codes])
    return count_groups(tuple(ground_codes), people, urban, chance(30, k))


def _squared(rows: Sequence[Row]) -> list[Row]:
    """Give all rows the same columns."""
    return [{header: row.get(header) for header in _CHILDREN} for row in rows]


def _thinned(
    rows: Sequence[Row], factor: float, rng: np.random.Generator
) -> Iterator[Row]:
    """Yield the rows that are kept, of each category its share."""
    for row, draw in zip(rows, rng.random(len(rows)), strict=True):
        category = str(row["设施类别"])
        if category not in _KEPT or draw < factor * _KEPT[category]:
            yield row


def _areas(areas: AreaTables) -> dict[str, list[Row]]:
    return {
        "attributes_county": areas.counties,
        "attributes_township": areas.townships,
        "attributes_community": areas.communities,
    }


@lru_cache(maxsize=1)
def _template() -> tuple[tuple[dict[str, str], ...], ...]:
    """Return the figures of the three counties of the prefecture."""
    source = resources.files("yikezhong_geodata.demo") / "data" / "statistics.csv"
    rows = list(csv.DictReader(source.read_text(encoding="utf-8").splitlines()))
    codes = sorted({row["区划代码"] for row in rows})
    return tuple(tuple(r for r in rows if r["区划代码"] == code) for code in codes)


def _figures(ground: Ground) -> Iterator[Row]:
    """Yield the imported figures of a county: another's, to the scale of its people."""
    places = ground.land.places
    model = _template()[places.first % len(_template())]
    scale = float(ground.people.people.sum()) / 600_000.0
    for row in model:
        new: Row = dict(row)
        new["区划代码"] = places.top.code
        if row["分子"] and row["分母"]:
            whole = max(1, round(int(row["分母"]) * scale))
            share = int(row["分子"]) / int(row["分母"])
            new["分子"], new["分母"] = round(whole * share), whole
        yield new
