"""Tasks done by processes on this machine.

A worker that dies, or takes more memory than it may, costs only the task it was at:
another takes its place and the task is tried once more.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any, Final

from yikezhong_app.engines.tasks import Answers, Done, Task, perform
from yikezhong_app.jobs.worker import resident_bytes
from yikezhong_app.memory import release_memory, share_memory

LOG = logging.getLogger("yikezhong.engines")
#: What workers have imported before they are forked.
_PRELOAD: Final = ["yikezhong_app.runs.part_task", "yikezhong_app.runs.service_task"]
#: How often the memory of the workers is looked at [s].
_LOOK_S: Final = 0.25
_END_S: Final = 5.0
#: Memory that a worker may keep for its next task beyond what it must.
_HOARD_BYTES: Final = 256 * 2**20


@dataclass(eq=False)
class _Worker:
    """A process, its pipe, and the task it is at."""

    process: BaseProcess
    pipe: Connection
    number: int = -1


class ProcessPool:
    """Does tasks in processes.

    Parameters
    ----------
    workers : int
    memory_bytes : int
        Resident memory of a worker; one that takes more is ended.
    """

    def __init__(self, workers: int, *, memory_bytes: int) -> None:
        self.workers = workers
        self.memory_bytes = memory_bytes
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_PRELOAD)
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that are there now."""
        found = (worker.process.pid for worker in (*self._idle, *self._busy))
        return [pid for pid in found if pid is not None]

    def warm_up(self) -> None:
        """Start the workers, which import what they need while others work."""
        while len(self._idle) + len(self._busy) < self.workers:
            self._idle.append(self._start())

    def run(self, tasks: Sequence[Task], *, done: Done) -> list[dict[str, Any]]:
        """Do all tasks; see :class:`~yikezhong_app.engines.tasks.Engine`."""
        answers, waiting = Answers(tasks, done), deque(range(len(tasks)))
        try:
            while not answers.is_over:
                while waiting and len(self._busy) < self.workers:
                    number = waiting.popleft()
                    self._give(tasks[number], number)
                again = self._collect(answers)
                waiting.extend(again)
        finally:
            for worker in self._busy:  # an error, or an interrupt
                self._end(worker)
            self._busy.clear()
        return answers.result()

    def rest(self) -> None:
        """End the workers; others are started when there are tasks again."""
        self.close()

    def close(self) -> None:
        """End the workers."""
        for worker in (*self._idle, *self._busy):
            self._end(worker)
        self._idle.clear()
        self._busy.clear()

    def _start(self) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_work, args=(there,), daemon=True)
        with _deaf_to_interrupts():
            process.start()
        there.close()
        return _Worker(process, here)

    def _give(self, task: Task, number: int) -> None:
        worker = self._idle.pop() if self._idle else self._start()
        worker.number = number
        self._busy.append(worker)
        try:
            worker.pipe.send((task.function, task.payload))
        except (BrokenPipeError, ConnectionResetError):
            LOG.warning("a worker has died before its task")  # its pipe says so too

    def _collect(self, answers: Answers) -> list[int]:
        """Take what has come in; return the tasks to be tried again."""
        ready = set(wait([worker.pipe for worker in self._busy], timeout=_LOOK_S))
        again = []
        for worker in list(self._busy):
            number = worker.number
            if worker.pipe in ready:
                self._busy.remove(worker)
                try:
                    retry = answers.take(number, worker.pipe.recv())
                    self._idle.append(worker)
                except (EOFError, ConnectionResetError):
                    self._end(worker)
                    LOG.warning("a worker has died at %s", answers.tasks[number].name)
                    retry = answers.fail(number, "计算进程意外终止")
            elif resident_bytes(worker.process.pid) > self.memory_bytes:
                self._busy.remove(worker)
                self._end(worker)
                gib = self.memory_bytes / 2**30
                retry = answers.fail(number, f"内存超过每个进程的上限 {gib:.1f} GiB")
            else:
                continue
            if retry:
                again.append(number)
        return again

    def _end(self, worker: _Worker) -> None:
        worker.pipe.close()
        worker.process.terminate()
        worker.process.join(_END_S)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.process.close()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Hold interrupts back; what is started meanwhile never hears of them.

    An interrupt at the terminal is for the driver, which then ends the others.
    """
    # started by itself, it would let interrupts through again
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Connection) -> None:
    """Do tasks until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    share_memory()
    kept = 0
    while True:
        try:
            function, payload = pipe.recv()
            pipe.send(perform(function, payload))
            # giving back takes time, and so does getting it again
            if resident_bytes(os.getpid()) > kept + _HOARD_BYTES:
                release_memory()
                kept = resident_bytes(os.getpid())
        except (EOFError, BrokenPipeError, ConnectionResetError):
            os._exit(0)
