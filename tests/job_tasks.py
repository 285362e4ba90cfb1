"""Tasks for the pool of the tests: quick, slow, failing, dying."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from yikezhong_coverage.errors import InputError

_ASKED: list[dict[str, Any]] = []


def run(
    payload: dict[str, Any], progress: Callable[[str, float], None]
) -> dict[str, Any]:
    """Do what the payload says."""
    progress("开始", 0.25)
    what = payload["what"]
    if what == "sleep":
        time.sleep(float(payload["seconds"]))
    elif what == "refuse":
        raise InputError("不行", hint="换一个")
    elif what == "die":
        os._exit(3)
    elif what == "memory":
        raise MemoryError
    elif what == "reserve":
        bytearray(int(payload["n_bytes"]))
    elif what == "grow":
        kept = []
        while True:
            kept.append(bytearray(os.urandom(1)) * 2**24)
            time.sleep(0.01)
    return {"pid": os.getpid(), "n": payload.get("n"), "none": float("nan")}


def wait(
    payload: dict[str, Any], progress: Callable[[str, float], None]
) -> dict[str, Any]:
    """Take longer than any test."""
    time.sleep(600)
    return {}


def count(
    payload: dict[str, Any], progress: Callable[[str, float], None]
) -> dict[str, Any]:
    """Say how many have been asked of this process."""
    time.sleep(1)
    _ASKED.append(payload)
    return {"n": len(_ASKED)}
