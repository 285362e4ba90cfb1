"""Cells that say yes or no."""

from __future__ import annotations

from typing import Final

from yikezhong_geodata.numbers import clean_text, is_missing

_YES: Final = frozenset(
    ("是", "有", "已", "1", "y", "yes", "true", "t", "√", "✓", "✔", "具备", "符合", "开通", "已开通", "已设立", "已配备", "已建成", "已建", "提供", "对")
)  # fmt: skip
_NO: Final = frozenset(
    ("否", "无", "未", "没有", "0", "n", "no", "false", "f", "×", "✗", "x", "不具备", "不符合", "未开通", "未设立", "未配备", "未建成", "未建", "不提供", "错")
)  # fmt: skip


def parse_flag(text: str | None) -> tuple[bool | None, str | None]:
    """Return whether a cell says yes (or counts some), and what is wrong with it.

    Examples
    --------
    >>> parse_flag("是"), parse_flag("无"), parse_flag("√"), parse_flag("3")
    ((True, None), (False, None), (True, None), (True, None))
    >>> parse_flag(None), parse_flag("-"), parse_flag("正在核实")
    ((None, 'missing'), (None, 'missing'), (None, 'unreadable'))
    """
    plain = clean_text(text)
    if plain is None:
        return None, "missing"
    word = plain.casefold().removesuffix(".0")
    if word in _YES:
        return True, None
    if word in _NO:
        return False, None
    if word.isdecimal():  # a count, as of cremators
        return int(word) > 0, None
    return None, "missing" if is_missing(plain) else "unreadable"
