"""The run that a process works at: opened once, however many tasks it gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from yikezhong_app.runs.run_data import RunData, open_run
from yikezhong_coverage.errors import InputError

_OPENED: dict[str, RunData] = {}


def opened_run(payload: dict[str, Any]) -> RunData:
    """Return the run that a task belongs to.

    Raises
    ------
    InputError
        If this process does not see its folder.
    """
    folder = str(payload["run"])
    if folder not in _OPENED:
        _OPENED.clear()
        try:
            _OPENED[folder] = open_run(Path(folder))
        except FileNotFoundError as error:
            raise InputError(
                "计算节点看不到成果目录",
                file=folder,
                hint="请把成果目录放在各节点以相同路径可见的共享盘上",
            ) from error
    return _OPENED[folder]


def forget_run(folder: Path) -> None:
    """Let go of a run whose folder is about to go."""
    _OPENED.pop(str(folder), None)
