"""What the parameters (``with:``) and the target of each rule may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from yikezhong_coverage.rules.records import COMPARISONS, LEVELS
from yikezhong_geodata.columns import GROUPS
from yikezhong_geodata.plans.examiner import Examiner
from yikezhong_geodata.plans.marked_yaml import Path_
from yikezhong_geodata.plans.selector_shapes import (
    check_having,
    check_presence_item,
    check_selector,
    check_selectors,
    numeric,
)

#: Units of targets, with their Chinese names.
UNITS: Final[Mapping[str, str]] = {
    "share": "%",
    "facilities": "处",
    "beds": "张",
    "plots": "个",
    "persons": "人",
    "households": "户",
    "m2": "平方米",
    "yuan": "元",
    "years": "年",
    "m2_per_100_households": "平方米/百户",
    "m2_per_person": "平方米/人",
    "persons_per_100_beds": "人/百张床位",
    "persons_per_1000_older": "人/千名老年人",
    "beds_per_1000_older": "张/千名老年人",
    "amount": "",
}
#: Scale that a unit implies.
_SCALES: Final[Mapping[str, int]] = {
    "share": 1,
    "m2_per_person": 1,
    "m2_per_100_households": 100,
    "persons_per_100_beds": 100,
    "persons_per_1000_older": 1000,
    "beds_per_1000_older": 1000,
}
_PER: Final = (
    "m2_per_100_households",
    "m2_per_person",
    "persons_per_100_beds",
    "persons_per_1000_older",
    "beds_per_1000_older",
    "amount",
)
_SUMS: Final = ("beds", "plots", "persons", "households", "m2", "amount")

#: Zones in which burial may be forbidden, with their Chinese names.
ZONE_CLASSES: Final[Mapping[str, str]] = {
    "farmland": "耕地",
    "highway": "高速公路和公路干线",
    "expressway": "高速公路",
    "trunk_road": "公路干线",
    "railway": "铁路",
    "river": "河道",
    "water_source": "水源保护区",
    "heritage": "文物保护区",
    "scenic_area": "旅游景区",
    "nature_reserve": "自然保护区",
    "residential": "集中住宅区",
}

Check = Callable[[Examiner, dict[str, Any], Path_], None]


@dataclass(frozen=True)
class RuleShape:
    """Parameters of a rule and how they are checked.

    Parameters
    ----------
    name : str
        Chinese name.
    required, optional : tuple of str
        Keys of ``with:``.
    check : callable
    units : callable
        Units that a target of this rule with these parameters may have.
    """

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    check: Check
    units: Callable[[Mapping[str, Any]], tuple[str, ...]]


def _presence(ex: Examiner, table: dict[str, Any], path: Path_) -> None:
    items = table.get("any_of")
    if not isinstance(items, list) or not items:
        ex.add((*path, "any_of"), "应为条件的列表，至少一项")
        items = []
    for index, item in enumerate(items):
        check_presence_item(ex, item, (*path, "any_of", index))
    if "at_least" in table:
        ex.whole(table["at_least"], (*path, "at_least"), least=1)
    if "membership" in table:
        known = ("declared", "serving")
        ex.choice(table["membership"], (*path, "membership"), known, what="归属方式")


def _facility_share(ex: Examiner, table: dict[str, Any], path: Path_) -> None:
    check_selectors(ex, table.get("of"), (*path, "of"))
    check_having(ex, table.get("having"), (*path, "having"))


def _ratio(ex: Examiner, table: dict[str, Any], path: Path_) -> None:
    for side in ("numerator", "denominator"):
        _amount(ex, table.get(side), (*path, side), areas=True)
    if "part" in table:
        ex.flag(table["part"], (*path, "part"))
    if "scale" in table:
        ex.positive(table["scale"], (*path, "scale"))


def _per_capita(ex: Examiner, table: dict[str, Any], path: Path_) -> None:
    _amount(ex, table.get("amount"), (*path, "amount"), areas=True)
    numeric(ex, table.get("per"), (*path, "per"), of="division")
    if "scale" in table:
        ex.positive(table["scale"], (*path, "scale"))


def _amount(ex: Examiner, value: Any, path: Path_, *, areas: bool) -> None:
    known = ("column", "count", "of", "areas") if areas else ("column", "count", "of")
    table = ex.table(value, path, optional=known)
    if table is None:
        return
    if ("of" in table) == ("areas" in table):
        ex.add(path, "应写且只写 of（设施）或 areas: true（区划）之一")
        return
    if ("column" in table) == ("count" in table):
        ex.add(path, "应写且只写 column（求和的列）或 count: true（计数）之一")
    if "of" in table:
        check_selectors(ex, table["of"], (*path, "of"))
    for key in ("areas", "count"):
        if key in table and table[key] is not True:
            ex.add((*path, key), "只能写 true")
    if "column" in table:
        owner = "facility" if "of" in table else "division"
        numeric(ex, table["column"], (*path, "column"), of=owner)


def _step_standard(ex: Examiner, table: dict[str, Any], path: Path_) -> None:
    numeric(ex, table.get("attribute"), (*path, "attribute"), of="division")
    ex.choice(table.get("by"), (*path, "by"), GROUPS, what="人口分组")
    steps = table.get("steps")
    here = (*path, "steps")
    if not isinstance(steps, list) or not steps:
        ex.add(here, "应为分档的列表")
        return
    last: Fraction | None = None
    for index, item in enumerate(steps):
        step = ex.table(
            item, (*here, index), required=("need",), optional=("below", "up_to")
        )
        if step is None:
            continue
        ex.decimal(step.get("need"), (*here, index, "need"))
        edges = [key for key in ("below", "up_to") if key in step]
        final = index == len(steps) - 1
        if len(edges) != (0 if final else 1):
            ex.add(
                (*here, index),
                "最后一档不写上限"
                if final
                else "除最后一档外，应写 below 或 up_to 之一",
            )
            continue
        if edges:
            edge = ex.decimal(step[edges[0]], (*here, index, edges[0]))
            if edge is not None and last is not None and edge <= last:
                ex.add((*here, index), "各档上限应由小到大")
            last = edge


def _count(ex: Examiner, table: dict[str, Any], path: Path_) -> None:
    check_selectors(ex, table.get("of"), (*path, "of"))
    if table.get("column") is not None:
        numeric(ex, table["column"], (*path, "column"), of="facility")
    for key in ("opened_from", "opened_to"):
        if table.get(key) is not None:
            ex.date(table[key], (*path, key))


def _capacity_years(ex: Examiner, table: dict[str, Any], path: Path_) -> None:
    check_selector(ex, table.get("plots"), (*path, "plots"))
    numeric(ex, table.get("column"), (*path, "column"), of="facility")
    ex.choice(table.get("population"), (*path, "population"), GROUPS, what="人口分组")
    for key in ("death_rate", "cremation_rate", "burial_share"):
        ex.between(table.get(key), (*path, key), high=1, null=True)
    ex.positive(table.get("plots_per_death"), (*path, "plots_per_death"), null=True)


def _network_time(ex: Examiner, table: dict[str, Any], path: Path_) -> None:
    known = sorted(ex.services)
    ex.choices(table.get("services"), (*path, "services"), known, what="服务")
    ex.positive(table.get("limit_min"), (*path, "limit_min"))
    if "count" in table:
        known_counts = ("people", "communities", "townships")
        ex.choice(table["count"], (*path, "count"), known_counts, what="计数方式")
    if "combine" in table:
        ex.choice(table["combine"], (*path, "combine"), ("min",), what="合并方式")
    if table.get("group") is not None:
        ex.choice(table["group"], (*path, "group"), GROUPS, what="人口分组")
    ex.positive(table.get("speed_mps"), (*path, "speed_mps"), null=True)


def _exclusion_zone(ex: Examiner, table: dict[str, Any], path: Path_) -> None:
    check_selectors(ex, table.get("of"), (*path, "of"))
    zones = table.get("zones")
    here = (*path, "zones")
    if not isinstance(zones, list) or not zones:
        ex.add(here, "应为禁止区域的列表")
        return
    for index, item in enumerate(zones):
        zone = ex.table(item, (*here, index), required=("class", "distance_m"))
        if zone is None:
            continue
        class_, distance = zone.get("class"), zone.get("distance_m")
        ex.choice(class_, (*here, index, "class"), ZONE_CLASSES, what="区域类别")
        ex.between(distance, (*here, index, "distance_m"), high=100_000, null=True)


def _boundary_quality(ex: Examiner, table: dict[str, Any], path: Path_) -> None:
    ex.choices(table.get("levels"), (*path, "levels"), LEVELS, what="层级")


def _statistic(ex: Examiner, table: dict[str, Any], path: Path_) -> None:
    ex.choice(table.get("kind"), (*path, "kind"), ("share", "amount"), what="统计类型")


def _statement(ex: Examiner, table: dict[str, Any], path: Path_) -> None:
    """Check nothing: a statement has no parameters."""


def _share_only(_: Mapping[str, Any]) -> tuple[str, ...]:
    return ("share",)


RULES: Final[Mapping[str, RuleShape]] = {
    "presence": RuleShape(
        "区域内有无", ("any_of",), ("at_least", "membership"), _presence, _share_only
    ),
    "facility_share": RuleShape(
        "设施占比", ("of", "having"), (), _facility_share, _share_only
    ),
    "ratio": RuleShape(
        "比值", ("numerator", "denominator"), ("scale", "part"), _ratio,
        lambda table: ("share", *_PER),
    ),
    "per_capita": RuleShape(
        "人均（户均）标准", ("amount", "per"), ("scale",), _per_capita, lambda table: _PER
    ),
    "step_standard": RuleShape(
        "分档标准", ("attribute", "by", "steps"), (), _step_standard, _share_only
    ),
    "count": RuleShape(
        "计数或求和", ("of",), ("column", "opened_from", "opened_to"), _count,
        lambda table: ("facilities",) if table.get("column") is None else _SUMS,
    ),
    "capacity_years": RuleShape(
        "可用年限", ("plots", "column", "population", "death_rate"),
        ("cremation_rate", "burial_share", "plots_per_death"), _capacity_years, lambda table: ("years",),
    ),
    "network_time": RuleShape(
        "路网可达", ("services", "limit_min"), ("count", "combine", "group", "speed_mps"),
        _network_time, _share_only,
    ),
    "exclusion_zone": RuleShape(
        "禁止区域", ("of", "zones"), (), _exclusion_zone, lambda table: ("facilities",)
    ),
    "boundary_quality": RuleShape(
        "界线质量", ("levels",), (), _boundary_quality, _share_only
    ),
    "statistic": RuleShape(
        "统计数据", ("kind",), (), _statistic,
        lambda table: ("share",) if table.get("kind") == "share"
        else ("facilities", "yuan", *_SUMS),
    ),
    "statement": RuleShape("条文", (), (), _statement, lambda table: ()),
}  # fmt: skip


def check_target(
    ex: Examiner, value: dict[str, Any], *, rule: str, with_: Mapping[str, Any]
) -> None:
    """Check that a target's comparison, unit and value fit the rule."""
    shape = RULES[rule]
    allowed = shape.units(with_)
    if not allowed:
        ex.add(("target",), f"“{shape.name}”（{rule}）不能有目标", "请写 target: null")
        return
    comparison = value.get("comparison")
    if "comparison" in value:
        path: Path_ = ("target", "comparison")
        ex.choice(comparison, path, COMPARISONS, what="比较方式")
    unit = value.get("unit")
    if unit not in allowed:
        ex.add(
            ("target", "unit"),
            f"单位“{unit}”不适用于“{shape.name}”（{rule}）",
            "可用：" + "、".join(allowed),
        )
        return
    number = ex.decimal(value.get("value"), ("target", "value"), null=True)
    _check_scale(ex, with_, str(unit))
    if number is None:
        return
    if unit == "share" and not 0 <= number <= 1:
        reason = f"比例目标 {value['value']} 不在 0 到 1 之间"
        ex.add(("target", "value"), reason, '60% 请写作 "0.6"')
    elif number < 0:
        ex.add(("target", "value"), "目标不能为负")
    elif unit in ("facilities", "beds", "plots") and number.denominator != 1:
        reason = f"单位为“{UNITS[str(unit)]}”的目标应为整数"
        ex.add(("target", "value"), reason)


def _check_scale(ex: Examiner, with_: Mapping[str, Any], unit: str) -> None:
    if unit not in _SCALES or not ("amount" in with_ or "numerator" in with_):
        return
    if str(with_.get("scale", "1")) != str(_SCALES[unit]):
        ex.add(
            ("with", "scale"),
            f"目标单位“{unit}”要求 scale 为 {_SCALES[unit]}",
            f'请写 scale: "{_SCALES[unit]}"',
        )
