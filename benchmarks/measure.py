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

#: What takes longer is measured twice only [s].
SLOW_S = 3.0
#: What takes less is measured several times in a row.
SHORT_S, IN_A_ROW = 0.1, 3


@dataclass(frozen=True)
class Timing:
    """Medians over the runs: wall time and processor time of this process [s]."""

    wall_s: float
    cpu_s: float

    def times(self, factor: float) -> Timing:
        """Return the timing of so many times the work."""
        return Timing(self.wall_s * factor, self.cpu_s * factor)


@dataclass
class Row:
    """A line of the table: who did it, in what time, compared with ours.

    ``ratio`` is the median of this row over that of ours in the same runs, by wall
    time, ``cpu_ratio`` by processor time; ``agrees`` says how the answers were compared.
    """

    question: str
    case: str
    who: str
    seconds: float
    cpu_s: float = math.nan
    ratio: float = math.nan
    cpu_ratio: float = math.nan
    prepared_s: float = math.nan
    peak_mb: float = math.nan
    agrees: str = ""
    size: int = 0


@dataclass
class Table:
    """The rows of all questions, and what is said of what is not measured."""

    rows: list[Row] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(
        self,
        question: str,
        case: str,
        timings: dict[str, Timing],
        *,
        size: int = 0,
        agrees: dict[str, str] | None = None,
        peaks: dict[str, float] | None = None,
        prepared: dict[str, float] | None = None,
    ) -> None:
        """Add who took how long; the first is ours."""
        ours = next(iter(timings.values()))
        for who, taken in timings.items():
            self.rows.append(
                Row(
                    question,
                    case,
                    who,
                    taken.wall_s,
                    taken.cpu_s,
                    taken.wall_s / ours.wall_s,
                    taken.cpu_s / max(ours.cpu_s, 1e-9),
                    (prepared or {}).get(who, math.nan),
                    (peaks or {}).get(who, math.nan),
                    (agrees or {}).get(who, ""),
                    size,
                )
            )


def run_in_turn(calls: dict[str, Call], *, repeats: int) -> dict[str, Timing]:
    """Return the median times of each; one round of all after another.

    Each is run once before, so that nothing is compiled or read while measured. What
    takes more than 3 s is measured twice only, what takes ten times that once. A call
    that returns a :class:`Timing` has measured itself, in another process.
    """
    taken: dict[str, list[Timing]] = {who: [] for who in calls}
    for who, call in calls.items():
        begin = time.perf_counter()
        first = _timed(call)
        if time.perf_counter() - begin > 10 * SLOW_S:
            taken[who].append(first)
    for k in range(repeats):
        for who, call in calls.items():
            slow = [t.wall_s > SLOW_S for t in taken[who]]
            if (k >= 2 and any(slow)) or any(
                t.wall_s > 10 * SLOW_S for t in taken[who]
            ):
                continue
            taken[who].append(_timed(call))
    return {
        who: Timing(
            statistics.median(t.wall_s for t in values),
            statistics.median(t.cpu_s for t in values),
        )
        for who, values in taken.items()
    }


def _timed(call: Call) -> Timing:
    """Measure a call; a short one three times in a row, of which the least counts.

    Else what ran before, a peer with a large graph or the collector of garbage, would
    decide by what it left in the caches.
    """
    gc.collect()
    taken: list[Timing] = []
    while not taken or (len(taken) < IN_A_ROW and taken[0].wall_s < SHORT_S):
        begin, cpu = time.perf_counter(), time.process_time()
        found = call()
        timing = Timing(time.perf_counter() - begin, time.process_time() - cpu)
        taken.append(found if isinstance(found, Timing) else timing)
    return min(taken, key=lambda timing: timing.wall_s)


def once(call: Call) -> tuple[Timing, object]:
    """Return how long a call took, and what it returned."""
    gc.collect()
    begin, cpu = time.perf_counter(), time.process_time()
    found = call()
    return Timing(time.perf_counter() - begin, time.process_time() - cpu), found


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
            before = status_kb("VmRSS")
            call()
            grown = (status_kb("VmHWM") - before) / 1024
        finally:
            os.write(write, repr(grown).encode())
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    return float(text)


def status_kb(name: str) -> int:
    """Return a figure of this process's memory [kB]."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def growth(rows: list[Row]) -> float:
    """Return the exponent of time over nodes between the first and last row."""
    first, last = rows[0], rows[-1]
    return math.log(last.seconds / first.seconds) / math.log(last.size / first.size)


def memory_growth(rows: list[Row]) -> float:
    """Return the exponent of peak memory over nodes; nan where it is too small."""
    first, last = rows[0], rows[-1]
    if not (first.peak_mb > 0 and last.peak_mb > 0):
        return math.nan
    return math.log(last.peak_mb / first.peak_mb) / math.log(last.size / first.size)
