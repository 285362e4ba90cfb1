"""Tasks done by the workers of a Dask cluster that see the same folder."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError
from queue import Empty, SimpleQueue
from typing import Any, Final

from yikezhong_app.engines.tasks import Answers, Done, Task, perform
from yikezhong_app.snapshots.manifest import source_hash
from yikezhong_coverage.errors import InputError, SourceError

_MISSING: Final = "没有安装集群计算所需的组件"
_INSTALL: Final = "请安装 yikezhong[cluster]"
_LOST: Final = "与调度器的连接已中断"
_NOBODY: Final = "所有计算节点都已离开"
_AGAIN: Final = "已算完的部分已保留，恢复后重新运行即可接着计算"
#: How often it is looked whether any worker is there [s].
_LOOK_S: Final = 2.0
#: How long the scheduler and its first worker are waited for [s].
WAIT_S: Final = 30.0


class ClusterError(SourceError):
    """The scheduler cannot be reached, or has no workers."""


class DaskCluster:
    """Does tasks on a Dask cluster.

    Parameters
    ----------
    scheduler : str
        Address, e.g. ``tcp://127.0.0.1:8786``.
    wait_s : float
        How long the scheduler and a first worker are waited for, and how long a run
        waits for others when all have left [s].

    Raises
    ------
    ClusterError
        If the scheduler does not answer, or no worker has joined it.
    InputError
        If Dask is not installed.
    """

    def __init__(self, scheduler: str, *, wait_s: float = WAIT_S) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise InputError(_MISSING, hint=_INSTALL) from error
        self._wait_s = wait_s
        try:
            self._client = Client(scheduler, timeout=wait_s, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ClusterError(
                f"无法连接调度器 {scheduler}", hint="请检查地址，并先启动调度器"
            ) from error
        try:
            self._client.wait_for_workers(1, timeout=wait_s)
        except TimeoutError as error:
            self._client.close()
            raise ClusterError(
                f"调度器 {scheduler} 没有计算节点",
                hint=f"请在各节点运行 yikezhong worker {scheduler}",
            ) from error

    @property
    def workers(self) -> int:
        """How many tasks are done at once."""
        return max(int(sum(self._client.nthreads().values())), 1)

    def run(self, tasks: Sequence[Task], *, done: Done) -> list[dict[str, Any]]:
        """Do all tasks; see :class:`~yikezhong_app.engines.tasks.Engine`."""
        answers = Answers(tasks, done)
        number_of: dict[Any, int] = {}
        futures: list[Any] = []
        came: SimpleQueue[Any] = SimpleQueue()

        def submit(number: int) -> None:
            task = tasks[number]
            key = f"yikezhong-{secrets.token_hex(8)}"
            number_of[key] = number
            future = self._client.submit(
                perform_alike,
                source_hash(),
                task.function,
                task.payload,
                key=key,
                pure=False,
            )
            futures.append(future)
            future.add_done_callback(came.put)

        for number in range(len(tasks)):
            submit(number)
        seen = time.monotonic()
        try:
            while not answers.is_over:
                try:
                    future = came.get(timeout=_LOOK_S)
                    again = _take(answers, number_of[future.key], future)
                except _UnsettledError:
                    came.put(future)
                except Empty:
                    pass
                else:
                    seen = time.monotonic()
                    if again:
                        submit(number_of[future.key])
                    continue
                if self._has_workers():
                    seen = time.monotonic()
                elif time.monotonic() - seen > self._wait_s:
                    raise ClusterError(_NOBODY, hint=_AGAIN)
        finally:
            self._client.cancel(futures)
        return answers.result()

    def _has_workers(self) -> bool:
        """Say whether anybody is there to do anything."""
        try:
            return bool(self._client.nthreads())
        except (OSError, TimeoutError) as error:
            raise ClusterError(_LOST, hint=_AGAIN) from error

    def rest(self) -> None:
        """Keep the workers: their memory is the cluster's."""

    def close(self) -> None:
        """Leave the cluster, which goes on."""
        self._client.close()


class _UnsettledError(Exception):
    """What a task had come to is not there, or not yet again: its worker has left."""


def _take(answers: Answers, number: int, future: Any) -> bool:
    """Take what a task has come to; say whether it has to be tried again."""
    from distributed.scheduler import KilledWorker

    if future.status == "cancelled":
        raise ClusterError(_LOST, hint=_AGAIN)
    try:
        error = future.exception(timeout=_LOOK_S)
        answer = None if error is not None else future.result(timeout=_LOOK_S)
    except (OSError, CancelledError) as gone:  # on the way: a task answers with its own
        raise _UnsettledError from gone
    if isinstance(error, KilledWorker):
        return answers.fail(number, "计算节点多次意外终止")
    if error is not None:
        return answers.fail(number, f"{type(error).__name__}: {error}")
    return answers.take(number, answer or {})


def perform_alike(
    source: str, function: str, payload: dict[str, Any]
) -> dict[str, Any]:
    """Do a task, unless this worker has another program than who gives it out."""
    if source != source_hash():
        return {"error": "计算节点的程序版本与发起计算的不同，请在各节点安装同一版本"}
    return perform(function, payload)


def run_worker(
    scheduler: str, *, workers: int, memory_gib: float, host: str | None
) -> None:
    """Work for a cluster until ended.

    Parameters
    ----------
    scheduler : str
        Address of the scheduler.
    workers : int
        Processes; each does one task at a time.
    memory_gib : float
        Memory of each process [GiB]: near it Dask pauses it, beyond it is restarted.
    host : str or None
        Address that others reach this machine at; by default that of the machine
        itself only.
    """
    try:
        from distributed.cli.dask_worker import main
    except ImportError as error:
        raise InputError(_MISSING, hint=_INSTALL) from error
    main(
        [
            scheduler,
            "--nworkers", str(workers),
            "--nthreads", "1",
            "--memory-limit", f"{memory_gib:g}GiB",
            "--host", host or "127.0.0.1",
            # without pages, yet it listens: not to others
            "--dashboard-address", "127.0.0.1:0",
            "--no-dashboard",
            "--death-timeout", "60",
        ],
        standalone_mode=False,
    )  # fmt: skip
