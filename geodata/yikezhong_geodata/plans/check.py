"""Check a plan register and explain its mistakes.

Nothing stops at the first mistake: all are found, each with its place (entry, key,
line), the reason and what to do.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from yikezhong_coverage.rules.records import LEVELS
from yikezhong_geodata.plans.entry_shapes import check_entry
from yikezhong_geodata.plans.examiner import Examiner
from yikezhong_geodata.plans.marked_yaml import (
    MarkedYaml,
    PlanFileError,
    parse_marked,
    read_marked,
    shipped_bytes,
)
from yikezhong_geodata.plans.mistakes import PlanMistake
from yikezhong_geodata.plans.readings import Readings, used_names
from yikezhong_geodata.services import load_services

#: Ids of the plans that come with the product.
SHIPPED: Final = ("hubei-14fyp", "suizhou-14fyp")

_PLAN_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_ENTRY_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_AREA: Final = re.compile(r"[A-Za-z0-9_-]{0,32}")
_PLAN_KEYS: Final = ("document", "issued", "starts", "ends", "area")
_MAX_ENTRIES: Final = 2000


@dataclass(frozen=True)
class Examined:
    """A register after checking.

    Parameters
    ----------
    plan : dict
        The section ``plan``.
    readings : Readings
        Named readings, filled in.
    entries : list of dict
        Entries with the readings filled in.
    used : list of tuple of str
        Names of the readings each entry uses.
    mistakes : tuple of PlanMistake
        In the order of the file; the rest can be used only where there are none.
    """

    plan: dict[str, Any]
    readings: Readings
    entries: list[dict[str, Any]]
    used: list[tuple[str, ...]]
    mistakes: tuple[PlanMistake, ...]


def check_plan(
    path: Path,
    *,
    services: Iterable[str] | None = None,
    other_ids: Iterable[str] | None = None,
) -> list[PlanMistake]:
    """Return the mistakes of a plan register; an empty list where it is right.

    Parameters
    ----------
    path : Path
        A YAML file.
    services : iterable of str, optional
        Ids of the services that there are; the shipped ones by default.
    other_ids : iterable of str, optional
        Ids of indicators of other plans that may be named; those of the shipped plans
        by default.

    Returns
    -------
    list of PlanMistake
        In the order of the file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "mine.yaml"
    ...     _ = path.write_text("plan: {id: mine, name: 甲, level: county}")
    ...     print(check_plan(path)[0])
    mine.yaml，第 1 行，indicators：缺少指标。请写 indicators 一节，每项以 “- id: …” 开头
    """
    try:
        marked = read_marked(path)
    except PlanFileError as error:
        return [
            PlanMistake(
                error.file or path.name,
                "文件",
                "",
                error.row,
                error.message,
                error.hint or "",
            )
        ]
    found = examine(marked, services=services, other_ids=other_ids)
    return list(found.mistakes)


def examine(
    marked: MarkedYaml,
    *,
    services: Iterable[str] | None = None,
    other_ids: Iterable[str] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Examined:
    """Check a register that has been read as YAML.

    Parameters
    ----------
    marked : MarkedYaml
    services, other_ids : iterable of str, optional
        See :func:`check_plan`.
    changes : mapping of str to value, optional
        Readings that a study changes.
    """
    if services is None:
        services = [service.id for service in load_services()]
    ex = Examiner(marked, frozenset(services))
    top = marked.value
    ex.entry = "文件"
    ex.table(top, (), required=("plan",), optional=("parameters", "indicators"))
    plan = _check_header(ex, top.get("plan"))
    ex.entry, ex.base = "parameters", ("parameters",)
    readings = Readings.of(ex, top.get("parameters", {}), changes or {})
    raw = top.get("indicators")
    entries: list[dict[str, Any]] = []
    used: list[tuple[str, ...]] = []
    if not isinstance(raw, list) or not raw or len(raw) > _MAX_ENTRIES:
        ex.entry, ex.base = "indicators", ("indicators",)
        ex.add((), "缺少指标", "请写 indicators 一节，每项以 “- id: …” 开头")
        raw = []
    level = plan.get("level", LEVELS[0])
    for index, item in enumerate(raw):
        ex.base = ("indicators", index)
        ex.entry = _name(item, index)
        filled = readings.fill(ex, item, ())
        if isinstance(filled, dict):
            check_entry(ex, filled, plan_level=level)
            entries.append(filled)
            used.append(tuple(sorted(used_names(item))))
        else:
            ex.add((), "应为表（键: 值）")
    _check_ids(ex, raw, other_ids)
    _check_unused(ex, readings, raw)
    ex.mistakes.sort(key=lambda mistake: mistake.line or 0)
    return Examined(plan, readings, entries, used, tuple(ex.mistakes))


@functools.cache
def shipped_ids() -> frozenset[str]:
    """Return the ids of all indicators of the shipped plans."""
    found: set[str] = set()
    for plan in SHIPPED:
        marked = parse_marked(shipped_bytes(f"{plan}.yaml"), file=f"{plan}.yaml")
        found.update(entry["id"] for entry in marked.value["indicators"])
    return frozenset(found)


def _check_header(ex: Examiner, value: Any) -> dict[str, Any]:
    ex.entry, ex.base = "plan", ("plan",)
    optional = (*_PLAN_KEYS, "evaluations", "custom_areas")
    table = ex.table(value, (), required=("id", "name", "level"), optional=optional)
    if table is None:
        return {}
    if not isinstance(table.get("id"), str) or not _PLAN_ID.fullmatch(table["id"]):
        ex.add(("id",), "规划编号应为小写字母、数字、- 和 _")
    for key in ("name", "document"):
        if key in table:
            ex.text(table[key], (key,))
    for key in ("issued", "starts", "ends"):
        if key in table:
            ex.date(table[key], (key,))
    for index, day in enumerate(_list(ex, table, "evaluations")):
        ex.date(day, ("evaluations", index))
    if ex.choice(table.get("level"), ("level",), LEVELS, what="层级") is None:
        table = {**table, "level": LEVELS[0]}
    area = table.get("area", "")
    if not isinstance(area, str) or not _AREA.fullmatch(area):
        ex.add(("area",), "应为区划代码的开头几位", '请加引号，如 area: "4213"')
    for index, item in enumerate(_list(ex, table, "custom_areas")):
        _check_custom_area(ex, item, index)
    return table


def _check_custom_area(ex: Examiner, value: Any, index: int) -> None:
    here = ("custom_areas", index)
    table = ex.table(
        value, here, required=("id", "name", "level"), optional=("members",)
    )
    if table is None:
        return
    ex.text(table.get("id"), (*here, "id"))
    ex.text(table.get("name"), (*here, "name"))
    ex.choice(table.get("level"), (*here, "level"), LEVELS, what="层级")
    members = table.get("members", [])
    if not isinstance(members, list):
        ex.add((*here, "members"), "应为区划代码的列表（方括号）")
        return
    for position, code in enumerate(members):
        ex.text(code, (*here, "members", position))


def _list(ex: Examiner, table: dict[str, Any], key: str) -> list[Any]:
    value = table.get(key, [])
    if isinstance(value, list):
        return value
    ex.add((key,), "应为列表（方括号）")
    return []


def _name(item: Any, index: int) -> str:
    named = isinstance(item, dict) and isinstance(item.get("id"), str)
    return item["id"] if named else f"indicators[{index + 1}]"


def _check_ids(ex: Examiner, raw: list[Any], other_ids: Iterable[str] | None) -> None:
    """Check that ids are unique and that those named exist, without circles."""
    first: dict[str, int] = {}
    for index, item in enumerate(raw):
        ex.base, ex.entry = ("indicators", index), _name(item, index)
        id_ = item.get("id") if isinstance(item, dict) else None
        if not isinstance(id_, str) or not _ENTRY_ID.fullmatch(id_):
            if isinstance(item, dict) and "id" in item:
                ex.add(("id",), "指标编号应为字母、数字、- 和 _，最多 40 位")
            continue
        if id_ in first:
            line = ex.marked.line(("indicators", first[id_], "id"))
            ex.add(("id",), f"编号“{id_}”重复，已用于第 {line} 行", "请改用另一编号")
        first.setdefault(id_, index)
    others = shipped_ids() if other_ids is None else frozenset(other_ids)
    for index, item in enumerate(raw):
        ex.base, ex.entry = ("indicators", index), _name(item, index)
        if isinstance(item, dict):
            _check_references(ex, item, frozenset(first), others)
    for key, what in (("part_of", "从属"), ("baseline_of", "基期")):
        _check_circles(ex, raw, key, what)


def _check_references(
    ex: Examiner, item: dict[str, Any], own: frozenset[str], others: frozenset[str]
) -> None:
    for key in ("part_of", "baseline_of"):
        name = item.get(key)
        if name is not None and not (isinstance(name, str) and name in own):
            reason = f"本规划没有指标“{name}”"
            ex.add((key,), reason, "请检查编号")
    conflicts = item.get("conflicts_with", [])
    if not isinstance(conflicts, list):
        ex.add(("conflicts_with",), "应为编号的列表（方括号）")
        return
    for position, name in enumerate(conflicts):
        if name == item.get("id"):
            ex.add(("conflicts_with", position), "不能与自己冲突")
        elif not isinstance(name, str) or name not in own | others:
            ex.add(("conflicts_with", position), f"没有指标“{name}”", "请检查编号")


def _check_circles(ex: Examiner, raw: list[Any], key: str, what: str) -> None:
    """Refuse entries that belong to each other in a circle."""
    above = {
        item["id"]: item[key]
        for item in raw
        if isinstance(item, dict)
        and isinstance(item.get("id"), str)
        and isinstance(item.get(key), str)
    }
    for index, item in enumerate(raw):
        id_ = item.get("id") if isinstance(item, dict) else None
        if not isinstance(id_, str) or id_ not in above:
            continue
        chain = [id_]
        while chain[-1] in above and above[chain[-1]] not in chain:
            chain.append(above[chain[-1]])
        if above.get(chain[-1]) == id_:
            ex.base, ex.entry = ("indicators", index), id_
            circle = " → ".join((*chain, id_))
            ex.add((key,), f"{what}关系成环：{circle}", "请去掉其中一个")


def _check_unused(ex: Examiner, readings: Readings, raw: list[Any]) -> None:
    ex.entry, ex.base = "parameters", ("parameters",)
    used = used_names(raw) | used_names(list(readings.raw.values()))
    for name in readings.raw:
        if name not in used:
            ex.add((name,), "没有指标引用这个参数", f"请以 ${{{name}}} 引用，或删去")
