"""Registers for tests: a good one, ways to spoil it, and a small schema validator."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

GOOD = """\
plan: {id: mine, name: 某县规划, level: county, area: "421321", issued: 2022-02-07}
parameters:
  kinds_counted: {default: [subdistrict, town], reading: 只计街道和镇}
  wanted: {default: "0.6", reading: 按 60% 判定}
indicators:
- id: M-1
  name: 工作站覆盖率
  class: A
  unit: township
  kinds: ${kinds_counted}
  rule: presence
  with:
    any_of: [{categories: [child_protection_station]}, {area_attribute: designated_person, equals: true}]
  target: {comparison: ">=", value: "${wanted}", unit: share, year: 2025, by: 2025-12-31}
  clause: {chapter: 第一章, phrase: 工作站覆盖率达到60%}
- id: M-2
  name: 护理型床位占比
  class: B
  unit: township
  rule: ratio
  with:
    numerator: {column: nursing_beds, of: {categories: [elderly_institution]}}
    denominator: {column: beds, of: {categories: [elderly_institution]}}
    scale: "1"
  target: {comparison: ">=", value: "0.55", unit: share, levels: [county]}
  clause: {chapter: 第二章, phrase: 护理型床位占比达到55%}
  conflicts_with: [M-1]
- id: M-3
  name: 网点数
  class: A
  unit: township
  rule: count
  with: {of: {categories: [lottery_outlet], where: [{attribute: tier, in: [county]}]}}
  target: {comparison: ">=", value: "12", unit: facilities}
  clause: {chapter: 第三章, phrase: 网点12个}
- id: M-4
  part_of: M-3
  name: 一刻钟
  class: A
  unit: community
  rule: network_time
  with: {services: [elderly_circle], limit_min: 15, group: people_60, speed_mps: null}
  target: null
  clause: {chapter: 第三章, phrase: 一刻钟}
"""


@dataclass(frozen=True)
class Spoiled:
    """A change of :data:`GOOD` and the mistake it must give.

    ``place`` is entry and key; ``reason`` a part of the sentence; ``at`` a text that
    stands in the line that is to be named, ``back`` lines below it.
    """

    name: str
    old: str
    new: str
    place: str
    reason: str
    at: str
    back: int = 0

    def text(self) -> str:
        """Return the register."""
        if GOOD.count(self.old) < 1:
            raise ValueError(self.old)
        return GOOD.replace(self.old, self.new, 1)

    def line(self) -> int:
        """Return the line that must be named."""
        lines = self.text().splitlines()
        found = next(i for i, line in enumerate(lines, start=1) if self.at in line)
        return found - self.back


def _in(
    name: str,
    old: str,
    new: str,
    *,
    place: str,
    reason: str,
    at: str = "",
    back: int = 0,
) -> Spoiled:
    return Spoiled(name, old, new, place, reason, at or new.splitlines()[-1], back)


SPOILED = (
    _in("unknown rule", "rule: ratio", "rule: rate",
        place="M-2 · rule", reason="不认识的规则“rate”"),
    _in("unknown rule parameter", '    scale: "1"', '    scal: "1"',
        place="M-2 · with.scal", reason="不认识的键"),
    _in("missing rule parameter", "    denominator: {column: beds, of: {categories: [elderly_institution]}}\n", "",
        place="M-2 · with", reason="缺少“denominator”", at="numerator:", back=1),
    _in("denominator column of a division taken of facilities", "{column: beds, of:", "{column: posts, of:",
        place="M-2 · with.denominator.column", reason="是区划的属性，不是设施的", at="column: posts"),
    _in("denominator column of a facility taken of areas", "{column: beds, of: {categories: [elderly_institution]}}", "{column: beds, areas: true}",
        place="M-2 · with.denominator.column", reason="是设施的属性，不是区划的"),
    _in("denominator neither facilities nor areas", "{column: beds, of: {categories: [elderly_institution]}}", "{column: beds}",
        place="M-2 · with.denominator", reason="of（设施）或 areas"),
    _in("denominator of another level", "[subdistrict, town]", "[village]",
        place="M-1 · kinds[1]", reason="分母的层级不符", at="kinds: ${kinds_counted}"),
    _in("level above the plan", "  unit: township\n  rule: ratio", "  unit: province\n  rule: ratio",
        place="M-2 · unit", reason="高于规划本级", at="unit: province"),
    _in("target judged below its unit", "levels: [county]", "levels: [community]",
        place="M-2 · target.levels[1]", reason="低于计算层级", at="levels: [community]"),
    _in("target judged above the plan", "levels: [county]", "levels: [province]",
        place="M-2 · target.levels[1]", reason="高于规划本级", at="levels: [province]"),
    _in("share above one", '"0.55"', '"55"',
        place="M-2 · target.value", reason="不在 0 到 1 之间", at='"55"'),
    _in("share given to a count", 'value: "12", unit: facilities', 'value: "0.5", unit: share',
        place="M-3 · target.unit", reason="单位“share”不适用于", at="value: \"0.5\""),
    _in("half a facility", '"12"', '"12.5"',
        place="M-3 · target.value", reason="应为整数", at='"12.5"'),
    _in("unknown unit", "unit: facilities", "unit: pieces",
        place="M-3 · target.unit", reason="单位“pieces”", at="unit: pieces"),
    _in("unit and scale disagree", 'value: "0.55", unit: share', 'value: "20", unit: m2_per_100_households',
        place="M-2 · with.scale", reason="要求 scale 为 100", at='scale: "1"'),
    _in("bare decimal", '"0.55"', "0.55",
        place="M-2 · target.value", reason="应加引号", at="value: 0.55"),
    _in("percent sign", '"0.55"', '"55%"',
        place="M-2 · target.value", reason="不是十进制数", at="55%\""),
    _in("unknown comparison", 'comparison: ">=", value: "12"', 'comparison: "≥", value: "12"',
        place="M-3 · target.comparison", reason="不认识的比较方式", at="≥"),
    _in("wrong date", "by: 2025-12-31", 'by: "2025/12/31"',
        place="M-1 · target.by", reason="不是日期", at="2025/12/31"),
    _in("duplicate id", "- id: M-2", "- id: M-1",
        place="M-1 · id", reason="编号“M-1”重复，已用于第 6 行", at="name: 护理型", back=1),
    _in("wrong id", "- id: M-2", '- id: "M 2"',
        place="M 2 · id", reason="指标编号应为"),
    _in("part of itself in a circle", "  name: 网点数", "  name: 网点数\n  part_of: M-4",
        place="M-3 · part_of", reason="成环：M-3 → M-4 → M-3"),
    _in("part of the unknown", "part_of: M-3", "part_of: M-9",
        place="M-4 · part_of", reason="本规划没有指标“M-9”"),
    _in("conflict with the unknown", "conflicts_with: [M-1]", "conflicts_with: [HB-999]",
        place="M-2 · conflicts_with[1]", reason="没有指标“HB-999”"),
    _in("conflict with itself", "conflicts_with: [M-1]", "conflicts_with: [M-2]",
        place="M-2 · conflicts_with[1]", reason="不能与自己冲突"),
    _in("unknown category", "[lottery_outlet]", "[lottery_outlets]",
        place="M-3 · with.of.categories[1]", reason="不认识的设施类别", at="lottery_outlets"),
    _in("unknown function", "categories: [child_protection_station]", "categories: [child_protection_station], functions: [meals]",
        place="M-1 · with.any_of[1].functions[1]", reason="不认识的服务功能", at="meals"),
    _in("unknown service", "[elderly_circle]", "[elder_circle]",
        place="M-4 · with.services[1]", reason="不认识的服务", at="elder_circle"),
    _in("unknown attribute", "area_attribute: designated_person", "area_attribute: designated",
        place="M-1 · with.any_of[2].area_attribute", reason="不认识的区划属性", at="designated,"),
    _in("attribute of the other owner", "area_attribute: designated_person", "area_attribute: cremator",
        place="M-1 · with.any_of[2].area_attribute", reason="是设施的属性", at="cremator"),
    _in("number asked of a flag", "designated_person, equals: true", 'designated_person, at_least: "1"',
        place="M-1 · with.any_of[2].at_least", reason="不是数值", at="at_least"),
    _in("text asked of a flag", "designated_person, equals: true", "designated_person, equals: yes please",
        place="M-1 · with.any_of[2].equals", reason="true 或 false", at="yes please"),
    _in("unknown value of a text", "in: [county]", "in: [town]",
        place="M-3 · with.of.where[1].in[1]", reason="取值", at="in: [town]"),
    _in("two comparisons", "in: [county]", "in: [county], equals: county",
        place="M-3 · with.of.where[1]", reason="只写一种比较", at="equals: county"),
    _in("unknown kind of division", "[subdistrict, town]", "[subdistrict, city]",
        place="M-1 · kinds[2]", reason="不认识的区划类型", at="kinds: ${kinds_counted}"),
    _in("unknown parameter", "${wanted}", "${wantd}",
        place="M-1 · target.value", reason="没有定义参数“wantd”", at="${wantd}"),
    _in("parameter inside a text", '"${wanted}"', '"约${wanted}"',
        place="M-1 · target.value", reason="应单独成值", at="约$"),
    _in("parameter that nobody uses", '"${wanted}"', '"0.6"',
        place="parameters · wanted", reason="没有指标引用", at="wanted:"),
    _in("parameters in a circle", 'default: "0.6"', 'default: "${wanted}"',
        place="parameters · wanted.default", reason="成环：wanted → wanted", at="wanted:"),
    _in("parameter without its reading", ", reading: 按 60% 判定", "",
        place="parameters · wanted", reason="缺少“reading”", at="wanted:"),
    _in("missing clause", "  clause: {chapter: 第二章, phrase: 护理型床位占比达到55%}\n", "",
        place="M-2", reason="缺少“clause”", at="- id: M-2"),
    _in("clause without phrase", ", phrase: 护理型床位占比达到55%", "",
        place="M-2 · clause", reason="缺少“phrase”", at="第二章"),
    _in("misspelt key", "  class: B", "  clas: B",
        place="M-2 · clas", reason="不认识的键"),
    _in("unknown class", "class: B", "class: D",
        place="M-2 · class", reason="不认识的类别“D”"),
    _in("statement with a target", "rule: network_time\n  with: {services: [elderly_circle], limit_min: 15, group: people_60, speed_mps: null}\n  target: null",
        'rule: statement\n  with: {}\n  target: {comparison: ">=", value: "1", unit: share}',
        place="M-4 · target", reason="不能有目标"),
    _in("no time limit", "limit_min: 15", "limit_min: 0",
        place="M-4 · with.limit_min", reason="应大于 0", at="limit_min: 0"),
    _in("statistic without a description", "rule: count\n  with: {of: {categories: [lottery_outlet], where: [{attribute: tier, in: [county]}]}}",
        "rule: statistic\n  with: {kind: amount}",
        place="M-3", reason="缺少“statistic”", at="- id: M-3"),
    _in("area code as a number", 'area: "421321"', "area: 421321",
        place="plan · area", reason="区划代码", at="plan:"),
    _in("unknown plan level", "level: county", "level: district",
        place="plan · level", reason="不认识的层级", at="plan:"),
    _in("unknown section", "parameters:", "params: {}\nparameters:",
        place="文件 · params", reason="不认识的键", at="params: {}"),
)  # fmt: skip

#: Files that are no register at all: name, bytes, reason, line.
NO_REGISTER = (
    ("alias", b"plan: &a {id: x}\nparameters: *a\n", "别名", 2),
    ("bomb", b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "别名", 2),
    ("tag", b"plan: !!python/object/apply:os.system [ls]\n", "标签", 1),
    ("broken", b"plan: {id: x\nindicators: []\n", "不是合法的 YAML", 2),
    ("tab", b"plan:\n\tid: x\n", "不是合法的 YAML", 2),
    ("repeated key", b"plan: {id: x}\nplan: {id: y}\n", "重复", 2),
    ("deep", b"a: " + b"[" * 2000 + b"]" * 2000, "嵌套过深", None),
    ("list", b"- a\n- b\n", "最外层应为表", None),
    ("empty", b"", "最外层应为表", None),
    ("not text", "plan: {id: 规划}".encode("gb18030"), "UTF-8", None),
    ("impossible day", b"plan: {issued: 2025-02-30}\n", "无法识别", None),
    ("large", b"#" * ((1 << 20) + 1), "文件过大", None),
    ("list as key", b"plan: {? [a] : b}\n", "键应为文本", 1),
)


def schema_mistakes(value: Any, schema: Any, root: Any, *, path: str = "") -> list[str]:
    """Return where a value breaks a JSON Schema, as far as our schema uses it.

    A keyword that is not known here is an error of the test, not passed over.
    """
    if schema is True or schema == {}:
        return []
    found: list[str] = []
    for keyword, rule in schema.items():
        check = _KEYWORDS[keyword]
        found += check(value, rule, schema, root, path) if check else []
    return found


def _type(value: Any, rule: Any, schema: Any, root: Any, path: str) -> list[str]:
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool}
    if rule == "null":
        right = value is None
    elif rule == "integer":
        right = isinstance(value, int) and not isinstance(value, bool)
    else:
        right = isinstance(value, kinds[rule])
    return [] if right else [f"{path}: not {rule}"]


def _properties(value: Any, rule: Any, schema: Any, root: Any, path: str) -> list[str]:
    found: list[str] = []
    for key, inner in rule.items():
        if isinstance(value, dict) and key in value:
            found += schema_mistakes(value[key], inner, root, path=f"{path}/{key}")
    return found


def _additional(value: Any, rule: Any, schema: Any, root: Any, path: str) -> list[str]:
    known = schema.get("properties", {})
    extra = [k for k in value if k not in known] if isinstance(value, dict) else []
    if rule is False:
        return [f"{path}/{key}: not allowed" for key in extra]
    found: list[str] = []
    for key in extra:
        found += schema_mistakes(value[key], rule, root, path=f"{path}/{key}")
    return found


def _required(value: Any, rule: Any, schema: Any, root: Any, path: str) -> list[str]:
    missing = [k for k in rule if k not in value] if isinstance(value, dict) else []
    return [f"{path}/{key}: missing" for key in missing]


def _items(value: Any, rule: Any, schema: Any, root: Any, path: str) -> list[str]:
    found: list[str] = []
    for index, item in enumerate(value if isinstance(value, list) else []):
        found += schema_mistakes(item, rule, root, path=f"{path}/{index}")
    return found


def _any_of(value: Any, rule: Any, schema: Any, root: Any, path: str) -> list[str]:
    tried = [schema_mistakes(value, one, root, path=path) for one in rule]
    return [] if any(not found for found in tried) else [f"{path}: none of {tried}"]


def _all_of(value: Any, rule: Any, schema: Any, root: Any, path: str) -> list[str]:
    return [
        text for one in rule for text in schema_mistakes(value, one, root, path=path)
    ]


def _if(value: Any, rule: Any, schema: Any, root: Any, path: str) -> list[str]:
    if schema_mistakes(value, rule, root, path=path):
        return []
    return schema_mistakes(value, schema["then"], root, path=path)


def _ref(value: Any, rule: Any, schema: Any, root: Any, path: str) -> list[str]:
    name = rule.removeprefix("#/$defs/")
    return schema_mistakes(value, root["$defs"][name], root, path=path)


def _equal(value: Any, wanted: Any) -> bool:
    return type(value) is type(wanted) and value == wanted


_KEYWORDS: Any = {
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "required": _required,
    "items": _items,
    "anyOf": _any_of,
    "allOf": _all_of,
    "if": _if,
    "$ref": _ref,
    "enum": lambda v, r, s, t, p: (
        [] if any(_equal(v, x) for x in r) else [f"{p}: enum"]
    ),
    "const": lambda v, r, s, t, p: [] if _equal(v, r) else [f"{p}: const"],
    "pattern": lambda v, r, s, t, p: (
        [f"{p}: {v!r} pattern"] if isinstance(v, str) and not re.search(r, v) else []
    ),
    "minLength": lambda v, r, s, t, p: (
        [f"{p}: short"] if isinstance(v, str) and len(v) < r else []
    ),
    "minimum": lambda v, r, s, t, p: (
        [f"{p}: small"] if isinstance(v, int) and v < r else []
    ),
    "minItems": lambda v, r, s, t, p: (
        [f"{p}: few"] if isinstance(v, list) and len(v) < r else []
    ),
    "minProperties": lambda v, r, s, t, p: (
        [f"{p}: few"] if isinstance(v, dict) and len(v) < r else []
    ),
    "propertyNames": lambda v, r, s, t, p: (
        [x for k in v for x in schema_mistakes(k, r, t, path=p)]
        if isinstance(v, dict)
        else []
    ),
    "then": None,
    "$defs": None,
    "$schema": None,
    "title": None,
    "description": None,
}


def as_json(value: Any) -> Any:
    """Return YAML data as JSON sees it: days are texts."""
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value
