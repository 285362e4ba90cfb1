"""A siting plan as a paper: its title, map and the lines of its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from yikezhong_app.exports.scope import Scope, find_scope
from yikezhong_app.exports.siting_words import (
    MODEL_NAMES,
    goal_words,
    value_words,
    zone_words,
)
from yikezhong_app.exports.view import MapData, MapView, service_facilities
from yikezhong_app.reading.catalog import Catalog
from yikezhong_app.reading.records import Row
from yikezhong_app.web.request_errors import ParameterError
from yikezhong_app.words import category_names

#: Places in the words of the request.
SOURCE_NAMES: Final[Mapping[str, str]] = {
    "generated": "缺口附近道路旁",
    "community_centres": "社区（村）驻地",
    "upgrade": "可补充功能的现有设施",
    "points": "给定的点",
    "layer": "候选点图层",
}


@dataclass(frozen=True, eq=False)
class SitingPaper:
    """A computed plan with the result it was computed on.

    Parameters
    ----------
    catalog : Catalog
        Of the version the plan was computed on.
    record : mapping
        From :func:`yikezhong_app.siting.plan_record.plan_record`.
    request : mapping
        What was asked for, without the values nobody gave.
    """

    catalog: Catalog
    record: Mapping[str, Any]
    request: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.catalog.version != self.record["version"]:
            raise ParameterError(
                "选址方案不是按这个成果版本计算的",
                parameter="version",
                available=[str(self.record["version"])],
            )

    @property
    def scope(self) -> Scope:
        """The division of a target, else the whole study."""
        target = self.record["target"]
        return find_scope(self.catalog, target["code"] if target else None)

    @property
    def name(self) -> str:
        """What the plan is for, without the place."""
        target = self.record["target"]
        if target:
            return f"{target['name']}达标选址方案"
        return f"{self.record['service_name']}选址方案"

    @property
    def title(self) -> str:
        """Place and plan."""
        return f"{self.scope.name}{self.name}"

    def map_data(self) -> MapData:
        """Return the rates after the plan, by township, with facilities and sites."""
        record, catalog, scope = self.record, self.catalog, self.scope
        service = catalog.check_service(record["service"])
        rows = {
            row["code"]: {"rate": row["rate_after"]}
            for row in record["townships"]
            if row["code"] in scope.codes
        }
        after = record["after"]
        if scope.code is not None:
            inside = [r for r in record["townships"] if r["code"] in rows]
            covered, total = (sum(r[k] for r in inside) for k in ("after", "total"))
            after = {"covered": covered, "total": total}
            after["rate"] = covered / total if total else None
        layers = ("facilities", "roads", "labels")
        view = MapView(
            service=record["service"],
            minutes=record["minutes"],
            level="township",
            denominator=record["group"],
            code=scope.code,
            layers=layers,
        )
        return MapData(
            view=view,
            scope=scope,
            service=service,
            rates=rows,
            whole=after,
            denominator_name=record["group_name"],
            facilities=service_facilities(catalog, service),
            sites=list(record["sites"]),
            heading=f"{scope.name} · {self.name}",
            caption=f"方案建成后的{record['group_name']}覆盖率",
        )

    def parameters(self) -> list[Row]:
        """Return what was asked for and how it was computed, line by line."""
        record, unit = self.record, str(self.record["objective_unit"])
        lines: list[tuple[str, object]] = [
            ("目标", goal_words(record, self.request)),
            ("服务", f"{record['service_name']}（{record['minutes']:g} 分钟）"),
            ("人群", record["group_name"]),
        ]
        for one in record["services"][1:]:
            words = (
                f"{one['service_name']}（{one['minutes']:g} 分钟，{one['group_name']}）"
            )
            lines.append(("同时提供的服务", words))
        if len(record["services"]) > 1:
            words = "；".join(
                f"{one['service_name']} {one['weight']}" for one in record["services"]
            )
            lines.append(("每覆盖一人的权重", words))
        lines += _asked_lines(self.request)
        lines += [
            ("计入计划中的设施", "是" if record["counts_planned"] else "否"),
            ("现有设施", f"{record['n_existing']} 处"),
            (
                "候选点",
                f"{record['n_candidates']} 个，可用 {record['n_allowed']} 个",
            ),
            *(
                (f"排除：{zone_words(row['reason'])}", f"{row['n']} 个")
                for row in record["excluded"]
            ),
            ("模型", MODEL_NAMES.get(record["model"], record["model"])),
            ("目标值", value_words(record["objective"], unit)),
            (
                "界",
                "未知"
                if record["bound"] is None
                else value_words(record["bound"], unit),
            ),
            ("证明", "已证明最优" if record["proven"] else "未证明最优"),
            ("证明的容差", f"{record['tolerance']:.3g}"),
            ("计算用时", f"{record['seconds']:.1f} 秒"),
        ]
        return [{"part": "选址", "name": name, "value": v} for name, v in lines]


def source_words(source: str) -> str:
    """Return a source of candidates in words.

    Examples
    --------
    >>> source_words("community_centres"), source_words("category:day_care")
    ('社区（村）驻地', '现有日间照料所在处')
    """
    kind, _, category = source.partition(":")
    if kind == "category":
        return f"现有{category_names().get(category, category)}所在处"
    return SOURCE_NAMES.get(source, source)


def _asked_lines(request: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Return the parameters somebody gave, those of zones with their distances."""
    sources = str(request.get("candidates", "community_centres")).split("+")
    lines: list[tuple[str, object]] = [
        ("候选点来源", "、".join(source_words(source) for source in sources))
    ]
    for key, name in (
        ("n", "设施个数上限"),
        ("budget", "总预算"),
        ("site_cost", "每处费用"),
        ("upgrade_cost", "补充功能的每处费用"),
        ("capacity", "每处容量"),
        ("share", "比例"),
        ("least_share", "每个乡镇的最低覆盖率"),
        ("indicator", "指标"),
        ("area", "区划"),
        ("sites_per_year", "每年建设个数"),
        ("budget_per_year", "每年预算"),
        ("time_limit_s", "计算时限（秒）"),
    ):
        if request.get(key) is not None:
            value = request[key]
            lines.append(
                (name, "、".join(f"{v:g}" for v in value))
                if isinstance(value, (list, tuple))
                else (name, f"{value:g}" if isinstance(value, float) else value)
            )
    if request.get("worst_first"):
        lines.append(("公平", "覆盖率最低的乡镇优先"))
    for key, name in (("exclude", "禁建区"), ("require", "适建条件")):
        for zone in request.get(key) or ():
            far = f"{zone['distance_m']:g} 米" if zone["distance_m"] else "其内"
            lines.append((f"{name}：{zone_words(zone['zone'])}", far))
    for key, name in (("forced", "必选"), ("forbidden", "不选")):
        if request.get(key):
            lines.append((name, "、".join(request[key])))
    return lines
