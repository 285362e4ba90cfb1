"""Tasks for the child of the tests: good ones, and those that kill it."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from yikezhong_geodata import file_errors
from yikezhong_geodata.opening import announce_file

Tell = Callable[[str, float], None]


def answer(payload: dict[str, Any], folder: Path, tell: Tell) -> dict[str, Any]:
    """Say what the child is and has."""
    tell("一半", 0.5)
    (folder / "left.txt").write_text("x")
    return {
        "payload": payload,
        "pid": os.getpid(),
        "folder": str(folder),
        "environment": dict(os.environ),
    }


def connect(payload: dict[str, Any], folder: Path, tell: Tell) -> dict[str, Any]:
    """Try to reach a port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", payload["port"]), timeout=2):
            return {"reached": True}
    except OSError as error:
        return {"reached": False, "errno": error.errno}


def refuse(payload: dict[str, Any], folder: Path, tell: Tell) -> dict[str, Any]:
    """Raise a deliberate error with all of its places."""
    raise file_errors.DuplicateKeyError(
        "代码重复", file="a.csv", layer="表", row=3, column="代码", hint="请删去一行"
    )


def die(payload: dict[str, Any], folder: Path, tell: Tell) -> dict[str, Any]:
    """Announce a file, then die or misbehave as the payload says."""
    announce_file(Path("甲.shp"))
    match payload["how"]:
        case "segfault":
            ctypes.string_at(0)
        case "abort":
            os.abort()
        case "exit":
            os._exit(0)
        case "raise":
            raise ValueError("not deliberate")
        case "hang":
            time.sleep(600)
        case "spin":
            while True:
                pass
        case "memory":
            return {"n": len(bytearray(64 * 2**30))}
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        case "write":
            with (folder / "big").open("wb") as file:
                for _ in range(64):
                    file.write(bytes(2**20))
        case "grandchild":
            child = os.fork()
            if child == 0:
                os.setsid()  # out of the group of its parent
                if os.fork() == 0:
                    (folder.parent / "grandchild").write_text(str(os.getpid()))
                    time.sleep(600)
                os._exit(0)
            os.waitpid(child, 0)
            while not (folder.parent / "grandchild").exists():
                time.sleep(0.01)
            ctypes.string_at(0)
    return {}
