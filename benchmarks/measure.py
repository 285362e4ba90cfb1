"""Time and memory: runs in turn, medians, and the peak of a child process."""

from __future__ import annotations

import ctypes
import gc
import math
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Call = Callable[[], object]

#: Names of peers that are measured nowhere here, because they are not locked
#: dependencies, and why; what is importable is said in the results.
OUTSIDE = {
    "rustworkx": "rustworkx",
    "networkit": "networkit",
    "igraph": "igraph",
    "pandana": "pandana",
    "graph-tool": "graph_tool",
}


@dataclass
class Row:
    """A line of the table: who did it, in what time, compared with ours.

    ``ratio`` is the median of this row over that of ours in the same runs; ``agrees``
    says how the answers were compared.
    """

    question: str
    case: str
    who: str
    seconds: float
    ratio: float = math.nan
    peak_mb: float = math.nan
    agrees: str = ""
    size: int = 0


@dataclass
class Table:
    """The rows of all questions."""

    rows: list[Row] = field(default_factory=list)

    def add(
        self,
        question: str,
        case: str,
        seconds: dict[str, float],
        *,
        size: int,
        agrees: dict[str, str],
        peaks: dict[str, float] | None = None,
    ) -> None:
        """Add who took how long; the first is ours."""
        ours = next(iter(seconds.values()))
        for who, taken in seconds.items():
            self.rows.append(
                Row(
                    question,
                    case,
                    who,
                    taken,
                    taken / ours,
                    (peaks or {}).get(who, math.nan),
                    agrees.get(who, ""),
                    size,
                )
            )


def run_in_turn(calls: dict[str, Call], *, repeats: int) -> dict[str, float]:
    """Return the median seconds of each; one round of all after another.

    Each is run once before, so that nothing is compiled or read while measured. What
    takes more than 3 s is measured twice only.
    """
    taken: dict[str, list[float]] = {who: [] for who in calls}
    slow = set()
    for call in calls.values():
        call()
    for k in range(repeats):
        for who, call in calls.items():
            if k >= 2 and who in slow:
                continue
            gc.collect()
            begin = time.perf_counter()
            call()
            taken[who].append(time.perf_counter() - begin)
            if taken[who][-1] > 3:
                slow.add(who)
    return {who: statistics.median(values) for who, values in taken.items()}


def peak_mb(call: Call) -> float:
    """Return by how much a call raises the memory of a child process [MB].

    The child begins as a copy of this process, its high-water mark reset.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        grown = math.nan
        try:
            gc.collect()
            # memory freed before must not serve the call unseen
            ctypes.CDLL(None).malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5")
            before = _status_kb("VmRSS")
            call()
            grown = (_status_kb("VmHWM") - before) / 1024
        finally:
            os.write(write, repr(grown).encode())
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    return float(text)


def _status_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def growth(rows: list[Row]) -> float:
    """Return the exponent of time over nodes between the first and last row."""
    first, last = rows[0], rows[-1]
    return math.log(last.seconds / first.seconds) / math.log(last.size / first.size)
