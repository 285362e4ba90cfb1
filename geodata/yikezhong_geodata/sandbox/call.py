"""Start the child, listen to it for as long as it may take, and judge its end."""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
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

LOG = logging.getLogger("yikezhong.sandbox")

_CHILD: Final = Path(__file__).with_name("child.py")
#: What the child keeps of our environment: no token, no address, no secret.
_KEPT_ENVIRONMENT: Final = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "LD_LIBRARY_PATH")
_KEPT_PREFIXES: Final = ("NUMBA_", "OMP_", "OPENBLAS_", "PROJ_DATA", "GDAL_DATA")
#: More than this is no answer [bytes]: tables are files, not messages.
_MOST_SAID: Final = 64 * 2**20
_ERRORS_FILE: Final = "stderr.txt"
#: Between its last word and its end [s].
_GRACE_S: Final = 5.0
_TICK_S: Final = 0.005
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
        "limits": {k: int(v) for k, v in asdict(limits).items()},
        "path": [part or str(Path.cwd()) for part in sys.path],
        "parent": os.getpid(),
    }
    with _child(request, folder) as (process, pipe):
        in_time = _listen(process, pipe, heard, progress, wall_s=limits.wall_s)
        _end(process, grace_s=_GRACE_S if in_time else 0.0)
    if not heard.isolated and not heard.is_silent:
        LOG.warning("the system does not let a child leave the network")
    if heard.error is not None:
        raise _rebuild(heard.error, heard.file)
    if heard.done is None:
        _log_errors(folder, process.returncode)
        raise _death(process.returncode, heard.file, in_time=in_time, limits=limits)
    return Answer(heard.done, heard.isolated)


@dataclass
class _Heard:
    """What the child has said so far."""

    isolated: bool = False
    is_silent: bool = True
    file: str | None = None
    done: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


@contextmanager
def _child(
    request: Mapping[str, Any], folder: Path
) -> Iterator[tuple[subprocess.Popen[bytes], BinaryIO]]:
    """Start the child with its request; end it and all it started afterwards."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        try:
            with (folder / _ERRORS_FILE).open("wb") as errors:
                process = subprocess.Popen(
                    [sys.executable, "-P", str(_CHILD), str(writing)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    pass_fds=(writing,),
                    env=_environment(folder),
                    start_new_session=True,
                )
        except OSError as error:
            raise SourceError(
                f"无法启动读取进程（{error.strerror}）", hint="请稍后再试"
            ) from error
        finally:
            os.close(writing)
        try:
            _ask(process, request)
            yield process, pipe
        finally:
            _end(process, grace_s=0.0)


def _ask(process: subprocess.Popen[bytes], request: Mapping[str, Any]) -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(json.dumps(request).encode())


def _end(process: subprocess.Popen[bytes], *, grace_s: float) -> None:
    """Wait a little for the end of the child, then end it and all it started."""
    if process.returncode is not None:
        return
    until = time.monotonic() + grace_s
    while not _has_ended(process) and time.monotonic() < until:
        time.sleep(_TICK_S)
    # not yet waited for, so that the number is still that of our child
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment(folder: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT_ENVIRONMENT or name.startswith(_KEPT_PREFIXES)
    }
    return {**kept, "TMPDIR": str(folder.resolve()), "PYTHONUTF8": "1"}


def _listen(
    process: subprocess.Popen[bytes],
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
                if _has_ended(process):
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


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Say whether a child has ended, and leave its number to it."""
    how = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, how) is not None


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
        tail = (folder / _ERRORS_FILE).read_bytes()[-4000:]
    except OSError:
        tail = b""
    LOG.error("a reading child ended with %d: %s", code, tail.decode(errors="replace"))
