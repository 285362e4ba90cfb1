"""Mistakes of a plan register: where, what, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from yikezhong_geodata.data_files import DataFileError
from yikezhong_geodata.plans.marked_yaml import Path_


class PlanError(DataFileError):
    """A plan register is wrong; ``mistakes`` holds all of them."""

    def __init__(self, mistakes: tuple[PlanMistake, ...]) -> None:
        first = mistakes[0]
        more = f"（另有 {len(mistakes) - 1} 处错误）" if len(mistakes) > 1 else ""
        super().__init__(
            f"{first.reason}{more}",
            file=first.file,
            row=first.line,
            column=first.place,
            hint=first.remedy or None,
        )
        self.mistakes = mistakes


@dataclass(frozen=True)
class PlanMistake:
    """One mistake.

    Parameters
    ----------
    file : str
        Name of the file.
    entry : str
        Id of the indicator, or the section (``plan``, ``parameters``).
    key : str
        Path of the key inside, e.g. ``with.any_of[1].categories``; may be empty.
    line : int or None
        Line of the file, from 1.
    reason, remedy : str
        In Chinese.
    """

    file: str
    entry: str
    key: str
    line: int | None
    reason: str
    remedy: str = ""

    @property
    def place(self) -> str:
        """Entry and key in one."""
        return f"{self.entry} · {self.key}" if self.key else self.entry

    def __str__(self) -> str:
        line = f"第 {self.line} 行，" if self.line is not None else ""
        text = f"{self.file}，{line}{self.place}：{self.reason}"
        return f"{text}。{self.remedy}" if self.remedy else text


def key_text(path: Path_) -> str:
    """Return a path in words, list positions counted from 1.

    Examples
    --------
    >>> key_text(("with", "any_of", 0, "categories"))
    'with.any_of[1].categories'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text
