"""Heavy work in a bounded pool of processes, so that reading never waits behind it.

A pool has a few slots. Each slot is a thread with a process of its own, started when
first needed and used for one job after another; a job that is cancelled or takes too
long loses its process, and the slot starts a new one. What was asked, and what came of
it, is kept in one file a job, written whole or not at all.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import multiprocessing
import os
import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar, Final

from yikezhong_app.jobs.records import OVER, Job, read_jobs, write_job
from yikezhong_app.jobs.worker import memory_error, resident_bytes, work
from yikezhong_coverage.errors import PlannerError

LOG = logging.getLogger("yikezhong.jobs")

#: What a job takes beyond its own limit before its process is ended [s].
GRACE_S: Final = 15.0
_TICK_S: Final = 0.1


class PoolFullError(PlannerError):
    """As many jobs are waiting as may wait."""

    http_status: ClassVar[int] = 503


@dataclass(eq=False)
class _Work:
    """A job that is not over, with what its slot needs."""

    payload: dict[str, Any]
    limit_s: float
    cancelled: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class PoolLimits:
    """Bounds of a pool.

    Parameters
    ----------
    slots : int
        Processes at the same time.
    jobs : int
        Jobs that run or wait at the same time.
    memory_bytes : int
        Resident memory of a process; 0 for no bound.
    finished : int
        Finished jobs that are remembered.
    """

    slots: int = max(1, (os.cpu_count() or 2) - 1)
    jobs: int = 16
    memory_bytes: int = 0
    finished: int = 500


class JobPool:
    """Runs jobs in processes, at most so many at a time.

    Parameters
    ----------
    tasks : mapping of str to str
        Kind → ``module:function``; the function takes a payload and a progress call
        and returns a JSON object.
    folder : Path or None
        Where finished jobs are kept; None: only in memory.
    kept : collection of str
        Kinds whose results are kept in the folder.
    limits : PoolLimits
    """

    def __init__(
        self,
        tasks: Mapping[str, str],
        *,
        folder: Path | None,
        kept: Collection[str] = (),
        limits: PoolLimits,
    ) -> None:
        self._tasks = dict(tasks)
        self._folder = folder
        self._kept = frozenset(kept)
        self._limits = limits
        self._lock = threading.Condition()
        self._jobs: dict[str, Job] = read_jobs(folder)
        self._work: dict[str, _Work] = {}
        self._waiting: deque[str] = deque()
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._counted: Counter[str] = Counter()

    def submit(
        self,
        kind: str,
        request: Mapping[str, Any],
        *,
        payload: Mapping[str, Any],
        limit_s: float = 60.0,
    ) -> Job:
        """Queue a job, or return the one that was asked for already.

        Parameters
        ----------
        kind : str
        request : mapping
            What is shown of it.
        payload : mapping
            What the task gets; with the kind it decides whether two jobs are one.
        limit_s : float
            Time after which its process is ended, with a little grace [s].

        Raises
        ------
        PoolFullError
            If as many jobs wait or run as may.
        """
        text = json.dumps([kind, payload], sort_keys=True, ensure_ascii=False)
        key = hashlib.sha256(text.encode()).hexdigest()
        with self._lock:
            for job in reversed(self._jobs.values()):
                if job.key == key and job.status not in ("failed", "cancelled"):
                    return job
            if len(self._work) >= self._limits.jobs or self._closing:
                self._counted["refused"] += 1
                raise PoolFullError(
                    f"正在计算与排队的任务已满 {self._limits.jobs} 个",
                    hint="请稍后再试",
                )
            created = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
            job = Job(secrets.token_hex(8), kind, key, request, created=created)
            self._jobs[job.id] = job
            self._work[job.id] = _Work({"kind": kind, **payload}, limit_s)
            self._waiting.append(job.id)
            self._start_slot()
            self._lock.notify()
            return job

    def get(self, job_id: str) -> Job | None:
        """Return a job as it is now; None if there is none of that id."""
        with self._lock:
            return self._jobs.get(job_id)

    def of_kind(self, kind: str) -> list[Job]:
        """Return the jobs of a kind, the newest first."""
        with self._lock:
            return [job for job in reversed(self._jobs.values()) if job.kind == kind]

    def counts(self) -> Counter[str]:
        """Return how many jobs are queued and running, were refused and are over."""
        with self._lock:
            waiting = len(self._waiting)
            now = {"queued": waiting, "running": len(self._work) - waiting}
            return self._counted + Counter(now)

    def wait(self, job_id: str, *, timeout_s: float) -> Job | None:
        """Return a job when it is over, or as it is after so long [s]."""
        with self._lock:
            work_ = self._work.get(job_id)
        if work_ is not None:
            work_.over.wait(timeout_s)
        return self.get(job_id)

    def cancel(self, job_id: str) -> Job | None:
        """End a job; one that is over stays as it is."""
        with self._lock:
            job, work_ = self._jobs.get(job_id), self._work.get(job_id)
            if job is None or work_ is None:
                return job
            work_.cancelled.set()
            if job_id in self._waiting:
                self._waiting.remove(job_id)
                self._finish(job_id, status="cancelled", step="已取消")
        work_.over.wait(5.0)
        return self.get(job_id)

    def close(self) -> None:
        """Cancel what is not over and end all processes."""
        with self._lock:
            self._closing = True
            for work_ in self._work.values():
                work_.cancelled.set()
            for job_id in list(self._waiting):
                self._finish(job_id, status="cancelled", step="服务停止")
            self._waiting.clear()
            self._lock.notify_all()
        for thread in self._threads:
            thread.join(timeout=10.0)

    # --- slots -----------------------------------------------------------------

    def _start_slot(self) -> None:
        if len(self._threads) < min(self._limits.slots, len(self._work)):
            thread = threading.Thread(
                target=self._serve, name=f"slot-{len(self._threads)}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self) -> None:
        """Take one job after another until the pool is closed."""
        worker: _Worker | None = None
        while True:
            with self._lock:
                while not self._waiting and not self._closing:
                    self._lock.wait()
                if self._closing:
                    break
                job_id = self._waiting.popleft()
                work_ = self._work[job_id]
                self._change(job_id, status="running", step="启动")
            if worker is None or not worker.process.is_alive():
                worker = _Worker(self._tasks, self._limits.memory_bytes)
            if not self._run(worker, job_id, work_):
                worker.end()
                # replaced at once, not when the next job waits for it
                worker = _Worker(self._tasks, self._limits.memory_bytes)
        if worker is not None:
            worker.end()

    def _run(self, worker: _Worker, job_id: str, work_: _Work) -> bool:
        """Run a job; return whether the process can take another."""
        started = time.monotonic()
        try:
            worker.pipe.send(work_.payload)
            while True:
                spent = time.monotonic() - started
                if work_.cancelled.is_set():
                    self._finish(
                        job_id, status="cancelled", step="已取消", seconds=spent
                    )
                    return False
                error = self._exceeded(worker, work_, spent)
                if error is not None:
                    self._finish(job_id, status="failed", error=error, seconds=spent)
                    return False
                if not worker.pipe.poll(_TICK_S):
                    continue
                what, value = worker.pipe.recv()
                if what == "progress":
                    step, fraction = value
                    self._change(job_id, step=step, progress=min(max(fraction, 0), 1))
                    continue
                seconds = round(time.monotonic() - started, 3)
                if what == "done":
                    self._finish(
                        job_id,
                        status="done",
                        step="完成",
                        progress=1.0,
                        result=value,
                        seconds=seconds,
                    )
                else:
                    self._finish(job_id, status="failed", error=value, seconds=seconds)
                # what ran out of memory may hold on to it
                return bool(what == "done" or value["code"] != "JobMemory")
        except (EOFError, OSError) as error:
            LOG.error("the process of job %s ended: %r", job_id, error)
            told = _error("JobEnded", "计算进程意外结束，可能超出了内存上限")
            self._finish(job_id, status="failed", error=told)
            return False

    def _exceeded(
        self, worker: _Worker, work_: _Work, spent: float
    ) -> dict[str, Any] | None:
        """Return the error of a job that takes more than it may."""
        if spent > work_.limit_s + GRACE_S:
            return _error("JobTimeout", f"超过 {work_.limit_s:g} 秒，已停止")
        most = self._limits.memory_bytes
        if most and resident_bytes(worker.process.pid) > most:
            return memory_error()
        return None

    def _change(self, job_id: str, **values: Any) -> None:
        with self._lock:
            self._jobs[job_id] = replace(self._jobs[job_id], **values)

    def _finish(self, job_id: str, **values: Any) -> None:
        job = replace(self._jobs[job_id], **values)
        if job.status == "done" and job.kind in self._kept:
            # before the lock is taken: a refusal does not wait for the disk
            self._keep(job)
        with self._lock:
            self._jobs[job_id] = job
            over = [one for one in self._jobs.values() if one.status in OVER]
            for old in over[: max(0, len(over) - self._limits.finished)]:
                del self._jobs[old.id]
                if self._folder is not None and old.kind in self._kept:
                    (self._folder / f"{old.id}.json").unlink(missing_ok=True)
            work_ = self._work.pop(job_id)
            self._counted[job.status] += 1
        work_.over.set()

    def _keep(self, job: Job) -> None:
        if self._folder is None:
            return
        try:
            write_job(self._folder, job)
        except OSError as error:
            LOG.error("job %s cannot be kept: %s", job.id, error)


class LazyPool:
    """A pool that is made when it is first asked for; the arguments are a pool's."""

    def __init__(
        self,
        tasks: Mapping[str, str],
        *,
        folder: Path | None,
        kept: Collection[str] = (),
        limits: PoolLimits,
    ) -> None:
        self._make = partial(JobPool, tasks, folder=folder, kept=kept, limits=limits)
        self._lock = threading.Lock()
        self._pool: JobPool | None = None

    def __call__(self) -> JobPool:
        """Return the pool."""
        with self._lock:
            if self._pool is None:
                self._pool = self._make()
            return self._pool

    def counts(self) -> Counter[str]:
        """Return the counts of the pool; nothing where there is none yet."""
        with self._lock:
            pool = self._pool
        return Counter() if pool is None else pool.counts()

    def close(self) -> None:
        """Close the pool if there is one."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()


class _Worker:
    """A process with the pipe to it."""

    def __init__(self, tasks: Mapping[str, str], memory_bytes: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe: Connection
        self.pipe, other = context.Pipe()
        self.process = context.Process(
            target=work, args=(other, dict(tasks), memory_bytes), daemon=True
        )
        self.process.start()
        other.close()

    def end(self) -> None:
        """End the process, whatever it does."""
        self.process.terminate()
        self.process.join(timeout=2.0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()
        self.pipe.close()


def _error(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "hint": None, "status": 500}
