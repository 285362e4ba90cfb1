"""What the commands print: progress bars, tables, errors; people or machines read it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from yikezhong_app.progress import ProgressCall
from yikezhong_coverage.errors import (
    GraphError,
    InputError,
    PlannerError,
    SourceError,
)

#: What lasts as long as the command that runs.
_COMMAND: ContextVar[ExitStack] = ContextVar("command")
EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
#: As shells say it: ended by the signal 2, an interrupt at the terminal.
EXIT_INTERRUPTED = 130


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[ProgressCall]:
    """Show a progress bar on standard error; nothing where ``quiet``."""
    if quiet:
        yield lambda step, fraction: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=1.0)

        def call(step: str, fraction: float) -> None:
            bar.update(task, description=step, completed=min(max(fraction, 0.0), 1.0))

        yield call


def check_files(paths: Sequence[Path], *, formats: Sequence[str]) -> None:
    """Refuse files that cannot be written, before anything is computed.

    Parameters
    ----------
    paths : sequence of Path
    formats : sequence of str
        Suffixes that can be written, without the dot.
    """
    for path in paths:
        if path.suffix.lstrip(".") not in formats:
            known = "、".join(f".{form}" for form in formats)
            raise InputError(f"不能写“{path.suffix}”文件", hint=f"可用：{known}")
        if not path.resolve().parent.is_dir():
            raise InputError("没有这个文件夹", file=str(path.parent))


def current_folder(study: Path, *, quiet: bool) -> Path:
    """Return the folder that a study is read from, and say where it is a version.

    Where layers are in a database it is a working copy that lasts as long as the
    command.
    """
    from yikezhong_geodata.databases.working_copy import working_study
    from yikezhong_geodata.spec import read_spec
    from yikezhong_geodata.study_versions import current_study

    folder = current_study(study)
    if folder != study and not quiet:
        print_line(f"读取研究的当前版本：{folder}")
    if read_spec(folder).database is None:
        return folder
    with progress_bar(quiet=quiet) as progress:
        ready = working_study(folder, progress=progress)
        return _COMMAND.get().enter_context(ready)


@contextmanager
def command() -> Iterator[None]:
    """Keep what a command needs for as long as the block takes."""
    with ExitStack() as stack:
        token = _COMMAND.set(stack)
        try:
            yield
        finally:
            _COMMAND.reset(token)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def print_table(
    title: str, headers: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Print a table; numbers are set to the right."""
    table = Table(title=title, title_justify="left")
    for position, header in enumerate(headers):
        numeric = bool(rows) and all(
            isinstance(row[position], (int, float)) for row in rows
        )
        table.add_column(header, justify="right" if numeric else "left")
    for row in rows:
        # Text, not markup: a name in square brackets is shown as it is
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    Console().print(table)


def print_line(text: str) -> None:
    """Print a sentence on standard output, as it is."""
    sys.stdout.write(text + "\n")


def print_warning(text: str) -> None:
    """Print a sentence on standard error, where it disturbs no JSON."""
    sys.stderr.write(text + "\n")


def exit_code(error: PlannerError) -> int:
    """Return 2 for bad input, 1 for everything else that failed."""
    bad = isinstance(error, (InputError, GraphError))
    return EXIT_BAD_INPUT if bad else EXIT_FAILED


def interrupted() -> PlannerError:
    """Say that somebody has ended the command before it was done."""
    return PlannerError("已中断，已有成果不变", hint="重新运行时，已算完的部分不再重算")


class DiskError(SourceError):
    """A file or folder could not be read or written."""


def disk_error(error: OSError) -> DiskError:
    """Say what the system refused: a full disk, a missing right, a wrong path.

    Examples
    --------
    >>> str(disk_error(PermissionError(13, "Permission denied", "/out")))
    '/out：无法读写（Permission denied）。请检查路径、权限与磁盘空间'
    """
    return DiskError(
        f"无法读写（{error.strerror or error}）",
        file=None if error.filename is None else str(error.filename),
        hint="请检查路径、权限与磁盘空间",
    )


def print_error(error: PlannerError, *, as_json: bool) -> None:
    """Print an error with its place and remedy."""
    if as_json:
        names = ("code", "message", "file", "layer", "row", "column", "hint")
        print_json({"error": {name: getattr(error, name) for name in names}})
    else:
        sys.stderr.write(f"错误（{error.code}）：{error}\n")
