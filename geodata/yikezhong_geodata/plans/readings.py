"""Named readings of a register, and filling them in."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from yikezhong_geodata.plans.examiner import Examiner, near_or_all
from yikezhong_geodata.plans.marked_yaml import Path_

_REFERENCE: Final = re.compile(r"\$\{([^{}]*)\}")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class Readings:
    """The section ``parameters`` of a register.

    Parameters
    ----------
    raw : mapping of str to value
        Defaults as written.
    values : mapping of str to value
        After changes by the study, references among them filled in.
    sentences : mapping of str to str
        What each reading says, in Chinese.
    """

    raw: Mapping[str, Any]
    values: Mapping[str, Any]
    sentences: Mapping[str, str]

    @classmethod
    def of(cls, ex: Examiner, section: Any, changes: Mapping[str, Any]) -> Readings:
        """Check the section, change what a study changes, and fill references in."""
        raw: dict[str, Any] = {}
        sentences: dict[str, str] = {}
        table = section if isinstance(section, dict) else {}
        if not isinstance(section, dict):
            ex.add((), "应为表（参数名: {default: …, reading: …}）")
        for name, item in table.items():
            if not _NAME.fullmatch(name):
                ex.add((name,), "参数名应为小写字母、数字和 _")
            entry = ex.table(item, (name,), required=("default", "reading"))
            if entry is None:
                continue
            raw[name] = entry.get("default")
            if "reading" in entry:
                sentences[name] = ex.text(entry["reading"], (name, "reading")) or ""
        chosen = dict(raw)
        for name, value in changes.items():
            if name in raw:
                chosen[name] = _plain(value)
            else:
                ex.add((), f"规划没有参数“{name}”，不能更改", near_or_all(name, raw))
        values = {name: _resolve(ex, name, chosen) for name in chosen}
        return cls(raw, values, sentences)

    def fill(self, ex: Examiner, value: Any, path: Path_) -> Any:
        """Return a value with every ``${name}`` replaced; notes unknown names."""
        if isinstance(value, dict):
            return {
                key: self.fill(ex, item, (*path, key)) for key, item in value.items()
            }
        if isinstance(value, list):
            return [
                self.fill(ex, item, (*path, index)) for index, item in enumerate(value)
            ]
        if not isinstance(value, str) or "${" not in value:
            return value
        match = _REFERENCE.fullmatch(value)
        if match is None:
            ex.add(path, f"“{value}”中的参数引用应单独成值", '请写作 "${参数名}"')
        elif match[1] not in self.values:
            hint = near_or_all(match[1], self.values)
            ex.add(path, f"没有定义参数“{match[1]}”", hint)
        else:
            return self.values[match[1]]
        return value


def used_names(value: Any) -> set[str]:
    """Return the names of all references in a value.

    Examples
    --------
    >>> sorted(used_names([{"a": "${x}"}, "${y}", 3]))
    ['x', 'y']
    """
    if isinstance(value, dict):
        return set().union(*map(used_names, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(used_names, value)) if value else set()
    return set(_REFERENCE.findall(value)) if isinstance(value, str) else set()


def _resolve(ex: Examiner, name: str, chosen: Mapping[str, Any]) -> Any:
    """Follow references between parameters; a circle is a mistake."""
    chain = [name]
    value = chosen[name]
    while isinstance(value, str) and (match := _REFERENCE.fullmatch(value)):
        if match[1] in chain:
            circle = " → ".join((*chain, match[1]))
            ex.add((name, "default"), f"参数互相引用成环：{circle}")
            return None
        if match[1] not in chosen:
            reason = f"没有定义参数“{match[1]}”"
            ex.add((name, "default"), reason, near_or_all(match[1], chosen))
            return None
        chain.append(match[1])
        value = chosen[match[1]]
    return value


def _plain(value: Any) -> Any:
    """Return a study's value as a register would write it: decimals as text.

    ``"null"`` and an empty text stand for no value, which TOML cannot write.

    Examples
    --------
    >>> _plain(0.9), _plain(["village"]), _plain("null"), _plain(15)
    ('0.9', ['village'], None, 15)
    """
    if isinstance(value, float) and math.isfinite(value):
        return format(value, ".12f").rstrip("0").rstrip(".")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return None if value in ("", "null") else value
