"""Ask for a child, listen to it for as long as it may take, and judge its end."""

from __future__ import annotations

import json
import logging
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from yikezhong_coverage.errors import InputError, PlannerError, SourceError
from yikezhong_geodata.file_errors import (
    ReaderCrashedError,
    ReaderMemoryError,
    ReaderOutputError,
    ReaderTimeoutError,
)
from yikezhong_geodata.opening import GIB
from yikezhong_geodata.sandbox.child import ERRORS_FILE
from yikezhong_geodata.sandbox.reader import GRACE_S, READERS, module_path

LOG = logging.getLogger("yikezhong.sandbox")

#: More than this is no answer [bytes]: tables are files, not messages.
_MOST_SAID: Final = 64 * 2**20
#: How often it is looked whether a silent child still lives [s].
_LOOK_S: Final = 0.2


@dataclass(frozen=True)
class SandboxLimits:
    """What a child may take.

    Parameters
    ----------
    memory_bytes : int
        Address space [bytes]; reserved memory counts too, so this is generous.
    cpu_s : int
        Processor time of all its threads [s].
    wall_s : float
        Time by the clock [s].
    file_bytes : int
        Size of any one file it writes [bytes].
    """

    memory_bytes: int = 16 * GIB
    cpu_s: int = 4 * 3600
    wall_s: float = 4 * 3600.0
    file_bytes: int = 8 * GIB


@dataclass(frozen=True)
class Answer:
    """What the child answered, and whether it had no network meanwhile."""

    value: dict[str, Any]
    isolated: bool


def run_apart(
    task: str,
    payload: Mapping[str, Any],
    *,
    folder: Path,
    limits: SandboxLimits,
    progress: Callable[[str, float], None] | None = None,
) -> Answer:
    """Do a task in a child process.

    Parameters
    ----------
    task : str
        ``module:function``, see :data:`yikezhong_geodata.sandbox.child.Task`.
    payload : mapping
        JSON for the task.
    folder : Path
        Working folder of the child, and its temporary folder; there already.
    limits : SandboxLimits
    progress : callable, optional
        Told each step and the share that is done.

    Raises
    ------
    PlannerError
        What the task itself raised, as it was.
    ReaderCrashedError, ReaderMemoryError, ReaderTimeoutError, ReaderOutputError
        If the child died, or had to be ended; the file that it had open is named.
    """
    heard = _Heard()
    request = {
        "task": task,
        "payload": dict(payload),
        "folder": str(folder.resolve()),
        "limits": {name: int(value) for name, value in asdict(limits).items()},
        "path": module_path(),
    }
    reader, ended = READERS.take(), False
    try:
        with reader.begin(request) as (pid, pipe):
            in_time = _listen(pid, pipe, heard, progress, wall_s=limits.wall_s)
            code = reader.end(grace_s=GRACE_S if in_time else 0.0)
        ended = True
    finally:
        if ended:
            READERS.give_back(reader)
        else:
            reader.close()
    if not heard.isolated and not heard.is_silent:
        LOG.warning("the system does not let a child leave the network")
    if heard.error is not None:
        raise _rebuild(heard.error, heard.file)
    if heard.done is None:
        _log_errors(folder, code)
        raise _death(code, heard.file, in_time=in_time, limits=limits)
    return Answer(heard.done, heard.isolated)


@dataclass
class _Heard:
    """What the child has said so far."""

    isolated: bool = False
    is_silent: bool = True
    file: str | None = None
    done: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


def _listen(
    pid: int,
    pipe: BinaryIO,
    heard: _Heard,
    progress: Callable[[str, float], None] | None,
    *,
    wall_s: float,
) -> bool:
    """Take in the child's messages up to its end; return False where time ran out."""
    rest, n_byte, until = b"", 0, time.monotonic() + wall_s
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while time.monotonic() < until:
            if not selector.select(_LOOK_S):
                # what it has started may hold the pipe open
                if _has_ended(pid):
                    return True
                continue
            part = pipe.read(2**16)
            n_byte += len(part)
            if not part or n_byte > _MOST_SAID:
                return True
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                _take(line, heard, progress)
    return False


def _has_ended(pid: int) -> bool:
    """Say whether a child has ended; it is not waited for before we say so."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        )
    except OSError:
        return True


def _take(
    line: bytes, heard: _Heard, progress: Callable[[str, float], None] | None
) -> None:
    """Take in one message; what is none is as good as a crash."""
    try:
        message = json.loads(line)
    except ValueError:
        return
    heard.is_silent = False
    match message:
        case {"isolated": bool(isolated)}:
            heard.isolated = isolated
        case {"file": str(name)}:
            heard.file = name
        case {"step": str(step), "fraction": float(fraction) | int(fraction)}:
            if progress is not None:
                progress(step, fraction)
        case {"done": dict(value)}:
            heard.done = value
        case {"error": dict(value)}:
            heard.error = value


def _rebuild(record: Mapping[str, Any], file: str | None) -> PlannerError:
    """Return an error of the class the child raised, with its message and place."""
    code = record.get("code")
    if code == "ReaderMemory":
        return ReaderMemoryError(
            "读取时超出了内存上限", file=file, hint="请裁剪、简化或拆分文件"
        )
    if code == "ReaderOutput":
        return ReaderOutputError(
            "读取时要写入的文件超出了上限", file=file, hint="请裁剪、简化或拆分文件"
        )
    if code == "ReaderDisk":
        return SourceError("磁盘空间不足，读取没有完成", hint="请腾出空间后再试")
    kind = next(
        (c for c in _subclasses(PlannerError) if c.__name__ == f"{code}Error"), None
    )
    error = (kind or InputError).__new__(kind or InputError)
    row = record.get("row")
    places = {
        name: _text(record.get(name)) for name in ("file", "layer", "column", "hint")
    }
    PlannerError.__init__(
        error,
        _text(record.get("message")) or "无法读取",
        row=row if isinstance(row, int) else None,
        **places,
    )
    return error


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _subclasses(kind: type[PlannerError]) -> Iterator[type[PlannerError]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from _subclasses(sub)


def _death(
    code: int, file: str | None, *, in_time: bool, limits: SandboxLimits
) -> InputError:
    """Return what a death without an answer means."""
    if not in_time or code == -signal.SIGXCPU:
        return ReaderTimeoutError(
            f"读取超过 {limits.wall_s if not in_time else limits.cpu_s:g} 秒，已停止",
            file=file,
            hint="请裁剪、简化或拆分文件",
        )
    if code == -signal.SIGKILL:
        return ReaderMemoryError(
            "读取进程被系统终止，可能耗尽了内存",
            file=file,
            hint="请裁剪、简化或拆分文件",
        )
    return ReaderCrashedError(
        "读取程序意外中止，文件可能已损坏或内容异常",
        file=file,
        hint="请用原软件打开后另存再试；反复出现时请把文件交给管理员",
    )


def _log_errors(folder: Path, code: int) -> None:
    """Put the end of what the child wrote to standard error into the log."""
    try:
        tail = (folder / ERRORS_FILE).read_bytes()[-4000:]
    except OSError:
        tail = b""
    LOG.error("a reading child ended with %d: %s", code, tail.decode(errors="replace"))
