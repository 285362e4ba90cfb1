"""What an entry of a register may say."""

from __future__ import annotations

from typing import Any, Final

from yikezhong_coverage.rules.records import LEVELS
from yikezhong_geodata.columns import KINDS, LEVEL_NAMES
from yikezhong_geodata.plans.examiner import Examiner, near_or_all
from yikezhong_geodata.plans.rule_shapes import RULES, check_target
from yikezhong_geodata.plans.selector_shapes import check_eligible

CLASSES: Final = ("A", "B", "A+B", "C")
NATURES: Final = ("约束性", "预期性")
REQUIRED: Final = ("id", "name", "class", "unit", "rule", "clause")
OPTIONAL: Final = (
    *("english", "kinds", "eligible", "with", "target", "nature", "baselines"),
    *("baseline_of", "part_of", "conflicts_with", "statistic", "reading"),
)
#: Kinds of division by their level.
KINDS_OF: Final = {
    "township": ("subdistrict", "town", "rural_township", "township_unit"),
    "community": ("urban_community", "village", "community_unit"),
}
_TARGET_KEYS: Final = ("comparison", "value", "unit")
_BASELINE_KINDS: Final = ("actual", "target")


def check_entry(ex: Examiner, entry: dict[str, Any], *, plan_level: str) -> None:
    """Check one entry, its readings filled in.

    Parameters
    ----------
    ex : Examiner
        Takes the mistakes; its ``base`` is the entry.
    entry : dict
    plan_level : str
        Level of the plan's own area.
    """
    ex.table(entry, (), required=REQUIRED, optional=OPTIONAL)
    for key in ("name", "english", "statistic", "reading"):
        if key in entry:
            ex.text(entry[key], (key,))
    if "class" in entry:
        ex.choice(entry["class"], ("class",), CLASSES, what="类别")
    if entry.get("nature") is not None:
        ex.choice(entry["nature"], ("nature",), NATURES, what="属性")
    unit = _check_unit(ex, entry, plan_level)
    _check_areas(ex, entry, unit)
    if "clause" in entry:
        _check_clause(ex, entry["clause"])
    _check_baselines(ex, entry.get("baselines", []))
    _check_rule(ex, entry, unit, plan_level)


def _check_unit(ex: Examiner, entry: dict[str, Any], plan_level: str) -> str | None:
    if "unit" not in entry:
        return None
    unit = ex.choice(entry["unit"], ("unit",), LEVELS, what="层级")
    if unit is not None and LEVELS.index(unit) < LEVELS.index(plan_level):
        ex.add(
            ("unit",),
            f"计算层级“{LEVEL_NAMES[unit]}”高于规划本级“{LEVEL_NAMES[plan_level]}”",
            "请改为本级或以下",
        )
    return unit


def _check_areas(ex: Examiner, entry: dict[str, Any], unit: str | None) -> None:
    kinds = entry.get("kinds")
    if kinds is not None and unit is not None:
        known = KINDS_OF.get(unit, ())
        for index, kind in enumerate(kinds if isinstance(kinds, list) else []):
            if isinstance(kind, str) and kind in KINDS and kind not in known:
                ex.add(
                    ("kinds", index),
                    f"“{KINDS[kind]}”不属于计算层级“{LEVEL_NAMES[unit]}”，分母的层级不符",
                    near_or_all("", known) or "该层级不分类型，请删去 kinds",
                )
            elif kind not in known:
                hint = near_or_all(str(kind), known)
                ex.add(("kinds", index), f"不认识的区划类型“{kind}”", hint)
        if not isinstance(kinds, list) or not kinds:
            ex.add(("kinds",), "应为区划类型的列表（方括号）")
    if entry.get("eligible") is not None:
        check_eligible(ex, entry["eligible"], ("eligible",), kinds=kinds)


def _check_clause(ex: Examiner, value: Any) -> None:
    path = ("clause",)
    table = ex.table(
        value, path, required=("chapter", "phrase"), optional=("document",)
    )
    for key, text in (table or {}).items():
        ex.text(text, ("clause", key))


def _check_baselines(ex: Examiner, value: Any) -> None:
    if not isinstance(value, list):
        ex.add(("baselines",), "应为基期数值的列表")
        return
    for index, item in enumerate(value):
        here = ("baselines", index)
        table = ex.table(item, here, required=("year", "value"), optional=("kind",))
        if table is None:
            continue
        ex.whole(table.get("year"), (*here, "year"), least=1949)
        ex.decimal(table.get("value"), (*here, "value"))
        if "kind" in table:
            ex.choice(table["kind"], (*here, "kind"), _BASELINE_KINDS, what="基期类型")


def _check_rule(
    ex: Examiner, entry: dict[str, Any], unit: str | None, plan_level: str
) -> None:
    if "rule" not in entry:
        return
    rule = ex.choice(entry["rule"], ("rule",), RULES, what="规则")
    if rule is None:
        return
    shape = RULES[rule]
    path = ("with",)
    with_ = entry.get("with", {})
    before = len(ex.mistakes)
    table = ex.table(with_, path, required=shape.required, optional=shape.optional)
    if table is not None and len(ex.mistakes) == before:
        shape.check(ex, table, path)
    if rule == "statistic" and not entry.get("statistic"):
        ex.add((), "缺少“statistic”", "请说明要导入的统计数据，如“分子 ÷ 分母”")
    target = entry.get("target")
    if target is None:
        return
    optional = ("year", "by", "levels")
    found = ex.table(target, ("target",), required=_TARGET_KEYS, optional=optional)
    if found is None:
        return
    check_target(ex, found, rule=rule, with_=table or {})
    if found.get("year") is not None:
        ex.whole(found["year"], ("target", "year"), least=1949)
    if found.get("by") is not None:
        ex.date(found["by"], ("target", "by"))
    if unit is not None and "levels" in found:
        _check_levels(ex, found["levels"], unit, plan_level)


def _check_levels(ex: Examiner, value: Any, unit: str, plan_level: str) -> None:
    path = ("target", "levels")
    levels = ex.choices(value, path, LEVELS, what="层级")
    for index, level in enumerate(levels or ()):
        if LEVELS.index(level) > LEVELS.index(unit):
            reason = f"判定层级“{LEVEL_NAMES[level]}”低于计算层级“{LEVEL_NAMES[unit]}”"
            ex.add((*path, index), reason, "数值只向上汇总，请改为计算层级或以上")
        elif LEVELS.index(level) < LEVELS.index(plan_level):
            reason = f"判定层级“{LEVEL_NAMES[level]}”高于规划本级"
            ex.add((*path, index), reason, "请改为规划本级或以下")
