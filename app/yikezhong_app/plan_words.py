"""Results of plan indicators in the words of a planner."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

import numpy as np

from yikezhong_coverage.records import IndexArray
from yikezhong_coverage.rules.records import NOT_MET, Indicator, Result
from yikezhong_coverage.rules.valued import Valued
from yikezhong_coverage.rules.verdict import NUMBER_OF
from yikezhong_geodata.plans.attributes import attribute_terms

#: Verdict → Chinese.
STATUS_NAMES: Final[Mapping[str, str]] = {
    "met": "达标",
    "not_met": "未达标",
    "unknown": "无法判定",
    "not_applicable": "不适用",
    "no_target": "无目标",
}
#: What the areas of a level are counted as.
_AREAS: Final[Mapping[str, str]] = {
    "province": "个省",
    "prefecture": "个市（州）",
    "county": "个县（市、区）",
    "township": "个乡镇（街道）",
    "community": "个社区（村）",
}
#: What a network time counts.
_COUNTED: Final[Mapping[str, str]] = {
    "people": "人",
    "communities": "个社区（村）",
    "townships": "个乡镇（街道）",
}
#: Of these there are no parts.
_WHOLE: Final = frozenset({"人", "户", "张", "个"})
_OF_AREAS: Final = frozenset({"presence", "step_standard"})
#: Units of the values of targets.
_VALUE_UNITS: Final[Mapping[str, str]] = {
    "persons": "人",
    "households": "户",
    "beds": "张",
    "facilities": "个",
    "years": "年",
}


def missing_texts(valued: Valued) -> tuple[IndexArray, list[str]]:
    """Say how far the rows of an indicator are from the target: 还差 3 个乡镇（街道）.

    Returns
    -------
    index : ndarray of int32, shape (n_row,)
        Into the texts; -1 where the target is met, or not judged.
    texts : list of str
    """
    unit, target = _unit(valued.indicator), valued.indicator.target
    index = np.full(len(valued), -1, dtype=np.int32)
    said = valued.missing.known & (valued.status == NUMBER_OF[NOT_MET])
    if target is None or not said.any():
        return index, []
    missing = valued.missing.take(np.flatnonzero(said))
    amounts = missing.rounded_up() if unit in _WHOLE else missing
    numbers, index[said] = np.unique(amounts.numbers(), return_inverse=True)
    return index, [_missing_text(n, unit, target.comparison) for n in numbers.tolist()]


def missing_text(indicator: Indicator, result: Result) -> str | None:
    """Say how far one result is from the target; None where it is met, or not judged."""
    missing, target = result.missing_units, indicator.target
    if result.status != NOT_MET or missing is None or target is None:
        return None
    unit = _unit(indicator)
    amount = math.ceil(missing) if unit in _WHOLE else missing
    return _missing_text(float(amount), unit, target.comparison)


def _missing_text(number: float, unit: str, comparison: str) -> str:
    """Say an amount that is missing, or too much.

    Examples
    --------
    >>> _missing_text(3.0, "个乡镇（街道）", ">="), _missing_text(2.5, "", "<")
    ('还差 3 个乡镇（街道）', '超出 2.5')
    >>> _missing_text(0.0, "平方米", ">")
    '还差 0 平方米，且须超过'
    """
    amount = f"{number_text(number)} {unit}".rstrip()
    if comparison in ("<=", "<"):
        return f"超出 {amount}"
    return f"还差 {amount}，且须超过" if comparison == ">" else f"还差 {amount}"


def number_text(value: Fraction | float) -> str:
    """Return a number for reading: whole ones whole, others to three digits.

    Examples
    --------
    >>> number_text(Fraction(3)), number_text(Fraction(10, 3)), number_text(1234567.5)
    ('3', '3.333', '1,234,567.5')
    """
    text = f"{float(value):,.3f}"
    return text.rstrip("0").rstrip(".")


def _unit(indicator: Indicator) -> str:
    """Return what the missing units of an indicator are."""
    rule = indicator.with_
    if indicator.rule in _OF_AREAS:
        return _AREAS[indicator.unit]
    if indicator.rule == "boundary_quality":
        return "个区划"
    if indicator.rule == "network_time":
        return _COUNTED.get(str(rule.get("count", "people")), "")
    if indicator.rule in ("facility_share", "exclusion_zone"):
        return "个设施"
    part = rule.get("numerator") or rule.get("amount") or rule
    column = part.get("column") if isinstance(part, Mapping) else None
    if column is not None:
        term = attribute_terms().get(str(column))
        return (term.unit if term else None) or ""
    if indicator.rule == "count" or (isinstance(part, Mapping) and part.get("count")):
        return "个设施"
    target = indicator.target
    return "" if target is None else _VALUE_UNITS.get(target.unit, "")


def describe_plans(plans: Any) -> list[dict[str, Any]]:
    """Return plans as plain values, for the manifest of a run.

    Parameters
    ----------
    plans : sequence of Plan
    """
    return [
        {
            "id": plan.id,
            "name": plan.name,
            "document": plan.document,
            "level": plan.level,
            "area": plan.area,
            "issued": _iso(plan.issued),
            "starts": _iso(plan.starts),
            "ends": _iso(plan.ends),
            "evaluations": [day.isoformat() for day in plan.evaluations],
            "readings": [
                {
                    "name": reading.name,
                    "default": plain_value(reading.default),
                    "value": plain_value(reading.value),
                    "sentence": reading.sentence,
                }
                for reading in plan.readings
            ],
            "indicators": [_describe_entry(entry) for entry in plan.entries],
        }
        for plan in plans
    ]


def _describe_entry(entry: Any) -> dict[str, Any]:
    indicator = entry.indicator
    target, clause = indicator.target, indicator.clause
    return {
        "id": indicator.id,
        "plan": indicator.plan,
        "name": indicator.name,
        "english": indicator.english,
        "class": indicator.class_,
        "unit": indicator.unit,
        "rule": indicator.rule,
        "with": plain_value(indicator.with_),
        "nature": indicator.nature,
        "clause": None
        if clause is None
        else {
            "document": clause.document,
            "chapter": clause.chapter,
            "phrase": clause.phrase,
        },
        "target": None
        if target is None
        else {
            "comparison": target.comparison,
            "value": float(target.value),
            "unit": target.unit,
            "year": target.year,
            "by": _iso(target.by),
            "levels": list(target.levels),
        },
        "baselines": [
            {"year": b.year, "value": float(b.value), "kind": b.kind}
            for b in entry.baselines
        ],
        "baseline_of": entry.baseline_of,
        "part_of": entry.part_of,
        "statistic": entry.statistic,
        "conflicts_with": list(indicator.conflicts_with),
        "reading": indicator.reading,
    }


def _iso(day: Any) -> str | None:
    return None if day is None else str(day.isoformat())


def plain_value(value: Any) -> Any:
    """Return a value of a register as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
