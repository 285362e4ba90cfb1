"""The child process: bounds itself, then does one task and answers in JSON.

It is started as a script (``python -P child.py FD``) and imports nothing but the
standard library before it has bounded itself: a namespace of its own can be taken only
by a process with a single thread, and NumPy starts more. What it says is a line of JSON
each on the pipe ``FD``:

    {"isolated": true}                  first: whether it has no network
    {"file": "a.csv"}                   this file is opened now
    {"step": "读取设施", "fraction": 0.6}
    {"done": …} or {"error": …}         last

Tables do not go through the pipe; the task writes them into the working folder.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final

#: A task gets its payload, its working folder and a call that tells of progress.
Task = Callable[[dict[str, Any], Path, Callable[[str, float], None]], dict[str, Any]]

#: From <linux/sched.h> and <linux/prctl.h>.
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38


def bound_resources(limits: Mapping[str, int]) -> None:
    """Bound memory, time and what may be written; no core file is left either.

    A bound that the parent itself has is kept where it is lower.
    """
    for kind, value in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_s"]),
        (resource.RLIMIT_CORE, 0),
    ):
        own = resource.getrlimit(kind)[1]
        least = value if own == resource.RLIM_INFINITY else min(value, own)
        # at the lower bound of time SIGXCPU tells why, at the upper nothing does
        most = own if kind == resource.RLIMIT_CPU else least
        resource.setrlimit(kind, (least, most))


def leave_network() -> bool:
    """Give up the network; return whether the system let it."""
    try:
        unshare = ctypes.CDLL(None, use_errno=True).unshare
    except (OSError, AttributeError):
        return False
    return any(unshare(f) == 0 for f in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent ends; gain no rights."""
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    """Do the task that stands on standard input."""
    request = json.load(sys.stdin)
    with os.fdopen(int(sys.argv[1]), "wb", buffering=0) as pipe:
        die_with_parent(request["parent"])
        _say(pipe, {"isolated": leave_network()})
        bound_resources(request["limits"])
        sys.path[:] = request["path"]
        _say(pipe, _answer(pipe, request))


def _answer(pipe: BinaryIO, request: dict[str, Any]) -> dict[str, Any]:
    from yikezhong_coverage.errors import PlannerError
    from yikezhong_geodata.opening import prepare_gdal, watch_files

    prepare_gdal()
    module, _, function = request["task"].partition(":")
    folder = Path(request["folder"])

    def tell(step: str, fraction: float) -> None:
        _say(pipe, {"step": step, "fraction": fraction})

    try:
        task: Task = getattr(import_module(module), function)
        with watch_files(lambda name: _say(pipe, {"file": name})):
            return {"done": task(request["payload"], folder, tell)}
    except PlannerError as error:
        return {"error": error_record(error)}
    except MemoryError:
        return {"error": {"code": "ReaderMemory"}}
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        return {"error": {"code": "ReaderOutput"}}


def error_record(error: Any) -> dict[str, Any]:
    """Return a deliberate error as JSON, with its place."""
    names = ("code", "message", "file", "layer", "row", "column", "hint")
    return {name: getattr(error, name) for name in names}


def _say(pipe: BinaryIO, message: Mapping[str, Any]) -> None:
    # dumped first: a line is written whole or not at all
    pipe.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
