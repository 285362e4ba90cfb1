"""The process of a pool's slot: takes payloads from a pipe and sends back results."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Mapping
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from yikezhong_coverage.errors import PlannerError

#: By how much computing steps back behind answering.
NICENESS: Final = 5
#: Address space of a process, in multiples of its bound on resident memory: libraries
#: reserve much more than they use, but one demand beyond this is refused at once.
_ADDRESS_SPACE: Final = 8

Task = Callable[[dict[str, Any], Callable[[str, float], None]], dict[str, Any]]


def work(pipe: Connection, tasks: Mapping[str, str], memory_bytes: int) -> None:
    """Work until the other end of the pipe is closed.

    A deliberate error is sent back; any other ends the process, which the pool tells
    as such and replaces.
    """
    # an interrupt at the terminal is for the service, which then ends this process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # where cores are few, who reads comes first
    os.nice(NICENESS)
    if memory_bytes:
        most = memory_bytes * _ADDRESS_SPACE
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    while True:
        try:
            payload = pipe.recv()
        except EOFError:
            return
        kind = payload.pop("kind")
        try:
            pipe.send(("done", _task(tasks[kind])(payload, _progress(pipe))))
        except PlannerError as error:
            pipe.send(("failed", error_record(error)))
        except MemoryError:
            pipe.send(("failed", memory_error()))


def resident_bytes(pid: int | None) -> int:
    """Return the resident memory of a process; 0 where it is not known [bytes].

    Examples
    --------
    >>> resident_bytes(None)
    0
    """
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, IndexError):
        return 0  # it has ended, or the system has no /proc
    return pages * resource.getpagesize()


def memory_error() -> dict[str, Any]:
    """Return what is told of a job that takes more memory than it may."""
    return {
        "code": "JobMemory",
        "message": "计算超出了内存上限",
        "hint": "请减少候选点，或按县分别选址",
        "status": 422,
    }


def error_record(error: PlannerError) -> dict[str, Any]:
    """Return what is told of a deliberate error."""
    told = error.http_status < 500
    return {
        "code": error.code,
        "message": error.message if told else "计算失败",
        "hint": error.hint,
        "status": error.http_status,
        "parameter": getattr(error, "parameter", None),
        "available": list(getattr(error, "available", ()))[:200] or None,
        "n_demand": len(error.demand) if hasattr(error, "demand") else None,
    }


def _task(name: str) -> Task:
    module, _, function = name.partition(":")
    task: Task = getattr(import_module(module), function)
    return task


def _progress(pipe: Connection) -> Callable[[str, float], None]:
    def call(step: str, fraction: float) -> None:
        pipe.send(("progress", (step, fraction)))

    return call
