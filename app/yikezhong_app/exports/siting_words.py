"""What a siting plan says, as sentences computed from its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from yikezhong_app.exports.rate_classes import percent
from yikezhong_app.exports.wording import amount, count_words, plain_number
from yikezhong_app.words import PROFILE_NAMES, category_names
from yikezhong_geodata.plans.rule_shapes import ZONE_CLASSES

_MOST_NAMES: Final = 12
MODEL_NAMES: Final[Mapping[str, str]] = {
    "maximum_cover": "最大覆盖（整数规划）",
    "minimum_sites": "集合覆盖（整数规划）",
    "area_target": "区域达标的最省行动（整数规划）",
    "p_median": "p-中位",
    "p_center": "p-中心",
    "capacitated_cover": "有容量的最大覆盖（整数规划与最大流）",
    "worst_first": "字典序最大最小（整数规划）",
}
Plan = Mapping[str, Any]


def goal_words(record: Plan, request: Mapping[str, Any]) -> str:
    """Return what was asked for.

    Examples
    --------
    >>> record = {"goal": "max_people", "target": None}
    >>> goal_words(record, {"n": 3})
    '以不超过 3 处新设施覆盖最多的人'
    """
    goal = record["goal"]
    if goal == "target":
        target = record["target"]
        return (
            f"以最少的新设施使“{target['name']}”达到 {_share(target['share'])}"
            if request.get("site_cost") is None and request.get("upgrade_cost") is None
            else f"以最低的费用使“{target['name']}”达到 {_share(target['share'])}"
        )
    if goal == "min_sites":
        least = "最低的费用" if record["objective_unit"] == "cost" else "最少的新设施"
        return f"以{least}使覆盖率达到 {_share(request['share'])}"
    if goal in ("p_median", "p_center"):
        wanted = "平均时间最短" if goal == "p_median" else "最远者的时间最短"
        return f"以 {request['n']} 处新设施使到最近设施的{wanted}"
    means = (
        f"不超过 {request['n']} 处新设施"
        if request.get("n") is not None
        else f"不超过 {plain_number(request['budget'])} 的预算"
    )
    if request.get("worst_first"):
        return f"以{means}使覆盖率最低的乡镇尽可能提高，再使覆盖的人最多"
    fair = request.get("least_share")
    rest = f"，且每个乡镇的覆盖率不低于 {_share(fair)}" if fair else ""
    return f"以{means}覆盖最多的人{rest}"


def plan_sentences(record: Plan, request: Mapping[str, Any]) -> list[str]:
    """Return the paragraphs of a plan, in order."""
    found = [
        _asked(record, request),
        *_gained(record),
        _target(record),
        *_fairness(record),
        _capacity(record),
        proof_words(record),
        left_words(record),
    ]
    return [text for text in found if text]


def _asked(record: Plan, request: Mapping[str, Any]) -> str:
    way = PROFILE_NAMES.get(record["profile"], "")
    planned = "（含计划中的设施）" if record["counts_planned"] else ""
    # what was computed before areas were asked about has none
    area = record.get("area_name")
    inside = f"只计{area}的人口与候选点，界外设施照样服务。" if area else ""
    text = (
        f"本方案{goal_words(record, request)}。{inside}服务为“{record['service_name']}”，"
        f"{way} {record['minutes']:g} 分钟以内为覆盖，服务人群为{record['group_name']}；"
        f"现有设施 {record['n_existing']} 处{planned}全部计入。"
        f"候选点 {record['n_candidates']:,} 个，可用 {record['n_allowed']:,} 个，"
        f"选出 {record['n_sites']} 处。"
    )
    if record["cost"] is not None:
        text += f"费用合计 {plain_number(record['cost'])}。"
    return text


def _gained(record: Plan) -> list[str]:
    """Return a sentence for each service: before, after, and the difference."""
    several = len(record["services"]) > 1
    found = []
    for one in record["services"]:
        before, after = one["baseline"], one["after"]
        name = f"“{one['service_name']}”：" if several else ""
        found.append(
            f"{name}{one['group_name']} {amount(before['total'])}，现状覆盖 "
            f"{amount(before['covered'])}，覆盖率 {percent(before['rate'])}；方案建成后"
            f"覆盖 {amount(after['covered'])}，覆盖率 {percent(after['rate'])}，新增 "
            f"{amount(after['covered'] - before['covered'])}。"
        )
    return found


def _target(record: Plan) -> str:
    target = record["target"]
    if not target:
        return ""
    verdict = "达到目标" if target["met"] else "未达到目标"
    names = "、".join(str(area["name"]) for area in target["gained"][:_MOST_NAMES])
    more = (
        f"等 {len(target['gained'])} 个" if len(target["gained"]) > _MOST_NAMES else ""
    )
    return (
        f"“{target['name']}”：应计 {target['n_area']} 个，现有 {target['before']} 个"
        f"（{percent(target['rate_before'])}），目标 {_share(target['share'])} 即 "
        f"{target['wanted']} 个；方案建成后 {target['after']} 个"
        f"（{percent(target['rate_after'])}），{verdict}。"
        + (f"新增达标：{names}{more}。" if names else "")
    )


def _fairness(record: Plan) -> list[str]:
    fair = record["fairness"]
    if not fair or not fair["levels"]:
        return []
    levels = fair["levels"]
    n_proven = sum(level["proven"] for level in levels)
    lowest = levels[0]
    proof = (
        "各级均已证明不能再高"
        if n_proven == len(levels)
        else f"其中最低的 {n_proven} 级已证明不能再高"
        if n_proven
        else "是否还能更高，在时限内没有证明"
    )
    text = (
        f"公平：方案建成后，覆盖率最低的乡镇为 {percent(lowest['rate'])}"
        f"（{lowest['n_townships']} 个）；由低到高共 {len(levels)} 级，{proof}。"
    )
    if fair["n_fixed"]:
        text += f"另有 {fair['n_fixed']} 个乡镇，任何候选点都不能提高其覆盖率。"
    return [text]


def _capacity(record: Plan) -> str:
    places = record["capacity"]
    if not places:
        return ""
    return (
        f"容量：统筹安排时，现状最多 {amount(places['assigned_before'])}有位，方案建成后"
        f" {amount(places['assigned_after'])}，安排已逐一核对，不超过人数与容量；按就近"
        f"先得计算，现状为 {amount(places['nearest_first_before'])}，方案建成后为 "
        f"{amount(places['nearest_first_after'])}。"
    )


def proof_words(record: Plan) -> str:
    """Return how far the plan can be from the best one.

    Examples
    --------
    >>> plan = {"objective": 4.0, "bound": 4.0, "proven": True, "gap": 0.0,
    ...         "objective_unit": "sites", "tolerance": 0.0}
    >>> proof_words(plan)
    '已证明最优：目标值 4 处，界 4 处，没有满足同样条件而更好的方案。'
    """
    unit = str(record["objective_unit"])
    value = value_words(record["objective"], unit)
    if record["proven"]:
        bound = value_words(record["bound"], unit)
        text = f"已证明最优：目标值 {value}，界 {bound}，没有满足同样条件而更好的方案"
        if record["tolerance"]:
            text += f"（证明的容差为 {record['tolerance']:.2g}）"
        return text + "。"
    if record.get("fairness"):
        return (
            "计算时限内没有全部证明：由低到高各级证明到何处见上；在这些级别相同的方案中，"
            f"覆盖人数（{value}）没有证明最多。"
        )
    if record["gap"] is None or record["bound"] is None:
        return f"计算时限内没有证明最优：目标值 {value}，与最优的差距尚不知道。"
    bound = value_words(record["bound"], unit)
    return (
        f"计算时限内没有证明最优：目标值 {value}，界 {bound}，"
        f"与最优相差不超过 {record['gap']:.2%}。"
    )


def value_words(value: float, unit: str) -> str:
    """Return a value of an objective with its unit.

    Examples
    --------
    >>> value_words(1234.4, "people"), value_words(3.0, "sites"), value_words(90, "seconds")
    ('1,234 人', '3 处', '1.5 分钟')
    """
    if unit == "people":
        return amount(value)
    if unit == "weighted_people":
        return f"{count_words(value)} 人（加权）"
    if unit == "sites":
        return f"{value:g} 处"
    if unit == "seconds":
        return f"{value / 60:.1f} 分钟"
    if unit == "person_seconds":
        return f"{value / 60:,.0f} 人·分钟"
    return plain_number(value)


def left_words(record: Plan) -> str:
    """Return who stays without, and where most of them live."""
    left = record["without"]
    if not left["people"]:
        return "方案建成后，服务人群全部覆盖。"
    rows = [row for row in left["rows"] if row["name"]]
    reasons: dict[str, float] = {}
    for row in left["rows"]:
        reasons[row["reason_name"]] = reasons.get(row["reason_name"], 0) + row["people"]
    parts = "；".join(
        f"{name} {amount(people)}"
        for name, people in sorted(reasons.items(), key=lambda item: -item[1])
    )
    most = "、".join(dict.fromkeys(row["name"] for row in rows[:5]))
    text = f"方案建成后仍有 {amount(left['people'])}未覆盖：{parts}。"
    return text + (f"人数较多的乡镇有{most}。" if most else "")


def zone_words(names: str) -> str:
    """Return classes of zones, joined by ``、``, in words; others stay as they are.

    Examples
    --------
    >>> zone_words("river、roads"), zone_words("不在“farmland”内")
    ('河道、道路', '不在“耕地”内')
    """
    known = {**ZONE_CLASSES, "roads": "道路"}

    def word(name: str) -> str:
        kind, _, category = name.partition(":")
        if kind == "facilities":
            return f"设施（{category_names().get(category, category)}）"
        for mark in ("不在“", "”内"):
            name = name.replace(mark, "")
        return known.get(name, name)

    return "、".join(
        f"不在“{word(name)}”内" if name.startswith("不在") else word(name)
        for name in names.split("、")
    )


def _share(share: float) -> str:
    return f"{plain_number(share * 100)}%"
