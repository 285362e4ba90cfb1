"""What selectors of facilities and conditions on areas may say."""

from __future__ import annotations

from typing import Any, Final

from yikezhong_coverage.rules.selectors import OPERATORS, STATUS_WORDS
from yikezhong_geodata.columns import KINDS
from yikezhong_geodata.plans.attributes import AttributeTerm, attribute_terms
from yikezhong_geodata.plans.examiner import Examiner
from yikezhong_geodata.plans.marked_yaml import Path_
from yikezhong_geodata.vocabulary import load_vocabulary

#: Comparisons of numbers only.
_NUMBER_OPERATORS: Final = ("at_least", "at_most", "above", "below")


def check_selector(ex: Examiner, value: Any, path: Path_) -> None:
    """Check a selector of facilities."""
    optional = ("functions", "where", "status")
    table = ex.table(value, path, required=("categories",), optional=optional)
    if table is None:
        return
    vocabulary = load_vocabulary()
    if "categories" in table:
        ex.choices(
            table["categories"],
            (*path, "categories"),
            vocabulary.categories.names,
            what="设施类别",
        )
    _check_properties(ex, table, path)


def check_selectors(ex: Examiner, value: Any, path: Path_) -> None:
    """Check a selector, or a list of which any will do."""
    if not isinstance(value, list):
        check_selector(ex, value, path)
        return
    if not value:
        ex.add(path, "至少写一个设施条件")
    for index, item in enumerate(value):
        check_selector(ex, item, (*path, index))


def check_having(ex: Examiner, value: Any, path: Path_) -> None:
    """Check what facilities must have."""
    table = ex.table(value, path, optional=("functions", "where", "status"))
    if table is None:
        return
    if not table:
        ex.add(path, "没有写要求的属性或功能")
    _check_properties(ex, table, path)


def check_presence_item(ex: Examiner, value: Any, path: Path_) -> None:
    """Check a selector of facilities or a property of the area itself."""
    if isinstance(value, dict) and "area_attribute" in value:
        plain = {
            ("attribute" if k == "area_attribute" else k): v for k, v in value.items()
        }
        check_condition(ex, plain, path, of="division", key="area_attribute")
    else:
        check_selector(ex, value, path)


def check_condition(
    ex: Examiner, value: Any, path: Path_, *, of: str, key: str = "attribute"
) -> None:
    """Check a condition on attributes of facilities or of divisions."""
    for join in ("any_of", "all_of"):
        if isinstance(value, dict) and join in value:
            ex.table(value, path, required=(join,))
            _check_conditions(ex, value[join], (*path, join), of=of)
            return
    table = ex.table(value, path, required=("attribute",), optional=OPERATORS)
    if table is None or "attribute" not in table:
        return
    term = attribute(ex, table["attribute"], (*path, key), of=of)
    asked = [operator for operator in OPERATORS if operator in table]
    if len(asked) != 1:
        ex.add(path, "应写且只写一种比较", "可用：" + "、".join(OPERATORS))
    elif term is not None:
        _check_operand(ex, table[asked[0]], (*path, asked[0]), asked[0], term)


def check_eligible(ex: Examiner, value: Any, path: Path_, *, kinds: Any) -> None:
    """Check which areas count: one condition, or a list of which any will do."""
    items = value if isinstance(value, list) else [value]
    if not items:
        ex.add(path, "至少写一个条件")
    for index, item in enumerate(items):
        here = (*path, index) if isinstance(value, list) else path
        if not isinstance(item, dict):
            ex.add(here, "应为表（键: 值）")
            continue
        if "kinds" in item:
            listed = kinds if isinstance(kinds, list) else KINDS
            choices = [kind for kind in listed if isinstance(kind, str)]
            ex.choices(item["kinds"], (*here, "kinds"), choices, what="区划类型")
        rest = {key: item[key] for key in item if key != "kinds"}
        if rest or "kinds" not in item:
            check_condition(ex, rest, here, of="division")


def attribute(
    ex: Examiner, value: Any, path: Path_, *, of: str
) -> AttributeTerm | None:
    """Return an attribute of the right owner."""
    owner = {"facility": "设施", "division": "区划"}
    known = {k: t for k, t in attribute_terms().items() if t.of == of}
    other = attribute_terms().get(value) if isinstance(value, str) else None
    if other is not None and other.of != of:
        ex.add(path, f"“{value}”是{owner[other.of]}的属性，不是{owner[of]}的")
        return None
    found = ex.choice(value, path, known, what=f"{owner[of]}属性")
    return known[found] if found is not None else None


def numeric(ex: Examiner, value: Any, path: Path_, *, of: str) -> None:
    """Check a column of numbers."""
    term = attribute(ex, value, path, of=of)
    if term is not None and term.type != "number":
        ex.add(path, f"“{value}”（{term.name}）不是数值，不能求和")


def _check_properties(ex: Examiner, table: dict[str, Any], path: Path_) -> None:
    if "functions" in table:
        known = load_vocabulary().functions.names
        ex.choices(
            table["functions"], (*path, "functions"), known, what="服务功能", empty=True
        )
    if "status" in table:
        ex.choice(table["status"], (*path, "status"), STATUS_WORDS, what="设施状态")
    if "where" in table:
        _check_conditions(ex, table["where"], (*path, "where"), of="facility")


def _check_conditions(ex: Examiner, value: Any, path: Path_, *, of: str) -> None:
    if not isinstance(value, list) or not value:
        ex.add(path, "应为条件的列表（方括号），至少一项")
        return
    for index, item in enumerate(value):
        check_condition(ex, item, (*path, index), of=of)


def _check_operand(
    ex: Examiner, value: Any, path: Path_, operator: str, term: AttributeTerm
) -> None:
    if operator in _NUMBER_OPERATORS:
        if term.type != "number":
            ex.add(path, f"“{term.name}”不是数值，不能用 {operator}")
        else:
            ex.decimal(value, path)
    elif term.type == "flag":
        if operator == "in":
            ex.add(path, f"“{term.name}”是是否项，请用 equals: true 或 false")
        else:
            ex.flag(value, path)
    elif term.type == "number":
        if operator == "in":
            ex.add(path, f"“{term.name}”是数值，请用 at_least 或 equals")
        else:
            ex.decimal(value, path)
    elif operator == "in":
        if term.values:
            ex.choices(value, path, term.value_ids, what=f"“{term.name}”取值")
        elif not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            ex.add(path, "应为文本的列表（方括号）")
    elif term.values:
        ex.choice(value, path, term.value_ids, what=f"“{term.name}”取值")
    else:
        ex.text(value, path)
