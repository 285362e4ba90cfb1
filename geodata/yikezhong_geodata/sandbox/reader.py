"""The reading process as it is seen from the one that asks it."""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from yikezhong_coverage.errors import SourceError
from yikezhong_geodata.sandbox.child import MOST_ASKED

_CHILD: Final = Path(__file__).with_name("child.py")
#: What the child keeps of our environment: no token, no address, no secret.
_KEPT_ENVIRONMENT: Final = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "LD_LIBRARY_PATH")
_KEPT_PREFIXES: Final = ("NUMBA_", "OMP_", "OPENBLAS_", "PROJ_DATA", "GDAL_DATA")
#: Between its last word and its end [s].
GRACE_S: Final = 5.0
#: Longest time in which the process has to have started and forked [s].
_START_S: Final = 120.0


def module_path() -> list[str]:
    """Return where modules are looked for, the working folder by its name."""
    return [part or str(Path.cwd()) for part in sys.path]


class _Reader:
    """A reading process, waiting to fork a child for the next request."""

    def __init__(self) -> None:
        self._control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_CHILD), str(other.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(other.fileno(),),
                env=_environment(),
                start_new_session=True,
            )
        # it answers at once, but for the second in which it starts
        self._control.settimeout(_START_S)
        if self._process.stdin is not None:
            with suppress(BrokenPipeError), self._process.stdin as stdin:
                stdin.write(json.dumps(module_path()).encode())

    @contextmanager
    def begin(self, request: Mapping[str, Any]) -> Iterator[tuple[int, BinaryIO]]:
        """Have a child forked for a request; give its number and what it says."""
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            try:
                message = json.dumps(request).encode()
                with _telling():
                    socket.send_fds(self._control, [message], [writing])
            finally:
                os.close(writing)
            yield self._hear("pid"), pipe

    def end(self, *, grace_s: float) -> int:
        """Have the child ended, if it has not; return its exit code."""
        with _telling():
            self._control.send(json.dumps({"grace_s": grace_s}).encode())
        return self._hear("code")

    def close(self) -> None:
        """End the process, and any child of it."""
        # by itself, as soon as its socket is closed: then its child is gone too
        self._control.close()
        try:
            self._process.wait(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _hear(self, what: str) -> int:
        with _telling():
            word = self._control.recv(MOST_ASKED)
        if not word:
            raise SourceError("读取进程意外结束", hint="请稍后再试")
        return int(json.loads(word)[what])


@contextmanager
def _telling() -> Iterator[None]:
    """Say in words that the reading process cannot be reached."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"无法使用读取进程（{error.strerror}）", hint="请稍后再试"
        ) from error


class _Readers:
    """The reading processes that wait; one is kept from request to request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: _Reader | None = None

    def prepare(self) -> None:
        """Start one that waits, for who is going to ask: it takes a second to start."""
        with self._lock:
            if self._idle is None:
                self._idle = self._started()

    def take(self) -> _Reader:
        """Return the idle one, or start one."""
        with self._lock:
            reader, self._idle = self._idle, None
        return reader or self._started()

    def _started(self) -> _Reader:
        # not at import: a process that reads nothing has nothing to end
        atexit.register(self.close)
        with _telling():
            return _Reader()

    def give_back(self, reader: _Reader) -> None:
        """Keep one for the next request."""
        with self._lock:
            if self._idle is None:
                self._idle = reader
                return
        reader.close()

    def close(self) -> None:
        """End the idle one."""
        with self._lock:
            reader, self._idle = self._idle, None
        if reader is not None:
            reader.close()


READERS: Final = _Readers()


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT_ENVIRONMENT or name.startswith(_KEPT_PREFIXES)
    }
    return {**kept, "PYTHONUTF8": "1"}
