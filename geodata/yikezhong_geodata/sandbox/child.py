"""The reading process: a clean parent that forks a bounded child for each task.

It is started as a script (``python -P child.py FD``, with the module path on standard
input), imports what tasks need, and then waits at the socket ``FD`` for requests. It
never opens a foreign file itself. Each request comes with the writing end of a pipe;
a child is forked for it, which bounds itself, does the task and says a line of JSON
each on that pipe:

    {"isolated": true}                  first: whether it has no network
    {"file": "a.csv"}                   this file is opened now
    {"step": "读取设施", "fraction": 0.6}
    {"done": …} or {"error": …}         last

Tables do not go through the pipe; the task writes them into the working folder. A fork
has one thread, as a namespace of its own demands, and needs no second to import
everything again. When the socket closes, the asker is gone, and all ends.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

#: A task gets its payload, its working folder and a call that tells of progress.
Task = Callable[[dict[str, Any], Path, Callable[[str, float], None]], dict[str, Any]]

#: Largest request [bytes].
MOST_ASKED: Final = 2**18
#: What a child writes to standard error, in its working folder.
ERRORS_FILE: Final = "stderr.txt"
#: Imported before the first fork: what every task imports.
_WARM: Final = ("yikezhong_geodata.sandbox.loading",)
_TICK_S: Final = 0.005
_CHILDREN: Final = Path("/proc/thread-self/children")
#: From <linux/sched.h> and <linux/prctl.h>.
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_CHILD_SUBREAPER: Final = 36


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


def control_process(option: int, value: int) -> None:
    """Set something of this process in the kernel, where the kernel knows of it."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent ends; gain no rights."""
    control_process(_PR_SET_PDEATHSIG, signal.SIGKILL)
    control_process(_PR_SET_NO_NEW_PRIVS, 1)
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    """Serve requests until the other end of the socket is closed."""
    control = socket.socket(fileno=int(sys.argv[1]))
    sys.path[:] = json.load(sys.stdin)
    from yikezhong_geodata.opening import prepare_gdal

    prepare_gdal()
    for name in _WARM:
        import_module(name)
    # what a child has started and left comes to us, wherever it hides
    control_process(_PR_SET_CHILD_SUBREAPER, 1)
    while True:
        message, fds, _, _ = socket.recv_fds(control, MOST_ASKED, 1)
        if not message:
            return
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            control.close()
            die_with_parent(server)
            _run(json.loads(message), fds[0])
        os.close(fds[0])
        control.send(json.dumps({"pid": pid}).encode())
        code = _wait(control, pid)
        if code is None:
            return
        control.send(json.dumps({"code": code}).encode())


def _wait(control: socket.socket, pid: int) -> int | None:
    """Wait for the word to end a child, and end it; None where nobody asks any more."""
    word = control.recv(MOST_ASKED)
    grace_s = json.loads(word)["grace_s"] if word else 0.0
    until = time.monotonic() + grace_s
    while not _has_ended(pid) and time.monotonic() < until:
        time.sleep(_TICK_S)
    # not yet waited for, so that the number is still that of our child
    os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    while strays := _children():
        for stray in strays:
            os.kill(stray, signal.SIGKILL)
            os.waitpid(stray, 0)
    return code if word else None


def _children() -> list[int]:
    with suppress(OSError):
        return [int(pid) for pid in _CHILDREN.read_text().split()]
    return []


def _has_ended(pid: int) -> bool:
    how = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, pid, how) is not None


def _run(request: dict[str, Any], fd: int) -> NoReturn:
    """Be the child: bounded, alone, and gone when the task is done."""
    os.setsid()
    folder = Path(request["folder"])
    errors = os.open(folder / ERRORS_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(errors, 2)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    sys.path[:] = request["path"]
    code = 1
    try:
        with os.fdopen(fd, "wb", buffering=0) as pipe:
            _say(pipe, {"isolated": leave_network()})
            bound_resources(request["limits"])
            _say(pipe, _answer(pipe, request))
        code = 0
    finally:
        if code:
            traceback.print_exc()
        # nothing of the server's is to be tidied up by its fork
        os._exit(code)


def _answer(pipe: BinaryIO, request: dict[str, Any]) -> dict[str, Any]:
    from yikezhong_coverage.errors import PlannerError
    from yikezhong_geodata.opening import watch_files

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
        code = _writing_problem(error.errno, most=request["limits"]["file_bytes"])
        if code is None:
            raise
        return {"error": {"code": code}}


def _writing_problem(number: int | None, *, most: int) -> str | None:
    """Return what is told of a file that could not be written; None: another error."""
    is_ours = resource.getrlimit(resource.RLIMIT_FSIZE)[0] >= most
    if number == errno.EFBIG and is_ours:
        return "ReaderOutput"
    full = (errno.EFBIG, errno.ENOSPC, errno.EDQUOT)
    return "ReaderDisk" if number in full else None


def error_record(error: Any) -> dict[str, Any]:
    """Return a deliberate error as JSON, with its place."""
    names = ("code", "message", "file", "layer", "row", "column", "hint")
    return {name: getattr(error, name) for name in names}


def _say(pipe: BinaryIO, message: Mapping[str, Any]) -> None:
    # dumped first: a line is written whole or not at all
    pipe.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
