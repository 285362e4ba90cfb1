"""Typed reading of a register that collects mistakes instead of stopping at one."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from yikezhong_geodata.plans.marked_yaml import MarkedYaml, Path_
from yikezhong_geodata.plans.mistakes import PlanMistake, key_text

_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,12})?")


@dataclass
class Examiner:
    """Checks the values of one register and notes what is wrong with them.

    Parameters
    ----------
    marked : MarkedYaml
        The file, for lines.
    services : frozenset of str
        Ids of the services that there are.
    mistakes : list of PlanMistake
        Grows as values are checked.
    entry : str
        Entry or section being checked.
    base : tuple
        Its path in the file.
    """

    marked: MarkedYaml
    services: frozenset[str] = frozenset()
    mistakes: list[PlanMistake] = field(default_factory=list)
    entry: str = ""
    base: Path_ = ()

    def add(self, path: Path_, reason: str, remedy: str = "") -> None:
        """Note a mistake."""
        line = self.marked.line((*self.base, *path))
        file = self.marked.file
        self.mistakes.append(
            PlanMistake(file, self.entry, key_text(path), line, reason, remedy)
        )

    def table(
        self,
        value: Any,
        path: Path_,
        *,
        required: Iterable[str] = (),
        optional: Iterable[str] = (),
    ) -> dict[str, Any] | None:
        """Return a table whose keys are known; None where it is none."""
        if not isinstance(value, dict):
            self.add(path, "应为表（键: 值）")
            return None
        needed = tuple(required)
        known = (*needed, *optional)
        for key in value:
            if key not in known:
                self.add((*path, key), "不认识的键", near_or_all(key, known))
        for key in needed:
            if key not in value:
                self.add(path, f"缺少“{key}”", f"请补充 {key}")
        return value

    def text(self, value: Any, path: Path_) -> str | None:
        """Return a text that is not empty."""
        if isinstance(value, str) and value.strip():
            return value
        self.add(path, "应为文本", "代码、小数等请加引号")
        return None

    def choice(
        self, value: Any, path: Path_, choices: Iterable[str], *, what: str
    ) -> str | None:
        """Return one of some words."""
        known = tuple(choices)
        if isinstance(value, str) and value in known:
            return value
        self.add(path, f"不认识的{what}“{value}”", near_or_all(str(value), known))
        return None

    def choices(
        self,
        value: Any,
        path: Path_,
        choices: Iterable[str],
        *,
        what: str,
        empty: bool = False,
    ) -> tuple[str, ...] | None:
        """Return a list of such words, without repetition."""
        known = tuple(choices)
        if not isinstance(value, list) or (not value and not empty):
            self.add(path, f"应为{what}的列表（方括号）")
            return None
        found = [
            self.choice(item, (*path, index), known, what=what)
            for index, item in enumerate(value)
        ]
        words = [word for word in found if word is not None]
        if len(set(words)) < len(words):
            self.add(path, f"{what}重复")
        return tuple(words) if len(words) == len(value) else None

    def decimal(
        self, value: Any, path: Path_, *, null: bool = False
    ) -> Fraction | None:
        """Return an exact number: a quoted decimal or a whole number."""
        if value is None and null:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return Fraction(value)
        if isinstance(value, str) and _DECIMAL.fullmatch(value):
            return Fraction(value)
        if isinstance(value, float):
            self.add(path, f"小数 {value} 应加引号，以便精确计算", f'请写作 "{value}"')
        else:
            self.add(path, f"“{value}”不是十进制数", '请写作 "0.6" 或 "30"，不带单位')
        return None

    def positive(self, value: Any, path: Path_, *, null: bool = False) -> None:
        """Check that a number is above zero."""
        number = self.decimal(value, path, null=null)
        if number is not None and number <= 0:
            self.add(path, "应大于 0")

    def between(
        self, value: Any, path: Path_, *, high: int, null: bool = False
    ) -> None:
        """Check that a number is in [0, high]."""
        number = self.decimal(value, path, null=null)
        if number is not None and not 0 <= number <= high:
            self.add(path, f"应在 0 到 {high} 之间")

    def whole(self, value: Any, path: Path_, *, least: int) -> int | None:
        """Return a whole number."""
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        self.add(path, f"应为不小于 {least} 的整数")
        return None

    def flag(self, value: Any, path: Path_) -> None:
        """Check true or false."""
        if not isinstance(value, bool):
            self.add(path, "应为 true 或 false")

    def date(self, value: Any, path: Path_) -> dt.date | None:
        """Return a date, written bare or as text."""
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            return value
        if isinstance(value, str):
            try:
                return dt.date.fromisoformat(value)
            except ValueError:
                pass
        self.add(path, f"“{value}”不是日期", "请写作 2025-12-31")
        return None


def near_or_all(word: str, known: Iterable[str]) -> str:
    """Return a hint: the likely word, else all of them."""
    words = tuple(known)
    near = difflib.get_close_matches(word, words, n=1)
    if near:
        return f"是否应为“{near[0]}”？"
    return "可用：" + "、".join(words) if words else ""
