"""Selecting areas and places with three answers: no, maybe, yes.

A missing attribute answers *maybe*, never *no*. A condition is a mapping:

``{attribute: beds, at_least: "150"}``
    one of ``equals``, ``not_equals``, ``in``, ``at_least``, ``at_most``, ``above``,
    ``below``; numbers are compared exactly.
``{any_of: [...]}``, ``{all_of: [...]}``
    conditions joined.

A selector of places is ``{categories, functions, where, status, opened_from,
opened_to}``, or a list of them (any of). The areas that count are given by kinds and by ``eligible``: a condition that
may carry ``kinds`` too, or a list of them (any of).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yikezhong_coverage.records import BoolArray, IntArray
from yikezhong_coverage.rules.ground import Ground
from yikezhong_coverage.rules.numbers import RuleError, as_day, exact, is_missing
from yikezhong_coverage.rules.records import Indicator

StateArray = NDArray[np.int8]

NO: Final = 0
MAYBE: Final = 1
YES: Final = 2

#: Statuses each word of a selector takes.
STATUS_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "open": frozenset({"open"}),
    "planned": frozenset({"planned"}),
    "built": frozenset({"open", "closed"}),
    "any": frozenset({"open", "planned", "closed", "unknown"}),
}

#: Comparisons of a condition.
OPERATORS: Final = (
    "equals",
    "not_equals",
    "in",
    "at_least",
    "at_most",
    "above",
    "below",
)

_SELECTOR_KEYS: Final = frozenset(
    {"categories", "functions", "where", "status", "opened_from", "opened_to"}
)


@dataclass
class Lacks:
    """Names of the inputs found missing, each with a bit of its own."""

    names: list[str] = field(default_factory=list)

    def bit(self, name: str) -> int:
        """Return the bit of an input; the last one is shared when there are many."""
        if name not in self.names:
            self.names.append(name)
        return 1 << min(self.names.index(name), 62)


@dataclass(frozen=True, eq=False)
class Match:
    """An answer per row, and what is missing where the answer is *maybe*.

    Parameters
    ----------
    state : ndarray of int8, shape (n,)
        :data:`NO`, :data:`MAYBE` or :data:`YES`.
    lacks : ndarray of int64, shape (n,)
        Bits of :class:`Lacks`; 0 where the answer is certain.
    """

    state: StateArray
    lacks: IntArray

    def both(self, other: Match) -> Match:
        """Return where both hold."""
        return _clean(np.minimum(self.state, other.state), self.lacks | other.lacks)

    def either(self, other: Match) -> Match:
        """Return where at least one holds."""
        return _clean(np.maximum(self.state, other.state), self.lacks | other.lacks)

    def take(self, index: NDArray[Any]) -> Match:
        """Return the answers at ``index``."""
        return Match(self.state[index], self.lacks[index])


def _clean(state: StateArray, lacks: IntArray) -> Match:
    """Keep the bits only where the answer is *maybe*."""
    return Match(state, np.where(state == MAYBE, lacks, 0))


def always(n: int, *, holds: bool = True) -> Match:
    """Return a certain answer for ``n`` rows."""
    state = np.full(n, YES if holds else NO, dtype=np.int8)
    return Match(state, np.zeros(n, dtype=np.int64))


def certain(holds: BoolArray, *, known: BoolArray, bit: int) -> Match:
    """Return an answer where it is known, *maybe* elsewhere."""
    state = np.where(known, np.where(holds, YES, NO), MAYBE).astype(np.int8)
    return Match(state, np.where(known, 0, bit).astype(np.int64))


Lookup = Callable[[str], NDArray[Any] | None]


def match_condition(
    condition: Mapping[str, Any], lookup: Lookup, *, n: int, lacks: Lacks
) -> Match:
    """Answer one condition for every row.

    Parameters
    ----------
    condition : mapping
        See the module.
    lookup : callable
        Gives the column of an attribute, or None where there is none.
    n : int
        Number of rows.
    lacks : Lacks
        Gets the names of what is missing.
    """
    for key, join in (("any_of", Match.either), ("all_of", Match.both)):
        if key in condition:
            result = always(n, holds=key == "all_of")
            for part in condition[key]:
                found = match_condition(part, lookup, n=n, lacks=lacks)
                result = join(result, found)
            return result
    operators = [name for name in OPERATORS if name in condition]
    if "attribute" not in condition or len(operators) != 1:
        raise RuleError(
            f"条件 {dict(condition)} 无法识别",
            hint="应有 attribute 和以下之一：" + "、".join(OPERATORS),
        )
    name = str(condition["attribute"])
    column = lookup(name)
    bit = lacks.bit(name)
    if column is None:
        return certain(np.zeros(n, bool), known=np.zeros(n, bool), bit=bit)
    return _compare(
        column.tolist(), operators[0], wanted=condition[operators[0]], bit=bit
    )


def _compare(column: list[Any], operator: str, *, wanted: Any, bit: int) -> Match:
    """Compare every value of a column with what is wanted."""
    answer: dict[Any, int] = {}
    state = np.empty(len(column), dtype=np.int8)
    for i, value in enumerate(column):
        key = (type(value), value)
        if key not in answer:
            answer[key] = (
                MAYBE if is_missing(value) else _one(value, operator, wanted=wanted)
            )
        state[i] = answer[key]
    return Match(state, np.where(state == MAYBE, bit, 0).astype(np.int64))


def _one(value: Any, operator: str, *, wanted: Any) -> int:
    """Compare one known value; *maybe* where a number is asked and there is none."""
    if operator in ("equals", "not_equals"):
        return YES if _same(value, wanted) == (operator == "equals") else NO
    if operator == "in":
        return YES if any(_same(value, one) for one in wanted) else NO
    number, limit = exact(value), exact(wanted)
    if limit is None:
        raise RuleError(f"条件的界限“{wanted}”不是数")
    if number is None:
        return MAYBE
    holds = {
        "at_least": number >= limit,
        "at_most": number <= limit,
        "above": number > limit,
        "below": number < limit,
    }[operator]
    return YES if holds else NO


def _same(value: Any, wanted: Any) -> bool:
    """Return whether two values are the same number, truth or text."""
    first, second = exact(value), exact(wanted)
    if first is not None and second is not None:
        return first == second
    return str(value) == str(wanted)


def match_places(ground: Ground, selector: Any, *, lacks: Lacks) -> Match:
    """Answer a selector, or a list of them (any of), for every place.

    ``status`` is ``open`` unless the selector says otherwise: a planned place does
    not count. A place whose functions or status are not known is *maybe*.
    """
    n = len(ground.places)
    if not isinstance(selector, Mapping):
        result = always(n, holds=False)
        for one in selector:
            result = result.either(match_places(ground, one, lacks=lacks))
        return result
    wrong = sorted(set(selector) - _SELECTOR_KEYS)
    if wrong:
        raise RuleError(f"设施筛选条件中的“{wrong[0]}”无法识别")
    categories = selector.get("categories")
    result = always(n)
    if categories is not None:
        inside = np.isin(ground.places.category, list(categories))
        result = certain(inside, known=np.ones(n, bool), bit=0)
    result = result.both(
        _match_status(ground, selector.get("status", "open"), lacks=lacks)
    )
    result = result.both(_match_days(ground, selector, lacks=lacks))
    return result.both(match_properties(ground, selector, lacks=lacks))


def _match_status(ground: Ground, word: str, *, lacks: Lacks) -> Match:
    """Answer the status of every place."""
    if word not in STATUS_WORDS:
        raise RuleError(
            f"设施状态“{word}”无法识别", hint="可用：" + "、".join(STATUS_WORDS)
        )
    status = ground.places.status
    holds = np.isin(status, list(STATUS_WORDS[word]))
    known = holds | (status != "unknown")
    return certain(holds, known=known, bit=lacks.bit("status"))


def _match_days(ground: Ground, selector: Mapping[str, Any], *, lacks: Lacks) -> Match:
    """Answer for every place whether it opened from one day to another, included."""
    n = len(ground.places)
    limits = []
    for key in ("opened_from", "opened_to"):
        value = selector.get(key)
        day = None if value is None else as_day(value)
        if value is not None and day is None:
            raise RuleError(f"{key} 的值“{value}”不是日期", column=key)
        limits.append(day)
    first, last = limits
    if first is None and last is None:
        return always(n)
    column = ground.places.attributes.get("opened")
    days = [None] * n if column is None else [as_day(v) for v in column.tolist()]
    holds = [day is not None and (first or day) <= day <= (last or day) for day in days]
    known = np.array([day is not None for day in days], dtype=bool)
    return certain(np.array(holds, dtype=bool), known=known, bit=lacks.bit("opened"))


def match_properties(
    ground: Ground, selector: Mapping[str, Any], *, lacks: Lacks
) -> Match:
    """Answer the functions and the ``where`` of a selector for every place."""
    n = len(ground.places)
    result = always(n)
    wanted = frozenset(selector.get("functions") or ())
    if wanted:
        offered = ground.places.functions
        holds = np.array([f is not None and wanted <= f for f in offered], dtype=bool)
        known = np.array([f is not None for f in offered], dtype=bool)
        result = certain(holds, known=known, bit=lacks.bit("functions"))

    def lookup(name: str) -> NDArray[Any] | None:
        if name == "category":
            return ground.places.category
        return ground.places.attributes.get(name)

    for condition in _several(selector.get("where")):
        result = result.both(match_condition(condition, lookup, n=n, lacks=lacks))
    return result


def match_having(ground: Ground, having: Any, *, lacks: Lacks) -> Match:
    """Answer the property of a share: like a selector, without a default status."""
    if not isinstance(having, Mapping):
        having = {"where": having}
    result = match_properties(ground, having, lacks=lacks)
    if "categories" in having:
        inside = np.isin(ground.places.category, list(having["categories"]))
        result = result.both(certain(inside, known=np.ones_like(inside), bit=0))
    if "status" in having:
        result = result.both(_match_status(ground, having["status"], lacks=lacks))
    return result


def match_areas(ground: Ground, condition: Mapping[str, Any], *, lacks: Lacks) -> Match:
    """Answer a condition, and its ``kinds`` where it has them, for every area."""
    n = len(ground.areas)
    result = always(n)
    if "kinds" in condition:
        inside = np.isin(ground.areas.kind, list(condition["kinds"]))
        result = certain(inside, known=np.ones(n, bool), bit=0)
    rest = {key: value for key, value in condition.items() if key != "kinds"}

    def lookup(name: str) -> NDArray[Any] | None:
        if name == "kind":
            return ground.areas.kind
        return ground.areas.attributes.get(name, ground.areas.counts.get(name))

    if not rest:
        return result
    return result.both(match_condition(rest, lookup, n=n, lacks=lacks))


def counted_areas(ground: Ground, indicator: Indicator, *, lacks: Lacks) -> Match:
    """Answer for every area whether the indicator counts it."""
    unit = ground.areas.level == indicator.unit
    result = certain(unit, known=np.ones_like(unit), bit=0)
    if indicator.kinds is not None:
        inside = np.isin(ground.areas.kind, list(indicator.kinds))
        result = result.both(certain(inside, known=np.ones_like(inside), bit=0))
    if indicator.eligible is None:
        return result
    either = always(len(ground.areas), holds=False)
    for condition in _several(indicator.eligible):
        either = either.either(match_areas(ground, condition, lacks=lacks))
    return result.both(either)


def _several(conditions: Any) -> Sequence[Mapping[str, Any]]:
    """Return one condition or a list of them as a list."""
    if conditions is None:
        return ()
    return (conditions,) if isinstance(conditions, Mapping) else tuple(conditions)
