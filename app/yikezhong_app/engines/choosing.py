"""Which engine a run uses unless another is asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from yikezhong_app.engines.cluster import DaskCluster
from yikezhong_app.engines.in_process import InProcess
from yikezhong_app.engines.pool import ProcessPool
from yikezhong_app.engines.tasks import Engine

#: Share of the free memory that workers may take together.
_SHARE: Final = 0.8
#: A worker is not started for less than this [bytes].
LEAST_BYTES: Final = 2**30


def choose_engine(
    *, workers: int | None = None, scheduler: str | None = None
) -> Engine:
    """Return the engine that is asked for: a cluster, processes, or none besides this.

    Parameters
    ----------
    workers : int, optional
        Processes; by default as many as there are cores and memory for.
    scheduler : str, optional
        Address of a Dask scheduler, which then does everything.
    """
    if scheduler is not None:
        return DaskCluster(scheduler)
    workers, memory_bytes = usual_workers(workers)
    if workers == 1:
        return InProcess()
    return ProcessPool(workers, memory_bytes=memory_bytes)


def usual_workers(workers: int | None = None) -> tuple[int, int]:
    """Return how many processes this machine has cores and memory for.

    Parameters
    ----------
    workers : int, optional
        As many as this instead.

    Returns
    -------
    workers, memory_bytes : int
        The processes, and what each may take of the memory that is free now.
    """
    free = int(free_bytes() * _SHARE)
    if workers is None:
        workers = min(len(os.sched_getaffinity(0)), max(free // LEAST_BYTES, 1))
    return workers, free // workers


def free_bytes() -> int:
    """Return the memory that is free on this machine, or in its control group."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
        limit = Path("/sys/fs/cgroup/memory.max").read_text("ascii").strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text("ascii"))
    except (OSError, ValueError):
        return free
    return free if limit == "max" else min(free, int(limit) - used)
