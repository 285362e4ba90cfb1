"""A scenario as a paper: what it changes, who gains and loses, what turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from yikezhong_app.exports.rate_classes import percent
from yikezhong_app.exports.scope import find_scope
from yikezhong_app.exports.sheets import Column
from yikezhong_app.exports.view import MapData, MapView, service_facilities
from yikezhong_app.exports.wording import DASH, amount, plain_number
from yikezhong_app.plan_words import STATUS_NAMES
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row, to_rows
from yikezhong_app.scenarios.storing import read_asked, read_manifest, read_table
from yikezhong_app.words import (
    LEVEL_NAMES,
    PROFILE_NAMES,
    category_names,
    function_names,
)
from yikezhong_geodata.columns import FACILITY_STATUS

_ACTIONS: Mapping[str, str] = {
    "add": "新增设施",
    "move": "迁移设施",
    "close": "关闭设施",
    "change": "修改设施",
    "close_area": "关闭范围内的设施",
    "add_road": "新增道路",
    "close_road": "封闭道路",
}

_MEMBERS: Mapping[str, str] = {
    "category": "类别",
    "categories": "类别",
    "functions": "服务功能",
    "add_functions": "增加功能",
    "remove_functions": "取消功能",
    "status": "状态",
    "lon": "经度",
    "lat": "纬度",
    "beds": "床位",
    "nursing_beds": "护理型床位",
    "places": "托位",
    "plots": "墓位",
    "floor_area_m2": "建筑面积（平方米）",
    "staff": "人员",
    "polygon": "范围",
    "from": "起点",
    "to": "终点",
    "class": "道路等级",
    "speed_kmh": "限速（公里/小时）",
    "profiles": "出行方式",
    "edge": "路段",
}


@dataclass(frozen=True, eq=False)
class ScenarioPaper:
    """A kept scenario with the baseline it was compared with.

    Parameters
    ----------
    catalog : Catalog
        Of the baseline.
    manifest : mapping
    changes : list of mapping
        What was asked for.
    comparison, indicators : DataFrame or None
        Tables of the scenario; None where it has none.
    """

    catalog: Catalog
    manifest: Mapping[str, Any]
    changes: list[Row]
    comparison: pd.DataFrame | None
    indicators: pd.DataFrame | None

    @property
    def place(self) -> str:
        """Name of the whole study."""
        return find_scope(self.catalog, None).name

    @property
    def name(self) -> str:
        """What the paper is called, without the place."""
        return f"方案“{self.manifest['name']}”比较"

    @cached_property
    def rows(self) -> list[Row]:
        """Comparison of each service's own people by division, without counts of none."""
        if self.comparison is None:
            return []
        own = {s["id"]: s["group"] for s in self.manifest["services"]}
        table = self.comparison
        mine = table["service"].astype(str).map(own) == table["denominator"].astype(str)
        rows = to_rows(table[mine & (table["variant"] == "with_neighbours")])
        services = {s["id"]: s["name"] for s in self.manifest["services"]}
        names = {row["code"]: row["name"] for row in self.catalog.divisions}
        return [
            {
                **row,
                "name": names.get(row["code"]),
                "service_name": services[row["service"]],
                "level_name": LEVEL_NAMES.get(row["level"], row["level"]),
            }
            for row in rows
        ]

    def at(self, level: str, *, changed: bool = False) -> list[Row]:
        """Return the rows of a level, those with gains or losses only if asked."""
        return [
            row
            for row in self.rows
            if row["level"] == level and (not changed or row["gained"] or row["lost"])
        ]

    @cached_property
    def turned(self) -> list[Row]:
        """Indicators whose verdict changes."""
        if self.indicators is None:
            return []
        names = {row["code"]: row["name"] for row in self.catalog.divisions}
        return [
            {**row, "division": names.get(row["code"])}
            for row in to_rows(self.indicators)
            if row["turned"]
        ]

    def sentences(self) -> list[str]:
        """Return what the scenario does, in sentences computed from its tables."""
        manifest = self.manifest
        first = (
            f"方案“{manifest['name']}”共 {len(self.changes)} 项改动，与 "
            f"{manifest['as_of']} 的现状（成果版本 {manifest['baseline_version']}）比较。"
        )
        found = [first]
        if manifest.get("note"):
            found.append(f"说明：{manifest['note']}")
        for row in manifest["summary"]:
            if row["gained"] or row["lost"]:
                found.append(
                    f"{row['name']}“{row['service_name']}”：覆盖率由 "
                    f"{percent(row['rate_before'])} 变为 {percent(row['rate_after'])}，"
                    f"新增覆盖 {amount(row['gained'])}，失去覆盖 {amount(row['lost'])}。"
                )
        if len(found) == 1 + bool(manifest.get("note")):
            found.append("各项服务的覆盖没有变化。")
        if self.indicators is not None:
            found.append(self._turned_words())
        return found

    def _turned_words(self) -> str:
        if not self.turned:
            return "没有规划指标的结论因此改变。"
        better = sum(row["status_after"] == "met" for row in self.turned)
        return f"规划指标的结论改变 {len(self.turned)} 项，其中由未达到变为达到 {better} 项。"

    def map_data(self) -> MapData | None:
        """Return the rates after, by township, of the service that changes most."""
        level = "township" if self.at("township") else None
        if level is None:
            return None
        sums: dict[str, float] = {}
        for row in self.at(level):
            change = (row["gained"] or 0.0) + (row["lost"] or 0.0)
            sums[row["service"]] = sums.get(row["service"], 0.0) + change
        chosen = max(sums, key=lambda service: (sums[service], service))
        service = self.catalog.check_service(chosen)
        rows = [row for row in self.at(level) if row["service"] == chosen]
        covered = sum(row["covered_after"] or 0.0 for row in rows)
        total = sum(row["total"] or 0.0 for row in rows)
        group = str(service["group"])
        new = [c for c in self.changes if c["action"] == "add"]
        return MapData(
            view=MapView(
                service=chosen,
                minutes=service["limit_s"] / 60,
                level="township",
                denominator=group,
            ),
            scope=find_scope(self.catalog, None),
            service=service,
            rates={row["code"]: {"rate": row["rate_after"]} for row in rows},
            whole={
                "covered": covered,
                "total": total,
                "rate": covered / total if total else None,
            },
            denominator_name=self.catalog.denominator_names.get(group, group),
            facilities=service_facilities(self.catalog, service),
            sites=[{**c, "rank": i} for i, c in enumerate(new, 1)],
            heading=f"{self.place} · {self.name} · {service['name']}",
            caption="方案实施后的覆盖率",
        )

    def parameters(self) -> list[Row]:
        """Return what identifies the scenario, line by line."""
        manifest = self.manifest
        lines = [
            ("名称", manifest["name"]),
            ("编号", manifest["id"]),
            ("作者", manifest.get("author")),
            ("说明", manifest.get("note")),
            ("计算时间", manifest["created"]),
            ("现状版本", manifest["baseline_version"]),
        ]
        return [{"part": "方案", "name": name, "value": v} for name, v in lines]


def open_scenario_paper(catalog: Catalog, out_dir: Path, id_: str) -> ScenarioPaper:
    """Return a kept scenario; ``catalog`` is that of its baseline.

    Raises
    ------
    SnapshotMissingError, SnapshotCorruptError
        If there is no such scenario, or it is damaged.
    """
    manifest = read_manifest(out_dir, id_)

    def table(name: str) -> pd.DataFrame | None:
        return read_table(out_dir, id_, name) if name in manifest["tables"] else None

    document = read_asked(out_dir, id_).document
    return ScenarioPaper(
        catalog,
        manifest,
        list(document["changes"]),
        table("comparison"),
        table("indicators"),
    )


def change_columns() -> list[Column]:
    """Return the columns of what a scenario changes."""
    return [
        Column("改动", 14, "mid", lambda r: _ACTIONS.get(r["action"], r["action"])),
        Column("编号", 16, "text", lambda r: r.get("id")),
        Column("名称", 26, "wrap", lambda r: r.get("name")),
        Column("内容", 60, "wrap", _content),
    ]


def comparison_columns() -> list[Column]:
    """Return the columns of divisions before and after."""
    return [
        Column("代码", 17, "mid", "code"),
        Column("区划", 18, "wrap", "name"),
        Column("服务", 20, "wrap", "service_name"),
        Column("服务人群", 12, "count", "total"),
        Column("现状覆盖率", 10, "rate", "rate_before"),
        Column("方案覆盖率", 10, "rate", "rate_after"),
        Column("新增覆盖", 11, "count", "gained"),
        Column("失去覆盖", 11, "count", "lost"),
    ]


def turned_columns() -> list[Column]:
    """Return the columns of the indicators whose verdict changes."""
    return [
        Column("编号", 12, "mid", "indicator_id"),
        Column("指标", 36, "wrap", "name"),
        Column("区划", 18, "wrap", "division"),
        Column("现状", 11, "mid", lambda r: STATUS_NAMES.get(r["status_before"], DASH)),
        Column("方案", 11, "mid", lambda r: STATUS_NAMES.get(r["status_after"], DASH)),
        Column("现状数值", 11, "number", "value_before"),
        Column("方案数值", 11, "number", "value_after"),
    ]


def _content(change: Row) -> str:
    """Return what a change says besides its kind, id and name."""
    parts = []
    for key, value in change.items():
        if key in ("action", "id", "name") or value is None or value == []:
            continue
        parts.append(f"{_MEMBERS.get(key, key)}：{_member_words(key, value)}")
    return "；".join(parts)


def _member_words(key: str, value: Any) -> str:
    if key == "category":
        return str(category_names().get(value, value))
    if key == "status":
        return str(FACILITY_STATUS.get(value, value))
    if key.endswith("functions"):
        names = function_names()
        return "、".join(names.get(word, word) for word in value)
    if key == "categories":
        return "、".join(category_names().get(word, word) for word in value)
    if key == "profiles":
        return "、".join(PROFILE_NAMES.get(word, word) for word in value)
    if key in ("from", "to"):
        return f"{value[0]:.6f}, {value[1]:.6f}"
    if isinstance(value, (list, tuple)):
        return f"{len(value)} 项"
    if isinstance(value, (int, float)):
        return f"{value:.6f}" if key in ("lon", "lat") else plain_number(value)
    return str(value)
