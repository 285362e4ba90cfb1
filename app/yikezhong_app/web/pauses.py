"""Keeps the garbage collector from halting the service.

A result in memory is hundreds of thousands of objects that live as long as their
version. A full collection looks at each of them and halts all answers meanwhile: 0.13 s
for a county, more for a prefecture. So what has survived one long full collection is set
aside from the next ones. When a new version takes the place of an old one, the store
gives everything back to the collector.
"""

from __future__ import annotations

import gc
import time
from typing import Any, Final

#: A full collection that takes longer is a halt that readers notice [s].
LONG_S: Final = 0.03
_FULL: Final = 2


class PauseGuard:
    """A callback of the collector that sets aside what it looked at for too long.

    Parameters
    ----------
    long_s : float
        Full collections longer than this set aside what is left [s].
    """

    def __init__(self, long_s: float = LONG_S) -> None:
        self._long_s = long_s
        self._began = 0.0

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        """Note the begin of a full collection; look at its end how long it took."""
        if info["generation"] != _FULL:
            return
        if phase == "start":
            self._began = time.perf_counter()
        elif time.perf_counter() - self._began > self._long_s:
            gc.freeze()


def guard_pauses() -> None:
    """Keep full collections of this process short."""
    gc.callbacks.append(PauseGuard())
