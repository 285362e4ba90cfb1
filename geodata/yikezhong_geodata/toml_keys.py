"""Typed reading of one TOML table, so that every mistake names its key.

A :class:`Keys` hands out values by name and type and remembers which were asked
for; :meth:`Keys.done` refuses what nobody asked for, which is how a misspelt key is
noticed instead of silently doing nothing.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeVar

from yikezhong_coverage.errors import InputError

T = TypeVar("T")


class StudySpecError(InputError):
    """``study.toml`` has a wrong, unknown or missing key."""


class StudyPathError(InputError):
    """A path of ``study.toml`` leads out of the study folder or to nothing."""


class Keys:
    """One table of a TOML file.

    Parameters
    ----------
    table : mapping
        The parsed table.
    where : str
        Its name for messages, e.g. ``facilities[2]``.
    file : str
        Name of the TOML file, for messages.

    Examples
    --------
    >>> keys = Keys({"name": "甲", "year": 2020}, where="study", file="study.toml")
    >>> keys.text("name"), keys.whole("year"), keys.text("notice")
    ('甲', 2020, None)
    >>> keys.done()
    >>> keys.number("name")
    Traceback (most recent call last):
    ...
    yikezhong_geodata.toml_keys.StudySpecError: study.toml，列“study.name”：应为数字
    """

    def __init__(self, table: Mapping[str, Any], *, where: str, file: str) -> None:
        self.table = table
        self.where = where
        self.file = file
        self.asked: list[str] = []

    def error(self, key: str, message: str, hint: str | None = None) -> StudySpecError:
        """Return (not raise) an error that names ``key``."""
        column = f"{self.where}.{key}" if self.where else key
        return StudySpecError(message, file=self.file, column=column, hint=hint)

    def _take(
        self, key: str, convert: Callable[[Any], T | None], what: str
    ) -> T | None:
        self.asked.append(key)
        if key not in self.table:
            return None
        value = convert(self.table[key])
        if value is None:
            raise self.error(key, f"应为{what}")
        return value

    def text(self, key: str) -> str | None:
        """Return a text, stripped; an empty one counts as not given."""
        value = self._take(key, lambda v: v if isinstance(v, str) else None, "文本")
        return value.strip() or None if value is not None else None

    def required(self, key: str) -> str:
        """Return a text that must be there."""
        value = self.text(key)
        if value is None:
            raise self.error(key, "缺少必填项", "请在 study.toml 中补充")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        """Return one of some words."""
        value = self.text(key)
        if value is not None and value not in choices:
            raise self.error(key, f"“{value}”不可用", f"可用：{'、'.join(choices)}")
        return value

    def whole(self, key: str) -> int | None:
        """Return a whole number."""
        return self._take(
            key,
            lambda v: v if isinstance(v, int) and not isinstance(v, bool) else None,
            "整数",
        )

    def number(self, key: str) -> float | None:
        """Return a finite number."""

        def convert(value: Any) -> float | None:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return None
            return float(value) if math.isfinite(value) else None

        return self._take(key, convert, "数字")

    def flag(self, key: str) -> bool | None:
        """Return true or false."""
        return self._take(
            key, lambda v: v if isinstance(v, bool) else None, "true/false"
        )

    def date(self, key: str) -> dt.date | None:
        """Return a date, written as a TOML date or as text."""

        def convert(value: Any) -> dt.date | None:
            if isinstance(value, dt.datetime):
                return value.date()
            if isinstance(value, dt.date):
                return value
            if isinstance(value, str):
                try:
                    return dt.date.fromisoformat(value.strip())
                except ValueError:
                    return None
            return None

        return self._take(key, convert, "日期（如 2023-12-31）")

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts (one text counts as a list of one)."""

        def convert(value: Any) -> tuple[str, ...] | None:
            values = [value] if isinstance(value, str) else value
            if not isinstance(values, list):
                return None
            return tuple(values) if all(isinstance(v, str) for v in values) else None

        return self._take(key, convert, "文本列表") or ()

    def numbers(self, key: str) -> tuple[float, ...]:
        """Return a list of finite numbers."""

        def convert(value: Any) -> tuple[float, ...] | None:
            if not isinstance(value, list):
                return None
            for item in value:
                if isinstance(item, bool) or not isinstance(item, int | float):
                    return None
                if not math.isfinite(item):
                    return None
            return tuple(float(item) for item in value)

        return self._take(key, convert, "数字列表") or ()

    def text_map(self, key: str) -> Mapping[str, str]:
        """Return a table of texts."""

        def convert(value: Any) -> dict[str, str] | None:
            if not isinstance(value, dict):
                return None
            good = all(isinstance(item, str) for item in value.values())
            return dict(value) if good else None

        return self._take(key, convert, "文本到文本的表") or {}

    def table_of(self, key: str) -> Keys | None:
        """Return a table inside this one."""
        value = self._take(key, lambda v: v if isinstance(v, dict) else None, "表")
        if value is None:
            return None
        inner = f"{self.where}.{key}" if self.where else key
        return Keys(value, where=inner, file=self.file)

    def tables(self, key: str) -> tuple[Keys, ...]:
        """Return a list of tables; a single table counts as a list of one."""

        def convert(value: Any) -> list[dict[str, Any]] | None:
            values = [value] if isinstance(value, dict) else value
            if not isinstance(values, list):
                return None
            return values if all(isinstance(v, dict) for v in values) else None

        values = self._take(key, convert, "表的列表（[[…]]）") or []
        return tuple(
            Keys(value, where=f"{key}[{number}]", file=self.file)
            for number, value in enumerate(values, start=1)
        )

    def done(self) -> None:
        """Refuse keys that were never asked for."""
        for key in self.table:
            if key not in self.asked:
                near = difflib.get_close_matches(key, self.asked, n=1)
                hint = (
                    f"是否应为“{near[0]}”？"
                    if near
                    else f"可用：{'、'.join(sorted(set(self.asked)))}"
                )
                raise self.error(key, "不认识的配置项", hint)


def inside(folder: Path, name: str, *, column: str, file: str = "study.toml") -> Path:
    """Return the path of a file of the study; refuse what lies outside.

    Parameters
    ----------
    folder : Path
        The study folder.
    name : str
        Relative path, ``/`` between its parts.
    column : str
        Key it was read from, for messages.
    file : str
        File it was read from, for messages.

    Returns
    -------
    Path
        An existing file in the folder.

    Raises
    ------
    StudyPathError
        If the path is absolute, holds ``..``, a URL or a GDAL prefix, leads out by
        a link, or names no file.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    outside = (
        ".." in parts
        or PurePosixPath(name).is_absolute()
        or bool(PureWindowsPath(name).anchor)
        or ":" in name
        or "\0" in name
    )
    path = folder / name.replace("\\", "/") if not outside else folder
    if outside or not path.resolve().is_relative_to(folder.resolve()):
        raise StudyPathError(
            f"路径“{name}”不在项目文件夹内",
            file=file,
            column=column,
            hint="请把文件放入项目文件夹，并写相对路径",
        )
    if not path.is_file():
        raise StudyPathError(
            f"找不到文件“{name}”", file=file, column=column, hint="请检查文件名"
        )
    return path
